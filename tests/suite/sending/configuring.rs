//! Endpoints that operators make, change and delete over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    all,
    receiver::{KEY, Receiver, Says},
};
use crate::support::{
    Answer, Ledger, Service, Source, T1, T2, T3, Tx, ago, column, items, number, postgres, text,
    until,
};

/// What leads to a receiver, as it is given over HTTP.
pub fn settings(receiver: &Receiver) -> Value {
    json!({
        "name": "crm",
        "url": format!("http://127.0.0.1:{}/hook?token=hush-hush", receiver.port),
        "allow_loopback": true,
        "begins": "at_the_beginning",
        "retries": "seed",
        "secrets": [{ "id": "one", "value": format!("whsec_{KEY}") }],
        "reason": "the shop opens",
        "actor": "ada",
    })
}

pub async fn asked(ledger: &Ledger, (method, path): (Method, &str), body: &Value) -> Answer {
    let name = method.to_string();
    let request = ledger.service.http.request(method, format!("{}{path}", ledger.service.base()));
    Answer::of(&name, request.json(body).send().await.expect("the service answers")).await
}

async fn taken(receiver: &Receiver, lane: &str, sequences: &[i64]) {
    until("it is taken", async || {
        (receiver.taken().get(lane).map(Vec::as_slice) == Some(sequences)).then_some(())
    })
    .await;
}

/// What people did.
pub async fn decided(ledger: &Ledger) -> Vec<Value> {
    let mut records = all(ledger, "/v1/access-records").await;
    records.retain(|record| record["act"] != "settings_changed");
    records
}

