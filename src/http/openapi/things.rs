//! What is read by id: transactions, cards, applications, charges, customers.

use super::moments::{as_of, happened_by};
use super::schema::{
    Named, Schema, boolean, closed, count, currency, day, integer, list, minor, one_of, position,
    refer, text, time, uuid,
};

pub(super) fn all() -> Vec<Named> {
    vec![
        ("Transaction", transaction()),
        ("Merchant", merchant()),
        ("PaymentMethod", payment_method()),
        ("Reissue", reissue()),
        (
            "ReissueLink",
            closed([("payment_method_id", text()), ("confidence", refer("Confidence"))]),
        ),
        ("Application", application()),
        ("ApplicationReason", reason()),
        ("Signing", signing()),
        ("LenderTrack", lender()),
        ("ClientReport", client_report()),
        ("Charge", charge()),
        ("ChargeOperation", operation()),
        ("Chargeback", chargeback()),
        ("Customer", customer()),
        ("PrivacyStatus", privacy_status()),
        ("PrivacyDecision", privacy_decision()),
        ("Identity", identity()),
        ("Balance", balance()),
    ]
}

fn flags() -> Schema {
    list(refer("FlagCode"))
}

fn legal_next() -> Schema {
    list(refer("StepKind")).says("the kinds of step that would be in order now")
}

fn steps() -> Schema {
    list(refer("Step")).says("in the order in which they happened")
}

fn newest() -> Schema {
    position().says("of the newest event that is in it")
}

fn transaction() -> Schema {
    closed([
        ("source", text()),
        ("transaction_id", text()),
        ("status", refer("TransactionStatus")),
        ("refund_status", refer("RefundStatus")),
        ("currency", currency().or_null()),
        ("authorized", minor("the authorized total")),
        ("captured", minor("all captures")),
        ("refunded", minor("all refunds")),
        ("hold", minor("what is still held on the statement")),
        ("flags", list(refer("TransactionFlag"))),
        ("likely_expiry", boolean().says("whether the hold has probably run out at the bank")),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("payment_method_id", text().or_null()),
        ("merchant", refer("Merchant").or_null()),
        ("intent_id", text().or_null()),
        ("authorization_code", text().or_null()),
        ("network_transaction_id", text().or_null()),
        ("steps", steps()),
        ("legal_next", legal_next()),
        ("position", newest()),
        as_of(),
        happened_by(),
    ])
    .says("A card transaction: totals, and every step that they come from.")
}

fn merchant() -> Schema {
    let word = || text().or_absent();
    closed([
        ("network_id", word()),
        ("name", word()),
        ("category", word()),
        ("category_code", word().says("four digits")),
        ("city", word()),
        ("state", word()),
        ("postal_code", word()),
        ("country", word().says("as the lender writes it")),
    ])
    .says("Where a purchase was made, in the lender's words.")
}

fn payment_method() -> Schema {
    let reissue = refer("Reissue").says("absent in lists, and as long as the customer is unknown");
    closed([
        ("source", text()),
        ("payment_method_id", text()),
        ("card_type", text().or_null().says("`virtual`, `physical`, or the lender's word")),
        ("status", refer("CardStatus")),
        ("substate", refer("CardSubstate").or_null()),
        ("provider_reported_status", reported()),
        ("created_at", time().or_null()),
        ("activated_at", time().or_null().says("when it was first active")),
        ("canceled_at", time().or_null()),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("card_design_id", text().or_null()),
        ("token_count", count().says("how many tokens the newest list had")),
        ("flags", flags()),
        ("steps", steps()),
        ("legal_next", list(refer("ReportedCardStatus")).or_null()),
        ("position", newest()),
        as_of(),
        happened_by(),
        ("reissue", reissue.or_absent()),
    ])
    .says("A card.")
}

fn reported() -> Schema {
    refer("ReportedCardStatus").or_null().says("what the lender said last, whatever became of it")
}

fn reissue() -> Schema {
    closed([
        ("replaces", refer("ReissueLink").or_null()),
        ("replaced_by", refer("ReissueLink").or_null()),
    ])
    .says("Which card it probably replaces, and which replaces it.")
}

fn application() -> Schema {
    let of_card_onboarding = || {
        [
            ("engagement_id", text().or_null().or_absent()),
            (
                "history_gap",
                list(refer("StepKind")).or_absent().says("kinds of step that never came"),
            ),
        ]
    };
    let of_charge_after = || {
        [
            ("merchant_order_id", text().or_null().or_absent()),
            ("link_id", text().or_null().or_absent()),
            ("charges", list(text()).or_absent().says("ids of the charges that belong to it")),
        ]
    };
    let common = [
        ("source", text()),
        ("application_id", text()),
        ("applicant", text().says("the stream in the log")),
        ("status", refer("ApplicationStatus")),
        ("decision", refer("Decision").or_null()),
        ("decided_at", time().or_null()),
        ("provisional", refer("Provisional").or_null()),
        ("reasons", list(refer("ApplicationReason"))),
        ("reapply_after", day().or_null().says("the first day of another application, in UTC")),
        ("signing", refer("Signing").or_null()),
        ("lenders", list(refer("LenderTrack"))),
        ("started_at", time().or_null()),
        ("created_at", time().or_null()),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("client_reports", list(refer("ClientReport"))),
        ("flags", flags().or_absent().says("absent of Imprint")),
        ("steps", steps()),
        ("legal_next", legal_next()),
        ("position", newest()),
        as_of(),
        happened_by(),
    ];
    closed(common.into_iter().chain(of_card_onboarding()).chain(of_charge_after()))
        .says("An application. What a kind of lender does not have is null, empty or absent.")
}

