//! Any moment of a thing's past: the way there, and what has changed since.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::Frame,
    parts::{encoded, moment, nothing, words},
    things::Subject,
};
use crate::{
    app::{
        changes::FieldChange,
        moments::{AsOf, Changes, Point, Seen, When},
        things::Thing,
    },
    http::problem::Problem,
};

/// How many moments a page offers; the newest.
const MOST: usize = 400;

/// The moments of a thing, and the one that is shown.
pub struct Moments<'a> {
    subject: &'a Subject<'a>,
    all: Vec<(Point, String)>,
    when: When,
    shown: Option<Point>,
    changes: Option<Changes>,
}

impl<'a> Moments<'a> {
    /// The moments of a thing, and what differs between the one that is shown and another, which is
    /// the present if none is given.
    pub async fn of(
        subject: &'a Subject<'a>,
        (when, compare): (When, Option<AsOf>),
        (seen, document): (Option<Seen>, &Value),
    ) -> Result<Self, Problem> {
        let Subject { creditrail, thing, source, id } = *subject;
        // A customer may have thousands: they are asked for by position or time.
        let all = if thing == Thing::Customer {
            Vec::new()
        } else {
            creditrail.moments(thing, source, id).await?.unwrap_or_default()
        };
        let all: Vec<_> = all
            .into_iter()
            .map(|moment| {
                let recorded_at = Some(moment.recorded_at);
                (Point { position: moment.position, recorded_at }, moment.what)
            })
            .collect();
        let mut moments = Self { subject, all, when, shown: None, changes: None };
        if let Some(seen) = seen.filter(|_| when.as_of.is_some()) {
            moments.shown = Some(seen.point);
            let (before, to) = ((seen, Some(document.clone())), When { as_of: compare, ..when });
            moments.changes = creditrail.changes_since((thing, source, id), before, to).await?;
        }
        Ok(moments)
    }

    /// Where in the past the page is, and the ways to other moments.
    pub fn bar(&self, frame: &Frame) -> Markup {
        let here = self.subject.address(frame);
        let to = |position: i64| self.at(frame, position);
        let mut positions: Vec<i64> = self.all.iter().map(|(point, _)| point.position).collect();
        positions.dedup();
        let positions = &positions[positions.len().saturating_sub(MOST)..];
        let shown = self.shown.map_or(i64::MAX, |point| point.position);
        let place = positions.partition_point(|position| *position <= shown);
        let earlier = place.checked_sub(2).and_then(|place| positions.get(place));
        html! {
            section.moments aria-label="Moments" {
                @if !self.when.is_now() {
                    p.notice role="status" { (self.question()) ". " a href=(here) { "As it is now" } }
                }
                div.ways {
                    @if let Some(earlier) = earlier { a rel="prev" href=(to(*earlier)) { "◀ One moment earlier" } }
                    @if positions.len() > 1 {
                        input type="range" hidden min="0" max=(positions.len() - 1)
                            value=(place.saturating_sub(1)) aria-label="Moment"
                            data-moments=(serde_json::json!(positions));
                    }
                    @if self.shown.is_some() && let Some(later) = positions.get(place) {
                        a rel="next" href=(to(*later)) { "One moment later ▶" }
                    }
                    form action=(here) method="get" {
                        label { "As of " input name="as_of" placeholder="position or time" size="18" aria-label="As of: a position of the log, or a time such as 2026-03-02T10:00:00Z" value=(self.shown.map_or_else(String::new, |point| point.position.to_string())); }
                        " " label { "of what had happened by " input name="happened_by" placeholder="time" size="20" aria-label="Of what had happened by: a time such as 2026-03-02T10:00:00Z" value=(self.happened_by().unwrap_or_default()); }
                        " " label { "compared with " input name="compare" placeholder="now" size="10" aria-label="Compared with: a position or a time"; }
                        " " button.quiet { "Show" }
                    }
                }
                @if self.all.len() > 1 { (self.list(frame)) }
            }
        }
    }

    /// Which question the page answers, in words.
    fn question(&self) -> Markup {
        html! {
            @match self.shown {
                Some(point) => {
                    "What we knew at position " b { (point.position) }
                    @if let Some(at) = point.recorded_at { ", recorded " (moment(at)) }
                }
                None => { "What we know now" }
            }
            @if let Some(by) = self.when.happened_by { ", of what had happened by " b { (moment(by)) } }
        }
    }

    /// The way to this page as it was known at a position, of what had happened by the same time.
    fn at(&self, frame: &Frame, position: i64) -> String {
        let by = self.happened_by().map(|by| format!("&happened_by={}", encoded(&by)));
        format!("{}?as_of={position}{}", self.subject.address(frame), by.unwrap_or_default())
    }

    fn happened_by(&self) -> Option<String> {
        self.when.happened_by.map(|by| by.to_string())
    }

    fn list(&self, frame: &Frame) -> Markup {
        let shown = self.shown.map(|point| point.position);
        let newest = self.all.iter().rev().take(MOST);
        html! {
            details {
                summary { (self.all.len()) " moments at which it changed" }
                ol.list reversed {
                    @for (point, what) in newest {
                        li {
                            a href=(self.at(frame, point.position))
                                aria-current=[(shown == Some(point.position)).then_some("true")] { "position " (point.position) }
                            @if let Some(at) = point.recorded_at { ", " (moment(at)) }
                            ": " (words(what))
                        }
                    }
                }
            }
        }
    }

    /// What differs between the moment that is shown and the one that it is compared with.
    pub fn differences(&self) -> Markup {
        html! {
            @if let Some(Changes { from, to, changes, .. }) = &self.changes {
                h2 { "What differs between position " (from.position) " and position " (to.position) }
                (differences(changes, ("then", "later")))
            }
        }
    }
}

/// Differences field by field.
pub fn differences(changes: &[FieldChange], (before, after): (&str, &str)) -> Markup {
    html! {
        @if changes.is_empty() { p.empty { "Nothing differs." } }
        @else {
            div.table tabindex="0" role="region" aria-label="Differences" { table.rows.differences {
                thead { tr { th scope="col" { "Field" } th scope="col" { (before) } th scope="col" { (after) } } }
                tbody { @for change in changes {
                    tr {
                        td data-head="Field" { code.id { (change.field) } }
                        td data-head=(before) { del { (value(&change.before)) } }
                        td data-head=(after) { ins { (value(&change.after)) } }
                    }
                } }
            } }
        }
    }
}

/// A value in short: of a whole element what tells it from others.
fn value(value: &Value) -> Markup {
    match value {
        Value::Null => nothing(),
        Value::String(text) => html! { (text) },
        Value::Object(fields) => {
            let known =
                ["kind", "status", "amount", "currency", "outcome", "reason", "occurred_at"];
            let said = known.iter().filter_map(|name| {
                let field = fields.get(*name).filter(|field| !field.is_null())?;
                Some(format!(
                    "{name}: {}",
                    field.as_str().map_or_else(|| field.to_string(), str::to_owned)
                ))
            });
            let said: Vec<_> = said.collect();
            html! { @if said.is_empty() { code.id { (value) } } @else { (said.join(", ")) } }
        }
        other => html! { code.id { (other) } },
    }
}
