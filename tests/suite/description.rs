//! `/openapi.json` is what the service answers. Every answer that any test of the suite reads is
//! held against it (`support::described`); here is what remains: that it is whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Demo,
    described::{self, description, faults},
    items, text,
};

#[tokio::test]
async fn every_read_of_the_three_lenders_histories_is_as_described() {
    let demo = Demo::start().await;
    let http = Reader { http: reqwest::Client::new(), demo };
    let (mut all, mut filled) = (BTreeSet::new(), BTreeSet::new());
    for (path, operations) in description()["paths"].as_object().expect("paths") {
        let Some(read) = operations.get("get") else { continue };
        for wanted in http.queries_of(path, read).await {
            all.insert(path.as_str());
            if http.read(&wanted).await["items"].as_array().is_none_or(|items| !items.is_empty()) {
                filled.insert(path.as_str());
            }
        }
    }
    // Nobody is notified, and nothing in the histories is old enough.
    let empty = ["/v1/endpoints", "/v1/notifications", "/v1/stale"];
    assert_eq!(all.difference(&filled).copied().collect::<Vec<_>>(), empty);
}

#[tokio::test]
async fn the_service_serves_the_description_that_docs_have() {
    let demo = Demo::start().await;
    let http = Reader { http: reqwest::Client::new(), demo };
    assert!(http.read("/openapi.json").await == *description());
}

