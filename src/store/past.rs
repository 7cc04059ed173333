//! What the log had at an earlier position: which streams there are to fold, found by the read
//! models as they are now. They forget no id that was ever named, so they are the index to the past,
//! and the log needs no further one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use creditrail_domain::AggregateType;
use creditrail_projections::{StreamId, identifiers};
use jiff::Timestamp;

use super::{
    Balance, Cursor, CustomerKeys, Page, Result, Store,
    lists::Select,
    proof::padded,
    reading::{external_id, kind_of, stream, time},
    sql::Row,
};

/// The key of a step is its position, and stands in the index; `{key}` is not to lead.
const MENTIONING: &str = "SELECT aggregate_type, stream, key FROM @timeline
    WHERE source = $1 AND customer_id = $2 AND {key} < $3 AND aggregate_type <> $4";

/// The transactions with a step that tells of a customer, each as often as it has such steps.
const TRANSACTIONS: &str = "SELECT stream FROM @timeline
    WHERE source = $1 AND customer_id = $2 AND {key} < $3 AND aggregate_type = 'transaction'";

/// The transactions of a customer that have not changed since a position.
const UNCHANGED: &str = "SELECT key, currency, hold, captured, refunded FROM @transactions
    WHERE source = $1 AND customer_id = $2 AND position <= $3";

/// Steps that name a customer by the partner's id alone.
const MENTIONING_PARTNER: &str = "SELECT aggregate_type, stream FROM @timeline
    WHERE source = $1 AND customer_id IS NULL AND partner_customer_id = $2 AND {key} < $3
    GROUP BY aggregate_type, stream ORDER BY MAX(key) DESC, stream LIMIT $4";

/// The steps of a customer, told by no more than the index has.
const STEPS_OF_CUSTOMER: &str = "SELECT occurred_at, key, aggregate_type, stream FROM @timeline
    WHERE source = $1 AND customer_id = $2 AND {key} < $3";

const STEPS_OF_PARTNER: &str = "SELECT occurred_at, key, aggregate_type, stream FROM @timeline
    WHERE source = $1 AND customer_id IS NULL AND partner_customer_id = $2 AND {key} < $3";

const NAMED: &str = "SELECT subject_id FROM @identifiers
    WHERE source = $1 AND key >= $2 AND key < $3 AND subject_type = $4 ORDER BY key LIMIT $5";

const TIES: &str = "SELECT key, first_position, customer_id, partner_customer_id, strength
    FROM @customers WHERE source = $1 AND ";

const APPLICANT: &str = "SELECT applicant FROM @applications WHERE source = $1 AND key = $2";

/// How much of the log is looked through at once for events of a kind.
const WINDOW: i64 = 10_000;

const OF_KIND: &str = "SELECT position, aggregate_type, aggregate_id FROM @events
    WHERE source = $1 AND position >= $2 AND position <= $3 AND aggregate_type = $4
    ORDER BY position {direction} LIMIT $5";

const RECORDED_AT: &str = "SELECT recorded_at FROM @events WHERE source = $1 AND position = $2";

/// A row of the read model of customers: two ids, or one of them alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The position of the event that told so first; of a link, since when it has counted.
    pub first_position: i64,
    /// The lender's id.
    pub customer_id: Option<String>,
    /// The partner's.
    pub partner_customer_id: Option<String>,
    /// `seen`, `implied`, `explicit`, `ended` or `parked`.
    pub strength: String,
    /// Whether it is a link, whose row changes; the others stay as they were first told.
    pub is_link: bool,
}

/// By kind and id of a stream: the key of its newest step.
type Newest = BTreeMap<AggregateType, HashMap<String, String>>;

