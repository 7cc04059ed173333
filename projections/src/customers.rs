//! Which ids belong to one customer, and where they contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use creditrail_domain::{
    Lifecycle, Policies,
    customer_link::Status,
    exception::About,
    step::{Fact, Party, StepId},
};
use serde_json::json;

use crate::{
    History, Stream, exceptions,
    history::{Decision, Moment, StepHistory, Steps},
    row::{self, Change, ReadModel, Table, Write},
};

/// Pairs of ids that a lender's reports bring together. A row with one id alone tells only that
/// the customer exists.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "customers",
    columns: &["first_position", "customer_id", "partner_customer_id", "strength"],
};

/// How sure it can be that two ids are of one customer.
pub const STRENGTHS: [&str; 5] = ["explicit", "implied", "ended", "parked", "seen"];

/// The code of an exception: one id stands for several customers.
pub const IDENTITY_CONFLICT: &str = "identity_conflict";

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    match &stream.history {
        History::Application(steps) => {
            implied(steps.touched()).into_iter().chain(of_stream(steps, policies)).collect()
        }
        History::Charge(steps) => of_stream(steps, policies),
        History::PaymentMethod(steps) => implied(steps.touched()),
        History::Transaction(steps) => implied(steps.touched()),
        History::CustomerLink(steps) => {
            let Some(step) = steps.all().next() else { return Vec::new() };
            let party = step.entry.step.fact.party();
            let strength = match steps.state(policies) {
                Status::Active => "explicit",
                Status::Inactive => "ended",
                Status::Unknown => "parked",
            };
            // A pair from the event on that made it one: a report that waits says nothing yet.
            let counted = steps.all().filter_map(|step| {
                let counts = |moment: &&Moment<Decision<_>>| match &moment.what {
                    Decision::Recorded(verdict) | Decision::Revised { to: verdict, .. } => {
                        verdict.is_applied()
                    }
                    Decision::Overdue | Decision::Overridden(_) => false,
                };
                Some(step.moments.iter().find(counts)?.position)
            });
            let since = counted.min().unwrap_or(steps.first_position);
            let alone = Party { partner_customer_id: None, ..party };
            pair(party, strength, since, Write::Replace)
                .into_iter()
                .chain(pair(alone, "seen", steps.first_position, Write::KeepFirst))
                .collect()
        }
        History::Exception(_) | History::Access(_) | History::Privacy(_) | History::Secret(_) => {
            Vec::new()
        }
    }
}

/// The pairs that the steps of one stream bring together, although no single one of them may name
/// both. A pair is known from the event on that told the second of the two.
fn of_stream<L: Lifecycle>(steps: &Steps<L>, policies: &Policies) -> Vec<Change> {
    let mut pairs = Vec::new();
    for (since, customer) in steps.customers(policies) {
        let party = customer.or(Party::default());
        let alone = Party { partner_customer_id: None, ..party };
        // Where the lender has no id for the customer, the partner's stands for it.
        let both = party.partner_customer_id.map(|_| party);
        let implied = both.and_then(|both| pair(both, "implied", since, Write::KeepFirst));
        pairs.extend(implied.into_iter().chain(pair(alone, "seen", since, Write::KeepFirst)));
    }
    row::merge(pairs)
}

/// The pairs that steps other than a link bring together: weaker than a link.
fn implied<'a, F: Fact>(steps: impl Iterator<Item = StepHistory<'a, F>>) -> Vec<Change> {
    let mut pairs = Vec::new();
    for StepHistory { entry, moments } in steps {
        let Some(first) = moments.first() else { continue };
        let party = entry.step.fact.party();
        let alone = Party { partner_customer_id: None, ..party };
        let both = party.customer_id.is_some() && party.partner_customer_id.is_some();
        let strength = if both { "implied" } else { "seen" };
        for (party, strength) in [(party, strength), (alone, "seen")] {
            if let Some(change) = pair(party, strength, first.position, Write::KeepFirst) {
                pairs.push(change);
            }
        }
    }
    row::merge(pairs)
}

fn pair(party: Party<'_>, strength: &str, first_position: i64, write: Write) -> Option<Change> {
    let Party { customer_id, partner_customer_id } = party;
    if customer_id.is_none() && partner_customer_id.is_none() {
        return None;
    }
    // A link has one row whatever its status, so that its end replaces its beginning.
    let kind = if write == Write::Replace { "link" } else { strength };
    let key = json!([kind, customer_id, partner_customer_id]).to_string();
    let cells = vec![
        first_position.into(),
        customer_id.into(),
        partner_customer_id.into(),
        strength.into(),
    ];
    Some(Change { key, write, position: first_position, cells })
}

/// A pair of ids as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The position of the first event that brought them together.
    pub first_position: i64,
    /// The lender's id.
    pub customer_id: String,
    /// The partner's id.
    pub partner_customer_id: String,
}

/// The exceptions that pairs raise when one id of the partner stands for several customers of the
/// lender, or the other way round, if a pair after position `known` makes or widens it. `pairs`
/// must hold all pairs of every id in it, those whose link has ended too: a person should look.
pub fn conflicts(source: &str, pairs: &[Pair], known: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for kind in ["partner_customer_id", "customer_id"] {
        let mut others: BTreeMap<&String, BTreeMap<&String, i64>> = BTreeMap::new();
        for pair in pairs {
            let (customer, partner) = (&pair.customer_id, &pair.partner_customer_id);
            let (id, other) =
                if kind == "customer_id" { (customer, partner) } else { (partner, customer) };
            let first = others.entry(id).or_default().entry(other).or_insert(i64::MAX);
            *first = pair.first_position.min(*first);
        }
        let is_new = |others: &BTreeMap<&String, i64>| others.values().any(|at| *at > known);
        for (id, others) in others.into_iter().filter(|(_, others)| others.len() > 1) {
            if is_new(&others) {
                changes.push(conflict(source, (kind, id), &others));
            }
        }
    }
    changes
}

fn conflict(source: &str, (kind, id): (&str, &str), others: &BTreeMap<&String, i64>) -> Change {
    let positions: BTreeSet<i64> = others.values().copied().collect();
    // The second pair is what made it a conflict.
    let since = positions.iter().nth(1).or_else(|| positions.first()).copied().unwrap_or_default();
    let ids: Vec<&str> = others.keys().map(|other| other.as_str()).collect();
    let message = format!(
        "the {kind} {id} is reported together with {} others: {}; their money is counted apart",
        ids.len(),
        ids.join(", "),
    );
    let about = About {
        code: IDENTITY_CONFLICT.to_owned(),
        message,
        first_position: since,
        customer: if kind == "customer_id" { id } else { ids[0] }.to_owned(),
    };
    let exception = StepId::derive(source, &format!("identity_conflict:{kind}"), id);
    let position = positions.last().copied().unwrap_or_default();
    exceptions::conflict(source, &exception.to_string(), &about, None, position)
}
