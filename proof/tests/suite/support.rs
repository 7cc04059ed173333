//! A log of twelve events with its key, and what it hands over: a bundle and an export.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path};

use creditrail_proof::{
    Hash,
    bundle::{self, Bundle, ProvenEvent, StreamName},
    checkpoint::{Checkpoint, origin},
    export::{self, File, Manifest},
    leaf::{DeliveryEntry, Entry, leaf},
    note::{self, SignerKey, VerifierKey},
    tree::{Frontier, plan},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::naive;

pub const SOURCE: &str = "imprint";
pub const LOG: &str = "creditrail.example/imprint";
const STREAMS: [(&str, &str); 3] = [
    ("transaction", "imprint/t-1"),
    ("transaction", "imprint/t-2"),
    ("application", "imprint/a-1"),
];

pub struct Log {
    pub key: SignerKey,
    pub events: Vec<Entry<'static>>,
    pub deliveries: Vec<DeliveryEntry<'static>>,
}

/// Position 1 is of the first stream, 2 of the second, 3 of the third, 4 of the first … Every event but
/// those of the third stream recorded a delivery.
pub fn log() -> Log {
    let (_, key) = note::generate("creditrail.example", &[7; 32]).unwrap();
    let (mut events, mut deliveries) = (vec![], vec![]);
    for position in 1..=12_i64 {
        let stream = (position - 1) % 3;
        let (aggregate_type, aggregate_id) = STREAMS[stream as usize];
        let delivery = (stream < 2).then(|| delivery(position, aggregate_type, aggregate_id));
        events.push(Entry {
            source: SOURCE.into(),
            position,
            aggregate_type: aggregate_type.into(),
            aggregate_id: aggregate_id.into(),
            sequence: (position + 2) / 3,
            event_type: "Captured".into(),
            event_version: "1.0".into(),
            occurred_at: 1_777_827_600_000_000 + position,
            recorded_at: 1_777_827_700_000_000 + position,
            payload: format!(r#"{{"amount": "{position}.50", "who": "O'Hara & <b>sons</b>"}}"#)
                .into(),
            metadata: "{}".into(),
            delivery: delivery.as_ref().map(DeliveryEntry::digest),
        });
        deliveries.extend(delivery);
    }
    Log { key, events, deliveries }
}

fn delivery(
    position: i64,
    aggregate_type: &'static str,
    stream: &'static str,
) -> DeliveryEntry<'static> {
    let body =
        if position == 1 { vec![0xff, 0xfe] } else { format!("{{\"n\":{position}}}").into() };
    DeliveryEntry {
        source: SOURCE.into(),
        delivery_id: format!("d-{position}").into(),
        number: position,
        dedup_key: format!("key-{position}").into(),
        received_at: 1_777_827_650_000_000 + position,
        secret_id: "2026-a".into(),
        headers: r#"{"content-type":"application/json"}"#.into(),
        body: Cow::Owned(body),
        outcome: "applied".into(),
        first_position: position,
        aggregate_type: aggregate_type.into(),
        stream: stream.into(),
    }
}

impl Log {
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier().clone()
    }

    pub fn leaves(&self) -> Vec<Hash> {
        self.events.iter().map(leaf).collect()
    }

    /// The signed checkpoint over the first events.
    pub fn checkpoint(&self, size: usize) -> String {
        let mut frontier = Frontier::default();
        self.leaves()[..size].iter().for_each(|leaf| frontier.append(*leaf));
        let (origin, root) = (origin(self.key.verifier(), SOURCE), frontier.root());
        let checkpoint = Checkpoint { origin, size: size as u64, root, extensions: vec![] };
        checkpoint.sign(&self.key).unwrap()
    }

    /// Of the first transaction, and with it the last event of the application.
    pub fn bundle(&self) -> Bundle<'static> {
        let leaves = self.leaves();
        let proven = |position: usize| ProvenEvent {
            event: self.events[position - 1].clone(),
            proof: naive::path(position - 1, &leaves),
        };
        let stream = |(aggregate_type, aggregate_id): (&str, &str)| StreamName {
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: aggregate_id.to_owned(),
        };
        Bundle {
            format: bundle::FORMAT.into(),
            kind: "transaction".to_owned(),
            id: "imprint/t-1".to_owned(),
            source: SOURCE.to_owned(),
            checkpoint: self.checkpoint(12),
            events: [1, 4, 7, 9, 10, 12].map(proven).into(),
            deliveries: [1, 4, 10].map(|position| self.delivery_of(position)).into(),
            openings: Vec::new(),
            deliveries_not_enclosed: vec![7],
            cut: vec![stream(STREAMS[2])],
            notes: vec!["Asked for by the auditor.".to_owned(), "Second note.".to_owned()],
        }
    }

    fn delivery_of(&self, position: i64) -> DeliveryEntry<'static> {
        let of = |entry: &&DeliveryEntry<'_>| entry.first_position == position;
        self.deliveries.iter().find(of).unwrap().clone()
    }

    /// Events 4 to 10, and a file beside them.
    pub fn export(&self) -> (Manifest, Vec<(&'static str, String)>) {
        let leaves = self.leaves();
        let proof = plan::range(3, 10, 12).unwrap().proof(|node| {
            let from = (node.index() << node.level()) as usize;
            Some(naive::root(&leaves[from..from + (1 << node.level())]))
        });
        let lines = self.events[3..10].iter().map(|event| serde_json::to_string(event).unwrap());
        let files = vec![
            (export::EVENTS, lines.map(|line| line + "\n").collect()),
            ("transactions.csv", "id,amount\nt-1,1.50\n\"t\n2\",2\n".to_owned()),
        ];
        let manifest = Manifest {
            format: export::FORMAT.into(),
            program: None,
            source: SOURCE.to_owned(),
            from: 4,
            to: 10,
            filters: BTreeMap::new(),
            left_out: Vec::new(),
            files: files.iter().map(|(name, text)| file(name, text)).collect(),
            checkpoint: self.checkpoint(12),
            range: Some(proof.unwrap()),
        };
        (manifest, files)
    }
}

