//! The schema: numbered migrations in a table of our own, and a check that commits are durable.

use rusqlite::{Connection, TransactionBehavior, params, types::Value};

use super::{Result, StoreError, failed};

/// The migrations, by number from 1.
const MIGRATIONS: &[(&str, &str)] = &[
    ("log", include_str!("../../../migrations/sqlite/0001_log.sql")),
    ("read_models", include_str!("../../../migrations/sqlite/0002_read_models.sql")),
    ("three_lenders", include_str!("../../../migrations/sqlite/0003_three_lenders.sql")),
    ("dashboard", include_str!("../../../migrations/sqlite/0004_dashboard.sql")),
    ("redriving", include_str!("../../../migrations/sqlite/0005_redriving.sql")),
    ("statistics", include_str!("../../../migrations/sqlite/0006_statistics.sql")),
    ("reads", include_str!("../../../migrations/sqlite/0007_reads.sql")),
    ("proof", include_str!("../../../migrations/sqlite/0008_proof.sql")),
    ("compliance", include_str!("../../../migrations/sqlite/0009_compliance.sql")),
    ("narrow_reads", include_str!("../../../migrations/sqlite/0010_narrow_reads.sql")),
    ("privacy", include_str!("../../../migrations/sqlite/0011_privacy.sql")),
    ("sending", include_str!("../../../migrations/sqlite/0012_sending.sql")),
    ("sums", include_str!("../../../migrations/sqlite/0013_sums.sql")),
    ("endpoints", include_str!("../../../migrations/sqlite/0014_endpoints.sql")),
    ("gravest_first", include_str!("../../../migrations/sqlite/0015_gravest_first.sql")),
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS creditrail_migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL
)";

/// Brings the schema up to date; if that is not wanted, an older one is an error.
pub(super) fn migrate(connection: &mut Connection, wanted: bool) -> Result<()> {
    let tx =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(CREATE).map_err(failed)?;
    let newest: i64 = tx
        .query_row("SELECT COALESCE(MAX(number), 0) FROM creditrail_migrations", [], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    let applied = usize::try_from(newest).unwrap_or(usize::MAX);
    if applied > MIGRATIONS.len() {
        return Err(StoreError::UnknownMigration { number: newest });
    }
    if applied < MIGRATIONS.len() && !wanted {
        let needed = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        return Err(StoreError::NotMigrated { applied: newest, needed });
    }
    for ((name, sql), number) in MIGRATIONS.iter().zip(1_i64..).skip(applied) {
        tx.execute_batch(sql).map_err(failed)?;
        tx.execute(
            "INSERT INTO creditrail_migrations (number, name) VALUES (?, ?)",
            params![number, name],
        )
        .map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

/// What was acknowledged must survive a power cut: WAL lost up to 711 commits a cut with
/// `synchronous=NORMAL`, and none with FULL.
pub(super) fn check_durability(connection: &Connection) -> Result<()> {
    let setting = |name| connection.pragma_query_value(None, name, |row| row.get::<_, Value>(0));
    let journal = setting("journal_mode").map_err(failed)?;
    let synchronous = setting("synchronous").map_err(failed)?;
    if journal != Value::Text("wal".to_owned()) {
        let value = format!("{journal:?}");
        return Err(StoreError::NotDurable { setting: "journal_mode", value });
    }
    // 2 is FULL, 3 is EXTRA.
    if ![Value::Integer(2), Value::Integer(3)].contains(&synchronous) {
        let value = format!("{synchronous:?}");
        return Err(StoreError::NotDurable { setting: "synchronous", value });
    }
    Ok(())
}
