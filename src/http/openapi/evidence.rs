//! Evidence: deliveries, the log, sources, what was turned away, and the search.

use super::schema::{
    Named, Schema, boolean, closed, count, day, integer, is, list, map, open, position, refer,
    text, time, uuid,
};
use crate::app::read::OUTCOMES;

pub(super) fn all() -> Vec<Named> {
    let whole = [
        (
            "headers",
            map(text()).or_null().says("credentials are masked; null once they were erased"),
        ),
        (
            "body",
            text().or_null().says(
                "references in the place of secrets, card numbers masked; null once it was erased",
            ),
        ),
        ("erased_at", time().or_null().says("when headers and body were erased")),
        ("redriven", refer("Redriven").or_null().or_absent().says("who redrove it")),
    ];
    vec![
        ("DeliverySummary", closed(of_delivery()).says("A delivery, without headers and body.")),
        ("Delivery", closed(of_delivery().into_iter().chain(whole)).says("A delivery.")),
        ("Redriven", redriven()),
        ("Event", event()),
        ("Source", source()),
        ("OutcomeCounts", closed(OUTCOMES.map(|outcome| (outcome, count())))),
        ("ReadModels", read_models()),
        ("RejectedCall", rejected_call()),
        ("SearchHit", search_hit()),
        ("Statistics", statistics()),
        ("Statistic", statistic()),
        ("AccessRecord", access_record()),
        ("ProofStatus", proof_status()),
        ("Ready", closed([("ready", is(true))])),
        ("Unready", closed([("ready", is(false)), ("because", list(text()))])),
    ]
}

fn of_delivery() -> Vec<Named> {
    vec![
        ("source", text()),
        ("delivery_id", uuid()),
        ("number", count().says("the order of arrival within the source, from 1")),
        ("received_at", time()),
        ("last_received_at", time()),
        ("repeats", count().says("how often it was received again")),
        ("secret_id", text().says("the secret that verified it")),
        ("position", position().says("of the last event that it caused")),
        ("outcome_on_arrival", refer("Outcome")),
        ("redriven_as", uuid().or_null().says("the step that it says since it was redriven")),
        ("outcome", refer("Outcome").says("as of now")),
        ("reason", refer("RefusalCode").or_null()),
        ("flags", list(refer("FlagCode")).or_null()),
        ("message", text().or_null()),
        ("kind", refer("DeliveryKind").or_null()),
        ("subject", refer("Subject")),
        ("occurred_at", time().or_null()),
        ("customer_id", text().or_null()),
    ]
}

fn redriven() -> Schema {
    closed([
        ("step_id", uuid()),
        ("at", time()),
        ("actor", text()),
        ("reason", text()),
        ("position", position()),
    ])
    .says("Who redrove a delivery, when and why.")
}

fn statistics() -> Schema {
    closed([
        ("from", day().says("the first day, in UTC")),
        ("to", day().says("the last day; it is in it")),
        ("items", list(refer("Statistic"))),
    ])
}

fn statistic() -> Schema {
    closed([
        ("source", text()),
        ("what", refer("StatisticKind")),
        ("period", day().says("the day, or the Monday of the week, in UTC")),
        ("label", text().says("an outcome, a lag, a state and an end, a code")),
        ("count", integer().within(1, i64::MAX)),
    ])
    .says("A number of a day or a week. One that is 0 is absent.")
}

fn access_record() -> Schema {
    closed([
        ("source", text().says("`_access` for what belongs to none")),
        ("position", position()),
        ("at", time()),
        ("act", refer("Act")),
        ("actor", text()),
        ("what", text()),
        ("reason", text().says("empty if none was given")),
        ("subject", refer("Subject").or_null()),
    ])
    .says("Who did what, when and why.")
}

fn event() -> Schema {
    closed([
        ("position", position()),
        ("aggregate_type", text().says("one of creditrail's, or of the partner's own commands")),
        ("aggregate_id", text().says("`source/external-id`")),
        ("sequence", count().says("the place in the stream, from 1")),
        ("event_type", text()),
        ("event_version", text()),
        ("payload", open().says("the event as it is stored")),
        ("metadata", open()),
        ("occurred_at", time()),
        ("recorded_at", time()),
    ])
    .says("An event of the log.")
}

fn source() -> Schema {
    closed([
        ("source", text()),
        ("position", position().says("of the newest event; 0 if there is none")),
        ("received", count().says("authentic deliveries, repetitions included")),
        ("kept", count().says("distinct deliveries")),
        ("outcomes", refer("OutcomeCounts")),
        ("balanced", boolean().says("whether the outcomes add up to what was received")),
        ("open_exceptions", open_exceptions()),
        ("last_received_at", time().or_null()),
        ("read_models", refer("ReadModels")),
        ("rejected_calls", map(count()).says("calls turned away since the start, by cause")),
    ])
    .says("What a source received and what became of it.")
}

fn open_exceptions() -> Schema {
    let severities = creditrail_projections::exceptions::SEVERITIES;
    closed(severities.map(|severity| (severity, count().or_absent())))
}

fn read_models() -> Schema {
    closed([
        ("position", position().says("that all readers have passed")),
        ("behind", count().says("events that the slowest reader has not passed")),
        ("stopped", map(text()).says("readers that stopped, and where")),
    ])
}

fn rejected_call() -> Schema {
    closed([
        ("source", text()),
        ("number", count()),
        ("received_at", time()),
        ("cause", refer("RejectionCause")),
        ("headers", map(text()).says("credentials are masked")),
        ("body_bytes", count().or_null().says("null if the body was not kept")),
        (
            "verifiable",
            boolean().says("whether all of it is kept, so that it can be verified again"),
        ),
    ])
    .says("A call that was turned away. Its body is sealed and not shown.")
}

fn search_hit() -> Schema {
    closed([
        ("type", refer("SearchHitType")),
        ("source", text()),
        ("id", text()),
        ("matched", text().says("what was searched for")),
    ])
    .says("What an id leads to.")
}

fn proof_status() -> Schema {
    let signed = closed([
        ("size", count().says("how many events it is about")),
        ("signed_at", time()),
        ("note", text().says("the signed note: C2SP tlog-checkpoint")),
    ]);
    let sink = closed([
        ("name", text()),
        (
            "size",
            count().or_null().says("how many events the newest checkpoint is about that it took"),
        ),
        ("taken_at", time().or_null()),
        ("error", text().or_null().says("why it did not take the newest one")),
    ]);
    closed([
        ("log", text().says("a source, or `_access`")),
        ("in_settings", boolean().says("if not, nobody takes anything in for it, or signs it")),
        ("events", count()),
        ("hashed", count().says("how many of them the tree is over")),
        ("key", text().or_null().says("the key that verifies what is signed")),
        ("checkpoint", signed.or_null().says("the newest")),
        ("sinks", list(sink).says("who takes checkpoints outside the database")),
        ("state", text().says("`green`, or `red` with the reasons")),
        ("failed", boolean().says("whether the log was changed, or contradicts what was signed")),
        ("reasons", list(text())),
    ])
    .says("How far a log is proven: hashed, signed, and taken outside the database.")
}
