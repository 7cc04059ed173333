//! The real binary, on a temporary directory of its own.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tempfile::TempDir;

use super::postgres;

/// What every source signs with, unless a test says otherwise.
pub const SECRET: &str = "imprint-signing-token";
/// ChargeAfter signs nothing: this is its whole `Authorization`.
pub const AUTHORIZATION: &str = "Bearer charge-after-credential";
/// Seals secrets on PostgreSQL, where a key is required.
pub const SEALING_KEY: &str = "8f0c7d52a1b94e6688cf1d3e5a7b90422b4d6f8091a3c5e7f90b1d3f57798ba1";

/// Far more than a start, or an end, takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The header value for a body that was signed at `time`.
pub fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    format!("t={time},s={}", digest(secret, time, b".", body))
}

fn digest(secret: &str, time: &str, between: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(time.as_bytes());
    mac.update(between);
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("1970");
    i64::try_from(since.as_secs()).expect("not that late")
}

/// A second as RFC 3339 writes it.
pub fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second).expect("a time").to_string()
}

/// So many seconds before now; after it, if negative.
pub fn ago(seconds: i64) -> String {
    rfc3339(unix_now() - seconds)
}

/// Which lender a source is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Imprint,
    CardOnboarding,
    ChargeAfter,
}

impl Kind {
    /// As settings have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imprint => "imprint",
            Self::CardOnboarding => "card-onboarding",
            Self::ChargeAfter => "charge-after",
        }
    }

    /// What its authentic calls are made with, unless a test says otherwise.
    pub const fn secret(self) -> &'static str {
        match self {
            Self::Imprint | Self::CardOnboarding => SECRET,
            Self::ChargeAfter => AUTHORIZATION,
        }
    }

    /// A second as its header has it.
    pub fn time(self, second: i64) -> String {
        match self {
            Self::CardOnboarding => rfc3339(second),
            Self::Imprint | Self::ChargeAfter => second.to_string(),
        }
    }

    /// The headers of a call that was made with this secret at this time.
    pub fn headers(self, secret: &str, time: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        match self {
            Self::Imprint => vec![("X-IMPRINT-HMAC-SIGNATURE", signature(secret, time, body))],
            Self::CardOnboarding => vec![
                ("X-Card-Onboarding-Signature", digest(secret, time, b":", body)),
                ("X-Card-Onboarding-Timestamp", time.to_owned()),
            ],
            Self::ChargeAfter => vec![("Authorization", secret.to_owned())],
        }
    }
}

/// One `[[source]]` of the settings.
pub struct Source {
    name: String,
    kind: Kind,
    currency: String,
    secrets: Vec<String>,
    settings: String,
    policies: String,
}

impl Source {
    /// Of kind `imprint`, in dollars, with [`SECRET`].
    pub fn named(name: &str) -> Self {
        Self::without_secret(name).secret("first", SECRET, "")
    }

    pub fn without_secret(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Imprint,
            currency: "USD".to_owned(),
            secrets: Vec::new(),
            settings: String::new(),
            policies: String::new(),
        }
    }

    /// Of any kind, with this secret.
    pub fn with_secret(name: &str, kind: Kind, secret: &str) -> Self {
        Self { kind, ..Self::without_secret(name) }.secret("first", secret, "")
    }

    /// Of kind `card-onboarding`, with [`SECRET`].
    pub fn card_onboarding(name: &str) -> Self {
        Self { kind: Kind::CardOnboarding, ..Self::named(name) }
    }

    /// The same, which takes steps of any age: each has the flag `outside_window` then.
    pub fn old_onboarding(name: &str) -> Self {
        Self::card_onboarding(name).setting("outside_window", "record")
    }

    /// Of kind `charge-after`, in dollars, with [`AUTHORIZATION`].
    pub fn charge_after(name: &str) -> Self {
        let source = Self { kind: Kind::ChargeAfter, ..Self::without_secret(name) };
        source.secret("first", AUTHORIZATION, "")
    }

    pub fn currency(self, code: &str) -> Self {
        Self { currency: code.to_owned(), ..self }
    }

    /// `dates` is empty, or like `, not_after = "…"`.
    pub fn secret(mut self, id: &str, value: &str, dates: &str) -> Self {
        let secret = format!("{{ id = \"{id}\", value = \"{value}\"{dates} }}");
        self.secrets.push(secret);
        self
    }

    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings += &format!("{key} = \"{value}\"\n");
        self
    }

    /// A setting whose value is more than a text.
    pub fn table(mut self, key: &str, toml: &str) -> Self {
        self.settings += &format!("{key} = {toml}\n");
        self
    }

    pub fn policy(mut self, key: &str, value: &str) -> Self {
        self.policies += &format!("{key} = \"{value}\"\n");
        self
    }

    /// For how many months records are kept.
    pub fn retained_for(mut self, months: u16) -> Self {
        self.policies += &format!("retention_months = {months}\n");
        self
    }

    fn toml(&self) -> String {
        let Self { name, kind, currency, settings, .. } = self;
        let kind = kind.name();
        let secrets = self.secrets.join(", ");
        let policies = if self.policies.is_empty() {
            String::new()
        } else {
            format!("[source.policies]\n{}", self.policies)
        };
        format!(
            "[[source]]\nname = \"{name}\"\nkind = \"{kind}\"\ncurrency = \"{currency}\"\n\
             secrets = [{secrets}]\n{settings}{policies}\n"
        )
    }
}

