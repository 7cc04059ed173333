//! What lenders send in confidence is sealed before it is kept: its bytes are found nowhere, and a
//! person who gives a reason may see one.

use serde_json::{Value, json};

use crate::support::{
    Card, Ledger, Loan, Onboarding, Service, Source, T1, T2, fixtures, items, sorted, text, until,
};

/// Each is of its own form, so that what is found tells where it came from.
const URL: &str = "https://sign.example/?sessionId=canary-url-51c0e7";
const TOKEN: &str = "canary-confirmation-8d12aa";
const CARD_TOKEN: &str = "canary-card-token-77fe01";
const PAN_REFERENCE: &str = "canary-pan-reference-3b9c44";
/// The usual test number: 16 digits with a right check digit.
const PAN: &str = "4242424242424242";
const CANARIES: [&str; 5] = [URL, TOKEN, CARD_TOKEN, PAN_REFERENCE, PAN];

#[tokio::test]
async fn no_secret_of_any_payload_is_found_anywhere() {
    let world = World::of_all_payloads().await;
    world.has_no_canary().await;
}

#[tokio::test]
async fn a_secret_is_revealed_for_a_reason_and_that_is_recorded_without_it() {
    let world = World::of_all_payloads().await;
    let onboarding = world.nordiska.application("o1").await;
    let loan = world.loans.application("a1").await;
    let lender = &items(&loan, "lenders")[0];
    let card = seal_of(&world.card_body, "token");
    let pan = seal_of(&world.card_body, "pan_reference_id");
    #[rustfmt::skip] // It is a table.
    let seals = [
        (&world.nordiska, text(&onboarding["signing"], "secret_ref"), URL),
        (&world.loans,    lender["token_refs"][0].as_str().expect("a reference"), TOKEN),
        (&world.imprint,  card.as_str(), CARD_TOKEN),
        (&world.imprint,  pan.as_str(), PAN_REFERENCE),
    ];
    for (ledger, secret_ref, value) in seals {
        ledger.reveals(secret_ref, &json!({})).await.names("reason");
        ledger.reveals(secret_ref, &json!({"reason": ""})).await.names("reason");
        let why = format!("the customer called about {secret_ref}");
        let said = json!({"reason": why, "actor": "ada"});
        let told = ledger.reveals(secret_ref, &said).await.is(200);
        assert_eq!((text(&told, "value"), text(&told, "secret_ref")), (value, secret_ref));

        let events = ledger.events().await;
        let recorded: Vec<String> =
            events.iter().map(Value::to_string).filter(|event| event.contains(&why)).collect();
        assert_eq!(recorded.len(), 1, "one event for one reveal: {recorded:#?}");
        assert!(recorded[0].contains("\"ada\""), "{}", recorded[0]);
    }
    let strange = "00000000-0000-4000-8000-000000000000";
    assert_eq!(world.imprint.reveals(strange, &json!({"reason": "because"})).await.status, 404);
    world.has_no_canary().await;
}

#[tokio::test]
async fn a_delivery_shows_the_seal_in_the_place_of_the_secret() {
    let nordiska = Ledger::onboarding();
    let told = nordiska.delivers(&Onboarding::new("o1").signing_created(URL).at(T1)).await;
    let kept = nordiska.delivery(&told).await;
    let body: Value = serde_json::from_str(text(&kept, "body")).expect("it is still JSON");
    let signing = nordiska.application("o1").await["signing"].clone();
    assert_eq!(text(&body, "signingUrl"), format!("sealed:{}", text(&signing, "secret_ref")));
    assert_eq!(
        (&body["onboardingId"], &body["eventType"]),
        (&json!("o1"), &json!("SIGNING_SESSION_CREATED"))
    );
}

#[tokio::test]
async fn what_cannot_be_read_keeps_no_secret_either() {
    let loans = Ledger::charge_after();
    let confirmed = Loan::new("a1").lender("L1").confirmed("900.00", TOKEN);
    for (step, outcome) in [
        (confirmed.clone().without("lenderId"), "malformed"),
        (confirmed.clone().token("amount", "-1"), "malformed"),
        (confirmed.at(T2), "applied"),
    ] {
        assert_eq!(loans.receive(&step).await, outcome);
    }
    let found = places_of(&loans.service, &[TOKEN]);
    assert!(found.is_empty(), "{found:?}");
    let listed = loans.ask("/v1/deliveries", &[("source", &loans.source)]).await.text;
    assert!(!listed.contains(TOKEN), "{listed}");
}

