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
use serde::{Deserialize, Serialize};

use self::decide::Walk;
pub use self::difference::{Cause, Difference, Shown};
use super::{
    Creditrail,
    replay::{RebuildError, RowDifference},
    shadow::{
        compare::Live,
        scratch::{Begun, Held, beside},
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
    /// A decision that comes out otherwise.
    Decision(Box<Difference>),
    /// A row that is not as it should be.
    Row(Box<RowDifference>),
}

/// What was decided again of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    pub rows: BTreeMap<String, i64>,
    /// The position at which the live readers were when their rows were first looked at, the one
    /// farthest behind.
    pub rows_at: i64,
    /// Whether the rows were compared with the log as it is recorded: more events come out today, so
    /// every later position would be another one.
    pub rows_as_recorded: bool,
    /// How long it took to decide, in milliseconds; rows are folded meanwhile.
    pub decided_in_ms: u64,
    /// How long it took after that to fold the rest of the read models and to compare them, in
    /// milliseconds.
    pub compared_in_ms: u64,
}

impl Replayed {
    /// How many differences there are.
    pub fn count(&self) -> i64 {
        self.differences.values().sum::<i64>() + self.rows.values().sum::<i64>()
    }
}

impl Creditrail {
    /// Decides every delivery again from its kept body with today's code, and compares the events and
    /// the rows of all read models with those that are there. Nothing of the service is changed. One
    /// that was ended is gone on with.
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
        let is_asked = |log: &str| source.as_deref().is_none_or(|source| source == log);
        let logs: Vec<_> = self.logs().into_iter().filter(|(log, _)| is_asked(log)).collect();
        let file = scratch.unwrap_or_else(|| self.scratch_file("audit-replay", &[]));
        let names: Vec<_> = logs.iter().map(|(log, _)| *log).collect();
        let (held, rows, begun) = self.both_scratches(file, &names, &before).await?;
        told(Told::Begun(begun));
        let mut replayed = Vec::new();
        let mut done = Ok(());
        for (log, policies) in logs {
            let before = before.get(log).cloned().unwrap_or_default();
            let mut walk = Walk::new(self, log, (policies, before), (&held, &rows));
            done = self.one_again(&mut walk, told).await;
            replayed.push(std::mem::take(&mut walk.state.replayed));
            if done.is_err() {
                break;
            }
        }
        // A store that failed may answer when it is asked again.
        if !matches!(done, Err(RedecideError::NotReached(RebuildError::Store(_)))) {
            held.remove()?;
            rows.remove()?;
        }
        done.map(|()| replayed)
    }

    /// What comes out, and the rows that are folded from it: rows are of use only with the log that
    /// they were folded from.
    async fn both_scratches(
        &self,
        file: PathBuf,
        logs: &[&str],
        before: &BTreeMap<String, Policies>,
    ) -> Result<(Held, Held, Begun), RedecideError> {
        let of = format!("{before:?}");
        let (held, begun) = self.scratch_of(file.clone(), (logs, &of), &self.readers).await?;
        let rows = beside(&file, "-rows");
        if begun != Begun::GoesOn {
            Held::new(rows.clone()).await?.remove()?;
        }
        let (rows, _) = self.scratch_of(rows, (logs, &of), &self.readers).await?;
        Ok((held, rows, begun))
    }

    async fn one_again(
        &self,
        walk: &mut Walk<'_>,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RedecideError> {
        let source = walk.source;
        let head = self.store.head(source).await?.position;
        walk.resume(told).await?;
        walk.state.replayed.source = source.to_owned();
        walk.state.replayed.head = head;
        told(Told::At { source, position: walk.state.at, head });
        let readers = self.readers_of(source);
        let least = self.least(source, &readers).await?;
        walk.state.replayed.rows_at = least;
        walk.fold_behind(&readers, least);
        let decided = walk.decide_to(head, told).await;
        let folded = walk.folded_behind().await;
        decided?;
        folded?;
        let started = Instant::now();
        self.rows_again(walk, told).await?;
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        walk.state.replayed.compared_in_ms = took;
        Ok(())
    }

    async fn rows_again(
        &self,
        walk: &mut Walk<'_>,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RedecideError> {
        let source = walk.source;
        let readers = self.readers_of(source);
        walk.fold(readers.clone(), walk.state.replayed.rows_at).await?;
        let mut counted = BTreeMap::new();
        for reader in readers {
            let live = Live { source, store: &self.store, reader };
            walk.reader = Some(reader);
            let mut count = |row: RowDifference| {
                *counted.entry(row.table.to_owned()).or_insert(0) += 1;
                told(Told::Row(Box::new(row)));
            };
            live.all(walk, false, &mut count).await?;
        }
        // What was decided beyond the head, to meet readers that have gone on.
        for difference in std::mem::take(&mut walk.found) {
            told(Told::Decision(Box::new(difference)));
        }
        walk.state.replayed.rows = counted;
        walk.state.replayed.rows_as_recorded = walk.is_shifted();
        Ok(())
    }
}
