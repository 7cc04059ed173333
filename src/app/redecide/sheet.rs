//! What comes of a page: the cases to decide, and what is to be written.

use std::collections::HashMap;

use creditrail_domain::{AggregateType, Event};
use creditrail_projections::StreamId;
use jiff::Timestamp;

use super::{decoded::Read, difference::Shown};
use crate::{
    app::judge::{Command, Desk, Undecided, occurred_at, outcome_of},
    store::{DeliveryRow, KnownDelivery, RedrivenRow, Result, sqlite::scratch::Appended},
};

/// What came of a page so far.
pub(super) struct Sheet {
    known: HashMap<String, Vec<KnownDelivery>>,
    pub(super) appended: Appended,
    /// Where the events of the desk stand, when they were recorded, and their payloads.
    pub(super) places: Vec<(i64, Timestamp, String)>,
}

/// A command with its stream, the time and the delivery.
pub(super) struct Case<'a> {
    pub(super) row: &'a DeliveryRow,
    pub(super) stream: StreamId,
    pub(super) command: Command,
}

impl Case<'_> {
    /// In what the delivery's row differs.
    pub(super) fn row_fields(
        &self,
        read: &Read,
        events: &[Event],
    ) -> impl Iterator<Item = &'static str> {
        let outcome = events.first().map_or("duplicate", outcome_of);
        let differing = [
            ("delivery_id", read.id.to_string() != self.row.delivery_id),
            ("dedup_key", read.decoded.dedup_key != self.row.dedup_key),
            ("outcome", outcome != self.row.outcome),
            ("delivery_stream", self.stream != self.row.stream),
        ];
        differing.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field)
    }

    pub(super) fn propose(&self, desk: &Desk<'_>) -> Result<Vec<Event>, Undecided> {
        desk.propose(&self.stream, self.command.clone(), self.row.received_at)
    }

    pub(super) fn shown(&self, source: &str, events: &[Event]) -> Result<Vec<Shown>> {
        let shown = |event: &Event| {
            let at: Timestamp = occurred_at(event).unwrap_or(self.row.received_at);
            Shown::now((source, &self.stream), event, (at, &self.row.delivery_id))
        };
        events.iter().map(shown).collect()
    }
}

impl Sheet {
    pub(super) fn new(known: Vec<KnownDelivery>) -> Self {
        let mut by_key = HashMap::<String, Vec<KnownDelivery>>::new();
        for delivery in known {
            by_key.entry(delivery.dedup_key.clone()).or_default().push(delivery);
        }
        for known in by_key.values_mut() {
            known.sort_by_key(|delivery| delivery.position);
        }
        Self { known: by_key, appended: Appended::default(), places: Vec::new() }
    }

    /// What a delivery leads to, as on arrival: nothing, if it is a repetition.
    pub(super) fn decide<'r>(
        &self,
        desk: &Desk<'_>,
        row: &'r DeliveryRow,
        read: Read,
    ) -> (Case<'r>, Read, Vec<Event>) {
        let case = self.case(row, &read);
        let known = self.known.get(&read.decoded.dedup_key);
        let id = read.id.to_string();
        if known.is_some_and(|known| known.iter().any(|known| known.step_id == id)) {
            return (case, read, Vec::new());
        }
        match case.propose(desk) {
            Ok(events) => (case, read, events),
            Err(_) => {
                // A rule failed on it, so it is kept as one that cannot be read.
                let read = read.unreadable("a rule failed on it");
                let case = self.case(row, &read);
                let events = case.propose(desk).unwrap_or_default();
                (case, read, events)
            }
        }
    }

    pub(super) fn case<'r>(&self, row: &'r DeliveryRow, read: &Read) -> Case<'r> {
        let (stream, command) = match &read.decoded.what {
            Ok((stream, step)) => {
                let first = self.known.get(&read.decoded.dedup_key).and_then(|known| known.first());
                let first = first.filter(|first| first.stream != *stream);
                let step = step.clone().taken_by(first.map(|first| first.stream.id.clone()));
                (stream.clone(), Command::Record(step))
            }
            Err(unreadable) => {
                let id = read.id.to_string();
                let stream = StreamId { aggregate_type: AggregateType::Exception, id };
                (stream, Command::Raise(unreadable.clone()))
            }
        };
        Case { row, stream, command }
    }

    /// Notes where the newest events of the desk stand, from a place on.
    pub(super) fn place(&mut self, (place, at): (i64, Timestamp), payloads: Vec<String>) {
        self.places.extend(payloads.into_iter().zip(place..).map(|(it, place)| (place, at, it)));
    }

    pub(super) fn keep(&mut self, row: &DeliveryRow, read: Read, stream: StreamId) {
        let known = KnownDelivery {
            step_id: read.id.to_string(),
            delivery_id: row.delivery_id.clone(),
            dedup_key: read.decoded.dedup_key,
            stream,
            position: row.position,
        };
        self.known.entry(known.dedup_key.clone()).or_default().push(known.clone());
        self.appended.deliveries.push(known);
    }

    /// As [`Self::keep`], of one that cannot be read any more: as it was recorded.
    pub(super) fn keep_gone(&mut self, row: &DeliveryRow) {
        let known = KnownDelivery {
            step_id: row.delivery_id.clone(),
            delivery_id: row.delivery_id.clone(),
            dedup_key: row.dedup_key.clone(),
            stream: row.stream.clone(),
            position: row.position,
        };
        self.known.entry(known.dedup_key.clone()).or_default().push(known.clone());
        self.appended.deliveries.push(known);
    }

    pub(super) fn redriven(&mut self, row: RedrivenRow) {
        if row.first_position.is_some() {
            self.known.entry(row.dedup_key.clone()).or_default().push(KnownDelivery {
                step_id: row.step_id.clone(),
                delivery_id: row.delivery_id.clone(),
                dedup_key: row.dedup_key.clone(),
                stream: row.stream.clone(),
                position: row.position,
            });
            self.appended.redriven.push(row);
        }
    }
}
