//! Reading: the read models by id, by list, by search.

use std::{collections::BTreeSet, time::Duration};

use creditrail_projections::{Table, exceptions};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{Creditrail, access, compliance, content, lists::List, sending, things::Thing};
use crate::{
    sources::scrub,
    store::{Cursor, CustomerKeys, KeptDelivery, Listed, Page, RawEvent, StoreError},
};

/// How long a read waits for the read models at the most.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A document of a read model is no JSON: it was written by something else.
    #[error("a read model holds a broken row; rebuild it with `creditrail replay`")]
    Broken(#[from] serde_json::Error),
    /// A rule failed on the events of a stream.
    #[error("the events of a stream cannot be folded")]
    Unfolded,
    /// There is no such source.
    #[error("there is no source `{0}`")]
    UnknownSource(String),
    /// The read models have not passed the position in time.
    #[error("the read models have not reached position {0} yet")]
    Behind(i64),
}

/// The outcomes that a kept delivery can have. The same content again is counted on the first one;
/// a kept `duplicate` says the same in other words.
pub const OUTCOMES: [&str; 7] =
    ["applied", "duplicate", "stale", "parked", "refused", "malformed", "unrecognised"];

/// A flag of a transaction that is told when it is read: no report of its card has come.
pub const UNKNOWN_PAYMENT_METHOD: &str = "unknown_payment_method";

/// How a charge is linked with an application where nobody but the partner's order says so.
pub const LINKED_BY_ORDER: &str = "merchant_order_id";

/// One page of something, and where the next begins.
#[derive(Debug)]
pub struct Items {
    /// What is on the page.
    pub items: Vec<Value>,
    /// Where the next begins; `None` on the last page.
    pub next: Option<Cursor>,
}

impl Creditrail {
    /// Waits until the read models of a source have passed a position.
    ///
    /// # Errors
    /// [`ReadError::Behind`] if they have not within a few seconds.
    pub async fn at_least(&self, source: &str, position: i64) -> Result<(), ReadError> {
        let progress = match source {
            access::LOG => self.access_progress(),
            source => &self.known(source)?.progress,
        };
        if progress.passed(position, MAX_WAIT).await {
            Ok(())
        } else {
            Err(ReadError::Behind(position))
        }
    }

    /// Waits until the read models have passed what is recorded now.
    pub(crate) async fn caught_up(&self, source: &str) -> Result<(), ReadError> {
        let head = self.store.head(source).await?;
        self.at_least(source, head.position).await
    }

    pub(super) fn known(&self, source: &str) -> Result<&super::Source, ReadError> {
        self.sources.get(source).ok_or_else(|| ReadError::UnknownSource(source.to_owned()))
    }

    pub(super) async fn document(
        &self,
        table: &'static Table,
        source: &str,
        key: &str,
    ) -> Result<Option<Value>, ReadError> {
        let key = creditrail_domain::ids::canonical(key);
        let document = self.store.document(table, source, &key).await?;
        Ok(document.as_deref().map(serde_json::from_str).transpose()?)
    }

