//! The bytes of an event are the same for ever: a proof, a replay and another program compare them.
//!
//! `tests/fixtures/events.ndjson` has a line for each frozen event of the domain, as it is stored.
//! A line is written once. If it would have to change, the event needs a new version, and its old
//! payload is raised where the JSON of events is known: `src/store/codec.rs`.

use std::{collections::BTreeMap, fs, path::Path};

use creditrail::{domain::event::VERSION, store::codec};
use serde_json::{Value, value::RawValue};

#[derive(serde::Deserialize)]
struct Line<'a> {
    name: String,
    event_version: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[test]
fn every_stored_event_is_read_and_written_in_the_same_bytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = fs::read_to_string(root.join("tests/fixtures/events.ndjson")).unwrap();
    let frozen: Vec<Line<'_>> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let frozen: BTreeMap<_, _> = frozen.into_iter().map(|line| (line.name.clone(), line)).collect();
    for entry in fs::read_dir(root.join("domain/tests/fixtures/events")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let row: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        let (kind, version) = (text("aggregate_type"), text("event_version"));
        let event = codec::decode(&kind, &version, &row["payload"].to_string()).unwrap();
        let encoded = codec::encode(&event).unwrap();
        let line = format!(
            "{{\"name\":\"{name}\",\"event_version\":\"{VERSION}\",\"payload\":{encoded}}}"
        );
        let known = frozen.get(&name).unwrap_or_else(|| panic!("a line is missing: {line}"));
        assert_eq!(known.event_version, VERSION, "{name}");
        assert_eq!(known.payload.get(), encoded, "{name}");
        assert_eq!(codec::decode(&kind, VERSION, known.payload.get()).unwrap(), event, "{name}");
    }
}
