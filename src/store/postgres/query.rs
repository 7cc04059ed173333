//! Reading: the log in order and by stream, and the rows of any statement.

use creditrail_domain::AggregateType;
use creditrail_projections::{Recorded, StreamId};
use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    Column as _, PgConnection, PgPool, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgColumn, PgRow, PgValueFormat, PgValueRef},
    query::Query,
};

use super::{Result, failed, transaction::Held};
use crate::store::{
    StoreError,
    codec::{self, DecodeError},
    reading::{external_id, time},
    sql::{Lent, LentRow, Look, Row, Value},
};

pub(super) const EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_version, payload, recorded_at
    FROM creditrail.events WHERE source = $1 AND position > $2 ORDER BY position LIMIT $3";

/// One lookup by key for each stream. `OFFSET 0` keeps the planner from turning them into a scan,
/// and `+ 0` from walking the log by position.
pub(super) const EVENTS_OF: &str = "SELECT e.* FROM UNNEST($2::text[], $3::text[]) AS s(type, id)
    CROSS JOIN LATERAL (
        SELECT position, aggregate_type, aggregate_id, sequence, event_version, payload, recorded_at
        FROM creditrail.events
        WHERE source = $1 AND aggregate_type = s.type AND aggregate_id = s.id AND position + 0 <= $4
        ORDER BY sequence OFFSET 0
    ) AS e";

pub(super) async fn events_after(
    pool: &PgPool,
    source: &str,
    (position, limit): (i64, i64),
) -> Result<Vec<Recorded>> {
    let mut held = Held::of(pool).await?;
    let select = sqlx::query(EVENTS_AFTER).bind(source).bind(position).bind(limit);
    let events = decoded(select.fetch(held.connection()?), source).await;
    held.give_back();
    events
}

pub(super) async fn events_of(
    connection: &mut PgConnection,
    source: &str,
    (streams, up_to): (&[StreamId], i64),
) -> Result<Vec<Recorded>> {
    let types: Vec<_> = streams.iter().map(|stream| stream.aggregate_type.name()).collect();
    let ids: Vec<_> = streams.iter().map(|stream| format!("{source}/{}", stream.id)).collect();
    let select = sqlx::query(EVENTS_OF).bind(source).bind(types).bind(ids).bind(up_to);
    decoded(select.fetch(connection), source).await
}

/// Row by row as they come: rows that are kept keep the driver from using its buffer again, and it
/// copies what it has read.
async fn decoded(
    mut rows: impl Stream<Item = Result<PgRow, sqlx::Error>> + Unpin,
    source: &str,
) -> Result<Vec<Recorded>> {
    let mut events = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        events.push(recorded(&row, source)?);
    }
    Ok(events)
}

/// Columns: position, aggregate_type, aggregate_id, sequence, event_version, payload, recorded_at.
fn recorded(row: &PgRow, source: &str) -> Result<Recorded> {
    let position = int(row, 0)?;
    let undecodable =
        |cause| StoreError::Undecodable { origin: source.to_owned(), position, cause };
    let aggregate_type = text(row, 1)?;
    let kind = AggregateType::named(aggregate_type)
        .ok_or_else(|| undecodable(DecodeError::AggregateType(aggregate_type.to_owned())))?;
    let event = codec::decode(aggregate_type, text(row, 4)?, text(row, 5)?).map_err(undecodable)?;
    Ok(Recorded {
        source: source.to_owned(),
        position,
        stream: StreamId { aggregate_type: kind, id: external_id(text(row, 2)?).to_owned() },
        sequence: int(row, 3)?,
        recorded_at: time(int(row, 6)?),
        event,
    })
}

fn int(row: &PgRow, column: usize) -> Result<i64> {
    row.try_get(column).map_err(failed)
}

/// Text or JSON, as the database has it.
fn text(row: &PgRow, column: usize) -> Result<&str> {
    row.try_get_raw(column).map_err(failed)?.as_str().map_err(StoreError::Unavailable)
}

/// The rows of a statement that changes nothing.
pub(super) async fn rows(pool: &PgPool, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
    let mut held = Held::of(pool).await?;
    let select = bound(sql, values);
    let rows = select.fetch_all(held.connection()?).await.map_err(failed)?;
    held.give_back();
    rows.iter().map(row).collect()
}

/// Looks at the rows of a statement that changes nothing, as they come.
pub(super) async fn look(
    pool: &PgPool,
    sql: &str,
    (values, mut look): (Vec<Value>, Look),
) -> Result<()> {
    let mut held = Held::of(pool).await?;
    {
        let mut rows = bound(sql, values).fetch(held.connection()?);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let values: Vec<Lent<'_>> =
                row.columns().iter().map(|column| lent(&row, column)).collect::<Result<_>>()?;
            look(LentRow::new(&values))?;
        }
    }
    held.give_back();
    Ok(())
}

fn bound(sql: &str, values: Vec<Value>) -> Query<'_, Postgres, PgArguments> {
    let mut select = sqlx::query(sql);
    for value in values {
        select = match value {
            Value::Null => select.bind(None::<String>),
            Value::Int(number) => select.bind(number),
            Value::Text(text) => select.bind(text),
            Value::Bytes(bytes) => select.bind(bytes),
            Value::Texts(texts) => select.bind(texts),
        };
    }
    select
}

pub(super) fn row(row: &PgRow) -> Result<Row> {
    let value = |column| {
        Ok(match lent(row, column)? {
            Lent::Null => Value::Null,
            Lent::Int(number) => Value::Int(number),
            Lent::Text(text) => Value::Text(text.to_owned()),
            Lent::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
        })
    };
    Ok(Row::new(row.columns().iter().map(value).collect::<Result<_>>()?))
}

fn lent<'a>(row: &'a PgRow, column: &PgColumn) -> Result<Lent<'a>> {
    let value = row.try_get_raw(column.ordinal()).map_err(failed)?;
    value_of(&value, column.type_info().name()).map_err(StoreError::Unavailable)
}

fn value_of<'a>(value: &PgValueRef<'a>, name: &str) -> Result<Lent<'a>, sqlx::error::BoxDynError> {
    if value.is_null() {
        return Ok(Lent::Null);
    }
    Ok(match (name, value.format()) {
        ("INT8" | "INT4", PgValueFormat::Text) => Lent::Int(value.as_str()?.parse()?),
        ("INT8", PgValueFormat::Binary) => {
            Lent::Int(i64::from_be_bytes(value.as_bytes()?.try_into()?))
        }
        ("INT4", PgValueFormat::Binary) => {
            Lent::Int(i32::from_be_bytes(value.as_bytes()?.try_into()?).into())
        }
        ("BYTEA", PgValueFormat::Binary) => Lent::Bytes(value.as_bytes()?),
        ("TEXT" | "VARCHAR" | "JSON", _) => Lent::Text(value.as_str()?),
        (other, _) => return Err(format!("a column is of type {other}").into()),
    })
}
