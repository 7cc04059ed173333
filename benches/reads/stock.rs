//! Who is in the database, and what lenders say of them. All of it follows from numbers, so that a
//! database that was filled before can be asked about the same things.

use std::fmt::Write as _;

use jiff::Timestamp;
use uuid::Uuid;

pub const IMPRINT: &str = "imprint";
pub const ONBOARDING: &str = "onboarding";
pub const LOANS: &str = "loans";

/// The first day of the histories, 2026-06-01, in seconds since 1970.
const START: u64 = 1_780_272_000;
/// How long they go on, in seconds.
const SPAN: u64 = 150 * 86_400;
/// Of how many transactions one comes with an onboarding, an application and a charge elsewhere.
const ELSEWHERE: u64 = 50;
/// So many transactions belong to the customer with the most.
const MOST: u64 = 5_000;

/// What an id is of.
#[derive(Clone, Copy)]
pub enum Of {
    Transaction = 1,
    Customer,
    Card,
    Event,
    Onboarding,
    Loan,
    Charge,
}

/// A delivery: to which source, and its body.
pub type Delivery = (&'static str, Vec<u8>);

/// Spreads a number over all 64 bits (splitmix64).
pub const fn spread(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// An id, spread over the index as real ones are.
pub fn id(of: Of, number: u64) -> String {
    let kind = (of as u64) << 56;
    Uuid::from_u64_pair(spread(kind | number), spread(!(kind | number))).to_string()
}

fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).expect("a time of this century");
    Timestamp::from_second(seconds).expect("a time").to_string()
}

/// The customers and their transactions.
pub struct Stock {
    pub transactions: u64,
    /// The first transaction of each customer, in the order of customers.
    firsts: Vec<u64>,
    /// Steps from one transaction to the next in the order of arrival; shares no factor with their
    /// number, so that each comes once.
    stride: u64,
}

impl Stock {
    pub fn of(transactions: u64) -> Self {
        let (mut firsts, mut next) = (Vec::new(), 0);
        while next < transactions {
            firsts.push(next);
            // Most have few, some up to 200, one has 5,000.
            let luck = spread(next) % 1000;
            let few = 1 + 199 * luck.pow(5) / 1000_u64.pow(5);
            next += if firsts.len() == 1 { MOST.min(transactions / 4) } else { few };
        }
        let stride = (transactions * 5 / 8..).find(|stride| gcd(*stride, transactions) == 1);
        Self { transactions, firsts, stride: stride.expect("a prime") }
    }

    pub fn customers(&self) -> u64 {
        self.firsts.len() as u64
    }

    /// Histories: those of customers, then those of transactions.
    pub fn histories(&self) -> u64 {
        self.customers() + self.transactions
    }

    /// Whose a transaction is. Those beyond the stock belong to anybody.
    pub fn owner(&self, transaction: u64) -> u64 {
        if transaction >= self.transactions {
            return spread(transaction) % self.customers();
        }
        let place =
            u128::from(transaction) * u128::from(self.stride) % u128::from(self.transactions);
        let place = u64::try_from(place).expect("it is below the number of transactions");
        self.firsts.partition_point(|first| *first <= place) as u64 - 1
    }

    /// What lenders say in one history, step after step.
    pub fn history(&self, number: u64) -> Vec<Delivery> {
        if number < self.customers() {
            return customer(number);
        }
        let transaction = number - self.customers();
        let mut said = self.transaction(transaction);
        if transaction.is_multiple_of(ELSEWHERE) {
            said.extend(onboarding(transaction / ELSEWHERE));
            said.extend(loan(transaction / ELSEWHERE));
        }
        said
    }

    /// How many onboardings, loans and charges there are.
    pub fn elsewhere(&self) -> u64 {
        self.transactions.div_ceil(ELSEWHERE)
    }

