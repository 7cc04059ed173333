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
    /// How long a decision may be without a card, and a card without a decision.
    pub unmatched_after: SignedDuration,
    /// How long an authorization may hold an amount before it is looked at; it is never voided.
    pub hold_window: SignedDuration,
    /// The same by merchant category code, where it is longer: lodging, car rental, cruises.
    pub hold_windows: BTreeMap<String, SignedDuration>,
    /// How long an onboarding step waits for the one before it: longer than the lender's retries,
    /// which end after about 102 s.
    pub onboarding_parked_for: SignedDuration,
    /// How long the customer may take to sign.
    pub signing_overdue_after: SignedDuration,
    /// How long an application without a decision may be silent.
    pub application_stale_after: SignedDuration,
    /// How far apart a deprecated webhook and the one that replaces it may be dated.
    pub twin_window: SignedDuration,
    /// How long a confirmation may wait for its charge.
    pub token_unused_after: SignedDuration,
    /// How long a chargeback's reversal waits for the chargeback.
    pub reversal_parked_for: SignedDuration,
    /// How long a settle or a refund may be on its way.
    pub operation_stuck_after: SignedDuration,
    /// How long a charge may be authorized and not settled.
    pub charge_unsettled_after: SignedDuration,
    /// For how many months the records of an application are kept from the newest step that counts; of
    /// whom nothing was decided, from the last delivery. Regulation B asks for 25.
    pub retention_months: u16,
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
            ("unmatched_after", self.unmatched_after),
            ("hold_window", self.hold_window),
            ("onboarding_parked_for", self.onboarding_parked_for),
            ("signing_overdue_after", self.signing_overdue_after),
            ("application_stale_after", self.application_stale_after),
            ("twin_window", self.twin_window),
            ("token_unused_after", self.token_unused_after),
            ("reversal_parked_for", self.reversal_parked_for),
            ("operation_stuck_after", self.operation_stuck_after),
            ("charge_unsettled_after", self.charge_unsettled_after),
        ];
        let by_category = self.hold_windows.values().map(|duration| ("hold_windows", *duration));
        let mut all = durations.into_iter().chain(by_category);
        all.find(|(_, duration)| duration.is_negative()).map(|(name, _)| name)
    }
}

const fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
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
            unmatched_after: days(1),
            hold_window: days(10),
            hold_windows: ["7011", "7512", "4411"].map(|mcc| (mcc.to_owned(), days(31))).into(),
            onboarding_parked_for: SignedDuration::from_mins(15),
            signing_overdue_after: days(7),
            application_stale_after: days(30),
            twin_window: SignedDuration::from_mins(10),
            token_unused_after: days(7),
            reversal_parked_for: days(7),
            operation_stuck_after: days(3),
            charge_unsettled_after: days(30),
            retention_months: 25,
        }
    }
}
