//! What comes into the lanes: what is new in the log, and what is due again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    notice::Due,
    sender::{LaneKey, Log, Sender},
};
use crate::store::{Cause, RawEvent, sending::LaneRow};

/// How many events stand in memory at the most, and how many are read at once.
const WINDOW: usize = 2048;
const PORTION: i64 = 512;
/// How many lanes are brought back at once, and how many events of each.
const BROUGHT: usize = 64;
const OF_LANE: i64 = 16;
/// How often it is looked which lanes are due.
const OFTEN: Duration = Duration::from_millis(20);

impl Log {
    /// Whether the endpoint is told of an event.
    pub(super) fn takes(&self, event: &RawEvent) -> bool {
        self.taken.take(event.position, &event.aggregate_type, &event.event_type)
    }
}

impl Sender {
    /// Whether there is room for more in memory, and somebody to send it to.
    pub(super) fn has_room(&self) -> bool {
        self.lanes.items() < WINDOW && self.lanes.closed_until(self.now()).is_none()
    }

    /// Whether the log is known to have more that may be read now.
    pub(super) fn may_read(&self) -> bool {
        self.has_room()
            && self.lanes.items() <= WINDOW / 2
            && self.logs.iter().any(|log| log.is_mine && log.has_more())
    }

    /// Brings back the lanes that are due.
    pub(super) async fn bring(&mut self) -> Result<(), Cause> {
        for place in 0..self.logs.len() {
            let log = &self.logs[place];
            let is_early = log.brought_at.is_some_and(|at| at.elapsed() < OFTEN);
            if !log.is_mine || is_early || !self.has_room() {
                continue;
            }
            // What is not written yet would be brought as it was.
            if !self.logs[place].rows.is_empty() {
                self.flush().await?;
            }
            self.bring_of(place).await?;
            if let Some(log) = self.logs.get_mut(place) {
                log.brought_at = Some(Instant::now());
            }
        }
        Ok(())
    }

    async fn bring_of(&mut self, place: usize) -> Result<(), Cause> {
        let (source, is_mine, here) = {
            let log = &self.logs[place];
            (log.source.clone(), log.is_mine, log.rowed.len())
        };
        if !is_mine {
            return Ok(());
        }
        let endpoint = self.endpoint().name().to_owned();
        // Those in memory are due as well, and are passed over.
        let limit = i64::try_from(here + BROUGHT).unwrap_or(i64::MAX);
        let due = self.house.store.due_lanes((&source, &endpoint), self.now(), limit).await?;
        for row in due {
            let key = self.key_of(place, &row.key);
            if !self.lanes.has(&key) && self.has_room() {
                self.bring_lane(key, row).await?;
            }
        }
        Ok(())
    }

    /// The lane of a row.
    pub(super) fn key_of(&self, log: usize, row: &str) -> LaneKey {
        let lane = row.split_once('/').map_or(row, |(_, lane)| lane);
        LaneKey { log, lane: lane.into() }
    }

    async fn bring_lane(&mut self, key: LaneKey, row: LaneRow) -> Result<(), Cause> {
        let Some((aggregate_type, id)) = key.lane.split_once('/') else { return Ok(()) };
        let log = &self.logs[key.log];
        let of = (log.source.as_str(), aggregate_type, id);
        let within = (row.after_sequence, log.read);
        let events = self.house.store.events_of_lane(of, within, OF_LANE).await?;
        let is_behind = events.len() >= usize::try_from(OF_LANE).unwrap_or(usize::MAX);
        let last = events.last().map(|event| event.sequence);
        let own = (log.source.as_str(), self.endpoint().name());
        let skipped = self.house.store.skipped(own, vec![key.lane.to_string()]).await?;
        let is_due = |event: &RawEvent| {
            log.takes(event) && skipped.iter().all(|(_, position)| *position != event.position)
        };
        let taken: Vec<RawEvent> = events.into_iter().filter(is_due).collect();
        if taken.is_empty() {
            let row = last
                .filter(|_| is_behind)
                .map(|after_sequence| LaneRow { after_sequence, ..row.clone() });
            let name = row_key(self.endpoint().name(), &key);
            self.logs[key.log].rows.insert(name, row);
            return Ok(());
        }
        let due = self.dues(key.log, taken).await?;
        let items = due.into_iter().map(|(_, due)| due).collect();
        let attempts = u32::try_from(row.attempts).unwrap_or(u32::MAX);
        self.lanes.bring(key.clone(), items, (attempts, is_behind));
        self.logs[key.log].rowed.insert(key);
        Ok(())
    }

    /// Reads what is new in the logs into the lanes that are not blocked.
    pub(super) async fn read_on(&mut self) -> Result<(), Cause> {
        for place in 0..self.logs.len() {
            let log = &self.logs[place];
            if !log.is_mine || !log.may_have_more() || self.lanes.items() > WINDOW / 2 {
                continue;
            }
            if self.has_room() {
                self.read_of(place).await?;
            }
        }
        Ok(())
    }

