//! Moves what was committed out of the write-ahead log into the file, on a connection of its own: else the
//! commit that fills the log does it, and whoever waits for its turn waits for the disk too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::{Result, StoreError, failed};
use crate::failure::chain;

/// How often it does so. A page that is written again within it is moved once.
const PAUSE: Duration = Duration::from_secs(1);
/// From how many pages on the log is to begin anew: 64 MiB.
const LONG: i64 = 16_384;
/// From how many pages on a commit moves them itself, if nobody else has: 512 MiB.
pub(super) const MOST: i64 = 131_072;

/// The thread. It ends when all that have it are dropped.
#[derive(Clone, Debug)]
pub(super) struct Checkpointer {
    is_long: Arc<AtomicBool>,
    _ends: mpsc::Sender<()>,
}

impl Checkpointer {
    pub(super) fn begin(connection: Connection, alive: &mpsc::Sender<()>) -> Result<Self> {
        let is_long = Arc::<AtomicBool>::default();
        let (ends, end) = mpsc::channel::<()>();
        let (told, alive) = (Arc::clone(&is_long), alive.clone());
        let work = move || {
            while end.recv_timeout(PAUSE) == Err(mpsc::RecvTimeoutError::Timeout) {
                match move_pages(&connection) {
                    Ok(pages) => told.store(pages > LONG, Ordering::Relaxed),
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "the log is not moved to the file");
                    }
                }
            }
            drop(connection);
            drop(alive);
        };
        let named = thread::Builder::new().name("sqlite-checkpointer".to_owned());
        named.spawn(work).map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Self { is_long, _ends: ends })
    }

    /// Moves the rest of a long log, for who has the turn to write: the thread never gets to the end of
    /// it while others write, and only a log that was moved whole begins anew.
    pub(super) fn finish(&self, connection: &Connection) -> Result<()> {
        if self.is_long.swap(false, Ordering::Relaxed) {
            move_pages(connection)?;
        }
        Ok(())
    }
}

/// Moves what no reader needs in the log any more, and waits for nobody. How many pages the log has.
fn move_pages(connection: &Connection) -> Result<i64> {
    let pages = |row: &rusqlite::Row<'_>| row.get(1);
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages).map_err(failed)
}
