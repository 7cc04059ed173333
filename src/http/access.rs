//! Who may call, and what each role may do.
//!
//! Every call of `/v1` and of the dashboard has a [`Caller`]: by a token of the settings, by an
//! identity of the host's ([`Identify`]), or, where no token is configured, because it comes from
//! this machine. What a role may do is one table, [`Role::may`].

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{problem::Problem, tokens::Tokens};
use crate::app::command::fault_of_name;

/// What somebody may be here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks, closes actions, and is shown a secret for a reason.
    Support,
    /// Looks, reads who did what, and exports.
    Auditor,
    /// The partner's backend: looks, tells what the partner did, closes actions.
    Partner,
    /// Decides what nobody else may, and may all of it.
    Operator,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Right {
    /// To read: read models, deliveries with secrets masked, the log.
    Read,
    /// To close actions.
    Work,
    /// To be shown a secret.
    Reveal,
    /// To tell what the partner did: applications, reports of the SDK, charges.
    Tell,
    /// To resolve exceptions, link charges, redrive deliveries, verify calls again.
    Decide,
    /// To read who did what, and to export.
    Audit,
}

impl Role {
    /// All roles, from the least.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Support, Self::Auditor, Self::Partner, Self::Operator];

    /// The name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Auditor => "auditor",
            Self::Partner => "partner",
            Self::Operator => "operator",
        }
    }

    /// What the role may do. What has no row is forbidden.
    #[rustfmt::skip] // It is a table.
    #[expect(clippy::match_like_matches_macro, reason = "it is a table")]
    pub const fn may(self, right: Right) -> bool {
        match (self, right) {
            (_,              Right::Read)                 => true,
            (Self::Support,  Right::Work | Right::Reveal) => true,
            (Self::Auditor,  Right::Audit)                => true,
            (Self::Partner,  Right::Work | Right::Tell)   => true,
            (Self::Operator, _)                           => true,
            _ => false,
        }
    }
}

impl Right {
    /// All rights, in the order of the table in the documentation.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Work, Self::Reveal, Self::Tell, Self::Decide, Self::Audit];

    /// The name in problems and in the description of the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Work => "work",
            Self::Reveal => "reveal",
            Self::Tell => "tell",
            Self::Decide => "decide",
            Self::Audit => "audit",
        }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that is recorded with what the caller does: 1 to 200 characters that are seen. Empty
    /// only for whoever is known by being on this machine alone: such a caller may sign with any
    /// name. A host's caller without one is turned away.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
}

impl Caller {
    /// The name under which something is recorded: the caller's own, behind whom the caller names.
    pub fn signs(&self, given: Option<String>) -> Option<String> {
        match given {
            given if self.name == LOCAL => given,
            None => Some(self.name.clone()),
            Some(given) if given == self.name => Some(given),
            // An empty name is refused where it is read, as without a token.
            Some(given) if given.trim().is_empty() => Some(given),
            Some(given) => Some(format!("{given} (by {})", self.name)),
        }
    }
}

/// The name of a caller who is known only to be on this machine: none, so that no token has it.
const LOCAL: &str = "";

/// An identity that an embedding program supplies: its own sign-in decides who calls.
#[async_trait]
pub trait Identify: Send + Sync + 'static {
    /// Who makes the call; `None` if nobody who may.
    async fn identify(&self, call: &Parts) -> Option<Caller>;
}

/// How callers of `/v1` and of the dashboard are told apart.
#[derive(Clone)]
pub struct Access(Kind);

#[derive(Clone)]
enum Kind {
    Loopback,
    Tokens(Arc<Tokens>),
    Host(Arc<dyn Identify>),
}

impl Access {
    /// Callers on this machine alone, and all of them as operators: what holds while no token is
    /// configured.
    pub const fn loopback() -> Self {
        Self(Kind::Loopback)
    }

    /// Callers with a token: in the `Authorization` header, or signed in by it to a session.
    pub fn tokens(tokens: Tokens) -> Self {
        Self(Kind::Tokens(Arc::new(tokens)))
    }

    /// Callers whom the host identifies.
    pub fn host(identify: impl Identify) -> Self {
        Self(Kind::Host(Arc::new(identify)))
    }

    /// The tokens, if there is a sign-in of ours.
    pub(super) fn sign_in(&self) -> Option<&Tokens> {
        match &self.0 {
            Kind::Tokens(tokens) => Some(tokens),
            Kind::Loopback | Kind::Host(_) => None,
        }
    }

