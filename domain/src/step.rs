//! A step: what one delivery (or one command of the partner) says about one aggregate.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Flag, Money, Refusal, order_key::OrderKey};

/// A name out of a lifecycle table: a state or a kind of step.
pub type Name = Cow<'static, str>;

/// The identity of a step: the same content under the same key always has the same id, so a
/// delivery and its repetition share it, on every instance and in every order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub Uuid);

impl StepId {
    /// The id of `content` under the deduplication key `key` of `source`: a UUID of version 8
    /// whose first half is a hash of source and key, and whose second half one of the content. So
    /// all contents of one key stand side by side in an index.
    pub fn derive(source: &str, key: &str, content: &str) -> Self {
        // The length first, so that no two pairs spell the same.
        let of_key = Sha256::new()
            .chain_update(source.len().to_be_bytes())
            .chain_update(source)
            .chain_update(key)
            .finalize();
        let of_content = Sha256::digest(content);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&of_key[..8]);
        bytes[8..].copy_from_slice(&of_content[..8]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The ids of all contents under the key of this one, as text: from the first, up to before
    /// the second.
    pub fn of_same_key(&self) -> (String, String) {
        let text = self.0.to_string();
        // The first 64 bits are three groups, 18 characters; `.` is the byte after `-`.
        let key = text.get(..18).unwrap_or_default();
        (format!("{key}-"), format!("{key}."))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who brought a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A webhook of the lender.
    Delivery,
    /// A call of the partner's backend.
    Partner,
    /// A person.
    Operator,
}

/// What is wrong with the time that the lender gave; the step is then placed by its receipt,
/// unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockFault {
    /// There was none.
    Missing,
    /// It names no zone, so UTC is assumed; the step is placed by it all the same.
    ZoneAssumed,
    /// It is no RFC 3339 time, such as 30 February; kept as it was written, but empty if there was
    /// anything in it that is in no time.
    Unparseable(String),
}

/// What one delivery says about one aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<F> {
    /// Derived from source, key and content.
    pub id: StepId,
    /// The deduplication key: the lender's own id of the step where it sends one.
    pub key: String,
    /// Hash of the canonical content, in hexadecimal: equal for a repetition, however spaced.
    pub content: String,
    /// When it happened: the lender's time, or the time of receipt if there is a `clock_fault`.
    pub occurred_at: Timestamp,
    /// Why `occurred_at` is not the lender's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_fault: Option<ClockFault>,
    /// When it was first received.
    pub received_at: Timestamp,
    /// Who brought it.
    pub origin: Origin,
    /// Whether the call that brought it was authentic, but older than the source's window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_window: bool,
    /// Whether something in it looked like a card number, which was masked before it was kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pan_masked: bool,
    /// The stream on which the key was used first, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_taken_by: Option<String>,
    /// Who told it, of a step that no delivery brought and whose fact names nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<String>,
    /// What is said.
    pub fact: F,
}

/// What a step says, in the words of its aggregate.
pub trait Fact:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The command in the lifecycle table, such as `capture`.
    fn kind(&self) -> &'static str;
    /// The name of the event when the step is applied, such as `Captured`.
    fn event_type(&self) -> &'static str;
    /// Breaks ties of time; see [`OrderKey`].
    fn rank(&self) -> u8;
    /// The money it moves or holds, if any.
    fn amount(&self) -> Option<Money>;
    /// Whom it is about, as far as it says.
    fn party(&self) -> Party<'_>;
    /// Whether it tells of the customer's ids, for the event of a step that says nothing else new.
    fn names_customer(&self) -> bool {
        let Party { customer_id, partner_customer_id } = self.party();
        customer_id.is_some() || partner_customer_id.is_some()
    }
    /// The thing that it is about, where a stream holds several; else the stream is the thing.
    fn subject_id(&self) -> Option<String> {
        None
    }
    /// What else it says that tells it from another of its kind: names and values for people.
    fn details(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// The kinds of step that an operator may take it as.
    fn conversions(&self) -> Vec<&'static str> {
        Vec::new()
    }
    /// The same fact as another kind of step; `None` if it is none of [`Self::conversions`].
    fn convert(&self, _to: &str) -> Option<Self> {
        None
    }
}

/// The customer's names in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The lender's name of the customer.
    pub customer_id: Option<&'a str>,
    /// The partner's.
    pub partner_customer_id: Option<&'a str>,
}

