//! Imprint: the lender's own examples, and what goes wrong in practice.

use serde_json::{Value, json};

use super::{Call, History};

/// The name of the source.
pub(in crate::cli::demo) const SOURCE: &str = "imprint";

/// The four webhooks that the lender's documents print, one of them dated 30 February.
const SEEDS: [(&str, &str); 4] = [
    (
        "APPROVED 50.00",
        include_str!("../../../../tests/fixtures/imprint/003_webhook_1_approved.json"),
    ),
    (
        "UPDATED 34.51",
        include_str!("../../../../tests/fixtures/imprint/003_webhook_2_updated.json"),
    ),
    (
        "CAPTURED 34.51, dated 30 February",
        include_str!("../../../../tests/fixtures/imprint/003_webhook_3_captured.json"),
    ),
    (
        "REFUNDED 34.51",
        include_str!("../../../../tests/fixtures/imprint/003_webhook_4_refunded.json"),
    ),
];

const CUSTOMER: &str = "demo-customer";

pub(super) fn all() -> Vec<History> {
    vec![
        seeds_backwards_and_twice(),
        history(
            "captured in two shipments",
            "demo-shipments",
            &[
                ("APPROVED", 5000, "10:00"),
                ("CAPTURED", 2000, "11:00"),
                ("CAPTURED", 3000, "12:00"),
            ],
        ),
        history(
            "a void that comes too late",
            "demo-late-void",
            &[("APPROVED", 5000, "10:00"), ("CAPTURED", 5000, "11:00"), ("VOIDED", 5000, "12:00")],
        ),
        history(
            "the same, until a late update makes the void legal",
            "demo-late-update",
            &[
                ("APPROVED", 5000, "10:00"),
                ("CAPTURED", 5000, "11:30"),
                ("VOIDED", 8000, "12:00"),
                ("UPDATED", 8000, "10:30"),
            ],
        ),
        history(
            "captured after the authorization expired",
            "demo-late-capture",
            &[("APPROVED", 5000, "10:00"), ("VOIDED", 5000, "12:00"), ("CAPTURED", 5000, "13:00")],
        ),
        history("an update without its approval", "demo-parked", &[("UPDATED", 4000, "10:30")]),
        history(
            "a refund that belongs to no purchase",
            "demo-blind-return",
            &[("REFUNDED", 1500, "10:00")],
        ),
        key_reused(),
        other_currency(),
        virtual_card(),
        reissued_card(),
        application(),
        identity_conflict(),
        not_ours(),
    ]
}

/// The last webhook first, each of them twice.
fn seeds_backwards_and_twice() -> History {
    let backwards = SEEDS.iter().rev().flat_map(|(label, body)| {
        let sent = || Call::Webhook { label: (*label).to_owned(), body: (*body).to_owned() };
        [sent(), sent()]
    });
    History {
        source: SOURCE,
        title: "the lender's own example, backwards and each twice",
        calls: backwards.collect(),
    }
}

fn history(title: &'static str, id: &str, steps: &[(&str, i64, &str)]) -> History {
    let calls = steps.iter().enumerate().map(|(place, (status, amount, at))| {
        transaction(id, (place, status), (*amount, "USD"), at)
    });
    History { source: SOURCE, title, calls: calls.collect() }
}

fn transaction(
    id: &str,
    (place, status): (usize, &str),
    (amount, currency): (i64, &str),
    at: &str,
) -> Call {
    let time = format!("2026-03-02T{at}:00Z");
    let body = json!({
        "object": "TRANSACTION",
        "data": {
            "transaction_id": id,
            "event_id": format!("{id}-{place}"),
            "payment_method_id": "demo-card-new",
            "customer_id": CUSTOMER,
            "partner_customer_id": "DEMO_USER_1",
            "status": status,
            "created_at": "2026-03-02T10:00:00Z",
            "updated_at": time,
            "amount": amount,
            "currency": currency,
            "merchant": { "network_id": "1", "name": "Corner Shop", "category_code": "5411" },
        }
    });
    webhook(format!("{status} {}.{:02} {currency} at {at}", amount / 100, amount % 100), &body)
}

fn webhook(label: impl Into<String>, body: &Value) -> Call {
    Call::Webhook { label: label.into(), body: body.to_string() }
}

fn key_reused() -> History {
    let id = "demo-key-reused";
    let calls = vec![
        transaction(id, (0, "APPROVED"), (5000, "USD"), "10:00"),
        transaction(id, (0, "APPROVED"), (5001, "USD"), "10:00"),
    ];
    History { source: SOURCE, title: "one event id, two contents", calls }
}

