//! What a service is made of: its database, sources, keys, readers, and what has to run for it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use creditrail_projections::{READERS, Reader};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use super::{
    Clock, Creditrail, Shared, Worker, access,
    handler::ActionHandler,
    proof::{Checkpoints, ProofConfig, ProofConfigError},
    sealing::{KeyError, Keyring},
    sending::{
        Endpoint, EndpointConfig, EndpointError, Endpoints, Known, Registry, Resolver,
        SystemResolver,
    },
};
use crate::{
    sources::{self, Lender, SourceConfig},
    store::{
        Store, StoreError,
        postgres::{self, PostgresStore},
        sqlite::SqliteStore,
    },
};

/// Why a service cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The store cannot be opened.
    #[error("the database cannot be opened")]
    Store(#[from] StoreError),
    /// The URL names no database that is known.
    #[error("database.url: `{0}` is not supported; use sqlite://FILE or postgres://HOST/DATABASE")]
    DatabaseUrl(String),
    /// A database without roles was to give a role its rights.
    #[error("database.url: `{0}` has no roles")]
    NoRoles(String),
    /// A source's name does not fit into keys and URLs.
    #[error("source.name: `{0}` must be 1 to 63 of a-z, 0-9 and -")]
    SourceName(String),
    /// A duration of a source is negative.
    #[error("source.policies.{setting} of `{origin}` must not be negative")]
    NegativeDuration {
        /// The source.
        origin: String,
        /// The setting.
        setting: &'static str,
    },
    /// A kind of lender that the host brings was not brought.
    #[error("source.kind: the lender of `{0}` is to be given with `Builder::lender`")]
    NoLender(String),
    /// There is no key to seal secrets with, or it cannot be read.
    #[error("sealing.keys: {0}")]
    SealingKey(#[from] KeyError),
    /// A PostgreSQL database needs a key that all instances share.
    #[error("sealing.keys: a key of 64 hexadecimal digits is required with PostgreSQL")]
    NoSealingKey,
    /// Secrets in the database were sealed with a key that is not there.
    #[error("sealing.keys: secrets were sealed with the key {0}, which is not given")]
    SealingKeyMissing(String),
    /// A credential is empty, so that every call would carry it.
    #[error("source.authorization: that of `{0}` is empty")]
    NoCredential(String),
    /// What signs the logs, or who takes what is signed, is not as it should be.
    #[error(transparent)]
    Proof(#[from] ProofConfigError),
    /// An endpoint's settings are wrong.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Two endpoints have the same name.
    #[error("endpoint.name: `{0}` stands twice")]
    EndpointTwice(String),
    /// Calls by TLS cannot be set up.
    #[error("calls of endpoints cannot be set up")]
    Tls(#[from] rustls::Error),
    /// Two sources have the same name.
    #[error("source.name: `{0}` stands twice")]
    SourceTwice(String),
}

/// Gathers what a service is made of.
pub struct Builder {
    database: Database,
    connections: u32,
    migrate: bool,
    sources: Vec<(SourceConfig, Option<Box<dyn Lender>>)>,
    readers: Vec<&'static Reader>,
    sealing_keys: Vec<SecretString>,
    proof: ProofConfig,
    handler: Option<Arc<dyn ActionHandler>>,
    endpoints: Vec<EndpointConfig>,
    resolver: Arc<dyn Resolver>,
    clock: Clock,
}

enum Database {
    Url(String),
    Pool(sqlx::PgPool),
    Store(Arc<dyn Store>),
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            database: Database::Url("sqlite://creditrail.db".to_owned()),
            connections: postgres::CONNECTIONS,
            migrate: true,
            sources: Vec::new(),
            readers: READERS.iter().collect(),
            sealing_keys: Vec::new(),
            proof: ProofConfig::default(),
            handler: None,
            endpoints: Vec::new(),
            resolver: Arc::new(SystemResolver),
            clock: Arc::new(now),
        }
    }

    /// The database: `sqlite://FILE` or `postgres://USER@HOST/DATABASE`.
    #[must_use]
    pub fn database(mut self, url: impl Into<String>) -> Self {
        self.database = Database::Url(url.into());
        self
    }

    /// The database: PostgreSQL, by a pool of the host's. Our tables stand in the schema
    /// `creditrail`, so they meet none of the host's.
    #[must_use]
    pub fn postgres_pool(mut self, pool: sqlx::PgPool) -> Self {
        self.database = Database::Pool(pool);
        self
    }

    /// The database: a store that is open, such as one of ours that a host looks into. Its schema is
    /// left as it is.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.database = Database::Store(store);
        self
    }

    /// How many connections to PostgreSQL there are at the most; 10 unless said otherwise. At
    /// least 1. A pool of the host's has its own limit.
    #[must_use]
    pub const fn connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    /// Whether the schema is brought up to date when the database is opened, which it is unless
    /// said otherwise. If not, one that is not up to date is an error.
    #[must_use]
    pub const fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Adds a source.
    #[must_use]
    pub fn source(mut self, source: SourceConfig) -> Self {
        self.sources.push((source, None));
        self
    }

    /// Adds a source of a lender that the host knows how to read; its kind is [`sources::Kind::Host`].
    #[must_use]
    pub fn lender(mut self, source: SourceConfig, lender: impl Lender + 'static) -> Self {
        self.sources.push((source, Some(Box::new(lender))));
        self
    }

    /// Adds a key that seals secrets of payloads: 64 hexadecimal digits. The first one seals, all
    /// open. Without any, SQLite has one in a file beside the database, made at the first start.
    #[must_use]
    pub fn sealing_key(mut self, key: SecretString) -> Self {
        self.sealing_keys.push(key);
        self
    }

    /// What signs checkpoints of the logs, and who takes them outside the database.
    #[must_use]
    pub fn proof(mut self, proof: ProofConfig) -> Self {
        self.proof = proof;
        self
    }

    /// Calls a handler for each action, at least once, those of one aggregate in order.
    #[must_use]
    pub fn on_action(mut self, handler: impl ActionHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Adds an endpoint that is told of events.
    #[must_use]
    pub fn endpoint(mut self, endpoint: EndpointConfig) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Finds the addresses of endpoints another way than the system does. They are vetted all the
    /// same.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Adds a reader of the host's own, which is filled from position 0 on as ours are. Its name is
    /// not one of ours; its tables are the host's to create, beside ours and with the same keys:
    /// `source` and `key`.
    #[must_use]
    pub fn reader(mut self, reader: &'static Reader) -> Self {
        self.readers.push(reader);
        self
    }

    /// Another clock than the machine's. Whole microseconds.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Opens the database, brings its schema up to date, and prepares the worker.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build(self) -> Result<(Creditrail, Worker), BuildError> {
        let (file, scratch) = (self.database.file(), self.database.scratch());
        let key_file = file.as_ref().map(|file| file.with_added_extension("key"));
        let store = open(self.database, (self.connections, self.migrate)).await?;
        let names: Vec<&str> =
            self.sources.iter().map(|(config, _)| config.name.as_str()).collect();
        let keyring = keyring(&*store, &names, (self.sealing_keys, key_file)).await?;
        let is_unsigned = is_unsigned(&*store, &names).await?;
        let checkpoints = Arc::new(Checkpoints::of(self.proof, (file, is_unsigned))?);
        let endpoints = endpoints(self.endpoints, (&names, &self.resolver))?;
        let mut worker = Worker { tasks: Vec::new() };
        let mut sources = BTreeMap::new();
        for (config, lender) in self.sources {
            let name = config.name.clone();
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
                return Err(BuildError::SourceName(name));
            }
            if let Some(setting) = config.policies.negative() {
                return Err(BuildError::NegativeDuration { origin: name, setting });
            }
            let credential = config.authorization.as_ref();
            if credential.is_some_and(|given| given.value.expose_secret().is_empty()) {
                return Err(BuildError::NoCredential(name));
            }
            let lender = lender.or_else(|| sources::lender(&config));
            let lender = lender.ok_or_else(|| BuildError::NoLender(name.clone()))?;
            let shared = Shared {
                store: &store,
                keyring: &keyring,
                readers: &self.readers,
                handler: self.handler.as_ref(),
                clock: &self.clock,
                checkpoints: &checkpoints,
            };
            let source = worker.add((config, lender), &shared).await?;
            if sources.insert(name.clone(), source).is_some() {
                return Err(BuildError::SourceTwice(name));
            }
        }
        let shared = Shared {
            store: &store,
            keyring: &keyring,
            readers: &self.readers,
            handler: None,
            clock: &self.clock,
            checkpoints: &checkpoints,
        };
        let access = worker.keep_accesses(&shared).await?;
        let (sources, unknown_sources) = (Arc::new(sources), Arc::default());
        let creditrail = Creditrail {
            store,
            sources,
            readers: self.readers.into(),
            clock: self.clock,
            keyring,
            access,
            checkpoints,
            unknown_sources,
            has_handler: self.handler.is_some(),
            endpoints: Arc::new(Registry::new(endpoints)),
            resolver: self.resolver,
            scratch,
        };
        creditrail.look_for_endpoints().await?;
        worker.send(&creditrail);
        Ok((creditrail, worker))
    }
}

