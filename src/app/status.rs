//! How a source is: what was received and what became of it, how far the readers are, what was
//! turned away.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Creditrail,
    read::{OUTCOMES, ReadError},
    sealing::WHOLE_OVERHEAD,
};
use crate::store::Head;

/// What was received of a source and what became of it.
pub(super) struct Audit {
    pub(super) head: Head,
    /// Deliveries by outcome as of now, repetitions among the duplicates.
    pub(super) outcomes: Vec<(String, i64)>,
    /// Whether they add up to what was received, as far as the read models are.
    pub(super) balanced: bool,
    /// The position that all readers have passed.
    passed: i64,
    stopped: BTreeMap<&'static str, String>,
}

impl Creditrail {
    /// How a source is: what was received and what became of it, and how far the readers are.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn source_status(&self, source: &str) -> Result<Value, ReadError> {
        let known = self.known(source)?;
        let Audit { head, outcomes, balanced, passed, stopped } = self.audit(source).await?;
        let counted = |counts: Vec<(String, i64)>| -> serde_json::Map<_, _> {
            counts.into_iter().map(|(what, count)| (what, Value::from(count))).collect()
        };
        let exceptions = counted(self.store.open_exceptions(source).await?);
        Ok(json!({
            "source": source,
            "position": head.position,
            "received": head.received,
            "kept": head.deliveries,
            "outcomes": counted(outcomes),
            "balanced": balanced,
            "open_exceptions": exceptions,
            "last_received_at": self.store.last_received_at(source).await?,
            "read_models": {
                "position": passed,
                "behind": head.position - passed,
                "stopped": stopped,
            },
            "rejected_calls": known.rejected.counted(),
        }))
    }

    /// The audit equation of a source, and how far its readers are.
    pub(super) async fn audit(&self, source: &str) -> Result<Audit, ReadError> {
        let known = self.known(source)?;
        let (passed, stopped) = (known.progress.position(), known.progress.stopped());
        let mut outcomes: BTreeMap<_, _> =
            OUTCOMES.iter().map(|outcome| ((*outcome).to_owned(), 0)).collect();
        outcomes.extend(self.store.tallies(source).await?);
        let counted = self.store.counted(source).await?;
        let head = self.store.head(source).await?;
        let repeated = head.received - head.deliveries;
        *outcomes.entry("duplicate".to_owned()).or_default() += repeated;
        // Readers that have stopped come no further.
        let balanced = counted.map_or(stopped.is_empty(), |(counted, kept)| {
            counted == kept && (stopped.is_empty() || kept == head.deliveries)
        });
        Ok(Audit { head, outcomes: outcomes.into_iter().collect(), balanced, passed, stopped })
    }

    /// The newest calls of a source that were not accepted.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn rejected_calls(&self, source: &str, limit: i64) -> Result<Vec<Value>, ReadError> {
        self.known(source)?;
        let rows = self.store.rejected(source, limit).await?;
        rows.into_iter()
            .map(|row| {
                Ok(json!({
                    "source": source,
                    "number": row.number,
                    "received_at": row.received_at,
                    "cause": row.cause,
                    "headers": serde_json::from_str::<Value>(&row.headers)?,
                    "body_bytes": row.body_bytes.map(|sealed| sealed - WHOLE_OVERHEAD),
                    "verifiable": row.body_bytes.is_some() && row.is_whole,
                }))
            })
            .collect()
    }

    /// Whether the database answers and no reader has stopped: why not, if not.
    ///
    /// # Errors
    /// [`ReadError`] if the database does not answer.
    pub async fn readiness(&self) -> Result<Vec<String>, ReadError> {
        let mut unready = Vec::new();
        for (name, source) in self.sources.iter() {
            self.store.head(name).await?;
            for (reader, at) in source.progress.stopped() {
                unready.push(format!("the reader {reader} of {name} stopped {at}"));
            }
        }
        Ok(unready)
    }
}
