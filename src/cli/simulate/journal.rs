//! What was sent and what it was answered: kept in memory, and in a file that is synced.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::cli::CliError;

/// One line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum Line {
    /// What was asked for; the first line.
    Run(Run),
    /// A delivery, before it is sent for the first time.
    Delivery(Sent),
    /// A call that was made.
    Attempt(Attempt),
}

/// What was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) currency: String,
    pub(super) seed: u64,
    pub(super) started_at: Timestamp,
}

/// A delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Its name, unique in the run.
    pub(super) key: String,
    /// The lender's name of it.
    pub(super) event: String,
    /// What goes wrong with it.
    #[serde(default)]
    pub(super) faults: Vec<String>,
    pub(super) body: String,
    /// Of the body, in hexadecimal.
    pub(super) sha256: String,
    pub(super) signed_at: Timestamp,
}

/// A call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// Of which delivery.
    pub(super) key: String,
    pub(super) way: Way,
    pub(super) at: Timestamp,
    /// Until the answer was there, in microseconds.
    pub(super) took_us: u64,
    /// What it was answered; absent if it was not, or if nobody heard it.
    pub(super) status: Option<u16>,
    /// Why there was no answer.
    pub(super) failure: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) delivery_id: Option<String>,
}

/// How a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// As it should be, for the first time or because no acknowledgement came.
    Sent,
    /// Though it was acknowledged.
    Repeated,
    /// So that the lender does not hear the answer.
    Unheard,
    /// With a wrong signature.
    Forged,
}

impl Attempt {
    /// Whether the lender heard that it arrived.
    pub(super) fn is_acknowledged(&self) -> bool {
        let is_heard = matches!(self.way, Way::Sent | Way::Repeated);
        is_heard && self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// All that was sent.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) run: Run,
    pub(super) sent: Vec<Sent>,
    pub(super) attempts: Vec<Attempt>,
}

impl Record {
    /// Reads it back. What a crash tore off the end is no line.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let failed =
            |cause| CliError::Io { what: format!("{} cannot be read", path.display()), cause };
        let mut lines = BufReader::new(File::open(path).map_err(failed)?).lines();
        let wrong = || CliError::Simulation(format!("{} is no journal of it", path.display()));
        let first = lines.next().transpose().map_err(failed)?.unwrap_or_default();
        let Ok(Line::Run(run)) = serde_json::from_str(&first) else { return Err(wrong()) };
        let mut record = Self { run, sent: Vec::new(), attempts: Vec::new() };
        let mut torn = false;
        for line in lines {
            if torn {
                return Err(wrong());
            }
            match serde_json::from_str(&line.map_err(failed)?) {
                Ok(line) => record.take(line),
                Err(_) => torn = true,
            }
        }
        Ok(record)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Run(run) => self.run = run,
            Line::Delivery(sent) => self.sent.push(sent),
            Line::Attempt(attempt) => self.attempts.push(attempt),
        }
    }
}

/// Bytes to append, and whom to tell once they are on the disk.
type Append = (Vec<u8>, Option<oneshot::Sender<()>>);

/// The journal of a run.
pub(super) struct Journal {
    record: Mutex<Record>,
    file: Option<Syncing>,
}

struct Syncing {
    appends: mpsc::Sender<Append>,
    thread: JoinHandle<std::io::Result<()>>,
    path: PathBuf,
}

impl Journal {
    /// Begins one, in a new file if there is to be one.
    pub(super) fn begin(run: Run, path: Option<&Path>) -> Result<Self, CliError> {
        let file = path.map(Syncing::to).transpose()?;
        let journal = Self {
            record: Mutex::new(Record { run: run.clone(), sent: Vec::new(), attempts: Vec::new() }),
            file,
        };
        journal.append(&Line::Run(run), None);
        Ok(journal)
    }

    /// Notes a delivery, and waits until it is on the disk.
    pub(super) async fn sends(&self, sent: Sent) -> Result<(), CliError> {
        let (tell, told) = oneshot::channel();
        self.append(&Line::Delivery(sent.clone()), Some(tell));
        self.record().sent.push(sent);
        match &self.file {
            // The thread ends early only if it cannot write; `end` says why.
            Some(file) => told.await.map_err(|_| {
                CliError::Simulation(format!("{} cannot be written", file.path.display()))
            }),
            None => Ok(()),
        }
    }

    /// Notes a call. Should it not reach the disk, the delivery counts as sent without an answer.
    pub(super) fn calls(&self, attempt: Attempt) {
        self.append(&Line::Attempt(attempt.clone()), None);
        self.record().attempts.push(attempt);
    }

    /// Ends it: all of it is on the disk.
    pub(super) fn end(self) -> Result<Record, CliError> {
        if let Some(Syncing { appends, thread, path }) = self.file {
            drop(appends);
            let ended =
                thread.join().unwrap_or_else(|_| Err(std::io::Error::other("it broke off")));
            ended.map_err(|cause| CliError::Io {
                what: format!("{} cannot be written", path.display()),
                cause,
            })?;
        }
        Ok(self.record.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, line: &Line, tell: Option<oneshot::Sender<()>>) {
        let Some(file) = &self.file else { return };
        let Ok(mut bytes) = serde_json::to_vec(line) else { return };
        bytes.push(b'\n');
        // The thread is gone only if it could not write, which `end` tells.
        let _ = file.appends.send((bytes, tell));
    }
}

impl Syncing {
    fn to(path: &Path) -> Result<Self, CliError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // The bodies hold what a lender's do: addresses of signing sessions, tokens.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|cause| CliError::Io {
            what: format!("{} cannot be created", path.display()),
            cause,
        })?;
        let (appends, asked) = mpsc::channel();
        let thread = std::thread::spawn(move || write_all(file, &asked));
        Ok(Self { appends, thread, path: path.to_owned() })
    }
}

/// Writes what has gathered, syncs once, and tells those who wait.
fn write_all(mut file: File, asked: &mpsc::Receiver<Append>) -> std::io::Result<()> {
    while let Ok(first) = asked.recv() {
        let gathered: Vec<Append> = [first].into_iter().chain(asked.try_iter()).collect();
        let bytes: Vec<u8> = gathered.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        file.write_all(&bytes)?;
        file.sync_data()?;
        for tell in gathered.into_iter().filter_map(|(_, tell)| tell) {
            // Nobody waits any more if the run has ended.
            let _ = tell.send(());
        }
    }
    Ok(())
}
