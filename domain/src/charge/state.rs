//! What the steps of a charge amount to: sums, never a status that is overwritten.

use jiff::Timestamp;

use super::{
    chargeback::{Chargeback, Chargebacks},
    fact::OperationReport,
    identity::Identity,
    lifecycle::{Kind, Situation, Status, row},
    operation::{
        Operation,
        OperationKind::{self, Refund, Settle},
        OperationState,
    },
    pairing::Pairing,
};
use crate::{
    Currency, Money,
    step::{Party, StepId},
};

/// What the steps of a charge amount to.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(super) identity: Identity,
    pub(super) pairing: Pairing,
    /// What the first authorization says, even if it is dated later than what is judged.
    pub(super) announced: Option<i64>,
    pub(super) authorized: Option<i64>,
    pub(super) authorized_by: Option<StepId>,
    pub(super) operations: Vec<Operation>,
    pub(super) chargebacks: Chargebacks,
    pub(super) voided_at: Option<Timestamp>,
    pub(super) link: Option<Link>,
    pub(super) merchant_order_id: Option<String>,
}

/// To which application a charge belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The application.
    pub application_id: String,
    /// How it is known.
    pub how: LinkedBy,
}

/// How it is known to which application a charge belongs. A later one outweighs an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkedBy {
    /// A chargeback or a reversal names both.
    Reconciliation,
    /// The partner created the charge for the application.
    Partner,
    /// An operator said so.
    Operator,
}

impl LinkedBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reconciliation, Self::Partner, Self::Operator];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reconciliation => "reconciliation",
            Self::Partner => "partner",
            Self::Operator => "operator",
        }
    }
}

