//! Webhooks of which a test writes only what it is about.

use serde_json::{Map, Value, json};

/// Seven hours in a row.
pub const T0: &str = "2025-02-27T17:00:00Z";
pub const T1: &str = "2025-02-27T18:00:00Z";
pub const T2: &str = "2025-02-27T19:00:00Z";
pub const T3: &str = "2025-02-27T20:00:00Z";
pub const T4: &str = "2025-02-27T21:00:00Z";
pub const T5: &str = "2025-02-27T22:00:00Z";
pub const T6: &str = "2025-02-27T23:00:00Z";

/// What a lender says in one call.
pub trait Told {
    fn body(&self) -> String;

    /// The list and the id of what it is about: `transactions`, `t1`.
    fn about(&self) -> (&'static str, &str);

    /// When it was signed, if that is a part of what is said.
    fn signed_at(&self) -> Option<&str> {
        None
    }
}

impl Told for Webhook {
    fn body(&self) -> String {
        Self::body(self)
    }

    fn about(&self) -> (&'static str, &str) {
        let is_money = self.object == "TRANSACTION";
        (if is_money { "transactions" } else { "payment-methods" }, self.subject())
    }
}

/// One envelope `{object, data}`.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub object: &'static str,
    pub data: Map<String, Value>,
}

impl Webhook {
    fn new(object: &'static str, data: Value) -> Self {
        let Value::Object(data) = data else { panic!("data is an object") };
        Self { object, data }
    }

    /// The time of the step.
    pub fn at(self, time: &str) -> Self {
        self.with("updated_at", json!(time))
    }

    /// The lender's own id of the step.
    pub fn event(self, id: &str) -> Self {
        self.with("event_id", json!(id))
    }

    pub fn customer(self, id: &str) -> Self {
        self.with("customer_id", json!(id))
    }

    pub fn partner(self, id: &str) -> Self {
        self.with("partner_customer_id", json!(id))
    }

    pub fn card(self, id: &str) -> Self {
        self.with("payment_method_id", json!(id))
    }

    pub fn created_at(self, time: &str) -> Self {
        self.with("created_at", json!(time))
    }

    pub fn currency(self, code: &str) -> Self {
        self.with("currency", json!(code))
    }

    /// A merchant of this category.
    pub fn category(self, code: &str) -> Self {
        let merchant = json!({"network_id": "m-1", "name": "A shop", "category_code": code});
        self.with("merchant", merchant)
    }

    pub fn design(self, id: &str) -> Self {
        self.with("card_design_id", json!(id))
    }

    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.data.insert(field.to_owned(), value);
        self
    }

    pub fn without(mut self, field: &str) -> Self {
        self.data.remove(field);
        self
    }

    pub fn body(&self) -> String {
        json!({"object": self.object, "data": self.data}).to_string()
    }

    /// The id of the transaction or the card that it is about.
    pub fn subject(&self) -> &str {
        let field =
            if self.object == "TRANSACTION" { "transaction_id" } else { "payment_method_id" };
        self.data[field].as_str().expect("an id")
    }
}

/// One transaction of a customer of its own. The event id of an approval is the transaction's, as the
/// lender has it; that of another step is made of its kind and amount.
#[derive(Clone, Copy)]
pub struct Tx<'a>(&'a str);

impl<'a> Tx<'a> {
    pub const fn new(id: &'a str) -> Self {
        Self(id)
    }

    pub fn approved(&self, amount: i64) -> Webhook {
        self.step("APPROVED", amount).event(self.0)
    }

    pub fn updated(&self, amount: i64) -> Webhook {
        self.step("UPDATED", amount)
    }

    pub fn voided(&self, amount: i64) -> Webhook {
        self.step("VOIDED", amount)
    }

    pub fn captured(&self, amount: i64) -> Webhook {
        self.step("CAPTURED", amount)
    }

    pub fn refunded(&self, amount: i64) -> Webhook {
        self.step("REFUNDED", amount)
    }

    pub fn step(&self, status: &str, amount: i64) -> Webhook {
        let id = self.0;
        Webhook::new(
            "TRANSACTION",
            json!({
                "transaction_id": id,
                "event_id": format!("{id}-{}-{amount}", status.to_lowercase()),
                "payment_method_id": format!("{id}-card"),
                "customer_id": format!("{id}-customer"),
                "status": status,
                "amount": amount,
                "currency": "USD",
                "created_at": T1,
                "updated_at": T1,
            }),
        )
    }
}

/// One card of a customer of its own.
#[derive(Clone, Copy)]
pub struct Card<'a> {
    id: &'a str,
    kind: &'a str,
}

impl<'a> Card<'a> {
    pub const fn of_type(id: &'a str, kind: &'a str) -> Self {
        Self { id, kind }
    }

    pub const fn virtual_card(id: &'a str) -> Self {
        Self::of_type(id, "VIRTUAL")
    }

    pub const fn physical_card(id: &'a str) -> Self {
        Self::of_type(id, "PHYSICAL")
    }

    /// Says the new status alone: so a card is announced.
    pub fn is(&self, new: &str) -> Webhook {
        self.says_nothing().with("new_status", json!(new))
    }

    /// Says both ends of the edge.
    pub fn moves(&self, previous: &str, new: &str) -> Webhook {
        self.is(new).with("previous_status", json!(previous))
    }

    /// Says no status at all.
    pub fn says_nothing(&self) -> Webhook {
        Webhook::new(
            "PAYMENT_METHOD",
            json!({
                "payment_method_id": self.id,
                "customer_id": format!("{}-customer", self.id),
                "card_type": self.kind,
                "created_at": T1,
                "updated_at": T1,
            }),
        )
    }
}

/// A credit decision on the application that was created at [`T1`], about nobody yet.
pub fn decision(status: &str) -> Webhook {
    Webhook::new("APPLICATION", json!({"status": status, "created_at": T1, "updated_at": T2}))
}

/// The lender says that these two are one person.
pub fn link(customer_id: &str, partner_customer_id: &str) -> Webhook {
    let data = json!({"status": "ACTIVE", "created_at": T1, "updated_at": T1});
    Webhook::new("CUSTOMER_LINK", data).customer(customer_id).partner(partner_customer_id)
}
