//! What the order of arrival may change (when it is known), and what it may not (what is known).

use jiff::SignedDuration;

use crate::{
    testing::{given, hours, instant, orders, receipt, transaction::*, under},
    transaction::Status,
    *,
};

#[test]
fn a_superseded_update_is_stale_in_every_order_of_arrival() {
    for order in orders(&[approved(50_00).at(1), updated(80_00).at(2), updated(60_00).at(3)]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "S", "A"])
            .then_totals("6000/0/0/6000");
    }
}

#[test]
fn an_update_older_than_the_approval_is_stale() {
    given([approved(50_00).at(2)])
        .when(updated(80_00).at(1))
        .then_stale()
        .then_events(["StepStale"])
        .then_totals("5000/0/0/5000");
    given([updated(80_00).at(1)])
        .when(approved(50_00).at(2))
        .then_revised("update@1", "P(approve) → S")
        .then_totals("5000/0/0/5000");
}

#[test]
fn an_older_update_that_comes_late_is_stale_and_one_between_others_counts() {
    given([approved(50_00).at(1), updated(60_00).at(4)])
        .when(updated(80_00).at(2))
        .then_stale()
        .when(captured(60_00).at(3))
        .then_applied()
        .then_totals("6000/6000/0/0");
}

#[test]
fn a_late_update_before_the_void_corrects_the_total_and_no_hold_returns() {
    given([approved(50_00).at(1), voided(80_00).at(3)])
        .then_flagged(Flag::VoidAmountMismatch)
        .when(updated(80_00).at(2))
        .then_applied()
        .then_revised("void@3", "A!void_amount_mismatch → A")
        .then_totals("8000/0/0/0");
}

#[test]
fn a_late_void_turns_the_capture_into_a_late_presentment() {
    given([approved(50_00).at(1), captured(50_00).at(3)])
        .when(voided(50_00).at(2))
        .then_applied()
        .then_revised("capture@3", "A → A!late_presentment")
        .then_totals("5000/5000/0/0")
        .then_status(Status::LatePresented);
}

#[test]
fn a_late_capture_before_the_void_is_no_late_presentment() {
    given([approved(50_00).at(1), voided(50_00).at(3)])
        .when(captured(20_00).at(2))
        .then_applied()
        .then_totals("5000/2000/0/0")
        .then_status(Status::CapturedRemainderVoided);
}

#[test]
fn a_late_capture_in_full_makes_the_applied_void_illegal() {
    given([approved(50_00).at(1), voided(50_00).at(3)])
        .when(captured(50_00).at(2))
        .then_applied()
        .then_revised("void@3", "A → R!void_after_full_capture")
        .then_totals("5000/5000/0/0")
        .then_status(Status::Captured);
}

#[test]
fn a_late_approval_settles_all_that_waited_for_it() {
    given([updated(80_00).at(2), captured(20_00).at(3), voided(60_00).at(4)])
        .then_all(["P(approve)", "A!force_capture_provisional", "P(approve)"])
        .when(approved(50_00).at(1))
        .then_all(["A", "A", "A", "A"])
        .then_revised("update@2", "P(approve) → A")
        .then_revised("capture@3", "A!force_capture_provisional → A")
        .then_revised("void@4", "P(approve) → A")
        .then_totals("8000/2000/0/0");
}

#[test]
fn the_earlier_of_two_approvals_counts_whichever_came_first() {
    given([approved(60_00).at(2)])
        .when(approved(50_00).at(1))
        .then_applied()
        .then_revised("approve@2", "A → R!second_approval")
        .then_totals("5000/0/0/5000");
}

#[test]
fn steps_of_one_instant_happen_in_the_order_of_a_normal_history() {
    let at_once =
        [approved(50_00), updated(60_00), captured(20_00), voided(40_00), refunded(20_00)]
            .map(|told| told.at(1));
    for order in orders(&at_once) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A", "A"])
            .then_totals("6000/2000/2000/0");
    }
}

#[test]
fn of_two_contents_under_one_key_the_smaller_amount_counts_whichever_came_first() {
    let contents = [50_00, 50_01].map(|amount| captured(amount).at(2).key("event-2"));
    let [smaller, larger] = contents;
    given([approved(60_00).at(1), smaller.clone()])
        .when(larger.clone())
        .then_refused(Refusal::KeyReused)
        .then_totals("6000/5000/0/1000");
    given([approved(60_00).at(1), larger])
        .when(smaller)
        .then_applied()
        .then_events(["Captured", "OutcomeRevised"])
        .then_all(["A", "A", "R!key_reused"])
        .then_totals("6000/5000/0/1000");
}

