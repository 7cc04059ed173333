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
