//! The page of an exception: what is odd, what would be in order, and the way out.

use std::collections::HashMap;

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    lists::subject,
    parts::{self, amount, encoded, list, nothing, severity, status, text, time, words},
};
use crate::{
    app::{Creditrail, command::Resolve},
    http::{
        access::{Caller, Right},
        problem::Problem,
    },
};

/// The page of an exception.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path(id): Path<String>,
) -> Shown {
    let exception = creditrail.exception(&id).await?;
    let exception = exception.ok_or_else(|| Problem::not_found("exception", &id))?;
    let source = text(&exception, "source");
    let legal: Vec<_> =
        list(&exception, "legal").iter().filter_map(Value::as_str).map(words).collect();
    Ok(frame.show(&format!("exception {}", words(text(&exception, "code"))), &html! {
        p.crumbs { a href=(frame.to("exceptions?status=open")) { "exceptions" } " / " (source) }
        h1 { (words(text(&exception, "code"))) " " (severity(text(&exception, "severity"))) " " (status(text(&exception, "status"))) }
        p.lead { (text(&exception, "message")) "." }
        dl.fields {
            div { dt { "About" } dd { (subject(&frame, &exception)) } }
            div { dt { "At stake" } dd { (amount(&exception["amount_at_stake"], &exception["currency"])) } }
            div { dt { "Asked" } dd { @if exception["asked"].is_null() { (nothing()) } @else { (words(text(&exception, "asked"))) } } }
            div { dt { "In state" } dd { @if exception["state"].is_null() { (nothing()) } @else { (words(text(&exception, "state"))) } } }
            div { dt { "In order there" } dd { @if legal.is_empty() { (nothing()) } @else { (legal.join(", ")) } } }
            div { dt { "Heard" } dd { (time(&exception["received_at"])) } }
            @if exception["delivery_id"].is_string() {
                div { dt { "Delivery" } dd { (parts::thing(&frame, "delivery", source, text(&exception, "delivery_id"))) } }
            }
            div { dt { "Rule" } dd { @for code in list(&exception, "codes").iter().filter_map(Value::as_str) { (parts::id(code)) " " } } }
        }
        (resolution(&frame, &id, &exception))
    }))
}

fn resolution(frame: &Frame, id: &str, exception: &Value) -> Markup {
    let done = &exception["resolution"];
    html! {
        h2 { "The way out" }
        @if done.is_object() {
            p { (words(text(done, "action"))) " by " b { (text(done, "actor")) } ", " (time(&done["at"])) ": " (text(done, "reason")) }
        } @else if text(exception, "status") != "open" {
            p { "What came later has settled it: nothing is left to do." }
        } @else if !frame.may(Right::Decide) {
            p.muted { "An operator can resolve it: apply it, take it as another kind of step, or discard it." }
        } @else {
            (resolve_form(frame, id))
        }
    }
}

fn resolve_form(frame: &Frame, id: &str) -> Markup {
    html! {
        form.stacked action=(frame.to(&format!("exceptions/{}", encoded(id)))) method="post" {
            fieldset {
                legend { "What should become of it?" }
                label.choice { input type="radio" name="action" value="apply" required; " Apply: it counts as it was reported" }
                label.choice { input type="radio" name="action" value="convert"; " Convert: it counts as another kind of step" }
                label.choice { input type="radio" name="action" value="discard"; " Discard: it does not count" }
            }
            label { span { "Converted to" } input name="convert_to"; }
            label { span { "Why? It is recorded with your name." } textarea name="reason" rows="2" required {} }
            button { "Resolve" }
        }
    }
}

/// Resolves an exception.
pub async fn resolve(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(id): Path<String>,
    Form(given): Form<HashMap<String, String>>,
) -> Shown {
    let field = |name: &str| {
        given.get(name).map(|given| given.trim().to_owned()).filter(|given| !given.is_empty())
    };
    let resolve = Resolve {
        action: field("action").unwrap_or_default(),
        convert_to: field("convert_to"),
        reason: field("reason").unwrap_or_default(),
        actor: caller.signs(None),
    };
    creditrail.resolve(&id, resolve).await?;
    Ok(Redirect::to(&frame.to(&format!("exceptions/{}", encoded(&id)))).into_response())
}
