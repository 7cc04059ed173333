//! Checkpoints, wherever they are kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use creditrail_proof::{Hash, checkpoint::Checkpoint};

use super::{Against, Creditrail, Given, VerifyError, read};
use crate::app::proof::{checkpoints::Checkpoints, sinks::To};

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) size: i64,
    pub(super) root: Hash,
    /// Where it is kept.
    pub(super) kept: String,
    pub(super) is_outside: bool,
    /// The file, if it was named.
    given: Option<PathBuf>,
}

/// A note that is not verified yet.
pub(super) struct Note {
    pub(super) text: String,
    pub(super) kept: String,
    is_outside: bool,
    /// The file, if it was named: it may be of any log.
    given: Option<PathBuf>,
}

impl Known {
    /// The file that was given, if it was.
    pub(super) fn given(&self) -> Option<Given> {
        let file = self.given.as_ref()?.display().to_string();
        Some(Given { file, size: self.size })
    }
}

impl Note {
    pub(super) fn in_database(text: String) -> Self {
        Self { text, kept: "in the database".to_owned(), is_outside: false, given: None }
    }

    pub(super) fn known(self, checkpoint: &Checkpoint) -> Known {
        let size = i64::try_from(checkpoint.size).unwrap_or(i64::MAX);
        let Self { kept, is_outside, given, .. } = self;
        Known { size, root: checkpoint.root, kept, is_outside, given }
    }

    /// Whether it was given for all logs, and is of another one.
    pub(super) fn may_be_of_another(&self, origin: &str) -> bool {
        self.given.is_some() && !is_of(&self.text, origin)
    }
}

/// Whether a note says that it is of a log. Its signature is another question.
fn is_of(note: &str, origin: &str) -> bool {
    note.lines().next() == Some(origin)
}

impl Creditrail {
    /// That each file that is given says that it is of one of these logs, so that all are held against
    /// something.
    ///
    /// # Errors
    /// [`VerifyError::HeldAgainstNothing`] names the first that is of none; [`VerifyError::NoKey`].
    pub fn belong(&self, against: &Against<'_>, logs: &[String]) -> Result<(), VerifyError> {
        if against.checkpoints.is_empty() {
            return Ok(());
        }
        let key = against.key.or_else(|| self.checkpoints.verifier()).ok_or(VerifyError::NoKey)?;
        let origins = logs.iter().map(|log| creditrail_proof::checkpoint::origin(key, log));
        let origins: Vec<String> = origins.collect();
        let is_of_none = |path: &Path| -> Result<bool, VerifyError> {
            let note = read(path)?;
            Ok(!origins.iter().any(|origin| is_of(&note, origin)))
        };
        for path in against.checkpoints {
            if is_of_none(path)? {
                let (path, origins) = (path.clone(), origins.join(", "));
                return Err(VerifyError::HeldAgainstNothing { path, origins });
            }
        }
        Ok(())
    }
}

/// Those in files that were named.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<Note>, VerifyError> {
    let note = |path: &PathBuf| {
        let kept = format!("in {}", path.display());
        Ok(Note { text: read(path)?, kept, is_outside: true, given: Some(path.clone()) })
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
        Ok(Note { text: read(&path)?, kept, is_outside: true, given: None })
    };
    paths.into_iter().map(note).collect()
}
