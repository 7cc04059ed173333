//! The same deliveries in the same order end in the same rows on every database, and so they do
//! when the read models are built anew. How they fall into batches is each database's own affair.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail::{
    app::{Creditrail, Worker, read::OUTCOMES},
    sources::imprint,
};
use creditrail_projections::{READERS, Table};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::fresh::{Cells, Database, NOW, SOURCE, time};
use crate::support::{Card, Dice, SECRET, T0, T1, T2, T3, T4, T5, T6, Tx, Webhook, decision, link};

const DELIVERIES: usize = 10_000;
/// How many are on their way at once.
const AT_ONCE: usize = 64;
const SEED: u64 = 7;
/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[rustfmt::skip] // They are lists.
const OF_THE_LOG: [(&str, &[&str], &str); 3] = [
    ("events", &[
        "position", "aggregate_type", "aggregate_id", "sequence", "event_type", "event_version",
        "payload", "metadata", "occurred_at", "recorded_at",
    ], "position"),
    ("deliveries", &[
        "delivery_id", "number", "dedup_key", "received_at", "secret_id", "headers",
        "length(body)", "outcome", "first_position", "position", "aggregate_type", "stream",
        "repeats", "last_received_at",
    ], "number"),
    ("heads", &["position", "deliveries", "received", "recorded_at"], "source"),
];

/// Tables by name.
type Tables = BTreeMap<&'static str, Rows>;

/// The rows of a table, in the order of their keys.
struct Rows {
    rows: Vec<Cells>,
    checksum: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_deliveries_end_in_the_same_rows_on_every_database() {
    let (file, postgres) = (Database::in_a_file(), Database::in_postgres().await);
    let bodies = bodies();
    assert_eq!(bodies.len(), DELIVERIES);
    let (expected, other) = tokio::join!(received(&file, &bodies), received(&postgres, &bodies));
    assert_eq!(expected["tallies"].rows.len(), OUTCOMES.len(), "each outcome occurs");
    assert_equal(&expected, &expected, "as SQLite received them");
    assert_equal(&expected, &other, "as PostgreSQL received them");
    for database in [&file, &postgres] {
        spoil(database).await;
    }
    let (one, other) = tokio::join!(rebuilt(&file), rebuilt(&postgres));
    assert_equal(&expected, &one, "as SQLite has built them anew");
    assert_equal(&expected, &other, "as PostgreSQL has built them anew");
}

/// What the deliveries end in.
async fn received(database: &Database, bodies: &[Bytes]) -> Tables {
    let (creditrail, worker) = service(database).await;
    let worker = tokio::spawn(worker.run());
    let mut last = 0;
    for bodies in bodies.chunks(AT_ONCE) {
        let calls = bodies.iter().map(|body| receive(&creditrail, body)).collect();
        last = in_turn(calls).await.into_iter().fold(last, i64::max);
    }
    let since = Instant::now();
    while let Err(behind) = creditrail.at_least(SOURCE, last).await {
        assert!(since.elapsed() < PATIENCE, "{behind}");
    }
    worker.abort();
    worker.await.unwrap_err();
    let mut tables = read_models(database).await;
    tables.extend(log(database).await);
    tables
}

/// Leaves no row of a read model where it was.
async fn spoil(database: &Database) {
    for table in read_model_tables() {
        database.run(&format!("UPDATE @{} SET key = '-' || key", table.name)).await.unwrap();
    }
}

/// The read models once all of them were thrown away.
async fn rebuilt(database: &Database) -> Tables {
    let (creditrail, _worker) = service(database).await;
    creditrail.rebuild(&[], |_| {}).await.unwrap();
    read_models(database).await
}

async fn service(database: &Database) -> (Creditrail, Worker) {
    let source = json!({
        "name": SOURCE,
        "kind": "imprint",
        "currency": "USD",
        "secrets": [{ "id": "first", "value": SECRET }],
    });
    let builder = Creditrail::builder().database(database.url()).clock(|| time(NOW));
    builder.source(serde_json::from_value(source).unwrap()).build().await.unwrap()
}

/// The position of the last event that a delivery caused.
async fn receive(creditrail: &Creditrail, body: &Bytes) -> i64 {
    let signature = imprint::sign(SECRET, body, time(NOW));
    let mut headers = HeaderMap::new();
    headers.insert(imprint::SIGNATURE_HEADER, HeaderValue::try_from(signature).unwrap());
    let receipt = creditrail.receive(SOURCE, &headers, body.clone()).await.unwrap();
    receipt.position.unwrap()
}

/// Runs calls side by side. Each is begun in its turn, and a delivery gets its place in the log
/// when it is begun.
async fn in_turn<T>(calls: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<Pin<Box<_>>> = calls.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (call, done) in calls.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                *done = Some(result);
            }
        }
        if done.iter().all(Option::is_some) {
            return Poll::Ready(done.drain(..).flatten().collect());
        }
        Poll::Pending
    })
    .await
}

