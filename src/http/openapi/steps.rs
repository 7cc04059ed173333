//! Steps, and how they were judged: what every thing has.

use super::schema::{
    Named, Schema, closed, count, currency, is, list, map, minor, position, refer, text, time,
    told_apart_by, uuid,
};

pub(super) fn all() -> Vec<Named> {
    let timeline = of_step(true).into_iter().chain(of_timeline());
    let history = [
        ("recorded", "StepRecorded"),
        ("revised", "StepRevised"),
        ("deadline_passed", "StepOverdue"),
        ("overridden", "StepOverridden"),
    ];
    vec![
        ("Step", closed(of_step(false)).says("A step of a thing, with its outcome as of now.")),
        ("TimelineEntry", closed(timeline).says("A step with what it is about; or a delivery that could not be read, which has no `key` and no amount.")),
        ("Subject", closed([("type", refer("SubjectType")), ("id", text())]).says("What something is about.")),
        ("Resolution", resolution()),
        ("Judgement", told_apart_by("what", &history).says("What was decided about a step, and when.")),
        ("StepRecorded", closed(moment("recorded").chain([("to", refer("Verdict"))]))),
        ("StepRevised", closed(moment("revised").chain([
            ("from", refer("Verdict")),
            ("to", refer("Verdict")),
            ("cause", refer("RevisionCause")),
        ]))),
        ("StepOverdue", closed(moment("deadline_passed"))),
        ("StepOverridden", closed(moment("overridden").chain([("resolution", refer("Resolution"))]))),
        ("Verdict", closed([
            ("outcome", refer("StepOutcome")),
            ("reason", refer("RefusalCode").or_null()),
            ("flags", list(refer("FlagCode"))),
        ])),
        ("RevisionCause", closed([
            ("what", refer("RevisionCauseKind")),
            ("id", uuid().says("the step")),
        ])),
    ]
}

/// The fields of a step; where a delivery that could not be read stands among steps, it lacks some.
fn of_step(is_among_deliveries: bool) -> Vec<Named> {
    let lacked = |field: Schema| if is_among_deliveries { field.or_absent() } else { field };
    let (kind, outcome) = if is_among_deliveries {
        (refer("DeliveryKind"), refer("Outcome"))
    } else {
        (refer("StepKind"), refer("StepOutcome"))
    };
    vec![
        ("id", uuid().says("that of the delivery, where one brought it")),
        ("key", lacked(text().says("the lender's own id of the step, where it has one"))),
        ("kind", kind),
        ("amount", lacked(minor("what the step says").or_null())),
        ("currency", lacked(currency().or_null())),
        ("occurred_at", time().says("when it happened, by the lender's clock")),
        ("received_at", time()),
        ("outcome", outcome),
        ("reason", lacked(refer("RefusalCode").or_null().says("why it is refused"))),
        ("waits_for", lacked(refer("AwaitedStep").or_null().says("for what it is parked"))),
        ("flags", list(refer("FlagCode"))),
        ("details", map(text()).or_absent().says("what tells it from another of its kind")),
        ("message", text().or_null().says("what became of it, in a sentence")),
        ("actor", refer("Actor")),
        ("position", position().says("of the event that recorded it: the order of arrival")),
    ]
}

fn of_timeline() -> Vec<Named> {
    let history = list(refer("Judgement")).says("if it was judged more than once");
    vec![
        ("source", text()),
        ("subject", refer("Subject")),
        ("customer_id", text().or_null().or_absent()),
        ("partner_customer_id", text().or_null().or_absent()),
        ("history", history.or_absent()),
    ]
}

fn resolution() -> Schema {
    closed([("action", refer("ResolvedAs")), ("reason", text()), ("actor", text()), ("at", time())])
        .says("A person's decision.")
}

fn moment(what: &'static str) -> impl Iterator<Item = Named> {
    [("position", count()), ("at", time()), ("what", is(what))].into_iter()
}
