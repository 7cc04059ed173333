//! Lists and timelines as they were: as of each position they are what was answered when that was the
//! head.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{
    Card, Charge, Dice, Ledger, Loan, Onboarding, T0, T1, T2, T3, T4, T5, Told, Tx, Webhook,
    column, decision, items, link, number, text,
};

/// What is asked: a path and its parameters.
type Asked = (String, Vec<(&'static str, &'static str)>);

/// A ledger of which every list is kept, by the head at which it was answered.
struct Watched {
    ledger: Ledger,
    asked: Vec<Asked>,
    seen: BTreeMap<i64, Vec<Option<Vec<Value>>>>,
}

impl Watched {
    fn new(ledger: Ledger, asked: Vec<Asked>) -> Self {
        Self { ledger, asked, seen: BTreeMap::new() }
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

    async fn look(&mut self) {
        let head = number(&self.ledger.counts().await, "position");
        let mut answers = Vec::new();
        for (path, query) in &self.asked {
            answers.push(self.all(path, query, "200").await);
        }
        assert_eq!(number(&self.ledger.counts().await, "position"), head, "nothing is beside");
        self.seen.insert(head, answers);
    }

    /// All pages; `None` if there is nobody of that id.
    async fn all(
        &self,
        path: &str,
        query: &[(&'static str, &str)],
        limit: &str,
    ) -> Option<Vec<Value>> {
        let (mut rows, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = query.to_vec();
            query.push(("limit", limit));
            if !path.contains("/customers/") {
                query.push(("source", &self.ledger.source));
            }
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = self.ledger.ask(path, &query).await;
            if answer.status == 404 {
                return None;
            }
            let page = answer.is(200);
            rows.extend_from_slice(items(&page, "items"));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Some(rows),
            }
        }
    }

    async fn holds(&self) {
        assert!(self.seen.len() > 3, "something has happened");
        let (mut filled, newest) = (0, self.seen.keys().max());
        for (head, answers) in &self.seen {
            let as_of = head.to_string();
            for ((path, query), answered) in self.asked.iter().zip(answers) {
                let mut query: Vec<(&'static str, &str)> = query.clone();
                query.push(("as_of", &as_of));
                // In small pages nothing stands twice or is left out; in one there is the same.
                let limits: &[_] = if Some(head) == newest { &["200", "2"] } else { &["3"] };
                for limit in limits {
                    let then = self.all(path, &query, limit).await;
                    assert_eq!(
                        json!(then).to_string(),
                        json!(answered).to_string(),
                        "{path} {query:?} by {limit}"
                    );
                }
                filled += usize::from(answered.as_ref().is_some_and(|rows| rows.len() > 1));
            }
        }
        assert!(filled > self.asked.len(), "most are not empty");
    }
}

fn lists(of: &[&str], filters: &[(&'static str, &'static str)]) -> Vec<Asked> {
    let mut asked = Vec::new();
    for list in of {
        let path = format!("/v1/{list}");
        asked.push((path.clone(), vec![]));
        asked.push((path.clone(), vec![("order", "oldest")]));
        for filter in filters {
            asked.push((path.clone(), vec![*filter]));
        }
    }
    asked
}

fn timelines(source: &str, customers: &[&str]) -> Vec<Asked> {
    let of = |id: &&str| (format!("/v1/customers/{source}/{id}/timeline"), vec![]);
    customers.iter().map(of).collect()
}

#[tokio::test]
async fn what_was_listed_of_any_history_is_what_was_answered_then() {
    for (ledger, seed) in Ledger::several::<2>().into_iter().zip([3, 4]) {
        println!("seed {seed}");
        let mut asked = lists(
            &["transactions", "payment-methods", "applications", "exceptions"],
            &[("customer_id", "a")],
        );
        let more: [(&str, &[_]); 6] = [
            ("applications", &[("partner_customer_id", "p")]),
            ("applications", &[("status", "accepted")]),
            ("transactions", &[("status", "captured"), ("customer_id", "b")]),
            ("transactions", &[("payment_method_id", "x")]),
            ("exceptions", &[("status", "open")]),
            ("exceptions", &[("code", "identity_conflict")]),
        ];
        asked.extend(more.map(|(list, query)| (format!("/v1/{list}"), query.to_vec())));
        asked.extend(timelines(&ledger.source, &["a", "b", "c"]));
        let mut imprint = Watched::new(ledger, asked);
        let mut dice = Dice::seeded(seed);
        for nth in 0..18 {
            imprint.receives(&[anything(&mut dice, nth)]).await;
            if nth % 6 == 5 {
                resolve_one(&mut imprint, nth).await;
            }
        }
        imprint.holds().await;
    }
}

/// A person decides about the newest that is open.
async fn resolve_one(imprint: &mut Watched, nth: usize) {
    let open = imprint.ledger.exceptions(&[("status", "open")]).await;
    let Some(one) = open.first() else { return };
    let path = format!("/v1/exceptions/{}/resolve", text(one, "id"));
    let said = json!({"action": "discard", "reason": format!("the {nth}th")});
    imprint.commands(&path, &said).await;
}

/// Of three things each, of three customers: so they meet.
fn anything(dice: &mut Dice, nth: usize) -> Webhook {
    let (customer, partner) = (dice.pick(&["a", "b", "c"]), dice.pick(&["p", "q", "r"]));
    let (time, thing) = (dice.pick(&[T0, T1, T2, T3, T4, T5]), dice.pick(&["x", "y", "z"]));
    let event = format!("event-{}", dice.roll(nth + 1));
    let kind = dice.pick(&["APPROVED", "UPDATED", "VOIDED", "CAPTURED", "REFUNDED"]);
    let webhook = match dice.roll(6) {
        0 => return link(customer, partner).at(time),
        1 => return link(customer, partner).with("status", json!("INACTIVE")).at(time),
        2 => Card::virtual_card(thing).is(dice.pick(&["ACTIVE", "INACTIVE", "CANCELED"])),
        3 => decision(dice.pick(&["OFFER_ACCEPTED", "REJECTED"])).created_at(time),
        _ => Tx::new(thing).step(kind, 1000).event(&event).card(dice.pick(&["x", "y"])),
    };
    let webhook = webhook.customer(customer).at(time);
    if dice.roll(2) == 0 { webhook.partner(partner) } else { webhook }
}

#[tokio::test]
async fn what_was_listed_of_applicants_is_what_was_answered_then() {
    let ledger = Ledger::fresh();
    let mut asked = lists(&["applications"], &[("customer_id", "a")]);
    asked.extend(timelines("imprint", &["a", "b"]));
    let mut imprint = Watched::new(ledger, asked);
    imprint.receives(&[decision("REJECTED").partner("p").created_at(T0).at(T1)]).await;
    let session = json!({"partner_customer_id": "p", "session_id": "s", "started_at": T2});
    imprint.commands("/v1/applications/imprint", &session).await;
    imprint
        .receives(&[
            // It is the session's: the application is known by two ids from now on.
            decision("OFFER_ACCEPTED").partner("p").customer("a").created_at(T3).at(T4),
            link("a", "p").at(T3),
            // `p` stands for two customers from now on, and for neither alone.
            link("b", "p").at(T3),
            decision("REJECTED").partner("p").created_at(T4).at(T5),
        ])
        .await;
    imprint.holds().await;
}

#[tokio::test]
async fn what_was_listed_of_an_onboarding_is_what_was_answered_then() {
    let ledger = Ledger::onboarding();
    let mut asked = lists(
        &["applications", "actions"],
        &[("customer_id", "p"), ("status", "open"), ("status", "completed")],
    );
    asked.retain(|(path, query)| match query.as_slice() {
        [("status", status)] => path.ends_with("actions") == (*status == "open"),
        _ => true,
    });
    let mut nordiska = Watched::new(ledger, asked);
    let (o1, o2) = (Onboarding::new("o1"), Onboarding::new("o2"));
    nordiska
        .receives(&[o1.signing_completed().at(T2), o1.signing_created("https://s").at(T1)])
        .await;
    let said = json!({"application_id": "o1", "partner_customer_id": "p", "started_at": T0});
    nordiska.commands("/v1/applications/nordiska", &said).await;
    nordiska.receives(&[o2.signing_created("https://t").at(T1)]).await;
    nordiska.receives(&[o1.completed("e1").at(T3), o2.rejected("KYC_DENIAL").at(T4)]).await;
    nordiska.holds().await;
}

#[tokio::test]
async fn what_was_listed_of_charges_is_what_was_answered_then() {
    let ledger = Ledger::charge_after();
    let asked =
        lists(&["charges", "applications", "exceptions"], &[("customer_id", "c1-consumer")]);
    let mut loans = Watched::new(ledger, asked);
    let (a1, c1) = (Loan::new("a1"), Charge::new("c1"));
    loans.receives(&[a1.created().at(T0), Loan::new("a2").created().at(T1)]).await;
    loans.receives(&[c1.authorize("90.00").at(T3)]).await;
    for application in ["a1", "a2"] {
        let said = json!({"application_id": application, "reason": "the order names it"});
        loans.commands("/v1/charges/charge-after/c1/link", &said).await;
    }
    loans.receives(&[c1.settle("s1", "60.00", "pending").at(T4)]).await;
    loans.receives(&[Charge::new("c2").chargeback("cb2", "1.00").at(T1)]).await;
    loans.receives(&[c1.settle_update("s1", "60.00", "completed").at(T5)]).await;
    loans.holds().await;
}

#[tokio::test]
async fn a_list_has_what_had_happened_as_it_was_by_then() {
    let imprint = Ledger::fresh();
    let (t1, t2) = (Tx::new("t1"), Tx::new("t2"));
    imprint
        .receives(&[
            t2.captured(100).customer("a").at(T3),
            t1.captured(5000).customer("a").at(T4),
            t1.approved(5000).customer("a").at(T1),
        ])
        .await;
    imprint.transaction("t1").await;
    let listed = async |query: &[(&str, &str)]| {
        let page = imprint.ask("/v1/transactions", query).await.is(200);
        let status =
            |row: &Value| format!("{} {}", text(row, "transaction_id"), text(row, "status"));
        items(&page, "items").iter().map(status).collect::<Vec<_>>()
    };
    for customer in [None, Some(("customer_id", "a"))] {
        let with = |more: &[(&'static str, &'static str)]| {
            let mut query: Vec<(&str, &str)> = customer.into_iter().collect();
            query.extend(more);
            query
        };
        assert_eq!(listed(&with(&[("happened_by", T0)])).await, Vec::<String>::new());
        assert_eq!(listed(&with(&[("happened_by", T2)])).await, ["t1 pending"]);
        let both = ["t1 pending", "t2 force_captured"];
        let mut sorted = listed(&with(&[("happened_by", T3)])).await;
        sorted.sort();
        assert_eq!(sorted, both);
        let captured = with(&[("happened_by", T3), ("status", "pending")]);
        assert_eq!(listed(&captured).await, ["t1 pending"]);
        let then = with(&[("happened_by", T4), ("as_of", "2"), ("source", "imprint")]);
        assert_eq!(listed(&then).await, ["t1 force_captured", "t2 force_captured"]);
    }
}

/// A page of the past is by the log of a source: without one, times alone are moments of all.
#[tokio::test]
async fn a_position_is_of_one_source_and_a_time_of_all() {
    let [one, other] = Ledger::several::<2>();
    one.receive(&Tx::new("t1").approved(100).at(T1)).await;
    other.receive(&Tx::new("t2").approved(100).at(T1)).await;
    one.transaction("t1").await;
    other.transaction("t2").await;
    one.ask("/v1/transactions", &[("as_of", "1")]).await.names("source");
    let far = [("as_of", "2999-01-01T00:00:00Z"), ("limit", "1")];
    let page = one.ask("/v1/transactions", &far).await.is(200);
    assert_eq!(column(items(&page, "items"), "transaction_id"), ["t1"]);
    let next = text(&page, "next_cursor");
    let page = one.ask("/v1/transactions", &[far[0], ("cursor", next)]).await.is(200);
    assert_eq!(column(items(&page, "items"), "transaction_id"), ["t2"]);
    assert_eq!(page["next_cursor"], json!(null));
    let before = one.ask("/v1/transactions", &[("as_of", "1999-01-01T00:00:00Z")]).await.is(200);
    assert_eq!(before["items"], json!([]));
    let stake = [("as_of", "1"), ("order", "stake"), ("source", &one.source)];
    one.ask("/v1/exceptions", &stake).await.names("order");
    one.ask("/v1/stale", &[("as_of", "1"), ("source", &one.source)]).await.names("as_of");
}

/// What is taken away is what is shown.
#[tokio::test]
async fn an_export_of_the_past_has_the_rows_of_the_past() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint.receives(&[t1.approved(5000).at(T1), t1.captured(5000).at(T2)]).await;
    imprint.transaction("t1").await;
    let asked = json!({
        "list": "transactions", "format": "csv", "reason": "an audit",
        "filters": {"as_of": "1", "source": "imprint"},
    });
    let url = format!("{}/v1/exports", imprint.service.base());
    let taken = imprint.service.http.post(url).json(&asked).send().await.expect("an answer");
    let text = taken.text().await.expect("all rows");
    let rows: Vec<_> = text.lines().skip(1).collect();
    assert!(matches!(rows.as_slice(), [row] if row.starts_with("imprint,t1,pending,")), "{rows:?}");
}
