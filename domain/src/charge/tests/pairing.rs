//! Which reports are about the same settle or refund, where some have no id.

use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

use crate::{
    charge::{ChargeFact, OperationKind, OperationState},
    testing::{Told, charge::*, given, orders},
    *,
};

#[test]
fn a_report_without_an_id_is_about_the_only_operation_of_its_kind_and_amount() {
    let reports = [
        authorized(50).at(1),
        settle("-", 20, "pending").at(2),
        settle_update("s", 20, "accepted").at(3),
        settle_update("-", 20, "completed").at(4),
        refund("q", 20, "pending").at(5),
        settle("o", 30, "pending").at(6),
    ];
    for order in orders(&reports) {
        given([]).given(order).then_all(["A", "A", "A", "A", "A", "A"]).then_operations([
            "settle s 20 completed",
            "refund q 20 pending",
            "settle o 30 pending",
        ]);
    }
}

#[test]
fn a_report_without_an_id_stands_for_its_own_operation_if_none_is_named() {
    given([authorized(50), settle("-", 20, "pending")])
        .then_applied()
        .when(settle_update("-", 20, "completed"))
        .then_applied()
        .when(settle("-", 30, "pending"))
        .then_operations(["settle - 20 completed", "settle - 30 pending"])
        .when(settle_update("s", 20, "completed"))
        .then_duplicate()
        .then_operations(["settle s 20 completed", "settle - 30 pending"]);
}

#[test]
fn a_report_without_an_id_that_could_be_about_several_is_about_none_of_them() {
    given([authorized(90), settle("s", 20, "pending"), settle("-", 20, "accepted")])
        .then_flagged(Flag::AmbiguousOperation)
        .then_operations(["settle s 20 pending", "settle - 20 accepted"])
        .when(settle("t", 20, "pending").at(1))
        .then_operations(["settle t 20 pending", "settle s 20 pending", "settle - 20 accepted"])
        .when(settle_update("-", 20, "completed"))
        .then_flagged(Flag::AmbiguousOperation)
        .then_operations(["settle t 20 pending", "settle s 20 pending", "settle - 20 completed"]);
}

/// Each is dated by its place after the authorization of 200, and arrives in every order.
#[track_caller]
fn in_all_orders<const N: usize, const M: usize>(
    reports: [Told<ChargeFact>; N],
    verdicts: [&str; N],
    operations: [&str; M],
    open_to_settle: i64,
) {
    let dated: Vec<_> = reports.into_iter().zip(2..).map(|(told, at)| told.at(at)).collect();
    for order in orders(&dated) {
        let history = given([authorized(200).at(1)]).given(order).then_operations(operations);
        assert_eq!(history.verdicts()[1..], verdicts);
        assert_eq!(history.state().open_to_settle(), open_to_settle);
    }
}

#[test]
fn each_operation_takes_one_creation_without_an_id() {
    in_all_orders(
        [
            settle("-", 60, "pending"),
            settle_update("x", 60, "completed"),
            settle("-", 60, "pending"),
            settle_update("y", 60, "completed"),
        ],
        ["A", "A", "A", "A"],
        ["settle x 60 completed", "settle y 60 completed"],
        80,
    );
    in_all_orders(
        [
            settle("-", 60, "pending"),
            settle("-", 60, "pending"),
            settle_update("x", 60, "completed"),
            settle_update("y", 60, "completed"),
        ],
        ["A!ambiguous_operation", "A", "A", "A"],
        ["settle x 60 completed", "settle y 60 completed"],
        80,
    );
}

#[test]
fn what_was_created_without_an_id_may_be_completed_with_less() {
    for id in ["x", "-"] {
        in_all_orders(
            [settle("-", 60, "pending"), settle_update(id, 50, "completed")],
            ["A", "A!amount_adjusted"],
            [&format!("settle {id} 50 completed")],
            150,
        );
    }
    in_all_orders(
        [
            settle("-", 60, "pending"),
            settle("-", 50, "pending"),
            settle_update("x", 50, "completed"),
        ],
        ["A", "A", "A"],
        ["settle - 60 pending", "settle x 50 completed"],
        90,
    );
}

#[test]
fn what_was_created_with_less_was_not_completed_with_less() {
    in_all_orders(
        [settle_update("x", 60, "pending"), settle("-", 50, "completed")],
        ["A!creation_unseen", "A"],
        ["settle x 60 pending", "settle - 50 completed"],
        90,
    );
}

#[test]
fn a_retry_without_an_id_is_another_operation() {
    for (retry, verdict) in [
        (settle("-", 60, "pending"), "A"),
        (settle_update("-", 60, "pending"), "A!creation_unseen"),
    ] {
        in_all_orders(
            [
                settle("-", 60, "pending"),
                settle_update("-", 60, "failure"),
                retry,
                settle_update("-", 60, "completed"),
            ],
            ["A", "A", verdict, "A"],
            ["settle - 60 failure", "settle - 60 completed"],
            140,
        );
    }
    in_all_orders(
        [
            settle("-", 60, "pending"),
            settle_update("-", 60, "failure"),
            settle("-", 60, "pending"),
            settle_update("x", 60, "completed"),
        ],
        ["A", "A", "A", "A"],
        ["settle - 60 failure", "settle x 60 completed"],
        140,
    );
}

