//! What must not differ between the steps of one charge, and what of it all steps tell.

use std::collections::BTreeSet;

use super::{
    LinkedBy,
    chargeback::Upcoming,
    fact::{ChargeFact, Linkage, Report},
};
use crate::{
    Currency, Refusal,
    judge::Item,
    step::{Fact, Origin, Party},
};

/// What must not differ between the steps of one charge: taken from the first step, in time, that
/// names it and can stand on its own. What the lender says goes before what the partner says.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    pub(super) currency: Option<Currency>,
    customer_id: Option<String>,
    partner_customer_id: Option<String>,
}

impl Identity {
    pub(super) fn of(items: &[Item<'_, ChargeFact>]) -> Self {
        fn weight(item: &&Item<'_, ChargeFact>) -> u8 {
            match (item.step.origin, &item.fact.report) {
                (Origin::Delivery, Report::ChargebackReversed(_)) => 1,
                (Origin::Delivery, _) => 0,
                (Origin::Partner | Origin::Operator, _) => 2,
            }
        }
        let said = || items.iter().filter(|item| !item.void);
        let currency = said().filter(|item| item.fact.amount().is_some()).min_by_key(weight);
        let currency = currency.and_then(|item| Some(item.fact.amount()?.currency));
        let in_currency = || {
            said().filter(move |item| {
                item.fact.amount().is_none_or(|it| Some(it.currency) == currency)
            })
        };
        let first = |name: fn(&ChargeFact) -> Option<&String>| {
            let item = in_currency().filter(|item| name(&item.fact).is_some()).min_by_key(weight);
            item.and_then(|item| name(&item.fact).cloned())
        };
        Self {
            currency,
            customer_id: first(|fact| fact.customer_id.as_ref()),
            partner_customer_id: first(|fact| fact.partner_customer_id.as_ref()),
        }
    }

    /// The refusal of a step that contradicts it.
    pub(super) fn conflict(&self, fact: &ChargeFact) -> Option<Refusal> {
        if fact.amount().is_some_and(|amount| Some(amount.currency) != self.currency) {
            Some(Refusal::CurrencyMismatch)
        } else if self.party().contradicts(fact.party()) {
            Some(Refusal::CustomerConflict)
        } else {
            None
        }
    }

    pub(super) fn fits(&self, fact: &ChargeFact) -> bool {
        self.conflict(fact).is_none()
    }

    /// Whether a step may count: it fits, or a person insists although it is another customer's.
    pub(super) fn lets_count(&self, item: &Item<'_, ChargeFact>) -> bool {
        !item.void
            && match self.conflict(&item.fact) {
                None => true,
                Some(conflict) => item.is_insisted_on() && conflict != Refusal::CurrencyMismatch,
            }
    }

    pub(super) fn party(&self) -> Party<'_> {
        Party {
            customer_id: self.customer_id.as_deref(),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }
}

/// The chargebacks that count: of several under one id, the first.
pub(super) fn chargebacks<'a, 'b: 'a>(
    items: impl Iterator<Item = &'a Item<'b, ChargeFact>>,
) -> Vec<Upcoming> {
    let mut ids = BTreeSet::new();
    let first = items.filter_map(|item| match &item.fact.report {
        Report::ChargedBack(dispute) => {
            ids.insert(dispute.transaction_id.clone()).then_some(Upcoming {
                step: item.step.id,
                at: item.step.occurred_at,
                amount: dispute.amount.minor,
            })
        }
        _ => None,
    });
    first.collect()
}

impl Report {
    /// The application that the reconciliation names.
    pub(super) fn names_application(&self) -> Option<&str> {
        match self {
            Self::ChargedBack(dispute) | Self::ChargebackReversed(dispute) => {
                dispute.application_id.as_deref()
            }
            _ => None,
        }
    }
}

impl From<Linkage> for LinkedBy {
    fn from(how: Linkage) -> Self {
        match how {
            Linkage::Partner => Self::Partner,
            Linkage::Operator => Self::Operator,
        }
    }
}
