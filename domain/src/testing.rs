//! Given these steps, when this comes, then this: the words of the tests.
//!
//! A fixture says only what matters. A step without a time happens a minute after the latest one,
//! a step without a key has one of its own, and steps are received in the order in which they
//! stand. Every event passes through JSON into a second journal, so each example shows besides
//! that what was stored replays to what was decided.
#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

pub mod application;
pub mod charge;
mod codes;
pub mod lenders;
pub mod onboarding;
pub mod path;
pub mod payment_method;
pub mod transaction;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    application::{ApplicationFact, ApplicationLifecycle},
    charge::{ChargeFact, ChargeLifecycle},
    customer_link::{CustomerLinkFact, CustomerLinkLifecycle},
    payment_method::{PaymentMethodFact, PaymentMethodLifecycle},
    step::{ClockFault, Fact, Origin},
    transaction::{TransactionFact, TransactionLifecycle},
    *,
};

/// A fact that belongs to one lifecycle.
pub trait Subject: Fact {
    type Rules: Lifecycle<Fact = Self>;
}

impl Subject for TransactionFact {
    type Rules = TransactionLifecycle;
}

impl Subject for PaymentMethodFact {
    type Rules = PaymentMethodLifecycle;
}

impl Subject for ApplicationFact {
    type Rules = ApplicationLifecycle;
}

impl Subject for ChargeFact {
    type Rules = ChargeLifecycle;
}

impl Subject for CustomerLinkFact {
    type Rules = CustomerLinkLifecycle;
}

/// Minute 0 of all examples that do not name a time.
pub fn minute(number: i64) -> Timestamp {
    instant("2025-02-27T18:00:00Z") + SignedDuration::from_mins(number)
}

