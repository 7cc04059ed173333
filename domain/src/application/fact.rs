//! What is said about applications.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{action::ActionKind, decisions::Kind, lenders, onboarding};
use crate::{
    Money,
    step::{Fact, Party, StepId},
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
    /// Of an application that is assessed, signed and completed.
    Onboarding(onboarding::Statement),
    /// Of an application that is offered to several lenders.
    Lenders(lenders::Statement),
    /// The partner has done what there was to do.
    ActionDone {
        /// What it was.
        action: ActionKind,
        /// The step that asked for it.
        opened_by: StepId,
        /// Who did it.
        actor: String,
        /// What else there is to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The applicant was told of a decision, as the law asks for. It counts always: that it was sent
    /// stays true, whatever is reported of the decision later.
    NoticeSent {
        /// The step that decided.
        about: StepId,
        /// The application, where the stream holds several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        application_id: Option<Uuid>,
        /// Who says so.
        actor: String,
        /// How it is known.
        reason: String,
    },
}

/// The kind of the step that says that a notice was sent.
pub const SEND_NOTICE: &str = "send_notice";

/// The kind of the step that says that an action was done.
pub const CLOSE_ACTION: &str = "close_action";

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
    /// The id under which the statement knows the application, where the stream holds several.
    pub const fn application_id(&self) -> Option<Uuid> {
        match self {
            Self::Started { application_id }
            | Self::Decided { application_id, .. }
            | Self::Reported { application_id, .. } => Some(*application_id),
            Self::NoticeSent { application_id, .. } => *application_id,
            Self::Onboarding(_) | Self::Lenders(_) | Self::ActionDone { .. } => None,
        }
    }
}

impl ApplicationFact {
    /// What the statement asks somebody to do, if it counts.
    pub const fn asks_for(&self) -> Option<ActionKind> {
        match &self.statement {
            Statement::Onboarding(said) => said.asks_for(),
            Statement::Lenders(said) => said.asks_for(),
            _ => None,
        }
    }

    /// The ids that are named, by which people look for the application: not the customer's.
    pub fn ids(&self) -> Vec<&str> {
        let ids: Vec<Option<&String>> = match &self.statement {
            Statement::Onboarding(onboarding::Statement::Completed { engagement_id }) => {
                vec![Some(engagement_id)]
            }
            Statement::Lenders(lenders::Statement::Submitted { merchant_order_id }) => {
                vec![merchant_order_id.as_ref()]
            }
            Statement::Lenders(lenders::Statement::ChargeCreated { charge_id }) => {
                vec![Some(charge_id)]
            }
            Statement::Lenders(lenders::Statement::Started { link_id }) => vec![link_id.as_ref()],
            Statement::Lenders(lenders::Statement::Reported(said)) => {
                [&said.lender_reference_id, &said.loan_id, &said.link_id].map(Option::as_ref).into()
            }
            _ => Vec::new(),
        };
        ids.into_iter().flatten().map(String::as_str).collect()
    }
}

impl Fact for ApplicationFact {
    fn kind(&self) -> &'static str {
        match &self.statement {
            Statement::Onboarding(said) => said.kind().name(),
            Statement::Lenders(said) => said.kind().name(),
            Statement::NoticeSent { .. } => SEND_NOTICE,
            said => Kind::of(said).map_or(CLOSE_ACTION, Kind::name),
        }
    }

    fn event_type(&self) -> &'static str {
        match &self.statement {
            Statement::Started { .. } => "ApplicationStarted",
            Statement::Decided { decision: Decision::Accepted, .. } => "ApplicationAccepted",
            Statement::Decided { decision: Decision::Rejected, .. } => "ApplicationRejected",
            Statement::Reported { .. } => "ClientReported",
            Statement::Onboarding(said) => said.event_type(),
            Statement::Lenders(said) => said.event_type(),
            Statement::ActionDone { .. } => "ActionDone",
            Statement::NoticeSent { .. } => "NoticeSent",
        }
    }

    /// An acceptance before a rejection of the same instant: only the former is called terminal.
    fn rank(&self) -> u8 {
        match &self.statement {
            Statement::Started { .. } => 0,
            Statement::Reported { .. } => 1,
            Statement::Decided { decision: Decision::Accepted, .. } => 2,
            Statement::Decided { decision: Decision::Rejected, .. } => 3,
            Statement::Onboarding(said) => said.kind() as u8,
            Statement::Lenders(said) => said.kind() as u8,
            Statement::ActionDone { .. } | Statement::NoticeSent { .. } => u8::MAX,
        }
    }

    fn amount(&self) -> Option<Money> {
        match &self.statement {
            Statement::Lenders(said) => said.amount(),
            _ => None,
        }
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: self.customer_id.as_deref(),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }

    fn names_customer(&self) -> bool {
        let of_lender = match &self.statement {
            Statement::Lenders(lenders::Statement::Reported(said)) => {
                let ids = [&said.lender_reference_id, &said.loan_id, &said.link_id];
                ids.into_iter().any(Option::is_some)
            }
            _ => false,
        };
        of_lender || self.customer_id.is_some() || self.partner_customer_id.is_some()
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        match &self.statement {
            Statement::Onboarding(said) => said.details(),
            Statement::Lenders(said) => said.details(),
            Statement::ActionDone { action, actor, note, .. } => {
                let note = note.iter().map(|note| ("note", note.clone()));
                let done = [("action", action.name().to_owned()), ("actor", actor.clone())];
                done.into_iter().chain(note).collect()
            }
            Statement::NoticeSent { actor, reason, .. } => {
                vec![("actor", actor.clone()), ("reason", reason.clone())]
            }
            Statement::Reported { report, .. } => {
                let code = report.error_code.iter().map(|code| ("error_code", code.clone()));
                [("result", report.result.name().to_owned())].into_iter().chain(code).collect()
            }
            Statement::Started { .. } | Statement::Decided { .. } => Vec::new(),
        }
    }

    fn subject_id(&self) -> Option<String> {
        self.statement.application_id().map(|id| id.to_string())
    }
}
