//! What is signed of the log, who takes it outside the database, and when the status is red.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
};

use axum::{Router, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    crash::{attempt, steps_of},
    support::{Ledger, Service, Source, Tx, items, number, postgres, text, until},
};

/// A folder with a key, and the settings that name it.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().expect("a folder"));
        let made = Command::new(env!("CARGO_BIN_EXE_creditrail"))
            .args(["audit", "key", "new", "ledger.example", &host.path("key")])
            .output();
        assert!(made.expect("the command runs").status.success());
        host
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A checkpoint every second.
    fn settings(&self, sinks: &str) -> String {
        format!("[audit]\nkey_file = \"{}\"\nevery = \"1s\"\n{sinks}", self.path("key"))
    }

    fn folder_sink(&self) -> String {
        self.settings(&format!(
            "[[audit.sink]]\nname = \"outside\"\nfolder = \"{}\"\n",
            self.path("sink")
        ))
    }

    fn ledger(&self, settings: &str) -> Ledger {
        Ledger::of(Service::start_set(&[Source::named("imprint")], settings), "imprint")
    }
}

/// What `audit status` says of the source.
fn status(ledger: &Ledger) -> Value {
    let (printed, errors, is_green) =
        ledger.service.asked(&["audit", "status", "--format", "json"]);
    let all: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{errors}"));
    let red = items(&all, "logs").iter().any(|log| log["state"] != "green");
    assert_eq!(is_green, !red, "it ends with an error while one is red");
    items(&all, "logs")[0].clone()
}

/// Until so many events are signed.
async fn signed(ledger: &Ledger, events: i64) -> Value {
    until("a checkpoint", async || {
        let status = status(ledger);
        (status["checkpoint"]["size"].as_i64() == Some(events)).then_some(status)
    })
    .await
}

async fn becomes(ledger: &Ledger, state: &str) -> Value {
    until(state, async || Some(status(ledger)).filter(|status| status["state"] == state)).await
}

/// `audit verify` finds nothing: how many checkpoints it held against how many events.
fn is_clean(ledger: &Ledger) -> (i64, i64) {
    let words = ["audit", "verify", "--log", "imprint", "--format", "json"];
    let (printed, errors, is_well) = ledger.service.asked(&words);
    assert!(is_well, "{printed}{errors}");
    let report: Value = serde_json::from_str(&printed).expect("JSON");
    (number(&report["logs"][0], "events"), number(&report["logs"][0], "checkpoints"))
}

