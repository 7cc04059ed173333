//! Reading: the log in order, the read models by key, by page and by id.

use std::collections::{BTreeMap, btree_map::Entry};

use creditrail_projections::{Table, customers::Pair};
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};

use super::rows;
use crate::store::{Balance, Cursor, CustomerKeys, Identity, KeptDelivery, Listed, Page, Result};

pub(super) const EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_version, payload, recorded_at
    FROM events WHERE source = ? AND position > ? ORDER BY position LIMIT ?";

pub(super) const RAW_EVENTS_AFTER: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, occurred_at, recorded_at
    FROM events WHERE source = ? AND position > ? ORDER BY position LIMIT ?";

/// The set is a JSON array of `[aggregate_type, aggregate_id]`.
pub(super) const EVENTS_OF: &str = "SELECT e.position, e.aggregate_type, e.aggregate_id,
    e.sequence, e.event_version, e.payload, e.recorded_at
    FROM json_each(?3) AS s CROSS JOIN events AS e ON e.source = ?1
    AND e.aggregate_type = s.value ->> 0 AND e.aggregate_id = s.value ->> 1
    WHERE e.position <= ?2
    ORDER BY e.aggregate_type, e.aggregate_id, e.sequence";

pub(super) const BOOKMARKS: &str = "SELECT reader, position FROM bookmarks WHERE source = ?";

pub(super) const SEARCH: &str = "SELECT subject_type, subject_id FROM identifiers
    WHERE source = ? AND key >= ? AND key < ? ORDER BY key LIMIT 50";

pub(super) const TALLIES: &str = "SELECT key, count FROM tallies WHERE source = ?";

pub(super) const OPEN_EXCEPTIONS: &str = "SELECT severity, COUNT(*) FROM exceptions
    WHERE source = ? AND status = 'open' GROUP BY severity";

pub(super) const DUE: &str = "SELECT DISTINCT aggregate_type, stream FROM timeline
    WHERE source = ? AND due_at <= ? LIMIT ?";

pub(super) const LAST_RECEIVED: &str = "SELECT MAX(last_received_at) FROM
    (SELECT last_received_at FROM deliveries WHERE source = ? ORDER BY number DESC LIMIT 1)";

pub(super) const REJECTED: &str = "SELECT number, received_at, cause, headers, LENGTH(body)
    FROM rejected_calls WHERE source = ? ORDER BY number DESC LIMIT ?";

const DELIVERY_COLUMNS: &str = "d.delivery_id, d.number, d.dedup_key, d.received_at, d.secret_id,
    d.headers, d.body, d.outcome, d.position, d.aggregate_type, d.stream, d.repeats,
    d.last_received_at, t.document";

pub(super) const DELIVERY: &str = "SELECT d.delivery_id, d.number, d.dedup_key, d.received_at,
    d.secret_id, d.headers, d.body, d.outcome, d.position, d.aggregate_type, d.stream, d.repeats,
    d.last_received_at, t.document
    FROM deliveries AS d
    LEFT JOIN timeline AS t ON t.source = d.source AND t.key = d.delivery_id
    WHERE d.source = ? AND d.delivery_id = ?";

const PAIRS: &str = "SELECT MIN(first_position), customer_id, partner_customer_id FROM customers
    WHERE source = ?1 AND strength IN ('implied', 'explicit', 'ended') AND (
        customer_id IN (SELECT value FROM json_each(?2))
        OR partner_customer_id IN (SELECT value FROM json_each(?3)))
    GROUP BY customer_id, partner_customer_id";

const IDENTITIES: &str = "SELECT partner_customer_id, strength, first_position FROM customers
    WHERE source = ? AND customer_id = ? ORDER BY partner_customer_id, first_position";

/// In two halves, for the sum of amounts that fit need not.
const BALANCES: &str = "SELECT currency,
    SUM(hold / 1000000), SUM(hold % 1000000),
    SUM(captured / 1000000), SUM(captured % 1000000),
    SUM(refunded / 1000000), SUM(refunded % 1000000)
    FROM transactions WHERE source = ? AND customer_id = ? AND currency IS NOT NULL
    GROUP BY currency ORDER BY currency";

pub(super) async fn pairs(
    pool: &SqlitePool,
    source: &str,
    customers: &[String],
    partners: &[String],
) -> Result<Vec<Pair>> {
    let rows = sqlx::query(PAIRS)
        .bind(source)
        .bind(serde_json::json!(customers).to_string())
        .bind(serde_json::json!(partners).to_string())
        .fetch_all(pool)
        .await?;
    let pair = |row: &sqlx::sqlite::SqliteRow| Pair {
        first_position: row.get(0),
        customer_id: row.get(1),
        partner_customer_id: row.get(2),
    };
    Ok(rows.iter().map(pair).collect())
}

