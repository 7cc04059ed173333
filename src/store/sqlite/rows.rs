//! Rows of the database as the types of the store, and back.

use creditrail_domain::AggregateType;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use crate::store::{
    DeliveryRow, Head, KeptDelivery, RawEvent, RejectedRow, Result, StoreError,
    codec::{self, DecodeError},
};

/// A time of the database, which only holds times that were written by [`Timestamp`].
pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) const fn empty_head() -> Head {
    Head { position: 0, deliveries: 0, received: 0, recorded_at: Timestamp::UNIX_EPOCH }
}

pub(super) fn head(row: &SqliteRow) -> Head {
    Head {
        position: row.get(0),
        deliveries: row.get(1),
        received: row.get(2),
        recorded_at: time(row.get(3)),
    }
}

/// Streams as a JSON array of `[type, aggregate_id]`, for a set-based statement.
pub(super) fn stream_set(source: &str, streams: &[&StreamId]) -> String {
    let pairs: Vec<_> = streams
        .iter()
        .map(|stream| (stream.aggregate_type.name(), aggregate_id(source, &stream.id)))
        .collect();
    serde_json::json!(pairs).to_string()
}

/// The id of a stream in the log: `source/external-id`.
pub(super) fn aggregate_id(source: &str, id: &str) -> String {
    format!("{source}/{id}")
}

/// Columns: position, aggregate_type, aggregate_id, sequence, event_version, payload, recorded_at.
pub(super) fn recorded(row: &SqliteRow, source: &str) -> Result<Recorded> {
    let position: i64 = row.get(0);
    let aggregate_type: &str = row.get(1);
    let aggregate_id: &str = row.get(2);
    let undecodable =
        |cause| StoreError::Undecodable { origin: source.to_owned(), position, cause };
    let kind = AggregateType::named(aggregate_type)
        .ok_or_else(|| undecodable(DecodeError::AggregateType(aggregate_type.to_owned())))?;
    let event = codec::decode(aggregate_type, row.get(4), row.get(5)).map_err(undecodable)?;
    let id = aggregate_id.split_once('/').map_or(aggregate_id, |(_, id)| id).to_owned();
    Ok(Recorded {
        source: source.to_owned(),
        position,
        stream: StreamId { aggregate_type: kind, id },
        sequence: row.get(3),
        recorded_at: time(row.get(6)),
        event,
    })
}

/// Columns as in [`super::query::RAW_EVENTS_AFTER`].
pub(super) fn raw_event(row: &SqliteRow) -> RawEvent {
    RawEvent {
        position: row.get(0),
        aggregate_type: row.get(1),
        aggregate_id: row.get(2),
        sequence: row.get(3),
        event_type: row.get(4),
        event_version: row.get(5),
        payload: row.get(6),
        metadata: row.get(7),
        occurred_at: time(row.get(8)),
        recorded_at: time(row.get(9)),
    }
}

/// Columns: aggregate_type, stream. `None` for a type that a newer program wrote.
pub(super) fn stream(row: &SqliteRow) -> Option<StreamId> {
    let aggregate_type = AggregateType::named(row.get(0))?;
    Some(StreamId { aggregate_type, id: row.get(1) })
}

/// Columns as in [`super::query::DELIVERY`].
pub(super) fn kept_delivery(row: &SqliteRow) -> KeptDelivery {
    let aggregate_type = AggregateType::named(row.get(9)).unwrap_or(AggregateType::Exception);
    KeptDelivery {
        row: DeliveryRow {
            delivery_id: row.get(0),
            number: row.get(1),
            dedup_key: row.get(2),
            received_at: time(row.get(3)),
            secret_id: row.get(4),
            headers: row.get(5),
            body: row.get::<Vec<u8>, _>(6).into(),
            outcome: outcome(row.get(7)),
            position: row.get(8),
            stream: StreamId { aggregate_type, id: row.get(10) },
        },
        repeats: row.get(11),
        last_received_at: time(row.get(12)),
        document: row.get(13),
    }
}

fn outcome(name: &str) -> &'static str {
    let known = ["applied", "stale", "parked", "refused", "malformed", "unrecognised"];
    known.into_iter().find(|known| *known == name).unwrap_or("unrecognised")
}

pub(super) fn rejected(row: &SqliteRow) -> RejectedRow {
    RejectedRow {
        number: row.get(0),
        received_at: time(row.get(1)),
        cause: row.get(2),
        headers: row.get(3),
        body_bytes: row.get(4),
    }
}