async fn feed(ledger: &Ledger, name: &str, transactions: usize) {
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let (ledger, name) = (ledger.clone(), name.to_owned());
        senders.spawn(async move {
            for nth in (sender..transactions).step_by(8) {
                for (_, body) in steps_of(&format!("{name}-{nth}"), "customer") {
                    attempt(&ledger, &body).await.expect("it is acknowledged");
                }
            }
        });
    }
    senders.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_again_and_again_signs_nothing_that_contradicts() {
    let host = Host::new();
    let ledger = host.ledger(&host.folder_sink());
    for round in 1..=4 {
        feed(&ledger, &format!("r{round}"), 8).await;
        if round % 2 == 0 {
            signed(&ledger, round * 40).await;
        }
        ledger.service.kill();
        ledger.service.start_again();
    }
    signed(&ledger, 160).await;
    let status = becomes(&ledger, "green").await;
    assert_eq!(number(&status["sinks"][0], "size"), 160);
    assert_eq!(is_clean(&ledger).0, 160);
    assert!(!ledger.service.log().contains("no checkpoint is signed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_service_is_signed_and_taken() {
    let host = Host::new();
    let settings = host.folder_sink().replace("1s", "1h");
    let ledger = host.ledger(&settings);
    feed(&ledger, "t", 8).await;
    assert!(ledger.service.stop().success());
    let status = status(&ledger);
    assert_eq!((&status["state"], number(&status["checkpoint"], "size")), (&"green".into(), 40));
    assert!(fs::exists(host.path("sink/imprint/00000000000000000040.checkpoint")).unwrap());
}

/// What the database says of it is not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_gone_or_another_is_red() {
    let host = Host::new();
    let ledger = host.ledger(&host.folder_sink());
    feed(&ledger, "t", 2).await;
    assert!(ledger.service.stop().success());
    let file = host.path("sink/imprint/00000000000000000010.checkpoint");
    let note = fs::read_to_string(&file).unwrap();
    assert_eq!(status(&ledger)["state"], "green");

    fs::remove_dir_all(host.path("sink")).unwrap();
    let red = status(&ledger);
    assert_eq!(red["state"], "red", "{red:#}");
    assert_eq!(red["sinks"][0]["size"], Value::Null);
    assert!(text(&red["sinks"][0], "error").contains("not there any more"), "{red:#}");

    fs::create_dir_all(host.path("sink/imprint")).unwrap();
    fs::write(&file, note.replace("\n10\n", "\n11\n")).unwrap();
    let red = status(&ledger);
    assert!(red["reasons"].to_string().contains("not by the key"), "{red:#}");
    fs::write(&file, note).unwrap();
    assert_eq!(status(&ledger)["state"], "green");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_sign_in_turn_without_contradiction() {
    let (host, url) = (Host::new(), postgres::database().await);
    let [one, other] = [(); 2].map(|()| {
        let service = Service::start_at(&url, &[Source::named("imprint")], &host.folder_sink());
        Ledger::of(service, "imprint")
    });
    for round in 1..=3 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        tokio::join!(feed(&one, &a, 16), feed(&other, &b, 16));
        signed(&one, round * 160).await;
    }
    becomes(&other, "green").await;
    assert_eq!(is_clean(&one).0, 480);
    for ledger in [one, other] {
        assert!(!ledger.service.log().contains("no checkpoint is signed"));
    }
}

/// The tree never says that something else was hashed than what is there, and a check that runs while
/// deliveries come in finds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_under_load_is_clean() {
    let host = Host::new();
    let ledger = host.ledger(&host.folder_sink());
    let goes_on = Arc::new(AtomicBool::new(true));
    let load = tokio::spawn({
        let (ledger, goes_on) = (ledger.clone(), Arc::clone(&goes_on));
        async move {
            let mut rounds = 0;
            while goes_on.load(Ordering::SeqCst) {
                feed(&ledger, &format!("r{rounds}"), 8).await;
                rounds += 1;
            }
            rounds * 40
        }
    });
    until("three checks that held two checkpoints", async || {
        let checks = (0..3).map(|_| is_clean(&ledger).1);
        (checks.min() >= Some(2)).then_some(())
    })
    .await;
    goes_on.store(false, Ordering::SeqCst);
    let events = load.await.expect("all is acknowledged");
    signed(&ledger, events).await;
    assert_eq!(is_clean(&ledger).0, events);
}

