//! What the partner and an operator ask for in between, always the same, and what they are answered.

use std::fmt::Debug;

use creditrail::{
    app::{
        Creditrail,
        command::{
            Resolve,
            applications::{NewApplication, NewClientReport},
            charges::{LinkCharge, NewCharge, VoidCharge},
            work::{DoneAction, RevealSecret},
        },
        lists::List,
        privacy::DecidePrivacy,
    },
    store::Page,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{IMPRINT, LOANS, ONBOARDING};
use crate::support::{T0, T6, text};

/// What comes in after so many portions of webhooks.
pub async fn comes_in(creditrail: &Creditrail, source: &str, nth: usize) -> Vec<String> {
    match source {
        IMPRINT if nth.is_multiple_of(8) => session(creditrail, nth / 8).await,
        IMPRINT => Vec::new(),
        ONBOARDING => submissions(creditrail, nth).await,
        _ => charges(creditrail, nth).await,
    }
}

/// A session of a customer about whom the lender decides sooner or later, and how it ends in the
/// browser, where not all of it is true.
async fn session(creditrail: &Creditrail, nth: usize) -> Vec<String> {
    let new: NewApplication = of(json!({
        "partner_customer_id": format!("P'{}", nth * 3), "session_id": format!("s{nth}"),
        "started_at": T0,
    }));
    let registered = creditrail.register_application(IMPRINT, new).await.unwrap();
    let result = ["OFFER_ACCEPTED", "REJECTED", "IN_PROGRESS"][nth % 3];
    let report: NewClientReport = of(json!({ "result": result, "session_id": format!("s{nth}") }));
    let reported = creditrail.client_report(IMPRINT, &registered.application_id, report).await;
    vec![answer(&registered), answer(&reported)]
}

/// Before the lender has said something, and after it: a customer who has been denied comes again.
async fn submissions(creditrail: &Creditrail, nth: usize) -> Vec<String> {
    let mut answers = Vec::new();
    for application in [nth * 12, nth * 12 + 5, nth * 12 + 30] {
        let new: NewApplication = of(json!({
            "application_id": format!("o{application}"),
            "customer_id": format!("c{}", application % 10),
            "partner_customer_id": format!("p{}", application % 10),
        }));
        answers.push(answer(&creditrail.register_application(ONBOARDING, new).await));
    }
    answers
}

/// The partner creates a charge of one application, voids one that is there and one that comes later,
/// and a person says of which application another one is.
async fn charges(creditrail: &Creditrail, nth: usize) -> Vec<String> {
    let (application, id) = (format!("a{}", nth * 5), |of: usize| format!("c{of}"));
    let new: NewApplication = of(json!({
        "application_id": application, "partner_customer_id": format!("p{nth}"),
        "merchant_order_id": format!("c{}-order", nth * 5 + 1),
    }));
    let charge: NewCharge = of(json!({
        "charge_id": id(nth * 5), "application_id": application,
        "merchant_order_id": format!("c{}-order", nth * 5),
    }));
    let link: LinkCharge = of(json!({
        "application_id": application, "reason": "they say so",
    }));
    let void = |at: &str| of::<VoidCharge>(json!({ "reason": "sold out", "occurred_at": at }));
    vec![
        answer(&creditrail.register_application(LOANS, new).await),
        answer(&creditrail.create_charge(LOANS, charge).await),
        answer(&creditrail.void_charge(LOANS, &id(nth * 5 + 1), void(T6)).await),
        answer(&creditrail.void_charge(LOANS, &id(nth * 5 + 20), void(T0)).await),
        answer(&creditrail.link_charge(LOANS, &id(nth * 5 + 2), link).await),
    ]
}

/// What is done when all has come: actions, exceptions, and a look at secrets.
pub async fn looks_after_it(creditrail: &Creditrail) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for (source, action) in open(creditrail, List::Actions).await {
        let done: DoneAction = of(json!({ "note": "done" }));
        let answered = creditrail.finish_action(text(&action, "id"), done).await;
        answers.push((source.clone(), answer(&answered)));
        if let Some(secret) = action["secret_ref"].as_str() {
            let reveal: RevealSecret = of(json!({ "reason": "the customer asks" }));
            answers.push((source, answer(&creditrail.reveal(secret, reveal).await)));
        }
    }
    for (source, exception) in open(creditrail, List::Exceptions).await {
        for action in ["apply", "discard"] {
            let resolve: Resolve = of(json!({ "action": action, "reason": "it is so" }));
            let answered = creditrail.resolve(text(&exception, "id"), resolve).await;
            answers.push((source.clone(), answer(&answered)));
        }
    }
    let held: DecidePrivacy = of(json!({ "reason": "a complaint" }));
    answers.push((
        ONBOARDING.to_owned(),
        answer(&creditrail.hold(ONBOARDING, "c1", held).await.unwrap()),
    ));
    answers
}

/// Some of what is open, with its source.
async fn open(creditrail: &Creditrail, list: List) -> Vec<(String, Value)> {
    let mut some = Vec::new();
    for source in [IMPRINT, ONBOARDING, LOANS] {
        let page = Page {
            sources: vec![source.to_owned()],
            filters: vec![("status", "open".to_owned())],
            limit: 40,
            ..Page::default()
        };
        let items = creditrail.list(list, page).await.unwrap().items;
        some.extend(items.into_iter().step_by(3).map(|item| (source.to_owned(), item)));
    }
    some
}

fn of<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).unwrap()
}

fn answer(answered: &impl Debug) -> String {
    format!("{answered:?}")
}
