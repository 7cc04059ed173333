//! The one search: any id of any kind; one hit leads straight to the thing.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use maud::html;

use super::{
    Shown,
    frame::Frame,
    parts::{self, kind_word, text},
};
use crate::{app::Creditrail, http::params::Query};

/// The page of the search.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let id = given.get("q").map_or("", |given| given.trim());
    let found = if id.is_empty() { Vec::new() } else { creditrail.search(id).await? };
    if let [only] = found.as_slice()
        && let Some(way) =
            parts::way_to(&frame, text(only, "type"), text(only, "source"), text(only, "id"))
    {
        return Ok(Redirect::to(&way).into_response());
    }
    Ok(frame.show("Search", &html! {
        h1 { "Search" }
        @if id.is_empty() {
            p.empty { "Give an id: of a customer (the lender's or yours), an application, a card, a transaction, a charge, an order, an intent, an event, a delivery or an exception." }
        } @else if found.is_empty() {
            p.empty { "Nothing is known by " (parts::id(id)) ". Ids are found whole, in any case; what a lender has not reported yet is not known." }
        } @else {
            p { (parts::id(id)) " leads to:" }
            ul.hits {
                @for hit in &found {
                    li { (kind_word(text(hit, "type"))) " " (parts::thing(&frame, text(hit, "type"), text(hit, "source"), text(hit, "id"))) " " span.muted { "of " (text(hit, "source")) } }
                }
            }
        }
    }))
}
