//! What deliveries carry is sealed under a key of whom they are about, and gone with the key; and
//! whatever was erased, everything else goes on.

use std::fs;

use serde_json::{Value, json};

use crate::{
    proving::{Proven, holds, signed},
    secrets::places_of,
    support::{
        Card, Dice, Ledger, Service, Source, T1, T2, T3, T4, Tx, decision, items, number, text,
    },
};

/// Each stands in a place of its own: a field that is not read, an address, what the partner added, a
/// header, a body that cannot be read.
const UNKNOWN: &str = "canary-unknown-6d11f0";
const ADDRESS: &str = "canary-address-line-22ab07";
const METADATA: &str = "canary-metadata-90fe3c";
const HEADER: &str = "canary-header-51cc88";
const BROKEN: &str = "canary-broken-7710ea";
const TIME: &str = "canary-time-83b2d4";
const CANARIES: [&str; 6] = [UNKNOWN, ADDRESS, METADATA, HEADER, BROKEN, TIME];

/// Nothing need be kept.
fn at_once() -> Source {
    Source::named("imprint").retained_for(0)
}

fn approved(id: &str, customer: &str) -> String {
    let tx = Tx::new(id).approved(5000).at(T1).customer(customer);
    tx.with("nickname", json!(UNKNOWN))
        .with("merchant", json!({ "name": "A shop", "address": { "line_1": ADDRESS } }))
        .with("customer_metadata", json!({ "note": METADATA }))
        .body()
}

