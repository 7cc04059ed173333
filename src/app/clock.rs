//! The clock of deadlines: reports to the aggregates that time has passed.

use std::{sync::Arc, time::Duration};

use super::{
    Clock,
    judge::Command,
    writer::{Request, WriterHandle},
};
use crate::failure::chain;
use crate::store::{Due, Store};

/// How often deadlines are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// How many streams are looked at in one go.
const MOST: i64 = 256;

/// Watches the deadlines of a source.
pub struct Deadlines {
    source: String,
    store: Arc<dyn Store>,
    writer: WriterHandle,
    clock: Clock,
}

impl Deadlines {
    /// A watch over a source.
    pub fn new(source: &str, store: Arc<dyn Store>, writer: WriterHandle, clock: Clock) -> Self {
        Self { source: source.to_owned(), store, writer, clock }
    }

    /// Looks again and again. A deadline that was reported twice changes nothing.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        // Goes through all that is due before it begins anew: what is told in vain, since a policy
        // is longer now than it was when its row was written, holds up nothing.
        let mut after = Due::default();
        loop {
            ticks.tick().await;
            let at = (self.clock)();
            let due = match self.store.due(&self.source, at, (&after, MOST)).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(
                        source = self.source,
                        error = chain(&error),
                        "deadlines cannot be read"
                    );
                    continue;
                }
            };
            let is_last = due.len() < usize::try_from(MOST).unwrap_or(usize::MAX);
            after =
                due.last().filter(|_| !is_last).map_or_else(Due::default, |(due, _)| due.clone());
            for (_, stream) in due {
                let command = Box::new(Command::PassTime);
                let passed = Request::Command { stream, command, at };
                if let Err(error) = self.writer.ask(passed).await {
                    tracing::warn!(
                        source = self.source,
                        error = chain(&error),
                        "a deadline was not reported"
                    );
                }
            }
        }
    }
}
