//! Small work: an action that is done, a secret that is shown for a reason.

use axum::{extract::State, http::header::CACHE_CONTROL, response::IntoResponse};
use creditrail_projections::compliance::{DONE, Kind};
use maud::{Markup, html};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    parts::{self, Tone, encoded, nothing, text},
};
use crate::{
    app::{
        Creditrail,
        command::work::{DoneAction, RevealSecret},
        compliance::SentNotice,
    },
    http::{
        access::{Caller, Right},
        body::Form,
        params::Path,
    },
};

/// What closes an open action, for those who may.
pub fn done_form(frame: &Frame, action: &Value) -> Markup {
    let id = text(action, "id");
    html! {
        @if text(action, "status") == "open" && frame.may(Right::Work) {
            details.work {
                summary { "Done" }
                form.stacked action=(frame.to(&format!("actions/{}/done", encoded(id)))) method="post" {
                    input type="hidden" name="source" value=(text(action, "source"));
                    label { span { "Note, if there is more to say" } input name="note"; }
                    button { "It is done" }
                }
            }
        } @else if text(action, "status") == "open" { span.muted { "not yet" } }
        @else { (parts::time(&action["closed_at"])) }
    }
}

/// Records that an action is done.
pub async fn finish(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(id): Path<String>,
    Form(given): Form,
) -> Shown {
    let note = given.get("note").filter(|note| !note.trim().is_empty()).cloned();
    creditrail.finish_action(&id, DoneAction { actor: caller.signs(None), note }).await?;
    // The list is to show it.
    let source = given.get("source").map_or("", String::as_str);
    Ok(frame.done(&creditrail, (source, "actions?status=open")).await)
}

/// How soon a notice is due, if that needs a person.
pub fn warning(clock: &Value) -> Markup {
    match clock["due_within_days"].as_i64() {
        None => nothing(),
        Some(0) => parts::badge(Tone::Bad, "overdue"),
        Some(1) => parts::badge(Tone::Bad, "within a day"),
        Some(days) => parts::badge(Tone::Odd, &format!("within {days} days")),
    }
}

/// What records that a notice was sent, for those who may.
pub fn sent_form(frame: &Frame, clock: &Value) -> Markup {
    let is_notice = text(clock, "kind") == Kind::AdverseActionNotice.name();
    let is_done = text(clock, "status") == DONE;
    html! {
        @if is_done { (text(clock, "actor")) ": " (text(clock, "reason")) }
        @else if is_notice && frame.may(Right::Work) {
            details.work {
                summary { "Sent" }
                form.stacked action=(frame.to(&format!("compliance/{}/done", encoded(text(clock, "id"))))) method="post" {
                    input type="hidden" name="source" value=(text(clock, "source"));
                    label { span { "How do you know? It is recorded with your name." } input name="reason" required; }
                    button { "It was sent" }
                }
            }
        } @else { (nothing()) }
    }
}

/// Records that a notice was sent.
pub async fn sent(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(id): Path<String>,
    Form(given): Form,
) -> Shown {
    let reason = given.get("reason").cloned().unwrap_or_default();
    creditrail.notice_sent(&id, SentNotice { actor: caller.signs(None), reason }).await?;
    let source = given.get("source").map_or("", String::as_str);
    let list = format!("compliance?kind={}", Kind::AdverseActionNotice.name());
    Ok(frame.done(&creditrail, (source, &list)).await)
}

/// What shows a sealed secret, for those who may.
pub fn reveal_form(frame: &Frame, reference: &Value) -> Markup {
    let Some(reference) = reference.as_str() else { return nothing() };
    html! {
        span.sealed { "sealed" }
        @if frame.may(Right::Reveal) {
            details.work {
                summary { "Show" }
                form.stacked action=(frame.to(&format!("secrets/{}/reveal", encoded(reference)))) method="post" {
                    label { span { "Why do you need it? It is recorded with your name." } input name="reason" required; }
                    button { "Show it" }
                }
            }
        }
    }
}

/// The one page that has a secret in it.
pub async fn reveal(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Path(reference): Path<String>,
    Form(given): Form,
) -> Shown {
    let reason = given.get("reason").cloned().unwrap_or_default();
    let asked = RevealSecret { reason, actor: caller.signs(None) };
    let revealed = creditrail.reveal(&reference, asked).await?;
    let page = frame.show(
        "A secret",
        &html! {
            h1 { "A secret" }
            p { "The field " code { (revealed.field) } ". That you were shown it is recorded." }
            p.secret { (parts::id(revealed.value.expose_secret())) }
            p.muted { "This page is not kept: it is gone when you leave it." }
        },
    );
    Ok(([(CACHE_CONTROL, "no-store")], page).into_response())
}
