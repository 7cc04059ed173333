//! A record of 270 events that were fed by HTTP and signed, copies of it to be attacked, and everybody
//! who may tell.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use super::attacks::{Attack, Then, What};
use crate::support::{Ledger, Service, Source, T1, T2, T3, Tx, items, postgres, text};

/// A record, and what is kept of it outside.
pub struct Origin {
    pub name: &'static str,
    /// `db*`, `key`, `memory`, `sink`, and the same of yesterday.
    folder: TempDir,
    /// Of PostgreSQL: today and yesterday.
    databases: Option<[String; 2]>,
}

/// A copy that is attacked.
pub struct Case {
    folder: TempDir,
    url: String,
    /// Yesterday's.
    old: PathBuf,
    old_url: Option<String>,
    /// What the auditor keeps.
    key: String,
}

impl Origin {
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("db").display());
        Self::fill(folder.path(), &url, async || {
            let old = folder.path().join("yesterday");
            copy(folder.path(), &old);
        })
        .await;
        Self { name: "sqlite", folder, databases: None }
    }

    pub async fn on_postgres() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = postgres::database().await;
        let mut old_url = String::new();
        Self::fill(folder.path(), &url, async || {
            copy(folder.path(), &folder.path().join("yesterday"));
            old_url = postgres::copy(&url).await;
        })
        .await;
        Self { name: "postgres", folder, databases: Some([url, old_url]) }
    }

    /// 150 events yesterday, 120 today; each day ends with a signature.
    async fn fill(folder: &Path, url: &str, at_night: impl AsyncFnOnce()) {
        run(&["audit", "key", "new", "ledger.example"], &[&folder.join("key")]);
        let settings = audit(folder, "memory", true);
        let ledger =
            Ledger::of(Service::start_at(url, &[Source::named("imprint")], &settings), "imprint");
        for nth in 1..=50 {
            feed(&ledger, nth).await;
        }
        assert!(ledger.service.stop().success());
        at_night().await;
        ledger.service.start_again();
        for nth in 51..=90 {
            feed(&ledger, nth).await;
        }
        assert!(ledger.service.stop().success());
    }

    pub async fn case(&self) -> Case {
        let folder = tempfile::tempdir().expect("a folder");
        copy(self.folder.path(), folder.path());
        let (url, old_url) = match &self.databases {
            None => (format!("sqlite://{}", folder.path().join("db").display()), None),
            Some([today, yesterday]) => (postgres::copy(today).await, Some(yesterday.clone())),
        };
        for (name, memory, has_sink) in
            [("alone", "none", false), ("memory", "memory", false), ("sink", "none", true)]
        {
            let audit = audit(folder.path(), memory, has_sink);
            let settings = crate::support::settings(&url, &[Source::named("imprint")]) + &audit;
            fs::write(folder.path().join(format!("{name}.toml")), settings).expect("written");
        }
        let mut case = Case {
            folder,
            url,
            old: self.folder.path().join("yesterday"),
            old_url,
            key: String::new(),
        };
        case.key = case.command("alone", &["audit", "key", "show"]).0.trim().to_owned();
        case
    }
}

async fn feed(ledger: &Ledger, nth: usize) {
    let tx = Tx::new(format!("t{nth}").leak());
    let steps = [tx.approved(5000).at(T1), tx.updated(6000).at(T2), tx.captured(6000).at(T3)];
    assert_eq!(ledger.receives(&steps).await, ["applied"; 3]);
}

fn audit(folder: &Path, memory: &str, has_sink: bool) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    let sink = if has_sink {
        format!("[[audit.sink]]\nname = \"outside\"\nfolder = \"{}\"\n", at("sink"))
    } else {
        String::new()
    };
    format!("[audit]\nkey_file = \"{}\"\nmemory = \"{}\"\n{sink}", at("key"), at(memory))
}

impl Case {
    pub async fn suffer(&self, attack: &Attack) {
        match attack.what {
            What::Sql(sql) => self.sql(sql).await,
            What::Rollback => self.roll_back().await,
            What::RollbackOfMemory => {
                self.roll_back().await;
                fs::remove_dir_all(self.path("memory")).expect("removed");
                copy(&self.old.join("memory"), &self.path("memory"));
            }
            What::AnotherKey => self.another_key(),
        }
        match attack.then {
            Then::Nothing => {}
            Then::Fold => self.well("alone", &["audit", "rebuild-tree", "imprint"]),
            Then::Cover => self.cover_up().await,
            Then::Sign => self.sign_anew().await,
            Then::SignByAnother => {
                self.another_key();
                self.sign_anew().await;
            }
        }
    }

    fn another_key(&self) {
        fs::remove_file(self.path("key")).expect("removed");
        run(&["audit", "key", "new", "ledger.example"], &[&self.path("key")]);
    }