/// The receipt of the first step; each later one is received a second after the one before.
pub fn receipt() -> Timestamp {
    instant("2025-03-02T00:00:00Z")
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// A step that is told; see the module on what it has where nothing is said.
#[derive(Clone, Debug)]
pub struct Told<F> {
    pub fact: F,
    key: Option<String>,
    content: Option<String>,
    key_taken_by: Option<String>,
    outside_window: bool,
    pan_masked: bool,
    origin: Origin,
    time: Time,
}

#[derive(Clone, Debug)]
enum Time {
    Next,
    At(Timestamp),
    Unusable(ClockFault),
}

impl<F: Subject> Told<F> {
    pub fn new(fact: F) -> Self {
        Self {
            fact,
            key: None,
            content: None,
            key_taken_by: None,
            outside_window: false,
            pan_masked: false,
            origin: Origin::Delivery,
            time: Time::Next,
        }
    }

    /// It happened in that minute.
    pub fn at(self, number: i64) -> Self {
        Self { time: Time::At(minute(number)), ..self }
    }

    /// It happened then, in the lender's own spelling.
    pub fn dated(self, text: &str) -> Self {
        Self { time: Time::At(instant(text)), ..self }
    }

    /// The lender gave a time that does not exist.
    pub fn misdated(self, text: &str) -> Self {
        Self { time: Time::Unusable(ClockFault::Unparseable(text.to_owned())), ..self }
    }

    /// The lender gave no time.
    pub fn undated(self) -> Self {
        Self { time: Time::Unusable(ClockFault::Missing), ..self }
    }

    /// The lender gave a time without a zone.
    pub fn zoneless(self) -> Self {
        Self { time: Time::Unusable(ClockFault::ZoneAssumed), ..self }
    }

    /// Its deduplication key. Else the key is the kind and the minute, such as `void@3`.
    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// The hash of its content, where ties are broken by it.
    pub fn content(self, content: &str) -> Self {
        Self { content: Some(content.to_owned()), ..self }
    }

    /// The key was used first on another stream.
    pub fn key_taken_by(self, stream: &str) -> Self {
        Self { key_taken_by: Some(stream.to_owned()), ..self }
    }

    /// It was signed longer ago than the source allows.
    pub fn outside_window(self) -> Self {
        Self { outside_window: true, ..self }
    }

    /// Something in it looked like a card number.
    pub fn with_card_number(self) -> Self {
        Self { pan_masked: true, ..self }
    }

    /// The partner's backend told it, not the lender.
    pub fn by_the_partner(self) -> Self {
        Self { origin: Origin::Partner, ..self }
    }

    /// The step alone, as a journal takes it in.
    pub fn received(self) -> Step<F> {
        self.step(minute(0), receipt())
    }

    fn step(self, next: Timestamp, received_at: Timestamp) -> Step<F> {
        let (occurred_at, clock_fault) = match self.time {
            Time::Next => (next, None),
            Time::At(at) => (at, None),
            Time::Unusable(fault) => (received_at, Some(fault)),
        };
        let minutes = occurred_at.duration_since(minute(0)).as_mins();
        let key = self.key.unwrap_or_else(|| format!("{}@{minutes}", self.fact.kind()));
        let written = (&self.fact, clock_fault.is_none().then_some(occurred_at), &clock_fault);
        let content = self.content.unwrap_or_else(|| {
            let body = serde_json::to_vec(&written).unwrap();
            Uuid::new_v5(&Uuid::NAMESPACE_OID, &body).simple().to_string()
        });
        Step {
            id: StepId::derive("imprint", &key, &content),
            key,
            content,
            occurred_at,
            clock_fault,
            received_at,
            origin: self.origin,
            outside_window: self.outside_window,
            pan_masked: self.pan_masked,
            key_taken_by: self.key_taken_by,
            told_by: None,
            fact: self.fact,
        }
    }
}

/// The history of one aggregate, and what its newest step or command led to.
#[derive(Clone, Debug)]
pub struct History<F: Subject> {
    pub journal: Journal<F::Rules>,
    pub policies: Policies,
    /// All events so far.
    pub log: Vec<StepEvent<F>>,
    replayed: Journal<F::Rules>,
    received: i64,
    latest: Timestamp,
    newest: Vec<StepEvent<F>>,
    answer: Result<(), CommandRefusal>,
    subject: Option<StepId>,
}

/// A history of these steps, received in this order.
pub fn given<F: Subject, const N: usize>(steps: [Told<F>; N]) -> History<F> {
    under(Policies::default()).given(steps)
}

/// An empty history under other policies than the default ones.
pub fn under<F: Subject>(policies: Policies) -> History<F> {
    History {
        journal: Journal::default(),
        policies,
        log: Vec::new(),
        replayed: Journal::default(),
        received: 0,
        latest: minute(0),
        newest: Vec::new(),
        answer: Ok(()),
        subject: None,
    }
}

impl<F: Subject> History<F> {
    pub fn given(self, steps: impl IntoIterator<Item = Told<F>>) -> Self {
        steps.into_iter().fold(self, Self::when)
    }

    /// A step is received.
    #[track_caller]
    pub fn when(mut self, told: Told<F>) -> Self {
        let received_at = receipt() + SignedDuration::from_secs(self.received);
        let step = told.step(self.latest + SignedDuration::from_mins(1), received_at);
        self.received += 1;
        if step.clock_fault.is_none() {
            self.latest = self.latest.max(step.occurred_at);
        }
        self.subject = Some(step.id);
        self.asked(Command::Record(Box::new(step)))
    }

    /// The next step is received so long after the first receipt, and the others after it.
    pub fn later(self, time: SignedDuration) -> Self {
        Self { received: time.as_secs(), ..self }
    }

    /// So much time passes after the first receipt.
    #[track_caller]
    pub fn after(self, time: SignedDuration) -> Self {
        self.asked(Command::PassTime { now: receipt() + time })
    }

    /// An operator decides about the step of that key: `apply`, `discard`, `convert to update` …
    #[track_caller]
    pub fn resolved(self, key: &str, decision: &str) -> Self {
        self.resolved_because(key, decision, "the lender confirmed it by telephone")
    }

    /// As [`Self::resolved`], in the operator's own words.
    #[track_caller]
    pub fn resolved_because(mut self, key: &str, decision: &str, reason: &str) -> Self {
        let step = self.of_key(key).map_or(StepId(Uuid::nil()), |entry| entry.step.id);
        self.subject = Some(step);
        let (action, convert_to) = match decision.split_once(" to ") {
            Some((action, kind)) => (action, Some(kind.to_owned())),
            None => (decision, None),
        };
        let (action, reason, actor) = (action.to_owned(), reason.to_owned(), "kim".to_owned());
        let at = receipt() + hours(1);
        self.asked(Command::Override { step, action, convert_to, reason, actor, at })
    }

    #[track_caller]
    fn asked(mut self, command: Command<F>) -> Self {
        let decided = self.journal.decide(command, &self.policies);
        self.answer = decided.as_ref().map(|_| ()).map_err(Clone::clone);
        self.newest = decided.unwrap_or_default();
        for event in &self.newest {
            let stored = serde_json::to_string(event).unwrap();
            let read: StepEvent<F> = serde_json::from_str(&stored).unwrap();
            assert_eq!(read, *event, "the event is not what was stored");
            self.journal.apply(event.clone());
            self.replayed.apply(read);
        }
        assert_eq!(self.replayed, self.journal, "the replay differs from the live journal");
        path::is_drawn(&self.journal, &self.policies);
        self.log.extend_from_slice(&self.newest);
        self
    }

    /// By key, or by `key#content` where a key has several contents.
    fn of_key(&self, key: &str) -> Option<&Entry<F>> {
        self.journal.entries().iter().find(|Entry { step, .. }| {
            step.key == key || format!("{}#{}", step.key, step.content) == key
        })
    }

    /// The id of the step of that key.
    #[track_caller]
    pub fn the_step(&self, key: &str) -> StepId {
        self.of_key(key).unwrap_or_else(|| panic!("no {key}")).step.id
    }

    pub fn state(&self) -> <F::Rules as Lifecycle>::State {
        self.journal.state(&self.policies)
    }

    /// The present verdicts in the order in which the steps happened; see [`cell`].
    pub fn verdicts(&self) -> Vec<String> {
        self.journal.entries().iter().map(|entry| cell(&entry.verdict)).collect()
    }

    /// What follows is about the step of that key.
    #[track_caller]
    pub fn the(mut self, key: &str) -> Self {
        let entry = self.of_key(key);
        let known = || self.journal.entries().iter().map(|entry| &entry.step.key);
        let entry = entry.unwrap_or_else(|| panic!("no {key} in {:?}", Vec::from_iter(known())));
        self.subject = Some(entry.step.id);
        self
    }

    /// The entry of the newest step, or of [`Self::the`] step.
    #[track_caller]
    pub fn entry(&self) -> &Entry<F> {
        self.subject.and_then(|id| self.journal.entry(id)).unwrap()
    }

    /// The verdict on the step, as the specification writes it; see [`cell`].
    #[track_caller]
    pub fn then(self, expected: &str) -> Self {
        assert_eq!(cell(&self.entry().verdict), expected, "{:#?}", self.entry());
        self
    }

    #[track_caller]
    pub fn then_applied(self) -> Self {
        self.then("A")
    }

    #[track_caller]
    pub fn then_flagged(self, flag: Flag) -> Self {
        self.then(&format!("A!{}", flag.code()))
    }

    #[track_caller]
    pub fn then_duplicate(self) -> Self {
        self.then("D")
    }

    #[track_caller]
    pub fn then_stale(self) -> Self {
        self.then("S")
    }

    #[track_caller]
    pub fn then_parked(self, missing: &str) -> Self {
        self.then(&format!("P({missing})"))
    }

    #[track_caller]
    pub fn then_refused(self, code: Refusal) -> Self {
        self.then(&format!("R!{}", code.code()))
    }

    /// The verdicts on all steps, in the order in which they happened.
    #[track_caller]
    pub fn then_all<const N: usize>(self, expected: [&str; N]) -> Self {
        assert_eq!(self.verdicts(), expected);
        self
    }

    /// The newest step or command was in order and changed nothing: a repetition.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        assert_eq!((&self.answer, &self.newest[..]), (&Ok(()), &[][..]));
        self
    }

    /// The newest command was not possible, and nothing is recorded.
    #[track_caller]
    pub fn then_impossible(self, refusal: CommandRefusal) -> Self {
        assert_eq!((&self.answer, &self.newest[..]), (&Err(refusal), &[][..]));
        self
    }

    /// Why the newest step or command was not possible.
    pub fn refusal(&self) -> Option<&CommandRefusal> {
        self.answer.as_ref().err()
    }

    /// The names of the events that the newest step or command led to.
    #[track_caller]
    pub fn then_events<const N: usize>(self, expected: [&str; N]) -> Self {
        let names: Vec<_> = self.newest.iter().map(StepEvent::name).collect();
        assert_eq!(names, expected);
        self
    }

    /// The newest step or command changed the verdict on the step of `key`, and is the cause.
    #[track_caller]
    pub fn then_revised(self, key: &str, change: &str) -> Self {
        let id = self.of_key(key).map(|entry| entry.step.id);
        let revised = self.newest.iter().find_map(|event| match event {
            StepEvent::OutcomeRevised { step, from, to, cause } if Some(*step) == id => {
                Some((format!("{} → {}", cell(from), cell(to)), *cause))
            }
            _ => None,
        });
        let cause = match &self.newest[0] {
            StepEvent::StepRecorded { step, .. } => journal::Cause::Step(step.id),
            StepEvent::DeadlinePassed { step, .. } => journal::Cause::Deadline(*step),
            StepEvent::Overridden { step, .. } => journal::Cause::Override(*step),
            revised @ StepEvent::OutcomeRevised { .. } => panic!("no cause before {revised:?}"),
        };
        assert_eq!(revised, Some((change.to_owned(), cause)), "{:#?}", self.newest);
        self
    }
}

/// A verdict as the specification writes it: A applied, D duplicate, S stale, P parked, R refused, and what is
/// odd about it.
pub fn cell(verdict: &Verdict) -> String {
    let outcome = match &verdict.outcome {
        Outcome::Applied => "A".to_owned(),
        Outcome::Duplicate => "D".to_owned(),
        Outcome::Stale => "S".to_owned(),
        Outcome::Parked { waits_for } => format!("P({waits_for})"),
        Outcome::Refused(refused) if refused.settled => {
            format!("R!{}, settled", refused.code.code())
        }
        Outcome::Refused(refused) => format!("R!{}", refused.code.code()),
    };
    verdict.flags.iter().fold(outcome, |cell, flag| format!("{cell}!{}", flag.code()))
}

/// All orders of the items.
pub fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let [first, rest @ ..] = items else { return vec![Vec::new()] };
    let insert = |order: Vec<T>| {
        (0..=order.len()).map(move |place| {
            let mut order = order.clone();
            order.insert(place, first.clone());
            order
        })
    };
    orders(rest).into_iter().flat_map(insert).collect()
}
