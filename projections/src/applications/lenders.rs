//! What only an application has that is offered to several lenders.

use creditrail_domain::{
    Policies,
    application::{
        ApplicationLifecycle,
        lenders::{State, Track, lifecycle},
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
    let lenders = state.tracks.iter().map(|(id, track)| lender(id, track));
    let mut legal: Vec<_> =
        state.tracks.values().flat_map(|track| lifecycle::legal(track.status)).collect();
    if legal.is_empty() {
        legal = lifecycle::legal(lifecycle::Status::Unknown);
    }
    legal.sort_unstable();
    legal.dedup();
    let own = json!({
        "decision": state.decision().map(decision_name),
        "decided_at": state.decision().and(state.confirmed_at),
        "lenders": lenders.collect::<Vec<_>>(),
        "started_at": state.started_at,
        "merchant_order_id": state.merchant_order_id,
        "link_id": state.link_id,
        "charges": state.charges,
        "legal_next": legal,
    });
    whole(stream, steps, (state.status().name(), own), policies)
}

fn lender(id: &str, track: &Track) -> Value {
    json!({
        "lender_id": id,
        "status": track.status.name(),
        "amount": track.amount.map(|amount| amount.minor),
        "currency": track.amount.map(|amount| amount.currency),
        "reason": track.reason,
        "lender_reference_id": track.lender_reference_id,
        "loan_id": track.loan_id,
        "link_id": track.link_id,
        "token_refs": track.tokens,
        "last_event_at": track.last_event_at,
        "legal_next": lifecycle::legal(track.status),
    })
}
