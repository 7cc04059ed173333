//! `creditrail demo`: sample histories through the real endpoint, and what became of each.

mod histories;

use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use indicatif::ProgressBar;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use self::histories::{Call, History};
use super::{CliError, print, serve};
use crate::{
    app::Creditrail,
    sources::{Kind, SourceConfig, imprint, signature::Secret},
};

const SOURCE: &str = "imprint";
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
        let (creditrail, worker) =
            Creditrail::builder().database(url).source(source()?).build().await?;
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
        let player = Player { base: format!("http://{address}"), client: reqwest::Client::new() };
        let play = async {
            let result = player.play().await;
            if !exit && result.is_ok() {
                print(
                    "\nThe interface stays open. Ctrl-C ends it, and the demo's database with it.\n",
                );
                std::future::pending::<()>().await;
            }
            drop(played);
            result
        };
        let served = serve::run(listener, &creditrail, worker, end);
        tokio::select! {
            result = play => result,
            result = served => result,
        }
    }
}

fn source() -> Result<SourceConfig, CliError> {
    let usd = creditrail_domain::Currency::from_code("USD");
    Ok(SourceConfig {
        name: SOURCE.to_owned(),
        kind: Kind::Imprint,
        currency: usd.ok_or_else(|| CliError::Demo("USD is no currency".to_owned()))?,
        secrets: vec![Secret {
            id: "demo".to_owned(),
            value: SecretString::from(SECRET),
            value_env: None,
            not_before: None,
            not_after: None,
        }],
        signature: imprint::SignatureForm::default(),
        outside_window: crate::sources::OutsideWindow::default(),
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
                of_history.push(self.call(call).await?);
                bar.inc(1);
            }
            answered.push(of_history);
        }
        bar.finish_and_clear();
        self.wait().await?;
        let mut table =
            table(&["what happened", "sent, in this order", "answered", "now, and why"]);
        for (history, answered) in histories.iter().zip(answered) {
            self.show(history, answered, &mut table).await?;
        }
        print(&format!("{table}\n\n"));
        self.show_totals().await?;
        self.show_source().await?;
        print(&self.where_next());
        Ok(())
    }

    async fn call(&self, call: &Call) -> Result<Answered, CliError> {
        let (path, label) = match call {
            Call::Webhook { label, .. } | Call::Forged { label, .. } => {
                (format!("/webhooks/{SOURCE}"), label)
            }
            Call::Command { label, path, .. } => (path.clone(), label),
        };
        let request = self.client.post(format!("{}{path}", self.base));
        let request = match call {
            Call::Webhook { body, .. } => {
                let signature = imprint::sign(SECRET, body.as_bytes(), Timestamp::now());
                request.header(imprint::SIGNATURE_HEADER, signature).body(body.clone())
            }
            Call::Forged { body, .. } => {
                let signature = imprint::sign("a guess", body.as_bytes(), Timestamp::now());
                request.header(imprint::SIGNATURE_HEADER, signature).body(body.clone())
            }
            Call::Command { body, .. } => request.json(body),
        };
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        let outcome = match (answer["outcome"].as_str(), answer["code"].as_str()) {
            (Some(outcome), _) => outcome.to_owned(),
            (None, Some(code)) => format!("{} {code}", status.as_u16()),
            (None, None) => status.as_str().to_owned(),
        };
        let delivery_id = answer["delivery_id"].as_str().map(str::to_owned);
        Ok(Answered { label: label.clone(), outcome, delivery_id })
    }

    async fn get(&self, path: &str) -> Result<Value, CliError> {
        Ok(self.client.get(format!("{}{path}", self.base)).send().await?.json().await?)
    }

    /// Waits until the read models have passed all that was recorded.
    async fn wait(&self) -> Result<(), CliError> {
        let status = self.get(&format!("/v1/sources/{SOURCE}")).await?;
        let position = &status["position"];
        for _ in 0..10 {
            let path = format!("/v1/sources/{SOURCE}?at_least={position}");
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
                (Some(_), "duplicate") => "counted once, on the first one".to_owned(),
                (Some(id), _) => self.explain(id).await?,
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

    async fn explain(&self, delivery_id: &str) -> Result<String, CliError> {
        let delivery = self.get(&format!("/v1/deliveries/{SOURCE}/{delivery_id}")).await?;
        let outcome = delivery["outcome"].as_str().unwrap_or("?");
        let arrived = delivery["outcome_on_arrival"].as_str().unwrap_or("?");
        let message = delivery["message"].as_str();
        let revised = if outcome == arrived { "" } else { "revised: " };
        Ok(message.map_or_else(
            || format!("{revised}{outcome}"),
            |message| format!("{revised}{outcome}: {message}"),
        ))
    }

    async fn show_totals(&self) -> Result<(), CliError> {
        let mut totals = table(&[
            "transaction",
            "status",
            "authorized",
            "captured",
            "refunded",
            "hold",
            "flags",
        ]);
        let listed = self.get(&format!("/v1/transactions?source={SOURCE}&limit=200")).await?;
        for transaction in listed["items"].as_array().into_iter().flatten().rev() {
            let text = |field: &str| transaction[field].as_str().unwrap_or("").to_owned();
            let number = |field: &str| transaction[field].to_string();
            let flags: Vec<_> = transaction["flags"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            totals.add_row([
                text("transaction_id"),
                text("status"),
                number("authorized"),
                number("captured"),
                number("refunded"),
                number("hold"),
                flags.join(", "),
            ]);
        }
        print(&format!("{totals}\nAmounts are minor units: 3451 is 34.51 USD.\n\n"));
        Ok(())
    }

    async fn show_source(&self) -> Result<(), CliError> {
        let status = self.get(&format!("/v1/sources/{SOURCE}")).await?;
        let outcomes: Vec<_> = status["outcomes"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        let balanced = if status["balanced"] == true { "balanced" } else { "NOT balanced" };
        print(&format!(
            "audit equation: {} received = {} ({balanced})\n",
            status["received"],
            outcomes.join(" + "),
        ));
        if status["balanced"] == true {
            Ok(())
        } else {
            Err(CliError::Demo("the audit equation does not hold".to_owned()))
        }
    }

    fn where_next(&self) -> String {
        let base = &self.base;
        format!(
            "\nWhere to look next:\n\
             \x20 {base}/   in a browser\n\
             \x20 curl '{base}/v1/exceptions?source={SOURCE}&status=open'\n\
             \x20 curl '{base}/v1/transactions/{SOURCE}/demo-late-update'\n\
             \x20 curl '{base}/v1/customers/{SOURCE}/demo-customer/timeline'\n\
             \x20 curl '{base}/v1/search?q=DEMO-CARD-NEW'\n\
             \x20 creditrail machine transaction\n"
        )
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        table.set_width(150);
    }
    table.set_header(header);
    table
}
