//! A partner's own commands through the stock `cqrs-es` framework, beside the running service.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::{
    examples::beside_postgres_es::{capture, execute, framework},
    support::{Ledger, Service, Source, T1, T2, Tx, Webhook, number, postgres},
};
use creditrail_domain::Command;

const EACH: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_write_to_one_transaction_at_once_and_nothing_is_lost() {
    let url = postgres::database().await;
    let imprint = Ledger::of(Service::start_on(&url, &[Source::named("imprint")]), "imprint");
    let tx = Tx::new("t1");
    // The customer and the card of the partner's commands.
    let of_both = |step: Webhook| step.customer("customer-1").card("card-1");
    imprint.receive(&of_both(tx.approved(100_000).at(T1))).await;

    let pool = PgPool::connect(&url).await.expect("a pool");
    let mut writers = JoinSet::new();
    for writer in 0..2 {
        let (imprint, pool) = (imprint.clone(), pool.clone());
        writers.spawn(async move {
            for nth in 0..EACH {
                let step = tx.captured(100).event(&format!("lender-{writer}-{nth}")).at(T2);
                assert_eq!(imprint.receive(&of_both(step)).await, "applied");
            }
        });
        writers.spawn(async move {
            let framework = framework(&pool);
            for nth in 0..EACH {
                let step =
                    capture(&format!("partner-{writer}-{nth}"), 10, T2.parse().expect("a time"));
                let command = Command::Record(Box::new(step.expect("a step")));
                execute(&framework, "imprint/t1", command).await.expect("it is carried out");
            }
        });
    }
    writers.join_all().await;

    let all = 1 + 4 * EACH;
    imprint.service.note_position("imprint", i64::try_from(all).ok());
    let purchase = imprint.transaction("t1").await;
    assert_eq!(number(&purchase, "captured"), 2 * 25 * 100 + 2 * 25 * 10);
    let events = imprint.events().await;
    for field in ["position", "sequence"] {
        let numbers: Vec<i64> = events.iter().map(|event| number(event, field)).collect();
        assert!(numbers.iter().copied().eq(1..=i64::try_from(all).expect("few")), "{numbers:?}");
    }
    let times: Vec<&str> =
        events.iter().map(|event| event["recorded_at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "recorded_at never runs backwards: {times:?}");
    imprint.adds_up().await;
}

#[tokio::test]
async fn a_row_that_has_no_place_in_the_log_is_refused_when_it_is_written() {
    let url = postgres::database().await;
    Service::migrate(&url, &[]);
    let insert = |aggregate_type: &str, aggregate_id: &str| {
        format!(
            "INSERT INTO creditrail.events (aggregate_type, aggregate_id, sequence, event_type,
                event_version, payload, metadata)
             VALUES ('{aggregate_type}', '{aggregate_id}', 1, 'Captured', '1', '{{}}', '{{}}')"
        )
    };
    #[rustfmt::skip] // It is a table.
    let rows = [
        ("transaction", "tx-1",      "aggregate_id must be source/external-id"),
        ("transaction", "/tx-1",     "aggregate_id must be source/external-id"),
        ("transaction", "imprint/",  "aggregate_id must be source/external-id"),
        ("transaction", "/x/y",      "aggregate_id must be source/external-id"),
        ("transaction", "Not me!/y", "aggregate_id must be source/external-id"),
        ("reward",      "imprint/1", "events_aggregate_type_check"),
    ];
    for (aggregate_type, aggregate_id, why) in rows {
        let error = postgres::refused(&url, &insert(aggregate_type, aggregate_id)).await;
        assert!(error.contains(why), "{aggregate_id}: {error}");
    }
    let gap = insert("transaction", "imprint/a/b").replace(", 1, 'Captured'", ", 5, 'Captured'");
    let error = postgres::refused(&url, &gap).await;
    assert!(error.contains("leaves a gap after 0"), "{error}");
    postgres::run(&url, &insert("transaction", "imprint/a/b")).await;
    let elsewhere = "INSERT INTO creditrail.events VALUES
        ('imprint', 2, 'transaction', 'other/a', 1, 'Captured', '1', '{}', '{}', 0, 0)";
    let error = postgres::refused(&url, elsewhere).await;
    assert!(error.contains("events_aggregate_id_check"), "{error}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_the_readers_there_and_harms_no_other_stream() {
    let url = postgres::database().await;
    let imprint = Ledger::of(Service::start_on(&url, &[Source::named("imprint")]), "imprint");
    imprint.receive(&Tx::new("t1").approved(1000)).await;
    let unreadable = "INSERT INTO creditrail.events (aggregate_type, aggregate_id, sequence,
        event_type, event_version, payload, metadata)
        VALUES ('transaction', 'imprint/bad', 1, 'Captured', '9', '{}', '{}')";
    postgres::run(&url, unreadable).await;

    let until = Instant::now() + Duration::from_secs(30);
    let told = loop {
        let answer = imprint.ask("/readyz", &[]).await;
        if answer.status == 503 {
            break answer.text;
        }
        assert!(Instant::now() < until, "{}", answer.text);
    };
    assert!(told.contains("stopped at position 2") && told.contains("event version"), "{told}");
    let read = imprint.ask("/v1/transactions/imprint/t1", &[]).await;
    assert_eq!(number(&read.is(200), "authorized"), 1000);
    let (bad, good) = (Tx::new("bad").captured(1000), Tx::new("t2").approved(1000));
    let (bad, good) = (bad.body(), good.body());
    let (bad, good) = tokio::join!(imprint.post(&bad), imprint.post(&good));
    assert_eq!((bad.status, good.status), (503, 200), "{} {}", bad.text, good.text);
}