/// Waits until the bookmark of each endpoint is there: what is behind it is not sent again.
async fn noted(ledger: &Ledger, position: i64) {
    until("it is noted", async || {
        let known = all(ledger, "/v1/endpoints").await;
        let is_there = |endpoint: &Value| endpoint["sources"][0]["position"] == position;
        known.iter().all(is_there).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_made_goes_on_when_it_is_replaced_and_is_told_nothing_once_deleted() {
    let [first, second, witness] =
        [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let service = Service::start_set(&[Source::named("imprint")], &witness.endpoint("witness", ""));
    let imprint = Ledger::of(service, "imprint");
    let tx = Tx::new("t1");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    let made = imprint.command("/v1/endpoints", &settings(&first)).await.is(201);
    assert_eq!((text(&made, "name"), text(&made, "configured_by")), ("crm", "http"));
    taken(&first, "transaction/t1", &[1]).await;
    noted(&imprint, 1).await;

    imprint.service.kill();
    imprint.service.start_again();
    let endpoints = all(&imprint, "/v1/endpoints").await;
    assert_eq!(column(&endpoints, "configured_by"), ["http", "settings"]);
    let mut other = settings(&second);
    other["secrets"] = json!([{ "id": "one" }]);
    other["reason"] = json!("they move");
    asked(&imprint, (Method::PUT, "/v1/endpoints/crm"), &other).await.is(200);
    imprint.receive(&tx.captured(10).event("c1").at(T2)).await;
    taken(&second, "transaction/t1", &[2]).await;
    assert_eq!(number(&second.calls()[0].body, "previous_sequence"), 1);
    assert_eq!(first.calls().len(), 1, "it goes on where it was, elsewhere");
    noted(&imprint, 2).await;

    let why = json!({ "reason": "they close", "actor": "ada" });
    let deleted = asked(&imprint, (Method::DELETE, "/v1/endpoints/crm"), &why).await.is(200);
    assert_eq!(deleted, json!({ "name": "crm" }));
    assert_eq!(column(&all(&imprint, "/v1/endpoints").await, "name"), ["witness"]);
    imprint.receive(&tx.captured(10).event("c2").at(T3)).await;
    taken(&witness, "transaction/t1", &[1, 2, 3]).await;
    assert_eq!((first.calls().len(), second.calls().len()), (1, 1), "nothing more is sent");

    imprint.command("/v1/endpoints", &settings(&second)).await.is(201);
    taken(&second, "transaction/t1", &[2, 3]).await;
    let records = until("all is on record", async || {
        let records = decided(&imprint).await;
        (records.len() == 4).then_some(records)
    })
    .await;
    let acts = ["endpoint_created", "endpoint_deleted", "endpoint_replaced", "endpoint_created"];
    assert_eq!(column(&records, "act"), acts);
    assert!(text(&records[2], "what").starts_with("crm at 127.0.0.1: url: "), "{}", records[2]);
    assert!(records.iter().all(|record| text(record, "actor") == "ada"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_stays_parked_while_an_endpoint_is_replaced() {
    let receiver = Receiver::start().await;
    receiver.says("transaction/t1", [Says::Status(422)]);
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    given["attempts"] = json!(1);
    imprint.command("/v1/endpoints", &given).await.is(201);
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let parked = async || imprint.list("/v1/notifications", &[("status", "parked")]).await.pop();
    until("it is parked", parked).await;
    given["in_flight"] = json!(1);
    asked(&imprint, (Method::PUT, "/v1/endpoints/crm"), &given).await.is(200);
    imprint.receive(&Tx::new("t2").approved(5000).at(T1)).await;
    taken(&receiver, "transaction/t2", &[1]).await;
    assert_eq!(receiver.taken().get("transaction/t1"), None);
    let resend = json!({ "endpoint": "crm", "source": "imprint", "reason": "it is mended" });
    imprint.command("/v1/notifications/resend", &resend).await.is(200);
    taken(&receiver, "transaction/t1", &[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_wrong_are_named_and_what_may_be_secret_is_not_quoted() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let url = "https://hooks.example.com/hook";
    let hush = "hush-hush-hush-hush";
    let of = |id: &str, from: Value, until: Value| json!({ "id": id, "value": hush, "not_before": from, "not_after": until });
    #[rustfmt::skip] // It is a table.
    let wrong = [
        ("name",                    json!("CRM"),                                    "name"),
        ("name",                    Value::Null,                                     "name"),
        ("url",                     json!("http://hooks.example.com/hush-hush-hush-hush"), "url"),
        ("url",                     json!("https://10.0.0.1/hush-hush-hush-hush"),   "url"),
        ("url",                     json!(1),                                        "url"),
        ("secrets",                 json!([]),                                       "secrets"),
        ("secrets",                 json!([hush]),                                   "secrets[0]"),
        ("secrets",                 json!(hush),                                     "secrets"),
        ("secrets",                 json!([{ "id": "one" }]),                        "secrets"),
        ("secrets",                 json!([{ "id": "one", "value": "short" }]),      "secrets"),
        ("secrets",                 json!([{ "id": "one", "value_env": "HOME" }]),   "secrets.value_env"),
        ("url",                     json!("https://hooks.example.com:0/hook"),       "url"),
        ("url",                     json!("https://hooks.example.com:99999/hook"),   "url"),
        ("url",                     json!("https://hooks.example.com/hook#part"),    "url"),
        ("url",                     json!("https://localhost/hook"),                 "url"),
        ("url",                     json!("https://shop.LOCALHOST./hook"),           "url"),
        ("secrets",                 json!([of("one", Value::Null, Value::Null), of("one", Value::Null, Value::Null)]), "secrets"),
        ("secrets",                 json!([of("one", json!(T3), json!(T3))]),        "secrets"),
        ("secrets",                 json!([of("one", json!("2998-01-01T00:00:00Z"), json!(T3))]), "secrets"),
        ("secrets",                 json!([of("one", Value::Null, json!(T3))]),      "secrets"),
        ("authorization",           json!({}),                                       "authorization"),
        ("authorization",           json!({ "value": "" }),                          "authorization"),
        ("authorization",           json!(hush),                                     "authorization"),
        ("authorization",           json!({ "value": "hush-hush-hush-hush\n" }),     "authorization"),
        ("sources",                 json!(["elsewhere"]),                            "sources"),
        ("events",                  json!(["secret.*"]),                             "events"),
        ("events",                  json!(["transaction.Capturd"]),                  "events"),
        ("events",                  json!(["transaction"]),                          "events"),
        ("events",                  json!(["transaction.Captured.*"]),               "events"),
        ("secret_fields",           json!(["password"]),                             "secret_fields"),
        ("attempts",                json!(0),                                        "attempts"),
        ("attempts",                json!("many"),                                   "attempts"),
        ("envelope",                json!("paper"),                                  "envelope"),
        ("colour",                  json!("blue"),                                   "colour"),
        ("reason",                  json!(""),                                       "reason"),
        ("reason",                  json!(1),                                        "reason"),
    ];
    for (field, value, named) in wrong {
        let mut given = settings(&receiver);
        given["url"] = json!(url);
        given["allow_loopback"] = json!(false);
        given[field] = value.clone();
        let answer = imprint.command("/v1/endpoints", &given).await;
        println!("{field} = {value}: {}", answer.text);
        answer.names(named);
        assert!(!answer.text.contains(hush), "{}", answer.text);
    }
    let mut without = settings(&receiver);
    without.as_object_mut().expect("an object").remove("url");
    imprint.command("/v1/endpoints", &without).await.names("url");
    assert_eq!(all(&imprint, "/v1/endpoints").await, Vec::<Value>::new());
    assert_eq!(decided(&imprint).await, Vec::<Value>::new());

    let endpoint = (Method::PUT, "/v1/endpoints/crm");
    let mut given = settings(&receiver);
    asked(&imprint, endpoint.clone(), &given).await.is_problem(404, "not_found");
    imprint.command("/v1/endpoints", &given).await.is(201);
    given["secrets"] = json!([{ "id": "two" }]);
    asked(&imprint, endpoint.clone(), &given).await.names("secrets");
    given["secrets"] = json!([{ "id": "one" }]);
    given["authorization"] = json!({});
    asked(&imprint, endpoint.clone(), &given).await.names("authorization");
    given["name"] = json!("shop");
    asked(&imprint, endpoint, &given).await.names("name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_replaced_while_the_old_one_holds_and_none_is_told_or_stored_in_the_clear() {
    let receiver = Receiver::start().await;
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    let mut given = settings(&receiver);
    given["authorization"] = json!({ "value": "Bearer hush-hush-and-hush" });
    imprint.command("/v1/endpoints", &given).await.is(201);
    let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    given["secrets"] = json!([{ "id": "two", "value": new }, { "id": "one", "not_after": "2999-01-01T00:00:00Z" }]);
    given["authorization"] = json!({});
    let path = (Method::PUT, "/v1/endpoints/crm");
    let endpoint = asked(&imprint, path.clone(), &given).await.is(200);
    assert_eq!(column(items(&endpoint, "secrets"), "id"), ["two", "one"]);
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let call = until("it is sent", async || receiver.calls().into_iter().next()).await;
    assert_eq!(call.header("authorization"), "Bearer hush-hush-and-hush");
    assert_eq!(call.header("webhook-signature").split(' ').count(), 2, "both sign");

    // A secret that ends and is named again ends as before.
    let why = json!({ "reason": "a test" });
    imprint.command("/v1/endpoints/crm/pause", &why).await.is(200);
    let soon = ago(-2);
    given["secrets"] = json!([{ "id": "two" }, { "id": "one", "not_after": soon }]);
    asked(&imprint, path.clone(), &given).await.is(200);
    given["secrets"] = json!([{ "id": "one" }]);
    asked(&imprint, path.clone(), &given).await.is(200);
    until("it has ended", async || {
        let known = imprint.ask("/v1/endpoints/crm", &[]).await.is(200);
        (known["secrets"][0]["holds"] == false).then_some(())
    })
    .await;
    let calls = receiver.calls().len();
    imprint.command("/v1/endpoints/crm/test", &why).await.names("secrets");
    assert_eq!(receiver.calls().len(), calls, "nothing signs, so nothing is sent");
    imprint.command("/v1/endpoints/crm/resume", &why).await.is(200);
    imprint.receive(&Tx::new("t2").approved(5000).at(T1)).await;
    assert_eq!(all(&imprint, "/v1/endpoints").await[0]["signs"], false);
    given["secrets"] = json!([{ "id": "three", "value": format!("whsec_{KEY}") }]);
    asked(&imprint, path, &given).await.is(200);
    taken(&receiver, "transaction/t2", &[1]).await;
    assert!(receiver.calls().iter().all(|call| call.headers.contains_key("webhook-signature")));

    let mut told = all(&imprint, "/v1/endpoints").await;
    told.extend(all(&imprint, "/v1/access-records").await);
    let told = Value::from(told).to_string();
    for hidden in [KEY, &new[6..], "hush"] {
        assert!(!told.contains(hidden), "{told}");
        for (file, content) in imprint.service.files() {
            let is_there = content.windows(hidden.len()).any(|part| part == hidden.as_bytes());
            assert!(!is_there, "{hidden} in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_of_the_settings_file_is_changed_there_alone() {
    let receiver = Receiver::start().await;
    let service = Service::start_set(&[Source::named("imprint")], &receiver.endpoint("crm", ""));
    let imprint = Ledger::of(service, "imprint");
    let given = settings(&receiver);
    let why = json!({ "reason": "a try" });
    let code = "endpoint_of_settings";
    imprint.command("/v1/endpoints", &given).await.is_problem(409, code);
    let path = "/v1/endpoints/crm";
    asked(&imprint, (Method::PUT, path), &given).await.is_problem(409, code);
    let problem = asked(&imprint, (Method::DELETE, path), &why).await.is_problem(409, code);
    assert!(text(&problem, "detail").contains("settings file"), "{problem}");
    let mut other = given.clone();
    other["name"] = json!("shop");
    imprint.command("/v1/endpoints", &other).await.is(201);
    imprint.command("/v1/endpoints", &other).await.is_problem(409, "endpoint_exists");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_instance_notices_what_another_one_was_told() {
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let url = postgres::database().await;
    let [one, other] = [(); 2]
        .map(|()| Ledger::of(Service::start_at(&url, &[Source::named("imprint")], ""), "imprint"));
    one.command("/v1/endpoints", &settings(&first)).await.is(201);
    until("the other knows it", async || all(&other, "/v1/endpoints").await.pop()).await;
    one.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    taken(&first, "transaction/t1", &[1]).await;
    // Each of them at once, and none is lost.
    let mut more = Vec::new();
    for nth in 0..6 {
        let mut given = settings(&second);
        given["name"] = json!(format!("more-{nth}"));
        let ledger = if nth % 2 == 0 { one.clone() } else { other.clone() };
        more.push(tokio::spawn(async move {
            ledger.command("/v1/endpoints", &given).await.is(201);
        }));
    }
    for made in more {
        made.await.expect("it is made");
    }
    for ledger in [&one, &other] {
        until("all are known", async || {
            (all(ledger, "/v1/endpoints").await.len() == 7).then_some(())
        })
        .await;
    }
    let why = json!({ "reason": "too many" });
    for nth in 0..6 {
        let path = format!("/v1/endpoints/more-{nth}");
        asked(&one, (Method::DELETE, &path), &why).await.is(200);
    }
    let mut given = settings(&second);
    given["secrets"][0]["id"] = json!("two");
    asked(&other, (Method::PUT, "/v1/endpoints/crm"), &given).await.is(200);
    until("the one knows it", async || {
        let known = all(&one, "/v1/endpoints").await;
        (known.len() == 1 && known[0]["secrets"][0]["id"] == "two").then_some(())
    })
    .await;
    other.service.kill();
    one.receive(&Tx::new("t2").approved(5000).at(T1)).await;
    until("it is told elsewhere", async || second.taken().get("transaction/t2").map(|_| ())).await;
    assert_eq!(first.taken().get("transaction/t2"), None);
}

/// What it was told of before stays so: `previous_sequence` names what it was sent, and what is sent
/// again is the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_change_nothing_of_what_was_told_before() {
    let receiver = Receiver::start().await;
    let service = Service::start(&[Source::named("imprint")]);
    let imprint = Ledger::of(service, "imprint");
    let tx = Tx::new("t1");
    imprint.receive(&tx.approved(5000).at(T1)).await;
    let mut given = settings(&receiver);
    given["begins"] = json!("now");
    given["events"] = json!(["transaction.Captured"]);
    imprint.command("/v1/endpoints", &given).await.is(201);
    until("it begins", async || {
        let position = all(&imprint, "/v1/endpoints").await[0]["sources"][0]["position"].as_i64();
        (position == Some(1)).then_some(())
    })
    .await;
    imprint.receive(&tx.updated(6000).at(T2)).await;
    imprint.receive(&tx.captured(10).event("c1").at(T2)).await;
    taken(&receiver, "transaction/t1", &[3]).await;
    noted(&imprint, 3).await;
    given["events"] = json!([]);
    let path = "/v1/endpoints/crm";
    asked(&imprint, (Method::PUT, path), &given).await.is(200);
    imprint.receive(&tx.captured(10).event("c2").at(T3)).await;
    taken(&receiver, "transaction/t1", &[3, 4]).await;
    let since = json!({
        "endpoint": "crm", "source": "imprint", "since": "2020-01-01T00:00:00Z", "reason": "once more",
    });
    let told = imprint.command("/v1/notifications/resend", &since).await.is(200);
    assert_eq!(number(&told, "selected"), 2);
    let calls =
        until("both came again", async || Some(receiver.calls()).filter(|calls| calls.len() == 4))
            .await;
    let previous: Vec<_> = calls
        .iter()
        .map(|call| (call.sequence(), call.body["previous_sequence"].clone()))
        .collect();
    let once = [(3, json!(null)), (4, json!(3))];
    let twice = [once.clone(), once].concat();
    assert_eq!(previous, twice);
    assert_eq!((&calls[0].bytes, &calls[1].bytes), (&calls[2].bytes, &calls[3].bytes));
}