/// The file that is no NDJSON has a heading, and a line that ends in a cell.
fn rows(name: &str, text: &str) -> u64 {
    text.lines().count() as u64 - if name == export::EVENTS { 0 } else { 2 }
}

pub fn file(name: &str, text: &str) -> File {
    File {
        name: name.to_owned(),
        rows: Some(rows(name, text)),
        bytes: text.len() as u64,
        sha256: Sha256::digest(text).into(),
        position: None,
    }
}

pub fn write_bundle(folder: &Path, bundle: &Bundle<'_>) {
    fs::write(folder.join(bundle::FILE), bundle.to_json().unwrap()).unwrap();
    fs::write(folder.join(bundle::PAGE), bundle::page(bundle)).unwrap();
}

pub fn write_export(folder: &Path, manifest: &Manifest, files: &[(&str, String)]) {
    fs::write(folder.join(export::MANIFEST), manifest.to_json().unwrap()).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// The same JSON with one thing changed, for each thing in it: the place of the change, and the JSON.
pub fn changed(json: &Value) -> Vec<(String, Value)> {
    let mut places = vec![];
    pointers(json, String::new(), &mut places);
    let mut all = vec![];
    for place in places {
        for value in others(json.pointer(&place).unwrap()) {
            let mut other = json.clone();
            *other.pointer_mut(&place).unwrap() = value;
            all.push((place.clone(), other));
        }
    }
    all
}

/// What may stand in place of a value.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![Hash([1; 32]).to_string().into()],
        Value::Bool(is) => vec![(!is).into()],
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            [number + 1, number - 1, -number, i64::MAX, i64::MIN].map(Value::from).into()
        }
        Value::String(text) => {
            vec![format!("{text}x").into(), format!("x{text}").into(), "".into(), Value::Null]
        }
        Value::Array(items) => other_lists(items),
        Value::Object(fields) => {
            let mut more = fields.clone();
            more.insert("more".to_owned(), 1.into());
            let without = |name| {
                let mut fewer = fields.clone();
                fewer.remove(name);
                Value::Object(fewer)
            };
            let stated = fields.iter().filter(|(_, value)| !value.is_null());
            stated.map(|(name, _)| without(name)).chain([Value::Object(more)]).collect()
        }
    }
}

/// One fewer, one twice, two in another order.
fn other_lists(items: &[Value]) -> Vec<Value> {
    let mut lists = vec![];
    for (index, item) in items.iter().enumerate() {
        let mut fewer = items.to_vec();
        fewer.remove(index);
        lists.push(fewer.into());
        lists.push([items, std::slice::from_ref(item)].concat().into());
        if index > 0 {
            let mut swapped = items.to_vec();
            swapped.swap(0, index);
            lists.push(swapped.into());
        }
    }
    lists
}

fn pointers(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{place}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                pointers(item, format!("{place}/{name}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}