/// Brings the schema of a database up to date, and gives a role of PostgreSQL the rights of a
/// running service.
///
/// # Errors
/// [`BuildError`].
pub async fn migrate(url: &str, service_role: Option<&str>) -> Result<(), BuildError> {
    let Some(role) = service_role else {
        open(Database::Url(url.to_owned()), (1, true)).await?;
        return Ok(());
    };
    if !is_postgres(url) {
        return Err(BuildError::NoRoles(without_password(url)));
    }
    Ok(PostgresStore::connect(url, 1, true).await?.grant(role).await?)
}

fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
}

async fn open(
    database: Database,
    (connections, migrate): (u32, bool),
) -> Result<Arc<dyn Store>, BuildError> {
    let url = match database {
        Database::Pool(pool) => return Ok(Arc::new(PostgresStore::of(pool, migrate).await?)),
        Database::Store(store) => return Ok(store),
        Database::Url(url) => url,
    };
    if is_postgres(&url) {
        return Ok(Arc::new(PostgresStore::connect(&url, connections, migrate).await?));
    }
    let Some(file) = sqlite_file(&url) else {
        return Err(BuildError::DatabaseUrl(without_password(&url)));
    };
    let open = move || SqliteStore::open(file.as_ref(), migrate);
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(Arc::new(opened.map_err(|error| StoreError::Unavailable(error.into()))??))
}

