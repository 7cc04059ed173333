//! What lenders send: one file a kind of lender, each with its signature and its payloads.
//!
//! A [`Lender`] turns bytes into a step and nothing more; what the step means is the domain's.

pub mod fields;
pub mod imprint;
pub mod mask;
pub mod signature;

use creditrail_domain::{
    Currency, Policies, Step,
    application::ApplicationFact,
    customer_link::CustomerLinkFact,
    exception::{Unreadable, UnreadableKind},
    payment_method::PaymentMethodFact,
    transaction::TransactionFact,
};
use creditrail_projections::StreamId;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use self::signature::{Rejection, Secret, Verified};

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
    /// How calls are signed, where the lender's own documents leave it open.
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

    /// Reads a body into a step. Never fails: what cannot be read is kept as such.
    fn decode(&self, body: &[u8], call: Call) -> Decoded;

    /// The names of fields whose values are secrets, wherever they stand in a body.
    fn secret_fields(&self) -> &'static [&'static str];
}

/// When and how a body was received.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it was complete.
    pub received_at: Timestamp,
    /// Whether it was signed outside the window, and recorded all the same.
    pub outside_window: bool,
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

impl Decoded {
    /// A body that cannot be read into a step. The same bytes again are a repetition.
    pub fn unreadable(body: &[u8], kind: UnreadableKind, fault: fields::Fault, call: Call) -> Self {
        let content = fields::hash(body);
        let fields::Fault { field, cause } = fault;
        let what = Err(Unreadable { kind, field, cause, received_at: call.received_at });
        Self { dedup_key: format!("body:{content}"), content, what }
    }
}

/// A step of any aggregate.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all steps are the large ones")]
pub enum AnyStep {
    /// About an application.
    Application(Step<ApplicationFact>),
    /// About a link of customers.
    CustomerLink(Step<CustomerLinkFact>),
    /// About a card.
    PaymentMethod(Step<PaymentMethodFact>),
    /// About a transaction.
    Transaction(Step<TransactionFact>),
}

/// The lender of a configured source.
pub fn lender(config: &SourceConfig) -> Box<dyn Lender> {
    match config.kind {
        Kind::Imprint => Box::new(imprint::Imprint::new(config)),
    }
}
