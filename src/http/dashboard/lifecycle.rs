//! The lifecycle of a thing as SVG: the table that decides, the path that was taken, what is next.
//!
//! Reading order: `graph` (states, arrows, ranks), `layout` (where states stand), `route` (how
//! arrows run), then here what each of them shows. Nothing is told by colour alone: what was taken
//! is thick and numbered, what is next is dashed and named, where the thing stands is marked `now`.
//! All colours are of the page: see `assets/drawing.css`.

mod graph;
mod layout;
mod route;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use creditrail_domain::PathStep;

use self::{
    graph::{Arrow, Graph},
    layout::{Layout, Vertex},
    route::{Line, Point, Rect},
};
use super::{
    parts::words,
    svg::{escape, width},
};
use crate::app::lifecycles::LitLifecycle;

/// How large labels of arrows are.
const SMALL: i32 = 11;
/// How much there is around everything.
const MARGIN: i32 = 10;

/// The lifecycle as an SVG element that needs no script and no file. The page gives the colours.
pub fn svg(lit: &LitLifecycle) -> String {
    let graph = Graph::of(lit);
    let layout = Layout::of(&graph);
    let lines = route::lines(&graph, &layout);
    let shown: Vec<Shown> =
        graph.arrows.iter().map(|arrow| Shown::of(arrow, &graph, lit)).collect();
    let mut boxes = layout.boxes(graph.states.len());
    let now = graph.states.iter().position(|state| *state == lit.current);
    boxes.extend(now.map(|now| badge(&boxes[now])));
    let labels = labels(&shown, &lines, &boxes);
    let Rect(left, top, right, bottom) = extent(&boxes, &lines, &labels);
    let (wide, high) = (right - left, bottom - top);
    let mut svg = format!(
        "<svg class=\"lc\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" \
         viewBox=\"{left} {top} {wide} {high}\" width=\"{wide}\" height=\"{high}\">\
         <title>{}</title><desc>{}</desc>",
        escape(&format!("{}: {}", lit.title, words(&lit.current))),
        escape(&in_words(lit)),
    );
    // What matters more is drawn over what matters less.
    for weight in 0..3 {
        let arrows = shown.iter().zip(&lines).zip(&graph.arrows);
        for ((shown, line), arrow) in arrows.filter(|((it, _), _)| it.weight() == weight) {
            draw_arrow(&mut svg, shown, line, (arrow, &graph));
        }
    }
    draw_states(&mut svg, &graph, &layout, lit);
    labels.iter().for_each(|label| label.draw(&mut svg));
    svg.push_str("</svg>");
    svg
}

/// The path in words, for those who do not see it.
fn in_words(lit: &LitLifecycle) -> String {
    let mut told = String::new();
    for (number, step) in numbered(&lit.path) {
        let at = step.occurred_at.strftime("%Y-%m-%d %H:%M UTC");
        let (kind, from, to) = (words(step.kind), words(&step.from), words(&step.to));
        // Writing to a String cannot fail.
        let _ = match number {
            Some(number) if step.from == step.to => write!(told, "{number}. {kind}: {to}, {at}. "),
            Some(number) => write!(told, "{number}. {kind}: {from} to {to}, {at}. "),
            None => write!(told, "{kind} in {from}: {}, {at}. ", step.outcome),
        };
    }
    let next: Vec<_> = lit.legal_next.iter().map(|kind| words(kind)).collect();
    let next = if next.is_empty() { "nothing".to_owned() } else { next.join(", ") };
    told + &format!("Now: {}. In order next: {next}.", words(&lit.current))
}

/// The steps, those that count with their number: what was refused, waits or says nothing new has
/// none.
fn numbered(path: &[PathStep]) -> impl Iterator<Item = (Option<usize>, &PathStep)> {
    let mut count = 0;
    path.iter().map(move |step| {
        let counts = step.counts();
        count += usize::from(counts);
        (counts.then_some(count), step)
    })
}

