//! Where each state stands: ranks from top to bottom, few crossings, no box upon another.
//!
//! An arrow over several ranks has a place of its own in each rank between, so that it never
//! passes behind a box. All numbers are pixels.

use super::{
    super::{parts::words, svg::width},
    graph::Graph,
    route::Rect,
};

pub(super) const BOX_HEIGHT: i32 = 40;
pub(super) const FONT: i32 = 12;
const RANK_GAP: i32 = 74;
/// How far a loop stands out to the right of its box.
pub(super) const LOOP: i32 = 18;

/// A box, or the place where an arrow passes a rank.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    /// The middle.
    pub(super) x: i32,
    /// The upper edge.
    pub(super) y: i32,
    /// How wide the box is; 0 where an arrow passes.
    pub(super) width: i32,
    rank: usize,
    /// What it takes up to the left and to the right of the middle.
    room: (i32, i32),
}

/// Where everything stands.
#[derive(Debug)]
pub(super) struct Layout {
    /// The states, in the order of the graph; after them where arrows pass.
    pub(super) vertices: Vec<Vertex>,
    /// What each arrow passes from the upper box to the lower; both boxes alone if they stand in one
    /// rank.
    pub(super) chains: Vec<Vec<usize>>,
    /// The vertices of each rank from left to right.
    rows: Vec<Vec<usize>>,
}

/// The label of a state, in one line or two.
pub(super) fn lines(state: &str) -> Vec<String> {
    let words = words(state);
    let half = words.len() / 2;
    let breaks = words.match_indices(' ').map(|(place, _)| place);
    match breaks.min_by_key(|place| place.abs_diff(half)).filter(|_| words.len() > 12) {
        Some(place) => vec![words[..place].to_owned(), words[place + 1..].to_owned()],
        None => vec![words],
    }
}

