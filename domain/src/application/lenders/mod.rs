//! An application that is offered to several lenders (ChargeAfter).
//!
//! Reading order: [`fact`] (what is said), [`lifecycle`] (the table of one lender's track), then
//! the rules. Each lender has a track of its own; the application's status is derived from all of
//! them. The same is reported in two forms of webhook: the deprecated one counts only where the
//! other has not come, but its ids are taken from it always.

pub mod fact;
pub mod lifecycle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use uuid::Uuid;

pub use fact::{Confirmation, Flow, Form, LenderReport, Report, Statement};
pub use lifecycle::{Kind, Overall, Status, machine};

use super::{ActionKind, Actions, ApplicationFact, Statement as Said, customer::Customer};
use crate::{
    Flag, Money, Place, Policies, Refusal,
    judge::{Item, until},
    machine::Row,
    step::{Fact, Outcome, Party, StepId, Verdict},
};

/// The application.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// When its session began.
    pub started_at: Option<Timestamp>,
    /// The partner's order that the customer wants to finance.
    pub merchant_order_id: Option<String>,
    /// The link by which it was created, if the session's begin names one.
    pub link_id: Option<String>,
    /// Each lender's track, by its id.
    pub tracks: BTreeMap<String, Track>,
    /// The charges that the partner created with it.
    pub charges: BTreeSet<String>,
    /// When the customer confirmed first.
    pub confirmed_at: Option<Timestamp>,
    /// What somebody has to do.
    pub actions: Actions,
    /// Steps in the deprecated form whose twin is there.
    twins: BTreeSet<StepId>,
    /// The newest step that counts.
    last: Option<StepId>,
    token_unused_after: jiff::SignedDuration,
    customer: Customer,
}

/// One lender's track.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Where it stands.
    pub status: Status,
    /// The newest amount that was named; a prequalification that comes late leaves the approved one.
    pub amount: Option<Money>,
    /// Why, as far as the lender says so.
    pub reason: Option<String>,
    /// The references of the tokens of all confirmations.
    pub tokens: Vec<Uuid>,
    /// The lender's id of the loan or account.
    pub lender_reference_id: Option<String>,
    /// The id of the request for financing.
    pub loan_id: Option<String>,
    /// The link by which the application was created.
    pub link_id: Option<String>,
    /// When the newest step that counts happened.
    pub last_event_at: Option<Timestamp>,
}

impl State {
    /// Where the application stands.
    pub fn status(&self) -> Overall {
        Overall::of(self.tracks.values().map(|track| track.status))
    }

    /// What was decided, as far as it shows. One lender's decline decides nothing.
    pub fn decision(&self) -> Option<super::Decision> {
        matches!(self.status(), Overall::Approved | Overall::Confirmed)
            .then_some(super::Decision::Accepted)
    }

