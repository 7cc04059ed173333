//! The HTTP door: routers to nest, and a server that is hard to hold up.
//!
//! [`webhooks`], [`api`], [`dashboard()`] and [`health`] are separate so that a host may put them on
//! different listeners; [`router`] has all of them. [`access`] tells who calls.

pub mod access;
mod api;
mod body;
pub mod dashboard;
pub mod event_types;
mod exports;
pub mod metrics;
pub mod openapi;
mod params;
mod privacy;
mod problem;
mod routes;
mod sending;
pub mod serve;
mod statistics;
mod things;
pub mod tokens;
mod webhooks;

use axum::Router;

pub use access::Access;
pub use api::api;
pub use dashboard::dashboard;
pub use metrics::health;
pub use webhooks::webhooks;

use crate::app::Creditrail;

/// Everything on one router, to be nested wherever the host likes.
pub fn router(creditrail: &Creditrail, access: &Access) -> Router {
    Router::new()
        .merge(webhooks(creditrail))
        .merge(api(creditrail, access))
        .merge(openapi::openapi())
        .merge(health(creditrail))
        .merge(dashboard(creditrail, access))
}
