//! Every payload that the provider prints in its documents, byte for byte.

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/imprint/", $name, ".json"))
    };
}

pub const APPLICATION_GUIDE: &str = fixture!("000_application");
pub const APPLICATION: &str = fixture!("003_application");
pub const PAYMENT_METHOD: &str = fixture!("003_payment_method");
/// Uses the `event_id` of [`APPROVED`] for other content.
pub const TRANSACTION: &str = fixture!("003_transaction");
pub const APPROVED: &str = fixture!("003_webhook_1_approved");
pub const UPDATED: &str = fixture!("003_webhook_2_updated");
/// Dated 30 February.
pub const CAPTURED: &str = fixture!("003_webhook_3_captured");
pub const REFUNDED: &str = fixture!("003_webhook_4_refunded");
pub const CUSTOMER_LINK: &str = fixture!("003_customer_link");

/// The four webhooks of one purchase.
pub const FOUR_STEPS: [&str; 4] = [APPROVED, UPDATED, CAPTURED, REFUNDED];
/// The transaction and the customer that they are about.
pub const PURCHASE: &str = "e2806932-5f1b-4518-8b15-156d773e9496";
pub const BUYER: &str = "e0549550-90e9-4acb-b7e9-2e4738b7def2";
/// The customer of the other examples, and the card there, as they are shown: in lower case.
pub const CARDHOLDER: &str = "2ee24580-b97b-4949-a65c-929ccb9b9b8d";
pub const CARD: &str = "dcbfc736-2286-42dd-897d-160dca80aed2";
pub const PARTNER: &str = "PARTNER_USER_456";

/// All of the page "Event notifications", in the order of the page.
pub const PAGE: [&str; 8] = [
    APPLICATION,
    PAYMENT_METHOD,
    TRANSACTION,
    APPROVED,
    UPDATED,
    CAPTURED,
    REFUNDED,
    CUSTOMER_LINK,
];

macro_rules! printed {
    ($folder:literal: $($name:literal)*) => {
        [$(($name, include_str!(concat!("../../fixtures/", $folder, "/", $name, ".json")))),*]
    };
}

/// All of the card-onboarding page, by name, in the order of the page.
pub const ONBOARDING: [(&str, &str); 5] = printed!("card-onboarding":
    "signing_session_created" "signing_session_completed" "onboarding_completed"
    "onboarding_rejected" "onboarding_failed");

/// All of ChargeAfter's page, by name, in the order of the page. Ids, times and states are printed
/// as `"string"` there: [`filled`] puts something in their place.
pub const CHARGE_AFTER: [(&str, &str); 22] = printed!("charge-after":
    "account.prequalified" "account.approved" "account.pending-consumer" "account.pending-lender"
    "account.declined"
    "application.created" "application.prequalified" "application.approved"
    "application.pending-lender" "application.pending-consumer" "application.pending-merchant"
    "application.declined" "application.cancelled"
    "application.apply-confirmed" "application.checkout-confirmed"
    "postsale.authorize" "postsale.refund" "postsale.refund-update" "postsale.settle"
    "postsale.settle-update"
    "reconciliation.chargeback" "reconciliation.chargeback-reversal");

/// The onboarding that the page is about.
pub const ONBOARDING_ID: &str = "7a0d9433-4f64-4f93-919c-5ab7d81eea55";

/// A payload of [`ONBOARDING`].
pub fn onboarding(name: &str) -> &'static str {
    of(&ONBOARDING, name)
}

/// A payload of [`CHARGE_AFTER`].
pub fn charge_after(name: &str) -> &'static str {
    of(&CHARGE_AFTER, name)
}

fn of(page: &[(&str, &'static str)], name: &str) -> &'static str {
    let (_, body) = page.iter().find(|(known, _)| *known == name).expect("it is on the page");
    body
}

/// The payload with values in place of `"string"`: the given ones, else a time, the state
/// `completed`, and an id made of the field's name.
pub fn filled(body: &str, values: &[(&str, &str)]) -> String {
    let fill = |line: &str| {
        let Some((name, rest)) = line.split_once(": \"string\"") else {
            return line.to_owned();
        };
        let name = name.trim().trim_matches('"');
        let given = values.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
        let value = match (given, name) {
            (Some(value), _) => value.to_owned(),
            (None, "createdAt") => super::T1.to_owned(),
            (None, "state") => "completed".to_owned(),
            (None, name) => format!("the-{name}"),
        };
        format!("\"{name}\": \"{value}\"{rest}")
    };
    body.lines().map(fill).collect::<Vec<_>>().join("\n")
}
