//! Where what the browser said and what the lender decided do not meet: DOMAIN.md 4.11.

use serde_json::{Value, json};

use crate::support::{Card, Ledger, Source, T1, T3, ago, column, decision, text, until};

#[tokio::test]
async fn a_report_that_the_lender_does_not_confirm_is_listed_after_a_while() {
    #[rustfmt::skip] // It is a table.
    let reports = [
        ("OFFER_ACCEPTED", "accepted_unconfirmed_after", "accepted_unconfirmed", "OFFER_ACCEPTED"),
        ("REJECTED",       "rejected_unconfirmed_after", "rejected_unconfirmed", "REJECTED"),
    ];
    for (result, policy, class, decided) in reports {
        let imprint = Ledger::with(Source::named("imprint").policy(policy, "1s"));
        let id = reported(&imprint, result).await;
        let listed = until(class, async || of_class(&imprint, class).await.pop()).await;
        assert_eq!(
            (text(&listed, "application_id"), text(&listed, "source")),
            (id.as_str(), "imprint")
        );
        assert!(listed["since"].is_string() && !text(&listed, "message").is_empty(), "{listed:#}");
        // Nothing is decided by it.
        assert_eq!(imprint.application(&id).await["decision"], json!(null));
        imprint.receive(&decision(decided).partner("p").created_at(&ago(0)).at(&ago(0))).await;
        assert!(of_class(&imprint, class).await.is_empty());
    }
}

#[tokio::test]
async fn a_report_that_the_lender_contradicts_is_listed_at_once() {
    let imprint = Ledger::fresh();
    let id = reported(&imprint, "OFFER_ACCEPTED").await;
    imprint.receive(&decision("REJECTED").partner("p").created_at(&ago(0)).at(&ago(0))).await;
    let listed = of_class(&imprint, "sdk_webhook_mismatch").await;
    assert_eq!(column(&listed, "application_id"), [id]);
}

#[tokio::test]
async fn a_decision_without_a_card_stands_until_the_card_comes() {
    let imprint = Ledger::with(Source::named("imprint").policy("unmatched_after", "0s"));
    imprint.receive(&decision("OFFER_ACCEPTED").customer("c")).await;
    let listed = of_class(&imprint, "decision_without_card").await;
    assert_eq!(column(&listed, "customer_id"), ["c"]);
    let accepted = imprint.list("/v1/applications", &[("status", "accepted")]).await;
    assert_eq!(text(&listed[0], "application_id"), text(&accepted[0], "application_id"));
    imprint.receive(&Card::virtual_card("v").is("ACTIVE").customer("c")).await;
    assert!(imprint.list("/v1/discrepancies", &[]).await.is_empty());
}

#[tokio::test]
async fn a_card_without_a_decision_stands_until_an_acceptance_comes() {
    let imprint = Ledger::with(Source::named("imprint").policy("unmatched_after", "0s"));
    imprint.receive(&Card::virtual_card("v").is("ACTIVE").customer("c")).await;
    imprint.receive(&decision("REJECTED").customer("c")).await;
    let listed = of_class(&imprint, "card_without_decision").await;
    assert_eq!(column(&listed, "payment_method_id"), ["v"]);
    imprint.receive(&decision("OFFER_ACCEPTED").customer("c").created_at(T3)).await;
    assert!(imprint.list("/v1/discrepancies", &[]).await.is_empty());
}

#[tokio::test]
async fn what_has_been_unmatched_for_a_short_time_is_no_discrepancy() {
    let imprint = Ledger::fresh();
    let [now, before] = [ago(0), ago(3 * 24 * 3600)];
    imprint.receive(&decision("OFFER_ACCEPTED").customer("c").at(&now)).await;
    imprint.receive(&decision("OFFER_ACCEPTED").customer("d").at(&before)).await;
    let listed = imprint.list("/v1/discrepancies", &[]).await;
    assert_eq!(column(&listed, "customer_id"), ["d"]);
}

#[tokio::test]
async fn a_class_or_a_code_that_is_none_is_named() {
    let imprint = Ledger::fresh();
    imprint.receive(&decision("REJECTED").partner("p").at(T1)).await;
    imprint.ask("/v1/discrepancies", &[("class", "nonsense")]).await.names("class");
    imprint.ask("/v1/stale", &[("code", "nonsense")]).await.names("code");
    for code in [
        "signing_overdue",
        "application_stale",
        "hold_overdue",
        "operation_stuck",
        "charge_unsettled",
        "token_unused",
    ] {
        assert!(imprint.list("/v1/stale", &[("code", code)]).await.is_empty(), "{code}");
    }
}

/// A session of now, and what the browser said at its end.
async fn reported(imprint: &Ledger, result: &str) -> String {
    let said = json!({"partner_customer_id": "p", "session_id": "s", "started_at": ago(60)});
    let told = imprint.registers(&said).await.is(201);
    let id = text(&told, "application_id").to_owned();
    let path = format!("/v1/applications/imprint/{id}/client-report");
    imprint.command(&path, &json!({"result": result})).await.is(200);
    id
}

async fn of_class(imprint: &Ledger, class: &str) -> Vec<Value> {
    imprint.list("/v1/discrepancies", &[("class", class)]).await
}
