//! A machine as a graph: states, the arrows between them, and in which rank each state stands.

use creditrail_domain::{
    Flag,
    machine::{Edge, Effect},
};

use crate::app::lifecycles::LitLifecycle;

/// States and arrows, each by its index.
#[derive(Debug)]
pub(super) struct Graph {
    /// In the order of the table, which is that of a normal history.
    pub(super) states: Vec<String>,
    /// At most one from one state to another.
    pub(super) arrows: Vec<Arrow>,
}

/// What leads from one state to another, or leaves it as it is.
#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The kinds of step that do so, with what is odd about it. None if the table does not.
    pub(super) kinds: Vec<(&'static str, Option<Flag>)>,
}

impl Graph {
    pub(super) fn of(lit: &LitLifecycle) -> Self {
        let mut graph = Self { states: Vec::new(), arrows: Vec::new() };
        for Edge { from, .. } in &lit.machine.edges {
            graph.state(from);
        }
        for Edge { from, kind, effect } in &lit.machine.edges {
            let Effect::Leads(targets, flag) = effect else { continue };
            for to in targets {
                graph.arrow(from, to).kinds.push((kind, *flag));
            }
        }
        // A path may go beside the table.
        for step in lit.path.iter().filter(|step| step.counts()) {
            graph.arrow(&step.from, &step.to);
        }
        graph.state(&lit.current);
        graph
    }

    pub(super) fn state(&mut self, name: &str) -> usize {
        self.states.iter().position(|state| state == name).unwrap_or_else(|| {
            self.states.push(name.to_owned());
            self.states.len() - 1
        })
    }

    fn arrow(&mut self, from: &str, to: &str) -> &mut Arrow {
        let (from, to) = (self.state(from), self.state(to));
        let known = self.arrows.iter().position(|arrow| (arrow.from, arrow.to) == (from, to));
        let place = known.unwrap_or_else(|| {
            self.arrows.push(Arrow { from, to, kinds: Vec::new() });
            self.arrows.len() - 1
        });
        &mut self.arrows[place]
    }

    /// The states that can be reached from each, itself among them.
    pub(super) fn reach(&self, is_way: impl Fn(&Arrow) -> bool) -> Vec<Vec<bool>> {
        let count = self.states.len();
        let mut reach: Vec<Vec<bool>> =
            (0..count).map(|from| (0..count).map(|to| from == to).collect()).collect();
        for arrow in self.arrows.iter().filter(|arrow| is_way(arrow)) {
            reach[arrow.from][arrow.to] = true;
        }
        for through in 0..count {
            for from in 0..count {
                for to in 0..count {
                    reach[from][to] |= reach[from][through] && reach[through][to];
                }
            }
        }
        reach
    }

    /// In which rank each state stands: after all from which steps that are in order lead to it and
    /// not back; what only an odd step leads to, after the first of those.
    pub(super) fn ranks(&self) -> Vec<usize> {
        let reach = self.reach(Arrow::is_in_order);
        let count = self.states.len();
        let mut ranks = vec![0; count];
        for _ in 0..count {
            for state in 0..count {
                let before =
                    (0..count).filter(|other| reach[*other][state] && !reach[state][*other]);
                ranks[state] = before.map(|other| ranks[other] + 1).max().unwrap_or(0);
            }
        }
        for state in 1..count {
            let into = || self.arrows.iter().filter(|it| it.to == state && it.from != state);
            if !into().any(Arrow::is_in_order) {
                ranks[state] = into().map(|arrow| ranks[arrow.from] + 1).min().unwrap_or(0);
            }
        }
        ranks
    }
}

impl Arrow {
    fn is_in_order(&self) -> bool {
        self.kinds.iter().any(|(_, flag)| flag.is_none())
    }

    pub(super) const fn is_loop(&self) -> bool {
        self.from == self.to
    }
}
