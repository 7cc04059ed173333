//! What events say: their payload, as the domain stores it. The suite holds every event that it sees
//! against it.

use creditrail_domain::{
    application::{
        Decision,
        fact::ClientResult,
        lenders::{Flow, Form},
        onboarding::{FailureCode, RejectReason},
    },
    charge, customer_link,
    step::Origin,
};

use super::schema::{
    Named, Schema, boolean, closed, count, currency, either, is, list, one_of, open, position,
    refer, secret, stored_as, text, time, uuid,
};

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Money", money()),
        ("RecordedStep", step()),
        ("RecordedVerdict", verdict()),
        (
            "RecordedOutcome",
            either([is("applied"), is("duplicate"), is("stale"), parked(), refused()])
                .says("What became of a step."),
        ),
        ("RecordedRefusal", refusal()),
        ("RecordedCause", cause()),
        ("ClockFault", clock_fault()),
        ("TransactionFact", transaction()),
        (
            "TransactionReport",
            either(["approved", "updated", "voided", "captured", "refunded"].map(amount))
                .says("What happened, with its amount."),
        ),
        ("RecordedMerchant", merchant()),
        ("CardFact", card()),
        ("CustomerLinkFact", customer_link()),
        ("ApplicationFact", application()),
        (
            "ApplicationStatement",
            either([
                started(),
                decided([Decision::Accepted, Decision::Rejected]),
                reported(),
                of("onboarding", refer("OnboardingStatement")),
                of("lenders", refer("LendersStatement")),
                action_done(),
                notice_sent(),
            ])
            .says("What is said about an application."),
        ),
        (
            "OnboardingStatement",
            either([
                is("submitted"),
                signing_opened(),
                is("signing_completed"),
                completed(),
                rejected(),
                failed(),
            ])
            .says("Of an application that is assessed, signed and completed."),
        ),
        (
            "LendersStatement",
            either([
                submitted(),
                session_started(),
                of("reported", refer("LenderReport")),
                charge_created(),
            ])
            .says("Of an application that is offered to several lenders."),
        ),
        ("LenderReport", lender_report()),
        (
            "LenderStatement",
            either([
                amount("prequalified"),
                pending("reviewing"),
                pending("consumer_required"),
                pending("merchant_required"),
                amount("approved"),
                is("declined"),
                is("cancelled"),
                confirmed(),
            ])
            .says("What a lender reported."),
        ),
        ("ChargeFact", charge()),
        (
            "ChargeReport",
            either([
                amount("authorized"),
                operation([charge::Form::Created, charge::Form::Updated]),
                dispute("charged_back"),
                dispute("chargeback_reversed"),
                voided(),
                linked(),
            ])
            .says("What happened, with its amount."),
        ),
        ("RecordedDispute", chargeback()),
    ]
}

/// An object of one field: how what has something in it is stored.
pub(super) fn of(name: &'static str, content: Schema) -> Schema {
    closed([(name, content)])
}

fn maybe(name: &'static str) -> Named {
    (name, text().or_absent())
}

fn money() -> Schema {
    closed([("minor", count().says("minor units of `currency`")), ("currency", currency())])
        .says("An amount that is never negative.")
}

/// Money by what it means.
pub(super) fn amount(name: &'static str) -> Schema {
    of(name, refer("Money"))
}

fn step() -> Schema {
    let content = text().says("a hash of the content, in hexadecimal: equal for a repetition");
    closed([
        ("id", uuid().says("of source, key and content")),
        ("key", text().says("the lender's own id of the step, where it has one")),
        ("content", content),
        (
            "occurred_at",
            time().says("by the lender's clock, or the receipt if `clock_fault` says so"),
        ),
        ("clock_fault", refer("ClockFault").or_absent()),
        ("received_at", time().says("for the first time")),
        (
            "origin",
            stored_as([Origin::Delivery, Origin::Partner, Origin::Operator]).says("who brought it"),
        ),
        (
            "outside_window",
            boolean().or_absent().says("it was authentic, but older than the source's window"),
        ),
        ("pan_masked", boolean().or_absent().says("something in it looked like a card number")),
        ("key_taken_by", text().or_absent().says("the stream on which the key was used first")),
        ("told_by", text().or_absent().says("who told it, of a step that no delivery brought")),
        ("fact", open().says("what it says")),
    ])
    .says("What one delivery, or one command, says about one thing.")
}

