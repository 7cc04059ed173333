//! Applications, as the partner registers them, and what the SDK reported about them.

use creditrail_domain::{
    AggregateType, CommandRefusal, Step,
    application::{ApplicationFact, ClientReport, ClientResult, Statement, lenders, onboarding},
};
use creditrail_projections::StreamId;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CommandError, PartnerKey, given, partner, partner_step, past, required, words};
use crate::{
    app::{
        Creditrail,
        judge::Command,
        lists::List,
        things::Rows as _,
        writer::{Receipt, WriteError},
    },
    sources::{AnyStep, Kind, imprint},
};

/// A session in which a customer applies, as the partner registers it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// The partner's id of the customer. For Imprint this or `customer_id` is required.
    pub partner_customer_id: Option<String>,
    /// The lender's id of the customer.
    pub customer_id: Option<String>,
    /// The lender's id of the application, where it has one: required for card onboarding (its
    /// `onboardingId`) and ChargeAfter, not for Imprint.
    pub application_id: Option<String>,
    /// The partner's order that the customer wants to finance (ChargeAfter).
    pub merchant_order_id: Option<String>,
    /// The partner's id of the session: with it, registering twice is once.
    pub session_id: Option<String>,
    /// Who tells; the partner, if nobody is named.
    pub actor: Option<String>,
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
    /// Who tells; the partner, if nobody is named.
    pub actor: Option<String>,
    /// When it was reported; now if absent.
    pub occurred_at: Option<Timestamp>,
}

/// Which sources have an SDK that reports.
const REPORTS: (&str, Kind, &str) =
    ("client reports", Kind::Imprint, "sources of kind `imprint` have");

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
        match known.config.kind {
            Kind::CardOnboarding | Kind::ChargeAfter => self.register_known(source, new).await,
            _ => self.register_session(source, new).await,
        }
    }

    /// Registers an application that has the lender's own id.
    async fn register_known(
        &self,
        source: &str,
        new: NewApplication,
    ) -> Result<Registered, CommandError> {
        let known = self.source(source)?;
        let (now, told_by) = (self.now(), Some(partner(new.actor)?));
        let application_id = required("application_id", new.application_id)?;
        let partner_customer_id = given(new.partner_customer_id);
        let customer_id = given(new.customer_id);
        let started_at = past("started_at", new.started_at.unwrap_or(now), now)?;
        let order = given(new.merchant_order_id);
        let told = serde_json::json!([application_id, customer_id, partner_customer_id, order]);
        let statement = if known.config.kind == Kind::CardOnboarding {
            let customers = [customer_id.clone(), partner_customer_id.clone()];
            self.may_apply(source, &application_id, customers, started_at).await?;
            Statement::Onboarding(onboarding::Statement::Submitted)
        } else {
            Statement::Lenders(lenders::Statement::Submitted { merchant_order_id: order })
        };
        let key = PartnerKey {
            aggregate_type: AggregateType::Application,
            key: format!("submit:{told}"),
        };
        let fact = ApplicationFact { statement, customer_id, partner_customer_id };
        let step = Step { told_by, ..partner_step(source, key, fact, (started_at, now)) };
        let stream =
            StreamId { aggregate_type: AggregateType::Application, id: application_id.clone() };
        let command = Command::Record(AnyStep::Application(step));
        let receipt = known.command(stream, command, now).await?;
        Ok(Registered { application_id, position: receipt.position })
    }

    /// Whether the customer may apply: not before the day that a denial for the credit scoring
    /// named. What was begun before the denial is none of its business.
    async fn may_apply(
        &self,
        source: &str,
        application_id: &str,
        customers: [Option<String>; 2],
        started_at: Timestamp,
    ) -> Result<(), CommandError> {
        self.caught_up(source).await?;
        let mut known = Vec::new();
        for customer in customers.into_iter().flatten() {
            for column in ["customer_id", "partner_customer_id"] {
                let applications = &self.things(source)?.rows;
                known.extend(applications.all(List::Applications, (column, &customer)).await?);
            }
        }
        let day = started_at.to_zoned(TimeZone::UTC).date();
        // A denial comes to its own application, which may be registered later.
        known.retain(|other: &Value| other["application_id"] != application_id);
        for application in known {
            let from = serde_json::from_value::<Date>(application["reapply_after"].clone());
            let denied = serde_json::from_value::<Timestamp>(application["decided_at"].clone());
            let (Ok(from), Ok(denied)) = (from, denied) else { continue };
            if denied <= started_at && day < from {
                let refusal = CommandRefusal::ReapplyTooEarly { from };
                return Err(CommandError::NotWritten(WriteError::Refused(refusal)));
            }
        }
        Ok(())
    }

    /// Registers a session of a lender that sends no application id.
    async fn register_session(
        &self,
        source: &str,
        new: NewApplication,
    ) -> Result<Registered, CommandError> {
        let known = self.source(source)?;
        let (now, told_by) = (self.now(), Some(partner(new.actor)?));
        let (of_partner, customer) = (given(new.partner_customer_id), given(new.customer_id));
        let applicant = imprint::applicant(of_partner.as_deref(), customer.as_deref());
        let applicant = applicant.ok_or(CommandError::Invalid {
            field: "partner_customer_id",
            cause: "this or customer_id is required",
        })?;
        let started_at = past("started_at", new.started_at.unwrap_or(now), now)?;
        let session = given(new.session_id).unwrap_or_else(|| started_at.to_string());
        let application_id = imprint::application_id(source, &applicant, "session", &session);
        let fact = ApplicationFact {
            statement: Statement::Started { application_id },
            customer_id: customer,
            partner_customer_id: of_partner,
        };
        let key = PartnerKey {
            aggregate_type: AggregateType::Application,
            key: format!("session:{applicant}:{session}"),
        };
        let step = Step { told_by, ..partner_step(source, key, fact, (started_at, now)) };
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
        let known = self.source_with(source, REPORTS)?;
        if new.result.is_empty() {
            return Err(CommandError::Invalid { field: "result", cause: "is required" });
        }
        let told_by = Some(partner(new.actor)?);
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
        let occurred_at = past("occurred_at", new.occurred_at.unwrap_or(now), now)?;
        let exit = new.exit_no.map_or_else(|| occurred_at.to_string(), |exit| exit.to_string());
        let key = serde_json::json!([id, new.session_id, new.result, exit]);
        let report = ClientReport {
            result: ClientResult::of(&words("result", new.result)?),
            session_id: new.session_id,
            error_code: new.error_code.map(|given| words("error_code", given)).transpose()?,
        };
        let statement = Statement::Reported { application_id: id.ok_or_else(not_found)?, report };
        let fact = ApplicationFact { statement, customer_id, partner_customer_id };
        let key =
            PartnerKey { aggregate_type: AggregateType::Application, key: format!("report:{key}") };
        let step = Step { told_by, ..partner_step(source, key, fact, (occurred_at, now)) };
        let stream = StreamId { aggregate_type: AggregateType::Application, id: applicant };
        Ok(known.command(stream, Command::Record(AnyStep::Application(step)), now).await?)
    }
}
