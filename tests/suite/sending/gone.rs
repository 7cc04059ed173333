//! An endpoint that answered 410 is something that a person should look at.

use serde_json::{Value, json};

use super::receiver::{Receiver, Says};
use crate::support::{Ledger, Service, Source, T1, Tx, items, text, until};

/// Two sources, and an endpoint that answered 410 to what the first one recorded.
async fn gone(receiver: &Receiver) -> (Ledger, Value) {
    receiver.says("transaction/t1", [Says::Status(410)]);
    let settings = receiver.endpoint("crm", "events = [\"transaction.*\"]");
    let service =
        Service::start_set(&[Source::named("imprint"), Source::named("other")], &settings);
    let imprint = Ledger::of(service, "imprint");
    imprint.deliver(r#"{"object":"REWARD","data":{"points":10}}"#).await;
    imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    let found = until("it is listed", async || {
        exceptions(&imprint, &[("code", "endpoint_gone")]).await.pop()
    })
    .await;
    until("the other one is too", async || {
        exceptions(&imprint, &[("code", "unrecognised")]).await.pop()
    })
    .await;
    (imprint, found)
}

async fn exceptions(ledger: &Ledger, query: &[(&str, &str)]) -> Vec<Value> {
    items(&ledger.ask("/v1/exceptions", query).await.is(200), "items").to_vec()
}

async fn page(ledger: &Ledger, path: &str) -> String {
    let page = reqwest::get(format!("{}{path}", ledger.service.base())).await.expect("a page");
    page.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stands_among_the_exceptions_until_somebody_resumes_it() {
    let receiver = Receiver::start().await;
    let (imprint, found) = gone(&receiver).await;
    assert_eq!((&found["kind"], &found["status"]), (&json!("endpoint"), &json!("open")));
    assert_eq!(found["subject"], json!({ "type": "endpoint", "id": "crm" }));
    assert!(text(&found, "message").contains("410 to what was recorded at position 2 of imprint"));

    let path = format!("/v1/exceptions/{}", text(&found, "id"));
    let mut whole = found.clone();
    whole["possible"] = json!([]);
    assert_eq!(imprint.ask(&path, &[]).await.is(200), whole);
    let discard = json!({ "action": "discard", "reason": "seen" });
    for what in ["preview", "resolve"] {
        imprint.command(&format!("{path}/{what}"), &discard).await.names("id");
    }
    let home = page(&imprint, "/").await;
    assert!(home.contains("it answered 410"), "{home}");
    let shown = page(&imprint, &path.replace("/v1", "")).await;
    assert!(shown.contains("/v1/endpoints/crm/resume"), "{shown}");

    // Whoever pauses it besides has not looked at that.
    let why = json!({ "reason": "we look" });
    imprint.command("/v1/endpoints/crm/pause", &why).await.is(200);
    assert_eq!(exceptions(&imprint, &[("code", "endpoint_gone")]).await, [found]);
    imprint.command("/v1/endpoints/crm/resume", &why).await.is(200);
    assert_eq!(exceptions(&imprint, &[("code", "endpoint_gone")]).await, Vec::<Value>::new());
    imprint.ask(&path, &[]).await.is_problem(404, "not_found");
    assert!(!page(&imprint, "/").await.contains("it answered 410"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_filtered_and_paged_as_all_exceptions_are_and_belongs_to_no_source() {
    let receiver = Receiver::start().await;
    let (imprint, found) = gone(&receiver).await;
    for (query, is_listed) in [
        (vec![], true),
        (vec![("status", "open")], true),
        (vec![("status", "resolved")], false),
        (vec![("severity", "review")], true),
        (vec![("severity", "high")], false),
        (vec![("customer_id", "crm")], false),
        (vec![("source", "imprint")], false),
        (vec![("source", "_sending")], true),
        (vec![("as_of", "2099-01-01T00:00:00Z")], false),
        (vec![("source", "imprint"), ("as_of", "1")], false),
    ] {
        let listed = exceptions(&imprint, &query).await;
        assert_eq!(listed.contains(&found), is_listed, "{query:?}: {listed:#?}");
    }
    for order in ["newest", "oldest", "stake"] {
        let (mut codes, mut cursor) = (Vec::new(), None);
        loop {
            let mut query = vec![("order", order), ("limit", "1")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = imprint.ask("/v1/exceptions", &query).await.is(200);
            codes.extend(items(&page, "items").iter().map(|item| text(item, "code").to_owned()));
            assert!(items(&page, "items").len() <= 1);
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = Some(next.to_owned());
        }
        assert_eq!(codes, ["unrecognised", "endpoint_gone"], "{order}");
    }
}
