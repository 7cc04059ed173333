//! The timeline: each entry with when it happened and when we heard, what became of it, and why.

use std::collections::BTreeMap;

use creditrail_domain::{Flag, Refusal};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::Frame,
    listings::subject,
    parts::{self, Tone, amount, badge, list, outcome, text, time, words},
};

/// Steps in the order in which they happened.
pub fn table(frame: &Frame, source: &str, steps: &[Value]) -> Markup {
    if steps.is_empty() {
        return html! { p.empty { "Nothing has been reported so far." } };
    }
    let late = late(steps, true);
    html! {
        ol.timeline {
            @for (step, late) in steps.iter().zip(late) { (entry(frame, source, step, late)) }
        }
    }
}

/// A page of steps, of which the newest stands first. Only if it has all there are it says at which
/// place each of them stands.
pub fn page(frame: &Frame, source: &str, newest_first: &[Value], is_whole: bool) -> Markup {
    if newest_first.is_empty() {
        return html! { p.empty { "There is nothing here." } };
    }
    let steps: Vec<_> = newest_first.iter().rev().cloned().collect();
    let late = late(&steps, is_whole);
    html! {
        ol.timeline {
            @for (step, late) in steps.iter().zip(late).rev() { (entry(frame, source, step, late)) }
        }
    }
}

fn entry(frame: &Frame, source: &str, step: &Value, late: Option<String>) -> Markup {
    let id = text(step, "id");
    html! {
        li.entry id={ "step-" (id) } data-outcome=(text(step, "outcome")) {
            div.when {
                div { span.what { "happened " } (time(&step["occurred_at"])) }
                div.muted { span.what { "heard " } (time(&step["received_at"])) }
            }
            div.said {
                p.line {
                    b { (words(text(step, "kind"))) } " "
                    @if !step["amount"].is_null() { (amount(&step["amount"], &step["currency"])) " " }
                    (outcome(text(step, "outcome"))) " "
                    @if step["subject"].is_object() { "of " (subject(frame, step)) }
                }
                @if let Some(late) = late { p { (badge(Tone::Odd, &late)) } }
                (why(frame, step))
                @for said in list(step, "flags").iter().filter_map(Value::as_str) { p { (flag(said)) } }
                (details(step))
                (history(step))
                div.from { (told_by(frame, source, step)) }
            }
        }
    }
}

/// What to say of the steps that were heard after one of the same thing that happened later.
fn late(steps: &[Value], is_whole: bool) -> Vec<Option<String>> {
    let mut things = BTreeMap::<String, Vec<usize>>::new();
    for (place, step) in steps.iter().enumerate() {
        things.entry(step["subject"].to_string()).or_default().push(place);
    }
    let mut late = vec![None; steps.len()];
    for places in things.values() {
        let heard: Vec<_> = places.iter().map(|place| steps[*place]["position"].as_i64()).collect();
        for (happened, place) in places.iter().enumerate() {
            let arrived = heard.iter().filter(|other| **other < heard[happened]).count();
            let is_late = heard[happened..].iter().any(|later| *later < heard[happened]);
            let turn = is_whole.then_some((arrived, happened));
            late[*place] =
                is_late.then(|| out_of_turn(turn, steps[*place]["outcome"] == "applied"));
        }
    }
    late
}

fn out_of_turn(turn: Option<(usize, usize)>, counts: bool) -> String {
    let said = match turn.filter(|(arrived, happened)| arrived != happened) {
        Some((arrived, happened)) => {
            format!("arrived {}, happened {}", ordinal(arrived + 1), ordinal(happened + 1))
        }
        None => "heard after what happened later".to_owned(),
    };
    if counts { said + "; counted where it belongs" } else { said }
}

