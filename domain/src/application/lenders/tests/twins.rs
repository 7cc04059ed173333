//! The deprecated form of a report, its twin in the other form, and the ids that it tells.

use super::*;

#[test]
#[rustfmt::skip] // It is a table.
fn a_deprecated_report_is_the_twin_of_the_same_dated_about_the_same_time() {
    let twin = |report: Report| lender("a", report).of_account("consumer-1");
    let (same, other) = (1000, 900);
    let table = [
        // the deprecated form   the other form          minutes   verdict of the deprecated one
        (approved_for(same),     approved_for(same),       0,      "D"),
        (approved_for(same),     approved_for(same),      10,      "D"),
        (approved_for(same),     approved_for(same),     -10,      "D"),
        (approved_for(same),     approved_for(other),      1,      "A"),
        (prequalified(same),     prequalified(same),      10,      "D"),
        (prequalified(same),     approved_for(same),       1,      "A"),
        (Reviewing(None),   reviewing("r"),          -9,      "D"),
        (Reviewing(None),   reviewing("r"),           9,      "D"),
        (Reviewing(None),   consumer_required("r"),   1,      "A"),
        (Declined,               Declined,                10,      "D"),
        (Declined,               Declined,               -10,      "D"),
        (Reviewing(None),   reviewing("r"),          11,      "A"),
        (approved_for(same),     approved_for(same),      11,      "A"),
    ];
    for (deprecated, replacing, apart, expected) in table {
        let steps = [twin(deprecated).at(20).key("old"), lender("a", replacing).at(20 + apart).key("new")];
        for order in orders(&steps) {
            under(Policies::default()).given(order).the("old").then(expected);
        }
    }
}

#[test]
fn of_two_that_are_no_twins_the_later_says_nothing_new() {
    let steps = [
        lender("a", approved_for(5)).of_account("consumer-1").at(1).key("old"),
        lender("a", approved_for(5)).at(12).key("new"),
    ];
    for order in orders(&steps) {
        under(Policies::default()).given(order).then_all(["A", "D"]);
    }
}

#[test]
fn twins_are_of_one_lender() {
    given([
        lender("a", approved_for(5)).of_account("consumer-1").at(1).key("a"),
        lender("b", approved_for(5)).at(1).key("b"),
    ])
    .then_all(["A", "A"]);
}

#[test]
fn two_deprecated_reports_are_no_twins() {
    let told = |key| lender("a", prequalified(5)).of_account("consumer-1").key(key);
    given([told("1").at(1), lender("a", approved_for(6)).at(2), told("2").at(3)]).then_all([
        "A",
        "A",
        "A!late_prequalification",
    ]);
}

#[test]
fn how_far_apart_twins_may_be_is_a_setting() {
    under(Policies { twin_window: hours(1), ..Policies::default() })
        .given([lender("a", reviewing("r")).at(1), lender("a", approved_for(5)).at(2)])
        .given([lender("a", Reviewing(None)).of_account("consumer-1").at(61)])
        .then_duplicate()
        .when(lender("a", Reviewing(None)).of_account("consumer-1").at(62))
        .then_flagged(Flag::ReReview);
}

#[test]
fn a_twin_that_came_first_makes_room_when_the_other_comes() {
    given([lender("a", ConsumerRequired(None)).of_account("consumer-1").at(1).key("old")])
        .then_applied()
        .then_actions(["consumer_action"])
        .when(lender("a", consumer_required("sign")).at(3).key("new"))
        .then_applied()
        .then_revised("old", "A → D")
        .then_actions(["consumer_action"])
        .then_asked("new", ActionKind::ConsumerAction, "sign");
}

#[test]
fn a_discarded_report_is_no_twin() {
    given([lender("a", Declined).at(1).key("new")])
        .when(lender("a", Declined).of_account("consumer-1").at(2).key("old"))
        .then_duplicate()
        .resolved("new", "discard")
        .then_revised("old", "D → A")
        .then_board("declined_by_all_known", &[("a", "declined", 0)]);
}

#[test]
fn ids_are_taken_from_every_form_in_every_order_of_arrival() {
    let account = |report| lender("a", report).of_account("consumer-1");
    let steps = [
        lender("a", reviewing("r")).at(1),
        account(Reviewing(None)).with_loan("loan", "link").at(2),
        lender("a", approved_for(5)).at(3),
        account(approved_for(5)).with_reference("ref").at(4),
    ];
    for order in orders(&steps) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "D", "A", "D"])
            .then_ids("a", [Some("ref"), Some("loan"), Some("link")])
            .then_party(Some("consumer-1"));
    }
}

#[test]
fn ids_that_are_known_stay_and_those_of_a_refused_report_are_not_taken() {
    given([lender("a", approved_for(5)).with_reference("first")])
        .when(lender("a", approved_for(6)).with_reference("second"))
        .then_ids("a", [Some("first"), None, None])
        .when(lender("a", Declined))
        .when(lender("a", reviewing("r")).with_loan("loan", "link"))
        .then_refused(Refusal::TrackTerminal)
        .then_ids("a", [Some("first"), None, None]);
}

#[test]
fn a_duplicate_that_tells_of_no_id_enriches_nothing() {
    APPROVED().when(lender("a", approved_for(1000))).then_events(["StepDuplicate"]);
    for told in [
        lender("a", approved_for(1000)).with_reference("ref"),
        lender("a", approved_for(1000)).with_loan("loan", "link"),
        lender("a", approved_for(1000)).of_account("consumer-1"),
    ] {
        APPROVED().when(told).then_duplicate().then_events(["IdentityEnriched"]);
    }
}

#[test]
fn a_report_about_another_customer_is_refused_in_every_order_of_arrival() {
    let reports = [
        lender("a", approved_for(5)).of_account("consumer-1").at(1),
        lender("a", Declined).of_account("consumer-2").at(2),
    ];
    for order in orders(&reports) {
        under(Policies::default())
            .given(order)
            .then_board("approved", &[("a", "approved", 5)])
            .then_party(Some("consumer-1"));
    }
    given([lender("a", approved_for(5)).of_account("consumer-1")])
        .when(lender("b", Declined).of_account("consumer-2").key("other"))
        .then_refused(Refusal::CustomerConflict)
        .resolved("other", "apply")
        .then_board("approved", &[("a", "approved", 5), ("b", "declined", 0)]);
}
