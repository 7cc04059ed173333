//! The applications of one applicant with a lender that sends no application id (Imprint).
//!
//! Reading order: [`lifecycle`] (the table), then how sessions, decisions and the SDK's reports are
//! brought together. A stream holds all applications of one applicant,
//! so that telling them apart is a pure fold. The SDK's reports lie over the decision and never
//! touch it.

pub mod lifecycle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

pub use lifecycle::{Kind, Status, machine};

use super::{ApplicationFact, ClientReport, ClientResult, Decision, Statement};
use crate::{
    Flag, Place, Policies, Refusal,
    judge::{Item, until},
    machine::Row,
    step::{Fact as _, StepId, Verdict},
};

/// The applications of one applicant. Order: by the time at which each began.
#[derive(Clone, Debug, Default)]
pub struct State {
    applications: Vec<ApplicationState>,
}

/// One application.
#[derive(Clone, Debug, Default)]
pub struct ApplicationState {
    /// Its id: by session or by creation time, whichever was known first, so it never changes.
    pub id: Uuid,
    /// The other of the two, if both are known.
    pub alias: Option<Uuid>,
    /// When the partner began the session.
    pub started_at: Option<Timestamp>,
    /// The lender's creation time.
    pub created_at: Option<Timestamp>,
    /// What the lender decided, and when.
    pub decided: Option<(Decision, Timestamp)>,
    /// The steps that are about it, in the order in which they happened.
    pub steps: Vec<StepId>,
    /// What the SDK reported, in the order in which it happened.
    pub reports: Vec<(ClientReport, Timestamp)>,
    /// The lender's name of the customer.
    pub customer_id: Option<String>,
    /// The partner's name of the customer.
    pub partner_customer_id: Option<String>,
}

impl ApplicationState {
    /// What can be shown before a decision.
    pub const PROVISIONAL: [&str; 4] = ["accepted", "rejected", "in_progress", "launch_error"];

    /// The status: the decision, and nothing else.
    pub fn status(&self) -> Status {
        match self.decided {
            None => Status::Started,
            Some((Decision::Accepted, _)) => Status::Accepted,
            Some((Decision::Rejected, _)) => Status::Rejected,
        }
    }

    /// What the customer may be shown before a decision, by the newest report that says something:
    /// `accepted`, `rejected`, `in_progress` or `launch_error`. Never a ground for fulfilment.
    pub fn provisional(&self) -> Option<&'static str> {
        if self.decided.is_some() {
            return None;
        }
        self.reports.iter().rev().find_map(|(report, _)| match report.result {
            ClientResult::Accepted => Some("accepted"),
            ClientResult::Rejected => Some("rejected"),
            ClientResult::InProgress => Some("in_progress"),
            ClientResult::Error => Some("launch_error"),
            ClientResult::Other(_) => None,
        })
    }

    fn is(&self, id: Uuid) -> bool {
        self.id == id || self.alias == Some(id)
    }
}

impl State {
    /// The applications, in the order in which they began.
    pub fn applications(&self) -> &[ApplicationState] {
        &self.applications
    }

    fn of(&self, fact: &ApplicationFact) -> Option<&ApplicationState> {
        let id = fact.statement.application_id()?;
        self.applications.iter().find(|application| application.is(id))
    }

    fn status_of(&self, fact: &ApplicationFact) -> Status {
        self.of(fact).map_or(Status::Started, ApplicationState::status)
    }
}

