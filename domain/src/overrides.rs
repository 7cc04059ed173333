//! What an operator can decide about a step: one place that both lists it and refuses the rest.

use crate::{
    Journal, Lifecycle, OverrideAction, Refusal,
    refusal::CommandRefusal,
    step::{Fact, Outcome, StepId},
};

/// An action that is possible, as it is named on the wire.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PossibleAction {
    /// `apply`, `convert` or `discard`.
    pub action: &'static str,
    /// For `convert`: the kinds of step that it can be taken as. Empty for the others.
    pub convert_to: Vec<&'static str>,
}

impl PossibleAction {
    /// An action that takes no kind of step.
    pub const fn plain(action: &'static str) -> Self {
        Self { action, convert_to: Vec::new() }
    }
}

impl<L: Lifecycle> Journal<L> {
    /// What an operator can decide about a step now, in the order in which it is offered. Empty if
    /// it has been decided already.
    ///
    /// # Errors
    /// [`CommandRefusal::UnknownStep`].
    pub fn possible(&self, step: StepId) -> Result<Vec<PossibleAction>, CommandRefusal> {
        let entry = self.entry(step).ok_or(CommandRefusal::UnknownStep)?;
        if entry.overridden.is_some() {
            return Ok(Vec::new());
        }
        // Two currencies cannot be added up, whoever decides.
        let adds_up = !matches!(&entry.verdict.outcome,
            Outcome::Refused(refused) if refused.code == Refusal::CurrencyMismatch);
        let mut possible = Vec::new();
        if adds_up {
            possible.push(PossibleAction::plain("apply"));
            let convert_to = entry.step.fact.conversions();
            if !convert_to.is_empty() {
                possible.push(PossibleAction { action: "convert", convert_to });
            }
        }
        possible.push(PossibleAction::plain("discard"));
        Ok(possible)
    }

    /// The decision of that name about a step, if it is possible.
    pub(crate) fn override_action(
        &self,
        step: StepId,
        action: &str,
        convert_to: Option<&str>,
    ) -> Result<OverrideAction<L::Fact>, CommandRefusal> {
        let entry = self.entry(step).ok_or(CommandRefusal::UnknownStep)?;
        let possible = self.possible(step)?;
        if possible.is_empty() {
            return Err(CommandRefusal::AlreadyResolved);
        }
        let offered = possible.iter().find(|one| one.action == action);
        // What may count at all may be asked to count as another kind, if there is any.
        let adds_up = possible.iter().any(|one| one.action == "apply");
        match action {
            "convert" if adds_up => {
                let to = convert_to.unwrap_or_default();
                let fact = &entry.step.fact;
                let converted = fact.convert(to).ok_or_else(|| {
                    let possible = fact.conversions();
                    CommandRefusal::ConversionNotPossible { to: to.to_owned(), possible }
                })?;
                Ok(OverrideAction::ConvertTo(converted))
            }
            "apply" if offered.is_some() => Ok(OverrideAction::Apply),
            "discard" if offered.is_some() => Ok(OverrideAction::Discard),
            other => Err(CommandRefusal::ActionNotPossible {
                action: other.to_owned(),
                possible: possible.into_iter().map(|one| one.action).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{
        testing::{
            Subject, Told, application::*, charge as charges, given, payment_method::*,
            transaction as money,
        },
        *,
    };

    /// Every kind of step, and what is none.
    const KINDS: [&str; 10] = [
        "approve",
        "update",
        "void",
        "capture",
        "refund",
        "settle",
        "chargeback",
        "chargeback_reversal",
        "link",
        "nonsense",
    ];

    /// Exactly what is offered is accepted: of every step of the history, every decision.
    fn offered_is_accepted<F: Subject, const N: usize>(steps: [Told<F>; N], expected: [&str; N]) {
        let history = given(steps);
        let convert = KINDS.iter().map(|kind| format!("convert to {kind}"));
        let all: BTreeSet<String> = ["apply", "convert", "discard", "shrug"]
            .map(str::to_owned)
            .into_iter()
            .chain(convert)
            .collect();
        for (entry, expected) in history.journal.entries().iter().zip(expected) {
            let possible = history.journal.possible(entry.step.id).unwrap();
            let offered = possible.iter().flat_map(|one| match one.convert_to.as_slice() {
                [] => vec![one.action.to_owned()],
                kinds => kinds.iter().map(|kind| format!("{} to {kind}", one.action)).collect(),
            });
            let offered: Vec<String> = offered.collect();
            assert_eq!(offered.join(", "), expected, "{}", entry.step.key);
            for decision in &all {
                let decided = history.clone().resolved(&entry.step.key, decision);
                let is_accepted = decided.refusal().is_none();
                assert_eq!(is_accepted, offered.contains(decision), "{decision}");
                if is_accepted {
                    assert_eq!(decided.journal.possible(entry.step.id), Ok(Vec::new()));
                }
            }
        }
    }

    #[test]
    fn of_a_transaction_what_is_offered_is_accepted_and_nothing_else() {
        offered_is_accepted(
            [
                money::approved(50_00),
                money::updated(60_00),
                money::captured(60_00),
                money::refunded(10_00),
                money::voided(60_00),
                money::captured(10_00).in_currency("JPY"),
            ],
            [
                "apply, convert to update, convert to void, discard",
                "apply, convert to approve, convert to void, discard",
                "apply, convert to refund, discard",
                "apply, convert to capture, discard",
                "apply, convert to approve, convert to update, discard",
                "discard",
            ],
        );
    }

    #[test]
    fn of_a_charge_what_is_offered_is_accepted_and_nothing_else() {
        offered_is_accepted(
            [
                charges::authorized(90_00),
                charges::settled(60_00),
                charges::chargeback("cb", 10_00),
                charges::reversal("cr", 10_00),
            ],
            [
                "apply, discard",
                "apply, convert to refund, discard",
                "apply, convert to chargeback_reversal, discard",
                "apply, convert to chargeback, discard",
            ],
        );
    }

    #[test]
    fn of_cards_and_applications_what_is_offered_is_accepted_and_nothing_else() {
        let plain = "apply, discard";
        offered_is_accepted(
            [virtual_card("", "ACTIVE"), virtual_card("ACTIVE", "CANCELED")],
            [plain; 2],
        );
        offered_is_accepted([started("s"), accepted(2), rejected(2)], [plain; 3]);
    }

    #[test]
    fn of_a_step_that_is_not_known_nothing_is_possible() {
        let history = given([money::approved(50_00)]);
        let unknown = StepId::derive("imprint", "none", "none");
        assert_eq!(history.journal.possible(unknown), Err(CommandRefusal::UnknownStep));
    }
}
