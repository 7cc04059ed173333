//! What lenders, partners and callers say is text on every page, whatever it looks like.
//!
//! The policy that browsers hold against foreign scripts is switched off here: it is the second wall,
//! and this is about the first one. That every answer has it is asked as well.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::{
    sending::receiver::{Receiver, Says},
    support::{
        Browser, Card, Charge, Desk, Ledger, Loan, Onboarding, T2, Tx, Webhook, decision, link,
        text, unix_now, until,
    },
};

/// What means harm to a page.
fn hostile() -> [String; 4] {
    let tags = "\"><img src=x onerror=\"window.hacked=1\"><script>window.hacked=2</script></title>\
        <x-hacked onclick='window.hacked=3'></p></td></table><!-- O'Neill & Söhne &amp; &lt;b&gt; \
        {{7*7}} ${window.hacked=4} <%= 7*7 %> \\u003cscript\\u003e";
    [
        tags.to_owned(),
        "javascript:window.hacked=5//'\"`".to_owned(),
        // What follows would stand mirrored.
        "\u{202e}gnp.elbissop\u{200f}".to_owned(),
        format!("<script>window.hacked=6</script>{}", "x".repeat(10_000)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_told_becomes_markup() {
    let Some(browser) = Browser::start().await else { return };
    let hostile = hostile();
    let receiver = Receiver::start().await;
    receiver.says_always(Says::Body(422, hostile[0].clone()));
    let desk = Desk::open_with(&receiver.endpoint("crm", "attempts = 1"));
    for (nth, said) in hostile.iter().enumerate() {
        tell(&desk, nth, said).await;
    }
    browser.trusts_every_script().await;
    crate::browser::entering::signs_in(&browser, &desk, "operator").await;
    decide(&browser, &desk, &hostile[0]).await;
    steer(&desk, &hostile[0]).await;

    let mut seen = BTreeSet::new();
    let mut pages: VecDeque<String> = start(&hostile).into();
    while let Some(page) = pages.pop_front() {
        if seen.insert(page.clone()) {
            browser.goes_to(&format!("{}{page}", desk.base())).await;
            pages.extend(look(&browser, &desk.base(), &page).await);
        }
    }
    let things = |list: &str| seen.iter().filter(|page| page.starts_with(list)).count();
    for list in
        ["/transactions/", "/payment-methods/", "/applications/", "/customers/", "/charges/"]
    {
        assert!(things(list) >= hostile.len() - 1, "{list}: {seen:#?}");
    }
    assert!(things("/deliveries/") > 40 && things("/exceptions/") > 10, "{seen:#?}");
    assert!(seen.len() > 150, "{} pages", seen.len());
}

/// The lists, and what repeats what is asked.
fn start(hostile: &[String; 4]) -> Vec<String> {
    let lists = [
        "exceptions",
        "actions",
        "compliance",
        "discrepancies",
        "stale",
        "applications",
        "payment-methods",
        "transactions",
        "charges",
        "deliveries",
        "access-records",
        "notifications",
    ];
    let lists = lists.iter().map(|list| format!("/{list}?limit=200"));
    let fixed = [
        "/",
        "/sources",
        "/endpoints",
        "/notifications/resend?endpoint=crm&source=imprint",
        "/rejected-calls?source=imprint",
        "/statistics",
        "/redrive",
        "/verify",
    ];
    let encoded: Vec<String> = hostile[..3]
        .iter()
        .map(|said| said.bytes().map(|byte| format!("%{byte:02X}")).collect())
        .collect();
    let repeated = encoded.iter().flat_map(|said| {
        [
            format!("/search?q={said}"),
            format!("/transactions?customer_id={said}"),
            format!("/transactions?status={said}"),
            format!("/transactions?{said}=1"),
            format!("/transactions/imprint/none?as_of={said}"),
            format!("/transactions/imprint/{said}none"),
            format!("/transactions/{said}/none"),
            format!("/{said}"),
            format!("/sign-in?next={said}"),
            format!("/sources/{said}"),
            format!("/notifications?type={said}&id={said}"),
            format!("/notifications?endpoint={said}"),
            format!("/notifications/resend?endpoint=crm&source=imprint&type={said}&id={said}"),
            format!("/notifications/resend?endpoint={said}&source=imprint"),
        ]
    });
    lists.chain(fixed.map(str::to_owned)).chain(repeated).collect()
}

/// Everything that anybody can say, says it.
async fn tell(desk: &Desk, nth: usize, said: &str) {
    let id = &*format!("{nth}{said}");
    tell_imprint(&desk.imprint, id, said).await;
    let onboarding = Onboarding::new(id);
    let registered = json!({ "application_id": id, "partner_customer_id": said });
    desk.onboarding.registers(&registered).await;
    for step in [
        onboarding.signing_created(said),
        onboarding.completed(said),
        Onboarding::new(&format!("rejected-{id}")).rejected(said),
        Onboarding::new(&format!("failed-{id}")).failed(said),
        onboarding.step(said),
    ] {
        desk.onboarding.delivers(&step).await;
    }
    let (loan, charge) = (Loan::new(id), Charge::new(id));
    let track = loan.lender(said);
    for step in [
        loan.created(),
        track.account_approved("900.00").with("lenderReferenceId", json!(said)),
        track.account_pending_lender().with("loanId", json!(said)),
        track.pending_consumer(said),
        track.confirmed("900.00", said),
        track.approved(&json!(said).to_string()),
        charge.authorize("50.00").with("merchantOrderId", json!(said)),
        charge.settle(said, "20.00", "completed"),
        charge.settle(said, "20.00", said),
        charge.chargeback(said, "10.00"),
    ] {
        desk.loans.delivers(&step).await;
    }
}

async fn tell_imprint(imprint: &Ledger, id: &str, said: &str) {
    let merchant = json!({ "network_id": said, "name": said, "category_code": said });
    let tx = Tx::new(id);
    let of = |step: Webhook| {
        step.event(said).customer(id).partner(id).card(id).with("merchant", merchant.clone())
    };
    for step in [
        of(tx.approved(5000)).event(id),
        of(tx.captured(5000)).at(T2),
        of(tx.captured(4000)).event(id),
        of(tx.step(said, 1)),
        of(tx.refunded(1)).currency(said),
        of(tx.refunded(1)).at(said),
        of(Tx::new("named").approved(5000)).event(&format!("named-{id}")),
        Webhook {
            object: "TRANSACTION",
            data: serde_json::Map::from_iter([(said.to_owned(), json!(said))]),
        },
        Card::virtual_card(id).is("ACTIVE").customer(id).design(said),
        Card::virtual_card(id).moves("ACTIVE", said).customer(id),
        Card::of_type(id, said).is("INACTIVE").customer(id),
        decision("REJECTED").customer(id).partner(id),
        decision(said).customer(id),
        link(id, id),
        link(&format!("other-{id}"), id),
    ] {
        imprint.delivers(&step).await;
    }
    let body = tx.voided(1).event(&format!("header-{id}")).body();
    let time = unix_now().to_string();
    for secret in [imprint.kind().secret(), "mistaken"] {
        let mut headers = imprint.kind().headers(secret, &time, body.as_bytes());
        let ascii: String = said.chars().filter(char::is_ascii).take(2000).collect();
        headers.push(("user-agent", ascii));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, &**value)).collect();
        imprint.call(body.clone(), &headers).await;
    }
    let registered = json!({ "partner_customer_id": id, "session_id": said });
    let registered = imprint.registers(&registered).await;
    if registered.status == 201 {
        let application = text(&registered.json(), "application_id").to_owned();
        let report =
            json!({ "result": said, "session_id": said, "exit_no": 1, "error_code": said });
        let path = format!("/v1/applications/imprint/{application}/client-report");
        imprint.command(&path, &report).await;
    }
}

/// What is decided has a reason, and what is shown may be anything.
async fn decide(browser: &Browser, desk: &Desk, said: &str) {
    // A name is short and is seen; what it looks like otherwise is its own business.
    let name: String = said.chars().take(180).collect();
    for exception in desk.imprint.exceptions(&[("status", "open")]).await.iter().take(3) {
        let path = format!("/v1/exceptions/{}/resolve", text(exception, "id"));
        let resolve = json!({ "action": "discard", "reason": said, "actor": name });
        desk.imprint.command(&path, &resolve).await.is(200);
    }
    for action in desk.onboarding.actions(&[("status", "open")]).await {
        let done = json!({ "actor": name, "note": said });
        desk.onboarding.command(&format!("/v1/actions/{}/done", text(&action, "id")), &done).await;
        if let Some(secret) = action["secret_ref"].as_str() {
            let reason = json!({ "reason": said, "actor": name });
            desk.onboarding.reveals(secret, &reason).await;
            reveal(browser, desk, text(&action["subject"], "id")).await;
        }
    }
}

/// What is decided about an endpoint that answers whatever it likes.
async fn steer(desk: &Desk, said: &str) {
    let parked = async || desk.imprint.list("/v1/notifications", &[("status", "parked")]).await;
    let one = until("something is parked", async || parked().await.pop()).await;
    let mut why = json!({ "reason": said, "actor": said.chars().take(180).collect::<String>() });
    desk.imprint.command("/v1/endpoints/crm/pause", &why).await.is(200);
    for (field, value) in [("endpoint", json!("crm")), ("source", json!("imprint"))] {
        why[field] = value;
    }
    why["position"] = one["position"].clone();
    desk.imprint.command("/v1/notifications/skip", &why).await.is(200);
    let skipped = [("status", "skipped")];
    until("it is skipped", async || {
        desk.imprint.list("/v1/notifications", &skipped).await.pop().map(drop)
    })
    .await;
}

/// The page that shows a secret, which is whatever the lender has sent.
async fn reveal(browser: &Browser, desk: &Desk, application: &str) {
    let id: String = application.bytes().map(|byte| format!("%{byte:02X}")).collect();
    browser.goes_to(&format!("{}/applications/onboarding/{id}", desk.base())).await;
    browser.unfolds("Show").await;
    browser.fills("Why do you need it?", "it is looked at").await;
    browser.presses("Show it").await;
    browser.sees("This page is not kept").await;
    look(browser, &desk.base(), "a secret").await;
}

/// Nothing on the page is of anybody else: the way on from it.
async fn look(browser: &Browser, base: &str, page: &str) -> Vec<String> {
    const LOOK: &str = r#"
        const elements = new Set(`html head meta title link script body a header form input button nav
            main footer span b h1 h2 h3 p code table thead tbody tr th td div section article label select
            option details summary ol ul li dl dt dd time kbd pre fieldset legend textarea del ins
            svg g path rect circle line text tspan desc style defs marker polyline polygon caption
            figure figcaption use symbol pattern h4`.split(/\s+/));
        const isOurs = e => elements.has(e.localName);
        const attributes = [...document.querySelectorAll('*')].flatMap(e => [...e.attributes]
            .filter(a => a.name.startsWith('on') || a.name.includes('<') || a.name.includes('"') || a.name === 'srcdoc'
                || a.name === 'style')
            .map(a => `${e.localName} ${a.name}=${a.value}`));
        const ways = [...document.querySelectorAll('[href], [src], [action], [formaction]')]
            .map(e => e.href?.baseVal ?? e.href ?? e.src ?? e.action);
        const path = decodeURIComponent(location.pathname).split('/');
        const isLeftOf = (one, other) => other && one.getBoundingClientRect().height && (([a, b]) =>
            a.top < b.bottom && b.top < a.bottom && b.right < a.left)([one, other].map(e => e.getBoundingClientRect()));
        const mirrored = [...document.querySelectorAll('code.id, b')].filter(e => isLeftOf(e, e.nextElementSibling));
        return {
            hacked: window.hacked ?? null,
            elements: [...document.querySelectorAll('*')].filter(e => !isOurs(e)).map(e => e.outerHTML.slice(0, 200)),
            attributes,
            scripts: [...document.scripts].map(s => s.getAttribute('src')?.split('/').pop() ?? s.text.slice(0, 100)),
            titles: document.querySelectorAll('head title').length,
            ways: ways.filter(way => !way.startsWith(location.origin + '/') && !way.startsWith('#')),
            requests: performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith(location.origin)),
            shown: path.length !== 4 || !document.querySelector('main h1 code') || document.querySelector('main').textContent.includes(path[3]),
            mirrored: mirrored.map(e => e.parentElement.outerHTML.slice(0, 300)),
            links: [...document.querySelectorAll('main a[href]')].map(a => a.href.slice(location.origin.length)),
        }"#;
    let seen = browser.runs(LOOK, &[]).await;
    let none = json!([]);
    for (what, expected) in [
        ("hacked", &Value::Null),
        ("elements", &none),
        ("attributes", &none),
        ("scripts", &json!(["script.js"])),
        ("titles", &json!(1)),
        ("ways", &none),
        ("requests", &none),
        ("shown", &json!(true)),
        ("mirrored", &none),
    ] {
        assert_eq!(&seen[what], expected, "{what} of {base}{page}");
    }
    let links: Vec<String> = serde_json::from_value(seen["links"].clone()).expect("links");
    links.into_iter().filter(|link| is_of_a_thing(link)).collect()
}

