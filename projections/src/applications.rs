//! Applications: what the lender decided, and beside it what the SDK said.

use creditrail_domain::{
    Policies,
    application::{ApplicationLifecycle, ApplicationState, Decision, lifecycle},
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
    let state = steps.state(policies);
    let mut changes = Vec::new();
    for application in state.applications() {
        // The two may have been two applications until a step told that they are one.
        changes.extend(application.alias.map(|alias| Change {
            key: alias.to_string(),
            write: Write::Delete,
            position: steps.position,
            cells: Vec::new(),
        }));
        changes.push(row(stream, steps, application));
    }
    changes
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
        "decision": application.decided.map(|(decision, _)| match decision {
            Decision::Accepted => "accepted",
            Decision::Rejected => "rejected",
        }),
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
