//! The table of DOMAIN.md 3.3, cell by cell, and what is odd about money but true.
//! Totals stand in the order authorized, captured, refunded, hold.

use crate::support::{Ledger, T0, T1, T2, T3, T5, T6, Tx, Webhook, given, play};

const T: Tx = Tx::new("t1");

/// What led to a state, and the judgement of one more step of each kind, with its flags.
/// `~` leaves the flags open: the specification says no word about them.
type State = (&'static str, fn(Tx) -> Vec<Webhook>, [&'static str; 5]);

#[rustfmt::skip] // It is a table.
const STATES: [State; 8] = [
    ("unknown",  |_| vec![], [
        "applied",
        "parked",
        "parked",
        "applied! force_capture_provisional",
        "applied! standalone_refund_provisional"]),
    ("open",     |t| vec![t.approved(5000).at(T1)], [
        "refused second_approval",
        "applied",
        "applied",
        "applied",
        "applied! refund_exceeds_captured"]),
    ("partly",   |t| vec![t.approved(5000).at(T1), t.captured(2000).at(T2)], [
        "refused second_approval",
        "applied",
        "applied",
        "applied",
        "applied"]),
    ("captured", |t| vec![t.approved(5000).at(T1), t.captured(5000).at(T2)], [
        "refused second_approval",
        "applied! update_after_full_capture",
        "refused void_after_full_capture",
        "applied! over_capture",
        "applied"]),
    ("voided",   |t| vec![t.approved(5000).at(T1), t.voided(5000).at(T3)], [
        "refused second_approval",
        "refused update_after_void",
        "refused already_voided",
        "applied! late_presentment",
        "applied! refund_exceeds_captured"]),
    ("remnant",  |t| vec![t.approved(5000).at(T1), t.captured(2000).at(T2), t.voided(5000).at(T3)], [
        "refused second_approval",
        "refused update_after_void",
        "refused already_voided",
        "applied! late_presentment",
        "applied"]),
    ("forced",   |t| vec![t.captured(5000).at(T2)], [
        "applied! approval_after_capture",
        "parked",
        "parked",
        "applied ~",
        "applied ~"]),
    ("returned", |t| vec![t.refunded(1500).at(T2)], [
        "applied ~",
        "parked",
        "parked",
        "applied ~",
        "applied ~"]),
];

#[tokio::test]
async fn each_cell_of_the_table_is_judged_as_it_says() {
    #[rustfmt::skip] // It is a table.
    let newcomers = [("APPROVED", 6000), ("UPDATED", 6000), ("VOIDED", 5000), ("CAPTURED", 3000), ("REFUNDED", 1000)];
    let ledgers = Ledger::several::<2>();
    for (state, led_there, cells) in STATES {
        for ((status, amount), judged) in newcomers.into_iter().zip(cells) {
            let id = format!("{state}-{}", status.to_lowercase());
            let tx = Tx::new(&id);
            let mut steps = led_there(tx);
            let newest = tx.step(status, amount).event(&format!("{id}-newest"));
            steps.push(newest.at(T5));
            let mut newest = play(&ledgers, &steps).await.newest();
            if judged.ends_with('~') {
                newest.truncate(newest.find('!').unwrap_or(newest.len()));
            }
            assert_eq!(newest, judged.trim_end_matches(" ~"), "{state} × {status}");
        }
    }
}

#[tokio::test]
async fn a_refund_before_its_capture_is_flagged_until_the_capture_comes() {
    let refunded_first = [T.approved(5000).at(T1), T.refunded(1000).at(T2)];
    given(refunded_first.clone())
        .await
        .shows("pending", [5000, 0, 1000, 5000])
        .flagged(["refund_exceeds_captured"]);
    let [approval, refund] = refunded_first;
    given([approval, refund, T.captured(5000).at(T3)])
        .await
        .shows("captured", [5000, 5000, 1000, 0])
        .flagged([]);
}

#[tokio::test]
async fn a_refund_of_more_is_flagged_and_never_clamped() {
    given([T.approved(5000).at(T1), T.captured(5000).at(T2), T.refunded(6000).at(T3)])
        .await
        .shows("captured", [5000, 5000, 6000, 0])
        .is("refund_status", "over")
        .flagged(["over_refund"]);
}

#[tokio::test]
async fn an_update_below_what_was_captured_is_flagged() {
    let history = given([T.approved(5000).at(T1), T.captured(2000).at(T2), T.updated(1000).at(T3)])
        .await
        .shows("captured", [1000, 2000, 0, 0]);
    assert_eq!(history.newest(), "applied! update_below_captured");
}

#[tokio::test]
async fn a_capture_of_nothing_is_flagged() {
    given([T.approved(5000).at(T1), T.captured(0).at(T2)])
        .await
        .shows("pending", [5000, 0, 0, 5000])
        .flagged(["zero_money_line"]);
}

#[tokio::test]
async fn a_step_without_a_time_counts_and_is_flagged() {
    given([T.approved(5000).at(T1), T.captured(5000).without("updated_at")])
        .await
        .shows("captured", [5000, 5000, 0, 0])
        .flagged(["ts_missing"]);
}

#[tokio::test]
async fn steps_of_one_instant_are_judged_by_their_kind() {
    given([T.approved(5000).at(T1), T.captured(5000).at(T1), T.refunded(5000).at(T1)])
        .await
        .shows("captured", [5000, 5000, 5000, 0])
        .is("refund_status", "full")
        .flagged([]);
}

#[tokio::test]
async fn a_time_with_an_offset_is_the_same_instant() {
    let later_by_the_clock = "2025-02-27T21:30:00+03:00"; // half an hour after T1
    given([
        T.approved(5000).at(T1),
        T.updated(4000).at(later_by_the_clock),
        T.updated(3000).at(T2),
    ])
    .await
    .shows("pending", [3000, 0, 0, 3000])
    .judged(["applied", "stale", "applied"]);
}

#[tokio::test]
async fn an_update_between_approval_and_void_corrects_the_total_but_not_the_hold() {
    given([T.approved(5000).at(T1), T.updated(6000).at(T2), T.voided(6000).at(T3)])
        .await
        .shows("voided", [6000, 0, 0, 0])
        .judged(["applied"; 3]);
}

#[tokio::test]
async fn an_update_older_than_the_approval_is_stale() {
    given([T.updated(6000).at(T0), T.approved(5000).at(T6)])
        .await
        .shows("pending", [5000, 0, 0, 5000])
        .judged(["stale", "applied"]);
}
