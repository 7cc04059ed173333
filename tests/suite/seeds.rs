//! Every payload that card onboarding and ChargeAfter print, through the real endpoint.

use crate::support::{Ledger, Service, Source, T2, fixtures, number, text};

#[tokio::test]
async fn each_payload_of_card_onboarding_alone_comes_to_what_one_expects() {
    let waits = ["signing_session_completed", "onboarding_completed"];
    for (name, body) in fixtures::ONBOARDING {
        let nordiska =
            Ledger::of(Service::start(&[Source::card_onboarding("nordiska")]), "nordiska");
        let outcome = if waits.contains(&name) { "parked" } else { "applied" };
        assert_eq!(nordiska.deliver(body).await["outcome"], outcome, "{name}");
        nordiska.adds_up().await;
    }
}

#[tokio::test]
async fn every_reason_and_every_code_is_taken() {
    #[rustfmt::skip] // It is a table.
    let variants = [
        ("onboarding_rejected", "CREDIT_SCORING_DENIAL", "rejected", ["KYC_DENIAL", "KYB_DENIAL", "CREDIT_SCORING_DENIAL", "UNAUTHORIZED_SIGNATORY", "INVALID_DOCUMENTS"]),
        ("onboarding_failed",   "ADDRESS_MISMATCH",      "failed",   ["INTERNAL_ERROR", "ADDRESS_MISMATCH", "NAME_MISMATCH", "ID_VERIFICATION_FAILED", "TIMEOUT"]),
    ];
    let nordiska = Ledger::onboarding();
    for (name, printed, status, codes) in variants {
        for code in codes {
            let body = fixtures::onboarding(name)
                .replace(printed, code)
                .replace(fixtures::ONBOARDING_ID, code);
            assert_eq!(nordiska.deliver(body).await["outcome"], "applied", "{code}");
            let seen = nordiska.application(code).await;
            assert_eq!((text(&seen, "status"), text(&seen["reasons"][0], "code")), (status, code));
        }
    }
    nordiska.adds_up().await;
}

#[tokio::test]
async fn each_payload_of_charge_after_alone_comes_to_what_one_expects() {
    // One source for each: so that none knows what another was told.
    let ledgers = Ledger::several_of::<22>("loans", Source::charge_after);
    for (loans, (name, body)) in ledgers.iter().zip(fixtures::CHARGE_AFTER) {
        let outcome =
            if name == "reconciliation.chargeback-reversal" { "parked" } else { "applied" };
        assert_eq!(loans.deliver(fixtures::filled(body, &[])).await["outcome"], outcome, "{name}");
        let about_charge = name.starts_with("postsale") || name.starts_with("reconciliation");
        if about_charge {
            loans.charge("the-chargeId").await;
        } else {
            loans.application("the-applicationId").await;
        }
        loans.adds_up().await;
    }
}

#[tokio::test]
async fn what_is_printed_as_a_placeholder_is_taken_as_it_is() {
    let loans = Ledger::charge_after();
    for (name, body) in fixtures::CHARGE_AFTER {
        let answer = loans.post(body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        let kept = loans.delivery(&answer.json()).await;
        let token_is_sealed = body.contains("\"token\"");
        assert!(token_is_sealed || text(&kept, "body") == body, "{name}: byte for byte");
    }
    loans.adds_up().await;
}

#[tokio::test]
async fn the_whole_page_together_adds_up_however_often_it_is_told() {
    let loans = Ledger::charge_after();
    for time in [None, None, Some(T2)] {
        for (_, body) in fixtures::CHARGE_AFTER {
            let at: Vec<(&str, &str)> = time.map(|time| ("createdAt", time)).into_iter().collect();
            loans.deliver(fixtures::filled(body, &at)).await;
        }
    }
    let counts = loans.counts().await;
    assert_eq!(number(&counts, "received"), 66);
    assert!(number(&counts["outcomes"], "duplicate") >= 22, "{counts:#}");
    for outcome in ["malformed", "unrecognised"] {
        assert_eq!(number(&counts["outcomes"], outcome), 0, "{counts:#}");
    }
    loans.adds_up().await;
    let charge = loans.charge("the-chargeId").await;
    // One authorization, one settle and one refund of the same id, each of 123.45.
    let figures = ["authorized", "settled", "refunded"].map(|field| number(&charge, field));
    assert_eq!(figures, [12_345; 3]);
}

#[tokio::test]
async fn a_fixture_is_of_the_kind_that_its_name_says() {
    for (name, body) in fixtures::CHARGE_AFTER {
        let printed: serde_json::Value = serde_json::from_str(body).expect("JSON");
        // The page itself prints the deprecated confirmation under its successor's name.
        let kind = name.replace("apply-confirmed", "checkout-confirmed");
        assert_eq!(printed["eventType"], kind);
    }
}
