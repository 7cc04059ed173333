//! What holds of every drawing: nothing is missing, no box lies upon another, nothing is markup.

use creditrail_domain::{
    StepId,
    machine::{Edge, Effect, Machine},
};

use super::*;

/// The machine of that name and a path through it: kinds of step, and states if they change.
fn lit(name: &str, path: &[(&'static str, &str)]) -> LitLifecycle {
    let machine = Machine::named(name).unwrap();
    let mut current = machine.edges[0].from.clone();
    let mut steps = Vec::new();
    for (place, (kind, to)) in path.iter().enumerate() {
        let to = if *to == "refused" { current.clone() } else { (*to).to_owned() };
        steps.push(PathStep {
            step: StepId::derive("imprint", "key", &place.to_string()),
            kind,
            occurred_at: "2026-03-02T10:00:00Z".parse().unwrap(),
            outcome: if path[place].1 == "refused" { "refused" } else { "applied" },
            flags: Vec::new(),
            from: current.into(),
            to: to.clone().into(),
        });
        current = to;
    }
    let in_order =
        |edge: &&Edge| edge.from == current && matches!(edge.effect, Effect::Leads(_, None));
    let legal_next = machine.edges.iter().filter(in_order).map(|edge| edge.kind).collect();
    LitLifecycle { title: "Thing".to_owned(), machine, path: steps, current, legal_next }
}

/// Every machine standing in each of its states.
fn all() -> Vec<LitLifecycle> {
    let of = |name: &&str| {
        let states = Graph::of(&lit(name, &[])).states;
        let name = (*name).to_owned();
        states.into_iter().map(move |state| {
            let begun = lit(&name, &[]);
            let current = state.clone();
            let in_order = |edge: &&Edge| edge.from == current;
            let legal_next =
                begun.machine.edges.iter().filter(in_order).map(|it| it.kind).collect();
            LitLifecycle { current: state, legal_next, ..begun }
        })
    };
    Machine::NAMES.iter().flat_map(of).collect()
}

#[test]
fn every_state_stands_alone_and_within_the_drawing() {
    for lit in all() {
        let graph = Graph::of(&lit);
        let boxes = Layout::of(&graph).boxes(graph.states.len());
        for (place, one) in boxes.iter().enumerate() {
            let upon = boxes.iter().skip(place + 1).find(|other| one.overlap(other) > 0);
            assert_eq!(upon, None, "{} lies upon another in {}", graph.states[place], lit.title);
        }
    }
}

#[test]
fn an_arrow_passes_no_box_but_those_that_it_connects() {
    for lit in all() {
        let graph = Graph::of(&lit);
        let layout = Layout::of(&graph);
        let boxes = layout.boxes(graph.states.len());
        for chain in &layout.chains {
            for passed in &chain[1..chain.len() - 1] {
                let Rect(left, top, right, bottom) = Rect::of(&layout.vertices[*passed]);
                let passes = Rect(left - 1, top, right + 1, bottom);
                assert!(boxes.iter().all(|state| state.overlap(&passes) == 0));
            }
        }
    }
}

#[test]
fn every_arrow_ends_at_the_edge_of_its_states() {
    for lit in all() {
        let graph = Graph::of(&lit);
        let layout = Layout::of(&graph);
        for (arrow, line) in graph.arrows.iter().zip(route::lines(&graph, &layout)) {
            let Rect(left, top, right, bottom) = Rect::of(&layout.vertices[arrow.to]);
            let (x, y) = line.tip;
            let on_edge = (left..=right).contains(&x) && (y == top || y == bottom)
                || (top..=bottom).contains(&y) && (x == left || x == right);
            assert!(on_edge, "{arrow:?} ends at {:?}", line.tip);
        }
    }
}

#[test]
fn every_state_and_every_edge_of_every_machine_is_drawn() {
    for lit in all() {
        let drawn = svg(&lit);
        let count = |what: &str| drawn.matches(what).count();
        let graph = Graph::of(&lit);
        assert_eq!(count("class=\"lc-state"), graph.states.len());
        assert_eq!(count("class=\"lc-edge"), graph.arrows.len());
        assert_eq!(count(">now</text>"), 1);
        for Edge { from, kind, effect } in &lit.machine.edges {
            let Effect::Leads(targets, _) = effect else { continue };
            for to in targets {
                let title = format!("<title>{} → {}: ", words(from), words(to));
                let title = drawn.split(&title).nth(1).unwrap_or_default();
                let kinds = title.split("</title>").next().unwrap_or_default();
                assert!(kinds.contains(&words(kind)), "{from} -> {to} by {kind} is missing");
            }
        }
    }
}

#[test]
fn labels_lie_upon_no_box() {
    let path = [("approve", "pending"), ("update", "pending"), ("capture", "partially_captured")];
    let lit = lit("transaction", &path);
    let graph = Graph::of(&lit);
    let layout = Layout::of(&graph);
    let shown: Vec<_> = graph.arrows.iter().map(|arrow| Shown::of(arrow, &graph, &lit)).collect();
    let boxes = layout.boxes(graph.states.len());
    let labels = labels(&shown, &route::lines(&graph, &layout), &boxes);
    assert_eq!(labels.len(), 6, "three steps, and three ways on");
    for label in labels {
        let upon = boxes.iter().find(|state| state.overlap(&label.place) > 0);
        assert_eq!(upon, None, "{:?} {:?} at {:?}", label.taken, label.next, label.place);
    }
}

#[test]
fn the_path_is_lit_and_numbered_and_what_is_next_is_named() {
    let path = [("approve", "pending"), ("capture", "captured"), ("void", "refused")];
    let refunds = [("refund", "captured"); 3];
    let drawn = svg(&lit("transaction", &[path.as_slice(), &refunds].concat()));
    for label in ["1 approve", "2 capture", "3–5 refund", "next: refund"] {
        assert!(drawn.contains(&format!(">{label}</tspan>")), "{label}: {drawn}");
    }
    assert_eq!(drawn.matches("lc-taken").count(), 3);
    assert!(drawn.contains("<title>captured, now; void: refused</title>"));
    assert!(drawn.contains(
        "<desc>1. approve: unknown to pending, 2026-03-02 10:00 UTC. \
         2. capture: pending to captured, 2026-03-02 10:00 UTC. \
         void in captured: refused, 2026-03-02 10:00 UTC. "
    ));
    assert!(drawn.contains("Now: captured. In order next: refund.</desc>"));
}

#[test]
fn what_goes_beside_the_table_is_drawn_and_says_so() {
    let drawn = svg(&lit("transaction", &[("void", "voided")]));
    assert!(drawn.contains("lc-edge lc-taken lc-beside"));
    assert!(drawn.contains("<title>unknown → voided: beside the table</title>"));
}

#[test]
fn the_same_is_always_drawn_the_same() {
    let path = [("authorize", "authorized"), ("settle", "settled")];
    assert_eq!(svg(&lit("charge", &path)), svg(&lit("charge", &path)));
}

#[test]
fn nothing_that_was_sent_is_markup() {
    let hostile = "\"><script>alert('1')</script>&\u{0}";
    let mut lit = lit("transaction", &[("approve", hostile)]);
    hostile.clone_into(&mut lit.title);
    let drawn = svg(&lit);
    assert!(!drawn.contains("<script") && !drawn.contains("'1'") && !drawn.contains('\u{0}'));
    assert!(drawn.contains("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"));
}

#[test]
fn numbers_are_written_as_people_write_them() {
    assert_eq!(ranges(&[1]), "1");
    assert_eq!(ranges(&[1, 2, 4, 6, 7, 8]), "1, 2, 4, 6–8");
}
