//! What is done on the pages: exceptions resolved, actions closed, secrets shown, lists taken away.
//! Each is on record with who did it and why.

use serde_json::Value;

use super::at_the_demo;
use crate::support::{Browser, Desk, Onboarding};

#[tokio::test]
async fn a_refused_void_is_looked_at_decided_and_on_record() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    browser.goes_to(&format!("{}/exceptions?status=open", demo.base)).await;
    browser.follows("void after full capture").await;
    browser.sees("the authorization was captured in full, so nothing is left to void").await;
    browser.chooses("Apply").await;
    browser.presses("Show what that would change").await;
    let preview = browser.text_of(".preview").await.unwrap();
    for said in ["captured remainder voided", "void: ✕ refused becomes ✓ applied"] {
        assert!(preview.contains(said), "`{said}` is not in: {preview}");
    }
    // Nothing has happened so far, and nothing happens without a reason.
    browser.presses_here("Resolve it so").await;
    assert!(!browser.text().await.contains("✓ resolved"), "without a reason");
    browser.fills("Why?", "the shop says so").await;
    browser.presses("Resolve it so").await;
    browser.sees("✓ resolved").await;
    browser.sees("apply by operator").await;

    browser.follows("demo-late-void").await;
    browser.sees("captured remainder voided").await;
    browser.follows("Who did what").await;
    let newest = browser.texts("tbody tr").await.remove(0);
    for said in ["operator", "overridden: apply void", "demo-late-void", "the shop says so"] {
        assert!(newest.contains(said), "`{said}` is not in: {newest}");
    }
}

#[tokio::test]
async fn a_filtered_list_is_taken_away_exactly_as_it_is_filtered() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    browser.goes_to(&format!("{}/transactions", demo.base)).await;
    browser.selects("status", "captured").await;
    browser.presses("Show").await;
    let shown = ids(browser.texts("td[data-head=Transaction]").await);
    assert!(shown.len() > 1, "{shown:?}");

    takes_away(&browser, "As CSV", "for the book").await;
    let file = browser.takes_file("creditrail-transactions.csv").await;
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let place = rows.headers().unwrap().iter().position(|name| name == "transaction_id").unwrap();
    assert_eq!(ids(rows.records().map(|row| row.unwrap()[place].to_owned()).collect()), shown);

    takes_away(&browser, "As NDJSON", "for the other book").await;
    let file = browser.takes_file("creditrail-transactions.ndjson").await;
    let rows = file.lines().map(|line| serde_json::from_str::<Value>(line).expect("a document"));
    assert_eq!(
        ids(rows.map(|row| row["transaction_id"].as_str().unwrap().into()).collect()),
        shown
    );

    browser.follows("Who did what").await;
    let rows = browser.texts("tbody tr").await;
    for (row, said) in rows.iter().zip([
        ["exported: transactions as ndjson: status=captured", "for the other book"],
        ["exported: transactions as csv: status=captured", "for the book"],
    ]) {
        assert!(said.iter().all(|said| row.contains(said)), "{said:?} is not in: {row}");
    }
}

fn ids(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

async fn takes_away(browser: &Browser, format: &str, reason: &str) {
    if browser.text_of("details.work[open]").await.is_err() {
        browser.unfolds("Export").await;
    }
    browser.fills("Why?", reason).await;
    browser.presses_here(format).await;
}

#[tokio::test]
async fn support_closes_an_action_and_is_shown_a_secret_for_a_reason() {
    let Some(browser) = Browser::start().await else { return };
    let desk = Desk::open();
    let address = "https://sign.example/?session=1";
    desk.onboarding.receive(&Onboarding::new("o-1").signing_created(address)).await;
    desk.onboarding.actions(&[]).await;
    super::entering::signs_in(&browser, &desk, "support").await;

    browser.goes_to(&format!("{}/applications/onboarding/o-1", desk.base())).await;
    assert!(!browser.text().await.contains(address), "it is sealed");
    browser.unfolds("Show").await;
    browser.fills("Why do you need it?", "the customer lost the mail").await;
    browser.presses("Show it").await;
    browser.sees(address).await;

    browser.follows("Actions").await;
    browser.unfolds("Done").await;
    browser.fills("Note", "sent again").await;
    browser.presses("It is done").await;
    browser.sees("Nobody has anything to do.").await;
    browser.selects("status", "done").await;
    browser.presses("Show").await;
    assert_eq!(browser.texts("td[data-head=State]").await, ["✓ done"]);

    // Who audits finds both; support itself does not get to see it.
    assert!(!browser.text().await.contains("Who did what"), "support is no auditor");
    super::entering::signs_in(&browser, &desk, "auditor").await;
    browser.follows("Who did what").await;
    let rows = browser.texts("tbody tr").await;
    for said in [
        ["support", "revealed: signingUrl", "the customer lost the mail"],
        ["support", "told: close", "sent again"],
    ] {
        let found = rows.iter().any(|row| said.iter().all(|said| row.contains(said)));
        assert!(found, "{said:?} is not in: {rows:#?}");
    }
}
