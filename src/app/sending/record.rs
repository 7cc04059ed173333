//! What a sender keeps: where it is, the lanes that do not go on with the log, and notifications that
//! were not taken at once. All of it in one transaction.

use std::{collections::HashMap, time::Duration};

use creditrail_projections::{Cell, Change, Table, Write};
use creditrail_sending::{Outcome, Settled, events, lanes::Item as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    client::Answer,
    endpoint::Endpoint,
    notice::Due,
    portion::row_key,
    sender::{LaneKey, Sender, time},
};
use crate::store::{
    Cause, Projected,
    sending::{LANES, LaneRow, NOTIFICATIONS, REQUESTS},
};

/// How often progress is written.
const OFTEN: Duration = Duration::from_millis(100);
/// How many attempts of a notification are kept.
const KEPT_ATTEMPTS: usize = 20;

/// What is to be noted of a notification.
#[derive(Debug)]
pub(super) struct Noted {
    /// `endpoint/position`.
    key: String,
    position: i64,
    lane: String,
    status: &'static str,
    /// What the document has beside its attempts.
    document: Value,
    attempt: Option<Value>,
    /// Whether it is noted even of a notification of which nothing is kept.
    is_news: bool,
    is_gone: bool,
}

impl Noted {
    /// Whether the endpoint wants nothing any more.
    pub(super) const fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// That a notification is tried now, of which a document is kept.
    pub(super) fn tried_at(key: String, mut document: Value, now: i64) -> Self {
        document["status"] = json!("retrying");
        document["next_at"] = json!(time(now));
        let subject = ["type", "id"].map(|name| document["subject"][name].as_str().unwrap_or(""));
        Self {
            key,
            position: document["position"].as_i64().unwrap_or_default(),
            lane: subject.join("/"),
            status: "retrying",
            document,
            attempt: None,
            is_news: true,
            is_gone: false,
        }
    }

    /// That an operator had it skipped.
    pub(super) fn skipped(
        (endpoint, source): (&str, &str),
        due: &Due,
        (lane, skipped): (&str, Value),
    ) -> Self {
        let mut document = document((endpoint, source), due, ("skipped", None));
        document["skipped"] = skipped;
        Self {
            key: key((endpoint, due.event.position)),
            position: due.event.position,
            lane: lane.to_owned(),
            status: "skipped",
            document,
            attempt: None,
            is_news: true,
            is_gone: false,
        }
    }
}

fn key((endpoint, position): (&str, i64)) -> String {
    format!("{endpoint}/{position:020}")
}

fn document(
    (endpoint, source): (&str, &str),
    due: &Due,
    (status, next_at): (&str, Option<i64>),
) -> Value {
    json!({
        "source": source,
        "endpoint": endpoint,
        "id": due.id(endpoint, source),
        "type": events::name(&due.event.aggregate_type, &due.event.event_type),
        "subject": { "type": due.event.aggregate_type, "id": due.stream() },
        "position": due.event.position,
        "sequence": due.event.sequence,
        "previous_sequence": due.previous,
        "status": status,
        "next_at": next_at.map(time),
        "attempts": [],
    })
}

/// What an answer said, without what this endpoint alone may know.
pub(super) fn redacted(endpoint: &Endpoint, said: &str) -> String {
    let config = &endpoint.config;
    let secrets = config.secrets.iter().map(|secret| secret.value.expose_secret());
    let authorization = config.authorization.iter().map(|given| given.value.expose_secret());
    let mut said = said.to_owned();
    for secret in secrets.chain(authorization) {
        let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
        let bare = bare.rsplit(' ').next().unwrap_or(bare);
        for known in [secret, bare] {
            if known.len() >= 8 {
                said = said.replace(known, "…");
            }
        }
    }
    crate::sources::scrub::masked(&said)
}

impl Sender {
    /// Notes what came of an attempt at a notification.
    pub(super) fn note(
        &mut self,
        lane: &LaneKey,
        (due, attempt): (&Due, u32),
        (came, settled): (Result<Answer, Cause>, Settled),
    ) {
        let Ok(answer) = came else { return };
        let (status, next_at) = match settled {
            Settled::Taken | Settled::Emptied { .. } => ("delivered", None),
            Settled::Retry { at, .. } => ("retrying", Some(at)),
            Settled::Parked { .. } => ("parked", None),
        };
        let endpoint = &self.known.endpoint;
        let source = &self.logs[lane.log].source;
        let told = json!({
            "at": answer.at,
            "attempt": attempt,
            "status": answer.status,
            "said": redacted(endpoint, &answer.said),
            "took_ms": i64::try_from(answer.took.as_millis()).unwrap_or(i64::MAX),
        });
        let noted = Noted {
            key: key((endpoint.name(), due.event.position)),
            position: due.event.position,
            lane: lane.lane.to_string(),
            status,
            document: document((endpoint.name(), source), due, (status, next_at)),
            attempt: Some(told),
            is_news: answer.outcome != Outcome::Taken || attempt > 1,
            is_gone: answer.outcome == Outcome::Gone,
        };
        self.logs[lane.log].noted.push(noted);
    }

    /// Whether something came of calls that is not written.
    pub(super) fn is_unwritten(&self) -> bool {
        let of = |(place, log): (usize, &super::sender::Log)| {
            log.is_mine && (!log.rows.is_empty() || self.watermark(place) > log.bookmark)
        };
        self.logs.iter().enumerate().any(of)
    }

