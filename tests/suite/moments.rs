//! What was known at a moment: the document of a thing as of a position is what the interface
//! answered when that was the head, on every history.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{
    Card, Charge, Dice, Ledger, Loan, Onboarding, Source, T0, T1, T2, T3, T4, T5, Told, Tx,
    Webhook, decision, items, link, number, text, until,
};

/// The lists whose items have a page, with the name of their ids.
#[rustfmt::skip] // It is a table.
const LISTS: [(&str, &str); 4] = [
    ("transactions",    "transaction_id"),
    ("payment-methods", "payment_method_id"),
    ("applications",    "application_id"),
    ("charges",         "charge_id"),
];

/// A ledger of which every answer is kept, by path and by the head at which it was given.
struct Watched {
    ledger: Ledger,
    customers: &'static [&'static str],
    heads: Vec<i64>,
    seen: BTreeMap<String, BTreeMap<i64, Value>>,
}

impl Watched {
    /// No list tells of customers who are known by a link alone, so they are given.
    fn new(ledger: Ledger, customers: &'static [&'static str]) -> Self {
        Self { ledger, customers, heads: Vec::new(), seen: BTreeMap::new() }
    }

    async fn receives<W: Told>(&mut self, webhooks: &[W]) {
        for webhook in webhooks {
            self.ledger.receive(webhook).await;
            self.look().await;
        }
    }

    async fn commands(&mut self, path: &str, body: &Value) {
        let answer = self.ledger.command(path, body).await;
        assert!([200, 201].contains(&answer.status), "{path}: {}", answer.text);
        self.look().await;
    }

    /// Asks for everything that there is.
    async fn look(&mut self) {
        let head = self.head().await;
        if self.heads.last() != Some(&head) {
            self.heads.push(head);
        }
        for path in self.paths().await {
            let answered = self.ledger.ask(&path, &[("at_least", &head.to_string())]).await;
            if answered.status == 200 {
                self.seen.entry(path).or_default().insert(head, answered.json());
            }
        }
        assert_eq!(self.head().await, head, "nothing happens beside");
    }

    async fn head(&self) -> i64 {
        number(&self.ledger.counts().await, "position")
    }

    async fn paths(&self) -> BTreeSet<String> {
        let source = &self.ledger.source;
        let mut paths = BTreeSet::new();
        for (list, id) in LISTS {
            for row in self.ledger.list(&format!("/v1/{list}"), &[]).await {
                paths.insert(format!("/v1/{list}/{source}/{}", text(&row, id)));
            }
        }
        paths.extend(self.customers.iter().map(|id| format!("/v1/customers/{source}/{id}")));
        paths
    }

    /// As of each head, everything is as it was answered then; and as of the last as it is now.
    async fn holds(&self) {
        assert!(self.heads.len() > 1 && !self.seen.is_empty(), "something has happened");
        assert!(self.customers.iter().all(|id| self.seen.keys().any(|path| path.ends_with(id))));
        for (path, answers) in &self.seen {
            for head in &self.heads {
                let then = self.ledger.ask(path, &[("as_of", &head.to_string())]).await;
                match answers.get(head) {
                    Some(answered) => {
                        let mut then = then.is(200);
                        let fields = then.as_object_mut().expect("a document");
                        let as_of = fields.remove("as_of").expect("the moment");
                        assert_eq!(as_of["position"], *head);
                        // Byte for byte.
                        let (then, answered) = (then.to_string(), answered.to_string());
                        assert_eq!(then, answered, "{path} as of {head}");
                    }
                    // One that is known by two ids is found by either at any time.
                    None if path.contains("/applications/") && then.status == 200 => {}
                    None => drop(then.is_problem(404, "not_known_then")),
                }
            }
        }
    }
}