/// The file of a SQLite URL: `sqlite:///var/lib/x.db` is absolute, `sqlite://x.db` is in the
/// working folder.
fn sqlite_file(url: &str) -> Option<String> {
    let file = url.strip_prefix("sqlite:")?.trim_start_matches("//");
    let is_absolute = url.starts_with("sqlite:///");
    let file = if is_absolute { format!("/{file}") } else { file.to_owned() };
    Some(file).filter(|file| !file.is_empty())
}

impl Database {
    /// The file of a SQLite database: keys lie beside it, unless they are given.
    fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Url(url) => sqlite_file(url).map(PathBuf::from),
            Self::Pool(_) | Self::Store(_) => None,
        }
    }

    /// What the names of scratch files begin with: the file, or in the temporary folder the name of
    /// the database, and what tells it from others of that name. A host's store has none.
    fn scratch(&self) -> PathBuf {
        let url = match self {
            Self::Url(url) => url,
            Self::Pool(_) | Self::Store(_) => &uuid::Uuid::new_v4().to_string(),
        };
        if let Some(file) = sqlite_file(url) {
            return file.into();
        }
        let path = url.split('?').next().unwrap_or_default();
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let name = path.rsplit('/').next().unwrap_or_default().replace(|it| !fits(it), "-");
        let hash = hex::encode(&Sha256::digest(url)[..4]);
        std::env::temp_dir().join(format!("creditrail-{name}-{hash}"))
    }
}

/// The keys that seal and open secrets. Every key that ever sealed one must be among them: else an
/// instance would seal what another cannot open.
async fn keyring(
    store: &dyn Store,
    sources: &[&str],
    (given, key_file): (Vec<SecretString>, Option<PathBuf>),
) -> Result<Keyring, BuildError> {
    let mut used = Vec::new();
    for source in sources {
        used.extend(store.sealing_keys(source).await?);
    }
    // One that sealed nothing is no loss.
    let keyring = match key_file {
        _ if !given.is_empty() => Keyring::of_hex(given)?,
        Some(file) => Keyring::of_file(&file, used.is_empty())?,
        None => return Err(BuildError::NoSealingKey),
    };
    if let Some(missing) = used.into_iter().find(|used| keyring.ids().all(|id| id != used)) {
        return Err(BuildError::SealingKeyMissing(missing));
    }
    if let Some(first) = keyring.ids().next() {
        for source in sources {
            store.add_sealing_key(source, first).await?;
        }
    }
    Ok(keyring)
}

/// The endpoints, checked.
fn endpoints(
    given: Vec<EndpointConfig>,
    (sources, resolver): (&[&str], &Arc<dyn Resolver>),
) -> Result<Endpoints, BuildError> {
    let mut endpoints = Endpoints::new();
    for config in given {
        let name = config.name.clone();
        let known = Known::new(Endpoint::new(config, sources)?, resolver)?;
        if endpoints.insert(name.clone(), known).is_some() {
            return Err(BuildError::EndpointTwice(name));
        }
    }
    Ok(endpoints)
}

/// Whether nothing has been signed of any log yet.
async fn is_unsigned(store: &dyn Store, sources: &[&str]) -> Result<bool, StoreError> {
    for log in sources.iter().copied().chain([access::LOG]) {
        if store.newest_checkpoint(log).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What of a database URL may be shown: anything behind the scheme could be a password.
fn without_password(url: &str) -> String {
    url.split_once(':').map_or_else(|| "…".to_owned(), |(scheme, _)| format!("{scheme}:…"))
}

/// The present, to the microsecond: more is not kept.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