fn other_currency() -> History {
    let id = "demo-currency";
    let calls = vec![
        transaction(id, (0, "APPROVED"), (5000, "USD"), "10:00"),
        transaction(id, (1, "CAPTURED"), (5000, "EUR"), "11:00"),
    ];
    History { source: SOURCE, title: "captured in another currency", calls }
}

fn card(id: &str, kind: &str, (previous, new): (Option<&str>, &str), at: &str) -> Call {
    let mut body = json!({
        "object": "PAYMENT_METHOD",
        "data": {
            "payment_method_id": id,
            "customer_id": CUSTOMER,
            "card_design_id": "demo-design",
            "card_type": kind,
            "new_status": new,
            "created_at": "2026-03-01T09:00:00Z",
            "updated_at": format!("2026-03-0{at}:00Z"),
        }
    });
    if let Some(previous) = previous {
        body["data"]["previous_status"] = previous.into();
    }
    let from = previous.map_or_else(String::new, |previous| format!("{previous} to "));
    webhook(format!("{} {id}: {from}{new}", kind.to_lowercase()), &body)
}

fn virtual_card() -> History {
    let id = "demo-card-paused";
    let calls = vec![
        card(id, "VIRTUAL", (None, "ACTIVE"), "1T09:00"),
        card(id, "VIRTUAL", (Some("ACTIVE"), "INACTIVE"), "1T10:00"),
        card(id, "VIRTUAL", (Some("INACTIVE"), "ACTIVE"), "1T11:00"),
    ];
    History { source: SOURCE, title: "a paused virtual card that becomes active", calls }
}

fn reissued_card() -> History {
    let calls = vec![
        card("demo-card-new", "PHYSICAL", (None, "INACTIVE"), "2T09:05"),
        card("demo-card-old", "PHYSICAL", (None, "INACTIVE"), "1T09:00"),
        card("demo-card-old", "PHYSICAL", (Some("INACTIVE"), "CANCELED"), "2T09:00"),
        card("demo-card-new", "PHYSICAL", (Some("INACTIVE"), "ACTIVE"), "2T09:30"),
    ];
    History { source: SOURCE, title: "a reissued card, the new one first", calls }
}

fn application() -> History {
    let decision = json!({
        "object": "APPLICATION",
        "data": {
            "partner_customer_id": "DEMO_USER_2",
            "status": "REJECTED",
            "created_at": "2026-03-01T08:01:00Z",
            "updated_at": "2026-03-01T08:06:00Z",
        }
    });
    let session = json!({
        "partner_customer_id": "DEMO_USER_2",
        "session_id": "demo-session",
        "started_at": "2026-03-01T08:00:00Z",
    });
    let path = "/v1/applications/imprint".to_owned();
    let id = crate::sources::imprint::application_id(
        "imprint",
        "partner:DEMO_USER_2",
        "session",
        "demo-session",
    );
    let report = json!({ "result": "OFFER_ACCEPTED", "session_id": "demo-session", "exit_no": 1 });
    let calls = vec![
        Call::Command {
            label: "the partner registers a session".to_owned(),
            path: path.clone(),
            body: session,
        },
        Call::Command {
            label: "the SDK reports OFFER_ACCEPTED".to_owned(),
            path: format!("{path}/{id}/client-report"),
            body: report,
        },
        webhook("APPLICATION REJECTED", &decision),
    ];
    History { source: SOURCE, title: "the browser says accepted, the lender rejects", calls }
}

fn identity_conflict() -> History {
    let link = |customer: &str| {
        let body = json!({
            "object": "CUSTOMER_LINK",
            "data": {
                "customer_id": customer,
                "partner_customer_id": "DEMO_USER_3",
                "status": "ACTIVE",
                "created_at": "2026-03-01T07:00:00Z",
                "updated_at": "2026-03-01T07:00:00Z",
            }
        });
        webhook(format!("CUSTOMER_LINK {customer} = DEMO_USER_3"), &body)
    };
    let calls = vec![link("demo-twin-a"), link("demo-twin-b")];
    History { source: SOURCE, title: "one partner id, two customers", calls }
}

fn not_ours() -> History {
    let reward = json!({ "object": "REWARD", "data": { "points": 10 } });
    let fraction = json!({
        "object": "TRANSACTION",
        "data": {
            "transaction_id": "demo-broken", "event_id": "demo-broken-0", "status": "CAPTURED",
            "payment_method_id": "demo-card-new", "customer_id": CUSTOMER,
            "currency": "USD", "amount": 50.5,
        }
    });
    let calls = vec![
        webhook("an object that is not known", &reward),
        webhook("an amount of 50.5 minor units", &fraction),
        Call::Forged { label: "a forged signature".to_owned(), body: fraction.to_string() },
    ];
    History { source: SOURCE, title: "what cannot be read, and what is not authentic", calls }
}
