//! Notifications that were not taken at once, and what operators do about those that were given up.

use std::collections::HashMap;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    endpoints::counted,
    frame::{BEHIND, Frame},
    listings::Column,
    lists,
    parts::{self, Tone, badge, encoded, kind_word, list, moment, nothing, text, time},
};
use crate::{
    app::{
        Creditrail,
        sending::{
            listed::{STATUSES, UNDELIVERED, WAITING},
            resend::{Resend, Skip},
        },
    },
    http::{
        access::{Caller, Right},
        body::Form,
        params::{Params, Query},
        problem::Problem,
        sending,
    },
};

/// The list.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(mut given): Query,
) -> Shown {
    given.remove(BEHIND);
    let page = sending::page(&creditrail, Params::new(given.clone())).await?;
    let items = creditrail.notifications(page).await?;
    let endpoints = creditrail.endpoint_names();
    Ok(frame.show(
        "Notifications",
        &html! {
            h1 { "Notifications" }
            p.muted {
                "Those that were not taken at once. What was taken at once leaves no row. "
                a href=(frame.to("endpoints")) { "How each endpoint stands" }
            }
            (filters(&frame, &creditrail, (&endpoints, &given)))
            div data-live[!given.contains_key("cursor")] {
                button #fresh.quiet type="button" hidden {}
                (lists::rows(&frame, COLUMNS, &items.items, empty(&given)))
            }
            (lists::turn(&frame, "notifications", (&given, &items), &html! {}))
            @if !endpoints.is_empty() && frame.may(Right::Decide) {
                h2 { "Send again" }
                p.muted { "Now what was tried and not taken, or everything since a time. It is counted first." }
                (resend_form(&frame, &creditrail, (&endpoints, &given)))
            }
        },
    ))
}

fn empty(given: &HashMap<String, String>) -> &'static str {
    if given.values().all(String::is_empty) {
        "Nothing: whatever was sent was taken at once."
    } else {
        lists::NOTHING_FITS
    }
}

const COLUMNS: &[Column] = &[
    Column("Notification", notification, false),
    Column("Endpoint", |_, row| html! { (text(row, "endpoint")) }, false),
    Column("Status", |_, row| status(text(row, "status")), false),
    Column("Tried last", |_, row| tried_last(row), false),
    Column("Attempts", |_, row| attempts(list(row, "attempts")), false),
    Column("Way out", way_out, false),
];

fn notification(frame: &Frame, row: &Value) -> Markup {
    let (source, subject) = (text(row, "source"), &row["subject"]);
    let kind = text(subject, "type");
    html! {
        div { code { (text(row, "type")) } }
        div { (kind_word(kind)) " " (parts::thing(frame, kind, source, text(subject, "id"))) ", event " (row["sequence"]) }
    }
}

fn status(name: &str) -> Markup {
    let tone = match name {
        "delivered" => Tone::Good,
        "parked" => Tone::Bad,
        "retrying" => Tone::Waits,
        _ => Tone::Plain,
    };
    badge(tone, name)
}

fn tried_last(row: &Value) -> Markup {
    let Some(last) = list(row, "attempts").last() else { return nothing() };
    html! {
        div { (time(&last["at"])) }
        div { (answered(last)) }
        @if last["status"].is_null() { div { code.id { (text(last, "said")) } } }
        @if row["next_at"].is_string() { div { "again " (time(&row["next_at"])) } }
        @if row["events_waiting"].as_i64().is_some_and(|count| count > 0) {
            div { (row["events_waiting"]) " behind it" }
        }
    }
}

fn answered(attempt: &Value) -> Markup {
    html! { @if attempt["status"].is_null() { "no answer" } @else { "answered " (attempt["status"]) } }
}

fn attempts(all: &[Value]) -> Markup {
    if all.is_empty() {
        return nothing();
    }
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    html! {
        details {
            summary { (counted(count, "attempt", "attempts")) }
            ol.attempts { @for attempt in all {
                li value=(attempt["attempt"]) {
                    (time(&attempt["at"])) ", " (answered(attempt)) " after " (attempt["took_ms"]) " ms"
                    @if !text(attempt, "said").is_empty() { div { code.id { (text(attempt, "said")) } } }
                }
            } }
        }
    }
}

/// What ends the waiting, or who ended it.
fn way_out(frame: &Frame, row: &Value) -> Markup {
    let skipped = &row["skipped"];
    html! {
        @if skipped.is_object() {
            "by " b { (text(skipped, "actor")) } ": " (text(skipped, "reason"))
        } @else if WAITING.contains(&text(row, "status")) && frame.may(Right::Decide) {
            (skip_form(frame, row))
        } @else { (nothing()) }
    }
}

