//! What a person can do about an exception, and what it would lead to: told before it is done.

use serde_json::{Value, json};

use crate::support::{
    Card, Charge, Ledger, Loan, Onboarding, Source, T0, T1, T2, T3, T4, Tx, decision, items, link,
    number, text, until,
};

/// An exception, by its code and its kind, and what can be done about it.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static [&'static str])]);

const ALL: &[(&str, &[&str])] = &[("apply", &[]), ("discard", &[])];

#[tokio::test]
async fn a_preview_of_money_and_cards_is_what_resolving_leads_to() {
    let (late, over, second, other) =
        (Tx::new("late"), Tx::new("over"), Tx::new("second"), Tx::new("other"));
    let (paused, canceled) = (Card::virtual_card("paused"), Card::virtual_card("canceled"));
    let said = [
        late.approved(5000).at(T1),
        late.captured(5000).at(T2),
        late.voided(5000).at(T3),
        over.approved(5000).at(T1),
        over.captured(9000).at(T2),
        second.approved(5000).at(T1),
        second.approved(8000).event("again").at(T2),
        other.approved(5000).at(T1),
        other.captured(5000).currency("EUR").at(T2),
        paused.is("ACTIVE").at(T1),
        paused.moves("ACTIVE", "INACTIVE").at(T2),
        paused.moves("INACTIVE", "ACTIVE").at(T3),
        canceled.is("ACTIVE").at(T1),
        canceled.moves("INACTIVE", "CANCELED").at(T2),
        canceled.moves("CANCELED", "ACTIVE").at(T3),
    ];
    #[rustfmt::skip] // It is a table.
    let cases: [Case; 7] = [
        ("void_after_full_capture",  "refused", &[("apply", &[]), ("convert", &["approve", "update"]), ("discard", &[])]),
        ("over_capture",             "flagged", &[("apply", &[]), ("convert", &["refund"]), ("discard", &[])]),
        ("second_approval",          "refused", &[("apply", &[]), ("convert", &["update", "void"]), ("discard", &[])]),
        ("currency_mismatch",        "refused", &[("discard", &[])]),
        ("virtual_resume",           "refused", ALL),
        ("previous_status_mismatch", "flagged", ALL),
        ("canceled_is_final",        "refused", ALL),
    ];
    let ledgers = Ledger::several::<18>();
    each_is_as_previewed(&ledgers, &cases, async |imprint| {
        imprint.receives(&said).await;
    })
    .await;
}

