//! Larch, a lender that does not exist: its signature and its webhooks, which are the purchases of
//! a card. A file of `src/sources` would read the same, but for `creditrail::`.
//!
//! Source: Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, `spec`).

use base64::{Engine, engine::general_purpose::STANDARD};
use creditrail::{
    domain::{
        AggregateType, Currency, Money,
        transaction::{Kind, Merchant, Report, TransactionFact},
    },
    projections::StreamId,
    sources::{
        AnyStep, Call, Decoded, Described, Lender, OutsideWindow, SourceConfig,
        fields::Object,
        reading::{self, Reading, Told, Unread},
        signature::{Rejection, Secret, Verified, hmac_sha256, matching},
    },
};
use http::HeaderMap;
use jiff::Timestamp;
use secrecy::ExposeSecret;

/// The header with the id of the webhook, the same in every attempt.
pub const ID: &str = "webhook-id";
/// The header with the second of the attempt.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// The webhooks of Larch.
#[rustfmt::skip] // It is a table.
pub const EVENTS: &[Described] = &[
    Described { event: "card.purchase.authorized", machine: "transaction", kind: "approve", key: "event_id" },
    Described { event: "card.purchase.adjusted",   machine: "transaction", kind: "update",  key: "event_id" },
    Described { event: "card.purchase.cleared",    machine: "transaction", kind: "capture", key: "event_id" },
    Described { event: "card.purchase.reversed",   machine: "transaction", kind: "void",    key: "event_id" },
    Described { event: "card.purchase.refunded",   machine: "transaction", kind: "refund",  key: "event_id" },
];

/// The lender Larch, as one source of it is configured.
pub struct Larch {
    source: String,
    currency: Currency,
    secrets: Vec<Secret>,
    outside_window: OutsideWindow,
}

impl Larch {
    pub fn new(config: &SourceConfig) -> Self {
        Self {
            source: config.name.clone(),
            currency: config.currency,
            secrets: config.secrets.clone(),
            outside_window: config.outside_window,
        }
    }
}

/// The key that `whsec_<base64>` is; `None` if it is none.
fn key_of(secret: &[u8]) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(b"whsec_")?).ok()?;
    Some(key).filter(|key| !key.is_empty())
}

fn digest(key: &[u8], (id, time): (&str, &str), body: &[u8]) -> [u8; 32] {
    hmac_sha256(key, &[id.as_bytes(), b".", time.as_bytes(), b".", body])
}

/// The signature of a body, as the lender would write it.
pub fn sign(secret: &str, signed: (&str, &str), body: &[u8]) -> String {
    let key = key_of(secret.as_bytes()).expect("a key");
    format!("v1,{}", STANDARD.encode(digest(&key, signed, body)))
}

impl Lender for Larch {
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let is_usable = |secret: &&Secret| {
            secret.is_active(now) && key_of(secret.value.expose_secret().as_bytes()).is_some()
        };
        let mut active = self.secrets.iter().filter(is_usable).peekable();
        if active.peek().is_none() {
            return Err(Rejection::NoSecret);
        }
        let header = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or(Rejection::Unsigned)
        };
        let (id, time, list) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
        if id.contains('.') {
            // With one, another id and another time would spell the same.
            return Err(Rejection::Unsigned);
        }
        let of_v1 = |one: &str| STANDARD.decode(one.strip_prefix("v1,")?).ok();
        let given: Vec<Vec<u8>> = list.split(' ').filter_map(of_v1).collect();
        let expected = |secret: &[u8]| Some(digest(&key_of(secret)?, (id, time), body));
        let secret_id = matching(active, &given, expected).ok_or(Rejection::Mismatch)?.to_owned();
        let signed_at = signed_at(time)?;
        let outside_window = self.outside_window.of(signed_at, now)?;
        Ok(Verified { secret_id, signed_at: Some(signed_at), outside_window })
    }

    fn signed_at(&self, headers: &HeaderMap) -> Result<Option<Timestamp>, Rejection> {
        let time = headers.get(TIMESTAMP).and_then(|value| value.to_str().ok());
        signed_at(time.ok_or(Rejection::Unsigned)?).map(Some)
    }

    fn decode(&self, body: &[u8], call: Call) -> Decoded {
        reading::decode(&self.source, body, call, |reading, body| {
            purchase(reading, body, self.currency)
        })
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &["card_token"]
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &[]
    }
}

fn signed_at(time: &str) -> Result<Timestamp, Rejection> {
    let second = time.parse().map_err(|_| Rejection::Unsigned)?;
    Timestamp::from_second(second).map_err(|_| Rejection::Unsigned)
}

fn purchase(
    reading: &Reading<'_>,
    body: &Object<'_>,
    currency: Currency,
) -> Result<Decoded, Unread> {
    let event = body.required_text("type")?;
    let kind = match event.as_str() {
        "card.purchase.authorized" => Kind::Approve,
        "card.purchase.adjusted" => Kind::Update,
        "card.purchase.cleared" => Kind::Capture,
        "card.purchase.reversed" => Kind::Void,
        "card.purchase.refunded" => Kind::Refund,
        _ => return Err(Unread::word(body, "type", &event)),
    };
    let data = body.object("data")?;
    let event_id = data.required_id("event_id")?;
    let merchant = data.text("merchant")?;
    let fact = TransactionFact {
        report: Report::new(kind, Money { minor: data.minor_units("amount")?, currency }),
        customer_id: data.required_id("customer_id")?,
        partner_customer_id: None,
        payment_method_id: data.required_id("card_id")?,
        intent_id: data.id("order_id")?,
        authorization_code: None,
        network_transaction_id: None,
        purchase_method: None,
        merchant: merchant.map(|name| Merchant { name: Some(name), ..Merchant::default() }),
    };
    let id = data.required_id("purchase_id")?;
    let told = Told {
        stream: StreamId { aggregate_type: AggregateType::Transaction, id },
        dedup_key: format!("purchase:{event_id}"),
        key: event_id,
        dated: reading.dated(body.text("timestamp")?),
        fact,
    };
    Ok(reading.decoded(told, AnyStep::Transaction))
}
