//! Whether a bundle is what it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Bundle, FORMAT, PAGE, StreamName, page};
use crate::{
    Hash,
    checkpoint::{Checkpoint, CheckpointError, origin},
    leaf::{DeliveryEntry, Entry, leaf},
    note::VerifierKey,
    sealed::{self, SealError},
    shown,
    time::utc,
    tree::verify::{Leaf, ProofError, verify_inclusion},
};

/// Why a bundle is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is no JSON, or has other fields.
    #[error("bundle.json cannot be read: {0}")]
    Unreadable(String),
    /// It is of a form that this verifier does not know.
    #[error("the form of the bundle is {0:?}, and this verifier knows {FORMAT:?}")]
    Format(String),
    /// The checkpoint is not to be believed.
    #[error("the checkpoint does not hold")]
    Checkpoint(#[from] CheckpointError),
    /// It proves nothing.
    #[error("the bundle has no events")]
    Empty,
    /// Something is of another source.
    #[error("{what} is of the source {found:?}, and the bundle of {expected:?}")]
    Source {
        /// The event or the delivery.
        what: String,
        /// The source of the bundle.
        expected: String,
        /// The source of the event or the delivery.
        found: String,
    },
    /// The events are not in the order of their positions, or one is there twice.
    #[error("event {position} stands behind event {before}; positions rise")]
    Order {
        /// The position before.
        before: i64,
        /// The position.
        position: i64,
    },
    /// No log has such a position.
    #[error("event {0} has a position that no log has")]
    Position(i64),
    /// The event is not in the log, or not as it is told.
    #[error("event {position} is not in the log as it stands here")]
    NotIncluded {
        /// Its position.
        position: i64,
        /// What the proof says.
        #[source]
        cause: ProofError,
    },
    /// A delivery that no event of the bundle recorded.
    #[error(
        "delivery {delivery} belongs to no event of the bundle: event {position} recorded none"
    )]
    Stray {
        /// Its id.
        delivery: String,
        /// The event that it names.
        position: i64,
    },
    /// A delivery that stands there twice.
    #[error("delivery {0} is enclosed more than once")]
    Twice(String),
    /// A delivery that is not as it was recorded.
    #[error(
        "delivery {delivery} is not the one that event {position} recorded: \
         its digest is {found}, and the event has {expected}"
    )]
    Digest {
        /// Its id.
        delivery: String,
        /// The event that recorded it.
        position: i64,
        /// What the event has.
        expected: Hash,
        /// What the delivery has.
        found: Hash,
    },
    /// A key that opens no enclosed delivery, or one that another one opens too.
    #[error("the bundle has a key for delivery {0}, which is not enclosed, or has two")]
    Key(String),
    /// A delivery does not open with its key.
    #[error("delivery {delivery} does not open with the key that is enclosed")]
    Opening {
        /// Its id.
        delivery: String,
        /// Why.
        #[source]
        cause: SealError,
    },
    /// A delivery is missing, and the bundle does not say so.
    #[error("the delivery that event {0} recorded is not enclosed, and the bundle does not say so")]
    NotEnclosed(i64),
    /// A delivery is said to be missing, which it is not.
    #[error(
        "the bundle says that the delivery of event {0} is not enclosed: there is none missing"
    )]
    NotMissing(i64),
    /// The events of a stream are not all there, and the bundle does not say that it is cut.
    #[error(
        "event {position} is number {found} of its stream {stream}, and {expected} would be next; \
         the bundle does not say that the stream is cut"
    )]
    Sequence {
        /// The position of the event.
        position: i64,
        /// Its stream.
        stream: String,
        /// The number that would be next.
        expected: i64,
        /// The number that it has.
        found: i64,
    },
    /// A stream is said to be cut that has no event here, or stands there twice.
    #[error("the bundle says that {0} is cut, and it has no event of it, or says so twice")]
    Cut(String),
    /// The bundle is about something of which it has no events.
    #[error("the bundle is about {kind} {id}, and no event of it is of that {kind}")]
    About {
        /// The kind.
        kind: String,
        /// The id.
        id: String,
    },
    /// The page tells something else than the bundle.
    #[error("{PAGE} is not the page of this bundle: they differ from line {line} on")]
    Page {
        /// The first line that differs, from 1.
        line: usize,
    },
}

