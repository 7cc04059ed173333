//! ChargeAfter: an application that several lenders look at, and its charge.

use serde_json::{Value, json};

use super::{
    Chance, Step,
    walk::{Next, Walk},
};

const LENDERS: [&str; 3] = ["sim-blue", "sim-green", "sim-red"];

/// The body of a webhook; an amount is written into it as it is, never as a float.
pub fn body(mut body: Value, amount: Option<&str>) -> String {
    let Some(amount) = amount else { return body.to_string() };
    body["amount"] = "AMOUNT".into();
    body.to_string().replace("\"AMOUNT\"", amount)
}

/// Minor units as the lender writes them.
fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn step(event: &str, said: &Value, (amount, is_illegal): (Option<i64>, bool)) -> Step {
    let mut data = json!({ "eventType": event });
    if let (Value::Object(data), Value::Object(said)) = (&mut data, said.clone()) {
        data.extend(said);
    }
    let body = body(data, amount.map(decimal).as_deref());
    Step { event: event.to_owned(), body, same_key: None, is_illegal }
}

pub(super) fn history(name: &str, chance: &mut Chance) -> Vec<Step> {
    let created = json!({ "applicationId": name, "createdAt": chance.time(0) });
    let mut steps = vec![step("application.created", &created, (None, false))];
    let mut tracks: Vec<(&str, Walk)> = LENDERS
        .into_iter()
        .take(1 + chance.dice.place(LENDERS.len()).unwrap_or(0))
        .filter_map(|lender| Some((lender, Walk::of("lender-track", "unknown")?)))
        .collect();
    let mut confirmed = None;
    for _ in 0..2 + chance.dice.place(6).unwrap_or(0) {
        let Some(track) = chance.dice.place(tracks.len()) else { break };
        let (lender, walk) = &mut tracks[track];
        // One lender is confirmed, and then it is done.
        let is_open = |next: &Next| next.kind != "confirm" || confirmed.is_none();
        let says_nothing_new = |from: &str, next: &Next| {
            let is_told_again = next.to.as_deref() == Some(from) && from.starts_with("pending");
            is_told_again || from == "confirmed" && next.to.is_some()
        };
        let from = walk.state.clone();
        let next = walk.next(chance, |next| is_open(next) && !says_nothing_new(&from, next));
        let Some(next) = next else { continue };
        steps.push(lenders(name, (*lender, next.kind), (steps.len(), next.to.is_none()), chance));
        if let Some(to) = next.to {
            if next.kind == "confirm" {
                confirmed = Some(*lender);
            }
            walk.state = to;
        }
    }
    if confirmed.is_some() || chance.dice.roll(3) == 0 {
        charge(name, &mut steps, chance);
    }
    steps
}

/// What one lender says of the application.
fn lenders(
    application: &str,
    (lender, kind): (&str, &str),
    (place, is_illegal): (usize, bool),
    chance: &mut Chance,
) -> Step {
    let mut said = json!({
        "applicationId": application, "lenderId": lender, "createdAt": chance.time(place),
    });
    let mut amount = || Some(chance.dice.amount(10_000, 200_000));
    let (event, amount) = match kind {
        "prequalify" => ("prequalified", amount()),
        "approve" => ("approved", amount()),
        "confirm" => {
            said["token"] = format!("{application}-token-{place}").into();
            ("checkout-confirmed", amount())
        }
        "review" => ("pending-lender", None),
        "require_consumer" => ("pending-consumer", None),
        "require_merchant" => ("pending-merchant", None),
        "decline" => ("declined", None),
        _ => ("cancelled", None),
    };
    if event.starts_with("pending") {
        said["reason"] = "simulated".into();
    }
    step(&format!("application.{event}"), &said, (amount, is_illegal))
}

/// The sums of a charge as they are told, in minor units.
#[derive(Debug, Default)]
struct Sums {
    authorized: Option<i64>,
    settled: i64,
    refunded: i64,
    /// The settle that is pending: its id and amount.
    pending: Option<(String, i64)>,
    /// The chargeback that is open: its id and amount.
    chargeback: Option<(String, i64)>,
    charged_back: i64,
}

