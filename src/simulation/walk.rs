//! Walks over a lifecycle's table: along its edges, and against them.

use creditrail_domain::machine::{Edge, Effect, Machine};

use super::{Chance, ODD};

/// Where a walk stands.
#[derive(Clone, Debug)]
pub struct Walk {
    machine: Machine,
    /// The present state, in the words of the table.
    pub state: String,
}

/// The next step of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The kind of step, in the words of the table.
    pub kind: &'static str,
    /// Where it leads; nowhere, if the table does not allow it.
    pub to: Option<String>,
}

impl Walk {
    /// A walk that begins in a state of the machine of that name.
    pub fn of(machine: &str, state: &str) -> Option<Self> {
        Some(Self { machine: Machine::named(machine)?, state: state.to_owned() })
    }

    /// The next step along the table, or now and then one against it. `fits` says whether the
    /// lender has a webhook for it: of this kind, to this state.
    pub fn next(&self, chance: &mut Chance, fits: impl Fn(&Next) -> bool) -> Option<Next> {
        if chance.dice.hits(chance.illegal)
            && let Some(illegal) = self.against(chance, &fits)
        {
            return Some(illegal);
        }
        let allows_odd = chance.dice.hits(ODD);
        let mut open = self.along(allows_odd);
        open.retain(&fits);
        if open.is_empty() {
            open = self.along(true);
            open.retain(&fits);
        }
        chance.dice.pick(&open).cloned()
    }

    fn here(&self) -> impl Iterator<Item = &Edge> {
        self.machine.edges.iter().filter(|edge| edge.from == self.state)
    }

    fn along(&self, allows_odd: bool) -> Vec<Next> {
        let mut open = Vec::new();
        for Edge { kind, effect, .. } in self.here() {
            let Effect::Leads(targets, flag) = effect else { continue };
            if flag.is_none() || allows_odd {
                open.extend(targets.iter().map(|to| Next { kind, to: Some(to.clone()) }));
            }
        }
        open
    }

    /// What the table refuses or lets wait. Where a pair has no row at all, it is no step.
    fn against(&self, chance: &mut Chance, fits: impl Fn(&Next) -> bool) -> Option<Next> {
        let mut closed: Vec<Next> = self
            .here()
            .filter(|edge| matches!(edge.effect, Effect::Refuses(_) | Effect::Parks(_)))
            .map(|edge| Next { kind: edge.kind, to: None })
            .collect();
        closed.retain(fits);
        chance.dice.pick(&closed).cloned()
    }
}
