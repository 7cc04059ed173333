//! Applications: what the lender decided, and beside it what the SDK said.

mod lenders;
mod onboarding;

pub use onboarding::SIGNING_STATUSES;

use std::collections::BTreeSet;

use creditrail_domain::{
    Flag, Policies,
    application::{ApplicationLifecycle, ApplicationState, Decision, State, decisions::lifecycle},
    step::Party,
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::Steps,
    row::{Cell, Change, ReadModel, Table, Write},
};

/// Applications, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "applications",
    columns: &[
        "first_position",
        "status",
        "customer_id",
        "partner_customer_id",
        "applicant",
        "document",
    ],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::Application(steps) = &stream.history else { return Vec::new() };
    let state = match steps.state(policies) {
        State::Decisions(state) => state,
        State::Onboarding(state) => return vec![onboarding::row(stream, steps, &state, policies)],
        State::Lenders(state) => return vec![lenders::row(stream, steps, &state, policies)],
    };
    // An id goes when it turns out to be the other one of an application, or when a person has
    // discarded what told of it.
    let told = steps.all().filter_map(|step| step.entry.step.fact.statement.application_id());
    let stays = |id| state.applications().iter().any(|known| known.id == id);
    let gone: BTreeSet<_> = told.filter(|id| !stays(*id)).collect();
    let gone = gone.into_iter().map(|id| Change {
        key: id.to_string(),
        write: Write::Delete,
        position: steps.position,
        cells: Vec::new(),
    });
    gone.chain(state.applications().iter().map(|known| row(stream, steps, known))).collect()
}

fn row(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    application: &ApplicationState,
) -> Change {
    let first_position = application
        .steps
        .iter()
        .filter_map(|step| steps.moments.get(step)?.first())
        .map(|moment| moment.position)
        .min();
    Change {
        key: application.id.to_string(),
        write: Write::Replace,
        position: steps.position,
        cells: vec![
            first_position.unwrap_or(steps.first_position).into(),
            application.status().name().into(),
            application.customer_id.as_deref().into(),
            application.partner_customer_id.as_deref().into(),
            stream.id.id.as_str().into(),
            Cell::document(&document(stream, steps, application)),
        ],
    }
}

/// What a lender can decide.
pub const DECISIONS: [&str; 2] =
    [decision_name(Decision::Accepted), decision_name(Decision::Rejected)];

const fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Accepted => "accepted",
        Decision::Rejected => "rejected",
    }
}

/// The row of an application that has a stream of its own; `own` is what only its kind has.
fn whole(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    (status, own): (&str, Value),
    policies: &Policies,
) -> Change {
    let customer = steps.customer(policies);
    let Party { customer_id, partner_customer_id } = customer.or(Party::default());
    let mut flags: Vec<Flag> = steps
        .all()
        .filter(|step| step.entry.verdict.is_applied())
        .flat_map(|step| step.entry.verdict.flags.iter().copied())
        .collect();
    flags.sort_unstable();
    flags.dedup();
    let mut document = json!({
        "source": stream.source,
        "application_id": stream.id.id,
        "applicant": stream.id.id,
        "status": status,
        "decision": null,
        "decided_at": null,
        "provisional": null,
        "reasons": [],
        "reapply_after": null,
        "signing": null,
        "lenders": [],
        "started_at": null,
        "created_at": null,
        "customer_id": customer_id,
        "partner_customer_id": partner_customer_id,
        "client_reports": [],
        "flags": flags,
        "steps": steps.all().map(|step| step.view()).collect::<Vec<_>>(),
        "legal_next": [],
        "position": steps.position,
    });
    if let (Value::Object(fields), Value::Object(own)) = (&mut document, own) {
        fields.extend(own);
    }
    let cells = vec![
        steps.first_position.into(),
        status.into(),
        customer_id.into(),
        partner_customer_id.into(),
        stream.id.id.as_str().into(),
        Cell::document(&document),
    ];
    let (key, position) = (stream.id.id.clone(), steps.position);
    Change { key, write: Write::Replace, position, cells }
}

fn document(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    application: &ApplicationState,
) -> Value {
    let reports = application.reports.iter().map(|(report, at)| {
        json!({
            "result": report.result.name(),
            "session_id": report.session_id,
            "error_code": report.error_code,
            "occurred_at": at,
        })
    });
    let of_application = steps.all().filter(|step| application.steps.contains(&step.entry.step.id));
    json!({
        "source": stream.source,
        "application_id": application.id,
        "applicant": stream.id.id,
        "status": application.status().name(),
        "decision": application.decided.map(|(decision, _)| decision_name(decision)),
        "decided_at": application.decided.map(|(_, at)| at),
        "provisional": application.provisional(),
        "reasons": [],
        "reapply_after": null,
        "signing": null,
        "lenders": [],
        "started_at": application.started_at,
        "created_at": application.created_at,
        "customer_id": application.customer_id,
        "partner_customer_id": application.partner_customer_id,
        "client_reports": reports.collect::<Vec<_>>(),
        "steps": of_application.map(|step| step.view()).collect::<Vec<_>>(),
        "legal_next": lifecycle::legal(application.status()),
        "position": steps.position,
    })
}
