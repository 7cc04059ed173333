//! Who is who, what it adds up to, and in what order it happened: G36, G37.

use serde_json::{Value, json};

use crate::support::{
    Card, Ledger, T1, T2, T3, T4, Tx, Webhook, decision, fixtures, instant, items, link, number,
    settled, sorted, text,
};

#[tokio::test]
async fn all_examples_of_the_lender_together_count_the_money_and_list_the_conflict() {
    let [forwards, backwards] = Ledger::several::<2>();
    for body in fixtures::PAGE {
        forwards.deliver(body).await;
    }
    for body in fixtures::PAGE.into_iter().rev() {
        backwards.deliver(body).await;
    }
    let mut ends = Vec::new();
    for imprint in [forwards, backwards] {
        let purchase = imprint.transaction(fixtures::PURCHASE).await;
        let fields = ["authorized", "captured", "refunded", "hold"];
        assert_eq!(fields.map(|field| number(&purchase, field)), [3451, 3451, 3451, 0]);
        assert!(sorted(&purchase["flags"]).contains(&"unknown_payment_method".to_owned()));
        // One partner's name for two customers (Q26), one event id for two contents.
        let conflicts = imprint.exceptions(&[("code", "identity_conflict")]).await;
        assert!(!conflicts.is_empty());
        assert!(conflicts.iter().all(|one| one["kind"] == "conflict"), "{conflicts:#?}");
        assert_eq!(imprint.exceptions(&[("code", "key_reused")]).await.len(), 1);

        let card = imprint.card(fixtures::CARD).await;
        assert_eq!((text(&card, "status"), text(&card, "card_type")), ("active", "virtual"));
        let holder = imprint.customer(fixtures::CARDHOLDER).await;
        assert!(has_identity(&holder, "partner_customer_id", fixtures::PARTNER, "explicit"));
        let applications = imprint.list("/v1/applications", &[("status", "accepted")]).await;
        assert_eq!(applications.len(), 1);
        imprint.adds_up().await;
        ends.push((settled(&purchase), settled(&card)));
    }
    assert_eq!(ends[0], ends[1], "the order of arrival changed the outcome");
}

#[tokio::test]
async fn a_link_that_has_ended_says_so() {
    let imprint = Ledger::fresh();
    assert_eq!(imprint.receive(&link("c", "p").at(T2)).await, "applied");
    let ended = link("c", "p").with("status", json!("INACTIVE")).at(T3);
    assert_eq!(imprint.receive(&ended).await, "applied");
    let customer = imprint.customer("c").await;
    assert!(has_identity(&customer, "partner_customer_id", "p", "ended"), "{customer:#}");
}

#[tokio::test]
async fn each_example_alone_is_applied() {
    for body in fixtures::PAGE.into_iter().chain([fixtures::APPLICATION_GUIDE]) {
        let object: Value = serde_json::from_str(body).unwrap();
        let waits = ["UPDATED", "VOIDED"].map(Value::from).contains(&object["data"]["status"]);
        let outcome = if waits { "parked" } else { "applied" };
        assert_eq!(Ledger::fresh().deliver(body).await["outcome"], outcome, "{body}");
    }
}

#[tokio::test]
async fn ids_that_look_like_uuids_are_one_whatever_their_case() {
    let imprint = Ledger::fresh();
    imprint.deliver(fixtures::PAYMENT_METHOD).await;
    imprint
        .deliver(
            fixtures::APPROVED
                .to_owned()
                .replace(fixtures::PURCHASE, &fixtures::PURCHASE.to_uppercase()),
        )
        .await;
    let again = imprint.deliver(fixtures::CAPTURED).await;
    assert_eq!(again["outcome"], "applied");
    for id in [fixtures::PURCHASE.to_owned(), fixtures::PURCHASE.to_uppercase()] {
        assert_eq!(number(&imprint.transaction(&id).await, "captured"), 3451);
    }
    let card = imprint.card(&fixtures::CARD.to_uppercase()).await;
    assert_eq!(text(&card, "payment_method_id"), fixtures::CARD);
    assert_eq!(text(&card, "customer_id"), fixtures::CARDHOLDER);
    // Any other id is what its bytes are.
    let told = imprint.receives(&[link("Ab", "p"), link("aB", "q")]).await;
    assert_eq!(told, ["applied", "applied"]);
    assert_eq!(items(&imprint.customer("Ab").await, "identities").len(), 2);
}

