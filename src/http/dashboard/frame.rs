//! What is around every page: its head, the search, where to go, and who is here.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::parts::encoded;
use crate::{
    app::{Clock, Creditrail},
    http::{
        access::{Caller, Right},
        problem::Problem,
        tokens::COOKIE,
    },
};

/// The name of the cookie that keeps the choice of colours.
pub const THEME_COOKIE: &str = "creditrail_theme";

/// A page to be shown: where it stands, and to whom.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The way from the page to `/` of the dashboard, for links: `./`, `../../` …
    pub root: String,
    home: String,
    /// The page itself, from the root: path and query; of what was sent, the page that sent it.
    pub address: String,
    /// Who looks; `None` before a sign-in.
    pub caller: Option<Caller>,
    theme: &'static str,
    has_session: bool,
    /// What time it is, by the clock of the service.
    pub now: Timestamp,
    /// Whether something was recorded that the page may not show yet.
    pub is_behind: bool,
}

/// The clock by which pages tell what is overdue.
#[derive(Clone)]
pub struct Now(pub Clock);

/// The parameter of a page that is shown after something was recorded which the read models have not
/// passed in time.
pub const BEHIND: &str = "behind";

/// The lists, as they stand in the head of every page.
const PLACES: &[(&str, &str)] = &[
    ("exceptions?status=open", "Exceptions"),
    ("actions?status=open", "Actions"),
    ("compliance?kind=adverse_action_notice", "Compliance"),
    ("discrepancies", "Discrepancies"),
    ("stale", "Silent"),
    ("applications", "Applications"),
    ("payment-methods", "Cards"),
    ("transactions", "Transactions"),
    ("charges", "Charges"),
    ("deliveries", "Deliveries"),
    ("sources", "Sources"),
    ("endpoints", "Endpoints"),
    ("statistics", "Charts"),
];

impl Frame {
    /// The page that a call asks for.
    pub fn of(parts: &Parts) -> Self {
        let inner = parts.uri.path();
        let outer = parts.extensions.get::<OriginalUri>().map_or(inner, |uri| uri.0.path());
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Self {
            root: root(inner, outer),
            home: home(inner, outer),
            // To where something was sent one does not come back: to the page that sent it one does.
            address: if parts.method.is_safe() {
                format!("{}{query}", inner.trim_start_matches('/'))
            } else {
                came_from(parts, nested_at(inner, outer)).unwrap_or_default()
            },
            caller: parts.extensions.get().cloned(),
            theme: cookie(parts, THEME_COOKIE).map_or("auto", |chosen| theme(&chosen)),
            has_session: cookie(parts, COOKIE).is_some(),
            now: parts.extensions.get::<Now>().map_or(Timestamp::UNIX_EPOCH, |now| (now.0)()),
            is_behind: query.contains(&format!("{BEHIND}=1")),
        }
    }

    /// A link within the dashboard; to its first page, if there is no path.
    pub fn to(&self, path: &str) -> String {
        if path.is_empty() { self.home.clone() } else { format!("{}{path}", self.root) }
    }

    /// The way on after something was recorded: the page that shows it, once the read models of its
    /// source have it. If that takes long the page says so; what is recorded stays so.
    pub async fn done(&self, creditrail: &Creditrail, (source, path): (&str, &str)) -> Response {
        let mark = if path.contains('?') { '&' } else { '?' };
        match creditrail.caught_up(source).await {
            Ok(()) => Redirect::to(&self.to(path)).into_response(),
            Err(_) => Redirect::to(&self.to(&format!("{path}{mark}{BEHIND}=1"))).into_response(),
        }
    }

    /// As [`Self::done`], where what became of it is answered at once.
    #[must_use]
    pub async fn after(self, creditrail: &Creditrail, source: &str) -> Self {
        let is_behind = creditrail.caught_up(source).await.is_err();
        Self { is_behind, ..self }
    }

    /// A link to the page of a thing: its segments are encoded.
    pub fn to_thing(&self, list: &str, source: &str, id: &str) -> String {
        format!("{}{list}/{}/{}", self.root, encoded(source), encoded(id))
    }

    /// Whether the caller may.
    pub fn may(&self, right: Right) -> bool {
        self.caller.as_ref().is_some_and(|caller| caller.role.may(right))
    }

    /// The page.
    pub fn show(&self, title: &str, content: &Markup) -> Response {
        Html(self.page(title, content).into_string()).into_response()
    }

