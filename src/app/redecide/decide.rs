//! The walk over a log: page by page, each delivery decided on the log as it has come out so far.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    time::Instant,
};

use creditrail_domain::{AggregateType, Policies};
use creditrail_projections::{Reader, Recorded, StreamId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Replayed, Told,
    decoded::Read,
    difference::{Cause, Difference, Shown, fields, is_older_version},
    page::{self, Gone, Item, Page, delivery_of},
    rows::Rows,
    sheet::{Case, Sheet},
};
use crate::{
    app::{
        Creditrail,
        judge::{Aggregates, Desk, occurred_at},
        replay::RebuildError,
        shadow::scratch::Held,
    },
    store::{DeliveryRow, RawEvent, RedrivenRow, Result, StoreError, codec},
};

/// How many aggregates are remembered before it begins anew.
const MAX_REMEMBERED: usize = 2048;

/// How many differences are read again at once.
const PAGE: i64 = 200;

/// How far a walk is: what is needed to go on with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The position that has been passed, and the number of the last delivery before it.
    pub(super) at: i64,
    number: i64,
    /// By how many places what comes out is behind what is recorded.
    shift: i64,
    was_shifted: bool,
    pub(super) replayed: Replayed,
    /// How long it took to decide, in microseconds.
    took: u64,
}

