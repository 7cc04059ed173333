//! What is sent, and what proves it.

use serde_json::json;

use super::{all, receiver::Receiver};
use crate::support::{Ledger, Onboarding, Service, Source, T1, T2, T3, Tx, number, text, until};

const O: Onboarding = Onboarding::new("o1");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_sent_as_it_was_recorded() {
    let receiver = Receiver::start().await;
    let settings = receiver.endpoint("crm", "");
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    let tx = Tx::new("t1");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    imprint.receive(&tx.captured(1000).at(T2)).await;
    let calls =
        until("both are sent", async || Some(receiver.calls()).filter(|calls| calls.len() == 2))
            .await;
    let logged = imprint.events().await;
    for (call, event) in calls.iter().zip(&logged) {
        assert_eq!(call.body["data"], event["payload"]);
        for field in ["position", "sequence", "aggregate_type", "occurred_at", "recorded_at"] {
            assert_eq!(call.body[field], event[field], "{field}");
        }
        assert_eq!(call.header("content-type"), "application/json");
    }
    assert_eq!(text(&calls[0].body, "type"), "transaction.TransactionApproved");
    assert_eq!(text(&calls[1].body, "type"), "transaction.Captured");
    assert_eq!(calls[0].body["previous_sequence"], json!(null));
    assert_eq!(number(&calls[1].body, "previous_sequence"), 1);
    assert_eq!(receiver.is_sound(), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_of_what_it_takes_and_of_what_came_before_it() {
    let receiver = Receiver::start().await;
    let settings =
        receiver.endpoint("crm", "events = [\"transaction.Captured\", \"transaction.Refunded\"]");
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    let tx = Tx::new("t1");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    imprint.receive(&tx.captured(1000).event("c1").at(T2)).await;
    imprint.receive(&tx.captured(500).event("c2").at(T3)).await;
    let calls = until("both captures are sent", async || {
        Some(receiver.calls()).filter(|calls| calls.len() == 2)
    })
    .await;
    let previous: Vec<_> =
        calls.iter().map(|call| (call.sequence(), &call.body["previous_sequence"])).collect();
    assert_eq!(previous, [(2, &json!(null)), (3, &json!(2))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_sent_to_nobody_but_whom_it_is_allowed_by_name() {
    let (plain, allowed) = (Receiver::start().await, Receiver::start().await);
    let settings = plain.endpoint("plain", "")
        + &allowed.endpoint("allowed", "secret_fields = [\"signing_url\"]");
    let service = Service::start_set(&[Source::old_onboarding("onboarding")], &settings);
    let nordiska = Ledger::of(service, "onboarding");
    let address = "https://sign.example/?sessionId=1fa6ef79";
    nordiska.receive(&O.signing_created(address).at(T1)).await;
    let sent = async |receiver: &Receiver| {
        until("it is sent", async || receiver.calls().into_iter().next()).await
    };
    let (without, with) = (sent(&plain).await, sent(&allowed).await);
    let url = |call: &super::receiver::Call| {
        let fact = &call.body["data"]["StepRecorded"]["step"]["fact"];
        fact["statement"]["onboarding"]["signing_opened"]["url"].clone()
    };
    assert_eq!((url(&without), url(&with)), (json!(null), json!(address)));
    let reference = &nordiska.application("o1").await["signing"]["secret_ref"];
    let text = String::from_utf8_lossy(&without.bytes).into_owned();
    assert!(!text.contains(reference.as_str().expect("a reference")), "{text}");
    let records = until("it is on record", async || {
        let records = all(&nordiska, "/v1/access-records").await;
        records.into_iter().find(|record| record["act"] == "revealed")
    })
    .await;
    assert_eq!(records["actor"], "endpoint:allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scheme_of_the_seed_and_cloud_events_are_settings() {
    let receiver = Receiver::start().await;
    let settings = receiver
        .endpoint("crm", "signature = \"timestamp-payload\"\nenvelope = \"cloudevents\"")
        + "authorization = { value = \"Bearer your-auth-token\" }\n";
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let call = until("it is sent", async || receiver.calls().into_iter().next()).await;
    assert_eq!(call.header("authorization"), "Bearer your-auth-token");
    assert_eq!(call.header("content-type"), "application/cloudevents+json; charset=UTF-8");
    assert_eq!(call.body["specversion"], "1.0");
    assert_eq!(call.header("x-card-onboarding-signature").len(), 64);
    assert!(call.header("x-card-onboarding-timestamp").ends_with('Z'));

    let why = json!({ "reason": "a try" });
    let answer = imprint.command("/v1/endpoints/crm/test", &why).await.is(200);
    let test = receiver.calls().pop().expect("a call");
    assert_eq!(test.header("content-type"), call.header("content-type"));
    let is = |name: &str| text(&test.body, name);
    assert_eq!((is("specversion"), is("type")), ("1.0", "creditrail.test"));
    assert_eq!((is("source"), is("id")), ("/endpoints/crm", text(&answer, "id")));
    assert!(is("time").parse::<jiff::Timestamp>().is_ok(), "{}", test.body);
    assert_eq!(test.body["data"], json!({}));
}
