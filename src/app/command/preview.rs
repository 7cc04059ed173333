//! What resolving an exception would lead to, decided in memory: nothing is written.

use creditrail_domain::{AggregateType, Event, StepEvent, StepId, Verdict};
use creditrail_projections::{History, Recorded, StreamId, steps::verdict_view};
use serde::Serialize;
use serde_json::Value;

use super::{
    CommandError, Resolve,
    exceptions::{Signed, Target},
    person, words,
};
use crate::{
    app::{
        Creditrail,
        changes::{FieldChange, changes},
        judge::{Aggregates, Desk},
        moments::Point,
        read::ReadError,
        then::Known,
        things::Thing,
        writer::WriteError,
    },
    store::Head,
};

/// What resolving an exception would lead to.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The exception.
    pub exception_id: String,
    /// Its source.
    pub source: String,
    /// Whether nothing follows but that the exception is closed, since it belongs to no step.
    pub only_closes: bool,
    /// The thing that would change; `None` if the exception belongs to no step.
    pub thing: Option<PreviewedThing>,
    /// How it is now; null if it is not known.
    pub before: Value,
    /// How it would be; null if nothing would be known of it any more.
    pub after: Value,
    /// What differs between the two.
    pub changes: Vec<FieldChange>,
    /// The steps that would be judged otherwise, in the order of the log.
    pub revised: Vec<RevisedStep>,
    /// The moment as of which it was decided.
    pub as_of: Point,
}

/// The thing that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewedThing {
    /// Its part of a path, such as `transactions`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

/// A step that would be judged otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RevisedStep {
    /// The step.
    pub step: StepId,
    /// What it is taken to say then.
    pub kind: Option<String>,
    /// How it is judged now.
    pub from: Value,
    /// How it would be.
    pub to: Value,
}

impl Creditrail {
    /// What resolving an exception would lead to, decided as [`Creditrail::resolve`] would decide it
    /// now. Nothing is written, and no reason is needed.
    ///
    /// # Errors
    /// [`CommandError`]: no such exception, an action that does not fit it, not read.
    pub async fn preview(
        &self,
        exception_id: &str,
        resolve: Resolve,
    ) -> Result<Preview, CommandError> {
        let Resolve { action, convert_to, reason, actor, as_of: _ } = resolve;
        let (reason, actor) = (words("reason", reason)?, person(actor)?);
        // What is not written needs no reason; what would be written does.
        let reason = if reason.trim().is_empty() { "a preview".to_owned() } else { reason };
        let target = self.target(exception_id).await?;
        let at = self.now();
        let command = target.command((action, convert_to), Signed { reason, actor, at });
        let head = self.store.head(&target.source).await.map_err(ReadError::from)?;
        let streams = vec![target.stream.clone()];
        let recorded = self.store.events_of(&target.source, streams, head.position).await;
        let mut aggregates = Aggregates::default();
        aggregates.take(recorded.map_err(ReadError::from)?);
        let known = self.known(&target.source)?;
        let mut desk = Desk::new(&known.config.policies, aggregates);
        desk.decide(&target.stream, command, (at, None)).map_err(WriteError::from)?;
        let (events, _) = desk.close();
        let imagined = events.into_iter().zip(head.position + 1..).map(|(event, position)| {
            let (source, recorded_at) = (target.source.clone(), at.max(head.recorded_at));
            let (stream, sequence, event) = (event.stream, event.sequence, event.event);
            Recorded { source, position, stream, sequence, recorded_at, event }
        });
        let imagined = imagined.collect();
        Ok(self.imagine(target, head, imagined).await?)
    }

    /// The thing of an exception before and after events that would follow.
    async fn imagine(
        &self,
        target: Target,
        head: Head,
        imagined: Vec<Recorded>,
    ) -> Result<Preview, ReadError> {
        self.at_least(&target.source, head.position).await?;
        let now = self.things_then(&target.source, Known::up_to(head.position))?;
        let then = self.things_then(
            &target.source,
            Known { imagined: imagined.clone(), ..Known::up_to(head.position) },
        )?;
        let thing = match about(&target) {
            None if target.stream.aggregate_type == AggregateType::CustomerLink => {
                let streams = now.rows.streams(vec![target.stream.clone()]).await?;
                streams.first().and_then(|stream| customer_of(&stream.history))
            }
            thing => thing,
        };
        let (mut before, mut after) = (Value::Null, Value::Null);
        if let Some((thing, id)) = &thing {
            before = now.one(*thing, id).await?.unwrap_or_default();
            after = then.one(*thing, id).await?.unwrap_or_default();
        }
        let recorded_at = (head.position > 0).then_some(head.recorded_at);
        Ok(Preview {
            exception_id: target.document["id"].as_str().unwrap_or_default().to_owned(),
            only_closes: target.step.is_none(),
            thing: thing.map(|(thing, id)| PreviewedThing { kind: thing.name(), id }),
            changes: changes(&before, &after),
            revised: imagined.iter().filter_map(|event| revised(&event.event, &after)).collect(),
            before,
            after,
            as_of: Point { position: head.position, recorded_at },
            source: target.source,
        })
    }
}

/// The thing that an exception is about, if it names one.
fn about(
    Target { stream: StreamId { aggregate_type, .. }, document, .. }: &Target,
) -> Option<(Thing, String)> {
    let thing = match aggregate_type {
        AggregateType::Application => Thing::Application,
        AggregateType::Charge => Thing::Charge,
        AggregateType::PaymentMethod => Thing::PaymentMethod,
        AggregateType::Transaction => Thing::Transaction,
        _ => return None,
    };
    Some((thing, document["subject"]["id"].as_str()?.to_owned()))
}

/// A link has no document of its own: it is a part of its customer's.
fn customer_of(history: &History) -> Option<(Thing, String)> {
    let History::CustomerLink(steps) = history else { return None };
    let fact = &steps.all().next()?.entry.step.fact;
    Some((Thing::Customer, fact.customer_id.clone()))
}

/// The step that an event would judge otherwise.
fn revised(event: &Event, after: &Value) -> Option<RevisedStep> {
    fn of<F>(event: &StepEvent<F>) -> Option<(StepId, &Verdict, &Verdict)> {
        match event {
            StepEvent::OutcomeRevised { step, from, to, .. } => Some((*step, from, to)),
            StepEvent::StepRecorded { .. }
            | StepEvent::DeadlinePassed { .. }
            | StepEvent::Overridden { .. } => None,
        }
    }
    let (step, from, to) = match event {
        Event::Application(event) => of(event)?,
        Event::Charge(event) => of(event)?,
        Event::CustomerLink(event) => of(event)?,
        Event::PaymentMethod(event) => of(event)?,
        Event::Transaction(event) => of(event)?,
        _ => return None,
    };
    let mut steps = after["steps"].as_array().into_iter().flatten();
    let shown = steps.find(|shown| shown["id"] == step.to_string());
    let kind = shown.and_then(|shown| shown["kind"].as_str()).map(str::to_owned);
    Some(RevisedStep { step, kind, from: verdict_view(from), to: verdict_view(to) })
}
