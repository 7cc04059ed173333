//! Under which settings a service ran.

use serde_json::Value;

use crate::support::{Ledger, Source, column, items, text, until};

const SECRET: &str = "whsec-hush-hush-hush-hush-hush-hush";

fn source(secret: &str) -> Source {
    Source::named("imprint").secret("two", secret, "")
}

/// What is on record of changed settings, once it is so many times.
async fn records(imprint: &Ledger, count: usize) -> Vec<Value> {
    until("the settings are on record", async || {
        let asked = [("act", "settings_changed"), ("source", "_access")];
        let told = imprint.ask("/v1/access-records", &asked).await.is(200);
        let told = items(&told, "items").to_vec();
        (told.len() >= count).then_some(told)
    })
    .await
}

/// Starts the service once more, with these settings.
fn starts_again(imprint: &Ledger, source: Source) {
    assert!(imprint.service.stop().success());
    imprint.service.set_up(&[source]);
    imprint.service.start_again();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_starts_with_is_on_record_when_it_is_another() {
    let imprint = Ledger::with(source(SECRET));
    let first = records(&imprint, 1).await;
    assert_eq!(text(&first[0], "actor"), "settings");

    starts_again(&imprint, source(SECRET));
    let refuses = |secret| source(secret).policy("capture_after_void", "refuse");
    starts_again(&imprint, refuses(SECRET));
    let told = records(&imprint, 2).await;
    assert_eq!(told.len(), 2, "the same ones once more are no change");
    let changed = "source[imprint].policies.capture_after_void: nothing → refuse";
    assert_eq!(text(&told[0], "what"), changed);

    starts_again(&imprint, refuses("whsec-other-other-other-other-other"));
    let told = records(&imprint, 3).await;
    let what = text(&told[0], "what");
    assert!(what.starts_with("source[imprint].secrets[two].value: "), "{what}");
    assert_eq!(column(&told, "act"), ["settings_changed"; 3]);
    for (table, row) in imprint.service.all_rows().await {
        assert!(!row.contains("hush") && !row.contains("whsec-other"), "{table}: {row}");
    }
}
