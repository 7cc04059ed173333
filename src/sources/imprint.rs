//! Imprint: applications, cards, transactions and customer links as signed `{object, data}`.
//!
//! Sources: Imprint, "Event notifications", "Subscribe to event notifications", "SDK result vs.
//! event notification". The documents contradict each other on which fields are required; what
//! is not needed to know the thing, the step and the money is taken as optional.

use creditrail_domain::{
    AggregateType, Currency, Money, StepId,
    application::{ApplicationFact, Decision, Statement},
    customer_link::{Change, CustomerLinkFact},
    payment_method::{PaymentMethodFact, Status},
    transaction::{Kind as Reported, Merchant, Report, TransactionFact},
};
use creditrail_projections::StreamId;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    AnyStep, Call, Decoded, Described, Lender, OutsideWindow, SourceConfig,
    fields::{Fault, Object},
    reading::{self, Dated, Reading, Told, Unread, to_microseconds},
    signature::{Rejection, Secret, Verified, hmac_sha256, matching},
};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-imprint-hmac-signature";

/// How calls are signed. The lender's page on verification contradicts itself on body and key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignatureForm {
    /// What of the body is signed.
    pub body: BodyForm,
    /// What the key is.
    pub key: KeyForm,
    /// How the header is written.
    pub header: HeaderForm,
}

/// What of the body is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    /// The bytes as they came.
    #[default]
    Raw,
    /// The JSON with sorted keys and no white space.
    CanonicalJson,
}

/// What the key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// The bytes of the secret.
    #[default]
    Utf8,
    /// Its SHA-256.
    Sha256Raw,
    /// Its SHA-256 in hexadecimal.
    Sha256Hex,
}

/// How the header is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderForm {
    /// `t=<time>,s=<hex>` over `<time>.<body>`.
    #[default]
    Timestamped,
    /// The hexadecimal digest of the body alone: no time, so no window.
    BareDigest,
}

/// The webhooks of Imprint.
#[rustfmt::skip] // It is a table.
pub const EVENTS: &[Described] = &[
    Described { event: "APPLICATION OFFER_ACCEPTED", machine: "application",    kind: "accept",  key: "applicant, created_at, status, updated_at" },
    Described { event: "APPLICATION REJECTED",       machine: "application",    kind: "reject",  key: "applicant, created_at, status, updated_at" },
    Described { event: "PAYMENT_METHOD ACTIVE",      machine: "payment-method", kind: "active",  key: "payment_method_id, content" },
    Described { event: "PAYMENT_METHOD INACTIVE",    machine: "payment-method", kind: "inactive", key: "payment_method_id, content" },
    Described { event: "PAYMENT_METHOD CANCELED",    machine: "payment-method", kind: "canceled", key: "payment_method_id, content" },
    Described { event: "PAYMENT_METHOD",             machine: "payment-method", kind: "attributes", key: "payment_method_id, content" },
    Described { event: "TRANSACTION APPROVED",       machine: "transaction",    kind: "approve", key: "event_id" },
    Described { event: "TRANSACTION UPDATED",        machine: "transaction",    kind: "update",  key: "event_id" },
    Described { event: "TRANSACTION VOIDED",         machine: "transaction",    kind: "void",    key: "event_id" },
    Described { event: "TRANSACTION CAPTURED",       machine: "transaction",    kind: "capture", key: "event_id" },
    Described { event: "TRANSACTION REFUNDED",       machine: "transaction",    kind: "refund",  key: "event_id" },
    Described { event: "CUSTOMER_LINK ACTIVE",       machine: "customer-link",  kind: "link",    key: "customer_id, partner_customer_id, status, updated_at or created_at" },
    Described { event: "CUSTOMER_LINK INACTIVE",     machine: "customer-link",  kind: "unlink",  key: "customer_id, partner_customer_id, status, updated_at or created_at" },
];

/// The lender Imprint, as one source of it is configured.
#[derive(Debug)]
pub struct Imprint {
    source: String,
    secrets: Vec<Secret>,
    form: SignatureForm,
    outside_window: OutsideWindow,
}

