//! The table of DOMAIN 3.1d, cell by cell, and what else decides on a lender's report.

use super::*;

/// Each report of lender a in each situation leads to the verdict in its column.
#[track_caller]
fn judges<const N: usize>(reports: [Report; N], table: [(Situation, [&str; N]); 9]) {
    for (situation, cells) in table {
        for (report, expected) in reports.iter().zip(cells) {
            situation().when(lender("a", report.clone())).then(expected);
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_prequalification_or_a_review_is_judged_by_the_table() {
    let (late, again, back) = ("A!late_prequalification", "A!re_review", "A!back_to_prequalified");
    let reports = [
        prequalified(1000), prequalified(900),
        reviewing("r"), reviewing("s"), consumer_required("r"), consumer_required("s"),
        merchant_required("r"), merchant_required("s"),
    ];
    judges(reports, [
        //              same   other  lender r, s    consumer r, s  merchant r, s
        (NONE,         ["A",   "A",   "A",   "A",    "A",   "A",    "A",   "A"]),
        (PREQUALIFIED, ["D",   "A",   "A",   "A",    "A",   "A",    "A",   "A"]),
        (REVIEWING,    [back,  back,  "D",   "A",    "A",   "A",    "A",   "A"]),
        (CONSUMER,     [back,  back,  "A",   "A",    "D",   "A",    "A",   "A"]),
        (MERCHANT,     [back,  back,  "A",   "A",    "A",   "A",    "D",   "A"]),
        (APPROVED,     [late,  late,  again, again,  again, again,  again, again]),
        (DECLINED,     [FINAL, FINAL, FINAL, FINAL,  FINAL, FINAL,  FINAL, FINAL]),
        (CANCELLED,    [FINAL, FINAL, FINAL, FINAL,  FINAL, FINAL,  FINAL, FINAL]),
        (CONFIRMED,    [FINAL, FINAL, FINAL, FINAL,  FINAL, FINAL,  FINAL, FINAL]),
    ]);
}

#[test]
#[rustfmt::skip] // It is a table.
fn an_approval_or_an_end_is_judged_by_the_table() {
    let (unseen, unapproved) = ("A!cancelled_unseen", "A!confirm_without_approval");
    let (late, after) = ("A!declined_after_approval", "A!cancelled_after_confirm");
    let (high, second) = ("R!declined_after_confirm", "A!second_confirmation");
    let reports = [
        approved_for(1000), approved_for(900), Declined, Cancelled,
        confirmed(1000, "t"), confirmed(1000, "u"),
    ];
    judges(reports, [
        //              same   other  declined cancelled same token  another token
        (NONE,         ["A",   "A",   "A",     unseen,   unapproved, unapproved]),
        (PREQUALIFIED, ["A",   "A",   "A",     "A",      unapproved, unapproved]),
        (REVIEWING,    ["A",   "A",   "A",     "A",      unapproved, unapproved]),
        (CONSUMER,     ["A",   "A",   "A",     "A",      unapproved, unapproved]),
        (MERCHANT,     ["A",   "A",   "A",     "A",      unapproved, unapproved]),
        (APPROVED,     ["D",   "A",   late,    "A",      "A",        "A"]),
        (DECLINED,     [FINAL, FINAL, "D",     FINAL,    FINAL,      FINAL]),
        (CANCELLED,    [FINAL, FINAL, FINAL,   "D",      FINAL,      FINAL]),
        (CONFIRMED,    ["D",   FINAL, high,    after,    "D",        second]),
    ]);
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_report_leads_where_the_table_says() {
    let (lender_, consumer, merchant) = ("pending_lender", "pending_consumer", "pending_merchant");
    let reports = || [
        prequalified(1), reviewing("n"), consumer_required("n"), merchant_required("n"),
        approved_for(1), Declined, Cancelled, confirmed(1, "n"),
    ];
    let table = [
        //              prequalified   lender       consumer     merchant     approved    declined    cancelled    confirmed
        (NONE,         ["prequalified", lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (PREQUALIFIED, ["prequalified", lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (REVIEWING,    ["prequalified", lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (CONSUMER,     ["prequalified", lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (MERCHANT,     ["prequalified", lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (APPROVED,     ["approved",     lender_,     consumer,    merchant,    "approved",  "declined",  "cancelled", "confirmed"]),
        (DECLINED,     ["declined",     "declined",  "declined",  "declined",  "declined",  "declined",  "declined",  "declined"]),
        (CANCELLED,    ["cancelled",    "cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "cancelled"]),
        (CONFIRMED,    ["confirmed",    "confirmed", "confirmed", "confirmed", "confirmed", "confirmed", "cancelled", "confirmed"]),
    ];
    for (situation, cells) in table {
        for (report, to) in reports().into_iter().zip(cells) {
            let state = situation().when(lender("a", report)).lenders();
            assert_eq!(state.tracks["a"].status.name(), to);
        }
    }
}

#[test]
fn the_begin_of_a_session_counts_once_and_whenever_it_comes() {
    given([lender("a", Declined).at(1), begun().at(3)])
        .then_applied()
        .when(begun().at(4))
        .then_duplicate();
    for order in orders(&[begun().at(2), lender("a", Declined).at(1), begun().at(3)]) {
        let history = under(Policies::default()).given(order).then_all(["A", "A", "D"]);
        assert_eq!(history.lenders().started_at, Some(minute(2)));
        history.then_board("declined_by_all_known", &[("a", "declined", 0)]);
    }
}

#[test]
fn a_review_without_a_reason_says_nothing_new_and_one_with_a_reason_does() {
    given([lender("a", Reviewing(None))])
        .when(lender("a", reviewing("r")))
        .then_applied()
        .when(lender("a", Reviewing(None)))
        .then_duplicate();
}

#[test]
fn what_was_declined_can_be_reconsidered_by_an_operator_alone() {
    DECLINED()
        .when(lender("a", approved_for(5)).key("k"))
        .then_refused(Refusal::TrackTerminal)
        .resolved("k", "apply")
        .then_applied()
        .then_board("approved", &[("a", "approved", 5)])
        .when(lender("a", confirmed(5, "t")))
        .then_applied();
}

#[test]
fn reports_of_one_instant_lead_from_the_review_to_the_end() {
    let at_once = [
        lender("a", Cancelled),
        lender("a", confirmed(5, "t")),
        lender("a", approved_for(5)),
        lender("a", prequalified(5)),
        begun(),
    ];
    for order in orders(&at_once.map(|told| told.at(1))) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "A", "A", "A", "A!cancelled_after_confirm"])
            .then_board("cancelled_by_all_known", &[("a", "cancelled", 5)]);
    }
}

#[test]
fn one_key_with_other_content_is_refused() {
    for order in orders(&[
        lender("a", approved_for(5)).at(1).key("k"),
        lender("a", approved_for(6)).at(2).key("k"),
    ]) {
        under(Policies::default())
            .given(order)
            .then_all(["A", "R!key_reused"])
            .then_board("approved", &[("a", "approved", 5)]);
    }
}

fn told(kind: Kind) -> Report {
    match kind {
        Kind::Review => reviewing("new"),
        Kind::RequireConsumer => consumer_required("new"),
        Kind::RequireMerchant => merchant_required("new"),
        Kind::Prequalify => prequalified(7),
        Kind::Approve => approved_for(7),
        Kind::Confirm => confirmed(7, "new"),
        Kind::Decline => Declined,
        Kind::Cancel => Cancelled,
        other => panic!("{other:?} is of no lender"),
    }
}

#[test]
fn what_happens_is_what_is_drawn_and_every_status_is_reached() {
    let mut reached = BTreeSet::new();
    let status_of = |history: &History<ApplicationFact>| {
        history.lenders().tracks.get("a").map_or(Status::Unknown, |track| track.status)
    };
    for (situation, kind) in SITUATIONS.iter().flat_map(|it| Kind::OF_LENDER.map(|kind| (it, kind)))
    {
        let before = status_of(&situation());
        let history = situation().when(lender("a", told(kind)));
        let (after, verdict) = (status_of(&history), &history.entry().verdict);
        match (row(before, kind), &verdict.outcome) {
            (Row::Leads { to, flag }, Outcome::Applied) => {
                assert_eq!(to, [after]);
                assert_eq!(verdict.flags, Vec::from_iter(flag));
            }
            (Row::Refuses(code), Outcome::Refused(refused)) => {
                assert_eq!((code, before), (refused.code, after));
                assert_eq!(refused.state, before.name());
            }
            // The same again.
            (Row::Refuses(Refusal::TrackTerminal), Outcome::Duplicate) => {
                assert!(matches!(before, Status::Declined | Status::Cancelled));
                assert_eq!(before, after);
            }
            (row, outcome) => panic!("{before:?} {kind:?}: {row:?}, but {outcome:?}"),
        }
        reached.insert((before.name(), kind.name()));
    }
    assert_eq!(reached.len(), Status::ALL.len() * Kind::OF_LENDER.len(), "{reached:?}");
}
