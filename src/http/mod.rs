//! The HTTP door: routers to nest, and a server that is hard to hold up.
//!
//! [`webhooks`], [`api`] and [`health`] are separate so that a host may put them on different
//! listeners; [`router`] has all three.

mod api;
pub mod dashboard;
mod home;
mod metrics;
pub mod openapi;
mod params;
mod problem;
pub mod serve;
mod statistics;
mod webhooks;

use axum::Router;

pub use api::api;
pub use metrics::health;
pub use webhooks::webhooks;

use crate::app::Creditrail;

/// Everything on one router, to be nested wherever the host likes.
pub fn router(creditrail: &Creditrail) -> Router {
    Router::new()
        .merge(webhooks(creditrail))
        .merge(api(creditrail))
        .merge(openapi::openapi())
        .merge(health(creditrail))
        .merge(home::home(creditrail))
}
