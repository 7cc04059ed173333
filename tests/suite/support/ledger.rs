//! One source of a service, as its lender and its readers see it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Map, Value};

use super::described;
use super::service::{Kind, Service, Source, unix_now};
use super::webhooks::{Told, Tx};
use super::{items, number, text};

/// Far longer than any deadline of a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, whatever it is.
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Answer {
    /// Every answer is one that the description has.
    pub async fn of(method: &str, response: reqwest::Response) -> Self {
        let path = response.url().path().to_owned();
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(value.to_str().expect("ASCII").to_owned())
        };
        let (retry_after, content_type) = (header("retry-after"), header("content-type"));
        let (status, content_type) = (response.status().as_u16(), content_type.unwrap_or_default());
        let text = response.text().await.expect("a whole answer");
        described::hold((method, &path), (status, &content_type), &text);
        Self { status, content_type, retry_after, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("{} answered no JSON: {}", self.status, self.text))
    }

    /// What a good answer says.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// An RFC 9457 problem with this code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.is(status);
        assert!(self.content_type.starts_with("application/problem+json"), "{}", self.content_type);
        assert_eq!(problem["code"], code, "{problem:#}");
        problem
    }

    /// A refusal of what the caller asked, which names the field at fault.
    #[track_caller]
    pub fn names(&self, field: &str) {
        assert!([400, 422].contains(&self.status), "{}: {}", self.status, self.text);
        assert!(self.content_type.starts_with("application/problem+json"));
        assert_eq!(self.json()["field"], field, "{}", self.text);
    }
}

/// A source of a service that runs as long as one of its ledgers lives.
#[derive(Clone)]
pub struct Ledger {
    pub service: Arc<Service>,
    pub source: String,
}

impl Ledger {
    pub fn fresh() -> Self {
        Self::with(Source::named("imprint"))
    }

    pub fn with(source: Source) -> Self {
        Self::of(Service::start(&[source]), "imprint")
    }

    /// A source of card onboarding that takes steps of any age.
    pub fn onboarding() -> Self {
        Self::of(Service::start(&[Source::old_onboarding("nordiska")]), "nordiska")
    }

    pub fn charge_after() -> Self {
        Self::of(Service::start(&[Source::charge_after("charge-after")]), "charge-after")
    }

    /// Another source of the same service.
    pub fn beside(&self, source: &str) -> Self {
        Self { source: source.to_owned(), ..self.clone() }
    }

    pub fn of(service: Service, source: &str) -> Self {
        Self { service: Arc::new(service), source: source.to_owned() }
    }

    /// As many sources of one service, told apart by nothing but the name.
    pub fn several<const N: usize>() -> [Self; N] {
        Self::several_of("imprint", Source::named)
    }

    /// As many sources of one service, of whatever kind.
    pub fn several_of<const N: usize>(name: &str, source: impl Fn(&str) -> Source) -> [Self; N] {
        let names: [String; N] = std::array::from_fn(|nth| format!("{name}-{nth}"));
        let sources: Vec<Source> = names.iter().map(|name| source(name)).collect();
        let service = Arc::new(Service::start(&sources));
        names.map(|source| Self { service: Arc::clone(&service), source })
    }

    // --- what a lender does ---

