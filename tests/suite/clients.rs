//! Clients that are generated from `docs/openapi.json` compile and read; and schemathesis, which
//! asks what nobody would, finds no answer that is not described.
//!
//! What is installed for it, with the versions that `tests/clients` pins, stays in `target/clients`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::{
    sending::receiver::{KEY, Receiver},
    support::{Demo, Ledger, Service, Source, T1, Tx, until},
};

/// Far longer than an installation takes.
const PATIENCE: Duration = Duration::from_secs(400);

/// What each client is to read.
const READ: &str = "captured_remainder_voided 5000 USD applied,applied,applied,applied\n";

#[tokio::test]
async fn a_generated_typescript_client_compiles_and_reads() {
    let folder = Folder::of("typescript");
    folder.keep(&["package.json", "package-lock.json", "tsconfig.json", "read.ts"]);
    folder
        .install("package-lock.json", async || {
            folder.run("npm", &["ci", "--no-audit", "--no-fund"]).await;
        })
        .await;
    let bin = |name: &str| folder.path.join("node_modules/.bin").join(name);
    folder.run(bin("openapi-typescript"), &[&description(), "--output", "schema.d.ts"]).await;
    folder.run(bin("tsc"), &["--project", "."]).await;

    let demo = Demo::start().await;
    let read = folder.run("node", &["read.js", &demo.base]).await;

    reads(&read);
}

#[tokio::test]
async fn a_generated_python_client_compiles_and_reads() {
    let folder = Folder::python("python").await;
    folder.keep(&["read.py", "generator.yaml"]);
    let description = description();
    #[rustfmt::skip] // They are pairs.
    let generate = [
        "generate", "--path", &description, "--config", "generator.yaml", "--fail-on-warning",
        "--meta", "none", "--overwrite", "--output-path", "creditrail_client",
    ];
    folder.run(folder.bin("openapi-python-client"), &generate).await;

    let demo = Demo::start().await;
    let read = folder.run(folder.bin("python"), &["read.py", &demo.base]).await;

    reads(&read);
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_described() {
    let folder = Folder::python("python").await;
    folder.keep(&["schemathesis.toml"]);
    let demo = Demo::start().await;
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_schema_conformance";
    #[rustfmt::skip] // They are pairs.
    let options = [
        "--config-file", "schemathesis.toml", "run", &description(), "--url", &demo.base,
        "--checks", checks, "--phases", "examples,coverage,fuzzing", "--max-examples", "10",
        "--seed", "1", "--generation-database", "none", "--request-timeout", "20", "--no-color",
    ];
    folder.run(folder.bin("schemathesis"), &options).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_library_of_standard_webhooks_verifies_what_is_sent() {
    let folder = Folder::python("webhooks").await;
    folder.keep(&["verify.py"]);
    let receiver = Receiver::start().await;
    let settings = receiver.endpoint("crm", "");
    let imprint = Ledger::of(Service::start_set(&[Source::named("imprint")], &settings), "imprint");
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let call = until("it is sent", async || receiver.calls().into_iter().next()).await;
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), call.header(name).into())).collect();
    let headers = serde_json::Value::from(headers).to_string();
    let secret = format!("whsec_{KEY}");
    for (file, bytes) in [
        ("secret.txt", secret.as_bytes()),
        ("headers.json", headers.as_bytes()),
        ("body.json", &call.bytes),
    ] {
        fs::write(folder.path.join(file), bytes).expect("a file");
    }

    let said = folder.run(folder.bin("python"), &["verify.py"]).await;

    assert_eq!(said, "verified transaction.TransactionApproved\nrefused what was changed\n");
}

#[track_caller]
fn reads(read: &str) {
    let (transaction, rest) = read.split_once('\n').expect("lines");
    assert_eq!(format!("{transaction}\n"), READ);
    let [exceptions, problem] = rest.lines().collect::<Vec<_>>()[..] else { panic!("{read}") };
    assert!(exceptions.contains("key_reused"), "{exceptions}");
    assert_eq!(problem, "not_of_kind");
}

/// `docs/openapi.json`
fn description() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json").display().to_string()
}

/// A folder of `target/clients`, for one test at a time.
struct Folder {
    path: PathBuf,
    sources: PathBuf,
    _lock: File,
}

impl Folder {
    fn of(name: &str) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
        let path = target.join("clients").join(name);
        fs::create_dir_all(&path).expect("a folder");
        let lock = File::create(path.join(".lock")).expect("a lock");
        lock.lock().expect("the lock");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
        Self { path, sources, _lock: lock }
    }

    /// With everything that `requirements.txt` names.
    async fn python(name: &str) -> Self {
        let folder = Self::of(name);
        folder.keep(&["requirements.txt"]);
        folder
            .install("requirements.txt", async || {
                folder.run("python3", &["-m", "venv", "--clear", "venv"]).await;
                let install =
                    ["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"];
                folder.run(folder.bin("python"), &install).await;
            })
            .await;
        folder
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.path.join("venv/bin").join(name)
    }

    /// Copies of files in `tests/clients`.
    fn keep(&self, files: &[&str]) {
        for file in files {
            fs::copy(self.sources.join(file), self.path.join(file)).expect("a copy");
        }
    }

    /// Installs, unless what these pins name is installed.
    async fn install(&self, pins: &str, how: impl AsyncFnOnce()) {
        let pinned = fs::read_to_string(self.sources.join(pins)).expect("the pins");
        let stamp = self.path.join(".installed");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pinned) {
            return;
        }
        how().await;
        fs::write(stamp, pinned).expect("a stamp");
    }

    /// What the command prints; it has to end well, and in time.
    async fn run(&self, command: impl AsRef<Path>, arguments: &[&str]) -> String {
        let name = command.as_ref().display();
        let mut venv = vec![self.path.join("venv/bin")];
        venv.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let process = Command::new(command.as_ref())
            .args(arguments)
            .current_dir(&self.path)
            .env("PATH", std::env::join_paths(venv).expect("a path"))
            .kill_on_drop(true)
            .output();
        let output = timeout(PATIENCE, process).await;
        let output = output.unwrap_or_else(|_| panic!("{name} does not end"));
        let Output { status, stdout, stderr } = output.unwrap_or_else(|error| {
            panic!("{name} cannot be run ({error}): install Node.js with npm, and Python 3 with venv, as scripts/test does")
        });
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{name} {}: {stdout}{stderr}", arguments.join(" "));
        stdout.into_owned()
    }
}
