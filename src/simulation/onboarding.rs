//! Card onboarding: an application that is assessed, signed and completed.

use serde_json::{Value, json};

use super::{
    Chance, Step,
    walk::{Next, Walk},
};

const REASONS: [&str; 4] =
    ["KYC_DENIAL", "KYB_DENIAL", "UNAUTHORIZED_SIGNATORY", "INVALID_DOCUMENTS"];
const CREDIT: &str = "CREDIT_SCORING_DENIAL";
const CODES: [&str; 5] =
    ["INTERNAL_ERROR", "ADDRESS_MISMATCH", "NAME_MISMATCH", "ID_VERIFICATION_FAILED", "TIMEOUT"];

/// Whether the lender sends it. What is told again in the same state says nothing new.
fn is_sent(from: &str, next: &Next) -> bool {
    let repeats = next.to.as_ref().is_some_and(|to| {
        from == "rejected" && to.starts_with(from) || from == "failed" && to == from
    });
    next.kind != "submit" && !repeats
}

pub(super) fn history(name: &str, chance: &mut Chance) -> Vec<Step> {
    let Some(mut walk) = Walk::of("onboarding", "submitted") else { return Vec::new() };
    let mut steps = Vec::new();
    for place in 0..=2 + chance.dice.place(3).unwrap_or(0) {
        let from = walk.state.clone();
        let Some(next) = walk.next(chance, |next| is_sent(&from, next)) else { break };
        let is_for_credit = next.to.as_deref() == Some("rejected_for_credit");
        let (event, more) = match next.kind {
            "open_signing" => {
                let url = format!("https://sign.example/?sessionId={name}-{place}");
                ("SIGNING_SESSION_CREATED", json!({ "signingUrl": url }))
            }
            "complete_signing" => ("SIGNING_SESSION_COMPLETED", json!({})),
            "complete_onboarding" => {
                let engagement = format!("{name}-engagement-{place}");
                ("ONBOARDING_COMPLETED", json!({ "engagementId": engagement }))
            }
            "reject_onboarding" if is_for_credit => {
                ("ONBOARDING_REJECTED", json!({ "rejectReason": CREDIT }))
            }
            "reject_onboarding" => {
                ("ONBOARDING_REJECTED", json!({ "rejectReason": chance.dice.pick(&REASONS) }))
            }
            _ => ("ONBOARDING_FAILED", json!({ "failureCode": chance.dice.pick(&CODES) })),
        };
        let is_illegal = next.to.is_none();
        let body = body(event, name, more);
        steps.push(Step { event: event.to_owned(), body, same_key: None, is_illegal });
        if let Some(to) = next.to {
            walk.state = to;
        }
    }
    steps
}

/// The body of a webhook.
pub fn body(event: &str, onboarding_id: &str, more: Value) -> String {
    let mut body = json!({ "eventType": event, "onboardingId": onboarding_id });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body.to_string()
}
