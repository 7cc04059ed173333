//! Who is told of events, how each endpoint stands, and what operators do about it.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    parts::{Tone, badge, encoded, list, nothing, text, time},
};
use crate::{
    app::{Creditrail, read::ReadError, sending::steer::SteerEndpoint},
    http::{
        access::{Caller, Right},
        body::Form,
        params::{Params, Path, Query},
        sending::Steer,
    },
};

/// The page of all endpoints.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    Params::new(given).done(&[])?;
    let all = creditrail.endpoint_documents().await?;
    Ok(frame.show(
        "Endpoints",
        &html! {
            h1 { "Endpoints" }
            p.muted {
                "Who is told of events: signed, in order for each aggregate, at least once. "
                a href=(frame.to("notifications")) { "Notifications that were not taken at once" }
            }
            @if all.is_empty() {
                p.empty { "Nobody is told of events. An endpoint stands in the settings file, or is made by " code { "POST /v1/endpoints" } "." }
            }
            @for endpoint in &all { (shown(&frame, endpoint)) }
        },
    ))
}

fn shown(frame: &Frame, endpoint: &Value) -> Markup {
    let name = text(endpoint, "name");
    if endpoint["unusable"].is_string() {
        return unusable(endpoint);
    }
    let origin = match text(endpoint, "configured_by") {
        "http" => "made over HTTP",
        _ => "of the settings file",
    };
    let events: Vec<_> = list(endpoint, "events").iter().filter_map(Value::as_str).collect();
    html! {
        section {
            h2 { (name) " " (states(endpoint)) }
            p {
                "At " code { (text(endpoint, "host")) } ", " (origin) "; takes "
                @if events.is_empty() { "every event" }
                @for (place, event) in events.iter().enumerate() { @if place > 0 { ", " } code { (event) } }
                "."
            }
            @if endpoint["paused"].is_object() { (paused(&endpoint["paused"])) }
            (lags(frame, name, list(endpoint, "sources")))
            @if frame.may(Right::Decide) {
                div.leads {
                    @if endpoint["paused"].is_object() { (form(frame, name, ("resume", "Resume"))) }
                    @else { (form(frame, name, ("pause", "Pause"))) }
                    (form(frame, name, ("test", "Test")))
                }
            }
        }
    }
}

/// One that is kept, and cannot be told of anything.
fn unusable(endpoint: &Value) -> Markup {
    let way = format!("/v1/endpoints/{}", text(endpoint, "name"));
    html! {
        section {
            h2 { (text(endpoint, "name")) " " (states(endpoint)) }
            p { "Made over HTTP, and told of nothing: " (text(endpoint, "unusable")) "." }
            p.muted { code { "PUT " (way) } " gives it other settings, " code { "DELETE " (way) } " deletes it." }
        }
    }
}

fn paused(paused: &Value) -> Markup {
    html! {
        p.notice {
            "Nothing has been sent since " (time(&paused["at"])) ", by " b { (text(paused, "actor")) } ": "
            (text(paused, "reason")) ". What is recorded meanwhile is sent once it is resumed."
        }
    }
}

/// How an endpoint stands, in short words.
fn states(endpoint: &Value) -> Markup {
    if endpoint["unusable"].is_string() {
        return badge(Tone::Bad, "cannot be told");
    }
    let (is_paused, parked) = (endpoint["paused"].is_object(), lanes(endpoint, "lanes_parked"));
    let (breaker, retrying) = (text(endpoint, "breaker"), lanes(endpoint, "lanes_retrying"));
    html! {
        @if is_paused { (badge(Tone::Odd, "paused")) " " }
        @if endpoint["signs"] == false { (badge(Tone::Bad, "no secret holds")) " " }
        @match breaker {
            "open" => { (badge(Tone::Bad, "taken to be down")) " " },
            "half_open" => { (badge(Tone::Waits, "being probed")) " " },
            _ => {},
        }
        @if parked > 0 { (badge(Tone::Bad, &counted(parked, "lane parked", "lanes parked"))) " " }
        @if retrying > 0 { (badge(Tone::Waits, &counted(retrying, "lane retried", "lanes retried"))) }
        @else if parked == 0 && !is_paused && endpoint["signs"] == true && breaker == "closed" { (badge(Tone::Good, "told")) }
    }
}

/// How many lanes of all sources.
fn lanes(endpoint: &Value, which: &str) -> i64 {
    list(endpoint, "sources").iter().filter_map(|lag| lag[which].as_i64()).sum()
}

