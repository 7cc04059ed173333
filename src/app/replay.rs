//! Rebuilding read models from position 0.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use creditrail_domain::Policies;
use creditrail_projections::{READERS, Reader};
use tokio::sync::watch;

use super::{Creditrail, access, readers, readers::Progress};
use crate::store::StoreError;

/// How often to look at what another instance rebuilds.
const LOOK: Duration = Duration::from_millis(100);
/// How long another instance may get no further.
const STALLED: Duration = Duration::from_secs(60);

/// Why read models were not rebuilt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The store failed; called again it begins anew.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The code of a reader failed on an event.
    #[error("the reader {reader} stopped {at}")]
    Stopped {
        /// The reader.
        reader: &'static str,
        /// Where, and what happened.
        at: String,
    },
    /// Another instance runs the readers and gets no further.
    #[error("another instance runs the readers and has not got beyond position {0}")]
    Stalled(i64),
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt<'a> {
    /// The source.
    pub source: &'a str,
    /// The position that has been passed.
    pub position: i64,
    /// The position at which it ends.
    pub head: i64,
}

/// The reader of that name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

impl Creditrail {
    /// Empties the read models of `which` readers (all, if none is named) in every source and
    /// folds them again, with the code that follows the log. If a service runs beside, on
    /// PostgreSQL it is the one that folds them, and it may answer with what is there so far.
    ///
    /// # Errors
    /// [`RebuildError`]; called again it begins anew.
    pub async fn rebuild(
        &self,
        which: &[&'static Reader],
        mut told: impl FnMut(Rebuilt<'_>) + Send,
    ) -> Result<(), RebuildError> {
        let own = Policies::default();
        let sources = self.sources.iter();
        let sources = sources.map(|(source, known)| (source.as_str(), &known.config.policies));
        for (source, policies) in sources.chain([(access::LOG, &own)]) {
            let all = which.is_empty();
            let chosen = |reader: &Reader| which.iter().any(|one| one.name == reader.name);
            let readers = self.readers_of(source);
            for reader in readers.iter().filter(|reader| all || chosen(reader)) {
                self.store.reset(source, reader).await?;
            }
            let head = self.store.head(source).await?.position;
            let (_, heads) = watch::channel(head);
            let (mut readers, progress) =
                readers::new(&readers, (source, policies), (Arc::clone(&self.store), heads));
            told(Rebuilt { source, position: 0, head });
            let mut advanced = (0, Instant::now());
            loop {
                readers.catch_up(|position| told(Rebuilt { source, position, head })).await?;
                let position = at_end(&progress, head)?;
                if position >= head {
                    break;
                }
                told(Rebuilt { source, position, head });
                if position > advanced.0 {
                    advanced = (position, Instant::now());
                } else if advanced.1.elapsed() > STALLED {
                    return Err(RebuildError::Stalled(position));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

/// How far the readers are, none of which has stopped.
fn at_end(progress: &Progress, head: i64) -> Result<i64, RebuildError> {
    match progress.stopped().into_iter().next() {
        Some((reader, at)) => Err(RebuildError::Stopped { reader, at }),
        None => Ok(progress.position().min(head)),
    }
}
