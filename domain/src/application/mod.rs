//! Applications for credit, as three kinds of lender report them.
//!
//! Reading order: [`fact`] (what is said), then a folder for each way in which an application
//! lives: [`decisions`] (the lender reports its decision alone), [`onboarding`] (assessed, signed,
//! completed), [`lenders`] (offered to several lenders, each with a track of its own), and
//! [`action`] (what somebody has to do). A source has one kind, so a stream lives in one way.

pub mod action;
mod customer;
pub mod decisions;
pub mod fact;
pub mod lenders;
pub mod onboarding;

use jiff::Timestamp;

pub use action::{Action, ActionKind, Actions};
pub use decisions::ApplicationState;
pub use fact::{
    ApplicationFact, CLOSE_ACTION, ClientReport, ClientResult, Decision, SEND_NOTICE, Statement,
};

use crate::{
    Place, Policies,
    journal::{Journal, Lifecycle},
    judge::Item,
    step::{Party, StepId, Verdict},
};

/// The aggregate.
pub type Application = Journal<ApplicationLifecycle>;

/// The rules of applications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApplicationLifecycle;

/// What the steps of a stream amount to.
#[derive(Clone, Debug)]
pub enum State {
    /// The applications of one applicant, of which the lender reports the decision alone.
    Decisions(decisions::State),
    /// One application that is assessed, signed and completed.
    Onboarding(onboarding::State),
    /// One application with a track for each lender.
    Lenders(lenders::State),
}

/// Calls the same function of each way to live.
macro_rules! each {
    ($state:expr, $way:ident => $call:expr) => {
        match $state {
            State::Decisions($way) => $call,
            State::Onboarding($way) => $call,
            State::Lenders($way) => $call,
        }
    };
}

impl State {
    /// The applications of one applicant, where the stream holds several.
    pub fn applications(&self) -> &[ApplicationState] {
        match self {
            Self::Decisions(state) => state.applications(),
            Self::Onboarding(_) | Self::Lenders(_) => &[],
        }
    }

    /// What somebody has to do, or had to.
    pub fn actions(&self) -> &[Action] {
        match self {
            Self::Decisions(_) => &[],
            Self::Onboarding(state) => state.actions.all(),
            Self::Lenders(state) => state.actions.all(),
        }
    }
}

impl Lifecycle for ApplicationLifecycle {
    const TYPE: &'static str = "application";
    type Fact = ApplicationFact;
    type State = State;

    fn open(items: &[Item<'_, ApplicationFact>], policies: &Policies) -> State {
        let way = items.iter().find_map(|item| match item.fact.statement {
            Statement::Started { .. } | Statement::Decided { .. } | Statement::Reported { .. } => {
                Some(State::Decisions(decisions::State::open(items, policies)))
            }
            Statement::Onboarding(_) => {
                Some(State::Onboarding(onboarding::State::open(items, policies)))
            }
            Statement::Lenders(_) => Some(State::Lenders(lenders::State::open(items, policies))),
            // Of every way to live.
            Statement::ActionDone { .. } | Statement::NoticeSent { .. } => None,
        });
        way.unwrap_or_else(|| State::Decisions(decisions::State::default()))
    }

    fn rule(state: &State, item: &Item<'_, ApplicationFact>, policies: &Policies) -> Verdict {
        if matches!(item.fact.statement, Statement::NoticeSent { .. }) {
            return Verdict::applied();
        }
        each!(state, way => way.rule(item, policies))
    }

    fn absorb(state: &mut State, item: &Item<'_, ApplicationFact>, verdict: &Verdict) {
        each!(state, way => way.absorb(item, verdict));
    }

    fn review(
        state: &State,
        items: &[Item<'_, ApplicationFact>],
        verdicts: &mut [Verdict],
        policies: &Policies,
    ) {
        each!(state, way => way.review(items, verdicts, policies));
    }

    fn state_name(state: &State, fact: &ApplicationFact) -> &'static str {
        each!(state, way => way.state_name(fact))
    }

    fn legal(state: &State, fact: &ApplicationFact) -> Vec<&'static str> {
        each!(state, way => way.legal(fact))
    }

    fn places(state: &State, item: &Item<'_, ApplicationFact>) -> Vec<Place> {
        each!(state, way => way.places(item).into_iter().collect())
    }

    fn watches(
        state: &State,
        items: &[Item<'_, ApplicationFact>],
        policies: &Policies,
    ) -> Vec<(StepId, Timestamp)> {
        each!(state, way => way.watches(items, policies))
    }

    fn party(state: &State) -> Party<'_> {
        match state {
            // One stream holds an applicant's applications, and each step names the applicant.
            State::Decisions(_) => Party::default(),
            State::Onboarding(state) => state.party(),
            State::Lenders(state) => state.party(),
        }
    }
}
