//! What is said about a charge.

use serde::{Deserialize, Serialize};

use super::{
    lifecycle::Kind,
    operation::{OperationKind, OperationState},
};
use crate::{
    Money,
    step::{Fact, Party},
};

/// One report about a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeFact {
    /// What happened, with its amount.
    pub report: Report,
    /// The partner's order (`merchantOrderId`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant_order_id: Option<String>,
    /// The lender's name of the customer (`consumerId`); only reconciliation names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The partner's name of the customer (`merchantConsumerId`), which may be null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_customer_id: Option<String>,
}

/// What happened. The amount means something else in each, so each has its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// postsale.authorize: the authorized amount.
    Authorized(Money),
    /// postsale.settle, postsale.refund and their updates.
    Operation(OperationReport),
    /// reconciliation.chargeback
    ChargedBack(Dispute),
    /// reconciliation.chargeback-reversal
    ChargebackReversed(Dispute),
    /// The partner voided what is not settled. The lender has no webhook of it.
    Voided {
        /// Why, in the partner's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Who.
        actor: String,
    },
    /// The charge belongs to an application, which the lender's webhooks of it do not name.
    Linked {
        /// The application.
        application_id: String,
        /// How it is known.
        how: Linkage,
        /// Who says so.
        actor: String,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A settle or a refund, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Which way the money goes.
    pub kind: OperationKind,
    /// In which of the two webhooks it came.
    pub form: Form,
    /// The lender's id of the operation; absent while the lender has not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lender_transaction_id: Option<String>,
    /// The amount of this operation alone.
    pub amount: Money,
    /// How far it has come.
    pub state: OperationState,
}

/// The two webhooks in which an operation is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// postsale.settle or postsale.refund: it was created, in whichever state.
    Created,
    /// postsale.settle-update or postsale.refund-update: its state changed.
    Updated,
}

/// A chargeback, or the reversal of one. The reversal does not name the chargeback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The lender's id of this chargeback, or of this reversal.
    pub transaction_id: String,
    /// The amount of it alone.
    pub amount: Money,
    /// The application to which the charge belongs, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
}

/// Who says to which application a charge belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Linkage {
    /// The partner, which created the charge with the application's confirmation.
    Partner,
    /// An operator.
    Operator,
}

impl OperationReport {
    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match (self.kind, self.form) {
            (OperationKind::Settle, Form::Created) => Kind::Settle,
            (OperationKind::Settle, Form::Updated) => Kind::SettleUpdate,
            (OperationKind::Refund, Form::Created) => Kind::Refund,
            (OperationKind::Refund, Form::Updated) => Kind::RefundUpdate,
        }
    }
}

impl Report {
    /// The kind of step.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Authorized(_) => Kind::Authorize,
            Self::Operation(report) => report.kind(),
            Self::ChargedBack(_) => Kind::Chargeback,
            Self::ChargebackReversed(_) => Kind::ChargebackReversal,
            Self::Voided { .. } => Kind::Void,
            Self::Linked { .. } => Kind::Link,
        }
    }

    /// The amount, whatever it means.
    pub const fn amount(&self) -> Option<Money> {
        match self {
            Self::Authorized(amount) => Some(*amount),
            Self::Operation(report) => Some(report.amount),
            Self::ChargedBack(dispute) | Self::ChargebackReversed(dispute) => Some(dispute.amount),
            Self::Voided { .. } | Self::Linked { .. } => None,
        }
    }

    /// The same, the other way; `None` for what has none.
    fn reversed(&self) -> Option<Self> {
        match self {
            Self::Operation(report) => Some(Self::Operation(OperationReport {
                kind: match report.kind {
                    OperationKind::Settle => OperationKind::Refund,
                    OperationKind::Refund => OperationKind::Settle,
                },
                ..report.clone()
            })),
            Self::ChargedBack(dispute) => Some(Self::ChargebackReversed(dispute.clone())),
            Self::ChargebackReversed(dispute) => Some(Self::ChargedBack(dispute.clone())),
            Self::Authorized(_) | Self::Voided { .. } | Self::Linked { .. } => None,
        }
    }
}

impl ChargeFact {
    /// The ids that are named, by which people look for the charge: not the customer's.
    pub fn ids(&self) -> Vec<&str> {
        let (own, application) = match &self.report {
            Report::Operation(report) => (report.lender_transaction_id.as_ref(), None),
            Report::ChargedBack(dispute) | Report::ChargebackReversed(dispute) => {
                (Some(&dispute.transaction_id), dispute.application_id.as_ref())
            }
            Report::Linked { application_id, .. } => (None, Some(application_id)),
            Report::Authorized(_) | Report::Voided { .. } => (None, None),
        };
        let ids = [own, application, self.merchant_order_id.as_ref()];
        ids.into_iter().flatten().map(String::as_str).collect()
    }
}

impl Fact for ChargeFact {
    fn details(&self) -> Vec<(&'static str, String)> {
        let mut details = Vec::new();
        match &self.report {
            Report::Authorized(_) => {}
            Report::Operation(report) => {
                details.push(("state", report.state.name().to_owned()));
                let id = report.lender_transaction_id.iter();
                details.extend(id.map(|id| ("lender_transaction_id", id.clone())));
            }
            Report::ChargedBack(dispute) | Report::ChargebackReversed(dispute) => {
                details.push(("transaction_id", dispute.transaction_id.clone()));
            }
            Report::Voided { reason, actor } => {
                details.push(("actor", actor.clone()));
                details.extend(reason.iter().map(|reason| ("reason", reason.clone())));
            }
            Report::Linked { application_id, actor, reason, .. } => {
                details.push(("application_id", application_id.clone()));
                details.push(("actor", actor.clone()));
                details.extend(reason.iter().map(|reason| ("reason", reason.clone())));
            }
        }
        details
    }

    fn kind(&self) -> &'static str {
        self.report.kind().name()
    }

    fn event_type(&self) -> &'static str {
        match &self.report {
            Report::Authorized(_) => "ChargeAuthorized",
            Report::Operation(report) => match report.form {
                Form::Created => "OperationCreated",
                Form::Updated => "OperationAdvanced",
            },
            Report::ChargedBack(_) => "ChargedBack",
            Report::ChargebackReversed(_) => "ChargebackReversed",
            Report::Voided { .. } => "ChargeVoided",
            Report::Linked { .. } => "ChargeLinked",
        }
    }

    /// By kind; reports of one kind and time by how far the operation has come.
    fn rank(&self) -> u8 {
        let state = match &self.report {
            Report::Operation(report) => report.state as u8,
            _ => 0,
        };
        self.report.kind() as u8 * OperationState::ALL.len() as u8 + state
    }

    fn amount(&self) -> Option<Money> {
        self.report.amount()
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: self.customer_id.as_deref(),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }

    /// Money that went one way may have gone the other; nothing else is ever taken for money.
    fn conversions(&self) -> Vec<&'static str> {
        self.report.reversed().iter().map(|report| report.kind().name()).collect()
    }

    fn convert(&self, to: &str) -> Option<Self> {
        let report = self.report.reversed().filter(|report| report.kind().name() == to)?;
        Some(Self { report, ..self.clone() })
    }
}
