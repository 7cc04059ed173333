//! What card onboarding and the partner tell about one application.

use uuid::Uuid;

use super::{History, Told};
use crate::{
    StepId,
    application::{
        ActionKind, ApplicationFact, State, Statement,
        onboarding::{self, FailureCode, RejectReason, Statement::*},
    },
};

fn told(said: onboarding::Statement) -> Told<ApplicationFact> {
    let statement = Statement::Onboarding(said);
    Told::new(ApplicationFact { statement, customer_id: None, partner_customer_id: None })
}

/// The partner hands it in.
pub fn submitted() -> Told<ApplicationFact> {
    let mut told = told(Submitted).by_the_partner();
    told.fact.partner_customer_id = Some("partner-1".to_owned());
    told
}

/// SIGNING_SESSION_CREATED with the URL of that name.
pub fn opened(url: &str) -> Told<ApplicationFact> {
    told(SigningOpened { url: Uuid::new_v5(&Uuid::NAMESPACE_URL, url.as_bytes()) })
}

/// SIGNING_SESSION_COMPLETED
pub fn signed() -> Told<ApplicationFact> {
    told(SigningCompleted)
}

/// ONBOARDING_COMPLETED
pub fn completed(engagement: &str) -> Told<ApplicationFact> {
    told(Completed { engagement_id: engagement.to_owned() })
}

/// ONBOARDING_REJECTED
pub fn declined(reason: &str) -> Told<ApplicationFact> {
    told(Rejected { reason: RejectReason::of(reason) })
}

/// ONBOARDING_FAILED
pub fn failed(code: &str) -> Told<ApplicationFact> {
    told(Failed { code: FailureCode::of(code) })
}

/// The partner has done what a step asked for.
pub fn carried_out(action: ActionKind, opened_by: StepId) -> Told<ApplicationFact> {
    let statement =
        Statement::ActionDone { action, opened_by, actor: "kim".to_owned(), note: None };
    let fact = ApplicationFact { statement, customer_id: None, partner_customer_id: None };
    Told::new(fact).by_the_partner()
}

impl History<ApplicationFact> {
    pub fn onboarding(&self) -> onboarding::State {
        let State::Onboarding(state) = self.state() else { panic!("another way to live") };
        state
    }

    #[track_caller]
    pub fn then_status(self, expected: &str) -> Self {
        assert_eq!(self.onboarding().status().name(), expected, "{:#?}", self.journal);
        self
    }

    /// The actions, each as `kind`, or as `kind (closed)` with how it ended.
    #[track_caller]
    pub fn then_actions<const N: usize>(self, expected: [&str; N]) -> Self {
        let state = self.state();
        let shown: Vec<_> = state
            .actions()
            .iter()
            .map(|action| match action.closed {
                None => action.kind.name().to_owned(),
                Some(closed) => format!("{} ({:?})", action.kind.name(), closed.how).to_lowercase(),
            })
            .collect();
        assert_eq!(shown, expected, "{:#?}", self.journal);
        self
    }

    /// The partner has done what the step of that key asked for.
    #[track_caller]
    pub fn done(self, key: &str) -> Self {
        let opened_by = self.the_step(key);
        let asked =
            self.state().actions().iter().find(|action| action.opened_by == opened_by).cloned();
        let action = asked.expect("the step asked for something").kind;
        self.when(carried_out(action, opened_by))
    }
}
