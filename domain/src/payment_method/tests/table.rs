//! The table of DOMAIN 3.2, cell by cell, and that nothing ever leaves it.
#![allow(clippy::unwrap_used, reason = "a report that cannot be recorded is a failed test")]

use std::collections::BTreeSet;

use crate::{
    machine::Effect,
    payment_method::{
        CardType, PaymentMethod, PaymentMethodFact, Status,
        lifecycle::{is_creation, is_edge, machine},
    },
    testing::{History, given, payment_method::*},
    *,
};

const STATUSES: [&str; 3] = ["ACTIVE", "INACTIVE", "CANCELED"];
const FINAL: &str = "R!canceled_is_final";

/// A card of that type in that status, by the documented way.
fn known(card_type: &str, status: &str) -> History<PaymentMethodFact> {
    let created = if card_type == "PHYSICAL" { "INACTIVE" } else { "ACTIVE" };
    let history = given([card(card_type, "-", created)]);
    if status == created {
        return history;
    }
    let history = history.when(card(card_type, created, status));
    assert_eq!(history.state().status(), Status::of(status));
    history
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_report_with_the_known_previous_status_or_none_is_judged_by_the_direct_table() {
    let odd = "A!unknown_card_type";
    let table = [
        // type       known       → ACTIVE            → INACTIVE  → CANCELED
        ("VIRTUAL",  "ACTIVE",   ["A",                "A",        "A"]),
        ("VIRTUAL",  "INACTIVE", ["R!virtual_resume", "A",        "A"]),
        ("VIRTUAL",  "CANCELED", [FINAL,              FINAL,      "A"]),
        ("PHYSICAL", "INACTIVE", ["A",                "A",        "A"]),
        ("PHYSICAL", "ACTIVE",   ["A",                "A",        "A"]),
        ("PHYSICAL", "CANCELED", [FINAL,              FINAL,      "A"]),
        ("UNIFIED",  "ACTIVE",   [odd,                odd,        odd]),
        ("UNIFIED",  "INACTIVE", [odd,                odd,        odd]),
        ("UNIFIED",  "CANCELED", [FINAL,              FINAL,      odd]),
    ];
    for (card_type, status, cells) in table {
        for (new, expected) in STATUSES.into_iter().zip(cells) {
            for previous in [status, "-"] {
                known(card_type, status).when(card(card_type, previous, new)).then(expected);
            }
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_report_about_an_unknown_card_waits_unless_it_is_the_creation() {
    let (waits, odd) = ("P(creation)", "A!unknown_card_type");
    let table = [
        // type       → ACTIVE  → INACTIVE  → CANCELED
        ("VIRTUAL",  ["A",      waits,      waits]),
        ("PHYSICAL", [waits,    "A",        waits]),
        ("UNIFIED",  [odd,      odd,        odd]),
    ];
    for (card_type, cells) in table {
        for (new, expected) in STATUSES.into_iter().zip(cells) {
            given([card(card_type, "-", new)]).then(expected);
        }
        given([card(card_type, "-", "-")]).then(waits).then_status("unknown");
    }
    for card_type in ["VIRTUAL", "PHYSICAL"] {
        for (previous, new) in STATUSES.into_iter().flat_map(|it| STATUSES.map(|new| (it, new))) {
            given([card(card_type, previous, new)]).then(waits).then_status("unknown");
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_report_with_another_previous_status_tells_that_one_is_missing_or_is_flagged() {
    let odd = "A!previous_status_mismatch";
    let table = [
        // type       known       previous     absent  → ACTIVE             → INACTIVE      → CANCELED
        ("PHYSICAL", "ACTIVE",   "INACTIVE", [odd,     "P(inactive)",       odd,            odd]),
        ("PHYSICAL", "ACTIVE",   "CANCELED", [odd,     "P(canceled)",       odd,            odd]),
        ("PHYSICAL", "INACTIVE", "ACTIVE",   [odd,     odd,                 "P(active)",    odd]),
        ("PHYSICAL", "INACTIVE", "CANCELED", [odd,     odd,                 "P(canceled)",  odd]),
        ("PHYSICAL", "CANCELED", "ACTIVE",   [odd,     FINAL,               FINAL,          odd]),
        ("PHYSICAL", "CANCELED", "INACTIVE", [odd,     FINAL,               FINAL,          odd]),
        ("VIRTUAL",  "ACTIVE",   "INACTIVE", [odd,     "P(inactive)",       odd,            odd]),
        ("VIRTUAL",  "ACTIVE",   "CANCELED", [odd,     "P(canceled)",       odd,            odd]),
        ("VIRTUAL",  "INACTIVE", "ACTIVE",   [odd,     "R!virtual_resume",  odd,            odd]),
        ("VIRTUAL",  "INACTIVE", "CANCELED", [odd,     "R!virtual_resume",  "P(canceled)",  odd]),
        ("VIRTUAL",  "CANCELED", "ACTIVE",   [odd,     FINAL,               FINAL,          odd]),
        ("VIRTUAL",  "CANCELED", "INACTIVE", [odd,     FINAL,               FINAL,          odd]),
    ];
    for (card_type, status, previous, cells) in table {
        for (new, expected) in ["-", "ACTIVE", "INACTIVE", "CANCELED"].into_iter().zip(cells) {
            known(card_type, status).when(card(card_type, previous, new)).then(expected);
        }
    }
}

#[test]
fn a_report_without_a_new_status_changes_attributes_alone() {
    for previous in ["-", "ACTIVE"] {
        let history = given([virtual_card("-", "ACTIVE").of_design("blue").with_tokens(2)])
            .when(virtual_card(previous, "-").with_tokens(0))
            .then_applied()
            .then_events(["CardAttributesChanged"])
            .then_status("active");
        assert_eq!((history.state().tokens(), history.state().design()), (0, Some("blue")));
    }
}

#[test]
fn a_report_of_another_owner_or_type_is_refused_whatever_it_says() {
    for (previous, new) in [("-", "ACTIVE"), ("ACTIVE", "CANCELED"), ("-", "-")] {
        given([virtual_card("-", "ACTIVE")])
            .when(virtual_card(previous, new).of_customer("customer-2"))
            .then_refused(Refusal::OwnerConflict)
            .when(physical_card(previous, new))
            .then_refused(Refusal::TypeConflict)
            .then_status("active")
            .then_reported_as(Status::Active);
    }
}

#[test]
fn a_refusal_names_the_state_and_what_would_have_been_legal() {
    let history = known("VIRTUAL", "INACTIVE").when(virtual_card("INACTIVE", "ACTIVE"));
    let Outcome::Refused(refused) = &history.entry().verdict.outcome else { panic!("applied") };
    assert_eq!((&*refused.state, &refused.legal[..]), ("inactive", &["canceled".into()][..]));
}

type Changes = BTreeSet<(&'static str, &'static str)>;

/// The changes of status in any history of up to `steps` reports, in the order of their times.
fn happened(card_type: &str, steps: i64) -> Changes {
    let mut changes = Changes::new();
    walk(card_type, &PaymentMethod::default(), steps, &mut changes);
    changes
}

fn walk(card_type: &str, journal: &PaymentMethod, steps: i64, changes: &mut Changes) {
    if steps == 0 {
        return;
    }
    let policies = Policies::default();
    let before = journal.state(&policies).status();
    let words = ["-", "ACTIVE", "INACTIVE", "CANCELED"];
    for (previous, new) in words.into_iter().flat_map(|it| words.map(|new| (it, new))) {
        let key = format!("{steps} {previous} {new}");
        let step = card(card_type, previous, new).at(-steps).key(&key).received();
        let mut next = journal.clone();
        let decided = next.decide(Command::Record(Box::new(step)), &policies);
        decided.unwrap().into_iter().for_each(|event| next.apply(event));
        let after = next.state(&policies).status();
        if before != after {
            let to = after.unwrap();
            let card = CardType::of(card_type);
            assert!(before.map_or(is_creation(&card, to), |from| is_edge(&card, from, to)));
            assert!(next.entries().last().unwrap().verdict.is_applied());
            changes.insert((before.map_or("unknown", Status::name), to.name()));
        }
        walk(card_type, &next, steps - 1, changes);
    }
}

#[test]
fn what_happens_is_what_is_drawn() {
    let machine = machine();
    for (card_type, kind) in [("VIRTUAL", "virtual"), ("PHYSICAL", "physical")] {
        let own = machine.edges.iter().filter_map(|edge| {
            let from = edge.from.strip_prefix(&format!("{kind}_"))?;
            assert_eq!(edge.effect, Effect::Leads(vec![format!("{kind}_{}", edge.kind)], None));
            Some((from, edge.kind))
        });
        let happened = happened(card_type, 3);
        assert_eq!(happened, own.collect());
        assert!(Status::ALL.iter().all(|it| happened.iter().any(|(_, to)| *to == it.name())));
    }
}

#[test]
fn a_card_of_an_unknown_type_may_change_in_any_way_but_back_from_canceled() {
    let statuses = Status::ALL.map(Status::name);
    let mut expected: BTreeSet<_> = statuses.map(|to| ("unknown", to)).into();
    let apart = |from: &'static str| statuses.into_iter().filter(move |to| *to != from);
    expected.extend(
        ["active", "inactive"].into_iter().flat_map(|it| apart(it).map(move |to| (it, to))),
    );
    assert_eq!(happened("UNIFIED", 3), expected);
}
