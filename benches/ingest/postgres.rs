//! On PostgreSQL: (a) what a user would pick instead, (b) the service in process, (c) the service
//! over HTTP, (d) the limit.

use std::{sync::Arc, time::Instant};

use creditrail::{
    app::judge::Aggregates,
    projections::READERS,
    store::{Store, postgres::PostgresStore},
};

use super::{
    acknowledged, heading, line,
    load::{Acknowledged, Histories, Instance, build, in_process, over_http},
    plain, rebuild,
    server::Server,
};

/// What a small server of its own would be given; the defaults are for a machine of 1 GB.
const SETTINGS: &[&str] = &[
    "shared_buffers = 1GB",
    "max_wal_size = 8GB",
    "checkpoint_timeout = 15min",
    "wal_compression = lz4",
];

/// How many events a replay reads at once.
const REPLAY_PORTION: i64 = 4000;

/// `parts` are letters of what is to be measured; without (a) and (d) there is nothing to compare.
pub async fn run(parts: &str, deliveries: u64, stored: Option<u64>) {
    let server = Server::start_with(SETTINGS);
    heading(&format!("PostgreSQL, durable; {}", SETTINGS.join(", ")));
    let commit = plain::single_row_commits(&server.database().await, 2000).await;
    println!("one durable single-row commit: {:.2} ms", commit.as_secs_f64() * 1e3);
    let (mut peer, mut limit) = (f64::NAN, f64::NAN);
    if parts.contains('a') {
        peer = plain::commands(&server.database().await, 8, 20_000).await;
        line("(a) plain cqrs-es, postgres-es, one view", peer, "8 tasks");
    }
    if parts.contains('d') {
        limit = plain::copy(&server.database().await, 200_000).await;
        line("(d) the same rows by COPY, 500 a commit", limit, "the limit");
    }
    let against = Against { peer, limit, commit: commit.as_secs_f64() };
    if parts.contains('b') {
        in_one_process(&server, &against, (deliveries, stored)).await;
    }
    if parts.contains('c') {
        with_http(&server, &against, deliveries).await;
    }
}

/// What is compared with.
struct Against {
    peer: f64,
    limit: f64,
    commit: f64,
}

impl Against {
    fn full(&self, what: &str, found: &Acknowledged) {
        let (times, share) = (found.rate / self.peer, 100.0 * found.rate / self.limit);
        acknowledged(what, found, &format!("{times:.1} times (a), {share:.0} % of (d)"));
    }

    fn idle(&self, what: &str, found: &Acknowledged) {
        let times = found.p50.as_secs_f64() / self.commit;
        acknowledged(what, found, &format!("{times:.1} commits"));
    }
}

async fn in_one_process(
    server: &Server,
    against: &Against,
    (deliveries, stored): (u64, Option<u64>),
) {
    let url = server.database().await;
    drop(build(&url).await);
    hold_readers(&url).await;
    let instance = Instance::on(&url).await;
    let histories = Histories::default();
    let alone = in_process(&instance, &histories, (1024, deliveries)).await;
    against.full("(b) in process, 1024 senders, no readers", &alone);
    if let Some(stored) = stored {
        in_process(&instance, &histories, (512, stored)).await;
        let full = in_process(&instance, &histories, (1024, deliveries)).await;
        against.full(&format!("    with {stored} stored"), &full);
    }
    drop(instance);

    let url = server.database().await;
    let (histories, instance) = (Histories::default(), Instance::on(&url).await);
    let idle = in_process(&instance, &histories, (1, 2000)).await;
    against.idle("(b) in process, idle: 1 sender", &idle);
    let full = in_process(&instance, &histories, (1024, deliveries)).await;
    against.full("(b) in process, 1024 senders", &full);
    caught_up("    with its read models", &instance, (&full, deliveries)).await;
    line("rebuild of all read models, events", rebuild(instance).await, "");
    line("replay through the aggregates, events", replay(&url).await, "nothing is written");
}

/// Events a second, folded into their aggregates by two tasks, of one half of the log each.
async fn replay(url: &str) -> f64 {
    let store = PostgresStore::connect(url, 2, false).await.expect("a store");
    let store: Arc<dyn Store> = Arc::new(store);
    let head = store.head("imprint").await.expect("a head").position;
    let started = Instant::now();
    let halves = [(0, head / 2), (head / 2, head)].map(|(mut from, to)| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut aggregates = Aggregates::default();
            while from < to {
                let most = REPLAY_PORTION.min(to - from);
                let events = store.events_after("imprint", from, most).await.expect("events");
                from += most;
                aggregates.take(events);
            }
            aggregates.count()
        })
    });
    for half in halves {
        assert!(half.await.expect("a half") > 0);
    }
    head as f64 / started.elapsed().as_secs_f64()
}

async fn with_http(server: &Server, against: &Against, deliveries: u64) {
    let (histories, instance) =
        (Histories::default(), Instance::on(&server.database().await).await);
    let address = [instance.serve().await];
    let idle = over_http(&address, &histories, (1, 2000)).await;
    against.idle("(c) over HTTP, idle: 1 connection", &idle);
    let full = over_http(&address, &histories, (128, deliveries)).await;
    against.full("(c) over HTTP, 128 connections", &full);
    caught_up("    with its read models", &instance, (&full, deliveries)).await;
    drop(instance);

    let url = server.database().await;
    let (one, other) = (Instance::on(&url).await, Instance::on(&url).await);
    let addresses = [one.serve().await, other.serve().await];
    let full = over_http(&addresses, &Histories::default(), (128, deliveries)).await;
    against.full("(c) the same over two instances", &full);
}

/// As if another instance ran the readers, and did nothing.
async fn hold_readers(url: &str) {
    for reader in READERS {
        let hold = format!(
            "INSERT INTO creditrail.bookmarks (source, reader, position, holder, held_until)
             VALUES ('imprint', '{}', 0, 'bench', {})",
            reader.name,
            i64::MAX / 2
        );
        super::server::run(url, &hold).await;
    }
}

/// The rate at which deliveries were taken and folded.
async fn caught_up(what: &str, instance: &Instance, (full, deliveries): (&Acknowledged, u64)) {
    let since = Instant::now();
    instance.caught_up().await;
    let took = full.took + since.elapsed();
    line(what, deliveries as f64 / took.as_secs_f64(), "folded as well");
}
