//! What is flagged when nothing comes for long. All happened days before it was received.

use super::*;

#[test]
fn a_signing_that_is_not_done_in_a_week_is_overdue_until_something_comes() {
    given([opened("u").at(1)])
        .after(days(7) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(7))
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .then_flagged(Flag::SigningOverdue)
        .then_status("awaiting_signature")
        .after(days(70))
        .then_nothing()
        .the("open_signing@1")
        .when(signed())
        .then_revised("open_signing@1", "A!signing_overdue → A")
        .then_status("signed");
}

#[test]
fn a_signing_is_due_by_when_it_was_opened_and_overdue_by_when_that_was_received() {
    let history = given([opened("u").at(1)]);
    let due_at = history.onboarding().actions.all()[0].due_at;
    assert_eq!(due_at, Some(minute(1) + days(7)));
    assert_eq!(history.journal.deadlines(&Policies::default())[0].1, receipt() + days(7));
}

#[test]
fn what_is_delivered_long_after_it_happened_is_not_silent_at_once() {
    let old = "2024-02-27T18:00:00Z";
    given([submitted().dated(old)]).after(days(30) - SignedDuration::from_nanos(1)).then_nothing();
    given([opened("u").dated(old)])
        .after(days(7) - SignedDuration::from_nanos(1))
        .then_nothing()
        .later(days(6))
        .when(signed().dated("2024-02-28T18:00:00Z"))
        .after(days(36) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(36))
        .then_all(["A", "A!application_stale"]);
}

#[test]
fn a_renewal_starts_the_time_to_sign_again() {
    given([opened("u").key("u")])
        .later(days(2))
        .when(opened("v").key("v"))
        .after(days(9) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(9))
        .then_all(["A", "A!signing_overdue"])
        .later(days(10))
        .when(opened("w").key("w"))
        .then_all(["A", "A", "A"])
        .after(days(17))
        .then_all(["A", "A", "A!signing_overdue"]);
}

#[test]
fn a_late_registration_does_not_put_off_the_signing() {
    given([opened("u").at(1)])
        .later(days(3))
        .when(submitted().at(2))
        .after(days(7))
        .then_all(["A!signing_overdue", "A"]);
}

#[test]
fn an_application_is_stale_after_a_month_of_silence_until_something_comes() {
    for (silent, next) in [
        (given([]).later(days(2)).when(submitted()), opened("v")),
        (given([opened("u")]).later(days(2)).when(signed()), completed("e")),
    ] {
        let key = silent.entry().step.key.clone();
        silent
            .after(days(32) - SignedDuration::from_nanos(1))
            .then_nothing()
            .after(days(32))
            .then_flagged(Flag::ApplicationStale)
            .when(next)
            .then_revised(&key, "A!application_stale → A")
            .then_applied();
    }
}

#[test]
fn how_long_it_may_take_is_a_setting() {
    let policies = Policies {
        signing_overdue_after: days(1),
        application_stale_after: days(2),
        ..Policies::default()
    };
    under(policies.clone())
        .given([opened("u")])
        .after(days(1) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(1))
        .then_flagged(Flag::SigningOverdue);
    under(policies)
        .given([submitted()])
        .after(days(2) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(days(2))
        .then_flagged(Flag::ApplicationStale);
}

#[test]
fn an_application_that_has_ended_is_never_stale() {
    for ended in [COMPLETED, REJECTED, FOR_CREDIT, FAILED] {
        ended().after(days(1000)).then_nothing();
    }
}
