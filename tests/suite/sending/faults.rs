//! In order and at least once, whatever the receiver or the service goes through.

use super::{
    all,
    receiver::{Receiver, Says},
};
use crate::support::{Dice, Ledger, Service, Source, T1, T2, Tx, column, text, until};

fn service(settings: &str) -> Ledger {
    Ledger::of(Service::start_set(&[Source::named("imprint")], settings), "imprint")
}

/// So many transactions, each with so many captures.
async fn load(imprint: &Ledger, (from, to): (usize, usize), captures: usize) {
    for nth in from..to {
        let id = format!("t{nth}");
        let tx = Tx::new(&id);
        imprint.receive(&tx.approved(10_000).at(T1)).await;
        for capture in 0..captures {
            let step = tx.captured(10).event(&format!("c-{nth}-{capture}")).at(T2);
            imprint.receive(&step).await;
        }
    }
}

/// Waits until all lanes were sent as far as they go.
async fn all_are_taken(receiver: &Receiver, lanes: usize, each: i64) {
    until("all of it is taken", async || {
        let taken = receiver.taken();
        let is_done = |lane: &Vec<i64>| lane.contains(&each);
        (taken.len() == lanes && taken.values().all(is_done)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_service_and_a_receiver_that_flaps_lose_nothing_and_keep_the_order() {
    let receiver = Receiver::start().await;
    let imprint = service(&receiver.endpoint("crm", ""));
    let mut dice = Dice::seeded(7);
    for round in 0..4 {
        load(&imprint, (round * 10, round * 10 + 10), 3).await;
        let kills = async {
            imprint.service.kill();
            imprint.service.start_again();
        };
        if dice.roll(2) == 0 {
            receiver.goes_away().await;
            kills.await;
            receiver.comes_back().await;
        } else {
            kills.await;
            receiver.goes_away().await;
            load(&imprint, (100 + round, 101 + round), 3).await;
            receiver.comes_back().await;
        }
    }
    let extra = receiver.taken().len();
    let lanes = imprint.list("/v1/transactions", &[("limit", "200")]).await.len();
    assert!(lanes >= 40 && extra <= lanes);
    all_are_taken(&receiver, lanes, 4).await;
    let (calls, repeats) = receiver.is_sound();
    println!("{lanes} lanes, {} notifications, {calls} calls, {repeats} again", lanes * 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_without_an_answer_comes_again_and_the_rest_behind_it() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t0", [Says::Hangs]);
    let imprint = service(&receiver.endpoint("crm", "timeout_seconds = 1"));
    load(&imprint, (0, 2), 2).await;
    all_are_taken(&receiver, 2, 3).await;
    receiver.lets_go();
    assert_eq!(receiver.taken()["transaction/t0"], [1, 1, 2, 3]);
    assert_eq!(receiver.taken()["transaction/t1"], [1, 2, 3]);
    let listed = imprint.list("/v1/notifications", &[("status", "delivered")]).await;
    let attempts = listed[0]["attempts"].as_array().expect("a list");
    assert_eq!(text(&attempts[0], "said"), "no whole answer within 1 s");
    assert_eq!(attempts[1]["status"], 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lane_that_hangs_holds_up_no_other() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t0", [Says::Hangs]);
    let imprint = service(&receiver.endpoint("crm", "in_flight = 4"));
    load(&imprint, (0, 30), 2).await;
    until("the others are taken", async || {
        let taken = receiver.taken();
        let others = taken.iter().filter(|(lane, _)| *lane != "transaction/t0");
        (others.filter(|(_, taken)| taken.contains(&3)).count() == 29).then_some(())
    })
    .await;
    assert_eq!(receiver.taken()["transaction/t0"], [1]);
    receiver.lets_go();
    all_are_taken(&receiver, 30, 3).await;
    receiver.is_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_is_blocked_behind_what_is_not_taken() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t0", [Says::Status(500), Says::Status(503), Says::Status(429)]);
    let imprint = service(&receiver.endpoint("crm", ""));
    load(&imprint, (0, 1), 2).await;
    all_are_taken(&receiver, 1, 3).await;
    let order: Vec<i64> = receiver.calls().iter().map(|call| call.sequence()).collect();
    assert_eq!(order, [1, 1, 1, 1, 2, 3]);
    let bytes: Vec<_> = receiver.calls()[..4].iter().map(|call| call.bytes.clone()).collect();
    assert!(bytes.iter().all(|one| *one == bytes[0]), "the same bytes each time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_is_waited_for() {
    let receiver = Receiver::start().await;
    let wait = Says::With(503, "retry-after", "2".to_owned());
    receiver.says("transaction/t0", [wait]);
    let imprint = service(&receiver.endpoint("crm", ""));
    load(&imprint, (0, 1), 0).await;
    let listed = until("it is listed", async || {
        imprint.list("/v1/notifications", &[("status", "retrying")]).await.pop()
    })
    .await;
    let at = |time: &str| time.parse::<jiff::Timestamp>().expect("a time");
    let tried = at(text(&listed["attempts"][0], "at"));
    let next = at(text(&listed, "next_at"));
    assert!(next.as_millisecond() >= tried.as_millisecond() + 2000);
    all_are_taken(&receiver, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_an_answer_like_others_and_is_followed_nowhere() {
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let to = format!("http://127.0.0.1:{}/hook", elsewhere.port);
    receiver.says("transaction/t0", [Says::With(307, "location", to)]);
    let imprint = service(&receiver.endpoint("crm", ""));
    load(&imprint, (0, 1), 0).await;
    all_are_taken(&receiver, 1, 1).await;
    assert_eq!(receiver.calls().len(), 2);
    assert_eq!(elsewhere.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_410_pauses_the_endpoint_until_somebody_resumes_it() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t0", [Says::Status(410)]);
    let imprint = service(&receiver.endpoint("crm", ""));
    load(&imprint, (0, 1), 1).await;
    let endpoint = until("it is paused", async || {
        let endpoints = all(&imprint, "/v1/endpoints").await;
        endpoints.into_iter().find(|endpoint| endpoint["paused"].is_object())
    })
    .await;
    assert_eq!(endpoint["paused"]["actor"], "endpoint:crm");
    load(&imprint, (1, 2), 1).await;
    assert_eq!(receiver.calls().len(), 1, "nothing more is sent");
    let resume = serde_json::json!({ "reason": "it is back" });
    imprint.command("/v1/endpoints/crm/resume", &resume).await.is(200);
    all_are_taken(&receiver, 2, 2).await;
    receiver.is_sound();
    until("both are on record", async || {
        let records = all(&imprint, "/v1/access-records").await;
        let acts = column(&records, "act");
        ["endpoint_paused", "endpoint_resumed"].iter().all(|act| acts.contains(act)).then_some(())
    })
    .await;
}
