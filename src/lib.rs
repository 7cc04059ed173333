//! Turns lenders' webhooks into an event-sourced record of applications, cards and transactions.
//!
//! [`app::Creditrail`] is the way in: its builder opens the database, `receive` takes a webhook,
//! `transaction`, `customer` and the like read, and [`http::router`] offers all of it over HTTP.

pub mod app; // the use cases: receive, command, read, replay
pub mod cli; // the command line
pub mod failure; // failures in words
pub mod http; // the HTTP routers and the server
pub mod simulation; // lenders that do not exist: what they would send, and what is known of it
pub mod sources; // what lenders send, and how it is signed
pub mod store; // where the log and the read models are kept

pub use creditrail_domain as domain;
pub use creditrail_projections as projections;
