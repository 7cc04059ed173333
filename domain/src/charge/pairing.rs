//! Which reports are about the same settle or refund. The lender's id tells, but it is absent while
//! the lender has not answered.
//!
//! All reports are looked at in the order in which they happened. One without an id is about an
//! operation that it does not contradict: a creation about one of which no creation is known, an
//! update about one that has not ended. An id that is new names the oldest such operation that has
//! none. Where there is none, it is another operation; where there are several it is the oldest,
//! and the reports without an id are flagged.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    fact::{Form, OperationReport},
    operation::{OperationKind, OperationState},
};
use crate::step::StepId;

/// With what amount an operation was open, and how it ended with what amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Course {
    open: Option<i64>,
    end: Option<(OperationState, i64)>,
}

impl Course {
    fn of(report: &OperationReport) -> Self {
        let amount = report.amount.minor;
        if report.state.is_open() {
            Self { open: Some(amount), end: None }
        } else {
            Self { open: None, end: Some((report.state, amount)) }
        }
    }

    /// Both together; `None` if they contradict. Only a completion may have less.
    fn joined(self, other: Self) -> Option<Self> {
        let joined = Self { open: self.open.or(other.open), end: self.end.or(other.end) };
        let is_kept = other.open.is_none_or(|open| joined.open == Some(open))
            && other.end.is_none_or(|end| joined.end == Some(end));
        let adds_up = joined.open.zip(joined.end).is_none_or(|(open, (state, amount))| {
            amount == open || (state == OperationState::Completed && amount < open)
        });
        (is_kept && adds_up).then_some(joined)
    }

    fn shares_amount(self, other: Self) -> bool {
        let amounts = |it: Self| [it.open, it.end.map(|(_, amount)| amount)].into_iter().flatten();
        amounts(self).any(|amount| amounts(other).any(|another| another == amount))
    }
}

/// An operation as far as the reports up to now tell of it.
#[derive(Clone, Debug)]
struct Known {
    kind: OperationKind,
    lender_transaction_id: Option<String>,
    /// Of what has an id, also by the reports that are dated later.
    course: Course,
    created_at: Option<Timestamp>,
    /// Whether a report of its creation has no id.
    is_created_unnamed: bool,
    is_ended: bool,
    /// Whether its id could be that of another.
    is_ambiguous: bool,
}

impl Known {
    fn is_completed(&self) -> bool {
        self.is_ended && matches!(self.course.end, Some((OperationState::Completed, _)))
    }

    /// Whether a report without an id creates it, if the two do not contradict.
    fn is_created_by(&self, report: &OperationReport, at: Timestamp) -> bool {
        // What was created with less was not completed with less.
        let is_whole = report.state.is_open() || self.course.shares_amount(Course::of(report));
        match report.form {
            Form::Created => is_whole && self.created_at.is_none_or(|known| known == at),
            Form::Updated => self.created_at.is_none() && self.course.open.is_none(),
        }
    }
}

/// About which operation a report is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OperationKey {
    /// Where it stands among all that will be known.
    pub(super) place: usize,
    pub(super) lender_transaction_id: Option<String>,
    /// Whether the report has no id and could be about several operations.
    pub(super) is_ambiguous: bool,
}

/// All operations, and about which of them each step is.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    operations: Vec<Known>,
    steps: BTreeMap<StepId, Pair>,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    place: usize,
    is_named: bool,
    is_ambiguous: bool,
}

impl Pairing {
    /// Of the reports in the order in which they happened.
    pub(super) fn of<'a>(
        reports: impl Iterator<Item = (StepId, Timestamp, &'a OperationReport)> + Clone,
    ) -> Self {
        let mut named = BTreeMap::<_, Course>::new();
        for (_, _, report) in reports.clone() {
            if let Some(id) = &report.lender_transaction_id {
                let course = named.entry((report.kind, id)).or_default();
                *course = course.joined(Course::of(report)).unwrap_or(*course);
            }
        }
        let mut pairing = Self::default();
        for (step, at, report) in reports {
            let (place, is_ambiguous) = match &report.lender_transaction_id {
                Some(id) => (pairing.named(report, id, named[&(report.kind, id)]), false),
                None => pairing.unnamed(report, at),
            };
            let is_named = report.lender_transaction_id.is_some();
            pairing.steps.insert(step, Pair { place, is_named, is_ambiguous });
            pairing.take(place, report, at);
        }
        pairing
    }

