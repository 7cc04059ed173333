//! Style, script and icon: in the binary, from nowhere else.

use axum::{
    Router,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

const STYLE: &str = concat!(
    include_str!("assets/style.css"),
    include_str!("assets/drawing.css"),
    include_str!("assets/reference.css"),
);
const SCRIPT: &str = include_str!("assets/script.js");
const ICON: &str = include_str!("assets/icon.svg");

/// The router of the assets, which are nobody's secret.
pub fn assets() -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(async move || {
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
        })
    };
    Router::new()
        .route("/assets/style.css", file("text/css; charset=utf-8", STYLE))
        .route("/assets/script.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/assets/icon.svg", file("image/svg+xml", ICON))
}
