//! How a source is: what was received and what became of it, how far the readers are, what was
//! turned away.

use serde_json::{Value, json};

use super::{
    Creditrail,
    read::{OUTCOMES, ReadError},
    sealing::WHOLE_OVERHEAD,
};

impl Creditrail {
    /// How a source is: what was received and what became of it, and how far the readers are.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn source_status(&self, source: &str) -> Result<Value, ReadError> {
        let known = self.known(source)?;
        // In this order: if the head is where the readers were first, nothing came in between and
        // the counts are those of this head.
        let (passed, stopped) = (known.progress.position(), known.progress.stopped());
        let mut outcomes = serde_json::Map::new();
        for outcome in OUTCOMES {
            outcomes.insert(outcome.to_owned(), 0.into());
        }
        let mut counted = 0;
        for (outcome, count) in self.store.tallies(source).await? {
            counted += count;
            outcomes.insert(outcome, count.into());
        }
        let head = self.store.head(source).await?;
        let is_catching_up = passed < head.position && stopped.is_empty();
        let repeated = head.received - head.deliveries;
        let said_again = outcomes["duplicate"].as_i64().unwrap_or_default();
        outcomes.insert("duplicate".to_owned(), (repeated + said_again).into());
        let exceptions: serde_json::Map<_, _> = self
            .store
            .open_exceptions(source)
            .await?
            .into_iter()
            .map(|(severity, count)| (severity, Value::from(count)))
            .collect();
        Ok(json!({
            "source": source,
            "position": head.position,
            "received": head.received,
            "kept": head.deliveries,
            "outcomes": outcomes,
            "balanced": counted == head.deliveries || is_catching_up,
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
