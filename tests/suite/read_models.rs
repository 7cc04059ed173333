//! `audit verify --read-models`: the rows that answer are those that the log tells, and what was changed
//! in them is found.

use serde_json::{Value, json};

use crate::{
    replay::{everything_happens, many_happen},
    support::{Ledger, items, number, text, until},
};

const WORDS: [&str; 5] = ["audit", "verify", "--read-models", "--format", "json"];

#[tokio::test]
async fn every_row_is_held_against_the_log_and_each_that_differs_is_told() {
    let imprint = Ledger::fresh();
    everything_happens(&imprint).await;
    imprint.is_sound().await;
    let clean = of_imprint(&imprint, true);
    assert_eq!(clean["found"], 0, "{clean:#}");
    let position = number(&clean["read_models"], "position");
    assert_eq!(position, imprint.service.position("imprint"));
    assert!(number(&clean["read_models"], "rows") > 20, "{clean:#}");
    let (told, _, _) = imprint.service.asked(&["audit", "verify", "--read-models"]);
    let line = format!("rows of read models compared as of position {position}");
    assert!(told.contains(&line), "{told}");
    // Without the option nothing is said of them.
    let (told, _, _) = imprint.service.asked(&["audit", "verify"]);
    assert!(!told.contains("read models"), "{told}");

    imprint
        .service
        .run_sql(
            "UPDATE @transactions SET captured = captured + 1 WHERE key = 'revised';
             DELETE FROM @payment_methods WHERE key = 'v'",
        )
        .await;
    let found = of_imprint(&imprint, false);
    let told: Vec<_> = items(&found, "findings").iter().map(|it| text(it, "what")).collect();
    assert_eq!(told.len(), 2, "{found:#}");
    let row = imprint.transaction("revised").await;
    let is = number(&row, "captured");
    let changed = format!(
        "the row revised of transactions is different as of position {position}: captured is {}, should be {}",
        is + 1,
        is
    );
    assert!(told.contains(&changed.as_str()), "{told:#?}");
    assert!(told.iter().any(|what| what.starts_with("the row v of payment_methods is missing")));
    assert!(items(&found, "findings").iter().all(|it| it["check"] == json!("read_models")));
}

#[tokio::test]
async fn one_that_is_killed_goes_on_with_the_rows_that_it_has_folded() {
    let imprint = Ledger::fresh();
    many_happen(&imprint, 1200).await;
    everything_happens(&imprint).await;
    imprint.is_sound().await;
    let update = "UPDATE @transactions SET currency = 'EUR' WHERE key = 'decided'";
    imprint.service.run_sql(update).await;
    let [scratch, state] = ["scratch", "state"].map(|name| imprint.service.file(name));
    let words = ["audit", "verify", "--read-models", "--scratch", &scratch, "--state", &state];
    let mut check = imprint.service.begun(&words);
    until("it has folded some of the log", async || {
        assert!(check.try_wait().unwrap().is_none(), "too fast to be killed");
        crate::replay::is_begun(&scratch).then_some(())
    })
    .await;
    check.kill().unwrap();
    check.wait().unwrap();
    let (told, errors, is_well) = imprint.service.asked(&words);
    assert!(!is_well && told.contains("going on with the scratch file"), "{told}{errors}");
    // The logs were checked before: none of them is hashed again.
    assert!(told.lines().last().unwrap().starts_with("0 events in"), "{told}");
    assert!(told.contains("the row decided of transactions is different"), "{told}");
    for file in [scratch, state] {
        assert!(!std::path::Path::new(&file).exists(), "{file} is thrown away");
    }
}

/// What it reports of the source.
fn of_imprint(imprint: &Ledger, is_well: bool) -> Value {
    let (printed, errors, ended_well) = imprint.service.asked(&WORDS);
    assert_eq!(ended_well, is_well, "{printed}{errors}");
    let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{errors}"));
    let mut logs = items(&report, "logs").iter();
    logs.find(|log| log["log"] == "imprint").expect("its report").clone()
}
