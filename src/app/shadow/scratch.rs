//! Where a scratch store lies, who has it, and whether one that was left behind can be gone on with.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use creditrail_projections::{READERS, Reader, Table};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    app::{Creditrail, access, replay::RebuildError},
    store::{
        Result, Store,
        sqlite::scratch::{self, Closed, Scratch},
    },
};

/// How a shadow rebuild began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// With a new file.
    New,
    /// With the file of one that was ended before it was done.
    GoesOn,
    /// With a new file in the place of one that is of no use, and why it is not.
    Anew(&'static str),
}

/// Under what the file notes whose it is.
const OF: &str = "of";

/// A scratch store that nobody else has.
pub(in crate::app) struct Held {
    pub(in crate::app) scratch: Scratch,
    closed: Closed,
    lock: PathBuf,
    _locked: File,
}

impl Held {
    /// Opens a scratch file or makes one, and keeps others from it. What is in it goes first, unless it
    /// is to be gone on with: then it is also written with care.
    async fn open(file: PathBuf, goes_on: bool) -> Result<Self, RebuildError> {
        let lock = beside(&file, ".lock");
        let locked = private(&lock).map_err(RebuildError::Scratch)?;
        match locked.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RebuildError::InUse(file)),
            Err(TryLockError::Error(error)) => return Err(RebuildError::Scratch(error)),
        }
        if !goes_on && scratch::is_there(&file)? {
            Scratch::remove(&file).map_err(RebuildError::Scratch)?;
        }
        private(&file).map_err(RebuildError::Scratch)?;
        let opened = tokio::task::spawn_blocking(move || Scratch::open(&file, goes_on)).await;
        let (scratch, closed) = opened.map_err(|error| RebuildError::Scratch(error.into()))??;
        Ok(Self { scratch, closed, lock, _locked: locked })
    }

    /// Opens a new one.
    pub(in crate::app) async fn new(file: PathBuf) -> Result<Self, RebuildError> {
        Self::open(file, false).await
    }

    /// Makes the tables that a host's readers fill.
    pub(in crate::app) async fn add_tables(&self, all: &[&'static Reader]) -> Result<()> {
        let is_own = |table: &Table| {
            let known = READERS.iter().flat_map(|known| known.models);
            known.into_iter().any(|model| model.table.name == table.name)
        };
        let tables = all.iter().flat_map(|reader| reader.models).map(|model| model.table);
        self.scratch.add_tables(tables.filter(|table| !is_own(table)).collect()).await
    }

    /// Throws it away. Nobody else has its store any more.
    pub(in crate::app) fn remove(self) -> Result<(), RebuildError> {
        let file = self.scratch.file().to_owned();
        drop(self.scratch);
        self.closed.wait();
        Scratch::remove(&file).map_err(RebuildError::Scratch)?;
        fs::remove_file(self.lock).map_err(RebuildError::Scratch)
    }
}

/// A file for nobody else's eyes: rows tell of customers. What is in it stays.
fn private(file: &Path) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Which program this is: what another one left behind, it may have made otherwise.
pub(in crate::app) fn program() -> String {
    let file = std::env::current_exe().and_then(fs::metadata);
    let file = file.map(|file| (file.len(), file.modified().ok())).ok();
    format!("{} {file:?}", env!("CARGO_PKG_VERSION"))
}

/// A file beside another one.
pub(in crate::app) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Creditrail {
    /// Where a scratch file is by default: beside a SQLite database, else in the temporary folder.
    pub(in crate::app) fn scratch_file(&self, what: &str, which: &[&'static Reader]) -> PathBuf {
        let names: Vec<_> = which.iter().map(|reader| reader.name).collect();
        let names =
            if names.is_empty() { String::new() } else { "-".to_owned() + &names.join("-") };
        beside(&self.scratch, &format!(".{what}{names}"))
    }

    /// A scratch store for a rebuild: the one that was left behind, if it is of the same logs,
    /// settings, readers and program.
    pub(in crate::app) async fn scratch(
        &self,
        file: PathBuf,
        logs: &[&str],
        all: &[&'static Reader],
    ) -> Result<(Held, Begun), RebuildError> {
        self.scratch_of(file, (logs, ""), all).await
    }

    /// As [`Self::scratch`], of the same other settings too.
    pub(in crate::app) async fn scratch_of(
        &self,
        file: PathBuf,
        (logs, settings): (&[&str], &str),
        all: &[&'static Reader],
    ) -> Result<(Held, Begun), RebuildError> {
        let was_there = scratch::is_there(&file)?;
        let mut held = Held::open(file.clone(), true).await?;
        let mut begun = if was_there { Begun::GoesOn } else { Begun::New };
        let of = self.depends_on((logs, settings), all);
        if was_there && let Some(why) = self.is_useless(&held.scratch, (logs, &of)).await? {
            held.remove()?;
            held = Held::open(file, true).await?;
            begun = Begun::Anew(why);
        }
        held.add_tables(all).await?;
        held.scratch.note(OF, of).await?;
        Ok((held, begun))
    }

    /// Why a scratch store cannot be gone on with, if so.
    async fn is_useless(
        &self,
        scratch: &Scratch,
        (logs, of): (&[&str], &String),
    ) -> Result<Option<&'static str>, RebuildError> {
        if scratch.noted(OF).await?.as_ref() != Some(of) {
            return Ok(Some("it is of other sources, readers or settings, or of another program"));
        }
        let changed = [scratch.file().to_owned(), beside(scratch.file(), "-wal")];
        let changed = changed.iter().filter_map(|file| fs::metadata(file).ok()?.modified().ok());
        let changed = changed.max().and_then(|at| Timestamp::try_from(at).ok());
        let rows: Arc<dyn Store> = scratch.store();
        for log in logs {
            let head = self.store.head(log).await?.position;
            let bookmarks = rows.claim(log, Vec::new(), "").await?;
            let bookmarks = bookmarks.iter().map(|it| it.position);
            // What is decided again has a log of its own, which may end a few places elsewhere.
            let own = rows.head(log).await?.position.min(head);
            let Some(farthest) = bookmarks.chain([own]).max().filter(|at| *at > 0) else {
                continue;
            };
            if farthest > head {
                return Ok(Some("it is beyond the head of the log"));
            }
            let last = self.store.raw_events_after(log, farthest - 1, 1).await?;
            // Whoever restores a database writes other events at the same places, later.
            let is_newer = |at| changed.is_none_or(|changed| at > changed);
            if last.first().is_none_or(|event| is_newer(event.recorded_at)) {
                return Ok(Some("the log has newer events at the places that it has read"));
            }
        }
        Ok(None)
    }

    /// What a scratch store depends on, but for the log.
    fn depends_on(&self, (logs, settings): (&[&str], &str), all: &[&'static Reader]) -> String {
        let readers: Vec<_> = all.iter().map(|reader| reader.name).collect();
        let policies = logs.iter().map(|log| {
            let known = self.sources.get(*log).filter(|_| *log != access::LOG);
            known.map(|known| &known.config.policies)
        });
        let policies: Vec<_> = policies.collect();
        let all = format!("{} {logs:?} {readers:?} {policies:?} {settings}", program());
        hex::encode(Sha256::digest(all))
    }
}
