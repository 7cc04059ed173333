//! What can be odd about a step that counts all the same.

use serde::{Deserialize, Serialize};

/// How much an exception matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Info,
    /// Somebody should look at it.
    Review,
    /// Money or identity may be wrong.
    High,
}

/// Writes an enum of codes once: variants, their names on the wire, severity and meaning.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($variant:ident $code:literal $severity:ident $meaning:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name { $(#[doc = $meaning] #[serde(rename = $code)] $variant,)* }

        impl $name {
            /// All of them, in the order of this page.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code on the wire and in the log.
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code),* } }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }

            /// What it means, as a clause that follows a colon.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),* } }
        }
    };
}
pub(crate) use codes;

codes! {
    /// What is odd about a step. Flags are derived: they are judged again with every new step.
    Flag {
        TsMissing "ts_missing" Info "the lender gave no time for the step, so it is placed by its receipt",
        TsUnparseable "ts_unparseable" Info "the lender's time of the step does not exist or cannot be read, so it is placed by its receipt",
        OutsideWindow "outside_window" Info "the call is authentic but was signed outside the source's window",
        HistoryGap "history_gap" Review "it was adopted after its deadline although an earlier step never came",
        ForceCaptureProvisional "force_capture_provisional" Info "the purchase was captured without an authorization so far",
        ApprovalAfterCapture "approval_after_capture" Info "the authorization is dated after the capture",
        OverCapture "over_capture" Review "the captures exceed the authorized total by more than the merchant category's tolerance",
        LatePresentment "late_presentment" Review "the capture came after the authorization was voided or had expired; the statement counts it",
        UpdateBelowCaptured "update_below_captured" Review "the new authorized total is less than what is captured",
        UpdateAfterFullCapture "update_after_full_capture" Review "the authorization was updated after it had been captured in full",
        VoidAmountMismatch "void_amount_mismatch" Review "the voided amount is neither the authorized total nor what was still held",
        StandaloneRefundProvisional "standalone_refund_provisional" Info "the refund belongs to no purchase known so far",
        RefundExceedsCaptured "refund_exceeds_captured" Review "the refund came although nothing is captured",
        OverRefund "over_refund" Review "the refunds exceed what was captured or settled",
        PaymentMethodChanged "payment_method_changed" Info "the step names another payment method than the transaction's first step",
        ZeroMoneyLine "zero_money_line" Info "the capture or refund has the amount 0",
        PreviousStatusMismatch "previous_status_mismatch" Review "the card's previous status as reported is not the one that is known",
        UnknownCardType "unknown_card_type" Info "the card's type is none of the documented ones, so no status change can be checked",
        UndocumentedResume "undocumented_resume" Review "a paused virtual card became active, which the lender does not document",
        AlreadyCardholder "already_cardholder" Review "the applicant had been accepted in another application before",
        SdkWebhookMismatch "sdk_webhook_mismatch" Review "the SDK told the customer otherwise than the lender decided; the lender's decision counts",
        LateReport "late_report" Info "the SDK reported an error after the lender had decided",
        AcceptedUnconfirmed "accepted_unconfirmed" Review "the SDK reported an acceptance that the lender has not confirmed",
        RejectedUnconfirmed "rejected_unconfirmed" Review "the SDK reported a rejection that the lender has not confirmed",
        TsZoneAssumed "ts_zone_assumed" Info "the lender's time of the step names no zone, so UTC is assumed",
        PanMasked "pan_masked" High "something in it looked like a card number, which was masked before it was kept",
        HoldOverdue "hold_overdue" Review "the authorization is older than its window and still holds an amount",
        ApplicationStale "application_stale" Review "nothing has been heard of the application for longer than usual",
        SigningOverdue "signing_overdue" Review "the customer has not signed for longer than usual",
        RejectedAfterApproval "rejected_after_approval" Review "the application was rejected after it had been approved for signing",
        RejectedAfterSigning "rejected_after_signing" Review "the application was rejected after the customer had signed",
        FailedAfterSigning "failed_after_signing" Review "the onboarding failed after the customer had signed",
        ResignRequested "resign_requested" Review "the customer is to sign again",
        Reopened "reopened" Review "the application was rejected or had failed, and is open again",
        ReasonChanged "reason_changed" Info "the application is rejected for another reason than before",
        UnknownReason "unknown_reason" Review "the lender gave a reason that its documents do not list",
        CancelledUnseen "cancelled_unseen" Info "the lender cancelled what had not been heard of",
        ConfirmWithoutApproval "confirm_without_approval" Info "the customer confirmed without an approval of the lender that is known",
        BackToPrequalified "back_to_prequalified" Info "the lender prequalified after it had begun its review",
        LatePrequalification "late_prequalification" Info "the lender prequalified what it had approved, which stays approved",
        ReReview "re_review" Review "the lender reviews again what it had approved",
        DeclinedAfterApproval "declined_after_approval" Review "the lender declined what it had approved",
        CancelledAfterConfirm "cancelled_after_confirm" Review "the lender cancelled after the customer had confirmed, before a charge is known",
        SecondConfirmation "second_confirmation" Review "the customer had confirmed with this lender before, with another token",
        MultipleConfirmedLenders "multiple_confirmed_lenders" Review "the customer confirmed with several lenders",
        TokenUnused "token_unused" Review "no charge has been created with the confirmation for longer than usual",
        AuthorizationUnseen "authorization_unseen" Info "the authorization of the charge has not been reported so far",
        RefundBeforeSettle "refund_before_settle" Review "the refund came although nothing is settled",
        SettleExceedsAuthorized "settle_exceeds_authorized" Review "the settles exceed the authorized amount",
        SettleAfterVoid "settle_after_void" Review "the settle came after the charge was voided",
        SettleDuringChargeback "settle_during_chargeback" Review "a chargeback was open when the settle came",
        SettleAfterFullRefund "settle_after_full_refund" Review "the settle came after everything was refunded",
        ChargebackWithoutSettle "chargeback_without_settle" Review "the chargeback came although nothing is settled",
        DoubleCreditRisk "double_credit_risk" High "a refund came while a chargeback was open, or both together exceed what is settled, so the customer may be credited twice",
        CreationUnseen "creation_unseen" Info "the creation of the operation has not been reported so far",
        AmountAdjusted "amount_adjusted" Info "the operation was completed with less than it was created with",
        AmbiguousOperation "ambiguous_operation" Review "the report names no operation, and several could be meant",
        OperationStuck "operation_stuck" Review "the operation has not ended for longer than usual",
        ChargeUnsettled "charge_unsettled" Review "the charge has not been settled for longer than usual",
        LinkMismatch "link_mismatch" Review "the reconciliation names another application than the one to which the charge belongs",
    }
}
