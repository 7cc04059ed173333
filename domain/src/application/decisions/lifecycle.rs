//! The lifecycle of an application with a lender that reports the decision alone (Imprint).

use crate::{
    Refusal,
    application::{Decision, Statement},
    machine::{Edge, Machine, Row},
};

/// The status of an application: what the lender decided, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Begun, and not decided.
    Started,
    /// The offer was accepted: a cardholder.
    Accepted,
    /// Rejected by the lender.
    Rejected,
}

/// What may be said about an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The partner began a session.
    Start,
    /// The lender accepted.
    Accept,
    /// The lender rejected.
    Reject,
    /// The SDK reported in the customer's browser. It never decides.
    Report,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 3] = [Self::Started, Self::Accepted, Self::Rejected];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Start, Self::Accept, Self::Reject, Self::Report];

    /// The kind of a statement; `None` if it is not one of this way to live.
    pub const fn of(statement: &Statement) -> Option<Self> {
        Some(match statement {
            Statement::Started { .. } => Self::Start,
            Statement::Decided { decision: Decision::Accepted, .. } => Self::Accept,
            Statement::Decided { decision: Decision::Rejected, .. } => Self::Reject,
            Statement::Reported { .. } => Self::Report,
            _ => return None,
        })
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Report => "report",
        }
    }
}

/// What a step leads to. A second decision with another creation time is another application.
///
/// Source: Imprint, "SDK result vs. event notification": an application emits at most one
/// terminal notification, and the SDK's result is best-effort.
#[rustfmt::skip] // It is a table.
pub const fn row(status: Status, kind: Kind) -> Row<Status> {
    use {Kind::*, Refusal::*, Status::*};
    match (status, kind) {
        (Started,  Accept) => Row::leads(&[Accepted]),
        (Started,  Reject) => Row::leads(&[Rejected]),
        (Accepted, Accept) => Row::refuses(RepeatedDecision),
        (Accepted, Reject) => Row::refuses(DecisionConflict),
        (Rejected, Accept) => Row::refuses(DecisionConflict),
        (Rejected, Reject) => Row::refuses(RepeatedDecision),
        (Started,  Start | Report) => Row::leads(&[Started]),
        (Accepted, Start | Report) => Row::leads(&[Accepted]),
        (Rejected, Start | Report) => Row::leads(&[Rejected]),
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
    Machine { name: "application", edges: edges.collect() }
}
