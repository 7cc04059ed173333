//! What creditrail is measured against, on the same server: plain `cqrs-es`, plain COPY, and one
//! commit. Each function makes its own tables, so each call needs a database without them.
//!
//! Reading order: the three measures, then `purchase`: what is written, and the aggregate.

use std::{
    fmt::Write as _,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cqrs_es::{DomainEvent as _, persist::GenericQuery};
use postgres_es::{PostgresViewRepository, postgres_cqrs};
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgPoolOptions};

mod purchase;

use purchase::{COMMANDS, EVENTS, Purchase, PurchaseView, Step, transaction_id};

/// Deliveries of one commit of [`copy`].
const BATCH: usize = 500;

/// `db/init.sql` of postgres-es, without the table that only snapshots need.
const CQRS_TABLES: &str = "
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
    CREATE TABLE purchase_view (
        view_id text                        NOT NULL,
        version bigint CHECK (version >= 0) NOT NULL,
        payload json                        NOT NULL,
        PRIMARY KEY (view_id)
    );";

/// The rows and keys that a log of deliveries cannot do without, and nothing else.
const COPY_TABLES: &str = "
    CREATE SCHEMA plain_copy;
    CREATE TABLE plain_copy.deliveries (
        source      text   NOT NULL,
        delivery_id text   NOT NULL,
        number      bigint NOT NULL,
        dedup_key   text   NOT NULL,
        received_at bigint NOT NULL,
        headers     text   NOT NULL,
        body        bytea  NOT NULL,
        PRIMARY KEY (source, delivery_id),
        UNIQUE (source, number)
    );
    CREATE TABLE plain_copy.events (
        source         text   NOT NULL,
        position       bigint NOT NULL,
        aggregate_type text   NOT NULL,
        aggregate_id   text   NOT NULL,
        sequence       bigint NOT NULL,
        event_type     text   NOT NULL,
        event_version  text   NOT NULL,
        payload        json   NOT NULL,
        metadata       json   NOT NULL,
        occurred_at    bigint NOT NULL,
        recorded_at    bigint NOT NULL,
        PRIMARY KEY (source, position),
        UNIQUE (source, aggregate_type, aggregate_id, sequence)
    );";

const DURABLE: &str =
    "SELECT current_setting('fsync') = 'on' AND current_setting('synchronous_commit') = 'on'";

/// 27 February 2025, in microseconds since 1970.
const START: u64 = 1_740_679_892_358_000;

/// About 100 bytes; the signature is masked, as it is in what is kept.
const HEADERS: &str = concat!(
    r#"{"content-type":"application/json","user-agent":"lender-webhooks/1.0","#,
    r#""x-signature":"t=1740679892"}"#
);

