//! The same deliveries, commands and time in the same order end in the same rows on every database,
//! and so they do when the read models are built anew. How they fall into batches is each database's
//! own affair.
//!
//! Reading order: here what is done and compared, `said` (what the three lenders say), `partner`
//! (what the partner and an operator ask for), `tables` (rows and their checksums).

mod partner;
mod said;
mod tables;

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail::app::{
    Creditrail, Worker,
    read::OUTCOMES,
    receive::ReceiveError,
    redecide::{Asked, Told},
};
use http::HeaderMap;
use serde_json::json;

use self::{
    said::Call,
    tables::{Tables, answers, assert_equal},
};
use super::fresh::{Database, NOW, time};
use crate::support::Kind;

const IMPRINT: &str = "imprint";
const ONBOARDING: &str = "onboarding";
const LOANS: &str = "loans";

/// How many calls are on their way at once.
const AT_ONCE: usize = 64;
/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many hours after all was received the clock is looked at: after each, other deadlines have
/// passed. In the end some are still to come.
const LATER: [i64; 5] = [2, 4 * 24, 8 * 24, 11 * 24, 31 * 24];

/// The clock of a service, in microseconds.
type Clock = Arc<AtomicI64>;

/// What a database holds.
struct Held {
    /// When all is received and no time has passed.
    received: Tables,
    /// When time has passed.
    later: Tables,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_deliveries_end_in_the_same_rows_on_every_database() {
    let (file, postgres) = (Database::in_a_file(), Database::in_postgres().await);
    let said =
        [(IMPRINT, said::imprint()), (ONBOARDING, said::onboarding()), (LOANS, said::loans())];
    let (expected, other) = tokio::join!(held(&file, &said), held(&postgres, &said));
    let Held { received, later } = &expected;
    assert_equal(received, received, "as SQLite received them");
    assert_equal(received, &other.received, "as PostgreSQL received them");
    assert_equal(later, later, "when time has passed on SQLite");
    assert_equal(later, &other.later, "when time has passed on PostgreSQL");
    tables::assert_all_occur(&file, later).await;
    // In the end nothing may be parked any more.
    let tallies = [received, later].into_iter().flat_map(|tables| &tables["tallies"].rows);
    let outcomes = tallies.map(|row| row[1].as_deref().unwrap());
    assert_eq!(outcomes.collect::<BTreeSet<_>>(), BTreeSet::from(OUTCOMES), "each occurs");
    for database in [&file, &postgres] {
        tables::spoil(database).await;
    }
    let (one, other) = tokio::join!(rebuilt(&file), rebuilt(&postgres));
    assert_equal(later, &one, "as SQLite has built them anew");
    assert_equal(later, &other, "as PostgreSQL has built them anew");
    for database in [&file, &postgres] {
        decided_again(database).await;
    }
}

/// Today's code decides every delivery as it is recorded, and the rows are those of its events.
async fn decided_again(database: &Database) {
    let (creditrail, _worker) = service(database, &Clock::new(AtomicI64::new(NOW))).await;
    let mut found = Vec::new();
    let mut told = |told: Told<'_>| match told {
        Told::At { .. } | Told::Begun(_) => {}
        difference => found.push(format!("{difference:?}")),
    };
    let replayed = creditrail.decide_again(Asked::default(), &mut told).await.unwrap();
    assert!(found.is_empty(), "{}: {:#?}", found.len(), &found[..found.len().min(5)]);
    assert_eq!(replayed.len(), 4, "three sources and the log of accesses");
    assert!(replayed.iter().all(|replayed| replayed.rows_at == replayed.head), "{replayed:#?}");
}

/// What all that is said ends in.
async fn held(database: &Database, said: &[(&str, Vec<Call>); 3]) -> Held {
    let clock = Clock::new(AtomicI64::new(NOW));
    let (creditrail, worker) = service(database, &clock).await;
    let worker = tokio::spawn(worker.run());
    let [one, two, three] = said.each_ref().map(|(source, calls)| told(&creditrail, source, calls));
    let (one, two, three) = tokio::join!(one, two, three);
    let mut answered = [one, two, three].concat();
    answered.extend(partner::looks_after_it(&creditrail).await);
    settled(&creditrail).await;
    until("the calls that were turned away are kept", || async {
        database.rows(&["source"], "@rejected_calls").await.len() == said.len()
    })
    .await;
    let mut received = tables::all(database).await;
    received.insert("answers", answers(answered));
    for hours in LATER {
        let now = NOW + hours * 3_600_000_000;
        clock.store(now, Ordering::Relaxed);
        let due = format!("@deadlines WHERE due_at <= {now} LIMIT 1");
        until("all deadlines are told", || async {
            database.rows(&["key"], &due).await.is_empty()
        })
        .await;
    }
    settled(&creditrail).await;
    worker.abort();
    worker.await.unwrap_err();
    Held { received, later: tables::all(database).await }
}

/// The read models once all of them were thrown away.
async fn rebuilt(database: &Database) -> Tables {
    let (creditrail, _worker) = service(database, &Clock::new(AtomicI64::new(NOW))).await;
    creditrail.rebuild(&[], None, |_| {}).await.unwrap();
    tables::read_models(database).await
}

async fn service(database: &Database, clock: &Clock) -> (Creditrail, Worker) {
    let clock = Arc::clone(clock);
    let mut builder = Creditrail::builder()
        .database(database.url())
        .clock(move || time(clock.load(Ordering::Relaxed)))
        .sealing_key("a".repeat(64).into());
    for source in [IMPRINT, ONBOARDING, LOANS] {
        let config = json!({
            "name": source,
            "kind": kind(source).name(),
            "currency": "USD",
            "secrets": [{ "id": "first", "value": kind(source).secret() }],
            "outside_window": "record",
            // There are deadlines left in the end.
            "policies": { "application_stale_after": if source == LOANS { "720h" } else { "1440h" } },
        });
        builder = builder.source(serde_json::from_value(config).unwrap());
    }
    builder.build().await.unwrap()
}

fn kind(source: &str) -> Kind {
    match source {
        IMPRINT => Kind::Imprint,
        ONBOARDING => Kind::CardOnboarding,
        _ => Kind::ChargeAfter,
    }
}

/// A lender says all this, and the partner something now and then: what each of them was answered.
async fn told(creditrail: &Creditrail, source: &str, calls: &[Call]) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for (nth, calls) in calls.chunks(AT_ONCE).enumerate() {
        answers.extend(
            in_turn(calls.iter().map(|call| receive(creditrail, source, call)).collect()).await,
        );
        answers.extend(partner::comes_in(creditrail, source, nth).await);
    }
    let forged = creditrail.receive(source, &HeaderMap::new(), Bytes::from_static(b"{}")).await;
    assert!(matches!(forged, Err(ReceiveError::Unauthenticated)), "{source}: {forged:?}");
    answers.into_iter().map(|answer| (source.to_owned(), answer)).collect()
}

async fn receive(creditrail: &Creditrail, source: &str, (headers, body): &Call) -> String {
    let receipt = creditrail.receive(source, headers, body.clone()).await.unwrap();
    format!("{receipt:?}")
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

/// Waits until every reader has passed all that is recorded.
async fn settled(creditrail: &Creditrail) {
    for source in [IMPRINT, ONBOARDING, LOANS] {
        until("the read models have passed the log", || async {
            let status = creditrail.source_status(source).await.unwrap();
            creditrail.at_least(source, status["position"].as_i64().unwrap()).await.is_ok()
        })
        .await;
    }
}

async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
