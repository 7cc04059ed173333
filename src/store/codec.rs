//! The JSON of events: the only place that knows it. Older versions are raised here.

use creditrail_domain::{AggregateType, Event, event::VERSION};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

/// Why an event of the log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its aggregate type is unknown.
    #[error("unknown aggregate type `{0}`")]
    AggregateType(String),
    /// Its version is unknown.
    #[error("unknown event version `{0}`")]
    Version(String),
    /// Its payload is not of its type.
    #[error("the payload does not fit")]
    Payload(#[source] serde_json::Error),
}

/// The payload of an event, as it is stored.
///
/// # Errors
/// Only if JSON cannot express the event, which no event of the domain does.
pub fn encode(event: &Event) -> Result<String, serde_json::Error> {
    match event {
        Event::Access(event) => json(event),
        Event::Application(event) => json(event),
        Event::CustomerLink(event) => json(event),
        Event::Exception(event) => json(event),
        Event::Charge(event) => json(event),
        Event::PaymentMethod(event) => json(event),
        Event::Privacy(event) => json(event),
        Event::Secret(event) => json(event),
        Event::Transaction(event) => json(event),
        _ => Err(serde::ser::Error::custom("an event without an encoding")),
    }
}

fn json(event: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(event)
}

/// What else is stored of an event: the delivery that caused it, if one did.
pub fn metadata(delivery_id: Option<&str>) -> String {
    match delivery_id {
        Some(delivery_id) => format!("{{\"delivery_id\":{}}}", Json::from(delivery_id)),
        None => "{}".to_owned(),
    }
}

/// The event of a stored payload.
///
/// # Errors
/// [`DecodeError`] for an unknown type or version, or a payload that does not fit.
pub fn decode(aggregate_type: &str, version: &str, payload: &str) -> Result<Event, DecodeError> {
    if version != VERSION {
        return Err(DecodeError::Version(version.to_owned()));
    }
    let unknown = || DecodeError::AggregateType(aggregate_type.to_owned());
    Ok(match AggregateType::named(aggregate_type).ok_or_else(unknown)? {
        AggregateType::Access => Event::Access(parse(payload)?),
        AggregateType::Application => Event::Application(parse(payload)?),
        AggregateType::CustomerLink => Event::CustomerLink(parse(payload)?),
        AggregateType::Exception => Event::Exception(parse(payload)?),
        AggregateType::Charge => Event::Charge(parse(payload)?),
        AggregateType::PaymentMethod => Event::PaymentMethod(parse(payload)?),
        AggregateType::Privacy => Event::Privacy(parse(payload)?),
        AggregateType::Secret => Event::Secret(parse(payload)?),
        AggregateType::Transaction => Event::Transaction(parse(payload)?),
        _ => return Err(unknown()),
    })
}

fn parse<T: DeserializeOwned>(payload: &str) -> Result<T, DecodeError> {
    serde_json::from_str(payload).map_err(DecodeError::Payload)
}
