//! The ring of calls that were not accepted: bounded in number, age and memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::SignedDuration;
use tokio::sync::mpsc;

use super::Clock;
use crate::failure::chain;
use crate::store::{RejectedCall, Store};

/// How many calls stay.
const MOST: i64 = 10_000;
/// How long a call stays.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Every cause of [`Rejection`](crate::sources::signature::Rejection) and of calls that are turned
/// away unread: a counter that begins at 0 shows its first call as a rise.
pub const CAUSES: [&str; 7] = [
    "body_too_large",
    "content_encoding_unsupported",
    "outside_window",
    "signature_mismatch",
    "signature_missing",
    "source_without_secret",
    "too_many_failures",
];
/// How many calls may wait to be written; a flood beyond it is only counted.
const MAX_WAITING: usize = 1000;

/// The way to a source's ring.
#[derive(Clone, Debug)]
pub struct RejectedCalls {
    source: String,
    calls: mpsc::Sender<RejectedCall>,
    counted: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl RejectedCalls {
    /// Counts a call and keeps it, unless too many are waiting.
    pub fn keep(&self, call: RejectedCall) {
        self.count(call.cause);
        // Full: it is counted, which is all that a flood is owed.
        let _ = self.calls.try_send(call);
    }

    /// Counts a call that is not kept.
    pub fn count(&self, cause: &'static str) {
        tracing::debug!(source = self.source, cause, "turned away");
        *self.counts().entry(cause).or_default() += 1;
    }

    /// How many calls were turned away since the start, by cause.
    pub fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.counts().clone()
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        // Counting cannot leave the map broken.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that writes the ring of a source, and the way to it.
pub fn new(
    source: &str,
    store: Arc<dyn Store>,
    clock: Clock,
) -> (impl Future<Output = ()> + use<>, RejectedCalls) {
    let (sender, mut waiting) = mpsc::channel(MAX_WAITING);
    let source = source.to_owned();
    let of = source.clone();
    let task = async move {
        let mut calls = Vec::new();
        while waiting.recv_many(&mut calls, MAX_WAITING).await > 0 {
            let oldest = clock().saturating_sub(OLDEST).unwrap_or(jiff::Timestamp::MIN);
            let calls = std::mem::take(&mut calls);
            let lost = calls.len();
            if let Err(error) = store.reject(&source, calls, MOST, oldest).await {
                tracing::warn!(source, error = chain(&error), lost, "rejected calls were not kept");
            }
        }
        std::future::pending().await
    };
    (task, RejectedCalls { source: of, calls: sender, counted: Arc::default() })
}
