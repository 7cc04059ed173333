//! Numbers over time: what became of deliveries, how late they came, how far applications get.
//!
//! One row for each number, whose key is `what/period/label`, so that a span of time is a range of
//! keys. Every new event adds to the rows that it is about, even if it takes away again what one
//! before it gave: so which rows there are depends on the log alone. Days and weeks are those of
//! UTC; a week is named by its Monday.

mod applications;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use creditrail_domain::{
    Lifecycle, Outcome, Policies, Step,
    exception::ExceptionEvent,
    step::{ClockFault, Fact, Origin},
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

pub use applications::WAY;

use crate::{
    History, Stream,
    history::{Decision, Moment, StepHistory, Steps},
    row::{Change, ReadModel, Table, Write},
};

/// Numbers, one row each.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table = Table { name: "statistics", columns: &["count"] };

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Kept deliveries by day of receipt and outcome as of now.
    Deliveries,
    /// Kept deliveries that can be read, by day of receipt and how long after what they tell of they
    /// came: one of [`LAGS`].
    Lag,
    /// Applications by the week in which they began, `reached.end`: the furthest state that was
    /// reached, and how it ended; `open` if it has not.
    Applications,
    /// Applications that are declined or failed as of now, by the week in which they began and the
    /// lender's code; `not_told` without one, `lender:ID` for each of several lenders.
    Declines,
}

/// How long after what it tells of a delivery came, in order. `untimed`: the lender gave no time.
pub const LAGS: [&str; 9] = ["before", "1s", "10s", "1m", "10m", "1h", "1d", "more", "untimed"];

impl What {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deliveries, Self::Lag, Self::Applications, Self::Declines];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Lag => "lag",
            Self::Applications => "applications",
            Self::Declines => "declines",
        }
    }

    /// The first day of the period in which a day is.
    pub fn period(self, day: Date) -> Date {
        match self {
            Self::Deliveries | Self::Lag => day,
            Self::Applications | Self::Declines => {
                let since_monday = day.weekday().to_monday_zero_offset();
                // Saturates before the year -9999 alone.
                day.saturating_sub(i64::from(since_monday).days())
            }
        }
    }

    /// The keys of a span of days: from the first, up to before the second. `from` is moved to the
    /// beginning of its period; `to` is in it.
    pub fn keys(self, from: Date, to: Date) -> (String, String) {
        // `0` comes right after `/`.
        (format!("{}/{}", self.name(), self.period(from)), format!("{}/{to}0", self.name()))
    }

    fn key(self, at: Timestamp, label: &str) -> String {
        format!("{}/{}/{label}", self.name(), self.period(day(at)))
    }
}

/// The period and the label of a key.
pub fn read_key(key: &str) -> Option<(&str, &str)> {
    let (_, rest) = key.split_once('/')?;
    rest.split_once('/')
}

/// The day of a time, in UTC.
fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// What is added to each row.
type Counts = BTreeMap<String, i64>;

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let mut counts = Counts::new();
    match &stream.history {
        History::Application(steps) => {
            of_steps(steps, &mut counts);
            applications::count(steps, policies, &mut counts);
        }
        History::Charge(steps) => of_steps(steps, &mut counts),
        History::CustomerLink(steps) => of_steps(steps, &mut counts),
        History::PaymentMethod(steps) => of_steps(steps, &mut counts),
        History::Transaction(steps) => of_steps(steps, &mut counts),
        History::Access(_) | History::Privacy(_) | History::Secret(_) => {}
        History::Exception(moments) => unreadable(moments, &mut counts),
    }
    let change = |(key, count): (String, i64)| Change {
        key,
        write: Write::Add,
        position: 0,
        cells: vec![count.into()],
    };
    counts.into_iter().map(change).collect()
}

/// A delivery that is redriven is counted where its step is, or as the repetition that it is.
fn unreadable(moments: &[Moment<ExceptionEvent>], counts: &mut Counts) {
    let mut known = None;
    for Moment { is_new, what, .. } in moments {
        let mut count = |received_at, outcome: &str, times: i64| {
            if *is_new {
                *counts.entry(What::Deliveries.key(received_at, outcome)).or_default() += times;
            }
        };
        match what {
            ExceptionEvent::DeliveryUnreadable(unreadable) => {
                known = Some((unreadable.received_at, unreadable.kind.name()));
                count(unreadable.received_at, unreadable.kind.name(), 1);
            }
            ExceptionEvent::DeliveryRedriven(redriven) => {
                let Some((received_at, kind)) = known else { continue };
                count(received_at, kind, -1);
                if redriven.repeats {
                    count(received_at, Outcome::Duplicate.name(), 1);
                }
            }
            ExceptionEvent::ExceptionResolved(_) => {}
        }
    }
}

fn of_steps<L: Lifecycle>(steps: &Steps<L>, counts: &mut Counts) {
    for step in steps.touched().filter(|step| step.entry.step.origin == Origin::Delivery) {
        of_step(&step, counts);
    }
}

fn of_step<F: Fact>(history: &StepHistory<'_, F>, counts: &mut Counts) {
    let step = &history.entry.step;
    let mut add = |outcome: &str, count: i64| {
        *counts.entry(What::Deliveries.key(step.received_at, outcome)).or_default() += count;
    };
    let mut is_new = false;
    for moment in history.moments.iter().filter(|moment| moment.is_new) {
        match &moment.what {
            Decision::Recorded(verdict) => {
                is_new = true;
                add(verdict.outcome.name(), 1);
            }
            Decision::Revised { from, to, .. } => {
                add(from.outcome.name(), -1);
                add(to.outcome.name(), 1);
            }
            Decision::Overdue | Decision::Overridden(_) => {}
        }
    }
    if is_new {
        *counts.entry(What::Lag.key(step.received_at, lag(step))).or_default() += 1;
    }
}

/// How long after what it tells of a step came: at most so long.
fn lag<F>(step: &Step<F>) -> &'static str {
    if matches!(step.clock_fault, Some(ClockFault::Missing | ClockFault::Unparseable(_))) {
        return "untimed";
    }
    let lag = step.received_at.duration_since(step.occurred_at);
    let [before, .., more, _] = LAGS;
    if lag < SignedDuration::ZERO {
        return before;
    }
    let at_most = [1, 10, 60, 600, 3_600, 86_400].map(SignedDuration::from_secs);
    let fits = at_most.iter().zip(&LAGS[1..]).find(|(most, _)| lag <= **most);
    fits.map_or(more, |(_, label)| label)
}