#[tokio::test]
async fn what_was_known_of_money_and_cards_is_what_was_answered_then() {
    let mut imprint = Watched::new(Ledger::fresh(), &["a", "other", "revised-customer"]);
    let (revised, converted) = (Tx::new("revised"), Tx::new("converted"));
    let (old, new) = (Card::physical_card("o"), Card::physical_card("n"));
    imprint
        .receives(&[
            revised.approved(5000).at(T1),
            revised.captured(5000).at(T3),
            revised.voided(5000).at(T4),
            revised.updated(8000).at(T2),
            // Of another customer once what came first in time has come.
            revised.approved(5000).event("first").customer("other").at(T0),
            // Announced after its money: until then the card is unknown.
            Card::virtual_card("revised-card").is("ACTIVE").customer("other").at(T1),
            converted.approved(5000).at(T1),
            converted.approved(8000).event("second").at(T2),
            old.is("INACTIVE").customer("a").design("d").at(T1),
            old.moves("INACTIVE", "CANCELED").customer("a").design("d").at(T2),
            new.is("INACTIVE").customer("a").design("d").created_at(T3).at(T3),
        ])
        .await;
    let second = imprint.ledger.exceptions(&[("code", "second_approval")]).await;
    let second = second.iter().find(|one| one["subject"]["id"] == "converted").expect("one");
    let path = format!("/v1/exceptions/{}/resolve", text(second, "id"));
    let said = json!({"action": "convert", "convert_to": "update", "reason": "an increment"});
    imprint.commands(&path, &said).await;
    imprint.holds().await;
}

#[tokio::test]
async fn what_was_known_of_customers_and_applications_is_what_was_answered_then() {
    let mut imprint = Watched::new(Ledger::fresh(), &["a", "b", "z"]);
    imprint
        .receives(&[
            decision("REJECTED").partner("p").created_at(T0).at(T1),
            Tx::new("t").captured(700).customer("a").partner("p").at(T2),
            link("a", "p").at(T2),
        ])
        .await;
    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T2});
    imprint.commands("/v1/applications/imprint", &session).await;
    imprint
        .receives(&[
            // It is the session's: the application is known by two ids from now on.
            decision("OFFER_ACCEPTED").partner("p").customer("a").created_at(T3).at(T4),
            // `p` stands for two customers from now on, and for neither alone.
            link("b", "p").at(T3),
            link("a", "p").at(T4).with("status", json!("INACTIVE")),
            link("z", "q").at(T4).with("status", json!("INACTIVE")),
            link("z", "q").at(T3),
            Card::virtual_card("c").is("ACTIVE").customer("b").partner("q").at(T5),
        ])
        .await;
    // A session that is registered after its decision.
    imprint.receives(&[decision("REJECTED").partner("late").created_at(T3).at(T4)]).await;
    let session = json!({"partner_customer_id": "late", "session_id": "l", "started_at": T2});
    imprint.commands("/v1/applications/imprint", &session).await;
    imprint.holds().await;
}

#[tokio::test]
async fn an_application_that_is_known_by_two_ids_is_found_by_either_at_any_time() {
    let imprint = Ledger::fresh();
    imprint.receive(&decision("REJECTED").partner("p").created_at(T3).at(T4)).await;
    let decided = imprint.list("/v1/applications", &[]).await.remove(0);
    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T2});
    let told = imprint.registers(&session).await.is(201);
    let path = |id: &str| format!("/v1/applications/imprint/{id}");
    let [one, other] = [&decided, &told].map(|known| path(text(known, "application_id")));
    imprint.view(&one).await;
    let first = number(&decided, "position").to_string();
    let [one, other] = [
        imprint.ask(&one, &[("as_of", &first)]).await.is(200),
        imprint.ask(&other, &[("as_of", &first)]).await.is(200),
    ];
    assert_eq!(one, other);
    assert_eq!(one["started_at"], json!(null));
}

