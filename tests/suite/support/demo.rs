//! `creditrail demo`: a service with the histories of all three lenders.

use std::{process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Far longer than the histories take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends with the value.
pub struct Demo {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    _process: Child,
    _dir: TempDir,
}

impl Demo {
    /// The demo, once all histories are played.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut process = Command::new(env!("CARGO_BIN_EXE_creditrail"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the demo starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut base = None;
        let played = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if let Some((address, _)) = line.trim().split_once("/   in a browser") {
                    base = Some(address.to_owned());
                }
                if line.starts_with("The interface stays open") {
                    break;
                }
            }
        };
        timeout(PATIENCE, played).await.expect("the demo plays its histories");
        // Nothing is printed after that, so nobody has to read on.
        Self { base: base.expect("an address"), _process: process, _dir: dir }
    }
}
