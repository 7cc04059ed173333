//! Which events of a log an endpoint is told of. Its settings change, and what it was told of before
//! does not: so a notification is made of the same bytes whenever it is sent again.

use creditrail_sending::events::Taken;
use serde::{Deserialize, Serialize};

use super::endpoint::is_told;

/// Which events an endpoint takes, by stretches of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches(Vec<(Stretch, Taken)>);

/// From some position on it took these events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    /// Behind it.
    after: i64,
    events: Vec<String>,
}

impl Stretches {
    /// As they are kept.
    pub(super) fn of(document: &str) -> serde_json::Result<Self> {
        let kept: Vec<Stretch> = serde_json::from_str(document)?;
        let told = |stretch: Stretch| {
            let taken = Taken::of(&stretch.events);
            (stretch, taken)
        };
        Ok(Self(kept.into_iter().map(told).collect()))
    }

    /// As they are kept.
    pub(super) fn document(&self) -> serde_json::Value {
        self.0.iter().map(|(stretch, _)| serde_json::json!(stretch)).collect()
    }

    /// Has these events taken behind a position. Whether that is a change.
    pub(super) fn change(&mut self, after: i64, events: &[String]) -> bool {
        if self.0.last().is_some_and(|(last, _)| last.events == events) {
            return false;
        }
        self.0.retain(|(stretch, _)| stretch.after < after);
        self.0.push((Stretch { after, events: events.to_vec() }, Taken::of(events)));
        true
    }

    /// Whether the endpoint is told of an event at a position.
    pub(super) fn take(&self, position: i64, aggregate_type: &str, event_type: &str) -> bool {
        let of = self.0.iter().rev().find(|(stretch, _)| stretch.after < position);
        is_told(aggregate_type)
            && of.is_some_and(|(_, taken)| taken.takes(aggregate_type, event_type))
    }

    /// The parts of a stretch of the log in each of which the same events are taken: behind the first
    /// position, no farther than the second.
    pub(super) fn parts(&self, (after, up_to): (i64, i64)) -> impl Iterator<Item = (i64, i64)> {
        let ends = self.0.iter().skip(1).map(|(stretch, _)| stretch.after).chain([i64::MAX]);
        let begins = self.0.iter().map(|(stretch, _)| stretch.after);
        let parts = begins.zip(ends).map(move |(from, to)| (from.max(after), to.min(up_to)));
        parts.filter(|(from, to)| from < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_was_taken_stays_so_when_the_settings_change() {
        let mut stretches = Stretches::default();
        assert!(stretches.change(10, &names(&["transaction.Captured"])));
        assert!(!stretches.change(12, &names(&["transaction.Captured"])));
        assert!(stretches.change(20, &[]));
        let kept = stretches.document().to_string();
        let stretches = Stretches::of(&kept).expect("as it was kept");
        let takes = |position, event| stretches.take(position, "transaction", event);
        assert!(!takes(10, "Captured") && takes(11, "Captured") && takes(20, "Captured"));
        assert!(!takes(20, "Voided") && takes(21, "Voided"));
        assert!(!stretches.take(21, "secret", "SecretRevealed"));
        let parts = |within| stretches.parts(within).collect::<Vec<_>>();
        assert_eq!(parts((0, 30)), [(10, 20), (20, 30)]);
        assert_eq!(parts((12, 15)), [(12, 15)]);
        assert_eq!(parts((0, 10)), []);
    }
}
