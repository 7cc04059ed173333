//! The golden sequences of money, G1 to G17. Totals stand in the order authorized, captured,
//! refunded, hold. The rest of the table is in `transaction_table`.

use serde_json::json;

use crate::support::{
    History, Ledger, T1, T2, T3, T4, Tx, fixtures, given, items, number, play, sorted, text,
};

const T: Tx = Tx::new("t1");

#[tokio::test]
async fn the_seeds_purchase_moves_the_totals_as_printed() {
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let steps = [
        (fixtures::APPROVED, "pending",  [5000,    0,    0, 5000], "none"),
        (fixtures::UPDATED,  "pending",  [3451,    0,    0, 3451], "none"),
        (fixtures::CAPTURED, "captured", [3451, 3451,    0,    0], "none"),
        (fixtures::REFUNDED, "captured", [3451, 3451, 3451,    0], "full"),
    ];
    for (body, status, totals, refund_status) in steps {
        assert_eq!(imprint.deliver(body).await["outcome"], "applied");
        let purchase = imprint.transaction(fixtures::PURCHASE).await;
        let fields = ["authorized", "captured", "refunded", "hold"];
        assert_eq!(fields.map(|field| number(&purchase, field)), totals);
        assert_eq!(text(&purchase, "status"), status);
        assert_eq!(text(&purchase, "refund_status"), refund_status);
        assert_eq!(text(&purchase, "currency"), "USD");
    }
}

#[tokio::test]
async fn a_step_dated_30_february_counts_and_is_flagged() {
    let imprint = Ledger::fresh();
    for body in fixtures::FOUR_STEPS {
        imprint.deliver(body).await;
    }
    let purchase = imprint.transaction(fixtures::PURCHASE).await;
    let dated_oddly =
        |step: &&serde_json::Value| sorted(&step["flags"]).contains(&"ts_unparseable".into());
    let flagged: Vec<_> = items(&purchase, "steps").iter().filter(dated_oddly).collect();
    assert_eq!(flagged.len(), 1);
    assert_eq!(text(flagged[0], "kind"), "capture");
    let exception = imprint.exception("ts_unparseable").await;
    assert_eq!(exception["kind"], "flagged");
    assert_eq!(exception["subject"], json!({"type": "transaction", "id": fixtures::PURCHASE}));

    let buyer = imprint.customer(fixtures::BUYER).await;
    let balance = &items(&buyer, "balances")[0];
    let shown = ["pending", "confirmed", "refunded", "net"].map(|field| number(balance, field));
    assert_eq!(shown, [0, 3451, 3451, 0]);
}

#[tokio::test]
async fn a_step_tells_what_the_lender_said() {
    let imprint = Ledger::fresh();
    let told = imprint.deliver(fixtures::APPROVED).await;
    let purchase = imprint.transaction(fixtures::PURCHASE).await;
    let step = &items(&purchase, "steps")[0];
    assert_eq!(step["id"], told["delivery_id"]);
    assert_eq!(step["key"], fixtures::PURCHASE);
    assert_eq!(step["kind"], "approve");
    assert_eq!((&step["amount"], &step["currency"]), (&json!(5000), &json!("USD")));
    assert_eq!(step["outcome"], "applied");
    assert_eq!(step["reason"], json!(null));
    assert!(text(step, "occurred_at").starts_with("2025-02-27T18:11:32.358"));
    assert!(text(step, "received_at").ends_with('Z'), "UTC: {step:#}");
    assert!(!items(&purchase, "legal_next").is_empty());
    assert_eq!(purchase["merchant"]["name"], "Shell Gas");
    assert_eq!(purchase["customer_id"], fixtures::BUYER);
}

#[tokio::test]
async fn three_times_each_is_four_events_and_eight_duplicates() {
    let imprint = Ledger::fresh();
    for _ in 0..3 {
        for body in fixtures::FOUR_STEPS {
            imprint.deliver(body).await;
        }
    }
    let counts = imprint.counts().await;
    assert_eq!(number(&counts, "received"), 12);
    assert_eq!(number(&counts["outcomes"], "applied"), 4);
    assert_eq!(number(&counts["outcomes"], "duplicate"), 8);
    assert_eq!(imprint.events_of(fixtures::PURCHASE).await.len(), 4);
}

#[tokio::test]
async fn one_capture_leaves_the_rest_on_hold() {
    given([T.approved(5000).at(T1), T.captured(2000).at(T2)])
        .await
        .shows("partially_captured", [5000, 2000, 0, 3000])
        .judged(["applied"; 2])
        .flagged([]);
}

#[tokio::test]
async fn two_captures_add_up() {
    given([T.approved(5000).at(T1), T.captured(2000).at(T2), T.captured(3000).at(T3)])
        .await
        .shows("captured", [5000, 5000, 0, 0])
        .judged(["applied"; 3])
        .flagged([]);
}

