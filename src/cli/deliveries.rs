//! `creditrail deliveries`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{CliError, Place, print, settings};
use crate::app::redrive::{Item, RedriveDeliveries, Report};

/// What is done about deliveries.
#[derive(Debug, Subcommand)]
pub(super) enum Deliveries {
    /// Reads deliveries again that could not be read when they came, as after an upgrade. Without
    /// --yes it tells what would become of them, and changes nothing. A service may run beside.
    Redrive(Redrive),
}

/// What is redriven.
#[derive(Debug, Args)]
pub(super) struct Redrive {
    #[command(flatten)]
    place: Place,
    /// Of which source.
    #[arg(long)]
    source: String,
    /// Those that were received then or later: RFC 3339.
    #[arg(long)]
    since: Option<Timestamp>,
    /// Carries it out.
    #[arg(long, requires = "reason")]
    yes: bool,
    /// Why. It is recorded.
    #[arg(long)]
    reason: Option<String>,
    /// Who. It is recorded.
    #[arg(long, default_value = "operator")]
    actor: String,
    /// These deliveries and no others. All that cannot be read, if none is named.
    ids: Vec<String>,
}

impl Deliveries {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let Self::Redrive(redrive) = self;
        redrive.run().await
    }
}

impl Redrive {
    async fn run(self) -> Result<(), CliError> {
        let settings = settings::read(&self.place)?;
        let (creditrail, worker) = settings.builder().build().await?;
        let dry_run = !self.yes;
        let mut asked = RedriveDeliveries {
            source: self.source,
            delivery_ids: Some(self.ids).filter(|ids| !ids.is_empty()),
            since: self.since,
            outcome: None,
            after: None,
            dry_run,
            reason: self.reason.unwrap_or_default(),
            actor: Some(self.actor),
        };
        let redriven = async {
            loop {
                let report = creditrail.redrive(asked.clone()).await?;
                print(&told(&report));
                asked.after = report.next;
                if asked.after.is_none() {
                    return Ok(());
                }
            }
        };
        // The writer and the readers of this process: beside those of a service, whose log it locks
        // for each transaction as they do.
        tokio::select! {
            redriven = redriven => redriven,
            () = worker.run() => Err(CliError::WorkerEnded),
        }?;
        if dry_run {
            print("nothing was changed; --yes --reason WHY carries it out\n");
        }
        Ok(())
    }
}

fn told(report: &Report) -> String {
    let mut told = format!("{}: {} selected\n", report.source, report.selected);
    for item in &report.items {
        told += &line(item);
    }
    let beyond: i64 = report.results.values().sum::<i64>()
        - i64::try_from(report.items.len()).unwrap_or(i64::MAX);
    if beyond > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(told, "  and {beyond} more");
    }
    for (result, count) in &report.results {
        let _ = writeln!(told, "{result}: {count}");
    }
    told
}

fn line(item: &Item) -> String {
    let about = match (&item.subject, &item.cause) {
        (Some(subject), _) => {
            format!("{} of {} {}", item.kind.unwrap_or_default(), subject.kind, subject.id)
        }
        (None, Some(cause)) => {
            let field = item.field.as_deref().filter(|field| !field.is_empty());
            format!("{}: {cause}", field.unwrap_or("the body"))
        }
        (None, None) => String::new(),
    };
    let was = item.was.unwrap_or("unknown");
    format!("  {} {was} -> {} {about}", item.delivery_id, item.outcome).trim_end().to_owned() + "\n"
}
