//! How a step is shown, alike in every read model.

use std::{borrow::Cow, collections::BTreeMap};

use creditrail_domain::{
    Flag, Outcome, Refusal, StepId, Verdict,
    journal::{Cause, Override},
    step::{Fact, Origin},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Stream,
    history::{Decision, Moment, StepHistory},
};

/// Who can have brought a step.
pub const ACTORS: [&str; 3] =
    [actor(Origin::Delivery), actor(Origin::Partner), actor(Origin::Operator)];

const fn actor(origin: Origin) -> &'static str {
    match origin {
        Origin::Delivery => "provider",
        Origin::Partner => "partner",
        Origin::Operator => "operator",
    }
}

/// A step as it stands in `steps[]`. Written without an intermediate tree: it is the hot path.
#[derive(Debug, Serialize)]
pub struct StepView<'a> {
    id: StepId,
    key: &'a str,
    kind: &'static str,
    amount: Option<i64>,
    currency: Option<&'static str>,
    occurred_at: Timestamp,
    received_at: Timestamp,
    /// As of now.
    pub outcome: &'static str,
    reason: Option<Refusal>,
    waits_for: Option<&'a str>,
    flags: &'a [Flag],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<&'static str, String>,
    message: Option<String>,
    /// Who told it.
    actor: &'static str,
    /// The position of the event that recorded it: steps arrived in this order.
    position: i64,
}

impl<'a, F: Fact> StepHistory<'a, F> {
    /// The step as it stands in `steps[]`.
    pub fn view(&self) -> StepView<'a> {
        let step = &self.entry.step;
        let fact = self.entry.fact();
        let amount = fact.amount();
        StepView {
            id: step.id,
            key: &step.key,
            kind: fact.kind(),
            amount: amount.map(|amount| amount.minor),
            currency: amount.map(|amount| amount.currency.code()),
            occurred_at: step.occurred_at,
            received_at: step.received_at,
            outcome: self.entry.verdict.outcome.name(),
            reason: self.reason(),
            waits_for: self.waits_for(),
            flags: &self.entry.verdict.flags,
            details: fact.details().into_iter().collect(),
            message: self.message(),
            actor: actor(step.origin),
            position: self.moments.first().map_or(0, |first| first.position),
        }
    }

    /// What was decided about the step, oldest first.
    pub fn history(&self) -> Vec<Value> {
        self.moments.iter().map(moment_view).collect()
    }

    /// Why the step is refused now, if it is.
    pub fn reason(&self) -> Option<Refusal> {
        match &self.entry.verdict.outcome {
            Outcome::Refused(refused) => Some(refused.code),
            Outcome::Applied | Outcome::Duplicate | Outcome::Stale | Outcome::Parked { .. } => None,
        }
    }

    /// The kind of step for which the step waits now, if it is parked.
    pub fn waits_for(&self) -> Option<&'a str> {
        match &self.entry.verdict.outcome {
            Outcome::Parked { waits_for } => Some(waits_for),
            Outcome::Applied | Outcome::Duplicate | Outcome::Stale | Outcome::Refused(_) => None,
        }
    }

    /// What became of the step, in a sentence; `None` where nothing needs saying.
    pub fn message(&self) -> Option<String> {
        sentence(self.entry.fact(), &self.entry.verdict)
    }
}

/// What a step is about, as people address it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Cow<'a, str>,
}

impl Subject<'_> {
    /// The same, for itself.
    pub(crate) fn into_owned(self) -> Subject<'static> {
        Subject { kind: self.kind, id: Cow::Owned(self.id.into_owned()) }
    }

    /// The id, if it is of the kind.
    pub fn id_of(&self, kind: &str) -> Option<&str> {
        (self.kind == kind).then_some(&*self.id)
    }
}

/// What a step is about: the stream, but for an applicant's application.
pub fn subject_of<'a, F: Fact>(stream: &'a Stream, fact: &F) -> Subject<'a> {
    let id = fact.subject_id().map_or(Cow::Borrowed(stream.id.id.as_str()), Cow::Owned);
    Subject { kind: stream.id.aggregate_type.name(), id }
}

/// A person's decision, as it is shown.
pub(crate) fn resolution(action: &str, reason: &str, actor: &str, at: Timestamp) -> Value {
    json!({ "action": action, "reason": reason, "actor": actor, "at": at })
}

/// A person's decision about a step, as it is shown.
pub(crate) fn resolution_of_override<F>(decision: &Override<F>) -> Value {
    resolution(decision.action.name(), &decision.reason, &decision.actor, decision.at)
}

fn moment_view<F>(moment: &Moment<Decision<F>>) -> Value {
    let Moment { position, recorded_at: at, .. } = moment;
    match &moment.what {
        Decision::Recorded(to) => json!({
            "position": position, "at": at, "what": "recorded", "to": verdict_view(to),
        }),
        Decision::Revised { from, to, cause } => json!({
            "position": position, "at": at, "what": "revised",
            "from": verdict_view(from), "to": verdict_view(to), "cause": cause_view(*cause),
        }),
        Decision::Overdue => json!({ "position": position, "at": at, "what": "deadline_passed" }),
        Decision::Overridden(decision) => json!({
            "position": position, "at": at, "what": "overridden",
            "resolution": resolution_of_override(decision),
        }),
    }
}

/// A verdict, as it is shown.
pub fn verdict_view(verdict: &Verdict) -> Value {
    let reason = match &verdict.outcome {
        Outcome::Refused(refused) => Some(refused.code),
        Outcome::Applied | Outcome::Duplicate | Outcome::Stale | Outcome::Parked { .. } => None,
    };
    json!({ "outcome": verdict.outcome.name(), "reason": reason, "flags": verdict.flags })
}

/// What can change a verdict.
pub const CAUSES: [&str; 3] = ["step", "deadline", "override"];

fn cause_view(cause: Cause) -> Value {
    match cause {
        Cause::Step(step) => json!({ "what": "step", "id": step }),
        Cause::Deadline(step) => json!({ "what": "deadline", "id": step }),
        Cause::Override(step) => json!({ "what": "override", "id": step }),
    }
}

/// What a verdict means, in a sentence; `None` where nothing needs saying.
pub fn sentence<F: Fact>(fact: &F, verdict: &Verdict) -> Option<String> {
    let asked = match fact.amount() {
        Some(amount) => format!("{} of {amount}", fact.kind()),
        None => fact.kind().to_owned(),
    };
    match &verdict.outcome {
        Outcome::Refused(refused) => {
            let legal = match refused.legal.as_slice() {
                [] => "nothing".to_owned(),
                legal => legal.join(", "),
            };
            Some(format!(
                "{asked} refused in state {}: {}; in order there: {legal}",
                refused.state,
                refused.code.meaning(),
            ))
        }
        Outcome::Parked { waits_for } => {
            Some(format!("{asked} is parked: it counts once `{waits_for}` has been reported"))
        }
        Outcome::Duplicate => Some(format!("{asked} says nothing new")),
        Outcome::Stale => Some(format!("{asked} is stale: something newer has replaced it")),
        Outcome::Applied if verdict.flags.is_empty() => None,
        Outcome::Applied => {
            let oddities: Vec<_> = verdict.flags.iter().map(|flag| flag.meaning()).collect();
            Some(format!("{asked} counts, but {}", oddities.join("; ")))
        }
    }
}
