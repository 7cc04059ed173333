//! Card onboarding: its signature and its webhooks.
//!
//! Source: the provider's page "Webhooks" of card onboarding.

use creditrail_domain::{
    AggregateType,
    application::{
        ApplicationFact, Statement,
        onboarding::{self, FailureCode, RejectReason},
    },
};
use creditrail_projections::StreamId;
use http::{HeaderMap, header::AUTHORIZATION};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{
    AnyStep, Call, Decoded, Described, Lender, OutsideWindow, SourceConfig,
    fields::Object,
    reading::{self, Reading, Told, Unread, to_microseconds},
    signature::{Rejection, Secret, Verified, hmac_sha256, matching},
};

/// The header with the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-card-onboarding-signature";
/// The header with the time that is signed together with the body, RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-card-onboarding-timestamp";

const KEY: &str = "onboardingId, eventType, content, signed time";

/// The webhooks of card onboarding.
#[rustfmt::skip] // It is a table.
pub const EVENTS: &[Described] = &[
    Described { event: "SIGNING_SESSION_CREATED",   machine: "onboarding", kind: "open_signing",        key: KEY },
    Described { event: "SIGNING_SESSION_COMPLETED", machine: "onboarding", kind: "complete_signing",    key: KEY },
    Described { event: "ONBOARDING_COMPLETED",      machine: "onboarding", kind: "complete_onboarding", key: KEY },
    Described { event: "ONBOARDING_REJECTED",       machine: "onboarding", kind: "reject_onboarding",   key: KEY },
    Described { event: "ONBOARDING_FAILED",         machine: "onboarding", kind: "fail_onboarding",     key: KEY },
];

/// Card onboarding, as one source of it is configured.
#[derive(Debug)]
pub struct CardOnboarding {
    source: String,
    secrets: Vec<Secret>,
    authorization: Option<SecretString>,
    outside_window: OutsideWindow,
}

impl CardOnboarding {
    /// The lender of a source.
    pub fn new(config: &SourceConfig) -> Self {
        Self {
            source: config.name.clone(),
            secrets: config.secrets.clone(),
            authorization: config.authorization.as_ref().map(|given| given.value.clone()),
            outside_window: config.outside_window,
        }
    }

    /// Whether the call carries the credential, if the source has one.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.authorization else { return true };
        let given = headers.get(AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
        given.ct_eq(expected.expose_secret().as_bytes()).into()
    }
}

/// The headers for a body, as the lender would write them.
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> [(&'static str, String); 2] {
    let time = now.to_string();
    let digest = hmac_sha256(secret.as_bytes(), &[time.as_bytes(), b":", body]);
    [(SIGNATURE_HEADER, hex::encode(digest)), (TIMESTAMP_HEADER, time)]
}

impl Lender for CardOnboarding {
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let mut active = self.secrets.iter().filter(|secret| secret.is_active(now)).peekable();
        if active.peek().is_none() {
            return Err(Rejection::NoSecret);
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(time), Some(given)) = (header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER)) else {
            return Err(Rejection::Unsigned);
        };
        let given = hex::decode(given.trim()).map_err(|_| Rejection::Unsigned)?;
        let digest = |secret: &[u8]| Some(hmac_sha256(secret, &[time.as_bytes(), b":", body]));
        let secret_id = matching(active, &[given], digest).ok_or(Rejection::Mismatch)?.to_owned();
        if !self.is_authorized(headers) {
            return Err(Rejection::Mismatch);
        }
        let signed_at = signed_at(time)?;
        let outside_window = self.outside_window.of(signed_at, now)?;
        Ok(Verified { secret_id, signed_at: Some(signed_at), outside_window })
    }

    fn signed_at(&self, headers: &HeaderMap) -> Result<Option<Timestamp>, Rejection> {
        let time = headers.get(TIMESTAMP_HEADER).and_then(|value| value.to_str().ok());
        signed_at(time.ok_or(Rejection::Unsigned)?).map(Some)
    }

    fn decode(&self, body: &[u8], call: Call) -> Decoded {
        reading::decode(&self.source, body, call, read)
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &["signingUrl"]
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &[]
    }
}

fn signed_at(time: &str) -> Result<Timestamp, Rejection> {
    time.parse().map(to_microseconds).map_err(|_| Rejection::Unsigned)
}

fn read(reading: &Reading<'_>, body: &Object<'_>) -> Result<Decoded, Unread> {
    let event = body.required_text("eventType")?;
    if !EVENTS.iter().any(|known| known.event == event) {
        return Err(Unread::word(body, "eventType", &event));
    }
    let onboarding_id = body.required_id("onboardingId")?;
    let said = match event.as_str() {
        "SIGNING_SESSION_CREATED" => onboarding::Statement::SigningOpened {
            url: body
                .secret("signingUrl")?
                .ok_or_else(|| body.fault("signingUrl", "is missing"))?,
        },
        "SIGNING_SESSION_COMPLETED" => onboarding::Statement::SigningCompleted,
        "ONBOARDING_COMPLETED" => {
            onboarding::Statement::Completed { engagement_id: body.required_id("engagementId")? }
        }
        "ONBOARDING_REJECTED" => onboarding::Statement::Rejected {
            reason: RejectReason::of(&body.required_id("rejectReason")?),
        },
        _ => onboarding::Statement::Failed {
            code: FailureCode::of(&body.required_id("failureCode")?),
        },
    };
    let statement = Statement::Onboarding(said);
    let fact = ApplicationFact { statement, customer_id: None, partner_customer_id: None };
    // The body has no time; the header's is signed, so it is always there. Without it the second
    // signing of an application would be taken for a repetition of the first.
    let signed_at = reading.call.signed_at.unwrap_or(reading.call.received_at);
    let key = serde_json::json!([onboarding_id, event, reading.content, signed_at]).to_string();
    let told = Told {
        stream: StreamId { aggregate_type: AggregateType::Application, id: onboarding_id },
        dedup_key: format!("onboarding:{key}"),
        key,
        dated: (signed_at, None),
        fact,
    };
    Ok(reading.decoded(told, AnyStep::Application))
}
