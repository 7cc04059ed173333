//! A reader whose code fails stops where it fails, says so, and holds up nobody else.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use creditrail::{
    app::Creditrail,
    http::serve,
    projections::{Change, ReadModel, Reader, Stream, Table, Write as Written},
    sources::{SourceConfig, imprint},
};
use creditrail_domain::Policies;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::net::TcpListener;

use crate::support::{SECRET, T2, T3, Tx};

/// A read model of the host's own, with a fault.
static SEEN: Reader = Reader {
    name: "seen",
    models: &[&ReadModel { table: &Table { name: "seen", columns: &["sequence"] }, project: see }],
};

fn see(stream: &Stream, _: &Policies) -> Vec<Change> {
    assert_ne!(stream.id.id, "poison", "a fault of this code");
    let (key, position) = (stream.id.id.clone(), stream.sequence);
    vec![Change { key, write: Written::Replace, position, cells: vec![position.into()] }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_code_fails_on_one_event_stops_there_and_the_others_go_on() {
    let log = Log::default();
    let said = log.clone();
    tracing_subscriber::fmt().with_writer(move || log.clone()).with_ansi(false).init();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("creditrail.db");
    let table =
        "CREATE TABLE seen (source TEXT, key TEXT, sequence INTEGER, PRIMARY KEY (source, key))";
    Connection::open(&file).and_then(|host| host.execute_batch(table)).expect("the host's table");
    let builder = Creditrail::builder().database(format!("sqlite://{}", file.display()));
    let (creditrail, worker) =
        builder.source(source()).reader(&SEEN).build().await.expect("a service");
    tokio::spawn(worker.run());

    for id in ["t1", "t2", "poison", "t4"] {
        receive(&creditrail, &Tx::new(id).approved(1000).body()).await;
    }

    let status =
        until(&creditrail, |status| !status["read_models"]["stopped"]["seen"].is_null()).await;
    let stopped = status["read_models"]["stopped"]["seen"].as_str().expect("where");
    assert!(stopped.starts_with("at position 3: ") && stopped.contains("a fault"), "{stopped}");
    // The others pass it; what it had folded before is there.
    while creditrail.transaction("imprint", "t4").await.expect("a read").is_none() {}
    let seen = "SELECT key FROM seen ORDER BY key";
    let host = Connection::open(&file).expect("the file");
    let mut seen = host.prepare(seen).expect("the table");
    let seen: Vec<String> =
        seen.query_map([], |row| row.get(0)).expect("rows").map(Result::unwrap).collect();
    assert_eq!(seen, ["t1", "t2"]);

    let base = serve(&creditrail).await;
    let ready = get(&format!("{base}/readyz")).await;
    assert_eq!(ready.0, 503);
    assert!(ready.1.contains("the reader seen of imprint stopped at position 3"), "{}", ready.1);
    let metrics = get(&format!("{base}/metrics")).await.1;
    let stopped =
        |line: &&str| line.starts_with("creditrail_reader_stopped") && line.ends_with(" 1");
    let stopped: Vec<&str> = metrics.lines().filter(stopped).collect();
    assert_eq!(stopped, ["creditrail_reader_stopped{source=\"imprint\",reader=\"seen\"} 1"]);
    let behind = "creditrail_reader_lag_events{source=\"imprint\",reader=\"seen\"} 2\n";
    assert!(metrics.contains(behind), "{metrics}");
    assert_eq!(get(&format!("{base}/healthz")).await.0, 200);
    let said = String::from_utf8(said.0.lock().unwrap().clone()).expect("UTF-8");
    assert!(said.contains("a reader stopped") && said.contains("reader=\"seen\""), "{said}");
    // It stops once; it is not tried again and again.
    assert_eq!(said.matches("a reader stopped").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_is_not_told_as_failed_because_a_reader_is_late() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("creditrail.db");
    let table =
        "CREATE TABLE seen (source TEXT, key TEXT, sequence INTEGER, PRIMARY KEY (source, key))";
    Connection::open(&file).and_then(|host| host.execute_batch(table)).expect("the host's table");
    let builder = Creditrail::builder().database(format!("sqlite://{}", file.display()));
    let (creditrail, worker) =
        builder.source(source()).reader(&SEEN).build().await.expect("a service");
    tokio::spawn(worker.run());
    let tx = Tx::new("t1");
    for body in [tx.approved(1000).body(), tx.captured(1000).at(T2).body()] {
        receive(&creditrail, &body).await;
    }
    receive_as(&creditrail, &tx.voided(1000).at(T3).body(), "refused").await;
    receive(&creditrail, &Tx::new("poison").approved(1000).body()).await;
    until(&creditrail, |status| !status["read_models"]["stopped"]["seen"].is_null()).await;

    let base = serve(&creditrail).await;
    let listed = get(&format!("{base}/v1/exceptions?status=open")).await.1;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("a list");
    let id = listed["items"][0]["id"].as_str().expect("an exception");
    let http = reqwest::Client::builder().build().expect("a client");
    let form = http.post(format!("{base}/exceptions/{id}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body("choice=discard&reason=sorted").send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "it was led to the page");
    let page = answer.text().await.expect("a page");
    assert!(page.contains("It is recorded."), "{page}");
    let records = get(&format!("{base}/v1/access-records?act=overridden")).await.1;
    assert!(records.contains("sorted"), "{records}");
}

fn source() -> SourceConfig {
    serde_json::from_value(serde_json::json!({
        "name": "imprint",
        "kind": "imprint",
        "currency": "USD",
        "secrets": [{ "id": "first", "value": SECRET }],
    }))
    .expect("a source")
}

async fn receive(creditrail: &Creditrail, body: &str) {
    receive_as(creditrail, body, "applied").await;
}

async fn receive_as(creditrail: &Creditrail, body: &str, outcome: &str) {
    let signature = imprint::sign(SECRET, body.as_bytes(), Timestamp::now());
    let name = HeaderName::from_static(imprint::SIGNATURE_HEADER);
    let headers = HeaderMap::from_iter([(name, HeaderValue::try_from(signature).expect("ASCII"))]);
    let told = creditrail.receive("imprint", &headers, body.to_owned().into()).await;
    assert_eq!(told.expect("it is acknowledged").outcome, outcome);
}

async fn until(
    creditrail: &Creditrail,
    is_so: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let status = creditrail.source_status("imprint").await.expect("a status");
        if is_so(&status) {
            return status;
        }
        assert!(Instant::now() < patience, "{status:#}");
    }
}

async fn serve(creditrail: &Creditrail) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let router = creditrail::http::router(creditrail, &creditrail::http::Access::loopback());
    tokio::spawn(serve::serve(listener, router, std::future::pending()));
    base
}

async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
