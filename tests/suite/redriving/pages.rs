//! Redriving by the dashboard: past the first page, and all at once.

use std::net::SocketAddr;

use axum::{body::Body, extract::ConnectInfo};
use creditrail::{app::lists::List, http::Access, store::Page};
use tower::ServiceExt as _;

use super::page;
use crate::support::{
    Kind, Tx,
    house::{Host, House},
    text, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_leads_to_all_of_them_and_redrives_all_at_once() {
    let house = House::of(Kind::Imprint);
    let old = house.open_blind(&["CAPTURED", "REFUNDED"]).await;
    for nth in 0..60 {
        old.receives(&Tx::new(&format!("t{nth}")).captured(100)).await;
    }
    old.receives(&Tx::new("t1").refunded(1)).await;
    old.end().await;
    let new = house.open_blind(&["REFUNDED"]).await;
    // The page waits for no read model.
    let first = until("all of them are known", async || {
        let page = asks(&new, "/redrive?source=lender", None).await;
        page.contains("<b>61</b> cannot be read so far; of the 50 shown <b>50</b>").then_some(page)
    })
    .await;
    let next = first.split("rel=\"next\" href=\"./").nth(1).unwrap().split('"').next().unwrap();
    let rest = asks(&new, &format!("/{}", next.replace("&amp;", "&")), None).await;
    assert!(
        rest.contains("<b>11</b> more cannot be read so far; of the 11 shown <b>10</b>"),
        "{rest}"
    );
    assert!(first.contains("Redrive all 61"), "{first}");
    let form = "all=yes&source=lender&reason=an+upgrade";
    let done = asks(&new, "/redrive", Some(form)).await;
    assert!(done.contains("60 applied"), "{done}");
    let counts = new.counts().await;
    assert_eq!(counts["outcomes"]["applied"], 60, "{counts:#}");
    // Whose doing it was stands with the delivery.
    let page = Page { filters: vec![("t.outcome", "applied".to_owned())], ..page() };
    let listed = new.creditrail.list(List::Deliveries, page).await.unwrap().items;
    let id = text(&listed[0], "delivery_id");
    let shown = asks(&new, &format!("/deliveries/lender/{id}"), None).await;
    assert!(shown.contains("It was redriven by <b>operator</b>"), "{shown}");
    assert!(shown.contains("an upgrade"), "{shown}");
}

/// A page, or what is answered to a form.
async fn asks(host: &Host, path: &str, form: Option<&str>) -> String {
    let router = creditrail::http::router(&host.creditrail, &Access::loopback());
    let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
    let asked = http::Request::builder().uri(path).header("host", "localhost");
    let asked = asked.extension(ConnectInfo(here));
    let asked = match form {
        Some(form) => asked
            .method("POST")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned())),
        None => asked.body(Body::empty()),
    };
    let answer = router.oneshot(asked.unwrap()).await.unwrap();
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let body = String::from_utf8(body.into()).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    body
}
