//! Decisions without a card, and cards without a decision.
//!
//! Which of them stand depends on two aggregates and on the time, so each is a row of its own with
//! what would settle it, and is told only while it stands.

use creditrail_domain::{
    Policies, StepId,
    application::{ApplicationLifecycle, Decision, State},
    payment_method::PaymentMethodLifecycle,
};
use jiff::Timestamp;
use serde_json::json;

use super::{CARD_WITHOUT_DECISION, DECISION_WITHOUT_CARD};
use crate::{
    Stream,
    history::Steps,
    row::{Cell, Change, Write},
};

/// What could be unmatched.
struct Unmatched<'a> {
    code: &'static str,
    /// The kind of thing and its id.
    thing: (&'static str, String),
    customer_id: &'a str,
    since: Timestamp,
    unless: &'static str,
    message: &'static str,
    suggestion: &'static str,
}

impl Unmatched<'_> {
    fn row(&self, stream: &Stream, (first, newest): (i64, i64), policies: &Policies) -> Change {
        let (kind, id) = &self.thing;
        let key = key(&stream.source, self.code, id);
        let mut document = json!({
            "id": key,
            "source": stream.source,
            "code": self.code,
            "class": self.code,
            "subject": { "type": kind, "id": id },
            "customer_id": self.customer_id,
            "since": self.since,
            "message": self.message,
            "suggestion": self.suggestion,
        });
        document[format!("{kind}_id")] = id.as_str().into();
        let stands_from = stands_from(self.since, policies);
        let cells = vec![
            first.into(),
            "discrepancies".into(),
            self.code.into(),
            self.customer_id.into(),
            stands_from.as_microsecond().into(),
            self.unless.into(),
            Cell::document(&document),
        ];
        Change { key, write: Write::Replace, position: newest, cells }
    }
}

/// Saturates at the end of time, which only a time thousands of years ahead could reach.
pub(super) fn stands_from(since: Timestamp, policies: &Policies) -> Timestamp {
    since.saturating_add(policies.unmatched_after).unwrap_or(Timestamp::MAX)
}

fn key(source: &str, code: &str, id: &str) -> String {
    StepId::derive(source, code, id).to_string()
}

/// The acceptances of an applicant whose customer is known.
pub(super) fn decisions(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    policies: &Policies,
) -> Vec<Change> {
    let State::Decisions(state) = steps.state(policies) else { return Vec::new() };
    let mut changes = Vec::new();
    for application in state.applications() {
        let ids = [Some(application.id), application.alias].into_iter().flatten();
        // It may have had another id, and another decision, before.
        changes.extend(ids.map(|id| Change {
            key: key(&stream.source, DECISION_WITHOUT_CARD, &id.to_string()),
            write: Write::Delete,
            position: steps.position,
            cells: Vec::new(),
        }));
        if let (Some((Decision::Accepted, since)), Some(customer_id)) =
            (application.decided, &application.customer_id)
        {
            let unmatched = Unmatched {
                code: DECISION_WITHOUT_CARD,
                thing: ("application", application.id.to_string()),
                customer_id,
                since,
                unless: "card",
                message: "the lender accepted, and no card of the customer has been reported",
                suggestion: "ask the lender for the card",
            };
            changes.push(unmatched.row(stream, (steps.first_position, steps.position), policies));
        }
    }
    changes
}

/// The card, if its owner is known.
pub(super) fn card(
    stream: &Stream,
    steps: &Steps<PaymentMethodLifecycle>,
    policies: &Policies,
) -> Vec<Change> {
    let state = steps.state(policies);
    let since = steps.all().next().map(|step| step.entry.step.occurred_at);
    let (Some(customer_id), Some(since)) = (state.customer_id(), since) else {
        return Vec::new();
    };
    let unmatched = Unmatched {
        code: CARD_WITHOUT_DECISION,
        thing: ("payment_method", stream.id.id.clone()),
        customer_id,
        since,
        unless: "decision",
        message: "the customer has a card, and no acceptance has been reported",
        suggestion: "ask the lender for its decision; a webhook may be lost",
    };
    vec![unmatched.row(stream, (steps.first_position, steps.position), policies)]
}
