//! Deliveries that could not be read when they came are read again after an upgrade: as if they had
//! been read at once, each once, and with the audit equation holding all the while.
//!
//! Reading order: `support::house` (a program whose decoder gets better), then the tests; in `asked`
//! what a person can ask for, and how, and in `pages` the same by the dashboard.

mod asked;
mod pages;

use std::collections::BTreeMap;

use creditrail::{
    app::{
        lists::List,
        redecide::{Asked, Cause, Told},
        redrive::{RedriveDeliveries, Report},
    },
    store::{Order, Page},
};
use serde_json::{Value, json};

use crate::support::house::{Host, House, NOW, SOURCE, all, these};
use crate::support::{
    Dice, Kind, Onboarding, T1, T2, T3, Tx, Webhook, items, number, settled, text,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_read_after_an_upgrade_counts_as_if_it_had_been_read_at_once() {
    let house = House::of(Kind::Imprint);
    let tx = Tx::new("t1");
    let old = house.open_blind(&["VOIDED"]).await;
    assert_eq!(old.receives(&tx.approved(5000).at(T1)).await.outcome, "applied");
    let kept = old.receives(&tx.voided(5000).at(T2)).await;
    assert_eq!(kept.outcome, "unrecognised");
    old.end().await;

    house.later(86_400);
    let new = house.open().await;
    let before = new.events().await;
    let told = new.redrives(RedriveDeliveries { dry_run: true, reason: String::new(), ..all() });
    let told = told.await;
    assert_eq!((told.dry_run, told.selected, told.next), (true, 1, None));
    assert_eq!(told.results, BTreeMap::from([("applied", 1)]));
    assert_eq!(told.items[0].delivery_id, kept.delivery_id);
    assert_eq!((told.items[0].was, told.items[0].kind), (Some("unrecognised"), Some("void")));
    assert_eq!(told.items[0].position, None);
    assert_eq!(new.events().await, before, "a dry run records nothing");
    assert_eq!(new.counts().await["outcomes"]["unrecognised"], 1);

    let done = new.redrives(all()).await;
    assert_eq!((done.dry_run, done.results), (false, BTreeMap::from([("applied", 1)])));
    assert_eq!(done.position, Some(new.position().await));
    let seen = new.transaction("t1").await;
    assert_eq!((&seen["status"], &seen["hold"]), (&json!("voided"), &json!(0)), "{seen:#}");
    let step = &items(&seen, "steps")[1];
    let received_at = jiff::Timestamp::from_microsecond(NOW).unwrap();
    assert_eq!(step["received_at"], json!(received_at), "it stays that of the receipt");
    let counts = new.counts().await;
    assert_eq!((number(&counts, "received"), number(&counts, "kept")), (2, 2));
    assert_eq!(
        (&counts["outcomes"]["applied"], &counts["outcomes"]["unrecognised"]),
        (&json!(2), &json!(0))
    );

    // It is the same as one that was read at once, but for when it was recorded.
    let other = House::of(Kind::Imprint);
    let at_once = other.open().await;
    at_once.receives(&tx.approved(5000).at(T1)).await;
    at_once.receives(&tx.voided(5000).at(T2)).await;
    assert_eq!(settled(&at_once.transaction("t1").await), settled(&seen));
    let as_told = |view: &Value| {
        let mut steps = items(view, "steps").to_vec();
        steps.iter_mut().for_each(|step| drop(step.as_object_mut().unwrap().remove("position")));
        steps
    };
    assert_eq!(as_told(&at_once.transaction("t1").await), as_told(&seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_delivery_leads_to_its_step_and_tells_who_redrove_it_and_why() {
    let (_house, new, kept) = redriven().await;
    let shown = new.delivery(&kept).await;
    let seen = new.transaction("t1").await;
    let step = text(&items(&seen, "steps")[1], "id").to_owned();
    assert_eq!(shown["outcome"], "applied");
    assert_eq!(shown["outcome_on_arrival"], "unrecognised");
    assert_eq!(shown["subject"], json!({"type": "transaction", "id": "t1"}));
    assert_eq!((&shown["kind"], &shown["redriven_as"]), (&json!("void"), &json!(step)));
    let told = &shown["redriven"];
    assert_eq!((text(told, "actor"), text(told, "reason")), ("ada", "an upgrade"));
    assert_eq!(told["position"], new.position().await);
    // What names the step finds its delivery.
    let by_step = new.delivery(&step).await;
    assert_eq!(by_step["delivery_id"], json!(kept));
    let found = new.creditrail.search(&step).await.unwrap();
    let found: Vec<_> = found.iter().filter(|found| found["type"] == "delivery").collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], json!(kept));

    let filtered = async |outcome: &str| {
        let page = Page { filters: vec![("t.outcome", outcome.to_owned())], ..page() };
        let found = new
            .creditrail
            .list(creditrail::app::lists::List::Deliveries, page)
            .await
            .unwrap()
            .items;
        found.iter().map(|delivery| text(delivery, "delivery_id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(filtered("unrecognised").await, Vec::<String>::new());
    assert!(filtered("applied").await.contains(&kept));
    let timeline = new.creditrail.timeline(SOURCE, "t1-customer", oldest()).await.unwrap().unwrap();
    let kinds: Vec<_> = timeline.items.iter().map(|entry| text(entry, "kind")).collect();
    assert_eq!(kinds, ["approve", "void"]);

    let exceptions = new.creditrail.list(List::Exceptions, page()).await.unwrap().items;
    let [exception] = exceptions.as_slice() else { panic!("{exceptions:#?}") };
    assert_eq!(exception["status"], "resolved");
    let resolution = &exception["resolution"];
    assert_eq!((text(resolution, "action"), text(resolution, "actor")), ("redriven", "ada"));
    assert_eq!(text(resolution, "reason"), "an upgrade");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redriving_again_changes_nothing() {
    let (_house, new, kept) = redriven().await;
    let before = new.events().await;
    let all_again = new.redrives(all()).await;
    assert_eq!((all_again.selected, all_again.results.len()), (0, 0));
    let named = new.redrives(these(&[&kept, &kept])).await;
    assert_eq!(named.results, BTreeMap::from([("already_redriven", 1)]));
    assert_eq!(new.events().await, before);
    new.counts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_callers_at_once_redrive_once() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["CAPTURED"]).await;
    let mut kept = Vec::new();
    for nth in 0..60 {
        kept.push(old.receives(&Tx::new(&format!("t{nth}")).captured(100)).await.delivery_id);
    }
    old.end().await;
    // Two programs on one database, two callers of each.
    let (one, other) = (house.open().await, house.open().await);
    let ids: Vec<&str> = kept.iter().map(String::as_str).collect();
    let (a, b, c, d) = tokio::join!(
        one.redrives(these(&ids)),
        other.redrives(these(&ids)),
        one.redrives(all()),
        other.redrives(these(&ids)),
    );
    let applied = |report: &Report| report.results.get("applied").copied().unwrap_or(0);
    assert_eq!([a, b, c, d].iter().map(applied).sum::<i64>(), 60);
    let counts = one.counts().await;
    assert_eq!(counts["outcomes"]["applied"], 60, "{counts:#}");
    let redriven = one.events().await;
    let redriven = redriven.iter().filter(|event| event["event_type"] == "DeliveryRedriven");
    assert_eq!(redriven.count(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_again_after_it_was_redriven_is_a_repetition_of_it() {
    let (_house, new, kept) = redriven().await;
    let voided = Tx::new("t1").voided(5000).at(T2);
    let spaced = format!(" {}", voided.body());
    for body in [voided.body(), spaced] {
        let again = new.receives_body(&body).await;
        assert_eq!((again.outcome, &again.delivery_id), ("duplicate", &kept));
    }
    let shown = new.delivery(&kept).await;
    assert_eq!((&shown["repeats"], &shown["outcome"]), (&json!(2), &json!("applied")));
    let counts = new.counts().await;
    assert_eq!((number(&counts, "received"), number(&counts, "kept")), (4, 2));
    assert_eq!(counts["outcomes"]["duplicate"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_again_and_was_read_in_the_meantime_makes_it_a_duplicate() {
    let house = House::of(Kind::Imprint);
    let tx = Tx::new("t1");
    let old = house.open_blind(&["VOIDED"]).await;
    old.receives(&tx.approved(5000).at(T1)).await;
    let kept = old.receives(&tx.voided(5000).at(T2)).await;
    assert_eq!(old.receives(&tx.voided(5000).at(T2)).await.delivery_id, kept.delivery_id);
    old.end().await;
    let new = house.open().await;
    let again = new.receives(&tx.voided(5000).at(T2)).await;
    assert_eq!(again.outcome, "applied");
    let before = new.transaction("t1").await;

    let would = new.redrives(RedriveDeliveries { dry_run: true, ..all() }).await;
    let done = new.redrives(all()).await;
    assert_eq!(
        (&would.results, &done.results),
        (&BTreeMap::from([("duplicate", 1)]), &would.results)
    );
    assert_eq!(new.transaction("t1").await, before, "it says nothing new");
    let shown = new.delivery(&kept.delivery_id).await;
    assert_eq!((&shown["outcome"], &shown["repeats"]), (&json!("duplicate"), &json!(1)));
    assert_eq!(shown["subject"], json!({"type": "transaction", "id": "t1"}));
    assert_eq!(shown["redriven_as"], json!(again.delivery_id));
    assert_eq!(new.delivery(&again.delivery_id).await["outcome"], "applied");
    let counts = new.counts().await;
    assert_eq!(
        (&counts["outcomes"]["duplicate"], &counts["outcomes"]["unrecognised"]),
        (&json!(2), &json!(0))
    );
    let timeline = new.creditrail.timeline(SOURCE, "t1-customer", oldest()).await.unwrap().unwrap();
    assert_eq!(timeline.items.len(), 2, "a repetition is no entry");
    // And once more.
    assert_eq!(new.receives(&tx.voided(5000).at(T2)).await.delivery_id, again.delivery_id);
    new.counts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_say_the_same_one_counts() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["CAPTURED"]).await;
    let body = Tx::new("t1").captured(5000).body();
    let one = old.receives_body(&body).await.delivery_id;
    let other = old.receives_body(&format!(" {body}")).await.delivery_id;
    assert_ne!(one, other);
    old.end().await;
    let new = house.open().await;
    let results = BTreeMap::from([("applied", 1), ("duplicate", 1)]);
    let would = new.redrives(RedriveDeliveries { dry_run: true, ..all() }).await;
    assert_eq!(would.results, results);
    assert_eq!(new.redrives(these(&[&other, &one])).await.results, results);
    assert_eq!(new.delivery(&one).await["outcome"], "applied", "the first that came");
    assert_eq!(new.delivery(&other).await["outcome"], "duplicate");
    assert_eq!(new.transaction("t1").await["captured"], 5000);
    new.counts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_content_under_its_key_is_a_reused_key_whichever_was_recorded_first() {
    let tx = Tx::new("t1");
    let (blind_to, other) =
        (tx.captured(7000).event("e").at(T2), tx.captured(5000).event("e").at(T1));
    let elsewhere = Tx::new("t2").captured(5000).event("e").at(T1);
    let mut views = Vec::new();
    for redriven_first in [true, false] {
        let house = House::of(Kind::Imprint);
        let old = house.open_blind(&["7000"]).await;
        let kept = old.receives(&blind_to).await.delivery_id;
        old.end().await;
        let new = house.open().await;
        if redriven_first {
            assert_eq!(new.redrives(all()).await.results, BTreeMap::from([("applied", 1)]));
        }
        new.receives(&other).await;
        if !redriven_first {
            assert_eq!(new.redrives(all()).await.results, BTreeMap::from([("refused", 1)]));
        }
        let shown = new.delivery(&kept).await;
        assert_eq!(
            (&shown["outcome"], &shown["reason"]),
            (&json!("refused"), &json!("key_reused"))
        );
        // A key that was used on another stream is taken, by a redriven delivery as by any.
        assert_eq!(new.receives(&elsewhere).await.outcome, "refused");
        new.counts().await;
        views.push(settled(&new.transaction("t1").await));
    }
    assert_eq!(views[0], views[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_cannot_be_read_stays_and_its_field_is_named() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["VOIDED"]).await;
    let broken = old.receives_body("no JSON").await.delivery_id;
    let negative = old.receives(&Tx::new("t1").voided(-1)).await.delivery_id;
    old.end().await;
    let new = house.open().await;
    let before = new.events().await;
    for dry_run in [true, false] {
        let told = new.redrives(RedriveDeliveries { dry_run, ..all() }).await;
        assert_eq!(told.results, BTreeMap::from([("malformed", 2)]));
        let said = |id: &str| {
            let item = told.items.iter().find(|item| item.delivery_id == id).unwrap();
            (item.was.unwrap(), item.outcome, item.field.clone().unwrap())
        };
        assert_eq!(said(&broken), ("malformed", "malformed", String::new()));
        assert_eq!(said(&negative), ("unrecognised", "malformed", "data.amount".to_owned()));
    }
    assert_eq!(new.events().await, before);
    assert_eq!(new.delivery(&negative).await["outcome"], "unrecognised");
    new.counts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_times_of_its_own_call_are_found_again() {
    // The lender of card onboarding signs the time of the step, and nothing else tells it.
    let late = "2026-03-02T11:00:00.25Z";
    let house = || House::of(Kind::CardOnboarding).with("outside_window", json!("record"));
    let webhook = Onboarding::new("o1").signing_completed().body();
    let (one, other) = (house(), house());
    let old = one.open_blind(&["SIGNING"]).await;
    let kept = old.receives_dated(&webhook, late).await.delivery_id;
    old.end().await;
    // Too little for a deadline, which the clock would tell of.
    one.later(60);
    let new = one.open().await;
    let done = new.redrives(all()).await;
    let at_once = other.open().await;
    let read = at_once.receives_dated(&webhook, late).await;
    assert_eq!(done.results, BTreeMap::from([(read.outcome, 1)]));
    assert_eq!(done.items[0].step_id, Some(read.delivery_id.clone()), "the same key and content");
    assert_eq!(new.receives_dated(&webhook, late).await.delivery_id, kept, "a repetition");
    let (redriven, read) = (new.delivery(&kept).await, at_once.delivery(&read.delivery_id).await);
    for field in ["occurred_at", "received_at", "flags", "outcome", "subject"] {
        assert_eq!(redriven[field], read[field], "{field}");
    }
    assert_eq!(redriven["occurred_at"], late);
    assert!(redriven["flags"].to_string().contains("outside_window"), "{redriven:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_masked_stays_flagged_and_what_is_a_secret_since_is_sealed() {
    let house = House::of(Kind::CardOnboarding);
    let secret = "https://sign.example/canary-9f";
    let webhook =
        Onboarding::new("o1").signing_created(secret).with("note", json!("4111 1111 1111 1111"));
    let old = house.open_with(&["SIGNING"], Some("signingUrl")).await;
    let kept = old.receives_body(&webhook.body()).await.delivery_id;
    old.end().await;
    let new = house.open().await;
    assert_eq!(new.redrives(all()).await.results, BTreeMap::from([("applied", 1)]));
    let shown = new.delivery(&kept).await;
    assert!(shown["flags"].to_string().contains("pan_masked"), "{shown:#}");
    assert!(!text(&shown, "body").contains("canary"), "{shown:#}");
    let events = serde_json::to_string(&new.events().await).unwrap();
    assert!(!events.contains("canary"), "{events}");
    let application = new.creditrail.application(SOURCE, "o1").await.unwrap().unwrap();
    let reference = text(&application["signing"], "secret_ref").to_owned();
    let why = serde_json::from_value(json!({"reason": "a test"})).unwrap();
    let revealed = new.creditrail.reveal(&reference, why).await.expect("it is sealed");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&revealed.value), secret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_step_is_judged_in_its_place_and_a_rebuild_tells_the_same() {
    let house = House::of(Kind::Imprint);
    let tx = Tx::new("t1");
    let old = house.open_blind(&["UPDATED", "7777"]).await;
    for webhook in [
        tx.approved(5000).at(T1),
        tx.captured(5000).at(T3),
        tx.voided(5000).at("2025-02-27T21:00:00Z"),
        tx.updated(8000).at(T2),
        Tx::new("t2").captured(7777),
    ] {
        old.receives(&webhook).await;
    }
    old.receives_body("no JSON").await;
    old.end().await;
    let new = house.open().await;
    new.receives(&Tx::new("t2").captured(7777)).await;
    let results = BTreeMap::from([("applied", 1), ("duplicate", 1), ("malformed", 1)]);
    assert_eq!(new.redrives(all()).await.results, results);
    assert_eq!(new.transaction("t1").await["status"], "captured_remainder_voided");
    let before = snapshot(&new).await;
    new.creditrail.rebuild(&[], None, |_| {}).await.expect("a rebuild");
    assert_eq!(snapshot(&new).await, before);
}

/// Any history, with the upgrade and the redriving at any point of it: each moment adds up, and the
/// end is that of a program which could read everything from the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_it_is_redriven_the_end_is_that_of_what_was_read_at_once() {
    for seed in 0..12 {
        let mut dice = Dice::seeded(seed);
        let pool = [
            Tx::new("t1").approved(5000).at(T1),
            Tx::new("t1").updated(8000).at(T2),
            Tx::new("t1").voided(5000).at(T3),
            Tx::new("t1").captured(5000).event("reused").at(T2),
            Tx::new("t1").captured(6000).event("reused").at(T3),
            Tx::new("t2").captured(9000),
            Tx::new("t2").refunded(-5),
        ]
        .map(|webhook| webhook.body());
        let words = ["UPDATED", "VOIDED", "reused", "9000"];
        let (house, control) = (House::of(Kind::Imprint), House::of(Kind::Imprint));
        let blind_to: Vec<&str> = words.into_iter().filter(|_| dice.roll(2) == 0).collect();
        let (mut host, control) = (house.open_blind(&blind_to).await, control.open().await);
        let upgrade = dice.roll(16);
        for nth in 0..16 {
            if nth == upgrade {
                host.end().await;
                host = house.open().await;
            }
            let spaces = " ".repeat(dice.roll(3));
            let body = format!("{spaces}{}", dice.pick(&pool));
            control.receives_body(&body).await;
            host.receives_body(&body).await;
            host.counts().await;
            if dice.roll(4) == 0 {
                host.redrives(all()).await;
                host.counts().await;
            }
        }
        host.redrives(all()).await;
        let (ended, expected) = (host.counts().await, control.counts().await);
        assert_eq!(ended["outcomes"], expected["outcomes"], "seed {seed}, blind to {blind_to:?}");
        for id in ["t1", "t2"] {
            let shown = async |host: &Host| {
                host.position().await;
                host.creditrail.transaction(SOURCE, id).await.unwrap().as_ref().map(settled)
            };
            assert_eq!(shown(&host).await, shown(&control).await, "{id}, seed {seed}");
        }
        let before = snapshot(&host).await;
        host.creditrail.rebuild(&[], None, |_| {}).await.expect("a rebuild");
        assert_eq!(snapshot(&host).await, before, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_today_could_have_read_at_once_is_another_decision_of_the_code() {
    let (_house, host, kept) = redriven().await;
    let mut decisions = Vec::new();
    let mut told = |told: Told<'_>| {
        if let Told::Decision(difference) = told {
            decisions.push(*difference);
        }
    };
    host.creditrail.decide_again(Asked::default(), &mut told).await.expect("the head is reached");
    let [decision] = &decisions[..] else { panic!("{decisions:#?}") };
    assert_eq!(decision.delivery_id.as_ref(), Some(&kept));
    assert_eq!((decision.position, decision.cause), (2, Cause::Code));
    assert_eq!(decision.recorded[0].event_type, "DeliveryUnreadable");
    assert_eq!(decision.now[0].event_type, "AuthorizationVoided");
}

/// A void that could not be read, and has been redriven: the database, the program, the delivery.
async fn redriven() -> (House, Host, String) {
    let house = House::of(Kind::Imprint);
    let tx = Tx::new("t1");
    let old = house.open_blind(&["VOIDED"]).await;
    let webhooks: [Webhook; 2] = [tx.approved(5000).at(T1), tx.voided(5000).at(T2)];
    old.receives(&webhooks[0]).await;
    let kept = old.receives(&webhooks[1]).await.delivery_id;
    old.end().await;
    let new = house.open().await;
    assert_eq!(new.redrives(all()).await.results, BTreeMap::from([("applied", 1)]));
    new.position().await;
    (house, new, kept)
}

fn page() -> Page {
    Page { sources: vec![SOURCE.to_owned()], limit: 200, ..Page::default() }
}

/// All that is read of the source, whatever it is.
async fn snapshot(host: &Host) -> BTreeMap<String, Value> {
    host.position().await;
    let read = &host.creditrail;
    let mut all = BTreeMap::new();
    for list in [List::Transactions, List::Exceptions, List::PaymentMethods, List::Applications] {
        let rows = read.list(list, page()).await.unwrap().items;
        all.insert(format!("{list:?}"), Value::Array(rows));
    }
    let deliveries =
        read.list(creditrail::app::lists::List::Deliveries, page()).await.unwrap().items;
    for delivery in &deliveries {
        let id = text(delivery, "delivery_id");
        all.insert(id.to_owned(), read.delivery(SOURCE, id).await.unwrap().unwrap());
    }
    all.insert("deliveries".to_owned(), Value::Array(deliveries));
    for customer in ["t1-customer", "t2-customer"] {
        let timeline = read.timeline(SOURCE, customer, oldest()).await.unwrap();
        all.insert(customer.to_owned(), Value::Array(timeline.map_or(Vec::new(), |it| it.items)));
    }
    all.insert("events".to_owned(), Value::Array(host.events().await));
    all.insert("counts".to_owned(), host.counts().await);
    all
}

/// A page of which the oldest stand first.
fn oldest() -> Page {
    Page { order: Order::Oldest, ..page() }
}
