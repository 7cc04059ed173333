//! Writing: the log by batches, the read models by rows, each batch one visit to the thread.

use std::collections::HashMap;

use async_trait::async_trait;
use creditrail_domain::StepId;
use creditrail_projections::{Cell, Change, Recorded, StreamId, Table, Write};
use jiff::Timestamp;
use rusqlite::{Connection, ToSql, params, types::ToSqlOutput};
use tokio::sync::OwnedSemaphorePermit;

use super::{Result, failed, query, threads::Threads};
use crate::store::{
    Batch, DataKey, DeliveryRow, Erased, Ground, Head, KnownDelivery, NewEvent, Projected,
    RedrivenRow, RejectedCall, RejectedPlace, SealedSecret, StoreError, Written, codec, privacy,
    reading,
};

pub(super) const SET_HEAD: &str =
    "INSERT INTO heads (source, position, deliveries, received, recorded_at)
    VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (source) DO UPDATE SET
    position = ?2, deliveries = ?3, received = ?4, recorded_at = ?5";

const KNOWN: &str = "SELECT delivery_id, delivery_id, dedup_key, position, aggregate_type, stream
    FROM deliveries WHERE source = ?1 AND delivery_id >= ?2 AND delivery_id < ?3
    UNION ALL SELECT step_id, delivery_id, dedup_key, position, aggregate_type, stream
    FROM redriven_deliveries INDEXED BY redriven_deliveries_by_step
    WHERE source = ?1 AND step_id >= ?2 AND step_id < ?3 AND first_position IS NOT NULL";

const KEEP: &str = "INSERT INTO deliveries (source, delivery_id, number, dedup_key, received_at,
    secret_id, headers, body, outcome, first_position, position, aggregate_type, stream,
    repeats, last_received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const REDRIVE: &str = "INSERT INTO redriven_deliveries (source, delivery_id, step_id, dedup_key,
    first_position, position, aggregate_type, stream) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

const COUNT_REPEAT: &str = "UPDATE deliveries
    SET repeats = repeats + ?3, last_received_at = MAX(last_received_at, ?4)
    WHERE source = ?1 AND delivery_id = ?2";

const SEAL: &str = "INSERT INTO secrets (source, reference, field, key_id, sealed)
    VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

/// The live keys of a subject; of several the newest last. Without statistics the keys of the source would
/// be looked through.
pub(super) const DATA_KEYS: &str =
    "SELECT key_id, subject, created_at, sealing_key_id, sealed, erased_at
    FROM data_keys INDEXED BY data_keys_by_subject
    WHERE source = $1 AND subject = $2 AND sealed IS NOT NULL ORDER BY created_at, key_id";

const ADD_DATA_KEY: &str = "INSERT INTO data_keys (source, key_id, subject, created_at,
    sealing_key_id, sealed, erased_at) VALUES (?, ?, ?, ?, ?, ?, ?)";

const DESTROY: &str = "UPDATE data_keys SET sealed = NULL, erased_at = ?3
    WHERE source = ?1 AND key_id = ?2 AND sealed IS NOT NULL";

const FORGET_SECRET: &str = "DELETE FROM secrets WHERE source = ?1 AND reference = ?2";

const ADD_SEALING_KEY: &str =
    "INSERT INTO sealing_keys (source, key_id) VALUES (?, ?) ON CONFLICT DO NOTHING";

pub(super) const APPEND: &str =
    "INSERT INTO events (source, position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, occurred_at, recorded_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const OPEN_BOOKMARK: &str = "INSERT INTO bookmarks (source, reader, position)
    VALUES (?, ?, 0) ON CONFLICT DO NOTHING";

const MOVE_BOOKMARK: &str =
    "UPDATE bookmarks SET position = ?1 WHERE source = ?2 AND reader = ?3 AND position = ?4";

const REJECT: &str =
    "INSERT INTO rejected_calls (source, number, received_at, cause, headers, body, sealed_headers)
    SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3, ?4, ?5, ?6
    FROM rejected_calls WHERE source = ?1";

const IN_RING: &str =
    "SELECT 1 FROM rejected_calls WHERE source = ? AND number = ? AND received_at = ?";

const ACCEPT: &str =
    "DELETE FROM rejected_calls WHERE source = ? AND number = ? AND received_at = ?";

const TRIM_REJECTED: &str = "DELETE FROM rejected_calls WHERE source = ?1 AND (received_at < ?2
    OR number <= (SELECT MAX(number) FROM rejected_calls WHERE source = ?1) - ?3)";