#[tokio::test]
async fn a_preview_of_applications_and_links_is_what_resolving_leads_to() {
    #[rustfmt::skip] // It is a table.
    let cases: [Case; 3] = [
        ("decision_conflict",    "refused", ALL),
        ("sdk_webhook_mismatch", "flagged", ALL),
        ("ts_unparseable",       "flagged", ALL),
    ];
    let ledgers = Ledger::several::<6>();
    each_is_as_previewed(&ledgers, &cases, async |imprint| {
        let accepted = decision("OFFER_ACCEPTED").partner("p").customer("a").created_at(T1).at(T2);
        let conflicting = decision("REJECTED").partner("p").customer("a").created_at(T1).at(T3);
        imprint.receives(&[accepted, conflicting, link("z", "q").at("yesterday")]).await;
        let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T0});
        let told = imprint.registers(&session).await.is(201);
        let path = format!(
            "/v1/applications/{}/{}/client-report",
            imprint.source,
            text(&told, "application_id")
        );
        let said = json!({"result": "REJECTED", "session_id": "s", "occurred_at": T4});
        imprint.command(&path, &said).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_preview_of_an_onboarding_is_what_resolving_leads_to() {
    let o1 = Onboarding::new("o1");
    let said = [
        o1.signing_created("https://sign").at(T1),
        o1.rejected("KYC_DENIAL").at(T2),
        o1.failed("TIMEOUT").at(T3),
    ];
    let cases: [Case; 2] =
        [("already_rejected", "refused", ALL), ("rejected_after_approval", "flagged", ALL)];
    let ledgers = Ledger::several_of::<4>("nordiska", Source::old_onboarding);
    each_is_as_previewed(&ledgers, &cases, async |nordiska| {
        nordiska.receives(&said).await;
    })
    .await;
}

#[tokio::test]
async fn a_preview_of_loans_and_charges_is_what_resolving_leads_to() {
    let (a1, red) = (Loan::new("a1"), Loan::new("a1").lender("red"));
    let c1 = Charge::new("c1");
    let said = [
        a1.created().at(T0),
        red.declined().at(T1),
        red.approved("90.00").at(T2),
        c1.authorize("90.00").at(T0),
        c1.settle("s1", "95.00", "completed").at(T1),
        c1.chargeback("cb1", "10.00").at(T2),
        c1.chargeback_reversal("cr1", "20.00").at(T3),
    ];
    #[rustfmt::skip] // It is a table.
    let cases: [Case; 3] = [
        ("track_terminal",              "refused", ALL),
        ("settle_exceeds_authorized",   "flagged", &[("apply", &[]), ("convert", &["refund"]), ("discard", &[])]),
        ("reversal_exceeds_chargeback", "refused", &[("apply", &[]), ("convert", &["chargeback"]), ("discard", &[])]),
    ];
    let ledgers = Ledger::several_of::<8>("loans", Source::charge_after);
    each_is_as_previewed(&ledgers, &cases, async |loans| {
        loans.receives(&said).await;
    })
    .await;
}

/// Each exception offers what the table says. Each of that, previewed on a ledger of its own, writes
/// nothing, and leads to what the preview has shown.
async fn each_is_as_previewed(ledgers: &[Ledger], cases: &[Case], play: impl AsyncFn(&Ledger)) {
    let mut fresh = ledgers.iter();
    for (code, kind, possible) in cases {
        let offered = possible
            .iter()
            .map(|(action, to)| json!({"action": action, "convert_to": to}))
            .collect::<Value>();
        for (action, kinds) in *possible {
            let decisions: Vec<Value> = match kinds {
                [] => vec![json!({"action": action})],
                kinds => {
                    kinds.iter().map(|kind| json!({"action": action, "convert_to": kind})).collect()
                }
            };
            for decided in decisions {
                let ledger = fresh.next().expect("a ledger for each decision");
                play(ledger).await;
                let filters = [("code", *code), ("status", "open")];
                let exceptions = ledger.exceptions(&filters).await;
                let [exception] = exceptions.as_slice() else {
                    let all = ledger.exceptions(&[]).await;
                    let codes: Vec<&str> = all.iter().map(|one| text(one, "code")).collect();
                    panic!("{code} is not once among {codes:?}")
                };
                assert_eq!(exception["kind"], *kind, "{code}");
                let path = format!("/v1/exceptions/{}", text(exception, "id"));
                assert_eq!(ledger.ask(&path, &[]).await.is(200)["possible"], offered, "{code}");
                is_as_previewed(ledger, &path, decided).await;
            }
        }
    }
    assert!(fresh.next().is_none(), "as many ledgers as decisions");
}

async fn is_as_previewed(ledger: &Ledger, path: &str, mut decided: Value) {
    let head = ledger.counts().await["position"].clone();
    let preview = ledger.command(&format!("{path}/preview"), &decided).await.is(200);
    assert_eq!(ledger.counts().await["position"], head, "nothing is written");
    assert_eq!(ledger.page(path, &[]).await["status"], "open");
    let about = |document: &Value| {
        let thing = &preview["thing"];
        let ids = ["transaction_id", "payment_method_id", "charge_id", "application_id"];
        // An application may be known by its other id from then on.
        let id = ids.iter().find_map(|id| document[*id].as_str()).map(str::to_owned);
        let id = id.unwrap_or_else(|| text(thing, "id").to_owned());
        format!("/v1/{}/{}/{id}", text(thing, "type"), ledger.source)
    };
    let before = ledger.view(&about(&preview["before"])).await;
    assert_eq!(settled(&preview["before"]), settled(&before), "{decided}");
    assert_eq!(preview["only_closes"], false);
    assert_eq!(
        items(&preview, "changes").is_empty(),
        settled(&preview["before"]) == settled(&preview["after"]),
        "{preview:#}"
    );

    decided["reason"] = json!("it was looked at");
    ledger.command(&format!("{path}/resolve"), &decided).await.is(200);
    assert_eq!(ledger.page(path, &[]).await["possible"], json!([]));
    let after = ledger.view(&about(&preview["after"])).await;
    assert_eq!(settled(&preview["after"]), settled(&after), "{decided}");

    // The steps that were to be revised are those that the log has revised.
    let revised = |event: &Value| {
        let is_new = number(event, "position") > head.as_i64().expect("a position");
        is_new && event["event_type"] == "OutcomeRevised"
    };
    let events = ledger.events().await;
    let events = events.iter().filter(|event| revised(event));
    let told = events.map(|event| event["payload"]["OutcomeRevised"]["step"].clone());
    let shown = items(&preview, "revised").iter().map(|one| one["step"].clone());
    assert_eq!(shown.collect::<Vec<_>>(), told.collect::<Vec<_>>(), "{decided}");
}

fn settled(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("position");
    }
    document
}

