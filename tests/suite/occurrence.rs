//! What had happened by a time, as it is known now or as it was known then: the two axes of time.

use serde_json::json;

use crate::support::{
    Card, Dice, Ledger, T0, T1, T2, T3, T4, T5, T6, Tx, Webhook, column, decision, items, link,
    number, orders, settled, text,
};

const END_OF_TIME: &str = "9999-12-30T00:00:00Z";

/// Approved, captured and voided; then comes an update that happened before the capture.
fn with_a_late_update() -> [Webhook; 4] {
    let t1 = Tx::new("t1");
    [
        t1.approved(5000).at(T1),
        t1.captured(5000).at(T3),
        t1.voided(5000).at(T4),
        t1.updated(8000).at(T2),
    ]
}

const PATH: &str = "/v1/transactions/imprint/t1";

#[tokio::test]
async fn a_late_step_is_there_once_it_was_heard_and_from_when_it_happened() {
    let imprint = Ledger::fresh();
    imprint.receives(&with_a_late_update()).await;
    let now = imprint.transaction("t1").await;
    #[rustfmt::skip] // It is a table.
    let table = [
        // known at, happened by   status                       authorized captured  hold  steps
        (None,      None,     ("captured_remainder_voided", 8000, 5000,    0, 4)),
        (Some("3"), None,     ("captured",                  5000, 5000,    0, 3)),
        // Before it happened it is not there, whatever was known.
        (None,      Some(T1), ("pending",                   5000,    0, 5000, 1)),
        (Some("3"), Some(T1), ("pending",                   5000,    0, 5000, 1)),
        // From when it happened on it is, if it is known.
        (None,      Some(T2), ("pending",                   8000,    0, 8000, 2)),
        (Some("3"), Some(T2), ("pending",                   5000,    0, 5000, 1)),
        (None,      Some(T3), ("partially_captured",        8000, 5000, 3000, 3)),
        (Some("3"), Some(T3), ("captured",                  5000, 5000,    0, 2)),
        // The void had to wait for it, or was refused.
        (None,      Some(T4), ("captured_remainder_voided", 8000, 5000,    0, 4)),
        (Some("3"), Some(T4), ("captured",                  5000, 5000,    0, 3)),
        (Some("5"), Some(T4), ("captured_remainder_voided", 8000, 5000,    0, 4)),
        (Some("1"), Some(T6), ("pending",                   5000,    0, 5000, 1)),
    ];
    for (as_of, happened_by, (status, authorized, captured, hold, steps)) in table {
        let mut query: Vec<_> = as_of.map(|as_of| ("as_of", as_of)).into_iter().collect();
        query.extend(happened_by.map(|by| ("happened_by", by)));
        let then = imprint.ask(PATH, &query).await.is(200);
        let said = ["authorized", "captured", "hold"].map(|field| number(&then, field));
        let count = items(&then, "steps").len();
        assert_eq!(
            (text(&then, "status"), said, count),
            (status, [authorized, captured, hold], steps),
            "{query:?}"
        );
        assert_eq!(then["happened_by"].as_str(), happened_by, "{query:?}");
        let position = as_of.map_or(number(&now, "position"), |at| at.parse().expect("a number"));
        assert!(query.is_empty() || then["as_of"]["position"] == position, "{query:?}");
    }
}

#[tokio::test]
async fn what_had_happened_is_the_same_whatever_came_first() {
    let ledgers = Ledger::several::<24>();
    let mut expected = Vec::new();
    for (imprint, order) in ledgers.iter().zip(orders(&with_a_late_update())) {
        imprint.receives(&order).await;
        imprint.transaction("t1").await;
        let mut answers = Vec::new();
        for by in [T1, T2, T3, T4, END_OF_TIME] {
            let path = format!("/v1/transactions/{}/t1", imprint.source);
            let then = imprint.ask(&path, &[("happened_by", by)]).await.is(200);
            answers.push(settled(&then));
        }
        if expected.is_empty() {
            expected.clone_from(&answers);
        }
        assert_eq!(answers, expected, "{order:#?}");
    }
}

