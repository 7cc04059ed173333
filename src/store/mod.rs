//! Where the log and the read models are kept.
//!
//! [`Store`] is one interface with one contract: [`sqlite`] keeps all of it in one file, [`postgres`]
//! in a database that many instances share. What both read by the same statements is in
//! [`reading`], [`lists`], [`deliveries`], [`past`] and [`whole`]; what it is given and gives back, in
//! `rows`. SQL stays in this folder, and so does the JSON of events ([`codec`]).

pub mod codec;
pub mod customers;
pub mod deliveries;
pub mod lists;
pub mod ordered;
pub mod past;
pub mod postgres;
pub mod privacy;
pub mod proof;
pub mod reading;
mod rows;
pub mod sending;
pub mod sql;
pub mod sqlite;
pub mod whole;

use async_trait::async_trait;
use creditrail_domain::StepId;
use creditrail_projections::{Recorded, StreamId};
use jiff::Timestamp;

use self::sql::{Dialect, Look, Row, Value};
pub use self::{
    customers::{Balance, CustomerKeys, Identity},
    privacy::{DataKey, Erased},
    rows::{
        Bookmark, Cursor, DeliveryRow, Due, Head, KeptDelivery, KnownDelivery, Listed, NewEvent,
        Order, Page, Passed, Projected, RawEvent, ReaderName, RedrivenRow, RejectedCall,
        RejectedPlace, RejectedRow, SealedCall, SealedSecret, Unmatched, Written,
    },
};

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database could not be reached, or did not answer in time. Nothing was acknowledged.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// The database refused what was to be written.
    #[error("the database refused a row")]
    Constraint(#[source] Cause),
    /// An event in the log cannot be decoded.
    #[error("the event at position {position} of {origin} cannot be decoded")]
    Undecodable {
        /// The source.
        origin: String,
        /// Where it stands.
        position: i64,
        /// Why.
        #[source]
        cause: codec::DecodeError,
    },
    /// The schema is newer than this program, or was changed by another one.
    #[error("migration {number} of the database is unknown to this program")]
    UnknownMigration {
        /// The number of the migration.
        number: i64,
    },
    /// The schema is older than this program, which was told not to migrate it.
    #[error("the database has {applied} of {needed} migrations; run `creditrail migrate`")]
    NotMigrated {
        /// How many migrations it has.
        applied: i64,
        /// How many this program needs.
        needed: i64,
    },
    /// What was to be a scratch file is another one, and is left alone.
    #[error("{file} is no scratch file of this program, and is left alone", file = file.display())]
    NotScratch {
        /// The file.
        file: std::path::PathBuf,
    },
    /// The database would not keep what it acknowledges.
    #[error("the database is not durable: {setting} is {value}")]
    NotDurable {
        /// The setting at fault.
        setting: &'static str,
        /// What it is.
        value: String,
    },
}

impl StoreError {
    /// Whether one row is to blame, so that the others may be tried without it.
    pub const fn is_of_a_row(&self) -> bool {
        matches!(self, Self::Constraint(_) | Self::Undecodable { .. })
    }
}

/// What a database said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The result of a call of the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What is known of a source when something is decided.
#[async_trait]
pub trait Ground: Send {
    /// The head of the source.
    fn head(&self) -> Head;
    /// The deliveries that have the key of one of these.
    async fn known(&mut self, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>>;
    /// Those of these calls that are in the ring of the source.
    async fn rejected(&mut self, calls: Vec<RejectedPlace>) -> Result<Vec<RejectedPlace>>;
    /// The events of the streams, by stream and sequence.
    async fn load(&mut self, streams: Vec<StreamId>) -> Result<Vec<Recorded>>;
}

/// A writing transaction on one source. Its head is locked until the end of it. Dropped without
/// [`Self::commit`], nothing is written.
#[async_trait]
pub trait Batch: Ground {
    /// The live data keys of these subjects; of several of one subject the newest last.
    async fn data_keys(&mut self, subjects: Vec<String>) -> Result<Vec<DataKey>>;
    /// Writes all of it and makes it durable.
    async fn commit(self: Box<Self>, written: Written) -> Result<()>;
}

/// The log and the read models of all sources.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Begins to write to a source: locks its head first, and creates it at the first call.
    async fn begin(&self, source: &str) -> Result<Box<dyn Batch>>;

    /// The deliveries that have the key of one of these, as [`Ground::known`], outside a transaction.
    async fn known(&self, source: &str, deliveries: Vec<StepId>) -> Result<Vec<KnownDelivery>>;
    /// Events after a position, in position order, `limit` at most.
    async fn events_after(&self, source: &str, position: i64, limit: i64) -> Result<Vec<Recorded>>;
    /// The events of streams up to a position, by stream and sequence.
    async fn events_of(
        &self,
        source: &str,
        streams: Vec<StreamId>,
        up_to: i64,
    ) -> Result<Vec<Recorded>>;

    /// How far each reader of a source is. Those of `wanted` that nobody runs are `holder`'s from
    /// now on, as long as it asks again within [`LEASE`].
    async fn claim(
        &self,
        source: &str,
        wanted: Vec<ReaderName>,
        holder: &str,
    ) -> Result<Vec<Bookmark>>;
    /// Writes rows and bookmarks in one transaction. `false` if a bookmark was not where it was
    /// said to be, and so nothing was written.
    async fn project(&self, source: &str, projected: Projected) -> Result<bool>;

    /// Notes a key with which a source's secrets are sealed; one that is there already stays.
    async fn add_sealing_key(&self, source: &str, key_id: &str) -> Result<()>;

    /// Keeps calls that were not accepted; only the newest `most` stay, none older than `oldest`.
    async fn reject(
        &self,
        source: &str,
        calls: Vec<RejectedCall>,
        most: i64,
        oldest: Timestamp,
    ) -> Result<()>;

    /// Leaves nothing behind, in what the database has in its own hands, of what was destroyed. `false`
    /// if somebody reads on and it has to be tried again.
    async fn forget(&self) -> Result<bool>;

    /// The rows of a statement that changes nothing, in the store's dialect: for [`reading`].
    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>>;
    /// As [`Self::rows`], each row looked at where the database has it: nothing is copied.
    async fn look(&self, sql: String, values: Vec<Value>, look: Look) -> Result<()>;
    /// The dialect of the database.
    fn dialect(&self) -> &'static Dialect;
}

/// How long a reader stays with an instance that does not ask for it again.
pub const LEASE: std::time::Duration = std::time::Duration::from_millis(1500);
