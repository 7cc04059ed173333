//! An export holds as it was made, and not with anything changed in it.

use std::io::{self, Cursor};

use creditrail_proof::{
    export::{self, Checked, ExportError, Manifest, verify},
    tree::verify::ProofError,
};

use crate::support::{LOG, changed, file, log};

type Files = Vec<(&'static str, String)>;

fn verified(manifest: &Manifest, files: &Files) -> Result<Checked, ExportError> {
    verify(manifest, &log().verifier(), None, |name| {
        let text = files.iter().find(|(found, _)| *found == name).map(|(_, text)| text.clone());
        text.map(Cursor::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    })
}

/// The events changed, and the manifest's file with them, as whoever lies would do.
fn with_events(events: String) -> Result<Checked, ExportError> {
    let (mut manifest, mut files) = log().export();
    manifest.files[0] = file(export::EVENTS, &events);
    files[0].1 = events;
    verified(&manifest, &files)
}

fn lines() -> Vec<String> {
    let (_, files) = log().export();
    files[0].1.lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn an_export_holds() {
    let (manifest, files) = log().export();
    let checked = verified(&manifest, &files).unwrap();
    assert_eq!((checked.events, checked.positions), (7, (4, 10)));
    assert_eq!((checked.origin.as_str(), checked.size), (LOG, 12));
    assert_eq!(checked.recorded, Some((1_777_827_700_000_004, 1_777_827_700_000_010)));
    assert_eq!(checked.others, ["transactions.csv"]);
    assert!(checked.is_complete);
    assert_eq!(Manifest::parse(&manifest.to_json().unwrap()).unwrap(), manifest);
}

#[test]
fn nothing_in_its_manifest_can_be_changed() {
    let (manifest, files) = log().export();
    let json = serde_json::to_value(&manifest).unwrap();
    let changes = changed(&json);
    assert!(changes.len() > 50, "{}", changes.len());
    for (place, other) in changes {
        // In what order the files stand, and a file that is left out, says nothing of the log.
        let is_of_files = place == "/files" && Manifest::parse(&other.to_string()).is_ok();
        if is_of_files && other["files"].to_string().contains(export::EVENTS) {
            continue;
        }
        if place.starts_with("/files/1") && other.pointer("/files/1/rows").is_none() {
            continue; // Lines that are not counted are none the less hashed.
        }
        if place.starts_with("/files/0") && other.pointer("/files/0/rows").is_none() {
            continue;
        }
        let checked =
            Manifest::parse(&other.to_string()).and_then(|other| verified(&other, &files));
        assert!(checked.is_err(), "{place}: {other}");
    }
}

#[test]
fn no_byte_of_a_file_can_be_changed() {
    let (manifest, files) = log().export();
    for of_file in 0..files.len() {
        for place in 0..files[of_file].1.len() {
            let mut files = files.clone();
            let mut bytes = files[of_file].1.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            files[of_file].1 = text;
            assert!(verified(&manifest, &files).is_err(), "{of_file} at {place}");
        }
    }
}

#[test]
fn no_value_of_an_event_can_be_changed_with_the_manifest() {
    for (number, line) in lines().iter().enumerate() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        for (place, other) in changed(&event) {
            let mut lines = lines();
            lines[number] = format!("{other}\n");
            assert!(with_events(lines.concat()).is_err(), "{number}: {place}");
        }
    }
}

#[test]
fn each_lie_about_the_events_is_named() {
    let lie = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines();
        change(&mut lines);
        with_events(lines.concat()).unwrap_err()
    };
    let error = lie(&|lines| lines[2] = lines[2].replace("6.50", "9.50"));
    let root = |cause: &ProofError| matches!(cause, ProofError::Root { .. });
    assert!(matches!(&error, ExportError::NotTheLog { cause, .. } if root(cause)), "{error}");
    let error = lie(&|lines| drop(lines.remove(2)));
    assert!(matches!(error, ExportError::Position { line: 3, expected: 6, found: 7 }), "{error}");
    let error = lie(&|lines| lines.insert(2, lines[1].clone()));
    assert!(matches!(error, ExportError::Position { line: 3, expected: 6, found: 5 }), "{error}");
    let error = lie(&|lines| lines.swap(0, 1));
    assert!(matches!(error, ExportError::Position { line: 1, expected: 4, found: 5 }), "{error}");
    let error = lie(&|lines| drop(lines.pop()));
    assert!(matches!(error, ExportError::Ends { expected: 10 }), "{error}");
    let error = lie(&|lines| lines.clear());
    assert!(matches!(error, ExportError::Ends { expected: 4 }), "{error}");
    let error = lie(&|lines| lines.push("\n".to_owned()));
    assert!(matches!(error, ExportError::Line { line: 8, .. }), "{error}");
    let error = lie(&|lines| lines[6] = lines[6].trim_end().to_owned());
    assert!(matches!(error, ExportError::Line { line: 7, .. }), "{error}");
    let error = lie(&|lines| lines[0] = lines[0].replace("\"imprint\"", "\"other\""));
    assert!(matches!(error, ExportError::Source { position: 4, .. }), "{error}");
    let error = lie(&|lines| lines[0] = lines[0].replacen('{', r#"{"position": 4,"#, 1));
    assert!(matches!(error, ExportError::Line { line: 1, .. }), "{error}");
}

#[test]
fn a_tail_cannot_be_cut_off_with_the_manifest() {
    let (mut manifest, mut files) = log().export();
    files[0].1 = lines()[..6].concat();
    manifest.files[0] = file(export::EVENTS, &files[0].1);
    manifest.to = 9;
    let error = verified(&manifest, &files).unwrap_err();
    assert!(matches!(error, ExportError::NotTheLog { from: 4, to: 9, .. }), "{error}");
}

#[test]
fn names_do_not_lead_out_of_the_folder() {
    for name in ["../key", "/etc/passwd", "a/b", "..", "", ".hidden", "a\\b", "manifest.json", "ü"]
    {
        let (mut manifest, files) = log().export();
        manifest.files[1].name = name.to_owned();
        let error = verified(&manifest, &files).unwrap_err();
        assert!(matches!(error, ExportError::FileName(_)), "{name}: {error}");
    }
    let (mut manifest, files) = log().export();
    manifest.files.remove(0);
    assert!(matches!(verified(&manifest, &files).unwrap_err(), ExportError::NoEvents));
}

#[test]
fn a_filtered_export_says_that_it_proves_little() {
    let (mut manifest, mut files) = log().export();
    let filter = ("aggregate_type".to_owned(), "transaction".to_owned());
    manifest.filters.insert(filter.0, filter.1);
    let error = verified(&manifest, &files).unwrap_err();
    assert!(matches!(error, ExportError::RangeOrFilters), "{error}");
    manifest.range = None;
    let lines = lines();
    files[0].1 = [0, 1, 3, 4, 6].map(|line| lines[line].clone()).concat();
    manifest.files[0] = file(export::EVENTS, &files[0].1);
    let checked = verified(&manifest, &files).unwrap();
    assert!(!checked.is_complete);
    assert_eq!(checked.events, 5);
    assert!(checked.to_string().contains("Not proven: that they are in that log"));
    manifest.filters.clear();
    let error = verified(&manifest, &files).unwrap_err();
    assert!(matches!(error, ExportError::RangeOrFilters), "{error}");
}

#[test]
fn positions_that_no_log_has_are_refused() {
    for (from, to) in [(0, 10), (-1, 10), (i64::MIN, 10), (5, 4), (1, i64::MAX)] {
        let (manifest, files) = log().export();
        let manifest = Manifest { from, to, ..manifest };
        assert!(verified(&manifest, &files).is_err(), "{from} to {to}");
    }
}

#[test]
fn an_export_of_the_first_form_holds_for_ever() {
    let manifest = Manifest::parse(include_str!("../fixtures/export-v1/manifest.json")).unwrap();
    let key = include_str!("../fixtures/key.pub").trim_end().parse().unwrap();
    let checked = verify(&manifest, &key, Some(LOG), |name| {
        Ok(Cursor::new(match name {
            export::EVENTS => include_str!("../fixtures/export-v1/events.ndjson"),
            _ => include_str!("../fixtures/export-v1/transactions.csv"),
        }))
    });
    assert_eq!(checked.unwrap().events, 7);
}
