//! `docs/webhooks.md`: every webhook of every lender, and what becomes of it. The page is generated
//! from the tables that the decoders use; here each row is tried on the lender's own payload.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use bytes::Bytes;
use creditrail::sources::{
    AnyStep, Call, Described, SourceConfig, card_onboarding, charge_after, imprint, lender, scrub,
};
use creditrail_domain::{
    machine::{Effect, Machine},
    step::Fact,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::docs::{AGAIN, is_current};

/// A lender: its kind in the settings, its name, its webhooks.
const LENDERS: [(&str, &str, &[Described]); 3] = [
    ("imprint", "Imprint", imprint::EVENTS),
    ("card-onboarding", "Card onboarding", card_onboarding::EVENTS),
    ("charge-after", "ChargeAfter", charge_after::EVENTS),
];

/// Which test of the suite shows what becomes of a kind of step.
#[rustfmt::skip] // It is a table.
const TESTS: &[(&str, &str, &str)] = &[
    ("application",    "accept",              "applications::a_decision_told_twice_is_one_event_and_one_duplicate"),
    ("application",    "reject",              "applications::a_rejection_needs_no_customer_but_a_partners_name_for_him"),
    ("payment-method", "active",              "cards::each_cell_of_the_table_is_judged_as_it_says"),
    ("payment-method", "inactive",            "cards::each_cell_of_the_table_is_judged_as_it_says"),
    ("payment-method", "canceled",            "cards::each_cell_of_the_table_is_judged_as_it_says"),
    ("payment-method", "attributes",          "cards::a_step_without_a_status_updates_the_attributes"),
    ("transaction",    "approve",             "transactions::the_seeds_purchase_moves_the_totals_as_printed"),
    ("transaction",    "update",              "transactions::an_update_is_the_new_total"),
    ("transaction",    "void",                "transactions::a_void_ends_the_hold"),
    ("transaction",    "capture",             "transactions::two_captures_add_up"),
    ("transaction",    "refund",              "transactions::a_refund_of_less_is_partial"),
    ("customer-link",  "link",                "customers::all_examples_of_the_lender_together_count_the_money_and_list_the_conflict"),
    ("customer-link",  "unlink",              "customers::a_link_that_has_ended_says_so"),
    ("onboarding",     "open_signing",        "onboarding::an_onboarding_goes_from_the_signing_to_the_card"),
    ("onboarding",     "complete_signing",    "onboarding::an_onboarding_goes_from_the_signing_to_the_card"),
    ("onboarding",     "complete_onboarding", "onboarding::an_onboarding_goes_from_the_signing_to_the_card"),
    ("onboarding",     "reject_onboarding",   "onboarding::each_reason_and_each_code_says_what_to_do"),
    ("onboarding",     "fail_onboarding",     "onboarding::a_failure_that_is_mended_reopens"),
    ("lender-track",   "start",               "lender_tracks::a_creation_may_come_late_and_twice"),
    ("lender-track",   "prequalify",          "lender_tracks::a_loan_goes_through_its_lenders_as_the_page_says"),
    ("lender-track",   "review",              "lender_tracks::a_pending_lender_moves_to_another_pending_state_or_gives_another_reason"),
    ("lender-track",   "require_consumer",    "lender_tracks::a_pending_lender_moves_to_another_pending_state_or_gives_another_reason"),
    ("lender-track",   "require_merchant",    "lender_tracks::a_pending_lender_moves_to_another_pending_state_or_gives_another_reason"),
    ("lender-track",   "approve",             "lender_tracks::a_loan_goes_through_its_lenders_as_the_page_says"),
    ("lender-track",   "decline",             "lender_tracks::three_lenders_stand_on_one_board"),
    ("lender-track",   "cancel",              "lender_tracks::three_lenders_stand_on_one_board"),
    ("lender-track",   "confirm",             "lender_tracks::both_names_of_a_confirmation_are_one_by_their_token"),
    ("charge",         "authorize",           "charges::each_cell_of_the_table_is_judged_as_it_says"),
    ("charge",         "settle",              "charges::an_operation_begins_in_any_state"),
    ("charge",         "settle_update",       "charges::an_operation_goes_forwards_only"),
    ("charge",         "refund",              "charges::an_operation_begins_in_any_state"),
    ("charge",         "refund_update",       "charges::an_operation_goes_forwards_only"),
    ("charge",         "chargeback",          "charges::a_charge_with_partial_settles_refund_chargeback_and_reversal_adds_up"),
    ("charge",         "chargeback_reversal", "charges::a_reversal_waits_for_its_chargeback"),
];

#[test]
fn the_table_of_webhooks_in_docs_is_current() {
    is_current("webhooks.md", &page());
}

#[test]
fn each_webhook_of_the_table_becomes_the_step_that_it_names() {
    for (kind, _, events) in LENDERS {
        for described in events {
            let read = read(kind, &payload(kind, described.event));
            assert_eq!(read.as_deref(), Ok(described.kind), "{kind}: {}", described.event);
        }
    }
}

#[test]
fn each_payload_that_a_lender_prints_is_in_the_table() {
    for (kind, _, events) in &LENDERS[1..] {
        let known: BTreeSet<_> = events.iter().map(|described| described.event).collect();
        for file in fs::read_dir(root().join("tests/fixtures").join(kind)).expect("fixtures") {
            let body = fs::read(file.expect("a file").path()).expect("a fixture");
            let payload: Value = serde_json::from_slice(&body).expect("JSON");
            let event = payload["eventType"].as_str().expect("a name");
            assert!(known.contains(event), "{event}");
        }
    }
}

#[test]
fn each_test_that_the_table_names_is_there() {
    let named: BTreeSet<_> = TESTS.iter().map(|(machine, kind, _)| (*machine, *kind)).collect();
    let events = LENDERS.iter().flat_map(|(_, _, events)| events.iter());
    let described: BTreeSet<_> = events.map(|event| (event.machine, event.kind)).collect();
    assert_eq!(named, described);
    for (_, _, test) in TESTS {
        let (module, name) = test.split_once("::").expect("module::name");
        let source = fs::read_to_string(root().join(format!("tests/suite/{module}.rs")));
        let source = source.expect("the module");
        assert!(source.contains(&format!("fn {name}(")), "{test}");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    let mut page = format!(
        "# Webhooks\n\n<!-- Generated; after a change: {AGAIN} -->\n\nEvery webhook that the three \
         lenders document, the command that it becomes, what makes two of them the same, where \
         the command leads, and the test of the suite (`tests/suite`) that shows it. `content` is \
         the whole body, however it is spaced. The same key with the same content is a \
         duplicate; with other content it is refused as `key_reused`.\n"
    );
    for (_, name, events) in LENDERS {
        write!(
            page,
            "\n## {name}\n\n| webhook | command | deduplication key | leads to | test |\n\
             |---|---|---|---|---|\n"
        )
        .expect("a String takes all");
        for Described { event, machine, kind, key } in events {
            let (_, _, test) = TESTS
                .iter()
                .find(|(of, step, _)| of == machine && step == kind)
                .expect("each has a test");
            let leads_to = leads_to(machine, kind);
            writeln!(
                page,
                "| `{event}` | [`{kind}`](lifecycles/{machine}.md) | {key} | {leads_to} | `{test}` |"
            )
            .expect("a String takes all");
        }
    }
    page
}

/// The states to which a kind of step leads, from whichever state.
fn leads_to(machine: &str, kind: &str) -> String {
    if kind == "start" {
        // Of no lender's track: the application's own.
        return "started".to_owned();
    }
    let machine = Machine::named(machine).expect("a machine");
    let mut states = BTreeSet::new();
    for edge in machine.edges.into_iter().filter(|edge| edge.kind == kind) {
        if let Effect::Leads(to, _) = edge.effect {
            states.extend(to);
        }
    }
    match states.len() {
        0 => "the same state".to_owned(),
        _ => states.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// The kind of step that a body becomes, or why it becomes none.
fn read(kind: &str, payload: &Value) -> Result<String, String> {
    let config: SourceConfig =
        serde_json::from_value(json!({ "name": "s", "kind": kind, "currency": "USD" }))
            .expect("a source");
    let lender = lender(&config).expect("a lender of ours");
    let body = Bytes::from(payload.to_string());
    let body = scrub::scrub(&body, lender.secret_fields()).body;
    let call = Call {
        received_at: Timestamp::UNIX_EPOCH,
        signed_at: None,
        outside_window: false,
        pan_masked: false,
    };
    match lender.decode(&body, call).what {
        Ok((_, AnyStep::Application(step))) => Ok(step.fact.kind().to_owned()),
        Ok((_, AnyStep::Charge(step))) => Ok(step.fact.kind().to_owned()),
        Ok((_, AnyStep::CustomerLink(step))) => Ok(step.fact.kind().to_owned()),
        Ok((_, AnyStep::PaymentMethod(step))) => Ok(step.fact.kind().to_owned()),
        Ok((_, AnyStep::Transaction(step))) => Ok(step.fact.kind().to_owned()),
        Err(unreadable) => Err(format!("{}: {}", unreadable.field, unreadable.cause)),
    }
}

/// The lender's own payload of a webhook.
fn payload(kind: &str, event: &str) -> Value {
    let fixture = |name: &str| -> Value {
        let file = root().join("tests/fixtures").join(kind).join(format!("{name}.json"));
        serde_json::from_slice(&fs::read(&file).expect("a fixture")).expect("JSON")
    };
    match kind {
        "card-onboarding" => fixture(&event.to_lowercase()),
        "charge-after" => {
            let mut payload = fixture(event);
            // The page prints the name of the one for the other, and no state.
            payload["eventType"] = event.into();
            if payload["state"].is_string() {
                payload["state"] = "pending".into();
            }
            payload
        }
        _ => {
            let (object, status) = event.split_once(' ').unwrap_or((event, ""));
            let (name, field) = match object {
                "APPLICATION" => ("003_application", "status"),
                "PAYMENT_METHOD" => ("003_payment_method", "new_status"),
                "CUSTOMER_LINK" => ("003_customer_link", "status"),
                _ => ("003_transaction", "status"),
            };
            let mut payload = fixture(name);
            payload["data"][field] = status.into();
            payload
        }
    }
}
