//! The pass by position: every event is hashed again, and held against the tree and the checkpoints.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use creditrail_proof::{
    Hash,
    leaf::leaf,
    sealed,
    tile::{self, Tile, WIDTH},
};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{
    super::{Creditrail, TreeError, tree},
    Known, PAGE, VerifyError, VerifyState,
    order::Order,
};
use crate::store::{Store, StoreError, proof::Evidence};

/// How many pages are read and hashed at once: each core has one in hand, and one is ready.
const AHEAD: usize = 3;

/// An event, as far as it is held against others.
pub(super) struct Hashed {
    leaf: Hash,
    pub(super) position: i64,
    recorded_at: i64,
    /// The number of its row, if the database has one.
    pub(super) row: Option<i64>,
    pub(super) delivery: Option<Recorded>,
}

/// The delivery that an event recorded.
pub(super) struct Recorded {
    pub(super) number: i64,
    pub(super) repeats: i64,
    /// The key that it names, if it is sealed.
    pub(super) key_id: Option<String>,
    /// What is wrong with the link of the event to it.
    unlinked: Option<String>,
}

impl Creditrail {
    pub(super) async fn walk(
        &self,
        log: &str,
        (state, known): (&mut VerifyState, Vec<Known>),
        told: &mut (impl FnMut(&VerifyState) + Send),
    ) -> Result<Order, VerifyError> {
        // What another run saw of the order is not known any more.
        let mut order = if state.at == 0 { Order::begun() } else { Order::default() };
        let mut tiles = tree::edge(&*self.store, log, state.at).await?;
        let from = state.at;
        let mut known = known.into_iter().filter(|known| known.size > from).peekable();
        let mut ahead = Ahead {
            creditrail: self,
            log,
            next: state.at,
            head: state.head,
            pages: VecDeque::new(),
        };
        while let Some(page) = ahead.page().await? {
            order.look_up((&*self.store, log), &page).await?;
            for hashed in page {
                if hashed.position == state.at {
                    let what = "several deliveries say that this event recorded them".to_owned();
                    state.report.find("deliveries", Some(state.at), what);
                    order.delivered = None;
                    continue;
                }
                if hashed.position != state.at + 1 {
                    let what = format!(
                        "position {} is missing; what is behind it is not compared with the tree",
                        state.at + 1
                    );
                    state.report.find("positions", Some(state.at + 1), what);
                    known.for_each(drop);
                    state.root = Some(tiles.root());
                    return Ok(Order::default());
                }
                note(state, &hashed);
                order.note(&hashed);
                tiles.append(hashed.leaf);
                while let Some(known) = known.next_if(|known| known.size == state.at) {
                    hold(state, &known, tiles.root());
                }
            }
            state.root = Some(tiles.root());
            compare(&*self.store, log, state, tiles.take_changed()).await?;
            told(state);
        }
        if state.at < state.head {
            let what = format!("the log ends at {} and its head says {}", state.at, state.head);
            state.report.find("positions", Some(state.at + 1), what);
            order = Order::default();
        }
        // One that was signed since is of events that are there, and is held against them next time.
        let head = self.store.head(log).await?.position;
        for Known { size, kept, .. } in known.filter(|known| known.size > head) {
            let what = format!(
                "a checkpoint ({kept}) was signed of {size} events, and there are {head}: the end of the \
                 log is missing, or all of it is of a backup"
            );
            state.report.find("checkpoints", Some(state.head + 1), what);
        }
        Ok(order)
    }
}

/// Pages of a log that are read and hashed ahead of the one that is held against the tree.
struct Ahead<'a> {
    creditrail: &'a Creditrail,
    log: &'a str,
    /// The position after which the next one begins.
    next: i64,
    head: i64,
    pages: VecDeque<JoinHandle<Result<Vec<Hashed>, StoreError>>>,
}

impl Ahead<'_> {
    /// The next page; none behind the head. A page is a stretch of positions, so none waits for the one
    /// before.
    async fn page(&mut self) -> Result<Option<Vec<Hashed>>, VerifyError> {
        while self.pages.len() < AHEAD && self.next < self.head {
            let stretch = (self.next, self.head.min(self.next + PAGE));
            self.next = stretch.1;
            let (store, log) = (Arc::clone(&self.creditrail.store), self.log.to_owned());
            let (after, up_to) = stretch;
            let hashed =
                async move { store.evidence_folded((&log, after, up_to), Vec::new(), hash).await };
            self.pages.push_back(tokio::spawn(hashed));
        }
        let Some(page) = self.pages.pop_front() else { return Ok(None) };
        Ok(Some(page.await.map_err(|_| TreeError::CutOff)??))
    }
}

