//! Reads with a million transactions in the database while deliveries come in: every read of `/v1`
//! and every page, over HTTP on loopback.
//!
//! `cargo bench --bench reads` (`-- --transactions 100000` for a smaller database, `-- --database
//! FILE.db` to keep it and to read it again another time, then with the same number of transactions;
//! `-- --database postgres://…` for PostgreSQL; `-- --calls 500`, `-- --rate 2000` deliveries a second,
//! `-- --reads 50` a second, `-- --only /v1/transactions` for some rows alone).

#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark stops at a failure, and what it prints is for people"
)]

mod asked;
mod client;
mod fill;
mod incoming;
mod stock;

#[path = "../ingest/load.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod load;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::{
    asked::{Asked, Found},
    client::Connection,
    incoming::Incoming,
    stock::Stock,
};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many read at once, at the most: a read that is slow does not hold up the next.
const READERS: usize = 3;

#[tokio::main]
async fn main() {
    let number = |name| argument(name).map(|value| value.parse::<u64>().expect("a number"));
    let transactions = number("--transactions").unwrap_or(1_000_000);
    let rate = number("--rate").unwrap_or(2_000);
    let pause = Duration::from_secs(1) / number("--reads").unwrap_or(50).clamp(1, 10_000) as u32;
    let calls = usize::try_from(number("--calls").unwrap_or(200)).expect("a number of calls");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = argument("--database")
        .unwrap_or_else(|| folder.path().join("reads.db").display().to_string());
    let url = if database.contains("://") { database } else { format!("sqlite://{database}") };

    let opened = Instant::now();
    let instance = fill::open(&url).await;
    println!("opened in {:.1} s", opened.elapsed().as_secs_f64());
    let stock = Arc::new(Stock::of(transactions));
    if fill::kept(&instance.creditrail, stock::IMPRINT).await == 0 {
        println!("{transactions} transactions of {} customers", stock.customers());
        fill::fill(&instance, &stock).await;
    }
    let kept = fill::kept(&instance.creditrail, stock::IMPRINT).await;
    println!("{kept} deliveries of {} are kept", stock::IMPRINT);
    let address = instance.serve().await;
    let found = Found::of(&mut Connection::to(address).await).await;
    let mut all = asked::all(&stock, &found);
    if let Some(only) = argument("--only") {
        all.retain(|asked| asked.what.contains(&only));
    }

    let incoming =
        (rate > 0).then(|| Incoming::begin(address, &stock, (rate, transactions + kept)));
    let answers = ask(address, Arc::new(all), (calls, pause)).await;
    table(answers);
    if let Some(incoming) = incoming {
        let (acknowledged, refused) = incoming.end().await;
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        println!(
            "\ndeliveries meanwhile, {rate} a second wanted: {:.0} a second, acknowledged in \
             {:.2} ms at the median, {:.2} ms at the 99th percentile; {refused} were not",
            acknowledged.rate,
            ms(acknowledged.p50),
            ms(acknowledged.p99)
        );
    }
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// The answers to one row of the table.
struct Answers {
    what: String,
    limit: u64,
    took: Vec<(Duration, usize)>,
    /// Paths that were not answered with 200, 303 or 404.
    failed: Vec<String>,
    paths: Vec<String>,
}

/// Asks for each row so many times, the rows in turn, one read begun in each pause: people do not ask
/// again the moment they are answered.
async fn ask(
    address: SocketAddr,
    all: Arc<Vec<Asked>>,
    (calls, pause): (usize, Duration),
) -> Vec<Answers> {
    let began = tokio::time::Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let answers = all.iter().map(|asked| {
        let (what, paths) = (asked.what.clone(), asked.paths.clone());
        Mutex::new(Answers {
            what,
            paths,
            limit: asked.limit,
            took: Vec::new(),
            failed: Vec::new(),
        })
    });
    let answers: Arc<Vec<_>> = Arc::new(answers.collect());
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let (next, all, answers) = (Arc::clone(&next), Arc::clone(&all), Arc::clone(&answers));
        readers.push(tokio::spawn(async move {
            let mut connection = Connection::to(address).await;
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let (round, row) = (place / all.len(), place % all.len());
                if round >= calls {
                    return;
                }
                let nth = round % all[row].paths.len().max(1);
                let Some(path) = all[row].paths.get(nth) else { continue };
                let turn = pause * u32::try_from(place).unwrap_or(u32::MAX);
                tokio::time::sleep_until(began + turn).await;
                let asked = Instant::now();
                let (status, _) = connection.get(path).await;
                let took = asked.elapsed();
                let mut row = answers[row].lock().expect("nobody panicked");
                row.took.push((took, nth));
                if ![200, 303, 404].contains(&status) {
                    row.failed.push(format!("{status} {path}"));
                }
            }
        }));
    }
    for reader in readers {
        reader.await.expect("a reader");
    }
    let answers = Arc::into_inner(answers).expect("the readers have ended");
    answers.into_iter().map(|row| row.into_inner().expect("nobody panicked")).collect()
}

fn table(answers: Vec<Answers>) {
    println!(
        "\n{:<58}{:>7}{:>10}{:>10}{:>10}{:>8}",
        "", "calls", "p50 ms", "p99 ms", "most ms", "limit"
    );
    let (mut within, mut all) = (0, 0);
    for mut row in answers.into_iter().filter(|row| !row.took.is_empty()) {
        row.took.sort_unstable();
        let at = |place: usize| row.took[place.min(row.took.len() - 1)];
        let ms = |(duration, _): (Duration, usize)| duration.as_secs_f64() * 1e3;
        let (median, slow, most) = (
            at(row.took.len() / 2),
            at((row.took.len() * 99).div_ceil(100) - 1),
            at(row.took.len()),
        );
        let is_within = ms(slow) <= row.limit as f64;
        (within, all) = (within + usize::from(is_within), all + 1);
        let verdict =
            if is_within { String::new() } else { format!("beyond: {}", row.paths[most.1]) };
        println!(
            "{:<58}{:>7}{:>10.2}{:>10.2}{:>10.2}{:>8}   {verdict}",
            row.what,
            row.took.len(),
            ms(median),
            ms(slow),
            ms(most),
            row.limit
        );
        for failed in row.failed.iter().take(2) {
            println!("    {failed}");
        }
    }
    println!("\n{within} of {all} rows are within their limit");
}
