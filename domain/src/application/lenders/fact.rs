//! What is said about an application that is offered to several lenders.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lifecycle::Kind;
use crate::{Money, application::ActionKind};

/// A statement about the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// The partner registered it.
    Submitted {
        /// The partner's order that the customer wants to finance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merchant_order_id: Option<String>,
    },
    /// application.created: a session began.
    Started {
        /// The link by which the application was created.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link_id: Option<String>,
    },
    /// A lender reported.
    Reported(LenderReport),
    /// The partner created a charge with a confirmation of the application.
    ChargeCreated {
        /// The charge.
        charge_id: String,
    },
}

/// What a lender reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LenderReport {
    /// The lender.
    pub lender_id: String,
    /// What it reported.
    pub report: Report,
    /// In which of the two forms of webhook it came.
    pub form: Form,
    /// The lender's id of the loan or account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lender_reference_id: Option<String>,
    /// The id of the request for financing that was sent to the lender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loan_id: Option<String>,
    /// The link by which the application was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_id: Option<String>,
}

/// The two forms in which the same is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `application.*`
    Application,
    /// `account.*`, which is deprecated and tells more of who the customer is.
    Account,
}

/// What a lender can report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Prequalified for an amount.
    Prequalified(Money),
    /// The lender reviews; why, if it says so.
    Reviewing(Option<String>),
    /// The customer has to do something; what, if it says so.
    ConsumerRequired(Option<String>),
    /// The merchant has to do something; what, if it says so.
    MerchantRequired(Option<String>),
    /// Approved for an amount.
    Approved(Money),
    /// Declined. No reason is ever given.
    Declined,
    /// Cancelled by the lender.
    Cancelled,
    /// The customer confirmed.
    Confirmed(Confirmation),
}

/// A customer's confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The amount for which it is approved.
    pub amount: Money,
    /// The reference of the token with which a charge can be created, which is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Uuid>,
    /// What was confirmed, as far as the event's name tells: the documents print the name of the
    /// one for the other, so it decides nothing.
    pub flow: Flow,
}

/// What was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// application.apply-confirmed
    Apply,
    /// application.checkout-confirmed, the name that apply-confirmed is printed with too.
    Checkout,
}

impl Report {
    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Prequalified(_) => Kind::Prequalify,
            Self::Reviewing(_) => Kind::Review,
            Self::ConsumerRequired(_) => Kind::RequireConsumer,
            Self::MerchantRequired(_) => Kind::RequireMerchant,
            Self::Approved(_) => Kind::Approve,
            Self::Declined => Kind::Decline,
            Self::Cancelled => Kind::Cancel,
            Self::Confirmed(_) => Kind::Confirm,
        }
    }

    /// The amount, if one is named.
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Prequalified(amount) | Self::Approved(amount) => Some(*amount),
            Self::Confirmed(confirmation) => Some(confirmation.amount),
            Self::Reviewing(_)
            | Self::ConsumerRequired(_)
            | Self::MerchantRequired(_)
            | Self::Declined
            | Self::Cancelled => None,
        }
    }

    /// Why, if it says so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Reviewing(reason)
            | Self::ConsumerRequired(reason)
            | Self::MerchantRequired(reason) => reason.as_deref(),
            _ => None,
        }
    }
}

impl Statement {
    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Submitted { .. } => Kind::Submit,
            Self::Started { .. } => Kind::Start,
            Self::Reported(report) => report.report.kind(),
            Self::ChargeCreated { .. } => Kind::CreateCharge,
        }
    }

    /// What tells it from another of its kind.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Submitted { merchant_order_id } => {
                merchant_order_id.iter().map(|order| ("merchant_order_id", order.clone())).collect()
            }
            Self::Started { link_id } => {
                link_id.iter().map(|link| ("link_id", link.clone())).collect()
            }
            Self::ChargeCreated { charge_id } => vec![("charge_id", charge_id.clone())],
            Self::Reported(said) => {
                let reason = said.report.reason().map(|reason| ("reason", reason.to_owned()));
                let lender = [("lender_id", said.lender_id.clone())];
                lender.into_iter().chain(reason).collect()
            }
        }
    }

    /// What it asks somebody to do.
    pub const fn asks_for(&self) -> Option<ActionKind> {
        let Self::Reported(LenderReport { report, .. }) = self else { return None };
        match report {
            Report::ConsumerRequired(_) => Some(ActionKind::ConsumerAction),
            Report::MerchantRequired(_) => Some(ActionKind::MerchantAction),
            Report::Confirmed(_) => Some(ActionKind::CreateCharge),
            _ => None,
        }
    }

    /// The name of the event when it is applied.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "ApplicationSubmitted",
            Self::Started { .. } => "ApplicationStarted",
            Self::ChargeCreated { .. } => "ChargeCreated",
            Self::Reported(report) => match report.report {
                Report::Prequalified(_) => "LenderPrequalified",
                Report::Reviewing(_) => "LenderReviewing",
                Report::ConsumerRequired(_) => "ConsumerActionRequired",
                Report::MerchantRequired(_) => "MerchantActionRequired",
                Report::Approved(_) => "LenderApproved",
                Report::Declined => "LenderDeclined",
                Report::Cancelled => "LenderCancelled",
                Report::Confirmed(_) => "ApplicationConfirmed",
            },
        }
    }

    /// The amount, if one is named.
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Reported(report) => report.report.amount(),
            Self::Submitted { .. } | Self::Started { .. } | Self::ChargeCreated { .. } => None,
        }
    }
}
