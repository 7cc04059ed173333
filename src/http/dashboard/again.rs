//! What can be done again: deliveries that could not be read, and calls that were turned away. Both are
//! looked at first, and done with a reason.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use creditrail_domain::exception::UnreadableKind;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Shown,
    frame::Frame,
    parts::{self, encoded, kind_word, moment, nothing, outcome, words},
};
use crate::{
    app::{
        Creditrail,
        redrive::{Item, RedriveDeliveries, Report},
        verify::{VerifiedCall, VerifiedCalls, VerifyCalls},
    },
    http::{
        access::{Caller, Right},
        body::Fields,
        params::{Params, Query},
        problem::Problem,
    },
};

/// Which are meant: what a form or an address says.
struct Chosen {
    source: String,
    since: Option<Timestamp>,
    outcome: Option<UnreadableKind>,
    /// Behind which of them the page begins.
    after: Option<i64>,
}

impl Chosen {
    fn of(mut params: Params) -> Result<Self, Problem> {
        let source =
            params.take("source").ok_or_else(|| Problem::invalid("source", "is required"))?;
        let since = params.take("since").map(|given| {
            given.parse().map_err(|_| {
                Problem::invalid("since", "must be a time, such as 2026-03-02T10:00:00Z")
            })
        });
        let outcome = params.take("outcome").map(|given| match given.as_str() {
            "malformed" => Ok(UnreadableKind::Malformed),
            "unrecognised" => Ok(UnreadableKind::Unrecognised),
            _ => Err(Problem::invalid("outcome", "must be malformed or unrecognised")),
        });
        let (since, outcome) = (since.transpose()?, outcome.transpose()?);
        let after = params.number("after", (0, i64::MAX))?;
        params.done(&["source", "since", "outcome", "after"])?;
        Ok(Self { source, since, outcome, after })
    }

    /// The address of the page of those that stand behind one.
    fn behind(&self, after: i64) -> String {
        let since = self.since.map(|since| format!("&since={}", encoded(&since.to_string())));
        let outcome = self.outcome.map(|kind| format!("&outcome={}", kind.name()));
        let (since, outcome) = (since.unwrap_or_default(), outcome.unwrap_or_default());
        format!("redrive?source={}{since}{outcome}&after={after}", encoded(&self.source))
    }

    /// Those that are meant, in words.
    fn said(&self) -> Markup {
        html! {
            @match self.outcome { Some(kind) => (kind.name()), None => "unreadable" }
            @if let Some(since) = self.since { " since " (moment(since)) }
        }
    }

    fn form(&self, frame: &Frame, path: &str, has_outcome: bool) -> Markup {
        html! {
            form.filters action=(frame.to(path)) method="get" {
                input type="hidden" name="source" value=(self.source);
                label { span { "received since" } input name="since" placeholder="2026-03-02T10:00:00Z" value=(self.since.map_or_else(String::new, |since| since.to_string())); }
                @if has_outcome {
                    label { span { "that are" } select name="outcome" {
                        option value="" { "malformed or unrecognised" }
                        @for kind in [UnreadableKind::Malformed, UnreadableKind::Unrecognised] {
                            option value=(kind.name()) selected[self.outcome == Some(kind)] { (kind.name()) }
                        }
                    } }
                }
                button { "Look" }
            }
        }
    }
}

/// What would become of deliveries if they were redriven.
pub async fn redrive_page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let chosen = Chosen::of(Params::new(given))?;
    let source = &chosen.source;
    let report = creditrail.redrive_shown(redriving(&chosen)).await?;
    let readable = report.items.iter().filter(|item| can_be_redriven(item)).count();
    Ok(frame.show("Redrive", &html! {
        (head(&frame, source, "Redrive deliveries"))
        p.muted { "After an upgrade, what could not be read may be read now. Here is what would become of each; nothing is done yet." }
        (chosen.form(&frame, "redrive", true))
        p {
            b { (report.selected) } @if chosen.after.is_some() { " more" } " cannot be read so far"
            @if report.selected > 0 { "; of the " (report.items.len()) " shown " b { (readable) } " could be read now" } "."
        }
        form.stacked.wide action=(frame.to("redrive")) method="post" {
            input type="hidden" name="source" value=(source);
            (redriven(&frame, source, &report.items, true))
            @if readable > 0 && frame.may(Right::Decide) { (reason("Redrive the selected")) }
        }
        nav.turn aria-label="Pages" {
            @if chosen.after.is_some() { a href=(frame.to(&chosen.behind(0))) { "First page" } }
            @if let Some(next) = report.next { a rel="next" href=(frame.to(&chosen.behind(next))) { "Next page" } }
        }
        @if (readable > 0 || report.next.is_some()) && frame.may(Right::Decide) { (all_of_them(&frame, &chosen, report.selected)) }
    }))
}

