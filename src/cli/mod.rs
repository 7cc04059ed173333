//! The command line door.

mod audit;
mod client;
mod deliveries;
mod demo;
mod in_force;
mod machine;
mod migrate;
mod privacy;
mod replay;
mod sender;
mod serve;
mod settings;
mod sign;
mod simulate;
mod table;
mod token;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    app::{
        BuildError, command::CommandError, proof, read::ReadError, redecide::RedecideError,
        replay::RebuildError,
    },
    store::StoreError,
};

/// Why a command of the command line failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    /// The service cannot be built.
    #[error("the service cannot start")]
    Build(#[from] BuildError),
    /// The schema was not migrated.
    #[error("the schema is not migrated")]
    Migrate(#[source] BuildError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Something could not be read or written.
    #[error("{what}")]
    Io {
        /// What was attempted.
        what: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Read models were not rebuilt.
    #[error("the read models are not rebuilt")]
    Rebuild(#[from] RebuildError),
    /// Not all deliveries were decided again.
    #[error("not all deliveries were decided again")]
    Again(#[from] RedecideError),
    /// What was decided again is not what is recorded.
    #[error("{0} differences")]
    Differs(i64),
    /// Deliveries were not redriven, or not all.
    #[error("the deliveries are not redriven, or not all of them; ask again to go on")]
    Redrive(#[from] CommandError),
    /// What was to be done about somebody's data was not done.
    #[error("nothing was done about the data")]
    Privacy(#[source] CommandError),
    /// Logs are not signed, or what is signed is not kept elsewhere.
    #[error("{0} of the logs are not proven")]
    Unproven(usize),
    /// Something is not as it was recorded.
    #[error("{0} findings: the record is not as it should be")]
    Tampered(u64),
    /// A log could not be checked.
    #[error("the check did not come to its end")]
    Verify(#[from] proof::verify::VerifyError),
    /// There is no such log.
    #[error("there is no log `{0}`; there are: {1}")]
    UnknownLog(String, String),
    /// A log is not as long as that.
    #[error("the tree of {log} is over {events} events, and {asked} are asked for")]
    TooLong {
        /// The log.
        log: String,
        /// How many events it has.
        events: i64,
        /// How many it would have to have.
        asked: i64,
    },
    /// Two sizes are in the wrong order.
    #[error("{old} {new}: the older size comes first, and is not above the newer one")]
    Sizes {
        /// What was given first.
        old: i64,
        /// What was given second.
        new: i64,
    },
    /// The tree is not there.
    #[error("the tree cannot be read")]
    Tree(#[source] proof::TreeError),
    /// Nothing is proven.
    #[error("nothing is proven")]
    Prove(#[from] proof::bundle::ProveError),
    /// Nothing, or not all, was taken away.
    #[error("not all of it is taken away")]
    Export(#[from] proof::export::ExportError),
    /// There is something in the folder that is to be written.
    #[error("--out: {path} is not empty; name a folder that is, or none that is there", path = .0.display())]
    NotEmpty(PathBuf),
    /// There is no key.
    #[error(transparent)]
    Sign(#[from] proof::SignError),
    /// The key is not made.
    #[error(transparent)]
    Key(#[from] proof::ProofConfigError),
    /// The store failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// Something could not be read.
    #[error("it cannot be read")]
    Read(#[from] ReadError),
    /// It is not known, or was not then.
    #[error("there is no {noun} {id}, or there was none then")]
    NotKnown {
        /// What it would be.
        noun: &'static str,
        /// Its source and id.
        id: String,
    },
    /// It was not known then, and is known.
    #[error("{0}")]
    NotKnownThen(String),
    /// A call of the demo or the simulator failed.
    #[error("a call failed")]
    Call(#[from] reqwest::Error),
    /// A lender that is played could not call.
    #[error("a call to the endpoint failed")]
    Played(#[from] client::CallError),
    /// What was written for an auditor does not hold.
    #[error("{folder} is written, and does not hold: the record is not what was signed", folder = .folder.display())]
    NotProven {
        /// Where it is.
        folder: PathBuf,
        /// What does not hold.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The worker ended, which it does not do of itself.
    #[error("the worker ended; the log tells why")]
    WorkerEnded,
    /// A token's name does not fit.
    #[error("--name: `{0}` must be 1 to 63 of a-z, 0-9 and -")]
    TokenName(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; try again")]
    NoRandom,
    /// Nothing can be sent or compared.
    #[error("{0}")]
    Simulation(String),
    /// What is known is not what was sent, or not all was acknowledged.
    #[error("{differences} differences, {given_up} deliveries given up")]
    Simulated {
        /// What is not known as it was sent.
        differences: usize,
        /// Deliveries without an acknowledgement.
        given_up: usize,
    },
    /// The demo's service did not do what it is there to show.
    #[error("the demo did not go as it should: {0}")]
    Demo(String),
}

const ABOUT: &str = "\
Turns lenders' webhooks into an event-sourced record of applications, cards and transactions.

Begin with `creditrail demo`: it plays sample histories through the real endpoint and shows
what becomes of each. Then write a creditrail.toml and run `creditrail serve`:

    [server]
    listen = \"127.0.0.1:8080\"
    [database]
    url = \"sqlite://creditrail.db\"
    [[source]]
    name = \"imprint\"
    kind = \"imprint\"
    currency = \"USD\"
    secrets = [{ id = \"2026-01\", value_env = \"IMPRINT_SECRET\" }]";

const ABOUT_SIGN: &str = "\
Prints the headers with which a lender would send a body now, to try an endpoint with curl.

    creditrail sign --secret s3cret body.json | curl -H @- --data-binary @body.json URL";

const ABOUT_SIMULATE: &str = "\
Plays a lender against any URL: histories that follow the lifecycle tables, or those of a file,
signed and sent again as the lender would, with faults by share. Afterwards it tells what was
answered, and with --read whether what a creditrail knows is what was sent.

    creditrail simulate --url http://127.0.0.1:8080/webhooks/imprint --secret-env IMPRINT_SECRET \\
        --histories 100 --faults 20% --journal run.ndjson --read http://127.0.0.1:8080

Without --read it works against the endpoint of any partner: whatever is not acknowledged, and a
wrong signature that is, makes the exit status 1.";

/// Turns lenders' webhooks into an event-sourced record of applications, cards and transactions.
#[derive(Debug, Parser)]
#[command(version, long_about = ABOUT, arg_required_else_help = true)]
pub struct Cli {
    /// How lines of the log are written to standard error.
    #[arg(long, global = true, default_value = "text", env = "CREDITRAIL_LOG_FORMAT")]
    pub log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receives webhooks and answers reads until it is told to end (Ctrl-C, SIGTERM).
    Serve(Place),
    /// Plays signed sample histories through the real endpoint on a throw-away database, with
    /// repeats, disorder, a forged signature and illegal steps, and shows what became of each.
    Demo(demo::Demo),
    /// Prints a lifecycle, drawn from the table that decides.
    Machine(machine::Machine),
    /// Rebuilds read models from position 0 of the log, beside those that answer, and replaces the
    /// rows that differ. A service may run beside.
    Replay(replay::Replay),
    /// Asks the record, proves what is in it, and checks it.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Looks after deliveries.
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    /// Looks after the personal data of people: legal holds, retention, erasure.
    #[command(subcommand)]
    Privacy(privacy::Privacy),
    /// Brings the schema of the database up to date, and tells which it is.
    Migrate(migrate::Migrate),
    /// Makes a token for somebody who may use the dashboard and `/v1`.
    Token(token::Token),
    /// Prints the headers with which a lender would send a body, to try an endpoint with curl.
    #[command(long_about = ABOUT_SIGN)]
    Sign(sign::Sign),
    /// Plays a lender against any URL, with faults, and checks what is known of it afterwards.
    #[command(long_about = ABOUT_SIMULATE)]
    Simulate(Box<simulate::Simulate>),
}

/// Where the settings are, and what overrides them.
#[derive(Debug, clap::Args)]
struct Place {
    /// The settings.
    #[arg(long, default_value = "creditrail.toml", env = "CREDITRAIL_CONFIG")]
    config: PathBuf,
    /// The address to listen on, instead of `server.listen`.
    #[arg(long, env = "CREDITRAIL_LISTEN")]
    listen: Option<String>,
    /// The database, instead of `database.url`.
    #[arg(long, env = "CREDITRAIL_DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
}

/// Runs what the arguments ask for.
///
/// # Errors
/// [`CliError`].
pub async fn run(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        Command::Serve(place) => serve::serve(place).await,
        Command::Audit(audit) => audit.run().await,
        Command::Deliveries(deliveries) => deliveries.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Machine(machine) => machine.run(),
        Command::Migrate(migrate) => migrate.run().await,
        Command::Privacy(privacy) => privacy.run().await,
        Command::Replay(replay) => replay.run().await,
        Command::Sign(sign) => sign.run(),
        Command::Simulate(simulate) => simulate.run().await,
        Command::Token(token) => token.run(),
    }
}

/// Writes to standard output. A closed pipe is not an error: whoever read has read enough.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
