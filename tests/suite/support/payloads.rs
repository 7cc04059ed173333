//! Flat payloads `{eventType, …}`, of which a test writes only what it is about: card onboarding
//! and ChargeAfter. Amounts are written as they are given, and pass through no number.

use serde_json::{Value, json};

use super::webhooks::{T1, Told};

/// One webhook of either lender.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Names, and the JSON of their values.
    fields: Vec<(String, String)>,
    signed_at: Option<String>,
    list: &'static str,
    id: String,
}

impl Payload {
    fn of(event_type: &str, list: &'static str, id: &str) -> Self {
        let payload = Self { fields: Vec::new(), signed_at: None, list, id: id.to_owned() };
        payload.with("eventType", json!(event_type))
    }

    /// The time of the step: what is signed, or else what is written.
    pub fn at(self, time: &str) -> Self {
        if self.signed_at.is_some() {
            Self { signed_at: Some(time.to_owned()), ..self }
        } else {
            self.with("createdAt", json!(time))
        }
    }

    pub fn with(self, field: &str, value: Value) -> Self {
        self.token(field, &value.to_string())
    }

    /// Whatever stands in the place of the value, JSON or not.
    pub fn token(self, field: &str, token: &str) -> Self {
        let mut payload = self.without(field);
        payload.fields.push((field.to_owned(), token.to_owned()));
        payload
    }

    pub fn without(mut self, field: &str) -> Self {
        self.fields.retain(|(name, _)| name != field);
        self
    }

    pub fn body(&self) -> String {
        let fields: Vec<String> =
            self.fields.iter().map(|(name, token)| format!("\"{name}\":{token}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

impl Told for Payload {
    fn body(&self) -> String {
        Self::body(self)
    }

    fn about(&self) -> (&'static str, &str) {
        (self.list, &self.id)
    }

    fn signed_at(&self) -> Option<&str> {
        self.signed_at.as_deref()
    }
}

/// One card onboarding. Its steps are signed at [`T1`].
#[derive(Clone, Copy)]
pub struct Onboarding<'a>(&'a str);

impl<'a> Onboarding<'a> {
    pub const fn new(id: &'a str) -> Self {
        Self(id)
    }

    pub fn signing_created(&self, url: &str) -> Payload {
        self.step("SIGNING_SESSION_CREATED").with("signingUrl", json!(url))
    }

    pub fn signing_completed(&self) -> Payload {
        self.step("SIGNING_SESSION_COMPLETED")
    }

    pub fn completed(&self, engagement_id: &str) -> Payload {
        self.step("ONBOARDING_COMPLETED").with("engagementId", json!(engagement_id))
    }

    pub fn rejected(&self, reason: &str) -> Payload {
        self.step("ONBOARDING_REJECTED").with("rejectReason", json!(reason))
    }

    pub fn failed(&self, code: &str) -> Payload {
        self.step("ONBOARDING_FAILED").with("failureCode", json!(code))
    }

    pub fn step(&self, event_type: &str) -> Payload {
        let step = Payload::of(event_type, "applications", self.0);
        Payload { signed_at: Some(T1.to_owned()), ..step }.with("onboardingId", json!(self.0))
    }
}

/// One ChargeAfter application.
#[derive(Clone, Copy)]
pub struct Loan<'a>(&'a str);

impl<'a> Loan<'a> {
    pub const fn new(application_id: &'a str) -> Self {
        Self(application_id)
    }

    pub fn created(&self) -> Payload {
        Payload::of("application.created", "applications", self.0)
            .with("createdAt", json!(T1))
            .with("applicationId", json!(self.0))
    }

    pub const fn lender(&self, id: &'a str) -> Track<'a> {
        Track { application: *self, lender: id }
    }
}

/// What one lender says about one application. The `account_…` are the deprecated twins, which carry
/// more ids: those of the consumer, the partner's for him, the loan, the link.
#[derive(Clone, Copy)]
pub struct Track<'a> {
    application: Loan<'a>,
    lender: &'a str,
}

impl Track<'_> {
    pub fn prequalified(&self, amount: &str) -> Payload {
        self.step("application.prequalified").token("amount", amount)
    }

    pub fn approved(&self, amount: &str) -> Payload {
        self.step("application.approved").token("amount", amount)
    }

    pub fn pending_lender(&self, reason: &str) -> Payload {
        self.step("application.pending-lender").with("reason", json!(reason))
    }

    pub fn pending_consumer(&self, reason: &str) -> Payload {
        self.step("application.pending-consumer").with("reason", json!(reason))
    }

    pub fn pending_merchant(&self, reason: &str) -> Payload {
        self.step("application.pending-merchant").with("reason", json!(reason))
    }

    pub fn declined(&self) -> Payload {
        self.step("application.declined")
    }

    pub fn cancelled(&self) -> Payload {
        self.step("application.cancelled")
    }

    pub fn confirmed(&self, amount: &str, token: &str) -> Payload {
        let step = self.step("application.checkout-confirmed").token("amount", amount);
        step.with("token", json!(token))
    }

    pub fn apply_confirmed(&self, amount: &str, token: &str) -> Payload {
        let event_type = json!("application.apply-confirmed");
        self.confirmed(amount, token).with("eventType", event_type)
    }

    pub fn account_prequalified(&self, amount: &str) -> Payload {
        self.account("account.prequalified").token("amount", amount)
    }

    pub fn account_approved(&self, amount: &str) -> Payload {
        let step = self.account("account.approved").token("amount", amount);
        step.with("lenderReferenceId", json!(format!("{}-reference", self.lender)))
    }

    pub fn account_pending_consumer(&self) -> Payload {
        self.account_pending("account.pending-consumer")
    }

    pub fn account_pending_lender(&self) -> Payload {
        self.account_pending("account.pending-lender")
    }

    pub fn account_declined(&self) -> Payload {
        self.account("account.declined")
    }

    fn account_pending(&self, event_type: &str) -> Payload {
        self.account(event_type)
            .with("linkId", json!(format!("{}-link", self.lender)))
            .with("loanId", json!(format!("{}-loan", self.lender)))
    }

    fn account(&self, event_type: &str) -> Payload {
        let application = self.application.0;
        self.step(event_type)
            .with("consumerId", json!(format!("{application}-consumer")))
            .with("merchantConsumerId", json!(format!("{application}-partner")))
    }

    fn step(&self, event_type: &str) -> Payload {
        let step = self.application.created().with("eventType", json!(event_type));
        step.with("lenderId", json!(self.lender))
    }
}

/// One ChargeAfter charge, of an order of its own.
#[derive(Clone, Copy)]
pub struct Charge<'a>(&'a str);

