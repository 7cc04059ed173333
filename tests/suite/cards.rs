//! The lifecycle of a card, G18 to G20, the table of DOMAIN.md 3.2 cell by cell, and the reissue,
//! G21.

use serde_json::{Value, json};

use crate::support::{Card, History, Ledger, Source, T1, T2, T3, T4, T5, T6, Webhook, given, play};

const VIRTUAL: Card = Card::virtual_card("v");
const PHYSICAL: Card = Card::physical_card("p");

#[tokio::test]
async fn a_virtual_card_that_was_paused_is_not_resumed() {
    let created = VIRTUAL.is("ACTIVE").at(T1);
    let paused = VIRTUAL.moves("ACTIVE", "INACTIVE").at(T2);
    let resumed = VIRTUAL.moves("INACTIVE", "ACTIVE").at(T3);
    let canceled = VIRTUAL.moves("ACTIVE", "CANCELED").at(T4);

    given([created.clone(), paused.clone(), resumed.clone()])
        .await
        .stands("inactive", Some("paused"))
        .is("provider_reported_status", "active")
        .judged(["applied", "applied", "refused virtual_resume"]);
    let history = given([created, paused, resumed, canceled])
        .await
        .stands("canceled", None)
        .flagged(["previous_status_mismatch"]);
    assert_eq!(history.newest(), "applied! previous_status_mismatch");
}

#[tokio::test]
async fn a_policy_lets_a_virtual_card_be_resumed() {
    let imprint = Ledger::with(Source::named("imprint").policy("virtual_resume", "flag"));
    let resumed = VIRTUAL.moves("INACTIVE", "ACTIVE").at(T3);
    imprint
        .receives(&[
            VIRTUAL.is("ACTIVE").at(T1),
            VIRTUAL.moves("ACTIVE", "INACTIVE").at(T2),
            resumed.clone(),
        ])
        .await;
    History::of(&imprint, &resumed)
        .await
        .stands("active", None)
        .judged(["applied"; 3])
        .flagged(["undocumented_resume"]);
}

#[tokio::test]
async fn the_next_pause_settles_a_refused_resume() {
    let imprint = Ledger::fresh();
    let paused_again = VIRTUAL.moves("ACTIVE", "INACTIVE").at(T4);
    imprint
        .receives(&[
            VIRTUAL.is("ACTIVE").at(T1),
            VIRTUAL.moves("ACTIVE", "INACTIVE").at(T2),
            VIRTUAL.moves("INACTIVE", "ACTIVE").at(T3),
            paused_again.clone(),
        ])
        .await;
    History::of(&imprint, &paused_again)
        .await
        .stands("inactive", Some("paused"))
        .flagged(["previous_status_mismatch"]);
    assert_eq!(imprint.exception("virtual_resume").await["status"], "auto_resolved");
}

#[tokio::test]
async fn a_physical_card_lives_as_the_lender_says_and_is_canceled_for_good() {
    let life = [
        PHYSICAL.is("INACTIVE").at(T1),
        PHYSICAL.moves("INACTIVE", "ACTIVE").at(T2),
        PHYSICAL.moves("ACTIVE", "INACTIVE").at(T3),
        PHYSICAL.moves("INACTIVE", "ACTIVE").at(T4),
        PHYSICAL.moves("ACTIVE", "CANCELED").at(T5),
        PHYSICAL.moves("CANCELED", "ACTIVE").at(T6),
    ];
    let imprint = Ledger::fresh();
    #[rustfmt::skip] // It is a table.
    let stages = [
        ("inactive", Some("not_yet_activated")),
        ("active",   None),
        ("inactive", Some("paused")),
        ("active",   None),
        ("canceled", None),
        ("canceled", None),
    ];
    for (step, (status, substate)) in life.iter().zip(stages) {
        imprint.receive(step).await;
        History::of(&imprint, step).await.stands(status, substate);
    }
    given(life)
        .await
        .judged([
            "applied",
            "applied",
            "applied",
            "applied",
            "applied",
            "refused canceled_is_final",
        ])
        .flagged([]);
}

