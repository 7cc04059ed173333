//! Commands of the partner and of operators: sessions, the SDK's reports, resolved exceptions.

use std::time::Duration;

use creditrail_domain::{
    AggregateType, Step, StepId,
    application::{ApplicationFact, ClientReport, ClientResult, Statement},
    exception::{About, Resolution},
    ids,
    step::Origin,
};
use creditrail_projections::{StreamId, exceptions};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Creditrail, Source,
    judge::Command,
    read::ReadError,
    writer::{Receipt, Request, WriteError},
};
use crate::sources::{AnyStep, fields, imprint};

/// How long a command may wait for its commit.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such source.
    #[error("there is no source `{0}`")]
    UnknownSource(String),
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// By which id.
        id: String,
    },
    /// A field is missing or wrong.
    #[error("{field}: {cause}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// It was not written.
    #[error("the command was not carried out")]
    NotWritten(#[from] WriteError),
    /// What it is about cannot be read.
    #[error("what the command is about cannot be read")]
    NotRead(#[from] ReadError),
}

/// A session in which a customer applies, as the partner registers it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// The partner's id of the customer. This or `customer_id` is required.
    pub partner_customer_id: Option<String>,
    /// The lender's id of the customer.
    pub customer_id: Option<String>,
    /// The partner's id of the session: with it, registering twice is once.
    pub session_id: Option<String>,
    /// When it began; now if absent.
    pub started_at: Option<Timestamp>,
}

/// A registered session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// The application's id from now on.
    pub application_id: String,
    /// The position of the event.
    pub position: Option<i64>,
}

/// What the SDK reported in the browser.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClientReport {
    /// `OFFER_ACCEPTED`, `REJECTED`, `IN_PROGRESS` (or `ABANDONED`), `ERROR`.
    pub result: String,
    /// The partner's id of the session.
    pub session_id: Option<String>,
    /// Which exit of the SDK in this session it is: with it, reporting twice is once.
    pub exit_no: Option<u32>,
    /// The SDK's code of a rejection or an error.
    pub error_code: Option<String>,
    /// When it was reported; now if absent.
    pub occurred_at: Option<Timestamp>,
}

/// A person's decision about an exception.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// `apply`, `convert` or `discard`.
    pub action: String,
    /// For `convert`: the kind of step to take it as.
    pub convert_to: Option<String>,
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who.
    #[serde(default = "operator")]
    pub actor: String,
}

fn operator() -> String {
    "operator".to_owned()
}

impl Creditrail {
    /// Registers a session in which a customer applies.
    ///
    /// # Errors
    /// [`CommandError`]: neither id given, unknown source, not written.
    pub async fn register_application(
        &self,
        source: &str,
        new: NewApplication,
    ) -> Result<Registered, CommandError> {
        let known = self.source(source)?;
        let now = self.now();
        let given =
            |id: Option<String>| id.filter(|id| !id.is_empty()).map(|id| ids::canonical(&id));
        let (partner, customer) = (given(new.partner_customer_id), given(new.customer_id));
        let applicant = imprint::applicant(partner.as_deref(), customer.as_deref());
        let applicant = applicant.ok_or(CommandError::Invalid {
            field: "partner_customer_id",
            cause: "this or customer_id is required",
        })?;
        let started_at = new.started_at.unwrap_or(now);
        let session = given(new.session_id).unwrap_or_else(|| started_at.to_string());
        let application_id = imprint::application_id(source, &applicant, "session", &session);
        let fact = ApplicationFact {
            statement: Statement::Started { application_id },
            customer_id: customer,
            partner_customer_id: partner,
        };
        let step =
            partner_step(source, format!("session:{applicant}:{session}"), fact, (started_at, now));
        let stream = StreamId { aggregate_type: AggregateType::Application, id: applicant };
        let receipt =
            known.command(stream, Command::Record(AnyStep::Application(step)), now).await?;
        // The lender may have decided before: then the application has an id already.
        let derived = application_id.to_string();
        let mut known = None;
        // It is registered all the same if the read models take long.
        if self.caught_up(source).await.is_ok() {
            known = self.application(source, &derived).await.unwrap_or_default();
        }
        let known = known.and_then(|known| known["application_id"].as_str().map(str::to_owned));
        Ok(Registered { application_id: known.unwrap_or(derived), position: receipt.position })
    }

