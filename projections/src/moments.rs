//! The moments of a thing: each event that changed it, in a short sentence.

use creditrail_domain::{
    Flag, Lifecycle, Outcome, OverrideAction, StepId, Verdict, journal::Override, step::Fact,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    History, Stream,
    history::{Decision, StepHistory, Steps},
    steps::{Subject, subject_of},
};

/// A moment at which a thing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The position of the event in the log of the source.
    pub position: i64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What happened, in a short sentence.
    pub what: String,
    /// The step that it is about, which is its delivery if one brought it.
    pub step: StepId,
    /// What the step is about.
    pub subject: Subject<'static>,
}

/// The moments of a stream's steps, in log order. Of an applicant's stream those of the steps in
/// `only`, if that is given; a stream without steps has none.
pub fn of(stream: &Stream, only: Option<&[StepId]>) -> Vec<Moment> {
    let mut moments = match &stream.history {
        History::Application(steps) => of_steps(stream, steps),
        History::Charge(steps) => of_steps(stream, steps),
        History::CustomerLink(steps) => of_steps(stream, steps),
        History::PaymentMethod(steps) => of_steps(stream, steps),
        History::Transaction(steps) => of_steps(stream, steps),
        History::Exception(_) | History::Access(_) | History::Privacy(_) | History::Secret(_) => {
            Vec::new()
        }
    };
    moments.retain(|moment| only.is_none_or(|only| only.contains(&moment.step)));
    moments.sort_by_key(|moment| moment.position);
    moments
}

fn of_steps<L: Lifecycle>(stream: &Stream, steps: &Steps<L>) -> Vec<Moment> {
    steps.all().flat_map(|step| of_step(stream, &step)).collect()
}

fn of_step<F: Fact>(stream: &Stream, step: &StepHistory<'_, F>) -> Vec<Moment> {
    let reported = &step.entry.step;
    let subject = subject_of(stream, &reported.fact).into_owned();
    let moment = |moment: &crate::history::Moment<Decision<F>>| Moment {
        position: moment.position,
        recorded_at: moment.recorded_at,
        what: sentence(reported.fact.kind(), &moment.what),
        step: reported.id,
        subject: subject.clone(),
    };
    step.moments.iter().map(moment).collect()
}

fn sentence<F: Fact>(kind: &str, decision: &Decision<F>) -> String {
    match decision {
        Decision::Recorded(verdict) => format!("{kind} recorded: {}", judged(verdict)),
        Decision::Revised { from, to, .. } if from.outcome.name() != to.outcome.name() => {
            format!("{kind} revised from {} to {}", from.outcome.name(), judged(to))
        }
        Decision::Revised { from, to, .. } => {
            format!("{kind} stays {}{}", judged(to), difference(&from.flags, &to.flags))
        }
        Decision::Overdue => format!("a deadline of {kind} passed"),
        Decision::Overridden(Override { action, actor, reason, .. }) => match action {
            OverrideAction::ConvertTo(fact) => {
                format!("convert {kind} to {} by {actor}: {reason}", fact.kind())
            }
            action => format!("{} {kind} by {actor}: {reason}", action.name()),
        },
    }
}

/// The outcome, and what a refusal is called.
fn judged(verdict: &Verdict) -> String {
    match &verdict.outcome {
        Outcome::Refused(refused) => format!("refused ({})", refused.code.code()),
        outcome => outcome.name().to_owned(),
    }
}

fn difference(from: &[Flag], to: &[Flag]) -> String {
    let beyond = |some: &[Flag], others: &[Flag]| {
        let beyond = some.iter().filter(|flag| !others.contains(flag));
        beyond.map(|flag| flag.code()).collect::<Vec<_>>().join(", ")
    };
    match (beyond(to, from), beyond(from, to)) {
        (new, gone) if new.is_empty() && gone.is_empty() => String::new(),
        (new, gone) if gone.is_empty() => format!(", now {new}"),
        (new, gone) if new.is_empty() => format!(", no longer {gone}"),
        (new, gone) => format!(", now {new}, no longer {gone}"),
    }
}
