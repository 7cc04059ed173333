//! Who is notified, and of what not yet.

use super::{
    commands::actor,
    schema::{
        Named, Schema, boolean, closed, count, either, integer, is, list, one_of, position, refer,
        text, time, uuid,
    },
};
use crate::app::sending::listed::STATUSES;

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Endpoint", endpoint()),
        ("UnusableEndpoint", unusable()),
        ("KnownEndpoint", either(["Endpoint", "UnusableEndpoint"].map(refer))),
        ("EndpointSecretTold", secret_told()),
        ("NewEndpoint", settings(text().says("1 to 63 of a-z, 0-9 and -"))),
        ("EndpointSettings", settings(text().or_absent().says("as in the path"))),
        ("EndpointSecret", secret()),
        ("EndpointCredential", credential()),
        ("DeletedEndpoint", closed([("name", text())])),
        ("EndpointPause", closed([("at", time()), ("actor", text()), ("reason", text())])),
        ("EndpointLag", lag()),
        ("SteerEndpoint", closed([("reason", text().says("why")), actor("operator")])),
        ("EndpointTest", test()),
        ("Notification", notification()),
        ("NotificationStatus", one_of(STATUSES).says("How a notification stands.")),
        ("NotificationAttempt", attempt()),
        (
            "NotificationSkip",
            closed([("at", time()), ("actor", text()), ("reason", text())]).says("Who decided."),
        ),
        ("Resend", resend()),
        ("Resent", resent()),
        ("Skip", skip()),
        ("Skipped", closed([("endpoint", text()), ("source", text()), ("position", position())])),
    ]
}

fn endpoint() -> Schema {
    closed([
        ("name", text()),
        ("host", text().says("of its URL, which may have a token")),
        ("configured_by", one_of(["settings", "http"]).says("the settings file, or an operator")),
        ("events", list(text()).says("which it takes; none: all")),
        ("of_sources", list(text()).says("of which it is told; none: of all")),
        ("secrets", list(refer("EndpointSecretTold"))),
        ("has_authorization", boolean().says("whether calls have an `Authorization` header")),
        ("signs", boolean().says("whether a secret holds now: without one nothing is sent")),
        ("signature", one_of(SIGNATURES)),
        ("envelope", one_of(ENVELOPES)),
        ("retries", one_of(RETRIES)),
        ("attempts", integer().within(1, 50)),
        ("retry_after_seconds", count()),
        ("timeout_seconds", integer().within(1, 120)),
        ("in_flight", integer().within(1, 1000).says("how many calls may be")),
        ("begins", one_of(BEGINS)),
        ("allow_loopback", boolean()),
        ("allowed_ranges", list(text())),
        ("secret_fields", list(text()).says("fields with secrets that it may have")),
        ("paused", refer("EndpointPause").or_null()),
        ("breaker", one_of(["closed", "half_open", "open"]).says("on this instance")),
        ("sources", list(refer("EndpointLag")).says("how far it is behind with each")),
    ])
    .says("Who is notified.")
}

fn unusable() -> Schema {
    closed([("name", text()), ("configured_by", is("http")), ("unusable", text().says("why"))])
        .says("An endpoint that was made over HTTP and cannot be told of anything, as it is kept.")
}

fn secret_told() -> Schema {
    closed([
        ("id", text()),
        ("not_before", time().or_null()),
        ("not_after", time().or_null()),
        ("holds", boolean().says("whether it signs now")),
    ])
    .says("What signs, without its value.")
}

const SIGNATURES: [&str; 2] = ["standard-webhooks", "timestamp-payload"];
const ENVELOPES: [&str; 2] = ["native", "cloudevents"];
const RETRIES: [&str; 2] = ["patient", "seed"];
const BEGINS: [&str; 2] = ["now", "at_the_beginning"];

/// What may be left out.
fn may(name: &'static str, schema: Schema) -> Named {
    (name, schema.or_absent())
}

