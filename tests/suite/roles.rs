//! Who may what, call by call: every operation of the description and every page, with every role.
//!
//! The table is written by hand, from the words of `docs/dashboard.md` and not from the code.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::{body::Body, extract::ConnectInfo, http::Request};
use creditrail::{
    app::Creditrail,
    http::{
        Access,
        access::{Caller, Identify, Role},
    },
};
use reqwest::{Method, redirect::Policy};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Desk, Ledger, Onboarding, ROLES, Service, text, unix_now, until};

/// A letter for each role that may, in the order of [`ROLES`]; `open` for whoever calls.
type Rule = (&'static str, &'static str, &'static str);

#[rustfmt::skip] // It is a table.
const RULES: &[Rule] = &[
    // Of the interface.
    ("GET",  "/v1/transactions",                              "vsapo"),
    ("GET",  "/v1/transactions/{source}/{id}",                "vsapo"),
    ("GET",  "/v1/transactions/{source}/{id}/moments",        "vsapo"),
    ("GET",  "/v1/transactions/{source}/{id}/changes",        "vsapo"),
    ("GET",  "/v1/payment-methods",                           "vsapo"),
    ("GET",  "/v1/payment-methods/{source}/{id}",             "vsapo"),
    ("GET",  "/v1/payment-methods/{source}/{id}/moments",     "vsapo"),
    ("GET",  "/v1/payment-methods/{source}/{id}/changes",     "vsapo"),
    ("GET",  "/v1/applications",                              "vsapo"),
    ("GET",  "/v1/applications/{source}/{id}",                "vsapo"),
    ("GET",  "/v1/applications/{source}/{id}/moments",        "vsapo"),
    ("GET",  "/v1/applications/{source}/{id}/changes",        "vsapo"),
    ("POST", "/v1/applications/{source}",                     "...po"),
    ("POST", "/v1/applications/{source}/{id}/client-report",  "...po"),
    ("GET",  "/v1/charges",                                   "vsapo"),
    ("GET",  "/v1/charges/{source}/{id}",                     "vsapo"),
    ("GET",  "/v1/charges/{source}/{id}/moments",             "vsapo"),
    ("GET",  "/v1/charges/{source}/{id}/changes",             "vsapo"),
    ("POST", "/v1/charges/{source}",                          "...po"),
    ("POST", "/v1/charges/{source}/{id}/void",                "...po"),
    ("POST", "/v1/charges/{source}/{id}/link",                "....o"),
    ("GET",  "/v1/customers/{source}/{id}",                   "vsapo"),
    ("GET",  "/v1/customers/{source}/{id}/moments",           "vsapo"),
    ("GET",  "/v1/customers/{source}/{id}/changes",           "vsapo"),
    ("GET",  "/v1/customers/{source}/{id}/timeline",          "vsapo"),
    ("GET",  "/v1/customers/{source}/{id}/privacy",           "vsapo"),
    ("POST", "/v1/customers/{source}/{id}/hold",              "....o"),
    ("POST", "/v1/customers/{source}/{id}/release",           "....o"),
    ("POST", "/v1/customers/{source}/{id}/erase",             "....o"),
    ("GET",  "/v1/actions",                                   "vsapo"),
    ("POST", "/v1/actions/{id}/done",                         ".s.po"),
    ("GET",  "/v1/compliance",                                "vsapo"),
    ("POST", "/v1/compliance/{id}/done",                      ".s.po"),
    ("GET",  "/v1/stale",                                     "vsapo"),
    ("GET",  "/v1/discrepancies",                             "vsapo"),
    ("GET",  "/v1/statistics",                                "vsapo"),
    ("POST", "/v1/secrets/{reference}/reveal",                ".s..o"),
    ("GET",  "/v1/exceptions",                                "vsapo"),
    ("GET",  "/v1/exceptions/{id}",                           "vsapo"),
    ("POST", "/v1/exceptions/{id}/preview",                   "vsapo"),
    ("POST", "/v1/exceptions/{id}/resolve",                   "....o"),
    ("GET",  "/v1/deliveries",                                "vsapo"),
    ("GET",  "/v1/deliveries/{source}/{id}",                  "vsapo"),
    ("POST", "/v1/deliveries/redrive",                        "....o"),
    ("GET",  "/v1/rejected-calls",                            "vsapo"),
    ("POST", "/v1/rejected-calls/verify",                     "....o"),
    ("GET",  "/v1/search",                                    "vsapo"),
    ("GET",  "/v1/events",                                    "vsapo"),
    ("GET",  "/v1/sources",                                   "vsapo"),
    ("GET",  "/v1/sources/{source}",                          "vsapo"),
    ("GET",  "/v1/endpoints",                                 "vsapo"),
    ("POST", "/v1/endpoints",                                 "....o"),
    ("GET",  "/v1/endpoints/{name}",                          "vsapo"),
    ("PUT",  "/v1/endpoints/{name}",                          "....o"),
    ("DELETE", "/v1/endpoints/{name}",                        "....o"),
    ("POST", "/v1/endpoints/{name}/pause",                    "....o"),
    ("POST", "/v1/endpoints/{name}/resume",                   "....o"),
    ("POST", "/v1/endpoints/{name}/test",                     "....o"),
    ("GET",  "/v1/event-types",                               "vsapo"),
    ("GET",  "/v1/event-types/{type}",                        "vsapo"),
    ("GET",  "/v1/notifications",                             "vsapo"),
    ("POST", "/v1/notifications/resend",                      "....o"),
    ("POST", "/v1/notifications/skip",                        "....o"),
    ("GET",  "/v1/access-records",                            "..a.o"),
    ("GET",  "/v1/proof",                                     "..a.o"),
    ("POST", "/v1/exports",                                   "..a.o"),
    ("POST", "/v1/exports/log",                               "..a.o"),
    // Of the dashboard.
    ("GET",  "/",                                             "vsapo"),
    ("GET",  "/search",                                       "vsapo"),
    ("GET",  "/transactions",                                 "vsapo"),
    ("GET",  "/transactions/{source}/{id}",                   "vsapo"),
    ("GET",  "/payment-methods",                              "vsapo"),
    ("GET",  "/payment-methods/{source}/{id}",                "vsapo"),
    ("GET",  "/applications",                                 "vsapo"),
    ("GET",  "/applications/{source}/{id}",                   "vsapo"),
    ("GET",  "/charges",                                      "vsapo"),
    ("GET",  "/charges/{source}/{id}",                        "vsapo"),
    ("GET",  "/customers/{source}/{id}",                      "vsapo"),
    ("GET",  "/actions",                                      "vsapo"),
    ("POST", "/actions/{id}/done",                            ".s.po"),
    ("GET",  "/compliance",                                   "vsapo"),
    ("POST", "/compliance/{id}/done",                         ".s.po"),
    ("GET",  "/stale",                                        "vsapo"),
    ("GET",  "/discrepancies",                                "vsapo"),
    ("GET",  "/exceptions",                                   "vsapo"),
    ("GET",  "/exceptions/{id}",                              "vsapo"),
    ("POST", "/exceptions/{id}",                              "....o"),
    ("GET",  "/deliveries",                                   "vsapo"),
    ("GET",  "/deliveries/{source}/{id}",                     "vsapo"),
    ("GET",  "/rejected-calls",                               "vsapo"),
    ("GET",  "/redrive",                                      "....o"),
    ("POST", "/redrive",                                      "....o"),
    ("GET",  "/verify",                                       "....o"),
    ("POST", "/verify",                                       "....o"),
    ("GET",  "/sources",                                      "vsapo"),
    ("GET",  "/sources/{source}",                             "vsapo"),
    ("GET",  "/endpoints",                                    "vsapo"),
    ("POST", "/endpoints/{name}/pause",                       "....o"),
    ("POST", "/endpoints/{name}/resume",                      "....o"),
    ("POST", "/endpoints/{name}/test",                        "....o"),
    ("GET",  "/notifications",                                "vsapo"),
    ("GET",  "/notifications/resend",                         "....o"),
    ("POST", "/notifications/resend",                         "....o"),
    ("POST", "/notifications/skip",                           "....o"),
    ("GET",  "/statistics",                                   "vsapo"),
    ("GET",  "/help",                                         "vsapo"),
    ("GET",  "/reference",                                    "vsapo"),
    ("GET",  "/theme",                                        "vsapo"),
    ("POST", "/secrets/{reference}/reveal",                   ".s..o"),
    ("GET",  "/access-records",                               "..a.o"),
    ("GET",  "/proof",                                        "..a.o"),
    ("POST", "/exports",                                      "..a.o"),
    // For whoever calls: what asks for a credential of another kind, or for none.
    ("POST", "/webhooks/{source}",                            "open"),
    ("GET",  "/openapi.json",                                 "open"),
    ("GET",  "/healthz",                                      "open"),
    ("GET",  "/readyz",                                       "open"),
    ("GET",  "/metrics",                                      "open"),
    ("GET",  "/sign-in",                                      "open"),
    ("POST", "/sign-in",                                      "open"),
    ("GET",  "/sign-out",                                     "open"),
    ("POST", "/sign-out",                                     "open"),
    ("GET",  "/assets/style.css",                             "open"),
    ("GET",  "/assets/script.js",                             "open"),
    ("GET",  "/assets/icon.svg",                              "open"),
];

/// Calls a path as a role, `nobody` or a `stranger`, with further headers: the answer.
async fn call(
    desk: &Desk,
    (method, path): (&str, &str),
    who: &str,
    headers: &[(&str, &str)],
) -> reqwest::Response {
    // Things that are not there: whether one may comes before whether there is one.
    let path = path
        .replace("{source}", "imprint")
        .replace("{id}", "x")
        .replace("{reference}", "x")
        .replace("{name}", "x");
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let method: Method = method.parse().unwrap();
    let mut request = http.request(method.clone(), format!("{}{path}", desk.base()));
    if method != Method::GET && path.starts_with("/v1") {
        request = request.header("content-type", "application/json").body("{}");
    } else if method == Method::POST {
        request = request.header("content-type", "application/x-www-form-urlencoded").body("");
    }
    request = match who {
        "nobody" => request,
        "stranger" => request.bearer_auth(format!("crk_operator_{}", "0".repeat(64))),
        role => request.bearer_auth(desk.token(role)),
    };
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn each_role_may_what_the_table_says_and_nothing_else() {
    let desk = Desk::open();
    let mut table = String::new();
    let mut wrong = Vec::new();
    for (method, path, may) in RULES {
        let as_nobody = call(&desk, (method, path), "nobody", &[]).await.status().as_u16();
        table += &format!("\n{method:4} {path:48}{as_nobody:8}");
        for (place, who) in ["stranger"].into_iter().chain(ROLES).enumerate() {
            let status = call(&desk, (method, path), who, &[]).await.status().as_u16();
            table += &format!("{status:8}");
            let is_right = match (*may, place) {
                ("open", _) => status == as_nobody,
                (_, 0) => status == 401 && as_nobody == 401,
                (may, place) if may.as_bytes()[place - 1] == b'.' => status == 403,
                _ => ![401, 403].contains(&status) && status < 500,
            };
            if !is_right {
                wrong.push(format!("{method} {path} as {who}: {status}"));
            }
        }
    }
    let roles = ROLES.map(|role| format!("{role:>8}")).concat();
    println!("{:53}  nobody stranger{roles}{table}", "");
    assert!(wrong.is_empty(), "{wrong:#?}{table}");
}

#[tokio::test]
async fn no_operation_and_no_route_is_missing_in_the_table() {
    let desk = Desk::open();
    let known: BTreeSet<(String, String)> =
        RULES.iter().map(|(method, path, _)| ((*method).to_owned(), nameless(path))).collect();
    let described = call(&desk, ("GET", "/openapi.json"), "nobody", &[]).await;
    let described: Value = described.json().await.unwrap();
    let mut unknown = Vec::new();
    for (path, operations) in described["paths"].as_object().expect("paths") {
        for method in ["get", "post", "put", "patch", "delete"] {
            let operation = (method.to_uppercase(), nameless(path));
            if !operations[method].is_null() && !known.contains(&operation) {
                unknown.push(format!("{operation:?}"));
            }
        }
    }
    // What is described nowhere has at least its path in the code.
    let paths: BTreeSet<&String> = known.iter().map(|(_, path)| path).collect();
    for route in routes() {
        if !paths.contains(&nameless(&route)) {
            unknown.push(route);
        }
    }
    assert!(unknown.is_empty(), "say in the table who may: {unknown:#?}");
}

/// A path whose parameters have no names.
fn nameless(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The paths of all routes that stand in the code as they are.
fn routes() -> Vec<String> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    let mut routes = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|ending| ending == "rs") {
                let code = std::fs::read_to_string(file).unwrap();
                let found =
                    code.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
                routes.extend(found.map(str::to_owned));
            }
        }
    }
    assert!(routes.len() > 15, "the routes are found");
    routes
}

