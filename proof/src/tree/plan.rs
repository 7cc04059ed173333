//! Which stored nodes a proof needs, and the proof made of them.

use super::{Node, cover, empty_root, folded};
use crate::Hash;

/// What a proof is made of: for each of its hashes the perfect subtrees under it, from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    hashes: Vec<Vec<Node>>,
}

/// What a range proof is made of. Its hashes are those of the nodes, one for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangePlan {
    /// What stands left of the range, from left to right.
    pub left: Vec<Node>,
    /// What stands right of it, from left to right.
    pub right: Vec<Node>,
}

/// The hashes that prove a range, beside its leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeProof {
    /// What stands left of the range, from left to right.
    pub left: Vec<Hash>,
    /// What stands right of it, from left to right.
    pub right: Vec<Hash>,
}

/// A question that no tree of that size has an answer to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree of {size} leaves has nothing from {from} to {to}")]
pub struct OutOfTree {
    /// From which leaf on.
    pub from: u64,
    /// Up to which leaf, without it.
    pub to: u64,
    /// How many leaves there are.
    pub size: u64,
}

/// A node that the lookup does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node {} of level {} is missing", node.index(), node.level())]
pub struct Missing {
    /// The node.
    pub node: Node,
}

/// What the root of a tree is made of.
///
/// # Errors
/// [`OutOfTree`] for a size beyond [`super::MAX_SIZE`].
pub fn root(size: u64) -> Result<Plan, OutOfTree> {
    within(0, size, size)?;
    let nodes = cover(0, size);
    Ok(Plan { hashes: if nodes.is_empty() { Vec::new() } else { vec![nodes] } })
}

/// The proof that a leaf is in a tree. Source: `PATH` of RFC 9162, 2.1.3.1.
///
/// # Errors
/// [`OutOfTree`] if the tree has no such leaf.
pub fn inclusion(index: u64, size: u64) -> Result<Plan, OutOfTree> {
    within(index, index.saturating_add(1), size)?;
    let (mut from, mut to, mut hashes) = (0, size, Vec::new());
    while to - from > 1 {
        let split = from + split(to - from);
        if index < split {
            hashes.push(cover(split, to));
            to = split;
        } else {
            hashes.push(cover(from, split));
            from = split;
        }
    }
    hashes.reverse(); // From the leaf up.
    Ok(Plan { hashes })
}

/// The proof that a tree begins with an older one. Source: `SUBPROOF` of RFC 9162, 2.1.4.1.
///
/// # Errors
/// [`OutOfTree`] if the old tree is empty or larger than the new one.
pub fn consistency(old: u64, new: u64) -> Result<Plan, OutOfTree> {
    within(0, old, new)?;
    if old == 0 {
        return Err(OutOfTree { from: 0, to: 0, size: new });
    }
    let (mut from, mut to, mut hashes) = (0, new, Vec::new());
    while to > old {
        let split = from + split(to - from);
        if old <= split {
            hashes.push(cover(split, to));
            to = split;
        } else {
            hashes.push(cover(from, split));
            from = split;
        }
    }
    if from > 0 {
        hashes.push(cover(from, to)); // Else it is the old tree, which the verifier has.
    }
    hashes.reverse();
    Ok(Plan { hashes })
}

/// The proof that these are all leaves from `from` up to `to`, without `to`.
///
/// # Errors
/// [`OutOfTree`] if the tree does not have them, or if there are none.
pub fn range(from: u64, to: u64, size: u64) -> Result<RangePlan, OutOfTree> {
    within(from, to, size)?;
    if from == to {
        return Err(OutOfTree { from, to, size });
    }
    Ok(RangePlan { left: cover(0, from), right: cover(to, size) })
}

impl Plan {
    /// The stored nodes that are needed.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.hashes.iter().flatten().copied()
    }

    /// The hashes of the proof, in its order.
    ///
    /// # Errors
    /// [`Missing`] if the lookup does not have one of [`Self::nodes`].
    pub fn proof(
        &self,
        mut lookup: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<Vec<Hash>, Missing> {
        let mut made = |nodes: &Vec<Node>| {
            let hashes = looked_up(nodes, &mut lookup)?;
            Ok(folded(hashes.into_iter()).unwrap_or_else(empty_root))
        };
        self.hashes.iter().map(&mut made).collect()
    }

    /// The root, of a plan of [`root`].
    ///
    /// # Errors
    /// [`Missing`] if the lookup does not have one of [`Self::nodes`].
    pub fn root(&self, lookup: impl FnMut(Node) -> Option<Hash>) -> Result<Hash, Missing> {
        Ok(self.proof(lookup)?.first().copied().unwrap_or_else(empty_root))
    }
}

impl RangePlan {
    /// The stored nodes that are needed.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.left.iter().chain(&self.right).copied()
    }

    /// The hashes of the proof.
    ///
    /// # Errors
    /// [`Missing`] if the lookup does not have one of [`Self::nodes`].
    pub fn proof(
        &self,
        mut lookup: impl FnMut(Node) -> Option<Hash>,
    ) -> Result<RangeProof, Missing> {
        let left = looked_up(&self.left, &mut lookup)?;
        let right = looked_up(&self.right, &mut lookup)?;
        Ok(RangeProof { left, right })
    }
}

fn looked_up(
    nodes: &[Node],
    lookup: &mut impl FnMut(Node) -> Option<Hash>,
) -> Result<Vec<Hash>, Missing> {
    nodes.iter().map(|&node| lookup(node).ok_or(Missing { node })).collect()
}

/// Where a tree of more than one leaf is split: the largest power of two below its size.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

fn within(from: u64, to: u64, size: u64) -> Result<(), OutOfTree> {
    let within = from <= to && to <= size && size <= super::MAX_SIZE && from < size.max(1);
    if within { Ok(()) } else { Err(OutOfTree { from, to, size }) }
}
