//! The embedded store: one SQLite file, in WAL mode with `synchronous=FULL`.
//!
//! One connection writes at a time, so writers never meet `SQLITE_BUSY` within a process. Each
//! lives on a thread of its own, and what belongs together is one visit to it.

mod query;
mod rows;
mod schema;
mod threads;
mod write;

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use creditrail_projections::{Reader, Recorded, StreamId, Table, customers::Pair};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use self::threads::Threads;
use super::{
    Balance, Batch, CustomerKeys, Head, Identity, KeptDelivery, Listed, Page, Projected, RawEvent,
    RejectedCall, RejectedRow, Result, Store, StoreError,
};

/// How many connections read at once.
const READERS: usize = 4;
/// How much of the file a reading connection keeps in memory.
const READER_CACHE_KIB: i64 = 2048;
/// How much of the file a writing connection keeps in memory.
const WRITER_CACHE_KIB: i64 = 8192;
/// How many statements a connection keeps prepared.
const PREPARED: usize = 128;

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 4000;
    PRAGMA wal_autocheckpoint = 8000;
    PRAGMA journal_size_limit = 67108864;";

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    /// Writes the log: durable when it returns.
    writer: Threads,
    /// Writes the read models: their commits wait for no disk. A power cut may take the newest
    /// of them away, rows and bookmark together, and they are folded again; the log's next commit
    /// makes them durable along with itself.
    projector: Threads,
    readers: Threads,
    /// Who holds it has the writing connection to itself. Fair: first come, first served.
    turn: Arc<Semaphore>,
}

impl SqliteStore {
    /// Opens a file, creates it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened, [`StoreError::UnknownMigration`]
    /// if a newer program has written it, [`StoreError::NotDurable`] if it would not keep what it
    /// acknowledges (a database in memory, for one).
    pub fn open(file: &Path) -> Result<Self> {
        let mut writer = connect(file)?;
        schema::check_durability(&writer)?;
        schema::migrate(&mut writer)?;
        let projector = connect(file)?;
        projector.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let reader = connect(file)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(failed)?;
            reader.pragma_update(None, "query_only", true).map_err(failed)?;
            readers.push(reader);
        }
        Ok(Self {
            writer: Threads::new("sqlite-writer", vec![writer])?,
            projector: Threads::new("sqlite-projector", vec![projector])?,
            readers: Threads::new("sqlite-reader", readers)?,
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.call(|connection| read(connection)).await
    }

    /// Writes what can be written again: read models, and the ring of rejected calls.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn().await?;
        let write = move |connection: &mut Connection| {
            let written = write(connection);
            drop(turn);
            written
        };
        self.projector.call(write).await
    }

    async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        turn.map_err(|error| StoreError::Unavailable(error.into()))
    }
}

