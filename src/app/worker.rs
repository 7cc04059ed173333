//! What has to run for a service to work.

use std::sync::Arc;

use creditrail_projections::Reader;
use tokio::{sync::watch, task::JoinSet};

use super::{
    Clock, Creditrail, Source, clock,
    counters::Counters,
    handler::{ActionHandler, Announcer},
    proof::{self, Checkpoints},
    readers, rejected,
    sealing::Keyring,
    sending::Senders,
    writer::Writer,
};
use crate::{
    failure::chain,
    sources::{Lender, SourceConfig},
    store::{Store, StoreError},
};

/// What has to run for the service to work: writers, readers and the clock of deadlines. The
/// host runs it; when its future is dropped, all of it stops.
#[must_use = "nothing is written or read until the worker runs"]
pub struct Worker {
    pub(super) tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// What the tasks of all sources share.
pub(super) struct Shared<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) keyring: &'a Keyring,
    pub(super) readers: &'a [&'static Reader],
    pub(super) handler: Option<&'a Arc<dyn ActionHandler>>,
    pub(super) clock: &'a Clock,
    pub(super) checkpoints: &'a Arc<Checkpoints>,
}

impl Shared<'_> {
    pub(super) fn patrol(&self, log: &str) -> proof::Patrol {
        proof::Patrol {
            source: log.to_owned(),
            store: Arc::clone(self.store),
            checkpoints: Arc::clone(self.checkpoints),
        }
    }

    pub(super) fn keeper(&self, log: &str, heads: watch::Receiver<i64>) -> proof::Keeper {
        proof::Keeper {
            source: log.to_owned(),
            store: Arc::clone(self.store),
            checkpoints: Arc::clone(self.checkpoints),
            clock: Arc::clone(self.clock),
            heads,
        }
    }
}

impl Worker {
    pub(super) async fn add(
        &mut self,
        (config, lender): (SourceConfig, Box<dyn Lender>),
        shared: &Shared<'_>,
    ) -> Result<Source, StoreError> {
        let Shared { store, readers, handler, clock, .. } = shared;
        let position = store.head(&config.name).await?.position;
        let (head, heads) = watch::channel(position);
        let counters = Arc::<Counters>::default();
        let told = (head, Arc::clone(&counters));
        let (writer, handle) = Writer::new(
            &config.name,
            &config.policies,
            (Arc::clone(store), shared.keyring.clone()),
            told,
        );
        let (readers, progress) = readers::new(
            readers,
            (&config.name, &config.policies),
            (Arc::clone(store), heads.clone()),
        );
        readers.look().await?;
        let (rejected_task, rejected) =
            rejected::new(&config.name, Arc::clone(store), Arc::clone(clock));
        let deadlines = clock::Deadlines::new(
            &config.name,
            Arc::clone(store),
            handle.clone(),
            Arc::clone(clock),
        );
        self.tasks.push(Box::pin(writer.run()));
        self.tasks.push(Box::pin(readers.run()));
        self.tasks.push(Box::pin(rejected_task));
        self.tasks.push(Box::pin(deadlines.run()));
        self.tasks.push(Box::pin(shared.keeper(&config.name, heads.clone()).run()));
        self.tasks.push(Box::pin(shared.patrol(&config.name).run()));
        if let Some(handler) = handler {
            let announcer = Announcer::new(
                (&config.name, &config.policies),
                Arc::clone(store),
                Arc::clone(handler),
            );
            self.tasks.push(Box::pin(announcer.run()));
        }
        Ok(Source { config, lender, writer: handle, progress, rejected, counters, heads })
    }

    /// Begins to send to the endpoints.
    pub(super) fn send(&mut self, creditrail: &Creditrail) {
        self.tasks.push(Box::pin(Senders::new(creditrail).run()));
    }

    /// Runs until one of the tasks ends, which none does of itself, or until it is dropped.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        for task in self.tasks {
            tasks.spawn(task);
        }
        if let Some(Err(error)) = tasks.join_next().await {
            tracing::error!(error = chain(&error), "a task of the worker failed");
        }
    }
}