fn hash(hashed: &mut Vec<Hashed>, found: &Evidence<'_>) -> Result<(), StoreError> {
    let Evidence { entry, delivery, repeats, row } = found;
    let delivery = delivery.as_ref().map(|delivery| Recorded {
        number: delivery.number,
        repeats: *repeats,
        key_id: sealed::key_id(&delivery.headers).map(str::to_owned),
        unlinked: unlinked(&entry.metadata, &delivery.delivery_id),
    });
    let (position, recorded_at) = (entry.position, entry.recorded_at);
    hashed.push(Hashed { leaf: leaf(entry), position, recorded_at, row: *row, delivery });
    Ok(())
}

/// What is wrong with an event that does not name the delivery that it recorded.
fn unlinked(metadata: &str, delivery_id: &str) -> Option<String> {
    let as_written =
        metadata.strip_prefix("{\"delivery_id\":\"").and_then(|it| it.strip_suffix("\"}"));
    if as_written == Some(delivery_id) {
        return None;
    }
    let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    let named = metadata["delivery_id"].as_str();
    (named != Some(delivery_id)).then(|| {
        let named = named.unwrap_or("none");
        format!("it recorded delivery {delivery_id}, and names {named}")
    })
}

fn note(state: &mut VerifyState, hashed: &Hashed) {
    let Hashed { position, recorded_at, delivery, .. } = hashed;
    state.at = *position;
    state.report.events += 1;
    state.report.deliveries += i64::from(delivery.is_some());
    if *recorded_at < state.recorded_at {
        let what = "it was recorded earlier than the one before it".to_owned();
        state.report.find("times", Some(*position), what);
    }
    state.recorded_at = *recorded_at;
    if let Some(what) = delivery.as_ref().and_then(|delivery| delivery.unlinked.as_ref()) {
        state.report.find("deliveries", Some(*position), what.clone());
    }
}

fn hold(state: &mut VerifyState, known: &Known, root: Hash) {
    state.report.checkpoints += 1;
    state.report.outside += i64::from(known.is_outside);
    state.report.given.extend(known.given());
    if known.root != root {
        let Known { size, kept, .. } = known;
        let what = format!(
            "the first {size} events are not those of the checkpoint ({kept}): one of them was changed"
        );
        state.report.find("checkpoints", Some(*size), what);
    }
}

/// Holds tiles that were computed against those that are kept.
async fn compare(
    store: &dyn Store,
    log: &str,
    state: &mut VerifyState,
    computed: Vec<Tile>,
) -> Result<(), VerifyError> {
    let keys = computed.iter().map(|tile| tree::key(tile.id)).collect();
    let kept: HashMap<String, String> = store.tiles(log, keys).await?.into_iter().collect();
    // A leaf that differs makes all above it differ: it is told once.
    let mut differing = HashSet::new();
    for Tile { id, hashes } in computed {
        let stored = kept.get(&tree::key(id)).map(|text| tile::decode(text));
        let Some(Ok(stored)) = stored else {
            let what = format!("tile {} of level {} is missing or no tile", id.index, id.level);
            state.report.find("tree", None, what);
            continue;
        };
        let pairs = hashes.iter().zip(stored.iter().map(Some).chain(std::iter::repeat(None)));
        for (place, (own, stored)) in pairs.enumerate() {
            let index = id.index * WIDTH as u64 + place as u64;
            if stored == Some(own) {
                continue;
            }
            differing.insert((id.level + 1, index / WIDTH as u64));
            if id.level > 0 && differing.contains(&(id.level, index)) {
                continue;
            }
            if id.level == 0 {
                let what = "the event or the delivery that it recorded is not what was hashed";
                let position = i64::try_from(index + 1).unwrap_or(i64::MAX);
                state.report.find("events", Some(position), what.to_owned());
            } else {
                let what =
                    format!("hash {place} of tile {} of level {} is wrong", id.index, id.level);
                state.report.find("tree", None, what);
            }
        }
    }
    Ok(())
}