fn redriving(chosen: &Chosen) -> RedriveDeliveries {
    RedriveDeliveries {
        source: chosen.source.clone(),
        delivery_ids: None,
        since: chosen.since,
        outcome: chosen.outcome,
        after: chosen.after,
        dry_run: true,
        reason: String::new(),
        actor: None,
    }
}

/// What redrives all that are meant, those on other pages as well. What cannot be read yet stays.
fn all_of_them(frame: &Frame, chosen: &Chosen, count: i64) -> Markup {
    html! {
        h2 { "All of them" }
        p { "Of " b { (count) } " " (chosen.said()) @if chosen.after.is_some() { " from here on" } " those that can be read now are redriven; the others stay as they are." }
        form.stacked action=(frame.to("redrive")) method="post" {
            input type="hidden" name="all" value="yes";
            input type="hidden" name="source" value=(chosen.source);
            @if let Some(since) = chosen.since { input type="hidden" name="since" value=(since); }
            @if let Some(kind) = chosen.outcome { input type="hidden" name="outcome" value=(kind.name()); }
            @if let Some(after) = chosen.after { input type="hidden" name="after" value=(after); }
            (reason(&format!("Redrive all {count}")))
        }
    }
}

const fn can_be_redriven(item: &Item) -> bool {
    item.step_id.is_some() && item.position.is_none()
}

fn redriven(frame: &Frame, source: &str, items: &[Item], chooses: bool) -> Markup {
    if items.is_empty() {
        return html! { p.empty { "There is none. What cannot be read appears among the exceptions." } };
    }
    html! {
        div.table tabindex="0" role="region" aria-label="Deliveries" { table.rows {
            thead { tr { @if chooses { th scope="col" { "Take" } } th scope="col" { "Delivery" } th scope="col" { "Received" } th scope="col" { "Was" } th scope="col" { @if chooses { "Would be" } @else { "Is" } } th scope="col" { "About, or what is wrong" } } }
            tbody { @for item in items { tr data-key=(item.delivery_id) {
                @if chooses { td data-head="Take" {
                    @if can_be_redriven(item) { input type="checkbox" name="id" value=(item.delivery_id) checked aria-label="Take it"; } @else { (nothing()) }
                } }
                td data-head="Delivery" { (parts::thing(frame, "delivery", source, &item.delivery_id)) }
                td data-head="Received" { @if let Some(at) = item.received_at { (moment(at)) } }
                td data-head="Was" { @if let Some(was) = item.was { (outcome(was)) } }
                td data-head="Outcome" { (outcome(item.outcome)) }
                td data-head="About" {
                    @if let Some(subject) = &item.subject { (kind_word(subject.kind)) " " (parts::thing(frame, subject.kind, source, &subject.id)) }
                    @if let Some(field) = &item.field { code { (field) } ": " }
                    @if let Some(cause) = &item.cause { (cause) }
                }
            } } }
        } }
    }
}

fn reason(said: &str) -> Markup {
    html! {
        label { span { "Why? It is recorded with your name." } input name="reason" required; }
        button { (said) }
    }
}

/// Redrives the deliveries that were selected.
pub async fn redrive(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Fields(given): Fields,
) -> Shown {
    let all = |name: &str| {
        given
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .collect::<Vec<_>>()
    };
    let one = |name: &str| all(name).into_iter().next().unwrap_or_default();
    let (source, ids) = (one("source"), all("id"));
    let is_all = one("all") == "yes";
    if ids.is_empty() && !is_all {
        return Err(Problem::invalid("id", "select at least one"));
    }
    let meant = ["source", "since", "outcome", "after"].into_iter().filter(|_| is_all);
    let meant = meant.map(|name| (name.to_owned(), one(name)));
    let chosen = if is_all {
        Chosen::of(Params::new(meant.collect()))?
    } else {
        Chosen { source: source.clone(), since: None, outcome: None, after: None }
    };
    let asked = RedriveDeliveries {
        delivery_ids: (!is_all).then_some(ids),
        dry_run: false,
        reason: one("reason"),
        actor: caller.signs(None),
        ..redriving(&chosen)
    };
    let report = creditrail.redrive(asked).await?;
    let frame = frame.after(&creditrail, &source).await;
    Ok(told(&frame, &source, &report))
}

