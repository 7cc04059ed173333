//! `/v1`: the read models, and the commands of the partner and of operators.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    access::{self, Access, Caller, Right},
    body::Body,
    exports,
    params::{Params, Path, Query, answer},
    privacy::privacy,
    problem::Problem,
    routes::Routes,
    sending::sending,
    statistics::statistics,
    things::{not_known_then, things},
};
use crate::app::{
    Creditrail,
    command::{
        Resolve,
        applications::{NewApplication, NewClientReport},
        charges::{LinkCharge, NewCharge, VoidCharge},
        work::{DoneAction, RevealSecret},
    },
    compliance::SentNotice,
    lists::List,
    read::{LoggedEvent, ReadError},
    redrive::{RedriveDeliveries, Report},
    things::Thing,
    verify::{VerifiedCalls, VerifyCalls},
    writer::Receipt,
};
use crate::store::{Order, Page};

type Given = Query;
type Answer<T = Json<Value>> = Result<T, Problem>;

/// The router of `/v1`, for callers whom `access` knows.
pub fn api(creditrail: &Creditrail, access: &Access) -> Router {
    let routes = routes()
        .into_router()
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(creditrail.clone());
    access::identified(routes, access)
}

/// All routes, each with the right that it needs.
pub(super) fn routes() -> Routes {
    let groups = [things, reads, reads_of_evidence, work, tells, decides, sending, privacy, audits];
    groups.into_iter().fold(Routes::default(), |routes, group| group(routes))
}

fn reads(routes: Routes) -> Routes {
    routes
        .get(Right::Read, "/v1/transactions", transactions)
        .get(Right::Read, "/v1/payment-methods", payment_methods)
        .get(Right::Read, "/v1/applications", applications)
        .get(Right::Read, "/v1/charges", charges)
        .get(Right::Read, "/v1/actions", actions)
        .get(Right::Read, "/v1/compliance", compliance)
        .get(Right::Read, "/v1/stale", stale)
        .get(Right::Read, "/v1/discrepancies", discrepancies)
        .get(Right::Read, "/v1/exceptions", exceptions)
        .get(Right::Read, "/v1/exceptions/{id}", exception)
        .post(Right::Read, "/v1/exceptions/{id}/preview", preview)
        .get(Right::Read, "/v1/customers/{source}/{id}/timeline", timeline)
}

fn reads_of_evidence(routes: Routes) -> Routes {
    routes
        .get(Right::Read, "/v1/deliveries", deliveries)
        .get(Right::Read, "/v1/deliveries/{source}/{id}", delivery)
        .get(Right::Read, "/v1/rejected-calls", rejected_calls)
        .get(Right::Read, "/v1/search", search)
        .get(Right::Read, "/v1/statistics", statistics)
        .get(Right::Read, "/v1/events", events)
        .get(Right::Read, "/v1/sources", sources)
        .get(Right::Read, "/v1/sources/{source}", source)
}

fn work(routes: Routes) -> Routes {
    routes
        .post(Right::Work, "/v1/actions/{id}/done", finish_action)
        .post(Right::Work, "/v1/compliance/{id}/done", notice_sent)
        .post(Right::Reveal, "/v1/secrets/{reference}/reveal", reveal)
}

/// What the partner tells.
fn tells(routes: Routes) -> Routes {
    routes
        .post(Right::Tell, "/v1/applications/{source}", register_application)
        .post(Right::Tell, "/v1/applications/{source}/{id}/client-report", client_report)
        .post(Right::Tell, "/v1/charges/{source}", create_charge)
        .post(Right::Tell, "/v1/charges/{source}/{id}/void", void_charge)
}

/// What a person decides.
fn decides(routes: Routes) -> Routes {
    routes
        .post(Right::Decide, "/v1/charges/{source}/{id}/link", link_charge)
        .post(Right::Decide, "/v1/exceptions/{id}/resolve", resolve)
        .post(Right::Decide, "/v1/deliveries/redrive", redrive)
        .post(Right::Decide, "/v1/rejected-calls/verify", verify_calls)
}

/// Who did what, and what is taken away.
fn audits(routes: Routes) -> Routes {
    routes
        .get(Right::Audit, "/v1/access-records", access_records)
        .get(Right::Audit, "/v1/proof", proof)
        .post(Right::Audit, "/v1/exports", exports::by_api)
        .post(Right::Audit, "/v1/exports/log", exports::of_log)
}

