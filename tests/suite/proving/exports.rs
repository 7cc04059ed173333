//! `creditrail audit export`, and the same over HTTP: proven to be all there is, narrowed, new.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{fails, holds, ledger};
use crate::support::{Ledger, Tx, items, number, text, until};

#[tokio::test]
async fn an_export_is_proven_to_be_all_there_is_in_every_form() {
    let (_folder, ledger) = ledger().await;
    ledger.counts().await;
    let mut rows = std::collections::BTreeMap::new();
    for form in ["ndjson", "csv", "parquet"] {
        let taken = Taken::of(&ledger, &["--format", form]);
        let told = holds(&taken.words());
        let manifest = taken.manifest();
        assert!(told.contains(&format!("{}", manifest["to"])), "{told}");
        let files: Vec<_> =
            items(&manifest, "files").iter().map(|file| text(file, "name")).collect();
        for name in ["events", "deliveries", "transactions", "timeline", "access_records"] {
            assert!(files.contains(&format!("{name}.{form}").as_str()), "{form}: {files:?}");
        }
        assert!(files.contains(&"events.ndjson"), "what is verified stands there in any case");
        assert!(text(&manifest, "program").starts_with("creditrail "), "{manifest:#}");
        for file in items(&manifest, "files") {
            let own = text(file, "name");
            let same = form != "ndjson" && own == "events.ndjson";
            rows.entry(own.split('.').next().unwrap().to_owned())
                .or_insert_with(Vec::new)
                .extend(file["rows"].as_i64().filter(|_| !same));
            let stands = 0..=number(&manifest, "to");
            assert!(stands.contains(&number(file, "position")), "{file:#}");
            let is_log = own.starts_with("events") || own.starts_with("deliveries");
            assert!(!is_log || file["position"] == manifest["to"], "{file:#}");
        }
    }
    for (table, rows) in rows {
        assert_eq!(rows.len(), 3, "{table}: every form tells");
        // Who takes it away may be a row itself.
        let is_same = rows.iter().all(|count| *count == rows[0]) || table == "access_records";
        assert!(is_same, "{table}: {rows:?}");
    }
    let records = until("who took it away is told", async || {
        // It stands in the log of accesses, which is that of no source.
        let told = ledger.ask("/v1/access-records", &[("act", "exported")]).await.is(200);
        let records = items(&told, "items").to_vec();
        (records.len() == 3).then_some(records)
    })
    .await;
    assert!(records.iter().all(|record| text(record, "reason") == "the audit"));
}

#[tokio::test]
async fn a_part_of_the_log_is_proven_to_be_all_of_that_part() {
    let (_folder, ledger) = ledger().await;
    let taken = Taken::of(&ledger, &["--what", "events", "--from", "3", "--to", "6"]);
    let lines: Vec<Value> = taken.lines();
    let positions: Vec<_> = lines.iter().map(|line| line["position"].as_i64()).collect();
    assert_eq!(positions, [Some(3), Some(4), Some(5), Some(6)]);
    holds(&taken.words());
    let file = taken.folder.path().join("events.ndjson");
    let whole = fs::read_to_string(&file).unwrap();
    let cut: String = whole.lines().skip(1).flat_map(|line| [line, "\n"]).collect();
    for changed in [cut, whole.replacen("approved", "captured", 1)] {
        assert_ne!(changed, whole);
        fs::write(&file, changed).unwrap();
        assert!(fails(&taken.words()).contains("events.ndjson"));
    }
}

#[tokio::test]
async fn what_is_filtered_says_that_it_is_not_proven() {
    let (_folder, ledger) = ledger().await;
    ledger.receive(&Tx::new("other").approved(100).customer("bob")).await;
    let taken =
        Taken::of(&ledger, &["--what", "events,deliveries,transactions", "--customer", "bob"]);
    assert!(taken.printed.contains("nothing proves"), "{}", taken.printed);
    let lines = taken.lines();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| text(line, "aggregate_id") == "imprint/other"), "{lines:?}");
    assert!(taken.manifest()["range"].is_null());
    assert!(holds(&taken.words()).to_lowercase().contains("filter"));
    let nothing = Taken::of(&ledger, &["--what", "events", "--kind", "charge"]);
    assert!(nothing.lines().is_empty());
}

