//! How the sources are: what came, what became of it, how far the read models are.

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    parts::{Tone, badge, encoded, text, time, words},
};
use crate::{
    app::Creditrail,
    http::{access::Right, params::Path, problem::Problem},
};

/// How many of the calls that were turned away are counted.
const KEPT: usize = 100;
/// After how long without a delivery a source is called silent.
const SILENT: SignedDuration = SignedDuration::from_hours(48);

/// How each source is.
pub async fn statuses(creditrail: &Creditrail) -> Result<Vec<Value>, Problem> {
    let mut statuses = Vec::new();
    for source in creditrail.sources() {
        statuses.push(creditrail.source_status(source).await?);
    }
    Ok(statuses)
}

/// The page of all sources.
pub async fn list(State(creditrail): State<Creditrail>, frame: Frame) -> Shown {
    let statuses = statuses(&creditrail).await?;
    Ok(frame.show(
        "Sources",
        &html! {
            h1 { "Sources" }
            p.muted { "Each is a ledger of its own: what came adds up to what became of it." }
            (table(&frame, &statuses))
        },
    ))
}

/// The page of one source.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Path(source): Path<String>,
) -> Shown {
    let status = creditrail.source_status(&source).await?;
    let rejected = status["rejected_calls"].as_object().filter(|causes| !causes.is_empty());
    let most = i64::try_from(KEPT).unwrap_or(i64::MAX);
    let kept = creditrail.rejected_calls(&source, most).await?.len();
    Ok(frame.show(&format!("source {source}"), &html! {
        p.crumbs { a href=(frame.to("sources")) { "sources" } }
        h1 { "source " code.id { (source) } " " (health(&status, frame.now)) }
        h2 { "The audit equation" }
        p.equation {
            b { (status["received"]) " received" } " = "
            (sum(&frame, &status))
            " " @if status["balanced"] == true { (badge(Tone::Good, "balanced")) } @else { (badge(Tone::Bad, "does not add up")) }
        }
        h2 { "Read models" }
        p { "At position " (status["read_models"]["position"]) " of " (status["position"]) "; " (status["read_models"]["behind"]) " events behind." }
        @for (reader, at) in status["read_models"]["stopped"].as_object().into_iter().flatten() {
            p.notice { "The reader " code { (reader) } " stopped: " (at.as_str().unwrap_or_default()) }
        }
        h2 { "Calls that were turned away" }
        @if let Some(causes) = rejected {
            ul { @for (cause, count) in causes { li { (count) " " (words(cause)) } } }
        } @else { p.muted { "None since this service started." } }
        p {
            a href=(frame.to(&format!("rejected-calls?source={}", encoded(&source)))) { "Those that are kept" } ": " (kept) @if kept == KEPT { " or more" }
            @if frame.may(Right::Decide) {
                " · " a href=(frame.to(&format!("verify?source={}", encoded(&source)))) { "Verify them again" }
            }
        }
        @if frame.may(Right::Decide) {
            h2 { "Deliveries that could not be read" }
            p { a href=(frame.to(&format!("redrive?source={}", encoded(&source)))) { "Redrive them after an upgrade" } }
        }
    }))
}

/// What became of all that was received.
fn sum(frame: &Frame, status: &Value) -> Markup {
    let outcomes = status["outcomes"].as_object().into_iter().flatten();
    html! {
        @for (place, (outcome, count)) in outcomes.enumerate() {
            @if place > 0 { " + " }
            (counted(frame, status, outcome, count.as_i64().unwrap_or_default()))
        }
    }
}

/// How many have an outcome, with the way to them. A repetition is counted on the delivery that it
/// repeats and is none of its own.
fn counted(frame: &Frame, status: &Value, outcome: &str, count: i64) -> Markup {
    let number = |field: &str| status[field].as_i64().unwrap_or_default();
    let again = if outcome == "duplicate" { number("received") - number("kept") } else { 0 };
    let way = format!("deliveries?source={}&outcome={outcome}", encoded(text(status, "source")));
    html! {
        @if again > 0 { (again) " that came again" @if count > again { " + " } }
        @if count > again || again == 0 {
            @let said = format!("{} {}", count - again, words(outcome));
            @if count > again { a href=(frame.to(&way)) { (said) } } @else { (said) }
        }
    }
}

/// The sources in a table.
pub fn table(frame: &Frame, statuses: &[Value]) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Sources" { table.rows {
            thead { tr {
                th scope="col" { "Source" } th scope="col" { "Health" } th scope="col" { "Heard last" }
                th.number scope="col" { "Received" } th.number scope="col" { "Turned away" } th.number scope="col" { "Parked" } th.number scope="col" { "Open exceptions" }
                th.number scope="col" { "Read models behind" }
            } }
            tbody { @for status in statuses {
                @let source = text(status, "source");
                tr data-key=(source) {
                    td data-head="Source" { a href=(frame.to(&format!("sources/{}", encoded(source)))) { (source) } }
                    td data-head="Health" { (health(status, frame.now)) }
                    td data-head="Heard last" { (time(&status["last_received_at"])) }
                    td.number data-head="Received" { (status["received"]) }
                    td.number data-head="Turned away" { (total(&status["rejected_calls"])) }
                    td.number data-head="Parked" { (status["outcomes"]["parked"]) }
                    td.number data-head="Open exceptions" { (total(&status["open_exceptions"])) }
                    td.number data-head="Read models behind" { (status["read_models"]["behind"]) }
                }
            } }
        } }
    }
}

/// The sum of counts by name.
fn total(counts: &Value) -> i64 {
    counts.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_i64()).sum()
}

fn health(status: &Value, now: Timestamp) -> Markup {
    let last = text(status, "last_received_at").parse::<Timestamp>();
    let silent = last.map_or(SignedDuration::ZERO, |last| now.duration_since(last));
    let stopped =
        status["read_models"]["stopped"].as_object().is_some_and(|stopped| !stopped.is_empty());
    if status["balanced"] != true {
        badge(Tone::Bad, "does not add up")
    } else if stopped {
        badge(Tone::Bad, "a reader stopped")
    } else if status["last_received_at"].is_null() {
        badge(Tone::Waits, "nothing heard yet")
    } else if silent > SILENT {
        badge(Tone::Odd, &format!("silent for {} days", silent.as_hours() / 24))
    } else {
        badge(Tone::Good, "adds up")
    }
}
