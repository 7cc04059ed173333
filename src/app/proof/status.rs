//! How far a log is proven: hashed, signed, and taken outside the database.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Creditrail, SignError,
    sinks::{Copied, Sink, To},
};
use crate::{
    failure::chain,
    store::{Store, StoreError, proof::Copy},
};

/// How long a checkpoint may be known to this database alone.
const TAKEN_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How far a log is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProofStatus {
    /// The log: a source, or `_access`.
    pub log: String,
    /// Whether it is in the settings: else nobody takes anything in for it, or signs it.
    pub in_settings: bool,
    /// How many events there are.
    pub events: i64,
    /// How many of them the tree is over.
    pub hashed: i64,
    /// The key that verifies what is signed.
    pub key: Option<String>,
    /// The newest checkpoint.
    pub checkpoint: Option<SignedAt>,
    /// Who takes checkpoints outside the database.
    pub sinks: Vec<SinkStatus>,
    /// `green` if all of it holds, else `red`.
    pub state: &'static str,
    /// Whether something was changed, or contradicts what was signed, or cannot be hashed or signed.
    pub failed: bool,
    /// Why it is red.
    pub reasons: Vec<String>,
}

/// The newest checkpoint of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedAt {
    /// How many events it is about.
    pub size: i64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// What a place outside the database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// How many events the newest checkpoint is about that it took.
    pub size: Option<i64>,
    /// When it took it.
    pub taken_at: Option<Timestamp>,
    /// Why it did not take the newest one.
    pub error: Option<String>,
}

impl ProofStatus {
    /// Whether all of it holds.
    pub fn is_green(&self) -> bool {
        self.state == "green"
    }
}

impl Creditrail {
    /// How far each log is proven.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn proof_status(&self) -> Result<Vec<ProofStatus>, StoreError> {
        let mut all = Vec::new();
        for log in self.all_logs().await? {
            all.push(self.proof_status_of(&log).await?);
        }
        Ok(all)
    }

    async fn proof_status_of(&self, log: &str) -> Result<ProofStatus, StoreError> {
        let store: &dyn Store = &*self.store;
        let hashed = super::tree::hashed(store, log).await?;
        let checkpoint = store.newest_checkpoint(log).await?;
        let copies = store.checkpoint_copies(log).await?;
        let newest = checkpoint.as_ref().map(|checkpoint| checkpoint.size);
        let mut sinks = Vec::new();
        let mut read_back = Vec::new();
        for sink in &self.checkpoints.sinks {
            let (status, copied) = self.sink_status((log, newest), sink, &copies);
            sinks.push(status);
            read_back.extend(copied);
        }
        let key = self.checkpoints.verifier().map(ToString::to_string);
        let events = store.head(log).await?.position;
        let mut reasons = Vec::new();
        reasons.extend(self.checkpoints.change(log));
        // Looked up here and now: who asks is another process than the one that signs.
        match self.checkpoints.continues(store, log).await {
            Ok(_) => reasons.extend(self.checkpoints.failure(log)),
            Err(SignError::NoKey) => reasons
                .push("nothing is signed: there is no key (name one as audit.key_file)".to_owned()),
            Err(error) => reasons.push(chain(&error).to_string()),
        }
        for Copied { path, note, .. } in read_back {
            let kept = (format!("in {}", path.display()), note);
            match self.checkpoints.has(store, (log, hashed), kept).await {
                // More than one place may say the same of it.
                Err(error) if !reasons.contains(&chain(&error).to_string()) => {
                    reasons.push(chain(&error).to_string());
                }
                Ok(()) | Err(_) => {}
            }
        }
        // What comes below is missing, and nothing has failed.
        let failed = key.is_some() && !reasons.is_empty();
        if sinks.is_empty() {
            reasons.push(
                "no place outside the database takes checkpoints: whoever can write the database can \
                 write all of it anew unnoticed (add an [[audit.sink]])"
                    .to_owned(),
            );
        } else if events > 0 && !self.is_taken(&sinks, newest.unwrap_or(0)) {
            reasons.push("no place outside the database has the newest checkpoint".to_owned());
        }
        Ok(ProofStatus {
            log: log.to_owned(),
            in_settings: self.keeps(log),
            events,
            hashed,
            key,
            checkpoint: checkpoint.map(|kept| SignedAt {
                size: kept.size,
                signed_at: kept.signed_at,
                note: kept.note,
            }),
            sinks,
            failed,
            state: if reasons.is_empty() { "green" } else { "red" },
            reasons,
        })
    }

    /// What a place has: of a folder what is read back there, of an endpoint what it has answered.
    fn sink_status(
        &self,
        (log, newest): (&str, Option<i64>),
        sink: &Sink,
        copies: &[Copy],
    ) -> (SinkStatus, Option<Copied>) {
        let copy = copies.iter().find(|copy| copy.sink == sink.name);
        let mut status = SinkStatus {
            name: sink.name.clone(),
            size: copy.map(|copy| copy.size),
            taken_at: copy.map(|copy| copy.taken_at),
            error: self.checkpoints.untaken(log, &sink.name),
        };
        if matches!(sink.to, To::Http { .. }) {
            return (status, None);
        }
        let told = status.size;
        (status.size, status.taken_at) = (None, None);
        for size in newest.into_iter().chain(told) {
            match sink.to.read_back(log, size) {
                Ok(Some(copied)) => {
                    (status.size, status.taken_at) = (Some(size), Some(copied.at));
                    return (status, Some(copied));
                }
                Ok(None) => {}
                Err(error) => {
                    status.error.get_or_insert(format!("the folder cannot be read: {error}"));
                }
            }
        }
        if let Some(size) = told {
            let gone = format!("the checkpoint of {size} events is not there any more");
            status.error.get_or_insert(gone);
        }
        (status, None)
    }

    /// Whether one of them has the newest checkpoint, or took one within the last day.
    fn is_taken(&self, sinks: &[SinkStatus], newest: i64) -> bool {
        let lately = self.now().checked_sub(TAKEN_WITHIN).unwrap_or(Timestamp::MIN);
        newest > 0
            && sinks.iter().any(|sink| {
                sink.size == Some(newest) || sink.taken_at.is_some_and(|taken| taken >= lately)
            })
    }
}
