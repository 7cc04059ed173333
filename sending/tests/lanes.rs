//! Lanes with a simulated clock: whatever an endpoint does, each lane is sent in order, one call at a
//! time, and nothing is lost. Nothing sleeps: the clock is a number.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};

use creditrail_sending::{
    Failure, Lanes, Outcome, Preset, Schedule, Settled,
    lanes::{Item, Limits},
};
use proptest::prelude::*;

const ATTEMPTS: u32 = 3;
/// How long a call takes, in milliseconds.
const CALL: i64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At {
    position: i64,
    sequence: i64,
}

impl Item for At {
    fn position(&self) -> i64 {
        self.position
    }

    fn sequence(&self) -> i64 {
        self.sequence
    }
}

/// What the caller keeps of a lane that left.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Behind which sequence it goes on.
    after: i64,
    attempts: u32,
    /// When; `None` if it is parked.
    at: Option<i64>,
}

/// A sender as it is in the service, over a log in memory.
struct World {
    lanes: Lanes<u8, At>,
    /// The log: the lane of each position, from 1.
    log: Vec<(u8, i64)>,
    read: usize,
    rows: BTreeMap<u8, Row>,
    now: i64,
    flying: Vec<(u8, At, i64)>,
    /// What the endpoint took, of each lane.
    taken: BTreeMap<u8, Vec<i64>>,
    skipped: BTreeSet<(u8, i64)>,
    most_in_flight: usize,
    /// Of how many calls each notification was the subject.
    calls: BTreeMap<(u8, i64), u32>,
    is_paused: bool,
}

impl World {
    fn new(lanes_of_events: &[u8], limits: Limits) -> Self {
        let mut sequences = BTreeMap::<u8, i64>::new();
        let log = lanes_of_events.iter().map(|lane| {
            let sequence = sequences.entry(*lane).or_default();
            *sequence += 1;
            (*lane, *sequence)
        });
        Self {
            log: log.collect(),
            lanes: Lanes::new(limits, Schedule::new(Preset::Seed, ATTEMPTS, 60_000)),
            read: 0,
            rows: BTreeMap::new(),
            now: 0,
            flying: Vec::new(),
            taken: BTreeMap::new(),
            skipped: BTreeSet::new(),
            most_in_flight: limits.in_flight,
            calls: BTreeMap::new(),
            is_paused: false,
        }
    }

    fn of_lane(&self, lane: u8, after: i64) -> Vec<At> {
        let read = self.log[..self.read].iter().zip(1..);
        let of = read.filter(|((of, sequence), _)| *of == lane && *sequence > after);
        of.map(|((_, sequence), position)| At { position, sequence: *sequence }).collect()
    }

    /// Reads on, brings back what is due, and makes the calls that may be made.
    fn go(&mut self) {
        while self.read < self.log.len() && self.lanes.items() < 4 {
            let (lane, sequence) = self.log[self.read];
            self.read += 1;
            let position = i64::try_from(self.read).unwrap();
            // What has left waits in the log, unless it is back.
            if self.lanes.has(&lane) || !self.rows.contains_key(&lane) {
                self.lanes.offer(lane, At { position, sequence });
            }
        }
        let due: Vec<(u8, Row)> = self.rows.iter().map(|(lane, row)| (*lane, *row)).collect();
        for (lane, row) in due {
            if row.at.is_some_and(|at| at <= self.now) && !self.lanes.has(&lane) {
                let mut items = self.of_lane(lane, row.after);
                if items.is_empty() {
                    self.rows.remove(&lane);
                    continue;
                }
                let is_behind = items.len() > 2;
                items.truncate(2);
                self.lanes.bring(lane, items, (row.attempts, is_behind));
            }
        }
        while !self.is_paused
            && let Some(call) = self.lanes.next(self.now)
        {
            assert!(self.flying.iter().all(|(lane, ..)| *lane != call.key), "one in flight a lane");
            assert!(call.attempt <= ATTEMPTS, "{} attempts", call.attempt);
            *self.calls.entry((call.key, call.item.sequence)).or_default() += 1;
            self.flying.push((call.key, call.item, self.now + CALL));
            assert!(self.flying.len() <= self.most_in_flight);
        }
    }

