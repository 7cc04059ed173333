//! A program that has creditrail in it, and whose decoder gets better between two starts on the same
//! database.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use creditrail::{
    app::{
        Creditrail,
        receive::ReceiveError,
        redrive::{RedriveDeliveries, Report},
        writer::Receipt,
    },
    domain::exception::UnreadableKind,
    sources::{
        self, Call, Decoded, Lender, SourceConfig,
        fields::Fault,
        signature::{Rejection, Verified},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Kind, SEALING_KEY, Webhook, number, postgres, until};

/// What the clock says at first: 2026-03-02T12:00:00Z, and 123456 microseconds.
pub const NOW: i64 = 1_772_452_800_123_456;
/// The name of the source.
pub const SOURCE: &str = "lender";

/// A lender whose bodies with one of these texts in them cannot be read yet.
struct Blind {
    lender: Option<Box<dyn Lender>>,
    to: Vec<String>,
    /// The name of a field that is not known to be a secret yet.
    plain: Option<&'static str>,
}

impl Blind {
    fn to(words: &[&str]) -> Self {
        let to = words.iter().map(|word| (*word).to_owned()).collect();
        Self { lender: None, to, plain: None }
    }

    fn lender(&self) -> &dyn Lender {
        self.lender.as_deref().expect("a kind of ours")
    }
}

impl Lender for Blind {
    fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        self.lender().verify(headers, body, now)
    }

    fn signed_at(&self, headers: &HeaderMap) -> Result<Option<Timestamp>, Rejection> {
        self.lender().signed_at(headers)
    }

    fn decode(&self, body: &[u8], call: Call) -> Decoded {
        let text = String::from_utf8_lossy(body);
        if self.to.iter().any(|word| text.contains(word.as_str())) {
            let fault = Fault::new("data.status", "is not known yet");
            return Decoded::unreadable(body, UnreadableKind::Unrecognised, fault, call);
        }
        self.lender().decode(body, call)
    }

    fn secret_fields(&self) -> &'static [&'static str] {
        let known = self.lender().secret_fields();
        if known.iter().any(|field| Some(*field) == self.plain) { &[] } else { known }
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        self.lender().secret_headers()
    }
}

/// A database, and the clock of whoever opens it.
pub struct House {
    folder: TempDir,
    postgres: Option<String>,
    pub kind: Kind,
    now: Arc<AtomicI64>,
    settings: Value,
}

impl House {
    pub fn of(kind: Kind) -> Self {
        let is_postgres = std::env::var("CREDITRAIL_TEST_STORE").is_ok_and(|it| it == "postgres");
        Self::on(kind, is_postgres)
    }

    /// Whichever database the suite runs on.
    pub fn on_postgres(kind: Kind) -> Self {
        Self::on(kind, true)
    }

    fn on(kind: Kind, is_postgres: bool) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            postgres: is_postgres.then(postgres::new_database),
            kind,
            now: Arc::new(AtomicI64::new(NOW)),
            settings: json!({}),
        }
    }

    /// With a further setting of the source.
    pub fn with(mut self, setting: &str, value: Value) -> Self {
        self.settings[setting] = value;
        self
    }

    pub fn url(&self) -> String {
        let file = || format!("sqlite://{}", self.folder.path().join("creditrail.db").display());
        self.postgres.clone().unwrap_or_else(file)
    }

    /// Runs SQL behind the program's back; `@` stands before the name of a table.
    pub async fn run(&self, sql: &str) {
        match &self.postgres {
            Some(url) => postgres::run(url, &sql.replace('@', "creditrail.")).await,
            None => {
                let file = self.folder.path().join("creditrail.db");
                let connection = rusqlite::Connection::open(file).expect("the file");
                connection.execute_batch(&sql.replace('@', "")).expect("it is done");
            }
        }
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    /// The program that can read everything.
    pub async fn open(&self) -> Host {
        self.open_blind(&[]).await
    }

    /// The program that cannot read bodies with one of these texts yet.
    pub async fn open_blind(&self, to: &[&str]) -> Host {
        self.open_with(to, None).await
    }

    /// The program with a mistyped secret.
    pub async fn open_mistyped(&self) -> Host {
        self.open_as(Blind::to(&[]), "mistyped").await
    }

    /// The program that does not know yet that a field is a secret.
    pub async fn open_with(&self, to: &[&str], plain: Option<&'static str>) -> Host {
        self.open_as(Blind { plain, ..Blind::to(to) }, self.kind.secret()).await
    }

    async fn open_as(&self, blind: Blind, secret: &str) -> Host {
        let mut source = json!({
            "name": SOURCE,
            "kind": self.kind.name(),
            "currency": "USD",
            "secrets": [{ "id": "first", "value": secret }],
        });
        let settings = self.settings.as_object().expect("settings").clone();
        source.as_object_mut().expect("a source").extend(settings);
        let config: SourceConfig = serde_json::from_value(source).expect("a source");
        let lender = Blind { lender: sources::lender(&config), ..blind };
        let now = Arc::clone(&self.now);
        let clock = move || {
            let now = now.load(Ordering::Relaxed);
            Timestamp::from_microsecond(now).expect("a time")
        };
        let builder = Creditrail::builder().database(self.url()).clock(clock.clone());
        let builder = builder.lender(config, lender).connections(4);
        let builder = match self.postgres {
            Some(_) => builder.sealing_key(SEALING_KEY.into()),
            None => builder,
        };
        let (creditrail, worker) = builder.build().await.expect("a service");
        let worker = tokio::spawn(worker.run());
        Host { creditrail, worker, kind: self.kind, now: Arc::clone(&self.now) }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(url) = &self.postgres {
            postgres::drop_database(url);
        }
    }
}

