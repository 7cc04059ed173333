//! The sender of one endpoint: reads on, makes the calls that may be made, and keeps what came of
//! them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use creditrail_projections::{Cell, Change, Write};
use creditrail_sending::{Lanes, Outcome, Settled, lanes::Item as _};
use futures_util::future::select_all;
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    Known,
    client::{Answer, Caller},
    endpoint::{Begins, Endpoint},
    notice::{self, Due},
    record::Noted,
    taken::Stretches,
};
use crate::{
    app::Creditrail,
    failure::chain,
    store::{
        Cause, LEASE, Projected,
        sending::{ENDPOINTS, LaneRow},
    },
};

/// How long it sleeps when there is nothing to do, and while something is on its way.
const IDLE: Duration = Duration::from_millis(200);
const BUSY: Duration = Duration::from_millis(25);
/// How often it looks whether it is paused, and what operators ask for.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How long before the end of its lease it makes no more calls.
const MARGIN: Duration = Duration::from_millis(300);
/// How long it waits at first after a failure, and at the most.
pub(super) const AFTER_FAILURE: (Duration, Duration) =
    (Duration::from_millis(200), Duration::from_secs(10));
/// How long until a lane is tried again whose call could not be made, for a fault of ours.
const NOT_MADE: i64 = 1000;

/// A lane: the place of its log among those of the sender, and `aggregate_type/aggregate`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LaneKey {
    pub(super) log: usize,
    pub(super) lane: Arc<str>,
}

/// The sender of one endpoint.
pub(super) struct Sender {
    pub(super) house: Creditrail,
    pub(super) known: Known,
    pub(super) lanes: Lanes<LaneKey, Arc<Due>>,
    pub(super) logs: Vec<Log>,
    pub(super) holder: String,
    caller: Caller,
    calls: JoinSet<Called>,
    claimed_at: Option<Instant>,
    looked_at: Option<Instant>,
    pub(super) flushed_at: Instant,
    /// Whether it is called now: no operator paused it, and a secret holds.
    is_paused: bool,
    signs: bool,
    /// To what it answered 410, which is not written yet: the source and the position.
    gone: Option<(String, i64)>,
    random: SystemRandom,
}

/// What the sender knows of the log of one source.
pub(super) struct Log {
    pub(super) source: String,
    heads: watch::Receiver<i64>,
    /// Whether this instance sends what is in it.
    pub(super) is_mine: bool,
    /// Where the bookmark stands.
    pub(super) bookmark: i64,
    /// How far it was read.
    pub(super) read: i64,
    /// What the endpoint is told of, and from where on.
    pub(super) taken: Stretches,
    pub(super) read_at: Option<Instant>,
    pub(super) brought_at: Option<Instant>,
    /// Lanes in memory that have a row.
    pub(super) rowed: HashSet<LaneKey>,
    /// Heads that were there when it was looked last, to find those that take long.
    pub(super) heads_then: HashMap<LaneKey, i64>,
    /// Lanes whose call is in flight that are to go back behind a sequence.
    pub(super) rewinds: HashMap<LaneKey, i64>,
    /// Rows that are to be written; `None` deletes.
    pub(super) rows: BTreeMap<String, Option<LaneRow>>,
    /// What is to be noted of notifications.
    pub(super) noted: Vec<Noted>,
    /// Requests that are done.
    pub(super) done: Vec<String>,
}

/// What a task comes back with.
struct Called {
    key: LaneKey,
    due: Arc<Due>,
    attempt: u32,
    came: Result<Answer, Cause>,
}

