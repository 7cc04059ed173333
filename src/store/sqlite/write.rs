//! Writing: the log by batches, the read models by sets of rows.

use async_trait::async_trait;
use creditrail_projections::{Cell, Change, Recorded, StreamId, Table, Write};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{of_kind, query, rows};
use crate::store::{
    Batch, DeliveryRow, Head, KnownDelivery, NewEvent, RejectedCall, Result, StoreError, codec,
};

pub(super) const HEAD: &str =
    "SELECT position, deliveries, received, recorded_at FROM heads WHERE source = ?";

const OPEN_HEAD: &str = "INSERT INTO heads (source, position, deliveries, received, recorded_at)
    VALUES (?, 0, 0, 0, 0) ON CONFLICT DO NOTHING";

const SET_HEAD: &str = "UPDATE heads
    SET position = ?, deliveries = ?, received = ?, recorded_at = ? WHERE source = ?";

const OPEN_BOOKMARK: &str = "INSERT INTO bookmarks (source, reader, position)
    VALUES (?, ?, 0) ON CONFLICT DO NOTHING";

const MOVE_BOOKMARK: &str =
    "UPDATE bookmarks SET position = ?1 WHERE source = ?2 AND reader = ?3 AND position = ?4";

pub(super) const RESET_BOOKMARK: &str =
    "UPDATE bookmarks SET position = 0 WHERE source = ? AND reader = ?";

const KNOWN: &str = "SELECT delivery_id, dedup_key, aggregate_type, stream, position
    FROM deliveries WHERE source = ? AND dedup_key IN (SELECT value FROM json_each(?))";

/// Each element is `[delivery_id, times, last_received_at]`.
const COUNT_REPEATS: &str = "UPDATE deliveries
    SET repeats = repeats + r.value ->> 1, last_received_at = MAX(last_received_at, r.value ->> 2)
    FROM json_each(?) AS r WHERE source = ? AND delivery_id = r.value ->> 0";

/// How many rows one statement carries: sizes are few so that statements stay prepared.
const SIZES: [usize; 3] = [64, 8, 1];

/// A writing transaction. `BEGIN IMMEDIATE` takes the file's write lock before the head is read.
pub(super) struct SqliteBatch {
    tx: Transaction<'static, Sqlite>,
    source: String,
    head: Head,
}

impl SqliteBatch {
    pub(super) async fn begin(pool: &SqlitePool, source: &str) -> Result<Self> {
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
        let head = match sqlx::query(HEAD).bind(source).fetch_optional(&mut *tx).await? {
            Some(row) => rows::head(&row),
            None => {
                sqlx::query(OPEN_HEAD).bind(source).execute(&mut *tx).await?;
                rows::empty_head()
            }
        };
        Ok(Self { tx, source: source.to_owned(), head })
    }
}

#[async_trait]
impl Batch for SqliteBatch {
    fn head(&self) -> Head {
        self.head
    }

    async fn known(&mut self, dedup_keys: &[&str]) -> Result<Vec<KnownDelivery>> {
        let keys = serde_json::json!(dedup_keys).to_string();
        let rows =
            sqlx::query(KNOWN).bind(&self.source).bind(keys).fetch_all(&mut *self.tx).await?;
        let known = |row: &sqlx::sqlite::SqliteRow| {
            let aggregate_type = creditrail_domain::AggregateType::named(row.get(2))?;
            Some(KnownDelivery {
                delivery_id: row.get(0),
                dedup_key: row.get(1),
                stream: StreamId { aggregate_type, id: row.get(3) },
                position: row.get(4),
            })
        };
        Ok(rows.iter().filter_map(known).collect())
    }

    async fn load(&mut self, streams: &[&StreamId]) -> Result<Vec<Recorded>> {
        let rows = sqlx::query(query::EVENTS_OF)
            .bind(&self.source)
            .bind(i64::MAX)
            .bind(rows::stream_set(&self.source, streams))
            .fetch_all(&mut *self.tx)
            .await?;
        rows.iter().map(|row| rows::recorded(row, &self.source)).collect()
    }

