//! Reasons and codes, when to apply again, and what is to be done.

use super::*;

#[test]
#[rustfmt::skip] // It is a table.
fn the_first_day_to_apply_again_is_three_calendar_months_later_in_utc() {
    let table = [
        // denied                      again from
        ("2024-11-30T12:00:00Z",      "2025-02-28"), // G28
        ("2023-11-30T12:00:00Z",      "2024-02-29"), // a leap year
        ("2023-11-29T12:00:00Z",      "2024-02-29"),
        ("2024-11-28T12:00:00Z",      "2025-02-28"),
        ("2024-08-31T12:00:00Z",      "2024-11-30"),
        ("2024-02-29T12:00:00Z",      "2024-05-29"),
        ("2025-01-31T12:00:00Z",      "2025-04-30"),
        ("2024-12-31T12:00:00Z",      "2025-03-31"),
        ("2025-01-15T12:00:00Z",      "2025-04-15"),
        ("2024-12-01T00:30:00+02:00", "2025-02-28"), // still 30 November in UTC
        ("2024-11-30T22:00:00-05:00", "2025-03-01"), // already 1 December in UTC
        ("2024-11-30T23:59:59.999Z",  "2025-02-28"),
    ];
    for (denied, from) in table {
        let history = given([credit().dated(denied)]).then_status("rejected_for_credit");
        let state = history.onboarding();
        assert_eq!(state.reapply_after(), Some(from.parse().unwrap()), "denied {denied}");
        let action = &state.actions.all()[0];
        assert_eq!((action.kind, action.from), (ActionKind::Reapply, state.reapply_after()));
    }
}

#[test]
fn no_other_reason_and_no_failure_names_a_day_to_apply_again() {
    let declined = REMEDIABLE.map(declined);
    for told in declined.into_iter().chain(FailureCode::ALL.map(|code| failed(code.code()))) {
        let state = given([told]).onboarding();
        assert_eq!((state.reapply_after(), state.actions.all()[0].from), (None, None));
    }
}

#[test]
fn a_denial_that_a_late_reason_replaces_names_no_day_any_more() {
    given([credit().at(5)])
        .when(declined("KYB_DENIAL").at(1))
        .then_applied()
        .then_revised("reject_onboarding@5", "A → A!reason_changed")
        .then_status("rejected_for_credit");
    let history = given([credit().at(1), declined("KYB_DENIAL").at(5)]);
    assert_eq!(history.onboarding().reapply_after(), credit_day());
}

fn credit_day() -> Option<jiff::civil::Date> {
    Some("2025-05-27".parse().unwrap())
}

#[test]
#[rustfmt::skip] // It is a table.
fn a_reason_or_a_code_tells_what_kind_of_ground_it_is_and_what_to_do() {
    use {ActionKind::*, Class::*};
    let reasons = [
        ("KYC_DENIAL",             Decline,     ProvideDocuments, "Contact support, provide additional documentation"),
        ("KYB_DENIAL",             Decline,     ContactSupport,   "Contact support for business verification issues"),
        ("CREDIT_SCORING_DENIAL",  Decline,     Reapply,          "Can reapply after 3 months"),
        ("UNAUTHORIZED_SIGNATORY", Document,    ProvideDocuments, "Provide proof of signatory authorization"),
        ("INVALID_DOCUMENTS",      Document,    ProvideDocuments, "Re-upload valid documents"),
        ("NOT_LISTED",             Decline,     ContactSupport,   "Contact support"),
    ];
    let codes = [
        ("INTERNAL_ERROR",         Technical,   RetryApplication, "Contact support, retry after resolution"),
        ("ADDRESS_MISMATCH",       Correctable, CorrectData,      "Update application with correct address"),
        ("NAME_MISMATCH",          Correctable, CorrectData,      "Verify spelling, provide correct legal name"),
        ("ID_VERIFICATION_FAILED", Document,    ProvideDocuments, "Provide additional documentation"),
        ("TIMEOUT",                Technical,   RetryApplication, "Retry application"),
        ("NOT_LISTED",             Technical,   ContactSupport,   "Contact support"),
    ];
    for (word, class, action, customer_action) in reasons {
        let reason = RejectReason::of(word);
        assert_eq!((reason.code(), reason.class(), reason.action(), reason.customer_action()), (word, class, action, customer_action));
        opens(given([declined(word)]), action, word);
    }
    for (word, class, action, customer_action) in codes {
        let code = FailureCode::of(word);
        assert_eq!((code.code(), code.class(), code.action(), code.customer_action()), (word, class, action, customer_action));
        opens(given([failed(word)]), action, word);
    }
}

/// The history asks for that alone, for that reason.
#[track_caller]
fn opens(history: History<ApplicationFact>, kind: ActionKind, reason: &str) {
    let state = history.onboarding();
    let [action] = state.actions.all() else { panic!("{:?}", state.actions) };
    assert_eq!((action.kind, action.reason.as_deref()), (kind, Some(reason)));
    assert_eq!((action.closed, action.due_at, action.secret), (None, None, None));
    assert_eq!(action.opened_by, history.entry().step.id);
}

