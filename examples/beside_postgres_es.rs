//! A partner's own commands through the stock `CqrsFramework` of `cqrs-es` and `postgres-es`, on
//! the tables of a running service: they take part in its optimistic locking, get positions in its
//! log, and appear in its read models.
//!
//! `cargo run --example beside_postgres_es -- postgres://USER@HOST/DATABASE`
//!
//! What to keep clear of in `postgres-es` is in docs/postgres.md.

use std::error::Error;

use bytes::Bytes;
use cqrs_es::{
    AggregateError, CqrsFramework, EventEnvelope, Query,
    persist::{PersistedEventStore, QueryReplay},
};
use creditrail::{
    app::Creditrail,
    domain::{
        Command, Currency, Money, Policies, Step, StepId,
        step::Origin,
        transaction::{Report, Transaction, TransactionFact},
    },
    sources::{SourceConfig, imprint},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use postgres_es::PostgresEventRepository;
use sqlx::PgPool;

const SECRET: &str = "s3cret";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of a PostgreSQL database")?;
    run(&url).await
}

/// An approval by the lender's webhook, a capture by the partner's own command, and both in the
/// service's read model.
pub async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let source: SourceConfig = toml::from_str(
        r#"
        name = "imprint"
        kind = "imprint"
        currency = "USD"
        secrets = [{ id = "2026-01", value = "s3cret" }]
        "#,
    )?;
    // One pool for both. The service's tables stand in the schema `creditrail`.
    let pool = PgPool::connect(url).await?;
    // 32 random bytes in hexadecimal, out of the host's own vault: with it secrets in payloads are
    // sealed, by every instance alike.
    let key = "0f".repeat(32).into();
    let builder = Creditrail::builder().postgres_pool(pool.clone()).sealing_key(key);
    let built = builder.source(source).build().await?;
    let (creditrail, worker) = built;
    let worker = tokio::spawn(worker.run());

    let body = Bytes::from_static(
        br#"{"object":"TRANSACTION","data":{"transaction_id":"tx-1","event_id":"tx-1-approved",
        "payment_method_id":"card-1","customer_id":"customer-1","status":"APPROVED",
        "amount":5000,"currency":"USD","updated_at":"2026-03-02T10:00:00Z"}}"#,
    );
    let told = creditrail.receive("imprint", &signed(&body)?, body.clone()).await?;
    println!("by webhook:    {} at position {:?}", told.outcome, told.position);

    let framework = framework(&pool);
    // What the lender forgot to tell, and the partner found in a settlement file.
    let at: Timestamp = "2026-03-03T09:00:00Z".parse()?;
    let capture = Command::Record(Box::new(capture("settlement-17", 3451, at)?));
    execute(&framework, "imprint/tx-1", capture).await?;

    // The trigger of the events table gave it the next position; the readers meet it there.
    creditrail.at_least("imprint", told.position.unwrap_or_default() + 1).await?;
    let document = creditrail.transaction("imprint", "tx-1").await?.ok_or("it is there")?;
    println!("now captured:  {} of {}", document["captured"], document["authorized"]);
    assert_eq!((&document["captured"], &document["authorized"]), (&3451.into(), &5000.into()));

    // The stock replay reads the log as well.
    let counter = Counter::default();
    QueryReplay::new(repository(&pool), counter.clone()).replay("imprint/tx-1").await?;
    println!("replayed:      {} events", counter.count());
    assert_eq!(counter.count(), 2);
    worker.abort();
    Ok(())
}

/// The stock framework over the tables of the service.
pub type Framework =
    CqrsFramework<Transaction, PersistedEventStore<PostgresEventRepository, Transaction>>;

/// One for each aggregate type; cheap to make.
pub fn framework(pool: &PgPool) -> Framework {
    // No queries: the service's readers are what cannot miss an event.
    let store = PersistedEventStore::new_event_store(repository(pool));
    CqrsFramework::new(store, Vec::new(), Policies::default())
}

fn repository(pool: &PgPool) -> PostgresEventRepository {
    // Snapshots are not used: the table is not there.
    let repository = PostgresEventRepository::new(pool.clone());
    repository.with_tables("creditrail.events", "creditrail.snapshots")
}

/// Executes a command, again as often as the service or another instance was faster.
pub async fn execute(
    framework: &Framework,
    aggregate_id: &str,
    command: Command<TransactionFact>,
) -> Result<(), Box<dyn Error>> {
    loop {
        match framework.execute(aggregate_id, command.clone()).await {
            Err(AggregateError::AggregateConflict) => {}
            done => return Ok(done?),
        }
    }
}

/// A capture that the partner reports. The same key again is the same step.
pub fn capture(
    key: &str,
    minor: i64,
    at: Timestamp,
) -> Result<Step<TransactionFact>, Box<dyn Error>> {
    Ok(Step {
        id: StepId::derive("imprint", &format!("partner:{key}"), key),
        key: key.to_owned(),
        content: key.to_owned(),
        occurred_at: at,
        clock_fault: None,
        received_at: at,
        origin: Origin::Partner,
        outside_window: false,
        pan_masked: false,
        key_taken_by: None,
        told_by: None,
        fact: TransactionFact {
            report: Report::Captured(Money {
                minor,
                currency: Currency::from_code("USD").ok_or("a currency")?,
            }),
            customer_id: "customer-1".to_owned(),
            partner_customer_id: None,
            payment_method_id: "card-1".to_owned(),
            intent_id: None,
            authorization_code: None,
            network_transaction_id: None,
            purchase_method: None,
            merchant: None,
        },
    })
}

/// Counts the events that it is shown.
#[derive(Clone, Default)]
struct Counter(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Counter {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Query<Transaction> for Counter {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Transaction>]) {
        self.0.fetch_add(events.len(), std::sync::atomic::Ordering::SeqCst);
    }
}

/// What the lender would send along.
fn signed(body: &[u8]) -> Result<HeaderMap, Box<dyn Error>> {
    let signature = imprint::sign(SECRET, body, Timestamp::now());
    let header = HeaderName::from_static(imprint::SIGNATURE_HEADER);
    Ok(HeaderMap::from_iter([(header, HeaderValue::try_from(signature)?)]))
}