    /// The document of a thing; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn document_of(
        &self,
        thing: Thing,
        source: &str,
        id: &str,
    ) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(thing, id).await
    }

    /// A transaction; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn transaction(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(Thing::Transaction, id).await
    }

    /// A card with its probable reissue; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn payment_method(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(Thing::PaymentMethod, id).await
    }

    /// An application by its id, or by the one that it had before its session was known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn application(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(Thing::Application, id).await
    }

    /// A charge; `None` if it is not known. Where nobody says to which application it belongs, the
    /// partner's order may.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn charge(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(Thing::Charge, id).await
    }

    /// A customer with identities, applications, charges, cards and balances; `None` if not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn customer(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.things(source)?.one(Thing::Customer, id).await
    }

    /// A page of a list. Filters are columns of [`List::filters`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list(&self, list: List, page: Page) -> Result<Items, ReadError> {
        let now = self.now();
        let mut wanted = one_more(&page);
        let own = list.own().map(|(column, value)| (column, value.to_owned()));
        wanted.filters.extend(own);
        let rows = match list {
            List::Deliveries => return self.deliveries(page).await,
            List::AccessRecords => self.store.chronicle(list.table(), &wanted).await?,
            List::Stale | List::Discrepancies => self.store.findings(&wanted, now).await?,
            List::Compliance => self.clocks(&wanted, now).await?,
            _ => self.store.list(list.table(), &wanted).await?,
        };
        let mut items = items(rows, page.limit)?;
        if list == List::Exceptions && page.sources.iter().any(|source| source == sending::LOG) {
            return self.with_gone_endpoints(items, &page).await;
        }
        if list == List::Compliance {
            compliance::by_the_clock(&mut items.items, now);
        }
        if list == List::Transactions {
            for source in &page.sources {
                self.flag_unknown_payment_methods(source, &mut items.items).await?;
            }
        }
        Ok(items)
    }

    /// As [`Things::flag_unknown_payment_method`], of all of a source on a page
    /// at once.
    async fn flag_unknown_payment_methods(
        &self,
        source: &str,
        transactions: &mut [Value],
    ) -> Result<(), ReadError> {
        let card = |document: &Value| match &document["payment_method_id"] {
            Value::String(id) if document["source"] == source => Some(id.clone()),
            _ => None,
        };
        let cards: BTreeSet<String> = transactions.iter().filter_map(card).collect();
        if cards.is_empty() {
            return Ok(());
        }
        let table = List::PaymentMethods.table();
        let known = self.store.known_keys(table, source, cards.into_iter().collect()).await?;
        let known: BTreeSet<_> = known.into_iter().collect();
        for document in transactions {
            if card(document).is_some_and(|card| !known.contains(&card))
                && let Some(flags) = document["flags"].as_array_mut()
            {
                flags.push(UNKNOWN_PAYMENT_METHOD.into());
            }
        }
        Ok(())
    }

    /// A page of a customer's timeline by when things happened, in the order of the page; `None` if
    /// the customer is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline(
        &self,
        source: &str,
        id: &str,
        page: Page,
    ) -> Result<Option<Items>, ReadError> {
        self.known(source)?;
        let customer_id = creditrail_domain::ids::canonical(id);
        if self.store.identities(source, &customer_id).await?.is_empty() {
            return Ok(None);
        }
        let partner_customer_ids = self.things(source)?.partners(&customer_id).await?;
        let keys = CustomerKeys { source: source.to_owned(), customer_id, partner_customer_ids };
        items(self.store.timeline(&keys, &one_more(&page)).await?, page.limit).map(Some)
    }

    /// A page of deliveries. The filter `outcome` is the one as of now.
    async fn deliveries(&self, page: Page) -> Result<Items, ReadError> {
        let mut kept = self.store.deliveries(&one_more(&page)).await?;
        let more = kept.len() > page.limit;
        kept.truncate(page.limit);
        let next = kept.last().filter(|_| more).map(|(source, delivery)| Cursor {
            source: source.clone(),
            place: delivery.row.number,
            key: String::new(),
        });
        let items = kept
            .iter()
            .map(|(source, delivery)| delivery_view(source, delivery))
            .collect::<Result<_, _>>()?;
        Ok(Items { items, next })
    }

    /// One delivery with its headers and body, references in the place of secrets; `None` if it is
    /// not known. Headers and body are null once they were erased, and if they do not open. One that was redriven is found by the id of its step as well.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn delivery(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        let known = self.known(source)?;
        let id = creditrail_domain::ids::canonical(id);
        let Some(kept) = self.store.delivery(source, &id).await? else { return Ok(None) };
        let mut view = delivery_view(source, &kept)?;
        if kept.redriven_as.is_some() {
            view["redriven"] = self.redriven(source, &kept.row.delivery_id).await?;
        }
        view["erased_at"] = Value::Null;
        (view["headers"], view["body"]) = match self.content_of(source, kept.row).await? {
            content::Read::There(row) => {
                let body = shown(&row.body, known.lender.secret_fields());
                (serde_json::from_str(&row.headers)?, body.into())
            }
            content::Read::Erased(_, at) => {
                view["erased_at"] = json!(at);
                (Value::Null, Value::Null)
            }
            content::Read::Shut(_) => (Value::Null, Value::Null),
        };
        Ok(Some(view))
    }

    /// What an id leads to, in every source.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn search(&self, id: &str) -> Result<Vec<Value>, ReadError> {
        let id = id.trim();
        let mut found = Vec::new();
        for source in self.sources() {
            for (kind, subject) in self.store.search(source, id).await? {
                found.push(json!({
                    "type": kind, "source": source, "id": subject, "matched": id,
                }));
            }
            let delivery_id = creditrail_domain::ids::canonical(id);
            let exceptions = exceptions::READ_MODEL.table;
            if self.store.document(exceptions, source, &delivery_id).await?.is_some() {
                found.push(json!({
                    "type": "exception", "source": source, "id": delivery_id, "matched": id,
                }));
            }
            if let Some(kept) = self.store.delivery(source, &delivery_id).await? {
                found.push(json!({
                    "type": "delivery", "source": source, "id": kept.row.delivery_id, "matched": id,
                }));
            }
        }
        Ok(found)
    }

    /// Events of a source after a position, in position order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn events(
        &self,
        source: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LoggedEvent>, ReadError> {
        self.known(source)?;
        let events = self.store.raw_events_after(source, after, limit).await?;
        events.into_iter().map(LoggedEvent::of).collect()
    }
}

