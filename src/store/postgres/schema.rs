//! The schema: numbered migrations in a table of our own, a check that commits are durable, and
//! the rights of a service.

use sqlx::{Executor as _, PgConnection, Row as _};

use super::{Result, StoreError, failed};

/// The migrations, by number from 1.
const MIGRATIONS: &[(&str, &str)] = &[
    ("log", include_str!("../../../migrations/postgres/0001_log.sql")),
    ("read_models", include_str!("../../../migrations/postgres/0002_read_models.sql")),
    ("three_lenders", include_str!("../../../migrations/postgres/0003_three_lenders.sql")),
    ("dashboard", include_str!("../../../migrations/postgres/0004_dashboard.sql")),
    ("redriving", include_str!("../../../migrations/postgres/0005_redriving.sql")),
    ("statistics", include_str!("../../../migrations/postgres/0006_statistics.sql")),
    ("reads", include_str!("../../../migrations/postgres/0007_reads.sql")),
    ("proof", include_str!("../../../migrations/postgres/0008_proof.sql")),
    ("compliance", include_str!("../../../migrations/postgres/0009_compliance.sql")),
    ("narrow_reads", include_str!("../../../migrations/postgres/0010_narrow_reads.sql")),
    ("privacy", include_str!("../../../migrations/postgres/0011_privacy.sql")),
    ("sending", include_str!("../../../migrations/postgres/0012_sending.sql")),
    ("sums", include_str!("../../../migrations/postgres/0013_sums.sql")),
    ("endpoints", include_str!("../../../migrations/postgres/0014_endpoints.sql")),
    ("gravest_first", include_str!("../../../migrations/postgres/0015_gravest_first.sql")),
];

/// One process migrates at a time; the others wait and find it done.
const BEGIN: &str = "BEGIN;
    SELECT pg_advisory_xact_lock(hashtextextended('creditrail.migrations', 0));";

const CREATE: &str = "CREATE SCHEMA IF NOT EXISTS creditrail;
    CREATE TABLE IF NOT EXISTS creditrail.migrations (
        number bigint NOT NULL PRIMARY KEY,
        name   text   NOT NULL
    );";

const NEWEST: &str = "SELECT COALESCE(MAX(number), 0) FROM creditrail.migrations";

const RIGHTS: &str = include_str!("../../../migrations/postgres/service_rights.sql");

/// Brings the schema up to date. Touches nothing if it is, so that a role without the right to
/// create may call it then.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<()> {
    if newest(connection).await? >= needed() {
        return Ok(());
    }
    connection.execute(BEGIN).await.map_err(failed)?;
    let migrated = migrate_alone(connection).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute(end).await.map_err(failed)?;
    migrated
}

async fn migrate_alone(connection: &mut PgConnection) -> Result<()> {
    connection.execute(CREATE).await.map_err(failed)?;
    let applied = usize::try_from(newest(connection).await?).unwrap_or(usize::MAX);
    for ((name, sql), number) in MIGRATIONS.iter().zip(1_i64..).skip(applied) {
        connection.execute(sqlx::raw_sql(sql)).await.map_err(failed)?;
        sqlx::query("INSERT INTO creditrail.migrations (number, name) VALUES ($1, $2)")
            .bind(number)
            .bind(name)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// Whether the schema is the one that this program knows.
pub(super) async fn check(connection: &mut PgConnection) -> Result<()> {
    let (applied, needed) = (newest(connection).await?, needed());
    match applied.cmp(&needed) {
        std::cmp::Ordering::Less => Err(StoreError::NotMigrated { applied, needed }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::UnknownMigration { number: applied }),
    }
}

fn needed() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The newest migration; 0 if there is none.
async fn newest(connection: &mut PgConnection) -> Result<i64> {
    let is_there = "SELECT to_regclass('creditrail.migrations') IS NOT NULL";
    let is_there = connection.fetch_one(is_there).await.and_then(|row| row.try_get::<bool, _>(0));
    if !is_there.map_err(failed)? {
        return Ok(0);
    }
    connection.fetch_one(NEWEST).await.and_then(|row| row.try_get(0)).map_err(failed)
}

/// What was acknowledged must survive a crash: `synchronous_commit = off` lost hundreds of commits
/// in every power cut, and without `fsync` or `full_page_writes` the whole database is at risk.
pub(super) async fn check_durability(connection: &mut PgConnection) -> Result<()> {
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let show = format!("SHOW {setting}");
        let row = connection.fetch_one(show.as_str()).await.map_err(failed)?;
        let value: String = row.try_get(0).map_err(failed)?;
        if value == "off" {
            return Err(StoreError::NotDurable { setting, value });
        }
    }
    Ok(())
}

/// Gives a role the rights that a running service needs.
pub(super) async fn grant(connection: &mut PgConnection, role: &str) -> Result<()> {
    let quoted = sqlx::query("SELECT quote_ident($1)").bind(role);
    let row = quoted.fetch_one(&mut *connection).await.map_err(failed)?;
    let role: String = row.try_get(0).map_err(failed)?;
    let rights = RIGHTS.replace(":role", &role);
    connection.execute(sqlx::raw_sql(&rights)).await.map_err(failed)?;
    Ok(())
}
