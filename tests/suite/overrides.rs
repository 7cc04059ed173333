//! Policies that are settings, and a person who decides otherwise: with a reason, and the refusal
//! stays.

use serde_json::{Value, json};

use crate::support::{Answer, History, Ledger, Source, T1, T2, T3, T4, Tx, Webhook, items, text};

const T: Tx = Tx::new("t1");

#[tokio::test]
async fn a_capture_after_a_void_can_be_refused_by_policy() {
    let imprint = Ledger::with(refusing());
    imprint.receives(&late_capture()).await;
    let end = History::of(&imprint, &late_capture()[0]).await.shows("voided", [5000, 0, 0, 0]);
    assert!(end.newest().starts_with("refused"), "{}", end.newest());
    let exception = refusal(&imprint).await;
    assert_eq!(exception["amount_at_stake"], 5000);
    assert_eq!(exception["currency"], "USD");
}

#[tokio::test]
async fn an_override_applies_what_was_refused() {
    let imprint = Ledger::with(refusing());
    imprint.receives(&late_capture()).await;
    let exception = refusal(&imprint).await;

    let decided = json!({"action": "apply", "reason": "cleared by the network", "actor": "ada"});
    assert!(resolve(&imprint, &exception, &decided).await.is(200)["position"].is_i64());

    let end =
        History::of(&imprint, &late_capture()[0]).await.shows("late_presented", [5000, 5000, 0, 0]);
    assert!(end.newest().starts_with("applied"), "{}", end.newest());
    let resolved = same(&imprint, &exception).await;
    assert_eq!(resolved["status"], "resolved");
    assert_eq!(resolved["resolution"]["action"], "apply");
    assert_eq!(resolved["resolution"]["reason"], "cleared by the network");
    assert_eq!(resolved["resolution"]["actor"], "ada");
    assert!(text(&resolved["resolution"], "at").ends_with('Z'));
    // The refusal stays: in the exception's history and in the log.
    assert!(!items(&resolved, "history").is_empty());
    let refused = |event: &Value| text(event, "event_type").to_lowercase().contains("refused");
    assert!(imprint.events_of("t1").await.iter().any(refused));
    imprint.adds_up().await;
}

#[tokio::test]
async fn a_second_approval_can_be_converted_to_an_update() {
    let imprint = Ledger::fresh();
    let second = T.approved(8000).event("second").at(T2);
    imprint.receives(&[T.approved(5000).at(T1), second.clone()]).await;
    let exception = imprint.exception("second_approval").await;

    let decided = json!({"action": "convert", "convert_to": "update", "reason": "an increment", "actor": "ada"});
    resolve(&imprint, &exception, &decided).await.is(200);

    let end = History::of(&imprint, &second).await.shows("pending", [8000, 0, 0, 8000]);
    assert_eq!(end.newest(), "applied");
    assert_eq!(same(&imprint, &exception).await["resolution"]["action"], "convert");
}

#[tokio::test]
async fn what_was_discarded_stays_refused_though_it_becomes_legal() {
    let imprint = Ledger::fresh();
    let void = T.voided(5000).at(T4);
    imprint.receives(&[T.approved(5000).at(T1), T.captured(5000).at(T3), void.clone()]).await;
    let exception = imprint.exception("void_after_full_capture").await;
    let decided = json!({"action": "discard", "reason": "sent in error", "actor": "ada"});
    resolve(&imprint, &exception, &decided).await.is(200);

    imprint.receive(&T.updated(8000).at(T2)).await;
    let end = History::of(&imprint, &void).await.shows("partially_captured", [8000, 5000, 0, 3000]);
    assert!(end.newest().starts_with("refused"), "{}", end.newest());
    assert_eq!(same(&imprint, &exception).await["status"], "resolved");
    imprint.adds_up().await;
}

#[tokio::test]
async fn a_wrong_decision_is_told_which_field_is_wrong() {
    let imprint = Ledger::with(refusing());
    imprint.receives(&late_capture()).await;
    let exception = refusal(&imprint).await;
    #[rustfmt::skip] // It is a table.
    let wrong = [
        (json!({"action": "apply", "actor": "ada"}),                                  "reason"),
        (json!({"action": "apply", "actor": "ada", "reason": ""}),                    "reason"),
        (json!({"action": "apply", "actor": "ada", "reason": "  "}),                  "reason"),
        (json!({"actor": "ada", "reason": "because"}),                                "action"),
        (json!({"action": "shrug", "actor": "ada", "reason": "because"}),             "action"),
        (json!({"action": "convert", "actor": "ada", "reason": "because"}),           "convert_to"),
        (json!({"action": "convert", "convert_to": "guess", "actor": "ada", "reason": "because"}), "convert_to"),
    ];
    for (decided, field) in wrong {
        resolve(&imprint, &exception, &decided).await.names(field);
    }
    assert_eq!(same(&imprint, &exception).await["status"], "open");
}

#[tokio::test]
async fn an_exception_is_resolved_once() {
    let imprint = Ledger::with(refusing());
    imprint.receives(&late_capture()).await;
    let exception = refusal(&imprint).await;
    let discard = json!({"action": "discard", "reason": "first thought", "actor": "ada"});
    resolve(&imprint, &exception, &discard).await.is(200);

    let apply = json!({"action": "apply", "reason": "second thought", "actor": "ada"});
    let told = resolve(&imprint, &exception, &apply).await;
    assert!((400..500).contains(&told.status), "{}: {}", told.status, told.text);
    assert_eq!(same(&imprint, &exception).await["resolution"]["action"], "discard");
}

#[tokio::test]
async fn there_is_nothing_to_resolve_in_an_unknown_exception() {
    let imprint = Ledger::fresh();
    let decided = json!({"action": "discard", "reason": "because", "actor": "ada"});
    let told = resolve(&imprint, &json!({"id": "no-such-exception"}), &decided).await;
    assert_eq!(told.status, 404, "{}", told.text);
    assert!(told.content_type.starts_with("application/problem+json"));
}

/// A source that takes no capture after a void.
fn refusing() -> Source {
    Source::named("imprint").policy("capture_after_void", "refuse")
}

fn late_capture() -> [Webhook; 3] {
    [T.approved(5000).at(T1), T.voided(5000).at(T2), T.captured(5000).at(T3)]
}

/// The only refusal on the list, whatever its code.
async fn refusal(imprint: &Ledger) -> Value {
    let mut refused = imprint.exceptions(&[("status", "open")]).await;
    refused.retain(|exception| exception["kind"] == "refused");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    refused.remove(0)
}

/// The exception as it is now.
async fn same(imprint: &Ledger, exception: &Value) -> Value {
    let mut all = imprint.exceptions(&[]).await;
    all.retain(|one| one["id"] == exception["id"]);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

async fn resolve(imprint: &Ledger, exception: &Value, decided: &Value) -> Answer {
    // An id may have signs in it that a path keeps for itself.
    let id: String = text(exception, "id")
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let path = format!("/v1/exceptions/{id}/resolve");
    imprint.command(&path, decided).await
}
