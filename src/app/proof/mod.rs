//! The proof of each log: the tree over its events, what is signed of it, and who has that outside the
//! database.

pub mod bundle;
mod checkpoints;
mod config;
pub mod export;
mod patrol;
mod sinks;
pub mod status;
mod tree;
pub mod verify;

use std::{sync::Arc, time::Duration};

use creditrail_proof::note::VerifierKey;
use tokio::{sync::watch, time::Instant};

pub(super) use self::{checkpoints::Checkpoints, patrol::Patrol};
pub use self::{
    checkpoints::SignError,
    config::{ProofConfig, ProofConfigError, SinkConfig, make_key},
    tree::TreeError,
};
use self::{checkpoints::Signed, tree::Tree};
use super::{Clock, Creditrail, access};
use crate::{failure::chain, store::Store};

/// How long events gather before they are hashed: each portion is a transaction of its own.
const GATHER: Duration = Duration::from_millis(500);
/// How often a checkpoint is signed, if there is something new.
const EVERY: Duration = Duration::from_secs(60);
/// After how many events one is signed before that.
const EVENTS: i64 = 10_000;
/// How long to wait after something failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Keeps the tree of one log, and signs checkpoints of it.
pub(super) struct Keeper {
    pub(super) source: String,
    pub(super) store: Arc<dyn Store>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) clock: Clock,
    pub(super) heads: watch::Receiver<i64>,
}

impl Keeper {
    /// Follows the log until it is dropped.
    pub(super) async fn run(mut self) {
        let mut tree = Tree::new(&self.source, Arc::clone(&self.store));
        let mut last: Option<(i64, Instant)> = None;
        loop {
            let size = match tree.catch_up(|_| {}).await {
                Ok(size) => size,
                Err(error) => {
                    self.checkpoints.failed(&self.source, chain(&error).to_string());
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            let is_due = last.is_none_or(|(signed, at)| {
                size - signed >= EVENTS || (size > signed && at.elapsed() >= EVERY)
            });
            if is_due && size > 0 && self.checkpoints.verifier().is_some() {
                let now = (self.clock)();
                // What fails is told by the status; it is tried again as if it had been signed.
                let _ = self.checkpoints.sign(&self.store, (&self.source, size), now).await;
                last = Some((size, Instant::now()));
            }
            let _ = tokio::time::timeout(GATHER, self.heads.changed()).await;
            tokio::time::sleep(GATHER).await;
        }
    }
}

impl Creditrail {
    /// The logs: those of the sources, and that of accesses.
    pub fn log_names(&self) -> impl Iterator<Item = &str> {
        self.sources().chain([access::LOG])
    }

    /// The key that verifies what is signed of the logs.
    pub fn verifier_key(&self) -> Option<&VerifierKey> {
        self.checkpoints.verifier()
    }

    /// Signs all logs as far as they are, at the end of a service. What fails is told by the log of the
    /// process.
    pub async fn sign_checkpoints(&self) {
        if self.verifier_key().is_some() {
            for log in self.log_names() {
                // What fails is logged where it does.
                let _ = self.sign(log).await;
            }
        }
    }

    /// Brings the tree of a log to its head, signs it, and has the sinks take it.
    async fn sign(&self, log: &str) -> Result<Signed, SignError> {
        let size = self.grow_tree(log, |_| {}).await?;
        self.checkpoints.sign(&self.store, (log, size), self.now()).await
    }

    /// Folds the tree over a log again from its first event on: how many events it is over then.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn rebuild_tree(
        &self,
        log: &str,
        told: impl FnMut(i64) + Send,
    ) -> Result<i64, TreeError> {
        let mut tree = Tree::new(log, Arc::clone(&self.store));
        tree.empty().await?;
        tree.catch_up(told).await
    }

    /// Brings the tree of a log to its head: how many events it is over then.
    ///
    /// # Errors
    /// [`TreeError`].
    pub async fn grow_tree(
        &self,
        log: &str,
        told: impl FnMut(i64) + Send,
    ) -> Result<i64, TreeError> {
        Tree::new(log, Arc::clone(&self.store)).catch_up(told).await
    }
}
