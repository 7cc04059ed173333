//! Charges: what was authorized, settled, refunded and charged back.

use creditrail_domain::{Currency, Flag, Policies, charge::State, step::Party};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    row::{Cell, Change, ReadModel, Table, Write},
};

/// Charges, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "charges",
    columns: &["first_position", "status", "customer_id", "application_id", "document"],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::Charge(steps) = &stream.history else { return Vec::new() };
    let state = steps.state(policies);
    let mut flags: Vec<Flag> = steps
        .all()
        .filter(|step| step.entry.verdict.is_applied())
        .flat_map(|step| step.entry.verdict.flags.iter().copied())
        .collect();
    flags.sort_unstable();
    flags.dedup();
    let mut document = balances(&state);
    document["source"] = stream.source.as_str().into();
    document["charge_id"] = stream.id.id.as_str().into();
    document["flags"] = json!(flags);
    document["steps"] = json!(steps.all().map(|step| step.view()).collect::<Vec<_>>());
    document["position"] = steps.position.into();
    let cells = vec![
        steps.first_position.into(),
        state.status().name().into(),
        state.party().customer_id.into(),
        state.link().map(|link| link.application_id.as_str()).into(),
        Cell::document(&document),
    ];
    let (key, position) = (stream.id.id.clone(), steps.position);
    vec![Change { key, write: Write::Replace, position, cells }]
}

/// What all steps amount to.
fn balances(state: &State) -> Value {
    let operations = state.operations().iter().map(|operation| {
        json!({
            "kind": operation.kind.name(),
            "lender_transaction_id": operation.lender_transaction_id,
            "amount": operation.amount.minor,
            "state": operation.state.name(),
        })
    });
    let chargebacks = state.chargebacks().iter().map(|chargeback| {
        json!({
            "transaction_id": chargeback.transaction_id,
            "amount": chargeback.amount,
            "reversed": chargeback.reversed,
        })
    });
    let Party { customer_id, partner_customer_id } = state.party();
    json!({
        "status": state.status().name(),
        "currency": state.currency().map(Currency::code),
        "authorized": state.authorized().map_or(0, |amount| amount.minor),
        "settled": state.settled(),
        "refunded": state.refunded(),
        "charged_back": state.charged_back(),
        "chargebacks_reversed": state.chargebacks_reversed(),
        "open_to_settle": state.open_to_settle(),
        "refundable": state.refundable(),
        "net_to_merchant": state.net_to_merchant(),
        "voided_at": state.voided_at(),
        "operations": operations.collect::<Vec<_>>(),
        "chargebacks": chargebacks.collect::<Vec<_>>(),
        "application_id": state.link().map(|link| link.application_id.as_str()),
        "linked_by": state.link().map(|link| link.how.name()),
        "merchant_order_id": state.merchant_order_id(),
        "customer_id": customer_id,
        "partner_customer_id": partner_customer_id,
        "legal_next": state.legal_next(),
    })
}
