//! The read models of what has come out, folded as the live ones were, to be compared with them.
//!
//! They are folded from the log as it comes out today, if its events stand at the places of those that
//! are recorded; else from the log as it is recorded.

use std::sync::Arc;

use async_trait::async_trait;
use creditrail_projections::Reader;

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
    is_as_recorded: bool,
}

impl Rows {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, shadow: None, is_as_recorded: false }
    }
}

impl Walk<'_> {
    /// Folds rows of readers up to a position.
    pub(super) async fn fold(
        &mut self,
        readers: Vec<&'static Reader>,
        position: i64,
    ) -> Result<(), RebuildError> {
        let log = if self.is_shifted() {
            Arc::clone(&self.creditrail.store)
        } else {
            self.held.scratch.store()
        };
        if self.is_shifted() && !self.rows.is_as_recorded {
            let all = self.creditrail.readers_of(self.source);
            self.rows_held.scratch.empty(self.source, all).await?;
            self.rows.shadow = None;
            self.rows.is_as_recorded = true;
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
        shadow.follow(position, |_| {}).await
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
