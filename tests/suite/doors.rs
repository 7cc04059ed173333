//! What keeps strangers out: other sites' pages in a browser, and floods of forgeries.

use serde_json::json;

use crate::support::{Ledger, Tx, items};

#[tokio::test]
async fn a_page_of_another_site_can_neither_read_nor_command() {
    let imprint = Ledger::fresh();
    let http = reqwest::Client::new();
    let sources = format!("{}/v1/sources", imprint.service.base());
    for (host, status) in [("evil.example", 403), ("localhost:1", 200), ("[::1]", 200)] {
        let answer = http.get(&sources).header("Host", host).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{host}");
    }
    let sessions = format!("{}/v1/applications/imprint", imprint.service.base());
    let session = json!({ "partner_customer_id": "p" }).to_string();
    let answer = http.post(&sessions).header("Content-Type", "text/plain").body(session).send();
    assert_eq!(answer.await.expect("an answer").status(), 415);
    assert!(imprint.list("/v1/applications", &[]).await.is_empty());
}

#[tokio::test]
async fn a_flood_of_forgeries_does_not_push_other_calls_out_of_the_ring() {
    let imprint = Ledger::fresh();
    let body = Tx::new("t1").approved(5000).body();
    for _ in 0..40 {
        imprint.call(body.clone(), &[]).await;
    }
    let counted = imprint.counts().await["rejected_calls"].clone();
    assert_eq!(counted, json!({ "signature_missing": 20, "too_many_failures": 20 }));
    // The ring is written beside the answers: the newest of what is kept comes last.
    let mut kept = 0;
    while kept < 20 {
        let ring = imprint.ask("/v1/rejected-calls", &[("source", "imprint")]).await.is(200);
        kept = items(&ring, "items").len();
    }
    assert_eq!(kept, 20);
}
