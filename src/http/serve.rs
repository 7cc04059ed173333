//! A server that is hard to hold up: deadlines for the first byte, the header and the body, a
//! limit on connections, and an end that lets open calls finish.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt as _;

use super::{api, health, home, openapi, problem::Problem, webhooks};
use crate::app::Creditrail;

/// How long a client may take until its header is read, and may idle between calls.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// How many connections may be open.
const MAX_CONNECTIONS: usize = 4096;
/// How long open calls may take once the server is told to end.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// What the binary serves: as [`super::router`], but `/v1`, `/openapi.json` and `/` only to callers
/// on this machine, since they ask for no credential.
pub fn guarded(creditrail: &Creditrail) -> Router {
    let inside = Router::new()
        .merge(api(creditrail))
        .merge(openapi::openapi())
        .merge(home::home(creditrail));
    Router::new()
        .merge(inside.layer(middleware::from_fn(loopback_only)))
        .merge(webhooks(creditrail))
        .merge(health(creditrail))
}

async fn loopback_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_here = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
    // A page of another site can make a browser on this machine call, under that site's name.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if is_here && host.is_some_and(names_this_machine) {
        return next.run(request).await;
    }
    let detail = "the interface answers only to callers on the machine that it runs on";
    Problem::new(StatusCode::FORBIDDEN, "loopback_only", detail).into_response()
}

/// Whether a Host header names this machine: `localhost` or a loopback address, with any port.
fn names_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<axum::http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Serves until `end` completes, then lets open calls finish.
pub async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut end = std::pin::pin!(end);
    loop {
        // `acquire_owned` fails only on a closed semaphore, and this one is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(&graceful, stream, peer, router.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, as a rule: there is nothing to do but to wait.
                tracing::warn!(error = %error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(LAST_CALLS, graceful.shutdown()).await.is_err() {
        tracing::warn!("some calls were still open at the end");
    }
}

fn connection(
    graceful: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl Future<Output = ()> + use<> {
    let service = router.map_request(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "a connection ended early");
        }
    }
}