#[tokio::test]
async fn what_cannot_be_narrowed_is_left_out_of_a_filtered_export_and_named() {
    const OTHER: &str = "canary-customer-of-others";
    let (_folder, ledger) = ledger().await;
    ledger.receive(&Tx::new("other").approved(100).customer("bob")).await;
    ledger.receive(&Tx::new("another").approved(100).customer(OTHER)).await;
    for filter in [["--customer", "bob"], ["--kind", "charge"]] {
        let taken = Taken::of(&ledger, &filter);
        let manifest = taken.manifest();
        let left_out: Vec<_> =
            items(&manifest, "left_out").iter().filter_map(Value::as_str).collect();
        for table in ["identifiers", "deadlines", "statistics", "tallies"] {
            assert!(left_out.contains(&table), "{left_out:?}");
            assert!(taken.printed.contains(table), "{}", taken.printed);
        }
        let files = fs::read_dir(taken.folder.path()).unwrap();
        for file in files.map(|file| file.unwrap().path()) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains(OTHER), "{}", file.display());
        }
        holds(&taken.words());
    }
    let refused = |words: &[&str], named: [&str; 2]| {
        let out = ledger.service.file("refused");
        let own = ["audit", "export", "--source", "imprint", "--reason", "r", "--out", &out];
        let (_, errors, is_well) = ledger.service.asked(&[&own, words].concat());
        assert!(!is_well && named.iter().all(|name| errors.contains(name)), "{errors}");
        assert!(!fs::exists(out).unwrap(), "nothing is written");
    };
    refused(&["--what", "identifiers", "--customer", "bob"], ["identifiers", "customer_id"]);
    refused(&["--what", "events,transactions", "--kind", "charge"], ["transactions", "kind"]);
    refused(&["--customer", "nobody"], ["nobody", "customer"]);
    let over_http = async |asked: Value| ledger.command("/v1/exports/log", &asked).await;
    let unknown = json!({"source": "imprint", "reason": "r", "customer_id": "nobody"});
    over_http(unknown).await.is_problem(404, "not_found");
    let whole =
        json!({"source": "imprint", "reason": "r", "customer_id": "bob", "what": ["tallies"]});
    over_http(whole).await.names("what");
}

#[tokio::test]
async fn what_is_written_is_new_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, ledger) = ledger().await;
    let out = ledger.service.file("out");
    let prove = ["audit", "prove", "transaction", "imprint/t1", "--reason", "r", "--out", &out];
    let export = ["audit", "export", "--source", "imprint", "--reason", "r", "--out", &out];
    for words in [&prove[..], &export[..]] {
        let (_, errors, is_well) = ledger.service.asked(words);
        assert!(is_well, "{errors}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(Path::new(&out)), 0o700);
        for file in fs::read_dir(&out).unwrap().map(|file| file.unwrap().path()) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        let (_, errors, is_well) = ledger.service.asked(words);
        assert!(!is_well && errors.contains("is not empty"), "{errors}");
        fs::remove_dir_all(&out).unwrap();
    }
}

/// As the command writes it, but as an archive that is streamed.
#[tokio::test]
async fn what_is_taken_over_http_is_proven_and_filtered_as_by_the_command() {
    let (_folder, ledger) = ledger().await;
    ledger.receive(&Tx::new("other").approved(100).customer("bob")).await;
    ledger.is_sound().await;
    for format in ["ndjson", "csv", "parquet"] {
        let taken = Taken::over_http(&ledger, &json!({ "format": format })).await;
        holds(&taken.words());
        let names: Vec<_> = items(&taken.manifest(), "files").to_vec();
        let by_command = Taken::of(&ledger, &["--format", format]).manifest();
        let by_name = |files: &[Value]| -> Vec<String> {
            files.iter().map(|file| text(file, "name").to_owned()).collect()
        };
        assert_eq!(by_name(&names), by_name(items(&by_command, "files")));
        for (here, there) in names.iter().zip(items(&by_command, "files")) {
            // Who takes it away is a row itself, whichever way.
            if !text(here, "name").starts_with("access_records") {
                assert_eq!(here, there, "the same bytes");
            }
        }
    }
    let part = json!({ "what": ["events"], "from": "3", "to": "6" });
    let taken = Taken::over_http(&ledger, &part).await;
    let positions: Vec<_> = taken.lines().iter().map(|line| line["position"].clone()).collect();
    assert_eq!(positions, [3, 4, 5, 6]);
    holds(&taken.words());
    let of_bob = json!({ "what": ["events"], "customer_id": "bob", "kind": "transaction" });
    let taken = Taken::over_http(&ledger, &of_bob).await;
    let lines = taken.lines();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| text(line, "aggregate_id") == "imprint/other"), "{lines:?}");
    assert!(taken.manifest()["range"].is_null());

    let records = until("who took it away is told", async || {
        let told = ledger.ask("/v1/access-records", &[("act", "exported")]).await.is(200);
        let records = items(&told, "items").to_vec();
        (records.len() == 8).then_some(records)
    })
    .await;
    assert!(records.iter().all(|record| text(record, "reason") == "the audit"));
    assert!(records.iter().any(|record| record["actor"] == "eve"), "{records:?}");
}

