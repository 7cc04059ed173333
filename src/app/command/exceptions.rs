//! Exceptions, as a person looks at them, tries a decision, and makes it.

use creditrail_domain::{
    AggregateType, PossibleAction, StepId,
    exception::{About, Resolution},
};
use creditrail_projections::{StreamId, exceptions};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CommandError, person, reason};
use crate::app::{
    Creditrail,
    judge::{Aggregates, Command},
    read::ReadError,
    writer::Receipt,
};

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
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
    /// The position as of which the person looked: nothing is done if what the exception belongs to
    /// has changed since.
    #[serde(default)]
    pub as_of: Option<i64>,
}

/// An exception, and where a decision about it is recorded.
pub(in crate::app) struct Target {
    pub(in crate::app) source: String,
    pub(in crate::app) document: Value,
    pub(in crate::app) stream: StreamId,
    /// The step that is to be judged; `None` if the exception belongs to none.
    pub(in crate::app) step: Option<StepId>,
    about: Option<About>,
}

/// Who decides, when and why.
pub(in crate::app) struct Signed {
    pub(in crate::app) reason: String,
    pub(in crate::app) actor: String,
    pub(in crate::app) at: Timestamp,
}

impl Target {
    /// The exception of a step names its stream; any other has a stream of its own.
    fn of((source, document): (String, Value)) -> Option<Self> {
        let kind = document["stream"]["type"].as_str().and_then(AggregateType::named);
        let id = document["stream"]["id"].as_str();
        if let Some((aggregate_type, id)) = kind.zip(id) {
            let step = serde_json::from_value(document["delivery_id"].clone()).ok()?;
            let stream = StreamId { aggregate_type, id: id.to_owned() };
            return Some(Self { source, document, stream, step: Some(step), about: None });
        }
        let about = (document["kind"] == "conflict").then(|| About {
            code: document["code"].as_str().unwrap_or_default().to_owned(),
            message: document["message"].as_str().unwrap_or_default().to_owned(),
            first_position: document["position"].as_i64().unwrap_or_default(),
            customer: document["subject"]["id"].as_str().unwrap_or_default().to_owned(),
        });
        let aggregate_type = AggregateType::Exception;
        let stream = StreamId { aggregate_type, id: document["id"].as_str()?.to_owned() };
        Some(Self { source, document, stream, step: None, about })
    }

    /// The command that makes a decision.
    pub(in crate::app) fn command(
        &self,
        (action, convert_to): (String, Option<String>),
        Signed { reason, actor, at }: Signed,
    ) -> Command {
        match self.step {
            Some(step) => Command::Override { step, action, convert_to, reason, actor },
            None => {
                let about = self.about.clone();
                Command::Resolve(Resolution { action, reason, actor, at, about })
            }
        }
    }
}

impl Creditrail {
    /// Resolves an exception. The refusal stays in the history.
    ///
    /// # Errors
    /// [`CommandError`]: no such exception, no reason, an action that does not fit it, changed since it
    /// was looked at, not written.
    pub async fn resolve(
        &self,
        exception_id: &str,
        resolve: Resolve,
    ) -> Result<Receipt, CommandError> {
        let Resolve { action, convert_to, reason: why, actor, as_of } = resolve;
        let (reason, actor) = (reason(why)?, person(actor)?);
        let target = self.target(exception_id).await?;
        if let Some(as_of) = as_of {
            self.unchanged_since(&target, as_of).await?;
        }
        let known = self.source(&target.source)?;
        let at = self.now();
        let command = target.command((action, convert_to), Signed { reason, actor, at });
        Ok(known.command(target.stream, command, at).await?)
    }

    /// Refuses a decision that was made in view of what is so no more.
    async fn unchanged_since(&self, target: &Target, as_of: i64) -> Result<(), CommandError> {
        let streams = vec![target.stream.clone()];
        let recorded = self.store.events_of(&target.source, streams, i64::MAX).await;
        let recorded = recorded.map_err(ReadError::from)?;
        match recorded.iter().map(|event| event.position).max() {
            Some(position) if position > as_of => Err(CommandError::Changed { position }),
            _ => Ok(()),
        }
    }

    /// An exception with what a person can do about it, as `possible`; `None` if it is not known.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn exception(&self, exception_id: &str) -> Result<Option<Value>, ReadError> {
        if let Some(mut gone) = self.gone_endpoint(exception_id).await? {
            gone["possible"] = json!([]);
            return Ok(Some(gone));
        }
        let found = self.anywhere(exceptions::READ_MODEL.table, exception_id).await?;
        let Some(target) = found.and_then(Target::of) else { return Ok(None) };
        let possible = self.possible_now(&target).await?;
        let mut document = target.document;
        document["possible"] = json!(possible);
        Ok(Some(document))
    }

    /// What a person can do about an exception, by the rules of what it belongs to: empty once it
    /// is resolved.
    ///
    /// # Errors
    /// [`CommandError`]: no such exception, not read.
    pub async fn possible(&self, exception_id: &str) -> Result<Vec<PossibleAction>, CommandError> {
        let target = self.target(exception_id).await?;
        Ok(self.possible_now(&target).await?)
    }

    async fn possible_now(&self, target: &Target) -> Result<Vec<PossibleAction>, ReadError> {
        let streams = vec![target.stream.clone()];
        let recorded = self.store.events_of(&target.source, streams, i64::MAX).await?;
        let mut aggregates = Aggregates::default();
        aggregates.take(recorded);
        Ok(match target.step {
            Some(step) => aggregates.possible(&target.stream, step),
            None => aggregates.possible_of_exception(&target.stream, target.about.as_ref()),
        })
    }

    pub(in crate::app) async fn target(&self, exception_id: &str) -> Result<Target, CommandError> {
        let not_found =
            || CommandError::NotFound { what: "exception", id: exception_id.to_owned() };
        if self.gone_endpoint(exception_id).await?.is_some() {
            let cause = "is settled by resuming the endpoint";
            return Err(CommandError::Invalid { field: "id", cause });
        }
        let found = self.anywhere(exceptions::READ_MODEL.table, exception_id).await?;
        Target::of(found.ok_or_else(not_found)?).ok_or_else(not_found)
    }
}
