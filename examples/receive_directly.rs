//! Receives a webhook without HTTP of ours: the host has the headers and the bytes, from whatever
//! framework or queue, and gives them to [`Creditrail::receive`].
//!
//! `cargo run --example receive_directly`

use std::error::Error;

use bytes::Bytes;
use creditrail::{
    app::{Creditrail, receive::ReceiveError},
    sources::{SourceConfig, imprint},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

const SECRET: &str = "s3cret";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Receives two calls of one webhook, and a forged one; then reads what came of it.
pub async fn run() -> Result<(), Box<dyn Error>> {
    // A source is plain data with serde: from a file, as here, or from wherever the host keeps it.
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

    // Nothing is spawned here: the host runs the worker, and all of it stops when the host says so.
    let (creditrail, worker) = Creditrail::builder().database(url).source(source).build().await?;
    let worker = tokio::spawn(worker.run());

    let body = Bytes::from_static(
        br#"{"object":"TRANSACTION","data":{"transaction_id":"tx-1","event_id":"tx-1-approved",
        "payment_method_id":"card-1","customer_id":"customer-1","status":"APPROVED",
        "amount":5000,"currency":"USD","updated_at":"2026-03-02T10:00:00Z"}}"#,
    );

    // `Ok` means committed: only now may the sender be told 2xx.
    let first = creditrail.receive("imprint", &signed(SECRET, &body)?, body.clone()).await?;
    println!("first call:  {} at position {:?}", first.outcome, first.position);
    assert_eq!(first.outcome, "applied");

    // Each delivery counts once, however often it comes.
    let again = creditrail.receive("imprint", &signed(SECRET, &body)?, body.clone()).await?;
    println!("second call: {}", again.outcome);
    assert_eq!(again.outcome, "duplicate");

    // Nothing is recorded of a call that is not authentic. Answer 401 and give no cause.
    let forged = creditrail.receive("imprint", &signed("a guess", &body)?, body.clone()).await;
    assert!(matches!(forged, Err(ReceiveError::Unauthenticated)));
    println!("forged call: turned away");

    // Reads follow the log a moment later: wait for the position to read your own writes.
    creditrail.at_least("imprint", first.position.unwrap_or(0)).await?;
    let transaction = creditrail.transaction("imprint", "tx-1").await?.ok_or("it is recorded")?;
    println!("tx-1 is {}: {} minor units held", transaction["status"], transaction["hold"]);
    assert_eq!(transaction["status"], "pending");
    assert_eq!(transaction["hold"], 5000);

    worker.abort();
    Ok(())
}

/// The header that the lender would send.
fn signed(secret: &str, body: &[u8]) -> Result<HeaderMap, Box<dyn Error>> {
    let signature = imprint::sign(secret, body, Timestamp::now());
    let name = HeaderName::from_static(imprint::SIGNATURE_HEADER);
    Ok(HeaderMap::from_iter([(name, HeaderValue::from_str(&signature)?)]))
}
