//! What somebody has to do now, who it is, and what ends it: DOMAIN.md 4.12.

use serde_json::{Value, json};

use crate::support::{
    Answer, Ledger, Loan, Onboarding, Payload, T0, T1, T2, T3, Track, column, instant, text,
};

/// Parameters of a list, with their values.
type Filters = &'static [(&'static str, &'static str)];

const O: Onboarding = Onboarding::new("o1");
const L1: Track = Loan::new("a1").lender("L1");

#[tokio::test]
async fn a_signing_is_to_be_redirected_to_until_it_is_done_or_moot() {
    let ends: [Payload; 4] = [
        O.signing_completed(),
        O.rejected("KYC_DENIAL"),
        O.failed("TIMEOUT"),
        O.signing_created("https://sign/2"),
    ];
    for end in ends {
        let nordiska = Ledger::onboarding();
        nordiska.receive(&O.signing_created("https://sign/1").at(T1)).await;
        let open = only(&nordiska, "redirect_to_signing").await;
        let signing = nordiska.application("o1").await["signing"].clone();
        assert_eq!((text(&open, "owner"), text(&open, "status")), ("partner", "open"));
        assert_eq!(open["subject"], json!({"type": "application", "id": "o1"}));
        assert_eq!(open["secret_ref"], signing["secret_ref"]);
        assert_eq!(open["closed_at"], json!(null));

        let renews = end.body().contains("https://sign/2");
        assert_eq!(nordiska.receive(&end.at(T2)).await, "applied");
        let listed = nordiska.actions(&[("kind", "redirect_to_signing")]).await;
        let old = listed.iter().find(|one| one["id"] == open["id"]).expect("it is kept");
        assert_eq!(old["status"], "closed", "{old:#}");
        assert!(old["closed_at"].is_string(), "{old:#}");
        assert_eq!(open_kinds(&nordiska, "redirect_to_signing").await, usize::from(renews));
    }
}

#[tokio::test]
async fn a_card_is_to_be_created_until_the_onboarding_is_completed() {
    let nordiska = Ledger::onboarding();
    nordiska
        .receives(&[O.signing_created("https://sign").at(T1), O.signing_completed().at(T2)])
        .await;
    let open = only(&nordiska, "initiate_card_creation").await;
    assert_eq!((text(&open, "owner"), text(&open, "status")), ("partner", "open"));
    nordiska.receive(&O.completed("e1").at(T3)).await;
    assert_eq!(only(&nordiska, "initiate_card_creation").await["status"], "closed");
    let store = only(&nordiska, "store_engagement_id").await;
    assert_eq!((text(&store, "owner"), text(&store, "status")), ("partner", "open"));
}

#[tokio::test]
async fn the_partner_says_that_it_is_done_once() {
    let nordiska = Ledger::onboarding();
    nordiska
        .receives(&[O.signing_created("https://sign").at(T1), O.signing_completed().at(T2)])
        .await;
    let open = only(&nordiska, "initiate_card_creation").await;
    let said = json!({"actor": "card-service", "note": "card 17"});
    let told = done(&nordiska, &open, &said).await.is(200);
    assert_eq!((&told["id"], &told["status"]), (&open["id"], &json!("done")));
    assert!(told["position"].as_i64() > Some(0), "{told:#}");
    let closed = only(&nordiska, "initiate_card_creation").await;
    assert_eq!(closed["status"], "done");
    assert!(closed["closed_at"].is_string(), "{closed:#}");
    done(&nordiska, &open, &said).await.is_problem(409, "already_closed");

    // Who did it stands in the log, and the onboarding goes on as if nothing had been said.
    let events = nordiska.events().await;
    assert!(events.iter().any(|event| event.to_string().contains("card-service")), "{events:#?}");
    assert_eq!(nordiska.receive(&O.completed("e1").at(T3)).await, "applied");
    assert_eq!(only(&nordiska, "initiate_card_creation").await["status"], "done");
    nordiska.adds_up().await;
}

#[tokio::test]
async fn what_a_step_has_closed_cannot_be_done_any_more() {
    let nordiska = Ledger::onboarding();
    nordiska.receive(&O.signing_created("https://sign").at(T1)).await;
    let open = only(&nordiska, "redirect_to_signing").await;
    nordiska.receive(&O.signing_completed().at(T2)).await;
    done(&nordiska, &open, &json!({})).await.is_problem(409, "already_closed");
    let nothing = json!({"id": "no-such-action"});
    assert_eq!(done(&nordiska, &nothing, &json!({})).await.status, 404);
}

#[tokio::test]
async fn each_reason_and_each_code_asks_somebody_for_something() {
    #[rustfmt::skip] // It is a table.
    let asked = [
        (O.rejected("UNAUTHORIZED_SIGNATORY"), "provide_documents", "customer"),
        (O.rejected("INVALID_DOCUMENTS"),      "provide_documents", "customer"),
        (O.rejected("KYB_DENIAL"),             "contact_support",   "customer"),
        (O.rejected("CREDIT_SCORING_DENIAL"),  "reapply",           "customer"),
        (O.failed("ADDRESS_MISMATCH"),         "correct_data",      "customer"),
        (O.failed("NAME_MISMATCH"),            "correct_data",      "customer"),
        (O.failed("ID_VERIFICATION_FAILED"),   "provide_documents", "customer"),
        (O.failed("TIMEOUT"),                  "retry_application", "partner"),
    ];
    for (step, kind, owner) in asked {
        let nordiska = Ledger::onboarding();
        nordiska.receive(&step.clone().at("2024-11-30T10:00:00Z")).await;
        let open = only(&nordiska, kind).await;
        assert_eq!(
            (text(&open, "owner"), text(&open, "status")),
            (owner, "open"),
            "{}",
            step.body()
        );
        let from = (kind == "reapply").then_some("2025-02-28");
        assert_eq!(open["from"], json!(from), "{open:#}");
    }
}

