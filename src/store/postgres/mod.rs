//! The store for many instances: a PostgreSQL database, in a schema of its own.
//!
//! Whoever writes to a source locks its head row first (READ COMMITTED), so positions have no gap
//! and a reader that has passed a position misses nothing before it. What is many rows is one
//! statement over arrays.

mod project;
mod query;
mod schema;
mod transaction;
mod write;

use std::{str::FromStr as _, time::Duration};

use async_trait::async_trait;
use creditrail_domain::StepId;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Batch, Bookmark, KnownDelivery, Projected, ReaderName, RejectedCall, Result, Store, StoreError,
    sql::{Dialect, Look, Row, Value},
};

/// How long to wait for a connection. Shorter than a sender waits for its answer.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long a call to the database may take before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection is taken to be alive after its last use.
const SURE: Duration = Duration::from_secs(1);
/// How many connections there are at the most, unless the host says otherwise.
pub const CONNECTIONS: u32 = 10;

static DIALECT: Dialect = Dialect {
    schema: "creditrail.",
    one_of: |column, place| format!("{column} = ANY(${place})"),
    padded: |column| format!("lpad({column}::text, 20, '0')"),
    aside: str::to_owned,
    row: None,
};

/// The reads that are no statements of [`Store::rows`], for those who look at their plans.
pub const READS: [&str; 3] = [query::EVENTS_AFTER, query::EVENTS_OF, write::KNOWN];

/// A store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// Connects to the database of a URL, with that many connections at the most.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn connect(url: &str, connections: u32, migrate: bool) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(failed)?;
        // What is slow is for the server's log, which knows why.
        let options = options.disable_statement_logging();
        let options = match options.get_application_name() {
            None => options.application_name("creditrail"),
            Some(_) => options,
        };
        // Of itself, a pool tells that it waited in vain, and not for what.
        let probe = PgConnection::connect_with(&options).await.map_err(failed)?;
        probe.close().await.map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, known| {
                Box::pin(async move {
                    if known.idle_for > SURE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
        Self::of(pool.connect_lazy_with(options), migrate).await
    }

    /// A store over a pool of the host's. Checks that commits are durable and the schema is there,
    /// which is brought up to date first if `migrate` is set.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database cannot be reached, [`StoreError::NotDurable`]
    /// if it would not keep what it acknowledges, [`StoreError::NotMigrated`] and
    /// [`StoreError::UnknownMigration`] if its schema is not this program's.
    pub async fn of(pool: PgPool, migrate: bool) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(failed)?;
        schema::check_durability(&mut connection).await?;
        if migrate {
            schema::migrate(&mut connection).await?;
        }
        schema::check(&mut connection).await?;
        drop(connection);
        Ok(Self { pool })
    }

    /// Gives a role the rights that a running service needs, and no others.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is no such role, or the rights are not ours to give.
    pub async fn grant(&self, role: &str) -> Result<()> {
        schema::grant(&mut *self.pool.acquire().await.map_err(failed)?, role).await
    }
}

/// Bounds a call: a connection that hangs is dropped with the future, and closed.
async fn bounded<T>(call: impl Future<Output = Result<T>> + Send) -> Result<T> {
    tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|late| {
        let late = format!("no answer within {PATIENCE:?} ({late})");
        Err(StoreError::Unavailable(late.into()))
    })
}

/// What PostgreSQL said, as a failure of the store. Integrity (23), values that do not fit (22)
/// and limits (54) are a row's fault.
fn failed(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref().and_then(|code| code.get(..2)) {
        Some("22" | "23" | "54") => StoreError::Constraint(error.into()),
        _ => StoreError::Unavailable(error.into()),
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self, source: &str) -> Result<Box<dyn Batch>> {
        Ok(Box::new(bounded(write::PostgresBatch::begin(&self.pool, source)).await?))
    }

    async fn known(&self, source: &str, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>> {
        let find = async {
            let mut held = transaction::Held::of(&self.pool).await?;
            let known = write::known(held.connection()?, source, &deliveries).await?;
            held.give_back();
            Ok(known)
        };
        bounded(find).await
    }

    async fn events_after(&self, source: &str, position: i64, limit: i64) -> Result<Vec<Recorded>> {
        bounded(query::events_after(&self.pool, source, (position, limit))).await
    }

    async fn events_of(
        &self,
        source: &str,
        streams: Vec<StreamId>,
        up_to: i64,
    ) -> Result<Vec<Recorded>> {
        let load = async {
            let mut held = transaction::Held::of(&self.pool).await?;
            let events = query::events_of(held.connection()?, source, (&streams, up_to)).await?;
            held.give_back();
            Ok(events)
        };
        bounded(load).await
    }

    async fn claim(
        &self,
        source: &str,
        wanted: Vec<ReaderName>,
        holder: &str,
    ) -> Result<Vec<Bookmark>> {
        bounded(project::claim(&self.pool, source, (&wanted, holder))).await
    }

    async fn project(&self, source: &str, projected: Projected) -> Result<bool> {
        bounded(project::project(&self.pool, source, &projected)).await
    }

    async fn add_sealing_key(&self, source: &str, key_id: &str) -> Result<()> {
        bounded(write::add_sealing_key(&self.pool, source, key_id)).await
    }

    async fn reject(
        &self,
        source: &str,
        calls: Vec<RejectedCall>,
        most: i64,
        oldest: Timestamp,
    ) -> Result<()> {
        bounded(write::reject(&self.pool, source, (&calls, most, oldest))).await
    }

    /// What the database keeps beside its tables is its operator's: `docs/privacy.md`.
    async fn forget(&self) -> Result<bool> {
        Ok(true)
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>> {
        bounded(query::rows(&self.pool, &sql, values)).await
    }

    async fn look(&self, sql: String, values: Vec<Value>, look: Look) -> Result<()> {
        bounded(query::look(&self.pool, &sql, (values, look))).await
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }
}
