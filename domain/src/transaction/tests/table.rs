//! The table of DOMAIN 3.3, cell by cell, and that nothing ever leaves it.
#![allow(clippy::unwrap_used, reason = "a step that cannot be recorded is a failed test")]

use std::collections::{BTreeSet, HashSet};

use crate::{
    machine::Row,
    testing::{History, given, hours, transaction::*, under},
    transaction::{Kind, Status, Transaction, TransactionFact, lifecycle::row},
    *,
};

type Situation = fn() -> History<TransactionFact>;

const UNKNOWN: Situation = || given([]);
const OPEN: Situation = || given([approved(50_00)]);
const PARTLY_CAPTURED: Situation = || given([approved(50_00), captured(20_00)]);
const FULLY_CAPTURED: Situation = || given([approved(50_00), captured(50_00)]);
const VOIDED: Situation = || given([approved(50_00), voided(50_00)]);
const REST_VOIDED: Situation = || given([approved(50_00), captured(20_00), voided(30_00)]);
const FORCED: Situation = || given([captured(50_00)]);
const REFUND_ALONE: Situation = || given([refunded(20_00)]);

#[test]
#[rustfmt::skip] // It is a table.
fn a_newer_step_is_judged_by_the_table() {
    let alone = "A!standalone_refund_provisional";
    let forced = "A!force_capture_provisional";
    let table = [
        // situation       approved              updated                       voided                       captured              refunded
        (UNKNOWN,         ["A",                  "P(approve)",                 "P(approve)",                forced,               alone]),
        (OPEN,            ["R!second_approval",  "A",                          "A",                         "A",                  "A!refund_exceeds_captured"]),
        (PARTLY_CAPTURED, ["R!second_approval",  "A",                          "A",                         "A",                  "A"]),
        (FULLY_CAPTURED,  ["R!second_approval",  "A!update_after_full_capture", "R!void_after_full_capture", "A!over_capture",     "A"]),
        (VOIDED,          ["R!second_approval",  "R!update_after_void",        "R!already_voided",          "A!late_presentment", "A!refund_exceeds_captured"]),
        (REST_VOIDED,     ["R!second_approval",  "R!update_after_void",        "R!already_voided",          "A!late_presentment", "A"]),
        (FORCED,          ["A!approval_after_capture", "P(approve)",           "P(approve)",                "A",                  "A"]),
        (REFUND_ALONE,    ["A",                  "P(approve)",                 "P(approve)",                forced,               "A"]),
    ];
    for (situation, cells) in table {
        let newcomers = [approved(50_00), updated(60_00), voided(50_00), captured(10_00), refunded(10_00)];
        for (newcomer, expected) in newcomers.into_iter().zip(cells) {
            situation().when(newcomer).then(expected);
        }
    }
}

#[test]
fn an_update_below_the_captures_is_flagged() {
    PARTLY_CAPTURED()
        .when(updated(10_00))
        .then_flagged(Flag::UpdateBelowCaptured)
        .then_totals("1000/2000/0/0");
}

#[test]
fn refunds_above_the_captures_are_flagged_and_count() {
    for situation in [PARTLY_CAPTURED, REST_VOIDED, FULLY_CAPTURED, FORCED] {
        let captured = situation().state().captured();
        let history = situation().when(refunded(captured + 1)).then_flagged(Flag::OverRefund);
        assert_eq!(history.state().refunded(), captured + 1);
    }
}

#[test]
fn only_the_refund_that_exceeds_the_captures_is_flagged() {
    given([approved(50_00), captured(50_00), refunded(50_00), refunded(1)]).then_all([
        "A",
        "A",
        "A",
        "A!over_refund",
    ]);
}

#[test]
fn the_flag_of_an_early_refund_clears_with_its_capture() {
    given([approved(50_00).at(1), refunded(20_00).at(2)])
        .then_flagged(Flag::RefundExceedsCaptured)
        .when(captured(20_00).at(3))
        .then_applied()
        .then_revised("refund@2", "A!refund_exceeds_captured → A");
}

