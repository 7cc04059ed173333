//! As much of WebDriver (<https://www.w3.org/TR/webdriver2/>) as the tests speak with chromedriver. The
//! clients that there are switch on `serde_json/preserve_order`, for the service under test as well.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// What the answers call the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no letters.
pub const ENTER: &str = "\u{e007}";
pub const END: &str = "\u{e010}";
pub const HOME: &str = "\u{e011}";
pub const RIGHT: &str = "\u{e014}";

/// Why something was not done, in the words of the driver.
pub type Answer<T = Value> = Result<T, String>;

/// A session with a browser.
pub struct WebDriver {
    client: reqwest::Client,
    session: String,
    address: SocketAddr,
}

/// An element of the page.
pub struct Element<'a> {
    driver: &'a WebDriver,
    id: String,
}

impl WebDriver {
    pub async fn start(address: SocketAddr, capabilities: Value) -> Answer<Self> {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut driver = Self { client, session: String::new(), address };
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = driver.sends("", Some(wanted)).await?;
        driver.session = format!("/{}", answer["sessionId"].as_str().expect("a session"));
        Ok(driver)
    }

    /// The path of the session.
    pub fn session(&self) -> String {
        format!("/session{}", self.session)
    }

    async fn sends(&self, command: &str, body: Option<Value>) -> Answer {
        let url = format!("http://{}{}{command}", self.address, self.session());
        let request = match body {
            Some(body) => self.client.post(url).json(&body),
            None => self.client.get(url),
        };
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let mut answer: Value = answer.json().await.map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => {
                Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default()))
            }
            None => Ok(value),
        }
    }

    pub async fn goto(&self, url: &str) -> Answer {
        self.sends("/url", Some(json!({ "url": url }))).await
    }

    pub async fn url(&self) -> Answer<reqwest::Url> {
        let url = self.sends("/url", None).await?;
        url.as_str().unwrap_or_default().parse().map_err(|_| format!("{url} is no address"))
    }

    /// `using`: `xpath` or `css selector`.
    pub async fn find_all(&self, using: &str, value: &str) -> Answer<Vec<Element<'_>>> {
        let found =
            self.sends("/elements", Some(json!({ "using": using, "value": value }))).await?;
        let elements = found.as_array().into_iter().flatten();
        Ok(elements.filter_map(|element| self.element(element)).collect())
    }

    pub async fn active_element(&self) -> Answer<Element<'_>> {
        let found = self.sends("/element/active", None).await?;
        self.element(&found).ok_or_else(|| "nothing has the focus".to_owned())
    }

    fn element(&self, found: &Value) -> Option<Element<'_>> {
        Some(Element { driver: self, id: found[ELEMENT].as_str()?.to_owned() })
    }

    pub async fn execute(&self, script: &str, arguments: &[Value]) -> Answer {
        let body = json!({ "script": script, "args": arguments });
        self.sends("/execute/sync", Some(body)).await
    }

    pub async fn execute_async(&self, script: &str, arguments: &[Value]) -> Answer {
        let body = json!({ "script": script, "args": arguments });
        self.sends("/execute/async", Some(body)).await
    }

    /// The cookies of the page, as WebDriver has them: `name`, `httpOnly`, `sameSite` …
    pub async fn cookies(&self) -> Answer<Vec<Value>> {
        let cookies = self.sends("/cookie", None).await?;
        Ok(cookies.as_array().cloned().unwrap_or_default())
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Answer {
        let body = json!({ "cmd": method, "params": parameters });
        self.sends("/goog/cdp/execute", Some(body)).await
    }
}

impl Element<'_> {
    async fn does(&self, what: &str, body: Option<Value>) -> Answer {
        self.driver.sends(&format!("/element/{}/{what}", self.id), body).await
    }

    pub async fn is_displayed(&self) -> Answer<bool> {
        Ok(self.does("displayed", None).await? == true)
    }

    pub async fn click(&self) -> Answer {
        self.does("click", Some(json!({}))).await
    }

    pub async fn clear(&self) -> Answer {
        self.does("clear", Some(json!({}))).await
    }

    pub async fn send_keys(&self, text: &str) -> Answer {
        self.does("value", Some(json!({ "text": text }))).await
    }

    pub async fn text(&self) -> Answer<String> {
        Ok(self.does("text", None).await?.as_str().unwrap_or_default().to_owned())
    }
}
