//! The rows of every table, and their checksums.

use std::collections::{BTreeMap, BTreeSet};

use creditrail_projections::{READERS, Table};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::contract::fresh::{Cells, Database};

/// What is not a read model: tables, their columns behind the source, and their order. What is
/// sealed is other bytes each time, so it is left out.
#[rustfmt::skip] // They are lists.
const OF_THE_LOG: [(&str, &[&str], &str); 9] = [
    ("events", &[
        "position", "aggregate_type", "aggregate_id", "sequence", "event_type", "event_version",
        "payload", "metadata", "occurred_at", "recorded_at",
    ], "position"),
    ("deliveries", &[
        "delivery_id", "number", "dedup_key", "received_at", "secret_id", "substr(headers, 1, 10)",
        "length(body)", "outcome", "first_position", "position", "aggregate_type", "stream",
        "repeats", "last_received_at",
    ], "number"),
    ("redriven_deliveries", &[
        "delivery_id", "step_id", "dedup_key", "first_position", "position", "aggregate_type",
        "stream",
    ], "delivery_id"),
    ("heads", &["position", "deliveries", "received", "recorded_at"], "source"),
    ("bookmarks", &["reader", "position"], "reader"),
    ("rejected_calls", &["number", "received_at", "cause", "headers", "length(body)"], "number"),
    ("secrets", &["reference", "field", "key_id"], "reference"),
    ("sealing_keys", &["key_id"], "key_id"),
    ("data_keys", &["subject", "created_at", "sealing_key_id", "length(sealed)", "erased_at"], "subject"),
];

/// Tables by name.
pub type Tables = BTreeMap<&'static str, Rows>;

/// The rows of a table, in the order of their keys.
pub struct Rows {
    pub rows: Vec<Cells>,
    checksum: String,
}

/// Leaves no row of a read model where it was.
pub async fn spoil(database: &Database) {
    for table in read_model_tables() {
        database.run(&format!("UPDATE @{} SET key = '-' || key", table.name)).await.unwrap();
    }
}

pub async fn all(database: &Database) -> Tables {
    let mut tables = read_models(database).await;
    for (table, columns, order) in OF_THE_LOG {
        tables.insert(table, rows(database, (table, columns), order).await);
    }
    tables
}

pub async fn read_models(database: &Database) -> Tables {
    let mut tables = Tables::new();
    for table in read_model_tables() {
        let columns = [&["key"], table.columns].concat();
        tables.insert(table.name, rows(database, (table.name, &columns), "key").await);
    }
    tables
}

fn read_model_tables() -> impl Iterator<Item = &'static Table> {
    READERS.iter().flat_map(|reader| reader.models).map(|model| model.table)
}

async fn rows(database: &Database, (table, columns): (&str, &[&str]), order: &str) -> Rows {
    let columns = [&["source"], columns].concat();
    let kept = match table {
        // A reader that has passed nothing may have asked for its bookmark or not yet. Nobody waits for
        // hashes, and the times of recording are in them.
        "bookmarks" => "WHERE position > 0 AND reader <> 'tree'",
        _ => "",
    };
    of(database.rows(&columns, &format!("@{table} {kept} ORDER BY source, {order}")).await)
}

/// Answers as rows: of which source, and what.
pub fn answers(answers: Vec<(String, String)>) -> Rows {
    of(answers.into_iter().map(|(source, answer)| vec![Some(source), Some(answer)]).collect())
}

fn of(rows: Vec<Cells>) -> Rows {
    let mut sum = Sha256::new();
    for row in &rows {
        sum.update(json!(row).to_string());
    }
    Rows { rows, checksum: hex::encode(sum.finalize()) }
}

/// What takes an upgrade: `redriving` has it.
const NOT_HERE: &str = "redriven_deliveries";

/// That no table is forgotten, and none is empty. `file` is a SQLite database.
pub async fn assert_all_occur(file: &Database, tables: &Tables) {
    let is_ours = "sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let names = file.rows(&["name"], is_ours).await;
    let names = names.iter().flatten().flatten().map(String::as_str);
    // Of hashes: the times of recording are in them, which differ. Of senders: nobody is notified here.
    #[rustfmt::skip] // It is a list.
    let others = [
        "creditrail_migrations", "tiles", "checkpoints", "checkpoint_copies",
        "endpoint_settings", "endpoints", "lanes", "notifications", "sending_requests",
    ];
    let kept: BTreeSet<_> = names.filter(|name| !others.contains(name)).collect();
    assert_eq!(kept, tables.keys().copied().collect(), "all tables of a database");
    let is_empty =
        |(table, Rows { rows, .. }): &(&&str, &Rows)| rows.is_empty() && **table != NOT_HERE;
    let empty = tables.iter().filter(is_empty);
    assert_eq!(empty.map(|(table, _)| *table).collect::<Vec<_>>(), [""; 0], "empty tables");
}

/// Prints the checksums, and fails if rows differ: at the first one of each table.
pub fn assert_equal(expected: &Tables, tables: &Tables, when: &str) {
    println!("{when}:");
    let mut differing = Vec::new();
    for (table, Rows { rows, checksum }) in tables {
        println!("{table:<16} {:>6} rows  {checksum}", rows.len());
        let of_sqlite = &expected[table];
        if of_sqlite.checksum == *checksum {
            continue;
        }
        let mut pairs = of_sqlite.rows.iter().zip(rows);
        let (one, other) = (of_sqlite.rows.len(), rows.len());
        let first = pairs.find(|(expected, row)| expected != row);
        differing.push(format!("{table}, {one} and {other} rows: {first:?}"));
    }
    assert!(differing.is_empty(), "{when}:\n{}", differing.join("\n"));
}
