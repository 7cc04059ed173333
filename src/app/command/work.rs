//! What people and the partner do with their work lists: actions done, secrets revealed.

use creditrail_domain::{
    AggregateType, CommandRefusal, Refusal, StepId,
    application::{ActionKind, ApplicationFact, Statement},
    secret::Reveal,
    step::Refused,
};
use creditrail_projections::{StreamId, actions};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{CommandError, PartnerKey, partner_step, person, reason, words};
use crate::{
    app::{
        Creditrail,
        judge::Command,
        writer::{Receipt, WriteError},
    },
    sources::AnyStep,
};

/// The partner has done an action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoneAction {
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A person asks for a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealSecret {
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
}

/// A secret that was revealed.
#[derive(Debug)]
pub struct Revealed {
    /// The field in which it stood.
    pub field: String,
    /// What it is.
    pub value: SecretString,
    /// The position of the event that tells who saw it.
    pub position: Option<i64>,
}

impl Creditrail {
    /// Records that the partner has done an action.
    ///
    /// # Errors
    /// [`CommandError`]: no such action, not open any more, not written.
    pub async fn finish_action(
        &self,
        action_id: &str,
        done: DoneAction,
    ) -> Result<Receipt, CommandError> {
        let not_found = || CommandError::NotFound { what: "action", id: action_id.to_owned() };
        let found = self.anywhere(actions::READ_MODEL.table, action_id).await?;
        let (source, _) = found.ok_or_else(not_found)?;
        // What was reported in the instant before may have closed it.
        self.caught_up(&source).await?;
        let document = self.document(actions::READ_MODEL.table, &source, action_id).await?;
        let document = document.ok_or_else(not_found)?;
        let text = |field: &str| document[field].as_str().unwrap_or_default();
        if text("status") != "open" {
            let refused = Refused::new(Refusal::ActionClosed, actions::closed_name(text("status")));
            return Err(WriteError::Refused(CommandRefusal::NotLegal(refused)).into());
        }
        let action = ActionKind::named(text("kind")).ok_or_else(not_found)?;
        let opened_by: StepId =
            serde_json::from_value(document["opened_by"].clone()).map_err(|_| not_found())?;
        let actor = person(done.actor)?;
        let note = done.note.map(|given| words("note", given)).transpose()?;
        let statement = Statement::ActionDone { action, opened_by, actor, note };
        let fact = ApplicationFact { statement, customer_id: None, partner_customer_id: None };
        let id = document["subject"]["id"].as_str().ok_or_else(not_found)?.to_owned();
        let aggregate_type = AggregateType::Application;
        let key = PartnerKey { aggregate_type, key: format!("action:{action_id}") };
        let now = self.now();
        // The lender's clock may be ahead of ours: nothing is done before it is asked for.
        let opened_at = serde_json::from_value::<Timestamp>(document["opened_at"].clone());
        let done_at = opened_at.map_or(now, |opened_at| opened_at.max(now));
        let step = AnyStep::Application(partner_step(&source, key, fact, (done_at, now)));
        let known = self.source(&source)?;
        let stream = StreamId { aggregate_type, id };
        Ok(known.command(stream, Command::Record(step), now).await?)
    }

    /// Gives a sealed secret, once it is recorded who asked for it, and why.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such secret, no key that opens it, not recorded.
    pub async fn reveal(
        &self,
        reference: &str,
        reveal: RevealSecret,
    ) -> Result<Revealed, CommandError> {
        let (reason, actor) = (reason(reveal.reason)?, person(reveal.actor)?);
        let not_found = || CommandError::NotFound { what: "secret", id: reference.to_owned() };
        let reference: Uuid = reference.parse().map_err(|_| not_found())?;
        for source in self.sources() {
            let found = self.store.secret(source, reference).await;
            let Some(sealed) = found.map_err(crate::app::read::ReadError::from)? else { continue };
            let context = context(source, reference);
            let value = self.keyring.open(&sealed.key_id, &context, &sealed.sealed)?;
            let at = self.now();
            let field = sealed.field;
            let reveal = Reveal { field: field.clone(), reason, actor, at };
            let aggregate_type = AggregateType::Secret;
            let stream = StreamId { aggregate_type, id: reference.to_string() };
            let receipt = self.source(source)?.command(stream, Command::Reveal(reveal), at).await?;
            return Ok(Revealed { field, value: plain(value), position: receipt.position });
        }
        Err(not_found())
    }
}

/// What a sealed secret is bound to: moved elsewhere, it does not open.
pub(in crate::app) fn context(source: &str, reference: Uuid) -> Vec<u8> {
    format!("{source}/{reference}").into_bytes()
}

/// What is sealed is the JSON token; people are shown what it says.
pub(in crate::app) fn plain(token: SecretString) -> SecretString {
    match serde_json::from_str::<Value>(token.expose_secret()) {
        Ok(Value::String(text)) => SecretString::from(text),
        _ => token,
    }
}
