//! Voids, which only the partner tells of.

use crate::{
    testing::{charge::*, given, hours, orders, under},
    *,
};

#[test]
fn a_void_releases_what_is_not_settled() {
    given([authorized(50), settled(20)])
        .then_room(30, 20)
        .when(void())
        .then_applied()
        .then_events(["ChargeVoided"])
        .then_status("partially_settled")
        .then_room(0, 20)
        .when(settled(10))
        .then_flagged(Flag::SettleAfterVoid)
        .then_totals("30/0/0/0/30");
}

#[test]
fn a_void_that_is_not_in_order_is_answered_and_not_recorded() {
    for (history, code) in [
        (given([authorized(50), settled(50)]), "void_after_full_settle"),
        (given([authorized(50), settle("s", 50, "pending")]), "void_after_full_settle"),
        (given([authorized(50), void()]), "already_voided"),
        (given([authorized(50), settled(20), chargeback("c", 5)]), "void_during_chargeback"),
        (given([authorized(50), settled(50), chargeback("c", 5)]), "void_after_full_settle"),
    ] {
        assert_eq!(history.when(void()).then_answered(), code);
    }
}

#[test]
fn a_void_dated_before_its_authorization_counts_once_that_is_known() {
    let steps = [void_by_the_lender().at(1), authorized(50).at(2), settled(20).at(3)];
    given([void_by_the_lender().at(1)]).then_parked("authorize").then_status("unknown");
    for order in orders(&steps) {
        given([])
            .given(order)
            .then_all(["A", "A", "A!settle_after_void"])
            .then_status("partially_settled")
            .then_room(0, 20);
    }
    given([settled(50).at(1), void_by_the_lender().at(2), authorized(50).at(3)]).then_all([
        "A",
        "R!void_after_full_settle",
        "A",
    ]);
}

#[test]
fn a_void_whose_authorization_never_comes_is_adopted() {
    let policies = Policies { parked_for: hours(1), ..Policies::default() };
    under(policies)
        .given([void()])
        .then_parked("authorize")
        .after(hours(1))
        .then_flagged(Flag::HistoryGap)
        .then_status("voided")
        .when(authorized(50))
        .then_applied()
        .then_revised("void@1", "A!history_gap → A")
        .then_status("voided")
        .then_room(0, 0);
}

#[test]
fn an_authorization_after_a_void_is_refused_if_one_is_known() {
    given([authorized(50), void()])
        .when(authorized(60))
        .then_refused(Refusal::AuthorizeAfterVoid)
        .then_status("voided");
}