impl BundleError {
    pub(super) fn unreadable(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// What was found when a bundle was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The log.
    pub origin: String,
    /// How many events the log had at the checkpoint.
    pub size: u64,
    /// What the bundle is about.
    pub about: String,
    /// Whether events bear witness of what it is about: the kind is that of a stream. Else it is a label.
    pub is_about_proven: bool,
    /// How many events it has.
    pub events: usize,
    /// Of how many streams.
    pub streams: usize,
    /// Of how many streams events are left out.
    pub cut: usize,
    /// How many deliveries are enclosed.
    pub deliveries: usize,
    /// How many of them are sealed, and no key is enclosed.
    pub sealed: usize,
    /// How many deliveries are not enclosed.
    pub not_enclosed: usize,
    /// When the first and the last of the events were recorded, in microseconds since 1970.
    pub recorded: (i64, i64),
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, events, streams, deliveries, .. } = self;
        let (origin, about) = (shown::line(&self.origin), shown::line(&self.about));
        writeln!(f, "The bundle holds. It is about {about}.")?;
        writeln!(f, "Log: {origin}. Its checkpoint is signed by the key, over {size} events.")?;
        writeln!(
            f,
            "Events: {events}, of {streams} streams; each is in that log at its position."
        )?;
        let (first, last) = self.recorded;
        writeln!(f, "Recorded: from {} to {}.", utc(first), utc(last))?;
        writeln!(f, "Deliveries: {deliveries}; each is the one that its event recorded.")?;
        if self.sealed > 0 {
            let sealed = self.sealed;
            writeln!(f, "Sealed: {sealed} of them; what they say is not told, or was erased.")?;
        }
        if self.not_enclosed > 0 {
            writeln!(f, "Not enclosed: {} deliveries of these events.", self.not_enclosed)?;
        }
        if self.cut > 0 {
            writeln!(f, "Cut: of {} streams, events are left out.", self.cut)?;
        }
        if !self.is_about_proven {
            writeln!(f, "What it is about is a label: no event says it.")?;
        }
        writeln!(f, "The page tells what the bundle has, and nothing else.")?;
        write!(f, "Not proven: that no later events exist, nor what the notes say.")
    }
}

/// That the bundle holds: its checkpoint is signed by that key and of that log, or of the one that the
/// key's name and the bundle's source name; all its events are in it; its deliveries are those that
/// they recorded; and its page is its page.
///
/// # Errors
/// [`BundleError`] with the first that does not hold.
pub fn verify(
    bundle: &Bundle<'_>,
    html: &str,
    key: &VerifierKey,
    log: Option<&str>,
) -> Result<Checked, BundleError> {
    let of_source = origin(key, &bundle.source);
    let checkpoint = Checkpoint::verified(&bundle.checkpoint, key)?;
    let checkpoint = checkpoint.of_log(log.unwrap_or(&of_source))?;
    let recorded = events(bundle, &checkpoint)?;
    let not_enclosed = deliveries(bundle)?;
    let sealed = openings(bundle)?;
    let streams = streams(bundle)?;
    let is_about_proven = about(bundle)?;
    same_page(&page(bundle), html)?;
    Ok(Checked {
        origin: checkpoint.origin,
        size: checkpoint.size,
        about: format!("{} {}", bundle.kind, bundle.id),
        is_about_proven,
        events: bundle.events.len(),
        streams,
        cut: bundle.cut.len(),
        deliveries: bundle.deliveries.len(),
        sealed,
        not_enclosed,
        recorded,
    })
}

/// Each event is in the log, in order. Tells when the first and the last were recorded.
fn events(bundle: &Bundle<'_>, checkpoint: &Checkpoint) -> Result<(i64, i64), BundleError> {
    let mut before = 0;
    for proven in &bundle.events {
        let position = proven.event.position;
        of_source(bundle, &proven.event.source, || format!("event {position}"))?;
        let index = position.checked_sub(1).and_then(|index| u64::try_from(index).ok());
        let index = index.ok_or(BundleError::Position(position))?;
        if position <= before {
            return Err(BundleError::Order { before, position });
        }
        let leaf = Leaf { index, hash: leaf(&proven.event) };
        verify_inclusion(leaf, checkpoint.head(), &proven.proof)
            .map_err(|cause| BundleError::NotIncluded { position, cause })?;
        before = position;
    }
    match (bundle.events.first(), bundle.events.last()) {
        (Some(first), Some(last)) => Ok((first.event.recorded_at, last.event.recorded_at)),
        _ => Err(BundleError::Empty),
    }
}

