//! The timeline: every step of every customer, with its outcome as of now, and the deliveries
//! that could not be read. A delivery's current outcome stands here.

use creditrail_domain::{
    Lifecycle, Policies,
    exception::ExceptionEvent,
    step::{Fact, Origin},
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    exceptions::subject_of,
    history::{Moment, StepHistory, Steps},
    row::{Change, ReadModel, Table, Write},
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
        "due_at",
        "document",
    ],
};

fn project(stream: &Stream, _: &Policies) -> Vec<Change> {
    match &stream.history {
        History::Application(steps) => of_steps(stream, steps),
        History::CustomerLink(steps) => of_steps(stream, steps),
        History::PaymentMethod(steps) => of_steps(stream, steps),
        History::Transaction(steps) => of_steps(stream, steps),
        History::Exception(moments) => unreadable(stream, moments).into_iter().collect(),
    }
}

fn of_steps<L: Lifecycle>(stream: &Stream, steps: &Steps<L>) -> Vec<Change> {
    steps.touched().filter_map(|step| of_step(stream, &step)).collect()
}

fn of_step<F: Fact>(stream: &Stream, step: &StepHistory<'_, F>) -> Option<Change> {
    let (first, last) = (step.moments.first()?, step.moments.last()?);
    let entry = step.entry;
    let party = entry.step.fact.party();
    let mut document = step.view();
    if let Value::Object(fields) = &mut document {
        let more = json!({
            "source": stream.source,
            "subject": subject_of(stream, &entry.step.fact),
            "actor": match entry.step.origin {
                Origin::Delivery => "provider",
                Origin::Partner => "partner",
            },
            "customer_id": party.customer_id,
            "partner_customer_id": party.partner_customer_id,
            "position": first.position,
            "history": if step.moments.len() > 1 { step.history() } else { Vec::new() },
        });
        if let Value::Object(more) = more {
            fields.extend(more);
        }
    }
    let due_at = entry.verdict.deadline.filter(|_| !entry.overdue);
    let cells = vec![
        first.position.into(),
        entry.verdict.outcome.name().into(),
        party.customer_id.into(),
        party.partner_customer_id.into(),
        entry.step.occurred_at.as_microsecond().into(),
        stream.id.aggregate_type.name().into(),
        stream.id.id.as_str().into(),
        due_at.map(jiff::Timestamp::as_microsecond).into(),
        (&document).into(),
    ];
    let key = entry.step.id.to_string();
    Some(Change { key, write: Write::Replace, position: last.position, cells })
}

fn unreadable(stream: &Stream, moments: &[Moment<ExceptionEvent>]) -> Option<Change> {
    let (first, last) = (moments.first()?, moments.last()?);
    let ExceptionEvent::DeliveryUnreadable(unreadable) = &first.what else { return None };
    let received_at = unreadable.received_at;
    let document = json!({
        "id": stream.id.id,
        "source": stream.source,
        "subject": { "type": "delivery", "id": stream.id.id },
        "kind": unreadable.kind.name(),
        "outcome": unreadable.kind.name(),
        "occurred_at": received_at,
        "received_at": received_at,
        "message": format!("{}: {}", unreadable.field, unreadable.cause),
        "actor": "provider",
        "position": first.position,
    });
    let cells = vec![
        first.position.into(),
        unreadable.kind.name().into(),
        None::<&str>.into(),
        None::<&str>.into(),
        received_at.as_microsecond().into(),
        stream.id.aggregate_type.name().into(),
        stream.id.id.as_str().into(),
        None::<i64>.into(),
        (&document).into(),
    ];
    let key = stream.id.id.clone();
    Some(Change { key, write: Write::Replace, position: last.position, cells })
}
