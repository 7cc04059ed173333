//! One history on its way: sent, and sent again as its lender would.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::journal::{Attempt, Journal, Sent, Way};
use crate::{
    cli::{
        CliError,
        client::CallError,
        sender::{Answer, Sender},
    },
    failure::chain,
    simulation::{
        Dice,
        plan::{Fault, Planned},
    },
    sources::Kind,
};

/// What is thrown for waits, beside what is thrown for steps and faults.
const WAITS: u64 = 2;
/// How long an answer that nobody hears is waited for at most, before the connection is dropped.
const DROPPED_AFTER: Duration = Duration::from_millis(3);
/// A webhook that waited longer than this is signed anew, lest it fall out of the window.
const SIGNED_FOR: Duration = Duration::from_secs(120);

/// How a lender sends again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    /// The wait after the first failure; each further one is twice as long.
    pub(super) first: Duration,
    /// The longest wait.
    pub(super) most: Duration,
    /// After so many attempts it gives up, if ever.
    pub(super) attempts: Option<u32>,
    /// After so long it gives up.
    pub(super) patience: Duration,
    /// Whether a failure blocks what comes after it.
    pub(super) is_ordered: bool,
}

impl Retry {
    /// As the lender's documents say, as far as they do.
    pub(super) fn of(kind: Kind, first: Duration, patience: Duration) -> Self {
        let (most, attempts, is_ordered) = match kind {
            // Until 2XX; the schedule is not stated.
            Kind::Imprint | Kind::Host => (Duration::from_secs(10), None, false),
            Kind::CardOnboarding => (Duration::from_mins(1), Some(10), true),
            // No rule is stated.
            Kind::ChargeAfter => (Duration::from_secs(30), Some(10), false),
        };
        Self { first, most, attempts, patience, is_ordered }
    }

    /// The wait after so many failures, with up to a quarter of it on top.
    fn wait(&self, failures: u32, dice: &mut Dice) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.first.saturating_mul(doubled).min(self.most);
        let quarter = u64::try_from(wait.as_micros() / 4).unwrap_or(u64::MAX);
        wait + Duration::from_micros(dice.roll(quarter))
    }
}

/// What all lanes share.
pub(super) struct Road {
    pub(super) sender: Sender,
    pub(super) journal: Journal,
    pub(super) retry: Retry,
    pub(super) seed: u64,
    /// How long a delayed delivery waits at most.
    pub(super) delay: Duration,
    pub(super) pace: Pace,
    pub(super) is_heard: AtomicBool,
}

/// So many calls a second at most.
pub(super) struct Pace {
    every: Option<Duration>,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn of(every: Option<Duration>) -> Self {
        Self { every, next: Mutex::new(Instant::now()) }
    }

