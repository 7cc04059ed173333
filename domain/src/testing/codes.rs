//! Every code has an example: a new one does not compile without.

use super::{
    application::*,
    charge::{
        authorized, chargeback, created_for, refund, reversal, settle, settle_update, settled,
        void, void_by_the_lender,
    },
    lenders::*,
    onboarding::*,
    payment_method::*,
    transaction::*,
    *,
};
use crate::application::lenders::Report;

/// The verdicts of a history with the refusal; `None` where no history has it, with the reason.
#[rustfmt::skip] // It is a table.
fn refused(code: Refusal) -> Option<Vec<String>> {
    let verdicts = match code {
        Refusal::Discarded            => given([approved(50)]).resolved("approve@1", "discard").verdicts(),
        Refusal::KeyReused            => given([approved(50).key("k"), captured(50).key("k")]).verdicts(),
        Refusal::CurrencyMismatch     => given([approved(50), captured(50).in_currency("EUR")]).verdicts(),
        Refusal::CustomerConflict     => given([approved(50), captured(50).of_customer("2")]).verdicts(),
        Refusal::OwnerConflict        => given([virtual_card("-", "ACTIVE"), virtual_card("-", "-").of_customer("2")]).verdicts(),
        Refusal::TypeConflict         => given([virtual_card("-", "ACTIVE"), physical_card("-", "-")]).verdicts(),
        Refusal::AmountOverflow       => given([captured(i64::MAX), captured(1)]).verdicts(),
        Refusal::SecondApproval       => given([approved(50), approved(50)]).verdicts(),
        Refusal::UpdateAfterVoid      => given([approved(50), voided(50), updated(60)]).verdicts(),
        Refusal::AlreadyVoided        => given([approved(50), voided(50), voided(50)]).verdicts(),
        Refusal::VoidAfterFullCapture => given([approved(50), captured(50), voided(50)]).verdicts(),
        Refusal::CaptureAfterVoid     => refusing_late_captures().given([approved(50), voided(50), captured(50)]).verdicts(),
        Refusal::CanceledIsFinal      => given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "CANCELED"), virtual_card("CANCELED", "ACTIVE")]).verdicts(),
        Refusal::VirtualResume        => given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE"), virtual_card("INACTIVE", "ACTIVE")]).verdicts(),
        Refusal::DecisionConflict     => given([accepted(1), rejected(1)]).verdicts(),
        Refusal::RepeatedDecision     => given([accepted(1), accepted(1)]).verdicts(),
        Refusal::AlreadySigned        => given([opened("u"), signed(), signed()]).verdicts(),
        Refusal::AlreadyCompleted     => given([opened("u"), signed(), completed("e"), opened("v")]).verdicts(),
        Refusal::EngagementConflict   => given([opened("u"), signed(), completed("e"), completed("f")]).verdicts(),
        Refusal::AlreadyRejected      => given([declined("KYC_DENIAL"), failed("TIMEOUT")]).verdicts(),
        Refusal::AlreadyEnded         => given([failed("TIMEOUT"), signed()]).after(hours(1)).verdicts(),
        Refusal::TrackTerminal        => given([lender("a", Report::Declined), lender("a", approved_for(5))]).verdicts(),
        Refusal::DeclinedAfterConfirm => given([lender("a", confirmed(5, "t")), lender("a", Report::Declined)]).verdicts(),
        Refusal::CancelledAfterCharge => given([lender("a", confirmed(5, "t")), charge_created("c"), lender("a", Report::Cancelled)]).verdicts(),
        // It was signed before, so the session fills in, and nobody had to be sent to it.
        Refusal::ActionClosed         => given([opened("u").at(1)]).done("open_signing@1").when(signed().at(0)).verdicts(),
        Refusal::SecondAuthorize      => given([authorized(50), authorized(60)]).verdicts(),
        Refusal::AuthorizeAfterVoid   => given([authorized(50), void(), authorized(50)]).verdicts(),
        Refusal::VoidAfterFullSettle  => given([authorized(50), settled(50), void_by_the_lender()]).verdicts(),
        Refusal::VoidDuringChargeback => given([authorized(50), settled(20), chargeback("c", 5), void_by_the_lender()]).verdicts(),
        Refusal::OperationAmountConflict => given([authorized(50), settle("s", 20, "pending"), settle_update("s", 30, "accepted")]).verdicts(),
        Refusal::TerminalConflict     => given([authorized(50), settle("s", 20, "completed"), settle_update("s", 20, "failure")]).verdicts(),
        Refusal::ReversalExceedsChargeback => given([authorized(50), settled(50), chargeback("c", 5), reversal("v", 6)]).verdicts(),
        // The second is dated earlier, so the first, which was in order, is not any more.
        Refusal::LinkConflict         => given([created_for("a").at(2), created_for("b").at(1)]).verdicts(),
        // Each change of status that no card may make has a refusal of its own at present.
        Refusal::IllegalStatusEdge    => return None,
    };
    Some(verdicts)
}

