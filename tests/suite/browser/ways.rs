//! Keys, colours, the slider, lists that stay current, and a path of the host's.

use std::net::SocketAddr;

use axum::Router;
use creditrail::{app::Creditrail, http::Access};
use serde_json::json;
use tokio::net::TcpListener;

use super::at_the_demo;
use crate::support::{Browser, Ledger, Tx, webdriver};

#[tokio::test]
async fn keys_lead_through_a_list_and_to_the_search() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    browser.goes_to(&format!("{}/transactions", demo.base)).await;
    let links = browser.texts("tbody tr td:first-child a").await;
    let here = async || browser.text_of("tr.here td:first-child").await.unwrap_or_default();
    browser.types("j").await;
    assert_eq!(here().await, links[0]);
    browser.types("jj").await;
    assert_eq!(here().await, links[2]);
    browser.types("k").await;
    assert_eq!(here().await, links[1]);
    browser.types("kkkkk").await;
    assert_eq!(here().await, links[0], "no further than the first");
    browser.types("/").await;
    browser.types("j/k?").await;
    let written = browser.runs("return document.activeElement.value", &[]).await;
    assert_eq!(written, "j/k?", "in a field, keys are letters");
    browser.goes_to(&format!("{}/transactions", demo.base)).await;
    browser.types("j").await;
    browser.types(webdriver::ENTER).await;
    browser.sees(&format!("transaction {}", links[0])).await;
    browser.types("?").await;
    browser.sees("Keys and words").await;
    assert_eq!(browser.address().await, "/help");
}

#[tokio::test]
async fn the_slider_leads_to_any_moment_and_back() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    let here = "/transactions/imprint/demo-late-update";
    browser.goes_to(&format!("{}{here}", demo.base)).await;
    browser.sees("captured remainder voided").await;
    // Once the approval was all that was known.
    browser.slides(webdriver::HOME).await;
    browser.sees("What we knew at position").await;
    assert_eq!(browser.text_of("h1 .badge").await.unwrap(), "… pending");
    assert!(browser.address().await.contains("as_of="));
    browser.slides(webdriver::RIGHT).await;
    assert_eq!(browser.text_of("h1 .badge").await.unwrap(), "✓ captured");
    browser.sees("What differs between position").await;
    browser.slides(webdriver::END).await;
    assert_eq!(browser.address().await, here);
    browser.sees("captured remainder voided").await;
}

#[tokio::test]
async fn colours_are_as_the_system_has_them_until_one_chooses() {
    let Some((browser, demo)) = at_the_demo().await else { return };
    let is_dark = async || {
        let script = "return getComputedStyle(document.documentElement).backgroundColor";
        browser.runs(script, &[]).await == json!("rgb(20, 23, 28)")
    };
    browser.goes_to(&format!("{}/transactions?status=captured", demo.base)).await;
    browser.prefers("dark").await;
    assert!(is_dark().await, "the system is dark");
    browser.presses("light").await;
    assert_eq!(browser.address().await, "/transactions?status=captured", "one stays here");
    assert!(!is_dark().await, "light is chosen");
    browser.follows("Sources").await;
    assert!(!is_dark().await, "on every page");
    browser.prefers("light").await;
    browser.presses("dark").await;
    assert!(is_dark().await, "dark is chosen");
    browser.presses("as the system").await;
    assert!(!is_dark().await, "the system is light");
}

#[tokio::test]
async fn a_new_row_is_announced_and_moves_none() {
    let Some(browser) = Browser::start().await else { return };
    let imprint = Ledger::fresh();
    for id in ["t1", "t2"] {
        imprint.receive(&Tx::new(id).approved(5000)).await;
    }
    imprint.list("/v1/transactions", &[]).await;
    browser.goes_to(&format!("{}/transactions", imprint.service.base())).await;
    let ids = async || browser.texts("td[data-head=Transaction]").await;
    assert_eq!(ids().await, ["t2", "t1"]);
    imprint.receive(&Tx::new("t3").approved(700)).await;
    imprint.receive(&Tx::new("t1").captured(5000)).await;
    browser.sees("1 new row: show it").await;
    assert_eq!(ids().await, ["t2", "t1"], "what is looked at stays where it is");
    let statuses = browser.texts("td[data-head=Status]").await;
    assert_eq!(statuses, ["… pending", "✓ captured"], "and is current");
    browser.presses("1 new row: show it").await;
    browser.sees("t3").await;
    assert_eq!(ids().await, ["t3", "t2", "t1"]);
}

