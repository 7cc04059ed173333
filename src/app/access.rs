//! The log of accesses: who did what that leaves no trace in the log of a source.
//!
//! It is a log like that of a source, with a writer and a reader; no lender sends to it.

use std::sync::Arc;

use creditrail_domain::{
    AggregateType, Policies,
    access::{AccessRecord, Act},
};
use creditrail_projections::{Reader, StreamId, access_records};
use tokio::sync::watch;

use super::{
    Creditrail, Shared, Worker,
    command::{CommandError, MAX_WAIT},
    judge::Command,
    readers::{self, Progress},
    writer::{Receipt, Request, WriteError, Writer, WriterHandle},
};
use crate::{sources::scrub, store::StoreError};

/// The name of the log. No source has it, for a name has no `_`.
pub const LOG: &str = "_access";

/// The ways to the log of accesses.
#[derive(Clone)]
pub struct AccessLog {
    writer: WriterHandle,
    progress: Progress,
}

impl Worker {
    /// Begins to keep the log of accesses.
    pub(super) async fn keep_accesses(
        &mut self,
        shared: &Shared<'_>,
    ) -> Result<AccessLog, StoreError> {
        let Shared { store, readers, .. } = shared;
        let policies = Policies::default();
        let (head, heads) = watch::channel(store.head(LOG).await?.position);
        let (writer, handle) = Writer::new(
            LOG,
            &policies,
            (Arc::clone(store), shared.keyring.clone()),
            (head, Arc::default()),
        );
        let (readers, progress) =
            readers::new(&of(LOG, readers), (LOG, &policies), (Arc::clone(store), heads.clone()));
        self.tasks.push(Box::pin(writer.run()));
        self.tasks.push(Box::pin(readers.run()));
        self.tasks.push(Box::pin(shared.keeper(LOG, heads).run()));
        self.tasks.push(Box::pin(shared.patrol(LOG).run()));
        Ok(AccessLog { writer: handle, progress })
    }
}

/// The readers of a log: all of them of a source's, one of this.
fn of(log: &str, readers: &[&'static Reader]) -> Vec<&'static Reader> {
    let own = access_records::READ_MODEL.table.name;
    readers.iter().copied().filter(|reader| log != LOG || reader.name == own).collect()
}

impl Creditrail {
    /// The readers of a log.
    pub(super) fn readers_of(&self, log: &str) -> Vec<&'static Reader> {
        of(log, &self.readers)
    }

    /// Records what a caller did: `about` says with what, `reason` why. What looks like a card number is
    /// masked in the one, and refused in the other, which a person writes.
    ///
    /// # Errors
    /// [`CommandError`]: nobody is named, no reason where one is needed, not written.
    pub async fn record_access(
        &self,
        act: Act,
        actor: &str,
        (about, reason): (&str, &str),
    ) -> Result<Receipt, CommandError> {
        let record = AccessRecord {
            act,
            actor: super::command::person(Some(actor.to_owned()))?,
            about: scrub::masked(about),
            reason: super::command::words("reason", reason.to_owned())?,
            at: self.now(),
            settings: None,
        };
        self.record(record).await
    }

    pub(super) async fn record(&self, record: AccessRecord) -> Result<Receipt, CommandError> {
        let at = record.at;
        let stream = StreamId { aggregate_type: AggregateType::Access, id: record.actor.clone() };
        let command = Box::new(Command::Note(record));
        let written = self.access.writer.ask(Request::Command { stream, command, at });
        let written = tokio::time::timeout(MAX_WAIT, written).await;
        Ok(written.map_err(|_| WriteError::TimedOut)??)
    }

    /// How far the readers of the log are.
    pub(super) const fn access_progress(&self) -> &Progress {
        &self.access.progress
    }
}
