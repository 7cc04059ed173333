//! Imprint: transactions, cards, decisions and links.

use serde_json::{Value, json};

use super::{
    Chance, Step,
    walk::{Next, Walk},
};

/// Consecutive histories that belong to one customer.
const OF_ONE_CUSTOMER: u64 = 4;

pub(super) fn history(name: &str, chance: &mut Chance) -> Vec<Step> {
    match chance.dice.roll(10) {
        0 => vec![decision(name, chance)],
        1 => links(name, chance),
        2 | 3 => card(name, chance),
        _ => purchase(name, chance),
    }
}

fn customer(chance: &Chance) -> String {
    format!("sim-{}-customer-{}", chance.seed, chance.number / OF_ONE_CUSTOMER)
}

/// The body of a webhook.
pub fn body(object: &str, data: &Value) -> String {
    json!({ "object": object, "data": data }).to_string()
}

fn step(object: &str, status: &str, (data, is_illegal): (&Value, bool)) -> Step {
    let event = format!("{object} {status}");
    Step { event, body: body(object, data), same_key: None, is_illegal }
}

/// The totals of a transaction as they are told, in minor units.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    authorized: i64,
    captured: i64,
    refunded: i64,
}

impl Totals {
    /// The amounts, from the least to the most, with which a step leads there; `None` if none.
    #[rustfmt::skip] // It is a table.
    fn amounts(self, from: &str, next: &Next) -> Option<(i64, i64)> {
        let Self { authorized, captured, refunded } = self;
        let (open, owed) = (authorized - captured, captured - refunded);
        let Some(to) = next.to.as_deref() else { return Some((100, 9_000)) };
        let amounts = match (next.kind, to) {
            ("approve", "verification")         => (0, 0),
            ("approve", "captured")             => (captured, captured),
            ("approve", "partially_captured")   => (captured + 1, captured + 5_000),
            ("approve", _)                      => (500, 20_000),
            ("update", "pending")               => (500, 20_000),
            ("update", "partially_captured")    => (captured + 1, captured + 5_000),
            ("update", "captured") if from == "partially_captured" => (captured, captured),
            ("update", "reduced_to_zero" | "verification") if from != "pending" || to == "reduced_to_zero" => (0, 0),
            ("void", _)                         => (open.max(0), open.max(0)),
            ("capture", "partially_captured")   => (1, open - 1),
            ("capture", "captured") if open > 0 => (open, open),
            ("capture", "captured" | "force_captured" | "late_presented") => (100, 5_000),
            ("refund", "standalone_refund")     => (100, 5_000),
            ("refund", _) if from == to         => (1, owed),
            _ => return None,
        };
        (amounts.0 <= amounts.1).then_some(amounts)
    }

    const fn take(&mut self, kind: &str, amount: i64) {
        match kind.as_bytes() {
            b"approve" | b"update" => self.authorized = amount,
            b"capture" => self.captured += amount,
            b"refund" => self.refunded += amount,
            _ => {}
        }
    }
}

/// A transaction, along its table.
fn purchase(name: &str, chance: &mut Chance) -> Vec<Step> {
    let Some(mut walk) = Walk::of("transaction", "unknown") else { return Vec::new() };
    let (mut totals, mut steps) = (Totals::default(), Vec::new());
    for place in 0..=chance.dice.place(6).unwrap_or(0) {
        let from = walk.state.clone();
        let next = walk.next(chance, |next| totals.amounts(&from, next).is_some());
        let Some(next) = next else { break };
        let Some((least, most)) = totals.amounts(&from, &next) else { break };
        let amount = chance.dice.amount(least, most);
        let told = |amount| transaction((name, place), (next.kind, amount), chance);
        let (data, status) = told(amount);
        let mut step = step("TRANSACTION", status, (&data, next.to.is_none()));
        step.same_key = Some(body("TRANSACTION", &told(amount + 1).0));
        steps.push(step);
        if let Some(to) = next.to {
            totals.take(next.kind, amount);
            walk.state = to;
        }
    }
    steps
}