/// A place in words: first, second … and 11th from there on.
fn ordinal(place: usize) -> String {
    const WORDS: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    if let Some(word) = WORDS.get(place.wrapping_sub(1)) {
        return (*word).to_owned();
    }
    let ending = match (place % 100, place % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

/// Why a step does not count, by which rule, and the way out.
fn why(frame: &Frame, step: &Value) -> Markup {
    let message = text(step, "message");
    html! {
        @if !message.is_empty() { p.why { (message) "." } }
        @if let Some(rule) = step["reason"].as_str() {
            p.rule {
                "Rule: " code { (rule) }
                @if let Some(refusal) = Refusal::ALL.iter().find(|refusal| refusal.code() == rule) {
                    ", " (refusal.meaning()) "."
                }
                @if !is_decided(step) {
                    " If it should count all the same, "
                    @let way = frame.to(&format!("exceptions/{}", parts::encoded(text(step, "id"))));
                    a href=(way) { "resolve the exception" } ": apply it, take it as another kind of step, or discard it."
                }
            }
        }
    }
}

/// Whether a person had the last word on a step.
fn is_decided(step: &Value) -> bool {
    list(step, "history").last().is_some_and(|moment| moment["resolution"].is_object())
}

/// What is odd about something, in words.
pub fn flag(code: &str) -> Markup {
    let meaning = Flag::ALL.iter().find(|flag| flag.code() == code).map(|flag| flag.meaning());
    let meaning = meaning.unwrap_or(match code {
        "unknown_payment_method" => "the card has not been reported so far",
        _ => "",
    });
    html! { (badge(Tone::Odd, &words(code))) @if !meaning.is_empty() { span.meaning { " " (meaning) } } }
}

fn details(step: &Value) -> Markup {
    let fields = step["details"].as_object();
    html! {
        @if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
            p.details {
                @for (name, value) in fields {
                    span { (words(name)) ": " (parts::id(value.as_str().unwrap_or_default())) " " }
                }
            }
        }
    }
}

/// How often it was judged, and how each time.
fn history(step: &Value) -> Markup {
    let moments = list(step, "history");
    html! {
        @if moments.len() > 1 {
            details {
                summary { "judged " (moments.len()) " times" }
                ol {
                    @for moment in moments {
                        li {
                            (time(&moment["at"])) ": " (words(text(moment, "what")))
                            @if moment["to"].is_object() { ", " (outcome(text(&moment["to"], "outcome"))) }
                            @if !moment["to"]["reason"].is_null() { " " code { (text(&moment["to"], "reason")) } }
                            @if moment["resolution"].is_object() {
                                " by " (text(&moment["resolution"], "actor")) ": " (text(&moment["resolution"], "reason"))
                            }
                            " " span.muted { "at position " (moment["position"]) }
                        }
                    }
                }
            }
        }
    }
}

fn told_by(frame: &Frame, source: &str, step: &Value) -> Markup {
    let key = text(step, "key");
    html! {
        @match text(step, "actor") {
            "provider" => a href=(frame.to_thing("deliveries", source, text(step, "id"))) { "the delivery as it came" },
            "partner" => span { "told by the partner" },
            "operator" => span { "decided by a person" },
            _ => {},
        }
        @if let Some(position) = step["position"].as_i64().filter(|_| !step["subject"].is_object()) {
            a href=(format!("?as_of={position}")) { "as of then" }
        }
        @if !key.is_empty() {
            details { summary { "key" } "A repetition is found by " (parts::id(key)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_says_when_it_arrived_out_of_turn() {
        let step = |position: i64, thing: &str, outcome: &str| json!({"position": position, "subject": thing, "outcome": outcome});
        for (outcome, ending) in
            [("applied", "; counted where it belongs"), ("refused", ""), ("stale", "")]
        {
            let steps = [
                step(7, "a", outcome),
                step(2, "a", "applied"),
                step(1, "b", "applied"),
                step(5, "a", "applied"),
            ];
            for (is_whole, said) in [
                (true, "arrived third, happened first"),
                (false, "heard after what happened later"),
            ] {
                let said = Some(format!("{said}{ending}"));
                assert_eq!(late(&steps, is_whole), [said, None, None, None], "{outcome}");
            }
        }
        assert_eq!([11, 12, 21, 22, 113].map(ordinal), ["11th", "12th", "21st", "22nd", "113th"]);
    }
}
