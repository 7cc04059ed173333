//! `creditrail audit prove`, checked by `creditrail-verify` where there is nothing but the bundle and the
//! key: no database, no network, no environment.

mod exports;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ledger, T1, T2, T3, T4, Tx, items, text, until};

/// The binary, which belongs to a package of its own.
pub fn verifier() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "creditrail-proof", "--bin"])
            .arg("creditrail-verify")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Path::new(env!("CARGO_BIN_EXE_creditrail")).with_file_name("creditrail-verify")
    };
    BUILT.get_or_init(build).clone()
}

fn verify(words: &[&str]) -> Output {
    let empty = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(verifier());
    command.args(words).env_clear().current_dir(empty.path()).output().expect("it runs")
}

#[track_caller]
pub fn holds(words: &[&str]) -> String {
    let output = verify(words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
pub fn fails(words: &[&str]) -> String {
    let output = verify(words);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty(), "nothing is said to hold");
    String::from_utf8(output.stderr).expect("UTF-8")
}

pub struct Proven {
    folder: TempDir,
    key: String,
}

impl Proven {
    pub fn of(ledger: &Ledger, kind: &str, id: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().display().to_string();
        let id = format!("imprint/{id}");
        let words = ["audit", "prove", kind, &id, "--reason", "the audit", "--out", &out];
        let (_, errors, is_well) = ledger.service.asked(&words);
        assert!(is_well, "{errors}");
        let (key, ..) = ledger.service.asked(&["audit", "key", "show"]);
        Self { folder, key: key.trim().to_owned() }
    }

    pub fn words(&self) -> Vec<&str> {
        vec!["bundle", self.folder.path().to_str().expect("UTF-8"), "--key", &self.key]
    }

    pub fn json(&self) -> Value {
        let text = fs::read_to_string(self.folder.path().join("bundle.json")).expect("a bundle");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Which log, how many events.
    fn checkpoint(&self) -> (String, String) {
        let note = text(&self.json(), "checkpoint").to_owned();
        let size = note.lines().nth(1).expect("a size").to_owned();
        (note, size)
    }
}

impl Proven {
    /// The page.
    pub fn page(&self) -> String {
        fs::read_to_string(self.folder.path().join("index.html")).expect("a page")
    }

    /// The same with another `bundle.json`.
    pub fn write(&self, json: &Value) {
        fs::write(self.folder.path().join("bundle.json"), json.to_string()).expect("it is written");
    }
}

/// On PostgreSQL too there is a key, in the folder of the service.
pub fn signed(source: crate::support::Source) -> (TempDir, Ledger) {
    verifier(); // It may take longer to build than a connection waits.
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key").display().to_string();
    let made = Command::new(env!("CARGO_BIN_EXE_creditrail"))
        .args(["audit", "key", "new", "ledger.example", &key])
        .output();
    assert!(made.expect("the command runs").status.success());
    let settings = format!("[audit]\nkey_file = \"{key}\"\n");
    let service = crate::support::Service::start_set(&[source], &settings);
    (folder, Ledger::of(service, "imprint"))
}

async fn ledger() -> (TempDir, Ledger) {
    let (folder, ledger) = signed(crate::support::Source::named("imprint"));
    for id in ["t1", "t2", "t3"] {
        let tx = Tx::new(id);
        let steps = [tx.approved(5000).at(T1), tx.captured(5000).at(T3), tx.voided(5000).at(T4)];
        ledger.receives(&steps.map(|step| step.customer("ada").partner("p-1"))).await;
    }
    ledger.receive(&Tx::new("t1").updated(8000).at(T2).customer("ada")).await;
    (folder, ledger)
}

#[tokio::test]
async fn a_bundle_holds_where_there_is_nothing_but_it_and_the_key() {
    let (_folder, ledger) = ledger().await;
    let transaction = Proven::of(&ledger, "transaction", "t1");
    // The late update revised the void: an event without a delivery of its own.
    let (events, deliveries) = (&transaction.json()["events"], &transaction.json()["deliveries"]);
    assert_eq!((events.as_array().unwrap().len(), deliveries.as_array().unwrap().len()), (5, 4));
    let told = holds(&transaction.words());
    assert!(told.contains("ledger.example/imprint"), "{told}");
    let customer = Proven::of(&ledger, "customer", "ada");
    holds(&customer.words());
    let all = customer.json()["deliveries"].as_array().unwrap().len();
    assert!(all >= 10, "all that the customer did: {all}");
    // With the log named, and with another one.
    holds(&[&transaction.words()[..], &["--origin", "ledger.example/imprint"]].concat());
    fails(&[&transaction.words()[..], &["--origin", "ledger.example/other"]].concat());
    // Of another key.
    let (_other, stranger) = self::ledger().await;
    let stranger = Proven::of(&stranger, "transaction", "t1");
    let folder = transaction.folder.path().to_str().unwrap();
    fails(&["bundle", folder, "--key", &stranger.key]);
}

/// Where a byte is changed, and what is named then.
#[rustfmt::skip] // It is a table.
const PLACES: &[(&str, &str)] = &[
    ("/format", "form of the bundle"),
    ("/kind", "index.html"),
    ("/source", "checkpoint does not hold"),
    ("/checkpoint", "not signed by the key"),
    ("/events/0/event/position", "event 0 has a position"),
    ("/events/0/event/sequence", "event 1 is not in the log"),
    ("/events/0/event/aggregate_type", "event 1 is not in the log"),
    ("/events/0/event/aggregate_id", "event 1 is not in the log"),
    ("/events/0/event/event_type", "event 1 is not in the log"),
    ("/events/0/event/event_version", "event 1 is not in the log"),
    ("/events/0/event/payload", "event 1 is not in the log"),
    ("/events/0/event/metadata", "event 1 is not in the log"),
    ("/events/0/event/occurred_at", "event 1 is not in the log"),
    ("/events/0/event/recorded_at", "event 1 is not in the log"),
    ("/events/0/event/delivery", "event 1 is not in the log"),
    ("/events/0/proof/0", "event 1 is not in the log"),
    ("/deliveries/0/delivery_id", "is not the one that event 1 recorded"),
    ("/deliveries/0/number", "is not the one that event 1 recorded"),
    ("/deliveries/0/dedup_key", "is not the one that event 1 recorded"),
    ("/deliveries/0/received_at", "is not the one that event 1 recorded"),
    ("/deliveries/0/secret_id", "is not the one that event 1 recorded"),
    ("/deliveries/0/headers", "is not the one that event 1 recorded"),
    ("/deliveries/0/body", "is not the one that event 1 recorded"),
    ("/deliveries/0/outcome", "is not the one that event 1 recorded"),
    ("/deliveries/0/first_position", "belongs to no event"),
    ("/deliveries/0/stream", "is not the one that event 1 recorded"),
];

#[tokio::test]
async fn a_bundle_with_one_byte_changed_is_refused_and_says_what() {
    let (_folder, ledger) = ledger().await;
    let proven = Proven::of(&ledger, "transaction", "t1");
    let whole = proven.json();
    let file = proven.folder.path().join("bundle.json");
    let untouched = fs::read(&file).unwrap();
    let mut wrong = Vec::new();
    for (place, named) in PLACES {
        let mut changed = whole.clone();
        let value = changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place}"));
        *value = match &*value {
            Value::Number(number) => json!(number.as_i64().unwrap() ^ 1),
            Value::String(text) => json!(flipped(text)),
            other => panic!("{place}: {other}"),
        };
        fs::write(&file, changed.to_string()).unwrap();
        let told = fails(&proven.words());
        assert_eq!(told.lines().count(), 1, "{told}");
        if !told.contains(named) {
            wrong.push(format!("{place}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    fs::write(&file, untouched).unwrap();
    holds(&proven.words());
    let page = proven.folder.path().join("index.html");
    let shown = fs::read_to_string(&page).unwrap();
    fs::write(&page, shown.replacen("8000", "8001", 1).replacen("80.00", "80.01", 1)).unwrap();
    assert!(fails(&proven.words()).contains("index.html"));
}

/// A bit in the middle of a text; of base64 a character that is still one.
fn flipped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let middle = (0..bytes.len())
        .map(|nth| (nth + bytes.len() / 2) % bytes.len())
        .find(|nth| {
            bytes[*nth].is_ascii_alphanumeric() && (bytes[*nth] ^ 1).is_ascii_alphanumeric()
        })
        .expect("a letter");
    bytes[middle] ^= 1;
    String::from_utf8(bytes).expect("ASCII")
}

#[tokio::test]
async fn a_bundle_stays_good_and_the_log_of_later_continues_it() {
    let (_folder, ledger) = ledger().await;
    let before = Proven::of(&ledger, "transaction", "t1");
    for nth in 0..20 {
        ledger.receive(&Tx::new(&format!("u{nth}")).approved(100)).await;
    }
    let after = Proven::of(&ledger, "transaction", "t1");
    holds(&before.words());
    holds(&after.words());
    let ((old, old_size), (new, new_size)) = (before.checkpoint(), after.checkpoint());
    assert_ne!(old_size, new_size);

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("old"), old).unwrap();
    fs::write(path("new"), new).unwrap();
    let (proof, errors, is_well) =
        ledger.service.asked(&["audit", "consistency", "imprint", &old_size, &new_size]);
    assert!(is_well, "{errors}");
    fs::write(path("proof"), &proof).unwrap();
    let files = [path("old"), path("new"), path("proof")];
    let [old, new, given] = files.each_ref().map(String::as_str);
    let words = ["checkpoints", old, new, "--proof", given, "--key", &after.key];
    assert!(holds(&words).contains(&format!("has all {old_size} of the older one")));
    fs::write(path("proof"), flipped(&proof)).unwrap();
    fails(&words);
}

#[tokio::test]
async fn who_has_something_proven_is_recorded_with_the_reason() {
    let (_folder, ledger) = ledger().await;
    let out = ledger.service.file("out");
    let prove = |id: &str, more: &[&str]| {
        let words = ["audit", "prove", "transaction", id, "--out", &out];
        ledger.service.asked(&[&words, more].concat())
    };
    assert!(!prove("imprint/t1", &[]).2, "no reason is given");
    assert!(!prove("imprint/t1", &["--reason", " "]).2, "nor here");
    assert!(!prove("imprint/none", &["--reason", "r"]).2, "there is no such thing");
    assert!(!fs::exists(&out).unwrap(), "nothing is written");
    let (_, errors, is_well) = prove("imprint/t1", &["--reason", "a complaint", "--actor", "kim"]);
    assert!(is_well, "{errors}");
    let record = until("it is told", async || {
        let told = ledger.ask("/v1/access-records", &[("act", "proof_made")]).await.is(200);
        items(&told, "items").first().cloned().filter(|_| items(&told, "items").len() == 1)
    })
    .await;
    assert_eq!((text(&record, "actor"), text(&record, "reason")), ("kim", "a complaint"));
    assert!(text(&record, "what").contains("transaction imprint/t1"), "{record:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_what_was_signed_is_not_handed_out_as_proven() {
    let (_folder, ledger) = ledger().await;
    let service = &ledger.service;
    // At its end it signs all.
    assert!(service.stop().success());
    if service.is_postgres() {
        service.run_sql("ALTER TABLE @events DISABLE TRIGGER ALL").await;
    } else {
        service.run_sql("DROP TRIGGER events_are_not_updated").await;
    }
    let (text, json) =
        if service.is_postgres() { ("payload::text", "::json") } else { ("payload", "") };
    let edited = format!("replace({text}, '5000', '4999'){json}");
    service.run_sql(&format!("UPDATE @events SET payload = {edited} WHERE position = 1")).await;
    let (bundle, export) = (service.file("bundle"), service.file("export"));
    let prove = ["audit", "prove", "transaction", "imprint/t1", "--out", &bundle, "--reason", "r"];
    let take = [
        "audit", "export", "--source", "imprint", "--what", "events", "--out", &export, "--reason",
        "r",
    ];
    for words in [&prove[..], &take[..]] {
        let (told, errors, is_well) = service.asked(words);
        assert!(!is_well && errors.contains("is not what was signed"), "{told}{errors}");
        assert!(!told.contains("proven"), "{told}");
    }
}
