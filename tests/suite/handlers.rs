//! A handler of the embedding program is called for each action, in the order of the log.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use creditrail::{
    app::{Creditrail, Worker, handler::ActionHandler},
    sources::{Kind, sign},
    store::Cause,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{SECRET, text};

/// What has been announced, as `kind of application`; an action of `broken` fails so many times.
#[derive(Clone, Default)]
struct Seen {
    announced: Arc<Mutex<Vec<String>>>,
    failures: Arc<Mutex<u32>>,
}

#[async_trait::async_trait]
impl ActionHandler for Seen {
    async fn handle(&self, action: Value) -> Result<(), Cause> {
        let about = action["subject"]["id"].as_str().expect("an id");
        let announced = format!("{} of {about}", text(&action, "kind"));
        self.announced.lock().unwrap().push(announced);
        let mut failures = self.failures.lock().unwrap();
        if about == "broken" && *failures > 0 {
            *failures -= 1;
            return Err("the partner's queue is full".into());
        }
        Ok(())
    }
}

impl Seen {
    async fn are(&self, expected: &[&str]) {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.announced.lock().unwrap().len() < expected.len() {
            assert!(Instant::now() < patience, "{:?}", self.announced.lock().unwrap());
            tokio::task::yield_now().await;
        }
        assert_eq!(*self.announced.lock().unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_action_is_announced_in_the_order_in_which_it_was_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let seen = Seen::default();
    let (creditrail, _worker) = start(&dir.path().join("c.db"), &seen).await;
    receive(&creditrail, "a", "SIGNING_SESSION_CREATED", json!({"signingUrl": "https://a"})).await;
    receive(&creditrail, "b", "ONBOARDING_FAILED", json!({"failureCode": "TIMEOUT"})).await;
    receive(&creditrail, "a", "SIGNING_SESSION_COMPLETED", json!({})).await;
    receive(&creditrail, "a", "ONBOARDING_COMPLETED", json!({"engagementId": "e"})).await;
    let expected = [
        "redirect_to_signing of a",
        "retry_application of b",
        "initiate_card_creation of a",
        "store_engagement_id of a",
    ];
    seen.are(&expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_handler_does_not_take_is_announced_again_and_nothing_before_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let seen = Seen { failures: Arc::new(Mutex::new(2)), ..Seen::default() };
    let (creditrail, _worker) = start(&dir.path().join("c.db"), &seen).await;
    let url = json!({"signingUrl": "https://a"});
    receive(&creditrail, "broken", "SIGNING_SESSION_CREATED", url).await;
    receive(&creditrail, "broken", "SIGNING_SESSION_COMPLETED", json!({})).await;
    let redirect = "redirect_to_signing of broken";
    seen.are(&[redirect, redirect, redirect, "initiate_card_creation of broken"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_start_nor_a_rebuild_announces_again_what_was_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("c.db");
    let seen = Seen::default();
    let (creditrail, worker) = start(&file, &seen).await;
    let url = json!({"signingUrl": "https://a"});
    receive(&creditrail, "a", "SIGNING_SESSION_CREATED", url).await;
    receive(&creditrail, "last", "ONBOARDING_FAILED", json!({"failureCode": "TIMEOUT"})).await;
    seen.are(&["redirect_to_signing of a", "retry_application of last"]).await;
    bookmark_is(&file, 2).await;
    worker.abort();
    let _ = worker.await;

    let again = Seen::default();
    let (creditrail, _worker) = start(&file, &again).await;
    creditrail.rebuild(&[], None, |_| {}).await.expect("a rebuild");
    receive(&creditrail, "a", "SIGNING_SESSION_COMPLETED", json!({})).await;
    again.are(&["initiate_card_creation of a"]).await;
}

/// Waits until the handler's bookmark has passed a position.
async fn bookmark_is(file: &Path, position: i64) {
    let store = rusqlite::Connection::open(file).expect("the file");
    let patience = Instant::now() + Duration::from_secs(30);
    let bookmark = "SELECT position FROM bookmarks WHERE reader = 'action_handler'";
    while store.query_row(bookmark, [], |row| row.get::<_, i64>(0)) != Ok(position) {
        assert!(Instant::now() < patience);
        tokio::task::yield_now().await;
    }
}

async fn start(file: &Path, seen: &Seen) -> (Creditrail, JoinHandle<()>) {
    let source = json!({
        "name": "onboarding",
        "kind": "card-onboarding",
        "currency": "EUR",
        "secrets": [{ "id": "first", "value": SECRET }],
    });
    let source = serde_json::from_value(source).expect("a source");
    let builder = Creditrail::builder().database(format!("sqlite://{}", file.display()));
    let built = builder.source(source).on_action(seen.clone()).build().await;
    let (creditrail, worker): (Creditrail, Worker) = built.expect("a service");
    (creditrail, tokio::spawn(worker.run()))
}

async fn receive(creditrail: &Creditrail, id: &str, event: &str, more: Value) {
    let mut body = json!({"eventType": event, "onboardingId": id});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    let body = body.to_string();
    let headers = sign(Kind::CardOnboarding, SECRET, body.as_bytes(), Timestamp::now());
    let headers = headers.into_iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::try_from(value).expect("ASCII"))
    });
    let told = creditrail.receive("onboarding", &HeaderMap::from_iter(headers), body.into()).await;
    assert_eq!(told.expect("it is acknowledged").outcome, "applied");
}