impl Layout {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut layout = Self::ranked(graph);
        layout.order();
        layout.place();
        layout
    }

    /// What the states take up, of which there are so many.
    pub(super) fn boxes(&self, states: usize) -> Vec<Rect> {
        self.vertices.iter().take(states).map(Rect::of).collect()
    }

    /// Whether no other box stands between two of one rank.
    pub(super) fn are_beside(&self, one: usize, other: usize) -> bool {
        let row = &self.rows[self.vertices[one].rank];
        let places = [one, other].map(|it| row.iter().position(|known| *known == it).unwrap_or(0));
        let (first, last) = (places[0].min(places[1]), places[0].max(places[1]));
        self.vertices[one].rank == self.vertices[other].rank
            && row.get(first + 1..last).is_some_and(|between| {
                between.iter().all(|vertex| self.vertices[*vertex].width == 0)
            })
    }

    pub(super) fn is_flat(&self, chain: &[usize]) -> bool {
        matches!(chain, [one, other] if self.vertices[*one].rank == self.vertices[*other].rank)
    }

    fn ranked(graph: &Graph) -> Self {
        let ranks = graph.ranks();
        let vertices = graph.states.iter().zip(&ranks).enumerate().map(|(state, (name, rank))| {
            let text = lines(name).iter().map(|line| width(line, FONT)).max().unwrap_or(0);
            // Even, so that its middle is a whole number.
            let box_width = ((text + 27) / 2 * 2).max(84);
            let has_loop = graph.arrows.iter().any(|it| it.is_loop() && it.from == state);
            let right = box_width / 2 + if has_loop { LOOP } else { 0 };
            let room = (box_width / 2, right);
            Vertex { x: 0, y: 0, width: box_width, rank: *rank, room }
        });
        let mut layout =
            Self { vertices: vertices.collect(), chains: Vec::new(), rows: Vec::new() };
        for arrow in &graph.arrows {
            let is_down = ranks[arrow.from] <= ranks[arrow.to];
            let (upper, lower) =
                if is_down { (arrow.from, arrow.to) } else { (arrow.to, arrow.from) };
            let mut chain = vec![upper];
            for rank in ranks[upper] + 1..ranks[lower] {
                chain.push(layout.vertices.len());
                layout.vertices.push(Vertex { x: 0, y: 0, width: 0, rank, room: (3, 3) });
            }
            chain.push(lower);
            layout.chains.push(chain);
        }
        let last = ranks.iter().max().copied().unwrap_or(0);
        layout.rows = vec![Vec::new(); last + 1];
        for (vertex, Vertex { rank, .. }) in layout.vertices.iter().enumerate() {
            layout.rows[*rank].push(vertex);
        }
        layout
    }

    /// Pairs of vertices in neighbouring ranks that an arrow connects, the upper one first.
    fn links(&self) -> impl Iterator<Item = (usize, usize)> {
        let chains = self.chains.iter().filter(|chain| !self.is_flat(chain));
        chains.flat_map(|chain| chain.windows(2).map(|pair| (pair[0], pair[1])))
    }

    /// Orders each rank by where its neighbours stand, to and fro, and keeps the order with the
    /// fewest crossings; then swaps neighbours as long as that makes it better.
    fn order(&mut self) {
        let links: Vec<_> = self.links().collect();
        let mut best = (self.disorder(&links), self.rows.clone());
        for round in 0..12 {
            let ranks: Vec<usize> = if round % 2 == 0 {
                (0..self.rows.len()).collect()
            } else {
                (0..self.rows.len()).rev().collect()
            };
            for rank in ranks {
                self.sort_by_neighbours(rank, &links, round % 2 == 0);
            }
            let disorder = self.disorder(&links);
            if disorder < best.0 {
                best = (disorder, self.rows.clone());
            }
        }
        self.rows = best.1;
        self.swap_while_better(best.0, &links);
    }

    fn sort_by_neighbours(&mut self, rank: usize, links: &[(usize, usize)], is_down: bool) {
        let places = self.places();
        let centre = |vertex: &usize| {
            let around = links.iter().filter_map(|(upper, lower)| match is_down {
                true => (lower == vertex).then_some(places[*upper]),
                false => (upper == vertex).then_some(places[*lower]),
            });
            let around: Vec<_> = around.collect();
            let own = places[*vertex] * 1000;
            if around.is_empty() { own } else { around.iter().sum::<usize>() * 1000 / around.len() }
        };
        let mut row = std::mem::take(&mut self.rows[rank]);
        row.sort_by_key(centre);
        self.rows[rank] = row;
    }

    fn swap_while_better(&mut self, mut disorder: usize, links: &[(usize, usize)]) {
        for _ in 0..20 {
            let before = disorder;
            for rank in 0..self.rows.len() {
                for place in 1..self.rows[rank].len() {
                    self.rows[rank].swap(place - 1, place);
                    let swapped = self.disorder(links);
                    if swapped < disorder {
                        disorder = swapped;
                    } else {
                        self.rows[rank].swap(place - 1, place);
                    }
                }
            }
            if disorder == before {
                break;
            }
        }
    }

    /// The place of each vertex in its rank.
    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.vertices.len()];
        for row in &self.rows {
            row.iter().enumerate().for_each(|(place, vertex)| places[*vertex] = place);
        }
        places
    }

    /// How much is amiss: crossings, boxes between two of one rank that an arrow connects, and how
    /// far apart these and the ends of a link are.
    fn disorder(&self, links: &[(usize, usize)]) -> usize {
        let places = self.places();
        let mut amiss = 0;
        for (nth, (upper, lower)) in links.iter().enumerate() {
            for (other_upper, other_lower) in &links[nth + 1..] {
                let same_rank = self.vertices[*upper].rank == self.vertices[*other_upper].rank;
                let cross = (places[*upper] < places[*other_upper]
                    && places[*lower] > places[*other_lower])
                    || (places[*upper] > places[*other_upper]
                        && places[*lower] < places[*other_lower]);
                amiss += usize::from(same_rank && cross) * 20;
            }
            amiss += places[*upper].abs_diff(places[*lower]);
        }
        let flat = self.chains.iter().filter(|chain| self.is_flat(chain));
        for chain in flat.filter(|chain| chain[0] != chain[1]) {
            amiss += places[chain[0]].abs_diff(places[chain[1]]) * 4;
            amiss += usize::from(!self.are_beside(chain[0], chain[1])) * 24;
        }
        amiss
    }

    /// Moves every vertex towards its neighbours, without changing the order of a rank.
    fn place(&mut self) {
        let links: Vec<_> = self.links().collect();
        for (rank, row) in self.rows.clone().iter().enumerate() {
            let y = i32::try_from(rank).unwrap_or(0) * (BOX_HEIGHT + RANK_GAP);
            let packed = fit(&vec![0; row.len()], &self.distances(row));
            let middle = packed.last().copied().unwrap_or(0) / 2;
            for (vertex, x) in row.iter().zip(packed) {
                (self.vertices[*vertex].x, self.vertices[*vertex].y) = (x - middle, y);
            }
        }
        for round in 0..16 {
            let mut ranks: Vec<usize> = (0..self.rows.len()).collect();
            if round % 2 == 1 {
                ranks.reverse();
            }
            for rank in ranks {
                let row = self.rows[rank].clone();
                let wanted: Vec<i32> = row.iter().map(|it| self.wanted(*it, &links)).collect();
                for (vertex, x) in row.iter().zip(fit(&wanted, &self.distances(&row))) {
                    self.vertices[*vertex].x = x;
                }
            }
        }
    }

    /// Where a vertex would stand best: amid its neighbours. Boxes stand straight below each other
    /// rather than arrows run straight.
    fn wanted(&self, vertex: usize, links: &[(usize, usize)]) -> i32 {
        let (mut sum, mut weights) = (0, 0);
        for (upper, lower) in links {
            let other = match vertex {
                it if it == *upper => &self.vertices[*lower],
                it if it == *lower => &self.vertices[*upper],
                _ => continue,
            };
            let weight = if other.width > 0 { 3 } else { 1 };
            (sum, weights) = (sum + other.x * weight, weights + weight);
        }
        if weights == 0 { self.vertices[vertex].x } else { sum / weights }
    }

    /// How far each vertex of a rank must be from the one before it.
    fn distances(&self, row: &[usize]) -> Vec<i32> {
        let pairs = row.windows(2).map(|pair| {
            let (left, right) = (&self.vertices[pair[0]], &self.vertices[pair[1]]);
            let gap = match (left.width, right.width) {
                (0, 0) => 10,
                (0, _) | (_, 0) => 14,
                _ => 34,
            };
            left.room.1 + right.room.0 + gap
        });
        std::iter::once(0).chain(pairs).collect()
    }
}

/// The places nearest to those that are wanted, each so far from the one before it as is said: the
/// least squares, by pooling those that are too near.
pub(super) fn fit(wanted: &[i32], distances: &[i32]) -> Vec<i32> {
    let offsets = distances.iter().scan(0, |sum, distance| {
        *sum += distance;
        Some(*sum)
    });
    let offsets: Vec<i32> = offsets.collect();
    let mut pools: Vec<(i32, i32)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        let mut pool = (wanted - offset, 1);
        while let Some(before) = pools.last()
            && i64::from(before.0) * i64::from(pool.1) > i64::from(pool.0) * i64::from(before.1)
        {
            pool = (pool.0 + before.0, pool.1 + before.1);
            pools.pop();
        }
        pools.push(pool);
    }
    let pooled = pools.into_iter().flat_map(|(sum, count)| {
        std::iter::repeat_n(sum.div_euclid(count), usize::try_from(count).unwrap_or(0))
    });
    pooled.zip(offsets).map(|(place, offset)| place + offset).collect()
}
