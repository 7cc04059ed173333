//! The lifecycle of one lender's track within an application.

use crate::{
    Refusal,
    machine::{Edge, Machine, Row},
};

/// Where one lender stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing is known.
    #[default]
    Unknown,
    /// Prequalified.
    Prequalified,
    /// The lender reviews.
    PendingLender,
    /// The customer has to do something.
    PendingConsumer,
    /// The merchant has to do something.
    PendingMerchant,
    /// Approved.
    Approved,
    /// Declined.
    Declined,
    /// Cancelled by the lender.
    Cancelled,
    /// The customer confirmed.
    Confirmed,
}

/// Where the application stands, derived from all tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overall {
    /// Begun; no lender has reported.
    Started,
    /// A lender prequalified.
    Prequalified,
    /// A lender reviews.
    UnderReview,
    /// The customer or the merchant has to do something.
    ActionRequired,
    /// A lender approved.
    Approved,
    /// The customer confirmed with a lender.
    Confirmed,
    /// All lenders that are known declined or cancelled, one declined at least. Not final: others
    /// may be asked.
    DeclinedByAllKnown,
    /// All lenders that are known cancelled.
    CancelledByAllKnown,
}

/// What may be said, in the order in which steps of one time are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The partner registered the application.
    Submit,
    /// A session began.
    Start,
    /// The lender reviews.
    Review,
    /// The customer has to do something.
    RequireConsumer,
    /// The merchant has to do something.
    RequireMerchant,
    /// The lender prequalified.
    Prequalify,
    /// The lender approved.
    Approve,
    /// The customer confirmed.
    Confirm,
    /// The partner created a charge.
    CreateCharge,
    /// The lender declined.
    Decline,
    /// The lender cancelled.
    Cancel,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Prequalified,
        Self::PendingLender,
        Self::PendingConsumer,
        Self::PendingMerchant,
        Self::Approved,
        Self::Declined,
        Self::Cancelled,
        Self::Confirmed,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Prequalified => "prequalified",
            Self::PendingLender => "pending_lender",
            Self::PendingConsumer => "pending_consumer",
            Self::PendingMerchant => "pending_merchant",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Confirmed => "confirmed",
        }
    }
}

impl Overall {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Started,
        Self::Prequalified,
        Self::UnderReview,
        Self::ActionRequired,
        Self::Approved,
        Self::Confirmed,
        Self::DeclinedByAllKnown,
        Self::CancelledByAllKnown,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Prequalified => "prequalified",
            Self::UnderReview => "under_review",
            Self::ActionRequired => "action_required",
            Self::Approved => "approved",
            Self::Confirmed => "confirmed",
            Self::DeclinedByAllKnown => "declined_by_all_known",
            Self::CancelledByAllKnown => "cancelled_by_all_known",
        }
    }

    /// The status of an application whose lenders stand so: the best of them counts, so that one
    /// lender's decline is not the application's.
    pub fn of(tracks: impl Iterator<Item = Status> + Clone) -> Self {
        let any = |statuses: &[Status]| tracks.clone().any(|status| statuses.contains(&status));
        [
            (Self::Confirmed, [Status::Confirmed].as_slice()),
            (Self::Approved, &[Status::Approved]),
            (Self::ActionRequired, &[Status::PendingConsumer, Status::PendingMerchant]),
            (Self::UnderReview, &[Status::PendingLender]),
            (Self::Prequalified, &[Status::Prequalified]),
            (Self::DeclinedByAllKnown, &[Status::Declined]),
            (Self::CancelledByAllKnown, &[Status::Cancelled]),
        ]
        .into_iter()
        .find(|(_, statuses)| any(statuses))
        .map_or(Self::Started, |(overall, _)| overall)
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Submit,
        Self::Start,
        Self::Prequalify,
        Self::Review,
        Self::RequireConsumer,
        Self::RequireMerchant,
        Self::Approve,
        Self::Confirm,
        Self::CreateCharge,
        Self::Decline,
        Self::Cancel,
    ];

    /// What a lender may report about its track.
    pub const OF_LENDER: [Self; 8] = [
        Self::Prequalify,
        Self::Review,
        Self::RequireConsumer,
        Self::RequireMerchant,
        Self::Approve,
        Self::Confirm,
        Self::Decline,
        Self::Cancel,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Start => "start",
            Self::Prequalify => "prequalify",
            Self::Review => "review",
            Self::RequireConsumer => "require_consumer",
            Self::RequireMerchant => "require_merchant",
            Self::Approve => "approve",
            Self::Confirm => "confirm",
            Self::CreateCharge => "create_charge",
            Self::Decline => "decline",
            Self::Cancel => "cancel",
        }
    }
}

