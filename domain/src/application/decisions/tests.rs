//! The golden sequences of applications, the tables, and how sessions and decisions meet.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use uuid::Uuid;

use crate::{
    application::{
        ApplicationFact, ApplicationState,
        decisions::{Kind, Status, lifecycle::row},
    },
    machine::Row,
    testing::{History, Told, application::*, given, hours, orders, under},
    *,
};

type Situation = fn() -> History<ApplicationFact>;

const NONE: Situation = || given([]);
const STARTED: Situation = || given([started("s").at(1)]);
const ACCEPTED: Situation = || given([started("s").at(1), accepted(2).at(3)]);
const REJECTED: Situation = || given([started("s").at(1), rejected(2).at(3)]);

#[test]
#[rustfmt::skip] // It is a table.
fn a_report_of_the_sdk_lies_over_the_decision_and_never_changes_it() {
    let mismatch = "A!sdk_webhook_mismatch";
    let late = "A!late_report";
    let table = [
        // the SDK says      none  accepted   rejected   shown meanwhile
        ("OFFER_ACCEPTED", ["A",   "A",       mismatch], "started (accepted)"),
        ("REJECTED",       ["A",   mismatch,  "A"],      "started (rejected)"),
        ("IN_PROGRESS",    ["A",   "A",       "A"],      "started (in_progress)"),
        ("ABANDONED",      ["A",   "A",       "A"],      "started (in_progress)"),
        ("ERROR",          ["A",   late,      late],     "started (launch_error)"),
        ("MAYBE",          ["A",   "A",       "A"],      "started"),
    ];
    for (word, [none, accepted, rejected], meanwhile) in table {
        STARTED().when(reported("s", word)).then(none).then_applications([meanwhile]);
        ACCEPTED().when(reported("s", word)).then(accepted).then_applications(["accepted"]);
        REJECTED().when(reported("s", word)).then(rejected).then_applications(["rejected"]);
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_decision_is_judged_by_the_table() {
    let (repeated, conflict) = ("R!repeated_decision", "R!decision_conflict");
    let table = [
        //             same created_at        another created_at
        // situation   accepted   rejected    accepted                rejected
        (NONE,        ["A",       "A",        "A",                    "A"]),
        (STARTED,     ["A",       "A",        "A",                    "A"]),
        (ACCEPTED,    [repeated,  conflict,   "A!already_cardholder", "A"]),
        (REJECTED,    [conflict,  repeated,   "A",                    "A"]),
    ];
    for (situation, cells) in table {
        let decisions = [accepted(2), rejected(2), accepted(4), rejected(4)];
        for (decision, expected) in decisions.into_iter().zip(cells) {
            situation().when(decision).then(expected);
        }
    }
}

#[test]
fn g22_a_decision_delivered_twice_counts_once() {
    given([accepted(1).at(1)])
        .then_applied()
        .then_events(["ApplicationAccepted"])
        .when(accepted(1).at(1))
        .then_nothing()
        .then_applications(["accepted"]);
}

#[test]
fn g23_the_lenders_rejection_wins_over_the_acceptance_that_the_sdk_reported() {
    given([started("s"), reported("s", "OFFER_ACCEPTED")])
        .then_applications(["started (accepted)"])
        .when(rejected(2))
        .then_applied()
        .then_revised("report@2", "A → A!sdk_webhook_mismatch")
        .then_applications(["rejected"]);
}

#[test]
fn g24_a_rejection_that_only_the_sdk_reported_is_listed_after_a_day_and_never_decides() {
    given([started("s"), reported("s", "REJECTED")])
        .then_applied()
        .after(hours(24))
        .then_nothing()
        .after(hours(25))
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .then_flagged(Flag::RejectedUnconfirmed)
        .then_applications(["started (rejected)"])
        .when(rejected(2))
        .then_revised("report@2", "A!rejected_unconfirmed → A")
        .then_applications(["rejected"]);
}

#[test]
fn an_acceptance_that_only_the_sdk_reported_is_listed_after_an_hour() {
    given([reported("s", "OFFER_ACCEPTED"), started("s").at(0)])
        .after(hours(1) - SignedDuration::from_nanos(1))
        .then_nothing()
        .after(hours(1))
        .the("report@1")
        .then_flagged(Flag::AcceptedUnconfirmed)
        .then_applications(["started (accepted)"]);
}

#[test]
fn the_ages_of_unconfirmed_reports_are_settings() {
    let policies = Policies {
        accepted_unconfirmed_after: hours(3),
        rejected_unconfirmed_after: hours(2),
        ..Policies::default()
    };
    under(policies)
        .given([started("s"), reported("s", "REJECTED"), reported("s", "OFFER_ACCEPTED")])
        .after(hours(2) + SignedDuration::from_secs(1))
        .then_all(["A", "A!rejected_unconfirmed", "A"])
        .after(hours(3) + SignedDuration::from_secs(2))
        .then_all(["A", "A!rejected_unconfirmed", "A!accepted_unconfirmed"]);
}

#[test]
fn a_report_that_a_decision_has_confirmed_has_no_deadline() {
    for decided in [accepted(2), rejected(2)] {
        let history = STARTED().when(reported("s", "OFFER_ACCEPTED")).when(decided);
        assert_eq!(history.journal.entries()[1].verdict.deadline, None);
        history.after(hours(1000)).then_nothing();
    }
}

#[test]
fn an_error_of_the_sdk_before_the_decision_is_not_late() {
    for order in orders(&[started("s").at(1), reported("s", "ERROR").at(2), accepted(2).at(3)]) {
        under(Policies::default()).given(order).then_all(["A", "A", "A"]);
    }
}

#[test]
fn an_application_is_stale_after_a_month_of_silence_until_something_comes() {
    // All happened days before it was received.
    let month = hours(24 * 30);
    let later = hours(24 * 2);
    for (before, key) in [
        (given([]).later(later).when(started("s").at(1)), "start@1"),
        (given([started("s").at(1)]).later(later).when(reported("s", "MAYBE").at(2)), "report@2"),
    ] {
        before
            .after(later + month - SignedDuration::from_nanos(1))
            .then_nothing()
            .after(later + month)
            .then_events(["DeadlinePassed", "OutcomeRevised"])
            .the(key)
            .then_flagged(Flag::ApplicationStale)
            .later(later + month)
            .when(reported("s", "IN_PROGRESS").at(3))
            .then_applied()
            .then_revised(key, "A!application_stale → A")
            .when(accepted(4).at(5))
            .after(hours(24 * 1000))
            .then_nothing();
    }
}

#[test]
fn what_is_delivered_long_after_it_happened_is_not_silent_at_once() {
    given([started("s").dated("2024-02-27T18:00:00Z")])
        .after(hours(24 * 30) - SignedDuration::from_nanos(1))
        .then_nothing();
}

#[test]
fn the_newest_report_that_says_something_is_shown() {
    STARTED()
        .when(reported("s", "IN_PROGRESS").at(2))
        .when(reported("s", "OFFER_ACCEPTED").at(5))
        .when(reported("s", "MAYBE").at(6))
        .when(reported("s", "ERROR").at(4))
        .then_applications(["started (accepted)"]);
}

#[test]
fn g25_another_creation_time_is_another_application() {
    let history = given([rejected(1)]).when(accepted(5).at(6)).then_applied();
    let history = history.then_applications(["rejected", "accepted"]);
    assert_ne!(history.state().applications()[0].id, history.state().applications()[1].id);
}

#[test]
fn g26_a_second_decision_of_one_application_is_refused_whichever_came_first() {
    for order in orders(&[accepted(1).at(2), rejected(1).at(3)]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "R!decision_conflict"])
            .then_applications(["accepted"]);
    }
}

