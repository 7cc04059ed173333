//! Every code has an example: a new one does not compile without.

use super::{application::*, payment_method::*, transaction::*, *};

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
