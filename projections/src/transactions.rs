//! Card transactions: totals, and every step that they come from.

use std::collections::BTreeSet;

use creditrail_domain::{
    Currency, Flag, Policies, Verdict,
    transaction::{self, Merchant, TransactionFact, TransactionLifecycle},
};
use serde::Serialize;

use crate::{
    History, Stream,
    history::Steps,
    row::{Cell, Change, ReadModel, Table, Write},
    steps::StepView,
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
        "position",
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
        state.currency().map(Currency::code).into(),
        state.captured().into(),
        state.refunded().into(),
        state.hold().into(),
        steps.position.into(),
        Cell::document(&document(stream, steps, &state, policies)),
    ];
    vec![Change {
        key: stream.id.id.clone(),
        write: Write::Replace,
        position: steps.position,
        cells,
    }]
}

/// A transaction as it is answered. Written without an intermediate tree: it is the hot path.
#[derive(Serialize)]
struct Document<'a> {
    source: &'a str,
    transaction_id: &'a str,
    status: &'static str,
    refund_status: &'static str,
    currency: Option<&'static str>,
    authorized: i64,
    captured: i64,
    refunded: i64,
    hold: i64,
    flags: BTreeSet<Flag>,
    likely_expiry: bool,
    customer_id: Option<&'a str>,
    partner_customer_id: Option<&'a str>,
    payment_method_id: Option<&'a str>,
    merchant: Option<&'a Merchant>,
    intent_id: Option<&'a str>,
    authorization_code: Option<&'a str>,
    network_transaction_id: Option<&'a str>,
    steps: Vec<StepView<'a>>,
    legal_next: Vec<&'static str>,
    position: i64,
}

fn document<'a>(
    stream: &'a Stream,
    steps: &'a Steps<TransactionLifecycle>,
    state: &'a transaction::State,
    policies: &Policies,
) -> Document<'a> {
    let facts = || steps.journal.entries().iter().rev().map(|entry| &entry.step.fact);
    let newest = |field: fn(&TransactionFact) -> Option<&String>| {
        facts().find_map(field).map(String::as_str)
    };
    let status = state.status();
    Document {
        source: &stream.source,
        transaction_id: &stream.id.id,
        status: status.name(),
        refund_status: refund_status(state),
        currency: state.currency().map(Currency::code),
        authorized: state.authorized(),
        captured: state.captured(),
        refunded: state.refunded(),
        hold: state.hold(),
        flags: steps.all().flat_map(|step| flags(&step.entry.verdict)).collect(),
        likely_expiry: state.is_likely_expiry(policies),
        customer_id: state.customer_id(),
        partner_customer_id: newest(|fact| fact.partner_customer_id.as_ref()),
        payment_method_id: state.payment_method_id(),
        merchant: state.merchant(),
        intent_id: newest(|fact| fact.intent_id.as_ref()),
        authorization_code: newest(|fact| fact.authorization_code.as_ref()),
        network_transaction_id: newest(|fact| fact.network_transaction_id.as_ref()),
        steps: steps.all().map(|step| step.view()).collect(),
        legal_next: transaction::lifecycle::legal(status),
        position: steps.position,
    }
}

/// The flags of a step that say something about the transaction: not those of a refused step.
fn flags(verdict: &Verdict) -> Vec<Flag> {
    if verdict.is_applied() { verdict.flags.clone() } else { Vec::new() }
}

/// How much of the captures can be refunded.
pub const REFUND_STATUSES: [&str; 4] = ["none", "partial", "full", "over"];

/// How much of the captures is refunded: `none`, `partial`, `full` or `over`.
fn refund_status(state: &transaction::State) -> &'static str {
    match (state.refunded(), state.captured()) {
        (0, _) => "none",
        (refunded, captured) if refunded > captured => "over",
        (refunded, captured) if refunded == captured => "full",
        _ => "partial",
    }
}
