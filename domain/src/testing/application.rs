//! What Imprint, the partner and the SDK tell about one applicant's applications.

use uuid::Uuid;

use super::{History, Told, minute};
use crate::application::{
    ApplicationFact, ApplicationState, ClientReport, ClientResult, Decision, State, Statement,
};

/// The id of an application, by its session or by the minute of its creation.
pub fn application(name: impl ToString) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.to_string().as_bytes())
}

fn told(statement: Statement) -> Told<ApplicationFact> {
    let partner_customer_id = Some("partner-1".to_owned());
    Told::new(ApplicationFact { statement, customer_id: None, partner_customer_id })
}

fn decided(decision: Decision, created: i64) -> Told<ApplicationFact> {
    let (application_id, created_at) = (application(created), minute(created));
    told(Statement::Decided { decision, application_id, created_at })
}

/// The partner begins a session.
pub fn started(session: &str) -> Told<ApplicationFact> {
    told(Statement::Started { application_id: application(session) })
}

/// OFFER_ACCEPTED for the application that the lender created in that minute.
pub fn accepted(created: i64) -> Told<ApplicationFact> {
    decided(Decision::Accepted, created)
}

/// REJECTED for the application that the lender created in that minute.
pub fn rejected(created: i64) -> Told<ApplicationFact> {
    decided(Decision::Rejected, created)
}

/// The SDK's word about a session, or about the application created in a minute.
pub fn reported(of: impl ToString, word: &str) -> Told<ApplicationFact> {
    let report =
        ClientReport { result: ClientResult::of(word), session_id: None, error_code: None };
    told(Statement::Reported { application_id: application(of), report })
}

impl Told<ApplicationFact> {
    pub fn of_customer(mut self, id: &str) -> Self {
        self.fact.customer_id = Some(id.to_owned());
        self
    }
}

impl History<ApplicationFact> {
    /// The statuses of all applications in the order in which they began; before a decision with
    /// what the customer may be shown, such as `started (in_progress)`.
    #[track_caller]
    pub fn then_applications<const N: usize>(self, expected: [&str; N]) -> Self {
        let State::Decisions(state) = self.state() else { panic!("another way to live") };
        let shown: Vec<_> = state.applications().iter().map(shown).collect();
        assert_eq!(shown, expected, "{:#?}", self.journal);
        self
    }
}

fn shown(application: &ApplicationState) -> String {
    let status = application.status().name();
    application.provisional().map_or(status.to_owned(), |word| format!("{status} ({word})"))
}
