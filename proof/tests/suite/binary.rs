//! `creditrail-verify`, as an auditor runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use creditrail_proof::{checkpoint::Checkpoint, note};
use tempfile::TempDir;

use crate::{
    naive,
    support::{LOG, log, write_bundle, write_export},
};

/// In an empty environment, from an empty folder.
fn run(arguments: &[&str]) -> Output {
    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_creditrail-verify"));
    command.args(arguments).current_dir(empty.path()).env_clear().output().unwrap()
}

#[track_caller]
fn holds(arguments: &[&str], sentences: &[&str]) {
    let output = run(arguments);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for sentence in sentences {
        assert!(told.contains(sentence), "{sentence} in {told}");
    }
}

#[track_caller]
fn fails(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(output.stdout.is_empty(), "nothing is said to hold");
    assert_eq!(told.lines().count(), 1, "{told}");
    for word in words {
        assert!(told.contains(word), "{word} in {told}");
    }
}

fn bundle() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    write_bundle(folder.path(), &log().bundle());
    let path = text(folder.path());
    (folder, path)
}

fn export() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, files) = log().export();
    write_export(folder.path(), &manifest, &files);
    let path = text(folder.path());
    (folder, path)
}

fn key() -> String {
    log().verifier().to_string()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// One thing in a file, changed.
fn replace(file: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(file).unwrap();
    assert!(before.contains(from), "{from} in {}", file.display());
    fs::write(file, before.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_bundle_is_checked_in_sentences() {
    let (_folder, path) = bundle();
    holds(
        &["bundle", &path, "--key", &key(), "--origin", LOG],
        &[
            "The bundle holds. It is about transaction imprint/t-1.",
            "Log: creditrail.example/imprint. Its checkpoint is signed by the key, over 12 events.",
            "Events: 6, of 2 streams; each is in that log at its position.",
            "Recorded: from 2026-05-03T17:01:40.000001Z to 2026-05-03T17:01:40.000012Z.",
            "Deliveries: 3; each is the one that its event recorded.",
            "Not enclosed: 1 deliveries of these events.",
            "Not proven: that no later events exist",
        ],
    );
}

#[test]
fn a_key_may_stand_in_a_file() {
    let (folder, path) = bundle();
    let file = folder.path().join("key.pub");
    fs::write(&file, key() + "\n").unwrap();
    holds(
        &["bundle", &path, "--key", &text(&file)],
        &["The bundle holds.", "Not checked, and no part of it: \"key.pub\"."],
    );
}

#[test]
fn one_byte_of_a_bundle_is_enough() {
    let (folder, path) = bundle();
    replace(&folder.path().join("bundle.json"), "4.50", "4.51");
    let told = ["event 4 is not in the log as it stands here", "leads to the root", "the root is"];
    fails(&["bundle", &path, "--key", &key()], &told);

    let (folder, path) = bundle();
    replace(&folder.path().join("index.html"), "4.50", "4.51");
    let told = ["index.html is not the page of this bundle"];
    fails(&["bundle", &path, "--key", &key()], &told);

    let (folder, path) = bundle();
    replace(&folder.path().join("bundle.json"), "\"outcome\": \"applied\"", "\"outcome\": \"\"");
    let told = ["delivery d-1 is not the one that event 1 recorded", "its digest is"];
    fails(&["bundle", &path, "--key", &key()], &told);

    let (folder, path) = bundle();
    fs::remove_file(folder.path().join("index.html")).unwrap();
    fails(&["bundle", &path, "--key", &key()], &["index.html cannot be read"]);
}

#[test]
fn no_key_is_taken_from_the_bundle() {
    let (folder, path) = bundle();
    let (_, stranger) = note::generate("creditrail.example", &[8; 32]).unwrap();
    let key_of_stranger = stranger.verifier().to_string();
    fs::write(folder.path().join("key.pub"), key()).unwrap();
    fails(&["bundle", &path, "--key", &key_of_stranger], &["is not signed by the key"]);
    fails(&["bundle", &path, "--key", "nothing"], &["neither a key", "nor a file"]);
    fails(
        &["bundle", &path, "--key", &key(), "--origin", "creditrail.example/other"],
        &["the checkpoint is of the log", LOG],
    );
    assert_eq!(run(&["bundle", &path]).status.code(), Some(2), "a key is needed");
}

#[test]
fn what_a_bundle_says_does_not_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut bundle = log().bundle();
    bundle.kind = "customer".to_owned();
    bundle.id = "x\n\u{1b}[2JAll is proven".to_owned();
    write_bundle(folder.path(), &bundle);
    let told = ["It is about customer x[U+000A][U+001B][2JAll is proven.", "is a label"];
    holds(&["bundle", &text(folder.path()), "--key", &key()], &told);
}

#[test]
fn an_export_is_checked_in_sentences() {
    let (_folder, path) = export();
    holds(
        &["export", &path, "--key", &key()],
        &[
            "The export holds.",
            "Events: 7; all of that log from 4 to 10, unchanged.",
            "Other files: transactions.csv; as the manifest has them, which nothing signs.",
        ],
    );
}

#[test]
fn one_byte_of_an_export_is_enough() {
    let (folder, path) = export();
    replace(&folder.path().join("events.ndjson"), "5.50", "5.51");
    let told = ["events.ndjson: its SHA-256 is", "and the manifest has"];
    fails(&["export", &path, "--key", &key()], &told);

    let (folder, path) = export();
    replace(&folder.path().join("transactions.csv"), "1.50", "1.51");
    fails(&["export", &path, "--key", &key()], &["transactions.csv: its SHA-256 is"]);

    let (folder, path) = export();
    fs::remove_file(folder.path().join("transactions.csv")).unwrap();
    fails(&["export", &path, "--key", &key()], &["transactions.csv cannot be read"]);
}

#[test]
fn a_log_that_only_grew_is_told_from_one_that_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        fs::write(folder.path().join(name), content).unwrap();
        text(&folder.path().join(name))
    };
    let log = log();
    let (old, new) = (write("old", &log.checkpoint(7)), write("new", &log.checkpoint(12)));
    let hashes = naive::proof(7, &log.leaves());
    let lines: String = hashes.iter().map(|hash| format!("{hash}\n")).collect();
    let proof = write("proof", &lines);
    let none = write("none", "");
    let key = key();
    let check = |old: &str, new: &str, proof: &str| {
        ["checkpoints", old, new, "--proof", proof, "--key", &key].map(str::to_owned)
    };
    let told = ["The newer one, over 12 events, has all 7 of the older one"];
    holds(&check(&old, &new, &proof).each_ref().map(String::as_str), &told);
    holds(&check(&old, &old, &none).each_ref().map(String::as_str), &["over 7 events"]);
    for (old, new, proof, word) in [
        (&new, &old, &proof, "the older tree has 12 leaves"),
        (&old, &new, &none, "has 0 hashes where it needs"),
        (&old, &old, &proof, "hashes where it needs 0"),
        (&old, &new, &old, "is not the base64 of 32 bytes"),
        (&none, &new, &proof, "is not a signed note"),
    ] {
        fails(&check(old, new, proof).each_ref().map(String::as_str), &[word]);
    }
    let mut rewritten = log;
    rewritten.events[2].payload = "{}".into();
    let new = write("rewritten", &rewritten.checkpoint(12));
    let told = ["leads to the root"];
    fails(&check(&old, &new, &proof).each_ref().map(String::as_str), &told);
}

