//! Lists: filters in the address, cursors that do not shift, and what to do where a list is empty.

use std::collections::HashMap;

use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::{BEHIND, Frame},
    listings::{Column, Listing},
    parts::{encoded, text, words},
};
use crate::{
    app::{
        Creditrail,
        lists::{AS_OF, List},
        read::Items,
    },
    http::{
        access::Right,
        params::{Params, Query, next_cursor},
    },
};

/// What is said where filters leave nothing.
pub const NOTHING_FITS: &str = "Nothing fits these filters: take some of them away to see more.";

/// The page of a list.
pub async fn page(
    listing: &'static Listing,
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(mut given): Query,
) -> Shown {
    given.remove(BEHIND);
    given.values_mut().for_each(|value| *value = value.trim().to_owned());
    let list = listing.list;
    let (page, when) = Params::new(given.clone()).list(&creditrail, list).await?;
    let items = creditrail.list_at(list, page, when).await?;
    let form = Form { list, given: &given, creditrail: &creditrail };
    Ok(frame.show(
        listing.title,
        &html! {
            h1 { (listing.title) }
            p.muted { (listing.about) }
            (form.show(&frame))
            @let is_first = !given.contains_key("cursor") && when.is_now();
        div data-live[is_first] {
            button #fresh.quiet type="button" hidden {}
            (rows(&frame, listing.columns, &items.items, form.empty(listing)))
        }
            (turn(&frame, list.name(), (&given, &items), &form.take_away(&frame)))
        },
    ))
}

/// The filters of a list, as a form that leads to an address.
struct Form<'a> {
    list: List,
    given: &'a HashMap<String, String>,
    creditrail: &'a Creditrail,
}

impl Form<'_> {
    fn show(&self, frame: &Frame) -> Markup {
        let value = |name: &str| self.given.get(name).map_or("", String::as_str);
        let sources: Vec<_> = self.creditrail.sources().collect();
        html! {
            form.filters action=(frame.to(self.list.name())) method="get" {
                @if sources.len() > 1 { (choice("source", &sources, value("source"))) }
                @for filter in self.list.filters() {
                    @match self.list.values(filter) {
                        Some(values) => (choice(filter, &values, value(filter))),
                        None => label { span { (words(filter)) } input name=(filter) value=(value(filter)); },
                    }
                }
                @let sources_apart = sources.len() > 1 && value("source").is_empty();
                (choice_of("order", &orders(self.list, sources_apart), value("order")))
                @for axis in self.list.axes() {
                    label { span { (words(axis)) } input name=(axis) value=(value(axis)) placeholder=(hint(axis)) size="18"; }
                }
                button { "Show" }
                @if self.given.keys().any(|name| name != "cursor") {
                    a href=(frame.to(self.list.name())) { "All" }
                }
            }
        }
    }

    /// What is said where nothing is listed: that all is well only if nothing but a status is asked for.
    fn empty(&self, listing: &Listing) -> &'static str {
        let mut given = self.given.iter().filter(|(_, value)| !value.is_empty());
        if given.any(|(name, _)| !["status", "order", "source", "limit"].contains(&name.as_str())) {
            NOTHING_FITS
        } else {
            listing.empty
        }
    }

    /// What takes the list away, exactly as it is filtered, for those who may.
    fn take_away(&self, frame: &Frame) -> Markup {
        html! {
            @if frame.may(Right::Audit) {
                details.work {
                    summary { "Export" }
                    form.stacked action=(frame.to("exports")) method="post" {
                        input type="hidden" name="list" value=(self.list.name());
                        @for (name, value) in self.given.iter().filter(|(name, _)| *name != "cursor" && *name != "limit") {
                            input type="hidden" name=(name) value=(value);
                        }
                        label { span { "Why? It is recorded with your name." } input name="reason" required; }
                        div {
                            button name="format" value="csv" { "As CSV" } " "
                            button name="format" value="ndjson" { "As NDJSON" }
                        }
                    }
                }
            }
        }
    }
}

