//! How many deliveries have each outcome as of now: one side of the audit equation.

use std::collections::BTreeMap;

use creditrail_domain::{
    Lifecycle, Policies,
    exception::ExceptionEvent,
    step::{Fact, Origin},
};

use crate::{
    History, Stream,
    history::{Decision, StepHistory, Steps},
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
        History::Access(_) | History::Secret(_) => {}
        History::Exception(moments) => {
            for moment in moments.iter().filter(|moment| moment.is_new) {
                if let ExceptionEvent::DeliveryUnreadable(unreadable) = &moment.what {
                    *counts.entry(unreadable.kind.name()).or_default() += 1;
                }
            }
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
