//! `creditrail audit rebuild-tree` and `creditrail audit consistency`.

use clap::Args;

use super::super::{CliError, Place, print, settings};

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
    old: i64,
    /// How many events the newer checkpoint is about.
    new: i64,
}

impl RebuildTree {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let (creditrail, _worker) = settings::read(&self.place)?.builder().build().await?;
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
        let sizes = (self.old, self.new);
        let proof = creditrail.consistency(&self.log, sizes).await.map_err(CliError::Tree)?;
        proof.iter().for_each(|hash| print(&format!("{hash}\n")));
        Ok(())
    }
}
