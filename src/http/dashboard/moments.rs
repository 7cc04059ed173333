//! Any moment of a thing's past: the way there, and what has changed since.

use std::{collections::BTreeSet, sync::LazyLock};

use creditrail_domain::Currency;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::Frame,
    parts::{amount, encoded, moment, nothing, time, words},
    things::Subject,
};
use crate::{
    app::{
        changes::FieldChange,
        moments::{AsOf, Changes, Point, Seen, When},
        things::Thing,
    },
    http::{openapi, problem::Problem},
};

/// How many moments a page offers; the newest.
const MOST: usize = 400;

/// The moments of a thing, and the one that is shown.
pub struct Moments<'a> {
    subject: &'a Subject<'a>,
    all: Vec<(Point, String)>,
    when: When,
    shown: Option<Point>,
    compare: Option<AsOf>,
    changes: Option<Changes>,
    currency: Value,
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
        let currency = document["currency"].clone();
        let (shown, changes) = (seen.filter(|_| when.as_of.is_some()), None);
        let point = shown.map(|seen| seen.point);
        let mut moments = Self { subject, all, when, shown: point, compare, changes, currency };
        // What the page shows stands before, unless that is the present.
        let (before, to) = match (shown, compare) {
            (Some(seen), _) => ((seen, Some(document.clone())), When { as_of: compare, ..when }),
            (None, Some(_)) => {
                let seen = creditrail.seen(source, When { as_of: compare, ..when }).await?;
                ((seen, creditrail.at(thing, (source, id), seen).await?), when)
            }
            (None, None) => return Ok(moments),
        };
        moments.changes = creditrail.changes_since((thing, source, id), before, to).await?;
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
                        " " label { "compared with " input name="compare" placeholder="now" size="10" aria-label="Compared with: a position or a time" value=(self.compared()); }
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
        let compare = self.compare.map(|_| format!("&compare={}", encoded(&self.compared())));
        let more = [by, compare].into_iter().flatten().collect::<String>();
        format!("{}?as_of={position}{more}", self.subject.address(frame))
    }

    fn happened_by(&self) -> Option<String> {
        self.when.happened_by.map(|by| by.to_string())
    }

    fn compared(&self) -> String {
        match self.compare {
            Some(AsOf::Position(position)) => position.to_string(),
            Some(AsOf::Time(time)) => time.to_string(),
            None => String::new(),
        }
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
                @let heads = [from, to].map(|point| format!("at {}", point.position));
                (differences(changes, (&heads[0], &heads[1]), &self.currency))
            }
        }
    }
}

/// Differences field by field. Amounts are of the currency, where they name none.
pub fn differences(
    changes: &[FieldChange],
    (before, after): (&str, &str),
    currency: &Value,
) -> Markup {
    html! {
        @if changes.is_empty() { p.empty { "Nothing differs." } }
        @else {
            div.table tabindex="0" role="region" aria-label="Differences" { table.rows.differences {
                thead { tr { th scope="col" { "Field" } th scope="col" { (before) } th scope="col" { (after) } } }
                tbody { @for change in changes {
                    tr {
                        td data-head="Field" { code.id { (change.field) } }
                        td data-head=(before) { del { (value(change, &change.before, currency)) } }
                        td data-head=(after) { ins { (value(change, &change.after, currency)) } }
                    }
                } }
            } }
        }
    }
}

/// The fields that are amounts, by name: what the description says is in minor units.
static AMOUNTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut amounts = BTreeSet::new();
    openapi::schemas().values().for_each(|schema| note_amounts(schema, &mut amounts));
    amounts
});

fn note_amounts(schema: &Value, amounts: &mut BTreeSet<String>) {
    let says =
        |schema: &Value| schema["description"].as_str().map(|says| says.contains("minor units"));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if says(property) == Some(true) {
            amounts.insert(name.clone());
        }
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| note_amounts(field, amounts)),
        Value::Array(items) => items.iter().for_each(|item| note_amounts(item, amounts)),
        _ => {}
    }
}

/// A value in short: of a whole element what tells it from others.
fn value(change: &FieldChange, value: &Value, currency: &Value) -> Markup {
    let name = change.field.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Null => nothing(),
        Value::String(said) if said.parse::<jiff::Timestamp>().is_ok() => time(value),
        Value::String(said) if ["status", "outcome", "kind"].contains(&name) => {
            html! { (words(said)) }
        }
        Value::String(said) => html! { (said) },
        Value::Number(_) if AMOUNTS.contains(name) => {
            // Such as `balances[USD].pending`.
            let named = change.field.rsplit_once("].").and_then(|(path, _)| path.rsplit_once('['));
            let named = named.map(|(_, named)| named).and_then(Currency::from_code);
            let named = named.map(|named| Value::from(named.to_string()));
            amount(value, named.as_ref().unwrap_or(currency))
        }
        Value::Object(fields) => {
            let own = fields.get("currency").unwrap_or(currency);
            let known = ["kind", "status", "amount", "outcome", "reason", "occurred_at"];
            let said = known.iter().filter_map(|name| {
                let field = fields.get(*name).filter(|field| !field.is_null())?;
                Some(match (field, *name) {
                    (Value::Number(_), "amount") => amount(field, own),
                    (Value::String(_), "occurred_at") => time(field),
                    (Value::String(said), _) => html! { (words(said)) },
                    (other, _) => html! { (other) },
                })
            });
            let said: Vec<_> = said.collect();
            html! {
                @if said.is_empty() { code.id { (value) } }
                @else { @for (place, part) in said.iter().enumerate() { @if place > 0 { ", " } (part) } }
            }
        }
        other => html! { code.id { (other) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_known_from_the_description() {
        for name in ["amount", "captured", "charged_back", "net_to_merchant", "reversed"] {
            assert!(AMOUNTS.contains(name), "{name}: {:?}", *AMOUNTS);
        }
        assert!(!AMOUNTS.contains("sequence"));
    }
}
