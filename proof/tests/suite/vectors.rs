//! Published vectors. Source: google/certificate-transparency, `cpp/merkletree/merkle_tree_test.cc`;
//! the same are in transparency-dev/merkle, `testonly/constants.go` and `proof/verify_test.go`.

use creditrail_proof::{
    Hash,
    tree::{
        Frontier, Node, empty_root, plan,
        verify::{Head, Leaf, verify_consistency, verify_inclusion},
    },
};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// Of the trees of the first 1, 2, … 8 leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// The perfect subtrees of 8 leaves, level by level.
const NODES: [&[&str]; 4] = [
    &[
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
        "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    ],
    &[
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    ],
    &[
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    &["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
];

/// A proof of leaf or old size, in a tree of so many.
type Vector = (u64, u64, &'static [&'static str]);

/// Inclusion; the index is from 0.
const PATHS: &[Vector] = &[
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Consistency.
const CONSISTENCIES: &[Vector] = &[
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

#[test]
fn the_published_leaves_have_the_published_hashes() {
    for (leaf, hash) in LEAVES.iter().zip(NODES[0]) {
        assert_eq!(Hash::leaf(&hex::decode(leaf).unwrap()), of_hex(hash), "{leaf}");
    }
}

#[test]
fn the_published_trees_have_the_published_roots() {
    assert_eq!(empty_root(), of_hex(EMPTY));
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), of_hex(EMPTY));
    for (leaf, root) in NODES[0].iter().zip(ROOTS) {
        frontier.append(of_hex(leaf));
        assert_eq!(frontier.root(), of_hex(root));
        assert_eq!(plan::root(frontier.size()).unwrap().root(stored), Ok(of_hex(root)));
    }
}

#[test]
fn the_published_inclusion_proofs_are_made_and_verified() {
    for &(index, size, proof) in PATHS {
        let proof: Vec<Hash> = proof.iter().copied().map(of_hex).collect();
        let made = plan::inclusion(index, size).unwrap().proof(stored).unwrap();
        assert_eq!(made, proof, "{index} in {size}");
        let leaf = Leaf { index, hash: of_hex(NODES[0][index as usize]) };
        assert_eq!(verify_inclusion(leaf, head(size), &proof), Ok(()), "{index} in {size}");
    }
}

#[test]
fn the_published_consistency_proofs_are_made_and_verified() {
    for &(old, new, proof) in CONSISTENCIES {
        let proof: Vec<Hash> = proof.iter().copied().map(of_hex).collect();
        let made = plan::consistency(old, new).unwrap().proof(stored).unwrap();
        assert_eq!(made, proof, "{old} to {new}");
        assert_eq!(verify_consistency(head(old), head(new), &proof), Ok(()), "{old} to {new}");
    }
}

fn head(size: u64) -> Head {
    Head { size, root: of_hex(ROOTS[size as usize - 1]) }
}

fn stored(node: Node) -> Option<Hash> {
    NODES.get(usize::from(node.level()))?.get(node.index() as usize).copied().map(of_hex)
}

fn of_hex(text: &str) -> Hash {
    Hash(hex::decode(text).unwrap().try_into().unwrap())
}