/// A writing transaction. `BEGIN IMMEDIATE` takes the file's write lock before the head is read;
/// the permit keeps the one writing connection to this transaction until it ends.
pub(super) struct SqliteBatch {
    writer: Threads,
    source: String,
    head: Head,
    open: Option<OwnedSemaphorePermit>,
}

impl SqliteBatch {
    /// Each transaction says for itself whether its commit waits for the disk: read models are written on
    /// the same connection, and wait for none.
    pub(super) async fn begin(
        (writer, source): (Threads, &str),
        permit: OwnedSemaphorePermit,
        is_durable: bool,
    ) -> Result<Self> {
        // Made first: if the caller goes while the transaction begins, dropping this ends it.
        let mut batch =
            Self { writer, source: source.to_owned(), head: Head::EMPTY, open: Some(permit) };
        let source = source.to_owned();
        let begin = move |connection: &mut Connection| {
            if is_durable {
                connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
            }
            connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
            query::head(connection, &source)
        };
        batch.head = batch.writer.call(begin).await?;
        Ok(batch)
    }
}

impl Drop for SqliteBatch {
    fn drop(&mut self) {
        let Some(permit) = self.open.take() else { return };
        let writer = self.writer.clone();
        let rollback = move |connection: &mut Connection| {
            let rolled_back = roll_back(connection);
            drop(permit);
            rolled_back
        };
        // Queued at once; nobody waits for it but the next transaction.
        writer.send(rollback);
    }
}

/// Ends an open transaction; none is as good.
fn roll_back(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Ok(());
    }
    connection.execute_batch("ROLLBACK").map_err(failed)
}

#[async_trait]
impl Ground for SqliteBatch {
    fn head(&self) -> Head {
        self.head
    }

    async fn known(&mut self, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let source = self.source.clone();
        self.writer.call(move |connection| known(connection, &source, &deliveries)).await
    }

    async fn rejected(&mut self, calls: Vec<RejectedPlace>) -> Result<Vec<RejectedPlace>> {
        let source = self.source.clone();
        let rejected = move |connection: &mut Connection| {
            let mut find = connection.prepare_cached(IN_RING).map_err(failed)?;
            let mut found = Vec::with_capacity(calls.len());
            for call in calls {
                let at = call.received_at.as_microsecond();
                if find.exists(params![source, call.number, at]).map_err(failed)? {
                    found.push(call);
                }
            }
            Ok(found)
        };
        self.writer.call(rejected).await
    }

    async fn load(&mut self, streams: Vec<StreamId>) -> Result<Vec<Recorded>> {
        let source = self.source.clone();
        let load = move |connection: &mut Connection| {
            query::events_of(connection, &source, &streams, i64::MAX)
        };
        self.writer.call(load).await
    }
}

#[async_trait]
impl Batch for SqliteBatch {
    async fn data_keys(&mut self, subjects: Vec<String>) -> Result<Vec<DataKey>> {
        let source = self.source.clone();
        let find = move |connection: &mut Connection| {
            let mut found = Vec::new();
            for subject in subjects {
                let of = [source.as_str().into(), subject.into()];
                for row in query::rows(connection, DATA_KEYS, &of)? {
                    found.push(privacy::data_key(row)?);
                }
            }
            Ok(found)
        };
        self.writer.call(find).await
    }

    async fn commit(mut self: Box<Self>, written: Written) -> Result<()> {
        let (source, after) = (self.source.clone(), self.head.position);
        let write = move |connection: &mut Connection| {
            let committed = write(connection, &source, after, &written);
            if committed.is_err() {
                roll_back(connection)?;
            }
            committed
        };
        let committed = self.writer.call(write).await;
        self.open = None;
        committed
    }
}

pub(super) fn known(
    connection: &Connection,
    source: &str,
    deliveries: &[StepId],
) -> Result<Vec<KnownDelivery>> {
    let mut known = Vec::new();
    for delivery in deliveries {
        let (from, to) = delivery.of_same_key();
        for row in query::rows(connection, KNOWN, &[source.into(), from.into(), to.into()])? {
            known.push(reading::known(row)?);
        }
    }
    Ok(known)
}