#[tokio::test]
async fn a_pause_waits_for_the_activation_that_came_late() {
    let imprint = Ledger::fresh();
    let created = PHYSICAL.is("INACTIVE").at(T1);
    let activated = PHYSICAL.moves("INACTIVE", "ACTIVE").at(T2);
    let paused = PHYSICAL.moves("ACTIVE", "INACTIVE").at(T3);

    assert_eq!(imprint.receives(&[created, paused.clone()]).await, ["applied", "parked"]);
    History::of(&imprint, &paused).await.stands("inactive", Some("not_yet_activated"));
    assert_eq!(imprint.receive(&activated).await, "applied");
    History::of(&imprint, &paused)
        .await
        .stands("inactive", Some("paused"))
        .judged(["applied"; 3])
        .flagged([]);
}

/// What led to a state, and the judgement of a step that says ACTIVE, INACTIVE or CANCELED with no
/// previous status, with its flags, and where the card stands then.
type State = (&'static str, &'static str, &'static [&'static str], [&'static str; 3]);

#[rustfmt::skip] // It is a table.
const STATES: [State; 9] = [
    // type,     state,      what led there,             to ACTIVE,                             to INACTIVE,                            to CANCELED
    ("VIRTUAL",  "unknown",  &[],                       ["applied: active",                     "parked: unknown",                      "parked: unknown"]),
    ("VIRTUAL",  "active",   &["ACTIVE"],               ["applied: active",                     "applied: inactive",                    "applied: canceled"]),
    ("VIRTUAL",  "inactive", &["ACTIVE", "INACTIVE"],   ["refused virtual_resume: inactive",    "applied: inactive",                    "applied: canceled"]),
    ("VIRTUAL",  "canceled", &["ACTIVE", "CANCELED"],   ["refused canceled_is_final: canceled", "refused canceled_is_final: canceled",  "applied: canceled"]),
    ("PHYSICAL", "unknown",  &[],                       ["parked: unknown",                     "applied: inactive",                    "parked: unknown"]),
    ("PHYSICAL", "inactive", &["INACTIVE"],             ["applied: active",                     "applied: inactive",                    "applied: canceled"]),
    ("PHYSICAL", "active",   &["INACTIVE", "ACTIVE"],   ["applied: active",                     "applied: inactive",                    "applied: canceled"]),
    ("PHYSICAL", "canceled", &["INACTIVE", "CANCELED"], ["refused canceled_is_final: canceled", "refused canceled_is_final: canceled",  "applied: canceled"]),
    ("UNIFIED",  "active",   &["ACTIVE"],               ["applied! unknown_card_type: active",  "applied! unknown_card_type: inactive", "applied! unknown_card_type: canceled"]),
];

#[tokio::test]
async fn each_cell_of_the_table_is_judged_as_it_says() {
    let ledgers = Ledger::several::<2>();
    for (kind, state, led_there, cells) in STATES {
        for (status, expected) in ["ACTIVE", "INACTIVE", "CANCELED"].into_iter().zip(cells) {
            let id = format!("{kind}-{state}-{status}");
            let card = Card::of_type(&id, kind);
            let past = led_there.iter().zip([T1, T2]);
            let mut steps: Vec<Webhook> =
                past.map(|(status, time)| card.is(status).at(time)).collect();
            // Of another design, so that it says something new where the status is known.
            steps.push(card.is(status).design("new").at(T3));
            let history = play(&ledgers, &steps).await;
            let stands = history.view["status"].as_str().expect("a status");
            assert_eq!(format!("{}: {stands}", history.newest()), expected, "{id}");
        }
    }
}

#[tokio::test]
async fn a_step_of_an_unknown_card_that_had_a_status_before_is_parked() {
    let ledgers = Ledger::several::<2>();
    for kind in ["VIRTUAL", "PHYSICAL"] {
        for (previous, new) in
            [("INACTIVE", "ACTIVE"), ("ACTIVE", "INACTIVE"), ("ACTIVE", "CANCELED")]
        {
            let id = format!("{kind}-{new}");
            let step = Card::of_type(&id, kind).moves(previous, new);
            play(&ledgers, &[step])
                .await
                .stands("unknown", None)
                .is("provider_reported_status", &new.to_lowercase())
                .judged(["parked"]);
        }
    }
}

#[tokio::test]
async fn a_pause_that_skips_an_undocumented_edge_is_flagged() {
    // A virtual card has no way back to ACTIVE, so there is nothing to wait for.
    given([
        VIRTUAL.is("ACTIVE").at(T1),
        VIRTUAL.moves("ACTIVE", "INACTIVE").at(T2),
        VIRTUAL.moves("ACTIVE", "INACTIVE").at(T3),
    ])
    .await
    .stands("inactive", Some("paused"))
    .judged(["applied"; 3])
    .flagged(["previous_status_mismatch"]);
}

#[tokio::test]
async fn a_step_without_a_status_updates_the_attributes() {
    given([
        PHYSICAL.is("INACTIVE").at(T1),
        PHYSICAL.moves("INACTIVE", "ACTIVE").at(T2),
        PHYSICAL.says_nothing().design("new").at(T3),
    ])
    .await
    .stands("active", None)
    .judged(["applied"; 3])
    .flagged([]);
}

#[tokio::test]
async fn a_step_without_a_status_of_an_unknown_card_is_parked() {
    let imprint = Ledger::fresh();
    let nothing = PHYSICAL.says_nothing().design("new").at(T2);
    assert_eq!(imprint.receive(&nothing).await, "parked");
    assert_eq!(imprint.receive(&PHYSICAL.is("INACTIVE").at(T1)).await, "applied");
    History::of(&imprint, &nothing)
        .await
        .stands("inactive", Some("not_yet_activated"))
        .judged(["applied"; 2]);
}

#[tokio::test]
async fn another_owner_or_another_type_is_refused() {
    let created = VIRTUAL.is("ACTIVE").at(T1);
    let canceled = VIRTUAL.moves("ACTIVE", "CANCELED").at(T2);
    given([created.clone(), canceled.clone().customer("another")])
        .await
        .stands("active", None)
        .judged(["applied", "refused owner_conflict"]);
    given([created, canceled.with("card_type", json!("PHYSICAL"))])
        .await
        .stands("active", None)
        .is("card_type", "virtual")
        .judged(["applied", "refused type_conflict"]);
}

#[tokio::test]
async fn a_reissued_card_is_found_in_either_order() {
    for kind in ["VIRTUAL", "PHYSICAL"] {
        let [forwards, backwards] = Ledger::several::<2>();
        let mut steps = reissue(kind);
        forwards.receives(&steps).await;
        steps.reverse();
        backwards.receives(&steps).await;
        for imprint in [forwards, backwards] {
            let (old, new) = (imprint.card("old").await, imprint.card("new").await);
            assert_eq!(old["status"], "canceled");
            assert_eq!(old["reissue"]["replaced_by"], certain("new"), "{old:#}");
            assert_eq!(old["reissue"]["replaces"], Value::Null);
            assert_eq!(new["reissue"]["replaces"], certain("old"), "{new:#}");
            assert_eq!(new["reissue"]["replaced_by"], Value::Null);
        }
    }
}

#[tokio::test]
async fn a_reissue_of_another_design_is_ambiguous() {
    let imprint = Ledger::fresh();
    let [created, canceled, replacement] = reissue("VIRTUAL");
    imprint.receives(&[created, canceled, replacement.design("other")]).await;
    let new = imprint.card("new").await;
    let expected = json!({"payment_method_id": "old", "confidence": "ambiguous"});
    assert_eq!(new["reissue"]["replaces"], expected, "{new:#}");
}

#[tokio::test]
async fn a_card_of_another_customer_type_or_week_replaces_nothing() {
    let [created, canceled, replacement] = reissue("VIRTUAL");
    let others = [
        replacement.clone().customer("another"),
        replacement
            .clone()
            .with("card_type", json!("PHYSICAL"))
            .with("new_status", json!("INACTIVE")),
        replacement.at("2025-03-06T20:00:00Z").created_at("2025-03-06T20:00:00Z"),
    ];
    for other in others {
        let imprint = Ledger::fresh();
        imprint.receives(&[created.clone(), canceled.clone(), other]).await;
        assert_eq!(imprint.card("new").await["reissue"]["replaces"], Value::Null);
        assert_eq!(imprint.card("old").await["reissue"]["replaced_by"], Value::Null);
    }
}

/// A card that is canceled and one that is created, of one customer and one design.
fn reissue(kind: &'static str) -> [Webhook; 3] {
    let (old, new) = (Card::of_type("old", kind), Card::of_type("new", kind));
    let first = if kind == "VIRTUAL" { "ACTIVE" } else { "INACTIVE" };
    [old.is(first).at(T1), old.moves(first, "CANCELED").at(T2), new.is(first).created_at(T3).at(T3)]
        .map(|step| step.customer("a").design("d"))
}

fn certain(id: &str) -> Value {
    json!({"payment_method_id": id, "confidence": "high"})
}
