//! Writing the log, by batches, and the ring of rejected calls. A statement writes all rows of one
//! kind, as arrays.

use async_trait::async_trait;
use creditrail_domain::{StepId, event::VERSION};
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use sqlx::{PgConnection, PgPool};

use super::{
    Result, bounded, failed, query,
    transaction::{Statement, Transaction, column},
};
use crate::store::{
    Batch, DataKey, Erased, Ground, Head, KnownDelivery, RedrivenRow, RejectedCall, RejectedPlace,
    SealedSecret, StoreError, Written, codec, privacy, reading,
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
pub(super) const KNOWN: &str = "SELECT d.* FROM UNNEST($2::text[], $3::text[]) AS k(first, beyond)
    CROSS JOIN LATERAL (
        (SELECT delivery_id AS step_id, delivery_id, dedup_key, position, aggregate_type, stream
        FROM creditrail.deliveries
        WHERE source = $1 AND delivery_id >= k.first AND delivery_id < k.beyond
        ORDER BY delivery_id OFFSET 0)
        UNION ALL
        (SELECT step_id, delivery_id, dedup_key, position, aggregate_type, stream
        FROM creditrail.redriven_deliveries
        WHERE source = $1 AND step_id >= k.first AND step_id < k.beyond
            AND first_position IS NOT NULL
        ORDER BY step_id OFFSET 0)
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

const REDRIVE: &str = "INSERT INTO creditrail.redriven_deliveries (source, delivery_id, step_id,
        dedup_key, first_position, position, aggregate_type, stream)
    SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
        $7::text[], $8::text[])";

const COUNT_REPEATS: &str = "UPDATE creditrail.deliveries AS d
    SET repeats = d.repeats + r.times, last_received_at = GREATEST(d.last_received_at, r.at)
    FROM UNNEST($2::text[], $3::bigint[], $4::bigint[]) AS r(id, times, at)
    WHERE d.source = $1 AND d.delivery_id = r.id";

const SEAL: &str = "INSERT INTO creditrail.secrets (source, reference, field, key_id, sealed)
    SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::bytea[])
    ON CONFLICT DO NOTHING";

const ADD_DATA_KEYS: &str = "INSERT INTO creditrail.data_keys (source, key_id, subject, created_at,
        sealing_key_id, sealed)
    SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::bytea[])";

/// `OFFSET 0` keeps the planner from turning the lookups into a scan.
const DATA_KEYS: &str = "SELECT k.* FROM UNNEST($2::text[]) AS s(subject)
    CROSS JOIN LATERAL (
        SELECT key_id, subject, created_at, sealing_key_id, sealed, erased_at
        FROM creditrail.data_keys
        WHERE source = $1 AND subject = s.subject AND sealed IS NOT NULL
        ORDER BY created_at, key_id OFFSET 0
    ) AS k";

const DESTROY: &str = "UPDATE creditrail.data_keys SET sealed = NULL, erased_at = $3
    WHERE source = $1 AND key_id = ANY($2) AND sealed IS NOT NULL";

const FORGET_SECRETS: &str =
    "DELETE FROM creditrail.secrets WHERE source = $1 AND reference = ANY($2)";

const ADD_SEALING_KEY: &str =
    "INSERT INTO creditrail.sealing_keys (source, key_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// Two instances do not number the ring of one source at once.
const LOCK_RING: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))";

const REJECT: &str = "INSERT INTO creditrail.rejected_calls
    (source, number, received_at, cause, headers, body, sealed_headers)
    SELECT $1, r.nth + (SELECT COALESCE(MAX(number), 0) FROM creditrail.rejected_calls
        WHERE source = $1), r.received_at, r.cause, r.headers, r.body,
        r.sealed_headers
    FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[]) WITH ORDINALITY
        AS r(received_at, cause, headers, body, sealed_headers, nth)";

const IN_RING: &str = "SELECT c.number, c.received_at FROM creditrail.rejected_calls AS c
    JOIN UNNEST($2::bigint[], $3::bigint[]) AS a(number, received_at)
        ON c.number = a.number AND c.received_at = a.received_at
    WHERE c.source = $1";

const ACCEPT: &str = "DELETE FROM creditrail.rejected_calls AS c
    USING UNNEST($2::bigint[], $3::bigint[]) AS a(number, received_at)
    WHERE c.source = $1 AND c.number = a.number AND c.received_at = a.received_at";

