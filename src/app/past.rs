//! Lists and timelines as they were. Which rows to look at is told by the read models as they are, or
//! by the log; what they were is folded.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use creditrail_domain::AggregateType;
use creditrail_projections::{Change, StreamId, customers, exceptions, payment_methods, row};
use serde_json::Value;

use super::{
    Creditrail,
    lists::List,
    moments::{Seen, When},
    read::{Items, ReadError, UNKNOWN_PAYMENT_METHOD, one_more},
    then::{Then, aggregate_type, document, number, text},
    things::{MOST, Rows as _, Things},
};
use crate::store::{Cursor, CustomerKeys, Order, Page};

/// How many candidates are looked up, and folded, at once.
const PORTION: usize = 200;
/// How many portions one page looks at. If few of them fit, the page is shorter than asked for.
const PORTIONS: usize = 5;

/// What may be a row of the list.
struct Candidate {
    /// Where it stands in the list.
    place: i64,
    /// Its key, if the stream may have several rows.
    key: Option<String>,
    stream: StreamId,
    /// Of a conflict of identities: whom it is about.
    customer: Option<String>,
}

/// The candidates of a list from a place on, and from where to go on.
type Portion = (Vec<Candidate>, Option<Cursor>);

/// A list of one source as it was.
struct Past<'a> {
    things: Things<'a, Then<'a>>,
    list: List,
    page: &'a Page,
}

/// Rows with their places, and from where to go on.
#[derive(Default)]
struct Found {
    rows: Vec<(Cursor, Change)>,
    next: Option<Cursor>,
}

impl Creditrail {
    /// A page of a list as it was, or as it is. One of the past may be shorter than its limit although
    /// there is a next one: what it looks at is bounded.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_at(&self, list: List, page: Page, when: When) -> Result<Items, ReadError> {
        if when.is_now() {
            return self.list(list, page).await;
        }
        let mut all = Items { items: Vec::new(), next: None };
        let from = page.after.as_ref().map(|after| after.source.as_str());
        let mut sources =
            page.sources.iter().skip_while(|source| from.is_some_and(|from| *source != from));
        while let Some(source) = sources.next() {
            let seen = self.seen(source, when).await?;
            let after = page.after.clone().filter(|after| after.source == *source);
            let limit = page.limit - all.items.len();
            let rest = Page { after, limit, ..page.clone() };
            let past = Past { things: self.things_at(source, seen).await?, list, page: &rest };
            let found = past.found().await?;
            let mut items = found
                .rows
                .iter()
                .map(|(_, row)| document(row))
                .collect::<Result<Vec<_>, ReadError>>()?;
            if list == List::Transactions {
                past.flag_unknown_payment_methods(&mut items).await?;
            }
            all.items.extend(items);
            let beginning = |source: &String| start(source, page.order);
            all.next = found.next;
            if all.next.is_none() && all.items.len() >= page.limit {
                all.next = sources.next().map(beginning);
            }
            if all.next.is_some() || all.items.len() >= page.limit {
                break;
            }
        }
        Ok(all)
    }

    /// A page of a customer's timeline as it was, in the order in which things happened; `None` if the
    /// customer was not known. One of what had happened by a time may be shorter than its limit although
    /// there is a next one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline_at(
        &self,
        (source, id): (&str, &str),
        page: Page,
        seen: Seen,
    ) -> Result<Option<Items>, ReadError> {
        let customer_id = creditrail_domain::ids::canonical(id);
        let things = self.things_at(source, seen).await?;
        if things.rows.identities(&customer_id).await?.is_empty() {
            return Ok(None);
        }
        let partner_customer_ids = things.partners(&customer_id).await?;
        let keys = CustomerKeys { source: source.to_owned(), customer_id, partner_customer_ids };
        // No step changes when it happened. So the streams of as many steps as the page has are folded,
        // and those whose steps may have told of another customer then.
        let steps = self.store.steps_of(&keys, &one_more(&page), things.rows.up_to()).await?;
        let end = steps.get(page.limit).map(|(cursor, _)| cursor.clone());
        let mut streams: BTreeSet<_> = steps.into_iter().map(|(_, stream)| stream).collect();
        for id in [&keys.customer_id].into_iter().chain(&keys.partner_customer_ids) {
            streams.extend(things.rows.ever_named(id).await?);
        }
        let list = List::Deliveries;
        let rows = things.rows.rows(list.model(), streams.into_iter().collect()).await?;
        let is_own = |row: &Change| match text(list, row, "customer_id") {
            Some(customer) => customer == keys.customer_id,
            None => text(list, row, "partner_customer_id")
                .is_some_and(|partner| keys.partner_customer_ids.iter().any(|own| own == partner)),
        };
        let placed = rows.into_iter().filter(is_own).map(|row| {
            let place = number(list, &row, "occurred_at");
            (Cursor { source: source.to_owned(), place, key: row.key.clone() }, row)
        });
        let is_near =
            |end: &Cursor, place: &Cursor| page.order.in_time(place, end) != Ordering::Greater;
        let near = placed.filter(|(place, _)| end.as_ref().is_none_or(|end| is_near(end, place)));
        let Found { rows, next } = Found::of(near.collect(), &page);
        let items = rows.iter().map(|(_, row)| document(row)).collect::<Result<_, _>>()?;
        Ok(Some(Items { items, next: next.or(end) }))
    }
}

