//! What the proof of a log is made of: events and deliveries byte for byte as they are stored, the
//! tiles of the tree over them, and what was signed.

use std::collections::BTreeSet;

use creditrail_projections::Table;
use creditrail_proof::leaf::{DeliveryEntry, Entry};
use jiff::Timestamp;

use super::{
    Result, Store,
    reading::time,
    sql::{LentRow, Row, Value},
};

/// Columns of [`Evidence`]. `{row}` is [`Dialect::row`](super::sql::Dialect::row).
const ENTRIES: &str = "SELECT {row}, e.position, e.aggregate_type, e.aggregate_id, e.sequence,
    e.event_type, e.event_version, e.occurred_at, e.recorded_at, e.payload, e.metadata,
    d.delivery_id, d.number, d.dedup_key, d.received_at, d.secret_id, d.headers, d.body, d.outcome,
    d.first_position, d.aggregate_type, d.stream, d.repeats
    FROM @events AS e
    LEFT JOIN @deliveries AS d ON d.source = e.source AND d.first_position = e.position
    WHERE e.source = $1";

const OF_STREAM: &str = "SELECT position FROM @events
    WHERE source = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND sequence > $4
    ORDER BY sequence LIMIT $5";

const STREAMS: &str = "SELECT aggregate_type, aggregate_id, sequence, position FROM @events
    WHERE source = $1 AND (aggregate_type, aggregate_id, sequence) > ($2, $3, $4)
    ORDER BY aggregate_type, aggregate_id, sequence LIMIT $5";

const TILES: &str = "SELECT key, hashes FROM @tiles WHERE source = $1 AND ";

const CHECKPOINTS: &str = "SELECT key, signed_at, note FROM @checkpoints
    WHERE source = $1 AND key > $2 ORDER BY key LIMIT $3";

const NEWEST_CHECKPOINT: &str = "SELECT key, signed_at, note FROM @checkpoints
    WHERE source = $1 ORDER BY key DESC LIMIT 1";

/// Of how many deliveries outcomes are told, and how many there were at that position: in one
/// statement, since both move on.
const COUNTED: &str = "SELECT CAST(COALESCE((SELECT SUM(t.count) FROM @tallies AS t
        WHERE t.source = b.source), 0) AS BIGINT),
    COALESCE((SELECT d.number FROM @deliveries AS d
        WHERE d.source = b.source AND d.first_position <= b.position
        ORDER BY d.first_position DESC, d.number DESC LIMIT 1), 0)
    FROM @bookmarks AS b WHERE b.source = $1 AND b.reader = 'timeline'";

/// The next log of which a table has a row: a seek for each log, however many rows it has.
const NEXT_LOG: &str = "SELECT source FROM @{table} WHERE source > $1 ORDER BY source LIMIT 1";

const COPIES: &str =
    "SELECT key, size, taken_at FROM @checkpoint_copies WHERE source = $1 ORDER BY key";

/// An event as it is hashed, with the delivery that it recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The event. Its digest of the delivery is that of the one beside it.
    pub entry: Entry<'a>,
    /// The delivery, if it is the first event of one.
    pub delivery: Option<DeliveryEntry<'a>>,
    /// How often that came again; it is in no leaf.
    pub repeats: i64,
    /// The number of the event's row, if the database has one.
    pub row: Option<i64>,
}

/// A checkpoint as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// How many events it is about.
    pub size: i64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// What a place outside the database has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The name of the sink.
    pub sink: String,
    /// How many events the newest checkpoint is about that it took.
    pub size: i64,
    /// When it took it.
    pub taken_at: Timestamp,
}

/// Where an event stands in its stream and in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The kind of aggregate.
    pub aggregate_type: String,
    /// `source/external-id`.
    pub aggregate_id: String,
    /// The place in the stream.
    pub sequence: i64,
    /// The place in the log.
    pub position: i64,
}

