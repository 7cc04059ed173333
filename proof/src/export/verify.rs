//! Whether an export is what it says.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, BufRead, Read as _},
};

use sha2::{Digest as _, Sha256};

use super::{EVENTS, FORMAT, FORMAT_V1, File, Manifest};
use crate::{
    checkpoint::{Checkpoint, CheckpointError, origin},
    leaf::{Entry, leaf},
    note::VerifierKey,
    shown,
    time::utc,
    tree::verify::{Head, ProofError, Range},
};

/// The longest line that is read, in bytes. A payload is far below it.
const LONGEST_LINE: u64 = 64 << 20;

/// Why an export is not to be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It is no JSON, or has other fields.
    #[error("manifest.json cannot be read: {0}")]
    Unreadable(String),
    /// It is of a form that this verifier does not know.
    #[error("the form of the export is {0:?}, and this verifier knows {FORMAT:?}")]
    Format(String),
    /// The checkpoint is not to be believed.
    #[error("the checkpoint does not hold")]
    Checkpoint(#[from] CheckpointError),
    /// No range of a log.
    #[error("positions {from} to {to} are no range of a log")]
    Positions {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// It has filters and a range proof, or neither.
    #[error("an export has a range proof or filters, and never both")]
    RangeOrFilters,
    /// A file has a name that leads elsewhere, or stands there twice.
    #[error("{0:?} is no name of a file of an export, or stands there twice")]
    FileName(String),
    /// The events are not there.
    #[error("the manifest does not name {EVENTS}")]
    NoEvents,
    /// A file cannot be read.
    #[error("{name} cannot be read")]
    Io {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file is not the one of the manifest.
    #[error("{name}: its {what} is {found}, and the manifest has {expected}")]
    File {
        /// Its name.
        name: String,
        /// `SHA-256`, `number of bytes`, `number of lines` or `number of rows`.
        what: &'static str,
        /// What the manifest has.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A line is no event.
    #[error("{EVENTS}, line {line}: {why}")]
    Line {
        /// From 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// An event is of another source.
    #[error("event {position} is of the source {found:?}, and the export of {expected:?}")]
    Source {
        /// Its position.
        position: i64,
        /// The source of the export.
        expected: String,
        /// The source of the event.
        found: String,
    },
    /// An event is missing, is there twice, or stands elsewhere.
    #[error("{EVENTS}, line {line}: position {expected} comes here, and there is {found}")]
    Position {
        /// From 1.
        line: u64,
        /// The position that is next; of a filtered export, at least.
        expected: i64,
        /// The position that is there.
        found: i64,
    },
    /// The events end before the manifest says.
    #[error("the events end before position {expected}")]
    Ends {
        /// The position that comes next.
        expected: i64,
    },
    /// The events are not those of the log.
    #[error("events {from} to {to} are not those of the log, or not all of them")]
    NotTheLog {
        /// The first.
        from: i64,
        /// The last.
        to: i64,
        /// What the proof says.
        #[source]
        cause: ProofError,
    },
}

/// What was found when an export was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The log.
    pub origin: String,
    /// How many events the log had at the checkpoint.
    pub size: u64,
    /// The first and the last position.
    pub positions: (i64, i64),
    /// Whether they are proven to be all events of the log from the first to the last.
    pub is_complete: bool,
    /// How many events it has.
    pub events: u64,
    /// When the first and the last event were recorded, in microseconds since 1970.
    pub recorded: Option<(i64, i64)>,
    /// The other files.
    pub others: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, positions: (from, to), events, .. } = self;
        let origin = shown::line(&self.origin);
        if self.is_complete {
            writeln!(f, "The export holds.")?;
            writeln!(f, "Log: {origin}. Its checkpoint is signed by the key, over {size} events.")?;
            writeln!(f, "Events: {events}; all of that log from {from} to {to}, unchanged.")?;
        } else {
            writeln!(f, "The files of the export are those of its manifest.")?;
            writeln!(f, "Log: {origin}. Its checkpoint is signed by the key, over {size} events.")?;
            writeln!(f, "Events: {events}, filtered, from {from} to {to}.")?;
            writeln!(f, "Not proven: that they are in that log, and that none is left out.")?;
        }
        if let Some((first, last)) = self.recorded {
            writeln!(f, "Recorded: from {} to {}.", utc(first), utc(last))?;
        }
        if !self.others.is_empty() {
            let others = self.others.join(", ");
            writeln!(f, "Other files: {others}; as the manifest has them, which nothing signs.")?;
        }
        write!(f, "Not proven: that no later events exist.")
    }
}

/// That the export holds: its checkpoint is signed by that key and of that log, or of the one that the
/// key's name and its source name; its files are those of the manifest; and its events are all of the
/// log from the first to the last, unless it is filtered.
///
/// `open` opens a file by its name. Each is read once.
///
/// # Errors
/// [`ExportError`] with the first that does not hold.
pub fn verify<R: BufRead>(
    manifest: &Manifest,
    key: &VerifierKey,
    log: Option<&str>,
    mut open: impl FnMut(&str) -> io::Result<R>,
) -> Result<Checked, ExportError> {
    let of_source = origin(key, &manifest.source);
    let checkpoint = Checkpoint::verified(&manifest.checkpoint, key)?;
    let checkpoint = checkpoint.of_log(log.unwrap_or(&of_source))?;
    names(manifest)?;
    let mut events = Events::new(manifest)?;
    let mut others = Vec::new();
    for file in &manifest.files {
        let io = |cause| ExportError::Io { name: file.name.clone(), cause };
        let reader = open(&file.name).map_err(io)?;
        if file.name == EVENTS {
            read((file, Rows::Lines), reader, |line| events.line(line))?;
        } else {
            read((file, Rows::of(manifest, &file.name)), reader, |_| Ok(()))?;
            others.push(file.name.clone());
        }
    }
    let recorded = events.recorded;
    let events = events.finish(checkpoint.head())?;
    Ok(Checked {
        origin: checkpoint.origin,
        size: checkpoint.size,
        positions: (manifest.from, manifest.to),
        is_complete: manifest.range.is_some(),
        events,
        recorded,
        others,
    })
}

/// No name leads out of the folder, none is there twice, and the events are among them.
fn names(manifest: &Manifest) -> Result<(), ExportError> {
    let mut names = BTreeSet::new();
    for File { name, .. } in &manifest.files {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name = !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain);
        if !is_name || name == super::MANIFEST || !names.insert(name.as_str()) {
            return Err(ExportError::FileName(name.clone()));
        }
    }
    if names.contains(EVENTS) { Ok(()) } else { Err(ExportError::NoEvents) }
}

