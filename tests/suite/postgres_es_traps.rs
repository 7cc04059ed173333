//! Where `cqrs-es` and `postgres-es` 0.5.0 lose data: why the store, the readers and the replay are
//! our own. Each test is green as long as its trap is there; a red one is good news to look into.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use cqrs_es::{
    Aggregate, AggregateError, DomainEvent, EventEnvelope, EventStore, Query, View,
    event_sink::EventSink,
    persist::{GenericQuery, PersistedEventStore, QueryReplay, ViewRepository},
};
use postgres_es::{
    PostgresCqrs, PostgresEventRepository, PostgresViewRepository, postgres_aggregate_cqrs,
    postgres_cqrs, postgres_snapshot_cqrs,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::support::postgres;

const GONE: &str = "this trap is gone: reconsider what was built around it";
/// The one aggregate of a test.
const ID: &str = "tally";
/// Far more than two statements take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `db/init.sql` of postgres-es.
const TABLES: &str = "
    CREATE TABLE events (
        aggregate_type text                         NOT NULL,
        aggregate_id   text                         NOT NULL,
        sequence       bigint CHECK (sequence >= 0) NOT NULL,
        event_type     text                         NOT NULL,
        event_version  text                         NOT NULL,
        payload        json                         NOT NULL,
        metadata       json                         NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    );
    CREATE TABLE snapshots (
        aggregate_type   text                                 NOT NULL,
        aggregate_id     text                                 NOT NULL,
        last_sequence    bigint CHECK (last_sequence >= 0)    NOT NULL,
        current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL,
        payload          json                                 NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
    );
    CREATE TABLE tally_view (
        view_id text                        NOT NULL,
        version bigint CHECK (version >= 0) NOT NULL,
        payload json                        NOT NULL,
        PRIMARY KEY (view_id)
    );";

/// A hundred events of a megabyte each, which is white space in the JSON: more than the sockets
/// between server and client hold, so that the server is still sending when the first is read.
const LONG_HISTORY: &str = r#"
    INSERT INTO events
    SELECT 'tally', 'tally', sequence, 'Counted', '1',
        ('{"by": 1' || repeat(' ', 1000000) || '}')::json, '{}'
    FROM generate_series(1, 100) AS sequence"#;

/// Returns when they are gone.
const END_ALL_OTHERS: &str = "
    SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()";

const BLOCKED: &str = "
    SELECT count(*) FROM pg_locks WHERE NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn a_replay_whose_connection_is_cut_reports_success() {
    let database = Database::fresh().await;
    database.run(LONG_HISTORY).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let cutting = Cutting { url: database.url.clone(), noting: Noting(Arc::clone(&seen)) };
    let events = database.events().with_streaming_channel_size(1);
    let mut replay = QueryReplay::<_, _, Tally>::new(events, cutting);
    replay.use_error_handler(Box::new(|error| panic!("{GONE}: it was told of {error}")));
    let told = replay.replay_all().await;
    let seen = seen.lock().expect("no panic").len();
    assert!((1..100).contains(&seen), "the cut did not come in mid-stream but after {seen} events");
    assert!(told.is_ok(), "{GONE}: {told:?}");
}

/// An error handler would hear of it; there is none unless one is set.
#[tokio::test]
async fn a_replay_passes_over_what_it_cannot_decode_and_reports_success() {
    let database = Database::fresh().await;
    database.count(3).await;
    database.run(r#"UPDATE events SET payload = '{"by": "one"}' WHERE sequence = 2"#).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let replay = QueryReplay::<_, _, Tally>::new(database.events(), Noting(Arc::clone(&seen)));
    let told = replay.replay_all().await;
    assert!(told.is_ok(), "{GONE}: {told:?}");
    assert_eq!(*seen.lock().expect("no panic"), [1, 3], "{GONE}");
}

/// The second writer reads the view before the first has written it. The loser's conflict goes to
/// an error handler, of which there is none unless one is set, and nobody tries again.
#[tokio::test]
async fn a_view_with_two_writers_loses_an_update() {
    let database = Database::fresh().await;
    let cqrs = Arc::new(database.with_view());
    let mut held = database.pool.begin().await.expect("a transaction");
    let hold = sqlx::query("LOCK TABLE tally_view IN EXCLUSIVE MODE"); // It still may be read.
    hold.execute(&mut *held).await.expect("a lock");
    let mut commands = Vec::new();
    for blocked in 1..=2 {
        let cqrs = Arc::clone(&cqrs);
        commands.push(tokio::spawn(async move { cqrs.execute(ID, Count).await }));
        database.until_blocked(blocked).await; // It has committed its event and read the view.
    }
    held.rollback().await.expect("the end of the lock");
    for command in commands {
        command.await.expect("no panic").expect("a command that succeeds");
    }
    assert_eq!(database.counted_by_events().await, 2);
    assert_eq!(database.counted_by_view().await, 1, "{GONE}");
}

/// A caller that tries again after a conflict, as it should, will do so for ever.
#[tokio::test]
async fn any_unique_violation_is_called_a_conflict() {
    let database = Database::fresh().await;
    database.run("CREATE UNIQUE INDEX only_one_event_of_a_type ON events (event_type)").await;
    database.count(1).await;
    let refused = postgres_cqrs::<Tally>(database.pool.clone(), vec![], ());
    let refused = refused.execute("another, which nobody else writes", Count).await;
    assert!(matches!(refused, Err(AggregateError::AggregateConflict)), "{GONE}: {refused:?}");
}

#[tokio::test]
async fn what_was_not_dispatched_before_a_crash_never_is() {
    let database = Database::fresh().await;
    let crashing: Vec<Box<dyn Query<Tally>>> = vec![Box::new(Crashing), database.view()];
    let crashing = postgres_cqrs(database.pool.clone(), crashing, ());
    let crashed = tokio::spawn(async move { crashing.execute(ID, Count).await }).await;
    assert!(crashed.is_err_and(|error| error.is_panic()), "it ends after its commit");
    let restarted = database.with_view();
    restarted.execute(ID, Count).await.expect("a command that succeeds");
    assert_eq!(database.counted_by_events().await, 2);
    assert_eq!(database.counted_by_view().await, 1, "{GONE}");
}

/// Writing to the sink applies an event, and the commit applies it again to what it stores.
#[tokio::test]
async fn the_snapshot_store_applies_events_twice() {
    let database = Database::fresh().await;
    let cqrs = postgres_snapshot_cqrs::<Tally>(database.pool.clone(), vec![], 2, ());
    for _ in 0..2 {
        cqrs.execute(ID, Count).await.expect("a command that succeeds");
    }
    let store = PersistedEventStore::<_, Tally>::new_snapshot_store(database.events(), 2);
    let reloaded = store.load_aggregate(ID).await.expect("the aggregate").aggregate;
    assert_eq!(database.counted_by_events().await, 2);
    assert_eq!(reloaded.count, 3, "{GONE}"); // The event that made the snapshot due counts twice.
}

/// As the snapshot store, and at every commit.
#[tokio::test]
async fn the_aggregate_store_applies_events_twice() {
    let database = Database::fresh().await;
    let cqrs = postgres_aggregate_cqrs::<Tally>(database.pool.clone(), vec![], ());
    for _ in 0..2 {
        cqrs.execute(ID, Count).await.expect("a command that succeeds");
    }
    let store = PersistedEventStore::<_, Tally>::new_aggregate_store(database.events());
    let reloaded = store.load_aggregate(ID).await.expect("the aggregate").aggregate;
    assert_eq!(database.counted_by_events().await, 2);
    assert_eq!(reloaded.count, 4, "{GONE}");
}

struct Database {
    url: String,
    pool: PgPool,
}

impl Database {
    async fn fresh() -> Self {
        let url = postgres::database().await;
        postgres::run(&url, TABLES).await;
        let pool = PgPool::connect(&url).await.expect("a pool");
        Self { url, pool }
    }

    async fn run(&self, sql: &str) {
        postgres::run(&self.url, sql).await;
    }

    fn events(&self) -> PostgresEventRepository {
        PostgresEventRepository::new(self.pool.clone())
    }

    fn view_repository(&self) -> PostgresViewRepository<TallyView, Tally> {
        PostgresViewRepository::new("tally_view", self.pool.clone())
    }

    fn view(&self) -> Box<dyn Query<Tally>> {
        Box::new(GenericQuery::new(Arc::new(self.view_repository())))
    }

    fn with_view(&self) -> PostgresCqrs<Tally> {
        postgres_cqrs(self.pool.clone(), vec![self.view()], ())
    }

    /// Executes as many commands.
    async fn count(&self, times: usize) {
        let cqrs = postgres_cqrs::<Tally>(self.pool.clone(), vec![], ());
        for _ in 0..times {
            cqrs.execute(ID, Count).await.expect("a command that succeeds");
        }
    }

    async fn counted_by_events(&self) -> u64 {
        let store = PersistedEventStore::<_, Tally>::new_event_store(self.events());
        store.load_aggregate(ID).await.expect("the aggregate").aggregate.count
    }

    async fn counted_by_view(&self) -> u64 {
        self.view_repository().load(ID).await.expect("the view").expect("a row").count
    }

    /// Waits until as many statements wait for a lock.
    async fn until_blocked(&self, statements: i64) {
        let blocked = || sqlx::query_scalar::<_, i64>(BLOCKED).fetch_one(&self.pool);
        let wait = async { while blocked().await.expect("a count") < statements {} };
        tokio::time::timeout(PATIENCE, wait).await.expect("statements that wait");
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Tally {
    count: u64,
}

struct Count;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Counted {
    by: u64,
}

impl DomainEvent for Counted {
    fn event_type(&self) -> String {
        "Counted".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Tally {
    const TYPE: &'static str = "tally";
    type Command = Count;
    type Event = Counted;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        Count: Count,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Infallible> {
        sink.write(Counted { by: 1 }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Counted) {
        self.count += event.by;
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct TallyView {
    count: u64,
}

impl View<Tally> for TallyView {
    fn update(&mut self, event: &EventEnvelope<Tally>) {
        self.count += event.payload.by;
    }
}

/// Notes the sequence of each event.
struct Noting(Arc<Mutex<Vec<usize>>>);

#[async_trait]
impl Query<Tally> for Noting {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Tally>]) {
        self.0.lock().expect("no panic").extend(events.iter().map(|event| event.sequence));
    }
}

/// Notes, and at the first event ends every connection to the database.
struct Cutting {
    url: String,
    noting: Noting,
}

#[async_trait]
impl Query<Tally> for Cutting {
    async fn dispatch(&self, id: &str, events: &[EventEnvelope<Tally>]) {
        if events[0].sequence == 1 {
            postgres::run(&self.url, END_ALL_OTHERS).await;
        }
        self.noting.dispatch(id, events).await;
    }
}

/// The process dies between the commit and the first query.
struct Crashing;

#[async_trait]
impl Query<Tally> for Crashing {
    async fn dispatch(&self, _: &str, _: &[EventEnvelope<Tally>]) {
        panic!("the process dies here, as far as the database can tell");
    }
}
