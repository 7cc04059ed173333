//! The golden sequences G1 to G17. Totals are authorized/captured/refunded/hold, in cents.

use crate::{
    testing::{History, Told, given, orders, transaction::*},
    transaction::{Kind, Status, TransactionFact},
    *,
};

/// The four webhooks that Imprint prints; the capture is dated 30 February.
fn printed_webhooks() -> [Told<TransactionFact>; 4] {
    [
        approved(50_00).dated("2025-02-27T18:11:32.358Z").at_merchant("5541"),
        updated(34_51).dated("2025-02-28T01:11:32.358Z").at_merchant("5541"),
        captured(34_51).misdated("2025-02-30T01:11:32.358Z").at_merchant("5541").key("capture"),
        refunded(34_51).dated("2025-03-01T01:11:32.358Z").at_merchant("5541"),
    ]
}

#[test]
fn g1_the_printed_webhooks_authorize_update_capture_and_refund() {
    let [approval, update, capture, refund] = printed_webhooks();
    given([approval])
        .then_applied()
        .then_totals("5000/0/0/5000")
        .when(update)
        .then_applied()
        .then_totals("3451/0/0/3451")
        .when(capture)
        .then_flagged(Flag::TsUnparseable)
        .then_totals("3451/3451/0/0")
        .when(refund)
        .then_applied()
        .then_totals("3451/3451/3451/0")
        .then_status(Status::Captured);
}

#[test]
fn g2_the_printed_webhooks_end_the_same_in_all_24_orders() {
    let orders = orders(&printed_webhooks());
    assert_eq!(orders.len(), 24);
    for order in orders {
        under_default()
            .given(order)
            .then_totals("3451/3451/3451/0")
            .then_status(Status::Captured)
            .then_all(["A", "A", "A", "A!ts_unparseable"]);
    }
}

fn under_default() -> History<TransactionFact> {
    given([])
}

#[test]
fn g2_an_update_that_came_first_waits_for_its_approval() {
    let [approval, update, ..] = printed_webhooks();
    given([update])
        .then_parked("approve")
        .then_totals("0/0/0/0")
        .when(approval)
        .then_applied()
        .then_events(["TransactionApproved", "OutcomeRevised"])
        .then_revised("update@431", "P(approve) → A")
        .then_totals("3451/0/0/3451");
}

#[test]
fn g3_webhooks_delivered_three_times_count_once() {
    let mut history = given(printed_webhooks());
    // A repetition without a time that can be read has the content, and so the id, of the first.
    let [first, second, _, fourth] = printed_webhooks();
    for repeated in [first, second, fourth] {
        history = history.when(repeated.clone()).then_nothing().when(repeated).then_nothing();
    }
    let third = history.clone().the("capture").entry().step.clone();
    for _ in 0..2 {
        let repeated = Command::Record(third.clone());
        assert_eq!(history.journal.decide(repeated, &history.policies), Ok(Vec::new()));
    }
    assert_eq!(history.log.len(), 4);
    history.then_totals("3451/3451/3451/0");
}

#[test]
fn g4_captures_in_parts_add_up() {
    given([approved(50_00)])
        .when(captured(20_00))
        .then_applied()
        .then_totals("5000/2000/0/3000")
        .then_status(Status::PartiallyCaptured)
        .when(captured(30_00))
        .then_applied()
        .then_totals("5000/5000/0/0")
        .then_status(Status::Captured);
}

#[test]
fn g5_an_update_replaces_the_authorized_total() {
    given([approved(10_000)]).when(updated(5_000)).then_applied().then_totals("5000/0/0/5000");
}

#[test]
fn g6_a_void_releases_the_hold() {
    given([approved(50_00)])
        .when(voided(50_00))
        .then_applied()
        .then_totals("5000/0/0/0")
        .then_status(Status::Voided);
}

#[test]
fn g7_a_refund_in_part_leaves_the_rest_captured() {
    given([approved(50_00), captured(50_00)])
        .when(refunded(30_00))
        .then_applied()
        .then_totals("5000/5000/3000/0")
        .then_status(Status::Captured);
}

#[test]
fn g8_a_capture_after_the_void_counts_as_a_late_presentment() {
    given([approved(50_00), voided(50_00)])
        .when(captured(50_00))
        .then_flagged(Flag::LatePresentment)
        .then_totals("5000/5000/0/0")
        .then_status(Status::LatePresented);
}

#[test]
fn g9_a_forced_capture_is_one_only_until_its_approval_comes() {
    given([captured(50_00).at(2)])
        .then_flagged(Flag::ForceCaptureProvisional)
        .then_totals("0/5000/0/0")
        .then_status(Status::ForceCaptured)
        .when(approved(50_00).at(1))
        .then_applied()
        .then_revised("capture@2", "A!force_capture_provisional → A")
        .then_totals("5000/5000/0/0")
        .then_status(Status::Captured);
}

#[test]
fn g10_a_refund_can_stand_alone() {
    given([refunded(15_00)])
        .then_flagged(Flag::StandaloneRefundProvisional)
        .then_totals("0/0/1500/0")
        .then_status(Status::StandaloneRefund);
}

