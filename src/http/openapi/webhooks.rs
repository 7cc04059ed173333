//! What endpoints are sent, as `webhooks` of the description.

use serde_json::{Map, Value, json};

use super::{
    event_types::{self, EventType},
    schema::{Named, Schema, closed, count, is, list, open, position, refer, text, time, uuid},
};
use crate::app::sending::example;

/// The headers of Standard Webhooks.
const HEADERS: [(&str, &str, &str); 3] = [
    ("WebhookId", "webhook-id", "the notification; the same whenever it is sent"),
    ("WebhookTimestamp", "webhook-timestamp", "when this attempt was made, in seconds since 1970"),
    (
        "WebhookSignature",
        "webhook-signature",
        "`v1,` and the base64 of HMAC-SHA256 over `webhook-id.webhook-timestamp.body`, once for each secret that holds",
    ),
];

pub(super) fn all() -> Vec<Named> {
    vec![
        (
            "EventTypeSummary",
            closed(summary()).says("An event type that endpoints can be told of."),
        ),
        ("EventType", closed(summary().into_iter().chain(whole())).says("An event type.")),
        ("SentNotification", sent()),
        ("SentCloudEvent", cloud_event()),
    ]
}

fn summary() -> Vec<Named> {
    vec![
        ("type", text().says("the name that notifications have")),
        ("aggregate_type", refer("SubjectType")),
        ("description", text()),
        ("schema_version", text().says("of `data`")),
        ("secret_fields", list(text()).says("which it may have, for whoever is allowed them")),
    ]
}

fn whole() -> [Named; 2] {
    [
        ("schema", open().says("JSON Schema 2020-12 of `data`")),
        ("examples", list(refer("SentNotification"))),
    ]
}

fn sent() -> Schema {
    closed([
        ("id", uuid().says("the notification: the same for the same endpoint and event")),
        ("type", text()),
        ("source", text()),
        ("aggregate_type", refer("SubjectType")),
        ("aggregate_id", text()),
        ("sequence", count().says("the place among the events of the aggregate, from 1")),
        ("previous_sequence", count().or_null().says("of the event that was sent before it")),
        ("position", position().says("in the log of the source")),
        ("occurred_at", time()),
        ("recorded_at", time()),
        ("schema_version", text().says("of `data`")),
        ("data", open().says("the event as it is stored")),
    ])
    .says("What an endpoint is sent: an event as it was recorded.")
}

fn cloud_event() -> Schema {
    closed([
        ("specversion", is("1.0")),
        ("id", uuid().says("the notification: the same for the same endpoint and event")),
        ("source", text().says("`/sources/` and the source")),
        ("type", text()),
        ("subject", text().says("the kind of aggregate, `/`, and its id")),
        ("time", time().says("when it happened")),
        ("datacontenttype", is("application/json")),
        ("aggregatetype", refer("SubjectType")),
        ("aggregateid", text()),
        ("sequence", text()),
        ("previoussequence", text().or_absent()),
        ("position", text()),
        ("recordedtime", time()),
        ("schemaversion", text()),
        ("data", open().says("the event as it is stored")),
    ])
    .says("The same as a CloudEvent 1.0.")
}

/// The headers, among the components.
pub(super) fn parameters() -> Map<String, Value> {
    let described = HEADERS.map(|(component, name, says)| {
        let schema = json!({ "type": "string" });
        let header = json!({
            "name": name, "in": "header", "required": true, "description": says, "schema": schema,
        });
        (component.to_owned(), header)
    });
    described.into_iter().collect()
}

/// Each event type as it comes to an endpoint.
pub(super) fn described() -> Map<String, Value> {
    let all = event_types::all();
    all.into_iter().map(|kind| (kind.name(), json!({ "post": operation(kind) }))).collect()
}

fn operation(kind: EventType) -> Value {
    let (name, says) = (kind.name(), kind.says);
    let examples = example::notifications(kind.kind.name(), kind.event);
    let examples: Map<_, _> = (1..)
        .zip(examples)
        .map(|(number, value)| (format!("example-{number}"), json!({ "value": value })))
        .collect();
    let native = refer("SentNotification");
    let native = native.narrowed([("type", is(name.clone())), ("data", kind.data)]);
    // Its data are the same.
    let cloud_event = refer("SentCloudEvent");
    let cloud_event = cloud_event.narrowed([("type", is(format!("creditrail.{name}")))]);
    let headers = HEADERS
        .map(|(component, ..)| json!({ "$ref": format!("#/components/parameters/{component}") }));
    json!({
        "operationId": format!("sent_{}", name.replace('.', "_")),
        "tags": ["sending"],
        "summary": says,
        "parameters": headers,
        "requestBody": { "required": true, "content": {
            "application/json": { "schema": native.into_json(), "examples": examples },
            "application/cloudevents+json": { "schema": cloud_event.into_json() },
        } },
        "responses": {
            "2XX": { "description": "it is taken" },
            "410": { "description": "nothing more is wanted: the endpoint is paused" },
            "default": { "description": "it is not taken, and sent again" },
        },
    })
}
