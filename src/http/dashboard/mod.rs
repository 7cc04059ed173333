//! The support dashboard: what happened to this customer, and why.
//!
//! Pages are made on the server and work without scripts; scripts only add. Reading order: `frame`
//! (what is around a page), `parts` (what pages are made of), then a file for each kind of page.
//! A page stands at the path of what it shows, without `/v1`.

mod again;
mod assets;
pub mod chart;
mod deliveries;
mod endpoints;
mod exceptions;
mod facts;
mod frame;
mod home;
pub mod lifecycle;
mod listings;
mod lists;
mod moments;
mod notifications;
mod parts;
mod proof;
mod reference;
mod search;
mod session;
mod sources;
mod statistics;
mod steps;
mod svg;
mod things;
mod work;

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use self::frame::Frame;
use super::{
    access::{self, Access, Right},
    exports,
    problem::Problem,
    sending::Steer,
};
use crate::app::{Creditrail, things::Thing};

/// What a page answers.
type Shown = Result<Response, Problem>;

/// The router of the dashboard, for callers whom `access` knows, and the answer to every path that is
/// not there.
pub fn dashboard(creditrail: &Creditrail, access: &Access) -> Router {
    let rights = [
        (Right::Read, reads()),
        (Right::Work, works()),
        (Right::Reveal, Router::new().route("/secrets/{reference}/reveal", post(work::reveal))),
        (Right::Decide, decides()),
        (Right::Audit, audits()),
    ];
    let pages = rights.into_iter().map(|(right, pages)| access::only(right, pages));
    let pages = pages
        .fold(Router::new(), Router::merge)
        .fallback(async || Problem::nothing_here())
        .method_not_allowed_fallback(async || Problem::method_not_allowed());
    let now = frame::Now(creditrail.clock());
    let pages = pages.layer(Extension(now)).with_state(creditrail.clone());
    access::identified(pages, access)
        .merge(session::session(creditrail, access))
        .layer(middleware::from_fn_with_state(access.clone(), problems))
        .merge(assets::assets())
        .layer(middleware::map_response(secured))
}

fn reads() -> Router<Creditrail> {
    let lists = listings::LISTINGS.iter().fold(Router::new(), |router, listing| {
        let path = format!("/{}", listing.list.name());
        router
            .route(&path, get(move |state, frame, given| lists::page(listing, state, frame, given)))
    });
    let things = Thing::ALL.into_iter().fold(lists, |router, thing| {
        let path = format!("/{}/{{source}}/{{id}}", thing.name());
        router.route(
            &path,
            get(move |state, frame, path, given| things::page(thing, state, frame, path, given)),
        )
    });
    things
        .route("/", get(home::page))
        .route("/search", get(search::page))
        .route("/deliveries/{source}/{id}", get(deliveries::page))
        .route("/rejected-calls", get(deliveries::rejected))
        .route("/exceptions/{id}", get(exceptions::page))
        .route("/sources", get(sources::list))
        .route("/sources/{source}", get(sources::page))
        .route("/endpoints", get(endpoints::page))
        .route("/notifications", get(notifications::page))
        .route("/statistics", get(statistics::page))
        .route("/theme", get(session::theme))
        .route("/help", get(session::help))
        .route("/reference", get(reference::page))
}

fn works() -> Router<Creditrail> {
    Router::new()
        .route("/actions/{id}/done", post(work::finish))
        .route("/compliance/{id}/done", post(work::sent))
}

fn decides() -> Router<Creditrail> {
    Router::new()
        .route("/exceptions/{id}", post(exceptions::resolve))
        .route("/redrive", get(again::redrive_page).post(again::redrive))
        .route("/verify", get(again::verify_page).post(again::verify))
        .route(
            "/endpoints/{name}/pause",
            post(async |s, f, c, p, g| endpoints::steer(Steer::Pause, s, f, c, p, g).await),
        )
        .route(
            "/endpoints/{name}/resume",
            post(async |s, f, c, p, g| endpoints::steer(Steer::Resume, s, f, c, p, g).await),
        )
        .route(
            "/endpoints/{name}/test",
            post(async |s, f, c, p, g| endpoints::steer(Steer::Test, s, f, c, p, g).await),
        )
        .route("/notifications/resend", get(notifications::resend_page).post(notifications::resend))
        .route("/notifications/skip", post(notifications::skip))
}

fn audits() -> Router<Creditrail> {
    let accesses =
        async |state, frame, given| lists::page(&listings::ACCESSES, state, frame, given).await;
    Router::new()
        .route("/access-records", get(accesses))
        .route("/proof", get(proof::page))
        .route("/exports", post(exports::by_form))
}

/// Shows problems as pages to whoever reads pages, and asks who is not known to sign in.
async fn problems(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let accepted = parts.headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_for_people = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    let mut frame = Frame::of(&parts);
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(problem) = response.extensions().get::<Problem>().filter(|_| is_for_people) else {
        return response;
    };
    if problem.status() == StatusCode::UNAUTHORIZED && access.sign_in().is_some() {
        let next = parts::encoded(&frame.address);
        return Redirect::to(&frame.to(&format!("sign-in?next={next}"))).into_response();
    }
    frame.caller = response.extensions().get().cloned();
    frame::problem_page(&frame, problem)
}

/// What every answer of the dashboard says about itself: nothing from elsewhere, no frame around it,
/// no copy kept of what concerns a customer.
async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(header::HeaderValue::from_static("no-store"));
    response
}
