//! The lifecycle of a charge and that of one of its operations: the tables that decide and that
//! are drawn.

use super::{fact::Form, operation::OperationState};
use crate::{
    Flag, Refusal,
    machine::{Edge, Effect, Machine, Row},
};

/// What may be said about a charge, in the order in which steps of one time are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It belongs to an application.
    Link,
    /// The lender authorized it.
    Authorize,
    /// A settle was created.
    Settle,
    /// A settle has come further.
    SettleUpdate,
    /// A refund was created.
    Refund,
    /// A refund has come further.
    RefundUpdate,
    /// The customer got the money back from the network.
    Chargeback,
    /// A chargeback was undone.
    ChargebackReversal,
    /// The partner voided what is not settled.
    Void,
}

/// The situation in which a step is judged. What is settled or refunded is here what has not
/// failed: it takes up room from when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Situation {
    /// No authorization is known.
    Unknown,
    /// Nothing is settled.
    Authorized,
    /// Less than the authorized amount is settled.
    PartiallySettled,
    /// The authorized amount is settled.
    Settled,
    /// The authorized amount is settled, and all of it refunded.
    Refunded,
    /// Voided before anything was settled.
    Voided,
    /// Voided, and something is settled.
    RemainderVoided,
    /// A chargeback is open, beside any of the others: its rows add to theirs.
    Disputed,
}

/// Where the charge stands, derived from completed operations and open chargebacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// No authorization is known, and nothing is settled.
    Unknown,
    /// Authorized, and nothing is settled.
    Authorized,
    /// Voided, and nothing is settled.
    Voided,
    /// Settled in part.
    PartiallySettled,
    /// Settled in part, and refunded in part of that.
    PartiallySettledPartiallyRefunded,
    /// Settled in part, and all of that refunded.
    PartiallySettledRefunded,
    /// Settled.
    Settled,
    /// Settled, and refunded in part.
    SettledPartiallyRefunded,
    /// Settled, and refunded.
    Refunded,
    /// Open chargebacks cover all that is settled and not refunded.
    ChargedBack,
}

/// What a report does to the operation that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is applied: the operation is where the report says.
    Leads(Option<Flag>),
    /// It says nothing new.
    Duplicate,
    /// The operation is further.
    Stale,
    /// It is refused.
    Refuses(Refusal),
}

impl Kind {
    /// All kinds, in the order of a normal history.
    pub const ALL: [Self; 9] = [
        Self::Link,
        Self::Authorize,
        Self::Settle,
        Self::SettleUpdate,
        Self::Refund,
        Self::RefundUpdate,
        Self::Chargeback,
        Self::ChargebackReversal,
        Self::Void,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Authorize => "authorize",
            Self::Settle => "settle",
            Self::SettleUpdate => "settle_update",
            Self::Refund => "refund",
            Self::RefundUpdate => "refund_update",
            Self::Chargeback => "chargeback",
            Self::ChargebackReversal => "chargeback_reversal",
            Self::Void => "void",
        }
    }
}

impl Situation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Authorized,
        Self::PartiallySettled,
        Self::Settled,
        Self::Refunded,
        Self::Voided,
        Self::RemainderVoided,
        Self::Disputed,
    ];

    /// The name in the drawing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Authorized => "authorized",
            Self::PartiallySettled => "partially_settled",
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
            Self::RemainderVoided => "remainder_voided",
            Self::Disputed => "chargeback_open",
        }
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Authorized,
        Self::Voided,
        Self::PartiallySettled,
        Self::PartiallySettledPartiallyRefunded,
        Self::PartiallySettledRefunded,
        Self::Settled,
        Self::SettledPartiallyRefunded,
        Self::Refunded,
        Self::ChargedBack,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Authorized => "authorized",
            Self::Voided => "voided",
            Self::PartiallySettled => "partially_settled",
            Self::PartiallySettledPartiallyRefunded => "partially_settled_partially_refunded",
            Self::PartiallySettledRefunded => "partially_settled_refunded",
            Self::Settled => "settled",
            Self::SettledPartiallyRefunded => "settled_partially_refunded",
            Self::Refunded => "refunded",
            Self::ChargedBack => "charged_back",
        }
    }

    /// What the lender documents as possible.
    ///
    /// Source: ChargeAfter, "Charge statuses", possible actions; DOMAIN 3.4.
    pub const fn possible(self) -> &'static [Kind] {
        use Kind::*;
        match self {
            Self::Unknown => &[Authorize],
            Self::Authorized | Self::PartiallySettledRefunded => &[Settle, Void],
            Self::PartiallySettled | Self::PartiallySettledPartiallyRefunded => {
                &[Settle, Refund, Void]
            }
            Self::Settled | Self::SettledPartiallyRefunded => &[Refund],
            Self::Voided | Self::Refunded | Self::ChargedBack => &[],
        }
    }
}

