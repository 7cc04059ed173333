//! The real binary, how long a command of it takes, and how much memory it had.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::fill;

/// How often to look at the memory of a command.
const LOOK: Duration = Duration::from_millis(10);

/// The binary, with settings for one database.
pub struct Binary {
    settings: PathBuf,
}

/// A command that has ended.
pub struct Done {
    pub seconds: f64,
    /// The most resident memory, in megabytes.
    pub most: u64,
    printed: String,
}

impl Binary {
    pub fn on(database: &Path) -> Self {
        let mut settings = format!("[database]\nurl = \"sqlite://{}\"\n", database.display());
        settings += &format!("[sealing]\nkeys = [{{ value = \"{}\" }}]\n", "a".repeat(64));
        for (name, _, kind) in fill::SOURCES {
            settings += &format!("[[source]]\nname = \"{name}\"\nkind = \"{kind}\"\n");
            settings +=
                "currency = \"USD\"\nsecrets = [{ id = \"bench\", value = \"bench-secret\" }]\n";
        }
        let file = database.with_extension("toml");
        std::fs::write(&file, settings).expect("the settings are written");
        Self { settings: file }
    }

    pub fn run(&self, words: &[&str]) -> Done {
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_creditrail"))
            .args(words)
            .env("CREDITRAIL_CONFIG", &self.settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let mut out = child.stdout.take().expect("it is piped");
        let printed = std::thread::spawn(move || {
            let mut printed = String::new();
            out.read_to_string(&mut printed).map(|_| printed)
        });
        let (most, ended) = watched(&mut child);
        let seconds = started.elapsed().as_secs_f64();
        let printed = printed.join().expect("no panic").expect("text");
        assert!(ended, "{words:?}: {printed}");
        Done { seconds, most, printed }
    }
}

/// The most memory of a command, and whether it ended well.
fn watched(child: &mut Child) -> (u64, bool) {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        most = kilobytes.unwrap_or_default().max(most);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return (most / 1024, status.success());
        }
        std::thread::sleep(LOOK);
    }
}

impl Done {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.printed).expect("JSON")
    }

    /// What it printed as JSON, one value a line.
    pub fn lines(&self) -> impl Iterator<Item = serde_json::Value> {
        self.printed.lines().map(|line| serde_json::from_str(line).expect("JSON"))
    }
}
