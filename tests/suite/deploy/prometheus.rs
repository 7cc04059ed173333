//! A real Prometheus on loopback, in a temporary folder.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::until;

/// `none` where Prometheus cannot be had.
const CHOICE: &str = "CREDITRAIL_TEST_PROMETHEUS";

/// What `promtool` says of files in a folder; it has to be content. `None` where it cannot be had.
pub fn promtool(dir: &Path, arguments: &[&str]) -> Option<String> {
    let output = command("promtool")?.current_dir(dir).args(arguments).output();
    let output = output.expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    Some(said)
}

/// A Prometheus that ends with the test.
pub struct Prometheus {
    process: Child,
    base: String,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Prometheus {
    /// With the settings of `deploy/`, but for the address of the service and how often it looks.
    /// `None` where Prometheus cannot be had.
    pub fn start(config: &str, rules: &str, address: &str) -> Option<Self> {
        let mut command = command("prometheus")?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert!(config.contains("127.0.0.1:8080") && config.contains("15s"), "{config}");
        let config = config.replace("127.0.0.1:8080", address).replace("15s", "200ms");
        fs::write(dir.path().join("prometheus.yml"), config).expect("it is written");
        fs::write(dir.path().join("alerts.yml"), rules).expect("it is written");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let listen = free.local_addr().expect("an address");
        drop(free);
        let log = fs::File::create(dir.path().join("log")).expect("a log");
        let process = command
            .arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Prometheus starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Some(Self { process, base: format!("http://{listen}"), http, _dir: dir })
    }

    /// The series with which it answers an expression, without their times. It has to take it.
    pub async fn query(&self, expression: &str) -> Vec<(Value, Value)> {
        let mut url = reqwest::Url::parse(&self.base).expect("a URL");
        url.set_path("/api/v1/query");
        url.query_pairs_mut().append_pair("query", expression);
        let answer = self.get(url).await;
        assert_eq!(answer["status"], "success", "{expression}: {answer:#}");
        let series = answer["data"]["result"].as_array().expect("series").iter();
        series.map(|series| (series["metric"].clone(), series["value"][1].clone())).collect()
    }

    /// Its alerts, and how their evaluation went: `ok`, `err` or `unknown`.
    pub async fn alerts(&self) -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("{}/api/v1/rules", self.base)).expect("a URL");
        let answer = self.get(url).await;
        let groups = answer["data"]["groups"].as_array().expect("groups").iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        let of = |rule: &Value, field: &str| rule[field].as_str().expect("text").to_owned();
        rules.map(|rule| (of(rule, "name"), of(rule, "health"))).collect()
    }

    /// Waits until it listens, and until it is ready.
    async fn get(&self, url: reqwest::Url) -> Value {
        until("Prometheus answers", async || {
            let answer = self.http.get(url.clone()).send().await.ok()?;
            answer.json().await.ok()
        })
        .await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(name: &str) -> Option<Command> {
    if std::env::var(CHOICE).as_deref() == Ok("none") {
        eprintln!("{CHOICE}=none: {name} is not asked");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|dir| dir.join(name));
    let program: Option<PathBuf> = programs.find(|program| program.exists());
    Some(Command::new(program.unwrap_or_else(|| {
        panic!("{name} is missing: install Prometheus, run ./scripts/test, or set {CHOICE}=none")
    })))
}
