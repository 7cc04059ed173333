//! Commands of the partner and of operators.
//!
//! [`applications`] (sessions, the SDK's reports), [`charges`] (created, voided, linked), [`exceptions`]
//! (resolved) and their [`preview`], [`work`] (actions done, secrets revealed); here what is alike for all.

pub mod applications;
pub mod charges;
pub mod exceptions;
pub mod preview;
pub mod work;

use std::time::Duration;

use creditrail_domain::{
    AggregateType, Step, StepId, ids,
    step::{Fact, Origin},
};
use creditrail_projections::{StreamId, Table};
use jiff::Timestamp;
use serde_json::Value;

pub use self::exceptions::Resolve;

use super::sealing::KeyError;
use super::{
    Creditrail, Source,
    judge::Command,
    read::ReadError,
    writer::{Receipt, Request, WriteError},
};
use crate::sources::{Kind, fields, scrub, signature::WINDOW_AHEAD};

/// How long a command may wait for its commit.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(5);

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
    /// A setting is missing or wrong.
    #[error("{field}: {cause}")]
    Setting {
        /// The setting.
        field: String,
        /// What is wrong with it.
        cause: String,
    },
    /// There is an endpoint of that name already.
    #[error("there is an endpoint `{0}` already; `PUT` replaces it")]
    EndpointExists(String),
    /// The endpoint is not one that is made and changed by commands.
    #[error("the endpoint `{0}` is in the settings file, and is changed there alone")]
    EndpointOfSettings(String),
    /// What the command is about has changed since the caller looked at it.
    #[error("it has changed since, at position {position}; look again")]
    Changed {
        /// Where it changed last.
        position: i64,
    },
    /// The command is none of the source's kind of lender.
    #[error("source: `{origin}` has no {what}; {offered}")]
    NotOfKind {
        /// The source.
        origin: String,
        /// What was asked for.
        what: &'static str,
        /// Which kinds have it.
        offered: &'static str,
    },
    /// It was not written.
    #[error("the command was not carried out")]
    NotWritten(#[from] WriteError),
    /// The secret that it is about cannot be opened.
    #[error("the secret cannot be opened")]
    NotOpened(#[from] KeyError),
    /// What it is about cannot be read.
    #[error("what the command is about cannot be read")]
    NotRead(#[from] ReadError),
}

impl Creditrail {
    /// A row of a read model by its id alone, with its source.
    pub(super) async fn anywhere(
        &self,
        table: &'static Table,
        id: &str,
    ) -> Result<Option<(String, Value)>, ReadError> {
        for source in self.sources() {
            if let Some(document) = self.document(table, source, id).await? {
                return Ok(Some((source.to_owned(), document)));
            }
        }
        Ok(None)
    }

    /// A source of one of the kinds that have what is asked for; a host's own may have anything.
    fn source_with(
        &self,
        source: &str,
        (what, kind, offered): (&'static str, Kind, &'static str),
    ) -> Result<&Source, CommandError> {
        let known = self.source(source)?;
        if [kind, Kind::Host].contains(&known.config.kind) {
            return Ok(known);
        }
        Err(CommandError::NotOfKind { origin: source.to_owned(), what, offered })
    }

    pub(super) fn source(&self, source: &str) -> Result<&Source, CommandError> {
        self.sources.get(source).ok_or_else(|| CommandError::UnknownSource(source.to_owned()))
    }
}

impl Source {
    pub(super) async fn command(
        &self,
        stream: StreamId,
        command: Command,
        at: Timestamp,
    ) -> Result<Receipt, WriteError> {
        let written = self.writer.ask(Request::Command { stream, command: Box::new(command), at });
        tokio::time::timeout(MAX_WAIT, written).await.map_err(|_| WriteError::TimedOut)?
    }
}

/// What tells a step of the partner's from any other: its kind of stream and its key.
pub(super) struct PartnerKey {
    pub(super) aggregate_type: AggregateType,
    pub(super) key: String,
}

/// A step that the partner brings: the same key again is the same step, whatever else it says.
fn partner_step<F: Fact>(
    source: &str,
    key: PartnerKey,
    fact: F,
    at: (Timestamp, Timestamp),
) -> Step<F> {
    told(source, key, fact, (Origin::Partner, at))
}

/// Who tells what the partner did; the partner, if nobody is named.
fn partner(given: Option<String>) -> Result<String, CommandError> {
    person(given.or_else(|| Some("partner".to_owned())))
}

pub(super) fn told<F: Fact>(
    source: &str,
    PartnerKey { aggregate_type, key }: PartnerKey,
    fact: F,
    (origin, (occurred_at, received_at)): (Origin, (Timestamp, Timestamp)),
) -> Step<F> {
    let content = fields::hash(key.as_bytes());
    Step {
        id: StepId::derive(source, &format!("{}:{key}", aggregate_type.name()), &content),
        key,
        content,
        occurred_at,
        clock_fault: None,
        received_at,
        origin,
        outside_window: false,
        pan_masked: false,
        key_taken_by: None,
        told_by: None,
        fact,
    }
}

/// A reason that was given, without which nothing is done.
pub(super) fn reason(given: String) -> Result<String, CommandError> {
    if given.trim().is_empty() {
        return Err(CommandError::Invalid { field: "reason", cause: "is required" });
    }
    words("reason", given)
}

/// When something happened that is told now. A minute ahead of our clock at the most, so that no
/// rule about time is passed by.
fn past(field: &'static str, told: Timestamp, now: Timestamp) -> Result<Timestamp, CommandError> {
    if told.duration_since(now) > WINDOW_AHEAD {
        return Err(CommandError::Invalid { field, cause: "is in the future" });
    }
    Ok(told)
}

/// Who asks: the one check that every name passes under which something is recorded.
pub(super) fn person(given: Option<String>) -> Result<String, CommandError> {
    let given = given.unwrap_or_else(|| "operator".to_owned());
    match fault_of_name(&given) {
        Some(cause) => Err(CommandError::Invalid { field: "actor", cause }),
        None => words("actor", given),
    }
}

/// How long the name of who asks may be.
const LONGEST_NAME: usize = 200;

/// What is wrong with a name of a person or a program: it is to be read by people later.
pub(crate) fn fault_of_name(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        return Some("must not be empty");
    }
    if name.chars().count() > LONGEST_NAME {
        return Some("must have 200 characters at the most");
    }
    let is_unseen = |letter: char| letter.is_control() || turns_text(letter);
    name.contains(is_unseen).then_some("must not have characters that are not seen")
}

/// Whether a character is not seen and changes what stands around it: marks of direction, joiners,
/// ends of lines.
const fn turns_text(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// Free text of a command. What a lender sends is masked, since it cannot mend it; who asks here
/// can leave a card number out.
pub(super) fn words(field: &'static str, given: String) -> Result<String, CommandError> {
    if scrub::has_card_number(&given) {
        let cause = "contains what looks like a card number; leave it out";
        return Err(CommandError::Invalid { field, cause });
    }
    Ok(given)
}

/// An id as it is given; an empty one is none.
fn given(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty()).map(|id| ids::canonical(&id))
}

fn required(field: &'static str, id: Option<String>) -> Result<String, CommandError> {
    given(id).ok_or(CommandError::Invalid { field, cause: "is required" })
}
