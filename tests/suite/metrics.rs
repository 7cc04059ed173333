//! What `/metrics` counts, by what was done before.

use serde_json::json;

use crate::{
    deploy::scrape::Scrape,
    support::{Ledger, Service, Source, T1, T2, T3, Tx, postgres, unix_now, until},
};

/// A scrape that knows all that was answered before.
async fn scraped(ledger: &Ledger) -> Scrape {
    ledger.counts().await;
    Scrape::of(&ledger.ask("/metrics", &[]).await.text)
}

#[tokio::test]
#[rustfmt::skip] // It is a table.
async fn everything_is_counted_once() {
    let imprint = Ledger::of(Service::start(&[Source::named("imprint"), Source::named("idle")]), "imprint");
    let began = unix_now();
    let tx = Tx::new("t1");
    let steps = [tx.approved(5000).at(T1), tx.captured(5000).at(T2), tx.voided(5000).at(T3)];
    imprint.receives(&steps).await;
    imprint.receive(&steps[0]).await;
    imprint.receive(&Tx::new("t2").voided(100)).await;
    let merchant = json!({"network_id": "m-1", "name": "4242424242424242", "category_code": "5999"});
    imprint.receive(&Tx::new("t3").approved(100).with("merchant", merchant)).await;
    imprint.deliver("{").await;
    for _ in 0..3 {
        imprint.call("{}", &[]).await.is(401);
    }
    imprint.beside("nobody").call("{}", &[]).await.is(404);
    let scrape = scraped(&imprint).await;
    let imprint = ("source", "imprint");
    for (name, labels, value) in [
        ("creditrail_deliveries_total",                vec![imprint, ("outcome", "applied")],   3.0),
        ("creditrail_deliveries_total",                vec![imprint, ("outcome", "refused")],   1.0),
        ("creditrail_deliveries_total",                vec![imprint, ("outcome", "duplicate")], 1.0),
        ("creditrail_deliveries_total",                vec![imprint, ("outcome", "parked")],    1.0),
        ("creditrail_deliveries_total",                vec![imprint, ("outcome", "malformed")], 1.0),
        ("creditrail_deliveries_by_outcome",           vec![imprint, ("outcome", "applied")],   3.0),
        ("creditrail_deliveries_by_outcome",           vec![imprint, ("outcome", "duplicate")], 1.0),
        ("creditrail_deliveries_by_outcome",           vec![imprint, ("outcome", "parked")],    1.0),
        ("creditrail_deliveries_received_total",       vec![imprint],                           7.0),
        ("creditrail_deliveries_kept_total",           vec![imprint],                           6.0),
        ("creditrail_deliveries_unacknowledged_total", vec![imprint, ("cause", "database")],    0.0),
        ("creditrail_acknowledgement_seconds_count",   vec![imprint],                           7.0),
        ("creditrail_acknowledgement_seconds_bucket",  vec![imprint, ("le", "+Inf")],           7.0),
        // One after the other: each is a batch of its own.
        ("creditrail_batch_requests_count",            vec![imprint],                           7.0),
        ("creditrail_batch_requests_sum",              vec![imprint],                           7.0),
        ("creditrail_batch_requests_bucket",           vec![imprint, ("le", "1")],              7.0),
        ("creditrail_rejected_calls_total",            vec![imprint, ("cause", "signature_missing")],  3.0),
        ("creditrail_rejected_calls_total",            vec![imprint, ("cause", "signature_mismatch")], 0.0),
        ("creditrail_unknown_source_calls_total",      vec![],                                  1.0),
        ("creditrail_audit_balanced",                  vec![imprint],                           1.0),
        ("creditrail_open_exceptions",                 vec![imprint, ("severity", "high")],     1.0),
        ("creditrail_reader_lag_events",               vec![imprint, ("reader", "timeline")],    0.0),
        ("creditrail_reader_lag_seconds",              vec![imprint, ("reader", "timeline")],    0.0),
        ("creditrail_reader_stopped",                  vec![imprint, ("reader", "timeline")],    0.0),
        ("creditrail_database_up",                     vec![],                                  1.0),
        ("creditrail_build_info",                      vec![("version", env!("CARGO_PKG_VERSION"))], 1.0),
        ("creditrail_deliveries_total",                vec![("source", "idle"), ("outcome", "applied")], 0.0),
    ] {
        assert_eq!(scrape.value(name, &labels), value, "{name} {labels:?} in {scrape:#?}");
    }
    let took = scrape.value("creditrail_acknowledgement_seconds_sum", &[imprint]);
    assert!(took > 0.0 && took < 60.0, "{took}");
    let newest = scrape.value("creditrail_last_delivery_timestamp_seconds", &[imprint]);
    assert!((began..=unix_now()).contains(&seconds(newest)), "{newest} is not after {began}");
    // Of a source that has never said a word there is no time.
    assert_eq!(scrape.named("creditrail_last_delivery_timestamp_seconds").len(), 1);
}

#[tokio::test]
async fn what_the_database_says_outlives_the_instance_and_a_repetition_is_a_sign_of_life() {
    let imprint = Ledger::fresh();
    let first = Tx::new("t1").approved(5000);
    imprint.receive(&first).await;
    imprint.receive(&Tx::new("t2").approved(5000)).await;
    let newest = "creditrail_last_delivery_timestamp_seconds";
    let before = scraped(&imprint).await.value(newest, &[]);
    imprint.receive(&first).await;
    let repeated = scraped(&imprint).await.value(newest, &[]);
    assert!(repeated > before, "{repeated} is not after {before}");
    assert!(imprint.service.stop().success());
    imprint.service.start_again();
    let scrape = scraped(&imprint).await;
    assert_eq!(scrape.value("creditrail_deliveries_total", &[("outcome", "applied")]), 0.0);
    assert_eq!(scrape.value("creditrail_deliveries_received_total", &[]), 3.0);
    assert_eq!(scrape.value(newest, &[]), before);
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_what_the_instance_counts_is_still_there() {
    let mut server = postgres::Server::start();
    let url = server.database().await;
    let imprint = Ledger::of(Service::start_on(&url, &[Source::named("imprint")]), "imprint");
    imprint.receive(&Tx::new("t1").approved(5000)).await;
    server.stop("-QUIT");
    assert_eq!(imprint.post(Tx::new("t2").approved(5000).body()).await.status, 503);
    let scrape = Scrape::of(&imprint.ask("/metrics", &[]).await.text);
    assert_eq!(scrape.value("creditrail_database_up", &[]), 0.0);
    assert_eq!(scrape.value("creditrail_deliveries_total", &[("outcome", "applied")]), 1.0);
    let unacknowledged = "creditrail_deliveries_unacknowledged_total";
    assert_eq!(scrape.value(unacknowledged, &[("cause", "database")]), 1.0);
    assert!(scrape.named("creditrail_deliveries_received_total").is_empty(), "{scrape:#?}");
    server.start_again();
    until("the database is there again", async || {
        let scrape = Scrape::of(&imprint.ask("/metrics", &[]).await.text);
        (scrape.value("creditrail_database_up", &[]) > 0.0).then_some(())
    })
    .await;
}

fn seconds(value: f64) -> i64 {
    let whole = format!("{value:.6}");
    whole.split_once('.').map_or(&*whole, |(whole, _)| whole).parse().expect("seconds")
}
