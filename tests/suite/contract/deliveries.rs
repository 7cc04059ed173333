//! Deliveries: kept byte for byte, found by their key, counted when they come again.

use std::collections::BTreeSet;

use bytes::Bytes;
use creditrail::store::{DeliveryRow, KnownDelivery, RedrivenRow, Store};
use creditrail_domain::{AggregateType, StepId};
use creditrail_projections::{Change, StreamId, timeline};

use super::fresh::{
    Entries, Fresh, NOW, SOURCE, commit, deliveries, delivery, fill, row, stream, time,
};

on_every_store! {
    a_delivery_comes_back_byte_for_byte,
    a_delivery_is_shown_with_its_row_of_the_timeline,
    repetitions_are_counted_on_the_first_delivery,
    every_content_under_a_key_is_known,
    a_redriven_delivery_is_known_by_its_step_and_shown_with_it,
    what_is_known_of_hundreds_of_deliveries_is_found_at_once,
}

async fn a_delivery_comes_back_byte_for_byte(store: Fresh) {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let bodies = [b"".to_vec(), b"\0\xff\xfe\xc3\x28\0".to_vec(), every_byte.repeat(4096)];
    let kept = bodies.into_iter().zip(1..).map(|(body, number)| DeliveryRow {
        delivery_id: format!("'\"\\%_ü€𝄞{number}"),
        dedup_key: "event:\"; --".to_owned(),
        received_at: time(NOW + number),
        secret_id: "second".to_owned(),
        headers: "{\"a\":\"\u{1}\\u0000 ü€𝄞 '\\\"\"}".to_owned(),
        body: Bytes::from(body),
        outcome: "parked",
        first_position: i64::MAX - 1,
        position: i64::MAX,
        stream: StreamId { aggregate_type: AggregateType::Application, id: "a/'b".to_owned() },
        repeats: 7,
        last_received_at: time(NOW + 1_000_000 * number),
        ..delivery(number)
    });
    let kept: Vec<_> = kept.collect();
    commit(&*store, SOURCE, deliveries(kept.clone())).await.unwrap();
    for row in kept {
        assert_eq!(shown(&found(&*store, &row.delivery_id).await), shown(&row));
    }
    assert!(store.delivery("another", "'\"\\%_ü€𝄞1").await.unwrap().is_none());
}

async fn a_delivery_is_shown_with_its_row_of_the_timeline(store: Fresh) {
    let kept = DeliveryRow { first_position: 12, ..delivery(1) };
    commit(&*store, SOURCE, deliveries([kept.clone()])).await.unwrap();
    let document = async || {
        let found = store.delivery(SOURCE, &kept.delivery_id).await.unwrap();
        found.unwrap().document
    };
    assert_eq!(document().await, None);
    let table = timeline::READ_MODEL.table;
    let rows = [(12, "{\"of\":12}"), (120, "{}"), (1, "{}")].map(|(position, document)| {
        row(table, &format!("{position:020}"), &[("document", document.into())])
    });
    fill(&*store, "another", (table, rows.to_vec())).await;
    assert_eq!(document().await, None);
    fill(&*store, SOURCE, (table, rows.to_vec())).await;
    assert_eq!(document().await.as_deref(), Some("{\"of\":12}"));
}

async fn repetitions_are_counted_on_the_first_delivery(store: Fresh) {
    // Those of the batch itself come with the row.
    let new = DeliveryRow { repeats: 2, last_received_at: time(NOW + 2), ..delivery(1) };
    let id = new.delivery_id.clone();
    commit(&*store, SOURCE, deliveries([new, delivery(2)])).await.unwrap();
    commit(&*store, "another", deliveries([delivery(1)])).await.unwrap();
    for (times, at, counted, last) in [(3, 9, 5, 9), (1, 5, 6, 9), (1, 10, 7, 10)] {
        let repeats = vec![(id.clone(), times, time(NOW + at))];
        let head = store.head(SOURCE).await.unwrap();
        commit(&*store, SOURCE, Entries { repeats, ..Entries::default() }).await.unwrap();
        let row = found(&*store, &id).await;
        assert_eq!((row.repeats, row.last_received_at), (counted, time(NOW + last)));
        assert_eq!(row.received_at, time(NOW));
        assert_eq!(store.head(SOURCE).await.unwrap().received, head.received + times);
    }
    let others = [(SOURCE, delivery(2)), ("another", delivery(1))];
    for (source, other) in others {
        let kept = store.delivery(source, &other.delivery_id).await.unwrap().unwrap().row;
        assert_eq!(shown(&kept), shown(&other));
    }
}

