//! `creditrail audit status`.

use clap::Args;

use super::super::{CliError, Format, Place, print, settings};
use crate::app::proof::status::ProofStatus;

/// Of which service, and how it is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    place: Place,
    /// How it is told.
    #[arg(long, default_value = "text")]
    format: Format,
}

impl Status {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let settings = settings::read(&self.place)?;
        let (creditrail, _worker) = settings.builder().build().await?;
        let all = creditrail.proof_status().await?;
        match self.format {
            Format::Text => all.iter().for_each(|status| print(&text(status))),
            Format::Json => print(&format!("{:#}\n", serde_json::json!({ "logs": all }))),
        }
        let red: Vec<_> = all.into_iter().filter(|status| !status.is_green()).collect();
        if red.is_empty() { Ok(()) } else { Err(CliError::Unproven(red.len())) }
    }
}

fn text(status: &ProofStatus) -> String {
    let ProofStatus { log, in_settings, events, hashed, checkpoint, sinks, state, reasons, .. } =
        status;
    let mut text = format!("{log}: {state}\n  {events} events, {hashed} hashed");
    text += &match checkpoint {
        Some(signed) => format!(", {} signed at {}\n", signed.size, signed.signed_at),
        None => ", none signed\n".to_owned(),
    };
    if !in_settings {
        text += "  it is not in the settings: nobody takes anything in for it, or signs it\n";
    }
    for sink in sinks {
        let taken = match (sink.size, sink.taken_at) {
            (Some(size), Some(at)) => format!("has {size} since {at}"),
            _ => "has none".to_owned(),
        };
        let error = sink.error.as_ref().map_or_else(String::new, |error| format!("; {error}"));
        text += &format!("  {}: {taken}{error}\n", sink.name);
    }
    reasons.iter().for_each(|reason| text += &format!("  {reason}\n"));
    text
}
