//! The lifecycle of a card: one table, by type of card.

use serde::{Deserialize, Serialize};

use crate::machine::{Edge, Effect, Machine};

/// The type of a card, as far as it decides what may happen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardType {
    /// Created active.
    Virtual,
    /// Created inactive, activated by the customer.
    Physical,
    /// A type whose lifecycle the lender does not document, such as `UNIFIED`.
    Other(String),
}

/// The status of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Usable.
    Active,
    /// Paused, or not activated yet.
    Inactive,
    /// Gone for good.
    Canceled,
}

impl CardType {
    /// The type of the lender's word.
    pub fn of(word: &str) -> Self {
        match word {
            "VIRTUAL" => Self::Virtual,
            "PHYSICAL" => Self::Physical,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name on the wire; the lender's own word, in lower case, for an undocumented type.
    pub fn name(&self) -> String {
        match self {
            Self::Virtual => "virtual".to_owned(),
            Self::Physical => "physical".to_owned(),
            Self::Other(word) => word.to_lowercase(),
        }
    }
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Canceled];

    /// The status of the lender's word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "ACTIVE" => Some(Self::Active),
            "INACTIVE" => Some(Self::Inactive),
            "CANCELED" => Some(Self::Canceled),
            _ => None,
        }
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Canceled => "canceled",
        }
    }
}

/// Where a card may begin: `None` is the card that is not known yet.
///
/// Source: Imprint, "Status Transitions By Card Type".
pub const fn is_creation(card: &CardType, to: Status) -> bool {
    match card {
        CardType::Virtual => matches!(to, Status::Active),
        CardType::Physical => matches!(to, Status::Inactive),
        CardType::Other(_) => true,
    }
}

/// Whether the lender documents this change of status. What has no row is refused or waits.
///
/// Source: Imprint, "Status Transitions By Card Type".
#[rustfmt::skip] // It is a table.
pub const fn is_edge(card: &CardType, from: Status, to: Status) -> bool {
    use {CardType::*, Status::*};
    match (card, from, to) {
        (_,        Active,   Inactive) => true, // paused
        (_,        Active,   Canceled) => true,
        (_,        Inactive, Canceled) => true,
        (Physical, Inactive, Active)   => true, // activated, or resumed
        (Virtual,  Inactive, Active)   => false, // `virtual_resume`
        (Other(_), Inactive, Active)   => true, // undocumented type: nothing to hold against it
        (_,        Canceled, _)        => false,
        (_, Active, Active) | (_, Inactive, Inactive) => false,
    }
}

const fn leads(card: &CardType, from: Option<Status>, to: Status) -> bool {
    match from {
        Some(from) => is_edge(card, from, to),
        None => is_creation(card, to),
    }
}

/// The name of a status in the drawing, where each type of card has its own.
pub fn state(card: &CardType, status: Option<Status>) -> String {
    let card = match card {
        CardType::Virtual => "virtual",
        CardType::Physical => "physical",
        CardType::Other(_) => "other",
    };
    format!("{card}_{}", status.map_or("unknown", Status::name))
}

/// The statuses to which a card in `from` may change.
pub fn legal(card: &CardType, from: Option<Status>) -> Vec<&'static str> {
    let may = |to: &Status| leads(card, from, *to);
    Status::ALL.into_iter().filter(may).map(Status::name).collect()
}

/// The table as edges, ready to be drawn.
pub fn machine() -> Machine {
    let mut edges = Vec::new();
    for card in [CardType::Virtual, CardType::Physical, CardType::Other(String::new())] {
        for from in [None].into_iter().chain(Status::ALL.map(Some)) {
            let may = |to: &Status| leads(&card, from, *to);
            edges.extend(Status::ALL.into_iter().filter(may).map(|to| Edge {
                from: state(&card, from),
                kind: to.name(),
                effect: Effect::Leads(vec![state(&card, Some(to))], None),
            }));
        }
    }
    Machine { name: "payment_method", edges }
}
