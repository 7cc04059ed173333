//! Redriving: deliveries that could not be read when they came are read again by the program as it
//! is now. What can be read is recorded as if it had been read at once; the rest stays as it is.

pub(super) mod anew;

use std::collections::BTreeMap;

use async_trait::async_trait;
use creditrail_domain::{
    CommandRefusal, Event, Step, StepId,
    exception::{ExceptionEvent, Redriven, UnreadableKind},
    step::Fact,
};
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::anew::Anew;
use super::{
    Creditrail, Source,
    again::{MOST_TOLD, NOT_FOUND, few, yes},
    command::{CommandError, person, reason},
    judge::Aggregates,
    pages::ALREADY_REDRIVEN,
    read::ReadError,
    writer::{self, Answer, Request, WriteError},
};
use crate::{
    sources::AnyStep,
    store::{
        Ground, Head, KeptDelivery, KnownDelivery, RejectedPlace, SealedSecret, Store, StoreError,
    },
};

/// How many deliveries one call takes at the most; the answer says where to go on.
const MOST: i64 = 10_000;
/// How many are read at once, and written in one transaction as far as possible.
const PORTION: usize = 50;
/// How many a page shows: more would have its reader wait.
const PORTION_SHOWN: i64 = 50;
/// What a delivery is called that is discarded, or that could be read.
const DISCARDED: &str = "discarded";
const READABLE: &str = "readable";

/// What a delivery is said to be beside the outcomes.
pub const RESULTS: [&str; 4] = [ALREADY_REDRIVEN, DISCARDED, NOT_FOUND, READABLE];

/// A person asks to read deliveries again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedriveDeliveries {
    /// Of which source.
    pub source: String,
    /// These and no others; all that cannot be read, if absent.
    pub delivery_ids: Option<Vec<String>>,
    /// Those that were received then or later.
    pub since: Option<Timestamp>,
    /// Those that are so.
    pub outcome: Option<UnreadableKind>,
    /// Those behind this one: `next` of the answer before.
    pub after: Option<i64>,
    /// Whether only to tell what would become of them; so it is unless said otherwise.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// Why. Required unless it is a dry run.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// What became of deliveries that were redriven, or would.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The source.
    pub source: String,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many deliveries were asked for, those beyond this answer included.
    pub selected: i64,
    /// How many of those that were looked at have become what.
    pub results: BTreeMap<&'static str, i64>,
    /// The first of them, one by one, in the order of arrival.
    pub items: Vec<Item>,
    /// The position of the last event that was recorded.
    pub position: Option<i64>,
    /// After what to go on, if there are more.
    pub next: Option<i64>,
}

/// What became of one delivery, or would.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Item {
    /// Its id.
    pub delivery_id: String,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// What it was on arrival.
    pub was: Option<&'static str>,
    /// What it is now: an outcome, `already_redriven`, `discarded`, `not_found`, or `readable` of one
    /// that could always be read.
    pub outcome: &'static str,
    /// The step that it says.
    pub step_id: Option<String>,
    /// The kind of step.
    pub kind: Option<&'static str>,
    /// What it is about.
    pub subject: Option<Subject>,
    /// The field at fault, if it still cannot be read.
    pub field: Option<String>,
    /// What is wrong with it.
    pub cause: Option<String>,
    /// The position of the last event that it caused.
    pub position: Option<i64>,
}

/// A thing, as people address it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// The kind of aggregate.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// A delivery that can be read now, for the writer.
#[derive(Clone, Debug)]
pub struct Redriving {
    /// The id under which it is kept.
    pub delivery_id: String,
    /// Under which a repetition of it is found.
    pub dedup_key: String,
    /// On which stream its step belongs.
    pub stream: StreamId,
    /// What it says.
    pub step: AnyStep,
    /// Secrets that it was kept with, sealed.
    pub secrets: Vec<SealedSecret>,
    /// Why it is redriven.
    pub reason: String,
    /// By whom.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

impl Creditrail {
    /// Reads deliveries again that could not be read when they came. A dry run records nothing and
    /// tells what would become of them. Each delivery is redriven whole or not at all, and once.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such source, read models that are behind, not written. What was
    /// redriven before stays so; asked again it goes on.
    pub async fn redrive(&self, asked: RedriveDeliveries) -> Result<Report, CommandError> {
        self.source(&asked.source)?;
        if asked.delivery_ids.is_none() {
            self.caught_up(&asked.source).await?;
        }
        self.redrive_some(asked, MOST).await
    }

    /// A dry run of as many deliveries as a page shows, of those that the read models know: it waits for
    /// none.
    ///
    /// # Errors
    /// As [`Self::redrive`].
    pub async fn redrive_shown(&self, asked: RedriveDeliveries) -> Result<Report, CommandError> {
        self.redrive_some(RedriveDeliveries { dry_run: true, ..asked }, PORTION_SHOWN).await
    }

