//! When a thing changed, and in what two moments of it differ.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Ledger, T0, T1, T2, T3, T4, T5, Tx, decision, items, link, text};

#[tokio::test]
async fn the_moments_of_a_thing_say_what_happened() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint
        .receives(&[
            t1.approved(5000).at(T1),
            t1.captured(5000).at(T3),
            t1.voided(5000).at(T4),
            t1.updated(8000).at(T2),
            t1.approved(9000).event("second").at(T5),
        ])
        .await;
    let second = imprint.exception("second_approval").await;
    let path = format!("/v1/exceptions/{}/resolve", text(&second, "id"));
    let said = json!({"action": "discard", "reason": "sent in error", "actor": "anna"});
    imprint.command(&path, &said).await.is(200);

    let path = "/v1/transactions/imprint/t1/moments";
    let moments = imprint.view(path).await;
    let said: Vec<&str> = items(&moments, "items").iter().map(|one| text(one, "what")).collect();
    #[rustfmt::skip] // One line each.
    assert_eq!(said, [
        "approve recorded: applied",
        "capture recorded: applied",
        "void recorded: refused (void_after_full_capture)",
        "update recorded: applied",
        "void revised from refused to applied",
        "approve recorded: refused (second_approval)",
        "discard approve by anna: sent in error",
        "approve stays refused (discarded)",
    ]);
    let first = &items(&moments, "items")[0];
    assert_eq!(first["position"], 1);
    assert_eq!(first["subject"], json!({"type": "transaction", "id": "t1"}));
    assert_eq!(first["recorded_at"], imprint.events().await[0]["recorded_at"]);
    // In pages.
    let page = imprint.ask(path, &[("limit", "5")]).await.is(200);
    let next = text(&page, "next_cursor");
    let rest = imprint.ask(path, &[("limit", "5"), ("cursor", next)]).await.is(200);
    let paged: Vec<&Value> = items(&page, "items").iter().chain(items(&rest, "items")).collect();
    assert_eq!(paged, items(&moments, "items").iter().collect::<Vec<_>>());
    assert_eq!(rest["next_cursor"], json!(null));
    let unknown = imprint.ask("/v1/transactions/imprint/none/moments", &[]).await;
    unknown.is_problem(404, "not_found");
}

#[tokio::test]
async fn the_moments_of_a_customer_are_those_of_all_that_is_its_own() {
    let imprint = Ledger::fresh();
    imprint
        .receives(&[
            Tx::new("t1").captured(700).customer("a").partner("p").at(T1),
            Tx::new("t2").captured(700).customer("b").at(T1),
            decision("REJECTED").partner("p").created_at(T1).at(T2),
            link("a", "p").at(T3),
        ])
        .await;
    imprint.transaction("t1").await;
    let path = "/v1/customers/imprint/a/moments";
    let moments = imprint.ask(path, &[]).await.is(200);
    let said = |one: &Value| format!("{} {}", text(&one["subject"], "type"), text(one, "what"));
    let said: Vec<String> = items(&moments, "items").iter().map(said).collect();
    #[rustfmt::skip] // One line each.
    assert_eq!(said, [
        "transaction capture recorded: applied",
        "application reject recorded: applied",
        "customer_link link recorded: applied",
    ]);
}

#[tokio::test]
async fn of_an_applicants_applications_each_has_moments_of_its_own() {
    let imprint = Ledger::fresh();
    let first = decision("REJECTED").partner("p").created_at(T0).at(T1);
    let second = decision("OFFER_ACCEPTED").partner("p").customer("a").created_at(T2).at(T3);
    imprint.receives(&[first, second]).await;
    for application in imprint.list("/v1/applications", &[]).await {
        let path = format!("/v1/applications/imprint/{}", text(&application, "application_id"));
        let moments = imprint.view(&format!("{path}/moments")).await;
        let steps = items(&application, "steps");
        assert_eq!(items(&moments, "items").len(), steps.len());
        assert_eq!(moments["items"][0]["step"], steps[0]["id"]);
    }
}

#[tokio::test]
async fn the_difference_between_two_moments_is_told_field_by_field() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint
        .receives(&[
            t1.approved(5000).at(T1),
            t1.captured(5000).at(T3),
            t1.voided(5000).at(T4),
            t1.updated(8000).at(T2),
        ])
        .await;
    let whole = imprint.transaction("t1").await;
    let void = text(&items(&whole, "steps")[3], "id");
    let path = "/v1/transactions/imprint/t1/changes";
    let told = imprint.ask(path, &[("from", "3")]).await.is(200);
    assert_eq!((&told["from"]["position"], &told["to"]["position"]), (&json!(3), &json!(5)));
    let fields: BTreeMap<&str, [&Value; 2]> = items(&told, "changes")
        .iter()
        .map(|one| (text(one, "field"), [&one["before"], &one["after"]]))
        .collect();
    assert_eq!(fields["status"], [&json!("captured"), &json!("captured_remainder_voided")]);
    assert_eq!(fields["authorized"], [&json!(5000), &json!(8000)]);
    assert_eq!(
        fields[format!("steps[{void}].outcome").as_str()],
        [&json!("refused"), &json!("applied")]
    );
    assert!(fields.keys().all(|field| !field.contains("position")), "{fields:#?}");

    let nothing = imprint.ask(path, &[("from", "5"), ("to", "5")]).await.is(200);
    assert_eq!(nothing["changes"], json!([]));
    // Before it was known all of it differs.
    let all = imprint.ask(path, &[("from", "0")]).await.is(200);
    assert_eq!(all["changes"], json!([{"field": "", "before": null, "after": whole}]));
    imprint.ask(path, &[]).await.names("from");
    imprint.ask(path, &[("from", "x")]).await.names("from");
    let unknown = imprint.ask("/v1/charges/imprint/none/changes", &[("from", "0")]).await;
    unknown.is_problem(404, "not_found");
}
