//! The evidence of one thing: its events, the deliveries that they recorded, and the proof of each.
//!
//! A folder with `bundle.json` and `index.html`. The page is made of the bundle alone, so that a
//! verifier makes it anew and compares: it cannot tell anything else.

mod page;
mod personal;
mod verify;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    Hash,
    leaf::{DeliveryEntry, Entry},
    sealed::{Content, DeliveryKey, SealError},
};

pub use page::page;
pub use verify::{BundleError, Checked, verify};

/// The form of `bundle.json`, and of the page: a page that is made otherwise needs another form.
pub const FORMAT: &str = "creditrail/bundle/v2";

/// The form before: without deliveries that are sealed. It is verified as it was.
pub const UNSEALED_FORMAT: &str = "creditrail/bundle/v1";

/// The name of the file that is verified.
pub const FILE: &str = "bundle.json";

/// The name of the file that is read.
pub const PAGE: &str = "index.html";

/// What `bundle.json` has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle<'a> {
    /// [`FORMAT`].
    pub format: Cow<'a, str>,
    /// What kind of thing it is about.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// The source in whose log the events are.
    pub source: String,
    /// The signed checkpoint that the events are proven against.
    pub checkpoint: String,
    /// The events, by position.
    #[serde(borrow)]
    pub events: Vec<ProvenEvent<'a>>,
    /// The deliveries that they recorded.
    #[serde(borrow)]
    pub deliveries: Vec<DeliveryEntry<'a>>,
    /// The keys of those of them that are sealed and that whoever made it could open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<Opening>,
    /// The positions of the events whose delivery is not enclosed.
    pub deliveries_not_enclosed: Vec<i64>,
    /// The streams of which events are left out.
    pub cut: Vec<StreamName>,
    /// What whoever made it has to say. Nothing proves it.
    pub notes: Vec<String>,
}

/// An event, and the proof that it is in the log at its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenEvent<'a> {
    /// The event as it is stored.
    #[serde(borrow)]
    pub event: Entry<'a>,
    /// The inclusion proof, from the leaf up.
    pub proof: Vec<Hash>,
}

/// The key of a delivery that is sealed. It opens that one alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The id of the delivery.
    pub delivery_id: String,
    /// Its key: 64 hexadecimal digits.
    pub key: String,
}

impl Opening {
    /// What was sealed of the delivery.
    ///
    /// # Errors
    /// [`SealError`] if the key does not open it.
    pub fn content(&self, entry: &DeliveryEntry<'_>) -> Result<Content, SealError> {
        DeliveryKey::of_hex(&self.key).ok_or(SealError::OtherKey)?.open_entry(entry)
    }
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamName {
    /// Its type.
    pub aggregate_type: String,
    /// Its id.
    pub aggregate_id: String,
}

impl StreamName {
    pub(crate) fn of(event: &Entry<'_>) -> Self {
        Self {
            aggregate_type: event.aggregate_type.clone().into_owned(),
            aggregate_id: event.aggregate_id.clone().into_owned(),
        }
    }
}

impl<'a> Bundle<'a> {
    /// The bundle of the text of `bundle.json`.
    ///
    /// # Errors
    /// [`BundleError::Unreadable`] if it is not of this form, [`BundleError::Format`] if it is of another.
    pub fn parse(json: &'a str) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let Form { format } = serde_json::from_str(json).map_err(BundleError::unreadable)?;
        if ![FORMAT, UNSEALED_FORMAT].contains(&format.as_str()) {
            return Err(BundleError::Format(format));
        }
        serde_json::from_str(json).map_err(BundleError::unreadable)
    }

    /// The text of `bundle.json`.
    ///
    /// # Errors
    /// Those of `serde_json`, of which none is met: every key is a text, every number an integer.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
