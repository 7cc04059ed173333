//! The reads of every database: statements that all of them run, and rows as the types of the
//! store. What differs is in [`Dialect`](super::sql::Dialect).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use creditrail_domain::AggregateType;
use creditrail_projections::{StreamId, Table, customers::Pair};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Balance, Due, Head, Identity, KnownDelivery, Passed, RawEvent, RejectedPlace, RejectedRow,
    Result, SealedCall, SealedSecret, Store, StoreError,
    sql::{LentRow, Look, Row, Value},
};

pub(super) const HEAD: &str =
    "SELECT position, deliveries, received, recorded_at FROM @heads WHERE source = $1";

const RAW_EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, occurred_at, recorded_at
    FROM @events WHERE source = $1 AND position > $2 ORDER BY position LIMIT $3";

const SEARCH: &str = "SELECT subject_type, subject_id FROM @identifiers
    WHERE source = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT 50";

const TALLIES: &str = "SELECT key, count FROM @tallies WHERE source = $1 ORDER BY key";

const STATISTICS: &str = "SELECT key, count FROM @statistics
    WHERE source = $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4";

const OPEN_EXCEPTIONS: &str = "SELECT severity, COUNT(*) FROM @exceptions
    WHERE source = $1 AND status = 'open' GROUP BY severity ORDER BY severity";

const DUE: &str = "SELECT due_at, key, aggregate_type, stream FROM @deadlines
    WHERE source = $1 AND due_at <= $2 AND (due_at, key) > ($3, $4) ORDER BY due_at, key LIMIT $5";

const SECRET: &str = "SELECT field, key_id, sealed FROM @secrets
    WHERE source = $1 AND reference = $2";

const SEALING_KEYS: &str = "SELECT key_id FROM @sealing_keys AS k WHERE source = $1
    AND (EXISTS (SELECT 1 FROM @secrets AS s WHERE s.source = k.source AND s.key_id = k.key_id)
        OR EXISTS (SELECT 1 FROM @data_keys AS d WHERE d.source = k.source
            AND d.sealing_key_id = k.key_id AND d.erased_at IS NULL))
    ORDER BY key_id";

const PASSED: &str = "SELECT b.reader, b.position, e.recorded_at FROM @bookmarks AS b
    LEFT JOIN @events AS e ON e.source = b.source AND e.position = b.position + 1
    WHERE b.source = $1";

const LAST_RECEIVED: &str = "SELECT last_received_at FROM @deliveries
    WHERE source = $1 ORDER BY number DESC LIMIT 1";

const REJECTED: &str = "SELECT number, received_at, cause, headers, LENGTH(body),
    LENGTH(sealed_headers)
    FROM @rejected_calls WHERE source = $1 ORDER BY number DESC LIMIT $2";

const SEALED_CALLS: &str = "SELECT number, received_at, cause, body, sealed_headers
    FROM @rejected_calls WHERE source = $1 AND number > $2 AND received_at >= $3
    ORDER BY number LIMIT $4";

const PAIRS: &str = "SELECT first_position, customer_id, partner_customer_id FROM @customers
    WHERE source = $1 AND strength IN ('implied', 'explicit', 'ended') AND ";

const IDENTITIES: &str = "SELECT partner_customer_id, strength, first_position FROM @customers
    WHERE source = $1 AND customer_id = $2 ORDER BY partner_customer_id, first_position";

/// In two halves, for the sum of amounts that fit need not. `{currency}` is grouped by and not looked
/// up: a customer has few transactions, a currency has all.
const BALANCES: &str = "SELECT currency,
    CAST(SUM(hold / 1000000) AS BIGINT), CAST(SUM(hold % 1000000) AS BIGINT),
    CAST(SUM(captured / 1000000) AS BIGINT), CAST(SUM(captured % 1000000) AS BIGINT),
    CAST(SUM(refunded / 1000000) AS BIGINT), CAST(SUM(refunded % 1000000) AS BIGINT)
    FROM @transactions WHERE source = $1 AND customer_id = $2 AND {currency} IS NOT NULL
    GROUP BY {currency} ORDER BY {currency}";

