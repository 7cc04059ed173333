//! `/openapi.json`: the interface described, OpenAPI 3.1.
//!
//! Reading order: `operations` (what can be asked), `answers` (problems by status), then the
//! schemas: `things`, `moments`, `steps`, `work`, `evidence`, `again`, `commands`, `sending`, and `names`, the closed sets of
//! names from the code that defines them. `event_types` is the catalogue of what endpoints are told of,
//! `facts` what events say, `webhooks` how they come. `schema` and `operation` are the words for it.
//! `docs/openapi.json` is a copy, and the suite holds every answer that it sees against it.

mod again;
mod answers;
mod commands;
pub(super) mod event_types;
mod evidence;
mod facts;
mod moments;
mod names;
mod operation;
mod operations;
pub(super) mod schema;
mod sending;
mod steps;
mod things;
mod webhooks;
mod work;

use std::sync::LazyLock;

use axum::{Json, Router, routing::get};
use serde_json::{Map, Value, json};

use super::{api, problem::Problem, tokens::COOKIE};

const ABOUT: &str = "What happened to this customer, and why. External ids address things. \
    Amounts are integers of minor units beside a currency: 3451 is 34.51 USD. Times are RFC 3339 \
    in UTC. `at_least` waits until the read models of a source have passed a position. `x-right` is \
    the right that the caller's role must have. Examples lead to something in `creditrail demo`.";

/// The router of the description.
pub fn openapi() -> Router<()> {
    Router::new()
        .route("/openapi.json", get(async || Json(document())))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}

/// The description.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(described);
    &DOCUMENT
}

fn described() -> Value {
    let (mut paths, rights) = (Map::new(), api::routes().into_rights());
    for operation in operations::all() {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method] = operation.describe(&rights);
    }
    let tags = operations::TAGS.map(|(name, says)| json!({ "name": name, "description": says }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "creditrail",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "tags": tags,
        "paths": paths,
        "webhooks": webhooks::described(),
        "components": {
            "parameters": webhooks::parameters(),
            "schemas": schemas(),
            "responses": answers::components(),
            "securitySchemes": {
                "bearerAuth": { "type": "http", "scheme": "bearer" },
                "cookieAuth": { "type": "apiKey", "in": "cookie", "name": COOKIE },
            },
        },
    })
}

/// What opens `/v1`. The empty one says that a caller on the same machine needs none while no token is
/// configured.
fn security() -> Value {
    json!([{}, { "bearerAuth": [] }, { "cookieAuth": [] }])
}

pub(super) fn schemas() -> Map<String, Value> {
    let pages = [
        ("TransactionPage", schema::page_of("Transaction")),
        ("PaymentMethodPage", schema::page_of("PaymentMethod")),
        ("ApplicationPage", schema::page_of("Application")),
        ("ChargePage", schema::page_of("Charge")),
        ("TimelinePage", schema::page_of("TimelineEntry")),
        ("ActionPage", schema::page_of("Action")),
        ("FindingPage", schema::page_of("Finding")),
        ("CompliancePage", schema::page_of("ComplianceClock")),
        ("ExceptionPage", schema::page_of("Exception")),
        ("DeliveryPage", schema::page_of("DeliverySummary")),
        ("AccessRecordPage", schema::page_of("AccessRecord")),
        ("MomentPage", schema::page_of("Moment")),
        ("EventList", schema::all_of("Event")),
        ("NotificationPage", schema::page_of("Notification")),
        ("EndpointList", schema::all_of("KnownEndpoint")),
        ("EventTypeList", schema::all_of("EventTypeSummary")),
        ("SourceList", schema::all_of("Source")),
        ("ProofList", schema::all_of("ProofStatus")),
        ("RejectedCallList", schema::all_of("RejectedCall")),
        ("SearchHitList", schema::all_of("SearchHit")),
    ];
    let groups = [
        things::all(),
        moments::all(),
        steps::all(),
        work::all(),
        evidence::all(),
        again::all(),
        commands::all(),
        sending::all(),
        webhooks::all(),
        facts::all(),
        names::all(),
        pages.into(),
    ];
    let named = groups.into_iter().flatten();
    let named = named.map(|(name, schema)| (name.to_owned(), schema.into_json()));
    with_names_for_variants(named.collect())
}

/// The same, with a schema of its own for what a variant has in it: generators of clients name what
/// stands so deep by its place, and stumble.
fn with_names_for_variants(mut schemas: Map<String, Value>) -> Map<String, Value> {
    let mut apart = Map::new();
    for (name, schema) in &mut schemas {
        let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            let fields = variant.get_mut("properties").and_then(Value::as_object_mut);
            for (field, content) in fields.into_iter().flatten() {
                if content.get("properties").is_some() {
                    let own = format!("{name}{}", in_capitals(field));
                    let reference = answers::refer(&own);
                    apart.insert(own, std::mem::replace(content, reference));
                }
            }
        }
    }
    schemas.extend(apart);
    schemas
}

/// `charge_created` as `ChargeCreated`.
fn in_capitals(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{api, operations};

    #[test]
    fn every_route_of_the_interface_is_described_and_no_other() {
        let rights = api::routes().into_rights();
        let operations = operations::all();
        let described: BTreeSet<_> =
            operations.iter().map(|one| (one.method, one.path.as_str())).collect();
        let known: BTreeSet<_> = rights.keys().map(|(one, path)| (*one, path.as_str())).collect();
        let of_v1 = |one: &&(&str, &str)| one.1.starts_with("/v1/");
        assert_eq!(described.iter().filter(of_v1).collect::<BTreeSet<_>>(), known.iter().collect());
    }
}
