//! Checking a log from its first event to its head: that nothing is missing, nothing was changed, and
//! all of it is what was signed.
//!
//! One pass by position (positions, times, leaves against the tree, roots against every checkpoint,
//! deliveries against the events that recorded them), one by stream (sequences), one by number
//! (deliveries, and the keys that they name), one over these keys, and the audit equation. If it is asked
//! for, one over the rows of read models. Memory is bounded: pages, and the right edge of the tree.
//!
//! What the pass by position saw to be in order is not looked at by stream and by number again: streams are
//! then held against an index alone, and deliveries not at all.

mod keys;
mod order;
mod outside;
mod resume;
mod rows;
mod walk;

use std::path::{Path, PathBuf};

use creditrail_proof::{checkpoint::Checkpoint, note::VerifierKey};
use serde::{Deserialize, Serialize};

pub use self::resume::{Resumed, VerifyState};
use self::{order::Delivered, outside::Known};
use super::{Creditrail, TreeError, tree};
use crate::{
    app::{access, replay::RebuildError},
    store::{Store, StoreError, proof::Place, whole::DeliveryPlace},
};

/// How many rows are read at once.
const PAGE: i64 = 4000;
/// How many findings of a log are told one by one.
const MOST_TOLD: usize = 200;

/// Why a log was not checked to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The read models could not be folded anew.
    #[error("the read models were not folded anew")]
    Rebuild(#[from] RebuildError),
    /// A checkpoint that was given cannot be read.
    #[error("{0}")]
    Outside(String),
    /// A checkpoint that was given is of no log that is looked at.
    #[error(
        "{path} is held against nothing: it is no checkpoint of {origins}",
        path = .path.display()
    )]
    HeldAgainstNothing {
        /// The file.
        path: PathBuf,
        /// The logs that are looked at, as their checkpoints name them.
        origins: String,
    },
    /// Checkpoints are given, and nothing that verifies them.
    #[error("there is no key that verifies the checkpoints that are given")]
    NoKey,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check: `positions`, `times`, `events`, `tree`, `checkpoints`, `streams`, `deliveries`,
    /// `equation`, `keys`, `read_models`.
    pub check: String,
    /// The position in the log, where it has one.
    pub position: Option<i64>,
    /// What was found.
    pub what: String,
}

/// What was checked of a log, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogReport {
    /// The log.
    pub log: String,
    /// Whether it is in the settings.
    pub in_settings: bool,
    /// How many events were hashed.
    pub events: i64,
    /// How many of them came with a delivery.
    pub deliveries: i64,
    /// How many streams they are of.
    pub streams: i64,
    /// How many checkpoints were held against them, and where those are kept.
    pub checkpoints: i64,
    /// How many of these are kept outside the database.
    pub outside: i64,
    /// Which of the files that were given were held against them.
    #[serde(default)]
    pub given: Vec<Given>,
    /// What an earlier run looked at, and this one did not again; absent if it looked at all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resumed: Option<Resumed>,
    /// What was compared of its read models; absent unless they were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_models: Option<RowsReport>,
    /// What was found, the first 200 of it.
    pub findings: Vec<Finding>,
    /// How much was found.
    pub found: u64,
}

/// A checkpoint in a file that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The file.
    pub file: String,
    /// How many events it is about.
    pub size: i64,
}

/// What was compared of read models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsReport {
    /// How many rows there are.
    pub rows: u64,
    /// The position at which their readers were, the one farthest behind.
    pub position: i64,
}

/// What a log is held against.
#[derive(Debug, Default)]
pub struct Against<'a> {
    /// The key that verifies; that of the service, if none is given.
    pub key: Option<&'a VerifierKey>,
    /// Files with checkpoints that were kept outside.
    pub checkpoints: &'a [PathBuf],
}

impl LogReport {
    fn find(&mut self, check: &str, position: Option<i64>, what: String) {
        self.found += 1;
        if self.findings.len() < MOST_TOLD {
            self.findings.push(Finding { check: check.to_owned(), position, what });
        }
    }
}

