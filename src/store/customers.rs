//! What is answered about a customer: identities, balances, and under which ids it is found.

use std::collections::{BTreeMap, btree_map::Entry};

/// The totals of one customer in one currency, in minor units.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Balance {
    /// The currency.
    pub currency: String,
    /// Σ holds.
    pub pending: i64,
    /// Σ captures.
    pub confirmed: i64,
    /// Σ refunds.
    pub refunded: i64,
    /// `confirmed − refunded`: card activity, not the credit balance.
    pub net: i64,
}

impl Balance {
    /// The sums of holds, captures and refunds, by currency, of balances that stand for parts.
    pub fn sums(parts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut sums = BTreeMap::<String, [i128; 3]>::new();
        for Self { currency, pending, confirmed, refunded, .. } in parts {
            let sums = sums.entry(currency).or_default();
            for (sum, amount) in sums.iter_mut().zip([pending, confirmed, refunded]) {
                *sum += i128::from(amount);
            }
        }
        let shown = |sum| i64::try_from(sum).unwrap_or(i64::MAX);
        sums.into_iter().map(|(currency, sums)| Self::of(currency, sums.map(shown))).collect()
    }

    /// Of the sums of holds, captures and refunds.
    pub(crate) fn of(currency: String, [pending, confirmed, refunded]: [i64; 3]) -> Self {
        let net = confirmed.saturating_sub(refunded);
        Self { currency, pending, confirmed, refunded, net }
    }
}

/// An id of a customer, and how sure it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// `customer_id` or `partner_customer_id`.
    pub kind: &'static str,
    /// The id.
    pub value: String,
    /// `explicit` (a link of the lender), `implied` (named together), `ended` or `parked`.
    pub strength: String,
    /// The position of the event that first told of it.
    pub position: i64,
}

impl Identity {
    /// The ids of a customer, from what is known of each pair: the partner's id if there is one,
    /// its strength, and since when. Oldest first.
    pub fn of(
        customer_id: &str,
        known: impl IntoIterator<Item = (Option<String>, String, i64)>,
    ) -> Vec<Self> {
        let mut identities = BTreeMap::<Option<String>, Self>::new();
        for (partner, strength, position) in known {
            let identity = Self {
                kind: if partner.is_some() { "partner_customer_id" } else { "customer_id" },
                value: partner.clone().unwrap_or_else(|| customer_id.to_owned()),
                // The customer's own id is a fact, not an inference.
                strength: if partner.is_none() { "explicit".to_owned() } else { strength },
                position,
            };
            match identities.entry(partner) {
                Entry::Vacant(place) => drop(place.insert(identity)),
                // A link outweighs what was merely named together.
                Entry::Occupied(mut place) => {
                    if place.get().strength == "implied" {
                        place.get_mut().strength = identity.strength;
                    }
                }
            }
        }
        identities.into_values().collect()
    }
}

/// The ids under which a customer's steps are found.
#[derive(Clone, Debug)]
pub struct CustomerKeys {
    /// The source.
    pub source: String,
    /// The lender's id.
    pub customer_id: String,
    /// The partner's ids, for steps that name no other.
    pub partner_customer_ids: Vec<String>,
}