    /// A call with exactly these headers.
    pub async fn call(&self, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}/webhooks/{}", self.service.base(), self.source);
        let mut request = self.service.http.post(url).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of("POST", request.send().await.expect("the service answers")).await
    }

    /// An authentic call.
    pub async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post_as(self.kind().secret(), unix_now(), body).await
    }

    /// A call that was signed with this secret at this second.
    pub async fn post_as(&self, secret: &str, second: i64, body: impl AsRef<[u8]>) -> Answer {
        self.post_dated(secret, &self.kind().time(second), body).await
    }

    /// A call that was signed with this secret at this time, which is written as the header has it.
    pub async fn post_dated(&self, secret: &str, time: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let headers = self.kind().headers(secret, time, body);
        let mut headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("Content-Type", "application/json"));
        let answer = self.call(body, &headers).await;
        if answer.status == 200 {
            self.note(&answer.json());
        }
        answer
    }

    pub fn kind(&self) -> Kind {
        self.service.kind(&self.source)
    }

    /// A delivery that has to be acknowledged: the answer's body.
    pub async fn deliver(&self, body: impl AsRef<[u8]>) -> Value {
        self.post(body).await.is(200)
    }

    /// The outcome that the lender is told.
    pub async fn receive(&self, webhook: &impl Told) -> String {
        text(&self.delivers(webhook).await, "outcome").to_owned()
    }

    /// The answer that the lender gets for what has to be acknowledged.
    pub async fn delivers(&self, webhook: &impl Told) -> Value {
        let body = webhook.body();
        match webhook.signed_at() {
            Some(time) => self.post_dated(self.kind().secret(), time, body).await.is(200),
            None => self.deliver(body).await,
        }
    }

    /// The outcomes that the lender is told, one after the other.
    pub async fn receives<W: Told>(&self, webhooks: &[W]) -> Vec<String> {
        let mut outcomes = Vec::new();
        for webhook in webhooks {
            outcomes.push(self.receive(webhook).await);
        }
        outcomes
    }

    // --- what a partner and an operator do ---

    /// The partner registers an application.
    pub async fn registers(&self, said: &Value) -> Answer {
        self.command(&format!("/v1/applications/{}", self.source), said).await
    }

    /// The partner created a charge.
    pub async fn creates_charge(&self, said: &Value) -> Answer {
        self.command(&format!("/v1/charges/{}", self.source), said).await
    }

    /// `void` or `link`.
    pub async fn orders(&self, charge_id: &str, what: &str, said: &Value) -> Answer {
        self.command(&format!("/v1/charges/{}/{charge_id}/{what}", self.source), said).await
    }

    pub async fn reveals(&self, secret_ref: &str, said: &Value) -> Answer {
        self.command(&format!("/v1/secrets/{secret_ref}/reveal"), said).await
    }

    // --- what a reader does ---

    /// A command of a partner or an operator.
    pub async fn command(&self, path: &str, body: &Value) -> Answer {
        self.command_as_written(path, body.to_string()).await
    }

    /// A command whose body is told to be JSON.
    pub async fn command_as_written(&self, path: &str, body: impl Into<String>) -> Answer {
        let url = format!("{}{path}", self.service.base());
        let request = self.service.http.post(url).body(body.into());
        let request = request.header("Content-Type", "application/json");
        let answer = Answer::of("POST", request.send().await.expect("the service answers")).await;
        if [200, 201].contains(&answer.status) {
            self.note(&answer.json());
        }
        answer
    }

    /// A read exactly as it is written.
    pub async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let mut url = reqwest::Url::parse(&self.service.base()).expect("a URL");
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.service.http.request(Method::GET, url);
        Answer::of("GET", request.send().await.expect("the service answers")).await
    }

    /// One view, which knows all that was answered before.
    pub async fn view(&self, path: &str) -> Value {
        let newest = self.service.position(&self.source).to_string();
        self.ask(path, &[("at_least", &newest)]).await.is(200)
    }

    /// One page of a list of this source, which knows all that was answered before.
    pub async fn page(&self, path: &str, filters: &[(&str, &str)]) -> Value {
        let newest = self.service.position(&self.source).to_string();
        let mut query = vec![("source", self.source.as_str()), ("at_least", &newest)];
        query.extend(filters);
        self.ask(path, &query).await.is(200)
    }

    /// All pages of a list.
    pub async fn list(&self, path: &str, filters: &[(&str, &str)]) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let mut query = filters.to_vec();
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = self.page(path, &query).await;
            rows.extend_from_slice(items(&page, "items"));
            let Some(next) = page["next_cursor"].as_str() else {
                return rows;
            };
            cursor = Some(next.to_owned());
        }
    }

    pub async fn transaction(&self, id: &str) -> Value {
        let path = format!("/v1/transactions/{}/{id}", self.source);
        self.view(&path).await
    }

    pub async fn card(&self, id: &str) -> Value {
        let path = format!("/v1/payment-methods/{}/{id}", self.source);
        self.view(&path).await
    }

    pub async fn application(&self, id: &str) -> Value {
        let path = format!("/v1/applications/{}/{id}", self.source);
        self.view(&path).await
    }

    pub async fn charge(&self, id: &str) -> Value {
        let path = format!("/v1/charges/{}/{id}", self.source);
        self.view(&path).await
    }

    pub async fn actions(&self, filters: &[(&str, &str)]) -> Vec<Value> {
        self.list("/v1/actions", filters).await
    }

    /// One delivery, by the answer to it.
    pub async fn delivery(&self, answer: &Value) -> Value {
        let path = format!("/v1/deliveries/{}/{}", self.source, text(answer, "delivery_id"));
        self.view(&path).await
    }

    pub async fn customer(&self, id: &str) -> Value {
        let path = format!("/v1/customers/{}/{id}", self.source);
        self.view(&path).await
    }

    pub async fn timeline(&self, customer_id: &str) -> Vec<Value> {
        let path = format!("/v1/customers/{}/{customer_id}/timeline", self.source);
        items(&self.view(&path).await, "items").to_vec()
    }

    pub async fn exceptions(&self, filters: &[(&str, &str)]) -> Vec<Value> {
        self.list("/v1/exceptions", filters).await
    }

    /// The only exception with this code.
    pub async fn exception(&self, code: &str) -> Value {
        let mut found = self.exceptions(&[("code", code)]).await;
        assert_eq!(found.len(), 1, "exceptions with {code}: {found:#?}");
        found.remove(0)
    }

    /// The events of one stream, whose id ends with the lender's.
    pub async fn events_of(&self, external_id: &str) -> Vec<Value> {
        let mut events = self.events().await;
        events.retain(|event| text(event, "aggregate_id").ends_with(external_id));
        events
    }

    pub async fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, |last| number(last, "position")).to_string();
            let query = [("source", self.source.as_str()), ("after", &after), ("limit", "100")];
            let page = self.ask("/v1/events", &query).await.is(200);
            if items(&page, "items").is_empty() {
                return events;
            }
            events.extend_from_slice(items(&page, "items"));
        }
    }

    /// `received`, `outcomes`, `balanced`.
    pub async fn counts(&self) -> Value {
        self.view(&format!("/v1/sources/{}", self.source)).await
    }

    /// The service still serves, and what it received adds up.
    pub async fn is_sound(&self) {
        if self.kind() == Kind::Imprint {
            let proof = Tx::new("still-serving").approved(1);
            let outcome = self.receive(&proof).await;
            assert!(["applied", "duplicate"].contains(&outcome.as_str()), "{outcome}");
        }
        assert_eq!(self.ask("/healthz", &[]).await.status, 200);
        self.adds_up().await;
    }

    /// The audit equation.
    pub async fn adds_up(&self) {
        let counts = self.counts().await;
        let outcomes = counts["outcomes"].as_object().expect("counts by outcome");
        let sum: i64 = outcomes.values().filter_map(Value::as_i64).sum();
        assert_eq!(number(&counts, "received"), sum, "{counts:#}");
        assert_eq!(counts["balanced"], true, "{counts:#}");
    }

    fn note(&self, answer: &Value) {
        let position = answer["position"].as_i64();
        self.service.note_position(&self.source, position);
    }
}

