//! What can be asked of the simulator.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::{
    cli::{CliError, Format, sign},
    simulation::{
        Share,
        plan::{Fault, Shares},
    },
    sources::Kind,
};

/// How the simulator runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Simulate {
    /// The endpoint: `http` or `https`.
    #[arg(long, required_unless_present_any = ["check_only", "print"])]
    pub(super) url: Option<reqwest::Url>,
    /// Trusts the certificates in this file (PEM) besides those of the system: a private authority.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// Whose lender it plays: `imprint`, `card-onboarding` or `charge-after`.
    #[arg(long, default_value = "imprint", value_parser = sign::kind)]
    pub(super) kind: Kind,
    #[command(flatten)]
    pub(super) credentials: Credentials,
    #[command(flatten)]
    pub(super) amount: Amount,
    #[command(flatten)]
    pub(super) faults: Faults,
    /// The wait before the second attempt; each further one is twice as long, with jitter.
    #[arg(long, default_value = "100ms", value_parser = duration, value_name = "TIME")]
    pub(super) backoff: Duration,
    /// After so long without an acknowledgement a delivery is given up.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "TIME")]
    pub(super) patience: Duration,
    /// What counts as acknowledged.
    #[arg(long, value_enum, default_value = "2xx")]
    pub(super) expect: Expect,
    #[command(flatten)]
    pub(super) checked: Checked,
    /// How the summary is told.
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// What counts as acknowledged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Expect {
    /// A status of 200 to 299, as lenders have it.
    #[value(name = "2xx")]
    Success,
}

/// How its calls are authentic.
#[derive(Debug, Args)]
pub(super) struct Credentials {
    /// The secret that it signs with. It shows in the list of processes: rather `--secret-env`.
    #[arg(long, conflicts_with = "secret_env")]
    secret: Option<SecretString>,
    /// The variable of the environment that holds the secret.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// The `Authorization` header: all that `charge-after` has, and beside the signature for the
    /// others.
    #[arg(long, conflicts_with = "authorization_env")]
    authorization: Option<SecretString>,
    /// The variable of the environment that holds the `Authorization` header.
    #[arg(long, value_name = "NAME")]
    authorization_env: Option<String>,
}

/// How much it sends, and how fast.
#[derive(Debug, Args)]
pub(super) struct Amount {
    /// So many histories; without `--for` 20, with it as many as fit.
    #[arg(long, value_name = "N")]
    pub(super) histories: Option<u64>,
    /// Begins histories for so long: `60s`, `5m`.
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub(super) lasting: Option<Duration>,
    /// The same seed gives the same bytes; one is made up and printed otherwise. Against one
    /// database a seed serves once.
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// So many calls at most: `200/s`, `30/m`.
    #[arg(long, value_parser = rate, value_name = "RATE")]
    pub(super) rate: Option<Duration>,
    /// So many histories at once, each over a connection of its own.
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) connections: u16,
    /// Histories from a file instead: one JSON object a line, `{"history", "event", "body"}`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lasting", "check_only"])]
    pub(super) from: Option<PathBuf>,
    /// Prints the histories as `--from` reads them, and sends nothing.
    #[arg(long, conflicts_with_all = ["url", "check_only", "lasting"])]
    pub(super) print: bool,
}

/// What goes wrong: a share for each, such as `20%`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults, by their share of deliveries")]
pub(super) struct Faults {
    /// All of them, unless one has a share of its own.
    #[arg(long, value_name = "SHARE")]
    faults: Option<Share>,
    /// Sent again, one to three times, after it was acknowledged.
    #[arg(long, value_name = "SHARE")]
    repeats: Option<Share>,
    /// Sent after some that happened later, up to three of them.
    #[arg(long, value_name = "SHARE")]
    disorder: Option<Share>,
    /// Sent later than it could be, by up to `--delay`.
    #[arg(long, value_name = "SHARE")]
    delays: Option<Share>,
    /// The longest delay.
    #[arg(long, default_value = "500ms", value_parser = duration, value_name = "TIME")]
    pub(super) delay: Duration,
    /// The answer is not heard, or the connection dropped; so it is sent again.
    #[arg(long, value_name = "SHARE")]
    lost_acknowledgements: Option<Share>,
    /// A call with a wrong signature comes first; it must not be acknowledged.
    #[arg(long, value_name = "SHARE")]
    wrong_signatures: Option<Share>,
    /// A broken copy, rightly signed, is sent too.
    #[arg(long, value_name = "SHARE")]
    malformed: Option<Share>,
    /// A step that the lifecycle does not allow is sent too.
    #[arg(long, value_name = "SHARE")]
    illegal: Option<Share>,
    /// Other content under the same key is sent too (card onboarding has no such key).
    #[arg(long, value_name = "SHARE")]
    other_content: Option<Share>,
}

