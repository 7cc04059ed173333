//! What somebody has to do: opened and closed by the steps of applications.

use creditrail_domain::{
    Policies, StepId,
    application::{Action, ActionKind, ApplicationLifecycle, action::How},
    step::Party,
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::{Decision, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
};

/// Actions, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "actions",
    columns: &["first_position", "status", "kind", "owner", "customer_id", "document"],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::Application(steps) = &stream.history else { return Vec::new() };
    let state = steps.state(policies);
    let actions = state.actions();
    let rows = actions.iter().filter_map(|action| row(stream, steps, action, policies));
    // What a step asked for once, and does not any more.
    let gone = steps.all().filter_map(|step| {
        let (kind, opened_by) = (step.entry.fact().asks_for()?, step.entry.step.id);
        let is = |action: &Action| action.kind == kind && action.opened_by == opened_by;
        (!actions.iter().any(is)).then(|| Change {
            key: id(&stream.source, kind, opened_by),
            write: Write::Delete,
            position: steps.position,
            cells: Vec::new(),
        })
    });
    gone.chain(rows).collect()
}

/// The id of an action, derived from the step that asked for it.
pub fn id(source: &str, kind: ActionKind, opened_by: StepId) -> String {
    StepId::derive(source, kind.name(), &opened_by.to_string()).to_string()
}

/// The status of an action: `open`, `done` by the partner, or `closed` by what came later.
pub fn status(action: &Action) -> &'static str {
    match action.closed.map(|closed| closed.how) {
        None => "open",
        Some(How::Done) => "done",
        Some(How::Settled) => "closed",
    }
}

/// The name of a status that is not `open`, as a refusal gives it.
pub fn closed_name(status: &str) -> &'static str {
    STATUSES.into_iter().find(|known| *known == status).unwrap_or("closed")
}

/// The statuses.
pub const STATUSES: [&str; 3] = ["open", "done", "closed"];

fn row(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    action: &Action,
    policies: &Policies,
) -> Option<Change> {
    let since = steps.moments.get(&action.opened_by)?.iter().find(|moment| match &moment.what {
        Decision::Recorded(verdict) | Decision::Revised { to: verdict, .. } => verdict.is_applied(),
        Decision::Overdue | Decision::Overridden(_) => false,
    });
    let customer = steps.customer(policies);
    let document = document(stream, action, customer.or(Party::default()));
    let cells = vec![
        since.map_or(steps.first_position, |since| since.position).into(),
        status(action).into(),
        action.kind.name().into(),
        action.kind.owner().name().into(),
        customer.customer_id.as_deref().into(),
        Cell::document(&document),
    ];
    Some(Change {
        key: id(&stream.source, action.kind, action.opened_by),
        write: Write::Replace,
        position: steps.position,
        cells,
    })
}

/// An action as it is answered.
pub fn document(stream: &Stream, action: &Action, party: Party<'_>) -> Value {
    json!({
        "id": id(&stream.source, action.kind, action.opened_by),
        "source": stream.source,
        "kind": action.kind.name(),
        "owner": action.kind.owner().name(),
        "status": status(action),
        "message": action.kind.message(),
        "subject": { "type": stream.id.aggregate_type.name(), "id": stream.id.id },
        "lender_id": action.lender_id,
        "customer_id": party.customer_id,
        "partner_customer_id": party.partner_customer_id,
        "reason": action.reason,
        "customer_action": action.advice,
        "secret_ref": action.secret,
        "opened_at": action.opened_at,
        "opened_by": action.opened_by,
        "due_at": action.due_at,
        "from": action.from,
        "closed_at": action.closed.map(|closed| closed.at),
        "closed_by": action.closed.map(|closed| closed.by),
    })
}