    /// Ends one call.
    fn end(&mut self, nth: usize, outcome: Outcome, jitter: u32) {
        if self.flying.is_empty() {
            return;
        }
        let (lane, item, until) = self.flying.remove(nth % self.flying.len());
        self.now = self.now.max(until);
        if outcome == Outcome::Taken {
            self.taken.entry(lane).or_default().push(item.sequence);
        }
        let settled = self.lanes.settle(&lane, outcome, (self.now, jitter)).expect("it was called");
        let after = item.sequence;
        match settled {
            Settled::Taken => drop(self.rows.get_mut(&lane).map(|row| {
                *row = Row { after, attempts: 0, at: Some(self.now) };
            })),
            Settled::Emptied { is_behind: false } => drop(self.rows.remove(&lane)),
            Settled::Emptied { is_behind: true } => {
                self.rows.insert(lane, Row { after, attempts: 0, at: Some(self.now) });
            }
            Settled::Retry { attempts, at } => {
                if let Outcome::Failed(failure) = outcome
                    && let Some(asked) = failure.retry_after()
                {
                    assert!(at >= self.now + asked.min(1000), "not before the Retry-After");
                }
                self.rows.insert(lane, Row { after: after - 1, attempts, at: Some(at) });
            }
            Settled::Parked { attempts } => {
                assert_eq!(attempts, ATTEMPTS);
                self.rows.insert(lane, Row { after: after - 1, attempts, at: None });
            }
        }
    }

    /// A person decides about a lane that is parked.
    fn decide(&mut self, lane: u8, is_skip: bool) {
        let Some(row) = self.rows.get_mut(&lane).filter(|row| row.at.is_none()) else { return };
        row.attempts = 0;
        row.at = Some(self.now);
        if is_skip {
            row.after += 1;
            self.skipped.insert((lane, row.after));
        }
    }

    /// The service is killed: what is in memory is gone, and so is what the log's bookmark did not
    /// reach.
    fn crash(&mut self) {
        let unsettled = self.lanes.heads().filter(|(_, _, in_line)| *in_line);
        let bookmark = unsettled.map(|(_, item, _)| item.position - 1).min();
        if let Some(bookmark) = bookmark {
            self.read = self.read.min(usize::try_from(bookmark).unwrap());
        }
        self.flying.clear();
        self.lanes.clear();
    }

    /// Lets everything be taken until nothing is left.
    fn finish(&mut self) {
        self.is_paused = false;
        for _ in 0..10_000 {
            for lane in self.rows.keys().copied().collect::<Vec<_>>() {
                self.decide(lane, false);
            }
            self.go();
            if self.flying.is_empty() {
                if self.rows.is_empty() && self.read == self.log.len() {
                    return;
                }
                self.now += 500;
            }
            self.end(0, Outcome::Taken, 0);
        }
        panic!("it does not end: {:?}", self.rows);
    }
}

/// What happens to a sender.
#[derive(Clone, Debug)]
enum Happens {
    Ends(usize, Outcome, u32),
    Passes(i64),
    Decided(u8, bool),
    Crashes,
    Paused(bool),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let status = |status, retry_after| Outcome::Failed(Failure::Status { status, retry_after });
    prop_oneof![
        4 => Just(Outcome::Taken),
        1 => Just(Outcome::Failed(Failure::Unreachable)),
        1 => Just(Outcome::Failed(Failure::Unanswered)),
        2 => Just(status(400, None)),
        1 => Just(status(503, Some(700))),
        1 => Just(Outcome::Gone),
    ]
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (any::<usize>(), outcome(), any::<u32>())
            .prop_map(|(nth, outcome, jitter)| Happens::Ends(nth, outcome, jitter)),
        3 => (1_i64..3_000).prop_map(Happens::Passes),
        2 => (0_u8..4, any::<bool>()).prop_map(|(lane, skip)| Happens::Decided(lane, skip)),
        1 => Just(Happens::Crashes),
        1 => any::<bool>().prop_map(Happens::Paused),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_happens_each_lane_is_sent_in_order_and_nothing_is_lost(
        events in prop::collection::vec(0_u8..4, 1..24),
        in_flight in 1_usize..4,
        story in prop::collection::vec(happens(), 0..80),
    ) {
        let mut world = World::new(&events, Limits { in_flight, kept: 1 });
        for happens in story {
            world.go();
            match happens {
                Happens::Ends(nth, outcome, jitter) => world.end(nth, outcome, jitter),
                Happens::Passes(time) => world.now += time,
                Happens::Decided(lane, is_skip) => world.decide(lane, is_skip),
                Happens::Crashes => world.crash(),
                Happens::Paused(is_paused) => world.is_paused = is_paused,
            }
        }
        world.finish();
        for lane in 0..4 {
            let all: Vec<i64> = world.of_lane(lane, 0).iter().map(|item| item.sequence).collect();
            let taken = world.taken.remove(&lane).unwrap_or_default();
            // Each for the first time in order; what comes again has come before.
            let mut first = Vec::new();
            for sequence in taken {
                if !first.contains(&sequence) {
                    first.push(sequence);
                }
            }
            let is_due = |sequence: &i64| !world.skipped.contains(&(lane, *sequence));
            let unskipped: Vec<i64> = all.into_iter().filter(is_due).collect();
            first.retain(is_due);
            prop_assert_eq!(first, unskipped, "lane {}", lane);
        }
    }
}

