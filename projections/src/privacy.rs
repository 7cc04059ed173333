//! What was done about the personal data of people: held, released, erased.

use creditrail_domain::{
    Policies,
    privacy::{PrivacyEvent, Said},
};
use serde_json::{Value, json};

use crate::{
    History, Stream,
    row::{Cell, Change, ReadModel, Table, Write},
};

/// One row for each person about whose data something was done.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table { name: "privacy", columns: &["first_position", "status", "document"] };

/// The status while nothing may be erased.
pub const HELD: &str = "held";
/// The status once it was erased, unless something came later.
pub const ERASED: &str = "erased";
/// The status once a hold was released.
pub const RELEASED: &str = "released";

fn project(stream: &Stream, _: &Policies) -> Vec<Change> {
    let History::Privacy(moments) = &stream.history else { return Vec::new() };
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return Vec::new() };
    let newest = |is: fn(&PrivacyEvent) -> bool| {
        let found = moments.iter().rev().find(|moment| is(&moment.what));
        found.map(|moment| told(moment.what.said(), moment.position))
    };
    let is_hold = |event: &PrivacyEvent| !matches!(event, PrivacyEvent::PersonalDataErased(_));
    let decision = moments.iter().rev().find(|moment| is_hold(&moment.what));
    let hold = decision.filter(|moment| matches!(moment.what, PrivacyEvent::HoldPlaced(_)));
    let erased = newest(|event| matches!(event, PrivacyEvent::PersonalDataErased(_)));
    let status = match (&hold, &erased) {
        (Some(_), _) => HELD,
        (None, Some(_)) => ERASED,
        (None, None) => RELEASED,
    };
    let document = json!({
        "subject": stream.id.id,
        "source": stream.source,
        "status": status,
        "legal_hold": hold.map(|moment| told(moment.what.said(), moment.position)),
        "erased": erased,
    });
    vec![Change {
        key: stream.id.id.clone(),
        write: Write::Replace,
        position: last.position,
        cells: vec![first.position.into(), status.into(), Cell::document(&document)],
    }]
}

fn told(said: &Said, position: i64) -> Value {
    json!({ "at": said.at, "actor": said.actor, "reason": said.reason, "position": position })
}
