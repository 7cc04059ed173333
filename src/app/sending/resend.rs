//! What operators have sent again, and what they have skipped.

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Known, listed::WAITING, requests::Asked, taken::Stretches};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
    },
    store::{
        Projected,
        sending::{ENDPOINTS, NOTIFICATIONS, REQUESTS},
    },
};

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
    /// What was recorded since then; what was tried and not taken, if absent.
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

/// An operator has the notification skipped at which a lane waits.
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
    /// What an endpoint is told of; `None` if it has not begun.
    pub(super) async fn taken(
        &self,
        source: &str,
        endpoint: &str,
    ) -> Result<Option<Stretches>, ReadError> {
        let found = self.store.documents_of(source, &ENDPOINTS, endpoint).await?;
        let own = found.into_iter().find(|(key, _)| key == endpoint);
        Ok(own.map(|(_, document)| Stretches::of(&document)).transpose()?)
    }

    /// Has notifications sent again: those at which lanes wait, or all since a time. In order, by
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
        let since = asked.since.map_or("not taken".to_owned(), |since| format!("since {since}"));
        let about = format!("{selected} of {} to {}: {since}", asked.source, asked.endpoint);
        self.record_access(Act::NotificationsResent, &actor, (&about, &why)).await?;
        self.ask(&asked.source, &known, &what).await?;
        Ok(answer)
    }

    /// What is to be sent again, and how many notifications that is: of what waits the lanes, of
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
                    i64::try_from(rows.iter().filter(|row| row.attempts > 0).count()).unwrap_or(0)
                }
                None => self.store.failing(source, name).await?,
            };
            return Ok((Asked::GoOn { lane }, selected));
        };
        let head = self.store.head(source).await?.position;
        let before = since - SignedDuration::from_micros(1);
        let after = self.store.position_at(source, before, head).await?;
        let selected = match &lane {
            Some(lane) => self.of_lane((source, name), lane, (after, head)).await?,
            None => self.events_taken((source, name), (after, head)).await?,
        };
        Ok((Asked::Again { after, up_to: head, lane }, selected))
    }

    /// How many events an endpoint was told of, or is to be, between two positions.
    async fn events_taken(
        &self,
        (source, endpoint): (&str, &str),
        within: (i64, i64),
    ) -> Result<i64, ReadError> {
        let taken = self.taken(source, endpoint).await?.unwrap_or_default();
        let mut count = 0;
        for (after, up_to) in taken.parts(within) {
            let kinds = self.store.kinds_between(source, (after, up_to)).await?;
            let kinds = kinds.iter().filter(|(kind, event, _)| taken.take(up_to, kind, event));
            count += kinds.map(|(_, _, count)| count).sum::<i64>();
        }
        Ok(count)
    }

    /// How many of them are of a lane.
    async fn of_lane(
        &self,
        (source, endpoint): (&str, &str),
        lane: &str,
        (after, up_to): (i64, i64),
    ) -> Result<i64, ReadError> {
        let taken = self.taken(source, endpoint).await?.unwrap_or_default();
        let Some((kind, id)) = lane.split_once('/') else { return Ok(0) };
        let stands = self.store.standing((source, kind), vec![id.to_owned()]).await?;
        let is_meant = stands.iter().filter(|stands| {
            stands.position > after
                && stands.position <= up_to
                && taken.take(stands.position, kind, &stands.event_type)
        });
        Ok(i64::try_from(is_meant.count()).unwrap_or(i64::MAX))
    }

    /// Has the notification skipped at which a lane waits: the next of its lane says what was sent
    /// before it.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint or notification, not waiting, not written.
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
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let subject = &found["subject"];
        let lane = format!("{}/{}", text(&subject["type"]), text(&subject["id"]));
        let row = vec![format!("{}/{lane}", asked.endpoint)];
        let waits = self.store.lanes(&asked.source, row).await.map_err(ReadError::from)?;
        let is_waiting = WAITING.iter().any(|status| found["status"] == *status);
        if !is_waiting || waits.is_empty() {
            let cause = "does not wait: only what was tried and not taken is skipped";
            return Err(CommandError::Invalid { field: "position", cause });
        }
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
