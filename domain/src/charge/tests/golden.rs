//! The golden sequences G32 to G34. Totals are settled/refunded/charged back/of that reversed/net.

use crate::{
    charge::ChargeFact,
    testing::{Told, charge::*, given, hours, orders},
    *,
};

fn a_whole_life() -> [Told<ChargeFact>; 7] {
    [
        authorized(10_000).at(1),
        settle("s", 60_00, "pending").at(2),
        settle_update("s", 60_00, "completed").at(3),
        settle_update("s", 60_00, "accepted").at(4),
        refund("r", 20_00, "completed").at(5),
        chargeback("c", 40_00).at(6),
        reversal("v", 40_00).at(7),
    ]
}

#[test]
fn g32_a_charge_is_settled_refunded_charged_back_and_the_chargeback_reversed() {
    let [authorization, pending, completed, late, back, dispute, undone] = a_whole_life();
    given([authorization])
        .then_applied()
        .then_status("authorized")
        .then_room(10_000, 0)
        .then_possible(["settle", "void"])
        .when(pending)
        .then_applied()
        .then_events(["OperationCreated"])
        .then_status("authorized")
        .then_room(40_00, 0)
        .when(completed)
        .then_applied()
        .then_events(["OperationAdvanced"])
        .then_status("partially_settled")
        .then_room(40_00, 60_00)
        .when(late)
        .then_stale()
        .then_events(["StepStale"])
        .when(back)
        .then_applied()
        .then_status("partially_settled_partially_refunded")
        .then_room(40_00, 40_00)
        .then_possible(["settle", "refund", "void"])
        .when(dispute)
        .then_applied()
        .then_totals("6000/2000/4000/0/0")
        .then_status("charged_back")
        .then_room(40_00, 0)
        .then_possible([])
        .when(undone)
        .then_applied()
        .then_totals("6000/2000/4000/4000/4000")
        .then_status("partially_settled_partially_refunded")
        .then_operations(["settle s 6000 completed", "refund r 2000 completed"])
        .then_chargebacks(["c 4000-4000"]);
}

#[test]
fn g32_ends_the_same_in_all_orders_whether_the_authorization_comes_first_or_last() {
    let [authorization, rest @ ..] = a_whole_life();
    let orders = orders(&rest);
    assert_eq!(orders.len(), 720);
    for order in orders {
        let (first, last) = ([authorization.clone()], [authorization.clone()]);
        for history in [given(first).given(order.clone()), given([]).given(order).given(last)] {
            history
                .then_all(["A", "A", "A", "S", "A", "A", "A"])
                .then_totals("6000/2000/4000/4000/4000");
        }
    }
}

#[test]
fn g33_a_reversal_that_came_first_waits_for_its_chargeback() {
    for at in [1, 3] {
        given([authorized(10_000).at(0), settled(60_00).at(0), reversal("v", 40_00).at(2)])
            .then_parked("chargeback")
            .then_totals("6000/0/0/0/6000")
            .when(chargeback("c", 40_00).at(at))
            .then_applied()
            .then_revised("chargeback_reversal@2", "P(chargeback) → A")
            .then_totals("6000/0/4000/4000/6000");
    }
}

#[test]
fn g34_a_settle_that_is_completed_cannot_fail() {
    given([authorized(10_000), settle("s", 60_00, "pending")])
        .when(settle_update("s", 60_00, "completed"))
        .when(settle_update("s", 60_00, "failure"))
        .then_refused(Refusal::TerminalConflict)
        .then_totals("6000/0/0/0/6000");
}

#[test]
fn each_webhook_delivered_three_times_counts_once() {
    let mut history = given(a_whole_life());
    for repeated in a_whole_life().into_iter().chain(a_whole_life()) {
        history = history.when(repeated).then_nothing();
    }
    assert_eq!(history.log.len(), 7);
    history.then_totals("6000/2000/4000/4000/4000");
}

#[test]
fn a_charge_of_which_only_a_settle_is_known_has_no_room_and_no_limit() {
    given([settled(60_00).at(2)])
        .then_flagged(Flag::AuthorizationUnseen)
        .then_status("settled")
        .then_room(0, 60_00)
        .when(authorized(10_000).at(hours(1).as_mins()))
        .then_applied()
        .then_revised("settle@2", "A!authorization_unseen → A")
        .then_status("partially_settled")
        .then_room(40_00, 60_00);
}
