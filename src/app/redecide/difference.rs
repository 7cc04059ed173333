//! What is told of a decision that comes out otherwise today, and why it does.

use std::borrow::Cow;

use creditrail_domain::{Event, event::VERSION};
use creditrail_projections::StreamId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{RawEvent, StoreError, codec};

/// A decision that is not what is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The source.
    pub source: String,
    /// The position of the first event that is recorded of it, or should be.
    pub position: i64,
    /// The delivery, if one is concerned.
    pub delivery_id: Option<String>,
    /// Why.
    pub cause: Cause,
    /// What differs: fields of events and of the delivery's row.
    pub fields: Vec<Cow<'static, str>>,
    /// The events that are recorded.
    pub recorded: Vec<Shown>,
    /// The events that come out now.
    pub now: Vec<Shown>,
}

/// An event, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The kind of aggregate.
    pub aggregate_type: String,
    /// `source/external-id`.
    pub aggregate_id: String,
    /// The name of the event.
    pub event_type: String,
    /// The version that it is written in.
    pub event_version: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The event as JSON, byte for byte.
    pub payload: String,
    /// The delivery that caused it.
    pub metadata: String,
}

/// Why a decision comes out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was recorded in an older version of the event, and raised it is the same.
    OlderVersion,
    /// The settings before lead to what is recorded, and those of today do not.
    Policy,
    /// It follows from an earlier difference: on the history as it is recorded, today's code and
    /// settings lead to what is recorded.
    Earlier,
    /// The delivery as it is kept is not the one that its id was derived from, or there is none; or
    /// today's code reads its key or its content otherwise; or its row says otherwise than its events.
    Delivery,
    /// No event is recorded at the position.
    Missing,
    /// Today's code decides otherwise: a mistake then or now, or the event was edited.
    Code,
}

impl Cause {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OlderVersion => "older_version",
            Self::Policy => "policy",
            Self::Earlier => "earlier",
            Self::Delivery => "delivery",
            Self::Missing => "missing",
            Self::Code => "code",
        }
    }

    /// What it means, in one sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OlderVersion => "recorded in an older version of the event, and the same",
            Self::Policy => "another setting",
            Self::Earlier => "follows from an earlier difference of the same thing",
            Self::Delivery => "the kept delivery is not what its id or its events say",
            Self::Missing => "no event is recorded there",
            Self::Code => "today's code decides otherwise, or the event was edited",
        }
    }
}

impl Shown {
    pub(super) fn recorded(event: RawEvent) -> Self {
        Self {
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            event_type: event.event_type,
            event_version: event.event_version,
            occurred_at: event.occurred_at,
            payload: event.payload,
            metadata: event.metadata,
        }
    }

    pub(super) fn now(
        (source, stream): (&str, &StreamId),
        event: &Event,
        (occurred_at, delivery_id): (Timestamp, &str),
    ) -> Result<Self, StoreError> {
        let payload = codec::encode(event).map_err(|error| StoreError::Constraint(error.into()))?;
        Ok(Self {
            aggregate_type: stream.aggregate_type.name().to_owned(),
            aggregate_id: format!("{source}/{}", stream.id),
            event_type: event.name().to_owned(),
            event_version: VERSION.to_owned(),
            occurred_at,
            payload,
            metadata: codec::metadata(Some(delivery_id)),
        })
    }

    /// As it would be written today, if it can be read.
    fn raised(&self) -> Option<Self> {
        let event = codec::decode(&self.aggregate_type, &self.event_version, &self.payload).ok()?;
        Some(Self {
            event_type: event.name().to_owned(),
            event_version: VERSION.to_owned(),
            payload: codec::encode(&event).ok()?,
            ..self.clone()
        })
    }
}

/// Whether events of older versions are the same once they are raised.
pub(super) fn is_older_version(recorded: &[Shown], now: &[Shown]) -> bool {
    recorded.iter().any(|event| event.event_version != VERSION)
        && recorded.len() == now.len()
        && recorded.iter().zip(now).all(|(recorded, now)| recorded.raised().as_ref() == Some(now))
}

/// In what events differ.
pub(super) fn fields(recorded: &[Shown], now: &[Shown]) -> Vec<&'static str> {
    let mut fields = Vec::new();
    if recorded.len() != now.len() {
        fields.push("events");
    }
    for (is, now) in recorded.iter().zip(now) {
        let is_stream =
            is.aggregate_type == now.aggregate_type && is.aggregate_id == now.aggregate_id;
        for (name, is_same) in [
            ("stream", is_stream),
            ("event_type", is.event_type == now.event_type),
            ("event_version", is.event_version == now.event_version),
            ("payload", is.payload == now.payload),
            ("occurred_at", is.occurred_at == now.occurred_at),
            ("metadata", is.metadata == now.metadata),
        ] {
            if !is_same && !fields.contains(&name) {
                fields.push(name);
            }
        }
    }
    fields
}
