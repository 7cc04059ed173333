//! What is said about an applicant's applications.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lifecycle::Kind;
use crate::{
    Money,
    step::{Fact, Party},
};

/// One statement about an application, with the names of the applicant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationFact {
    /// What is said.
    pub statement: Statement,
    /// The lender's name of the customer; absent while no profile exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The partner's name of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_customer_id: Option<String>,
}

/// What is said about an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// The partner began a session in which the customer applies.
    Started {
        /// The application's id, derived from the session.
        application_id: Uuid,
    },
    /// The lender decided.
    Decided {
        /// What it decided.
        decision: Decision,
        /// The application's id, derived from its creation time; an alias if a session is known.
        application_id: Uuid,
        /// The lender's creation time of the application, which tells applications of one
        /// applicant apart; the time of the decision if it cannot be read.
        created_at: Timestamp,
    },
    /// The SDK reported the end of a session in the customer's browser.
    Reported {
        /// The application's id, by session or by creation time.
        application_id: Uuid,
        /// What it reported.
        report: ClientReport,
    },
}

/// A lender's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// OFFER_ACCEPTED: approved, and the customer accepted.
    Accepted,
    /// REJECTED.
    Rejected,
}

/// What the SDK said in the browser. Never a decision, and there is no way to make it one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientReport {
    /// The SDK's result.
    pub result: ClientResult,
    /// The partner's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The SDK's code of a rejection or an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// The SDK's result.
///
/// Source: Imprint, "SDK result vs. event notification".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientResult {
    /// OFFER_ACCEPTED
    Accepted,
    /// REJECTED
    Rejected,
    /// IN_PROGRESS, and ABANDONED of older SDKs: left before finishing.
    InProgress,
    /// ERROR: the session could not be launched.
    Error,
    /// A result that the documents do not list.
    Other(String),
}

impl ClientResult {
    /// The result of the SDK's word.
    pub fn of(word: &str) -> Self {
        match word {
            "OFFER_ACCEPTED" => Self::Accepted,
            "REJECTED" => Self::Rejected,
            "IN_PROGRESS" | "ABANDONED" => Self::InProgress,
            "ERROR" => Self::Error,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::InProgress => "in_progress",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }
}

impl Statement {
    /// The id under which the statement knows the application.
    pub const fn application_id(&self) -> Uuid {
        match self {
            Self::Started { application_id }
            | Self::Decided { application_id, .. }
            | Self::Reported { application_id, .. } => *application_id,
        }
    }

    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Started { .. } => Kind::Start,
            Self::Decided { decision: Decision::Accepted, .. } => Kind::Accept,
            Self::Decided { decision: Decision::Rejected, .. } => Kind::Reject,
            Self::Reported { .. } => Kind::Report,
        }
    }
}

impl Fact for ApplicationFact {
    fn kind(&self) -> &'static str {
        self.statement.kind().name()
    }

    fn event_type(&self) -> &'static str {
        match self.statement.kind() {
            Kind::Start => "ApplicationStarted",
            Kind::Accept => "ApplicationAccepted",
            Kind::Reject => "ApplicationRejected",
            Kind::Report => "ClientReported",
        }
    }

    /// An acceptance before a rejection of the same instant: only the former is called terminal.
    fn rank(&self) -> u8 {
        match self.statement.kind() {
            Kind::Start => 0,
            Kind::Report => 1,
            Kind::Accept => 2,
            Kind::Reject => 3,
        }
    }

    fn amount(&self) -> Option<Money> {
        None
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: self.customer_id.as_deref(),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }

    fn subject_id(&self) -> Option<String> {
        Some(self.statement.application_id().to_string())
    }

    fn convert(&self, _: &str) -> Result<Self, Vec<&'static str>> {
        Err(Vec::new())
    }
}
