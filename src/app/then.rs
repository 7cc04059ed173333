//! The rows as they were at a position of the log, of what had happened by a time, or as they would be:
//! streams are cut there, folded, and given to the read models' own `project`.

mod ties;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use creditrail_domain::{AggregateType, HappenedBy, Policies, application::State};
use creditrail_projections::{
    Cell, Change, History, ReadModel, Recorded, Stream, StreamId, Write, customers::Pair,
    occurrence, privacy, row, transactions,
};
use serde_json::Value;

use super::{
    Creditrail,
    lists::List,
    read::ReadError,
    readers::lock,
    things::{MOST, Rows, Things},
};
use crate::store::{Balance, Identity, Listed, Page, Store};

/// The rows at a position.
pub(super) struct Then<'a> {
    store: &'a dyn Store,
    source: &'a str,
    policies: &'a Policies,
    known: Known,
    /// By customer: the streams that tell of it but for transactions, which several parts of a document
    /// ask for.
    mentioned: Mutex<BTreeMap<String, Arc<Vec<StreamId>>>>,
}

/// What is known of a log.
pub(super) struct Known {
    /// The newest position.
    pub(super) up_to: i64,
    /// By when it is to have happened, if not all of it counts.
    pub(super) happened_by: Option<HappenedBy>,
    /// Events that would follow, of which the log knows nothing.
    pub(super) imagined: Vec<Recorded>,
}

impl Known {
    /// All up to a position.
    pub(super) const fn up_to(position: i64) -> Self {
        Self { up_to: position, happened_by: None, imagined: Vec::new() }
    }
}

impl Creditrail {
    /// The things of a source as they were, or as they would be if events followed.
    pub(super) fn things_then<'a>(
        &'a self,
        source: &'a str,
        known: Known,
    ) -> Result<Things<'a, Then<'a>>, ReadError> {
        let policies = &self.known(source)?.config.policies;
        let rows =
            Then { store: &*self.store, source, policies, known, mentioned: Mutex::default() };
        Ok(Things { rows, source, reissue_window: policies.reissue_window })
    }
}

