//! What is signed of the logs: how many events there are and the root of the tree over them. Never
//! anything that contradicts what was signed before.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use creditrail_projections::{Cell, Change, Table, Write};
use creditrail_proof::{
    checkpoint::{Checkpoint, CheckpointError, origin},
    note::{SignerKey, VerifierKey},
};
use jiff::Timestamp;

use super::{
    sinks::Sink,
    tree::{self, TreeError},
};
use crate::{
    app::readers::lock,
    failure::chain,
    store::{Projected, Store, StoreError, proof::padded},
};

static CHECKPOINTS: Table = Table { name: "checkpoints", columns: &["signed_at", "note"] };
static COPIES: Table = Table { name: "checkpoint_copies", columns: &["size", "taken_at"] };

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// There is no key.
    #[error("there is no key to sign with; name one as `audit.key_file`")]
    NoKey,
    /// The tree is not there.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The log has lost events of which a checkpoint was signed, or has others in their place.
    #[error(
        "the log contradicts the checkpoint of {signed} events that was signed before ({kept}): it was \
         cut, rewritten or restored from a backup"
    )]
    Contradiction {
        /// How many events that checkpoint is about.
        signed: u64,
        /// Where it is kept.
        kept: String,
    },
    /// The tree is being folded again.
    #[error("the tree is over {hashed} events so far; {signed} of them were signed before")]
    Unhashed {
        /// How many events it is over.
        hashed: i64,
        /// How many were signed.
        signed: i64,
    },
    /// A checkpoint that is kept is not signed by the key.
    #[error("the newest checkpoint that is kept ({kept}) is not by the key that signs")]
    Kept {
        /// Where it is kept.
        kept: String,
        /// What is wrong.
        #[source]
        cause: CheckpointError,
    },
    /// The checkpoint cannot be spelled.
    #[error("the checkpoint cannot be written")]
    Spelling(#[from] CheckpointError),
    /// What was signed cannot be remembered outside the database, so nothing was signed.
    #[error("{path} cannot be written", path = .path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// What signs, where it remembers what it signed, and who takes it outside the database.
#[derive(Debug, Default)]
pub(in crate::app) struct Checkpoints {
    pub(super) key: Option<SignerKey>,
    /// A folder with the newest checkpoint of each log.
    pub(super) memory: Option<PathBuf>,
    pub(super) sinks: Vec<Sink>,
    /// How often.
    pub(super) every: Duration,
    /// One is signed at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// By log: why nothing is signed.
    pub(super) failures: Mutex<BTreeMap<String, String>>,
    /// By log: what was found in the background that is not as it was hashed.
    pub(super) changed: Mutex<BTreeMap<String, String>>,
    /// By log and sink: why it takes nothing.
    pub(super) untaken: Mutex<BTreeMap<(String, String), String>>,
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
}

impl Checkpoints {
    /// The key that verifies.
    pub(super) fn verifier(&self) -> Option<&VerifierKey> {
        self.key.as_ref().map(SignerKey::verifier)
    }

    /// Why nothing is signed of a log, if so.
    pub(super) fn failure(&self, source: &str) -> Option<String> {
        lock(&self.failures).get(source).cloned()
    }

    /// What was found in the background, if anything.
    pub(super) fn change(&self, source: &str) -> Option<String> {
        lock(&self.changed).get(source).cloned()
    }

    /// Notes what was found in the background. It stays until the process ends.
    pub(super) fn found(&self, source: &str, what: String) {
        let mut changed = lock(&self.changed);
        if !changed.contains_key(source) {
            tracing::error!(source, what, "the log was changed");
            changed.insert(source.to_owned(), what);
        }
    }

    /// Notes why nothing is signed of a log.
    pub(super) fn failed(&self, source: &str, error: String) {
        let mut failures = lock(&self.failures);
        if failures.get(source) != Some(&error) {
            tracing::error!(source, error, "no checkpoint is signed");
            failures.insert(source.to_owned(), error);
        }
    }

    /// Whether something is to be tried again: a signature, or a copy in a sink.
    pub(super) fn is_behind(&self, source: &str) -> bool {
        self.failure(source).is_some() || lock(&self.untaken).keys().any(|(log, _)| log == source)
    }

    /// Why a sink takes nothing of a log, if so.
    pub(super) fn untaken(&self, source: &str, sink: &str) -> Option<String> {
        lock(&self.untaken).get(&(source.to_owned(), sink.to_owned())).cloned()
    }

    /// Signs the first `size` events of a log and has the sinks take it, each as it can.
    ///
    /// # Errors
    /// [`SignError`]; it is told by [`Self::failure`] until it is no more so.
    pub(super) async fn sign(
        &self,
        store: &Arc<dyn Store>,
        (source, size): (&str, i64),
        now: Timestamp,
    ) -> Result<Signed, SignError> {
        let _turn = self.turn.lock().await;
        let signed = self.sign_alone(&**store, (source, size), now).await;
        match &signed {
            Ok(signed) => {
                lock(&self.failures).remove(source);
                self.hand_out(&**store, (source, signed), now).await?;
            }
            Err(error) => self.failed(source, chain(error).to_string()),
        }
        signed
    }

    async fn sign_alone(
        &self,
        store: &dyn Store,
        (source, size): (&str, i64),
        now: Timestamp,
    ) -> Result<Signed, SignError> {
        let key = self.key.as_ref().ok_or(SignError::NoKey)?;
        let origin = origin(key.verifier(), source);
        // Another instance may have hashed and signed more meanwhile.
        let size = self.continues(store, source).await?.max(size);
        let root = tree::root(store, source, size).await?;
        let checkpoint =
            Checkpoint { origin, size: size.unsigned_abs(), root, extensions: Vec::new() };
        let note = checkpoint.sign(key)?;
        self.remember(source, &note)?;
        let cells = vec![now.as_microsecond().into(), Cell::from(note.as_str())];
        keep(store, source, &CHECKPOINTS, (padded(size), cells)).await?;
        Ok(Signed { checkpoint, note })
    }

    /// Whether a log continues what was signed of it before: how many events the tree is over that was
    /// compared.
    ///
    /// # Errors
    /// [`SignError`], if it does not or nobody can tell yet.
    pub(super) async fn continues(
        &self,
        store: &dyn Store,
        source: &str,
    ) -> Result<i64, SignError> {
        self.verifier().ok_or(SignError::NoKey)?;
        let before = self.before(store, source).await?;
        // Read after what was signed, since both go on.
        let hashed = tree::hashed(store, source).await?;
        for kept in before {
            self.has(store, (source, hashed), kept).await?;
        }
        Ok(hashed)
    }

    /// That a log, of which so much is hashed, begins with the one of a checkpoint that is kept somewhere.
    ///
    /// # Errors
    /// As [`Self::continues`].
    pub(super) async fn has(
        &self,
        store: &dyn Store,
        (source, hashed): (&str, i64),
        (kept, note): (String, String),
    ) -> Result<(), SignError> {
        let key = self.verifier().ok_or(SignError::NoKey)?;
        let cause = |cause| SignError::Kept { kept: kept.clone(), cause };
        let before = Checkpoint::verified(&note, key).map_err(cause)?;
        let before = before.of_log(&origin(key, source)).map_err(cause)?;
        let contradiction = SignError::Contradiction { signed: before.size, kept };
        let older = i64::try_from(before.size).unwrap_or(i64::MAX);
        if older > store.head(source).await?.position {
            return Err(contradiction);
        }
        if older > hashed {
            return Err(SignError::Unhashed { hashed, signed: older });
        }
        // Both roots are of the same nodes, none of which ever changes: the newer tree begins with the
        // older one if this is its root.
        if tree::root(store, source, older).await? != before.root {
            return Err(contradiction);
        }
        Ok(())
    }

    /// What was signed last, as far as anybody here remembers, and who does.
    async fn before(
        &self,
        store: &dyn Store,
        source: &str,
    ) -> Result<Vec<(String, String)>, SignError> {
        let mut before = Vec::new();
        let newest = store.newest_checkpoint(source).await?;
        before.extend(newest.map(|kept| ("in the database".to_owned(), kept.note)));
        if let Some(path) = self.memory_of(source) {
            match fs::read_to_string(&path) {
                Ok(note) => before.push((format!("in {}", path.display()), note)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(SignError::Memory { path, cause }),
            }
        }
        Ok(before)
    }

    pub(super) fn memory_of(&self, source: &str) -> Option<PathBuf> {
        self.memory.as_ref().map(|folder| folder.join(format!("{source}.checkpoint")))
    }

    fn remember(&self, source: &str, note: &str) -> Result<(), SignError> {
        let Some(path) = self.memory_of(source) else { return Ok(()) };
        write_whole(&path, note).map_err(|cause| SignError::Memory { path, cause })
    }

    /// Has each sink take what was signed. One that does not is asked again with the next.
    async fn hand_out(
        &self,
        store: &dyn Store,
        (source, signed): (&str, &Signed),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for sink in &self.sinks {
            let place = (source.to_owned(), sink.name.clone());
            match sink.take(source, signed).await {
                Ok(()) => {
                    lock(&self.untaken).remove(&place);
                    let size = i64::try_from(signed.checkpoint.size).unwrap_or(i64::MAX);
                    let cells = vec![size.into(), now.as_microsecond().into()];
                    keep(store, source, &COPIES, (sink.name.clone(), cells)).await?;
                }
                Err(error) => {
                    let error = chain(&error).to_string();
                    tracing::warn!(source, sink = sink.name, error, "a checkpoint is not taken");
                    lock(&self.untaken).insert(place, error);
                }
            }
        }
        Ok(())
    }
}

async fn keep(
    store: &dyn Store,
    source: &str,
    table: &'static Table,
    (key, cells): (String, Vec<Cell>),
) -> Result<(), StoreError> {
    // A checkpoint is never written anew: the service may only add.
    let write = if table.name == CHECKPOINTS.name { Write::KeepFirst } else { Write::Replace };
    let change = Change { key, write, position: 0, cells };
    let projected = Projected { changes: vec![(table, vec![change])], ..Projected::default() };
    store.project(source, projected).await.map(drop)
}

/// Writes a file so that it is there whole or not at all, and on the disk.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension(format!("{}.new", uuid::Uuid::new_v4()));
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(folder)?.sync_all()
}
