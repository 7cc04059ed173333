//! `creditrail demo`, as somebody starts it who looks at it for the first time.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

/// A demo that has played its histories and serves on; it ends with the test.
pub struct Demo {
    process: Child,
    /// `http://127.0.0.1:PORT`
    pub base: String,
    _dir: TempDir,
}

impl Demo {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut process = Command::new(env!("CARGO_BIN_EXE_creditrail"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the demo starts");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let mut lines = stdout.lines().map_while(Result::ok);
        let told = lines.find_map(|line| Some(line.split_once("/   in a browser")?.0.to_owned()));
        // It prints on, and never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        let base = told.expect("the demo tells its address").trim().to_owned();
        Self { process, base, _dir: dir }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