    async fn caller(&self, call: &Parts) -> Result<Caller, Problem> {
        match &self.0 {
            Kind::Loopback if is_from_here(call) => {
                Ok(Caller { name: LOCAL.to_owned(), role: Role::Operator })
            }
            Kind::Loopback => {
                let detail = "the interface answers only to callers on the machine that it runs \
                    on, since no token is configured";
                Err(Problem::new(StatusCode::FORBIDDEN, "loopback_only", detail))
            }
            Kind::Tokens(tokens) => tokens.caller(&call.headers).ok_or_else(unauthenticated),
            Kind::Host(identify) => {
                let caller = identify.identify(call).await.ok_or_else(unauthenticated)?;
                // Without a name one would sign with any.
                let fault = fault_of_name(&caller.name);
                fault.map_or(Ok(caller), |fault| Err(unnamed(fault)))
            }
        }
    }
}

/// Whom the host lets in without telling who it is.
fn unnamed(fault: &str) -> Problem {
    tracing::error!(fault, "the host identifies a caller by a name that cannot be recorded");
    let detail = format!("the name by which the host knows the caller {fault}");
    Problem::new(StatusCode::FORBIDDEN, "caller_unnamed", detail)
}

fn unauthenticated() -> Problem {
    let detail = "the call has no token, or none that is known";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
}

/// Lets in whom `access` knows, and tells the handlers who it is.
pub(super) fn identified(router: Router, access: &Access) -> Router {
    of_own_site(router.layer(middleware::from_fn_with_state(access.clone(), identify)))
}

/// Turns away what a page of another site makes a browser send, if it would change something.
pub(super) fn of_own_site(router: Router) -> Router {
    router.layer(middleware::from_fn(own_site))
}

async fn own_site(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !parts.method.is_safe() && is_of_another_site(&parts) {
        let detail = "a page of another site has sent this";
        return Problem::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn identify(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match access.caller(&parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller.clone());
            let mut response = next.run(Request::from_parts(parts, body)).await;
            // What is put around the answer may tell who it is for.
            response.extensions_mut().insert(caller);
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Whether a browser sends this for another site than ours. Other clients say nothing of it, and
/// no site can make them call.
fn is_of_another_site(call: &Parts) -> bool {
    let header =
        |name| call.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if let Some(site) = header(http::HeaderName::from_static("sec-fetch-site")) {
        return !["same-origin", "none"].contains(&site);
    }
    let Some(origin) = header(header::ORIGIN) else { return false };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_none() || authority != header(header::HOST)
}

/// Only callers whose role has the right come to these routes.
pub(super) fn only<S: Clone + Send + Sync + 'static>(right: Right, router: Router<S>) -> Router<S> {
    router.route_layer(middleware::from_fn_with_state(right, allow))
}

async fn allow(
    State(right): State<Right>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    if caller.role.may(right) {
        return next.run(request).await;
    }
    let detail = format!("the role {} has no right to {}", caller.role.name(), right.name());
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response()
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unauthenticated)
    }
}

/// Whether a call comes from this machine, for this machine: a page of another site can make a
/// browser here call, under that site's name.
fn is_from_here(call: &Parts) -> bool {
    let peer = call.extensions.get::<ConnectInfo<SocketAddr>>();
    let is_here = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    let host = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    is_here && host.is_some_and(names_this_machine)
}

/// Whether a Host header names this machine: `localhost` or a loopback address, with any port.
pub(super) fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder().method("POST");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_call_that_another_site_makes_a_browser_send_is_told() {
        for (headers, is_foreign) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("origin", "https://here.example"), ("host", "here.example")], false),
            (&[("origin", "https://there.example"), ("host", "here.example")], true),
            (&[("origin", "null"), ("host", "here.example")], true),
        ] {
            assert_eq!(is_of_another_site(&call(headers)), is_foreign, "{headers:?}");
        }
    }

    #[test]
    fn a_caller_signs_with_the_own_name() {
        let caller = |name: &str| Caller { name: name.to_owned(), role: Role::Operator };
        let given = |name: &str| Some(name.to_owned());
        assert_eq!(caller("crm").signs(None), given("crm"));
        assert_eq!(caller("crm").signs(given("ada")), given("ada (by crm)"));
        assert_eq!(caller("crm").signs(given("crm")), given("crm"));
        assert_eq!(caller(LOCAL).signs(given("ada")), given("ada"));
        assert_eq!(caller(LOCAL).signs(None), None);
        assert_eq!(caller("operator").signs(given("ada")), given("ada (by operator)"));
        assert_eq!(caller("crm").signs(given("")), given(""));
    }

    #[test]
    fn every_role_reads_and_only_operators_may_all() {
        assert!(Role::ALL.iter().all(|role| role.may(Right::Read)));
        for role in Role::ALL {
            assert_eq!(Right::ALL.iter().all(|right| role.may(*right)), role == Role::Operator);
        }
    }
}
