//! Proofs, verified with nothing but themselves and a root that is trusted.

use super::{Frontier, MAX_SIZE, NoFrontier, cover};
use crate::Hash;

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There is nothing to prove of a tree or a range without leaves.
    #[error("there are no leaves, of which nothing is proven")]
    Empty,
    /// It is about leaves that the tree does not have, or cannot have.
    #[error("leaf {index} is not among the {size} of the tree")]
    BeyondSize {
        /// The leaf, from 0.
        index: u64,
        /// How many leaves there are.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("the older tree has {old} leaves, the newer one {new}")]
    Shrunk {
        /// Of the older tree.
        old: u64,
        /// Of the newer tree.
        new: u64,
    },
    /// It has too few hashes, or too many.
    #[error("the proof has {found} hashes where it needs {expected}")]
    Length {
        /// How many it needs.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// It leads to another root than the one that is trusted.
    #[error("the proof leads to the root {found}, and the root is {expected}")]
    Root {
        /// The root that is trusted.
        expected: Hash,
        /// What the proof leads to.
        found: Hash,
    },
    /// It leads to another root of the older tree than the one that is trusted.
    #[error("the proof leads to the root {found} of the older tree, and that root is {expected}")]
    OldRoot {
        /// The root that is trusted.
        expected: Hash,
        /// What the proof leads to.
        found: Hash,
    },
}

/// A leaf and where it is said to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// From 0.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
}

/// A tree that is trusted: its size and its root, such as a checkpoint has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many leaves it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// That the leaf is in the tree at its index. Source: RFC 9162, 2.1.3.2.
///
/// # Errors
/// [`ProofError`] if that is not proven.
pub fn verify_inclusion(leaf: Leaf, head: Head, proof: &[Hash]) -> Result<(), ProofError> {
    let Leaf { index, hash } = leaf;
    bounded(head)?;
    if index >= head.size {
        return Err(ProofError::BeyondSize { index, size: head.size });
    }
    let (mut place, mut last, mut root) = (index, head.size - 1, hash);
    let expected = path_length(index, last);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    for &sibling in proof {
        if place & 1 == 1 || place == last {
            root = Hash::node(sibling, root);
            skip_left(&mut place, &mut last);
        } else {
            root = Hash::node(root, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    same(head.root, root)
}

/// That the new tree begins with all leaves of the old one, unchanged. Source: RFC 9162, 2.1.4.2.
///
/// # Errors
/// [`ProofError`] if that is not proven.
pub fn verify_consistency(old: Head, new: Head, proof: &[Hash]) -> Result<(), ProofError> {
    bounded(old)?;
    bounded(new)?;
    if old.size > new.size {
        return Err(ProofError::Shrunk { old: old.size, new: new.size });
    }
    if old.size == new.size {
        let none = ProofError::Length { expected: 0, found: proof.len() };
        return if proof.is_empty() { same(new.root, old.root) } else { Err(none) };
    }
    let level = old.size.trailing_zeros(); // Of the subtree at the right edge of the old tree.
    let (mut place, mut last) = ((old.size - 1) >> level, (new.size - 1) >> level);
    let is_subtree = old.size.is_power_of_two(); // Then its root begins the proof, and is left out.
    let expected = path_length(place, last) + usize::from(!is_subtree);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    let (first, rest) = match proof.split_first() {
        Some((first, rest)) if !is_subtree => (*first, rest),
        _ => (old.root, proof),
    };
    let (mut old_root, mut new_root) = (first, first);
    for &sibling in rest {
        if place & 1 == 1 || place == last {
            old_root = Hash::node(sibling, old_root);
            new_root = Hash::node(sibling, new_root);
            skip_left(&mut place, &mut last);
        } else {
            new_root = Hash::node(new_root, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if old_root != old.root {
        return Err(ProofError::OldRoot { expected: old.root, found: old_root });
    }
    same(new.root, new_root)
}

/// That these are the leaves from `from` on, all of them, in their order. Tells how many they are.
///
/// # Errors
/// [`ProofError`] if that is not proven.
pub fn verify_range(
    from: u64,
    leaves: impl IntoIterator<Item = Hash>,
    head: Head,
    proof: &super::plan::RangeProof,
) -> Result<u64, ProofError> {
    let mut range = Range::new(from, proof.left.clone())?;
    leaves.into_iter().for_each(|leaf| range.append(leaf));
    range.finish(head, &proof.right)
}

/// [`verify_range`] leaf by leaf, in constant memory.
#[derive(Clone, Debug)]
pub struct Range {
    from: u64,
    edge: Frontier,
}

impl Range {
    /// A range that begins at a leaf, with the hashes of what stands left of it.
    ///
    /// # Errors
    /// [`ProofError::Length`] if they are not those of `cover(0, from)`, one for one.
    pub fn new(from: u64, left: Vec<Hash>) -> Result<Self, ProofError> {
        let edge = Frontier::new(from, left).map_err(|NoFrontier { size, found }| {
            ProofError::Length { expected: size.count_ones() as usize, found }
        })?;
        Ok(Self { from, edge })
    }

    /// The next leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.edge.append(leaf);
    }

    /// That was the last one. Tells how many they are.
    ///
    /// # Errors
    /// [`ProofError`] if it is not proven that they are those of the tree.
    pub fn finish(mut self, head: Head, right: &[Hash]) -> Result<u64, ProofError> {
        bounded(head)?;
        let to = self.edge.size();
        if to == self.from {
            return Err(ProofError::Empty);
        }
        if to > head.size {
            return Err(ProofError::BeyondSize { index: to - 1, size: head.size });
        }
        let nodes = cover(to, head.size);
        if right.len() != nodes.len() {
            return Err(ProofError::Length { expected: nodes.len(), found: right.len() });
        }
        for (node, &hash) in nodes.iter().zip(right) {
            self.edge.push(node.level(), hash);
        }
        same(head.root, self.edge.root())?;
        Ok(to - self.from)
    }
}

fn bounded(head: Head) -> Result<(), ProofError> {
    match head.size {
        0 => Err(ProofError::Empty),
        size if size > MAX_SIZE => Err(ProofError::BeyondSize { index: size - 1, size: MAX_SIZE }),
        _ => Ok(()),
    }
}

/// At the right edge, the levels where there is nothing beside the node: it moves up alone.
fn skip_left(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
}

/// How many siblings are between a leaf and the root, where `last` is the last leaf: one for each level
/// until both are below the same node, and from there one for each step to the right.
fn path_length(index: u64, last: u64) -> usize {
    let below = u64::BITS - (index ^ last).leading_zeros();
    let above = index.checked_shr(below).unwrap_or(0).count_ones();
    (below + above) as usize
}

fn same(expected: Hash, found: Hash) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::Root { expected, found }) }
}
