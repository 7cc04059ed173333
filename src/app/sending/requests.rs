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
    /// That lanes which are parked go on: all, or one.
    Unpark {
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
    /// That the head of a parked lane is never sent.
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
                match serde_json::from_str(&document)? {
                    Asked::Unpark { lane } => self.unpark(place, lane).await?,
                    Asked::Again { after, up_to, lane } => {
                        self.again(place, (after, up_to), lane).await?;
                    }
                    Asked::Skip { lane, sequence, actor, reason, at } => {
                        let skipped = json!({ "actor": actor, "reason": reason, "at": at });
                        self.skip(place, (&lane, sequence), skipped).await?;
                    }
                }
                self.logs[place].done.push(key);
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn going_on(&self, row: LaneRow) -> (String, Option<LaneRow>) {
        let now = self.now();
        (row.key.clone(), Some(LaneRow { is_parked: false, attempts: 0, next_at: now, ..row }))
    }

    async fn unpark(&mut self, place: usize, lane: Option<String>) -> Result<(), Cause> {
        let (endpoint, source) =
            (self.endpoint().name().to_owned(), self.logs[place].source.clone());
        if let Some(lane) = lane {
            let rows = self.house.store.lanes(&source, vec![format!("{endpoint}/{lane}")]).await?;
            for row in rows.into_iter().filter(|row| row.is_parked) {
                let (key, row) = self.going_on(row);
                self.logs[place].rows.insert(key, row);
            }
            return Ok(());
        }
        let mut after = String::new();
        loop {
            self.keep().await?;
            let of = (source.as_str(), endpoint.as_str());
            let rows = self.house.store.parked_lanes(of, (&after, PORTION)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.key);
            for row in rows {
                let (key, row) = self.going_on(row);
                self.logs[place].rows.insert(key, row);
            }
            self.flush().await?;
        }
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
                    && self.endpoint().takes(&event.aggregate_type, &event.event_type)
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

    async fn skip(
        &mut self,
        place: usize,
        (lane, sequence): (&str, i64),
        skipped: serde_json::Value,
    ) -> Result<(), Cause> {
        let (endpoint, source) =
            (self.endpoint().name().to_owned(), self.logs[place].source.clone());
        let rows = self.house.store.lanes(&source, vec![format!("{endpoint}/{lane}")]).await?;
        let Some(row) = rows.into_iter().find(|row| row.is_parked) else { return Ok(()) };
        let Some((kind, id)) = lane.split_once('/') else { return Ok(()) };
        let within = (sequence - 1, i64::MAX);
        let found = self.house.store.events_of_lane((&source, kind, id), within, 1).await?;
        let Some(event) = found.into_iter().next().filter(|event| event.sequence == sequence)
        else {
            return Ok(());
        };
        if row.after_sequence >= sequence {
            return Ok(());
        }
        let due = Due { event, previous: None };
        self.logs[place].noted.push(Noted::skipped((&endpoint, &source), &due, (lane, skipped)));
        let (key, row) = self.going_on(LaneRow { after_sequence: sequence, ..row });
        self.logs[place].rows.insert(key, row);
        Ok(())
    }
}
