//! What is sent: an event as it was recorded, and nothing of what is known since.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

/// What a notification is made of: an event of the log.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// The source.
    pub source: &'a str,
    /// The kind of aggregate.
    pub aggregate_type: &'a str,
    /// The id of the aggregate within its source.
    pub aggregate_id: &'a str,
    /// The name of the event in the log.
    pub event_type: &'a str,
    /// The version in which it was written.
    pub schema_version: &'a str,
    /// The place in the log of the source.
    pub position: i64,
    /// The place in the stream, from 1.
    pub sequence: i64,
    /// The place of the event that this endpoint was sent before it; `None` for its first.
    pub previous_sequence: Option<i64>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The event as JSON, as it is stored.
    pub payload: &'a str,
}

/// In what the event is wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Envelope {
    /// Ours.
    #[default]
    Native,
    /// CloudEvents 1.0 in its JSON format, structured mode.
    Cloudevents,
}

impl Envelope {
    /// The media type of a body.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Native => "application/json",
            Self::Cloudevents => "application/cloudevents+json; charset=UTF-8",
        }
    }
}

/// The id of a notification: the same for the same endpoint and event, whenever it is made.
pub fn id(endpoint: &str, source: &str, position: i64) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new().chain_update("creditrail notification");
    for part in [endpoint, source] {
        hash.update([0]);
        hash.update(part);
    }
    let digest = hash.chain_update(position.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[derive(Serialize)]
struct Native<'a> {
    id: Uuid,
    r#type: String,
    source: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    sequence: i64,
    previous_sequence: Option<i64>,
    position: i64,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    schema_version: &'a str,
    data: &'a RawValue,
}

/// Extension attributes of CloudEvents are lower-case letters and digits; an absent one is left out.
#[derive(Serialize)]
struct Cloudevents<'a> {
    specversion: &'static str,
    id: Uuid,
    source: String,
    r#type: String,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    aggregatetype: &'a str,
    aggregateid: &'a str,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previoussequence: Option<String>,
    position: String,
    recordedtime: Timestamp,
    schemaversion: &'a str,
    data: &'a RawValue,
}

/// The body of a notification. The same event makes the same bytes.
///
/// # Errors
/// If the payload is no JSON.
pub fn bytes(envelope: Envelope, id: Uuid, told: &Told<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let data: &RawValue = serde_json::from_str(told.payload)?;
    let r#type = crate::events::name(told.aggregate_type, told.event_type);
    match envelope {
        Envelope::Native => serde_json::to_vec(&Native {
            id,
            r#type,
            source: told.source,
            aggregate_type: told.aggregate_type,
            aggregate_id: told.aggregate_id,
            sequence: told.sequence,
            previous_sequence: told.previous_sequence,
            position: told.position,
            occurred_at: told.occurred_at,
            recorded_at: told.recorded_at,
            schema_version: told.schema_version,
            data,
        }),
        Envelope::Cloudevents => serde_json::to_vec(&Cloudevents {
            specversion: "1.0",
            id,
            source: format!("/sources/{}", told.source),
            r#type: format!("creditrail.{type}"),
            subject: format!("{}/{}", told.aggregate_type, told.aggregate_id),
            time: told.occurred_at,
            datacontenttype: "application/json",
            aggregatetype: told.aggregate_type,
            aggregateid: told.aggregate_id,
            sequence: told.sequence.to_string(),
            previoussequence: told.previous_sequence.map(|sequence| sequence.to_string()),
            position: told.position.to_string(),
            recordedtime: told.recorded_at,
            schemaversion: told.schema_version,
            data,
        }),
    }
}

/// The body of a test, which tells an endpoint of nothing.
///
/// # Errors
/// None that is known.
pub fn test(
    envelope: Envelope,
    id: Uuid,
    (endpoint, at): (&str, Timestamp),
) -> Result<Vec<u8>, serde_json::Error> {
    let body = match envelope {
        Envelope::Native => json!({ "id": id, "type": TEST, "occurred_at": at, "data": {} }),
        Envelope::Cloudevents => json!({
            "specversion": "1.0",
            "id": id,
            "source": format!("/endpoints/{endpoint}"),
            "type": TEST,
            "time": at,
            "datacontenttype": "application/json",
            "data": {},
        }),
    };
    serde_json::to_vec(&body)
}

/// The type of a test.
const TEST: &str = "creditrail.test";

/// Where an event has a reference in place of a secret: the member, the one around it if the name
/// alone does not tell, and what an endpoint is allowed it by.
struct Place {
    around: Option<&'static str>,
    member: &'static str,
    field: &'static str,
}

const PLACES: [Place; 2] = [
    Place { around: Some("signing_opened"), member: "url", field: "signing_url" },
    Place { around: None, member: "token", field: "token" },
];

/// The fields with secrets that an endpoint may be allowed.
pub fn secret_fields() -> impl Iterator<Item = &'static str> {
    PLACES.iter().map(|place| place.field)
}

