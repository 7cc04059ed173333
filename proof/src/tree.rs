//! The tree over the leaves of a log. Source: RFC 9162, 2.1 (the tree of RFC 6962).
//!
//! What is stored are the hashes of *perfect* subtrees, which never change: a [`Node`]. [`plan`] tells
//! which of them a proof needs, and makes it of them; [`verify`] needs no tree.

pub mod plan;
pub mod verify;

use serde::{Deserialize, Serialize};

use crate::Hash;

/// The most leaves that a tree can have here: far from where the arithmetic of indices would end.
pub const MAX_SIZE: u64 = 1 << 62;

/// A perfect subtree: `2^level` leaves, from leaf `index * 2^level` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    level: u8,
    index: u64,
}

impl Node {
    /// The subtree of that level and index; none if it ends beyond [`MAX_SIZE`].
    pub fn new(level: u8, index: u64) -> Option<Self> {
        let end = index.checked_add(1)?;
        (level <= 62 && end <= MAX_SIZE >> level).then_some(Self { level, index })
    }

    /// How many levels it is above the leaves, from 0.
    pub fn level(self) -> u8 {
        self.level
    }

    /// Which of its level it is, from 0.
    pub fn index(self) -> u64 {
        self.index
    }
}

/// The fewest perfect subtrees that have the leaves from `from` up to `to`, from left to right.
///
/// None if there are no such leaves, or if they are beyond [`MAX_SIZE`].
pub fn cover(from: u64, to: u64) -> Vec<Node> {
    let (mut from, mut nodes) = (from, Vec::new());
    if to > MAX_SIZE {
        return nodes;
    }
    while from < to {
        let level = from.trailing_zeros().min((to - from).ilog2());
        nodes.push(Node { level: level as u8, index: from >> level }); // At most 62: it is below MAX_SIZE.
        from += 1 << level;
    }
    nodes
}

/// The root of a tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// The root above subtrees, which stand from left to right as [`cover`] has them from leaf 0.
fn folded(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| Hash::node(left, right))
}

/// The right edge of a tree: all that is needed to append to it. At most 62 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Edge", into = "Edge")]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>, // One for each bit of the size that is set, the highest first.
}

/// What is no right edge of a tree: not one hash for each subtree, or too many leaves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} hashes are not the right edge of a tree of {size}")]
pub struct NoFrontier {
    /// How many leaves it was to have.
    pub size: u64,
    /// How many hashes there were.
    pub found: usize,
}

/// A frontier as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edge {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// That of a tree with so many leaves; the hashes are those of `cover(0, size)`.
    ///
    /// # Errors
    /// [`NoFrontier`] if there is not one hash for each of them.
    pub fn new(size: u64, hashes: Vec<Hash>) -> Result<Self, NoFrontier> {
        let fits = size <= MAX_SIZE && hashes.len() == size.count_ones() as usize;
        if fits { Ok(Self { size, hashes }) } else { Err(NoFrontier { size, found: hashes.len() }) }
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of `cover(0, size)`, from left to right.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// One leaf more.
    pub fn append(&mut self, leaf: Hash) {
        self.push(0, leaf);
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        folded(self.hashes.iter().copied()).unwrap_or_else(empty_root)
    }

    /// A perfect subtree more. The size must be a multiple of its leaves, as it is along a `cover`.
    fn push(&mut self, level: u8, hash: Hash) {
        let (mut hash, mut above) = (hash, self.size >> level);
        while above & 1 == 1
            && let Some(left) = self.hashes.pop()
        {
            hash = Hash::node(left, hash);
            above >>= 1;
        }
        self.hashes.push(hash);
        self.size += 1 << level;
    }
}

impl TryFrom<Edge> for Frontier {
    type Error = NoFrontier;

    fn try_from(edge: Edge) -> Result<Self, NoFrontier> {
        Self::new(edge.size, edge.hashes)
    }
}

impl From<Frontier> for Edge {
    fn from(frontier: Frontier) -> Self {
        Self { size: frontier.size, hashes: frontier.hashes }
    }
}