/// A sum as it is shown: what is too large to be counted is shown as the largest number.
fn shown(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

impl State {
    /// Where the charge stands, by completed operations and open chargebacks.
    pub fn status(&self) -> Status {
        let (settled, refunded) = (self.sum_completed(Settle), self.sum_completed(Refund));
        let open = self.chargebacks.open();
        if open > 0 && open >= settled - refunded {
            return Status::ChargedBack;
        }
        if settled == 0 {
            return match (self.voided_at, self.authorized) {
                (Some(_), _) => Status::Voided,
                (None, Some(_)) => Status::Authorized,
                (None, None) => Status::Unknown,
            };
        }
        let in_full = settled >= i128::from(self.authorized.unwrap_or(0));
        match (in_full, refunded) {
            (true, 0) => Status::Settled,
            (true, _) if refunded < settled => Status::SettledPartiallyRefunded,
            (true, _) => Status::Refunded,
            (false, 0) => Status::PartiallySettled,
            (false, _) if refunded < settled => Status::PartiallySettledPartiallyRefunded,
            (false, _) => Status::PartiallySettledRefunded,
        }
    }

    /// The situation in which a further step would be judged, but for open chargebacks.
    pub fn situation(&self) -> Situation {
        self.situation_if(self.authorized)
    }

    pub(super) fn situation_if(&self, authorized: Option<i64>) -> Situation {
        let settles = self.sum_counted(Settle);
        let refunded = self.sum_completed(Refund);
        match (self.voided_at, authorized) {
            (Some(_), _) if settles == 0 => Situation::Voided,
            (Some(_), _) => Situation::RemainderVoided,
            (None, None) => Situation::Unknown,
            (None, Some(_)) if settles == 0 => Situation::Authorized,
            (None, Some(total)) if settles < i128::from(total) => Situation::PartiallySettled,
            (None, Some(_)) if refunded < settles => Situation::Settled,
            (None, Some(_)) => Situation::Refunded,
        }
    }

    /// The authorized amount, as it was before a void; `None` while no authorization is known.
    pub fn authorized(&self) -> Option<Money> {
        let (minor, currency) = self.authorized.zip(self.currency())?;
        Some(Money { minor, currency })
    }

    /// The settles and refunds, in the order in which each was first reported to have happened.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The chargebacks, oldest first, each with what of it is reversed.
    pub fn chargebacks(&self) -> &[Chargeback] {
        &self.chargebacks.known
    }

    /// When it was voided.
    pub const fn voided_at(&self) -> Option<Timestamp> {
        self.voided_at
    }

    /// To which application it belongs, as far as that is known.
    pub const fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// The partner's order, by the first step that names it.
    pub fn merchant_order_id(&self) -> Option<&str> {
        self.merchant_order_id.as_deref()
    }

    /// The currency of all amounts; `None` before the first step that has one.
    pub const fn currency(&self) -> Option<Currency> {
        self.identity.currency
    }

    /// Whom it is about, by all that was said.
    pub fn party(&self) -> Party<'_> {
        self.identity.party()
    }

    /// Σ completed settles, in minor units.
    pub fn settled(&self) -> i64 {
        shown(self.sum_completed(Settle))
    }

    /// Σ completed refunds, in minor units.
    pub fn refunded(&self) -> i64 {
        shown(self.sum_completed(Refund))
    }

    /// Σ chargebacks, in minor units, reversed or not.
    pub fn charged_back(&self) -> i64 {
        shown(self.chargebacks.total())
    }

    /// Σ of what of the chargebacks is reversed, in minor units. At most [`Self::charged_back`].
    pub fn chargebacks_reversed(&self) -> i64 {
        shown(self.chargebacks.reversed())
    }

    /// What can still be settled, in minor units.
    ///
    /// `max(0, authorized − Σ settles that have not failed)`, and 0 once voided or without an
    /// authorization. Source: DOMAIN 3.6.
    pub fn open_to_settle(&self) -> i64 {
        let authorized = self.authorized.filter(|_| self.voided_at.is_none()).unwrap_or(0);
        shown((i128::from(authorized) - self.sum_counted(Settle)).max(0))
    }

    /// What can still be refunded, in minor units.
    ///
    /// `max(0, Σ completed settles − Σ refunds that have not failed − open chargebacks)`.
    /// Source: DOMAIN 3.6.
    pub fn refundable(&self) -> i64 {
        let room = self.sum_completed(Settle) - self.sum_counted(Refund) - self.chargebacks.open();
        shown(room.max(0))
    }

    /// What the merchant has of it, in minor units. May be negative.
    ///
    /// `completed settles − completed refunds − (chargebacks − what of them is reversed)`.
    /// Source: DOMAIN 3.6.
    pub fn net_to_merchant(&self) -> i64 {
        let operations = self.sum_completed(Settle) - self.sum_completed(Refund);
        shown(operations - self.chargebacks.open())
    }

    /// The kinds of step that are in order now: what the status makes possible and the amounts
    /// leave room for. While a chargeback is open there is none.
    pub fn legal_next(&self) -> Vec<&'static str> {
        let has_room = |kind: Kind| match kind {
            Kind::Authorize => true,
            Kind::Refund => self.refundable() > 0,
            _ => row(self.situation(), kind).is_in_order(),
        };
        let is_legal = |kind: &&Kind| self.chargebacks.open() == 0 && has_room(**kind);
        self.status().possible().iter().filter(is_legal).map(|kind| kind.name()).collect()
    }

    fn sum(&self, kind: OperationKind, is_meant: fn(&Operation) -> bool) -> i128 {
        let meant = self.operations.iter().filter(|it| it.kind == kind && is_meant(it));
        meant.map(|operation| i128::from(operation.amount.minor)).sum()
    }

    /// What is money.
    pub(super) fn sum_completed(&self, kind: OperationKind) -> i128 {
        self.sum(kind, |operation| operation.state == OperationState::Completed)
    }

    /// What takes up room.
    pub(super) fn sum_counted(&self, kind: OperationKind) -> i128 {
        self.sum(kind, Operation::counts)
    }

    /// The operation that a report names.
    pub(super) fn operation_of(&self, report: &OperationReport) -> Option<&Operation> {
        let id = report.lender_transaction_id.as_ref()?;
        let is_it = |it: &&Operation| {
            it.kind == report.kind && it.lender_transaction_id.as_ref() == Some(id)
        };
        self.operations.iter().find(is_it)
    }

    pub(super) fn take_link(&mut self, application_id: &str, how: LinkedBy) {
        if self.link.as_ref().is_none_or(|known| known.how < how) {
            self.link = Some(Link { application_id: application_id.to_owned(), how });
        }
    }
}