    pub(super) fn open(items: &[Item<'_, ApplicationFact>], policies: &Policies) -> Self {
        let customer = Customer::of(items);
        Self {
            twins: twins(items, &customer, policies),
            token_unused_after: policies.token_unused_after,
            customer,
            ..Self::default()
        }
    }

    fn track_status(&self, fact: &ApplicationFact) -> Status {
        match &fact.statement {
            Said::Lenders(Statement::Reported(said)) => {
                self.tracks.get(&said.lender_id).map_or(Status::Unknown, |track| track.status)
            }
            _ => Status::Unknown,
        }
    }

    pub(super) fn rule(&self, item: &Item<'_, ApplicationFact>, _: &Policies) -> Verdict {
        if self.customer.is_contradicted_by(&item.fact) {
            return self.refused(item, Refusal::CustomerConflict);
        }
        let said = match &item.fact.statement {
            Said::Lenders(Statement::Reported(said)) => said,
            Said::Lenders(Statement::Started { .. }) if self.has_started(item) => {
                return Verdict::duplicate();
            }
            Said::Lenders(Statement::ChargeCreated { charge_id })
                if self.charges.contains(charge_id) =>
            {
                return Verdict::duplicate();
            }
            Said::ActionDone { action, opened_by, .. }
                if !self.actions.can_be_done(*action, *opened_by) =>
            {
                return self.refused(item, Refusal::ActionClosed);
            }
            _ => return Verdict::applied(),
        };
        let track = self.tracks.get(&said.lender_id);
        let nothing_new = track.is_some_and(|track| track.says_the_same(&said.report));
        if nothing_new || self.twins.contains(&item.step.id) {
            return Verdict::duplicate();
        }
        match lifecycle::row(self.track_status(&item.fact), said.report.kind()) {
            Row::Leads { flag: Some(Flag::CancelledAfterConfirm), .. }
                if !self.charges.is_empty() =>
            {
                self.refused(item, Refusal::CancelledAfterCharge)
            }
            Row::Leads { flag: Some(flag), .. } => Verdict::applied().flagged(flag),
            Row::Leads { flag: None, .. } | Row::Parks(_) => Verdict::applied(),
            Row::Refuses(code) => self.refused(item, code),
        }
    }

    /// Whether a session's begin was reported before, which says all that this one says.
    fn has_started(&self, item: &Item<'_, ApplicationFact>) -> bool {
        self.started_at.is_some_and(|at| at <= item.step.occurred_at)
    }

    fn refused(&self, item: &Item<'_, ApplicationFact>, code: Refusal) -> Verdict {
        Verdict::refused(code, self.state_name(&item.fact), self.legal(&item.fact))
    }

    pub(super) fn absorb(&mut self, item: &Item<'_, ApplicationFact>, verdict: &Verdict) {
        if let Said::Lenders(Statement::Reported(said)) = &item.fact.statement
            && !matches!(verdict.outcome, Outcome::Refused(_))
        {
            self.tracks.entry(said.lender_id.clone()).or_default().enrich(said);
        }
        if !verdict.is_applied() {
            return;
        }
        match &item.fact.statement {
            Said::Lenders(said) => {
                self.take(said, item);
                self.last = Some(item.step.id);
            }
            Said::ActionDone { action, opened_by, .. } => {
                self.actions.done(item, (*action, *opened_by));
            }
            _ => {}
        }
    }

    fn take(&mut self, said: &Statement, item: &Item<'_, ApplicationFact>) {
        let at = item.step.occurred_at;
        match said {
            Statement::Submitted { merchant_order_id } => {
                self.merchant_order_id =
                    self.merchant_order_id.take().or_else(|| merchant_order_id.clone());
            }
            Statement::Started { link_id } => {
                self.started_at = Some(at);
                self.link_id = self.link_id.take().or_else(|| link_id.clone());
            }
            Statement::ChargeCreated { charge_id } => {
                self.charges.insert(charge_id.clone());
                let asked = self.actions.all().iter();
                let asked = asked.filter(|action| action.kind == ActionKind::CreateCharge);
                for opened_by in asked.map(|action| action.opened_by).collect::<Vec<_>>() {
                    self.actions.done(item, (ActionKind::CreateCharge, opened_by));
                }
            }
            Statement::Reported(said) => self.report(said, item),
        }
    }

    fn report(&mut self, said: &LenderReport, item: &Item<'_, ApplicationFact>) {
        let at = item.step.occurred_at;
        let track = self.tracks.entry(said.lender_id.clone()).or_default();
        track.take(&said.report, at);
        let is_confirmed = track.status == Status::Confirmed;
        // What this lender waited for before is past; several confirmations stand side by side.
        self.actions.settle(item, |action| {
            action.lender_id.as_ref() == Some(&said.lender_id)
                && !(action.kind == ActionKind::CreateCharge && is_confirmed)
        });
        let Some(kind) = item.fact.asks_for() else { return };
        let due_at = at.saturating_add(self.token_unused_after).ok();
        let action = self.actions.open(kind, item);
        action.lender_id = Some(said.lender_id.clone());
        action.reason = said.report.reason().map(str::to_owned);
        if let Report::Confirmed(confirmation) = &said.report {
            (action.secret, action.due_at) = (confirmation.token, due_at);
            let opened_by = action.opened_by;
            // The charge may be dated before the webhook of the confirmation that it was made with.
            if self.confirmed_at.is_none() && !self.charges.is_empty() {
                self.actions.done(item, (ActionKind::CreateCharge, opened_by));
            }
            self.confirmed_at = self.confirmed_at.or(Some(at));
        }
    }

    /// Tells of second confirmations with other lenders, and of what has been silent for long.
    pub(super) fn review(
        &self,
        items: &[Item<'_, ApplicationFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        let silent = self.watches(items, policies);
        let mut confirmed = BTreeSet::new();
        for (item, verdict) in items.iter().zip(verdicts) {
            if !verdict.is_applied() {
                continue;
            }
            if let Said::Lenders(Statement::Reported(said)) = &item.fact.statement {
                if matches!(said.report, Report::Confirmed(_)) {
                    confirmed.insert(&said.lender_id);
                    if confirmed.len() > 1 {
                        verdict.flag(Flag::MultipleConfirmedLenders);
                    }
                } else {
                    confirmed.remove(&said.lender_id);
                }
            }
            if silent.iter().any(|(step, until)| *step == item.step.id && item.is_past(*until)) {
                let confirms = item.fact.kind() == Kind::Confirm.name();
                verdict.flag(if confirms { Flag::TokenUnused } else { Flag::ApplicationStale });
            }
        }
    }

    pub(super) fn watches(
        &self,
        items: &[Item<'_, ApplicationFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        let unused =
            self.actions.all().iter().filter(|action| {
                action.kind == ActionKind::CreateCharge && action.closed.is_none()
            });
        let unused =
            unused.filter_map(|action| until(items, action.opened_by, policies.token_unused_after));
        let is_open = !matches!(
            self.status(),
            Overall::Confirmed | Overall::DeclinedByAllKnown | Overall::CancelledByAllKnown
        );
        let last = self.last.filter(|_| is_open);
        let silent = last.and_then(|last| until(items, last, policies.application_stale_after));
        unused.chain(silent).collect()
    }

    pub(super) fn state_name(&self, fact: &ApplicationFact) -> &'static str {
        match &fact.statement {
            Said::Lenders(Statement::Reported(_)) => self.track_status(fact).name(),
            _ => self.status().name(),
        }
    }

    pub(super) fn legal(&self, fact: &ApplicationFact) -> Vec<&'static str> {
        lifecycle::legal(self.track_status(fact))
    }

    /// The track of the lender that reported; no other statement is of one.
    pub(super) fn places(&self, item: &Item<'_, ApplicationFact>) -> Option<Place> {
        let Said::Lenders(Statement::Reported(said)) = &item.fact.statement else { return None };
        let status = self.track_status(&item.fact);
        Some(Place {
            machine: "lender-track",
            of: said.lender_id.clone(),
            state: status.name().into(),
            kind: said.report.kind().name(),
            legal: lifecycle::legal(status),
        })
    }

    /// Whom it is about, by all that was said.
    pub(super) fn party(&self) -> Party<'_> {
        self.customer.party()
    }
}

