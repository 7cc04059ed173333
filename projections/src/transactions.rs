//! Card transactions: totals, and every step that they come from.

use std::collections::BTreeSet;

use creditrail_domain::{
    Flag, Policies, Verdict,
    transaction::{self, TransactionFact, TransactionLifecycle},
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::Steps,
    row::{Change, ReadModel, Table, Write},
};

/// Card transactions, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "transactions",
    columns: &[
        "first_position",
        "status",
        "customer_id",
        "payment_method_id",
        "currency",
        "captured",
        "refunded",
        "hold",
        "document",
    ],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::Transaction(steps) = &stream.history else { return Vec::new() };
    let state = steps.state(policies);
    let cells = vec![
        steps.first_position.into(),
        state.status().name().into(),
        state.customer_id().into(),
        state.payment_method_id().into(),
        state.currency().map(creditrail_domain::Currency::code).into(),
        state.captured().into(),
        state.refunded().into(),
        state.hold().into(),
        (&document(stream, steps, &state, policies)).into(),
    ];
    vec![Change {
        key: stream.id.id.clone(),
        write: Write::Replace,
        position: steps.position,
        cells,
    }]
}

fn document(
    stream: &Stream,
    steps: &Steps<TransactionLifecycle>,
    state: &transaction::State,
    policies: &Policies,
) -> Value {
    let newest = |field: fn(&TransactionFact) -> Option<&String>| {
        steps.all().filter_map(|step| field(&step.entry.step.fact).cloned()).last()
    };
    let flags: BTreeSet<Flag> = steps.all().flat_map(|step| flags(&step.entry.verdict)).collect();
    let status = state.status();
    json!({
        "source": stream.source,
        "transaction_id": stream.id.id,
        "status": status.name(),
        "refund_status": refund_status(state),
        "currency": state.currency(),
        "authorized": state.authorized(),
        "captured": state.captured(),
        "refunded": state.refunded(),
        "hold": state.hold(),
        "flags": flags,
        "likely_expiry": state.is_likely_expiry(policies),
        "customer_id": state.customer_id(),
        "partner_customer_id": newest(|fact| fact.partner_customer_id.as_ref()),
        "payment_method_id": state.payment_method_id(),
        "merchant": state.merchant(),
        "intent_id": newest(|fact| fact.intent_id.as_ref()),
        "authorization_code": newest(|fact| fact.authorization_code.as_ref()),
        "network_transaction_id": newest(|fact| fact.network_transaction_id.as_ref()),
        "steps": steps.all().map(|step| step.view()).collect::<Vec<_>>(),
        "legal_next": transaction::lifecycle::legal(status),
        "position": steps.position,
    })
}

/// The flags of a step that say something about the transaction: not those of a refused step.
fn flags(verdict: &Verdict) -> Vec<Flag> {
    if verdict.is_applied() { verdict.flags.clone() } else { Vec::new() }
}

/// How much of the captures is refunded: `none`, `partial`, `full` or `over`.
fn refund_status(state: &transaction::State) -> &'static str {
    match (state.refunded(), state.captured()) {
        (0, _) => "none",
        (refunded, captured) if refunded > captured => "over",
        (refunded, captured) if refunded == captured => "full",
        _ => "partial",
    }
}