impl State {
    /// Brings sessions and decisions together: a decision belongs to the newest session that no
    /// other decision has and that began before the lender created the application.
    pub(super) fn open(items: &[Item<'_, ApplicationFact>], policies: &Policies) -> Self {
        let mut sessions = BTreeMap::<Uuid, Known>::new();
        let mut created = BTreeMap::<Uuid, Known>::new();
        for item in items.iter().filter(|item| !item.void) {
            let known = Known { at: item.step.occurred_at, since: item.step.received_at };
            match item.fact.statement {
                Statement::Started { application_id } => known.join(&mut sessions, application_id),
                Statement::Decided { application_id, created_at, .. } => {
                    Known { at: created_at, ..known }.join(&mut created, application_id);
                }
                _ => {}
            }
        }
        let mut begun: Vec<_> = sessions.into_iter().map(|(id, known)| (known, id)).collect();
        let mut created: Vec<_> = created.into_iter().map(|(id, known)| (known, id)).collect();
        // Not by `since`: which is known longer must not tell which decision is whose.
        begun.sort_unstable_by_key(|(known, id)| (known.at, *id));
        created.sort_unstable_by_key(|(known, id)| (known.at, *id));
        let mut applications = Vec::new();
        for (decided, id) in created {
            let latest = decided.at.saturating_add(policies.session_skew).unwrap_or(decided.at);
            let session = begun.iter().rposition(|(session, _)| session.at <= latest);
            let session = session.map(|place| begun.remove(place));
            applications.push(ApplicationState::of(session, Some((decided, id))));
        }
        let undecided = begun.into_iter().map(|begun| ApplicationState::of(Some(begun), None));
        applications.extend(undecided);
        applications.sort_by_key(|known| (known.started_at.or(known.created_at), known.id));
        Self { applications }
    }

    pub(super) fn rule(&self, item: &Item<'_, ApplicationFact>, _: &Policies) -> Verdict {
        let Some(kind) = Kind::of(&item.fact.statement) else {
            return self.refused(&item.fact, Refusal::ActionClosed);
        };
        match lifecycle::row(self.status_of(&item.fact), kind) {
            Row::Refuses(code) => self.refused(&item.fact, code),
            Row::Leads { .. } | Row::Parks(_) => {
                let accepts = kind == Kind::Accept;
                let accepted = |known: &ApplicationState| known.status() == Status::Accepted;
                if accepts && self.applications.iter().any(accepted) {
                    Verdict::applied().flagged(Flag::AlreadyCardholder)
                } else {
                    Verdict::applied()
                }
            }
        }
    }

    fn refused(&self, fact: &ApplicationFact, code: Refusal) -> Verdict {
        Verdict::refused(code, self.state_name(fact), self.legal(fact))
    }

    pub(super) fn absorb(&mut self, item: &Item<'_, ApplicationFact>, verdict: &Verdict) {
        let Some(id) = item.fact.statement.application_id() else { return };
        let Some(known) = self.applications.iter_mut().find(|known| known.is(id)) else { return };
        known.steps.push(item.step.id);
        if !verdict.is_applied() {
            return;
        }
        let at = item.step.occurred_at;
        match &item.fact.statement {
            Statement::Decided { decision, .. } => known.decided = Some((*decision, at)),
            Statement::Reported { report, .. } => known.reports.push((report.clone(), at)),
            _ => {}
        }
        let ApplicationFact { customer_id, partner_customer_id, .. } = &*item.fact;
        known.customer_id = known.customer_id.take().or_else(|| customer_id.clone());
        known.partner_customer_id =
            known.partner_customer_id.take().or_else(|| partner_customer_id.clone());
    }

    /// Lays the SDK's reports over the decision, and tells of applications that are silent.
    pub(super) fn review(
        &self,
        items: &[Item<'_, ApplicationFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        let silent = self.watches(items, policies);
        for (item, verdict) in items.iter().zip(verdicts) {
            if !verdict.is_applied() {
                continue;
            }
            if let Statement::Reported { report, .. } = &item.fact.statement {
                let decided = self.of(&item.fact).and_then(|application| application.decided);
                overlay(report, decided, item, verdict, policies);
            }
            if silent.iter().any(|(step, until)| *step == item.step.id && item.is_past(*until)) {
                verdict.flag(Flag::ApplicationStale);
            }
        }
    }

    /// Of each application without a decision the newest step.
    pub(super) fn watches(
        &self,
        items: &[Item<'_, ApplicationFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        let open = self.applications.iter().filter(|known| known.decided.is_none());
        let silence = policies.application_stale_after;
        open.filter_map(|known| until(items, *known.steps.last()?, silence)).collect()
    }

    pub(super) fn state_name(&self, fact: &ApplicationFact) -> &'static str {
        self.status_of(fact).name()
    }

    /// The application that the step is about, by its own id.
    pub(super) fn places(&self, item: &Item<'_, ApplicationFact>) -> Option<Place> {
        let known = self.of(&item.fact)?;
        Some(Place {
            machine: "application",
            of: known.id.to_string(),
            state: known.status().name().into(),
            kind: item.fact.kind(),
            legal: lifecycle::legal(known.status()),
        })
    }

    pub(super) fn legal(&self, fact: &ApplicationFact) -> Vec<&'static str> {
        lifecycle::legal(self.status_of(fact))
    }
}

/// When something began, and since when it is known.
#[derive(Clone, Copy)]
struct Known {
    at: Timestamp,
    since: Timestamp,
}

impl Known {
    fn join(self, all: &mut BTreeMap<Uuid, Self>, id: Uuid) {
        let known = all.entry(id).or_insert(self);
        *known = Self { at: self.at.min(known.at), since: self.since.min(known.since) };
    }
}

impl ApplicationState {
    /// An application of a session, of a decision, or of both.
    fn of(session: Option<(Known, Uuid)>, decided: Option<(Known, Uuid)>) -> Self {
        let first = match (session, decided) {
            (Some((begun, _)), Some((decided, id))) if decided.since < begun.since => Some(id),
            (Some((_, id)), _) | (None, Some((_, id))) => Some(id),
            (None, None) => None,
        };
        let ids = [session, decided].into_iter().flatten().map(|(_, id)| id);
        Self {
            id: first.unwrap_or_default(),
            alias: ids.into_iter().find(|id| Some(*id) != first),
            started_at: session.map(|(known, _)| known.at),
            created_at: decided.map(|(known, _)| known.at),
            ..Self::default()
        }
    }
}

/// Compares a report of the SDK with the decision, where there is one. The decision wins always.
fn overlay(
    report: &ClientReport,
    decided: Option<(Decision, Timestamp)>,
    item: &Item<'_, ApplicationFact>,
    verdict: &mut Verdict,
    policies: &Policies,
) {
    let (unconfirmed, after) = match (&report.result, decided) {
        (ClientResult::Accepted, Some((Decision::Rejected, _)))
        | (ClientResult::Rejected, Some((Decision::Accepted, _))) => {
            return verdict.flag(Flag::SdkWebhookMismatch);
        }
        (ClientResult::Error, Some((_, at))) if at < item.step.occurred_at => {
            return verdict.flag(Flag::LateReport);
        }
        (ClientResult::Accepted, None) => {
            (Flag::AcceptedUnconfirmed, policies.accepted_unconfirmed_after)
        }
        (ClientResult::Rejected, None) => {
            (Flag::RejectedUnconfirmed, policies.rejected_unconfirmed_after)
        }
        _ => return,
    };
    if item.overdue {
        verdict.flag(unconfirmed);
    } else {
        verdict.deadline = item.step.received_at.saturating_add(after).ok();
    }
}