    async fn keep(&mut self, deliveries: &[DeliveryRow]) -> Result<()> {
        const INTO: &str = "INSERT INTO deliveries (source, delivery_id, number, dedup_key, \
            received_at, secret_id, headers, body, outcome, position, aggregate_type, stream, \
            last_received_at) ";
        for some in in_sizes(deliveries) {
            let mut insert = QueryBuilder::<Sqlite>::new(INTO);
            insert.push_values(some, |mut values, row| {
                let received_at = row.received_at.as_microsecond();
                values
                    .push_bind(&self.source)
                    .push_bind(&row.delivery_id)
                    .push_bind(row.number)
                    .push_bind(&row.dedup_key)
                    .push_bind(received_at)
                    .push_bind(&row.secret_id)
                    .push_bind(&row.headers)
                    .push_bind(&row.body[..])
                    .push_bind(row.outcome)
                    .push_bind(row.position)
                    .push_bind(row.stream.aggregate_type.name())
                    .push_bind(&row.stream.id)
                    .push_bind(received_at);
            });
            insert.build().execute(&mut *self.tx).await?;
        }
        Ok(())
    }

    async fn count_repeats(&mut self, repeats: &[(String, Timestamp)]) -> Result<()> {
        let mut counted = std::collections::BTreeMap::<&str, (i64, i64)>::new();
        for (delivery_id, at) in repeats {
            let (times, last) = counted.entry(delivery_id).or_default();
            *times += 1;
            *last = at.as_microsecond().max(*last);
        }
        let set: Vec<_> = counted.iter().map(|(id, (times, last))| (id, times, last)).collect();
        sqlx::query(COUNT_REPEATS)
            .bind(serde_json::json!(set).to_string())
            .bind(&self.source)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }

    async fn append(&mut self, events: &[NewEvent], recorded_at: Timestamp) -> Result<()> {
        const INTO: &str = "INSERT INTO events (source, position, aggregate_type, aggregate_id, \
            sequence, event_type, event_version, payload, metadata, occurred_at, recorded_at) ";
        let mut encoded = Vec::with_capacity(events.len());
        for (event, position) in events.iter().zip(self.head.position + 1..) {
            let refused = |error| StoreError::Constraint(sqlx::Error::Encode(Box::new(error)));
            encoded.push((event, position, codec::encode(&event.event).map_err(refused)?));
        }
        for some in in_sizes(&encoded) {
            let mut insert = QueryBuilder::<Sqlite>::new(INTO);
            insert.push_values(some, |mut values, (event, position, payload)| {
                values
                    .push_bind(&self.source)
                    .push_bind(position)
                    .push_bind(event.stream.aggregate_type.name())
                    .push_bind(rows::aggregate_id(&self.source, &event.stream.id))
                    .push_bind(event.sequence)
                    .push_bind(event.event.name())
                    .push_bind(creditrail_domain::event::VERSION)
                    .push_bind(payload)
                    .push_bind(metadata(event))
                    .push_bind(event.occurred_at.as_microsecond())
                    .push_bind(recorded_at.as_microsecond());
            });
            insert.build().execute(&mut *self.tx).await?;
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>, head: Head) -> Result<()> {
        sqlx::query(SET_HEAD)
            .bind(head.position)
            .bind(head.deliveries)
            .bind(head.received)
            .bind(head.recorded_at.as_microsecond())
            .bind(&self.source)
            .execute(&mut *self.tx)
            .await?;
        Ok(self.tx.commit().await?)
    }
}

fn metadata(event: &NewEvent) -> String {
    match &event.delivery_id {
        Some(delivery_id) => serde_json::json!({ "delivery_id": delivery_id }).to_string(),
        None => "{}".to_owned(),
    }
}

/// Cuts rows into slices of the sizes that statements are prepared for.
fn in_sizes<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| rows.len() >= *size)?;
        let (some, rest) = rows.split_at(size);
        rows = rest;
        Some(some)
    })
}

