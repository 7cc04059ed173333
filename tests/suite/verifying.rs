//! Calls that were turned away for a mistyped secret are verified again once it is mended: those
//! that are authentic are taken in as if they had been at once, each once, and forged ones stay.

use std::collections::BTreeMap;

use creditrail::app::verify::{VerifiedCalls, VerifyCalls};
use serde_json::{Value, json};

use crate::support::{
    Charge, Kind, Ledger, Onboarding, Service, Source, T1, T2, Tx,
    house::Host,
    house::{House, SOURCE},
    items, settled, unix_now, until,
};

const KINDS: [Kind; 3] = [Kind::Imprint, Kind::CardOnboarding, Kind::ChargeAfter];

/// Two webhooks of a lender about one thing, and where that is seen.
fn said(kind: Kind) -> ([String; 2], &'static str) {
    match kind {
        Kind::Imprint => {
            let tx = Tx::new("t1");
            ([tx.approved(5000).at(T1).body(), tx.captured(5000).at(T2).body()], "transactions")
        }
        Kind::CardOnboarding => {
            let onboarding = Onboarding::new("t1");
            let opened = onboarding.signing_created("https://sign.example/canary");
            ([opened.body(), onboarding.signing_completed().body()], "applications")
        }
        Kind::ChargeAfter => {
            let charge = Charge::new("t1");
            (
                [
                    charge.authorize("50.00").body(),
                    charge.settle("tx", "50.00", "COMPLETED").body(),
                ],
                "charges",
            )
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_a_mistyped_secret_turned_away_end_as_if_they_had_been_taken_in() {
    for kind in KINDS {
        let name = kind.name();
        let source = |secret: &str| Source::with_secret(SOURCE, kind, secret);
        let lender = Ledger::of(Service::start(&[source("mistyped")]), SOURCE);
        let control = Ledger::of(Service::start(&[source(kind.secret())]), SOURCE);
        let (bodies, list) = said(kind);
        let now = unix_now();
        for (body, second) in bodies.iter().zip([now - 2, now - 1]) {
            lender.post_as(kind.secret(), second, body).await.is_problem(401, "unauthenticated");
            control.post_as(kind.secret(), second, body).await.is(200);
        }
        lender.post_as("forged", now, &bodies[0]).await.is_problem(401, "unauthenticated");
        rejected(&lender, 3).await;

        assert!(lender.service.stop().success());
        lender.service.set_up(&[source(kind.secret())]);
        lender.service.start_again();
        let verify = async |said: Value| {
            let path = "/v1/rejected-calls/verify";
            lender.command(path, &said).await
        };
        let told = verify(json!({"source": SOURCE})).await.is(200);
        assert_eq!((&told["dry_run"], &told["selected"]), (&json!(true), &json!(3)), "{name}");
        assert_eq!(told["results"], json!({"authentic": 2, "not_authentic": 1}), "{name}");
        assert_eq!(lender.counts().await["received"], 0, "{name}");

        let said = json!({"source": SOURCE, "dry_run": false, "reason": "the secret is mended"});
        let done = verify(said.clone()).await.is(200);
        assert_eq!(done["results"], json!({"taken_in": 2, "not_authentic": 1}), "{name}");
        assert_eq!(done["outcomes"], json!({"applied": 2}), "{name}");
        let [path, other] = [&lender, &control].map(|of| format!("/v1/{list}/{}/t1", of.source));
        let (view, expected) = (lender.view(&path).await, control.view(&other).await);
        assert_eq!(settled(&view), settled(&expected), "{name}");

        // They have left the ring, and the forged one has not.
        let left = rejected(&lender, 1).await;
        assert_eq!(left[0]["number"], 3, "{name}: {left:#?}");
        let again = verify(said).await.is(200);
        assert_eq!(again["results"], json!({"not_authentic": 1}), "{name}");
        // The lender comes again all the same.
        let repeated = lender.post_as(kind.secret(), now - 2, &bodies[0]).await.is(200);
        assert_eq!(repeated["outcome"], "duplicate", "{name}");
        lender.adds_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_and_the_time_are_those_of_the_receipt() {
    for kind in KINDS {
        let house = House::of(kind);
        let host = house.open_mistyped().await;
        let (bodies, _) = said(kind);
        host.turns_away(&bodies[0], kind.secret(), None).await;
        let kept = host.rejected(1).await;
        host.end().await;
        house.later(2 * 86_400);
        let host = house.open().await;
        let done = verify(&host, false).await;
        assert_eq!(done.results, BTreeMap::from([("taken_in", 1)]), "{}", kind.name());
        let id = done.items[0].delivery_id.clone().unwrap();
        let delivery = host.delivery(&id).await;
        assert_eq!(delivery["received_at"], kept[0]["received_at"]);
        // But nobody knew of it before it was verified.
        let at =
            |time: &Value| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
        let after = at(&host.events().await[0]["recorded_at"]) - at(&delivery["received_at"]);
        assert!(after >= 2 * 86_400, "recorded {after} s after it came");
        assert!(!delivery["flags"].to_string().contains("outside_window"), "{delivery:#}");
        assert_eq!(delivery["secret_id"], "first");
        host.counts().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_lender_did_not_send_stays_whatever_is_kept_of_it() {
    let house = House::of(Kind::Imprint);
    let host = house.open().await;
    let ([body, other], _) = said(Kind::Imprint);
    host.turns_away(&body, "forged", None).await;
    // Too large to be kept: so it cannot be verified.
    host.turns_away(&" ".repeat(70_000), "forged", None).await;
    host.receives_body(&other).await;
    host.rejected(2).await;
    let done = verify(&host, false).await;
    assert_eq!(done.results, BTreeMap::from([("not_authentic", 1), ("not_verifiable", 1)]));
    assert_eq!(done.items[0].because, Some("signature_mismatch"));
    assert_eq!(done.items[1].because, Some("its body was not kept"));
    let kept = host.rejected(2).await;
    let verifiable: Vec<_> = kept.iter().map(|call| &call["verifiable"]).collect();
    assert_eq!(verifiable, [&json!(true), &json!(false)]);
    assert_eq!(host.counts().await["received"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credential_beside_a_signature_is_verified_too_and_nowhere_shown() {
    let credential = "Bearer canary-credential-7d";
    let house = House::of(Kind::CardOnboarding).with("authorization", json!({"value": credential}));
    let host = house.open_mistyped().await;
    let ([opened, completed], _) = said(Kind::CardOnboarding);
    let secret = Kind::CardOnboarding.secret();
    host.turns_away(&opened, secret, Some(("authorization", credential))).await;
    host.turns_away(&completed, secret, Some(("authorization", "Bearer another"))).await;
    let shown = Value::Array(host.rejected(2).await).to_string();
    assert!(!shown.contains("canary"), "{shown}");
    host.end().await;
    let host = house.open().await;
    let done = verify(&host, false).await;
    assert_eq!(done.results, BTreeMap::from([("not_authentic", 1), ("taken_in", 1)]));
    let told = serde_json::to_string(&done).unwrap();
    assert!(!told.contains("canary"), "{told}");
    let delivery = host.delivery(done.items[0].delivery_id.as_deref().unwrap()).await;
    assert!(!delivery.to_string().contains("canary"), "{delivery:#}");
    host.end().await;
    for entry in std::fs::read_dir(house.folder()).unwrap() {
        // What SQLite has beside the file goes when the last connection does.
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        assert!(!bytes.windows(6).any(|part| part == b"canary"), "nothing of it is in a file");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_callers_at_once_take_a_call_in_once() {
    let house = House::of(Kind::Imprint);
    let host = house.open_mistyped().await;
    for nth in 0..60 {
        let body = Tx::new(&format!("t{nth}")).captured(100).body();
        host.turns_away(&body, Kind::Imprint.secret(), None).await;
    }
    host.rejected(60).await;
    host.end().await;
    let (one, other) = (house.open().await, house.open().await);
    let (a, b, c) = tokio::join!(verify(&one, false), verify(&other, false), verify(&one, false));
    let taken_in = |done: &VerifiedCalls| done.results.get("taken_in").copied().unwrap_or(0);
    assert_eq!([a, b, c].iter().map(taken_in).sum::<i64>(), 60);
    let counts = one.counts().await;
    assert_eq!((&counts["received"], &counts["kept"]), (&json!(60), &json!(60)), "{counts:#}");
    one.rejected(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_are_verified_that_are_asked_for() {
    let house = House::of(Kind::Imprint);
    let host = house.open_mistyped().await;
    for nth in 0..3 {
        let body = Tx::new(&format!("t{nth}")).captured(100).body();
        host.turns_away(&body, Kind::Imprint.secret(), None).await;
        house.later(60);
    }
    let kept = host.rejected(3).await;
    host.end().await;
    let host = house.open().await;
    let asked = async |said: Value| {
        let mut whole = json!({"source": SOURCE});
        whole.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let asked: VerifyCalls = serde_json::from_value(whole).unwrap();
        let done = host.creditrail.verify_again(asked).await.unwrap();
        done.items.iter().map(|call| (call.number, call.result)).collect::<Vec<_>>()
    };
    let since = &kept[1]["received_at"];
    assert_eq!(asked(json!({"since": since})).await, [(2, "authentic"), (3, "authentic")]);
    let named = asked(json!({"numbers": [7, 3, 1, 3]})).await;
    assert_eq!(named, [(1, "authentic"), (3, "authentic"), (7, "not_found")]);
    let carried_out = json!({"numbers": [2], "dry_run": false, "reason": "mended"});
    assert_eq!(asked(carried_out).await, [(2, "taken_in")]);
    assert_eq!(asked(json!({})).await, [(1, "authentic"), (3, "authentic")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_is_strict_and_needs_a_reason() {
    let imprint = Ledger::fresh();
    let verify = async |said: Value| imprint.command("/v1/rejected-calls/verify", &said).await;
    let source = &imprint.source;
    verify(json!({})).await.names("source");
    verify(json!({"source": source, "dry_run": false})).await.names("reason");
    verify(json!({"source": source, "numbers": ["one"]})).await.names("numbers[0]");
    verify(json!({"source": source, "all": true})).await.names("all");
    verify(json!({"source": "nobody"})).await.is_problem(404, "unknown_source");
    let none = verify(json!({"source": source})).await.is(200);
    assert_eq!((&none["selected"], &none["results"]), (&json!(0), &json!({})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_an_earlier_version_kept_is_said_to_be_not_verifiable() {
    let house = House::of(Kind::Imprint);
    let host = house.open_mistyped().await;
    let ([body, _], _) = said(Kind::Imprint);
    host.turns_away(&body, Kind::Imprint.secret(), None).await;
    host.rejected(1).await;
    host.end().await;
    house.run("UPDATE @rejected_calls SET sealed_headers = NULL").await;
    let host = house.open().await;
    let done = verify(&host, false).await;
    assert_eq!(done.results, BTreeMap::from([("not_verifiable", 1)]));
    assert_eq!(done.items[0].because, Some("its headers were not kept"));
    assert_eq!(host.rejected(1).await[0]["verifiable"], false);
}

/// All calls of the ring.
async fn verify(host: &Host, dry_run: bool) -> VerifiedCalls {
    let asked = VerifyCalls {
        source: SOURCE.to_owned(),
        numbers: None,
        since: None,
        dry_run,
        reason: "the secret is mended".to_owned(),
        actor: Some("ada".to_owned()),
    };
    host.creditrail.verify_again(asked).await.expect("an answer")
}

/// The ring, once it has so many calls: they are written behind the answers.
async fn rejected(lender: &Ledger, count: usize) -> Vec<Value> {
    until("the calls are kept", async || {
        let listed = lender.page("/v1/rejected-calls", &[]).await;
        let listed = items(&listed, "items").to_vec();
        (listed.len() == count).then_some(listed)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_in_is_told_although_another_was_not() {
    let house = House::of(Kind::Imprint);
    if house.url().starts_with("postgres") {
        return; // The trigger is SQLite's.
    }
    let old = house.open_mistyped().await;
    for (id, padding) in [("t1", 1), ("t2", 4000), ("t3", 1)] {
        let padding = json!("x".repeat(padding));
        let body = Tx::new(id).approved(100).with("padding", padding).body();
        old.turns_away(&body, Kind::Imprint.secret(), None).await;
    }
    old.rejected(3).await;
    old.end().await;
    house
        .run(
            "CREATE TRIGGER refuses BEFORE INSERT ON deliveries
             WHEN length(NEW.body) > 4000
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END;",
        )
        .await;
    let new = house.open().await;
    let asked = json!({"source": SOURCE, "dry_run": false, "reason": "mended"});
    let asked: VerifyCalls = serde_json::from_value(asked).unwrap();
    let told = new.creditrail.verify_again(asked).await.expect("a report");
    assert_eq!(told.results, BTreeMap::from([("not_written", 1), ("taken_in", 2)]));
    assert_eq!(new.rejected(1).await.len(), 1, "it stays, to be asked for again");
}
