//! Every page for whoever cannot see or point: axe-core finds nothing that is serious, in either set of
//! colours, on a wide and on a narrow window, with much data and with none.
//!
//! The rules come from the package that `tests/browser` pins; it is installed into `target/browser`.

use std::{
    collections::{BTreeSet, VecDeque},
    fs::{self, File},
    path::Path,
};

use serde_json::json;

use crate::{
    sending::receiver::{Receiver, Says},
    support::{Browser, Demo, Ledger, Service, Source, T1, Tx, until},
};

/// What a page is looked at with: colours, how wide the window is, and by which rules. The others do not
/// ask for colours.
const VIEWS: [(&str, u32, &str); 4] =
    [("light", 1280, ALL), ("dark", 1280, CONTRAST), ("light", 400, ALL), ("dark", 400, CONTRAST)];
const ALL: &str = "{ resultTypes: ['violations'] }";
const CONTRAST: &str = "{ resultTypes: ['violations'], runOnly: ['color-contrast'] }";

/// Where something is to be seen, whatever there is.
const LISTS: [&str; 18] = [
    "",
    "search?q=nothing",
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
    "proof",
    "statistics",
    "endpoints",
    "notifications",
    "rejected-calls?source=imprint",
];
/// Where there is much, and what is the same without it.
const MORE: [&str; 13] = [
    "search",
    "search?q=demo_user_3",
    "sources",
    "redrive?source=imprint",
    "verify?source=imprint",
    "help",
    "nowhere",
    "exceptions?status=wrong",
    "transactions/imprint/demo-late-update",
    "transactions/imprint/demo-late-update?as_of=15",
    "payment-methods/imprint/demo-card-paused",
    "charges/loans/demo-charge",
    "customers/imprint/demo-customer",
];

#[tokio::test]
async fn with_much_data_no_page_keeps_anybody_out() {
    let Some(browser) = Browser::start().await else { return };
    let demo = Demo::start().await;
    judge(&browser, &demo.base, &[&MORE[..], &LISTS].concat()).await;
}