impl Past<'_> {
    async fn found(&self) -> Result<Found, ReadError> {
        match self.narrowed().await? {
            Some(streams) => self.among(streams).await,
            None => self.looked_through().await,
        }
    }

    /// The streams to look at by the filters; `None` if they are too many, or no filter tells.
    async fn narrowed(&self) -> Result<Option<Vec<StreamId>>, ReadError> {
        let rows = &self.things.rows;
        let by = ["customer_id", "partner_customer_id", "application_id"];
        let filter =
            by.iter().find_map(|name| self.page.filters.iter().find(|(column, _)| column == name));
        let Some((column, value)) = filter else { return Ok(None) };
        let streams = match (self.list, *column) {
            // Whom a conflict is about is told by no stream.
            (List::Exceptions, _) => return Ok(None),
            (_, "customer_id") => rows.naming("customer_id", value).await?,
            (list, column) => rows.candidates(list, (column, value)).await?,
        };
        let kind = aggregate_type(self.list);
        let is_whole = streams.len() < MOST;
        let of_kind = streams.into_iter().filter(|stream| stream.aggregate_type == kind);
        Ok(is_whole.then(|| of_kind.collect()))
    }

    /// The rows of these streams.
    async fn among(&self, streams: Vec<StreamId>) -> Result<Found, ReadError> {
        let rows = self.things.rows.rows(self.list.model(), streams).await?;
        let placed = rows
            .into_iter()
            .filter(|row| self.fits(row))
            .map(|row| (self.cursor(number(self.list, &row, "first_position"), &row.key), row));
        Ok(Found::of(placed.collect(), self.page))
    }

    /// The rows of one candidate after the other, until there are enough or too many were looked at.
    async fn looked_through(&self) -> Result<Found, ReadError> {
        let mut found = Found::default();
        let begin = start(self.things.source, self.page.order);
        let mut after = self.page.after.clone().unwrap_or(begin);
        for _ in 0..PORTIONS {
            let (candidates, next) = self.candidates(&after).await?;
            for row in self.rows_of(&candidates).await? {
                if is_behind(&row.0, &after, self.page.order) && self.fits(&row.1) {
                    found.rows.push(row);
                }
                if found.rows.len() == self.page.limit {
                    found.next = found.rows.last().map(|(cursor, _)| cursor.clone());
                    return Ok(found);
                }
            }
            let Some(next) = next else { return Ok(found) };
            after = next;
        }
        found.next = Some(after);
        Ok(found)
    }

    /// What these candidates were, in their order.
    async fn rows_of(&self, candidates: &[Candidate]) -> Result<Vec<(Cursor, Change)>, ReadError> {
        let streams = candidates.iter().filter(|candidate| candidate.customer.is_none());
        let streams: BTreeSet<_> = streams.map(|candidate| candidate.stream.clone()).collect();
        let rows = self.things.rows.rows(self.list.model(), streams.into_iter().collect()).await?;
        let (mut by_key, mut by_place) = (BTreeMap::new(), BTreeMap::<i64, Vec<Change>>::new());
        for row in rows {
            by_place
                .entry(number(self.list, &row, "first_position"))
                .or_default()
                .push(row.clone());
            by_key.insert(row.key.clone(), row);
        }
        let mut found = Vec::new();
        for candidate in candidates {
            let rows = match (&candidate.key, &candidate.customer) {
                (Some(key), Some(customer)) => self.conflict(key, customer).await?,
                (Some(key), None) => by_key.get(key).cloned(),
                (None, _) => None,
            };
            // In a list of the log's own order several rows of a stream may begin at one event.
            let mut rows: Vec<_> = rows.into_iter().collect();
            if candidate.key.is_none() {
                rows.extend(by_place.get(&candidate.place).cloned().unwrap_or_default());
            }
            if self.page.order != Order::Oldest {
                rows.reverse();
            }
            let cursor = |row: &Change| self.cursor(candidate.place, &row.key);
            found.extend(rows.into_iter().map(|row| (cursor(&row), row)));
        }
        Ok(found)
    }

    async fn candidates(&self, after: &Cursor) -> Result<Portion, ReadError> {
        match self.list {
            List::Applications | List::Actions => self.events(after).await,
            _ => self.keys(after).await,
        }
    }

    /// Rows that are there now: no row of these lists goes, nor changes its place.
    async fn keys(&self, after: &Cursor) -> Result<Portion, ReadError> {
        let (rows, up_to) = (&self.things.rows, self.things.rows.up_to());
        let mut after = after.clone();
        if self.page.order == Order::Newest && after.place > up_to {
            (after.place, after.key) = (up_to.saturating_add(1), String::new());
        }
        let page = Page {
            sources: vec![self.things.source.to_owned()],
            order: self.page.order,
            after: Some(after),
            limit: PORTION,
            ..Page::default()
        };
        let listed = rows.listed(self.list, &page).await?;
        let mut next = listed.last().map(|row| row.cursor.clone());
        next = next.filter(|last| listed.len() == PORTION && last.place <= up_to);
        let known = listed.into_iter().filter(|row| row.cursor.place <= up_to);
        let candidates = known.map(|row| self.candidate(row.cursor, &row.document));
        Ok((candidates.collect::<Result<_, _>>()?, next))
    }

    fn candidate(&self, cursor: Cursor, document: &str) -> Result<Candidate, ReadError> {
        let Cursor { place, key, .. } = cursor;
        let (mut kind, mut id, mut customer) = (aggregate_type(self.list), key.clone(), None);
        if self.list == List::Exceptions {
            let document: Value = serde_json::from_str(document)?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            kind = AggregateType::Exception;
            let stream = &document["stream"];
            let of = stream["type"].as_str().and_then(AggregateType::named);
            if let (Some(of), Some(stream)) = (of, text(&stream["id"])) {
                (kind, id) = (of, stream);
            }
            if document["kind"] == exceptions::CONFLICT {
                customer = text(&document["subject"]["id"]);
            }
        }
        let stream = StreamId { aggregate_type: kind, id };
        Ok(Candidate { place, key: Some(key), stream, customer })
    }

    /// The events of the streams of a list, in a part of the log. A row begins at one of them.
    async fn events(&self, after: &Cursor) -> Result<Portion, ReadError> {
        let (kind, up_to) = (aggregate_type(self.list), self.things.rows.up_to());
        let is_oldest = self.page.order == Order::Oldest;
        let most = i64::try_from(PORTION).unwrap_or(i64::MAX);
        let from = if is_oldest { after.place.max(1) } else { after.place.min(up_to) };
        let (events, end) = self.things.rows.events(kind, (from, is_oldest), most).await?;
        let next = match (end, is_oldest) {
            (Some(end), true) if end < up_to => Some(self.cursor(end + 1, "")),
            (Some(end), false) if end > 1 => Some(self.cursor(end, "")),
            _ => None,
        };
        let known = events.into_iter().filter(|(place, _)| *place <= up_to);
        let candidates =
            known.map(|(place, stream)| Candidate { place, key: None, stream, customer: None });
        Ok((candidates.collect(), next))
    }

    /// A conflict of identities as it was: of the pairs that were known, and resolved if it was.
    async fn conflict(&self, key: &str, customer: &str) -> Result<Option<Change>, ReadError> {
        let (rows, source) = (&self.things.rows, self.things.source);
        let pairs = rows.pairs_around(customer).await?;
        let mut changes = customers::conflicts(source, &pairs, 0);
        let stream = StreamId { aggregate_type: AggregateType::Exception, id: key.to_owned() };
        changes.extend(rows.rows(&exceptions::READ_MODEL, vec![stream]).await?);
        changes.retain(|change| change.key == key);
        Ok(row::merge(changes).into_iter().next())
    }

    fn fits(&self, row: &Change) -> bool {
        let mut filters = self.page.filters.iter();
        filters.all(|(column, value)| text(self.list, row, column) == Some(value))
    }

    fn cursor(&self, place: i64, key: &str) -> Cursor {
        Cursor { source: self.things.source.to_owned(), place, key: key.to_owned() }
    }

    /// As for the present: a card that was not known then.
    async fn flag_unknown_payment_methods(&self, documents: &mut [Value]) -> Result<(), ReadError> {
        let card = |document: &Value| document["payment_method_id"].as_str().map(str::to_owned);
        let cards: BTreeSet<_> = documents.iter().filter_map(card).collect();
        let aggregate_type = AggregateType::PaymentMethod;
        let streams = cards.into_iter().map(|id| StreamId { aggregate_type, id }).collect();
        let known = self.things.rows.rows(&payment_methods::READ_MODEL, streams).await?;
        for document in documents {
            if card(document).is_some_and(|card| known.iter().all(|row| row.key != card))
                && let Some(flags) = document["flags"].as_array_mut()
            {
                flags.push(UNKNOWN_PAYMENT_METHOD.into());
            }
        }
        Ok(())
    }
}

impl Found {
    /// A page of all rows that there are.
    fn of(mut rows: Vec<(Cursor, Change)>, page: &Page) -> Self {
        if let Some(after) = &page.after {
            rows.retain(|(cursor, _)| is_behind(cursor, after, page.order));
        }
        let place = |(cursor, _): &(Cursor, Change)| (cursor.place, cursor.key.clone());
        rows.sort_by_key(place);
        if page.order != Order::Oldest {
            rows.reverse();
        }
        let more = rows.len() > page.limit;
        rows.truncate(page.limit);
        let next = rows.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
        Self { rows, next }
    }
}

/// Before the first row of a source.
fn start(source: &str, order: Order) -> Cursor {
    let place = if order == Order::Oldest { 0 } else { i64::MAX };
    Cursor { source: source.to_owned(), place, key: String::new() }
}

fn is_behind(row: &Cursor, after: &Cursor, order: Order) -> bool {
    let (row, after) = ((row.place, &row.key), (after.place, &after.key));
    if order == Order::Oldest { row > after } else { row < after }
}
