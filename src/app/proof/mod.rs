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
use crate::{
    failure::chain,
    store::{Store, StoreError},
};

/// How long events gather before they are hashed: each portion is a transaction of its own.
const GATHER: Duration = Duration::from_millis(500);
/// After how many events one is signed before that.
const EVENTS: i64 = 10_000;
/// How often the end of a service looks whether all that came is hashed, and how long it waits.
const LOOK: (Duration, u32) = (Duration::from_millis(100), 50);
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
                let is_open = size > signed || self.checkpoints.is_behind(&self.source);
                size - signed >= EVENTS || (is_open && at.elapsed() >= self.checkpoints.every)
            });
            if is_due && size > 0 && self.checkpoints.verifier().is_some() {
                let now = (self.clock)();
                // What fails is told by the status, and tried again after a while, even if nothing has
                // come since.
                let _ = self.checkpoints.sign(&self.store, (&self.source, size), now).await;
                last = Some((size, Instant::now()));
            }
            let _ = tokio::time::timeout(GATHER, self.heads.changed()).await;
            tokio::time::sleep(GATHER).await;
        }
    }
}

impl Creditrail {
    /// The logs that this service keeps: those of the sources in its settings, and that of accesses.
    pub fn log_names(&self) -> impl Iterator<Item = &str> {
        self.sources().chain([access::LOG])
    }

    /// All logs: those that this service keeps, and those that the database has besides. Nobody takes
    /// anything in for these, and they are proven like the others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_logs(&self) -> Result<Vec<String>, StoreError> {
        let mut logs = self.store.logs().await?;
        logs.extend(self.sources().map(str::to_owned));
        logs.remove(access::LOG);
        Ok(logs.into_iter().chain([access::LOG.to_owned()]).collect())
    }

    /// Whether this service keeps a log.
    fn keeps(&self, log: &str) -> bool {
        self.log_names().any(|name| name == log)
    }

    /// The key that verifies what is signed of the logs.
    pub fn verifier_key(&self) -> Option<&VerifierKey> {
        self.checkpoints.verifier()
    }

    /// Signs each log as far as it goes, and has the sinks take it: for the end of a service, after the
    /// last call. What fails is logged, and told by the next status.
    pub async fn sign_all(&self) {
        for log in self.log_names().filter(|_| self.checkpoints.verifier().is_some()) {
            let Ok(head) = self.store.head(log).await else { continue };
            if head.position > 0 && self.hashed_up_to(log, head.position).await.is_ok() {
                let _ = self.sign(log).await;
            }
        }
    }

    /// Waits until the tree of a log is over this position: on PostgreSQL another instance may have it
    /// in hand, and is about to get there. How many events it is over: fewer if nobody got there.
    async fn hashed_up_to(&self, log: &str, position: i64) -> Result<i64, TreeError> {
        let (look, times) = LOOK;
        let mut hashed = self.grow_tree(log, |_| {}).await?;
        for _ in 0..times {
            if hashed >= position {
                break;
            }
            tokio::time::sleep(look).await;
            hashed = self.grow_tree(log, |_| {}).await?;
        }
        Ok(hashed)
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
