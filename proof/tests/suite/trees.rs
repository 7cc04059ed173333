//! Proofs are those of the second implementation, and any other ones are refused.

use std::collections::HashMap;

use creditrail_proof::{
    Hash,
    tree::{
        Frontier, MAX_SIZE, Node, cover,
        plan::{self, RangeProof},
        verify::{
            Head, Leaf, ProofError, Range, verify_consistency, verify_inclusion, verify_range,
        },
    },
};
use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

use crate::naive;

fn reproducible(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x00c0_ffee),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(reproducible(150))]

    #[test]
    fn roots_are_those_of_the_second_implementation(size in 0_usize..300) {
        let leaves = leaves(size);
        let mut frontier = Frontier::default();
        leaves.iter().for_each(|leaf| frontier.append(*leaf));
        prop_assert_eq!(frontier.root(), naive::root(&leaves));
        let plan = plan::root(size as u64).unwrap();
        prop_assert_eq!(plan.root(stored(&leaves)), Ok(naive::root(&leaves)));
        let again: Frontier =
            serde_json::from_str(&serde_json::to_string(&frontier).unwrap()).unwrap();
        prop_assert_eq!(again, frontier);
    }

    #[test]
    fn inclusion_proofs_are_those_of_the_second_implementation(
        size in 1_usize..300,
        index in any::<Index>(),
    ) {
        let (leaves, index) = (leaves(size), index.index(size));
        let plan = plan::inclusion(index as u64, size as u64).unwrap();
        let proof = plan.proof(stored(&leaves)).unwrap();
        prop_assert_eq!(&proof, &naive::path(index, &leaves));
        let leaf = Leaf { index: index as u64, hash: leaves[index] };
        prop_assert_eq!(verify_inclusion(leaf, head(&leaves), &proof), Ok(()));
    }

    #[test]
    fn consistency_proofs_are_those_of_the_second_implementation(
        size in 1_usize..300,
        old in any::<Index>(),
    ) {
        let (leaves, old) = (leaves(size), old.index(size) + 1);
        let plan = plan::consistency(old as u64, size as u64).unwrap();
        let proof = plan.proof(stored(&leaves)).unwrap();
        prop_assert_eq!(&proof, &naive::proof(old, &leaves));
        let verified = verify_consistency(head(&leaves[..old]), head(&leaves), &proof);
        prop_assert_eq!(verified, Ok(()));
    }

    #[test]
    fn a_range_is_proven_whole(size in 1_usize..300, a in any::<Index>(), b in any::<Index>()) {
        let (leaves, a, b) = (leaves(size), a.index(size), b.index(size));
        let (from, to) = (a.min(b), a.max(b) + 1);
        let plan = plan::range(from as u64, to as u64, size as u64).unwrap();
        let proof = plan.proof(stored(&leaves)).unwrap();
        let range = leaves[from..to].to_vec();
        let verified = |range: Vec<Hash>| verify_range(from as u64, range, head(&leaves), &proof);
        prop_assert_eq!(verified(range.clone()), Ok((to - from) as u64));

        // One is missing, one is there twice, two are swapped, one is another.
        let place = a - from;
        let mut missing = range.clone();
        missing.remove(place);
        prop_assert!(verified(missing).is_err());
        let mut twice = range.clone();
        twice.insert(place, range[place]);
        prop_assert!(verified(twice).is_err());
        let mut other = range.clone();
        other[place].0[31] ^= 1;
        prop_assert!(verified(other).is_err());
        if range.len() > 1 {
            let mut swapped = range;
            swapped.swap(place, if place == 0 { 1 } else { 0 });
            prop_assert!(verified(swapped).is_err());
        }
    }

    #[test]
    fn no_numbers_make_it_panic(
        a in edge_numbers(), b in edge_numbers(), hashes in 0_usize..70, level in any::<u8>(),
    ) {
        let proof = leaves(hashes);
        let (hash, root) = (Hash([1; 32]), Hash([2; 32]));
        let (old, new) = (Head { size: a, root }, Head { size: b, root: hash });
        let leaf = Leaf { index: a, hash };
        prop_assert!(verify_inclusion(leaf, old, &proof).is_err());
        prop_assert!(verify_inclusion(leaf, new, &proof).is_err());
        prop_assert!(verify_consistency(old, new, &proof).is_err());
        let range = RangeProof { left: proof.clone(), right: proof };
        prop_assert!(verify_range(a, [hash], new, &range).is_err());
        let nothing = |_| None;
        let _ = plan::inclusion(a, b).map(|plan| plan.proof(nothing));
        let _ = plan::consistency(a, b).map(|plan| plan.proof(nothing));
        let _ = plan::range(a, b, b).map(|plan| plan.proof(nothing));
        let _ = plan::root(a).map(|plan| plan.root(nothing));
        let _ = cover(a, b);
        let _ = Node::new(level, a).map(creditrail_proof::tile::place);
    }
}

