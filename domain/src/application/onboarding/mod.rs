//! An application that the lender assesses, the customer signs, and the lender completes (card
//! onboarding).
//!
//! Reading order: [`fact`] (what is said), [`lifecycle`] (the table), then the rules. The lender
//! promises its webhooks in order and sends no sequence number with them, so what is missing shows
//! by the table alone: a step that implies an earlier one waits for it, and is adopted after a
//! while.

pub mod fact;
pub mod lifecycle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};
use uuid::Uuid;

pub use fact::{Class, FailureCode, RejectReason, Statement};
pub use lifecycle::{Kind, Status, machine};

use super::{ActionKind, Actions, ApplicationFact, Statement as Said, customer::Customer};
use crate::{
    Flag, Place, Policies, Refusal,
    judge::{Item, park_or_adopt, until},
    machine::Row,
    step::{Party, StepId, Verdict},
};

/// The application.
#[derive(Clone, Debug, Default)]
pub struct State {
    status: Status,
    /// When the partner handed it in.
    pub submitted_at: Option<Timestamp>,
    /// The newest signing session.
    pub signing: Option<Signing>,
    /// The lender's id of what has been agreed.
    pub engagement_id: Option<String>,
    /// Why it was declined, and when.
    pub rejected: Option<(RejectReason, Timestamp)>,
    /// What went wrong, and when.
    pub failed: Option<(FailureCode, Timestamp)>,
    /// When it was approved, which only the signing session tells.
    pub approved_at: Option<Timestamp>,
    /// What never came, although later steps imply it.
    pub history_gap: BTreeSet<Kind>,
    /// What somebody has to do.
    pub actions: Actions,
    /// The newest step that counts.
    last: Option<StepId>,
    /// When each kind of step happened, of all that are known.
    times: BTreeMap<Kind, Vec<Timestamp>>,
    /// The contents of the steps that count.
    said: BTreeSet<String>,
    /// The addresses of all signing sessions.
    urls: BTreeSet<Uuid>,
    /// Kinds that a step was applied ahead of, since they are known and merely dated later.
    owed: BTreeSet<Kind>,
    signing_overdue_after: SignedDuration,
    customer: Customer,
}

/// A signing session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// The reference of its URL.
    pub url: Option<Uuid>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When the customer signed.
    pub completed_at: Option<Timestamp>,
    /// How often it was opened again with another URL.
    pub renewals: u32,
}

impl State {
    /// Where it stands.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// What the lender decided, as far as it shows.
    pub const fn decision(&self) -> Option<super::Decision> {
        match self.status {
            Status::AwaitingSignature | Status::Signed | Status::Completed => {
                Some(super::Decision::Accepted)
            }
            Status::Rejected | Status::RejectedForCredit => Some(super::Decision::Rejected),
            Status::Submitted | Status::Failed => None,
        }
    }

    /// The first day on which the customer may apply again, if the lender named a wait.
    pub fn reapply_after(&self) -> Option<Date> {
        let (reason, at) = self.rejected.as_ref()?;
        reason.reapply_after(*at)
    }

