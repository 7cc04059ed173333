//! The golden sequences G30 and G31: confirmations, charges, and cancellations after them.

use super::*;

#[test]
fn g30_a_waterfall_ends_confirmed() {
    given([begun()])
        .then_events(["ApplicationStarted"])
        .then_board("started", &[])
        .when(lender("l1", prequalified(100_010)))
        .then_events(["LenderPrequalified"])
        .when(lender("l2", Declined))
        .then_events(["LenderDeclined"])
        .then_board("prequalified", &[("l1", "prequalified", 100_010), ("l2", "declined", 0)])
        .when(lender("l1", approved_for(90_000)))
        .then_events(["LenderApproved"])
        .when(lender("l1", approved_for(90_000)).of_account("consumer-1").with_reference("ref"))
        .then_duplicate()
        .then_events(["IdentityEnriched"])
        .when(lender("l1", confirmed(90_000, "t")))
        .then_applied()
        .then_events(["ApplicationConfirmed"])
        .then_board("confirmed", &[("l1", "confirmed", 90_000), ("l2", "declined", 0)])
        .then_party(Some("consumer-1"))
        .then_ids("l1", [Some("ref"), None, None]);
}

#[test]
fn g30_ends_the_same_in_every_order_of_arrival() {
    let steps = [
        lender("l1", prequalified(100_010)).at(2),
        lender("l2", Declined).at(3),
        lender("l1", approved_for(90_000)).at(4),
        lender("l1", approved_for(90_000)).of_account("consumer-1").with_reference("ref").at(5),
        lender("l1", confirmed(90_000, "t")).at(6),
    ];
    for order in orders(&steps) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "D", "A"])
            .then_board("confirmed", &[("l1", "confirmed", 90_000), ("l2", "declined", 0)])
            .then_party(Some("consumer-1"))
            .then_ids("l1", [Some("ref"), None, None]);
    }
}

#[test]
fn g31_a_confirmation_counts_once_by_its_token_under_either_name() {
    let checkout = lender("a", confirmed(1000, "t"));
    let mut apply = checkout.clone();
    rename(&mut apply);
    for [first, second] in [[&checkout, &apply], [&apply, &checkout], [&checkout, &checkout]] {
        given([lender("a", approved_for(1000)), first.clone(), second.clone()])
            .then_all(["A", "A", "D"])
            .then_events(["StepDuplicate"])
            .then_actions(["create_charge"]);
    }
}

/// The other of the two names that are printed for a confirmation.
fn rename(told: &mut Told<ApplicationFact>) {
    use crate::application::{Statement, lenders};
    if let Statement::Lenders(lenders::Statement::Reported(said)) = &mut told.fact.statement
        && let Confirmed(confirmation) = &mut said.report
    {
        confirmation.flow = lenders::Flow::Apply;
    }
}

#[test]
fn a_confirmation_without_a_token_is_told_by_its_amount() {
    APPROVED()
        .when(lender("a", confirmed_without_token(1000)))
        .then_applied()
        .when(lender("a", confirmed_without_token(1000)))
        .then_duplicate()
        .when(lender("a", confirmed_without_token(800)))
        .then_flagged(Flag::SecondConfirmation)
        .then_board("confirmed", &[("a", "confirmed", 800)]);
}

#[test]
fn a_second_confirmation_stands_beside_the_first() {
    let history = CONFIRMED()
        .when(lender("a", confirmed(700, "u")))
        .then_flagged(Flag::SecondConfirmation)
        .then_actions(["create_charge", "create_charge"])
        .then_board("confirmed", &[("a", "confirmed", 700)]);
    let state = history.lenders();
    assert_eq!((state.tracks["a"].tokens.len(), state.confirmed_at), (2, Some(minute(3))));
    history
        .when(lender("a", confirmed(1000, "t")))
        .then_duplicate()
        .when(charge_created("c"))
        .then_events(["ChargeCreated"])
        .then_actions(["create_charge (done)", "create_charge (done)"]);
}

#[test]
fn several_lenders_may_be_confirmed_and_the_second_is_flagged() {
    let steps = [lender("a", confirmed(5, "t")).at(1), lender("b", confirmed(6, "u")).at(2)];
    for order in orders(&steps) {
        under(Policies::default())
            .given(order)
            .then_all([
                "A!confirm_without_approval",
                "A!confirm_without_approval!multiple_confirmed_lenders",
            ])
            .then_board("confirmed", &[("a", "confirmed", 5), ("b", "confirmed", 6)])
            .then_actions(["create_charge", "create_charge"]);
    }
}

#[test]
fn a_confirmation_after_the_other_lender_cancelled_is_the_only_one() {
    given([lender("a", approved_for(5)), lender("b", approved_for(6))])
        .when(lender("a", confirmed(5, "t")))
        .when(lender("a", Cancelled))
        .then_flagged(Flag::CancelledAfterConfirm)
        .when(lender("b", confirmed(6, "u")))
        .then_applied()
        .then_board("confirmed", &[("a", "cancelled", 5), ("b", "confirmed", 6)])
        .then_actions(["create_charge (settled)", "create_charge"]);
}

#[test]
fn a_cancellation_after_a_charge_is_refused_whichever_came_first() {
    let steps = [
        lender("a", approved_for(5)).at(1),
        lender("a", confirmed(5, "t")).at(2),
        charge_created("c").at(3),
        lender("a", Cancelled).at(4),
    ];
    for order in orders(&steps) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "R!cancelled_after_charge"])
            .then_board("confirmed", &[("a", "confirmed", 5)]);
    }
}

#[test]
fn a_cancellation_before_the_charge_counts() {
    CONFIRMED()
        .when(lender("a", Cancelled).at(4))
        .when(charge_created("c").at(5))
        .the("cancel@4")
        .then_flagged(Flag::CancelledAfterConfirm)
        .then_board("cancelled_by_all_known", &[("a", "cancelled", 1000)])
        .then_actions(["create_charge (done)"]);
}

#[test]
fn a_lender_that_is_not_confirmed_may_cancel_after_a_charge_with_another() {
    CONFIRMED()
        .when(charge_created("c"))
        .when(lender("b", approved_for(7)))
        .when(lender("b", Cancelled))
        .then_applied();
}

#[test]
fn a_charge_counts_once() {
    let history = CONFIRMED().when(charge_created("c")).when(charge_created("c")).then_duplicate();
    let history = history.when(charge_created("d")).then_applied();
    assert_eq!(history.lenders().charges, ["c", "d"].map(str::to_owned).into());
}
