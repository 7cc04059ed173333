//! `/v1`: the read models, and the commands of the partner and of operators.

use std::collections::HashMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequest, Path, Query, Request, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    params::{Filter, Params, answer},
    problem::Problem,
    statistics::statistics,
};
use crate::app::{
    Creditrail,
    command::{
        Resolve,
        applications::{NewApplication, NewClientReport},
        charges::{LinkCharge, NewCharge, VoidCharge},
        work::{DoneAction, RevealSecret},
    },
    lists::List,
    read::OUTCOMES,
};

type Given = Query<HashMap<String, String>>;
type Answer<T = Json<Value>> = Result<T, Problem>;

/// The router of `/v1`.
pub fn api(creditrail: &Creditrail) -> Router {
    Router::new()
        .route("/v1/transactions", get(transactions))
        .route("/v1/transactions/{source}/{id}", get(transaction))
        .route("/v1/payment-methods", get(payment_methods))
        .route("/v1/payment-methods/{source}/{id}", get(payment_method))
        .route("/v1/applications", get(applications))
        .route("/v1/applications/{source}", post(register_application))
        .route("/v1/applications/{source}/{id}", get(application))
        .route("/v1/applications/{source}/{id}/client-report", post(client_report))
        .route("/v1/charges", get(charges))
        .route("/v1/charges/{source}", post(create_charge))
        .route("/v1/charges/{source}/{id}", get(charge))
        .route("/v1/charges/{source}/{id}/void", post(void_charge))
        .route("/v1/charges/{source}/{id}/link", post(link_charge))
        .route("/v1/actions", get(actions))
        .route("/v1/actions/{id}/done", post(finish_action))
        .route("/v1/stale", get(stale))
        .route("/v1/discrepancies", get(discrepancies))
        .route("/v1/secrets/{reference}/reveal", post(reveal))
        .route("/v1/customers/{source}/{id}", get(customer))
        .route("/v1/customers/{source}/{id}/timeline", get(timeline))
        .route("/v1/exceptions", get(exceptions))
        .route("/v1/exceptions/{id}/resolve", post(resolve))
        .route("/v1/deliveries", get(deliveries))
        .route("/v1/deliveries/{source}/{id}", get(delivery))
        .route("/v1/rejected-calls", get(rejected_calls))
        .route("/v1/search", get(search))
        .route("/v1/events", get(events))
        .route("/v1/sources", get(sources))
        .route("/v1/sources/{source}", get(source))
        .with_state(creditrail.clone())
        .merge(statistics(creditrail))
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

async fn transaction(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("transaction", &id, creditrail.transaction(&source, &id).await?)
}

async fn payment_method(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("payment method", &id, creditrail.payment_method(&source, &id).await?)
}

async fn application(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("application", &id, creditrail.application(&source, &id).await?)
}

async fn charge(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("charge", &id, creditrail.charge(&source, &id).await?)
}

async fn customer(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    given: Given,
) -> Answer {
    one(&creditrail, &source, given).await?;
    found("customer", &id, creditrail.customer(&source, &id).await?)
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
    let page = params.page(vec![source.clone()])?;
    params.done(&["at_least", "limit", "cursor"])?;
    found("customer", &id, creditrail.timeline(&source, &id, page).await?.map(answer))
}

async fn listed(creditrail: &Creditrail, list: List, given: Given) -> Answer {
    let filter =
        |name: &&'static str| Filter { name, column: list.column(name), values: list.values(name) };
    let filters: Vec<_> = list.filters().iter().map(filter).collect();
    let page = Params::new(given.0).list(creditrail, &filters).await?;
    Ok(Json(answer(creditrail.list(list, page).await?)))
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

async fn stale(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Stale, given).await
}

async fn discrepancies(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Discrepancies, given).await
}

async fn exceptions(State(creditrail): State<Creditrail>, given: Given) -> Answer {
    listed(&creditrail, List::Exceptions, given).await
}

