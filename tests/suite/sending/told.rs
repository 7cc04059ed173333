//! What is told of an endpoint: all its settings but for secrets, and of one that cannot be used why.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    all,
    configuring::{asked, settings},
    receiver::Receiver,
};
use crate::support::{Ledger, Service, Source, T1, Tx, column, text, until};

async fn page(ledger: &Ledger, path: &str) -> String {
    let page = reqwest::get(format!("{}{path}", ledger.service.base())).await.expect("a page");
    page.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_alone_tells_all_its_settings_but_for_secrets() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    given["authorization"] = json!({ "value": "Bearer hush-hush-and-hush" });
    given["sources"] = json!(["imprint"]);
    given["attempts"] = json!(3);
    given["allowed_ranges"] = json!(["10.1.0.0/16"]);
    given["secrets"][0]["not_after"] = json!("2999-01-01T00:00:00Z");
    let later = json!({ "id": "two", "value": "hush-hush-hush-hush", "not_before": "2998-01-01T00:00:00Z" });
    given["secrets"].as_array_mut().expect("a list").push(later);
    let made = imprint.command("/v1/endpoints", &given).await.is(201);
    let told = imprint.ask("/v1/endpoints/crm", &[]).await.is(200);
    for (member, is) in [
        ("host", json!(format!("127.0.0.1:{}", receiver.port))),
        ("configured_by", json!("http")),
        ("events", json!([])),
        ("of_sources", json!(["imprint"])),
        ("has_authorization", json!(true)),
        ("signs", json!(true)),
        ("signature", json!("standard-webhooks")),
        ("envelope", json!("native")),
        ("retries", json!("seed")),
        ("attempts", json!(3)),
        ("retry_after_seconds", json!(3600)),
        ("timeout_seconds", json!(30)),
        ("in_flight", json!(32)),
        ("begins", json!("at_the_beginning")),
        ("allow_loopback", json!(true)),
        ("allowed_ranges", json!(["10.1.0.0/16"])),
        ("secret_fields", json!([])),
    ] {
        assert_eq!((&told[member], &made[member]), (&is, &is), "{member}");
    }
    let secrets = json!([
        { "id": "one", "not_before": null, "not_after": "2999-01-01T00:00:00Z", "holds": true },
        { "id": "two", "not_before": "2998-01-01T00:00:00Z", "not_after": null, "holds": false },
    ]);
    assert_eq!(told["secrets"], secrets);
    assert_eq!(told["sources"][0]["source"], "imprint");
    assert!(!told.to_string().contains("hush"), "{told}");
    imprint.ask("/v1/endpoints/none", &[]).await.is_problem(404, "not_found");
    imprint.ask("/v1/endpoints/crm", &[("colour", "blue")]).await.names("colour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_cannot_be_used_any_more_is_listed_with_why_and_can_be_deleted() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    given["sources"] = json!(["imprint"]);
    imprint.command("/v1/endpoints", &given).await.is(201);
    imprint.service.kill();
    imprint.service.set_up(&[Source::named("renamed")]);
    imprint.service.start_again();
    let why = "sources: there is no source `imprint`";
    let unusable = json!({ "name": "crm", "configured_by": "http", "unusable": why });
    assert_eq!(imprint.ask("/v1/endpoints/crm", &[]).await.is(200), unusable);
    assert_eq!(all(&imprint, "/v1/endpoints").await, [unusable]);
    for path in ["/", "/endpoints"] {
        let shown = page(&imprint, path).await;
        assert!(shown.contains("cannot be told") && shown.contains("no source"), "{shown}");
    }
    imprint.command("/v1/endpoints", &given).await.is_problem(409, "endpoint_exists");
    let reason = json!({ "reason": "they moved" });
    asked(&imprint, (Method::DELETE, "/v1/endpoints/crm"), &reason).await.is(200);
    assert_eq!(all(&imprint, "/v1/endpoints").await, Vec::<Value>::new());
    given["sources"] = json!(["renamed"]);
    imprint.command("/v1/endpoints", &given).await.is(201);
    assert_eq!(column(&all(&imprint, "/v1/endpoints").await, "name"), ["crm"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_retried_is_told_on_the_page() {
    let receiver = Receiver::start().await;
    let later = super::receiver::Says::With(503, "retry-after", "600".to_owned());
    receiver.says("transaction/t1", [later]);
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    imprint.command("/v1/endpoints", &settings(&receiver)).await.is(201);
    assert!(page(&imprint, "/endpoints").await.contains(" told<"));
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let shown = until("it is retried", async || {
        let shown = page(&imprint, "/endpoints").await;
        shown.contains("1 lane retried").then_some(shown)
    })
    .await;
    assert!(!shown.contains(" told<"), "{shown}");
    let listed = imprint.list("/v1/notifications", &[("status", "retrying")]).await;
    assert_eq!(text(&listed[0], "status"), "retrying");

    // Whoever deletes it has nobody send that again.
    let undelivered = async |more: &[(&str, &str)]| {
        let asked = [&[("status", "undelivered")], more].concat();
        imprint.list("/v1/notifications", &asked).await.len()
    };
    assert_eq!(undelivered(&[]).await, 1);
    let why = json!({ "reason": "they close" });
    asked(&imprint, (Method::DELETE, "/v1/endpoints/crm"), &why).await.is(200);
    assert_eq!((undelivered(&[]).await, undelivered(&[("endpoint", "crm")]).await), (0, 0));
    let of_it = [("endpoint", "crm"), ("status", "retrying")];
    assert_eq!(imprint.list("/v1/notifications", &of_it).await.len(), 1, "it is noted still");
}
