//! What the pass by position tells of streams and of deliveries: if all of it is in order, the passes over
//! these need not look at each row once more. Else they do, and tell what is wrong.

use std::collections::{BTreeSet, HashSet};

use super::{
    VerifyError,
    walk::{Hashed, Recorded},
};
use crate::store::Store;

/// How many keys are remembered before it begins anew.
const MAX_REMEMBERED: usize = 65_536;

/// How far everything is in order.
#[derive(Default)]
pub(super) struct Order {
    /// The number of the last event's row, as long as rows rise with positions.
    pub(super) row: Option<i64>,
    /// The last delivery, as long as each has the next number, is recorded by an event of its own, and
    /// names a key that has a row.
    pub(super) delivered: Option<Delivered>,
    /// Keys that have a row.
    keys: HashSet<String>,
}

/// Deliveries that are in order.
#[derive(Clone, Copy, Default)]
pub(super) struct Delivered {
    pub(super) number: i64,
    pub(super) position: i64,
    pub(super) received: i64,
}

impl Order {
    /// From the beginning of a log.
    pub(super) fn begun() -> Self {
        Self { row: Some(i64::MIN), delivered: Some(Delivered::default()), keys: HashSet::new() }
    }

    pub(super) fn note(&mut self, hashed: &Hashed) {
        self.row = self.row.and_then(|before| hashed.row.filter(|row| *row > before));
        let (Some(delivered), Some(Recorded { number, repeats, .. })) =
            (&mut self.delivered, &hashed.delivery)
        else {
            return;
        };
        if *number != delivered.number + 1 {
            self.delivered = None;
            return;
        }
        (delivered.number, delivered.position) = (*number, hashed.position);
        delivered.received += 1 + repeats;
    }

    /// That the keys that deliveries name have rows.
    pub(super) async fn look_up(
        &mut self,
        (store, log): (&dyn Store, &str),
        page: &[Hashed],
    ) -> Result<(), VerifyError> {
        if self.delivered.is_none() {
            return Ok(());
        }
        let named = page.iter().filter_map(|hashed| hashed.delivery.as_ref()?.key_id.as_ref());
        let unknown: BTreeSet<_> = named.filter(|key_id| !self.keys.contains(*key_id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let count = unknown.len();
        let found = store.known_data_keys(log, unknown.into_iter().cloned().collect()).await?;
        if found.len() < count {
            self.delivered = None;
        }
        if self.keys.len() > MAX_REMEMBERED {
            self.keys.clear();
        }
        self.keys.extend(found);
        Ok(())
    }
}
