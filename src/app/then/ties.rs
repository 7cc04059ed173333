//! Whose ids belonged to whom, as it was known or as it had happened.

use std::collections::BTreeSet;

use creditrail_domain::AggregateType;
use creditrail_projections::{
    Cell, Change, StreamId,
    customers::{self, Pair},
};

use super::Then;
use crate::{
    app::{read::ReadError, things::MOST},
    store::past,
};

impl Then<'_> {
    /// The pairs of a customer's ids and of those that it ever had, as they were known.
    pub(in crate::app) async fn pairs_around(
        &self,
        customer_id: &str,
    ) -> Result<Vec<Pair>, ReadError> {
        let ids = [customer_id.to_owned()];
        let known = self.store.ties(self.source, "customer_id", ids.to_vec()).await?;
        let partners: Vec<_> =
            known.into_iter().filter_map(|tie| tie.partner_customer_id).collect();
        let mut ties = self.ties("customer_id", &ids).await?;
        ties.extend(self.ties("partner_customer_id", &partners).await?);
        Ok(ties.into_iter().filter_map(Tie::pair).collect())
    }

    /// The rows of customers that links make, of all links of these customers.
    async fn links(&self, customers: BTreeSet<String>) -> Result<Vec<Tie>, ReadError> {
        let links = Some(AggregateType::CustomerLink);
        let mut streams = BTreeSet::new();
        for customer in customers {
            streams.extend(self.mentioning(&customer, links, MOST).await?);
        }
        let rows = self.rows(&customers::READ_MODEL, streams.into_iter().collect()).await?;
        Ok(rows.iter().filter_map(Tie::of).collect())
    }

    /// What was known of ids of customers then: the rows whose column is one of them.
    pub(super) async fn ties(
        &self,
        column: &'static str,
        ids: &[String],
    ) -> Result<Vec<Tie>, ReadError> {
        let known = self.store.ties(self.source, column, ids.to_vec()).await?;
        let is_wanted = |id: &Option<String>| id.as_ref().is_some_and(|id| ids.contains(id));
        let mut ties = if self.known.happened_by.is_some() {
            self.ties_told(known).await?
        } else {
            self.ties_known(known).await?
        };
        ties.retain(|tie| match column {
            "customer_id" => is_wanted(&tie.customer_id),
            _ => is_wanted(&tie.partner_customer_id),
        });
        ties.sort_by_key(|tie| tie.since);
        Ok(ties)
    }

    /// What was known of ids by then, of what is known now.
    async fn ties_known(&self, known: Vec<past::Tie>) -> Result<Vec<Tie>, ReadError> {
        let linked = known.iter().filter(|tie| tie.is_link);
        let linked = linked.filter_map(|tie| tie.customer_id.clone()).collect();
        // What was told once stays as it was told; a link's row changes.
        let told =
            known.iter().filter(|tie| !tie.is_link && tie.first_position <= self.known.up_to);
        let told = told.map(|tie| Tie {
            since: tie.first_position,
            customer_id: tie.customer_id.clone(),
            partner_customer_id: tie.partner_customer_id.clone(),
            strength: tie.strength.clone(),
        });
        Ok(told.chain(self.links(linked).await?).collect())
    }

    /// What steps that had happened by then tell of these customers. No row has when it happened.
    async fn ties_told(&self, known: Vec<past::Tie>) -> Result<Vec<Tie>, ReadError> {
        let customers = known.into_iter().filter_map(|tie| tie.customer_id);
        let mut streams = BTreeSet::new();
        for customer in customers.collect::<BTreeSet<_>>() {
            streams.extend(self.naming("customer_id", &customer).await?);
        }
        let rows = self.rows(&customers::READ_MODEL, streams.into_iter().collect()).await?;
        Ok(rows.iter().filter_map(Tie::of).collect())
    }

    /// The streams that may have told of a customer by this id, of whatever kind: the [`MOST`] with the
    /// newest steps.
    pub(in crate::app) async fn naming(
        &self,
        column: &'static str,
        id: &str,
    ) -> Result<BTreeSet<StreamId>, ReadError> {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let mentioning = if column == "customer_id" {
            self.mentioning(id, None, MOST).await?
        } else {
            self.store.mentioning_partner(self.source, id, self.known.up_to, most).await?
        };
        let mut streams: BTreeSet<_> = mentioning.into_iter().collect();
        streams.extend(self.ever_named(id).await?);
        Ok(streams)
    }

    /// The applications and charges that were ever named with this id: all their steps together tell whom
    /// they are about, which later ones may have changed.
    pub(in crate::app) async fn ever_named(&self, id: &str) -> Result<Vec<StreamId>, ReadError> {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let mut streams = Vec::new();
        for kind in [AggregateType::Application, AggregateType::Charge] {
            for named in self.store.named(self.source, (id, kind.name()), most).await? {
                if kind == AggregateType::Application {
                    streams.extend(self.applicant(&named).await?);
                } else {
                    streams.push(StreamId { aggregate_type: kind, id: named });
                }
            }
        }
        Ok(streams)
    }
}

/// Two ids of a customer, or one of them alone, as they were known.
pub(super) struct Tie {
    pub(super) since: i64,
    pub(super) customer_id: Option<String>,
    pub(super) partner_customer_id: Option<String>,
    pub(super) strength: String,
}

impl Tie {
    /// The two ids, if they count as those of one customer.
    pub(super) fn pair(self) -> Option<Pair> {
        let counts = ["implied", "explicit", "ended"].contains(&self.strength.as_str());
        Some(Pair {
            first_position: self.since,
            customer_id: self.customer_id.filter(|_| counts)?,
            partner_customer_id: self.partner_customer_id?,
        })
    }

    fn of(row: &Change) -> Option<Self> {
        match row.cells.as_slice() {
            [
                Cell::Int(Some(since)),
                Cell::Text(customer_id),
                Cell::Text(partner_customer_id),
                Cell::Text(Some(strength)),
            ] => Some(Self {
                since: *since,
                customer_id: customer_id.clone(),
                partner_customer_id: partner_customer_id.clone(),
                strength: strength.clone(),
            }),
            _ => None,
        }
    }
}