impl Imprint {
    /// The lender of a source.
    pub fn new(config: &SourceConfig) -> Self {
        Self {
            source: config.name.clone(),
            secrets: config.secrets.clone(),
            form: config.signature,
            outside_window: config.outside_window,
        }
    }

    fn secret_of(&self, given: &[u8], parts: &[&[u8]], now: Timestamp) -> Result<&str, Rejection> {
        let mut active = self.secrets.iter().filter(|secret| secret.is_active(now)).peekable();
        if active.peek().is_none() {
            return Err(Rejection::NoSecret);
        }
        let digest = |secret: &[u8]| match self.form.key {
            KeyForm::Utf8 => hmac_sha256(secret, parts),
            KeyForm::Sha256Raw => hmac_sha256(&Sha256::digest(secret), parts),
            KeyForm::Sha256Hex => {
                hmac_sha256(hex::encode(Sha256::digest(secret)).as_bytes(), parts)
            }
        };
        matching(active, &[given], |secret| Some(digest(secret))).ok_or(Rejection::Mismatch)
    }
}

/// The header for a body, as the lender would write it.
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> String {
    let time = now.as_second().to_string();
    let digest = hmac_sha256(secret.as_bytes(), &[time.as_bytes(), b".", body]);
    format!("t={time},s={}", hex::encode(digest))
}

impl Lender for Imprint {
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        if !self.secrets.iter().any(|secret| secret.is_active(now)) {
            return Err(Rejection::NoSecret);
        }
        let header = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        let header = header.ok_or(Rejection::Unsigned)?;
        let canonical;
        let body = match self.form.body {
            BodyForm::Raw => body,
            BodyForm::CanonicalJson => {
                canonical = canonical_json(body).ok_or(Rejection::Mismatch)?;
                canonical.as_bytes()
            }
        };
        if self.form.header == HeaderForm::BareDigest {
            let given = hex::decode(header.trim()).map_err(|_| Rejection::Unsigned)?;
            let secret_id = self.secret_of(&given, &[body], now)?.to_owned();
            return Ok(Verified { secret_id, signed_at: None, outside_window: false });
        }
        let (time, given) = timestamped(header).ok_or(Rejection::Unsigned)?;
        let secret_id = self.secret_of(&given, &[time.as_bytes(), b".", body], now)?.to_owned();
        let signed_at = signed_at(time).ok_or(Rejection::Unsigned)?;
        let outside_window = self.outside_window.of(signed_at, now)?;
        Ok(Verified { secret_id, signed_at: Some(signed_at), outside_window })
    }

    fn signed_at(&self, headers: &HeaderMap) -> Result<Option<Timestamp>, Rejection> {
        if self.form.header == HeaderForm::BareDigest {
            return Ok(None);
        }
        let header = headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        let (time, _) = header.and_then(timestamped).ok_or(Rejection::Unsigned)?;
        signed_at(time).map(Some).ok_or(Rejection::Unsigned)
    }

    fn decode(&self, body: &[u8], call: Call) -> Decoded {
        reading::decode(&self.source, body, call, read)
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &["token", "pan_reference_id", "client_secret"]
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &[]
    }
}