#[tokio::test]
async fn a_number_of_a_card_in_free_text_is_masked_and_a_person_is_told() {
    let loans = Ledger::charge_after();
    let lender = Loan::new("a1").lender("L1");
    let reason = format!("card {PAN} is needed");
    let told = loans.delivers(&lender.pending_consumer(&reason).at(T1)).await;
    assert_eq!(told["outcome"], "applied");
    let seen = loans.application("a1").await;
    let shown = text(&seen["lenders"][0], "reason").to_owned();
    assert!(shown.contains("424242") && shown.contains("4242 is needed"), "{shown}");
    assert!(!shown.contains(PAN), "{shown}");
    assert!(sorted(&items(&seen, "steps")[0]["flags"]).contains(&"pan_masked".to_owned()));
    let exception = loans.exception("pan_masked").await;
    assert_eq!((text(&exception, "severity"), text(&exception, "status")), ("high", "open"));
    let body = text(&loans.delivery(&told).await, "body").to_owned();
    assert!(body.contains("424242") && !body.contains(PAN), "{body}");
}

#[tokio::test]
async fn a_card_number_in_a_command_is_refused_by_the_name_of_its_field() {
    let loans = Ledger::charge_after();
    let lender = Loan::new("a1").lender("L1");
    let [declined, approved] = [lender.declined().at(T1), lender.approved("9").at(T2)];
    assert_eq!(loans.receives(&[declined, approved]).await, ["applied", "refused"]);
    let exception = loans.exception("track_terminal").await;
    let why = format!("the customer read {PAN} to us");
    let resolve = format!("/v1/exceptions/{}/resolve", text(&exception, "id"));
    let said = json!({"action": "apply", "reason": why});
    loans.command(&resolve, &said).await.names("reason");
    let said = json!({"application_id": "a1", "reason": "r", "actor": why});
    loans.orders("c1", "link", &said).await.names("actor");
    let found = places_of(&loans.service, &[PAN]);
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn a_number_that_only_looks_long_is_left_alone() {
    let loans = Ledger::charge_after();
    // One digit off, too short, too long.
    for (nth, number) in
        ["4242424242424241", "424242424242", "42424242424242424242"].iter().enumerate()
    {
        let id = format!("a{nth}");
        let reason = format!("order {number}");
        loans.receive(&Loan::new(&id).lender("L1").pending_lender(&reason)).await;
        assert_eq!(loans.application(&id).await["lenders"][0]["reason"], reason);
    }
    assert!(loans.exceptions(&[("code", "pan_masked")]).await.is_empty());
}

/// One service of the three lenders, who have told all that their pages print.
struct World {
    imprint: Ledger,
    nordiska: Ledger,
    loans: Ledger,
    /// Of the delivery of the card, as it is told.
    card_body: Value,
}

impl World {
    async fn of_all_payloads() -> Self {
        let sources = [
            Source::named("imprint"),
            Source::old_onboarding("nordiska"),
            Source::charge_after("loans"),
        ];
        let imprint = Ledger::of(Service::start_telling(&sources), "imprint");
        let (nordiska, loans) = (imprint.beside("nordiska"), imprint.beside("loans"));

        for body in fixtures::PAGE {
            imprint.deliver(body).await;
        }
        let token = json!([{
            "token": CARD_TOKEN, "pan_reference_id": PAN_REFERENCE, "created_at": T1, "updated_at": T1,
        }]);
        let card = Card::virtual_card("c1").is("ACTIVE").with("tokens", token);
        let told = imprint.delivers(&card).await;
        let card_body = text(&imprint.delivery(&told).await, "body").to_owned();
        for (name, body) in fixtures::ONBOARDING {
            let printed: Value = serde_json::from_str(body).expect("JSON");
            let body = match printed["signingUrl"].as_str() {
                Some(url) => body.replace(url, URL),
                None => body.to_owned(),
            };
            assert!(name != "signing_session_created" || body.contains(URL));
            nordiska.deliver(body).await;
        }
        let reason = format!("call about {PAN}");
        nordiska.receive(&Onboarding::new("o1").signing_created(URL).at(T1)).await;
        let lender = Loan::new("a1").lender("L1");
        loans.receives(&[lender.approved("9").at(T1), lender.confirmed("9", TOKEN).at(T2)]).await;
        for (_, body) in fixtures::CHARGE_AFTER {
            loans.deliver(fixtures::filled(body, &[("token", TOKEN), ("reason", &reason)])).await;
        }
        // Calls that are turned away are kept too, and may be the lender's own.
        let forged = Onboarding::new("o2").signing_created(URL).at(T1);
        let kept = format!("{} {PAN}", forged.body());
        loans.call(kept.as_str(), &[("authorization", "a guess")]).await.is(401);
        until("the call is kept", async || {
            let calls = loans.ask("/v1/rejected-calls", &[("source", "loans")]).await;
            items(&calls.is(200), "items").first().cloned()
        })
        .await;
        Self {
            card_body: serde_json::from_str(&card_body).expect("it is still JSON"),
            imprint,
            nordiska,
            loans,
        }
    }

    /// Neither in a file, nor in the log, nor in anything that is told.
    async fn has_no_canary(&self) {
        let told = self.all_that_is_told().await;
        assert!(told.len() > 60, "all is read: {}", told.len());
        for (path, content) in &told {
            let found = CANARIES.iter().find(|canary| content.contains(**canary));
            assert_eq!(found, None, "{path}: {content}");
        }
        let found = places_of(&self.imprint.service, &CANARIES);
        assert!(found.is_empty(), "{found:?}");
        let log = self.imprint.service.log();
        assert!(log.contains("\"recorded\""), "it logs what it records");
        let found = CANARIES.iter().find(|canary| log.contains(**canary));
        assert_eq!(found, None, "{log}");
    }

    /// Every list, every document, every delivery, every event, what is searched for, the metrics.
    async fn all_that_is_told(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        for ledger in [&self.imprint, &self.nordiska, &self.loans] {
            ledger.counts().await; // The read models know all of it now.
            for list in [
                "transactions",
                "payment-methods",
                "applications",
                "charges",
                "exceptions",
                "deliveries",
                "actions",
                "discrepancies",
                "stale",
            ] {
                for row in ledger.list(&format!("/v1/{list}"), &[("limit", "100")]).await {
                    told.extend(self.document(ledger, list, &row).await);
                    told.push((list.to_owned(), row.to_string()));
                }
            }
            for event in ledger.events().await {
                told.push(("events".to_owned(), event.to_string()));
            }
        }
        let customers = [("imprint", fixtures::BUYER), ("loans", "the-consumerId")];
        let mut paths: Vec<String> = customers
            .iter()
            .flat_map(|(source, id)| {
                [
                    format!("/v1/customers/{source}/{id}"),
                    format!("/v1/customers/{source}/{id}/timeline"),
                ]
            })
            .collect();
        paths.extend(["/metrics", "/v1/sources", "/v1/rejected-calls"].map(str::to_owned));
        for path in paths {
            let answer = self.imprint.ask(&path, &[("source", "loans")]).await;
            told.push((path, answer.text));
        }
        for canary in CANARIES {
            let found = self.imprint.ask("/v1/search", &[("q", canary)]).await.is(200);
            told.push((format!("search for {canary}"), found["items"].to_string()));
            assert_eq!(found["items"], json!([]), "{canary}");
        }
        told
    }

    /// The document behind a row, if it has one.
    async fn document(&self, ledger: &Ledger, list: &str, row: &Value) -> Option<(String, String)> {
        let field = match list {
            "transactions" => "transaction_id",
            "payment-methods" => "payment_method_id",
            "applications" => "application_id",
            "charges" => "charge_id",
            "deliveries" => "delivery_id",
            _ => return None,
        };
        let path = format!("/v1/{list}/{}/{}", ledger.source, text(row, field));
        let content = ledger.view(&path).await.to_string();
        Some((path, content))
    }
}

/// The files of a service that have one of these in them.
pub fn places_of(service: &Service, canaries: &[&str]) -> Vec<(String, String)> {
    let files = service.files();
    // On PostgreSQL there is no file to look at but the log.
    let stores = files.iter().filter(|(name, _)| name.contains(".db")).count();
    let is_on_postgres = std::env::var("CREDITRAIL_TEST_STORE").as_deref() == Ok("postgres");
    assert!(stores > 0 || is_on_postgres, "the database file is found");
    let has = |content: &[u8], canary: &str| {
        content.windows(canary.len()).any(|window| window == canary.as_bytes())
    };
    let mut places = Vec::new();
    for (name, content) in &files {
        for canary in canaries {
            if has(content, canary) {
                places.push((name.clone(), (*canary).to_owned()));
            }
        }
    }
    places
}

/// The reference in the place of a secret, wherever it stands in the body.
fn seal_of(body: &Value, field: &str) -> String {
    let token = &body["data"]["tokens"][0];
    let shown = text(token, field);
    shown
        .strip_prefix("sealed:")
        .unwrap_or_else(|| panic!("{field} is not sealed: {body:#}"))
        .to_owned()
}
