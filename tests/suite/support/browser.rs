//! A real Chromium, used as a person uses it: by what stands on the page.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    until,
    webdriver::{Answer, Element, WebDriver},
};

/// `none` where Chromium cannot be had.
const CHOICE: &str = "CREDITRAIL_TEST_BROWSER";
/// It shows nothing, keeps nothing and calls nobody.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
];

/// A browser that ends with the test.
pub struct Browser {
    driver: Option<WebDriver>,
    /// Of the process that drives it.
    address: SocketAddr,
    process: Child,
    dir: TempDir,
}

impl Browser {
    /// `None` where Chromium cannot be had.
    pub async fn start() -> Option<Self> {
        if std::env::var(CHOICE).as_deref() == Ok("none") {
            eprintln!("{CHOICE}=none: no browser is asked");
            return None;
        }
        let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
        let (process, address) = chromedriver();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut browser = Self { driver: None, address, process, dir };
        let profile = format!("--user-data-dir={}", browser.dir.path().join("profile").display());
        let flags: Vec<_> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let files = json!({ "download.default_directory": browser.dir.path().join("files") });
        let wanted = json!({
            "browserName": "chrome",
            // A look at all of a large page, on a machine that does other things too, in milliseconds.
            "timeouts": { "script": 120_000 },
            "goog:chromeOptions": { "binary": chromium, "args": flags, "prefs": files },
        });
        let driver = WebDriver::start(address, wanted).await;
        browser.driver = Some(driver.expect("Chromium starts"));
        Some(browser)
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("it has started")
    }

    // --- what a person does ---

    pub async fn goes_to(&self, address: &str) {
        self.driver().goto(address).await.expect("a page");
    }

    /// The first link of exactly this text that is shown, to another page.
    pub async fn follows(&self, link: &str) {
        let link = self.shown(&format!("//a[normalize-space()=\"{link}\"]")).await;
        self.leaves(async || link.click().await).await;
    }

    /// The first button of exactly this text that is shown: it leads to another page.
    pub async fn presses(&self, button: &str) {
        let button = self.shown(&format!("//button[normalize-space()=\"{button}\"]")).await;
        self.leaves(async || button.click().await).await;
    }

    /// The same, of a button after which one stays on the page.
    pub async fn presses_here(&self, button: &str) {
        self.clicks(&format!("//button[normalize-space()=\"{button}\"]")).await;
    }

    /// Does what leads to another page, and waits until it is that.
    async fn leaves(&self, way: impl AsyncFnOnce() -> Answer) {
        let page = self.driver().find("css selector", "html").await.expect("a page");
        way().await.expect("it can be used");
        until("another page", async || page.text().await.is_err().then_some(())).await;
    }

    /// Opens what is folded behind a word.
    pub async fn unfolds(&self, summary: &str) {
        self.clicks(&format!("//summary[normalize-space()=\"{summary}\"]")).await;
    }

    /// Takes a choice by the beginning of its label.
    pub async fn chooses(&self, label: &str) {
        self.clicks(&format!("//label[starts-with(normalize-space(), \"{label}\")]")).await;
    }

    /// Moves the slider by a key, which leads to another moment.
    pub async fn slides(&self, key: &str) {
        let slider = self.shown("//input[@type='range']").await;
        self.leaves(async || slider.send_keys(key).await).await;
    }

    /// Takes an option of the field whose label begins so.
    pub async fn selects(&self, label: &str, option: &str) {
        let field = format!("//label[starts-with(normalize-space(), \"{label}\")]");
        self.clicks(&format!("{field}//option[normalize-space()=\"{option}\"]")).await;
    }

    /// Writes into the field whose label begins so, in the place of what stands there.
    pub async fn fills(&self, label: &str, text: &str) {
        let field = format!(
            "//label[starts-with(normalize-space(), \"{label}\")]//*[self::input or self::textarea] \
             | //input[starts-with(@aria-label, \"{label}\")]"
        );
        let field = self.shown(&field).await;
        field.clear().await.expect("it is emptied");
        field.send_keys(text).await.expect("it is written");
    }

