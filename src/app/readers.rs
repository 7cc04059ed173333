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
    exceptions, findings, row,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{histories::Histories, settled};
use crate::{
    failure::chain,
    store::{Projected, Result, Store, StoreError},
};

/// How many events one portion has at the most. Rows that several events of it change, and pages
/// of an index that several rows fall on, are written once.
const PORTION: i64 = 2000;
/// How many it has in a scratch store, beside whatever else is in memory then.
const PORTION_BESIDE: i64 = 1000;
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

/// The lock of what is replaced whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is replaced whole, never left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The readers of one source.
pub struct Readers {
    source: String,
    /// By which this instance is told from others.
    holder: String,
    policies: Policies,
    /// Where the events are.
    log: Arc<dyn Store>,
    /// Where rows and bookmarks are.
    store: Arc<dyn Store>,
    /// How long events may gather after some were written.
    gather: Duration,
    heads: watch::Receiver<i64>,
    position: watch::Sender<i64>,
    stopped: Arc<Mutex<BTreeMap<&'static str, String>>>,
    /// Readers whose code failed on a portion, and its end: until there they go event by event.
    careful: Arc<Mutex<BTreeMap<&'static str, i64>>>,
    histories: Mutex<Histories>,
    gather_until: Instant,
    wanted: Arc<Notify>,
    all: Vec<&'static Reader>,
}

/// Readers that follow the log of a store and fill the read models of another one, as fast as they
/// can.
pub(super) fn beside(
    all: &[&'static Reader],
    (source, policies): (&str, &Policies),
    (log, rows): (Arc<dyn Store>, Arc<dyn Store>),
) -> (Readers, Progress) {
    let (_, heads) = watch::channel(0);
    let (readers, progress) = new(all, (source, policies), (rows, heads));
    (Readers { log, gather: Duration::ZERO, ..readers }, progress)
}

/// Readers, and where to see how far they are. `heads` tells of new events.
pub fn new(
    all: &[&'static Reader],
    (source, policies): (&str, &Policies),
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
        source: source.to_owned(),
        holder: uuid::Uuid::new_v4().to_string(),
        policies: policies.clone(),
        log: Arc::clone(&store),
        store,
        gather: GATHER,
        heads,
        position,
        stopped,
        careful: Arc::default(),
        histories: Mutex::default(),
        gather_until: Instant::now(),
        wanted,
        all,
    };
    (readers, progress)
}

/// What a portion of the log changes.
struct Portion {
    from: i64,
    to: i64,
    changes: Vec<Changes>,
}

/// What a reader writes, by table.
type Changes = (&'static Reader, Vec<(&'static Table, Vec<Change>)>);