fn settings(name: Schema) -> Schema {
    let number = |most| integer().within(1, most).or_absent();
    closed([
        ("name", name),
        ("url", text().says("`https`; it is never told again, but for its host")),
        may("events", list(text()).says("which it takes; all, if none")),
        may("sources", list(text()).says("of which it is told; of all, if none")),
        ("secrets", list(refer("EndpointSecret")).says("what signs; at least one")),
        may("authorization", refer("EndpointCredential").or_null()),
        may("signature", one_of(SIGNATURES)),
        may("envelope", one_of(ENVELOPES)),
        may("retries", one_of(RETRIES)),
        ("attempts", number(50)),
        may("retry_after_seconds", count()),
        ("timeout_seconds", number(120)),
        ("in_flight", number(1000)),
        may("begins", one_of(BEGINS).says("where a new one begins")),
        may("allow_loopback", boolean()),
        may("allowed_ranges", list(text())),
        may("secret_fields", list(text()).says("fields with secrets that it may have")),
        ("reason", text().says("why")),
        actor("operator"),
    ])
    .says("The settings of an endpoint, as in the settings file: docs/settings.md.")
}

fn secret() -> Schema {
    closed([
        ("id", text()),
        may("value", text().says("what is kept under this id, if absent")),
        may("not_before", time().or_null()),
        may("not_after", time().or_null()),
    ])
    .says("What signs. It is never told.")
}

fn credential() -> Schema {
    closed([may("value", text().says("what is kept, if absent"))])
        .says("The value of the `Authorization` header. It is never told.")
}

fn lag() -> Schema {
    closed([
        ("source", text()),
        ("position", count().says("up to where the log was gone through")),
        ("events_behind", count()),
        ("oldest_at", time().or_null().says("when the next one was recorded")),
        ("lanes_retrying", count().says("aggregates that wait for an attempt")),
        ("lanes_parked", count().says("aggregates that wait for a person")),
    ])
    .says("How far an endpoint is behind.")
}

fn test() -> Schema {
    closed([
        ("endpoint", text()),
        ("id", uuid()),
        ("is_taken", boolean()),
        ("status", count().or_null()),
        ("said", text().says("the first bytes of the answer, or what went wrong")),
        ("took_ms", count()),
    ])
    .says("What an endpoint answered to a test.")
}

fn notification() -> Schema {
    closed([
        ("source", text()),
        ("endpoint", text()),
        ("id", uuid().says("`webhook-id`")),
        ("type", text()),
        ("subject", closed([("type", text()), ("id", text())])),
        ("position", position()),
        ("sequence", count()),
        ("previous_sequence", count().or_null()),
        ("status", refer("NotificationStatus")),
        ("next_at", time().or_null().says("when it is tried again")),
        (
            "events_waiting",
            count().or_absent().says("how many events of the aggregate wait behind it"),
        ),
        ("attempts", list(refer("NotificationAttempt")).says("the newest 20, oldest first")),
        ("skipped", refer("NotificationSkip").or_absent()),
    ])
    .says("A notification that was not taken at once.")
}

fn attempt() -> Schema {
    closed([
        ("at", time()),
        ("attempt", count()),
        ("status", count().or_null().says("null without an answer")),
        ("said", text().says("the first bytes of the answer, or what went wrong")),
        ("took_ms", count()),
    ])
}

fn resend() -> Schema {
    closed([
        ("endpoint", text()),
        ("source", text()),
        ("type", text().or_null().or_absent().says("of one aggregate; with `id`")),
        ("id", text().or_null().or_absent()),
        (
            "since",
            time()
                .or_null()
                .or_absent()
                .says("what was recorded since; what was tried and not taken, if absent"),
        ),
        ("dry_run", boolean().or_absent().says("whether it is only counted")),
        ("reason", text().or_absent().says("why; required unless it is a dry run")),
        actor("operator"),
    ])
    .says("Notifications to be sent again.")
}

fn resent() -> Schema {
    closed([
        ("endpoint", text()),
        ("source", text()),
        ("dry_run", boolean()),
        (
            "selected",
            count().says("how many: notifications since a time, else aggregates that wait"),
        ),
    ])
}

fn skip() -> Schema {
    closed([
        ("endpoint", text()),
        ("source", text()),
        ("position", position().says("of the event")),
        ("reason", text().says("why")),
        actor("operator"),
    ])
    .says("A notification to be skipped, at which its aggregate waits.")
}
