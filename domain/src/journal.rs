//! The journal of an aggregate: every distinct step, judged in the order in which they happened.
//!
//! A step that arrives late takes its place by its [`OrderKey`](crate::order_key::OrderKey), all
//! steps are judged again, and every verdict that changes is recorded as an event with its cause.
//! So no order of arrival can change the outcome, and what waits needs no retry queue.
//!
//! [`Journal`] is the [`Aggregate`] of `cqrs-es`; a [`Lifecycle`] supplies the rules.

use std::fmt;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Place, Policies,
    judge::{Item, judge, mark_void},
    refusal::CommandRefusal,
    step::{Fact, Origin, Outcome, Party, Step, StepId, Verdict},
};

/// The rules of one kind of aggregate.
pub trait Lifecycle: fmt::Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The aggregate type in the log.
    const TYPE: &'static str;
    /// What a step may say.
    type Fact: Fact;
    /// What the steps so far amount to.
    type State: fmt::Debug;

    /// The state before the first step. All steps may be looked at: what identifies the aggregate
    /// must not depend on which of them came first.
    fn open(items: &[Item<'_, Self::Fact>], policies: &Policies) -> Self::State;

    /// Judges one step in the state that the earlier steps left.
    fn rule(state: &Self::State, item: &Item<'_, Self::Fact>, policies: &Policies) -> Verdict;

    /// Takes a judged step into the state. Called for every step, applied or not.
    fn absorb(state: &mut Self::State, item: &Item<'_, Self::Fact>, verdict: &Verdict);

    /// Adds what only the whole history tells: what is superseded, which totals are odd.
    fn review(
        state: &Self::State,
        items: &[Item<'_, Self::Fact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    );

    /// The name of the state, as refusals give it.
    fn state_name(state: &Self::State, fact: &Self::Fact) -> &'static str;

    /// The kinds of step that are in order in the state.
    fn legal(state: &Self::State, fact: &Self::Fact) -> Vec<&'static str>;

    /// Where the step finds what it is about, in each lifecycle that has a say about it: the same
    /// lifecycles in the same order before it is taken in and after.
    fn places(state: &Self::State, item: &Item<'_, Self::Fact>) -> Vec<Place>;

    /// Until when what a step began should have gone on, for each step that began something which
    /// has not: from then on `review` may flag it. Nothing is recorded before that.
    fn watches(
        _state: &Self::State,
        _items: &[Item<'_, Self::Fact>],
        _policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        Vec::new()
    }

    /// Whom all of it is about, where the single steps do not say.
    fn party(_state: &Self::State) -> Party<'_> {
        Party::default()
    }
}

/// A step of the journal with its present verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<F> {
    /// What was reported.
    pub step: Box<Step<F>>,
    /// How it is judged now.
    pub verdict: Verdict,
    /// What an operator decided about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override<F>>,
    /// When the clock told last that a deadline of it has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_at: Option<Timestamp>,
}

/// An operator's decision about one step. It holds whatever comes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override<F> {
    /// What was decided.
    pub action: OverrideAction<F>,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// What an operator can decide about a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverrideAction<F> {
    /// It counts as it was reported.
    Apply,
    /// It counts as another kind of step.
    ConvertTo(F),
    /// It does not count.
    Discard,
}

impl<F> Entry<F> {
    /// What the step is taken to say: the reported fact, unless an operator converted it.
    pub const fn fact(&self) -> &F {
        match &self.overridden {
            Some(Override { action: OverrideAction::ConvertTo(fact), .. }) => fact,
            _ => &self.step.fact,
        }
    }
}

impl OverrideAction<()> {
    /// The names of the actions on the wire.
    pub const NAMES: [&'static str; 3] =
        [Self::Apply.name(), Self::ConvertTo(()).name(), Self::Discard.name()];
}

impl<F> OverrideAction<F> {
    /// The name of the action on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ConvertTo(_) => "convert",
            Self::Discard => "discard",
        }
    }
}

/// What may be asked of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<F> {
    /// Take in a step.
    Record(Box<Step<F>>),
    /// Fix the outcome of a step.
    Override {
        /// Which step.
        step: StepId,
        /// The action's name: `apply`, `convert` or `discard`.
        action: String,
        /// For `convert`: the kind of step to take it as.
        convert_to: Option<String>,
        /// Why; not empty.
        reason: String,
        /// Who.
        actor: String,
        /// When.
        at: Timestamp,
    },
    /// The clock says that it is `now`: judge again what was due.
    PassTime {
        /// The present.
        now: Timestamp,
    },
}

/// What a journal records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepEvent<F> {
    /// A step was taken in and judged.
    StepRecorded {
        /// The step.
        step: Box<Step<F>>,
        /// How it was judged then.
        verdict: Verdict,
    },
    /// Something else changed how a step is judged.
    OutcomeRevised {
        /// Which step.
        step: StepId,
        /// How it was judged before.
        from: Verdict,
        /// How it is judged from now on.
        to: Verdict,
        /// What changed it.
        cause: Cause,
    },
    /// The deadline of a step passed without what it waited for.
    DeadlinePassed {
        /// Which step.
        step: StepId,
        /// By which time.
        at: Timestamp,
    },
    /// An operator fixed the outcome of a step.
    Overridden {
        /// Which step.
        step: StepId,
        /// What was decided, by whom, when and why.
        decision: Override<F>,
    },
}

/// What changed the verdict on a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Another step.
    Step(StepId),
    /// A deadline, of the step given.
    Deadline(StepId),
    /// An operator's decision about the step given.
    Override(StepId),
}

