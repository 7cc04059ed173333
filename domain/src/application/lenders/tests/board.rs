//! Where lenders and application stand.

use super::*;

#[test]
fn an_approval_stands_when_a_prequalification_comes_late() {
    APPROVED()
        .when(lender("a", prequalified(1200)))
        .then_flagged(Flag::LatePrequalification)
        .then_board("approved", &[("a", "approved", 1000)])
        .when(lender("a", approved_for(1000)))
        .then_duplicate();
}

#[test]
#[rustfmt::skip] // It is a table.
fn the_board_shows_the_newest_amount_and_reason() {
    let table = [
        (PREQUALIFIED, prequalified(900),      "prequalified",     900,  None),
        (PREQUALIFIED, reviewing("s"),         "pending_lender",   1000, Some("s")),
        (APPROVED,     approved_for(900),      "approved",         900,  None),
        (APPROVED,     merchant_required("s"), "pending_merchant", 1000, Some("s")),
        (APPROVED,     Declined,               "declined",         1000, None),
        (APPROVED,     confirmed(950, "t"),    "confirmed",        950,  None),
        (CONSUMER,     consumer_required("s"), "pending_consumer", 0,    Some("s")),
        (CONSUMER,     approved_for(1),        "approved",         1,    None),
        (DECLINED,     approved_for(1),        "declined",         0,    None),
    ];
    for (situation, report, status, amount, reason) in table {
        let state = situation().when(lender("a", report)).lenders();
        let track = &state.tracks["a"];
        assert_eq!(track.status.name(), status);
        assert_eq!(track.amount.map_or(0, |amount| amount.minor), amount);
        assert_eq!(track.reason.as_deref(), reason);
    }
}

/// The best of the lenders decides.
fn reference(tracks: &[Status]) -> &'static str {
    let worth = |status: &Status| match status {
        Status::Unknown => 0,
        Status::Cancelled => 1,
        Status::Declined => 2,
        Status::Prequalified => 3,
        Status::PendingLender => 4,
        Status::PendingConsumer | Status::PendingMerchant => 5,
        Status::Approved => 6,
        Status::Confirmed => 7,
    };
    let by_worth = [
        "started",
        "cancelled_by_all_known",
        "declined_by_all_known",
        "prequalified",
        "under_review",
        "action_required",
        "approved",
        "confirmed",
    ];
    by_worth[tracks.iter().map(worth).max().unwrap_or(0)]
}

#[test]
fn the_application_stands_where_the_best_of_its_lenders_does() {
    let mut reached = BTreeSet::new();
    let mut check = |tracks: &[Status]| {
        let overall = Overall::of(tracks.iter().copied());
        assert_eq!(overall.name(), reference(tracks), "{tracks:?}");
        reached.insert(overall.name());
    };
    check(&[]);
    for a in Status::ALL {
        check(&[a]);
        for b in Status::ALL {
            check(&[a, b]);
            Status::ALL.into_iter().for_each(|c| check(&[a, b, c]));
        }
    }
    assert_eq!(reached, Overall::ALL.map(Overall::name).into());
}

#[test]
fn each_lender_has_a_track_of_its_own() {
    let reports = [
        prequalified(1),
        reviewing("r"),
        consumer_required("r"),
        merchant_required("r"),
        approved_for(1),
        Declined,
        Cancelled,
        confirmed(1, "t"),
    ];
    for (a, b) in reports.iter().flat_map(|a| reports.iter().map(move |b| (a, b))) {
        let alone = |report: &Report| given([lender("a", report.clone())]).lenders();
        let expected = [a, b].map(|report| alone(report).tracks["a"].status);
        let both = given([lender("a", a.clone()), lender("b", b.clone())]).lenders();
        assert_eq!(["a", "b"].map(|id| both.tracks[id].status), expected);
        assert_eq!(both.status().name(), reference(&expected));
        let decided = matches!(both.status(), Overall::Approved | Overall::Confirmed);
        assert_eq!(both.decision(), decided.then_some(Decision::Accepted));
    }
}

#[test]
fn the_decline_of_all_is_not_final_since_another_lender_may_be_asked() {
    given([lender("a", Declined), lender("b", Cancelled)])
        .then_board("declined_by_all_known", &[("a", "declined", 0), ("b", "cancelled", 0)])
        .when(lender("c", prequalified(5)))
        .then_applied()
        .then_board(
            "prequalified",
            &[("a", "declined", 0), ("b", "cancelled", 0), ("c", "prequalified", 5)],
        );
}

#[test]
fn the_partner_registers_the_order_before_or_after_the_session() {
    for order in orders(&[begun().at(1), registered("order-1").at(2), registered("other").at(3)]) {
        let history = under(Policies::default()).given(order).then_all(["A", "A", "A"]);
        let state = history.lenders();
        assert_eq!(state.merchant_order_id.as_deref(), Some("order-1"));
        assert_eq!(state.started_at, Some(minute(1)));
    }
    given([registered("order-1")]).then_events(["ApplicationSubmitted"]).then_board("started", &[]);
}