#[tokio::test]
async fn who_reads_pages_and_is_not_known_is_asked_to_sign_in() {
    let desk = Desk::open();
    let page = [("accept", "text/html")];
    for (method, path, may) in RULES {
        if *may == "open" || path.starts_with("/v1") {
            continue;
        }
        let answer = call(&desk, (method, path), "nobody", &page).await;
        assert_eq!(answer.status(), 303, "{method} {path}");
        let way = answer.headers()["location"].to_str().unwrap();
        assert!(way.contains("sign-in?next="), "{method} {path}: {way}");
        let refused = call(&desk, (method, path), "stranger", &page).await.status();
        assert_eq!(refused, 303, "{method} {path}");
    }
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let desk = Desk::open();
    for (method, path, _) in RULES.iter().filter(|(method, ..)| *method != "GET") {
        if *path == "/webhooks/{source}" {
            continue; // No browser signs.
        }
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let answer = call(&desk, (method, path), "operator", &[foreign]).await;
            assert_eq!(answer.status(), 403, "{path} {foreign:?}");
            let said = answer.text().await.unwrap();
            assert!(said.contains("cross_site"), "{path} {foreign:?}: {said}");
        }
        let own = [("origin", &*desk.base()), ("sec-fetch-site", "same-origin")];
        let own = call(&desk, (method, path), "operator", &own).await.text().await.unwrap();
        assert!(!own.contains("cross_site"), "{path}: {own}");
    }
}

