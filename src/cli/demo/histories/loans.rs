//! ChargeAfter: an application that three lenders look at, its charge, and what goes wrong.

use serde_json::{Value, json};

use super::{Call, History};

/// The name of the source.
pub(in crate::cli::demo) const SOURCE: &str = "loans";

const APPLICATION: &str = "demo-loan";
const CHARGE: &str = "demo-charge";

pub(super) fn all() -> Vec<History> {
    vec![
        three_lenders(),
        charge(),
        history(
            "a reversal before its chargeback",
            vec![
                postsale("demo-disputed", "authorize", "50.00", "10:00", json!({})),
                operation("demo-disputed", "settle", ("demo-tx-3", "50.00", "completed"), "11:00"),
                dispute("demo-disputed", "chargeback-reversal", ("demo-cbr-2", "50.00"), "13:00"),
                dispute("demo-disputed", "chargeback", ("demo-cb-2", "50.00"), "12:00"),
            ],
        ),
        history(
            "a settle that is completed, and then fails",
            vec![
                postsale("demo-torn", "authorize", "50.00", "10:00", json!({})),
                operation(
                    "demo-torn",
                    "settle-update",
                    ("demo-tx-4", "50.00", "completed"),
                    "11:00",
                ),
                operation("demo-torn", "settle-update", ("demo-tx-4", "50.00", "failure"), "12:00"),
            ],
        ),
        not_ours(),
    ]
}

fn history(title: &'static str, calls: Vec<Call>) -> History {
    History { source: SOURCE, title, calls }
}

/// A webhook; an amount is written into it as it is, never as a float.
fn webhook(label: String, mut body: Value, amount: Option<&str>) -> Call {
    let Some(amount) = amount else { return Call::Webhook { label, body: body.to_string() } };
    body["amount"] = "AMOUNT".into();
    let body = body.to_string().replace("\"AMOUNT\"", amount);
    Call::Webhook { label: format!("{label} {amount}"), body }
}

fn time(at: &str) -> String {
    format!("2026-03-03T{at}:00Z")
}

fn lender(event: &str, lender: &str, amount: Option<&str>, at: &str) -> Call {
    let body = json!({
        "eventType": event, "createdAt": time(at),
        "applicationId": APPLICATION, "lenderId": lender,
    });
    webhook(format!("{event}, {lender}"), body, amount)
}

/// One declines, one cancels, one is confirmed: the application is confirmed.
fn three_lenders() -> History {
    let created = json!({
        "eventType": "application.created", "createdAt": time("09:00"),
        "applicationId": APPLICATION,
    });
    let twin = json!({
        "eventType": "account.approved", "createdAt": "2026-03-03T09:20:07Z",
        "applicationId": APPLICATION, "lenderId": "demo-red", "consumerId": "demo-consumer",
        "lenderReferenceId": "demo-reference", "merchantConsumerId": "DEMO_USER_5",
    });
    let confirmed = |event: &str, at: &str| {
        let body = json!({
            "eventType": event, "createdAt": time(at), "applicationId": APPLICATION,
            "lenderId": "demo-red", "token": "demo-confirmation-token",
        });
        webhook(format!("{event}, demo-red"), body, Some("900.00"))
    };
    let calls = vec![
        lender("application.declined", "demo-blue", None, "09:30"),
        lender("application.prequalified", "demo-blue", Some("500.00"), "09:05"),
        webhook("application.created".to_owned(), created, None),
        lender("application.approved", "demo-green", Some("700.00"), "09:10"),
        lender("application.cancelled", "demo-green", None, "09:40"),
        lender("application.prequalified", "demo-red", Some("1000.10"), "09:06"),
        webhook("account.approved, demo-red (deprecated)".to_owned(), twin, Some("900.00")),
        lender("application.approved", "demo-red", Some("900.00"), "09:20"),
        confirmed("application.apply-confirmed", "09:50"),
        confirmed("application.checkout-confirmed", "09:51"),
    ];
    history("one application, three lenders, in disorder", calls)
}

fn postsale(charge: &str, event: &str, amount: &str, at: &str, more: Value) -> Call {
    let mut body = json!({
        "eventType": format!("postsale.{event}"), "createdAt": time(at), "chargeId": charge,
        "merchantOrderId": format!("{charge}-order"), "merchantConsumerId": null,
    });
    let label = match (more["lenderTransactionId"].as_str(), more["state"].as_str()) {
        (Some(id), Some(state)) => format!("{event} {id} {state}"),
        _ => format!("{event} {charge}"),
    };
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    webhook(label, body, Some(amount))
}

fn operation(charge: &str, event: &str, (id, amount, state): (&str, &str, &str), at: &str) -> Call {
    let more = json!({ "lenderTransactionId": id, "state": state });
    postsale(charge, event, amount, at, more)
}

fn dispute(charge: &str, event: &str, (id, amount): (&str, &str), at: &str) -> Call {
    let body = json!({
        "eventType": format!("reconciliation.{event}"), "createdAt": time(at),
        "applicationId": APPLICATION, "consumerId": "demo-consumer", "chargeId": charge,
        "merchantOrderId": format!("{charge}-order"), "transactionId": id,
        "merchantConsumerId": null,
    });
    webhook(format!("{event} {id}"), body, Some(amount))
}

/// Two settles, a refund, a chargeback and its reversal, in disorder.
fn charge() -> History {
    let created = Call::Command {
        label: "the partner creates a charge with the token".to_owned(),
        path: format!("/v1/charges/{SOURCE}"),
        body: json!({
            "charge_id": CHARGE, "application_id": APPLICATION,
            "occurred_at": "2026-03-03T09:55:00Z",
        }),
    };
    let calls = vec![
        created,
        operation(CHARGE, "settle", ("demo-tx-1", "60.00", "pending"), "10:30"),
        postsale(CHARGE, "authorize", "100.00", "10:00", json!({})),
        operation(CHARGE, "settle-update", ("demo-tx-1", "60.00", "completed"), "11:00"),
        operation(CHARGE, "settle-update", ("demo-tx-1", "60.00", "accepted"), "11:01"),
        operation(CHARGE, "settle", ("demo-tx-2", "30.00", "completed"), "11:30"),
        operation(CHARGE, "refund", ("demo-rf-1", "20.00", "completed"), "12:00"),
        dispute(CHARGE, "chargeback", ("demo-cb-1", "40.00"), "13:00"),
        dispute(CHARGE, "chargeback-reversal", ("demo-cbr-1", "40.00"), "14:00"),
    ];
    history("its charge: two settles, a refund, a chargeback taken back", calls)
}

fn not_ours() -> History {
    let fraction = "123.455";
    let unknown = json!({ "eventType": "application.renamed", "applicationId": APPLICATION });
    let forged = json!({ "eventType": "application.created", "applicationId": "demo-forged" });
    let calls = vec![
        lender("application.approved", "demo-grey", Some(fraction), "10:00"),
        webhook("an event that is not known".to_owned(), unknown, None),
        Call::Forged { label: "a wrong credential".to_owned(), body: forged.to_string() },
    ];
    history("what cannot be read, and what is not authentic", calls)
}