fn told(frame: &Frame, source: &str, report: &Report) -> Response {
    frame.show("Redriven", &html! {
        (head(frame, source, "Redriven"))
        (counts(&report.results))
        (redriven(frame, source, &report.items, false))
        @if report.next.is_some() { p.notice { "That were as many as are taken at once. There are more." } }
        p { a href=(frame.to(&format!("redrive?source={}", encoded(source)))) { "What is left" } }
    })
}

fn head(frame: &Frame, source: &str, title: &str) -> Markup {
    html! {
        p.crumbs { a href=(frame.to("sources")) { "Sources" } " / " a href=(frame.to(&format!("sources/{}", encoded(source)))) { (source) } }
        h1 { (title) }
    }
}

fn counts(results: &BTreeMap<&'static str, i64>) -> Markup {
    let all: Vec<_> =
        results.iter().map(|(result, count)| format!("{count} {}", words(result))).collect();
    html! { p.lead role="status" { @if all.is_empty() { "None was looked at." } @else { (all.join(", ")) "." } } }
}

/// What calls that were turned away are found to be with the secrets as they are now.
pub async fn verify_page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let chosen = Chosen::of(Params::new(given))?;
    let found = creditrail.verify_again(verifying(&chosen.source, chosen.since)).await?;
    let authentic = found.results.get("authentic").copied().unwrap_or_default();
    Ok(frame.show("Verify again", &html! {
        (head(&frame, &chosen.source, "Verify calls again"))
        p.muted { "After a secret was mended, calls that were turned away may be authentic. They are judged as of the time when they came. Nothing is done yet." }
        (chosen.form(&frame, "verify", false))
        p { b { (found.selected) } " calls are kept; " b { (authentic) } " are authentic now." }
        (verified(&frame, &found))
        @if authentic > 0 && frame.may(Right::Decide) {
            form.stacked action=(frame.to("verify")) method="post" {
                input type="hidden" name="source" value=(chosen.source);
                input type="hidden" name="since" value=(chosen.since.map_or_else(String::new, |since| since.to_string()));
                (reason("Take the authentic ones in"))
            }
        }
    }))
}

fn verifying(source: &str, since: Option<Timestamp>) -> VerifyCalls {
    VerifyCalls {
        source: source.to_owned(),
        numbers: None,
        since,
        dry_run: true,
        reason: String::new(),
        actor: None,
    }
}

fn verified(frame: &Frame, found: &VerifiedCalls) -> Markup {
    let row = |call: &VerifiedCall| {
        html! { tr data-key=(call.number) {
            td.number data-head="Number" { (call.number) }
            td data-head="Received" { @if let Some(at) = call.received_at { (moment(at)) } }
            td data-head="Turned away" { (words(call.cause.as_deref().unwrap_or_default())) }
            td data-head="Found" { (words(call.result)) @if let Some(because) = call.because { ": " (words(because)) } }
            td data-head="Delivery" {
                @if let (Some(id), Some(became)) = (&call.delivery_id, call.outcome) { (parts::thing(frame, "delivery", &found.source, id)) " " (outcome(became)) }
                @else { (nothing()) }
            }
        } }
    };
    html! {
        @if found.items.is_empty() { p.empty { "No call is kept that could be verified again." } }
        @else {
            div.table tabindex="0" role="region" aria-label="Calls" { table.rows {
                thead { tr { th.number scope="col" { "Number" } th scope="col" { "Received" } th scope="col" { "Turned away" } th scope="col" { "Found" } th scope="col" { "Delivery" } } }
                tbody { @for call in &found.items { (row(call)) } }
            } }
        }
    }
}

/// Takes in the calls that are authentic now.
pub async fn verify(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    caller: Caller,
    Fields(given): Fields,
) -> Shown {
    let mut params = Params::new(given.into_iter().collect());
    let why = params.take("reason").unwrap_or_default();
    let Chosen { source, since, .. } = Chosen::of(params)?;
    let asked = VerifyCalls {
        dry_run: false,
        reason: why,
        actor: caller.signs(None),
        ..verifying(&source, since)
    };
    let found = creditrail.verify_again(asked).await?;
    let frame = frame.after(&creditrail, &source).await;
    Ok(frame.show(
        "Verified again",
        &html! {
            (head(&frame, &source, "Verified again"))
            (counts(&found.results))
            (verified(&frame, &found))
        },
    ))
}
