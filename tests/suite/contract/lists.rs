//! Lists: every row once, whatever the size of a page, and whatever comes in between.

use std::cmp::Reverse;

use creditrail::store::{Cursor, CustomerKeys, DeliveryRow, Order, Page, Store};
use creditrail_projections::{Cell, Change, Table, exceptions, timeline, transactions};

use super::fresh::{Fresh, commit, count, deliveries, delivery, fill, row};

on_every_store! {
    pages_hold_every_row_once_source_by_source_newest_first,
    rows_that_come_in_between_shift_no_page,
    every_order_holds_on_every_page,
    what_is_at_stake_is_one_order_over_all_sources,
    a_filter_holds_on_every_page,
    deliveries_are_listed_by_number_newest_first,
    deliveries_are_filtered_by_their_outcome_as_of_now,
    a_timeline_has_the_steps_of_a_customer_under_all_its_ids,
    a_timeline_is_in_the_order_in_which_things_happened,
}

async fn pages_hold_every_row_once_source_by_source_newest_first(store: Fresh) {
    let table = transactions::READ_MODEL.table;
    // At each position several, whose keys are told apart byte by byte.
    let keys = ["b", "", "a", "%", "'", "A", "_", "Z", "aa", "\u{e9}", "e", " "];
    let placed = || keys.into_iter().zip(0..).map(|(key, nth)| (nth % 3, key));
    for source in ["a", "b", "c"] {
        let rows = placed().map(|(place, key)| of_list(table, (place, key), (source, &[])));
        fill(&*store, source, (table, rows.collect())).await;
    }
    let mut newest_first: Vec<_> = placed().collect();
    newest_first.sort_by_key(|place| Reverse(*place));
    let of = |source| newest_first.iter().map(move |(_, key)| format!("{source}/{key}"));
    let expected: Vec<_> = of("c").chain(of("a")).collect();
    for limit in 1..=expected.len() + 1 {
        let listed = listed(&*store, table, page(["c", "none", "a"], limit)).await;
        assert_eq!(listed, expected, "pages of {limit}");
    }
    assert_eq!(listed(&*store, table, page([], 9)).await, Vec::<String>::new());
}

async fn rows_that_come_in_between_shift_no_page(store: Fresh) {
    let table = transactions::READ_MODEL.table;
    let at = |place: i64| of_list(table, (place, &format!("t{place}")), ("s", &[]));
    fill(&*store, "s", (table, (1..=6).map(at).collect())).await;
    let first = store.list(table, &page(["s"], 2)).await.unwrap();
    let shown: Vec<_> = first.iter().map(|row| row.document.as_str()).collect();
    assert_eq!(shown, ["s/t6", "s/t5"]);
    fill(&*store, "s", (table, [5, 7, 8].map(at).into())).await;
    let rest = Page { after: Some(first[1].cursor.clone()), ..page(["s"], 2) };
    assert_eq!(listed(&*store, table, rest).await, ["s/t4", "s/t3", "s/t2", "s/t1"]);
}

async fn every_order_holds_on_every_page(store: Fresh) {
    let table = exceptions::READ_MODEL.table;
    // At most positions and stakes several.
    let placed: Vec<(i64, i64, String)> =
        (0..12_i64).map(|nth| (nth % 5, nth % 4, format!("k{nth:02}"))).collect();
    let rows = placed.iter().map(|(place, stake, key)| {
        let said = [("status", "open".into()), ("stake", (*stake).into())];
        of_list(table, (*place, key), ("s", &said))
    });
    fill(&*store, "s", (table, rows.collect())).await;
    let keys = |mut sorted: Vec<(i64, String)>| {
        sorted.sort();
        sorted.into_iter().map(|(_, key)| format!("s/{key}")).collect::<Vec<_>>()
    };
    let by_place = keys(placed.iter().map(|(place, _, key)| (*place, key.clone())).collect());
    let by_stake = keys(placed.iter().map(|(_, stake, key)| (*stake, key.clone())).collect());
    for (order, sorted, is_reversed) in [
        (Order::Newest, &by_place, true),
        (Order::Oldest, &by_place, false),
        (Order::Stake, &by_stake, true),
    ] {
        let mut expected = sorted.clone();
        if is_reversed {
            expected.reverse();
        }
        for limit in [1, 5, 12] {
            let found = listed(&*store, table, Page { order, ..page(["s"], limit) }).await;
            assert_eq!(found, expected, "{order:?}, {limit} a page");
        }
    }
}