/// Moves a bookmark from where it is said to be; `false` if it is elsewhere.
pub(super) async fn move_bookmark(
    tx: &mut SqliteConnection,
    source: &str,
    (reader, from, to): (&str, i64, i64),
) -> Result<bool> {
    if from == 0 {
        sqlx::query(OPEN_BOOKMARK).bind(source).bind(reader).execute(&mut *tx).await?;
    }
    let moved = sqlx::query(MOVE_BOOKMARK).bind(to).bind(source).bind(reader).bind(from);
    Ok(moved.execute(&mut *tx).await?.rows_affected() == 1)
}

/// Writes changes of one table; each row at most once.
pub(super) async fn write_rows(
    tx: &mut SqliteConnection,
    source: &str,
    table: &Table,
    changes: &[Change],
) -> Result<()> {
    delete_rows(tx, source, table, &of_kind(changes, Write::Delete)).await?;
    for kind in [Write::KeepFirst, Write::Replace, Write::Add] {
        let changes = of_kind(changes, kind);
        for some in in_sizes(&changes) {
            upsert_rows(tx, source, table, (kind, some)).await?;
        }
    }
    Ok(())
}

async fn delete_rows(
    tx: &mut SqliteConnection,
    source: &str,
    table: &Table,
    changes: &[&Change],
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
    let sql = format!(
        "DELETE FROM {} WHERE source = ? AND key IN (SELECT value FROM json_each(?))",
        table.name
    );
    sqlx::query(&sql).bind(source).bind(serde_json::json!(keys).to_string()).execute(tx).await?;
    Ok(())
}

async fn upsert_rows(
    tx: &mut SqliteConnection,
    source: &str,
    table: &Table,
    (kind, changes): (Write, &[&Change]),
) -> Result<()> {
    let columns = table.columns.join(", ");
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO ");
    insert.push(table.name).push(" (source, key, ").push(columns).push(") ");
    insert.push_values(changes, |mut values, change| {
        values.push_bind(source).push_bind(change.key.as_str());
        for cell in &change.cells {
            match cell {
                Cell::Text(text) => values.push_bind(text.as_deref()),
                Cell::Int(number) => values.push_bind(*number),
            };
        }
    });
    let update = match kind {
        Write::KeepFirst | Write::Delete => "NOTHING".to_owned(),
        Write::Replace => assignments(table, |column| format!("excluded.{column}")),
        Write::Add => {
            assignments(table, |column| format!("{}.{column} + excluded.{column}", table.name))
        }
    };
    insert.push(" ON CONFLICT (source, key) DO ").push(update);
    insert.build().execute(tx).await?;
    Ok(())
}

fn assignments(table: &Table, value: impl Fn(&str) -> String) -> String {
    let set: Vec<_> =
        table.columns.iter().map(|column| format!("{column} = {}", value(column))).collect();
    format!("UPDATE SET {}", set.join(", "))
}

pub(super) async fn reject(
    pool: &SqlitePool,
    source: &str,
    calls: &[RejectedCall],
    (most, oldest): (i64, Timestamp),
) -> Result<()> {
    const INSERT: &str =
        "INSERT INTO rejected_calls (source, number, received_at, cause, headers, body)
        SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3, ?4, ?5
        FROM rejected_calls WHERE source = ?1";
    const TRIM: &str = "DELETE FROM rejected_calls WHERE source = ?1 AND (received_at < ?2
        OR number <= (SELECT MAX(number) FROM rejected_calls WHERE source = ?1) - ?3)";
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for call in calls {
        sqlx::query(INSERT)
            .bind(source)
            .bind(call.received_at.as_microsecond())
            .bind(call.cause)
            .bind(&call.headers)
            .bind(call.body.as_deref())
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query(TRIM)
        .bind(source)
        .bind(oldest.as_microsecond())
        .bind(most)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}
