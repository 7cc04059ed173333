//! A real PostgreSQL: a throw-away server of its own, or a fresh database on the one that
//! `scripts/test` has started for the whole run.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// Names the server of the whole run: `postgres://USER@127.0.0.1:PORT`.
pub const SHARED: &str = "CREDITRAIL_TEST_POSTGRES";
/// `nobody`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;
/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for the end of its input, which comes when the process that started it is gone, however
/// that ended. No signal meant for the whole group of processes keeps it from its work.
const SWEEP: &str = r#"trap "" INT TERM HUP; cat
    kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"; rm -rf "$1""#;

/// A server on loopback with all that makes commits durable switched on. It ends with the test.
pub struct Server {
    process: Child,
    port: u16,
    dir: TempDir,
    /// Does what `drop` does where nothing is dropped: in a static, or in a test that is killed.
    /// The last field: once the directory is gone, nothing is left for it to do.
    _sweeper: Child,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Settings are like `shared_buffers=1GB`.
    pub fn start_with(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let as_root = owner(dir.path()) == 0;
        if as_root {
            let nobody = Some(UNPRIVILEGED);
            chown(dir.path(), nobody, nobody).expect("the directory is given away");
        }
        let data = dir.path().join("data");
        let made = command("initdb", as_root)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(dir.path())
            .output()
            .expect("initdb runs (install PostgreSQL, or run ./scripts/test)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut conf = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nmax_connections = 200\n\
             unix_socket_directories = ''\nlogging_collector = off\n"
        );
        for setting in settings {
            conf += setting;
            conf.push('\n');
        }
        fs::write(data.join("postgresql.auto.conf"), conf).expect("the settings are written");
        let _sweeper = sweeper(dir.path());
        let process = launch(dir.path(), as_root);
        let mut server = Self { process, port, dir, _sweeper };
        server.wait();
        server
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A fresh database on it: its URL.
    pub async fn database(&self) -> String {
        create(&self.url("postgres")).await
    }

    /// As a crash: no checkpoint, recovery at the next start.
    pub fn restart_immediately(&mut self) {
        self.stop("-QUIT");
        self.start_again();
    }

    /// `-TERM` waits for clients, `-INT` ends them, `-QUIT` is as a crash.
    pub fn stop(&mut self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        self.process.wait().expect("the server ends");
    }

    pub fn start_again(&mut self) {
        self.process = launch(self.dir.path(), owner(&self.dir.path().join("data")) != own_user());
        self.wait();
    }

    fn wait(&mut self) {
        let until = Instant::now() + PATIENCE;
        let port = self.port.to_string();
        let ready = || {
            let mut asks = Command::new(program("pg_isready"));
            asks.args(["-q", "-h", "127.0.0.1", "-p", &port]).status().expect("pg_isready runs")
        };
        while !ready().success() {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let ended = self.process.try_wait().expect("its state").is_some();
            assert!(!ended && Instant::now() < until, "PostgreSQL does not start:\n{}", log());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.process.wait();
    }
}

/// A fresh database on the server of the run, or on a server that this process starts for itself
/// and that ends with it: its URL.
pub async fn database() -> String {
    static OWN: std::sync::OnceLock<Server> = std::sync::OnceLock::new();
    let admin = match std::env::var(SHARED) {
        Ok(server) => format!("{server}/postgres"),
        Err(_) => OWN.get_or_init(Server::start).url("postgres"),
    };
    create(&admin).await
}

/// As [`database`], for where nothing can be awaited.
pub fn new_database() -> String {
    blocking(database())
}

/// Drops a database, whoever is connected to it.
pub fn drop_database(url: &str) {
    let (server, name) = url.rsplit_once('/').expect("a URL");
    let (admin, drop) =
        (format!("{server}/postgres"), format!("DROP DATABASE {name} WITH (FORCE)"));
    blocking(async move { run(&admin, &drop).await });
}

/// A copy of a database to which nobody is connected: its URL.
pub async fn copy(url: &str) -> String {
    let (server, name) = url.rsplit_once('/').expect("a URL");
    named(&format!("{server}/postgres"), &format!("TEMPLATE {name}")).await
}

/// Puts a copy of another database in the place of one.
pub async fn replace(url: &str, by: &str) {
    let (server, name) = url.rsplit_once('/').expect("a URL");
    let (_, by) = by.rsplit_once('/').expect("a URL");
    let admin = format!("{server}/postgres");
    run(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {by}")).await;
}

fn blocking<T: Send>(what: impl Future<Output = T> + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let blocking = || runtime().expect("a runtime").block_on(what);
    std::thread::scope(|scope| scope.spawn(blocking).join().expect("it is done"))
}

/// Runs SQL on a database.
pub async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    connection.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("it ends");
}

/// All rows of all tables of ours, as text, each with its table; bytes are in hexadecimal.
pub async fn all_rows(url: &str) -> Vec<(String, String)> {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'creditrail'";
    let tables: Vec<(String,)> =
        sqlx::query_as(tables).fetch_all(&mut connection).await.expect("the tables");
    let mut rows = Vec::new();
    for (table,) in tables {
        let select = format!("SELECT t::text FROM creditrail.{table} AS t");
        let found: Vec<(String,)> =
            sqlx::query_as(&select).fetch_all(&mut connection).await.expect("its rows");
        rows.extend(found.into_iter().map(|(row,)| (table.clone(), row)));
    }
    rows
}

/// Why SQL is refused, which it has to be.
pub async fn refused(url: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let refused = connection.execute(sql).await;
    refused.err().unwrap_or_else(|| panic!("{sql} is not refused")).to_string()
}

async fn create(admin: &str) -> String {
    named(admin, "").await
}

async fn named(admin: &str, how: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    run(admin, &format!("CREATE DATABASE {name} {how}")).await;
    let (server, _) = admin.rsplit_once('/').expect("a URL");
    format!("{server}/{name}")
}

fn launch(dir: &Path, as_root: bool) -> Child {
    let log = fs::File::options().create(true).append(true).open(dir.join("log")).expect("a log");
    command("postgres", as_root)
        .arg("-D")
        .arg(dir.join("data"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("PostgreSQL starts")
}

fn sweeper(dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", SWEEP, "sweeper"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs")
}

fn command(name: &str, as_root: bool) -> Command {
    let mut command = Command::new(program(name));
    if as_root {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// On the path, or where Debian keeps the newest version.
fn program(name: &str) -> PathBuf {
    which(name).unwrap_or_else(|| {
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|version| version.path().join("bin").join(name))
            .filter(|program| program.exists())
            .collect();
        versions.sort();
        versions.pop().unwrap_or_else(|| name.into())
    })
}

fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|program| program.exists())
}

fn owner(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).expect("it is there").uid()
}

fn own_user() -> u32 {
    owner(Path::new("/proc/self"))
}
