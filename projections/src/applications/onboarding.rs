//! What only an application has that is assessed, signed and completed.

use creditrail_domain::{
    Policies,
    application::{
        ApplicationLifecycle,
        onboarding::{Kind, Signing, State, Status, lifecycle},
    },
};
use serde_json::{Value, json};

use super::{decision_name, whole};
use crate::{Change, Stream, history::Steps};

pub(super) fn row(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    state: &State,
    policies: &Policies,
) -> Change {
    let decided_at = match &state.rejected {
        Some((_, at)) => Some(*at),
        None => state.decision().and(state.approved_at),
    };
    let own = json!({
        "decision": state.decision().map(decision_name),
        "decided_at": decided_at,
        "reasons": reasons(state),
        "reapply_after": state.reapply_after(),
        "signing": state.signing.as_ref().map(|known| signing(known, state.status())),
        "engagement_id": state.engagement_id,
        "history_gap": state.history_gap.iter().map(|kind| Kind::name(*kind)).collect::<Vec<_>>(),
        "started_at": state.submitted_at,
        "legal_next": lifecycle::legal(state.status()),
    });
    whole(stream, steps, (state.status().public_name(), own), policies)
}

fn reasons(state: &State) -> Vec<Value> {
    let rejected = state.rejected.as_ref().map(|(reason, _)| {
        json!({
            "code": reason.code(),
            "class": reason.class().name(),
            "customer_action": reason.customer_action(),
        })
    });
    let failed = state.failed.as_ref().map(|(code, _)| {
        json!({
            "code": code.code(),
            "class": code.class().name(),
            "customer_action": code.customer_action(),
        })
    });
    rejected.into_iter().chain(failed).collect()
}

/// Where a signing can stand.
pub const SIGNING_STATUSES: [&str; 3] = ["completed", "open", "ended"];

fn signing(signing: &Signing, status: Status) -> Value {
    json!({
        "status": match (signing.completed_at, status) {
            (Some(_), _) => "completed",
            (None, Status::AwaitingSignature) => "open",
            (None, _) => "ended",
        },
        "opened_at": signing.opened_at,
        "completed_at": signing.completed_at,
        "renewals": signing.renewals,
        "secret_ref": signing.url,
    })
}
