//! `creditrail audit show`.

use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    app::{
        Creditrail,
        changes::FieldChange,
        moments::{AsOf, Changes, When},
        read::ReadError,
        things::Thing,
    },
    cli::{CliError, Format, Place, print, settings},
};

use super::{address, thing};

/// What is shown, and of when.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    place: Place,
    /// What it is: transaction, payment-method, application, charge or customer.
    #[arg(value_parser = thing)]
    kind: Thing,
    /// Its source and its id.
    #[arg(value_name = "SOURCE/ID", value_parser = address)]
    address: (String, String),
    /// As it was known then: a position of the log, or a time in RFC 3339. Now, if absent.
    #[arg(long, value_name = "POSITION|TIME", value_parser = moment)]
    as_of: Option<AsOf>,
    /// Of what had happened by then: a time in RFC 3339. Of all of it, if absent.
    #[arg(long, value_name = "TIME")]
    happened_by: Option<Timestamp>,
    /// Shows besides what has changed since that moment.
    #[arg(long, value_name = "POSITION|TIME", value_parser = moment)]
    changes_from: Option<AsOf>,
    /// In which form.
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn moment(given: &str) -> Result<AsOf, String> {
    given.parse().map_err(|error: crate::app::moments::NoMoment| error.to_string())
}

impl Show {
    pub(in crate::cli) async fn run(self) -> Result<(), CliError> {
        let settings = settings::read(&self.place)?;
        // Nobody runs the worker: nothing is written.
        let (creditrail, _worker) = settings.builder().migrate(false).build().await?;
        let document = self.document(&creditrail).await?;
        let changes = self.changes(&creditrail).await?;
        let (source, id) = &self.address;
        let Some(document) = document else {
            let when = self.when();
            if !when.is_now() {
                let seen = creditrail.seen(source, when).await?;
                let why = creditrail.why_not_known((self.kind, source, id), seen).await?;
                if let Some(why) = why {
                    return Err(CliError::NotKnownThen(why));
                }
            }
            let (noun, id) = (self.kind.noun(), format!("{source}/{id}"));
            return Err(CliError::NotKnown { noun, id });
        };
        print(&match self.format {
            Format::Json => in_json(&document, changes.as_ref()),
            Format::Text => {
                let title = format!("{} {source}/{id}", self.kind.noun());
                in_text(&title, &document, changes.as_ref())
            }
        });
        Ok(())
    }

    const fn when(&self) -> When {
        When { as_of: self.as_of, happened_by: self.happened_by }
    }

    async fn document(&self, creditrail: &Creditrail) -> Result<Option<Value>, ReadError> {
        let (source, id) = (self.address.0.as_str(), self.address.1.as_str());
        let when = self.when();
        if when.is_now() {
            return creditrail.document_of(self.kind, source, id).await;
        }
        let seen = creditrail.seen(source, when).await?;
        let mut document = creditrail.at(self.kind, (source, id), seen).await?;
        document.iter_mut().for_each(|document| seen.sign(document));
        Ok(document)
    }

    /// From the moment that is given to the one that is shown.
    async fn changes(&self, creditrail: &Creditrail) -> Result<Option<Changes>, ReadError> {
        let Some(from) = self.changes_from else { return Ok(None) };
        let (source, id) = (self.address.0.as_str(), self.address.1.as_str());
        let span = (from, self.as_of);
        creditrail.changes((self.kind, source, id), span, self.happened_by).await
    }
}

/// The document as it is answered over HTTP; with changes, both.
fn in_json(document: &Value, changes: Option<&Changes>) -> String {
    let whole = match changes {
        Some(changes) => json!({ "document": document, "changes": changes }),
        None => document.clone(),
    };
    format!("{whole:#}\n")
}

fn in_text(title: &str, document: &Value, changes: Option<&Changes>) -> String {
    let empty = Map::new();
    let fields = document.as_object().unwrap_or(&empty);
    let mut lines = vec![title.to_owned()];
    if let Some(question) = question(document) {
        lines.push(question);
    }
    let hidden = ["source", "steps", "as_of", "happened_by"];
    for (name, value) in fields.iter().filter(|(name, _)| !hidden.contains(&name.as_str())) {
        lines.push(format!("  {name}: {}", in_short(value)));
    }
    let steps = document["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !steps.is_empty() {
        lines.push("steps, in the order in which they happened:".to_owned());
        lines.extend(steps.iter().map(step));
    }
    if let Some(Changes { from, to, changes, .. }) = changes {
        let (from, to) = (from.position, to.position);
        lines.push(format!("changes from position {from} to position {to}:"));
        if changes.is_empty() {
            lines.push("  none".to_owned());
        }
        lines.extend(changes.iter().map(change));
    }
    lines.join("\n") + "\n"
}

/// Which of the questions is answered.
fn question(document: &Value) -> Option<String> {
    let position = &document["as_of"]["position"];
    if position.is_null() {
        return None;
    }
    let known = match document["as_of"]["recorded_at"].as_str() {
        Some(at) => format!("what was known at position {position}, recorded {at}"),
        None => format!("what was known at position {position}"),
    };
    Some(match document["happened_by"].as_str() {
        Some(by) => format!("{known}, of what had happened by {by}"),
        None => known,
    })
}

/// A step with both of its times.
fn step(step: &Value) -> String {
    let text = |field: &str| step[field].as_str().unwrap_or_default();
    let amount = match (step["amount"].as_i64(), step["currency"].as_str()) {
        (Some(amount), Some(currency)) => format!(" {amount} {currency}"),
        _ => String::new(),
    };
    let reason = step["reason"].as_str().map(|reason| format!(" ({reason})"));
    let flags = step["flags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let flags: String =
        flags.iter().filter_map(Value::as_str).map(|flag| format!(", {flag}")).collect();
    format!(
        "  happened {}  heard {}  position {}  {}{amount}: {}{}{flags}",
        text("occurred_at"),
        text("received_at"),
        step["position"],
        text("kind"),
        text("outcome"),
        reason.unwrap_or_default(),
    )
}

fn change(FieldChange { field, before, after }: &FieldChange) -> String {
    let field = if field.is_empty() { "all of it" } else { field };
    format!("  {field}: {} -> {}", in_short(before), in_short(after))
}

fn in_short(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // What lenders send does not steer a terminal.
        Value::String(text) => text.chars().map(shown).collect(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        other => other.to_string(),
    }
}

fn shown(letter: char) -> String {
    if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
}
