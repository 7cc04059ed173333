//! Reading: the log in order, the read models by key, by page and by id.

use std::collections::{BTreeMap, HashMap, btree_map::Entry};

use creditrail_projections::{Recorded, StreamId, Table, customers::Pair};
use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension as _, Params, Row, Transaction, TransactionBehavior, params,
    params_from_iter, types::Value,
};

use super::{Result, failed, rows, write};
use crate::store::{
    Balance, Cursor, CustomerKeys, Head, Identity, KeptDelivery, Listed, Page, RawEvent,
    RejectedRow,
};

const EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_version, payload, recorded_at
    FROM events WHERE source = ? AND position > ? ORDER BY position LIMIT ?";

pub(super) const RAW_EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, occurred_at, recorded_at
    FROM events WHERE source = ? AND position > ? ORDER BY position LIMIT ?";

/// The `+` keeps the planner from walking the log by position.
const EVENTS_OF: &str = "SELECT position, aggregate_type, aggregate_id, sequence, event_version,
    payload, recorded_at FROM events
    WHERE source = ? AND aggregate_type = ? AND aggregate_id = ? AND +position <= ?
    ORDER BY sequence";

const BOOKMARKS: &str = "SELECT reader, position FROM bookmarks WHERE source = ?";

const SEARCH: &str = "SELECT subject_type, subject_id FROM identifiers
    WHERE source = ? AND key >= ? AND key < ? ORDER BY key LIMIT 50";

const TALLIES: &str = "SELECT key, count FROM tallies WHERE source = ? ORDER BY key";

const OPEN_EXCEPTIONS: &str = "SELECT severity, COUNT(*) FROM exceptions
    WHERE source = ? AND status = 'open' GROUP BY severity";

const DUE: &str = "SELECT DISTINCT aggregate_type, stream FROM timeline
    WHERE source = ? AND due_at <= ? LIMIT ?";

const LAST_RECEIVED: &str = "SELECT last_received_at FROM deliveries
    WHERE source = ? ORDER BY number DESC LIMIT 1";

const REJECTED: &str = "SELECT number, received_at, cause, headers, LENGTH(body)
    FROM rejected_calls WHERE source = ? ORDER BY number DESC LIMIT ?";

pub(super) const DELIVERY: &str = "SELECT d.delivery_id, d.number, d.dedup_key, d.received_at,
    d.secret_id, d.headers, d.body, d.outcome, d.position, d.aggregate_type, d.stream, d.repeats,
    d.last_received_at, t.document, d.first_position
    FROM deliveries AS d
    LEFT JOIN timeline AS t ON t.source = d.source AND t.key = format('%020d', d.first_position)
    WHERE d.source = ?";

const PAIRS_OF_CUSTOMER: &str = "SELECT first_position, customer_id, partner_customer_id
    FROM customers WHERE source = ? AND customer_id = ? AND partner_customer_id IS NOT NULL
    AND strength IN ('implied', 'explicit', 'ended')";

const PAIRS_OF_PARTNER: &str = "SELECT first_position, customer_id, partner_customer_id
    FROM customers WHERE source = ? AND partner_customer_id = ? AND customer_id IS NOT NULL
    AND strength IN ('implied', 'explicit', 'ended')";

const IDENTITIES: &str = "SELECT partner_customer_id, strength, first_position FROM customers
    WHERE source = ? AND customer_id = ? ORDER BY partner_customer_id, first_position";

/// In two halves, for the sum of amounts that fit need not.
const BALANCES: &str = "SELECT currency,
    SUM(hold / 1000000), SUM(hold % 1000000),
    SUM(captured / 1000000), SUM(captured % 1000000),
    SUM(refunded / 1000000), SUM(refunded % 1000000)
    FROM transactions WHERE source = ? AND customer_id = ? AND currency IS NOT NULL
    GROUP BY currency ORDER BY currency";

/// All rows of a statement that stays prepared.
fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut select = connection.prepare_cached(sql).map_err(failed)?;
    let rows = select.query_map(parameters, read).map_err(failed)?;
    rows.collect::<rusqlite::Result<Vec<T>>>().map_err(failed)
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
        into.push(rows::recorded(row, source)?);
    }
    Ok(())
}

/// A transaction that takes the file's write lock at once.
pub(super) fn immediate(connection: &mut Connection) -> Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)
}

