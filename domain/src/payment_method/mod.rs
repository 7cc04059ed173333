//! A card: its status by the lender's reports, whatever order they come in.
//!
//! Reading order: [`lifecycle`] (the table), [`PaymentMethodFact`] (what is reported), then the
//! rules. A report names the status before and after; the one before tells whether a report is
//! missing in between.

pub mod lifecycle;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use lifecycle::{CardType, Status, machine};

use crate::{
    Flag, Money, Place, Policies, Reaction, Refusal,
    journal::{Journal, Lifecycle},
    judge::{Item, park_or_adopt, refuse},
    step::{Fact, Outcome, Party, Verdict},
};

/// The kind of a step that reports no status.
pub const ATTRIBUTES: &str = "attributes";

/// What a step waits for that comes before the card is known.
pub const CREATION: &str = "creation";

/// The aggregate.
pub type PaymentMethod = Journal<PaymentMethodLifecycle>;

/// The rules of a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaymentMethodLifecycle;

/// One report about a card. Token values and PAN references are secrets and stay out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethodFact {
    /// The lender's name of the customer.
    pub customer_id: String,
    /// The partner's name of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_customer_id: Option<String>,
    /// The lender's word: `VIRTUAL`, `PHYSICAL`, or one that is not documented.
    pub card_type: String,
    /// The lender's word for the status before; absent at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_status: Option<Status>,
    /// The lender's word for the status after; absent if only attributes changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_status: Option<Status>,
    /// The card's design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_design_id: Option<String>,
    /// How many tokens were listed; absent if the report has no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_count: Option<usize>,
}

impl Fact for PaymentMethodFact {
    fn kind(&self) -> &'static str {
        self.new_status.map_or(ATTRIBUTES, Status::name)
    }

    fn event_type(&self) -> &'static str {
        match (self.previous_status, self.new_status) {
            (_, None) => "CardAttributesChanged",
            (None, Some(Status::Active | Status::Inactive)) => "CardRegistered",
            (Some(_), Some(Status::Active)) => "CardActivated",
            (Some(_), Some(Status::Inactive)) => "CardPaused",
            (_, Some(Status::Canceled)) => "CardCanceled",
        }
    }

    /// A creation before changes; changes by how far along the lifecycle they lead.
    fn rank(&self) -> u8 {
        match (self.previous_status, self.new_status) {
            (None, Some(Status::Active | Status::Inactive)) => 0,
            (Some(_), Some(Status::Active)) => 1,
            (Some(_), Some(Status::Inactive)) => 2,
            (_, Some(Status::Canceled)) => 3,
            (_, None) => 4,
        }
    }

    fn amount(&self) -> Option<Money> {
        None
    }

    fn party(&self) -> Party<'_> {
        Party {
            customer_id: Some(&self.customer_id),
            partner_customer_id: self.partner_customer_id.as_deref(),
        }
    }
}

/// What the reports of a card amount to.
#[derive(Clone, Debug, Default)]
pub struct State {
    owner: Option<Owner>,
    status: Option<Status>,
    reported: Option<Status>,
    created_at: Option<Timestamp>,
    activated_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    design: Option<String>,
    tokens: usize,
}

#[derive(Clone, Debug)]
struct Owner {
    customer_id: String,
    card: CardType,
}

impl State {
    /// Why a card can be inactive.
    pub const SUBSTATES: [&str; 2] = ["paused", "not_yet_activated"];

    /// The status that counts; `None` before a creation is known.
    pub const fn status(&self) -> Option<Status> {
        self.status
    }

    /// The newest status that the lender reported, whatever became of the report.
    pub const fn provider_reported_status(&self) -> Option<Status> {
        self.reported
    }

    /// The type, by the first report.
    pub fn card_type(&self) -> Option<&CardType> {
        self.owner.as_ref().map(|owner| &owner.card)
    }

    /// The lender's name of the customer.
    pub fn customer_id(&self) -> Option<&str> {
        self.owner.as_ref().map(|owner| owner.customer_id.as_str())
    }

