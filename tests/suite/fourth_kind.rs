//! A fourth kind of lender, added as `docs/how-to/add-a-source.md` says for a program that brings a
//! kind of its own: by what the crate offers to any host, with no edit of `src`.
//!
//! Reading order: `larch` (the lender), then the tests, then `Host` (the program).

mod larch;

use std::{future::IntoFuture, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use creditrail::{
    app::Creditrail,
    domain::Currency,
    sources::{
        Lender, SourceConfig,
        signature::{Secret, Verified},
    },
};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::larch::{EVENTS, ID, Larch, SIGNATURE, TIMESTAMP, sign};
use crate::support::{column, items, text};

/// Two, for an overlap. The prefix stands apart, for scanners take it for a secret of somebody.
const OLD: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const NEW: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
const OTHER: &str = concat!("whsec_", "bm90IGEga2V5IG9mIHRoaXMgc291cmNl");
const TOKEN: &str = "canary-card-token-19be55";
/// What the clock of the service says: 2026-03-02T12:00:00Z.
const NOW: i64 = 1_772_452_800;

/// Source: `sign function works` in libraries/javascript/src/webhook.test.ts and `test_sign` in
/// libraries/rust/src/lib.rs of github.com/standard-webhooks/standard-webhooks, at 10d3e46 and
/// 1e88c9c.
#[test]
fn the_published_examples_are_authentic() {
    #[rustfmt::skip] // It is a table.
    let published = [
        (OLD, "old", "msg_p5jXN8AQM9LWM0D4loKWxJek",    1_614_265_330, r#"{"test": 2432232314}"#,                               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (NEW, "new", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, r#"{"email":"test@example.com","username":"test_user"}"#, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
    ];
    let larch = Larch::new(&config(&[("old", OLD), ("new", NEW)]));
    for (secret, secret_id, id, second, body, signature) in published {
        let time = second.to_string();
        assert_eq!(sign(secret, (id, &time), body.as_bytes()), signature);
        let signed_at = Timestamp::from_second(second).expect("a time");
        let headers = [(ID, id), (TIMESTAMP, &time), (SIGNATURE, signature)]
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value)))
            .map(|(name, value)| (name, value.expect("ASCII")));
        let verified = larch.verify(&headers.into_iter().collect(), body.as_bytes(), signed_at);
        let expected = Verified {
            secret_id: secret_id.to_owned(),
            signed_at: Some(signed_at),
            outside_window: false,
        };
        assert_eq!(verified, Ok(expected));
    }
}

#[tokio::test]
async fn each_webhook_becomes_its_step_and_the_read_model_shows_the_transaction() {
    let host = Host::start().await;
    let amounts = [5000, 8000, 3000, 5000, 1050];
    for (nth, (described, amount)) in EVENTS.iter().zip(amounts).enumerate() {
        let mut body = purchase_of(described.event, &format!("e{nth}"), amount);
        body["timestamp"] = json!(format!("2026-03-02T1{nth}:00:00Z"));
        assert_eq!(host.delivers(&body).await["outcome"], "applied", "{}", described.event);
    }
    let seen = host.view("/v1/transactions/larch/p1").await;
    let kinds: Vec<&str> = EVENTS.iter().map(|described| described.kind).collect();
    assert_eq!(column(items(&seen, "steps"), "kind"), kinds);
    assert_eq!(column(items(&seen, "steps"), "key"), ["e0", "e1", "e2", "e3", "e4"]);
    #[rustfmt::skip] // It is a table.
    let shown = [
        ("status",            json!("captured_remainder_voided")),
        ("currency",          json!("USD")),
        ("authorized",        json!(8000)),
        ("captured",          json!(3000)),
        ("refunded",          json!(1050)),
        ("hold",              json!(0)),
        ("customer_id",       json!("k1")),
        ("payment_method_id", json!("c1")),
    ];
    for (field, value) in shown {
        assert_eq!(seen[field], value, "{field}: {seen:#}");
    }
    assert_eq!(seen["merchant"]["name"], "The Corner Shop");
    assert_eq!(seen["steps"][0]["occurred_at"], "2026-03-02T10:00:00Z");
}

