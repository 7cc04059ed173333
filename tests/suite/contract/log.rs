//! The log: events by position and by stream as they were recorded, and nothing that changes them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use creditrail::store::{NewEvent, Store, codec};
use creditrail_domain::{AggregateType, event::VERSION};
use creditrail_projections::{Recorded, StreamId};

use super::fresh::{Fresh, NOW, SOURCE, commit, count, decoded, event, events, log, stream, time};

on_every_store! {
    every_kind_of_event_comes_back_as_it_was_recorded,
    every_payload_is_kept_as_it_was_written,
    events_are_read_from_a_position_on,
    a_stream_is_found_whatever_its_id,
    a_stream_is_read_up_to_a_position,
    hundreds_of_streams_are_loaded_at_once,
    an_event_is_neither_changed_nor_removed,
}

async fn every_kind_of_event_comes_back_as_it_was_recorded(store: Fresh) {
    let recorded: Vec<Recorded> = of_every_kind().into_iter().zip(1..).map(as_recorded).collect();
    assert!(recorded.len() > 30);
    let head = commit(&*store, SOURCE, events(of_every_kind())).await.unwrap();
    assert_eq!(head.recorded_at.as_microsecond(), NOW);
    assert_eq!(store.events_after(SOURCE, 0, i64::MAX).await.unwrap(), recorded);
    for recorded in recorded {
        let stream = vec![recorded.stream.clone()];
        assert_eq!(store.events_of(SOURCE, stream, i64::MAX).await.unwrap(), [recorded]);
    }
}

async fn every_payload_is_kept_as_it_was_written(store: Fresh) {
    commit(&*store, SOURCE, events(of_every_kind())).await.unwrap();
    let raw = store.raw_events_after(SOURCE, 0, i64::MAX).await.unwrap();
    assert_eq!(count(&raw), count(&of_every_kind()));
    for ((raw, event), position) in raw.into_iter().zip(of_every_kind()).zip(1..) {
        assert_eq!(raw.payload, codec::encode(&event.event).unwrap());
        assert_eq!(raw.metadata, codec::metadata(event.delivery_id.as_deref()));
        assert_eq!((raw.position, raw.sequence), (position, event.sequence));
        assert_eq!(raw.aggregate_type, event.stream.aggregate_type.name());
        assert_eq!(raw.aggregate_id, format!("{SOURCE}/{}", event.stream.id));
        assert_eq!((&*raw.event_type, &*raw.event_version), (event.event.name(), VERSION));
        assert_eq!((raw.occurred_at, raw.recorded_at), (event.occurred_at, time(NOW)));
    }
}

async fn events_are_read_from_a_position_on(store: Fresh) {
    commit(&*store, SOURCE, events((1..=50).map(|n| event("t", n)).collect::<Vec<_>>()))
        .await
        .unwrap();
    for (after, limit, found) in [(0, 3, 1..4), (3, 2, 4..6), (48, 100, 49..51), (50, 9, 51..51)] {
        let events = store.events_after(SOURCE, after, limit).await.unwrap();
        assert!(events.iter().map(|event| event.position).eq(found.clone()), "{events:?}");
        let raw = store.raw_events_after(SOURCE, after, limit).await.unwrap();
        assert!(raw.iter().map(|event| event.position).eq(found), "{raw:?}");
    }
}

#[rustfmt::skip] // It is a list.
const STRANGE: [&str; 22] = [
    "a", "A", "a/", "a/b", "/", "b", "'", "''", "\"", "\\", "100%", "_", "{a,b}", "NULL", "$1",
    "?", " a", "a\nb", "\u{e9}", "e\u{301}", "\u{1d11e}", "",
];

async fn a_stream_is_found_whatever_its_id(store: Fresh) {
    let all = |sequence| STRANGE.map(|id| event(id, sequence));
    for sequence in 1..=2 {
        commit(&*store, SOURCE, events(all(sequence))).await.unwrap();
    }
    // The same ids, but of cards.
    let cards = of_every_kind().into_iter().find(|event| event.event.name() == "CardRegistered");
    let card = cards.unwrap();
    let cards = STRANGE.map(|id| NewEvent {
        stream: StreamId { id: id.to_owned(), ..card.stream.clone() },
        event: card.event.clone(),
        ..event(id, 1)
    });
    commit(&*store, SOURCE, events(cards)).await.unwrap();
    for id in STRANGE {
        let [found, card] = [stream(id), StreamId { id: id.to_owned(), ..card.stream.clone() }];
        assert_eq!(loaded(&*store, vec![found.clone()]).await, [(found, vec![1, 2])].into());
        assert_eq!(loaded(&*store, vec![card.clone()]).await, [(card, vec![1])].into());
    }
    assert_eq!(loaded(&*store, vec![stream("a/b/c"), stream("%")]).await, BTreeMap::new());
}

