//! What `docs/openapi.json` says about events. Every event that the suite reads from the log, and every
//! notification that it is sent, is held against it.

use serde_json::Value;

use super::{described, text};

/// The kinds of which endpoints can be told.
pub const KINDS: [&str; 6] =
    ["application", "charge", "customer_link", "exception", "payment_method", "transaction"];

/// What is described of the body that has an event of this type.
pub fn body_of(name: &str) -> Option<&'static Value> {
    let webhook = described::description()["webhooks"].get(name)?;
    Some(&webhook["post"]["requestBody"]["content"])
}

/// What is described of the event itself.
pub fn data_of(name: &str) -> Option<&'static Value> {
    Some(&body_of(name)?["application/json"]["schema"]["allOf"][1]["properties"]["data"])
}

/// Panics if an event of the log, as `/v1/events` has it, is not as it is described.
#[track_caller]
pub fn hold(event: &Value) {
    let kind = text(event, "aggregate_type");
    if !KINDS.contains(&kind) {
        return;
    }
    let name = format!("{kind}.{}", text(event, "event_type"));
    let data = data_of(&name);
    let data = data.unwrap_or_else(|| panic!("{name} has no row in openapi/event_types.rs"));
    let faults = described::faults_of(data, &event["payload"]);
    assert!(faults.is_empty(), "{name}: {}\n{event}", faults.join("\n"));
}

/// Panics if the body of a notification is not as it is described.
#[track_caller]
pub fn hold_sent(media_type: &str, body: &Value) {
    let name = text(body, "type").trim_start_matches("creditrail.");
    if name == "test" {
        return;
    }
    let media_type = media_type.split(';').next().unwrap_or_default();
    let content = body_of(name).unwrap_or_else(|| panic!("{name} is not described"));
    let mut faults = described::faults_of(&content[media_type]["schema"], body);
    faults.extend(data_of(name).iter().flat_map(|data| described::faults_of(data, &body["data"])));
    assert!(faults.is_empty(), "{name}: {}\n{body}", faults.join("\n"));
}