    async fn turn(&self) {
        let Some(every) = self.every else { return };
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + every;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// A delivery that is not done.
struct Waiting {
    planned: Planned,
    due: Instant,
    since: Option<Instant>,
    signed_at: Timestamp,
    failures: u32,
    is_acknowledged: bool,
    unheard: bool,
    forged: bool,
}

/// A history on its way.
pub(super) struct Lane<'a> {
    road: &'a Road,
    dice: Dice,
    waiting: VecDeque<Waiting>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(road: &'a Road, number: u64, planned: Vec<Planned>) -> Self {
        let mut dice = Dice::of(road.seed, number, WAITS);
        let (begun, now) = (Instant::now(), Timestamp::now());
        let waiting = planned.into_iter().map(|planned| {
            let longest = u64::try_from(road.delay.as_micros()).unwrap_or(u64::MAX);
            let is_delayed = planned.has(Fault::Delay);
            let delay = Duration::from_micros(if is_delayed { dice.roll(longest) } else { 0 });
            // The lender signs the steps in the order in which they happened.
            let place = i64::try_from(planned.place).unwrap_or(0);
            let signed_at = now + jiff::SignedDuration::from_millis(place);
            Waiting {
                due: begun + delay,
                since: None,
                signed_at,
                failures: 0,
                is_acknowledged: false,
                unheard: planned.has(Fault::LostAcknowledgement),
                forged: planned.has(Fault::WrongSignature),
                planned,
            }
        });
        let waiting = waiting.collect();
        Self { road, dice, waiting }
    }

    /// Sends all of it, until it is acknowledged or given up.
    pub(super) async fn run(mut self) -> Result<(), CliError> {
        while let Some(mut next) = self.next() {
            tokio::time::sleep_until(next.due).await;
            if next.since.is_none() {
                self.begin(&mut next).await?;
            }
            if std::mem::take(&mut next.forged) {
                self.call(&next, Way::Forged).await;
            }
            if !self.attempt(next).await? && self.road.retry.is_ordered {
                // What was not sent stays blocked.
                return Ok(());
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Waiting> {
        if self.road.retry.is_ordered {
            return self.waiting.pop_front();
        }
        let due = self.waiting.iter().map(|waiting| waiting.due).min()?;
        let place = self.waiting.iter().position(|waiting| waiting.due == due)?;
        self.waiting.remove(place)
    }

    fn again(&mut self, waiting: Waiting) {
        if self.road.retry.is_ordered {
            self.waiting.push_front(waiting);
        } else {
            self.waiting.push_back(waiting);
        }
    }

    async fn begin(&self, next: &mut Waiting) -> Result<(), CliError> {
        next.since = Some(Instant::now());
        let now = Timestamp::now();
        let waited = now.duration_since(next.signed_at).unsigned_abs();
        if waited > SIGNED_FOR {
            next.signed_at = now;
        }
        let Planned { key, event, body, faults, .. } = &next.planned;
        let sent = Sent {
            key: key.clone(),
            event: event.clone(),
            faults: faults.iter().map(|fault| fault.name().to_owned()).collect(),
            body: body.clone(),
            sha256: hex::encode(Sha256::digest(body)),
            signed_at: next.signed_at,
        };
        self.road.journal.sends(sent).await
    }

    /// One attempt, and what follows from it; false if it is given up.
    async fn attempt(&mut self, mut next: Waiting) -> Result<bool, CliError> {
        let way = match (next.is_acknowledged, std::mem::take(&mut next.unheard)) {
            (true, _) => Way::Repeated,
            (false, true) => Way::Unheard,
            (false, false) => Way::Sent,
        };
        let status = self.call(&next, way).await;
        let is_acknowledged = status.is_some_and(|status| (200..300).contains(&status));
        self.is_let_in(status, is_acknowledged)?;
        next.is_acknowledged |= is_acknowledged;
        if next.is_acknowledged {
            if next.planned.repeats > 0 {
                next.planned.repeats -= 1;
                next.due = Instant::now();
                self.again(next);
            }
            return Ok(true);
        }
        next.failures += 1;
        let Retry { attempts, patience, .. } = self.road.retry;
        let is_last = attempts.is_some_and(|attempts| next.failures >= attempts);
        if is_last || next.since.is_some_and(|since| since.elapsed() >= patience) {
            return Ok(false);
        }
        next.due = Instant::now() + self.road.retry.wait(next.failures, &mut self.dice);
        self.again(next);
        Ok(true)
    }

    /// Nothing is let in: no retry mends a wrong secret or a wrong address.
    fn is_let_in(&self, status: Option<u16>, is_acknowledged: bool) -> Result<(), CliError> {
        if is_acknowledged {
            self.road.is_heard.store(true, Ordering::Relaxed);
        }
        let why = match status {
            Some(401 | 403) => "it is not let in: is the secret the right one?",
            Some(404 | 405) => "there is no such endpoint: is the URL the right one?",
            _ => return Ok(()),
        };
        if self.road.is_heard.load(Ordering::Relaxed) {
            return Ok(());
        }
        let status = status.unwrap_or_default();
        Err(CliError::Simulation(format!("the first delivery was answered {status}, so {why}")))
    }

    /// Makes a call and notes it: the status that the lender heard.
    async fn call(&self, next: &Waiting, way: Way) -> Option<u16> {
        self.road.pace.turn().await;
        let (at, begun) = (Timestamp::now(), Instant::now());
        let answered = self.answer(next, way).await;
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut attempt = Attempt {
            key: next.planned.key.clone(),
            way,
            at,
            took_us,
            status: None,
            failure: None,
            outcome: None,
            delivery_id: None,
        };
        match answered {
            Ok(Some(answer)) => {
                attempt.status = Some(answer.status);
                attempt.outcome = Some(answer.outcome());
                attempt.delivery_id = answer.delivery_id();
            }
            Ok(None) => attempt.failure = Some("nobody heard the answer".to_owned()),
            Err(error) => attempt.failure = Some(chain(&error)),
        }
        let status = attempt.status;
        self.road.journal.calls(attempt);
        status
    }

    async fn answer(&self, next: &Waiting, way: Way) -> Result<Option<Answer>, CallError> {
        let (sender, body) = (&self.road.sender, &next.planned.body);
        match way {
            Way::Forged => sender.forge(body, next.signed_at).await.map(Some),
            // Half of them are dropped in the midst of it.
            Way::Unheard if next.planned.place.is_multiple_of(2) => {
                let sent = sender.send(body, next.signed_at);
                let _ = tokio::time::timeout(DROPPED_AFTER, sent).await;
                Ok(None)
            }
            Way::Unheard => sender.send(body, next.signed_at).await.map(|_| None),
            Way::Sent | Way::Repeated => sender.send(body, next.signed_at).await.map(Some),
        }
    }
}
