//! Signing in by a token, and out again.

use serde_json::Value;

use crate::support::{Browser, Desk, Service};

/// By the form, with the token of a role.
pub async fn signs_in(browser: &Browser, desk: &Desk, role: &str) {
    browser.goes_to(&format!("{}/sign-in", desk.base())).await;
    browser.fills("Token", desk.token(role)).await;
    browser.presses("Sign in").await;
    browser.sees(&format!("You are here as {role}.")).await;
}

#[tokio::test]
async fn a_token_opens_a_session_that_no_script_and_no_other_site_can_use() {
    let Some(browser) = Browser::start().await else { return };
    let desk = Desk::open();
    let wanted = format!("{}/transactions?status=captured", desk.base());
    browser.goes_to(&wanted).await;
    browser.sees("Sign in").await;
    assert!(!browser.text().await.contains("Exceptions"), "nothing is shown before");

    let (strange, _) = Service::token("viewer", "viewer");
    for wrong in [strange.as_str(), "nonsense", "' or 1=1 --"] {
        browser.fills("Token", wrong).await;
        browser.presses("Sign in").await;
        browser.sees("That token is not known, or has ended.").await;
        assert!(session(&browser).await.is_none(), "{wrong}");
    }
    // It leads where one wanted to go.
    browser.fills("Token", desk.token("viewer")).await;
    browser.presses("Sign in").await;
    browser.sees("You are here as viewer.").await;
    assert_eq!(browser.address().await, "/transactions?status=captured");

    let cookie = session(&browser).await.expect("a session");
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Lax", "a link from a mail finds it");
    assert!(!cookie["value"].to_string().contains(desk.token("viewer")), "nor is the token in it");
    let seen = browser.runs("return document.cookie", &[]).await;
    assert_eq!(seen, "", "no script reads it");

    browser.follows("Sign out").await;
    browser.presses("Sign out").await;
    assert!(session(&browser).await.is_none(), "it is gone");
    browser.goes_to(&wanted).await;
    assert!(browser.address().await.starts_with("/sign-in?next="), "one has to sign in again");
}

async fn session(browser: &Browser) -> Option<Value> {
    let cookies = browser.cookies().await;
    cookies.into_iter().find(|cookie| cookie["name"] == "creditrail_session")
}

#[tokio::test]
async fn a_link_from_a_mail_leads_to_its_page() {
    let Some(browser) = Browser::start().await else { return };
    let desk = Desk::open();
    signs_in(&browser, &desk, "viewer").await;
    // The mail is on another site than the service.
    let wanted = "transactions?status=captured";
    let link = format!("<a href=\"{}/{wanted}\">look here</a>", desk.base());
    let mail = axum::Router::new().fallback(async move || axum::response::Html(link));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = tokio::spawn(async move { axum::serve(listener, mail).await.unwrap() });
    browser.goes_to(&format!("http://localhost:{port}/mail")).await;
    browser.follows("look here").await;
    browser.sees("You are here as viewer.").await;
    assert_eq!(browser.address().await, format!("/{wanted}"));
    host.abort();
}
