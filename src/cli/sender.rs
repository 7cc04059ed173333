//! Sends webhooks as a lender does.

use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::client::{CallError, Client};
use crate::sources::{Kind, sign};

/// What somebody signs with who does not know the secret.
const GUESS: &str = "a guess";

/// A lender's way to one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: Client,
    url: reqwest::Url,
    kind: Kind,
    secret: SecretString,
    authorization: Option<SecretString>,
}

/// What a call was answered.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body, as far as it is JSON.
    pub(super) said: Value,
}

impl Sender {
    /// To that URL, with that secret.
    pub(super) const fn new(
        client: Client,
        url: reqwest::Url,
        kind: Kind,
        secret: SecretString,
    ) -> Self {
        Self { client, url, kind, secret, authorization: None }
    }

    /// The same, with an `Authorization` header besides the signature.
    pub(super) fn authorized(self, authorization: Option<SecretString>) -> Self {
        Self { authorization, ..self }
    }

    /// Sends a body as it was signed then.
    pub(super) async fn send(&self, body: &str, at: Timestamp) -> Result<Answer, CallError> {
        self.post(self.secret.expose_secret(), body, at).await
    }

    /// Sends a body as somebody would who guesses the secret.
    pub(super) async fn forge(&self, body: &str, at: Timestamp) -> Result<Answer, CallError> {
        self.post(GUESS, body, at).await
    }

    async fn post(&self, secret: &str, body: &str, at: Timestamp) -> Result<Answer, CallError> {
        let request = Request::post(self.url.as_str());
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        for (name, value) in sign(self.kind, secret, body.as_bytes(), at) {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.expose_secret());
        }
        let answered = self.client.call(request, Bytes::from(body.to_owned())).await?;
        let said = serde_json::from_slice(&answered.body).unwrap_or(Value::Null);
        Ok(Answer { status: answered.status, said })
    }
}

impl Answer {
    /// What became of the delivery, or the status with the code of the problem.
    pub(super) fn outcome(&self) -> String {
        match (self.said["outcome"].as_str(), self.said["code"].as_str()) {
            (Some(outcome), _) => outcome.to_owned(),
            (None, Some(code)) => format!("{} {code}", self.status),
            (None, None) => self.status.to_string(),
        }
    }

    /// The id that the receiver gave it, if it did.
    pub(super) fn delivery_id(&self) -> Option<String> {
        self.said["delivery_id"].as_str().map(str::to_owned)
    }
}
