//! The reads of every database: statements that all of them run, and rows as the types of the
//! store. What differs is in [`Dialect`](super::sql::Dialect).

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
};

use creditrail_domain::AggregateType;
use creditrail_projections::{StreamId, Table, customers::Pair, findings};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Balance, Cursor, CustomerKeys, DeliveryRow, Due, Head, Identity, KeptDelivery, KnownDelivery,
    Listed, Order, Page, Passed, RawEvent, RejectedPlace, RejectedRow, Result, SealedCall,
    SealedSecret, Store,
    sql::{Row, Value},
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
    WHERE source = $1 AND key >= $2 AND key < $3 AND count <> 0 ORDER BY key LIMIT $4";

const OPEN_EXCEPTIONS: &str = "SELECT severity, COUNT(*) FROM @exceptions
    WHERE source = $1 AND status = 'open' GROUP BY severity ORDER BY severity";

const DUE: &str = "SELECT due_at, key, aggregate_type, stream FROM @deadlines
    WHERE source = $1 AND due_at <= $2 AND (due_at, key) > ($3, $4) ORDER BY due_at, key LIMIT $5";

const SECRET: &str = "SELECT field, key_id, sealed FROM @secrets
    WHERE source = $1 AND reference = $2";

const SEALING_KEYS: &str = "SELECT key_id FROM @sealing_keys AS k WHERE source = $1
    AND EXISTS (SELECT 1 FROM @secrets AS s WHERE s.source = k.source AND s.key_id = k.key_id)
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

/// `{key}` is the position as the timeline writes it.
const DELIVERY: &str = "SELECT d.delivery_id, d.number, d.dedup_key, d.received_at, d.secret_id,
    d.headers, d.body, d.outcome, d.first_position, COALESCE(r.position, d.position),
    d.aggregate_type, d.stream, d.repeats, d.last_received_at, r.step_id, t.document
    FROM @deliveries AS d
    LEFT JOIN @redriven_deliveries AS r ON r.source = d.source AND r.delivery_id = d.delivery_id
    LEFT JOIN @timeline AS t ON t.source = d.source AND t.key = {key}
    WHERE d.source = $1";

/// Under which id a delivery is kept that was redriven as a step.
const KEPT_AS: &str = "SELECT delivery_id FROM @redriven_deliveries
    WHERE source = $1 AND step_id = $2 AND first_position IS NOT NULL";

/// Deliveries that cannot be read and that nobody has discarded, as the read models know them.
const UNREADABLE: &str = "@exceptions AS e
    JOIN @deliveries AS d ON d.source = e.source AND d.delivery_id = e.key
    WHERE e.source = $1 AND e.status = 'open' AND d.received_at >= $2 AND e.first_position > $3
    AND ";

const PAIRS: &str = "SELECT first_position, customer_id, partner_customer_id FROM @customers
    WHERE source = $1 AND customer_id IS NOT NULL AND partner_customer_id IS NOT NULL
    AND strength IN ('implied', 'explicit', 'ended') AND ";

const IDENTITIES: &str = "SELECT partner_customer_id, strength, first_position FROM @customers
    WHERE source = $1 AND customer_id = $2 ORDER BY partner_customer_id, first_position";

/// Which findings stand: those whose time has come, and that nothing else of the customer settles.
const STANDING: &str = " AND stands_from <= {now} AND (unless IS NULL
    OR (unless = 'card' AND NOT EXISTS (SELECT 1 FROM @payment_methods AS o
        WHERE o.source = l.source AND o.customer_id = l.customer_id))
    OR (unless = 'decision' AND NOT EXISTS (SELECT 1 FROM @applications AS o
        WHERE o.source = l.source AND o.customer_id = l.customer_id AND o.status = 'accepted')))";

