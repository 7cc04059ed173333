//! The embedded store: one SQLite file, in WAL mode with `synchronous=FULL`.
//!
//! One connection writes, so writers never meet `SQLITE_BUSY` within a process, and the pages that it has
//! in memory stay good: what another connection writes would empty them. Each connection lives on a thread
//! of its own, and what belongs together is one visit to it.

mod checkpointer;
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
use creditrail_domain::StepId;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use self::{checkpointer::Checkpointer, threads::Threads};
use super::{
    Batch, Bookmark, KnownDelivery, Projected, ReaderName, RejectedCall, Result, Store, StoreError,
    sql::{Dialect, Look, Row, Value},
};

/// How many connections read at once.
const READERS: usize = 4;
/// How much of the file a reading connection keeps in memory.
const READER_CACHE_KIB: i64 = 2048;
/// How much of the file the writing connection keeps in memory.
const WRITER_CACHE_KIB: i64 = 65_536;
/// How many statements a connection keeps prepared.
const PREPARED: usize = 128;

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 4000;
    PRAGMA wal_autocheckpoint = 8000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA secure_delete = ON;";

static DIALECT: Dialect = Dialect {
    schema: "",
    one_of: |column, place| format!("{column} IN (SELECT value FROM json_each(${place}))"),
    padded: |column| format!("format('%020d', {column})"),
    aside: |column| format!("+{column}"),
    row: Some("rowid"),
};

/// The reads that are no statements of [`Store::rows`], for those who look at their plans.
pub const READS: [&str; 4] =
    [query::EVENTS_AFTER, query::EVENTS_OF, query::BOOKMARKS, write::DATA_KEYS];

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Threads,
    readers: Threads,
    /// None, of a store that is thrown away: none of its commits waits for the disk.
    checkpointer: Option<Checkpointer>,
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
        writer.pragma_update(None, "wal_autocheckpoint", checkpointer::MOST).map_err(failed)?;
        writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(failed)?;
        let alive = mpsc::channel().0;
        let checkpointer = Some(Checkpointer::begin(connect(file)?, &alive)?);
        let store = Self::of(file, writer, &alive)?;
        Ok(Self { checkpointer, ..store })
    }

    /// A store of a connection that writes, and of those that read. When all senders are gone, it is
    /// closed.
    fn of(file: &Path, writer: Connection, alive: &mpsc::Sender<()>) -> Result<Self> {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let reader = connect(file)?;
            reader.pragma_update(None, "cache_size", -READER_CACHE_KIB).map_err(failed)?;
            reader.pragma_update(None, "query_only", true).map_err(failed)?;
            readers.push(reader);
        }
        Ok(Self {
            writer: Threads::new("sqlite-writer", vec![writer], alive)?,
            readers: Threads::new("sqlite-reader", readers, alive)?,
            checkpointer: None,
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.call(|connection| read(connection)).await
    }

    /// Writes what can be written again: read models, and the ring of rejected calls. It waits for no disk.
    /// A power cut may take the newest of it away, rows and bookmark together, and they are folded again;
    /// the log's next commit makes them durable along with itself.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (turn, checkpointer) = (self.turn().await?, self.checkpointer.clone());
        let write = move |connection: &mut Connection| {
            let Some(checkpointer) = checkpointer else { return write(connection) };
            connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
            let written = write(connection)?;
            checkpointer.finish(connection)?;
            drop(turn);
            Ok(written)
        };
        self.writer.call(write).await
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
        let is_durable = self.checkpointer.is_some();
        let place = (self.writer.clone(), source);
        Ok(Box::new(write::SqliteBatch::begin(place, turn, is_durable).await?))
    }

    async fn known(&self, source: &str, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let source = source.to_owned();
        self.read(move |connection| write::known(connection, &source, &deliveries)).await
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

    /// What was destroyed is overwritten in the file, and what stood in the journal before goes with it.
    async fn forget(&self) -> Result<bool> {
        let turn = self.turn().await?;
        let forget = move |connection: &mut Connection| {
            let busy: i64 = connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                .map_err(failed)?;
            drop(turn);
            Ok(busy == 0)
        };
        self.writer.call(forget).await
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>> {
        self.read(move |connection| query::rows(connection, &sql, &values)).await
    }

    async fn look(&self, sql: String, values: Vec<Value>, look: Look) -> Result<()> {
        self.read(move |connection| query::look(connection, &sql, (&values, look))).await
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}
