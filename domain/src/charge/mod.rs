//! A charge: what a lender authorized for a purchase, what of it was settled to the merchant and
//! refunded, and what was charged back (ChargeAfter).
//!
//! Reading order: [`fact`] (what is said), [`lifecycle`] (the tables), `operation` (the settles and
//! refunds), `pairing` (which reports are about the same one), `chargeback`, `identity` (what must
//! not differ), `state` (what it all amounts to), then the rules here and in `review` (what only all
//! steps together tell). Settles, refunds and chargebacks are money that has moved, so they are
//! never parked and never refused for their order; flags say what is odd about them.
//! What counts as money is completed; what takes up room is all that has not failed.

mod chargeback;
pub mod fact;
mod identity;
pub mod lifecycle;
mod operation;
mod pairing;
mod review;
mod state;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use jiff::Timestamp;

pub use chargeback::Chargeback;
pub use fact::{ChargeFact, Dispute, Form, Linkage, OperationReport, Report};
pub use lifecycle::{Kind, Situation, Status};
pub use operation::{Operation, OperationKind, OperationState};
pub use state::{Link, LinkedBy, State};

use self::{
    chargeback::Chargebacks,
    identity::Identity,
    lifecycle::{Progress, progress, row},
    pairing::Pairing,
};
use crate::{
    Flag, Place, Policies, Refusal,
    journal::{Journal, Lifecycle},
    judge::{Item, park_or_adopt, refuse},
    machine::Row,
    step::{Outcome, Party, StepId, Verdict},
};

/// The aggregate.
pub type Charge = Journal<ChargeLifecycle>;

/// The rules of a charge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChargeLifecycle;

impl Lifecycle for ChargeLifecycle {
    const TYPE: &'static str = "charge";
    type Fact = ChargeFact;
    type State = State;

    fn open(items: &[Item<'_, ChargeFact>], _: &Policies) -> State {
        let identity = Identity::of(items);
        let facts = || items.iter().filter(|item| !item.void && identity.fits(&item.fact));
        let announced = facts().find_map(|item| match item.fact.report {
            Report::Authorized(amount) => Some(amount.minor),
            _ => None,
        });
        let pairing = Pairing::of(items.iter().filter_map(|item| match &item.fact.report {
            Report::Operation(report) if identity.lets_count(item) => {
                Some((item.step.id, item.step.occurred_at, report))
            }
            _ => None,
        }));
        let chargebacks = Chargebacks::expecting(identity::chargebacks(facts()));
        State { chargebacks, announced, pairing, identity, ..State::default() }
    }

    fn rule(state: &State, item: &Item<'_, ChargeFact>, policies: &Policies) -> Verdict {
        if let Some(conflict) = state.identity.conflict(&item.fact) {
            return refuse::<Self>(state, item, conflict);
        }
        let judged = match &item.fact.report {
            Report::Authorized(amount) => authorize(state, amount.minor),
            Report::Operation(report) => operate(state, item.step.id, report),
            Report::ChargedBack(dispute) => {
                said_once(state.chargebacks.amount_of(&dispute.transaction_id), dispute)
                    .unwrap_or_else(|| Ok(Verdict::applied()))
            }
            Report::ChargebackReversed(dispute) => reverse(state, item, dispute, policies),
            Report::Voided { .. } => void(state, item, policies),
            Report::Linked { application_id, how, .. } => link(state, application_id, *how),
        };
        judged.unwrap_or_else(|code| refuse::<Self>(state, item, code))
    }

    fn absorb(state: &mut State, item: &Item<'_, ChargeFact>, verdict: &Verdict) {
        let (is_applied, step) = (verdict.is_applied(), item.step.id);
        state.chargebacks.pass(step);
        if matches!(verdict.outcome, Outcome::Refused(_)) {
            return;
        }
        let order = &item.fact.merchant_order_id;
        state.merchant_order_id = state.merchant_order_id.take().or_else(|| order.clone());
        match &item.fact.report {
            Report::Authorized(amount) if is_applied => {
                (state.authorized, state.authorized_by) = (Some(amount.minor), Some(step));
            }
            Report::Operation(report) => {
                if let Some(key) = state.pairing.key_of(step) {
                    operation::take(&mut state.operations, &key, report, step, is_applied);
                }
            }
            Report::ChargedBack(dispute) if is_applied => {
                state.chargebacks.charge_back(dispute, step);
            }
            Report::ChargebackReversed(dispute) => state.chargebacks.reverse(dispute, is_applied),
            Report::Voided { .. } if is_applied => state.voided_at = Some(item.step.occurred_at),
            Report::Linked { application_id, how, .. } if is_applied => {
                // One of equal strength only where a person says so or insists on it.
                state.link.take_if(|known| known.how == LinkedBy::from(*how));
                state.take_link(application_id, LinkedBy::from(*how));
            }
            Report::Authorized(_)
            | Report::ChargedBack(_)
            | Report::Voided { .. }
            | Report::Linked { .. } => {}
        }
        if is_applied && let Some(application_id) = item.fact.report.names_application() {
            state.take_link(application_id, LinkedBy::Reconciliation);
        }
    }

    fn review(
        state: &State,
        items: &[Item<'_, ChargeFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        review::review(state, items, verdicts, policies);
    }

    fn state_name(state: &State, fact: &ChargeFact) -> &'static str {
        match &fact.report {
            Report::Operation(report) => state.operation_of(report).map(|it| it.state.name()),
            _ => None,
        }
        .unwrap_or_else(|| state.status().name())
    }

    /// Of an operation that is known, its update, as long as it has not ended.
    fn legal(state: &State, fact: &ChargeFact) -> Vec<&'static str> {
        let Report::Operation(report) = &fact.report else { return state.legal_next() };
        match state.operation_of(report) {
            Some(operation) if operation.state.is_open() => {
                vec![OperationReport { form: Form::Updated, ..report.clone() }.kind().name()]
            }
            Some(_) => Vec::new(),
            None => state.legal_next(),
        }
    }