#[test]
fn a_capture_after_the_void_can_be_refused_by_policy() {
    let refusing = || Policies { capture_after_void: Reaction::Refuse, ..Policies::default() };
    under(refusing())
        .given([approved(50_00).at(1), voided(50_00).at(3)])
        .when(captured(50_00).at(4))
        .then_refused(Refusal::CaptureAfterVoid)
        .then_totals("5000/0/0/0");
    under(refusing())
        .given([approved(50_00).at(1), voided(50_00).at(3)])
        .when(captured(20_00).at(2))
        .then_applied()
        .then_totals("5000/2000/0/0");
}

#[test]
fn a_void_long_after_the_approval_was_likely_an_expiry() {
    for (voided_at, is_likely) in [("2025-03-07T17:59:59Z", false), ("2025-03-07T18:00:00Z", true)]
    {
        let history = given([approved(50_00).at(0).dated("2025-02-28T18:00:00Z")])
            .when(voided(50_00).dated(voided_at));
        assert_eq!(history.state().is_likely_expiry(&history.policies), is_likely);
    }
    assert!(!OPEN().state().is_likely_expiry(&Policies::default()));
}

type Arrows = BTreeSet<(&'static str, &'static str, &'static str)>;

/// The transitions that happen in any history of up to `steps` steps, in the order of their times.
/// Each verdict on the way is compared with the row that should have led to it.
fn happened(steps: i64) -> Arrows {
    let mut arrows = Arrows::new();
    walk(&Transaction::default(), steps, &mut arrows, &mut HashSet::new());
    arrows
}

fn walk(journal: &Transaction, steps: i64, arrows: &mut Arrows, seen: &mut HashSet<String>) {
    let policies = Policies::default();
    let before = journal.state(&policies);
    if steps == 0 || !seen.insert(format!("{steps} {before:?}")) {
        return;
    }
    let before = before.status();
    for (kind, amount) in Kind::ALL.into_iter().flat_map(|kind| [0, 20, 50].map(|it| (kind, it))) {
        let step = told_of(kind, amount).at(-steps).received();
        let mut next = journal.clone();
        let decided = next.decide(Command::Record(Box::new(step)), &policies);
        decided.unwrap().into_iter().for_each(|event| next.apply(event));
        let verdict = &next.entries().last().unwrap().verdict;
        let after = next.state(&policies).status();
        match (row(before, kind), &verdict.outcome) {
            (Row::Leads { .. }, Outcome::Applied) => {
                arrows.insert((before.name(), kind.name(), after.name()));
            }
            (Row::Parks(missing), Outcome::Parked { waits_for }) => {
                assert_eq!((missing, before), (&**waits_for, after));
            }
            (Row::Refuses(code), Outcome::Refused(refused)) => {
                assert_eq!((code, before), (refused.code, after));
            }
            (row, outcome) => panic!("{before:?} {kind:?}: {row:?}, but {outcome:?}"),
        }
        walk(&next, steps - 1, arrows, seen);
    }
}

/// The arrows of the table.
fn drawn() -> Arrows {
    let rows = Status::ALL.into_iter().flat_map(|from| Kind::ALL.map(|kind| (from, kind)));
    let arrows = rows.flat_map(|(from, kind)| match row(from, kind) {
        Row::Leads { to, .. } => {
            to.iter().map(|to| (from.name(), kind.name(), to.name())).collect()
        }
        Row::Parks(_) | Row::Refuses(_) => Vec::new(),
    });
    arrows.collect()
}

#[test]
fn what_happens_is_what_is_drawn() {
    let (happened, drawn) = (happened(5), drawn());
    assert_eq!(Vec::from_iter(happened.difference(&drawn)), Vec::<&_>::new());
    assert_eq!(Vec::from_iter(drawn.difference(&happened)), Vec::<&_>::new(), "never happens");
}

#[test]
fn every_status_can_be_reached() {
    let reached: BTreeSet<_> = happened(3).into_iter().map(|(_, _, to)| to).collect();
    assert_eq!(reached, Status::ALL.into_iter().map(Status::name).collect());
}

#[test]
fn an_adopted_void_is_completed_by_its_approval() {
    given([voided(50_00).at(2)])
        .then_parked("approve")
        .after(hours(72))
        .then_flagged(Flag::HistoryGap)
        .then_totals("5000/0/0/0")
        .when(approved(60_00).at(3))
        .then_applied()
        .then_totals("6000/0/0/0")
        .then_status(Status::Voided);
}