fn connect(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    connection.execute_batch(SETTINGS).map_err(failed)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

/// What SQLite said, as a failure of the store.
fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TooBig) => {
            StoreError::Constraint(error.into())
        }
        _ => StoreError::Unavailable(error.into()),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self, source: &str) -> Result<Box<dyn Batch>> {
        let turn = self.turn().await?;
        Ok(Box::new(write::SqliteBatch::begin(self.writer.clone(), turn, source).await?))
    }

    async fn head(&self, source: &str) -> Result<Head> {
        let source = source.to_owned();
        self.read(move |connection| query::head(connection, &source)).await
    }

    async fn events_after(&self, source: &str, position: i64, limit: i64) -> Result<Vec<Recorded>> {
        let source = source.to_owned();
        self.read(move |connection| query::events_after(connection, &source, (position, limit)))
            .await
    }

    async fn raw_events_after(
        &self,
        source: &str,
        position: i64,
        limit: i64,
    ) -> Result<Vec<RawEvent>> {
        let source = source.to_owned();
        let range = (position, limit);
        self.read(move |connection| query::raw_events_after(connection, &source, range)).await
    }

    async fn events_of(
        &self,
        source: &str,
        streams: Vec<StreamId>,
        up_to: i64,
    ) -> Result<Vec<Recorded>> {
        let source = source.to_owned();
        self.read(move |connection| query::events_of(connection, &source, &streams, up_to)).await
    }

    async fn bookmarks(&self, source: &str) -> Result<HashMap<String, i64>> {
        let source = source.to_owned();
        self.read(move |connection| query::bookmarks(connection, &source)).await
    }

    async fn project(&self, source: &str, projected: Projected) -> Result<bool> {
        let source = source.to_owned();
        self.write(move |connection| write::project(connection, &source, &projected)).await
    }

    async fn reset(&self, source: &str, reader: &'static Reader) -> Result<()> {
        let source = source.to_owned();
        self.write(move |connection| write::reset(connection, &source, reader)).await
    }

    async fn pairs(
        &self,
        source: &str,
        customers: Vec<String>,
        partners: Vec<String>,
    ) -> Result<Vec<Pair>> {
        let source = source.to_owned();
        self.read(move |connection| query::pairs(connection, &source, &customers, &partners)).await
    }

    async fn document(
        &self,
        table: &'static Table,
        source: &str,
        key: &str,
    ) -> Result<Option<String>> {
        let (source, key) = (source.to_owned(), key.to_owned());
        self.read(move |connection| query::document(connection, table, (&source, &key))).await
    }

    async fn list(&self, table: &'static Table, page: &Page) -> Result<Vec<Listed>> {
        let page = page.clone();
        self.read(move |connection| query::list(connection, table, &page)).await
    }

    async fn deliveries(&self, page: &Page) -> Result<Vec<(String, KeptDelivery)>> {
        let page = page.clone();
        self.read(move |connection| query::deliveries(connection, &page)).await
    }

    async fn delivery(&self, source: &str, delivery_id: &str) -> Result<Option<KeptDelivery>> {
        let (source, id) = (source.to_owned(), delivery_id.to_owned());
        self.read(move |connection| query::delivery(connection, &source, &id)).await
    }

    async fn timeline(&self, customer: &CustomerKeys, page: &Page) -> Result<Vec<Listed>> {
        let (customer, page) = (customer.clone(), page.clone());
        self.read(move |connection| query::timeline(connection, &customer, &page)).await
    }

    async fn identities(&self, source: &str, customer_id: &str) -> Result<Vec<Identity>> {
        let (source, id) = (source.to_owned(), customer_id.to_owned());
        self.read(move |connection| query::identities(connection, &source, &id)).await
    }

    async fn balances(&self, source: &str, customer_id: &str) -> Result<Vec<Balance>> {
        let (source, id) = (source.to_owned(), customer_id.to_owned());
        self.read(move |connection| query::balances(connection, &source, &id)).await
    }

    async fn search(&self, source: &str, value: &str) -> Result<Vec<(String, String)>> {
        let (source, value) = (source.to_owned(), value.to_owned());
        self.read(move |connection| query::search(connection, &source, &value)).await
    }

    async fn tallies(&self, source: &str) -> Result<Vec<(String, i64)>> {
        let source = source.to_owned();
        self.read(move |connection| query::tallies(connection, &source)).await
    }

    async fn open_exceptions(&self, source: &str) -> Result<Vec<(String, i64)>> {
        let source = source.to_owned();
        self.read(move |connection| query::open_exceptions(connection, &source)).await
    }

    async fn due(&self, source: &str, now: Timestamp, limit: i64) -> Result<Vec<StreamId>> {
        let source = source.to_owned();
        self.read(move |connection| query::due(connection, &source, (now, limit))).await
    }

    async fn last_received_at(&self, source: &str) -> Result<Option<Timestamp>> {
        let source = source.to_owned();
        self.read(move |connection| query::last_received_at(connection, &source)).await
    }

    async fn reject(
        &self,
        source: &str,
        calls: Vec<RejectedCall>,
        most: i64,
        oldest: Timestamp,
    ) -> Result<()> {
        let source = source.to_owned();
        self.write(move |connection| write::reject(connection, &source, &calls, (most, oldest)))
            .await
    }

    async fn rejected(&self, source: &str, limit: i64) -> Result<Vec<RejectedRow>> {
        let source = source.to_owned();
        self.read(move |connection| query::rejected(connection, &source, limit)).await
    }
}
