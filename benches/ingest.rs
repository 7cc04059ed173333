//! Deliveries through the writer and rebuilds of the read models, on SQLite, beside what the same
//! rows cost as plain batched inserts in the same run.
//!
//! `cargo bench --bench ingest` (`-- --events 100000` for a shorter run). Each sender sends
//! histories of four signed webhooks of the size that the lender's documents print, and waits for
//! each acknowledgement. Readers run beside it, as they do in the service.

#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark stops at a failure, and what it prints is for people"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail::{
    app::Creditrail,
    sources::{SourceConfig, imprint},
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use rusqlite::{Connection, params};

const SECRET: &str = "bench-secret";
const STATUSES: [&str; 4] = ["APPROVED", "UPDATED", "CAPTURED", "REFUNDED"];

#[tokio::main]
async fn main() {
    let events = argument("--events").unwrap_or(1_000_000);
    println!("SQLite, WAL, synchronous=FULL; bodies of {} bytes", body(0, 0).len());
    let limit = plain_inserts(100_000);
    println!("\n{:<34}{:>14}{:>12}{:>12}", "", "a second", "p50 ms", "p99 ms");
    println!("{:<34}{:>14.0}", "plain batched inserts: deliveries", limit);
    for (senders, deliveries) in [(1, 2_000), (16, 20_000), (128, events)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bench = Bench::open(&folder.path().join("bench.db")).await;
        let ingested = bench.ingest(senders, deliveries).await;
        println!(
            "{:<34}{:>14.0}{:>12.2}{:>12.2}   {:.0} % of plain inserts; read models {:.1} s behind at the end",
            format!("deliveries, {senders} senders"),
            ingested.rate,
            ingested.p50.as_secs_f64() * 1e3,
            ingested.p99.as_secs_f64() * 1e3,
            100.0 * ingested.rate / limit,
            ingested.behind.as_secs_f64(),
        );
        if senders == 128 {
            let rebuilt = bench.rebuild().await;
            println!("{:<34}{:>14.0}", "rebuild of all read models: events", rebuilt);
        }
    }
    println!("\nmost resident memory: {} MB", most_resident_memory());
}

fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map(|value| value.parse().expect("a number"))
}

struct Bench {
    creditrail: Creditrail,
    worker: tokio::task::JoinHandle<()>,
}

struct Ingested {
    rate: f64,
    p50: Duration,
    p99: Duration,
    behind: Duration,
}

impl Bench {
    async fn open(file: &std::path::Path) -> Self {
        let source: SourceConfig = serde_json::from_value(serde_json::json!({
            "name": "imprint",
            "kind": "imprint",
            "currency": "USD",
            "secrets": [{ "id": "bench", "value": SECRET }],
        }))
        .expect("a source");
        let url = format!("sqlite://{}", file.display());
        let built = Creditrail::builder().database(url).source(source).build().await;
        let (creditrail, worker) = built.expect("a service");
        Self { creditrail, worker: tokio::spawn(worker.run()) }
    }

    async fn ingest(&self, senders: u64, deliveries: u64) -> Ingested {
        let next = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..senders {
            let (creditrail, next) = (self.creditrail.clone(), Arc::clone(&next));
            tasks.push(tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let history = next.fetch_add(1, Ordering::Relaxed);
                    if history * 4 >= deliveries {
                        return took;
                    }
                    for step in 0..STATUSES.len() {
                        let sent = Instant::now();
                        send(&creditrail, body(history, step)).await;
                        took.push(sent.elapsed());
                    }
                }
            }));
        }
        let mut took = Vec::new();
        for task in tasks {
            took.extend(task.await.expect("a sender"));
        }
        let acknowledged = started.elapsed();
        let position = i64::try_from(took.len()).expect("a position");
        while self.creditrail.at_least("imprint", position).await.is_err() {}
        took.sort_unstable();
        Ingested {
            rate: took.len() as f64 / acknowledged.as_secs_f64(),
            p50: took[took.len() / 2],
            p99: took[took.len() * 99 / 100],
            behind: started.elapsed() - acknowledged,
        }
    }

    /// Events a second.
    async fn rebuild(self) -> f64 {
        self.worker.abort();
        let started = Instant::now();
        let mut events = 0;
        let rebuilt = self.creditrail.rebuild(&[], |rebuilt| events = rebuilt.head).await;
        rebuilt.expect("a rebuild");
        events as f64 / started.elapsed().as_secs_f64()
    }
}

async fn send(creditrail: &Creditrail, body: Bytes) {
    let mut headers = HeaderMap::new();
    let signature = imprint::sign(SECRET, &body, Timestamp::now());
    headers.insert(imprint::SIGNATURE_HEADER, HeaderValue::try_from(signature).expect("a header"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let receipt = creditrail.receive("imprint", &headers, body).await.expect("a receipt");
    assert_eq!(receipt.outcome, "applied");
}

/// A webhook as the lender's documents print it, of one step of a history.
fn body(history: u64, step: usize) -> Bytes {
    let status = STATUSES[step];
    let amount = if step == 0 { 5000 } else { 3451 };
    Bytes::from(format!(
        r#"{{
  "object": "TRANSACTION",
  "data": {{
    "amount": {amount},
    "authorization_code": "645432",
    "created_at": "2025-02-27T18:11:32.358Z",
    "currency": "USD",
    "customer_id": "e0549550-90e9-4acb-b7e9-{customer:012x}",
    "event_id": "e2806932-5f1b-4518-{step:04x}-{history:012x}",
    "merchant": {{
      "address": {{
        "city": "New York",
        "country": "USA",
        "postal_code": "10002",
        "state": "NY",
        "street_line1": "",
        "street_line2": ""
      }},
      "category": "Gas Station",
      "category_code": "5541",
      "network_id": "234923454545",
      "name": "Shell Gas"
    }},
    "object": "TRANSACTION",
    "payment_method_id": "7f754378-dd84-4a9a-b1ce-{customer:012x}",
    "purchase_method": "CHIP",
    "status": "{status}",
    "transaction_id": "e2806932-5f1b-4518-8b15-{history:012x}",
    "updated_at": "2025-02-2{day}T01:11:32.358Z"
  }}
}}"#,
        customer = history / 10,
        day = step + 1,
    ))
}

/// Deliveries a second, when a delivery is two rows in two tables with the log's keys and
/// indexes, 128 deliveries a commit.
fn plain_inserts(deliveries: u64) -> f64 {
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
    let id = format!("{:032x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c));
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

/// In megabytes, of the whole process and its whole run.
fn most_resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