impl Then<'_> {
    /// The streams of these ids that there were, folded.
    pub(super) async fn streams(&self, ids: Vec<StreamId>) -> Result<Vec<Stream>, ReadError> {
        let Known { up_to, happened_by, imagined } = &self.known;
        let imagined = imagined.iter().filter(|event| ids.contains(&event.stream)).cloned();
        let imagined: Vec<_> = imagined.collect();
        let mut events = self.store.events_of(self.source, ids, *up_to).await?;
        events.extend(imagined);
        let (happened_by, policies) = (*happened_by, self.policies.clone());
        // Folding is pure computation, far longer than a poll should take.
        let folded = tokio::task::spawn_blocking(move || {
            let mut by_stream = HashMap::<StreamId, Vec<Recorded>>::new();
            for event in events {
                by_stream.entry(event.stream.clone()).or_default().push(event);
            }
            let then = |events| match happened_by {
                Some(by) => occurrence::happened_by(events, by, &policies),
                None => events,
            };
            by_stream.into_values().filter_map(|events| Stream::fold(then(events), 0)).collect()
        });
        folded.await.map_err(|_| ReadError::Unfolded)
    }

    /// The newest position that is known.
    pub(super) const fn up_to(&self) -> i64 {
        self.known.up_to
    }

    /// A page of a list as it is.
    pub(super) async fn listed(&self, list: List, page: &Page) -> Result<Vec<Listed>, ReadError> {
        Ok(self.store.list(list.table(), page).await?)
    }

    /// Where events of a kind stand in a part of the log that begins at a position.
    pub(super) async fn events(
        &self,
        kind: AggregateType,
        (from, is_forward): (i64, bool),
        most: i64,
    ) -> Result<(Vec<(i64, StreamId)>, Option<i64>), ReadError> {
        Ok(self.store.events_of_kind(self.source, kind, (from, is_forward), most).await?)
    }

    /// The rows that a read model made of these streams.
    pub(super) async fn rows(
        &self,
        model: &'static ReadModel,
        ids: Vec<StreamId>,
    ) -> Result<Vec<Change>, ReadError> {
        let (streams, policies) = (self.streams(ids).await?, self.policies.clone());
        let projected = tokio::task::spawn_blocking(move || {
            let changes = streams.iter().flat_map(|stream| (model.project)(stream, &policies));
            row::merge(changes.collect())
        });
        let mut rows = projected.await.map_err(|_| ReadError::Unfolded)?;
        rows.retain(|row| row.write != Write::Delete);
        Ok(rows)
    }

    /// The stream in which an application lives, by any id that it has or had.
    pub(super) async fn applicant(&self, id: &str) -> Result<Option<StreamId>, ReadError> {
        let aggregate_type = AggregateType::Application;
        if let Some(id) = self.store.applicant(self.source, id).await? {
            return Ok(Some(StreamId { aggregate_type, id }));
        }
        for (kind, subject) in self.store.search(self.source, id).await? {
            if kind == "application"
                && let Some(id) = self.store.applicant(self.source, &subject).await?
            {
                return Ok(Some(StreamId { aggregate_type, id }));
            }
        }
        Ok(None)
    }

    /// The row of an application. It may have been known by another id then.
    async fn application(&self, id: &str) -> Result<Option<Value>, ReadError> {
        let Some(applicant) = self.applicant(id).await? else { return Ok(None) };
        let rows = self.rows(List::Applications.model(), vec![applicant.clone()]).await?;
        let by = |id: &str| rows.iter().find(|row| row.key == id);
        if let Some(row) = by(id) {
            return document(row).map(Some);
        }
        let (known, mentioned) = (Known::up_to(i64::MAX), Mutex::default());
        let whole = Self { known, mentioned, ..*self };
        let streams = whole.streams(vec![applicant]).await?;
        let ids = streams.iter().flat_map(|stream| other_ids(stream, id, self.policies));
        let known: Vec<String> = ids.collect();
        known.iter().find_map(|id| by(id)).map(document).transpose()
    }

    /// The streams with a step that tells of a customer, of one kind if that is given: those with the
    /// newest steps first, so many at most.
    pub(super) async fn mentioning(
        &self,
        customer_id: &str,
        kind: Option<AggregateType>,
        most: usize,
    ) -> Result<Vec<StreamId>, ReadError> {
        // Of transactions a customer may have thousands.
        let transactions = AggregateType::Transaction;
        let up_to = self.known.up_to;
        let all = if kind.is_none_or(|kind| kind == transactions) {
            Arc::new(self.store.mentioning(self.source, customer_id, (up_to, None)).await?)
        } else {
            let known = lock(&self.mentioned).get(customer_id).cloned();
            match known {
                Some(all) => all,
                None => {
                    let but = (up_to, Some(transactions));
                    let all = self.store.mentioning(self.source, customer_id, but).await?;
                    let all = Arc::new(all);
                    lock(&self.mentioned).insert(customer_id.to_owned(), Arc::clone(&all));
                    all
                }
            }
        };
        let meant = |stream: &&StreamId| kind.is_none_or(|kind| stream.aggregate_type == kind);
        Ok(all.iter().filter(meant).take(most).cloned().collect())
    }

    /// The streams that may have had a row with this value in a column.
    pub(super) async fn candidates(
        &self,
        list: List,
        (column, value): (&'static str, &str),
    ) -> Result<BTreeSet<StreamId>, ReadError> {
        let kind = aggregate_type(list);
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let mut streams = BTreeSet::new();
        if column == "customer_id" {
            streams.extend(self.mentioning(value, Some(kind), MOST).await?);
        }
        let page = Page {
            sources: vec![self.source.to_owned()],
            filters: vec![(column, value.to_owned())],
            limit: MOST,
            ..Page::default()
        };
        let mut keys: BTreeSet<String> = BTreeSet::new();
        let listed = self.store.list(list.table(), &page).await?;
        keys.extend(listed.into_iter().map(|row| row.cursor.key));
        if matches!(kind, AggregateType::Application | AggregateType::Charge) {
            keys.extend(self.store.named(self.source, (value, kind.name()), most).await?);
        }
        for id in keys {
            if kind == AggregateType::Application {
                streams.extend(self.applicant(&id).await?);
            } else {
                streams.insert(StreamId { aggregate_type: kind, id });
            }
        }
        Ok(streams)
    }
}

