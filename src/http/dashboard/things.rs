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
        params::{Params, Path, Query},
        problem::Problem,
        things::not_known_then,
    },
    store::Page,
};

/// How many entries of a customer's timeline a page has.
const ENTRIES: usize = 200;

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
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    let when = params.when()?;
    let compare = params.moment("compare")?;
    params.done(&["at_least", "as_of", "happened_by", "compare"])?;
    let subject = Subject { creditrail: &creditrail, thing, source: &source, id: &id };
    let seen = if when.is_now() { None } else { Some(creditrail.seen(&source, when).await?) };
    let moments = Moments::of(&subject, (when, compare)).await?;
    let document = subject.document(seen).await?;
    let content = html! {
        (subject.head(&frame, &document))
        (moments.bar(&frame))
        (facts::of(&frame, thing, &document))
        @if thing == Thing::Customer {
            (subject.timeline(&frame, seen).await?)
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
                    @if next.is_empty() { "Nothing further is in order: this is final." }
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

    /// Everything of a customer, in the order in which it happened.
    async fn timeline(&self, frame: &Frame, seen: Option<Seen>) -> Result<Markup, Problem> {
        let sources = vec![self.source.to_owned()];
        let page = Page { sources, limit: ENTRIES, ..Page::default() };
        let entries = match seen {
            None => self.creditrail.timeline(self.source, self.id, page).await?,
            Some(seen) => self.creditrail.timeline_at((self.source, self.id), page, seen).await?,
        };
        let entries = entries.ok_or_else(|| Problem::not_found("customer", self.id))?;
        Ok(html! {
            h2 { "What happened" }
            (steps::table(frame, self.source, &entries.items))
            @if entries.next.is_some() {
                p.muted { "These are the first " (ENTRIES) " entries. The things above have all of theirs." }
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
