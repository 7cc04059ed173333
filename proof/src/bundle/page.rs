//! The page of a bundle: all that it has, for reading. No script, nothing from elsewhere.
//!
//! It is part of the form [`super::FORMAT`]: a fixture holds its bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Bundle, Opening, ProvenEvent, personal::Sentence};
use crate::{
    leaf::{DeliveryEntry, Entry, leaf},
    sealed::{Content, key_id},
    shown,
    time::utc,
};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1c1b1f;background:#fff}\
h2{margin-top:2.5rem}\
section{border:1px solid #767676;border-radius:.5rem;padding:0 1rem 1rem;margin:1rem 0}\
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.25rem 1rem;margin:0}\
dt{color:#595959}\
dd{margin:0;overflow-wrap:anywhere}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f3f3f3;padding:.75rem;margin:.25rem 0;\
border-radius:.25rem}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#121212}dt{color:#a8a8a8}\
pre{background:#1f1f1f}}";

/// What a reader must know before all else.
const WARNING: &str = "This page proves nothing by itself. Whoever has the public key from a source \
    that is trusted verifies it: creditrail-verify bundle FOLDER --key KEY. The verifier also makes \
    this page anew and compares it.";

/// The page `index.html` of a bundle.
pub fn page(bundle: &Bundle<'_>) -> String {
    let title = shown::text(&format!("{} {}", bundle.kind, bundle.id));
    let told = Sentence::of(bundle);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    p { (WARNING) }
                    (about(bundle))
                    (personal(&told))
                    h2 { "Events (" (bundle.events.len()) ")" }
                    @for event in &bundle.events { (proven(event)) }
                    h2 { "Deliveries (" (bundle.deliveries.len()) ")" }
                    @for entry in &bundle.deliveries { (delivery(bundle, entry, &told)) }
                }
            }
        }
    }
    .into_string()
        + "\n"
}

fn about(bundle: &Bundle<'_>) -> Markup {
    html! {
        dl {
            (field("Form", &bundle.format))
            (field("Kind", &bundle.kind))
            (field("Id", &bundle.id))
            (field("Source", &bundle.source))
            @for stream in &bundle.cut {
                (field("Events left out of", &format!("{} {}", stream.aggregate_type, stream.aggregate_id)))
            }
            @for position in &bundle.deliveries_not_enclosed {
                (field("Delivery not enclosed", &format!("of event {position}")))
            }
            @for note in &bundle.notes { (field("Note, not proven", note)) }
        }
        h2 { "Checkpoint" }
        (text(&bundle.checkpoint))
    }
}

/// Nothing, if no event tells of it.
fn personal(told: &[Sentence]) -> Markup {
    html! {
        @if !told.is_empty() {
            h2 { "Personal data" }
            ul {
                @for Sentence { position, text, .. } in told {
                    li { (shown::text(text)) " (" (by(*position)) ")" }
                }
            }
        }
    }
}

fn by(position: i64) -> Markup {
    html! { a href=(format!("#event-{position}")) { "event " (position) } }
}

fn proven(ProvenEvent { event, proof }: &ProvenEvent<'_>) -> Markup {
    let Entry { position, sequence, delivery, .. } = event;
    html! {
        section id=(format!("event-{position}")) {
            h3 { (position) ". " (shown::text(&event.event_type)) }
            dl {
                (field("Happened", &moment(event.occurred_at)))
                (field("Recorded", &moment(event.recorded_at)))
                (field("Source", &event.source))
                (field("Stream", &format!("{} {}", event.aggregate_type, event.aggregate_id)))
                (field("Number in its stream", &sequence.to_string()))
                (field("Version", &event.event_version))
                @if let Some(digest) = delivery { (field("Digest of its delivery", &digest.to_string())) }
                (field("Leaf", &leaf(event).to_string()))
                @for hash in proof { (field("Proof", &hash.to_string())) }
            }
            h4 { "Payload" }
            (text(&event.payload))
            h4 { "Metadata" }
            (text(&event.metadata))
        }
    }
}

fn delivery(bundle: &Bundle<'_>, entry: &DeliveryEntry<'_>, told: &[Sentence]) -> Markup {
    let is_its = |opening: &&Opening| opening.delivery_id == entry.delivery_id;
    // A key that does not open it makes no valid bundle.
    let opened = bundle.openings.iter().find(is_its).and_then(|key| key.content(entry).ok());
    let key = key_id(&entry.headers);
    let erased = key.and_then(|key| told.iter().find(|it| it.destroyed(key)));
    html! {
        section id=(format!("delivery-{}", entry.number)) {
            h3 { "Delivery " (entry.number) }
            dl {
                (field("Id", &entry.delivery_id))
                (field("Received", &moment(entry.received_at)))
                (field("Recorded by event", &entry.first_position.to_string()))
                (field("Source", &entry.source))
                (field("Stream", &format!("{} {}", entry.aggregate_type, entry.stream)))
                (field("Known again by", &entry.dedup_key))
                (field("Verified by the secret", &entry.secret_id))
                (field("Outcome on arrival", &entry.outcome))
                (field("Digest", &entry.digest().to_string()))
            }
            @match opened {
                Some(Content { headers, body }) => {
                    p { "Sealed under " (key.unwrap_or_default()) "; opened with its key." }
                    (content(&headers, &body))
                }
                None if key.is_some() => {
                    h4 { "Sealed" }
                    @match erased {
                        Some(erased) => { p { "Erased: its key was destroyed (" (by(erased.position)) ")." } }
                        None => { p { "No key is enclosed: it was erased, or is not handed over." } }
                    }
                    (content(&entry.headers, &entry.body))
                }
                None => { (content(&entry.headers, &entry.body)) }
            }
        }
    }
}

fn content(headers: &str, body: &[u8]) -> Markup {
    html! {
        h4 { "Headers" }
        (text(headers))
        @match std::str::from_utf8(body) {
            Ok(body) => { h4 { "Body" } (text(body)) }
            Err(_) => { h4 { "Body, in base64" } (text(&STANDARD.encode(body))) }
        }
    }
}

fn field(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { (shown::text(value)) } }
}

fn text(text: &str) -> Markup {
    html! { pre dir="ltr" { (shown::text(text)) } }
}

/// For reading, and the number that is proven.
fn moment(micros: i64) -> String {
    format!("{} ({micros})", utc(micros))
}
