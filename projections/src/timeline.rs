//! The timeline: every step of every customer, with its outcome as of now, and the deliveries
//! that could not be read. A delivery's current outcome stands here.

use creditrail_domain::{
    Lifecycle, Outcome, Policies,
    exception::{ExceptionEvent, Redriven, Unreadable},
    step::Fact,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::{Customer, Moment, StepHistory, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
    steps::{StepView, Subject, subject_of},
};

/// Steps, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "timeline",
    columns: &[
        "first_position",
        "outcome",
        "customer_id",
        "partner_customer_id",
        "occurred_at",
        "aggregate_type",
        "stream",
        "document",
    ],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    match &stream.history {
        History::Application(steps) => of_all(stream, steps, policies),
        History::Charge(steps) => of_all(stream, steps, policies),
        History::CustomerLink(steps) => of_steps(stream, steps),
        History::PaymentMethod(steps) => of_steps(stream, steps),
        History::Transaction(steps) => of_steps(stream, steps),
        History::Access(_) | History::Privacy(_) | History::Secret(_) => Vec::new(),
        History::Exception(moments) => unreadable(stream, moments).into_iter().collect(),
    }
}

/// A step as it is answered, with what it is about. The hot path: no intermediate tree.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    step: StepView<'a>,
    source: &'a str,
    subject: Subject<'a>,
    customer_id: Option<&'a str>,
    partner_customer_id: Option<&'a str>,
    /// What was decided about it, if it was more than once.
    history: Vec<Value>,
}

fn of_steps<L: Lifecycle>(stream: &Stream, steps: &Steps<L>) -> Vec<Change> {
    let nobody = Customer::default();
    steps.touched().filter_map(|step| of_step(stream, &step, &nobody)).collect()
}

/// All steps anew: one may tell whom those before it are about.
fn of_all<L: Lifecycle>(stream: &Stream, steps: &Steps<L>, policies: &Policies) -> Vec<Change> {
    let customer = steps.customer(policies);
    steps.all().filter_map(|step| of_step(stream, &step, &customer)).collect()
}

fn of_step<F: Fact>(
    stream: &Stream,
    step: &StepHistory<'_, F>,
    customer: &Customer,
) -> Option<Change> {
    let (first, last) = (step.moments.first()?, step.moments.last()?);
    let entry = step.entry;
    let party = customer.or(entry.step.fact.party());
    let document = Document {
        step: step.view(),
        source: &stream.source,
        subject: subject_of(stream, &entry.step.fact),
        customer_id: party.customer_id,
        partner_customer_id: party.partner_customer_id,
        history: if step.moments.len() > 1 { step.history() } else { Vec::new() },
    };
    let cells = vec![
        first.position.into(),
        entry.verdict.outcome.name().into(),
        party.customer_id.into(),
        party.partner_customer_id.into(),
        entry.step.occurred_at.as_microsecond().into(),
        stream.id.aggregate_type.name().into(),
        stream.id.id.as_str().into(),
        Cell::document(&document),
    ];
    let key = key(first.position);
    Some(Change { key, write: Write::Replace, position: last.position, cells })
}

/// A delivery that could not be read. Once it is redriven its step stands in its place, or what it
/// repeats; a repetition is no entry of the customer's.
fn unreadable(stream: &Stream, moments: &[Moment<ExceptionEvent>]) -> Option<Change> {
    let (first, last) = (moments.first()?, moments.last()?);
    let ExceptionEvent::DeliveryUnreadable(unreadable) = &first.what else { return None };
    let (outcome, occurred_at, told) = match redriven(moments) {
        Some(redriven) if !redriven.repeats => {
            let (key, cells) = (key(first.position), Vec::new());
            return Some(Change { key, write: Write::Delete, position: last.position, cells });
        }
        Some(redriven) => {
            (Outcome::Duplicate.name(), redriven.occurred_at, as_repetition(redriven))
        }
        None => (unreadable.kind.name(), unreadable.received_at, as_unreadable(stream, unreadable)),
    };
    let document = merged(
        told,
        json!({
            "id": stream.id.id,
            "source": stream.source,
            "outcome": outcome,
            "flags": [],
            "occurred_at": occurred_at,
            "received_at": unreadable.received_at,
            "actor": "provider",
            "position": first.position,
        }),
    );
    let cells = vec![
        first.position.into(),
        outcome.into(),
        None::<&str>.into(),
        None::<&str>.into(),
        occurred_at.as_microsecond().into(),
        stream.id.aggregate_type.name().into(),
        stream.id.id.as_str().into(),
        Cell::document(&document),
    ];
    let key = key(first.position);
    Some(Change { key, write: Write::Replace, position: last.position, cells })
}

fn redriven(moments: &[Moment<ExceptionEvent>]) -> Option<&Redriven> {
    moments.iter().find_map(|moment| match &moment.what {
        ExceptionEvent::DeliveryRedriven(redriven) => Some(redriven),
        ExceptionEvent::DeliveryUnreadable(_) | ExceptionEvent::ExceptionResolved(_) => None,
    })
}

/// The fields of both.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => one.into_iter().chain(other).collect(),
        (one, _) => one,
    }
}

fn as_unreadable(stream: &Stream, unreadable: &Unreadable) -> Value {
    json!({
        "subject": { "type": "delivery", "id": stream.id.id },
        "kind": unreadable.kind.name(),
        "message": format!("{}: {}", unreadable.field, unreadable.cause),
    })
}

fn as_repetition(redriven: &Redriven) -> Value {
    json!({
        "subject": { "type": redriven.subject_type, "id": redriven.subject_id },
        "kind": redriven.kind,
        "message": format!("{} repeats what another delivery brought: {}", redriven.kind, redriven.step),
    })
}

/// Keys rise with the log, so that rows are appended and not scattered.
fn key(first_position: i64) -> String {
    format!("{first_position:020}")
}
