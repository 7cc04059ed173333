//! `creditrail audit key`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::{CliError, Place, print, settings};
use crate::app::proof;

/// What is done about the key.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Key {
    /// Prints the key that verifies: hand it to auditors, and keep it where nobody can change it.
    Show(Show),
    /// Makes a file with a new key that signs, for `audit.key_file`.
    New(New),
}

/// Of which service.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    place: Place,
}

/// What the key is called, and where it is kept.
#[derive(Debug, Args)]
pub(in crate::cli) struct New {
    /// Whose logs it signs, such as `ledger.example.com`.
    name: String,
    /// The file, which must not be there yet.
    file: PathBuf,
}

impl Key {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Show(Show { place }) => {
                let (creditrail, _worker) = settings::read(&place)?.builder().build().await?;
                let key = creditrail.verifier_key().ok_or(proof::SignError::NoKey)?;
                print(&format!("{key}\n"));
            }
            Self::New(New { name, file }) => {
                let key = proof::make_key(&file, &name)?;
                print(&format!("{}: the key that signs; it verifies by\n{key}\n", file.display()));
            }
        }
        Ok(())
    }
}
