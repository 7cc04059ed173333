//! The choices that are ours where the lenders' documents leave one open.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What to do with a step that is odd but possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// Let it count, with a flag.
    Flag,
    /// Refuse it.
    Refuse,
}

/// The named settings of one source. Each has a default; none changes what is already recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// A capture dated after the void. Default `flag`: networks oblige issuers to post clearings,
    /// and VOIDED does not tell a reversal from an expiry.
    pub capture_after_void: Reaction,
    /// A paused virtual card that becomes active. Default `refuse`: undocumented by Imprint.
    pub virtual_resume: Reaction,
    /// How long a step that only moves a hold, or a card step, waits for a missing one.
    pub parked_for: SignedDuration,
    /// How long the cancellation of an unknown card waits: shorter, since a card shown usable
    /// that is canceled is the worse error.
    pub unknown_cancel_parked_for: SignedDuration,
    /// By how many percent captures may exceed the authorized total, by merchant category code.
    pub over_capture_percent: BTreeMap<String, u8>,
    /// A void this long after the approval was likely an expiry (shown only).
    pub likely_expiry_after: SignedDuration,
    /// How far apart a cancellation and a new card may be for a probable reissue.
    pub reissue_window: SignedDuration,
    /// By how much a session may start after the lender's creation time of its application.
    pub session_skew: SignedDuration,
    /// How long an acceptance reported by the SDK may stay unconfirmed.
    pub accepted_unconfirmed_after: SignedDuration,
    /// How long a rejection reported by the SDK may stay unconfirmed.
    pub rejected_unconfirmed_after: SignedDuration,
}

impl Policies {
    /// The name of a duration that is negative, if there is one.
    pub fn negative(&self) -> Option<&'static str> {
        let durations = [
            ("parked_for", self.parked_for),
            ("unknown_cancel_parked_for", self.unknown_cancel_parked_for),
            ("likely_expiry_after", self.likely_expiry_after),
            ("reissue_window", self.reissue_window),
            ("session_skew", self.session_skew),
            ("accepted_unconfirmed_after", self.accepted_unconfirmed_after),
            ("rejected_unconfirmed_after", self.rejected_unconfirmed_after),
        ];
        durations.into_iter().find(|(_, duration)| duration.is_negative()).map(|(name, _)| name)
    }
}

impl Default for Policies {
    fn default() -> Self {
        let tolerated = [("5812", 20), ("5813", 20), ("5814", 20), ("4121", 20), ("7011", 15)];
        Self {
            capture_after_void: Reaction::Flag,
            virtual_resume: Reaction::Refuse,
            parked_for: SignedDuration::from_hours(72),
            unknown_cancel_parked_for: SignedDuration::from_secs(60),
            over_capture_percent: tolerated.map(|(mcc, percent)| (mcc.to_owned(), percent)).into(),
            likely_expiry_after: SignedDuration::from_hours(7 * 24),
            reissue_window: SignedDuration::from_hours(24),
            session_skew: SignedDuration::from_mins(5),
            accepted_unconfirmed_after: SignedDuration::from_hours(1),
            rejected_unconfirmed_after: SignedDuration::from_hours(24),
        }
    }
}
