//! What the law or the lender's policy counts from a decision: notices that are due, how long records
//! are kept, from when the customer may apply again.
//!
//! Folded from the steps of applications alone. What has run out is told by whoever reads: there is no
//! clock here. The legal reading is to be confirmed by counsel; see `docs/compliance.md`.

use std::collections::BTreeMap;

use creditrail_domain::{
    Policies, StepId,
    application::{
        ApplicationFact, ApplicationLifecycle, Decision, State, Statement, lenders, onboarding,
    },
    step::Party,
};
use jiff::{SignedDuration, Span, Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    history::{Customer, StepHistory, Steps},
    row::{Cell, Change, ReadModel, Table, Write},
};

/// Compliance clocks, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table {
    name: "compliance",
    columns: &["first_position", "status", "kind", "customer_id", "due_at", "document"],
};

/// From an adverse action to the notice of it.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Until when records are kept that count from then.
pub fn retained_until(from: Timestamp, policies: &Policies) -> Option<Timestamp> {
    later(from, i64::from(policies.retention_months).months())
}

/// The id of the clock of an application's retention.
pub fn retention(source: &str, application: &str) -> String {
    id(source, Kind::RetentionEnd, application)
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The applicant is to be told that credit was declined or cancelled.
    AdverseActionNotice,
    /// The records of the application are kept until then.
    RetentionEnd,
    /// The customer may apply again from then on.
    ReapplyFrom,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AdverseActionNotice, Self::RetentionEnd, Self::ReapplyFrom];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdverseActionNotice => "adverse_action_notice",
            Self::RetentionEnd => "retention_end",
            Self::ReapplyFrom => "reapply_from",
        }
    }

    /// What it says, in a sentence.
    pub const fn message(self) -> &'static str {
        match self {
            Self::AdverseActionNotice => "the applicant is to be notified of the adverse action",
            Self::RetentionEnd => "the records of the application are to be kept until then",
            Self::ReapplyFrom => "the customer may apply again from then on",
        }
    }
}

/// The status of a clock that runs, and has not been answered.
pub const OPEN: &str = "open";
/// The status, as it is told, of an open clock that has run out.
pub const PAST: &str = "past";
/// The status of a notice of which a person says that it was sent.
pub const DONE: &str = "done";
/// The status of a clock that what came later has ended.
pub const CLOSED: &str = "closed";
/// The statuses as they are told. Past ones are kept as open: that time passes is no event.
pub const STATUSES: [&str; 4] = [OPEN, PAST, DONE, CLOSED];

/// Of what a clock tells where it comes from.
mod basis {
    pub(super) const APPLICATION: &str = "Regulation B, 12 CFR 1002.9(a)(1)(i)";
    pub(super) const ACCOUNT: &str = "Regulation B, 12 CFR 1002.9(a)(1)(iii)";
    pub(super) const RETENTION: &str = "Regulation B, 12 CFR 1002.12(b)(1)";
    pub(super) const POLICY: &str = "the lender's policy";
}

/// One clock.
struct Clock {
    kind: Kind,
    /// What tells it from others of its kind: the step, or the application.
    key: String,
    basis: &'static str,
    lender_id: Option<String>,
    started_by: StepId,
    starts_at: Timestamp,
    due_at: Timestamp,
    end: Option<End>,
}

/// How a clock ended.
struct End {
    status: &'static str,
    at: Timestamp,
    by: StepId,
    /// Who says so, and how it is known.
    said: Option<(String, String)>,
}

/// What a step says that starts clocks or ends them.
enum Said<'a> {
    /// Credit was declined, or what had been granted was cancelled.
    Declined { lender: Option<&'a str>, cancels: bool },
    /// Credit was granted. `used`: the customer has accepted or used it.
    Granted { lender: Option<&'a str>, used: bool },
    /// A person says that the applicant was notified.
    Notified { about: StepId, actor: &'a str, reason: &'a str },
}

fn said(fact: &ApplicationFact) -> Option<Said<'_>> {
    use lenders::Report;
    Some(match &fact.statement {
        Statement::Decided { decision: Decision::Accepted, .. } => {
            Said::Granted { lender: None, used: true }
        }
        Statement::Decided { decision: Decision::Rejected, .. }
        | Statement::Onboarding(onboarding::Statement::Rejected { .. }) => {
            Said::Declined { lender: None, cancels: false }
        }
        Statement::Onboarding(onboarding::Statement::SigningOpened { .. }) => {
            Said::Granted { lender: None, used: false }
        }
        Statement::Onboarding(onboarding::Statement::Completed { .. }) => {
            Said::Granted { lender: None, used: true }
        }
        Statement::Lenders(lenders::Statement::Reported(said)) => {
            let lender = Some(said.lender_id.as_str());
            match said.report {
                Report::Declined => Said::Declined { lender, cancels: false },
                Report::Cancelled => Said::Declined { lender, cancels: true },
                Report::Approved(_) => Said::Granted { lender, used: false },
                Report::Confirmed(_) => Said::Granted { lender, used: true },
                _ => return None,
            }
        }
        Statement::NoticeSent { about, actor, reason, .. } => {
            Said::Notified { about: *about, actor, reason }
        }
        _ => return None,
    })
}

