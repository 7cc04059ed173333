//! Bodies and connections that mean harm. After each of them the service serves, and the counts
//! add up.

use serde_json::{Value, json};
use tokio::join;

use crate::support::{Card, Ledger, T1, T2, Tx, Webhook, Wire, decision, items, text};

const T: Tx = Tx::new("t1");

#[tokio::test]
async fn an_amount_that_is_no_integer_of_minor_units_is_malformed_and_named() {
    #[rustfmt::skip] // It is a list.
    let amounts = [
        "\"5000\"", "5000.0", "-1", "1e2", "123456789012345678901234567890", "null", "true", "{}", "[5000]",
    ];
    let imprint = Ledger::fresh();
    for amount in amounts {
        let body = T.captured(1).body().replace("\"amount\":1,", &format!("\"amount\":{amount},"));
        is_malformed(&imprint, &body, "amount").await;
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_field_that_is_missing_or_of_another_kind_is_named() {
    let card = Card::virtual_card("c1").is("ACTIVE");
    let decided = decision("REJECTED").customer("a");
    #[rustfmt::skip] // It is a table.
    let bodies = [
        (T.approved(1).without("amount"),                          "amount"),
        (T.approved(1).without("transaction_id"),                  "transaction_id"),
        (T.approved(1).with("transaction_id", json!("")),          "transaction_id"),
        (T.approved(1).with("transaction_id", json!(7)),           "transaction_id"),
        (T.approved(1).without("event_id"),                        "event_id"),
        (T.approved(1).with("event_id", json!(null)),              "event_id"),
        (T.approved(1).without("customer_id"),                     "customer_id"),
        (T.approved(1).without("payment_method_id"),               "payment_method_id"),
        (T.approved(1).without("currency"),                        "currency"),
        (T.approved(1).with("currency", json!(840)),               "currency"),
        (T.approved(1).without("status"),                          "status"),
        (T.approved(1).with("status", json!(["APPROVED"])),        "status"),
        (T.approved(1).with("object", json!("PAYMENT_METHOD")),    "object"),
        (card.clone().without("payment_method_id"),                "payment_method_id"),
        (card.clone().without("customer_id"),                      "customer_id"),
        (card.clone().without("card_type"),                        "card_type"),
        (card.with("new_status", json!(1)),                        "new_status"),
        (decided.clone().without("status"),                        "status"),
        (decided.clone().without("created_at"),                    "created_at"),
        (decided.without("customer_id"),                           "customer_id"), // nor a partner_customer_id
    ];
    let imprint = Ledger::fresh();
    for (webhook, field) in bodies {
        is_malformed(&imprint, &webhook.body(), field).await;
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn an_envelope_that_cannot_be_read_is_malformed() {
    let envelopes: [&[u8]; 12] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"7",
        b"{}",
        br#"{"object":"TRANSACTION"}"#,
        br#"{"object":"TRANSACTION","data":[]}"#,
        br#"{"object":5,"data":{}}"#,
        br#"{"data":{}}"#,
        b"{\"object\":\"TRANSACTION\",\"data\":{\"note\":\"\xFF\xFE\"}}",
        br#"{"object":"TRANSACTION","data":{}} and more"#,
    ];
    let imprint = Ledger::fresh();
    for body in envelopes {
        let shown = String::from_utf8_lossy(body).into_owned();
        assert_eq!(imprint.deliver(body).await["outcome"], "malformed", "{shown}");
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn a_key_that_stands_twice_is_malformed() {
    let imprint = Ledger::fresh();
    let body = T.captured(1).body();
    for twice in [
        body.replace("\"amount\":1,", "\"amount\":1,\"amount\":9999,"),
        body.replace("\"amount\":1,", "\"amount\":1,\"\\u0061mount\":9999,"),
        body.replace("{\"data\"", "{\"object\":\"CUSTOMER_LINK\",\"data\""),
    ] {
        assert_ne!(twice, body);
        assert_eq!(imprint.deliver(&twice).await["outcome"], "malformed", "{twice}");
    }
    imprint.is_sound().await;
}

#[tokio::test]
async fn signs_that_a_database_cannot_keep_are_malformed() {
    let imprint = Ledger::fresh();
    for field in ["transaction_id", "event_id", "customer_id", "payment_method_id"] {
        let webhook = T.approved(1).with(field, json!("a\u{0}b"));
        is_malformed(&imprint, &webhook.body(), field).await;
    }
    let lone_surrogate = T.approved(1).body().replace("t1-customer", "\\ud800");
    assert_eq!(imprint.deliver(lone_surrogate).await["outcome"], "malformed");
    imprint.is_sound().await;
}

#[tokio::test]
async fn depth_length_and_size_are_bounded() {
    let imprint = Ledger::fresh();
    let deep = "[".repeat(500_000);
    assert_eq!(imprint.deliver(&deep).await["outcome"], "malformed");
    let deep = T
        .approved(1)
        .body()
        .replace("\"USD\"", &("{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000).as_str()));
    assert_eq!(imprint.deliver(&deep).await["outcome"], "malformed");

    // Amounts that fit, but whose sum does not.
    let huge = Tx::new("huge");
    for event in ["one", "two"] {
        imprint.deliver(huge.captured(i64::MAX).event(event).body()).await;
    }
    imprint.transaction("huge").await;

    let wide = T.approved(1).with("intent_id", json!("i".repeat(900_000)));
    imprint.deliver(wide.body()).await;
    let signs = Tx::new("../..?q=1#'\";--%00é").approved(1);
    assert_eq!(imprint.receive(&signs).await, "applied");
    imprint.is_sound().await;
}

#[tokio::test]
async fn what_the_lender_may_add_one_day_is_unrecognised() {
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let news = [
        r#"{"object":"REWARD","data":{"customer_id":"a"}}"#.to_owned(),
        r#"{"object":"ACCOUNT_STATUS","data":null}"#.to_owned(),
        T.step("DECLINED", 5000).body(),
        Card::virtual_card("c1").is("FROZEN").body(),
        decision("COUNTER_OFFERED").customer("a").body(),
    ];
    for body in &news {
        let answer = imprint.deliver(body).await;
        assert_eq!(answer["outcome"], "unrecognised", "{body}");
    }
    let listed = imprint.exceptions(&[("code", "unrecognised")]).await;
    assert_eq!(listed.len(), news.len());
    assert!(listed.iter().all(|one| one["kind"] == "unrecognised"));
    imprint.is_sound().await;
}

#[tokio::test]
async fn unknown_fields_are_kept_and_do_no_harm() {
    let imprint = Ledger::fresh();
    let webhook = T
        .approved(5000)
        .with("merchant_key", json!("mk-1"))
        .with("customer_metadata", json!({"tier": [1, 2.5, null]}))
        .with("purchase_method", json!("TELEPATHY"));
    let answer = imprint.deliver(webhook.body()).await;
    assert_eq!(answer["outcome"], "applied");
    let path = format!("/v1/deliveries/imprint/{}", text(&answer, "delivery_id"));
    assert!(text(&imprint.view(&path).await, "body").contains("\"merchant_key\":\"mk-1\""));
}

#[tokio::test]
async fn tokens_are_masked_in_every_read_and_in_the_log() {
    let imprint = Ledger::fresh();
    let announced = with_tokens(Card::virtual_card("c1").is("ACTIVE").at(T1));
    let renewed = with_tokens(Card::virtual_card("c1").says_nothing().design("d").at(T2));
    let unreadable = with_tokens(Card::virtual_card("c2").is("ACTIVE").without("card_type"));
    let unrecognised = with_tokens(Card::virtual_card("c3").is("FROZEN"));
    let refused = with_tokens(Card::physical_card("c1").is("ACTIVE").at(T2).design("e"));
    let mut reads = Vec::new();
    for webhook in [announced, renewed, unreadable, unrecognised, refused] {
        let answer = imprint.deliver(webhook.body()).await;
        reads.push(format!("/v1/deliveries/imprint/{}", text(&answer, "delivery_id")));
    }
    let kept = imprint.view(&reads[0]).await;
    assert!(text(&kept, "body").contains("pan_reference_id"), "only values are masked: {kept:#}");
    reads.extend(
        [
            "payment-methods/imprint/c1",
            "customers/imprint/c1-customer",
            "customers/imprint/c1-customer/timeline",
        ]
        .map(|path| format!("/v1/{path}")),
    );
    let mut seen = String::new();
    for path in reads {
        seen += &imprint.view(&path).await.to_string();
    }
    for path in ["payment-methods", "exceptions", "deliveries", "events", "rejected-calls"] {
        let query = [("source", "imprint"), ("limit", "100")];
        seen += &imprint.ask(&format!("/v1/{path}"), &query).await.text;
    }
    seen += &imprint.service.log();
    for secret in [TOKEN, PAN_REFERENCE, crate::support::SECRET] {
        assert!(!seen.contains(secret), "{secret} is told in\n{seen}");
    }
    let found = imprint.ask("/v1/search", &[("q", TOKEN)]).await.is(200);
    assert!(items(&found, "items").is_empty());
    imprint.is_sound().await;
}

const TOKEN: &str = "tok-4c1f7a52";
const PAN_REFERENCE: &str = "pan-98d0e611";

fn with_tokens(card: Webhook) -> Webhook {
    let token = json!({
        "token": TOKEN, "pan_reference_id": PAN_REFERENCE, "created_at": T1, "updated_at": T1,
    });
    card.with("tokens", json!([token]))
}

#[tokio::test]
async fn a_client_that_says_nothing_or_half_a_word_is_hung_up_on() {
    let imprint = Ledger::fresh();
    let silent = Wire::to(&imprint).await;
    let mut half_a_head = Wire::to(&imprint).await;
    half_a_head.send("POST /webhooks/imprint HTTP/1.1\r\nHost: creditrail\r\nX-Slow: a").await;
    let mut half_a_body = Wire::to(&imprint).await;
    half_a_body.send_head(&imprint, b"{}", "Content-Length: 2").await;
    half_a_body.send("{").await;
    let (silent, half_a_head, half_a_body) = join!(
        silent.closed_within(15),
        half_a_head.closed_within(15),
        half_a_body.closed_within(15),
    );
    assert!(silent, "after silence");
    assert!(half_a_head, "after half a head");
    assert!(half_a_body, "after half a body");
    imprint.is_sound().await;
}

/// The lender is told 200, and a person is told which field is at fault.
async fn is_malformed(imprint: &Ledger, body: &str, field: &str) {
    let answer = imprint.deliver(body).await;
    assert_eq!(answer["outcome"], "malformed", "{body}");
    let listed = imprint.exceptions(&[("code", "malformed")]).await;
    let about = |one: &&Value| one["delivery_id"] == answer["delivery_id"];
    let exception = listed.iter().find(about).expect("it is listed");
    assert_eq!(exception["kind"], "malformed");
    assert_eq!(exception["subject"]["type"], "delivery");
    assert!(text(exception, "message").contains(field), "{field}: {exception:#}");
}

#[tokio::test]
async fn a_character_that_a_database_cannot_keep_is_refused_where_it_is_asked_for() {
    let loans = Ledger::charge_after();
    let source = loans.source.as_str();
    loans.ask("/v1/search", &[("q", "a\0")]).await.names("q");
    loans.ask("/v1/charges", &[("customer_id", "a\0")]).await.names("customer_id");
    loans.ask("/v1/events", &[("source", "a\0")]).await.names("source");
    let cursor = hex::encode(json!([source, 1, "a\0"]).to_string());
    loans.ask("/v1/charges", &[("cursor", &cursor)]).await.names("cursor");
    loans.creates_charge(&json!({ "charge_id": "a\0", "application_id": "b" })).await.names("body");
    for path in ["%00", "a%00b", "%FF"] {
        let charge = format!("/v1/charges/{source}/{path}");
        loans.ask(&charge, &[]).await.is_problem(404, "not_found");
        let void = loans.orders(path, "void", &json!({})).await;
        void.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_a_problem() {
    let imprint = Ledger::fresh();
    for path in ["/v1/transactions", "/v1/sources/imprint", "/healthz", "/openapi.json", "/"] {
        imprint.command(path, &json!({})).await.is_problem(405, "method_not_allowed");
    }
    for path in ["/webhooks/imprint", "/v1/charges/imprint/c/void"] {
        imprint.ask(path, &[]).await.is_problem(405, "method_not_allowed");
    }
}