fn verdict() -> Schema {
    let deadline = time().or_absent().says("when it is judged again if nothing has come by then");
    closed([
        ("outcome", refer("RecordedOutcome")),
        ("flags", list(refer("FlagCode")).or_absent()),
        ("deadline", deadline),
    ])
    .says("How a step is judged.")
}

pub(super) fn parked() -> Schema {
    of("parked", closed([("waits_for", refer("AwaitedStep"))]))
}

pub(super) fn refused() -> Schema {
    of("refused", refer("RecordedRefusal"))
}

fn refusal() -> Schema {
    closed([
        ("code", refer("RefusalCode")),
        ("state", text().says("in which it was asked")),
        ("legal", list(refer("StepKind")).says("what would have been in order")),
        ("settled", boolean().or_absent().says("a later step has settled the matter")),
    ])
    .says("Why a step does not count.")
}

fn cause() -> Schema {
    either(["step", "deadline", "override"].map(|what| of(what, uuid().says("of the step"))))
        .says("What changed how a step is judged.")
}

fn clock_fault() -> Schema {
    let unparseable = of("unparseable", text().says("as it was written"));
    either([one_of(["missing", "zone_assumed"]), unparseable])
        .says("What is wrong with the time that the lender gave.")
}

fn transaction() -> Schema {
    closed([
        ("report", refer("TransactionReport")),
        ("customer_id", text()),
        maybe("partner_customer_id"),
        ("payment_method_id", text()),
        maybe("intent_id"),
        maybe("authorization_code"),
        maybe("network_transaction_id"),
        maybe("purchase_method"),
        ("merchant", refer("RecordedMerchant").or_absent()),
    ])
    .says("A report about a transaction.")
}

fn merchant() -> Schema {
    let fields = [
        "network_id",
        "name",
        "category",
        "category_code",
        "city",
        "state",
        "postal_code",
        "country",
    ];
    closed(fields.map(maybe)).says("Where a purchase was made, in the lender's words.")
}

fn card() -> Schema {
    let status = || refer("ReportedCardStatus").or_absent();
    closed([
        ("customer_id", text()),
        maybe("partner_customer_id"),
        ("card_type", text().says("`VIRTUAL`, `PHYSICAL`, or the lender's word")),
        ("previous_status", status().says("absent at creation")),
        ("new_status", status().says("absent if only attributes changed")),
        maybe("card_design_id"),
        ("token_count", count().or_absent()),
    ])
    .says("A report about a card.")
}

fn customer_link() -> Schema {
    closed([
        ("change", stored_as(customer_link::Change::ALL)),
        ("customer_id", text().says("the lender's")),
        ("partner_customer_id", text()),
    ])
    .says("A report about a link of two ids of a customer.")
}

fn application() -> Schema {
    closed([
        ("statement", refer("ApplicationStatement")),
        maybe("customer_id"),
        maybe("partner_customer_id"),
    ])
    .says("A statement about an application.")
}

pub(super) fn started() -> Schema {
    of("started", closed([("application_id", uuid())]))
}

pub(super) fn decided<const N: usize>(decisions: [Decision; N]) -> Schema {
    let created_at = time().says("which tells applications of one applicant apart");
    let decided = [
        ("decision", stored_as(decisions)),
        ("application_id", uuid()),
        ("created_at", created_at),
    ];
    of("decided", closed(decided))
}

pub(super) fn reported() -> Schema {
    use ClientResult::{Accepted, Error, InProgress, Rejected};
    let result = either([stored_as([Accepted, Rejected, InProgress, Error]), other()]);
    let report = closed([("result", result), maybe("session_id"), maybe("error_code")]);
    let report = report.says("what the SDK said in the browser; it never decides");
    of("reported", closed([("application_id", uuid()), ("report", report)]))
}

/// A word of the lender's that is in no list.
fn other() -> Schema {
    of("other", text().says("the lender's word"))
}

pub(super) fn action_done() -> Schema {
    let done = [
        ("action", refer("ActionKind")),
        ("opened_by", uuid().says("the step that asked for it")),
        ("actor", text()),
        maybe("note"),
    ];
    of("action_done", closed(done))
}

pub(super) fn notice_sent() -> Schema {
    let sent = [
        ("about", uuid().says("the step that decided")),
        ("application_id", uuid().or_absent()),
        ("actor", text()),
        ("reason", text()),
    ];
    of("notice_sent", closed(sent))
}

