//! The log of the process: one delivery is followed by its id from its receipt to what became of it.

use serde_json::Value;

use crate::support::{Ledger, SECRET, Service, Source, T1, T2, T3, Tx, text, until};

/// A service that logs all that it can.
fn telling() -> Ledger {
    let sources = [Source::named("imprint"), Source::charge_after("loans")];
    Ledger::of(Service::start_telling(&sources), "imprint")
}

/// The lines so far; the last one may be half written.
fn lines(ledger: &Ledger) -> Vec<Value> {
    let log = ledger.service.log();
    let json = log.lines().filter(|line| line.starts_with('{'));
    json.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What is said of one delivery, once as much as `last` has been said: `received`,
/// `recorded refused void_after_full_capture`.
async fn said_of(ledger: &Ledger, delivery_id: &str, last: &str) -> Vec<String> {
    until(&format!("{delivery_id} is {last}"), async || {
        let of_it = lines(ledger).into_iter().filter(|line| line["delivery_id"] == delivery_id);
        let said: Vec<String> = of_it
            .inspect(|line| assert_eq!(line["source"], ledger.source.as_str(), "{line}"))
            .map(|line| {
                let word = |field| line[field].as_str();
                let words = [word("message"), word("outcome"), word("reason")];
                words.into_iter().flatten().collect::<Vec<_>>().join(" ")
            })
            .collect();
        said.last().is_some_and(|said| said == last).then_some(said)
    })
    .await
}

#[tokio::test]
async fn a_delivery_is_followed_by_its_id_from_its_receipt_to_what_became_of_it() {
    let imprint = telling();
    let tx = Tx::new("t1");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    imprint.receive(&tx.captured(5000).at(T2)).await;
    let void = tx.voided(3000).at(T3);
    let told = imprint.delivers(&void).await;
    let void_id = text(&told, "delivery_id");
    assert_eq!(
        said_of(&imprint, void_id, "recorded refused void_after_full_capture").await,
        ["received", "recorded refused void_after_full_capture"]
    );
    imprint.receive(&void).await;
    // It happened before the capture, so the void has something to release after all.
    let update = imprint.delivers(&tx.updated(8000).at("2025-02-27T18:30:00Z")).await;
    assert_eq!(
        said_of(&imprint, void_id, "revised applied").await,
        [
            "received",
            "recorded refused void_after_full_capture",
            "received",
            "recorded duplicate",
            "revised applied",
        ]
    );
    let by = |line: &&Value| line["delivery_id"] == void_id && line["message"] == "revised";
    let lines = lines(&imprint);
    let revised = lines.iter().find(by).expect("it is revised");
    assert_eq!((&revised["cause"], &revised["by"]), (&"step".into(), &update["delivery_id"]));
}

#[tokio::test]
async fn what_waits_and_what_cannot_be_read_is_followed_too() {
    let imprint = telling();
    let told = imprint.delivers(&Tx::new("t1").voided(100)).await;
    let id = text(&told, "delivery_id");
    let said = said_of(&imprint, id, "recorded parked waits for approve").await;
    assert_eq!(said, ["received", "recorded parked waits for approve"]);
    let told = imprint.deliver(r#"{"object": "TRANSACTION", "data": {}}"#).await;
    let said = said_of(&imprint, text(&told, "delivery_id"), "recorded malformed").await;
    assert_eq!(said, ["received", "recorded malformed"]);
}

#[tokio::test]
async fn read_models_say_how_far_they_are_and_calls_that_are_turned_away_why() {
    let imprint = telling();
    let told = imprint.delivers(&Tx::new("t1").approved(5000)).await;
    imprint.transaction("t1").await;
    imprint.call("{}", &[]).await.is(401);
    until("the reader has said it", async || {
        let projected =
            |line: &Value| line["message"] == "projected" && line["to"] == told["position"];
        lines(&imprint).iter().any(projected).then_some(())
    })
    .await;
    until("the call is turned away", async || {
        let is_it = |line: &Value| {
            line["message"] == "turned away"
                && line["source"] == "imprint"
                && line["cause"] == "signature_missing"
        };
        lines(&imprint).iter().any(is_it).then_some(())
    })
    .await;
    let log = imprint.service.log();
    assert!(!log.contains(SECRET), "{log}");
}
