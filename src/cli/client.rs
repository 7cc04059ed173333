//! A client that speaks `http` and `https`, for what plays a lender.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http::{Request, request::Builder};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::CliError;
use crate::app::sending::client::{system_roots, tls};

/// How long a lender waits for an answer. Source: card onboarding, "Webhooks".
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a call was not answered. The URL, which can hold a credential, is not told.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It is not one that can be made.
    #[error("the call cannot be made")]
    Unfit(#[from] http::Error),
    /// It was not sent, or not answered.
    #[error("error sending the call")]
    Unsent(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off.
    #[error("error reading the answer")]
    Unread(#[source] hyper::Error),
    /// It took too long.
    #[error("error: no whole answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// What was answered.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Makes calls. A clone shares the connections.
#[derive(Clone, Debug)]
pub(super) struct Client(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    /// Trusts no certificate, so it speaks `http` alone.
    pub(super) fn plain() -> Result<Self, CliError> {
        Self::with(RootCertStore::empty())
    }

    /// Trusts what the system trusts, and the certificates in a file.
    pub(super) fn trusting(file: Option<&Path>) -> Result<Self, CliError> {
        let mut roots = system_roots();
        for certificate in file.map(certificates).transpose()?.into_iter().flatten() {
            roots
                .add(certificate)
                .map_err(|error| CliError::Simulation(format!("--ca: {error}")))?;
        }
        Self::with(roots)
    }

    fn with(roots: RootCertStore) -> Result<Self, CliError> {
        let tls = tls(roots).map_err(|error| CliError::Simulation(error.to_string()))?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self(Pool::builder(TokioExecutor::new()).build(https)))
    }

    /// Makes a call. A redirect is an answer like others.
    pub(super) async fn call(&self, request: Builder, body: Bytes) -> Result<Response, CallError> {
        let made = self.made(request.body(Full::new(body))?);
        tokio::time::timeout(PATIENCE, made).await.unwrap_or(Err(CallError::Late))
    }

    async fn made(&self, request: Request<Full<Bytes>>) -> Result<Response, CallError> {
        let answer = self.0.request(request).await.map_err(CallError::Unsent)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(CallError::Unread)?;
        Ok(Response { status, body: body.to_bytes() })
    }
}

/// The certificates in a file.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let wrong = |cause: String| CliError::Simulation(format!("--ca {}: {cause}", file.display()));
    let read = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("has no certificate".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}