    /// Keys, wherever the cursor stands.
    pub async fn types(&self, keys: &str) {
        let here = self.driver().active_element().await.expect("something has the focus");
        here.send_keys(keys).await.expect("they are typed");
    }

    async fn clicks(&self, xpath: &str) {
        self.shown(xpath).await.click().await.unwrap_or_else(|error| panic!("{xpath}: {error}"));
    }

    async fn shown(&self, xpath: &str) -> Element<'_> {
        until(&format!("{xpath} is shown"), async || {
            for found in self.driver().find_all("xpath", xpath).await.ok()? {
                if found.is_displayed().await.ok()? {
                    return Some(found);
                }
            }
            None
        })
        .await
    }

    // --- what a person sees ---

    /// All text that is shown.
    pub async fn text(&self) -> String {
        self.text_of("body").await.expect("a body")
    }

    /// The text of the first element that fits.
    pub async fn text_of(&self, css: &str) -> Answer<String> {
        self.driver().find("css selector", css).await?.text().await
    }

    /// Waits until a text is shown.
    pub async fn sees(&self, text: &str) {
        let mut shown = String::new();
        let given_up = std::time::Instant::now() + super::ledger::PATIENCE;
        while std::time::Instant::now() < given_up {
            shown = self.text_of("body").await.unwrap_or_default();
            if shown.contains(text) {
                return;
            }
        }
        panic!("`{text}` is not shown, but:\n{shown}");
    }

    /// Path and query of the page.
    pub async fn address(&self) -> String {
        let url = self.driver().url().await.expect("a page");
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// The text of each element that fits.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)";
        let texts = self.runs(script, &[json!(css)]).await;
        serde_json::from_value(texts).expect("texts")
    }

    /// What a script answers: a look behind the page, not a thing that a person does.
    pub async fn runs(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = self.driver().execute(script, arguments).await;
        answer.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What a script tells by its last argument, a function.
    pub async fn awaits(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = self.driver().execute_async(script, arguments).await;
        answer.expect("the script ends")
    }

    pub async fn cookies(&self) -> Vec<Value> {
        self.driver().cookies().await.expect("cookies")
    }

    /// The only file that was taken away, once it is whole.
    pub async fn takes_file(&self, name: &str) -> String {
        let path = self.dir.path().join("files").join(name);
        // Chromium keeps the name with an empty file, and gives it to the file when that is whole.
        let whole = || std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty());
        let text = until(name, async || whole()).await;
        std::fs::remove_file(path).expect("it is removed");
        text
    }

    // --- how a person is equipped ---

    /// Pages run no scripts from now on.
    pub async fn without_scripts(&self) {
        self.commands("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// Whatever a page says of the scripts that it trusts, it runs all of them from now on.
    pub async fn trusts_every_script(&self) {
        self.commands("Page.setBypassCSP", json!({ "enabled": true })).await;
    }

    /// The colours that the system prefers.
    pub async fn prefers(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.commands("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// How wide the window is.
    pub async fn is_wide(&self, pixels: u32) {
        let size =
            json!({ "width": pixels, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
        self.commands("Emulation.setDeviceMetricsOverride", size).await;
    }

    async fn commands(&self, method: &str, parameters: Value) {
        let answer = self.driver().devtools(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = end(self.address, &driver.session());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ends Chromium, which would outlive chromedriver, and waits for that. By hand, since the runtime of
/// the test does not run while something is dropped.
fn end(address: SocketAddr, session: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let host = address.ip();
    write!(stream, "DELETE {session} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    stream.read(&mut [0; 512]).map(drop)
}

/// chromedriver on a free port of its own choice.
fn chromedriver() -> (Child, SocketAddr) {
    let mut process = Command::new(program(&["chromedriver"]))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let stdout = BufReader::new(process.stdout.take().expect("piped"));
    let mut lines = stdout.lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    });
    thread::spawn(move || lines.for_each(drop));
    let port = port.expect("chromedriver tells its port").parse().expect("a port");
    (process, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// The first of these programs that there is.
fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    places.find(|place| place.exists()).unwrap_or_else(|| {
        panic!(
            "{} is missing: install Chromium and its chromedriver, run ./scripts/test, or set \
             {CHOICE}=none",
            names[0]
        )
    })
}