#[tokio::test]
async fn an_update_is_the_new_total() {
    given([T.approved(10_000).at(T1), T.updated(5000).at(T2)])
        .await
        .shows("pending", [5000, 0, 0, 5000])
        .judged(["applied"; 2])
        .flagged([]);
}

#[tokio::test]
async fn of_two_updates_the_newer_one_holds_and_the_older_one_is_stale() {
    given([T.approved(10_000).at(T1), T.updated(4000).at(T2), T.updated(6000).at(T3)])
        .await
        .shows("pending", [6000, 0, 0, 6000])
        .judged(["applied", "stale", "applied"])
        .flagged([]);
}

#[tokio::test]
async fn a_void_ends_the_hold() {
    given([T.approved(5000).at(T1), T.voided(5000).at(T2)])
        .await
        .shows("voided", [5000, 0, 0, 0])
        .judged(["applied"; 2])
        .flagged([]);
}

#[tokio::test]
async fn an_update_to_nothing_is_no_void() {
    given([T.approved(5000).at(T1), T.updated(0).at(T2)])
        .await
        .shows("reduced_to_zero", [0, 0, 0, 0])
        .judged(["applied"; 2]);
}

#[tokio::test]
async fn a_refund_of_less_is_partial() {
    given([T.approved(5000).at(T1), T.captured(5000).at(T2), T.refunded(3000).at(T3)])
        .await
        .shows("captured", [5000, 5000, 3000, 0])
        .is("refund_status", "partial")
        .flagged([]);
}

#[tokio::test]
async fn a_capture_after_a_void_counts_and_is_flagged() {
    let history = given([T.approved(5000).at(T1), T.voided(5000).at(T2), T.captured(5000).at(T3)])
        .await
        .shows("late_presented", [5000, 5000, 0, 0])
        .judged(["applied"; 3])
        .flagged(["late_presentment"]);
    // Less than a day lies between approval and void: that was no expiry.
    let severe = |one: &&serde_json::Value| one["code"] == "late_presentment";
    let exception = history.exceptions.iter().find(severe).expect("it is listed");
    assert_eq!(exception["severity"], "review");
}

#[tokio::test]
async fn a_late_approval_clears_the_flag_of_a_forced_capture() {
    let imprint = Ledger::fresh();
    let (approval, capture) = (T.approved(5000).at(T1), T.captured(5000).at(T2));

    assert_eq!(imprint.receive(&capture).await, "applied");
    History::of(&imprint, &capture)
        .await
        .shows("force_captured", [0, 5000, 0, 0])
        .flagged(["force_capture_provisional"]);

    assert_eq!(imprint.receive(&approval).await, "applied");
    History::of(&imprint, &capture).await.shows("captured", [5000, 5000, 0, 0]).flagged([]);
    let exception = imprint.exception("force_capture_provisional").await;
    assert_eq!(exception["status"], "auto_resolved");
}

#[tokio::test]
async fn a_refund_alone_stands_alone() {
    let imprint = Ledger::fresh();
    let refund = T.refunded(1500).at(T1);
    imprint.receive(&refund).await;
    History::of(&imprint, &refund)
        .await
        .shows("standalone_refund", [0, 0, 1500, 0])
        .is("refund_status", "over")
        .flagged(["standalone_refund_provisional"]);
    let customer = imprint.customer("t1-customer").await;
    assert_eq!(number(&items(&customer, "balances")[0], "net"), -1500);
}

#[tokio::test]
async fn a_void_after_a_partial_capture_releases_the_rest() {
    #[rustfmt::skip] // It is a table.
    let amounts = [
        (5000, vec![]),                       // what was authorized
        (3000, vec![]),                       // what was still held
        (4000, vec!["void_amount_mismatch"]), // neither
    ];
    let ledgers = Ledger::several::<2>();
    for (amount, flags) in amounts {
        let id = format!("void-of-{amount}");
        let tx = Tx::new(&id);
        let steps = [tx.approved(5000).at(T1), tx.captured(2000).at(T2), tx.voided(amount).at(T3)];
        let history = play(&ledgers, &steps)
            .await
            .shows("captured_remainder_voided", [5000, 2000, 0, 0])
            .judged(["applied"; 3]);
        let expected = flags.iter().fold("applied".to_owned(), |all, flag| all + "! " + *flag);
        assert_eq!(history.newest(), expected);
    }
}

#[tokio::test]
async fn a_void_after_full_capture_is_refused_with_its_reason_and_listed() {
    let imprint = Ledger::fresh();
    let steps = [T.approved(5000).at(T1), T.captured(5000).at(T2), T.voided(5000).at(T3)];
    assert_eq!(imprint.receives(&steps).await, ["applied", "applied", "refused"]);
    History::of(&imprint, &steps[0]).await.shows("captured", [5000, 5000, 0, 0]).judged([
        "applied",
        "applied",
        "refused void_after_full_capture",
    ]);

    let exception = imprint.exception("void_after_full_capture").await;
    assert_eq!(exception["status"], "open");
    assert_eq!(exception["kind"], "refused");
    assert_eq!(exception["subject"], json!({"type": "transaction", "id": "t1"}));
    assert!(!exception["state"].is_null(), "the state is named: {exception:#}");
    assert!(!exception["asked"].is_null(), "what was asked is named: {exception:#}");
    assert!(!items(&exception, "legal").is_empty(), "{exception:#}");
    assert!(!text(&exception, "message").is_empty());
}

