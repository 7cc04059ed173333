//! What the process logs of a committed batch: a line for each delivery, and one for each step that
//! is judged otherwise than before. A step has the id of its delivery, so one id finds them all.

use std::collections::HashMap;

use creditrail_domain::{Event, Outcome, StepEvent, Verdict, journal::Cause};

use super::writer::{Answer, Request};
use crate::store::NewEvent;

/// The lines of a batch, to be said once it is committed.
#[derive(Debug, Default)]
pub(super) struct Lines {
    recorded: Vec<Recorded>,
    revised: Vec<Revised>,
}

#[derive(Debug)]
struct Recorded {
    delivery_id: String,
    outcome: &'static str,
    /// Why it is refused, or what it waits for.
    reason: Option<String>,
    position: Option<i64>,
}

#[derive(Debug)]
struct Revised {
    delivery_id: String,
    from: &'static str,
    outcome: &'static str,
    reason: Option<String>,
    /// `step`, `deadline` or `override`, and whose it was.
    cause: (&'static str, String),
}

impl Lines {
    /// The lines of a batch; none if nobody listens.
    pub(super) fn of(requests: &[Request], answers: &[Answer], events: &[NewEvent]) -> Self {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return Self::default();
        }
        let reasons: HashMap<_, _> = events
            .iter()
            .filter_map(|event| Some((event.delivery_id.as_deref()?, reason_of(&event.event)?)))
            .collect();
        let recorded = requests.iter().zip(answers).filter_map(|(request, answer)| {
            let (Request::Deliver(_), Ok(receipt)) = (request, answer) else { return None };
            let delivery_id = receipt.delivery_id.clone();
            // A repetition changes nothing, so no event tells of it.
            let reason =
                reasons.get(delivery_id.as_str()).filter(|_| receipt.outcome != "duplicate");
            let (outcome, position) = (receipt.outcome, receipt.position);
            Some(Recorded { reason: reason.cloned(), delivery_id, outcome, position })
        });
        let revised = events.iter().filter_map(|event| revised(&event.event));
        Self { recorded: recorded.collect(), revised: revised.collect() }
    }

    /// Says them.
    pub(super) fn say(self, source: &str) {
        for Recorded { delivery_id, outcome, reason, position } in self.recorded {
            tracing::debug!(source, delivery_id, outcome, reason, position, "recorded");
        }
        for Revised { delivery_id, from, outcome, reason, cause: (cause, by) } in self.revised {
            tracing::debug!(source, delivery_id, from, outcome, reason, cause, by, "revised");
        }
    }
}

fn reason(verdict: &Verdict) -> Option<String> {
    match &verdict.outcome {
        Outcome::Refused(refused) => Some(refused.code.code().to_owned()),
        Outcome::Parked { waits_for } => Some(format!("waits for {waits_for}")),
        Outcome::Applied | Outcome::Duplicate | Outcome::Stale => None,
    }
}

fn reason_of(event: &Event) -> Option<String> {
    fn of_step<F>(event: &StepEvent<F>) -> Option<String> {
        match event {
            StepEvent::StepRecorded { verdict, .. } => reason(verdict),
            StepEvent::OutcomeRevised { .. }
            | StepEvent::DeadlinePassed { .. }
            | StepEvent::Overridden { .. } => None,
        }
    }
    match event {
        Event::Application(event) => of_step(event),
        Event::Charge(event) => of_step(event),
        Event::CustomerLink(event) => of_step(event),
        Event::PaymentMethod(event) => of_step(event),
        Event::Transaction(event) => of_step(event),
        _ => None,
    }
}

fn revised(event: &Event) -> Option<Revised> {
    fn of_step<F>(event: &StepEvent<F>) -> Option<Revised> {
        let StepEvent::OutcomeRevised { step, from, to, cause } = event else { return None };
        let cause = match cause {
            Cause::Step(by) => ("step", by.to_string()),
            Cause::Deadline(of) => ("deadline", of.to_string()),
            Cause::Override(of) => ("override", of.to_string()),
        };
        Some(Revised {
            delivery_id: step.to_string(),
            from: from.outcome.name(),
            outcome: to.outcome.name(),
            reason: reason(to),
            cause,
        })
    }
    match event {
        Event::Application(event) => of_step(event),
        Event::Charge(event) => of_step(event),
        Event::CustomerLink(event) => of_step(event),
        Event::PaymentMethod(event) => of_step(event),
        Event::Transaction(event) => of_step(event),
        _ => None,
    }
}