#[tokio::test]
async fn a_webhook_is_applied_once_and_what_is_illegal_is_refused() {
    let host = Host::start().await;
    let approved = authorized("e1", 5000);
    assert_eq!(host.delivers(&approved).await["outcome"], "applied");
    // The lender tries again: the same id, signed at another second.
    let body = approved.to_string();
    let again = host.call(&signed(NEW, "msg_1", NOW + 30, &body), &body).await;
    assert_eq!((again.0, &again.1["outcome"]), (200, &json!("duplicate")));
    let spaced = format!("{approved:#}");
    let again = host.call(&signed(NEW, "msg_2", NOW, &spaced), &spaced).await;
    assert_eq!((again.0, &again.1["outcome"]), (200, &json!("duplicate")));
    let mut of_another = approved.clone();
    of_another["data"]["purchase_id"] = json!("p2");
    for refused in [authorized("e2", 5000), authorized("e1", 7000), of_another] {
        assert_eq!(host.delivers(&refused).await["outcome"], "refused", "{refused:#}");
    }

    let seen = host.view("/v1/transactions/larch/p1").await;
    assert_eq!(seen["authorized"], 5000, "{seen:#}");
    let mut reasons: Vec<&Value> =
        items(&seen, "steps").iter().map(|step| &step["reason"]).collect();
    reasons.sort_by_key(|reason| reason.to_string());
    assert_eq!(reasons, [&json!("key_reused"), &json!("second_approval"), &json!(null)]);
    let other = host.view("/v1/transactions/larch/p2").await;
    assert_eq!(other["steps"][0]["reason"], "key_reused", "{other:#}");
    let counts = host.view("/v1/sources/larch").await;
    assert_eq!((&counts["received"], &counts["balanced"]), (&json!(6), &json!(true)), "{counts:#}");
}

#[tokio::test]
async fn every_call_that_is_not_authentic_gets_the_same_401() {
    let host = Host::start().await;
    let body = authorized("e1", 5000).to_string();
    let [id, time, genuine] = signed(NEW, "msg_1", NOW, &body);
    let with = |signature: &str| [id.clone(), time.clone(), (SIGNATURE, signature.to_owned())];
    let bare = genuine.1.trim_start_matches("v1,").to_owned();
    #[rustfmt::skip] // It is a table.
    let forged = [
        ("no headers",        vec![]),
        ("no id",             vec![time.clone(), genuine.clone()]),
        ("no time",           vec![id.clone(), genuine.clone()]),
        ("no signature",      vec![id.clone(), time.clone()]),
        ("empty",             with("").to_vec()),
        ("cut short",         with("v1,").to_vec()),
        ("no version",        with(&bare).to_vec()),
        ("another version",   with(&format!("v2,{bare}")).to_vec()),
        ("no base64",         with("v1,???").to_vec()),
        ("zeros",             with(&format!("v1,{}", STANDARD.encode([0; 32]))).to_vec()),
        ("another secret",    signed(OTHER, "msg_1", NOW, &body).to_vec()),
        ("another body",      signed(NEW, "msg_1", NOW, "{}").to_vec()),
        ("another id",        vec![(ID, "msg_2".to_owned()), time.clone(), genuine.clone()]),
        ("another time",      vec![id.clone(), (TIMESTAMP, (NOW + 1).to_string()), genuine.clone()]),
        ("an id with a dot",  signed(NEW, "msg.1", NOW, &body).to_vec()),
        ("too old",           signed(NEW, "msg_1", NOW - 301, &body).to_vec()),
        ("ahead of time",     signed(NEW, "msg_1", NOW + 61, &body).to_vec()),
    ];
    let (_, unsigned) = host.call(&[], &body).await;
    assert_eq!(unsigned["code"], "unauthenticated");
    for (what, headers) in forged {
        assert_eq!(host.call(&headers, &body).await, (401, unsigned.clone()), "{what}");
    }
    let counts = host.view("/v1/sources/larch").await;
    assert_eq!(counts["received"], 0, "{counts:#}");
}