    async fn redrive_some(
        &self,
        asked: RedriveDeliveries,
        most: i64,
    ) -> Result<Report, CommandError> {
        let known = self.source(&asked.source)?;
        let asked = if asked.dry_run { asked } else { with_reason(asked)? };
        let (ids, selected, next) = self.selected(&asked, most).await?;
        let RedriveDeliveries { source, dry_run, .. } = &asked;
        let mut report = Report {
            source: source.clone(),
            dry_run: *dry_run,
            selected,
            results: BTreeMap::new(),
            items: Vec::new(),
            position: None,
            next,
        };
        for ids in ids.chunks(PORTION) {
            for item in self.redrive_portion(known, &asked, ids).await? {
                *report.results.entry(item.outcome).or_default() += 1;
                report.position = report.position.max(item.position);
                if report.items.len() < MOST_TOLD {
                    report.items.push(item);
                }
            }
        }
        let results = &report.results;
        let RedriveDeliveries { source, actor, dry_run, .. } = asked;
        if dry_run {
            tracing::debug!(source, ?results, "what redriving would lead to was looked at");
        } else {
            tracing::info!(source, actor, ?results, "deliveries were redriven");
        }
        Ok(report)
    }

    /// Who redrove a delivery, when and why.
    pub(super) async fn redriven(&self, source: &str, id: &str) -> Result<Value, ReadError> {
        let streams = vec![anew::exception(id)];
        let events = self.store.events_of(source, streams, i64::MAX).await?;
        let redriven = events.into_iter().find_map(|recorded| match recorded.event {
            Event::Exception(ExceptionEvent::DeliveryRedriven(redriven)) => {
                Some((recorded.position, redriven))
            }
            _ => None,
        });
        Ok(redriven.map_or(Value::Null, |(position, redriven)| {
            json!({
                "step_id": redriven.step,
                "at": redriven.at,
                "actor": redriven.actor,
                "reason": redriven.reason,
                "position": position,
            })
        }))
    }

    /// The ids that are asked for in the order of arrival, how many there are, and where to go on.
    async fn selected(
        &self,
        asked: &RedriveDeliveries,
        most: i64,
    ) -> Result<(Vec<String>, i64, Option<i64>), CommandError> {
        let source = asked.source.as_str();
        if let Some(named) = &asked.delivery_ids {
            let ids = self.named(asked, named).await?;
            let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
            return Ok((ids, count, None));
        }
        let kinds = [UnreadableKind::Malformed, UnreadableKind::Unrecognised];
        let kinds = kinds.into_iter().filter(|kind| asked.outcome.is_none_or(|only| only == *kind));
        let kinds: Vec<_> = kinds.map(|kind| kind.name().to_owned()).collect();
        let since = asked.since.unwrap_or(Timestamp::UNIX_EPOCH);
        let after = asked.after.unwrap_or(0);
        let which = (kinds, since);
        let count = self.store.count_unreadable(source, which.clone(), after).await;
        let count = count.map_err(ReadError::from)?;
        let found = self.store.unreadable(source, which, (after, most)).await;
        let found = found.map_err(ReadError::from)?;
        let taken = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let next = found.last().filter(|_| taken < count).map(|(position, _)| *position);
        Ok((found.into_iter().map(|(_, id)| id).collect(), count, next))
    }

    /// Those that are named, each once; those that there are in the order of arrival, before the
    /// others.
    async fn named(
        &self,
        asked: &RedriveDeliveries,
        named: &[String],
    ) -> Result<Vec<String>, CommandError> {
        few("delivery_ids", named)?;
        let mut ids = BTreeMap::new();
        for id in named {
            let id = creditrail_domain::ids::canonical(id);
            let kept = self.store.delivery(&asked.source, &id).await.map_err(ReadError::from)?;
            let Some(KeptDelivery { row, .. }) = kept else {
                ids.insert((i64::MAX, id.clone()), id);
                continue;
            };
            let is_meant = asked.since.is_none_or(|since| row.received_at >= since)
                && asked.outcome.is_none_or(|outcome| row.outcome == outcome.name());
            if is_meant {
                ids.insert((row.number, String::new()), row.delivery_id);
            }
        }
        Ok(ids.into_values().collect())
    }

    /// What becomes of some deliveries, in their order.
    async fn redrive_portion(
        &self,
        known: &Source,
        asked: &RedriveDeliveries,
        ids: &[String],
    ) -> Result<Vec<Item>, CommandError> {
        let mut items = Vec::with_capacity(ids.len());
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for anew in self.read_anew(known, &asked.source, ids).await? {
            match anew {
                Anew::As(item, read) => {
                    let redriving = read.redriving(&item, asked, self.now());
                    places.push(items.len());
                    items.push(*item);
                    requests.push(Request::Redrive(Box::new(redriving)));
                }
                Anew::Not(item) => items.push(*item),
            }
        }
        let answers = if asked.dry_run {
            self.foreseen(known, &requests).await?
        } else {
            known.writer.ask_all(requests).await
        };
        for (place, answer) in places.into_iter().zip(answers) {
            if let Some(item) = items.get_mut(place) {
                item.answered(answer, asked.dry_run)?;
            }
        }
        Ok(items)
    }

