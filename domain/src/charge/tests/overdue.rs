//! What takes longer than usual.

use crate::{
    testing::{charge::*, given, hours},
    *,
};

/// What passes from the first receipt until so many days after that of a further step, by its
/// place: they are received a second apart.
fn days_after(days: i64, place: i64) -> jiff::SignedDuration {
    hours(24 * days) + jiff::SignedDuration::from_secs(place)
}

#[test]
fn an_operation_that_has_not_ended_is_stuck_after_three_days() {
    for word in ["pending", "accepted"] {
        given([authorized(50).at(0), settle("s", 20, word).at(1)])
            .after(days_after(3, 0))
            .then_nothing()
            .after(days_after(3, 1))
            .then_flagged(Flag::OperationStuck)
            .when(settle_update("s", 20, "completed"))
            .then_revised("settle@1", "A!operation_stuck → A");
    }
    for word in ["completed", "failure"] {
        given([authorized(50).at(0), settled(5).at(1), settle("s", 20, word).at(1)])
            .after(days_after(20, 1))
            .then_nothing();
    }
}

#[test]
fn its_newest_step_tells_since_when() {
    given([authorized(50).at(0), refund("r", 20, "pending").at(1)])
        .when(refund_update("r", 20, "accepted").at(60))
        .after(days_after(3, 1))
        .then_nothing()
        .after(days_after(3, 2))
        .the("refund_update@60")
        .then("A!operation_stuck");
}

#[test]
fn a_charge_that_is_not_settled_within_30_days_is_told_of() {
    given([authorized(50).at(0)])
        .after(days_after(30, -1))
        .then_nothing()
        .after(days_after(30, 0))
        .then_flagged(Flag::ChargeUnsettled)
        .when(settled(20))
        .then_revised("authorize@0", "A!charge_unsettled → A");
    for ended in [void(), settled(5)] {
        given([authorized(50).at(0), ended]).after(days_after(100, 0)).then_nothing();
    }
}
