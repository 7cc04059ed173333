//! Deliveries as they are kept, with what became of them.

use jiff::Timestamp;

use super::{
    Cursor, DeliveryRow, KeptDelivery, Page, Result, Store,
    lists::{Select, left},
    reading::{stream, time},
    sql::Row,
};

/// `{key}` is the position as the timeline writes it.
const DELIVERY: &str = "SELECT d.delivery_id, d.number, d.dedup_key, d.received_at, d.secret_id,
    d.headers, d.body, d.outcome, d.first_position, COALESCE(r.position, d.position),
    d.aggregate_type, d.stream, d.repeats, d.last_received_at, r.step_id, t.document
    FROM @deliveries AS d
    LEFT JOIN @redriven_deliveries AS r ON r.source = d.source AND r.delivery_id = d.delivery_id
    LEFT JOIN @timeline AS t ON t.source = d.source AND t.key = {key}
    WHERE d.source = $1";

/// Under which id a delivery is kept that was redriven as a step.
const KEPT_AS: &str = "SELECT delivery_id FROM @redriven_deliveries
    WHERE source = $1 AND step_id = $2 AND first_position IS NOT NULL";

/// Deliveries that cannot be read and that nobody has discarded, as the read models know them.
const UNREADABLE: &str = "@exceptions AS e
    JOIN @deliveries AS d ON d.source = e.source AND d.delivery_id = e.key
    WHERE e.source = $1 AND e.status = 'open' AND d.received_at >= $2 AND e.first_position > $3
    AND ";

/// Those that were redriven as a step, and from them on: SQLite keeps to the order of a cross join.
/// Columns as in [`DELIVERY`].
const REDRIVEN: &str = "SELECT d.delivery_id, d.number, d.dedup_key, d.received_at, d.secret_id,
    d.headers, d.body, d.outcome, d.first_position, r.position,
    d.aggregate_type, d.stream, d.repeats, d.last_received_at, r.step_id, t.document
    FROM @redriven_deliveries AS r CROSS JOIN @deliveries AS d CROSS JOIN @timeline AS t
    WHERE r.source = $1 AND r.first_position IS NOT NULL
    AND d.source = r.source AND d.delivery_id = r.delivery_id
    AND t.source = r.source AND t.key = {key}";

