//! The writer of a source: gathers what has arrived and makes one transaction of it.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use bytes::Bytes;
use creditrail_domain::{CommandRefusal, Policies, StepId, exception::UnreadableKind};
use creditrail_projections::StreamId;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    content::Sealer,
    counters::Counters,
    judge::{Aggregates, Command, Desk, Undecided},
    lines::Lines,
    pages::Pages,
    redrive::Redriving,
    sealing::Keyring,
};
use crate::{
    failure::chain,
    sources::{Call, Decoded, fields::Fault},
    store::{Batch, Ground, Head, RejectedPlace, SealedSecret, Store, StoreError, Written},
};

/// How many deliveries one transaction takes at the most.
const MAX_BATCH: usize = 512;
/// After how many rounds of the other tasks without a further delivery a batch is closed.
const GATHER_ROUNDS: usize = 8;
/// How many may wait for the writer before further ones are turned away.
const MAX_WAITING: usize = 4096;

/// How many aggregates the writer remembers before it begins anew.
const MAX_REMEMBERED: usize = 4096;

/// What became of a delivery or a command.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// `applied`, `duplicate`, `stale`, `parked`, `refused`, `malformed` or `unrecognised`.
    pub outcome: &'static str,
    /// The delivery's id, which is its step's; of a command, the step's.
    pub delivery_id: String,
    /// The position of the last event that it caused; of a duplicate, of the first one's.
    pub position: Option<i64>,
}

/// Why something was not written. Nothing was acknowledged, and nothing is lost by asking again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The command was refused.
    #[error(transparent)]
    Refused(#[from] CommandRefusal),
    /// Too much is waiting already.
    #[error("too much is waiting to be written")]
    Overloaded,
    /// The worker is not running.
    #[error("the worker is not running")]
    Stopped,
    /// It was not written in time; it may still be.
    #[error("it was not written in time")]
    TimedOut,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
    /// A rule failed on the command.
    #[error("a rule failed on the command")]
    Rule,
}

impl From<Undecided> for WriteError {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Refused(refusal) => Self::Refused(refusal),
            Undecided::Panicked | Undecided::Unfit => Self::Rule,
        }
    }
}

impl WriteError {
    /// The cause under which a delivery that was not acknowledged is counted.
    pub(super) const fn cause(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Stopped => "stopped",
            Self::TimedOut => "timed_out",
            Self::Store(_) => "database",
            // Of a command, never of a delivery: what a lender reports is recorded as refused.
            Self::Refused(_) | Self::Rule => "rule",
        }
    }
}

/// A delivery, verified and read as far as it could be.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Derived from source, key and content.
    pub id: StepId,
    /// When the call was taken in, by a clock that never runs backwards.
    pub taken_in: Instant,
    /// The body, read.
    pub decoded: Decoded,
    /// When and how it was received.
    pub call: Call,
    /// Which secret verified it.
    pub secret_id: String,
    /// Its headers as JSON, credentials masked.
    pub headers: String,
    /// Its body as it came, but for secrets and what looked like a card number.
    pub body: Bytes,
    /// The secrets that stood in it, sealed.
    pub secrets: Vec<SealedSecret>,
    /// The call of the ring that it was, if it had been turned away at first, and when it was verified
    /// again.
    pub rejected: Option<(RejectedPlace, Timestamp)>,
}

/// What the writer is asked to write.
#[derive(Clone, Debug)]
pub enum Request {
    /// A delivery.
    Deliver(Box<Delivery>),
    /// A delivery that could not be read when it came, and can be now.
    Redrive(Box<Redriving>),
    /// A command that no delivery brought.
    Command {
        /// On which stream.
        stream: StreamId,
        /// What.
        command: Box<Command>,
        /// When.
        at: Timestamp,
    },
}

pub(super) type Answer = Result<Receipt, WriteError>;

struct Asked {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// The way to a source's writer.
#[derive(Clone, Debug)]
pub struct WriterHandle {
    asked: mpsc::Sender<Asked>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.request.fmt(f)
    }
}

impl WriterHandle {
    /// Asks for something to be written. Once asked it is written even if the caller is gone.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn ask(&self, request: Request) -> Answer {
        self.send(request)?.await.map_err(|_| WriteError::Stopped)?
    }

    /// As [`Self::ask`], of several: they are written in their order, as far as possible at once.
    pub(super) async fn ask_all(&self, requests: Vec<Request>) -> Vec<Answer> {
        let asked: Vec<_> = requests.into_iter().map(|request| self.send(request)).collect();
        let mut answers = Vec::with_capacity(asked.len());
        for asked in asked {
            answers.push(match asked {
                Ok(answered) => answered.await.unwrap_or(Err(WriteError::Stopped)),
                Err(error) => Err(error),
            });
        }
        answers
    }

    fn send(&self, request: Request) -> Result<oneshot::Receiver<Answer>, WriteError> {
        let (answer, answered) = oneshot::channel();
        self.asked.try_send(Asked { request, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => WriteError::Stopped,
        })?;
        Ok(answered)
    }
}

