//! Decides a batch in memory: commands on the aggregates that it touches, event after event.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use creditrail_domain::{
    AggregateType, CommandRefusal, Event, Policies, PossibleAction, StepEvent, StepId,
    access::{Access, AccessRecord},
    application::Application,
    charge::Charge,
    customer_link::CustomerLink,
    exception::{About, Exception, ExceptionCommand, Redriven, Resolution, Unreadable},
    journal,
    payment_method::PaymentMethod,
    privacy::{Privacy, PrivacyCommand},
    secret::{Reveal, Secret},
    transaction::Transaction,
};
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;

use crate::{sources::AnyStep, store::NewEvent};

/// What may be asked of any aggregate.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all commands record a step")]
pub enum Command {
    /// Take in a step.
    Record(AnyStep),
    /// Keep a delivery that cannot be read.
    Raise(Unreadable),
    /// Fix the outcome of a step.
    Override {
        /// Which step.
        step: StepId,
        /// `apply`, `convert` or `discard`.
        action: String,
        /// For `convert`: the kind of step to take it as.
        convert_to: Option<String>,
        /// Why.
        reason: String,
        /// Who.
        actor: String,
    },
    /// A person has looked at an exception that belongs to no step.
    Resolve(Resolution),
    /// A delivery can be read now.
    Redrive(Redriven),
    /// A person is shown a secret.
    Reveal(Reveal),
    /// A caller did something that is to be recorded.
    Note(AccessRecord),
    /// A person's data are held, released or erased.
    Privacy(PrivacyCommand),
    /// The clock says what time it is.
    PassTime,
}

/// Why a command was not decided.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] CommandRefusal),
    /// A rule panicked on it. Nothing of it was taken in.
    #[error("a rule failed on it")]
    Panicked,
    /// The command is not one of the aggregate.
    #[error("the command is not one of the aggregate")]
    Unfit,
}

/// What a command led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The outcome of the step as it was recorded; `duplicate` if there is nothing to record.
    pub outcome: &'static str,
    /// How many events it appended.
    pub events: usize,
}

/// The aggregates of a batch, and the events that it appends to them.
#[derive(Debug)]
pub struct Desk<'a> {
    policies: &'a Policies,
    aggregates: Aggregates,
    events: Vec<NewEvent>,
}

/// Aggregates as the log has them, each with its last sequence.
#[derive(Debug, Default)]
pub struct Aggregates(HashMap<StreamId, (Aggregate, i64)>);

impl Aggregates {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the aggregate of a stream is there.
    pub fn has(&self, stream: &StreamId) -> bool {
        self.0.contains_key(stream)
    }

    /// Takes in events that the log has, in sequence.
    pub fn take(&mut self, recorded: Vec<Recorded>) {
        for Recorded { stream, sequence, event, .. } in recorded {
            let known = self
                .0
                .entry(stream)
                .or_insert_with_key(|stream| (Aggregate::empty(stream.aggregate_type), 0));
            known.0.apply(event);
            known.1 = sequence;
        }
    }

    /// What a person can decide about a step; nothing about one that is not known.
    pub fn possible(&self, stream: &StreamId, step: StepId) -> Vec<PossibleAction> {
        let possible = match self.0.get(stream).map(|known| &known.0) {
            Some(Aggregate::Application(aggregate)) => aggregate.possible(step),
            Some(Aggregate::Charge(aggregate)) => aggregate.possible(step),
            Some(Aggregate::CustomerLink(aggregate)) => aggregate.possible(step),
            Some(Aggregate::PaymentMethod(aggregate)) => aggregate.possible(step),
            Some(Aggregate::Transaction(aggregate)) => aggregate.possible(step),
            Some(
                Aggregate::Access(_)
                | Aggregate::Exception(_)
                | Aggregate::Privacy(_)
                | Aggregate::Secret(_),
            )
            | None => {
                return Vec::new();
            }
        };
        possible.unwrap_or_default()
    }

    /// What a person can decide about an exception that belongs to no step, as it is shown.
    pub fn possible_of_exception(
        &self,
        stream: &StreamId,
        about: Option<&About>,
    ) -> Vec<PossibleAction> {
        let possible = match self.0.get(stream).map(|known| &known.0) {
            Some(Aggregate::Exception(aggregate)) => aggregate.possible(about),
            // A conflict has no event before it is resolved.
            _ => Exception::default().possible(about),
        };
        possible.into_iter().map(PossibleAction::plain).collect()
    }
}