/// A time of the database, which only holds times that were written by [`Timestamp`].
pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The id of a stream in the log: `source/external-id`.
pub(super) fn aggregate_id(source: &str, id: &str) -> String {
    format!("{source}/{id}")
}

/// The external id of a stream's id in the log.
pub(super) fn external_id(aggregate_id: &str) -> &str {
    aggregate_id.split_once('/').map_or(aggregate_id, |(_, id)| id)
}

impl dyn Store {
    /// The head of a source's log.
    ///
    /// # Errors
    /// [`StoreError`], as for all reads.
    pub async fn head(&self, source: &str) -> Result<Head> {
        let rows = self.all(HEAD, vec![source.into()]).await?;
        rows.into_iter().next().map_or(Ok(Head::EMPTY), head)
    }

    /// Events after a position as they are stored, in position order, `limit` at most.
    pub async fn raw_events_after(
        &self,
        source: &str,
        position: i64,
        limit: i64,
    ) -> Result<Vec<RawEvent>> {
        let values = vec![source.into(), position.into(), limit.into()];
        self.all(RAW_EVENTS_AFTER, values).await?.into_iter().map(raw_event).collect()
    }

    /// The pairs that share an id with one of the customers or partner's customers.
    pub async fn pairs(
        &self,
        source: &str,
        customers: Vec<String>,
        partners: Vec<String>,
    ) -> Result<Vec<Pair>> {
        let mut pairs = BTreeMap::<(String, String), i64>::new();
        for (column, ids) in [("customer_id", customers), ("partner_customer_id", partners)] {
            if ids.is_empty() {
                continue;
            }
            let sql = PAIRS.to_owned() + &(self.dialect().one_of)(column, 2);
            for mut row in self.all(&sql, vec![source.into(), ids.into()]).await? {
                let (position, one, other) =
                    (row.int()?, row.optional_text()?, row.optional_text()?);
                // Asked for in SQL, SQLite takes it for a range of the index.
                let (Some(one), Some(other)) = (one, other) else { continue };
                let pair = (one, other);
                let first = pairs.entry(pair).or_insert(position);
                *first = position.min(*first);
            }
        }
        let pair = |((customer_id, partner_customer_id), first_position)| Pair {
            first_position,
            customer_id,
            partner_customer_id,
        };
        Ok(pairs.into_iter().map(pair).collect())
    }

    /// The document of a row.
    pub async fn document(
        &self,
        table: &'static Table,
        source: &str,
        key: &str,
    ) -> Result<Option<String>> {
        let sql = format!("SELECT document FROM @{} WHERE source = $1 AND key = $2", table.name);
        let rows = self.all(&sql, vec![source.into(), key.into()]).await?;
        rows.into_iter().next().map(|mut row| row.text()).transpose()
    }

    /// Those of these keys that a table has.
    pub async fn known_keys(
        &self,
        table: &'static Table,
        source: &str,
        keys: Vec<String>,
    ) -> Result<Vec<String>> {
        let keyed = (self.dialect().one_of)("key", 2);
        let sql = format!("SELECT key FROM @{} WHERE source = $1 AND {keyed}", table.name);
        let rows = self.all(&sql, vec![source.into(), keys.into()]).await?;
        rows.into_iter().map(|mut row| row.text()).collect()
    }

    /// The ids of a customer.
    pub async fn identities(&self, source: &str, customer_id: &str) -> Result<Vec<Identity>> {
        let rows = self.all(IDENTITIES, vec![source.into(), customer_id.into()]).await?;
        let known = |mut row: Row| Ok((row.optional_text()?, row.text()?, row.int()?));
        let known: Vec<_> = rows.into_iter().map(known).collect::<Result<_>>()?;
        Ok(Identity::of(customer_id, known))
    }