fn reason() -> Schema {
    closed([
        ("code", text().says("the lender's word")),
        ("class", refer("ReasonClass")),
        ("customer_action", text().says("what the customer can do, in the lender's words")),
    ])
}

fn signing() -> Schema {
    closed([
        ("status", refer("SigningStatus")),
        ("opened_at", time().or_null()),
        ("completed_at", time().or_null()),
        ("renewals", count().says("how often it was opened again with another address")),
        ("secret_ref", uuid().or_null().says("leads to the address")),
    ])
}

fn lender() -> Schema {
    closed([
        ("lender_id", text()),
        ("status", refer("LenderStatus")),
        ("amount", minor("the newest amount that was named").or_null()),
        ("currency", currency().or_null()),
        ("reason", text().or_null()),
        ("lender_reference_id", text().or_null()),
        ("loan_id", text().or_null()),
        ("link_id", text().or_null()),
        ("token_refs", list(uuid()).says("lead to the tokens of its confirmations")),
        ("last_event_at", time().or_null()),
        ("legal_next", legal_next()),
    ])
    .says("Where one lender stands within an application.")
}

fn client_report() -> Schema {
    closed([
        (
            "result",
            text().says("`accepted`, `rejected`, `in_progress`, `error`, or the SDK's word"),
        ),
        ("session_id", text().or_null()),
        ("error_code", text().or_null()),
        ("occurred_at", time()),
    ])
    .says("What the SDK said in the browser; it never decides.")
}

fn charge() -> Schema {
    closed([
        ("source", text()),
        ("charge_id", text()),
        ("status", refer("ChargeStatus")),
        ("currency", currency().or_null()),
        ("authorized", minor("the authorized amount")),
        ("settled", minor("completed settles")),
        ("refunded", minor("completed refunds")),
        ("charged_back", minor("all chargebacks")),
        ("chargebacks_reversed", minor("what of the chargebacks is reversed")),
        ("open_to_settle", minor("authorized less settles that have not failed; 0 once voided")),
        ("refundable", minor("settled less refunds that have not failed and open chargebacks")),
        ("net_to_merchant", integer().says("settled less refunded less open chargebacks, in minor units of `currency`; may be negative")),
        ("voided_at", time().or_null()),
        ("operations", list(refer("ChargeOperation"))),
        ("chargebacks", list(refer("Chargeback"))),
        ("application_id", text().or_null()),
        ("linked_by", refer("LinkedBy").or_null()),
        ("merchant_order_id", text().or_null()),
        ("customer_id", text().or_null()),
        ("partner_customer_id", text().or_null()),
        ("legal_next", legal_next()),
        ("flags", flags()),
        ("steps", steps()),
        ("position", newest()),
        as_of(),
        happened_by(),
    ])
    .says("A charge: what was authorized, settled, refunded and charged back.")
}

fn operation() -> Schema {
    closed([
        ("kind", refer("OperationKind")),
        ("lender_transaction_id", text().or_null()),
        ("amount", minor("the amount")),
        ("state", refer("OperationState")),
    ])
}

fn chargeback() -> Schema {
    closed([
        ("transaction_id", text()),
        ("amount", minor("the amount")),
        ("reversed", minor("what of it is reversed")),
    ])
}

fn customer() -> Schema {
    closed([
        ("source", text()),
        ("customer_id", text().says("the lender's id")),
        ("identities", list(refer("Identity"))),
        ("applications", list(refer("Application"))),
        ("charges", list(refer("Charge"))),
        ("payment_methods", list(refer("PaymentMethod"))),
        ("balances", list(refer("Balance")).or_null()),
        ("legal_hold", refer("PrivacyDecision").or_null().says("while nothing may be erased")),
        ("erased", refer("PrivacyDecision").or_null().says("once the personal data were erased")),
        (
            "balances_reason",
            text().or_absent().says("why `balances` is null: with `as_of`, too much to fold"),
        ),
        as_of(),
        happened_by(),
    ])
    .says("A customer, with all that is known under the customer's ids.")
}

fn privacy_status() -> Schema {
    closed([
        ("source", text()),
        ("subject", text().says("who: `customer:id` or `partner:id`")),
        ("subjects", list(text()).says("under whose keys deliveries are sealed")),
        ("deliveries", count()),
        ("not_sealed", count().says("from before deliveries were sealed: they cannot be erased")),
        ("keys", count()),
        ("keys_destroyed", count()),
        ("retained_until", time().or_null()),
        ("retained_from", one_of(["decision", "last_delivery"]).or_null()),
        ("legal_hold", refer("PrivacyDecision").or_null()),
        ("erased", refer("PrivacyDecision").or_null()),
        ("may_be_erased", boolean().says("whether it may be erased now")),
    ])
    .says("What is held of a customer, until when, and what was erased; see docs/privacy.md.")
}

fn privacy_decision() -> Schema {
    closed([("at", time()), ("actor", text()), ("reason", text()), ("position", position())])
        .says("Who decided something about somebody's data, when and why.")
}

fn identity() -> Schema {
    closed([
        ("kind", refer("IdentityKind")),
        ("value", text()),
        ("strength", refer("Strength")),
        ("position", position().says("of the event that first told of it")),
    ])
}

fn balance() -> Schema {
    closed([
        ("currency", currency()),
        ("pending", minor("all holds")),
        ("confirmed", minor("all captures")),
        ("refunded", minor("all refunds")),
        (
            "net",
            integer().says(
                "confirmed less refunded, in minor units of `currency`; not the credit balance",
            ),
        ),
    ])
    .says("Card activity in one currency.")
}