async fn what_is_at_stake_is_one_order_over_all_sources(store: Fresh) {
    let table = exceptions::READ_MODEL.table;
    let mut placed = Vec::new();
    for (source, stakes) in [("a", [7, 0, 5, 5, 9]), ("b", [5, 9, 1, 5, 0]), ("c", [5, 5, 8, 0, 2])]
    {
        let rows = stakes.iter().zip(0..).map(|(stake, nth)| {
            let key = format!("k{nth}");
            placed.push((Reverse(*stake), source, Reverse(key.clone())));
            let customer = if nth % 2 == 0 { Some("c") } else { None };
            let said = [
                ("status", "open".into()),
                ("stake", i64::from(*stake).into()),
                ("customer_id", customer.into()),
            ];
            of_list(table, (nth, &key), (source, &said))
        });
        fill(&*store, source, (table, rows.collect())).await;
    }
    // Of the same stake the sources stand in the order of their names, however they are asked for.
    placed.sort_unstable();
    let all: Vec<_> = placed.iter().map(|(_, source, key)| format!("{source}/{}", key.0)).collect();
    let odd: Vec<_> = all.iter().filter(|it| !it.ends_with(['1', '3'])).cloned().collect();
    for limit in 1..=all.len() + 1 {
        for sources in [["a", "b", "c"], ["c", "a", "b"]] {
            let asked = Page { order: Order::Stake, ..page(sources, limit) };
            assert_eq!(listed(&*store, table, asked.clone()).await, all, "pages of {limit}");
            let filters = vec![("customer_id", "c".to_owned())];
            let of_customer = listed(&*store, table, Page { filters, ..asked }).await;
            assert_eq!(of_customer, odd, "pages of {limit}");
        }
    }
}

