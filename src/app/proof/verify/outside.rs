//! Checkpoints, wherever they are kept.

use std::{fs, path::PathBuf};

use creditrail_proof::{Hash, checkpoint::Checkpoint};

use super::{VerifyError, read};
use crate::app::proof::{checkpoints::Checkpoints, sinks::To};

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) size: i64,
    pub(super) root: Hash,
    /// Where it is kept.
    pub(super) kept: String,
    pub(super) is_outside: bool,
}

/// A note that is not verified yet.
pub(super) struct Note {
    pub(super) text: String,
    pub(super) kept: String,
    is_outside: bool,
    /// Whether a file was named that may be of any log.
    is_given: bool,
}

impl Note {
    pub(super) fn in_database(text: String) -> Self {
        Self { text, kept: "in the database".to_owned(), is_outside: false, is_given: false }
    }

    pub(super) fn known(self, checkpoint: &Checkpoint) -> Known {
        let size = i64::try_from(checkpoint.size).unwrap_or(i64::MAX);
        Known { size, root: checkpoint.root, kept: self.kept, is_outside: self.is_outside }
    }

    /// Whether it was given for all logs, and is of another one.
    pub(super) fn may_be_of_another(&self, origin: &str) -> bool {
        self.is_given && self.text.lines().next().is_some_and(|first| first != origin)
    }
}

/// Those in files that were named.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<Note>, VerifyError> {
    let note = |path: &PathBuf| {
        let kept = format!("in {}", path.display());
        Ok(Note { text: read(path)?, kept, is_outside: true, is_given: true })
    };
    paths.iter().map(note).collect()
}

/// Those that this service has outside the database: what it remembers, and folders that took them.
pub(super) fn of_service(checkpoints: &Checkpoints, log: &str) -> Result<Vec<Note>, VerifyError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    paths.extend(checkpoints.memory_of(log).filter(|path| path.exists()));
    for sink in &checkpoints.sinks {
        let To::Folder(folder) = &sink.to else { continue };
        // A folder that is not there has taken nothing: the status tells.
        let Ok(entries) = fs::read_dir(folder.join(log)) else { continue };
        let files = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|ending| ending == "checkpoint"))
            .collect();
        files.sort_unstable();
        paths.extend(files);
    }
    let note = |path: PathBuf| {
        let kept = format!("in {}", path.display());
        Ok(Note { text: read(&path)?, kept, is_outside: true, is_given: false })
    };
    paths.into_iter().map(note).collect()
}
