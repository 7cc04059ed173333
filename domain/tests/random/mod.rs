//! Random steps: few distinct times, keys and amounts, so that they collide.

pub mod charges;

use creditrail_domain::{
    application::{
        ActionKind, ApplicationFact, ClientReport, ClientResult, Decision, Statement,
        lenders::{self, Confirmation, Flow, Form, LenderReport},
        onboarding::{self, FailureCode, RejectReason},
    },
    customer_link::{Change, CustomerLinkFact},
    payment_method::{PaymentMethodFact, Status},
    step::{ClockFault, Fact, Origin},
    transaction::{Kind, Merchant, Report, TransactionFact},
    *,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{option, prelude::*, sample::select};
use uuid::Uuid;

/// What is told in one delivery.
#[derive(Clone, Debug)]
pub struct Told<F> {
    fact: F,
    key: String,
    /// `None` if the lender gave no time.
    minute: Option<i64>,
}

impl<F: Fact> Told<F> {
    /// The step that a delivery of it leads to.
    pub fn received(&self, received_at: Timestamp) -> Step<F> {
        let occurred_at = self.minute.map_or(received_at, minute);
        let body = serde_json::to_vec(&(&self.fact, self.minute)).unwrap();
        let content = Uuid::new_v5(&Uuid::NAMESPACE_OID, &body).simple().to_string();
        Step {
            id: StepId::derive("imprint", &self.key, &content),
            key: self.key.clone(),
            content,
            occurred_at,
            clock_fault: self.minute.is_none().then_some(ClockFault::Missing),
            received_at,
            origin: Origin::Delivery,
            outside_window: false,
            pan_masked: false,
            key_taken_by: None,
            told_by: None,
            fact: self.fact.clone(),
        }
    }
}

impl Told<TransactionFact> {
    /// Its amount if it is of that kind, else 0.
    pub fn amount_of(&self, kind: Kind) -> i64 {
        let report = self.fact.report;
        if report.kind() == kind { report.amount().minor } else { 0 }
    }
}

/// When the first delivery is received.
pub fn receipt() -> Timestamp {
    minute(3 * 24 * 60)
}

fn minute(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number)
}

fn application(name: i64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &name.to_be_bytes())
}

/// Up to six steps. One key in four is likely to be used by two of them.
fn steps<F: Fact>(facts: impl Strategy<Value = F>) -> impl Strategy<Value = Vec<Told<F>>> {
    let told = (facts, 0..16_u8, 0..6_i64).prop_map(|(fact, key, minute)| {
        let key = format!("key-{key}");
        Told { fact, key, minute: Some(minute) }
    });
    prop::collection::vec(told, 1..=6)
}

/// Mostly the first of the words.
fn mostly(words: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop_oneof![9 => Just(words[0]), 1 => select(words)].prop_map(str::to_owned)
}

pub fn transaction_steps() -> impl Strategy<Value = Vec<Told<TransactionFact>>> {
    let amounts = select(vec![0, 0, 20_00, 30_00, 50_00, 50_00, 50_01, 60_00, i64::MAX]);
    let facts = (
        select(Kind::ALL.to_vec()),
        amounts,
        mostly(&["USD", "EUR", "JPY"]),
        mostly(&["customer-1", "customer-2"]),
        mostly(&["card-1", "card-2"]),
        option::of(select(vec!["5812", "5411"])),
    );
    steps(facts.prop_map(|(kind, minor, currency, customer_id, payment_method_id, category)| {
        let currency = Currency::from_code(&currency).unwrap();
        let category_code = category.map(str::to_owned);
        TransactionFact {
            report: Report::new(kind, Money { minor, currency }),
            customer_id,
            partner_customer_id: None,
            payment_method_id,
            intent_id: None,
            authorization_code: None,
            network_transaction_id: None,
            purchase_method: None,
            merchant: category_code
                .map(|code| Merchant { category_code: Some(code), ..Merchant::default() }),
        }
    }))
}