/// The verdicts of a history with the flag.
#[rustfmt::skip] // It is a table.
fn flagged(flag: Flag) -> Vec<String> {
    match flag {
        Flag::TsMissing                   => given([approved(50).undated()]).verdicts(),
        Flag::TsUnparseable               => given([approved(50).misdated("2025-02-30T00:00:00Z")]).verdicts(),
        Flag::OutsideWindow               => given([approved(50).outside_window()]).verdicts(),
        Flag::HistoryGap                  => given([updated(50)]).after(hours(72)).verdicts(),
        Flag::ForceCaptureProvisional     => given([captured(50)]).verdicts(),
        Flag::ApprovalAfterCapture        => given([captured(50), approved(50)]).verdicts(),
        Flag::OverCapture                 => given([approved(50), captured(51)]).verdicts(),
        Flag::LatePresentment             => given([approved(50), voided(50), captured(50)]).verdicts(),
        Flag::UpdateBelowCaptured         => given([approved(50), captured(20), updated(10)]).verdicts(),
        Flag::UpdateAfterFullCapture      => given([approved(50), captured(50), updated(60)]).verdicts(),
        Flag::VoidAmountMismatch          => given([approved(50), voided(40)]).verdicts(),
        Flag::StandaloneRefundProvisional => given([refunded(50)]).verdicts(),
        Flag::RefundExceedsCaptured       => given([approved(50), refunded(50)]).verdicts(),
        Flag::OverRefund                  => given([approved(50), captured(50), refunded(51)]).verdicts(),
        Flag::PaymentMethodChanged        => given([approved(50), captured(50).on_card("2")]).verdicts(),
        Flag::ZeroMoneyLine               => given([approved(50), captured(0)]).verdicts(),
        Flag::PreviousStatusMismatch      => given([virtual_card("-", "ACTIVE"), virtual_card("INACTIVE", "CANCELED")]).verdicts(),
        Flag::UnknownCardType             => given([card("UNIFIED", "-", "ACTIVE")]).verdicts(),
        Flag::UndocumentedResume          => allowing_resumes().given([virtual_card("-", "ACTIVE"), virtual_card("ACTIVE", "INACTIVE"), virtual_card("INACTIVE", "ACTIVE")]).verdicts(),
        Flag::AlreadyCardholder           => given([accepted(1), accepted(2)]).verdicts(),
        Flag::SdkWebhookMismatch          => given([accepted(1), reported(1, "REJECTED")]).verdicts(),
        Flag::LateReport                  => given([accepted(1), reported(1, "ERROR")]).verdicts(),
        Flag::AcceptedUnconfirmed         => given([started("s"), reported("s", "OFFER_ACCEPTED")]).after(hours(2)).verdicts(),
        Flag::RejectedUnconfirmed         => given([started("s"), reported("s", "REJECTED")]).after(hours(25)).verdicts(),
        Flag::TsZoneAssumed               => given([approved(50).zoneless()]).verdicts(),
        Flag::PanMasked                   => given([approved(50).with_card_number()]).verdicts(),
        Flag::HoldOverdue                 => given([approved(50)]).after(hours(24 * 31)).verdicts(),
        Flag::ApplicationStale            => given([submitted()]).after(hours(24 * 31)).verdicts(),
        Flag::SigningOverdue              => given([opened("u")]).after(hours(24 * 8)).verdicts(),
        Flag::RejectedAfterApproval       => given([opened("u"), declined("KYC_DENIAL")]).verdicts(),
        Flag::RejectedAfterSigning        => given([opened("u"), signed(), declined("KYC_DENIAL")]).verdicts(),
        Flag::FailedAfterSigning          => given([opened("u"), signed(), failed("TIMEOUT")]).verdicts(),
        Flag::ResignRequested             => given([opened("u"), signed(), opened("v")]).verdicts(),
        Flag::Reopened                    => given([failed("TIMEOUT"), opened("u")]).verdicts(),
        Flag::ReasonChanged               => given([declined("KYC_DENIAL"), declined("KYB_DENIAL")]).verdicts(),
        Flag::UnknownReason               => given([declined("OTHER")]).verdicts(),
        Flag::CancelledUnseen             => given([lender("a", Report::Cancelled)]).verdicts(),
        Flag::ConfirmWithoutApproval      => given([lender("a", confirmed(5, "t"))]).verdicts(),
        Flag::BackToPrequalified          => given([lender("a", reviewing("r")), lender("a", prequalified(5))]).verdicts(),
        Flag::LatePrequalification        => given([lender("a", approved_for(5)), lender("a", prequalified(6))]).verdicts(),
        Flag::ReReview                    => given([lender("a", approved_for(5)), lender("a", reviewing("r"))]).verdicts(),
        Flag::DeclinedAfterApproval       => given([lender("a", approved_for(5)), lender("a", Report::Declined)]).verdicts(),
        Flag::CancelledAfterConfirm       => given([lender("a", confirmed(5, "t")), lender("a", Report::Cancelled)]).verdicts(),
        Flag::SecondConfirmation          => given([lender("a", confirmed(5, "t")), lender("a", confirmed(5, "u"))]).verdicts(),
        Flag::MultipleConfirmedLenders    => given([lender("a", confirmed(5, "t")), lender("b", confirmed(5, "u"))]).verdicts(),
        Flag::TokenUnused                 => given([lender("a", confirmed(5, "t"))]).after(hours(24 * 8)).verdicts(),
        Flag::AuthorizationUnseen         => given([settled(50)]).verdicts(),
        Flag::RefundBeforeSettle          => given([authorized(50), refund("r", 5, "pending")]).verdicts(),
        Flag::SettleExceedsAuthorized     => given([authorized(50), settled(51)]).verdicts(),
        Flag::SettleAfterVoid             => given([authorized(50), void(), settled(50)]).verdicts(),
        Flag::SettleDuringChargeback      => given([authorized(50), settled(20), chargeback("c", 5), settled(30)]).verdicts(),
        Flag::SettleAfterFullRefund       => given([authorized(50), settled(50), refund("r", 50, "completed"), settled(5)]).verdicts(),
        Flag::ChargebackWithoutSettle     => given([authorized(50), chargeback("c", 5)]).verdicts(),
        Flag::DoubleCreditRisk            => given([authorized(50), settled(50), refund("r", 50, "completed"), chargeback("c", 50)]).verdicts(),
        Flag::CreationUnseen              => given([authorized(50), settle_update("s", 50, "completed")]).verdicts(),
        Flag::AmountAdjusted              => given([authorized(50), settle("s", 50, "pending"), settle_update("s", 40, "completed")]).verdicts(),
        Flag::AmbiguousOperation          => given([settle("s", 50, "pending"), settle("t", 50, "pending"), settle("-", 50, "pending")]).verdicts(),
        Flag::OperationStuck              => given([authorized(50), settle("s", 50, "pending")]).after(hours(24 * 4)).verdicts(),
        Flag::ChargeUnsettled             => given([authorized(50)]).after(hours(24 * 31)).verdicts(),
        Flag::LinkMismatch                => given([authorized(50), settled(50), chargeback("c", 5).of_application("a"), chargeback("d", 5).of_application("b")]).verdicts(),
    }
}