struct Running {
    process: Option<Child>,
    base: String,
}

/// A service that runs, or that can be started again on the same files.
pub struct Service {
    running: Mutex<Running>,
    pub http: reqwest::Client,
    kinds: HashMap<String, Kind>,
    /// The newest position that each source has answered.
    positions: Mutex<HashMap<String, i64>>,
    config: PathBuf,
    database: Database,
    /// Removed with its content when the service is dropped.
    dir: TempDir,
}

impl Service {
    pub fn start(sources: &[Source]) -> Self {
        Self::start_with(sources, Database::of_the_run(), Launch::default())
    }

    /// A service that logs all that it can, one JSON object a line.
    pub fn start_telling(sources: &[Source]) -> Self {
        Self::start_in(
            sources,
            &[("CREDITRAIL_LOG", "creditrail=trace"), ("CREDITRAIL_LOG_FORMAT", "json")],
        )
    }

    /// A service with variables of its environment.
    pub fn start_in(sources: &[Source], environment: &[(&'static str, &str)]) -> Self {
        let variables = environment.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let launch = Launch { environment: variables.collect(), ..Launch::default() };
        Self::start_with(sources, Database::of_the_run(), launch)
    }

    /// A service whose callers have tokens: the settings of the tokens, and the one by which the
    /// suite itself calls.
    pub fn start_for(sources: &[Source], tokens: &str, own: &str) -> Self {
        let (settings, token) = (tokens.to_owned(), Some(own.to_owned()));
        let launch = Launch { settings, token, ..Launch::default() };
        Self::start_with(sources, Database::of_the_run(), launch)
    }

    /// A service with further settings, which stand below the usual ones.
    pub fn start_set(sources: &[Source], settings: &str) -> Self {
        let launch = Launch { settings: settings.to_owned(), ..Launch::default() };
        Self::start_with(sources, Database::of_the_run(), launch)
    }

    /// The same on a database, which may be that of other services as well and stays.
    pub fn start_at(url: &str, sources: &[Source], settings: &str) -> Self {
        let launch = Launch { settings: settings.to_owned(), ..Launch::default() };
        Self::start_with(sources, Database::Shared(url.to_owned()), launch)
    }

    /// `creditrail token`: the token, and the lines for the settings.
    pub fn token(name: &str, role: &str) -> (String, String) {
        let output = binary().args(["token", "--name", name, "--role", role]).output();
        let output = output.expect("the command runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "creditrail token: {errors}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let token = printed.lines().map(str::trim).find(|line| line.starts_with("crk_"));
        let (_, settings) = printed.split_once("[[token]]").expect("lines for the settings");
        (token.expect("a token").to_owned(), format!("[[token]]{settings}"))
    }

    /// A service whose files cannot grow beyond `blocks` of 512 bytes: a disk that gets full.
    pub fn start_on_a_small_disk(sources: &[Source], blocks: u32) -> Self {
        let launch = Launch { blocks: Some(blocks), ..Launch::default() };
        Self::start_with(sources, Database::File, launch)
    }

    /// A service on a PostgreSQL database, which may be that of other services as well.
    pub fn start_on(url: &str, sources: &[Source]) -> Self {
        let database = Database::Postgres { url: url.to_owned(), is_own: false };
        Self::start_with(sources, database, Launch::default())
    }

    /// `creditrail migrate` on a database: what it printed.
    pub fn migrate(url: &str, arguments: &[&str]) -> String {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("creditrail.toml");
        fs::write(&config, settings(url, &[Source::named("imprint")])).expect("it is written");
        let mut migrate = binary();
        migrate.arg("migrate").args(arguments).arg("--config").arg(&config);
        let output = migrate.output().expect("the command runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "creditrail migrate: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What it says when it cannot start on a database, with a further setting of it.
    pub fn fails_to_start(url: &str, setting: &str) -> String {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("creditrail.toml");
        let database = format!("url = \"{url}\"\n");
        let settings = settings(url, &[Source::named("imprint")])
            .replace(&database, &format!("{database}{setting}\n"));
        fs::write(&config, settings).expect("it is written");
        let output = binary().arg("serve").arg("--config").arg(&config).output();
        let output = output.expect("the command runs");
        assert!(!output.status.success(), "it starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn start_with(sources: &[Source], database: Database, how: Launch) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = dir.path().join("creditrail.toml");
        let url = database.url(dir.path());
        fs::write(&config, settings(&url, sources) + how.settings.as_str())
            .expect("they are written");
        let calls_as = how.token.as_ref().map(|token| {
            let bearer = format!("Bearer {token}").parse().expect("a header");
            (reqwest::header::AUTHORIZATION, bearer)
        });
        let (process, base) = launch(dir.path(), &config, how);
        let http = reqwest::Client::builder()
            .no_proxy()
            .default_headers(calls_as.into_iter().collect())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            running: Mutex::new(Running { process: Some(process), base }),
            http,
            kinds: sources.iter().map(|source| (source.name.clone(), source.kind)).collect(),
            positions: Mutex::default(),
            config,
            database,
            dir,
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        self.running.lock().unwrap().base.clone()
    }

    /// Other settings of its sources, from its next start on.
    pub fn set_up(&self, sources: &[Source]) {
        let url = self.database.url(self.dir.path());
        fs::write(&self.config, settings(&url, sources)).expect("the settings are written");
    }

    /// Starts it again on the same files. The port is another one.
    pub fn start_again(&self) {
        let (process, base) = launch(self.dir.path(), &self.config, Launch::default());
        let mut running = self.running.lock().unwrap();
        assert!(running.process.is_none(), "the service still runs");
        running.process = Some(process);
        running.base = base;
    }

    /// Nothing is told to the process, nothing is flushed. Once is enough.
    pub fn kill(&self) {
        if let Some(mut process) = self.running.lock().unwrap().process.take() {
            process.kill().expect("kill -9");
            process.wait().expect("it is gone");
        }
    }

    /// SIGTERM, and how it ended.
    pub fn stop(&self) -> ExitStatus {
        let process = self.running.lock().unwrap().process.take();
        let mut process = process.expect("the service runs");
        let pid = process.id().to_string();
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(process.wait().expect("it ends")));
        assert!(signal("-TERM", &pid), "SIGTERM is sent");
        end.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            signal("-KILL", &pid);
            panic!("SIGTERM did not end the service within {PATIENCE:?}")
        })
    }

    /// `creditrail COMMAND --config FILE`: what it printed.
    pub fn command(&self, name: &str) -> String {
        let (printed, errors) = self.runs(&[name]);
        printed.unwrap_or_else(|| panic!("creditrail {name}: {errors}"))
    }

    /// `creditrail WORDS --config FILE`: what it printed, if it ended well, and what it complained
    /// of.
    pub fn runs(&self, words: &[&str]) -> (Option<String>, String) {
        let (printed, errors, is_well) = self.asked(words);
        (is_well.then_some(printed), errors)
    }

    /// The same, as it comes: what it printed, what it complained of, whether it ended well.
    pub fn asked(&self, words: &[&str]) -> (String, String, bool) {
        let output = self.words(words).output().expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.success())
    }

    /// The command behind another program, such as `faketime` with a time.
    pub fn behind(&self, program: &[&str], words: &[&str]) -> (String, String, bool) {
        let command = self.words(words);
        let mut behind = Command::new(program[0]);
        behind.args(&program[1..]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => behind.env(name, value),
                None => behind.env_remove(name),
            };
        }
        let output = behind.output().expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.success())
    }

