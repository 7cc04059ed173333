//! Notifications to endpoints on loopback: how fast, how soon, what a bad endpoint costs the others, how
//! much memory what is undelivered takes, and whether all of it comes in order.
//!
//! `cargo bench --bench sending` (`-- --only together,backlog,beside,undelivered` for some parts;
//! `-- --postgres` for a throw-away PostgreSQL server; `-- --rate 5000` deliveries a second for `-- --seconds
//! 30`; `-- --deliveries 100000` of the backlog; `-- --events 10000000` undelivered). `-- --flapping 60`
//! does another thing: for so many seconds the endpoint, a process of its own, is killed again and again
//! while deliveries come in; then the account of what came is printed.
//!
//! Senders, service and endpoints share the cores.

#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark stops at a failure, and what it prints is for people"
)]

mod flapping;
mod incoming;
mod limit;
mod receiver;

#[path = "../reads/client.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod client;
#[path = "../ingest/load.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod load;
#[path = "../audit/many.rs"]
mod many;
#[path = "../../tests/suite/support/postgres.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod server;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use self::{
    load::{Histories, Instance, in_process},
    receiver::{Manner, Receiver},
    server::Server,
};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The aims: notifications a second while as many deliveries come in; the share of an endpoint's rate
/// that a bad one beside it may cost.
const TOLD: f64 = 5_000.0;
const COST: f64 = 10.0;
/// Calls in flight of an endpoint.
const IN_FLIGHT: usize = 128;
/// How many send at once while a backlog is filled: so many lanes take turns in it.
const LANES: u64 = 1_024;
/// How often to look.
const LOOK: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() {
    let number = |name: &str, default: u64| {
        argument(name).map_or(default, |value| value.parse().expect("a number"))
    };
    if let Some(port) = argument("--receive") {
        return flapping::receive(port.parse().expect("a port")).await;
    }
    let databases = Databases::new(std::env::args().any(|argument| argument == "--postgres"));
    let rate = number("--rate", 5_000);
    if let Some(seconds) = argument("--flapping") {
        let seconds = seconds.parse().expect("a number of seconds");
        return flapping::run(&databases.fresh().await, rate, seconds).await;
    }
    let only = argument("--only").unwrap_or_else(|| "together,backlog,beside,undelivered".into());
    let is_wanted = |part: &str| only.split(',').any(|wanted| wanted == part);
    println!("{IN_FLIGHT} calls in flight at the most");
    if is_wanted("together") {
        let load = (rate, number("--seconds", 30));
        together(&databases.fresh().await, load, &[]).await;
        let bad = [Manner::Hangs, Manner::Says(500), Manner::Says(422)];
        together(&databases.fresh().await, load, &bad).await;
    }
    if is_wanted("backlog") || is_wanted("beside") {
        let url = databases.fresh().await;
        let deliveries = number("--deliveries", 100_000);
        let instance = Instance::on(&url).await;
        in_process(&instance, &Histories::default(), (LANES, deliveries)).await;
        instance.caught_up().await;
        drop(instance);
        if is_wanted("backlog") {
            backlog(&url, deliveries).await;
        }
        if is_wanted("beside") {
            beside(&url, deliveries).await;
        }
    }
    if is_wanted("undelivered") {
        undelivered(number("--events", 10_000_000)).await;
    }
    println!("\nmost resident memory: {} MB", memory("VmHWM:"));
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// Where databases come from.
pub struct Databases {
    folder: tempfile::TempDir,
    server: Option<Server>,
}

impl Databases {
    fn new(is_postgres: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, server: is_postgres.then(Server::start) }
    }

    async fn fresh(&self) -> String {
        if let Some(server) = &self.server {
            return server.database().await;
        }
        let file = tempfile::NamedTempFile::new_in(self.folder.path()).expect("a file");
        let (_, path) = file.keep().expect("it is kept");
        format!("sqlite://{}", path.with_added_extension("db").display())
    }
}

async fn service(url: &str, endpoints: &[serde_json::Value]) -> Instance {
    let mut builder = load::builder(url);
    for endpoint in endpoints {
        builder = builder.endpoint(serde_json::from_value(endpoint.clone()).expect("an endpoint"));
    }
    let (creditrail, worker) = builder.build().await.expect("a service");
    Instance::of(creditrail, worker)
}

/// Waits until so many have come, and tells how long that took.
async fn until_taken(receiver: &Receiver, wanted: u64) -> Duration {
    let started = Instant::now();
    while receiver.distinct() < wanted {
        tokio::time::sleep(LOOK).await;
    }
    started.elapsed()
}