    fn page(&self, title: &str, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" data-theme=(self.theme) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · creditrail" }
                    link rel="stylesheet" href=(self.to("assets/style.css"));
                    link rel="icon" href=(self.to("assets/icon.svg")) type="image/svg+xml";
                    script src=(self.to("assets/script.js")) defer {}
                }
                body {
                    a.skip href="#content" { "To the content" }
                    (self.head())
                    main #content tabindex="-1" {
                        @if self.is_behind {
                            p.notice role="status" { "It is recorded. What is shown here may be behind it still: load the page again in a moment." }
                        }
                        (content)
                    }
                    (self.foot())
                }
            }
        }
    }

    fn head(&self) -> Markup {
        let here = self.address.split('?').next().unwrap_or_default();
        let is_here = |path: &str| {
            let list = path.split('?').next().unwrap_or_default();
            here == list || here.starts_with(&format!("{list}/"))
        };
        html! {
            header.top {
                a.brand href=(self.to("")) { "creditrail" }
                @if self.caller.is_some() {
                    form.search role="search" action=(self.to("search")) method="get" {
                        input #search type="search" name="q" required placeholder="Any id: customer, card, transaction, delivery …"
                            aria-label="Find by any id" autocomplete="off" spellcheck="false";
                        button { "Find" }
                    }
                    nav aria-label="Lists" {
                        @for (path, name) in PLACES {
                            a href=(self.to(path)) aria-current=[is_here(path).then_some("page")] { (name) }
                        }
                        @if self.may(Right::Audit) {
                            a href=(self.to("access-records")) aria-current=[is_here("access-records").then_some("page")] { "Who did what" }
                            a href=(self.to("proof")) aria-current=[is_here("proof").then_some("page")] { "Proof" }
                        }
                    }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        html! {
            footer.foot {
                form action=(self.to("theme")) method="get" {
                    input type="hidden" name="back" value=(self.address);
                    span { "Colours " }
                    @for (choice, name) in [("auto", "as the system"), ("light", "light"), ("dark", "dark")] {
                        button.quiet name="to" value=(choice) aria-pressed=(self.theme == choice) { (name) }
                    }
                }
                @if let Some(caller) = &self.caller {
                    @let role = caller.role.name();
                    @let name = if caller.name.is_empty() { role } else { &caller.name };
                    span { "You are here as " b { (name) } @if name != role { " (" (role) ")" } "." }
                    a href=(self.to("reference")) { "Interface" }
                    a href=(self.to("help")) { "Keys and words" }
                    @if self.has_session { a href=(self.to("sign-out")) { "Sign out" } }
                }
            }
        }
    }
}

/// The way from a page to the root, for the page as the browser sees it (`outer`), which stands at
/// `inner` of the router: where the router is nested, `outer` is longer.
fn root(inner: &str, outer: &str) -> String {
    let depth = inner.matches('/').count().saturating_sub(1);
    if inner == "/" && !outer.ends_with('/') {
        let last = outer.rsplit('/').next().unwrap_or_default();
        return format!("./{last}/");
    }
    if depth == 0 { "./".to_owned() } else { "../".repeat(depth) }
}

/// The way from a page to the first one. A router that is nested at `/credit` answers there, and not at
/// `/credit/`.
fn home(inner: &str, outer: &str) -> String {
    match nested_at(inner, outer).rsplit('/').next() {
        Some(last) if !last.is_empty() && inner == "/" => format!("./{last}"),
        Some(last) if !last.is_empty() => format!("{}../{last}", root(inner, outer)),
        _ => root(inner, outer),
    }
}

/// The path at which the router is nested.
fn nested_at<'a>(inner: &str, outer: &'a str) -> &'a str {
    if inner == "/" { outer } else { outer.strip_suffix(inner).unwrap_or_default() }
}

/// The page of the dashboard that sent this, as far as the browser tells.
fn came_from(parts: &Parts, nested_at: &str) -> Option<String> {
    let header = |name| parts.headers.get(name)?.to_str().ok();
    let page: http::Uri = header(header::REFERER)?.parse().ok()?;
    if page.authority()?.as_str() != header(header::HOST)? {
        return None;
    }
    let path = page.path().strip_prefix(nested_at.trim_end_matches('/'))?.trim_start_matches('/');
    let query = page.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("{path}{query}"))
}

/// A choice of colours; as the system has it, whatever else is given.
pub fn theme(chosen: &str) -> &'static str {
    match chosen {
        "light" => "light",
        "dark" => "dark",
        _ => "auto",
    }
}

fn cookie(parts: &Parts, name: &str) -> Option<String> {
    let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|all| all.to_str().ok());
    let mut all =
        cookies.flat_map(|all| all.split(';')).filter_map(|one| one.trim().split_once('='));
    all.find_map(|(known, value)| (known == name).then(|| value.to_owned()))
}

impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

/// A problem as a page.
pub fn problem_page(frame: &Frame, problem: &Problem) -> Response {
    let title = match problem.status() {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        StatusCode::CONFLICT => "Not in order",
        _ => "That did not work",
    };
    let content = html! {
        h1 { (title) }
        p.lead { (problem.detail()) }
        p.muted { "Code: " code { (problem.code()) } }
        p { a href=(frame.to("")) { "To the start" } }
    };
    (problem.status(), frame.show(title, &content)).into_response()
}

#[cfg(test)]
mod tests {
    use super::{home, root};

    #[test]
    fn links_lead_to_the_root_wherever_the_router_is_nested() {
        for (inner, outer, way, first) in [
            ("/", "/", "./", "./"),
            ("/transactions", "/transactions", "./", "./"),
            ("/transactions/imprint/t1", "/transactions/imprint/t1", "../../", "../../"),
            ("/", "/credit", "./credit/", "./credit"),
            ("/", "/credit/", "./", "./"),
            ("/transactions", "/credit/transactions", "./", "./../credit"),
            (
                "/transactions/imprint/t1",
                "/credit/transactions/imprint/t1",
                "../../",
                "../../../credit",
            ),
        ] {
            assert_eq!(root(inner, outer), way, "{outer}");
            assert_eq!(home(inner, outer), first, "{outer}");
        }
    }
}
