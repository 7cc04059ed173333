//! What can be asked of an exception that belongs to no step.

use cqrs_es::test::TestFramework;

use super::{
    Exception, ExceptionCommand, ExceptionEvent, Redriven, Resolution, Unreadable, UnreadableKind,
};
use crate::{CommandRefusal, Policies, StepId, testing::receipt};

type Decided = Result<Vec<ExceptionEvent>, CommandRefusal>;

fn unreadable() -> Unreadable {
    Unreadable {
        kind: UnreadableKind::Malformed,
        field: "data.amount".to_owned(),
        cause: "it is negative".to_owned(),
        received_at: receipt(),
    }
}

fn resolution(action: &str, reason: &str) -> Resolution {
    let (action, reason, actor) = (action.to_owned(), reason.to_owned(), "kim".to_owned());
    Resolution { action, reason, actor, at: receipt(), about: None }
}

/// The exception after these commands, each of which is in order.
fn given<const N: usize>(commands: [ExceptionCommand; N]) -> Exception {
    commands.into_iter().fold(Exception::default(), |mut exception, command| {
        for event in exception.decide(command).unwrap_or_default() {
            exception.apply(&event);
        }
        exception
    })
}

fn raised() -> ExceptionCommand {
    ExceptionCommand::Raise(unreadable())
}

fn resolved(action: &str, reason: &str) -> ExceptionCommand {
    ExceptionCommand::Resolve(resolution(action, reason))
}

fn redriving(reason: &str) -> Redriven {
    Redriven {
        step: StepId::derive("imprint", "transaction:e1", "content"),
        repeats: false,
        subject_type: "transaction".to_owned(),
        subject_id: "t1".to_owned(),
        kind: "capture".to_owned(),
        occurred_at: receipt(),
        reason: reason.to_owned(),
        actor: "kim".to_owned(),
        at: receipt(),
    }
}

fn redriven(reason: &str) -> ExceptionCommand {
    ExceptionCommand::Redrive(redriving(reason))
}

fn refused(refusal: CommandRefusal) -> Decided {
    Err(refusal)
}

#[test]
fn a_delivery_that_cannot_be_read_is_raised_once() {
    let raising = ExceptionEvent::DeliveryUnreadable(unreadable());
    assert_eq!(given([]).decide(raised()), Ok(vec![raising]));
    assert_eq!(given([raised()]).decide(raised()), Ok(Vec::new()));
}

#[test]
fn a_person_can_discard_what_was_raised() {
    let decided = given([raised()]).decide(resolved("discard", "a test of the lender"));
    let resolution = resolution("discard", "a test of the lender");
    assert_eq!(decided, Ok(vec![ExceptionEvent::ExceptionResolved(resolution)]));
}

#[test]
fn a_delivery_that_cannot_be_read_cannot_be_applied() {
    let not_possible = |action: &str, possible| CommandRefusal::ActionNotPossible {
        action: action.to_owned(),
        possible,
    };
    assert_eq!(
        given([raised()]).decide(resolved("apply", "it is right")),
        refused(not_possible("apply", vec!["discard"]))
    );
    assert_eq!(
        given([]).decide(resolved("convert", "it is right")),
        refused(not_possible("convert", vec!["apply", "discard"]))
    );
}

#[test]
fn what_the_read_models_alone_know_can_be_applied_or_discarded() {
    for action in ["apply", "discard"] {
        let decided = given([]).decide(resolved(action, "one person, two accounts"));
        let resolution = resolution(action, "one person, two accounts");
        assert_eq!(decided, Ok(vec![ExceptionEvent::ExceptionResolved(resolution)]));
    }
}

#[test]
fn a_resolution_needs_a_reason() {
    for reason in ["", " \n"] {
        let decided = given([raised()]).decide(resolved("discard", reason));
        assert_eq!(decided, refused(CommandRefusal::ReasonMissing));
    }
}

#[test]
fn a_second_resolution_is_refused_whatever_it_says() {
    let exception = given([raised(), resolved("discard", "a test of the lender")]);
    for (action, reason) in [("discard", "again"), ("apply", ""), ("forget", "")] {
        let decided = exception.decide(resolved(action, reason));
        assert_eq!(decided, refused(CommandRefusal::AlreadyResolved));
    }
}

#[test]
fn what_can_be_read_later_is_redriven_once() {
    let exception = given([raised()]);
    let event = ExceptionEvent::DeliveryRedriven(redriving("an upgrade"));
    assert_eq!(exception.decide(redriven("an upgrade")), Ok(vec![event]));
    let exception = given([raised(), redriven("an upgrade")]);
    assert_eq!(exception.decide(redriven("another one")), Ok(Vec::new()));
    let discarded = exception.decide(resolved("discard", "a test of the lender"));
    assert_eq!(discarded, refused(CommandRefusal::AlreadyResolved));
}

#[test]
fn what_a_person_discarded_is_not_redriven() {
    let exception = given([raised(), resolved("discard", "a test of the lender")]);
    let decided = exception.decide(redriven("an upgrade"));
    assert_eq!(decided, refused(CommandRefusal::AlreadyResolved));
}

#[test]
fn only_what_was_raised_is_redriven_and_for_a_reason() {
    let decided = given([]).decide(redriven("an upgrade"));
    assert_eq!(decided, refused(CommandRefusal::UnknownStep));
    let decided = given([raised()]).decide(redriven(" "));
    assert_eq!(decided, refused(CommandRefusal::ReasonMissing));
}

#[test]
fn the_aggregate_records_what_is_decided() {
    let raising = ExceptionEvent::DeliveryUnreadable(unreadable());
    let resolving = ExceptionEvent::ExceptionResolved(resolution("discard", "a test"));
    TestFramework::<Exception>::with(Policies::default())
        .given(vec![raising.clone()])
        .when(resolved("discard", "a test"))
        .then_expect_events(vec![resolving.clone()]);
    TestFramework::<Exception>::with(Policies::default())
        .given(vec![raising, resolving])
        .when(resolved("discard", "a test"))
        .then_expect_error(CommandRefusal::AlreadyResolved);
}
