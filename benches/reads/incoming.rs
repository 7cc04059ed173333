//! Deliveries that come in while it is read: so many a second, whether or not the ones before are
//! answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{
    client::Connection,
    fill,
    load::Acknowledged,
    stock::{Delivery, Stock},
};

/// How many connections there are: enough that one is free whenever a delivery is due.
const CONNECTIONS: u64 = 64;
const SECRET: &str = "bench-secret";

/// Deliveries that come in until they are stopped.
pub struct Incoming {
    senders: Vec<JoinHandle<Vec<Duration>>>,
    ends: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    started: Instant,
}

impl Incoming {
    /// So many a second, of transactions from a number on.
    pub fn begin(address: SocketAddr, stock: &Arc<Stock>, (rate, from): (u64, u64)) -> Self {
        let (ends, started) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let (ticket, next) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(from)));
        let refused = Arc::<AtomicU64>::default();
        let sender = |_| {
            let (stock, ends) = (Arc::clone(stock), Arc::clone(&ends));
            let (ticket, next) = (Arc::clone(&ticket), Arc::clone(&next));
            let refused = Arc::clone(&refused);
            tokio::spawn(async move {
                let mut connection = Connection::to(address).await;
                let mut took = Vec::new();
                loop {
                    for delivery in stock.transaction(next.fetch_add(1, Ordering::Relaxed)) {
                        let place = ticket.fetch_add(1, Ordering::Relaxed);
                        let due = started + Duration::from_micros(place * 1_000_000 / rate);
                        tokio::time::sleep_until(due.into()).await;
                        if ends.load(Ordering::Relaxed) {
                            return took;
                        }
                        if send(&mut connection, &delivery).await {
                            // From when it was due: what had to wait for a connection waited too.
                            took.push(due.elapsed());
                        } else {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        };
        let senders = (0..CONNECTIONS).map(sender).collect();
        Self { senders, ends, refused, started }
    }

    /// How fast they were acknowledged, and how many were not.
    pub async fn end(self) -> (Acknowledged, u64) {
        self.ends.store(true, Ordering::Relaxed);
        let took = self.started.elapsed();
        let mut each = Vec::new();
        for sender in self.senders {
            each.extend(sender.await.expect("a sender"));
        }
        (Acknowledged::of(each, took), self.refused.load(Ordering::Relaxed))
    }
}

/// Whether it was acknowledged.
async fn send(connection: &mut Connection, (source, body): &Delivery) -> bool {
    let headers = fill::headers(source, SECRET, body);
    connection.post(&format!("/webhooks/{source}"), &headers, body).await == 200
}