/// The way to the next page and to the same list in the interface, and what else `more` has.
pub fn turn(
    frame: &Frame,
    list: &str,
    (given, items): (&HashMap<String, String>, &Items),
    more: &Markup,
) -> Markup {
    let mut query: Vec<_> =
        given.iter().filter(|(name, value)| *name != "cursor" && !value.is_empty()).collect();
    query.sort();
    let query: Vec<_> =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    let with = |more: Option<String>| {
        let all: Vec<_> = query.iter().cloned().chain(more).collect();
        if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
    };
    let next = items.next.as_ref().map(|next| with(Some(format!("cursor={}", next_cursor(next)))));
    html! {
        nav.turn aria-label="Pages" {
            @if given.contains_key("cursor") {
                a href=(frame.to(&format!("{list}{}", with(None)))) { "First page" }
            }
            @if let Some(next) = next {
                a rel="next" href=(frame.to(&format!("{list}{next}"))) { "Next page" }
            }
            span.muted { (items.items.len()) " shown" @if items.next.is_none() { ", the end" } }
            a href=(frame.to(&format!("v1/{list}{}", with(None)))) { "As JSON" }
            (more)
        }
    }
}

/// What may be given as of when a list is to be.
fn hint(axis: &str) -> &'static str {
    if axis == AS_OF { "position or time" } else { "time" }
}

/// The orders of a list, the default without a value. Positions of different sources do not compare.
fn orders(list: List, sources_apart: bool) -> Vec<(&'static str, &'static str)> {
    let sources_apart = sources_apart && list != List::AccessRecords;
    let shown = |name: &'static str| match name {
        "newest" if sources_apart => ("", "newest first within each source"),
        "newest" => ("", "newest first"),
        "oldest" if sources_apart => (name, "oldest first within each source"),
        "oldest" => (name, "oldest first"),
        "due" => ("", "first due first"),
        _ => (name, "most at stake first"),
    };
    list.orders().iter().map(|(name, _)| shown(name)).collect()
}

/// A choice of one of these names, or any.
pub fn choice(name: &str, values: &[&str], chosen: &str) -> Markup {
    let all: Vec<_> = std::iter::once(("", "any".to_owned()))
        .chain(values.iter().map(|value| (*value, words(value))))
        .collect();
    let all: Vec<_> = all.iter().map(|(value, name)| (*value, name.as_str())).collect();
    choice_of(name, &all, chosen)
}

/// A choice of one of these values, each with how it is shown.
pub fn choice_of(name: &str, values: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        label {
            span { (words(name)) }
            select name=(name) {
                @for (value, shown) in values {
                    option value=(value) selected[*value == chosen] { (shown) }
                }
            }
        }
    }
}

/// A table of rows, with their sources if they are of several; what to do where there are none.
pub fn rows(frame: &Frame, columns: &[Column], rows: &[Value], empty: &str) -> Markup {
    if rows.is_empty() {
        return html! { p.empty { (empty) } };
    }
    let first = text(&rows[0], "source");
    let are_mixed = rows.iter().any(|row| text(row, "source") != first);
    html! {
        div.table tabindex="0" role="region" aria-label="Rows" {
            table.rows {
                thead { tr {
                    @if are_mixed { th scope="col" { "Source" } }
                    @for Column(head, _, is_number) in columns {
                        th scope="col" class=[is_number.then_some("number")] { (head) }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr data-key=(key(row)) {
                            @if are_mixed { td data-head="Source" { (text(row, "source")) } }
                            @for Column(head, cell, is_number) in columns {
                                td data-head=(head) class=[is_number.then_some("number")] { (cell(frame, row)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What tells a row from the others when the list is shown again.
fn key(row: &Value) -> String {
    let ids = [
        "id",
        "delivery_id",
        "transaction_id",
        "payment_method_id",
        "charge_id",
        "application_id",
        "number",
        // Of what somebody did.
        "position",
    ];
    let id = ids.iter().map(|field| &row[*field]).find(|id| !id.is_null());
    format!("{}/{}", text(row, "source"), id.map(ToString::to_string).unwrap_or_default())
}
