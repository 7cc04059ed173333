//! Where nothing is sent: addresses of the house, whatever a name says of them later.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use creditrail::{
    app::{
        Creditrail,
        sending::{Resolver, steer::SteerEndpoint},
    },
    sources::SourceConfig,
};
use serde_json::{Value, json};

use super::receiver::{KEY, Receiver};

fn endpoint(url: &str) -> Value {
    json!({
        "name": "crm",
        "url": url,
        "secrets": [{ "id": "one", "value": format!("whsec_{KEY}") }],
    })
}

fn source() -> SourceConfig {
    let source = json!({
        "name": "imprint", "kind": "imprint", "currency": "USD",
        "secrets": [{ "id": "one", "value": "a secret" }],
    });
    serde_json::from_value(source).expect("a source")
}

/// What is said of an endpoint when a service is built with it.
async fn refused(endpoint: Value) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", dir.path().join("c.db").display());
    let endpoint = serde_json::from_value(endpoint).expect("an endpoint");
    let built = Creditrail::builder().database(url).source(source()).endpoint(endpoint);
    built.build().await.map_or_else(|error| error.to_string(), |_| String::new())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_refused_that_leads_into_the_house() {
    for url in [
        "http://example.com/hook",
        "http://127.0.0.1/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:password@example.com/",
        "ftp://example.com/",
    ] {
        let said = refused(endpoint(url)).await;
        assert!(said.starts_with("endpoint.url of `crm`: "), "{url}: {said}");
        assert!(!said.contains("password") && !said.contains("meta-data"), "{said}");
    }
    assert_eq!(refused(endpoint("https://example.com/hook")).await, "");
    let mut allowed = endpoint("https://10.0.0.1/");
    allowed["allowed_ranges"] = json!(["10.0.0.0/24"]);
    assert_eq!(refused(allowed).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_of_the_settings_file_has_a_credential_or_none_and_may_have_secrets_that_ended()
{
    let mut given = endpoint("https://example.com/hook");
    given["authorization"] = json!({ "value": "" });
    assert_eq!(refused(given.clone()).await, "endpoint.authorization of `crm`: has no value");
    given["authorization"] = Value::Null;
    // Else a service would not start again once one has ended.
    given["secrets"][0]["not_after"] = json!("2020-01-01T00:00:00Z");
    assert_eq!(refused(given).await, "");
}

/// Says of every name what the test has it say, and counts.
#[derive(Clone)]
struct Says {
    addresses: Arc<[&'static str]>,
    asked: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl Resolver for Says {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let nth = self.asked.fetch_add(1, Ordering::SeqCst);
        let address = self.addresses[nth.min(self.addresses.len() - 1)];
        Ok(address.split(' ').map(|one| one.parse().expect("an address")).collect())
    }
}

/// What a test call of an endpoint comes to whose name leads to these addresses, call after call.
async fn called(addresses: &[&'static str], receiver: &Receiver) -> Vec<Value> {
    let dir = tempfile::tempdir().expect("a directory");
    let database = format!("sqlite://{}", dir.path().join("c.db").display());
    let url = format!("https://hooks.example.com:{}/hook", receiver.port);
    let says = Says { addresses: addresses.into(), asked: Arc::default() };
    let built = Creditrail::builder()
        .database(database)
        .source(source())
        .endpoint(serde_json::from_value(endpoint(&url)).expect("an endpoint"))
        .resolver(says.clone())
        .build()
        .await;
    let (creditrail, worker) = built.expect("a service");
    let worker = tokio::spawn(worker.run());
    let mut answers = Vec::new();
    for _ in addresses {
        let steer = SteerEndpoint { reason: "a test".to_owned(), actor: None };
        answers.push(creditrail.test_endpoint("crm", steer).await.expect("an answer"));
    }
    worker.abort();
    assert_eq!(says.asked.load(Ordering::SeqCst), addresses.len(), "each call is vetted anew");
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_comes_to_lead_into_the_house_is_not_called() {
    let receiver = Receiver::start().await;
    // The second beside a public one, the third as IPv6 spells it.
    let addresses = ["127.0.0.1", "93.184.216.34 127.0.0.1", "::ffff:127.0.0.1"];
    for answer in called(&addresses, &receiver).await {
        assert_eq!(answer["is_taken"], false);
        let said = answer["said"].as_str().expect("words");
        assert!(said.contains("is not public"), "{said}");
    }
    assert_eq!(receiver.calls().len(), 0);
}
