//! Signing in by a token and out again, the choice of colours, and the page of keys.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use creditrail_domain::access::Act;
use maud::html;

use super::{
    Shown,
    frame::{self, Frame, THEME_COOKIE},
    parts::words,
};
use crate::{
    app::Creditrail,
    http::{
        access::{Access, Right, Role, names_this_machine, of_own_site},
        body::Form,
        params::Query,
        problem::Problem,
        tokens::{COOKIE, SESSION},
    },
};

/// The router of sign-in and sign-out, which ask for no caller.
pub fn session(creditrail: &Creditrail, access: &Access) -> Router {
    let session = Router::new()
        .route("/sign-in", get(sign_in_page).post(sign_in))
        .route("/sign-out", get(sign_out_page).post(sign_out))
        .with_state((creditrail.clone(), access.clone()));
    of_own_site(session)
}

type Both = State<(Creditrail, Access)>;

fn no_sign_in() -> Problem {
    let detail = "there is no sign-in here: no token is configured, or the host knows its callers";
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
}

async fn sign_in_page(State((_, access)): Both, frame: Frame, Query(given): Query) -> Shown {
    access.sign_in().ok_or_else(no_sign_in)?;
    Ok(sign_in_form(&frame, given.get("next").map_or("", String::as_str), None))
}

fn sign_in_form(frame: &Frame, next: &str, failed: Option<&str>) -> Response {
    frame.show("Sign in", &html! {
        h1 { "Sign in" }
        @if let Some(failed) = failed { p.notice role="alert" { (failed) } }
        form.stacked action=(frame.to("sign-in")) method="post" {
            input type="hidden" name="next" value=(next);
            label { span { "Token" } input type="password" name="token" required autofocus autocomplete="current-password"; }
            p.muted { "It begins with " code { "crk_" } ". Who runs this service gives you one: " code { "creditrail token" } " makes it." }
            button { "Sign in" }
        }
    })
}

async fn sign_in(
    State((creditrail, access)): Both,
    frame: Frame,
    headers: HeaderMap,
    Form(given): Form,
) -> Shown {
    let tokens = access.sign_in().ok_or_else(no_sign_in)?;
    let next = given.get("next").map_or("", String::as_str);
    let Some((caller, session)) = given.get("token").and_then(|token| tokens.session(token)) else {
        tracing::info!("a sign-in failed");
        let failed = "That token is not known, or has ended.";
        return Ok(
            (StatusCode::UNAUTHORIZED, sign_in_form(&frame, next, Some(failed))).into_response()
        );
    };
    creditrail.record_access(Act::SignedIn, &caller.name, (caller.role.name(), "")).await?;
    let cookie = kept(&headers, COOKIE, &session, SESSION.as_secs());
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&frame.to(&inside(next)))).into_response())
}

async fn sign_out_page(State((_, access)): Both, frame: Frame) -> Shown {
    access.sign_in().ok_or_else(no_sign_in)?;
    Ok(frame.show(
        "Sign out",
        &html! {
            h1 { "Sign out" }
            form action=(frame.to("sign-out")) method="post" { button { "Sign out" } }
        },
    ))
}

async fn sign_out(State((_, access)): Both, frame: Frame, headers: HeaderMap) -> Shown {
    access.sign_in().ok_or_else(no_sign_in)?;
    let cookie = kept(&headers, COOKIE, "", 0);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&frame.to("sign-in"))).into_response())
}

/// Keeps the choice of colours.
pub async fn theme(frame: Frame, headers: HeaderMap, Query(given): Query) -> Response {
    let choice = frame::theme(given.get("to").map_or("", String::as_str));
    let cookie = kept(&headers, THEME_COOKIE, choice, 365 * 24 * 60 * 60);
    let back = inside(given.get("back").map_or("", String::as_str));
    ([(header::SET_COOKIE, cookie)], Redirect::to(&frame.to(&back))).into_response()
}

/// A cookie that another site makes a browser send with a link alone: one from a mail leads to its
/// page. What changes something is turned away by where it comes from. Over plain HTTP it goes to this
/// machine alone.
fn kept(headers: &HeaderMap, name: &str, value: &str, seconds: i64) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let secure = if host.is_some_and(names_this_machine) { "" } else { "; Secure" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// An address of the dashboard, whatever was given: no other site is led to. Empty is the first page.
///
/// It is put behind `./` or `../`, so a colon in it names no scheme. What a browser would read as a
/// step up, a host or another line is no such address.
fn inside(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let leaves = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain.is_empty() || plain == "." || plain == ".."
    };
    let is_inside = !path.split('/').any(leaves)
        && !address.contains(|letter: char| letter == '\\' || letter.is_control());
    if is_inside { address.to_owned() } else { String::new() }
}

/// The page of keys, roles and words.
pub async fn help(frame: Frame) -> Response {
    frame.show("Keys and words", &html! {
        h1 { "Keys and words" }
        h2 { "Keys" }
        dl.keys {
            div { dt { kbd { "/" } } dd { "to the search" } }
            div { dt { kbd { "j" } " " kbd { "k" } } dd { "to the next row, to the one before" } }
            div { dt { kbd { "Enter" } } dd { "opens the row" } }
            div { dt { kbd { "?" } } dd { "this page" } }
        }
        h2 { "What became of a delivery" }
        dl.fields {
            div { dt { (super::parts::outcome("applied")) } dd { "It counts, perhaps with an oddity." } }
            div { dt { (super::parts::outcome("duplicate")) } dd { "It says nothing new." } }
            div { dt { (super::parts::outcome("stale")) } dd { "Something newer has replaced it." } }
            div { dt { (super::parts::outcome("parked")) } dd { "It counts once what it waits for has been reported." } }
            div { dt { (super::parts::outcome("refused")) } dd { "It is not in order; it is kept, with the reason." } }
            div { dt { (super::parts::outcome("malformed")) } dd { "It is authentic and cannot be read." } }
            div { dt { (super::parts::outcome("unrecognised")) } dd { "It is of a kind that is not known." } }
        }
        h2 { "Who may what" }
        div.table tabindex="0" role="region" aria-label="Who may what" { table.rows {
            thead { tr { th scope="col" { "Role" } @for right in Right::ALL { th scope="col" { (right.name()) } } } }
            tbody { @for role in Role::ALL {
                tr { th scope="row" { (words(role.name())) } @for right in Right::ALL { td data-head=(right.name()) { @if role.may(right) { "yes" } @else { span.muted { "no" } } } } }
            } }
        } }
    })
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn after_a_sign_in_one_stays_here() {
        for (given, leads) in [
            ("transactions?status=open", "transactions?status=open"),
            ("", ""),
            ("//evil.example", ""),
            ("https://evil.example", ""),
            ("../../elsewhere", ""),
            ("\\\\evil.example", ""),
            ("a/%2E%2e/../elsewhere", ""),
            ("a/%2e./b", ""),
            ("a//b", ""),
            ("a\tb", ""),
            // A time, a range, an id as lenders write them.
            (
                "transactions/imprint/t1?as_of=2026-03-02T10:00:00Z",
                "transactions/imprint/t1?as_of=2026-03-02T10:00:00Z",
            ),
            ("search?q=a..b/../c", "search?q=a..b/../c"),
            ("customers/imprint/user:1..2", "customers/imprint/user:1..2"),
            ("javascript:alert(1)", "javascript:alert(1)"),
        ] {
            assert_eq!(inside(given), leads, "{given}");
        }
    }
}
