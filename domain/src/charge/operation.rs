//! The settles and refunds of a charge, and how far each is.

use serde::{Deserialize, Serialize};

use super::{
    fact::{ChargeFact, Form, OperationReport, Report},
    lifecycle::{Progress, progress},
    pairing::OperationKey,
    state::State,
};
use crate::{Money, Place, judge::Item, step::StepId};

/// Which way the money of an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// To the merchant.
    Settle,
    /// Back to the customer.
    Refund,
}

impl OperationKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Settle, Self::Refund];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Refund => "refund",
        }
    }
}

/// How far an operation has come. The order is that of their ranks, where the last two are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// The lender has it.
    Pending,
    /// The lender has accepted it.
    Accepted,
    /// The money has moved. Final.
    Completed,
    /// It failed, and no money moves. Final; a retry is an operation of its own.
    Failure,
}

impl OperationState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Completed, Self::Failure];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Completed => "completed",
            Self::Failure => "failure",
        }
    }

    /// The state that a word of the webhooks or of the lender's API means; `None` for others.
    ///
    /// Source: ChargeAfter, "Post-Sale Webhooks", `state`; the API's states are more, and name the
    /// failure otherwise.
    pub fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "pending" | "scheduled" | "pendingconsumer" | "pendingmerchant" => Some(Self::Pending),
            "accepted" => Some(Self::Accepted),
            "completed" => Some(Self::Completed),
            "failure" | "failed" => Some(Self::Failure),
            _ => None,
        }
    }

    /// How far it is: an operation never goes back.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Accepted => 1,
            Self::Completed | Self::Failure => 2,
        }
    }

    /// Whether it can still change.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Accepted)
    }
}

/// A settle or a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which way the money goes.
    pub kind: OperationKind,
    /// The lender's id of it, if a report named it.
    pub lender_transaction_id: Option<String>,
    /// How much; if it was completed with less than it was created with, that.
    pub amount: Money,
    /// How far it has come.
    pub state: OperationState,
    /// Where it stands among all that will be known.
    place: usize,
    /// The first step that counts, and the newest.
    pub(super) opened_by: StepId,
    pub(super) newest: StepId,
    /// Whether a report of its creation is known.
    pub(super) is_creation_seen: bool,
    /// The step that completed it with less than it was created with.
    pub(super) adjusted_by: Option<StepId>,
}

impl Operation {
    /// What the first step that counts says.
    pub(super) fn opened(key: &OperationKey, report: &OperationReport, step: StepId) -> Self {
        Self {
            kind: report.kind,
            lender_transaction_id: key.lender_transaction_id.clone(),
            amount: report.amount,
            state: report.state,
            place: key.place,
            opened_by: step,
            newest: step,
            is_creation_seen: report.form == Form::Created,
            adjusted_by: None,
        }
    }

    /// Whether a report has another amount than the operation. Only its completion may have less.
    pub(super) fn contradicts(&self, report: &OperationReport) -> bool {
        let (known, said) = (self.amount.minor, report.amount.minor);
        let is_adjusted = match (self.state.is_open(), report.state.is_open()) {
            (true, false) => report.state == OperationState::Completed && said < known,
            (false, true) => self.state == OperationState::Completed && said > known,
            _ => false,
        };
        known != said && !is_adjusted
    }

    /// Takes a further report that counts, or that is behind what is known.
    pub(super) fn take(&mut self, report: &OperationReport, step: StepId, is_applied: bool) {
        self.is_creation_seen |= report.form == Form::Created;
        let (known, said) = (self.amount.minor, report.amount.minor);
        if is_applied && report.state.rank() >= self.state.rank() {
            if self.state.is_open() && !report.state.is_open() && said < known {
                self.adjusted_by = Some(step);
            }
            (self.state, self.amount, self.newest) = (report.state, report.amount, step);
        } else if self.state == OperationState::Completed && said > known {
            self.adjusted_by = Some(self.newest);
        }
    }

    /// Whether it takes up room: it has not failed.
    pub(super) fn counts(&self) -> bool {
        self.state != OperationState::Failure
    }

    const fn is(&self, key: &OperationKey) -> bool {
        self.place == key.place
    }
}

/// The operation of a key among all.
pub(super) fn find<'a>(operations: &'a [Operation], key: &OperationKey) -> Option<&'a Operation> {
    operations.iter().find(|operation| operation.is(key))
}

/// The operation that a step reports of, and how far it is; before its first report that counts, by
/// whether that tells of its creation.
pub(super) fn place(state: &State, item: &Item<'_, ChargeFact>) -> Option<Place> {
    let Report::Operation(report) = &item.fact.report else { return None };
    let key = state.pairing.key_of(item.step.id)?;
    let known = find(&state.operations, &key).map(|operation| operation.state);
    let name = match (known, report.form) {
        (Some(known), _) => known.name(),
        (None, Form::Created) => "unknown",
        (None, Form::Updated) => "creation_unseen",
    };
    let leads = |said: &OperationState| {
        matches!(progress(known, report.form, *said), Progress::Leads(None))
    };
    let of = key.lender_transaction_id.unwrap_or_else(|| format!("#{}", key.place));
    Some(Place {
        machine: "charge-operation",
        of: format!("{} {of}", report.kind.name()),
        state: name.into(),
        kind: report.state.name(),
        legal: OperationState::ALL.into_iter().filter(leads).map(OperationState::name).collect(),
    })
}

/// Takes a report into its operation, which it opens if there is none.
pub(super) fn take(
    operations: &mut Vec<Operation>,
    key: &OperationKey,
    report: &OperationReport,
    step: StepId,
    is_applied: bool,
) {
    match operations.iter_mut().find(|operation| operation.is(key)) {
        Some(operation) => operation.take(report, step, is_applied),
        None if is_applied => operations.push(Operation::opened(key, report, step)),
        None => {}
    }
}
