//! How many deliveries have each outcome as of now: one side of the audit equation.

use std::collections::BTreeMap;

use creditrail_domain::{
    Lifecycle, Outcome, Policies,
    exception::ExceptionEvent,
    step::{Fact, Origin},
};

use crate::{
    History, Stream,
    history::{Decision, Moment, StepHistory, Steps},
    row::{Change, ReadModel, Table, Write},
};

/// Counts, one row for each outcome.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table { name: "tallies", columns: &["count"] };

fn project(stream: &Stream, _: &Policies) -> Vec<Change> {
    let mut counts = BTreeMap::new();
    match &stream.history {
        History::Application(steps) => of_steps(steps, &mut counts),
        History::Charge(steps) => of_steps(steps, &mut counts),
        History::CustomerLink(steps) => of_steps(steps, &mut counts),
        History::PaymentMethod(steps) => of_steps(steps, &mut counts),
        History::Transaction(steps) => of_steps(steps, &mut counts),
        History::Access(_) | History::Privacy(_) | History::Secret(_) => {}
        History::Exception(moments) => {
            of_exception(moments, &mut counts);
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(outcome, count)| Change {
            key: outcome.to_owned(),
            write: Write::Add,
            position: 0,
            cells: vec![count.into()],
        })
        .collect()
}

/// A delivery that is redriven is counted where its step is, or as the repetition that it is.
fn of_exception(moments: &[Moment<ExceptionEvent>], counts: &mut BTreeMap<&'static str, i64>) {
    let mut kind = None;
    for Moment { is_new, what, .. } in moments {
        let mut count = |outcome: &'static str, times: i64| {
            *counts.entry(outcome).or_default() += if *is_new { times } else { 0 };
        };
        match what {
            ExceptionEvent::DeliveryUnreadable(unreadable) => {
                kind = Some(unreadable.kind.name());
                count(unreadable.kind.name(), 1);
            }
            ExceptionEvent::DeliveryRedriven(redriven) => {
                kind.into_iter().for_each(|kind| count(kind, -1));
                if redriven.repeats {
                    count(Outcome::Duplicate.name(), 1);
                }
            }
            ExceptionEvent::ExceptionResolved(_) => {}
        }
    }
}

fn of_steps<L: Lifecycle>(steps: &Steps<L>, counts: &mut BTreeMap<&'static str, i64>) {
    for step in steps.touched().filter(|step| step.entry.step.origin == Origin::Delivery) {
        count(&step, counts);
    }
}

fn count<F: Fact>(step: &StepHistory<'_, F>, counts: &mut BTreeMap<&'static str, i64>) {
    for moment in step.moments.iter().filter(|moment| moment.is_new) {
        match &moment.what {
            Decision::Recorded(verdict) => {
                *counts.entry(verdict.outcome.name()).or_default() += 1;
            }
            Decision::Revised { from, to, .. } => {
                *counts.entry(from.outcome.name()).or_default() -= 1;
                *counts.entry(to.outcome.name()).or_default() += 1;
            }
            Decision::Overdue | Decision::Overridden(_) => {}
        }
    }
}
