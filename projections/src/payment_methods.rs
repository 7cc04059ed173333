//! Cards, and which of them is probably the replacement of which.

use creditrail_domain::{
    Flag, Policies,
    payment_method::{CardType, Status, lifecycle},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    History, Stream,
    row::{Cell, Change, ReadModel, Table, Write},
};

/// Cards, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "payment_methods",
    columns: &["first_position", "status", "customer_id", "document"],
};

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::PaymentMethod(steps) = &stream.history else { return Vec::new() };
    let state = steps.state(policies);
    let status = state.status().map_or(UNKNOWN, Status::name);
    let flags: std::collections::BTreeSet<Flag> = steps
        .all()
        .filter(|step| step.entry.verdict.is_applied())
        .flat_map(|step| step.entry.verdict.flags.clone())
        .collect();
    let card = state.card_type();
    let document = json!({
        "source": stream.source,
        "payment_method_id": stream.id.id,
        "card_type": card.map(CardType::name),
        "status": status,
        "substate": state.substate(),
        "provider_reported_status": state.provider_reported_status().map(Status::name),
        "created_at": state.created_at(),
        "activated_at": state.activated_at(),
        "canceled_at": state.canceled_at(),
        "customer_id": state.customer_id(),
        "partner_customer_id": steps
            .all()
            .filter_map(|step| step.entry.step.fact.partner_customer_id.clone())
            .last(),
        "card_design_id": state.design(),
        "token_count": state.tokens(),
        "flags": flags,
        "steps": steps.all().map(|step| step.view()).collect::<Vec<_>>(),
        "legal_next": card.map(|card| lifecycle::legal(card, state.status())),
        "position": steps.position,
    });
    let cells = vec![
        steps.first_position.into(),
        status.into(),
        state.customer_id().into(),
        Cell::document(&document),
    ];
    vec![Change {
        key: stream.id.id.clone(),
        write: Write::Replace,
        position: steps.position,
        cells,
    }]
}

/// The status of a card of which no status is known.
pub const UNKNOWN: &str = "unknown";

/// How sure it is that one card replaces another.
pub const CONFIDENCES: [&str; 2] = ["high", "ambiguous"];

/// What decides about a reissue, of one card's document.
#[derive(Deserialize)]
struct Card {
    payment_method_id: String,
    card_type: Option<String>,
    card_design_id: Option<String>,
    created_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
}

/// Adds `reissue` to the documents of all cards of one customer: which card it probably replaces
/// and which replaces it. The lender sends no link between the two (Imprint, "Reissued Cards"):
/// a card of the same type that was created within `window` of a cancellation is a candidate;
/// the confidence is `high` if it is the only one both ways and has the same design.
pub fn infer_reissues(documents: &mut [Value], window: SignedDuration) {
    let cards: Vec<Option<Card>> =
        documents.iter().map(|document| Card::deserialize(document).ok()).collect();
    let is_pair = |old: usize, new: usize| match (&cards[old], &cards[new]) {
        (Some(old), Some(new)) => old.may_be_replaced_by(new, window),
        _ => false,
    };
    let all = 0..cards.len();
    let links: Vec<Value> = all
        .clone()
        .map(|card| {
            let replaces: Vec<_> = all.clone().filter(|old| is_pair(*old, card)).collect();
            let replaced_by: Vec<_> = all.clone().filter(|new| is_pair(card, *new)).collect();
            let link = |others: &[usize], old: Option<usize>| {
                let other = *others.first()?;
                let (old, new) = old.map_or((other, card), |old| (old, other));
                let rivals = all.clone().filter(|new| is_pair(old, *new)).count()
                    + all.clone().filter(|old| is_pair(*old, new)).count();
                let alike = match (&cards[old], &cards[new]) {
                    (Some(old), Some(new)) => old.card_design_id == new.card_design_id,
                    _ => false,
                };
                let confidence = if rivals == 2 && alike { "high" } else { "ambiguous" };
                let id = cards[other].as_ref().map(|card| card.payment_method_id.as_str());
                Some(json!({ "payment_method_id": id, "confidence": confidence }))
            };
            json!({
                "replaces": link(&replaces, None),
                "replaced_by": link(&replaced_by, Some(card)),
            })
        })
        .collect();
    for (document, link) in documents.iter_mut().zip(links) {
        document["reissue"] = link;
    }
}

impl Card {
    fn may_be_replaced_by(&self, new: &Self, window: SignedDuration) -> bool {
        let (Some(canceled_at), Some(created_at)) = (self.canceled_at, new.created_at) else {
            return false;
        };
        self.payment_method_id != new.payment_method_id
            && self.card_type == new.card_type
            // A card that existed before the one that it would replace is no replacement.
            && self.created_at.is_none_or(|before| before < created_at)
            && canceled_at.duration_since(created_at).abs() <= window
    }
}