async fn every_content_under_a_key_is_known(store: Fresh) {
    #[rustfmt::skip] // It is a table.
    let kept = [
        (SOURCE,    "key",   "one"),
        (SOURCE,    "key",   "two"),
        (SOURCE,    "key",   "three"),
        (SOURCE,    "key-2", "one"),
        (SOURCE,    "KEY",   "one"),
        ("another", "key",   "one"),
    ];
    for ((source, key, content), number) in kept.into_iter().zip(1..) {
        let row = DeliveryRow {
            delivery_id: StepId::derive(source, key, content).to_string(),
            dedup_key: key.to_owned(),
            stream: stream(content),
            position: 10 + number,
            ..delivery(number)
        };
        commit(&*store, source, deliveries([row])).await.unwrap();
    }
    let contents = |key: &str, contents: &[(&str, i64)]| -> BTreeSet<String> {
        let known = contents.iter().map(|(content, position)| KnownDelivery {
            step_id: StepId::derive(SOURCE, key, content).to_string(),
            delivery_id: StepId::derive(SOURCE, key, content).to_string(),
            dedup_key: key.to_owned(),
            stream: stream(content),
            position: *position,
        });
        known.map(|known| format!("{known:?}")).collect()
    };
    let of_key = contents("key", &[("one", 11), ("two", 12), ("three", 13)]);
    assert_eq!(known(&*store, [("key", "one")]).await, of_key);
    assert_eq!(known(&*store, [("key", "never seen")]).await, of_key);
    assert_eq!(known(&*store, [("key-3", "one")]).await, BTreeSet::new());
    assert_eq!(known(&*store, []).await, BTreeSet::new());
    let both = &of_key | &contents("key-2", &[("one", 14)]);
    assert_eq!(known(&*store, [("key-2", "two"), ("none", ""), ("key", "one")]).await, both);
}

async fn a_redriven_delivery_is_known_by_its_step_and_shown_with_it(store: Fresh) {
    commit(&*store, SOURCE, deliveries([delivery(1), delivery(2)])).await.unwrap();
    let step = StepId::derive(SOURCE, "key", "content");
    let row = |number: i64, first_position| RedrivenRow {
        delivery_id: delivery(number).delivery_id,
        step_id: step.to_string(),
        dedup_key: "key".to_owned(),
        first_position,
        position: 20 + number,
        stream: stream("other"),
    };
    // The second repeats what the first says.
    let redriven = vec![row(1, Some(12)), row(2, None)];
    commit(&*store, SOURCE, Entries { redriven, ..Entries::default() }).await.unwrap();
    let first = KnownDelivery {
        step_id: step.to_string(),
        delivery_id: delivery(1).delivery_id,
        dedup_key: "key".to_owned(),
        stream: stream("other"),
        position: 21,
    };
    let found = known(&*store, [("key", "another content")]).await;
    assert_eq!(found, BTreeSet::from([format!("{first:?}")]));

    let rows = [(1, "{}"), (2, "{\"of\":2}"), (12, "{\"of\":12}")];
    let rows = rows.map(|(position, document)| {
        let key = format!("{position:020}");
        row_of_timeline(&key, document)
    });
    fill(&*store, SOURCE, (timeline::READ_MODEL.table, rows.to_vec())).await;
    for (id, number, position, document) in [
        (step.to_string(), 1, 21, "{\"of\":12}"),
        (delivery(1).delivery_id, 1, 21, "{\"of\":12}"),
        (delivery(2).delivery_id, 2, 22, "{\"of\":2}"),
    ] {
        let kept = store.delivery(SOURCE, &id).await.unwrap().unwrap();
        assert_eq!((kept.row.number, kept.row.position), (number, position), "{id}");
        assert_eq!(kept.document.as_deref(), Some(document), "{id}");
        assert_eq!(kept.redriven_as, Some(step.to_string()), "{id}");
    }
    // Nobody's else.
    assert!(store.delivery("another", &step.to_string()).await.unwrap().is_none());
}

fn row_of_timeline(key: &str, document: &str) -> Change {
    row(timeline::READ_MODEL.table, key, &[("document", document.into())])
}

async fn what_is_known_of_hundreds_of_deliveries_is_found_at_once(store: Fresh) {
    let kept: Vec<_> = (1..=500).map(delivery).collect();
    commit(&*store, SOURCE, deliveries(kept.clone())).await.unwrap();
    let asked = (251..=750).map(|n| StepId::derive(SOURCE, &format!("key-{n}"), "content"));
    let mut batch = store.begin(SOURCE).await.unwrap();
    let known = batch.known(asked.collect()).await.unwrap();
    let known: BTreeSet<_> = known.into_iter().map(|known| known.dedup_key).collect();
    assert_eq!(known, (251..=500).map(|n| format!("key-{n}")).collect());
}

async fn known<const N: usize>(store: &dyn Store, asked: [(&str, &str); N]) -> BTreeSet<String> {
    let asked = asked.map(|(key, content)| StepId::derive(SOURCE, key, content));
    let known = store.begin(SOURCE).await.unwrap().known(asked.into()).await.unwrap();
    known.iter().map(|known| format!("{known:?}")).collect()
}

async fn found(store: &dyn Store, id: &str) -> DeliveryRow {
    store.delivery(SOURCE, id).await.unwrap().unwrap().row
}

/// A row in full, to be compared.
fn shown(row: &DeliveryRow) -> String {
    format!("{row:?}")
}
