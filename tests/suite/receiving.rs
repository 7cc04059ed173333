//! The answers to a webhook, row by row of the table in DESIGN.md 4.1.

use serde_json::{Value, json};

use crate::support::{
    Answer, Ledger, SECRET, Service, Source, T1, Tx, Wire, items, number, signature, sorted, text,
    unix_now,
};

const T: Tx = Tx::new("t1");
const SIGNATURE: &str = "X-IMPRINT-HMAC-SIGNATURE";
/// One MiB: the largest body that is taken.
const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn what_is_recorded_is_answered_with_its_outcome_and_position() {
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let recorded = [
        (T.voided(5000).at("2025-03-03T00:00:00Z").event("early"),  "parked"),
        (T.approved(5000).at("2025-03-01T00:00:00Z"),               "applied"),
        (T.updated(4000).at("2025-02-01T00:00:00Z"),                "stale"),
        (T.voided(5000).at("2025-03-04T00:00:00Z").event("second"), "refused"),
    ];
    for (webhook, outcome) in recorded {
        let answer = imprint.deliver(webhook.body()).await;
        assert_eq!(answer["outcome"], outcome);
        assert!(number(&answer, "position") > 0);
        assert!(!text(&answer, "delivery_id").is_empty());
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_duplicate_is_counted_on_the_first_one() {
    let imprint = Ledger::fresh();
    let first = imprint.deliver(T.approved(5000).body()).await;
    for _ in 0..2 {
        let again = imprint.deliver(T.approved(5000).body()).await;
        assert_eq!(again["outcome"], "duplicate");
        assert_eq!(again["delivery_id"], first["delivery_id"]);
    }
    let deliveries = imprint.list("/v1/deliveries", &[]).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(number(&deliveries[0], "repeats"), 2);
    assert_eq!(number(&imprint.counts().await["outcomes"], "duplicate"), 2);
    imprint.is_sound().await;
}

#[tokio::test]
async fn the_same_key_with_other_content_is_kept_and_refused() {
    let imprint = Ledger::fresh();
    let first = imprint.deliver(T.approved(5000).body()).await;
    let other = imprint.deliver(T.approved(5001).body()).await;
    assert_eq!(imprint.list("/v1/deliveries", &[]).await.len(), 2);
    assert_ne!(first["delivery_id"], other["delivery_id"]);
    assert_eq!(imprint.exception("key_reused").await["kind"], "refused");
    imprint.is_sound().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_acknowledged_and_kept_byte_for_byte() {
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let unreadable = [
        ("not json at all \u{1F4B3}",                                   "malformed"),
        ("{ \"object\" :\n\"TRANSACTION\",  \"data\": {} }",            "malformed"),
        ("{ \"object\" :\n\"REWARD\",  \"data\": { \"points\": 7 } }",  "unrecognised"),
    ];
    for (body, outcome) in unreadable {
        let answer = imprint.deliver(body).await;
        assert_eq!(answer["outcome"], outcome, "{body}");
        let kept = delivery(&imprint, &answer).await;
        assert_eq!(text(&kept, "body"), body);
        assert_eq!(kept["outcome"], outcome);
        let exceptions = imprint.exceptions(&[("code", outcome)]).await;
        assert!(exceptions.iter().any(|one| one["delivery_id"] == answer["delivery_id"]));
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_delivery_is_kept_with_its_headers_and_the_secret_that_matched() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let signed = signature(SECRET, &unix_now().to_string(), body.as_bytes());
    let headers = [(SIGNATURE, signed.as_str()), ("X-Trace", "trace-77")];
    let kept = delivery(&imprint, &imprint.call(body.clone(), &headers).await.is(200)).await;
    assert_eq!(text(&kept, "body"), body);
    assert_eq!(kept["secret_id"], "first");
    assert!(kept["headers"].to_string().contains("trace-77"), "{kept:#}");
    assert_eq!(kept["subject"]["id"], "t1");
}

#[tokio::test]
async fn every_call_that_is_not_authentic_gets_the_same_401() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let now = unix_now();
    let sign =
        |secret, time: i64, body: &str| signature(secret, &time.to_string(), body.as_bytes());
    let genuine = sign(SECRET, now, &body);
    #[rustfmt::skip] // It is a table.
    let forged = [
        ("empty",            String::new()),
        ("nonsense",         "nonsense".to_owned()),
        ("no digest",        format!("t={now}")),
        ("no time",          genuine.split_once(',').unwrap().1.to_owned()),
        ("other secret",     sign("another-secret", now, &body)),
        ("other body",       sign(SECRET, now, "{}")),
        ("other time",       genuine.replacen(&now.to_string(), &(now - 1).to_string(), 1)),
        ("digest cut short", genuine[..genuine.len() - 2].to_owned()),
        ("digest no hex",    format!("t={now},s={}", "z".repeat(64))),
        ("time no number",   signature(SECRET, "yesterday", body.as_bytes())),
        ("past the window",  sign(SECRET, now - 310, &body)),
        ("ahead of it",      sign(SECRET, now + 120, &body)),
    ];
    let unsigned = imprint.call(body.clone(), &[]).await;
    unsigned.is_problem(401, "unauthenticated");
    for (what, header) in &forged {
        let answer = imprint.call(body.clone(), &[(SIGNATURE, header)]).await;
        assert_eq!((answer.status, &answer.text), (401, &unsigned.text), "{what}");
    }
    // None of them is a delivery; all of them are kept, so that a mistyped secret can be mended.
    assert_eq!(number(&imprint.counts().await, "received"), 0);
    // They are written after the answer: what there is to wait for is the last of them.
    let all = forged.len() + 1;
    let mut kept = 0;
    while kept < all {
        kept = imprint.list("/v1/rejected-calls", &[]).await.len();
    }
    assert_eq!(kept, all);
    imprint.is_sound().await;
}

#[tokio::test]
async fn within_the_window_a_call_is_taken() {
    let imprint = Ledger::fresh();
    for (nth, age) in [240, 0, -45].into_iter().enumerate() {
        let body = T.captured(1000).event(&format!("e{nth}")).body();
        let answer = imprint.post_as(SECRET, unix_now() - age, body).await;
        assert_eq!(answer.is(200)["outcome"], "applied", "{age} s old");
    }
}

#[tokio::test]
async fn a_time_in_milliseconds_is_read_as_such() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let signed = signature(SECRET, &format!("{}123", unix_now()), body.as_bytes());
    let answer = imprint.call(body, &[(SIGNATURE, &signed)]).await;
    assert_eq!(answer.is(200)["outcome"], "applied");
}

#[tokio::test]
async fn a_source_can_record_what_is_authentic_but_late() {
    let imprint = Ledger::with(Source::named("imprint").setting("outside_window", "record"));
    let (late, in_time) = (T.approved(5000), Tx::new("t2").approved(5000));
    let recorded = imprint.post_as(SECRET, unix_now() - 3600, late.body()).await.is(200);
    assert_eq!(recorded["outcome"], "applied");
    assert!(flags_of(&imprint, "t1", &recorded).await > 0);
    let usual = imprint.deliver(in_time.body()).await;
    assert_eq!(flags_of(&imprint, "t2", &usual).await, 0);

    // A replay cannot count twice, and a forgery stays one.
    let replayed = imprint.post_as(SECRET, unix_now() - 7200, in_time.body()).await;
    assert_eq!(replayed.is(200)["outcome"], "duplicate");
    let forged = imprint.post_as("another-secret", unix_now() - 3600, late.body()).await;
    forged.is_problem(401, "unauthenticated");
    imprint.is_sound().await;
}

/// How many flags a delivery has, on itself and on its step; that of an unannounced card aside.
async fn flags_of(imprint: &Ledger, id: &str, answer: &Value) -> usize {
    let (kept, tx) = (delivery(imprint, answer).await, imprint.transaction(id).await);
    let lists = [&kept["flags"], &items(&tx, "steps")[0]["flags"]];
    let mut flags: Vec<String> = lists.into_iter().flat_map(sorted).collect();
    flags.retain(|flag| flag != "unknown_payment_method");
    flags.len()
}

#[tokio::test]
async fn several_secrets_may_be_active_at_once() {
    let imprint = Ledger::with(
        Source::without_secret("imprint")
            .secret("2025", "old-token", r#", not_after = "2099-01-01T00:00:00Z""#)
            .secret("2026", "new-token", "")
            .secret("gone", "gone-token", r#", not_after = "2025-01-01T00:00:00Z""#)
            .secret("later", "later-token", r#", not_before = "2099-01-01T00:00:00Z""#),
    );
    for (id, secret) in [("2025", "old-token"), ("2026", "new-token")] {
        let body = T.captured(1000).event(id).body();
        let answer = imprint.post_as(secret, unix_now(), body).await.is(200);
        assert_eq!(delivery(&imprint, &answer).await["secret_id"], id);
    }
    for secret in ["gone-token", "later-token"] {
        let answer = imprint.post_as(secret, unix_now(), T.approved(5000).body()).await;
        answer.is_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_source_without_a_usable_secret_asks_to_come_again() {
    let sources = [
        Source::without_secret("none"),
        Source::without_secret("gone").secret(
            "a",
            SECRET,
            r#", not_after = "2025-01-01T00:00:00Z""#,
        ),
        Source::without_secret("later").secret(
            "a",
            SECRET,
            r#", not_before = "2099-01-01T00:00:00Z""#,
        ),
        Source::named("imprint"),
    ];
    let imprint = Ledger::of(Service::start(&sources), "imprint");
    for name in ["none", "gone", "later"] {
        let source = Ledger { source: name.to_owned(), ..imprint.clone() };
        let answer = source.post(T.approved(5000).body()).await;
        answer.is_problem(503, "source_without_secret");
        assert!(seconds_to_wait(&answer) > 0, "{name}");
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_body_of_the_limit_is_taken_and_one_byte_more_is_not() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let largest = body.clone() + " ".repeat(LIMIT - body.len()).as_str();
    assert_eq!(imprint.deliver(&largest).await["outcome"], "applied");

    // A declared length is answered before the body is sent.
    let mut declared = Wire::to(&imprint).await;
    let length = format!("Content-Length: {}", LIMIT + 1);
    declared.send_head(&imprint, b"", &length).await;
    assert_eq!(declared.status().await, 413);

    // An undeclared one is counted while it is read.
    let mut chunked = Wire::to(&imprint).await;
    let chunk = vec![b' '; LIMIT / 8];
    chunked.send_head(&imprint, b"", "Transfer-Encoding: chunked").await;
    for _ in 0..8 {
        chunked.send_chunk(&chunk).await;
    }
    chunked.send_chunk(b" ").await;
    assert_eq!(chunked.status().await, 413);
    assert_eq!(number(&imprint.counts().await, "received"), 1);
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_chunked_body_below_the_limit_is_taken() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let mut chunked = Wire::to(&imprint).await;
    chunked.send_head(&imprint, body.as_bytes(), "Transfer-Encoding: chunked").await;
    for part in body.as_bytes().chunks(100) {
        chunked.send_chunk(part).await;
    }
    chunked.send("0\r\n\r\n").await;
    assert_eq!(chunked.status().await, 200);
    let received = imprint.list("/v1/deliveries", &[]).await;
    assert_eq!(received[0]["outcome"], "applied");
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_no_delivery() {
    let imprint = Ledger::fresh();
    let body = T.approved(5000).body();
    let mut cut = Wire::to(&imprint).await;
    let length = format!("Content-Length: {}", body.len());
    cut.send_head(&imprint, body.as_bytes(), &length).await;
    cut.send(&body[..body.len() / 2]).await;
    drop(cut);
    assert_eq!(imprint.receive(&T.approved(5000)).await, "applied");
    assert_eq!(number(&imprint.counts().await, "received"), 1);
}

#[tokio::test]
async fn an_encoded_body_is_not_taken() {
    let imprint = Ledger::fresh();
    for encoding in ["gzip", "br", "zstd"] {
        let body = T.approved(5000).body();
        let signed = signature(SECRET, &unix_now().to_string(), body.as_bytes());
        let headers = [(SIGNATURE, signed.as_str()), ("Content-Encoding", encoding)];
        let answer = imprint.call(body, &headers).await;
        answer.is_problem(415, "content_encoding_unsupported");
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn an_unknown_source_is_not_found() {
    let imprint = Ledger::fresh();
    let stranger = Ledger { source: "stranger".to_owned(), ..imprint.clone() };
    let answer = stranger.post(T.approved(5000).body()).await;
    answer.is_problem(404, "unknown_source");
    imprint.is_sound().await;
}

#[tokio::test]
async fn who_fails_too_often_has_to_wait_but_an_authentic_call_never_does() {
    let imprint = Ledger::fresh();
    let (forged, genuine) = (T.approved(5000).body(), Tx::new("t2").approved(5000).body());
    for nth in 0..20 {
        let answer = imprint.post_as("another-secret", unix_now(), &forged).await;
        assert_eq!(answer.status, 401, "failure {nth}");
    }
    let answer = imprint.post_as("another-secret", unix_now(), &forged).await;
    answer.is_problem(429, "too_many_failures");
    assert!((1..=60).contains(&seconds_to_wait(&answer)));

    assert_eq!(imprint.deliver(&genuine).await["outcome"], "applied");
    let again = imprint.post_as("another-secret", unix_now(), &forged).await;
    assert_eq!(again.status, 429, "a good call does not forgive");
    imprint.is_sound().await;
}

#[tokio::test]
async fn operators_see_health_and_figures() {
    let imprint = Ledger::fresh();
    imprint.receive(&T.approved(5000).at(T1)).await;
    imprint.receive(&T.approved(5000).at(T1)).await;
    imprint.counts().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(imprint.ask(path, &[]).await.status, 200, "{path}");
    }
    let metrics = imprint.ask("/metrics", &[]).await.text;
    for line in [
        r#"creditrail_deliveries_received_total{source="imprint"} 2"#,
        r#"creditrail_audit_balanced{source="imprint"} 1"#,
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line} is not in\n{metrics}");
    }
    let described = imprint.ask("/openapi.json", &[]).await.is(200);
    assert!(described["paths"]["/webhooks/{source}"]["post"].is_object());
    assert_ne!(described["openapi"], json!(null));
}

async fn delivery(imprint: &Ledger, answer: &Value) -> Value {
    let id = text(answer, "delivery_id");
    let path = format!("/v1/deliveries/{}/{id}", imprint.source);
    imprint.view(&path).await
}

fn seconds_to_wait(answer: &Answer) -> u64 {
    let seconds = answer.retry_after.as_deref().expect("Retry-After");
    seconds.parse().expect("seconds")
}