async fn deliveries(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    let filters = [
        Filter { name: "outcome", column: "t.outcome", values: Some(OUTCOMES.to_vec()) },
        Filter { name: "customer_id", column: "t.customer_id", values: None },
    ];
    let page = Params::new(given).list(&creditrail, &filters).await?;
    Ok(Json(answer(creditrail.deliveries(page).await?)))
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

async fn events(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    let mut params = Params::new(given);
    let source = params.take("source").ok_or_else(|| Problem::invalid("source", "is required"))?;
    let after = params.number("after", (0, i64::MAX))?.unwrap_or(0);
    let limit = params.number("limit", (1, 1000))?.unwrap_or(100);
    params.done(&["source", "after", "limit"])?;
    Ok(Json(json!({ "items": creditrail.events(&source, after, limit).await? })))
}

async fn sources(State(creditrail): State<Creditrail>) -> Answer {
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

/// A JSON body whose faults are problems that name the field.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // Another type is one that a browser sends across sites without asking.
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            let detail = "Content-Type must be application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "content_type_unsupported", detail));
        }
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) => {
                return Err(Problem::new(error.status(), "body_unreadable", error.body_text()));
            }
        };
        // A list would be read field by field.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::invalid("body", "must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        serde_path_to_error::deserialize(&mut json).map(Self).map_err(|error| {
            let (path, cause) = (error.path().to_string(), error.inner().to_string());
            // A field that is missing or unknown is named in the words alone.
            let field = match cause.split('`').nth(1) {
                Some(field) if path == "." => field.to_owned(),
                None if path == "." => "body".to_owned(),
                // It broke off where no field is known.
                _ if path == "?" => "body".to_owned(),
                _ => path,
            };
            Problem::invalid(field, cause)
        })
    }
}

async fn register_application(
    State(creditrail): State<Creditrail>,
    Path(source): Path<String>,
    Body(new): Body<NewApplication>,
) -> Answer<Response> {
    let registered = creditrail.register_application(&source, new).await?;
    Ok((StatusCode::CREATED, Json(registered)).into_response())
}

async fn create_charge(
    State(creditrail): State<Creditrail>,
    Path(source): Path<String>,
    Body(new): Body<NewCharge>,
) -> Answer<Response> {
    let charge_id = new.charge_id.clone();
    let receipt = creditrail.create_charge(&source, new).await?;
    let created = json!({ "charge_id": charge_id, "position": receipt.position });
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

async fn void_charge(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    Body(void): Body<VoidCharge>,
) -> Answer {
    let receipt = creditrail.void_charge(&source, &id, void).await?;
    Ok(Json(json!({ "outcome": receipt.outcome, "position": receipt.position })))
}

async fn link_charge(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Path<(String, String)>,
    Body(link): Body<LinkCharge>,
) -> Answer {
    let receipt = creditrail.link_charge(&source, &id, link).await?;
    Ok(Json(json!({ "outcome": receipt.outcome, "position": receipt.position })))
}

async fn finish_action(
    State(creditrail): State<Creditrail>,
    Path(id): Path<String>,
    Body(done): Body<DoneAction>,
) -> Answer {
    let receipt = creditrail.finish_action(&id, done).await?;
    Ok(Json(json!({ "id": id, "status": "done", "position": receipt.position })))
}

/// The one answer that shows a secret; nobody keeps a copy of it on the way.
async fn reveal(
    State(creditrail): State<Creditrail>,
    Path(reference): Path<String>,
    Body(reveal): Body<RevealSecret>,
) -> Answer<Response> {
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
    Path((source, id)): Path<(String, String)>,
    Body(new): Body<NewClientReport>,
) -> Answer {
    let receipt = creditrail.client_report(&source, &id, new).await?;
    Ok(Json(json!({ "outcome": receipt.outcome, "position": receipt.position })))
}

async fn resolve(
    State(creditrail): State<Creditrail>,
    Path(id): Path<String>,
    Body(resolve): Body<Resolve>,
) -> Answer {
    let receipt = creditrail.resolve(&id, resolve).await?;
    Ok(Json(json!({ "id": id, "status": "resolved", "position": receipt.position })))
}
