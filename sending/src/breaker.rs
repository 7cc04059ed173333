//! When an endpoint as a whole is taken to be down, so that nobody's attempts are used up on it.

use std::{collections::BTreeSet, hash::Hash};

use crate::Failure;

/// So many failures in a row open it …
const IN_A_ROW: u32 = 5;
/// … if they are of so many lanes: one lane alone may have an event that the endpoint cannot take.
const LANES: usize = 3;
/// So many lanes refused in a row open it too, each for a reason of its own or not: a wrong path or a
/// lost secret is a fault of the endpoint, and would park every lane.
const REFUSED: usize = 20;
/// For how long it is open at first, and at the most, in milliseconds.
const OPEN: (i64, i64) = (1_000, 60_000);

/// The breaker of one endpoint. While it is open nothing is sent and no attempt is used up; then one
/// call at a time probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker<K> {
    in_a_row: u32,
    unreachable: u32,
    lanes: BTreeSet<K>,
    /// Lanes refused since something was taken.
    refused: BTreeSet<K>,
    open_until: Option<i64>,
    open_for: i64,
    is_probing: bool,
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are made.
    Closed,
    /// None are made.
    Open,
    /// One at a time is made, to see.
    HalfOpen,
}

impl State {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl<K> Default for Breaker<K> {
    fn default() -> Self {
        Self {
            in_a_row: 0,
            unreachable: 0,
            lanes: BTreeSet::new(),
            refused: BTreeSet::new(),
            open_until: None,
            open_for: OPEN.0,
            is_probing: false,
        }
    }
}

impl<K: Clone + Ord + Hash> Breaker<K> {
    /// How it stands now.
    pub fn state(&self, now: i64) -> State {
        match self.open_until {
            None => State::Closed,
            Some(until) if now < until => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    /// When it lets a probe through; `None` if it is closed.
    pub const fn open_until(&self) -> Option<i64> {
        self.open_until
    }

    /// Whether a call may be made now.
    pub(crate) fn permits(&self, now: i64) -> bool {
        match self.state(now) {
            State::Closed => true,
            State::Open => false,
            State::HalfOpen => !self.is_probing,
        }
    }

    /// Notes that a call is made; whether it is a probe.
    pub(crate) fn begin(&mut self, now: i64) -> bool {
        let is_probe = self.state(now) == State::HalfOpen;
        self.is_probing |= is_probe;
        is_probe
    }

    /// Notes that something was taken.
    pub(crate) fn taken(&mut self) {
        *self = Self::default();
    }

    /// Notes a failure of a lane, and for how many milliseconds the endpoint asks to be left alone.
    /// Whether the endpoint is to blame for it, and not the lane: then it costs no attempt.
    pub(crate) fn failed(
        &mut self,
        (lane, is_probe): (&K, bool),
        (failure, asked): (Failure, i64),
        now: i64,
    ) -> bool {
        self.is_probing &= !is_probe;
        // A refusal proves that it is back, unless it refuses everything.
        let is_back = is_probe && failure.is_refusal() && self.refused.len() < REFUSED;
        if self.open_until.is_some() && !is_back {
            if is_probe {
                self.open_for = (self.open_for * 2).min(OPEN.1);
                self.open(now, asked);
            }
            return true;
        }
        if failure.is_refusal() {
            self.refuses(lane, now);
            return false;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.unreachable =
            if failure == Failure::Unreachable { self.unreachable.saturating_add(1) } else { 0 };
        if self.lanes.len() < LANES {
            self.lanes.insert(lane.clone());
        }
        let is_down = self.in_a_row >= IN_A_ROW && self.lanes.len() >= LANES;
        if is_down || self.unreachable >= IN_A_ROW || asked > 0 {
            self.open(now, asked);
        }
        false
    }

    /// It lives, and does not take this event.
    fn refuses(&mut self, lane: &K, now: i64) {
        let mut refused = std::mem::take(&mut self.refused);
        refused.insert(lane.clone());
        *self = Self { refused, ..Self::default() };
        if self.refused.len() >= REFUSED {
            self.open(now, 0);
        }
    }

    fn open(&mut self, now: i64, asked: i64) {
        self.open_until = Some(now.saturating_add(self.open_for.max(asked)));
    }

    /// Forgets a probe whose call was given up.
    pub(crate) fn given_up(&mut self, is_probe: bool) {
        self.is_probing &= !is_probe;
    }
}
