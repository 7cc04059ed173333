//! What ChargeAfter, the partner and an operator tell about one charge.

use super::{History, Told};
use crate::{
    Currency, Money,
    charge::{
        ChargeFact, Dispute, Form, Linkage, Operation, OperationKind, OperationReport,
        OperationState, Report,
    },
};

fn told(report: Report) -> Told<ChargeFact> {
    Told::new(ChargeFact {
        report,
        merchant_order_id: None,
        customer_id: None,
        partner_customer_id: None,
    })
}

fn dollars(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("USD").unwrap() }
}

pub fn authorized(minor: i64) -> Told<ChargeFact> {
    told(Report::Authorized(dollars(minor)))
}

/// An operation in a state, by the lender's word: `completed`. Its id is `-` if it has none.
fn operation(
    kind: OperationKind,
    form: Form,
    (id, minor, word): (&str, i64, &str),
) -> Told<ChargeFact> {
    told(Report::Operation(OperationReport {
        kind,
        form,
        lender_transaction_id: (id != "-").then(|| id.to_owned()),
        amount: dollars(minor),
        state: OperationState::of(word).unwrap(),
    }))
}

pub fn settle(id: &str, minor: i64, word: &str) -> Told<ChargeFact> {
    operation(OperationKind::Settle, Form::Created, (id, minor, word))
}

pub fn settle_update(id: &str, minor: i64, word: &str) -> Told<ChargeFact> {
    operation(OperationKind::Settle, Form::Updated, (id, minor, word))
}

pub fn refund(id: &str, minor: i64, word: &str) -> Told<ChargeFact> {
    operation(OperationKind::Refund, Form::Created, (id, minor, word))
}

pub fn refund_update(id: &str, minor: i64, word: &str) -> Told<ChargeFact> {
    operation(OperationKind::Refund, Form::Updated, (id, minor, word))
}

/// A settle of that amount is completed. Its id is the amount.
pub fn settled(minor: i64) -> Told<ChargeFact> {
    settle(&minor.to_string(), minor, "completed")
}

/// A refund of that amount is completed. Its id is the amount.
pub fn refunded(minor: i64) -> Told<ChargeFact> {
    refund(&minor.to_string(), minor, "completed")
}

fn dispute(transaction_id: &str, minor: i64) -> Dispute {
    let transaction_id = transaction_id.to_owned();
    Dispute { transaction_id, amount: dollars(minor), application_id: None }
}

pub fn chargeback(transaction_id: &str, minor: i64) -> Told<ChargeFact> {
    told(Report::ChargedBack(dispute(transaction_id, minor)))
}

pub fn reversal(transaction_id: &str, minor: i64) -> Told<ChargeFact> {
    told(Report::ChargebackReversed(dispute(transaction_id, minor)))
}

/// The partner voids it.
pub fn void() -> Told<ChargeFact> {
    told(Report::Voided { reason: None, actor: "partner".to_owned() }).by_the_partner()
}

/// The lender tells of a void, which it has no webhook for at present.
pub fn void_by_the_lender() -> Told<ChargeFact> {
    told(Report::Voided { reason: None, actor: "lender".to_owned() })
}

fn linked(application_id: &str, how: Linkage) -> Told<ChargeFact> {
    let (application_id, actor) = (application_id.to_owned(), "kim".to_owned());
    told(Report::Linked { application_id, how, actor, reason: None })
}

/// The partner created the charge for that application.
pub fn created_for(application_id: &str) -> Told<ChargeFact> {
    linked(application_id, Linkage::Partner).by_the_partner()
}

/// An operator says that it belongs to that application.
pub fn assigned_to(application_id: &str) -> Told<ChargeFact> {
    linked(application_id, Linkage::Operator).by_the_partner()
}

