//! The lifecycles of a thing with the path that it took, as a host reads them and as they are drawn.

use creditrail::{
    app::{
        Creditrail,
        lifecycles::LitLifecycle,
        moments::{AsOf, When},
    },
    http::dashboard::lifecycle::svg,
    sources::{Kind, sign},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{AUTHORIZATION, Charge, Loan, SECRET, T1, T2, T3, Tx, decision};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_has_its_path_now_and_as_of_a_position() {
    let dir = tempfile::tempdir().expect("a directory");
    let (creditrail, _worker) = start(&dir).await;
    imprint(&creditrail, Tx::new("t1").captured(5000).at(T2).body()).await;
    imprint(&creditrail, Tx::new("t1").approved(5000).at(T1).body()).await;

    let [now] = of(&creditrail, "transactions", "imprint", "t1", None).await;
    assert_eq!(path(&now), "approve unknown > pending, capture pending > captured");
    assert_eq!((now.current.as_str(), now.legal_next.clone()), ("captured", vec!["refund"]));
    assert!(svg(&now).contains("1 approve"));

    let [then] = of(&creditrail, "transactions", "imprint", "t1", Some(1)).await;
    assert_eq!(path(&then), "capture unknown > force_captured");
    let [] = of(&creditrail, "transactions", "imprint", "t1", Some(0)).await;
    let [] = of(&creditrail, "transactions", "imprint", "unheard", None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_applicants_applications_the_one_that_is_asked_for_has_a_path() {
    let dir = tempfile::tempdir().expect("a directory");
    let (creditrail, _worker) = start(&dir).await;
    for (status, time) in [("REJECTED", T1), ("OFFER_ACCEPTED", T3)] {
        imprint(&creditrail, decision(status).partner("p1").created_at(time).at(time).body()).await;
    }
    creditrail.at_least("imprint", 2).await.expect("the read models");
    let page = creditrail::store::Page {
        sources: vec!["imprint".to_owned()],
        limit: 9,
        ..Default::default()
    };
    let list = creditrail.list(creditrail::app::lists::List::Applications, page).await;
    let mut paths = Vec::new();
    for application in list.expect("a list").items {
        let id = application["application_id"].as_str().expect("an id");
        let [lit] = of(&creditrail, "applications", "imprint", id, None).await;
        paths.push(path(&lit));
    }
    paths.sort();
    assert_eq!(paths, ["accept started > accepted", "reject started > rejected"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lender_and_each_operation_has_a_path() {
    let dir = tempfile::tempdir().expect("a directory");
    let (creditrail, _worker) = start(&dir).await;
    let (red, blue) = (Loan::new("a1").lender("red"), Loan::new("a1").lender("blue"));
    let charge = Charge::new("c1");
    for body in [
        red.approved("900.00").at(T1).body(),
        blue.declined().at(T2).body(),
        charge.authorize("50.00").at(T1).body(),
        charge.settle("s1", "50.00", "completed").at(T2).body(),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(AUTHORIZATION));
        creditrail.receive("loans", &headers, body.into()).await.expect("it is acknowledged");
    }
    creditrail.at_least("loans", 4).await.expect("the read models");

    let [first, second] = of(&creditrail, "applications", "loans", "a1", None).await;
    assert_eq!((first.title.as_str(), first.current.as_str()), ("Lender red", "approved"));
    assert_eq!((second.title.as_str(), second.current.as_str()), ("Lender blue", "declined"));
    let [whole, settle] = of(&creditrail, "charges", "loans", "c1", None).await;
    assert_eq!(path(&whole), "authorize unknown > authorized, settle authorized > settled");
    assert_eq!((settle.title.as_str(), settle.current.as_str()), ("settle s1", "completed"));
}

async fn of<const N: usize>(
    creditrail: &Creditrail,
    thing: &str,
    source: &str,
    id: &str,
    up_to: Option<i64>,
) -> [LitLifecycle; N] {
    let seen = match up_to {
        Some(up_to) => {
            let when = When { as_of: Some(AsOf::Position(up_to)), happened_by: None };
            Some(creditrail.seen(source, when).await.expect("a moment"))
        }
        None => None,
    };
    let lifecycles = creditrail.lifecycles(thing, source, id, seen).await.expect("a read");
    lifecycles.try_into().expect("as many lifecycles")
}

fn path(lit: &LitLifecycle) -> String {
    let steps = lit.path.iter().map(|it| format!("{} {} > {}", it.kind, it.from, it.to));
    steps.collect::<Vec<_>>().join(", ")
}

async fn start(dir: &tempfile::TempDir) -> (Creditrail, JoinHandle<()>) {
    let sources = [
        json!({
            "name": "imprint",
            "kind": "imprint",
            "currency": "USD",
            "secrets": [{ "id": "first", "value": SECRET }],
        }),
        json!({
            "name": "loans",
            "kind": "charge-after",
            "currency": "USD",
            "secrets": [{ "id": "first", "value": AUTHORIZATION }],
        }),
    ];
    let file = dir.path().join("c.db");
    let mut builder = Creditrail::builder().database(format!("sqlite://{}", file.display()));
    for source in sources {
        builder = builder.source(serde_json::from_value(source).expect("a source"));
    }
    let (creditrail, worker) = builder.build().await.expect("a service");
    (creditrail, tokio::spawn(worker.run()))
}

async fn imprint(creditrail: &Creditrail, body: String) {
    let headers = sign(Kind::Imprint, SECRET, body.as_bytes(), Timestamp::now());
    let headers = headers.into_iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::try_from(value).expect("ASCII"))
    });
    let headers = HeaderMap::from_iter(headers);
    creditrail.receive("imprint", &headers, body.into()).await.expect("it is acknowledged");
}
