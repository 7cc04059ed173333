//! The reader that keeps the tree over the events of a log, as they are stored.
//!
//! It follows the log by bookmark like any other reader; its rows are tiles of hashes. Folding the log
//! again from position 0 gives the same tiles, or something was changed.

use std::{collections::HashMap, sync::Arc};

use creditrail_projections::{Cell, Change, Table, Write};
use creditrail_proof::{
    Hash,
    leaf::leaf,
    tile::{self, Place, Tile, TileError, TileId, Tiles},
    tree::{Node, plan},
};

use crate::store::{Bookmark, Projected, Store, StoreError, proof::Evidence};

/// The name of its bookmark.
pub(super) const READER: &str = "tree";

/// How many events are hashed and written at once.
const PORTION: i64 = 2000;

static TABLE: Table = Table { name: "tiles", columns: &["hashes"] };

/// Why there is no tree over the whole log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A position is missing, or is there twice.
    #[error("the log has position {found} where {expected} should be")]
    Gap {
        /// Which one should be next.
        expected: i64,
        /// Which one is.
        found: i64,
    },
    /// The tiles that are kept are not those of a tree.
    #[error("the tiles are damaged; fold them again with `creditrail audit rebuild-tree`")]
    Tiles(#[from] TileError),
    /// A tile that a proof needs is not there.
    #[error("a tile is missing; fold the tree again with `creditrail audit rebuild-tree`")]
    Missing(#[from] plan::Missing),
    /// There are not so many events.
    #[error(transparent)]
    OutOfTree(#[from] plan::OutOfTree),
    /// A computation was cut off.
    #[error("hashing was cut off")]
    CutOff,
}

/// The tree of one log.
pub(super) struct Tree {
    source: String,
    /// By which this instance is told from others.
    holder: String,
    store: Arc<dyn Store>,
    /// Its right edge, while nobody else moves the bookmark.
    edge: Option<Tiles>,
}

impl Tree {
    pub(super) fn new(source: &str, store: Arc<dyn Store>) -> Self {
        let holder = uuid::Uuid::new_v4().to_string();
        Self { source: source.to_owned(), holder, store, edge: None }
    }

    /// Hashes what has come since. How many events the tree is over then: fewer than there are if
    /// another instance keeps it.
    ///
    /// # Errors
    /// [`TreeError`]; the tree is as it was.
    pub(super) async fn catch_up(&mut self, mut told: impl FnMut(i64)) -> Result<i64, TreeError> {
        loop {
            let own = self.bookmark().await?;
            let is_mine = own.as_ref().is_none_or(|bookmark| bookmark.is_mine);
            let at = own.map_or(0, |bookmark| bookmark.position);
            let head = self.store.head(&self.source).await?.position;
            if !is_mine || head <= at {
                return Ok(at);
            }
            let to = self.portion(at, head.min(at + PORTION)).await?;
            told(to);
        }
    }

    /// Takes all tiles away, so that the log is hashed again from position 0.
    ///
    /// # Errors
    /// [`TreeError`]; then some of them may be gone, and are made again when it is asked again.
    pub(super) async fn empty(&mut self) -> Result<(), TreeError> {
        let mut at = self.bookmark().await?.map_or(0, |own| own.position);
        loop {
            let page = self.store.tiles_after(&self.source, "", PORTION).await?;
            let gone = |(key, _): (String, String)| Change {
                key,
                write: Write::Delete,
                position: 0,
                cells: Vec::new(),
            };
            let changes: Vec<Change> = page.into_iter().map(gone).collect();
            let is_last = changes.is_empty();
            let projected = Projected {
                changes: vec![(&TABLE, changes)],
                bookmarks: vec![(READER.into(), at, 0)],
                holder: None,
            };
            if self.store.project(&self.source, projected).await? {
                at = 0;
            } else {
                at = self.bookmark().await?.map_or(0, |own| own.position);
                continue;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn bookmark(&self) -> Result<Option<Bookmark>, TreeError> {
        let bookmarks = self.store.claim(&self.source, vec![READER.into()], &self.holder).await?;
        Ok(bookmarks.into_iter().find(|bookmark| bookmark.reader == READER))
    }

    /// Hashes the events after `at`, not beyond `up_to`. They are hashed where the database has them, which
    /// is most of the work; the rest is a few hashes of hashes.
    async fn portion(&mut self, at: i64, up_to: i64) -> Result<i64, TreeError> {
        let mut tiles = match self.edge.take() {
            Some(tiles) if tiles.size() == at.unsigned_abs() => tiles,
            _ => edge(&*self.store, &self.source, at).await?,
        };
        let stretch = (self.source.as_str(), at, up_to);
        let leaves = self.store.evidence_folded(stretch, Vec::new(), hash).await?;
        let to = contiguous(leaves.iter().map(|(position, _)| *position), at)?;
        if to == at {
            return Err(TreeError::Gap { expected: at + 1, found: up_to });
        }
        leaves.into_iter().for_each(|(_, leaf)| tiles.append(leaf));
        let changed = tiles.take_changed();
        let changes = changed.into_iter().map(|tile| row(&tile, to)).collect();
        let projected = Projected {
            changes: vec![(&TABLE, changes)],
            bookmarks: vec![(READER.into(), at, to)],
            holder: None,
        };
        if self.store.project(&self.source, projected).await? {
            self.edge = Some(tiles);
        }
        Ok(to)
    }
}

/// How many events the tree of a log is over.
pub(super) async fn hashed(store: &dyn Store, source: &str) -> Result<i64, StoreError> {
    let passed = store.passed(source).await?;
    let tree = passed.iter().find(|passed| passed.reader == READER);
    Ok(tree.map_or(0, |passed| passed.position))
}

fn hash(leaves: &mut Vec<(i64, Hash)>, found: &Evidence<'_>) -> Result<(), StoreError> {
    leaves.push((found.entry.position, leaf(&found.entry)));
    Ok(())
}

/// The last of the positions of events, which follow one upon the other.
fn contiguous(positions: impl IntoIterator<Item = i64>, after: i64) -> Result<i64, TreeError> {
    let mut at = after;
    for found in positions {
        if found != at + 1 {
            return Err(TreeError::Gap { expected: at + 1, found });
        }
        at = found;
    }
    Ok(at)
}

fn row(tile: &Tile, position: i64) -> Change {
    let cells = vec![Cell::from(tile::encode(&tile.hashes))];
    Change { key: key(tile.id), write: Write::Replace, position, cells }
}

/// The key of a tile: in the order of the levels, and within a level of the leaves.
pub(super) fn key(TileId { level, index }: TileId) -> String {
    format!("{level:02}/{index:020}")
}

/// The right edge of the tree over the first events of a log.
pub(super) async fn edge(store: &dyn Store, source: &str, size: i64) -> Result<Tiles, TreeError> {
    let size = size.unsigned_abs();
    let wanted = tile::edge(size).into_iter().map(|(id, _)| id).collect();
    let found = tiles(store, source, wanted).await?;
    Ok(Tiles::open(size, |id| found.get(&key(id)).cloned())?)
}

async fn tiles(
    store: &dyn Store,
    source: &str,
    wanted: Vec<TileId>,
) -> Result<HashMap<String, Vec<Hash>>, TreeError> {
    let keys = wanted.into_iter().map(key).collect();
    let found = store.tiles(source, keys).await?.into_iter();
    let decoded = found.map(|(key, hashes)| Ok((key, tile::decode(&hashes)?)));
    decoded.collect()
}

/// Hashes of the tree that is kept, for proofs.
pub(super) struct Nodes(HashMap<String, Vec<Hash>>);

impl Nodes {
    /// Those that a plan needs.
    pub(super) async fn of(
        store: &dyn Store,
        source: &str,
        nodes: impl Iterator<Item = Node>,
    ) -> Result<Self, TreeError> {
        let mut wanted: Vec<TileId> = nodes.map(|node| tile::place(node).tile).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Self(tiles(store, source, wanted).await?))
    }

    /// The hash of one of them.
    pub(super) fn get(&self, node: Node) -> Option<Hash> {
        let place: Place = tile::place(node);
        place.fold(self.0.get(&key(place.tile))?)
    }
}

/// The root of the tree over the first events of a log.
pub(super) async fn root(store: &dyn Store, source: &str, size: i64) -> Result<Hash, TreeError> {
    let plan = plan::root(size.unsigned_abs())?;
    let nodes = Nodes::of(store, source, plan.nodes()).await?;
    Ok(plan.root(|node| nodes.get(node))?)
}
