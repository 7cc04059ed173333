//! `creditrail privacy`.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{CliError, Place, print, serve, settings};
use crate::app::{
    Creditrail,
    command::CommandError,
    privacy::{DecidePrivacy, ErasedData, Status},
};

/// What is done about the personal data of people. A service may run beside.
#[derive(Debug, Subcommand)]
pub(super) enum Privacy {
    /// Tells what is held of a customer, until when, and what was erased.
    Status(Who),
    /// Places a legal hold: nothing of the customer is erased until it is released.
    Hold(Decide),
    /// Releases a legal hold.
    Release(Decide),
    /// Destroys the keys under which the customer's deliveries are sealed, once they need not be kept
    /// any more. It cannot be undone.
    Erase(Decide),
}

/// About whom.
#[derive(Debug, Args)]
pub(super) struct Who {
    #[command(flatten)]
    place: Place,
    /// The source.
    source: String,
    /// The customer: the lender's id, or the partner's where no lender's is known.
    customer: String,
}

/// About whom, who says so, and why.
#[derive(Debug, Args)]
pub(super) struct Decide {
    #[command(flatten)]
    who: Who,
    /// Why. It is recorded.
    #[arg(long)]
    reason: String,
    /// Who. It is recorded.
    #[arg(long, default_value = "operator")]
    actor: String,
}

impl Privacy {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let place = match &self {
            Self::Status(who) => &who.place,
            Self::Hold(decide) | Self::Release(decide) | Self::Erase(decide) => &decide.who.place,
        };
        let (creditrail, worker) = settings::read(place)?.builder().build().await?;
        // The writer and the readers of this process: beside those of a service, whose log it locks
        // for each transaction as they do.
        let done = async {
            let done = self.carried_out(&creditrail).await;
            serve::signed(&creditrail).await;
            done.map_err(CliError::Privacy)
        };
        tokio::select! {
            done = done => done,
            () = worker.run() => Err(CliError::WorkerEnded),
        }
    }

    async fn carried_out(self, creditrail: &Creditrail) -> Result<(), CommandError> {
        match self {
            Self::Status(Who { source, customer, .. }) => {
                print(&told(&creditrail.privacy(&source, &customer).await?));
            }
            Self::Hold(decide) => {
                let (source, customer, decided) = decide.parts();
                creditrail.hold(&source, &customer, decided).await?;
                print(&format!("{source} {customer}: a legal hold is on it\n"));
            }
            Self::Release(decide) => {
                let (source, customer, decided) = decide.parts();
                creditrail.release(&source, &customer, decided).await?;
                print(&format!("{source} {customer}: no legal hold is on it\n"));
            }
            Self::Erase(decide) => {
                let (source, customer, decided) = decide.parts();
                let erased = creditrail.erase(&source, &customer, decided).await?;
                print(&what_was_erased(&source, &erased));
            }
        }
        Ok(())
    }
}

impl Decide {
    fn parts(self) -> (String, String, DecidePrivacy) {
        let Self { who, reason, actor } = self;
        (who.source, who.customer, DecidePrivacy { reason, actor: Some(actor) })
    }
}

fn told(status: &Status) -> String {
    let by = |done: &Value| match done {
        Value::Null => "no".to_owned(),
        done => {
            format!("by {} at {}: {}", text(done, "actor"), text(done, "at"), text(done, "reason"))
        }
    };
    let until = match (&status.retained_until, status.retained_from) {
        (Some(until), Some(from)) => format!("until {until}, from the {}", from.replace('_', " ")),
        _ => "nothing from which it counts".to_owned(),
    };
    format!(
        "{} {}\n  sealed under the keys of: {}\n  deliveries: {}, of which {} are not sealed\n  \
         keys: {}, and {} destroyed\n  kept: {until}\n  legal hold: {}\n  erased: {}\n  may be erased now: {}\n",
        status.source,
        status.subject,
        status.subjects.join(", "),
        status.deliveries,
        status.not_sealed,
        status.keys,
        status.keys_destroyed,
        by(&status.legal_hold),
        by(&status.erased),
        if status.may_be_erased { "yes" } else { "no" },
    )
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn what_was_erased(source: &str, erased: &ErasedData) -> String {
    let mut told = format!(
        "{source} {}: erased; {} keys are destroyed, and {} secrets with them\n",
        erased.subject, erased.keys, erased.secrets
    );
    if erased.not_sealed > 0 {
        told += &format!(
            "{} deliveries are from before deliveries were sealed: they stay as they are\n",
            erased.not_sealed
        );
    }
    if !erased.journal_emptied {
        told += "the journal of the database is still read by somebody: its next checkpoint empties it\n";
    }
    told
}
