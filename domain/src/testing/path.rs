//! What holds of the path of every history that an example tells.

use crate::{
    Flag, Journal, Lifecycle, Policies,
    machine::{Effect, Machine},
    path::{PathStep, Track},
};

/// Each step begins where the one before it ended, and moves along an edge that the machine draws.
/// Beside the table goes what a person insisted on, and what is named below.
#[track_caller]
pub fn is_drawn<L: Lifecycle>(journal: &Journal<L>, policies: &Policies) {
    for track in journal.tracks(policies) {
        let machine = Machine::named(track.machine).unwrap();
        for pair in track.path.windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "the path of {track:#?} has a gap");
        }
        assert_eq!(track.path.last().map(|step| &step.to), Some(&track.current));
        for step in track.path.iter().filter(|step| step.from != step.to) {
            let is_insisted_on = journal.entry(step.step).unwrap().overridden.is_some();
            let counts = matches!(step.outcome, "applied" | "stale");
            assert!(counts, "what does not count moved {track:#?}");
            assert!(
                is_insisted_on || is_beside_the_table(&machine, step) || is_edge(&machine, step),
                "{} -> {} by {} is not drawn: {track:#?}",
                step.from,
                step.to,
                step.kind
            );
        }
        let drawn = track.drawn().unwrap();
        assert!(drawn.edges.iter().all(|edge| machine.edges.contains(edge)));
    }
}

/// Whether the table has it wait there, and it was adopted or what it waits for is dated later; or
/// the policies let it count although the table does not.
fn is_beside_the_table(machine: &Machine, step: &PathStep) -> bool {
    [Flag::HistoryGap, Flag::UndocumentedResume].iter().any(|flag| step.flags.contains(flag))
        || effects(machine, step).any(|effect| matches!(effect, Effect::Parks(_)))
}

fn is_edge(machine: &Machine, step: &PathStep) -> bool {
    effects(machine, step).any(|effect| match effect {
        Effect::Leads(to, _) => to.iter().any(|to| *to == step.to),
        _ => false,
    })
}

/// What the table says of the step in the state before it.
fn effects<'a>(machine: &'a Machine, step: &'a PathStep) -> impl Iterator<Item = &'a Effect> {
    // A second report of a creation does what an update would.
    let is_it = |kind: &str| kind == step.kind || kind.strip_suffix("_update") == Some(step.kind);
    let asked = machine.edges.iter().filter(move |it| it.from == step.from && is_it(it.kind));
    asked.map(|edge| &edge.effect)
}

/// A path in words: `approve unknown > pending, capture pending > captured`.
pub fn words(track: &Track) -> String {
    let steps =
        track.path.iter().map(|PathStep { kind, from, to, .. }| format!("{kind} {from} > {to}"));
    steps.collect::<Vec<_>>().join(", ")
}