fn skip_form(frame: &Frame, row: &Value) -> Markup {
    let subject = &row["subject"];
    let of = |name: &str, value: &str| format!("{name}={}", encoded(value));
    let lane = [
        of("endpoint", text(row, "endpoint")),
        of("source", text(row, "source")),
        of("type", text(subject, "type")),
        of("id", text(subject, "id")),
    ];
    html! {
        a href=(frame.to(&format!("notifications/resend?{}", lane.join("&")))) { "Send again" } " "
        details.work {
            summary { "Skip" }
            form.stacked action=(frame.to("notifications/skip")) method="post" {
                input type="hidden" name="endpoint" value=(text(row, "endpoint"));
                input type="hidden" name="source" value=(text(row, "source"));
                input type="hidden" name="position" value=(row["position"]);
                label { span { "Why is it never sent? It is recorded with your name." } input name="reason" required; }
                button { "Skip it" }
            }
        }
    }
}

type Asked<'a> = (&'a [String], &'a HashMap<String, String>);

fn filters(frame: &Frame, creditrail: &Creditrail, (endpoints, given): Asked<'_>) -> Markup {
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    let sources: Vec<_> = creditrail.sources().collect();
    // One that is gone has notifications still.
    let mut names: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    if !value("endpoint").is_empty() && !names.contains(&value("endpoint")) {
        names.push(value("endpoint"));
    }
    let statuses: Vec<_> = STATUSES.into_iter().chain([UNDELIVERED]).collect();
    html! {
        form.filters action=(frame.to("notifications")) method="get" {
            (lists::choice("endpoint", &names, value("endpoint")))
            (lists::choice("status", &statuses, value("status")))
            @if sources.len() > 1 { (lists::choice("source", &sources, value("source"))) }
            (lane(given))
            button { "Show" }
            @if given.keys().any(|name| name != "cursor") { a href=(frame.to("notifications")) { "All" } }
        }
    }
}

/// The one aggregate that is meant, if it is one.
fn lane(given: &HashMap<String, String>) -> Markup {
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    html! {
        @if !value("type").is_empty() {
            input type="hidden" name="type" value=(value("type"));
            input type="hidden" name="id" value=(value("id"));
            span { "of " (kind_word(value("type"))) " " (parts::id(value("id"))) }
        }
    }
}

/// What leads to how much would be sent again.
fn resend_form(frame: &Frame, creditrail: &Creditrail, (endpoints, given): Asked<'_>) -> Markup {
    let value = |name: &str| given.get(name).map_or("", String::as_str);
    html! {
        form.filters action=(frame.to("notifications/resend")) method="get" {
            (one_of("endpoint", endpoints.iter().map(String::as_str), value("endpoint")))
            (one_of("source", creditrail.sources(), value("source")))
            (lane(given))
            label { span { "recorded since; what waits, if empty" } input name="since" placeholder="2026-03-02T10:00:00Z" value=(value("since")); }
            button { "Count" }
        }
    }
}

fn one_of<'a>(name: &str, all: impl Iterator<Item = &'a str>, chosen: &str) -> Markup {
    let all: Vec<_> = all.map(|one| (one, one)).collect();
    lists::choice_of(name, &all, chosen)
}

