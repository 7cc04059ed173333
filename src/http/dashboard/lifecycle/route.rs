//! How each arrow runs, and where its label stands.

use super::{
    graph::{Arrow, Graph},
    layout::{BOX_HEIGHT, LOOP, Layout, Vertex, fit},
};

/// A place in the drawing, in pixels.
pub(super) type Point = (i32, i32);

/// How an arrow runs, and where labels of it may stand.
#[derive(Debug)]
pub(super) struct Line {
    /// As the data of an SVG path.
    pub(super) path: String,
    /// The tip of its head.
    pub(super) tip: Point,
    /// The other two corners of its head, from the tip.
    pub(super) corners: [Point; 2],
    /// What it takes up.
    pub(super) bounds: Rect,
    /// Where labels may stand, the best place first.
    pub(super) labels: Vec<Anchor>,
}

/// Where a label stands: the middle of it in height, and in width what is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// The middle.
    Middle(Point),
    /// Where it begins.
    Start(Point),
    /// Where it ends.
    End(Point),
}

impl Anchor {
    pub(super) const fn rect(self, width: i32, height: i32) -> Rect {
        match self {
            Self::Middle(middle) => Rect::around(middle, width, height),
            Self::Start((x, y)) => Rect::around((x + width / 2, y), width, height),
            Self::End((x, y)) => Rect::around((x - width / 2, y), width, height),
        }
    }
}

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect(pub(super) i32, pub(super) i32, pub(super) i32, pub(super) i32);

const UP: [Point; 2] = [(-4, 7), (4, 7)];
const DOWN: [Point; 2] = [(-4, -7), (4, -7)];
const RIGHT: [Point; 2] = [(-7, -4), (-7, 4)];
const LEFT: [Point; 2] = [(7, -4), (7, 4)];

impl Rect {
    pub(super) const fn around((x, y): Point, width: i32, height: i32) -> Self {
        Self(x - width / 2, y - height / 2, x - width / 2 + width, y - height / 2 + height)
    }

    pub(super) const fn of(vertex: &Vertex) -> Self {
        Self::around((vertex.x, vertex.y + BOX_HEIGHT / 2), vertex.width, BOX_HEIGHT)
    }

    /// What both take up.
    pub(super) fn with(self, other: Self) -> Self {
        let (left, top) = (self.0.min(other.0), self.1.min(other.1));
        Self(left, top, self.2.max(other.2), self.3.max(other.3))
    }

    /// How much of it lies upon another, in square pixels.
    pub(super) fn overlap(&self, other: &Self) -> i32 {
        let wide = self.2.min(other.2) - self.0.max(other.0);
        let high = self.3.min(other.3) - self.1.max(other.1);
        if wide > 0 && high > 0 { wide * high } else { 0 }
    }
}

/// The lines of all arrows, in the order of the graph.
pub(super) fn lines(graph: &Graph, layout: &Layout) -> Vec<Line> {
    let ports = Ports::of(graph, layout);
    let arrows = graph.arrows.iter().enumerate();
    arrows.map(|(place, arrow)| line(place, arrow, layout, &ports)).collect()
}

fn line(place: usize, arrow: &Arrow, layout: &Layout, ports: &Ports) -> Line {
    let chain = &layout.chains[place];
    let (from, to) = (&layout.vertices[arrow.from], &layout.vertices[arrow.to]);
    if arrow.is_loop() {
        return own_loop(from);
    }
    if !layout.is_flat(chain) {
        return steep(arrow, layout, (chain, ports.of_arrow(place)));
    }
    if layout.are_beside(arrow.from, arrow.to) {
        return level(from, to);
    }
    let (from_x, to_x) = ports.of_arrow(place);
    arc((from_x, from.y + BOX_HEIGHT), to_x)
}

