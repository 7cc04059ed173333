//! What ChargeAfter and the partner tell about one application and its lenders.

use uuid::Uuid;

use super::{History, Told};
use crate::{
    Currency, Lifecycle, Money,
    application::{
        ActionKind, ApplicationFact, ApplicationLifecycle, State, Statement,
        lenders::{self, Confirmation, Flow, Form, LenderReport, Report, Statement::*},
    },
};

fn told(said: lenders::Statement) -> Told<ApplicationFact> {
    let statement = Statement::Lenders(said);
    Told::new(ApplicationFact { statement, customer_id: None, partner_customer_id: None })
}

fn dollars(minor: i64) -> Money {
    Money { minor, currency: Currency::from_code("USD").unwrap() }
}

/// The partner registers it for that order.
pub fn registered(order: &str) -> Told<ApplicationFact> {
    told(Submitted { merchant_order_id: Some(order.to_owned()) }).by_the_partner()
}

/// A session began.
pub fn begun() -> Told<ApplicationFact> {
    told(Started { link_id: None })
}

/// The partner created a charge.
pub fn charge_created(charge_id: &str) -> Told<ApplicationFact> {
    told(ChargeCreated { charge_id: charge_id.to_owned() }).by_the_partner()
}

/// A lender of that name reports.
pub fn lender(lender_id: &str, report: Report) -> Told<ApplicationFact> {
    told(Reported(LenderReport {
        lender_id: lender_id.to_owned(),
        report,
        form: Form::Application,
        lender_reference_id: None,
        loan_id: None,
        link_id: None,
    }))
}

pub fn prequalified(minor: i64) -> Report {
    Report::Prequalified(dollars(minor))
}

pub fn reviewing(reason: &str) -> Report {
    Report::Reviewing(Some(reason.to_owned()))
}

pub fn consumer_required(reason: &str) -> Report {
    Report::ConsumerRequired(Some(reason.to_owned()))
}

pub fn merchant_required(reason: &str) -> Report {
    Report::MerchantRequired(Some(reason.to_owned()))
}

pub fn approved_for(minor: i64) -> Report {
    Report::Approved(dollars(minor))
}

pub fn confirmed(minor: i64, token: &str) -> Report {
    let token = Some(Uuid::new_v5(&Uuid::NAMESPACE_OID, token.as_bytes()));
    Report::Confirmed(Confirmation { amount: dollars(minor), token, flow: Flow::Checkout })
}

/// A confirmation with which no charge can be created.
pub fn confirmed_without_token(minor: i64) -> Report {
    Report::Confirmed(Confirmation { amount: dollars(minor), token: None, flow: Flow::Apply })
}

impl Told<ApplicationFact> {
    /// In the deprecated form, which names the customer.
    pub fn of_account(mut self, customer_id: &str) -> Self {
        self.fact.customer_id = Some(customer_id.to_owned());
        self.of_report(|report| report.form = Form::Account)
    }

    pub fn with_reference(self, id: &str) -> Self {
        self.of_report(|report| report.lender_reference_id = Some(id.to_owned()))
    }

    pub fn with_loan(self, loan_id: &str, link_id: &str) -> Self {
        self.of_report(|report| {
            report.loan_id = Some(loan_id.to_owned());
            report.link_id = Some(link_id.to_owned());
        })
    }

    fn of_report(mut self, change: impl FnOnce(&mut LenderReport)) -> Self {
        if let Statement::Lenders(Reported(report)) = &mut self.fact.statement {
            change(report);
        }
        self
    }
}

impl History<ApplicationFact> {
    pub fn lenders(&self) -> lenders::State {
        let State::Lenders(state) = self.state() else { panic!("another way to live") };
        state
    }

    /// The status of the application, and of each lender with its amount.
    #[track_caller]
    pub fn then_board(self, overall: &str, expected: &[(&str, &str, i64)]) -> Self {
        let state = self.lenders();
        let board: Vec<_> = state
            .tracks
            .iter()
            .map(|(id, track)| {
                (id.as_str(), track.status.name(), track.amount.map_or(0, |amount| amount.minor))
            })
            .collect();
        assert_eq!((state.status().name(), board.as_slice()), (overall, expected));
        self
    }
}

impl History<ApplicationFact> {
    /// The lender's ids: of the loan or account, of the request for financing, of the link.
    #[track_caller]
    pub fn then_ids(self, lender_id: &str, expected: [Option<&str>; 3]) -> Self {
        let state = self.lenders();
        let track = &state.tracks[lender_id];
        let ids = [&track.lender_reference_id, &track.loan_id, &track.link_id];
        assert_eq!(ids.map(|id| id.as_deref()), expected);
        self
    }

    /// The customer, as the lenders call it.
    #[track_caller]
    pub fn then_party(self, customer_id: Option<&str>) -> Self {
        assert_eq!(ApplicationLifecycle::party(&self.state()).customer_id, customer_id);
        self
    }

    /// The step of that key asked for that, for that reason, and it is open.
    #[track_caller]
    pub fn then_asked(self, key: &str, kind: ActionKind, reason: &str) -> Self {
        let (state, opened_by) = (self.lenders(), self.the_step(key));
        let open = state.actions.all().iter().filter(|action| action.closed.is_none());
        let asked = open.filter(|action| action.opened_by == opened_by);
        let asked: Vec<_> = asked.map(|action| (action.kind, action.reason.as_deref())).collect();
        assert_eq!(asked, [(kind, Some(reason))]);
        self
    }
}
