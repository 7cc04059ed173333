//! What signs and who takes it: the settings of `[audit]`.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use creditrail_proof::note::{self, KeyError, SignerKey, VerifierKey};
use jiff::SignedDuration;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox, SecretString};
use serde::Deserialize;

use super::{
    checkpoints::Checkpoints,
    sinks::{Sink, To},
};
use crate::app::key_file;

/// The name of a key that is made, unless another is given.
const NAME: &str = "creditrail";
/// How often a checkpoint is signed, unless told.
const EVERY: Duration = Duration::from_secs(60);

/// With what checkpoints of the logs are signed, and where they are taken to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProofConfig {
    /// The name of the key that is made if there is none: whose logs these are, such as
    /// `ledger.example.com`. No spaces, no `+`.
    pub name: Option<String>,
    /// The file with the key that signs. Beside a SQLite file there is one, made at the first start.
    pub key_file: Option<PathBuf>,
    /// The folder in which the newest checkpoint of each log is remembered; beside the key, unless
    /// named.
    pub memory: Option<PathBuf>,
    /// How often a checkpoint is signed of a log that has grown, and how long a sink that failed is left
    /// alone. 60 seconds, unless told.
    pub every: Option<SignedDuration>,
    /// Where checkpoints are taken to, outside the database.
    #[serde(rename = "sink")]
    pub sinks: Vec<SinkConfig>,
}

/// A place outside the database that takes checkpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SinkConfig {
    /// By which it is told from others.
    pub name: String,
    /// A folder, best on storage that nobody can rewrite.
    pub folder: Option<PathBuf>,
    /// Or an endpoint that takes a note by `POST`.
    pub url: Option<String>,
    /// What it is to be called with as `Authorization`.
    pub authorization: Option<SecretString>,
    /// The variable that has it.
    pub authorization_env: Option<String>,
}

/// What is wrong with the settings of `[audit]`. No text here quotes a key or a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofConfigError {
    /// The key file is not there, or may not be read.
    #[error("audit.key_file: {path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The key file cannot be made.
    #[error("audit.key_file: {path} cannot be made", path = .path.display())]
    NotMade {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The key file may be read by others than its owner.
    #[error("audit.key_file: {path} is open to others; allow its owner alone (mode 0600)", path = .0.display())]
    OpenToOthers(PathBuf),
    /// What is in the file is no key, or its name is none.
    #[error("audit.key_file: {path} holds no key that signs", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: KeyError,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers; try again")]
    NoRandom,
    /// Checkpoints cannot be signed as often as that.
    #[error("audit.every: must be a second or more")]
    Every,
    /// A sink is not named, or its name is another's.
    #[error("audit.sink.name: `{0}` must be 1 to 63 of a-z, 0-9 and -, each once")]
    SinkName(String),
    /// A sink is neither a folder nor an endpoint, or both.
    #[error("audit.sink: `{0}` needs either `folder` or `url`")]
    SinkKind(String),
    /// A sink's URL is none of `http` or `https`.
    #[error("audit.sink.url: that of `{0}` is no http or https URL")]
    SinkUrl(String),
    /// The client of a sink cannot be set up.
    #[error("audit.sink: `{name}` cannot be called")]
    SinkClient {
        /// The sink.
        name: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
}

impl Checkpoints {
    /// As the settings say. `beside` is a file beside which the key lies unless it is named: it is made
    /// there if it is missing and `is_new`, which is as long as nothing was signed.
    pub(in crate::app) fn of(
        config: ProofConfig,
        (beside, is_new): (Option<PathBuf>, bool),
    ) -> Result<Self, ProofConfigError> {
        let every = match config.every.map(Duration::try_from) {
            None => EVERY,
            Some(Ok(every)) if every >= Duration::from_secs(1) => every,
            Some(_) => return Err(ProofConfigError::Every),
        };
        let own = beside.map(|file| file.with_added_extension("audit-key"));
        let is_named = config.key_file.is_some();
        let path = config.key_file.or(own);
        let memory =
            config.memory.or_else(|| path.as_ref().map(|path| path.with_added_extension("signed")));
        let mut sinks = Vec::new();
        let mut names = BTreeSet::new();
        for sink in config.sinks {
            if !names.insert(sink.name.clone()) {
                return Err(ProofConfigError::SinkName(sink.name));
            }
            sinks.push(sink.sink()?);
        }
        let name = config.name.as_deref().unwrap_or(NAME);
        let key = match path {
            Some(path) if is_named => Some(key(&path)?),
            Some(path) if is_new => Some(key_made(&path, name)?),
            // What was signed was signed by another: the status says that there is no key.
            Some(path) if path.exists() => Some(key(&path)?),
            _ => None,
        };
        Ok(Self { key, memory, sinks, every, ..Self::default() })
    }
}

impl SinkConfig {
    fn sink(self) -> Result<Sink, ProofConfigError> {
        let Self { name, folder, url, authorization, .. } = self;
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
            return Err(ProofConfigError::SinkName(name));
        }
        let to = match (folder, url) {
            (Some(folder), None) => To::Folder(folder),
            (None, Some(url)) => {
                let url = url.parse::<reqwest::Url>().ok();
                let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
                let url = url.ok_or_else(|| ProofConfigError::SinkUrl(name.clone()))?;
                To::http(url, authorization)
                    .map_err(|cause| ProofConfigError::SinkClient { name: name.clone(), cause })?
            }
            _ => return Err(ProofConfigError::SinkKind(name)),
        };
        Ok(Sink { name, to })
    }
}

/// The key in a file.
fn key(path: &Path) -> Result<SignerKey, ProofConfigError> {
    let unreadable = |cause| ProofConfigError::Unreadable { path: path.to_owned(), cause };
    let text = File::open(path).and_then(key_file::read).map_err(unreadable)?;
    let text = text.ok_or_else(|| ProofConfigError::OpenToOthers(path.to_owned()))?;
    let wrong = |cause| ProofConfigError::Key { path: path.to_owned(), cause };
    text.expose_secret().trim().parse().map_err(wrong)
}

/// The key in a file, which is made if it is missing.
fn key_made(path: &Path, name: &str) -> Result<SignerKey, ProofConfigError> {
    if !path.exists() {
        make(path, name)?;
    }
    key(path)
}

/// Makes a file with a new key that signs; the key that verifies.
///
/// # Errors
/// [`ProofConfigError`], if the file is there already too.
pub fn make_key(path: &Path, name: &str) -> Result<VerifierKey, ProofConfigError> {
    if path.exists() {
        let cause = io::ErrorKind::AlreadyExists.into();
        return Err(ProofConfigError::NotMade { path: path.to_owned(), cause });
    }
    make(path, name)?;
    Ok(key(path)?.verifier().clone())
}

/// Makes a file with a new key, unless another has made it meanwhile.
fn make(path: &Path, name: &str) -> Result<(), ProofConfigError> {
    let mut random = SecretBox::new(Box::new([0; 32]));
    SystemRandom::new().fill(random.expose_secret_mut()).map_err(|_| ProofConfigError::NoRandom)?;
    let (text, _) = note::generate(name, random.expose_secret())
        .map_err(|cause| ProofConfigError::Key { path: path.to_owned(), cause })?;
    match key_file::make(path, &SecretString::from(text + "\n")) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(|cause| ProofConfigError::NotMade { path: path.to_owned(), cause }),
    }
}