    /// All that contradicts what stands in the database now.
    async fn cover_up(&self) {
        let newest = "(SELECT position FROM heads WHERE source = 'imprint')";
        self.sql(&format!("DELETE FROM checkpoints WHERE CAST(key AS bigint) > {newest}")).await;
        // Of those that are left, whoever removes an event in the middle removes those behind it.
        self.sql(
            "DELETE FROM checkpoints WHERE EXISTS (SELECT 1 FROM heads
                WHERE source = 'imprint' AND position > 267)",
        )
        .await;
        self.well("alone", &["audit", "rebuild-tree", "imprint"]);
        self.well("alone", &["replay"]);
    }

    async fn sign_anew(&self) {
        self.cover_up().await;
        fs::remove_dir_all(self.path("memory")).expect("removed");
        let out = self.path("proof").display().to_string();
        let what = ["audit", "prove", "transaction", "imprint/t1", "--reason", "r", "--out", &out];
        self.well("memory", &what);
        assert!(self.path("memory/imprint.checkpoint").exists(), "it is signed anew");
    }

    async fn roll_back(&self) {
        match &self.old_url {
            Some(old) => postgres::replace(&self.url, old).await,
            None => {
                for file in files(self.folder.path(), "db") {
                    fs::remove_file(file).expect("removed");
                }
                for file in files(&self.old, "db") {
                    let name = file.file_name().expect("a name");
                    fs::copy(&file, self.folder.path().join(name)).expect("copied");
                }
            }
        }
    }

    /// As the superuser, whom no trigger stops.
    pub async fn sql(&self, sql: &str) {
        if self.old_url.is_some() {
            let flip = "set_byte(body, 20, get_byte(body, 20) # 1)";
            let sql = sql.replace("@flip(body)", flip);
            let prefix = "SET session_replication_role = replica; SET search_path = creditrail";
            postgres::run(&self.url, &format!("{prefix}; {sql}")).await;
            return;
        }
        let byte = "unicode(CAST(substr(body, 21, 1) AS text))";
        let flip = format!(
            "CAST(CAST(substr(body, 1, 20) AS text) || char(({byte} | 1) - ({byte} & 1)) \
             || CAST(substr(body, 22) AS text) AS blob)"
        );
        let sql = sql.replace("@flip(body)", &flip).replace("AS json", "AS text");
        let database = rusqlite::Connection::open(self.path("db")).expect("it opens");
        let mut named = database
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .expect("triggers");
        let triggers: Vec<String> = named
            .query_map([], |row| row.get(0))
            .expect("triggers")
            .map(|name| name.expect("a name"))
            .collect();
        for trigger in triggers {
            database.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("dropped");
        }
        database.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// What each of the five finds.
    pub async fn found(&self) -> [String; 5] {
        let newest = files(&self.path("sink/imprint"), "").pop().expect("a checkpoint");
        let newest = newest.display().to_string();
        let status = self.status();
        [
            self.verify("alone", &[]),
            self.verify("memory", &[]),
            self.verify("sink", &[]),
            self.verify("alone", &["--key", &self.key, "--checkpoint", &newest]),
            status,
        ]
    }

    fn verify(&self, settings: &str, words: &[&str]) -> String {
        let words = [&["audit", "verify", "--log", "imprint", "--format", "json"], words].concat();
        let (printed, errors, is_well) = self.command(settings, &words);
        let Ok(report) = serde_json::from_str::<Value>(&printed) else {
            return format!("no report: {errors}");
        };
        let findings = items(&report["logs"][0], "findings");
        assert_eq!(is_well, findings.is_empty(), "how it ends is what it says: {report:#}");
        let checks: BTreeSet<&str> = findings.iter().map(|found| text(found, "check")).collect();
        checks.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// Whether the service would sign: with its memory, and a sink that has taken everything.
    fn status(&self) -> String {
        let settings = fs::read_to_string(self.path("memory.toml")).expect("settings");
        let (_, sink) = audit(self.folder.path(), "memory", true).split_once("[[").map_or_else(
            || panic!("a sink"),
            |(before, sink)| (before.to_owned(), format!("[[{sink}")),
        );
        fs::write(self.path("status.toml"), settings + &sink).expect("written");
        let (printed, errors, _) = self.command("status", &["audit", "status", "--format", "json"]);
        let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{errors}"));
        let log = &report["logs"][0];
        if log["state"] == "green" {
            return String::new();
        }
        let reasons = log["reasons"].to_string();
        let is_told = reasons.contains("contradicts") || reasons.contains("not by the key");
        if is_told { "checkpoints".to_owned() } else { reasons }
    }

    fn well(&self, settings: &str, words: &[&str]) {
        let (_, errors, is_well) = self.command(settings, words);
        assert!(is_well, "{words:?}: {errors}");
    }

    fn command(&self, settings: &str, words: &[&str]) -> (String, String, bool) {
        let config = self.path(&format!("{settings}.toml"));
        let output = Command::new(env!("CARGO_BIN_EXE_creditrail"))
            .args(words)
            .arg("--config")
            .arg(config)
            .output()
            .expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if self.old_url.is_some() {
            postgres::drop_database(&self.url);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        for url in self.databases.iter().flatten() {
            postgres::drop_database(url);
        }
    }
}

fn run(words: &[&str], files: &[&Path]) {
    let made = Command::new(env!("CARGO_BIN_EXE_creditrail")).args(words).args(files).output();
    let made = made.expect("the command runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The files of a folder whose names begin so, by name.
fn files(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file())
        .filter(|path| {
            path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(beginning))
        })
        .collect();
    files.sort();
    files
}

/// A folder with all that is in it, but what is of yesterday.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if path.is_file() {
            fs::copy(&path, to.join(name)).expect("copied");
        } else if name != "yesterday" {
            copy(&path, &to.join(name));
        }
    }
}