    /// The totals of a customer, by currency.
    pub async fn balances(&self, source: &str, customer_id: &str) -> Result<Vec<Balance>> {
        fn sum(row: &mut Row) -> Result<i64> {
            let (high, low) = (row.int()?, row.int()?);
            Ok(i64::try_from(i128::from(high) * 1_000_000 + i128::from(low)).unwrap_or(i64::MAX))
        }
        let mut balances = Vec::new();
        let sql = BALANCES.replace("{currency}", &(self.dialect().aside)("currency"));
        for mut row in self.all(&sql, vec![source.into(), customer_id.into()]).await? {
            let currency = row.text()?;
            let sums = [sum(&mut row)?, sum(&mut row)?, sum(&mut row)?];
            balances.push(Balance::of(currency, sums));
        }
        Ok(balances)
    }

    /// What an id leads to: type and id.
    pub async fn search(&self, source: &str, value: &str) -> Result<Vec<(String, String)>> {
        let (from, to) = creditrail_projections::identifiers::keys_of(value);
        let rows = self.all(SEARCH, vec![source.into(), from.into(), to.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    }

    /// The outcomes of deliveries as of now, counted.
    pub async fn tallies(&self, source: &str) -> Result<Vec<(String, i64)>> {
        counted(self.all(TALLIES, vec![source.into()]).await?)
    }

    /// How far each reader is that has begun, and what is next for it.
    pub async fn passed(&self, source: &str) -> Result<Vec<Passed>> {
        let passed = |mut row: Row| {
            let (reader, position) = (row.text()?, row.int()?);
            Ok(Passed { reader, position, next_at: row.optional_int()?.map(time) })
        };
        self.all(PASSED, vec![source.into()]).await?.into_iter().map(passed).collect()
    }

    /// Numbers over time whose keys are in a range, in the order of the keys, `limit` at most.
    pub async fn statistics(
        &self,
        source: &str,
        (from, to): (String, String),
        limit: i64,
    ) -> Result<Vec<(String, i64)>> {
        let values = vec![source.into(), from.into(), to.into(), limit.into()];
        counted(self.all(STATISTICS, values).await?)
    }

    /// How many exceptions are open, by severity.
    pub async fn open_exceptions(&self, source: &str) -> Result<Vec<(String, i64)>> {
        counted(self.all(OPEN_EXCEPTIONS, vec![source.into()]).await?)
    }

    /// Streams whose deadline is not after `now`, behind the one given, `limit` at most: in the
    /// order of their deadlines, each with where it stands.
    pub async fn due(
        &self,
        source: &str,
        now: Timestamp,
        (after, limit): (&Due, i64),
    ) -> Result<Vec<(Due, StreamId)>> {
        let values = vec![
            source.into(),
            now.as_microsecond().into(),
            after.at.into(),
            after.key.as_str().into(),
            limit.into(),
        ];
        let due = |mut row: Row| {
            let due = Due { at: row.int()?, key: row.text()? };
            Ok((due, stream(&mut row)?))
        };
        self.all(DUE, values).await?.into_iter().map(due).collect()
    }

    /// A secret by its reference.
    pub async fn secret(&self, source: &str, reference: Uuid) -> Result<Option<SealedSecret>> {
        let rows = self.all(SECRET, vec![source.into(), reference.to_string().into()]).await?;
        let secret = |mut row: Row| {
            let (field, key_id, sealed) = (row.text()?, row.text()?, row.bytes()?);
            Ok(SealedSecret { reference, field, key_id, sealed })
        };
        rows.into_iter().next().map(secret).transpose()
    }

    /// The keys with which a source's secrets have been sealed.
    pub async fn sealing_keys(&self, source: &str) -> Result<Vec<String>> {
        let rows = self.all(SEALING_KEYS, vec![source.into()]).await?;
        rows.into_iter().map(|mut row| row.text()).collect()
    }

    /// When the newest delivery of a source was received.
    pub async fn last_received_at(&self, source: &str) -> Result<Option<Timestamp>> {
        let rows = self.all(LAST_RECEIVED, vec![source.into()]).await?;
        rows.into_iter().next().map(|mut row| row.int().map(time)).transpose()
    }

    /// The newest calls that were not accepted.
    pub async fn rejected(&self, source: &str, limit: i64) -> Result<Vec<RejectedRow>> {
        let rows = self.all(REJECTED, vec![source.into(), limit.into()]).await?;
        rows.into_iter().map(rejected).collect()
    }

    /// Calls that were not accepted, behind a place of the ring, with what is sealed of them: oldest
    /// first, received at that time or later, `limit` at most.
    pub async fn sealed_calls(
        &self,
        source: &str,
        (after, since): (i64, Timestamp),
        limit: i64,
    ) -> Result<Vec<SealedCall>> {
        let since = since.as_microsecond();
        let values = vec![source.into(), after.into(), since.into(), limit.into()];
        let call = |mut row: Row| {
            Ok(SealedCall {
                place: place(&mut row)?,
                cause: row.text()?,
                body: row.optional_bytes()?,
                sealed_headers: row.optional_bytes()?,
            })
        };
        self.all(SEALED_CALLS, values).await?.into_iter().map(call).collect()
    }

    pub(super) async fn all(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        self.rows(self.dialect().of(sql), values).await
    }

    /// What comes of the rows of a statement, each looked at where the database has it.
    pub(super) async fn folded<T: Send + 'static>(
        &self,
        (sql, values): (&str, Vec<Value>),
        begin: T,
        fold: impl Fn(&mut T, LentRow<'_>) -> Result<()> + Send + 'static,
    ) -> Result<T> {
        let folded = Arc::new(Mutex::new(Some(begin)));
        let own = Arc::clone(&folded);
        let look: Look = Box::new(move |row| match locked(&own).as_mut() {
            Some(folded) => fold(folded, row),
            None => Ok(()),
        });
        self.look(self.dialect().of(sql), values, look).await?;
        let folded = locked(&folded).take();
        folded.ok_or_else(|| StoreError::Unavailable("rows were looked at twice".into()))
    }
}

/// Nobody else has it while rows are looked at.
fn locked<T>(folded: &Mutex<T>) -> MutexGuard<'_, T> {
    folded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns as in [`HEAD`].
pub(super) fn head(mut row: Row) -> Result<Head> {
    Ok(Head {
        position: row.int()?,
        deliveries: row.int()?,
        received: row.int()?,
        recorded_at: time(row.int()?),
    })
}

/// Columns as in [`RAW_EVENTS_AFTER`].
pub(super) fn raw_event(mut row: Row) -> Result<RawEvent> {
    Ok(RawEvent {
        position: row.int()?,
        aggregate_type: row.text()?,
        aggregate_id: row.text()?,
        sequence: row.int()?,
        event_type: row.text()?,
        event_version: row.text()?,
        payload: row.text()?,
        metadata: row.text()?,
        occurred_at: time(row.int()?),
        recorded_at: time(row.int()?),
    })
}

/// Columns: step_id, delivery_id, dedup_key, position, aggregate_type, stream.
pub(super) fn known(mut row: Row) -> Result<KnownDelivery> {
    Ok(KnownDelivery {
        step_id: row.text()?,
        delivery_id: row.text()?,
        dedup_key: row.text()?,
        position: row.int()?,
        stream: stream(&mut row)?,
    })
}

/// Columns: aggregate_type, stream.
pub(super) fn stream(row: &mut Row) -> Result<StreamId> {
    Ok(StreamId { aggregate_type: kind_of(&row.text()?), id: row.text()? })
}

/// A type of a newer program can only be that of an exception to this one.
pub(super) fn kind_of(aggregate_type: &str) -> AggregateType {
    AggregateType::named(aggregate_type).unwrap_or(AggregateType::Exception)
}

fn rejected(mut row: Row) -> Result<RejectedRow> {
    Ok(RejectedRow {
        number: row.int()?,
        received_at: time(row.int()?),
        cause: row.text()?,
        headers: row.text()?,
        body_bytes: row.optional_int()?,
        is_whole: row.optional_int()?.is_some(),
    })
}

/// Columns: number, received_at.
pub(super) fn rejected_place(mut row: Row) -> Result<RejectedPlace> {
    place(&mut row)
}

fn place(row: &mut Row) -> Result<RejectedPlace> {
    Ok(RejectedPlace { number: row.int()?, received_at: time(row.int()?) })
}

/// Columns: what, how many.
fn counted(rows: Vec<Row>) -> Result<Vec<(String, i64)>> {
    rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?))).collect()
}
