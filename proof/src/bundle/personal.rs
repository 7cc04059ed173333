//! What the events of a bundle tell of personal data: legal holds, and erasure.

use serde::Deserialize;

use super::Bundle;
use crate::leaf::Entry;

/// With what an event of a person's data is marked.
const PRIVACY: &str = "privacy";

/// What was done about somebody's data, as the payload of an event has it.
#[derive(Deserialize)]
enum Told {
    HoldPlaced(Done),
    HoldReleased(Done),
    PersonalDataErased(Done),
}

/// Who did it, when and why; the ids of the keys that were destroyed.
#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    keys: Vec<String>,
    reason: String,
    actor: String,
    at: String,
}

/// A sentence about what was done, and the position of the event that proves it.
pub(super) struct Sentence {
    pub(super) position: i64,
    pub(super) text: String,
    keys: Vec<String>,
}

impl Sentence {
    /// All of a bundle, in the order of its events.
    pub(super) fn of(bundle: &Bundle<'_>) -> Vec<Self> {
        bundle.events.iter().filter_map(|proven| sentence(&proven.event)).collect()
    }

    /// Whether it destroyed a key.
    pub(super) fn destroyed(&self, key_id: &str) -> bool {
        self.keys.iter().any(|key| key == key_id)
    }
}

/// A payload that cannot be read is shown as it is, like any other.
fn sentence(event: &Entry<'_>) -> Option<Sentence> {
    if event.aggregate_type != PRIVACY {
        return None;
    }
    let (what, Done { keys, reason, actor, at }) =
        match serde_json::from_str(&event.payload).ok()? {
            Told::HoldPlaced(done) => ("A legal hold was placed", done),
            Told::HoldReleased(done) => ("The legal hold was released", done),
            Told::PersonalDataErased(done) => ("Erased", done),
        };
    let text = format!("{what} on {at} by {actor}: {reason}");
    Some(Sentence { position: event.position, text, keys })
}
