//! Who is notified, and of what not yet.

use super::{
    commands::actor,
    schema::{
        Named, Schema, boolean, closed, count, list, one_of, position, refer, text, time, uuid,
    },
};
use crate::app::sending::steer::STATUSES;

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Endpoint", endpoint()),
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
        ("events", list(text()).says("which it takes; none: all")),
        ("signature", one_of(["standard-webhooks", "timestamp-payload"])),
        ("envelope", one_of(["native", "cloudevents"])),
        ("secret_ids", list(text())),
        ("secret_fields", list(text()).says("fields with secrets that it may have")),
        ("paused", refer("EndpointPause").or_null()),
        ("breaker", one_of(["closed", "half_open", "open"]).says("on this instance")),
        ("sources", list(refer("EndpointLag"))),
    ])
    .says("Who is notified.")
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
            time().or_null().or_absent().says("what was recorded since; what is parked, if absent"),
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
        ("selected", count().says("how many: of what is parked the aggregates")),
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
    .says("A notification to be skipped, at which its aggregate is parked.")
}