#[test]
#[rustfmt::skip] // It is a table.
fn each_step_settles_what_was_to_be_done_and_asks_for_the_next() {
    let (redirect, initiate) = ("redirect_to_signing (settled)", "initiate_card_creation (settled)");
    SUBMITTED().then_actions([]);
    AWAITING().then_actions(["redirect_to_signing"]);
    AWAITING().when(opened("v")).then_actions([redirect, "redirect_to_signing"]);
    AWAITING().when(declined("KYB_DENIAL")).then_actions([redirect, "contact_support"]);
    AWAITING().when(failed("TIMEOUT")).then_actions([redirect, "retry_application"]);
    SIGNED().then_actions([redirect, "initiate_card_creation"]);
    SIGNED().when(opened("v")).then_actions([redirect, initiate, "redirect_to_signing"]);
    SIGNED().when(declined("INVALID_DOCUMENTS")).then_actions([redirect, initiate, "provide_documents"]);
    SIGNED().when(failed("NAME_MISMATCH")).then_actions([redirect, initiate, "correct_data"]);
    COMPLETED().then_actions([redirect, initiate, "store_engagement_id"]);
    REJECTED().when(credit()).then_actions(["provide_documents (settled)", "reapply"]);
    FAILED().when(credit()).then_actions(["retry_application (settled)", "reapply"]);
}

#[test]
fn what_is_refused_waits_or_says_nothing_new_asks_for_nothing() {
    SIGNED()
        .when(signed())
        .then_actions(["redirect_to_signing (settled)", "initiate_card_creation"]);
    AWAITING().when(opened("u")).then_actions(["redirect_to_signing"]);
    AWAITING().when(completed("e")).then_actions(["redirect_to_signing"]);
    FOR_CREDIT().when(opened("u")).then_actions(["reapply"]);
}

#[test]
fn the_partner_does_what_is_to_be_done_once() {
    given([opened("u"), signed()])
        .done("complete_signing@2")
        .then_applied()
        .then_events(["ActionDone"])
        .then_status("signed")
        .then_actions(["redirect_to_signing (settled)", "initiate_card_creation (done)"])
        .when(completed("e"))
        .then_actions([
            "redirect_to_signing (settled)",
            "initiate_card_creation (done)",
            "store_engagement_id",
        ])
        .done("complete_onboarding@4")
        .then_applied()
        .the("complete_onboarding@4")
        .then_applied();
}

#[test]
fn what_has_been_done_can_not_be_done_again() {
    let done = || given([opened("u").at(1), submitted().at(5)]).done("open_signing@1");
    for history in [done(), done().when(opened("v").at(7)), done().when(signed().at(3))] {
        let known = history.log.len();
        let history = history.done("open_signing@1");
        assert_eq!(history.refusal().map(CommandRefusal::code), Some("already_closed"));
        assert_eq!(history.log.len(), known);
    }
}

#[test]
fn what_nobody_asked_for_can_not_be_done() {
    let submitted = SUBMITTED().the_step("submit@1");
    let opened = AWAITING().the_step("open_signing@2");
    for deed in [
        carried_out(ActionKind::RedirectToSigning, submitted),
        carried_out(ActionKind::InitiateCardCreation, opened),
    ] {
        let history = AWAITING().when(deed);
        assert_eq!(history.refusal().map(CommandRefusal::code), Some("already_closed"));
        history.then_actions(["redirect_to_signing"]);
    }
}

#[test]
fn what_was_done_stays_done_whatever_late_steps_settle_it() {
    let (resent, initiate) = ("redirect_to_signing", "initiate_card_creation");
    for (late, next) in [
        (opened("v"), resent),
        (signed(), initiate),
        (declined("KYC_DENIAL"), "provide_documents"),
        (failed("TIMEOUT"), "retry_application"),
    ] {
        // It was done in minute 6, which is when the partner knew of nothing else.
        let history = given([opened("u").at(1), submitted().at(5)])
            .done("open_signing@1")
            .when(late.at(3))
            .the("close_action@6")
            .then_applied()
            .then_actions(["redirect_to_signing (done)", next]);
        let state = history.onboarding();
        let closed = state.actions.all()[0].closed.unwrap();
        assert_eq!((closed.by, closed.at), (history.the_step("close_action@6"), minute(6)));
    }
}

#[test]
fn what_had_fallen_away_is_done_if_the_partner_did_it() {
    given([opened("u").at(1), signed().at(2)])
        .then_actions(["redirect_to_signing (settled)", "initiate_card_creation"])
        .done("open_signing@1")
        .then_applied()
        .then_actions(["redirect_to_signing (done)", "initiate_card_creation"]);
}

#[test]
fn what_was_done_is_refused_in_the_end_if_nobody_had_to_do_it() {
    let done = || given([opened("u").at(1)]).done("open_signing@1").then_applied();
    done()
        .resolved("open_signing@1", "discard")
        .then_revised("close_action@2", "A → R!already_closed")
        .then_actions([]);
    // It was signed before, so nobody had to be sent to the session.
    done()
        .when(signed().at(0))
        .then_revised("close_action@2", "A → R!already_closed")
        .then_actions(["initiate_card_creation"]);
}

#[test]
fn each_action_is_the_turn_of_one() {
    let of = |owner| ActionKind::ALL.into_iter().filter(move |kind| kind.owner() == owner).count();
    assert_eq!(Owner::ALL.map(of), [5, 5, 1]);
    for kind in ActionKind::ALL {
        assert_eq!(ActionKind::named(kind.name()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert!(!kind.message().is_empty());
    }
    for owner in Owner::ALL {
        assert_eq!(serde_json::to_value(owner).unwrap(), owner.name());
    }
}
