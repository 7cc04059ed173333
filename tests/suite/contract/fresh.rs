//! A store on a database of its own, a way behind its back, and what is written to it.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use bytes::Bytes;
use creditrail::store::{
    DataKey, DeliveryRow, Erased, Head, NewEvent, Projected, RedrivenRow, RejectedPlace, Store,
    StoreError, Written, codec, postgres::PostgresStore, sqlite::SqliteStore,
};
use creditrail_domain::{AggregateType, Event, StepId};
use creditrail_projections::{Cell, Change, StreamId, Table, Write};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tempfile::TempDir;

use crate::support::postgres;

pub const SOURCE: &str = "lender";
/// A time that only microseconds tell.
pub const NOW: i64 = 1_740_681_092_358_123;

/// A database that goes with its value.
pub enum Database {
    File(TempDir),
    Postgres(String),
}

/// A store on a database of its own.
pub struct Fresh {
    store: Arc<dyn Store>,
    pub database: Database,
}

impl Fresh {
    pub async fn sqlite() -> Self {
        let database = Database::in_a_file();
        let store = SqliteStore::open(&database.file(), true).unwrap();
        Self { store: Arc::new(store), database }
    }

    pub async fn postgres(connections: u32) -> Self {
        let database = Database::in_postgres().await;
        let store = PostgresStore::connect(&database.url(), connections, true).await.unwrap();
        Self { store: Arc::new(store), database }
    }

    /// For a task of its own.
    pub fn shared(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }
}

impl Deref for Fresh {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// A row as text, read behind the store's back.
pub type Cells = Vec<Option<String>>;

impl Database {
    pub fn in_a_file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub async fn in_postgres() -> Self {
        Self::Postgres(postgres::database().await)
    }

    pub fn url(&self) -> String {
        match self {
            Self::File(_) => format!("sqlite://{}", self.file().display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    fn file(&self) -> PathBuf {
        let Self::File(folder) = self else { panic!("a database in a file") };
        folder.path().join("creditrail.db")
    }

    fn of(&self, sql: &str) -> String {
        sql.replace('@', if matches!(self, Self::File(_)) { "" } else { "creditrail." })
    }

    /// Runs SQL, or says why it is refused.
    pub async fn run(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let done = connection.execute(self.of(sql).as_str()).await;
                done.map(drop).map_err(|error| error.to_string())
            }
            Self::File(_) => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                connection.execute_batch(&self.of(sql)).map_err(|error| error.to_string())
            }
        }
    }

