//! What is done over again, or looked at before it is done: redriving, verifying, previews.

use super::{
    commands::actor,
    schema::{
        Named, Schema, boolean, closed, count, few, integer, list, map, one_of, open, position,
        refer, text, time, uuid,
    },
};
use crate::app::{
    again::{MOST_NAMED, MOST_TOLD},
    read::OUTCOMES,
    redrive,
    things::Thing,
    verify,
};

pub(super) fn all() -> Vec<Named> {
    let results = OUTCOMES.into_iter().chain(redrive::RESULTS);
    vec![
        ("PreviewException", preview_exception()),
        ("Preview", preview()),
        (
            "PreviewedThing",
            closed([
                ("type", one_of(Thing::ALL.map(Thing::name)).says("its part of a path")),
                ("id", text()),
            ]),
        ),
        ("RevisedStep", revised_step()),
        ("RedriveDeliveries", redrive_deliveries()),
        ("RedriveReport", redrive_report()),
        ("RedrivenDelivery", redriven_delivery()),
        ("RedriveResult", one_of(results).says("An outcome, or why nothing was to be redriven.")),
        ("VerifyCalls", verify_calls()),
        ("VerifyReport", verify_report()),
        ("VerifiedCall", verified_call()),
        ("VerifyResult", one_of(verify::RESULTS).says("What a call was found to be.")),
    ]
}

fn preview_exception() -> Schema {
    closed([
        ("action", refer("ResolutionAction")),
        ("convert_to", refer("StepKind").or_null().or_absent()),
        ("reason", text().or_absent().says("why; no card number")),
        actor("operator"),
        ("as_of", count().or_null().or_absent().says("of no effect here")),
    ])
    .says("A decision about an exception, as it would be made.")
}

fn preview() -> Schema {
    closed([
        ("exception_id", text()),
        ("source", text()),
        ("only_closes", boolean().says("whether nothing follows but that it is closed")),
        ("thing", refer("PreviewedThing").or_null()),
        ("before", open().or_null().says("the document of `thing` as it is")),
        ("after", open().or_null().says("the same as it would be; null if nothing would be known")),
        ("changes", list(refer("FieldChange"))),
        ("revised", list(refer("RevisedStep"))),
        ("as_of", refer("Point")),
    ])
    .says("What resolving an exception would lead to. Nothing is written.")
}

fn revised_step() -> Schema {
    closed([
        ("step", uuid()),
        ("kind", refer("StepKind").or_null().says("what it is taken to say then")),
        ("from", refer("Verdict")),
        ("to", refer("Verdict")),
    ])
    .says("A step that would be judged otherwise.")
}

/// What both requests have.
fn asked(whom: Named) -> [Named; 6] {
    [
        ("source", text().not_empty()),
        whom,
        ("since", time().or_null().or_absent().says("those that were received then or later")),
        ("dry_run", boolean().or_absent().says("nothing is done; so it is, if absent")),
        ("reason", text().or_absent().says("required unless it is a dry run; no card number")),
        actor("operator"),
    ]
}

fn redrive_deliveries() -> Schema {
    let ids = few(MOST_NAMED, text()).or_null().or_absent();
    let unreadable = refer("UnreadableKind").or_null().or_absent();
    let own = [
        ("outcome", unreadable.says("those that are so; both, if absent")),
        ("after", count().or_null().or_absent().says("`next` of the answer before")),
    ];
    let ids = ("delivery_ids", ids.says("these; all that cannot be read, if absent"));
    closed(asked(ids).into_iter().chain(own))
        .says("Deliveries that could not be read are to be read again.")
}

fn redrive_report() -> Schema {
    closed([
        ("source", text()),
        ("dry_run", boolean()),
        ("selected", count().says("asked for, those beyond this answer included")),
        ("results", map(count()).says("how many have become what: by `RedriveResult`")),
        ("items", few(MOST_TOLD, refer("RedrivenDelivery")).says("the first of them")),
        ("position", position().or_null().says("of the last event that was recorded")),
        ("next", count().or_null().says("`after` of the call that goes on")),
    ])
    .says("What became of deliveries that were redriven, or would.")
}

fn redriven_delivery() -> Schema {
    closed([
        ("delivery_id", text()),
        ("received_at", time().or_null()),
        ("was", refer("Outcome").or_null().says("on arrival")),
        ("outcome", refer("RedriveResult")),
        ("step_id", uuid().or_null().says("the step that it says")),
        ("kind", refer("StepKind").or_null()),
        ("subject", refer("Subject").or_null()),
        ("field", text().or_null().says("at fault, if it still cannot be read")),
        ("cause", text().or_null()),
        ("position", position().or_null().says("of the last event that it caused")),
    ])
}

fn verify_calls() -> Schema {
    let numbers = few(MOST_NAMED, integer()).or_null().or_absent();
    closed(asked(("numbers", numbers.says("these; all, if absent"))))
        .says("Calls that were turned away are to be verified again.")
}

fn verify_report() -> Schema {
    closed([
        ("source", text()),
        ("dry_run", boolean()),
        ("selected", count()),
        ("results", map(count()).says("how many were found to be what: by `VerifyResult`")),
        ("outcomes", map(count()).says("what became of those that were taken in: by `Outcome`")),
        ("items", few(MOST_TOLD, refer("VerifiedCall")).says("the first of them")),
        ("position", position().or_null().says("of the last event that was recorded")),
    ])
    .says("What calls were found to be.")
}

fn verified_call() -> Schema {
    closed([
        ("number", integer()),
        ("received_at", time().or_null()),
        ("cause", refer("RejectionCause").or_null().says("why it was turned away")),
        ("result", refer("VerifyResult")),
        ("because", text().or_null().says("why it is not authentic, or cannot be verified")),
        ("delivery_id", uuid().or_null()),
        ("outcome", refer("Outcome").or_null()),
        ("position", position().or_null().says("of the last event that it caused")),
    ])
}