/// What is to be sent again: what a form or an address says.
fn asked(mut params: Params) -> Result<Resend, Problem> {
    let since = params.time("since")?;
    let mut required =
        |name: &'static str| params.take(name).ok_or_else(|| Problem::invalid(name, "is required"));
    let (endpoint, source) = (required("endpoint")?, required("source")?);
    let (r#type, id) = (params.take("type"), params.take("id"));
    sending::is_kind(r#type.as_deref())?;
    let reason = params.take("reason").unwrap_or_default();
    params.done(&["endpoint", "source", "type", "id", "since", "reason"])?;
    Ok(Resend { endpoint, source, r#type, id, since, dry_run: true, reason, actor: None })
}

/// How much would be sent again, and what does it.
pub async fn resend_page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    shown(&frame, &creditrail, (given, None)).await
}

/// The same, with what went wrong. What is wrong with what was entered leads back to it.
async fn shown(
    frame: &Frame,
    creditrail: &Creditrail,
    (mut given, failed): (HashMap<String, String>, Option<Problem>),
) -> Shown {
    let counted = match count(creditrail, &given).await {
        Ok(counted) => Ok(Some(counted)),
        Err(_) if given.is_empty() => Ok(None),
        Err(problem) if problem.status().is_client_error() => Err(problem),
        Err(problem) => return Err(problem),
    };
    // No field has a kind: a wrong one would stay.
    if sending::is_kind(given.get("type").map(String::as_str)).is_err() {
        given.retain(|name, _| name != "type" && name != "id");
    }
    let (counted, wrong) = match counted {
        Ok(counted) => (counted, None),
        Err(problem) => (None, Some(problem)),
    };
    let failed = failed.or(wrong);
    let endpoints = creditrail.endpoint_names();
    let answer = frame.show("Send again", &html! {
        p.crumbs { a href=(frame.to("notifications")) { "Notifications" } }
        h1 { "Send again" }
        p.muted { "What is sent again has the same ids, comes in order, and holds up nothing new. Nothing is done yet." }
        @if let Some(failed) = &failed { p.notice role="alert" { (failed.detail()) } }
        (resend_form(frame, creditrail, (&endpoints, &given)))
        @if let Some((asked, selected)) = &counted {
            p.lead role="status" { (said(frame, asked, *selected)) }
            @if *selected > 0 && frame.may(Right::Decide) { (send_form(frame, &given, *selected)) }
        }
    });
    let status = failed.map_or(StatusCode::OK, |failed| failed.status());
    Ok((status, answer).into_response())
}

/// What is meant, and how much that is.
async fn count(
    creditrail: &Creditrail,
    given: &HashMap<String, String>,
) -> Result<(Resend, i64), Problem> {
    let asked = asked(Params::new(given.clone()))?;
    let counted = creditrail.resend(asked.clone()).await?;
    Ok((asked, counted["selected"].as_i64().unwrap_or_default()))
}

/// What sends as much again as was counted.
fn send_form(frame: &Frame, given: &HashMap<String, String>, selected: i64) -> Markup {
    html! {
        form.stacked action=(frame.to("notifications/resend")) method="post" {
            @for (name, value) in given.iter().filter(|(name, value)| *name != "reason" && !value.is_empty()) {
                input type="hidden" name=(name) value=(value);
            }
            label { span { "Why? It is recorded with your name." } input name="reason" required value=[given.get("reason")]; }
            button { "Send " (selected) " again" }
        }
    }
}

fn said(frame: &Frame, asked: &Resend, selected: i64) -> Markup {
    let of_what = match (&asked.r#type, &asked.id) {
        (Some(kind), Some(id)) => {
            html! { "of " (kind_word(kind)) " " (parts::thing(frame, kind, &asked.source, id)) " " }
        }
        _ => html! { "of " b { (asked.source) } " " },
    };
    html! {
        @match asked.since {
            Some(since) => { b { (counted(selected, "notification", "notifications")) } " " (of_what) "to " b { (asked.endpoint) } " since " (moment(since)) "." },
            None => { b { (counted(selected, "lane", "lanes")) } " " (of_what) (if selected == 1 { "waits" } else { "wait" }) " for " b { (asked.endpoint) } "." },
        }
    }
}

/// Has notifications sent again.
pub async fn resend(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Form(given): Form,
) -> Shown {
    match sent_again(&creditrail, (&caller, &given)).await {
        Ok(back) => Ok(Redirect::to(&frame.to(&back)).into_response()),
        Err(problem) if problem.status().is_client_error() => {
            shown(&frame, &creditrail, (given, Some(problem))).await
        }
        Err(problem) => Err(problem),
    }
}

/// The list that tells what came of it.
async fn sent_again(
    creditrail: &Creditrail,
    (caller, given): (&Caller, &HashMap<String, String>),
) -> Result<String, Problem> {
    let asked = asked(Params::new(given.clone()))?;
    let back = list_of(&asked.endpoint, &asked.source);
    creditrail.resend(Resend { dry_run: false, actor: caller.signs(None), ..asked }).await?;
    Ok(back)
}

/// Has a notification skipped.
pub async fn skip(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Form(given): Form,
) -> Shown {
    let mut params = Params::new(given);
    let position = params.number("position", (1, i64::MAX))?;
    let position = position.ok_or_else(|| Problem::invalid("position", "is required"))?;
    let Resend { endpoint, source, reason, .. } = asked(params)?;
    let back = list_of(&endpoint, &source);
    let skip = Skip { endpoint, source, position, reason, actor: caller.signs(None) };
    creditrail.skip(skip).await?;
    Ok(Redirect::to(&frame.to(&back)).into_response())
}

/// The list of an endpoint and a source. Its sender does in a moment what was asked for.
fn list_of(endpoint: &str, source: &str) -> String {
    let (endpoint, source) = (encoded(endpoint), encoded(source));
    format!("notifications?endpoint={endpoint}&source={source}&{BEHIND}=1")
}