#[test]
fn checkpoints_of_two_logs_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let log = log();
    let write = |name: &str, origin: &str| {
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size: 12,
            root: naive::root(&log.leaves()),
            extensions: vec![],
        };
        fs::write(folder.path().join(name), checkpoint.sign(&log.key).unwrap()).unwrap();
        text(&folder.path().join(name))
    };
    let (ours, other) = (write("ours", LOG), write("other", "creditrail.example/other"));
    let strange = write("strange", "creditrail.example.org/imprint");
    fs::write(folder.path().join("none"), "").unwrap();
    let (none, key) = (text(&folder.path().join("none")), key());
    let check = |arguments: &[&str], word: &str| {
        let all = [&["checkpoints", "--proof", &none, "--key", &key], arguments].concat();
        fails(&all, &[word]);
    };
    check(&[&ours, &other], "the checkpoint is of the log");
    check(&[&strange, &strange], "is no log of the key creditrail.example");
    check(&[&ours, &ours, "--origin", "creditrail.example/other"], "the checkpoint is of the log");
}

#[test]
fn whoever_has_read_enough_does_not_make_it_fail() {
    let (_folder, path) = bundle();
    let key = log().verifier().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_creditrail-verify"));
    command.args(["bundle", &path, "--key", &key]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(0), ""));
}
