//! The catalogue: every event type that an endpoint can be told of, with a sentence and the schema of
//! what it says. A new event is one row here; the suite fails if one is missing.

use creditrail_domain::{
    AggregateType::{
        self, Application, Charge, CustomerLink, Exception, PaymentMethod, Transaction,
    },
    application::Decision,
    charge::Form,
    payment_method::Status,
};

use super::{
    facts::{
        action_done, amount, charge_created, completed, confirmed, decided, dispute, failed,
        linked, notice_sent, of, operation, parked, pending, redriven, refused, rejected, reported,
        resolution, session_started, signing_opened, started, submitted, unreadable, voided,
    },
    schema::{Schema, closed, either, is, refer, stored_as, text, time, uuid},
};

/// An event type.
pub(in crate::http) struct EventType {
    pub(in crate::http) kind: AggregateType,
    /// The name in the log.
    pub(in crate::http) event: &'static str,
    /// What happened, in a sentence.
    pub(in crate::http) says: &'static str,
    /// What the payload looks like.
    pub(super) data: Schema,
}

impl EventType {
    /// The name as notifications have it: `transaction.Captured`.
    pub(in crate::http) fn name(&self) -> String {
        format!("{}.{}", self.kind.name(), self.event)
    }

    /// What the payload looks like.
    pub(in crate::http) fn into_schema(self) -> serde_json::Value {
        self.data.into_json()
    }
}

/// All of them, in the order of what they are about.
pub(in crate::http) fn all() -> Vec<EventType> {
    let groups = [
        transactions(),
        cards(),
        decisions(),
        onboardings(),
        lenders(),
        work(),
        of_steps(Application),
        charges(),
        links(),
        exceptions(),
    ];
    groups.into_iter().flatten().collect()
}

fn rows<const N: usize>(
    kind: AggregateType,
    rows: [(&'static str, &'static str, Schema); N],
) -> Vec<EventType> {
    rows.map(|(event, says, data)| EventType { kind, event, says, data }).into()
}

/// A step that was taken in and came to this, and whose fact is so.
fn recorded(fact: Schema, outcome: Schema) -> Schema {
    let verdict = refer("RecordedVerdict").narrowed([("outcome", outcome)]);
    let step = refer("RecordedStep").narrowed([("fact", fact)]);
    of("StepRecorded", closed([("step", step), ("verdict", verdict)]))
}

/// A step that counts.
fn applied(fact: Schema) -> Schema {
    recorded(fact, is("applied"))
}

/// What is said of things of a kind, whatever it is.
fn fact(kind: AggregateType) -> Schema {
    refer(match kind {
        Transaction => "TransactionFact",
        PaymentMethod => "CardFact",
        Application => "ApplicationFact",
        Charge => "ChargeFact",
        _ => "CustomerLinkFact",
    })
}

#[rustfmt::skip] // It is a table.
fn transactions() -> Vec<EventType> {
    let says = |report| applied(fact(Transaction).narrowed([("report", amount(report))]));
    let mut all = rows(Transaction, [
        ("TransactionApproved",  "A purchase was authorized: its total is held.",                        says("approved")),
        ("AuthorizationUpdated", "The authorized total is another one; the amount is the new total.",   says("updated")),
        ("AuthorizationVoided",  "What is left of the authorization is not held any more.",             says("voided")),
        ("Captured",             "Money was captured; the amount is that of this capture alone.",       says("captured")),
        ("Refunded",             "Money was given back; the amount is that of this refund alone.",      says("refunded")),
        stale(Transaction),
    ]);
    all.extend(of_steps(Transaction));
    all
}

