//! The service on a database, and how that is filled: by the ordinary way in, at full speed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail::{
    app::{Creditrail, Worker, command::Resolve, lists::List},
    sources::{self, Kind, SourceConfig},
    store::Page,
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use crate::{
    load::Instance,
    stock::{self, Delivery, Stock},
};

/// The sources, each with its kind.
pub const SOURCES: [(&str, Kind, &str); 3] = [
    (stock::IMPRINT, Kind::Imprint, "imprint"),
    (stock::ONBOARDING, Kind::CardOnboarding, "card-onboarding"),
    (stock::LOANS, Kind::ChargeAfter, "charge-after"),
];
const SECRET: &str = "bench-secret";
/// How many send at once.
const SENDERS: u64 = 512;
/// How many exceptions are resolved by a person.
const RESOLVED: usize = 200;
/// How many calls are turned away.
const REJECTED: u64 = 500;

pub async fn open(url: &str) -> Instance {
    let (creditrail, worker) = build(url).await;
    Instance::of(creditrail, worker)
}

/// A service whose worker does not run yet.
pub async fn build(url: &str) -> (Creditrail, Worker) {
    let mut builder = Creditrail::builder().database(url).sealing_key("a".repeat(64).into());
    for (name, _, kind) in SOURCES {
        let source: SourceConfig = serde_json::from_value(serde_json::json!({
            "name": name,
            "kind": kind,
            "currency": "USD",
            "secrets": [{ "id": "bench", "value": SECRET }],
        }))
        .expect("a source");
        builder = builder.source(source);
    }
    builder.build().await.expect("a service")
}

/// How many deliveries a source has.
pub async fn kept(creditrail: &Creditrail, source: &str) -> u64 {
    let status = creditrail.source_status(source).await.expect("a status");
    status["kept"].as_u64().expect("a count")
}

/// The headers of a call, signed now.
pub fn headers(source: &str, secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let kind = SOURCES.iter().find(|(name, ..)| *name == source).expect("a source").1;
    sources::sign(kind, secret, body, Timestamp::now())
}

/// Fills an empty database, tells how it goes, and waits until the read models have it all.
pub async fn fill(instance: &Instance, stock: &Arc<Stock>) {
    let (next, sent) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let (creditrail, stock) = (instance.creditrail.clone(), Arc::clone(stock));
        let (next, sent) = (Arc::clone(&next), Arc::clone(&sent));
        senders.push(tokio::spawn(async move {
            loop {
                let history = next.fetch_add(1, Ordering::Relaxed);
                if history >= stock.histories() {
                    return;
                }
                for delivery in stock.history(history) {
                    send(&creditrail, delivery).await;
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                if history % (stock.histories() / 20).max(1) == 0 {
                    let (sent, took) = (sent.load(Ordering::Relaxed), started.elapsed());
                    let rate = sent as f64 / took.as_secs_f64();
                    println!("  {history} histories, {sent} deliveries, {rate:.0} a second");
                }
            }
        }));
    }
    for sender in senders {
        sender.await.expect("a sender");
    }
    instance.caught_up_in(&SOURCES.map(|(name, ..)| name)).await;
    decide(&instance.creditrail).await;
    turn_away(&instance.creditrail).await;
    instance.caught_up_in(&SOURCES.map(|(name, ..)| name)).await;
    println!("  filled in {:.0} s", started.elapsed().as_secs_f64());
}

pub async fn send(creditrail: &Creditrail, (source, body): Delivery) {
    let mut map = HeaderMap::new();
    for (name, value) in headers(source, SECRET, &body) {
        map.insert(name, HeaderValue::try_from(value).expect("a header"));
    }
    map.insert("content-type", HeaderValue::from_static("application/json"));
    creditrail.receive(source, &map, Bytes::from(body)).await.expect("a receipt");
}

/// A person resolves some exceptions.
async fn decide(creditrail: &Creditrail) {
    let page = Page {
        sources: vec![stock::IMPRINT.to_owned()],
        filters: vec![("status", "open".to_owned())],
        limit: RESOLVED,
        ..Page::default()
    };
    let open = creditrail.list(List::Exceptions, page).await.expect("a list");
    for exception in open.items {
        let resolve = Resolve {
            action: "discard".to_owned(),
            convert_to: None,
            reason: "measured".to_owned(),
            actor: Some("ada".to_owned()),
            as_of: None,
        };
        let id = exception["id"].as_str().expect("an id");
        // What stands open for another reason than a refusal is not discarded.
        let _ = creditrail.resolve(id, resolve).await;
    }
}

/// Calls with a wrong signature.
async fn turn_away(creditrail: &Creditrail) {
    for call in 0..REJECTED {
        let body = format!(r#"{{"object":"TRANSACTION","data":{{"call":{call}}}}}"#);
        let mut map = HeaderMap::new();
        for (name, value) in headers(stock::IMPRINT, "a guess", body.as_bytes()) {
            map.insert(name, HeaderValue::try_from(value).expect("a header"));
        }
        let _ = creditrail.receive(stock::IMPRINT, &map, Bytes::from(body)).await;
    }
    // The ring is written beside; nothing waits for it.
    tokio::time::sleep(Duration::from_millis(200)).await;
}