#[derive(Debug)]
enum Aggregate {
    Access(Access),
    Application(Application),
    Charge(Charge),
    CustomerLink(CustomerLink),
    Exception(Exception),
    PaymentMethod(PaymentMethod),
    Privacy(Privacy),
    Secret(Secret),
    Transaction(Transaction),
}

impl<'a> Desk<'a> {
    /// A desk with the aggregates as the log has them.
    pub fn new(policies: &'a Policies, aggregates: Aggregates) -> Self {
        Self { policies, aggregates, events: Vec::new() }
    }

    /// Decides a command and takes in what follows from it.
    ///
    /// # Errors
    /// [`Undecided`]; then nothing of it is taken in.
    pub fn decide(
        &mut self,
        stream: &StreamId,
        command: Command,
        (at, delivery_id): (Timestamp, Option<&str>),
    ) -> Result<Decided, Undecided> {
        let events = self.propose(stream, command, at)?;
        let outcome = events.first().map_or("duplicate", outcome_of);
        let decided = Decided { outcome, events: events.len() };
        for event in events {
            let occurred_at = occurred_at(&event).unwrap_or(at);
            self.take(stream, event, (occurred_at, delivery_id));
        }
        Ok(decided)
    }

    /// The events that a command would append now. Nothing of it is taken in.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn propose(
        &self,
        stream: &StreamId,
        command: Command,
        at: Timestamp,
    ) -> Result<Vec<Event>, Undecided> {
        let none = Aggregate::empty(stream.aggregate_type);
        let aggregate = self.aggregates.0.get(stream).map_or(&none, |(aggregate, _)| aggregate);
        let policies = self.policies;
        // `decide` takes `&self`: a panic leaves the aggregate as it was.
        let decided = catch_unwind(AssertUnwindSafe(|| aggregate.decide(command, policies, at)));
        decided.map_err(|_| Undecided::Panicked)?
    }

    /// Takes in an event as it is.
    pub fn take(
        &mut self,
        stream: &StreamId,
        event: Event,
        (occurred_at, delivery_id): (Timestamp, Option<&str>),
    ) {
        let known = self.aggregates.0.entry(stream.clone());
        let (aggregate, sequence) =
            known.or_insert_with(|| (Aggregate::empty(stream.aggregate_type), 0));
        aggregate.apply(event.clone());
        *sequence += 1;
        self.events.push(NewEvent {
            stream: stream.clone(),
            sequence: *sequence,
            occurred_at,
            delivery_id: delivery_id.map(str::to_owned),
            event,
        });
    }

    /// How many events a command would append now. Nothing of it is taken in.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn foresee(
        &self,
        stream: &StreamId,
        command: Command,
        at: Timestamp,
    ) -> Result<usize, Undecided> {
        Ok(self.propose(stream, command, at)?.len())
    }

    /// The events so far, in the order in which they are to be appended.
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// All events, to be appended, and the aggregates as they are once that is done.
    pub fn close(self) -> (Vec<NewEvent>, Aggregates) {
        (self.events, self.aggregates)
    }
}

impl Aggregate {
    fn empty(aggregate_type: AggregateType) -> Self {
        match aggregate_type {
            AggregateType::Access => Self::Access(Access),
            AggregateType::Application => Self::Application(Application::default()),
            AggregateType::Charge => Self::Charge(Charge::default()),
            AggregateType::CustomerLink => Self::CustomerLink(CustomerLink::default()),
            AggregateType::PaymentMethod => Self::PaymentMethod(PaymentMethod::default()),
            AggregateType::Privacy => Self::Privacy(Privacy::default()),
            AggregateType::Secret => Self::Secret(Secret),
            AggregateType::Transaction => Self::Transaction(Transaction::default()),
            // Exceptions, and no other: the codec knows no more types than these.
            _ => Self::Exception(Exception::default()),
        }
    }

