//! Connections that are given back to the pool only if nothing was wrong with them.

use sqlx::{
    Executor as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{Result, failed};
use crate::store::StoreError;

/// How many connections that ended while they were idle may be met in a row.
const MOST_ENDED: usize = 32;

pub(super) type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// A connection. Dropped before it is given back, as by a call that fails or takes too long, it is
/// closed: what is done on it ends, and a connection that hangs is not waited for.
pub(super) struct Held(Option<PoolConnection<Postgres>>);

impl Held {
    pub(super) async fn of(pool: &PgPool) -> Result<Self> {
        Ok(Self(Some(pool.acquire().await.map_err(failed)?)))
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        let ended = || StoreError::Unavailable("the connection was given back".into());
        Ok(&mut *self.0.as_mut().ok_or_else(ended)?)
    }

    pub(super) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// A transaction. Dropped before its commit, its connection is closed, which ends it.
pub(super) struct Transaction(Held);

impl Transaction {
    /// Begins, and gives back the rows of what it begins with.
    pub(super) async fn begin(pool: &PgPool, begin: &str) -> Result<(Self, Vec<PgRow>)> {
        let mut ended = 0;
        loop {
            let mut held = Held::of(pool).await?;
            let begun = held.connection()?.fetch_all(sqlx::raw_sql(begin)).await;
            match begun {
                Ok(rows) => return Ok((Self(held), rows)),
                // Nothing was begun on it; a further one is opened once no idle one is left.
                Err(error) if has_ended(&error) && ended < MOST_ENDED => ended += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        self.0.connection()
    }

    /// How many rows it changed.
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Result<u64> {
        let done = statement.execute(self.connection()?).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.connection()?.execute(sqlx::raw_sql("COMMIT")).await.map_err(failed)?;
        self.0.give_back();
        Ok(())
    }
}

/// Whether the connection had ended while it was idle: its socket, or by the server's word (57P01
/// and the like, class 08).
fn has_ended(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let said = code.is_some_and(|code| code.starts_with("57P0") || code.starts_with("08"));
    said || matches!(error, sqlx::Error::Io(_))
}

/// One value of each row.
pub(super) fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
