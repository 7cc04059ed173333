//! What is answered about a customer, an id, a source.

use creditrail::store::{Balance, DeliveryRow, Due, Identity, Store};
use creditrail_domain::AggregateType;
use creditrail_projections::{
    StreamId, customers, customers::Pair, deadlines, exceptions, identifiers, tallies, transactions,
};
use serde_json::json;

use super::fresh::{Fresh, NOW, SOURCE, commit, deliveries, delivery, fill, row, stream, time};

on_every_store! {
    a_document_is_found_by_its_key,
    the_ids_of_a_customer_are_told_with_their_strength,
    pairs_are_found_by_either_id,
    balances_add_up_by_currency,
    a_balance_that_does_not_fit_is_the_most_that_does,
    a_search_finds_an_id_in_any_case_and_none_that_it_begins,
    a_search_finds_fifty_at_the_most,
    outcomes_and_open_exceptions_are_counted,
    streams_are_due_from_their_deadline_on,
    the_newest_delivery_tells_when_a_source_was_heard_last,
}

async fn a_document_is_found_by_its_key(store: Fresh) {
    let table = transactions::READ_MODEL.table;
    for source in [SOURCE, "another"] {
        let rows = ["t", "T", "t'", "%"]
            .map(|key| row(table, key, &[("document", format!("{source} {key}").into())]));
        fill(&*store, source, (table, rows.into())).await;
    }
    for key in ["t", "T", "t'", "%"] {
        let found = store.document(table, SOURCE, key).await.unwrap();
        assert_eq!(found, Some(format!("{SOURCE} {key}")));
    }
    for (source, key) in [(SOURCE, "tt"), (SOURCE, ""), ("none", "t")] {
        assert_eq!(store.document(table, source, key).await.unwrap(), None);
    }
}

async fn the_ids_of_a_customer_are_told_with_their_strength(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    with_customers(&*store, &[
        (9, Some("c"),     None,       "seen"),
        (4, Some("c"),     Some("p1"), "implied"),
        (6, Some("c"),     Some("p1"), "explicit"),
        (7, Some("c"),     Some("p2"), "parked"),
        (8, Some("c"),     Some("p3"), "implied"),
        (3, Some("c"),     Some("p4"), "ended"),
        (5, Some("c"),     Some("p4"), "implied"),
        (1, Some("other"), Some("p1"), "explicit"),
        (2, None,          Some("p5"), "seen"),
    ])
    .await;
    #[rustfmt::skip] // It is a table.
    let expected = [
        ("customer_id",         "c",  "explicit", 9),
        ("partner_customer_id", "p1", "explicit", 4),
        ("partner_customer_id", "p2", "parked",   7),
        ("partner_customer_id", "p3", "implied",  8),
        ("partner_customer_id", "p4", "ended",    3),
    ];
    let expected = expected.map(|(kind, value, strength, position)| Identity {
        kind,
        value: value.to_owned(),
        strength: strength.to_owned(),
        position,
    });
    assert_eq!(store.identities(SOURCE, "c").await.unwrap(), expected);
    for (source, customer) in [(SOURCE, "p1"), (SOURCE, "C"), ("another", "c")] {
        assert_eq!(store.identities(source, customer).await.unwrap(), []);
    }
}

