//! What an instance counts of a source since its start. It belongs to the service: there is no
//! global recorder, so several services of one process do not meet in it.

use std::{
    iter,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use jiff::Timestamp;

use super::read::OUTCOMES;

/// Why an authentic delivery was not acknowledged; the lender comes again.
pub const UNACKNOWLEDGED: [&str; 6] =
    ["database", "not_sealed", "overloaded", "rule", "stopped", "timed_out"];

/// Upper bounds of the times until a commit, in microseconds.
const ACKNOWLEDGED_WITHIN: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000,
];
/// Upper bounds of the size of a batch. The last is the most that one takes.
const BATCHES_UP_TO: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// What an instance counts of one source. Each count is one atomic addition.
#[derive(Debug)]
pub struct Counters {
    outcomes: [AtomicU64; OUTCOMES.len()],
    unacknowledged: [AtomicU64; UNACKNOWLEDGED.len()],
    acknowledged_within: Histogram<{ ACKNOWLEDGED_WITHIN.len() }>,
    batches: Histogram<{ BATCHES_UP_TO.len() }>,
    /// Microseconds since 1970; `i64::MIN` before the first.
    last_received_at: AtomicI64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            outcomes: Default::default(),
            unacknowledged: Default::default(),
            acknowledged_within: Histogram::new(ACKNOWLEDGED_WITHIN),
            batches: Histogram::new(BATCHES_UP_TO),
            last_received_at: AtomicI64::new(i64::MIN),
        }
    }
}

impl Counters {
    /// A batch of so many deliveries and commands was committed.
    pub(super) fn batch(&self, requests: usize) {
        self.batches.count(u64::try_from(requests).unwrap_or(u64::MAX));
    }

    /// A delivery was committed, so long after it was taken in.
    pub(super) fn recorded(&self, outcome: &str, received_at: Timestamp, took: Duration) {
        add(&OUTCOMES, &self.outcomes, outcome);
        self.acknowledged_within.count(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.last_received_at.fetch_max(received_at.as_microsecond(), Relaxed);
    }

    /// An authentic delivery was not acknowledged; why is one of [`UNACKNOWLEDGED`].
    pub(super) fn not_acknowledged(&self, cause: &str) {
        add(&UNACKNOWLEDGED, &self.unacknowledged, cause);
    }

    /// Deliveries by the outcome that was answered.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        read(&OUTCOMES, &self.outcomes)
    }

    /// Deliveries that were not acknowledged, by cause.
    pub fn unacknowledged(&self) -> impl Iterator<Item = (&'static str, u64)> {
        read(&UNACKNOWLEDGED, &self.unacknowledged)
    }

    /// From when a call was taken in, its body whole, to its commit; in microseconds.
    pub fn acknowledged_within(&self) -> Distribution {
        self.acknowledged_within.read()
    }

    /// Deliveries and commands of a batch.
    pub fn batches(&self) -> Distribution {
        self.batches.read()
    }

    /// When the newest delivery that this instance recorded was received, repetitions included.
    pub fn last_received_at(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.last_received_at.load(Relaxed)).ok()
    }
}

fn add(names: &[&str], counts: &[AtomicU64], name: &str) {
    if let Some((_, count)) = iter::zip(names, counts).find(|(known, _)| **known == name) {
        count.fetch_add(1, Relaxed);
    }
}

fn read(
    names: &'static [&'static str],
    counts: &[AtomicU64],
) -> impl Iterator<Item = (&'static str, u64)> {
    iter::zip(names, counts).map(|(name, count)| (*name, count.load(Relaxed)))
}

/// Counts values by fixed upper bounds.
#[derive(Debug)]
struct Histogram<const N: usize> {
    bounds: [u64; N],
    within: [AtomicU64; N],
    beyond: AtomicU64,
    sum: AtomicU64,
}

/// What a histogram has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// How many values are not above a bound, by rising bounds.
    pub up_to: Vec<(u64, u64)>,
    /// How many values there are.
    pub count: u64,
    /// What they add up to.
    pub sum: u64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [u64; N]) -> Self {
        let within = std::array::from_fn(|_| AtomicU64::new(0));
        Self { bounds, within, beyond: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    fn count(&self, value: u64) {
        let fits = iter::zip(&self.bounds, &self.within).find(|(bound, _)| value <= **bound);
        fits.map_or(&self.beyond, |(_, within)| within).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// The count is that of the buckets, so that both agree while others count.
    fn read(&self) -> Distribution {
        let sum = self.sum.load(Relaxed);
        let mut count = 0;
        let up_to = iter::zip(self.bounds, &self.within).map(|(bound, within)| {
            count += within.load(Relaxed);
            (bound, count)
        });
        let up_to = up_to.collect();
        Distribution { up_to, count: count + self.beyond.load(Relaxed), sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_every_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new([1, 10]);
        for value in [0, 1, 2, 10, 11] {
            histogram.count(value);
        }
        let read = Distribution { up_to: vec![(1, 2), (10, 4)], count: 5, sum: 24 };
        assert_eq!(histogram.read(), read);
    }

    #[test]
    fn nothing_was_received_before_the_first_delivery() {
        let counters = Counters::default();
        assert_eq!(counters.last_received_at(), None);
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        counters.recorded("applied", at(7), Duration::from_millis(1));
        counters.recorded("duplicate", at(5), Duration::from_secs(9));
        assert_eq!(counters.last_received_at(), Some(at(7)));
        let counted: Vec<_> = counters.outcomes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("applied", 1), ("duplicate", 1)]);
        let Distribution { up_to, count, sum } = counters.acknowledged_within();
        assert_eq!((up_to.last(), count, sum), (Some(&(5_000_000, 1)), 2, 9_001_000));
    }
}
