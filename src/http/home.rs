//! `/`: where to go from here, for whoever opens the address in a browser.

use axum::{Router, extract::State, response::Html, routing::get};

use super::problem::Problem;
use crate::app::Creditrail;

const PAGE: &str = include_str!("home.html");

/// The router of the first page, and the answer to every path that is not there.
pub fn home(creditrail: &Creditrail) -> Router {
    Router::new()
        .route("/", get(page))
        .fallback(async || Problem::nothing_here())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(creditrail.clone())
}

async fn page(State(creditrail): State<Creditrail>) -> Html<String> {
    let links = |source: &str| {
        // A source's name is of a-z, 0-9 and `-`: nothing to escape.
        format!(
            "<tr><td>{source}</td><td><a href=\"v1/sources/{source}\">status</a></td>\
             <td><a href=\"v1/transactions?source={source}\">transactions</a></td>\
             <td><a href=\"v1/payment-methods?source={source}\">cards</a></td>\
             <td><a href=\"v1/applications?source={source}\">applications</a></td>\
             <td><a href=\"v1/charges?source={source}\">charges</a></td>\
             <td><a href=\"v1/actions?source={source}&amp;status=open\">open actions</a></td>\
             <td><a href=\"v1/stale?source={source}\">stale</a></td>\
             <td><a href=\"v1/discrepancies?source={source}\">discrepancies</a></td>\
             <td><a href=\"v1/exceptions?source={source}&amp;status=open\">open exceptions</a></td>\
             <td><a href=\"v1/deliveries?source={source}\">deliveries</a></td>\
             <td><a href=\"v1/events?source={source}\">log</a></td>\
             <td><a href=\"v1/rejected-calls?source={source}\">rejected calls</a></td></tr>"
        )
    };
    let rows: String = creditrail.sources().map(links).collect();
    Html(PAGE.replace("{{sources}}", &rows))
}
