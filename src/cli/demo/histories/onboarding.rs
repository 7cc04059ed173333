//! Card onboarding: the page's own webhooks, and what goes wrong in practice.

use serde_json::{Value, json};

use super::{Call, History};

/// The name of the source.
pub(in crate::cli::demo) const SOURCE: &str = "onboarding";

macro_rules! printed {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/card-onboarding/", $name, ".json"))
    };
}

/// The webhooks of one onboarding, as the page prints them.
const SEEDS: [(&str, &str); 3] = [
    ("SIGNING_SESSION_CREATED", printed!("signing_session_created")),
    ("SIGNING_SESSION_COMPLETED", printed!("signing_session_completed")),
    ("ONBOARDING_COMPLETED", printed!("onboarding_completed")),
];

pub(super) fn all() -> Vec<History> {
    vec![
        as_printed(),
        history(
            "signed before the session is known",
            vec![
                webhook("demo-overtaken", "SIGNING_SESSION_COMPLETED", json!({})),
                signing("demo-overtaken", "demo-first"),
                completed("demo-overtaken", "demo-engagement"),
            ],
        ),
        history(
            "a signing address that is renewed",
            vec![signing("demo-renewed", "demo-second"), signing("demo-renewed", "demo-third")],
        ),
        denied(),
        history(
            "a wrong address, corrected: open again",
            vec![
                webhook(
                    "demo-address",
                    "ONBOARDING_FAILED",
                    json!({"failureCode": "ADDRESS_MISMATCH"}),
                ),
                signing("demo-address", "demo-fourth"),
            ],
        ),
        history(
            "completed twice, under two engagements",
            vec![
                signing("demo-engaged", "demo-fifth"),
                webhook("demo-engaged", "SIGNING_SESSION_COMPLETED", json!({})),
                completed("demo-engaged", "demo-engagement-1"),
                completed("demo-engaged", "demo-engagement-2"),
            ],
        ),
    ]
}

fn history(title: &'static str, calls: Vec<Call>) -> History {
    History { source: SOURCE, title, calls }
}

/// Each of them twice.
fn as_printed() -> History {
    let twice = SEEDS.iter().flat_map(|(label, body)| {
        let sent = || Call::Webhook { label: (*label).to_owned(), body: (*body).to_owned() };
        [sent(), sent()]
    });
    history("the provider's own example, each twice", twice.collect())
}

fn webhook(id: &str, event: &str, more: Value) -> Call {
    let mut body = json!({ "eventType": event, "onboardingId": id });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    Call::Webhook { label: format!("{event} {id}"), body: body.to_string() }
}

fn signing(id: &str, session: &str) -> Call {
    let url = format!("https://sign.example/?sessionId={session}");
    webhook(id, "SIGNING_SESSION_CREATED", json!({ "signingUrl": url }))
}

fn completed(id: &str, engagement: &str) -> Call {
    webhook(id, "ONBOARDING_COMPLETED", json!({ "engagementId": engagement }))
}

/// The partner may not apply again for three calendar months.
fn denied() -> History {
    let register = |id: &str| Call::Command {
        label: format!("the partner registers {id}"),
        path: format!("/v1/applications/{SOURCE}"),
        body: json!({ "application_id": id, "partner_customer_id": "DEMO_USER_4" }),
    };
    let calls = vec![
        register("demo-denied"),
        webhook(
            "demo-denied",
            "ONBOARDING_REJECTED",
            json!({"rejectReason": "CREDIT_SCORING_DENIAL"}),
        ),
        register("demo-too-early"),
    ];
    history("denied for the credit scoring, and tried again at once", calls)
}