/// Commands a second by `cqrs-es`, `postgres-es` and one `GenericQuery`, each used as documented.
///
/// Every task plays purchases of four commands, one purchase after the other. It takes at least as
/// many commands as asked for, in whole purchases.
pub async fn commands(url: &str, tasks: usize, commands: u64) -> f64 {
    let connections = u32::try_from(tasks + 2).expect("not that many tasks");
    // Open before the clock runs.
    let pool = PgPoolOptions::new().min_connections(connections).max_connections(connections);
    let pool = pool.connect(url).await.expect("a pool");
    pool.execute(CQRS_TABLES).await.expect("a database without these tables");

    let view = Arc::new(PostgresViewRepository::new("purchase_view", pool.clone()));
    let mut query = GenericQuery::<_, PurchaseView, Purchase>::new(view);
    query.use_error_handler(Box::new(|error| panic!("the view: {error}")));
    let cqrs = Arc::new(postgres_cqrs(pool.clone(), vec![Box::new(query)], ()));

    let (purchases, next) = (commands.div_ceil(4), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut players = Vec::new();
    for _ in 0..tasks {
        let (cqrs, next) = (Arc::clone(&cqrs), Arc::clone(&next));
        players.push(tokio::spawn(async move {
            loop {
                let purchase = next.fetch_add(1, Ordering::Relaxed);
                if purchase >= purchases {
                    return;
                }
                let id = transaction_id(purchase);
                for (nth, command) in COMMANDS.iter().enumerate() {
                    let command = command(Step::of(purchase, nth));
                    cqrs.execute(&id, command).await.expect("a legal command");
                }
            }
        }));
    }
    for player in players {
        player.await.expect("no panic");
    }
    let took = started.elapsed();
    pool.close().await;
    (purchases * 4) as f64 / took.as_secs_f64()
}

/// Deliveries a second by COPY on one connection: two rows each, [`BATCH`] deliveries a commit.
///
/// The clock stands still while the text of a batch is made: it is what the database can take.
pub async fn copy(url: &str, rows: u64) -> f64 {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    connection.execute(COPY_TABLES).await.expect("a database without these tables");
    let mut took = Duration::ZERO;
    for first in (0..rows).step_by(BATCH) {
        let (deliveries, events) = texts(first..rows.min(first + BATCH as u64));
        let started = Instant::now();
        let mut commit = connection.begin().await.expect("a transaction");
        copy_in(&mut commit, "COPY plain_copy.deliveries FROM STDIN", &deliveries).await;
        copy_in(&mut commit, "COPY plain_copy.events FROM STDIN", &events).await;
        commit.commit().await.expect("a commit");
        took += started.elapsed();
    }
    connection.close().await.expect("an end");
    rows as f64 / took.as_secs_f64()
}

async fn copy_in(connection: &mut PgConnection, statement: &str, text: &str) {
    let mut copy = connection.copy_in_raw(statement).await.expect("a COPY");
    copy.send(text.as_bytes()).await.expect("its rows");
    copy.finish().await.expect("its end");
}

/// The median time of a durable commit of one small row, on one connection.
pub async fn single_row_commits(url: &str, commits: u32) -> Duration {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let durable: bool =
        sqlx::query_scalar(DURABLE).fetch_one(&mut connection).await.expect("the settings");
    assert!(durable, "a commit of this server is not durable");
    let table = "CREATE TABLE plain_commits (number bigint PRIMARY KEY)";
    connection.execute(table).await.expect("a database without this table");
    let mut took = Vec::new();
    for number in 0..commits {
        let insert = sqlx::query("INSERT INTO plain_commits VALUES ($1)").bind(i64::from(number));
        let started = Instant::now();
        insert.execute(&mut connection).await.expect("a row");
        took.push(started.elapsed());
    }
    connection.close().await.expect("an end");
    took.sort_unstable();
    took[took.len() / 2]
}

/// The rows of these deliveries for the two tables, in the text format of COPY.
///
/// Nothing in them has to be escaped but the backslash before the digits of a `bytea`.
fn texts(numbers: Range<u64>) -> (String, String) {
    let (mut deliveries, mut events) = (String::new(), String::new());
    for number in numbers {
        let (purchase, nth) = (number / 4, (number % 4) as usize);
        let step = Step::of(purchase, nth);
        let (id, event_id) = (&step.delivery_id, &step.transaction.event_id);
        let (position, at, sequence) = (number + 1, START + number, nth + 1);
        let body = hex::encode(step.body());
        writeln!(
            deliveries,
            "lender\t{id}\t{position}\ttransaction:{event_id}\t{at}\t{HEADERS}\t\\\\x{body}"
        )
        .expect("memory");
        let stream = &step.transaction.transaction_id;
        let metadata = format!(r#"{{"delivery_id":"{id}"}}"#);
        let event = EVENTS[nth](step.clone());
        let (kind, payload) = (event.event_type(), serde_json::to_string(&event).expect("JSON"));
        writeln!(
            events,
            "lender\t{position}\ttransaction\tlender/{stream}\t{sequence}\t{kind}\t1\t{payload}\t\
             {metadata}\t{at}\t{at}"
        )
        .expect("memory");
    }
    (deliveries, events)
}