const TRIM_REJECTED: &str = "DELETE FROM creditrail.rejected_calls
    WHERE source = $1 AND (received_at < $2 OR number <=
        (SELECT MAX(number) FROM creditrail.rejected_calls WHERE source = $1) - $3)";

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
            self.count_repeats(&written.repeats).await?;
        }
        if !written.redriven.is_empty() {
            self.write_redriven(&written.redriven).await?;
        }
        if !written.accepted.is_empty() {
            self.accept(&written.accepted).await?;
        }
        if !written.secrets.is_empty() {
            self.seal(&written.secrets).await?;
        }
        if !written.data_keys.is_empty() {
            self.keep_keys(&written.data_keys).await?;
        }
        if !written.erased.is_empty() {
            self.destroy(&written.erased).await?;
        }
        Ok(())
    }

    async fn count_repeats(&mut self, repeats: &[(String, i64, Timestamp)]) -> Result<()> {
        let count = sqlx::query(COUNT_REPEATS)
            .bind(&self.source)
            .bind(column(repeats, |(id, _, _)| id.as_str()))
            .bind(column(repeats, |(_, times, _)| *times))
            .bind(column(repeats, |(_, _, at)| at.as_microsecond()));
        self.transaction.run(count).await.map(drop)
    }

    async fn accept(&mut self, accepted: &[RejectedPlace]) -> Result<()> {
        let accept = sqlx::query(ACCEPT)
            .bind(&self.source)
            .bind(column(accepted, |call| call.number))
            .bind(column(accepted, |call| call.received_at.as_microsecond()));
        self.transaction.run(accept).await.map(drop)
    }

    async fn seal(&mut self, secrets: &[SealedSecret]) -> Result<()> {
        let seal = sqlx::query(SEAL)
            .bind(&self.source)
            .bind(secrets.iter().map(|row| row.reference.to_string()).collect::<Vec<_>>())
            .bind(column(secrets, |row| row.field.as_str()))
            .bind(column(secrets, |row| row.key_id.as_str()))
            .bind(column(secrets, |row| &row.sealed[..]));
        self.transaction.run(seal).await.map(drop)
    }

    async fn keep_keys(&mut self, keys: &[DataKey]) -> Result<()> {
        let add = sqlx::query(ADD_DATA_KEYS)
            .bind(&self.source)
            .bind(column(keys, |key| key.key_id.as_str()))
            .bind(column(keys, |key| key.subject.as_str()))
            .bind(column(keys, |key| key.created_at.as_microsecond()))
            .bind(column(keys, |key| key.sealing_key_id.as_str()))
            .bind(column(keys, |key| key.sealed.as_deref()));
        self.transaction.run(add).await.map(drop)
    }

    async fn destroy(&mut self, erased: &Erased) -> Result<()> {
        let at = erased.at.as_microsecond();
        let destroy = sqlx::query(DESTROY).bind(&self.source).bind(&erased.keys).bind(at);
        self.transaction.run(destroy).await?;
        let forget = sqlx::query(FORGET_SECRETS).bind(&self.source).bind(&erased.secrets);
        self.transaction.run(forget).await.map(drop)
    }

    async fn write_redriven(&mut self, redriven: &[RedrivenRow]) -> Result<()> {
        let redrive = sqlx::query(REDRIVE)
            .bind(&self.source)
            .bind(column(redriven, |row| row.delivery_id.as_str()))
            .bind(column(redriven, |row| row.step_id.as_str()))
            .bind(column(redriven, |row| row.dedup_key.as_str()))
            .bind(column(redriven, |row| row.first_position))
            .bind(column(redriven, |row| row.position))
            .bind(column(redriven, |row| row.stream.aggregate_type.name()))
            .bind(column(redriven, |row| row.stream.id.as_str()));
        self.transaction.run(redrive).await.map(drop)
    }
}

/// The deliveries that have the key of one of these.
pub(super) async fn known(
    connection: &mut PgConnection,
    source: &str,
    deliveries: &[StepId],
) -> Result<Vec<KnownDelivery>> {
    let (from, to): (Vec<_>, Vec<_>) = deliveries.iter().map(StepId::of_same_key).unzip();
    let select = sqlx::query(KNOWN).bind(source).bind(from).bind(to);
    let rows = select.fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(|row| query::row(row).and_then(reading::known)).collect()
}

#[async_trait]
impl Ground for PostgresBatch {
    fn head(&self) -> Head {
        self.head
    }

    async fn known(&mut self, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let connection = self.transaction.connection()?;
        bounded(known(connection, &self.source, &deliveries)).await
    }

    async fn rejected(&mut self, calls: Vec<RejectedPlace>) -> Result<Vec<RejectedPlace>> {
        let select = sqlx::query(IN_RING)
            .bind(&self.source)
            .bind(column(&calls, |call| call.number))
            .bind(column(&calls, |call| call.received_at.as_microsecond()));
        let connection = self.transaction.connection()?;
        let rows = bounded(async { select.fetch_all(connection).await.map_err(failed) }).await?;
        rows.iter().map(|row| query::row(row).and_then(reading::rejected_place)).collect()
    }

    async fn load(&mut self, streams: Vec<StreamId>) -> Result<Vec<Recorded>> {
        let (connection, source) = (self.transaction.connection()?, &self.source);
        bounded(query::events_of(connection, source, (&streams, i64::MAX))).await
    }
}

#[async_trait]
impl Batch for PostgresBatch {
    async fn data_keys(&mut self, subjects: Vec<String>) -> Result<Vec<DataKey>> {
        let select = sqlx::query(DATA_KEYS).bind(&self.source).bind(subjects);
        let connection = self.transaction.connection()?;
        let rows = bounded(async { select.fetch_all(connection).await.map_err(failed) }).await?;
        rows.iter().map(|row| query::row(row).and_then(privacy::data_key)).collect()
    }

    async fn commit(mut self: Box<Self>, written: Written) -> Result<()> {
        let write = async {
            self.write(&written).await?;
            self.transaction.commit().await
        };
        bounded(write).await
    }
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

/// Notes a key with which secrets are sealed.
pub(super) async fn add_sealing_key(pool: &PgPool, source: &str, key_id: &str) -> Result<()> {
    let (mut transaction, _) = Transaction::begin(pool, "BEGIN").await?;
    transaction.run(sqlx::query(ADD_SEALING_KEY).bind(source).bind(key_id)).await?;
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
        .bind(column(calls, |call| call.body.as_deref()))
        .bind(column(calls, |call| call.sealed_headers.as_deref()));
    transaction.run(reject).await?;
    let trim = sqlx::query(TRIM_REJECTED).bind(source).bind(oldest.as_microsecond()).bind(most);
    transaction.run(trim).await?;
    transaction.commit().await
}