/// Steps of one currency and customer, each under a key of its own, of sums that can be counted.
pub fn money_steps() -> impl Strategy<Value = Vec<Told<TransactionFact>>> {
    let minutes = prop::collection::vec(option::weighted(0.7, 0..6_i64), 6);
    (transaction_steps(), minutes).prop_map(|(mut steps, minutes)| {
        let currency = Currency::from_code("USD").unwrap();
        for (place, (told, minute)) in steps.iter_mut().zip(minutes).enumerate() {
            let minor = told.fact.report.amount().minor.min(90_00);
            told.fact.report = Report::new(told.fact.report.kind(), Money { minor, currency });
            told.fact.customer_id = "customer-1".to_owned();
            told.key = format!("key-{place}");
            told.minute = minute;
        }
        steps
    })
}

pub fn card_steps() -> impl Strategy<Value = Vec<Told<PaymentMethodFact>>> {
    let status = || option::of(select(Status::ALL.to_vec()));
    let statuses = prop_oneof![
        1 => Just((None, Some(Status::Active))),
        1 => Just((None, Some(Status::Inactive))),
        6 => (status(), status()),
    ];
    // One type to a card, and another one now and then.
    select(vec!["VIRTUAL", "PHYSICAL", "UNIFIED"]).prop_flat_map(move |card_type| {
        let card_type = prop_oneof![9 => Just(card_type), 1 => Just("VIRTUAL")];
        let design = option::of(select(vec!["blue", "green"]));
        let customer = mostly(&["customer-1", "customer-2"]);
        let facts = (card_type, statuses.clone(), customer, design, option::of(0..3_usize));
        steps(facts.prop_map(|(card_type, statuses, customer_id, design, token_count)| {
            PaymentMethodFact {
                customer_id,
                partner_customer_id: None,
                card_type: card_type.to_owned(),
                previous_status: statuses.0,
                new_status: statuses.1,
                card_design_id: design.map(str::to_owned),
                token_count,
            }
        }))
    })
}

/// Sessions are named by -1 and -2, what the lender created by its minute.
pub fn application_steps() -> impl Strategy<Value = Vec<Told<ApplicationFact>>> {
    let decided = (select(vec![Decision::Accepted, Decision::Rejected]), 0..3_i64);
    let words = select(vec!["OFFER_ACCEPTED", "REJECTED", "IN_PROGRESS", "ERROR", "MAYBE"]);
    let statement = prop_oneof![
        (-2..0_i64).prop_map(|name| Statement::Started { application_id: application(name) }),
        decided.prop_map(|(decision, created)| Statement::Decided {
            decision,
            application_id: application(created),
            created_at: minute(created),
        }),
        (-2..3_i64, words).prop_map(|(name, word)| Statement::Reported {
            application_id: application(name),
            report: ClientReport {
                result: ClientResult::of(word),
                session_id: None,
                error_code: None,
            },
        }),
    ];
    let customer = option::of(select(vec!["customer-1", "customer-2"]));
    let steps = steps((statement, customer).prop_map(|(statement, customer_id)| ApplicationFact {
        statement,
        customer_id: customer_id.map(str::to_owned),
        partner_customer_id: Some("partner-1".to_owned()),
    }));
    // Two sessions never begin in one instant: one in the even minutes, the other in the odd ones.
    steps.prop_map(|mut steps| {
        for told in &mut steps {
            if let Statement::Started { application_id } = told.fact.statement {
                let odd = i64::from(application_id == application(-1));
                told.minute = told.minute.map(|minute| minute / 2 * 2 + odd);
            }
        }
        steps
    })
}

pub fn link_steps() -> impl Strategy<Value = Vec<Told<CustomerLinkFact>>> {
    steps(select(vec![Change::Link, Change::Unlink]).prop_map(|change| CustomerLinkFact {
        change,
        customer_id: "customer-1".to_owned(),
        partner_customer_id: "partner-1".to_owned(),
    }))
}