/// What a step leads to in a situation. An update of an operation whose creation is not known does
/// what the creation would do; any other moves money as its operation does, see [`progress`].
///
/// Of an authorization, the same amount again is a duplicate where another is refused as second.
/// A void counts although its authorization is dated later, and a reversal although its chargeback
/// is. An authorization after a void counts if none is known.
///
/// Source: ChargeAfter, "Post-Sale Webhooks", "Reconciliation Webhooks"; DOMAIN 3.4.
#[rustfmt::skip] // It is a table.
pub const fn row(situation: Situation, kind: Kind) -> Row<Situation> {
    use {Flag as F, Kind::*, Refusal::*, Situation::*};
    match (situation, kind) {
        (Unknown, Authorize)                => Row::leads(&[Authorized, PartiallySettled, Settled, Refunded, Voided, RemainderVoided]),
        (Unknown, Settle | SettleUpdate)    => Row::leads(&[Unknown]).flagged(F::AuthorizationUnseen),
        (Unknown, Refund | RefundUpdate)    => Row::leads(&[Unknown]).flagged(F::AuthorizationUnseen), // and refund_before_settle
        (Unknown, Void)                     => Row::parks("authorize"),
        (Unknown, Chargeback)               => Row::leads(&[Unknown]).flagged(F::AuthorizationUnseen),
        (Unknown, Link)                     => Row::leads(&[Unknown]),

        (Authorized, Authorize)             => Row::refuses(SecondAuthorize),
        (Authorized, Settle | SettleUpdate) => Row::leads(&[Authorized, PartiallySettled, Settled, Refunded]),
        (Authorized, Refund | RefundUpdate) => Row::leads(&[Authorized]).flagged(F::RefundBeforeSettle),
        (Authorized, Void)                  => Row::leads(&[Voided]),
        (Authorized, Chargeback)            => Row::leads(&[Authorized]).flagged(F::ChargebackWithoutSettle),
        (Authorized, Link)                  => Row::leads(&[Authorized]),

        (PartiallySettled, Authorize)       => Row::refuses(SecondAuthorize),
        (PartiallySettled, Settle)          => Row::leads(&[PartiallySettled, Settled]), // may exceed the authorized amount
        (PartiallySettled, SettleUpdate)    => Row::leads(&[Authorized, PartiallySettled, Settled]),
        (PartiallySettled, Refund | RefundUpdate) => Row::leads(&[PartiallySettled]), // may exceed what is settled
        (PartiallySettled, Void)            => Row::leads(&[RemainderVoided]),
        (PartiallySettled, Chargeback)      => Row::leads(&[PartiallySettled]),
        (PartiallySettled, Link)            => Row::leads(&[PartiallySettled]),

        (Settled, Authorize)                => Row::refuses(SecondAuthorize),
        (Settled, Settle)                   => Row::leads(&[Settled]).flagged(F::SettleExceedsAuthorized),
        (Settled, SettleUpdate)             => Row::leads(&[Authorized, PartiallySettled, Settled, Refunded]).flagged(F::SettleExceedsAuthorized),
        (Settled, Refund | RefundUpdate)    => Row::leads(&[Settled, Refunded]), // may exceed what is settled
        (Settled, Void)                     => Row::refuses(VoidAfterFullSettle),
        (Settled, Chargeback)               => Row::leads(&[Settled]),
        (Settled, Link)                     => Row::leads(&[Settled]),

        (Refunded, Authorize)               => Row::refuses(SecondAuthorize),
        (Refunded, Settle)                  => Row::leads(&[Settled, Refunded]).flagged(F::SettleAfterFullRefund),
        (Refunded, SettleUpdate)            => Row::leads(&[Authorized, Settled, Refunded]).flagged(F::SettleAfterFullRefund),
        (Refunded, Refund | RefundUpdate)   => Row::leads(&[Refunded]).flagged(F::OverRefund),
        (Refunded, Void)                    => Row::refuses(VoidAfterFullSettle),
        (Refunded, Chargeback)              => Row::leads(&[Refunded]).flagged(F::DoubleCreditRisk),
        (Refunded, Link)                    => Row::leads(&[Refunded]),

        (Voided, Authorize)                 => Row::refuses(AuthorizeAfterVoid),
        (Voided, Settle | SettleUpdate)     => Row::leads(&[RemainderVoided, Voided]).flagged(F::SettleAfterVoid),
        (Voided, Refund | RefundUpdate)     => Row::leads(&[Voided]).flagged(F::RefundBeforeSettle),
        (Voided, Void)                      => Row::refuses(AlreadyVoided),
        (Voided, Chargeback)                => Row::leads(&[Voided]).flagged(F::ChargebackWithoutSettle),
        (Voided, Link)                      => Row::leads(&[Voided]),

        (RemainderVoided, Authorize)        => Row::refuses(AuthorizeAfterVoid),
        (RemainderVoided, Settle)           => Row::leads(&[RemainderVoided]).flagged(F::SettleAfterVoid),
        (RemainderVoided, SettleUpdate)     => Row::leads(&[RemainderVoided, Voided]).flagged(F::SettleAfterVoid),
        (RemainderVoided, Refund | RefundUpdate) => Row::leads(&[RemainderVoided]),
        (RemainderVoided, Void)             => Row::refuses(AlreadyVoided),
        (RemainderVoided, Chargeback)       => Row::leads(&[RemainderVoided]),
        (RemainderVoided, Link)             => Row::leads(&[RemainderVoided]),

        (Disputed, Authorize)               => Row::leads(&[Disputed]), // as without the chargeback
        (Disputed, Settle | SettleUpdate)   => Row::leads(&[Disputed]).flagged(F::SettleDuringChargeback),
        (Disputed, Refund | RefundUpdate)   => Row::leads(&[Disputed]).flagged(F::DoubleCreditRisk),
        (Disputed, Void)                    => Row::refuses(VoidDuringChargeback),
        (Disputed, Chargeback)              => Row::leads(&[Disputed]),
        (Disputed, ChargebackReversal)      => Row::leads(&[Disputed]), // above what is open: reversal_exceeds_chargeback
        (Disputed, Link)                    => Row::leads(&[Disputed]),

        // After its deadline: reversal_exceeds_chargeback.
        (_, ChargebackReversal)             => Row::parks("chargeback"),
    }
}

