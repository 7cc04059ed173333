//! Judging the steps of an aggregate, one after the other in the order in which they happened.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{
    Entry, Flag, Lifecycle, OverrideAction, Policies, Refusal,
    step::{Fact, Outcome, Step, StepId, Verdict},
};

/// A step with what has been decided about it from outside.
#[derive(Clone, Debug)]
pub struct Item<'a, F: Clone> {
    /// The step as it was reported.
    pub step: &'a Step<F>,
    /// What it is taken to say: the reported fact, unless an operator converted it.
    pub fact: Cow<'a, F>,
    /// Whether its deadline has passed.
    pub overdue: bool,
    /// The latest time of which the clock told that it has come.
    pub told_at: Option<Timestamp>,
    /// Whether it says nothing: a person discarded it, or its key was used before.
    pub void: bool,
    forced: Option<bool>,
}

impl<'a, F: Fact> Item<'a, F> {
    pub(crate) fn reported(step: &'a Step<F>) -> Self {
        let fact = Cow::Borrowed(&step.fact);
        Self { step, fact, overdue: false, told_at: None, void: false, forced: None }
    }

    pub(crate) fn of(entry: &'a Entry<F>) -> Self {
        let decided = entry.overridden.as_ref().map(|decided| &decided.action);
        Self {
            step: &entry.step,
            fact: Cow::Borrowed(entry.fact()),
            overdue: entry.overdue_at.is_some(),
            told_at: entry.overdue_at,
            void: false,
            forced: decided.map(|action| !matches!(action, OverrideAction::Discard)),
        }
    }

    /// Whether a person decided that it counts.
    pub fn is_insisted_on(&self) -> bool {
        self.forced == Some(true)
    }

    /// Whether the clock told that a time has come.
    pub fn is_past(&self, time: Timestamp) -> bool {
        self.told_at.is_some_and(|told_at| told_at >= time)
    }
}

/// Judges all steps, which are sorted by their order keys.
pub(crate) fn judge<L: Lifecycle>(
    mut items: Vec<Item<'_, L::Fact>>,
    policies: &Policies,
) -> Vec<Verdict> {
    mark_void(&mut items);
    let mut state = L::open(&items, policies);
    let mut verdicts = Vec::with_capacity(items.len());
    for item in &items {
        let mut verdict = match item.forced {
            Some(true) => insisted(L::rule(&state, item, policies)),
            Some(false) => refuse::<L>(&state, item, Refusal::Discarded),
            None if item.void => refuse::<L>(&state, item, Refusal::KeyReused),
            None => L::rule(&state, item, policies),
        };
        item.step.call_flags().for_each(|flag| verdict.flag(flag));
        L::absorb(&mut state, item, &verdict);
        verdicts.push(verdict);
    }
    L::review(&state, &items, &mut verdicts, policies);
    verdicts
}

/// The verdict on a step that a person lets count. What is odd about it stays so; two currencies
/// cannot be added up, whoever decides.
fn insisted(judged: Verdict) -> Verdict {
    match &judged.outcome {
        Outcome::Applied => judged,
        Outcome::Refused(refused) if refused.code == Refusal::CurrencyMismatch => judged,
        Outcome::Refused(_) | Outcome::Duplicate | Outcome::Stale | Outcome::Parked { .. } => {
            Verdict::applied()
        }
    }
}

/// Of several contents under one key one counts: the first, unless a person chose another.
pub(crate) fn mark_void<F: Fact>(items: &mut [Item<'_, F>]) {
    for place in 0..items.len() {
        let item = &items[place];
        let is_void = match item.forced {
            Some(applies) => !applies,
            None => {
                let outdone = items.iter().enumerate().any(|(other_place, other)| {
                    other.step.key == item.step.key
                        && (other_place < place || other.forced == Some(true))
                        && other_place != place
                });
                item.step.key_taken_by.is_some() || outdone
            }
        };
        items[place].void = is_void;
    }
}

/// The verdict that refuses `item` in `state`.
pub(crate) fn refuse<L: Lifecycle>(
    state: &L::State,
    item: &Item<'_, L::Fact>,
    code: Refusal,
) -> Verdict {
    Verdict::refused(code, L::state_name(state, &item.fact), L::legal(state, &item.fact))
}

/// Until when a step may be the newest that was heard: so long after its receipt, for what comes
/// late is not overdue at once.
pub(crate) fn until<F: Fact>(
    items: &[Item<'_, F>],
    step: StepId,
    silence: jiff::SignedDuration,
) -> Option<(StepId, Timestamp)> {
    let item = items.iter().find(|item| item.step.id == step)?;
    Some((step, item.step.received_at.saturating_add(silence).ok()?))
}

/// Parks `item` until `missing` has come; after the deadline it is adopted with a gap.
pub(crate) fn park_or_adopt<F: Fact>(
    item: &Item<'_, F>,
    missing: &'static str,
    wait: jiff::SignedDuration,
) -> Verdict {
    if item.overdue {
        return Verdict::applied().flagged(Flag::HistoryGap);
    }
    // Saturates at the end of time, which only a receipt thousands of years ahead could reach.
    let deadline = item.step.received_at.saturating_add(wait).unwrap_or(Timestamp::MAX);
    Verdict::parked(missing, deadline)
}