/// A call that has the canaries, also in a header.
async fn arrives(ledger: &Ledger, body: &str) -> Value {
    let kind = ledger.kind();
    let time = kind.time(crate::support::unix_now());
    let mut headers = kind.headers(kind.secret(), &time, body.as_bytes());
    headers.push(("X-Forwarded-Person", HEADER.to_owned()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = ledger.call(body.as_bytes(), &headers).await.is(200);
    ledger.service.note_position(&ledger.source, answer["position"].as_i64());
    answer
}

async fn erases(ledger: &Ledger, customer: &str) -> Value {
    let path = format!("/v1/customers/{}/{customer}/erase", ledger.source);
    ledger.command(&path, &json!({ "reason": "they asked for it" })).await.is(200)
}

/// Where a canary stands in what the database has: its files, or its tables.
async fn places(ledger: &Ledger) -> Vec<(String, String)> {
    let mut found = places_of(&ledger.service, &CANARIES);
    if ledger.service.is_postgres() {
        for (table, row) in ledger.service.all_rows().await {
            let is_in =
                |canary: &&&str| row.contains(**canary) || row.contains(&hex::encode(canary));
            let canaries = CANARIES.iter().filter(is_in);
            found.extend(canaries.map(|canary| (table.clone(), (*canary).to_owned())));
        }
    }
    found
}

#[tokio::test]
async fn what_a_delivery_carries_is_sealed_before_it_is_kept_and_shown_as_it_came() {
    let ledger = Ledger::with(Source::named("imprint"));
    let body = approved("t1", "ada");
    let told = arrives(&ledger, &body).await;
    let broken = arrives(&ledger, &format!("{{\"object\": \"{BROKEN}")).await;
    let misdated = Tx::new("t2").approved(700).at(TIME).customer("ada").body();
    arrives(&ledger, &misdated).await;
    let unknown = json!({ "object": format!("of {BROKEN}"), "data": {} }).to_string();
    arrives(&ledger, &unknown).await;

    let shown = ledger.delivery(&told).await;
    assert_eq!(text(&shown, "body"), body);
    assert_eq!(shown["headers"]["x-forwarded-person"], HEADER);
    assert_eq!(shown["erased_at"], Value::Null);
    assert!(text(&ledger.delivery(&broken).await, "body").contains(BROKEN));
    ledger.counts().await;
    assert_eq!(places(&ledger).await, []);
    for path in ["transactions", "exceptions", "deliveries", "stale", "discrepancies"] {
        let rows = json!(ledger.list(&format!("/v1/{path}"), &[]).await).to_string();
        let events = json!(ledger.events().await).to_string();
        for canary in CANARIES {
            assert!(!rows.contains(canary) && !events.contains(canary), "{path}: {canary}");
        }
    }
}

#[tokio::test]
async fn an_erased_customer_is_found_nowhere_and_the_others_stay() {
    let ledger = Ledger::with(at_once());
    let told = arrives(&ledger, &approved("t1", "ada")).await;
    let other = arrives(&ledger, &approved("t2", "bob")).await;
    let before = ledger.customer("ada").await;
    assert_eq!((&before["erased"], &before["legal_hold"]), (&Value::Null, &Value::Null));

    let erased = erases(&ledger, "ada").await;
    assert_eq!((number(&erased, "keys"), number(&erased, "not_sealed")), (1, 0));
    assert_eq!(erased["journal_emptied"], true);

    let shown = ledger.delivery(&told).await;
    assert_eq!((&shown["body"], &shown["headers"]), (&Value::Null, &Value::Null));
    assert!(!text(&shown, "erased_at").is_empty());
    assert_eq!(text(&shown, "outcome"), "applied", "what was recorded of it stays");
    assert!(text(&ledger.delivery(&other).await, "body").contains(UNKNOWN));

    let after = ledger.customer("ada").await;
    assert_eq!(text(&after["erased"], "reason"), "they asked for it");
    assert_eq!(ledger.transaction("t1").await["authorized"], 5000);
    let erased = [("source", "_access"), ("act", "erased")];
    let record = crate::support::until("it is on record", async || {
        let records = ledger.ask("/v1/access-records", &erased).await.is(200);
        items(&records, "items").first().cloned()
    })
    .await;
    assert_eq!(text(&record, "reason"), "they asked for it");

    let again = "/v1/customers/imprint/ada/erase";
    let again = ledger.command(again, &json!({ "reason": "once more" })).await;
    again.is_problem(409, "nothing_to_erase");
    let repeated = arrives(&ledger, &approved("t1", "ada")).await;
    assert_eq!(repeated["outcome"], "duplicate", "a repetition is known without its body");

    let later = arrives(&ledger, &approved("t3", "ada")).await;
    assert!(text(&ledger.delivery(&later).await, "body").contains(UNKNOWN), "a key of its own");
    assert_eq!(places(&ledger).await, []);
}

/// The key that was destroyed is the only way to what is stored, so it must be nowhere either.
#[tokio::test]
async fn the_destroyed_key_is_in_no_file_of_the_database() {
    let ledger = Ledger::with(at_once());
    if ledger.service.is_postgres() {
        return; // What it keeps beside its tables is told in docs/privacy.md.
    }
    arrives(&ledger, &approved("t1", "ada")).await;
    ledger.counts().await;
    let keys = sealed_keys(&ledger);
    assert_eq!(keys.len(), 1);
    let is_there = || {
        let files = ledger.service.files();
        let files = files.iter().filter(|(name, _)| name.contains(".db"));
        files.filter(|(_, content)| content.windows(keys[0].len()).any(|it| it == keys[0])).count()
    };
    assert!(is_there() > 0, "it is found as long as it is there");
    erases(&ledger, "ada").await;
    assert_eq!(is_there(), 0);
}

/// The data keys of a SQLite file, as they are sealed.
fn sealed_keys(ledger: &Ledger) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(ledger.service.file("creditrail.db")).unwrap();
    let sql = "SELECT sealed FROM data_keys WHERE sealed IS NOT NULL";
    let mut select = connection.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn nothing_is_erased_before_the_retention_has_ended_or_while_a_hold_is_on_it() {
    let ledger = Ledger::with(Source::named("imprint"));
    arrives(&ledger, &approved("t1", "ada")).await;
    ledger.receive(&decision("OFFER_ACCEPTED").customer("bob").at(T1)).await;
    let erase = "/v1/customers/imprint/ada/erase";
    let why = json!({ "reason": "they asked for it" });
    let refused = ledger.command(erase, &why).await.is_problem(409, "retention_runs");
    let status = ledger.ask("/v1/customers/imprint/ada/privacy", &[]).await.is(200);
    assert_eq!(status["retained_from"], "last_delivery");
    let until = text(&status, "retained_until");
    assert!(text(&refused, "detail").contains(until), "{refused:#}");
    assert_eq!(status["may_be_erased"], false);
    // Counted from the decision, 25 months on.
    let of_bob = ledger.ask("/v1/customers/imprint/bob/privacy", &[]).await.is(200);
    assert_eq!(of_bob["retained_from"], "decision");
    assert_eq!(text(&of_bob, "retained_until"), "2027-03-27T18:00:00Z");

    let ledger = Ledger::with(at_once());
    arrives(&ledger, &approved("t1", "ada")).await;
    let hold = "/v1/customers/imprint/ada/hold";
    ledger.command(hold, &json!({ "reason": "" })).await.names("reason");
    ledger.command(hold, &json!({ "reason": "a complaint", "actor": "kim" })).await.is(200);
    ledger.command(hold, &why).await.is_problem(409, "already_held");
    ledger.command(erase, &why).await.is_problem(409, "legal_hold");
    assert_eq!(text(&ledger.customer("ada").await["legal_hold"], "actor"), "kim");
    let release = "/v1/customers/imprint/ada/release";
    ledger.command(release, &json!({ "reason": "settled" })).await.is(200);
    ledger.command(release, &why).await.is_problem(409, "not_held");
    ledger.command(erase, &json!({ "reason": " " })).await.names("reason");
    assert_eq!(number(&erases(&ledger, "ada").await, "keys"), 1);
    let told = async |act: &str| {
        let told = ledger.ask("/v1/access-records", &[("act", act), ("source", "_access")]).await;
        items(&told.is(200), "items").len()
    };
    // Read in their order: with the last one all are there.
    crate::support::until("the erasure is told", async || {
        (told("erased").await == 1).then_some(())
    })
    .await;
    assert_eq!((told("hold_placed").await, told("hold_released").await), (1, 1), "as it was done");
    assert_eq!(ledger.command("/v1/customers/imprint/eve/erase", &why).await.status, 404);
}

#[tokio::test]
async fn the_command_line_does_it_beside_a_service() {
    let ledger = Ledger::with(at_once());
    let told = arrives(&ledger, &approved("t1", "ada")).await;
    let privacy = |words: &[&str]| {
        let words = [&["privacy"], words].concat();
        ledger.service.asked(&words)
    };
    let (printed, errors, is_well) = privacy(&["status", "imprint", "ada"]);
    assert!(is_well, "{errors}");
    assert!(printed.contains("deliveries: 1, of which 0 are not sealed"), "{printed}");
    assert!(printed.contains("may be erased now: yes"), "{printed}");
    assert!(privacy(&["hold", "imprint", "ada", "--reason", "a complaint"]).2);
    let (_, errors, is_well) = privacy(&["erase", "imprint", "ada", "--reason", "they asked"]);
    assert!(!is_well && errors.contains("legal hold"), "{errors}");
    assert!(privacy(&["release", "imprint", "ada", "--reason", "settled"]).2);
    let (printed, errors, is_well) =
        privacy(&["erase", "imprint", "ada", "--reason", "they asked"]);
    assert!(is_well, "{errors}");
    assert!(printed.contains("1 keys are destroyed"), "{printed}");
    let shown = ledger.delivery(&told).await;
    assert!(!text(&shown, "erased_at").is_empty(), "{shown:#}");
    // The service has the old key in memory, and must not seal with it.
    let later = arrives(&ledger, &approved("t2", "ada")).await;
    assert!(text(&ledger.delivery(&later).await, "body").contains(UNKNOWN));
}

/// Whom, and in which order, a fixed seed says.
#[tokio::test]
async fn whoever_is_erased_and_whenever_everything_else_goes_on() {
    let seed = 20_260_211;
    println!("seed {seed}");
    let mut dice = Dice::seeded(seed);
    let (_folder, ledger) = signed(at_once());
    let customers = ["ada", "bob", "cy", "di"];
    let mut proven = Vec::new();
    for round in 0..3 {
        for customer in customers {
            let id = format!("{customer}-{round}");
            let tx = Tx::new(&id);
            let steps =
                [tx.captured(5000).at(T3), tx.approved(5000).at(T1), tx.updated(6000).at(T2)];
            ledger
                .receives(&steps.map(|step| step.customer(customer).with("x", json!(UNKNOWN))))
                .await;
            let card = Card::virtual_card(&format!("card-{customer}-{round}")).is("ACTIVE").at(T4);
            ledger.receive(&card.customer(customer)).await;
        }
        ledger.counts().await;
        proven.push(Proven::of(&ledger, "customer", "ada"));
        proven.push(Proven::of(&ledger, "transaction", &format!("bob-{round}")));
        let before = facts(&ledger, &customers).await;
        let mut erased = Vec::new();
        for customer in dice.shuffled(&customers) {
            if dice.roll(2) == 0 {
                println!("round {round}: {customer} is erased");
                erases(&ledger, customer).await;
                erased.push(customer);
            }
        }
        ledger.counts().await;
        assert_eq!(facts(&ledger, &customers).await, before);
        for words in [&["audit", "verify"][..], &["audit", "replay"], &["replay"]] {
            let (printed, errors, is_well) = ledger.service.asked(words);
            assert!(is_well, "{words:?}: {printed}{errors}");
        }
        assert_eq!(facts(&ledger, &customers).await, before, "after the rebuild");
        proven.extend(erased.iter().map(|customer| Proven::of(&ledger, "customer", customer)));
        for bundle in &proven {
            holds(&bundle.words());
        }
    }
    let sealed: Vec<_> = proven.iter().map(|bundle| holds(&bundle.words())).collect();
    assert!(sealed.iter().any(|told| told.contains("Sealed: ")), "somebody was erased");
    assert!(sealed.iter().any(|told| !told.contains("Sealed: ")), "and opened before");
    assert_eq!(places(&ledger).await, []);
}

/// What is recorded of customers, but for what tells of erasure.
async fn facts(ledger: &Ledger, customers: &[&str]) -> Vec<Value> {
    let mut facts = ledger.list("/v1/transactions", &[("limit", "100")]).await;
    for customer in customers {
        let mut document = ledger.customer(customer).await;
        document["erased"] = Value::Null;
        facts.push(document);
    }
    facts
}

#[tokio::test]
async fn a_bundle_shows_what_was_sealed_and_a_key_that_was_changed_is_noticed() {
    let (_folder, ledger) = signed(at_once());
    arrives(&ledger, &approved("t1", "ada")).await;
    ledger.counts().await;
    let before = Proven::of(&ledger, "transaction", "t1");
    assert!(before.page().contains(UNKNOWN) && before.page().contains(HEADER));
    assert!(!holds(&before.words()).contains("Sealed: "));
    let out = ledger.service.file("export");
    let export = |out: &str| {
        let words =
            ["audit", "export", "--source", "imprint", "--out", out, "--reason", "an audit"];
        let (_, errors, is_well) = ledger.service.asked(&words);
        assert!(is_well, "{errors}");
        fs::read_to_string(format!("{out}/deliveries.ndjson")).expect("deliveries")
    };
    let row: Value = serde_json::from_str(export(&out).lines().next().unwrap()).unwrap();
    assert!(text(&row, "opened_headers").contains(HEADER), "{row:#}");
    fs::remove_dir_all(out).unwrap();

    erases(&ledger, "ada").await;
    let after = Proven::of(&ledger, "transaction", "t1");
    assert!(!after.page().contains(UNKNOWN) && !after.page().contains(HEADER));
    assert!(holds(&after.words()).contains("Sealed: 1 of them"));
    let path = "/v1/customers/imprint/ada";
    let hold = json!({ "reason": "a complaint", "actor": "kim" });
    ledger.command(&format!("{path}/hold"), &hold).await.is(200);
    ledger.counts().await;
    let whole = Proven::of(&ledger, "customer", "ada");
    holds(&whole.words());
    let page = whole.page();
    for told in [
        "Erased on ",
        ": they asked for it",
        "A legal hold was placed on ",
        " by kim: a complaint",
        "Erased: its key was destroyed",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let out = ledger.service.file("later");
    let row: Value = serde_json::from_str(export(&out).lines().next().unwrap()).unwrap();
    assert_eq!((&row["opened_headers"], &row["opened_body"]), (&Value::Null, &Value::Null));
    assert!(row["erased_at"].is_i64(), "{row:#}");
    assert_eq!(places(&ledger).await, []);

    let mut json = before.json();
    let key = text(&json["openings"][0], "key").to_owned();
    let other = if key.starts_with('0') { "1" } else { "0" };
    json["openings"][0]["key"] = format!("{other}{}", &key[1..]).into();
    before.write(&json);
    let said = crate::proving::fails(&before.words());
    assert!(said.contains("does not open with the key that is enclosed"), "{said}");
}

#[tokio::test]
async fn who_may_not_decide_may_not_erase() {
    let (reader, reads) = Service::token("reads", "viewer");
    let (own, decides) = Service::token("decides", "operator");
    let service = Service::start_for(&[at_once()], &format!("{reads}{decides}"), &own);
    let ledger = Ledger::of(service, "imprint");
    arrives(&ledger, &approved("t1", "ada")).await;
    let url = format!("{}/v1/customers/imprint/ada/erase", ledger.service.base());
    let call = reqwest::Client::new().post(url).bearer_auth(reader);
    let call = call.header("Content-Type", "application/json").body(r#"{"reason": "because"}"#);
    assert_eq!(call.send().await.unwrap().status(), 403);
    erases(&ledger, "ada").await;
}
