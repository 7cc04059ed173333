//! ChargeAfter: its credential and its webhooks.
//!
//! Source: ChargeAfter, "Descriptions and payloads of webhooks available for subscription via
//! Operate".

use creditrail_domain::{
    AggregateType, Currency, Money,
    application::{
        ApplicationFact, Statement,
        lenders::{self, Confirmation, Flow, Form, LenderReport},
    },
    charge::{
        ChargeFact, Dispute, Form as OperationForm, OperationKind, OperationReport, OperationState,
        Report as ChargeReport,
    },
};
use creditrail_projections::StreamId;
use http::{HeaderMap, header::AUTHORIZATION};
use jiff::Timestamp;

use super::{
    AnyStep, Call, Decoded, Described, Lender, SourceConfig,
    fields::{Fault, Object},
    reading::{self, Reading, Told, Unread},
    signature::{Rejection, Secret, Verified, hmac_sha256, matching},
};

const LENDER_KEY: &str = "eventType, applicationId, lenderId, amount, reason, token, createdAt";
const OPERATION_KEY: &str = "eventType, chargeId, lenderTransactionId, state, amount, createdAt";
const DISPUTE_KEY: &str = "eventType, chargeId, transactionId, createdAt";

/// The webhooks of ChargeAfter.
#[rustfmt::skip] // It is a table.
pub const EVENTS: &[Described] = &[
    Described { event: "account.prequalified",             machine: "lender-track", kind: "prequalify",          key: LENDER_KEY },
    Described { event: "account.approved",                 machine: "lender-track", kind: "approve",             key: LENDER_KEY },
    Described { event: "account.pending-consumer",         machine: "lender-track", kind: "require_consumer",    key: LENDER_KEY },
    Described { event: "account.pending-lender",           machine: "lender-track", kind: "review",              key: LENDER_KEY },
    Described { event: "account.declined",                 machine: "lender-track", kind: "decline",             key: LENDER_KEY },
    Described { event: "application.created",              machine: "lender-track", kind: "start",               key: "eventType, applicationId, createdAt" },
    Described { event: "application.prequalified",         machine: "lender-track", kind: "prequalify",          key: LENDER_KEY },
    Described { event: "application.approved",             machine: "lender-track", kind: "approve",             key: LENDER_KEY },
    Described { event: "application.pending-lender",       machine: "lender-track", kind: "review",              key: LENDER_KEY },
    Described { event: "application.pending-consumer",     machine: "lender-track", kind: "require_consumer",    key: LENDER_KEY },
    Described { event: "application.pending-merchant",     machine: "lender-track", kind: "require_merchant",    key: LENDER_KEY },
    Described { event: "application.declined",             machine: "lender-track", kind: "decline",             key: LENDER_KEY },
    Described { event: "application.cancelled",            machine: "lender-track", kind: "cancel",              key: LENDER_KEY },
    Described { event: "application.apply-confirmed",      machine: "lender-track", kind: "confirm",             key: LENDER_KEY },
    Described { event: "application.checkout-confirmed",   machine: "lender-track", kind: "confirm",             key: LENDER_KEY },
    Described { event: "postsale.authorize",               machine: "charge",       kind: "authorize",           key: "eventType, chargeId, createdAt" },
    Described { event: "postsale.settle",                  machine: "charge",       kind: "settle",              key: OPERATION_KEY },
    Described { event: "postsale.settle-update",           machine: "charge",       kind: "settle_update",       key: OPERATION_KEY },
    Described { event: "postsale.refund",                  machine: "charge",       kind: "refund",              key: OPERATION_KEY },
    Described { event: "postsale.refund-update",           machine: "charge",       kind: "refund_update",       key: OPERATION_KEY },
    Described { event: "reconciliation.chargeback",        machine: "charge",       kind: "chargeback",          key: DISPUTE_KEY },
    Described { event: "reconciliation.chargeback-reversal", machine: "charge",     kind: "chargeback_reversal", key: DISPUTE_KEY },
];

/// ChargeAfter, as one source of it is configured.
#[derive(Debug)]
pub struct ChargeAfter {
    source: String,
    secrets: Vec<Secret>,
    currency: Currency,
}

impl ChargeAfter {
    /// The lender of a source.
    pub fn new(config: &SourceConfig) -> Self {
        let secrets = config.secrets.clone();
        Self { source: config.name.clone(), secrets, currency: config.currency }
    }
}

impl Lender for ChargeAfter {
    /// There is no signature: the whole `Authorization` value is the secret.
    fn verify(&self, headers: &HeaderMap, _: &[u8], now: Timestamp) -> Result<Verified, Rejection> {
        let mut active = self.secrets.iter().filter(|secret| secret.is_active(now)).peekable();
        if active.peek().is_none() {
            return Err(Rejection::NoSecret);
        }
        let given = headers.get(AUTHORIZATION).ok_or(Rejection::Unsigned)?;
        // Digests are compared, so that not even the length takes a time of its own.
        let digest = |value: &[u8]| hmac_sha256(b"authorization", &[value]);
        let secret_id = matching(active, &[digest(given.as_bytes())], |value| Some(digest(value)));
        let secret_id = secret_id.ok_or(Rejection::Mismatch)?.to_owned();
        Ok(Verified { secret_id, signed_at: None, outside_window: false })
    }

    fn signed_at(&self, _: &HeaderMap) -> Result<Option<Timestamp>, Rejection> {
        Ok(None)
    }

