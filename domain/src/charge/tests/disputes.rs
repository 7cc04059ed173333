//! Chargebacks and their reversals.

use crate::{
    charge::ChargeFact,
    testing::{History, charge::*, given, hours, minute, orders, receipt, under},
    *,
};

fn settled_charge() -> History<ChargeFact> {
    given([authorized(100).at(0), settled(100).at(0)])
}

#[test]
fn a_reversal_belongs_to_the_oldest_open_chargeback_of_its_amount() {
    settled_charge()
        .when(chargeback("a", 30))
        .when(chargeback("b", 20))
        .when(chargeback("c", 20))
        .when(reversal("v", 20))
        .then_chargebacks(["a 30-0", "b 20-20", "c 20-0"])
        .when(reversal("w", 20))
        .then_chargebacks(["a 30-0", "b 20-20", "c 20-20"]);
}

#[test]
fn a_reversal_of_another_amount_is_taken_from_what_is_open_oldest_first() {
    settled_charge()
        .when(chargeback("a", 30))
        .when(chargeback("b", 20))
        .when(reversal("v", 40))
        .then_applied()
        .then_chargebacks(["a 30-30", "b 20-10"])
        .then_totals("100/0/50/40/90");
}

#[test]
fn reversals_never_exceed_the_chargebacks() {
    settled_charge()
        .when(chargeback("c", 30))
        .when(reversal("v", 20))
        .then_applied()
        .when(reversal("w", 20))
        .then_refused(Refusal::ReversalExceedsChargeback)
        .then_totals("100/0/30/20/90")
        .when(chargeback("d", 10))
        .then_revised("chargeback_reversal@3", "R!reversal_exceeds_chargeback → A")
        .then_totals("100/0/40/40/100");
}

#[test]
fn what_a_person_insists_on_does_not_exceed_them_either() {
    settled_charge()
        .when(chargeback("c", 30))
        .when(reversal("v", 40))
        .then_refused(Refusal::ReversalExceedsChargeback)
        .resolved("chargeback_reversal@2", "apply")
        .then_applied()
        .then_totals("100/0/30/30/100");
    // What counts already stays.
    settled_charge()
        .when(chargeback("c", 30))
        .when(reversal("v", 10))
        .when(reversal("w", 25))
        .then_refused(Refusal::ReversalExceedsChargeback)
        .resolved("chargeback_reversal@3", "apply")
        .then_applied()
        .then_totals("100/0/30/30/100");
    settled_charge()
        .when(chargeback("c", 30))
        .when(reversal("v", 30))
        .when(chargeback("c", 20))
        .then_refused(Refusal::OperationAmountConflict)
        .resolved("chargeback@3", "apply")
        .then_chargebacks(["c 30-30"]);
}

#[test]
fn the_same_again_is_a_duplicate_and_with_another_amount_a_conflict() {
    settled_charge()
        .when(chargeback("c", 30))
        .when(chargeback("c", 30))
        .then_duplicate()
        .when(chargeback("c", 20))
        .then_refused(Refusal::OperationAmountConflict)
        .when(reversal("v", 10))
        .when(reversal("v", 10))
        .then_duplicate()
        .when(reversal("v", 20))
        .then_refused(Refusal::OperationAmountConflict)
        .then_totals("100/0/30/10/80");
    settled_charge().when(reversal("v", 10)).when(reversal("v", 10)).then_duplicate();
}

#[test]
fn a_reversal_waits_for_seven_days_and_is_refused_then() {
    let history = settled_charge().when(reversal("v", 20)).then_parked("chargeback");
    let waits = jiff::SignedDuration::from_secs(2) + hours(7 * 24);
    assert_eq!(history.entry().verdict.deadline, Some(receipt() + waits));
    let refused = history.after(hours(7 * 24)).then_nothing().after(waits);
    refused
        .then_refused(Refusal::ReversalExceedsChargeback)
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .when(chargeback("c", 20))
        .then_revised("chargeback_reversal@1", "R!reversal_exceeds_chargeback → A");
}

#[test]
fn a_chargeback_that_is_dated_too_long_after_is_none_of_the_reversal() {
    let policies = || Policies { reversal_parked_for: hours(1), ..Policies::default() };
    for (at, totals) in [(60, "100/0/20/20/100"), (61, "100/0/20/0/80")] {
        let known = under(policies()).given([authorized(100).at(0), settled(100).at(0)]);
        known
            .when(reversal("v", 20).dated(&minute(0).to_string()))
            .when(chargeback("c", 20).at(at))
            .then_totals(totals);
    }
}

#[test]
fn one_chargeback_covers_one_reversal_whatever_their_order() {
    let steps = [
        authorized(100).at(0),
        settled(100).at(0),
        reversal("v", 20).at(1),
        reversal("w", 20).at(2),
        chargeback("c", 20).at(3),
    ];
    for order in orders(&steps) {
        given([])
            .given(order)
            .then_all(["A", "A", "A", "P(chargeback)", "A"])
            .then_chargebacks(["c 20-20"]);
    }
}

#[test]
fn a_reversal_ahead_of_its_chargebacks_is_taken_from_them_as_they_come() {
    settled_charge()
        .when(chargeback("a", 10).at(1))
        .when(reversal("v", 40).at(2))
        .then_refused(Refusal::ReversalExceedsChargeback)
        .when(chargeback("b", 20).at(3))
        .when(chargeback("c", 20).at(4))
        .then_revised("chargeback_reversal@2", "R!reversal_exceeds_chargeback → A")
        .then_chargebacks(["a 10-10", "b 20-20", "c 20-10"]);
}

#[test]
fn a_reversal_of_nothing_still_needs_a_chargeback() {
    settled_charge().when(reversal("v", 0)).then_parked("chargeback");
}

#[test]
fn a_settle_after_a_reversal_is_in_order_again() {
    given([authorized(100), settled(40), chargeback("c", 20)])
        .when(settled(10))
        .then_flagged(Flag::SettleDuringChargeback)
        .when(reversal("v", 20))
        .when(settled(20))
        .then_applied()
        .when(void())
        .then_applied();
}
