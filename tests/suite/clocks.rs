//! `recorded_at` never runs backwards along the log, whatever clocks do: of one instance, of several,
//! and of the database.

use creditrail::app::moments::AsOf;
use serde_json::Value;

use crate::support::{
    Kind, T1, T2, Tx,
    house::{Host, House, SOURCE},
    instant, number, text,
};

/// The times of recording, in log order.
async fn recorded(host: &Host) -> Vec<i64> {
    let events = host.events().await;
    let positions: Vec<i64> = events.iter().map(|event| number(event, "position")).collect();
    assert!(positions.iter().copied().eq(1..=i64::try_from(events.len()).unwrap()));
    events.iter().map(|event| instant(text(event, "recorded_at"))).collect()
}

/// No event is recorded before the one before it, and each is found at its time and its position.
async fn runs_forwards(host: &Host, count: usize) {
    let times = recorded(host).await;
    assert_eq!(times.len(), count);
    assert!(times.is_sorted(), "{times:?}");
    for event in host.events().await {
        let (position, at) = (number(&event, "position"), text(&event, "recorded_at"));
        let by_time = AsOf::Time(at.parse().expect("a time"));
        let point = host.creditrail.point(SOURCE, by_time).await.expect("a point");
        assert!(point.position >= position, "{point:?} is before {position}");
        assert_eq!(point.recorded_at, Some(at.parse().expect("a time")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_records_nothing_before_what_is_recorded() {
    let house = House::of(Kind::Imprint);
    let host = house.open().await;
    for (nth, seconds) in [0, -3600, 10, -86_400, 86_400 * 2, -5].into_iter().enumerate() {
        house.later(seconds);
        host.receives(&Tx::new(&format!("t{nth}")).approved(5000).at(T1)).await;
    }
    runs_forwards(&host, 6).await;
    // Nor after a start.
    host.end().await;
    house.later(-86_400 * 30);
    let host = house.open().await;
    host.receives(&Tx::new("t0").captured(5000).at(T2)).await;
    runs_forwards(&host, 7).await;
    host.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_whose_clocks_differ_record_in_the_order_of_the_log() {
    let house = House::of(Kind::Imprint);
    let (one, other) = (house.open().await, house.open().await);
    for nth in 0..6 {
        // One is an hour ahead of the other.
        house.later(3600);
        one.receives(&Tx::new(&format!("one{nth}")).approved(5000).at(T1)).await;
        house.later(-3600);
        other.receives(&Tx::new(&format!("other{nth}")).approved(5000).at(T1)).await;
    }
    runs_forwards(&one, 12).await;
    runs_forwards(&other, 12).await;
    one.end().await;
    other.end().await;
}

/// Rows that a partner's own framework writes are numbered by a trigger, by the clock of the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_trigger_numbers_are_recorded_no_earlier_than_the_head() {
    let house = House::on_postgres(Kind::Imprint);
    let host = house.open().await;
    // Years ahead of the database's clock.
    house.later(86_400 * 365 * 10);
    host.receives(&Tx::new("t1").approved(5000).at(T1)).await;
    let event = host.events().await.remove(0);
    let (payload, metadata) = (event["payload"].to_string(), event["metadata"].to_string());
    let quoted = |value: &Value| value.to_string().trim_matches('"').to_owned();
    for id in ["t2", "t3"] {
        let values = [
            "transaction",
            &format!("{SOURCE}/{id}"),
            &quoted(&event["event_type"]),
            &quoted(&event["event_version"]),
            &payload.replace('\'', "''"),
            &metadata.replace('\'', "''"),
        ];
        let [kind, id, event_type, version, payload, metadata] = values;
        house
            .run(&format!(
                "INSERT INTO @events (aggregate_type, aggregate_id, sequence, event_type,
                    event_version, payload, metadata)
                VALUES ('{kind}', '{id}', 1, '{event_type}', '{version}', '{payload}', '{metadata}')"
            ))
            .await;
    }
    house.later(-86_400 * 365 * 10);
    host.receives(&Tx::new("t1").captured(5000).at(T2)).await;
    runs_forwards(&host, 4).await;
    host.end().await;
}