    pub fn transaction(&self, number: u64) -> Vec<Delivery> {
        let owner = self.owner(number);
        let purchase = Purchase {
            number,
            customer: id(Of::Customer, owner),
            card: id(Of::Card, 2 * owner + number % 2 * u64::from(has_second_card(owner))),
            at: START + SPAN * (number % self.transactions) / self.transactions,
        };
        let amount = 500 + spread(number) % 20_000;
        let steps: &[(&str, u64)] = match spread(number ^ 0x5555) % 1000 {
            0..2 => return vec![(IMPRINT, purchase.step(0, "CAPTURED", "50.5"))],
            2..4 => return vec![(IMPRINT, purchase.step(0, "RENAMED", "50"))],
            4..300 => &[("APPROVED", 4)],
            300..850 => &[("APPROVED", 4), ("CAPTURED", 4)],
            850..900 => &[("APPROVED", 4), ("UPDATED", 3), ("CAPTURED", 3)],
            900..940 => &[("APPROVED", 4), ("CAPTURED", 4), ("REFUNDED", 4)],
            940..970 => &[("APPROVED", 4), ("VOIDED", 4)],
            970..985 => &[("APPROVED", 4), ("CAPTURED", 1), ("CAPTURED", 2)],
            985..989 => &[("APPROVED", 4), ("CAPTURED", 4), ("VOIDED", 4)],
            989..993 => &[("APPROVED", 2), ("CAPTURED", 4)],
            993..996 => &[("UPDATED", 4)],
            _ => &[("APPROVED", 4), ("VOIDED", 4), ("CAPTURED", 4)],
        };
        let step = |(place, (status, quarters)): (u64, &(&str, u64))| {
            (IMPRINT, purchase.step(place, status, &(amount * quarters / 4).to_string()))
        };
        (0..).zip(steps).map(step).collect()
    }
}

const fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

pub const fn has_second_card(customer: u64) -> bool {
    spread(customer).is_multiple_of(3)
}

struct Purchase {
    number: u64,
    customer: String,
    card: String,
    at: u64,
}

impl Purchase {
    /// Of the size that the lender's documents print.
    fn step(&self, place: u64, status: &str, amount: &str) -> Vec<u8> {
        let Self { number, customer, card, at } = self;
        let (transaction, event) =
            (id(Of::Transaction, *number), id(Of::Event, 8 * number + place));
        let event = if place == 0 { &transaction } else { &event };
        let currency = if number.is_multiple_of(64) { "CAD" } else { "USD" };
        let (created, updated) = (time(*at), time(at + 7_200 * place));
        let code = number % 1_000_000;
        format!(
            r#"{{
  "object": "TRANSACTION",
  "data": {{
    "amount": {amount},
    "authorization_code": "{code:06}",
    "created_at": "{created}",
    "currency": "{currency}",
    "customer_id": "{customer}",
    "event_id": "{event}",
    "merchant": {{
      "address": {{
        "city": "New York",
        "country": "USA",
        "postal_code": "10002",
        "state": "NY",
        "street_line1": "",
        "street_line2": ""
      }},
      "category": "Gas Station",
      "category_code": "5541",
      "network_id": "234923454545",
      "name": "Shell Gas"
    }},
    "object": "TRANSACTION",
    "payment_method_id": "{card}",
    "purchase_method": "CHIP",
    "status": "{status}",
    "transaction_id": "{transaction}",
    "updated_at": "{updated}"
  }}
}}"#
        )
        .into_bytes()
    }
}

