//! Reads that go through everything, page by page: the rows of a table, the deliveries of a source.

use creditrail_projections::Table;

use super::{
    DeliveryRow, RedrivenRow, Result, Store,
    deliveries::kept_row,
    reading::stream,
    sql::{Row, Value},
};

const PLACES: &str = "SELECT number, first_position, position, LENGTH(body), delivery_id, repeats
    FROM @deliveries
    WHERE source = $1 AND number > $2 ORDER BY number LIMIT $3";

const DELIVERIES: &str = "SELECT delivery_id, number, dedup_key, received_at, secret_id, headers,
    body, outcome, first_position, position, aggregate_type, stream, repeats, last_received_at
    FROM @deliveries WHERE source = $1 AND number > $2 AND number <= $3 ORDER BY number";

const NAMED: &str = "SELECT delivery_id, number, dedup_key, received_at, secret_id, headers,
    body, outcome, first_position, position, aggregate_type, stream, repeats, last_received_at
    FROM @deliveries WHERE source = $1 AND ";

const REDRIVEN: &str = "SELECT delivery_id, step_id, dedup_key, first_position, position,
    aggregate_type, stream FROM @redriven_deliveries WHERE source = $1 AND ";

/// Where a delivery stands, and how long its body is.
#[derive(Clone, Debug)]
pub struct DeliveryPlace {
    /// The order of arrival.
    pub number: i64,
    /// The position of the event that recorded it.
    pub first_position: i64,
    /// The position of the last event that it caused.
    pub position: i64,
    /// The length of its body, in bytes.
    pub body_bytes: i64,
    /// Its id.
    pub delivery_id: String,
    /// How often it came again.
    pub repeats: i64,
}

/// A row of a table: its key, and its columns in the order of [`Table::columns`].
pub type WholeRow = (String, Vec<Value>);

impl dyn Store {
    /// Rows of a table, behind a key if one is given, in the order of the keys, `limit` at most.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn rows_behind(
        &self,
        (source, table): (&str, &Table),
        key: Option<&str>,
        limit: i64,
    ) -> Result<Vec<WholeRow>> {
        let (columns, name) = (table.columns.join(", "), table.name);
        let behind = if key.is_some() { ">" } else { ">=" };
        let sql = format!(
            "SELECT key, {columns} FROM @{name}
             WHERE source = $1 AND key {behind} $2 ORDER BY key LIMIT $3"
        );
        let key = key.unwrap_or_default();
        let rows = self.all(&sql, vec![source.into(), key.into(), limit.into()]).await?;
        rows.into_iter().map(whole_row).collect()
    }

    /// The rows of a table that have these keys.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn rows_of(
        &self,
        (source, table): (&str, &Table),
        keys: Vec<String>,
    ) -> Result<Vec<WholeRow>> {
        let (columns, name) = (table.columns.join(", "), table.name);
        let keyed = (self.dialect().one_of)("key", 2);
        let sql = format!("SELECT key, {columns} FROM @{name} WHERE source = $1 AND {keyed}");
        let rows = self.all(&sql, vec![source.into(), keys.into()]).await?;
        rows.into_iter().map(whole_row).collect()
    }

    /// Where deliveries stand, behind a number in the order of arrival.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn delivery_places(
        &self,
        source: &str,
        number: i64,
        limit: i64,
    ) -> Result<Vec<DeliveryPlace>> {
        let place = |mut row: Row| {
            Ok(DeliveryPlace {
                number: row.int()?,
                first_position: row.int()?,
                position: row.int()?,
                body_bytes: row.int()?,
                delivery_id: row.text()?,
                repeats: row.int()?,
            })
        };
        let rows = self.all(PLACES, vec![source.into(), number.into(), limit.into()]).await?;
        rows.into_iter().map(place).collect()
    }

    /// Deliveries as they were kept on arrival, behind a number and up to another one.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn deliveries_between(
        &self,
        source: &str,
        (after, up_to): (i64, i64),
    ) -> Result<Vec<DeliveryRow>> {
        let values = vec![source.into(), after.into(), up_to.into()];
        let rows = self.all(DELIVERIES, values).await?;
        rows.into_iter().map(|mut row| kept_row(&mut row)).collect()
    }

    /// These deliveries as they were kept on arrival, in no order.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn deliveries_named(
        &self,
        source: &str,
        ids: Vec<String>,
    ) -> Result<Vec<DeliveryRow>> {
        let sql = NAMED.to_owned() + &(self.dialect().one_of)("delivery_id", 2);
        let rows = self.all(&sql, vec![source.into(), ids.into()]).await?;
        rows.into_iter().map(|mut row| kept_row(&mut row)).collect()
    }

    /// Those of these deliveries that were redriven.
    ///
    /// # Errors
    /// As for all reads.
    pub async fn redriven_of(
        &self,
        source: &str,
        deliveries: Vec<String>,
    ) -> Result<Vec<RedrivenRow>> {
        let sql = REDRIVEN.to_owned() + &(self.dialect().one_of)("delivery_id", 2);
        let redriven = |mut row: Row| {
            Ok(RedrivenRow {
                delivery_id: row.text()?,
                step_id: row.text()?,
                dedup_key: row.text()?,
                first_position: row.optional_int()?,
                position: row.int()?,
                stream: stream(&mut row)?,
            })
        };
        let rows = self.all(&sql, vec![source.into(), deliveries.into()]).await?;
        rows.into_iter().map(redriven).collect()
    }
}

fn whole_row(mut row: Row) -> Result<WholeRow> {
    Ok((row.text()?, row.rest()))
}