#[tokio::test]
async fn a_link_told_twice_is_a_duplicate_and_one_to_another_customer_a_conflict() {
    let links = [link("a", "p"), link("b", "p")];
    let [forwards, backwards] = Ledger::several::<2>();
    let [a, b] = links.clone();
    assert_eq!(forwards.receives(&[a.clone(), a, b]).await, ["applied", "duplicate", "applied"]);
    let [a, b] = links;
    assert_eq!(backwards.receives(&[b, a]).await, ["applied", "applied"]);

    for imprint in [forwards, backwards] {
        let conflicts = imprint.exceptions(&[("code", "identity_conflict")]).await;
        assert!(!conflicts.is_empty());
        let is_open = |one: &Value| one["kind"] == "conflict" && one["status"] == "open";
        assert!(conflicts.iter().all(is_open), "{conflicts:#?}");
        // Both links are stored, the two are still two, and money is not affected.
        let money = Tx::new("t1").approved(5000).customer("b").partner("p");
        assert_eq!(imprint.receive(&money).await, "applied");
        for (customer, entries, balances) in [("a", 1, 0), ("b", 2, 1)] {
            let view = imprint.customer(customer).await;
            assert!(has_identity(&view, "partner_customer_id", "p", "explicit"), "{view:#}");
            assert_eq!(items(&view, "balances").len(), balances, "{view:#}");
            assert_eq!(imprint.timeline(customer).await.len(), entries, "{customer}");
        }
    }
}

#[tokio::test]
async fn a_partners_name_on_a_webhook_is_weaker_than_a_link() {
    let imprint = Ledger::fresh();
    let money = Tx::new("t1").approved(5000).customer("a").partner("p");
    imprint.receive(&money).await;
    let view = imprint.customer("a").await;
    assert!(has_identity(&view, "partner_customer_id", "p", "implied"), "{view:#}");

    imprint.receive(&link("a", "p")).await;
    let view = imprint.customer("a").await;
    assert!(has_identity(&view, "partner_customer_id", "p", "explicit"), "{view:#}");
    assert!(!has_identity(&view, "partner_customer_id", "p", "implied"), "told once: {view:#}");
    assert!(
        items(&view, "identities")
            .iter()
            .any(|one| one["kind"] == "customer_id" && one["value"] == "a")
    );
}

#[tokio::test]
async fn balances_add_up_by_currency() {
    let imprint = Ledger::fresh();
    imprint.receives(&life_of_a_customer()).await;
    let view = imprint.customer("a").await;
    let mut shown: Vec<(&str, [i64; 4])> = items(&view, "balances")
        .iter()
        .map(|balance| {
            let figures = ["pending", "confirmed", "refunded", "net"];
            (text(balance, "currency"), figures.map(|field| number(balance, field)))
        })
        .collect();
    shown.sort();
    assert_eq!(shown, [("EUR", [700, 0, 0, 0]), ("USD", [3000, 2000, 2500, -500])]);
}

#[tokio::test]
async fn a_customer_has_his_applications_and_cards() {
    let imprint = Ledger::fresh();
    imprint.receives(&life_of_a_customer()).await;
    let view = imprint.customer("a").await;
    assert_eq!(items(&view, "applications").len(), 1);
    let cards = items(&view, "payment_methods");
    assert_eq!(cards.len(), 1);
    assert!(cards[0].to_string().contains("\"c1\""), "{cards:#?}");
}

#[tokio::test]
async fn the_timeline_is_in_the_order_of_time_whatever_the_order_of_arrival() {
    let (forwards, backwards) = (Ledger::fresh(), Ledger::fresh());
    let mut life = life_of_a_customer();
    forwards.receives(&life).await;
    life.reverse();
    backwards.receives(&life).await;

    let mut timelines = Vec::new();
    for imprint in [forwards, backwards] {
        let timeline = imprint.timeline("a").await;
        let times: Vec<i64> =
            timeline.iter().map(|entry| instant(text(entry, "occurred_at"))).collect();
        assert!(times.is_sorted(), "{timeline:#?}");
        assert_eq!(timeline.len(), life.len());
        assert!(timeline.iter().all(|entry| entry["outcome"] == "applied"), "{timeline:#?}");
        timelines.push(settled(&Value::Array(timeline)));
    }
    assert_eq!(timelines[0], timelines[1]);
}

