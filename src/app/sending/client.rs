//! The call itself: bounded, to vetted addresses alone, never where an answer leads.

use std::{
    error::Error as _,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use creditrail_sending::{Failure, Outcome, Vetting};
use http::{HeaderMap, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use jiff::Timestamp;
use rustls::{ClientConfig, RootCertStore};

use super::endpoint::Endpoint;

/// How much of an answer is read.
const MOST_BYTES: usize = 16 * 1024;
/// How much of it is kept.
const KEPT_BYTES: usize = 512;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Finds the addresses of a name. The system's, unless the host brings another one.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a name.
    ///
    /// # Errors
    /// There are none, or they are not known.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Finds the addresses of a name, and gives them only if all of them may be called.
#[derive(Clone)]
struct Vetted {
    resolver: Arc<dyn Resolver>,
    vetting: Arc<Vetting>,
}

impl Vetted {
    async fn addresses(self, name: Name) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        let found = if name.as_str() == "localhost" {
            vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        } else {
            self.resolver.resolve(name.as_str()).await?
        };
        self.vetting.vet_all(&found).map_err(io::Error::other)?;
        let found: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
        Ok(found.into_iter())
    }
}

impl tower::Service<Name> for Vetted {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().addresses(name))
    }
}

/// The authorities that the system trusts.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// How TLS is spoken with whom these authorities vouch for.
///
/// # Errors
/// The versions of TLS cannot be had.
pub(crate) fn tls(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Calls one endpoint. A clone shares its connections.
#[derive(Clone)]
pub(in crate::app) struct Caller {
    client: Client<HttpsConnector<HttpConnector<Vetted>>, Full<Bytes>>,
    url: Uri,
    timeout: Duration,
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// What went wrong, without the URL; or the first bytes of the answer.
    pub(super) said: String,
    pub(super) took: Duration,
    pub(super) at: Timestamp,
}

impl Caller {
    /// # Errors
    /// The roots of trust cannot be used.
    pub(in crate::app) fn new(
        endpoint: &Endpoint,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, rustls::Error> {
        let is_https = endpoint.url.scheme_str() == Some("https");
        let tls = tls(if is_https { system_roots() } else { RootCertStore::empty() })?;
        let vetting = Arc::new(endpoint.vetting.clone());
        let mut http = HttpConnector::new_with_resolver(Vetted { resolver, vetting });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT.min(endpoint.timeout())));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(endpoint.config.in_flight)
            .pool_idle_timeout(Duration::from_secs(30))
            .build(https);
        Ok(Self { client, url: endpoint.url.clone(), timeout: endpoint.timeout() })
    }

    /// Makes a call. It never takes longer than the endpoint's window.
    pub(super) async fn call(self, headers: HeaderMap, body: Bytes, at: Timestamp) -> Answer {
        let begun = Instant::now();
        let mut request = Request::post(self.url.clone()).body(Full::new(body)).unwrap_or_default();
        *request.headers_mut() = headers;
        let made = tokio::time::timeout(self.timeout, self.made(request, at)).await;
        let (outcome, status, said) = made.unwrap_or_else(|_| {
            let said = format!("no whole answer within {} s", self.timeout.as_secs());
            (Outcome::Failed(Failure::Unanswered), None, said)
        });
        Answer { outcome, status, said, took: begun.elapsed(), at }
    }

    async fn made(
        &self,
        request: Request<Full<Bytes>>,
        at: Timestamp,
    ) -> (Outcome, Option<u16>, String) {
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let failure =
                    if error.is_connect() { Failure::Unreachable } else { Failure::Unanswered };
                // The outermost says only where; the URL stands in none.
                let cause = error.source().map_or_else(String::new, crate::failure::chain);
                let what = if error.is_connect() { "not connected" } else { "no answer" };
                return (Outcome::Failed(failure), None, format!("{what}: {cause}"));
            }
        };
        let status = answer.status().as_u16();
        let retry_after = retry_after(answer.headers(), at);
        let said = first_bytes(answer.into_body()).await;
        let outcome = match status {
            200..=299 => Outcome::Taken,
            410 => Outcome::Gone,
            _ => Outcome::Failed(Failure::Status { status, retry_after }),
        };
        (outcome, Some(status), said)
    }
}

/// Reads an answer so far that its connection can be used again, if it is short.
async fn first_bytes(mut body: Incoming) -> String {
    let mut kept = Vec::new();
    let mut read = 0;
    while read < MOST_BYTES
        && let Some(Ok(frame)) = body.frame().await
    {
        let Some(data) = frame.data_ref() else { continue };
        read += data.len();
        let room = KEPT_BYTES.saturating_sub(kept.len()).min(data.len());
        kept.extend_from_slice(&data[..room]);
    }
    let text = String::from_utf8_lossy(&kept);
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// How long the endpoint asks to be left alone, in milliseconds: seconds or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * 1000);
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some((at.as_millisecond() - now.as_millisecond()).max(0))
}