impl dyn Store {
    /// The streams with a step up to a position that tells of a customer: those with the newest steps
    /// first. But for a kind, if that is given.
    ///
    /// # Errors
    /// [`StoreError`](super::StoreError), as for all reads.
    pub async fn mentioning(
        &self,
        source: &str,
        customer_id: &str,
        (up_to, but): (i64, Option<AggregateType>),
    ) -> Result<Vec<StreamId>> {
        let but = but.map_or("", AggregateType::name);
        let values = vec![source.into(), customer_id.into(), end(up_to).into(), but.into()];
        let sql = self.aside_key(MENTIONING);
        let newest = self.folded((&sql, values), Newest::new(), |newest, mut row| {
            let (kind, stream, key) = (row.text()?, row.text()?, row.text()?);
            let streams = newest.entry(kind_of(kind)).or_default();
            match streams.get_mut(stream) {
                Some(known) if key > known.as_str() => key.clone_into(known),
                Some(_) => {}
                None => drop(streams.insert(stream.to_owned(), key.to_owned())),
            }
            Ok(())
        });
        let mut found = Vec::new();
        for (aggregate_type, streams) in newest.await? {
            let stream = |(id, key)| (key, StreamId { aggregate_type, id });
            found.extend(streams.into_iter().map(stream));
        }
        found.sort_unstable_by(|one: &(String, StreamId), other| {
            other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1))
        });
        Ok(found.into_iter().map(|(_, stream)| stream).collect())
    }

    /// What the transactions of a customer come to that have not changed since a position, but for these; and
    /// the ids of the others with a step up to a position that tells of the customer.
    ///
    /// Both lists are looked through where the database has them: in one statement, SQLite takes three
    /// times as long to put their difference together.
    pub async fn unchanged(
        &self,
        (source, customer_id): (&str, &str),
        up_to: i64,
        (since, but): (i64, BTreeSet<String>),
    ) -> Result<(Vec<Balance>, HashSet<String>)> {
        let values = vec![source.into(), customer_id.into(), end(up_to).into()];
        let sql = self.aside_key(TRANSACTIONS);
        let mentioned = self.folded((&sql, values), HashSet::new(), |streams, mut row| {
            let stream = row.text()?;
            if !streams.contains(stream) {
                streams.insert(stream.to_owned());
            }
            Ok(())
        });
        let begin = (BTreeMap::<String, [i128; 3]>::new(), mentioned.await?);
        let values = vec![source.into(), customer_id.into(), since.into()];
        let (sums, changed) = self
            .folded((UNCHANGED, values), begin, move |(sums, changed), mut row| {
                let (key, currency) = (row.text()?, row.optional_text()?);
                if but.contains(key) {
                    return Ok(());
                }
                changed.remove(key);
                let Some(currency) = currency else { return Ok(()) };
                if !sums.contains_key(currency) {
                    sums.insert(currency.to_owned(), [0; 3]);
                }
                for sum in sums.get_mut(currency).into_iter().flatten() {
                    *sum += i128::from(row.int()?);
                }
                Ok(())
            })
            .await?;
        let shown = |sum| i64::try_from(sum).unwrap_or(i64::MAX);
        let balances =
            sums.into_iter().map(|(currency, sums)| Balance::of(currency, sums.map(shown)));
        Ok((balances.collect(), changed))
    }

    /// As `mentioning`, of those with a step that names a customer by the partner's id alone, `limit` at
    /// most.
    pub async fn mentioning_partner(
        &self,
        source: &str,
        partner_customer_id: &str,
        up_to: i64,
        limit: i64,
    ) -> Result<Vec<StreamId>> {
        let id = partner_customer_id;
        let values = vec![source.into(), id.into(), end(up_to).into(), limit.into()];
        self.all(&self.aside_key(MENTIONING_PARTNER), values)
            .await?
            .iter_mut()
            .map(stream)
            .collect()
    }

    /// Where the steps of a customer stand in its timeline, of those up to a position: a page of them,
    /// each with its stream.
    pub async fn steps_of(
        &self,
        customer: &CustomerKeys,
        page: &Page,
        up_to: i64,
    ) -> Result<Vec<(Cursor, StreamId)>> {
        let CustomerKeys { source, customer_id, partner_customer_ids } = customer;
        let partners = partner_customer_ids.iter().map(|id| (STEPS_OF_PARTNER, id));
        let mut steps = Vec::new();
        for (whose, id) in [(STEPS_OF_CUSTOMER, customer_id)].into_iter().chain(partners) {
            let mut select = Select::new(self.aside_key(whose), source);
            select.place(id.as_str());
            select.place(end(up_to));
            select.in_time(page);
            for mut row in select.run(self).await? {
                let (place, key) = (row.int()?, row.text()?);
                steps.push((Cursor { source: source.clone(), place, key }, stream(&mut row)?));
            }
        }
        steps.sort_by(|(one, _), (other, _)| page.order.in_time(one, other));
        steps.truncate(page.limit);
        Ok(steps)
    }

    fn aside_key(&self, sql: &str) -> String {
        sql.replace("{key}", &(self.dialect().aside)("key"))
    }

    /// The things of a kind with which a value was ever named, `limit` at most.
    pub async fn named(
        &self,
        source: &str,
        (value, kind): (&str, &'static str),
        limit: i64,
    ) -> Result<Vec<String>> {
        let (from, to) = identifiers::keys_of(value);
        let values = vec![source.into(), from.into(), to.into(), kind.into(), limit.into()];
        self.all(NAMED, values).await?.into_iter().map(|mut row| row.text()).collect()
    }

    /// What is known of ids of customers: the rows whose column (`customer_id` or
    /// `partner_customer_id`) is one of them.
    pub async fn ties(
        &self,
        source: &str,
        column: &'static str,
        ids: Vec<String>,
    ) -> Result<Vec<Tie>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = TIES.to_owned() + &(self.dialect().one_of)(column, 2);
        let tie = |mut row: Row| {
            let key = row.text()?;
            Ok(Tie {
                first_position: row.int()?,
                customer_id: row.optional_text()?,
                partner_customer_id: row.optional_text()?,
                strength: row.text()?,
                is_link: key.starts_with("[\"link\""),
            })
        };
        self.all(&sql, vec![source.into(), ids.into()]).await?.into_iter().map(tie).collect()
    }

    /// The stream in which an application lives.
    pub async fn applicant(&self, source: &str, application_id: &str) -> Result<Option<String>> {
        let rows = self.all(APPLICANT, vec![source.into(), application_id.into()]).await?;
        rows.into_iter().next().map(|mut row| row.text()).transpose()
    }

    /// Where events of a kind stand in the log, from a position on: upwards or downwards, `limit` at
    /// most, and of a bounded part of it. The last position that was looked at, if any was.
    pub async fn events_of_kind(
        &self,
        source: &str,
        kind: AggregateType,
        (from, is_upwards): (i64, bool),
        limit: i64,
    ) -> Result<(Vec<(i64, StreamId)>, Option<i64>)> {
        let (low, high) = if is_upwards {
            (from, from.saturating_add(WINDOW - 1))
        } else {
            (from.saturating_sub(WINDOW - 1).max(1), from)
        };
        if high < 1 {
            return Ok((Vec::new(), None));
        }
        let direction = if is_upwards { "ASC" } else { "DESC" };
        let sql = OF_KIND.replace("{direction}", direction);
        let values = vec![source.into(), low.into(), high.into(), kind.name().into(), limit.into()];
        let place = |mut row: Row| {
            let position = row.int()?;
            let StreamId { aggregate_type, id } = stream(&mut row)?;
            Ok((position, StreamId { aggregate_type, id: external_id(&id).to_owned() }))
        };
        let found: Vec<_> =
            self.all(&sql, values).await?.into_iter().map(place).collect::<Result<_>>()?;
        let is_cut = i64::try_from(found.len()).is_ok_and(|found| found == limit);
        let end = if is_upwards { high } else { low };
        let end = found.last().filter(|_| is_cut).map_or(end, |(position, _)| *position);
        Ok((found, Some(end)))
    }

    /// When the event at a position was recorded.
    pub async fn recorded_at(&self, source: &str, position: i64) -> Result<Option<Timestamp>> {
        let rows = self.all(RECORDED_AT, vec![source.into(), position.into()]).await?;
        rows.into_iter().next().map(|mut row| row.int().map(time)).transpose()
    }

    /// The newest position, up to `head`, at which no event is younger than `at`; 0 if all are.
    /// Times of recording never run backwards along the log, so halving finds it.
    pub async fn position_at(&self, source: &str, at: Timestamp, head: i64) -> Result<i64> {
        let (mut known, mut beyond) = (0, head + 1);
        while known + 1 < beyond {
            let middle = known + (beyond - known) / 2;
            match self.recorded_at(source, middle).await? {
                Some(recorded_at) if recorded_at <= at => known = middle,
                _ => beyond = middle,
            }
        }
        Ok(known)
    }
}

/// What every key of a row that began up to a position is before.
fn end(up_to: i64) -> String {
    padded(up_to.saturating_add(1))
}
