//! What operators ask of a sender. It alone writes lanes, so what is asked for stands in a table until
//! it is done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    notice::Due,
    portion::{key_of, row_key},
    record::Noted,
    sender::{LaneKey, Sender},
};
use crate::store::{
    Cause, RawEvent,
    sending::{LaneRow, REQUESTS},
};
use creditrail_sending::lanes::Item as _;

/// How many lanes or events are looked at in one transaction.
const PORTION: i64 = 500;

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Asked {
    /// That lanes whose next event was not taken go on now: all, or one.
    #[serde(alias = "unpark")]
    GoOn {
        /// `aggregate_type/aggregate`.
        lane: Option<String>,
    },
    /// That what the log has between two positions is sent again: of all lanes, or one.
    Again {
        /// Behind it.
        after: i64,
        /// No farther.
        up_to: i64,
        /// `aggregate_type/aggregate`.
        lane: Option<String>,
    },
    /// That an event is never sent at which a lane waits.
    Skip {
        /// `aggregate_type/aggregate`.
        lane: String,
        /// The head's place in its stream.
        sequence: i64,
        /// Who decided.
        actor: String,
        /// Why.
        reason: String,
        /// When.
        at: jiff::Timestamp,
    },
}

impl Sender {
    /// Does what is asked for.
    pub(super) async fn do_requests(&mut self) -> Result<(), Cause> {
        for place in 0..self.logs.len() {
            if !self.logs[place].is_mine {
                continue;
            }
            let prefix = format!("{}/", self.endpoint().name());
            let source = self.logs[place].source.clone();
            let asked = self.house.store.documents_of(&source, &REQUESTS, &prefix).await?;
            for (key, document) in asked {
                let is_done = match serde_json::from_str(&document)? {
                    Asked::GoOn { lane } => {
                        self.go_on(place, lane).await?;
                        true
                    }
                    Asked::Again { after, up_to, lane } => {
                        self.again(place, (after, up_to), lane).await?;
                        true
                    }
                    Asked::Skip { lane, sequence, actor, reason, at } => {
                        let skipped = json!({ "actor": actor, "reason": reason, "at": at });
                        self.skip(place, (&lane, sequence), skipped).await?
                    }
                };
                if is_done {
                    self.logs[place].done.push(key);
                }
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn go_on(&mut self, place: usize, lane: Option<String>) -> Result<(), Cause> {
        let (endpoint, source) =
            (self.endpoint().name().to_owned(), self.logs[place].source.clone());
        if let Some(lane) = lane {
            let rows = self.house.store.lanes(&source, vec![format!("{endpoint}/{lane}")]).await?;
            return self.try_now(place, rows).await;
        }
        let mut after = String::new();
        loop {
            self.keep().await?;
            let of = (source.as_str(), endpoint.as_str());
            let rows = self.house.store.failing_lanes(of, (&after, PORTION)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.key);
            self.try_now(place, rows).await?;
            self.flush().await?;
        }
    }

    /// Has lanes tried now, with all their attempts, and says so of what they were parked at.
    async fn try_now(&mut self, place: usize, rows: Vec<LaneRow>) -> Result<(), Cause> {
        let (endpoint, now) = (self.endpoint().name().to_owned(), self.now());
        let lanes = rows.iter().filter(|row| row.is_parked);
        let lanes: Vec<String> =
            lanes.map(|row| self.key_of(place, &row.key).lane.to_string()).collect();
        if !lanes.is_empty() {
            let of = (self.logs[place].source.as_str(), endpoint.as_str());
            let parked = self.house.store.parked_documents(of, lanes).await?;
            for (key, document) in parked {
                let noted = Noted::tried_at(key, serde_json::from_str(&document)?, now);
                self.logs[place].noted.push(noted);
            }
        }
        for row in rows {
            let row = LaneRow { is_parked: false, attempts: 0, next_at: now, ..row };
            self.logs[place].rows.insert(row.key.clone(), Some(row));
        }
        Ok(())
    }

    /// Has lanes go back to before their first event in a stretch of the log.
    async fn again(
        &mut self,
        place: usize,
        (after, up_to): (i64, i64),
        lane: Option<String>,
    ) -> Result<(), Cause> {
        let source = self.logs[place].source.clone();
        // What was not read yet is sent anyway.
        let up_to = up_to.min(self.logs[place].read);
        let mut at = after;
        while at < up_to {
            self.keep().await?;
            let events = self.house.store.raw_events_after(&source, at, PORTION).await?;
            let Some(last) = events.last() else { break };
            at = last.position;
            let mut firsts = BTreeMap::<LaneKey, i64>::new();
            let is_meant = |event: &&RawEvent| {
                let key = key_of(place, event);
                event.position <= up_to
                    && self.logs[place].takes(event)
                    && lane.as_deref().is_none_or(|lane| *key.lane == *lane)
            };
            for event in events.iter().filter(is_meant) {
                firsts.entry(key_of(place, event)).or_insert(event.sequence);
            }
            self.go_back(place, firsts).await?;
            self.flush().await?;
        }
        Ok(())
    }

    async fn go_back(&mut self, place: usize, firsts: BTreeMap<LaneKey, i64>) -> Result<(), Cause> {
        let endpoint = self.endpoint().name().to_owned();
        let keys = firsts.keys().map(|key| row_key(&endpoint, key)).collect();
        let rows = self.house.store.lanes(&self.logs[place].source, keys).await?;
        let rows: BTreeMap<String, LaneRow> =
            rows.into_iter().map(|row| (row.key.clone(), row)).collect();
        let now = self.now();
        for (lane, first) in firsts {
            let key = row_key(&endpoint, &lane);
            let head = self.lanes.head(&lane).map(|head| head.sequence() - 1);
            let known = rows.get(&key).map(|row| row.after_sequence);
            let after = [Some(first - 1), head, known].into_iter().flatten().min();
            let after_sequence = after.unwrap_or(first - 1);
            let is_here = !self.lanes.withdraw(&lane);
            let log = &mut self.logs[place];
            if is_here {
                log.rewinds.insert(lane.clone(), after_sequence);
                log.rowed.insert(lane);
            } else {
                log.rowed.remove(&lane);
            }
            let row = LaneRow {
                key: key.clone(),
                is_parked: false,
                after_sequence,
                attempts: 0,
                next_at: now,
            };
            log.rows.insert(key, Some(row));
        }
        Ok(())
    }

    /// Has a lane go on behind an event at which it waits. Whether it is settled: a call in flight is
    /// waited for.
    async fn skip(
        &mut self,
        place: usize,
        (lane, sequence): (&str, i64),
        skipped: serde_json::Value,
    ) -> Result<bool, Cause> {
        let (endpoint, source) =
            (self.endpoint().name().to_owned(), self.logs[place].source.clone());
        self.flush().await?;
        let rows = self.house.store.lanes(&source, vec![format!("{endpoint}/{lane}")]).await?;
        let Some(row) = rows.into_iter().find(|row| row.after_sequence < sequence) else {
            return Ok(true); // It was taken meanwhile.
        };
        let Some((kind, id)) = lane.split_once('/') else { return Ok(true) };
        let within = (sequence - 1, i64::MAX);
        let found = self.house.store.events_of_lane((&source, kind, id), within, 1).await?;
        let Some(event) = found.into_iter().next().filter(|event| event.sequence == sequence)
        else {
            return Ok(true);
        };
        let key = LaneKey { log: place, lane: lane.into() };
        if !self.lanes.withdraw(&key) {
            return Ok(false);
        }
        self.logs[place].rowed.remove(&key);
        let due = Due { event, previous: None };
        self.logs[place].noted.push(Noted::skipped((&endpoint, &source), &due, (lane, skipped)));
        let next_at = self.now();
        let row =
            LaneRow { is_parked: false, after_sequence: sequence, attempts: 0, next_at, ..row };
        self.logs[place].rows.insert(row.key.clone(), Some(row));
        Ok(true)
    }
}
