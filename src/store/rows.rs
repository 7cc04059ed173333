//! What a store is given to write, and what it gives back.

use std::cmp::Ordering;

use creditrail_domain::Event;
use creditrail_projections::{Change, StreamId, Table};
use jiff::Timestamp;
use uuid::Uuid;

use super::{DataKey, Erased};

/// The head of a source's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position of the newest event; 0 before the first.
    pub position: i64,
    /// How many distinct deliveries are kept.
    pub deliveries: i64,
    /// How many deliveries were received, repetitions included.
    pub received: i64,
    /// When the newest event was recorded.
    pub recorded_at: Timestamp,
}

impl Head {
    /// Before the first event.
    pub const EMPTY: Self =
        Self { position: 0, deliveries: 0, received: 0, recorded_at: Timestamp::UNIX_EPOCH };
}

/// A delivery to be kept.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// Derived from source, key and content.
    pub delivery_id: String,
    /// The order of arrival within the source, from 1.
    pub number: i64,
    /// Under which a repetition is found.
    pub dedup_key: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// Which secret verified it.
    pub secret_id: String,
    /// Its headers as they are stored: the mark of what is sealed with it, or as JSON, credentials
    /// masked.
    pub headers: String,
    /// Its body as it is stored: sealed with the headers, or of an older row as it came.
    pub body: bytes::Bytes,
    /// What became of it on arrival.
    pub outcome: &'static str,
    /// The position of the event that recorded it.
    pub first_position: i64,
    /// The position of the last event that it caused.
    pub position: i64,
    /// The stream on which it was recorded.
    pub stream: StreamId,
    /// How often it was received again.
    pub repeats: i64,
    /// When it was received last.
    pub last_received_at: Timestamp,
}

/// What is known of a delivery that was received before.
#[derive(Clone, Debug)]
pub struct KnownDelivery {
    /// Its id, or of one that was redriven the id of its step: by which a repetition is told.
    pub step_id: String,
    /// The id under which it is kept.
    pub delivery_id: String,
    /// Its key.
    pub dedup_key: String,
    /// The stream on which it was recorded.
    pub stream: StreamId,
    /// The position of the last event that it caused.
    pub position: i64,
}

/// A delivery that could not be read when it was received, and now can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivenRow {
    /// The id under which it is kept.
    pub delivery_id: String,
    /// The id of the step that it says.
    pub step_id: String,
    /// Under which a repetition of the step is found.
    pub dedup_key: String,
    /// The position of the event that recorded the step; `None` if another delivery had brought it.
    pub first_position: Option<i64>,
    /// The position of the event that tells that it was redriven.
    pub position: i64,
    /// The stream of the step.
    pub stream: StreamId,
}

/// An event to be appended.
#[derive(Debug)]
pub struct NewEvent {
    /// The stream.
    pub stream: StreamId,
    /// The place in the stream, from 1.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The delivery that caused it, if one did.
    pub delivery_id: Option<String>,
    /// What happened.
    pub event: Event,
}

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct RawEvent {
    /// The place in the log of the source.
    pub position: i64,
    /// The kind of aggregate.
    pub aggregate_type: String,
    /// `source/external-id`.
    pub aggregate_id: String,
    /// The place in the stream.
    pub sequence: i64,
    /// The name of the event.
    pub event_type: String,
    /// The version that it was written in.
    pub event_version: String,
    /// The event as JSON.
    pub payload: String,
    /// What else is known of it, as JSON.
    pub metadata: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// What a batch writes.
#[derive(Debug)]
pub struct Written {
    /// Deliveries to be kept.
    pub deliveries: Vec<DeliveryRow>,
    /// Deliveries of earlier batches that were received again: id, how often, and when last.
    pub repeats: Vec<(String, i64, Timestamp)>,
    /// Deliveries of earlier batches that can be read now.
    pub redriven: Vec<RedrivenRow>,
    /// Secrets that stood in the deliveries. One that is there already stays.
    pub secrets: Vec<SealedSecret>,
    /// Data keys under which deliveries of this batch are sealed, and which are new.
    pub data_keys: Vec<DataKey>,
    /// What is destroyed.
    pub erased: Erased,
    /// Calls that are deliveries now: they leave the ring.
    pub accepted: Vec<RejectedPlace>,
    /// Events to be appended after the head, in this order.
    pub events: Vec<NewEvent>,
    /// The head then; its time is the time of recording of the events.
    pub head: Head,
}

/// Where a stream stands among those that have a deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The deadline, in microseconds since 1970.
    pub at: i64,
    /// The key of its row.
    pub key: String,
}

