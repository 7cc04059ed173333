//! The golden sequences G27 to G29, and what the order of arrival and an operator change.

use super::*;

#[test]
fn g27_a_signing_that_overtook_its_session_waits_for_it() {
    given([signed().at(2)])
        .then_parked("open_signing")
        .then_events(["StepParked"])
        .when(opened("u").at(1))
        .then_events(["SigningOpened", "OutcomeRevised"])
        .then_revised("complete_signing@2", "P(open_signing) → A")
        .when(completed("e").at(3))
        .then_applied()
        .then_events(["OnboardingCompleted"])
        .then_status("completed");
}

#[test]
fn g27_ends_completed_in_every_order_of_arrival_and_of_the_clocks() {
    for minutes in orders(&[1, 2, 3]) {
        let [first, second, third] = minutes[..] else { panic!("three steps") };
        let steps = [opened("u").at(first), signed().at(second), completed("e").at(third)];
        for order in orders(&steps) {
            let history = under(Policies::default())
                .given(order)
                .then_all(["A", "A", "A"])
                .then_status("completed");
            let state = history.onboarding();
            let signing = state.signing.as_ref().unwrap();
            assert_eq!(signing.opened_at, Some(minute(first)));
            assert_eq!(signing.completed_at, Some(minute(second)));
            assert_eq!((signing.renewals, signing.url.is_some()), (0, true));
            assert_eq!(state.engagement_id.as_deref(), Some("e"));
            assert!(state.history_gap.is_empty());
            let open = state.actions.all().iter().filter(|action| action.closed.is_none());
            let open: Vec<_> = open.map(|action| action.kind).collect();
            assert_eq!(open, [ActionKind::StoreEngagementId]);
        }
    }
}

#[test]
fn steps_of_one_instant_lead_from_the_session_to_the_end() {
    let at_once = [submitted(), opened("u"), signed(), completed("e")];
    for order in orders(&at_once.map(|told| told.at(1))) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A"])
            .then_status("completed");
    }
}

#[test]
fn steps_without_a_time_are_brought_in_order_by_the_lifecycle() {
    for order in orders(&[opened("u").undated(), signed().undated(), completed("e").undated()]) {
        let dated = order.into_iter().enumerate();
        let dated = dated.map(|(place, told)| told.key(&place.to_string()));
        under(Policies::default()).given(dated).then_status("completed");
    }
}

#[test]
fn g29_an_application_that_failed_is_opened_again_by_a_signing_session() {
    let history = given([submitted(), failed("ADDRESS_MISMATCH")])
        .then_applied()
        .then_events(["OnboardingFailed"])
        .then_actions(["correct_data"])
        .when(opened("u"))
        .then_flagged(Flag::Reopened)
        .then_status("awaiting_signature")
        .then_actions(["correct_data (settled)", "redirect_to_signing"]);
    assert_eq!((history.onboarding().failed, history.onboarding().rejected), (None, None));
}

#[test]
fn a_new_url_voids_the_old_one() {
    let history = given([opened("u"), opened("v")]).then_applied().then_events(["SigningOpened"]);
    let history = history.when(opened("v")).then_duplicate().then_events(["StepDuplicate"]);
    // The lender may sign a repetition anew: the address tells that it is the old session.
    let history = history.when(opened("u")).then_duplicate();
    let state = history.onboarding();
    let [u, v] = state.actions.all() else { panic!("{:?}", state.actions) };
    assert_ne!(u.secret, v.secret);
    let signing = state.signing.as_ref().unwrap();
    assert_eq!((signing.url, signing.renewals), (v.secret, 1));
    assert_eq!(signing.opened_at, Some(v.opened_at));
}

#[test]
fn who_signs_again_has_not_signed_before() {
    let history = SIGNED().when(opened("v")).then_flagged(Flag::ResignRequested);
    assert_eq!(history.onboarding().signing.as_ref().unwrap().completed_at, None);
    history.when(completed("e")).then_parked("complete_signing");
}

#[test]
fn an_approval_shows_by_the_signing_session_alone() {
    use Decision::*;
    let decisions = SITUATIONS.map(|situation| situation().onboarding().decision());
    let expected = [None, Some(Accepted), Some(Accepted), Some(Accepted), Some(Rejected)];
    assert_eq!(decisions, [&expected[..], &[Some(Rejected), None]].concat()[..]);
    assert_eq!(COMPLETED().onboarding().approved_at, Some(minute(2)));
    assert_eq!(REJECTED().onboarding().approved_at, None);
}

#[test]
fn who_it_is_about_is_told_by_the_partner_whenever_it_registers() {
    for order in orders(&[opened("u").at(1), submitted().at(2)]) {
        let history = under(Policies::default()).given(order).then_status("awaiting_signature");
        let state = history.onboarding();
        assert_eq!(state.party().partner_customer_id, Some("partner-1"));
        assert_eq!(state.submitted_at, Some(minute(2)));
    }
}

#[test]
fn a_registration_for_another_customer_is_refused() {
    let mut other = submitted();
    other.fact.partner_customer_id = Some("partner-2".to_owned());
    let history = given([submitted(), opened("u")]).when(other);
    let refusal = history.refusal().map(CommandRefusal::code);
    assert_eq!(refusal, Some(Refusal::CustomerConflict.code()));
    history.then_status("awaiting_signature");
}

#[test]
fn a_step_delivered_twice_counts_once() {
    given([opened("u").at(1)])
        .when(opened("u").at(1))
        .then_nothing()
        .then_status("awaiting_signature");
}

#[test]
fn one_key_with_other_content_is_refused_and_never_makes_the_signing_legal() {
    let sessions = [opened("u").at(2).key("k").content("a"), declined("KYC_DENIAL").at(1).key("k")];
    for order in orders(&sessions) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "R!key_reused"])
            .when(signed().at(3))
            .then_parked("open_signing");
    }
}

#[test]
fn a_discarded_rejection_lets_the_signing_go_on() {
    given([opened("u"), credit(), signed()])
        .then_refused(Refusal::AlreadyRejected)
        .resolved("reject_onboarding@2", "discard")
        .then_revised("complete_signing@3", "R!already_rejected → A")
        .then_status("signed");
}

#[test]
fn a_refused_session_that_is_applied_opens_the_signing() {
    FOR_CREDIT()
        .when(opened("u").key("k"))
        .then_refused(Refusal::AlreadyRejected)
        .resolved("k", "apply")
        .then_applied()
        .then_status("awaiting_signature")
        .when(signed())
        .then_applied();
}
