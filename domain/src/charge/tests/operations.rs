//! Settles and refunds: how far they come, and what their amounts may do.

use crate::{
    charge::OperationState,
    testing::{charge::*, given, orders},
    *,
};

#[test]
fn the_lenders_words_for_a_state_are_those_of_the_webhooks_and_of_the_api() {
    use OperationState::*;
    for (words, state) in [
        (["pending", "Scheduled", "PendingConsumer", "PENDINGMERCHANT"].as_slice(), Some(Pending)),
        (&["accepted", "Accepted"], Some(Accepted)),
        (&["completed", "Completed"], Some(Completed)),
        (&["failure", "Failed", "failed", "Failure"], Some(Failure)),
        (&["", "voided", " pending"], None),
    ] {
        for word in words {
            assert_eq!(OperationState::of(word), state, "{word}");
        }
    }
}

#[test]
fn an_update_before_its_creation_opens_the_operation_and_the_creation_fills_it_in() {
    for (created, creation_is_older, creation_is_newer) in [
        ("pending", ["A", "A", "A"], ["A", "A", "S"]),
        ("accepted", ["A", "A", "D"], ["A", "A", "D"]),
        ("completed", ["A", "A", "S"], ["A", "A", "A"]),
    ] {
        for (at, verdicts) in [(2, creation_is_older), (4, creation_is_newer)] {
            given([authorized(50).at(1), settle_update("s", 20, "accepted").at(3)])
                .then_flagged(Flag::CreationUnseen)
                .when(settle("s", 20, created).at(at))
                .then_all(verdicts);
        }
    }
}

#[test]
fn a_failed_settle_takes_up_no_room_and_its_retry_is_another() {
    given([authorized(50), settle("s", 50, "pending"), settle_update("s", 50, "failure")])
        .then_status("authorized")
        .then_room(50, 0)
        .when(settle("t", 50, "completed"))
        .then_applied()
        .then_operations(["settle s 50 failure", "settle t 50 completed"])
        .then_totals("50/0/0/0/50");
}

#[test]
fn what_was_odd_about_an_operation_is_not_once_it_has_failed() {
    given([authorized(50), void(), settle("s", 50, "pending")])
        .then_flagged(Flag::SettleAfterVoid)
        .when(settle_update("s", 50, "failure"))
        .then_revised("settle@3", "A!settle_after_void → A");
    given([authorized(50), settled(30), settle("s", 30, "pending")])
        .then_flagged(Flag::SettleExceedsAuthorized)
        .when(settle_update("s", 30, "failure"))
        .then_revised("settle@3", "A!settle_exceeds_authorized → A");
    given([authorized(50), settled(30), chargeback("c", 10), refund("r", 5, "pending")])
        .then_flagged(Flag::DoubleCreditRisk)
        .when(refund_update("r", 5, "failure"))
        .then_revised("refund@4", "A!double_credit_risk → A");
}

#[test]
fn limits_are_those_of_all_that_is_known() {
    given([authorized(50), settled(20), refund("r", 30, "pending")])
        .then_flagged(Flag::OverRefund)
        .when(settled(10))
        .then_revised("refund@3", "A!over_refund → A");
    given([authorized(50), refund("r", 20, "pending").at(4)])
        .then_flagged(Flag::RefundBeforeSettle)
        .when(settled(20).at(6))
        .then_revised("refund@4", "A!refund_before_settle → A");
    given([authorized(50), chargeback("c", 20).at(4)])
        .then_flagged(Flag::ChargebackWithoutSettle)
        .when(settled(20).at(3))
        .then_revised("chargeback@4", "A!chargeback_without_settle → A");
    given([authorized(50), settled(50), chargeback("c", 20)])
        .when(refunded(30))
        .then_flagged(Flag::DoubleCreditRisk);
    given([authorized(50), settled(50), refunded(40), chargeback("c", 20)])
        .then_flagged(Flag::DoubleCreditRisk)
        .when(reversal("v", 20))
        .then_revised("chargeback@4", "A!double_credit_risk → A");
}

#[test]
fn an_operation_has_one_amount() {
    for (known, said) in [
        ("pending", "accepted"),
        ("accepted", "failure"),
        ("failure", "failure"),
        ("completed", "completed"),
        ("completed", "failure"),
        ("pending", "pending"),
    ] {
        for other in [19, 21] {
            given([authorized(50), settle("s", 20, known)])
                .when(settle_update("s", other, said))
                .then_refused(Refusal::OperationAmountConflict);
        }
    }
}

#[test]
fn an_operation_may_be_completed_with_less_and_not_with_more() {
    for open in ["pending", "accepted"] {
        let settling = || given([authorized(50), settle("s", 20, open)]);
        settling()
            .when(settle_update("s", 15, "completed"))
            .then_flagged(Flag::AmountAdjusted)
            .then_operations(["settle s 15 completed"])
            .then_totals("15/0/0/0/15")
            .then_room(35, 15)
            .when(settle_update("s", 20, "completed"))
            .then_refused(Refusal::OperationAmountConflict);
        settling()
            .when(settle_update("s", 25, "completed"))
            .then_refused(Refusal::OperationAmountConflict)
            .then_operations([&format!("settle s 20 {open}")]);
    }
}

