//! The page of one thing: what it is or was, how it came to be so, and what may come next.

use axum::extract::State;
use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::{
    Shown, facts,
    frame::Frame,
    lifecycle, listings, lists,
    moments::Moments,
    parts::{self, list, status, text, words},
    steps,
};
use crate::{
    app::{Creditrail, lists::List, moments::Seen, things::Thing},
    http::{
        params::{Params, Path, Query, next_cursor},
        problem::Problem,
        things::not_known_then,
    },
    store::{Cursor, Order, Page},
};

/// How many entries of a customer's timeline a page has.
const ENTRIES: usize = 100;

/// What people call it.
pub const fn word(thing: Thing) -> &'static str {
    match thing {
        Thing::PaymentMethod => "card",
        other => other.noun(),
    }
}

/// The page of a thing.
pub async fn page(
    thing: Thing,
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path((source, id)): Path<(String, String)>,
    Query(given): Query,
) -> Shown {
    let then = ["as_of", "happened_by"]
        .into_iter()
        .filter_map(|axis| Some((axis, given.get(axis).filter(|then| !then.is_empty())?)))
        .map(|(axis, then)| format!("{axis}={}", parts::encoded(then)));
    let then = then.collect::<Vec<_>>().join("&");
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    let when = params.when()?;
    let compare = params.moment("compare")?;
    let after = if thing == Thing::Customer { params.after()? } else { None };
    params.done(&["at_least", "as_of", "happened_by", "compare"])?;
    let subject = Subject { creditrail: &creditrail, thing, source: &source, id: &id };
    let seen = if when.is_now() { None } else { Some(creditrail.seen(&source, when).await?) };
    let document = subject.document(seen).await?;
    let moments = Moments::of(&subject, (when, compare), (seen, &document)).await?;
    let content = html! {
        (subject.head(&frame, &document))
        (moments.bar(&frame))
        (facts::of(&frame, thing, &document))
        @if thing == Thing::Application && seen.is_none() {
            (subject.open_actions(&frame, &document).await?)
        }
        @if thing == Thing::Customer {
            (subject.leads(&frame))
            (subject.timeline(&frame, (seen, &then), after).await?)
        } @else {
            (subject.lifecycles(seen).await?)
            h2 { "What happened" }
            (steps::table(&frame, &source, list(&document, "steps")))
        }
        (moments.differences())
    };
    Ok(frame.show(&format!("{} {id}", word(thing)), &content))
}

/// The thing that a page is about.
pub struct Subject<'a> {
    pub creditrail: &'a Creditrail,
    pub thing: Thing,
    pub source: &'a str,
    pub id: &'a str,
}

