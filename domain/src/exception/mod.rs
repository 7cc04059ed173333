//! An exception that belongs to no step: a delivery that cannot be read, a conflict of identities.
//!
//! It is in the log so that the log alone tells of every delivery, and so that a person's decision
//! about it is recorded like any other.

#[cfg(test)]
mod tests;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Policies, StepId, refusal::CommandRefusal};

/// The aggregate type in the log.
pub const TYPE: &str = "exception";

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    raised: bool,
    /// What the newest resolution was about.
    resolved: Option<Option<About>>,
    redriven: bool,
}

/// What may be asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExceptionCommand {
    /// A delivery cannot be read into a step.
    Raise(Unreadable),
    /// A person has looked at it.
    Resolve(Resolution),
    /// The delivery can be read now.
    Redrive(Redriven),
}

/// What it records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExceptionEvent {
    /// A delivery could not be read into a step.
    DeliveryUnreadable(Unreadable),
    /// A person has looked at it.
    ExceptionResolved(Resolution),
    /// The delivery could be read after all, and what it says is recorded.
    DeliveryRedriven(Redriven),
}

/// A delivery that could not be read into a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Whether it is broken, or merely unknown to us.
    pub kind: UnreadableKind,
    /// The field at fault, such as `data.amount`; empty for the body as a whole.
    pub field: String,
    /// What is wrong with it. Never a value out of the body that could be a secret.
    pub cause: String,
    /// When it was received.
    pub received_at: Timestamp,
}

/// Why a delivery could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadableKind {
    /// No JSON, or a required field is missing or of the wrong kind.
    Malformed,
    /// Well-formed, but of an object or a status that is not known.
    Unrecognised,
}

impl UnreadableKind {
    /// The name of the outcome.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unrecognised => "unrecognised",
        }
    }
}

/// A person's decision about an exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// `discard`: nothing follows from it. `apply`: it is in order as it is.
    pub action: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What it was about, as it was shown then; absent if the stream itself tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// A delivery that could not be read when it came, and could be by a later program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// The step that it says. It stands on the stream of what it is about.
    pub step: StepId,
    /// Whether another delivery had brought the step before: then this one is a repetition of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The kind of aggregate that it is about.
    pub subject_type: String,
    /// The thing that it is about, as people address it.
    pub subject_id: String,
    /// The kind of step.
    pub kind: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Why it was redriven.
    pub reason: String,
    /// By whom.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// What an exception that was derived from several streams was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The exception's code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The position in the log at which it arose.
    pub first_position: i64,
    /// The id of the customer whom it concerns.
    pub customer: String,
}

impl Exception {
    /// Decides what a command leads to.
    ///
    /// # Errors
    /// [`CommandRefusal`] for a resolution without a reason, of an unfit kind, or a second one.
    pub fn decide(&self, command: ExceptionCommand) -> Result<Vec<ExceptionEvent>, CommandRefusal> {
        match command {
            ExceptionCommand::Raise(_) if self.raised => Ok(Vec::new()),
            ExceptionCommand::Raise(cause) => Ok(vec![ExceptionEvent::DeliveryUnreadable(cause)]),
            ExceptionCommand::Resolve(resolution) => self.resolve(resolution),
            ExceptionCommand::Redrive(redriven) => self.redrive(redriven),
        }
    }

    /// What a person can decide about it, as it is shown now: `about`. Empty if that has been
    /// decided already; a conflict that has grown since is another matter.
    pub fn possible(&self, about: Option<&About>) -> Vec<&'static str> {
        match &self.resolved {
            Some(resolved) if resolved.as_ref() == about => Vec::new(),
            _ if self.raised => vec!["discard"],
            _ => vec!["apply", "discard"],
        }
    }

    fn resolve(&self, resolution: Resolution) -> Result<Vec<ExceptionEvent>, CommandRefusal> {
        let possible = self.possible(resolution.about.as_ref());
        if possible.is_empty() {
            Err(CommandRefusal::AlreadyResolved)
        } else if !possible.contains(&resolution.action.as_str()) {
            Err(CommandRefusal::ActionNotPossible { action: resolution.action, possible })
        } else if resolution.reason.trim().is_empty() {
            Err(CommandRefusal::ReasonMissing)
        } else {
            Ok(vec![ExceptionEvent::ExceptionResolved(resolution)])
        }
    }

    /// Twice is once. What a person has discarded stays so.
    fn redrive(&self, redriven: Redriven) -> Result<Vec<ExceptionEvent>, CommandRefusal> {
        if !self.raised {
            Err(CommandRefusal::UnknownStep)
        } else if self.redriven {
            Ok(Vec::new())
        } else if self.resolved.is_some() {
            Err(CommandRefusal::AlreadyResolved)
        } else if redriven.reason.trim().is_empty() {
            Err(CommandRefusal::ReasonMissing)
        } else {
            Ok(vec![ExceptionEvent::DeliveryRedriven(redriven)])
        }
    }

    /// Takes an event in.
    pub fn apply(&mut self, event: &ExceptionEvent) {
        match event {
            ExceptionEvent::DeliveryUnreadable(_) => self.raised = true,
            ExceptionEvent::ExceptionResolved(resolution) => {
                self.resolved = Some(resolution.about.clone());
            }
            ExceptionEvent::DeliveryRedriven(_) => {
                self.resolved = Some(None);
                self.redriven = true;
            }
        }
    }
}

impl ExceptionEvent {
    /// The name of the event in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DeliveryUnreadable(_) => "DeliveryUnreadable",
            Self::ExceptionResolved(_) => "ExceptionResolved",
            Self::DeliveryRedriven(_) => "DeliveryRedriven",
        }
    }
}

impl DomainEvent for ExceptionEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        crate::event::VERSION.to_owned()
    }
}

impl Aggregate for Exception {
    const TYPE: &'static str = TYPE;
    type Command = ExceptionCommand;
    type Event = ExceptionEvent;
    type Error = CommandRefusal;
    type Services = Policies;

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        Self::apply(self, &event);
    }
}
