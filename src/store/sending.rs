//! What senders keep: lanes that do not go on with the log, notifications that were not taken at
//! once, endpoints that operators made or paused, and what operators ask for. What is sent is read from the log.

use creditrail_projections::Table;

use super::{
    RawEvent, Result, Store,
    reading::{aggregate_id, raw_event},
    sql::Row,
};

/// Lanes that do not go on with the log.
pub static LANES: Table = Table {
    name: "lanes",
    columns: &["endpoint", "status", "after_sequence", "attempts", "next_at"],
};

/// Notifications that were not taken at once.
pub static NOTIFICATIONS: Table = Table {
    name: "notifications",
    columns: &["first_position", "endpoint", "lane", "status", "document"],
};

/// Endpoints that are paused.
pub static ENDPOINTS: Table = Table { name: "endpoints", columns: &["document"] };

/// Endpoints that operators made, by name.
pub static KEPT_ENDPOINTS: Table =
    Table { name: "endpoint_settings", columns: &["revision", "sealed"] };

/// What operators ask of a sender.
pub static REQUESTS: Table = Table { name: "sending_requests", columns: &["document"] };

const LANE: &str = "SELECT key, status, after_sequence, attempts, next_at FROM @lanes
    WHERE source = $1 AND ";

const DOCUMENTS: &str = "SELECT key, document FROM @notifications WHERE source = $1 AND ";

/// Behind a sequence, no farther than a position. The `+ 0` keeps the planner from walking the log.
const OF_LANE: &str = "SELECT position, aggregate_type, aggregate_id, sequence,
    event_type, event_version, payload, metadata, occurred_at, recorded_at
    FROM @events WHERE source = $1 AND aggregate_type = $2 AND aggregate_id = $3
    AND sequence > $4 AND position + 0 <= $5 ORDER BY sequence LIMIT $6";

const BEFORE: &str = "SELECT aggregate_id, sequence, position, event_type FROM @events
    WHERE source = $1 AND aggregate_type = $2 AND ";

const SKIPPED: &str = "SELECT lane, first_position FROM @notifications
    WHERE source = $1 AND endpoint = $2 AND status = 'skipped' AND ";

/// What the log has of each kind of event behind a position, no farther than another.
const KINDS: &str = "SELECT aggregate_type, event_type, COUNT(*) FROM @events
    WHERE source = $1 AND position > $2 AND position <= $3
    GROUP BY aggregate_type, event_type ORDER BY aggregate_type, event_type";

const KEPT: &str = "SELECT key, revision, sealed FROM @endpoint_settings
    WHERE source = $1 ORDER BY key";

const STANDING: &str = "SELECT status, COUNT(*) FROM @lanes
    WHERE source = $1 AND endpoint = $2 GROUP BY status ORDER BY status";

const FAILING: &str =
    "SELECT COUNT(*) FROM @lanes WHERE source = $1 AND endpoint = $2 AND attempts > 0";

/// A lane that does not go on with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// `endpoint/aggregate_type/aggregate`.
    pub key: String,
    /// Whether it waits for a person, and not for a time.
    pub is_parked: bool,
    /// It goes on behind this place of its stream.
    pub after_sequence: i64,
    /// How many attempts at what comes next were made.
    pub attempts: i64,
    /// When it goes on, in milliseconds since 1970.
    pub next_at: i64,
}

/// An endpoint that an operator made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEndpoint {
    /// Its name.
    pub name: String,
    /// Which change of endpoints it comes from.
    pub revision: i64,
    /// Its settings, sealed, in hexadecimal.
    pub sealed: String,
}

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// The external id of its stream.
    pub stream: String,
    /// The place in the stream.
    pub sequence: i64,
    /// The place in the log.
    pub position: i64,
    /// Its name.
    pub event_type: String,
}

