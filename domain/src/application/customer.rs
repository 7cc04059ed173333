//! Whom an application is about.

use super::ApplicationFact;
use crate::{
    judge::Item,
    step::{Fact as _, Origin, Party},
};

/// The ids of the customer: of each kind the first in time, but what the lender says goes before
/// what others say.
#[derive(Clone, Debug, Default)]
pub(super) struct Customer {
    customer_id: Option<String>,
    partner_customer_id: Option<String>,
}

impl Customer {
    pub(super) fn of(items: &[Item<'_, ApplicationFact>]) -> Self {
        let first = |name: fn(&ApplicationFact) -> Option<&String>| {
            let said = items.iter().filter(|item| !item.void && name(&item.fact).is_some());
            let item = said.min_by_key(|item| item.step.origin != Origin::Delivery);
            item.and_then(|item| name(&item.fact).cloned())
        };
        Self {
            customer_id: first(|fact| fact.customer_id.as_ref()),
            partner_customer_id: first(|fact| fact.partner_customer_id.as_ref()),
        }
    }

    /// Whether a fact is about another one.
    pub(super) fn is_contradicted_by(&self, fact: &ApplicationFact) -> bool {
        self.party().contradicts(fact.party())
    }

    pub(super) fn party(&self) -> Party<'_> {
        Party {
            customer_id: self.customer_id.as_deref(),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }
}