impl Subject<'_> {
    async fn document(&self, seen: Option<Seen>) -> Result<Value, Problem> {
        let Self { creditrail, thing, source, id } = *self;
        let Some(seen) = seen else {
            let found = creditrail.document_of(thing, source, id).await?;
            return found.ok_or_else(|| Problem::not_found(word(thing), id));
        };
        match creditrail.at(thing, (source, id), seen).await? {
            Some(document) => Ok(document),
            None => Err(not_known_then(creditrail, thing, (source, id), seen).await?),
        }
    }

    fn head(&self, frame: &Frame, document: &Value) -> Markup {
        let path = self.thing.name();
        let legal = list(document, "legal_next").iter().filter_map(Value::as_str);
        let next: Vec<_> = legal.map(words).collect();
        html! {
            p.crumbs {
                @if self.thing != Thing::Customer {
                    a href=(frame.to(path)) { (listings::title(path)) } " / "
                }
                a href=(frame.to(&format!("sources/{}", parts::encoded(self.source)))) { (self.source) }
            }
            h1 {
                (word(self.thing)) " " (parts::id(self.id)) " "
                @if !document["status"].is_null() { (status(text(document, "status"))) }
            }
            @if self.thing != Thing::Customer {
                p.next {
                    @if !list(document, "lenders").is_empty() { "What is in order next stands at each lender, below; another lender may still report." }
                    @else if next.is_empty() { "Nothing further is in order: this is final." }
                    @else { "In order next: " b { (next.join(", ")) } "." }
                }
            }
            (flags(document))
        }
    }

    /// Its lifecycles as the tables that decide draw them, with the path that it took.
    async fn lifecycles(&self, seen: Option<Seen>) -> Result<Markup, Problem> {
        let Self { creditrail, thing, source, id } = *self;
        let all = creditrail.lifecycles(thing.name(), source, id, seen).await?;
        let is_alone = all.len() == 1;
        Ok(html! {
            h2 { "Lifecycle" }
            @if all.is_empty() { p.empty { "No step of it has been reported so far." } }
            @for (place, lit) in all.iter().enumerate() {
                details.lifecycle open[place == 0] {
                    summary { @if is_alone { "Where it has been, and what may come" } @else { (lit.title) ": " (words(&lit.current)) } }
                    div.drawing tabindex="0" role="region" aria-label=(format!("Lifecycle: {}", lit.title)) { (PreEscaped(lifecycle::svg(lit))) }
                }
            }
        })
    }

    /// What somebody has to do for an application.
    async fn open_actions(&self, frame: &Frame, document: &Value) -> Result<Markup, Problem> {
        let mut actions = self.creditrail.actions_of(self.source, document).await?;
        actions.retain(|action| text(action, "status") == "open");
        Ok(html! {
            @if !actions.is_empty() {
                h2 { "To be done" }
                (lists::rows(frame, listings::ACTIONS, &actions, ""))
            }
        })
    }

    /// The lists of what a customer has.
    fn leads(&self, frame: &Frame) -> Markup {
        let of = format!(
            "source={}&customer_id={}",
            parts::encoded(self.source),
            parts::encoded(self.id)
        );
        html! {
            p.leads {
                @for (list, name) in [
                    ("transactions?", "Transactions"),
                    ("exceptions?status=open&", "Open exceptions"),
                    ("actions?status=open&", "Open actions"),
                    ("deliveries?", "Deliveries"),
                ] {
                    a href=(frame.to(&format!("{list}{of}"))) { (name) } " "
                }
            }
        }
    }

    /// Everything of a customer by when it happened, the newest first, a page at a time.
    async fn timeline(
        &self,
        frame: &Frame,
        (seen, then): (Option<Seen>, &str),
        after: Option<Cursor>,
    ) -> Result<Markup, Problem> {
        let (sources, is_first) = (vec![self.source.to_owned()], after.is_none());
        let page = Page { sources, limit: ENTRIES, order: Order::Newest, after, ..Page::default() };
        let entries = match seen {
            None => self.creditrail.timeline(self.source, self.id, page).await?,
            Some(seen) => self.creditrail.timeline_at((self.source, self.id), page, seen).await?,
        };
        let entries = entries.ok_or_else(|| Problem::not_found("customer", self.id))?;
        let with = |more: Option<String>| {
            let then = Some(then.to_owned()).filter(|then| !then.is_empty());
            let all: Vec<_> = then.into_iter().chain(more).collect();
            if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
        };
        Ok(html! {
            h2 #what-happened { "What happened, newest first" }
            (steps::page(frame, self.source, &entries.items, is_first && entries.next.is_none()))
            @let here = self.address(frame);
            nav.turn aria-label="Pages" {
                @if !is_first { a href=(format!("{here}{}#what-happened", with(None))) { "Newest entries" } }
                @if let Some(next) = &entries.next {
                    @let cursor = format!("cursor={}", next_cursor(next));
                    a rel="next" href=(format!("{here}{}#what-happened", with(Some(cursor)))) { "Earlier entries" }
                }
                span.muted { (entries.items.len()) " shown" @if entries.next.is_none() { ", the end" } }
            }
        })
    }

    /// The way to this page.
    pub fn address(&self, frame: &Frame) -> String {
        frame.to_thing(self.thing.name(), self.source, self.id)
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
    let listing = listings::LISTINGS.iter().find(|listing| listing.list == list);
    html! {
        @if let Some(listing) = listing {
            (lists::rows(frame, listing.columns, rows, "None."))
        }
    }
}
