//! `/v1/statistics`: numbers over time.

use axum::{Json, extract::State};
use creditrail_projections::statistics::What;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{
    params::{Params, Query},
    problem::Problem,
};
use crate::app::{Creditrail, statistics::Span};

/// How many days may be asked for at once.
const MOST_DAYS: i32 = 366;
const KNOWN: [&str; 5] = ["source", "what", "from", "to", "at_least"];

/// The numbers of some days.
pub(super) async fn statistics(
    State(creditrail): State<Creditrail>,
    Query(given): Query,
) -> Result<Json<Value>, Problem> {
    let mut params = Params::new(given);
    let source = params.take("source");
    params.wait(&creditrail, source.as_deref()).await?;
    let what = params.take("what").map(|name| what(&name)).transpose()?;
    let span = span(&mut params, creditrail.last_days())?;
    params.done(&KNOWN)?;
    let items = creditrail.statistics(source.as_deref(), what, span).await?;
    Ok(Json(json!({ "from": span.from, "to": span.to, "items": items })))
}

fn what(name: &str) -> Result<What, Problem> {
    What::ALL.into_iter().find(|what| what.name() == name).ok_or_else(|| {
        let known = What::ALL.map(What::name).join(", ");
        Problem::invalid("what", format!("`{name}` is not one of: {known}"))
    })
}

/// Takes `from` and `to`; what is not said is as in `usual`.
pub(super) fn span(params: &mut Params, usual: Span) -> Result<Span, Problem> {
    let mut day = |name: &'static str, usual: Date| match params.take(name) {
        None => Ok(usual),
        Some(given) => given
            .parse::<Date>()
            .map_err(|_| Problem::invalid(name, "must be a day, such as 2026-03-31".to_owned())),
    };
    let to = day("to", usual.to)?;
    let days = usual.to - usual.from;
    let span = Span { from: day("from", to.saturating_sub(days))?, to };
    if span.from > to || (to - span.from).get_days() >= MOST_DAYS {
        let cause = format!("must be up to {} days before `to`", MOST_DAYS - 1);
        return Err(Problem::invalid("from", cause));
    }
    Ok(span)
}
