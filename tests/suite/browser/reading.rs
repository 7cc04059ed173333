//! What is found and explained. All of it works with scripts switched off, too.

use super::at_the_demo;
use crate::support::Browser;

#[tokio::test]
async fn support_finds_who_it_is_about_and_why_it_is_so() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    reads_all(&browser, &demo.base).await;
}

#[tokio::test]
async fn without_scripts_the_same_is_found() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    browser.without_scripts().await;
    reads_all(&browser, &demo.base).await;
}

async fn reads_all(browser: &Browser, base: &str) {
    finds_a_customer(browser, base).await;
    learns_why_a_card_is_inactive(browser).await;
    sees_what_came_byte_for_byte(browser).await;
    narrows_a_list(browser, base).await;
    goes_back_in_time(browser, base).await;
    reads_that_it_adds_up(browser).await;
}

async fn finds_a_customer(browser: &Browser, base: &str) {
    browser.goes_to(base).await;
    browser.sees("What needs a person").await;
    searches(browser, "demo-nobody").await;
    browser.sees("Nothing is known by demo-nobody").await;
    searches(browser, "demo_user_3").await;
    browser.sees("demo_user_3 leads to:").await;
    for twin in ["demo-twin-a", "demo-twin-b"] {
        assert!(browser.text().await.contains(twin), "{twin}");
    }
    // One hit leads straight to it, in whatever case the id is written.
    searches(browser, "demo_user_1").await;
    assert_eq!(browser.address().await, "/customers/imprint/demo-customer");
    browser.sees("DEMO_USER_1").await;
}

async fn searches(browser: &Browser, id: &str) {
    browser.fills("Find by any id", id).await;
    browser.presses("Find").await;
}

async fn learns_why_a_card_is_inactive(browser: &Browser) {
    browser.follows("demo-card-paused").await;
    assert_eq!(browser.address().await, "/payment-methods/imprint/demo-card-paused");
    assert_eq!(browser.text_of("h1").await.unwrap(), "card demo-card-paused ✕ inactive");
    browser.sees("The lender said last that the card is active. It counts as inactive").await;
    let last = browser.texts(".timeline .entry").await.pop().expect("entries");
    for said in ["refused", "Rule: virtual_resume", "resolve the exception"] {
        assert!(last.contains(said), "`{said}` is not in: {last}");
    }
}

async fn sees_what_came_byte_for_byte(browser: &Browser) {
    browser.follows("the delivery as it came").await;
    let body = browser.text_of("pre.raw").await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).expect("the body as it came");
    assert_eq!(body["data"]["payment_method_id"], "demo-card-paused");
    let names = browser.texts("th[scope=row]").await;
    assert!(names.iter().any(|name| name == "x-imprint-hmac-signature"), "{names:?}");
}

async fn narrows_a_list(browser: &Browser, base: &str) {
    browser.goes_to(&format!("{base}/transactions")).await;
    let all = browser.texts("tbody tr").await.len();
    browser.selects("status", "captured").await;
    browser.presses("Show").await;
    let query = browser.address().await;
    assert!(query.contains("status=captured"), "{query}");
    let statuses = browser.texts("td[data-head=Status]").await;
    assert!((1..all).contains(&statuses.len()), "{statuses:?}");
    assert!(statuses.iter().all(|status| status == "✓ captured"), "{statuses:?}");
    // A filter that leaves nothing says so, and leads back.
    browser.fills("customer id", "demo-nobody").await;
    browser.presses("Show").await;
    browser.sees("Nothing fits these filters").await;
    browser.follows("All").await;
    assert_eq!(browser.texts("tbody tr").await.len(), all);
}

async fn goes_back_in_time(browser: &Browser, base: &str) {
    let here = "/transactions/imprint/demo-late-update";
    browser.goes_to(&format!("{base}{here}")).await;
    browser.sees("captured remainder voided").await;
    browser.follows("◀ One moment earlier").await;
    browser.sees("What we knew at position").await;
    assert_eq!(browser.text_of("h1 .badge").await.unwrap(), "… partially captured");
    browser.follows("◀ One moment earlier").await;
    assert_eq!(browser.text_of("h1 .badge").await.unwrap(), "✓ captured");
    // What the late update has changed since, field by field.
    browser.sees("What differs between position").await;
    let rows = browser.texts("[aria-label=Differences] tbody tr").await;
    let differs = |field: &str| rows.iter().any(|row| row.contains(field));
    assert!(differs("captured remainder voided") && differs("authorized"), "{rows:#?}");
    assert!(differs("authorized\t50.00 USD\t80.00 USD"), "{rows:#?}");
    browser.follows("◀ One moment earlier").await;
    browser.follows("One moment later ▶").await;
    browser.follows("As it is now").await;
    assert_eq!(browser.address().await, here);
    browser.sees("captured remainder voided").await;
    // The present is compared with a moment, which stays in the form.
    browser.goes_to(&format!("{base}{here}?compare=16")).await;
    browser.sees("What differs between position 16").await;
    assert_eq!(browser.texts("[aria-label=Differences] thead th").await[1], "at 16");
    // Before it was known, it says so.
    browser.fills("As of", "1").await;
    browser.presses("Show").await;
    browser.sees("Not found").await;
    browser.sees("not_known_then").await;
}

async fn reads_that_it_adds_up(browser: &Browser) {
    browser.follows("Sources").await;
    browser.follows("imprint").await;
    browser.sees("balanced").await;
    browser.follows("Those that are kept").await;
    browser.sees("signature mismatch").await;
}