#[test]
fn g11_a_void_after_a_capture_in_part_releases_the_rest() {
    given([approved(50_00), captured(20_00)])
        .when(voided(50_00))
        .then_applied()
        .then_totals("5000/2000/0/0")
        .then_status(Status::CapturedRemainderVoided);
}

#[test]
fn a_void_of_neither_the_total_nor_the_rest_is_flagged() {
    for (amount, verdict) in [
        (50_00, "A"),
        (30_00, "A"),
        (20_00, "A!void_amount_mismatch"),
        (0, "A!void_amount_mismatch"),
    ] {
        given([approved(50_00), captured(20_00)])
            .when(voided(amount))
            .then(verdict)
            .then_totals("5000/2000/0/0");
    }
}

#[test]
fn g12_a_void_after_full_capture_is_refused() {
    given([approved(50_00), captured(50_00)])
        .when(voided(50_00))
        .then_refused(Refusal::VoidAfterFullCapture)
        .then_events(["StepRefused"])
        .then_totals("5000/5000/0/0")
        .then_status(Status::Captured);
}

#[test]
fn a_refusal_names_the_state_and_what_would_have_been_legal() {
    let history = given([approved(50_00), captured(50_00)]).when(voided(50_00));
    let Outcome::Refused(refused) = &history.entry().verdict.outcome else { panic!("applied") };
    assert_eq!((&*refused.state, &refused.legal[..]), ("captured", &["refund".into()][..]));
}

#[test]
fn g13_a_late_update_makes_the_refused_void_legal() {
    given([approved(50_00).at(1), captured(50_00).at(3), voided(50_00).at(4)])
        .then_refused(Refusal::VoidAfterFullCapture)
        .when(updated(80_00).at(2))
        .then_applied()
        .then_events(["AuthorizationUpdated", "OutcomeRevised"])
        .then_revised("void@4", "R!void_after_full_capture → A!void_amount_mismatch")
        .then_totals("8000/5000/0/0")
        .then_status(Status::CapturedRemainderVoided);
}

#[test]
fn g14_a_capture_in_another_currency_is_refused() {
    let history = given([approved(50_00)])
        .when(captured(50_00).in_currency("EUR"))
        .then_refused(Refusal::CurrencyMismatch)
        .then_totals("5000/0/0/5000");
    assert_eq!(history.state().currency(), Currency::from_code("USD"));
}

#[test]
fn g15_other_content_under_a_known_key_is_refused() {
    given([approved(50_00).at(1).key("event-1")])
        .when(approved(50_01).at(1).key("event-1"))
        .then_refused(Refusal::KeyReused)
        .then_totals("5000/0/0/5000");
}

#[test]
fn g16_an_approval_of_nothing_is_a_verification() {
    given([approved(0)])
        .then_applied()
        .then_totals("0/0/0/0")
        .then_status(Status::Verification)
        .when(captured(10_00))
        .then_flagged(Flag::OverCapture);
}

#[test]
fn g17_captures_above_the_total_are_tolerated_by_merchant_category() {
    for (category_code, amount, verdict) in [
        ("5812", 60_00, "A"),
        ("5812", 60_01, "A!over_capture"),
        ("7011", 57_50, "A"),
        ("7011", 57_51, "A!over_capture"),
        ("5411", 60_00, "A!over_capture"),
        ("5411", 50_01, "A!over_capture"),
    ] {
        given([approved(50_00).at_merchant(category_code)])
            .when(captured(amount))
            .then(verdict)
            .then_totals(&format!("5000/{amount}/0/0"))
            .then_status(Status::Captured);
    }
}

#[test]
fn only_the_capture_that_exceeds_the_total_is_flagged() {
    given([approved(50_00), captured(30_00), captured(30_00)]).then_all([
        "A",
        "A",
        "A!over_capture",
    ]);
}

#[test]
fn another_customer_is_refused_whatever_the_kind_of_step() {
    for kind in Kind::ALL {
        given([approved(50_00)])
            .when(told_of(kind, 10_00).of_customer("customer-2"))
            .then_refused(Refusal::CustomerConflict)
            .then_totals("5000/0/0/5000");
    }
}

#[test]
fn another_payment_method_is_flagged_and_counts() {
    let history = given([approved(50_00)])
        .when(captured(50_00).on_card("card-2"))
        .then_flagged(Flag::PaymentMethodChanged)
        .then_totals("5000/5000/0/0");
    assert_eq!(history.state().payment_method_id(), Some("card-1"));
}

#[test]
fn amounts_of_zero_count_and_are_flagged() {
    given([approved(50_00)])
        .when(captured(0))
        .then_flagged(Flag::ZeroMoneyLine)
        .when(refunded(0))
        .then_flagged(Flag::ZeroMoneyLine)
        .when(updated(0))
        .then_applied()
        .then_totals("0/0/0/0")
        .then_status(Status::ReducedToZero);
}

#[test]
fn a_sum_that_cannot_be_counted_is_refused() {
    for told in [captured, refunded] {
        given([told(i64::MAX - 1), told(1)]).when(told(1)).then_refused(Refusal::AmountOverflow);
    }
}