    /// Why the card is inactive: `not_yet_activated` or `paused`; `None` for any other status.
    ///
    /// Source: Imprint, "INACTIVE - Payment method is paused or has not yet been activated".
    pub const fn substate(&self) -> Option<&'static str> {
        match (self.status, self.activated_at) {
            (Some(Status::Inactive), Some(_)) => Some("paused"),
            (Some(Status::Inactive), None) => Some("not_yet_activated"),
            _ => None,
        }
    }

    /// When the card was created.
    pub const fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// When it was first active.
    pub const fn activated_at(&self) -> Option<Timestamp> {
        self.activated_at
    }

    /// When it was canceled.
    pub const fn canceled_at(&self) -> Option<Timestamp> {
        self.canceled_at
    }

    /// The newest design that was named.
    pub fn design(&self) -> Option<&str> {
        self.design.as_deref()
    }

    /// How many tokens the newest list had.
    pub const fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Lifecycle for PaymentMethodLifecycle {
    const TYPE: &'static str = "payment_method";
    type Fact = PaymentMethodFact;
    type State = State;

    fn open(items: &[Item<'_, PaymentMethodFact>], _: &Policies) -> State {
        let owner = items.iter().find(|item| !item.void).map(|item| Owner {
            customer_id: item.fact.customer_id.clone(),
            card: CardType::of(&item.fact.card_type),
        });
        State { owner, ..State::default() }
    }

    fn rule(state: &State, item: &Item<'_, PaymentMethodFact>, policies: &Policies) -> Verdict {
        let card = CardType::of(&item.fact.card_type);
        if state.customer_id() != Some(&item.fact.customer_id) {
            return refuse::<Self>(state, item, Refusal::OwnerConflict);
        }
        if state.card_type() != Some(&card) {
            return refuse::<Self>(state, item, Refusal::TypeConflict);
        }
        let mut verdict = match (state.status, item.fact.new_status) {
            (None, new) => creation(&card, new, item, policies),
            (Some(known), None) => attributes(known, &item.fact),
            (Some(known), Some(new)) => change(state, &card, (known, new), item, policies),
        };
        if verdict.is_applied() && matches!(card, CardType::Other(_)) {
            verdict.flag(Flag::UnknownCardType);
        }
        verdict
    }

    fn absorb(state: &mut State, item: &Item<'_, PaymentMethodFact>, verdict: &Verdict) {
        let at = item.step.occurred_at;
        if !is_void(verdict) {
            state.reported = item.fact.new_status.or(state.reported);
        }
        if !verdict.is_applied() {
            return;
        }
        if let Some(new) = item.fact.new_status {
            state.created_at = state.created_at.or(Some(at));
            state.status = Some(new);
            state.canceled_at =
                (new == Status::Canceled).then_some(state.canceled_at.unwrap_or(at));
        }
        if [item.fact.previous_status, item.fact.new_status].contains(&Some(Status::Active)) {
            state.activated_at = state.activated_at.or(Some(at));
        }
        if item.fact.card_design_id.is_some() {
            state.design.clone_from(&item.fact.card_design_id);
        }
        state.tokens = item.fact.token_count.unwrap_or(state.tokens);
    }

    /// A later report that counts has settled an earlier change that was refused.
    fn review(
        _: &State,
        items: &[Item<'_, PaymentMethodFact>],
        verdicts: &mut [Verdict],
        _: &Policies,
    ) {
        let mut settled = false;
        for (item, verdict) in items.iter().zip(verdicts).rev() {
            match &mut verdict.outcome {
                Outcome::Applied => settled |= item.fact.new_status.is_some(),
                Outcome::Refused(refused) => {
                    let code = refused.code;
                    refused.settled = settled
                        && matches!(code, Refusal::VirtualResume | Refusal::IllegalStatusEdge);
                }
                Outcome::Duplicate | Outcome::Stale | Outcome::Parked { .. } => {}
            }
        }
    }

    fn state_name(state: &State, _: &PaymentMethodFact) -> &'static str {
        state.status.map_or("unknown", Status::name)
    }

    fn legal(state: &State, fact: &PaymentMethodFact) -> Vec<&'static str> {
        lifecycle::legal(&CardType::of(&fact.card_type), state.status)
    }

    fn places(state: &State, item: &Item<'_, PaymentMethodFact>) -> Vec<Place> {
        let own = CardType::of(&item.fact.card_type);
        let card = state.card_type().unwrap_or(&own);
        let (name, legal) =
            (lifecycle::state(card, state.status), lifecycle::legal(card, state.status));
        vec![Place::of_all("payment-method", name, &*item.fact, legal)]
    }
}