/// What a row is.
#[derive(Clone, Copy)]
enum Rows {
    /// A line.
    Lines,
    /// A record of RFC 4180, in whose quoted cells lines may end; the first is the heading.
    Records,
    /// Parquet: they are hashed and not counted.
    Uncounted,
}

impl Rows {
    fn of(manifest: &Manifest, name: &str) -> Self {
        if manifest.format == FORMAT_V1 || name.ends_with(".ndjson") {
            Self::Lines
        } else if name.ends_with(".csv") {
            Self::Records
        } else {
            Self::Uncounted
        }
    }
}

/// Reads a file once: each line, and whether it is the one of the manifest.
fn read(
    (file, counts): (&File, Rows),
    mut reader: impl BufRead,
    mut line: impl FnMut(&[u8]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (mut hasher, mut buffer) = (Sha256::new(), Vec::new());
    let (mut bytes, mut rows, mut is_quoted) = (0_u64, 0_u64, false);
    loop {
        buffer.clear();
        let io = |cause| ExportError::Io { name: file.name.clone(), cause };
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut buffer).map_err(io)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer);
        bytes += read as u64;
        if matches!(counts, Rows::Records) {
            is_quoted ^= buffer.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        }
        rows += u64::from(!is_quoted && buffer.ends_with(b"\n"));
        line(&buffer)?;
    }
    let sha256: [u8; 32] = hasher.finalize().into();
    is(file, "number of bytes", file.bytes, bytes)?;
    match counts {
        Rows::Lines => is(file, "number of lines", file.rows.unwrap_or(rows), rows)?,
        Rows::Records => {
            let rows = rows.saturating_sub(1);
            is(file, "number of rows", file.rows.unwrap_or(rows), rows)?;
        }
        Rows::Uncounted => {}
    }
    is(file, "SHA-256", hex::encode(file.sha256), hex::encode(sha256))
}

fn is<T: PartialEq + ToString>(
    file: &File,
    what: &'static str,
    expected: T,
    found: T,
) -> Result<(), ExportError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(ExportError::File { name: file.name.clone(), what, expected, found })
}

/// The events, line by line.
struct Events<'a> {
    manifest: &'a Manifest,
    range: Option<Range>,
    line: u64,
    next: i64,
    recorded: Option<(i64, i64)>,
}

impl<'a> Events<'a> {
    fn new(manifest: &'a Manifest) -> Result<Self, ExportError> {
        let &Manifest { from, to, .. } = manifest;
        if manifest.range.is_some() != manifest.filters.is_empty() {
            return Err(ExportError::RangeOrFilters);
        }
        let none = ExportError::Positions { from, to };
        let index = from.checked_sub(1).and_then(|index| u64::try_from(index).ok());
        let index = index.filter(|_| from <= to && to < i64::MAX).ok_or(none)?;
        let left = manifest.range.as_ref().map(|proof| Range::new(index, proof.left.clone()));
        let range = left.transpose().map_err(|cause| not_the_log(manifest, cause))?;
        Ok(Self { manifest, range, line: 0, next: from, recorded: None })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), ExportError> {
        self.line += 1;
        let number = self.line;
        let wrong = |why: String| ExportError::Line { line: number, why };
        let text = line.strip_suffix(b"\n").ok_or_else(|| wrong("it does not end".to_owned()))?;
        let text = std::str::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
        let entry: Entry<'_> =
            serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        self.entry(&entry)
    }

    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ExportError> {
        let (found, expected) = (entry.position, self.next);
        if entry.source != self.manifest.source {
            let (expected, found) = (self.manifest.source.clone(), entry.source.to_string());
            return Err(ExportError::Source { position: entry.position, expected, found });
        }
        let is_next = if self.range.is_some() { found == expected } else { found >= expected };
        if !is_next || found > self.manifest.to {
            return Err(ExportError::Position { line: self.line, expected, found });
        }
        self.next = found + 1; // Up to the last position, which is below the largest number.
        let (first, _) = self.recorded.unwrap_or((entry.recorded_at, 0));
        self.recorded = Some((first, entry.recorded_at));
        if let Some(range) = &mut self.range {
            range.append(leaf(entry));
        }
        Ok(())
    }

    /// Tells how many events there are.
    fn finish(self, head: Head) -> Result<u64, ExportError> {
        let (Some(range), Some(proof)) = (self.range, &self.manifest.range) else {
            return Ok(self.line);
        };
        if self.next <= self.manifest.to {
            return Err(ExportError::Ends { expected: self.next });
        }
        let proven = range.finish(head, &proof.right);
        proven.map_err(|cause| not_the_log(self.manifest, cause))
    }
}

fn not_the_log(manifest: &Manifest, cause: ProofError) -> ExportError {
    ExportError::NotTheLog { from: manifest.from, to: manifest.to, cause }
}
