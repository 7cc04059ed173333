//! The link between a lender's customer and a partner's, one aggregate for each pair.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{
    Money, Place, Policies,
    journal::{Journal, Lifecycle},
    judge::{Item, park_or_adopt},
    machine::{Edge, Machine, Row},
    step::{Fact, Party, Verdict},
};

/// The aggregate.
pub type CustomerLink = Journal<CustomerLinkLifecycle>;

/// The rules of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerLinkLifecycle;

/// One report about a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerLinkFact {
    /// What happened to it.
    pub change: Change,
    /// The lender's name of the customer.
    pub customer_id: String,
    /// The partner's.
    pub partner_customer_id: String,
}

/// What happened to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// ACTIVE
    Link,
    /// INACTIVE: not documented for webhooks, known to the lender's API.
    Unlink,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Link, Self::Unlink];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Unlink => "unlink",
        }
    }
}

/// The status of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Not reported yet.
    #[default]
    Unknown,
    /// The two are the same customer.
    Active,
    /// They were.
    Inactive,
}

impl Status {
    const ALL: [Self; 3] = [Self::Unknown, Self::Active, Self::Inactive];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// What a report leads to. Source: Imprint, "Customer Link Event".
#[rustfmt::skip] // It is a table.
pub const fn row(status: Status, change: Change) -> Row<Status> {
    use {Change::*, Status::*};
    match (status, change) {
        (_, Link)                   => Row::leads(&[Active]),
        (Unknown, Unlink)           => Row::parks("link"),
        (Active | Inactive, Unlink) => Row::leads(&[Inactive]),
    }
}

impl Fact for CustomerLinkFact {
    fn kind(&self) -> &'static str {
        self.change.name()
    }

    fn event_type(&self) -> &'static str {
        match self.change {
            Change::Link => "CustomerLinked",
            Change::Unlink => "CustomerUnlinked",
        }
    }

    fn rank(&self) -> u8 {
        match self.change {
            Change::Link => 0,
            Change::Unlink => 1,
        }
    }

    fn amount(&self) -> Option<Money> {
        None
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: Some(&self.customer_id),
            partner_customer_id: Some(&self.partner_customer_id),
        }
    }
}

impl Lifecycle for CustomerLinkLifecycle {
    const TYPE: &'static str = "customer_link";
    type Fact = CustomerLinkFact;
    type State = Status;

    fn open(_: &[Item<'_, CustomerLinkFact>], _: &Policies) -> Status {
        Status::Unknown
    }

    fn rule(state: &Status, item: &Item<'_, CustomerLinkFact>, policies: &Policies) -> Verdict {
        match row(*state, item.fact.change) {
            Row::Leads { .. } => Verdict::applied(),
            Row::Parks(missing) => park_or_adopt(item, missing, policies.parked_for),
            Row::Refuses(code) => crate::judge::refuse::<Self>(state, item, code),
        }
    }

    fn absorb(state: &mut Status, item: &Item<'_, CustomerLinkFact>, verdict: &Verdict) {
        if verdict.is_applied() {
            *state = match item.fact.change {
                Change::Link => Status::Active,
                Change::Unlink => Status::Inactive,
            };
        }
    }

    fn review(_: &Status, _: &[Item<'_, CustomerLinkFact>], _: &mut [Verdict], _: &Policies) {}

    fn state_name(state: &Status, _: &CustomerLinkFact) -> &'static str {
        state.name()
    }

    fn legal(state: &Status, _: &CustomerLinkFact) -> Vec<&'static str> {
        let in_order = |change: &Change| row(*state, *change).is_in_order();
        Change::ALL.into_iter().filter(in_order).map(Change::name).collect()
    }

    fn places(state: &Status, item: &Item<'_, CustomerLinkFact>) -> Vec<Place> {
        let legal = Self::legal(state, &item.fact);
        vec![Place::of_all("customer-link", state.name(), &*item.fact, legal)]
    }
}

/// The table as edges, ready to be drawn.
pub fn machine() -> Machine {
    let edges = Status::ALL.into_iter().flat_map(|from| {
        Change::ALL.into_iter().map(move |change| {
            Edge::of(from.name(), change.name(), row(from, change), |to| to.name().to_owned())
        })
    });
    Machine { name: CustomerLinkLifecycle::TYPE, edges: edges.collect() }
}
