//! Work lists: actions, findings, exceptions.

use super::schema::{
    Named, Schema, closed, currency, day, integer, list, minor, position, refer, text, time, uuid,
};

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Action", action()),
        ("ComplianceClock", clock()),
        ("Finding", finding()),
        ("Exception", exception()),
        (
            "PossibleAction",
            closed([
                ("action", refer("ResolutionAction")),
                ("convert_to", list(refer("StepKind")).says("of `convert`; else empty")),
            ]),
        ),
        (
            "Stream",
            closed([("type", refer("SubjectType")), ("id", text())])
                .says("Where it stands in the log."),
        ),
    ]
}

fn action() -> Schema {
    closed([
        ("id", uuid()),
        ("source", text()),
        ("kind", refer("ActionKind")),
        ("owner", refer("ActionOwner")),
        ("status", refer("ActionStatus")),
        ("message", text().says("what to do, in a sentence")),
        ("subject", refer("Subject")),
        ("lender_id", text().or_null()),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("reason", text().or_null().says("the lender's word")),
        (
            "customer_action",
            text().or_null().says("what the customer can do, in the lender's words"),
        ),
        ("secret_ref", uuid().or_null().says("leads to the secret that it takes")),
        ("opened_at", time()),
        ("opened_by", uuid().says("the step that asked for it")),
        ("due_at", time().or_null().says("by when it should be done; nothing happens then")),
        ("from", day().or_null().says("the first day on which it is possible, in UTC")),
        ("closed_at", time().or_null()),
        ("closed_by", uuid().or_null().says("the step that closed it")),
    ])
    .says("What somebody has to do.")
}

fn clock() -> Schema {
    closed([
        ("id", uuid()),
        ("source", text()),
        ("kind", refer("ComplianceKind")),
        ("status", refer("ComplianceStatus")),
        ("message", text().says("what it says, in a sentence")),
        ("basis", text().says("where it comes from: a regulation, or the lender's policy")),
        ("subject", refer("Subject")),
        ("stream", text().says("the stream of the application in the log")),
        ("lender_id", text().or_null().says("of an application that was offered to several")),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("starts_at", time().says("when the step happened from which it counts")),
        ("started_by", uuid().says("that step")),
        ("due_at", time()),
        (
            "due_within_days",
            integer()
                .or_null()
                .says("of a notice that nobody has answered: 10, 5, 1; 0 once it is overdue"),
        ),
        ("ended_at", time().or_null()),
        ("ended_by", uuid().or_null().says("the step that ended it")),
        ("actor", text().or_null().says("who says that the notice was sent")),
        ("reason", text().or_null().says("how it is known")),
    ])
    .says("What the law or the lender's policy counts from a decision; see docs/compliance.md.")
}

fn finding() -> Schema {
    closed([
        ("id", uuid()),
        ("source", text()),
        ("code", refer("FindingCode")),
        ("class", refer("FindingCode").says("the same as `code`")),
        ("application_id", text().or_null().or_absent()),
        ("payment_method_id", text().or_absent().says("of a card without a decision")),
        ("subject", refer("Subject")),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null().or_absent()),
        ("since", time().says("when the step happened that it is about")),
        ("found_at", time().or_absent()),
        ("message", text()),
        ("suggestion", text()),
        ("delivery_id", uuid().or_absent()),
    ])
    .says("What has been silent for long, or does not fit together.")
}

fn exception() -> Schema {
    closed([
        ("id", uuid()),
        ("source", text().says("`_sending` for what belongs to none")),
        ("code", refer("ExceptionCode")),
        ("codes", list(refer("ExceptionCode"))),
        ("kind", refer("ExceptionKind")),
        ("severity", refer("Severity")),
        ("status", refer("ExceptionStatus")),
        ("subject", refer("Subject")),
        ("message", text()),
        ("state", text().or_null().says("the state in which it was asked")),
        ("asked", refer("StepKind").or_null()),
        ("legal", list(refer("StepKind")).says("what would have been in order")),
        ("waits_for", refer("AwaitedStep").or_null()),
        ("amount_at_stake", minor("what it is about").or_null()),
        ("currency", currency().or_null()),
        ("delivery_id", uuid().or_null()),
        ("received_at", time().or_null()),
        ("resolution", refer("Resolution").or_null()),
        ("history", list(refer("Judgement"))),
        ("stream", refer("Stream").or_absent().says("of a step")),
        (
            "field",
            text().or_absent().says("of a delivery that could not be read: what was at fault"),
        ),
        ("position", position().or_absent().says("of a conflict")),
        (
            "possible",
            list(refer("PossibleAction"))
                .or_absent()
                .says("what a person can do about it; empty once it is resolved; absent in lists"),
        ),
    ])
    .says("What a person should look at.")
}