impl Creditrail {
    /// Checks a log as far as it goes now: the report is in the state at which it ends. `told` is called
    /// with how far it is, from time to time: a check that is given such a state goes on from there.
    ///
    /// # Errors
    /// [`VerifyError`] if it cannot be read. What is wrong with what can be read is in the report.
    pub async fn verify_log(
        &self,
        log: &str,
        against: &Against<'_>,
        (begun, mut told): (Option<VerifyState>, impl FnMut(&VerifyState) + Send),
    ) -> Result<VerifyState, VerifyError> {
        let store: &dyn Store = &*self.store;
        let head = store.head(log).await?;
        let anew = || {
            let (log, in_settings) = (log.to_owned(), self.keeps(log));
            let report = LogReport { log, in_settings, ..LogReport::default() };
            VerifyState::new(report, &head, self.now())
        };
        let mut state = begun.map_or_else(anew, VerifyState::resumed);
        // Else what is not hashed yet would look as if it were missing.
        let hashed = match self.hashed_up_to(log, head.position).await {
            Ok(hashed) => hashed,
            // The walk tells where.
            Err(TreeError::Gap { .. }) => head.position,
            Err(error) => return Err(error.into()),
        };
        if state.at == 0 {
            // The log goes on meanwhile.
            if hashed > store.head(log).await?.position {
                let what = format!(
                    "the tree is over {hashed} events and the log has {}: its end is missing",
                    head.position
                );
                state.report.find("tree", Some(head.position + 1), what);
            }
            if hashed < head.position {
                let what = format!(
                    "the tree is over {hashed} events and the log has {}: nobody hashes the others",
                    head.position
                );
                state.report.find("tree", Some(hashed + 1), what);
            }
            if !store.evidence_after(log, head.position, 1).await?.is_empty()
                && store.head(log).await?.position == head.position
            {
                let what = "there are events behind the head of the log".to_owned();
                state.report.find("positions", Some(head.position + 1), what);
            }
        }
        let known = self.known_checkpoints(log, against, &mut state.report).await?;
        let order = self.walk(log, (&mut state, known), &mut told).await?;
        if !self.are_ordered(log, &mut state, order.row).await? {
            self.streams(log, &mut state, &mut told).await?;
        }
        if log != access::LOG {
            self.delivered(log, (&mut state, order.delivered), &mut told).await?;
            if order.delivered.is_some() && self.unequal(log, &state).await?.is_some() {
                // Some may have come again since they were looked at.
                (state.number, state.received) = (0, 0);
                self.delivered(log, (&mut state, None), &mut told).await?;
            }
            self.equation(log, &mut state).await?;
            self.keys(log, &mut state.report).await?;
        }
        Ok(state)
    }

    /// Whether the sequences of each stream are without a gap and in the order of positions, as far as an
    /// index tells. If it does not, nothing is noted.
    async fn are_ordered(
        &self,
        log: &str,
        state: &mut VerifyState,
        row: Option<i64>,
    ) -> Result<bool, VerifyError> {
        let Some(row) = row else { return Ok(false) };
        let ordered = self.store.ordered(log, (state.head, row)).await?;
        let Some(ordered) = ordered.filter(|ordered| !ordered.is_broken) else { return Ok(false) };
        state.report.streams = ordered.streams;
        state.place = ordered.last(state.head);
        Ok(true)
    }

    /// Sequences of each stream, without a gap and in the order of positions.
    async fn streams(
        &self,
        log: &str,
        state: &mut VerifyState,
        told: &mut (impl FnMut(&VerifyState) + Send),
    ) -> Result<(), VerifyError> {
        let none = Place {
            aggregate_type: String::new(),
            aggregate_id: String::new(),
            sequence: 0,
            position: 0,
        };
        loop {
            let after = state.place.clone().unwrap_or_else(|| none.clone());
            let page = self.store.places_after(log, &after, PAGE).await?;
            let Some(last) = page.last().cloned() else { return Ok(()) };
            let mut before = after;
            for place in page.into_iter().filter(|place| place.position <= state.head) {
                let same = (&before.aggregate_type, &before.aggregate_id)
                    == (&place.aggregate_type, &place.aggregate_id);
                let expected = if same { before.sequence + 1 } else { 1 };
                state.report.streams += i64::from(!same);
                if place.sequence != expected {
                    let what = format!(
                        "{} {} has sequence {} where {expected} should be",
                        place.aggregate_type, place.aggregate_id, place.sequence
                    );
                    state.report.find("streams", Some(place.position), what);
                }
                if same && place.position <= before.position {
                    let what = format!(
                        "{} {} has sequence {} before {}",
                        place.aggregate_type, place.aggregate_id, place.sequence, before.sequence
                    );
                    state.report.find("streams", Some(place.position), what);
                }
                before = place;
            }
            state.place = Some(last);
            told(state);
        }
    }

