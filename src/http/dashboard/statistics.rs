//! Numbers over time: how far applications get, why they are declined, what becomes of deliveries, and how
//! late they come.

use axum::extract::State;
use maud::{Markup, PreEscaped, html};

use super::{
    Shown,
    chart::{self, Chart},
    frame::Frame,
};
use crate::{
    app::Creditrail,
    http::{
        params::{Params, Query},
        statistics::span,
    },
};

/// The page of the charts.
pub async fn page(
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let mut params = Params::new(given);
    let source = params.take("source");
    let span = span(&mut params, creditrail.last_days())?;
    params.done(&["source", "from", "to"])?;
    let numbers = creditrail.statistics(source.as_deref(), None, span).await?;
    let charts = [
        chart::funnel(&numbers, "funnel"),
        chart::declines(&numbers, "declines"),
        chart::deliveries(&numbers, span, "deliveries"),
        chart::lag(&numbers, "lag"),
    ];
    Ok(frame.show("Charts", &html! {
        h1 { "Charts" }
        form.filters action=(frame.to("statistics")) method="get" {
            label { span { "source" } select name="source" {
                option value="" { "all" }
                @for known in creditrail.sources() { option value=(known) selected[source.as_deref() == Some(known)] { (known) } }
            } }
            label { span { "from" } input type="date" name="from" value=(span.from); }
            label { span { "to" } input type="date" name="to" value=(span.to); }
            button { "Show" }
        }
        div.charts { @for drawn in &charts { (shown(drawn)) } }
    }))
}

/// A chart with its numbers beside it. What the chart's own functions make is HTML already.
fn shown(Chart { title, svg, table }: &Chart) -> Markup {
    html! {
        section {
            h2 { (title) }
            div.drawing tabindex="0" role="region" aria-label=(title) { (PreEscaped(svg)) }
            @if !table.is_empty() { details { summary { "The numbers" } div.table tabindex="0" role="region" aria-label="The numbers" { (PreEscaped(table)) } } }
        }
    }
}
