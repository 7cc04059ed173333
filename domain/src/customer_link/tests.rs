//! The table of DOMAIN 3.5, and what comes late.

use super::{Change, CustomerLinkFact, Status};
use crate::{
    testing::{History, Told, given, hours, orders, under},
    *,
};

fn told(change: Change) -> Told<CustomerLinkFact> {
    let (customer_id, partner_customer_id) = ("customer-1".to_owned(), "partner-1".to_owned());
    Told::new(CustomerLinkFact { change, customer_id, partner_customer_id })
}

fn linked() -> Told<CustomerLinkFact> {
    told(Change::Link)
}

fn unlinked() -> Told<CustomerLinkFact> {
    told(Change::Unlink)
}

impl History<CustomerLinkFact> {
    #[track_caller]
    fn then_status(self, expected: Status) -> Self {
        assert_eq!(self.state(), expected);
        self
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_newer_report_is_judged_by_the_table() {
    use Status::{Active, Inactive, Unknown};
    let situations: [fn() -> History<CustomerLinkFact>; 3] =
        [|| given([]), || given([linked()]), || given([linked(), unlinked()])];
    let table = [
        // before      linked           unlinked
        (Unknown,  [("A", Active),  ("P(link)", Unknown)]),
        (Active,   [("A", Active),  ("A",       Inactive)]),
        (Inactive, [("A", Active),  ("A",       Inactive)]),
    ];
    for (situation, (before, cells)) in situations.into_iter().zip(table) {
        for (newcomer, (verdict, after)) in [linked(), unlinked()].into_iter().zip(cells) {
            situation().then_status(before).when(newcomer).then(verdict).then_status(after);
        }
    }
}

#[test]
fn g37_a_link_reported_twice_counts_once() {
    given([linked().at(1)])
        .then_events(["CustomerLinked"])
        .when(linked().at(1))
        .then_nothing()
        .then_status(Status::Active);
}

#[test]
fn the_newest_report_counts_in_every_order_of_arrival() {
    for order in orders(&[linked().at(1), unlinked().at(2), linked().at(3), unlinked().at(4)]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A"])
            .then_status(Status::Inactive);
    }
}

#[test]
fn an_end_that_came_first_waits_for_its_link_and_is_adopted_without_it() {
    given([unlinked().at(2)])
        .then_parked("link")
        .after(hours(72))
        .then_events(["DeadlinePassed", "OutcomeRevised"])
        .then_flagged(Flag::HistoryGap)
        .then_status(Status::Inactive)
        .when(linked().at(1))
        .then_revised("unlink@2", "A!history_gap → A")
        .then_status(Status::Inactive);
}

#[test]
fn a_discarded_end_leaves_the_link_active() {
    given([linked(), unlinked()])
        .resolved("unlink@2", "discard")
        .then_refused(Refusal::Discarded)
        .then_status(Status::Active);
}

#[test]
fn one_key_with_other_content_is_refused() {
    for order in orders(&[linked().at(1).key("k"), unlinked().at(2).key("k")]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "R!key_reused"])
            .then_status(Status::Active);
    }
}
