//! The ring of calls that were turned away: bounded in number and age.

use bytes::Bytes;
use creditrail::store::{RejectedCall, RejectedPlace, Store};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::fresh::{Entries, Fresh, NOW, SOURCE, commit, time};

on_every_store! {
    a_call_is_kept_as_it_came,
    only_the_newest_calls_stay,
    no_call_stays_that_is_too_old,
    calls_of_several_at_once_are_all_kept,
    an_accepted_call_leaves_the_ring_with_its_batch,
    each_source_has_a_ring_of_its_own,
}

async fn a_call_is_kept_as_it_came(store: Fresh) {
    let headers = "{\"a\":\"'\\u0000 ü€𝄞\"}".to_owned();
    let with_body = RejectedCall {
        cause: "no_match",
        headers: headers.clone(),
        body: Some(Bytes::from_static(b"\0\xff'\xc3\x28")),
        ..call(0)
    };
    let calls = vec![with_body, RejectedCall { body: Some(Bytes::new()), ..call(1) }, call(2)];
    store.reject(SOURCE, calls, 9, Timestamp::MIN).await.unwrap();
    let [without, empty, kept]: [_; 3] =
        store.rejected(SOURCE, 9).await.unwrap().try_into().unwrap();
    assert_eq!((kept.number, kept.received_at), (1, time(NOW)));
    assert_eq!(
        (kept.cause, kept.headers, kept.body_bytes),
        ("no_match".to_owned(), headers, Some(5))
    );
    assert_eq!((empty.number, empty.body_bytes), (2, Some(0)));
    assert_eq!((without.number, without.body_bytes), (3, None));
}

async fn only_the_newest_calls_stay(store: Fresh) {
    for (new, most, left) in [
        (0..3, 4, 1..=3),
        (3..4, 4, 1..=4),
        (4..6, 4, 3..=6),
        (6..20, 4, 17..=20),
        (20..21, 9, 17..=21),
        (21..22, 1, 22..=22),
    ] {
        store.reject(SOURCE, new.map(call).collect(), most, Timestamp::MIN).await.unwrap();
        assert_eq!(numbers(&*store, SOURCE).await, left.rev().collect::<Vec<_>>());
    }
}

async fn no_call_stays_that_is_too_old(store: Fresh) {
    for (new, oldest, left) in [
        (vec![0, 9, 3], NOW, vec![3, 2, 1]),
        (vec![5], NOW + 3, vec![4, 3, 2]),
        (vec![6, 5, 1], NOW + 6, vec![5, 2]),
    ] {
        let calls = new.into_iter().map(call).collect();
        store.reject(SOURCE, calls, 9, time(oldest)).await.unwrap();
        assert_eq!(numbers(&*store, SOURCE).await, left);
    }
}

async fn calls_of_several_at_once_are_all_kept(store: Fresh) {
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let store = store.shared();
        callers.spawn(async move {
            for nth in 0..5 {
                let calls = vec![call(caller), call(nth)];
                store.reject(SOURCE, calls, 1000, Timestamp::MIN).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    assert_eq!(numbers(&*store, SOURCE).await, (1..=80).rev().collect::<Vec<_>>());
}

async fn an_accepted_call_leaves_the_ring_with_its_batch(store: Fresh) {
    let sealed = |bytes| Some(Bytes::from_static(bytes));
    let whole = RejectedCall { body: sealed(b"b"), sealed_headers: sealed(b"\xffh"), ..call(1) };
    store.reject(SOURCE, vec![call(0), whole, call(2)], 9, Timestamp::MIN).await.unwrap();
    let found = store.sealed_calls(SOURCE, (0, time(NOW + 1)), 1).await.unwrap();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    let place = RejectedPlace { number: 2, received_at: time(NOW + 1) };
    assert_eq!((found.place, found.body.as_deref()), (place, Some(&b"b"[..])));
    assert_eq!(found.sealed_headers.as_deref(), Some(&b"\xffh"[..]));
    let rest = store.sealed_calls(SOURCE, (2, Timestamp::UNIX_EPOCH), 9).await.unwrap();
    assert_eq!(rest.iter().map(|call| call.place.number).collect::<Vec<_>>(), [3]);

    // Another call has the number, or another source.
    let other = RejectedPlace { received_at: time(NOW), ..place };
    let accepted = vec![place];
    for (source, asked, in_ring) in
        [(SOURCE, vec![place, other], vec![place]), ("another", vec![place], Vec::new())]
    {
        let mut batch = store.begin(source).await.unwrap();
        assert_eq!(batch.rejected(asked).await.unwrap(), in_ring);
        let written = Entries { accepted: accepted.clone(), ..Entries::default() };
        drop(batch);
        assert_eq!(numbers(&*store, SOURCE).await.len(), if source == SOURCE { 3 } else { 2 });
        commit(&*store, source, written).await.unwrap();
        assert_eq!(numbers(&*store, SOURCE).await, [3, 1]);
    }
    let mut batch = store.begin(SOURCE).await.unwrap();
    assert_eq!(batch.rejected(vec![place]).await.unwrap(), []);
}

async fn each_source_has_a_ring_of_its_own(store: Fresh) {
    for source in ["one", "other"] {
        store.reject(source, vec![call(0), call(1)], 9, Timestamp::MIN).await.unwrap();
    }
    store.reject("other", vec![call(9)], 1, time(NOW + 9)).await.unwrap();
    assert_eq!(numbers(&*store, "one").await, [2, 1]);
    assert_eq!(numbers(&*store, "other").await, [3]);
    let newest = store.rejected("one", 1).await.unwrap();
    assert_eq!((newest.len(), newest[0].number), (1, 2));
}

/// A call that came this many microseconds after [`NOW`].
fn call(after: i64) -> RejectedCall {
    RejectedCall {
        received_at: time(NOW + after),
        cause: "unsigned",
        headers: "{}".to_owned(),
        body: None,
        sealed_headers: None,
    }
}

/// The places of the ring, as they are listed: newest first.
async fn numbers(store: &dyn Store, source: &str) -> Vec<i64> {
    store.rejected(source, 1000).await.unwrap().into_iter().map(|call| call.number).collect()
}
