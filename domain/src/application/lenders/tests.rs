//! The table of a lender's track, confirmations, the board, twins, and what is to be done.

mod actions;
mod board;
mod confirming;
mod table;
mod twins;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::{
    application::{
        Action, ActionKind, ApplicationFact, Decision,
        lenders::{Kind, Overall, Report, Report::*, Status, lifecycle::row},
    },
    machine::Row,
    testing::{History, Told, given, hours, lenders::*, minute, orders, receipt, under},
    *,
};

type Situation = fn() -> History<ApplicationFact>;

const NONE: Situation = || given([begun()]);
const PREQUALIFIED: Situation = || given([begun(), lender("a", prequalified(1000))]);
const REVIEWING: Situation = || given([begun(), lender("a", reviewing("r"))]);
const CONSUMER: Situation = || given([begun(), lender("a", consumer_required("r"))]);
const MERCHANT: Situation = || given([begun(), lender("a", merchant_required("r"))]);
const APPROVED: Situation = || given([begun(), lender("a", approved_for(1000))]);
const DECLINED: Situation = || given([begun(), lender("a", Declined)]);
const CANCELLED: Situation = || given([begun(), lender("a", Cancelled)]);
const CONFIRMED: Situation =
    || given([begun(), lender("a", approved_for(1000)), lender("a", confirmed(1000, "t"))]);

const SITUATIONS: [Situation; 9] =
    [NONE, PREQUALIFIED, REVIEWING, CONSUMER, MERCHANT, APPROVED, DECLINED, CANCELLED, CONFIRMED];

const FINAL: &str = "R!track_terminal";

fn days(count: i64) -> SignedDuration {
    hours(24 * count)
}