fn lanes(in_flight: usize, kept: usize) -> Lanes<u8, At> {
    Lanes::new(Limits { in_flight, kept }, Schedule::new(Preset::Seed, 10, 60_000))
}

const fn at(sequence: i64) -> At {
    At { position: sequence, sequence }
}

const fn status(status: u16) -> Outcome {
    Outcome::Failed(Failure::Status { status, retry_after: None })
}

#[test]
fn what_is_sent_again_leaves_the_slots_that_are_kept() {
    let mut lanes = lanes(4, 2);
    for lane in 0..8 {
        lanes.bring(lane, vec![at(1)], (1, false));
    }
    let calls: Vec<u8> = std::iter::from_fn(|| lanes.next(0)).map(|call| call.key).collect();
    assert_eq!(calls, [0, 1]);
    for lane in 8..16 {
        lanes.offer(lane, at(1));
    }
    let calls: Vec<u8> = std::iter::from_fn(|| lanes.next(0)).map(|call| call.key).collect();
    assert_eq!(calls, [8, 9]);
}

#[test]
fn lanes_take_turns_however_long_one_of_them_is() {
    let mut lanes = lanes(1, 0);
    for sequence in 1..=3 {
        lanes.offer(0, at(sequence));
    }
    lanes.offer(1, at(1));
    lanes.bring(2, vec![at(1), at(2)], (0, false));
    let mut order = Vec::new();
    while let Some(call) = lanes.next(0) {
        order.push(call.key);
        lanes.settle(&call.key, Outcome::Taken, (0, 0));
    }
    assert_eq!(order, [0, 2, 1, 2, 0, 0]);
}

/// Fails a call of each of these lanes, and says what becomes of the last.
fn fail(lanes: &mut Lanes<u8, At>, keys: &[u8], (now, outcome): (i64, Outcome)) -> Option<Settled> {
    let mut last = None;
    for key in keys {
        lanes.bring(*key, vec![at(1)], (0, false));
        let call = lanes.next(now)?;
        last = lanes.settle(&call.key, outcome, (now, 0));
    }
    last
}

#[test]
fn an_endpoint_that_is_down_costs_no_attempts_while_it_is_waited_for() {
    let mut lanes = lanes(1, 0);
    assert_eq!(
        fail(&mut lanes, &[0, 1, 2, 3, 4], (0, status(503))),
        Some(Settled::Retry { attempts: 1, at: 100 })
    );
    lanes.bring(5, vec![at(1)], (4, false));
    assert_eq!(lanes.next(0), None, "the breaker is open");
    let until = lanes.closed_until(0).expect("it says until when");
    let probe = lanes.next(until).expect("a probe");
    lanes.bring(6, vec![at(1)], (0, false));
    assert_eq!(lanes.next(until), None, "one probe at a time");
    let settled = lanes.settle(&probe.key, status(503), (until, 0));
    assert_eq!(settled, Some(Settled::Retry { attempts: 4, at: until + 2_000 }));
    let probe = lanes.next(until + 2_000).expect("the next probe");
    lanes.settle(&probe.key, Outcome::Taken, (until + 2_000, 0));
    assert_eq!(lanes.closed_until(until + 2_000), None);
    lanes.offer(7, at(1));
    assert!(lanes.next(until + 2_000).is_some());
}