/// One page of each thing, as it is now.
fn is_of_a_thing(link: &str) -> bool {
    let things = [
        "transactions",
        "payment-methods",
        "applications",
        "customers",
        "charges",
        "deliveries",
        "exceptions",
    ];
    let mut parts = link.split('/').skip(1);
    let is_thing = parts.next().is_some_and(|list| things.contains(&list));
    is_thing && parts.next().is_some() && !link.contains(['?', '#'])
}

#[tokio::test]
async fn every_answer_forbids_what_is_not_ours() {
    let desk = Desk::open();
    tell_imprint(&desk.imprint, "t1", "<script>").await;
    let http = &desk.imprint.service.http;
    for page in [
        "/",
        "/transactions",
        "/transactions/imprint/t1",
        "/transactions/imprint/none",
        "/nowhere",
        "/exceptions",
        "/help",
        "/sign-in",
        "/sign-out",
        "/statistics",
        "/assets/style.css",
        "/assets/icon.svg",
        "/theme?to=dark",
        "/transactions?status=wrong",
        "/access-records",
        "/endpoints",
        "/notifications",
    ] {
        for accept in ["text/html", "*/*"] {
            let asked = http.get(format!("{}{page}", desk.base())).header("accept", accept);
            let answer = asked.send().await.expect("an answer");
            let header =
                |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
            let policy = header("content-security-policy");
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
            ] {
                assert!(policy.contains(part), "{page}: {part} is not in {policy}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{page}: {policy}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{page}");
            let is_asset = page.starts_with("/assets");
            assert_eq!(
                header("cache-control"),
                if is_asset { "no-cache" } else { "no-store" },
                "{page}"
            );
        }
    }
}
