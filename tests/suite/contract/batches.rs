//! Batches: one at a time on a source, positions without a gap, all of a batch or nothing.

use std::pin::pin;

use creditrail::store::{DeliveryRow, Head, Page, Store};
use tokio::task::JoinSet;

use super::fresh::{
    Entries, Fresh, SOURCE, commit, count, deliveries, delivery, event, events, log, stream,
};

on_every_store! {
    a_source_begins_with_an_empty_head,
    events_get_the_positions_after_the_head,
    a_batch_waits_for_the_end_of_the_one_before_it,
    writers_that_race_leave_neither_gap_nor_overlap,
    two_sources_do_not_mix,
    a_batch_that_is_dropped_writes_nothing_and_makes_way,
    a_begin_that_is_given_up_makes_way,
    a_commit_that_is_given_up_is_whole_or_not_there,
    a_delivery_that_is_there_already_is_refused_with_its_batch,
    a_sequence_that_is_there_already_is_refused_with_its_batch,
    a_quote_in_the_name_of_a_source_does_no_harm,
}

async fn a_source_begins_with_an_empty_head(store: Fresh) {
    assert_eq!(store.head(SOURCE).await.unwrap(), Head::EMPTY);
    assert_eq!(store.begin(SOURCE).await.unwrap().head(), Head::EMPTY);
    let head = commit(&*store, SOURCE, events([])).await.unwrap();
    assert_eq!((head.position, head.deliveries, head.received), (0, 0, 0));
    assert_eq!(store.head(SOURCE).await.unwrap(), head);
}

async fn events_get_the_positions_after_the_head(store: Fresh) {
    for (batch, head) in [
        (vec![("b", 1), ("a", 1), ("b", 2)], 3),
        (vec![], 3),
        (vec![("a", 2)], 4),
        (vec![("c", 1), ("b", 3)], 6),
    ] {
        let batch: Vec<_> = batch.into_iter().map(|(id, sequence)| event(id, sequence)).collect();
        commit(&*store, SOURCE, events(batch)).await.unwrap();
        assert_eq!(store.head(SOURCE).await.unwrap().position, head);
    }
    let logged = [(1, "b", 1), (2, "a", 1), (3, "b", 2), (4, "a", 2), (5, "c", 1), (6, "b", 3)];
    let logged = logged.map(|(position, id, sequence)| (position, id.to_owned(), sequence));
    assert_eq!(log(&*store, SOURCE).await, logged);
}

async fn a_batch_waits_for_the_end_of_the_one_before_it(store: Fresh) {
    let mut first = store.begin(SOURCE).await.unwrap();
    let mut second = pin!(store.begin(SOURCE));
    for _ in 0..500 {
        tokio::select! {
            biased;
            _ = &mut second => panic!("two batches of one source at once"),
            loaded = first.load(vec![stream("t")]) => assert_eq!(loaded.unwrap(), []),
        }
    }
    let written = events([event("t", 1)]).after(first.head());
    let head = written.head;
    first.commit(written).await.unwrap();
    let mut second = second.await.unwrap();
    assert_eq!(second.head(), head);
    assert_eq!(second.load(vec![stream("t")]).await.unwrap().len(), 1);
}