#[tokio::test]
async fn what_was_known_of_loans_and_charges_is_what_was_answered_then() {
    let mut loans = Watched::new(Ledger::charge_after(), &["c1-consumer", "c2-consumer"]);
    let (a1, red, c1) = (Loan::new("a1"), Loan::new("a1").lender("red"), Charge::new("c1"));
    loans.receives(&[a1.created().at(T0)]).await;
    let said =
        json!({"application_id": "a2", "merchant_order_id": "order-1", "partner_customer_id": "p"});
    loans.commands("/v1/applications/charge-after", &said).await;
    loans
        .receives(&[
            red.approved("90.00").at(T1),
            red.confirmed("90.00", "a-token").at(T2),
            // By the partner's order it is of a2, until somebody says otherwise.
            c1.authorize("90.00").with("merchantOrderId", json!("order-1")).at(T3),
        ])
        .await;
    let said = json!({"charge_id": "c1", "application_id": "a1"});
    loans.commands("/v1/charges/charge-after", &said).await;
    loans
        .receives(&[
            c1.settle("s1", "60.00", "pending").at(T4),
            c1.settle_update("s1", "60.00", "completed").at(T5),
            c1.chargeback("cb1", "40.00").at(T5),
        ])
        .await;
    for application in ["a2", "a1", "a2"] {
        let said = json!({"application_id": application, "reason": "the order names it"});
        loans.commands("/v1/charges/charge-after/c1/link", &said).await;
    }
    // By what the lender says, then by what a person says, and another says otherwise.
    loans.receives(&[Loan::new("c2-application").created().at(T0)]).await;
    loans.receives(&[Charge::new("c2").chargeback("cb2", "1.00").at(T1)]).await;
    for application in ["a1", "a2"] {
        let said = json!({"application_id": application, "reason": "moved"});
        loans.commands("/v1/charges/charge-after/c2/link", &said).await;
    }
    loans.holds().await;
}

#[tokio::test]
async fn what_was_known_of_an_onboarding_is_what_was_answered_then() {
    let mut nordiska = Watched::new(Ledger::onboarding(), &["p", "q"]);
    let o1 = Onboarding::new("o1");
    nordiska
        .receives(&[o1.signing_completed().at(T2), o1.signing_created("https://s").at(T1)])
        .await;
    for partner in ["p", "q"] {
        let said =
            json!({"application_id": format!("of-{partner}"), "partner_customer_id": partner});
        nordiska.commands("/v1/applications/nordiska", &said).await;
    }
    let said = json!({"application_id": "o1", "partner_customer_id": "p", "started_at": T0});
    nordiska.commands("/v1/applications/nordiska", &said).await;
    nordiska.receives(&[o1.completed("e1").at(T3), o1.rejected("KYC_DENIAL").at(T4)]).await;
    nordiska.holds().await;
}

#[tokio::test]
async fn what_was_known_of_any_history_is_what_was_answered_then() {
    for (ledger, seed) in Ledger::several::<3>().into_iter().zip([2024, 2025, 2026]) {
        println!("seed {seed}");
        let (mut dice, mut imprint) = (Dice::seeded(seed), Watched::new(ledger, &["a", "b", "c"]));
        for nth in 0..30 {
            let webhook = anything(&mut dice, nth);
            imprint.receives(&[webhook]).await;
        }
        imprint.holds().await;
    }
}

/// Of three things each, of three customers: so they meet.
fn anything(dice: &mut Dice, nth: usize) -> Webhook {
    let (customer, partner) = (dice.pick(&["a", "b", "c"]), dice.pick(&["p", "q", "r"]));
    let (time, thing) = (dice.pick(&[T0, T1, T2, T3, T4, T5]), dice.pick(&["x", "y", "z"]));
    let status = dice.pick(&["ACTIVE", "INACTIVE", "CANCELED"]);
    let event = format!("event-{}", dice.roll(nth + 1));
    let kind = dice.pick(&["APPROVED", "UPDATED", "VOIDED", "CAPTURED", "REFUNDED"]);
    let webhook = match dice.roll(6) {
        0 => return link(customer, partner).at(time),
        1 => return link(customer, partner).with("status", json!("INACTIVE")).at(time),
        2 => Card::of_type(thing, dice.pick(&["VIRTUAL", "PHYSICAL"])).is(status),
        3 => decision(dice.pick(&["OFFER_ACCEPTED", "REJECTED"])).created_at(time),
        _ => Tx::new(thing).step(kind, 1000).event(&event).card(dice.pick(&["x", "y"])),
    };
    let webhook = webhook.customer(customer).at(time);
    if dice.roll(2) == 0 { webhook.partner(partner) } else { webhook }
}

