//! The tree as RFC 9162 defines it in 2.1.1, 2.1.3.1 and 2.1.4.1: recursive, over a list of leaf hashes.
//! It shares no line with the package but SHA-256.

use creditrail_proof::Hash;
use sha2::{Digest as _, Sha256};

/// `MTH(D_n)`, where the leaves are hashed already.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash(Sha256::digest([]).into()),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            let mut hasher = Sha256::new();
            hasher.update([1]);
            hasher.update(root(left).0);
            hasher.update(root(right).0);
            Hash(hasher.finalize().into())
        }
    }
}

/// `PATH(m, D_n)`.
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut below, beside) = if index < split {
        (path(index, left), root(right))
    } else {
        (path(index - split, right), root(left))
    };
    below.push(beside);
    below
}

/// `PROOF(m, D_n)`.
pub fn proof(old: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(old, leaves, true)
}

fn subproof(old: usize, leaves: &[Hash], is_old_tree: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_old_tree { vec![] } else { vec![root(leaves)] };
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut below, beside) = if old <= split {
        (subproof(old, left, is_old_tree), root(right))
    } else {
        (subproof(old - split, right, false), root(left))
    };
    below.push(beside);
    below
}

/// The largest power of two below it.
fn split(size: usize) -> usize {
    let mut split = 1;
    while split * 2 < size {
        split *= 2;
    }
    split
}
