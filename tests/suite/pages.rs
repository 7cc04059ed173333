//! What pages say is true, and what they link to is there. Asked without a browser: all of it stands in
//! what the server answers.

use serde_json::{Value, json};

use crate::support::{
    Card, Demo, Ledger, Loan, Onboarding, Source, T1, T2, T3, Tx, decision, number, text,
};

/// A page as it is answered, to a browser.
async fn page(ledger: &Ledger, path: &str) -> String {
    let asked = ledger.service.http.get(format!("{}{path}", ledger.service.base()));
    let (status, text) = answer(asked.header("accept", "text/html")).await;
    assert_eq!(status, 200, "{path}: {text}");
    text
}

async fn answer(asked: reqwest::RequestBuilder) -> (u16, String) {
    let answer = asked.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What stands behind a mark, up to a quote, each time.
fn after(page: &str, mark: &str) -> Vec<String> {
    let found = page.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
    found.map(|way| way.replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn a_customers_page_begins_with_the_newest_and_leads_to_all() {
    let imprint = Ledger::fresh();
    let at = |nth: usize| format!("2025-03-01T{:02}:{:02}:00Z", 1 + nth / 60, nth % 60);
    let life: Vec<_> = (0..130)
        .map(|nth| Tx::new(&format!("t{nth}")).approved(100).customer("c").at(&at(nth)))
        .collect();
    imprint.receives(&life).await;
    imprint.list("/v1/transactions", &[]).await;
    let first = page(&imprint, "/customers/imprint/c").await;
    let steps = after(&first, "id=\"step-");
    assert_eq!(steps.len(), 100);
    assert!(first.find("t129").unwrap() < first.find("t128").unwrap(), "the newest first");
    assert!(!first.contains("/t29\""), "the oldest stand on the next page");
    let next = after(&first, "rel=\"next\" href=\"../../");
    let next = next[0].split('#').next().unwrap();
    let rest = page(&imprint, &format!("/{next}")).await;
    let mut all = [steps, after(&rest, "id=\"step-")].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 130, "each once");
    assert!(rest.contains("30 shown, the end"), "{rest}");
    // What a customer has is one link away.
    for way in [
        "transactions?source=imprint&customer_id=c",
        "exceptions?status=open&source=imprint&customer_id=c",
    ] {
        assert!(after(&first, "href=\"../../").iter().any(|known| known == way), "{way}");
        page(&imprint, &format!("/{way}")).await;
    }
}

#[tokio::test]
async fn no_step_that_does_not_count_is_said_to_count() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint
        .receives(&[tx.captured(5000).at(T2), tx.voided(5000).at(T3), tx.approved(5000).at(T1)])
        .await;
    let view = imprint.transaction("t1").await;
    assert_eq!(view["steps"][2]["outcome"], "refused");
    let shown = page(&imprint, "/transactions/imprint/t1").await;
    assert!(shown.contains("arrived third, happened first; counted where it belongs"), "{shown}");
    // The void was refused when its turn came; it arrived before the capture here.
    let late = Ledger::fresh();
    late.receives(&[tx.approved(5000).at(T1), tx.refunded(9000).at(T3), tx.voided(5000).at(T2)])
        .await;
    late.transaction("t1").await;
    let other = Ledger::fresh();
    let steps = [
        tx.approved(100).at(T1),
        tx.captured(100).at(T2),
        tx.updated(300).at("2025-02-27T22:30:00Z"),
        tx.voided(100).at(T3),
    ];
    other.receives(&steps).await;
    let view = other.transaction("t1").await;
    let shown = page(&other, "/transactions/imprint/t1").await;
    for step in view["steps"].as_array().unwrap() {
        let entry = shown.split(&format!("id=\"step-{}\"", text(step, "id"))).nth(1).unwrap();
        let entry = entry.split("</li>").next().unwrap();
        let counts = step["outcome"] == "applied";
        assert!(counts || !entry.contains("counted where it belongs"), "{entry}");
    }
}

#[tokio::test]
async fn a_transaction_says_what_was_bought_and_links_no_card_that_there_is_not() {
    let imprint = Ledger::fresh();
    let merchant = json!({ "name": "Corner", "category": "Grocery", "category_code": "5411" });
    let tx = Tx::new("t1").approved(5000).card("k1").with("merchant", merchant);
    imprint.receive(&tx).await;
    imprint.transaction("t1").await;
    let shown = page(&imprint, "/transactions/imprint/t1").await;
    assert!(shown.contains("Grocery") && shown.contains("5411"), "{shown}");
    assert!(shown.contains("which has not been reported so far"), "{shown}");
    let way = "href=\"../../payment-methods/imprint/k1\"";
    assert!(!shown.contains(way), "there is nothing");
    imprint.receive(&Card::virtual_card("k1").is("ACTIVE")).await;
    imprint.card("k1").await;
    assert!(page(&imprint, "/transactions/imprint/t1").await.contains(way));
}

#[tokio::test]
async fn an_exception_of_what_the_partner_told_links_no_delivery() {
    let demo = Demo::start().await;
    let listed = ask(&demo, "/v1/exceptions?limit=200").await.1;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let mut linked = 0;
    for exception in listed["items"].as_array().unwrap() {
        let shown = ask(&demo, &format!("/exceptions/{}", text(exception, "id"))).await.1;
        for way in after(&shown, "href=\"../deliveries/") {
            linked += 1;
            let status = ask(&demo, &format!("/deliveries/{way}")).await.0;
            assert_eq!(status, 200, "{way} of {exception:#}");
        }
    }
    assert!(linked > 5, "{linked}");
}

async fn ask(demo: &Demo, path: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    answer(http.get(format!("{}{path}", demo.base))).await
}

#[tokio::test]
async fn each_number_of_the_audit_equation_leads_to_as_many() {
    let imprint = Ledger::fresh();
    let steps = [Tx::new("t1").approved(5000).event("e1"), Tx::new("t2").captured(1)];
    imprint.receives(&steps).await;
    imprint.receives(&steps).await;
    let counts = imprint.counts().await;
    assert_eq!(number(&counts["outcomes"], "duplicate"), 2);
    let shown = page(&imprint, "/sources/imprint").await;
    assert!(shown.contains("2 that came again"), "{shown}");
    let equation = shown.split("class=\"equation\"").nth(1).unwrap();
    let equation = equation.split("</p>").next().unwrap();
    for link in equation.split("href=\"../").skip(1) {
        let (way, rest) = link.split_once("\">").unwrap();
        let count: usize = rest.split(' ').next().unwrap().parse().unwrap();
        let (_, query) = way.split_once('?').unwrap();
        let outcome = query.rsplit('=').next().unwrap();
        let listed = imprint.list("/v1/deliveries", &[("outcome", outcome)]).await;
        assert_eq!(listed.len(), count, "{way}");
    }
}

#[tokio::test]
async fn an_application_says_what_has_to_be_done_and_from_when_on() {
    let onboarding = Ledger::of(
        crate::support::Service::start(&[Source::old_onboarding("onboarding")]),
        "onboarding",
    );
    onboarding.receive(&Onboarding::new("o-1").rejected("CREDIT_SCORING_DENIAL")).await;
    let actions = onboarding.actions(&[]).await;
    let from = text(&actions[0], "from");
    for way in ["/actions?status=open", "/applications/onboarding/o-1"] {
        let shown = page(&onboarding, way).await;
        assert!(shown.contains(&format!("from the day named: <b>{from}</b>")), "{way}: {shown}");
    }
    let id = text(&actions[0], "id");
    let done = json!({ "note": "told" });
    onboarding.command(&format!("/v1/actions/{id}/done"), &done).await.is(200);
    onboarding.actions(&[]).await;
    let shown = page(&onboarding, "/applications/onboarding/o-1").await;
    assert!(!shown.contains("To be done"), "{shown}");
}

#[tokio::test]
async fn of_a_loan_each_lender_says_what_may_come_next() {
    let loans =
        Ledger::of(crate::support::Service::start(&[Source::charge_after("loans")]), "loans");
    let loan = Loan::new("a-1");
    let track = loan.lender("red");
    for step in [loan.created(), track.account_approved("900.00"), track.confirmed("900.00", "tok")]
    {
        loans.delivers(&step).await;
    }
    loans.list("/v1/applications", &[]).await;
    let shown = page(&loans, "/applications/loans/a-1").await;
    assert!(shown.contains("What is in order next stands at each lender, below"), "{shown}");
}

#[tokio::test]
async fn what_is_no_parameter_is_refused_on_every_path() {
    let imprint = Ledger::fresh();
    imprint.receive(&decision("REJECTED").customer("a")).await;
    imprint.deliver("no json").await;
    let exceptions = imprint.exceptions(&[]).await;
    let exception = format!("/exceptions/{}", text(&exceptions[0], "id"));
    for path in
        ["/v1/sources", &exception, "/customers/imprint/a", "/v1/customers/imprint/a/timeline"]
    {
        page(&imprint, path).await;
        let asked = format!("{}{path}?colour=red", imprint.service.base());
        let (status, told) = answer(imprint.service.http.get(asked)).await;
        assert_eq!(status, 400, "{path}: {told}");
        assert!(told.contains("colour: is not a parameter here"), "{path}: {told}");
    }
}

#[tokio::test]
async fn a_decision_is_made_in_view_of_what_is_so() {
    let imprint = Ledger::fresh();
    let tx = Tx::new("t1");
    imprint
        .receives(&[tx.approved(5000).at(T1), tx.captured(5000).at(T2), tx.voided(5000).at(T3)])
        .await;
    let refused = imprint.exception("void_after_full_capture").await;
    let path = format!("/exceptions/{}", text(&refused, "id"));
    let seen = page(&imprint, &format!("{path}?choice=apply")).await;
    let as_of = after(&seen, "name=\"as_of\" value=\"").remove(0);
    // Another thing is no reason to look again; this one is.
    imprint.receive(&Tx::new("t2").approved(1)).await;
    imprint.receive(&tx.refunded(100).at("2025-02-27T23:30:00Z")).await;
    let send = async |as_of: &str| {
        let form = imprint.service.http.post(format!("{}{path}", imprint.service.base()));
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let body = format!("choice=apply&reason=asked&as_of={as_of}");
        answer(form.body(body)).await
    };
    let (status, told) = send(&as_of).await;
    assert_eq!(status, 409, "{told}");
    assert!(told.contains("Nothing was decided"), "{told}");
    let resolve =
        json!({ "action": "apply", "reason": "asked", "as_of": as_of.parse::<i64>().unwrap() });
    let resolve = imprint.command(&format!("/v1{path}/resolve"), &resolve).await;
    resolve.is_problem(409, "changed_meanwhile");
    let now = after(&told, "name=\"as_of\" value=\"").remove(0);
    imprint.receive(&Tx::new("t3").approved(1)).await;
    assert_eq!(send(&now).await.0, 303, "only another thing has changed since");
}

#[tokio::test]
async fn of_calls_that_are_kept_no_more_it_is_not_said_that_there_were_none() {
    let imprint = Ledger::fresh();
    let shown = page(&imprint, "/rejected-calls?source=imprint").await;
    assert!(shown.contains("or those that were have been taken in since"), "{shown}");
}
