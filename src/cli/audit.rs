//! `creditrail audit`: one file for each of its commands.

mod export;
mod key;
mod prove;
mod replay;
mod show;
mod status;
mod tree;
mod verify;

use std::{fs, io::ErrorKind, path::Path};

use clap::Subcommand;

use super::CliError;
use crate::app::things::Thing;

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
    /// Decides every stored delivery again from its raw bytes with today's code, and compares events
    /// and read models with what is recorded. It ends with status 1 if anything differs, and with
    /// an error unless it reached the head. Nothing is changed; a service may run beside.
    Replay(replay::Replay),
    /// Writes what is recorded into a folder, with a manifest: the log, deliveries as they came, read
    /// models, who did what; as NDJSON, CSV or Parquet.
    Export(Box<export::Export>),
    /// Prints the proof that a newer checkpoint continues an older one, for `creditrail-verify
    /// checkpoints`.
    Consistency(tree::Consistency),
    /// Folds the tree over a log again from its first event on.
    RebuildTree(tree::RebuildTree),
    /// Prints the key that verifies what is signed, or makes a new one that signs.
    #[command(subcommand)]
    Key(key::Key),
    /// Shows a thing as it is, as it was known at a moment, of what had happened by a time, and what
    /// has changed since a moment.
    Show(show::Show),
}

impl Audit {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self {
            Self::Status(status) => status.run().await,
            Self::Prove(prove) => prove.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Replay(replay) => replay.run().await,
            Self::Export(export) => export.run().await,
            Self::Consistency(consistency) => consistency.run().await,
            Self::RebuildTree(rebuild) => rebuild.run().await,
            Self::Key(key) => key.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

/// That a folder is not there, or empty: nothing of another time stands beside what is written.
fn new_folder(folder: &Path) -> Result<(), CliError> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(cause) => {
            return Err(CliError::Io {
                what: format!("{} cannot be read", folder.display()),
                cause,
            });
        }
    };
    if is_empty { Ok(()) } else { Err(CliError::NotEmpty(folder.to_owned())) }
}

/// A kind by the name of one, or of its list.
fn thing(given: &str) -> Result<Thing, String> {
    let is = |thing: &Thing| given == thing.name() || given == thing.noun().replace(' ', "-");
    Thing::ALL.into_iter().find(is).ok_or_else(|| {
        let all: Vec<_> = Thing::ALL.iter().map(|thing| thing.noun().replace(' ', "-")).collect();
        format!("is not one of: {}", all.join(", "))
    })
}

/// A source and an id in it.
fn address(given: &str) -> Result<(String, String), String> {
    match given.split_once('/') {
        Some((source, id)) if !source.is_empty() && !id.is_empty() => {
            Ok((source.to_owned(), id.to_owned()))
        }
        _ => Err("must be SOURCE/ID, such as imprint/demo-late-update".to_owned()),
    }
}
