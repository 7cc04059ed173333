//! The events of one stream, folded as far as every read model needs it.

use std::collections::BTreeMap;

use creditrail_domain::{
    AggregateType, Entry, Event, Journal, Lifecycle, Policies, StepEvent, StepId, Verdict,
    access::AccessEvent,
    application::ApplicationLifecycle,
    charge::ChargeLifecycle,
    customer_link::CustomerLinkLifecycle,
    exception::ExceptionEvent,
    journal::{Cause, Override},
    payment_method::PaymentMethodLifecycle,
    privacy::PrivacyEvent,
    secret::SecretEvent,
    step::{Fact, Party},
    transaction::TransactionLifecycle,
};
use jiff::Timestamp;

/// The identity of a stream within its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// The kind of aggregate.
    pub aggregate_type: AggregateType,
    /// The id within the source: the lender's own where it sends one.
    pub id: String,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The source.
    pub source: String,
    /// The place in the log of the source. From 1, without a gap.
    pub position: i64,
    /// The stream.
    pub stream: StreamId,
    /// The place in the stream. From 1, without a gap.
    pub sequence: i64,
    /// When it was recorded. Never runs backwards along the log.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A stream up to some position, with what is new marked.
#[derive(Debug)]
pub struct Stream {
    /// The source.
    pub source: String,
    /// The identity.
    pub id: StreamId,
    /// The place of its newest event in it.
    pub sequence: i64,
    /// Its events, folded.
    pub history: History,
}

/// The folded events of a stream, by kind of aggregate.
#[derive(Debug)]
pub enum History {
    /// What a caller did.
    Access(Vec<Moment<AccessEvent>>),
    /// The applications of one applicant.
    Application(Steps<ApplicationLifecycle>),
    /// A charge.
    Charge(Steps<ChargeLifecycle>),
    /// A link of customer ids.
    CustomerLink(Steps<CustomerLinkLifecycle>),
    /// An exception that belongs to no step.
    Exception(Vec<Moment<ExceptionEvent>>),
    /// A card.
    PaymentMethod(Steps<PaymentMethodLifecycle>),
    /// What is done about a person's data.
    Privacy(Vec<Moment<PrivacyEvent>>),
    /// A secret out of a payload.
    Secret(Vec<Moment<SecretEvent>>),
    /// A card transaction.
    Transaction(Steps<TransactionLifecycle>),
}

/// Something of a stream with its place in the log.
#[derive(Clone, Debug)]
pub struct Moment<T> {
    /// The position in the log of the source.
    pub position: i64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether it is one of the events that are being projected now.
    pub is_new: bool,
    /// What happened.
    pub what: T,
}

/// The journal of a stream, and for each step what was decided about it, in log order.
#[derive(Debug)]
pub struct Steps<L: Lifecycle> {
    /// The steps as they are judged now.
    pub journal: Journal<L>,
    /// What was decided about each step, oldest first. The first is how it was recorded.
    pub moments: BTreeMap<StepId, Vec<Moment<Decision<L::Fact>>>>,
    /// The position of the newest event.
    pub position: i64,
    /// The position of the first event that is told.
    pub first_position: i64,
}

/// What an event decided about a step.
#[derive(Clone, Debug)]
pub enum Decision<F> {
    /// It was recorded and judged so.
    Recorded(Verdict),
    /// It was judged anew.
    Revised {
        /// How it was judged before.
        from: Verdict,
        /// How it is judged since.
        to: Verdict,
        /// What changed it.
        cause: Cause,
    },
    /// Its deadline passed.
    Overdue,
    /// An operator decided.
    Overridden(Override<F>),
}

/// A step with its entry in the journal and what was decided about it.
#[derive(Debug)]
pub struct StepHistory<'a, F> {
    /// The step with its present verdict.
    pub entry: &'a Entry<F>,
    /// What was decided, oldest first.
    pub moments: &'a [Moment<Decision<F>>],
}

/// The names of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// The lender's.
    pub customer_id: Option<String>,
    /// The partner's.
    pub partner_customer_id: Option<String>,
}

impl Customer {
    fn of<L: Lifecycle>(state: &L::State) -> Self {
        let Party { customer_id, partner_customer_id } = L::party(state);
        Self {
            customer_id: customer_id.map(str::to_owned),
            partner_customer_id: partner_customer_id.map(str::to_owned),
        }
    }

    /// The names that a step gives, and for those that it does not give these.
    pub fn or<'a>(&'a self, step: Party<'a>) -> Party<'a> {
        let Party { customer_id, partner_customer_id } = step;
        Party {
            customer_id: customer_id.or(self.customer_id.as_deref()),
            partner_customer_id: partner_customer_id.or(self.partner_customer_id.as_deref()),
        }
    }
}

