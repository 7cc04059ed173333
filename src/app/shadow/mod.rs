//! A shadow rebuild: read models folded from the log into a scratch store, beside those that answer.
//!
//! The readers are the same as ever; only their rows and bookmarks go elsewhere. [`compare`] then
//! looks at both sides row by row, and [`swap`] writes what differs.

pub(super) mod compare;
pub(super) mod scratch;
pub(super) mod swap;

use std::sync::Arc;

use async_trait::async_trait;
use creditrail_domain::Policies;
use creditrail_projections::Reader;

use super::{
    readers::{self, Progress, Readers},
    replay::RebuildError,
};
use crate::store::{Result, Store};

/// Rows that can be brought to any later position.
#[async_trait]
pub(super) trait Follows: Send {
    /// Where the rows are.
    fn rows(&self) -> &Arc<dyn Store>;
    /// Folds the log up to a position, which it has, and not beyond.
    async fn bring_to(&mut self, position: i64) -> Result<(), RebuildError>;
}

/// Readers of a source whose rows go to a scratch store.
pub(super) struct Shadow {
    readers: Readers,
    progress: Progress,
    rows: Arc<dyn Store>,
}

impl Shadow {
    /// Readers that fold the events of one store into rows of the other.
    pub(super) fn new(
        all: &[&'static Reader],
        (source, policies): (&str, &Policies),
        (log, rows): (&Arc<dyn Store>, &Arc<dyn Store>),
    ) -> Self {
        let stores = (Arc::clone(log), Arc::clone(rows));
        let (readers, progress) = readers::beside(all, (source, policies), stores);
        Self { readers, progress, rows: Arc::clone(rows) }
    }

    /// As [`Follows::bring_to`], telling how far it is.
    pub(super) async fn follow(
        &mut self,
        position: i64,
        told: impl FnMut(i64) + Send,
    ) -> Result<(), RebuildError> {
        self.readers.catch_up_to(position, told).await?;
        passed(&self.progress, position)
    }
}

#[async_trait]
impl Follows for Shadow {
    fn rows(&self) -> &Arc<dyn Store> {
        &self.rows
    }

    async fn bring_to(&mut self, position: i64) -> Result<(), RebuildError> {
        self.follow(position, |_| {}).await
    }
}

/// That none of the readers has stopped before a position, nor stands before it.
fn passed(progress: &Progress, position: i64) -> Result<(), RebuildError> {
    if let Some((reader, at)) = progress.stopped().into_iter().next() {
        return Err(RebuildError::Stopped { reader, at });
    }
    match progress.position() {
        short if short < position => Err(RebuildError::LogEnds { at: short, head: position }),
        _ => Ok(()),
    }
}

/// How far a reader is.
pub(super) async fn bookmark(store: &dyn Store, source: &str, reader: &Reader) -> Result<i64> {
    // Nobody takes nothing.
    let bookmarks = store.claim(source, Vec::new(), "").await?;
    let found = bookmarks.iter().find(|bookmark| bookmark.reader == reader.name);
    Ok(found.map_or(0, |bookmark| bookmark.position))
}
