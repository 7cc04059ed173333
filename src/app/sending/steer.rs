//! What operators see of sending, and what they do about it.

use std::{sync::Arc, time::Duration};

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Known, LOG, Told, notice};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
    },
    store::{Projected, StoreError, sending::ENDPOINTS},
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

/// An operator decides about an endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteerEndpoint {
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

impl Creditrail {
    pub(super) fn endpoint(&self, name: &str) -> Result<Known, CommandError> {
        let not_found = || CommandError::NotFound { what: "endpoint", id: name.to_owned() };
        self.endpoints.now().get(name).cloned().ok_or_else(not_found)
    }

    async fn stands(&self, name: &str) -> Result<Value, StoreError> {
        let found = self.store.documents_of(LOG, &ENDPOINTS, name).await?;
        let own = found.into_iter().find(|(key, _)| key == name);
        Ok(own.and_then(|(_, document)| serde_json::from_str(&document).ok()).unwrap_or_default())
    }

    pub(super) async fn is_paused(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.stands(name).await?["paused"].is_object())
    }

    /// Writes how an endpoint stands: by whom it is paused, and to what it answered 410.
    async fn set(&self, name: &str, (paused, gone): (Value, Value)) -> Result<(), StoreError> {
        let change = Change {
            key: name.to_owned(),
            write: Write::Replace,
            position: 0,
            cells: vec![Cell::document(&json!({ "paused": paused, "gone": gone }))],
        };
        let changes = vec![(&ENDPOINTS, vec![change])];
        self.store.project(LOG, Projected { changes, ..Projected::default() }).await?;
        if let Some(known) = self.endpoints.now().get(name) {
            known.told.asked.notify_one();
        }
        Ok(())
    }

    /// The endpoint about which an operator decides, why and by whom, once it is on record.
    async fn steered(
        &self,
        act: Act,
        (name, steer): (&str, SteerEndpoint),
    ) -> Result<(Known, String, String), CommandError> {
        let known = self.endpoint(name)?;
        let (why, actor) = (reason(steer.reason)?, person(steer.actor)?);
        self.record_access(act, &actor, (name, &why)).await?;
        Ok((known, why, actor))
    }

    /// Pauses an endpoint that answered that it wants nothing any more.
    pub(super) async fn pause_gone(
        &self,
        name: &str,
        (source, position): (&str, i64),
    ) -> Result<(), CommandError> {
        let reason = "it answered 410: it wants nothing any more";
        let steer =
            SteerEndpoint { reason: reason.to_owned(), actor: Some(format!("endpoint:{name}")) };
        tracing::error!(endpoint = name, "an endpoint answered 410 and is paused");
        let gone = json!({ "at": self.now(), "source": source, "position": position });
        self.pause(name, steer, gone).await.map(drop)
    }

    async fn pause(
        &self,
        name: &str,
        steer: SteerEndpoint,
        gone: Value,
    ) -> Result<Value, CommandError> {
        let (_, why, actor) = self.steered(Act::EndpointPaused, (name, steer)).await?;
        let paused = json!({ "at": self.now(), "actor": actor, "reason": why });
        self.set(name, (paused, gone)).await.map_err(ReadError::from)?;
        Ok(self.endpoint_document(name).await?)
    }

    /// Has nothing more sent to an endpoint until it is resumed. What is recorded meanwhile is sent
    /// then.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint, not written.
    pub async fn pause_endpoint(
        &self,
        name: &str,
        steer: SteerEndpoint,
    ) -> Result<Value, CommandError> {
        // What it answered before stays to be looked at.
        let gone = self.stands(name).await.map_err(ReadError::from)?["gone"].take();
        self.pause(name, steer, gone).await
    }

    /// Has an endpoint sent to again that was paused.
    ///
    /// # Errors
    /// As [`Self::pause_endpoint`].
    pub async fn resume_endpoint(
        &self,
        name: &str,
        steer: SteerEndpoint,
    ) -> Result<Value, CommandError> {
        self.steered(Act::EndpointResumed, (name, steer)).await?;
        self.set(name, (Value::Null, Value::Null)).await.map_err(ReadError::from)?;
        Ok(self.endpoint_document(name).await?)
    }

    /// Calls an endpoint with a notification of type `creditrail.test`, which tells of nothing.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint, not recorded.
    pub async fn test_endpoint(
        &self,
        name: &str,
        steer: SteerEndpoint,
    ) -> Result<Value, CommandError> {
        let (known, ..) = self.steered(Act::EndpointTested, (name, steer)).await?;
        let at = self.now();
        if !known.endpoint.signs(at) {
            let cause = "none holds now, and nothing is sent that is not signed";
            return Err(CommandError::Setting { field: "secrets".into(), cause: cause.into() });
        }
        let id = Uuid::new_v4().to_string();
        let body = json!({ "id": id, "type": "creditrail.test", "occurred_at": at, "data": {} });
        let body = body.to_string().into_bytes();
        let headers = notice::headers(&known.endpoint, (&id, at), &body);
        let answer = known.caller.call(headers, body.into(), at).await;
        Ok(json!({
            "endpoint": name,
            "id": id,
            "is_taken": answer.outcome == creditrail_sending::Outcome::Taken,
            "status": answer.status,
            "said": super::record::redacted(&known.endpoint, &answer.said),
            "took_ms": i64::try_from(answer.took.as_millis()).unwrap_or(i64::MAX),
        }))
    }

    /// The names of the endpoints, sorted.
    pub fn endpoint_names(&self) -> Vec<String> {
        self.endpoints.now().keys().cloned().collect()
    }

    /// All endpoints, each with how it stands.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn endpoint_documents(&self) -> Result<Vec<Value>, ReadError> {
        let endpoints = self.endpoints.now();
        let mut documents = Vec::with_capacity(endpoints.len());
        for name in endpoints.keys() {
            documents.push(self.endpoint_document(name).await?);
        }
        Ok(documents)
    }

    pub(super) async fn endpoint_document(&self, name: &str) -> Result<Value, ReadError> {
        let Some(known) = self.endpoints.now().get(name).cloned() else { return Ok(Value::Null) };
        let Known { endpoint, told, revision, .. } = &known;
        let config = &endpoint.config;
        let paused = self.stands(name).await?["paused"].take();
        let lag = |lag: &Lag| {
            json!({
                "source": lag.source,
                "position": lag.position,
                "events_behind": lag.events,
                "oldest_at": lag.oldest_at,
                "lanes_retrying": lag.retrying,
                "lanes_parked": lag.parked,
            })
        };
        let lags = self.lags_of(&known).await?;
        let sources: Vec<Value> = lags.iter().map(lag).collect();
        // A path or a query may have a token: only the host is told.
        let host = endpoint.url.authority().map_or("", http::uri::Authority::as_str);
        Ok(json!({
            "name": name,
            "host": host,
            "configured_by": if revision.is_some() { "http" } else { "settings" },
            "events": config.events,
            "signature": config.signature,
            "envelope": config.envelope,
            "secret_ids": config.secrets.iter().map(|secret| &secret.id).collect::<Vec<_>>(),
            "signs": endpoint.signs(self.now()),
            "secret_fields": config.secret_fields,
            "paused": paused,
            "breaker": told.breaker().name(),
            "sources": sources,
        }))
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

    async fn lags_of(&self, known: &Known) -> Result<Vec<Lag>, ReadError> {
        let (endpoint, mut lags) = (&known.endpoint, Vec::new());
        for source in self.sources.keys().filter(|source| endpoint.takes_source(source)) {
            lags.push(self.lag_of(source, (endpoint.name(), &endpoint.reader())).await?);
        }
        Ok(lags)
    }

    async fn lag_of(&self, source: &str, (name, reader): (&str, &str)) -> Result<Lag, ReadError> {
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