pub(super) fn head(connection: &Connection, source: &str) -> Result<Head> {
    let head = connection
        .prepare_cached(write::HEAD)
        .and_then(|mut select| select.query_row([source], rows::head).optional())
        .map_err(failed)?;
    Ok(head.unwrap_or(rows::EMPTY_HEAD))
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

pub(super) fn raw_events_after(
    connection: &Connection,
    source: &str,
    (position, limit): (i64, i64),
) -> Result<Vec<RawEvent>> {
    all(connection, RAW_EVENTS_AFTER, params![source, position, limit], rows::raw_event)
}

pub(super) fn events_of(
    connection: &Connection,
    source: &str,
    streams: &[StreamId],
    up_to: i64,
) -> Result<Vec<Recorded>> {
    let mut found = Vec::new();
    for stream in streams {
        let aggregate_id = rows::aggregate_id(source, &stream.id);
        let parameters = params![source, stream.aggregate_type.name(), aggregate_id, up_to];
        events(connection, EVENTS_OF, (source, parameters), &mut found)?;
    }
    Ok(found)
}

pub(super) fn bookmarks(connection: &Connection, source: &str) -> Result<HashMap<String, i64>> {
    let rows = all(connection, BOOKMARKS, [source], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

pub(super) fn search(
    connection: &Connection,
    source: &str,
    value: &str,
) -> Result<Vec<(String, String)>> {
    let (from, to) = creditrail_projections::identifiers::keys_of(value);
    all(connection, SEARCH, params![source, from, to], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn tallies(connection: &Connection, source: &str) -> Result<Vec<(String, i64)>> {
    all(connection, TALLIES, [source], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn open_exceptions(connection: &Connection, source: &str) -> Result<Vec<(String, i64)>> {
    all(connection, OPEN_EXCEPTIONS, [source], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn due(
    connection: &Connection,
    source: &str,
    (now, limit): (Timestamp, i64),
) -> Result<Vec<StreamId>> {
    let parameters = params![source, now.as_microsecond(), limit];
    all(connection, DUE, parameters, |row| rows::stream(row, 0))
}

pub(super) fn last_received_at(connection: &Connection, source: &str) -> Result<Option<Timestamp>> {
    let newest = all(connection, LAST_RECEIVED, [source], |row| row.get(0))?;
    Ok(newest.into_iter().next().map(rows::time))
}

pub(super) fn rejected(
    connection: &Connection,
    source: &str,
    limit: i64,
) -> Result<Vec<RejectedRow>> {
    all(connection, REJECTED, params![source, limit], rows::rejected)
}

pub(super) fn document(
    connection: &Connection,
    table: &Table,
    (source, key): (&str, &str),
) -> Result<Option<String>> {
    let sql = format!("SELECT document FROM {} WHERE source = ? AND key = ?", table.name);
    let found = all(connection, &sql, [source, key], |row| row.get(0))?;
    Ok(found.into_iter().next())
}

pub(super) fn pairs(
    connection: &Connection,
    source: &str,
    customers: &[String],
    partners: &[String],
) -> Result<Vec<Pair>> {
    let mut pairs = BTreeMap::<(String, String), i64>::new();
    for (sql, ids) in [(PAIRS_OF_CUSTOMER, customers), (PAIRS_OF_PARTNER, partners)] {
        for id in ids {
            let read = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
            for (position, pair) in all(connection, sql, [source, id], read)? {
                let first = pairs.entry(pair).or_insert(position);
                *first = position.min(*first);
            }
        }
    }
    let pair = |((customer_id, partner_customer_id), first_position)| Pair {
        first_position,
        customer_id,
        partner_customer_id,
    };
    Ok(pairs.into_iter().map(pair).collect())
}

/// A statement that is put together of parts, with its values.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    fn new(sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { sql: sql.into(), values: values.into_iter().collect() }
    }

    fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    fn filters(&mut self, page: &Page) {
        for (column, value) in &page.filters {
            self.and(&format!(" AND {column} = ?"), [value.clone().into()]);
        }
    }

    fn all<T>(
        &self,
        connection: &Connection,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        all(connection, &self.sql, params_from_iter(&self.values), read)
    }
}

/// The pages of several sources one after the other, each newest first.
pub(super) fn list(connection: &Connection, table: &Table, page: &Page) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for (source, after) in sources(page) {
        let from =
            format!("SELECT key, first_position, document FROM {} WHERE source = ?", table.name);
        let mut select = Select::new(from, [source.to_owned().into()]);
        select.filters(page);
        if let Some(Cursor { place, key, .. }) = after {
            select
                .and(" AND (first_position, key) < (?, ?)", [(*place).into(), key.clone().into()]);
        }
        let order = " ORDER BY first_position DESC, key DESC LIMIT ?";
        select.and(order, [left(page, listed.len())]);
        listed.extend(select.all(connection, |row| listed_row(row, source))?);
        if listed.len() >= page.limit {
            break;
        }
    }
    Ok(listed)
}

/// Columns: key, place, document.
fn listed_row(row: &Row<'_>, source: &str) -> rusqlite::Result<Listed> {
    let cursor = Cursor { source: source.to_owned(), place: row.get(1)?, key: row.get(0)? };
    Ok(Listed { cursor, document: row.get(2)? })
}

pub(super) fn deliveries(
    connection: &Connection,
    page: &Page,
) -> Result<Vec<(String, KeptDelivery)>> {
    let mut listed = Vec::new();
    for (source, after) in sources(page) {
        let mut select = Select::new(DELIVERY, [source.to_owned().into()]);
        select.filters(page);
        if let Some(Cursor { place, .. }) = after {
            select.and(" AND d.number < ?", [(*place).into()]);
        }
        select.and(" ORDER BY d.number DESC LIMIT ?", [left(page, listed.len())]);
        let read = |row: &Row<'_>| Ok((source.to_owned(), rows::kept_delivery(row)?));
        listed.extend(select.all(connection, read)?);
        if listed.len() >= page.limit {
            break;
        }
    }
    Ok(listed)
}

pub(super) fn delivery(
    connection: &Connection,
    source: &str,
    delivery_id: &str,
) -> Result<Option<KeptDelivery>> {
    let sql = format!("{DELIVERY} AND d.delivery_id = ?");
    let found = all(connection, &sql, [source, delivery_id], rows::kept_delivery)?;
    Ok(found.into_iter().next())
}

pub(super) fn timeline(
    connection: &Connection,
    customer: &CustomerKeys,
    page: &Page,
) -> Result<Vec<Listed>> {
    let CustomerKeys { source, customer_id, partner_customer_ids } = customer;
    let partners = serde_json::json!(partner_customer_ids).to_string();
    let mut select = Select::new(
        "SELECT key, occurred_at, document FROM timeline
         WHERE source = ? AND (customer_id = ? OR (customer_id IS NULL
         AND partner_customer_id IN (SELECT value FROM json_each(?))))",
        [source.clone().into(), customer_id.clone().into(), partners.into()],
    );
    if let Some(Cursor { place, key, .. }) = &page.after {
        select.and(" AND (occurred_at, key) > (?, ?)", [(*place).into(), key.clone().into()]);
    }
    select.and(" ORDER BY occurred_at, key LIMIT ?", [left(page, 0)]);
    select.all(connection, |row| listed_row(row, source))
}

pub(super) fn identities(
    connection: &Connection,
    source: &str,
    customer_id: &str,
) -> Result<Vec<Identity>> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let mut known = BTreeMap::<Option<String>, Identity>::new();
    for (partner, strength, position) in all(connection, IDENTITIES, [source, customer_id], read)? {
        let partner: Option<String> = partner;
        let identity = Identity {
            kind: if partner.is_some() { "partner_customer_id" } else { "customer_id" },
            value: partner.clone().unwrap_or_else(|| customer_id.to_owned()),
            // The customer's own id is a fact, not an inference.
            strength: if partner.is_none() { "explicit".to_owned() } else { strength },
            position,
        };
        match known.entry(partner) {
            Entry::Vacant(place) => drop(place.insert(identity)),
            // A link outweighs what was merely named together.
            Entry::Occupied(mut place) => {
                if place.get().strength == "implied" {
                    place.get_mut().strength = identity.strength;
                }
            }
        }
    }
    Ok(known.into_values().collect())
}

pub(super) fn balances(
    connection: &Connection,
    source: &str,
    customer_id: &str,
) -> Result<Vec<Balance>> {
    fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
        let (high, low): (i64, i64) = (row.get(column)?, row.get(column + 1)?);
        Ok(i64::try_from(i128::from(high) * 1_000_000 + i128::from(low)).unwrap_or(i64::MAX))
    }
    all(connection, BALANCES, [source, customer_id], |row| {
        let (confirmed, refunded) = (sum(row, 3)?, sum(row, 5)?);
        Ok(Balance {
            currency: row.get(0)?,
            pending: sum(row, 1)?,
            confirmed,
            refunded,
            net: confirmed.saturating_sub(refunded),
        })
    })
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

fn left(page: &Page, listed: usize) -> Value {
    i64::try_from(page.limit.saturating_sub(listed)).unwrap_or(i64::MAX).into()
}
