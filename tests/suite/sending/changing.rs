//! What a change of an endpoint may not do, what is on record of it, and how a wrong one is told.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    configuring::{asked, decided, settings},
    receiver::Receiver,
};
use crate::support::{Answer, Ledger, Service, Source, text, until};

async fn replaced(ledger: &Ledger, given: &Value) -> Answer {
    asked(ledger, (Method::PUT, "/v1/endpoints/crm"), given).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_is_kept_goes_nowhere_but_where_it_went() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    let value = json!({ "value": "Bearer hush-hush-and-hush" });
    given["authorization"] = value.clone();
    imprint.command("/v1/endpoints", &given).await.is(201);
    given["secrets"] = json!([{ "id": "one" }]);
    let (scheme, port) = ("http", receiver.port);
    for url in [
        format!("{scheme}://127.0.0.2:{port}/hook"),
        format!("{scheme}://127.0.0.1:{}/hook", port - 1),
        format!("https://127.0.0.1:{port}/hook"),
        format!("{scheme}://127.0.0.1/hook"),
    ] {
        given["url"] = json!(url);
        given["authorization"] = json!({});
        replaced(&imprint, &given).await.names("authorization");
        given["authorization"] = value.clone();
        replaced(&imprint, &given).await.is(200);
        given["authorization"] = json!({});
        given["url"] = json!(format!("{url}/another"));
        replaced(&imprint, &given).await.is(200);
    }
    given["url"] = json!("hooks");
    replaced(&imprint, &given).await.names("url");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_changed_is_on_record_without_a_secret() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    imprint.command("/v1/endpoints", &given).await.is(201);
    replaced(&imprint, &given).await.is(200);
    given["attempts"] = json!(3);
    given["events"] = json!(["transaction.*"]);
    given["authorization"] = json!({ "value": "Bearer hush-hush-and-hush" });
    given["secrets"] = json!([
        { "id": "two", "value": "hush-hush-hush-hush" },
        { "id": "one", "not_after": "2999-01-01T00:00:00Z" },
    ]);
    given["url"] = json!(format!("http://127.0.0.1:{}/hush", receiver.port));
    replaced(&imprint, &given).await.is(200);
    given["secrets"] = json!([{ "id": "two" }]);
    replaced(&imprint, &given).await.is(200);
    let records = until("all is on record", async || {
        let records = decided(&imprint).await;
        (records.len() == 4).then_some(records)
    })
    .await;
    let told: Vec<_> = records.iter().rev().map(|record| text(record, "what")).collect();
    assert_eq!(told[..2], ["crm at 127.0.0.1", "crm at 127.0.0.1: nothing changed"]);
    for said in [
        "crm at 127.0.0.1: attempts: 10 → 3; authorization.value: nothing → ",
        "; events: [] → [\"transaction.*\"]; ",
        "; secrets[one].not_after: nothing → 2999-01-01T00:00:00Z; ",
        "; secrets[two].value: nothing → ",
        "; url: ",
    ] {
        assert!(told[2].contains(said), "{said}: {}", told[2]);
    }
    assert!(told[3].contains("secrets[one].value: ") && told[3].ends_with(" → nothing"));
    assert!(!told[3].contains("secrets[two]"), "it is as it was: {}", told[3]);
    assert!(!told.concat().contains("hush"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_in_plain_words() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    #[rustfmt::skip] // It is a table.
    let wrong = [
        ("attempts",            json!("many"),                         "attempts: must be a whole number from 1 to 50"),
        ("attempts",            json!(51),                             "attempts: must be a whole number from 1 to 50"),
        ("attempts",            json!(1.5),                            "attempts: must be a whole number from 1 to 50"),
        ("timeout_seconds",     json!(-1),                             "timeout_seconds: must be a whole number from 1 to 120"),
        ("in_flight",           json!(0),                              "in_flight: must be a whole number from 1 to 1000"),
        ("allow_loopback",      json!("no"),                           "allow_loopback: must be true or false"),
        ("events",              json!("all"),                          "events: must be a list"),
        ("envelope",            json!("paper"),                        "envelope: must be `native` or `cloudevents`"),
        ("secrets",             json!([{ "id": "1" }]),                "secrets: `1` has no value"),
        ("secrets",             json!([{ "id": "1", "value": "a" }]),  "secrets: `1` is shorter than 16 bytes"),
        ("secrets",             json!([{ "value": "a" }]),             "secrets[0].id: is required"),
        ("secrets",             json!([{ "id": "1" }, { "id": "1" }]), "secrets: `1` has no value"),
        ("authorization",       json!({}),                             "authorization: has no value"),
    ];
    for (field, value, said) in wrong {
        let mut given = settings(&receiver);
        given[field] = value;
        let problem = imprint.command("/v1/endpoints", &given).await.is(400);
        assert_eq!(text(&problem, "detail"), said);
    }
    let mut without = settings(&receiver);
    without.as_object_mut().expect("an object").remove("url");
    let problem = imprint.command("/v1/endpoints", &without).await.is(400);
    assert_eq!(text(&problem, "detail"), "url: is required");
    without["colour"] = json!("blue");
    let problem = imprint.command("/v1/endpoints", &without).await.is(400);
    assert!(text(&problem, "detail").starts_with("colour: is no setting; there are: `name`, "));
}
