//! A page of a log: deliveries with the events that they caused, and what stands between them, in the
//! order of the positions.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use creditrail_domain::StepId;

use super::decoded::{self, Read};
use crate::{
    app::{
        Source,
        content::{self, Opener},
    },
    store::{DeliveryRow, RawEvent, RedrivenRow, Result, Store, whole::DeliveryPlace},
};

/// How many deliveries a page has at the most.
const DELIVERIES: i64 = 1000;
/// How many events it has, unless one delivery caused more.
const EVENTS: i64 = 2000;
/// How many events a page has at the very most: no delivery causes so many.
const OF_ONE: i64 = 100_000;
/// How many bytes the bodies have together, unless one delivery has more.
const BODIES: i64 = 4 * 1024 * 1024;

/// A stretch of the log.
pub(super) struct Page {
    /// The position after which it begins.
    pub(super) after: i64,
    /// The position of its last event.
    pub(super) to: i64,
    /// The number of its last delivery.
    pub(super) number: i64,
    pub(super) items: Vec<Item>,
    /// Deliveries whose place in the log is not theirs.
    pub(super) misplaced: Vec<(i64, String)>,
    /// Those of the events' deliveries that were redriven.
    pub(super) redriven: HashMap<String, RedrivenRow>,
    /// The last position at which there is an event.
    pub(super) last: i64,
}

/// What stands in the log.
pub(super) enum Item {
    /// A delivery as it was decided on arrival: its row, what it says today, and its events.
    Decided(Box<DeliveryRow>, Box<Read>, Vec<RawEvent>),
    /// A delivery that cannot be read any more, and its events.
    Gone(Box<DeliveryRow>, Gone, Vec<RawEvent>),
    /// What people, the partner and the clock did, and what was redriven.
    Taken(RawEvent),
    /// There is no event at the position.
    Missing(i64),
}

/// Why a delivery cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was erased, as it may be.
    Erased,
    /// What is kept of it does not open.
    Shut,
}

/// Reads the page after a position and a number of deliveries. It does not begin beyond `target`.
pub(super) async fn read(
    (source, known): (&str, Option<&Source>),
    opener: &Opener,
    (after, number): (i64, i64),
    target: i64,
) -> Result<Page> {
    let store = &*opener.store;
    let places = store.delivery_places(source, number, DELIVERIES).await?;
    let (to, last) = end(&places, (after, number), target);
    let deliveries = if last == number || known.is_none() {
        Vec::new()
    } else {
        opener.read(source, store.deliveries_between(source, (number, last)).await?).await?
    };
    let events = store.raw_events_after(source, after, to - after).await?;
    let mut page = Page {
        after,
        to,
        number: last,
        items: Vec::new(),
        misplaced: Vec::new(),
        redriven: HashMap::new(),
        last: events.last().map_or(after, |event| event.position.min(to)),
    };
    page.fill(known, deliveries, events);
    page.find_redriven(source, store).await?;
    Ok(page)
}

/// Up to which position a page goes, and up to the number of which delivery.
fn end(places: &[DeliveryPlace], (after, number): (i64, i64), target: i64) -> (i64, i64) {
    let (mut to, mut last, mut bytes) = (after, number, 0);
    let mut next = target.min(after + EVENTS);
    for place in places {
        let is_full = bytes + place.body_bytes > BODIES || place.position - after > EVENTS;
        let is_far = place.first_position - after > EVENTS;
        if place.first_position > target || is_far || (last > number && is_full) {
            next = next.min(place.first_position - 1);
            break;
        }
        bytes += place.body_bytes;
        (last, to) = (place.number, place.position.min(after + OF_ONE).max(to));
    }
    if last == number { (next, last) } else { (to, last) }
}

impl Page {
    fn fill(
        &mut self,
        known: Option<&Source>,
        deliveries: Vec<content::Read>,
        events: Vec<RawEvent>,
    ) {
        let events = events.into_iter().filter(|event| event.position <= self.to);
        let mut events: BTreeMap<i64, RawEvent> =
            events.map(|event| (event.position, event)).collect();
        let mut at = self.after;
        for delivery in deliveries {
            let (row, gone) = match delivery {
                content::Read::There(row) => (row, None),
                content::Read::Erased(row, _) => (row, Some(Gone::Erased)),
                content::Read::Shut(row) => (row, Some(Gone::Shut)),
            };
            if row.first_position <= at || row.position < row.first_position {
                self.misplaced.push((row.first_position, row.delivery_id));
                continue;
            }
            self.take_until(row.first_position - 1, at, &mut events);
            let own = (row.first_position..=row.position).filter_map(|at| events.remove(&at));
            let own: Vec<_> = own.collect();
            at = row.position;
            if let Some(gone) = gone {
                self.items.push(Item::Gone(Box::new(row), gone, own));
                continue;
            }
            let Some(known) = known else { continue };
            let read = decoded::read(known, &row, own.first());
            self.items.push(Item::Decided(Box::new(row), Box::new(read), own));
        }
        self.take_until(self.to, at, &mut events);
    }

    fn take_until(&mut self, to: i64, after: i64, events: &mut BTreeMap<i64, RawEvent>) {
        for position in after + 1..=to.min(self.last) {
            let item = events.remove(&position).map_or(Item::Missing(position), Item::Taken);
            self.items.push(item);
        }
    }

    async fn find_redriven(&mut self, source: &str, store: &dyn Store) -> Result<()> {
        let taken = self.items.iter().filter_map(|item| match item {
            Item::Taken(event) => delivery_of(event),
            Item::Decided(..) | Item::Gone(..) | Item::Missing(_) => None,
        });
        let ids: Vec<String> = taken.collect();
        if !ids.is_empty() {
            let rows = store.redriven_of(source, ids).await?.into_iter();
            self.redriven = rows.map(|row| (row.delivery_id.clone(), row)).collect();
        }
        Ok(())
    }

    /// The ids of the steps that its deliveries say today.
    pub(super) fn step_ids(&self) -> Vec<StepId> {
        let ids = self.items.iter().filter_map(|item| match item {
            Item::Decided(_, read, _) => Some(read.id),
            Item::Gone(..) | Item::Taken(_) | Item::Missing(_) => None,
        });
        ids.collect()
    }
}

/// The delivery that an event names.
pub(super) fn delivery_of(event: &RawEvent) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        delivery_id: Option<String>,
    }
    serde_json::from_str::<Metadata>(&event.metadata).ok()?.delivery_id
}

/// As [`read`], on a task of its own.
pub(super) fn ahead(
    creditrail: &crate::app::Creditrail,
    source: &str,
    from: (i64, i64),
    target: i64,
) -> tokio::task::JoinHandle<Result<Page>> {
    let (opener, sources) = (creditrail.opener(), Arc::clone(&creditrail.sources));
    let source = source.to_owned();
    tokio::spawn(async move {
        let known = sources.get(&source);
        read((&source, known), &opener, from, target).await
    })
}