    fn places(state: &State, item: &Item<'_, ChargeFact>) -> Vec<Place> {
        let whole = state.situation().name();
        let whole = Place::of_all("charge", whole, &*item.fact, state.legal_next());
        [whole].into_iter().chain(operation::place(state, item)).collect()
    }

    fn watches(
        state: &State,
        items: &[Item<'_, ChargeFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        review::watches(state, items, policies)
    }

    fn party(state: &State) -> Party<'_> {
        state.party()
    }
}

/// How a step is judged, or why it is refused.
type Judged = Result<Verdict, Refusal>;

fn authorize(state: &State, amount: i64) -> Judged {
    let Some(known) = state.authorized else {
        // Nothing is authorized, though it may be voided: this is the step that was missing.
        return Ok(Verdict::applied());
    };
    match row(state.situation(), Kind::Authorize) {
        Row::Refuses(Refusal::SecondAuthorize)
            if amount == known && state.situation() != Situation::Refunded =>
        {
            Ok(Verdict::duplicate())
        }
        Row::Refuses(code) => Err(code),
        Row::Leads { .. } | Row::Parks(_) => Ok(Verdict::applied()),
    }
}

fn operate(state: &State, step: StepId, report: &OperationReport) -> Judged {
    let key = state.pairing.key_of(step);
    let known = key.as_ref().and_then(|key| operation::find(&state.operations, key));
    if known.is_some_and(|operation| operation.contradicts(report)) {
        return Err(Refusal::OperationAmountConflict);
    }
    let verdict = match progress(known.map(|it| it.state), report.form, report.state) {
        Progress::Leads(_) if known.is_some() => Verdict::applied(),
        Progress::Leads(_) => opened(state, report.kind()),
        Progress::Duplicate => Verdict::duplicate(),
        Progress::Stale => Verdict { outcome: Outcome::Stale, ..Verdict::applied() },
        Progress::Refuses(code) => return Err(code),
    };
    let is_ambiguous = key.is_some_and(|key| key.is_ambiguous);
    Ok(if is_ambiguous { verdict.flagged(Flag::AmbiguousOperation) } else { verdict })
}

/// The first report of an operation, with what is odd about the situation in which it comes.
fn opened(state: &State, kind: Kind) -> Verdict {
    let disputed = (state.chargebacks.open() > 0).then_some(Situation::Disputed);
    let rows = [Some(state.situation()), disputed].into_iter().flatten().map(|it| row(it, kind));
    rows.fold(Verdict::applied(), |verdict, row| match row {
        Row::Leads { flag: Some(flag), .. } if review::is_of_situation(flag) => {
            verdict.flagged(flag)
        }
        Row::Leads { .. } | Row::Parks(_) | Row::Refuses(_) => verdict,
    })
}

/// The verdict on what was said before under its id, with this amount or another.
fn said_once(known: Option<i64>, dispute: &Dispute) -> Option<Judged> {
    known.map(|amount| {
        if amount == dispute.amount.minor {
            Ok(Verdict::duplicate())
        } else {
            Err(Refusal::OperationAmountConflict)
        }
    })
}

fn reverse(
    state: &State,
    item: &Item<'_, ChargeFact>,
    dispute: &Dispute,
    policies: &Policies,
) -> Judged {
    let known = state.chargebacks.amount_of_reversal(&dispute.transaction_id);
    if let Some(judged) = said_once(known, dispute) {
        return judged;
    }
    let wait = policies.reversal_parked_for;
    let horizon = item.step.occurred_at.saturating_add(wait).unwrap_or(Timestamp::MAX);
    if state.chargebacks.cover(dispute.amount.minor, horizon) {
        return Ok(Verdict::applied());
    }
    match row(state.situation(), Kind::ChargebackReversal) {
        Row::Parks(missing) if state.chargebacks.open() == 0 && !item.overdue => {
            Ok(park_or_adopt(item, missing, wait))
        }
        _ => Err(Refusal::ReversalExceedsChargeback),
    }
}

fn void(state: &State, item: &Item<'_, ChargeFact>, policies: &Policies) -> Judged {
    let authorized = state.authorized.or(state.announced);
    let by_situation = row(state.situation_if(authorized), Kind::Void);
    let is_disputed = state.chargebacks.open() > 0;
    match (by_situation, row(Situation::Disputed, Kind::Void)) {
        (Row::Refuses(code), _) => Err(code),
        (_, Row::Refuses(code)) if is_disputed => Err(code),
        (Row::Parks(missing), _) => Ok(park_or_adopt(item, missing, policies.parked_for)),
        (Row::Leads { .. }, _) => Ok(Verdict::applied()),
    }
}

fn link(state: &State, application_id: &str, how: Linkage) -> Judged {
    let Some(known) = &state.link else { return Ok(Verdict::applied()) };
    let is_same = known.application_id == application_id;
    match LinkedBy::from(how).cmp(&known.how) {
        Ordering::Greater => Ok(Verdict::applied()),
        _ if is_same => Ok(Verdict::duplicate()),
        // A person corrects what a person said, and gives the reason.
        Ordering::Equal if how == Linkage::Operator => Ok(Verdict::applied()),
        Ordering::Equal => Err(Refusal::LinkConflict),
        // What is known outweighs it.
        Ordering::Less => Ok(Verdict { outcome: Outcome::Stale, ..Verdict::applied() }),
    }
}