fn edge_numbers() -> impl Strategy<Value = u64> {
    let near = |middle: u64| (0..5_u64).prop_map(move |off| (middle - 2).wrapping_add(off));
    prop_oneof![0..5_u64, near(256), near(1 << 32), near(MAX_SIZE), near(1 << 63), u64::MAX - 3..]
}

#[test]
fn every_changed_bit_of_an_inclusion_proof_is_refused() {
    for (index, size) in [(0, 1), (2, 3), (6, 7), (4, 9), (8, 9), (5, 16), (12, 13)] {
        let leaves = leaves(size);
        let proof = naive::path(index, &leaves);
        let leaf = Leaf { index: index as u64, hash: leaves[index] };
        let head = head(&leaves);
        assert_eq!(verify_inclusion(leaf, head, &proof), Ok(()));
        for bit in 0..256 {
            for place in 0..proof.len() {
                assert!(verify_inclusion(leaf, head, &flipped_at(&proof, place, bit)).is_err());
            }
            let other = Leaf { hash: flipped(leaf.hash, bit), ..leaf };
            assert!(verify_inclusion(other, head, &proof).is_err());
            let other = Head { root: flipped(head.root, bit), ..head };
            assert!(verify_inclusion(leaf, other, &proof).is_err());
        }
        for bit in 0..64 {
            let other = Leaf { index: leaf.index ^ (1 << bit), ..leaf };
            assert!(verify_inclusion(other, head, &proof).is_err(), "{index} of {size}, {bit}");
        }
        let behind = Leaf { index: head.size, ..leaf };
        let refused = ProofError::BeyondSize { index: head.size, size: head.size };
        assert_eq!(verify_inclusion(behind, head, &proof), Err(refused));
        for lengths in other_lengths(&proof) {
            let refused = verify_inclusion(leaf, head, &lengths);
            assert!(matches!(refused, Err(ProofError::Length { .. })), "{refused:?}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_consistency_proof_is_refused() {
    for (old, new) in [(1, 2), (3, 7), (4, 7), (6, 8), (7, 8), (8, 9), (5, 5)] {
        let leaves = leaves(new);
        let proof = naive::proof(old, &leaves);
        let (old, new) = (head(&leaves[..old]), head(&leaves));
        assert_eq!(verify_consistency(old, new, &proof), Ok(()));
        for bit in 0..256 {
            for place in 0..proof.len() {
                assert!(verify_consistency(old, new, &flipped_at(&proof, place, bit)).is_err());
            }
            let other = Head { root: flipped(old.root, bit), ..old };
            assert!(verify_consistency(other, new, &proof).is_err());
            let other = Head { root: flipped(new.root, bit), ..new };
            assert!(verify_consistency(old, other, &proof).is_err());
        }
        for lengths in other_lengths(&proof) {
            let refused = verify_consistency(old, new, &lengths);
            assert!(matches!(refused, Err(ProofError::Length { .. })), "{refused:?}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_range_proof_is_refused() {
    for (from, to, size) in [(0, 1, 1), (0, 5, 9), (3, 7, 9), (5, 9, 9), (6, 7, 21)] {
        let leaves = leaves(size);
        let plan = plan::range(from, to, size as u64).unwrap();
        let proof = plan.proof(stored(&leaves)).unwrap();
        let range = || leaves[from as usize..to as usize].iter().copied();
        let verified = |proof: &RangeProof| verify_range(from, range(), head(&leaves), proof);
        assert_eq!(verified(&proof), Ok(to - from));
        for bit in 0..256 {
            for place in 0..proof.left.len() {
                let left = flipped_at(&proof.left, place, bit);
                assert!(verified(&RangeProof { left, ..proof.clone() }).is_err());
            }
            for place in 0..proof.right.len() {
                let right = flipped_at(&proof.right, place, bit);
                assert!(verified(&RangeProof { right, ..proof.clone() }).is_err());
            }
        }
        for left in other_lengths(&proof.left) {
            let refused = verified(&RangeProof { left, ..proof.clone() });
            assert!(matches!(refused, Err(ProofError::Length { .. })), "{refused:?}");
        }
        for right in other_lengths(&proof.right) {
            let refused = verified(&RangeProof { right, ..proof.clone() });
            assert!(matches!(refused, Err(ProofError::Length { .. })), "{refused:?}");
        }
        for other in (0..size as u64).filter(|other| *other != from) {
            assert!(verify_range(other, range(), head(&leaves), &proof).is_err());
        }
    }
}

#[test]
fn nothing_is_proven_of_nothing() {
    let (hash, none) = (Hash([0; 32]), Head { size: 0, root: Hash([0; 32]) });
    let one = Head { size: 1, root: hash };
    assert_eq!(verify_inclusion(Leaf { index: 0, hash }, none, &[]), Err(ProofError::Empty));
    assert_eq!(verify_consistency(none, none, &[]), Err(ProofError::Empty));
    assert_eq!(verify_consistency(none, one, &[]), Err(ProofError::Empty));
    let range = Range::new(0, vec![]).unwrap();
    assert_eq!(range.finish(one, &[hash]), Err(ProofError::Empty));
    assert!(plan::inclusion(0, 0).is_err());
    assert!(plan::consistency(0, 5).is_err());
    assert!(plan::range(3, 3, 5).is_err());
    assert!(plan::consistency(6, 5).is_err());
}

#[test]
fn what_is_no_frontier_is_refused() {
    for wrong in [r#"{"size":1,"hashes":[]}"#, r#"{"size":18446744073709551615,"hashes":[]}"#] {
        assert!(serde_json::from_str::<Frontier>(wrong).is_err(), "{wrong}");
    }
    assert!(Frontier::new(3, vec![Hash([0; 32])]).is_err());
    assert!(Frontier::new(MAX_SIZE, vec![Hash([0; 32])]).is_ok());
    assert!(Frontier::new(MAX_SIZE * 2, vec![Hash([0; 32])]).is_err(), "larger than any tree");
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

fn head(leaves: &[Hash]) -> Head {
    Head { size: leaves.len() as u64, root: naive::root(leaves) }
}

/// The perfect subtrees, each asked for at most once for each proof.
fn stored(leaves: &[Hash]) -> impl FnMut(Node) -> Option<Hash> {
    let mut asked = HashMap::new();
    move |node| {
        let from = (node.index() << node.level()) as usize;
        let hash = naive::root(leaves.get(from..from + (1 << node.level()))?);
        assert_eq!(asked.insert(node, ()), None, "{node:?} is asked for twice");
        Some(hash)
    }
}

fn flipped(mut hash: Hash, bit: usize) -> Hash {
    hash.0[bit / 8] ^= 1 << (bit % 8);
    hash
}

fn flipped_at(proof: &[Hash], place: usize, bit: usize) -> Vec<Hash> {
    let mut proof = proof.to_vec();
    proof[place] = flipped(proof[place], bit);
    proof
}

/// The proof with a hash more at either end, and without one of them.
fn other_lengths(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let more = Hash([7; 32]);
    let mut others = vec![[proof, &[more]].concat(), [&[more], proof].concat()];
    if let [first, rest @ ..] = proof {
        others.push(rest.to_vec());
        others.push(proof[..proof.len() - 1].to_vec());
        others.push([&[*first], proof].concat());
    }
    others
}
