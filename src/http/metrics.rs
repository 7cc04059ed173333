//! `/healthz`, `/readyz` and `/metrics`, for operators.

mod catalogue;
mod exposition;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

pub use self::catalogue::{Kind, METRICS, Metric, Of};
use super::problem::Problem;
use crate::app::Creditrail;

/// The router for operators.
pub fn health(creditrail: &Creditrail) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(creditrail.clone())
}

async fn readyz(State(creditrail): State<Creditrail>) -> Response {
    match creditrail.readiness().await {
        Ok(unready) if unready.is_empty() => Json(json!({ "ready": true })).into_response(),
        Ok(unready) => {
            let body = Json(json!({ "ready": false, "because": unready }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn metrics(State(creditrail): State<Creditrail>) -> Response {
    let text = exposition::exposition(METRICS, &creditrail.measured().await);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
