//! `creditrail audit rebuild-tree` and `creditrail audit consistency`.

use clap::Args;

use super::super::{CliError, Place, print, settings};
use crate::app::Creditrail;

/// Of which log.
#[derive(Debug, Args)]
pub(in crate::cli) struct RebuildTree {
    #[command(flatten)]
    place: Place,
    /// The log: a source, or `_access`.
    log: String,
}

/// Between which two sizes of which log.
#[derive(Debug, Args)]
pub(in crate::cli) struct Consistency {
    #[command(flatten)]
    place: Place,
    /// The log: a source, or `_access`.
    log: String,
    /// How many events the older checkpoint is about.
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    old: i64,
    /// How many events the newer checkpoint is about.
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    new: i64,
}

impl RebuildTree {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let (creditrail, _worker) = settings::read(&self.place)?.builder().build().await?;
        known(&creditrail, &self.log).await?;
        let bar = indicatif::ProgressBar::no_length();
        let told = |at: i64| bar.set_position(at.unsigned_abs());
        let events = creditrail.rebuild_tree(&self.log, told).await.map_err(CliError::Tree)?;
        bar.finish_and_clear();
        print(&format!("the tree of {} is over {events} events\n", self.log));
        Ok(())
    }
}

impl Consistency {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let (creditrail, _worker) = settings::read(&self.place)?.builder().build().await?;
        let sizes @ (old, new) = (self.old, self.new);
        if old > new {
            return Err(CliError::Sizes { old, new });
        }
        known(&creditrail, &self.log).await?;
        let events = creditrail.grow_tree(&self.log, |_| {}).await.map_err(CliError::Tree)?;
        if new > events {
            return Err(CliError::TooLong { log: self.log, events, asked: new });
        }
        let proof = creditrail.consistency(&self.log, sizes).await.map_err(CliError::Tree)?;
        proof.iter().for_each(|hash| print(&format!("{hash}\n")));
        Ok(())
    }
}

/// That there is such a log.
pub(super) async fn known(creditrail: &Creditrail, log: &String) -> Result<(), CliError> {
    let all = creditrail.all_logs().await?;
    if all.contains(log) {
        return Ok(());
    }
    Err(CliError::UnknownLog(log.clone(), all.join(", ")))
}
