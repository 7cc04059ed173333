//! The embedded store: one SQLite file, in WAL mode with `synchronous=FULL`.
//!
//! One connection writes at a time, so writers never meet `SQLITE_BUSY` within a process. Each
//! lives on a thread of its own, and what belongs together is one visit to it.

mod query;
mod schema;
pub mod scratch;
mod threads;
mod write;

use std::{
    path::Path,
    sync::{Arc, mpsc},
};

use async_trait::async_trait;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use self::threads::Threads;
use super::{
    Batch, Bookmark, Projected, ReaderName, RejectedCall, Result, Store, StoreError,
    sql::{Dialect, Row, Value},
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

static DIALECT: Dialect = Dialect {
    schema: "",
    one_of: |column, place| format!("{column} IN (SELECT value FROM json_each(${place}))"),
    padded: |column| format!("format('%020d', {column})"),
    aside: |column| format!("+{column}"),
};

/// The reads that are no statements of [`Store::rows`], for those who look at their plans.
pub const READS: [&str; 3] = [query::EVENTS_AFTER, query::EVENTS_OF, query::BOOKMARKS];

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
    /// Opens a file, creates it if it is missing, and brings its schema up to date if `migrate`
    /// is set.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened, [`StoreError::UnknownMigration`]
    /// if a newer program has written it, [`StoreError::NotMigrated`] if an older one has and
    /// `migrate` is not set, [`StoreError::NotDurable`] if it would not keep what it
    /// acknowledges (a database in memory, for one).
    pub fn open(file: &Path, migrate: bool) -> Result<Self> {
        let mut writer = connect(file)?;
        schema::check_durability(&writer)?;
        schema::migrate(&mut writer, migrate)?;
        let projector = connect(file)?;
        projector.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
        Self::of(file, (vec![writer], vec![projector]), &mpsc::channel().0)
    }

    /// A store of these connections to a file, and of those that read. When all senders are gone, it
    /// is closed.
    fn of(
        file: &Path,
        (writer, projector): (Vec<Connection>, Vec<Connection>),
        alive: &mpsc::Sender<()>,
    ) -> Result<Self> {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let reader = connect(file)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(failed)?;
            reader.pragma_update(None, "query_only", true).map_err(failed)?;
            readers.push(reader);
        }
        Ok(Self {
            writer: Threads::new("sqlite-writer", writer, alive)?,
            projector: Threads::new("sqlite-projector", projector, alive)?,
            readers: Threads::new("sqlite-reader", readers, alive)?,
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

    async fn events_after(&self, source: &str, position: i64, limit: i64) -> Result<Vec<Recorded>> {
        let source = source.to_owned();
        self.read(move |connection| query::events_after(connection, &source, (position, limit)))
            .await
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

    async fn claim(&self, source: &str, _: Vec<ReaderName>, _: &str) -> Result<Vec<Bookmark>> {
        let source = source.to_owned();
        self.read(move |connection| query::bookmarks(connection, &source)).await
    }

    async fn project(&self, source: &str, projected: Projected) -> Result<bool> {
        let source = source.to_owned();
        self.write(move |connection| write::project(connection, &source, &projected)).await
    }

    async fn add_sealing_key(&self, source: &str, key_id: &str) -> Result<()> {
        let (source, key_id) = (source.to_owned(), key_id.to_owned());
        self.write(move |connection| write::add_sealing_key(connection, &source, &key_id)).await
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

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>> {
        self.read(move |connection| query::rows(connection, &sql, &values)).await
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}