/// Asks again until there is an answer: for what the clock of the service brings, not a call.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let given_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < given_up, "waited in vain: {what}");
    }
}

/// A view without what tells of the arrival, so that what came of two orders can be compared.
pub fn settled(view: &Value) -> Value {
    match view {
        Value::Object(fields) => Value::Object(settled_fields(fields)),
        Value::Array(rows) => rows.iter().map(settled).collect(),
        other => other.clone(),
    }
}

fn settled_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    #[rustfmt::skip] // It is a list.
    const OF_THE_ARRIVAL: [&str; 13] = [
        "source", "received_at", "recorded_at", "position", "as_of", "repeats", "delivery_id",
        "sequence", "history", "opened_at", "resolved_at",
        "secret_ref", "token_refs", // A seal has a name of its own in each source.
    ];
    // A step is numbered by its delivery. An exception too, or by the place where it was found.
    let is_numbered_on_arrival =
        ["outcome", "severity"].iter().any(|field| fields.contains_key(*field));
    let is_dated_on_arrival =
        fields.get("flags").is_some_and(|flags| flags.to_string().contains("\"ts_"));
    fields
        .iter()
        .filter(|(name, _)| !OF_THE_ARRIVAL.contains(&name.as_str()))
        .filter(|(name, _)| *name != "id" || !is_numbered_on_arrival)
        .filter(|(name, _)| *name != "occurred_at" || !is_dated_on_arrival)
        .map(|(name, value)| (name.clone(), settled(value)))
        .collect()
}