/// An endpoint that takes notes, as long as it answers 200.
#[derive(Clone, Default)]
struct Endpoint {
    answers: Arc<AtomicU16>,
    taken: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Endpoint {
    async fn listen(&self, address: &str) -> String {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let take = async |State(endpoint): State<Self>, headers: HeaderMap, body: String| {
            let status = endpoint.answers.load(Ordering::SeqCst);
            endpoint.taken.lock().unwrap().push((headers, body));
            let location = [("location", "/elsewhere")];
            (axum::http::StatusCode::from_u16(status).unwrap(), location).into_response()
        };
        let router = Router::new()
            .route("/notes", post(take))
            .route("/elsewhere", post(take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn answers(status: u16) -> Self {
        let endpoint = Self::default();
        endpoint.answers.store(status, Ordering::SeqCst);
        endpoint
    }
}

fn endpoint_sink(address: &str) -> String {
    format!(
        "[[audit.sink]]\nname = \"witness\"\nurl = \"http://{address}/notes\"\n\
         authorization = \"Bearer canary-of-the-sink\"\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_gets_the_note_and_what_it_is_called_with() {
    let (host, endpoint) = (Host::new(), Endpoint::answers(204));
    let address = endpoint.listen("127.0.0.1:0").await;
    let ledger = host.ledger(&host.settings(&endpoint_sink(&address)));
    ledger.receive(&Tx::new("t1").approved(5000)).await;
    let status = becomes(&ledger, "green").await;
    let mut taken = endpoint.taken.lock().unwrap().clone();
    // The log of accesses has notes of its own.
    taken.retain(|(headers, _)| headers["creditrail-log"] == "imprint");
    let (headers, note) = taken.pop().expect("a note");
    assert_eq!(note, text(&status["checkpoint"], "note"));
    assert!(note.starts_with("ledger.example/imprint\n1\n"), "{note}");
    assert_eq!(headers["authorization"], "Bearer canary-of-the-sink");
    assert!(!ledger.service.log().contains("canary"));
}

/// Nothing has to come in for what failed to be tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_was_down_is_asked_again() {
    // 500 at first; then a redirect, which is not followed.
    let (host, endpoint) = (Host::new(), Endpoint::answers(500));
    let address = endpoint.listen("127.0.0.1:0").await;
    let ledger = host.ledger(&host.settings(&endpoint_sink(&address)));
    ledger.receive(&Tx::new("t1").approved(5000)).await;
    let red = signed(&ledger, 1).await;
    assert_eq!(red["state"], "red");
    assert!(red["reasons"][0].as_str().unwrap().contains("no place outside"), "{red:#}");
    endpoint.answers.store(307, Ordering::SeqCst);
    let asked = endpoint.taken.lock().unwrap().len();
    until("two more calls", async || {
        (endpoint.taken.lock().unwrap().len() >= asked + 2).then_some(())
    })
    .await;
    assert_eq!(status(&ledger)["state"], "red", "a redirect has taken nothing");
    endpoint.answers.store(200, Ordering::SeqCst);
    becomes(&ledger, "green").await;

    // Nobody listens; then somebody does.
    let host = Host::new();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let ledger = host.ledger(&host.settings(&endpoint_sink(&address)));
    ledger.receive(&Tx::new("t1").approved(5000)).await;
    assert_eq!(signed(&ledger, 1).await["state"], "red");
    Endpoint::answers(200).listen(&address).await;
    becomes(&ledger, "green").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_log_was_cut_signs_nothing_more_and_still_takes_deliveries() {
    let host = Host::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let url = format!("sqlite://{}", file.display());
    let service = Service::start_at(&url, &[Source::named("imprint")], &host.folder_sink());
    let ledger = Ledger::of(service, "imprint");
    feed(&ledger, "t", 2).await;
    assert!(ledger.service.stop().success());
    let backup = folder.path().join("backup");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(database);
    ledger.service.start_again();
    feed(&ledger, "u", 2).await;
    signed(&ledger, 20).await;
    assert!(ledger.service.stop().success());

    // The file of before, without what belongs to the one of now.
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", file.display()));
    }
    fs::copy(&backup, &file).unwrap();
    ledger.service.start_again();
    let outcome = ledger.receive(&Tx::new("other").approved(5000)).await;
    assert_eq!(outcome, "applied");
    let red = becomes(&ledger, "red").await;
    assert!(red["reasons"][0].as_str().unwrap().contains("contradicts"), "{red:#}");
    until(&format!("the refusal is logged, as it stands in {red:#}"), async || {
        ledger.service.log().contains("no checkpoint is signed").then_some(())
    })
    .await;
    // Nor once it is as long as before.
    feed(&ledger, "v", 4).await;
    until("all is hashed", async || (number(&status(&ledger), "hashed") > 20).then_some(())).await;
    assert_eq!(status(&ledger)["state"], "red");
    let newest = format!("sink/imprint/{:020}.checkpoint", 31);
    assert!(!fs::exists(host.path(&newest)).unwrap(), "nobody has got a checkpoint of it");
}

#[tokio::test]
async fn a_key_that_is_open_to_others_is_refused() {
    let host = Host::new();
    let ledger = host.ledger(&host.folder_sink());
    assert!(ledger.service.stop().success());
    fs::set_permissions(host.path("key"), Permissions::from_mode(0o644)).unwrap();
    let (_, errors, is_well) = ledger.service.asked(&["serve"]);
    assert!(!is_well);
    assert!(errors.contains("audit.key_file") && errors.contains("0600"), "{errors}");
}

/// The one that it made itself; one that is named must be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_key_is_told_and_stops_no_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("db").display());
    let sink = folder.path().join("sink").display().to_string();
    let settings =
        format!("[audit]\nevery = \"1s\"\n[[audit.sink]]\nname = \"s\"\nfolder = \"{sink}\"\n");
    let service = Service::start_at(&url, &[Source::named("imprint")], &settings);
    let ledger = Ledger::of(service, "imprint");
    ledger.receive(&Tx::new("t1").approved(5000)).await;
    becomes(&ledger, "green").await;
    assert!(ledger.service.stop().success());
    fs::remove_file(folder.path().join("db.audit-key")).unwrap();
    ledger.service.start_again();
    assert_eq!(ledger.receive(&Tx::new("t2").approved(5000)).await, "applied");
    let red = becomes(&ledger, "red").await;
    assert!(red["reasons"][0].as_str().unwrap().contains("there is no key"), "{red:#}");
    assert!(!folder.path().join("db.audit-key").exists(), "no other one is made");
}

/// A check that is killed goes on where it was, and has all of it in its report.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_is_killed_goes_on_where_it_was() {
    const EVENTS: i64 = 150_000;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let url = format!("sqlite://{}", file.display());
    let service = Service::start_at(&url, &[Source::named("imprint")], "");
    assert!(service.stop().success());
    let database = rusqlite::Connection::open(&file).unwrap();
    database
        .execute_batch(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS})
             INSERT INTO events SELECT 'imprint', i, 'transaction', 'imprint/t' || i, 1, 'Approved', '1.0',
                 '{{}}', '{{}}', i, i FROM n;
             INSERT INTO heads VALUES ('imprint', {EVENTS}, 0, 0, {EVENTS});"
        ))
        .unwrap();
    drop(database);
    let state = folder.path().join("state");
    let words = ["audit", "verify", "--log", "imprint", "--state", state.to_str().unwrap()];
    let mut check = service.begun(&words);
    until("it has kept how far it is", async || {
        assert!(check.try_wait().unwrap().is_none(), "too fast to be killed");
        state.exists().then_some(())
    })
    .await;
    check.kill().unwrap();
    check.wait().unwrap();
    let kept: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    let (told, errors, is_well) = service.asked(&words);
    assert!(is_well, "{told}{errors}");
    assert!(told.contains(&format!("{EVENTS} events of {EVENTS} streams")), "{told}");
    let last = told.lines().last().unwrap();
    let hashed: i64 = last.split(' ').next().unwrap().parse().unwrap();
    // If it was killed with the last of them behind it, it is done.
    let done = kept["begun"]["at"].as_i64().unwrap_or(EVENTS);
    assert!(done > 0);
    assert_eq!(hashed, EVENTS - done, "it goes on where it was: {told}");
    assert!(!state.exists(), "the next check begins anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_is_found_in_the_background() {
    #[rustfmt::skip] // It is a table.
    let changes = [
        ("UPDATE @deliveries SET headers = '{}' WHERE number = 7",       "is not what was hashed"),
        ("DELETE FROM @tiles WHERE key = '00/00000000000000000000'",     "missing or damaged"),
    ];
    for (sql, said) in changes {
        let host = Host::new();
        let ledger = host.ledger(&host.folder_sink());
        feed(&ledger, "t", 60).await;
        let of_log = async || {
            let told = ledger.ask("/v1/proof", &[]).await.is(200);
            let is_own = |status: &&Value| status["log"] == "imprint";
            items(&told, "items").iter().find(is_own).expect("its status").clone()
        };
        let hashed = async || (number(&of_log().await, "hashed") > 256).then_some(());
        until("a tile is full", hashed).await;
        assert_eq!(of_log().await["failed"], false);
        ledger.service.run_sql(sql).await;
        // What signs may tell of it before, in its own words.
        let status = until(&format!("`{said}` is found"), async || {
            let status = of_log().await;
            status["reasons"].to_string().contains(said).then_some(status)
        })
        .await;
        assert_eq!(status["failed"], true);
    }
}
