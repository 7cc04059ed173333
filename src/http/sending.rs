//! Who is notified, and of what not yet.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    access::{Caller, Right},
    body::Body,
    event_types::{event_type, event_types},
    params::{Params, Path, Query, answer},
    problem::Problem,
    routes::Routes,
};
use crate::{
    app::{
        Creditrail,
        command::CommandError,
        sending::{
            configure::ConfigureEndpoint,
            endpoint::kinds,
            listed::{STATUSES, UNDELIVERED},
            resend::{Resend, Skip},
            steer::SteerEndpoint,
        },
    },
    store::Page,
};

type Given = Query;
type Answer<T = Json<Value>> = Result<T, Problem>;

pub(super) fn sending(routes: Routes) -> Routes {
    routes
        .get(Right::Read, "/v1/endpoints", endpoints)
        .post(Right::Decide, "/v1/endpoints", create_endpoint)
        .get(Right::Read, "/v1/endpoints/{name}", endpoint)
        .put(Right::Decide, "/v1/endpoints/{name}", replace_endpoint)
        .delete(Right::Decide, "/v1/endpoints/{name}", async |s, c, p, b| {
            steer(Steer::Delete, s, c, p, b).await
        })
        .post(Right::Decide, "/v1/endpoints/{name}/pause", async |s, c, p, b| {
            steer(Steer::Pause, s, c, p, b).await
        })
        .post(Right::Decide, "/v1/endpoints/{name}/resume", async |s, c, p, b| {
            steer(Steer::Resume, s, c, p, b).await
        })
        .post(Right::Decide, "/v1/endpoints/{name}/test", async |s, c, p, b| {
            steer(Steer::Test, s, c, p, b).await
        })
        .get(Right::Read, "/v1/event-types", event_types)
        .get(Right::Read, "/v1/event-types/{type}", event_type)
        .get(Right::Read, "/v1/notifications", notifications)
        .post(Right::Decide, "/v1/notifications/resend", resend)
        .post(Right::Decide, "/v1/notifications/skip", skip)
}

async fn endpoints(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    Params::new(given).done(&[])?;
    Ok(Json(json!({ "items": creditrail.endpoint_documents().await? })))
}

async fn endpoint(
    State(creditrail): State<Creditrail>,
    Path(name): Path<String>,
    Query(given): Given,
) -> Answer {
    Params::new(given).done(&[])?;
    Ok(Json(creditrail.endpoint_told(&name).await?))
}

async fn create_endpoint(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(mut asked): Body<ConfigureEndpoint>,
) -> Answer<(StatusCode, Json<Value>)> {
    asked.actor = caller.signs(asked.actor);
    Ok((StatusCode::CREATED, Json(creditrail.create_endpoint(asked).await?)))
}

async fn replace_endpoint(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut asked): Body<ConfigureEndpoint>,
) -> Answer {
    asked.actor = caller.signs(asked.actor);
    Ok(Json(creditrail.replace_endpoint(&name, asked).await?))
}

/// What is decided about an endpoint with nothing but a reason.
#[derive(Clone, Copy)]
pub(super) enum Steer {
    Delete,
    Pause,
    Resume,
    Test,
}

impl Steer {
    /// Does it.
    pub(super) async fn endpoint(
        self,
        creditrail: &Creditrail,
        (name, steer): (&str, SteerEndpoint),
    ) -> Result<Value, CommandError> {
        match self {
            Self::Delete => creditrail.delete_endpoint(name, steer).await,
            Self::Pause => creditrail.pause_endpoint(name, steer).await,
            Self::Resume => creditrail.resume_endpoint(name, steer).await,
            Self::Test => creditrail.test_endpoint(name, steer).await,
        }
    }
}

async fn steer(
    what: Steer,
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path(name): Path<String>,
    Body(mut steer): Body<SteerEndpoint>,
) -> Answer {
    steer.actor = caller.signs(steer.actor);
    Ok(Json(what.endpoint(&creditrail, (&name, steer)).await?))
}

async fn notifications(State(creditrail): State<Creditrail>, Query(given): Given) -> Answer {
    let page = page(&creditrail, Params::new(given)).await?;
    Ok(Json(answer(creditrail.notifications(page).await?)))
}

/// The page that is asked for, for people and programs alike.
pub(super) async fn page(creditrail: &Creditrail, mut params: Params) -> Result<Page, Problem> {
    let source = params.take("source");
    params.wait(creditrail, source.as_deref()).await?;
    let all = || creditrail.sources().map(str::to_owned).collect();
    let mut page = params.page(source.map_or_else(all, |source| vec![source]))?;
    if let Some(status) = params.take("status") {
        let known: Vec<_> = STATUSES.into_iter().chain([UNDELIVERED]).collect();
        if !known.contains(&status.as_str()) {
            let cause = format!("`{status}` is not one of: {}", known.join(", "));
            return Err(Problem::invalid("status", cause));
        }
        page.filters.push(("status", status));
    }
    if let Some(endpoint) = params.take("endpoint") {
        if !creditrail.knows_endpoint(&endpoint).await? {
            let cause = format!("there is no endpoint `{endpoint}`, and no notification of one");
            return Err(Problem::invalid("endpoint", cause));
        }
        page.filters.push(("endpoint", endpoint));
    }
    let (kind, id) = (params.take("type"), params.take("id"));
    is_kind(kind.as_deref())?;
    match (kind, id) {
        (Some(kind), Some(id)) => page.filters.push(("lane", format!("{kind}/{id}"))),
        (None, None) => {}
        _ => return Err(Problem::invalid("type", "is given together with `id`, or neither is")),
    }
    let known = ["source", "at_least", "endpoint", "status", "type", "id", "limit", "cursor"];
    params.done(&known)?;
    Ok(page)
}

/// That a kind of aggregate, if one is given, is one that endpoints are told of.
pub(super) fn is_kind(kind: Option<&str>) -> Result<(), Problem> {
    let Some(kind) = kind else { return Ok(()) };
    let known: Vec<_> = kinds().collect();
    if known.contains(&kind) {
        return Ok(());
    }
    Err(Problem::invalid("type", format!("`{kind}` is not one of: {}", known.join(", "))))
}

async fn resend(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(mut asked): Body<Resend>,
) -> Answer {
    is_kind(asked.r#type.as_deref())?;
    asked.actor = caller.signs(asked.actor);
    Ok(Json(creditrail.resend(asked).await?))
}

async fn skip(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(mut asked): Body<Skip>,
) -> Answer {
    asked.actor = caller.signs(asked.actor);
    Ok(Json(creditrail.skip(asked).await?))
}
