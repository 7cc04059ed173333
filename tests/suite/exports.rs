//! Lists that are taken away: what is asked for, in both forms, and nothing without a reason.

use std::collections::BTreeSet;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::support::{Demo, items};

/// The lists of which the demo has rows.
const LISTS: [&str; 10] = [
    "transactions",
    "payment-methods",
    "applications",
    "charges",
    "exceptions",
    "actions",
    "compliance",
    "discrepancies",
    "deliveries",
    "access-records",
];

#[tokio::test]
async fn a_list_is_taken_away_whole_in_both_forms() {
    let demo = Demo::start().await;
    resolve_one(&demo).await;
    for list in LISTS {
        let lines = taken(&demo, json!({"list": list, "reason": "the audit"})).await;
        let documents: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!documents.is_empty(), "{list}");
        let table =
            taken(&demo, json!({"list": list, "format": "csv", "reason": "the audit"})).await;
        let mut table = csv::Reader::from_reader(table.as_bytes());
        let head: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = table.records().map(Result::unwrap).count();
        // Each export is an access itself.
        let is_same = if list == "access-records" {
            rows >= documents.len()
        } else {
            rows == documents.len()
        };
        assert!(is_same, "{list}: {rows} rows, {} documents", documents.len());
        let mut known = BTreeSet::new();
        documents.iter().for_each(|document| paths(document, "", &mut known));
        for column in head {
            assert!(known.contains(&column), "{list}: no document has `{column}`: {known:?}");
        }
    }
}

#[tokio::test]
async fn a_list_is_taken_away_as_it_is_filtered() {
    let demo = Demo::start().await;
    let all = taken(&demo, json!({"list": "deliveries", "reason": "the audit"})).await;
    let asked =
        json!({"list": "deliveries", "filters": {"outcome": "refused"}, "reason": "refusals"});
    let refused = taken(&demo, asked).await;
    let is_refused = |line: &&str| line.contains(r#""outcome":"refused""#);
    let expected: Vec<_> = all.lines().filter(is_refused).collect();
    assert!(!expected.is_empty());
    assert_eq!(refused.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_is_wrong_with_an_export_is_named() {
    let demo = Demo::start().await;
    #[rustfmt::skip] // It is a table.
    let wrong = [
        (json!({"list": "charges"}),                                                    "reason"),
        (json!({"list": "charges", "reason": "  "}),                                    "reason"),
        (json!({"list": "loans", "reason": "r"}),                                       "list"),
        (json!({"list": "charges", "format": "xlsx", "reason": "r"}),                   "format"),
        (json!({"list": "charges", "filters": {"colour": "red"}, "reason": "r"}),       "colour"),
        (json!({"list": "deliveries", "filters": {"outcome": "lost"}, "reason": "r"}),  "outcome"),
        // Nobody takes anything away without a name that can be read later.
        (json!({"list": "charges", "reason": "r", "actor": ""}),                        "actor"),
        (json!({"list": "charges", "reason": "r", "actor": " \t"}),                     "actor"),
        (json!({"list": "charges", "reason": "r", "actor": "a".repeat(201)}),           "actor"),
        (json!({"list": "charges", "reason": "r", "actor": "ada\u{7}"}),                "actor"),
        (json!({"list": "charges", "reason": "r", "actor": "\u{202e}ada"}),             "actor"),
        (json!({"list": "charges", "reason": "r", "actor": "\u{200b}"}),                "actor"),
    ];
    for (asked, field) in wrong {
        let answer = post(&demo, "/v1/exports", &asked).await;
        assert_eq!(answer.status(), 400, "{asked}");
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(field), "{asked}: {problem}");
    }
    taken(&demo, json!({"list": "charges", "reason": "the only one"})).await;
    // Records are read in their order: with the last all are there.
    let reasons = loop {
        let records = get(&demo, "/v1/access-records?act=exported").await;
        let reasons: Vec<_> =
            items(&records, "items").iter().map(|it| it["reason"].clone()).collect();
        if !reasons.is_empty() {
            break reasons;
        }
    };
    assert_eq!(reasons, [json!("the only one")], "none of the wrong ones is recorded as done");
}

/// What is asked for goes on record, whatever somebody typed.
#[tokio::test]
async fn a_card_number_as_a_filter_stops_no_export_and_is_not_kept() {
    let demo = Demo::start().await;
    let filters = json!({"customer_id": "4111111111111111"});
    taken(&demo, json!({"list": "charges", "filters": filters, "reason": "they gave it"})).await;
    let records = loop {
        let records = get(&demo, "/v1/access-records?act=exported").await;
        if !items(&records, "items").is_empty() {
            break records;
        }
    };
    let what = items(&records, "items")[0]["what"].as_str().unwrap().to_owned();
    assert!(what.contains("customer_id=") && !what.contains("4111111111111111"), "{what}");
}

/// So that one exception has a resolution to be told.
async fn resolve_one(demo: &Demo) {
    let exceptions = get(demo, "/v1/exceptions?status=open&source=imprint").await;
    let id = exceptions["items"][0]["id"].as_str().unwrap();
    let asked = json!({"action": "discard", "reason": "the lender was asked"});
    let resolved = post(demo, &format!("/v1/exceptions/{id}/resolve"), &asked).await;
    assert_eq!(resolved.status(), 200);
    let position = resolved.json::<Value>().await.unwrap()["position"].clone();
    get(demo, &format!("/v1/exceptions?source=imprint&at_least={position}")).await;
}

async fn get(demo: &Demo, path: &str) -> Value {
    let answer = Client::new().get(format!("{}{path}", demo.base)).send().await.unwrap();
    answer.json().await.unwrap()
}

async fn post(demo: &Demo, path: &str, asked: &Value) -> Response {
    Client::new().post(format!("{}{path}", demo.base)).json(asked).send().await.unwrap()
}

async fn taken(demo: &Demo, asked: Value) -> String {
    let answer = post(demo, "/v1/exports", &asked).await;
    assert_eq!(answer.status(), 200, "{asked}");
    answer.text().await.unwrap()
}

/// The fields of a document, those within others by their path, as a column is named.
fn paths(document: &Value, before: &str, known: &mut BTreeSet<String>) {
    for (name, value) in document.as_object().into_iter().flatten() {
        let path = format!("{before}{name}");
        paths(value, &format!("{path}_"), known);
        known.insert(path);
    }
}