    /// Deliveries by number: none is missing, and each stands behind the one before.
    async fn delivered(
        &self,
        log: &str,
        (state, in_order): (&mut VerifyState, Option<Delivered>),
        told: &mut (impl FnMut(&VerifyState) + Send),
    ) -> Result<(), VerifyError> {
        let mut position = 0;
        if let Some(seen) = in_order {
            (state.number, position, state.received) = (seen.number, seen.position, seen.received);
        }
        loop {
            let page = self.store.delivery_places(log, state.number, PAGE).await?;
            let Some(last) = page.last().map(|last| last.number) else { return Ok(()) };
            self.named_keys(log, (state.number, last), &mut state.report).await?;
            for DeliveryPlace { number, first_position, delivery_id, repeats, .. } in page {
                if first_position > state.head {
                    return Ok(());
                }
                if number != state.number + 1 {
                    let what =
                        format!("delivery {number} ({delivery_id}) follows {}", state.number);
                    state.report.find("deliveries", Some(first_position), what);
                }
                if first_position <= position {
                    let what = format!(
                        "delivery {number} ({delivery_id}) came later than one that is recorded behind it"
                    );
                    state.report.find("deliveries", Some(first_position), what);
                }
                (state.number, position) = (number, first_position);
                state.received += 1 + repeats;
            }
            state.number = last;
            told(state);
        }
    }

    /// In what the head of the log and its deliveries differ; one that has gone on tells nothing.
    async fn unequal(&self, log: &str, state: &VerifyState) -> Result<Option<String>, VerifyError> {
        let head = self.store.head(log).await?;
        let found = (state.received, state.number);
        let told = (head.received, head.deliveries);
        Ok((head.position == state.head && found != told).then(|| {
            format!(
                "the head of the log tells of {} received and {} kept; there are {} and {}",
                told.0, told.1, found.0, found.1
            )
        }))
    }

    /// What was received is what became of it.
    async fn equation(&self, log: &str, state: &mut VerifyState) -> Result<(), VerifyError> {
        if let Some(what) = self.unequal(log, state).await? {
            state.report.find("equation", None, what);
        }
        if let Some((counted, kept)) = self.store.counted(log).await?
            && counted != kept
        {
            let what =
                format!("outcomes are told of {counted} deliveries, and {kept} were kept that far");
            state.report.find("equation", None, what);
        }
        Ok(())
    }

    /// The checkpoints that are known of a log and signed by the key, by their size.
    async fn known_checkpoints(
        &self,
        log: &str,
        against: &Against<'_>,
        report: &mut LogReport,
    ) -> Result<Vec<Known>, VerifyError> {
        let mut notes = outside::files(against.checkpoints)?;
        notes.extend(outside::of_service(&self.checkpoints, log)?);
        let mut size = -1;
        loop {
            let page = self.store.checkpoints_after(log, size, PAGE).await?;
            let Some(last) = page.last() else { break };
            size = last.size;
            notes.extend(page.into_iter().map(|kept| outside::Note::in_database(kept.note)));
        }
        let Some(key) = against.key.or_else(|| self.checkpoints.verifier()) else {
            return Ok(Vec::new());
        };
        let origin = creditrail_proof::checkpoint::origin(key, log);
        let mut known = Vec::new();
        for note in notes {
            match Checkpoint::verified(&note.text, key).and_then(|it| it.of_log(&origin)) {
                Ok(checkpoint) => known.push(note.known(&checkpoint)),
                Err(_) if note.may_be_of_another(&origin) => {}
                Err(error) => {
                    let what = format!("a checkpoint ({}) does not hold: {error}", note.kept);
                    report.find("checkpoints", None, what);
                }
            }
        }
        known.sort_by_key(|known| known.size);
        Ok(known)
    }

    /// Whether the log that is kept here begins with the one of a checkpoint: the proof, one hash a
    /// line, for whoever has the older of the two.
    ///
    /// # Errors
    /// [`TreeError`]: there are not so many events.
    pub async fn consistency(
        &self,
        log: &str,
        (old, new): (i64, i64),
    ) -> Result<Vec<creditrail_proof::Hash>, TreeError> {
        let plan =
            creditrail_proof::tree::plan::consistency(old.unsigned_abs(), new.unsigned_abs())?;
        let nodes = tree::Nodes::of(&*self.store, log, plan.nodes()).await?;
        Ok(plan.proof(|node| nodes.get(node))?)
    }
}

/// A file as text, for what it is said to be.
fn read(path: &Path) -> Result<String, VerifyError> {
    let failed =
        |error| VerifyError::Outside(format!("{} cannot be read: {error}", path.display()));
    std::fs::read_to_string(path).map_err(failed)
}
