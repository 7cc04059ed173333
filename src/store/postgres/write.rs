//! Writing: the log by batches, the read models by portions. A statement writes all rows of one
//! kind, as arrays.

use async_trait::async_trait;
use creditrail_domain::{StepId, event::VERSION};
use creditrail_projections::{Cell, Change, Reader, Recorded, StreamId, Table, Write};
use jiff::Timestamp;
use sqlx::{
    Executor as _, PgConnection, PgPool, Postgres, Row as _,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{DIALECT, Result, bounded, failed, query};
use crate::store::{
    Batch, Bookmark, Head, KnownDelivery, LEASE, Projected, RejectedCall, StoreError, Written,
    codec, reading,
};

/// Bounds what a writer that hangs or is stopped costs the others: they wait for the head row no
/// longer than a sender waits, and its session ends. In one message, so the source is quoted into
/// it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL lock_timeout = '4s';
    SET LOCAL idle_in_transaction_session_timeout = '5s';
    SELECT position, deliveries, received, recorded_at
    FROM creditrail.heads WHERE source = {source} FOR UPDATE";

const OPEN_HEAD: &str = "INSERT INTO creditrail.heads
    (source, position, deliveries, received, recorded_at) VALUES ($1, 0, 0, 0, 0)
    ON CONFLICT (source) DO NOTHING";

/// `OFFSET 0` keeps the planner from turning the lookups into a scan.
const KNOWN: &str = "SELECT d.* FROM UNNEST($2::text[], $3::text[]) AS k(first, beyond)
    CROSS JOIN LATERAL (
        SELECT delivery_id, dedup_key, position, aggregate_type, stream
        FROM creditrail.deliveries
        WHERE source = $1 AND delivery_id >= k.first AND delivery_id < k.beyond
        ORDER BY delivery_id OFFSET 0
    ) AS d";

/// A batch: its deliveries, its events and the head, in one statement.
const WRITE: &str = "WITH kept AS (
        INSERT INTO creditrail.deliveries (source, delivery_id, number, dedup_key, received_at,
            secret_id, headers, body, outcome, first_position, position, aggregate_type, stream,
            repeats, last_received_at)
        SELECT $1, * FROM UNNEST($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[],
            $7::text[], $8::bytea[], $9::text[], $10::bigint[], $11::bigint[], $12::text[],
            $13::text[], $14::bigint[], $15::bigint[])
    ), appended AS (
        INSERT INTO creditrail.events (source, position, aggregate_type, aggregate_id, sequence,
            event_type, event_version, payload, metadata, occurred_at, recorded_at)
        SELECT $1, position, type, id, sequence, event_type, $16, payload::json, metadata::json,
            occurred_at, $17
        FROM UNNEST($18::bigint[], $19::text[], $20::text[], $21::bigint[], $22::text[],
            $23::text[], $24::text[], $25::bigint[])
            AS e(position, type, id, sequence, event_type, payload, metadata, occurred_at)
    )
    UPDATE creditrail.heads
    SET position = $26, deliveries = $27, received = $28, recorded_at = $17 WHERE source = $1";

const COUNT_REPEATS: &str = "UPDATE creditrail.deliveries AS d
    SET repeats = d.repeats + r.times, last_received_at = GREATEST(d.last_received_at, r.at)
    FROM UNNEST($2::text[], $3::bigint[], $4::bigint[]) AS r(id, times, at)
    WHERE d.source = $1 AND d.delivery_id = r.id";

/// What is lost of it in a crash is folded again: rows and bookmark are lost together.
const BEGIN_PROJECTION: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL synchronous_commit = off;
    SET LOCAL idle_in_transaction_session_timeout = '5s';";

const BOOKMARKS: &str = "SELECT reader, position, holder = $2 AS is_holder,
    held_until - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS time_left
    FROM creditrail.bookmarks WHERE source = $1";