    /// Records what the SDK reported about an application. It never decides.
    ///
    /// # Errors
    /// [`CommandError`]: no such application, no result, not written.
    pub async fn client_report(
        &self,
        source: &str,
        application_id: &str,
        new: NewClientReport,
    ) -> Result<Receipt, CommandError> {
        let known = self.source(source)?;
        if new.result.is_empty() {
            return Err(CommandError::Invalid { field: "result", cause: "is required" });
        }
        // A session may have been registered in the instant before.
        self.caught_up(source).await?;
        let document = self.application(source, application_id).await?.ok_or_else(|| {
            CommandError::NotFound { what: "application", id: application_id.to_owned() }
        })?;
        let text = |field: &str| document[field].as_str().map(str::to_owned);
        let (customer_id, partner_customer_id) = (text("customer_id"), text("partner_customer_id"));
        let not_found =
            || CommandError::NotFound { what: "application", id: application_id.to_owned() };
        let applicant = text("applicant").ok_or_else(not_found)?;
        let id = document["application_id"].as_str().and_then(|id| id.parse().ok());
        let now = self.now();
        let occurred_at = new.occurred_at.unwrap_or(now);
        let exit = new.exit_no.map_or_else(|| occurred_at.to_string(), |exit| exit.to_string());
        let key = serde_json::json!([id, new.session_id, new.result, exit]);
        let report = ClientReport {
            result: ClientResult::of(&new.result),
            session_id: new.session_id,
            error_code: new.error_code,
        };
        let statement = Statement::Reported { application_id: id.ok_or_else(not_found)?, report };
        let fact = ApplicationFact { statement, customer_id, partner_customer_id };
        let step = partner_step(source, format!("report:{key}"), fact, (occurred_at, now));
        let stream = StreamId { aggregate_type: AggregateType::Application, id: applicant };
        Ok(known.command(stream, Command::Record(AnyStep::Application(step)), now).await?)
    }

    /// Resolves an exception. The refusal stays in the history.
    ///
    /// # Errors
    /// [`CommandError`]: no such exception, no reason, an action that does not fit it, not written.
    pub async fn resolve(
        &self,
        exception_id: &str,
        resolve: Resolve,
    ) -> Result<Receipt, CommandError> {
        if resolve.reason.trim().is_empty() {
            return Err(CommandError::Invalid { field: "reason", cause: "is required" });
        }
        let not_found =
            || CommandError::NotFound { what: "exception", id: exception_id.to_owned() };
        let (source, document) = self.exception(exception_id).await?.ok_or_else(not_found)?;
        let known = self.source(&source)?;
        let at = self.now();
        let Resolve { action, convert_to, reason, actor } = resolve;
        // The exception of a step names its stream; any other has a stream of its own.
        let kind = document["stream"]["type"].as_str().and_then(AggregateType::named);
        let id = document["stream"]["id"].as_str();
        if let Some((aggregate_type, id)) = kind.zip(id) {
            let step: StepId =
                serde_json::from_value(document["delivery_id"].clone()).map_err(|_| not_found())?;
            let stream = StreamId { aggregate_type, id: id.to_owned() };
            let command = Command::Override { step, action, convert_to, reason, actor };
            return Ok(known.command(stream, command, at).await?);
        }
        let about = (document["kind"] == "conflict").then(|| About {
            code: document["code"].as_str().unwrap_or_default().to_owned(),
            message: document["message"].as_str().unwrap_or_default().to_owned(),
            first_position: document["position"].as_i64().unwrap_or_default(),
            customer: document["subject"]["id"].as_str().unwrap_or_default().to_owned(),
        });
        let resolution = Resolution { action, reason, actor, at, about };
        let stream =
            StreamId { aggregate_type: AggregateType::Exception, id: exception_id.to_owned() };
        Ok(known.command(stream, Command::Resolve(resolution), at).await?)
    }

    /// The exception of an id, with its source.
    async fn exception(&self, id: &str) -> Result<Option<(String, Value)>, ReadError> {
        for source in self.sources() {
            let table = exceptions::READ_MODEL.table;
            if let Some(document) = self.document(table, source, id).await? {
                return Ok(Some((source.to_owned(), document)));
            }
        }
        Ok(None)
    }

    fn source(&self, source: &str) -> Result<&Source, CommandError> {
        self.sources.get(source).ok_or_else(|| CommandError::UnknownSource(source.to_owned()))
    }
}

impl Source {
    async fn command(
        &self,
        stream: StreamId,
        command: Command,
        at: Timestamp,
    ) -> Result<Receipt, WriteError> {
        let written = self.writer.ask(Request::Command { stream, command: Box::new(command), at });
        tokio::time::timeout(MAX_WAIT, written).await.map_err(|_| WriteError::TimedOut)?
    }
}

/// A step that the partner brings: the same key again is the same step, whatever else it says.
fn partner_step(
    source: &str,
    key: String,
    fact: ApplicationFact,
    (occurred_at, received_at): (Timestamp, Timestamp),
) -> Step<ApplicationFact> {
    let content = fields::hash(key.as_bytes());
    Step {
        id: StepId::derive(source, &format!("application:{key}"), &content),
        key,
        content,
        occurred_at,
        clock_fault: None,
        received_at,
        origin: Origin::Partner,
        outside_window: false,
        key_taken_by: None,
        fact,
    }
}