impl<'a> Charge<'a> {
    pub const fn new(id: &'a str) -> Self {
        Self(id)
    }

    pub fn authorize(&self, amount: &str) -> Payload {
        self.step("postsale.authorize", amount)
    }

    pub fn settle(&self, transaction: &str, amount: &str, state: &str) -> Payload {
        self.operation("postsale.settle", transaction, amount, state)
    }

    pub fn settle_update(&self, transaction: &str, amount: &str, state: &str) -> Payload {
        self.operation("postsale.settle-update", transaction, amount, state)
    }

    pub fn refund(&self, transaction: &str, amount: &str, state: &str) -> Payload {
        self.operation("postsale.refund", transaction, amount, state)
    }

    pub fn refund_update(&self, transaction: &str, amount: &str, state: &str) -> Payload {
        self.operation("postsale.refund-update", transaction, amount, state)
    }

    /// Names an application and a consumer, too.
    pub fn chargeback(&self, transaction: &str, amount: &str) -> Payload {
        self.reconciliation("reconciliation.chargeback", transaction, amount)
    }

    pub fn chargeback_reversal(&self, transaction: &str, amount: &str) -> Payload {
        self.reconciliation("reconciliation.chargeback-reversal", transaction, amount)
    }

    fn operation(&self, event_type: &str, transaction: &str, amount: &str, state: &str) -> Payload {
        self.step(event_type, amount)
            .with("lenderTransactionId", json!(transaction))
            .with("state", json!(state))
    }

    fn reconciliation(&self, event_type: &str, transaction: &str, amount: &str) -> Payload {
        let id = self.0;
        self.step(event_type, amount)
            .with("transactionId", json!(transaction))
            .with("applicationId", json!(format!("{id}-application")))
            .with("consumerId", json!(format!("{id}-consumer")))
    }

    fn step(&self, event_type: &str, amount: &str) -> Payload {
        let id = self.0;
        Payload::of(event_type, "charges", id)
            .with("createdAt", json!(T1))
            .with("chargeId", json!(id))
            .with("merchantOrderId", json!(format!("{id}-order")))
            .with("merchantConsumerId", json!(null))
            .token("amount", amount)
    }
}