/// What one thing's handler reads: waits for `at_least` and takes no other parameter.
async fn one(creditrail: &Creditrail, source: &str, given: Given) -> Result<(), Problem> {
    let mut params = Params::new(given.0);
    params.wait(creditrail, Some(source)).await?;
    params.done(&["at_least"])
}

fn found(what: &str, id: &str, document: Option<Value>) -> Answer {
    document.map(Json).ok_or_else(|| Problem::not_found(what, id))
}

async fn delivery(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("delivery", &id, creditrail.delivery(&source, &id).await?)
}

async fn timeline(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    Query(given): Given,
) -> Answer {
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    let order = params.take("order").unwrap_or_else(|| "oldest".to_owned());
    let order = match order.as_str() {
        "oldest" => Order::Oldest,
        "newest" => Order::Newest,
        other => {
            let cause = format!("`{other}` is not one of: oldest, newest");
            return Err(Problem::invalid("order", cause));
        }
    };
    let page = Page { order, ..params.page(vec![source.clone()])? };
    let when = params.when()?;
    params.done(&["at_least", "order", "limit", "cursor", "as_of", "happened_by"])?;
    if when.is_now() {
        return found("customer", &id, creditrail.timeline(&source, &id, page).await?.map(answer));
    }
    let seen = creditrail.seen(&source, when).await?;
    let Some(items) = creditrail.timeline_at((&source, &id), page, seen).await? else {
        return Err(not_known_then(&creditrail, Thing::Customer, (&source, &id), seen).await?);
    };
    Ok(Json(answer(items)))
}

async fn listed(creditrail: &Creditrail, list: List, given: Given) -> Answer {
    let (page, when) = Params::new(given.0).list(creditrail, list).await?;
    Ok(Json(answer(creditrail.list_at(list, page, when).await?)))
}

async fn transactions(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Transactions, given).await
}

async fn payment_methods(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::PaymentMethods, given).await
}

async fn applications(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Applications, given).await
}

async fn charges(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Charges, given).await
}

async fn actions(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Actions, given).await
}

async fn compliance(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Compliance, given).await
}

async fn stale(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Stale, given).await
}

async fn discrepancies(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Discrepancies, given).await
}

async fn access_records(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::AccessRecords, given).await
}

async fn exceptions(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Exceptions, given).await
}

async fn deliveries(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Deliveries, given).await
}

async fn rejected_calls(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    let mut params = Params::new(given);
    let source = params.take("source").ok_or_else(|| Problem::invalid("source", "is required"))?;
    params.wait(&creditrail, Some(&source)).await?;
    let limit = params.number("limit", (1, 200))?.unwrap_or(50);
    params.done(&["source", "at_least", "limit"])?;
    Ok(Json(json!({ "items": creditrail.rejected_calls(&source, limit).await? })))
}

async fn search(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    let mut params = Params::new(given);
    let source = params.take("source");
    params.wait(&creditrail, source.as_deref()).await?;
    let id = params.take("q").ok_or_else(|| Problem::invalid("q", "is required"))?;
    params.done(&["q", "source", "at_least"])?;
    let mut found = creditrail.search(&id).await?;
    if let Some(source) = source {
        found.retain(|item| item["source"] == source.as_str());
    }
    Ok(Json(json!({ "items": found })))
}

async fn events(
    State(creditrail): State<Creditrail>,
    Query(given): Given,
) -> Answer<Json<Listed<LoggedEvent>>> {
    let mut params = Params::new(given);
    let source = params.take("source").ok_or_else(|| Problem::invalid("source", "is required"))?;
    let after = params.number("after", (0, i64::MAX))?.unwrap_or(0);
    let limit = params.number("limit", (1, 1000))?.unwrap_or(100);
    params.done(&["source", "after", "limit"])?;
    Ok(Json(Listed { items: creditrail.events(&source, after, limit).await? }))
}

/// A list without pages.
#[derive(Serialize)]
struct Listed<T> {
    items: Vec<T>,
}

/// How far each log is proven.
async fn proof(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    Params::new(given).done(&[])?;
    let items = creditrail.proof_status().await.map_err(ReadError::from)?;
    Ok(Json(json!({ "items": items })))
}

async fn sources(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    Params::new(given).done(&[])?;
    let mut items = Vec::new();
    for source in creditrail.sources() {
        items.push(creditrail.source_status(source).await?);
    }
    Ok(Json(json!({ "items": items })))
}

