//! A transaction that never gives a doubtful connection back to the pool.

use sqlx::{
    Executor as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{Result, failed};
use crate::store::StoreError;

pub(super) type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// A transaction. Dropped before its commit, its connection is closed, which ends it: a connection
/// on which something failed or hung is not used again.
pub(super) struct Transaction(Option<PoolConnection<Postgres>>);

impl Transaction {
    /// Begins, and gives back the rows of what it begins with.
    pub(super) async fn begin(pool: &PgPool, begin: &str) -> Result<(Self, Vec<PgRow>)> {
        loop {
            let mut transaction = Self(Some(pool.acquire().await.map_err(failed)?));
            let connection = transaction.connection()?;
            let begun = connection.fetch_all(sqlx::raw_sql(begin)).await;
            match begun {
                Ok(rows) => return Ok((transaction, rows)),
                // It has ended while it was idle, with the server or by its order. Nothing was
                // begun on it; a further one is opened once no idle one is left.
                Err(sqlx::Error::Io(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut PgConnection> {
        let ended = || StoreError::Unavailable("the transaction has ended".into());
        Ok(&mut *self.0.as_mut().ok_or_else(ended)?)
    }

    /// How many rows it changed.
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Result<u64> {
        let done = statement.execute(self.connection()?).await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.connection()?.execute(sqlx::raw_sql("COMMIT")).await.map_err(failed)?;
        // Given back to the pool.
        self.0 = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// One value of each row.
pub(super) fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
