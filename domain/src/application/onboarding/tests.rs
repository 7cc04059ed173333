//! The table of the onboarding, its golden sequences, what waits, what is to be done, and what is
//! flagged when nothing comes.

mod actions;
mod golden;
mod silence;
mod table;
mod waiting;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::{
    application::{
        ActionKind, ApplicationFact, Decision,
        action::Owner,
        onboarding::{Class, FailureCode, Kind, RejectReason, Status, lifecycle::row},
    },
    machine::Row,
    testing::{History, Told, given, hours, minute, onboarding::*, orders, receipt, under},
    *,
};

type Situation = fn() -> History<ApplicationFact>;

const NONE: Situation = || given([]);
const SUBMITTED: Situation = || given([submitted()]);
const AWAITING: Situation = || given([submitted(), opened("u")]);
const SIGNED: Situation = || given([submitted(), opened("u"), signed()]);
const COMPLETED: Situation = || given([submitted(), opened("u"), signed(), completed("e")]);
const REJECTED: Situation = || given([submitted(), declined("KYC_DENIAL")]);
const FOR_CREDIT: Situation = || given([submitted(), declined("CREDIT_SCORING_DENIAL")]);
const FAILED: Situation = || given([submitted(), failed("TIMEOUT")]);

const SITUATIONS: [Situation; 7] =
    [SUBMITTED, AWAITING, SIGNED, COMPLETED, REJECTED, FOR_CREDIT, FAILED];
const REMEDIABLE: [&str; 5] =
    ["KYC_DENIAL", "KYB_DENIAL", "UNAUTHORIZED_SIGNATORY", "INVALID_DOCUMENTS", "NOT_LISTED"];

fn credit() -> Told<ApplicationFact> {
    declined("CREDIT_SCORING_DENIAL")
}

fn days(count: i64) -> SignedDuration {
    hours(24 * count)
}