#[test]
fn of_two_decisions_of_one_instant_the_acceptance_counts() {
    for order in orders(&[rejected(1).at(2), accepted(1).at(2)]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "R!decision_conflict"])
            .then_applications(["accepted"]);
    }
}

#[test]
fn a_late_acceptance_of_an_older_application_makes_the_newer_one_the_second() {
    given([accepted(5).at(6)])
        .when(accepted(1).at(2))
        .then_applied()
        .then_revised("accept@6", "A → A!already_cardholder")
        .then_applications(["accepted", "accepted"]);
}

/// The ids by which an application can be asked for.
fn ids(known: &ApplicationState) -> BTreeSet<Uuid> {
    [known.id].into_iter().chain(known.alias).collect()
}

#[test]
fn an_application_keeps_the_id_by_which_it_was_known_first() {
    for (steps, first) in [
        ([started("s").at(1), accepted(2).at(3)], application("s")),
        ([accepted(2).at(3), started("s").at(1)], application(2)),
    ] {
        assert_eq!(given(steps).state().applications()[0].id, first);
    }
}

#[test]
fn a_decision_belongs_to_the_session_before_it_in_every_order_of_arrival() {
    let steps = [
        started("s").at(1),
        reported("s", "OFFER_ACCEPTED").at(3),
        accepted(2).at(4).of_customer("customer-1"),
        reported(2, "IN_PROGRESS").at(5),
    ];
    for order in orders(&steps) {
        let history = under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A"])
            .then_applications(["accepted"]);
        let state = history.state();
        let known = &state.applications()[0];
        assert_eq!(ids(known), BTreeSet::from([application("s"), application(2)]));
        assert_eq!((known.steps.len(), known.reports.len()), (4, 2));
        assert_eq!(known.customer_id.as_deref(), Some("customer-1"));
        assert_eq!(known.partner_customer_id.as_deref(), Some("partner-1"));
    }
}

