//! The personal data of people: what is held of them, legal holds, erasure.

use axum::{Json, extract::State};
use serde_json::Value;

use super::{
    access::{Caller, Right},
    api::recorded,
    body::Body,
    params::{Params, Path, Query},
    problem::Problem,
    routes::Routes,
};
use crate::app::{
    Creditrail,
    privacy::{DecidePrivacy, ErasedData, Status},
};

type Who = Path<(String, String)>;
type Decided = Body<DecidePrivacy>;

pub(super) fn privacy(routes: Routes) -> Routes {
    routes
        .get(Right::Read, "/v1/customers/{source}/{id}/privacy", status)
        .post(Right::Decide, "/v1/customers/{source}/{id}/hold", async |s, c, p, b| {
            hold(Hold::Placed, s, c, p, b).await
        })
        .post(Right::Decide, "/v1/customers/{source}/{id}/release", async |s, c, p, b| {
            hold(Hold::Released, s, c, p, b).await
        })
        .post(Right::Decide, "/v1/customers/{source}/{id}/erase", erase)
}

async fn status(
    State(creditrail): State<Creditrail>,
    Path((source, id)): Who,
    Query(given): Query,
) -> Result<Json<Status>, Problem> {
    let mut params = Params::new(given);
    params.wait(&creditrail, Some(&source)).await?;
    params.done(&["at_least"])?;
    Ok(Json(creditrail.privacy(&source, &id).await?))
}

/// Whether a legal hold is placed or released.
#[derive(Clone, Copy)]
enum Hold {
    Placed,
    Released,
}

async fn hold(
    hold: Hold,
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path((source, id)): Who,
    Body(mut decided): Decided,
) -> Result<Json<Value>, Problem> {
    decided.actor = caller.signs(decided.actor);
    let receipt = match hold {
        Hold::Placed => creditrail.hold(&source, &id, decided).await?,
        Hold::Released => creditrail.release(&source, &id, decided).await?,
    };
    Ok(recorded(&receipt))
}

async fn erase(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Path((source, id)): Who,
    Body(mut decided): Decided,
) -> Result<Json<ErasedData>, Problem> {
    decided.actor = caller.signs(decided.actor);
    Ok(Json(creditrail.erase(&source, &id, decided).await?))
}