#[tokio::test]
async fn by_the_end_of_time_all_has_happened() {
    for (ledger, seed) in Ledger::several::<2>().into_iter().zip([7, 8]) {
        println!("seed {seed}");
        let mut dice = Dice::seeded(seed);
        for nth in 0..30 {
            ledger.receive(&anything(&mut dice, nth)).await;
        }
        let mut paths = Vec::new();
        for (list, id) in [
            ("transactions", "transaction_id"),
            ("payment-methods", "payment_method_id"),
            ("applications", "application_id"),
        ] {
            let now = ledger.list(&format!("/v1/{list}"), &[]).await;
            let path = format!("/v1/{list}");
            let then = ledger.list(&path, &[("happened_by", END_OF_TIME)]).await;
            assert_eq!(json!(then), json!(now), "{list}");
            paths.extend(
                now.iter().map(|row| format!("/v1/{list}/{}/{}", ledger.source, text(row, id))),
            );
        }
        for customer in ["a", "b", "c"] {
            let path = format!("/v1/customers/{}/{customer}", ledger.source);
            let timeline = format!("{path}/timeline");
            let now = ledger.ask(&timeline, &[("limit", "200")]).await.is(200);
            let whole = [("limit", "200"), ("happened_by", END_OF_TIME)];
            assert_eq!(ledger.ask(&timeline, &whole).await.is(200), now, "{timeline}");
            paths.push(path);
        }
        for path in paths {
            let now = ledger.view(&path).await;
            let mut then = ledger.ask(&path, &[("happened_by", END_OF_TIME)]).await.is(200);
            let fields = then.as_object_mut().expect("a document");
            assert_eq!(fields.remove("happened_by"), Some(json!(END_OF_TIME)));
            assert!(fields.remove("as_of").is_some());
            assert_eq!(then, now, "{path}");
        }
    }
}

/// Of three things each, of three customers: so they meet.
fn anything(dice: &mut Dice, nth: usize) -> Webhook {
    let (customer, partner) = (dice.pick(&["a", "b", "c"]), dice.pick(&["p", "q", "r"]));
    let (time, thing) = (dice.pick(&[T0, T1, T2, T3, T4, T5]), dice.pick(&["x", "y", "z"]));
    let event = format!("event-{}", dice.roll(nth + 1));
    let kind = dice.pick(&["APPROVED", "UPDATED", "VOIDED", "CAPTURED", "REFUNDED"]);
    let webhook = match dice.roll(5) {
        0 => return link(customer, partner).at(time),
        1 => Card::virtual_card(thing).is(dice.pick(&["ACTIVE", "INACTIVE", "CANCELED"])),
        2 => decision(dice.pick(&["OFFER_ACCEPTED", "REJECTED"])).created_at(time),
        _ => Tx::new(thing).step(kind, 1000).event(&event).card(dice.pick(&["x", "y"])),
    };
    let webhook = webhook.customer(customer).at(time);
    if dice.roll(2) == 0 { webhook.partner(partner) } else { webhook }
}

#[tokio::test]
async fn a_customer_is_all_that_had_happened_to_it() {
    let imprint = Ledger::fresh();
    imprint
        .receives(&[
            Tx::new("t2").captured(900).customer("a").partner("q").at(T4),
            link("a", "p").at(T3),
            Tx::new("t1").captured(700).customer("a").at(T2),
            Card::virtual_card("c").is("ACTIVE").customer("a").at(T1),
        ])
        .await;
    imprint.customer("a").await;
    let path = "/v1/customers/imprint/a";
    #[rustfmt::skip] // It is a table.
    let table = [
        (T1, 0,    1, vec![],         vec!["payment_method"]),
        (T2, 700,  1, vec![],         vec!["payment_method", "transaction"]),
        (T3, 700,  1, vec!["p"],      vec!["payment_method", "transaction", "customer_link"]),
        (T4, 1600, 1, vec!["p", "q"], vec!["payment_method", "transaction", "customer_link", "transaction"]),
    ];
    for (by, confirmed, cards, partners, timeline) in table {
        let then = imprint.ask(path, &[("happened_by", by)]).await.is(200);
        assert_eq!(
            then["balances"][0]["confirmed"].as_i64().unwrap_or_default(),
            confirmed,
            "{by}"
        );
        assert_eq!(items(&then, "payment_methods").len(), cards, "{by}");
        let known = items(&then, "identities").iter();
        let known: Vec<_> = known.filter(|id| id["kind"] == "partner_customer_id").collect();
        let known: Vec<_> = known.into_iter().map(|id| text(id, "value")).collect();
        assert_eq!(known, partners, "{by}");
        let told = imprint.ask(&format!("{path}/timeline"), &[("happened_by", by)]).await.is(200);
        let about = items(&told, "items").iter().map(|entry| text(&entry["subject"], "type"));
        assert_eq!(about.collect::<Vec<_>>(), timeline, "{by}");
    }
    let nothing = imprint.ask(path, &[("happened_by", T0)]).await;
    nothing.is_problem(404, "not_known_then");
    let nothing = imprint.ask(&format!("{path}/timeline"), &[("happened_by", T0)]).await;
    nothing.is_problem(404, "not_known_then");
    // Known at first was only what came first.
    let first = imprint.ask(path, &[("as_of", "1"), ("happened_by", T5)]).await.is(200);
    assert_eq!(first["payment_methods"], json!([]));
}