/// Histories of four steps, and here and there something odd. Every other stretch comes in
/// disorder.
fn bodies() -> Vec<Bytes> {
    let histories = (0..).flat_map(|nth| history(nth).into_iter().chain(odd(nth)));
    let mut bodies: Vec<Bytes> = histories.take(DELIVERIES).map(Bytes::from).collect();
    let mut dice = Dice::seeded(SEED);
    for stretch in bodies.chunks_mut(400).step_by(2) {
        let shuffled = dice.shuffled(stretch);
        stretch.clone_from_slice(&shuffled);
    }
    bodies
}

fn history(nth: usize) -> Vec<String> {
    let (id, amount) = (format!("t{nth}"), i64::try_from(nth).unwrap());
    let tx = Tx::new(&id);
    let last = if nth.is_multiple_of(7) { tx.voided(amount) } else { tx.refunded(amount) };
    let steps = [
        tx.approved(5000 + amount).at(T1),
        tx.updated(8000).at(T3),
        tx.captured(3451 + amount).at(T4),
        last.at(T5),
    ];
    of_customer(nth, steps)
}

/// What comes after the history of this number, if anything.
fn odd(nth: usize) -> Vec<String> {
    let (id, other) = (format!("t{nth}"), format!("t{}", nth.saturating_sub(7)));
    let (tx, card) = (Tx::new(&id), Card::virtual_card(&id));
    let [partner, stranger] = [format!("P'{}", nth / 40), format!("stranger-{nth}")];
    let capture = tx.captured(1).at(T4);
    match nth % 20 {
        0 => vec![format!("no json {nth}"), "no json".to_owned()],
        1 => vec![json!({"object": "REWARD", "data": {"id": nth}}).to_string()],
        // Older than what the lender said before: stale.
        2 => of_customer(nth, [tx.updated(6000).at(T2)]),
        // A repetition, and other content under the same key.
        3 => of_customer(nth, [capture.clone(), capture.clone(), capture.at(T5)]),
        5 => of_customer(nth, [tx.approved(7000).event(&format!("{id}-again")).at(T2)]),
        // The key of a step of another transaction.
        7 => of_customer(nth, [capture.event(&other)]),
        // Never approved.
        9 => of_customer(nth, [Tx::new(&format!("lost-{nth}")).voided(5).at(T3)]),
        11 => of_customer(
            nth,
            [
                card.is("ACTIVE").at(T1),
                card.moves("ACTIVE", "INACTIVE").partner(&partner).at(T2),
                card.moves("INACTIVE", "ACTIVE").at(T3),
            ],
        ),
        // Two customers with one id of the partner.
        13 => [link(&format!("c{}", nth / 5), &partner), link(&stranger, &partner)]
            .map(|link| link.body())
            .into(),
        15 => of_customer(
            nth,
            [
                decision("ACCEPTED").partner(&partner),
                decision("REJECTED").partner(&partner).created_at(T0),
            ],
        ),
        17 => of_customer(nth, [capture.with("amount", json!("1,00"))]),
        19 => of_customer(nth, [tx.captured(i64::MAX).event(&format!("{id}-all")).at(T6)]),
        _ => Vec::new(),
    }
}

/// Five histories in a row are those of one customer.
fn of_customer<const N: usize>(nth: usize, webhooks: [Webhook; N]) -> Vec<String> {
    webhooks.map(|webhook| webhook.customer(&format!("c{}", nth / 5)).body()).into()
}

async fn log(database: &Database) -> Tables {
    let mut tables = Tables::new();
    for (table, columns, order) in OF_THE_LOG {
        tables.insert(table, rows(database, (table, columns), order).await);
    }
    tables
}

fn read_model_tables() -> impl Iterator<Item = &'static Table> {
    READERS.iter().flat_map(|reader| reader.models).map(|model| model.table)
}

async fn read_models(database: &Database) -> Tables {
    let mut tables = Tables::new();
    for table in read_model_tables() {
        let columns = [&["key"], table.columns].concat();
        tables.insert(table.name, rows(database, (table.name, &columns), "key").await);
    }
    tables
}

async fn rows(database: &Database, (table, columns): (&str, &[&str]), order: &str) -> Rows {
    let columns = [&["source"], columns].concat();
    let rows = database.rows(&columns, &format!("@{table} ORDER BY source, {order}")).await;
    assert!(!rows.is_empty(), "{table} is empty");
    let mut sum = Sha256::new();
    for row in &rows {
        sum.update(json!(row).to_string());
    }
    Rows { rows, checksum: hex::encode(sum.finalize()) }
}

/// Prints the checksums, and fails at the first row that differs.
fn assert_equal(expected: &Tables, tables: &Tables, when: &str) {
    println!("{when}:");
    for (table, Rows { rows, checksum }) in tables {
        println!("{table:<16} {:>6} rows  {checksum}", rows.len());
        let expected = &expected[table];
        let mut pairs = expected.rows.iter().zip(rows);
        let differing = pairs.find(|(expected, row)| expected != row);
        assert_eq!(differing, None, "{when}: a row of {table}");
        assert_eq!((&expected.checksum, expected.rows.len()), (checksum, rows.len()), "{when}");
    }
}