async fn a_stream_is_read_up_to_a_position(store: Fresh) {
    let interleaved = (1..=20).flat_map(|nth| [event("a", nth), event("b", nth)]);
    commit(&*store, SOURCE, events(interleaved.collect::<Vec<_>>())).await.unwrap();
    for (up_to, of_a, of_b) in [(0, 0, 0), (1, 1, 0), (2, 1, 1), (7, 4, 3), (40, 20, 20)] {
        let found = store.events_of(SOURCE, vec![stream("b"), stream("a")], up_to).await.unwrap();
        let mut expected =
            BTreeMap::from([("a", (1..=of_a).collect()), ("b", (1..=of_b).collect())]);
        expected.retain(|_, sequences: &mut Vec<i64>| !sequences.is_empty());
        let expected = expected.into_iter().map(|(id, sequences)| (stream(id), sequences));
        assert_eq!(by_stream(found), expected.collect(), "up to {up_to}");
    }
}

async fn hundreds_of_streams_are_loaded_at_once(store: Fresh) {
    for sequence in 1..=2 {
        let all = (0..700).map(|nth| event(&format!("t{nth}"), sequence));
        commit(&*store, SOURCE, events(all.collect::<Vec<_>>())).await.unwrap();
    }
    let asked: Vec<_> = (300..800).map(|nth| stream(&format!("t{nth}"))).collect();
    let found: BTreeMap<_, _> =
        asked[..400].iter().map(|stream| (stream.clone(), vec![1, 2])).collect();
    assert_eq!(loaded(&*store, asked.clone()).await, found);
    let events = store.events_of(SOURCE, asked, i64::MAX).await.unwrap();
    assert_eq!(by_stream(events), found);
    assert_eq!(loaded(&*store, Vec::new()).await, BTreeMap::new());
}

async fn an_event_is_neither_changed_nor_removed(store: Fresh) {
    commit(&*store, SOURCE, events([event("a", 1), event("a", 2)])).await.unwrap();
    let before = format!("{:?}", store.raw_events_after(SOURCE, 0, 9).await.unwrap());
    for sql in [
        "UPDATE @events SET payload = '{}'",
        "UPDATE @events SET position = position + 10 WHERE position = 2",
        "DELETE FROM @events",
        "DELETE FROM @events WHERE position = 1",
    ] {
        let why = store.database.run(sql).await.unwrap_err();
        assert!(why.contains("events are append-only"), "{sql}: {why}");
    }
    let after = format!("{:?}", store.raw_events_after(SOURCE, 0, 9).await.unwrap());
    assert_eq!(after, before);
    assert_eq!(log(&*store, SOURCE).await.len(), 2);
}

/// An event of every name that may stand in the log, each on a stream of its own.
fn of_every_kind() -> Vec<NewEvent> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("domain/tests/fixtures/events");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let new_event = |(file, nth): (_, i64)| {
        let file: PathBuf = file;
        let row: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let aggregate_type = AggregateType::named(row["aggregate_type"].as_str().unwrap()).unwrap();
        let id = file.file_stem().unwrap().to_str().unwrap().to_owned();
        NewEvent {
            stream: StreamId { aggregate_type, id },
            sequence: nth + 1,
            occurred_at: time(NOW - nth),
            delivery_id: (nth % 2 == 0).then(|| format!("delivery \"{nth}\"")),
            event: decoded(&row),
        }
    };
    files.into_iter().zip(0..).map(new_event).collect()
}

fn as_recorded((new, position): (NewEvent, i64)) -> Recorded {
    let NewEvent { stream, sequence, event, .. } = new;
    let source = SOURCE.to_owned();
    Recorded { source, position, stream, sequence, recorded_at: time(NOW), event }
}

/// What a batch loads: the sequences of each stream.
async fn loaded(store: &dyn Store, streams: Vec<StreamId>) -> BTreeMap<StreamId, Vec<i64>> {
    let mut batch = store.begin(SOURCE).await.unwrap();
    by_stream(batch.load(streams).await.unwrap())
}

/// The sequences of each stream, in the order in which they came; a stream comes in one piece.
fn by_stream(events: Vec<Recorded>) -> BTreeMap<StreamId, Vec<i64>> {
    let mut streams = BTreeMap::new();
    for of_stream in events.chunk_by(|one, next| one.stream == next.stream) {
        let sequences = of_stream.iter().map(|event| event.sequence).collect();
        let before = streams.insert(of_stream[0].stream.clone(), sequences);
        assert_eq!(before, None, "the events of a stream stand apart");
    }
    streams
}
