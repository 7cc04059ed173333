//! What comes ahead of the step before it, waits for it, and is adopted or refused.

use super::*;

/// In minutes.
const YEAR: i64 = 365 * 24 * 60;

#[test]
#[rustfmt::skip] // It is a table.
fn what_implies_a_missing_step_is_adopted_after_a_quarter_of_an_hour_with_the_gap_named() {
    let quarter = SignedDuration::from_mins(15);
    let (open, sign) = (Kind::OpenSigning, Kind::CompleteSigning);
    let table: [(Situation, _, _, &[Kind]); 5] = [
        (|| given([]),            signed(),       "signed",    &[open]),
        (|| given([]),            completed("e"), "completed", &[open, sign]),
        (|| given([submitted()]), signed(),       "signed",    &[open]),
        (|| given([submitted()]), completed("e"), "completed", &[open, sign]),
        (|| given([opened("u")]), completed("e"), "completed", &[sign]),
    ];
    for (situation, step, status, gap) in table {
        let history = situation().when(step);
        let deadline = history.entry().verdict.deadline.unwrap();
        assert_eq!(deadline, history.entry().step.received_at + quarter);
        let wait = deadline.duration_since(receipt());
        let history = history
            .after(wait - SignedDuration::from_nanos(1))
            .then_nothing()
            .after(wait)
            .then_events(["DeadlinePassed", "OutcomeRevised"])
            .then_flagged(Flag::HistoryGap)
            .then_status(status);
        assert_eq!(history.onboarding().history_gap, gap.iter().copied().collect());
    }
}

#[test]
fn how_long_a_step_waits_is_a_setting() {
    under(Policies { onboarding_parked_for: hours(2), ..Policies::default() })
        .given([signed()])
        .after(hours(2) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(hours(2))
        .then_flagged(Flag::HistoryGap);
}

#[test]
fn a_session_that_comes_after_the_adoption_closes_the_gap_whenever_it_was() {
    for minutes in [1, 2, 3, YEAR] {
        let history = given([signed().at(2)])
            .after(hours(1))
            .then_flagged(Flag::HistoryGap)
            .when(opened("u").at(minutes))
            .then_applied()
            .then_revised("complete_signing@2", "A!history_gap → A")
            .then_status("signed");
        assert_eq!(history.onboarding().history_gap, BTreeSet::new());
    }
}

#[test]
fn a_step_is_ahead_of_the_one_before_it_by_any_time_and_that_fills_in() {
    // However long a step would wait: that tells nothing of how far the clocks are apart.
    let waits = [0, 15, YEAR].map(SignedDuration::from_mins);
    for (later, wait) in [1, 15, 16, YEAR].into_iter().flat_map(|it| waits.map(|wait| (it, wait))) {
        let policies = Policies { onboarding_parked_for: wait, ..Policies::default() };
        let [first, second, third] = [1, 1 + later, 1 + 2 * later];
        for order in orders(&[signed().at(first), opened("u").at(second)]) {
            let history = under(policies.clone()).given(order).then_all(["A", "A"]);
            filled_in(&history.then_status("signed"), second, first);
        }
        let steps = [completed("e").at(first), signed().at(second), opened("u").at(third)];
        for order in orders(&steps) {
            let history = under(policies.clone()).given(order).then_all(["A", "A", "A"]);
            filled_in(&history.then_status("completed"), third, second);
        }
    }
}

/// Nothing is missing, waits, or is opened a second time.
#[track_caller]
fn filled_in(history: &History<ApplicationFact>, opened: i64, signed: i64) {
    let state = history.onboarding();
    let signing = state.signing.as_ref().unwrap();
    assert_eq!(
        (signing.opened_at, signing.completed_at),
        (Some(minute(opened)), Some(minute(signed)))
    );
    assert_eq!((signing.renewals, &state.history_gap), (0, &BTreeSet::new()));
    let open = state.actions.all().iter().filter(|action| action.closed.is_none());
    assert_eq!(open.count(), 1, "{:?}", state.actions);
}

#[test]
fn what_is_known_of_a_history_with_a_gap_fills_in() {
    for order in orders(&[completed("e").at(1), opened("u").at(2)]) {
        let history = under(Policies::default())
            .given(order)
            .after(hours(1))
            .then_all(["A!history_gap", "A"])
            .then_status("completed");
        let state = history.onboarding();
        assert_eq!(state.history_gap, BTreeSet::from([Kind::CompleteSigning]));
        assert_eq!(state.signing.as_ref().unwrap().opened_at, Some(minute(2)));
        history.then_actions(["store_engagement_id"]);
    }
}

#[test]
fn what_an_operator_lets_count_ahead_of_a_missing_step_leaves_a_gap_until_it_comes() {
    let history = given([signed().at(1)])
        .resolved("complete_signing@1", "apply")
        .then_applied()
        .then_status("signed");
    assert_eq!(history.onboarding().history_gap, BTreeSet::from([Kind::OpenSigning]));
    let history = history.when(opened("u").at(60)).then_applied().then_status("signed");
    assert_eq!(history.onboarding().history_gap, BTreeSet::new());
    history
        .when(opened("v").at(61))
        .then_flagged(Flag::ResignRequested)
        .then_status("awaiting_signature");
}

#[test]
fn what_waits_for_a_reopening_is_refused_if_none_comes() {
    for ended in [REJECTED, FAILED] {
        for step in [signed(), completed("e")] {
            let status = ended().onboarding().status().name();
            ended()
                .when(step)
                .then_parked("open_signing")
                .after(hours(1))
                .then_events(["DeadlinePassed", "OutcomeRevised"])
                .then_refused(Refusal::AlreadyEnded)
                .then_status(status);
        }
    }
}

#[test]
fn what_was_signed_before_an_end_is_not_signed_after_it() {
    for ended in [declined("KYC_DENIAL"), failed("TIMEOUT")] {
        given([opened("u").at(1), ended.at(2), signed().at(3)])
            .then_parked("open_signing")
            .when(opened("v").at(4))
            .then_flagged(Flag::Reopened)
            .the("complete_signing@3")
            .then_parked("open_signing")
            .after(hours(1))
            .then_refused(Refusal::AlreadyEnded)
            .then_status("awaiting_signature");
    }
}

#[test]
fn another_engagement_that_an_operator_lets_count_leaves_no_gap() {
    let history = COMPLETED()
        .when(completed("f").key("k"))
        .then_refused(Refusal::EngagementConflict)
        .resolved("k", "apply")
        .then_applied();
    let state = history.onboarding();
    assert_eq!((state.engagement_id.as_deref(), state.history_gap.len()), (Some("f"), 0));
    history.when(signed()).then_refused(Refusal::AlreadyCompleted);
}

#[test]
fn a_late_reopening_lets_the_refused_signing_count() {
    given([failed("TIMEOUT").at(1), signed().at(3)])
        .after(hours(1))
        .then_refused(Refusal::AlreadyEnded)
        .when(opened("u").at(2))
        .then_flagged(Flag::Reopened)
        .then_revised("complete_signing@3", "R!already_ended → A")
        .then_status("signed");
}
