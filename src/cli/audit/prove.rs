//! `creditrail audit prove`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use creditrail_proof::bundle::{self, Bundle};

use super::{
    super::{CliError, Place, print, serve, settings},
    address, new_folder, thing,
};
use crate::app::{proof::export::new_file, things::Thing};

/// What is proven, and where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct Prove {
    #[command(flatten)]
    place: Place,
    /// What kind of thing: transaction, payment-method, application, charge, customer.
    #[arg(value_parser = thing)]
    kind: Thing,
    /// Which one: `SOURCE/ID`.
    #[arg(value_parser = address)]
    which: (String, String),
    /// The folder, which is made; one that is there is empty. It gets `bundle.json` and `index.html`.
    #[arg(long)]
    out: PathBuf,
    /// Why. It is recorded.
    #[arg(long)]
    reason: String,
    /// Who. It is recorded.
    #[arg(long, default_value = "operator")]
    actor: String,
}

impl Prove {
    pub(super) async fn run(self) -> Result<(), CliError> {
        new_folder(&self.out)?;
        let settings = settings::read(&self.place)?;
        let (creditrail, worker) = settings.builder().build().await?;
        let (source, id) = &self.which;
        // The readers of this process tell which streams there are, if no service does, and its writer
        // records who wants it.
        let proven = async {
            let who = (self.actor.as_str(), self.reason.as_str());
            let proven = creditrail.prove((self.kind, source, id), who).await;
            serve::signed(&creditrail).await;
            proven
        };
        let proven = tokio::select! {
            proven = proven => proven?,
            () = worker.run() => return Err(CliError::WorkerEnded),
        };
        write(&self.out, bundle::FILE, &proven.json)?;
        write(&self.out, bundle::PAGE, &proven.page)?;
        let holds = Bundle::parse(&proven.json)
            .and_then(|bundle| bundle::verify(&bundle, &proven.page, &proven.key, None));
        if let Err(error) = holds {
            return Err(CliError::NotProven { folder: self.out, cause: Box::new(error) });
        }
        print(&format!(
            "{}: {} events and {} deliveries, each with its proof\n\
             to be checked by whoever has the key, which is handed over by another way:\n\
             \x20 creditrail-verify bundle {} --key {}\n",
            self.out.display(),
            proven.events,
            proven.deliveries,
            self.out.display(),
            proven.key,
        ));
        Ok(())
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), CliError> {
    let file = folder.join(name);
    let written = new_file(&file).and_then(|mut file| file.write_all(text.as_bytes()));
    let what = || format!("{} cannot be written", file.display());
    written.map_err(|cause| CliError::Io { what: what(), cause })
}
