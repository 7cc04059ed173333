//! What operators measure: what this instance counted, and what the database says. Nothing here
//! reads a table through: heads, tallies and bookmarks are a few rows, the rest goes by an index.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Creditrail,
    counters::Counters,
    handler,
    proof::status::ProofStatus,
    read::ReadError,
    rejected,
    sending::{Told, told::Standing},
};

/// How long the database may take. Scrapers give up after 10 s, as a rule.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The severities of exceptions.
const SEVERITIES: [&str; 3] = ["high", "info", "review"];

/// All that is measured, at one time.
#[derive(Debug)]
pub struct Measured {
    /// What this instance counted, by source.
    pub counted: Vec<Counted>,
    /// Calls to sources that are not known, since the start.
    pub unknown_sources: u64,
    /// What the database says, by source; `None` if it did not answer.
    pub kept: Option<Vec<Kept>>,
    /// The senders of this instance, by endpoint.
    pub senders: Vec<(String, Arc<Told>)>,
    /// How each endpoint stands; `None` if the database did not answer.
    pub endpoints: Option<Vec<Standing>>,
    /// How far each log is proven; `None` if the database did not answer.
    pub proofs: Option<Vec<ProofStatus>>,
}

/// What this instance counted of a source since its start.
#[derive(Debug)]
pub struct Counted {
    /// The source.
    pub source: String,
    /// Deliveries and batches.
    pub counters: Arc<Counters>,
    /// Calls that were turned away, by cause. Every cause there is, be it 0.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Each reader, and whether it has stopped here.
    pub stopped: Vec<(&'static str, bool)>,
}

/// What the database says of a source. Every instance says the same.
#[derive(Debug)]
pub struct Kept {
    /// The source.
    pub source: String,
    /// The position of the newest event.
    pub position: i64,
    /// Deliveries received, repetitions included.
    pub received: i64,
    /// Distinct deliveries.
    pub deliveries: i64,
    /// Deliveries by outcome as of now; they add up to `received`.
    pub outcomes: Vec<(String, i64)>,
    /// Whether they do, as far as the read models are.
    pub balanced: bool,
    /// Open exceptions by severity. Every severity, be it 0.
    pub open_exceptions: BTreeMap<String, i64>,
    /// How far each reader is behind.
    pub lags: Vec<Lag>,
    /// When the newest delivery was received; `None` before the first.
    pub last_received_at: Option<Timestamp>,
}

/// How far a reader is behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The reader.
    pub reader: &'static str,
    /// Events that it has not passed.
    pub events: i64,
    /// How long ago the oldest of them was recorded.
    pub age: Duration,
}

impl Creditrail {
    /// All that is measured. A database that does not answer is told, and holds up nothing else.
    pub async fn measured(&self) -> Measured {
        let (kept, proofs, endpoints) = tokio::join!(
            tokio::time::timeout(MAX_WAIT, self.kept()),
            tokio::time::timeout(MAX_WAIT, self.proof_status()),
            tokio::time::timeout(MAX_WAIT, self.standing()),
        );
        if let Ok(Err(error)) = &kept {
            tracing::warn!(error = crate::failure::chain(error), "the database is not measured");
        }
        Measured {
            counted: self.counted(),
            unknown_sources: self.unknown_sources(),
            kept: kept.ok().and_then(Result::ok),
            senders: self.senders(),
            endpoints: endpoints.ok().and_then(Result::ok),
            proofs: proofs.ok().and_then(Result::ok),
        }
    }

    fn counted(&self) -> Vec<Counted> {
        let of = |(name, known): (&String, &super::Source)| {
            let mut rejected: BTreeMap<_, _> =
                rejected::CAUSES.iter().map(|cause| (*cause, 0)).collect();
            rejected.extend(known.rejected.counted());
            let stopped = known.progress.stopped();
            let readers = self.readers.iter().map(|reader| reader.name);
            Counted {
                source: name.clone(),
                counters: Arc::clone(&known.counters),
                rejected,
                stopped: readers.map(|name| (name, stopped.contains_key(name))).collect(),
            }
        };
        self.sources.iter().map(of).collect()
    }

    async fn kept(&self) -> Result<Vec<Kept>, ReadError> {
        let mut kept = Vec::with_capacity(self.sources.len());
        for (source, known) in self.sources.iter() {
            let audit = self.audit(source).await?;
            let mut open_exceptions: BTreeMap<_, _> =
                SEVERITIES.iter().map(|severity| ((*severity).to_owned(), 0)).collect();
            open_exceptions.extend(self.store.open_exceptions(source).await?);
            let received = self.store.last_received_at(source).await?;
            kept.push(Kept {
                position: audit.head.position,
                received: audit.head.received,
                deliveries: audit.head.deliveries,
                outcomes: audit.outcomes,
                balanced: audit.balanced,
                open_exceptions,
                lags: self.lags(source, audit.head.position).await?,
                // A repetition is noted on its first delivery: the newest row does not tell of it.
                last_received_at: received.max(known.counters.last_received_at()),
                source: source.clone(),
            });
        }
        Ok(kept)
    }

    /// How far each reader is behind. One that has not begun has all of the log before it.
    async fn lags(&self, source: &str, head: i64) -> Result<Vec<Lag>, ReadError> {
        let (passed, first) =
            (self.store.passed(source).await?, self.store.recorded_at(source, 1).await?);
        let now = self.now();
        let handler = self.has_handler.then_some(handler::BOOKMARK);
        let lag = |reader| {
            let found = passed.iter().find(|passed| passed.reader == reader);
            let (position, next) =
                found.map_or((0, first), |found| (found.position, found.next_at));
            let age = next.map(|next| now.duration_since(next)).and_then(|age| age.try_into().ok());
            // The head was read before: a reader may be beyond it.
            Lag { reader, events: (head - position).max(0), age: age.unwrap_or_default() }
        };
        let readers = self.readers.iter().map(|reader| reader.name);
        Ok(readers.chain(handler).map(lag).collect())
    }
}
