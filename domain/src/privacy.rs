//! What is done about the personal data of a person: held by law, released, erased. Not a journal: a
//! lender reports nothing of it, and the data themselves stand nowhere here.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Policies, refusal::CommandRefusal};

/// The aggregate type in the log.
pub const TYPE: &str = "privacy";

/// The aggregate: one for each person, by the kind of its id and the id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privacy {
    held: bool,
}

/// What may be asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivacyCommand {
    /// Nothing is to be erased, whatever the clock says.
    Hold(Said),
    /// The hold ends.
    Release(Said),
    /// The personal data are to be erased.
    Erase(Erasing),
}

/// What it records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrivacyEvent {
    /// A legal hold: nothing is erased until it is released.
    HoldPlaced(Said),
    /// The hold has ended.
    HoldReleased(Said),
    /// The keys that open the personal data were destroyed.
    PersonalDataErased(Erased),
}

/// Who did it, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Why; not empty.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// What is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// The keys that are to be destroyed.
    pub keys: Vec<String>,
    /// The references of the secrets that are to go with them.
    pub secrets: Vec<String>,
    /// Until when the law or a policy has the data kept; `None` if nothing is counted.
    pub retained_until: Option<Timestamp>,
    /// Who wants it, when and why.
    pub said: Said,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The ids of the keys that were destroyed: deliveries name them.
    pub keys: Vec<String>,
    /// Who, when and why.
    #[serde(flatten)]
    pub said: Said,
}

impl Privacy {
    /// Decides what a command leads to.
    ///
    /// # Errors
    /// [`CommandRefusal::ReasonMissing`], [`CommandRefusal::AlreadyHeld`],
    /// [`CommandRefusal::NotHeld`], [`CommandRefusal::LegalHold`],
    /// [`CommandRefusal::RetentionRuns`], [`CommandRefusal::NothingToErase`].
    pub fn decide(self, command: PrivacyCommand) -> Result<Vec<PrivacyEvent>, CommandRefusal> {
        let said = match &command {
            PrivacyCommand::Hold(said) | PrivacyCommand::Release(said) => said,
            PrivacyCommand::Erase(erasing) => &erasing.said,
        };
        if said.reason.trim().is_empty() {
            return Err(CommandRefusal::ReasonMissing);
        }
        match command {
            PrivacyCommand::Hold(_) if self.held => Err(CommandRefusal::AlreadyHeld),
            PrivacyCommand::Hold(said) => Ok(vec![PrivacyEvent::HoldPlaced(said)]),
            PrivacyCommand::Release(_) if !self.held => Err(CommandRefusal::NotHeld),
            PrivacyCommand::Release(said) => Ok(vec![PrivacyEvent::HoldReleased(said)]),
            PrivacyCommand::Erase(erasing) => self.erase(erasing),
        }
    }

    fn erase(self, erasing: Erasing) -> Result<Vec<PrivacyEvent>, CommandRefusal> {
        let Erasing { keys, retained_until, said, .. } = erasing;
        if self.held {
            return Err(CommandRefusal::LegalHold);
        }
        if let Some(until) = retained_until.filter(|until| *until > said.at) {
            return Err(CommandRefusal::RetentionRuns { until });
        }
        if keys.is_empty() {
            return Err(CommandRefusal::NothingToErase);
        }
        Ok(vec![PrivacyEvent::PersonalDataErased(Erased { keys, said })])
    }

    /// Takes an event in.
    pub const fn apply(&mut self, event: &PrivacyEvent) {
        match event {
            PrivacyEvent::HoldPlaced(_) => self.held = true,
            PrivacyEvent::HoldReleased(_) => self.held = false,
            PrivacyEvent::PersonalDataErased(_) => {}
        }
    }
}

impl PrivacyEvent {
    /// The name of the event in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HoldPlaced(_) => "HoldPlaced",
            Self::HoldReleased(_) => "HoldReleased",
            Self::PersonalDataErased(_) => "PersonalDataErased",
        }
    }

    /// Who did it, when and why.
    pub const fn said(&self) -> &Said {
        match self {
            Self::HoldPlaced(said) | Self::HoldReleased(said) => said,
            Self::PersonalDataErased(erased) => &erased.said,
        }
    }
}

impl DomainEvent for PrivacyEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        crate::event::VERSION.to_owned()
    }
}

impl Aggregate for Privacy {
    const TYPE: &'static str = TYPE;
    type Command = PrivacyCommand;
    type Event = PrivacyEvent;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(at: i64) -> Said {
        let at = Timestamp::from_second(at).unwrap();
        Said { reason: "they asked for it".to_owned(), actor: "ada".to_owned(), at }
    }

    fn erase(retained_until: i64, at: i64) -> PrivacyCommand {
        PrivacyCommand::Erase(Erasing {
            keys: vec!["k-1".to_owned()],
            secrets: Vec::new(),
            retained_until: Some(Timestamp::from_second(retained_until).unwrap()),
            said: said(at),
        })
    }

    fn after(events: &[PrivacyEvent]) -> Privacy {
        let mut privacy = Privacy::default();
        events.iter().for_each(|event| privacy.apply(event));
        privacy
    }

    #[test]
    fn nothing_is_erased_before_the_retention_has_ended() {
        let until = Timestamp::from_second(10).unwrap();
        let refused = Privacy::default().decide(erase(10, 9));
        assert_eq!(refused, Err(CommandRefusal::RetentionRuns { until }));
        let erased = Privacy::default().decide(erase(10, 10)).unwrap();
        assert_eq!(erased[0].name(), "PersonalDataErased");
    }

    #[test]
    fn a_hold_keeps_what_could_be_erased_until_it_is_released() {
        let held = after(&[PrivacyEvent::HoldPlaced(said(1))]);
        assert_eq!(held.decide(erase(10, 20)), Err(CommandRefusal::LegalHold));
        assert_eq!(held.decide(PrivacyCommand::Hold(said(2))), Err(CommandRefusal::AlreadyHeld));
        let events = [PrivacyEvent::HoldPlaced(said(1)), PrivacyEvent::HoldReleased(said(2))];
        assert!(after(&events).decide(erase(10, 20)).is_ok());
        let released = after(&events).decide(PrivacyCommand::Release(said(3)));
        assert_eq!(released, Err(CommandRefusal::NotHeld));
    }

    #[test]
    fn whoever_decides_says_why() {
        let unsaid = || Said { reason: " ".to_owned(), ..said(1) };
        for command in [PrivacyCommand::Hold(unsaid()), PrivacyCommand::Release(unsaid())] {
            assert_eq!(Privacy::default().decide(command), Err(CommandRefusal::ReasonMissing));
        }
    }

    #[test]
    fn what_has_no_key_is_not_erased_again() {
        let PrivacyCommand::Erase(erasing) = erase(0, 1) else { return };
        let none = PrivacyCommand::Erase(Erasing { keys: Vec::new(), ..erasing });
        assert_eq!(Privacy::default().decide(none), Err(CommandRefusal::NothingToErase));
    }
}