#[test]
fn two_completed_creations_without_an_id_are_two_operations() {
    in_all_orders(
        [settle("-", 60, "completed"), settle("-", 60, "completed")],
        ["A", "A"],
        ["settle - 60 completed", "settle - 60 completed"],
        80,
    );
    // Of one time they tell of one.
    given([authorized(200).at(1), settle("-", 60, "pending").at(2).key("p")])
        .when(settle("-", 60, "completed").at(2).key("c"))
        .then_operations(["settle - 60 completed"]);
}

#[test]
fn an_end_that_contradicts_is_of_another_operation_and_flagged() {
    for (ended, other) in [("completed", "failure"), ("failure", "completed")] {
        for id in ["x", "-"] {
            in_all_orders(
                [
                    settle("-", 60, "pending"),
                    settle_update(id, 60, ended),
                    settle_update("-", 60, other),
                ],
                ["A", "A", "A!creation_unseen!ambiguous_operation"],
                [&format!("settle {id} 60 {ended}"), &format!("settle - 60 {other}")],
                140,
            );
        }
    }
    // Although what has the id is known to end only later.
    in_all_orders(
        [
            settle("-", 60, "pending"),
            settle_update("x", 60, "accepted"),
            settle_update("-", 60, "failure"),
            settle_update("x", 60, "completed"),
        ],
        ["A", "A", "A!creation_unseen!ambiguous_operation", "A"],
        ["settle x 60 completed", "settle - 60 failure"],
        140,
    );
}

#[test]
fn a_completion_that_adds_nothing_to_a_completed_operation_is_flagged() {
    for id in ["x", "-"] {
        given([settle(id, 60, "completed"), settle_update("-", 60, "completed")])
            .then("D!ambiguous_operation");
    }
    given([settle("-", 60, "completed"), settle("x", 60, "completed")])
        .then_duplicate()
        .the("settle@1")
        .then("A!authorization_unseen!ambiguous_operation");
}

#[test]
fn a_creation_without_an_id_may_be_dated_after_what_it_created_has_ended() {
    in_all_orders(
        [settle_update("x", 50, "completed"), settle("-", 60, "pending")],
        ["A!amount_adjusted", "S"],
        ["settle x 50 completed"],
        150,
    );
}

#[test]
fn what_a_person_discards_is_paired_with_nothing_and_what_they_insist_on_is() {
    given([authorized(200), settle("-", 60, "pending"), settle("-", 60, "pending")])
        .when(settle_update("x", 60, "completed"))
        .resolved("settle@2", "discard")
        .then_operations(["settle x 60 completed"]);
    given([authorized(200).of_customer("1"), settle("-", 60, "pending").of_customer("2")])
        .then_refused(Refusal::CustomerConflict)
        .then_operations([])
        .resolved("settle@2", "apply")
        .then_operations(["settle - 60 pending"]);
}

/// What one operation of 60 truly did: whether its creation has an id, its further states, and from
/// which of these on its reports have an id.
type Life = (bool, Vec<(OperationState, i64)>, usize);

fn lives() -> impl Strategy<Value = Vec<Life>> {
    use OperationState::{Accepted, Completed, Failure};
    let ended = prop::sample::select(vec![
        vec![],
        vec![(Completed, 60)],
        vec![(Failure, 60)],
        vec![(Completed, 50)],
        vec![(Accepted, 60)],
        vec![(Accepted, 60), (Completed, 60)],
        vec![(Accepted, 60), (Failure, 60)],
    ]);
    prop::collection::vec((any::<bool>(), ended, 0..3_usize), 1..4)
}

/// The reports of all lives, one after the other in time, mixed as `turns` say.
fn reports(lives: &[Life], turns: &[Index]) -> Vec<Told<ChargeFact>> {
    let mut waiting: Vec<_> = lives
        .iter()
        .zip(["x", "y", "z"])
        .map(|((is_named, further, named_from), id)| {
            let named = |is_named: bool| if is_named { id } else { "-" };
            let created = settle(named(*is_named), 60, "pending");
            let updates = further.iter().enumerate().map(|(place, (state, amount))| {
                settle_update(named(*is_named || place >= *named_from), *amount, state.name())
            });
            std::iter::once(created).chain(updates).collect::<std::collections::VecDeque<_>>()
        })
        .collect();
    let mut told = Vec::new();
    for turn in turns {
        waiting.retain(|life| !life.is_empty());
        if !waiting.is_empty() {
            let next = turn.index(waiting.len());
            told.extend(waiting[next].pop_front());
        }
    }
    told.into_iter().zip(2..).map(|(told, at)| told.at(at)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(0x00c0_ffee),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn unless_flagged_as_ambiguous_the_sums_are_the_true_ones_and_nothing_is_refused(
        lives in lives(),
        turns in prop::collection::vec(any::<Index>(), 9),
    ) {
        let history = given([authorized(1000).at(1)]).given(reports(&lives, &turns));
        let verdicts = history.verdicts();
        prop_assert!(!verdicts.iter().any(|it| it.starts_with('R')), "{:?}", verdicts);
        if !verdicts.iter().any(|it| it.contains("ambiguous")) {
            let last = |life: &Life| life.1.last().copied().unwrap_or((OperationState::Pending, 60));
            let sum = |is_meant: fn(OperationState) -> bool| -> i64 {
                lives.iter().map(last).filter(|it| is_meant(it.0)).map(|it| it.1).sum()
            };
            let state = history.state();
            let counted = i128::from(sum(|state| state != OperationState::Failure));
            prop_assert_eq!(state.settled(), sum(|state| state == OperationState::Completed));
            prop_assert_eq!(state.sum_counted(OperationKind::Settle), counted, "{:?}", verdicts);
        }
    }
}
