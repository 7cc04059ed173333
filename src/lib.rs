//! Turns lenders' webhooks into an event-sourced record of applications, cards and transactions.

pub mod app;
pub mod cli;
pub mod failure;
pub mod http;
pub mod sources;
pub mod store;