fn write(connection: &Connection, source: &str, after: i64, written: &Written) -> Result<()> {
    let Written { deliveries, repeats, redriven, secrets, accepted, events, head, .. } = written;
    keep_keys(connection, source, &written.data_keys).map_err(failed)?;
    destroy(connection, source, &written.erased).map_err(failed)?;
    let mut keep = connection.prepare_cached(KEEP).map_err(failed)?;
    for row in deliveries {
        keep_delivery(&mut keep, source, row).map_err(failed)?;
    }
    let mut count = connection.prepare_cached(COUNT_REPEAT).map_err(failed)?;
    for (delivery_id, times, at) in repeats {
        count.execute(params![source, delivery_id, times, at.as_microsecond()]).map_err(failed)?;
    }
    let mut redrive = connection.prepare_cached(REDRIVE).map_err(failed)?;
    for row in redriven {
        keep_redriven(&mut redrive, source, row).map_err(failed)?;
    }
    let mut seal = connection.prepare_cached(SEAL).map_err(failed)?;
    for SealedSecret { reference, field, key_id, sealed } in secrets {
        let reference = reference.to_string();
        seal.execute(params![source, reference, field, key_id, sealed]).map_err(failed)?;
    }
    let mut accept = connection.prepare_cached(ACCEPT).map_err(failed)?;
    for RejectedPlace { number, received_at } in accepted {
        accept.execute(params![source, number, received_at.as_microsecond()]).map_err(failed)?;
    }
    let mut append = connection.prepare_cached(APPEND).map_err(failed)?;
    for (event, position) in events.iter().zip(after + 1..) {
        let payload =
            codec::encode(&event.event).map_err(|error| StoreError::Constraint(error.into()))?;
        let at = (position, head.recorded_at);
        append_event(&mut append, source, at, (event, &payload)).map_err(failed)?;
    }
    let recorded_at = head.recorded_at.as_microsecond();
    connection
        .prepare_cached(SET_HEAD)
        .and_then(|mut set| {
            set.execute(params![source, head.position, head.deliveries, head.received, recorded_at])
        })
        .map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)
}

/// Appends an event at a position, by [`APPEND`].
pub(super) fn append_event(
    append: &mut rusqlite::CachedStatement<'_>,
    source: &str,
    (position, recorded_at): (i64, Timestamp),
    (event, payload): (&NewEvent, &str),
) -> rusqlite::Result<usize> {
    append.execute(params![
        source,
        position,
        event.stream.aggregate_type.name(),
        reading::aggregate_id(source, &event.stream.id),
        event.sequence,
        event.event.name(),
        creditrail_domain::event::VERSION,
        payload,
        codec::metadata(event.delivery_id.as_deref()),
        event.occurred_at.as_microsecond(),
        recorded_at.as_microsecond(),
    ])
}

fn keep_delivery(
    keep: &mut rusqlite::CachedStatement<'_>,
    source: &str,
    row: &DeliveryRow,
) -> rusqlite::Result<usize> {
    keep.execute(params![
        source,
        row.delivery_id,
        row.number,
        row.dedup_key,
        row.received_at.as_microsecond(),
        row.secret_id,
        row.headers,
        &row.body[..],
        row.outcome,
        row.first_position,
        row.position,
        row.stream.aggregate_type.name(),
        row.stream.id,
        row.repeats,
        row.last_received_at.as_microsecond(),
    ])
}

fn keep_keys(connection: &Connection, source: &str, keys: &[DataKey]) -> rusqlite::Result<()> {
    let mut add = connection.prepare_cached(ADD_DATA_KEY)?;
    for DataKey { key_id, subject, created_at, sealing_key_id, sealed, erased_at } in keys {
        let (created_at, erased_at) =
            (created_at.as_microsecond(), erased_at.map(Timestamp::as_microsecond));
        add.execute(params![
            source,
            key_id,
            subject,
            created_at,
            sealing_key_id,
            sealed,
            erased_at,
        ])?;
    }
    Ok(())
}

fn destroy(connection: &Connection, source: &str, erased: &Erased) -> rusqlite::Result<()> {
    let mut destroy = connection.prepare_cached(DESTROY)?;
    for key_id in &erased.keys {
        destroy.execute(params![source, key_id, erased.at.as_microsecond()])?;
    }
    let mut forget = connection.prepare_cached(FORGET_SECRET)?;
    for reference in &erased.secrets {
        forget.execute(params![source, reference])?;
    }
    Ok(())
}

fn keep_redriven(
    keep: &mut rusqlite::CachedStatement<'_>,
    source: &str,
    row: &RedrivenRow,
) -> rusqlite::Result<usize> {
    keep.execute(params![
        source,
        row.delivery_id,
        row.step_id,
        row.dedup_key,
        row.first_position,
        row.position,
        row.stream.aggregate_type.name(),
        row.stream.id,
    ])
}

