//! Which streams there were at a position, and where in the log a time is.

use std::collections::BTreeSet;

use creditrail::store::{CustomerKeys, Order, Page, past::Tie};
use creditrail_domain::AggregateType;
use creditrail_projections::{
    StreamId, applications, customers, identifiers, timeline, transactions,
};
use serde_json::json;

use super::fresh::{Fresh, NOW, SOURCE, event, events, fill, row, stream, time};

on_every_store! {
    a_time_leads_to_the_newest_position_that_was_recorded_by_then,
    streams_that_mention_a_customer_are_found_with_the_newest_first,
    things_are_found_by_every_value_with_which_they_were_named,
    ids_of_customers_are_told_as_they_stand_with_links_told_apart,
    an_application_leads_to_its_stream,
}

async fn a_time_leads_to_the_newest_position_that_was_recorded_by_then(store: Fresh) {
    // Microseconds after NOW, each of so many events.
    let batches = [(10, 1), (20, 3), (20, 1), (30, 2)];
    let mut recorded = Vec::new();
    for (at, many) in batches {
        let batch = store.begin(SOURCE).await.unwrap();
        let first = i64::try_from(recorded.len()).unwrap() + 1;
        let mut written = events((first..first + many).map(|n| event("t", n)).collect::<Vec<_>>())
            .after(batch.head());
        written.head.recorded_at = time(NOW + at);
        batch.commit(written).await.unwrap();
        recorded.extend((0..many).map(|_| at));
    }
    let head = i64::try_from(recorded.len()).unwrap();
    for at in [0, 9, 10, 11, 19, 20, 29, 30, 31] {
        let by_then = recorded.iter().filter(|recorded| **recorded <= at).count();
        let found = store.position_at(SOURCE, time(NOW + at), head).await.unwrap();
        assert_eq!(found, i64::try_from(by_then).unwrap(), "{at}");
    }
    for (position, at) in (1..).zip(recorded) {
        let found = store.recorded_at(SOURCE, position).await.unwrap();
        assert_eq!(found, Some(time(NOW + at)));
    }
    assert_eq!(store.recorded_at(SOURCE, 0).await.unwrap(), None);
    assert_eq!(store.position_at("another", time(NOW), 0).await.unwrap(), 0);
}

async fn streams_that_mention_a_customer_are_found_with_the_newest_first(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    let said = [
        (1, "c", "transaction", "one"),
        (2, "c", "charge",      "one"),
        (3, "c", "transaction", "two"),
        (4, "d", "transaction", "two"),
        (5, "c", "transaction", "one"),
        (6, "c", "transaction", "six"),
    ];
    let rows = said.map(|(position, customer, kind, stream): (i64, &str, &str, &str)| {
        let said = [
            ("first_position", position.into()),
            ("customer_id", customer.into()),
            // The newest happened first.
            ("occurred_at", (-position).into()),
            ("aggregate_type", kind.into()),
            ("stream", stream.into()),
        ];
        row(timeline::READ_MODEL.table, &format!("{position:020}"), &said)
    });
    fill(&*store, SOURCE, (timeline::READ_MODEL.table, rows.into())).await;
    let charge = || StreamId { aggregate_type: AggregateType::Charge, id: "one".to_owned() };
    let mentioning =
        async |customer, up_to| store.mentioning(SOURCE, customer, (up_to, None)).await.unwrap();
    assert_eq!(mentioning("c", 6).await, [stream("six"), stream("one"), stream("two"), charge()]);
    assert_eq!(mentioning("c", 5).await, [stream("one"), stream("two"), charge()]);
    assert_eq!(mentioning("c", 4).await, [stream("two"), charge(), stream("one")]);
    assert_eq!(mentioning("d", 3).await, []);
    let but = (6, Some(AggregateType::Transaction));
    assert_eq!(store.mentioning(SOURCE, "c", but).await.unwrap(), [charge()]);

    let transaction = |(key, customer, position): (&str, &str, i64)| {
        let has = [
            ("customer_id", customer.into()),
            ("position", position.into()),
            ("currency", "USD".into()),
            ("captured", (position * 10).into()),
        ];
        row(transactions::READ_MODEL.table, key, &has)
    };
    let known = [("one", "c", 5), ("two", "d", 4), ("six", "c", 6)].map(transaction);
    fill(&*store, SOURCE, (transactions::READ_MODEL.table, known.into())).await;
    let unchanged = async |up_to, since, but: &[&str]| {
        let since = (since, but.iter().map(|id| (*id).to_owned()).collect());
        let (sums, changed) = store.unchanged((SOURCE, "c"), up_to, since).await.unwrap();
        let captured = sums.iter().map(|balance| balance.confirmed).sum::<i64>();
        (captured, changed.into_iter().collect::<BTreeSet<_>>())
    };
    let streams = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
    // What is another's now is none of the customer's, though it has not changed since.
    assert_eq!(unchanged(6, 6, &[]).await, (110, streams(&["two"])));
    assert_eq!(unchanged(6, 5, &[]).await, (50, streams(&["six", "two"])));
    assert_eq!(unchanged(5, 5, &[]).await, (50, streams(&["two"])));
    assert_eq!(unchanged(6, 6, &["one"]).await, (60, streams(&["one", "two"])));
    assert_eq!(unchanged(6, 0, &[]).await, (0, streams(&["one", "six", "two"])));

    let customer = CustomerKeys {
        source: SOURCE.to_owned(),
        customer_id: "c".to_owned(),
        partner_customer_ids: Vec::new(),
    };
    let steps = async |order, limit, after| {
        let page = Page { order, limit, after, ..Page::default() };
        let steps = store.steps_of(&customer, &page, 5).await.unwrap();
        let at = steps.last().map(|(cursor, _)| cursor.clone());
        (steps.into_iter().map(|(_, stream)| stream).collect::<Vec<_>>(), at)
    };
    let (first, at) = steps(Order::Newest, 2, None).await;
    assert_eq!(first, [stream("one"), charge()]);
    assert_eq!(steps(Order::Newest, 9, at).await.0, [stream("two"), stream("one")]);
    let (oldest, _) = steps(Order::Oldest, 9, None).await;
    assert_eq!(oldest, [stream("one"), stream("two"), charge(), stream("one")]);
}