fn transaction(
    (name, place): (&str, usize),
    (kind, amount): (&str, i64),
    chance: &Chance,
) -> (Value, &'static str) {
    let status = match kind {
        "approve" => "APPROVED",
        "update" => "UPDATED",
        "void" => "VOIDED",
        "capture" => "CAPTURED",
        _ => "REFUNDED",
    };
    let customer = customer(chance);
    // The first step of a transaction has its id, as in all examples of the lender.
    let event = if place == 0 { name.to_owned() } else { format!("{name}-{place}") };
    let data = json!({
        "object": "TRANSACTION",
        "transaction_id": name,
        "event_id": event,
        "payment_method_id": format!("{customer}-card"),
        "customer_id": customer,
        "status": status,
        "created_at": chance.time(0),
        "updated_at": chance.time(place),
        "amount": amount,
        "currency": "USD",
        "authorization_code": format!("{:06}", chance.number % 1_000_000),
        "purchase_method": "ONLINE",
        "merchant": { "network_id": "1", "name": "Corner Shop", "category_code": "5411" },
    });
    (data, status)
}

/// A card, along its table.
fn card(name: &str, chance: &mut Chance) -> Vec<Step> {
    let kind = if chance.dice.roll(2) == 0 { "virtual" } else { "physical" };
    let Some(mut walk) = Walk::of("payment-method", &format!("{kind}_unknown")) else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    for place in 0..=chance.dice.place(5).unwrap_or(0) {
        let before = walk.state.clone();
        let Some(next) = next_of_card(&walk, chance) else { break };
        let previous = before.split_once('_').map(|(_, status)| status.to_uppercase());
        let status = next.kind.to_uppercase();
        let mut data = json!({
            "payment_method_id": name,
            "customer_id": customer(chance),
            "card_design_id": "sim-design",
            "card_type": kind.to_uppercase(),
            "new_status": status,
            "created_at": chance.time(0),
            "updated_at": chance.time(place),
        });
        if let Some(previous) = previous.filter(|previous| previous != "UNKNOWN") {
            data["previous_status"] = previous.into();
        }
        steps.push(step("PAYMENT_METHOD", &status, (&data, next.to.is_none())));
        let Some(to) = next.to else { continue };
        walk.state = to;
    }
    steps
}

/// The table of cards has no rows for what it refuses: a canceled card that comes back is such.
fn next_of_card(walk: &Walk, chance: &mut Chance) -> Option<Next> {
    if walk.state.ends_with("_canceled") && chance.dice.hits(chance.illegal) {
        return Some(Next { kind: "active", to: None });
    }
    walk.next(chance, |_| true)
}

/// The lender's decision on an application; no table goes further.
fn decision(name: &str, chance: &mut Chance) -> Step {
    let accepts = chance.dice.roll(3) > 0;
    let status = if accepts { "OFFER_ACCEPTED" } else { "REJECTED" };
    let mut data = json!({
        "partner_customer_id": format!("{name}-user"),
        "status": status,
        "created_at": chance.time(0),
        "updated_at": chance.time(1),
    });
    if accepts {
        data["customer_id"] = format!("{name}-customer").into();
    }
    step("APPLICATION", status, (&data, false))
}

/// A link of a customer of its own, and perhaps its end.
fn links(name: &str, chance: &mut Chance) -> Vec<Step> {
    let Some(mut walk) = Walk::of("customer-link", "unknown") else { return Vec::new() };
    let mut steps = Vec::new();
    for place in 0..=chance.dice.place(2).unwrap_or(0) {
        let changes = |next: &Next| next.to.as_ref().is_none_or(|to| *to != walk.state);
        let Some(next) = walk.next(chance, changes) else { break };
        let status = if next.kind == "link" { "ACTIVE" } else { "INACTIVE" };
        let data = json!({
            "customer_id": format!("{name}-customer"),
            "partner_customer_id": format!("{name}-user"),
            "status": status,
            "created_at": chance.time(0),
            "updated_at": chance.time(place),
        });
        steps.push(step("CUSTOMER_LINK", status, (&data, next.to.is_none())));
        if let Some(to) = next.to {
            walk.state = to;
        }
    }
    steps
}
