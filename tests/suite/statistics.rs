//! Numbers over time: deliveries by outcome, lag, how far applications get, why they end.

use serde_json::{Value, json};

use crate::support::{
    Ledger, Loan, Onboarding, T0, T1, T2, T3, Tx, ago, decision, items, number, text,
};

/// The numbers of one kind as `period label count`; the present day is `today`.
async fn numbers(ledger: &Ledger, what: &str, span: [&str; 2]) -> Vec<String> {
    let [from, to] = span;
    let mut query = vec![("source", ledger.source.as_str()), ("what", what)];
    let position = ledger.counts().await["position"].to_string();
    query.push(("at_least", &position));
    query.extend([("from", from), ("to", to)].into_iter().filter(|(_, day)| !day.is_empty()));
    let answer = ledger.ask("/v1/statistics", &query).await.is(200);
    let today = text(&answer, "to").to_owned();
    let shown = |item: &Value| {
        assert_eq!((text(item, "source"), text(item, "what")), (ledger.source.as_str(), what));
        let period = text(item, "period");
        let period = if to.is_empty() && period == today { "today" } else { period };
        format!("{period} {} {}", text(item, "label"), number(item, "count"))
    };
    items(&answer, "items").iter().map(shown).collect()
}

const TODAY: [&str; 2] = ["", ""];
/// The week of [`T1`].
const THEN: [&str; 2] = ["2025-02-24", "2025-03-02"];

#[tokio::test]
async fn deliveries_are_counted_by_their_outcome_as_of_now() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint.receives(&[tx.voided(5000).at(T2), tx.voided(5000).at(T2)]).await;
    imprint.deliver("no json").await;
    let first = ["today malformed 1", "today parked 1"];
    assert_eq!(numbers(&imprint, "deliveries", TODAY).await, first);
    imprint.receives(&[tx.approved(5000).at(T1)]).await;
    let then = ["today applied 2", "today malformed 1"];
    assert_eq!(numbers(&imprint, "deliveries", TODAY).await, then);
    assert!(numbers(&imprint, "deliveries", THEN).await.is_empty(), "by the day of receipt");
}

#[tokio::test]
async fn a_delivery_is_counted_by_how_late_it_came() {
    let imprint = Ledger::fresh();
    let (half_an_hour, soon) = (ago(30 * 60), ago(-60));
    imprint
        .receives(&[
            Tx::new("t1").approved(5000).at(T1),
            Tx::new("t2").approved(5000).at(&half_an_hour),
            Tx::new("t3").approved(5000).at(&soon),
            Tx::new("t4").approved(5000).at("2025-02-30T00:00:00Z"),
        ])
        .await;
    let lags = ["today 1h 1", "today before 1", "today more 1", "today untimed 1"];
    assert_eq!(numbers(&imprint, "lag", TODAY).await, lags);
}

#[tokio::test]
async fn an_application_is_counted_in_the_week_in_which_it_began() {
    let imprint = Ledger::fresh();
    imprint.receives(&[decision("REJECTED").partner("p").created_at(T0).at(T1)]).await;
    imprint.receives(&[decision("OFFER_ACCEPTED").partner("q").created_at(T0).at(T1)]).await;
    let session = json!({"partner_customer_id": "r", "started_at": "2025-03-02T23:59:59Z"});
    imprint.command("/v1/applications/imprint", &session).await.is(201);
    let far = [
        "2025-02-24 started.accepted 1",
        "2025-02-24 started.open 1",
        "2025-02-24 started.rejected 1",
    ];
    assert_eq!(numbers(&imprint, "applications", THEN).await, far);
    assert_eq!(numbers(&imprint, "declines", THEN).await, ["2025-02-24 not_told 1"]);
    let wednesday = ["2025-02-26", "2025-02-26"];
    assert_eq!(numbers(&imprint, "applications", wednesday).await, far, "the week as a whole");
}

#[tokio::test]
async fn an_onboarding_is_counted_by_how_far_it_got_and_why_it_ended() {
    let ledger = Ledger::onboarding();
    let [signed, denied, odd] = ["o1", "o2", "o3"].map(Onboarding::new);
    ledger.receives(&[signed.signing_created("https://a").at(T1)]).await;
    let open = ["2025-02-24 awaiting_signature.open 1"];
    assert_eq!(numbers(&ledger, "applications", THEN).await, open);
    ledger
        .receives(&[
            signed.signing_completed().at(T2),
            signed.rejected("CREDIT_SCORING_DENIAL").at(T3),
            denied.failed("TIMEOUT").at(T1),
            odd.rejected("<b>").at(T1),
        ])
        .await;
    let far = [
        "2025-02-24 signed.rejected 1",
        "2025-02-24 submitted.failed 1",
        "2025-02-24 submitted.rejected 1",
    ];
    assert_eq!(numbers(&ledger, "applications", THEN).await, far);
    let why = ["2025-02-24 CREDIT_SCORING_DENIAL 1", "2025-02-24 OTHER 1", "2025-02-24 TIMEOUT 1"];
    assert_eq!(numbers(&ledger, "declines", THEN).await, why);
}

#[tokio::test]
async fn with_several_lenders_the_furthest_counts_and_each_decline() {
    let ledger = Ledger::charge_after();
    let loan = Loan::new("a1");
    let (red, blue) = (loan.lender("red"), loan.lender("blue"));
    ledger.receives(&[loan.created().at(T0), red.approved("900.00").at(T1)]).await;
    ledger.receives(&[red.cancelled().at(T2), blue.declined().at(T2)]).await;
    let far = ["2025-02-24 approved.declined 1"];
    assert_eq!(numbers(&ledger, "applications", THEN).await, far);
    assert_eq!(numbers(&ledger, "declines", THEN).await, ["2025-02-24 lender:blue 1"]);
}

#[tokio::test]
async fn a_rebuild_counts_the_same() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint.receives(&[tx.voided(5000).at(T2), tx.approved(5000).at(T1)]).await;
    imprint.receives(&[decision("REJECTED").partner("p").created_at(T0).at(T1)]).await;
    let all = async || imprint.ask("/v1/statistics", &[]).await.is(200);
    let before = (numbers(&imprint, "deliveries", TODAY).await, all().await);
    assert!(imprint.service.stop().success());
    imprint.service.command("replay");
    imprint.service.start_again();
    assert_eq!((numbers(&imprint, "deliveries", TODAY).await, all().await), before);
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let imprint = Ledger::fresh();
    for (name, value) in [
        ("what", "everything"),
        ("from", "yesterday"),
        ("from", "2999-01-01"),
        ("from", "2020-01-01"),
        ("to", "2026-02-30"),
        ("weeks", "3"),
    ] {
        let problem = imprint.ask("/v1/statistics", &[(name, value)]).await.is(400);
        assert_eq!(problem["field"], name, "{name}={value}");
    }
    imprint.ask("/v1/statistics", &[("source", "nobody")]).await.is(404);
}