impl Track {
    /// Whether the report says nothing that the track does not say.
    fn says_the_same(&self, report: &Report) -> bool {
        let same_amount = |amount: &Money| self.amount == Some(*amount);
        let same_reason = |reason: &Option<String>| reason.is_none() || self.reason == *reason;
        match (self.status, report) {
            (Status::Prequalified, Report::Prequalified(amount))
            | (Status::Approved | Status::Confirmed, Report::Approved(amount)) => {
                same_amount(amount)
            }
            (Status::PendingLender, Report::Reviewing(reason))
            | (Status::PendingConsumer, Report::ConsumerRequired(reason))
            | (Status::PendingMerchant, Report::MerchantRequired(reason)) => same_reason(reason),
            (Status::Declined, Report::Declined) | (Status::Cancelled, Report::Cancelled) => true,
            (Status::Confirmed, Report::Confirmed(said)) => match said.token {
                Some(token) => self.tokens.contains(&token),
                None => same_amount(&said.amount),
            },
            _ => false,
        }
    }

    fn take(&mut self, report: &Report, at: Timestamp) {
        self.last_event_at = Some(at);
        self.reason = report.reason().map(str::to_owned);
        let is_late = matches!((self.status, report), (Status::Approved, Report::Prequalified(_)));
        if !is_late {
            self.amount = report.amount().or(self.amount);
        }
        if let Report::Confirmed(Confirmation { token: Some(token), .. }) = report {
            self.tokens.push(*token);
        }
        self.status = match (self.status, report) {
            // Known late: the approval stands.
            (Status::Approved, Report::Prequalified(_)) => Status::Approved,
            (_, Report::Prequalified(_)) => Status::Prequalified,
            (_, Report::Reviewing(_)) => Status::PendingLender,
            (_, Report::ConsumerRequired(_)) => Status::PendingConsumer,
            (_, Report::MerchantRequired(_)) => Status::PendingMerchant,
            (_, Report::Approved(_)) => Status::Approved,
            (_, Report::Declined) => Status::Declined,
            (_, Report::Cancelled) => Status::Cancelled,
            (_, Report::Confirmed(_)) => Status::Confirmed,
        };
    }

