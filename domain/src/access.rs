//! Who did what that leaves no trace in the log of a source: signed in, exported, had calls verified.
//! It stands in a log of its own.

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Policies, refusal::CommandRefusal};

/// The aggregate type in the log.
pub const TYPE: &str = "access";

/// The aggregate: one for each caller, by name. It remembers nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access;

/// What a caller did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// Signed in to the dashboard.
    SignedIn,
    /// Took rows of a list away.
    Exported,
    /// Had the evidence of one thing written, with what its deliveries carried.
    ProofMade,
    /// Had calls that were turned away verified again.
    CallsVerified,
    /// Placed a legal hold on a person's data.
    HoldPlaced,
    /// Released it.
    HoldReleased,
    /// Erased a person's data.
    Erased,
    /// Made an endpoint.
    EndpointCreated,
    /// Gave one other settings.
    EndpointReplaced,
    /// Deleted one.
    EndpointDeleted,
    /// Had nothing more sent to an endpoint.
    EndpointPaused,
    /// Had an endpoint sent to again.
    EndpointResumed,
    /// Called an endpoint to see what it answers.
    EndpointTested,
    /// Had notifications sent again.
    NotificationsResent,
    /// Had a notification skipped.
    NotificationSkipped,
    /// Started the service with other settings than before.
    SettingsChanged,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::SignedIn,
        Self::Exported,
        Self::ProofMade,
        Self::CallsVerified,
        Self::HoldPlaced,
        Self::HoldReleased,
        Self::Erased,
        Self::EndpointCreated,
        Self::EndpointReplaced,
        Self::EndpointDeleted,
        Self::EndpointPaused,
        Self::EndpointResumed,
        Self::EndpointTested,
        Self::NotificationsResent,
        Self::NotificationSkipped,
        Self::SettingsChanged,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Exported => "exported",
            Self::ProofMade => "proof_made",
            Self::CallsVerified => "calls_verified",
            Self::HoldPlaced => "hold_placed",
            Self::HoldReleased => "hold_released",
            Self::Erased => "erased",
            Self::EndpointCreated => "endpoint_created",
            Self::EndpointReplaced => "endpoint_replaced",
            Self::EndpointDeleted => "endpoint_deleted",
            Self::EndpointPaused => "endpoint_paused",
            Self::EndpointResumed => "endpoint_resumed",
            Self::EndpointTested => "endpoint_tested",
            Self::NotificationsResent => "notifications_resent",
            Self::NotificationSkipped => "notification_skipped",
            Self::SettingsChanged => "settings_changed",
        }
    }

    /// Whether it needs a reason.
    const fn needs_reason(self) -> bool {
        !matches!(self, Self::SignedIn)
    }
}

/// What it records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessEvent {
    /// A caller did something.
    AccessRecorded(AccessRecord),
}

/// What a caller did, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRecord {
    /// What.
    pub act: Act,
    /// Who.
    pub actor: String,
    /// With what: the source, list, filters, counts. No secret.
    pub about: String,
    /// Why; empty for a sign-in.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// All settings that are in force from then on, by their paths; of a secret what tells it from
    /// another. Of [`Act::SettingsChanged`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, String>>,
}

impl Access {
    /// Decides what an access leads to.
    ///
    /// # Errors
    /// [`CommandRefusal::ReasonMissing`].
    pub fn decide(self, record: AccessRecord) -> Result<Vec<AccessEvent>, CommandRefusal> {
        if record.act.needs_reason() && record.reason.trim().is_empty() {
            return Err(CommandRefusal::ReasonMissing);
        }
        Ok(vec![AccessEvent::AccessRecorded(record)])
    }
}

impl AccessEvent {
    /// The name of the event in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AccessRecorded(_) => "AccessRecorded",
        }
    }
}

impl DomainEvent for AccessEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        crate::event::VERSION.to_owned()
    }
}

impl Aggregate for Access {
    const TYPE: &'static str = TYPE;
    type Command = AccessRecord;
    type Event = AccessEvent;
    type Error = CommandRefusal;
    type Services = Policies;

    async fn handle(
        &mut self,
        record: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(record)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_something_away_says_why() {
        for act in Act::ALL {
            let record = |reason: &str| AccessRecord {
                act,
                actor: "ada".to_owned(),
                about: String::new(),
                reason: reason.to_owned(),
                at: Timestamp::UNIX_EPOCH,
                settings: None,
            };
            let unsaid = Access.decide(record(" "));
            assert_eq!(unsaid.is_ok(), act == Act::SignedIn, "{}", act.name());
            assert!(Access.decide(record("the audit")).is_ok());
        }
    }
}
