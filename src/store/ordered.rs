//! Whether the log is in order stream by stream, as far as an index tells: no row is looked up.

use super::{Result, Store, proof::Place, sql::LentRow};

/// All events by stream and sequence, by the index alone. `{row}` is [`Dialect::row`](super::sql::Dialect::row).
const ROWS_OF_STREAMS: &str = "SELECT aggregate_type, aggregate_id, sequence, {row} FROM @events
    WHERE source = $1 AND (aggregate_type, aggregate_id, sequence) > ($2, $3, $4)
    ORDER BY aggregate_type, aggregate_id, sequence LIMIT $5";

/// Whether an event stands before the first position, or one behind a position has the number of a row
/// before another one.
const STRAY: &str = "SELECT CAST(EXISTS (SELECT 1 FROM @events WHERE source = $1 AND position < 1)
        OR EXISTS (SELECT 1 FROM @events WHERE source = $1 AND position > $2 AND {row} < $3)
    AS BIGINT)";

/// How many events are looked at at once.
const STRETCH: i64 = 50_000;

/// Events by stream and sequence, as far as they were looked at by an index alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    /// How many streams there are.
    pub streams: i64,
    /// The sequences of a stream have a gap or do not begin with 1, or its rows do not rise with them.
    pub is_broken: bool,
    /// The last event that counts, with the number of its row in the place of the position.
    last: Option<Place>,
    /// The last one that was looked at, and how many were at once.
    end: Option<(String, String, i64)>,
    looked_at: i64,
}

impl Ordered {
    /// The last event, which stands at a position or before it.
    pub fn last(self, position: i64) -> Option<Place> {
        self.last.map(|last| Place { position, ..last })
    }

    fn look(&mut self, (kind, id): (&str, &str), sequence: i64, row: i64) {
        match &mut self.last {
            Some(last) if last.aggregate_type == kind && last.aggregate_id == id => {
                self.is_broken |= sequence != last.sequence + 1 || row <= last.position;
                (last.sequence, last.position) = (sequence, row);
            }
            last => {
                self.streams += 1;
                self.is_broken |= sequence != 1;
                let (aggregate_type, aggregate_id) = (kind.to_owned(), id.to_owned());
                *last = Some(Place { aggregate_type, aggregate_id, sequence, position: row });
            }
        }
    }
}

impl dyn Store {
    /// All events by stream and sequence, up to a position and the number of its row, looked at by an index
    /// alone: rows have to rise with positions up to there. `None` if the database has no such index, or if
    /// an event stands beyond that position and not beyond that row.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn ordered(
        &self,
        source: &str,
        (position, row): (i64, i64),
    ) -> Result<Option<Ordered>> {
        let Some(name) = self.dialect().row else { return Ok(None) };
        let stray = STRAY.replace("{row}", &(self.dialect().aside)(name));
        let values = vec![source.into(), position.into(), row.into()];
        let mut stray = self.all(&stray, values).await?.into_iter();
        if stray.next().map_or(Ok(1), |mut stray| stray.int())? != 0 {
            return Ok(None);
        }
        let sql = ROWS_OF_STREAMS.replace("{row}", name);
        let mut ordered = Ordered::default();
        loop {
            let (kind, id, sequence) = ordered.end.take().unwrap_or_default();
            let values =
                vec![source.into(), kind.into(), id.into(), sequence.into(), STRETCH.into()];
            ordered.looked_at = 0;
            let look = move |ordered: &mut Ordered, mut found: LentRow<'_>| {
                let (stream, sequence) = ((found.text()?, found.text()?), found.int()?);
                let at = found.int()?;
                // What is behind it has come since.
                if at <= row {
                    ordered.look(stream, sequence, at);
                }
                ordered.looked_at += 1;
                if ordered.looked_at == STRETCH {
                    ordered.end = Some((stream.0.to_owned(), stream.1.to_owned(), sequence));
                }
                Ok(())
            };
            ordered = self.folded((&sql, values), ordered, look).await?;
            if ordered.end.is_none() {
                return Ok(Some(ordered));
            }
        }
    }
}