impl dyn Store {
    /// The logs that there are, whoever keeps them: those with a head, and those of which something was
    /// signed.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn logs(&self) -> Result<BTreeSet<String>> {
        let mut logs = BTreeSet::new();
        for table in ["heads", "checkpoints"] {
            let sql = NEXT_LOG.replace("{table}", table);
            let mut after = String::new();
            while let Some(mut row) = self.all(&sql, vec![after.as_str().into()]).await?.pop() {
                after = row.text()?;
                logs.insert(after.clone());
            }
        }
        Ok(logs)
    }

    /// Events after a position, byte for byte, in position order, `limit` at most.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn evidence_after(
        &self,
        source: &str,
        position: i64,
        limit: i64,
    ) -> Result<Vec<Evidence<'static>>> {
        let entries = self.evidence_sql();
        let sql = format!("{entries} AND e.position > $2 ORDER BY e.position LIMIT $3");
        let values = vec![source.into(), position.into(), limit.into()];
        let source = source.to_owned();
        let keep = move |kept: &mut Vec<Evidence<'static>>, row: LentRow<'_>| {
            let Evidence { entry, delivery, repeats, row } = evidence(row, &source)?;
            let (entry, delivery) = (entry.into_owned(), delivery.map(DeliveryEntry::into_owned));
            kept.push(Evidence { entry, delivery, repeats, row });
            Ok(())
        };
        self.folded((&sql, values), Vec::new(), keep).await
    }

    /// What comes of the events after a position and up to another one, each looked at, with the
    /// delivery that it recorded, where the database has it.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn evidence_folded<T: Send + 'static>(
        &self,
        (source, after, up_to): (&str, i64, i64),
        begin: T,
        fold: impl Fn(&mut T, &Evidence<'_>) -> Result<()> + Send + 'static,
    ) -> Result<T> {
        let entries = self.evidence_sql();
        let sql = format!("{entries} AND e.position > $2 AND e.position <= $3 ORDER BY e.position");
        let values = vec![source.into(), after.into(), up_to.into()];
        let source = source.to_owned();
        let look = move |folded: &mut T, row: LentRow<'_>| fold(folded, &evidence(row, &source)?);
        self.folded((&sql, values), begin, look).await
    }

    fn evidence_sql(&self) -> String {
        let row = self.dialect().row.map_or("NULL".to_owned(), |row| format!("e.{row}"));
        ENTRIES.replace("{row}", &row)
    }

    /// The events at these positions, in position order.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn evidence_at(
        &self,
        source: &str,
        positions: Vec<i64>,
    ) -> Result<Vec<Evidence<'static>>> {
        let mut found = Vec::with_capacity(positions.len());
        for position in positions {
            found.extend(self.evidence_after(source, position - 1, 1).await?);
        }
        Ok(found)
    }

    /// The positions of the events of a stream, behind a sequence.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn positions_of(
        &self,
        source: &str,
        stream: &creditrail_projections::StreamId,
        (after, limit): (i64, i64),
    ) -> Result<Vec<i64>> {
        let id = super::reading::aggregate_id(source, &stream.id);
        let kind = stream.aggregate_type.name();
        let values = vec![source.into(), kind.into(), id.into(), after.into(), limit.into()];
        self.all(OF_STREAM, values).await?.into_iter().map(|mut row| row.int()).collect()
    }

    /// All events by stream and sequence, behind one of them.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn places_after(
        &self,
        source: &str,
        after: &Place,
        limit: i64,
    ) -> Result<Vec<Place>> {
        let values = vec![
            source.into(),
            after.aggregate_type.as_str().into(),
            after.aggregate_id.as_str().into(),
            after.sequence.into(),
            limit.into(),
        ];
        let place = |mut row: Row| {
            let (aggregate_type, aggregate_id) = (row.text()?, row.text()?);
            Ok(Place { aggregate_type, aggregate_id, sequence: row.int()?, position: row.int()? })
        };
        self.all(STREAMS, values).await?.into_iter().map(place).collect()
    }

    /// Of how many deliveries outcomes are told, and how many were kept at the position where that
    /// reader is; `None` before it has begun.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn counted(&self, source: &str) -> Result<Option<(i64, i64)>> {
        let rows = self.all(COUNTED, vec![source.into()]).await?;
        let counted = |mut row: Row| Ok((row.int()?, row.int()?));
        rows.into_iter().next().map(counted).transpose()
    }

    /// Tiles by their keys.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn tiles(&self, source: &str, keys: Vec<String>) -> Result<Vec<(String, String)>> {
        let sql = TILES.to_owned() + &(self.dialect().one_of)("key", 2);
        self.tiles_by(&sql, vec![source.into(), keys.into()]).await
    }

    /// Tiles in the order of their keys, behind one, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn tiles_after(
        &self,
        source: &str,
        key: &str,
        limit: i64,
    ) -> Result<Vec<(String, String)>> {
        let sql = format!("{TILES}key > $2 ORDER BY key LIMIT $3");
        self.tiles_by(&sql, vec![source.into(), key.into(), limit.into()]).await
    }

    async fn tiles_by(&self, sql: &str, values: Vec<Value>) -> Result<Vec<(String, String)>> {
        let tile = |mut row: Row| Ok((row.text()?, row.text()?));
        self.all(sql, values).await?.into_iter().map(tile).collect()
    }

    /// Checkpoints behind a size, the smallest first, `limit` at most.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn checkpoints_after(
        &self,
        source: &str,
        size: i64,
        limit: i64,
    ) -> Result<Vec<KeptCheckpoint>> {
        let values = vec![source.into(), padded(size).into(), limit.into()];
        self.all(CHECKPOINTS, values).await?.into_iter().map(checkpoint).collect()
    }

    /// The checkpoint of the most events.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn newest_checkpoint(&self, source: &str) -> Result<Option<KeptCheckpoint>> {
        let rows = self.all(NEWEST_CHECKPOINT, vec![source.into()]).await?;
        rows.into_iter().next().map(checkpoint).transpose()
    }

    /// What comes of the rows of a read model behind a key, `limit` at most, each looked at where the
    /// database has it: the key and the columns. Of one customer, if one is given: the table has to tell
    /// whose its rows are.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn rows_folded<T: Send + 'static>(
        &self,
        (source, table, customer_id): (&str, &Table, Option<&str>),
        (after, limit): (&str, i64),
        (begin, fold): (T, impl Fn(&mut T, LentRow<'_>) -> Result<()> + Send + 'static),
    ) -> Result<T> {
        let Table { name, columns } = table;
        let mut values: Vec<Value> = vec![source.into(), after.into()];
        let mut sql = format!(
            "SELECT key, {} FROM @{name} WHERE source = $1 AND key > $2",
            columns.join(", ")
        );
        if let Some(customer_id) = customer_id {
            sql += " AND customer_id = $3";
            values.push(customer_id.into());
        }
        values.push(limit.into());
        sql += &format!(" ORDER BY key LIMIT ${}", values.len());
        self.folded((&sql, values), begin, fold).await
    }

    /// What places outside the database have taken.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn checkpoint_copies(&self, source: &str) -> Result<Vec<Copy>> {
        let copy = |mut row: Row| {
            Ok(Copy { sink: row.text()?, size: row.int()?, taken_at: time(row.int()?) })
        };
        self.all(COPIES, vec![source.into()]).await?.into_iter().map(copy).collect()
    }
}

