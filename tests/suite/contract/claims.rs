//! Who runs a reader. On PostgreSQL it is one instance at a time; a file is whoever's has it open.

use std::time::{Duration, Instant};

use creditrail::store::{Bookmark, LEASE, Projected, Store};
use tokio::task::JoinSet;

use super::fresh::Fresh;

/// Far more than a lease.
const PATIENCE: Duration = Duration::from_secs(30);

on_every_store! {
    a_claim_tells_how_far_the_readers_of_a_source_are,
}

only_on_postgres! {
    a_reader_has_one_holder_at_a_time,
    of_those_that_claim_a_reader_at_once_one_gets_it,
    a_holder_that_asks_again_keeps_its_reader,
    a_holder_that_projects_keeps_its_reader,
    another_takes_over_where_the_holder_was_once_the_lease_has_run_out,
}

only_on_sqlite! {
    all_readers_are_whoevers_asks,
}

async fn a_claim_tells_how_far_the_readers_of_a_source_are(store: Fresh) {
    for (source, bookmarks) in [
        ("one", vec![("a", 0, 3), ("b", 0, 4)]),
        ("one", vec![("a", 3, 7)]),
        ("other", vec![("a", 0, 5)]),
    ] {
        assert!(store.project(source, moving(bookmarks)).await.unwrap());
    }
    for (source, stand) in
        [("one", vec![("a", 7), ("b", 4)]), ("other", vec![("a", 5)]), ("none", vec![])]
    {
        let mut found = store.claim(source, Vec::new(), "nobody").await.unwrap();
        found.sort_by(|one, other| one.reader.cmp(&other.reader));
        let found: Vec<_> = found.iter().map(|b| (b.reader.as_str(), b.position)).collect();
        assert_eq!(found, stand, "{source}");
    }
}

async fn a_reader_has_one_holder_at_a_time(store: Fresh) {
    let held = within_a_lease(async |source| {
        [
            mine(&*store, source, (&["a", "b"], "one")).await,
            mine(&*store, source, (&["b", "c"], "other")).await,
            mine(&*store, source, (&["a", "b", "c"], "one")).await,
            mine(&*store, source, (&[], "other")).await,
            mine(&*store, source, (&["a", "b", "c"], "third")).await,
            mine(&*store, &format!("{source}-beside"), (&["a"], "other")).await,
        ]
    });
    assert_eq!(
        held.await,
        [vec!["a", "b"], vec!["c"], vec!["a", "b"], vec!["c"], vec![], vec!["a"]]
    );
}

async fn of_those_that_claim_a_reader_at_once_one_gets_it(store: Fresh) {
    for round in 0..10 {
        let held = within_a_lease(async |attempt| {
            let mut claims = JoinSet::new();
            for nth in 0..8 {
                let (store, source) = (store.shared(), format!("{attempt}-{round}"));
                let claim = async move { mine(&*store, &source, (&["a"], &nth.to_string())).await };
                claims.spawn(claim);
            }
            claims.join_all().await.concat()
        });
        assert_eq!(held.await, ["a"]);
    }
}

async fn a_holder_that_asks_again_keeps_its_reader(store: Fresh) {
    let ask = async |source: &str, _| {
        assert_eq!(mine(&*store, source, (&["a"], "one")).await, ["a"]);
    };
    assert!(!another_gets_it_while(&*store, ask).await);
}

async fn a_holder_that_projects_keeps_its_reader(store: Fresh) {
    let project = async |source: &str, position| {
        if position == 0 {
            assert_eq!(mine(&*store, source, (&["a"], "one")).await, ["a"]);
        }
        let moving = moving(vec![("a", position, position + 1)]);
        assert!(store.project(source, moving).await.unwrap());
    };
    assert!(!another_gets_it_while(&*store, project).await);
}

async fn another_takes_over_where_the_holder_was_once_the_lease_has_run_out(store: Fresh) {
    let since = Instant::now();
    assert_eq!(mine(&*store, "lender", (&["a"], "one")).await, ["a"]);
    assert!(store.project("lender", moving(vec![("a", 0, 7)])).await.unwrap());
    let taken = loop {
        let found = store.claim("lender", vec!["a".into()], "other").await.unwrap();
        if found.iter().any(|found| found.is_mine) {
            break found;
        }
        assert!(since.elapsed() < PATIENCE, "nobody takes it over: {found:?}");
    };
    assert!(since.elapsed() >= LEASE, "it was taken away after {:?}", since.elapsed());
    assert_eq!(taken, [Bookmark { reader: "a".to_owned(), position: 7, is_mine: true }]);
}

async fn all_readers_are_whoevers_asks(store: Fresh) {
    assert!(store.project("lender", moving(vec![("a", 0, 3)])).await.unwrap());
    for holder in ["one", "other", "one"] {
        assert_eq!(mine(&*store, "lender", (&["a"], holder)).await, ["a"]);
    }
}

fn moving(bookmarks: Vec<(&'static str, i64, i64)>) -> Projected {
    let bookmarks = bookmarks.into_iter().map(|(reader, from, to)| (reader.into(), from, to));
    Projected { bookmarks: bookmarks.collect(), ..Projected::default() }
}

/// Claims readers: those of the source that are the holder's then, sorted.
async fn mine(
    store: &dyn Store,
    source: &str,
    (wanted, holder): (&[&'static str], &str),
) -> Vec<String> {
    let found =
        store.claim(source, wanted.iter().map(|&it| it.into()).collect(), holder).await.unwrap();
    let mine = found.into_iter().filter(|bookmark| bookmark.is_mine);
    let mut mine: Vec<_> = mine.map(|bookmark| bookmark.reader).collect();
    mine.sort();
    mine
}

/// What came of it on a source of its own, provided that it was over within a lease; otherwise
/// this machine was asleep, and another attempt is made.
async fn within_a_lease<T>(attempt: impl AsyncFn(&str) -> T) -> T {
    for nth in 0.. {
        let since = Instant::now();
        let done = attempt(&format!("attempt-{nth}")).await;
        if since.elapsed() < LEASE {
            return done;
        }
    }
    unreachable!("there is always another attempt")
}

/// Whether another holder gets the reader `a` in the time of two leases, in which `keep` is called
/// again and again, with the number of the call; without a pause in which it might be lost.
async fn another_gets_it_while(store: &dyn Store, keep: impl AsyncFn(&str, i64)) -> bool {
    for attempt in 0.. {
        let source = format!("attempt-{attempt}");
        let (since, mut calls, mut pause) = (Instant::now(), 0, Duration::ZERO);
        let mut is_taken = false;
        while since.elapsed() < 2 * LEASE && !is_taken {
            let call = Instant::now();
            keep(&source, calls).await;
            is_taken = mine(store, &source, (&["a"], "other")).await == ["a"];
            (calls, pause) = (calls + 1, pause.max(call.elapsed()));
        }
        if pause < LEASE / 2 {
            return is_taken;
        }
    }
    unreachable!("there is always another attempt")
}
