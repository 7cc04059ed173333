//! Which deliveries are redriven, over HTTP and on the command line.

use std::collections::BTreeMap;

use creditrail::{app::redrive::RedriveDeliveries, domain::exception::UnreadableKind};
use serde_json::{Value, json};

use crate::support::house::{House, NOW, SOURCE, all, these};
use crate::support::{Kind, Ledger, Service, Source, Tx, items};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_discarded_is_left_alone() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["VOIDED"]).await;
    let kept = old.receives(&Tx::new("t1").voided(5000)).await.delivery_id;
    old.position().await;
    let said = json!({"action": "discard", "reason": "a test of the lender", "actor": "kim"});
    let said = serde_json::from_value(said).unwrap();
    old.creditrail.resolve(&kept, said).await.expect("it is resolved");
    old.end().await;
    let new = house.open().await;
    assert_eq!(new.redrives(all()).await.selected, 0);
    let named = new.redrives(these(&[&kept])).await;
    assert_eq!(named.results, BTreeMap::from([("discarded", 1)]));
    assert_eq!(new.delivery(&kept).await["outcome"], "unrecognised");
    new.counts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_are_redriven_that_are_asked_for() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["VOIDED", "CAPTURED"]).await;
    let broken = old.receives_body("no JSON").await.delivery_id;
    let first = old.receives(&Tx::new("t1").voided(5000)).await.delivery_id;
    house.later(60);
    let second = old.receives(&Tx::new("t2").captured(5000)).await.delivery_id;
    let read = old.receives(&Tx::new("t3").approved(5000)).await.delivery_id;
    old.end().await;
    let new = house.open().await;
    let dry = RedriveDeliveries { dry_run: true, ..all() };
    let asked = async |asked: RedriveDeliveries| {
        let told = new.redrives(RedriveDeliveries { dry_run: true, ..asked }).await;
        told.items.into_iter().map(|item| (item.delivery_id, item.outcome)).collect::<Vec<_>>()
    };
    let of = |id: &String, outcome| (id.clone(), outcome);
    let all = [of(&broken, "malformed"), of(&first, "parked"), of(&second, "applied")];
    assert_eq!(asked(dry.clone()).await, all);
    let outcome = Some(UnreadableKind::Unrecognised);
    assert_eq!(asked(RedriveDeliveries { outcome, ..dry.clone() }).await, all[1..]);
    let since = jiff::Timestamp::from_microsecond(NOW + 60_000_000).ok();
    assert_eq!(asked(RedriveDeliveries { since, ..dry }).await, all[2..]);
    let named = asked(these(&["none", &second.to_uppercase(), &read, &first, &second])).await;
    let none = ("none".to_owned(), "not_found");
    assert_eq!(named, [of(&first, "parked"), of(&second, "applied"), of(&read, "readable"), none]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_asks_for_it_over_http_and_nothing_is_done_unless_they_say_so() {
    let (_house, lender, kept) = upgraded().await;
    let redrive = async |said: Value| lender.command("/v1/deliveries/redrive", &said).await;
    let told = redrive(json!({"source": SOURCE})).await.is(200);
    assert_eq!((&told["dry_run"], &told["selected"]), (&json!(true), &json!(2)));
    assert_eq!(told["results"], json!({"applied": 1, "malformed": 1}));
    assert_eq!(lender.counts().await["outcomes"]["applied"], 0);

    redrive(json!({"source": SOURCE, "dry_run": false})).await.names("reason");
    redrive(json!({"source": SOURCE, "outcome": "parked"})).await.names("outcome");
    redrive(json!({"source": SOURCE, "since": "yesterday"})).await.names("since");
    redrive(json!({"source": SOURCE, "all": true})).await.names("all");
    redrive(json!({"dry_run": true})).await.names("source");
    redrive(json!({"source": "nobody"})).await.is_problem(404, "unknown_source");
    let card = "it was 4111 1111 1111 1111";
    redrive(json!({"source": SOURCE, "dry_run": false, "reason": card})).await.names("reason");

    let said = json!({"source": SOURCE, "delivery_ids": [kept], "dry_run": false, "reason": "an upgrade", "actor": "ada"});
    let done = redrive(said).await.is(200);
    assert_eq!(done["results"], json!({"applied": 1}));
    let [item] = items(&done, "items") else { panic!("{done:#}") };
    assert_eq!((&item["outcome"], &item["was"]), (&json!("applied"), &json!("unrecognised")));
    assert_eq!(item["subject"], json!({"type": "transaction", "id": "t1"}));
    assert_eq!((&item["kind"], &item["position"]), (&json!("capture"), &done["position"]));
    assert_eq!(lender.transaction("t1").await["captured"], 5000);
    lender.adds_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_redrives_beside_a_service_that_runs() {
    let (_house, lender, kept) = upgraded().await;
    let redrive = ["deliveries", "redrive", "--source", SOURCE];
    let (told, errors) = lender.service.runs(&redrive);
    let told = told.unwrap_or_else(|| panic!("{errors}"));
    assert!(told.contains("2 selected") && told.contains("nothing was changed"), "{told}");
    let line = format!("{kept} unrecognised -> applied capture of transaction t1");
    assert!(told.contains(&line), "{told}");
    assert_eq!(lender.counts().await["outcomes"]["applied"], 0);
    let (done, errors) = lender.service.runs(&[&redrive[..], &["--yes"]].concat());
    assert!(done.is_none() && errors.contains("--reason"), "{errors}");

    let carried_out = [&redrive[..], &["--yes", "--reason", "an upgrade", &kept]].concat();
    let (done, errors) = lender.service.runs(&carried_out);
    let done = done.unwrap_or_else(|| panic!("{errors}"));
    assert!(done.contains("1 selected") && done.contains("applied: 1"), "{done}");
    let newest = lender.counts().await["position"].as_i64();
    lender.service.note_position(SOURCE, newest);
    assert_eq!(lender.transaction("t1").await["captured"], 5000);
    assert_eq!(lender.receive(&Tx::new("t1").captured(5000)).await, "duplicate");
    lender.adds_up().await;
}

/// A service of today on the database of one that could not read a capture; a body that nobody can
/// read came as well.
async fn upgraded() -> (House, Ledger, String) {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["CAPTURED"]).await;
    let kept = old.receives(&Tx::new("t1").captured(5000)).await.delivery_id;
    old.receives_body("no JSON").await;
    old.end().await;
    let service = Service::start_on(&house.url(), &[Source::named(SOURCE)]);
    (house, Ledger::of(service, SOURCE), kept)
}
