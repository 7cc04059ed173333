//! Going on with a check that was ended. What it remembers holds for the same record, held against the
//! same, looked at by the same program; and the report tells what was not looked at again.

use creditrail_proof::Hash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    super::{Creditrail, TreeError, checkpoints::Checkpoints, sinks::To, tree},
    Against, LogReport, VerifyError, read,
};
use crate::{
    app::shadow::scratch::program,
    store::{Head, proof::Place},
};

/// How far a check is: what is needed to go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyState {
    /// What was found so far.
    pub report: LogReport,
    /// The position at which it ends.
    pub head: i64,
    /// The position that has been passed.
    pub at: i64,
    /// When it began.
    began_at: Timestamp,
    /// How many deliveries the head told of, and how many were received.
    counts: (i64, i64),
    /// The root of the tree over the events that have been passed, as they were hashed again.
    pub(super) root: Option<Hash>,
    /// When the last of these events was recorded.
    pub(super) recorded_at: i64,
    /// The last place by stream.
    pub(super) place: Option<Place>,
    /// The last delivery by number, and what they were received in all.
    pub(super) number: i64,
    pub(super) received: i64,
}

/// What an earlier run looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The last position of it.
    pub up_to: i64,
    /// When that run began.
    pub began_at: Timestamp,
}

impl VerifyState {
    /// At the beginning of a log.
    pub(super) fn new(report: LogReport, head: &Head, began_at: Timestamp) -> Self {
        Self {
            report,
            head: head.position,
            at: 0,
            began_at,
            counts: (head.deliveries, head.received),
            root: None,
            recorded_at: i64::MIN,
            place: None,
            number: 0,
            received: 0,
        }
    }

    /// The same, taken over from an earlier run: the report tells.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        let resumed = Resumed { up_to: self.at, began_at: self.began_at };
        self.report.resumed = Some(resumed).filter(|resumed| resumed.up_to > 0);
        self
    }
}

impl Creditrail {
    /// What a check depends on beside the logs: the key, the checkpoints and where they lie, the program,
    /// and the options that are given.
    ///
    /// # Errors
    /// [`VerifyError::Outside`]: a file that is given cannot be read.
    pub fn verify_depends_on(
        &self,
        against: &Against<'_>,
        options: &str,
    ) -> Result<String, VerifyError> {
        let key = against.key.or_else(|| self.checkpoints.verifier()).map(ToString::to_string);
        let given = against.checkpoints.iter().map(|path| Ok((path, read(path)?)));
        let given: Vec<_> = given.collect::<Result<_, VerifyError>>()?;
        let Checkpoints { memory, sinks, .. } = &*self.checkpoints;
        let folders: Vec<_> = sinks
            .iter()
            .filter_map(|sink| match &sink.to {
                To::Folder(folder) => Some(folder),
                To::Http { .. } => None,
            })
            .collect();
        let all = format!("{} {key:?} {given:?} {memory:?} {folders:?} {options}", program());
        Ok(hex::encode(Sha256::digest(all)))
    }

    /// Why what is remembered of a log is of no use, if so: `is_done` says that it was looked at to its
    /// head.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn has_changed(
        &self,
        state: &VerifyState,
        is_done: bool,
    ) -> Result<Option<&'static str>, VerifyError> {
        let log = &state.report.log;
        let head = self.store.head(log).await?;
        if is_done
            && (head.position, head.deliveries, head.received)
                != (state.head, state.counts.0, state.counts.1)
        {
            return Ok(Some("it is not as long as it was"));
        }
        if state.at == 0 {
            return Ok(None);
        }
        match tree::root(&*self.store, log, state.at).await {
            Ok(root) if Some(root) == state.root => Ok(None),
            Err(TreeError::Store(error)) => Err(error.into()),
            Ok(_) | Err(_) => Ok(Some("it is not the log that was looked at")),
        }
    }
}
