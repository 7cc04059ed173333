//! What a client on the same cores can do that only calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use crate::receiver::{Manner, Receiver};

/// A body of the size that notifications have here, to its sequence.
const BODY: &str = r#"{"id":"0190a6a0-0000-5000-8000-{id}","type":"transaction.Captured","source":"imprint",
"aggregate_type":"transaction","aggregate_id":"{id}","sequence":1,"previous_sequence":null,"position":1,
"occurred_at":"2025-02-27T18:11:32.358Z","recorded_at":"2025-02-27T18:11:32.358Z","schema_version":1,
"data":"{data}"}"#;
const DATA: usize = 600;

/// Calls a second, so many at once.
pub async fn plain_calls(calls: u64, at_once: usize) -> f64 {
    let receiver = Receiver::start(Manner::Takes).await;
    let url = format!("http://{}/", receiver.address);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let body = BODY.replace("{data}", &"x".repeat(DATA));
    let (started, ticket) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..at_once {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        let ticket = Arc::clone(&ticket);
        tasks.push(tokio::spawn(async move {
            loop {
                let place = ticket.fetch_add(1, Ordering::Relaxed);
                if place >= calls {
                    return;
                }
                let body = body.replace("{id}", &format!("{place:012x}"));
                let request = Request::post(&url)
                    .header("content-type", "application/json")
                    .body(Full::new(Bytes::from(body)))
                    .expect("a call");
                let answer = client.request(request).await.expect("an answer");
                assert_eq!(answer.status(), 204);
                answer.into_body().collect().await.expect("an empty body");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a caller");
    }
    calls as f64 / started.elapsed().as_secs_f64()
}