#[tokio::test]
async fn any_id_of_any_kind_is_found() {
    let imprint = Ledger::fresh();
    let money = Tx::new("t1")
        .approved(5000)
        .event("event-1")
        .customer("a")
        .with("intent_id", json!("intent-1"))
        .with("network_transaction_id", json!("network-1"));
    let told = imprint.deliver(money.body()).await;
    imprint.receives(&life_of_a_customer()[..3]).await;
    imprint.deliver(fixtures::PAYMENT_METHOD).await;
    imprint.transaction("t1").await; // The read models know all of it now.
    let application = imprint.list("/v1/applications", &[]).await;
    #[rustfmt::skip] // It is a table.
    let searches = [
        ("t1",                                          "transaction",    "t1"),
        ("event-1",                                     "transaction",    "t1"),
        ("intent-1",                                    "transaction",    "t1"),
        ("network-1",                                   "transaction",    "t1"),
        ("a",                                           "customer",       "a"),
        ("p",                                           "customer",       "a"),
        ("c1",                                          "payment_method", "c1"),
        (fixtures::CARD,                                "payment_method", fixtures::CARD),
        (&fixtures::CARD.to_uppercase(),                "payment_method", fixtures::CARD),
        (text(&application[0], "application_id"),       "application",    text(&application[0], "application_id")),
        (text(&told, "delivery_id"),                    "delivery",       text(&told, "delivery_id")),
    ];
    for (q, kind, id) in searches {
        let found = imprint.ask("/v1/search", &[("q", q)]).await.is(200);
        let expected =
            |item: &Value| item["type"] == kind && item["id"] == id && item["source"] == "imprint";
        assert!(items(&found, "items").iter().any(expected), "{q}: {found:#}");
    }
    let found = imprint.ask("/v1/search", &[("q", "nobody")]).await.is(200);
    assert!(items(&found, "items").is_empty(), "{found:#}");
}

/// One application, one card, one link, and money in two currencies, in the order of time.
fn life_of_a_customer() -> Vec<Webhook> {
    let (one, other, refund) = (Tx::new("m1"), Tx::new("m2"), Tx::new("m3"));
    [
        decision("OFFER_ACCEPTED").created_at("2025-02-01T08:00:00Z").at("2025-02-01T09:00:00Z"),
        link("a", "p").created_at("2025-02-01T10:00:00Z").at("2025-02-01T10:00:00Z"),
        Card::virtual_card("c1").is("ACTIVE").at("2025-02-02T00:00:00Z"),
        one.approved(5000).at(T1),
        one.captured(2000).at(T2),
        other.approved(700).currency("EUR").at(T3),
        refund.refunded(2500).at(T4),
    ]
    .map(|webhook| webhook.customer("a"))
    .to_vec()
}

fn has_identity(view: &Value, kind: &str, value: &str, strength: &str) -> bool {
    let expected =
        |one: &Value| one["kind"] == kind && one["value"] == value && one["strength"] == strength;
    items(view, "identities").iter().any(expected)
}

#[tokio::test]
async fn a_conflict_that_has_grown_is_resolved_again() {
    let imprint = Ledger::fresh();
    imprint.receives(&[link("a", "p"), link("b", "p")]).await;
    let decision = json!({ "action": "apply", "reason": "twins", "actor": "ada" });
    for members in [2, 3] {
        let open = imprint.exception("identity_conflict").await;
        assert_eq!(open["status"], "open", "{members}");
        let path = format!("/v1/exceptions/{}/resolve", text(&open, "id"));
        imprint.command(&path, &decision).await.is(200);
        assert_eq!(imprint.exception("identity_conflict").await["status"], "resolved");
        assert_eq!(imprint.command(&path, &decision).await.status, 409);
        imprint.receive(&link("c", "p")).await;
    }
}