/// The writer of one source.
pub struct Writer {
    source: String,
    policies: Policies,
    store: Arc<dyn Store>,
    asked: mpsc::Receiver<Asked>,
    head: watch::Sender<i64>,
    counters: Arc<Counters>,
    sealer: Sealer,
    remembered: Remembered,
}

/// Aggregates as they are at a position of the log, so that they need not be loaded again.
#[derive(Default)]
struct Remembered {
    /// All of it: after a restore, other events may stand at the same position.
    head: Option<Head>,
    aggregates: Aggregates,
}

impl Writer {
    /// A writer, and the way to it. Each new head position is sent to `head`; what
    /// is written is counted.
    pub fn new(
        source: &str,
        policies: &Policies,
        (store, keyring): (Arc<dyn Store>, Keyring),
        (head, counters): (watch::Sender<i64>, Arc<Counters>),
    ) -> (Self, WriterHandle) {
        let (sender, asked) = mpsc::channel(MAX_WAITING);
        let sealer = Sealer::new(source, keyring);
        let (source, policies) = (source.to_owned(), policies.clone());
        let remembered = Remembered::default();
        let writer = Self { source, policies, store, asked, head, counters, sealer, remembered };
        (writer, WriterHandle { asked: sender })
    }

    /// Writes until every handle is gone.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while self.asked.recv_many(&mut batch, MAX_BATCH).await > 0 {
            // Others may hold the head now: what comes in the meantime comes along.
            let begun = self.store.begin(&self.source).await;
            self.gather(&mut batch).await;
            let (requests, answers): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|asked| (asked.request, asked.answer)).unzip();
            let results = self.write(begun, &requests).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // Whoever asked may be gone; it is written all the same.
                let _ = answer.send(result);
            }
        }
    }

    /// Lets those that are about to ask come along: a commit costs as much for one as for many.
    /// It waits for no clock, only until a few rounds of the other tasks have brought nothing.
    async fn gather(&mut self, batch: &mut Vec<Asked>) {
        let mut idle_rounds = 0;
        while idle_rounds < GATHER_ROUNDS && batch.len() < MAX_BATCH {
            tokio::task::yield_now().await;
            let before = batch.len();
            while batch.len() < MAX_BATCH
                && let Ok(asked) = self.asked.try_recv()
            {
                batch.push(asked);
            }
            idle_rounds = if batch.len() == before { idle_rounds + 1 } else { 0 };
        }
    }

    async fn write(
        &mut self,
        begun: Result<Box<dyn Batch>, StoreError>,
        requests: &[Request],
    ) -> Vec<Answer> {
        let written = match begun {
            Ok(batch) => self.write_at_once(batch, requests).await,
            Err(error) => Err(error),
        };
        let error = match written {
            Ok(answers) => return answers,
            Err(error) => error,
        };
        tracing::warn!(
            source = self.source,
            error = chain(&error),
            requests = requests.len(),
            "a batch was not written"
        );
        if !error.is_of_a_row() {
            let error = Arc::new(error);
            let failed = || Err(WriteError::Store(Arc::clone(&error)));
            return requests.iter().map(|_| failed()).collect();
        }
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.write_alone(request).await);
        }
        answers
    }

    /// Writes one request that may be the one at which its batch failed. A delivery that the
    /// database will not take as what it says is kept as malformed.
    async fn write_alone(&mut self, request: &Request) -> Answer {
        let error = match self.write_now(std::slice::from_ref(request)).await {
            Ok(mut answers) => return answers.pop().unwrap_or(Err(WriteError::Rule)),
            Err(error) => error,
        };
        if let (Request::Deliver(delivery), true) =
            (request, matches!(error, StoreError::Constraint(_)))
        {
            let kept = delivery.unreadable(&self.source, "cannot be recorded");
            let (delivery_id, kept_as) = (delivery.id.to_string(), kept.id.to_string());
            let (source, why) = (&self.source, chain(&error));
            tracing::warn!(source, delivery_id, kept_as, error = why, "kept as malformed");
            let kept = Request::Deliver(Box::new(kept));
            if let Ok(mut answers) = self.write_now(&[kept]).await {
                return answers.pop().unwrap_or(Err(WriteError::Rule));
            }
        }
        Err(WriteError::Store(Arc::new(error)))
    }

    async fn write_now(&mut self, requests: &[Request]) -> Result<Vec<Answer>, StoreError> {
        let batch = self.store.begin(&self.source).await?;
        self.write_at_once(batch, requests).await
    }

    async fn write_at_once(
        &mut self,
        mut batch: Box<dyn Batch>,
        requests: &[Request],
    ) -> Result<Vec<Answer>, StoreError> {
        // What is remembered holds as long as nobody else has written.
        let remembered = std::mem::take(&mut self.remembered);
        let mut aggregates = Aggregates::default();
        if remembered.head != Some(batch.head()) {
            self.sealer.forget();
        } else if remembered.aggregates.count() < MAX_REMEMBERED {
            aggregates = remembered.aggregates;
        }
        let ledger = (self.source.as_str(), &self.policies);
        let Judged { answers, lines, mut written, subjects, aggregates } =
            judge(&mut *batch, ledger, aggregates, requests).await?;
        self.sealer.seal(&mut *batch, &mut written, subjects).await?;
        if !written.erased.is_empty() {
            self.sealer.forget();
        }
        let next = written.head;
        batch.commit(written).await?;
        self.remembered = Remembered { head: Some(next), aggregates };
        self.head.send_replace(next.position);
        lines.say(&self.source);
        self.count(requests, &answers);
        Ok(answers)
    }

    /// Counts what was committed: whoever asked may be gone.
    fn count(&self, requests: &[Request], answers: &[Answer]) {
        self.counters.batch(requests.len());
        for (request, answer) in requests.iter().zip(answers) {
            if let (Request::Deliver(delivery), Ok(receipt)) = (request, answer) {
                let (received_at, took) = (delivery.call.received_at, delivery.taken_in.elapsed());
                self.counters.recorded(receipt.outcome, received_at, took);
            }
        }
    }
}

