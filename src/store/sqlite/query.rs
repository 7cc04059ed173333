//! Reading: the log in order and by stream, and the rows of any statement.

use creditrail_domain::AggregateType;
use creditrail_projections::{Recorded, StreamId};
use rusqlite::{
    Connection, Params, Transaction, TransactionBehavior, params, params_from_iter,
    types::ToSqlOutput, types::ValueRef,
};

use super::{DIALECT, Result, failed};
use crate::store::{
    Bookmark, Head, StoreError,
    codec::{self, DecodeError},
    reading::{self, aggregate_id, time},
    sql::{Lent, LentRow, Look, Row, Value},
};

pub(super) const EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_version, payload, recorded_at
    FROM events WHERE source = ? AND position > ? ORDER BY position LIMIT ?";

/// The `+` keeps the planner from walking the log by position.
pub(super) const EVENTS_OF: &str =
    "SELECT position, aggregate_type, aggregate_id, sequence, event_version,
    payload, recorded_at FROM events
    WHERE source = ? AND aggregate_type = ? AND aggregate_id = ? AND +position <= ?
    ORDER BY sequence";

pub(super) const BOOKMARKS: &str = "SELECT reader, position FROM bookmarks WHERE source = ?";

/// The rows of a statement that stays prepared.
pub(super) fn rows(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let columns = select.column_count();
    let mut rows = select.query(params_from_iter(values)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let value = |column| row.get_ref(column).map_err(failed).and_then(value);
        found.push(Row::new((0..columns).map(value).collect::<Result<_>>()?));
    }
    Ok(found)
}

/// Looks at the rows of a statement that stays prepared.
pub(super) fn look(
    connection: &Connection,
    sql: &str,
    (values, mut look): (&[Value], Look),
) -> Result<()> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let columns = select.column_count();
    let mut rows = select.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let value = |column| row.get_ref(column).map_err(failed).and_then(lent);
        let values: Vec<Lent<'_>> = (0..columns).map(value).collect::<Result<_>>()?;
        look(LentRow::new(&values))?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Texts(texts) => ToSqlOutput::Owned(serde_json::json!(texts).to_string().into()),
        })
    }
}

fn value(value: ValueRef<'_>) -> Result<Value> {
    Ok(match lent(value)? {
        Lent::Null => Value::Null,
        Lent::Int(number) => Value::Int(number),
        Lent::Text(text) => Value::Text(text.to_owned()),
        Lent::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
    })
}

fn lent(value: ValueRef<'_>) -> Result<Lent<'_>> {
    Ok(match value {
        ValueRef::Null => Lent::Null,
        ValueRef::Integer(number) => Lent::Int(number),
        ValueRef::Text(_) => {
            Lent::Text(value.as_str().map_err(|error| StoreError::Unavailable(error.into()))?)
        }
        ValueRef::Blob(bytes) => Lent::Bytes(bytes),
        ValueRef::Real(_) => {
            return Err(StoreError::Unavailable("a column is a float, and none should be".into()));
        }
    })
}

/// Events, decoded.
fn events(
    connection: &Connection,
    sql: &str,
    (source, parameters): (&str, impl Params),
    into: &mut Vec<Recorded>,
) -> Result<()> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = select.query(parameters).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        into.push(recorded(row, source)?);
    }
    Ok(())
}

/// Columns: position, aggregate_type, aggregate_id, sequence, event_version, payload, recorded_at.
fn recorded(row: &rusqlite::Row<'_>, source: &str) -> Result<Recorded> {
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
    Ok(Recorded {
        source: source.to_owned(),
        position,
        stream: StreamId { aggregate_type: kind, id: reading::external_id(text(2)?).to_owned() },
        sequence: row.get(3).map_err(failed)?,
        recorded_at: time(row.get(6).map_err(failed)?),
        event,
    })
}

/// A transaction that takes the file's write lock at once.
pub(super) fn immediate(connection: &mut Connection) -> Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)
}

pub(super) fn head(connection: &Connection, source: &str) -> Result<Head> {
    let rows = rows(connection, &DIALECT.of(reading::HEAD), &[source.into()])?;
    rows.into_iter().next().map_or(Ok(Head::EMPTY), reading::head)
}

pub(super) fn events_after(
    connection: &Connection,
    source: &str,
    (position, limit): (i64, i64),
) -> Result<Vec<Recorded>> {
    let mut found = Vec::new();
    events(connection, EVENTS_AFTER, (source, params![source, position, limit]), &mut found)?;
    Ok(found)
}

pub(super) fn events_of(
    connection: &Connection,
    source: &str,
    streams: &[StreamId],
    up_to: i64,
) -> Result<Vec<Recorded>> {
    let mut found = Vec::new();
    for stream in streams {
        let aggregate_id = aggregate_id(source, &stream.id);
        let parameters = params![source, stream.aggregate_type.name(), aggregate_id, up_to];
        events(connection, EVENTS_OF, (source, parameters), &mut found)?;
    }
    Ok(found)
}

/// One process has the file, or several take care of each other by their bookmarks: all readers
/// are whoever's asks.
pub(super) fn bookmarks(connection: &Connection, source: &str) -> Result<Vec<Bookmark>> {
    let rows = rows(connection, BOOKMARKS, &[source.into()])?;
    let bookmark =
        |mut row: Row| Ok(Bookmark { reader: row.text()?, position: row.int()?, is_mine: true });
    rows.into_iter().map(bookmark).collect()
}
