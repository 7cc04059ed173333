//! To which application and to whom a charge belongs.

use crate::{
    charge::LinkedBy,
    step::Party,
    testing::{charge::*, given, orders},
    *,
};

#[test]
#[rustfmt::skip] // It is a table.
fn an_operator_outweighs_the_partner_and_the_partner_the_reconciliation() {
    let by = [|id: &str| chargeback(&format!("of-{id}"), 5).of_application(id), created_for, assigned_to];
    let table = [
        //                                     to another application                                      to the same
        (LinkedBy::Reconciliation, [("A!link_mismatch", "a"), ("A", "b"),               ("A", "b")], ["D", "A", "A"]),
        (LinkedBy::Partner,        [("A!link_mismatch", "a"), ("R!link_conflict", "a"), ("A", "b")], ["A", "D", "A"]),
        (LinkedBy::Operator,       [("A",               "a"), ("S", "a"),              ("A", "b")], ["A", "D", "D"]),
    ];
    for ((known, to_another, to_the_same), place) in table.into_iter().zip(0..) {
        for ((how, (verdict, application)), same) in by.into_iter().zip(to_another).zip(to_the_same) {
            let linked = || given([authorized(50), settled(50), by[place]("a")]).then_linked(&format!("a by {}", known.name()));
            // As a delivery: what a partner asks and is not legal would be answered alone.
            let newcomer = |id| told_by_the_lender(how(id));
            let history = linked().when(newcomer("b")).then(verdict);
            assert_eq!(history.state().link().unwrap().application_id, application);
            linked().when(newcomer("a")).then(same);
        }
    }
}

fn told_by_the_lender(
    told: testing::Told<charge::ChargeFact>,
) -> testing::Told<charge::ChargeFact> {
    testing::Told::new(told.fact)
}

#[test]
fn a_partner_who_contradicts_what_a_partner_said_is_answered_as_not_legal() {
    let history = given([created_for("a")]).when(created_for("b"));
    assert_eq!(history.then_answered(), "link_conflict");
}

#[test]
fn the_newest_word_of_an_operator_counts_in_all_orders() {
    let steps = [
        assigned_to("a").at(2),
        assigned_to("b").at(3),
        assigned_to("b").at(4),
        assigned_to("c").at(5),
        assigned_to("b").at(6),
    ];
    for order in orders(&steps) {
        given([authorized(50).at(1)])
            .given(order)
            .then_linked("b by operator")
            .then_all(["A", "A", "A", "D", "A", "A"]);
    }
}

#[test]
fn the_link_is_the_same_in_all_orders() {
    let steps = [
        created_for("a").at(1),
        authorized(50).at(1),
        settled(50).at(2),
        chargeback("c", 5).of_application("b").at(3),
        assigned_to("b").at(4),
    ];
    for order in orders(&steps) {
        given([]).given(order).then_linked("b by operator").then_all(["A", "A", "A", "A", "A"]);
    }
}

#[test]
fn an_operator_who_errs_says_otherwise_or_discards_it() {
    given([assigned_to("a")])
        .resolved("link@1", "discard")
        .when(assigned_to("b"))
        .then_applied()
        .then_linked("b by operator");
    given([assigned_to("a"), assigned_to("b")])
        .then_applied()
        .then_linked("b by operator")
        .resolved("link@2", "discard")
        .then_linked("a by operator");
    given([created_for("a"), told_by_the_lender(created_for("b"))])
        .then_refused(Refusal::LinkConflict)
        .resolved("link@2", "apply")
        .then_linked("b by partner");
}

#[test]
fn a_charge_is_known_by_all_the_names_that_any_step_gives() {
    let history = given([authorized(50).of_order("o"), settled(20).of_partners_customer("p")])
        .when(chargeback("c", 5).of_customer("1").of_order("other"));
    let state = history.state();
    let party = Party { customer_id: Some("1"), partner_customer_id: Some("p") };
    assert_eq!((state.party(), state.merchant_order_id()), (party, Some("o")));
}

#[test]
fn what_the_lender_says_of_the_customer_goes_before_what_the_partner_says() {
    given([created_for("a").of_partners_customer("p").at(1), authorized(50).at(2)])
        .when(settled(20).of_partners_customer("q"))
        .then_applied()
        .then_revised("link@1", "A → R!customer_conflict");
}
