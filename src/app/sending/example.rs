//! Notifications as examples: what an endpoint would be sent of events that are frozen.

use creditrail_sending::{
    body::{self, Envelope, Told},
    events,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A line for each frozen event. It is written once, so an example is never out of date.
const FROZEN: &str = include_str!("../../../tests/fixtures/events.ndjson");

/// Where the example stands in its log and in its stream.
const POSITION: i64 = 17;
const SEQUENCE: i64 = 3;
/// When it was recorded, if the event does not tell: 2025-03-02T08:00:00Z.
const RECORDED_AT: Timestamp = Timestamp::constant(1_740_902_400, 0);

#[derive(Deserialize)]
struct Line<'a> {
    /// `transaction.Captured`, and what tells it from another of its type.
    name: &'a str,
    event_version: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Notifications of an event type, as an endpoint is sent them that may have no secret. One at least of
/// each type that an endpoint can be told of.
pub fn notifications(aggregate_type: &str, event_type: &str) -> Vec<Value> {
    let name = events::name(aggregate_type, event_type);
    let of_it = frozen(&name);
    of_it.filter_map(|line| notification((aggregate_type, event_type), &line)).collect()
}

/// Whether an endpoint can be told of events of a name such as `transaction.Captured`.
pub(super) fn is_type(name: &str) -> bool {
    name.split('.').count() == 2 && frozen(name).next().is_some()
}

/// The frozen events of a type, by its name.
fn frozen(name: &str) -> impl Iterator<Item = Line<'static>> {
    let lines = FROZEN.lines().filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok());
    lines.filter(move |line| {
        let rest = line.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn notification((aggregate_type, event_type): (&str, &str), line: &Line<'_>) -> Option<Value> {
    let event: Value = serde_json::from_str(line.payload.get()).ok()?;
    let recorded_at = time(&event, &["received_at", "at"]).unwrap_or(RECORDED_AT);
    let payload = body::without_references(line.payload.get(), &mut |_, _| None);
    let told = Told {
        source: "lender",
        aggregate_type,
        aggregate_id: "example",
        event_type,
        schema_version: line.event_version,
        position: POSITION,
        sequence: SEQUENCE,
        previous_sequence: Some(SEQUENCE - 1),
        occurred_at: time(&event, &["occurred_at"]).unwrap_or(recorded_at),
        recorded_at,
        payload: &payload,
    };
    let id = body::id("example", told.source, POSITION);
    let bytes = body::bytes(Envelope::Native, id, &told).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The first field of one of these names.
fn time(event: &Value, names: &[&str]) -> Option<Timestamp> {
    let found = names.iter().find_map(|name| field(event, name))?;
    found.as_str()?.parse().ok()
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| members.values().find_map(|value| field(value, name)))
}