async fn a_filter_holds_on_every_page(store: Fresh) {
    let table = exceptions::READ_MODEL.table;
    for source in ["one", "other"] {
        let rows = (0..12).map(|nth: i64| {
            let status = if nth % 2 == 0 { "open" } else { "resolved" };
            let customer =
                [Some("o'neil"), Some("O'NEIL"), None][usize::try_from(nth % 3).unwrap()];
            let said = [("status", status.into()), ("customer_id", customer.into())];
            of_list(table, (nth, &nth.to_string()), (source, &said))
        });
        fill(&*store, source, (table, rows.collect())).await;
    }
    let filtered = async |filters: &[(&'static str, &str)]| {
        let filters = filters.iter().map(|(column, value)| (*column, (*value).to_owned()));
        let filters: Vec<_> = filters.collect();
        listed(&*store, table, Page { filters, ..page(["other", "one"], 2) }).await
    };
    let (status, customer) = (("status", "open"), ("customer_id", "o'neil"));
    assert_eq!(filtered(&[status, customer]).await, ["other/6", "other/0", "one/6", "one/0"]);
    assert_eq!(filtered(&[customer]).await.len(), 8);
    assert_eq!(filtered(&[status]).await.len(), 12);
    assert_eq!(filtered(&[("customer_id", "%")]).await.len(), 0);
}

async fn deliveries_are_listed_by_number_newest_first(store: Fresh) {
    let receive = async |source, numbers: std::ops::RangeInclusive<i64>| {
        let rows: Vec<_> = numbers.map(delivery).collect();
        commit(&*store, source, deliveries(rows)).await.unwrap();
    };
    for source in ["a", "b", "c"] {
        receive(source, 1..=11).await;
    }
    let of = |source: &'static str| (1..=11).rev().map(move |number| (source.to_owned(), number));
    let expected: Vec<_> = of("c").chain(of("a")).collect();
    for limit in 1..=expected.len() + 1 {
        let numbers = delivered(&*store, page(["c", "a"], limit)).await;
        assert_eq!(numbers, expected, "pages of {limit}");
    }
    receive("a", 12..=14).await;
    let after = Some(Cursor { source: "a".to_owned(), place: 3, key: String::new() });
    let rest = delivered(&*store, Page { after, ..page(["c", "a"], 2) }).await;
    assert_eq!(rest, expected[expected.len() - 2..]);
}

async fn deliveries_are_filtered_by_their_outcome_as_of_now(store: Fresh) {
    let (table, outcomes) = (timeline::READ_MODEL.table, ["applied", "parked"]);
    let kept = (1..=6).map(|n| DeliveryRow { first_position: 10 * n, ..delivery(n) });
    commit(&*store, "s", deliveries(kept.collect::<Vec<_>>())).await.unwrap();
    let steps = (1..=5).zip(outcomes.into_iter().cycle()).map(|(number, outcome)| {
        let id = delivery(number).delivery_id;
        let said = [
            ("first_position", (10 * number).into()),
            ("outcome", outcome.into()),
            ("document", format!(r#"{{"id":"{id}"}}"#).into()),
        ];
        row(table, &format!("{:020}", 10 * number), &said)
    });
    fill(&*store, "s", (table, steps.collect())).await;
    for (outcome, numbers) in
        [("applied", vec![5, 3, 1]), ("parked", vec![4, 2]), ("stale", vec![])]
    {
        let filters = vec![("t.outcome", outcome.to_owned())];
        let found = delivered(&*store, Page { filters, ..page(["s"], 1) }).await;
        let found: Vec<_> = found.into_iter().map(|(_, number)| number).collect();
        assert_eq!(found, numbers, "{outcome}");
    }
}

async fn a_timeline_has_the_steps_of_a_customer_under_all_its_ids(store: Fresh) {
    let table = timeline::READ_MODEL.table;
    #[rustfmt::skip] // It is a table.
    let steps = [
        (1, Some("o'neil"), None),
        (2, Some("o'neil"), Some("p\"1")),
        (3, None,           Some("p\"1")),
        (4, None,           Some("{p,2}")),
        (5, Some("other"),  Some("p\"1")), // Names another customer.
        (6, Some("other"),  None),
        (7, None,           Some("p3")),
        (8, None,           None),
    ];
    let rows = steps.map(|(at, customer, partner)| {
        let said = [("customer_id", customer.into()), ("partner_customer_id", partner.into())];
        step(&at.to_string(), at, &said)
    });
    fill(&*store, "lender", (table, rows.into())).await;
    fill(&*store, "another", (table, vec![step("9", 9, &[("customer_id", "o'neil".into())])]))
        .await;
    for (customer, partners, steps) in [
        ("o'neil", vec!["p\"1", "{p,2}"], vec!["1", "2", "3", "4"]),
        ("o'neil", vec!["{p,2}"], vec!["1", "2", "4"]),
        ("o'neil", vec![], vec!["1", "2"]),
        ("other", vec!["p3"], vec!["5", "6", "7"]),
        ("nobody", vec![], vec![]),
    ] {
        assert_eq!(
            happened(&*store, (customer, &partners), Page { order: Order::Oldest, ..page([], 2) })
                .await,
            steps
        );
    }
}

async fn a_timeline_is_in_the_order_in_which_things_happened(store: Fresh) {
    let table = timeline::READ_MODEL.table;
    let add = async |steps: &[(&str, i64)]| {
        let of_customer = [("customer_id", "c".into())];
        let rows = steps.iter().map(|(key, at)| step(key, *at, &of_customer)).collect();
        fill(&*store, "lender", (table, rows)).await;
    };
    add(&[("1", 30), ("2", -5), ("3", 20), ("4", 20), ("5", i64::MAX), ("6", 20), ("7", 0)]).await;
    for limit in 1..=8 {
        let oldest = Page { order: Order::Oldest, ..page([], limit) };
        let mut all = happened(&*store, ("c", &[]), oldest).await;
        assert_eq!(all, ["2", "7", "3", "4", "6", "1", "5"], "pages of {limit}");
        all.reverse();
        assert_eq!(happened(&*store, ("c", &[]), page([], limit)).await, all, "pages of {limit}");
    }
    add(&[("31", 19), ("32", 20), ("8", 20), ("9", 40)]).await;
    let after = Some(Cursor { source: "lender".to_owned(), place: 20, key: "4".to_owned() });
    let rest = Page { after, order: Order::Oldest, ..page([], 2) };
    let rest = happened(&*store, ("c", &[]), rest).await;
    assert_eq!(rest, ["6", "8", "1", "9", "5"]);
}

fn page<const N: usize>(sources: [&str; N], limit: usize) -> Page {
    Page { sources: sources.map(str::to_owned).into(), limit, ..Page::default() }
}

/// A row at a place of a list; its document is `source/key`.
fn of_list(
    table: &Table,
    (place, key): (i64, &str),
    (source, said): (&str, &[(&str, Cell)]),
) -> Change {
    let own = [("first_position", place.into()), ("document", format!("{source}/{key}").into())];
    row(table, key, &[&own, said].concat())
}

/// A step of the timeline; its document is its key.
fn step(key: &str, occurred_at: i64, said: &[(&str, Cell)]) -> Change {
    let own = [("occurred_at", occurred_at.into()), ("document", key.into())];
    row(timeline::READ_MODEL.table, key, &[&own, said].concat())
}

/// The documents of all pages, one after the other.
async fn listed(store: &dyn Store, table: &'static Table, mut page: Page) -> Vec<String> {
    let mut listed = Vec::new();
    loop {
        let rows = store.list(table, &page).await.unwrap();
        assert!(rows.len() <= page.limit);
        let Some(last) = rows.last() else { return listed };
        page.after = Some(last.cursor.clone());
        listed.extend(rows.into_iter().map(|row| row.document));
    }
}

/// The deliveries of all pages: source and number.
async fn delivered(store: &dyn Store, mut page: Page) -> Vec<(String, i64)> {
    let mut listed = Vec::new();
    loop {
        let rows = store.deliveries(&page).await.unwrap();
        assert!(rows.len() <= page.limit);
        let Some((source, last)) = rows.last() else { return listed };
        let cursor = Cursor { source: source.clone(), place: last.row.number, key: String::new() };
        page.after = Some(cursor);
        listed.extend(rows.into_iter().map(|(source, kept)| (source, kept.row.number)));
    }
}

/// The documents of a customer's timeline, page by page.
async fn happened(
    store: &dyn Store,
    (customer, partners): (&str, &[&str]),
    mut page: Page,
) -> Vec<String> {
    let keys = CustomerKeys {
        source: "lender".to_owned(),
        customer_id: customer.to_owned(),
        partner_customer_ids: partners.iter().map(|id| (*id).to_owned()).collect(),
    };
    let mut listed = Vec::new();
    loop {
        let rows = store.timeline(&keys, &page).await.unwrap();
        assert!(count(&rows) <= i64::try_from(page.limit).unwrap());
        let Some(last) = rows.last() else { return listed };
        page.after = Some(last.cursor.clone());
        listed.extend(rows.into_iter().map(|row| row.document));
    }
}