#[tokio::test]
async fn a_reopened_onboarding_asks_for_no_correction_any_more() {
    let nordiska = Ledger::onboarding();
    nordiska.receive(&O.failed("ADDRESS_MISMATCH").at(T1)).await;
    assert_eq!(open_kinds(&nordiska, "correct_data").await, 1);
    nordiska.receive(&O.signing_created("https://sign").at(T2)).await;
    assert_eq!(open_kinds(&nordiska, "correct_data").await, 0);
    assert_eq!(open_kinds(&nordiska, "redirect_to_signing").await, 1);
}

#[tokio::test]
async fn a_lender_who_waits_for_somebody_says_for_whom_and_why() {
    #[rustfmt::skip] // It is a table.
    let waits = [
        (L1.pending_consumer("send a payslip"), "consumer_action", "customer"),
        (L1.pending_merchant("send a payslip"), "merchant_action", "merchant"),
    ];
    for (step, kind, owner) in waits {
        let loans = Ledger::charge_after();
        loans.receive(&step.at(T1)).await;
        let open = only(&loans, kind).await;
        assert_eq!((text(&open, "owner"), text(&open, "status")), (owner, "open"));
        assert_eq!(open["reason"], "send a payslip");
        assert_eq!(open["subject"], json!({"type": "application", "id": "a1"}));
        assert_eq!(instant(text(&open, "opened_at")), instant(T1));
        loans.receive(&L1.approved("900.00").at(T2)).await;
        assert_eq!(only(&loans, kind).await["status"], "closed");
    }
}

#[tokio::test]
async fn a_confirmation_asks_for_a_charge_until_there_is_one() {
    let loans = Ledger::charge_after();
    loans.receives(&[L1.approved("9").at(T1), L1.confirmed("9", "token-1").at(T2)]).await;
    let open = only(&loans, "create_charge").await;
    assert_eq!((text(&open, "owner"), text(&open, "status")), ("partner", "open"));
    let board = loans.application("a1").await["lenders"].clone();
    assert_eq!(open["secret_ref"], board[0]["token_refs"][0]);
    loans.creates_charge(&json!({"charge_id": "c1", "application_id": "a1"})).await.is(201);
    let closed = only(&loans, "create_charge").await;
    assert_ne!(closed["status"], "open", "{closed:#}");
}

#[tokio::test]
async fn the_same_again_asks_for_nothing_new() {
    let (nordiska, loans) = (Ledger::onboarding(), Ledger::charge_after());
    for _ in 0..3 {
        nordiska.receive(&O.signing_created("https://sign").at(T1)).await;
    }
    loans.receives(&[T1, T2, T3].map(|time| L1.pending_consumer("an id").at(time))).await;
    loans.receive(&L1.account_pending_consumer().at(T3)).await;
    assert_eq!(nordiska.actions(&[]).await.len(), 1);
    assert_eq!(loans.actions(&[]).await.len(), 1);
}

#[tokio::test]
async fn actions_are_filtered_by_kind_owner_status_and_customer() {
    let nordiska = Ledger::onboarding();
    for (id, who) in [("o1", "p"), ("o2", "q")] {
        let said = json!({"application_id": id, "partner_customer_id": who, "started_at": T0});
        nordiska.registers(&said).await.is(201);
    }
    let other = Onboarding::new("o2");
    nordiska
        .receives(&[
            O.signing_created("https://sign/1").at(T1),
            O.signing_completed().at(T2),
            other.rejected("INVALID_DOCUMENTS").at(T1),
        ])
        .await;
    #[rustfmt::skip] // It is a table.
    let asked: [(Filters, &[&str]); 6] = [
        (&[],                                          &["initiate_card_creation", "provide_documents", "redirect_to_signing"]),
        (&[("status", "open")],                        &["initiate_card_creation", "provide_documents"]),
        (&[("status", "closed")],                      &["redirect_to_signing"]),
        (&[("owner", "customer")],                     &["provide_documents"]),
        (&[("customer_id", "p"), ("status", "open")],  &["initiate_card_creation"]),
        (&[("kind", "reapply")],                       &[]),
    ];
    for (filters, expected) in asked {
        let rows = nordiska.actions(filters).await;
        let mut found = column(&rows, "kind");
        found.sort_unstable();
        assert_eq!(found, expected, "{filters:?}");
    }
    for (field, value) in [("kind", "nonsense"), ("owner", "nonsense"), ("status", "nonsense")] {
        nordiska.ask("/v1/actions", &[(field, value)]).await.names(field);
    }
}

/// The only action of this kind.
async fn only(ledger: &Ledger, kind: &str) -> Value {
    let mut found = ledger.actions(&[("kind", kind)]).await;
    assert_eq!(found.len(), 1, "{kind}: {found:#?}");
    found.remove(0)
}

async fn open_kinds(ledger: &Ledger, kind: &str) -> usize {
    ledger.actions(&[("kind", kind), ("status", "open")]).await.len()
}

async fn done(ledger: &Ledger, action: &Value, said: &Value) -> Answer {
    ledger.command(&format!("/v1/actions/{}/done", text(action, "id")), said).await
}