const TAKE: &str = "WITH now AS (
        SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us
    )
    INSERT INTO creditrail.bookmarks AS b (source, reader, position, holder, held_until)
    SELECT $1, reader, 0, $3, now.us + $4 FROM UNNEST($2::text[]) AS reader, now ORDER BY reader
    ON CONFLICT (source, reader) DO UPDATE
    SET holder = EXCLUDED.holder, held_until = EXCLUDED.held_until
    WHERE b.holder = EXCLUDED.holder OR b.held_until < EXCLUDED.held_until - $4";

const OPEN_BOOKMARKS: &str = "INSERT INTO creditrail.bookmarks
    (source, reader, position, holder, held_until)
    SELECT $1, reader, 0, '', 0 FROM UNNEST($2::text[]) AS reader ORDER BY reader
    ON CONFLICT (source, reader) DO NOTHING";

/// Whoever works on a reader keeps it.
const MOVE_BOOKMARKS: &str = "UPDATE creditrail.bookmarks AS b
    SET position = m.beyond, held_until = GREATEST(b.held_until,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $5)
    FROM UNNEST($2::text[], $3::bigint[], $4::bigint[]) AS m(reader, first, beyond)
    WHERE b.source = $1 AND b.reader = m.reader AND b.position = m.first";

const RESET_BOOKMARK: &str =
    "UPDATE creditrail.bookmarks SET position = 0 WHERE source = $1 AND reader = $2";

/// Two instances do not number the ring of one source at once.
const LOCK_RING: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))";

const REJECT: &str = "INSERT INTO creditrail.rejected_calls
    (source, number, received_at, cause, headers, body)
    SELECT $1, r.nth + (SELECT COALESCE(MAX(number), 0) FROM creditrail.rejected_calls
        WHERE source = $1), r.received_at, r.cause, r.headers, r.body
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY
        AS r(received_at, cause, headers, body, nth)";

const TRIM_REJECTED: &str = "DELETE FROM creditrail.rejected_calls
    WHERE source = $1 AND (received_at < $2 OR number <=
        (SELECT MAX(number) FROM creditrail.rejected_calls WHERE source = $1) - $3)";

type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// A transaction. Dropped before its commit, its connection is closed, which ends it: a connection
/// on which something failed or hung is not used again.
struct Transaction(Option<PoolConnection<Postgres>>);

