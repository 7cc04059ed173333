//! What operators do about an endpoint: it is paused, resumed and tested.

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use creditrail_sending::body;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Known, LOG, notice};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
    },
    store::{Projected, StoreError, sending::ENDPOINTS},
};

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

    pub(super) async fn stands(&self, name: &str) -> Result<Value, StoreError> {
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
        self.endpoint_told(name).await
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
        self.endpoint_told(name).await
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
        let id = Uuid::new_v4();
        let envelope = known.endpoint.config.envelope;
        let body = body::test(envelope, id, (name, at)).map_err(ReadError::from)?;
        let id = id.to_string();
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
}
