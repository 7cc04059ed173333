//! The first page: what needs a person.

use std::cmp::Reverse;

use axum::extract::State;
use creditrail_projections::compliance::Kind;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown, endpoints,
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
/// How many open actions are looked at for those that are due first.
const LOOKED_AT: usize = 50;

/// The first page.
pub async fn page(State(creditrail): State<Creditrail>, frame: Frame) -> Shown {
    let exceptions = Block {
        title: "Exceptions",
        way: "exceptions?status=open&order=stake",
        list: List::Exceptions,
        // What matters most has not always an amount.
        filters: &[
            &[("status", "open"), ("severity", "high")],
            &[("status", "open"), ("severity", "review")],
            &[("status", "open"), ("severity", "info")],
        ],
        order: Order::Stake,
        most: ROWS + 1,
        columns: listings::EXCEPTIONS,
        empty: "No exception is open.",
    };
    let actions = Block {
        title: "Actions",
        way: "actions?status=open",
        list: List::Actions,
        filters: &[&[("status", "open")]],
        order: Order::Newest,
        most: LOOKED_AT,
        columns: listings::ACTIONS,
        empty: "Nobody has anything to do.",
    };
    let discrepancies = Block {
        title: "Discrepancies",
        way: "discrepancies",
        list: List::Discrepancies,
        filters: &[&[]],
        order: Order::Newest,
        most: ROWS + 1,
        columns: listings::FINDINGS,
        empty: "Browser and lender agree.",
    };
    // Side by side: each is several reads that wait for their turn.
    let (exceptions, actions, notices, in_need, discrepancies, statuses) = tokio::try_join!(
        board(&frame, &creditrail, &exceptions),
        board(&frame, &creditrail, &actions),
        notices(&frame, &creditrail),
        async { Ok(endpoints::in_need(&frame, &creditrail).await?) },
        board(&frame, &creditrail, &discrepancies),
        sources::statuses(&creditrail),
    )?;
    let content = html! {
        h1.quiet { "What needs a person" }
        (exceptions) (actions) (notices) (in_need) (discrepancies)
        section {
            h2 { a href=(frame.to("sources")) { "Sources" } }
            (sources::table(&frame, &statuses))
        }
    };
    Ok(frame.show("What needs a person", &content))
}

/// The rows of a list that matter most.
struct Block {
    title: &'static str,
    way: &'static str,
    list: List,
    /// What is asked for, one after the other, until there are enough.
    filters: &'static [&'static [(&'static str, &'static str)]],
    order: Order,
    /// How many rows of each are looked at.
    most: usize,
    columns: &'static [Column],
    empty: &'static str,
}

async fn board(frame: &Frame, creditrail: &Creditrail, block: &Block) -> Result<Markup, Problem> {
    let mut rows = Vec::new();
    for filters in block.filters {
        if rows.len() > ROWS {
            break;
        }
        for source in creditrail.sources() {
            let filters = filters.iter().map(|(column, value)| (*column, (*value).to_owned()));
            let page = Page {
                sources: vec![source.to_owned()],
                filters: filters.collect(),
                order: block.order,
                limit: block.most,
                ..Page::default()
            };
            rows.extend(creditrail.list(block.list, page).await?.items);
        }
    }
    let total = rows.len();
    rows.sort_by_cached_key(weight);
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

/// What matters most first, of that what has most money at stake; what is due first, then the newest.
fn weight(row: &Value) -> impl Ord + use<> {
    let severity = match row["severity"].as_str() {
        Some("high") => 0,
        Some("review") => 1,
        _ => 2,
    };
    let stake = row["amount_at_stake"].as_i64().unwrap_or(0);
    // Times are spelled alike, so texts compare as they do.
    let due = row["due_at"].as_str().map(str::to_owned);
    let heard =
        ["received_at", "opened_at", "since"].into_iter().find_map(|field| row[field].as_str());
    (severity, Reverse(stake), due.is_none(), due, Reverse(heard.map(str::to_owned)))
}