/// The pages of several sources one after the other, each newest first.
pub(super) async fn list(pool: &SqlitePool, table: &Table, page: &Page) -> Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for (source, after) in sources(page) {
        let mut select = QueryBuilder::<Sqlite>::new("SELECT key, first_position, document FROM ");
        select.push(table.name).push(" WHERE source = ").push_bind(source);
        for (column, value) in &page.filters {
            select.push(" AND ").push(*column).push(" = ").push_bind(value);
        }
        if let Some(after) = after {
            select.push(" AND (first_position, key) < (").push_bind(after.place);
            select.push(", ").push_bind(&after.key).push(")");
        }
        select.push(" ORDER BY first_position DESC, key DESC LIMIT ");
        select.push_bind(left(page, &listed));
        for row in select.build().fetch_all(pool).await? {
            let cursor = Cursor { source: source.to_owned(), place: row.get(1), key: row.get(0) };
            listed.push(Listed { cursor, document: row.get(2) });
        }
        if listed.len() >= page.limit {
            break;
        }
    }
    Ok(listed)
}

pub(super) async fn deliveries(
    pool: &SqlitePool,
    page: &Page,
) -> Result<Vec<(String, KeptDelivery)>> {
    let mut listed = Vec::new();
    for (source, after) in sources(page) {
        let mut select = QueryBuilder::<Sqlite>::new("SELECT ");
        select.push(DELIVERY_COLUMNS);
        select.push(" FROM deliveries AS d LEFT JOIN timeline AS t");
        select.push(" ON t.source = d.source AND t.key = d.delivery_id WHERE d.source = ");
        select.push_bind(source);
        for (column, value) in &page.filters {
            select.push(" AND ").push(*column).push(" = ").push_bind(value);
        }
        if let Some(after) = after {
            select.push(" AND d.number < ").push_bind(after.place);
        }
        select.push(" ORDER BY d.number DESC LIMIT ").push_bind(left(page, &listed));
        let rows = select.build().fetch_all(pool).await?;
        listed.extend(rows.iter().map(|row| (source.to_owned(), rows::kept_delivery(row))));
        if listed.len() >= page.limit {
            break;
        }
    }
    Ok(listed)
}

pub(super) async fn timeline(
    pool: &SqlitePool,
    customer: &CustomerKeys,
    page: &Page,
) -> Result<Vec<Listed>> {
    let mut select = QueryBuilder::<Sqlite>::new("SELECT key, occurred_at, document FROM timeline");
    select.push(" WHERE source = ").push_bind(&customer.source);
    select.push(" AND (customer_id = ").push_bind(&customer.customer_id);
    select
        .push(" OR (customer_id IS NULL AND partner_customer_id IN (SELECT value FROM json_each(");
    select.push_bind(serde_json::json!(customer.partner_customer_ids).to_string());
    select.push("))))");
    if let Some(after) = &page.after {
        select.push(" AND (occurred_at, key) > (").push_bind(after.place);
        select.push(", ").push_bind(&after.key).push(")");
    }
    select.push(" ORDER BY occurred_at, key LIMIT ").push_bind(left::<Listed>(page, &[]));
    let rows = select.build().fetch_all(pool).await?;
    let listed = |row: &sqlx::sqlite::SqliteRow| Listed {
        cursor: Cursor { source: customer.source.clone(), place: row.get(1), key: row.get(0) },
        document: row.get(2),
    };
    Ok(rows.iter().map(listed).collect())
}

pub(super) async fn identities(
    pool: &SqlitePool,
    source: &str,
    customer_id: &str,
) -> Result<Vec<Identity>> {
    let rows = sqlx::query(IDENTITIES).bind(source).bind(customer_id).fetch_all(pool).await?;
    let mut known = BTreeMap::<Option<String>, Identity>::new();
    for row in &rows {
        let partner: Option<String> = row.get(0);
        let identity = Identity {
            kind: if partner.is_some() { "partner_customer_id" } else { "customer_id" },
            value: partner.clone().unwrap_or_else(|| customer_id.to_owned()),
            // The customer's own id is a fact, not an inference.
            strength: if partner.is_none() { "explicit".to_owned() } else { row.get(1) },
            position: row.get(2),
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

pub(super) async fn balances(
    pool: &SqlitePool,
    source: &str,
    customer_id: &str,
) -> Result<Vec<Balance>> {
    let rows = sqlx::query(BALANCES).bind(source).bind(customer_id).fetch_all(pool).await?;
    let sum = |row: &sqlx::sqlite::SqliteRow, column: usize| {
        let (high, low): (i64, i64) = (row.get(column), row.get(column + 1));
        i64::try_from(i128::from(high) * 1_000_000 + i128::from(low)).unwrap_or(i64::MAX)
    };
    let balance = |row: &sqlx::sqlite::SqliteRow| {
        let (confirmed, refunded) = (sum(row, 3), sum(row, 5));
        Balance {
            currency: row.get(0),
            pending: sum(row, 1),
            confirmed,
            refunded,
            net: confirmed.saturating_sub(refunded),
        }
    };
    Ok(rows.iter().map(balance).collect())
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

fn left<T>(page: &Page, listed: &[T]) -> i64 {
    i64::try_from(page.limit.saturating_sub(listed.len())).unwrap_or(i64::MAX)
}