/// The first report of a card that is not known yet.
fn creation(
    card: &CardType,
    new: Option<Status>,
    item: &Item<'_, PaymentMethodFact>,
    policies: &Policies,
) -> Verdict {
    let is_creation = new.is_some_and(|new| lifecycle::is_creation(card, new));
    let is_other = matches!(card, CardType::Other(_));
    if is_creation && (is_other || item.fact.previous_status.is_none()) {
        return Verdict::applied();
    }
    let wait = match new {
        Some(Status::Canceled) => policies.unknown_cancel_parked_for,
        _ => policies.parked_for,
    };
    park_or_adopt(item, CREATION, wait)
}

/// A report without a new status: tokens or attributes changed.
fn attributes(known: Status, fact: &PaymentMethodFact) -> Verdict {
    match fact.previous_status {
        Some(previous) if previous != known => {
            Verdict::applied().flagged(Flag::PreviousStatusMismatch)
        }
        _ => Verdict::applied(),
    }
}

/// A change of status, from the known one.
fn change(
    state: &State,
    card: &CardType,
    (known, new): (Status, Status),
    item: &Item<'_, PaymentMethodFact>,
    policies: &Policies,
) -> Verdict {
    let previous = item.fact.previous_status.filter(|previous| *previous != known);
    if lifecycle::is_edge(card, known, new) {
        return previous.map_or_else(Verdict::applied, |_| {
            Verdict::applied().flagged(Flag::PreviousStatusMismatch)
        });
    }
    match previous {
        None if new == known => Verdict::applied(),
        _ if matches!(card, CardType::Other(_)) && known != Status::Canceled => Verdict::applied(),
        Some(previous)
            if lifecycle::is_edge(card, known, previous)
                && (new == known || lifecycle::is_edge(card, previous, new)) =>
        {
            park_or_adopt(item, previous.name(), policies.parked_for)
        }
        Some(_) if new == known => Verdict::applied().flagged(Flag::PreviousStatusMismatch),
        _ => undocumented(state, card, (known, new), item, policies),
    }
}

fn undocumented(
    state: &State,
    card: &CardType,
    edge: (Status, Status),
    item: &Item<'_, PaymentMethodFact>,
    policies: &Policies,
) -> Verdict {
    let refuse = |code| refuse::<PaymentMethodLifecycle>(state, item, code);
    match (card, edge) {
        (_, (Status::Canceled, _)) => refuse(Refusal::CanceledIsFinal),
        (CardType::Virtual, (Status::Inactive, Status::Active)) => match policies.virtual_resume {
            Reaction::Flag => Verdict::applied().flagged(Flag::UndocumentedResume),
            Reaction::Refuse => refuse(Refusal::VirtualResume),
        },
        _ => refuse(Refusal::IllegalStatusEdge),
    }
}

/// Whether the report says nothing about this card: it is a conflict, or a person discarded it.
fn is_void(verdict: &Verdict) -> bool {
    let Outcome::Refused(refused) = &verdict.outcome else { return false };
    matches!(
        refused.code,
        Refusal::Discarded | Refusal::KeyReused | Refusal::OwnerConflict | Refusal::TypeConflict
    )
}