#[tokio::test]
async fn a_persons_decision_stays_with_the_step_that_it_is_about() {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint
        .receives(&[
            t1.approved(5000).at(T1),
            t1.approved(8000).event("second").at(T2),
            t1.captured(1000).at(T3),
        ])
        .await;
    let second = imprint.exception("second_approval").await;
    let path = format!("/v1/exceptions/{}/resolve", text(&second, "id"));
    let said = json!({"action": "convert", "convert_to": "update", "reason": "an increment"});
    imprint.command(&path, &said).await.is(200);
    imprint.transaction("t1").await;
    for (query, authorized) in [
        (vec![("happened_by", T2)], 8000),
        // It was decided later, and known later.
        (vec![("happened_by", T2), ("as_of", "3")], 5000),
        (vec![("happened_by", T1)], 5000),
    ] {
        let then = imprint.ask(PATH, &query).await.is(200);
        assert_eq!(number(&then, "authorized"), authorized, "{query:?}");
    }
}

#[tokio::test]
async fn a_report_without_a_time_happens_when_it_is_received() {
    let imprint = Ledger::fresh();
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    imprint.receive(&Tx::new("t1").captured(5000).without("updated_at")).await;
    let now = imprint.transaction("t1").await;
    let capture = items(&now, "steps").iter().find(|step| step["kind"] == "capture");
    let received_at = text(capture.expect("the capture"), "received_at");
    let status = async |by: &str| {
        let then = imprint.ask(PATH, &[("happened_by", by)]).await.is(200);
        text(&then, "status").to_owned()
    };
    assert_eq!(status(received_at).await, "captured");
    assert_eq!(status(T6).await, "pending");
}

#[tokio::test]
async fn the_difference_between_two_moments_is_told_of_what_had_happened() {
    let imprint = Ledger::fresh();
    imprint.receives(&with_a_late_update()).await;
    imprint.transaction("t1").await;
    let path = format!("{PATH}/changes");
    let told = imprint.ask(&path, &[("from", "3"), ("happened_by", T2)]).await.is(200);
    assert_eq!(told["happened_by"], T2);
    let fields = column(items(&told, "changes"), "field");
    assert!(fields.contains(&"authorized") && !fields.contains(&"status"), "{fields:?}");
    let nothing = imprint.ask(&path, &[("from", "3"), ("happened_by", T1)]).await.is(200);
    assert_eq!(nothing["changes"], json!([]));
}

#[tokio::test]
async fn what_is_no_time_is_refused_and_what_had_not_happened_is_not_known() {
    let imprint = Ledger::fresh();
    imprint.receives(&with_a_late_update()).await;
    imprint.transaction("t1").await;
    for wrong in ["3", "yesterday", "2026-02-30T00:00:00Z"] {
        imprint.ask(PATH, &[("happened_by", wrong)]).await.names("happened_by");
        imprint.ask("/v1/transactions", &[("happened_by", wrong)]).await.names("happened_by");
    }
    imprint.ask("/v1/exceptions", &[("happened_by", T1)]).await.names("happened_by");
    imprint.ask("/v1/deliveries", &[("as_of", "1")]).await.names("as_of");
    let problem = imprint.ask(PATH, &[("happened_by", T0)]).await;
    let problem = problem.is_problem(404, "not_known_then");
    assert!(text(&problem, "detail").contains("had happened by"), "{problem:#}");
    let problem = imprint.ask(PATH, &[("happened_by", T6), ("as_of", "0")]).await;
    let problem = problem.is_problem(404, "not_known_then");
    assert!(text(&problem, "detail").ends_with("from position 1 on"), "{problem:#}");
    let unknown = imprint.ask("/v1/charges/imprint/none", &[("happened_by", T6)]).await;
    unknown.is_problem(404, "not_found");
}

/// The page says in words which of the questions it answers.
#[tokio::test]
async fn the_page_says_what_was_known_and_of_what() {
    let imprint = Ledger::fresh();
    imprint.receives(&with_a_late_update()).await;
    imprint.transaction("t1").await;
    let page = async |query: &str| {
        let url = format!("{}/transactions/imprint/t1{query}", imprint.service.base());
        imprint.service.http.get(url).send().await.expect("a page").text().await.expect("all of it")
    };
    assert!(!page("").await.contains("What we knew"));
    let shown = page(&format!("?happened_by={T2}")).await;
    assert!(shown.contains("What we know now, of what had happened by"), "{shown}");
    let shown = page(&format!("?as_of=3&happened_by={T2}")).await;
    assert!(shown.contains("What we knew at position <b>3</b>"), "{shown}");
    assert!(shown.contains(", of what had happened by"), "{shown}");
    // The ways to other moments keep to what had happened.
    assert!(shown.contains("?as_of=1&amp;happened_by="), "{shown}");
}
