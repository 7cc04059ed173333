//! A scratch store: a file of the same schema, beside a service's store, that is thrown away once it
//! has been compared. It has no index that only lists need.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use creditrail_domain::StepId;
use creditrail_projections::{Reader, Table};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, connect, failed, query, schema, write};
use crate::store::{
    Head, KnownDelivery, NewEvent, RedrivenRow, Result, Store, StoreError, reading,
};

/// How long to wait for connections to be closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a writing connection of a scratch file does otherwise: what it removes is gone with the file, so
/// nothing is overwritten; a page that changes often is moved to the file seldom; and it keeps less in
/// memory, since there may be two of them.
const SETTINGS: &str = "
    PRAGMA secure_delete = OFF;
    PRAGMA wal_autocheckpoint = 32000;
    PRAGMA journal_size_limit = -1;
    PRAGMA cache_size = -4096;";

/// What a scratch file notes of itself, and by which it is told from other files; which deliveries
/// it knows; what was told of; and the log, in the order of the positions itself: one tree less to write.
const CREATE: &str = "
    CREATE TABLE scratch_notes (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE scratch_deliveries (source TEXT NOT NULL, step_id TEXT NOT NULL,
        dedup_key TEXT NOT NULL, position INTEGER NOT NULL, aggregate_type TEXT NOT NULL,
        stream TEXT NOT NULL, PRIMARY KEY (source, step_id)) WITHOUT ROWID;
    CREATE TABLE scratch_told (number INTEGER NOT NULL PRIMARY KEY, source TEXT NOT NULL,
        told TEXT NOT NULL);
    DROP TABLE events;
    CREATE TABLE events (source TEXT NOT NULL, position INTEGER NOT NULL,
        aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, sequence INTEGER NOT NULL,
        event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload TEXT NOT NULL,
        metadata TEXT NOT NULL, occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
        PRIMARY KEY (source, position),
        UNIQUE (source, aggregate_type, aggregate_id, sequence)) WITHOUT ROWID;";

const IS_SCRATCH: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'scratch_notes'),
    EXISTS (SELECT 1 FROM sqlite_master)";

/// The indexes by which readers look rows up.
const INDEXES: &str = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
    AND name NOT IN ('customers_by_customer', 'customers_by_partner_customer',
        'findings_by_customer', 'redriven_deliveries_by_step')";

const NOTE: &str = "INSERT INTO scratch_notes (name, value) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET value = ?2";

const TELL: &str = "INSERT INTO scratch_told (source, told) VALUES (?, ?)";

const TOLD: &str = "SELECT number, told FROM scratch_told
    WHERE source = ? AND number > ? ORDER BY number LIMIT ?";

const KNOW: &str = "INSERT INTO scratch_deliveries (source, step_id, dedup_key, position,
    aggregate_type, stream) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const KNOWN: &str = "SELECT step_id, step_id, dedup_key, position, aggregate_type, stream
    FROM scratch_deliveries WHERE source = ? AND step_id >= ? AND step_id < ?";

/// A scratch store.
#[derive(Clone, Debug)]
pub struct Scratch {
    store: SqliteStore,
    file: PathBuf,
}

/// What is written to the log of a scratch store at once.
#[derive(Debug, Default)]
pub struct Appended {
    /// Events with their places, times of recording and payloads, in order. Places may be left out.
    pub events: Vec<(i64, Timestamp, NewEvent, String)>,
    /// The deliveries that brought them.
    pub deliveries: Vec<KnownDelivery>,
    /// Deliveries that were redriven as steps.
    pub redriven: Vec<RedrivenRow>,
    /// The last place that is taken.
    pub head: i64,
    /// What was told of, each as a text.
    pub told: Vec<String>,
    /// What the file notes of itself: a name, and how far it is.
    pub note: (String, String),
}

