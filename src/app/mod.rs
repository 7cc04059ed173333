//! The use cases: receive, command, read, replay. Everything outside comes in through here.

pub mod access;
pub mod again;
mod builder;
pub mod changes;
pub mod clock;
pub mod command;
pub mod compliance;
mod content;
pub mod counters;
pub mod export;
pub mod handler;
pub mod histories;
mod in_force;
pub mod judge;
mod key_file;
pub mod lifecycles;
mod lines;
pub mod lists;
pub mod metrics;
pub mod moments;
mod pages;
mod past;
pub mod privacy;
pub mod proof;
pub mod read;
pub mod readers;
pub mod receive;
pub mod redecide;
pub mod redrive;
pub mod rejected;
pub mod replay;
pub mod sealing;
pub mod sending;
mod settled;
mod shadow;
pub mod statistics;
pub mod status;
mod then;
pub mod things;
pub mod verify;
mod worker;
pub mod writer;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use creditrail_projections::Reader;
use jiff::Timestamp;
use tokio::sync::watch;

use self::{
    access::AccessLog,
    counters::Counters,
    proof::Checkpoints,
    readers::Progress,
    rejected::RejectedCalls,
    sealing::Keyring,
    sending::{Registry, Resolver},
    worker::Shared,
    writer::WriterHandle,
};
pub use self::{
    builder::{BuildError, Builder, migrate},
    worker::Worker,
};
use crate::{
    sources::{Lender, SourceConfig},
    store::Store,
};

/// What time it is. The only clock there is: the domain has none.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The service: receives, commands and reads. Cheap to clone.
#[derive(Clone)]
pub struct Creditrail {
    store: Arc<dyn Store>,
    sources: Arc<BTreeMap<String, Source>>,
    readers: Arc<[&'static Reader]>,
    clock: Clock,
    keyring: Keyring,
    access: AccessLog,
    checkpoints: Arc<Checkpoints>,
    unknown_sources: Arc<AtomicU64>,
    has_handler: bool,
    endpoints: Arc<Registry>,
    resolver: Arc<dyn Resolver>,
    /// What the names of scratch files begin with.
    scratch: PathBuf,
}

/// A configured source and the ways to its tasks.
struct Source {
    config: SourceConfig,
    lender: Box<dyn Lender>,
    writer: WriterHandle,
    progress: Progress,
    rejected: RejectedCalls,
    counters: Arc<Counters>,
    heads: watch::Receiver<i64>,
}

impl Creditrail {
    /// A builder; without further settings it has no source and keeps `creditrail.db`.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// The names of the sources, sorted.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The clock of the service.
    pub(crate) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    /// What sessions of people are sealed with: instances that share the sealing key share it.
    pub(crate) fn session_key(&self) -> [u8; 32] {
        self.keyring.derived(b"sessions")
    }
}
