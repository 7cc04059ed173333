//! What is to be done, and what is flagged when nothing comes.

use super::*;

#[test]
#[rustfmt::skip] // It is a table.
fn each_report_settles_what_the_lender_waited_for_and_asks_for_the_next() {
    let (consumer, merchant) = ("consumer_action (settled)", "merchant_action (settled)");
    CONSUMER().then_events(["ConsumerActionRequired"]).then_actions(["consumer_action"]);
    MERCHANT().then_events(["MerchantActionRequired"]).then_actions(["merchant_action"]);
    CONFIRMED().then_actions(["create_charge"]);
    for quiet in [NONE, PREQUALIFIED, REVIEWING, APPROVED, DECLINED, CANCELLED] {
        quiet().then_actions([]);
    }
    for report in [prequalified(5), reviewing("s"), approved_for(5), Declined, Cancelled] {
        CONSUMER().when(lender("a", report.clone())).then_actions([consumer]);
        MERCHANT().when(lender("a", report)).then_actions([merchant]);
    }
    CONSUMER().when(lender("a", consumer_required("s"))).then_actions([consumer, "consumer_action"]);
    CONSUMER().when(lender("a", merchant_required("r"))).then_actions([consumer, "merchant_action"]);
    MERCHANT().when(lender("a", confirmed(5, "t"))).then_actions([merchant, "create_charge"]);
    CONSUMER().when(lender("a", consumer_required("r"))).then_duplicate().then_actions(["consumer_action"]);
    CONFIRMED().when(lender("a", Cancelled)).then_actions(["create_charge (settled)"]);
}

#[test]
fn what_one_lender_reports_settles_nothing_of_another() {
    CONSUMER()
        .when(lender("b", consumer_required("s")))
        .when(lender("b", Declined))
        .then_actions(["consumer_action", "consumer_action (settled)"]);
}

#[test]
fn an_action_names_lender_reason_token_and_day() {
    let history = given([lender("a", confirmed(5, "t")).at(1)]);
    let state = history.lenders();
    let [Action { lender_id, secret, due_at, reason, .. }] = state.actions.all() else {
        panic!("{:?}", state.actions)
    };
    assert_eq!((lender_id.as_deref(), reason), (Some("a"), &None));
    assert_eq!(*due_at, Some(minute(1) + days(7)));
    // Whether it is unused is reckoned from the receipt.
    assert_eq!(history.journal.deadlines(&Policies::default())[0].1, receipt() + days(7));
    assert_eq!(*secret, Some(state.tracks["a"].tokens[0]));
    CONSUMER().then_asked("require_consumer@2", ActionKind::ConsumerAction, "r");
    MERCHANT().then_asked("require_merchant@2", ActionKind::MerchantAction, "r");
}

#[test]
fn the_partner_does_what_is_to_be_done_once() {
    let history = CONSUMER()
        .done("require_consumer@2")
        .then_applied()
        .then_events(["ActionDone"])
        .then_actions(["consumer_action (done)"])
        .done("require_consumer@2");
    assert_eq!(history.refusal().map(CommandRefusal::code), Some("already_closed"));
}

#[test]
fn what_was_done_stays_done_whatever_late_reports_settle_it() {
    for late in [reviewing("s"), approved_for(5), Declined, Cancelled] {
        // It was done in minute 6, which is when the partner knew of nothing else.
        let history = given([lender("a", merchant_required("r")).at(1), begun().at(5)])
            .done("require_merchant@1")
            .when(lender("a", late).at(3))
            .then_all(["A", "A", "A", "A"])
            .then_actions(["merchant_action (done)"]);
        let state = history.lenders();
        let closed = state.actions.all()[0].closed.unwrap();
        assert_eq!((closed.by, closed.at), (history.the_step("close_action@6"), minute(6)));
        let history = history.done("require_merchant@1");
        assert_eq!(history.refusal().map(CommandRefusal::code), Some("already_closed"));
    }
}