#[tokio::test]
async fn a_deadline_that_passed_is_a_moment_like_any_other() {
    let policies = Source::named("imprint").policy("parked_for", "1s");
    let imprint = Ledger::with(policies);
    imprint.receive(&Tx::new("t1").voided(5000).at(T1)).await;
    let before = imprint.transaction("t1").await;
    let path = "/v1/transactions/imprint/t1";
    // Moments are told as far as all read models are.
    let said = until("the deadline", async || {
        let moments = imprint.view(&format!("{path}/moments")).await;
        let said = items(&moments, "items").iter().map(|one| text(one, "what").to_owned());
        Some(said.collect::<Vec<_>>()).filter(|said| said.len() > 1)
    })
    .await;
    assert_eq!(
        said,
        [
            "void recorded: parked",
            "a deadline of void passed",
            "void revised from parked to applied"
        ]
    );
    let mut then = imprint.ask(path, &[("as_of", "1")]).await.is(200);
    then.as_object_mut().expect("a document").remove("as_of");
    assert_eq!(then, before);
}

#[tokio::test]
async fn a_moment_is_a_position_or_a_time() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint.receive(&Tx::new("other").approved(1)).await;
    imprint.receives(&[t1.approved(5000).at(T1), t1.captured(5000).at(T2)]).await;
    imprint.transaction("t1").await;
    let path = "/v1/transactions/imprint/t1";
    for event in imprint.events_of("t1").await {
        let (position, at) = (number(&event, "position"), text(&event, "recorded_at"));
        let by_time = imprint.ask(path, &[("as_of", at)]).await.is(200);
        let by_position = imprint.ask(path, &[("as_of", &position.to_string())]).await.is(200);
        assert_eq!(by_time, by_position);
        assert_eq!(by_time["as_of"], json!({"position": position, "recorded_at": at}));
    }
    // After the last it is the last.
    let head = imprint.ask(path, &[("as_of", "3")]).await.is(200);
    for later in ["4", "9223372036854775807", "2999-01-01T00:00:00Z"] {
        assert_eq!(imprint.ask(path, &[("as_of", later)]).await.is(200), head);
    }
    // Before it was known it says from where on it is.
    for earlier in ["0", "1", "1999-01-01T00:00:00Z"] {
        let problem = imprint.ask(path, &[("as_of", earlier)]).await;
        let problem = problem.is_problem(404, "not_known_then");
        assert!(text(&problem, "detail").ends_with("from position 2 on"), "{problem:#}");
    }
    let unknown = imprint.ask("/v1/transactions/imprint/none", &[("as_of", "3")]).await;
    unknown.is_problem(404, "not_found");
    for wrong in ["-1", "yesterday", "99999999999999999999"] {
        imprint.ask(path, &[("as_of", wrong)]).await.names("as_of");
    }
}

/// What would take too long is left out, and said so: only as of then, never as of now.
#[tokio::test]
async fn of_a_customer_with_very_many_transactions_the_balances_are_told_if_few_have_changed() {
    let imprint = Ledger::fresh();
    for nth in 0..1001 {
        let id = format!("t{nth}");
        imprint.deliver(Tx::new(&id).captured(100).customer("a").body()).await;
    }
    let now = imprint.customer("a").await;
    assert_eq!(now["balances"][0]["confirmed"], 100_100);
    assert_eq!(now["balances_reason"], json!(null));
    let path = "/v1/customers/imprint/a";
    let then = imprint.ask(path, &[("as_of", "1000")]).await.is(200);
    assert_eq!(then["balances"][0]["confirmed"], 100_000);
    let by = [("happened_by", "2999-01-01T00:00:00Z")];
    let then = imprint.ask(path, &by).await.is(200);
    assert_eq!(then["balances"], json!(null));
    assert!(text(&then, "balances_reason").contains("1000"), "{then:#}");
    // Its moments are those of the newest.
    let moments = imprint.ask(&format!("{path}/moments"), &[("limit", "1")]).await.is(200);
    assert_eq!(moments["items"][0]["position"], 802);
    // One that has changed since is folded.
    imprint.deliver(Tx::new("t7").captured(30).customer("a").body()).await;
    let then = imprint.ask(path, &[("as_of", "1001")]).await.is(200);
    assert_eq!(then["balances"][0]["confirmed"], 100_100);
}