/// The references to secrets in an event, each with the name of its field.
pub fn references(payload: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Some(mut value) = with_secrets(payload) {
        each(&mut value, None, &mut |field, value| {
            found.extend(value.as_str().map(|reference| (field, reference.to_owned())));
        });
    }
    found
}

/// The event with what `open` gives for each reference to a secret, and `null` for those for which it
/// gives nothing.
pub fn without_references<'a>(
    payload: &'a str,
    open: &mut dyn FnMut(&str, &str) -> Option<String>,
) -> Cow<'a, str> {
    let Some(mut value) = with_secrets(payload) else { return Cow::Borrowed(payload) };
    each(&mut value, None, &mut |field, value| {
        let opened = value.as_str().and_then(|reference| open(field, reference));
        *value = opened.map_or(Value::Null, Value::String);
    });
    Cow::Owned(value.to_string())
}

/// The event, if it may have a reference.
fn with_secrets(payload: &str) -> Option<Value> {
    let has = |place: &Place| payload.contains(&format!("\"{}\"", place.member));
    PLACES.iter().any(has).then(|| serde_json::from_str(payload).ok())?
}

fn each(value: &mut Value, around: Option<&str>, with: &mut dyn FnMut(&'static str, &mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, around, with)),
        Value::Object(members) => {
            for (name, value) in members {
                let fits = |place: &&Place| {
                    place.member == name && place.around.is_none_or(|it| around == Some(it))
                };
                match PLACES.iter().find(fits) {
                    Some(place) if value.is_string() => with(place.field, value),
                    _ => each(value, Some(name), with),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(payload: &str) -> Told<'_> {
        Told {
            source: "imprint",
            aggregate_type: "transaction",
            aggregate_id: "t-1",
            event_type: "Captured",
            schema_version: "1",
            position: 17,
            sequence: 3,
            previous_sequence: Some(1),
            occurred_at: "2025-03-02T08:00:00.123456Z".parse().unwrap(),
            recorded_at: "2025-03-02T08:00:01Z".parse().unwrap(),
            payload,
        }
    }

    #[test]
    fn the_body_has_the_event_as_it_was_recorded() {
        let id = id("crm", "imprint", 17);
        let body = bytes(Envelope::Native, id, &told(r#"{"b":1.50,"a":2}"#)).unwrap();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"id":"ID","type":"transaction.Captured","#,
                r#""source":"imprint","aggregate_type":"transaction","aggregate_id":"t-1","#,
                r#""sequence":3,"previous_sequence":1,"position":17,"#,
                r#""occurred_at":"2025-03-02T08:00:00.123456Z","recorded_at":"2025-03-02T08:00:01Z","#,
                r#""schema_version":"1","data":{"b":1.50,"a":2}}"#
            )
            .replace("ID", &id.to_string())
        );
    }

    #[test]
    fn a_cloud_event_has_the_same_under_the_names_of_the_standard() {
        let id = id("crm", "imprint", 17);
        let body = bytes(Envelope::Cloudevents, id, &told("{}")).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        for (name, is) in [
            ("specversion", "1.0"),
            ("type", "creditrail.transaction.Captured"),
            ("source", "/sources/imprint"),
            ("subject", "transaction/t-1"),
            ("sequence", "3"),
            ("previoussequence", "1"),
        ] {
            assert_eq!(body[name], is, "{name}");
        }
        let of_letters = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(body.as_object().unwrap().keys().all(of_letters));
    }

    #[test]
    fn an_id_tells_endpoint_source_and_event_apart() {
        let all = [("a", "b", 1), ("a", "b", 2), ("a", "c", 1), ("ab", "", 1), ("b", "a", 1)];
        let ids = all.map(|(endpoint, source, position)| id(endpoint, source, position));
        let distinct: std::collections::BTreeSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn references_are_sent_to_nobody_unless_they_are_opened_by_name() {
        let payload =
            r#"{"said":{"signing_opened":{"url":"r-1"}},"token":"r-2","url":"u","n":1.0}"#;
        assert_eq!(
            references(payload),
            [("signing_url", "r-1".to_owned()), ("token", "r-2".to_owned())]
        );
        let none = without_references(payload, &mut |_, _| None);
        let none: Value = serde_json::from_str(&none).unwrap();
        assert_eq!(none["said"]["signing_opened"]["url"], Value::Null);
        assert_eq!(none["token"], Value::Null);
        assert_eq!((&none["url"], none["n"].to_string().as_str()), (&"u".into(), "1.0"));
        let one = without_references(payload, &mut |field, reference| {
            (field == "token").then(|| format!("opened {reference}"))
        });
        assert!(one.contains(r#""token":"opened r-2""#) && one.contains(r#""url":null"#), "{one}");
        assert!(matches!(without_references("{\"a\": 1}", &mut |_, _| None), Cow::Borrowed(_)));
    }
}
