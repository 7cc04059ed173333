//! The documents of things, put together of rows: those of the read models as they are (`Now`), or as
//! they were at a position of the log (`Then`).

use std::{collections::BTreeSet, str::FromStr};

use async_trait::async_trait;
use creditrail_domain::ids;
use creditrail_projections::{customers::Pair, payment_methods, privacy};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Creditrail, lists::List, read::ReadError};
use crate::store::{Balance, Identity, Page, Store};

/// How many rows of one kind the document of one thing takes in at the most.
pub(super) const MOST: usize = 1000;

/// What has a document of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A card transaction.
    Transaction,
    /// A card.
    PaymentMethod,
    /// An application.
    Application,
    /// A charge.
    Charge,
    /// A customer, by the lender's id.
    Customer,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Transaction, Self::PaymentMethod, Self::Application, Self::Charge, Self::Customer];

    /// Its part of a path, such as `payment-methods`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transactions",
            Self::PaymentMethod => "payment-methods",
            Self::Application => "applications",
            Self::Charge => "charges",
            Self::Customer => "customers",
        }
    }

    /// What one of them is called, such as `payment method`.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::PaymentMethod => "payment method",
            Self::Application => "application",
            Self::Charge => "charge",
            Self::Customer => "customer",
        }
    }
}

/// The name is that of no thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of: transactions, payment-methods, applications, charges, customers")]
pub struct NoSuchThing;

impl FromStr for Thing {
    type Err = NoSuchThing;

    fn from_str(name: &str) -> Result<Self, NoSuchThing> {
        Self::ALL.into_iter().find(|thing| thing.name() == name).ok_or(NoSuchThing)
    }
}

/// The rows that documents are made of, of one source.
#[async_trait]
pub(super) trait Rows: Send + Sync {
    /// The document of a row.
    async fn row(&self, list: List, key: &str) -> Result<Option<Value>, ReadError>;

    /// The documents of the rows with this value in a column, newest first, [`MOST`] at the most.
    async fn all(&self, list: List, filter: (&'static str, &str)) -> Result<Vec<Value>, ReadError>;

    /// What an id leads to: type and id.
    async fn search(&self, value: &str) -> Result<Vec<(String, String)>, ReadError>;

    /// The ids of a customer.
    async fn identities(&self, customer_id: &str) -> Result<Vec<Identity>, ReadError>;

    /// The pairs of ids in which one of these of the partner stands.
    async fn pairs(&self, partners: Vec<String>) -> Result<Vec<Pair>, ReadError>;

    /// What was done about somebody's data, by whose they are.
    async fn privacy(&self, subject: &str) -> Result<Option<Value>, ReadError>;

    /// The totals of a customer by currency; `None` if there is too much to add up.
    async fn balances(&self, customer_id: &str) -> Result<Option<Vec<Balance>>, ReadError>;
}

/// The rows as they are.
pub(super) struct Now<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) source: &'a str,
}

#[async_trait]
impl Rows for Now<'_> {
    async fn row(&self, list: List, key: &str) -> Result<Option<Value>, ReadError> {
        let document = self.store.document(list.table(), self.source, key).await?;
        Ok(document.as_deref().map(serde_json::from_str).transpose()?)
    }

    async fn all(&self, list: List, filter: (&'static str, &str)) -> Result<Vec<Value>, ReadError> {
        let page = Page {
            sources: vec![self.source.to_owned()],
            filters: vec![(filter.0, filter.1.to_owned())],
            limit: MOST,
            ..Page::default()
        };
        let rows = self.store.list(list.table(), &page).await?;
        let documents = rows.iter().map(|row| serde_json::from_str(&row.document));
        Ok(documents.collect::<Result<_, _>>()?)
    }

    async fn search(&self, value: &str) -> Result<Vec<(String, String)>, ReadError> {
        Ok(self.store.search(self.source, value).await?)
    }

    async fn identities(&self, customer_id: &str) -> Result<Vec<Identity>, ReadError> {
        Ok(self.store.identities(self.source, customer_id).await?)
    }

    async fn privacy(&self, subject: &str) -> Result<Option<Value>, ReadError> {
        let table = privacy::READ_MODEL.table;
        let document = self.store.document(table, self.source, subject).await?;
        Ok(document.as_deref().map(serde_json::from_str).transpose()?)
    }

    async fn pairs(&self, partners: Vec<String>) -> Result<Vec<Pair>, ReadError> {
        Ok(self.store.pairs(self.source, Vec::new(), partners).await?)
    }

    async fn balances(&self, customer_id: &str) -> Result<Option<Vec<Balance>>, ReadError> {
        Ok(Some(self.store.balances(self.source, customer_id).await?))
    }
}

