//! An axum application of the host's own that nests creditrail under `/credit` and runs its worker.
//!
//! `cargo run --example embed_router`

use std::{error::Error, future::IntoFuture, net::SocketAddr};

use async_trait::async_trait;
use axum::{Router, http::request::Parts, routing::get};
use creditrail::{
    app::Creditrail,
    http::access::{Access, Caller, Identify, Role},
    sources::{SourceConfig, imprint},
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;

const SECRET: &str = "s3cret";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Serves, receives one signed webhook over HTTP, and reads the transaction.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let source: SourceConfig = toml::from_str(
        r#"
        name = "imprint"
        kind = "imprint"
        currency = "USD"
        secrets = [{ id = "2026-01", value = "s3cret" }]
        "#,
    )?;
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("credit.db").display());
    let (creditrail, worker) = Creditrail::builder().database(url).source(source).build().await?;

    // Lenders' calls carry their signature; who may see the dashboard and `/v1` is told by the host.
    // `webhooks`, `api`, `dashboard` and `health` come apart, for other listeners or layers.
    let access = Access::host(OwnSignIn);
    let app = Router::new()
        .route("/", get(async || "the host's own page"))
        .nest("/credit", creditrail::http::router(&creditrail, &access));

    // With the address of the caller, forgers are told 429 after a while. `axum::serve` waits for
    // slow clients for ever; `creditrail::http::serve::serve` has deadlines, where that matters.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);

    // Without the worker nothing is written: a webhook would be answered 503. The host runs it, and
    // ends it by dropping its future, as here when the calls are done.
    tokio::select! {
        served = axum::serve(listener, service).into_future() => Ok(served?),
        () = worker.run() => Err("the worker ended, which it does not do of itself".into()),
        called = call(&base) => called,
    }
}

/// The sign-in that the host has anyway, here a header by which its gateway names the colleague.
struct OwnSignIn;

#[async_trait]
impl Identify for OwnSignIn {
    async fn identify(&self, call: &Parts) -> Option<Caller> {
        let name = call.headers.get("x-colleague")?.to_str().ok()?.to_owned();
        Some(Caller { name, role: Role::Support })
    }
}

/// What the lender and the partner would do.
async fn call(base: &str) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let own = client.get(base).send().await?.text().await?;
    println!("GET /: {own}");
    assert_eq!(own, "the host's own page");

    let body = r#"{"object":"TRANSACTION","data":{"transaction_id":"tx-1","event_id":"tx-1-approved",
        "payment_method_id":"card-1","customer_id":"customer-1","status":"APPROVED",
        "amount":5000,"currency":"USD","updated_at":"2026-03-02T10:00:00Z"}}"#;
    let signature = imprint::sign(SECRET, body.as_bytes(), Timestamp::now());
    let received = client
        .post(format!("{base}/credit/webhooks/imprint"))
        .header(imprint::SIGNATURE_HEADER, signature)
        .body(body)
        .send()
        .await?;
    assert_eq!(received.status(), 200);
    let receipt: Value = received.json().await?;
    println!("POST /credit/webhooks/imprint: {receipt}");
    assert_eq!(receipt["outcome"], "applied");

    // `at_least` waits until the read models have passed what the receipt names.
    let position = &receipt["position"];
    let url = format!("{base}/credit/v1/transactions/imprint/tx-1?at_least={position}");
    assert_eq!(client.get(&url).send().await?.status(), 401, "nobody asks");
    let asked = client.get(url).header("x-colleague", "ada").send().await?;
    let transaction: Value = asked.json().await?;
    println!("GET /credit/v1/…/tx-1: {} {}", transaction["status"], transaction["hold"]);
    assert_eq!(transaction["hold"], 5000);

    // The dashboard stands under the same path, for the same colleagues.
    let page = client.get(format!("{base}/credit/transactions/imprint/tx-1"));
    let page = page.header("x-colleague", "ada").send().await?.text().await?;
    assert!(page.contains("50.00 USD"));
    Ok(())
}