    async fn read_of(&mut self, place: usize) -> Result<(), Cause> {
        // Which lanes are blocked is asked of the database: what is not written yet is not known there.
        if !self.logs[place].rows.is_empty() {
            self.flush().await?;
        }
        let log = &self.logs[place];
        if !log.is_mine {
            return Ok(());
        }
        let events = self.house.store.raw_events_after(&log.source, log.read, PORTION).await?;
        self.logs[place].read_at = Some(Instant::now());
        let Some(to) = events.last().map(|event| event.position) else { return Ok(()) };
        let log = &self.logs[place];
        let taken: Vec<RawEvent> = events.into_iter().filter(|event| log.takes(event)).collect();
        let keys: BTreeSet<LaneKey> = taken.iter().map(|event| key_of(place, event)).collect();
        let asked = keys.iter().filter(|key| !self.lanes.has(key));
        let asked = asked.map(|key| row_key(self.endpoint().name(), key)).collect();
        let blocked = self.house.store.lanes(&self.logs[place].source, asked).await?;
        let blocked: BTreeSet<LaneKey> =
            blocked.iter().map(|row| self.key_of(place, &row.key)).collect();
        let is_in_line = |event: &RawEvent| {
            let key = key_of(place, event);
            !blocked.contains(&key) && !self.lanes.is_behind(&key)
        };
        let in_line = taken.into_iter().filter(is_in_line).collect();
        for (key, due) in self.dues(place, in_line).await? {
            self.lanes.offer(key, due);
        }
        self.logs[place].read = to;
        Ok(())
    }

    /// Events with what this endpoint was sent before each. In the order of their streams, and of one
    /// stream all that is taken from the first of them on.
    async fn dues(
        &self,
        place: usize,
        events: Vec<RawEvent>,
    ) -> Result<Vec<(LaneKey, Arc<Due>)>, Cause> {
        let mut firsts = BTreeMap::<LaneKey, i64>::new();
        for event in &events {
            firsts.entry(key_of(place, event)).or_insert(event.sequence);
        }
        let mut previous: HashMap<LaneKey, i64> = self.before(place, &firsts).await?;
        let mut dues = Vec::with_capacity(events.len());
        for event in events {
            let key = key_of(place, &event);
            let previous = previous.insert(key.clone(), event.sequence);
            dues.push((key, Arc::new(Due { event, previous })));
        }
        Ok(dues)
    }

    /// What this endpoint was sent of each lane before a sequence: of what it took then, what was not
    /// skipped.
    async fn before(
        &self,
        place: usize,
        firsts: &BTreeMap<LaneKey, i64>,
    ) -> Result<HashMap<LaneKey, i64>, Cause> {
        let log = &self.logs[place];
        let later: Vec<&LaneKey> =
            firsts.iter().filter(|(_, first)| **first > 1).map(|(key, _)| key).collect();
        if later.is_empty() {
            return Ok(HashMap::new());
        }
        let lanes = later.iter().map(|key| key.lane.to_string()).collect();
        let of = (log.source.as_str(), self.endpoint().name());
        let skipped = self.house.store.skipped(of, lanes).await?;
        let skipped: BTreeSet<(String, i64)> = skipped.into_iter().collect();
        let mut streams = BTreeMap::<&str, Vec<String>>::new();
        for key in later {
            if let Some((kind, id)) = key.lane.split_once('/') {
                streams.entry(kind).or_default().push(id.to_owned());
            }
        }
        let mut found = HashMap::new();
        for (kind, ids) in streams {
            for stands in self.house.store.standing((&log.source, kind), ids).await? {
                let lane = format!("{kind}/{}", stands.stream);
                let key = LaneKey { log: place, lane: lane.as_str().into() };
                let is_before = firsts.get(&key).is_some_and(|first| stands.sequence < *first)
                    && log.taken.take(stands.position, kind, &stands.event_type)
                    && !skipped.contains(&(lane, stands.position));
                if is_before {
                    let last = found.entry(key).or_insert(stands.sequence);
                    *last = stands.sequence.max(*last);
                }
            }
        }
        Ok(found)
    }
}

/// The lane of an event.
pub(super) fn key_of(log: usize, event: &RawEvent) -> LaneKey {
    let id = event.aggregate_id.as_str();
    let id = id.split_once('/').map_or(id, |(_, id)| id);
    LaneKey { log, lane: format!("{}/{id}", event.aggregate_type).into() }
}

/// The key of the row of a lane.
pub(super) fn row_key(endpoint: &str, key: &LaneKey) -> String {
    format!("{endpoint}/{}", key.lane)
}
