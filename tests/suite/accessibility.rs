//! Every page for whoever cannot see or point: axe-core finds nothing that is serious, in either set of
//! colours, on a wide and on a narrow window, with much data and with none.
//!
//! The rules come from the package that `tests/browser` pins; it is installed into `target/browser`.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
};

use serde_json::Value;

use crate::support::{Browser, Demo, Ledger};

/// What a page is looked at with: colours, and how wide the window is.
const VIEWS: [(&str, u32); 4] = [("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)];

#[tokio::test]
async fn with_much_data_no_page_keeps_anybody_out() {
    let Some(browser) = Browser::start().await else { return };
    let demo = Demo::start().await;
    judge(&browser, &demo.base, &pages(&browser, &demo.base).await).await;
}

#[tokio::test]
async fn with_no_data_no_page_keeps_anybody_out() {
    let Some(browser) = Browser::start().await else { return };
    let imprint = Ledger::fresh();
    let base = imprint.service.base();
    judge(&browser, &base, &pages(&browser, &base).await).await;
}

/// The pages that are the same whatever the data, and the first of each kind to which a link leads.
async fn pages(browser: &Browser, base: &str) -> Vec<String> {
    let mut pages: Vec<String> = [
        "",
        "search?q=demo_user_3",
        "search?q=nothing",
        "search",
        "exceptions",
        "actions",
        "discrepancies",
        "stale",
        "applications",
        "payment-methods",
        "transactions",
        "charges",
        "deliveries",
        "sources",
        "statistics",
        "redrive",
        "verify",
        "access-records",
        "help",
        "nowhere",
        "transactions?status=voided",
        "rejected-calls?source=imprint",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut kinds = BTreeSet::new();
    let mut place = 0;
    while place < pages.len() {
        browser.goes_to(&format!("{base}/{}", pages[place])).await;
        place += 1;
        let links = "return [...document.querySelectorAll('a[href]')].map(a => a.href)";
        let links: Vec<String> = serde_json::from_value(browser.runs(links, &[]).await).unwrap();
        for link in links {
            let Some(path) = link.strip_prefix(&format!("{base}/")) else { continue };
            if is_new(path, &mut kinds) && path.split(['?', '#', '/']).count() > 1 {
                pages.push(path.to_owned());
            }
        }
    }
    pages
}

/// Whether it is the first page of its kind: things of each source, pages of the past.
fn is_new(path: &str, kinds: &mut BTreeSet<String>) -> bool {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    if ["v1", "assets", "openapi.json"].contains(&parts[0]) || parts.len() < 2 {
        return false;
    }
    let source = if parts.len() > 2 { parts[1] } else { "" };
    let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    kinds.insert(format!("{}/{}/{source}?{}", parts[0], parts.len(), names.join("&")))
}

/// Prints a line for each page, and fails if any has what keeps people out.
async fn judge(browser: &Browser, base: &str, pages: &[String]) {
    let axe = axe_core();
    let mut table = format!(
        "{:60}{}\n",
        "",
        VIEWS.map(|(colours, width)| format!("{:>12}", format!("{colours} {width}"))).concat()
    );
    let mut found = Vec::new();
    for page in pages {
        browser.goes_to(&format!("{base}/{page}")).await;
        browser.runs(&axe, &[]).await;
        // What is folded has to be good as well.
        browser.runs("document.querySelectorAll('details').forEach(d => d.open = true)", &[]).await;
        table += &format!("{:60}", format!("/{page}").chars().take(58).collect::<String>());
        for (colours, width) in VIEWS {
            browser.prefers(colours).await;
            browser.is_wide(width).await;
            let violations = violations(browser).await;
            table += &format!("{:12}", violations.len());
            found.extend(
                violations.into_iter().map(|it| format!("/{page}, {colours}, {width}: {it}")),
            );
        }
        table.push('\n');
    }
    println!("{table}");
    assert!(found.is_empty(), "{table}{}", found.join("\n"));
}

/// What is serious or critical on the page.
async fn violations(browser: &Browser) -> Vec<String> {
    const LOOK: &str = "const done = arguments[0];
        axe.run(document, { resultTypes: ['violations'] }).then(
            found => done(found.violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .map(one => `${one.id} (${one.help}): ` + one.nodes.map(node => node.html).join('\\n    '))),
            failed => done([`axe-core failed: ${failed}`]))";
    let found: Value = browser.awaits(LOOK, &[]).await;
    let found: Vec<String> = serde_json::from_value(found).expect("sentences");
    // A page that can only be read by moving it to and fro is not narrow.
    let width = "return [document.documentElement.scrollWidth, window.innerWidth]";
    let width = browser.runs(width, &[]).await;
    let too_wide = width[0].as_i64() > width[1].as_i64();
    found
        .into_iter()
        .chain(too_wide.then(|| format!("it is wider than the window: {width}")))
        .collect()
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
