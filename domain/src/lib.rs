//! The lifecycles of creditrail, as pure decisions: no clock, no randomness, no I/O.
//!
//! Reading order: [`step`] (what a lender or a partner says about one thing), [`journal`] (how
//! the steps of one aggregate are kept), [`judge`] (how they are judged in the order in which they
//! happened), [`occurrence`] (what had happened by a time), then a folder for each aggregate: [`transaction`], [`payment_method`], [`application`],
//! [`charge`], [`customer_link`], [`exception`], [`secret`], [`access`], [`privacy`].

pub mod access;
pub mod application;
pub mod charge;
pub mod customer_link;
pub mod event;
pub mod exception;
pub mod flag;
pub mod ids;
pub mod journal;
pub mod judge;
pub mod machine;
pub mod money;
pub mod occurrence;
pub mod order_key;
pub mod overrides;
pub mod path;
pub mod payment_method;
pub mod policies;
pub mod privacy;
pub mod refusal;
pub mod secret;
pub mod step;
#[cfg(test)]
mod testing;
pub mod transaction;

pub use event::{AggregateType, Event};
pub use flag::{Flag, Severity};
pub use journal::{Command, Entry, Journal, Lifecycle, OverrideAction, StepEvent};
pub use money::{Currency, Money};
pub use occurrence::HappenedBy;
pub use overrides::PossibleAction;
pub use path::{PathStep, Place, Track};
pub use policies::{Policies, Reaction};
pub use refusal::{CommandRefusal, Refusal};
pub use step::{Name, Outcome, Step, StepId, Verdict};