#[tokio::test]
async fn the_description_keeps_nobody_out() {
    let Some(browser) = Browser::start().await else { return };
    let imprint = Ledger::fresh();
    judge(&browser, &imprint.service.base(), &["reference"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_need_a_person_keep_nobody_out() {
    let Some(browser) = Browser::start().await else { return };
    let receiver = Receiver::start().await;
    receiver.says_always(Says::Body(422, "no such order".to_owned()));
    let settings = receiver.endpoint("crm", "attempts = 1");
    let imprint = Ledger::of(Service::start_set(&[Source::named("imprint")], &settings), "imprint");
    for id in ["t1", "t2"] {
        imprint.receive(&Tx::new(id).approved(5000).at(T1)).await;
    }
    let parked = async || imprint.list("/v1/notifications", &[("status", "parked")]).await;
    until("both are parked", async || (parked().await.len() == 2).then_some(())).await;
    let skip = json!({
        "endpoint": "crm", "source": "imprint", "position": 1, "reason": "they know already",
    });
    imprint.command("/v1/notifications/skip", &skip).await.is(200);
    let pause = json!({ "reason": "they deploy", "actor": "ada" });
    imprint.command("/v1/endpoints/crm/pause", &pause).await.is(200);
    until("one is skipped", async || (parked().await.len() == 1).then_some(())).await;
    let resend = "notifications/resend?endpoint=crm&source=imprint";
    let pages = ["", "endpoints", "notifications", "notifications?status=parked", resend];
    judge(&browser, &imprint.service.base(), &pages).await;
}

#[tokio::test]
async fn with_no_data_no_page_keeps_anybody_out() {
    let Some(browser) = Browser::start().await else { return };
    let imprint = Ledger::fresh();
    judge(&browser, &imprint.service.base(), &LISTS).await;
}

/// Judges these pages, and the first of each further kind to which they lead. Prints a line for each.
async fn judge(browser: &Browser, base: &str, start: &[&str]) {
    let axe = axe_core();
    let mut table = format!("{:60}", "");
    for (colours, width, _) in VIEWS {
        table += &format!("{:>12}", format!("{colours} {width}"));
    }
    let mut pages: VecDeque<String> = start.iter().map(|page| (*page).to_owned()).collect();
    let mut kinds: BTreeSet<String> = pages.iter().map(|page| kind(page)).collect();
    let mut found = Vec::new();
    while let Some(page) = pages.pop_front() {
        browser.goes_to(&format!("{base}/{page}")).await;
        browser.runs(&axe, &[]).await;
        pages
            .extend(links(browser, base).await.into_iter().filter(|link| kinds.insert(kind(link))));
        // What is folded has to be good as well.
        browser.runs("document.querySelectorAll('details').forEach(d => d.open = true)", &[]).await;
        table += &format!("\n{:60}", format!("/{page}").chars().take(58).collect::<String>());
        for (colours, width, rules) in VIEWS {
            browser.prefers(colours).await;
            browser.is_wide(width).await;
            let violations = violations(browser, rules).await;
            table += &format!("{:12}", violations.len());
            let told = |it| format!("/{page}, {colours}, {width}: {it}");
            found.extend(violations.into_iter().map(told));
        }
    }
    println!("{table}");
    assert!(found.is_empty(), "{table}\n{}", found.join("\n"));
}

/// The pages of things to which the page leads, from the root.
async fn links(browser: &Browser, base: &str) -> Vec<String> {
    let links = "return [...document.querySelectorAll('main a[href]')].map(a => a.href)";
    let links: Vec<String> = serde_json::from_value(browser.runs(links, &[]).await).unwrap();
    let inside = links.iter().filter_map(|link| link.strip_prefix(&format!("{base}/")));
    let pages = inside.filter(|link| link.contains('/') && !link.starts_with("v1/"));
    pages.map(|link| link.split('#').next().unwrap_or_default().to_owned()).collect()
}

/// Pages of one kind are of the same things of the same source, now or then.
fn kind(page: &str) -> String {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let parts: Vec<&str> = path.split('/').collect();
    let source = if parts.len() > 2 { parts[1] } else { "" };
    let then = query.split('=').next().unwrap_or_default();
    format!("{}/{}/{source}?{then}", parts[0], parts.len())
}

/// What is serious or critical on the page.
async fn violations(browser: &Browser, rules: &str) -> Vec<String> {
    let look = format!(
        "const done = arguments[0];
        axe.run(document, {rules}).then(
            found => done(found.violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .map(one => `${{one.id}} (${{one.help}}): ` + one.nodes.map(node => node.html).join('\\n    '))),
            failed => done([`axe-core failed: ${{failed}}`]))"
    );
    let found = browser.awaits(&look, &[]).await;
    let found: Vec<String> = serde_json::from_value(found).expect("sentences");
    // A page that can only be read by moving it to and fro is not narrow.
    let width = "return [document.documentElement.scrollWidth, window.innerWidth]";
    let width = browser.runs(width, &[]).await;
    let too_wide = width[0].as_i64() > width[1].as_i64();
    let too_wide = too_wide.then(|| format!("it is wider than the window: {width}"));
    found.into_iter().chain(too_wide).collect()
}

/// The script of axe-core, in the version that is pinned.
fn axe_core() -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("browser");
    fs::create_dir_all(&target).expect("a folder");
    let lock = File::create(target.join(".lock")).expect("a lock");
    lock.lock().expect("the lock");
    let wanted = fs::read_to_string(sources.join("package-lock.json")).expect("the lock file");
    let script = target.join("node_modules/axe-core/axe.min.js");
    let installed = target.join("installed.json");
    if !script.exists() || fs::read_to_string(&installed).ok().as_deref() != Some(&*wanted) {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(sources.join(file), target.join(file)).expect("it is copied");
        }
        let npm = std::process::Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(&target)
            .output();
        let npm = npm.unwrap_or_else(|error| {
            panic!("npm cannot be run ({error}): install Node.js with npm, as scripts/test does")
        });
        assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        fs::write(&installed, wanted).expect("it is noted");
    }
    fs::read_to_string(script).expect("the script")
}
