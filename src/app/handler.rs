//! Calls a handler of the embedding program for each action, in the order of the log.
//!
//! The handler is a reader of the log with a bookmark of its own, which moves on only when the
//! handler has taken everything before it. So each action is announced at least once, those of
//! one aggregate in order, and a rebuild of read models announces nothing again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use creditrail_domain::{
    AggregateType, Event, Lifecycle, Policies, StepId,
    application::{ActionKind, Application, ApplicationLifecycle},
};
use creditrail_projections::{Recorded, Stream, StreamId, actions};
use serde_json::Value;

use crate::{
    failure::chain,
    store::{Cause, LEASE, Projected, Result, Store},
};

/// The name of the handler's bookmark.
pub const BOOKMARK: &str = "action_handler";
/// How many events are looked at in one go.
const PORTION: i64 = 400;
/// How long it sleeps when nothing is new.
const IDLE: Duration = Duration::from_millis(200);
/// How long it waits at first after the handler or the store failed, and at the most.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// What the embedding program does about an action.
#[async_trait]
pub trait ActionHandler: Send + Sync + 'static {
    /// Takes an action, in the form in which `/v1/actions` answers it, as it was when it was asked
    /// for. The same `id` may come again: after a crash, or if the time before ended in an error.
    ///
    /// # Errors
    /// Anything: it is called again later, and nothing that comes after it is announced before.
    async fn handle(&self, action: Value) -> Result<(), Cause>;
}

/// Calls the handler for the actions of one source.
pub struct Announcer {
    source: String,
    policies: Policies,
    holder: String,
    store: Arc<dyn Store>,
    handler: Arc<dyn ActionHandler>,
}

impl Announcer {
    /// An announcer of a source's actions.
    pub fn new(
        (source, policies): (&str, &Policies),
        store: Arc<dyn Store>,
        handler: Arc<dyn ActionHandler>,
    ) -> Self {
        let holder = uuid::Uuid::new_v4().to_string();
        let (source, policies) = (source.to_owned(), policies.clone());
        Self { source, policies, holder, store, handler }
    }

    /// Announces until it is dropped.
    pub async fn run(self) {
        let mut wait = AFTER_FAILURE.0;
        loop {
            match self.announce().await {
                Ok(true) => wait = AFTER_FAILURE.0,
                Ok(false) => tokio::time::sleep(IDLE).await,
                Err(error) => {
                    let error = chain(&*error);
                    tracing::warn!(source = self.source, error, "an action was not announced");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(AFTER_FAILURE.1);
                }
            }
        }
    }

    /// Announces what the next events ask for; `false` if there is nothing, or another instance
    /// announces for this source.
    async fn announce(&self) -> Result<bool, Cause> {
        let bookmarks = self.store.claim(&self.source, vec![BOOKMARK.into()], &self.holder).await?;
        let bookmark = bookmarks.into_iter().find(|bookmark| bookmark.reader == BOOKMARK);
        let (from, is_mine) = bookmark.map_or((0, true), |known| (known.position, known.is_mine));
        if !is_mine {
            return Ok(false);
        }
        let events = self.store.events_after(&self.source, from, PORTION).await?;
        let Some(to) = events.last().map(|event| event.position) else { return Ok(false) };
        let mut at = from;
        for (position, action) in self.asked_for(events, to).await? {
            if position > at + 1 {
                self.move_on(at, position - 1).await?;
                at = position - 1;
            }
            self.handled(action).await?;
        }
        self.move_on(at, to).await?;
        Ok(true)
    }

    /// Has the handler take an action, and keeps the bookmark meanwhile, however long it takes. If
    /// another instance has taken it over, since this one stood still, the handler is given up.
    async fn handled(&self, action: Value) -> Result<(), Cause> {
        let mut handled = self.handler.handle(action);
        let mut ticks = tokio::time::interval(LEASE / 3);
        loop {
            tokio::select! {
                handled = &mut handled => return handled,
                _ = ticks.tick() => {
                    let kept = self.store.claim(&self.source, vec![BOOKMARK.into()], &self.holder).await;
                    // A database that is away for a moment has nobody else take over.
                    let mine = kept.ok().and_then(|kept| {
                        Some(kept.into_iter().find(|kept| kept.reader == BOOKMARK)?.is_mine)
                    });
                    if mine == Some(false) {
                        return Err("another instance announces for this source".into());
                    }
                }
            }
        }
    }

    async fn move_on(&self, from: i64, to: i64) -> Result<(), Cause> {
        let projected =
            Projected { bookmarks: vec![(BOOKMARK.into(), from, to)], ..Projected::default() };
        if self.store.project(&self.source, projected).await? {
            Ok(())
        } else {
            Err("another instance announces for this source".into())
        }
    }

    /// The actions that these events ask for, with the position of the event, in order.
    async fn asked_for(&self, events: Vec<Recorded>, to: i64) -> Result<Vec<(i64, Value)>, Cause> {
        let of_application =
            |event: &&Recorded| event.stream.aggregate_type == AggregateType::Application;
        let Some(first) = events.iter().find(of_application).map(|event| event.position) else {
            return Ok(Vec::new());
        };
        let streams: BTreeSet<StreamId> =
            events.iter().filter(of_application).map(|event| event.stream.clone()).collect();
        let streams = streams.into_iter().collect();
        let whole = self.store.events_of(&self.source, streams, to).await?;
        let mut by_stream = std::collections::BTreeMap::<StreamId, Vec<Recorded>>::new();
        for event in whole {
            by_stream.entry(event.stream.clone()).or_default().push(event);
        }
        let mut asked = Vec::new();
        for events in by_stream.into_values() {
            asked.extend(self.of_stream(events, first));
        }
        asked.sort_by_key(|(position, _)| *position);
        Ok(asked)
    }

    /// What the events of one stream ask for, from position `first` on.
    fn of_stream(&self, events: Vec<Recorded>, first: i64) -> Vec<(i64, Value)> {
        let mut asked = Vec::new();
        let mut journal = Application::default();
        let mut known = BTreeSet::<(ActionKind, StepId)>::new();
        for (place, recorded) in events.iter().enumerate() {
            let Event::Application(event) = &recorded.event else { continue };
            journal.apply(event.clone());
            let state = journal.state(&self.policies);
            let now = state.actions().iter().map(|action| (action.kind, action.opened_by));
            let now: BTreeSet<_> = now.collect();
            let fresh = state
                .actions()
                .iter()
                .filter(|action| !known.contains(&(action.kind, action.opened_by)));
            if recorded.position >= first
                && let Some(stream) = Stream::fold(events[..=place].to_vec(), 0)
            {
                let party = ApplicationLifecycle::party(&state);
                let document = |action| actions::document(&stream, action, party);
                asked.extend(fresh.map(|action| (recorded.position, document(action))));
            }
            known = now;
        }
        asked
    }
}