#[tokio::test]
async fn the_late_update_that_makes_a_void_legal_revises_it() {
    let imprint = Ledger::fresh();
    let void = T.voided(5000).at(T4);
    let as_refused = [T.approved(5000).at(T1), T.captured(5000).at(T3), void.clone()];
    imprint.receives(&as_refused).await;
    assert_eq!(imprint.receive(&T.updated(8000).at(T2)).await, "applied");

    History::of(&imprint, &void)
        .await
        .shows("captured_remainder_voided", [8000, 5000, 0, 0])
        .judged(["applied"; 4]);
    let exception = imprint.exception("void_after_full_capture").await;
    assert_eq!(exception["status"], "auto_resolved");
    assert!(!items(&exception, "history").is_empty(), "{exception:#}");
    // The log has both: the refusal, and what revised it.
    let events = imprint.events_of("t1").await;
    let named = |part: &str| {
        let plain = |event| text(event, "event_type").replace('_', "").to_lowercase();
        events.iter().filter(|event| plain(event).contains(part)).count()
    };
    assert_eq!((named("refused"), named("outcomerevised")), (1, 1), "{events:#?}");
    // What the lender's delivery came to is told as of now.
    let applied = imprint.list("/v1/deliveries", &[("outcome", "applied")]).await;
    assert_eq!(applied.len(), 4);
}

#[tokio::test]
async fn another_currency_is_refused_and_never_summed() {
    let euros = T.captured(5000).currency("EUR").at(T2);
    let history = given([T.approved(5000).at(T1), euros])
        .await
        .shows("pending", [5000, 0, 0, 5000])
        .is("currency", "USD")
        .judged(["applied", "refused currency_mismatch"]);
    let refused = |one: &&serde_json::Value| one["code"] == "currency_mismatch";
    let exception = history.exceptions.iter().find(refused).expect("it is listed");
    assert_eq!(exception["severity"], "high");
    assert_eq!(exception["amount_at_stake"], 5000);
    assert_eq!(exception["currency"], "EUR");
}

#[tokio::test]
async fn another_customer_is_refused() {
    given([T.approved(5000).at(T1), T.captured(5000).customer("other").at(T2)])
        .await
        .shows("pending", [5000, 0, 0, 5000])
        .is("customer_id", "t1-customer")
        .judged(["applied", "refused customer_conflict"]);
}

#[tokio::test]
async fn another_card_in_mid_flight_is_flagged() {
    given([T.approved(5000).at(T1), T.captured(5000).card("reissued").at(T2)])
        .await
        .shows("captured", [5000, 5000, 0, 0])
        .judged(["applied"; 2])
        .flagged(["payment_method_changed"]);
}

#[tokio::test]
async fn an_approval_of_nothing_is_a_verification() {
    given([T.approved(0).at(T1)])
        .await
        .shows("verification", [0, 0, 0, 0])
        .judged(["applied"])
        .flagged([]);
}

#[tokio::test]
async fn a_capture_above_the_authorization_is_flagged_by_the_merchants_category() {
    #[rustfmt::skip] // It is a table.
    let captures = [
        ("restaurant", "5812", 6000, "applied"),
        ("too-much",   "5812", 6001, "applied! over_capture"),
        ("groceries",  "5411", 6000, "applied! over_capture"),
    ];
    let ledgers = Ledger::several::<2>();
    for (id, category, amount, judged) in captures {
        let tx = Tx::new(id);
        let steps = [
            tx.approved(5000).category(category).at(T1),
            tx.captured(amount).category(category).at(T2),
        ];
        let history = play(&ledgers, &steps).await;
        assert_eq!(history.newest(), judged, "{id}");
        history.shows("captured", [5000, amount, 0, 0]);
    }
}

#[tokio::test]
async fn what_only_moves_a_hold_waits_for_the_approval() {
    let imprint = Ledger::fresh();
    let (approval, update, void) =
        (T.approved(5000).at(T1), T.updated(4000).at(T2), T.voided(4000).at(T3));

    assert_eq!(imprint.receives(&[update, void.clone()]).await, ["parked", "parked"]);
    History::of(&imprint, &void).await.shows("unknown", [0, 0, 0, 0]).judged(["parked"; 2]);
    assert_eq!(imprint.list("/v1/deliveries", &[("outcome", "parked")]).await.len(), 2);

    assert_eq!(imprint.receive(&approval).await, "applied");
    History::of(&imprint, &void).await.shows("voided", [4000, 0, 0, 0]).judged(["applied"; 3]);
    assert!(imprint.list("/v1/deliveries", &[("outcome", "parked")]).await.is_empty());
}