/// Keys first, by an index alone: a customer may have thousands of rows.
const OF_CUSTOMER: &str = "SELECT first_position, document FROM @timeline
    WHERE source = $1 AND key IN (SELECT key FROM @timeline WHERE source = $1 AND ";

const OF_OUTCOME: &str = "SELECT first_position, document FROM @timeline
    WHERE source = $1 AND outcome <> 'applied' AND outcome = ";

const POSITION_OF: &str = "SELECT first_position FROM @deliveries
    WHERE source = $1 AND number <= $2 ORDER BY number DESC LIMIT 1";

/// The filters of deliveries, as the columns that they are.
const OUTCOME: &str = "t.outcome";
const CUSTOMER: &str = "t.customer_id";
const APPLIED: &str = "applied";

impl dyn Store {
    /// A page of deliveries with their sources, newest first; `place` of the cursor is their
    /// number.
    pub async fn deliveries(&self, page: &Page) -> Result<Vec<(String, KeptDelivery)>> {
        let mut listed = Vec::new();
        for (source, after) in page.from_where_it_begins() {
            let most = left(page, listed.len());
            // Most are applied, so those are found on the way; all else is found by the timeline.
            let is_rare =
                page.filters.iter().any(|filter| *filter != (OUTCOME, APPLIED.to_owned()));
            let found = if is_rare {
                self.judged(source, (page, after), most).await?
            } else {
                self.numbered(source, (page, after), most).await?
            };
            listed.extend(found.into_iter().map(|kept| (source.to_owned(), kept)));
            if listed.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }

    /// Deliveries in the order of their numbers.
    async fn numbered(
        &self,
        source: &str,
        (page, after): (&Page, Option<&Cursor>),
        most: i64,
    ) -> Result<Vec<KeptDelivery>> {
        let mut select = Select::new(self.delivery_sql(), source);
        for (column, value) in &page.filters {
            let place = select.place(value.as_str());
            select.and(&format!(" AND {column} = {place}"));
        }
        if let Some(Cursor { place, .. }) = after {
            let place = select.place(*place);
            select.and(&format!(" AND d.number {} {place}", page.order.behind()));
        }
        select.ordered(&format!("d.number {}", page.order.direction()), most);
        select.run(self).await?.into_iter().map(kept_delivery).collect()
    }

    /// Deliveries by what the timeline says of them. Numbers and positions rise together, but of what
    /// was redriven: those are looked for apart.
    async fn judged(
        &self,
        source: &str,
        (page, after): (&Page, Option<&Cursor>),
        most: i64,
    ) -> Result<Vec<KeptDelivery>> {
        let wanted = usize::try_from(most).unwrap_or(usize::MAX);
        let mut found = self.redriven_judged(source, (page, after), most).await?;
        let mut behind = match after {
            Some(Cursor { place, .. }) => self.position_of(source, *place).await?,
            None => None,
        };
        let mut in_order = 0;
        while in_order < wanted {
            let entries = self.entries(source, (page, behind), most).await?;
            let Some((last, _)) = entries.last() else { break };
            behind = Some(*last);
            let (is_last, ids) = (entries.len() < wanted, entries.into_iter().map(|(_, id)| id));
            let sql = self.delivery_sql() + " AND " + &(self.dialect().one_of)("d.delivery_id", 2);
            let values = vec![source.into(), ids.collect::<Vec<_>>().into()];
            let kept = self.all(&sql, values).await?;
            in_order += kept.len();
            for row in kept {
                found.push(kept_delivery(row)?);
            }
            if is_last {
                break;
            }
        }
        found.sort_by_key(|kept| kept.row.number);
        if page.order.behind() == "<" {
            found.reverse();
        }
        found.truncate(wanted);
        Ok(found)
    }

    /// Entries of the timeline as the filters of deliveries say, behind a position: their positions
    /// and the ids of their steps.
    async fn entries(
        &self,
        source: &str,
        (page, behind): (&Page, Option<i64>),
        most: i64,
    ) -> Result<Vec<(i64, String)>> {
        let mut select = Select::new("", source);
        let filter = |name| page.filters.iter().find(|(column, _)| *column == name);
        let (order, direction) = (page.order.behind(), page.order.direction());
        if let Some((_, customer_id)) = filter(CUSTOMER) {
            select.and(OF_CUSTOMER);
            let place = select.place(customer_id.as_str());
            select.and(&format!("customer_id = {place}"));
            if let Some((_, outcome)) = filter(OUTCOME) {
                let place = select.place(outcome.as_str());
                select.and(&format!(" AND {} = {place}", (self.dialect().aside)("outcome")));
            }
            let key = (self.dialect().aside)("key");
            if let Some(behind) = behind {
                let place = select.place(format!("{behind:020}"));
                select.and(&format!(" AND {key} {order} {place}"));
            }
            select.ordered(&format!("{key} {direction}"), most);
            select.and(&format!(") ORDER BY key {direction}"));
        } else {
            select.and(OF_OUTCOME);
            let outcome = filter(OUTCOME).map_or("", |(_, outcome)| outcome.as_str());
            let place = select.place(outcome);
            select.and(&place);
            if let Some(behind) = behind {
                let place = select.place(behind);
                select.and(&format!(" AND first_position {order} {place}"));
            }
            select.ordered(&format!("first_position {direction}"), most);
        }
        let entry = |mut row: Row| Ok((row.int()?, step_id(&row.text()?)));
        select.run(self).await?.into_iter().map(entry).collect()
    }

    /// As [`Self::judged`], of those that were redriven as a step: there are as many as people asked
    /// for.
    async fn redriven_judged(
        &self,
        source: &str,
        (page, after): (&Page, Option<&Cursor>),
        most: i64,
    ) -> Result<Vec<KeptDelivery>> {
        let key = (self.dialect().padded)("r.first_position");
        let mut select = Select::new(REDRIVEN.replace("{key}", &key), source);
        for (column, value) in &page.filters {
            let place = select.place(value.as_str());
            select.and(&format!(" AND {} = {place}", (self.dialect().aside)(column)));
        }
        if let Some(Cursor { place, .. }) = after {
            let place = select.place(*place);
            let number = (self.dialect().aside)("d.number");
            select.and(&format!(" AND {number} {} {place}", page.order.behind()));
        }
        let number = (self.dialect().aside)("d.number");
        select.ordered(&format!("{number} {}", page.order.direction()), most);
        select.run(self).await?.into_iter().map(kept_delivery).collect()
    }

    /// The position at which a delivery was recorded.
    async fn position_of(&self, source: &str, number: i64) -> Result<Option<i64>> {
        let rows = self.all(POSITION_OF, vec![source.into(), number.into()]).await?;
        rows.into_iter().next().map(|mut row| row.int()).transpose()
    }

    /// One delivery, by its id or by that of the step as which it was redriven.
    pub async fn delivery(&self, source: &str, delivery_id: &str) -> Result<Option<KeptDelivery>> {
        let values = vec![source.into(), delivery_id.into()];
        let sql = self.delivery_sql() + " AND d.delivery_id = $2";
        if let Some(row) = self.all(&sql, values.clone()).await?.into_iter().next() {
            return kept_delivery(row).map(Some);
        }
        let Some(mut row) = self.all(KEPT_AS, values).await?.into_iter().next() else {
            return Ok(None);
        };
        let rows = self.all(&sql, vec![source.into(), row.text()?.into()]).await?;
        rows.into_iter().next().map(kept_delivery).transpose()
    }

    fn delivery_sql(&self) -> String {
        let position = "COALESCE(r.first_position, d.first_position)";
        DELIVERY.replace("{key}", &(self.dialect().padded)(position))
    }

    /// Deliveries that cannot be read, of these outcomes and received since a time, behind a
    /// position: that of the event which told so, and the id. In the order of arrival, `limit` at
    /// most.
    pub async fn unreadable(
        &self,
        source: &str,
        (outcomes, since): (Vec<String>, Timestamp),
        (after, limit): (i64, i64),
    ) -> Result<Vec<(i64, String)>> {
        let of_outcomes = (self.dialect().one_of)("e.code", 4);
        let sql = format!(
            "SELECT e.first_position, e.key FROM {UNREADABLE}{of_outcomes}
             ORDER BY e.first_position LIMIT $5"
        );
        let since = since.as_microsecond();
        let values = vec![source.into(), since.into(), after.into(), outcomes.into(), limit.into()];
        let found = self.all(&sql, values).await?.into_iter();
        found.map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }

    /// How many there are.
    pub async fn count_unreadable(
        &self,
        source: &str,
        (outcomes, since): (Vec<String>, Timestamp),
        after: i64,
    ) -> Result<i64> {
        let of_outcomes = (self.dialect().one_of)("e.code", 4);
        let sql = format!("SELECT COUNT(*) FROM {UNREADABLE}{of_outcomes}");
        let since = since.as_microsecond();
        let values = vec![source.into(), since.into(), after.into(), outcomes.into()];
        let rows = self.all(&sql, values).await?;
        rows.into_iter().next().map_or(Ok(0), |mut row| row.int())
    }
}

/// Columns as in [`DELIVERY`].
fn kept_delivery(mut row: Row) -> Result<KeptDelivery> {
    Ok(KeptDelivery {
        row: kept_row(&mut row)?,
        redriven_as: row.optional_text()?,
        document: row.optional_text()?,
    })
}

/// The first columns of [`DELIVERY`].
pub(super) fn kept_row(row: &mut Row) -> Result<DeliveryRow> {
    Ok(DeliveryRow {
        delivery_id: row.text()?,
        number: row.int()?,
        dedup_key: row.text()?,
        received_at: time(row.int()?),
        secret_id: row.text()?,
        headers: row.text()?,
        body: row.bytes()?.into(),
        outcome: outcome(&row.text()?),
        first_position: row.int()?,
        position: row.int()?,
        stream: stream(row)?,
        repeats: row.int()?,
        last_received_at: time(row.int()?),
    })
}

fn outcome(name: &str) -> &'static str {
    let known = ["applied", "duplicate", "stale", "parked", "refused", "malformed", "unrecognised"];
    known.into_iter().find(|known| *known == name).unwrap_or("unrecognised")
}

/// The id in a document of the timeline: that of the delivery, unless it was redriven.
fn step_id(document: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Entry {
        id: String,
    }
    serde_json::from_str(document).map_or_else(|_| String::new(), |Entry { id }| id)
}
