//! `creditrail demo`: sample histories through the real endpoint, and what became of each.

mod histories;
mod summary;

use std::time::Duration;

use clap::Args;
use comfy_table::Table;
use indicatif::ProgressBar;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use self::histories::{Call, History, imprint, loans, onboarding};
use super::{
    CliError,
    client::Client,
    print,
    sender::{Answer, Sender},
    serve,
    table::table,
};
use crate::{
    app::{
        Creditrail,
        redecide::{Asked, Replayed, Told},
    },
    http::{self, Access},
    sources::{Kind, OutsideWindow, SourceConfig, imprint::SignatureForm, signature::Secret},
};

/// The sources, each with its kind.
const SOURCES: [(&str, Kind); 3] = [
    (imprint::SOURCE, Kind::Imprint),
    (onboarding::SOURCE, Kind::CardOnboarding),
    (loans::SOURCE, Kind::ChargeAfter),
];
const SECRET: &str = "demo-secret";

/// How the demo runs.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after the tables instead of serving on.
    #[arg(long)]
    exit: bool,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080", env = "CREDITRAIL_LISTEN")]
    listen: String,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let folder = Folder::new()?;
        let url = format!("sqlite://{}", folder.0.join("demo.db").display());
        let mut builder = Creditrail::builder().database(url);
        for (name, kind) in SOURCES {
            builder = builder.source(source(name, kind)?);
        }
        let (creditrail, worker) = builder.build().await?;
        let listener = match serve::listen(&self.listen).await {
            Ok(listener) => listener,
            // The usual port is taken: any other will do for a demo.
            Err(_) => serve::listen("127.0.0.1:0").await?,
        };
        let address = listener.local_addr().map_err(|cause| CliError::Io {
            what: "the address of the demo cannot be read".to_owned(),
            cause,
        })?;
        let (played, told) = tokio::sync::oneshot::channel::<()>();
        let exit = self.exit;
        let end = async move {
            if exit {
                // Told, or the player is gone: either way it is the end.
                let _ = told.await;
            } else {
                serve::told_to_end().await;
            }
        };
        let player = Player {
            base: format!("http://{address}"),
            client: reqwest::Client::new(),
            lender: Client::plain()?,
        };
        let play = async {
            let mut result = player.play().await;
            if result.is_ok() {
                result = decide_again(&creditrail).await;
            }
            if exit && result.is_ok() {
                print("\nWithout --exit the interface stays open, to be looked at in a browser.\n");
            }
            if !exit && result.is_ok() {
                print(&where_next(&player.base));
                print(
                    "\nThe interface stays open. Ctrl-C ends it, and the demo's database with it.\n",
                );
                std::future::pending::<()>().await;
            }
            drop(played);
            result
        };
        let served =
            serve::run(listener, http::router(&creditrail, &Access::loopback()), worker, end);
        tokio::select! {
            result = play => result,
            result = served => result,
        }
    }
}

/// All of it once more, as an auditor has it decided.
async fn decide_again(creditrail: &Creditrail) -> Result<(), CliError> {
    let mut told = |told: Told<'_>| {
        if matches!(told, Told::Decision(_) | Told::Row(_)) {
            print(&format!("differs: {told:?}\n"));
        }
    };
    let replayed = creditrail.decide_again(Asked::default(), &mut told).await?;
    let deliveries: i64 = replayed.iter().map(|replayed| replayed.deliveries).sum();
    let differences = replayed.iter().map(Replayed::count).sum();
    print(&format!(
        "audit replay: {deliveries} deliveries decided again, {differences} differences\n"
    ));
    if differences == 0 { Ok(()) } else { Err(CliError::Differs(differences)) }
}

fn source(name: &str, kind: Kind) -> Result<SourceConfig, CliError> {
    let usd = creditrail_domain::Currency::from_code("USD");
    Ok(SourceConfig {
        name: name.to_owned(),
        kind,
        currency: usd.ok_or_else(|| CliError::Demo("USD is no currency".to_owned()))?,
        secrets: vec![Secret {
            id: "demo".to_owned(),
            value: SecretString::from(SECRET),
            value_env: None,
            not_before: None,
            not_after: None,
        }],
        authorization: None,
        signature: SignatureForm::default(),
        outside_window: OutsideWindow::default(),
        policies: creditrail_domain::Policies::default(),
    })
}