#[test]
fn of_two_contents_with_one_key_and_amount_the_smaller_hash_counts() {
    let told = |content| captured(50_00).at(2).key("event-2").content(content);
    for order in [["a", "b"], ["b", "a"]] {
        let history = under(Policies::default())
            .given(order.map(told))
            .then_all(["A!force_capture_provisional", "R!key_reused"]);
        assert_eq!(history.journal.entries()[0].step.content, "a");
    }
}

#[test]
fn a_key_that_was_used_on_another_stream_is_refused() {
    given([approved(50_00)])
        .when(captured(50_00).key_taken_by("transaction/2"))
        .then_refused(Refusal::KeyReused)
        .then_totals("5000/0/0/5000");
}

#[test]
fn identity_is_that_of_the_first_step_in_time_that_can_stand_alone() {
    given([updated(80_00).at(1).in_currency("EUR"), captured(50_00).at(3).in_currency("EUR")])
        .then_all(["P(approve)", "A!force_capture_provisional"])
        .when(approved(50_00).at(2))
        .then_applied()
        .then_all(["R!currency_mismatch", "A", "R!currency_mismatch"])
        .then_totals("5000/0/0/5000");
}

#[test]
fn what_waits_is_judged_again_at_its_deadline_and_not_before() {
    let history = given([updated(80_00)]).then_parked("approve");
    assert_eq!(history.entry().verdict.deadline, Some(receipt() + hours(72)));
    history
        .after(hours(72) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(hours(72))
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .then_revised("update@1", "P(approve) → A!history_gap")
        .then_totals("8000/0/0/8000")
        .after(hours(1000))
        .then_nothing();
}

#[test]
fn the_time_that_a_step_waits_is_a_setting() {
    under(Policies { parked_for: hours(1), ..Policies::default() })
        .given([voided(50_00)])
        .after(hours(1))
        .then_flagged(Flag::HistoryGap);
}

#[test]
fn an_adopted_update_has_no_gap_once_its_approval_has_come() {
    given([updated(80_00).at(2)])
        .after(hours(72))
        .then_flagged(Flag::HistoryGap)
        .when(approved(50_00).at(1))
        .then_applied()
        .then_revised("update@2", "A!history_gap → A")
        .then_totals("8000/0/0/8000");
}

#[test]
fn an_approval_newer_than_an_adopted_update_replaces_its_total() {
    given([updated(80_00).at(1)])
        .after(hours(72))
        .when(approved(50_00).at(2))
        .then_applied()
        .then_revised("update@1", "A!history_gap → S")
        .then_totals("5000/0/0/5000")
        .then_status(Status::Pending);
}

#[test]
fn an_adopted_update_makes_the_void_that_waited_with_it_legal() {
    given([updated(80_00).at(1), voided(80_00).at(2)])
        .after(hours(73))
        .then_all(["A!history_gap", "A"])
        .then_revised("update@1", "P(approve) → A!history_gap")
        .then_revised("void@2", "P(approve) → A")
        .then_totals("8000/0/0/0");
}

#[test]
fn a_step_without_a_time_is_placed_by_its_receipt() {
    for (told, flag) in [
        (captured(50_00).undated(), Flag::TsMissing),
        (captured(50_00).misdated("2025-02-30T01:11:32.358Z"), Flag::TsUnparseable),
    ] {
        let history = given([approved(50_00)]).when(told).then_flagged(flag);
        assert_eq!(history.entry().step.occurred_at, history.entry().step.received_at);
    }
}

#[test]
fn a_time_that_cannot_be_read_is_told_of_whatever_becomes_of_the_step() {
    given([updated(50_00).undated().key("u"), voided(50_00).misdated("yesterday").key("v")])
        .then_all(["P(approve)!ts_missing", "P(approve)!ts_unparseable"])
        .when(approved(60_00).dated("2025-03-02T00:00:01.5Z"))
        .the("u")
        .then("S!ts_missing")
        .when(captured(10_00).undated().in_currency("EUR").key("c"))
        .then("R!currency_mismatch!ts_missing");
}

#[test]
fn the_newest_merchant_that_is_named_is_shown() {
    let history = given([approved(50_00).at(1).at_merchant("5812"), captured(50_00).at(2)])
        .when(updated(50_00).dated("2025-02-27T18:01:30Z").at_merchant("5411"));
    let merchant = history.state().merchant().cloned();
    assert_eq!(merchant.and_then(|merchant| merchant.category_code).as_deref(), Some("5411"));
    assert!(instant("2025-02-27T18:01:30Z") < history.journal.entries()[2].step.occurred_at);
}