/// Out of the upper edge near the corner, and back in at the right.
fn own_loop(state: &Vertex) -> Line {
    let (right, top) = (state.x + state.width / 2, state.y);
    let path = format!(
        "M{} {top} C{} {}, {} {}, {} {}",
        right - 16,
        right - 14,
        top - LOOP,
        right + LOOP,
        top - 10,
        right + 7,
        top + 11,
    );
    let labels = vec![
        Anchor::Start((right + 8, top - 13)),
        Anchor::Start((right + 8, top - 16)),
        Anchor::Middle((right, top - 22)),
        Anchor::End((right - 18, top - 13)),
        Anchor::Start((right + 12, top - 26)),
        Anchor::End((right - 18, top - 26)),
        Anchor::Start((right + 14, top + 4)),
        Anchor::Start((right + 6, top + 50)),
    ];
    let bounds = Rect(right - 16, top - LOOP, right + LOOP, top + 12);
    Line { path, tip: (right, top + 12), corners: LEFT, bounds, labels }
}

/// Straight from the side of a box to that of its neighbour; there and back beside each other.
fn level(from: &Vertex, to: &Vertex) -> Line {
    let is_right = from.x < to.x;
    let y = from.y + if is_right { 21 } else { 32 };
    let sign = if is_right { 1 } else { -1 };
    let (start, end) = (from.x + sign * from.width / 2, to.x - sign * to.width / 2);
    let path = format!("M{start} {y} H{}", end - sign * 6);
    let middle = i32::midpoint(start, end);
    let (below, above) = (from.y + BOX_HEIGHT + 13, from.y - 12);
    let own = if is_right { above } else { below };
    let near = if is_right { y - 10 } else { y + 11 };
    let labels = vec![
        Anchor::Middle((middle, near)),
        Anchor::Middle((middle, own)),
        Anchor::End((start.max(end), own)),
        Anchor::Start((start.min(end), own)),
        Anchor::Middle((middle, above + below - own)),
    ];
    let bounds = Rect(start.min(end), y, start.max(end), y);
    Line { path, tip: (end, y), corners: if is_right { RIGHT } else { LEFT }, bounds, labels }
}

/// Below the boxes of a rank, from one to another.
fn arc((from_x, y): Point, to_x: i32) -> Line {
    let depth = 26 + (from_x.abs_diff(to_x) / 24).min(18).cast_signed();
    let path =
        format!("M{from_x} {y} C{from_x} {}, {to_x} {}, {to_x} {}", y + depth, y + depth, y + 6);
    let at = |percent: i32| {
        Anchor::Middle((from_x + (to_x - from_x) * percent / 100, y + depth * 3 / 4 + 1))
    };
    let bounds = Rect(from_x.min(to_x), y, from_x.max(to_x), y + depth);
    Line { path, tip: (to_x, y), corners: UP, bounds, labels: [50, 35, 65, 20, 80].map(at).into() }
}

/// From rank to rank: curves between them, straight where a rank is passed.
fn steep(arrow: &Arrow, layout: &Layout, (chain, (from_x, to_x)): (&[usize], (i32, i32))) -> Line {
    let is_down = chain.first() == Some(&arrow.from);
    let (upper_x, lower_x) = if is_down { (from_x, to_x) } else { (to_x, from_x) };
    let mut points = Vec::new();
    for (nth, vertex) in chain.iter().map(|vertex| &layout.vertices[*vertex]).enumerate() {
        match nth {
            0 => points.push((upper_x, vertex.y + BOX_HEIGHT)),
            last if last + 1 == chain.len() => points.push((lower_x, vertex.y)),
            _ => points.extend([(vertex.x, vertex.y), (vertex.x, vertex.y + BOX_HEIGHT)]),
        }
    }
    if !is_down {
        points.reverse();
    }
    let tip = points.last().copied().unwrap_or_default();
    let sign = if is_down { 1 } else { -1 };
    let mut path = String::new();
    let mut labels = Vec::new();
    for (nth, pair) in points.windows(2).enumerate() {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let stop = if nth + 2 == points.len() { to_y - sign * 6 } else { to_y };
        let middle = i32::midpoint(y, to_y);
        if nth == 0 {
            path = format!("M{x} {y}");
        }
        if nth % 2 == 0 {
            path += &format!(" C{x} {middle}, {to_x} {middle}, {to_x} {stop}");
            let middle = |percent| Anchor::Middle(on_curve(pair, percent));
            labels.extend([50, 36, 64, 26, 74].map(middle));
            let (x, y) = on_curve(pair, 50);
            labels.extend([Anchor::Start((x + 5, y)), Anchor::End((x - 5, y))]);
        } else {
            path += &format!(" V{stop}");
        }
    }
    let bounds = points.iter().map(|(x, y)| Rect(*x, *y, *x, *y)).reduce(Rect::with);
    let bounds = bounds.unwrap_or(Rect(0, 0, 0, 0));
    Line { path, tip, corners: if is_down { DOWN } else { UP }, bounds, labels }
}