/// In two parts of about as many rows.
fn halves(mut changes: Vec<Changes>) -> (Vec<Changes>, Vec<Changes>) {
    let rows = |(_, changes): &Changes| changes.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    changes.sort_by_key(|changes| std::cmp::Reverse(rows(changes)));
    let (mut one, mut other) = ((0, Vec::new()), (0, Vec::new()));
    for changes in changes {
        let lighter = if one.0 <= other.0 { &mut one } else { &mut other };
        lighter.0 += rows(&changes);
        lighter.1.push(changes);
    }
    (one.1, other.1)
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
                        () = self.wanted.notified() => self.gather_until = Instant::now(),
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

    /// Brings all readers to the head, telling how far they are after each portion. Few events
    /// are left to gather if some were written just before.
    ///
    /// # Errors
    /// [`StoreError`]; the bookmarks stand where the last portion was written.
    pub async fn catch_up(&mut self, told: impl FnMut(i64) + Send) -> Result<()> {
        self.catch_up_to(i64::MAX, told).await
    }

    /// As [`Self::catch_up`], not beyond a position.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn catch_up_to(
        &mut self,
        end: i64,
        mut told: impl FnMut(i64) + Send,
    ) -> Result<()> {
        self.heads.mark_unchanged();
        while let Some((readers, from, up_to)) = self.next_group(end).await? {
            if up_to - from < PORTION && Instant::now() < self.gather_until {
                break;
            }
            let mut next = self.portion(readers.clone(), from, up_to).await?;
            if next.is_none() && self.is_empty(from, up_to).await? {
                // The head tells of events that are not there.
                break;
            }
            while let Some(portion) = next.take() {
                let to = portion.to;
                let (written, following) =
                    tokio::join!(self.write(portion), self.portion(readers.clone(), to, up_to),);
                if !written? {
                    break;
                }
                next = following?;
                self.gather_until = Instant::now() + self.gather;
                told(to);
            }
        }
        Ok(())
    }

    /// Whether there is no event after `from`, up to `up_to`.
    async fn is_empty(&self, from: i64, up_to: i64) -> Result<bool> {
        let next = self.log.raw_events_after(&self.source, from, 1).await?;
        Ok(next.first().is_none_or(|next| next.position > up_to))
    }

    /// Notes how far they are by their bookmarks: who never runs them can tell what they know.
    pub(super) async fn look(&self) -> Result<()> {
        let passed = self.store.passed(&self.source).await?;
        let of = |reader: &Reader| passed.iter().find(|passed| passed.reader == reader.name);
        let at = |reader: &&'static Reader| of(reader).map_or(0, |passed| passed.position);
        self.position.send_replace(self.all.iter().map(at).min().unwrap_or_default());
        Ok(())
    }

    /// The readers that are farthest behind, where they are, and how far they may go together.
    async fn next_group(&self, end: i64) -> Result<Option<(Vec<&'static Reader>, i64, i64)>> {
        let stopped = lock(&self.stopped).clone();
        let wanted = self.all.iter().map(|reader| reader.name);
        let wanted =
            wanted.filter(|reader| !stopped.contains_key(reader)).map(Into::into).collect();
        let bookmarks = self.store.claim(&self.source, wanted, &self.holder).await?;
        let head = self.log.head(&self.source).await?.position.min(end);
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
        Ok(Some((group, behind, next.map_or(head, |next| next.min(head)))))
    }

    /// Reads and folds the events after `from`, not beyond `up_to`. `None` if there are none, or if
    /// the readers stop at one that cannot be decoded.
    async fn portion(
        &self,
        readers: Vec<&'static Reader>,
        from: i64,
        up_to: i64,
    ) -> Result<Option<Portion>> {
        match self.fold_portion(readers.clone(), from, up_to).await {
            Err(error @ StoreError::Undecodable { position, .. }) => {
                let at = format!("at position {position}: {}", chain(&error));
                tracing::error!(source = self.source, at, "the readers stopped");
                let mut stopped = lock(&self.stopped);
                stopped.extend(readers.iter().map(|reader| (reader.name, at.clone())));
                Ok(None)
            }
            portion => portion,
        }
    }

    async fn fold_portion(
        &self,
        readers: Vec<&'static Reader>,
        from: i64,
        up_to: i64,
    ) -> Result<Option<Portion>> {
        let behind = up_to - from;
        let most = match behind {
            // Beside the log nobody waits for a turn between portions.
            _ if self.gather.is_zero() => PORTION_BESIDE,
            _ if behind > FAR_BEHIND => PORTION,
            _ => SMALL_PORTION,
        }
        .min(behind);
        if most <= 0 {
            return Ok(None);
        }
        let events = match self.log.events_after(&self.source, from, most).await {
            // What is before it first.
            Err(StoreError::Undecodable { position, .. }) if position > from + 1 => {
                self.log.events_after(&self.source, from, position - from - 1).await?
            }
            events => events?,
        };
        // A log that is decided again may have empty places, so as many may go beyond the end.
        let mut events = events;
        events.retain(|event| event.position <= up_to);
        let Some(to) = events.last().map(|event| event.position) else { return Ok(None) };
        let streams = self.streams(events, from, to).await?;
        // Folding is pure computation, far longer than a poll should take.
        let (policies, source) = (self.policies.clone(), self.source.clone());
        let (stopped, careful) = (Arc::clone(&self.stopped), Arc::clone(&self.careful));
        let portion = tokio::task::spawn_blocking(move || {
            let mut portion = Portion { from, to, changes: Vec::new() };
            for reader in readers {
                match fold(reader, &streams, &policies) {
                    Ok(changes) => portion.changes.push((reader, changes)),
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
            (portion, streams)
        });
        let Ok((portion, streams)) = portion.await else { return Ok(None) };
        lock(&self.histories).keep(streams, to);
        Ok(Some(portion).filter(|portion| !portion.changes.is_empty()))
    }

    /// The streams of which the events are part, each from its beginning.
    async fn streams(&self, events: Vec<Recorded>, from: i64, to: i64) -> Result<Vec<Stream>> {
        let mut by_stream = HashMap::<StreamId, Vec<Recorded>>::new();
        for event in events {
            by_stream.entry(event.stream.clone()).or_default().push(event);
        }
        let (mut streams, mut unknown) = (Vec::with_capacity(by_stream.len()), Vec::new());
        {
            let mut histories = lock(&self.histories);
            histories.be_at(from);
            for (id, events) in by_stream {
                let sequence = events.first().map_or(1, |first| first.sequence);
                match histories.take(&id, sequence) {
                    Some(mut stream) => {
                        stream.extend(events);
                        streams.push(stream);
                    }
                    None if sequence > 1 => unknown.push(id),
                    None => streams.extend(Stream::fold(events, from)),
                }
            }
        }
        if !unknown.is_empty() {
            let mut whole = HashMap::<StreamId, Vec<Recorded>>::new();
            for event in self.log.events_of(&self.source, unknown, to).await? {
                whole.entry(event.stream.clone()).or_default().push(event);
            }
            streams.extend(whole.into_values().filter_map(|events| Stream::fold(events, from)));
        }
        Ok(streams)
    }

    /// Writes a portion; `false` if another process has moved a bookmark. Each reader's rows go
    /// with its own bookmark, so a large portion is written on two connections at once.
    async fn write(&self, mut portion: Portion) -> Result<bool> {
        self.add_conflicts(&mut portion).await?;
        self.mark_settled(&mut portion).await?;
        let Portion { from, to, changes } = portion;
        // A scratch store has one connection that writes.
        if to - from <= SMALL_PORTION || self.gather.is_zero() {
            return self.project(changes, (from, to)).await;
        }
        let (one, other) = halves(changes);
        let (one, other) =
            tokio::join!(self.project(one, (from, to)), self.project(other, (from, to)));
        Ok(one? && other?)
    }

    async fn project(&self, changes: Vec<Changes>, (from, to): (i64, i64)) -> Result<bool> {
        let bookmarks = changes.iter().map(|(reader, _)| (reader.name.into(), from, to)).collect();
        let changes = changes.into_iter().flat_map(|(_, changes)| changes).collect();
        let written = self
            .store
            .project(&self.source, Projected { changes, bookmarks, holder: None })
            .await?;
        tracing::debug!(source = self.source, from, to, written, "projected");
        Ok(written)
    }

    /// Whether a finding stands may depend on another stream of its customer.
    async fn mark_settled(&self, portion: &mut Portion) -> Result<()> {
        let table = findings::READ_MODEL.table.name;
        let mut changes = portion.changes.iter_mut().flat_map(|(_, changes)| changes);
        let Some((_, rows)) = changes.find(|(changed, _)| changed.name == table) else {
            return Ok(());
        };
        settled::mark(&*self.store, (&self.source, &self.policies), rows).await
    }

    /// Neither can a single stream tell of conflicts of identities.
    async fn add_conflicts(&self, portion: &mut Portion) -> Result<()> {
        let of = |table: &'static Table| move |(other, _): &(&Table, _)| table.name == other.name;
        let Portion { from, changes, .. } = portion;
        let new: Vec<Pair> = changes
            .iter()
            .flat_map(|(_, changes)| changes)
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
        let conflicts = customers::conflicts(&self.source, &pairs, *from);
        let mut changes = changes.iter_mut().flat_map(|(_, changes)| changes);
        if let Some((_, rows)) = changes.find(|change| of(exceptions::READ_MODEL.table)(change)) {
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