/// What a step leads to on a lender's track, if it says something new: the same again is a
/// duplicate. After a charge is known, a cancellation of the confirmation is refused.
///
/// Source: ChargeAfter, "Application Webhooks"; DOMAIN 3.1d.
#[rustfmt::skip] // It is a table.
pub const fn row(status: Status, kind: Kind) -> Row<Status> {
    use {crate::Flag as F, Kind::*, Refusal::*, Status::*};
    match (status, kind) {
        // Not of one lender.
        (_, Submit | Start | CreateCharge) => Row::leads(&[Unknown]),

        (Unknown, Prequalify)          => Row::leads(&[Prequalified]),
        (Unknown, Review)              => Row::leads(&[PendingLender]),
        (Unknown, RequireConsumer)     => Row::leads(&[PendingConsumer]),
        (Unknown, RequireMerchant)     => Row::leads(&[PendingMerchant]),
        (Unknown, Approve)             => Row::leads(&[Approved]),
        (Unknown, Decline)             => Row::leads(&[Declined]),
        (Unknown, Cancel)              => Row::leads(&[Cancelled]).flagged(F::CancelledUnseen),
        (Unknown, Confirm)             => Row::leads(&[Confirmed]).flagged(F::ConfirmWithoutApproval),

        (Prequalified, Prequalify)     => Row::leads(&[Prequalified]), // another amount
        (Prequalified, Review)         => Row::leads(&[PendingLender]),
        (Prequalified, RequireConsumer) => Row::leads(&[PendingConsumer]),
        (Prequalified, RequireMerchant) => Row::leads(&[PendingMerchant]),
        (Prequalified, Approve)        => Row::leads(&[Approved]),
        (Prequalified, Decline)        => Row::leads(&[Declined]),
        (Prequalified, Cancel)         => Row::leads(&[Cancelled]),
        (Prequalified, Confirm)        => Row::leads(&[Confirmed]).flagged(F::ConfirmWithoutApproval),

        (PendingLender | PendingConsumer | PendingMerchant, Prequalify)
                                       => Row::leads(&[Prequalified]).flagged(F::BackToPrequalified),
        (PendingLender | PendingConsumer | PendingMerchant, Review)          => Row::leads(&[PendingLender]),
        (PendingLender | PendingConsumer | PendingMerchant, RequireConsumer) => Row::leads(&[PendingConsumer]),
        (PendingLender | PendingConsumer | PendingMerchant, RequireMerchant) => Row::leads(&[PendingMerchant]),
        (PendingLender | PendingConsumer | PendingMerchant, Approve)         => Row::leads(&[Approved]),
        (PendingLender | PendingConsumer | PendingMerchant, Decline)         => Row::leads(&[Declined]),
        (PendingLender | PendingConsumer | PendingMerchant, Cancel)          => Row::leads(&[Cancelled]),
        (PendingLender | PendingConsumer | PendingMerchant, Confirm)
                                       => Row::leads(&[Confirmed]).flagged(F::ConfirmWithoutApproval),

        (Approved, Prequalify)         => Row::leads(&[Approved]).flagged(F::LatePrequalification),
        (Approved, Review)             => Row::leads(&[PendingLender]).flagged(F::ReReview),
        (Approved, RequireConsumer)    => Row::leads(&[PendingConsumer]).flagged(F::ReReview),
        (Approved, RequireMerchant)    => Row::leads(&[PendingMerchant]).flagged(F::ReReview),
        (Approved, Approve)            => Row::leads(&[Approved]), // another amount
        (Approved, Decline)            => Row::leads(&[Declined]).flagged(F::DeclinedAfterApproval),
        (Approved, Cancel)             => Row::leads(&[Cancelled]),
        (Approved, Confirm)            => Row::leads(&[Confirmed]),

        (Declined | Cancelled, Prequalify | Review | RequireConsumer | RequireMerchant | Approve | Confirm | Decline | Cancel)
                                       => Row::refuses(TrackTerminal),

        (Confirmed, Prequalify | Review | RequireConsumer | RequireMerchant | Approve)
                                       => Row::refuses(TrackTerminal),
        (Confirmed, Decline)           => Row::refuses(DeclinedAfterConfirm),
        (Confirmed, Cancel)            => Row::leads(&[Cancelled]).flagged(F::CancelledAfterConfirm),
        (Confirmed, Confirm)           => Row::leads(&[Confirmed]).flagged(F::SecondConfirmation),
    }
}

/// The kinds of step that are in order for a lender in a status.
pub fn legal(status: Status) -> Vec<&'static str> {
    let in_order = |kind: &Kind| row(status, *kind).is_in_order();
    Kind::OF_LENDER.into_iter().filter(in_order).map(Kind::name).collect()
}

/// The table as edges, ready to be drawn.
pub fn machine() -> Machine {
    let edges = Status::ALL.into_iter().flat_map(|from| {
        Kind::OF_LENDER.into_iter().map(move |kind| {
            Edge::of(from.name(), kind.name(), row(from, kind), |to| to.name().to_owned())
        })
    });
    Machine { name: "lender-track", edges: edges.collect() }
}
