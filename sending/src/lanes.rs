//! Which call is next. A lane is what one endpoint is sent of one aggregate: strictly one call in
//! flight, the next only after the one before was taken.
//!
//! Only what is being sent stands here. A lane whose head was not taken leaves: its place and its
//! attempts are the caller's to keep, and so are the events behind it, which stay in the log. When it
//! is due it is brought back ([`Lanes::bring`]). So however much is undelivered, this stays small.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

use crate::{Breaker, Failure, Outcome, Schedule, breaker::State};

/// What stands in a lane.
pub trait Item {
    /// The place in the log.
    fn position(&self) -> i64;
    /// The place in the stream.
    fn sequence(&self) -> i64;
}

impl<T: Item> Item for std::sync::Arc<T> {
    fn position(&self) -> i64 {
        T::position(self)
    }

    fn sequence(&self) -> i64 {
        T::sequence(self)
    }
}

/// How much of an endpoint may go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls in flight, at least 1.
    pub in_flight: usize,
    /// How many of these are kept for lanes that are in line with the log, so that what is sent
    /// again never takes all. Less than `in_flight`.
    pub kept: usize,
}

/// The lanes of one endpoint that are being sent.
#[derive(Clone, Debug)]
pub struct Lanes<K, I> {
    lanes: HashMap<K, Lane<I>>,
    /// Lanes that wait for a slot, each once: in line, and brought back.
    ready: [VecDeque<K>; 2],
    /// Calls in flight, of each.
    in_flight: [usize; 2],
    /// Whose turn it is if both wait.
    turn: usize,
    items: usize,
    limits: Limits,
    schedule: Schedule,
    breaker: Breaker<K>,
}

#[derive(Clone, Debug)]
struct Lane<I> {
    items: VecDeque<I>,
    attempts: u32,
    line: Line,
    /// Of the call in flight, whether it is a probe.
    flying: Option<bool>,
    /// Whether the log has more of it than stands here.
    is_behind: bool,
}

/// Whether a lane goes on with the log, or was brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    InLine = 0,
    Brought = 1,
}

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<K, I> {
    /// The lane.
    pub key: K,
    /// Its head.
    pub item: I,
    /// The how-manieth attempt it is, from 1.
    pub attempt: u32,
}

/// What became of a lane after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Its head was taken, and it goes on.
    Taken,
    /// Its head was taken, and nothing of it is left here. If `is_behind`, the log has more.
    Emptied {
        /// Whether the log has more.
        is_behind: bool,
    },
    /// Its head was not taken: it left, and is to be brought back at that time with that many
    /// attempts made.
    Retry {
        /// How many attempts were made.
        attempts: u32,
        /// When, in milliseconds since 1970.
        at: i64,
    },
    /// The last attempt was made: it left, until somebody decides.
    Parked {
        /// How many attempts were made.
        attempts: u32,
    },
}

impl<K: Clone + Eq + Ord + Hash, I: Item + Clone> Lanes<K, I> {
    /// No lanes yet.
    pub fn new(limits: Limits, schedule: Schedule) -> Self {
        let in_flight = limits.in_flight.max(1);
        let kept = limits.kept.min(in_flight - 1);
        Self {
            lanes: HashMap::new(),
            ready: [VecDeque::new(), VecDeque::new()],
            in_flight: [0, 0],
            turn: 0,
            items: 0,
            limits: Limits { in_flight, kept },
            schedule,
            breaker: Breaker::default(),
        }
    }

    /// How many events stand here.
    pub const fn items(&self) -> usize {
        self.items
    }

    /// How many calls are in flight.
    pub const fn in_flight(&self) -> usize {
        self.in_flight[0] + self.in_flight[1]
    }

    /// The breaker of the endpoint.
    pub const fn breaker(&self) -> &Breaker<K> {
        &self.breaker
    }

    /// Whether a lane stands here.
    pub fn has(&self, key: &K) -> bool {
        self.lanes.contains_key(key)
    }

    /// Whether a lane stands here that takes what is new in the log. One that is behind does not:
    /// what is new is found in the log with the rest.
    pub fn is_behind(&self, key: &K) -> bool {
        self.lanes.get(key).is_some_and(|lane| lane.is_behind)
    }

    /// The head of a lane that stands here.
    pub fn head(&self, key: &K) -> Option<&I> {
        self.lanes.get(key)?.items.front()
    }

    /// The lanes that stand here, with their heads, and whether they go on with the log.
    pub fn heads(&self) -> impl Iterator<Item = (&K, &I, bool)> {
        self.lanes
            .iter()
            .filter_map(|(key, lane)| Some((key, lane.items.front()?, lane.line == Line::InLine)))
    }

