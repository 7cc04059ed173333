//! What the same rows cost on SQLite as plain batched inserts.

use std::time::Instant;

use rusqlite::{Connection, params};

use super::{
    acknowledged, heading, line,
    load::{Histories, Instance, body, in_process},
    rebuild,
};

pub async fn run(deliveries: u64) {
    heading("SQLite, WAL, synchronous=FULL");
    let limit = plain_inserts(100_000);
    line("plain batched inserts", limit, "the limit");
    for (senders, deliveries) in [(1, 2_000), (16, 20_000), (128, deliveries)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        let instance = Instance::on(&url).await;
        let ingested = in_process(&instance, &Histories::default(), (senders, deliveries)).await;
        let share = 100.0 * ingested.rate / limit;
        let note = format!("{share:.0} % of the limit");
        acknowledged(&format!("{senders} senders in process"), &ingested, &note);
        instance.caught_up().await;
        if senders == 128 {
            line("rebuild of all read models, events", rebuild(instance).await, "");
        }
    }
}

/// Deliveries a second, when a delivery is two rows in two tables with the log's keys and
/// indexes, 128 deliveries a commit.
pub fn plain_inserts(deliveries: u64) -> f64 {
    const SCHEMA: &str = "
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
        CREATE TABLE deliveries (source TEXT, id TEXT, number INTEGER, key TEXT, at INTEGER,
            headers TEXT, body BLOB, PRIMARY KEY (source, id), UNIQUE (source, number));
        CREATE INDEX deliveries_by_key ON deliveries (source, key);
        CREATE TABLE events (source TEXT, position INTEGER, kind TEXT, stream TEXT,
            sequence INTEGER, payload TEXT, at INTEGER,
            PRIMARY KEY (source, position), UNIQUE (source, kind, stream, sequence));";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let connection = Connection::open(folder.path().join("plain.db")).expect("a database");
    connection.execute_batch(SCHEMA).expect("a schema");
    let started = Instant::now();
    for commit in 0..deliveries / 128 {
        connection.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        for number in commit * 128..(commit + 1) * 128 {
            insert(&connection, number).expect("a row");
        }
        connection.execute_batch("COMMIT").expect("a commit");
    }
    (deliveries / 128 * 128) as f64 / started.elapsed().as_secs_f64()
}

fn insert(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    let at = i64::try_from(number).expect("a number");
    // A multiplicative hash: ids are spread over the index, as derived ids are.
    let id = format!(
        "{:032x}",
        u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    );
    let body = body(number / 4, usize::try_from(number % 4).expect("a step"));
    let headers = r#"{"content-type":"application/json"}"#;
    let key = format!("transaction:{id}");
    connection
        .prepare_cached("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .execute(params!["imprint", id, at, key, at, headers, &body[..]])?;
    let (stream, payload) = (format!("imprint/{}", number / 4), str::from_utf8(&body[..700])?);
    connection
        .prepare_cached("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .execute(params!["imprint", at, "transaction", stream, at % 4, payload, at])?;
    Ok(())
}