async fn source(
    State(creditrail): State<Creditrail>,
    Path(source): Path<String>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    Ok(Json(creditrail.source_status(&source).await?))
}

/// What a command came to.
pub(super) fn recorded(receipt: &Receipt) -> Json<Value> {
    Json(json!({ "outcome": receipt.outcome, "position": receipt.position }))
}

async fn register_application(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(source): Path<String>,
    Body(mut new): Body<NewApplication>,
) -> Answer<Response> {
    new.actor = caller.signs(new.actor);
    let registered = creditrail.register_application(&source, new).await?;
    Ok((StatusCode::CREATED, Json(registered)).into_response())
}

async fn create_charge(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(source): Path<String>,
    Body(mut new): Body<NewCharge>,
) -> Answer<Response> {
    new.actor = caller.signs(new.actor);
    let charge_id = new.charge_id.clone();
    let receipt = creditrail.create_charge(&source, new).await?;
    let created = json!({ "charge_id": charge_id, "position": receipt.position });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

async fn void_charge(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path((source, id)): Path<(String, String)>,
    Body(mut void): Body<VoidCharge>,
) -> Answer {
    void.actor = caller.signs(void.actor);
    let receipt = creditrail.void_charge(&source, &id, void).await?;
    Ok(recorded(&receipt))
}

async fn link_charge(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path((source, id)): Path<(String, String)>,
    Body(mut link): Body<LinkCharge>,
) -> Answer {
    link.actor = caller.signs(link.actor);
    let receipt = creditrail.link_charge(&source, &id, link).await?;
    Ok(recorded(&receipt))
}

async fn finish_action(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut done): Body<DoneAction>,
) -> Answer {
    done.actor = caller.signs(done.actor);
    let receipt = creditrail.finish_action(&id, done).await?;
    Ok(Json(json!({ "id": id, "status": "done", "position": receipt.position })))
}

async fn notice_sent(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut sent): Body<SentNotice>,
) -> Answer {
    sent.actor = caller.signs(sent.actor);
    let receipt = creditrail.notice_sent(&id, sent).await?;
    Ok(Json(json!({ "id": id, "status": "done", "position": receipt.position })))
}

/// The one answer that shows a secret; nobody keeps a copy of it on the way.
async fn reveal(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(reference): Path<String>,
    Body(mut reveal): Body<RevealSecret>,
) -> Answer<Response> {
    reveal.actor = caller.signs(reveal.actor);
    let revealed = creditrail.reveal(&reference, reveal).await?;
    let body = json!({
        "secret_ref": reference,
        "field": revealed.field,
        "value": revealed.value.expose_secret(),
        "position": revealed.position,
    });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

async fn client_report(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path((source, id)): Path<(String, String)>,
    Body(mut new): Body<NewClientReport>,
) -> Answer {
    new.actor = caller.signs(new.actor);
    let receipt = creditrail.client_report(&source, &id, new).await?;
    Ok(recorded(&receipt))
}

async fn verify_calls(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(mut asked): Body<VerifyCalls>,
) -> Answer<Json<VerifiedCalls>> {
    asked.actor = caller.signs(asked.actor);
    Ok(Json(creditrail.verify_again(asked).await?))
}

async fn redrive(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(mut asked): Body<RedriveDeliveries>,
) -> Answer<Json<Report>> {
    asked.actor = caller.signs(asked.actor);
    Ok(Json(creditrail.redrive(asked).await?))
}

async fn exception(
    State(creditrail): State<Creditrail>,
    Path(id): Path<String>,
    Query(given): Given,
) -> Answer {
    let mut params = Params::new(given);
    let source = params.take("source");
    params.wait(&creditrail, source.as_deref()).await?;
    params.done(&["source", "at_least"])?;
    found("exception", &id, creditrail.exception(&id).await?)
}

async fn preview(
    State(creditrail): State<Creditrail>,
    Path(id): Path<String>,
    Body(resolve): Body<Resolve>,
) -> Answer {
    Ok(Json(json!(creditrail.preview(&id, resolve).await?)))
}

async fn resolve(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut resolve): Body<Resolve>,
) -> Answer {
    resolve.actor = caller.signs(resolve.actor);
    let receipt = creditrail.resolve(&id, resolve).await?;
    Ok(Json(json!({ "id": id, "status": "resolved", "position": receipt.position })))
}