/// The steps of one aggregate with their verdicts, in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = ""))]
pub struct Journal<L: Lifecycle> {
    entries: Vec<Entry<L::Fact>>,
}

impl<L: Lifecycle> Default for Journal<L> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<L: Lifecycle> Journal<L> {
    /// The steps with their verdicts, in the order in which they happened.
    pub fn entries(&self) -> &[Entry<L::Fact>] {
        &self.entries
    }

    /// The step of that id.
    pub fn entry(&self, id: StepId) -> Option<&Entry<L::Fact>> {
        self.entries.iter().find(|entry| entry.step.id == id)
    }

    /// What the verdicts amount to. Nothing is judged anew.
    pub fn state(&self, policies: &Policies) -> L::State {
        let mut items: Vec<_> = self.entries.iter().map(Item::of).collect();
        mark_void(&mut items);
        let mut state = L::open(&items, policies);
        for (item, entry) in items.iter().zip(&self.entries) {
            L::absorb(&mut state, item, &entry.verdict);
        }
        state
    }

    /// The state before the first step when only some steps were there: `known` says which, and
    /// whether an operator had decided about them.
    pub fn opened(&self, known: impl Fn(StepId) -> Option<bool>, policies: &Policies) -> L::State {
        let known = self.entries.iter().filter_map(|entry| {
            let is_decided = known(entry.step.id)?;
            Some(if is_decided { Item::of(entry) } else { Item::reported(&entry.step) })
        });
        let mut items: Vec<_> = known.collect();
        mark_void(&mut items);
        L::open(&items, policies)
    }

    /// Decides what a command leads to, without changing anything.
    ///
    /// # Errors
    /// A [`CommandRefusal`] for an override that cannot be. A reported step is never an error:
    /// its refusal is recorded as an event.
    pub fn decide(
        &self,
        command: Command<L::Fact>,
        policies: &Policies,
    ) -> Result<Vec<StepEvent<L::Fact>>, CommandRefusal> {
        match command {
            Command::Record(step) => self.record(step, policies),
            Command::Override { step, action, convert_to, reason, actor, at } => {
                let action = self.override_action(step, &action, convert_to.as_deref())?;
                if reason.trim().is_empty() {
                    return Err(CommandRefusal::ReasonMissing);
                }
                let decision = Override { action, reason, actor, at };
                let event = StepEvent::Overridden { step, decision };
                Ok(self.followed_by_revisions(vec![event], Cause::Override(step), policies))
            }
            Command::PassTime { now } => Ok(self.pass_time(now, policies)),
        }
    }

    fn record(
        &self,
        step: Box<Step<L::Fact>>,
        policies: &Policies,
    ) -> Result<Vec<StepEvent<L::Fact>>, CommandRefusal> {
        if self.entry(step.id).is_some() {
            return Ok(Vec::new());
        }
        let id = step.id;
        let place = self.place_of(&step);
        let mut items: Vec<_> = self.entries.iter().map(Item::of).collect();
        items.insert(place, Item::reported(&step));
        let mut verdicts = judge::<L>(items, policies);
        let verdict = verdicts.remove(place);
        if let (Origin::Partner | Origin::Operator, Outcome::Refused(refused)) =
            (step.origin, &verdict.outcome)
        {
            return Err(CommandRefusal::NotLegal(refused.clone()));
        }
        let revisions = self.revisions(verdicts, Cause::Step(id));
        let recorded = StepEvent::StepRecorded { step, verdict };
        Ok(std::iter::once(recorded).chain(revisions).collect())
    }

