//! The tables of DOMAIN 3.4, cell by cell, and that nothing ever leaves them.
#![allow(clippy::unwrap_used, reason = "a step that cannot be recorded is a failed test")]

use std::collections::BTreeSet;

use crate::{
    charge::{Charge, ChargeFact, Kind, Situation, Status, lifecycle::row},
    machine::Row,
    testing::{History, Told, charge::*, given},
    *,
};

type Situated = fn() -> History<ChargeFact>;

const UNKNOWN: Situated = || given([]);
const OPEN: Situated = || given([authorized(50)]);
const PARTLY: Situated = || given([authorized(50), settled(20)]);
const FULL: Situated = || given([authorized(50), settled(50)]);
const VOIDED: Situated = || given([authorized(50), void()]);
const REST_VOIDED: Situated = || given([authorized(50), settled(20), void()]);
const REFUNDED: Situated = || given([authorized(50), settled(50), refunded(50)]);
const DISPUTED: Situated = || given([authorized(50), settled(20), chargeback("c", 5)]);
const DISPUTED_UNKNOWN: Situated = || given([chargeback("c", 5)]);

#[test]
#[rustfmt::skip] // It is a table.
fn a_newer_step_is_judged_by_the_table() {
    let unseen = "A!authorization_unseen";
    let table = [
        // situation       authorize(50)             authorize(60)              settle                       refund                     void                         chargeback                     reversal
        (UNKNOWN,          ["A",                     "A",                       unseen, "A!authorization_unseen!refund_before_settle",  "P(authorize)",              unseen,                        "P(chargeback)"]),
        (OPEN,             ["D",                     "R!second_authorize",      "A",                         "A!refund_before_settle",  "A",                         "A!chargeback_without_settle", "P(chargeback)"]),
        (PARTLY,           ["D",                     "R!second_authorize",      "A",                         "A",                       "A",                         "A",                           "P(chargeback)"]),
        (FULL,             ["D",                     "R!second_authorize",      "A!settle_exceeds_authorized", "A",                     "R!void_after_full_settle",  "A",                           "P(chargeback)"]),
        (VOIDED,           ["R!authorize_after_void", "R!authorize_after_void", "A!settle_after_void",       "A!refund_before_settle",  "R!already_voided",          "A!chargeback_without_settle", "P(chargeback)"]),
        (REST_VOIDED,      ["R!authorize_after_void", "R!authorize_after_void", "A!settle_after_void",       "A",                       "R!already_voided",          "A",                           "P(chargeback)"]),
        (REFUNDED,         ["R!second_authorize",    "R!second_authorize",      "A!settle_after_full_refund", "A!over_refund",          "R!void_after_full_settle",  "A!double_credit_risk",        "P(chargeback)"]),
        (DISPUTED,         ["D",                     "R!second_authorize",      "A!settle_during_chargeback", "A!double_credit_risk",   "R!void_during_chargeback",  "A",                           "A"]),
        (DISPUTED_UNKNOWN, ["A",                     "A",                       "A!settle_during_chargeback", "A!refund_before_settle!double_credit_risk", "R!void_during_chargeback", "A",          "A"]),
    ];
    for (situation, cells) in table {
        let newcomers = [
            authorized(50), authorized(60), settle("s", 5, "completed"), refund("r", 5, "pending"),
            void_by_the_lender(), chargeback("d", 5), reversal("v", 5),
        ];
        for (newcomer, expected) in newcomers.into_iter().zip(cells) {
            situation().when(newcomer).then(expected);
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn an_operation_goes_forward_only() {
    let conflict = "R!terminal_conflict";
    let table = [
        // known        pending accepted completed failure
        ("pending",   ["D",    "A",     "A",      "A"]),
        ("accepted",  ["S",    "D",     "A",      "A"]),
        ("completed", ["S",    "S",     "D",      conflict]),
        ("failure",   ["S",    "S",     conflict, "D"]),
    ];
    for (known, cells) in table {
        for (said, expected) in ["pending", "accepted", "completed", "failure"].into_iter().zip(cells) {
            let settled = || given([authorized(50), settle("s", 20, known)]);
            settled().when(settle_update("s", 20, said)).then(expected);
            settled().when(settle("s", 20, said)).then(expected);
            let refunded = || given([authorized(50), settle("s", 50, "completed"), refund("r", 20, known)]);
            refunded().when(refund_update("r", 20, said)).then(expected);
        }
    }
}

#[test]
fn the_first_report_of_an_operation_opens_it_in_whichever_state() {
    for word in ["pending", "accepted", "completed", "failure"] {
        let state = format!("settle s 20 {word}");
        given([authorized(50), settle("s", 20, word)]).then_applied().then_operations([&state]);
        given([authorized(50), settle_update("s", 20, word)])
            .then_flagged(Flag::CreationUnseen)
            .then_operations([&state]);
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn the_status_tells_what_is_completed_and_what_is_possible() {
    let possible = |status: &str| -> &[&str] {
        match status {
            "unknown" => &["authorize"],
            "authorized" | "partially_settled_refunded" => &["settle", "void"],
            "partially_settled" | "partially_settled_partially_refunded" => &["settle", "refund", "void"],
            "settled" | "settled_partially_refunded" => &["refund"],
            _ => &[],
        }
    };
    let table = [
        (given([void()]),                                             "unknown"),
        (OPEN(),                                                      "authorized"),
        (given([authorized(50), settle("s", 20, "accepted")]),        "authorized"),
        (given([authorized(50), settle("s", 20, "failure")]),         "authorized"),
        (VOIDED(),                                                    "voided"),
        (PARTLY(),                                                    "partially_settled"),
        (PARTLY().when(refunded(5)),                                  "partially_settled_partially_refunded"),
        (PARTLY().when(refunded(20)),                                 "partially_settled_refunded"),
        (FULL(),                                                      "settled"),
        (FULL().when(refund("r", 20, "failure")),                     "settled"),
        (FULL().when(refunded(20)),                                   "settled_partially_refunded"),
        (REFUNDED(),                                                  "refunded"),
        (FULL().when(chargeback("c", 50)),                            "charged_back"),
        (FULL().when(refunded(20)).when(chargeback("c", 30)),         "charged_back"),
    ];
    let mut reached = BTreeSet::new();
    for (history, status) in table {
        assert_eq!(history.state().legal_next(), possible(status), "{status}");
        history.then_status(status);
        reached.insert(status);
    }
    assert_eq!(reached, Status::ALL.into_iter().map(Status::name).collect());
}

#[test]
fn what_is_on_its_way_takes_up_room() {
    given([authorized(50), settle("s", 50, "pending")]).then_room(0, 0).then_possible([]);
    FULL().when(refund("r", 50, "pending")).then_room(0, 0).then_possible([]);
    FULL().when(chargeback("c", 20)).then_room(0, 30).then_possible([]);
    REST_VOIDED().then_room(0, 20).then_possible(["refund"]);
}

type Arrows = BTreeSet<(&'static str, &'static str, &'static str)>;

/// What may come next.
fn newcomers() -> [Told<ChargeFact>; 16] {
    [
        authorized(50),
        void_by_the_lender(),
        chargeback("c", 20),
        reversal("v", 20),
        created_for("a"),
        settle("s", 50, "pending"),
        settle_update("s", 50, "failure"),
        settle_update("s", 50, "completed"),
        settle("t", 20, "pending"),
        settle_update("t", 20, "failure"),
        settle_update("t", 20, "completed"),
        settle("z", 0, "completed"),
        refund("r", 20, "completed"),
        refund_update("p", 50, "pending"),
        refund("q", 50, "completed"),
        refund_update("q", 50, "completed"),
    ]
}

/// The transitions that happen in any history of three steps, in the order of their times, after
/// nothing, an authorization, or a settle in full. Each verdict on the way is compared with the
/// row that should have led to it.
fn happened() -> Arrows {
    let mut arrows = Arrows::new();
    let known = [authorized(50).at(-9), settle_update("f", 50, "completed").at(-8)];
    for count in 0..=known.len() {
        let journal = given([]).given(known[..count].to_vec()).journal;
        walk(&journal, 3, &mut arrows);
    }
    arrows
}

fn walk(journal: &Charge, steps: i64, arrows: &mut Arrows) {
    if steps == 0 {
        return;
    }
    let policies = Policies::default();
    let before = journal.state(&policies);
    let (from, is_disputed) =
        (before.situation(), before.charged_back() > before.chargebacks_reversed());
    for newcomer in newcomers() {
        let kind = newcomer.fact.report.kind();
        let step = newcomer.at(-steps).received();
        let mut next = journal.clone();
        let decided = next.decide(Command::Record(Box::new(step)), &policies);
        decided.unwrap().into_iter().for_each(|event| next.apply(event));
        let verdict = &next.entries().last().unwrap().verdict;
        let to = next.state(&policies).situation();
        match (row(from, kind), &verdict.outcome) {
            _ if is_disputed && kind == Kind::Void => assert!(!verdict.is_applied()),
            _ if is_disputed && kind == Kind::ChargebackReversal => assert_eq!(from, to),
            (Row::Leads { .. }, Outcome::Applied) => {
                arrows.insert((from.name(), kind.name(), to.name()));
            }
            (Row::Parks(missing), Outcome::Parked { waits_for }) => {
                assert_eq!((missing, from), (&**waits_for, to));
            }
            (Row::Refuses(code), Outcome::Refused(refused)) => {
                assert_eq!((code, from), (refused.code, to));
            }
            // The same again, or behind what is known.
            (_, Outcome::Duplicate | Outcome::Stale) => assert_eq!(from, to),
            // An operation, chargeback or reversal that contradicts itself.
            (Row::Leads { .. }, Outcome::Refused(_)) => assert_eq!(from, to),
            (row, outcome) => panic!("{from:?} {kind:?}: {row:?}, but {outcome:?}"),
        }
        walk(&next, steps - 1, arrows);
    }
}

/// The arrows of the table.
fn drawn() -> Arrows {
    let situations = Situation::ALL.into_iter().filter(|it| *it != Situation::Disputed);
    let rows = situations.flat_map(|from| Kind::ALL.map(|kind| (from, kind)));
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
    let (happened, drawn) = (happened(), drawn());
    assert_eq!(Vec::from_iter(happened.difference(&drawn)), Vec::<&_>::new());
    assert_eq!(Vec::from_iter(drawn.difference(&happened)), Vec::<&_>::new(), "never happens");
}