    /// What the writer would answer now. It writes nothing and keeps nobody from writing.
    async fn foreseen(
        &self,
        known: &Source,
        requests: &[Request],
    ) -> Result<Vec<Answer>, CommandError> {
        let (source, policies) = (known.config.name.as_str(), &known.config.policies);
        let judged = async {
            let head = self.store.head(source).await?;
            let mut ground = AsItIs { store: &*self.store, source, head };
            writer::judge(&mut ground, (source, policies), Aggregates::default(), requests).await
        };
        Ok(judged.await.map_err(ReadError::from)?.answers)
    }
}

/// What is known of a source up to a head. Others may write meanwhile.
struct AsItIs<'a> {
    store: &'a dyn Store,
    source: &'a str,
    head: Head,
}

#[async_trait]
impl Ground for AsItIs<'_> {
    fn head(&self) -> Head {
        self.head
    }

    async fn known(&mut self, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>, StoreError> {
        self.store.known(self.source, deliveries).await
    }

    /// What is redriven is kept, and so none of the calls in the ring.
    async fn rejected(&mut self, _: Vec<RejectedPlace>) -> Result<Vec<RejectedPlace>, StoreError> {
        Ok(Vec::new())
    }

    async fn load(&mut self, streams: Vec<StreamId>) -> Result<Vec<Recorded>, StoreError> {
        self.store.events_of(self.source, streams, self.head.position).await
    }
}

fn with_reason(asked: RedriveDeliveries) -> Result<RedriveDeliveries, CommandError> {
    let (reason, actor) = (reason(asked.reason)?, person(asked.actor)?);
    Ok(RedriveDeliveries { reason, actor: Some(actor), ..asked })
}

impl Item {
    /// Takes in what the writer said about it.
    fn answered(&mut self, answer: Answer, dry_run: bool) -> Result<(), WriteError> {
        let stays = |item: &mut Self, cause: &str| {
            let outcome = item.was.unwrap_or(UnreadableKind::Malformed.name());
            let (delivery_id, received_at) =
                (std::mem::take(&mut item.delivery_id), item.received_at);
            let (was, cause) = (item.was, Some(cause.to_owned()));
            *item = Self { delivery_id, received_at, was, outcome, cause, ..Self::default() };
        };
        match answer {
            Ok(receipt) => {
                self.outcome = receipt.outcome;
                self.position = receipt.position.filter(|_| !dry_run);
            }
            Err(WriteError::Refused(CommandRefusal::AlreadyResolved)) => self.outcome = DISCARDED,
            Err(WriteError::Rule) => stays(self, "a rule failed on it"),
            Err(WriteError::Store(error)) if is_of_a_row(&error) => {
                stays(self, "cannot be recorded");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn is_of_a_row(error: &StoreError) -> bool {
    matches!(error, StoreError::Constraint(_))
}

impl Redriving {
    /// The stream of the exception that it was.
    pub(super) fn exception(&self) -> StreamId {
        anew::exception(&self.delivery_id)
    }

    /// What is recorded of it, beside its step.
    pub(super) fn told(&self, repeats: bool) -> Redriven {
        let Self { stream, step, reason, actor, at, .. } = self;
        let (kind, subject, occurred_at) = step.said(stream);
        Redriven {
            step: step.id(),
            repeats,
            subject_type: subject.kind.to_owned(),
            subject_id: subject.id,
            kind: kind.to_owned(),
            occurred_at,
            reason: reason.clone(),
            actor: actor.clone(),
            at: *at,
        }
    }
}

impl AnyStep {
    /// The kind of step, what it is about, and when it happened.
    fn said(&self, stream: &StreamId) -> (&'static str, Subject, Timestamp) {
        fn of<F: Fact>(step: &Step<F>, stream: &StreamId) -> (&'static str, Subject, Timestamp) {
            let id = step.fact.subject_id().unwrap_or_else(|| stream.id.clone());
            let subject = Subject { kind: stream.aggregate_type.name(), id };
            (step.fact.kind(), subject, step.occurred_at)
        }
        match self {
            Self::Application(step) => of(step, stream),
            Self::Charge(step) => of(step, stream),
            Self::CustomerLink(step) => of(step, stream),
            Self::PaymentMethod(step) => of(step, stream),
            Self::Transaction(step) => of(step, stream),
        }
    }
}