impl Scratch {
    /// Opens a scratch file, or makes one. One that is `kept` over a power cut is written with care.
    ///
    /// # Errors
    /// [`StoreError::NotScratch`] if the file is another one, [`StoreError::Unavailable`] if it
    /// cannot be opened.
    pub fn open(file: &Path, kept: bool) -> Result<(Self, Closed)> {
        let mut writer = connect(file)?;
        prepare(&mut writer, file)?;
        let synchronous = if kept { "NORMAL" } else { "OFF" };
        writer.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
        writer.execute_batch(SETTINGS).map_err(failed)?;
        let (alive, closed) = mpsc::channel();
        let store = SqliteStore::of(file, writer, &alive)?;
        Ok((Self { store, file: file.to_owned() }, Closed(Mutex::new(closed))))
    }

    /// As any other store.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    /// What the file notes of itself under a name.
    ///
    /// # Errors
    /// [`StoreError`], as for all of this.
    pub async fn noted(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        let read = move |connection: &Connection| {
            let noted = "SELECT value FROM scratch_notes WHERE name = ?";
            connection.query_row(noted, [name], |row| row.get(0)).optional().map_err(failed)
        };
        self.store.read(read).await
    }

    /// Has the file note something of itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, name: &str, value: String) -> Result<()> {
        let name = name.to_owned();
        let write = move |connection: &mut Connection| {
            connection.execute(NOTE, params![name, value]).map_err(failed).map(drop)
        };
        self.store.write(write).await
    }

    /// What was told of, behind a number, `limit` at most: each with its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn told(
        &self,
        source: &str,
        (behind, limit): (i64, i64),
    ) -> Result<Vec<(i64, String)>> {
        let values = vec![source.into(), behind.into(), limit.into()];
        let rows = self.store.rows(TOLD.to_owned(), values).await?;
        rows.into_iter().map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }

    /// Makes the tables that are not among those of the schema: a host's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_tables(&self, tables: Vec<&'static Table>) -> Result<()> {
        let write = move |connection: &mut Connection| {
            for Table { name, columns } in tables {
                let columns = columns.join(", ");
                let create = format!(
                    "CREATE TABLE IF NOT EXISTS {name} (source TEXT NOT NULL, key TEXT NOT NULL,
                     {columns}, PRIMARY KEY (source, key)) WITHOUT ROWID"
                );
                connection.execute_batch(&create).map_err(failed)?;
            }
            Ok(())
        };
        self.store.write(write).await
    }

    /// Forgets the rows and bookmarks of readers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn empty(&self, source: &str, readers: Vec<&'static Reader>) -> Result<()> {
        let source = source.to_owned();
        let write = move |connection: &mut Connection| {
            let tx = query::immediate(connection)?;
            for reader in readers {
                for model in reader.models {
                    let empty = format!("DELETE FROM {} WHERE source = ?", model.table.name);
                    tx.execute(&empty, [&source]).map_err(failed)?;
                }
                let forget = "DELETE FROM bookmarks WHERE source = ? AND reader = ?";
                tx.execute(forget, [&source, reader.name]).map_err(failed)?;
            }
            tx.commit().map_err(failed)
        };
        self.store.write(write).await
    }

    /// The deliveries that have the key of one of these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known(&self, source: &str, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let source = source.to_owned();
        let read = move |connection: &Connection| {
            let mut known = Vec::new();
            for delivery in deliveries {
                let (from, to) = delivery.of_same_key();
                let places = [source.as_str().into(), from.into(), to.into()];
                for row in query::rows(connection, KNOWN, &places)? {
                    known.push(reading::known(row)?);
                }
            }
            Ok(known)
        };
        self.store.read(read).await
    }

    /// Writes to the log of a source.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn append(&self, source: &str, appended: Appended) -> Result<()> {
        let source = source.to_owned();
        let turn = self.store.turn().await?;
        let write = move |connection: &mut Connection| {
            let written = append(connection, &source, &appended);
            drop(turn);
            written
        };
        self.store.writer.call(write).await
    }

    /// Throws a file away that nobody has open.
    ///
    /// # Errors
    /// [`std::io::Error`] if it cannot be removed.
    pub fn remove(file: &Path) -> std::io::Result<()> {
        for suffix in ["-wal", "-shm", ""] {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            match fs::remove_file(PathBuf::from(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Where it is.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// Tells when all connections of a scratch store are closed. The last one takes the journal along,
/// by its name.
#[derive(Debug)]
pub struct Closed(Mutex<mpsc::Receiver<()>>);

impl Closed {
    /// Waits until they are, not for ever.
    pub fn wait(self) {
        let closed = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Nothing is ever sent: it ends when all senders are gone.
        let _ = closed.recv_timeout(PATIENCE);
    }
}

/// Whether there is a scratch file.
///
/// # Errors
/// [`StoreError::NotScratch`] if there is another file of that name.
pub fn is_there(file: &Path) -> Result<bool> {
    if !file.exists() {
        return Ok(false);
    }
    let not_scratch = || StoreError::NotScratch { file: file.to_owned() };
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(file, flags).map_err(|_| not_scratch())?;
    let found = connection.query_row(IS_SCRATCH, [], |row| Ok((row.get(0)?, row.get(1)?)));
    match found.map_err(|_| not_scratch())? {
        (true, _) => Ok(true),
        // One that was about to be made.
        (false, false) => Ok(false),
        (false, true) => Err(not_scratch()),
    }
}

fn prepare(connection: &mut Connection, file: &Path) -> Result<()> {
    let is_scratch: (bool, bool) = connection
        .query_row(IS_SCRATCH, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    match is_scratch {
        (true, _) => return Ok(()),
        (false, true) => return Err(StoreError::NotScratch { file: file.to_owned() }),
        (false, false) => {}
    }
    schema::migrate(connection, true)?;
    let tx = query::immediate(connection)?;
    let names: Vec<String> = tx
        .prepare(INDEXES)
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(failed)?;
    for name in names {
        tx.execute_batch(&format!("DROP INDEX {name}")).map_err(failed)?;
    }
    tx.execute_batch(CREATE).map_err(failed)?;
    tx.commit().map_err(failed)
}

fn append(connection: &mut Connection, source: &str, appended: &Appended) -> Result<()> {
    let tx = query::immediate(connection)?;
    let mut know = tx.prepare_cached(KNOW).map_err(failed)?;
    let redriven = appended
        .redriven
        .iter()
        .map(|row| (&row.step_id, &row.dedup_key, row.position, &row.stream));
    let deliveries = appended.deliveries.iter();
    let deliveries =
        deliveries.map(|row| (&row.step_id, &row.dedup_key, row.position, &row.stream));
    for (step_id, dedup_key, position, stream) in deliveries.chain(redriven) {
        let (kind, stream) = (stream.aggregate_type.name(), &stream.id);
        know.execute(params![source, step_id, dedup_key, position, kind, stream])
            .map_err(failed)?;
    }
    drop(know);
    let mut insert = tx.prepare_cached(write::APPEND).map_err(failed)?;
    for (position, recorded_at, event, payload) in &appended.events {
        write::append_event(&mut insert, source, (*position, *recorded_at), (event, payload))
            .map_err(failed)?;
    }
    drop(insert);
    let mut tell = tx.prepare_cached(TELL).map_err(failed)?;
    for told in &appended.told {
        tell.execute(params![source, told]).map_err(failed)?;
    }
    drop(tell);
    tx.execute(NOTE, params![appended.note.0, appended.note.1]).map_err(failed)?;
    let head = Head { position: appended.head, ..Head::EMPTY };
    tx.prepare_cached(write::SET_HEAD)
        .and_then(|mut set| {
            set.execute(params![source, head.position, head.deliveries, head.received, 0])
        })
        .map_err(failed)?;
    tx.commit().map_err(failed)
}
