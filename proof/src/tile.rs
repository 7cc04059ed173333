//! The stored hashes of a tree, 256 together. Source: C2SP tlog-tiles (c2sp.org/tlog-tiles), height 8.
//!
//! A tile of level `l` has the hashes of the perfect subtrees of level `8 * l`. Those between, up to
//! level `8 * l + 7`, are folded from them when they are asked for. A full tile never changes.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    Hash,
    tree::{Frontier, MAX_SIZE, Node, cover, empty_root},
};

/// How many hashes a full tile has.
pub const WIDTH: usize = 256;

/// How many levels of the tree a tile stands for.
const HEIGHT: u8 = 8;

/// Which tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// From 0: level 0 has the leaves.
    pub level: u8,
    /// From 0, from left to right.
    pub index: u64,
}

/// A tile, as far as it is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Which one.
    pub id: TileId,
    /// From left to right; 1 to 256.
    pub hashes: Vec<Hash>,
}

/// Where the hash of a subtree is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// In which tile.
    pub tile: TileId,
    /// Of which of its hashes it is folded: 1, 2, 4 … or 128.
    pub hashes: Range<usize>,
}

/// A text that is no tile, or a tile that has fewer hashes than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not base64.
    #[error("a tile is not base64")]
    NotBase64,
    /// Not 1 to 256 hashes.
    #[error("a tile has {0} bytes, which are not 1 to 256 hashes of 32")]
    Length(usize),
    /// The tile is not there, or is shorter than the size of the tree says.
    #[error("tile {index} of level {level} does not have its first {hashes} hashes", index = .id.index, level = .id.level)]
    Missing {
        /// Which tile.
        id: TileId,
        /// How many hashes of it there should be.
        hashes: usize,
    },
    /// More leaves than a tree can have.
    #[error("a tree of {0} leaves is larger than any")]
    TooLarge(u64),
}

/// Where the hash of a subtree is found.
pub fn place(node: Node) -> Place {
    let (level, below) = (node.level() / HEIGHT, node.level() % HEIGHT);
    let first = node.index() << below; // Within MAX_SIZE, as the node is.
    let start = (first % WIDTH as u64) as usize; // Below 256.
    let tile = TileId { level, index: first / WIDTH as u64 };
    Place { tile, hashes: start..start + (1 << below) }
}

impl Place {
    /// The hash, from all hashes of the tile so far; none if they are too few.
    pub fn fold(&self, hashes: &[Hash]) -> Option<Hash> {
        fold(hashes.get(self.hashes.clone())?)
    }
}

/// The tiles at the right edge of a tree that are not full, and how many hashes each has.
pub fn edge(size: u64) -> Vec<(TileId, usize)> {
    let mut tiles = Vec::new();
    let (mut level, mut hashes) = (0, size);
    while hashes > 0 {
        let filled = (hashes % WIDTH as u64) as usize; // Below 256.
        hashes /= WIDTH as u64;
        if filled > 0 {
            tiles.push((TileId { level, index: hashes }, filled));
        }
        level += 1;
    }
    tiles
}

/// A tile's hashes as text: their bytes one after the other, in base64.
pub fn encode(hashes: &[Hash]) -> String {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    STANDARD.encode(bytes)
}

/// A tile's hashes of their text.
///
/// # Errors
/// [`TileError`] if it is not what [`encode`] makes of 1 to 256 hashes.
pub fn decode(text: &str) -> Result<Vec<Hash>, TileError> {
    let bytes = STANDARD.decode(text).map_err(|_| TileError::NotBase64)?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.is_empty() || hashes.len() > WIDTH {
        return Err(TileError::Length(bytes.len()));
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// A tree that grows, as its tiles: only those at its right edge are in memory.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    size: u64,
    open: Vec<Open>, // One for each level.
    filled: Vec<Tile>,
}

/// The tile of a level that is not full.
#[derive(Clone, Debug, Default)]
struct Open {
    hashes: Vec<Hash>,
    has_changed: bool,
}

impl Tiles {
    /// A tree of that size, whose tiles at the [`edge`] are looked up. One that has more hashes is taken
    /// as far as the tree goes.
    ///
    /// # Errors
    /// [`TileError::Missing`] if one is not there, or not long enough.
    pub fn open(
        size: u64,
        mut lookup: impl FnMut(TileId) -> Option<Vec<Hash>>,
    ) -> Result<Self, TileError> {
        if size > MAX_SIZE {
            return Err(TileError::TooLarge(size));
        }
        let mut open = Vec::new();
        for (id, hashes) in edge(size) {
            let missing = TileError::Missing { id, hashes };
            let mut found = lookup(id).ok_or(missing.clone())?;
            if found.len() < hashes {
                return Err(missing);
            }
            found.truncate(hashes);
            open.resize_with(usize::from(id.level), Open::default);
            open.push(Open { hashes: found, has_changed: false });
        }
        Ok(Self { size, open, filled: Vec::new() })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// One leaf more.
    pub fn append(&mut self, leaf: Hash) {
        self.size += 1;
        let (mut level, mut hash) = (0, leaf);
        loop {
            if level == self.open.len() {
                self.open.push(Open::default());
            }
            let open = &mut self.open[level];
            open.hashes.push(hash);
            open.has_changed = true;
            if open.hashes.len() < WIDTH {
                return;
            }
            let Open { hashes, .. } = std::mem::take(open);
            let Some(above) = fold(&hashes) else { return }; // There are 256.
            let id = TileId { level: level as u8, index: (self.size >> (8 * (level + 1))) - 1 };
            self.filled.push(Tile { id, hashes });
            (level, hash) = (level + 1, above);
        }
    }

    /// The tiles that have changed since this was asked the last time, each with all its hashes so far.
    pub fn take_changed(&mut self) -> Vec<Tile> {
        let mut changed = std::mem::take(&mut self.filled);
        for (id, _) in edge(self.size) {
            let Some(open) = self.open.get_mut(usize::from(id.level)) else { continue };
            if std::mem::take(&mut open.has_changed) {
                changed.push(Tile { id, hashes: open.hashes.clone() });
            }
        }
        changed
    }

    /// The right edge of the tree.
    pub fn frontier(&self) -> Frontier {
        let hash = |node| {
            let Place { tile, hashes } = place(node);
            fold(self.open.get(usize::from(tile.level))?.hashes.get(hashes)?)
        };
        let hashes = cover(0, self.size).into_iter().filter_map(hash).collect();
        // Each of them is in an open tile: a subtree at the right edge is no whole tile.
        Frontier::new(self.size, hashes).unwrap_or_default()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        if self.size == 0 { empty_root() } else { self.frontier().root() }
    }
}

/// The root above hashes that are as many as a power of two.
fn fold(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|&[left, right]| Hash::node(left, right)).collect();
    }
    level.first().copied()
}
