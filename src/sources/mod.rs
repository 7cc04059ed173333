//! What lenders send: one file a kind of lender, each with its signature and its payloads.
//!
//! A [`Lender`] turns bytes into a step and nothing more; what the step means is the domain's.

pub mod card_onboarding;
pub mod charge_after;
pub mod fields;
pub mod imprint;
pub mod mask;
pub mod reading;
pub mod scrub;
pub mod signature;

use creditrail_domain::{
    Currency, Policies, Step,
    application::ApplicationFact,
    charge::ChargeFact,
    customer_link::CustomerLinkFact,
    exception::{Unreadable, UnreadableKind},
    payment_method::PaymentMethodFact,
    transaction::TransactionFact,
};
use creditrail_projections::StreamId;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use self::signature::{Credential, Rejection, Secret, Verified, is_within_window};

/// One configured lender endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The name in URLs and keys: 1 to 63 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Which lender it is.
    pub kind: Kind,
    /// The currency of amounts that name none: three letters of ISO 4217.
    pub currency: Currency,
    /// The secrets that may sign calls; several for an overlap while one replaces another.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// The value that the `Authorization` header of a call must have besides its signature, if
    /// any (card onboarding).
    pub authorization: Option<Credential>,
    /// How calls are signed, where the lender's own documents leave it open (Imprint).
    #[serde(default)]
    pub signature: imprint::SignatureForm,
    /// What to do with an authentic call outside the window of 300 s past and 60 s ahead.
    #[serde(default)]
    pub outside_window: OutsideWindow,
    /// The choices that are ours.
    #[serde(default)]
    pub policies: Policies,
}

/// The kinds of lender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Imprint: applications, cards and card transactions.
    Imprint,
    /// Card onboarding: an application that is assessed, signed and completed.
    CardOnboarding,
    /// ChargeAfter: applications that are offered to several lenders, and their charges.
    ChargeAfter,
    /// A kind that the host brings: see [`Builder::lender`](crate::app::Builder::lender).
    #[serde(skip)]
    Host,
}

/// What to do with an authentic call outside the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideWindow {
    /// Answer 401 and keep it among the rejected calls.
    #[default]
    Reject,
    /// Record it with the flag `outside_window`: a replay cannot count twice.
    Record,
}

impl SourceConfig {
    /// A source of a lender that the host brings, with every choice as it is by default.
    pub fn of_host(name: impl Into<String>, currency: Currency, secrets: Vec<Secret>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Host,
            currency,
            secrets,
            authorization: None,
            signature: imprint::SignatureForm::default(),
            outside_window: OutsideWindow::default(),
            policies: Policies::default(),
        }
    }
}

impl OutsideWindow {
    /// Whether a call of this time of signing is outside the window, if it may be.
    ///
    /// # Errors
    /// [`Rejection::OutsideWindow`] if it is outside and may not be.
    pub fn of(self, signed_at: Timestamp, now: Timestamp) -> Result<bool, Rejection> {
        let is_outside = !is_within_window(signed_at, now);
        if is_outside && self == Self::Reject {
            return Err(Rejection::OutsideWindow);
        }
        Ok(is_outside)
    }
}

/// What tells one kind of lender from another.
pub trait Lender: Send + Sync {
    /// Checks the signature over the raw bytes.
    ///
    /// # Errors
    /// [`Rejection`]; the caller answers all causes alike.
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection>;

    /// When a call says that it was signed; `None` where the lender signs no time. It is asked
    /// again of the headers that were kept of a call that was authentic, with those that carry a
    /// credential masked, when its body is read anew.
    ///
    /// # Errors
    /// [`Rejection::Unsigned`] if the lender signs a time and the headers have none.
    fn signed_at(&self, headers: &HeaderMap) -> Result<Option<Timestamp>, Rejection>;

    /// Reads a body into a step. Never fails: what cannot be read is kept as such. The values of
    /// [`Self::secret_fields`] are references: [`fields::Object::secret`].
    fn decode(&self, body: &[u8], call: Call) -> Decoded;