impl dyn Store {
    /// Those of these lanes that do not go on with the log.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn lanes(&self, source: &str, keys: Vec<String>) -> Result<Vec<LaneRow>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = LANE.to_owned() + &(self.dialect().one_of)("key", 2);
        self.all(&sql, vec![source.into(), keys.into()]).await?.into_iter().map(lane).collect()
    }

    /// The lanes of an endpoint that are due, the longest due first, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn due_lanes(
        &self,
        (source, endpoint): (&str, &str),
        now: i64,
        limit: i64,
    ) -> Result<Vec<LaneRow>> {
        let sql = format!(
            "{LANE}endpoint = $2 AND status = 'retrying' AND next_at <= $3
             ORDER BY next_at, key LIMIT $4"
        );
        let values = vec![source.into(), endpoint.into(), now.into(), limit.into()];
        self.all(&sql, values).await?.into_iter().map(lane).collect()
    }

    /// The lanes of an endpoint whose next event was tried and not taken, behind a key, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn failing_lanes(
        &self,
        (source, endpoint): (&str, &str),
        (after, limit): (&str, i64),
    ) -> Result<Vec<LaneRow>> {
        let sql = format!(
            "{LANE}endpoint = $2 AND attempts > 0 AND key > $3 AND key < $4 ORDER BY key LIMIT $5"
        );
        let (first, beyond) = (format!("{endpoint}/"), format!("{endpoint}0")); // 0 comes after /
        let after = if after.is_empty() { first } else { after.to_owned() };
        let values =
            vec![source.into(), endpoint.into(), after.into(), beyond.into(), limit.into()];
        self.all(&sql, values).await?.into_iter().map(lane).collect()
    }

    /// How many these are.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn failing(&self, source: &str, endpoint: &str) -> Result<i64> {
        let rows = self.all(FAILING, vec![source.into(), endpoint.into()]).await?;
        rows.into_iter().next().map_or(Ok(0), |mut row| row.int())
    }

    /// The documents of the notifications at which these lanes are parked, by their keys.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn parked_documents(
        &self,
        (source, endpoint): (&str, &str),
        lanes: Vec<String>,
    ) -> Result<Vec<(String, String)>> {
        let parked = "endpoint = $2 AND status = 'parked' AND ";
        let sql = format!("{DOCUMENTS}{parked}{}", (self.dialect().one_of)("lane", 3));
        let rows = self.all(&sql, vec![source.into(), endpoint.into(), lanes.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    }

    /// How many lanes of an endpoint do not go on with the log, by their status.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn lanes_standing(&self, source: &str, endpoint: &str) -> Result<Vec<(String, i64)>> {
        let rows = self.all(STANDING, vec![source.into(), endpoint.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?))).collect()
    }

    /// The events of a stream behind a sequence, no farther than a position, as they are stored.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn events_of_lane(
        &self,
        (source, aggregate_type, id): (&str, &str, &str),
        (after, up_to): (i64, i64),
        limit: i64,
    ) -> Result<Vec<RawEvent>> {
        let values = vec![
            source.into(),
            aggregate_type.into(),
            aggregate_id(source, id).into(),
            after.into(),
            up_to.into(),
            limit.into(),
        ];
        self.all(OF_LANE, values).await?.into_iter().map(raw_event).collect()
    }

    /// Where the events of streams of one kind stand.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn standing(
        &self,
        (source, aggregate_type): (&str, &str),
        streams: Vec<String>,
    ) -> Result<Vec<Stands>> {
        let ids: Vec<_> = streams.iter().map(|id| aggregate_id(source, id)).collect();
        let sql = BEFORE.to_owned() + &(self.dialect().one_of)("aggregate_id", 3);
        let values = vec![source.into(), aggregate_type.into(), ids.into()];
        let stands = |mut row: Row| {
            let stream = super::reading::external_id(&row.text()?).to_owned();
            Ok(Stands {
                stream,
                sequence: row.int()?,
                position: row.int()?,
                event_type: row.text()?,
            })
        };
        self.all(&sql, values).await?.into_iter().map(stands).collect()
    }

    /// The positions in these lanes that an operator had skipped for an endpoint.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn skipped(
        &self,
        (source, endpoint): (&str, &str),
        lanes: Vec<String>,
    ) -> Result<Vec<(String, i64)>> {
        let sql = SKIPPED.to_owned() + &(self.dialect().one_of)("lane", 3);
        let rows = self.all(&sql, vec![source.into(), endpoint.into(), lanes.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?))).collect()
    }

    /// The documents of notifications by their keys.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn notification_documents(
        &self,
        source: &str,
        keys: Vec<String>,
    ) -> Result<Vec<(String, String)>> {
        let sql = DOCUMENTS.to_owned() + &(self.dialect().one_of)("key", 2);
        let rows = self.all(&sql, vec![source.into(), keys.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    }

    /// The endpoints that operators made, by name.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn kept_endpoints(&self, source: &str) -> Result<Vec<KeptEndpoint>> {
        let kept = |mut row: Row| {
            Ok(KeptEndpoint { name: row.text()?, revision: row.int()?, sealed: row.text()? })
        };
        self.all(KEPT, vec![source.into()]).await?.into_iter().map(kept).collect()
    }

    /// How many events of each kind the log has behind a position, no farther than another: kind of
    /// aggregate, name, count.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn kinds_between(
        &self,
        source: &str,
        (after, up_to): (i64, i64),
    ) -> Result<Vec<(String, String, i64)>> {
        let rows = self.all(KINDS, vec![source.into(), after.into(), up_to.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?, row.int()?))).collect()
    }

    /// Keys and documents of a small table, behind a prefix of their keys: endpoints or requests.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn documents_of(
        &self,
        source: &str,
        table: &Table,
        prefix: &str,
    ) -> Result<Vec<(String, String)>> {
        let sql = format!(
            "SELECT key, document FROM @{} WHERE source = $1 AND key >= $2 AND key < $3
             ORDER BY key LIMIT 1000",
            table.name
        );
        let beyond = format!("{prefix}\u{10ffff}");
        let rows = self.all(&sql, vec![source.into(), prefix.into(), beyond.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?))).collect()
    }
}

fn lane(mut row: Row) -> Result<LaneRow> {
    Ok(LaneRow {
        key: row.text()?,
        is_parked: row.text()? == "parked",
        after_sequence: row.int()?,
        attempts: row.int()?,
        next_at: row.int()?,
    })
}
