//! How notifications are sent, as pure decisions: no clock, no randomness, no network.
//!
//! Reading order: [`lanes`] (which call is next, and what becomes of a lane after it), with
//! [`schedule`] (when it is tried again) and [`breaker`] (when nobody is called); [`body`] (what is
//! sent), [`signature`] (what proves it), [`address`] (where it may be sent), [`events`] (what an
//! endpoint takes).

pub mod address;
pub mod body;
pub mod breaker;
pub mod events;
pub mod lanes;
pub mod schedule;
pub mod signature;

pub use address::Vetting;
pub use breaker::Breaker;
pub use lanes::{Call, Lanes, Settled};
pub use schedule::{Preset, Schedule};

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx: it was taken.
    Taken,
    /// It was not taken, and may be tried again.
    Failed(Failure),
    /// A 410: nothing more is wanted here.
    Gone,
}

/// Why a call was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There was no connection: a fault of the endpoint, whatever was to be sent.
    Unreachable,
    /// There was no answer in time, or it broke off. The body may have been taken.
    Unanswered,
    /// Another status than 2xx and 410. A redirect is one: it is never followed.
    Status {
        /// The status.
        status: u16,
        /// For how long the endpoint asks to be left alone, in milliseconds.
        retry_after: Option<i64>,
    },
}

impl Failure {
    /// For how long the endpoint asks to be left alone, in milliseconds.
    pub const fn retry_after(self) -> Option<i64> {
        match self {
            Self::Status { retry_after, .. } => retry_after,
            Self::Unreachable | Self::Unanswered => None,
        }
    }

    /// Whether the endpoint lives and says that it does not take this: a 4xx, but 408 and 429.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::Status { status: 400..=499, .. })
            && !matches!(self, Self::Status { status: 408 | 429, .. })
    }
}