#[test]
fn the_creation_of_what_was_completed_with_less_may_be_dated_later() {
    given([authorized(50), settle_update("s", 15, "completed")])
        .then_flagged(Flag::CreationUnseen)
        .when(settle("s", 20, "pending"))
        .then_stale()
        .then_revised("settle_update@2", "A!creation_unseen → A!amount_adjusted")
        .then_operations(["settle s 15 completed"])
        .when(settle_update("s", 10, "accepted"))
        .then_refused(Refusal::OperationAmountConflict);
}

#[test]
fn reports_of_one_time_are_judged_by_how_far_they_are() {
    let reports = [
        authorized(50).at(1),
        settle_update("s", 20, "completed").at(1).key("a"),
        settle_update("s", 20, "pending").at(1).key("c"),
        settle_update("s", 20, "accepted").at(1).key("b"),
    ];
    for order in orders(&reports) {
        given([]).given(order).then_all(["A", "A!creation_unseen", "A", "A"]);
    }
}

#[test]
fn one_currency_and_one_customer_to_a_charge() {
    given([authorized(50)])
        .when(settled(20).in_currency("EUR"))
        .then_refused(Refusal::CurrencyMismatch);
    given([authorized(50).of_partners_customer("p")])
        .when(settled(20).of_partners_customer("q"))
        .then_refused(Refusal::CustomerConflict)
        .when(settled(20))
        .then_applied()
        .when(chargeback("c", 20).of_customer("1"))
        .then_applied()
        .when(chargeback("d", 20).of_customer("2"))
        .then_refused(Refusal::CustomerConflict)
        .then_totals("20/0/20/0/0");
}

#[test]
fn what_waits_says_nothing_about_the_currency() {
    given([reversal("v", 20).in_currency("EUR").of_customer("2").at(1)])
        .then_parked("chargeback")
        .when(authorized(50).of_customer("1").at(2))
        .then_applied()
        .then_revised("chargeback_reversal@1", "P(chargeback) → R!currency_mismatch");
}

#[test]
fn a_refused_currency_names_no_operation_and_no_customer() {
    given([authorized(50).of_customer("1")])
        .when(settle("s", 20, "pending").in_currency("EUR").of_customer("2"))
        .then_refused(Refusal::CurrencyMismatch)
        .when(settle("-", 20, "pending"))
        .then_operations(["settle - 20 pending"]);
}

#[test]
fn money_that_went_the_other_way_can_be_converted() {
    given([authorized(50), settled(30), settle("s", 20, "completed")])
        .resolved("settle@3", "convert to refund")
        .then_totals("30/20/0/0/10");
    given([authorized(50), settled(30), chargeback("c", 20), chargeback("v", 20)])
        .resolved("chargeback@4", "convert to chargeback_reversal")
        .then_totals("30/0/20/20/30");
    for (told, possible) in [
        (authorized(50), vec![]),
        (settled(50), vec!["refund"]),
        (refund_update("r", 5, "pending"), vec!["settle_update"]),
        (reversal("v", 5), vec!["chargeback"]),
        (void_by_the_lender(), vec![]),
        (created_for("a"), vec![]),
    ] {
        let key = format!("{}@1", step::Fact::kind(&told.fact));
        let to = "void".to_owned();
        given([told])
            .resolved(&key, "convert to void")
            .then_impossible(CommandRefusal::ConversionNotPossible { to, possible });
    }
}

#[test]
fn a_person_may_insist_that_a_completed_settle_failed() {
    given([authorized(50), settled(30), settle_update("30", 30, "failure")])
        .then_refused(Refusal::TerminalConflict)
        .resolved("settle_update@3", "apply")
        .then_applied()
        .then_operations(["settle 30 30 failure"])
        .then_totals("0/0/0/0/0");
}

#[test]
fn an_operation_never_goes_back_even_if_a_person_insists() {
    given([authorized(50), settled(30), settle_update("30", 30, "accepted")])
        .then_stale()
        .resolved("settle_update@3", "apply")
        .then_applied()
        .then_operations(["settle 30 30 completed"]);
}

#[test]
fn an_operation_that_is_refused_tells_where_it_stands() {
    let history = given([authorized(50), settled(30), settle_update("30", 30, "failure")]);
    let refused = match &history.entry().verdict.outcome {
        Outcome::Refused(refused) => refused,
        other => panic!("{other:?}"),
    };
    assert_eq!((&*refused.state, refused.legal.len()), ("completed", 0));
}

#[test]
fn sums_that_cannot_be_counted_are_shown_as_the_largest() {
    given([authorized(i64::MAX), settled(i64::MAX), settle("t", i64::MAX, "completed")])
        .when(chargeback("c", 1))
        .then_totals(&format!("{0}/0/1/0/{0}", i64::MAX));
}