/// A number of events as a key: so keys are in the order of the numbers.
pub fn padded(size: i64) -> String {
    format!("{size:020}")
}

fn checkpoint(mut row: Row) -> Result<KeptCheckpoint> {
    let size = row.text()?.parse().unwrap_or(i64::MAX);
    Ok(KeptCheckpoint { size, signed_at: time(row.int()?), note: row.text()? })
}

/// Columns as in [`ENTRIES`].
fn evidence<'a>(mut row: LentRow<'a>, source: &'a str) -> Result<Evidence<'a>> {
    let number = row.optional_int()?;
    let mut entry = Entry {
        source: source.into(),
        position: row.int()?,
        aggregate_type: row.text()?.into(),
        aggregate_id: row.text()?.into(),
        sequence: row.int()?,
        event_type: row.text()?.into(),
        event_version: row.text()?.into(),
        occurred_at: row.int()?,
        recorded_at: row.int()?,
        payload: row.text()?.into(),
        metadata: row.text()?.into(),
        delivery: None,
    };
    let Some(delivery_id) = row.optional_text()? else {
        return Ok(Evidence { entry, delivery: None, repeats: 0, row: number });
    };
    let delivery = DeliveryEntry {
        source: source.into(),
        delivery_id: delivery_id.into(),
        number: row.int()?,
        dedup_key: row.text()?.into(),
        received_at: row.int()?,
        secret_id: row.text()?.into(),
        headers: row.text()?.into(),
        body: row.bytes()?.into(),
        outcome: row.text()?.into(),
        first_position: row.int()?,
        aggregate_type: row.text()?.into(),
        stream: row.text()?.into(),
    };
    entry.delivery = Some(delivery.digest());
    Ok(Evidence { entry, delivery: Some(delivery), repeats: row.int()?, row: number })
}
