//! Deliveries from a file, and to one: one JSON object a line.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    cli::CliError,
    simulation::{History, Step},
};

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The history that it belongs to: those of one are sent in their order.
    history: String,
    /// The lender's name of it, for the summary.
    #[serde(default = "unnamed")]
    event: String,
    /// The body: an object is sent as it is written, a text as what it holds.
    body: Box<RawValue>,
}

fn unnamed() -> String {
    "delivery".to_owned()
}

/// The histories of a file, in the order in which each begins.
pub(super) fn read(path: &Path) -> Result<Vec<History>, CliError> {
    let failed = |cause| CliError::Io { what: format!("{} cannot be read", path.display()), cause };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut histories: Vec<History> = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(failed)?;
        if line.trim().is_empty() {
            continue;
        }
        let Line { history: name, event, body } = serde_json::from_str(&line).map_err(|error| {
            CliError::Simulation(format!("line {number} of {}: {error}", path.display()))
        })?;
        let text: Option<String> = serde_json::from_str(body.get()).ok();
        let body = text.unwrap_or_else(|| body.get().to_owned());
        let step = Step { event, body, same_key: None, is_illegal: false };
        match histories.iter_mut().find(|history| history.name == name) {
            Some(history) => history.steps.push(step),
            None => histories.push(History { name, steps: vec![step] }),
        }
    }
    Ok(histories)
}

/// A history as lines of a file.
pub(super) fn lines(history: &History) -> String {
    let line = |step: &Step| {
        let line = serde_json::json!({
            "history": history.name,
            "event": step.event,
            // As a text, so that the bytes stay as they are.
            "body": step.body,
        });
        format!("{line}\n")
    };
    history.steps.iter().map(line).collect()
}