/// From when the customer may apply again, if a step says so.
fn reapply_from(fact: &ApplicationFact, at: Timestamp) -> Option<Timestamp> {
    let Statement::Onboarding(onboarding::Statement::Rejected { reason }) = &fact.statement else {
        return None;
    };
    let day = reason.reapply_after(at)?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Calendar months later, in UTC; at the end of a shorter month its last day.
fn later(at: Timestamp, span: Span) -> Option<Timestamp> {
    Some(at.to_zoned(TimeZone::UTC).checked_add(span).ok()?.timestamp())
}

/// The clocks of one application, in the order in which they started; that of its retention last.
#[derive(Default)]
struct Clocks {
    all: Vec<Clock>,
    /// The newest step from which the retention counts.
    decided: Option<(StepId, Timestamp)>,
    /// The lenders whose credit the customer has accepted, and by which step.
    used: BTreeMap<String, StepId>,
}

impl Clocks {
    fn take(&mut self, step: &StepHistory<'_, ApplicationFact>) {
        let (fact, id, at) = (step.entry.fact(), step.entry.step.id, step.entry.step.occurred_at);
        match said(fact) {
            None => return,
            Some(Said::Declined { lender, cancels }) => {
                self.declined(fact, (id, at), lender, cancels)
            }
            Some(Said::Granted { lender, used }) => {
                let of = |clock: &&mut Clock| {
                    // Of credit that several lenders were asked for the notices of the others fall
                    // away once one's is accepted: 12 CFR 1002.9(g).
                    used || clock.lender_id.as_deref() == lender
                };
                let open = self.all.iter_mut().filter(|clock| clock.end.is_none());
                open.filter(of).for_each(|clock| {
                    clock.end = Some(End { status: CLOSED, at, by: id, said: None });
                });
                if used {
                    self.used.extend(lender.map(|lender| (lender.to_owned(), id)));
                }
            }
            Some(Said::Notified { about, actor, reason }) => {
                let is = |clock: &&mut Clock| {
                    clock.kind == Kind::AdverseActionNotice && clock.started_by == about
                };
                let Some(clock) = self.all.iter_mut().find(is) else { return };
                let said = Some((actor.to_owned(), reason.to_owned()));
                clock.end = Some(End { status: DONE, at, by: id, said });
            }
        }
        if self.decided.is_none_or(|(_, known)| known <= at) {
            self.decided = Some((id, at));
        }
    }

    fn declined(
        &mut self,
        fact: &ApplicationFact,
        (started_by, starts_at): (StepId, Timestamp),
        lender: Option<&str>,
        cancels: bool,
    ) {
        let has_used = lender.and_then(|lender| self.used.remove(lender)).is_some();
        // As in `take`: the customer has another lender's credit already.
        let instead = self.used.values().next().filter(|_| !has_used);
        let end = |by: &StepId| End { status: CLOSED, at: starts_at, by: *by, said: None };
        let mut start = |kind, basis, due_at| {
            self.all.push(Clock {
                kind,
                key: started_by.to_string(),
                basis,
                lender_id: lender.map(str::to_owned),
                started_by,
                starts_at,
                due_at,
                end: instead.map(end),
            });
        };
        let basis = if cancels && has_used { basis::ACCOUNT } else { basis::APPLICATION };
        if let Ok(due_at) = starts_at.checked_add(NOTICE) {
            start(Kind::AdverseActionNotice, basis, due_at);
        }
        if let Some(due_at) = reapply_from(fact, starts_at) {
            start(Kind::ReapplyFrom, basis::POLICY, due_at);
        }
    }

    /// All clocks of an application that is known by this id.
    fn of(mut self, application: &str, policies: &Policies) -> Vec<Clock> {
        let retention = self.decided.and_then(|(started_by, starts_at)| {
            Some(Clock {
                kind: Kind::RetentionEnd,
                key: application.to_owned(),
                basis: basis::RETENTION,
                lender_id: None,
                started_by,
                starts_at,
                due_at: retained_until(starts_at, policies)?,
                end: None,
            })
        });
        self.all.extend(retention);
        self.all
    }
}

/// An application of a stream, with the steps that count for it.
struct About<'a> {
    id: String,
    customer: Customer,
    steps: Vec<StepHistory<'a, ApplicationFact>>,
}

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let History::Application(steps) = &stream.history else { return Vec::new() };
    let rows = applications(stream, steps, policies).into_iter().flat_map(|about| {
        let mut clocks = Clocks::default();
        about.steps.iter().for_each(|step| clocks.take(step));
        let clocks = clocks.of(&about.id, policies).into_iter();
        clocks.map(|clock| row(stream, steps, &clock, &about)).collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    // What a step or an application counted once, and does not any more.
    let possible = steps.all().flat_map(|step| {
        let (fact, id) = (&step.entry.step.fact, step.entry.step.id.to_string());
        let application = fact.statement.application_id().map(|id| id.to_string());
        let application = application.unwrap_or_else(|| stream.id.id.clone());
        let starts = said(fact).or_else(|| said(step.entry.fact())).is_some();
        let keys = [
            (Kind::AdverseActionNotice, id.clone()),
            (Kind::ReapplyFrom, id),
            (Kind::RetentionEnd, application),
        ];
        keys.into_iter().filter(move |_| starts)
    });
    let mut gone: Vec<_> = possible.map(|(kind, key)| id(&stream.source, kind, &key)).collect();
    gone.sort_unstable();
    gone.dedup();
    gone.retain(|key| !rows.iter().any(|row| row.key == *key));
    let gone = gone.into_iter().map(|key| Change {
        key,
        write: Write::Delete,
        position: steps.position,
        cells: Vec::new(),
    });
    gone.chain(rows).collect()
}

fn applications<'a>(
    stream: &Stream,
    steps: &'a Steps<ApplicationLifecycle>,
    policies: &Policies,
) -> Vec<About<'a>> {
    let counted = || steps.all().filter(|step| step.entry.verdict.is_applied());
    match steps.state(policies) {
        State::Decisions(state) => state
            .applications()
            .iter()
            .map(|known| About {
                id: known.id.to_string(),
                customer: Customer {
                    customer_id: known.customer_id.clone(),
                    partner_customer_id: known.partner_customer_id.clone(),
                },
                steps: counted().filter(|step| known.steps.contains(&step.entry.step.id)).collect(),
            })
            .collect(),
        State::Onboarding(_) | State::Lenders(_) => vec![About {
            id: stream.id.id.clone(),
            customer: steps.customer(policies),
            steps: counted().collect(),
        }],
    }
}

