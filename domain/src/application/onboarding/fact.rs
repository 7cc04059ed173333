//! What is said about an application that is assessed, signed and completed.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lifecycle::Kind;
use crate::application::ActionKind;

/// A statement about the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// The partner handed the application in.
    Submitted,
    /// SIGNING_SESSION_CREATED: approved, and ready to be signed.
    SigningOpened {
        /// The reference of the signing URL, which is a secret.
        url: Uuid,
    },
    /// SIGNING_SESSION_COMPLETED: signed.
    SigningCompleted,
    /// ONBOARDING_COMPLETED.
    Completed {
        /// The lender's id of what has been agreed.
        engagement_id: String,
    },
    /// ONBOARDING_REJECTED: declined in the assessment.
    Rejected {
        /// Why.
        reason: RejectReason,
    },
    /// ONBOARDING_FAILED: something went wrong.
    Failed {
        /// What.
        code: FailureCode,
    },
}

/// Why an application was declined. Source: the provider's page, "Rejection Reasons".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Failed identity verification or sanctions screening.
    KycDenial,
    /// Failed business verification.
    KybDenial,
    /// Insufficient creditworthiness.
    CreditScoringDenial,
    /// The individual may not sign for the business.
    UnauthorizedSignatory,
    /// The documents are invalid or insufficient.
    InvalidDocuments,
    /// A reason that the page does not list.
    Other(String),
}

/// What went wrong. Source: the provider's page, "Failure Codes".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// An error of the lender's system.
    InternalError,
    /// The address is not that of the official records.
    AddressMismatch,
    /// The name is not that of the official records.
    NameMismatch,
    /// The identity could not be verified.
    IdVerificationFailed,
    /// The process took too long.
    Timeout,
    /// A code that the page does not list.
    Other(String),
}

/// What kind of ground a reason or a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The lender does not want to.
    Decline,
    /// Documents are missing or wrong.
    Document,
    /// Data is wrong and can be corrected.
    Correctable,
    /// Something broke.
    Technical,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Decline, Self::Document, Self::Correctable, Self::Technical];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decline => "decline",
            Self::Document => "document",
            Self::Correctable => "correctable",
            Self::Technical => "technical",
        }
    }
}

impl RejectReason {
    /// Those that the page lists.
    pub const ALL: [Self; 5] = [
        Self::KycDenial,
        Self::KybDenial,
        Self::CreditScoringDenial,
        Self::UnauthorizedSignatory,
        Self::InvalidDocuments,
    ];

    /// The reason of the lender's word.
    pub fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|reason| reason.code() == word);
        known.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// The lender's word.
    pub fn code(&self) -> &str {
        match self {
            Self::KycDenial => "KYC_DENIAL",
            Self::KybDenial => "KYB_DENIAL",
            Self::CreditScoringDenial => "CREDIT_SCORING_DENIAL",
            Self::UnauthorizedSignatory => "UNAUTHORIZED_SIGNATORY",
            Self::InvalidDocuments => "INVALID_DOCUMENTS",
            Self::Other(word) => word,
        }
    }

    /// What kind of ground it is.
    pub const fn class(&self) -> Class {
        match self {
            Self::UnauthorizedSignatory | Self::InvalidDocuments => Class::Document,
            Self::KycDenial | Self::KybDenial | Self::CreditScoringDenial | Self::Other(_) => {
                Class::Decline
            }
        }
    }

    /// What the customer can do, in the lender's words.
    pub const fn customer_action(&self) -> &'static str {
        match self {
            Self::KycDenial => "Contact support, provide additional documentation",
            Self::KybDenial => "Contact support for business verification issues",
            Self::CreditScoringDenial => "Can reapply after 3 months",
            Self::UnauthorizedSignatory => "Provide proof of signatory authorization",
            Self::InvalidDocuments => "Re-upload valid documents",
            Self::Other(_) => "Contact support",
        }
    }

    /// The same as an action.
    pub const fn action(&self) -> ActionKind {
        match self {
            Self::KycDenial | Self::UnauthorizedSignatory | Self::InvalidDocuments => {
                ActionKind::ProvideDocuments
            }
            Self::CreditScoringDenial => ActionKind::Reapply,
            Self::KybDenial | Self::Other(_) => ActionKind::ContactSupport,
        }
    }

    /// The first day on which the customer may apply again after a denial for the credit scoring:
    /// three calendar months later in UTC, at the end of a shorter month its last day.
    pub fn reapply_after(&self, decided_at: Timestamp) -> Option<Date> {
        if *self != Self::CreditScoringDenial {
            return None;
        }
        decided_at.to_zoned(TimeZone::UTC).date().checked_add(3.months()).ok()
    }
}

