//! What an operator can decide about a step of a transaction.

use crate::{
    testing::{given, transaction::*},
    transaction::Status,
    *,
};

#[test]
fn a_refused_void_that_is_applied_counts() {
    given([approved(50_00), captured(50_00), voided(50_00)])
        .then_refused(Refusal::VoidAfterFullCapture)
        .resolved("void@3", "apply")
        .then_applied()
        .then_events(["OverrideApplied", "OutcomeRevised"])
        .then_revised("void@3", "R!void_after_full_capture → A")
        .then_status(Status::CapturedRemainderVoided)
        .when(captured(10_00))
        .then("A!over_capture!late_presentment");
}

#[test]
fn a_second_approval_converted_to_an_update_replaces_the_total() {
    given([approved(50_00), approved(80_00)])
        .then_refused(Refusal::SecondApproval)
        .resolved("approve@2", "convert to update")
        .then_applied()
        .then_totals("8000/0/0/8000")
        .when(updated(60_00))
        .then_applied()
        .the("approve@2")
        .then_stale()
        .then_totals("6000/0/0/6000");
}

#[test]
fn a_discarded_capture_does_not_count() {
    given([approved(50_00), captured(50_00)])
        .resolved("capture@2", "discard")
        .then_refused(Refusal::Discarded)
        .then_revised("capture@2", "A → R!discarded")
        .then_totals("5000/0/0/5000");
}

#[test]
fn a_discarded_void_lets_what_came_after_it_count() {
    given([approved(50_00), voided(50_00), updated(60_00), captured(60_00)])
        .then_all(["A", "A", "R!update_after_void", "A!over_capture!late_presentment"])
        .resolved("void@2", "discard")
        .then_revised("update@3", "R!update_after_void → A")
        .then_revised("capture@4", "A!over_capture!late_presentment → A")
        .then_totals("6000/6000/0/0");
}

#[test]
fn a_decision_holds_whatever_comes_later() {
    given([approved(50_00).at(1), captured(50_00).at(3), voided(50_00).at(4)])
        .resolved("void@4", "discard")
        .when(updated(80_00).at(2))
        .then_applied()
        .the("void@4")
        .then_refused(Refusal::Discarded)
        .then_totals("8000/5000/0/3000");
}

#[test]
fn the_refusal_and_the_decision_both_stay_in_the_history() {
    let history = given([approved(50_00), captured(50_00), voided(50_00)]).resolved_because(
        "void@3",
        "apply",
        "reversed at the till",
    );
    let names: Vec<_> = history.log.iter().map(StepEvent::name).collect();
    assert_eq!(names[2..], ["StepRefused", "OverrideApplied", "OutcomeRevised"]);
    let decided = history.entry().overridden.clone();
    let decided = decided.map(|decision| (decision.reason, decision.actor, decision.action));
    let expected = ("reversed at the till".to_owned(), "kim".to_owned(), OverrideAction::Apply);
    assert_eq!(decided, Some(expected));
}

#[test]
fn a_second_decision_about_a_step_is_not_possible() {
    given([approved(50_00), captured(50_00), voided(50_00)])
        .resolved("void@3", "discard")
        .resolved("void@3", "apply")
        .then_impossible(CommandRefusal::AlreadyResolved)
        .the("void@3")
        .then_refused(Refusal::Discarded);
}

#[test]
fn a_decision_needs_a_reason() {
    for reason in ["", " \t\n"] {
        given([approved(50_00)])
            .resolved_because("approve@1", "discard", reason)
            .then_impossible(CommandRefusal::ReasonMissing)
            .then_totals("5000/0/0/5000");
    }
}

#[test]
fn a_decision_about_no_step_is_not_possible() {
    given([approved(50_00)])
        .resolved("capture@2", "apply")
        .then_impossible(CommandRefusal::UnknownStep);
}

#[test]
fn an_action_that_is_unknown_is_told_which_are_possible() {
    let possible = vec!["apply", "convert", "discard"];
    given([approved(50_00)]).resolved("approve@1", "forget").then_impossible(
        CommandRefusal::ActionNotPossible { action: "forget".to_owned(), possible },
    );
}

#[test]
fn a_step_that_moves_a_hold_converts_to_another_such_kind_and_never_to_money() {
    let possible = vec!["update", "void"];
    for (kind, totals) in possible.iter().zip(["5000/0/0/5000", "5000/0/0/0"]) {
        given([approved(50_00)])
            .resolved("approve@1", &format!("convert to {kind}"))
            .then_totals(totals);
    }
    for to in ["approve", "capture", "refund", "chargeback", ""] {
        let (to, possible) = (to.to_owned(), possible.clone());
        given([approved(50_00)])
            .resolved("approve@1", &format!("convert to {to}"))
            .then_impossible(CommandRefusal::ConversionNotPossible { to, possible });
    }
}

#[test]
fn a_discarded_step_says_nothing_about_the_currency() {
    given([
        approved(50_00).in_currency("EUR").key("eur"),
        approved(50_00).at(2).key("usd"),
        captured(50_00).at(3),
    ])
    .then_refused(Refusal::CurrencyMismatch)
    .resolved("eur", "discard")
    .the("usd")
    .then_applied()
    .then_totals("5000/5000/0/0");
}

#[test]
fn a_step_whose_key_is_another_streams_says_nothing_about_the_currency() {
    given([
        approved(50_00).in_currency("EUR").key("eur").key_taken_by("other"),
        approved(50_00).at(2),
        captured(50_00).at(3),
    ])
    .then_totals("5000/5000/0/0");
}

#[test]
fn two_currencies_are_never_added_up_whoever_decides() {
    let history = || {
        given([approved(50_00).at(2), captured(700_000).in_currency("JPY").at(3)])
            .then_refused(Refusal::CurrencyMismatch)
    };
    for action in ["apply", "convert to refund"] {
        let name = action.split(' ').next().unwrap().to_owned();
        let possible = vec!["discard"];
        history()
            .resolved("capture@3", action)
            .then_impossible(CommandRefusal::ActionNotPossible { action: name, possible });
    }
    given([captured(700_000).in_currency("JPY").at(3)])
        .resolved("capture@3", "apply")
        .when(approved(50_00).at(2))
        .the("capture@3")
        .then_refused(Refusal::CurrencyMismatch)
        .then_totals("5000/0/0/5000");
}

#[test]
fn of_two_contents_under_one_key_a_person_can_choose_the_other() {
    given([captured(50_00).key("one").content("a"), captured(50_01).key("one").content("b")])
        .then_refused(Refusal::KeyReused)
        .then_totals("0/5000/0/0")
        .resolved("one#b", "apply")
        .then_totals("0/5001/0/0")
        .the("one#a")
        .then_refused(Refusal::KeyReused);
}

#[test]
fn a_void_dated_before_its_approval_counts_once_the_approval_is_known() {
    given([voided(50_00).at(1)])
        .then_parked("approve")
        .when(approved(50_00).at(2))
        .the("void@1")
        .then_applied()
        .then_status(Status::Voided)
        .then_totals("5000/0/0/0");
}
