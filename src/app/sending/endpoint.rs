//! Who is notified: an endpoint as it is configured, and what is checked of it once.

use std::time::Duration;

use creditrail_domain::AggregateType;
use creditrail_sending::{
    Preset, Schedule, Vetting,
    body::Envelope,
    lanes::Limits,
    signature::{Key, Scheme},
};
use http::{HeaderValue, Uri, uri::Authority};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::{
    sources::signature::{Credential, Secret},
    store::ReaderName,
};

/// Who is notified of events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// The name in lists and keys: 1 to 63 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Where notifications are sent: `https`, or `http` to this machine if `allow_loopback` is set.
    pub url: String,
    /// Which events it takes: names such as `transaction.Captured`, `transaction.*` or `*`. None: all.
    #[serde(default)]
    pub events: Vec<String>,
    /// Of which sources. None: of all.
    #[serde(default)]
    pub sources: Vec<String>,
    /// What signs. Each that holds signs; several for an overlap while one replaces another.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// The value of the `Authorization` header, if it wants one.
    pub authorization: Option<Credential>,
    /// How calls are signed.
    #[serde(default)]
    pub signature: Scheme,
    /// In what events are wrapped.
    #[serde(default)]
    pub envelope: Envelope,
    /// When it is tried again.
    #[serde(default)]
    pub retries: Preset,
    /// How often a notification is tried: 1 to 50.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// The longest `Retry-After` that is honoured, in seconds.
    #[serde(default = "most_retry_after")]
    pub retry_after_seconds: u32,
    /// How long a call may take as a whole: 1 to 120 s.
    #[serde(default = "timeout")]
    pub timeout_seconds: u64,
    /// How many calls may be in flight: 1 to 1,000.
    #[serde(default = "in_flight")]
    pub in_flight: usize,
    /// From where in the log it is notified when it is new.
    #[serde(default)]
    pub begins: Begins,
    /// Whether addresses of this machine may be called, and by `http` too.
    #[serde(default)]
    pub allow_loopback: bool,
    /// Ranges of addresses that may be called though they are not public, such as `10.1.0.0/16`.
    #[serde(default)]
    pub allowed_ranges: Vec<String>,
    /// Fields with secrets that it may have: `signing_url`, `token`.
    #[serde(default)]
    pub secret_fields: Vec<String>,
}

/// From where in the log an endpoint is notified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    /// Of what is recorded after it was first seen.
    #[default]
    Now,
    /// Of everything.
    AtTheBeginning,
}

const fn attempts() -> u32 {
    Schedule::ATTEMPTS
}

const fn most_retry_after() -> u32 {
    3600
}

const fn timeout() -> u64 {
    30
}

const fn in_flight() -> usize {
    32
}

/// What is wrong with an endpoint.
#[derive(Debug, thiserror::Error)]
#[error("endpoint.{setting} of `{name}`: {cause}")]
pub struct EndpointError {
    /// The endpoint.
    pub name: String,
    /// The setting.
    pub setting: &'static str,
    /// What is wrong with it.
    pub cause: String,
}

/// An endpoint whose settings are right.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) config: EndpointConfig,
    pub(super) url: Uri,
    pub(super) vetting: Vetting,
    pub(super) authorization: Option<HeaderValue>,
    keys: Vec<(Secret, Key)>,
}

/// What `*` means. What people were shown is no business of an endpoint.
const KINDS: [AggregateType; 6] = [
    AggregateType::Application,
    AggregateType::Charge,
    AggregateType::CustomerLink,
    AggregateType::Exception,
    AggregateType::PaymentMethod,
    AggregateType::Transaction,
];

/// The kinds of aggregates that anybody may be notified of.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().map(AggregateType::name)
}

/// Whether anybody may be notified of events of a kind.
pub(super) fn is_told(aggregate_type: &str) -> bool {
    kinds().any(|kind| kind == aggregate_type)
}

impl Endpoint {
    /// Checks the settings of an endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] for the first that is wrong.
    pub fn new(config: EndpointConfig, sources: &[&str]) -> Result<Self, EndpointError> {
        let check = Check::of(&config);
        check.bounds(&config)?;
        let url = check.url(&config)?;
        let vetting = check.vetting(&config, &url)?;
        let keys = check.keys(&config)?;
        check.names(&config, sources)?;
        let authorization = check.authorization(&config)?;
        Ok(Self { config, url, vetting, authorization, keys })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Where it is, without what may be a token.
    pub(super) fn authority(&self) -> &str {
        self.url.authority().map_or("", Authority::as_str)
    }

    /// The name of its bookmark.
    pub(super) fn reader(&self) -> ReaderName {
        format!("endpoint/{}", self.name()).into()
    }

    /// The name of the bookmark that tells where it began.
    pub(super) fn began(&self) -> ReaderName {
        format!("endpoint/{}/begins", self.name()).into()
    }

    pub(super) fn takes_source(&self, source: &str) -> bool {
        self.config.sources.is_empty() || self.config.sources.iter().any(|known| known == source)
    }

    /// Whether a secret holds now. Without one nothing is sent: it would not be signed.
    pub(super) fn signs(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|(secret, _)| secret.is_active(now))
    }

    /// What signs now.
    pub(super) fn keys(&self, now: Timestamp) -> Vec<Key> {
        let active = self.keys.iter().filter(|(secret, _)| secret.is_active(now));
        active.map(|(_, key)| key.clone()).collect()
    }

    pub(super) const fn limits(&self) -> Limits {
        let in_flight = self.config.in_flight;
        Limits { in_flight, kept: in_flight / 2 }
    }

    pub(super) fn schedule(&self) -> Schedule {
        let most = i64::from(self.config.retry_after_seconds) * 1000;
        Schedule::new(self.config.retries, self.config.attempts, most)
    }

    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_secs(self.config.timeout_seconds)
    }
}

/// The host of a URL, without the brackets of an address of IPv6.
pub(super) fn host(url: &Uri) -> &str {
    url.host().unwrap_or_default().trim_matches(['[', ']'])
}
