//! What comes late, what waits, and what an operator decides about it.

use jiff::SignedDuration;

use crate::{
    payment_method::Status,
    testing::{given, hours, orders, payment_method::*, receipt, under},
    *,
};

#[test]
fn a_late_creation_settles_all_that_waited_for_it() {
    given([physical_card("ACTIVE", "CANCELED").at(3), physical_card("INACTIVE", "ACTIVE").at(2)])
        .then_all(["P(creation)", "P(creation)"])
        .then_status("unknown")
        .then_reported_as(Status::Canceled)
        .when(physical_card("-", "INACTIVE").at(1))
        .then_applied()
        .then_revised("active@2", "P(creation) → A")
        .then_revised("canceled@3", "P(creation) → A")
        .then_status("canceled");
}

#[test]
fn a_card_that_is_told_of_late_is_adopted_after_three_days() {
    given([physical_card("INACTIVE", "ACTIVE")])
        .after(hours(72) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(hours(72))
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .then_flagged(Flag::HistoryGap)
        .then_status("active");
}

#[test]
fn the_cancellation_of_an_unknown_card_waits_for_a_minute_alone() {
    for previous in ["-", "ACTIVE"] {
        let history = given([virtual_card(previous, "CANCELED")]).then_parked("creation");
        let deadline = receipt() + SignedDuration::from_secs(60);
        assert_eq!(history.entry().verdict.deadline, Some(deadline));
        history
            .after(SignedDuration::from_secs(60))
            .then_flagged(Flag::HistoryGap)
            .then_status("canceled");
    }
}

#[test]
fn the_times_that_reports_wait_are_settings() {
    let policies = Policies {
        parked_for: hours(1),
        unknown_cancel_parked_for: hours(2),
        ..Policies::default()
    };
    under(policies)
        .given([virtual_card("ACTIVE", "CANCELED"), virtual_card("ACTIVE", "INACTIVE").at(9)])
        .after(hours(1) + SignedDuration::from_secs(1))
        .then_all(["P(creation)", "A!history_gap"])
        .after(hours(2))
        .then_all(["A!history_gap", "R!canceled_is_final"]);
}

#[test]
fn a_creation_that_comes_after_the_adoption_closes_the_gap() {
    given([virtual_card("ACTIVE", "INACTIVE").at(2)])
        .after(hours(72))
        .then_flagged(Flag::HistoryGap)
        .when(virtual_card("-", "ACTIVE").at(1))
        .then_applied()
        .then_revised("inactive@2", "A!history_gap → A")
        .then_status("inactive/paused");
}

#[test]
fn a_pause_whose_activation_never_comes_is_adopted() {
    given([physical_card("-", "INACTIVE"), physical_card("ACTIVE", "INACTIVE")])
        .then_parked("active")
        .after(hours(73))
        .then_flagged(Flag::HistoryGap)
        .then_status("inactive/paused");
}

#[test]
fn attributes_of_an_unknown_card_wait_and_do_not_create_it() {
    given([virtual_card("-", "-").with_tokens(1).at(2)])
        .then_parked("creation")
        .after(hours(72))
        .then_flagged(Flag::HistoryGap)
        .then_status("unknown")
        .when(virtual_card("-", "ACTIVE").at(1))
        .then_applied()
        .then_status("active");
}

#[test]
fn a_late_activation_tells_that_the_card_was_active_before() {
    let history = given([physical_card("-", "INACTIVE").at(1)])
        .when(physical_card("INACTIVE", "CANCELED").at(4))
        .then_applied()
        .when(physical_card("INACTIVE", "ACTIVE").at(2))
        .then_applied()
        .then_revised("canceled@4", "A → A!previous_status_mismatch")
        .then_status("canceled");
    let activated_at = history.journal.entries()[1].step.occurred_at;
    assert_eq!(history.state().activated_at(), Some(activated_at));
}

#[test]
fn reports_of_one_instant_lead_from_the_creation_to_the_end() {
    let at_once = [
        physical_card("-", "INACTIVE").key("created"),
        physical_card("INACTIVE", "ACTIVE").key("activated"),
        physical_card("ACTIVE", "INACTIVE").key("paused"),
        physical_card("INACTIVE", "CANCELED").key("canceled"),
    ];
    for order in orders(&at_once.map(|told| told.at(1))) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A"])
            .then_status("canceled");
    }
}

#[test]
fn one_key_with_other_content_is_refused() {
    let told = |count, content| {
        virtual_card("-", "-").with_tokens(count).at(2).key("tokens").content(content)
    };
    for order in orders(&[virtual_card("-", "ACTIVE").at(1), told(1, "a"), told(2, "b")]) {
        let history = under(Policies::default()).given(order).then_all(["A", "A", "R!key_reused"]);
        assert_eq!(history.state().tokens(), 1);
    }
}

#[test]
fn a_refused_resume_that_is_applied_makes_the_card_active() {
    given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE")])
        .when(virtual_card("INACTIVE", "ACTIVE"))
        .then_refused(Refusal::VirtualResume)
        .resolved("active@3", "apply")
        .then_applied()
        .then_events(["OverrideApplied", "OutcomeRevised"])
        .then_status("active")
        .when(virtual_card("ACTIVE", "INACTIVE"))
        .then_applied();
}

#[test]
fn a_discarded_cancellation_never_happened() {
    let history = given([physical_card("-", "INACTIVE"), physical_card("INACTIVE", "CANCELED")])
        .resolved("canceled@2", "discard")
        .then_refused(Refusal::Discarded)
        .then_status("inactive/not_yet_activated")
        .then_reported_as(Status::Inactive);
    assert_eq!(history.state().canceled_at(), None);
}

#[test]
fn a_report_about_a_card_converts_to_nothing_else() {
    let refusal =
        CommandRefusal::ConversionNotPossible { to: "active".to_owned(), possible: Vec::new() };
    given([virtual_card("-", "ACTIVE")])
        .resolved("active@1", "convert to active")
        .then_impossible(refusal);
}
