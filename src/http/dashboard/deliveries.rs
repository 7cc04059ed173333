//! Deliveries as they came, and calls that were turned away.

use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    listings::subject,
    parts::{self, encoded, nothing, outcome, text, time, words},
    steps,
};
use crate::{
    app::Creditrail,
    http::{
        params::{Params, Path, Query},
        problem::Problem,
    },
};

/// The page of one delivery: what it says, byte for byte, secrets masked.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path((source, id)): Path<(String, String)>,
) -> Shown {
    let delivery = creditrail.delivery(&source, &id).await?;
    let delivery = delivery.ok_or_else(|| Problem::not_found("delivery", &id))?;
    Ok(frame.show(&format!("delivery {id}"), &html! {
        p.crumbs { a href=(frame.to("deliveries")) { "deliveries" } " / " a href=(frame.to(&format!("sources/{}", encoded(&source)))) { (source) } }
        h1 { "delivery " (parts::id(&id)) " " (outcome(text(&delivery, "outcome"))) }
        @if delivery["outcome"] != delivery["outcome_on_arrival"] {
            p.notice { "On arrival it was " b { (words(text(&delivery, "outcome_on_arrival"))) } "; what came later changed that." }
        }
        (redriven(&frame, &delivery))
        @if !text(&delivery, "message").is_empty() { p.why { (text(&delivery, "message")) "." } }
        @for flag in parts::list(&delivery, "flags").iter().filter_map(Value::as_str) { p { (steps::flag(flag)) } }
        (facts(&frame, &delivery))
        @if delivery["body"].is_null() {
            h2 { "Headers and body" }
            @if delivery["erased_at"].is_null() {
                p.notice role="alert" { "They do not open: what is stored was altered, or its key is gone. " code { "creditrail audit verify" } " tells more." }
            } @else {
                p.notice { "Erased on " (time(&delivery["erased_at"])) ". What was recorded of it stays." }
            }
        } @else {
            h2 { "Headers" }
            (headers(&delivery["headers"]))
            h2 { "Body, as it came" }
            p.muted { "Secrets are sealed: a reference stands in their place." }
            pre.raw tabindex="0" { (text(&delivery, "body")) }
        }
    }))
}

/// Who had it read again, and why.
fn redriven(frame: &Frame, delivery: &Value) -> Markup {
    let done = &delivery["redriven"];
    html! {
        @if done.is_object() {
            p.notice {
                "It could not be read when it came. It was redriven by " b { (text(done, "actor")) } ", " (time(&done["at"])) ": "
                (text(done, "reason")) ". It counts as the step "
                a href={ (frame.to_thing("deliveries", text(delivery, "source"), text(delivery, "redriven_as"))) } { (parts::id(text(delivery, "redriven_as"))) }
                ", at position " (done["position"]) "."
            }
        } @else if delivery["redriven_as"].is_string() {
            p.notice { "It could not be read when it came, and was redriven." }
        }
    }
}

fn facts(frame: &Frame, delivery: &Value) -> Markup {
    let rule = delivery["reason"].as_str().map_or_else(nothing, parts::id);
    html! {
        dl.fields {
            div { dt { "About" } dd { (subject(frame, delivery)) } }
            div { dt { "What it says" } dd { (words(text(delivery, "kind"))) } }
            div { dt { "Happened" } dd { (time(&delivery["occurred_at"])) } }
            div { dt { "Received" } dd { (time(&delivery["received_at"])) } }
            div { dt { "Came again" } dd { (delivery["repeats"]) @if delivery["repeats"].as_i64() > Some(0) { " times, last " (time(&delivery["last_received_at"])) } } }
            div { dt { "Rule" } dd { (rule) } }
            div { dt { "Verified with" } dd { "secret " (parts::id(text(delivery, "secret_id"))) } }
            div { dt { "Number" } dd { (delivery["number"]) ", log position " (delivery["position"]) } }
        }
    }
}

fn headers(headers: &Value) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Headers" { table.rows { tbody {
            @for (name, value) in headers.as_object().into_iter().flatten() {
                tr { th scope="row" { code { (name) } } td data-head=(name) { (parts::id(value.as_str().unwrap_or_default())) } }
            }
        } } }
    }
}

/// The calls of a source that were turned away and are kept.
pub async fn rejected(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let mut params = Params::new(given);
    let source = params.take("source").ok_or_else(|| Problem::invalid("source", "is required"))?;
    params.done(&["source"])?;
    let calls = creditrail.rejected_calls(&source, 200).await?;
    Ok(frame.show("Calls turned away", &html! {
        p.crumbs { a href=(frame.to(&format!("sources/{}", encoded(&source)))) { (source) } }
        h1 { "Calls turned away" }
        p.muted { "Kept for a week at the most, so that a mistyped secret can be mended. Their bodies are sealed." }
        @if calls.is_empty() { p.empty { "No call is kept: none has been turned away of late, or those that were have been taken in since." } }
        @else {
            div.table tabindex="0" role="region" aria-label="Calls" { table.rows {
                thead { tr { th scope="col" { "Received" } th scope="col" { "Why" } th.number scope="col" { "Bytes" } th scope="col" { "Headers" } } }
                tbody { @for call in &calls {
                    tr data-key=(call["number"]) {
                        td data-head="Received" { (time(&call["received_at"])) }
                        td data-head="Why" { (words(text(call, "cause"))) }
                        td.number data-head="Bytes" { @if call["body_bytes"].is_null() { (nothing()) } @else { (call["body_bytes"]) } }
                        td data-head="Headers" { details { summary { "show" } (headers(&call["headers"])) } }
                    }
                } }
            } }
        }
    }))
}
