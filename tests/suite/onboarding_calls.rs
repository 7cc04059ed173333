//! Card onboarding at the door: who may call, what can be read, and whom it is about.

use serde_json::{Value, json};

use crate::support::{
    Answer, Kind, Ledger, Onboarding, SECRET, Service, Source, T0, T1, T2, ago, fixtures, number,
    text,
};

const O: Onboarding = Onboarding::new("o1");
const SIGNATURE: &str = "X-Card-Onboarding-Signature";
const TIMESTAMP: &str = "X-Card-Onboarding-Timestamp";

#[tokio::test]
async fn a_signature_over_time_and_body_within_the_window_is_taken() {
    let nordiska = strict();
    for (nth, age) in [240, 0, -45].into_iter().enumerate() {
        let id = format!("o{nth}");
        let created = Onboarding::new(&id).signing_created("https://sign").at(&ago(age));
        let told = nordiska.delivers(&created).await;
        assert_eq!(told["outcome"], "applied", "{age} s old");
        assert_eq!(nordiska.delivery(&told).await["secret_id"], "first");
    }
    nordiska.is_sound().await;
}

#[tokio::test]
async fn every_call_that_is_not_authentic_gets_the_same_401() {
    let nordiska = strict();
    let body = O.rejected("KYC_DENIAL").body();
    let now = ago(0);
    let sign = |secret, time: &str, body: &str| signed(secret, time, body.as_bytes());
    let genuine = sign(SECRET, &now, &body);
    #[rustfmt::skip] // It is a table.
    let forged = [
        ("empty",             String::new(),                        now.clone()),
        ("nonsense",          "nonsense".to_owned(),                now.clone()),
        ("other secret",      sign("another-secret", &now, &body),  now.clone()),
        ("other body",        sign(SECRET, &now, "{}"),             now.clone()),
        ("other time",        genuine.clone(),                      ago(1)),
        ("cut short",         genuine[..62].to_owned(),             now.clone()),
        ("no hex",            "z".repeat(64),                       now.clone()),
        ("no such time",      sign(SECRET, "yesterday", &body),     "yesterday".to_owned()),
        ("past the window",   sign(SECRET, &ago(310), &body),       ago(310)),
        ("ahead of it",       sign(SECRET, &ago(-120), &body),      ago(-120)),
    ];
    let unsigned = nordiska.call(body.clone(), &[]).await;
    unsigned.is_problem(401, "unauthenticated");
    for (what, signature, time) in &forged {
        let headers = [(SIGNATURE, signature.as_str()), (TIMESTAMP, time.as_str())];
        alike(&nordiska.call(body.clone(), &headers).await, &unsigned, what);
    }
    alike(&nordiska.call(body.clone(), &[(SIGNATURE, &genuine)]).await, &unsigned, "no time");
    alike(&nordiska.call(body.clone(), &[(TIMESTAMP, &now)]).await, &unsigned, "no signature");
    assert_eq!(number(&nordiska.counts().await, "received"), 0);
    let headers = [(SIGNATURE, genuine.as_str()), (TIMESTAMP, now.as_str())];
    assert_eq!(nordiska.call(body, &headers).await.is(200)["outcome"], "applied");
}

