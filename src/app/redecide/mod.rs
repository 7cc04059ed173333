//! Deciding every delivery again: from its kept body, with today's code, in a scratch store. What comes
//! out is compared with what is recorded, event by event and then row by row.
//!
//! Reading order: here the walk over a log, `page` (what is read of it), `decoded` (what a body says
//! today), `decide` and `sheet` (what follows from it), `difference` (what is told), `rows` (the
//! read models).

mod decide;
mod decoded;
mod difference;
mod page;
mod rows;
mod sheet;

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use creditrail_domain::Policies;
use serde::Serialize;

use self::decide::Walk;
pub use self::difference::{Cause, Difference, Shown};
use super::{
    Creditrail,
    replay::{RebuildError, RowDifference},
    shadow::{
        compare::Live,
        scratch::{Held, beside},
    },
};

/// What is to be decided again.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The source; all, and the log of accesses, if none is given.
    pub source: Option<String>,
    /// The scratch file, which is removed in the end. By default beside the database, or in the
    /// temporary folder.
    pub scratch: Option<PathBuf>,
    /// The policies of before, by source: to tell differences that they explain. The defaults, of a
    /// source that is not named.
    pub before: BTreeMap<String, Policies>,
}

/// Why not all deliveries were decided again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedecideError {
    /// There is no such source.
    #[error("there is no source `{0}`")]
    UnknownSource(String),
    /// The head was not reached.
    #[error("the head was not reached")]
    NotReached(#[from] RebuildError),
}

impl From<crate::store::StoreError> for RedecideError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::NotReached(error.into())
    }
}

/// What is told while deliveries are decided again.
#[derive(Clone, Debug)]
pub enum Told<'a> {
    /// How far it is.
    At {
        /// The source.
        source: &'a str,
        /// The position that has been passed.
        position: i64,
        /// The position at which it ends.
        head: i64,
    },
    /// A decision that comes out otherwise.
    Decision(Box<Difference>),
    /// A row that is not as it should be.
    Row(Box<RowDifference>),
}

/// What was decided again of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The source.
    pub source: String,
    /// The head that was reached.
    pub head: i64,
    /// How many deliveries were decided again.
    pub deliveries: i64,
    /// How many events came of it.
    pub events: i64,
    /// How many events were taken as they are: what people, the partner and the clock did.
    pub taken: i64,
    /// How many deliveries were erased, so that what they led to was taken as it is.
    pub erased: i64,
    /// Decisions that come out otherwise, by cause.
    pub differences: BTreeMap<Cause, i64>,
    /// Rows that are not as they should be, by table.
    pub rows: BTreeMap<&'static str, i64>,
    /// The position at which the live readers were when their rows were first looked at, the one
    /// farthest behind.
    pub rows_at: i64,
    /// Whether the rows were compared with the log as it is recorded: more events come out today, so
    /// every later position would be another one.
    pub rows_as_recorded: bool,
    /// How long it took to decide, in milliseconds.
    pub decided_in_ms: u128,
    /// How long it took to fold and compare the read models, in milliseconds.
    pub compared_in_ms: u128,
}

impl Replayed {
    /// How many differences there are.
    pub fn count(&self) -> i64 {
        self.differences.values().sum::<i64>() + self.rows.values().sum::<i64>()
    }
}

impl Creditrail {
    /// Decides every delivery again from its kept body with today's code, and compares the events and
    /// the rows of all read models with those that are there. Nothing of the service is changed.
    ///
    /// # Errors
    /// [`RedecideError`], unless each log was followed up to the head that it had in the beginning.
    pub async fn decide_again(
        &self,
        asked: Asked,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<Vec<Replayed>, RedecideError> {
        let Asked { source, scratch, before } = asked;
        if let Some(source) = source.as_ref().filter(|source| !self.sources.contains_key(*source)) {
            return Err(RedecideError::UnknownSource(source.clone()));
        }
        let file = scratch.unwrap_or_else(|| self.scratch_file("audit-replay", &[]));
        let mut replayed = Vec::new();
        for (log, policies) in self.logs() {
            if source.as_deref().is_some_and(|source| source != log) {
                continue;
            }
            let before = before.get(log).cloned().unwrap_or_default();
            let held = Held::new(file.clone()).await?;
            let rows = Held::new(beside(&file, "-rows")).await?;
            rows.add_tables(&self.readers).await?;
            let mut walk = Walk::new(self, log, (policies, before), (&held, &rows));
            let done = self.one_again(&mut walk, told).await;
            replayed.push(std::mem::take(&mut walk.replayed));
            drop(walk);
            held.remove()?;
            rows.remove()?;
            done?;
        }
        Ok(replayed)
    }

    async fn one_again(
        &self,
        walk: &mut Walk<'_>,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RedecideError> {
        let source = walk.source;
        let head = self.store.head(source).await?.position;
        walk.replayed.source = source.to_owned();
        told(Told::At { source, position: 0, head });
        let started = Instant::now();
        walk.decide_to(head, told).await?;
        walk.replayed.head = head;
        walk.replayed.decided_in_ms = started.elapsed().as_millis();
        let started = Instant::now();
        self.rows_again(walk, told).await?;
        walk.replayed.compared_in_ms = started.elapsed().as_millis();
        Ok(())
    }

    async fn rows_again(
        &self,
        walk: &mut Walk<'_>,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RedecideError> {
        let source = walk.source;
        let readers = self.readers_of(source);
        let least = self.least(source, &readers).await?;
        walk.replayed.rows_at = least;
        walk.fold(readers.clone(), least).await?;
        let mut counted = BTreeMap::new();
        for reader in readers {
            let live = Live { source, store: &self.store, reader };
            walk.reader = Some(reader);
            let mut count = |row: RowDifference| {
                *counted.entry(row.table).or_insert(0) += 1;
                told(Told::Row(Box::new(row)));
            };
            live.all(walk, false, &mut count).await?;
        }
        // What was decided beyond the head, to meet readers that have gone on.
        for difference in std::mem::take(&mut walk.found) {
            told(Told::Decision(Box::new(difference)));
        }
        walk.replayed.rows = counted;
        walk.replayed.rows_as_recorded = walk.is_shifted();
        Ok(())
    }
}