    fn apply(&mut self, event: Event) {
        match (self, event) {
            (Self::Application(aggregate), Event::Application(event)) => aggregate.apply(event),
            (Self::Charge(aggregate), Event::Charge(event)) => aggregate.apply(event),
            (Self::CustomerLink(aggregate), Event::CustomerLink(event)) => aggregate.apply(event),
            (Self::Exception(aggregate), Event::Exception(event)) => aggregate.apply(&event),
            (Self::Privacy(aggregate), Event::Privacy(event)) => aggregate.apply(&event),
            (Self::PaymentMethod(aggregate), Event::PaymentMethod(event)) => aggregate.apply(event),
            (Self::Transaction(aggregate), Event::Transaction(event)) => aggregate.apply(event),
            // A stream has one kind of event: its type is part of its key in the log.
            (_, _) => {}
        }
    }

    fn decide(
        &self,
        command: Command,
        policies: &Policies,
        at: Timestamp,
    ) -> Result<Vec<Event>, Undecided> {
        macro_rules! journal {
            ($aggregate:ident, $kind:ident) => {{
                let command = match command {
                    Command::Record(AnyStep::$kind(step)) => {
                        journal::Command::Record(Box::new(step))
                    }
                    Command::Override { step, action, convert_to, reason, actor } => {
                        journal::Command::Override { step, action, convert_to, reason, actor, at }
                    }
                    Command::PassTime => journal::Command::PassTime { now: at },
                    Command::Record(_)
                    | Command::Raise(_)
                    | Command::Resolve(_)
                    | Command::Redrive(_)
                    | Command::Reveal(_)
                    | Command::Note(_)
                    | Command::Privacy(_) => return Err(Undecided::Unfit),
                };
                let events = $aggregate.decide(command, policies)?;
                Ok(events.into_iter().map(Event::$kind).collect())
            }};
        }
        match self {
            Self::Application(aggregate) => journal!(aggregate, Application),
            Self::Charge(aggregate) => journal!(aggregate, Charge),
            Self::CustomerLink(aggregate) => journal!(aggregate, CustomerLink),
            Self::PaymentMethod(aggregate) => journal!(aggregate, PaymentMethod),
            Self::Transaction(aggregate) => journal!(aggregate, Transaction),
            Self::Access(access) => {
                let Command::Note(record) = command else { return Err(Undecided::Unfit) };
                Ok(access.decide(record)?.into_iter().map(Event::Access).collect())
            }
            Self::Privacy(privacy) => {
                let Command::Privacy(command) = command else { return Err(Undecided::Unfit) };
                Ok(privacy.decide(command)?.into_iter().map(Event::Privacy).collect())
            }
            Self::Secret(secret) => {
                let Command::Reveal(reveal) = command else { return Err(Undecided::Unfit) };
                Ok(secret.decide(reveal)?.into_iter().map(Event::Secret).collect())
            }
            Self::Exception(aggregate) => {
                let command = match command {
                    Command::Raise(unreadable) => ExceptionCommand::Raise(unreadable),
                    Command::Resolve(resolution) => ExceptionCommand::Resolve(resolution),
                    Command::Redrive(redriven) => ExceptionCommand::Redrive(redriven),
                    _ => return Err(Undecided::Unfit),
                };
                Ok(aggregate.decide(command)?.into_iter().map(Event::Exception).collect())
            }
        }
    }
}

/// The outcome of a command whose first event this is.
pub(super) fn outcome_of(event: &Event) -> &'static str {
    fn of_step<F>(event: &StepEvent<F>) -> &'static str {
        match event {
            StepEvent::StepRecorded { verdict, .. } => verdict.outcome.name(),
            StepEvent::OutcomeRevised { .. }
            | StepEvent::DeadlinePassed { .. }
            | StepEvent::Overridden { .. } => "applied",
        }
    }
    match event {
        Event::Application(event) => of_step(event),
        Event::Charge(event) => of_step(event),
        Event::CustomerLink(event) => of_step(event),
        Event::PaymentMethod(event) => of_step(event),
        Event::Transaction(event) => of_step(event),
        Event::Exception(creditrail_domain::exception::ExceptionEvent::DeliveryUnreadable(
            unreadable,
        )) => unreadable.kind.name(),
        _ => "applied",
    }
}

/// When a step happened, if the event is that of one.
pub(super) fn occurred_at(event: &Event) -> Option<Timestamp> {
    fn of_step<F>(event: &StepEvent<F>) -> Option<Timestamp> {
        match event {
            StepEvent::StepRecorded { step, .. } => Some(step.occurred_at),
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
