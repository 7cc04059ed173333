//! The lifecycle of a transaction: the table that decides and that is drawn.

use crate::{Flag, Refusal, machine::Row};

/// What a lender may report about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// APPROVED: a hold opens.
    Approve,
    /// UPDATED: the authorized total is replaced.
    Update,
    /// VOIDED: the hold is gone.
    Void,
    /// CAPTURED: a purchase line.
    Capture,
    /// REFUNDED: a refund line.
    Refund,
}

impl Kind {
    /// All kinds, in the order of a normal history.
    pub const ALL: [Self; 5] =
        [Self::Approve, Self::Update, Self::Void, Self::Capture, Self::Refund];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Update => "update",
            Self::Void => "void",
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// The status of a transaction, derived from its totals and never stored beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing that counts is known.
    Unknown,
    /// Approved with the amount 0: a check of the card.
    Verification,
    /// A hold is open and nothing is captured.
    Pending,
    /// The authorized total was updated to 0.
    ReducedToZero,
    /// Less than the authorized total is captured.
    PartiallyCaptured,
    /// The authorized total is captured.
    Captured,
    /// Voided without a capture.
    Voided,
    /// Captured in part, then the rest voided.
    CapturedRemainderVoided,
    /// Captured after the void.
    LatePresented,
    /// Captured without an authorization.
    ForceCaptured,
    /// Refunded without an authorization or a capture.
    StandaloneRefund,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 11] = [
        Self::Unknown,
        Self::Verification,
        Self::Pending,
        Self::ReducedToZero,
        Self::PartiallyCaptured,
        Self::Captured,
        Self::Voided,
        Self::CapturedRemainderVoided,
        Self::LatePresented,
        Self::ForceCaptured,
        Self::StandaloneRefund,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Verification => "verification",
            Self::Pending => "pending",
            Self::ReducedToZero => "reduced_to_zero",
            Self::PartiallyCaptured => "partially_captured",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::CapturedRemainderVoided => "captured_remainder_voided",
            Self::LatePresented => "late_presented",
            Self::ForceCaptured => "force_captured",
            Self::StandaloneRefund => "standalone_refund",
        }
    }
}

/// What a step leads to in a status: one row per pair. Steps are judged in the order in which
/// they happened, so "after" below is after in time, never in arrival.
///
/// Source: Imprint, "Common transaction scenarios"; the policies of DOMAIN 3.3.
#[rustfmt::skip] // It is a table.
pub const fn row(status: Status, kind: Kind) -> Row<Status> {
    use {Flag::*, Kind::*, Refusal::*, Status::*};
    match (status, kind) {
        (Unknown, Approve)          => Row::leads(&[Pending, Verification]),
        (Unknown, Update | Void)    => Row::parks("approve"), // a void not if a later approval is known
        (Unknown, Capture)          => Row::leads(&[ForceCaptured, Unknown]).flagged(ForceCaptureProvisional),
        (Unknown, Refund)           => Row::leads(&[StandaloneRefund, Unknown]).flagged(StandaloneRefundProvisional),

        (Verification | Pending | ReducedToZero, Approve) => Row::refuses(SecondApproval),
        (Verification, Update)      => Row::leads(&[Pending, Verification]),
        (Pending, Update)           => Row::leads(&[Pending, ReducedToZero, Verification]),
        (ReducedToZero, Update)     => Row::leads(&[Pending, ReducedToZero]),
        (Verification | Pending | ReducedToZero, Void)    => Row::leads(&[Voided]),
        (Verification, Capture)     => Row::leads(&[Captured, Verification]),
        (Pending, Capture)          => Row::leads(&[PartiallyCaptured, Captured, Pending]),
        (ReducedToZero, Capture)    => Row::leads(&[Captured, ReducedToZero]),
        (Verification, Refund)      => Row::leads(&[Verification]).flagged(RefundExceedsCaptured),
        (Pending, Refund)           => Row::leads(&[Pending]).flagged(RefundExceedsCaptured),
        (ReducedToZero, Refund)     => Row::leads(&[ReducedToZero]).flagged(RefundExceedsCaptured),

        (PartiallyCaptured, Approve) => Row::refuses(SecondApproval),
        (PartiallyCaptured, Update) => Row::leads(&[PartiallyCaptured, Captured]),
        (PartiallyCaptured, Void)   => Row::leads(&[CapturedRemainderVoided]),
        (PartiallyCaptured, Capture) => Row::leads(&[PartiallyCaptured, Captured]),
        (PartiallyCaptured, Refund) => Row::leads(&[PartiallyCaptured]),

        (Captured, Approve)         => Row::refuses(SecondApproval),
        (Captured, Update)          => Row::leads(&[Captured, PartiallyCaptured]).flagged(UpdateAfterFullCapture),
        (Captured, Void)            => Row::refuses(VoidAfterFullCapture),
        (Captured, Capture)         => Row::leads(&[Captured]).flagged(OverCapture),
        (Captured, Refund)          => Row::leads(&[Captured]),

        (Voided | CapturedRemainderVoided | LatePresented, Approve) => Row::refuses(SecondApproval),
        (Voided | CapturedRemainderVoided | LatePresented, Update)  => Row::refuses(UpdateAfterVoid),
        (Voided | CapturedRemainderVoided | LatePresented, Void)    => Row::refuses(AlreadyVoided),
        (Voided, Capture)           => Row::leads(&[LatePresented, Voided]).flagged(LatePresentment),
        (CapturedRemainderVoided, Capture) => Row::leads(&[LatePresented, CapturedRemainderVoided]).flagged(LatePresentment),
        (LatePresented, Capture)    => Row::leads(&[LatePresented]).flagged(LatePresentment),
        (Voided, Refund)            => Row::leads(&[Voided]).flagged(RefundExceedsCaptured),
        (CapturedRemainderVoided, Refund) => Row::leads(&[CapturedRemainderVoided]),
        (LatePresented, Refund)     => Row::leads(&[LatePresented]),

        (ForceCaptured, Approve)    => Row::leads(&[PartiallyCaptured, Captured]).flagged(ApprovalAfterCapture),
        (ForceCaptured, Update | Void) => Row::parks("approve"),
        (ForceCaptured, Capture)    => Row::leads(&[ForceCaptured]).flagged(ForceCaptureProvisional),
        (ForceCaptured, Refund)     => Row::leads(&[ForceCaptured]),

        (StandaloneRefund, Approve) => Row::leads(&[Pending, Verification]),
        (StandaloneRefund, Update | Void) => Row::parks("approve"),
        (StandaloneRefund, Capture) => Row::leads(&[ForceCaptured, StandaloneRefund]).flagged(ForceCaptureProvisional),
        (StandaloneRefund, Refund)  => Row::leads(&[StandaloneRefund]).flagged(StandaloneRefundProvisional),
    }
}

/// The kinds of step that are in order in a status: applied, and nothing odd about them.
pub fn legal(status: Status) -> Vec<&'static str> {
    let in_order = |kind: &Kind| row(status, *kind).is_in_order();
    Kind::ALL.into_iter().filter(in_order).map(Kind::name).collect()
}
