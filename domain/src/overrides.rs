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
