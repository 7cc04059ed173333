//! The golden sequences G18 to G21, and the card that Imprint prints.

use crate::{
    payment_method::Status,
    testing::{given, orders, payment_method::*, under},
    *,
};

#[test]
fn the_printed_card_is_created_active() {
    let history = given([virtual_card("-", "ACTIVE")
        .dated("2025-02-13T19:08:07.000Z")
        .of_design("3b9c1f3e-52a0-44c1-b131-a7ab0099a214")
        .with_tokens(1)])
    .then_applied()
    .then_events(["CardRegistered"])
    .then_status("active");
    let state = history.state();
    assert_eq!(state.design(), Some("3b9c1f3e-52a0-44c1-b131-a7ab0099a214"));
    assert_eq!((state.tokens(), state.created_at()), (1, state.activated_at()));
}

#[test]
fn g18_a_paused_virtual_card_does_not_resume_and_can_be_canceled() {
    given([virtual_card("-", "ACTIVE")])
        .then_applied()
        .when(virtual_card("ACTIVE", "INACTIVE"))
        .then_applied()
        .then_status("inactive/paused")
        .when(virtual_card("INACTIVE", "ACTIVE"))
        .then_refused(Refusal::VirtualResume)
        .then_status("inactive/paused")
        .then_reported_as(Status::Active)
        .when(virtual_card("ACTIVE", "CANCELED"))
        .then_flagged(Flag::PreviousStatusMismatch)
        .then_revised("active@3", "R!virtual_resume → R!virtual_resume, settled")
        .then_status("canceled");
}

#[test]
fn the_next_pause_settles_a_refused_resume() {
    given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE")])
        .when(virtual_card("INACTIVE", "ACTIVE"))
        .then_refused(Refusal::VirtualResume)
        .when(virtual_card("ACTIVE", "INACTIVE"))
        .then_flagged(Flag::PreviousStatusMismatch)
        .the("active@3")
        .then("R!virtual_resume, settled")
        .then_reported_as(Status::Inactive)
        .then_status("inactive/paused");
}

#[test]
fn a_change_of_attributes_settles_no_refused_resume() {
    given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE")])
        .when(virtual_card("INACTIVE", "ACTIVE"))
        .when(virtual_card("-", "-").with_tokens(1))
        .then_applied()
        .the("active@3")
        .then_refused(Refusal::VirtualResume);
}

#[test]
fn a_virtual_card_resumes_where_the_policy_allows_it() {
    under(Policies { virtual_resume: Reaction::Flag, ..Policies::default() })
        .given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE")])
        .when(virtual_card("INACTIVE", "ACTIVE"))
        .then_flagged(Flag::UndocumentedResume)
        .then_status("active")
        .when(virtual_card("ACTIVE", "INACTIVE"))
        .then_applied();
}

#[test]
fn g19_a_physical_card_is_activated_paused_resumed_and_canceled_for_good() {
    let history = given([physical_card("-", "INACTIVE")])
        .then_applied()
        .then_status("inactive/not_yet_activated")
        .when(physical_card("INACTIVE", "ACTIVE"))
        .then_applied()
        .then_status("active")
        .when(physical_card("ACTIVE", "INACTIVE"))
        .then_applied()
        .then_status("inactive/paused")
        .when(physical_card("INACTIVE", "ACTIVE"))
        .then_applied()
        .then_status("active")
        .when(physical_card("ACTIVE", "CANCELED"))
        .then_applied()
        .when(physical_card("CANCELED", "ACTIVE"))
        .then_refused(Refusal::CanceledIsFinal)
        .then_status("canceled");
    let state = history.state();
    let times = history.journal.entries().iter().map(|entry| entry.step.occurred_at);
    let [created, activated, _, _, canceled, _] = times.collect::<Vec<_>>()[..] else {
        panic!("six steps")
    };
    assert_eq!(state.created_at(), Some(created));
    assert_eq!(state.activated_at(), Some(activated));
    assert_eq!(state.canceled_at(), Some(canceled));
}

#[test]
fn g20_a_pause_that_overtook_the_activation_waits_for_it() {
    given([physical_card("-", "INACTIVE").at(1)])
        .when(physical_card("ACTIVE", "INACTIVE").at(3))
        .then_parked("active")
        .then_status("inactive/not_yet_activated")
        .when(physical_card("INACTIVE", "ACTIVE").at(2))
        .then_applied()
        .then_events(["CardActivated", "OutcomeRevised"])
        .then_revised("inactive@3", "P(active) → A")
        .then_status("inactive/paused");
}

#[test]
fn g20_ends_the_same_in_every_order_of_arrival() {
    let steps = [
        physical_card("-", "INACTIVE").at(1),
        physical_card("INACTIVE", "ACTIVE").at(2),
        physical_card("ACTIVE", "INACTIVE").at(3),
        physical_card("INACTIVE", "CANCELED").at(4),
    ];
    for order in orders(&steps) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A"])
            .then_status("canceled");
    }
}

#[test]
fn g21_the_cards_of_a_reissue_stand_each_for_itself() {
    given([virtual_card("-", "ACTIVE").at(1)])
        .when(virtual_card("ACTIVE", "CANCELED").at(5))
        .then_applied()
        .then_status("canceled");
    given([virtual_card("-", "ACTIVE").at(5)]).then_applied().then_status("active");
}

#[test]
fn a_card_delivered_twice_counts_once() {
    given([virtual_card("-", "ACTIVE").at(1)])
        .when(virtual_card("-", "ACTIVE").at(1))
        .then_nothing()
        .then_status("active");
}