impl Told<ChargeFact> {
    pub fn in_currency(mut self, code: &str) -> Self {
        let currency = Currency::from_code(code).unwrap();
        match &mut self.fact.report {
            Report::Authorized(amount) => amount.currency = currency,
            Report::Operation(report) => report.amount.currency = currency,
            Report::ChargedBack(dispute) | Report::ChargebackReversed(dispute) => {
                dispute.amount.currency = currency;
            }
            Report::Voided { .. } | Report::Linked { .. } => {}
        }
        self
    }

    pub fn of_customer(mut self, id: &str) -> Self {
        self.fact.customer_id = Some(id.to_owned());
        self
    }

    pub fn of_partners_customer(mut self, id: &str) -> Self {
        self.fact.partner_customer_id = Some(id.to_owned());
        self
    }

    pub fn of_order(mut self, id: &str) -> Self {
        self.fact.merchant_order_id = Some(id.to_owned());
        self
    }

    /// The reconciliation names that application.
    pub fn of_application(mut self, id: &str) -> Self {
        if let Report::ChargedBack(dispute) | Report::ChargebackReversed(dispute) =
            &mut self.fact.report
        {
            dispute.application_id = Some(id.to_owned());
        }
        self
    }
}

impl History<ChargeFact> {
    /// `settled/refunded/charged back/of that reversed/net to the merchant`, in minor units.
    #[track_caller]
    pub fn then_totals(self, expected: &str) -> Self {
        let state = self.state();
        let totals = [
            state.settled(),
            state.refunded(),
            state.charged_back(),
            state.chargebacks_reversed(),
            state.net_to_merchant(),
        ];
        assert_eq!(totals.map(|total| total.to_string()).join("/"), expected, "{state:#?}");
        self
    }

    /// What can be settled and what can be refunded, in minor units.
    #[track_caller]
    pub fn then_room(self, to_settle: i64, to_refund: i64) -> Self {
        let state = self.state();
        assert_eq!((state.open_to_settle(), state.refundable()), (to_settle, to_refund));
        self
    }

    #[track_caller]
    pub fn then_status(self, expected: &str) -> Self {
        assert_eq!(self.state().status().name(), expected, "{:#?}", self.state());
        self
    }

    /// Each operation: `settle s 6000 completed`, in the order in which they happened.
    #[track_caller]
    pub fn then_operations<const N: usize>(self, expected: [&str; N]) -> Self {
        let shown = |operation: &Operation| {
            let id = operation.lender_transaction_id.as_deref().unwrap_or("-");
            let Operation { kind, amount, state, .. } = operation;
            format!("{} {id} {} {}", kind.name(), amount.minor, state.name())
        };
        assert_eq!(Vec::from_iter(self.state().operations().iter().map(shown)), expected);
        self
    }

    /// Each chargeback: `c 4000-1000`, where the second is what of it is reversed.
    #[track_caller]
    pub fn then_chargebacks<const N: usize>(self, expected: [&str; N]) -> Self {
        let state = self.state();
        let shown = state.chargebacks().iter().map(|chargeback| {
            let (amount, reversed) = (chargeback.amount, chargeback.reversed);
            format!("{} {amount}-{reversed}", chargeback.transaction_id)
        });
        assert_eq!(Vec::from_iter(shown), expected);
        self
    }

    /// `application by whom`, or nothing.
    #[track_caller]
    pub fn then_linked(self, expected: &str) -> Self {
        let shown = self.state().link().map(|link| {
            let (application_id, how) = (&link.application_id, link.how.name());
            format!("{application_id} by {how}")
        });
        assert_eq!(shown.unwrap_or_default(), expected);
        self
    }

    #[track_caller]
    pub fn then_possible<const N: usize>(self, expected: [&str; N]) -> Self {
        assert_eq!(self.state().legal_next(), expected);
        self
    }

    /// The code with which the newest command was answered; nothing is recorded.
    #[track_caller]
    pub fn then_answered(self) -> &'static str {
        assert_eq!(self.newest, []);
        self.answer.unwrap_err().code()
    }
}