/// A session that stays silent is flagged; what told of it is discarded.
#[tokio::test]
async fn of_an_application_that_is_discarded_nothing_is_left_before_and_after_a_replay() {
    let imprint = Ledger::with(Source::named("imprint").policy("application_stale_after", "1s"));
    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T0});
    let told = imprint.registers(&session).await.is(201);
    let application = format!("/v1/applications/imprint/{}", text(&told, "application_id"));
    let filters = [("code", "application_stale")];
    let flagged = async || imprint.exceptions(&filters).await.into_iter().next();
    let exception = until("the flag", flagged).await;
    let path = format!("/v1/exceptions/{}", text(&exception, "id"));
    let preview = imprint.command(&format!("{path}/preview"), &json!({"action": "discard"})).await;
    let preview = preview.is(200);
    assert_eq!(
        (&preview["before"]["status"], &preview["after"]),
        (&json!("started"), &json!(null))
    );
    let said = json!({"action": "discard", "reason": "a test"});
    imprint.command(&format!("{path}/resolve"), &said).await.is(200);
    for replayed in [false, true] {
        if replayed {
            imprint.service.stop();
            imprint.service.command("replay");
            imprint.service.start_again();
        }
        assert!(imprint.list("/v1/applications", &[]).await.is_empty(), "replayed: {replayed}");
        assert_eq!(imprint.ask(&application, &[]).await.status, 404);
        let found = imprint.ask("/v1/search", &[("q", "p")]).await.is(200);
        assert_eq!(found["items"], json!([]), "replayed: {replayed}");
    }
}

#[tokio::test]
async fn of_what_belongs_to_no_step_only_the_exception_is_closed() {
    let imprint = Ledger::fresh();
    imprint.deliver("no json").await;
    imprint.receives(&[link("a", "p"), link("b", "p")]).await;
    #[rustfmt::skip] // It is a table.
    let cases = [
        ("malformed",         json!([{"action": "discard", "convert_to": []}])),
        ("identity_conflict", json!([{"action": "apply", "convert_to": []}, {"action": "discard", "convert_to": []}])),
    ];
    for (code, possible) in cases {
        let exception = imprint.exception(code).await;
        let path = format!("/v1/exceptions/{}", text(&exception, "id"));
        let mut shown = imprint.ask(&path, &[]).await.is(200);
        let offered = shown.as_object_mut().expect("a document").remove("possible");
        assert_eq!((shown, offered), (exception, Some(possible)));
        let (tried, discard) = (format!("{path}/preview"), json!({"action": "discard"}));
        let preview = imprint.command(&tried, &discard).await.is(200);
        assert_eq!(preview["only_closes"], true);
        assert_eq!((&preview["thing"], &preview["changes"]), (&json!(null), &json!([])));
        let said = json!({"action": "discard", "reason": "known"});
        imprint.command(&format!("{path}/resolve"), &said).await.is(200);
        assert_eq!(imprint.page(&path, &[]).await["possible"], json!([]));
        imprint.command(&tried, &discard).await.is_problem(409, "already_resolved");
    }
}

#[tokio::test]
async fn a_preview_is_refused_as_resolving_is_but_needs_no_reason() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint.receives(&[t1.approved(50).at(T1), t1.captured(50).at(T2), t1.voided(50).at(T3)]).await;
    let exception = imprint.exception("void_after_full_capture").await;
    let path = format!("/v1/exceptions/{}/preview", text(&exception, "id"));
    #[rustfmt::skip] // It is a table.
    let wrong = [
        (json!({}),                                              "action"),
        (json!({"action": "shrug"}),                             "action"),
        (json!({"action": "convert"}),                           "convert_to"),
        (json!({"action": "convert", "convert_to": "capture"}),  "convert_to"),
        (json!({"action": "apply", "actor": " "}),               "actor"),
        (json!({"action": "apply", "reason": "4111111111111111"}), "reason"),
    ];
    for (decided, field) in wrong {
        imprint.command(&path, &decided).await.names(field);
    }
    let discard = json!({"action": "discard"});
    let resolve = format!("/v1/exceptions/{}/resolve", text(&exception, "id"));
    imprint.command(&resolve, &json!({"action": "discard", "reason": "known"})).await.is(200);
    imprint.command(&path, &discard).await.is_problem(409, "already_resolved");
    let unknown = imprint.command("/v1/exceptions/none/preview", &discard).await;
    unknown.is_problem(404, "not_found");
    imprint.ask("/v1/exceptions/none", &[]).await.is_problem(404, "not_found");
}
