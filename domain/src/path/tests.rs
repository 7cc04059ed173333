//! The path through each lifecycle, in words. That every example of the other tests moves along
//! edges that are drawn is held by [`crate::testing::path::is_drawn`], which each of them calls.

use crate::{
    Money,
    application::lenders::Report,
    testing::{
        History, Subject, application, charge, given, hours, lenders,
        path::words,
        payment_method::{card, virtual_card},
        transaction::*,
    },
};

impl<F: Subject> History<F> {
    /// The paths, each with the name of its lifecycle.
    #[track_caller]
    fn then_paths<const N: usize>(self, expected: [&str; N]) -> Self {
        let tracks = self.journal.tracks(&self.policies);
        let told = |track: &crate::Track| match track.of.as_str() {
            "" => format!("{}: {}", track.machine, words(track)),
            of => format!("{} of {of}: {}", track.machine, words(track)),
        };
        assert_eq!(tracks.iter().map(told).collect::<Vec<_>>(), expected);
        self
    }

    #[track_caller]
    fn then_drawn<const N: usize>(self, expected: [&str; N]) -> Self {
        let tracks = self.journal.tracks(&self.policies);
        let mut states: Vec<_> =
            tracks[0].drawn().unwrap().edges.into_iter().map(|edge| edge.from).collect();
        states.dedup();
        assert_eq!(states, expected);
        self
    }
}

#[test]
fn a_transaction_goes_from_unknown_to_its_status() {
    let history = given([approved(50_00), captured(20_00), captured(30_00), refunded(5_00)]);
    let current = history.journal.tracks(&history.policies).remove(0).current;
    assert_eq!(current, history.state().status().name());
    history.then_paths([
        "transaction: approve unknown > pending, capture pending > partially_captured, \
         capture partially_captured > captured, refund captured > captured",
    ]);
}

#[test]
fn a_step_that_came_late_stands_where_it_happened() {
    given([captured(30_00).at(2), approved(30_00).at(1)])
        .then_paths(["transaction: approve unknown > pending, capture pending > captured"]);
}

#[test]
fn what_does_not_count_leads_nowhere() {
    given([approved(10_00), captured(10_00), voided(10_00)])
        .then_paths(["transaction: approve unknown > pending, capture pending > captured, \
         void captured > captured"]);
    given([voided(10_00)]).then_paths(["transaction: void unknown > unknown"]);
}

#[test]
fn what_never_got_its_approval_goes_beside_the_table() {
    given([voided(10_00)]).after(hours(24 * 30)).then_paths(["transaction: void unknown > voided"]);
}

/// It waited for the approval, and the approval is the newer of the two.
#[test]
fn an_update_that_was_replaced_while_it_waited_never_counted() {
    given([updated(20_00).at(1), approved(30_00).at(2)])
        .then_paths(["transaction: update unknown > unknown, approve unknown > pending"]);
}

#[test]
fn a_card_has_the_states_of_its_type() {
    given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE")])
        .then_paths(["payment-method: active virtual_unknown > virtual_active, \
             inactive virtual_active > virtual_inactive"])
        .then_drawn(["virtual_unknown", "virtual_active", "virtual_inactive"]);
    given([card("UNIFIED", "-", "INACTIVE")])
        .then_paths(["payment-method: inactive other_unknown > other_inactive"])
        .then_drawn(["other_unknown", "other_active", "other_inactive"]);
}

#[test]
fn each_application_of_an_applicant_has_a_path() {
    let (first, second) = (application::application("a"), application::application(9));
    given([application::started("a").at(1), application::rejected(2).at(3)])
        .given([application::accepted(9).at(10), application::reported("a", "REJECTED").at(11)])
        .then_paths([
            &format!(
                "application of {first}: start started > started, reject started > rejected, \
                 report rejected > rejected"
            ),
            &format!("application of {second}: accept started > accepted"),
        ]);
}

#[test]
fn each_lender_has_a_path_and_the_partner_none() {
    let dollars = |minor| Money { minor, currency: crate::Currency::from_code("USD").unwrap() };
    given([lenders::begun()])
        .given([lenders::lender("red", Report::Approved(dollars(900)))])
        .given([lenders::lender("blue", Report::Declined)])
        .given([lenders::lender("red", Report::Cancelled)])
        .then_paths([
            "lender-track of red: approve unknown > approved, cancel approved > cancelled",
            "lender-track of blue: decline unknown > declined",
        ]);
}

#[test]
fn a_charge_and_each_of_its_operations_has_a_path() {
    given([charge::authorized(50), charge::settle("s", 50, "pending")])
        .given([charge::settle_update("s", 50, "completed")])
        .given([charge::refund_update("r", 20, "completed")])
        .then_paths([
            "charge: authorize unknown > authorized, settle authorized > settled, \
             settle_update settled > settled, refund_update settled > settled",
            "charge-operation of settle s: pending unknown > pending, completed pending > completed",
            "charge-operation of refund r: completed creation_unseen > completed",
        ]);
}
