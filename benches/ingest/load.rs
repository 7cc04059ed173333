//! Signed webhooks, and those who send them: in this process, or over keep-alive connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use creditrail::{
    app::{Builder, Creditrail, Worker},
    http::serve,
    sources::{SourceConfig, imprint},
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub const SECRET: &str = "bench-secret";
pub const STATUSES: [&str; 4] = ["APPROVED", "UPDATED", "CAPTURED", "REFUNDED"];

/// One instance of the service.
pub struct Instance {
    pub creditrail: Creditrail,
    worker: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.worker.abort();
    }
}

impl Instance {
    pub async fn on(url: &str) -> Self {
        let (creditrail, worker) = build(url).await;
        Self::of(creditrail, worker)
    }

    pub fn of(creditrail: Creditrail, worker: Worker) -> Self {
        Self { creditrail, worker: tokio::spawn(worker.run()) }
    }

    /// Serves on loopback, as the binary does.
    pub async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router =
            creditrail::http::router(&self.creditrail, &creditrail::http::Access::loopback());
        tokio::spawn(serve::serve(listener, router, std::future::pending()));
        address
    }

    /// Waits until the read models have passed what is recorded.
    pub async fn caught_up(&self) {
        self.caught_up_in(&["imprint"]).await;
    }

    /// As [`Self::caught_up`], in these sources.
    pub async fn caught_up_in(&self, sources: &[&str]) {
        for source in sources {
            loop {
                let status = self.creditrail.source_status(source).await.expect("a status");
                if status["read_models"]["behind"] == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

pub async fn build(url: &str) -> (Creditrail, Worker) {
    builder(url).build().await.expect("a service")
}

/// A service with one source.
pub fn builder(url: &str) -> Builder {
    let source: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "imprint",
        "kind": "imprint",
        "currency": "USD",
        "secrets": [{ "id": "bench", "value": SECRET }],
    }))
    .expect("a source");
    Creditrail::builder().database(url).source(source).sealing_key("a".repeat(64).into())
}

/// Where the next history is taken from: each is sent by one sender, step after step.
#[derive(Clone, Default)]
pub struct Histories(Arc<AtomicU64>);

impl Histories {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// How fast deliveries were acknowledged.
pub struct Acknowledged {
    /// A second.
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub took: Duration,
}

impl Acknowledged {
    pub fn of(mut each: Vec<Duration>, took: Duration) -> Self {
        each.sort_unstable();
        let rate = each.len() as f64 / took.as_secs_f64();
        Self {
            rate,
            p50: each[each.len() / 2],
            p99: each[(each.len() * 99).div_ceil(100) - 1],
            took,
        }
    }
}

/// So many senders in this process; each waits for its acknowledgement before it goes on.
pub async fn in_process(
    instance: &Instance,
    histories: &Histories,
    (senders, deliveries): (u64, u64),
) -> Acknowledged {
    let last = histories.0.load(Ordering::Relaxed) + deliveries / 4;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..senders {
        let (creditrail, histories) = (instance.creditrail.clone(), histories.clone());
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            loop {
                let history = histories.next();
                if history >= last {
                    return took;
                }
                for step in 0..STATUSES.len() {
                    let sent = Instant::now();
                    send(&creditrail, body(history, step)).await;
                    took.push(sent.elapsed());
                }
            }
        }));
    }
    let mut each = Vec::new();
    for task in tasks {
        each.extend(task.await.expect("a sender"));
    }
    Acknowledged::of(each, started.elapsed())
}

/// Sends one that is applied.
pub async fn send(creditrail: &Creditrail, body: Bytes) {
    let mut headers = HeaderMap::new();
    let signature = imprint::sign(SECRET, &body, Timestamp::now());
    headers.insert(imprint::SIGNATURE_HEADER, HeaderValue::try_from(signature).expect("a header"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let receipt = creditrail.receive("imprint", &headers, body).await.expect("a receipt");
    assert_eq!(receipt.outcome, "applied");
}

/// So many keep-alive connections, shared out over the instances.
pub async fn over_http(
    instances: &[SocketAddr],
    histories: &Histories,
    (connections, deliveries): (usize, u64),
) -> Acknowledged {
    let last = histories.0.load(Ordering::Relaxed) + deliveries / 4;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for nth in 0..connections {
        let (address, histories) = (instances[nth % instances.len()], histories.clone());
        tasks.push(tokio::spawn(async move {
            let mut connection = TcpStream::connect(address).await.expect("a connection");
            connection.set_nodelay(true).expect("no delay");
            let mut took = Vec::new();
            let mut answer = vec![0; 4096];
            loop {
                let history = histories.next();
                if history >= last {
                    return took;
                }
                for step in 0..STATUSES.len() {
                    let call = call(&body(history, step));
                    let sent = Instant::now();
                    connection.write_all(&call).await.expect("it is sent");
                    let read = connection.read(&mut answer).await.expect("an answer");
                    took.push(sent.elapsed());
                    // Short enough to come in one piece.
                    assert!(answer[..read].starts_with(b"HTTP/1.1 200 "), "an acknowledgement");
                }
            }
        }));
    }
    let mut each = Vec::new();
    for task in tasks {
        each.extend(task.await.expect("a sender"));
    }
    Acknowledged::of(each, started.elapsed())
}

fn call(body: &Bytes) -> Vec<u8> {
    let signature = imprint::sign(SECRET, body, Timestamp::now());
    let mut call = format!(
        "POST /webhooks/imprint HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         {}: {signature}\r\ncontent-length: {}\r\n\r\n",
        imprint::SIGNATURE_HEADER,
        body.len()
    )
    .into_bytes();
    call.extend_from_slice(body);
    call
}

/// A webhook as the lender's documents print it, of one step of a history.
pub fn body(history: u64, step: usize) -> Bytes {
    let status = STATUSES[step];
    let amount = if step == 0 { 5000 } else { 3451 };
    Bytes::from(format!(
        r#"{{
  "object": "TRANSACTION",
  "data": {{
    "amount": {amount},
    "authorization_code": "645432",
    "created_at": "2025-02-27T18:11:32.358Z",
    "currency": "USD",
    "customer_id": "e0549550-90e9-4acb-b7e9-{customer:012x}",
    "event_id": "e2806932-5f1b-4518-{step:04x}-{history:012x}",
    "merchant": {{
      "address": {{
        "city": "New York",
        "country": "USA",
        "postal_code": "10002",
        "state": "NY",
        "street_line1": "",
        "street_line2": ""
      }},
      "category": "Gas Station",
      "category_code": "5541",
      "network_id": "234923454545",
      "name": "Shell Gas"
    }},
    "object": "TRANSACTION",
    "payment_method_id": "7f754378-dd84-4a9a-b1ce-{customer:012x}",
    "purchase_method": "CHIP",
    "status": "{status}",
    "transaction_id": "e2806932-5f1b-4518-8b15-{history:012x}",
    "updated_at": "2025-02-2{day}T01:11:32.358Z"
  }}
}}"#,
        customer = history / 10,
        day = step + 1,
    ))
}