    pub(super) async fn flush_if_due(&mut self) -> Result<(), Cause> {
        let has_rows = self.logs.iter().any(|log| !log.rows.is_empty() || !log.done.is_empty());
        if has_rows || self.flushed_at.elapsed() >= OFTEN {
            self.flush().await?;
        }
        Ok(())
    }

    /// Up to where everything was taken, or stands in a row.
    fn watermark(&self, place: usize) -> i64 {
        let log = &self.logs[place];
        let waiting = self.lanes.heads().filter(|(key, _, is_in_line)| {
            key.log == place && *is_in_line && !log.rowed.contains(*key)
        });
        let first = waiting.map(|(_, head, _)| head.position() - 1).min();
        first.unwrap_or(log.read).max(log.bookmark)
    }

    /// Gives a row to each lane whose head is the same as a while ago: one call that takes long does
    /// not hold the bookmark.
    pub(super) fn note_slow_heads(&mut self) {
        let now = self.now();
        for place in 0..self.logs.len() {
            let heads = self.lanes.heads().filter(|(key, _, is_in_line)| {
                key.log == place && *is_in_line && !self.logs[place].rowed.contains(*key)
            });
            let heads: HashMap<LaneKey, (i64, i64)> = heads
                .map(|(key, head, _)| (key.clone(), (head.position(), head.sequence())))
                .collect();
            let log = &mut self.logs[place];
            let then = std::mem::take(&mut log.heads_then);
            for (key, (position, sequence)) in heads {
                if then.get(&key) != Some(&position) {
                    log.heads_then.insert(key, position);
                    continue;
                }
                let name = row_key(self.known.endpoint.name(), &key);
                let row = LaneRow {
                    key: name.clone(),
                    is_parked: false,
                    after_sequence: sequence - 1,
                    attempts: 0,
                    next_at: now,
                };
                log.rows.insert(name, Some(row));
                log.rowed.insert(key);
            }
        }
    }

    /// Writes what there is to write.
    pub(super) async fn flush(&mut self) -> Result<(), Cause> {
        self.flushed_at = Instant::now();
        for place in 0..self.logs.len() {
            let (watermark, log) = (self.watermark(place), &self.logs[place]);
            let is_idle = log.rows.is_empty() && log.noted.is_empty() && log.done.is_empty();
            if !log.is_mine || is_idle && watermark == log.bookmark {
                continue;
            }
            let changes = self.changes(place).await?;
            let reader = self.endpoint().reader();
            let log = &self.logs[place];
            let projected = Projected {
                changes,
                bookmarks: vec![(reader, log.bookmark, watermark)],
                holder: Some(self.holder.clone()),
            };
            if !self.house.store.project(&log.source, projected).await? {
                self.give_up();
                return Err("another instance sends to this endpoint".into());
            }
            let log = &mut self.logs[place];
            log.bookmark = watermark;
            log.rows.clear();
            log.noted.clear();
            log.done.clear();
        }
        Ok(())
    }

    async fn changes(&self, place: usize) -> Result<Vec<(&'static Table, Vec<Change>)>, Cause> {
        let log = &self.logs[place];
        let lanes = log.rows.iter().map(|(key, row)| match row {
            None => deleted(key.clone()),
            Some(row) => Change {
                key: key.clone(),
                write: Write::Replace,
                position: 0,
                cells: vec![
                    self.endpoint().name().into(),
                    if row.is_parked { "parked" } else { "retrying" }.into(),
                    row.after_sequence.into(),
                    row.attempts.into(),
                    row.next_at.into(),
                ],
            },
        });
        let done = log.done.iter().cloned().map(deleted);
        Ok(vec![
            (&LANES, lanes.collect()),
            (&NOTIFICATIONS, self.notifications(place).await?),
            (&REQUESTS, done.collect()),
        ])
    }

    /// The notifications with what was noted of them, after what is kept of them.
    async fn notifications(&self, place: usize) -> Result<Vec<Change>, Cause> {
        let log = &self.logs[place];
        if log.noted.is_empty() {
            return Ok(Vec::new());
        }
        let keys = log.noted.iter().map(|noted| noted.key.clone()).collect();
        let kept = self.house.store.notification_documents(&log.source, keys).await?;
        let mut documents: HashMap<String, Value> = HashMap::new();
        for (key, document) in kept {
            documents.insert(key, serde_json::from_str(&document)?);
        }
        let mut changes = std::collections::BTreeMap::new();
        for noted in &log.noted {
            let kept = documents.get(&noted.key);
            if kept.is_none() && !noted.is_news {
                continue;
            }
            let mut document = noted.document.clone();
            let attempts = kept.and_then(|kept| kept["attempts"].as_array().cloned());
            let mut attempts = attempts.unwrap_or_default();
            attempts.extend(noted.attempt.clone());
            let beyond = attempts.len().saturating_sub(KEPT_ATTEMPTS);
            attempts.drain(..beyond);
            document["attempts"] = attempts.into();
            let cells = vec![
                noted.position.into(),
                self.endpoint().name().into(),
                noted.lane.as_str().into(),
                noted.status.into(),
                Cell::document(&document),
            ];
            documents.insert(noted.key.clone(), document);
            let (key, write) = (noted.key.clone(), Write::Replace);
            changes.insert(key.clone(), Change { key, write, position: noted.position, cells });
        }
        Ok(changes.into_values().collect())
    }
}

pub(super) const fn deleted(key: String) -> Change {
    Change { key, write: Write::Delete, position: 0, cells: Vec::new() }
}