    /// Columns of rows, `from` being all that follows `FROM` in a query.
    pub async fn rows(&self, columns: &[&str], from: &str) -> Vec<Cells> {
        // Renamed, so that `ORDER BY` means the column and not its text.
        let cast = columns.iter().zip(0..);
        let cast: Vec<String> =
            cast.map(|(column, nth)| format!("CAST({column} AS TEXT) AS c{nth}")).collect();
        let select = self.of(&format!("SELECT {} FROM {from}", cast.join(", ")));
        match self {
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let rows = sqlx::query(&select).fetch_all(&mut connection).await.unwrap();
                rows.iter().map(|row| (0..cast.len()).map(|nth| row.get(nth)).collect()).collect()
            }
            Self::File(_) => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                let mut select = connection.prepare(&select).unwrap();
                let cells = |row: &rusqlite::Row<'_>| (0..cast.len()).map(|n| row.get(n)).collect();
                let rows = select.query_map([], cells).unwrap();
                rows.collect::<rusqlite::Result<_>>().unwrap()
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(url) = self {
            postgres::drop_database(url);
        }
    }
}

/// What a batch writes, but for the head: that follows from it.
#[derive(Default)]
pub struct Entries {
    pub deliveries: Vec<DeliveryRow>,
    pub repeats: Vec<(String, i64, Timestamp)>,
    pub redriven: Vec<RedrivenRow>,
    pub data_keys: Vec<DataKey>,
    pub erased: Erased,
    pub accepted: Vec<RejectedPlace>,
    pub events: Vec<NewEvent>,
}

impl Entries {
    pub fn after(self, head: Head) -> Written {
        let Self { deliveries, repeats, redriven, data_keys, erased, accepted, events } = self;
        let repeated: i64 = repeats.iter().map(|(_, times, _)| times).sum();
        let head = Head {
            position: head.position + count(&events),
            deliveries: head.deliveries + count(&deliveries),
            received: head.received + count(&deliveries) + repeated,
            recorded_at: time(NOW),
        };
        Written {
            deliveries,
            repeats,
            redriven,
            secrets: Vec::new(),
            data_keys,
            erased,
            accepted,
            events,
            head,
        }
    }
}

pub fn count<T>(of: &[T]) -> i64 {
    i64::try_from(of.len()).unwrap()
}

pub fn events(events: impl Into<Vec<NewEvent>>) -> Entries {
    Entries { events: events.into(), ..Entries::default() }
}

pub fn deliveries(deliveries: impl Into<Vec<DeliveryRow>>) -> Entries {
    Entries { deliveries: deliveries.into(), ..Entries::default() }
}

/// Writes a batch: the head then.
pub async fn commit(store: &dyn Store, source: &str, entries: Entries) -> Result<Head, StoreError> {
    let batch = store.begin(source).await?;
    let written = entries.after(batch.head());
    let head = written.head;
    batch.commit(written).await?;
    Ok(head)
}

pub fn time(microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(microsecond).unwrap()
}

/// The stream of a transaction.
pub fn stream(id: &str) -> StreamId {
    StreamId { aggregate_type: AggregateType::Transaction, id: id.to_owned() }
}

/// A capture that is recorded as this event of a transaction.
pub fn event(id: &str, sequence: i64) -> NewEvent {
    let captured = include_str!("../../../domain/tests/fixtures/events/transaction.Captured.json");
    let row: Value = serde_json::from_str(captured).unwrap();
    NewEvent {
        stream: stream(id),
        sequence,
        occurred_at: time(NOW + sequence),
        delivery_id: None,
        event: decoded(&row),
    }
}

/// The event of a frozen row of the log.
pub fn decoded(row: &Value) -> Event {
    let [aggregate_type, version] =
        ["aggregate_type", "event_version"].map(|field| row[field].as_str().unwrap());
    codec::decode(aggregate_type, version, &row["payload"].to_string()).unwrap()
}

/// A delivery of this number, under a key of its own.
pub fn delivery(number: i64) -> DeliveryRow {
    let key = format!("key-{number}");
    DeliveryRow {
        delivery_id: StepId::derive(SOURCE, &key, "content").to_string(),
        number,
        dedup_key: key,
        received_at: time(NOW),
        secret_id: "first".to_owned(),
        headers: "{}".to_owned(),
        body: Bytes::from_static(b"{}"),
        outcome: "applied",
        first_position: number,
        position: number,
        stream: stream("t"),
        repeats: 0,
        last_received_at: time(NOW),
    }
}

/// A row of a read model in which all is 0, nothing or `-`, but for these columns.
pub fn row(table: &Table, key: &str, said: &[(&str, Cell)]) -> Change {
    let cell = |column: &&str| {
        let said = said.iter().find(|(said, _)| said == column);
        said.map_or_else(|| blank(column), |(_, cell)| cell.clone())
    };
    let cells = table.columns.iter().map(cell).collect();
    Change { key: key.to_owned(), write: Write::Replace, position: 0, cells }
}

fn blank(column: &str) -> Cell {
    match column {
        "first_position" | "captured" | "refunded" | "hold" | "position" | "occurred_at"
        | "due_at" | "stands_from" | "count" | "stake" | "done_at" => 0.into(),
        "customer_id" | "partner_customer_id" | "payment_method_id" | "currency" => {
            Cell::Text(None)
        }
        _ => "-".into(),
    }
}

/// Writes rows of a read model, whoever reads the log.
pub async fn fill(store: &dyn Store, source: &str, rows: (&'static Table, Vec<Change>)) {
    let projected = Projected { changes: vec![rows], ..Projected::default() };
    assert!(store.project(source, projected).await.unwrap());
}

/// The log of a source: position, stream, sequence.
pub async fn log(store: &dyn Store, source: &str) -> Vec<(i64, String, i64)> {
    let events = store.events_after(source, 0, i64::MAX).await.unwrap();
    events.into_iter().map(|event| (event.position, event.stream.id, event.sequence)).collect()
}
