//! Single things under `/v1`: as they are, as they were, when they changed, and in what.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    access::Right,
    params::{Params, Path, Query, answer},
    problem::Problem,
    routes::Routes,
};
use crate::{
    app::{Creditrail, moments::Seen, read::Items, things::Thing},
    store::Cursor,
};

type Given = Query;
type Answer = Result<Json<Value>, Problem>;
/// A thing as it is addressed: source and id.
type Address = Path<(String, String)>;

/// The paths of single things.
pub(super) fn things(routes: Routes) -> Routes {
    Thing::ALL.into_iter().fold(routes, |routes, thing| {
        let path = format!("/v1/{}/{{source}}/{{id}}", thing.name());
        let one = async move |State(creditrail): State<Creditrail>, at: Address, given: Given| {
            one(&creditrail, thing, at, given).await
        };
        let moments =
            async move |State(creditrail): State<Creditrail>, at: Address, given: Given| {
                moments(&creditrail, thing, at, given).await
            };
        let changes =
            async move |State(creditrail): State<Creditrail>, at: Address, given: Given| {
                changes(&creditrail, thing, at, given).await
            };
        routes
            .get(Right::Read, &path, one)
            .get(Right::Read, &format!("{path}/moments"), moments)
            .get(Right::Read, &format!("{path}/changes"), changes)
    })
}

async fn one(
    creditrail: &Creditrail,
    thing: Thing,
    Path((source, id)): Address,
    Query(given): Given,
) -> Answer {
    let mut params = Params::new(given);
    params.wait(creditrail, Some(&source)).await?;
    let when = params.when()?;
    params.done(&["at_least", "as_of", "happened_by"])?;
    if when.is_now() {
        let found = creditrail.document_of(thing, &source, &id).await?;
        return found.map(Json).ok_or_else(|| Problem::not_found(thing.noun(), &id));
    }
    let seen = creditrail.seen(&source, when).await?;
    let Some(mut document) = creditrail.at(thing, (&source, &id), seen).await? else {
        return Err(not_known_then(creditrail, thing, (&source, &id), seen).await?);
    };
    seen.sign(&mut document);
    Ok(Json(document))
}

async fn moments(
    creditrail: &Creditrail,
    thing: Thing,
    Path((source, id)): Address,
    Query(given): Given,
) -> Answer {
    let mut params = Params::new(given);
    params.wait(creditrail, Some(&source)).await?;
    let page = params.page(vec![source.clone()])?;
    params.done(&["at_least", "limit", "cursor"])?;
    let found = creditrail.moments(thing, &source, &id).await?;
    let found = found.ok_or_else(|| Problem::not_found(thing.noun(), &id))?;
    let after = page.after.map_or(0, |cursor| cursor.place);
    let mut left = found.iter().filter(|moment| moment.position > after);
    let shown: Vec<_> = left.by_ref().take(page.limit).collect();
    let next = shown.last().filter(|_| left.next().is_some()).map(|last| Cursor {
        source: source.clone(),
        place: last.position,
        key: String::new(),
    });
    let items = shown.into_iter().map(|moment| json!(moment)).collect();
    Ok(Json(answer(Items { items, next })))
}

async fn changes(
    creditrail: &Creditrail,
    thing: Thing,
    Path((source, id)): Address,
    Query(given): Given,
) -> Answer {
    let mut params = Params::new(given);
    params.wait(creditrail, Some(&source)).await?;
    let from = params.moment("from")?;
    let from = from.ok_or_else(|| Problem::invalid("from", "is required"))?;
    let to = params.moment("to")?;
    let happened_by = params.time("happened_by")?;
    params.done(&["at_least", "from", "to", "happened_by"])?;
    let found = creditrail.changes((thing, &source, &id), (from, to), happened_by).await?;
    found.map(|found| Json(json!(found))).ok_or_else(|| Problem::not_found(thing.noun(), &id))
}

/// Tells a thing that was not known yet from one that is not known at all.
pub(super) async fn not_known_then(
    creditrail: &Creditrail,
    thing: Thing,
    (source, id): (&str, &str),
    seen: Seen,
) -> Result<Problem, Problem> {
    let Some(detail) = creditrail.why_not_known((thing, source, id), seen).await? else {
        return Ok(Problem::not_found(thing.noun(), id));
    };
    Ok(Problem::new(StatusCode::NOT_FOUND, "not_known_then", detail))
}
