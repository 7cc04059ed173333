//! The page of one thing: what it is now, how it came to be so, and what may come next.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown, facts,
    frame::Frame,
    lists,
    parts::{self, list, status, text, words},
    steps,
};
use crate::{
    app::{Creditrail, lists::List},
    http::{params::Params, problem::Problem},
    store::Page,
};

/// A kind of thing that has a page.
pub struct Kind {
    /// Where it stands, as in `/v1`.
    pub path: &'static str,
    /// What people call it.
    pub word: &'static str,
    /// What the interface calls it.
    pub name: &'static str,
}

/// All kinds.
pub static KINDS: &[Kind] = &[
    Kind { path: "transactions", word: "transaction", name: "transaction" },
    Kind { path: "payment-methods", word: "card", name: "payment_method" },
    Kind { path: "applications", word: "application", name: "application" },
    Kind { path: "charges", word: "charge", name: "charge" },
    Kind { path: "customers", word: "customer", name: "customer" },
];

/// The page of a thing.
pub async fn page(
    kind: &'static Kind,
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path((source, id)): Path<(String, String)>,
    Query(given): Query<HashMap<String, String>>,
) -> Shown {
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    params.done(&["at_least"])?;
    let document = match kind.name {
        "transaction" => creditrail.transaction(&source, &id).await?,
        "payment_method" => creditrail.payment_method(&source, &id).await?,
        "application" => creditrail.application(&source, &id).await?,
        "charge" => creditrail.charge(&source, &id).await?,
        _ => creditrail.customer(&source, &id).await?,
    };
    let document = document.ok_or_else(|| Problem::not_found(kind.word, &id))?;
    let thing = Thing { kind, source: &source, id: &id, document: &document };
    let content = html! {
        (thing.head(&frame))
        (facts::of(&frame, kind.name, &document))
        @if kind.name == "customer" {
            (thing.timeline(&frame, &creditrail).await?)
        } @else {
            h2 { "What happened" }
            (steps::table(&frame, &source, list(&document, "steps")))
        }
    };
    Ok(frame.show(&format!("{} {id}", kind.word), &content))
}

struct Thing<'a> {
    kind: &'static Kind,
    source: &'a str,
    id: &'a str,
    document: &'a Value,
}

impl Thing<'_> {
    fn head(&self, frame: &Frame) -> Markup {
        let next: Vec<_> =
            list(self.document, "legal_next").iter().filter_map(Value::as_str).map(words).collect();
        html! {
            p.crumbs {
                @if self.kind.name != "customer" {
                    a href=(frame.to(self.kind.path)) { (self.kind.path.replace('-', " ")) } " / "
                }
                a href=(frame.to(&format!("sources/{}", parts::encoded(self.source)))) { (self.source) }
            }
            h1 {
                (self.kind.word) " " (parts::id(self.id)) " "
                @if !self.document["status"].is_null() { (status(text(self.document, "status"))) }
            }
            @if self.kind.name != "customer" {
                p.next {
                    @if next.is_empty() { "Nothing further is in order: this is final." }
                    @else { "In order next: " b { (next.join(", ")) } "." }
                }
            }
            (flags(self.document))
        }
    }

    async fn timeline(&self, frame: &Frame, creditrail: &Creditrail) -> Result<Markup, Problem> {
        let page = Page {
            sources: vec![self.source.to_owned()],
            filters: Vec::new(),
            limit: 200,
            ..Page::default()
        };
        let entries = creditrail.timeline(self.source, self.id, page).await?;
        let entries = entries.ok_or_else(|| Problem::not_found("customer", self.id))?;
        Ok(html! {
            h2 { "What happened" }
            (steps::table(frame, self.source, &entries.items))
            @if entries.next.is_some() {
                p.muted { "These are the first 200 entries. The things above have all of theirs." }
            }
        })
    }
}

/// What is odd about a thing, in words.
fn flags(document: &Value) -> Markup {
    let flags: Vec<_> = list(document, "flags").iter().filter_map(Value::as_str).collect();
    html! {
        @if !flags.is_empty() {
            ul.flags {
                @for flag in flags { li { (steps::flag(flag)) } }
            }
        }
    }
}

/// Rows of a thing that belong to another, as a table of its list.
pub fn part(frame: &Frame, list: List, rows: &[Value]) -> Markup {
    let listing = lists::LISTINGS.iter().find(|listing| listing.list == list);
    html! {
        @if let Some(listing) = listing {
            (lists::rows(frame, listing.columns(), rows, "None."))
        }
    }
}
