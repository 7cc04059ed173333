//! Every event that was ever stored decodes for ever. A fixture is written once and never changed:
//! where the code can no longer read one, the code is wrong, or has to raise the old version.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture that cannot be read fails")]

use std::{collections::BTreeSet, fs, path::Path};

use creditrail_domain::{AggregateType, Event, event::VERSION};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An event as a row of the log has it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    aggregate_type: String,
    event_type: String,
    event_version: String,
    payload: Value,
}

fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
}

fn decoded<T: DeserializeOwned + Serialize>(payload: &Value) -> (T, Value) {
    let event: T = serde_json::from_value(payload.clone()).unwrap();
    let encoded = serde_json::to_value(&event).unwrap();
    (event, encoded)
}

/// The event of a row, and how it would be stored today.
fn read(row: &Row) -> (Event, Value) {
    fn wrapped<T: DeserializeOwned + Serialize>(row: &Row, wrap: fn(T) -> Event) -> (Event, Value) {
        let (event, encoded) = decoded(&row.payload);
        (wrap(event), encoded)
    }
    match AggregateType::named(&row.aggregate_type).unwrap() {
        AggregateType::Access => wrapped(row, Event::Access),
        AggregateType::Application => wrapped(row, Event::Application),
        AggregateType::Charge => wrapped(row, Event::Charge),
        AggregateType::CustomerLink => wrapped(row, Event::CustomerLink),
        AggregateType::Exception => wrapped(row, Event::Exception),
        AggregateType::Privacy => wrapped(row, Event::Privacy),
        AggregateType::Secret => wrapped(row, Event::Secret),
        AggregateType::PaymentMethod => wrapped(row, Event::PaymentMethod),
        AggregateType::Transaction => wrapped(row, Event::Transaction),
        other => panic!("no fixture can be read of {other:?}"),
    }
}

#[test]
fn every_stored_event_still_decodes_to_itself() {
    for row in rows() {
        let (event, encoded) = read(&row);
        let name = (event.aggregate_type().name(), event.name(), VERSION);
        assert_eq!(name, (&*row.aggregate_type, &*row.event_type, &*row.event_version));
        assert_eq!(encoded, row.payload, "{name:?}");
    }
}

#[test]
#[rustfmt::skip] // It is a table.
fn every_name_that_can_stand_in_the_log_has_a_fixture() {
    let every_step = ["StepRefused", "OutcomeRevised", "DeadlinePassed", "OverrideApplied"];
    let own: [(AggregateType, &[&str]); 9] = [
        (AggregateType::Access, &["AccessRecorded"]),
        (AggregateType::Application, &[
            "ApplicationStarted", "ApplicationAccepted", "ApplicationRejected", "ClientReported",
            "ApplicationSubmitted", "SigningOpened", "SigningCompleted", "OnboardingCompleted", "OnboardingRejected", "OnboardingFailed",
            "LenderPrequalified", "LenderReviewing", "ConsumerActionRequired", "MerchantActionRequired",
            "LenderApproved", "LenderDeclined", "LenderCancelled", "ApplicationConfirmed", "ChargeCreated",
            "ActionDone", "NoticeSent", "IdentityEnriched", "StepDuplicate", "StepParked",
        ]),
        (AggregateType::Charge, &["ChargeAuthorized", "OperationCreated", "OperationAdvanced", "ChargedBack", "ChargebackReversed", "ChargeVoided", "ChargeLinked", "StepParked", "StepStale", "StepDuplicate", "IdentityEnriched"]),
        (AggregateType::CustomerLink, &["CustomerLinked", "CustomerUnlinked", "StepParked"]),
        (AggregateType::Exception, &["DeliveryUnreadable", "DeliveryRedriven", "ExceptionResolved"]),
        (AggregateType::Privacy, &["HoldPlaced", "HoldReleased", "PersonalDataErased"]),
        (AggregateType::Secret, &["SecretRevealed"]),
        (AggregateType::PaymentMethod, &["CardRegistered", "CardActivated", "CardPaused", "CardCanceled", "CardAttributesChanged", "StepParked"]),
        (AggregateType::Transaction, &["TransactionApproved", "AuthorizationUpdated", "AuthorizationVoided", "Captured", "Refunded", "StepParked", "StepStale"]),
    ];
    let without_steps =
        [AggregateType::Access, AggregateType::Exception, AggregateType::Privacy, AggregateType::Secret];
    let of_steps = own.iter().filter(|(kind, _)| !without_steps.contains(kind));
    let shared = of_steps.flat_map(|(kind, _)| every_step.map(|name| (kind.name(), name)));
    let own = own.iter().flat_map(|(kind, names)| names.iter().map(|name| (kind.name(), *name)));
    let rows = rows();
    let frozen = rows.iter().map(|row| (&*row.aggregate_type, &*row.event_type));
    assert_eq!(frozen.collect::<BTreeSet<_>>(), own.chain(shared).collect());
}
