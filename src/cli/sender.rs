//! Sends webhooks as a lender does.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::CliError;
use crate::sources::{Kind, sign};

/// How long a lender waits for an answer. Source: card onboarding, "Webhooks".
const PATIENCE: Duration = Duration::from_secs(30);
/// What somebody signs with who does not know the secret.
const GUESS: &str = "a guess";

/// A lender's way to one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
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
    pub(super) fn new(
        url: reqwest::Url,
        kind: Kind,
        secret: SecretString,
    ) -> Result<Self, CliError> {
        let no_redirect = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(no_redirect).build()?;
        Ok(Self { client, url, kind, secret, authorization: None })
    }

    /// The same, with an `Authorization` header besides the signature.
    pub(super) fn authorized(self, authorization: Option<SecretString>) -> Self {
        Self { authorization, ..self }
    }

    /// Sends a body as it was signed then.
    pub(super) async fn send(&self, body: &str, at: Timestamp) -> Result<Answer, reqwest::Error> {
        self.post(self.secret.expose_secret(), body, at).await
    }

    /// Sends a body as somebody would who guesses the secret.
    pub(super) async fn forge(&self, body: &str, at: Timestamp) -> Result<Answer, reqwest::Error> {
        self.post(GUESS, body, at).await
    }

    async fn post(
        &self,
        secret: &str,
        body: &str,
        at: Timestamp,
    ) -> Result<Answer, reqwest::Error> {
        let request = self.client.post(self.url.clone()).header("content-type", "application/json");
        let mut request = request.body(body.to_owned());
        for (name, value) in sign(self.kind, secret, body.as_bytes(), at) {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.expose_secret());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let said = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Answer { status, said })
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
