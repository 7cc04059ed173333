//! A card transaction of four steps, and its aggregate and view, written as the documentation of
//! `cqrs-es` writes them.

use cqrs_es::{Aggregate, DomainEvent, EventEnvelope, View, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The steps of a purchase, in order: the lender's status and the amount in minor units.
const STEPS: [(&str, u64); 4] =
    [("APPROVED", 5000), ("UPDATED", 3451), ("CAPTURED", 3451), ("REFUNDED", 3451)];
pub const COMMANDS: [fn(Step) -> Command; 4] =
    [Command::Approve, Command::Update, Command::Capture, Command::Refund];
pub const EVENTS: [fn(Step) -> Event; 4] =
    [Event::Approved, Event::Updated, Event::Captured, Event::Refunded];

/// What is kept of a delivery: about 900 bytes of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    content: String,
    pub delivery_id: String,
    received_at: String,
    pub transaction: Transaction,
}

/// What a lender says of a card transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    amount: u64,
    authorization_code: String,
    created_at: String,
    currency: String,
    customer_id: String,
    pub event_id: String,
    merchant: Merchant,
    object: String,
    payment_method_id: String,
    purchase_method: String,
    status: String,
    pub transaction_id: String,
    updated_at: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Merchant {
    address: Address,
    category: String,
    category_code: String,
    network_id: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Address {
    city: String,
    country: String,
    postal_code: String,
    state: String,
    street_line1: String,
    street_line2: String,
}

impl Step {
    pub fn of(purchase: u64, nth: usize) -> Self {
        let (status, amount) = STEPS[nth];
        let delivery = spread(purchase * 4 + nth as u64 + 1);
        Self {
            content: format!("{}{}", delivery.simple(), delivery.simple()),
            delivery_id: delivery.to_string(),
            received_at: "2025-02-27T18:11:33.104829Z".to_owned(),
            transaction: Transaction {
                amount,
                authorization_code: "645432".to_owned(),
                created_at: "2025-02-27T18:11:32.358Z".to_owned(),
                currency: "USD".to_owned(),
                customer_id: format!("e0549550-90e9-4acb-b7e9-{:012x}", purchase / 10),
                event_id: format!("e2806932-5f1b-4518-{nth:04x}-{purchase:012x}"),
                merchant: Merchant::example(),
                object: "TRANSACTION".to_owned(),
                payment_method_id: format!("7f754378-dd84-4a9a-b1ce-{:012x}", purchase / 10),
                purchase_method: "CHIP".to_owned(),
                status: status.to_owned(),
                transaction_id: transaction_id(purchase),
                updated_at: format!("2025-02-2{}T01:11:32.358Z", nth + 1),
            },
        }
    }

    /// The delivery as it came: 887 bytes, laid out as the lender's documents print it.
    pub fn body(&self) -> String {
        #[derive(Serialize)]
        struct Webhook<'a> {
            object: &'a str,
            data: &'a Transaction,
        }
        let webhook = Webhook { object: "TRANSACTION", data: &self.transaction };
        serde_json::to_string_pretty(&webhook).expect("JSON")
    }
}

impl Merchant {
    fn example() -> Self {
        Self {
            address: Address {
                city: "New York".to_owned(),
                country: "USA".to_owned(),
                postal_code: "10002".to_owned(),
                state: "NY".to_owned(),
                street_line1: String::new(),
                street_line2: String::new(),
            },
            category: "Gas Station".to_owned(),
            category_code: "5541".to_owned(),
            network_id: "234923454545".to_owned(),
            name: "Shell Gas".to_owned(),
        }
    }
}

pub fn transaction_id(purchase: u64) -> String {
    spread(u64::MAX - purchase).to_string()
}

/// Numbers that follow each other are far apart, over the whole width: the golden ratio, wrapping.
/// Derived ids are like this, and it is what they cost an index.
fn spread(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Purchase {
    authorized: u64,
    captured: u64,
    refunded: u64,
}

pub enum Command {
    Approve(Step),
    Update(Step),
    Capture(Step),
    Refund(Step),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Approved(Step),
    Updated(Step),
    Captured(Step),
    Refunded(Step),
}

impl Event {
    fn step(&self) -> &Step {
        let (Self::Approved(step)
        | Self::Updated(step)
        | Self::Captured(step)
        | Self::Refunded(step)) = self;
        step
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the purchase is not in a state for this")]
pub struct Illegal;

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Approved(_) => "Approved",
            Self::Updated(_) => "Updated",
            Self::Captured(_) => "Captured",
            Self::Refunded(_) => "Refunded",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Purchase {
    const TYPE: &'static str = "transaction";
    type Command = Command;
    type Event = Event;
    type Error = Illegal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Illegal> {
        let (authorized, captured) = (self.authorized, self.captured);
        let open = authorized > captured;
        let event = match command {
            Command::Approve(step) if authorized == 0 => Event::Approved(step),
            Command::Update(step) if open => Event::Updated(step),
            Command::Capture(step) if open => Event::Captured(step),
            Command::Refund(step) if captured > self.refunded => Event::Refunded(step),
            _ => return Err(Illegal),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Approved(step) | Event::Updated(step) => {
                self.authorized = step.transaction.amount;
            }
            Event::Captured(step) => self.captured += step.transaction.amount,
            Event::Refunded(step) => self.refunded += step.transaction.amount,
        }
    }
}

/// Totals and ids: less than creditrail shows of a transaction.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PurchaseView {
    status: String,
    currency: String,
    authorized: u64,
    captured: u64,
    refunded: u64,
    customer_id: String,
    payment_method_id: String,
    merchant: String,
}

impl View<Purchase> for PurchaseView {
    fn update(&mut self, event: &EventEnvelope<Purchase>) {
        let transaction = &event.payload.step().transaction;
        match event.payload {
            Event::Approved(_) | Event::Updated(_) => self.authorized = transaction.amount,
            Event::Captured(_) => self.captured += transaction.amount,
            Event::Refunded(_) => self.refunded += transaction.amount,
        }
        self.status.clone_from(&transaction.status);
        self.currency.clone_from(&transaction.currency);
        self.customer_id.clone_from(&transaction.customer_id);
        self.payment_method_id.clone_from(&transaction.payment_method_id);
        self.merchant.clone_from(&transaction.merchant.name);
    }
}