/// What a batch comes to.
pub(super) struct Judged {
    pub(super) answers: Vec<Answer>,
    lines: Lines,
    /// Its deliveries are not sealed yet.
    written: Written,
    /// Of whom each of its deliveries is.
    subjects: Vec<String>,
    aggregates: Aggregates,
}

/// Judges requests on what is known, in their order. Nothing is written by it.
pub(super) async fn judge(
    ground: &mut dyn Ground,
    (source, policies): (&str, &Policies),
    mut aggregates: Aggregates,
    requests: &[Request],
) -> Result<Judged, StoreError> {
    let ids: BTreeSet<StepId> = requests.iter().filter_map(Request::step_id).collect();
    let ids: Vec<StepId> = ids.into_iter().collect();
    let known = if ids.is_empty() { Vec::new() } else { ground.known(ids).await? };
    let rejected: Vec<_> = requests.iter().filter_map(Request::rejected).collect();
    let rejected = if rejected.is_empty() { rejected } else { ground.rejected(rejected).await? };
    let mut pages = Pages::new(source, ground.head(), (known, rejected));
    let streams = pages.streams(requests).into_iter();
    let streams: Vec<_> = streams.filter(|stream| !aggregates.has(stream)).collect();
    if !streams.is_empty() {
        aggregates.take(ground.load(streams).await?);
    }
    let mut desk = Desk::new(policies, aggregates);
    let answers: Vec<_> = requests.iter().map(|request| pages.take(request, &mut desk)).collect();
    let (events, aggregates) = desk.close();
    let lines = Lines::of(requests, &answers, &events);
    let head = pages.head(events.len());
    let Pages { deliveries, subjects, repeats, redriven, secrets, accepted, erased, .. } = pages;
    let repeats = repeats.into_iter().map(|(id, (times, at))| (id, times, at)).collect();
    let written = Written {
        deliveries,
        repeats,
        redriven,
        secrets,
        data_keys: Vec::new(),
        erased,
        accepted,
        events,
        head,
    };
    Ok(Judged { answers, lines, written, subjects, aggregates })
}

impl Request {
    fn rejected(&self) -> Option<RejectedPlace> {
        match self {
            Self::Deliver(delivery) => delivery.rejected.map(|(place, _)| place),
            Self::Redrive(_) | Self::Command { .. } => None,
        }
    }

    fn step_id(&self) -> Option<StepId> {
        match self {
            Self::Deliver(delivery) => Some(delivery.id),
            Self::Redrive(redriving) => Some(redriving.step.id()),
            Self::Command { .. } => None,
        }
    }
}

impl Delivery {
    /// The delivery as one that cannot be read.
    pub(super) fn unreadable(&self, source: &str, cause: &str) -> Self {
        let fault = Fault::new("", cause);
        let decoded = Decoded::unreadable(&self.body, UnreadableKind::Malformed, fault, self.call);
        let id = StepId::derive(source, &decoded.dedup_key, &decoded.content);
        Self { id, decoded, ..self.clone() }
    }
}
