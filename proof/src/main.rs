//! `creditrail-verify`: checks what a log hands over, with nothing but a public key. No database, no
//! network; no key is taken from what is checked.

use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use creditrail_proof::{
    Hash,
    bundle::{self, Bundle},
    checkpoint::Checkpoint,
    export::{self, Manifest},
    note::VerifierKey,
    shown,
    tree::verify::verify_consistency,
};

/// Checks the evidence of a log against a public key, without database and network.
///
/// Ends with 0 if everything holds, with 1 and the first that does not otherwise, and with 2 if the
/// arguments are not understood.
#[derive(Parser)]
#[command(name = "creditrail-verify", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check a bundle: the evidence of one thing.
    Bundle {
        /// The folder with bundle.json and index.html.
        folder: PathBuf,
        #[command(flatten)]
        trusted: Trusted,
    },
    /// Check an export: the events of a source.
    Export {
        /// The folder with manifest.json and events.ndjson.
        folder: PathBuf,
        #[command(flatten)]
        trusted: Trusted,
    },
    /// Check that a log only grew from one checkpoint to another.
    Checkpoints {
        /// The file with the older checkpoint.
        old: PathBuf,
        /// The file with the newer checkpoint.
        new: PathBuf,
        /// The file with the consistency proof: a hash in base64 a line; empty if the sizes are equal.
        #[arg(long)]
        proof: PathBuf,
        #[command(flatten)]
        trusted: Trusted,
    },
}

/// What is trusted: given here, and never read from what is checked.
#[derive(clap::Args)]
struct Trusted {
    /// The public key, NAME+HASH+BASE64, or a file that has it; from a source that you trust.
    #[arg(long)]
    key: String,
    /// The log that it must be of; KEY-NAME/SOURCE if it is not given, with the source as it is told.
    #[arg(long)]
    origin: Option<String>,
}

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    match run(&Cli::parse().command).and_then(|told| tell(&told)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let why = shown::line(&chain(failure.as_ref()));
            // Nobody may be there to read it; how it ends tells.
            let _ = writeln!(io::stderr(), "creditrail-verify: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Tells what holds. A closed pipe is no failure: whoever read has read enough.
fn tell(told: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{told}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("what holds cannot be told: {error}").into())
        }
        _ => Ok(()),
    }
}

fn run(command: &Command) -> Result<String, Failure> {
    match command {
        Command::Bundle { folder, trusted } => check_bundle(folder, trusted),
        Command::Export { folder, trusted } => check_export(folder, trusted),
        Command::Checkpoints { old, new, proof, trusted } => {
            check_checkpoints([old, new], proof, trusted)
        }
    }
}

fn check_bundle(folder: &Path, trusted: &Trusted) -> Result<String, Failure> {
    let key = trusted.key()?;
    let json = text(&folder.join(bundle::FILE))?;
    let page = text(&folder.join(bundle::PAGE))?;
    let checked = bundle::verify(&Bundle::parse(&json)?, &page, &key, trusted.origin.as_deref())?;
    Ok(format!("{checked}{}", unchecked(folder, &[bundle::FILE, bundle::PAGE])?))
}

fn check_export(folder: &Path, trusted: &Trusted) -> Result<String, Failure> {
    let key = trusted.key()?;
    let manifest = Manifest::parse(&text(&folder.join(export::MANIFEST))?)?;
    let open = |name: &str| fs::File::open(folder.join(name)).map(io::BufReader::new);
    let checked = export::verify(&manifest, &key, trusted.origin.as_deref(), open)?;
    let mut named: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    named.push(export::MANIFEST);
    Ok(format!("{checked}{}", unchecked(folder, &named)?))
}

fn check_checkpoints(
    files: [&PathBuf; 2],
    proof: &Path,
    trusted: &Trusted,
) -> Result<String, Failure> {
    let key = trusted.key()?;
    let [old, new] = files.map(|file| -> Result<Checkpoint, Failure> {
        let wrong = |cause| format!("{}: {}", file.display(), chain(&cause));
        Ok(Checkpoint::verified(&text(file)?, &key).map_err(wrong)?)
    });
    let (old, new) = (old?, new?);
    let of_key = |origin: &str| {
        origin.strip_prefix(key.name()).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    };
    let old = match &trusted.origin {
        Some(origin) => old.of_log(origin)?,
        None if of_key(&old.origin) => old,
        None => return Err(format!("{:?} is no log of the key {}", old.origin, key.name()).into()),
    };
    let new = new.of_log(&old.origin)?;
    let hashes: Result<Vec<Hash>, _> = text(proof)?.lines().map(str::parse).collect();
    let hashes = hashes.map_err(|cause| format!("{}: {cause}", proof.display()))?;
    verify_consistency(old.head(), new.head(), &hashes)?;
    Ok(format!(
        "Both checkpoints of {} are signed by the key.\n\
         The newer one, over {} events, has all {} of the older one, unchanged and in their order.",
        shown::line(&old.origin),
        new.size,
        old.size
    ))
}

impl Trusted {
    fn key(&self) -> Result<VerifierKey, Failure> {
        let as_key = match self.key.parse() {
            Ok(key) => return Ok(key),
            Err(error) => error,
        };
        if !Path::new(&self.key).exists() {
            return Err(format!("--key is neither a key ({as_key}) nor a file").into());
        }
        let key = text(Path::new(&self.key))?;
        let wrong = |error| format!("{} has no key: {error}", self.key);
        Ok(key.trim_end_matches(['\r', '\n']).parse().map_err(wrong)?)
    }
}

/// A sentence about what stands in the folder and is no part of what was checked.
fn unchecked(folder: &Path, named: &[&str]) -> Result<String, Failure> {
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).map_err(|cause| io_error(folder, &cause))? {
        let name = entry.map_err(|cause| io_error(folder, &cause))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if !named.contains(&name.as_str()) {
            others.push(format!("{name:?}"));
        }
    }
    others.sort();
    Ok(if others.is_empty() {
        String::new()
    } else {
        format!("\nNot checked, and no part of it: {}.", others.join(", "))
    })
}

fn text(file: &Path) -> Result<String, Failure> {
    Ok(fs::read_to_string(file).map_err(|cause| io_error(file, &cause))?)
}

fn io_error(path: &Path, cause: &io::Error) -> String {
    format!("{} cannot be read: {cause}", path.display())
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line
}
