//! The events of one source, all from one position to another, as they are handed to an auditor.
//!
//! A folder with `manifest.json`, `events.ndjson` and whatever else the manifest names. Verified in one
//! pass and in constant memory, whatever its size.

mod verify;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::tree::plan::RangeProof;

pub use verify::{Checked, ExportError, verify};

/// The form of `manifest.json` and `events.ndjson`.
pub const FORMAT: &str = "creditrail/export/v2";

/// The form of before: what is left out is not told, nor the program and the
/// positions, and `rows` are lines. It is verified as ever.
pub const FORMAT_V1: &str = "creditrail/export/v1";

/// The name of the file that tells what there is.
pub const MANIFEST: &str = "manifest.json";

/// The name of the file that has the events: a [`crate::leaf::Entry`] a line, by position.
pub const EVENTS: &str = "events.ndjson";

/// What `manifest.json` has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`], or [`FORMAT_V1`].
    pub format: Cow<'static, str>,
    /// The program that made it, and its version. Absent in [`FORMAT_V1`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The source in whose log the events are.
    pub source: String,
    /// The position of the first event; of a filtered export, from where on it was looked.
    pub from: i64,
    /// The position of the last event; of a filtered export, up to where it was looked.
    pub to: i64,
    /// By what events were left out, by name; none if all are there.
    pub filters: BTreeMap<String, String>,
    /// The tables that are left out because the filters cannot narrow them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The files beside the manifest.
    pub files: Vec<File>,
    /// The signed checkpoint that the events are proven against.
    pub checkpoint: String,
    /// The proof that these are all events from `from` to `to`. Absent if there are filters: then
    /// nothing proves that the events are in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangeProof>,
}

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name, in the folder of the manifest: letters, digits, `.`, `_` and `-`, not `.` first.
    pub name: String,
    /// How many rows it has, whatever its form. Of [`FORMAT_V1`] how many lines, a heading included; none
    /// if it has no lines.
    pub rows: Option<u64>,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex, as `sha256sum` prints it.
    #[serde(with = "hex::serde")]
    pub sha256: [u8; 32],
    /// Up to which position of the log it has what is recorded. A read model may have gone on while it
    /// was written. Absent in [`FORMAT_V1`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
}

impl Manifest {
    /// The manifest of the text of `manifest.json`.
    ///
    /// # Errors
    /// [`ExportError::Unreadable`] if it is not of this form, [`ExportError::Format`] if it is of another.
    pub fn parse(json: &str) -> Result<Self, ExportError> {
        #[derive(Deserialize)]
        struct Form {
            format: String,
        }
        let unreadable = |error: serde_json::Error| ExportError::Unreadable(error.to_string());
        let Form { format } = serde_json::from_str(json).map_err(unreadable)?;
        if format != FORMAT && format != FORMAT_V1 {
            return Err(ExportError::Format(format));
        }
        serde_json::from_str(json).map_err(unreadable)
    }

    /// The text of `manifest.json`.
    ///
    /// # Errors
    /// Those of `serde_json`, of which none is met: every key is a text, every number an integer.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
