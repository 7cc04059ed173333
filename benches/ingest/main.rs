//! Deliveries through the service and rebuilds of its read models, on PostgreSQL and on SQLite,
//! beside peers and limits in the same run.
//!
//! `cargo bench --bench ingest` (`-- --only sqlite` or `postgres`, `-- --deliveries 20000` for a
//! shorter run, `-- --parts b` for parts of PostgreSQL's, `-- --stored 5000000` to see what a full log costs). It starts a throw-away
//! PostgreSQL server. Senders send histories of four signed webhooks of the size that the lender's
//! documents print; readers run beside it, as they do in the service.

#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark stops at a failure, and what it prints is for people"
)]

mod load;
mod plain;
mod postgres;
mod sqlite;

#[path = "../../tests/suite/support/postgres.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod server;

use std::time::Instant;

use creditrail::app::replay::Rebuilt;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use self::load::{Acknowledged, Instance};

#[tokio::main]
async fn main() {
    let only = argument("--only");
    let parts = argument("--parts").unwrap_or_else(|| "abcd".to_owned());
    let number = |name| argument(name).map(|value| value.parse().expect("a number"));
    if only.as_deref() != Some("sqlite") {
        let deliveries = number("--deliveries").unwrap_or(100_000);
        postgres::run(&parts, deliveries, number("--stored")).await;
    }
    if only.as_deref() != Some("postgres") {
        sqlite::run(number("--deliveries").unwrap_or(1_000_000)).await;
    }
    println!("\nmost resident memory: {} MB", most_resident_memory());
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn heading(title: &str) {
    println!("\n{title}\n{:<42}{:>10}{:>10}{:>10}", "", "a second", "p50 ms", "p99 ms");
}

fn line(what: &str, rate: f64, note: &str) {
    println!("{what:<42}{rate:>10.0}{:>20}   {note}", "");
}

fn acknowledged(what: &str, acknowledged: &Acknowledged, note: &str) {
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1e3;
    let Acknowledged { rate, p50, p99, .. } = acknowledged;
    println!("{what:<42}{rate:>10.0}{:>10.2}{:>10.2}   {note}", ms(*p50), ms(*p99));
}

/// Events a second.
async fn rebuild(instance: Instance) -> f64 {
    let creditrail = instance.creditrail.clone();
    drop(instance);
    let started = Instant::now();
    let mut events = 0;
    let told = |rebuilt: Rebuilt<'_>| {
        if let Rebuilt::At { head, .. } = rebuilt {
            events = head.max(events);
        }
    };
    let rebuilt = creditrail.rebuild(&[], None, told).await;
    rebuilt.expect("a rebuild");
    events as f64 / started.elapsed().as_secs_f64()
}

/// In megabytes, of the whole process and its whole run.
fn most_resident_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