pub(super) fn signing_opened() -> Schema {
    of("signing_opened", closed([("url", secret("signing_url"))]))
}

pub(super) fn completed() -> Schema {
    of("completed", closed([("engagement_id", text())]))
}

pub(super) fn rejected() -> Schema {
    let reason = either([stored_as(RejectReason::ALL), other()]);
    of("rejected", closed([("reason", reason)]))
}

pub(super) fn failed() -> Schema {
    let code = either([stored_as(FailureCode::ALL), other()]);
    of("failed", closed([("code", code)]))
}

pub(super) fn submitted() -> Schema {
    of("submitted", closed([maybe("merchant_order_id")]))
}

pub(super) fn session_started() -> Schema {
    of("started", closed([maybe("link_id")]))
}

pub(super) fn charge_created() -> Schema {
    of("charge_created", closed([("charge_id", text())]))
}

fn lender_report() -> Schema {
    closed([
        ("lender_id", text()),
        ("report", refer("LenderStatement")),
        ("form", stored_as([Form::Application, Form::Account]).says("of the webhook")),
        maybe("lender_reference_id"),
        maybe("loan_id"),
        maybe("link_id"),
    ])
    .says("A lender's report about an application.")
}

pub(super) fn pending(name: &'static str) -> Schema {
    of(name, text().or_null().says("why, if the lender says so"))
}

pub(super) fn confirmed() -> Schema {
    let confirmed = [
        ("amount", refer("Money")),
        ("token", secret("token").or_absent()),
        ("flow", stored_as([Flow::Apply, Flow::Checkout])),
    ];
    of("confirmed", closed(confirmed))
}

fn charge() -> Schema {
    closed([
        ("report", refer("ChargeReport")),
        maybe("merchant_order_id"),
        maybe("customer_id"),
        maybe("partner_customer_id"),
    ])
    .says("A report about a charge.")
}

pub(super) fn operation<const N: usize>(forms: [charge::Form; N]) -> Schema {
    let operation = [
        ("kind", refer("OperationKind")),
        ("form", stored_as(forms)),
        ("lender_transaction_id", text().or_absent().says("absent until the lender has answered")),
        ("amount", refer("Money")),
        ("state", refer("OperationState")),
    ];
    of("operation", closed(operation))
}

pub(super) fn dispute(name: &'static str) -> Schema {
    of(name, refer("RecordedDispute"))
}

fn chargeback() -> Schema {
    closed([("transaction_id", text()), ("amount", refer("Money")), maybe("application_id")])
        .says("A chargeback, or the reversal of one.")
}

pub(super) fn voided() -> Schema {
    of("voided", closed([maybe("reason"), ("actor", text())]))
}

pub(super) fn linked() -> Schema {
    let how = stored_as([charge::Linkage::Partner, charge::Linkage::Operator]);
    let linked = [
        ("application_id", text()),
        ("how", how.says("who says so")),
        ("actor", text()),
        maybe("reason"),
    ];
    of("linked", closed(linked))
}

/// A delivery that could not be read.
pub(super) fn unreadable() -> Schema {
    closed([
        ("kind", refer("UnreadableKind")),
        ("field", text().says("at fault; empty for the body as a whole")),
        ("cause", text()),
        ("received_at", time()),
    ])
}

/// A person's decision about an exception that belongs to no step.
pub(super) fn resolution() -> Schema {
    let about = closed([
        ("code", refer("ExceptionCode")),
        ("message", text()),
        ("first_position", position().says("at which it arose")),
        ("customer", text()),
    ]);
    closed([
        ("action", refer("ResolutionAction")),
        ("reason", text()),
        ("actor", text()),
        ("at", time()),
        ("about", about.or_absent().says("of a conflict: as it was shown then")),
    ])
}

/// A delivery that could be read later.
pub(super) fn redriven() -> Schema {
    closed([
        ("step", uuid().says("that it says")),
        ("repeats", boolean().or_absent().says("another delivery had brought it before")),
        ("subject_type", refer("SubjectType")),
        ("subject_id", text()),
        ("kind", refer("StepKind")),
        ("occurred_at", time()),
        ("reason", text()),
        ("actor", text()),
        ("at", time()),
    ])
}