    /// Appends what is new in the log to its lane. `false` if the lane is behind, so that it is not
    /// taken. The caller sees to it that no lane is offered that has left.
    pub fn offer(&mut self, key: K, item: I) -> bool {
        let is_new = !self.lanes.contains_key(&key);
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane::new(Line::InLine));
        if lane.is_behind {
            return false;
        }
        debug_assert!(lane.items.back().is_none_or(|last| last.sequence() < item.sequence()));
        lane.items.push_back(item);
        self.items += 1;
        if is_new {
            self.ready[Line::InLine as usize].push_back(key);
        }
        true
    }

    /// Brings a lane back that has left: its next events in order, at least one, how many attempts
    /// at the first of them were made, and whether the log has more. Nothing happens if it stands
    /// here.
    pub fn bring(&mut self, key: K, items: Vec<I>, (attempts, is_behind): (u32, bool)) {
        if items.is_empty() || self.lanes.contains_key(&key) {
            return;
        }
        self.items += items.len();
        let lane = Lane { items: items.into(), attempts, is_behind, ..Lane::new(Line::Brought) };
        self.lanes.insert(key.clone(), lane);
        self.ready[Line::Brought as usize].push_back(key);
    }

    /// The next call, if one may be made now. Lanes take turns, each with one call.
    pub fn next(&mut self, now: i64) -> Option<Call<K, I>> {
        if self.in_flight() >= self.limits.in_flight || !self.breaker.permits(now) {
            return None;
        }
        let line = self.line()?;
        let key = self.ready[line].pop_front()?;
        self.turn = 1 - line;
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.items.front()?.clone();
        lane.flying = Some(self.breaker.begin(now));
        self.in_flight[line] += 1;
        Some(Call { key, item, attempt: lane.attempts + 1 })
    }

    /// Which of the two is next: they alternate if both wait, and what was brought back leaves the
    /// slots that are kept.
    fn line(&self) -> Option<usize> {
        let most = self.limits.in_flight - self.limits.kept;
        let may =
            [!self.ready[0].is_empty(), !self.ready[1].is_empty() && self.in_flight[1] < most];
        [self.turn, 1 - self.turn].into_iter().find(|line| may[*line])
    }

    /// When the next call may be made if the breaker keeps all from being made.
    pub fn closed_until(&self, now: i64) -> Option<i64> {
        (self.breaker.state(now) == State::Open).then(|| self.breaker.open_until()).flatten()
    }

    /// Says what a call came to. `None` for a lane that has no call in flight.
    ///
    /// A [`Outcome::Gone`] costs no attempt: it is for the caller to call this endpoint no more.
    pub fn settle(
        &mut self,
        key: &K,
        outcome: Outcome,
        (now, jitter): (i64, u32),
    ) -> Option<Settled> {
        let lane = self.lanes.get_mut(key)?;
        let is_probe = lane.flying.take()?;
        self.in_flight[lane.line as usize] -= 1;
        let failure = match outcome {
            Outcome::Taken => {
                self.breaker.taken();
                return Some(self.taken(key));
            }
            Outcome::Gone => {
                self.breaker.given_up(is_probe);
                let attempts = lane.attempts;
                self.remove(key);
                return Some(Settled::Retry { attempts, at: now });
            }
            Outcome::Failed(failure) => failure,
        };
        let asked = self.schedule.asked(failure.retry_after());
        let is_endpoints = self.breaker.failed((key, is_probe), (failure, asked), now);
        let attempts = lane.attempts;
        self.remove(key);
        Some(self.not_taken((attempts, is_endpoints), failure, (now, jitter)))
    }

    fn not_taken(
        &self,
        (attempts, is_endpoints): (u32, bool),
        failure: Failure,
        (now, jitter): (i64, u32),
    ) -> Settled {
        if is_endpoints {
            // It costs no attempt; what the endpoint asks for holds all the same.
            let asked = now.saturating_add(self.schedule.asked(failure.retry_after()));
            let at = self.breaker.open_until().unwrap_or(now).max(asked);
            return Settled::Retry { attempts, at };
        }
        let attempts = attempts + 1;
        match self.schedule.next(attempts, (now, jitter), failure.retry_after()) {
            Some(at) => Settled::Retry { attempts, at },
            None => Settled::Parked { attempts },
        }
    }

    fn taken(&mut self, key: &K) -> Settled {
        let Some(lane) = self.lanes.get_mut(key) else {
            return Settled::Emptied { is_behind: false };
        };
        lane.items.pop_front();
        lane.attempts = 0;
        self.items -= 1;
        if lane.items.is_empty() {
            let is_behind = lane.is_behind;
            self.lanes.remove(key);
            return Settled::Emptied { is_behind };
        }
        self.ready[lane.line as usize].push_back(key.clone());
        Settled::Taken
    }

    /// Takes a lane away, unless it has a call in flight: then `false`.
    pub fn withdraw(&mut self, key: &K) -> bool {
        match self.lanes.get(key) {
            Some(lane) if lane.flying.is_some() => return false,
            Some(lane) => {
                let line = lane.line as usize;
                self.ready[line].retain(|known| known != key);
                self.remove(key);
            }
            None => {}
        }
        true
    }

    fn remove(&mut self, key: &K) {
        if let Some(lane) = self.lanes.remove(key) {
            self.items -= lane.items.len();
        }
    }

    /// Forgets all lanes, and the calls in flight with them: somebody else sends now.
    pub fn clear(&mut self) {
        *self = Self::new(self.limits, self.schedule.clone());
    }
}

impl<I> Lane<I> {
    const fn new(line: Line) -> Self {
        Self { items: VecDeque::new(), attempts: 0, line, flying: None, is_behind: false }
    }
}
