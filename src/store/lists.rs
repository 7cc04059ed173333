//! Pages of read models: in each order by an index, whatever is filtered.
//!
//! A list has an index for each of its filters, and for few pairs of them: of several filters the
//! narrowest leads, and the others are looked at in the rows that it finds.

use std::cmp::{Ordering, Reverse};

use creditrail_projections::{Table, findings};
use jiff::Timestamp;

use super::{
    Cursor, CustomerKeys, Listed, Order, Page, Result, Store, Unmatched,
    sql::{Dialect, Row, Value},
};

/// Which filter leads, the narrowest first. What is open is little, what was is much; so `status` has
/// two places.
const NARROWEST: [&str; 12] = [
    "customer_id",
    "partner_customer_id",
    "application_id",
    "payment_method_id",
    "open",
    "actor",
    "act",
    "code",
    "kind",
    "owner",
    "severity",
    "status",
];

/// Filters that have an index together.
const TOGETHER: [(&str, [&str; 2]); 7] = [
    ("transactions", ["status", "currency"]),
    ("compliance", ["status", "kind"]),
    ("exceptions", ["status", "code"]),
    ("exceptions", ["status", "severity"]),
    ("actions", ["status", "kind"]),
    ("actions", ["status", "owner"]),
    ("actions", ["kind", "owner"]),
];

/// Those that have one in the order of what is at stake, too.
const BY_STAKE: [&str; 2] = ["status", "severity"];

/// The steps of a customer.
const OF_CUSTOMER: &str = "SELECT key, occurred_at, document FROM @timeline
    WHERE source = $1 AND customer_id = $2";

/// Steps that name a customer by the partner's id alone.
const OF_PARTNER: &str = "SELECT key, occurred_at, document FROM @timeline
    WHERE source = $1 AND customer_id IS NULL AND partner_customer_id = $2";

/// The column that tells the lists of one table apart.
const OWN: &str = "list";

/// Which findings stand: those whose time has come, and that nothing else of the customer settles.
const STANDING: &str =
    " AND stands_from < 9223372036854775807 AND stands_from <= {now} AND (unless IS NULL
    OR (unless = 'card' AND NOT EXISTS (SELECT 1 FROM @payment_methods AS o
        WHERE o.source = l.source AND o.customer_id = l.customer_id))
    OR (unless = 'decision' AND NOT EXISTS (SELECT 1 FROM @applications AS o
        WHERE o.source = l.source AND o.customer_id = l.customer_id AND o.status = 'accepted')))";

/// Which rows of a list are meant, by the clock.
#[derive(Clone, Copy)]
enum Within {
    /// Findings that stand at a time.
    Standing(Timestamp),
    /// What runs out from a time on, and before one.
    Due { from: Option<i64>, before: Option<i64> },
}

impl dyn Store {
    /// A page of a read model. By position the sources stand one after the other, for positions of
    /// different logs do not compare; by what is at stake it is one order over all sources.
    pub async fn list(&self, table: &'static Table, page: &Page) -> Result<Vec<Listed>> {
        self.list_where(table, page, None).await
    }

    /// A page of what is counted, the first to run out first; of what runs out from `from` on and
    /// before `before`, in microseconds since 1970.
    pub async fn clocks(
        &self,
        table: &'static Table,
        page: &Page,
        (from, before): (Option<i64>, Option<i64>),
    ) -> Result<Vec<Listed>> {
        let within = Within::Due { from, before };
        self.list_where(table, page, Some(within)).await
    }

    /// A page of the findings that stand at a time, newest first within a source.
    pub async fn findings(&self, page: &Page, now: Timestamp) -> Result<Vec<Listed>> {
        self.list_where(findings::READ_MODEL.table, page, Some(Within::Standing(now))).await
    }

    async fn list_where(
        &self,
        table: &'static Table,
        page: &Page,
        within: Option<Within>,
    ) -> Result<Vec<Listed>> {
        if page.order == Order::Stake {
            // What one customer has is sorted.
            let is_of_customer = page.filters.iter().any(|(column, _)| *column == "customer_id");
            let column = page.order.column();
            let by =
                if is_of_customer { (self.dialect().aside)(column) } else { column.to_owned() };
            return self.list_over((table, page), (column, &by)).await;
        }
        let mut listed = Vec::new();
        for (source, after) in page.from_where_it_begins() {
            let column = page.order.column();
            let mut select = self.select_rows(source, (table, page), column);
            select.within(within);
            if let Some(Cursor { place, key, .. }) = after {
                let (place, key) = (select.place(*place), select.place(key.as_str()));
                let behind = page.order.behind();
                select.and(&format!(" AND ({column}, key) {behind} ({place}, {key})"));
            }
            let direction = page.order.direction();
            let by = format!("{column} {direction}, key {direction}");
            select.ordered(&by, left(page, listed.len()));
            for row in select.run(self).await? {
                listed.push(listed_row(row, source)?);
            }
            if listed.len() >= page.limit {
                break;
            }
        }
        Ok(listed)
    }

