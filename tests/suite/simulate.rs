//! `creditrail simulate`: a lender that is played, and what is known of it.

mod tls; // over https

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Kind, Ledger, Service, Source, items, number, text, until};

/// A simulator that plays one lender.
struct Simulator {
    kind: Kind,
    url: String,
    base: String,
    folder: TempDir,
}

/// How a run ended, and its summary.
struct Ended {
    is_good: bool,
    said: String,
    summary: Value,
}

impl Simulator {
    fn of(ledger: &Ledger) -> Self {
        let base = ledger.service.base();
        Self::at(ledger.kind(), &format!("{base}/webhooks/{}", ledger.source), &base)
    }

    fn at(kind: Kind, url: &str, base: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { kind, url: url.to_owned(), base: base.to_owned(), folder }
    }

    fn journal(&self) -> String {
        self.folder.path().join("journal").display().to_string()
    }

    fn command(&self, words: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creditrail"));
        command.args(["simulate", "--kind", self.kind.name(), "--format", "json"]);
        command.args(words.split_whitespace()).args(more);
        command.env("THE_SECRET", self.kind.secret());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Sends, and compares.
    async fn plays(&self, words: &str) -> Ended {
        let (journal, child) = (self.journal(), self.begins(words));
        let ended = Ended::of(child).await;
        assert!(Path::new(&journal).exists(), "{}", ended.said);
        ended
    }

    fn begins(&self, words: &str) -> Child {
        let journal = self.journal();
        let more = ["--url", &self.url, "--secret-env", "THE_SECRET", "--read", &self.base];
        let more = [&more[..], &["--journal", &journal]].concat();
        self.command(words, &more).spawn().expect("it starts")
    }

    /// Compares again.
    async fn compares(&self) -> Ended {
        let journal = self.journal();
        let more = ["--check-only", "--journal", &journal, "--read", &self.base];
        Ended::of(self.command("", &more).spawn().expect("it starts")).await
    }

    /// Sends, and looks at nothing but the answers.
    async fn sends(&self, words: &str, more: &[&str]) -> Ended {
        let more = [&["--url", &self.url, "--secret-env", "THE_SECRET"], more].concat();
        Ended::of(self.command(words, &more).spawn().expect("it starts")).await
    }

    async fn prints(&self, words: &str) -> String {
        let child = self.command(words, &["--print"]).spawn().expect("it starts");
        let output = child.wait_with_output().await.expect("it ends");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Ended {
    async fn of(child: Child) -> Self {
        let output = child.wait_with_output().await.expect("it ends");
        let said = String::from_utf8(output.stderr).expect("text");
        let summary = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Self { is_good: output.status.success(), said, summary }
    }

    #[track_caller]
    fn agrees(self) -> Value {
        assert!(self.is_good, "{}{:#}", self.said, self.summary["differences"]);
        self.summary
    }

    /// What differs: about what, and what of it.
    #[track_caller]
    fn differs(&self) -> Vec<(&str, &str)> {
        assert!(!self.is_good, "it is not told");
        let each = items(&self.summary, "differences").iter();
        each.map(|it| (text(it, "about"), text(it, "what"))).collect()
    }
}

fn ledgers() -> [Ledger; 3] {
    let sources = [
        Source::named("imprint"),
        Source::card_onboarding("nordiska"),
        Source::charge_after("loans"),
    ];
    let imprint = Ledger::of(Service::start(&sources), "imprint");
    let (nordiska, loans) = (imprint.beside("nordiska"), imprint.beside("loans"));
    [imprint, nordiska, loans]
}

const FAULTS: [&str; 8] = [
    "repeats",
    "disorder",
    "delays",
    "lost-acknowledgements",
    "wrong-signatures",
    "malformed",
    "illegal",
    "other-content",
];

#[tokio::test]
async fn with_every_fault_what_is_known_is_what_was_sent_of_all_three_lenders() {
    for (nth, ledger) in ledgers().into_iter().enumerate() {
        let simulator = Simulator::of(&ledger);
        let summary = simulator.plays("--seed 7 --histories 40 --faults 20% --delay 50ms").await;
        let summary = summary.agrees();
        for fault in FAULTS {
            let is_without = ledger.kind() == Kind::CardOnboarding && fault == "other-content";
            assert_eq!(summary["faults"][fault].is_null(), is_without, "{fault}: {summary:#}");
        }
        assert!(number(&summary["faults"]["lost-acknowledgements"], "retried") > 0);
        // Once there were many of them, those of this address are no longer looked at.
        let forged = &summary["faults"]["wrong-signatures"];
        let answered = |answer: &str| forged["answers"][answer].as_i64().unwrap_or(0);
        let unheard = (answered("401 unauthenticated"), answered("429 too_many_failures"));
        assert!(unheard.0 + unheard.1 >= number(forged, "deliveries"), "{summary:#}");
        assert!(unheard.0 > 0 || nth > 0, "{summary:#}");
        ledger.adds_up().await;
        // Each is held against the catalogue of event types.
        assert!(ledger.events().await.len() > 60);
        simulator.compares().await.agrees();
    }
}

#[tokio::test]
async fn every_generated_history_that_the_tables_allow_is_applied_without_a_refusal() {
    for ledger in ledgers() {
        let simulator = Simulator::of(&ledger);
        let summary = simulator.plays("--seed 11 --histories 150 --connections 8").await.agrees();
        let sent = number(&summary, "deliveries");
        assert!(sent > 250, "{sent}");
        let counts = ledger.counts().await;
        let count = |outcome| number(&counts["outcomes"], outcome);
        // An update that a later one has replaced is stale.
        assert_eq!(count("applied") + count("stale"), sent, "{:#}", counts["outcomes"]);
        assert!(count("stale") < sent / 20, "{:#}", counts["outcomes"]);
        assert_eq!(number(&counts, "received"), sent);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    for kind in [Kind::Imprint, Kind::CardOnboarding, Kind::ChargeAfter] {
        let simulator = Simulator::at(kind, "", "");
        let first = simulator.prints("--seed 5 --histories 30 --illegal 20%").await;
        assert!(first.lines().count() > 30);
        assert_eq!(first, simulator.prints("--seed 5 --histories 30 --illegal 20%").await);
        assert_ne!(first, simulator.prints("--seed 6 --histories 30 --illegal 20%").await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_midst_of_it_loses_nothing_and_counts_nothing_twice() {
    let imprint = Ledger::fresh();
    let base = gate(imprint.clone()).await;
    let simulator = Simulator::at(Kind::Imprint, &format!("{base}/webhooks/imprint"), &base);
    let run = simulator.begins("--seed 3 --histories 80 --faults 10% --rate 150/s --backoff 20ms");
    let heard = || {
        let journal = fs::read_to_string(simulator.journal()).unwrap_or_default();
        journal.matches("\"status\":200").count()
    };
    until("some is acknowledged", async || (heard() > 30).then_some(())).await;
    imprint.service.kill();
    until("a call fails", async || {
        let journal = fs::read_to_string(simulator.journal()).expect("a journal");
        journal.contains("\"status\":null,\"failure\":\"error").then_some(())
    })
    .await;
    imprint.service.start_again();
    Ended::of(run).await.agrees();
    imprint.adds_up().await;
}

/// An address that stays the same while the service behind it comes and goes.
async fn gate(ledger: Ledger) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let base = ledger.service.base();
            tokio::spawn(async move {
                let address = base.trim_start_matches("http://");
                // Without a service the caller's connection is dropped.
                if let Ok(mut service) = tokio::net::TcpStream::connect(address).await {
                    let _ = tokio::io::copy_bidirectional(&mut caller, &mut service).await;
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn what_was_changed_behind_its_back_is_told() {
    let imprint = Ledger::fresh();
    let simulator = Simulator::of(&imprint);
    simulator.plays("--seed 9 --histories 30").await.agrees();
    let transactions = imprint.list("/v1/transactions", &[("limit", "100")]).await;
    let id = text(&transactions[0], "transaction_id");
    let document = transactions[0].clone();
    let captured = number(&document, "captured");
    imprint
        .service
        .run_sql(&format!(
            "UPDATE @transactions SET document = replace(document, '\"captured\":{captured},', \
             '\"captured\":{},') WHERE key = '{id}'",
            captured + 1
        ))
        .await;
    let ended = simulator.compares().await;
    assert_eq!(ended.differs(), [(format!("transactions {id}").as_str(), "captured")]);
}

#[tokio::test]
async fn a_delivery_that_is_gone_is_told() {
    let imprint = Ledger::fresh();
    let simulator = Simulator::of(&imprint);
    simulator.plays("--seed 9 --histories 10").await.agrees();
    let deliveries = imprint.list("/v1/deliveries", &[("limit", "100")]).await;
    let id = text(&deliveries[0], "delivery_id");
    imprint.service.run_sql(&format!("DELETE FROM @deliveries WHERE delivery_id = '{id}'")).await;
    let ended = simulator.compares().await;
    let differs = ended.differs();
    assert!(
        differs.iter().any(|(about, what)| about.contains(id) && *what == "times"),
        "{differs:?}"
    );
}

#[tokio::test]
async fn a_wrong_secret_is_told_at_once() {
    let imprint = Ledger::fresh();
    let simulator = Simulator::of(&imprint);
    let mut command = simulator.command("--seed 1", &["--url", &simulator.url]);
    command.args(["--secret", "another"]);
    let ended = Ended::of(command.spawn().expect("it starts")).await;
    assert!(!ended.is_good);
    assert!(ended.said.contains("401") && ended.said.contains("secret"), "{}", ended.said);
}

/// What a receiver got, and how often it fails first.
#[derive(Clone)]
struct Receiver {
    got: Arc<Mutex<Vec<Value>>>,
    failures: usize,
}

impl Receiver {
    /// Answers 500 to so many calls about each body.
    async fn failing(failures: usize) -> (Self, String) {
        let receiver = Self { got: Arc::default(), failures };
        let take = |State(receiver): State<Self>, body: String| async move {
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let mut got = receiver.got.lock().expect("whole");
            got.push(body.clone());
            let times = got.iter().filter(|other| **other == body).count();
            if times <= receiver.failures {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::OK
            }
        };
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, format!("http://{address}/hook"))
    }

    /// The events of each onboarding, as they came.
    fn lanes(&self) -> BTreeMap<String, Vec<String>> {
        let mut lanes = BTreeMap::<String, Vec<String>>::new();
        for body in self.got.lock().expect("whole").iter() {
            let event = text(body, "eventType").to_owned();
            lanes.entry(text(body, "onboardingId").to_owned()).or_default().push(event);
        }
        lanes
    }
}

#[tokio::test]
async fn card_onboarding_gives_up_after_ten_attempts_and_what_follows_stays_blocked() {
    let (receiver, url) = Receiver::failing(usize::MAX).await;
    let simulator = Simulator::at(Kind::CardOnboarding, &url, "");
    let ended = simulator.sends("--seed 2 --histories 6 --backoff 1ms", &[]).await;
    assert!(!ended.is_good);
    assert_eq!(items(&ended.summary, "given_up").len(), 6, "{:#}", ended.summary);
    assert!(number(&ended.summary, "blocked") > 0);
    for (lane, events) in receiver.lanes() {
        assert_eq!(events.len(), 10, "{lane}: {events:?}");
        assert!(events.iter().all(|event| *event == events[0]), "{lane}: {events:?}");
    }
}

#[tokio::test]
async fn card_onboarding_keeps_its_order_behind_failures() {
    let (receiver, url) = Receiver::failing(2).await;
    let simulator = Simulator::at(Kind::CardOnboarding, &url, "");
    let summary = simulator.sends("--seed 2 --histories 8 --backoff 1ms", &[]).await.agrees();
    assert_eq!(number(&summary, "blocked"), 0);
    let printed = simulator.prints("--seed 2 --histories 8").await;
    let mut sent = BTreeMap::<String, Vec<String>>::new();
    for line in printed.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let events = sent.entry(text(&line, "history").to_owned()).or_default();
        events.extend(std::iter::repeat_n(text(&line, "event").to_owned(), 3));
    }
    assert_eq!(receiver.lanes(), sent);
}

#[tokio::test]
async fn histories_come_from_a_file_too() {
    let imprint = Ledger::fresh();
    let simulator = Simulator::of(&imprint);
    let file = simulator.folder.path().join("histories");
    let printed = simulator.prints("--seed 21 --histories 12").await;
    let object = r#"{"history":"own","body":{"object":"REWARD","data":{"points":10}}}"#;
    fs::write(&file, format!("{printed}{object}\n")).expect("a file");
    let words = format!("--seed 1 --from {}", file.display());
    let summary = simulator.plays(&words).await.agrees();
    let sent = i64::try_from(printed.lines().count()).expect("few") + 1;
    assert_eq!(number(&summary, "deliveries"), sent);
    let counts = imprint.counts().await;
    assert_eq!(number(&counts["outcomes"], "unrecognised"), 1);
    assert_eq!(number(&counts["outcomes"], "applied"), sent - 1);
}

#[tokio::test]
async fn a_receiver_that_takes_a_wrong_signature_is_told() {
    let (_, url) = Receiver::failing(0).await;
    let simulator = Simulator::at(Kind::Imprint, &url, "");
    let ended = simulator.sends("--seed 4 --histories 10 --wrong-signatures 50%", &[]).await;
    let differs = ended.differs();
    assert!(!differs.is_empty());
    assert!(differs.iter().all(|(_, what)| *what == "answer to a wrong signature"), "{differs:?}");
}

#[tokio::test]
async fn a_patient_lender_comes_again_until_it_is_acknowledged() {
    let (_, url) = Receiver::failing(3).await;
    let simulator = Simulator::at(Kind::Imprint, &url, "");
    let within = Duration::from_secs(60);
    let sent = simulator.sends("--seed 4 --histories 10 --backoff 1ms", &["--expect", "2xx"]);
    let summary = tokio::time::timeout(within, sent).await.expect("it ends").agrees();
    assert_eq!(number(&summary, "calls"), 4 * number(&summary, "deliveries"));
}