#[async_trait]
impl Rows for Then<'_> {
    async fn row(&self, list: List, key: &str) -> Result<Option<Value>, ReadError> {
        if list == List::Applications {
            return self.application(key).await;
        }
        let stream = StreamId { aggregate_type: aggregate_type(list), id: key.to_owned() };
        let rows = self.rows(list.model(), vec![stream]).await?;
        rows.iter().find(|row| row.key == key).map(document).transpose()
    }

    async fn all(&self, list: List, filter: (&'static str, &str)) -> Result<Vec<Value>, ReadError> {
        let candidates = self.candidates(list, filter).await?;
        let mut rows = self.rows(list.model(), candidates.into_iter().collect()).await?;
        let (column, value) = filter;
        rows.retain(|row| text(list, row, column) == Some(value));
        let place = |row: &Change| (number(list, row, "first_position"), row.key.clone());
        rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
        rows.truncate(MOST);
        rows.iter().map(document).collect()
    }

    /// Of what is known now: what it leads to is looked at as it was then.
    async fn search(&self, value: &str) -> Result<Vec<(String, String)>, ReadError> {
        Ok(self.store.search(self.source, value).await?)
    }

    async fn identities(&self, customer_id: &str) -> Result<Vec<Identity>, ReadError> {
        let ties = self.ties("customer_id", &[customer_id.to_owned()]).await?;
        let known = ties.into_iter().map(|tie| (tie.partner_customer_id, tie.strength, tie.since));
        Ok(Identity::of(customer_id, known))
    }

    async fn pairs(&self, partners: Vec<String>) -> Result<Vec<Pair>, ReadError> {
        let ties = self.ties("partner_customer_id", &partners).await?;
        Ok(ties.into_iter().filter_map(ties::Tie::pair).collect())
    }

    async fn privacy(&self, subject: &str) -> Result<Option<Value>, ReadError> {
        let aggregate_type = AggregateType::Privacy;
        let stream = StreamId { aggregate_type, id: subject.to_owned() };
        let rows = self.rows(&privacy::READ_MODEL, vec![stream]).await?;
        rows.first().map(document).transpose()
    }

    /// What has not changed since is added up as it is. Of what had happened by a time, that is nothing.
    async fn balances(&self, customer_id: &str) -> Result<Option<Vec<Balance>>, ReadError> {
        let Known { up_to, happened_by, imagined } = &self.known;
        let (of, list) = ((self.source, customer_id), List::Transactions);
        let but = imagined.iter().map(|event| event.stream.id.clone()).collect();
        let since = (if happened_by.is_some() { 0 } else { *up_to }, but);
        let (mut parts, changed) = self.store.unchanged(of, *up_to, since).await?;
        if changed.len() > MOST {
            return Ok(None);
        }
        let aggregate_type = AggregateType::Transaction;
        let changed = changed.into_iter().map(|id| StreamId { aggregate_type, id });
        for row in self.rows(&transactions::READ_MODEL, changed.collect()).await? {
            if text(list, &row, "customer_id") == Some(customer_id)
                && let Some(currency) = text(list, &row, "currency")
            {
                let sums =
                    ["hold", "captured", "refunded"].map(|amount| number(list, &row, amount));
                parts.push(Balance::of(currency.to_owned(), sums));
            }
        }
        Ok(Some(Balance::sums(parts)))
    }
}

/// The ids of the application that has or had this one.
fn other_ids(stream: &Stream, id: &str, policies: &Policies) -> Vec<String> {
    let History::Application(steps) = &stream.history else { return Vec::new() };
    let State::Decisions(state) = steps.state(policies) else { return Vec::new() };
    let ids = state
        .applications()
        .iter()
        .map(|known| [Some(known.id), known.alias].into_iter().flatten().map(|id| id.to_string()));
    ids.map(Iterator::collect)
        .find(|ids: &Vec<String>| ids.iter().any(|known| known == id))
        .unwrap_or_default()
}

/// The kind of stream in which the things of a list live.
pub(super) const fn aggregate_type(list: List) -> AggregateType {
    match list {
        List::Transactions => AggregateType::Transaction,
        List::PaymentMethods => AggregateType::PaymentMethod,
        List::Charges => AggregateType::Charge,
        List::Applications
        | List::Exceptions
        | List::Actions
        | List::Stale
        | List::Discrepancies
        | List::Compliance
        | List::AccessRecords
        | List::Deliveries => AggregateType::Application,
    }
}

fn cell<'a>(list: List, row: &'a Change, column: &str) -> Option<&'a Cell> {
    let place = list.table().columns.iter().position(|known| *known == column)?;
    row.cells.get(place)
}

pub(super) fn text<'a>(list: List, row: &'a Change, column: &str) -> Option<&'a str> {
    match cell(list, row, column)? {
        Cell::Text(text) => text.as_deref(),
        Cell::Int(_) => None,
    }
}

pub(super) fn number(list: List, row: &Change, column: &str) -> i64 {
    match cell(list, row, column) {
        Some(Cell::Int(Some(number))) => *number,
        _ => 0,
    }
}

/// Every table of documents has the document last.
pub(super) fn document(row: &Change) -> Result<Value, ReadError> {
    let document = match row.cells.last() {
        Some(Cell::Text(Some(document))) => document.as_str(),
        _ => "null",
    };
    Ok(serde_json::from_str(document)?)
}
