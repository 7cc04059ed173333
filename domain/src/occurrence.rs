//! What had happened by a time: the events that there would be if no later step had been told.
//!
//! Steps that happened later are taken out of a history, and those that are left are judged by the
//! journal's own code. What people decided about a step stays with it. A deadline is looked at as of
//! that time: what waited then still waits.

use jiff::Timestamp;

use crate::{
    Journal, Lifecycle, Policies, StepEvent,
    journal::{Cause, Entry},
    judge::{Item, judge},
    step::Verdict,
};

/// A time by which things are to have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HappenedBy {
    /// The time. A step that happened at it is in.
    pub time: Timestamp,
    /// When what is known was known. No deadline has passed that ends after both.
    pub known_at: Timestamp,
}

impl HappenedBy {
    fn leaves_out<F>(self, event: &StepEvent<F>) -> bool {
        match event {
            StepEvent::StepRecorded { step, .. } => step.occurred_at > self.time,
            StepEvent::DeadlinePassed { at, .. } => *at > self.time,
            StepEvent::OutcomeRevised { .. } | StepEvent::Overridden { .. } => false,
        }
    }
}

/// The events of a journal as they are put together, each with its place in the log.
struct Retold<L: Lifecycle, P> {
    journal: Journal<L>,
    events: Vec<(P, StepEvent<L::Fact>)>,
}

impl<L: Lifecycle> Journal<L> {
    /// The events of a journal, in log order and each with its place in the log, as they would be if
    /// only what had happened by a time had been told. If that is all of it they stay as they are;
    /// else the steps that are left are judged by `policies`, each decision and deadline after them.
    /// An event that follows has the place of what it follows from. Empty if nothing had happened.
    pub fn happened_by<P: Copy>(
        events: Vec<(P, StepEvent<L::Fact>)>,
        by: HappenedBy,
        policies: &Policies,
    ) -> Vec<(P, StepEvent<L::Fact>)> {
        if !events.iter().any(|(_, event)| by.leaves_out(event)) {
            return events;
        }
        let mut decided = Vec::new();
        let mut told = Vec::new();
        let mut steps = Vec::new();
        for (place, event) in events.into_iter().filter(|(_, event)| !by.leaves_out(event)) {
            match event {
                StepEvent::StepRecorded { step, .. } => steps.push((place, step)),
                StepEvent::Overridden { step, .. } => {
                    decided.push((place, event, Cause::Override(step)));
                }
                StepEvent::DeadlinePassed { step, .. } => {
                    told.push((place, event, Cause::Deadline(step)));
                }
                // What follows is judged anew.
                StepEvent::OutcomeRevised { .. } => {}
            }
        }
        let Some((newest, _)) = steps.last() else { return Vec::new() };
        let newest = *newest;
        let mut retold = Retold::<L, P>::of(steps, policies);
        for (place, event, cause) in decided.into_iter().chain(told) {
            retold.take((place, event), cause, policies);
        }
        if by.time < by.known_at {
            let due = retold.journal.pass_time(by.time, policies);
            retold.extend(newest, due);
        }
        retold.events
    }
}

