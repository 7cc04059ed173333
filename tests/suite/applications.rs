//! What the lender decides, and what the browser only reports: G22 to G26.

use serde_json::{Value, json};

use crate::support::{Answer, Ledger, T0, T1, T2, T3, T4, Webhook, decision, items, settled, text};

#[tokio::test]
async fn a_decision_told_twice_is_one_event_and_one_duplicate() {
    let imprint = Ledger::fresh();
    let accepted = decision("OFFER_ACCEPTED").customer("a");
    let told = imprint.receives(&[accepted.clone(), accepted]).await;
    assert_eq!(told, ["applied", "duplicate"]);

    let application = only_application(&imprint, "a").await;
    assert_eq!(application["status"], "accepted");
    assert_eq!(application["decision"], "accepted");
    assert_eq!(application["provisional"], json!(null));
    assert_eq!(items(&application, "steps").len(), 1);
}

#[tokio::test]
async fn a_rejection_needs_no_customer_but_a_partners_name_for_him() {
    let imprint = Ledger::fresh();
    let rejected = decision("REJECTED").partner("p");
    assert_eq!(imprint.receive(&rejected).await, "applied");
    let found = imprint.list("/v1/applications", &[("partner_customer_id", "p")]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["status"], "rejected");
}

#[tokio::test]
async fn a_client_report_never_decides() {
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let reports = [
        ("OFFER_ACCEPTED", "accepted"),
        ("REJECTED",       "rejected"),
        ("IN_PROGRESS",    "in_progress"),
        ("ABANDONED",      "in_progress"),
        ("ERROR",          "launch_error"),
    ];
    for (result, provisional) in reports {
        let id = session(&imprint, &format!("of-{result}")).await;
        let told = report(&imprint, &id, json!({"result": result})).await.is(200);
        assert_eq!(told["outcome"], "applied", "{result}");

        let application = imprint.application(&id).await;
        assert_eq!(application["provisional"], provisional, "{result}");
        assert_eq!(application["decision"], json!(null), "{result}");
        assert_eq!(application["status"], "started", "{result}");
        assert_eq!(items(&application, "client_reports").len(), 1);
    }
}

#[tokio::test]
async fn each_exit_of_the_browser_is_a_report_of_its_own() {
    let imprint = Ledger::fresh();
    let id = session(&imprint, "p").await;
    #[rustfmt::skip] // It is a table.
    let exits = [
        (1, "IN_PROGRESS",    "applied"),
        (1, "IN_PROGRESS",    "duplicate"),
        (2, "IN_PROGRESS",    "applied"),
        (2, "OFFER_ACCEPTED", "applied"),
    ];
    for (exit_no, result, outcome) in exits {
        let said = json!({"session_id": "session-of-p", "exit_no": exit_no, "result": result});
        let told = report(&imprint, &id, said).await.is(200);
        assert_eq!(told["outcome"], outcome, "exit {exit_no}, {result}");
    }
    let application = imprint.application(&id).await;
    assert_eq!(items(&application, "client_reports").len(), 3);
}

#[tokio::test]
async fn where_browser_and_lender_disagree_the_lender_is_right_and_a_person_is_told() {
    // result, decision, what the lists say: before and after the decision alike.
    #[rustfmt::skip] // It is a table.
    let pairs = [
        ("OFFER_ACCEPTED", "REJECTED",       Some("sdk_webhook_mismatch")),
        ("REJECTED",       "OFFER_ACCEPTED", Some("sdk_webhook_mismatch")),
        ("OFFER_ACCEPTED", "OFFER_ACCEPTED", None),
        ("REJECTED",       "REJECTED",       None),
        ("IN_PROGRESS",    "REJECTED",       None),
    ];
    for (result, status, flag) in pairs {
        for report_comes_first in [true, false] {
            let imprint = Ledger::fresh();
            let id = session(&imprint, "p").await;
            let said = json!({"result": result, "occurred_at": T3});
            let decided = decision(status).partner("p");
            if report_comes_first {
                report(&imprint, &id, said).await.is(200);
                imprint.receive(&decided).await;
            } else {
                imprint.receive(&decided).await;
                report(&imprint, &id, said).await.is(200);
            }
            let expected = if status == "REJECTED" { "rejected" } else { "accepted" };
            let application = imprint.application(&id).await;
            assert_eq!(application["decision"], expected);
            assert_eq!(application["status"], expected);
            let listed = imprint.exceptions(&[("code", "sdk_webhook_mismatch")]).await;
            let about = listed.iter().map(|one| &one["subject"]["id"]);
            let expected: Vec<Value> = flag.into_iter().map(|_| json!(id)).collect();
            assert!(about.eq(&expected), "{result}, {status}, {report_comes_first}: {listed:#?}");
        }
    }
}

#[tokio::test]
async fn a_launch_error_after_the_decision_is_a_late_report() {
    let imprint = Ledger::fresh();
    let id = session(&imprint, "p").await;
    imprint.receive(&decision("OFFER_ACCEPTED").partner("p")).await;
    let said = json!({"result": "ERROR", "error_code": "INVALID_CLIENT_SECRET", "occurred_at": T4});
    assert_eq!(report(&imprint, &id, said).await.is(200)["outcome"], "applied");
    assert_eq!(imprint.application(&id).await["status"], "accepted");
    assert_eq!(imprint.exception("late_report").await["kind"], "flagged");
}

