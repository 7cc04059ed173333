//! What a lender says about a transaction.

use serde::{Deserialize, Serialize};

use super::lifecycle::Kind;
use crate::{
    Money,
    step::{Fact, Party},
};

/// One report about a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionFact {
    /// What happened, with its amount.
    pub report: Report,
    /// The lender's name of the customer.
    pub customer_id: String,
    /// The partner's name of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_customer_id: Option<String>,
    /// The card or account that was used.
    pub payment_method_id: String,
    /// The partner's order or intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_id: Option<String>,
    /// The code under which the lender authorized it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_code: Option<String>,
    /// The payment network's name of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_transaction_id: Option<String>,
    /// How the purchase was made, such as `CHIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_method: Option<String>,
    /// Where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<Merchant>,
}

/// What happened. The amount means something else in each, so each has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The authorized total.
    Approved(Money),
    /// The new authorized total, up or down; no difference.
    Updated(Money),
    /// The amount whose hold is gone.
    Voided(Money),
    /// This capture alone, not the sum so far.
    Captured(Money),
    /// This refund alone.
    Refunded(Money),
}

/// Where a purchase was made, in the lender's words. Empty fields are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The payment network's name of the merchant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_id: Option<String>,
    /// The merchant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The category in words; free text, so nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The merchant category code, four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_code: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country, as the lender writes it (`USA`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Report {
    /// The report of a kind with an amount.
    pub const fn new(kind: Kind, amount: Money) -> Self {
        match kind {
            Kind::Approve => Self::Approved(amount),
            Kind::Update => Self::Updated(amount),
            Kind::Void => Self::Voided(amount),
            Kind::Capture => Self::Captured(amount),
            Kind::Refund => Self::Refunded(amount),
        }
    }

    /// The kind of step.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Approved(_) => Kind::Approve,
            Self::Updated(_) => Kind::Update,
            Self::Voided(_) => Kind::Void,
            Self::Captured(_) => Kind::Capture,
            Self::Refunded(_) => Kind::Refund,
        }
    }

    /// The amount, whatever it means.
    pub const fn amount(self) -> Money {
        match self {
            Self::Approved(amount)
            | Self::Updated(amount)
            | Self::Voided(amount)
            | Self::Captured(amount)
            | Self::Refunded(amount) => amount,
        }
    }
}

impl Fact for TransactionFact {
    fn kind(&self) -> &'static str {
        self.report.kind().name()
    }

    fn event_type(&self) -> &'static str {
        match self.report {
            Report::Approved(_) => "TransactionApproved",
            Report::Updated(_) => "AuthorizationUpdated",
            Report::Voided(_) => "AuthorizationVoided",
            Report::Captured(_) => "Captured",
            Report::Refunded(_) => "Refunded",
        }
    }

    fn rank(&self) -> u8 {
        match self.report {
            Report::Approved(_) => 0,
            Report::Updated(_) => 1,
            Report::Captured(_) => 2,
            Report::Voided(_) => 3,
            Report::Refunded(_) => 4,
        }
    }

    fn amount(&self) -> Option<Money> {
        Some(self.report.amount())
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: Some(&self.customer_id),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }

    /// Among what moves a hold, or among what moves money: a void never becomes a purchase.
    fn conversions(&self) -> Vec<&'static str> {
        convertible(self.report.kind()).iter().map(|kind| kind.name()).collect()
    }

    fn convert(&self, to: &str) -> Option<Self> {
        let kind = convertible(self.report.kind()).iter().find(|kind| kind.name() == to)?;
        Some(Self { report: Report::new(*kind, self.report.amount()), ..self.clone() })
    }
}

const fn convertible(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Approve => &[Kind::Update, Kind::Void],
        Kind::Update => &[Kind::Approve, Kind::Void],
        Kind::Void => &[Kind::Approve, Kind::Update],
        Kind::Capture => &[Kind::Refund],
        Kind::Refund => &[Kind::Capture],
    }
}
