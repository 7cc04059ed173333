//! The first page: what needs a person.

use axum::extract::State;
use creditrail_projections::compliance::Kind;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    listings::{self, Column},
    lists, sources,
};
use crate::{
    app::{Creditrail, lists::List},
    http::problem::Problem,
    store::{Order, Page},
};

/// How many rows of each list the first page has.
const ROWS: usize = 8;

/// The first page.
pub async fn page(State(creditrail): State<Creditrail>, frame: Frame) -> Shown {
    let statuses = sources::statuses(&creditrail).await?;
    let content = html! {
        h1.quiet { "What needs a person" }
        (board(&frame, &creditrail, &Block {
            title: "Exceptions", way: "exceptions?status=open&order=stake", list: List::Exceptions,
            filters: &[("status", "open")], order: Order::Stake, columns: listings::EXCEPTIONS,
            empty: "No exception is open.",
        }).await?)
        (board(&frame, &creditrail, &Block {
            title: "Actions", way: "actions?status=open", list: List::Actions,
            filters: &[("status", "open")], order: Order::Newest, columns: listings::ACTIONS,
            empty: "Nobody has anything to do.",
        }).await?)
        (notices(&frame, &creditrail).await?)
        (board(&frame, &creditrail, &Block {
            title: "Discrepancies", way: "discrepancies", list: List::Discrepancies,
            filters: &[], order: Order::Newest, columns: listings::FINDINGS,
            empty: "Browser and lender agree.",
        }).await?)
        section {
            h2 { a href=(frame.to("sources")) { "Sources" } }
            (sources::table(&frame, &statuses))
        }
    };
    Ok(frame.show("What needs a person", &content))
}

/// The newest rows of a list.
struct Block {
    title: &'static str,
    way: &'static str,
    list: List,
    filters: &'static [(&'static str, &'static str)],
    order: Order,
    columns: &'static [Column],
    empty: &'static str,
}

async fn board(frame: &Frame, creditrail: &Creditrail, block: &Block) -> Result<Markup, Problem> {
    let mut rows = Vec::new();
    for source in creditrail.sources() {
        let page = Page {
            sources: vec![source.to_owned()],
            filters: block
                .filters
                .iter()
                .map(|(column, value)| (*column, (*value).to_owned()))
                .collect(),
            order: block.order,
            limit: ROWS + 1,
            ..Page::default()
        };
        rows.extend(creditrail.list(block.list, page).await?.items);
    }
    let total = rows.len();
    rows.sort_by_key(|row| std::cmp::Reverse(weight(row)));
    rows.truncate(ROWS);
    Ok(html! {
        section {
            h2 { a href=(frame.to(block.way)) { (block.title) } }
            (lists::rows(frame, block.columns, &rows, block.empty))
            @if total > rows.len() { p { a href=(frame.to(block.way)) { "All of them" } } }
        }
    })
}

/// Notices that are due soon or overdue: what nobody has answered.
async fn notices(frame: &Frame, creditrail: &Creditrail) -> Result<Markup, Problem> {
    let mut rows = Vec::new();
    for source in creditrail.sources() {
        rows.extend(creditrail.notices_due(source, ROWS + 1).await?);
    }
    let is_more = rows.len() > ROWS;
    rows.sort_by_cached_key(|row| row["due_at"].as_str().map(str::to_owned));
    rows.truncate(ROWS);
    let way = format!("compliance?kind={}", Kind::AdverseActionNotice.name());
    let empty = "No notice of an adverse action is due within 10 days.";
    Ok(html! {
        section {
            h2 { a href=(frame.to(&way)) { "Notices due" } }
            (lists::rows(frame, listings::CLOCKS, &rows, empty))
            @if is_more { p { a href=(frame.to(&way)) { "All of them" } } }
        }
    })
}

/// Money at stake first, then what matters, then the newest.
fn weight(row: &Value) -> (i64, u8, String) {
    let severity = match row["severity"].as_str() {
        Some("high") => 2,
        Some("review") => 1,
        _ => 0,
    };
    let heard =
        ["received_at", "opened_at", "since"].into_iter().find_map(|field| row[field].as_str());
    (row["amount_at_stake"].as_i64().unwrap_or(0), severity, heard.unwrap_or_default().to_owned())
}
