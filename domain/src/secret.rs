//! A secret out of a lender's payload: who was shown it, and why. What it is stands nowhere here.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Policies, refusal::CommandRefusal};

/// The aggregate type in the log.
pub const TYPE: &str = "secret";

/// The aggregate. It remembers nothing: a secret may be shown again, each time for a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret;

/// What it records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretEvent {
    /// A person was shown the secret.
    SecretRevealed(Reveal),
}

/// A person is shown a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The field in which it stood.
    pub field: String,
    /// Why; not empty.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

impl Secret {
    /// Decides what a reveal leads to.
    ///
    /// # Errors
    /// [`CommandRefusal::ReasonMissing`].
    pub fn decide(self, reveal: Reveal) -> Result<Vec<SecretEvent>, CommandRefusal> {
        if reveal.reason.trim().is_empty() {
            return Err(CommandRefusal::ReasonMissing);
        }
        Ok(vec![SecretEvent::SecretRevealed(reveal)])
    }
}

impl SecretEvent {
    /// The name of the event in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SecretRevealed(_) => "SecretRevealed",
        }
    }
}

impl DomainEvent for SecretEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        crate::event::VERSION.to_owned()
    }
}

impl Aggregate for Secret {
    const TYPE: &'static str = TYPE;
    type Command = Reveal;
    type Event = SecretEvent;
    type Error = CommandRefusal;
    type Services = Policies;

    async fn handle(
        &mut self,
        reveal: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(reveal)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {}
}
