//! `/healthz`, `/readyz` and `/metrics`, for operators.

use std::fmt::Write as _;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::app::{Creditrail, read::ReadError};

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

async fn metrics(State(creditrail): State<Creditrail>) -> Result<Response, Problem> {
    let mut statuses = Vec::new();
    for source in creditrail.sources() {
        statuses.push(creditrail.source_status(source).await?);
    }
    let mut text = exposition(&statuses).map_err(ReadError::from)?;
    let unknown = creditrail.unknown_sources();
    let name = "creditrail_unknown_source_calls_total";
    let help = "Calls to sources that are not known, since the start.";
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {unknown}");
    let plain = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, plain)], text).into_response())
}

/// One metric: name, type, help, and where it stands in a source's status.
const METRICS: &[(&str, &str, &str, &str)] = &[
    (
        "creditrail_deliveries_received_total",
        "counter",
        "Authentic deliveries received, repetitions included.",
        "/received",
    ),
    ("creditrail_log_position", "gauge", "Position of the newest event.", "/position"),
    (
        "creditrail_read_models_behind",
        "gauge",
        "Events that the slowest reader has not passed yet.",
        "/read_models/behind",
    ),
    (
        "creditrail_readers_stopped",
        "gauge",
        "Readers of this instance that stopped at an event on which their code failed.",
        "/read_models/stopped",
    ),
    (
        "creditrail_audit_balanced",
        "gauge",
        "1 if the outcomes add up to the deliveries received.",
        "/balanced",
    ),
];

/// Metrics with a second label: name, type, help, label, and the object that holds the values.
const LABELLED: &[(&str, &str, &str, &str, &str)] = &[
    ("creditrail_deliveries", "gauge", "Deliveries by outcome as of now.", "outcome", "/outcomes"),
    (
        "creditrail_open_exceptions",
        "gauge",
        "Open exceptions by severity.",
        "severity",
        "/open_exceptions",
    ),
    (
        "creditrail_rejected_calls_total",
        "counter",
        "Calls turned away since the start, by cause.",
        "cause",
        "/rejected_calls",
    ),
];

/// The text format of Prometheus.
fn exposition(statuses: &[Value]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (name, kind, help, pointer) in METRICS {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for status in statuses {
            let source = serde_json::to_string(&status["source"])?;
            let value = match status.pointer(pointer) {
                Some(Value::Bool(value)) => i64::from(*value),
                Some(Value::Object(each)) => i64::try_from(each.len()).unwrap_or(i64::MAX),
                value => value.and_then(Value::as_i64).unwrap_or_default(),
            };
            let _ = writeln!(text, "{name}{{source={source}}} {value}");
        }
    }
    for (name, kind, help, label, pointer) in LABELLED {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for status in statuses {
            let source = serde_json::to_string(&status["source"])?;
            for (of, value) in
                status.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
            {
                let _ = writeln!(text, "{name}{{source={source},{label}=\"{of}\"}} {value}");
            }
        }
    }
    Ok(text)
}
