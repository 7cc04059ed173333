//! What a log says of itself under its signature: how many leaves, and their root. Source: C2SP
//! tlog-checkpoint (c2sp.org/tlog-checkpoint).

use std::fmt;

use crate::{
    Hash,
    note::{Note, NoteError, SignerKey, VerifierKey},
    tree::{MAX_SIZE, verify::Head},
};

/// The head of a log at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: see [`origin`].
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// Lines for whoever understands them; none is empty.
    pub extensions: Vec<String>,
}

/// Why a checkpoint is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It is not signed as it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is not spelled as a checkpoint.
    #[error("this is not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is of another log.
    #[error("the checkpoint is of the log {found:?}, and not of {expected:?}")]
    Origin {
        /// Which log it should be of.
        expected: String,
        /// Which one it is of.
        found: String,
    },
}

/// The origin of the log of a source: the key's name, a slash, the source.
pub fn origin(key: &VerifierKey, source: &str) -> String {
    format!("{}/{source}", key.name())
}

impl Checkpoint {
    /// What proofs are verified against.
    pub fn head(&self) -> Head {
        Head { size: self.size, root: self.root }
    }

    /// The checkpoint as a signed note.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] if its origin or an extension is no line, or its size too large.
    pub fn sign(&self, key: &SignerKey) -> Result<String, CheckpointError> {
        let text = self.to_string();
        if Self::parse(&text).as_ref() != Ok(self) {
            return Err(CheckpointError::Malformed("what it says is not one line each"));
        }
        Ok(Note::new(&text)?.signed(key).to_string())
    }

    /// The checkpoint of a signed note, verified: signed by that key.
    ///
    /// Of which log it is, is not looked at: [`Self::of_log`].
    ///
    /// # Errors
    /// [`CheckpointError`] if it is not, or is no checkpoint.
    pub fn verified(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::parse(Note::parse(note)?.verified(key)?)
    }

    /// The same, if it is of that log.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] if it is not.
    pub fn of_log(self, origin: &str) -> Result<Self, CheckpointError> {
        if self.origin == origin {
            return Ok(self);
        }
        Err(CheckpointError::Origin { expected: origin.to_owned(), found: self.origin })
    }

    /// The checkpoint of its text, without signatures.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] for any other spelling than the one it is written in.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let text = text.strip_suffix('\n').ok_or(malformed("it does not end with a newline"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed("it has fewer than three lines"));
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(malformed("a line is empty"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(malformed("its size is no number"))?,
            root: root.parse().map_err(|_| malformed("its root is no hash"))?,
            extensions,
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, extensions } = self;
        write!(f, "{origin}\n{size}\n{root}\n")?;
        extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A number in its one spelling: no sign, no leading zero.
fn decimal(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok().filter(|size| *size <= MAX_SIZE)?;
    (size.to_string() == text).then_some(size)
}
