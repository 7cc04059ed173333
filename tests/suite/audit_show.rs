//! `creditrail audit show`: a thing on the command line, as it is answered over HTTP.

use serde_json::{Value, json};

use crate::support::{Ledger, T1, T2, T3, T4, Tx, text};

async fn with_a_late_update() -> Ledger {
    let imprint = Ledger::fresh();
    let t1 = Tx::new("t1");
    imprint
        .receives(&[
            t1.approved(5000).at(T1),
            t1.captured(5000).at(T3),
            t1.voided(5000).at(T4),
            t1.updated(8000).at(T2),
        ])
        .await;
    imprint.transaction("t1").await;
    imprint
}

fn shown(imprint: &Ledger, words: &[&str]) -> String {
    let words = [&["audit", "show"], words].concat();
    let (printed, errors) = imprint.service.runs(&words);
    printed.unwrap_or_else(|| panic!("{words:?}: {errors}"))
}

#[tokio::test]
async fn it_prints_what_http_answers() {
    let imprint = with_a_late_update().await;
    let path = "/v1/transactions/imprint/t1";
    for query in [
        vec![],
        vec![("as_of", "3")],
        vec![("happened_by", T2)],
        vec![("as_of", "3"), ("happened_by", T2)],
        vec![("as_of", "2999-01-01T00:00:00Z")],
    ] {
        let answered = imprint.ask(path, &query).await.is(200);
        let mut words = vec!["transaction", "imprint/t1", "--format", "json"];
        for (name, value) in &query {
            words.push(if *name == "as_of" { "--as-of" } else { "--happened-by" });
            words.push(value);
        }
        let printed: Value = serde_json::from_str(&shown(&imprint, &words)).expect("JSON");
        assert_eq!(printed.to_string(), answered.to_string(), "{query:?}");
    }
    let customer =
        imprint.ask("/v1/customers/imprint/t1-customer", &[("as_of", "3")]).await.is(200);
    let words = ["customer", "imprint/t1-customer", "--as-of", "3", "--format", "json"];
    let printed: Value = serde_json::from_str(&shown(&imprint, &words)).expect("JSON");
    assert_eq!(printed, customer);
    let changes = imprint.ask(&format!("{path}/changes"), &[("from", "3")]).await.is(200);
    let words = ["transaction", "imprint/t1", "--changes-from", "3", "--format", "json"];
    let printed: Value = serde_json::from_str(&shown(&imprint, &words)).expect("JSON");
    assert_eq!(printed["changes"], changes);
}

/// Nobody need serve: whoever has the database can ask.
#[tokio::test]
async fn as_text_it_has_the_steps_with_both_times_and_what_has_changed() {
    let imprint = with_a_late_update().await;
    let events = imprint.events().await.len();
    assert!(imprint.service.stop().success());
    let now = shown(&imprint, &["transaction", "imprint/t1", "--changes-from", "3"]);
    for line in [
        "transaction imprint/t1",
        "  status: captured_remainder_voided",
        "  authorized: 8000",
        "steps, in the order in which they happened:",
        "changes from position 3 to position 5:",
        "  status: captured -> captured_remainder_voided",
        "  authorized: 5000 -> 8000",
    ] {
        assert!(now.lines().any(|known| known == line), "{line}\n{now}");
    }
    let update = now.lines().find(|line| line.contains("update 8000 USD: applied"));
    let update = update.expect("the update");
    assert!(update.starts_with(&format!("  happened {T2}  heard ")), "{update}");
    assert!(update.contains("  position 4  "), "{update}");

    let words = ["transaction", "imprint/t1", "--as-of", "3", "--happened-by", T2];
    let then = shown(&imprint, &words);
    assert!(then.contains("what was known at position 3, recorded "), "{then}");
    assert!(then.contains(&format!(", of what had happened by {T2}\n")), "{then}");
    assert!(then.contains("  status: pending\n"), "{then}");

    let (printed, errors) =
        imprint.service.runs(&["audit", "show", "transaction", "imprint/t1", "--as-of", "0"]);
    assert_eq!(printed, None);
    assert!(errors.contains("it is known from position 1 on"), "{errors}");
    let (_, errors) =
        imprint.service.runs(&["audit", "show", "transaction", "imprint/none", "--as-of", "3"]);
    assert!(errors.contains("there is no transaction imprint/none"), "{errors}");
    for (words, wrong) in [
        (["transaction", "t1", "--format", "text"], "SOURCE/ID"),
        (["star", "imprint/t1", "--format", "text"], "transaction, payment-method"),
        (["transaction", "imprint/t1", "--as-of", "soon"], "position of the log"),
        (["transaction", "imprint/t1", "--happened-by", "3"], "--happened-by"),
    ] {
        let (printed, errors) = imprint.service.runs(&[&["audit", "show"], &words[..]].concat());
        assert_eq!(printed, None, "{words:?}");
        assert!(errors.contains(wrong), "{words:?}: {errors}");
    }
    // It has written nothing.
    imprint.service.start_again();
    assert_eq!(imprint.events().await.len(), events);
}

/// What a lender sends does not steer the terminal of whoever looks.
#[tokio::test]
async fn no_control_character_is_printed_as_text() {
    let imprint = Ledger::fresh();
    let merchant = json!({"name": "\u{1b}[2Jgone", "category_code": "5541"});
    let webhook = Tx::new("t1").approved(5000).with("merchant", merchant).at(T1);
    imprint.receive(&webhook).await;
    let known = imprint.transaction("t1").await;
    assert!(text(&known["merchant"], "name").contains('\u{1b}'));
    let printed = shown(&imprint, &["transaction", "imprint/t1"]);
    assert!(!printed.contains('\u{1b}'), "{printed}");
}
