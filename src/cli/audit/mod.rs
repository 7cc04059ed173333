//! `creditrail audit`: a file for each question.

mod replay;

use clap::Subcommand;

use super::CliError;

/// What an auditor asks.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Decides every stored delivery again from its raw bytes with today's code, and compares events
    /// and read models with what is recorded. It ends with status 1 if anything differs, and with
    /// an error unless it reached the head. Nothing is changed; a service may run beside.
    Replay(replay::Replay),
}

impl Audit {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Replay(replay) => replay.run().await,
        }
    }
}