async fn things_are_found_by_every_value_with_which_they_were_named(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    let named = [
        ("order", "charge",      "c1"),
        ("order", "charge",      "c2"),
        ("order", "application", "a1"),
        ("order2", "charge",     "c3"),
    ];
    let rows = named.map(|(value, kind, id): (&str, &str, &str)| {
        let said = [("subject_type", kind.into()), ("subject_id", id.into())];
        row(identifiers::READ_MODEL.table, &json!([value, kind, id]).to_string(), &said)
    });
    fill(&*store, SOURCE, (identifiers::READ_MODEL.table, rows.into())).await;
    let named = async |value, kind, limit| store.named(SOURCE, (value, kind), limit).await.unwrap();
    assert_eq!(named("ORDER", "charge", 9).await, ["c1", "c2"]);
    assert_eq!(named("order", "charge", 1).await, ["c1"]);
    assert_eq!(named("order", "application", 9).await, ["a1"]);
    assert!(named("orde", "charge", 9).await.is_empty());
}

async fn ids_of_customers_are_told_as_they_stand_with_links_told_apart(store: Fresh) {
    let table = customers::READ_MODEL.table;
    let said = [(7, "link", "explicit"), (4, "implied", "implied")];
    let rows = said.map(|(position, kind, strength): (i64, &str, &str)| {
        let said = [
            ("first_position", position.into()),
            ("customer_id", "c".into()),
            ("partner_customer_id", "p".into()),
            ("strength", strength.into()),
        ];
        row(table, &json!([kind, "c", "p"]).to_string(), &said)
    });
    fill(&*store, SOURCE, (table, rows.into())).await;
    let told = |(first_position, strength, is_link): (i64, &str, bool)| Tie {
        first_position,
        customer_id: Some("c".to_owned()),
        partner_customer_id: Some("p".to_owned()),
        strength: strength.to_owned(),
        is_link,
    };
    let expected = [(4, "implied", false), (7, "explicit", true)].map(told);
    for (column, id) in [("customer_id", "c"), ("partner_customer_id", "p")] {
        let ids = vec![id.to_owned(), "other".to_owned()];
        let mut ties = store.ties(SOURCE, column, ids).await.unwrap();
        ties.sort_by_key(|tie| tie.first_position);
        assert_eq!(ties, expected);
    }
    assert_eq!(store.ties(SOURCE, "customer_id", Vec::new()).await.unwrap(), []);
    assert_eq!(store.ties(SOURCE, "customer_id", vec!["p".to_owned()]).await.unwrap(), []);
}

async fn an_application_leads_to_its_stream(store: Fresh) {
    let table = applications::READ_MODEL.table;
    let known = row(table, "a1", &[("applicant", "partner:p".into())]);
    fill(&*store, SOURCE, (table, vec![known])).await;
    let applicant = store.applicant(SOURCE, "a1").await.unwrap();
    assert_eq!(applicant.as_deref(), Some("partner:p"));
    assert_eq!(store.applicant(SOURCE, "p").await.unwrap(), None);
}