    /// About which operation a step is that was among the reports.
    pub(super) fn key_of(&self, step: StepId) -> Option<OperationKey> {
        let Pair { place, is_named, is_ambiguous } = *self.steps.get(&step)?;
        let known = self.operations.get(place)?;
        Some(OperationKey {
            place,
            lender_transaction_id: known.lender_transaction_id.clone(),
            is_ambiguous: is_ambiguous || (known.is_ambiguous && !is_named),
        })
    }

    fn named(&mut self, report: &OperationReport, id: &str, course: Course) -> usize {
        let kind = report.kind;
        let mut operations = self.operations.iter();
        let is_it = |known: &Known| {
            known.kind == kind && known.lender_transaction_id.as_deref() == Some(id)
        };
        if let Some(place) = operations.position(is_it) {
            return place;
        }
        let possible = self.possible(kind, course, |it| it.lender_transaction_id.is_none());
        let place = possible.first().copied().unwrap_or_else(|| self.open(kind));
        let known = &mut self.operations[place];
        // That which is completed, or was created before, may be another.
        let is_created_again = report.form == Form::Created && known.created_at.is_some();
        known.is_ambiguous = possible.len() > 1 || known.is_completed() || is_created_again;
        known.course = known.course.joined(course).unwrap_or(known.course);
        known.lender_transaction_id = Some(id.to_owned());
        place
    }

    /// The operation, and whether it could be another.
    fn unnamed(&mut self, report: &OperationReport, at: Timestamp) -> (usize, bool) {
        let (kind, said) = (report.kind, Course::of(report));
        let is_created = |known: &Known| known.is_created_by(report, at);
        let possible = match (report.form, report.state) {
            (Form::Created, _) => self.possible(kind, said, is_created),
            (Form::Updated, state) => {
                let open = self.possible(kind, said, |known| !known.is_ended);
                match state {
                    _ if !open.is_empty() => open,
                    OperationState::Pending => self.possible(kind, said, is_created),
                    _ => self.possible(kind, said, |_| true),
                }
            }
        };
        if let Some(place) = possible.first().copied() {
            // A second completion may be that of another, whose money would not be counted.
            let is_repeated = report.form == Form::Updated
                && report.state == OperationState::Completed
                && self.operations[place].is_completed();
            return (place, possible.len() > 1 || is_repeated);
        }
        let could_be = |known: &Known| {
            let is_unlike = match report.form {
                Form::Created => !known.is_ended && !known.is_created_unnamed,
                Form::Updated => report.state != OperationState::Pending,
            };
            is_unlike && known.kind == kind && known.course.shares_amount(said)
        };
        let is_ambiguous = self.operations.iter().any(could_be);
        (self.open(kind), is_ambiguous)
    }

    /// Those that do not contradict what is said, the likeliest first: of the same amount if there
    /// is one, then what is open, then what has no id, then the oldest.
    fn possible(
        &self,
        kind: OperationKind,
        said: Course,
        is_meant: impl Fn(&Known) -> bool,
    ) -> Vec<usize> {
        let fits = |it: &Known| it.kind == kind && is_meant(it) && it.course.joined(said).is_some();
        let all = self.operations.iter().enumerate();
        let mut fitting: Vec<_> = all.filter(|(_, known)| fits(known)).collect();
        if fitting.iter().any(|(_, known)| known.course.shares_amount(said)) {
            fitting.retain(|(_, known)| known.course.shares_amount(said));
        }
        fitting.sort_by_key(|(_, known)| (known.is_ended, known.lender_transaction_id.is_some()));
        fitting.into_iter().map(|(place, _)| place).collect()
    }

    fn open(&mut self, kind: OperationKind) -> usize {
        self.operations.push(Known {
            kind,
            lender_transaction_id: None,
            course: Course::default(),
            created_at: None,
            is_created_unnamed: false,
            is_ended: false,
            is_ambiguous: false,
        });
        self.operations.len() - 1
    }

    fn take(&mut self, place: usize, report: &OperationReport, at: Timestamp) {
        let known = &mut self.operations[place];
        if let Some(joined) = known.course.joined(Course::of(report)) {
            known.course = joined;
            known.is_ended |= !report.state.is_open();
        }
        if report.form == Form::Created {
            known.created_at.get_or_insert(at);
            known.is_created_unnamed |= report.lender_transaction_id.is_none();
        }
    }
}
