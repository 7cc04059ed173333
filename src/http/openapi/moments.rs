//! What was known when, and what differs.

use super::schema::{Named, Schema, any, closed, list, position, refer, text, time, uuid};

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Point", point()),
        ("Moment", moment()),
        ("Changes", changes()),
        ("FieldChange", field_change()),
    ]
}

/// On a document: as of which moment it is, if the past was asked for.
pub(super) fn as_of() -> Named {
    ("as_of", refer("Point").or_absent())
}

/// On a document: by when what is in it had happened, if that was asked for.
pub(super) fn happened_by() -> Named {
    ("happened_by", time().or_absent().says("only what had happened by then is in it"))
}

fn point() -> Schema {
    closed([
        ("position", position().says("of the newest event that was known; 0 before the first")),
        ("recorded_at", time().or_null().says("when that event was recorded")),
    ])
    .says("A place in the log of a source.")
}

fn moment() -> Schema {
    closed([
        ("position", position()),
        ("recorded_at", time()),
        ("what", text().says("what happened, in a short sentence")),
        ("step", uuid().says("the step that it is about")),
        ("subject", refer("Subject")),
    ])
    .says("A moment at which a thing changed.")
}

fn changes() -> Schema {
    closed([
        ("from", refer("Point")),
        ("to", refer("Point")),
        happened_by(),
        ("changes", list(refer("FieldChange"))),
    ])
    .says("What differs between two moments.")
}

fn field_change() -> Schema {
    let path = "its path; an element of a list stands under what identifies it: `steps[ID]`; empty \
        if it is the whole thing";
    closed([
        ("field", text().says(path)),
        ("before", any().says("null if it was not there")),
        ("after", any().says("null if it is not there any more")),
    ])
}