#[rustfmt::skip] // It is a table.
fn cards() -> Vec<EventType> {
    use Status::{Active, Canceled, Inactive};
    let becomes = |status| [("new_status", stored_as([status]))];
    let changed = |status| {
        let before = [("previous_status", refer("ReportedCardStatus"))];
        applied(fact(PaymentMethod).narrowed(before.into_iter().chain(becomes(status))))
    };
    let created = applied(fact(PaymentMethod).narrowed([("new_status", stored_as([Active, Inactive]))]));
    let mut all = rows(PaymentMethod, [
        ("CardRegistered",        "A card was created.",                                    created),
        ("CardActivated",         "A card became active.",                                  changed(Active)),
        ("CardPaused",            "A card became inactive.",                                changed(Inactive)),
        ("CardCanceled",          "A card was canceled, for ever.",                         applied(fact(PaymentMethod).narrowed(becomes(Canceled)))),
        ("CardAttributesChanged", "Something of a card changed, but not its status.",       applied(fact(PaymentMethod))),
    ]);
    all.extend(of_steps(PaymentMethod));
    all
}

/// A statement about an application that counts.
fn stated(statement: Schema) -> Schema {
    applied(fact(Application).narrowed([("statement", statement)]))
}

#[rustfmt::skip] // It is a table.
fn decisions() -> Vec<EventType> {
    let began = either([started(), of("lenders", session_started())]);
    rows(Application, [
        ("ApplicationStarted",  "A session began in which the customer applies.",                    stated(began)),
        ("ApplicationAccepted", "The lender approved, and the customer accepted.",                   stated(decided([Decision::Accepted]))),
        ("ApplicationRejected", "The lender declined.",                                              stated(decided([Decision::Rejected]))),
        ("ClientReported",      "The SDK reported the end of a session in the customer's browser; it never decides.", stated(reported())),
    ])
}

#[rustfmt::skip] // It is a table.
fn onboardings() -> Vec<EventType> {
    let handed_in = either([of("onboarding", is("submitted")), of("lenders", submitted())]);
    let says = |statement| stated(of("onboarding", statement));
    rows(Application, [
        ("ApplicationSubmitted", "The partner registered an application.",                       stated(handed_in)),
        ("SigningOpened",        "The application is approved; the customer can sign.",          says(signing_opened())),
        ("SigningCompleted",     "The customer has signed.",                                     says(is("signing_completed"))),
        ("OnboardingCompleted",  "The onboarding is complete: the customer has an engagement with the lender.", says(completed())),
        ("OnboardingRejected",   "The lender declined in its assessment.",                       says(rejected())),
        ("OnboardingFailed",     "Something went wrong; the code tells what can be mended.",     says(failed())),
    ])
}

#[rustfmt::skip] // It is a table.
fn lenders() -> Vec<EventType> {
    let says = |report| {
        let report = refer("LenderReport").narrowed([("report", report)]);
        stated(of("lenders", of("reported", report)))
    };
    rows(Application, [
        ("LenderPrequalified",     "A lender prequalified the customer for an amount.",              says(amount("prequalified"))),
        ("LenderReviewing",        "A lender reviews the application.",                              says(pending("reviewing"))),
        ("ConsumerActionRequired", "A lender waits for the customer.",                               says(pending("consumer_required"))),
        ("MerchantActionRequired", "A lender waits for the merchant.",                               says(pending("merchant_required"))),
        ("LenderApproved",         "A lender approved an amount.",                                   says(amount("approved"))),
        ("LenderDeclined",         "A lender declined; the others go on.",                           says(is("declined"))),
        ("LenderCancelled",        "A lender's track ended; the others go on.",                      says(is("cancelled"))),
        ("ApplicationConfirmed",   "The customer confirmed: a charge can be created with the token.", says(confirmed())),
        ("ChargeCreated",          "The partner created a charge with the confirmation of an application.", stated(of("lenders", charge_created()))),
    ])
}

#[rustfmt::skip] // It is a table.
fn work() -> Vec<EventType> {
    rows(Application, [
        ("ActionDone", "The partner has done what there was to do.",                 stated(action_done())),
        ("NoticeSent", "The applicant was told of a decision, as the law asks for.", stated(notice_sent())),
        enriched(Application),
        duplicate(Application),
    ])
}

