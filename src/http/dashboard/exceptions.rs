//! The page of an exception: what is odd, what would be in order, and the way out.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::{BEHIND, Frame},
    listings::subject,
    moments,
    parts::{self, amount, encoded, list, nothing, outcome, severity, status, text, time, words},
};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, exceptions::Resolve, preview::Preview},
        sending::gone,
    },
    http::{
        access::{Caller, Right},
        body::Form,
        params::{Params, Path, Query},
        problem::Problem,
    },
};

/// The page of an exception.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path(id): Path<String>,
    Query(given): Query,
) -> Shown {
    let mut params = Params::new(given);
    let chosen = params.take("choice");
    params.take(BEHIND);
    params.done(&["choice"])?;
    show(&creditrail, &frame, (&id, chosen.as_deref()), None).await
}

/// The page, with what a choice would lead to.
async fn show(
    creditrail: &Creditrail,
    frame: &Frame,
    (id, chosen): (&str, Option<&str>),
    changed: Option<&str>,
) -> Shown {
    let exception = creditrail.exception(id).await?;
    let exception = exception.ok_or_else(|| Problem::not_found("exception", id))?;
    let preview = match chosen {
        Some(choice) => {
            let tried = resolve_as(choice, None, String::new());
            Some((choice, creditrail.preview(id, tried).await?))
        }
        None => None,
    };
    let source = text(&exception, "source");
    // A step that the partner told has none.
    let delivery = match exception["delivery_id"].as_str() {
        Some(id) => creditrail.delivery(source, id).await?,
        None => None,
    };
    Ok(frame.show(&format!("exception {}", words(text(&exception, "code"))), &html! {
        p.crumbs { a href=(frame.to("exceptions?status=open")) { "exceptions" } " / " (source) }
        h1 { (words(text(&exception, "code"))) " " (severity(text(&exception, "severity"))) " " (status(text(&exception, "status"))) }
        @if let Some(changed) = changed {
            p.notice role="alert" { "Nothing was decided: " (changed) ". Here is what it would lead to now." }
        }
        p.lead { (text(&exception, "message")) "." }
        (facts(frame, &exception, delivery.as_ref()))
        (resolution(frame, &exception, preview.as_ref()))
    }))
}

/// What it is about, and what was asked.
fn facts(frame: &Frame, exception: &Value, delivery: Option<&Value>) -> Markup {
    let source = text(exception, "source");
    let legal: Vec<_> =
        list(exception, "legal").iter().filter_map(Value::as_str).map(words).collect();
    html! {
        dl.fields {
            div { dt { "About" } dd { (subject(frame, exception)) } }
            div { dt { "At stake" } dd { (amount(&exception["amount_at_stake"], &exception["currency"])) } }
            div { dt { "Asked" } dd { @if exception["asked"].is_null() { (nothing()) } @else { (words(text(exception, "asked"))) } } }
            div { dt { "In state" } dd { @if exception["state"].is_null() { (nothing()) } @else { (words(text(exception, "state"))) } } }
            div { dt { "In order there" } dd { @if legal.is_empty() { (nothing()) } @else { (legal.join(", ")) } } }
            div { dt { "Heard" } dd { (time(&exception["received_at"])) } }
            @if let Some(delivery) = delivery {
                div { dt { "Delivery" } dd { (parts::thing(frame, "delivery", source, text(delivery, "delivery_id"))) } }
            } @else if exception["delivery_id"].is_string() {
                div { dt { "Told" } dd { "by the partner, not by a delivery" } }
            }
            div { dt { "Rule" } dd { @for code in list(exception, "codes").iter().filter_map(Value::as_str) { (parts::id(code)) " " } } }
        }
    }
}

/// A choice of the form: `apply`, `discard`, or `convert:` and a kind of step.
fn resolve_as(choice: &str, actor: Option<String>, reason: String) -> Resolve {
    let (action, convert_to) = match choice.split_once(':') {
        Some((action, kind)) => (action, Some(kind.to_owned())),
        None => (choice, None),
    };
    Resolve { action: action.to_owned(), convert_to, reason, actor, as_of: None }
}

