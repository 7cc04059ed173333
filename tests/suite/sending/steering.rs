//! What operators do about a lane that is parked, and what they have sent again.

use serde_json::{Value, json};

use super::{
    all,
    receiver::{Call, Receiver, Says},
};
use crate::support::{Ledger, Service, Source, T1, T2, T3, Tx, number, text, until};

/// A lane that is parked at its first notification, and another one that is not.
pub async fn parked(receiver: &Receiver) -> (Ledger, Value) {
    receiver.says("transaction/t1", [Says::Status(422), Says::Status(422)]);
    let settings = receiver.endpoint("crm", "attempts = 2");
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    for id in ["t1", "t2"] {
        let tx = Tx::new(id);
        imprint.receive(&tx.approved(5000).at(T1)).await;
        imprint.receive(&tx.captured(10).event(&format!("{id}-1")).at(T2)).await;
        imprint.receive(&tx.captured(10).event(&format!("{id}-2")).at(T3)).await;
    }
    let listed = until("it is parked", async || {
        imprint.list("/v1/notifications", &[("status", "parked")]).await.pop()
    })
    .await;
    taken(receiver, "transaction/t2", &[1, 2, 3]).await;
    (imprint, listed)
}

pub async fn taken(receiver: &Receiver, lane: &str, sequences: &[i64]) {
    until("it is taken", async || {
        (receiver.taken().get(lane).map(Vec::as_slice) == Some(sequences)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_lane_is_seen_sent_again_and_goes_on_in_order() {
    let receiver = Receiver::start().await;
    let (imprint, listed) = parked(&receiver).await;
    assert_eq!(text(&listed["subject"], "id"), "t1");
    assert_eq!(listed["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["attempts"][0]["status"], 422);
    assert_eq!(listed["attempts"][0]["said"], "the answer");
    let endpoint = all(&imprint, "/v1/endpoints").await.remove(0);
    assert_eq!(endpoint["sources"][0]["lanes_parked"], 1);

    let mut asked = json!({ "endpoint": "crm", "source": "imprint", "dry_run": true });
    let counted = imprint.command("/v1/notifications/resend", &asked).await.is(200);
    assert_eq!(number(&counted, "selected"), 1);
    assert_eq!(receiver.taken().get("transaction/t1"), None, "a dry run sends nothing");
    asked["dry_run"] = json!(false);
    imprint.command("/v1/notifications/resend", &asked).await.is(400);
    asked["reason"] = json!("the receiver is mended");
    imprint.command("/v1/notifications/resend", &asked).await.is(200);
    taken(&receiver, "transaction/t1", &[1, 2, 3]).await;
    receiver.is_sound();
    until("it is delivered", async || {
        let listed = imprint.list("/v1/notifications", &[("status", "delivered")]).await;
        listed.into_iter().find(|one| one["subject"]["id"] == "t1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_skipped_with_a_reason_is_told_by_the_next() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t3", [Says::Status(204), Says::Status(400), Says::Status(400)]);
    let (imprint, listed) = parked(&receiver).await;
    let tx = Tx::new("t3");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    imprint.receive(&tx.captured(10).event("t3-1").at(T2)).await;
    imprint.receive(&tx.captured(10).event("t3-2").at(T3)).await;
    let later = until("it is parked", async || {
        let listed = imprint.list("/v1/notifications", &[("status", "parked")]).await;
        listed.into_iter().find(|one| one["subject"]["id"] == "t3")
    })
    .await;
    for one in [&listed, &later] {
        let mut skip =
            json!({ "endpoint": "crm", "source": "imprint", "position": one["position"] });
        imprint.command("/v1/notifications/skip", &skip).await.is(400);
        skip["reason"] = json!("they know already");
        skip["actor"] = json!("ada");
        imprint.command("/v1/notifications/skip", &skip).await.is(200);
    }
    taken(&receiver, "transaction/t1", &[2, 3]).await;
    taken(&receiver, "transaction/t3", &[1, 3]).await;
    receiver.is_sound();
    let skipped = imprint.list("/v1/notifications", &[("status", "skipped")]).await;
    assert_eq!(skipped.len(), 2);
    assert_eq!(skipped[0]["skipped"]["reason"], "they know already");

    let calls = receiver.calls().len();
    let again = json!({
        "endpoint": "crm", "source": "imprint", "since": "2020-01-01T00:00:00Z", "reason": "all",
    });
    imprint.command("/v1/notifications/resend", &again).await.is(200);
    until("the others came again", async || (receiver.calls().len() == calls + 7).then_some(()))
        .await;
    let told = |call: &Call| (call.lane(), call.sequence(), call.bytes.clone());
    let mut first: Vec<_> =
        receiver.calls()[..calls].iter().filter(|call| call.was_taken).map(told).collect();
    let mut again: Vec<_> = receiver.calls()[calls..].iter().map(told).collect();
    first.sort();
    again.sort();
    assert_eq!(again, first, "what was skipped stays so, and the rest is the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_delivered_is_one_query() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t4", [Says::Status(500)]);
    receiver.says("transaction/t3", [Says::With(503, "retry-after", "600".to_owned())]);
    let (imprint, listed) = parked(&receiver).await;
    let find = async |status: &str, id: &str| {
        let listed = imprint.list("/v1/notifications", &[("status", status)]).await;
        listed.into_iter().find(|one| one["subject"]["id"] == id)
    };
    imprint.receive(&Tx::new("t4").approved(5000).at(T1)).await;
    until("t4 is delivered", async || find("delivered", "t4").await).await;
    // Then the endpoint asks to be left alone.
    imprint.receive(&Tx::new("t3").approved(5000).at(T1)).await;
    let waits = until("t3 is to be tried again", async || find("retrying", "t3").await).await;
    assert_eq!((number(&waits, "events_waiting"), number(&listed, "events_waiting")), (0, 2));
    let undelivered = async |more: &[(&str, &str)]| -> Vec<(String, String)> {
        let asked = [&[("status", "undelivered")], more].concat();
        let listed = imprint.list("/v1/notifications", &asked).await;
        let told = |one: &Value| (text(&one["subject"], "id").into(), text(one, "status").into());
        listed.iter().map(told).collect()
    };
    let all = |of_t1: &str| {
        [("t3", "retrying"), ("t1", of_t1)].map(|(id, it)| (id.to_owned(), it.to_owned()))
    };
    assert_eq!(undelivered(&[]).await, all("parked"));
    assert_eq!(undelivered(&[("limit", "1")]).await, all("parked"));
    assert_eq!(undelivered(&[("endpoint", "crm")]).await, all("parked"));
    let of_one = [("type", "transaction"), ("id", "t3")];
    assert_eq!(undelivered(&of_one).await, all("parked")[..1]);
    let position = &listed["position"];
    let skip = json!({
        "endpoint": "crm", "source": "imprint", "position": position, "reason": "they know already",
    });
    imprint.command("/v1/notifications/skip", &skip).await.is(200);
    until("it is skipped", async || find("skipped", "t1").await).await;
    assert_eq!(undelivered(&[]).await, all("skipped"));
    imprint.ask("/v1/notifications", &[("status", "never")]).await.names("status");
    imprint.ask("/v1/notifications", &[("endpoint", "none")]).await.names("endpoint");
    let lane = [("type", "payment"), ("id", "t3")];
    imprint.ask("/v1/notifications", &lane).await.names("type");
    let resend = json!({
        "endpoint": "crm", "source": "imprint", "type": "payment", "id": "t3", "dry_run": true,
    });
    imprint.command("/v1/notifications/resend", &resend).await.names("type");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_since_a_time_is_sent_again_in_order_and_counted_first() {
    let receiver = Receiver::start().await;
    let (imprint, _) = parked(&receiver).await;
    let calls = receiver.calls().len();
    let mut asked = json!({
        "endpoint": "crm", "source": "imprint", "since": "2020-01-01T00:00:00Z", "dry_run": true,
    });
    let counted = imprint.command("/v1/notifications/resend", &asked).await.is(200);
    assert_eq!(number(&counted, "selected"), 6);
    assert_eq!(receiver.calls().len(), calls);
    asked["dry_run"] = json!(false);
    asked["reason"] = json!("they lost their database");
    imprint.command("/v1/notifications/resend", &asked).await.is(200);
    taken(&receiver, "transaction/t1", &[1, 2, 3]).await;
    taken(&receiver, "transaction/t2", &[1, 2, 3, 1, 2, 3]).await;
    receiver.is_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_endpoint_is_told_later_of_what_was_recorded_meanwhile() {
    let receiver = Receiver::start().await;
    let settings = receiver.endpoint("crm", "");
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    let why = json!({ "reason": "they deploy" });
    imprint.command("/v1/endpoints/crm/pause", &why).await.is(200);
    imprint.command("/v1/endpoints/none/pause", &why).await.is(404);
    let test = imprint.command("/v1/endpoints/crm/test", &why).await.is(200);
    assert_eq!((&test["is_taken"], &test["status"]), (&json!(true), &json!(204)));
    imprint.command("/v1/endpoints/crm/resume", &why).await.is(200);
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    until("it is sent", async || (receiver.calls().len() == 2).then_some(())).await;
    assert_eq!(receiver.calls()[0].body["type"], "creditrail.test");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_skipped_while_it_is_about_to_be_sent_again_is_not_sent() {
    let receiver = Receiver::start().await;
    let (imprint, listed) = parked(&receiver).await;
    let why = json!({ "reason": "they look" });
    imprint.command("/v1/endpoints/crm/pause", &why).await.is(200);
    let resend = json!({ "endpoint": "crm", "source": "imprint", "reason": "it is mended" });
    imprint.command("/v1/notifications/resend", &resend).await.is(200);
    let waits = [("status", "retrying")];
    let tried = until("it is no longer said to be parked", async || {
        imprint.list("/v1/notifications", &waits).await.pop()
    })
    .await;
    assert_eq!((&tried["position"], number(&tried, "events_waiting")), (&listed["position"], 2));
    let skip = json!({
        "endpoint": "crm", "source": "imprint", "position": tried["position"], "reason": "they know",
    });
    imprint.command("/v1/notifications/skip", &skip).await.is(200);
    imprint.command("/v1/endpoints/crm/resume", &why).await.is(200);
    taken(&receiver, "transaction/t1", &[2, 3]).await;
    receiver.is_sound();
    let skipped = imprint.list("/v1/notifications", &[("status", "skipped")]).await.remove(0);
    assert_eq!(skipped["skipped"]["reason"], "they know");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_next_attempt_is_sent_now_when_somebody_asks() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t1", [Says::Status(422)]);
    let settings = receiver.endpoint("crm", "").replace("\"seed\"", "\"patient\"");
    let service = Service::start_set(&[Source::named("imprint")], &settings);
    let imprint = Ledger::of(service, "imprint");
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let waits = [("status", "retrying")];
    until("it waits", async || imprint.list("/v1/notifications", &waits).await.pop()).await;
    let mut asked = json!({ "endpoint": "crm", "source": "imprint", "dry_run": true });
    let counted = imprint.command("/v1/notifications/resend", &asked).await.is(200);
    assert_eq!(number(&counted, "selected"), 1);
    asked["dry_run"] = json!(false);
    asked["reason"] = json!("it is mended");
    imprint.command("/v1/notifications/resend", &asked).await.is(200);
    taken(&receiver, "transaction/t1", &[1]).await;
}