    fn decode(&self, body: &[u8], call: Call) -> Decoded {
        reading::decode(&self.source, body, call, |reading, body| {
            let event = body.required_text("eventType")?;
            let webhook = Webhook { reading, body, event: &event, currency: self.currency };
            match event.split_once('.') {
                _ if !EVENTS.iter().any(|known| known.event == event) => {
                    Err(Unread::word(body, "eventType", &event))
                }
                Some(("application" | "account", _)) => webhook.application(),
                _ => webhook.charge(),
            }
        })
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        &["token"]
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A webhook that is being read.
struct Webhook<'a> {
    reading: &'a Reading<'a>,
    body: &'a Object<'a>,
    event: &'a str,
    currency: Currency,
}

impl Webhook<'_> {
    fn amount(&self) -> Result<Money, Fault> {
        let minor = self.body.decimal("amount", self.currency)?;
        Ok(Money { minor, currency: self.currency })
    }

    /// The step under a key made of these fields, as they are written.
    fn key(&self, fields: &[&str]) -> String {
        let values = fields.iter().map(|field| self.body.as_written(field).unwrap_or("null"));
        let values: Vec<_> = [self.event].into_iter().chain(values).collect();
        serde_json::json!(values).to_string()
    }

    fn application(&self) -> Result<Decoded, Unread> {
        let body = self.body;
        let application_id = body.required_id("applicationId")?;
        let said = match self.event {
            "application.created" => lenders::Statement::Started { link_id: body.id("linkId")? },
            _ => lenders::Statement::Reported(LenderReport {
                lender_id: body.required_id("lenderId")?,
                report: self.report()?,
                form: if self.event.starts_with("account.") {
                    Form::Account
                } else {
                    Form::Application
                },
                lender_reference_id: body.id("lenderReferenceId")?,
                loan_id: body.id("loanId")?,
                link_id: body.id("linkId")?,
            }),
        };
        let fact = ApplicationFact {
            statement: Statement::Lenders(said),
            customer_id: body.id("consumerId")?,
            partner_customer_id: body.id("merchantConsumerId")?,
        };
        let fields = ["applicationId", "lenderId", "amount", "reason", "token", "createdAt"];
        let key = self.key(&fields);
        let told = Told {
            stream: StreamId { aggregate_type: AggregateType::Application, id: application_id },
            dedup_key: format!("application:{key}"),
            key,
            dated: self.reading.dated_in_utc(body.text("createdAt")?),
            fact,
        };
        Ok(self.reading.decoded(told, AnyStep::Application))
    }

    fn report(&self) -> Result<lenders::Report, Fault> {
        use lenders::Report;
        let (_, event) = self.event.split_once('.').unwrap_or_default();
        Ok(match event {
            "prequalified" => Report::Prequalified(self.amount()?),
            "approved" => Report::Approved(self.amount()?),
            "pending-lender" => Report::Reviewing(self.body.text("reason")?),
            "pending-consumer" => Report::ConsumerRequired(self.body.text("reason")?),
            "pending-merchant" => Report::MerchantRequired(self.body.text("reason")?),
            "declined" => Report::Declined,
            "cancelled" => Report::Cancelled,
            confirmed => Report::Confirmed(Confirmation {
                amount: self.amount()?,
                token: self.body.secret("token")?,
                flow: if confirmed == "apply-confirmed" { Flow::Apply } else { Flow::Checkout },
            }),
        })
    }

    fn charge(&self) -> Result<Decoded, Unread> {
        let body = self.body;
        let charge_id = body.required_id("chargeId")?;
        let (report, fields) = match self.event {
            "postsale.authorize" => (ChargeReport::Authorized(self.amount()?), &[][..]),
            "reconciliation.chargeback" => {
                (ChargeReport::ChargedBack(self.dispute()?), &["transactionId"][..])
            }
            "reconciliation.chargeback-reversal" => {
                (ChargeReport::ChargebackReversed(self.dispute()?), &["transactionId"][..])
            }
            _ => (
                ChargeReport::Operation(self.operation()?),
                &["lenderTransactionId", "state", "amount"][..],
            ),
        };
        let fact = ChargeFact {
            report,
            merchant_order_id: body.id("merchantOrderId")?,
            customer_id: body.id("consumerId")?,
            partner_customer_id: body.id("merchantConsumerId")?,
        };
        let key = self.key(&[&["chargeId"], fields, &["createdAt"]].concat());
        let told = Told {
            stream: StreamId { aggregate_type: AggregateType::Charge, id: charge_id },
            dedup_key: format!("charge:{key}"),
            key,
            dated: self.reading.dated_in_utc(body.text("createdAt")?),
            fact,
        };
        Ok(self.reading.decoded(told, AnyStep::Charge))
    }

    fn dispute(&self) -> Result<Dispute, Fault> {
        Ok(Dispute {
            transaction_id: self.body.required_id("transactionId")?,
            amount: self.amount()?,
            application_id: self.body.id("applicationId")?,
        })
    }

    fn operation(&self) -> Result<OperationReport, Unread> {
        let word = self.body.required_text("state")?;
        let state =
            OperationState::of(&word).ok_or_else(|| Unread::word(self.body, "state", &word))?;
        Ok(OperationReport {
            kind: if self.event.starts_with("postsale.settle") {
                OperationKind::Settle
            } else {
                OperationKind::Refund
            },
            form: if self.event.ends_with("-update") {
                OperationForm::Updated
            } else {
                OperationForm::Created
            },
            lender_transaction_id: self.body.id("lenderTransactionId")?,
            amount: self.amount()?,
            state,
        })
    }
}