impl Transaction {
    /// Begins, and gives back the rows of what it begins with.
    async fn begin(pool: &PgPool, begin: &str) -> Result<(Self, Vec<PgRow>)> {
        loop {
            let mut transaction = Self(Some(pool.acquire().await.map_err(failed)?));
            let connection = transaction.connection()?;
            let begun = connection.fetch_all(sqlx::raw_sql(begin)).await;
            match begun {
                Ok(rows) => return Ok((transaction, rows)),
                // It has ended while it was idle, with the server or by its order. Nothing was
                // begun on it; a further one is opened once no idle one is left.
                Err(sqlx::Error::Io(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn connection(&mut self) -> Result<&mut PgConnection> {
        let ended = || StoreError::Unavailable("the transaction has ended".into());
        Ok(&mut *self.0.as_mut().ok_or_else(ended)?)
    }

    /// How many rows it changed.
    async fn run(&mut self, statement: Statement<'_>) -> Result<u64> {
        let done = statement.execute(self.connection()?).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn commit(mut self) -> Result<()> {
        self.connection()?.execute(sqlx::raw_sql("COMMIT")).await.map_err(failed)?;
        // Given back to the pool.
        self.0 = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// A writing transaction that holds the head row of its source.
pub(super) struct PostgresBatch {
    transaction: Transaction,
    source: String,
    head: Head,
}

impl PostgresBatch {
    pub(super) async fn begin(pool: &PgPool, source: &str) -> Result<Self> {
        let begin = BEGIN.replace("{source}", &format!("'{}'", source.replace('\'', "''")));
        loop {
            let (mut transaction, rows) = Transaction::begin(pool, &begin).await?;
            if let Some(row) = rows.first() {
                let head = query::row(row).and_then(reading::head)?;
                return Ok(Self { transaction, source: source.to_owned(), head });
            }
            // Committed by itself, so that whoever comes second finds it.
            transaction.run(sqlx::query(OPEN_HEAD).bind(source)).await?;
            transaction.commit().await?;
        }
    }

    async fn write(&mut self, written: &Written) -> Result<()> {
        let events = EventColumns::of(written, (&self.source, self.head.position))?;
        let (head, deliveries) = (&written.head, &written.deliveries);
        let statement = sqlx::query(WRITE)
            .bind(&self.source)
            .bind(column(deliveries, |row| row.delivery_id.as_str()))
            .bind(column(deliveries, |row| row.number))
            .bind(column(deliveries, |row| row.dedup_key.as_str()))
            .bind(column(deliveries, |row| row.received_at.as_microsecond()))
            .bind(column(deliveries, |row| row.secret_id.as_str()))
            .bind(column(deliveries, |row| row.headers.as_str()))
            .bind(column(deliveries, |row| &row.body[..]))
            .bind(column(deliveries, |row| row.outcome))
            .bind(column(deliveries, |row| row.first_position))
            .bind(column(deliveries, |row| row.position))
            .bind(column(deliveries, |row| row.stream.aggregate_type.name()))
            .bind(column(deliveries, |row| row.stream.id.as_str()))
            .bind(column(deliveries, |row| row.repeats))
            .bind(column(deliveries, |row| row.last_received_at.as_microsecond()));
        let statement = events
            .bind_to(statement.bind(VERSION).bind(head.recorded_at.as_microsecond()))
            .bind(head.position)
            .bind(head.deliveries)
            .bind(head.received);
        self.transaction.run(statement).await?;
        if !written.repeats.is_empty() {
            let count = sqlx::query(COUNT_REPEATS)
                .bind(&self.source)
                .bind(column(&written.repeats, |(id, _, _)| id.as_str()))
                .bind(column(&written.repeats, |(_, times, _)| *times))
                .bind(column(&written.repeats, |(_, _, at)| at.as_microsecond()));
            self.transaction.run(count).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Batch for PostgresBatch {
    fn head(&self) -> Head {
        self.head
    }

    async fn known(&mut self, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let (from, to): (Vec<_>, Vec<_>) = deliveries.iter().map(StepId::of_same_key).unzip();
        let select = sqlx::query(KNOWN).bind(&self.source).bind(from).bind(to);
        let connection = self.transaction.connection()?;
        let rows = bounded(async { select.fetch_all(connection).await.map_err(failed) }).await?;
        rows.iter().map(|row| query::row(row).and_then(reading::known)).collect()
    }

    async fn load(&mut self, streams: Vec<StreamId>) -> Result<Vec<Recorded>> {
        let (connection, source) = (self.transaction.connection()?, &self.source);
        bounded(query::events_of(connection, source, (&streams, i64::MAX))).await
    }

    async fn commit(mut self: Box<Self>, written: Written) -> Result<()> {
        let write = async {
            self.write(&written).await?;
            self.transaction.commit().await
        };
        bounded(write).await
    }
}

/// One value of each row.
fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The events of a batch, column by column.
#[derive(Default)]
struct EventColumns<'a> {
    positions: Vec<i64>,
    types: Vec<&'a str>,
    ids: Vec<String>,
    sequences: Vec<i64>,
    event_types: Vec<&'a str>,
    payloads: Vec<String>,
    metadata: Vec<String>,
    occurred_at: Vec<i64>,
}

impl<'a> EventColumns<'a> {
    fn of(written: &'a Written, (source, after): (&str, i64)) -> Result<Self> {
        let mut columns = Self::default();
        for (event, position) in written.events.iter().zip(after + 1..) {
            let payload = codec::encode(&event.event)
                .map_err(|error| StoreError::Constraint(error.into()))?;
            columns.positions.push(position);
            columns.types.push(event.stream.aggregate_type.name());
            columns.ids.push(reading::aggregate_id(source, &event.stream.id));
            columns.sequences.push(event.sequence);
            columns.event_types.push(event.event.name());
            columns.payloads.push(payload);
            columns.metadata.push(codec::metadata(event.delivery_id.as_deref()));
            columns.occurred_at.push(event.occurred_at.as_microsecond());
        }
        Ok(columns)
    }

    fn bind_to<'q>(self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.positions)
            .bind(owned(self.types))
            .bind(self.ids)
            .bind(self.sequences)
            .bind(owned(self.event_types))
            .bind(self.payloads)
            .bind(self.metadata)
            .bind(self.occurred_at)
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Where the readers are, and which of them are the holder's: those of `wanted` that nobody has.
pub(super) async fn claim(
    pool: &PgPool,
    source: &str,
    (wanted, holder): (&[&str], &str),
) -> Result<Vec<Bookmark>> {
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    let found = bookmarks(pool, source, holder).await?;
    let is_to_be_taken = |reader: &&&str| match found.iter().find(|(b, _)| b.reader == **reader) {
        None => true,
        Some((bookmark, left)) if bookmark.is_mine => *left < lease / 2,
        Some((_, left)) => *left <= 0,
    };
    let taken: Vec<&str> = wanted.iter().filter(is_to_be_taken).copied().collect();
    if taken.is_empty() {
        return Ok(found.into_iter().map(|(bookmark, _)| bookmark).collect());
    }
    let take = sqlx::query(TAKE).bind(source).bind(taken).bind(holder).bind(lease);
    take.execute(pool).await.map_err(failed)?;
    let found = bookmarks(pool, source, holder).await?;
    Ok(found.into_iter().map(|(bookmark, _)| bookmark).collect())
}

/// The bookmarks, and how many microseconds each reader stays with its holder.
async fn bookmarks(pool: &PgPool, source: &str, holder: &str) -> Result<Vec<(Bookmark, i64)>> {
    let select = sqlx::query(BOOKMARKS).bind(source).bind(holder);
    let rows = select.fetch_all(pool).await.map_err(failed)?;
    let bookmark = |row: &PgRow| {
        let left: i64 = row.try_get(3)?;
        let (reader, position) = (row.try_get(0)?, row.try_get(1)?);
        let is_mine = row.try_get::<bool, _>(2)? && left > 0;
        Ok((Bookmark { reader, position, is_mine }, left))
    };
    rows.iter().map(bookmark).collect::<Result<_, sqlx::Error>>().map_err(failed)
}

/// Writes rows and bookmarks in one transaction; `false` if a bookmark was elsewhere.
pub(super) async fn project(pool: &PgPool, source: &str, projected: &Projected) -> Result<bool> {
    let Projected { changes, bookmarks } = projected;
    let (mut transaction, _) = Transaction::begin(pool, BEGIN_PROJECTION).await?;
    let readers = column(bookmarks, |(reader, _, _)| *reader);
    if bookmarks.iter().any(|(_, from, _)| *from == 0) {
        transaction.run(sqlx::query(OPEN_BOOKMARKS).bind(source).bind(&readers)).await?;
    }
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    let moved = sqlx::query(MOVE_BOOKMARKS)
        .bind(source)
        .bind(&readers)
        .bind(column(bookmarks, |(_, from, _)| *from))
        .bind(column(bookmarks, |(_, _, to)| *to))
        .bind(lease);
    if transaction.run(moved).await? != u64::try_from(bookmarks.len()).unwrap_or(u64::MAX) {
        return Ok(false);
    }
    for (table, changes) in changes {
        write_rows(&mut transaction, source, (table, changes)).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Writes the changes of one table in the order in which the kinds of write are declared, but
/// deletions first; each row at most once a kind.
async fn write_rows(
    transaction: &mut Transaction,
    source: &str,
    (table, changes): (&Table, &[Change]),
) -> Result<()> {
    for write in [Write::Delete, Write::Replace, Write::KeepFirst, Write::Add] {
        let changes: Vec<&Change> = changes.iter().filter(|change| change.write == write).collect();
        let Some(first) = changes.first() else { continue };
        let sql = statement(table, write, &first.cells);
        let mut statement = sqlx::query(&sql).bind(source);
        statement = statement.bind(column(&changes, |change| change.key.as_str()));
        for nth in 0..first.cells.len() {
            statement = match first.cells[nth] {
                Cell::Text(_) => statement.bind(column(&changes, |change| text(change, nth))),
                Cell::Int(_) => statement.bind(column(&changes, |change| int(change, nth))),
            };
        }
        transaction.run(statement).await?;
    }
    Ok(())
}

fn text<'a>(change: &&'a Change, nth: usize) -> Option<&'a str> {
    match change.cells.get(nth) {
        Some(Cell::Text(text)) => text.as_deref(),
        _ => None,
    }
}

fn int(change: &&Change, nth: usize) -> Option<i64> {
    match change.cells.get(nth) {
        Some(Cell::Int(number)) => *number,
        _ => None,
    }
}

/// `$1` is the source, `$2` the keys, then the columns.
fn statement(table: &Table, write: Write, cells: &[Cell]) -> String {
    let Table { name, columns } = table;
    let assignments = |value: &dyn Fn(&str) -> String| {
        let set: Vec<_> =
            columns.iter().map(|column| format!("{column} = {}", value(column))).collect();
        format!("UPDATE SET {}", set.join(", "))
    };
    let then = match write {
        Write::Delete => {
            return format!("DELETE FROM creditrail.{name} WHERE source = $1 AND key = ANY($2)");
        }
        Write::KeepFirst => "NOTHING".to_owned(),
        Write::Replace => assignments(&|column| format!("EXCLUDED.{column}")),
        Write::Add => assignments(&|column| format!("old.{column} + EXCLUDED.{column}")),
    };
    let array = |(cell, place): (&Cell, usize)| match cell {
        Cell::Text(_) => format!("${place}::text[]"),
        Cell::Int(_) => format!("${place}::bigint[]"),
    };
    let arrays: Vec<_> = cells.iter().zip(3..).map(array).collect();
    let (columns, arrays) = (columns.join(", "), arrays.join(", "));
    format!(
        "INSERT INTO creditrail.{name} AS old (source, key, {columns})
         SELECT $1, * FROM UNNEST($2::text[], {arrays}) ON CONFLICT (source, key) DO {then}"
    )
}

/// Empties the tables of a reader and sets its bookmark to 0.
pub(super) async fn reset(pool: &PgPool, source: &str, reader: &Reader) -> Result<()> {
    let (mut transaction, _) = Transaction::begin(pool, "BEGIN").await?;
    // First, so that whoever projects has either ended or fails at the bookmark.
    transaction.run(sqlx::query(RESET_BOOKMARK).bind(source).bind(reader.name)).await?;
    for model in reader.models {
        let table = format!("{}{}", DIALECT.schema, model.table.name);
        let others = format!(
            "SELECT EXISTS (SELECT FROM {table} WHERE source < $1)
             OR EXISTS (SELECT FROM {table} WHERE source > $1)"
        );
        let others = sqlx::query_scalar(&others).bind(source);
        if others.fetch_one(transaction.connection()?).await.map_err(failed)? {
            let empty = format!("DELETE FROM {table} WHERE source = $1");
            transaction.run(sqlx::query(&empty).bind(source)).await?;
        } else {
            transaction.run(sqlx::query(&format!("TRUNCATE {table}"))).await?;
        }
    }
    transaction.commit().await
}

/// Keeps calls that were not accepted, and drops those beyond the ring.
pub(super) async fn reject(
    pool: &PgPool,
    source: &str,
    (calls, most, oldest): (&[RejectedCall], i64, Timestamp),
) -> Result<()> {
    let (mut transaction, _) = Transaction::begin(pool, "BEGIN").await?;
    transaction
        .run(sqlx::query(LOCK_RING).bind(format!("creditrail.rejected_calls/{source}")))
        .await?;
    let reject = sqlx::query(REJECT)
        .bind(source)
        .bind(column(calls, |call| call.received_at.as_microsecond()))
        .bind(column(calls, |call| call.cause))
        .bind(column(calls, |call| call.headers.as_str()))
        .bind(column(calls, |call| call.body.as_deref()));
    transaction.run(reject).await?;
    let trim = sqlx::query(TRIM_REJECTED).bind(source).bind(oldest.as_microsecond()).bind(most);
    transaction.run(trim).await?;
    transaction.commit().await
}
