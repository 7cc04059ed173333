//! What a person should look at: refusals, flags, deliveries that cannot be read, conflicts of
//! identities. Each closes when it is resolved by a person or when later steps settle it.

use creditrail_domain::{
    Lifecycle, Outcome, Policies, Refusal, Severity, StepId, Verdict,
    exception::{About, ExceptionEvent, Redriven, Resolution, UnreadableKind},
    step::Fact,
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::{Customer, Decision, Moment, StepHistory, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
    steps::{resolution, resolution_of_override, sentence, subject_of},
};

/// Exceptions, one row for each step, delivery or conflict that is or was one.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "exceptions",
    columns: &["first_position", "status", "severity", "code", "stake", "customer_id", "document"],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    match &stream.history {
        History::Application(steps) => of_all(stream, steps, policies),
        History::Charge(steps) => of_all(stream, steps, policies),
        History::CustomerLink(steps) => of_steps(stream, steps),
        History::PaymentMethod(steps) => of_steps(stream, steps),
        History::Transaction(steps) => of_steps(stream, steps),
        History::Access(_) | History::Privacy(_) | History::Secret(_) => Vec::new(),
        History::Exception(moments) => of_exception(stream, moments).into_iter().collect(),
    }
}

fn of_steps<L: Lifecycle>(stream: &Stream, steps: &Steps<L>) -> Vec<Change> {
    let nobody = Customer::default();
    steps.touched().flat_map(|step| both(stream, &step, &nobody)).collect()
}

/// All steps anew: one may tell whom those before it are about.
fn of_all<L: Lifecycle>(stream: &Stream, steps: &Steps<L>, policies: &Policies) -> Vec<Change> {
    let customer = steps.customer(policies);
    steps.all().flat_map(|step| both(stream, &step, &customer)).collect()
}

fn both<F: Fact>(stream: &Stream, step: &StepHistory<'_, F>, customer: &Customer) -> Vec<Change> {
    let of_kind = |kind| of_step(stream, step, kind, customer);
    [Kind::Refused, Kind::Flagged].into_iter().filter_map(of_kind).collect()
}

/// How an exception is resolved whose delivery was redriven.
pub const REDRIVEN: &str = "redriven";

/// The kinds.
pub const KINDS: [&str; 5] = [
    Kind::Refused.name(),
    Kind::Flagged.name(),
    UnreadableKind::Malformed.name(),
    UnreadableKind::Unrecognised.name(),
    CONFLICT,
];
/// The kind of a conflict of identities.
pub const CONFLICT: &str = "conflict";

/// The statuses.
pub const STATUSES: [&str; 3] = ["open", "resolved", "auto_resolved"];

/// How much one can matter.
pub const SEVERITIES: [&str; 3] =
    [severity_name(Severity::Info), severity_name(Severity::Review), severity_name(Severity::High)];

/// A step can be an exception in two ways, one after the other: refused, or flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Refused,
    Flagged,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Flagged => "flagged",
        }
    }

    /// What makes a verdict an exception of this kind, and how much it matters: of several flags
    /// the gravest. `None` if it is none.
    fn oddity(self, verdict: &Verdict) -> Option<(&'static str, Severity)> {
        match (self, &verdict.outcome) {
            (Self::Refused, Outcome::Refused(refused)) if refused.code != Refusal::Discarded => {
                Some((refused.code.code(), refused.code.severity()))
            }
            (Self::Flagged, Outcome::Applied) => {
                let gravest = verdict.flags.iter().max_by_key(|flag| flag.severity())?;
                Some((gravest.code(), gravest.severity()))
            }
            _ => None,
        }
    }

    /// The id of the exception: the step's own for a refusal, one derived from it for flags.
    fn id(self, source: &str, step: StepId) -> StepId {
        match self {
            Self::Refused => step,
            Self::Flagged => StepId::derive(source, "flagged", &step.to_string()),
        }
    }
}

fn of_step<F: Fact>(
    stream: &Stream,
    step: &StepHistory<'_, F>,
    kind: Kind,
    customer: &Customer,
) -> Option<Change> {
    // What it was when it was last an exception of the kind, which may be over.
    let verdict = step.moments.iter().rev().find_map(|moment| match &moment.what {
        Decision::Recorded(verdict) | Decision::Revised { to: verdict, .. } => {
            kind.oddity(verdict).map(|_| verdict)
        }
        Decision::Overdue | Decision::Overridden(_) => None,
    })?;
    let (code, severity) = kind.oddity(verdict)?;
    let overridden = step.entry.overridden.as_ref();
    let status = status(&step.entry.verdict, overridden.is_some(), kind);
    let fact = &step.entry.step.fact;
    let (state, legal) = match &verdict.outcome {
        Outcome::Refused(refused) => (Some(&refused.state), refused.legal.as_slice()),
        Outcome::Applied | Outcome::Duplicate | Outcome::Stale | Outcome::Parked { .. } => {
            (None, [].as_slice())
        }
    };
    let first = step.moments.first()?;
    let id = kind.id(&stream.source, step.entry.step.id).to_string();
    let document = json!({
        "id": id,
        "source": stream.source,
        "code": code,
        "codes": match kind {
            Kind::Refused => vec![code],
            Kind::Flagged => verdict.flags.iter().map(|flag| flag.code()).collect(),
        },
        "kind": kind.name(),
        "severity": severity,
        "status": status,
        "subject": subject_of(stream, fact),
        "message": sentence(fact, verdict),
        "state": state,
        "asked": fact.kind(),
        "legal": legal,
        "waits_for": step.waits_for(),
        "amount_at_stake": fact.amount().map(|amount| amount.minor),
        "currency": fact.amount().map(|amount| amount.currency),
        "delivery_id": step.entry.step.id,
        "stream": { "type": stream.id.aggregate_type.name(), "id": stream.id.id },
        "received_at": step.entry.step.received_at,
        "resolution": overridden.map(resolution_of_override),
        "history": step.history(),
    });
    let cells = vec![
        first.position.into(),
        status.into(),
        severity_name(severity).into(),
        code.into(),
        fact.amount().map_or(0, |amount| amount.minor).into(),
        customer.or(fact.party()).customer_id.into(),
        Cell::document(&document),
    ];
    let position = step.moments.last()?.position;
    Some(Change { key: id, write: Write::Replace, position, cells })
}