/// In two halves, for the sum of amounts that fit need not.
const BALANCES: &str = "SELECT currency,
    CAST(SUM(hold / 1000000) AS BIGINT), CAST(SUM(hold % 1000000) AS BIGINT),
    CAST(SUM(captured / 1000000) AS BIGINT), CAST(SUM(captured % 1000000) AS BIGINT),
    CAST(SUM(refunded / 1000000) AS BIGINT), CAST(SUM(refunded % 1000000) AS BIGINT)
    FROM @transactions WHERE source = $1 AND customer_id = $2 AND currency IS NOT NULL
    GROUP BY currency ORDER BY currency";

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
    /// [`StoreError`](super::StoreError), as for all reads.
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
                let (position, pair) = (row.int()?, (row.text()?, row.text()?));
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

    /// A page of a read model: the sources one after the other, each newest first.
    pub async fn list(&self, table: &'static Table, page: &Page) -> Result<Vec<Listed>> {
        self.list_where(table, page, None).await
    }

    /// A page of the findings that stand at a time, newest first within a source.
    pub async fn findings(&self, page: &Page, now: Timestamp) -> Result<Vec<Listed>> {
        self.list_where(findings::READ_MODEL.table, page, Some(now)).await
    }

    async fn list_where(
        &self,
        table: &'static Table,
        page: &Page,
        standing: Option<Timestamp>,
    ) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for (source, after) in sources(page) {
            let column = page.order.column();
            let from = format!(
                "SELECT key, {column}, document FROM @{} AS l WHERE source = $1",
                table.name
            );
            let mut select = Select::new(from, source);
            select.filters(page);
            if let Some(now) = standing {
                let now = select.place(now.as_microsecond());
                select.and(&STANDING.replace("{now}", &now));
            }
            if let Some(Cursor { place, key, .. }) = after {
                let (place, key) = (select.place(*place), select.place(key.as_str()));
                let behind = page.order.behind();
                select.and(&format!(" AND ({column}, key) {behind} ({place}, {key})"));
            }
            let direction = page.order.direction();
            let by = format!("{column} {direction}, key {direction}");
            select.ordered(&by, left(page, listed.len()));
            for row in select.run(self).await? {
                listed.push(listed_row(row, source)?);
            }
            if listed.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }

    /// A page of a table of what was done, in order over all sources; `place` is the time.
    pub async fn chronicle(&self, table: &'static Table, page: &Page) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for source in &page.sources {
            let from = format!(
                "SELECT key, done_at, document FROM @{} AS l WHERE source = $1",
                table.name
            );
            let mut select = Select::new(from, source);
            select.filters(page);
            if let Some(Cursor { source: last, place, key }) = &page.after {
                let place = select.place(*place);
                let behind = page.order.behind();
                // At the same time the sources stand in the order of their names.
                match source.cmp(last) {
                    Ordering::Less => select.and(&format!(" AND done_at {behind} {place}")),
                    Ordering::Equal => {
                        let key = select.place(key.as_str());
                        select.and(&format!(" AND (done_at, key) {behind} ({place}, {key})"));
                    }
                    Ordering::Greater => select.and(&format!(" AND done_at {behind}= {place}")),
                }
            }
            let direction = page.order.direction();
            select.ordered(&format!("done_at {direction}, key {direction}"), left(page, 0));
            for row in select.run(self).await? {
                listed.push(listed_row(row, source)?);
            }
        }
        // Each source is in order; a stable sort by time leaves it so.
        match page.order {
            Order::Newest | Order::Stake => listed.sort_by_key(|row| Reverse(row.cursor.place)),
            Order::Oldest => listed.sort_by_key(|row| row.cursor.place),
        }
        listed.truncate(page.limit);
        Ok(listed)
    }

    /// A page of deliveries with their sources, newest first; `place` of the cursor is their
    /// number.
    pub async fn deliveries(&self, page: &Page) -> Result<Vec<(String, KeptDelivery)>> {
        let mut listed = Vec::new();
        for (source, after) in sources(page) {
            let mut select = Select::new(self.delivery_sql(), source);
            select.filters(page);
            if let Some(Cursor { place, .. }) = after {
                let place = select.place(*place);
                select.and(&format!(" AND d.number {} {place}", page.order.behind()));
            }
            let by = format!("d.number {}", page.order.direction());
            select.ordered(&by, left(page, listed.len()));
            for row in select.run(self).await? {
                listed.push((source.to_owned(), kept_delivery(row)?));
            }
            if listed.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }

    /// One delivery, by its id or by that of the step as which it was redriven.
    pub async fn delivery(&self, source: &str, delivery_id: &str) -> Result<Option<KeptDelivery>> {
        let values = vec![source.into(), delivery_id.into()];
        let sql = self.delivery_sql() + " AND d.delivery_id = $2";
        if let Some(row) = self.all(&sql, values.clone()).await?.into_iter().next() {
            return kept_delivery(row).map(Some);
        }
        let Some(mut row) = self.all(KEPT_AS, values).await?.into_iter().next() else {
            return Ok(None);
        };
        let rows = self.all(&sql, vec![source.into(), row.text()?.into()]).await?;
        rows.into_iter().next().map(kept_delivery).transpose()
    }

    fn delivery_sql(&self) -> String {
        let position = "COALESCE(r.first_position, d.first_position)";
        DELIVERY.replace("{key}", &(self.dialect().padded)(position))
    }

    /// Deliveries that cannot be read, of these outcomes and received since a time, behind a
    /// position: that of the event which told so, and the id. In the order of arrival, `limit` at
    /// most.
    pub async fn unreadable(
        &self,
        source: &str,
        (outcomes, since): (Vec<String>, Timestamp),
        (after, limit): (i64, i64),
    ) -> Result<Vec<(i64, String)>> {
        let of_outcomes = (self.dialect().one_of)("e.code", 4);
        let sql = format!(
            "SELECT e.first_position, e.key FROM {UNREADABLE}{of_outcomes}
             ORDER BY e.first_position LIMIT $5"
        );
        let since = since.as_microsecond();
        let values = vec![source.into(), since.into(), after.into(), outcomes.into(), limit.into()];
        let found = self.all(&sql, values).await?.into_iter();
        found.map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }

    /// How many there are.
    pub async fn count_unreadable(
        &self,
        source: &str,
        (outcomes, since): (Vec<String>, Timestamp),
        after: i64,
    ) -> Result<i64> {
        let of_outcomes = (self.dialect().one_of)("e.code", 4);
        let sql = format!("SELECT COUNT(*) FROM {UNREADABLE}{of_outcomes}");
        let since = since.as_microsecond();
        let values = vec![source.into(), since.into(), after.into(), outcomes.into()];
        let rows = self.all(&sql, values).await?;
        rows.into_iter().next().map_or(Ok(0), |mut row| row.int())
    }

    /// A page of the timeline of a customer, oldest first; `place` is the time of occurrence.
    pub async fn timeline(&self, customer: &CustomerKeys, page: &Page) -> Result<Vec<Listed>> {
        let CustomerKeys { source, customer_id, partner_customer_ids } = customer;
        let from = "SELECT key, occurred_at, document FROM @timeline WHERE source = $1";
        let mut select = Select::new(from, source);
        select.place(customer_id.as_str());
        select.place(partner_customer_ids.clone());
        let partners = (self.dialect().one_of)("partner_customer_id", 3);
        select.and(&format!(" AND (customer_id = $2 OR (customer_id IS NULL AND {partners}))"));
        if let Some(Cursor { place, key, .. }) = &page.after {
            let (place, key) = (select.place(*place), select.place(key.as_str()));
            select.and(&format!(" AND (occurred_at, key) > ({place}, {key})"));
        }
        select.ordered("occurred_at, key", left(page, 0));
        select.run(self).await?.into_iter().map(|row| listed_row(row, source)).collect()
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
        for mut row in self.all(BALANCES, vec![source.into(), customer_id.into()]).await? {
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
}

/// A statement that is put together of parts, with its values.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    /// `$1` is the source.
    fn new(sql: impl Into<String>, source: &str) -> Self {
        Self { sql: sql.into(), values: vec![source.into()] }
    }

    /// Binds a value: its place in the text.
    fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn and(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn filters(&mut self, page: &Page) {
        for (column, value) in &page.filters {
            let place = self.place(value.as_str());
            self.and(&format!(" AND {column} = {place}"));
        }
    }

    fn ordered(&mut self, by: &str, limit: i64) {
        let limit = self.place(limit);
        self.and(&format!(" ORDER BY {by} LIMIT {limit}"));
    }

    async fn run(self, store: &dyn Store) -> Result<Vec<Row>> {
        store.all(&self.sql, self.values).await
    }
}

/// The sources of a page from where the page before ended, and that end for the first of them.
fn sources(page: &Page) -> impl Iterator<Item = (&str, Option<&Cursor>)> {
    let from = page.after.as_ref().map(|after| after.source.as_str());
    page.sources
        .iter()
        .map(String::as_str)
        .skip_while(move |source| from.is_some_and(|from| *source != from))
        .map(|source| (source, page.after.as_ref().filter(|after| after.source == source)))
}

fn left(page: &Page, listed: usize) -> i64 {
    i64::try_from(page.limit.saturating_sub(listed)).unwrap_or(i64::MAX)
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
fn raw_event(mut row: Row) -> Result<RawEvent> {
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
    // A type of a newer program can only be that of an exception to this one.
    let aggregate_type = AggregateType::named(&row.text()?).unwrap_or(AggregateType::Exception);
    Ok(StreamId { aggregate_type, id: row.text()? })
}

/// Columns: key, place, document.
fn listed_row(mut row: Row, source: &str) -> Result<Listed> {
    let (key, place) = (row.text()?, row.int()?);
    let cursor = Cursor { source: source.to_owned(), place, key };
    Ok(Listed { cursor, document: row.text()? })
}

/// Columns as in [`DELIVERY`].
fn kept_delivery(mut row: Row) -> Result<KeptDelivery> {
    let row = &mut row;
    Ok(KeptDelivery {
        row: DeliveryRow {
            delivery_id: row.text()?,
            number: row.int()?,
            dedup_key: row.text()?,
            received_at: time(row.int()?),
            secret_id: row.text()?,
            headers: row.text()?,
            body: row.bytes()?.into(),
            outcome: outcome(&row.text()?),
            first_position: row.int()?,
            position: row.int()?,
            stream: stream(row)?,
            repeats: row.int()?,
            last_received_at: time(row.int()?),
        },
        redriven_as: row.optional_text()?,
        document: row.optional_text()?,
    })
}

fn outcome(name: &str) -> &'static str {
    let known = ["applied", "duplicate", "stale", "parked", "refused", "malformed", "unrecognised"];
    known.into_iter().find(|known| *known == name).unwrap_or("unrecognised")
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
