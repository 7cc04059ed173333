//! The path of an aggregate through the lifecycles that it lives by, as [`Machine`] draws them.

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{
    Flag, Journal, Lifecycle, Name, Policies, StepId,
    judge::{Item, mark_void},
    machine::Machine,
    step::Fact,
};

/// Where a step finds what it is about, in one of the lifecycles of its aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The lifecycle: a name that [`Machine::named`] knows.
    pub machine: &'static str,
    /// Which of several of one aggregate: an application, a lender, an operation. Else empty.
    pub of: String,
    /// The state, as the machine names it.
    pub state: Name,
    /// The step, as the machine names it.
    pub kind: &'static str,
    /// The kinds of step that are in order in the state.
    pub legal: Vec<&'static str>,
}

/// One step of a path, applied or not. What is not applied leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// Which step.
    pub step: StepId,
    /// Its kind, as the machine names it.
    pub kind: &'static str,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What became of it as of now: the name of its outcome.
    pub outcome: &'static str,
    /// What is odd about it.
    pub flags: Vec<Flag>,
    /// The state before it, as the machine names it.
    pub from: Name,
    /// The state after it.
    pub to: Name,
}

/// One lifecycle of an aggregate with the path taken through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// The lifecycle: a name that [`Machine::named`] knows.
    pub machine: &'static str,
    /// Which of several; see [`Place::of`].
    pub of: String,
    /// The steps in the order in which they happened. At least one.
    pub path: Vec<PathStep>,
    /// The state after the last one.
    pub current: Name,
    /// The kinds of step that are in order now.
    pub legal_next: Vec<&'static str>,
}

impl<L: Lifecycle> Journal<L> {
    /// The lifecycles of the aggregate with the path through each, in the order in which each began.
    /// Nothing is judged anew.
    pub fn tracks(&self, policies: &Policies) -> Vec<Track> {
        let mut items: Vec<_> = self.entries().iter().map(Item::of).collect();
        mark_void(&mut items);
        let mut state = L::open(&items, policies);
        let mut tracks: Vec<Track> = Vec::new();
        for (item, entry) in items.iter().zip(self.entries()) {
            let before = L::places(&state, item);
            L::absorb(&mut state, item, &entry.verdict);
            for (from, to) in before.into_iter().zip(L::places(&state, item)) {
                let step = PathStep {
                    step: entry.step.id,
                    kind: from.kind,
                    occurred_at: entry.step.occurred_at,
                    outcome: entry.verdict.outcome.name(),
                    flags: entry.verdict.flags.clone(),
                    from: from.state,
                    to: to.state.clone(),
                };
                match tracks.iter_mut().find(|it| (it.machine, &it.of) == (to.machine, &to.of)) {
                    Some(track) => {
                        track.path.push(step);
                        (track.current, track.legal_next) = (to.state, to.legal);
                    }
                    None => tracks.push(Track {
                        machine: to.machine,
                        of: to.of,
                        path: vec![step],
                        current: to.state,
                        legal_next: to.legal,
                    }),
                }
            }
        }
        tracks
    }
}

impl PathStep {
    /// Whether it counts: it was applied, or has been replaced since and led somewhere.
    pub fn counts(&self) -> bool {
        self.outcome == "applied" || self.from != self.to
    }
}

impl Track {
    /// The machine, without what nothing leads to or from the states of the path: a virtual card's
    /// has no physical card's states.
    pub fn drawn(&self) -> Option<Machine> {
        let mut machine = Machine::named(self.machine)?;
        let visited = self.path.iter().flat_map(|step| [&step.from, &step.to]);
        machine.keep_connected(visited.map(|state| &**state));
        Some(machine)
    }
}

impl Place {
    /// The place in the only lifecycle of an aggregate.
    pub(crate) fn of_all(
        machine: &'static str,
        state: impl Into<Name>,
        fact: &impl Fact,
        legal: Vec<&'static str>,
    ) -> Self {
        Self { machine, of: String::new(), state: state.into(), kind: fact.kind(), legal }
    }
}
