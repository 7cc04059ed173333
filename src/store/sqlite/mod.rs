//! The embedded store: one SQLite file, in WAL mode with `synchronous=FULL`.
//!
//! One connection writes, so writers never meet `SQLITE_BUSY`; others read. Rows are written by
//! the set: a statement costs a change of threads, so one statement carries many rows.

mod query;
mod rows;
mod schema;
mod write;

use std::{collections::HashMap, str::FromStr, time::Duration};

use async_trait::async_trait;
use creditrail_projections::{Change, Reader, Recorded, StreamId, Table, customers::Pair};
use jiff::Timestamp;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Balance, Batch, CustomerKeys, Head, Identity, KeptDelivery, Listed, Page, Projected, RawEvent,
    RejectedCall, RejectedRow, Result, Store, StoreError,
};

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the file of a `sqlite://` URL, creates it if it is missing, and brings its schema up
    /// to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened, [`StoreError::UnknownMigration`]
    /// if a newer program has written it, [`StoreError::NotDurable`] if it would not keep what it
    /// acknowledges (a database in memory, for one).
    pub async fn open(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(4))
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
            .optimize_on_close(true, None);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await?;
        schema::check_durability(&writer).await?;
        schema::migrate(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.pragma("query_only", "true"))
            .await?;
        Ok(Self { writer, readers })
    }

    /// Closes all connections, after what they are doing.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self, source: &str) -> Result<Box<dyn Batch>> {
        Ok(Box::new(write::SqliteBatch::begin(&self.writer, source).await?))
    }

    async fn head(&self, source: &str) -> Result<Head> {
        let row = sqlx::query(write::HEAD).bind(source).fetch_optional(&self.readers).await?;
        Ok(row.map_or_else(rows::empty_head, |row| rows::head(&row)))
    }

    async fn events_after(&self, source: &str, position: i64, limit: i64) -> Result<Vec<Recorded>> {
        let rows = sqlx::query(query::EVENTS_AFTER)
            .bind(source)
            .bind(position)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| rows::recorded(row, source)).collect()
    }

    async fn raw_events_after(
        &self,
        source: &str,
        position: i64,
        limit: i64,
    ) -> Result<Vec<RawEvent>> {
        let rows = sqlx::query(query::RAW_EVENTS_AFTER)
            .bind(source)
            .bind(position)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.iter().map(rows::raw_event).collect())
    }

    async fn events_of(
        &self,
        source: &str,
        streams: &[StreamId],
        up_to: i64,
    ) -> Result<Vec<Recorded>> {
        let streams: Vec<&StreamId> = streams.iter().collect();
        let rows = sqlx::query(query::EVENTS_OF)
            .bind(source)
            .bind(up_to)
            .bind(rows::stream_set(source, &streams))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| rows::recorded(row, source)).collect()
    }

    async fn bookmarks(&self, source: &str) -> Result<HashMap<String, i64>> {
        let rows = sqlx::query(query::BOOKMARKS).bind(source).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn project(&self, source: &str, projected: &Projected) -> Result<bool> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for (reader, from, to) in &projected.bookmarks {
            if !write::move_bookmark(&mut tx, source, (reader, *from, *to)).await? {
                return Ok(false);
            }
        }
        for (table, changes) in &projected.changes {
            write::write_rows(&mut tx, source, table, changes).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn reset(&self, source: &str, reader: &'static Reader) -> Result<()> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for model in reader.models {
            let empty = format!("DELETE FROM {} WHERE source = ?", model.table.name);
            sqlx::query(&empty).bind(source).execute(&mut *tx).await?;
        }
        let bookmark = sqlx::query(write::RESET_BOOKMARK).bind(source).bind(reader.name);
        bookmark.execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    async fn pairs(
        &self,
        source: &str,
        customers: &[String],
        partners: &[String],
    ) -> Result<Vec<Pair>> {
        query::pairs(&self.readers, source, customers, partners).await
    }

    async fn document(&self, table: &Table, source: &str, key: &str) -> Result<Option<String>> {
        let sql = format!("SELECT document FROM {} WHERE source = ? AND key = ?", table.name);
        let row = sqlx::query(&sql).bind(source).bind(key).fetch_optional(&self.readers).await?;
        Ok(row.map(|row| row.get(0)))
    }

    async fn list(&self, table: &Table, page: &Page) -> Result<Vec<Listed>> {
        query::list(&self.readers, table, page).await
    }

    async fn stream_of(&self, table: &Table, source: &str, key: &str) -> Result<Option<StreamId>> {
        let sql = format!(
            "SELECT aggregate_type, stream FROM {} WHERE source = ? AND key = ? \
             AND aggregate_type <> 'exception'",
            table.name
        );
        let row = sqlx::query(&sql).bind(source).bind(key).fetch_optional(&self.readers).await?;
        Ok(row.as_ref().and_then(rows::stream))
    }

    async fn deliveries(&self, page: &Page) -> Result<Vec<(String, KeptDelivery)>> {
        query::deliveries(&self.readers, page).await
    }

    async fn delivery(&self, source: &str, delivery_id: &str) -> Result<Option<KeptDelivery>> {
        let row = sqlx::query(query::DELIVERY)
            .bind(source)
            .bind(delivery_id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| rows::kept_delivery(&row)))
    }

    async fn timeline(&self, customer: &CustomerKeys, page: &Page) -> Result<Vec<Listed>> {
        query::timeline(&self.readers, customer, page).await
    }

    async fn identities(&self, source: &str, customer_id: &str) -> Result<Vec<Identity>> {
        query::identities(&self.readers, source, customer_id).await
    }

    async fn balances(&self, source: &str, customer_id: &str) -> Result<Vec<Balance>> {
        query::balances(&self.readers, source, customer_id).await
    }

    async fn search(&self, source: &str, value: &str) -> Result<Vec<(String, String)>> {
        let (from, to) = creditrail_projections::identifiers::keys_of(value);
        let rows = sqlx::query(query::SEARCH)
            .bind(source)
            .bind(from)
            .bind(to)
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn tallies(&self, source: &str) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query(query::TALLIES).bind(source).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn open_exceptions(&self, source: &str) -> Result<Vec<(String, i64)>> {
        let rows =
            sqlx::query(query::OPEN_EXCEPTIONS).bind(source).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn due(&self, source: &str, now: Timestamp, limit: i64) -> Result<Vec<StreamId>> {
        let rows = sqlx::query(query::DUE)
            .bind(source)
            .bind(now.as_microsecond())
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.iter().filter_map(rows::stream).collect())
    }

    async fn last_received_at(&self, source: &str) -> Result<Option<Timestamp>> {
        let row = sqlx::query(query::LAST_RECEIVED).bind(source).fetch_one(&self.readers).await?;
        Ok(row.get::<Option<i64>, _>(0).map(rows::time))
    }

    async fn reject(
        &self,
        source: &str,
        calls: &[RejectedCall],
        most: i64,
        oldest: Timestamp,
    ) -> Result<()> {
        write::reject(&self.writer, source, calls, (most, oldest)).await
    }

    async fn rejected(&self, source: &str, limit: i64) -> Result<Vec<RejectedRow>> {
        let rows =
            sqlx::query(query::REJECTED).bind(source).bind(limit).fetch_all(&self.readers).await?;
        Ok(rows.iter().map(rows::rejected).collect())
    }
}

fn not_durable(setting: &'static str, value: String) -> StoreError {
    StoreError::NotDurable { setting, value }
}

/// The changes of one kind of write, for statements that differ by it.
fn of_kind(changes: &[Change], kind: creditrail_projections::Write) -> Vec<&Change> {
    changes.iter().filter(|change| change.write == kind).collect()
}