impl<L: Lifecycle, P: Copy> Retold<L, P> {
    /// The steps, judged all at once.
    fn of(steps: Vec<(P, Box<crate::Step<L::Fact>>)>, policies: &Policies) -> Self {
        let entry =
            |step| Entry { step, verdict: Verdict::applied(), overridden: None, overdue_at: None };
        let mut entries: Vec<_> =
            steps.into_iter().map(|(place, step)| (place, entry(step))).collect();
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|one, other| {
            let key = |nth: &usize| entries[*nth].1.step.order_key();
            key(one).cmp(&key(other))
        });
        let items = order.iter().map(|nth| Item::of(&entries[*nth].1)).collect();
        let verdicts = judge::<L>(items, policies);
        for (nth, verdict) in order.into_iter().zip(verdicts) {
            entries[nth].1.verdict = verdict;
        }
        let mut retold = Self { journal: Journal::default(), events: Vec::new() };
        for (place, Entry { step, verdict, .. }) in entries {
            retold.extend(place, vec![StepEvent::StepRecorded { step, verdict }]);
        }
        retold
    }

    /// Takes in what was decided or told about a step that is there, and what follows from it.
    fn take(&mut self, (place, event): (P, StepEvent<L::Fact>), cause: Cause, policies: &Policies) {
        let (Cause::Override(step) | Cause::Deadline(step) | Cause::Step(step)) = cause;
        if self.journal.entry(step).is_some() {
            let events = self.journal.followed_by_revisions(vec![event], cause, policies);
            self.extend(place, events);
        }
    }

    fn extend(&mut self, place: P, events: Vec<StepEvent<L::Fact>>) {
        events.iter().cloned().for_each(|event| self.journal.apply(event));
        self.events.extend(events.into_iter().map(|event| (place, event)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Flag,
        testing::{History, given, hours, minute, receipt, transaction::*},
        transaction::{Status, TransactionFact, TransactionLifecycle},
    };

    /// The totals of what had happened by a minute, and the status; as known long after.
    #[track_caller]
    fn is(history: &History<TransactionFact>, by: Timestamp, expected: &str, status: Status) {
        let events = history.log.iter().cloned().zip(1..).map(|(event, place)| (place, event));
        let by = HappenedBy { time: by, known_at: Timestamp::MAX };
        let told =
            Journal::<TransactionLifecycle>::happened_by(events.collect(), by, &history.policies);
        let mut journal = Journal::<TransactionLifecycle>::default();
        told.into_iter().for_each(|(_, event)| journal.apply(event));
        let state = journal.state(&history.policies);
        let totals = [state.authorized(), state.captured(), state.refunded(), state.hold()];
        assert_eq!(totals.map(|total| total.to_string()).join("/"), expected, "{journal:#?}");
        assert_eq!(state.status(), status);
    }

    #[test]
    fn a_step_counts_from_the_minute_on_in_which_it_happened_whenever_it_came() {
        let history = given([
            approved(50_00).at(1),
            captured(50_00).at(3),
            voided(80_00).at(4),
            updated(80_00).at(2),
        ]);
        is(&history, minute(1), "5000/0/0/5000", Status::Pending);
        is(&history, minute(2), "8000/0/0/8000", Status::Pending);
        is(&history, minute(3), "8000/5000/0/3000", Status::PartiallyCaptured);
        is(&history, minute(4), "8000/5000/0/0", Status::CapturedRemainderVoided);
    }

    #[test]
    fn what_a_person_decided_stays_with_its_step() {
        let history = given([approved(50_00).at(1), approved(90_00).key("second").at(2)])
            .resolved("second", "convert to update")
            .when(captured(50_00).at(3));
        is(&history, minute(2), "9000/0/0/9000", Status::Pending);
        is(&history, minute(1), "5000/0/0/5000", Status::Pending);
    }

    #[test]
    fn what_waited_for_a_deadline_then_still_waits() {
        let history = given([voided(50_00).at(1)])
            .after(hours(24 * 30))
            .then_flagged(Flag::HistoryGap)
            .when(captured(10_00).at(60 * 24 * 90));
        is(&history, receipt(), "0/0/0/0", Status::Unknown);
        is(&history, receipt() + hours(24 * 60), "5000/0/0/0", Status::Voided);
    }

    #[test]
    fn a_deadline_that_no_clock_told_of_has_passed_once_it_was_over() {
        let history = given([voided(50_00).at(1), captured(10_00).at(60 * 24 * 90)]);
        is(&history, receipt(), "0/0/0/0", Status::Unknown);
        is(&history, receipt() + hours(24 * 60), "5000/0/0/0", Status::Voided);
    }

    #[test]
    fn what_is_no_later_than_all_of_it_changes_nothing() {
        let history = given([voided(50_00).at(1), approved(50_00).at(0)]);
        let events: Vec<_> = history.log.iter().cloned().map(|event| ((), event)).collect();
        let by = HappenedBy { time: minute(1), known_at: Timestamp::MAX };
        let policies = &history.policies;
        let told = Journal::<TransactionLifecycle>::happened_by(events.clone(), by, policies);
        assert_eq!(told, events);
        let before = HappenedBy { time: minute(-1), ..by };
        let told = Journal::<TransactionLifecycle>::happened_by(events, before, policies);
        assert_eq!(told, []);
    }
}
