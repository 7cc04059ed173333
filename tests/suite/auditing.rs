//! `creditrail audit` in the hands of an auditor: it says what it looked at, what it was not given, and
//! of which record.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    proving::signed,
    support::{Ledger, Source, T1, T3, Tx, items, text},
};

/// A record whose service has ended, its key and what it remembers of what it signed.
struct Record {
    folder: TempDir,
    ledger: Ledger,
}

impl Record {
    async fn new() -> Self {
        let (folder, ledger) = signed(Source::named("imprint"));
        feed(&ledger, &["t1", "t2", "t3"]).await;
        assert!(ledger.service.stop().success());
        Self { folder, ledger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The newest checkpoint of the source, as it is remembered beside the key.
    fn checkpoint(&self) -> String {
        self.path("key.signed/imprint.checkpoint").display().to_string()
    }

    fn verifies(&self, words: &[&str]) -> (String, String, bool) {
        self.ledger.service.asked(&[&["audit", "verify"], words].concat())
    }

    /// What a check remembers that looked at the source, and then could not read what was signed of the
    /// log of accesses.
    fn cut_off(&self) -> String {
        let state = self.path("state");
        let signed = self.path("key.signed/_access.checkpoint");
        let (unreadable, kept) = (&signed, fs::read(&signed).unwrap());
        fs::remove_file(unreadable).unwrap();
        fs::create_dir(unreadable).unwrap();
        let (_, errors, is_well) = self.verifies(&["--state", state.to_str().unwrap()]);
        assert!(!is_well && state.exists(), "{errors}");
        fs::remove_dir(unreadable).unwrap();
        fs::write(unreadable, kept).unwrap();
        fs::read_to_string(state).unwrap()
    }

    /// A check that is given what another one remembers.
    fn goes_on(&self, state: &str, words: &[&str]) -> (String, String, bool) {
        let file = self.path("given").display().to_string();
        fs::write(&file, state).unwrap();
        self.verifies(&[&["--state", &file], words].concat())
    }
}

async fn feed(ledger: &Ledger, ids: &[&str]) {
    for id in ids {
        let tx = Tx::new(id);
        ledger.receives(&[tx.approved(5000).at(T1), tx.captured(5000).at(T3)]).await;
    }
}

#[tokio::test]
async fn what_an_earlier_run_looked_at_is_told_as_such() {
    let record = Record::new().await;
    let state = record.cut_off();
    let (told, errors, is_well) = record.goes_on(&state, &[]);
    assert!(is_well, "{errors}");
    assert!(told.contains("it goes on with"), "{told}");
    let of_source = told.split("_access:").next().unwrap();
    assert!(of_source.contains("positions 1 to 6 were looked at before"), "{told}");
    let json = record.goes_on(&state, &["--format", "json"]).0;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["logs"][0]["resumed"]["up_to"], 6, "{json:#}");
    assert_eq!(json["state"], "goes_on");
}

#[tokio::test]
async fn what_a_check_remembers_holds_for_the_same_record_key_and_checkpoints_alone() {
    let (record, other) = (Record::new().await, Record::new().await);
    let state = record.cut_off();
    let again = |told: &str| {
        assert!(told.contains("begins anew"), "{told}");
        assert!(!told.contains("looked at before"), "{told}");
    };
    let (told, _, is_well) = other.goes_on(&state, &[]);
    again(&told);
    assert!(is_well, "{told}");
    // A key that signed nothing here; a checkpoint that was not given before.
    let key = other.ledger.service.asked(&["audit", "key", "show"]).0;
    let (told, _, is_well) = record.goes_on(&state, &["--key", key.trim()]);
    again(&told);
    assert!(!is_well, "{told}");
    let (told, _, is_well) = record.goes_on(&state, &["--checkpoint", &record.checkpoint()]);
    again(&told);
    assert!(is_well, "{told}");
    for broken in ["", "{", "{}", &state[..state.len() / 2]] {
        let (told, errors, is_well) = record.goes_on(broken, &[]);
        again(&told);
        assert!(is_well, "{errors}");
    }
}

#[tokio::test]
async fn a_log_that_was_looked_at_is_looked_at_again_if_it_has_gone_on_or_is_another() {
    let record = Record::new().await;
    let state = record.cut_off();
    record.ledger.service.start_again();
    feed(&record.ledger, &["t4"]).await;
    assert!(record.ledger.service.stop().success());
    let (told, _, is_well) = record.goes_on(&state, &[]);
    assert!(is_well && told.contains("imprint: as it was signed\n  8 events"), "{told}");
    assert!(!told.contains("looked at before"), "{told}");

    // Its head is the same, and the tree over it is another.
    let state = record.cut_off();
    let sql = "UPDATE @deliveries SET headers = '{}' WHERE number = 1";
    record.ledger.service.run_sql(sql).await;
    assert!(record.ledger.service.asked(&["audit", "rebuild-tree", "imprint"]).2);
    let (told, _, is_well) = record.goes_on(&state, &[]);
    assert!(!is_well && !told.contains("looked at before"), "{told}");
}

#[tokio::test]
async fn a_checkpoint_that_is_given_is_held_against_a_log_or_refused_by_name() {
    let record = Record::new().await;
    let own = record.checkpoint();
    let (told, errors, is_well) = record.verifies(&["--checkpoint", &own]);
    assert!(is_well, "{errors}");
    let of_source = told.split("_access:").next().unwrap();
    assert!(of_source.contains(&format!("{own} of 6 events was held against it")), "{told}");

    let note = fs::read_to_string(&own).unwrap();
    let given = record.path("given.checkpoint").display().to_string();
    let foreign = note.replacen("ledger.example/imprint", "other.example/imprint", 1);
    for text in [foreign.as_str(), "no checkpoint\n", ""] {
        fs::write(&given, text).unwrap();
        let (told, errors, is_well) =
            record.verifies(&["--checkpoint", &own, "--checkpoint", &given]);
        assert!(!is_well && errors.contains("given.checkpoint"), "{text}: {told}{errors}");
    }
    let (_, errors, is_well) = record.verifies(&["--log", "_access", "--checkpoint", &own]);
    assert!(!is_well && errors.contains("imprint.checkpoint"), "{errors}");
}

#[tokio::test]
async fn a_log_that_is_no_longer_in_the_settings_is_verified_and_told() {
    let imprint = || Source::named("imprint");
    let service = crate::support::Service::start(&[imprint(), Source::named("loans")]);
    let ledger = Ledger::of(service, "imprint");
    feed(&ledger, &["t1"]).await;
    feed(&ledger.beside("loans"), &["t1"]).await;
    assert!(ledger.service.stop().success());
    ledger.service.set_up(&[imprint()]);
    let asked = |words: &[&str]| ledger.service.asked(words);

    let (told, errors, is_well) = asked(&["audit", "verify"]);
    assert!(is_well, "{errors}");
    let of_loans = told.split("loans:").nth(1).unwrap_or_else(|| panic!("{told}"));
    assert!(of_loans.contains("2 events"), "{told}");
    assert!(of_loans.contains("not in the settings"), "{told}");
    assert!(asked(&["audit", "verify", "--log", "loans"]).2);
    let status = asked(&["audit", "status", "--format", "json"]).0;
    let status: Value = serde_json::from_str(&status).unwrap();
    let logs: Vec<_> = items(&status, "logs")
        .iter()
        .map(|log| (text(log, "log"), log["in_settings"].as_bool()))
        .collect();
    assert_eq!(logs, [("imprint", Some(true)), ("loans", Some(false)), ("_access", Some(true))]);
    assert!(asked(&["audit", "status"]).0.contains("not in the settings"));

    let sql = "UPDATE @deliveries SET headers = '{}' WHERE source = 'loans' AND number = 1";
    ledger.service.run_sql(sql).await;
    let (told, _, is_well) = asked(&["audit", "verify"]);
    assert!(!is_well, "{told}");
}

#[tokio::test]
async fn an_erasure_that_is_recorded_is_well_and_one_that_was_undone_is_found() {
    let (_folder, ledger) = signed(Source::named("imprint").retained_for(0));
    ledger.receive(&Tx::new("t1").approved(5000).at(T1).customer("ada")).await;
    let erase = "/v1/customers/imprint/ada/erase";
    ledger.command(erase, &json!({ "reason": "they asked for it" })).await.is(200);
    let verify = || ledger.service.asked(&["audit", "verify", "--log", "imprint"]);
    let (told, errors, is_well) = verify();
    assert!(is_well, "{told}{errors}");
    let bytes = if ledger.service.is_postgres() { "bytea" } else { "blob" };
    let sql = format!("UPDATE @data_keys SET sealed = CAST(key_id AS {bytes}), erased_at = NULL");
    ledger.service.run_sql(&sql).await;
    let (told, _, is_well) = verify();
    assert!(!is_well && told.contains("keys at position 2: it destroyed the key"), "{told}");
}

#[tokio::test]
async fn what_cannot_be_proven_to_be_continued_is_named() {
    let record = Record::new().await;
    #[rustfmt::skip] // It is a table.
    let wrong = [
        (&["consistency", "imprint", "3", "99999"][..], "over 6 events"),
        (&["consistency", "imprint", "5", "3"],         "the older size comes first"),
        (&["consistency", "nobody", "1", "2"],          "there is no log `nobody`; there are: imprint, _access"),
        (&["rebuild-tree", "nobody"],                   "there is no log `nobody`"),
    ];
    for (words, told) in wrong {
        let (printed, errors, is_well) = record.ledger.service.asked(&[&["audit"], words].concat());
        assert!(!is_well && printed.is_empty() && errors.contains(told), "{words:?}: {errors}");
        assert!(!errors.contains("rebuild-tree"), "no advice that does harm: {errors}");
    }
    assert!(record.ledger.service.asked(&["audit", "consistency", "imprint", "3", "6"]).2);
}
