//! What is stored is enough for every proof, however the tree grew.

use std::collections::HashMap;

use creditrail_proof::{
    Hash,
    tile::{self, Tile, TileError, TileId, Tiles, WIDTH},
    tree::{Frontier, Node, plan},
};

use crate::naive;

#[derive(Default)]
struct Stored(HashMap<TileId, Vec<Hash>>);

impl Stored {
    fn keep(&mut self, changed: Vec<Tile>) {
        for Tile { id, hashes } in changed {
            let text = tile::encode(&hashes);
            self.0.insert(id, tile::decode(&text).unwrap());
        }
    }

    fn node(&self, node: Node) -> Option<Hash> {
        let place = tile::place(node);
        place.fold(self.0.get(&place.tile)?)
    }
}

#[test]
fn tiles_make_every_tree_around_their_edges() {
    let leaves = leaves(65_537);
    let (mut tiles, mut stored) = (Tiles::default(), Stored::default());
    let watched = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537];
    for (index, leaf) in leaves.iter().enumerate() {
        tiles.append(*leaf);
        let size = index + 1;
        if !watched.contains(&size) {
            continue;
        }
        stored.keep(tiles.take_changed());
        assert_eq!(tiles.take_changed(), [], "told once");
        let root = naive::root(&leaves[..size]);
        assert_eq!(tiles.root(), root, "{size}");
        assert_eq!(tiles.frontier().root(), root, "{size}");
        let of_tiles = plan::root(size as u64).unwrap().root(|node| stored.node(node));
        assert_eq!(of_tiles, Ok(root), "{size}");
        let is_small = size < 1000; // The second implementation hashes the whole tree each time.
        for index in if is_small { vec![0, size / 3, size / 2, size - 1] } else { vec![size / 3] } {
            let plan = plan::inclusion(index as u64, size as u64).unwrap();
            let proof = plan.proof(|node| stored.node(node)).unwrap();
            assert_eq!(proof, naive::path(index, &leaves[..size]), "{index} of {size}");
        }
        let old = if is_small { vec![1, size.div_ceil(2), size] } else { vec![size - 1] };
        for old in old {
            let plan = plan::consistency(old as u64, size as u64).unwrap();
            let proof = plan.proof(|node| stored.node(node)).unwrap();
            assert_eq!(proof, naive::proof(old, &leaves[..size]), "{old} of {size}");
        }
        // Opened again it goes on from there.
        tiles = Tiles::open(size as u64, |id| stored.0.get(&id).cloned()).unwrap();
        assert_eq!(tiles.root(), root, "{size}, opened again");
    }
}

#[test]
fn only_what_changed_is_told() {
    let mut tiles = Tiles::default();
    let mut append = |count: usize| {
        leaves(count).into_iter().for_each(|leaf| tiles.append(leaf));
        tiles.take_changed().into_iter().map(|tile| (tile.id, tile.hashes.len())).collect()
    };
    let id = |level, index| TileId { level, index };
    let told: Vec<(TileId, usize)> = append(3);
    assert_eq!(told, [(id(0, 0), 3)]);
    assert_eq!(append(252), [(id(0, 0), 255)]);
    assert_eq!(append(1), [(id(0, 0), 256), (id(1, 0), 1)]);
    assert_eq!(append(2), [(id(0, 1), 2)]);
    assert_eq!(append(0), []);
    assert_eq!(append(510), [(id(0, 1), 256), (id(0, 2), 256), (id(1, 0), 3)]);
}

#[test]
fn an_older_tree_is_opened_from_newer_tiles() {
    let leaves = leaves(1000);
    let (mut tiles, mut stored) = (Tiles::default(), Stored::default());
    leaves.iter().for_each(|leaf| tiles.append(*leaf));
    stored.keep(tiles.take_changed());
    for size in [0, 1, 255, 256, 300, 999, 1000] {
        let mut older = Tiles::open(size as u64, |id| stored.0.get(&id).cloned()).unwrap();
        assert_eq!(older.root(), naive::root(&leaves[..size]), "{size}");
        leaves[size..].iter().for_each(|leaf| older.append(*leaf));
        assert_eq!(older.root(), naive::root(&leaves), "{size}, and on from there");
    }
}

#[test]
fn tiles_that_are_too_short_are_refused() {
    let id = TileId { level: 0, index: 1 };
    let missing = TileError::Missing { id, hashes: 44 };
    let opened = |found: Option<usize>| Tiles::open(300, |_| found.map(leaves)).unwrap_err();
    assert_eq!(opened(None), missing);
    assert_eq!(opened(Some(43)), missing);
    assert_eq!(Tiles::open(u64::MAX, |_| None).unwrap_err(), TileError::TooLarge(u64::MAX));
    let place = tile::place(Node::new(3, 0).unwrap());
    assert_eq!(place.fold(&leaves(7)), None);
    assert!(place.fold(&leaves(8)).is_some());
}

#[test]
fn a_tile_has_one_text() {
    for count in [1, 2, 3, WIDTH] {
        let hashes = leaves(count);
        assert_eq!(tile::decode(&tile::encode(&hashes)), Ok(hashes));
    }
    let of = |count| tile::encode(&leaves(count));
    for wrong in [of(0), of(257), of(2)[..43].to_owned(), "AAAA".to_owned(), of(1) + "\n"] {
        assert!(tile::decode(&wrong).is_err(), "{} bytes", wrong.len());
    }
}

#[test]
fn the_frontier_of_tiles_goes_on_as_one() {
    let leaves = leaves(400);
    let (mut tiles, mut frontier) = (Tiles::default(), Frontier::default());
    for leaf in leaves {
        tiles.append(leaf);
        frontier.append(leaf);
        assert_eq!(tiles.frontier(), frontier);
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}