    pub(super) fn open(items: &[Item<'_, ApplicationFact>], policies: &Policies) -> Self {
        let mut state = Self {
            signing_overdue_after: policies.signing_overdue_after,
            customer: Customer::of(items),
            ..Self::default()
        };
        for item in items.iter().filter(|item| !item.void) {
            if let Said::Onboarding(said) = &item.fact.statement {
                state.times.entry(said.kind()).or_default().push(item.step.occurred_at);
            }
        }
        state
    }

    pub(super) fn rule(&self, item: &Item<'_, ApplicationFact>, policies: &Policies) -> Verdict {
        let said = match &item.fact.statement {
            Said::Onboarding(said) => said,
            Said::ActionDone { action, opened_by, .. }
                if self.actions.can_be_done(*action, *opened_by) =>
            {
                return Verdict::applied();
            }
            _ => return self.refused(Refusal::ActionClosed),
        };
        if self.customer.is_contradicted_by(&item.fact) {
            return self.refused(Refusal::CustomerConflict);
        }
        if self.says_the_same(said, item) {
            return Verdict::duplicate();
        }
        if self.owed.contains(&said.kind()) {
            return Verdict::applied();
        }
        match lifecycle::row(self.status, said.kind()) {
            Row::Leads { flag, .. } => {
                let is_unknown = matches!(
                    said,
                    Statement::Rejected { reason: RejectReason::Other(_) }
                        | Statement::Failed { code: FailureCode::Other(_) }
                );
                let flags = flag.into_iter().chain(is_unknown.then_some(Flag::UnknownReason));
                flags.fold(Verdict::applied(), Verdict::flagged)
            }
            Row::Refuses(code) => self.refused(code),
            Row::Parks(_) if self.is_ahead(said.kind(), item) => Verdict::applied(),
            Row::Parks(_) if item.overdue && self.has_ended() => {
                self.refused(Refusal::AlreadyEnded)
            }
            Row::Parks(missing) => park_or_adopt(item, missing, policies.onboarding_parked_for),
        }
    }

    /// The same again as what made the state what it is: a session that is known, or what is not in
    /// order any more since it has been said before, to the letter. The lender may sign a repetition
    /// anew, so its time tells nothing.
    fn says_the_same(&self, said: &Statement, item: &Item<'_, ApplicationFact>) -> bool {
        let is_in_order = matches!(lifecycle::row(self.status, said.kind()), Row::Leads { .. });
        if !is_in_order && self.said.contains(&item.step.content) {
            return true;
        }
        match said {
            Statement::SigningOpened { url } => self.urls.contains(url),
            Statement::Completed { engagement_id } => {
                self.status == Status::Completed
                    && self.engagement_id.as_ref() == Some(engagement_id)
            }
            Statement::Rejected { reason } => {
                let is_rejected =
                    matches!(self.status, Status::Rejected | Status::RejectedForCredit);
                is_rejected && self.rejected.as_ref().is_some_and(|(known, _)| known == reason)
            }
            Statement::Failed { code } => {
                self.status == Status::Failed
                    && self.failed.as_ref().is_some_and(|(known, _)| known == code)
            }
            Statement::Submitted | Statement::SigningCompleted => false,
        }
    }

    /// Whether what the step waits for is known, and merely dated later: there is one order in
    /// which an onboarding goes, and it outweighs the clocks.
    fn is_ahead(&self, kind: Kind, item: &Item<'_, ApplicationFact>) -> bool {
        let at = item.step.occurred_at;
        !self.has_ended() && self.missing(kind).into_iter().all(|kind| self.comes_after(kind, at))
    }

    fn comes_after(&self, kind: Kind, at: Timestamp) -> bool {
        self.times.get(&kind).is_some_and(|times| times.iter().any(|time| *time > at))
    }

    /// The steps that must have been before a step of the kind, and have not.
    fn missing(&self, kind: Kind) -> Vec<Kind> {
        let has_opened = self.signing.is_some();
        match kind {
            Kind::CompleteSigning if !has_opened => vec![Kind::OpenSigning],
            Kind::CompleteOnboarding
                if !matches!(self.status, Status::Signed | Status::Completed) =>
            {
                let opening = (!has_opened).then_some(Kind::OpenSigning);
                opening.into_iter().chain([Kind::CompleteSigning]).collect()
            }
            _ => Vec::new(),
        }
    }

    const fn has_ended(&self) -> bool {
        matches!(self.status, Status::Rejected | Status::RejectedForCredit | Status::Failed)
    }

    fn refused(&self, code: Refusal) -> Verdict {
        Verdict::refused(code, self.status.name(), lifecycle::legal(self.status))
    }

    pub(super) fn absorb(&mut self, item: &Item<'_, ApplicationFact>, verdict: &Verdict) {
        if !verdict.is_applied() {
            return;
        }
        match &item.fact.statement {
            Said::Onboarding(said) => {
                self.take(said, item);
                self.said.insert(item.step.content.clone());
                // That the partner registers it late tells nothing of how it goes on.
                if *said != Statement::Submitted || self.status == Status::Submitted {
                    self.last = Some(item.step.id);
                }
            }
            Said::ActionDone { action, opened_by, .. } => {
                self.actions.done(item, (*action, *opened_by));
            }
            _ => {}
        }
    }

    fn take(&mut self, said: &Statement, item: &Item<'_, ApplicationFact>) {
        let at = item.step.occurred_at;
        let fills_in = self.owed.remove(&said.kind());
        if !fills_in {
            let missing = self.missing(said.kind()).into_iter();
            let (owed, gap): (Vec<_>, Vec<_>) =
                missing.partition(|kind| self.comes_after(*kind, at));
            self.owed.extend(owed);
            self.history_gap.extend(gap);
        }
        match said {
            Statement::Submitted => self.submitted_at = self.submitted_at.or(Some(at)),
            Statement::SigningOpened { url } => self.open_signing(*url, item, fills_in),
            Statement::SigningCompleted => self.complete_signing(item, fills_in),
            Statement::Completed { engagement_id } => {
                self.engagement_id = Some(engagement_id.clone());
                self.actions.settle(item, |_| true);
                self.actions.open(ActionKind::StoreEngagementId, item);
                self.status = Status::Completed;
            }
            Statement::Rejected { reason } => self.reject(reason, item),
            Statement::Failed { code } => {
                // A session that comes after the end opens the application again.
                self.owed.clear();
                self.failed = Some((code.clone(), at));
                self.actions.settle(item, |_| true);
                let action = self.actions.open(code.action(), item);
                action.reason = Some(code.code().to_owned());
                action.advice = Some(code.customer_action());
                self.status = Status::Failed;
            }
        }
    }

    fn open_signing(&mut self, url: Uuid, item: &Item<'_, ApplicationFact>, fills_in: bool) {
        let at = item.step.occurred_at;
        self.urls.insert(url);
        self.approved_at = self.approved_at.or(Some(at));
        if fills_in {
            // The customer has signed since, by the order of the lifecycle.
            let signing = self.signing.get_or_insert_default();
            signing.opened_at = Some(at);
            signing.url = Some(url);
            return;
        }
        let renewals = self.signing.take().map_or(0, |signing| signing.renewals + 1);
        self.signing =
            Some(Signing { url: Some(url), opened_at: Some(at), completed_at: None, renewals });
        (self.rejected, self.failed) = (None, None);
        self.actions.settle(item, |_| true);
        let due_at = at.saturating_add(self.signing_overdue_after).ok();
        let action = self.actions.open(ActionKind::RedirectToSigning, item);
        (action.secret, action.due_at) = (Some(url), due_at);
        self.status = Status::AwaitingSignature;
    }

    fn complete_signing(&mut self, item: &Item<'_, ApplicationFact>, fills_in: bool) {
        let at = item.step.occurred_at;
        self.signing.get_or_insert_default().completed_at = Some(at);
        self.approved_at = self.approved_at.or(Some(at));
        if !fills_in {
            self.actions.settle(item, |_| true);
            self.actions.open(ActionKind::InitiateCardCreation, item);
            self.status = Status::Signed;
        }
    }

    fn reject(&mut self, reason: &RejectReason, item: &Item<'_, ApplicationFact>) {
        let at = item.step.occurred_at;
        self.rejected = Some((reason.clone(), at));
        self.failed = None;
        // A session that comes after the end opens the application again.
        self.owed.clear();
        self.actions.settle(item, |_| true);
        let action = self.actions.open(reason.action(), item);
        action.reason = Some(reason.code().to_owned());
        action.advice = Some(reason.customer_action());
        action.from = reason.reapply_after(at);
        self.status = match reason {
            RejectReason::CreditScoringDenial => Status::RejectedForCredit,
            _ => Status::Rejected,
        };
    }

    /// Tells of a signing or an application that has been silent for long.
    pub(super) fn review(
        &self,
        items: &[Item<'_, ApplicationFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        let flag = match self.status {
            Status::AwaitingSignature => Flag::SigningOverdue,
            _ => Flag::ApplicationStale,
        };
        for (step, until) in self.watches(items, policies) {
            let silent = items.iter().zip(&mut *verdicts).find(|(item, _)| item.step.id == step);
            if let Some((item, verdict)) = silent
                && item.is_past(until)
            {
                verdict.flag(flag);
            }
        }
    }

    pub(super) fn watches(
        &self,
        items: &[Item<'_, ApplicationFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        let silence = match self.status {
            Status::AwaitingSignature => policies.signing_overdue_after,
            Status::Submitted | Status::Signed => policies.application_stale_after,
            Status::Completed | Status::Rejected | Status::RejectedForCredit | Status::Failed => {
                return Vec::new();
            }
        };
        self.last.and_then(|last| until(items, last, silence)).into_iter().collect()
    }

    pub(super) const fn state_name(&self, _: &ApplicationFact) -> &'static str {
        self.status.name()
    }

    pub(super) fn legal(&self, _: &ApplicationFact) -> Vec<&'static str> {
        lifecycle::legal(self.status)
    }

    pub(super) fn places(&self, item: &Item<'_, ApplicationFact>) -> Option<Place> {
        let legal = lifecycle::legal(self.status);
        Some(Place::of_all("onboarding", self.status.name(), &*item.fact, legal))
    }

    /// The lender has no id of its own for the customer, so the partner's stands for it.
    pub(super) fn party(&self) -> Party<'_> {
        let Party { customer_id, partner_customer_id } = self.customer.party();
        Party { customer_id: customer_id.or(partner_customer_id), partner_customer_id }
    }
}
