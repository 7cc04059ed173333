//! Read models are disposable: dropped and rebuilt from the log they are the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{
    Card, Ledger, Source, T0, T1, T2, T3, T4, Tx, decision, fixtures, items, link, text,
};

#[tokio::test]
async fn a_replay_leaves_every_list_and_view_identical() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    for view in
        ["transactions", "payment-methods", "applications", "exceptions", "deliveries", "customers"]
    {
        assert!(before.keys().any(|path| path.contains(view)), "{view} are compared");
    }

    for nth in 1..=2 {
        assert!(imprint.service.stop().success());
        imprint.service.command("replay");
        imprint.service.start_again();
        identical(&before, &snapshot(&imprint).await, &format!("after replay {nth}"));
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_restart_leaves_every_list_and_view_identical() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    let before = snapshot(&imprint).await;
    imprint.service.kill();
    imprint.service.start_again();
    identical(&before, &snapshot(&imprint).await, "after a kill");
}

#[tokio::test]
async fn what_arrives_after_a_replay_is_judged_as_before_it() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint
        .receives(&[tx.approved(5000).at(T1), tx.captured(5000).at(T3), tx.voided(5000).at(T4)])
        .await;
    assert!(imprint.service.stop().success());
    imprint.service.command("replay");
    imprint.service.start_again();
    assert_eq!(imprint.receive(&tx.updated(8000).at(T2)).await, "applied");
    assert_eq!(imprint.transaction("t1").await["status"], "captured_remainder_voided");
    assert_eq!(imprint.exception("void_after_full_capture").await["status"], "auto_resolved");
}

/// One of each: outcomes, flags, conflicts, revisions, repeats, commands of a partner and a person.
async fn everything_happens(imprint: &Ledger) {
    for body in fixtures::PAGE.iter().chain(&fixtures::FOUR_STEPS) {
        imprint.deliver(body).await;
    }
    imprint.deliver("no json").await;
    imprint.deliver(r#"{"object":"REWARD","data":{}}"#).await;
    let (revised, decided, parked) = (Tx::new("revised"), Tx::new("decided"), Tx::new("parked"));
    let (paused, old, new) =
        (Card::virtual_card("v"), Card::physical_card("o"), Card::physical_card("n"));
    imprint
        .receives(&[
            revised.approved(5000).at(T1),
            revised.captured(5000).at(T3),
            revised.voided(5000).at(T4),
            revised.updated(8000).at(T2),
            decided.approved(5000).at(T1),
            decided.approved(8000).event("second").at(T2),
            parked.voided(5000).at(T2),
            paused.is("ACTIVE").at(T1),
            paused.moves("ACTIVE", "INACTIVE").at(T2),
            paused.moves("INACTIVE", "ACTIVE").at(T3),
            old.is("INACTIVE").customer("a").design("d").at(T1),
            old.moves("INACTIVE", "CANCELED").customer("a").design("d").at(T2),
            new.is("INACTIVE").customer("a").design("d").created_at(T3).at(T3),
            link("a", "p"),
            link("b", "p"),
            decision("REJECTED").customer("b").created_at(T0),
        ])
        .await;

    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T0});
    let told = imprint.command("/v1/applications/imprint", &session).await.is(201);
    let path = format!("/v1/applications/imprint/{}/client-report", text(&told, "application_id"));
    imprint.command(&path, &json!({"result": "OFFER_ACCEPTED"})).await.is(200);
    imprint.receive(&decision("REJECTED").partner("p")).await;

    let second = imprint.exception("second_approval").await;
    let path = format!("/v1/exceptions/{}/resolve", text(&second, "id"));
    let said = json!({"action": "convert", "convert_to": "update", "reason": "an increment", "actor": "ada"});
    imprint.command(&path, &said).await.is(200);
}

/// Every list, and every view that a list leads to, by path.
async fn snapshot(imprint: &Ledger) -> BTreeMap<String, Value> {
    #[rustfmt::skip] // It is a table.
    let lists = [
        ("transactions",    "transaction_id"),
        ("payment-methods", "payment_method_id"),
        ("applications",    "application_id"),
        ("deliveries",      "delivery_id"),
    ];
    let mut all = BTreeMap::new();
    let mut customers = std::collections::BTreeSet::new();
    for (list, id) in lists {
        let rows = imprint.list(&format!("/v1/{list}"), &[]).await;
        for row in &rows {
            let path = format!("/v1/{list}/imprint/{}", text(row, id));
            all.insert(path.clone(), imprint.view(&path).await);
            customers.extend(row["customer_id"].as_str().map(str::to_owned));
        }
        all.insert(format!("/v1/{list}"), Value::Array(rows));
    }
    for customer in customers {
        for path in ["", "/timeline"] {
            let path = format!("/v1/customers/imprint/{customer}{path}");
            all.insert(path.clone(), imprint.view(&path).await);
        }
        let found = imprint.ask("/v1/search", &[("q", &customer)]).await.is(200);
        assert!(!items(&found, "items").is_empty());
        all.insert(format!("/v1/search?q={customer}"), found);
    }
    let exceptions = imprint.exceptions(&[]).await;
    all.insert("/v1/exceptions".to_owned(), Value::Array(exceptions));
    all.insert("/v1/events".to_owned(), Value::Array(imprint.events().await));
    all.insert("/v1/sources/imprint".to_owned(), imprint.counts().await);
    all
}

fn identical(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, when: &str) {
    assert!(before.keys().eq(after.keys()), "{when}: other paths");
    for (path, view) in before {
        assert_eq!(view, &after[path], "{when}: {path}");
    }
}

/// An end of a link that waits for its beginning makes no pair until its deadline has passed.
#[tokio::test]
async fn a_pair_that_a_deadline_made_is_dated_by_the_deadline() {
    let imprint = Ledger::with(Source::named("imprint").policy("parked_for", "1s"));
    imprint.receives(&[link("a", "p").with("status", json!("INACTIVE")), link("b", "p")]).await;
    // The clock of deadlines looks every second: the conflict is what there is to wait for.
    while imprint.exceptions(&[("code", "identity_conflict")]).await.is_empty() {}
    let before = snapshot(&imprint).await;
    imprint.service.stop();
    imprint.service.command("replay");
    imprint.service.start_again();
    identical(&before, &snapshot(&imprint).await, "after the deadline");
}