#[tokio::test]
async fn a_row_that_is_settled_says_so_where_it_stands() {
    let Some(browser) = Browser::start().await else { return };
    let imprint = Ledger::fresh();
    for body in ["no json", "none either"] {
        imprint.deliver(body).await;
    }
    let open = imprint.exceptions(&[("status", "open")]).await;
    browser.goes_to(&format!("{}/exceptions?status=open", imprint.service.base())).await;
    let before = browser.texts("td[data-head=About]").await;
    assert_eq!(before.len(), 2);
    let path = format!("/v1/exceptions/{}/resolve", open[1]["id"].as_str().unwrap());
    imprint.command(&path, &json!({ "action": "discard", "reason": "known" })).await.is(200);
    browser.sees("no longer here").await;
    assert_eq!(browser.texts("td[data-head=About]").await, before, "no row moves");
    let marked = browser.texts("tr.gone").await;
    assert_eq!(marked.len(), 1, "{marked:?}");
    // What somebody did has rows that are told apart as well.
    browser.goes_to(&format!("{}/access-records", imprint.service.base())).await;
    browser.sees("known").await;
    let keys = "return [...document.querySelectorAll('tr[data-key]')].map(row => row.dataset.key)";
    let keys: Vec<String> = serde_json::from_value(browser.runs(keys, &[]).await).unwrap();
    assert!(keys.iter().all(|key| !key.ends_with('/')), "{keys:?}");
}

#[tokio::test]
async fn under_a_path_of_the_hosts_all_leads_to_itself() {
    let Some(browser) = Browser::start().await else { return };
    let source = toml::from_str(
        "name = \"imprint\"\nkind = \"imprint\"\ncurrency = \"USD\"\n\
         secrets = [{ id = \"1\", value = \"s3cret\" }]",
    );
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("credit.db").display());
    let builder = Creditrail::builder().database(url).source(source.unwrap());
    let (creditrail, worker) = builder.build().await.unwrap();
    let app = Router::new()
        .nest("/credit", creditrail::http::router(&creditrail, &Access::loopback()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let host = tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, app) => served.unwrap(),
            () = worker.run() => {}
        }
    });
    walks_under(&browser, &base, "/credit").await;
    walks_under(&browser, &base, "/credit/customers/imprint/nobody").await;
    host.abort();
}

/// Every link of the head and the foot, and every form, stays under the path.
async fn walks_under(browser: &Browser, base: &str, start: &str) {
    browser.goes_to(&format!("{base}{start}")).await;
    browser.sees("Who did what").await;
    let accent = "return getComputedStyle(document.querySelector('.brand')).fontWeight";
    assert_eq!(browser.runs(accent, &[]).await, "650", "{start}: the style is there");
    let ways = browser.runs(
        "return [...document.querySelectorAll('a[href], form[action], link[href], script[src]')]
            .map(e => e.href || e.action || e.src)",
        &[],
    );
    let ways: Vec<String> = serde_json::from_value(ways.await).unwrap();
    assert!(ways.len() > 15, "{ways:?}");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for way in ways.iter().filter(|way| !way.contains('#')) {
        assert!(way.starts_with(&format!("{base}/credit")), "{start}: {way}");
        let status = http.get(way).send().await.unwrap().status();
        assert_eq!(status, 200, "{start}: {way}");
    }
    browser.follows("Transactions").await;
    browser.fills("Find by any id", "nobody").await;
    browser.presses("Find").await;
    assert_eq!(browser.address().await, "/credit/search?q=nobody");
    browser.presses("dark").await;
    assert_eq!(browser.address().await, "/credit/search?q=nobody");
    browser.follows("creditrail").await;
    assert_eq!(browser.address().await, "/credit");
}
