//! With the feature `otel` each call is sent to a collector: `cargo test --features otel --test otel`. Apart
//! from the suite, which need not be built once more for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed, and says where"
)]

#[path = "suite"]
#[allow(dead_code, unused_imports, reason = "the suite uses more of it")]
mod suite {
    pub mod support;
}

use std::sync::{Arc, Mutex};

use suite::support::{Ledger, SECRET, Service, Source, Tx, text, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_is_sent_each_call() {
    let sent = Arc::<Mutex<Vec<u8>>>::default();
    let take = {
        let sent = Arc::clone(&sent);
        async move |body: bytes::Bytes| sent.lock().unwrap().extend(body)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let collector = axum::Router::new().route("/v1/traces", axum::routing::post(take));
    let idle = std::future::pending();
    tokio::spawn(creditrail::http::serve::serve(listener, collector, idle));

    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_SERVICE_NAME", "creditrail-test"),
    ];
    let service = Service::start_in(&[Source::named("imprint")], &environment);
    let imprint = Ledger::of(service, "imprint");
    let told = imprint.delivers(&Tx::new("t1").approved(5000)).await;
    // What is gathered is sent before the end.
    assert!(imprint.service.stop().success(), "{}", imprint.service.log());
    for part in ["creditrail-test", "receive", "imprint", text(&told, "delivery_id"), "applied"] {
        until(&format!("the collector is told {part}"), async || {
            let sent = sent.lock().unwrap();
            sent.windows(part.len()).any(|bytes| bytes == part.as_bytes()).then_some(())
        })
        .await;
    }
    let sent = sent.lock().unwrap();
    assert!(!String::from_utf8_lossy(&sent).contains(SECRET));
}
