//! Lists: cursors that do not shift, filters, wrong parameters, and the log itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Card, Ledger, SECRET, T1, T2, T3, Tx, Webhook, column, decision, fixtures, items, number, text,
    unix_now,
};

#[tokio::test]
async fn a_cursor_does_not_shift_while_new_rows_arrive() {
    #[rustfmt::skip] // It is a table.
    let lists = [
        ("/v1/transactions",    "transaction_id"),
        ("/v1/payment-methods", "payment_method_id"),
        ("/v1/applications",    "application_id"),
        ("/v1/exceptions",      "id"),
        ("/v1/deliveries",      "delivery_id"),
    ];
    let imprint = Ledger::fresh();
    for nth in 10..20 {
        arrives(&imprint, nth).await;
    }
    let mut newcomer = 20;
    for (path, id) in lists {
        let before = ids(&imprint.list(path, &[("limit", "100")]).await, id);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        while seen.is_empty() || !cursor.is_empty() {
            let mut query = vec![("limit", "3")];
            query.extend((!cursor.is_empty()).then_some(("cursor", cursor.as_str())));
            let page = imprint.page(path, &query).await;
            assert!(items(&page, "items").len() <= 3, "{path}");
            seen.extend(ids(items(&page, "items"), id));
            cursor = page["next_cursor"].as_str().unwrap_or_default().to_owned();
            if newcomer < 40 {
                arrives(&imprint, newcomer).await;
                changes(&imprint, 10 + newcomer % 10).await;
                newcomer += 1;
            }
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{path}: none twice");
        let missed: Vec<_> = before.iter().filter(|id| !distinct.contains(id)).collect();
        assert!(missed.is_empty(), "{path}: none missed, but {missed:?}");
    }
}

/// A new row in every list.
async fn arrives(imprint: &Ledger, nth: usize) {
    let customer = format!("customer-{nth}");
    let card = format!("card-{nth}");
    let tx = format!("tx-{nth}");
    let news = [
        Tx::new(&tx).captured(5000).at(T2),
        Card::virtual_card(&card).is("ACTIVE").at(T1),
        decision("OFFER_ACCEPTED"),
    ];
    imprint.receives(&news.map(|webhook| webhook.customer(&customer))).await;
}

/// A row that is there already gets another status.
async fn changes(imprint: &Ledger, nth: usize) {
    let (customer, tx) = (format!("customer-{nth}"), format!("tx-{nth}"));
    let approval = Tx::new(&tx).approved(9000).customer(&customer).at(T1);
    imprint.receive(&approval).await;
}

/// A list, the field to look at, the filters, and what the field says then.
type Asked =
    (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[tokio::test]
async fn a_list_tells_what_a_filter_asks_for() {
    let imprint = Ledger::fresh();
    let (one, two, three) = (Tx::new("t1"), Tx::new("t2"), Tx::new("t3"));
    imprint
        .receives(&[
            one.approved(5000).customer("a").partner("p").at(T1),
            two.approved(5000).customer("b").at(T1),
            two.captured(5000).customer("b").at(T2),
            three.updated(5000).customer("a").at(T2),
            Card::virtual_card("c1").is("ACTIVE").customer("a").partner("p"),
            Card::physical_card("c2").is("INACTIVE").customer("b"),
            decision("OFFER_ACCEPTED").customer("a").partner("p"),
            decision("REJECTED").customer("b"),
        ])
        .await;
    #[rustfmt::skip] // It is a table.
    let asked: [Asked; 10] = [
        ("/v1/transactions",    "transaction_id",    &[],                                                   &["t1", "t2", "t3"]),
        ("/v1/transactions",    "transaction_id",    &[("status", "pending")],                              &["t1"]),
        ("/v1/transactions",    "transaction_id",    &[("customer_id", "a")],                               &["t1", "t3"]),
        ("/v1/transactions",    "transaction_id",    &[("customer_id", "a"), ("status", "unknown")],        &["t3"]),
        ("/v1/transactions",    "transaction_id",    &[("status", "voided")],                               &[]),
        ("/v1/payment-methods", "payment_method_id", &[("status", "active")],                               &["c1"]),
        ("/v1/payment-methods", "payment_method_id", &[("customer_id", "b")],                               &["c2"]),
        ("/v1/applications",    "status",            &[("status", "rejected")],                             &["rejected"]),
        ("/v1/applications",    "status",            &[("partner_customer_id", "p")],                       &["accepted"]),
        ("/v1/applications",    "status",            &[("customer_id", "a"), ("status", "rejected")],       &[]),
    ];
    for (path, field, filters, expected) in asked {
        let mut found = ids(&imprint.list(path, filters).await, field);
        found.sort();
        assert_eq!(found, expected, "{path} {filters:?}");
    }
}

#[tokio::test]
async fn an_id_that_looks_like_a_uuid_is_filtered_whatever_its_case() {
    let imprint = Ledger::fresh();
    imprint.deliver(fixtures::APPROVED).await;
    for customer in [fixtures::BUYER.to_owned(), fixtures::BUYER.to_uppercase()] {
        let found = imprint.list("/v1/transactions", &[("customer_id", &customer)]).await;
        assert_eq!(found.len(), 1, "{customer}");
    }
}

#[tokio::test]
async fn a_list_of_one_source_tells_nothing_of_another() {
    let [one, other] = Ledger::several::<2>();
    one.receive(&Tx::new("t1").captured(1000)).await;
    for path in ["/v1/transactions", "/v1/exceptions", "/v1/deliveries"] {
        assert!(!one.list(path, &[]).await.is_empty(), "{path}");
        assert!(other.list(path, &[]).await.is_empty(), "{path}");
    }
    let strange = format!("/v1/transactions/{}/t1", other.source);
    assert_eq!(other.ask(&strange, &[]).await.status, 404);
}

#[tokio::test]
async fn exceptions_and_deliveries_are_filtered_by_what_became_of_them() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint.deliver("no json").await;
    imprint
        .receives(&[tx.captured(5000).at(T2), tx.voided(5000).at(T3), tx.approved(5000).at(T1)])
        .await;
    // The void waited for the approval and turned out to be too late; the capture was a forced one
    // for a while.
    let mut open = ids(&imprint.exceptions(&[("status", "open")]).await, "code");
    open.retain(|code| code != "unknown_payment_method");
    open.sort();
    assert_eq!(open, ["malformed", "void_after_full_capture"]);
    let settled = imprint.exceptions(&[("status", "auto_resolved")]).await;
    assert!(ids(&settled, "code").contains(&"force_capture_provisional".to_owned()));

    for (outcome, count) in [("applied", 2), ("refused", 1), ("malformed", 1), ("parked", 0)] {
        let found = imprint.list("/v1/deliveries", &[("outcome", outcome)]).await;
        assert_eq!(found.len(), count, "{outcome}");
        assert_eq!(
            number(&imprint.counts().await["outcomes"], outcome),
            i64::try_from(count).unwrap()
        );
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let imprint = Ledger::fresh();
    imprint.receive(&Tx::new("t1").approved(1)).await;
    #[rustfmt::skip] // It is a table.
    let wrong = [
        ("/v1/transactions",               "limit",    "0"),
        ("/v1/transactions",               "limit",    "-1"),
        ("/v1/transactions",               "limit",    "many"),
        ("/v1/transactions",               "cursor",   "nonsense"),
        ("/v1/transactions",               "status",   "nonsense"),
        ("/v1/transactions",               "at_least", "soon"),
        ("/v1/transactions/imprint/t1",    "at_least", "soon"),
        ("/v1/payment-methods",            "status",   "nonsense"),
        ("/v1/applications",               "status",   "nonsense"),
        ("/v1/exceptions",                 "status",   "nonsense"),
        ("/v1/deliveries",                 "outcome",  "nonsense"),
        ("/v1/events",                     "after",    "nonsense"),
        ("/v1/events",                     "limit",    "0"),
    ];
    for (path, field, value) in wrong {
        let answer = imprint.ask(path, &[("source", "imprint"), (field, value)]).await;
        let told = answer.text.clone();
        assert!([400, 422].contains(&answer.status), "{path}?{field}={value}: {told}");
        answer.names(field);
    }
    imprint.ask("/v1/search", &[]).await.names("q");
    imprint.ask("/v1/events", &[]).await.names("source");
    let nowhere = imprint.ask("/v1/transactions", &[("at_least", "1")]).await;
    nowhere.names("source");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_code() {
    let imprint = Ledger::fresh();
    for path in [
        "transactions/imprint/none",
        "payment-methods/imprint/none",
        "applications/imprint/none",
        "customers/imprint/none",
        "deliveries/imprint/none",
        "transactions/stranger/t1",
        "sources/stranger",
        "nothing",
    ] {
        let answer = imprint.ask(&format!("/v1/{path}"), &[]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.content_type.starts_with("application/problem+json"), "{path}");
        assert!(!text(&answer.json(), "code").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn the_log_has_no_gap_and_every_stream_starts_at_one() {
    let imprint = Ledger::fresh();
    for body in fixtures::PAGE {
        imprint.deliver(body).await;
    }
    imprint.deliver("no json").await;
    imprint.deliver(fixtures::APPROVED).await;
    imprint.card(fixtures::CARD).await;

    let events = imprint.events().await;
    let positions: Vec<i64> = events.iter().map(|event| number(event, "position")).collect();
    let all: Vec<i64> = (1..).take(events.len()).collect();
    assert_eq!(positions, all);
    assert_eq!(positions.last(), Some(&imprint.service.position("imprint")));
    let streams: BTreeSet<_> = events.iter().map(stream).collect();
    for one in streams {
        let of_stream = events.iter().filter(|event| stream(event) == one);
        let sequence: Vec<i64> = of_stream.map(|event| number(event, "sequence")).collect();
        let counted: Vec<i64> = (1..).take(sequence.len()).collect();
        assert_eq!(sequence, counted, "{one:?}");
    }
    for event in &events {
        assert!(event["payload"].is_object(), "{event:#}");
        assert!(!text(event, "event_type").is_empty());
        assert!(text(event, "recorded_at").ends_with('Z'));
    }
    // In pieces it is the same log.
    let mut pieces = Vec::new();
    while pieces.len() < events.len() {
        let after = pieces.len().to_string();
        let query = [("source", "imprint"), ("after", after.as_str()), ("limit", "2")];
        let page = imprint.ask("/v1/events", &query).await.is(200);
        assert!((1..=2).contains(&items(&page, "items").len()), "{page:#}");
        pieces.extend_from_slice(items(&page, "items"));
    }
    assert_eq!(pieces, events);
}

fn stream(event: &Value) -> (String, String) {
    let field = |name| text(event, name).to_owned();
    (field("aggregate_type"), field("aggregate_id"))
}

#[tokio::test]
async fn rejected_calls_are_listed_by_source() {
    let [one, other] = Ledger::several::<2>();
    for secret in ["mistyped", "mistaken", SECRET] {
        let body = Tx::new("t1").approved(1).body();
        one.post_as(secret, unix_now(), body).await;
    }
    assert_eq!(one.list("/v1/rejected-calls", &[]).await.len(), 2);
    assert_eq!(other.list("/v1/rejected-calls", &[]).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_partner_reads_its_own_writes() {
    let imprint = Ledger::fresh();
    for nth in 0..50 {
        let id = format!("t{nth}");
        let step: Webhook = Tx::new(&id).approved(nth);
        let position = imprint.deliver(step.body()).await["position"].to_string();
        let path = format!("/v1/transactions/imprint/{id}");
        let view = imprint.ask(&path, &[("at_least", &position)]).await.is(200);
        assert_eq!(view["authorized"], json!(nth));
    }
}

fn ids(rows: &[Value], field: &str) -> Vec<String> {
    column(rows, field).into_iter().map(str::to_owned).collect()
}