fn status(now: &Verdict, is_overridden: bool, kind: Kind) -> &'static str {
    let settled = matches!(&now.outcome, Outcome::Refused(refused) if refused.settled);
    if is_overridden {
        "resolved"
    } else if settled || kind.oddity(now).is_none() {
        "auto_resolved"
    } else {
        "open"
    }
}

/// An exception with a stream of its own: its events tell all, or it is a resolved conflict.
fn of_exception(stream: &Stream, moments: &[Moment<ExceptionEvent>]) -> Option<Change> {
    let first = moments.first()?;
    let last = moments.last()?;
    match &first.what {
        ExceptionEvent::DeliveryRedriven(_) => None,
        ExceptionEvent::ExceptionResolved(_) => {
            let resolution = moments.iter().rev().find_map(|moment| match &moment.what {
                ExceptionEvent::ExceptionResolved(resolution) => Some(resolution),
                ExceptionEvent::DeliveryUnreadable(_) | ExceptionEvent::DeliveryRedriven(_) => None,
            })?;
            let about = resolution.about.as_ref()?;
            Some(conflict(&stream.source, &stream.id.id, about, Some(resolution), last.position))
        }
        ExceptionEvent::DeliveryUnreadable(unreadable) => {
            let severity = match unreadable.kind {
                UnreadableKind::Malformed => Severity::Review,
                UnreadableKind::Unrecognised => Severity::Info,
            };
            let code = unreadable.kind.name();
            let at = if unreadable.field.is_empty() { "the body" } else { &unreadable.field };
            let mut document = json!({
                "code": code,
                "kind": code,
                "subject": { "type": "delivery", "id": stream.id.id },
                "message": format!("{code} delivery: {at}: {}", unreadable.cause),
                "field": unreadable.field,
                "delivery_id": stream.id.id,
                "received_at": unreadable.received_at,
            });
            let closed = moments.iter().rev().find_map(|moment| closing(&moment.what));
            common(&mut document, (&stream.source, &stream.id.id), severity, closed);
            Some(Change {
                key: stream.id.id.clone(),
                write: Write::Replace,
                position: last.position,
                cells: cells(&document, first.position, severity, None),
            })
        }
    }
}

/// How an event closes an exception, if it does.
fn closing(event: &ExceptionEvent) -> Option<Value> {
    match event {
        ExceptionEvent::DeliveryUnreadable(_) => None,
        ExceptionEvent::ExceptionResolved(resolved) => Some(of_resolution(resolved)),
        ExceptionEvent::DeliveryRedriven(Redriven { reason, actor, at, .. }) => {
            Some(resolution(REDRIVEN, reason, actor, *at))
        }
    }
}

fn of_resolution(resolved: &Resolution) -> Value {
    resolution(&resolved.action, &resolved.reason, &resolved.actor, resolved.at)
}

/// A conflict of identities, open or resolved.
pub(crate) fn conflict(
    source: &str,
    id: &str,
    about: &About,
    resolution: Option<&Resolution>,
    position: i64,
) -> Change {
    let mut document = json!({
        "code": about.code,
        "kind": CONFLICT,
        "subject": { "type": "customer", "id": about.customer },
        "message": about.message,
        "position": about.first_position,
    });
    common(&mut document, (source, id), Severity::Review, resolution.map(of_resolution));
    Change {
        key: id.to_owned(),
        write: Write::Replace,
        position,
        cells: cells(&document, about.first_position, Severity::Review, Some(&about.customer)),
    }
}

/// Adds what every exception has, so that all have the same fields.
fn common(
    document: &mut Value,
    (source, id): (&str, &str),
    severity: Severity,
    resolution: Option<Value>,
) {
    let Value::Object(fields) = document else { return };
    let absent = [
        "state",
        "asked",
        "waits_for",
        "amount_at_stake",
        "currency",
        "delivery_id",
        "received_at",
    ];
    for field in absent {
        fields.entry(field).or_insert(Value::Null);
    }
    fields.insert("id".to_owned(), json!(id));
    fields.insert("source".to_owned(), json!(source));
    fields.insert("codes".to_owned(), json!([fields["code"]]));
    fields.insert("severity".to_owned(), json!(severity));
    fields
        .insert("status".to_owned(), json!(if resolution.is_some() { "resolved" } else { "open" }));
    fields.insert("legal".to_owned(), json!([]));
    fields.insert("history".to_owned(), json!([]));
    fields.insert("resolution".to_owned(), json!(resolution));
}

fn cells(
    document: &Value,
    first_position: i64,
    severity: Severity,
    customer: Option<&str>,
) -> Vec<Cell> {
    vec![
        first_position.into(),
        document["status"].as_str().into(),
        severity_name(severity).into(),
        document["code"].as_str().into(),
        0.into(),
        customer.into(),
        Cell::document(document),
    ]
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Review => "review",
        Severity::High => "high",
    }
}