#[tokio::test]
async fn a_session_before_and_after_the_webhook_is_the_same_application() {
    let decided = decision("OFFER_ACCEPTED").customer("a").partner("p");

    let session_first = Ledger::fresh();
    let id = session(&session_first, "p").await;
    session_first.receive(&decided).await;
    let before = only_application(&session_first, "a").await;
    assert_eq!(before["application_id"], json!(id));

    let webhook_first = Ledger::fresh();
    webhook_first.receive(&decided).await;
    let announced = only_application(&webhook_first, "a").await;
    let id = session(&webhook_first, "p").await;
    let after = only_application(&webhook_first, "a").await;
    assert_eq!(announced["application_id"], json!(id));
    assert_eq!(after["application_id"], json!(id));

    for application in [&before, &after] {
        assert_eq!(application["decision"], "accepted");
        assert_eq!(application["customer_id"], "a");
        assert_eq!(application["partner_customer_id"], "p");
    }
}

#[tokio::test]
async fn who_was_rejected_may_apply_again() {
    converges(
        &[
            decision("REJECTED").customer("a").created_at(T1).at(T1),
            decision("OFFER_ACCEPTED").customer("a").created_at(T3).at(T3),
        ],
        &[("accepted", None), ("rejected", None)],
    )
    .await;
}

#[tokio::test]
async fn of_two_decisions_on_one_application_the_first_holds() {
    let accepted = decision("OFFER_ACCEPTED").customer("a").at(T2);
    let rejected = decision("REJECTED").customer("a").at(T3);
    converges(&[accepted.clone(), rejected.clone()], &[("accepted", Some("decision_conflict"))])
        .await;
    converges(&[rejected.at(T2), accepted.at(T3)], &[("rejected", Some("decision_conflict"))])
        .await;
}

#[tokio::test]
async fn the_same_decision_at_another_time_is_refused_as_repeated() {
    let accepted = decision("OFFER_ACCEPTED").customer("a");
    let steps = [accepted.clone().at(T2), accepted.at(T3)];
    converges(&steps, &[("accepted", Some("repeated_decision"))]).await;
}

#[tokio::test]
async fn commands_of_a_partner_are_told_what_is_wrong() {
    let imprint = Ledger::fresh();
    let id = session(&imprint, "p").await;
    report(&imprint, &id, json!({})).await.names("result");
    report(&imprint, &id, json!({"result": 7})).await.names("result");
    let wrong_time = json!({"result": "ERROR", "occurred_at": "2025-02-30T00:00:00Z"});
    report(&imprint, &id, wrong_time).await.names("occurred_at");
    let wrong_time = json!({"partner_customer_id": "p", "started_at": "tomorrow"});
    imprint.command("/v1/applications/imprint", &wrong_time).await.names("started_at");

    let unknown = report(&imprint, "no-such-application", json!({"result": "ERROR"})).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    let said = json!({"partner_customer_id": "p"});
    let stranger = imprint.command("/v1/applications/stranger", &said).await;
    stranger.is_problem(404, "unknown_source");
}

/// Receives the decisions on one customer in both orders: each ends in the applications that are
/// listed here by status, with the refusal that is on the list.
async fn converges(decisions: &[Webhook; 2], expected: &[(&str, Option<&str>)]) {
    // Two services: of one source, so that even the derived ids have to be the same.
    let (forwards, backwards) = (Ledger::fresh(), Ledger::fresh());
    let [one, other] = decisions;
    forwards.receives(&[one.clone(), other.clone()]).await;
    backwards.receives(&[other.clone(), one.clone()]).await;
    let mut ends = Vec::new();
    for imprint in [&forwards, &backwards] {
        let mut applications = imprint.list("/v1/applications", &[("customer_id", "a")]).await;
        applications.sort_by_key(|one| text(one, "status").to_owned());
        let statuses: Vec<&str> = applications.iter().map(|one| text(one, "status")).collect();
        assert!(statuses.iter().eq(expected.iter().map(|(status, _)| status)), "{applications:#?}");
        for code in expected.iter().filter_map(|(_, code)| *code) {
            let exception = imprint.exception(code).await;
            assert_eq!((text(&exception, "kind"), text(&exception, "status")), ("refused", "open"));
        }
        ends.push(settled(&Value::Array(applications)));
        imprint.adds_up().await;
    }
    assert_eq!(ends[0], ends[1], "the order of arrival changed the outcome");
}

/// Registers a session of the partner's customer: the id of the application.
async fn session(imprint: &Ledger, partner_customer_id: &str) -> String {
    let path = format!("/v1/applications/{}", imprint.source);
    let said = json!({
        "partner_customer_id": partner_customer_id,
        "session_id": format!("session-of-{partner_customer_id}"),
        "started_at": T0,
    });
    let told = imprint.command(&path, &said).await.is(201);
    text(&told, "application_id").to_owned()
}

async fn report(imprint: &Ledger, application_id: &str, said: Value) -> Answer {
    let path = format!("/v1/applications/{}/{application_id}/client-report", imprint.source);
    imprint.command(&path, &said).await
}

async fn only_application(imprint: &Ledger, customer_id: &str) -> Value {
    let found = imprint.list("/v1/applications", &[("customer_id", customer_id)]).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    imprint.application(text(&found[0], "application_id")).await
}