#[tokio::test]
async fn the_page_to_read_has_all_of_it_and_its_links_lead_somewhere() {
    let demo = Demo::start().await;
    let page = reqwest::get(format!("{}/reference", demo.base)).await.expect("the page");
    let page = page.text().await.expect("a whole page");
    let after = |mark: &str| -> Vec<String> {
        let found = page.split(mark).skip(1);
        found.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let places: BTreeSet<_> = after(" id=\"").into_iter().collect();
    let wanted: BTreeSet<_> = after(" href=\"#").into_iter().collect();
    assert_eq!(wanted.difference(&places).collect::<Vec<_>>(), Vec::<&String>::new());
    for name in description()["components"]["schemas"].as_object().expect("schemas").keys() {
        assert!(places.contains(&format!("schema-{name}")), "{name}");
    }
    for operations in description()["paths"].as_object().expect("paths").values() {
        for operation in operations.as_object().expect("operations").values() {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(places.contains(&format!("operation-{name}")), "{name}");
        }
    }
}

#[test]
fn what_the_description_lacks_is_a_fault() {
    let path = "/v1/search";
    let answer = |hit: &Value| {
        let body = json!({ "items": [hit] }).to_string();
        faults(("GET", path), (200, "application/json"), &body)
    };
    let hit = json!({ "type": "charge", "source": "s", "id": "c", "matched": "C" });
    assert_eq!(answer(&hit), Vec::<String>::new());
    for (field, value) in
        [("new", json!(1)), ("type", json!("star")), ("id", json!(1)), ("id", Value::Null)]
    {
        let mut other = hit.clone();
        other[field] = value;
        assert_eq!(answer(&other).len(), 1, "{other}");
    }
    let one_fault = |(method, path), answer, body: &str| {
        assert_eq!(faults((method, path), answer, body).len(), 1, "{method} {path}");
    };
    one_fault(("GET", path), (200, "text/plain"), "{}");
    one_fault(("GET", path), (418, "application/json"), "{}");
    one_fault(("PUT", path), (200, "application/json"), "{}");
    one_fault(("GET", "/v1/new"), (200, "application/json"), "{}");
}

#[test]
fn every_component_is_referred_to_and_every_reference_leads_to_one() {
    let mut referred = BTreeSet::new();
    references(description(), &mut referred);
    let mut known = BTreeSet::new();
    for kind in ["parameters", "schemas", "responses"] {
        let components = description()["components"][kind].as_object().expect("components");
        known.extend(components.keys().map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(known, referred);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let mut names = BTreeSet::new();
    for (path, operations) in description()["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name), "{name} twice");
            assert!(operation["summary"].as_str().is_some_and(|says| !says.is_empty()), "{name}");
            let is_guarded = path.starts_with("/v1/");
            let needed: &[&str] = if is_guarded { &["401", "403", "405"] } else { &["405"] };
            let answers = &operation["responses"];
            assert!(needed.iter().all(|status| answers.get(*status).is_some()), "{method} {path}");
            assert_eq!(operation.get("x-right").is_some(), is_guarded, "{method} {path}");
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// What is described of a parameter.
fn parameters<'a>(read: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = read["parameters"].as_array().into_iter().flatten();
    all.filter(move |known| known["name"] == name)
}

struct Reader {
    http: reqwest::Client,
    demo: Demo,
}

impl Reader {
    /// Reads, and holds the answer against the description.
    async fn read(&self, wanted: &str) -> Value {
        let answer = self.http.get(format!("{}{wanted}", self.demo.base)).send().await;
        let answer = answer.expect("the service answers");
        let kind = answer.headers()["content-type"].to_str().expect("ASCII").to_owned();
        let (status, path) = (answer.status().as_u16(), answer.url().path().to_owned());
        let text = answer.text().await.expect("a whole answer");
        described::hold(("GET", &path), (status, &kind), &text);
        assert_eq!(status, 200, "{wanted}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Everything of the demo that is behind a path.
    async fn queries_of(&self, path: &str, read: &Value) -> Vec<String> {
        if !path.contains('{') {
            let needs = |name: &str| parameters(read, name).any(|known| known["required"] == true);
            return match (needs("source"), needs("q")) {
                (true, _) => ["imprint", "onboarding", "loans"]
                    .map(|source| format!("{path}?source={source}&limit=200"))
                    .into(),
                (_, true) => vec![format!("{path}?q=DEMO-CARD-NEW")],
                _ => vec![path.to_owned()],
            };
        }
        if path == "/v1/endpoints/{name}" {
            return Vec::new(); // Nobody is notified.
        }
        if path == "/v1/event-types/{type}" {
            let listed = self.read("/v1/event-types").await;
            let all = items(&listed, "items").iter();
            return all.map(|item| path.replace("{type}", text(item, "type"))).collect();
        }
        // What a list names, and whom it is about.
        let thing = path.trim_end_matches("/moments").trim_end_matches("/changes");
        let (list, id) = match thing {
            "/v1/sources/{source}" => ("/v1/sources", "source"),
            "/v1/transactions/{source}/{id}" => ("/v1/transactions?limit=200", "transaction_id"),
            "/v1/payment-methods/{source}/{id}" => ("/v1/payment-methods", "payment_method_id"),
            "/v1/applications/{source}/{id}" => ("/v1/applications", "application_id"),
            "/v1/charges/{source}/{id}" => ("/v1/charges", "charge_id"),
            "/v1/deliveries/{source}/{id}" => ("/v1/deliveries?limit=200", "delivery_id"),
            "/v1/exceptions/{id}" => ("/v1/exceptions?limit=200", "id"),
            _ => ("/v1/deliveries?limit=200", "customer_id"),
        };
        let page = self.read(list).await;
        let mut all = BTreeSet::new();
        for item in page["items"].as_array().expect("a list") {
            if let (Some(source), Some(id)) = (item["source"].as_str(), item[id].as_str()) {
                all.insert(path.replace("{source}", source).replace("{id}", id));
            }
        }
        assert!(!all.is_empty(), "nothing of {path} in the demo");
        let as_was = |wanted: String| match path {
            path if path.ends_with("/changes") => vec![format!("{wanted}?from=1")],
            _ if parameters(read, "as_of").next().is_some() => {
                vec![format!("{wanted}?as_of=100000"), wanted]
            }
            _ => vec![wanted],
        };
        all.into_iter().flat_map(as_was).collect()
    }
}