    /// Takes the ids that a report carries, whether or not it says anything else that is new.
    fn enrich(&mut self, said: &LenderReport) {
        let LenderReport { lender_reference_id, loan_id, link_id, .. } = said;
        let pairs = [
            (&mut self.lender_reference_id, lender_reference_id),
            (&mut self.loan_id, loan_id),
            (&mut self.link_id, link_id),
        ];
        for (known, said) in pairs {
            *known = known.take().or_else(|| said.clone());
        }
        if self.reason.is_none()
            && said.report.reason().is_some()
            && self.says_kind(said.report.kind())
        {
            self.reason = said.report.reason().map(str::to_owned);
        }
    }

    /// Whether the track stands where a report of the kind leads.
    fn says_kind(&self, kind: Kind) -> bool {
        matches!(
            (self.status, kind),
            (Status::PendingLender, Kind::Review)
                | (Status::PendingConsumer, Kind::RequireConsumer)
                | (Status::PendingMerchant, Kind::RequireMerchant)
        )
    }
}

/// The steps in the deprecated form of which the same stands in the other form, dated about the
/// same time: two webhooks of one report, each with a time of its own.
fn twins(
    items: &[Item<'_, ApplicationFact>],
    customer: &Customer,
    policies: &Policies,
) -> BTreeSet<StepId> {
    let reports: Vec<_> = items
        .iter()
        .filter(|item| {
            !item.void && (item.is_insisted_on() || !customer.is_contradicted_by(&item.fact))
        })
        .filter_map(|item| match &item.fact.statement {
            Said::Lenders(Statement::Reported(said)) => Some((item.step, said)),
            _ => None,
        })
        .collect();
    let deprecated = reports.iter().filter(|(_, said)| said.form == Form::Account);
    let has_twin = |(step, said): &&(&crate::Step<ApplicationFact>, &LenderReport)| {
        reports.iter().any(|(other, twin)| {
            twin.form == Form::Application
                && twin.lender_id == said.lender_id
                && twin.report.kind() == said.report.kind()
                && twin.report.amount() == said.report.amount()
                && other.occurred_at.duration_since(step.occurred_at).abs() <= policies.twin_window
        })
    };
    deprecated.filter(has_twin).map(|(step, _)| step.id).collect()
}
