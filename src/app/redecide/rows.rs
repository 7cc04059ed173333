//! The read models of what has come out, folded as the live ones were, to be compared with them.
//!
//! They are folded from the log as it comes out today, if its events stand at the places of those that
//! are recorded; else from the log as it is recorded.

use std::sync::Arc;

use async_trait::async_trait;
use creditrail_projections::Reader;
use tokio::{sync::watch, task::JoinHandle};

use super::{Told, decide::Walk};
use crate::{
    app::{
        replay::RebuildError,
        shadow::{Follows, Shadow},
    },
    store::Store,
};

/// The rows of a walk, and who is folding them.
pub(super) struct Rows {
    store: Arc<dyn Store>,
    shadow: Option<(Vec<&'static Reader>, Shadow)>,
    behind: Option<JoinHandle<Result<(), RebuildError>>>,
}

impl Rows {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, shadow: None, behind: None }
    }
}

/// Under what the file of the rows notes that they are folded from the log as it is recorded.
fn as_recorded(source: &str) -> String {
    format!("as recorded {source}")
}

impl Walk<'_> {
    /// Has rows of readers folded while deliveries are decided, up to a position at the most.
    pub(super) fn fold_behind(&mut self, readers: &[&'static Reader], most: i64) {
        if self.is_shifted() || most <= 0 {
            return;
        }
        let log = self.held.scratch.store();
        let stores = (&log, &self.rows.store);
        let mut shadow = Shadow::new(readers, (self.source, &self.policies), stores);
        let (at, mut decided) = watch::channel(self.state.at);
        let source = self.source.to_owned();
        self.behind = Some(at);
        self.rows.behind = Some(tokio::spawn(async move {
            loop {
                // Nobody decides any more: what is left is folded, and it ends.
                let is_last = decided.changed().await.is_err();
                let at = (*decided.borrow_and_update()).min(most);
                follow(&mut shadow, (&*log, &source), at).await?;
                if is_last || at >= most {
                    return Ok(());
                }
            }
        }));
    }

    /// Waits until that is done.
    pub(super) async fn folded_behind(&mut self) -> Result<(), RebuildError> {
        self.behind = None;
        match self.rows.behind.take() {
            None => Ok(()),
            Some(behind) => behind.await.map_err(|error| RebuildError::Scratch(error.into()))?,
        }
    }

    /// Folds rows of readers up to a position.
    pub(super) async fn fold(
        &mut self,
        readers: Vec<&'static Reader>,
        position: i64,
    ) -> Result<(), RebuildError> {
        let is_shifted = self.is_shifted();
        let log =
            if is_shifted { Arc::clone(&self.creditrail.store) } else { self.held.scratch.store() };
        let rows = &self.rows_held.scratch;
        if is_shifted && rows.noted(&as_recorded(self.source)).await?.is_none() {
            rows.empty(self.source, self.creditrail.readers_of(self.source)).await?;
            rows.note(&as_recorded(self.source), String::new()).await?;
            self.rows.shadow = None;
        }
        let names = |readers: &[&'static Reader]| -> Vec<_> {
            readers.iter().map(|reader| reader.name).collect()
        };
        let shadow = match self.rows.shadow.take() {
            Some((of, shadow)) if names(&of) == names(&readers) => shadow,
            _ => {
                let stores = (&log, &self.rows.store);
                Shadow::new(&readers, (self.source, &self.policies), stores)
            }
        };
        let (_, shadow) = self.rows.shadow.insert((readers, shadow));
        if is_shifted {
            return shadow.follow(position, |_| {}).await;
        }
        follow(shadow, (&*log, self.source), position).await
    }
}

/// Folds a log as it comes out, in which places may be empty, up to a position.
async fn follow(
    shadow: &mut Shadow,
    (log, source): (&dyn Store, &str),
    position: i64,
) -> Result<(), RebuildError> {
    match shadow.follow(position, |_| {}).await {
        Err(RebuildError::LogEnds { at, head }) => {
            let next = log.raw_events_after(source, at, 1).await?;
            let is_short = next.first().is_some_and(|next| next.position <= position);
            if is_short { Err(RebuildError::LogEnds { at, head }) } else { Ok(()) }
        }
        followed => followed,
    }
}

#[async_trait]
impl Follows for Walk<'_> {
    fn rows(&self) -> &Arc<dyn Store> {
        &self.rows.store
    }

    async fn bring_to(&mut self, position: i64) -> Result<(), RebuildError> {
        // What is found on the way is told once the rows are compared.
        let mut found = Vec::new();
        let mut told = |told: Told<'_>| {
            if let Told::Decision(difference) = told {
                found.push(*difference);
            }
        };
        self.decide_to(position, &mut told).await?;
        self.found.extend(found);
        self.fold(self.reader.into_iter().collect(), position).await
    }
}
