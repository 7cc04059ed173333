//! What Imprint tells about one transaction, and what its totals should be.

use super::{History, Told};
use crate::{
    Currency, Money,
    transaction::{Kind, Merchant, Report, Status, TransactionFact},
};

fn told(kind: Kind, minor: i64) -> Told<TransactionFact> {
    Told::new(TransactionFact {
        report: Report::new(kind, Money { minor, currency: currency("USD") }),
        customer_id: "customer-1".to_owned(),
        partner_customer_id: None,
        payment_method_id: "card-1".to_owned(),
        intent_id: None,
        authorization_code: None,
        network_transaction_id: None,
        purchase_method: None,
        merchant: None,
    })
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

pub fn approved(minor: i64) -> Told<TransactionFact> {
    told(Kind::Approve, minor)
}

pub fn updated(minor: i64) -> Told<TransactionFact> {
    told(Kind::Update, minor)
}

pub fn voided(minor: i64) -> Told<TransactionFact> {
    told(Kind::Void, minor)
}

pub fn captured(minor: i64) -> Told<TransactionFact> {
    told(Kind::Capture, minor)
}

pub fn refunded(minor: i64) -> Told<TransactionFact> {
    told(Kind::Refund, minor)
}

pub fn told_of(kind: Kind, minor: i64) -> Told<TransactionFact> {
    told(kind, minor)
}

impl Told<TransactionFact> {
    pub fn in_currency(mut self, code: &str) -> Self {
        let Money { minor, .. } = self.fact.report.amount();
        let amount = Money { minor, currency: currency(code) };
        self.fact.report = Report::new(self.fact.report.kind(), amount);
        self
    }

    pub fn of_customer(mut self, id: &str) -> Self {
        id.clone_into(&mut self.fact.customer_id);
        self
    }

    pub fn on_card(mut self, id: &str) -> Self {
        id.clone_into(&mut self.fact.payment_method_id);
        self
    }

    /// At a merchant of that category code.
    pub fn at_merchant(mut self, category_code: &str) -> Self {
        let category_code = Some(category_code.to_owned());
        self.fact.merchant = Some(Merchant { category_code, ..Merchant::default() });
        self
    }
}

impl History<TransactionFact> {
    /// `authorized/captured/refunded/hold` in minor units, as the golden sequences write them.
    #[track_caller]
    pub fn then_totals(self, expected: &str) -> Self {
        assert_eq!(self.totals(), expected, "{:#?}", self.journal);
        self
    }

    pub fn totals(&self) -> String {
        let state = self.state();
        let (captured, refunded) = (state.captured(), state.refunded());
        format!("{}/{captured}/{refunded}/{}", state.authorized(), state.hold())
    }

    #[track_caller]
    pub fn then_status(self, expected: Status) -> Self {
        assert_eq!(self.state().status(), expected);
        self
    }
}