/// A point of the curve between two, so many percent of the way.
fn on_curve(pair: &[Point], percent: i32) -> Point {
    let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
    let (t, rest) = (percent, 100 - percent);
    // Of a curve that leaves and arrives vertically: the ends weigh 1 and 3 in x.
    let share = (t * t * t + 3 * t * t * rest) / 10_000;
    let down = (t * t * t + 3 * t * rest * 50) / 10_000;
    (x + (to_x - x) * share / 100, y + (to_y - y) * down / 100)
}

/// Where arrows leave and reach the upper and lower edges of boxes.
struct Ports {
    /// For each arrow where it leaves and where it arrives.
    of_arrows: Vec<(i32, i32)>,
}

impl Ports {
    fn of_arrow(&self, place: usize) -> (i32, i32) {
        self.of_arrows[place]
    }

    fn of(graph: &Graph, layout: &Layout) -> Self {
        let mut of_arrows = vec![(0, 0); graph.arrows.len()];
        for state in 0..graph.states.len() {
            for is_top in [true, false] {
                let mut ends = Self::ends(graph, layout, (state, is_top));
                ends.sort_unstable();
                let vertex = &layout.vertices[state];
                let places = spread(vertex, is_top, &ends);
                for ((_, arrow, is_start), x) in ends.into_iter().zip(places) {
                    let (start, end) = &mut of_arrows[arrow];
                    *(if is_start { start } else { end }) = x;
                }
            }
        }
        Self { of_arrows }
    }

    /// The ends of arrows at one edge of a box: whither they lead, of which arrow, and whether it
    /// starts here.
    fn ends(
        graph: &Graph,
        layout: &Layout,
        (state, is_top): (usize, bool),
    ) -> Vec<(i32, usize, bool)> {
        let mut ends = Vec::new();
        for (place, (arrow, chain)) in graph.arrows.iter().zip(&layout.chains).enumerate() {
            if arrow.is_loop() || !chain.contains(&state) {
                continue;
            }
            if layout.is_flat(chain) {
                let other = if arrow.from == state { arrow.to } else { arrow.from };
                if !is_top && !layout.are_beside(arrow.from, arrow.to) {
                    ends.push((layout.vertices[other].x, place, arrow.from == state));
                }
                continue;
            }
            let next = match (chain.first() == Some(&state), is_top) {
                (true, false) => chain.get(1),
                (false, true) => chain.iter().rev().nth(1),
                _ => None,
            };
            if let Some(next) = next {
                ends.push((layout.vertices[*next].x, place, arrow.from == state));
            }
        }
        ends
    }
}

/// Where ends meet the edge of a box: near to whither they lead, and not upon each other.
fn spread(vertex: &Vertex, is_top: bool, ends: &[(i32, usize, bool)]) -> Vec<i32> {
    let (left, right) = (
        vertex.x - vertex.width / 2 + 12,
        vertex.x + vertex.width / 2 - if is_top { 26 } else { 12 },
    );
    let count = i32::try_from(ends.len()).unwrap_or(1).max(1);
    let apart = 16.min((right - left) / count);
    let wanted: Vec<i32> = ends.iter().map(|(x, ..)| (*x).clamp(left, right)).collect();
    let distances: Vec<i32> = (0..ends.len()).map(|nth| if nth == 0 { 0 } else { apart }).collect();
    let before = |nth: usize| apart * i32::try_from(nth).unwrap_or(0);
    let places = fit(&wanted, &distances).into_iter().enumerate();
    places
        .map(|(nth, x)| x.clamp(left + before(nth), right - before(ends.len() - 1 - nth)))
        .collect()
}
