//! What operators see of endpoints: their settings but for secrets, and how each stands.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{EndpointConfig, Known, Told, known::Unusable};
use crate::{
    app::{Creditrail, command::CommandError, read::ReadError},
    sources::signature::Secret,
    store::StoreError,
};

/// How an endpoint stands, as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The endpoint.
    pub endpoint: String,
    /// Whether it is paused.
    pub is_paused: bool,
    /// How far it is behind, by source.
    pub lags: Vec<Lag>,
}

/// How far an endpoint is behind with a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The source.
    pub source: String,
    /// Up to where its log was gone through.
    pub position: i64,
    /// How many events come after it.
    pub events: i64,
    /// When the next of them was recorded; `None` at the head.
    pub oldest_at: Option<Timestamp>,
    /// For how long it has been waiting.
    pub age: Duration,
    /// Lanes that wait for an attempt.
    pub retrying: i64,
    /// Lanes that wait for a person.
    pub parked: i64,
}

impl Lag {
    fn document(&self) -> Value {
        json!({
            "source": self.source,
            "position": self.position,
            "events_behind": self.events,
            "oldest_at": self.oldest_at,
            "lanes_retrying": self.retrying,
            "lanes_parked": self.parked,
        })
    }
}

/// The settings of an endpoint by their names, but for its name and what is or may be secret.
pub(super) fn plain(config: &EndpointConfig) -> Map<String, Value> {
    let settings = json!({
        "events": config.events,
        "sources": config.sources,
        "signature": config.signature,
        "envelope": config.envelope,
        "retries": config.retries,
        "attempts": config.attempts,
        "retry_after_seconds": config.retry_after_seconds,
        "timeout_seconds": config.timeout_seconds,
        "in_flight": config.in_flight,
        "begins": config.begins,
        "allow_loopback": config.allow_loopback,
        "allowed_ranges": config.allowed_ranges,
        "secret_fields": config.secret_fields,
    });
    if let Value::Object(settings) = settings { settings } else { Map::new() }
}

/// A secret without its value.
fn secret(secret: &Secret, now: Timestamp) -> Value {
    json!({
        "id": secret.id,
        "not_before": secret.not_before,
        "not_after": secret.not_after,
        "holds": secret.is_active(now),
    })
}

/// An endpoint that is kept, and cannot be told of anything.
fn unusable(name: &str, unusable: &Unusable) -> Value {
    json!({ "name": name, "configured_by": "http", "unusable": unusable.why })
}

impl Creditrail {
    /// The names of the endpoints, sorted.
    pub fn endpoint_names(&self) -> Vec<String> {
        let unusable = self.endpoints.unusable();
        let names: BTreeSet<_> =
            self.endpoints.now().keys().chain(unusable.keys()).cloned().collect();
        names.into_iter().collect()
    }

    /// All endpoints, each with how it stands, by their names.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn endpoint_documents(&self) -> Result<Vec<Value>, ReadError> {
        let names = self.endpoint_names();
        let mut documents = Vec::with_capacity(names.len());
        for name in names {
            // One may be deleted meanwhile.
            documents.extend(self.endpoint_document(&name).await?);
        }
        Ok(documents)
    }

    /// An endpoint with its settings and how it stands.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::NotRead`].
    pub async fn endpoint_told(&self, name: &str) -> Result<Value, CommandError> {
        let not_found = || CommandError::NotFound { what: "endpoint", id: name.to_owned() };
        self.endpoint_document(name).await?.ok_or_else(not_found)
    }

    async fn endpoint_document(&self, name: &str) -> Result<Option<Value>, ReadError> {
        let Some(known) = self.endpoints.now().get(name).cloned() else {
            return Ok(self.endpoints.unusable().get(name).map(|found| unusable(name, found)));
        };
        let Known { endpoint, told, revision, .. } = &known;
        let (config, now) = (&endpoint.config, self.now());
        let mut document = plain(config);
        // That name has how far each source is.
        let of_sources = document.remove("sources").unwrap_or_default();
        let lags = self.lags_of(&known).await?;
        let secrets = config.secrets.iter().map(|known| secret(known, now));
        let more = [
            ("name", json!(name)),
            // A path or a query may have a token: only the host is told.
            ("host", json!(endpoint.authority())),
            ("configured_by", json!(if revision.is_some() { "http" } else { "settings" })),
            ("of_sources", of_sources),
            ("secrets", secrets.collect()),
            ("has_authorization", json!(endpoint.authorization.is_some())),
            ("signs", json!(endpoint.signs(now))),
            ("paused", self.stands(name).await?["paused"].take()),
            ("breaker", json!(told.breaker().name())),
            ("sources", lags.iter().map(Lag::document).collect()),
        ];
        document.extend(more.map(|(member, value)| (member.to_owned(), value)));
        Ok(Some(Value::Object(document)))
    }

    /// The senders of this instance, by endpoint.
    pub(in crate::app) fn senders(&self) -> Vec<(String, Arc<Told>)> {
        let endpoints = self.endpoints.now();
        endpoints.iter().map(|(name, known)| (name.clone(), Arc::clone(&known.told))).collect()
    }

    /// How each endpoint stands.
    pub(in crate::app) async fn standing(&self) -> Result<Vec<Standing>, ReadError> {
        let endpoints = self.endpoints.now();
        let mut all = Vec::with_capacity(endpoints.len());
        for (name, known) in &*endpoints {
            let is_paused = self.is_paused(name).await?;
            let lags = self.lags_of(known).await?;
            all.push(Standing { endpoint: name.clone(), is_paused, lags });
        }
        Ok(all)
    }

    async fn lags_of(&self, known: &Known) -> Result<Vec<Lag>, StoreError> {
        let (endpoint, mut lags) = (&known.endpoint, Vec::new());
        for source in self.sources.keys().filter(|source| endpoint.takes_source(source)) {
            lags.push(self.lag_of(source, (endpoint.name(), &endpoint.reader())).await?);
        }
        Ok(lags)
    }

    async fn lag_of(&self, source: &str, (name, reader): (&str, &str)) -> Result<Lag, StoreError> {
        let passed = self.store.passed(source).await?;
        let found = passed.iter().find(|passed| passed.reader == reader);
        let head = self.store.head(source).await?.position;
        let position = found.map_or(head, |found| found.position);
        let standing = self.store.lanes_standing(source, name).await?;
        let of = |status: &str| {
            standing.iter().find(|(known, _)| known == status).map_or(0, |(_, count)| *count)
        };
        let oldest_at = found.and_then(|found| found.next_at);
        let age = oldest_at.map(|at| self.now().duration_since(at));
        Ok(Lag {
            source: source.to_owned(),
            position,
            events: (head - position).max(0),
            oldest_at,
            age: age.and_then(|age| age.try_into().ok()).unwrap_or_default(),
            retrying: of("retrying"),
            parked: of("parked"),
        })
    }
}