#[test]
fn several_sessions_and_decisions_meet_the_same_in_every_order_of_arrival() {
    let steps = [
        started("first").at(1),
        rejected(2).at(3),
        started("second").at(20),
        accepted(21).at(22),
        started("third").at(40),
    ];
    for order in orders(&steps) {
        let history = under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A", "A"])
            .then_applications(["rejected", "accepted", "started"]);
        let state = history.state();
        let ids: Vec<_> = state.applications().iter().map(ids).collect();
        assert_eq!(ids[0], BTreeSet::from([application("first"), application(2)]));
        assert_eq!(ids[1], BTreeSet::from([application("second"), application(21)]));
        assert_eq!(ids[2], BTreeSet::from([application("third")]));
    }
}

#[test]
fn a_decision_takes_the_newest_session_before_it_and_leaves_the_abandoned_ones() {
    given([started("left").at(1), started("taken").at(10), accepted(11).at(12)])
        .then_applications(["started", "accepted"]);
}

#[test]
fn a_session_may_begin_a_little_after_the_creation_time_and_not_more() {
    for (begun, expected) in [(7, vec!["accepted"]), (8, vec!["accepted", "started"])] {
        let history = given([accepted(2).at(3)]).when(started("s").at(begun));
        let statuses = history.state();
        let statuses = statuses.applications().iter().map(|known| known.status().name());
        assert_eq!(statuses.collect::<Vec<_>>(), expected, "begun in minute {begun}");
    }
}

#[test]
fn a_session_registered_twice_is_one_application() {
    STARTED().when(started("s").at(9)).then_applied().then_applications(["started"]);
}

#[test]
fn a_decision_without_a_session_is_an_application_of_its_own() {
    for (decision, status) in [(accepted(1), "accepted"), (rejected(1), "rejected")] {
        let history = given([decision]).then_applied().then_applications([status]);
        let state = history.state();
        let known = &state.applications()[0];
        assert_eq!((known.id, known.started_at), (application(1), None));
    }
}

#[test]
fn one_key_with_other_content_is_refused() {
    for order in orders(&[accepted(1).at(2).key("k"), rejected(1).at(3).key("k")]) {
        under(Policies::default()).given(order).then_all(["A", "R!key_reused"]);
    }
}

#[test]
fn a_discarded_decision_leaves_the_application_open_for_another() {
    given([started("s").at(1), accepted(2).at(3), rejected(2).at(4)])
        .then_refused(Refusal::DecisionConflict)
        .resolved("accept@3", "discard")
        .then_all(["A", "R!discarded", "A"])
        .then_revised("reject@4", "R!decision_conflict → A")
        .then_applications(["rejected"]);
}

#[test]
fn a_conflicting_decision_that_is_applied_replaces_the_earlier() {
    ACCEPTED()
        .when(rejected(2).at(4))
        .resolved("reject@4", "apply")
        .then_applied()
        .then_applications(["rejected"]);
}

#[test]
fn a_statement_about_an_application_converts_to_nothing_else() {
    let refusal =
        CommandRefusal::ConversionNotPossible { to: "accept".to_owned(), possible: Vec::new() };
    REJECTED().resolved("reject@3", "convert to accept").then_impossible(refusal);
}

fn told(kind: Kind) -> Told<ApplicationFact> {
    match kind {
        Kind::Start => started("s"),
        Kind::Accept => accepted(2),
        Kind::Reject => rejected(2),
        Kind::Report => reported("s", "IN_PROGRESS"),
    }
}

#[test]
fn what_happens_is_what_is_drawn_and_every_status_is_reached() {
    let mut reached = BTreeSet::new();
    let status_of = |history: &History<ApplicationFact>| history.state().applications()[0].status();
    let kinds = [Kind::Start, Kind::Accept, Kind::Reject, Kind::Report];
    for kinds in orders(&[&kinds[..], &[Kind::Accept, Kind::Reject]].concat()) {
        let mut history = STARTED();
        for kind in kinds {
            let before = status_of(&history);
            let told = told(kind);
            history = history.when(told);
            let (after, outcome) = (status_of(&history), history.entry().verdict.outcome.clone());
            match (row(before, kind), outcome) {
                (Row::Leads { to, flag: None }, Outcome::Applied) => assert_eq!(to, [after]),
                (Row::Refuses(code), Outcome::Refused(refused)) => {
                    assert_eq!((code, before), (refused.code, after));
                }
                (row, outcome) => panic!("{before:?} {kind:?}: {row:?}, but {outcome:?}"),
            }
            reached.insert((before.name(), kind.name()));
        }
    }
    assert_eq!(reached.len(), Status::ALL.len() * Kind::ALL.len(), "{reached:?}");
}
