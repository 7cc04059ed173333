//! `creditrail serve`.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::{CliError, Place, in_force::InForce, print, settings};
use crate::{
    app::{Creditrail, Worker},
    failure::chain,
    http::{self, Access, serve, tokens::Tokens},
};

/// How long the last checkpoints may take.
const SIGNED_WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn serve(place: Place) -> Result<(), CliError> {
    let mut settings = settings::read(&place)?;
    let in_force = std::mem::take(&mut settings.in_force);
    let (listen_on, tokens) = (settings.server.listen.clone(), settings.token.clone());
    let (creditrail, worker) = settings.builder().build().await?;
    let listener = listen(&listen_on).await?;
    let access = if tokens.is_empty() {
        print(
            "no token is configured: the dashboard and /v1 answer only to callers on this machine\n",
        );
        Access::loopback()
    } else {
        Access::tokens(Tokens::new(&creditrail, tokens))
    };
    tokio::spawn(record(creditrail.clone(), in_force));
    run(listener, http::router(&creditrail, &access), worker, told_to_end()).await?;
    signed(&creditrail).await;
    Ok(())
}

/// Has what was recorded last signed and handed out, before the process ends. A sink that hangs holds up
/// nobody's restart.
pub(super) async fn signed(creditrail: &Creditrail) {
    let _ = tokio::time::timeout(SIGNED_WITHIN, creditrail.sign_all()).await;
}

/// Records the settings in force, once the worker runs: it writes.
async fn record(creditrail: Creditrail, in_force: InForce) {
    if let Err(error) = creditrail.record_settings(in_force.told(&creditrail)).await {
        tracing::error!(error = chain(&error), "the settings in force are not on record");
    }
}

pub(super) async fn listen(address: &str) -> Result<TcpListener, CliError> {
    let failed = |cause| CliError::Listen { address: address.to_owned(), cause };
    TcpListener::bind(address).await.map_err(failed)
}

/// Serves until `end` completes; the worker outlives the last call.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    worker: Worker,
    end: impl Future<Output = ()>,
) -> Result<(), CliError> {
    if let Ok(address) = listener.local_addr() {
        print(&format!("listening on http://{address}\n"));
    }
    let served = serve::serve(listener, router, end);
    tokio::select! {
        () = served => Ok(()),
        () = worker.run() => Err(CliError::WorkerEnded),
    }
}

/// Completes at Ctrl-C or SIGTERM, from when it is called on: what comes before it is polled counts too.
pub(super) fn told_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    // Without a handler the signal ends the process at once, which loses nothing.
    let [terminate, interrupt] = kinds.map(|kind| signal(kind).ok());
    async move {
        let come = async |signals: Option<tokio::signal::unix::Signal>| match signals {
            Some(mut signals) => signals.recv().await,
            None => std::future::pending().await,
        };
        tokio::select! {
            _ = come(terminate) => {}
            _ = come(interrupt) => {}
        }
    }
}