/// The program while it runs.
pub struct Host {
    pub creditrail: Creditrail,
    worker: JoinHandle<()>,
    kind: Kind,
    now: Arc<AtomicI64>,
}

impl Host {
    /// Ends it, as an upgrade does.
    pub async fn end(self) {
        self.worker.abort();
        let _ = self.worker.await;
    }

    /// A delivery that was signed now.
    pub async fn receives(&self, webhook: &Webhook) -> Receipt {
        self.receives_body(&webhook.body()).await
    }

    pub async fn receives_body(&self, body: &str) -> Receipt {
        let second = self.now.load(Ordering::Relaxed) / 1_000_000;
        self.receives_dated(body, &self.kind.time(second)).await
    }

    /// A delivery that was signed at this time, which is written as the header has it.
    pub async fn receives_dated(&self, body: &str, time: &str) -> Receipt {
        let headers = self.kind.headers(self.kind.secret(), time, body.as_bytes());
        self.called(body, headers).await.expect("it is acknowledged")
    }

    /// A call that is turned away, with a further header if one is given.
    pub async fn turns_away(&self, body: &str, secret: &str, more: Option<(&'static str, &str)>) {
        let second = self.now.load(Ordering::Relaxed) / 1_000_000;
        let mut headers = self.kind.headers(secret, &self.kind.time(second), body.as_bytes());
        headers.extend(more.map(|(name, value)| (name, value.to_owned())));
        let error = self.called(body, headers).await.expect_err("it is turned away");
        assert!(matches!(error, ReceiveError::Unauthenticated), "{error:?}");
    }

    async fn called(
        &self,
        body: &str,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Receipt, ReceiveError> {
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().expect("a name");
                (name, HeaderValue::try_from(value).expect("ASCII"))
            })
            .collect();
        self.creditrail.receive(SOURCE, &headers, body.to_owned().into()).await
    }

    /// The calls that were turned away, oldest first, once there are so many.
    pub async fn rejected(&self, count: usize) -> Vec<Value> {
        until("the calls are kept", async || {
            let mut found = self.creditrail.rejected_calls(SOURCE, 200).await.expect("a list");
            found.reverse();
            (found.len() == count).then_some(found)
        })
        .await
    }

    pub async fn redrives(&self, asked: RedriveDeliveries) -> Report {
        self.creditrail.redrive(asked).await.expect("a report")
    }

    pub async fn position(&self) -> i64 {
        let status = self.creditrail.source_status(SOURCE).await.expect("a source");
        let position = number(&status, "position");
        self.creditrail.at_least(SOURCE, position).await.expect("the read models follow");
        position
    }

    /// `received`, `outcomes`, once the read models know all; they have to add up.
    pub async fn counts(&self) -> Value {
        self.position().await;
        let counts = self.creditrail.source_status(SOURCE).await.expect("a source");
        let outcomes = counts["outcomes"].as_object().expect("counts by outcome");
        let sum: i64 = outcomes.values().filter_map(Value::as_i64).sum();
        assert_eq!(number(&counts, "received"), sum, "{counts:#}");
        assert_eq!(counts["balanced"], true, "{counts:#}");
        counts
    }

    pub async fn transaction(&self, id: &str) -> Value {
        self.position().await;
        let found = self.creditrail.transaction(SOURCE, id).await.expect("an answer");
        found.unwrap_or_else(|| panic!("there is no transaction {id}"))
    }

    pub async fn delivery(&self, id: &str) -> Value {
        self.position().await;
        let found = self.creditrail.delivery(SOURCE, id).await.expect("an answer");
        found.unwrap_or_else(|| panic!("there is no delivery {id}"))
    }

    /// The log.
    pub async fn events(&self) -> Vec<Value> {
        let events = self.creditrail.events(SOURCE, 0, 1000).await.expect("the log");
        events.iter().map(|event| serde_json::to_value(event).expect("JSON")).collect()
    }
}

/// All that cannot be read, to be carried out.
pub fn all() -> RedriveDeliveries {
    RedriveDeliveries {
        source: SOURCE.to_owned(),
        delivery_ids: None,
        since: None,
        outcome: None,
        after: None,
        dry_run: false,
        reason: "an upgrade".to_owned(),
        actor: Some("ada".to_owned()),
    }
}

/// These, to be carried out.
pub fn these(ids: &[&str]) -> RedriveDeliveries {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    RedriveDeliveries { delivery_ids: Some(ids), ..all() }
}