#[test]
fn one_lane_that_is_not_taken_stops_no_other() {
    let mut lanes = lanes(1, 0);
    assert!(matches!(fail(&mut lanes, &[0; 9], (0, status(500))), Some(Settled::Retry { .. })));
    assert_eq!(lanes.closed_until(0), None);
    let refused = fail(&mut lanes, &[1, 2, 3, 4, 5, 6, 7], (0, status(422)));
    assert_eq!(refused, Some(Settled::Retry { attempts: 1, at: 100 }));
    assert_eq!(lanes.closed_until(0), None);
}

#[test]
fn an_endpoint_that_refuses_every_lane_parks_none_of_them() {
    let mut lanes = lanes(1, 0);
    let all: Vec<u8> = (0..20).collect();
    fail(&mut lanes, &all[..19], (0, status(404)));
    fail(&mut lanes, &all[..19], (0, status(404)));
    assert_eq!(lanes.closed_until(0), None, "nineteen lanes may each be at fault");
    fail(&mut lanes, &all[19..], (0, status(404)));
    let until = lanes.closed_until(0).expect("the twentieth opens it");
    lanes.bring(20, vec![at(1)], (9, false));
    let probe = lanes.next(until).expect("a probe");
    let settled = lanes.settle(&probe.key, status(404), (until, 0));
    assert_eq!(settled, Some(Settled::Retry { attempts: 9, at: until + 2_000 }));
    lanes.bring(21, vec![at(1)], (0, false));
    let probe = lanes.next(until + 2_000).expect("the next probe");
    lanes.settle(&probe.key, Outcome::Taken, (until + 2_000, 0));
    fail(&mut lanes, &all[..19], (until + 2_000, status(404)));
    assert_eq!(lanes.closed_until(until + 2_000), None, "what was taken begins the count anew");
}

#[test]
fn an_endpoint_that_was_down_and_refuses_is_back() {
    let mut lanes = lanes(1, 0);
    fail(&mut lanes, &[0, 1, 2, 3, 4], (0, status(503)));
    let until = lanes.closed_until(0).expect("it is down");
    let settled = fail(&mut lanes, &[5], (until, status(401)));
    assert!(matches!(settled, Some(Settled::Retry { attempts: 1, .. })), "{settled:?}");
    assert_eq!(lanes.closed_until(until), None);
}

#[test]
fn an_endpoint_that_asks_to_be_left_alone_is_left_alone_within_bounds() {
    let mut lanes = lanes(2, 0);
    let asks = |retry_after| Outcome::Failed(Failure::Status { status: 429, retry_after });
    let settled = fail(&mut lanes, &[0], (0, asks(Some(5_000))));
    assert!(matches!(settled, Some(Settled::Retry { attempts: 1, at: 5_000.. })), "{settled:?}");
    assert_eq!(lanes.closed_until(0), Some(5_000), "no lane is called");
    fail(&mut lanes, &[1], (5_000, asks(Some(900_000))));
    assert_eq!(lanes.closed_until(5_000), Some(65_000), "as long as the settings allow");
    fail(&mut lanes, &[2], (65_000, Outcome::Taken));
    assert_eq!(lanes.closed_until(65_000), None);
}

#[test]
fn an_endpoint_that_nobody_reaches_is_down_even_for_one_lane() {
    let mut lanes = lanes(1, 0);
    let unreachable = Outcome::Failed(Failure::Unreachable);
    fail(&mut lanes, &[0; 5], (0, unreachable));
    assert!(lanes.closed_until(0).is_some());
}

#[test]
fn a_410_costs_no_attempt() {
    let mut lanes = lanes(1, 0);
    lanes.bring(0, vec![at(1)], (2, false));
    lanes.next(0).expect("a call");
    let settled = lanes.settle(&0, Outcome::Gone, (7, 0));
    assert_eq!(settled, Some(Settled::Retry { attempts: 2, at: 7 }));
}

#[test]
fn a_lane_with_a_call_in_flight_is_not_withdrawn() {
    let mut lanes = lanes(1, 0);
    lanes.offer(0, at(1));
    lanes.offer(1, at(2));
    lanes.next(0).expect("a call");
    assert!(!lanes.withdraw(&0));
    assert!(lanes.withdraw(&1));
    assert_eq!((lanes.items(), lanes.has(&1)), (1, false));
}