/// A walk over the log of one source.
pub(super) struct Walk<'a> {
    pub(super) creditrail: &'a Creditrail,
    pub(super) source: &'a str,
    pub(super) policies: Policies,
    before: Policies,
    /// The log as it comes out, and the rows that are folded from it.
    pub(super) held: &'a Held,
    pub(super) rows_held: &'a Held,
    pub(super) rows: Rows,
    pub(super) state: State,
    aggregates: Aggregates,
    /// What was found and is not told yet.
    pub(super) found: Vec<Difference>,
    /// Who folds rows behind it is told how far it is.
    pub(super) behind: Option<watch::Sender<i64>>,
    /// Since when the page is in hand.
    clock: Instant,
    /// The reader whose rows are compared.
    pub(super) reader: Option<&'static Reader>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        creditrail: &'a Creditrail,
        source: &'a str,
        (policies, before): (Policies, Policies),
        (held, rows_held): (&'a Held, &'a Held),
    ) -> Self {
        Self {
            creditrail,
            source,
            policies,
            before,
            held,
            rows_held,
            rows: Rows::new(rows_held.scratch.store()),
            state: State::default(),
            aggregates: Aggregates::default(),
            found: Vec::new(),
            behind: None,
            clock: Instant::now(),
            reader: None,
        }
    }

    /// Goes on where one was that was ended, and tells again what that one had found.
    pub(super) async fn resume(
        &mut self,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RebuildError> {
        let unfit = |error: serde_json::Error| RebuildError::Scratch(error.into());
        if let Some(state) = self.held.scratch.noted(&note(self.source)).await? {
            self.state = serde_json::from_str(&state).map_err(unfit)?;
        }
        let mut behind = 0;
        loop {
            let page = self.held.scratch.told(self.source, (behind, PAGE)).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            behind = *last;
            for (_, difference) in page {
                let difference = serde_json::from_str(&difference).map_err(unfit)?;
                told(Told::Decision(Box::new(difference)));
            }
        }
    }

    /// Whether what comes out stands at other places than what is recorded, or did.
    pub(super) const fn is_shifted(&self) -> bool {
        self.state.was_shifted
    }

    /// Decides all up to a position, and to the end of the delivery there.
    pub(super) async fn decide_to(
        &mut self,
        target: i64,
        told: &mut (dyn FnMut(Told<'_>) + Send),
    ) -> Result<(), RebuildError> {
        if self.state.at >= target {
            return Ok(());
        }
        self.clock = Instant::now();
        let from = (self.state.at, self.state.number);
        let mut next = page::ahead(self.creditrail, self.source, from, target);
        loop {
            let page = next.await.map_err(|error| RebuildError::Scratch(error.into()))??;
            if page.last < page.to {
                let short = RebuildError::LogEnds { at: page.last, head: target };
                self.decide_page(page).await?;
                self.tell(target, told);
                return Err(short);
            }
            let from = (page.to, page.number);
            let is_last = page.to >= target;
            next = page::ahead(self.creditrail, self.source, from, target);
            self.decide_page(page).await?;
            self.tell(target, told);
            if is_last {
                next.abort();
                return Ok(());
            }
        }
    }

    fn tell(&mut self, head: i64, told: &mut (dyn FnMut(Told<'_>) + Send)) {
        for difference in self.found.drain(..) {
            told(Told::Decision(Box::new(difference)));
        }
        told(Told::At { source: self.source, position: self.state.at.min(head), head });
    }

    async fn decide_page(&mut self, page: Page) -> Result<()> {
        let told = self.found.len();
        self.load(&page).await?;
        let ids = page.step_ids();
        let known = self.held.scratch.known(self.source, ids).await?;
        let mut sheet = Sheet::new(known);
        for (position, id) in &page.misplaced {
            self.note(*position, Some(id.clone()), Cause::Delivery);
        }
        let Page { to, number, items, redriven, last, .. } = page;
        let policies = self.policies.clone();
        let mut desk = Desk::new(&policies, std::mem::take(&mut self.aggregates));
        for item in items {
            match item {
                Item::Decided(row, read, recorded) => {
                    self.decided(&mut desk, &mut sheet, (*row, *read), recorded).await?;
                }
                Item::Gone(row, gone, recorded) => {
                    self.gone(&mut desk, &mut sheet, (*row, gone), recorded)?;
                }
                Item::Taken(event) => self.taken(&mut desk, &mut sheet, event, &redriven)?,
                Item::Missing(position) => {
                    self.note(position, None, Cause::Missing);
                }
            }
        }
        let (events, aggregates) = desk.close();
        self.aggregates = aggregates;
        // Where the log ends before its head, it ends for who goes on as well.
        (self.state.at, self.state.number) = (to.min(last), number);
        self.state.took += u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.state.replayed.decided_in_ms = self.state.took / 1000;
        self.clock = Instant::now();
        sheet.appended.head = to + self.state.shift;
        let events = events.into_iter().zip(sheet.places);
        let event = |(event, (place, at, payload))| (place, at, event, payload);
        sheet.appended.events = events.map(event).collect();
        let unfit = |error: serde_json::Error| StoreError::Constraint(error.into());
        let told = self.found[told..].iter().map(serde_json::to_string);
        sheet.appended.told = told.collect::<Result<_, _>>().map_err(unfit)?;
        let state = serde_json::to_string(&self.state).map_err(unfit)?;
        sheet.appended.note = (note(self.source), state);
        self.held.scratch.append(self.source, sheet.appended).await?;
        if let Some(behind) = self.behind.as_ref().filter(|_| !self.is_shifted()) {
            behind.send_replace(self.state.at);
        }
        Ok(())
    }

    /// Loads the streams that the page touches, as they have come out so far.
    async fn load(&mut self, page: &Page) -> Result<()> {
        if self.aggregates.count() >= MAX_REMEMBERED {
            self.aggregates = Aggregates::default();
        }
        let streams = page.items.iter().filter_map(|item| match item {
            Item::Decided(_, read, _) => {
                read.decoded.what.as_ref().ok().map(|(stream, _)| stream.clone())
            }
            Item::Gone(row, ..) => Some(row.stream.clone()),
            Item::Taken(event) => stream_of(event),
            Item::Missing(_) => None,
        });
        let streams: BTreeSet<_> = streams.filter(|it| !self.aggregates.has(it)).collect();
        if !streams.is_empty() && self.state.at > 0 {
            let store = self.held.scratch.store();
            let streams = streams.into_iter().collect();
            self.aggregates.take(store.events_of(self.source, streams, i64::MAX).await?);
        }
        Ok(())
    }

    /// A delivery that cannot be read any more: what it led to stands as it is recorded.
    fn gone(
        &mut self,
        desk: &mut Desk<'_>,
        sheet: &mut Sheet,
        (row, gone): (DeliveryRow, Gone),
        recorded: Vec<RawEvent>,
    ) -> Result<()> {
        match gone {
            Gone::Erased => self.state.replayed.erased += 1,
            Gone::Shut => {
                self.note(row.first_position, Some(row.delivery_id.clone()), Cause::Delivery)
            }
        }
        let places: BTreeSet<i64> = recorded.iter().map(|event| event.position).collect();
        for position in (row.first_position..=row.position).filter(|at| !places.contains(at)) {
            self.note(position, Some(row.delivery_id.clone()), Cause::Missing);
        }
        for event in recorded {
            self.stands(desk, sheet, event)?;
        }
        sheet.keep_gone(&row);
        Ok(())
    }

    /// What people, the partner and the clock did stands as it is recorded.
    fn taken(
        &mut self,
        desk: &mut Desk<'_>,
        sheet: &mut Sheet,
        event: RawEvent,
        redriven: &HashMap<String, RedrivenRow>,
    ) -> Result<()> {
        let delivery_id = delivery_of(&event);
        if let Some(id) = &delivery_id {
            match redriven.get(id) {
                Some(row) if row.position == event.position => sheet.redriven(row.clone()),
                Some(_) => {}
                None => self.note(event.position, delivery_id.clone(), Cause::Delivery),
            }
        }
        self.stands(desk, sheet, event)?;
        self.state.replayed.taken += 1;
        Ok(())
    }

    /// Takes an event as it is recorded.
    fn stands(&self, desk: &mut Desk<'_>, sheet: &mut Sheet, event: RawEvent) -> Result<()> {
        let undecodable = |cause| StoreError::Undecodable {
            origin: self.source.to_owned(),
            position: event.position,
            cause,
        };
        let decoded = codec::decode(&event.aggregate_type, &event.event_version, &event.payload)
            .map_err(undecodable)?;
        let delivery_id = delivery_of(&event);
        let (_, id) = event.aggregate_id.split_once('/').unwrap_or_default();
        let stream = StreamId { aggregate_type: decoded.aggregate_type(), id: id.to_owned() };
        desk.take(&stream, decoded, (event.occurred_at, delivery_id.as_deref()));
        let place = (event.position + self.state.shift, event.recorded_at);
        sheet.place(place, vec![event.payload]);
        Ok(())
    }

    /// Decides a delivery, and compares.
    async fn decided(
        &mut self,
        desk: &mut Desk<'_>,
        sheet: &mut Sheet,
        (row, read): (DeliveryRow, Read),
        recorded: Vec<RawEvent>,
    ) -> Result<()> {
        let (case, read, events) = sheet.decide(desk, &row, read);
        let now = case.shown(self.source, &events)?;
        let recorded_at = recorded.first().map_or(row.received_at, |event| event.recorded_at);
        let was: Vec<Shown> = recorded.into_iter().map(Shown::recorded).collect();
        let mut differing = fields(&was, &now);
        differing.extend(case.row_fields(&read, &events));
        let differing: Vec<_> = differing.into_iter().map(Cow::Borrowed).collect();
        let payloads = if differing.is_empty() {
            now.into_iter().map(|event| event.payload).collect()
        } else {
            let payloads = now.iter().map(|event| event.payload.clone()).collect();
            let cause = self.cause(&case, read.is_of(&row), (&was, &now)).await?;
            let mut difference = self.difference(row.first_position, cause, differing);
            difference.delivery_id = Some(row.delivery_id.clone());
            (difference.recorded, difference.now) = (was, now);
            self.found.push(difference);
            payloads
        };
        let (count, stream) = (events.len(), case.stream);
        for event in events {
            let at = occurred_at(&event).unwrap_or(row.received_at);
            desk.take(&stream, event, (at, Some(&row.delivery_id)));
        }
        sheet.place((row.first_position + self.state.shift, recorded_at), payloads);
        sheet.keep(&row, read, stream);
        self.shift_by(count, row.position - row.first_position + 1);
        self.state.replayed.deliveries += 1;
        self.state.replayed.events += i64::try_from(count).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Fewer events leave places empty; more of them push all that follows behind.
    fn shift_by(&mut self, events: usize, places: i64) {
        let more = i64::try_from(events).unwrap_or(i64::MAX) - places;
        self.state.shift = (self.state.shift + more).max(0);
        self.state.was_shifted |= self.state.shift > 0;
    }

    /// Why a decision comes out otherwise.
    async fn cause(
        &self,
        case: &Case<'_>,
        is_of_its_id: bool,
        (was, now): (&[Shown], &[Shown]),
    ) -> Result<Cause> {
        if !is_of_its_id {
            return Ok(Cause::Delivery);
        }
        if was == now {
            return Ok(Cause::Delivery);
        }
        if was.is_empty() {
            return Ok(Cause::Missing);
        }
        if is_older_version(was, now) {
            return Ok(Cause::OlderVersion);
        }
        let before = case.row.first_position - 1;
        let streams = vec![case.stream.clone()];
        let store = &self.creditrail.store;
        let recorded: Vec<Recorded> = match store.events_of(self.source, streams, before).await {
            Err(StoreError::Undecodable { .. }) => return Ok(Cause::Code),
            recorded => recorded?,
        };
        let leads_there = |policies: &Policies| -> Result<bool> {
            let mut aggregates = Aggregates::default();
            aggregates.take(recorded.clone());
            let events = case.propose(&Desk::new(policies, aggregates)).unwrap_or_default();
            Ok(case.shown(self.source, &events)? == was)
        };
        if leads_there(&self.policies)? {
            return Ok(Cause::Earlier);
        }
        if self.before != self.policies && leads_there(&self.before)? {
            return Ok(Cause::Policy);
        }
        Ok(Cause::Code)
    }

    /// Counts a difference.
    fn difference(
        &mut self,
        position: i64,
        cause: Cause,
        fields: Vec<Cow<'static, str>>,
    ) -> Difference {
        *self.state.replayed.differences.entry(cause).or_insert(0) += 1;
        Difference {
            source: self.source.to_owned(),
            position,
            delivery_id: None,
            cause,
            fields,
            recorded: Vec::new(),
            now: Vec::new(),
        }
    }

    /// A difference that is none of a decision.
    fn note(&mut self, position: i64, delivery_id: Option<String>, cause: Cause) {
        let field = if cause == Cause::Missing { "events" } else { "delivery" };
        let difference = self.difference(position, cause, vec![field.into()]);
        self.found.push(Difference { delivery_id, ..difference });
    }
}

/// Under what the scratch file notes how far the walk over a log is.
pub(super) fn note(source: &str) -> String {
    format!("walk {source}")
}

fn stream_of(event: &RawEvent) -> Option<StreamId> {
    let aggregate_type = AggregateType::named(&event.aggregate_type)?;
    let (_, id) = event.aggregate_id.split_once('/')?;
    Some(StreamId { aggregate_type, id: id.to_owned() })
}