impl Sums {
    /// The state of the table.
    fn state(&self) -> &'static str {
        match self.authorized {
            _ if self.chargeback.is_some() => "chargeback_open",
            None => "unknown",
            Some(_) if self.settled == 0 => "authorized",
            Some(total) if self.settled < total => "partially_settled",
            Some(_) if self.refunded < self.settled => "settled",
            Some(_) => "refunded",
        }
    }

    /// What can be settled yet, and what can be taken back.
    fn open(&self) -> (i64, i64) {
        let authorized = self.authorized.unwrap_or(0);
        let pending = self.pending.as_ref().map_or(0, |(_, amount)| *amount);
        let owed = self.settled - self.refunded - self.charged_back;
        (authorized - self.settled - pending, owed)
    }

    fn fits(&self, next: &Next) -> bool {
        let (to_settle, owed) = self.open();
        match next.kind {
            "authorize" => self.authorized.is_none() || next.to.is_none(),
            "settle" => to_settle > 0,
            "settle_update" => self.pending.is_some(),
            "refund" => owed > 0 && self.settled > 0 && self.chargeback.is_none(),
            "chargeback" => owed > 0 && self.chargeback.is_none(),
            "chargeback_reversal" => self.chargeback.is_some() || next.to.is_none(),
            // The partner's own, or an update of what is told as completed at once.
            _ => false,
        }
    }
}

/// A charge, along its table.
fn charge(application: &str, steps: &mut Vec<Step>, chance: &mut Chance) {
    let charge = format!("{application}-charge");
    let Some(mut walk) = Walk::of("charge", "unknown") else { return };
    let mut sums = Sums::default();
    for _ in 0..2 + chance.dice.place(6).unwrap_or(0) {
        let is_first = sums.authorized.is_none();
        let next = walk.next(chance, |next| {
            sums.fits(next)
                && (!is_first || ["authorize", "chargeback_reversal"].contains(&next.kind))
        });
        let Some(next) = next else { break };
        let of = Of { charge: &charge, application, place: steps.len() };
        steps.push(of.step(&next, &mut sums, chance));
        walk.state = sums.state().to_owned();
    }
}

/// Which charge, of which application, and which step of the history.
struct Of<'a> {
    charge: &'a str,
    application: &'a str,
    place: usize,
}

impl Of<'_> {
    /// Tells the step and takes it into the sums, if the table allows it.
    fn step(&self, next: &Next, sums: &mut Sums, chance: &mut Chance) -> Step {
        let (to_settle, owed) = sums.open();
        let id = format!("{}-{}", self.charge, self.place);
        let is_illegal = next.to.is_none();
        let amount = chance.dice.amount(
            1,
            match next.kind {
                "settle" => to_settle,
                "refund" | "chargeback" => owed,
                _ => 50_000,
            },
        );
        let operation =
            |id: &str, state: &str| json!({ "lenderTransactionId": id, "state": state });
        let (event, more, amount) = match (next.kind, is_illegal) {
            ("authorize", false) => {
                sums.authorized = Some(amount + 1_000);
                ("postsale.authorize", json!({}), amount + 1_000)
            }
            ("authorize", true) => ("postsale.authorize", json!({}), amount),
            ("settle", _) if sums.pending.is_none() && chance.dice.roll(2) == 0 => {
                sums.pending = Some((id.clone(), amount));
                ("postsale.settle", operation(&id, "pending"), amount)
            }
            ("settle", _) => {
                sums.settled += amount;
                ("postsale.settle", operation(&id, "completed"), amount)
            }
            ("settle_update", _) => {
                let (id, amount) = sums.pending.take().unwrap_or((id, amount));
                sums.settled += amount;
                ("postsale.settle-update", operation(&id, "completed"), amount)
            }
            ("refund", _) => {
                sums.refunded += amount;
                ("postsale.refund", operation(&id, "completed"), amount)
            }
            ("chargeback", _) => {
                sums.chargeback = Some((id.clone(), amount));
                sums.charged_back += amount;
                ("reconciliation.chargeback", json!({ "transactionId": id }), amount)
            }
            (_, _) => {
                let (_, amount) = sums.chargeback.take().unwrap_or((String::new(), amount));
                if !is_illegal {
                    sums.charged_back -= amount;
                }
                ("reconciliation.chargeback-reversal", json!({ "transactionId": id }), amount)
            }
        };
        self.told((event, is_illegal), more, (amount, chance))
    }

    fn told(
        &self,
        (event, is_illegal): (&str, bool),
        more: Value,
        (amount, chance): (i64, &Chance),
    ) -> Step {
        let mut said = json!({
            "chargeId": self.charge,
            "merchantOrderId": format!("{}-order", self.charge),
            "merchantConsumerId": null,
            "createdAt": chance.time(self.place),
        });
        if let (Value::Object(said), Value::Object(more)) = (&mut said, more) {
            said.extend(more);
        }
        let is_dispute = event.starts_with("reconciliation");
        if is_dispute {
            said["applicationId"] = self.application.into();
        }
        let mut told = step(event, &said, (Some(amount), is_illegal));
        // The amount is no part of these keys.
        if is_dispute || event == "postsale.authorize" {
            told.same_key = Some(step(event, &said, (Some(amount + 1), is_illegal)).body);
        }
        told
    }
}