#[tokio::test]
async fn what_is_wrong_with_an_export_of_the_log_is_named_and_not_recorded() {
    let (_folder, ledger) = ledger().await;
    #[rustfmt::skip] // It is a table.
    let wrong = [
        (json!({"source": "imprint"}),                                              400, "reason"),
        (json!({"source": "imprint", "reason": "r", "what": ["loans"]}),            400, "what"),
        (json!({"source": "imprint", "reason": "r", "format": "xlsx"}),             400, "format"),
        (json!({"source": "imprint", "reason": "r", "from": "soon"}),               400, "from"),
        (json!({"source": "imprint", "reason": "r", "from": "7", "to": "6"}),       400, "from"),
        (json!({"source": "imprint", "reason": "r", "kind": "loan"}),               400, "kind"),
        (json!({"source": "imprint", "reason": "r", "colour": "red"}),              400, "colour"),
        (json!({"source": "imprint", "reason": "r", "actor": ""}),                  400, "actor"),
        (json!({"source": "nobody", "reason": "r"}),                                404, "nobody"),
    ];
    for (asked, status, named) in wrong {
        let answer = ledger.command("/v1/exports/log", &asked).await.is(status);
        assert!(text(&answer, "detail").contains(named), "{asked}: {answer}");
    }
    Taken::over_http(&ledger, &json!({})).await;
    let records = until("the one that was taken is told", async || {
        let told = ledger.ask("/v1/access-records", &[("act", "exported")]).await.is(200);
        Some(items(&told, "items").to_vec()).filter(|records| !records.is_empty())
    })
    .await;
    assert_eq!(records.len(), 1, "{records:?}");
}

/// What was taken away.
struct Taken {
    folder: TempDir,
    key: String,
    printed: String,
}

impl Taken {
    fn of(ledger: &Ledger, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().display().to_string();
        let own =
            ["audit", "export", "--source", "imprint", "--reason", "the audit", "--out", &out];
        let (printed, errors, is_well) = ledger.service.asked(&[&own, words].concat());
        assert!(is_well, "{errors}");
        let (key, ..) = ledger.service.asked(&["audit", "key", "show"]);
        Self { folder, key: key.trim().to_owned(), printed }
    }

    /// The same from a service that runs, unpacked by another program.
    async fn over_http(ledger: &Ledger, filters: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut asked = json!({ "source": "imprint", "reason": "the audit", "actor": "eve" });
        let filters = filters.as_object().expect("fields").clone();
        asked.as_object_mut().expect("fields").extend(filters);
        let url = format!("{}/v1/exports/log", ledger.service.base());
        // A connection of its own: the service ends one that was idle while a command ran.
        let client = reqwest::Client::new();
        let answer = client.post(url).json(&asked).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{asked}");
        assert_eq!(answer.headers()["content-type"], "application/zip");
        let archive = tempfile::NamedTempFile::new().expect("a file");
        fs::write(&archive, answer.bytes().await.expect("all of it")).expect("it is written");
        let unpacked = Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .args([archive.path(), folder.path()])
            .output()
            .expect("python3 runs");
        assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
        let (key, ..) = ledger.service.asked(&["audit", "key", "show"]);
        Self { folder, key: key.trim().to_owned(), printed: String::new() }
    }

    fn words(&self) -> Vec<&str> {
        vec!["export", self.folder.path().to_str().expect("UTF-8"), "--key", &self.key]
    }

    fn manifest(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("manifest.json")).expect("one");
        serde_json::from_str(&text).expect("JSON")
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("events.ndjson")).expect("events");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}