/// What a report does to an operation in a state, `None` before the first report of it. The order
/// is by how far the operation is, since the lender's times are those of its webhooks.
///
/// Source: DOMAIN 3.4.
#[rustfmt::skip] // It is a table.
pub const fn progress(known: Option<OperationState>, form: Form, said: OperationState) -> Progress {
    use {Form::*, OperationState::*, Progress::*};
    match (known, form, said) {
        (None, Created, _)                        => Leads(None),
        (None, Updated, _)                        => Leads(Some(Flag::CreationUnseen)), // until the creation is known

        (Some(Pending), _, Pending)               => Duplicate,
        (Some(Pending), _, Accepted | Completed | Failure) => Leads(None),

        (Some(Accepted), _, Pending)              => Stale,
        (Some(Accepted), _, Accepted)             => Duplicate,
        (Some(Accepted), _, Completed | Failure)  => Leads(None),

        (Some(Completed), _, Pending | Accepted)  => Stale,
        (Some(Completed), _, Completed)           => Duplicate,
        (Some(Completed), _, Failure)             => Refuses(Refusal::TerminalConflict),

        (Some(Failure), _, Pending | Accepted)    => Stale,
        (Some(Failure), _, Completed)             => Refuses(Refusal::TerminalConflict),
        (Some(Failure), _, Failure)               => Duplicate,
    }
}

/// The table of the charge as edges, ready to be drawn.
pub fn machine() -> Machine {
    let edges = Situation::ALL.into_iter().flat_map(|from| {
        Kind::ALL.into_iter().map(move |kind| {
            Edge::of(from.name(), kind.name(), row(from, kind), |to| to.name().to_owned())
        })
    });
    Machine { name: "charge", edges: edges.collect() }
}

/// The table of one operation as edges, ready to be drawn. What is reported by its creation and by
/// an update differs only before the first report.
pub fn operation_machine() -> Machine {
    let created = ("unknown", None, Form::Created);
    let updated = ("creation_unseen", None, Form::Updated);
    let known = OperationState::ALL.map(|state| (state.name(), Some(state), Form::Updated));
    let edges = [created, updated].into_iter().chain(known).flat_map(|(from, state, form)| {
        OperationState::ALL.into_iter().map(move |said| {
            let effect = match progress(state, form, said) {
                Progress::Leads(flag) => Effect::Leads(vec![said.name().to_owned()], flag),
                Progress::Duplicate => Effect::Keeps("duplicate"),
                Progress::Stale => Effect::Keeps("stale"),
                Progress::Refuses(refusal) => Effect::Refuses(refusal),
            };
            Edge { from: from.to_owned(), kind: said.name(), effect }
        })
    });
    Machine { name: "charge-operation", edges: edges.collect() }
}
