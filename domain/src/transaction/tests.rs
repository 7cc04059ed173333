//! The golden sequences, then the table, then what the order of arrival and an operator change.

mod golden;
mod key_order;
mod overrides;
mod table;

use cqrs_es::test::TestFramework;

use crate::{
    testing::{given, transaction::*},
    transaction::Transaction,
    *,
};

#[test]
fn the_aggregate_records_what_is_decided() {
    let history = given([approved(50_00).at(1), captured(50_00).at(2)]);
    let command = || Command::Record(Box::new(voided(50_00).at(3).received()));
    let decided = history.journal.decide(command(), &history.policies);
    TestFramework::<Transaction>::with(history.policies)
        .given(history.log)
        .when(command())
        .then_expect_events(decided.unwrap_or_default());
}

#[test]
fn the_aggregate_answers_a_command_that_is_not_possible_and_records_nothing() {
    let history = given([approved(50_00)]);
    let command = Command::Override {
        step: history.entry().step.id,
        action: "apply".to_owned(),
        convert_to: None,
        reason: String::new(),
        actor: "kim".to_owned(),
        at: testing::receipt(),
    };
    TestFramework::<Transaction>::with(history.policies)
        .given(history.log)
        .when(command)
        .then_expect_error(CommandRefusal::ReasonMissing);
}