impl<L: Lifecycle> Default for Steps<L> {
    fn default() -> Self {
        let moments = BTreeMap::new();
        Self { journal: Journal::default(), moments, position: 0, first_position: 0 }
    }
}

impl<L: Lifecycle> Steps<L> {
    fn take(&mut self, moment: Moment<StepEvent<L::Fact>>) {
        let Moment { position, recorded_at, is_new, what } = moment;
        // What is told anew as of a time follows from events that stand further on in the log.
        self.position = self.position.max(position);
        if self.first_position == 0 {
            self.first_position = position;
        }
        let (step, decision) = match &what {
            StepEvent::StepRecorded { step, verdict } => {
                (step.id, Decision::Recorded(verdict.clone()))
            }
            StepEvent::OutcomeRevised { step, from, to, cause } => {
                (*step, Decision::Revised { from: from.clone(), to: to.clone(), cause: *cause })
            }
            StepEvent::DeadlinePassed { step, .. } => (*step, Decision::Overdue),
            StepEvent::Overridden { step, decision } => {
                (*step, Decision::Overridden(decision.clone()))
            }
        };
        let moment = Moment { position, recorded_at, is_new, what: decision };
        self.moments.entry(step).or_default().push(moment);
        self.journal.apply(what);
    }

    fn nothing_is_new(&mut self) {
        self.moments.values_mut().flatten().for_each(|moment| moment.is_new = false);
    }

    /// Whether all of its events are being projected now, so that no row of it is there yet.
    pub fn is_new(&self) -> bool {
        self.moments.values().flatten().all(|moment| moment.is_new)
    }

    /// The steps about which a new event decided something, in the order in which they happened.
    pub fn touched(&self) -> impl Iterator<Item = StepHistory<'_, L::Fact>> {
        self.all().filter(|step| step.moments.iter().any(|moment| moment.is_new))
    }

    /// All steps, in the order in which they happened.
    pub fn all(&self) -> impl Iterator<Item = StepHistory<'_, L::Fact>> {
        self.journal.entries().iter().map(|entry| StepHistory {
            entry,
            moments: self.moments.get(&entry.step.id).map_or(&[], Vec::as_slice),
        })
    }

    /// Whom the stream is about, as far as all of it tells: for steps that name nobody.
    pub fn customer(&self, policies: &Policies) -> Customer {
        Customer::of::<L>(&self.state(policies))
    }

    /// Whom the stream was about after each new event that may tell so, with its position. For rows
    /// that stay: what all steps tell in the end is not what those before told, and how many of them
    /// are folded at once is chance.
    pub fn customers(&self, policies: &Policies) -> Vec<(i64, Customer)> {
        let tells = |step: &StepHistory<'_, L::Fact>, what: &Decision<L::Fact>| match what {
            Decision::Recorded(_) => {
                let Party { customer_id, partner_customer_id } = step.entry.step.fact.party();
                customer_id.is_some() || partner_customer_id.is_some()
            }
            Decision::Overridden(_) => true,
            Decision::Revised { .. } | Decision::Overdue => false,
        };
        let mut told = BTreeMap::new();
        for step in self.touched() {
            for moment in step.moments.iter().filter(|moment| moment.is_new) {
                if tells(&step, &moment.what) {
                    told.insert(moment.position, self.customer_at(moment.position, policies));
                }
            }
        }
        told.into_iter().collect()
    }

    fn customer_at(&self, position: i64, policies: &Policies) -> Customer {
        let known = |step: StepId| {
            let moments = self.moments.get(&step)?.iter();
            let mut moments = moments.take_while(|moment| moment.position <= position).peekable();
            moments.peek()?;
            Some(moments.any(|moment| matches!(moment.what, Decision::Overridden(_))))
        };
        Customer::of::<L>(&self.journal.opened(known, policies))
    }

    /// Looks at the journal as it was before the new events, and after each of them.
    pub fn course(&self, mut look: impl FnMut(&Journal<L>)) {
        let mut events: Vec<_> = self
            .all()
            .flat_map(|step| step.moments.iter().map(move |moment| (step.entry, moment)))
            .collect();
        events.sort_unstable_by_key(|(_, moment)| moment.position);
        let known = events.iter().take_while(|(_, moment)| !moment.is_new).count();
        let mut journal = Journal::default();
        for (nth, (entry, moment)) in events.into_iter().enumerate() {
            if nth >= known {
                look(&journal);
            }
            journal.apply(moment.event(entry));
        }
        look(&journal);
    }

    /// What the steps amount to.
    pub fn state(&self, policies: &Policies) -> L::State {
        self.journal.state(policies)
    }
}

