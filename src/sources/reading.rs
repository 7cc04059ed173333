//! From a body to a step: what is alike for every lender.

use creditrail_domain::{
    Step, StepId,
    exception::UnreadableKind,
    step::{ClockFault, Fact, Origin},
};
use creditrail_projections::StreamId;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    AnyStep, Call, Decoded,
    fields::{Fault, Object},
};

/// How long a code of a lender is at the most, in bytes.
const LONGEST_CODE: usize = 40;

/// Why a body is no step.
pub enum Unread {
    /// It is broken.
    Malformed(Fault),
    /// It is not known.
    Unrecognised(Fault),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

impl Unread {
    /// A word that is not known, in a field. It is told if it is a code; anything else could be about a
    /// person, and stays in the body.
    pub fn word(object: &Object<'_>, field: &str, word: &str) -> Self {
        let is_of_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let is_code = word.len() <= LONGEST_CODE && word.bytes().all(is_of_code);
        let shown = if is_code { format!("`{word}`") } else { "the word".to_owned() };
        Self::Unrecognised(object.fault(field, format!("{shown} is not known")))
    }
}

/// What every step of a body shares.
pub struct Reading<'a> {
    /// The source.
    pub source: &'a str,
    /// Hash of the canonical content.
    pub content: String,
    /// When and how the body was received.
    pub call: Call,
}

/// When a step happened, and what is wrong with that time.
pub type Dated = (Timestamp, Option<ClockFault>);

/// What tells one step of a body from another.
pub struct Told<F> {
    /// The stream.
    pub stream: StreamId,
    /// Under which a repetition is found, unique within the source.
    pub dedup_key: String,
    /// The lender's own id of the step where it has one, else what stands for it.
    pub key: String,
    /// When it happened.
    pub dated: Dated,
    /// What is said.
    pub fact: F,
}

/// Reads a body by `read`; what cannot be read is kept as such.
pub fn decode(
    source: &str,
    body: &[u8],
    call: Call,
    read: impl FnOnce(&Reading<'_>, &Object<'_>) -> Result<Decoded, Unread>,
) -> Decoded {
    let decoded = Object::of_body(body).map_err(Unread::Malformed).and_then(|object| {
        let content = object.canonical_hash()?;
        read(&Reading { source, content, call }, &object)
    });
    let (kind, fault) = match decoded {
        Ok(decoded) => return decoded,
        Err(Unread::Malformed(fault)) => (UnreadableKind::Malformed, fault),
        Err(Unread::Unrecognised(fault)) => (UnreadableKind::Unrecognised, fault),
    };
    Decoded::unreadable(body, kind, fault, call)
}

impl Reading<'_> {
    /// When the step happened by the lender's own time: the receipt if it cannot be read, and why.
    pub fn dated(&self, lenders: Option<String>) -> Dated {
        let received_at = self.call.received_at;
        let Some(raw) = lenders else { return (received_at, Some(ClockFault::Missing)) };
        match raw.parse::<Timestamp>() {
            Ok(at) => (to_microseconds(at), None),
            Err(_) => (received_at, Some(ClockFault::Unparseable(as_a_time(raw)))),
        }
    }

    /// As [`Self::dated`], of a lender that does not promise a zone: without one it is UTC.
    pub fn dated_in_utc(&self, lenders: Option<String>) -> Dated {
        let zoneless = lenders.as_ref().and_then(|raw| raw.parse::<DateTime>().ok());
        match zoneless.and_then(|time| time.to_zoned(TimeZone::UTC).ok()) {
            Some(time) if !has_zone(lenders.as_deref()) => {
                (to_microseconds(time.timestamp()), Some(ClockFault::ZoneAssumed))
            }
            _ => self.dated(lenders),
        }
    }

    /// The step as it is handed on.
    pub fn decoded<F: Fact>(&self, told: Told<F>, wrap: fn(Step<F>) -> AnyStep) -> Decoded {
        let Told { stream, dedup_key, key, dated: (occurred_at, clock_fault), fact } = told;
        let step = Step {
            id: StepId::derive(self.source, &dedup_key, &self.content),
            key,
            content: self.content.clone(),
            occurred_at,
            clock_fault,
            received_at: self.call.received_at,
            origin: Origin::Delivery,
            outside_window: self.call.outside_window,
            pan_masked: self.call.pan_masked,
            key_taken_by: None,
            told_by: None,
            fact,
        };
        Decoded { dedup_key, content: self.content.clone(), what: Ok((stream, wrap(step))) }
    }
}

/// What is written in the place of a time, if it has only what times have. Anything else could be about a
/// person, and stays in the body.
fn as_a_time(raw: String) -> String {
    let is_of_time = |byte: u8| byte.is_ascii_digit() || b"-:.+/TZtz ".contains(&byte);
    let is_kept = raw.len() <= LONGEST_CODE && raw.bytes().all(is_of_time);
    if is_kept { raw } else { String::new() }
}

fn has_zone(raw: Option<&str>) -> bool {
    raw.is_some_and(|raw| raw.parse::<Timestamp>().is_ok())
}

/// PostgreSQL keeps microseconds, so that is what a time is everywhere.
pub fn to_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