    /// What is due, and when: deadlines of which the clock has not told yet, in the order of the
    /// steps.
    pub fn deadlines(&self, policies: &Policies) -> Vec<(StepId, Timestamp)> {
        let mut items: Vec<_> = self.entries.iter().map(Item::of).collect();
        mark_void(&mut items);
        let watches = L::watches(&self.state(policies), &items, policies);
        let of = |entry: &Entry<L::Fact>| {
            let watched = watches.iter().filter(|(step, _)| *step == entry.step.id);
            // What waited has been adopted or flagged since: it is told of only once.
            let own = entry.verdict.deadline.filter(|_| entry.overdue_at.is_none());
            let told = |at: &Timestamp| entry.overdue_at.is_some_and(|told_at| told_at >= *at);
            own.into_iter().chain(watched.map(|(_, at)| *at)).filter(|at| !told(at)).min()
        };
        self.entries.iter().filter_map(|entry| Some((entry.step.id, of(entry)?))).collect()
    }

    pub(crate) fn pass_time(&self, now: Timestamp, policies: &Policies) -> Vec<StepEvent<L::Fact>> {
        let due = self.deadlines(policies).into_iter().filter(|(_, deadline)| *deadline <= now);
        let mut next = self.clone();
        let mut events = Vec::new();
        for (step, _) in due {
            let passed = vec![StepEvent::DeadlinePassed { step, at: now }];
            let passed = next.followed_by_revisions(passed, Cause::Deadline(step), policies);
            passed.iter().cloned().for_each(|event| next.apply(event));
            events.extend(passed);
        }
        events
    }

    /// The events, and after them what they change about other verdicts.
    pub(crate) fn followed_by_revisions(
        &self,
        events: Vec<StepEvent<L::Fact>>,
        cause: Cause,
        policies: &Policies,
    ) -> Vec<StepEvent<L::Fact>> {
        let mut next = self.clone();
        events.iter().cloned().for_each(|event| next.apply(event));
        let items: Vec<_> = next.entries.iter().map(Item::of).collect();
        let revisions = next.revisions(judge::<L>(items, policies), cause);
        events.into_iter().chain(revisions).collect()
    }

    fn revisions(&self, verdicts: Vec<Verdict>, cause: Cause) -> Vec<StepEvent<L::Fact>> {
        self.entries
            .iter()
            .zip(verdicts)
            .filter(|(entry, to)| entry.verdict != *to)
            .map(|(entry, to)| StepEvent::OutcomeRevised {
                step: entry.step.id,
                from: entry.verdict.clone(),
                to,
                cause,
            })
            .collect()
    }

    fn place_of(&self, step: &Step<L::Fact>) -> usize {
        self.entries.partition_point(|entry| entry.step.order_key() < step.order_key())
    }

    /// Takes an event into the journal.
    pub fn apply(&mut self, event: StepEvent<L::Fact>) {
        match event {
            StepEvent::StepRecorded { step, verdict } => {
                let place = self.place_of(&step);
                let entry = Entry { step, verdict, overridden: None, overdue_at: None };
                self.entries.insert(place, entry);
            }
            StepEvent::OutcomeRevised { step, to, .. } => {
                self.change(step, |entry| entry.verdict = to);
            }
            StepEvent::DeadlinePassed { step, at } => {
                self.change(step, |entry| entry.overdue_at = entry.overdue_at.max(Some(at)));
            }
            StepEvent::Overridden { step, decision } => {
                self.change(step, |entry| entry.overridden = Some(decision));
            }
        }
    }

    fn change(&mut self, id: StepId, change: impl FnOnce(&mut Entry<L::Fact>)) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.step.id == id) {
            change(entry);
        }
    }
}

impl<L: Lifecycle> Aggregate for Journal<L> {
    const TYPE: &'static str = L::TYPE;
    type Command = Command<L::Fact>;
    type Event = StepEvent<L::Fact>;
    type Error = CommandRefusal;
    type Services = Policies;

    async fn handle(
        &mut self,
        command: Self::Command,
        policies: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command, policies)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        Self::apply(self, event);
    }
}

impl<F: Fact> StepEvent<F> {
    /// The name of the event in the log. Stable: `Captured`, `StepParked`, `OutcomeRevised` …
    pub fn name(&self) -> &'static str {
        match self {
            Self::StepRecorded { step, verdict } => match verdict.outcome {
                Outcome::Applied => step.fact.event_type(),
                Outcome::Duplicate if step.fact.names_customer() => "IdentityEnriched",
                Outcome::Duplicate => "StepDuplicate",
                Outcome::Stale => "StepStale",
                Outcome::Parked { .. } => "StepParked",
                Outcome::Refused(_) => "StepRefused",
            },
            Self::OutcomeRevised { .. } => "OutcomeRevised",
            Self::DeadlinePassed { .. } => "DeadlinePassed",
            Self::Overridden { .. } => "OverrideApplied",
        }
    }
}

impl<F: Fact + DeserializeOwned> DomainEvent for StepEvent<F> {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        crate::event::VERSION.to_owned()
    }
}