/// An application, perhaps rejected once before, a link for some, and one card or two.
fn customer(number: u64) -> Vec<Delivery> {
    let (customer, partner) = (id(Of::Customer, number), format!("USER_{number}"));
    let mut said = Vec::new();
    let mut say = |object: &str, fields: String| {
        let body =
            format!(r#"{{"object":"{object}","data":{{"customer_id":"{customer}",{fields}}}}}"#);
        said.push((IMPRINT, body.into_bytes()));
    };
    let dated = |days: u64| {
        let at = time(START - days * 86_400);
        format!(r#""created_at":"{at}","updated_at":"{at}""#)
    };
    let decided = |status: &str, days| {
        format!(r#""partner_customer_id":"{partner}","status":"{status}",{}"#, dated(days))
    };
    if number.is_multiple_of(4) {
        say("APPLICATION", decided("REJECTED", 30));
    }
    // Of a few the lender's word is missing: a card without a decision.
    if number % 1000 != 7 {
        say("APPLICATION", decided("OFFER_ACCEPTED", 10));
    }
    if number.is_multiple_of(3) {
        let link = format!(r#""partner_customer_id":"{partner}","status":"ACTIVE",{}"#, dated(9));
        say("CUSTOMER_LINK", link);
    }
    for card in 0..1 + u64::from(has_second_card(number)) {
        let id = id(Of::Card, 2 * number + card);
        let card_of = |statuses: &str, days| {
            let dates = dated(days);
            format!(r#""payment_method_id":"{id}","card_type":"VIRTUAL",{statuses},{dates}"#)
        };
        say("PAYMENT_METHOD", card_of(r#""new_status":"ACTIVE""#, 8));
        if number.is_multiple_of(20) {
            let paused = r#""previous_status":"ACTIVE","new_status":"INACTIVE""#;
            say("PAYMENT_METHOD", card_of(paused, 7));
        }
    }
    said
}

/// A card onboarding: some wait for the customer, some are rejected.
fn onboarding(number: u64) -> Vec<Delivery> {
    let onboarding = id(Of::Onboarding, number);
    let say = |event: &str, more: &str| {
        let body = format!(r#"{{"eventType":"{event}","onboardingId":"{onboarding}"{more}}}"#);
        (ONBOARDING, body.into_bytes())
    };
    let url = format!(r#","signingUrl":"https://sign.example/?sessionId={number}""#);
    let engagement = format!(r#","engagementId":"engagement-{number}""#);
    let mut said = vec![say("SIGNING_SESSION_CREATED", &url)];
    match number % 10 {
        0 => {}
        1 => said.push(say("ONBOARDING_REJECTED", r#","rejectReason":"CREDIT_DENIED""#)),
        _ => {
            said.push(say("SIGNING_SESSION_COMPLETED", ""));
            said.push(say("ONBOARDING_COMPLETED", &engagement));
        }
    }
    said
}

/// An application with two lenders, and its charge.
fn loan(number: u64) -> Vec<Delivery> {
    let (loan, charge) = (id(Of::Loan, number), id(Of::Charge, number));
    let at = |hours: u64| time(START + 600 * number % SPAN + 3_600 * hours);
    let application = |event: &str, hours: u64, more: &str| {
        let mut body =
            format!(r#"{{"eventType":"application.{event}","createdAt":"{}""#, at(hours));
        let _ = write!(body, r#","applicationId":"{loan}"{more}}}"#);
        (LOANS, body.into_bytes())
    };
    let reconciled = format!(r#","applicationId":"{loan}","consumerId":"consumer-{number}""#);
    let postsale = |event: &str, hours: u64, more: &str| {
        let mut body = format!(r#"{{"eventType":"{event}","createdAt":"{}""#, at(hours));
        let _ = write!(body, r#","chargeId":"{charge}","merchantOrderId":"order-{number}""#);
        let _ = write!(body, r#","merchantConsumerId":null,"amount":900.00{more}}}"#);
        (LOANS, body.into_bytes())
    };
    let mut said = vec![
        application("created", 0, ""),
        application("declined", 1, r#","lenderId":"blue""#),
        application("approved", 2, r#","lenderId":"red","amount":900.00"#),
    ];
    if !number.is_multiple_of(4) {
        let token = format!(r#","lenderId":"red","amount":900.00,"token":"token-{number}""#);
        let settled = format!(r#","lenderTransactionId":"settle-{number}","state":"completed""#);
        said.push(application("checkout-confirmed", 3, &token));
        said.push(postsale("postsale.authorize", 4, ""));
        said.push(postsale("postsale.settle", 5, &settled));
    }
    if number % 20 == 1 {
        let chargeback = format!(r#","transactionId":"chargeback-{number}"{reconciled}"#);
        said.push(postsale("reconciliation.chargeback", 6, &chargeback));
    }
    said
}
