//! Rows of the database as the types of the store, and back.

use creditrail_domain::AggregateType;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use rusqlite::Row;

use super::{Result, failed};
use crate::store::{
    DeliveryRow, Head, KeptDelivery, RawEvent, RejectedRow, StoreError,
    codec::{self, DecodeError},
};

/// A time of the database, which only holds times that were written by [`Timestamp`].
pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) const EMPTY_HEAD: Head =
    Head { position: 0, deliveries: 0, received: 0, recorded_at: Timestamp::UNIX_EPOCH };

pub(super) fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        position: row.get(0)?,
        deliveries: row.get(1)?,
        received: row.get(2)?,
        recorded_at: time(row.get(3)?),
    })
}

/// The id of a stream in the log: `source/external-id`.
pub(super) fn aggregate_id(source: &str, id: &str) -> String {
    format!("{source}/{id}")
}

/// Columns: position, aggregate_type, aggregate_id, sequence, event_version, payload, recorded_at.
pub(super) fn recorded(row: &Row<'_>, source: &str) -> Result<Recorded> {
    let position: i64 = row.get(0).map_err(failed)?;
    let undecodable =
        |cause| StoreError::Undecodable { origin: source.to_owned(), position, cause };
    let text = |column: usize| {
        row.get_ref(column).map_err(failed)?.as_str().map_err(|error| failed(error.into()))
    };
    let aggregate_type = text(1)?;
    let kind = AggregateType::named(aggregate_type)
        .ok_or_else(|| undecodable(DecodeError::AggregateType(aggregate_type.to_owned())))?;
    let event = codec::decode(aggregate_type, text(4)?, text(5)?).map_err(undecodable)?;
    let aggregate_id = text(2)?;
    let id = aggregate_id.split_once('/').map_or(aggregate_id, |(_, id)| id).to_owned();
    Ok(Recorded {
        source: source.to_owned(),
        position,
        stream: StreamId { aggregate_type: kind, id },
        sequence: row.get(3).map_err(failed)?,
        recorded_at: time(row.get(6).map_err(failed)?),
        event,
    })
}

/// Columns as in [`super::query::RAW_EVENTS_AFTER`].
pub(super) fn raw_event(row: &Row<'_>) -> rusqlite::Result<RawEvent> {
    Ok(RawEvent {
        position: row.get(0)?,
        aggregate_type: row.get(1)?,
        aggregate_id: row.get(2)?,
        sequence: row.get(3)?,
        event_type: row.get(4)?,
        event_version: row.get(5)?,
        payload: row.get(6)?,
        metadata: row.get(7)?,
        occurred_at: time(row.get(8)?),
        recorded_at: time(row.get(9)?),
    })
}

/// Columns: aggregate_type, stream, from the one given on.
pub(super) fn stream(row: &Row<'_>, column: usize) -> rusqlite::Result<StreamId> {
    let name: String = row.get(column)?;
    // A type of a newer program can only be that of an exception to this one.
    let aggregate_type = AggregateType::named(&name).unwrap_or(AggregateType::Exception);
    Ok(StreamId { aggregate_type, id: row.get(column + 1)? })
}

/// Columns as in [`super::query::DELIVERY`].
pub(super) fn kept_delivery(row: &Row<'_>) -> rusqlite::Result<KeptDelivery> {
    Ok(KeptDelivery {
        row: DeliveryRow {
            delivery_id: row.get(0)?,
            number: row.get(1)?,
            dedup_key: row.get(2)?,
            received_at: time(row.get(3)?),
            secret_id: row.get(4)?,
            headers: row.get(5)?,
            body: row.get::<_, Vec<u8>>(6)?.into(),
            outcome: outcome(&row.get::<_, String>(7)?),
            first_position: row.get(14)?,
            position: row.get(8)?,
            stream: stream(row, 9)?,
        },
        repeats: row.get(11)?,
        last_received_at: time(row.get(12)?),
        document: row.get(13)?,
    })
}

fn outcome(name: &str) -> &'static str {
    let known = ["applied", "stale", "parked", "refused", "malformed", "unrecognised"];
    known.into_iter().find(|known| *known == name).unwrap_or("unrecognised")
}

pub(super) fn rejected(row: &Row<'_>) -> rusqlite::Result<RejectedRow> {
    Ok(RejectedRow {
        number: row.get(0)?,
        received_at: time(row.get(1)?),
        cause: row.get(2)?,
        headers: row.get(3)?,
        body_bytes: row.get(4)?,
    })
}