impl Party<'_> {
    /// Whether both name the customer, and not alike.
    pub(crate) fn contradicts(self, other: Party<'_>) -> bool {
        fn differ(one: Option<&str>, other: Option<&str>) -> bool {
            one.zip(other).is_some_and(|(one, other)| one != other)
        }
        differ(self.customer_id, other.customer_id)
            || differ(self.partner_customer_id, other.partner_customer_id)
    }
}

impl<F: Fact> Step<F> {
    /// Where the step stands among those of its aggregate.
    pub fn order_key(&self) -> OrderKey<'_> {
        OrderKey {
            at: self.occurred_at,
            rank: self.fact.rank(),
            amount: self.fact.amount().map_or(0, |money| money.minor),
            key: &self.key,
            content: &self.content,
        }
    }

    /// The flags that tell of the call itself: its time, when it came, what was masked in it.
    pub fn call_flags(&self) -> impl Iterator<Item = Flag> {
        let clock = self.clock_fault.as_ref().map(|fault| match fault {
            ClockFault::Missing => Flag::TsMissing,
            ClockFault::ZoneAssumed => Flag::TsZoneAssumed,
            ClockFault::Unparseable(_) => Flag::TsUnparseable,
        });
        let outside_window = self.outside_window.then_some(Flag::OutsideWindow);
        clock.into_iter().chain(outside_window).chain(self.pan_masked.then_some(Flag::PanMasked))
    }
}

/// What became of a step. Exactly one holds at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It counts.
    Applied,
    /// It says nothing that another step has not said: the same again, or a twin of it.
    Duplicate,
    /// Something newer of the same kind has replaced it.
    Stale,
    /// Illegal now; legal once a missing step has come.
    Parked {
        /// The kind of step that is missing.
        waits_for: Name,
    },
    /// Illegal, and no missing step can make it legal.
    Refused(Refused),
}

/// A refusal with its circumstances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub code: Refusal,
    /// The state in which it was asked, as of the step's own time.
    pub state: Name,
    /// What would have been legal in that state.
    pub legal: Vec<Name>,
    /// Whether a later step has settled the matter, so that nobody need look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

impl Refused {
    /// A refusal of what was asked in a state where nothing of the kind is in order.
    pub const fn new(code: Refusal, state: &'static str) -> Self {
        Self { code, state: Cow::Borrowed(state), legal: Vec::new(), settled: false }
    }
}

impl Outcome {
    /// The name of the outcome: `applied`, `duplicate`, `stale`, `parked` or `refused`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::Parked { .. } => "parked",
            Self::Refused(_) => "refused",
        }
    }
}

/// How a step was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What became of it.
    pub outcome: Outcome,
    /// What is odd about it. Sorted, each at most once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// When it is to be judged again if nothing has come by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

impl Verdict {
    /// It counts, and nothing is odd about it.
    pub const fn applied() -> Self {
        Self { outcome: Outcome::Applied, flags: Vec::new(), deadline: None }
    }

    /// It says nothing new.
    pub const fn duplicate() -> Self {
        Self { outcome: Outcome::Duplicate, flags: Vec::new(), deadline: None }
    }

    /// It waits for `missing` until `deadline`.
    pub const fn parked(missing: &'static str, deadline: Timestamp) -> Self {
        Self {
            outcome: Outcome::Parked { waits_for: Cow::Borrowed(missing) },
            flags: Vec::new(),
            deadline: Some(deadline),
        }
    }

    /// It is refused with `code` in `state`, where `legal` would have been in order.
    pub fn refused(code: Refusal, state: &'static str, legal: Vec<&'static str>) -> Self {
        let legal = legal.into_iter().map(Cow::Borrowed).collect();
        let refused = Refused { code, state: Cow::Borrowed(state), legal, settled: false };
        Self { outcome: Outcome::Refused(refused), flags: Vec::new(), deadline: None }
    }

    /// Adds a flag, keeping them sorted and distinct.
    pub fn flag(&mut self, flag: Flag) {
        if let Err(place) = self.flags.binary_search(&flag) {
            self.flags.insert(place, flag);
        }
    }

    /// The verdict with `flag` added.
    #[must_use]
    pub fn flagged(mut self, flag: Flag) -> Self {
        self.flag(flag);
        self
    }

    /// Whether the step is applied.
    pub fn is_applied(&self) -> bool {
        self.outcome == Outcome::Applied
    }
}