#[tokio::test]
async fn an_authorization_that_is_set_has_to_match_beside_the_signature() {
    let source = Source::card_onboarding("nordiska")
        .table("authorization", r#"{ value = "Bearer the-right-one" }"#);
    let nordiska = Ledger::of(Service::start(&[source]), "nordiska");
    let body = O.rejected("KYC_DENIAL").body();
    let unsigned = nordiska.call(body.clone(), &[]).await;
    let now = ago(0);
    let genuine = signed(SECRET, &now, body.as_bytes());
    let forged = signed("another-secret", &now, body.as_bytes());
    #[rustfmt::skip] // It is a table.
    let calls = [
        (&genuine, None,                           401),
        (&genuine, Some("Bearer another-one"),     401),
        (&genuine, Some("the-right-one"),          401),
        (&genuine, Some(""),                       401),
        (&forged,  Some("Bearer the-right-one"),   401),
        (&genuine, Some("Bearer the-right-one"),   200),
    ];
    for (signature, authorization, status) in calls {
        let mut headers = vec![(SIGNATURE, signature.as_str()), (TIMESTAMP, now.as_str())];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let answer = nordiska.call(body.clone(), &headers).await;
        assert_eq!(answer.status, status, "{authorization:?}: {}", answer.text);
        if status == 401 {
            alike(&answer, &unsigned, "the same for all causes");
        }
    }
}

#[tokio::test]
async fn what_is_authentic_but_old_can_be_recorded_with_a_flag() {
    let nordiska = Ledger::onboarding();
    let created = O.signing_created("https://sign").at(T1);
    assert_eq!(nordiska.receive(&created).await, "applied");
    let flags = nordiska.application("o1").await["flags"].clone();
    assert!(flags.to_string().contains("outside_window"), "{flags}");
    nordiska.is_sound().await;
}

#[tokio::test]
async fn the_partners_id_stands_for_the_customers() {
    let nordiska = Ledger::onboarding();
    let said = json!({"application_id": "o1", "partner_customer_id": "p", "started_at": T0});
    let told = nordiska.registers(&said).await.is(201);
    assert_eq!(told["application_id"], "o1");
    let submitted = nordiska.application("o1").await;
    assert_eq!((&submitted["status"], &submitted["decision"]), (&json!("submitted"), &json!(null)));
    assert_eq!(submitted["steps"][0]["kind"], "submit");
    nordiska.receive(&O.signing_created("https://1").at(T1)).await;
    let application = nordiska.application("o1").await;
    assert_eq!(
        (&application["customer_id"], &application["partner_customer_id"]),
        (&json!("p"), &json!("p"))
    );
    let found = nordiska.list("/v1/applications", &[("customer_id", "p")]).await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn an_application_is_registered_by_its_id() {
    let nordiska = Ledger::onboarding();
    nordiska.registers(&json!({"partner_customer_id": "p"})).await.names("application_id");
}

#[tokio::test]
async fn an_application_is_not_registered_for_another_customer() {
    let nordiska = Ledger::onboarding();
    let said = |who: &str| json!({"application_id": "o1", "partner_customer_id": who});
    nordiska.registers(&said("p")).await.is(201);
    nordiska.registers(&said("q")).await.is_problem(409, "customer_conflict");
    assert_eq!(nordiska.application("o1").await["partner_customer_id"], "p");
    assert_eq!(nordiska.events_of("o1").await.len(), 1);
}

#[tokio::test]
async fn the_id_of_an_onboarding_is_one_whatever_its_case() {
    let nordiska = Ledger::onboarding();
    let upper = fixtures::ONBOARDING_ID.to_uppercase();
    let (one, other) = (Onboarding::new(fixtures::ONBOARDING_ID), Onboarding::new(&upper));
    let told = nordiska
        .receives(&[one.signing_created("https://1").at(T1), other.signing_completed().at(T2)])
        .await;
    assert_eq!(told, ["applied", "applied"]);
    for id in [fixtures::ONBOARDING_ID, &upper] {
        let seen = nordiska.application(id).await;
        assert_eq!(
            (text(&seen, "application_id"), text(&seen, "status")),
            (fixtures::ONBOARDING_ID, "signed")
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_named() {
    let nordiska = Ledger::onboarding();
    #[rustfmt::skip] // It is a table.
    let unreadable = [
        (O.signing_completed().without("onboardingId"),                 "malformed",    "onboardingId"),
        (O.signing_completed().with("onboardingId", json!("")),         "malformed",    "onboardingId"),
        (O.signing_completed().with("onboardingId", json!(7)),          "malformed",    "onboardingId"),
        (O.signing_created("x").without("signingUrl"),                  "malformed",    "signingUrl"),
        (O.completed("e1").without("engagementId"),                     "malformed",    "engagementId"),
        (O.rejected("KYC_DENIAL").without("rejectReason"),              "malformed",    "rejectReason"),
        (O.failed("TIMEOUT").with("failureCode", json!(null)),          "malformed",    "failureCode"),
        (O.signing_completed().with("eventType", json!("SOMETHING")),   "unrecognised", ""),
        (O.signing_completed().without("eventType"),                    "malformed",    "eventType"),
    ];
    for (step, outcome, field) in unreadable {
        let told = nordiska.delivers(&step.at(T1)).await;
        assert_eq!(told["outcome"], outcome, "{field}: {told:#}");
        let listed = nordiska.exceptions(&[("code", outcome)]).await;
        let about = |one: &&Value| one["delivery_id"] == told["delivery_id"];
        let exception = listed.iter().find(about).expect("it is listed");
        assert!(text(exception, "message").contains(field), "{exception:#}");
    }
    assert!(nordiska.list("/v1/applications", &[]).await.is_empty());
    nordiska.is_sound().await;
}

/// A source that takes nothing old.
fn strict() -> Ledger {
    Ledger::of(Service::start(&[Source::card_onboarding("nordiska")]), "nordiska")
}

fn signed(secret: &str, time: &str, body: &[u8]) -> String {
    Kind::CardOnboarding.headers(secret, time, body).remove(0).1
}

#[track_caller]
fn alike(answer: &Answer, unsigned: &Answer, what: &str) {
    assert_eq!((answer.status, &answer.text), (401, &unsigned.text), "{what}");
}
