//! Why a step or a command is refused: closed, documented, in order of precedence.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    flag::{Severity, codes},
    step::Refused,
};

codes! {
    /// Why a step that a lender reported does not count. Earlier ones take precedence.
    Refusal {
        Discarded "discarded" Info "a person decided that it does not count",
        KeyReused "key_reused" High "the same step was reported before with other content",
        CurrencyMismatch "currency_mismatch" High "the transaction is in another currency",
        CustomerConflict "customer_conflict" High "it belongs to another customer",
        OwnerConflict "owner_conflict" High "the card belongs to another customer",
        TypeConflict "type_conflict" High "the card is of another type",
        AmountOverflow "amount_overflow" High "the sum of the amounts is larger than can be counted",
        SecondApproval "second_approval" Review "the transaction has been approved under another event id",
        UpdateAfterVoid "update_after_void" Review "the authorization was voided before the update",
        AlreadyVoided "already_voided" Review "the authorization was voided before",
        VoidAfterFullCapture "void_after_full_capture" Review "the authorization was captured in full, so nothing is left to void",
        CaptureAfterVoid "capture_after_void" High "the authorization was voided before the capture, and the policy `capture_after_void` refuses that",
        CanceledIsFinal "canceled_is_final" Review "the card was canceled before, and a canceled card stays so",
        VirtualResume "virtual_resume" Review "the lender documents no way back to active for a paused virtual card",
        IllegalStatusEdge "illegal_status_edge" Review "the lender documents no such change of status for this type of card",
        DecisionConflict "decision_conflict" High "the same application was decided otherwise before",
        RepeatedDecision "repeated_decision" Info "the same application was decided in the same way before",
        AlreadySigned "already_signed" Review "the customer had signed before",
        AlreadyCompleted "already_completed" Review "the onboarding had been completed before",
        EngagementConflict "engagement_conflict" High "the onboarding was completed under another engagement id",
        AlreadyRejected "already_rejected" Review "the application had been rejected before",
        AlreadyEnded "already_ended" Review "the application had been rejected or had failed, and was not opened again",
        TrackTerminal "track_terminal" Review "the lender had declined, cancelled or confirmed before, which is final",
        DeclinedAfterConfirm "declined_after_confirm" High "the customer had confirmed with this lender before it declined",
        CancelledAfterCharge "cancelled_after_charge" High "a charge had been created with this confirmation before the lender cancelled",
        SecondAuthorize "second_authorize" Review "the charge was authorized with another amount before",
        AuthorizeAfterVoid "authorize_after_void" Review "the charge was voided before the authorization",
        VoidAfterFullSettle "void_after_full_settle" Review "the charge is settled in full, so nothing is left to void",
        VoidDuringChargeback "void_during_chargeback" Review "a chargeback of the charge is open",
        OperationAmountConflict "operation_amount_conflict" High "the operation was reported with another amount before",
        TerminalConflict "terminal_conflict" High "the operation had ended otherwise before",
        ReversalExceedsChargeback "reversal_exceeds_chargeback" High "the reversals exceed the chargebacks",
        LinkConflict "link_conflict" High "the charge belongs to another application",
        ActionClosed "already_closed" Info "the action is not open",
    }
}

/// Why a command of an operator or a partner is refused. Nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandRefusal {
    /// An override needs a reason that can be read later.
    #[error("a reason is required")]
    ReasonMissing,
    /// There is no such step or exception.
    #[error("there is no such step")]
    UnknownStep,
    /// A person has resolved it already.
    #[error("it has been resolved already")]
    AlreadyResolved,
    /// The action does not fit what is to be resolved.
    #[error("`{action}` is not possible here, only {}", possible.join(", "))]
    ActionNotPossible {
        /// What was asked.
        action: String,
        /// What would be possible.
        possible: Vec<&'static str>,
    },
    /// What the partner asks is not in order now.
    #[error("not in order in state {}: {}", .0.state, .0.code.meaning())]
    NotLegal(Refused),
    /// The lender denied the customer for the credit scoring not long ago.
    #[error("the customer may apply again from {from} on")]
    ReapplyTooEarly {
        /// The first day on which it is possible, in UTC.
        from: Date,
    },
    /// A legal hold is on the person's data.
    #[error("a legal hold is on it; release that first")]
    LegalHold,
    /// A legal hold is on the person's data already.
    #[error("a legal hold is on it already")]
    AlreadyHeld,
    /// No legal hold is on the person's data.
    #[error("no legal hold is on it")]
    NotHeld,
    /// The law or a policy has the data kept.
    #[error("the data are to be kept until {until}; they may be erased from then on")]
    RetentionRuns {
        /// Until when.
        until: Timestamp,
    },
    /// Nothing is kept under a key that is there.
    #[error("there is nothing to erase: no key of it is there")]
    NothingToErase,
    /// The step cannot be taken as the given kind.
    #[error("the step cannot be converted to `{to}`, only to one of: {}", possible.join(", "))]
    ConversionNotPossible {
        /// What was asked.
        to: String,
        /// To which kinds it can be converted; empty if to none.
        possible: Vec<&'static str>,
    },
}

impl CommandRefusal {
    /// The stable code on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ReasonMissing => "reason_missing",
            Self::UnknownStep => "unknown_step",
            Self::AlreadyResolved => "already_resolved",
            Self::ActionNotPossible { .. } => "action_not_possible",
            Self::NotLegal(refused) => refused.code.code(),
            Self::ReapplyTooEarly { .. } => "reapply_too_early",
            Self::LegalHold => "legal_hold",
            Self::AlreadyHeld => "already_held",
            Self::NotHeld => "not_held",
            Self::RetentionRuns { .. } => "retention_runs",
            Self::NothingToErase => "nothing_to_erase",
            Self::ConversionNotPossible { .. } => "conversion_not_possible",
        }
    }
}
