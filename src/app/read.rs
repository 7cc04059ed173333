//! Reading: the read models by id, by list, by search.

use std::{collections::BTreeSet, time::Duration};

use creditrail_projections::{Table, payment_methods};
use serde_json::{Value, json};

use super::{Creditrail, lists::List};
use crate::sources::scrub;
use crate::store::{Cursor, CustomerKeys, KeptDelivery, Listed, Page, StoreError};

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
        let known = self.known(source)?;
        if known.progress.passed(position, MAX_WAIT).await {
            Ok(())
        } else {
            Err(ReadError::Behind(position))
        }
    }

    /// Waits until the read models have passed what is recorded now.
    pub(super) async fn caught_up(&self, source: &str) -> Result<(), ReadError> {
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

    /// A transaction; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn transaction(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.known(source)?;
        let Some(mut document) = self.document(List::Transactions.table(), source, id).await?
        else {
            return Ok(None);
        };
        self.flag_unknown_payment_method(source, &mut document).await?;
        Ok(Some(document))
    }

    /// A card that was never announced does not block money, but is worth knowing. It concerns
    /// two aggregates, so it is told when it is read.
    async fn flag_unknown_payment_method(
        &self,
        source: &str,
        transaction: &mut Value,
    ) -> Result<(), ReadError> {
        let Some(id) = transaction["payment_method_id"].as_str() else { return Ok(()) };
        let known = self.store.document(List::PaymentMethods.table(), source, id).await?;
        if let (None, Some(flags)) = (known, transaction["flags"].as_array_mut()) {
            flags.push("unknown_payment_method".into());
        }
        Ok(())
    }

    /// A card with its probable reissue; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn payment_method(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.known(source)?;
        let Some(document) = self.document(List::PaymentMethods.table(), source, id).await? else {
            return Ok(None);
        };
        let id = document["payment_method_id"].clone();
        let siblings = match document["customer_id"].as_str() {
            Some(customer_id) => self.payment_methods_of(source, customer_id).await?,
            None => Vec::new(),
        };
        let linked = siblings.into_iter().find(|card| card["payment_method_id"] == id);
        Ok(Some(linked.unwrap_or(document)))
    }

    async fn payment_methods_of(
        &self,
        source: &str,
        customer_id: &str,
    ) -> Result<Vec<Value>, ReadError> {
        let filter = ("customer_id", customer_id.to_owned());
        let mut cards = self.all(List::PaymentMethods, source, filter).await?;
        let window = self.known(source)?.config.policies.reissue_window;
        payment_methods::infer_reissues(&mut cards, window);
        Ok(cards)
    }

    /// An application by its id, or by the one that it had before its session was known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn application(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.known(source)?;
        let table = List::Applications.table();
        if let Some(mut document) = self.document(table, source, id).await? {
            self.add_charges(source, &mut document).await?;
            return Ok(Some(document));
        }
        for (kind, subject) in self.store.search(source, id).await? {
            if kind == "application" && subject != id {
                return self.document(table, source, &subject).await;
            }
        }
        Ok(None)
    }

    /// The charges that are linked with an application, by whomever, and not those that a person has
    /// linked with another one since. They are other aggregates, so it is told when it is read.
    async fn add_charges(&self, source: &str, application: &mut Value) -> Result<(), ReadError> {
        let Some(known) = application["charges"].as_array() else { return Ok(()) };
        let id = application["application_id"].as_str().unwrap_or_default().to_owned();
        let mut charges = BTreeSet::new();
        for charge_id in known.iter().filter_map(Value::as_str) {
            let charge = self.charge(source, charge_id).await?;
            let is_elsewhere = charge.is_some_and(|charge| {
                charge["application_id"].as_str().is_some_and(|other| other != id)
            });
            if !is_elsewhere {
                charges.insert(charge_id.to_owned());
            }
        }
        for charge in self.all(List::Charges, source, ("application_id", id.clone())).await? {
            charges.extend(charge["charge_id"].as_str().map(str::to_owned));
        }
        if let Some(order) = application["merchant_order_id"].as_str() {
            for (kind, charge_id) in self.store.search(source, order).await? {
                if kind == "charge"
                    && let Some(charge) = self.charge(source, &charge_id).await?
                    && charge["application_id"] == id.as_str()
                {
                    charges.insert(charge_id);
                }
            }
        }
        application["charges"] = json!(charges);
        Ok(())
    }

    /// A page of a list. Filters are columns of [`List::filters`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list(&self, list: List, page: Page) -> Result<Items, ReadError> {
        let mut wanted = one_more(&page);
        let own = list.own().map(|(column, value)| (column, value.to_owned()));
        wanted.filters.extend(own);
        let rows = match list {
            List::Stale | List::Discrepancies => self.store.findings(&wanted, self.now()).await?,
            _ => self.store.list(list.table(), &wanted).await?,
        };
        let mut items = items(rows, page.limit)?;
        if list == List::Transactions {
            for document in &mut items.items {
                let source = document["source"].as_str().unwrap_or_default().to_owned();
                self.flag_unknown_payment_method(&source, document).await?;
            }
        }
        Ok(items)
    }

    /// A charge; `None` if it is not known. Where nobody says to which application it belongs, the
    /// partner's order may.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn charge(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.known(source)?;
        let Some(mut document) = self.document(List::Charges.table(), source, id).await? else {
            return Ok(None);
        };
        let order = document["merchant_order_id"].as_str().unwrap_or_default().to_owned();
        if document["application_id"].is_null() && !order.is_empty() {
            let mut applications = Vec::new();
            for (kind, id) in self.store.search(source, &order).await? {
                // Other ids may be spelled like the order.
                if kind == "application"
                    && let Some(known) =
                        self.document(List::Applications.table(), source, &id).await?
                    && known["merchant_order_id"] == order.as_str()
                {
                    applications.push(id);
                }
            }
            if let [application_id] = applications.as_slice() {
                document["application_id"] = application_id.as_str().into();
                document["linked_by"] = "merchant_order_id".into();
            }
        }
        Ok(Some(document))
    }

    /// All rows of a list for one customer.
    pub(super) async fn all(
        &self,
        list: List,
        source: &str,
        filter: (&'static str, String),
    ) -> Result<Vec<Value>, ReadError> {
        let page = Page {
            sources: vec![source.to_owned()],
            filters: vec![filter],
            after: None,
            limit: 1000,
        };
        Ok(items(self.store.list(list.table(), &page).await?, page.limit)?.items)
    }

    /// A customer with identities, applications, charges, cards and balances; `None` if not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn customer(&self, source: &str, id: &str) -> Result<Option<Value>, ReadError> {
        self.known(source)?;
        let id = creditrail_domain::ids::canonical(id);
        let identities = self.store.identities(source, &id).await?;
        if identities.is_empty() {
            return Ok(None);
        }
        let of_customer = ("customer_id", id.clone());
        let mut applications = self.all(List::Applications, source, of_customer).await?;
        for partner in self.partners(source, &id).await? {
            let of_partner = ("partner_customer_id", partner);
            let more = self.all(List::Applications, source, of_partner).await?;
            // A rejection may come before the lender has a profile.
            applications.extend(more.into_iter().filter(|more| more["customer_id"].is_null()));
        }
        let mut charges = self.all(List::Charges, source, ("customer_id", id.clone())).await?;
        for application in &applications {
            let of_application = application["application_id"].as_str().unwrap_or_default();
            let of_application = ("application_id", of_application.to_owned());
            let more = self.all(List::Charges, source, of_application).await?;
            // Only a reconciliation names the customer of a charge.
            charges.extend(more.into_iter().filter(|more| more["customer_id"].is_null()));
        }
        Ok(Some(json!({
            "source": source,
            "customer_id": id,
            "identities": identities,
            "applications": applications,
            "charges": charges,
            "payment_methods": self.payment_methods_of(source, &id).await?,
            "balances": self.store.balances(source, &id).await?,
        })))
    }

    /// The partner's ids that stand for this customer and no other: where one stands for several,
    /// nothing is merged until a person has looked at it.
    async fn partners(&self, source: &str, customer_id: &str) -> Result<Vec<String>, ReadError> {
        let ids: Vec<String> = self
            .store
            .identities(source, customer_id)
            .await?
            .into_iter()
            .filter(|identity| identity.kind == "partner_customer_id")
            .map(|identity| identity.value)
            .collect();
        let pairs = self.store.pairs(source, Vec::new(), ids.clone()).await?;
        let other = |id: &String| {
            pairs
                .iter()
                .any(|pair| pair.partner_customer_id == *id && pair.customer_id != customer_id)
        };
        let mut own: Vec<String> = ids.into_iter().filter(|id| !other(id)).collect();
        own.sort();
        own.dedup();
        Ok(own)
    }

    /// A page of a customer's timeline, in the order in which things happened; `None` if the
    /// customer is not known.
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
        let partner_customer_ids = self.partners(source, &customer_id).await?;
        let keys = CustomerKeys { source: source.to_owned(), customer_id, partner_customer_ids };
        items(self.store.timeline(&keys, &one_more(&page)).await?, page.limit).map(Some)
    }

    /// A page of deliveries, newest first. The filter `outcome` is the one as of now.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn deliveries(&self, page: Page) -> Result<Items, ReadError> {
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
    /// not known. One that was redriven is found by the id of its step as well.
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
        view["headers"] = serde_json::from_str(&kept.row.headers)?;
        view["body"] = shown(&kept.row.body, known.lender.secret_fields()).into();
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
    ) -> Result<Vec<Value>, ReadError> {
        self.known(source)?;
        let events = self.store.raw_events_after(source, after, limit).await?;
        events
            .into_iter()
            .map(|event| {
                Ok(json!({
                    "position": event.position,
                    "aggregate_type": event.aggregate_type,
                    "aggregate_id": event.aggregate_id,
                    "sequence": event.sequence,
                    "event_type": event.event_type,
                    "event_version": event.event_version,
                    "payload": serde_json::from_str::<Value>(&event.payload)?,
                    "metadata": serde_json::from_str::<Value>(&event.metadata)?,
                    "occurred_at": event.occurred_at,
                    "recorded_at": event.recorded_at,
                }))
            })
            .collect()
    }
}

/// The page and one row more, which tells whether there is a next page.
fn one_more(page: &Page) -> Page {
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
