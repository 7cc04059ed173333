//! What a partner and an operator say of a charge: that it is void, and which application it is of.

use serde_json::{Value, json};

use crate::support::{
    Charge, History, Ledger, Loan, Payload, Source, T0, T1, T2, T3, ago, column, items, number,
    text,
};

const C: Charge = Charge::new("c1");

// --- the partner's void ---

#[tokio::test]
async fn a_void_leaves_nothing_to_settle() {
    let loans = Ledger::charge_after();
    loans.receive(&C.authorize("100.00").at(T0)).await;
    loans.orders("c1", "void", &void(T1)).await.is(200);
    let seen = History::of(&loans, &C.authorize("100.00")).await.is("status", "voided");
    assert!(column(items(&seen.view, "steps"), "kind").contains(&"void"));
    seen.counts([("authorized", 10_000), ("open_to_settle", 0)]);
    loans.orders("c1", "void", &void(T2)).await.is_problem(409, "already_voided");

    // The lender may honour a settle all the same: then it counts.
    let late = [C.settle("tx1", "60.00", "completed").at(T3)];
    assert_eq!(loans.receives(&late).await, ["applied"]);
    let end = History::of(&loans, &late[0]).await;
    end.newest_is("applied! settle_after_void", "after the void");
    end.counts([("settled", 6000), ("open_to_settle", 0)]);
}

#[tokio::test]
async fn a_void_of_what_is_left_of_a_partial_settle_releases_it() {
    let loans = Ledger::charge_after();
    let steps = in_part(C);
    loans.receives(&steps).await;
    loans.orders("c1", "void", &void(T2)).await.is(200);
    History::of(&loans, &steps[0]).await.counts([("settled", 6000), ("open_to_settle", 0)]);
}

#[tokio::test]
async fn a_void_that_is_not_in_order_is_refused_to_the_partner() {
    let loans = Ledger::charge_after();
    let (full, disputed) = (Charge::new("full"), Charge::new("disputed"));
    loans.receives(&in_full(full)).await;
    loans.receives(&in_part(disputed)).await;
    loans.receive(&disputed.chargeback("cb1", "40.00").at(T2)).await;
    loans.orders("full", "void", &void(T3)).await.is_problem(409, "void_after_full_settle");
    loans.orders("disputed", "void", &void(T3)).await.is_problem(409, "void_during_chargeback");
    assert_eq!(loans.charge("full").await["status"], "settled");
    assert_eq!(number(&loans.charge("disputed").await, "open_to_settle"), 4000);
}

#[tokio::test]
async fn a_void_and_a_settle_end_the_same_in_both_orders() {
    let [one, other] = Ledger::several_of("loans", Source::charge_after);
    let settle = C.settle("tx1", "60.00", "completed").at(T3);
    for loans in [&one, &other] {
        loans.receive(&C.authorize("100.00").at(T0)).await;
    }
    one.orders("c1", "void", &void(T1)).await.is(200);
    one.receive(&settle).await;
    other.receive(&settle).await;
    other.orders("c1", "void", &void(T1)).await.is(200);
    let (end, other_end) = (History::of(&one, &settle).await, History::of(&other, &settle).await);
    assert_eq!(end.settled(), other_end.settled());
    end.newest_is("applied! settle_after_void", "after the void");
}

// --- which application it is of ---

#[tokio::test]
async fn a_charge_is_linked_by_the_partner_who_created_it() {
    let loans = Ledger::charge_after();
    loans.receive(&Loan::new("a1").created().at(T0)).await;
    loans.receive(&C.authorize("100.00").at(T1)).await;
    unlinked(&loans).await;
    let said = json!({"charge_id": "c1", "application_id": "a1", "partner_customer_id": "p"});
    assert_eq!(loans.creates_charge(&said).await.is(201)["charge_id"], "c1");
    linked(&loans, "a1", "partner").await;
}

#[tokio::test]
async fn a_charge_that_the_partner_created_first_is_linked_when_it_is_authorized() {
    let loans = Ledger::charge_after();
    loans.receive(&Loan::new("a1").created().at(T0)).await;
    loans.creates_charge(&json!({"charge_id": "c1", "application_id": "a1"})).await.is(201);
    assert_eq!(loans.receive(&C.authorize("100.00").at(&ago(-60))).await, "applied");
    linked(&loans, "a1", "partner").await;
}

#[tokio::test]
async fn a_charge_is_linked_by_a_reconciliation() {
    let loans = Ledger::charge_after();
    loans.receive(&Loan::new("c1-application").created().at(T0)).await;
    loans.receives(&in_full(C)).await;
    unlinked(&loans).await;
    loans.receive(&C.chargeback("cb1", "40.00").at(T2)).await;
    linked(&loans, "c1-application", "reconciliation").await;
    assert_eq!(loans.charge("c1").await["customer_id"], "c1-consumer");
}