#[tokio::test]
async fn what_is_done_stands_under_the_name_of_the_token() {
    let desk = Desk::open();
    let address = "https://sign.example/?session=1";
    desk.onboarding.receive(&Onboarding::new("o-1").signing_created(address)).await;
    let action = desk.onboarding.actions(&[]).await.remove(0);
    let reveal = format!("/v1/secrets/{}/reveal", text(&action, "secret_ref"));
    let says = async |role: &str, path: &str, body: Value| {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}{path}", desk.base())).bearer_auth(desk.token(role));
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    };
    says("support", &reveal, json!({ "reason": "lost", "actor": "ada" })).await;
    says("support", &reveal, json!({ "reason": "lost again" })).await;
    // A name that somebody else's token has is no disguise.
    says("support", &reveal, json!({ "reason": "found", "actor": "operator" })).await;
    let done = format!("/v1/actions/{}/done", text(&action, "id"));
    says("partner", &done, json!({ "actor": "shop", "note": "sent" })).await;
    // What the partner's backend tells, too, is told by somebody.
    let new = json!({ "partner_customer_id": "u-1", "session_id": "s-1" });
    says("partner", "/v1/applications/imprint", new).await;
    let listed = desk.imprint.list("/v1/applications", &[]).await.remove(0);
    let report = format!("{}/client-report", text(&listed, "application_id"));
    let told = json!({ "result": "ERROR", "actor": "shop" });
    says("operator", &format!("/v1/applications/imprint/{report}"), told).await;
    let charge = json!({ "charge_id": "c-1", "application_id": "a-1" });
    says("partner", "/v1/charges/loans", charge).await;
    let records = until("all are on record", async || {
        let records = desk.onboarding.list("/v1/access-records", &[]).await;
        let told = desk.imprint.list("/v1/access-records", &[]).await;
        let created = desk.loans.list("/v1/access-records", &[]).await;
        let all: Vec<_> = records.into_iter().chain(told).chain(created).collect();
        (all.len() == 8).then_some(all)
    })
    .await;
    let who: BTreeSet<_> = records
        .iter()
        .filter(|record| record["source"] != "onboarding")
        .map(|record| (text(record, "what"), text(record, "actor")))
        .collect();
    let expected = [
        ("create_charge", "partner"),
        ("link", "partner"),
        ("report", "shop (by operator)"),
        ("start", "partner"),
    ];
    assert_eq!(who, expected.into());
    let by = |reason: &str| {
        let record = records.iter().find(|record| record["reason"] == reason);
        text(record.unwrap_or_else(|| panic!("{reason}: {records:#?}")), "actor").to_owned()
    };
    assert_eq!(by("lost"), "ada (by support)");
    assert_eq!(by("lost again"), "support");
    assert_eq!(by("found"), "operator (by support)");
    assert_eq!(by("sent"), "shop (by partner)");
}