/// Each delivery is the one that its event recorded, and those that are missing are named. Tells how
/// many are.
fn deliveries(bundle: &Bundle<'_>) -> Result<usize, BundleError> {
    let digests = bundle.events.iter().map(|proven| &proven.event);
    let digests = digests.filter_map(|event| Some((event.position, event.delivery?)));
    let mut missing: BTreeMap<i64, Hash> = digests.collect();
    let mut enclosed = BTreeSet::new();
    for entry in &bundle.deliveries {
        let delivery = entry.delivery_id.clone().into_owned();
        let position = entry.first_position;
        of_source(bundle, &entry.source, || format!("delivery {delivery}"))?;
        if enclosed.contains(&position) {
            return Err(BundleError::Twice(delivery));
        }
        let Some(expected) = missing.remove(&position) else {
            return Err(BundleError::Stray { delivery, position });
        };
        let found = entry.digest();
        if found != expected {
            return Err(BundleError::Digest { delivery, position, expected, found });
        }
        enclosed.insert(position);
    }
    for position in &bundle.deliveries_not_enclosed {
        missing.remove(position).ok_or(BundleError::NotMissing(*position))?;
    }
    match missing.first_key_value() {
        Some((position, _)) => Err(BundleError::NotEnclosed(*position)),
        None => Ok(bundle.deliveries_not_enclosed.len()),
    }
}

/// Each key opens its delivery. Tells how many deliveries stay sealed.
fn openings(bundle: &Bundle<'_>) -> Result<usize, BundleError> {
    let is_sealed = |entry: &&DeliveryEntry<'_>| sealed::key_id(&entry.headers).is_some();
    let sealed = bundle.deliveries.iter().filter(is_sealed);
    let mut sealed: BTreeMap<&str, &DeliveryEntry<'_>> =
        sealed.map(|entry| (entry.delivery_id.as_ref(), entry)).collect();
    for opening in &bundle.openings {
        let delivery = opening.delivery_id.clone();
        let Some(entry) = sealed.remove(delivery.as_str()) else {
            return Err(BundleError::Key(delivery));
        };
        opening.content(entry).map_err(|cause| BundleError::Opening { delivery, cause })?;
    }
    Ok(sealed.len())
}

/// The events of each stream are there from the first on, unless it is said to be cut. Tells how many
/// streams there are.
fn streams(bundle: &Bundle<'_>) -> Result<usize, BundleError> {
    let mut cut = BTreeSet::new();
    for stream in &bundle.cut {
        if !cut.insert(stream) {
            return Err(BundleError::Cut(name(stream)));
        }
    }
    let mut last: BTreeMap<StreamName, i64> = BTreeMap::new();
    for event in bundle.events.iter().map(|proven| &proven.event) {
        let (stream, found) = (StreamName::of(event), event.sequence);
        let before = last.get(&stream).copied().unwrap_or(0);
        let expected = before.saturating_add(1);
        let is_next = found == expected || (cut.contains(&stream) && found > before);
        if !is_next {
            let (position, stream) = (event.position, name(&stream));
            return Err(BundleError::Sequence { position, stream, expected, found });
        }
        last.insert(stream, found);
    }
    match bundle.cut.iter().find(|stream| !last.contains_key(stream)) {
        Some(stream) => Err(BundleError::Cut(name(stream))),
        None => Ok(last.len()),
    }
}

/// If the kind is that of one of the streams, one of them is the thing itself. Else nothing in the log
/// says what the bundle is about.
fn about(bundle: &Bundle<'_>) -> Result<bool, BundleError> {
    let Bundle { kind, id, source, .. } = bundle;
    let of_kind = |event: &&Entry<'_>| event.aggregate_type == *kind;
    let ids = bundle.events.iter().map(|proven| &proven.event).filter(of_kind);
    let ids: BTreeSet<&str> = ids.map(|event| event.aggregate_id.as_ref()).collect();
    let is_there = ids.contains(id.as_str()) || ids.contains(format!("{source}/{id}").as_str());
    if !ids.is_empty() && !is_there {
        return Err(BundleError::About { kind: kind.clone(), id: id.clone() });
    }
    Ok(is_there)
}

fn of_source(
    bundle: &Bundle<'_>,
    found: &str,
    what: impl FnOnce() -> String,
) -> Result<(), BundleError> {
    if found == bundle.source {
        return Ok(());
    }
    let (expected, found) = (bundle.source.clone(), found.to_owned());
    Err(BundleError::Source { what: what(), expected, found })
}

fn same_page(expected: &str, found: &str) -> Result<(), BundleError> {
    if expected == found {
        return Ok(());
    }
    let same = expected.split('\n').zip(found.split('\n')).take_while(|(a, b)| a == b);
    Err(BundleError::Page { line: same.count() + 1 })
}

fn name(stream: &StreamName) -> String {
    format!("{} {}", stream.aggregate_type, stream.aggregate_id)
}
