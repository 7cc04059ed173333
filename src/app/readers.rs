//! The readers of a source: follow the log by bookmark and fill the read models.
//!
//! The live tail and a rebuild are the same code. Readers that stand at the same bookmark share
//! one pass over the log; while one portion is written, the next is read and folded.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use creditrail_domain::Policies;
use creditrail_projections::{
    Cell, Change, Reader, Recorded, Stream, StreamId, Table,
    customers::{self, Pair},
    exceptions, row,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    failure::chain,
    sources::SourceConfig,
    store::{Projected, Result, Store},
};

/// How many events one portion has at the most. Rows that several events of it change, and pages
/// of an index that several rows fall on, are written once.
const PORTION: i64 = 2000;
/// How many it has near the head, where the writer waits for its turn between portions.
const SMALL_PORTION: i64 = 400;
/// How many events behind the head a reader takes large portions.
const FAR_BEHIND: i64 = 10_000;
/// How long a reader lets events gather after it has written some: each transaction of its own
/// takes the writer's turn. Whoever waits for a position cuts it short.
const GATHER: Duration = Duration::from_millis(200);
/// How long a reader sleeps when nothing tells it of new events: another instance may write.
const IDLE: Duration = Duration::from_millis(100);
/// How long it waits after the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How far the readers of a source are.
#[derive(Clone, Debug)]
pub struct Progress {
    wanted: Arc<Notify>,
    position: watch::Receiver<i64>,
    stopped: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Progress {
    /// The position that all readers have passed.
    pub fn position(&self) -> i64 {
        *self.position.borrow()
    }

    /// Readers that stopped at an event on which their code failed, with what happened.
    pub fn stopped(&self) -> BTreeMap<&'static str, String> {
        lock(&self.stopped).clone()
    }

