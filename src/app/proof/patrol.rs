//! Checking a log in the background, at a pace that disturbs nobody: some hundred events a second are
//! hashed again and held against the tree, from the first to the last and from the first again.

use std::{sync::Arc, time::Duration};

use creditrail_proof::{
    leaf::leaf,
    tile::{self, TileId, WIDTH},
};

use super::{
    checkpoints::Checkpoints,
    tree::{self, TreeError},
};
use crate::store::Store;

/// How long to wait after each tile of 256 events.
const PAUSE: Duration = Duration::from_secs(1);

/// The check of one log that never ends.
pub(in crate::app) struct Patrol {
    pub(in crate::app) source: String,
    pub(in crate::app) store: Arc<dyn Store>,
    pub(in crate::app) checkpoints: Arc<Checkpoints>,
}

impl Patrol {
    /// Goes round until it is dropped. A store that fails is asked again later: others tell of it.
    pub(in crate::app) async fn run(self) {
        let mut index = 0;
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.tile(index).await {
                Ok(Found::TheEnd) => index = 0,
                Ok(Found::AsHashed) => index += 1,
                Ok(Found::Changed(position)) => {
                    let what = format!(
                        "the event at position {position}, or the delivery that it recorded, is not \
                         what was hashed (`creditrail audit verify` tells all)"
                    );
                    self.checkpoints.found(&self.source, what);
                    index += 1;
                }
                Ok(Found::Damaged) => {
                    let what = format!(
                        "tile {index} of the hashes is missing or damaged (`creditrail audit verify` \
                         tells all)"
                    );
                    self.checkpoints.found(&self.source, what);
                    index += 1;
                }
                Err(_) => {}
            }
        }
    }

    /// Looks at the events of one full tile.
    async fn tile(&self, index: u64) -> Result<Found, TreeError> {
        let width = i64::try_from(WIDTH).unwrap_or(i64::MAX);
        let after = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(width);
        if tree::hashed(&*self.store, &self.source).await? < after.saturating_add(width) {
            return Ok(Found::TheEnd);
        }
        let key = tree::key(TileId { level: 0, index });
        let kept = self.store.tiles(&self.source, vec![key]).await?.into_iter().next();
        let kept = kept.and_then(|(_, hashes)| tile::decode(&hashes).ok());
        let Some(kept) = kept.filter(|kept| kept.len() == WIDTH) else { return Ok(Found::Damaged) };
        let events = self.store.evidence_after(&self.source, after, width).await?;
        let changed = (after + 1..).zip(&kept).find(|(position, hash)| {
            let place = usize::try_from(position - after - 1).unwrap_or(usize::MAX);
            let event = events.get(place).filter(|event| event.entry.position == *position);
            event.is_none_or(|event| leaf(&event.entry) != **hash)
        });
        Ok(changed.map_or(Found::AsHashed, |(position, _)| Found::Changed(position)))
    }
}

/// What was found in a tile.
enum Found {
    /// The tree has no full tile there yet.
    TheEnd,
    AsHashed,
    /// It is not there, or not whole.
    Damaged,
    /// The position of the first event that differs.
    Changed(i64),
}