/// `t` as it was received, and the bytes of `s`.
fn timestamped(header: &str) -> Option<(&str, Vec<u8>)> {
    let field = |name: &str| {
        header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    Some((field("t")?, hex::decode(field("s")?).ok()?))
}

/// Seconds below 1e11, else milliseconds: the lender's page names one and shows the other.
fn signed_at(time: &str) -> Option<Timestamp> {
    let number: i64 = time.parse().ok()?;
    if number.abs() < 100_000_000_000 {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

/// The JSON with sorted keys and no white space; `None` if it is no JSON.
fn canonical_json(body: &[u8]) -> Option<String> {
    // serde_json's maps are sorted.
    serde_json::from_slice::<serde_json::Value>(body).ok().map(|value| value.to_string())
}

fn read(reading: &Reading<'_>, body: &Object<'_>) -> Result<Decoded, Unread> {
    let object = body.required_text("object")?;
    let read = match object.as_str() {
        "APPLICATION" => application,
        "PAYMENT_METHOD" => payment_method,
        "TRANSACTION" => transaction,
        "CUSTOMER_LINK" => customer_link,
        _ => return Err(Unread::word(body, "object", &object)),
    };
    let data = body.object("data")?;
    // Repeated inside the data in some examples and absent in others.
    match data.text("object")? {
        Some(inner) if inner != object => {
            Err(data.fault("object", "differs from the envelope's").into())
        }
        _ => read(reading, &data),
    }
}

fn transaction(reading: &Reading<'_>, data: &Object<'_>) -> Result<Decoded, Unread> {
    let transaction_id = data.required_id("transaction_id")?;
    let event_id = data.required_id("event_id")?;
    let kind = match data.required_text("status")?.as_str() {
        "APPROVED" => Reported::Approve,
        "UPDATED" => Reported::Update,
        "VOIDED" => Reported::Void,
        "CAPTURED" => Reported::Capture,
        "REFUNDED" => Reported::Refund,
        other => return Err(Unread::word(data, "status", other)),
    };
    let code = data.required_text("currency")?;
    let currency = Currency::from_code(&code)
        .ok_or_else(|| data.fault("currency", "is no ISO 4217 code in capitals"))?;
    let fact = TransactionFact {
        report: Report::new(kind, Money { minor: data.minor_units("amount")?, currency }),
        customer_id: data.required_id("customer_id")?,
        partner_customer_id: data.id("partner_customer_id")?,
        payment_method_id: data.required_id("payment_method_id")?,
        intent_id: data.id("intent_id")?,
        authorization_code: data.id("authorization_code")?,
        network_transaction_id: data.id("network_transaction_id")?,
        purchase_method: data.text("purchase_method")?,
        merchant: data.optional_object("merchant")?.map(|object| merchant(&object)).transpose()?,
    };
    let stream = StreamId { aggregate_type: AggregateType::Transaction, id: transaction_id };
    let dedup_key = format!("transaction:{event_id}");
    let told = Told { stream, dedup_key, key: event_id, dated: dated(reading, data)?, fact };
    Ok(reading.decoded(told, AnyStep::Transaction))
}

fn merchant(object: &Object<'_>) -> Result<Merchant, Fault> {
    let address = object.optional_object("address")?;
    let of_address = |field: &str| match &address {
        Some(address) => address.text(field),
        None => Ok(None),
    };
    Ok(Merchant {
        network_id: object.id("network_id")?,
        name: object.text("name")?,
        category: object.text("category")?,
        category_code: object.text("category_code")?,
        city: of_address("city")?,
        state: of_address("state")?,
        postal_code: of_address("postal_code")?,
        country: of_address("country")?,
    })
}

fn payment_method(reading: &Reading<'_>, data: &Object<'_>) -> Result<Decoded, Unread> {
    let payment_method_id = data.required_id("payment_method_id")?;
    let status = |field: &str| match data.text(field)? {
        None => Ok(None),
        Some(word) => Status::of(&word).map(Some).ok_or_else(|| Unread::word(data, field, &word)),
    };
    let fact = PaymentMethodFact {
        customer_id: data.required_id("customer_id")?,
        partner_customer_id: data.id("partner_customer_id")?,
        card_type: data.required_text("card_type")?,
        previous_status: status("previous_status")?,
        new_status: status("new_status")?,
        card_design_id: data.id("card_design_id")?,
        token_count: data.list_length("tokens")?,
    };
    // No event id: two reports are the same only if all of their content is.
    let key = format!("{payment_method_id}:{}", reading.content);
    let stream = StreamId { aggregate_type: AggregateType::PaymentMethod, id: payment_method_id };
    let dedup_key = format!("payment_method:{key}");
    let told = Told { stream, dedup_key, key, dated: dated(reading, data)?, fact };
    Ok(reading.decoded(told, AnyStep::PaymentMethod))
}

fn application(reading: &Reading<'_>, data: &Object<'_>) -> Result<Decoded, Unread> {
    let customer_id = data.id("customer_id")?;
    let partner_customer_id = data.id("partner_customer_id")?;
    let applicant = applicant(partner_customer_id.as_deref(), customer_id.as_deref());
    let applicant = applicant
        .ok_or_else(|| data.fault("customer_id", "is missing, and so is `partner_customer_id`"))?;
    let status = data.required_text("status")?;
    let decision = match status.as_str() {
        "OFFER_ACCEPTED" => Decision::Accepted,
        "REJECTED" => Decision::Rejected,
        other => return Err(Unread::word(data, "status", other)),
    };
    let created = data.required_text("created_at")?;
    let decided = data.text("updated_at")?;
    let (occurred_at, _) = dated(reading, data)?;
    let created_at = created.parse::<Timestamp>().map(to_microseconds);
    let spelled = created_at.as_ref().map_or_else(|_| created.clone(), Timestamp::to_string);
    let statement = Statement::Decided {
        decision,
        application_id: application_id(reading.source, &applicant, "created", &spelled),
        created_at: created_at.unwrap_or(occurred_at),
    };
    let when = decided.unwrap_or_else(|| reading.content.clone());
    let key = serde_json::json!([applicant, spelled, status, when]).to_string();
    let fact = ApplicationFact { statement, customer_id, partner_customer_id };
    let stream = StreamId { aggregate_type: AggregateType::Application, id: applicant };
    let dedup_key = format!("application:{key}");
    let told = Told { stream, dedup_key, key, dated: dated(reading, data)?, fact };
    Ok(reading.decoded(told, AnyStep::Application))
}

/// The stream of an applicant: the partner's id where there is one, for it is there before the
/// lender has a profile, and is sent with every decision on a session that named it.
pub fn applicant(partner_customer_id: Option<&str>, customer_id: Option<&str>) -> Option<String> {
    match (partner_customer_id, customer_id) {
        (Some(partner), _) => Some(format!("partner:{partner}")),
        (None, Some(customer)) => Some(format!("customer:{customer}")),
        (None, None) => None,
    }
}

/// The id of an application, derived since the lender sends none: by `session` or by `created`.
pub fn application_id(source: &str, applicant: &str, by: &str, what: &str) -> Uuid {
    StepId::derive(source, &serde_json::json!(["application", applicant, by]).to_string(), what).0
}

fn customer_link(reading: &Reading<'_>, data: &Object<'_>) -> Result<Decoded, Unread> {
    let customer_id = data.required_id("customer_id")?;
    let partner_customer_id = data.required_id("partner_customer_id")?;
    let status = data.required_text("status")?;
    let change = match status.as_str() {
        "ACTIVE" => Change::Link,
        "INACTIVE" => Change::Unlink,
        other => return Err(Unread::word(data, "status", other)),
    };
    let when = match data.text("updated_at")? {
        Some(updated_at) => Some(updated_at),
        None => data.text("created_at")?,
    };
    let key = serde_json::json!([customer_id, partner_customer_id, status, when]).to_string();
    let id = serde_json::json!([customer_id, partner_customer_id]).to_string();
    let stream = StreamId { aggregate_type: AggregateType::CustomerLink, id };
    let fact = CustomerLinkFact { change, customer_id, partner_customer_id };
    let dedup_key = format!("customer_link:{key}");
    let told = Told { stream, dedup_key, key, dated: dated(reading, data)?, fact };
    Ok(reading.decoded(told, AnyStep::CustomerLink))
}

/// When the step happened: `updated_at` if it can be read, else the receipt, and why.
fn dated(reading: &Reading<'_>, data: &Object<'_>) -> Result<Dated, Fault> {
    Ok(reading.dated(data.text("updated_at")?))
}