fn refusing_late_captures() -> History<TransactionFact> {
    under(Policies { capture_after_void: Reaction::Refuse, ..Policies::default() })
}

fn allowing_resumes() -> History<PaymentMethodFact> {
    under(Policies { virtual_resume: Reaction::Flag, ..Policies::default() })
}

fn have(verdicts: &[String], code: &str) -> bool {
    verdicts.iter().any(|verdict| verdict.split('!').any(|part| part == code))
}

#[test]
fn every_refusal_of_a_step_has_an_example() {
    for code in Refusal::ALL {
        let verdicts = refused(*code);
        assert!(verdicts.is_none_or(|verdicts| have(&verdicts, code.code())), "{code:?}");
    }
}

#[test]
fn every_flag_has_an_example() {
    for flag in Flag::ALL {
        let verdicts = flagged(*flag);
        assert!(have(&verdicts, flag.code()), "{flag:?} in {verdicts:?}");
    }
}

#[test]
fn codes_are_distinct_and_spelled_as_in_the_log() {
    let refusals = Refusal::ALL.iter().map(|it| (it.code(), serde_json::to_value(it).unwrap()));
    let flags = Flag::ALL.iter().map(|it| (it.code(), serde_json::to_value(it).unwrap()));
    let mut codes: Vec<_> = refusals
        .chain(flags)
        .inspect(|(code, stored)| assert_eq!(stored, code))
        .map(|(code, _)| code)
        .collect();
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count);
}

#[test]
fn the_name_of_an_outcome_is_the_one_in_the_log() {
    let applied_stale_and_refused = given([updated(50), approved(60), approved(70)]);
    let entries = [applied_stale_and_refused, given([updated(50)])]
        .into_iter()
        .flat_map(|history| history.journal.entries().to_vec());
    let names = entries.map(|Entry { verdict: Verdict { outcome, .. }, .. }| {
        let stored = serde_json::to_value(&outcome).unwrap();
        let tag = stored.as_object().and_then(|object| object.keys().next().cloned());
        assert_eq!(tag.or(stored.as_str().map(str::to_owned)).as_deref(), Some(outcome.name()));
        outcome.name()
    });
    assert_eq!(names.collect::<Vec<_>>(), ["stale", "applied", "refused", "parked"]);
}
