//! Lifecycle tables as data: what decides is what is drawn.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{Flag, Refusal};

/// What one kind of step does in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<S: 'static> {
    /// It is applied and leads to one of these statuses, by its amount.
    Leads {
        /// The statuses; at least one.
        to: &'static [S],
        /// What is odd about it even so.
        flag: Option<Flag>,
    },
    /// It waits for a step of this kind.
    Parks(&'static str),
    /// It is refused.
    Refuses(Refusal),
}

impl<S> Row<S> {
    /// Applied; leads to one of `to`.
    pub const fn leads(to: &'static [S]) -> Self {
        Self::Leads { to, flag: None }
    }

    /// The row with a flag; a row that is not applied stays as it is.
    #[must_use]
    pub const fn flagged(self, flag: Flag) -> Self {
        match self {
            Self::Leads { to, .. } => Self::Leads { to, flag: Some(flag) },
            Self::Parks(_) | Self::Refuses(_) => self,
        }
    }

    /// Waits for a step of the kind.
    pub const fn parks(waits_for: &'static str) -> Self {
        Self::Parks(waits_for)
    }

    /// Refused.
    pub const fn refuses(refusal: Refusal) -> Self {
        Self::Refuses(refusal)
    }

    /// Whether the step is applied and nothing is odd about it.
    pub const fn is_in_order(&self) -> bool {
        matches!(self, Self::Leads { flag: None, .. })
    }
}

/// A lifecycle as a list of edges, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The aggregate.
    pub name: &'static str,
    /// Each (state, kind of step) pair, in table order.
    pub edges: Vec<Edge>,
}

/// One pair of state and kind of step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The state in which it is asked.
    pub from: String,
    /// What is asked.
    pub kind: &'static str,
    /// What comes of it.
    pub effect: Effect,
}

/// What comes of a step in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is applied and leads to one of these states.
    Leads(Vec<String>, Option<Flag>),
    /// It waits for a step of this kind.
    Parks(&'static str),
    /// It is refused.
    Refuses(Refusal),
    /// It changes nothing: `duplicate` or `stale`.
    Keeps(&'static str),
}

impl Edge {
    /// An edge out of a table row.
    pub fn of<S: Copy>(
        from: impl Into<String>,
        kind: &'static str,
        row: Row<S>,
        name: impl Fn(S) -> String,
    ) -> Self {
        let effect = match row {
            Row::Leads { to, flag } => Effect::Leads(to.iter().map(|to| name(*to)).collect(), flag),
            Row::Parks(kind) => Effect::Parks(kind),
            Row::Refuses(refusal) => Effect::Refuses(refusal),
        };
        Self { from: from.into(), kind, effect }
    }
}

impl Machine {
    /// The machine of that name: `application`, `payment-method`, `transaction`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "application" => Some(crate::application::decisions::machine()),
            "charge" => Some(crate::charge::lifecycle::machine()),
            "charge-operation" => Some(crate::charge::lifecycle::operation_machine()),
            "lender-track" => Some(crate::application::lenders::machine()),
            "onboarding" => Some(crate::application::onboarding::machine()),
            "customer-link" => Some(crate::customer_link::machine()),
            "payment-method" => Some(crate::payment_method::machine()),
            "transaction" => Some(crate::transaction::machine()),
            _ => None,
        }
    }

    /// Leaves out the edges of states from which no way, along edges or against them, leads to one
    /// of these.
    pub(crate) fn keep_connected<'a>(&mut self, states: impl Iterator<Item = &'a str>) {
        let mut reached: BTreeSet<String> = states.map(str::to_owned).collect();
        loop {
            let known = reached.len();
            for Edge { from, effect, .. } in &self.edges {
                let Effect::Leads(to, _) = effect else { continue };
                if reached.contains(from) || to.iter().any(|to| reached.contains(to)) {
                    reached.extend(to.iter().chain([from]).cloned());
                }
            }
            if reached.len() == known {
                break;
            }
        }
        self.edges.retain(|edge| reached.contains(&edge.from));
    }

    /// The names that [`Self::named`] knows.
    pub const NAMES: [&'static str; 8] = [
        "application",
        "charge",
        "charge-operation",
        "customer-link",
        "lender-track",
        "onboarding",
        "payment-method",
        "transaction",
    ];

    /// As a Markdown table: one line per pair.
    pub fn table(&self) -> String {
        let mut text = String::from("| state | step | leads to | |\n|---|---|---|---|\n");
        for Edge { from, kind, effect } in &self.edges {
            let (to, note) = match effect {
                Effect::Leads(to, flag) => (
                    to.join(", "),
                    flag.map_or_else(String::new, |flag| format!("flag `{}`", flag.code())),
                ),
                Effect::Parks(missing) => {
                    ("–".to_owned(), format!("parked: waits for `{missing}`"))
                }
                Effect::Refuses(refusal) => {
                    ("–".to_owned(), format!("refused: `{}`", refusal.code()))
                }
                Effect::Keeps(outcome) => ("–".to_owned(), (*outcome).to_owned()),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {from} | {kind} | {to} | {note} |");
        }
        text
    }

    /// As a Mermaid state diagram: the applied steps; dashed notes are left to the table.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("stateDiagram-v2\n");
        for (from, to, label) in self.arrows() {
            let _ = writeln!(text, "    {from} --> {to}: {label}");
        }
        text
    }

    /// As a Graphviz graph: the applied steps.
    pub fn dot(&self) -> String {
        let mut text = format!("digraph \"{}\" {{\n    rankdir=LR;\n", self.name);
        for (from, to, label) in self.arrows() {
            let _ = writeln!(text, "    \"{from}\" -> \"{to}\" [label=\"{label}\"];");
        }
        text.push_str("}\n");
        text
    }

    /// The arrows of the drawing: kinds of step that lead the same way share one.
    fn arrows(&self) -> Vec<(String, String, String)> {
        let mut arrows: Vec<(String, String, String)> = Vec::new();
        for Edge { from, kind, effect } in &self.edges {
            let Effect::Leads(targets, flag) = effect else { continue };
            let label = flag.map_or((*kind).to_owned(), |flag| format!("{kind} ({})", flag.code()));
            for to in targets {
                match arrows.iter_mut().find(|arrow| arrow.0 == *from && arrow.1 == *to) {
                    Some(arrow) => arrow.2 = format!("{}, {label}", arrow.2),
                    None => arrows.push((from.clone(), to.clone(), label.clone())),
                }
            }
        }
        arrows
    }
}