async fn pairs_are_found_by_either_id(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    with_customers(&*store, &[
        (7, Some("c1"),  Some("p1"),    "explicit"),
        (5, Some("c1"),  Some("p1"),    "implied"),
        (6, Some("c2"),  Some("p1"),    "ended"),
        (2, Some("c2"),  Some("p2"),    "parked"),
        (3, Some("c2"),  None,          "seen"),
        (4, None,        Some("p1"),    "seen"),
        (8, Some("'\""), Some("{p,\\"), "implied"),
        (9, Some("c3"),  Some("NULL"),  "implied"),
    ])
    .await;
    let [one, two, odd, null] =
        [(5, "c1", "p1"), (6, "c2", "p1"), (8, "'\"", "{p,\\"), (9, "c3", "NULL")];
    #[rustfmt::skip] // It is a table.
    let asked = [
        (vec!["c1"],               vec![],              vec![one]),
        (vec![],                   vec!["p1"],          vec![one, two]),
        (vec!["c1"],               vec!["p1", "p2"],    vec![one, two]),
        (vec!["c2", "'\"", "c3"],  vec![],              vec![odd, two, null]),
        (vec![],                   vec!["{p,\\"],       vec![odd]),
        (vec![],                   vec!["NULL", "p2"],  vec![null]),
        (vec!["p1", "", "C1"],     vec!["c1"],          vec![]),
        (vec![],                   vec![],              vec![]),
    ];
    for (customers, partners, expected) in asked {
        let [customers, partners] =
            [customers, partners].map(|ids| ids.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let expected = expected.into_iter().map(|(first_position, customer, partner)| Pair {
            first_position,
            customer_id: customer.to_owned(),
            partner_customer_id: partner.to_owned(),
        });
        let found = store.pairs(SOURCE, customers.clone(), partners.clone()).await.unwrap();
        assert_eq!(found, expected.collect::<Vec<_>>(), "{customers:?} {partners:?}");
        assert_eq!(store.pairs("another", customers, partners).await.unwrap(), []);
    }
}

async fn balances_add_up_by_currency(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    with_transactions(&*store, &[
        ("c",     Some("USD"), [5000,      3451, 51]),
        ("c",     Some("USD"), [1_999_999, 1,    0]),
        ("c",     Some("JPY"), [0,         10,   30]),
        ("c",     None,        [9,         9,    9]),
        ("other", Some("USD"), [7,         7,    7]),
    ])
    .await;
    let jpy = balance("JPY", [0, 10, 30, -20]);
    let usd = balance("USD", [2_004_999, 3452, 51, 3401]);
    assert_eq!(store.balances(SOURCE, "c").await.unwrap(), [jpy, usd]);
    assert_eq!(store.balances(SOURCE, "nobody").await.unwrap(), []);
    assert_eq!(store.balances("another", "c").await.unwrap(), []);
}

async fn a_balance_that_does_not_fit_is_the_most_that_does(store: Fresh) {
    const MAX: i64 = i64::MAX;
    #[rustfmt::skip] // It is a table.
    with_transactions(&*store, &[
        ("fits",     Some("USD"), [MAX / 2,     MAX - 1, 0]),
        ("fits",     Some("USD"), [MAX / 2 + 1, 1,       MAX]),
        ("too much", Some("USD"), [MAX,         MAX,     0]),
        ("too much", Some("USD"), [MAX,         1,       0]),
        ("too much", Some("USD"), [MAX,         0,       1]),
    ])
    .await;
    let fits = store.balances(SOURCE, "fits").await.unwrap();
    assert_eq!(fits, [balance("USD", [MAX, MAX, MAX, 0])]);
    let too_much = store.balances(SOURCE, "too much").await.unwrap();
    assert_eq!(too_much, [balance("USD", [MAX, MAX, 1, MAX - 1])]);
}

async fn a_search_finds_an_id_in_any_case_and_none_that_it_begins(store: Fresh) {
    let ids = ["ab", "abc", "a", "ab\"", "ab\",\"", "ab%", "\u{e9}'", "ab,", "\\"];
    with_identifiers(&*store, &ids.map(|id| (id, id.to_owned()))).await;
    with_identifiers(&*store, &[("ab", "second".to_owned())]).await;
    for id in ids.into_iter().filter(|id| *id != "ab") {
        let found = vec![("transaction".to_owned(), id.to_owned())];
        assert_eq!(store.search(SOURCE, id).await.unwrap(), found);
        assert_eq!(store.search(SOURCE, &id.to_uppercase()).await.unwrap(), found);
    }
    let both = ["ab", "second"].map(|id| ("transaction".to_owned(), id.to_owned()));
    assert_eq!(store.search(SOURCE, "aB").await.unwrap(), both);
    for (source, id) in [(SOURCE, ""), (SOURCE, "%"), (SOURCE, "a_"), ("another", "ab")] {
        assert_eq!(store.search(source, id).await.unwrap(), []);
    }
}

async fn a_search_finds_fifty_at_the_most(store: Fresh) {
    let found_by_one: Vec<_> = (0..60).map(|nth| ("id", format!("{nth:02}"))).collect();
    with_identifiers(&*store, &found_by_one).await;
    let found = store.search(SOURCE, "id").await.unwrap();
    assert!(found.into_iter().map(|(_, id)| id).eq((0..50).map(|nth| format!("{nth:02}"))));
}

async fn outcomes_and_open_exceptions_are_counted(store: Fresh) {
    let table = tallies::READ_MODEL.table;
    let counts = [("parked", 2), ("applied", 5)]
        .map(|(outcome, count)| row(table, outcome, &[("count", count.into())]));
    fill(&*store, SOURCE, (table, counts.into())).await;
    let table = exceptions::READ_MODEL.table;
    let raised = ["open high", "open info", "open high", "resolved high", "auto_resolved review"];
    let raised = raised.into_iter().zip(0..).map(|(of, nth)| {
        let (status, severity) = of.split_once(' ').unwrap();
        row(table, &nth.to_string(), &[("status", status.into()), ("severity", severity.into())])
    });
    fill(&*store, SOURCE, (table, raised.collect())).await;
    let told = |counts: &[(&str, i64)]| -> Vec<(String, i64)> {
        counts.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
    };
    assert_eq!(store.tallies(SOURCE).await.unwrap(), told(&[("applied", 5), ("parked", 2)]));
    assert_eq!(store.open_exceptions(SOURCE).await.unwrap(), told(&[("high", 2), ("info", 1)]));
    assert_eq!(store.tallies("another").await.unwrap(), []);
    assert_eq!(store.open_exceptions("another").await.unwrap(), []);
}

async fn streams_are_due_from_their_deadline_on(store: Fresh) {
    let card = || StreamId { aggregate_type: AggregateType::PaymentMethod, id: "t".to_owned() };
    #[rustfmt::skip] // It is a table.
    let steps = [
        (stream("t"), 2),
        (stream("v"), 9),
        (card(),      5),
    ];
    let table = deadlines::READ_MODEL.table;
    let rows = steps.into_iter().zip(0..).map(|((stream, due), nth)| {
        let said = [
            ("aggregate_type", stream.aggregate_type.name().into()),
            ("stream", stream.id.into()),
            ("due_at", (NOW + due).into()),
        ];
        row(table, &nth.to_string(), &said)
    });
    fill(&*store, SOURCE, (table, rows.collect())).await;
    let due = async |after: i64, limit| {
        let due = store.due(SOURCE, time(NOW + after), (&Due::default(), limit)).await.unwrap();
        let mut streams: Vec<_> = due.into_iter().map(|(_, stream)| stream).collect();
        streams.sort();
        streams
    };
    assert_eq!(due(1, 9).await, []);
    assert_eq!(due(2, 9).await, [stream("t")]);
    assert_eq!(due(4, 9).await, [stream("t")]);
    assert_eq!(due(5, 9).await, [card(), stream("t")]);
    assert_eq!(due(9, 9).await, [card(), stream("t"), stream("v")]);
    assert_eq!(due(9, 2).await.len(), 2);
    let first = store.due(SOURCE, time(NOW + 9), (&Due::default(), 1)).await.unwrap();
    let behind = store.due(SOURCE, time(NOW + 9), (&first[0].0, 9)).await.unwrap();
    let behind: Vec<_> = behind.into_iter().map(|(_, stream)| stream).collect();
    assert_eq!((&first[0].1, &behind[..]), (&stream("t"), &[card(), stream("v")][..]));
    let another = store.due("another", time(NOW + 9), (&Due::default(), 9)).await.unwrap();
    assert_eq!(another, []);
}

async fn the_newest_delivery_tells_when_a_source_was_heard_last(store: Fresh) {
    assert_eq!(store.last_received_at(SOURCE).await.unwrap(), None);
    for (number, after) in [(1, 5), (2, 3), (3, 7)] {
        let row = DeliveryRow { last_received_at: time(NOW + after), ..delivery(number) };
        commit(&*store, SOURCE, deliveries([row])).await.unwrap();
        let heard = store.last_received_at(SOURCE).await.unwrap();
        assert_eq!(heard, Some(time(NOW + after)));
    }
    assert_eq!(store.last_received_at("another").await.unwrap(), None);
}

/// Rows of the customers' read model: position, ids, strength.
async fn with_customers(store: &dyn Store, rows: &[(i64, Option<&str>, Option<&str>, &str)]) {
    let table = customers::READ_MODEL.table;
    let rows = rows.iter().map(|(position, customer, partner, strength)| {
        let said = [
            ("first_position", (*position).into()),
            ("customer_id", (*customer).into()),
            ("partner_customer_id", (*partner).into()),
            ("strength", (*strength).into()),
        ];
        row(table, &position.to_string(), &said)
    });
    fill(store, SOURCE, (table, rows.collect())).await;
}

/// Transactions: customer, currency, and what is held, captured and refunded.
async fn with_transactions(store: &dyn Store, rows: &[(&str, Option<&str>, [i64; 3])]) {
    let table = transactions::READ_MODEL.table;
    let rows = rows.iter().zip(0..).map(|((customer, currency, amounts), nth)| {
        let [hold, captured, refunded] = amounts.map(Into::into);
        let said = [
            ("customer_id", (*customer).into()),
            ("currency", (*currency).into()),
            ("hold", hold),
            ("captured", captured),
            ("refunded", refunded),
        ];
        row(table, &nth.to_string(), &said)
    });
    fill(store, SOURCE, (table, rows.collect())).await;
}

/// Ids and the transactions that they lead to, keyed as the read model keys them.
async fn with_identifiers(store: &dyn Store, ids: &[(&str, String)]) {
    let table = identifiers::READ_MODEL.table;
    let rows = ids.iter().map(|(value, id)| {
        let key = json!([value, "transaction", id]).to_string();
        let said = [("subject_type", "transaction".into()), ("subject_id", id.as_str().into())];
        row(table, &key, &said)
    });
    fill(store, SOURCE, (table, rows.collect())).await;
}

fn balance(currency: &str, [pending, confirmed, refunded, net]: [i64; 4]) -> Balance {
    Balance { currency: currency.to_owned(), pending, confirmed, refunded, net }
}
