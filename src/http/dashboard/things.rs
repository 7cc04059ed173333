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
    app::{Creditrail, lists::List, moments::AsOf, things::Thing},
    http::{
        params::{Params, Path, Query, next_cursor},
        problem::Problem,
        things::not_known_then,
    },
    store::{Cursor, Order, Page},
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
    let then = given.get("as_of").filter(|then| !then.is_empty()).cloned();
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    let as_of = params.moment("as_of")?;
    let compare = params.moment("compare")?;
    let after = if thing == Thing::Customer { params.after()? } else { None };
    params.done(&["at_least", "as_of", "compare"])?;
    let subject = Subject { creditrail: &creditrail, thing, source: &source, id: &id };
    let moments = Moments::of(&subject, (as_of, compare)).await?;
    let document = subject.document(as_of).await?;
    let content = html! {
        (subject.head(&frame, &document))
        (moments.bar(&frame))
        (facts::of(&frame, thing, &document))
        @if thing == Thing::Application && as_of.is_none() {
            (subject.open_actions(&frame, &document).await?)
        }
        @if thing == Thing::Customer {
            (subject.leads(&frame))
            (subject.timeline(&frame, as_of.zip(then), after).await?)
        } @else {
            (subject.lifecycles(as_of).await?)
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
    async fn document(&self, as_of: Option<AsOf>) -> Result<Value, Problem> {
        let Self { creditrail, thing, source, id } = *self;
        let Some(as_of) = as_of else {
            let found = creditrail.document_of(thing, source, id).await?;
            return found.ok_or_else(|| Problem::not_found(word(thing), id));
        };
        match creditrail.at(thing, source, id, as_of).await? {
            Some(document) => Ok(document),
            None => {
                let point = creditrail.point(source, as_of).await?;
                Err(not_known_then(creditrail, thing, (source, id), point).await?)
            }
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
    async fn lifecycles(&self, as_of: Option<AsOf>) -> Result<Markup, Problem> {
        let Self { creditrail, thing, source, id } = *self;
        let up_to = match as_of {
            Some(as_of) => Some(creditrail.point(source, as_of).await?.position),
            None => None,
        };
        let all = creditrail.lifecycles(thing.name(), source, id, up_to).await?;
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
        then: Option<(AsOf, String)>,
        after: Option<Cursor>,
    ) -> Result<Markup, Problem> {
        let (sources, is_first) = (vec![self.source.to_owned()], after.is_none());
        let page = Page { sources, limit: ENTRIES, order: Order::Newest, after, ..Page::default() };
        let entries = self.creditrail.timeline(self.source, self.id, page).await?;
        let mut entries = entries.ok_or_else(|| Problem::not_found("customer", self.id))?;
        if let Some((as_of, _)) = &then {
            let point = self.creditrail.point(self.source, *as_of).await?;
            entries.items.retain(|entry| entry["position"].as_i64() <= Some(point.position));
        }
        let with = |more: Option<String>| {
            let then = then.as_ref().map(|(_, then)| format!("as_of={}", parts::encoded(then)));
            let all: Vec<_> = then.into_iter().chain(more).collect();
            if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
        };
        Ok(html! {
            h2 #what-happened { "What happened, newest first" }
            @if then.is_some() { p.muted { "What was recorded by then, judged as of now." } }
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