/// An event of the log, its payload and metadata as they are stored.
#[derive(Debug, Serialize)]
pub struct LoggedEvent {
    position: i64,
    aggregate_type: String,
    aggregate_id: String,
    sequence: i64,
    event_type: String,
    event_version: String,
    payload: Box<RawValue>,
    metadata: Box<RawValue>,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
}

impl LoggedEvent {
    fn of(event: RawEvent) -> Result<Self, ReadError> {
        Ok(Self {
            position: event.position,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            sequence: event.sequence,
            event_type: event.event_type,
            event_version: event.event_version,
            payload: RawValue::from_string(event.payload)?,
            metadata: RawValue::from_string(event.metadata)?,
            occurred_at: event.occurred_at,
            recorded_at: event.recorded_at,
        })
    }
}

/// The page and one row more, which tells whether there is a next page.
pub(super) fn one_more(page: &Page) -> Page {
    Page { limit: page.limit + 1, ..page.clone() }
}

fn items(mut rows: Vec<Listed>, limit: usize) -> Result<Items, ReadError> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.cursor.clone());
    let items = rows.iter().map(|row| serde_json::from_str(&row.document));
    Ok(Items { items: items.collect::<Result<_, _>>()?, next })
}

/// A body as it is shown. One that was kept before secrets were sealed is sealed here.
fn shown(body: &bytes::Bytes, secret_fields: &[&str]) -> String {
    String::from_utf8_lossy(&scrub::again(body, secret_fields).body).into_owned()
}

/// A delivery without headers and body.
fn delivery_view(source: &str, kept: &KeptDelivery) -> Result<Value, ReadError> {
    let step: Value = match &kept.document {
        Some(document) => serde_json::from_str(document)?,
        // Not folded yet: what is known on arrival.
        None => json!({
            "outcome": kept.row.outcome,
            "subject": { "type": kept.row.stream.aggregate_type.name(), "id": kept.row.stream.id },
        }),
    };
    Ok(json!({
        "source": source,
        "delivery_id": kept.row.delivery_id,
        "number": kept.row.number,
        "received_at": kept.row.received_at,
        "last_received_at": kept.row.last_received_at,
        "repeats": kept.row.repeats,
        "secret_id": kept.row.secret_id,
        "position": kept.row.position,
        "outcome_on_arrival": kept.row.outcome,
        "redriven_as": kept.redriven_as,
        "outcome": step["outcome"],
        "reason": step["reason"],
        "flags": step["flags"],
        "message": step["message"],
        "kind": step["kind"],
        "subject": step["subject"],
        "occurred_at": step["occurred_at"],
        "customer_id": step["customer_id"],
    }))
}
