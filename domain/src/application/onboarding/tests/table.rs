//! The table of DOMAIN 3.1c, cell by cell.

use super::*;

#[test]
#[rustfmt::skip] // It is a table.
fn a_step_of_the_signing_is_judged_by_the_table() {
    let (open, sign) = ("P(open_signing)", "P(complete_signing)");
    let (done, ended) = ("R!already_completed", "R!already_rejected");
    let table = [
        //            same URL              another URL           signed              same engagement  another
        (NONE,       ["A",                  "A",                  open,               sign,            sign]),
        (SUBMITTED,  ["A",                  "A",                  open,               sign,            sign]),
        (AWAITING,   ["D",                  "A",                  "A",                sign,            sign]),
        (SIGNED,     ["D",                  "A!resign_requested", "R!already_signed", "A",             "A"]),
        (COMPLETED,  ["D",                  done,                 done,               "D",             "R!engagement_conflict"]),
        (REJECTED,   ["A!reopened",         "A!reopened",         open,               open,            open]),
        (FOR_CREDIT, [ended,                ended,                ended,              ended,           ended]),
        (FAILED,     ["A!reopened",         "A!reopened",         open,               open,            open]),
    ];
    for (situation, cells) in table {
        let steps = [opened("u"), opened("v"), signed(), completed("e"), completed("f")];
        for (step, expected) in steps.into_iter().zip(cells) {
            situation().when(step).then(expected);
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn an_end_without_success_is_judged_by_the_table() {
    let (done, ended) = ("R!already_completed", "R!already_rejected");
    let (approved, signed) = ("A!rejected_after_approval", "A!rejected_after_signing");
    let broken = "A!failed_after_signing";
    let table = [
        //            KYC_DENIAL  KYB_DENIAL          CREDIT_SCORING      TIMEOUT  ADDRESS_MISMATCH
        (NONE,       ["A",        "A",                "A",                "A",     "A"]),
        (SUBMITTED,  ["A",        "A",                "A",                "A",     "A"]),
        (AWAITING,   [approved,   approved,           approved,           "A",     "A"]),
        (SIGNED,     [signed,     signed,             signed,             broken,  broken]),
        (COMPLETED,  [done,       done,               done,               done,    done]),
        (REJECTED,   ["D",        "A!reason_changed", "A!reason_changed", ended,   ended]),
        (FOR_CREDIT, [ended,      ended,              "D",                ended,   ended]),
        (FAILED,     ["A",        "A",                "A",                "D",     "A"]),
    ];
    for (situation, cells) in table {
        let declined = [declined("KYC_DENIAL"), declined("KYB_DENIAL"), credit()];
        let steps = declined.into_iter().chain([failed("TIMEOUT"), failed("ADDRESS_MISMATCH")]);
        for (step, expected) in steps.zip(cells) {
            situation().when(step).then(expected);
        }
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_step_leads_where_the_table_says_and_a_repeated_registration_nowhere() {
    let (awaits, credit_denied) = ("awaiting_signature", "rejected_for_credit");
    let table = [
        //            registered            opened                signed       completed    rejected       for credit     failed
        (SUBMITTED,  ["submitted",          awaits,               "submitted", "submitted", "rejected",    credit_denied, "failed"]),
        (AWAITING,   [awaits,               awaits,               "signed",    awaits,      "rejected",    credit_denied, "failed"]),
        (SIGNED,     ["signed",             awaits,               "signed",    "completed", "rejected",    credit_denied, "failed"]),
        (COMPLETED,  ["completed",          "completed",          "completed", "completed", "completed",   "completed",   "completed"]),
        (REJECTED,   ["rejected",           awaits,               "rejected",  "rejected",  "rejected",    credit_denied, "rejected"]),
        (FOR_CREDIT, [credit_denied,        credit_denied,        credit_denied, credit_denied, credit_denied, credit_denied, credit_denied]),
        (FAILED,     ["failed",             awaits,               "failed",    "failed",    "rejected",    credit_denied, "failed"]),
    ];
    for (situation, cells) in table {
        let steps = Kind::ALL.map(told).into_iter().collect::<Vec<_>>();
        let [register, open, sign, complete, reject, fail] = steps.try_into().unwrap();
        for (step, to) in [register, open, sign, complete, reject, credit(), fail].into_iter().zip(cells) {
            situation().when(step).then_status(to);
        }
    }
}

#[test]
fn every_reason_but_the_credit_scoring_may_be_mended() {
    for reason in REMEDIABLE {
        given([declined(reason)])
            .when(opened("u"))
            .then_flagged(Flag::Reopened)
            .then_events(["SigningOpened"])
            .then_status("awaiting_signature");
        given([opened("u"), signed(), declined(reason), opened("v"), signed(), completed("e")])
            .then_applied()
            .then_status("completed");
    }
    FOR_CREDIT()
        .when(opened("u"))
        .then_refused(Refusal::AlreadyRejected)
        .then_events(["StepRefused"]);
}

fn told(kind: Kind) -> Told<ApplicationFact> {
    match kind {
        Kind::Submit => submitted(),
        Kind::OpenSigning => opened("new"),
        Kind::CompleteSigning => signed(),
        Kind::CompleteOnboarding => completed("new"),
        Kind::RejectOnboarding => declined("UNAUTHORIZED_SIGNATORY"),
        Kind::FailOnboarding => failed("INTERNAL_ERROR"),
    }
}

#[test]
fn what_happens_is_what_is_drawn_and_every_status_is_reached() {
    let mut reached = BTreeSet::new();
    for (situation, kind) in SITUATIONS.iter().flat_map(|it| Kind::ALL.map(|kind| (it, kind))) {
        let before = situation().onboarding().status();
        let history = situation().when(told(kind));
        let (after, verdict) = (history.onboarding().status(), &history.entry().verdict);
        match (row(before, kind), &verdict.outcome) {
            (Row::Leads { to, flag }, Outcome::Applied) => {
                assert!(to.contains(&after), "{before:?} {kind:?}: {after:?}");
                assert_eq!(verdict.flags, Vec::from_iter(flag));
            }
            (Row::Refuses(code), Outcome::Refused(refused)) => {
                assert_eq!((code, before), (refused.code, after));
                assert_eq!(refused.state, before.name());
            }
            (Row::Parks(missing), Outcome::Parked { waits_for }) => {
                assert_eq!((missing, before), (&**waits_for, after));
            }
            (row, outcome) => panic!("{before:?} {kind:?}: {row:?}, but {outcome:?}"),
        }
        reached.insert((before.name(), kind.name()));
    }
    assert_eq!(reached.len(), Status::ALL.len() * Kind::ALL.len(), "{reached:?}");
}
