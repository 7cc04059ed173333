//! The senders of an instance: one for each endpoint, begun, ended and begun anew as endpoints change.

use std::{collections::BTreeMap, time::Duration};

use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::{
    Endpoints,
    sender::{AFTER_FAILURE, LOOK, Sender},
};
use crate::{app::Creditrail, failure::chain};

/// The senders of an instance.
pub(in crate::app) struct Senders {
    house: Creditrail,
    tasks: JoinSet<()>,
    /// Those that run, each with the revision of its endpoint.
    running: BTreeMap<String, (Option<i64>, AbortHandle)>,
    is_broken: bool,
}

impl Senders {
    pub(in crate::app) fn new(house: &Creditrail) -> Self {
        Self {
            house: house.clone(),
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            is_broken: false,
        }
    }

    /// Sends until it is dropped, or until a sender has panicked.
    pub(in crate::app) async fn run(mut self) {
        let mut changes = self.house.endpoints.changes();
        let mut wait = LOOK;
        loop {
            let endpoints = changes.borrow_and_update().clone();
            self.match_with(&endpoints).await;
            if self.is_broken {
                return;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(wait) => wait = self.look(wait).await,
                Some(ended) = self.tasks.join_next() => self.note(ended),
            }
        }
    }

    /// Looks whether endpoints have changed; says when to look next.
    async fn look(&self, waited: Duration) -> Duration {
        match self.house.look_for_endpoints().await {
            Ok(()) => LOOK,
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "it cannot be seen which endpoints there are"
                );
                (waited * 2).min(AFTER_FAILURE.1)
            }
        }
    }

    /// Ends the senders whose endpoints are gone or were changed, and begins those that are missing. One
    /// that is ended leaves what one leaves that was killed: the next goes on from its bookmark.
    async fn match_with(&mut self, endpoints: &Endpoints) {
        let is_same = |name: &str, revision: &Option<i64>| {
            endpoints.get(name).is_some_and(|known| known.revision == *revision)
        };
        let ended = self.running.iter().filter(|(name, (revision, _))| !is_same(name, revision));
        let ended: Vec<String> = ended.map(|(name, _)| name.clone()).collect();
        for name in ended {
            let Some((_, sender)) = self.running.remove(&name) else { continue };
            sender.abort();
            while !sender.is_finished()
                && let Some(ended) = self.tasks.join_next().await
            {
                self.note(ended);
            }
        }
        for (name, known) in endpoints {
            if !self.running.contains_key(name) {
                let sender = self.tasks.spawn(Sender::new(&self.house, known).run());
                self.running.insert(name.clone(), (known.revision, sender));
            }
        }
    }

    fn note(&mut self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && !error.is_cancelled()
        {
            tracing::error!(error = chain(&error), "a sender failed");
            self.is_broken = true;
        }
    }
}