/// A number with its noun.
pub fn counted(count: i64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

fn lags(frame: &Frame, name: &str, lags: &[Value]) -> Markup {
    let way = |source: &str, status: &str| {
        let (name, source) = (encoded(name), encoded(source));
        frame.to(&format!("notifications?endpoint={name}&source={source}&status={status}"))
    };
    let lanes = |lag: &Value, which: &str, status: &str| {
        let count = lag[which].as_i64().unwrap_or_default();
        html! { @if count == 0 { "0" } @else { a href=(way(text(lag, "source"), status)) { (count) } } }
    };
    html! {
        div.table tabindex="0" role="region" aria-label={ "Sources of " (name) } { table.rows {
            thead { tr {
                th scope="col" { "Source" } th.number scope="col" { "Events behind" } th scope="col" { "The next since" }
                th.number scope="col" { "Lanes retrying" } th.number scope="col" { "Lanes parked" }
            } }
            tbody { @for lag in lags {
                tr data-key={ (name) "/" (text(lag, "source")) } {
                    td data-head="Source" { (text(lag, "source")) }
                    td.number data-head="Events behind" { (lag["events_behind"]) }
                    td data-head="The next since" { @if lag["oldest_at"].is_null() { (nothing()) } @else { (time(&lag["oldest_at"])) } }
                    td.number data-head="Retrying" { (lanes(lag, "lanes_retrying", "retrying")) }
                    td.number data-head="Parked" { (lanes(lag, "lanes_parked", "parked")) }
                }
            } }
        } }
    }
}

fn form(frame: &Frame, name: &str, (what, said): (&str, &str)) -> Markup {
    html! {
        details.work {
            summary { (said) }
            form.stacked action=(frame.to(&format!("endpoints/{}/{what}", encoded(name)))) method="post" {
                label { span { "Why? It is recorded with your name." } input name="reason" required; }
                button { (said) " " (name) }
            }
        }
    }
}

/// The endpoints that need a person, for the first page: nothing where nobody is told of events.
///
/// # Errors
/// As for all reads.
pub async fn in_need(frame: &Frame, creditrail: &Creditrail) -> Result<Markup, ReadError> {
    let all = creditrail.endpoint_documents().await?;
    let needs = |endpoint: &&Value| {
        endpoint["unusable"].is_string()
            || endpoint["paused"].is_object()
            || endpoint["signs"] == false
            || text(endpoint, "breaker") != "closed"
            || lanes(endpoint, "lanes_parked") > 0
    };
    let needy: Vec<_> = all.iter().filter(needs).collect();
    Ok(html! {
        @if !all.is_empty() { section {
            h2 { a href=(frame.to("endpoints")) { "Endpoints" } }
            @if needy.is_empty() { p.empty { "Every endpoint is sent to, and no lane is parked." } }
            @else { (table(frame, &needy)) }
        } }
    })
}

fn table(frame: &Frame, endpoints: &[&Value]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Endpoints" { table.rows {
            thead { tr { th scope="col" { "Endpoint" } th scope="col" { "State" } th scope="col" { "Paused since" } th scope="col" { "Why" } th.number scope="col" { "Lanes parked" } } }
            tbody { @for endpoint in endpoints {
                @let (name, parked) = (text(endpoint, "name"), lanes(endpoint, "lanes_parked"));
                tr data-key=(name) {
                    td data-head="Endpoint" { a href=(frame.to("endpoints")) { (name) } }
                    td data-head="State" { (states(endpoint)) }
                    td data-head="Paused since" { (time(&endpoint["paused"]["at"])) }
                    td data-head="Why" { (why(endpoint)) }
                    td.number data-head="Lanes parked" {
                        @if parked == 0 { "0" }
                        @else { a href=(frame.to(&format!("notifications?endpoint={}&status=parked", encoded(name)))) { (parked) } }
                    }
                }
            } }
        } }
    }
}

/// Why it is told of nothing.
fn why(endpoint: &Value) -> Markup {
    match (&endpoint["paused"]["reason"], &endpoint["unusable"]) {
        (Value::String(why), _) | (_, Value::String(why)) => html! { (why) },
        _ => nothing(),
    }
}

/// Does what a form asks for, and shows what came of it.
pub async fn steer(
    what: Steer,
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(name): Path<String>,
    Form(given): Form,
) -> Shown {
    let reason = given.get("reason").cloned().unwrap_or_default();
    let steer = SteerEndpoint { reason, actor: caller.signs(None) };
    let answer = what.endpoint(&creditrail, (&name, steer)).await?;
    match what {
        Steer::Test => Ok(tested(&frame, &answer)),
        _ => Ok(Redirect::to(&frame.to("endpoints")).into_response()),
    }
}

/// What an endpoint answered.
fn tested(frame: &Frame, answer: &Value) -> Response {
    let is_taken = answer["is_taken"] == true;
    frame.show("Test", &html! {
        p.crumbs { a href=(frame.to("endpoints")) { "Endpoints" } }
        h1 { "Test of " (text(answer, "endpoint")) " " @if is_taken { (badge(Tone::Good, "taken")) } @else { (badge(Tone::Bad, "not taken")) } }
        dl.fields {
            div { dt { "Status" } dd { @if answer["status"].is_null() { "no answer" } @else { (answer["status"]) } } }
            div { dt { "Took" } dd { (answer["took_ms"]) " ms" } }
            div { dt { code { "webhook-id" } } dd { code { (text(answer, "id")) } } }
        }
        h2 { @if answer["status"].is_null() { "What went wrong" } @else { "The first bytes of the answer" } }
        @if text(answer, "said").is_empty() { p.muted { "It said nothing." } }
        @else { pre.raw tabindex="0" { (text(answer, "said")) } }
    })
}
