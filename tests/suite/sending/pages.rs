//! The pages of endpoints and notifications: what they tell, and what their forms do without scripts.

use super::{
    receiver::{Receiver, Says},
    steering::{parked, taken},
};
use crate::support::{Browser, Desk, Ledger, Service, Source, T1, Tx, until};

/// A page as it is answered, to a browser.
async fn page(ledger: &Ledger, path: &str) -> String {
    let asked = ledger.service.http.get(format!("{}{path}", ledger.service.base()));
    let answer = asked.header("accept", "text/html").send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a page"));
    assert_eq!(status, 200, "{path}: {text}");
    text
}

/// What a form is answered: the status, and where it leads or what it says.
async fn sends(ledger: &Ledger, path: &str, fields: &str) -> (u16, String) {
    let asked = ledger.service.http.post(format!("{}{path}", ledger.service.base()));
    let asked = asked.header("content-type", "application/x-www-form-urlencoded");
    let answer = asked.body(fields.to_owned()).send().await.expect("an answer");
    let way = answer.headers().get("location").map(|way| way.to_str().expect("ASCII").to_owned());
    let status = answer.status().as_u16();
    (status, way.unwrap_or(answer.text().await.expect("a page")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_parked_is_told_with_its_attempts_counted_and_sent_again() {
    let receiver = Receiver::start().await;
    let (imprint, _) = parked(&receiver).await;
    let list = page(&imprint, "/notifications?endpoint=crm&status=parked").await;
    for said in ["transaction.TransactionApproved", "2 attempts", "answered 422", "the answer"] {
        assert!(list.contains(said), "{said}: {list}");
    }
    let way = "notifications/resend?endpoint=crm&amp;source=imprint&amp;type=transaction&amp;id=t1";
    assert!(list.contains(way), "{list}");
    assert!(!page(&imprint, "/notifications?status=delivered").await.contains("answered 422"));
    let (status, _) = sends(&imprint, "/notifications/resend", "endpoint=crm&source=imprint").await;
    assert_eq!(status, 400, "not without a reason");
    for (query, status, said) in [
        ("", 200, "Count"),
        ("?endpoint=crm&source=imprint&since=yesterday", 400, "since: must be a time"),
        ("?endpoint=crm", 400, "source: is required"),
        ("?endpoint=none&source=imprint", 404, "there is no endpoint `none`"),
        ("?endpoint=crm&source=imprint&type=wrong&id=t1", 400, "type: `wrong` is not one of: "),
    ] {
        let way = format!("{}/notifications/resend{query}", imprint.service.base());
        let asked = imprint.service.http.get(way).header("accept", "text/html");
        let answer = asked.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{query}");
        let shown = answer.text().await.expect("a page");
        assert!(shown.contains(said) && shown.contains("name=\"since\""), "{query}: {shown}");
        assert_eq!(shown.contains("value=\"yesterday\""), query.contains("yesterday"), "{shown}");
        assert!(!shown.contains("name=\"type\""), "a wrong kind does not stay: {shown}");
    }
    let fields = "endpoint=crm&source=imprint&type=transaction&id=t1";
    let (_, shown) = sends(&imprint, "/notifications/resend", fields).await;
    assert!(shown.contains("reason: ") && shown.contains("Send 1 again"), "{shown}");

    let counted = page(&imprint, &format!("/{}", way.replace("&amp;", "&"))).await;
    assert!(counted.contains("<b>1 lane</b>") && counted.contains("Send 1 again"), "{counted}");
    let all = page(
        &imprint,
        "/notifications/resend?endpoint=crm&source=imprint&since=2020-01-01T00:00:00Z",
    );
    let all = all.await;
    assert!(all.contains("<b>6 notifications</b>"), "{all}");
    assert_eq!(receiver.taken().get("transaction/t1"), None, "nothing is sent by looking");
    let fields = "endpoint=crm&source=imprint&type=transaction&id=t1&since=&reason=mended";
    let (status, way) = sends(&imprint, "/notifications/resend", fields).await;
    let back = "../notifications?endpoint=crm&source=imprint&behind=1";
    assert_eq!((status, way.as_str()), (303, back));
    assert!(page(&imprint, &back[2..]).await.contains("may be behind it still"));
    taken(&receiver, "transaction/t1", &[1, 2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_skipped_says_by_whom_and_why() {
    let receiver = Receiver::start().await;
    let (imprint, listed) = parked(&receiver).await;
    let fields = format!("endpoint=crm&source=imprint&position={}", listed["position"]);
    assert_eq!(sends(&imprint, "/notifications/skip", &fields).await.0, 400);
    let fields = format!("{fields}&reason=they+know+already");
    assert_eq!(sends(&imprint, "/notifications/skip", &fields).await.0, 303);
    let list = until("it is skipped", async || {
        let list = page(&imprint, "/notifications?status=skipped").await;
        list.contains("data-key").then_some(list)
    })
    .await;
    assert!(list.contains("they know already"), "{list}");
    taken(&receiver, "transaction/t1", &[2, 3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_paused_tested_and_resumed_and_the_first_page_says_what_needs_a_person() {
    let receiver = Receiver::start().await;
    let (imprint, _) = parked(&receiver).await;
    let home = page(&imprint, "/").await;
    assert!(home.contains("notifications?endpoint=crm&amp;status=parked\">1<"), "{home}");
    assert_eq!(sends(&imprint, "/endpoints/crm/pause", "reason=").await.0, 400);
    let (status, way) = sends(&imprint, "/endpoints/crm/pause", "reason=they+deploy").await;
    assert_eq!((status, way.as_str()), (303, "../../endpoints"));
    for path in ["/", "/endpoints"] {
        let shown = page(&imprint, path).await;
        assert!(shown.contains("they deploy") && shown.contains("1 lane parked"), "{shown}");
    }
    receiver.says("", [Says::Body(503, "under repair".to_owned())]);
    let (status, shown) = sends(&imprint, "/endpoints/crm/test", "reason=a+try").await;
    assert_eq!(status, 200);
    assert!(shown.contains("not taken") && shown.contains("under repair"), "{shown}");
    assert_eq!(sends(&imprint, "/endpoints/crm/resume", "reason=done").await.0, 303);
    let shown = page(&imprint, "/endpoints").await;
    assert!(!shown.contains("they deploy"), "{shown}");
    assert_eq!(sends(&imprint, "/endpoints/none/pause", "reason=a+try").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_decide_is_shown_no_form_that_does() {
    let receiver = Receiver::start().await;
    receiver.says_always(Says::Status(422));
    let desk = Desk::open_with(&receiver.endpoint("crm", "attempts = 1"));
    desk.imprint.receive(&Tx::new("t1").approved(5000).at(T1)).await;
    until("it is parked", async || {
        desk.imprint.list("/v1/notifications", &[("status", "parked")]).await.pop()
    })
    .await;
    for (role, may) in [("viewer", false), ("auditor", false), ("operator", true)] {
        for (path, forms) in
            [("/endpoints", "endpoints/crm/"), ("/notifications", "notifications/")]
        {
            let http = reqwest::Client::builder().no_proxy().build().expect("a client");
            let asked = http.get(format!("{}{path}", desk.base())).bearer_auth(desk.token(role));
            let shown = asked.send().await.expect("an answer").text().await.expect("a page");
            assert!(shown.contains("crm"), "{shown}");
            assert_eq!(shown.contains(&format!("action=\"./{forms}")), may, "{role}: {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_is_told_of_events_the_pages_say_so() {
    let imprint = Ledger::of(Service::start(&[Source::named("imprint")]), "imprint");
    assert!(page(&imprint, "/endpoints").await.contains("Nobody is told of events"));
    assert!(page(&imprint, "/notifications").await.contains("whatever was sent was taken at once"));
    assert!(!page(&imprint, "/").await.contains("href=\"./endpoints\">Endpoints</a></h2>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_name_of_an_event_type_stays_within_its_row_on_a_narrow_screen() {
    let Some(browser) = Browser::start().await else { return };
    let receiver = Receiver::start().await;
    let (imprint, _) = parked(&receiver).await;
    browser.goes_to(&format!("{}/notifications", imprint.service.base())).await;
    browser.is_wide(400).await;
    let beyond = "const code = document.querySelector('td code');
        code.textContent = 'payment_method.CardAttributesChanged';
        const right = element => element.getBoundingClientRect().right;
        return right(code) - right(code.closest('tr'))";
    let beyond = browser.runs(beyond, &[]).await;
    assert!(beyond.as_f64().is_some_and(|pixels| pixels <= 0.0), "{beyond} pixels");
}