#[tokio::test]
async fn one_right_signature_of_the_list_within_the_window_is_enough() {
    let host = Host::start().await;
    let other = format!("v1,{}", STANDARD.encode([7; 32]));
    for (secret, secret_id, second) in [(OLD, "old", NOW - 300), (NEW, "new", NOW + 60)] {
        let body = authorized(secret_id, 5000).to_string();
        let [id, time, (name, genuine)] = signed(secret, "msg_1", second, &body);
        let list = format!("v1a,{} {other} {genuine} {other}", STANDARD.encode([7; 64]));
        let (status, told) = host.call(&[id, time, (name, list)], &body).await;
        assert_eq!(status, 200, "{told:#}");
        let id = text(&told, "delivery_id");
        let kept = host.view(&format!("/v1/deliveries/larch/{id}")).await;
        assert_eq!(kept["secret_id"], secret_id);
    }
}

#[tokio::test]
async fn a_secret_that_is_no_key_is_none() {
    let body = authorized("e1", 5000).to_string();
    let headers = signed(NEW, "msg_1", NOW, &body);
    for secret in ["", "whsec_", "whsec_???", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"] {
        let host = Host::with(&[("mistyped", secret)]).await;
        assert_eq!(host.call(&headers, &body).await.0, 503, "{secret}");
        let host = Host::with(&[("mistyped", secret), ("new", NEW)]).await;
        assert_eq!(host.call(&headers, &body).await.0, 200, "{secret}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_its_field_named() {
    let host = Host::start().await;
    #[rustfmt::skip] // It is a table.
    let unreadable = [
        ("/type",             json!("card.purchase.lost"), "unrecognised", "type"),
        ("/type",             json!(null),                 "malformed",    "type"),
        ("/data",             json!("none"),               "malformed",    "data"),
        ("/data/event_id",    json!(null),                 "malformed",    "data.event_id"),
        ("/data/purchase_id", json!(""),                   "malformed",    "data.purchase_id"),
        ("/data/customer_id", json!(7),                    "malformed",    "data.customer_id"),
        ("/data/card_id",     json!(null),                 "malformed",    "data.card_id"),
        ("/data/amount",      json!("5000"),              "malformed",    "data.amount"),
        ("/data/amount",      json!(-1),                   "malformed",    "data.amount"),
    ];
    for (path, value, outcome, field) in unreadable {
        let mut body = authorized("e1", 5000);
        *body.pointer_mut(path).expect("a field") = value;
        let told = host.delivers(&body).await;
        assert_eq!(told["outcome"], outcome, "{path}");
        let listed = host.view(&format!("/v1/exceptions?source=larch&code={outcome}")).await;
        let about = |one: &&Value| one["delivery_id"] == told["delivery_id"];
        let exception = items(&listed, "items").iter().find(about).expect("it is listed");
        assert!(text(exception, "message").contains(field), "{field}: {exception:#}");
    }
    let listed = host.view("/v1/transactions?source=larch").await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn the_token_of_a_card_is_sealed() {
    let host = Host::start().await;
    let told = host.delivers(&authorized("e1", 5000)).await;
    let kept = host.view(&format!("/v1/deliveries/larch/{}", text(&told, "delivery_id"))).await;
    let body: Value = serde_json::from_str(text(&kept, "body")).expect("it is still JSON");
    let shown = text(&body["data"], "card_token");
    let secret_ref = shown.strip_prefix("sealed:").expect("a reference in its place");
    let found = files_with(host.folder.path(), TOKEN);
    assert!(found.is_empty(), "{found:?}");

    let path = format!("/v1/secrets/{secret_ref}/reveal");
    let why = json!({"reason": "the customer called"});
    let revealed = host.client.post(host.url(&path)).json(&why).send().await.expect("an answer");
    let revealed: Value = revealed.json().await.expect("JSON");
    assert_eq!(revealed["value"], TOKEN);
}

fn authorized(event_id: &str, amount: i64) -> Value {
    purchase_of("card.purchase.authorized", event_id, amount)
}

fn purchase_of(event: &str, event_id: &str, amount: i64) -> Value {
    json!({
        "type": event,
        "timestamp": "2026-03-02T10:00:00Z",
        "data": {
            "event_id": event_id,
            "purchase_id": "p1",
            "card_id": "c1",
            "customer_id": "k1",
            "card_token": TOKEN,
            "merchant": "The Corner Shop",
            "amount": amount,
        },
    })
}

/// The headers of a call.
fn signed(secret: &str, id: &str, second: i64, body: &str) -> [(&'static str, String); 3] {
    let time = second.to_string();
    let signature = sign(secret, (id, &time), body.as_bytes());
    [(ID, id.to_owned()), (TIMESTAMP, time), (SIGNATURE, signature)]
}

fn config(secrets: &[(&str, &str)]) -> SourceConfig {
    let secret = |(id, value): &(&str, &str)| Secret::new(*id, SecretString::from(*value));
    let usd = Currency::from_code("USD").expect("a currency");
    SourceConfig::of_host("larch", usd, secrets.iter().map(secret).collect())
}

/// The files of a folder that have these bytes in them.
fn files_with(folder: &Path, bytes: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("the folder");
    let files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    assert!(files.iter().any(|file| file.ends_with("larch.db")), "the database is found");
    let has = |content: &[u8]| content.windows(bytes.len()).any(|part| part == bytes.as_bytes());
    let found = files.into_iter().filter(|file| has(&std::fs::read(file).expect("it is read")));
    found.map(|file| file.display().to_string()).collect()
}

/// A program that has creditrail in it, brings its own lender, and serves on loopback.
struct Host {
    base: String,
    client: reqwest::Client,
    folder: TempDir,
}

impl Host {
    async fn start() -> Self {
        Self::with(&[("old", OLD), ("new", NEW)]).await
    }

    async fn with(secrets: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("larch.db").display());
        let config = config(secrets);
        let lender = Larch::new(&config);
        let now = Timestamp::from_second(NOW).expect("a time");
        let builder = Creditrail::builder().database(url).lender(config, lender).clock(move || now);
        let (creditrail, worker) = builder.build().await.expect("a service");
        tokio::spawn(worker.run());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let router = creditrail::http::router(&creditrail, &creditrail::http::Access::loopback());
        let router = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(axum::serve(listener, router).into_future());
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { base, client, folder }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A call with exactly these headers: its status and its answer.
    async fn call(&self, headers: &[(&str, String)], body: &str) -> (u16, Value) {
        let mut request = self.client.post(self.url("/webhooks/larch")).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// The answer to an authentic call.
    async fn delivers(&self, body: &Value) -> Value {
        let body = body.to_string();
        let (status, told) = self.call(&signed(NEW, "msg_1", NOW, &body), &body).await;
        assert_eq!(status, 200, "{told:#}");
        told
    }

    /// What is read once the read models know all that is in the log.
    async fn view(&self, path: &str) -> Value {
        let counts = self.get("/v1/sources/larch").await;
        let position = &counts["position"];
        let between = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{between}at_least={position}")).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).send().await.expect("an answer");
        let (status, read) = (answer.status(), answer.text().await.expect("an answer"));
        assert_eq!(status.as_u16(), 200, "{path}: {read}");
        serde_json::from_str(&read).expect("JSON")
    }
}
