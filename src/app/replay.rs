//! Rebuilding read models from position 0, beside those that answer, and swapping what differs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use creditrail_domain::Policies;
use creditrail_projections::{READERS, Reader};
use tokio::sync::watch;

pub use super::shadow::{
    compare::{How, RowDifference},
    scratch::Begun,
};
use super::{
    Creditrail, access, readers,
    readers::Progress,
    shadow::{Shadow, bookmark, compare::Live},
};
use crate::store::{Store, StoreError};

/// How often to look at what another instance folds.
const LOOK: Duration = Duration::from_millis(100);
/// How long another instance may get no further.
const STALLED: Duration = Duration::from_secs(60);

/// Why read models were not rebuilt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The store failed; called again it goes on.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The scratch file failed.
    #[error("the scratch file failed")]
    Scratch(#[source] std::io::Error),
    /// Another rebuild has the scratch file.
    #[error("{file} is in use by another rebuild", file = .0.display())]
    InUse(PathBuf),
    /// The code of a reader failed on an event.
    #[error("the reader {reader} stopped {at}")]
    Stopped {
        /// The reader.
        reader: &'static str,
        /// Where, and what happened.
        at: String,
    },
    /// Events that should be there are not.
    #[error("the log ends at position {at}, and its head is {head}")]
    LogEnds {
        /// Where it ends.
        at: i64,
        /// Where it should.
        head: i64,
    },
    /// Another instance runs the readers and gets no further.
    #[error("another instance runs the readers and has not got beyond position {0}")]
    Stalled(i64),
}

/// What a rebuild tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt<'a> {
    /// It has begun.
    Begun(Begun),
    /// How far it is.
    At {
        /// The source.
        source: &'a str,
        /// The position that has been passed.
        position: i64,
        /// The position at which it ends.
        head: i64,
    },
}

/// How many rows of a table were not as the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The source.
    pub source: String,
    /// The table.
    pub table: &'static str,
    /// How many there were.
    pub rows: usize,
}

/// The reader of that name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

impl Creditrail {
    /// Folds the read models of `which` readers (all, if none is named) of every source again, in a
    /// scratch store: in `scratch` if a file is given. Those that are there answer meanwhile. In
    /// the end the rows that differ are written over, and told by table. A service may run beside.
    ///
    /// # Errors
    /// [`RebuildError`]; called again it goes on where it was.
    pub async fn rebuild(
        &self,
        which: &[&'static Reader],
        scratch: Option<PathBuf>,
        mut told: impl FnMut(Rebuilt<'_>) + Send,
    ) -> Result<Vec<Mended>, RebuildError> {
        let all = self.readers.iter().copied();
        let chosen = |reader: &Reader| which.iter().any(|one| one.name == reader.name);
        let all: Vec<_> = all.filter(|reader| which.is_empty() || chosen(reader)).collect();
        let logs = self.logs();
        let file = scratch.unwrap_or_else(|| self.scratch_file("replay", which));
        let names: Vec<_> = logs.iter().map(|(log, _)| *log).collect();
        let (held, begun) = self.scratch(file, &names, &all).await?;
        told(Rebuilt::Begun(begun));
        let rows = held.scratch.store();
        let mut mended = BTreeMap::new();
        for (source, policies) in logs {
            let of_log = self.readers_of(source);
            let readers: Vec<_> =
                of_log.into_iter().filter(|one| all.iter().any(|it| it.name == one.name)).collect();
            self.follow((source, &policies), &readers).await?;
            let head = self.least(source, &readers).await?;
            told(Rebuilt::At { source, position: 0, head });
            let stores = (&self.store, &rows);
            let mut shadow = Shadow::new(&readers, (source, &policies), stores);
            shadow.follow(head, |position| told(Rebuilt::At { source, position, head })).await?;
            for reader in readers {
                let mut shadow = Shadow::new(&[reader], (source, &policies), stores);
                let live = Live { source, store: &self.store, reader };
                let mut count = |row: RowDifference| {
                    *mended.entry((row.source, row.table)).or_insert(0) += 1;
                };
                live.all(&mut shadow, true, &mut count).await?;
            }
        }
        drop(rows);
        held.remove()?;
        let mended = mended.into_iter();
        Ok(mended.map(|((source, table), rows)| Mended { source, table, rows }).collect())
    }

    /// All logs, each with the policies by which it is folded.
    pub(super) fn logs(&self) -> Vec<(&str, Policies)> {
        let sources = self.sources.iter();
        let sources = sources.map(|(log, known)| (log.as_str(), known.config.policies.clone()));
        sources.chain([(access::LOG, Policies::default())]).collect()
    }

    /// The position that all of these readers have passed.
    pub(super) async fn least(
        &self,
        source: &str,
        readers: &[&'static Reader],
    ) -> Result<i64, StoreError> {
        let mut least = None;
        for reader in readers {
            let at = bookmark(&*self.store, source, reader).await?;
            least = Some(least.map_or(at, |least: i64| least.min(at)));
        }
        Ok(least.unwrap_or(0))
    }

    /// Has the live readers come to the head: those that have stopped or have not begun, and those
    /// of a service that does not run. What another instance runs is waited for.
    async fn follow(
        &self,
        (source, policies): (&str, &Policies),
        all: &[&'static Reader],
    ) -> Result<(), RebuildError> {
        let head = self.store.head(source).await?.position;
        if all.is_empty() || self.least(source, all).await? >= head {
            return Ok(());
        }
        let (_, heads) = watch::channel(head);
        let store: Arc<dyn Store> = Arc::clone(&self.store);
        let (mut readers, progress) = readers::new(all, (source, policies), (store, heads));
        let mut advanced = (0, Instant::now());
        loop {
            readers.catch_up(|_| {}).await?;
            let position = at_end(&progress, head)?;
            if position >= head {
                return Ok(());
            }
            if position > advanced.0 {
                advanced = (position, Instant::now());
            } else if advanced.1.elapsed() > STALLED {
                return Err(RebuildError::Stalled(position));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// How far the readers are, none of which has stopped.
fn at_end(progress: &Progress, head: i64) -> Result<i64, RebuildError> {
    match progress.stopped().into_iter().next() {
        Some((reader, at)) => Err(RebuildError::Stopped { reader, at }),
        None => Ok(progress.position().min(head)),
    }
}
