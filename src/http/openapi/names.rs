//! Closed sets of names, from the code that defines them.

use creditrail_domain::{
    AggregateType, Flag, OverrideAction, Refusal, application, charge, customer_link,
    exception::UnreadableKind, payment_method, transaction,
};
use creditrail_projections::{
    actions, applications, customers, exceptions, findings, identifiers, payment_methods,
    statistics::What, steps, transactions,
};

use super::schema::{Named, Schema, one_of};
use crate::{
    app::{
        lists::List,
        read::{LINKED_BY_ORDER, OUTCOMES, UNKNOWN_PAYMENT_METHOD},
        receive::ReceiveError,
        sending::gone,
    },
    sources::signature::Rejection,
};

#[rustfmt::skip] // It is a table.
pub(super) fn all() -> Vec<Named> {
    let outcomes = one_of(OUTCOMES);
    let step_outcomes = one_of(OUTCOMES.into_iter().filter(|outcome| !UNREADABLE.contains(outcome)));
    let flags = || Flag::ALL.iter().map(|flag| flag.code());
    let refusals = || Refusal::ALL.iter().map(|refusal| refusal.code());
    vec![
        ("Outcome", outcomes.says("What became of a delivery.")),
        ("StepOutcome", step_outcomes.says("What became of a step.")),
        ("StepKind", one_of(step_kinds()).says("What a step says, of all kinds of thing.")),
        ("AwaitedStep", one_of(step_kinds().chain([payment_method::CREATION])).says("What a parked step waits for.")),
        ("DeliveryKind", one_of(step_kinds().chain(UNREADABLE)).says("What a delivery says, or why it could not be read.")),
        ("RefusalCode", one_of(refusals()).says("Why a step does not count; see docs/codes.md.")),
        ("FlagCode", one_of(flags()).says("What is odd about a step that counts; see docs/codes.md.")),
        ("TransactionFlag", one_of(flags().chain([UNKNOWN_PAYMENT_METHOD])).says("A flag of a transaction.")),
        ("ExceptionCode", one_of(refusals().chain(flags()).chain(UNREADABLE).chain([customers::IDENTITY_CONFLICT, gone::CODE])).says("What makes it an exception; see docs/codes.md.")),
        ("RevisionCauseKind", one_of(steps::CAUSES)),
        ("ExceptionKind", one_of(exceptions::KINDS.into_iter().chain([gone::KIND]))),
        ("ExceptionStatus", filter(List::Exceptions, "status")),
        ("Severity", filter(List::Exceptions, "severity").says("`high`: money or identity may be wrong. `review`: somebody should look. `info`: nothing to do.")),
        ("ResolvedAs", one_of(OverrideAction::NAMES.into_iter().chain([exceptions::REDRIVEN])).says("How an exception was resolved; `redriven`: its delivery was read again.")),
        ("ResolutionAction", one_of(OverrideAction::NAMES).says("What a person decides about an exception.")),
        ("TransactionStatus", filter(List::Transactions, "status")),
        ("RefundStatus", one_of(transactions::REFUND_STATUSES).says("How much of the captures is refunded.")),
        ("CardStatus", filter(List::PaymentMethods, "status")),
        ("ReportedCardStatus", one_of(payment_method::Status::ALL.map(payment_method::Status::name))),
        ("CardSubstate", one_of(payment_method::State::SUBSTATES).says("Why a card is inactive.")),
        ("Confidence", one_of(payment_methods::CONFIDENCES).says("How sure it is that one card replaces another.")),
        ("ApplicationStatus", filter(List::Applications, "status").says("Of all kinds of lender.")),
        ("Decision", one_of(applications::DECISIONS).says("What the lender decided.")),
        ("Provisional", one_of(application::ApplicationState::PROVISIONAL).says("What the customer may be shown before a decision; never a ground for fulfilment.")),
        ("ReasonClass", one_of(application::onboarding::Class::ALL.map(application::onboarding::Class::name)).says("What kind of ground a reason is.")),
        ("SigningStatus", one_of(applications::SIGNING_STATUSES)),
        ("LenderStatus", one_of(application::lenders::Status::ALL.map(application::lenders::Status::name))),
        ("ChargeStatus", filter(List::Charges, "status")),
        ("OperationKind", one_of(charge::OperationKind::ALL.map(charge::OperationKind::name))),
        ("OperationState", one_of(charge::OperationState::ALL.map(charge::OperationState::name))),
        ("LinkedBy", one_of(linked_by()).says("How it is known to which application a charge belongs.")),
        ("IdentityKind", one_of(["customer_id", "partner_customer_id"])),
        ("Strength", one_of(customers::STRENGTHS).says("How sure it is that two ids are of one customer.")),
        ("Actor", one_of(steps::ACTORS).says("Who brought a step.")),
        ("ActionKind", filter(List::Actions, "kind")),
        ("ActionOwner", filter(List::Actions, "owner").says("Whose turn it is.")),
        ("ActionStatus", one_of(actions::STATUSES)),
        ("ComplianceKind", filter(List::Compliance, "kind")),
        ("ComplianceStatus", filter(List::Compliance, "status").says("`past`: it has run out, and nobody says that it was done.")),
        ("FindingCode", one_of(findings::codes("stale").into_iter().chain(findings::codes("discrepancies")))),
        ("SubjectType", one_of(AggregateType::ALL.map(AggregateType::name).into_iter().chain(["delivery", "customer", gone::KIND])).says("What something is about.")),
        ("SearchHitType", one_of(identifiers::SUBJECTS.into_iter().chain(["delivery", "exception"]))),
        ("UnreadableKind", one_of(UNREADABLE).says("Why a delivery could not be read.")),
        ("StatisticKind", one_of(What::ALL.map(What::name)).says("What is counted.")),
        ("Act", filter(List::AccessRecords, "act").says("What somebody did.")),
        ("RejectionCause", one_of(rejections()).says("Why a call was turned away.")),
    ]
}

const UNREADABLE: [&str; 2] =
    [UnreadableKind::Malformed.name(), UnreadableKind::Unrecognised.name()];

/// The values of a filter that has few.
fn filter(list: List, name: &str) -> Schema {
    one_of(list.values(name).unwrap_or_default())
}

fn step_kinds() -> impl Iterator<Item = &'static str> {
    let transactions = transaction::Kind::ALL.map(transaction::Kind::name).into_iter();
    let cards = payment_method::Status::ALL.map(payment_method::Status::name);
    let links = customer_link::Change::ALL.map(customer_link::Change::name);
    let decisions = application::decisions::Kind::ALL.map(application::decisions::Kind::name);
    let onboarding = application::onboarding::Kind::ALL.map(application::onboarding::Kind::name);
    let lenders = application::lenders::Kind::ALL.map(application::lenders::Kind::name);
    let charges = charge::Kind::ALL.map(charge::Kind::name);
    transactions
        .chain(cards)
        .chain([payment_method::ATTRIBUTES])
        .chain(links)
        .chain(decisions)
        .chain(onboarding)
        .chain(lenders)
        .chain([application::CLOSE_ACTION, application::SEND_NOTICE])
        .chain(charges)
}

/// What is stored, and what is told when it is read.
fn linked_by() -> impl Iterator<Item = &'static str> {
    charge::LinkedBy::ALL.map(charge::LinkedBy::name).into_iter().chain([LINKED_BY_ORDER])
}

fn rejections() -> impl Iterator<Item = &'static str> {
    let unread = [ReceiveError::BodyTooLarge, ReceiveError::ContentEncoding];
    Rejection::ALL.map(Rejection::code).into_iter().chain(unread.map(|error| error.code()))
}