    /// The same, while it runs.
    pub fn begun(&self, words: &[&str]) -> Child {
        let mut command = self.words(words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command runs")
    }

    fn words(&self, words: &[&str]) -> Command {
        let mut command = binary();
        command.args(words).arg("--config").arg(&self.config);
        command
    }

    /// A file in its directory.
    pub fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Runs SQL behind its back, as the owner of the database; `@` stands before the name of a
    /// table.
    pub async fn run_sql(&self, sql: &str) {
        match &self.database {
            Database::Postgres { url, .. } | Database::Shared(url) => {
                postgres::run(url, &sql.replace('@', "creditrail.")).await;
            }
            Database::File => {
                let file = self.dir.path().join("creditrail.db");
                let connection = rusqlite::Connection::open(file).expect("the file");
                connection.busy_timeout(PATIENCE).expect("it waits");
                connection.execute_batch(&sql.replace('@', "")).expect("it is done");
            }
        }
    }

    /// All rows of its PostgreSQL, as text, each with its table; bytes are in hexadecimal.
    pub async fn all_rows(&self) -> Vec<(String, String)> {
        let Database::Postgres { url, .. } = &self.database else { return Vec::new() };
        postgres::all_rows(url).await
    }

    /// Whether it keeps its log in PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres { .. })
    }

    /// All that the service wrote to its standard streams.
    pub fn log(&self) -> String {
        read_log(self.dir.path())
    }