#[tokio::test]
async fn a_token_that_has_ended_opens_nothing() {
    let ended = |seconds: i64| {
        let (token, settings) = Service::token("temp", "operator");
        let end = jiff::Timestamp::from_second(unix_now() + seconds).unwrap();
        (token, format!("{settings}not_after = \"{end}\"\n"))
    };
    let ((past, past_settings), (future, future_settings)) = (ended(-1), ended(3600));
    let desk = Desk::open_with(&(past_settings + future_settings.as_str()));
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    for (token, read, signed_in) in [(past, 401, 401), (future, 200, 303)] {
        let asked = http.get(format!("{}/v1/sources", desk.base())).bearer_auth(&token);
        assert_eq!(asked.send().await.unwrap().status(), read);
        let form = http.post(format!("{}/sign-in", desk.base()));
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let answer = form.body(format!("token={token}")).send().await.unwrap();
        assert_eq!(answer.status(), signed_in);
        assert_eq!(answer.headers().contains_key("set-cookie"), signed_in == 303);
    }
}

#[tokio::test]
async fn without_a_token_in_the_settings_only_this_machine_is_answered() {
    let imprint = Ledger::fresh();
    let here = imprint.ask("/v1/sources", &[]).await;
    assert_eq!(here.status, 200, "{}", here.text);
    let strange = imprint.ask("/sign-in", &[]).await;
    assert_eq!(strange.status, 404, "there is nothing to sign in to");

    // From elsewhere: the same router, and callers whose address is known.
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("credit.db").display());
    let source = "name = \"imprint\"\nkind = \"imprint\"\ncurrency = \"USD\"";
    let builder = Creditrail::builder().database(url).source(toml::from_str(source).unwrap());
    let (creditrail, _worker) = builder.build().await.unwrap();
    let router = creditrail::http::router(&creditrail, &Access::loopback());
    #[rustfmt::skip] // It is a table.
    let callers = [
        ("127.0.0.1:5000",          "localhost",     200),
        ("[::1]:5000",              "[::1]:8080",    200),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1",     200),
        ("127.0.0.1:5000",          "evil.example",  403),
        ("192.0.2.7:5000",          "localhost",     403),
        ("10.0.0.5:5000",           "127.0.0.1",     403),
        ("[2001:db8::1]:5000",      "localhost",     403),
    ];
    for (peer, host, status) in callers {
        for path in ["/v1/sources", "/sources", "/v1/access-records", "/"] {
            let peer: SocketAddr = peer.parse().unwrap();
            let request = Request::get(path).header("host", host);
            let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{peer} {host} {path}");
        }
    }
    let unknown = Request::get("/v1/sources").header("host", "localhost").body(Body::empty());
    let answer = router.oneshot(unknown.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 403, "a caller whose address is not known");
}