    /// A page of a table of what was done, in order over all sources; `place` is the time.
    pub async fn chronicle(&self, table: &'static Table, page: &Page) -> Result<Vec<Listed>> {
        self.list_over((table, page), ("done_at", "done_at")).await
    }

    /// The beginning of a statement for rows of a source, with the filters of the page.
    fn select_rows(
        &self,
        source: &str,
        (table, page): (&'static Table, &Page),
        column: &str,
    ) -> Select {
        let from =
            format!("SELECT key, {column}, document FROM @{} AS l WHERE source = $1", table.name);
        let mut select = Select::new(from, source);
        select.filters((table, page), self.dialect());
        select
    }

    /// A page in the order of a column whose values compare from source to source; `by` is the column
    /// as the database is to sort by it. Where the values are equal, the sources stand in the order of
    /// their names.
    async fn list_over(
        &self,
        (table, page): (&'static Table, &Page),
        (column, by): (&str, &str),
    ) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        let mut sources: Vec<_> = page.sources.iter().collect();
        sources.sort_unstable();
        for source in sources {
            let mut select = self.select_rows(source, (table, page), column);
            if let Some(Cursor { source: last, place, key }) = &page.after {
                let place = select.place(*place);
                let behind = page.order.behind();
                match source.cmp(last) {
                    Ordering::Less => select.and(&format!(" AND {by} {behind} {place}")),
                    Ordering::Equal => {
                        let key = select.place(key.as_str());
                        select.and(&format!(" AND ({by}, key) {behind} ({place}, {key})"));
                    }
                    Ordering::Greater => select.and(&format!(" AND {by} {behind}= {place}")),
                }
            }
            let direction = page.order.direction();
            select.ordered(&format!("{by} {direction}, key {direction}"), left(page, 0));
            for row in select.run(self).await? {
                listed.push(listed_row(row, source)?);
            }
        }
        // Each source is in order; a stable sort leaves it so.
        match page.order {
            Order::Newest | Order::Stake => listed.sort_by_key(|row| Reverse(row.cursor.place)),
            Order::Oldest | Order::Due => listed.sort_by_key(|row| row.cursor.place),
        }
        listed.truncate(page.limit);
        Ok(listed)
    }

    /// The findings that another one may settle whose column (`key` or `customer_id`) is one of these.
    pub async fn unmatched(
        &self,
        source: &str,
        column: &'static str,
        values: Vec<String>,
    ) -> Result<Vec<Unmatched>> {
        let sql = UNMATCHED.to_owned() + &(self.dialect().one_of)(column, 2);
        let unmatched = |mut row: Row| {
            Ok(Unmatched {
                key: row.text()?,
                first_position: row.int()?,
                list: row.text()?,
                code: row.text()?,
                customer_id: row.text()?,
                stands_from: row.int()?,
                unless: row.text()?,
                document: row.text()?,
            })
        };
        let values = vec![source.into(), values.into()];
        self.all(&sql, values).await?.into_iter().map(unmatched).collect()
    }

    /// A page of the timeline of a customer; `place` is the time of occurrence.
    pub async fn timeline(&self, customer: &CustomerKeys, page: &Page) -> Result<Vec<Listed>> {
        let CustomerKeys { source, customer_id, partner_customer_ids } = customer;
        let partners = partner_customer_ids.iter().map(|id| (OF_PARTNER, id));
        let mut listed = Vec::new();
        // Each is in order by an index of its own.
        for (whose, id) in [(OF_CUSTOMER, customer_id)].into_iter().chain(partners) {
            let mut select = Select::new(whose, source);
            select.place(id.as_str());
            select.in_time(page);
            for row in select.run(self).await? {
                listed.push(listed_row(row, source)?);
            }
        }
        listed.sort_by(|one, other| page.order.in_time(&one.cursor, &other.cursor));
        listed.truncate(page.limit);
        Ok(listed)
    }
}

/// Columns of [`Unmatched`].
const UNMATCHED: &str = "SELECT key, first_position, list, code, customer_id, stands_from, unless,
    document FROM @findings WHERE source = $1 AND unless IS NOT NULL AND ";

/// The filters of a page by which an index finds its rows.
fn leading(table: &Table, page: &Page) -> Vec<&'static str> {
    let rank = |(column, value): &(&'static str, String)| {
        let name = if value == "open" && *column == "status" { "open" } else { column };
        NARROWEST.iter().position(|known| *known == name).unwrap_or(NARROWEST.len())
    };
    // Of two lists in one table each has its own part of every index.
    let (own, filters): (Vec<_>, Vec<_>) =
        page.filters.iter().partition(|(column, _)| *column == OWN);
    let first = filters.into_iter().min_by_key(|filter| rank(filter)).map(|(column, _)| *column);
    let has = |name: &str| page.filters.iter().any(|(column, _)| *column == name);
    let pair = TOGETHER.iter().find(|(of, pair)| {
        *of == table.name
            && (page.order != Order::Stake || *pair == BY_STAKE)
            && first.is_some_and(|first| pair.contains(&first))
            && pair.iter().all(|name| has(name))
    });
    let leading = pair.map_or_else(|| first.into_iter().collect(), |(_, pair)| pair.to_vec());
    own.into_iter().map(|(column, _)| *column).chain(leading).collect()
}