#[test]
fn what_had_fallen_away_is_done_if_the_partner_did_it() {
    CONSUMER()
        .when(lender("a", Declined))
        .then_actions(["consumer_action (settled)"])
        .done("require_consumer@2")
        .then_applied()
        .then_actions(["consumer_action (done)"]);
}

#[test]
fn what_was_done_is_refused_in_the_end_if_nobody_had_to_do_it() {
    let done = || {
        given([lender("a", consumer_required("r")).at(2)]).done("require_consumer@2").then_applied()
    };
    done()
        .resolved("require_consumer@2", "discard")
        .then_revised("close_action@3", "A → R!already_closed")
        .then_actions([]);
    // The track had ended before, so the lender waited for nobody.
    done()
        .when(lender("a", Declined).at(1))
        .then_revised("close_action@3", "A → R!already_closed")
        .then_actions([]);
}

#[test]
fn an_application_is_stale_after_a_month_of_silence_until_something_comes() {
    // All happened days before it was received.
    for (before, last) in [
        (given([]), begun()),
        (given([]), registered("order-1")),
        (given([]), lender("a", prequalified(5))),
        (given([]), lender("a", approved_for(5))),
        (given([lender("a", Declined)]), lender("b", consumer_required("r"))),
    ] {
        let silent = before.later(days(2)).when(last);
        let key = silent.entry().step.key.clone();
        silent
            .after(days(32) - SignedDuration::from_nanos(1))
            .then_nothing()
            .after(days(32))
            .then_events(["DeadlinePassed", "OutcomeRevised"])
            .then_flagged(Flag::ApplicationStale)
            .after(days(300))
            .then_nothing()
            .when(lender("c", reviewing("r")))
            .then_revised(&key, "A!application_stale → A")
            .then_applied();
    }
}

#[test]
fn an_application_that_has_ended_is_not_stale() {
    for ended in [DECLINED, CANCELLED] {
        ended().after(days(1000)).then_nothing();
    }
    CONFIRMED().when(charge_created("c")).after(days(1000)).then_nothing();
}

#[test]
fn a_confirmation_without_a_charge_is_flagged_after_a_week_until_one_is_created() {
    given([lender("a", approved_for(5))])
        .later(days(2))
        .when(lender("a", confirmed(5, "t")).key("k"))
        .after(days(9) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(9))
        .then_flagged(Flag::TokenUnused)
        .when(charge_created("c"))
        .then_revised("k", "A!token_unused → A")
        .after(days(100))
        .then_nothing();
}

#[test]
fn what_is_delivered_long_after_it_happened_is_not_silent_at_once() {
    let old = "2024-02-27T18:00:00Z";
    for (step, silence) in [(begun(), days(30)), (lender("a", confirmed(5, "t")), days(7))] {
        given([step.dated(old)]).after(silence - SignedDuration::from_nanos(1)).then_nothing();
    }
}

#[test]
fn each_of_several_unused_confirmations_is_flagged() {
    let history = CONFIRMED().when(lender("a", confirmed(9, "u"))).after(days(8));
    history
        .then_all(["A", "A", "A!token_unused", "A!second_confirmation!token_unused"])
        .done("confirm@3")
        .then_all(["A", "A", "A", "A!second_confirmation!token_unused", "A"]);
}

#[test]
fn how_long_it_may_take_is_a_setting() {
    let policies = Policies {
        application_stale_after: days(1),
        token_unused_after: days(2),
        ..Policies::default()
    };
    under(policies.clone())
        .given([begun()])
        .after(days(1) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(1))
        .then_flagged(Flag::ApplicationStale);
    under(policies)
        .given([lender("a", approved_for(5))])
        .later(days(1))
        .when(lender("a", confirmed(5, "t")))
        .after(days(3) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(3))
        .then_flagged(Flag::TokenUnused);
}