/// A secret out of a body, sealed.
#[derive(Clone, Debug)]
pub struct SealedSecret {
    /// What stands in its place.
    pub reference: Uuid,
    /// The field in which it stood.
    pub field: String,
    /// The key that sealed it.
    pub key_id: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// What readers write in one transaction: rows by table, and how far they are then.
#[derive(Debug, Default)]
pub struct Projected {
    /// The changes of each table, in the order in which they are to be written.
    pub changes: Vec<(&'static Table, Vec<Change>)>,
    /// For each reader where it was and where it is then. If one has been moved in between, by
    /// another instance or by a rebuild, nothing is written.
    pub bookmarks: Vec<(ReaderName, i64, i64)>,
    /// Who is to hold the bookmarks, of which nothing is written if another does; `None` if that does
    /// not matter. Only where several instances may share a database.
    pub holder: Option<String>,
}

/// The name of a bookmark.
pub type ReaderName = std::borrow::Cow<'static, str>;

/// A call that was not accepted.
#[derive(Clone, Debug)]
pub struct RejectedCall {
    /// When it was received.
    pub received_at: Timestamp,
    /// Why it was not accepted: a stable code.
    pub cause: &'static str,
    /// Its headers as JSON, credentials masked.
    pub headers: String,
    /// Its body, sealed as a whole, if the call failed authentication.
    pub body: Option<bytes::Bytes>,
    /// All its headers, sealed, if the body is kept.
    pub sealed_headers: Option<bytes::Bytes>,
}

/// Which call of a ring is meant. The number alone may be given anew once the newest is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedPlace {
    /// The place.
    pub number: i64,
    /// When it was received.
    pub received_at: Timestamp,
}

/// A call of the ring with what is sealed of it.
#[derive(Clone, Debug)]
pub struct SealedCall {
    /// Which.
    pub place: RejectedPlace,
    /// Why it was not accepted.
    pub cause: String,
    /// Its body, sealed as a whole.
    pub body: Option<Vec<u8>>,
    /// Its headers, sealed.
    pub sealed_headers: Option<Vec<u8>>,
}

/// Which rows of a list come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The oldest.
    Oldest,
    /// Of exceptions, those with the most at stake, in minor units of whatever currency.
    Stake,
    /// Of what is counted, what runs out first.
    Due,
}

impl Order {
    /// How a row behind another compares with it.
    pub(crate) const fn behind(self) -> &'static str {
        match self {
            Self::Newest | Self::Stake => "<",
            Self::Oldest | Self::Due => ">",
        }
    }

    /// The column of a read model by which its rows are in order, before their key.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "first_position",
            Self::Stake => "stake",
            Self::Due => "due_at",
        }
    }

    /// Which of two places in one timeline comes first.
    pub(crate) fn in_time(self, one: &Cursor, other: &Cursor) -> Ordering {
        let (one, other) = ((one.place, &one.key), (other.place, &other.key));
        match self {
            Self::Oldest | Self::Due => one.cmp(&other),
            Self::Newest | Self::Stake => other.cmp(&one),
        }
    }

    /// The direction in SQL.
    pub(crate) const fn direction(self) -> &'static str {
        match self {
            Self::Newest | Self::Stake => "DESC",
            Self::Oldest | Self::Due => "ASC",
        }
    }
}

/// One page of a list: rows of one table.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The sources to list, in order.
    pub sources: Vec<String>,
    /// Columns and the values that they must have.
    pub filters: Vec<(&'static str, String)>,
    /// A column, and the values of which it must have one.
    pub among: Option<(&'static str, Vec<String>)>,
    /// Which rows come first.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// How many rows at the most.
    pub limit: usize,
}

/// Where a page ended. It names a row, so rows that come later do not shift it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The source of the last row.
    pub source: String,
    /// What the list is sorted by, of the last row.
    pub place: i64,
    /// The key of the last row.
    pub key: String,
}

/// A row of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Where it stands in the list.
    pub cursor: Cursor,
    /// Its document, as JSON.
    pub document: String,
}

/// A row of findings that another one of its customer may settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// Its key.
    pub key: String,
    /// Where it stands in its list.
    pub first_position: i64,
    /// The list.
    pub list: String,
    /// What it is.
    pub code: String,
    /// Whom it is about.
    pub customer_id: String,
    /// When it begins to stand, in microseconds since 1970.
    pub stands_from: i64,
    /// What settles it: `card` or `decision`.
    pub unless: String,
    /// Its document, as JSON.
    pub document: String,
}

/// A delivery as it was received.
#[derive(Clone, Debug)]
pub struct KeptDelivery {
    /// Its row.
    pub row: DeliveryRow,
    /// The id of the step that it says, if it was redriven.
    pub redriven_as: Option<String>,
    /// Its row in the timeline, as JSON; `None` until the read model is there.
    pub document: Option<String>,
}

/// How far a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The reader.
    pub reader: String,
    /// The position that it has passed.
    pub position: i64,
    /// Whether whoever asked is the one to run it.
    pub is_mine: bool,
}

/// Where a reader is, and how long the next event has been waiting for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The reader.
    pub reader: String,
    /// The position that it has passed.
    pub position: i64,
    /// When the event after it was recorded; `None` at the head.
    pub next_at: Option<Timestamp>,
}

/// A kept call that was not accepted, with its place in the ring.
#[derive(Clone, Debug)]
pub struct RejectedRow {
    /// The place, rising.
    pub number: i64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Why it was not accepted.
    pub cause: String,
    /// Its headers as JSON.
    pub headers: String,
    /// How long its body was; `None` if it was not kept.
    pub body_bytes: Option<i64>,
    /// Whether it is kept whole, so that it can be verified again.
    pub is_whole: bool,
}