impl Log {
    fn new(source: String, heads: watch::Receiver<i64>) -> Self {
        Self {
            source,
            heads,
            is_mine: false,
            bookmark: 0,
            read: 0,
            taken: Stretches::default(),
            read_at: None,
            brought_at: None,
            rowed: HashSet::new(),
            heads_then: HashMap::new(),
            rewinds: HashMap::new(),
            rows: BTreeMap::new(),
            noted: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Whether something was recorded that was not read.
    pub(super) fn has_more(&self) -> bool {
        *self.heads.borrow() > self.read
    }

    /// Whether something may have been recorded that was not read.
    pub(super) fn may_have_more(&self) -> bool {
        self.has_more() || self.read_at.is_none_or(|at| at.elapsed() >= IDLE)
    }

    /// Begins again from what is kept.
    fn forget(&mut self) {
        *self = Self::new(std::mem::take(&mut self.source), self.heads.clone());
    }
}

impl Sender {
    /// The sender of an endpoint, to be run.
    pub(super) fn new(house: &Creditrail, known: &Known) -> Self {
        let endpoint = &known.endpoint;
        let sources = house.sources.iter().filter(|(name, _)| endpoint.takes_source(name));
        let logs = sources.map(|(name, source)| Log::new(name.clone(), source.heads.clone()));
        Self {
            logs: logs.collect(),
            lanes: Lanes::new(endpoint.limits(), endpoint.schedule()),
            house: house.clone(),
            known: known.clone(),
            holder: uuid::Uuid::new_v4().to_string(),
            caller: known.caller.clone(),
            calls: JoinSet::new(),
            claimed_at: None,
            looked_at: None,
            flushed_at: Instant::now(),
            is_paused: true,
            signs: true,
            gone: None,
            random: SystemRandom::new(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.known.endpoint
    }

    /// The present in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.house.now().as_millisecond()
    }

    /// Sends until it is dropped.
    pub(super) async fn run(mut self) {
        let mut wait = AFTER_FAILURE.0;
        loop {
            match self.turn().await {
                Ok(()) => wait = AFTER_FAILURE.0,
                Err(error) => {
                    let (endpoint, error) = (self.endpoint().name(), chain(&*error));
                    tracing::warn!(endpoint, error, "a sender stumbled");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(AFTER_FAILURE.1);
                }
            }
            // Another instance may send now what is in flight here.
            if self.claimed_at.is_some_and(|at| at.elapsed() > LEASE) {
                self.give_up();
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Cause> {
        self.keep().await?;
        self.look().await?;
        if !self.is_paused {
            self.bring().await?;
            self.read_on().await?;
            self.launch();
        }
        let breaker = self.lanes.breaker().state(self.now());
        self.known.told.stands(breaker, self.lanes.in_flight());
        self.wait().await;
        self.flush_if_due().await
    }

    /// Keeps the logs that are this instance's, and takes those that are nobody's.
    pub(super) async fn keep(&mut self) -> Result<(), Cause> {
        if self.claimed_at.is_some_and(|at| at.elapsed() < LEASE / 3) {
            return Ok(());
        }
        let asked_at = Instant::now();
        let (reader, began) = (self.endpoint().reader(), self.endpoint().began());
        let mut is_lost = false;
        for place in 0..self.logs.len() {
            let source = self.logs[place].source.clone();
            let wanted = vec![reader.clone()];
            let found = self.house.store.claim(&source, wanted, &self.holder).await?;
            let of = |name: &str| found.iter().find(|bookmark| bookmark.reader == name);
            let is_mine = of(&reader).is_none_or(|bookmark| bookmark.is_mine);
            let at = of(&reader).map_or(0, |bookmark| bookmark.position);
            if is_mine && !self.logs[place].is_mine {
                let begins = match of(&began) {
                    Some(began) => Some(began.position),
                    None => self.begin(&source, at).await?,
                };
                let Some(begins) = begins else { continue };
                let taken = self.taken(&source, (begins, at)).await?;
                let log = &mut self.logs[place];
                (log.is_mine, log.taken) = (true, taken);
                (log.bookmark, log.read) = (at.max(begins), at.max(begins));
            }
            is_lost |= !is_mine && self.logs[place].is_mine;
        }
        if is_lost {
            self.give_up();
            return Err("another instance sends to this endpoint".into());
        }
        self.claimed_at = Some(asked_at);
        Ok(())
    }

    /// Notes where a new endpoint begins; `None` if another instance did just now.
    async fn begin(&self, source: &str, at: i64) -> Result<Option<i64>, Cause> {
        let begins = match self.endpoint().config.begins {
            Begins::Now => self.house.store.head(source).await?.position,
            Begins::AtTheBeginning => 0,
        };
        let bookmarks =
            vec![(self.endpoint().began(), 0, begins), (self.endpoint().reader(), at, begins)];
        let projected = Projected { bookmarks, ..Projected::default() };
        Ok(self.house.store.project(source, projected).await?.then_some(begins))
    }

    /// What the endpoint is told of, once it is kept: from its bookmark on what the settings say.
    async fn taken(&self, source: &str, (begins, at): (i64, i64)) -> Result<Stretches, Cause> {
        let endpoint = self.endpoint();
        let (name, events) = (endpoint.name(), &endpoint.config.events);
        let kept = self.house.taken(source, name).await?;
        let mut taken = kept.clone().unwrap_or_default();
        let after = if kept.is_some() { at.max(begins) } else { begins };
        if taken.change(after, events) {
            let change = Change {
                key: name.to_owned(),
                write: Write::Replace,
                position: 0,
                cells: vec![Cell::document(&taken.document())],
            };
            let projected = Projected {
                changes: vec![(&ENDPOINTS, vec![change])],
                bookmarks: vec![(endpoint.reader(), at, at)],
                holder: Some(self.holder.clone()),
            };
            if !self.house.store.project(source, projected).await? {
                return Err("another instance sends to this endpoint".into());
            }
        }
        Ok(taken)
    }

    /// Forgets everything and begins again from what is kept: calls in flight are given up.
    pub(super) fn give_up(&mut self) {
        self.calls.abort_all();
        self.calls = JoinSet::new();
        self.lanes.clear();
        self.logs.iter_mut().for_each(Log::forget);
        self.claimed_at = None;
    }

    /// Looks whether the endpoint is paused, and does what operators ask for.
    async fn look(&mut self) -> Result<(), Cause> {
        if self.looked_at.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        let name = self.known.endpoint.name();
        if let Some((source, position)) = &self.gone {
            self.house.pause_gone(name, (source, *position)).await?;
            self.gone = None;
        }
        let signs = self.endpoint().signs(self.house.now());
        if !signs && self.signs {
            tracing::error!(endpoint = name, "nothing is sent: no secret holds");
        }
        self.signs = signs;
        self.is_paused = !signs || self.house.is_paused(name).await?;
        self.looked_at = Some(Instant::now());
        self.note_slow_heads();
        self.do_requests().await
    }

    /// Makes the calls that may be made, while nobody else can.
    fn launch(&mut self) {
        let now = self.now();
        while self.claimed_at.is_some_and(|at| at.elapsed() + MARGIN < LEASE)
            && let Some(call) = self.lanes.next(now)
        {
            let (house, endpoint) = (self.house.clone(), Arc::clone(&self.known.endpoint));
            let (caller, due, key) = (self.caller.clone(), call.item, call.key);
            let (attempt, source) = (call.attempt, self.logs[key.log].source.clone());
            self.calls.spawn(async move {
                let at = house.now();
                let came = match notice::made(&house, &endpoint, (&source, &due), at).await {
                    Ok((headers, body)) => Ok(caller.call(headers, body, at).await),
                    Err(cause) => Err(cause),
                };
                Called { key, due, attempt, came }
            });
        }
    }

    /// Waits until something came of a call, something was recorded or asked, or some time passed.
    async fn wait(&mut self) {
        let is_idle = self.lanes.items() == 0 && !self.is_unwritten();
        let pause = if !self.is_paused && self.may_read() {
            Duration::ZERO
        } else if is_idle {
            IDLE
        } else {
            BUSY
        };
        let pause = tokio::time::sleep(pause);
        let told = Arc::clone(&self.known.told);
        let may_read = !self.is_paused && self.has_room();
        let recorded = self.logs.iter_mut().filter(|log| log.is_mine);
        let mut recorded: Vec<_> = recorded.map(|log| Box::pin(log.heads.changed())).collect();
        if recorded.is_empty() || !may_read {
            recorded.clear();
        }
        let changed = async {
            if recorded.is_empty() {
                std::future::pending::<()>().await;
            }
            drop(select_all(recorded).await);
        };
        tokio::select! {
            Some(ended) = self.calls.join_next() => {
                self.ended(ended);
                while let Some(ended) = self.calls.try_join_next() {
                    self.ended(ended);
                }
            }
            () = changed => {}
            () = told.asked.notified() => self.looked_at = None,
            () = pause => {}
        }
    }

    fn ended(&mut self, ended: Result<Called, JoinError>) {
        match ended {
            Ok(called) => self.settle(called),
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                tracing::error!(error = chain(&error), "a call panicked");
                self.give_up();
            }
        }
    }

    fn settle(&mut self, Called { key, due, attempt, came }: Called) {
        let now = self.now();
        let outcome = came.as_ref().map_or(Outcome::Gone, |answer| answer.outcome);
        let Some(settled) = self.lanes.settle(&key, outcome, (now, self.jitter())) else { return };
        match &came {
            Ok(_) => self.known.told.count(outcome),
            Err(cause) => {
                let (endpoint, error) = (self.endpoint().name(), chain(&**cause));
                tracing::warn!(endpoint, error, "a notification could not be made");
            }
        }
        let row = |after_sequence, attempts: u32, at: Option<i64>| LaneRow {
            key: format!("{}/{}", self.known.endpoint.name(), key.lane),
            is_parked: at.is_none(),
            after_sequence,
            attempts: attempts.into(),
            next_at: at.unwrap_or(now),
        };
        let sequence = due.sequence();
        let has_row = self.logs[key.log].rowed.contains(&key);
        let (row, stays) = match settled {
            Settled::Taken => (has_row.then(|| Some(row(sequence, 0, Some(now)))), true),
            Settled::Emptied { is_behind: false } => (has_row.then_some(None), false),
            Settled::Emptied { is_behind: true } => {
                (Some(Some(row(sequence, 0, Some(now)))), false)
            }
            Settled::Retry { attempts, at } => {
                let at = if came.is_err() { now + NOT_MADE } else { at };
                (Some(Some(row(sequence - 1, attempts, Some(at)))), false)
            }
            Settled::Parked { attempts } => (Some(Some(row(sequence - 1, attempts, None))), false),
        };
        if has_row || attempt > 1 || outcome != Outcome::Taken {
            self.note(&key, (&due, attempt), (came, settled));
        }
        self.row(&key, row, stays);
        if outcome == Outcome::Gone && self.logs[key.log].noted.last().is_some_and(Noted::is_gone) {
            self.is_paused = true;
            self.gone = Some((self.logs[key.log].source.clone(), due.position()));
            self.looked_at = None;
        }
    }

    /// Notes the row of a lane, and whether the lane stays in memory.
    fn row(&mut self, key: &LaneKey, row: Option<Option<LaneRow>>, stays: bool) {
        let rewind = self.logs[key.log].rewinds.remove(key);
        let name = format!("{}/{}", self.endpoint().name(), key.lane);
        let now = self.now();
        let next = self.lanes.head(key).map(|head| head.sequence() - 1);
        let log = &mut self.logs[key.log];
        let mut row = row;
        if let Some(after) = rewind {
            let known = row.as_ref().and_then(|row| row.as_ref()).map(|row| row.after_sequence);
            let after = [Some(after), known, next].into_iter().flatten().min().unwrap_or(after);
            row = Some(Some(LaneRow {
                key: name.clone(),
                is_parked: false,
                after_sequence: after,
                attempts: 0,
                next_at: now,
            }));
        }
        if let Some(row) = row {
            log.rows.insert(name, row);
        }
        if !stays || rewind.is_some() {
            log.rowed.remove(key);
            self.lanes.withdraw(key);
        }
    }

    fn jitter(&self) -> u32 {
        let mut bytes = [0; 4];
        // Without random numbers, all wait as short as they may.
        let filled = self.random.fill(&mut bytes);
        filled.map_or(0, |()| u32::from_le_bytes(bytes))
    }
}

/// The time of a row, for documents.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}