/// What of an arrow is shown.
struct Shown {
    /// The kinds of the steps that took it, each with their numbers.
    taken: Vec<(&'static str, Vec<usize>)>,
    /// The kinds of step that are in order now and would take it.
    next: Vec<&'static str>,
    /// Whether the table has it.
    is_drawn: bool,
}

impl Shown {
    fn of(arrow: &Arrow, graph: &Graph, lit: &LitLifecycle) -> Self {
        let (from, to) = (&graph.states[arrow.from], &graph.states[arrow.to]);
        let mut taken: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for (number, step) in numbered(&lit.path) {
            let Some(number) = number else { continue };
            if step.from != *from || step.to != *to {
                continue;
            }
            match taken.iter_mut().find(|(kind, _)| *kind == step.kind) {
                Some((_, numbers)) => numbers.push(number),
                None => taken.push((step.kind, vec![number])),
            }
        }
        let is_next = |kind: &&'static str| *from == lit.current && lit.legal_next.contains(kind);
        let next = arrow.kinds.iter().map(|(kind, _)| *kind).filter(is_next).collect();
        Self { taken, next, is_drawn: !arrow.kinds.is_empty() }
    }

    /// The later it is drawn: first what is neither, then what is next, then what was taken.
    fn weight(&self) -> usize {
        match (self.taken.is_empty(), self.next.is_empty()) {
            (false, _) => 2,
            (true, false) => 1,
            (true, true) => 0,
        }
    }

    fn class(&self) -> String {
        let taken = if self.taken.is_empty() { "" } else { " lc-taken" };
        let next = if self.next.is_empty() { "" } else { " lc-next" };
        let beside = if self.is_drawn { "" } else { " lc-beside" };
        format!("lc-edge{taken}{next}{beside}")
    }

    /// What stands at it: `1 approve`, `2–4 capture`; and what is next: `next: refund`.
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        let taken =
            self.taken.iter().map(|(kind, numbers)| format!("{} {}", ranges(numbers), words(kind)));
        let mut lines = Vec::new();
        let mut next = String::new();
        for kind in &self.next {
            let kind = words(kind);
            if next.is_empty() {
                next = format!("next: {kind}");
            } else if next.chars().count() + kind.chars().count() > 20 {
                lines.push(std::mem::replace(&mut next, kind) + ",");
            } else {
                next += &format!(", {kind}");
            }
        }
        lines.extend(Some(next).filter(|next| !next.is_empty()));
        (taken.collect(), lines)
    }
}

/// Numbers as people write them: `2–4, 7`.
fn ranges(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let run = |(first, last): (usize, usize)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    };
    runs.into_iter().map(run).collect::<Vec<_>>().join(", ")
}

/// A label of an arrow and where it stands.
struct Label {
    taken: Vec<String>,
    next: Vec<String>,
    place: Rect,
}

/// Each label where it covers least of boxes and of the labels before it, those of the path first.
fn labels(shown: &[Shown], lines: &[Line], boxes: &[Rect]) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    let mut lit: Vec<_> = shown.iter().zip(lines).filter(|(it, _)| it.weight() > 0).collect();
    lit.sort_by_key(|(shown, _)| std::cmp::Reverse(shown.weight()));
    for (shown, line) in lit {
        let (taken, next) = shown.lines();
        let all = taken.iter().chain(&next);
        let wide = all.map(|line| width(line, SMALL)).max().unwrap_or(0) + 8;
        let high = i32::try_from(taken.len() + next.len()).unwrap_or(1) * 13 + 2;
        let covered = |place: &Rect| {
            let others = boxes.iter().chain(labels.iter().map(|label| &label.place));
            others.map(|other| other.overlap(place)).sum::<i32>()
        };
        let places = line.labels.iter().map(|anchor| anchor.rect(wide, high));
        let best = places.enumerate().min_by_key(|(nth, place)| (covered(place), *nth));
        labels.extend(best.map(|(_, place)| Label { taken, next, place }));
    }
    labels
}

impl Label {
    fn draw(&self, svg: &mut String) {
        let Rect(left, top, right, _) = self.place;
        let x = i32::midpoint(left, right);
        svg.push_str("<text class=\"lc-label\" text-anchor=\"middle\">");
        let taken = self.taken.iter().map(|line| ("taken", line));
        let next = self.next.iter().map(|line| ("next", line));
        for ((what, line), y) in taken.chain(next).zip((top + 11..).step_by(13)) {
            let line = escape(line);
            let _ =
                write!(svg, "<tspan class=\"lc-label-{what}\" x=\"{x}\" y=\"{y}\">{line}</tspan>");
        }
        svg.push_str("</text>");
    }
}

