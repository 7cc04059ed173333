//! What an auditor asks of a large log: `audit verify`, `audit replay` and `audit export` by the real
//! binary on a million deliveries; a proof and a moment of the past among ten million events. Each
//! figure stands beside its aim, and beside limits of the same run: the same rows read by plain
//! statements, the same bytes hashed.
//!
//! `cargo bench --bench audit` (`-- --transactions 50000` for fewer deliveries, `-- --events 1000000` for
//! fewer events; `-- --database FILE.db` and `-- --large FILE.db` to keep the files and to measure
//! again another time, then with the same numbers; `-- --only verify,replay,export,moments`).

#![expect(
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark stops at a failure, and what it prints is for people"
)]

mod child;
mod large;
mod limits;
mod many;

#[path = "../reads/fill.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod fill;
#[path = "../ingest/load.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod load;
#[path = "../reads/stock.rs"]
#[allow(dead_code, reason = "the other benchmark uses more of it")]
mod stock;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{child::Binary, stock::Stock};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The aims: a second, or in milliseconds.
const VERIFIED: f64 = 300_000.0;
const REPLAYED: f64 = 30_000.0;
const EXPORTED: f64 = 200_000.0;
/// In megabytes.
const MEMORY: u64 = 200;

#[tokio::main]
async fn main() {
    let number = |name| argument(name).map(|value| value.parse::<u64>().expect("a number"));
    let only = argument("--only").unwrap_or_else(|| "verify,replay,export,moments".to_owned());
    let is_wanted = |part: &str| only.split(',').any(|wanted| wanted == part);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, default: &str| {
        argument(name).map_or_else(|| folder.path().join(default), PathBuf::from)
    };
    let mut most = 0;
    if ["verify", "replay", "export"].into_iter().any(is_wanted) {
        let database = file("--database", "audit.db");
        filled(&database, number("--transactions").unwrap_or(520_000)).await;
        let binary = Binary::on(&database);
        if is_wanted("verify") {
            most = most.max(verify(&binary, &database));
        }
        if is_wanted("replay") {
            most = most.max(replay(&binary));
        }
        if is_wanted("export") {
            most = most.max(export(&binary, folder.path()));
        }
    }
    if is_wanted("moments") {
        let database = file("--large", "large.db");
        let events = number("--events").unwrap_or(10_000_000);
        most = most.max(large::run(&database, events).await);
    }
    println!("\nmost resident memory of a command: {most} MB (aim {MEMORY} MB)");
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn line(what: &str, rate: f64, note: &str) {
    println!("{what:<44}{rate:>12.0} a second   {note}");
}

/// What was reached beside its aim.
fn aimed(what: &str, rate: f64, (aim, most): (f64, u64)) {
    let note = format!("aim {aim:.0}: {:.0} %; {most} MB", 100.0 * rate / aim);
    line(what, rate, &note);
}

/// A file with deliveries of all lenders, its logs signed.
async fn filled(database: &Path, transactions: u64) {
    let instance = fill::open(&format!("sqlite://{}", database.display())).await;
    if fill::kept(&instance.creditrail, stock::IMPRINT).await == 0 {
        println!("{transactions} transactions");
        fill::fill(&instance, &Arc::new(Stock::of(transactions))).await;
    }
    instance.creditrail.sign_all().await;
}

fn verify(binary: &Binary, database: &Path) -> u64 {
    println!("\naudit verify");
    let limits = limits::of(database);
    let done = binary.run(&["audit", "verify", "--format", "json"]);
    let told = done.json();
    let of_logs = |field: &str| -> i64 {
        let logs = told["logs"].as_array().into_iter().flatten();
        logs.map(|log| log[field].as_i64().expect("a number")).sum()
    };
    let events = of_logs("events");
    aimed("events checked", events as f64 / done.seconds, (VERIFIED, done.most));
    line("limit: the same rows by one plain SELECT", limits.events as f64 / limits.read, "");
    line("limit: SHA-256 of the same bytes", limits.events as f64 / limits.hashed, "");
    println!("{events} events, {} found", of_logs("found"));
    done.most
}

fn replay(binary: &Binary) -> u64 {
    println!("\naudit replay");
    let done = binary.run(&["audit", "replay", "--format", "json"]);
    let ends = done.lines().filter_map(|line| line.get("replayed").cloned());
    let ends: Vec<_> = ends.collect();
    let sum = |field: &str| ends.iter().filter_map(|end| end[field].as_f64()).sum::<f64>();
    let (deliveries, decided) = (sum("deliveries"), sum("decided_in_ms") / 1e3);
    aimed("deliveries decided and rows compared", deliveries / done.seconds, (REPLAYED, done.most));
    line("of that, deciding alone", deliveries / decided, "");
    let differences: i64 = done.lines().filter_map(|line| line["differences"].as_i64()).sum();
    println!("{deliveries} deliveries, {differences} differences");
    done.most
}

fn export(binary: &Binary, folder: &Path) -> u64 {
    println!("\naudit export");
    let mut most = 0;
    for what in ["events", "deliveries", "transactions,timeline"] {
        let mut rows = 0;
        for format in ["ndjson", "csv", "parquet"] {
            let out = folder.join("export").display().to_string();
            let words = ["audit", "export", "--source", stock::IMPRINT, "--reason", "measured"];
            let words = [&words[..], &["--what", what, "--format", format, "--out", &out]].concat();
            let done = binary.run(&words);
            if format == "ndjson" {
                rows = rows_of(Path::new(&out));
            }
            // Events stand beside as NDJSON.
            let written = if what == "events" && format != "ndjson" { 2 * rows } else { rows };
            let rate = written as f64 / done.seconds;
            aimed(&format!("{what} as {format}"), rate, (EXPORTED, done.most));
            std::fs::remove_dir_all(out).expect("it is removed");
            most = most.max(done.most);
        }
    }
    most
}

/// How many rows a manifest tells of.
fn rows_of(folder: &Path) -> u64 {
    let text = std::fs::read(folder.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let files = manifest["files"].as_array().into_iter().flatten();
    files.filter_map(|file| file["rows"].as_u64()).sum()
}