async fn writers_that_race_leave_neither_gap_nor_overlap(store: Fresh) {
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.shared();
        writers.spawn(async move {
            for sequence in 1..=10 {
                let event = event(&format!("t{writer}"), sequence);
                commit(&*store, SOURCE, events([event])).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let positions = log(&*store, SOURCE).await.into_iter().map(|(position, ..)| position);
    assert!(positions.eq(1..=80));
}

async fn two_sources_do_not_mix(store: Fresh) {
    for round in 1..=3 {
        for (source, most) in [("one", 1), ("other", 2)] {
            let sequences = (round - 1) * most + 1..=round * most;
            let entries = Entries {
                deliveries: vec![delivery(round)],
                events: sequences.map(|sequence| event("t", sequence)).collect(),
                ..Entries::default()
            };
            commit(&*store, source, entries).await.unwrap();
        }
    }
    for (source, events, deliveries) in [("one", 3, 3), ("other", 6, 3), ("another", 0, 0)] {
        let logged: Vec<_> = (1..=events).map(|nth| (nth, "t".to_owned(), nth)).collect();
        assert_eq!(log(&*store, source).await, logged);
        let of_stream = store.events_of(source, vec![stream("t")], i64::MAX).await.unwrap();
        assert!(of_stream.iter().all(|event| event.source == source));
        assert_eq!(count(&of_stream), events);
        assert_eq!(holds(&*store, source).await, (events, deliveries));
    }
}

async fn a_batch_that_is_dropped_writes_nothing_and_makes_way(store: Fresh) {
    let mut batch = store.begin(SOURCE).await.unwrap();
    batch.load(vec![stream("t")]).await.unwrap();
    drop(batch);
    assert_eq!(store.begin(SOURCE).await.unwrap().head(), Head::EMPTY);
    commit(&*store, SOURCE, events([event("t", 1)])).await.unwrap();
    assert_eq!(holds(&*store, SOURCE).await, (1, 0));
}

async fn a_begin_that_is_given_up_makes_way(store: Fresh) {
    // While it waits for its turn, and at any moment of its beginning.
    let first = store.begin(SOURCE).await.unwrap();
    for rounds in [0, 1, 10, 100] {
        assert!(given_up_after(rounds, store.begin(SOURCE)).await.is_none());
    }
    drop(first);
    let mut rounds = 0;
    while given_up_after(rounds, store.begin(SOURCE)).await.is_none() {
        rounds += 1 + rounds / 4;
        commit(&*store, SOURCE, events([])).await.unwrap();
    }
    commit(&*store, SOURCE, events([])).await.unwrap();
}

async fn a_commit_that_is_given_up_is_whole_or_not_there(store: Fresh) {
    let mut rounds = 0;
    loop {
        let batch = store.begin(SOURCE).await.unwrap();
        let before = batch.head();
        let entries = Entries {
            deliveries: vec![delivery(before.deliveries + 1)],
            events: [1, 2].map(|nth| event("t", before.position + nth)).into(),
            ..Entries::default()
        };
        let written = entries.after(before);
        let after = written.head;
        let committed = given_up_after(rounds, batch.commit(written)).await.is_some();
        // Waits for its end, whichever it was.
        let head = store.begin(SOURCE).await.unwrap().head();
        assert!(head == after || head == before && !committed, "{head:?} after {before:?}");
        assert_eq!(holds(&*store, SOURCE).await, (head.position, head.deliveries));
        if committed {
            break;
        }
        rounds += 1 + rounds / 4;
    }
}

async fn a_delivery_that_is_there_already_is_refused_with_its_batch(store: Fresh) {
    commit(&*store, SOURCE, deliveries([delivery(1)])).await.unwrap();
    let numbered = |number, row: DeliveryRow| DeliveryRow { number, ..row };
    for of_batch in [
        vec![delivery(2), numbered(3, delivery(1))], // An id of an earlier batch.
        vec![delivery(2), numbered(3, delivery(2))], // An id twice.
        vec![delivery(2), numbered(1, delivery(3))], // A number of an earlier batch.
        vec![delivery(2), numbered(2, delivery(3))], // A number twice.
    ] {
        refuses(&*store, Entries { events: vec![event("t", 1)], ..deliveries(of_batch) }).await;
    }
    let next = Entries { events: vec![event("t", 1)], ..deliveries([delivery(2)]) };
    commit(&*store, SOURCE, next).await.unwrap();
    assert_eq!(holds(&*store, SOURCE).await, (1, 2));
}

async fn a_sequence_that_is_there_already_is_refused_with_its_batch(store: Fresh) {
    commit(&*store, SOURCE, events([event("t", 1)])).await.unwrap();
    for of_batch in [
        [event("other", 1), event("t", 1)], // Of an earlier batch.
        [event("t", 2), event("t", 2)],
    ] {
        refuses(&*store, Entries { deliveries: vec![delivery(1)], ..events(of_batch) }).await;
    }
    let next = Entries { deliveries: vec![delivery(1)], ..events([event("t", 2)]) };
    commit(&*store, SOURCE, next).await.unwrap();
    assert_eq!(holds(&*store, SOURCE).await, (2, 1));
}

async fn a_quote_in_the_name_of_a_source_does_no_harm(store: Fresh) {
    commit(&*store, SOURCE, events([event("t", 1)])).await.unwrap();
    for source in ["'", "o'neil", r"\'", "'; ROLLBACK; --", "\"", "$1", "{source}", "100%", "ü"] {
        for sequence in 1..=2 {
            let head = commit(&*store, source, events([event("t", sequence)])).await.unwrap();
            assert_eq!(head.position, sequence, "{source}");
        }
        assert_eq!(store.head(source).await.unwrap().position, 2, "{source}");
        assert_eq!(store.events_of(source, vec![stream("t")], 9).await.unwrap().len(), 2);
    }
    assert_eq!(holds(&*store, SOURCE).await, (1, 0));
}

/// A batch on [`SOURCE`] is refused for a row of it, and nothing of it is there.
async fn refuses(store: &dyn Store, entries: Entries) {
    let before = (store.head(SOURCE).await.unwrap(), holds(store, SOURCE).await);
    let refused = commit(store, SOURCE, entries).await.unwrap_err();
    assert!(refused.is_of_a_row(), "{refused:?}");
    assert_eq!((store.head(SOURCE).await.unwrap(), holds(store, SOURCE).await), before);
}

/// How many events and deliveries of a source there are.
async fn holds(store: &dyn Store, source: &str) -> (i64, i64) {
    let page = Page { sources: vec![source.to_owned()], limit: 1000, ..Page::default() };
    (count(&log(store, source).await), count(&store.deliveries(&page).await.unwrap()))
}

/// What a call comes to, unless it does not within so many rounds of the other tasks.
async fn given_up_after<T>(rounds: usize, call: impl Future<Output = T>) -> Option<T> {
    let given_up = async {
        for _ in 0..rounds {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = call => Some(done),
        () = given_up => None,
    }
}