fn draw_arrow(svg: &mut String, shown: &Shown, line: &Line, (arrow, graph): (&Arrow, &Graph)) {
    let (from, to) = (&graph.states[arrow.from], &graph.states[arrow.to]);
    let mut kinds: Vec<String> = Vec::new();
    for (kind, flag) in &arrow.kinds {
        let odd = flag.map_or_else(String::new, |flag| format!(" ({})", flag.code()));
        kinds.push(words(kind) + &odd);
    }
    let kinds = if kinds.is_empty() { "beside the table".to_owned() } else { kinds.join(", ") };
    let title = format!("{} → {}: {kinds}", words(from), words(to));
    let corner = |(x, y): Point| format!("{} {}", line.tip.0 + x, line.tip.1 + y);
    let _ = write!(
        svg,
        "<g class=\"{}\"><title>{}</title><path class=\"lc-line\" fill=\"none\" d=\"{}\"/>\
         <path class=\"lc-head\" d=\"M{} {} L{} L{} Z\"/></g>",
        shown.class(),
        escape(&title),
        line.path,
        line.tip.0,
        line.tip.1,
        corner(line.corners[0]),
        corner(line.corners[1]),
    );
}

fn draw_states(svg: &mut String, graph: &Graph, layout: &Layout, lit: &LitLifecycle) {
    let reach = graph.reach(|_| true);
    let now = graph.states.iter().position(|state| *state == lit.current);
    for (state, name) in graph.states.iter().enumerate() {
        let vertex = &layout.vertices[state];
        let is_now = now == Some(state);
        let counts = |step: &&PathStep| step.counts() && (step.from == *name || step.to == *name);
        let class = if is_now {
            "lc-state lc-visited lc-now"
        } else if lit.path.iter().any(|step| counts(&step)) {
            "lc-state lc-visited"
        } else if now.is_some_and(|now| reach[now][state]) {
            "lc-state"
        } else {
            "lc-state lc-off"
        };
        let title = told(name, lit, is_now);
        draw_state(svg, (name, class, &title), vertex, is_now);
    }
}

fn draw_state(
    svg: &mut String,
    (name, class, title): (&str, &str, &str),
    vertex: &Vertex,
    is_now: bool,
) {
    let Rect(left, top, right, bottom) = Rect::of(vertex);
    let _ = write!(
        svg,
        "<g class=\"{class}\"><title>{}</title><rect x=\"{left}\" y=\"{top}\" width=\"{}\" \
         height=\"{}\" rx=\"8\"/><text text-anchor=\"middle\">",
        escape(title),
        right - left,
        bottom - top,
    );
    let lines = layout::lines(name);
    let first = top + if lines.len() > 1 { 17 } else { 24 };
    for (line, y) in lines.iter().zip((first..).step_by(14)) {
        let _ = write!(svg, "<tspan x=\"{}\" y=\"{y}\">{}</tspan>", vertex.x, escape(line));
    }
    svg.push_str("</text>");
    if is_now {
        let Rect(x, y, ..) = badge(&Rect(left, top, right, bottom));
        let _ = write!(
            svg,
            "<rect class=\"lc-badge\" x=\"{x}\" y=\"{y}\" width=\"34\" height=\"16\" rx=\"8\"/>\
             <text class=\"lc-badge-text\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">now</text>",
            x + 17,
            y + 12,
        );
    }
    svg.push_str("</g>");
}

/// What a state tells beside its name: what was asked in it and did not count.
fn told(state: &str, lit: &LitLifecycle, is_now: bool) -> String {
    let now = if is_now { ", now" } else { "" };
    let asked = lit.path.iter().filter(|step| !step.counts() && step.from == state);
    let asked: Vec<_> =
        asked.map(|step| format!("; {}: {}", words(step.kind), step.outcome)).collect();
    format!("{}{now}{}", words(state), asked.concat())
}

/// Where it is marked that the thing stands there.
const fn badge(state: &Rect) -> Rect {
    let (left, top) = (state.0 + 6, state.1 - 11);
    Rect(left, top, left + 34, top + 16)
}

/// What all of it takes up, with a margin.
fn extent(boxes: &[Rect], lines: &[Line], labels: &[Label]) -> Rect {
    let lines = lines.iter().map(|line| line.bounds);
    let all = boxes.iter().copied().chain(lines).chain(labels.iter().map(|label| label.place));
    let Rect(left, top, right, bottom) = all.reduce(Rect::with).unwrap_or(Rect(0, 0, 0, 0));
    Rect(left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)
}