/// What is kept and checked.
#[derive(Debug, Args)]
pub(super) struct Checked {
    /// Keeps what is sent and answered in this new file; each line is synced to the disk.
    #[arg(long, value_name = "FILE", required_if_eq("check_only", "true"))]
    pub(super) journal: Option<PathBuf>,
    /// The read interface of a creditrail, `https://HOST`: what it knows is compared with what
    /// was sent.
    #[arg(long, value_name = "URL", required_if_eq("check_only", "true"))]
    pub(super) read: Option<reqwest::Url>,
    /// The variable of the environment that holds a token for the read interface.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// Sends nothing: compares what the journal of an earlier run says.
    #[arg(long)]
    pub(super) check_only: bool,
    /// The source of the partner; the last part of the URL by default.
    #[arg(long)]
    pub(super) source: Option<String>,
    /// The currency of the source, which matters for `charge-after`.
    #[arg(long, default_value = "USD")]
    pub(super) currency: String,
}

impl Faults {
    pub(super) fn shares(&self) -> Shares {
        let rest = self.faults.unwrap_or_default();
        Shares(Fault::ALL.map(|fault| {
            let own = match fault {
                Fault::Repeat => self.repeats,
                Fault::Disorder => self.disorder,
                Fault::Delay => self.delays,
                Fault::LostAcknowledgement => self.lost_acknowledgements,
                Fault::WrongSignature => self.wrong_signatures,
                Fault::Malformed => self.malformed,
                Fault::Illegal => self.illegal,
                Fault::OtherContent => self.other_content,
            };
            own.unwrap_or(rest)
        }))
    }
}

impl Credentials {
    /// The secret, and the header beside the signature.
    pub(super) fn of(&self, kind: Kind) -> Result<(SecretString, Option<SecretString>), CliError> {
        let secret = given(self.secret.as_ref(), self.secret_env.as_deref())?;
        let authorization = given(self.authorization.as_ref(), self.authorization_env.as_deref())?;
        match (kind, secret, authorization) {
            // The header is the secret.
            (Kind::ChargeAfter, None, Some(secret)) | (Kind::ChargeAfter, Some(secret), None) => {
                Ok((secret, None))
            }
            (Kind::ChargeAfter, Some(_), Some(_)) => {
                Err(CliError::Simulation("charge-after has one credential, not two".to_owned()))
            }
            (_, Some(secret), authorization) => Ok((secret, authorization)),
            (_, None, _) => {
                Err(CliError::Simulation("there is no secret: --secret-env or --secret".to_owned()))
            }
        }
    }
}

impl Checked {
    pub(super) fn token(&self) -> Result<Option<SecretString>, CliError> {
        given(None, self.token_env.as_deref())
    }
}

fn given(
    value: Option<&SecretString>,
    name: Option<&str>,
) -> Result<Option<SecretString>, CliError> {
    let Some(name) = name else { return Ok(value.cloned()) };
    let value = std::env::var(name);
    value
        .map(|value| Some(SecretString::from(value)))
        .map_err(|_| CliError::Simulation(format!("the environment has no text under {name}")))
}

fn duration(text: &str) -> Result<Duration, String> {
    let read: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(read).map_err(|_| "must not be negative".to_owned())
}

/// The time between two calls.
fn rate(text: &str) -> Result<Duration, String> {
    let wrong = || "must be like 200/s, 30/m or 10/h".to_owned();
    let (calls, unit) = text.split_once('/').ok_or_else(wrong)?;
    let unit = match unit {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        _ => return Err(wrong()),
    };
    let calls: u32 = calls.parse().map_err(|_| wrong())?;
    unit.checked_div(calls).filter(|every| !every.is_zero()).ok_or_else(wrong)
}
