//! `creditrail audit`: one file for each of its commands.

mod show;

use clap::Subcommand;

use super::CliError;

/// What is asked of the record. None of these changes it.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Shows a thing as it is, as it was known at a moment, of what had happened by a time, and what
    /// has changed since a moment.
    Show(show::Show),
}

impl Audit {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Show(show) => show.run().await,
        }
    }
}
