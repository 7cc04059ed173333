//! Deliveries that come in at a rate, over a thousand aggregates at a time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use creditrail::sources::imprint;
use jiff::Timestamp;

use crate::{
    client::Connection,
    load::{Acknowledged, SECRET, STATUSES, body},
};

/// How many aggregates take turns.
const LANES: u64 = 1_000;
/// How many connections there are: enough that one is free whenever a delivery is due.
const CONNECTIONS: usize = 64;

/// Sends so many a second for so many seconds, and tells how they were acknowledged.
pub async fn deliver(address: SocketAddr, rate: u64, seconds: u64) -> Acknowledged {
    let (started, ticket) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let senders = (0..CONNECTIONS).map(|_| {
        let ticket = Arc::clone(&ticket);
        tokio::spawn(async move {
            let mut connection = Connection::to(address).await;
            let mut took = Vec::new();
            loop {
                let place = ticket.fetch_add(1, Ordering::Relaxed);
                let due = started + Duration::from_micros(place * 1_000_000 / rate);
                if due.duration_since(started).as_secs() >= seconds {
                    return took;
                }
                tokio::time::sleep_until(due.into()).await;
                let body = delivery(place);
                let signature = imprint::sign(SECRET, &body, Timestamp::now());
                let headers = [(imprint::SIGNATURE_HEADER, signature)];
                let status = connection.post("/webhooks/imprint", &headers, &body).await;
                assert_eq!(status, 200, "an acknowledgement");
                // From when it was due: what had to wait for a connection waited too.
                took.push(due.elapsed());
            }
        })
    });
    let mut each = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        each.extend(sender.await.expect("a sender"));
    }
    Acknowledged::of(each, started.elapsed())
}

/// A thousand histories take turns step by step; then come the next thousand.
fn delivery(place: u64) -> bytes::Bytes {
    let steps = STATUSES.len() as u64;
    let (group, within) = (place / (LANES * steps), place % (LANES * steps));
    let step = usize::try_from(within / LANES).expect("a step");
    body(group * LANES + within % LANES, step)
}
