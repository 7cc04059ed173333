//! The bytes of an entry, by hand, and that no two entries have the same.

use std::collections::HashSet;

use creditrail_proof::{
    Hash,
    leaf::{DeliveryEntry, Entry, leaf},
};
use sha2::{Digest as _, Sha256};

use crate::support::{changed, log};

#[test]
fn the_bytes_of_an_event_are_as_they_are_documented() {
    let entry = Entry {
        source: "s".into(),
        position: 1,
        aggregate_type: "ab".into(),
        aggregate_id: "".into(),
        sequence: 258,
        event_type: "E".into(),
        event_version: "1".into(),
        occurred_at: -1,
        recorded_at: 2,
        payload: "{}".into(),
        metadata: "ü".into(),
        delivery: Some(Hash([9; 32])),
    };
    let by_hand = [
        hex::encode("creditrail/event/v1"),
        "0000000000000001".to_owned() + "73",
        "0000000000000001".to_owned(),
        "0000000000000002".to_owned() + "6162",
        "0000000000000000".to_owned(),
        "0000000000000102".to_owned(),
        "0000000000000001".to_owned() + "45",
        "0000000000000001".to_owned() + "31",
        "ffffffffffffffff".to_owned(),
        "0000000000000002".to_owned(),
        "0000000000000002".to_owned() + "7b7d",
        "0000000000000002".to_owned() + "c3bc",
        "0000000000000020".to_owned() + &"09".repeat(32),
    ]
    .concat();
    assert_eq!(hex::encode(entry.bytes()), by_hand);
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(hex::decode(&by_hand).unwrap());
    assert_eq!(leaf(&entry), Hash(hasher.finalize().into()));
    assert_eq!(leaf(&entry), Hash::leaf(&entry.bytes()));
    let without = Entry { delivery: None, ..entry };
    let by_hand = by_hand[..by_hand.len() - 80].to_owned() + "0000000000000000";
    assert_eq!(hex::encode(without.bytes()), by_hand);
}

#[test]
fn the_digest_of_a_delivery_is_as_it_is_documented() {
    let entry = DeliveryEntry {
        source: "s".into(),
        delivery_id: "d".into(),
        number: 3,
        dedup_key: "k".into(),
        received_at: 4,
        secret_id: "a".into(),
        headers: "{}".into(),
        body: vec![0xff, 0].into(),
        outcome: "o".into(),
        first_position: 5,
        aggregate_type: "t".into(),
        stream: "i".into(),
    };
    let one = |letter: &str| "0000000000000001".to_owned() + &hex::encode(letter);
    let by_hand = [
        hex::encode("creditrail/delivery/v1"),
        one("s"),
        one("d"),
        "0000000000000003".to_owned(),
        one("k"),
        "0000000000000004".to_owned(),
        one("a"),
        "0000000000000002".to_owned() + "7b7d",
        "0000000000000002".to_owned() + "ff00",
        one("o"),
        "0000000000000005".to_owned(),
        one("t"),
        one("i"),
    ]
    .concat();
    assert_eq!(hex::encode(entry.bytes()), by_hand);
    assert_eq!(entry.digest(), Hash::of(&hex::decode(by_hand).unwrap()));
}

#[test]
fn every_field_of_an_event_is_in_its_leaf() {
    let event = &log().events[0];
    let mut seen = HashSet::from([leaf(event)]);
    let json = serde_json::to_value(event).unwrap();
    let mut fields = HashSet::new();
    // An event without `delivery` is the same as one in which it is null.
    for (place, other) in changed(&json).into_iter().filter(|(place, _)| !place.is_empty()) {
        let other = other.to_string();
        let Ok(other) = serde_json::from_str::<Entry<'_>>(&other) else { continue };
        assert!(seen.insert(leaf(&other)), "{place}");
        fields.insert(place);
    }
    assert_eq!(fields.len(), 12, "{fields:?}");
}

#[test]
fn every_field_of_a_delivery_is_in_its_digest() {
    let entry = &log().deliveries[1];
    let mut seen = HashSet::from([entry.digest()]);
    let json = serde_json::to_value(entry).unwrap();
    let mut fields = HashSet::new();
    for (place, other) in changed(&json) {
        let other = other.to_string();
        let Ok(other) = serde_json::from_str::<DeliveryEntry<'_>>(&other) else { continue };
        assert!(seen.insert(other.digest()), "{place}");
        fields.insert(place);
    }
    assert_eq!(fields.len(), 12, "{fields:?}");
}

#[test]
fn letters_do_not_move_between_fields() {
    let event = &log().events[0];
    let moved = |a: &'static str, b: &'static str| Entry {
        payload: a.into(),
        metadata: b.into(),
        ..event.clone()
    };
    assert_ne!(leaf(&moved("ab", "c")), leaf(&moved("a", "bc")));
    assert_ne!(leaf(&moved("abc", "")), leaf(&moved("", "abc")));
}