    /// Waits until all readers have passed `position`; `false` if they have not by then.
    pub async fn passed(&self, position: i64, most: Duration) -> bool {
        if self.position() >= position {
            return true;
        }
        self.wanted.notify_one();
        let mut passed = self.position.clone();
        let waited = passed.wait_for(|passed| *passed >= position);
        matches!(tokio::time::timeout(most, waited).await, Ok(Ok(_)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is replaced whole, never left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The readers of one source.
pub struct Readers {
    source: String,
    /// By which this instance is told from others.
    holder: String,
    policies: Policies,
    store: Arc<dyn Store>,
    heads: watch::Receiver<i64>,
    position: watch::Sender<i64>,
    stopped: Arc<Mutex<BTreeMap<&'static str, String>>>,
    /// Readers whose code failed on a portion, and its end: until there they go event by event.
    careful: Arc<Mutex<BTreeMap<&'static str, i64>>>,
    gather_until: Instant,
    wanted: Arc<Notify>,
    all: Vec<&'static Reader>,
}

/// Readers, and where to see how far they are. `heads` tells of new events.
pub fn new(
    all: &[&'static Reader],
    config: &SourceConfig,
    (store, heads): (Arc<dyn Store>, watch::Receiver<i64>),
) -> (Readers, Progress) {
    let all = all.to_vec();
    let (position, positions) = watch::channel(0);
    let stopped = Arc::<Mutex<_>>::default();
    let wanted = Arc::<Notify>::default();
    let progress = Progress {
        wanted: Arc::clone(&wanted),
        position: positions,
        stopped: Arc::clone(&stopped),
    };
    let readers = Readers {
        source: config.name.clone(),
        holder: uuid::Uuid::new_v4().to_string(),
        policies: config.policies.clone(),
        store,
        heads,
        position,
        stopped,
        careful: Arc::default(),
        gather_until: Instant::now(),
        wanted,
        all,
    };
    (readers, progress)
}

/// What a portion of the log changes.
struct Portion {
    readers: Vec<&'static Reader>,
    from: i64,
    to: i64,
    changes: Vec<(&'static Table, Vec<Change>)>,
}

impl Readers {
    /// Follows the log until it is dropped.
    pub async fn run(mut self) {
        loop {
            match self.catch_up(|_| {}).await {
                Ok(()) => {
                    let _ = tokio::time::timeout(IDLE, self.heads.changed()).await;
                    tokio::select! {
                        () = tokio::time::sleep_until(self.gather_until) => {}
                        () = self.wanted.notified() => {}
                    }
                }
                Err(error) => {
                    tracing::error!(
                        source = self.source,
                        error = chain(&error),
                        "read models are not written"
                    );
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Brings all readers to the head, telling how far they are after each portion.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError); the bookmarks stand where the last portion was written.
    pub async fn catch_up(&mut self, mut told: impl FnMut(i64) + Send) -> Result<()> {
        self.heads.mark_unchanged();
        while let Some((readers, from, up_to)) = self.next_group().await? {
            let mut next = self.portion(readers.clone(), from, up_to).await?;
            while let Some(portion) = next.take() {
                let to = portion.to;
                let (written, following) =
                    tokio::join!(self.write(portion), self.portion(readers.clone(), to, up_to),);
                if !written? {
                    break;
                }
                next = following?;
                self.gather_until = Instant::now() + GATHER;
                told(to);
            }
        }
        Ok(())
    }

    /// The readers that are farthest behind, where they are, and how far they may go together.
    async fn next_group(&self) -> Result<Option<(Vec<&'static Reader>, i64, i64)>> {
        let stopped = lock(&self.stopped).clone();
        let wanted = self.all.iter().map(|reader| reader.name);
        let wanted = wanted.filter(|reader| !stopped.contains_key(reader)).collect();
        let bookmarks = self.store.claim(&self.source, wanted, &self.holder).await?;
        let head = self.store.head(&self.source).await?.position;
        let of = |reader: &Reader| bookmarks.iter().find(|found| found.reader == reader.name);
        let at = |reader: &Reader| of(reader).map_or(0, |bookmark| bookmark.position);
        let is_mine = |reader: &Reader| of(reader).is_none_or(|bookmark| bookmark.is_mine);
        let all = self.all.iter().map(|reader| at(reader)).min().unwrap_or(head);
        self.position.send_replace(all);
        let running = self.all.iter().copied();
        let running: Vec<_> = running
            .filter(|reader| !stopped.contains_key(reader.name) && is_mine(reader))
            .collect();
        let Some(behind) = running.iter().map(|reader| at(reader)).min() else { return Ok(None) };
        if behind >= head {
            return Ok(None);
        }
        let next = running.iter().map(|reader| at(reader)).filter(|at| *at > behind).min();
        let group: Vec<_> = running.into_iter().filter(|reader| at(reader) == behind).collect();
        let mut careful = lock(&self.careful);
        careful.retain(|reader, until| {
            self.all.iter().any(|known| known.name == *reader && at(known) < *until)
        });
        if let Some(reader) = group.iter().find(|reader| careful.contains_key(reader.name)) {
            return Ok(Some((vec![*reader], behind, behind + 1)));
        }
        Ok(Some((group, behind, next.unwrap_or(head))))
    }

    /// Reads and folds the events after `from`, not beyond `up_to`. `None` if there are none.
    async fn portion(
        &self,
        readers: Vec<&'static Reader>,
        from: i64,
        up_to: i64,
    ) -> Result<Option<Portion>> {
        let behind = up_to - from;
        let most = if behind > FAR_BEHIND { PORTION } else { SMALL_PORTION }.min(behind);
        if most <= 0 {
            return Ok(None);
        }
        let events = self.store.events_after(&self.source, from, most).await?;
        let Some(to) = events.last().map(|event| event.position) else { return Ok(None) };
        let streams = self.streams(events, from, to).await?;
        // Folding is pure computation, far longer than a poll should take.
        let (policies, source) = (self.policies.clone(), self.source.clone());
        let (stopped, careful) = (Arc::clone(&self.stopped), Arc::clone(&self.careful));
        let portion = tokio::task::spawn_blocking(move || {
            let mut portion = Portion { readers: Vec::new(), from, to, changes: Vec::new() };
            for reader in readers {
                match fold(reader, &streams, &policies) {
                    Ok(changes) => {
                        portion.readers.push(reader);
                        portion.changes.extend(changes);
                    }
                    Err(_) if to > from + 1 => {
                        lock(&careful).insert(reader.name, to);
                    }
                    Err(cause) => {
                        let at = format!("at position {to}: {cause}");
                        tracing::error!(source, reader = reader.name, at, "a reader stopped");
                        lock(&stopped).insert(reader.name, at);
                    }
                }
            }
            portion
        });
        Ok(portion.await.ok().filter(|portion| !portion.readers.is_empty()))
    }

    /// The streams of which the events are part, each from its beginning.
    async fn streams(&self, events: Vec<Recorded>, from: i64, to: i64) -> Result<Vec<Stream>> {
        let mut by_stream = HashMap::<StreamId, Vec<Recorded>>::new();
        for event in events {
            by_stream.entry(event.stream.clone()).or_default().push(event);
        }
        let continued: Vec<StreamId> = by_stream
            .iter()
            .filter(|(_, events)| events.first().is_some_and(|first| first.sequence > 1))
            .map(|(stream, _)| stream.clone())
            .collect();
        if !continued.is_empty() {
            let whole = self.store.events_of(&self.source, continued.clone(), to).await?;
            continued.iter().for_each(|stream| drop(by_stream.remove(stream)));
            for event in whole {
                by_stream.entry(event.stream.clone()).or_default().push(event);
            }
        }
        Ok(by_stream.into_values().filter_map(|events| Stream::fold(events, from)).collect())
    }

    /// Writes a portion; `false` if another process has moved a bookmark.
    async fn write(&self, portion: Portion) -> Result<bool> {
        let Portion { readers, from, to, mut changes } = portion;
        self.add_conflicts(&mut changes, from).await?;
        let bookmarks = readers.iter().map(|reader| (reader.name, from, to)).collect();
        self.store.project(&self.source, Projected { changes, bookmarks }).await
    }

    /// Conflicts of identities are the one thing that no single stream can tell.
    async fn add_conflicts(
        &self,
        changes: &mut [(&'static Table, Vec<Change>)],
        from: i64,
    ) -> Result<()> {
        let of = |table: &'static Table| move |(other, _): &(&Table, _)| table.name == other.name;
        let new: Vec<Pair> = changes
            .iter()
            .filter(|change| of(customers::READ_MODEL.table)(change))
            .flat_map(|(_, changes)| changes.iter().filter_map(pair))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let customers: BTreeSet<_> = new.iter().map(|pair| pair.customer_id.clone()).collect();
        let partners: BTreeSet<_> =
            new.iter().map(|pair| pair.partner_customer_id.clone()).collect();
        let (customers, partners) =
            (customers.into_iter().collect(), partners.into_iter().collect());
        let mut pairs = self.store.pairs(&self.source, customers, partners).await?;
        let known = |new: &Pair| {
            pairs.iter().any(|pair| {
                pair.customer_id == new.customer_id
                    && pair.partner_customer_id == new.partner_customer_id
            })
        };
        let added: Vec<_> = new.iter().filter(|new| !known(new)).cloned().collect();
        pairs.extend(added);
        let conflicts = customers::conflicts(&self.source, &pairs, from);
        if let Some((_, rows)) =
            changes.iter_mut().find(|change| of(exceptions::READ_MODEL.table)(change))
        {
            *rows = row::merge(std::mem::take(rows).into_iter().chain(conflicts).collect());
        }
        Ok(())
    }
}

/// The changes that a reader makes of streams. A panic of its code stops it, and it alone.
fn fold(
    reader: &Reader,
    streams: &[Stream],
    policies: &Policies,
) -> Result<Vec<(&'static Table, Vec<Change>)>, String> {
    let folded = || {
        let model = |model: &&'static creditrail_projections::ReadModel| {
            let changes = streams.iter().flat_map(|stream| (model.project)(stream, policies));
            (model.table, row::merge(changes.collect()))
        };
        reader.models.iter().map(model).collect()
    };
    catch_unwind(AssertUnwindSafe(folded)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
        said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}

/// The pair of ids that a row of the customers' read model holds, if it has both.
fn pair(change: &Change) -> Option<Pair> {
    match change.cells.as_slice() {
        [
            Cell::Int(Some(first_position)),
            Cell::Text(Some(customer_id)),
            Cell::Text(Some(partner_customer_id)),
            Cell::Text(Some(strength)),
        ] if strength != "parked" => Some(Pair {
            first_position: *first_position,
            customer_id: customer_id.clone(),
            partner_customer_id: partner_customer_id.clone(),
        }),
        _ => None,
    }
}