/// The things of one source, as some rows show them.
pub(super) struct Things<'a, R> {
    pub(super) rows: R,
    pub(super) source: &'a str,
    pub(super) reissue_window: SignedDuration,
}

impl Creditrail {
    /// The things of a source as they are.
    pub(super) fn things<'a>(&'a self, source: &'a str) -> Result<Things<'a, Now<'a>>, ReadError> {
        let reissue_window = self.known(source)?.config.policies.reissue_window;
        Ok(Things { rows: Now { store: &*self.store, source }, source, reissue_window })
    }
}

impl<R: Rows> Things<'_, R> {
    /// The document of a thing; `None` if it is not known.
    pub(super) async fn one(&self, thing: Thing, id: &str) -> Result<Option<Value>, ReadError> {
        match thing {
            Thing::Transaction => self.transaction(id).await,
            Thing::PaymentMethod => self.payment_method(id).await,
            Thing::Application => self.application(id).await,
            Thing::Charge => self.charge(id).await,
            Thing::Customer => self.customer(id).await,
        }
    }

    async fn transaction(&self, id: &str) -> Result<Option<Value>, ReadError> {
        let found = self.rows.row(List::Transactions, &ids::canonical(id)).await?;
        let Some(mut document) = found else { return Ok(None) };
        self.flag_unknown_payment_method(&mut document).await?;
        Ok(Some(document))
    }

    /// A card that was never announced does not block money, but is worth knowing. It concerns
    /// two aggregates, so it is told when it is read.
    pub(super) async fn flag_unknown_payment_method(
        &self,
        transaction: &mut Value,
    ) -> Result<(), ReadError> {
        let Some(id) = transaction["payment_method_id"].as_str() else { return Ok(()) };
        let known = self.rows.row(List::PaymentMethods, id).await?;
        if let (None, Some(flags)) = (known, transaction["flags"].as_array_mut()) {
            flags.push("unknown_payment_method".into());
        }
        Ok(())
    }

    /// A card with its probable reissue.
    async fn payment_method(&self, id: &str) -> Result<Option<Value>, ReadError> {
        let found = self.rows.row(List::PaymentMethods, &ids::canonical(id)).await?;
        let Some(document) = found else { return Ok(None) };
        let id = document["payment_method_id"].clone();
        let siblings = match document["customer_id"].as_str() {
            Some(customer_id) => self.payment_methods_of(customer_id).await?,
            None => Vec::new(),
        };
        let linked = siblings.into_iter().find(|card| card["payment_method_id"] == id);
        Ok(Some(linked.unwrap_or(document)))
    }

    async fn payment_methods_of(&self, customer_id: &str) -> Result<Vec<Value>, ReadError> {
        let mut cards = self.rows.all(List::PaymentMethods, ("customer_id", customer_id)).await?;
        payment_methods::infer_reissues(&mut cards, self.reissue_window);
        Ok(cards)
    }

    /// An application by its id, or by the one that it had before its session was known.
    async fn application(&self, id: &str) -> Result<Option<Value>, ReadError> {
        if let Some(mut document) = self.rows.row(List::Applications, &ids::canonical(id)).await? {
            self.add_charges(&mut document).await?;
            return Ok(Some(document));
        }
        for (kind, subject) in self.rows.search(id).await? {
            if kind == "application" && subject != id {
                return self.rows.row(List::Applications, &ids::canonical(&subject)).await;
            }
        }
        Ok(None)
    }

    /// The charges that are linked with an application, by whomever, and not those that a person has
    /// linked with another one since. They are other aggregates, so it is told when it is read.
    async fn add_charges(&self, application: &mut Value) -> Result<(), ReadError> {
        let Some(known) = application["charges"].as_array() else { return Ok(()) };
        let id = application["application_id"].as_str().unwrap_or_default().to_owned();
        let mut charges = BTreeSet::new();
        for charge_id in known.iter().filter_map(Value::as_str) {
            let charge = self.charge(charge_id).await?;
            let is_elsewhere = charge.is_some_and(|charge| {
                charge["application_id"].as_str().is_some_and(|other| other != id)
            });
            if !is_elsewhere {
                charges.insert(charge_id.to_owned());
            }
        }
        for charge in self.rows.all(List::Charges, ("application_id", &id)).await? {
            charges.extend(charge["charge_id"].as_str().map(str::to_owned));
        }
        if let Some(order) = application["merchant_order_id"].as_str() {
            for (kind, charge_id) in self.rows.search(order).await? {
                if kind == "charge"
                    && let Some(charge) = self.charge(&charge_id).await?
                    && charge["application_id"] == id.as_str()
                {
                    charges.insert(charge_id);
                }
            }
        }
        application["charges"] = json!(charges);
        Ok(())
    }

    /// A charge. Where nobody says to which application it belongs, the partner's order may.
    async fn charge(&self, id: &str) -> Result<Option<Value>, ReadError> {
        let found = self.rows.row(List::Charges, &ids::canonical(id)).await?;
        let Some(mut document) = found else { return Ok(None) };
        let order = document["merchant_order_id"].as_str().unwrap_or_default().to_owned();
        if document["application_id"].is_null() && !order.is_empty() {
            let mut applications = Vec::new();
            for (kind, id) in self.rows.search(&order).await? {
                // Other ids may be spelled like the order.
                if kind == "application"
                    && let Some(known) =
                        self.rows.row(List::Applications, &ids::canonical(&id)).await?
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

    /// A customer with identities, applications, charges, cards and balances.
    async fn customer(&self, id: &str) -> Result<Option<Value>, ReadError> {
        let id = ids::canonical(id);
        let identities = self.rows.identities(&id).await?;
        if identities.is_empty() {
            return Ok(None);
        }
        let applications = self.applications_of(&id).await?;
        let charges = self.charges_of(&id, &applications).await?;
        let balances = self.rows.balances(&id).await?;
        let privacy = self.rows.privacy(&format!("customer:{id}")).await?.unwrap_or_default();
        let is_too_much = balances.is_none();
        let mut customer = json!({
            "source": self.source,
            "customer_id": id,
            "identities": identities,
            "applications": applications,
            "charges": charges,
            "payment_methods": self.payment_methods_of(&id).await?,
            "balances": balances,
            "legal_hold": privacy["legal_hold"],
            "erased": privacy["erased"],
        });
        if is_too_much {
            let reason = format!("more than {MOST} transactions would have to be folded");
            customer["balances_reason"] = reason.into();
        }
        Ok(Some(customer))
    }

    /// The applications of a customer.
    pub(super) async fn applications_of(&self, customer_id: &str) -> Result<Vec<Value>, ReadError> {
        let own = ("customer_id", customer_id);
        let mut applications = self.rows.all(List::Applications, own).await?;
        for partner in self.partners(customer_id).await? {
            let of_partner = ("partner_customer_id", partner.as_str());
            let more = self.rows.all(List::Applications, of_partner).await?;
            // A rejection may come before the lender has a profile.
            applications.extend(more.into_iter().filter(|more| more["customer_id"].is_null()));
        }
        Ok(applications)
    }

    /// The charges of a customer with these applications.
    pub(super) async fn charges_of(
        &self,
        customer_id: &str,
        applications: &[Value],
    ) -> Result<Vec<Value>, ReadError> {
        let mut charges = self.rows.all(List::Charges, ("customer_id", customer_id)).await?;
        for application in applications {
            let of_application = application["application_id"].as_str().unwrap_or_default();
            let more = self.rows.all(List::Charges, ("application_id", of_application)).await?;
            // Only a reconciliation names the customer of a charge.
            charges.extend(more.into_iter().filter(|more| more["customer_id"].is_null()));
        }
        Ok(charges)
    }

    /// The partner's ids that stand for this customer and no other: where one stands for several,
    /// nothing is merged until a person has looked at it.
    pub(super) async fn partners(&self, customer_id: &str) -> Result<Vec<String>, ReadError> {
        let ids: Vec<String> = self
            .rows
            .identities(customer_id)
            .await?
            .into_iter()
            .filter(|identity| identity.kind == "partner_customer_id")
            .map(|identity| identity.value)
            .collect();
        let pairs = self.rows.pairs(ids.clone()).await?;
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
}