impl<F: Fact> Moment<Decision<F>> {
    /// The event about a step that it tells of. When a deadline was told to have passed is that of
    /// the last time.
    fn event(&self, Entry { step, overdue_at, .. }: &Entry<F>) -> StepEvent<F> {
        match &self.what {
            Decision::Recorded(verdict) => {
                StepEvent::StepRecorded { step: step.clone(), verdict: verdict.clone() }
            }
            Decision::Revised { from, to, cause } => StepEvent::OutcomeRevised {
                step: step.id,
                from: from.clone(),
                to: to.clone(),
                cause: *cause,
            },
            Decision::Overdue => StepEvent::DeadlinePassed {
                step: step.id,
                at: overdue_at.unwrap_or(self.recorded_at),
            },
            Decision::Overridden(decision) => {
                StepEvent::Overridden { step: step.id, decision: decision.clone() }
            }
        }
    }
}

impl Stream {
    /// Folds the events of one stream, which are in sequence from 1; those after position
    /// `known` are new. `None` if there are none.
    pub fn fold(events: impl IntoIterator<Item = Recorded>, known: i64) -> Option<Self> {
        let mut events = events.into_iter();
        let first = events.next()?;
        let mut stream = Self {
            source: first.source.clone(),
            id: first.stream.clone(),
            sequence: 0,
            history: History::empty(first.stream.aggregate_type)?,
        };
        stream.take(first, known);
        events.for_each(|event| stream.take(event, known));
        Some(stream)
    }

    /// Folds further events, which follow in sequence. They are new, and no others.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Recorded>) {
        self.history.nothing_is_new();
        events.into_iter().for_each(|event| self.take(event, 0));
    }

    fn take(&mut self, recorded: Recorded, known: i64) {
        self.sequence = recorded.sequence;
        self.history.take(recorded, known);
    }
}

impl History {
    fn empty(aggregate_type: AggregateType) -> Option<Self> {
        Some(match aggregate_type {
            AggregateType::Access => Self::Access(Vec::new()),
            AggregateType::Application => Self::Application(Steps::default()),
            AggregateType::Charge => Self::Charge(Steps::default()),
            AggregateType::CustomerLink => Self::CustomerLink(Steps::default()),
            AggregateType::Exception => Self::Exception(Vec::new()),
            AggregateType::PaymentMethod => Self::PaymentMethod(Steps::default()),
            AggregateType::Privacy => Self::Privacy(Vec::new()),
            AggregateType::Secret => Self::Secret(Vec::new()),
            AggregateType::Transaction => Self::Transaction(Steps::default()),
            _ => return None,
        })
    }

    fn nothing_is_new(&mut self) {
        match self {
            Self::Access(moments) => moments.iter_mut().for_each(|moment| moment.is_new = false),
            Self::Application(steps) => steps.nothing_is_new(),
            Self::Charge(steps) => steps.nothing_is_new(),
            Self::CustomerLink(steps) => steps.nothing_is_new(),
            Self::Exception(moments) => {
                moments.iter_mut().for_each(|moment| moment.is_new = false);
            }
            Self::PaymentMethod(steps) => steps.nothing_is_new(),
            Self::Privacy(moments) => {
                moments.iter_mut().for_each(|moment| moment.is_new = false);
            }
            Self::Secret(moments) => {
                moments.iter_mut().for_each(|moment| moment.is_new = false);
            }
            Self::Transaction(steps) => steps.nothing_is_new(),
        }
    }

    fn take(&mut self, recorded: Recorded, known: i64) {
        let Recorded { position, recorded_at, event, .. } = recorded;
        let is_new = position > known;
        macro_rules! moment {
            ($what:expr) => {
                Moment { position, recorded_at, is_new, what: $what }
            };
        }
        match (self, event) {
            (Self::Access(moments), Event::Access(event)) => moments.push(moment!(event)),
            (Self::Application(steps), Event::Application(event)) => steps.take(moment!(event)),
            (Self::Charge(steps), Event::Charge(event)) => steps.take(moment!(event)),
            (Self::CustomerLink(steps), Event::CustomerLink(event)) => steps.take(moment!(event)),
            (Self::Exception(moments), Event::Exception(event)) => moments.push(moment!(event)),
            (Self::Privacy(moments), Event::Privacy(event)) => moments.push(moment!(event)),
            (Self::Secret(moments), Event::Secret(event)) => moments.push(moment!(event)),
            (Self::PaymentMethod(steps), Event::PaymentMethod(event)) => steps.take(moment!(event)),
            (Self::Transaction(steps), Event::Transaction(event)) => steps.take(moment!(event)),
            // A stream has one kind of event: its type is part of its key in the log.
            (_, _) => {}
        }
    }
}