fn named(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// Each step four times as late, so that some are nearer than the windows and some are not; and
/// one in six tells instead that what another asked for has been done, or that a notice was sent.
fn with_deeds(
    steps: impl Strategy<Value = Vec<Told<ApplicationFact>>>,
) -> impl Strategy<Value = Vec<Told<ApplicationFact>>> {
    let deed =
        (any::<prop::sample::Index>(), option::weighted(0.7, select(ActionKind::ALL.to_vec())));
    let deeds = prop::collection::vec(option::weighted(0.16, deed), 6);
    (steps, deeds).prop_map(|(mut steps, deeds)| {
        for told in &mut steps {
            told.minute = told.minute.map(|minute| minute * 4);
        }
        for (place, deed) in deeds.into_iter().enumerate().skip(1).take(steps.len() - 1) {
            if let Some((other, action)) = deed {
                let opened_by = other.get(&steps[..place]).received(receipt()).id;
                let (actor, note) = ("kim".to_owned(), None);
                steps[place].fact.statement = match action {
                    Some(action) => Statement::ActionDone { action, opened_by, actor, note },
                    None => Statement::NoticeSent {
                        about: opened_by,
                        application_id: None,
                        actor,
                        reason: "a letter".to_owned(),
                    },
                };
            }
        }
        steps
    })
}

pub fn onboarding_steps() -> impl Strategy<Value = Vec<Told<ApplicationFact>>> {
    use onboarding::Statement::*;
    let reasons = select(vec!["KYC_DENIAL", "INVALID_DOCUMENTS", "CREDIT_SCORING_DENIAL"]);
    let said = prop_oneof![
        1 => Just(Submitted),
        3 => select(vec!["u", "v"]).prop_map(|url| SigningOpened { url: named(url) }),
        3 => Just(SigningCompleted),
        3 => mostly(&["e", "f"]).prop_map(|engagement_id| Completed { engagement_id }),
        2 => reasons.prop_map(|word| Rejected { reason: RejectReason::of(word) }),
        2 => select(vec!["TIMEOUT", "NAME_MISMATCH"])
            .prop_map(|word| Failed { code: FailureCode::of(word) }),
    ];
    with_deeds(steps(said.prop_map(|said| ApplicationFact {
        partner_customer_id: (said == Submitted).then(|| "partner-1".to_owned()),
        customer_id: None,
        statement: Statement::Onboarding(said),
    })))
}

fn lender_report() -> impl Strategy<Value = lenders::Report> {
    use lenders::Report::*;
    let currency = Currency::from_code("USD").unwrap();
    let amount = || select(vec![90_000, 100_010]).prop_map(move |minor| Money { minor, currency });
    let reason = || option::of(select(vec!["r", "s"]).prop_map(str::to_owned));
    let token = option::weighted(0.8, select(vec![named("t"), named("u")]));
    prop_oneof![
        2 => amount().prop_map(Prequalified),
        1 => reason().prop_map(Reviewing),
        1 => reason().prop_map(ConsumerRequired),
        1 => reason().prop_map(MerchantRequired),
        3 => amount().prop_map(Approved),
        1 => Just(Declined),
        1 => Just(Cancelled),
        3 => (amount(), token).prop_map(|(amount, token)| {
            Confirmed(Confirmation { amount, token, flow: Flow::Checkout })
        }),
    ]
}

pub fn lender_steps() -> impl Strategy<Value = Vec<Told<ApplicationFact>>> {
    use lenders::Statement::*;
    let form = select(vec![Form::Application, Form::Account]);
    let reported = (lender_report(), mostly(&["l1", "l2"]), form).prop_map(|(report, id, form)| {
        let of_account = |id: &str| (form == Form::Account).then(|| id.to_owned());
        Reported(LenderReport {
            lender_id: id,
            lender_reference_id: of_account("ref"),
            loan_id: of_account("loan"),
            link_id: of_account("link"),
            report,
            form,
        })
    });
    let said = prop_oneof![
        1 => option::of(Just("order-1".to_owned()))
            .prop_map(|merchant_order_id| Submitted { merchant_order_id }),
        1 => Just(Started { link_id: None }),
        1 => mostly(&["c1", "c2"]).prop_map(|charge_id| ChargeCreated { charge_id }),
        9 => reported,
    ];
    let customer = option::of(select(vec!["customer-1", "customer-2"]));
    with_deeds(steps((said, customer).prop_map(|(said, customer_id)| ApplicationFact {
        statement: Statement::Lenders(said),
        customer_id: customer_id.map(str::to_owned),
        partner_customer_id: None,
    })))
}
