//! Who did what, when and why: what people decided, what they were shown, and what they took away.

use creditrail_domain::{
    AggregateType, Lifecycle, Policies,
    access::{AccessEvent, Act},
    exception::ExceptionEvent,
    secret::SecretEvent,
    step::{Fact as _, Origin},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::{Decision, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
    steps::subject_of,
};

/// What people did, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "access_records",
    columns: &["first_position", "done_at", "act", "actor", "document"],
};

/// What people can have done.
pub fn acts() -> Vec<&'static str> {
    let own = ["overridden", "redriven", "resolved", "revealed", "told"].into_iter();
    own.chain(Act::ALL.map(Act::name)).collect()
}

fn project(stream: &Stream, _: &Policies) -> Vec<Change> {
    let acts = match &stream.history {
        History::Application(steps) => of_steps(stream, steps),
        History::Charge(steps) => of_steps(stream, steps),
        History::CustomerLink(steps) => of_steps(stream, steps),
        History::PaymentMethod(steps) => of_steps(stream, steps),
        History::Transaction(steps) => of_steps(stream, steps),
        History::Exception(moments) => of_moments(moments, |event| match event {
            ExceptionEvent::ExceptionResolved(resolution) => Some(Done {
                act: "resolved",
                actor: resolution.actor.clone(),
                what: resolution.action.clone(),
                reason: resolution.reason.clone(),
                at: resolution.at,
                about: about(AggregateType::Exception, &stream.id.id),
            }),
            ExceptionEvent::DeliveryRedriven(redriven) => Some(Done {
                act: "redriven",
                actor: redriven.actor.clone(),
                what: redriven.kind.clone(),
                reason: redriven.reason.clone(),
                at: redriven.at,
                about: json!({ "type": redriven.subject_type, "id": redriven.subject_id }),
            }),
            ExceptionEvent::DeliveryUnreadable(_) => None,
        }),
        // Who did it is told by the log of accesses.
        History::Privacy(_) => Vec::new(),
        History::Secret(moments) => of_moments(moments, |SecretEvent::SecretRevealed(reveal)| {
            Some(Done {
                act: "revealed",
                actor: reveal.actor.clone(),
                what: reveal.field.clone(),
                reason: reveal.reason.clone(),
                at: reveal.at,
                about: about(AggregateType::Secret, &stream.id.id),
            })
        }),
        History::Access(moments) => of_moments(moments, |AccessEvent::AccessRecorded(record)| {
            Some(Done {
                act: record.act.name(),
                actor: record.actor.clone(),
                what: record.about.clone(),
                reason: record.reason.clone(),
                at: record.at,
                about: Value::Null,
            })
        }),
    };
    acts.into_iter().map(|(position, done)| done.row(&stream.source, position)).collect()
}

/// What somebody did.
struct Done {
    act: &'static str,
    actor: String,
    what: String,
    reason: String,
    at: Timestamp,
    about: Value,
}

impl Done {
    fn row(self, source: &str, position: i64) -> Change {
        let Self { act, actor, what, reason, at, about } = self;
        let document = json!({
            "source": source, "position": position, "at": at, "act": act, "actor": actor,
            "what": what, "reason": reason, "subject": about,
        });
        Change {
            key: format!("{position:020}"),
            write: Write::Replace,
            position,
            cells: vec![
                position.into(),
                at.as_microsecond().into(),
                act.into(),
                actor.into(),
                Cell::document(&document),
            ],
        }
    }
}

fn about(kind: AggregateType, id: &str) -> Value {
    json!({ "type": kind.name(), "id": id })
}

fn of_moments<T>(
    moments: &[crate::history::Moment<T>],
    done: impl Fn(&T) -> Option<Done>,
) -> Vec<(i64, Done)> {
    let new = moments.iter().filter(|moment| moment.is_new);
    new.filter_map(|moment| Some((moment.position, done(&moment.what)?))).collect()
}

/// Decisions about steps, and steps that a person or the partner brought.
fn of_steps<L: Lifecycle>(stream: &Stream, steps: &Steps<L>) -> Vec<(i64, Done)> {
    let mut acts = Vec::new();
    for step in steps.touched() {
        let told = &step.entry.step;
        let subject = || json!(subject_of(stream, &told.fact));
        for moment in step.moments.iter().filter(|moment| moment.is_new) {
            let done = match &moment.what {
                Decision::Overridden(decision) => Done {
                    act: "overridden",
                    actor: decision.actor.clone(),
                    what: format!("{} {}", decision.action.name(), told.fact.kind()),
                    reason: decision.reason.clone(),
                    at: decision.at,
                    about: subject(),
                },
                Decision::Recorded(_) if told.origin != Origin::Delivery => {
                    let detail = |name: &str| {
                        let mut details = told.fact.details().into_iter();
                        details.find_map(|(known, value)| (known == name).then_some(value))
                    };
                    let is_partner = told.origin == Origin::Partner;
                    let nobody = if is_partner { "partner" } else { "operator" };
                    Done {
                        act: "told",
                        actor: detail("actor")
                            .or_else(|| told.told_by.clone())
                            .unwrap_or_else(|| nobody.to_owned()),
                        what: told.fact.kind().to_owned(),
                        reason: detail("reason").or_else(|| detail("note")).unwrap_or_default(),
                        at: told.received_at,
                        about: subject(),
                    }
                }
                Decision::Recorded(_) | Decision::Revised { .. } | Decision::Overdue => continue,
            };
            acts.push((moment.position, done));
        }
    }
    acts
}
