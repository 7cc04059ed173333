//! What operators see of sending, and what they do about it.

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use creditrail_sending::body;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Known, LOG, notice, requests::Asked};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
    },
    store::{
        Projected, StoreError,
        sending::{ENDPOINTS, NOTIFICATIONS, REQUESTS},
    },
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

/// An operator has notifications sent again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resend {
    /// To which endpoint.
    pub endpoint: String,
    /// Of which source.
    pub source: String,
    /// Of which kind of aggregate; with `id`.
    pub r#type: Option<String>,
    /// Of which aggregate; with `type`.
    pub id: Option<String>,
    /// What was recorded since then; only what is parked, if absent.
    pub since: Option<Timestamp>,
    /// Whether it is only told how much that is.
    #[serde(default)]
    pub dry_run: bool,
    /// Why. Required unless nothing is done.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// An operator has the notification skipped at which a lane is parked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// Of which endpoint.
    pub endpoint: String,
    /// Of which source.
    pub source: String,
    /// The position of the event.
    pub position: i64,
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

impl Creditrail {
    fn endpoint(&self, name: &str) -> Result<Known, CommandError> {
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

    /// Has notifications sent again: those at which lanes are parked, or all since a time. In order, by
    /// the way of all that is sent again, so that it holds up nothing new. First, or alone, tells how
    /// much that is.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint or source, not written.
    pub async fn resend(&self, asked: Resend) -> Result<Value, CommandError> {
        let known = self.endpoint(&asked.endpoint)?;
        self.source(&asked.source)?;
        let lane = match (&asked.r#type, &asked.id) {
            (Some(kind), Some(id)) => Some(format!("{kind}/{id}")),
            (None, None) => None,
            _ => {
                let cause = "is given together with `id`, or neither is";
                return Err(CommandError::Invalid { field: "type", cause });
            }
        };
        let (what, selected) = self.to_resend(&known, &asked, lane).await?;
        let answer = json!({
            "endpoint": asked.endpoint,
            "source": asked.source,
            "dry_run": asked.dry_run,
            "selected": selected,
        });
        if asked.dry_run {
            return Ok(answer);
        }
        let (why, actor) = (reason(asked.reason)?, person(asked.actor)?);
        let since = asked.since.map_or("parked".to_owned(), |since| format!("since {since}"));
        let about = format!("{selected} of {} to {}: {since}", asked.source, asked.endpoint);
        self.record_access(Act::NotificationsResent, &actor, (&about, &why)).await?;
        self.ask(&asked.source, &known, &what).await?;
        Ok(answer)
    }

    /// What is to be sent again, and how many notifications that is: of what is parked the lanes, of
    /// a stretch of the log the events.
    async fn to_resend(
        &self,
        known: &Known,
        asked: &Resend,
        lane: Option<String>,
    ) -> Result<(Asked, i64), ReadError> {
        let (name, source) = (known.endpoint.name(), asked.source.as_str());
        let Some(since) = asked.since else {
            let selected = match &lane {
                Some(lane) => {
                    let rows = self.store.lanes(source, vec![format!("{name}/{lane}")]).await?;
                    i64::try_from(rows.iter().filter(|row| row.is_parked).count()).unwrap_or(0)
                }
                None => {
                    let standing = self.store.lanes_standing(source, name).await?;
                    standing.iter().find(|(known, _)| known == "parked").map_or(0, |it| it.1)
                }
            };
            return Ok((Asked::Unpark { lane }, selected));
        };
        let head = self.store.head(source).await?.position;
        let before = since - SignedDuration::from_micros(1);
        let after = self.store.position_at(source, before, head).await?;
        let selected = match &lane {
            Some(lane) => self.of_lane(known, (source, lane), (after, head)).await?,
            None => {
                let kinds = self.store.kinds_between(source, (after, head)).await?;
                let taken =
                    kinds.iter().filter(|(kind, event, _)| known.endpoint.takes(kind, event));
                taken.map(|(_, _, count)| count).sum()
            }
        };
        Ok((Asked::Again { after, up_to: head, lane }, selected))
    }

    /// How many events of a lane stand between two positions.
    async fn of_lane(
        &self,
        known: &Known,
        (source, lane): (&str, &str),
        (after, up_to): (i64, i64),
    ) -> Result<i64, ReadError> {
        let Some((kind, id)) = lane.split_once('/') else { return Ok(0) };
        let stands = self.store.standing((source, kind), vec![id.to_owned()]).await?;
        let is_meant = stands.iter().filter(|stands| {
            stands.position > after
                && stands.position <= up_to
                && known.endpoint.takes(kind, &stands.event_type)
        });
        Ok(i64::try_from(is_meant.count()).unwrap_or(i64::MAX))
    }

    /// Has the notification skipped at which a lane is parked: the next of its lane says what was sent
    /// before it.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint or notification, not parked, not written.
    pub async fn skip(&self, asked: Skip) -> Result<Value, CommandError> {
        let known = self.endpoint(&asked.endpoint)?;
        self.source(&asked.source)?;
        let (why, actor) = (reason(asked.reason)?, person(asked.actor)?);
        let key = format!("{}/{:020}", asked.endpoint, asked.position);
        let found = self.store.document(&NOTIFICATIONS, &asked.source, &key).await;
        let found = found.map_err(ReadError::from)?;
        let not_found =
            || CommandError::NotFound { what: "notification", id: asked.position.to_string() };
        let found: Value =
            serde_json::from_str(&found.ok_or_else(not_found)?).map_err(ReadError::from)?;
        if found["status"] != "parked" {
            let cause = "is not parked: only what was given up is skipped";
            return Err(CommandError::Invalid { field: "position", cause });
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let subject = &found["subject"];
        let lane = format!("{}/{}", text(&subject["type"]), text(&subject["id"]));
        let about = format!("{} of {lane} to {}", text(&found["type"]), asked.endpoint);
        self.record_access(Act::NotificationSkipped, &actor, (&about, &why)).await?;
        let sequence = found["sequence"].as_i64().unwrap_or_default();
        let what = Asked::Skip { lane, sequence, actor, reason: why, at: self.now() };
        self.ask(&asked.source, &known, &what).await?;
        Ok(
            json!({ "endpoint": asked.endpoint, "source": asked.source, "position": asked.position }),
        )
    }

    async fn ask(&self, source: &str, known: &Known, asked: &Asked) -> Result<(), ReadError> {
        let now = self.now().as_microsecond();
        let change = Change {
            key: format!("{}/{now:020}-{}", known.endpoint.name(), Uuid::new_v4()),
            write: Write::Replace,
            position: 0,
            cells: vec![Cell::document(asked)],
        };
        let changes = vec![(&REQUESTS, vec![change])];
        self.store.project(source, Projected { changes, ..Projected::default() }).await?;
        known.told.asked.notify_one();
        Ok(())
    }
}