fn resolution(frame: &Frame, exception: &Value, preview: Option<&(&str, Preview)>) -> Markup {
    let (id, done) = (text(exception, "id"), &exception["resolution"]);
    html! {
        h2 #way-out { "The way out" }
        @if done.is_object() {
            p { (words(text(done, "action"))) " by " b { (text(done, "actor")) } ", " (time(&done["at"])) ": " (text(done, "reason")) }
        } @else if text(exception, "status") != "open" {
            p { "What came later has settled it: nothing is left to do." }
        } @else if text(exception, "kind") == gone::KIND {
            @let name = text(&exception["subject"], "id");
            p { "Once it wants to be told again, an operator resumes it, with a reason: "
                code { "POST /v1/endpoints/" (name) "/resume" } ". What was recorded meanwhile is sent then." }
        } @else {
            @if ["malformed", "unrecognised"].contains(&text(exception, "kind")) && frame.may(Right::Decide) {
                @let way = format!("redrive?source={}", encoded(text(exception, "source")));
                p { "If a newer version can read it: " a href=(frame.to(&way)) { "redrive it" } "." }
            }
            (choices(frame, exception, preview.map(|(choice, _)| *choice)))
            @if let Some((choice, preview)) = preview {
                (previewed(frame, preview, &exception["currency"]))
                @if frame.may(Right::Decide) {
                    (decide(frame, id, (choice, preview.as_of.position)))
                } @else {
                    p.muted { "An operator can decide so." }
                }
            }
        }
    }
}

/// What a person can decide, to be looked at before it is done.
fn choices(frame: &Frame, exception: &Value, chosen: Option<&str>) -> Markup {
    let mut all = Vec::new();
    for possible in list(exception, "possible") {
        let action = text(possible, "action");
        let kinds = list(possible, "convert_to").iter().filter_map(Value::as_str);
        match action {
            "apply" => {
                all.push(("apply".to_owned(), "Apply: it counts as it was reported".to_owned()))
            }
            "discard" => all.push(("discard".to_owned(), "Discard: it does not count".to_owned())),
            "convert" => all.extend(kinds.map(|kind| {
                (format!("convert:{kind}"), format!("Convert: it counts as “{}”", words(kind)))
            })),
            other => all.push((other.to_owned(), words(other))),
        }
    }
    let here = frame.to(&format!("exceptions/{}#way-out", encoded(text(exception, "id"))));
    html! {
        form.stacked action=(here) method="get" {
            fieldset {
                legend { "What should become of it?" }
                @for (value, said) in &all {
                    label.choice { input type="radio" name="choice" value=(value) required checked[chosen == Some(value.as_str())]; " " (said) }
                }
            }
            button { "Show what that would change" }
        }
    }
}

fn previewed(frame: &Frame, preview: &Preview, currency: &Value) -> Markup {
    html! {
        section.preview aria-label="Preview" {
            h3 { "What that would change" }
            @if preview.only_closes { p { "Nothing but the exception: it is closed." } }
            @if let Some(thing) = &preview.thing {
                p { "In " a href=(frame.to_thing(thing.kind, &preview.source, &thing.id)) { (parts::id(&thing.id)) } ", as of position " (preview.as_of.position) ":" }
                (moments::differences(&preview.changes, ("now", "then"), currency))
            }
            @if !preview.revised.is_empty() {
                p { "Judged otherwise:" }
                ul {
                    @for step in &preview.revised {
                        li { (words(step.kind.as_deref().unwrap_or("step"))) ": " (outcome(text(&step.from, "outcome"))) " becomes " (outcome(text(&step.to, "outcome"))) }
                    }
                }
            }
        }
    }
}

fn decide(frame: &Frame, id: &str, (choice, position): (&str, i64)) -> Markup {
    html! {
        form.stacked action=(frame.to(&format!("exceptions/{}", encoded(id)))) method="post" {
            input type="hidden" name="choice" value=(choice);
            input type="hidden" name="as_of" value=(position);
            label { span { "Why? It is recorded with your name." } textarea name="reason" rows="2" required {} }
            button { "Resolve it so" }
        }
    }
}

/// Resolves an exception.
pub async fn resolve(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(id): Path<String>,
    Form(given): Form,
) -> Shown {
    let field = |name: &str| given.get(name).map(|given| given.trim().to_owned());
    let choice = field("choice").unwrap_or_default();
    let reason = field("reason").unwrap_or_default();
    let exception = creditrail.exception(&id).await?;
    let exception = exception.ok_or_else(|| Problem::not_found("exception", &id))?;
    let as_of = field("as_of").filter(|given| !given.is_empty()).map(|given| given.parse());
    let as_of = as_of.transpose().map_err(|_| Problem::invalid("as_of", "must be a position"))?;
    let resolve = Resolve { as_of, ..resolve_as(&choice, caller.signs(None), reason) };
    match creditrail.resolve(&id, resolve).await {
        Err(changed @ CommandError::Changed { .. }) => {
            let seen = (id.as_str(), Some(choice.as_str()));
            // What is recorded meanwhile is to be in what is shown.
            creditrail.caught_up(text(&exception, "source")).await?;
            let page = show(&creditrail, &frame, seen, Some(&changed.to_string())).await?;
            return Ok((StatusCode::CONFLICT, page).into_response());
        }
        resolved => resolved?,
    };
    // The page is to show what was decided.
    let here = format!("exceptions/{}", encoded(&id));
    Ok(frame.done(&creditrail, (text(&exception, "source"), &here)).await)
}
