//! The lifecycle of an application that is assessed, signed and completed.

use crate::{
    Refusal,
    machine::{Edge, Machine, Row},
};

/// Where the application stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Handed in, or not heard of.
    #[default]
    Submitted,
    /// Approved; the customer is to sign.
    AwaitingSignature,
    /// The customer has signed.
    Signed,
    /// Done.
    Completed,
    /// Declined for a reason that can be mended.
    Rejected,
    /// Declined for the credit scoring: final for this application.
    RejectedForCredit,
    /// Something went wrong.
    Failed,
}

/// What may be said, in the order of a normal history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The partner handed it in.
    Submit,
    /// A signing session was created.
    OpenSigning,
    /// The customer signed.
    CompleteSigning,
    /// It is done.
    CompleteOnboarding,
    /// The lender declined.
    RejectOnboarding,
    /// Something went wrong.
    FailOnboarding,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Submitted,
        Self::AwaitingSignature,
        Self::Signed,
        Self::Completed,
        Self::Rejected,
        Self::RejectedForCredit,
        Self::Failed,
    ];

    /// The name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RejectedForCredit => "rejected_for_credit",
            other => other.public_name(),
        }
    }

    /// The name on the wire, where a rejection is a rejection.
    pub const fn public_name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::AwaitingSignature => "awaiting_signature",
            Self::Signed => "signed",
            Self::Completed => "completed",
            Self::Rejected | Self::RejectedForCredit => "rejected",
            Self::Failed => "failed",
        }
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Submit,
        Self::OpenSigning,
        Self::CompleteSigning,
        Self::CompleteOnboarding,
        Self::RejectOnboarding,
        Self::FailOnboarding,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::OpenSigning => "open_signing",
            Self::CompleteSigning => "complete_signing",
            Self::CompleteOnboarding => "complete_onboarding",
            Self::RejectOnboarding => "reject_onboarding",
            Self::FailOnboarding => "fail_onboarding",
        }
    }
}

/// What a step leads to, if it says something new: the same again is a duplicate. What is parked
/// is adopted after its deadline, but for a rejected or failed application, where it is refused.
///
/// Source: the provider's page, "Webhook Events"; DOMAIN 3.1c.
#[rustfmt::skip] // It is a table.
pub const fn row(status: Status, kind: Kind) -> Row<Status> {
    use {crate::Flag as F, Kind::*, Refusal::*, Status::*};
    match (status, kind) {
        (Submitted, Submit)                    => Row::leads(&[Submitted]),
        (Submitted, OpenSigning)               => Row::leads(&[AwaitingSignature]),
        (Submitted, CompleteSigning)           => Row::parks("open_signing"),
        (Submitted, CompleteOnboarding)        => Row::parks("complete_signing"),
        (Submitted, RejectOnboarding)          => Row::leads(&[Rejected, RejectedForCredit]),
        (Submitted, FailOnboarding)            => Row::leads(&[Failed]),

        (AwaitingSignature, Submit)            => Row::leads(&[AwaitingSignature]),
        (AwaitingSignature, OpenSigning)       => Row::leads(&[AwaitingSignature]), // renewed: the old URL is void
        (AwaitingSignature, CompleteSigning)   => Row::leads(&[Signed]),
        (AwaitingSignature, CompleteOnboarding) => Row::parks("complete_signing"),
        (AwaitingSignature, RejectOnboarding)  => Row::leads(&[Rejected, RejectedForCredit]).flagged(F::RejectedAfterApproval),
        (AwaitingSignature, FailOnboarding)    => Row::leads(&[Failed]),

        (Signed, Submit)                       => Row::leads(&[Signed]),
        (Signed, OpenSigning)                  => Row::leads(&[AwaitingSignature]).flagged(F::ResignRequested),
        (Signed, CompleteSigning)              => Row::refuses(AlreadySigned),
        (Signed, CompleteOnboarding)           => Row::leads(&[Completed]),
        (Signed, RejectOnboarding)             => Row::leads(&[Rejected, RejectedForCredit]).flagged(F::RejectedAfterSigning),
        (Signed, FailOnboarding)               => Row::leads(&[Failed]).flagged(F::FailedAfterSigning),

        (Completed, Submit)                    => Row::leads(&[Completed]),
        (Completed, CompleteOnboarding)        => Row::refuses(EngagementConflict),
        (Completed, OpenSigning | CompleteSigning | RejectOnboarding | FailOnboarding)
                                               => Row::refuses(AlreadyCompleted),

        (Rejected, Submit)                     => Row::leads(&[Rejected]),
        (Rejected, OpenSigning)                => Row::leads(&[AwaitingSignature]).flagged(F::Reopened),
        (Rejected, CompleteSigning | CompleteOnboarding) => Row::parks("open_signing"),
        (Rejected, RejectOnboarding)           => Row::leads(&[Rejected, RejectedForCredit]).flagged(F::ReasonChanged),
        (Rejected, FailOnboarding)             => Row::refuses(AlreadyRejected),

        (RejectedForCredit, Submit)            => Row::leads(&[RejectedForCredit]),
        (RejectedForCredit, OpenSigning | CompleteSigning | CompleteOnboarding | RejectOnboarding | FailOnboarding)
                                               => Row::refuses(AlreadyRejected),

        (Failed, Submit)                       => Row::leads(&[Failed]),
        (Failed, OpenSigning)                  => Row::leads(&[AwaitingSignature]).flagged(F::Reopened),
        (Failed, CompleteSigning | CompleteOnboarding) => Row::parks("open_signing"),
        (Failed, RejectOnboarding)             => Row::leads(&[Rejected, RejectedForCredit]),
        (Failed, FailOnboarding)               => Row::leads(&[Failed]),
    }
}

/// The kinds of step that are in order in a status.
pub fn legal(status: Status) -> Vec<&'static str> {
    let in_order = |kind: &Kind| row(status, *kind).is_in_order();
    Kind::ALL.into_iter().filter(in_order).map(Kind::name).collect()
}

/// The table as edges, ready to be drawn.
pub fn machine() -> Machine {
    let edges = Status::ALL.into_iter().flat_map(|from| {
        Kind::ALL.into_iter().map(move |kind| {
            Edge::of(from.name(), kind.name(), row(from, kind), |to| to.name().to_owned())
        })
    });
    Machine { name: "onboarding", edges: edges.collect() }
}
