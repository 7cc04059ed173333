//! Tells endpoints of events: signed, at least once, those of one aggregate in order.
//!
//! A sender is a reader of the log with a bookmark for each endpoint: the log is the outbox. Only what
//! deviates is kept beside it: lanes that are blocked, and the notifications to blame.
//!
//! Reading order: [`endpoint`] (what is configured, with `check`), `known` (the endpoints as they are now), `senders`
//! (one for each of them), [`sender`] (the loop of one endpoint, with `portion`: what comes into its
//! lanes, `record`: what is kept, `requests`: what operators ask for), [`client`] and `notice` (the call),
//! [`told`] (what operators see), [`configure`] (with `given`) and [`steer`] (what they do),
//! [`listed`] (what was not taken at once), [`gone`] (what a person should look at); [`example`] (for readers).

mod check;
pub mod client;
pub mod configure;
pub mod endpoint;
pub mod example;
mod given;
pub mod gone;
mod known;
pub mod listed;
mod notice;
mod portion;
mod record;
mod requests;
pub mod resend;
pub mod sender;
mod senders;
pub mod steer;
mod taken;
pub mod told;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use creditrail_sending::{Failure, Outcome, breaker::State};
use tokio::sync::Notify;

pub use self::{
    client::{Resolver, SystemResolver},
    endpoint::{Begins, Endpoint, EndpointConfig, EndpointError},
};
pub(super) use self::{
    known::{Endpoints, Known, Registry},
    senders::Senders,
};

/// The log under which rows stand that belong to no source. No source has its name.
pub const LOG: &str = "_sending";

/// What became of attempts, as they are counted.
pub const OUTCOMES: [&str; 5] = ["taken", "refused", "unanswered", "unreachable", "gone"];

/// What the sender of an endpoint tells of itself on this instance.
#[derive(Debug, Default)]
pub struct Told {
    attempts: [AtomicU64; OUTCOMES.len()],
    breaker: AtomicI64,
    in_flight: AtomicI64,
    /// That an operator has asked for something.
    pub(super) asked: Notify,
}

impl Told {
    fn count(&self, outcome: Outcome) {
        let name = match outcome {
            Outcome::Taken => "taken",
            Outcome::Gone => "gone",
            Outcome::Failed(Failure::Status { .. }) => "refused",
            Outcome::Failed(Failure::Unanswered) => "unanswered",
            Outcome::Failed(Failure::Unreachable) => "unreachable",
        };
        if let Some(place) = OUTCOMES.iter().position(|known| *known == name) {
            self.attempts[place].fetch_add(1, Relaxed);
        }
    }

    /// Attempts since the start, by outcome.
    pub fn attempts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.into_iter().zip(self.attempts.iter().map(|count| count.load(Relaxed)))
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Relaxed)
    }

    /// How the breaker stands.
    pub fn breaker(&self) -> State {
        match self.breaker.load(Relaxed) {
            0 => State::Closed,
            1 => State::HalfOpen,
            _ => State::Open,
        }
    }

    fn stands(&self, breaker: State, in_flight: usize) {
        let state = match breaker {
            State::Closed => 0,
            State::HalfOpen => 1,
            State::Open => 2,
        };
        self.breaker.store(state, Relaxed);
        self.in_flight.store(i64::try_from(in_flight).unwrap_or(i64::MAX), Relaxed);
    }
}
