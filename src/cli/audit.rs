//! `creditrail audit`: one file for each of its commands.

mod key;
mod prove;
mod status;
mod tree;
mod verify;

use clap::Subcommand;

use super::CliError;

/// What is asked of the record. None of these changes an event.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Shows how far each log is proven: hashed, signed, and taken outside the database. Ends with 1
    /// while one of them is not.
    Status(status::Status),
    /// Writes the evidence of one thing into a folder: its events, its deliveries, the proof of each,
    /// and a page to read.
    Prove(prove::Prove),
    /// Checks everything from the first event on: positions, sequences, leaves, checkpoints, deliveries,
    /// the audit equation. Ends with 1 if anything is not as it should be.
    Verify(verify::Verify),
    /// Prints the proof that a newer checkpoint continues an older one, for `creditrail-verify
    /// checkpoints`.
    Consistency(tree::Consistency),
    /// Folds the tree over a log again from its first event on.
    RebuildTree(tree::RebuildTree),
    /// Prints the key that verifies what is signed, or makes a new one that signs.
    #[command(subcommand)]
    Key(key::Key),
}

impl Audit {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Status(status) => status.run().await,
            Self::Prove(prove) => prove.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Consistency(consistency) => consistency.run().await,
            Self::RebuildTree(rebuild) => rebuild.run().await,
            Self::Key(key) => key.run().await,
        }
    }
}