/// Notifications while as many deliveries come in, with bad endpoints beside.
async fn together(url: &str, (rate, seconds): (u64, u64), beside: &[Manner]) {
    println!(
        "\n{rate} deliveries a second over HTTP for {seconds} s, over 1,000 aggregates at a time"
    );
    if !beside.is_empty() {
        println!(
            "with an endpoint beside that hangs, one that answers 500 and one that answers 422"
        );
    }
    let receiver = Receiver::start(Manner::Takes).await;
    let mut endpoints = vec![receiver.endpoint("partner", IN_FLIGHT)];
    for (nth, manner) in beside.iter().enumerate() {
        let bad = Receiver::start(*manner).await;
        endpoints.push(bad.endpoint(&format!("bad-{nth}"), IN_FLIGHT));
    }
    let instance = service(url, &endpoints).await;
    let address = instance.serve().await;
    let started = Instant::now();
    let acknowledged = incoming::deliver(address, rate, seconds).await;
    let meanwhile = receiver.distinct();
    let taken = meanwhile as f64 / started.elapsed().as_secs_f64();
    let sent = (acknowledged.rate * acknowledged.took.as_secs_f64()).round() as u64;
    let rest = until_taken(&receiver, sent).await;
    let mut account = receiver.account();
    account.lags.sort_unstable();
    let lag = |of: usize| ms(account.lags[of.min(account.lags.len() - 1)]);
    let (half, slow) = (account.lags.len() / 2, (account.lags.len() * 99).div_ceil(100) - 1);
    println!(
        "deliveries acknowledged  {:>8.0} a second, {:.1} ms at the median, {:.1} ms at the 99th percentile",
        acknowledged.rate,
        ms(acknowledged.p50),
        ms(acknowledged.p99)
    );
    println!(
        "notifications taken      {taken:>8.0} a second, {:.0} ms after they were recorded at the median, \
         {:.0} ms at the 99th percentile   aim {TOLD:.0}: {:.0} %",
        lag(half),
        lag(slow),
        100.0 * taken / TOLD
    );
    println!(
        "{} not taken yet when the last delivery was acknowledged, all {:.2} s later; {} came again, {} out \
         of order",
        sent.saturating_sub(meanwhile),
        rest.as_secs_f64(),
        account.repeats,
        account.out_of_order
    );
    assert!(account.is_sound(), "in order, the same bytes");
}

/// How fast what is recorded already is sent, and how fast plain calls with the same bytes are.
async fn backlog(url: &str, deliveries: u64) {
    println!("\n{deliveries} events recorded before, {LANES} lanes at a time");
    let limit = limit::plain_calls(deliveries, IN_FLIGHT).await;
    println!("plain calls of as many bytes  {limit:>8.0} a second   the limit");
    let receiver = Receiver::start(Manner::Takes).await;
    let _instance = service(url, &[receiver.endpoint("backlog", IN_FLIGHT)]).await;
    let took = until_taken(&receiver, deliveries).await;
    let rate = deliveries as f64 / took.as_secs_f64();
    let share = 100.0 * rate / limit;
    println!("notifications                 {rate:>8.0} a second   {share:.0} % of the limit");
    assert!(receiver.account().is_sound(), "in order, the same bytes");
}

/// What an endpoint that hangs, or refuses, costs the one beside it, and for comparison what a good one
/// does that wants its share of the cores. In turns, since a machine is not always as fast.
async fn beside(url: &str, deliveries: u64) {
    println!("\nthe same, with another endpoint beside it");
    for (what, manner) in [
        ("takes all", Manner::Takes),
        ("hangs", Manner::Hangs),
        ("answers 500", Manner::Says(500)),
        ("answers 422", Manner::Says(422)),
    ] {
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..3 {
            for (place, is_beside) in [(0, false), (1, true)] {
                let receiver = Receiver::start(Manner::Takes).await;
                let bad = Receiver::start(manner).await;
                let name = format!("good-{round}-{place}-{}", bad.address.port());
                let mut endpoints = vec![receiver.endpoint(&name, IN_FLIGHT)];
                if is_beside {
                    endpoints.push(bad.endpoint(&format!("bad-{}", bad.address.port()), IN_FLIGHT));
                }
                let instance = service(url, &endpoints).await;
                let took = until_taken(&receiver, deliveries).await;
                rates[place].push(deliveries as f64 / took.as_secs_f64());
                drop(instance);
            }
        }
        let [alone, with] = rates.map(median);
        let cost = 100.0 * (1.0 - with / alone);
        println!(
            "one that {what:<12} {alone:>8.0} a second without it, {with:>8.0} with it: {cost:.1} % less   aim: \
             less than {COST:.0} %"
        );
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Memory while ever more is undelivered.
async fn undelivered(events: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file: PathBuf = folder.path().join("undelivered.db");
    let url = format!("sqlite://{}", file.display());
    let instance = Instance::on(&url).await;
    load::send(&instance.creditrail, load::body(0, 0)).await;
    instance.caught_up().await;
    drop(instance);
    many::fill(&file, events);
    println!("\n{events} events, each of an aggregate of its own, undelivered to two endpoints");
    let hangs = Receiver::start(Manner::Hangs).await;
    let refuses = Receiver::start(Manner::Says(422)).await;
    let before = memory("VmRSS:");
    let instance = service(
        &url,
        &[hangs.endpoint("hangs", IN_FLIGHT), refuses.endpoint("refuses", IN_FLIGHT)],
    )
    .await;
    println!("  {before} MB before");
    for second in 1..=60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second % 15 == 0 {
            let endpoints = instance.creditrail.endpoint_documents().await.expect("endpoints");
            let behind = endpoints.iter().map(|endpoint| {
                let source = &endpoint["sources"][0];
                let lanes = &source["lanes_retrying"];
                format!(
                    "{}: {} events behind, {lanes} lanes",
                    endpoint["name"], source["events_behind"]
                )
            });
            let behind = behind.collect::<Vec<_>>().join("; ");
            println!("  {} MB after {second} s; {behind}", memory("VmRSS:"));
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// In megabytes, of the whole process.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