/// The id of a clock: derived from what it is counted of, so that it stays.
fn id(source: &str, kind: Kind, key: &str) -> String {
    StepId::derive(source, kind.name(), key).to_string()
}

fn row(
    stream: &Stream,
    steps: &Steps<ApplicationLifecycle>,
    clock: &Clock,
    about: &About<'_>,
) -> Change {
    let started = steps.moments.get(&clock.started_by).and_then(|moments| moments.first());
    let party = about.customer.or(Party::default());
    let status = clock.end.as_ref().map_or(OPEN, |end| end.status);
    Change {
        key: id(&stream.source, clock.kind, &clock.key),
        write: Write::Replace,
        position: steps.position,
        cells: vec![
            started.map_or(steps.first_position, |started| started.position).into(),
            status.into(),
            clock.kind.name().into(),
            party.customer_id.into(),
            clock.due_at.as_microsecond().into(),
            Cell::document(&document(stream, clock, (&about.id, party))),
        ],
    }
}

fn document(stream: &Stream, clock: &Clock, (application, party): (&str, Party<'_>)) -> Value {
    let end = clock.end.as_ref();
    let said = end.and_then(|end| end.said.as_ref());
    json!({
        "id": id(&stream.source, clock.kind, &clock.key),
        "source": stream.source,
        "kind": clock.kind.name(),
        "status": end.map_or(OPEN, |end| end.status),
        "message": clock.kind.message(),
        "basis": clock.basis,
        "subject": { "type": "application", "id": application },
        "stream": stream.id.id,
        "lender_id": clock.lender_id,
        "customer_id": party.customer_id,
        "partner_customer_id": party.partner_customer_id,
        "starts_at": clock.starts_at,
        "started_by": clock.started_by,
        "due_at": clock.due_at,
        "due_within_days": null,
        "ended_at": end.map(|end| end.at),
        "ended_by": end.map(|end| end.by),
        "actor": said.map(|(actor, _)| actor),
        "reason": said.map(|(_, reason)| reason),
    })
}
