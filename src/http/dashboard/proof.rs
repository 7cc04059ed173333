//! How far each log is proven: hashed, signed, and taken outside the database.

use axum::extract::State;
use maud::{Markup, html};

use super::{
    Shown,
    frame::Frame,
    parts::{Tone, badge, moment},
};
use crate::app::{
    Creditrail,
    proof::status::{ProofStatus, SinkStatus},
    read::ReadError,
};

/// The page of all logs.
pub async fn page(State(creditrail): State<Creditrail>, frame: Frame) -> Shown {
    let all = creditrail.proof_status().await.map_err(ReadError::from)?;
    let key = all.iter().find_map(|status| status.key.as_deref());
    Ok(frame.show(
        "Proof",
        &html! {
            h1 { "Proof" }
            p.muted { "Every event is hashed into the tree of its log, the tree is signed, and what is signed is kept where whoever writes the database cannot write." }
            @if let Some(key) = key {
                p { "The key that verifies: " code.break { (key) } ". Auditors are handed it by another way than this page." }
            }
            @for status in &all { (log(status)) }
            h2 { "To check it" }
            p.break { code { "creditrail audit verify" } " goes through everything; " code { "creditrail audit prove transaction SOURCE/ID --reason WHY --out FOLDER" } " writes the evidence of one thing for " code { "creditrail-verify" } "." }
        },
    ))
}

fn log(status: &ProofStatus) -> Markup {
    let ProofStatus { log, in_settings, events, hashed, checkpoint, sinks, reasons, .. } = status;
    let (tone, state) =
        if status.is_green() { (Tone::Good, "proven") } else { (Tone::Bad, "not proven") };
    html! {
        section {
            h2 { code.id { (log) } " " (badge(tone, state)) }
            @for reason in reasons { p.notice { (reason) } }
            @if !in_settings { p.notice { "It is not in the settings: nobody takes anything in for it, or signs it." } }
            p {
                (events) " events, " (hashed) " hashed"
                @if let Some(signed) = checkpoint { ", " (signed.size) " signed " (moment(signed.signed_at)) }
                "."
            }
            @if !sinks.is_empty() { (taken(sinks)) }
            @if let Some(signed) = checkpoint {
                details { summary { "The newest checkpoint" } pre.break { (signed.note) } }
            }
        }
    }
}

fn taken(sinks: &[SinkStatus]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Places outside the database" { table.rows {
            thead { tr { th scope="col" { "Outside" } th.number scope="col" { "Events" } th scope="col" { "Since" } th scope="col" { "Why not" } } }
            tbody { @for sink in sinks {
                tr data-key=(sink.name) {
                    td data-head="Outside" { (sink.name) }
                    td.number data-head="Events" { @if let Some(size) = sink.size { (size) } @else { "none" } }
                    td data-head="Since" { @if let Some(at) = sink.taken_at { (moment(at)) } }
                    td data-head="Why not" { (sink.error.as_deref().unwrap_or_default()) }
                }
            } }
        } }
    }
}