/// A statement that is put together of parts, with its values.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Select {
    /// `$1` is the source.
    pub(super) fn new(sql: impl Into<String>, source: &str) -> Self {
        Self { sql: sql.into(), values: vec![source.into()] }
    }

    /// Binds a value: its place in the text.
    pub(super) fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    pub(super) fn and(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// The filters of a page of a table: those by which rows are looked up, and those that are looked
    /// at in the rows that are found so.
    fn filters(&mut self, (table, page): (&Table, &Page), dialect: &Dialect) {
        let leading = leading(table, page);
        for (column, value) in &page.filters {
            let place = self.place(value.as_str());
            let leads = leading.contains(column);
            let column = if leads { (*column).to_owned() } else { (dialect.aside)(column) };
            self.and(&format!(" AND {column} = {place}"));
        }
        if let Some((column, values)) = &page.among {
            self.values.push(values.clone().into());
            let one_of = (dialect.one_of)(&(dialect.aside)(column), self.values.len());
            self.and(&format!(" AND {one_of}"));
        }
    }

    fn within(&mut self, within: Option<Within>) {
        match within {
            None => {}
            Some(Within::Standing(now)) => {
                let now = self.place(now.as_microsecond());
                self.and(&STANDING.replace("{now}", &now));
            }
            Some(Within::Due { from, before }) => {
                for (bound, time) in [(">=", from), ("<", before)] {
                    let Some(time) = time else { continue };
                    let time = self.place(time);
                    self.and(&format!(" AND due_at {bound} {time}"));
                }
            }
        }
    }

    pub(super) fn ordered(&mut self, by: &str, limit: i64) {
        let limit = self.place(limit);
        self.and(&format!(" ORDER BY {by} LIMIT {limit}"));
    }

    /// A page of steps by when they happened.
    pub(super) fn in_time(&mut self, page: &Page) {
        if let Some(Cursor { place, key, .. }) = &page.after {
            let (place, key) = (self.place(*place), self.place(key.as_str()));
            let behind = page.order.behind();
            self.and(&format!(" AND (occurred_at, key) {behind} ({place}, {key})"));
        }
        let direction = page.order.direction();
        let by = format!("occurred_at {direction}, key {direction}");
        self.ordered(&by, left(page, 0));
    }

    pub(super) async fn run(self, store: &dyn Store) -> Result<Vec<Row>> {
        store.all(&self.sql, self.values).await
    }
}

impl Page {
    /// The sources from where the page before ended, and that end for the first of them.
    pub fn from_where_it_begins(&self) -> impl Iterator<Item = (&str, Option<&Cursor>)> {
        let from = self.after.as_ref().map(|after| after.source.as_str());
        self.sources
            .iter()
            .map(String::as_str)
            .skip_while(move |source| from.is_some_and(|from| *source != from))
            .map(|source| (source, self.after.as_ref().filter(|after| after.source == source)))
    }
}

pub(super) fn left(page: &Page, listed: usize) -> i64 {
    i64::try_from(page.limit.saturating_sub(listed)).unwrap_or(i64::MAX)
}

/// Columns: key, place, document.
fn listed_row(mut row: Row, source: &str) -> Result<Listed> {
    let (key, place) = (row.text()?, row.int()?);
    let cursor = Cursor { source: source.to_owned(), place, key };
    Ok(Listed { cursor, document: row.text()? })
}
