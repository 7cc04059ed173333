//! `creditrail audit export`.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use clap::Args;
use creditrail_domain::AggregateType;
use creditrail_proof::export::{Manifest, verify};
use indicatif::ProgressBar;

use super::{
    super::{CliError, Place, print, serve, settings},
    new_folder,
};
use crate::app::{
    Creditrail,
    export::Format,
    moments::AsOf,
    proof::{
        self,
        export::{ExportLog, Target, What},
    },
};

/// What is taken away, and where to.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    place: Place,
    /// Of which source; `_access` has who did what in no source.
    #[arg(long)]
    source: String,
    /// The folder, which is made; one that is there is empty. It gets a file for each table and `manifest.json`.
    #[arg(long)]
    out: PathBuf,
    /// The tables: events, deliveries, or read models such as transactions and access_records. All that
    /// the filters can narrow, if none is named; the manifest names those that are left out.
    #[arg(long, value_parser = what, value_delimiter = ',')]
    what: Vec<What>,
    /// In which form. Events stand there as NDJSON besides, which is what is verified.
    #[arg(long, default_value = "ndjson", value_parser = format)]
    format: Format,
    /// From where in the log on: a position, or the time of recording. Events and deliveries only.
    #[arg(long, value_name = "POSITION|TIME", value_parser = super::show::moment)]
    from: Option<AsOf>,
    /// Up to where.
    #[arg(long, value_name = "POSITION|TIME", value_parser = super::show::moment)]
    to: Option<AsOf>,
    /// Only what names this customer; tables that tell of none are left out. Such an export is not proven; `audit prove` proves one.
    #[arg(long)]
    customer: Option<String>,
    /// Only events and deliveries of things of this kind, such as `transaction`; read models are left
    /// out. Not proven either.
    #[arg(long, value_parser = kind)]
    kind: Option<AggregateType>,
    /// Why. It is recorded.
    #[arg(long)]
    reason: String,
    /// Who. It is recorded.
    #[arg(long, default_value = "operator")]
    actor: String,
}

fn what(name: &str) -> Result<What, String> {
    let all = || What::all().iter().map(What::name).collect::<Vec<_>>().join(", ");
    What::named(name).ok_or_else(|| format!("is not one of: {}", all()))
}

fn format(name: &str) -> Result<Format, String> {
    let all = || Format::ALL.map(Format::name).join(", ");
    Format::named(name).ok_or_else(|| format!("is not one of: {}", all()))
}

fn kind(name: &str) -> Result<AggregateType, String> {
    AggregateType::named(name).ok_or_else(|| "is no kind of thing, such as transaction".to_owned())
}

impl Export {
    pub(super) async fn run(self) -> Result<(), CliError> {
        new_folder(&self.out)?;
        let (creditrail, worker) = settings::read(&self.place)?.builder().build().await?;
        let asked = ExportLog {
            source: self.source,
            what: self.what,
            format: self.format,
            from: self.from,
            to: self.to,
            customer_id: self.customer,
            kind: self.kind,
            actor: self.actor,
            reason: self.reason,
        };
        let bar = ProgressBar::no_length();
        let told = |name: &str, rows: u64| {
            bar.set_message(name.to_owned());
            bar.set_position(rows);
        };
        // The writer of this process records who takes what away.
        let written = async {
            let target = Target::Folder(self.out.clone());
            let written = creditrail.export_log(asked).await?.write(&target, told).await;
            serve::signed(&creditrail).await;
            written
        };
        let manifest = tokio::select! {
            manifest = written => manifest?,
            () = worker.run() => return Err(CliError::WorkerEnded),
        };
        bar.finish_and_clear();
        for file in &manifest.files {
            let rows = file.rows.map_or_else(String::new, |rows| format!(", {rows} rows"));
            print(&format!("{}: {} bytes{rows}\n", file.name, file.bytes));
        }
        if !manifest.left_out.is_empty() {
            let left_out = manifest.left_out.join(", ");
            print(&format!("left out, for they cannot be narrowed: {left_out}\n"));
        }
        let proven = if manifest.range.is_some() {
            holds(&creditrail, &manifest, &self.out)?;
            format!(
                "positions {} to {} are proven to be all there is: creditrail-verify export {} --key …\n",
                manifest.from,
                manifest.to,
                self.out.display()
            )
        } else {
            "filtered, so nothing proves that this is all there is\n".to_owned()
        };
        print(&proven);
        Ok(())
    }
}

/// That what was written holds, as whoever gets it will see: a record that was edited is not handed out as
/// proven.
fn holds(creditrail: &Creditrail, manifest: &Manifest, folder: &Path) -> Result<(), CliError> {
    let key = creditrail.verifier_key().ok_or(proof::SignError::NoKey)?;
    let open = |name: &str| File::open(folder.join(name)).map(BufReader::new);
    let holds = verify(manifest, key, None, open);
    let not_proven =
        |error| CliError::NotProven { folder: folder.to_owned(), cause: Box::new(error) };
    holds.map(drop).map_err(not_proven)
}