#[rustfmt::skip] // It is a table.
fn charges() -> Vec<EventType> {
    let says = |report| applied(fact(Charge).narrowed([("report", report)]));
    let mut all = rows(Charge, [
        ("ChargeAuthorized",   "A charge was authorized.",                                          says(amount("authorized"))),
        ("OperationCreated",   "A settle or a refund was created, in whichever state.",             says(operation([Form::Created]))),
        ("OperationAdvanced",  "A settle or a refund came to another state.",                       says(operation([Form::Updated]))),
        ("ChargedBack",        "The customer's bank took money back.",                              says(dispute("charged_back"))),
        ("ChargebackReversed", "Money that was charged back came back.",                            says(dispute("chargeback_reversed"))),
        ("ChargeVoided",       "The partner voided what is not settled.",                           says(voided())),
        ("ChargeLinked",       "Somebody said to which application a charge belongs.",              says(linked())),
        enriched(Charge),
        duplicate(Charge),
        stale(Charge),
    ]);
    all.extend(of_steps(Charge));
    all
}

#[rustfmt::skip] // It is a table.
fn links() -> Vec<EventType> {
    let says = |change| applied(fact(CustomerLink).narrowed([("change", is(change))]));
    let mut all = rows(CustomerLink, [
        ("CustomerLinked",   "A customer of the lender and one of the partner are the same.", says("link")),
        ("CustomerUnlinked", "They are not any more.",                                        says("unlink")),
    ]);
    all.extend(of_steps(CustomerLink));
    all
}

#[rustfmt::skip] // It is a table.
fn exceptions() -> Vec<EventType> {
    rows(Exception, [
        ("DeliveryUnreadable", "A delivery could not be read; it is kept.",                             of("DeliveryUnreadable", unreadable())),
        ("DeliveryRedriven",   "A delivery that could not be read was read later: its step is recorded.", of("DeliveryRedriven", redriven())),
        ("ExceptionResolved",  "A person decided about an exception that belongs to no step.",          of("ExceptionResolved", resolution())),
    ])
}

type Row = (&'static str, &'static str, Schema);

fn enriched(kind: AggregateType) -> Row {
    let data = recorded(fact(kind), is("duplicate"));
    ("IdentityEnriched", "A step says again what is known, and tells of the customer's ids.", data)
}

fn duplicate(kind: AggregateType) -> Row {
    let data = recorded(fact(kind), is("duplicate"));
    ("StepDuplicate", "A step says again what is known.", data)
}

fn stale(kind: AggregateType) -> Row {
    let data = recorded(fact(kind), is("stale"));
    ("StepStale", "A step is behind what is known; something newer has replaced it.", data)
}

/// What may become of any step of a kind.
#[rustfmt::skip] // It is a table.
fn of_steps(kind: AggregateType) -> Vec<EventType> {
    let judged = || refer("RecordedVerdict");
    let revised = closed([("step", uuid()), ("from", judged()), ("to", judged()), ("cause", refer("RecordedCause"))]);
    let passed = closed([("step", uuid()), ("at", time())]);
    let action = either([stored_as(["apply", "discard"]), of("convert_to", fact(kind).says("what it counts as"))]);
    let decision = closed([("action", action), ("reason", text()), ("actor", text()), ("at", time())]);
    let overridden = closed([("step", uuid()), ("decision", decision)]);
    rows(kind, [
        ("StepParked",      "A step cannot count yet: it waits for another one.",                            recorded(fact(kind), parked())),
        ("StepRefused",     "A step does not count, and no missing step can make it count.",                 recorded(fact(kind), refused())),
        ("OutcomeRevised",  "A step is judged otherwise than before: by a later step, a deadline, a person.", of("OutcomeRevised", revised)),
        ("DeadlinePassed",  "What a step waited for has not come in time.",                                  of("DeadlinePassed", passed)),
        ("OverrideApplied", "A person decided what becomes of a step.",                                      of("Overridden", overridden)),
    ])
}
