//! Notifications: signed, in order for each aggregate, at least once, whatever the receiver or the
//! service goes through. `receiver` plays the endpoint.

mod changing; // what a change may not do, and what is on record of it
mod configuring; // made, replaced and deleted over HTTP
mod faults; // kills, flapping, what the receiver may answer
mod gone; // an endpoint that wants nothing any more
mod instances; // several services, one endpoint
mod pages; // the pages of the dashboard
pub mod receiver;
mod safety; // where nothing is sent
mod steering; // parked, sent again, skipped, paused
mod told; // what is told of an endpoint, and of one that cannot be used
mod words; // what is sent, and what proves it

use serde_json::Value;

use crate::support::{Ledger, items};

/// The first page of a list of all sources.
async fn all(ledger: &Ledger, path: &str) -> Vec<Value> {
    items(&ledger.ask(path, &[]).await.is(200), "items").to_vec()
}