#[tokio::test]
async fn a_customer_has_the_charges_of_his_applications() {
    let loans = Ledger::charge_after();
    let twin = Loan::new("a1").lender("L1").account_approved("100.00");
    loans.receive(&twin.at(T0)).await;
    let said = json!({"charge_id": "c1", "application_id": "a1"});
    loans.creates_charge(&said).await.is(201);
    loans.receives(&in_full(C)).await;
    let customer = loans.customer("a1-consumer").await;
    assert_eq!(column(items(&customer, "charges"), "charge_id"), ["c1"]);
    assert_eq!(column(items(&customer, "applications"), "application_id"), ["a1"]);
}

#[tokio::test]
async fn a_charge_is_linked_by_the_partners_order() {
    for application_comes_first in [true, false] {
        let loans = Ledger::charge_after();
        let said =
            json!({"application_id": "a1", "merchant_order_id": "c1-order", "started_at": T0});
        let authorize = C.authorize("100.00").at(T1);
        if application_comes_first {
            loans.registers(&said).await.is(201);
            loans.receive(&authorize).await;
        } else {
            loans.receive(&authorize).await;
            unlinked(&loans).await;
            loans.registers(&said).await.is(201);
        }
        linked(&loans, "a1", "merchant_order_id").await;
    }
}

#[tokio::test]
async fn a_charge_is_linked_by_an_operator_with_a_reason() {
    let loans = Ledger::charge_after();
    loans.receive(&Loan::new("a1").created().at(T0)).await;
    loans.receive(&C.authorize("100.00").at(T1)).await;
    loans.orders("c1", "link", &json!({"application_id": "a1"})).await.names("reason");
    loans.orders("c1", "link", &json!({"reason": "because"})).await.names("application_id");
    unlinked(&loans).await;
    let said = json!({"application_id": "a1", "reason": "the shop says so", "actor": "ada"});
    loans.orders("c1", "link", &said).await.is(200);
    linked(&loans, "a1", "operator").await;
}

#[tokio::test]
async fn a_charge_that_an_operator_moves_is_of_the_other_application_alone() {
    let loans = Ledger::charge_after();
    for application_id in ["a1", "a2"] {
        loans.receive(&Loan::new(application_id).created().at(T0)).await;
    }
    loans.receive(&C.authorize("100.00").at(T1)).await;
    let created = json!({"charge_id": "c1", "application_id": "a1"});
    loans.creates_charge(&created).await.is(201);
    linked(&loans, "a1", "partner").await;
    let said = json!({"application_id": "a2", "reason": "the shop says so"});
    loans.orders("c1", "link", &said).await.is(200);
    linked(&loans, "a2", "operator").await;
    assert_eq!(loans.application("a1").await["charges"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_no_object_is_what_is_named() {
    let loans = Ledger::charge_after();
    for body in ["", "[]", "1", "{", r#"{"charge_id":"c1""#] {
        loans.command_as_written("/v1/charges/loans", body).await.names("body");
    }
    loans.command_as_written("/v1/charges/loans", r#"{"charge_id":1}"#).await.names("charge_id");
}

fn in_part(c: Charge) -> [Payload; 2] {
    [c.authorize("100.00").at(T0), c.settle("tx1", "60.00", "completed").at(T1)]
}

fn in_full(c: Charge) -> [Payload; 2] {
    [c.authorize("100.00").at(T0), c.settle("tx1", "100.00", "completed").at(T1)]
}

fn void(occurred_at: &str) -> Value {
    json!({"reason": "out of stock", "actor": "ada", "occurred_at": occurred_at})
}

async fn unlinked(loans: &Ledger) {
    let seen = loans.charge("c1").await;
    assert_eq!((&seen["application_id"], &seen["linked_by"]), (&json!(null), &json!(null)));
}

/// Both ends know of the link.
async fn linked(loans: &Ledger, application_id: &str, by: &str) {
    let seen = loans.charge("c1").await;
    assert_eq!((text(&seen, "application_id"), text(&seen, "linked_by")), (application_id, by));
    assert_eq!(loans.application(application_id).await["charges"], json!(["c1"]));
}

#[tokio::test]
async fn only_the_kind_of_lender_that_has_it_is_asked_for_it() {
    let imprint = Ledger::fresh();
    let said = json!({"charge_id": "c1", "application_id": "a1"});
    imprint.creates_charge(&said).await.names("source");
    imprint.orders("c1", "void", &json!({})).await.names("source");
    let nordiska = Ledger::onboarding();
    let said = json!({"application_id": "o1", "partner_customer_id": "p"});
    nordiska.registers(&said).await.is(201);
    let path = "/v1/applications/nordiska/o1/client-report";
    nordiska.command(path, &json!({"result": "REJECTED"})).await.names("source");
}
