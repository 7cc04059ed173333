//! What Imprint tells about one card.

use super::{History, Told};
use crate::payment_method::{PaymentMethodFact, Status};

/// A card is told to change from one status to another, in the lender's words; `-` is absent.
pub fn card(card_type: &str, previous: &str, new: &str) -> Told<PaymentMethodFact> {
    Told::new(PaymentMethodFact {
        customer_id: "customer-1".to_owned(),
        partner_customer_id: None,
        card_type: card_type.to_owned(),
        previous_status: Status::of(previous),
        new_status: Status::of(new),
        card_design_id: None,
        token_count: None,
    })
}

pub fn virtual_card(previous: &str, new: &str) -> Told<PaymentMethodFact> {
    card("VIRTUAL", previous, new)
}

pub fn physical_card(previous: &str, new: &str) -> Told<PaymentMethodFact> {
    card("PHYSICAL", previous, new)
}

impl Told<PaymentMethodFact> {
    pub fn of_customer(mut self, id: &str) -> Self {
        id.clone_into(&mut self.fact.customer_id);
        self
    }

    pub fn of_design(mut self, id: &str) -> Self {
        self.fact.card_design_id = Some(id.to_owned());
        self
    }

    pub fn with_tokens(mut self, count: usize) -> Self {
        self.fact.token_count = Some(count);
        self
    }
}

impl History<PaymentMethodFact> {
    /// The status that counts; `unknown` before a creation. With its substate, if it has one.
    #[track_caller]
    pub fn then_status(self, expected: &str) -> Self {
        let state = self.state();
        let status = state.status().map_or("unknown", Status::name);
        let shown = state.substate().map_or(status.to_owned(), |sub| format!("{status}/{sub}"));
        assert_eq!(shown, expected, "{:#?}", self.journal);
        self
    }

    #[track_caller]
    pub fn then_reported_as(self, expected: Status) -> Self {
        assert_eq!(self.state().provider_reported_status(), Some(expected));
        self
    }
}
