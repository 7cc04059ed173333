//! The schema: numbered migrations in a table of our own, and a check that commits are durable.

use sqlx::{Row, SqlitePool};

use super::{Result, StoreError, not_durable};

/// The migrations, by number from 1.
const MIGRATIONS: &[(&str, &str)] = &[
    ("log", include_str!("../../../migrations/sqlite/0001_log.sql")),
    ("read_models", include_str!("../../../migrations/sqlite/0002_read_models.sql")),
];

const CREATE: &str = "CREATE TABLE IF NOT EXISTS creditrail_migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL
)";

pub(super) async fn migrate(pool: &SqlitePool) -> Result<()> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(CREATE).execute(&mut *tx).await?;
    let newest: i64 = sqlx::query("SELECT COALESCE(MAX(number), 0) FROM creditrail_migrations")
        .fetch_one(&mut *tx)
        .await?
        .get(0);
    let known = MIGRATIONS.len();
    let applied = usize::try_from(newest).unwrap_or(usize::MAX);
    if applied > known {
        return Err(StoreError::UnknownMigration { number: newest });
    }
    for ((name, sql), number) in MIGRATIONS.iter().zip(1_i64..).skip(applied) {
        sqlx::raw_sql(sql).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO creditrail_migrations (number, name) VALUES (?, ?)")
            .bind(number)
            .bind(name)
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// What was acknowledged must survive a power cut: WAL lost up to 711 commits a cut with
/// `synchronous=NORMAL`, and none with FULL.
pub(super) async fn check_durability(pool: &SqlitePool) -> Result<()> {
    let journal: String = sqlx::query("PRAGMA journal_mode").fetch_one(pool).await?.get(0);
    if journal != "wal" {
        return Err(not_durable("journal_mode", journal));
    }
    let synchronous: i64 = sqlx::query("PRAGMA synchronous").fetch_one(pool).await?.get(0);
    if synchronous < 2 {
        return Err(not_durable("synchronous", synchronous.to_string()));
    }
    Ok(())
}