/// Writes rows and bookmarks in one transaction; `false` if a bookmark was elsewhere.
pub(super) fn project(
    connection: &mut Connection,
    source: &str,
    projected: &Projected,
) -> Result<bool> {
    let tx = query::immediate(connection)?;
    for (reader, from, to) in &projected.bookmarks {
        if *from == 0 {
            tx.execute(OPEN_BOOKMARK, params![source, reader]).map_err(failed)?;
        }
        let mut move_on = tx.prepare_cached(MOVE_BOOKMARK).map_err(failed)?;
        if move_on.execute(params![to, source, reader, from]).map_err(failed)? != 1 {
            return Ok(false);
        }
    }
    for (table, changes) in &projected.changes {
        write_rows(&tx, source, table, changes).map_err(failed)?;
    }
    tx.commit().map_err(failed)?;
    Ok(true)
}

/// Writes the changes of one table in the order in which the kinds of write are declared, but
/// deletions first; each row at most once a kind.
fn write_rows(
    connection: &Connection,
    source: &str,
    table: &Table,
    changes: &[Change],
) -> rusqlite::Result<()> {
    let mut statements = HashMap::new();
    let deletions_first = |change: &&Change| change.write != Write::Delete;
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by_key(deletions_first);
    for change in changes {
        let statement = match statements.entry(change.write) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(connection.prepare_cached(&statement(table, change.write))?)
            }
        };
        let key: [&dyn ToSql; 2] = [&source, &change.key];
        let cells = change.cells.iter().map(Value).collect::<Vec<_>>();
        let cells = cells.iter().map(|cell| cell as &dyn ToSql);
        statement.execute(rusqlite::params_from_iter(key.into_iter().chain(cells)))?;
        if change.write == Write::Add {
            connection.prepare_cached(&drop_sum_of_nothing(table))?.execute(key)?;
        }
    }
    Ok(())
}

/// A sum of 0 is no row, in whatever portions the events came.
fn drop_sum_of_nothing(Table { name, columns }: &Table) -> String {
    let nothing: Vec<_> = columns.iter().map(|column| format!("{column} = 0")).collect();
    format!("DELETE FROM {name} WHERE source = ? AND key = ? AND {}", nothing.join(" AND "))
}

struct Value<'a>(&'a Cell);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Cell::Text(text) => text.to_sql(),
            Cell::Int(number) => number.to_sql(),
        }
    }
}

fn statement(table: &Table, write: Write) -> String {
    let Table { name, columns } = table;
    let assignments = |value: &dyn Fn(&str) -> String| {
        let set: Vec<_> =
            columns.iter().map(|column| format!("{column} = {}", value(column))).collect();
        format!("UPDATE SET {}", set.join(", "))
    };
    let then = match write {
        Write::Delete => return format!("DELETE FROM {name} WHERE source = ? AND key = ?"),
        Write::KeepFirst => "NOTHING".to_owned(),
        Write::Replace => assignments(&|column| format!("excluded.{column}")),
        Write::Add => assignments(&|column| format!("{name}.{column} + excluded.{column}")),
    };
    let places = vec!["?"; columns.len() + 2].join(", ");
    let columns = columns.join(", ");
    format!(
        "INSERT INTO {name} (source, key, {columns}) VALUES ({places})
         ON CONFLICT (source, key) DO {then}"
    )
}

/// Notes a key with which secrets are sealed.
pub(super) fn add_sealing_key(connection: &Connection, source: &str, key_id: &str) -> Result<()> {
    connection.execute(ADD_SEALING_KEY, [source, key_id]).map_err(failed).map(drop)
}

/// Keeps calls that were not accepted, and drops those beyond the ring.
pub(super) fn reject(
    connection: &mut Connection,
    source: &str,
    calls: &[RejectedCall],
    (most, oldest): (i64, Timestamp),
) -> Result<()> {
    let tx = query::immediate(connection)?;
    for call in calls {
        let at = call.received_at.as_microsecond();
        tx.prepare_cached(REJECT)
            .and_then(|mut insert| {
                let (body, headers) = (call.body.as_deref(), call.sealed_headers.as_deref());
                insert.execute(params![source, at, call.cause, call.headers, body, headers])
            })
            .map_err(failed)?;
    }
    tx.execute(TRIM_REJECTED, params![source, oldest.as_microsecond(), most]).map_err(failed)?;
    tx.commit().map_err(failed)
}