/// A sign-in of a host's that knows everybody by one name.
struct KnownAs(String);

#[async_trait::async_trait]
impl Identify for KnownAs {
    async fn identify(&self, _: &http::request::Parts) -> Option<Caller> {
        Some(Caller { name: self.0.clone(), role: Role::Operator })
    }
}

#[tokio::test]
async fn whom_a_host_lets_in_has_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("credit.db").display());
    let source = "name = \"imprint\"\nkind = \"imprint\"\ncurrency = \"USD\"";
    let builder = Creditrail::builder().database(url).source(toml::from_str(source).unwrap());
    let (creditrail, _worker) = builder.build().await.unwrap();
    for (name, status) in [("ada", 200), ("", 403), (" ", 403), ("\u{202e}ada", 403)] {
        let access = Access::host(KnownAs(name.to_owned()));
        let router = creditrail::http::router(&creditrail, &access);
        let asked = Request::get("/v1/sources").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(asked).await.unwrap().status(), status, "{name:?}");
    }
}

#[tokio::test]
async fn after_a_sign_in_one_comes_back_to_the_page_that_one_was_on() {
    let desk = Desk::open();
    let page = |path: &str| format!("{}/{path}", desk.base());
    let of = |seen: &str| format!("..{seen}");
    #[rustfmt::skip] // It is a table.
    let ways = [
        ("GET",  "/transactions/imprint/x?as_of=2026-03-02T10:00:00Z", page(""),
            of("/../sign-in?next=transactions%2Fimprint%2Fx%3Fas_of%3D2026-03-02T10%3A00%3A00Z")),
        // What is sent cannot be sent again by going there.
        ("POST", "/actions/x/done", page("actions?status=open"), of("/../sign-in?next=actions%3Fstatus%3Dopen")),
        ("POST", "/actions/x/done", "https://evil.example/a".to_owned(), of("/../sign-in?next=")),
    ];
    for (method, path, from, way) in ways {
        let headers = [("accept", "text/html"), ("referer", from.as_str())];
        let answer = call(&desk, (method, path), "nobody", &headers).await;
        assert_eq!(answer.status(), 303, "{path}");
        assert_eq!(answer.headers()["location"], way.as_str(), "{path}");
    }
}