    /// Every file of its directory but its settings, with the name: the database, what belongs to
    /// it, the log.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.dir.path()).expect("its directory");
        let paths = entries.map(|entry| entry.expect("a file").path());
        let kept = paths.filter(|path| *path != self.config && path.is_file());
        let read = |path: PathBuf| {
            let content = fs::read(&path).expect("it is read");
            (path.file_name().expect("a name").to_string_lossy().into_owned(), content)
        };
        kept.map(read).collect()
    }

    /// Of a source that it does not have: that of a lender who knocks at the wrong door.
    pub fn kind(&self, source: &str) -> Kind {
        self.kinds.get(source).copied().unwrap_or(Kind::Imprint)
    }

    pub fn position(&self, source: &str) -> i64 {
        *self.positions.lock().unwrap().get(source).unwrap_or(&0)
    }

    pub fn note_position(&self, source: &str, position: Option<i64>) {
        let mut positions = self.positions.lock().unwrap();
        let newest = positions.entry(source.to_owned()).or_default();
        *newest = position.unwrap_or(0).max(*newest);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(running) = self.running.get_mut()
            && let Some(process) = &mut running.process
        {
            let _ = process.kill();
            let _ = process.wait();
        }
        if thread::panicking() {
            eprintln!("--- the service's log ---\n{}", read_log(self.dir.path()));
        }
        if let Database::Postgres { url, is_own: true } = &self.database {
            postgres::drop_database(url);
        }
    }
}

/// How a service is started.
#[derive(Default)]
struct Launch {
    /// How large its files may get, in blocks of 512 bytes.
    blocks: Option<u32>,
    environment: Vec<(&'static str, String)>,
    /// What stands below the usual settings.
    settings: String,
    /// By which the suite calls.
    token: Option<String>,
}

/// Where a service keeps its log.
enum Database {
    /// A SQLite file in its directory.
    File,
    /// A PostgreSQL database; dropped with the service if it is its own.
    Postgres { url: String, is_own: bool },
    /// Any, which is not dropped.
    Shared(String),
}

impl Database {
    /// The whole suite runs on either: `CREDITRAIL_TEST_STORE=postgres` chooses the other one.
    fn of_the_run() -> Self {
        match std::env::var("CREDITRAIL_TEST_STORE").as_deref() {
            Ok("postgres") => Self::Postgres { url: postgres::new_database(), is_own: true },
            _ => Self::File,
        }
    }

    fn url(&self, dir: &Path) -> String {
        match self {
            Self::File => format!("sqlite://{}", dir.join("creditrail.db").display()),
            Self::Postgres { url, .. } | Self::Shared(url) => url.clone(),
        }
    }
}

/// The settings of a service on a database, but for those that a test adds.
pub fn settings(database: &str, sources: &[Source]) -> String {
    let sources: String = sources.iter().map(Source::toml).collect();
    let sealing = if database.starts_with("postgres") {
        format!("[sealing]\nkeys = [{{ value = \"{SEALING_KEY}\" }}]\n")
    } else {
        String::new()
    };
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{database}\"\n{sealing}{sources}"
    )
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_creditrail"))
}

/// The command as it is, or in a shell that limits the size of files and ignores the signal about
/// it.
fn limited(blocks: Option<u32>) -> Command {
    let Some(blocks) = blocks else {
        return binary();
    };
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_creditrail"));
    shell
}

fn launch(dir: &Path, config: &Path, how: Launch) -> (Child, String) {
    let log =
        File::options().create(true).append(true).open(dir.join("stderr.log")).expect("a log file");
    let mut process = limited(how.blocks)
        .envs(how.environment)
        .args(["serve", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the service starts");
    let address = announced(process.stdout.take().expect("piped"), dir.join("stdout.log"));
    match address.recv_timeout(PATIENCE) {
        Ok(base) => (process, base),
        Err(_) => {
            let _ = process.kill();
            panic!("the service does not listen:\n{}", read_log(dir));
        }
    }
}

/// Follows the standard output to its end, so that the service never waits for a reader, and says the
/// address as soon as it is printed.
fn announced(stdout: ChildStdout, copy: PathBuf) -> mpsc::Receiver<String> {
    let (say, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut printed = fs::read_to_string(&copy).unwrap_or_default();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, base)) = line.split_once("listening on ") {
                let _ = say.send(base.trim().to_owned());
            }
            printed += &line;
            printed.push('\n');
            let _ = fs::write(&copy, &printed);
        }
    });
    heard
}

fn signal(which: &str, pid: &str) -> bool {
    let sent = Command::new("kill").args([which, pid]).status();
    sent.is_ok_and(|status| status.success())
}

fn read_log(dir: &Path) -> String {
    let part = |name| fs::read_to_string(dir.join(name)).unwrap_or_default();
    part("stdout.log") + part("stderr.log").as_str()
}