/// A folder that goes when the demo ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Self, CliError> {
        let unique = format!("creditrail-demo-{}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).map_err(|cause| CliError::Io {
            what: format!("{} cannot be created", folder.display()),
            cause,
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Player {
    base: String,
    client: reqwest::Client,
    lender: Client,
}

/// What a call was answered.
struct Answered {
    label: String,
    outcome: String,
    delivery_id: Option<String>,
}

impl Player {
    async fn play(&self) -> Result<(), CliError> {
        let histories = histories::all();
        let calls: usize = histories.iter().map(|history| history.calls.len()).sum();
        let bar = ProgressBar::new(calls as u64);
        let mut answered = Vec::new();
        for history in &histories {
            let mut of_history = Vec::new();
            for call in &history.calls {
                of_history.push(self.call(history.source, call).await?);
                bar.inc(1);
            }
            answered.push(of_history);
        }
        bar.finish_and_clear();
        for (source, _) in SOURCES {
            self.wait(source).await?;
        }
        let mut shown = histories.iter().zip(answered).peekable();
        for (source, _) in SOURCES {
            let mut table =
                table(&["what happened", "sent, in this order", "answered", "now, and why"]);
            while let Some((history, answered)) =
                shown.next_if(|(history, _)| history.source == source)
            {
                self.show(history, answered, &mut table).await?;
            }
            print(&format!("{source}\n{table}\n\n"));
        }
        self.summarize().await?;
        for (source, _) in SOURCES {
            self.show_source(source).await?;
        }
        Ok(())
    }

    async fn call(&self, source: &str, call: &Call) -> Result<Answered, CliError> {
        let (answer, label) = match call {
            Call::Webhook { label, body } => {
                (self.sender(source)?.send(body, Timestamp::now()).await?, label)
            }
            Call::Forged { label, body } => {
                (self.sender(source)?.forge(body, Timestamp::now()).await?, label)
            }
            Call::Command { label, path, body } => (self.command(path, body).await?, label),
        };
        let (outcome, delivery_id) = (answer.outcome(), answer.delivery_id());
        Ok(Answered { label: label.clone(), outcome, delivery_id })
    }

    /// The lender of a source.
    fn sender(&self, source: &str) -> Result<Sender, CliError> {
        let kind = SOURCES.iter().find(|(name, _)| *name == source).map(|(_, kind)| *kind);
        let url = format!("{}/webhooks/{source}", self.base).parse();
        match (kind, url) {
            (Some(kind), Ok(url)) => {
                Ok(Sender::new(self.lender.clone(), url, kind, SecretString::from(SECRET)))
            }
            _ => Err(CliError::Demo(format!("there is no source {source}"))),
        }
    }

    async fn command(&self, path: &str, body: &Value) -> Result<Answer, CliError> {
        let response = self.client.post(format!("{}{path}", self.base)).json(body).send().await?;
        Ok(Answer { status: response.status().as_u16(), said: response.json().await? })
    }

    async fn get(&self, path: &str) -> Result<Value, CliError> {
        Ok(self.client.get(format!("{}{path}", self.base)).send().await?.json().await?)
    }

    /// Waits until the read models have passed all that was recorded.
    async fn wait(&self, source: &str) -> Result<(), CliError> {
        let status = self.get(&format!("/v1/sources/{source}")).await?;
        let position = &status["position"];
        for _ in 0..10 {
            let path = format!("/v1/sources/{source}?at_least={position}");
            let answer = self.client.get(format!("{}{path}", self.base)).send().await?;
            if answer.status().is_success() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(CliError::Demo("the read models did not catch up".to_owned()))
    }

    async fn show(
        &self,
        history: &History,
        answered: Vec<Answered>,
        table: &mut Table,
    ) -> Result<(), CliError> {
        let mut title = history.title;
        for Answered { label, outcome, delivery_id } in answered {
            let now = match (&delivery_id, outcome.as_str()) {
                (Some(id), outcome) => {
                    let now = self.explain(history.source, id).await?;
                    let is_repeated = outcome == "duplicate" && !now.contains("duplicate");
                    if is_repeated { "counted once, on the first one".to_owned() } else { now }
                }
                (None, "401 unauthenticated") => {
                    "not recorded; kept among rejected calls".to_owned()
                }
                (None, _) => String::new(),
            };
            table.add_row([title, &label, &outcome, &now]);
            title = "";
        }
        Ok(())
    }

    async fn explain(&self, source: &str, delivery_id: &str) -> Result<String, CliError> {
        let delivery = self.get(&format!("/v1/deliveries/{source}/{delivery_id}")).await?;
        let outcome = delivery["outcome"].as_str().unwrap_or("?");
        let arrived = delivery["outcome_on_arrival"].as_str().unwrap_or("?");
        let message = delivery["message"].as_str();
        let revised = if outcome == arrived { "" } else { "revised: " };
        Ok(message.map_or_else(
            || format!("{revised}{outcome}"),
            |message| format!("{revised}{outcome}: {message}"),
        ))
    }

    async fn show_source(&self, source: &str) -> Result<(), CliError> {
        let status = self.get(&format!("/v1/sources/{source}")).await?;
        let outcomes: Vec<_> = status["outcomes"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let balanced = if status["balanced"] == true { "balanced" } else { "NOT balanced" };
        print(&format!(
            "audit equation of {source}: {} received = {} ({balanced})\n",
            status["received"],
            outcomes.join(" + "),
        ));
        if status["balanced"] == true {
            Ok(())
        } else {
            Err(CliError::Demo("the audit equation does not hold".to_owned()))
        }
    }
}

fn where_next(base: &str) -> String {
    format!(
        "\nWhere to look next:\n\
         \x20 {base}/   in a browser\n\
         \x20 curl '{base}/v1/exceptions?status=open'\n\
         \x20 curl '{base}/v1/actions?status=open'\n\
         \x20 curl '{base}/v1/transactions/imprint/demo-late-update'\n\
         \x20 curl '{base}/v1/applications/loans/demo-loan'\n\
         \x20 curl '{base}/v1/charges/loans/demo-charge'\n\
         \x20 curl '{base}/v1/customers/imprint/demo-customer/timeline'\n\
         \x20 curl '{base}/v1/search?q=DEMO-CARD-NEW'\n\
         \x20 creditrail machine transaction\n"
    )
}