impl FailureCode {
    /// Those that the page lists.
    pub const ALL: [Self; 5] = [
        Self::InternalError,
        Self::AddressMismatch,
        Self::NameMismatch,
        Self::IdVerificationFailed,
        Self::Timeout,
    ];

    /// The code of the lender's word.
    pub fn of(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|code| code.code() == word);
        known.unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// The lender's word.
    pub fn code(&self) -> &str {
        match self {
            Self::InternalError => "INTERNAL_ERROR",
            Self::AddressMismatch => "ADDRESS_MISMATCH",
            Self::NameMismatch => "NAME_MISMATCH",
            Self::IdVerificationFailed => "ID_VERIFICATION_FAILED",
            Self::Timeout => "TIMEOUT",
            Self::Other(word) => word,
        }
    }

    /// What kind of ground it is.
    pub const fn class(&self) -> Class {
        match self {
            Self::InternalError | Self::Timeout | Self::Other(_) => Class::Technical,
            Self::AddressMismatch | Self::NameMismatch => Class::Correctable,
            Self::IdVerificationFailed => Class::Document,
        }
    }

    /// How it is resolved, in the lender's words.
    pub const fn customer_action(&self) -> &'static str {
        match self {
            Self::InternalError => "Contact support, retry after resolution",
            Self::AddressMismatch => "Update application with correct address",
            Self::NameMismatch => "Verify spelling, provide correct legal name",
            Self::IdVerificationFailed => "Provide additional documentation",
            Self::Timeout => "Retry application",
            Self::Other(_) => "Contact support",
        }
    }

    /// The same as an action.
    pub const fn action(&self) -> ActionKind {
        match self {
            Self::InternalError | Self::Timeout => ActionKind::RetryApplication,
            Self::AddressMismatch | Self::NameMismatch => ActionKind::CorrectData,
            Self::IdVerificationFailed => ActionKind::ProvideDocuments,
            Self::Other(_) => ActionKind::ContactSupport,
        }
    }
}

impl Statement {
    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Submitted => Kind::Submit,
            Self::SigningOpened { .. } => Kind::OpenSigning,
            Self::SigningCompleted => Kind::CompleteSigning,
            Self::Completed { .. } => Kind::CompleteOnboarding,
            Self::Rejected { .. } => Kind::RejectOnboarding,
            Self::Failed { .. } => Kind::FailOnboarding,
        }
    }

    /// What tells it from another of its kind.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Submitted | Self::SigningOpened { .. } | Self::SigningCompleted => Vec::new(),
            Self::Completed { engagement_id } => vec![("engagement_id", engagement_id.clone())],
            Self::Rejected { reason } => vec![("reason", reason.code().to_owned())],
            Self::Failed { code } => vec![("reason", code.code().to_owned())],
        }
    }

    /// What it asks somebody to do.
    pub const fn asks_for(&self) -> Option<ActionKind> {
        match self {
            Self::Submitted => None,
            Self::SigningOpened { .. } => Some(ActionKind::RedirectToSigning),
            Self::SigningCompleted => Some(ActionKind::InitiateCardCreation),
            Self::Completed { .. } => Some(ActionKind::StoreEngagementId),
            Self::Rejected { reason } => Some(reason.action()),
            Self::Failed { code } => Some(code.action()),
        }
    }

    /// The name of the event when it is applied.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Submitted => "ApplicationSubmitted",
            Self::SigningOpened { .. } => "SigningOpened",
            Self::SigningCompleted => "SigningCompleted",
            Self::Completed { .. } => "OnboardingCompleted",
            Self::Rejected { .. } => "OnboardingRejected",
            Self::Failed { .. } => "OnboardingFailed",
        }
    }
}