    /// The names of fields whose values are secrets, wherever they stand in a body: they are
    /// sealed before the body is read.
    fn secret_fields(&self) -> &'static [&'static str];

    /// The names of headers that carry a credential, beside the usual ones such as
    /// `authorization`: they are masked in what is kept of a call. In lower case.
    fn secret_headers(&self) -> &'static [&'static str];
}

/// When and how a body was received.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it was complete.
    pub received_at: Timestamp,
    /// When it was signed, where the lender signs a time.
    pub signed_at: Option<Timestamp>,
    /// Whether it was signed outside the window, and recorded all the same.
    pub outside_window: bool,
    /// Whether something in it looked like a card number, which has been masked.
    pub pan_masked: bool,
}

/// A body as far as it could be read.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Under which a repetition is found, unique within the source.
    pub dedup_key: String,
    /// Hash of the canonical content, in hexadecimal.
    pub content: String,
    /// The step and its stream, or why there is none.
    pub what: Result<(StreamId, AnyStep), Unreadable>,
}

/// What is added to the cause where something was masked. It stands in the log: see
/// [`Decoded::had_card_number`].
const PAN_MASKED: &str = "; something that looked like a card number was masked";

impl Decoded {
    /// A body that cannot be read into a step. The same bytes again are a repetition.
    pub fn unreadable(body: &[u8], kind: UnreadableKind, fault: fields::Fault, call: Call) -> Self {
        let content = fields::hash(body);
        let fields::Fault { field, mut cause } = fault;
        if call.pan_masked {
            cause.push_str(PAN_MASKED);
        }
        let what = Err(Unreadable { kind, field, cause, received_at: call.received_at });
        Self { dedup_key: format!("body:{content}"), content, what }
    }

    /// Whether something in a body that could not be read was masked: [`Call::pan_masked`] of the
    /// call that brought it.
    pub fn had_card_number(unreadable: &Unreadable) -> bool {
        unreadable.cause.ends_with(PAN_MASKED)
    }
}

/// A step of any aggregate.
#[derive(Clone, Debug)]
pub enum AnyStep {
    /// About an application.
    Application(Step<ApplicationFact>),
    /// About a charge.
    Charge(Step<ChargeFact>),
    /// About a link of customers.
    CustomerLink(Step<CustomerLinkFact>),
    /// About a card.
    PaymentMethod(Step<PaymentMethodFact>),
    /// About a transaction.
    Transaction(Step<TransactionFact>),
}

/// The lender of a configured source.
///
/// `None` for a kind that the host brings.
pub fn lender(config: &SourceConfig) -> Option<Box<dyn Lender>> {
    Some(match config.kind {
        Kind::Imprint => Box::new(imprint::Imprint::new(config)),
        Kind::CardOnboarding => Box::new(card_onboarding::CardOnboarding::new(config)),
        Kind::ChargeAfter => Box::new(charge_after::ChargeAfter::new(config)),
        Kind::Host => return None,
    })
}

/// The headers with which a lender of the kind would send a body now.
pub fn sign(kind: Kind, secret: &str, body: &[u8], now: Timestamp) -> Vec<(&'static str, String)> {
    match kind {
        Kind::Imprint => vec![(imprint::SIGNATURE_HEADER, imprint::sign(secret, body, now))],
        Kind::CardOnboarding => card_onboarding::sign(secret, body, now).into(),
        // The credential is the secret.
        Kind::ChargeAfter => vec![("authorization", secret.to_owned())],
        Kind::Host => Vec::new(),
    }
}

/// A webhook of a lender and what becomes of it, for those who look it up.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// The lender's name of it.
    pub event: &'static str,
    /// The table that judges it.
    pub machine: &'static str,
    /// The kind of step that it becomes.
    pub kind: &'static str,
    /// The fields that make its deduplication key.
    pub key: &'static str,
}
