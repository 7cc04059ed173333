//! Endpoints that operators make, change and delete. They are kept in the database, their settings
//! sealed as a whole: a URL may have a token as well.

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use secrecy::{ExposeSecret as _, zeroize::Zeroizing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Endpoint, EndpointConfig, EndpointError, LOG, endpoint::host, record::deleted,
    steer::SteerEndpoint,
};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
        sealing::KeyError,
    },
    failure::fault,
    store::{
        Projected,
        sending::{ENDPOINTS, KEPT_ENDPOINTS, KeptEndpoint},
    },
};

/// The bookmark that counts the changes of endpoints: of two at once, the later one is made anew.
const CHANGES: &str = "endpoint_settings";

/// An operator makes an endpoint, or gives one other settings.
#[derive(Clone, Deserialize)]
pub struct ConfigureEndpoint {
    /// Why. Required.
    #[serde(default)]
    pub reason: String,
    /// Who; an operator, if nobody is named.
    pub actor: Option<String>,
    /// The settings as in the settings file, with secrets as values.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// What is to become of an endpoint.
enum Wanted {
    Created(Map<String, Value>),
    Replaced(Map<String, Value>),
    Deleted,
}

impl Creditrail {
    /// Makes an endpoint. It is told of events from the head of the log on, unless its settings say
    /// otherwise or there was one of this name before.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, a wrong setting, a name that is taken, not written.
    pub async fn create_endpoint(&self, asked: ConfigureEndpoint) -> Result<Value, CommandError> {
        let name = asked.settings.get("name").and_then(Value::as_str).unwrap_or_default();
        let (name, why) = (name.to_owned(), (reason(asked.reason)?, person(asked.actor)?));
        self.configure(&name, Wanted::Created(asked.settings), why).await?;
        self.endpoint_told(&name).await
    }

    /// Gives an endpoint other settings. It goes on where it was. Of a secret that is named without a
    /// value, and of a credential without one, what is not given is kept.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, a wrong setting, no such endpoint, one of the settings file, not
    /// written.
    pub async fn replace_endpoint(
        &self,
        name: &str,
        asked: ConfigureEndpoint,
    ) -> Result<Value, CommandError> {
        let why = (reason(asked.reason)?, person(asked.actor)?);
        let mut settings = asked.settings;
        if settings.entry("name").or_insert_with(|| name.into()) != name {
            return Err(wrong("name", "is another one than in the path"));
        }
        self.configure(name, Wanted::Replaced(settings), why).await?;
        self.endpoint_told(name).await
    }

    /// Deletes an endpoint. What was noted of its notifications stays, and so does its place in the
    /// log, from which one of the same name goes on.
    ///
    /// # Errors
    /// [`CommandError`]: no reason, no such endpoint, one of the settings file, not written.
    pub async fn delete_endpoint(
        &self,
        name: &str,
        steer: SteerEndpoint,
    ) -> Result<Value, CommandError> {
        let why = (reason(steer.reason)?, person(steer.actor)?);
        self.configure(name, Wanted::Deleted, why).await?;
        Ok(json!({ "name": name }))
    }

    async fn configure(
        &self,
        name: &str,
        wanted: Wanted,
        (why, actor): (String, String),
    ) -> Result<(), CommandError> {
        if self.endpoints.now().get(name).is_some_and(|known| known.revision.is_none()) {
            return Err(CommandError::EndpointOfSettings(name.to_owned()));
        }
        let mut is_recorded = false;
        loop {
            // Before what is kept: if that changes in between, nothing is written.
            let changes = self.store.passed(LOG).await.map_err(ReadError::from)?;
            let changes = changes.iter().find(|passed| passed.reader == CHANGES);
            let changes = changes.map_or(0, |passed| passed.position);
            let kept = self.store.kept_endpoints(LOG).await.map_err(ReadError::from)?;
            let kept = kept.into_iter().find(|kept| kept.name == name);
            let (act, change) = self.change(name, (&wanted, kept.as_ref()), changes + 1)?;
            if !is_recorded {
                let about = change.0.as_ref().map_or_else(
                    || name.to_owned(),
                    |endpoint| format!("{name} at {}", host(&endpoint.url)),
                );
                self.record_access(act, &actor, (&about, &why)).await?;
                is_recorded = true;
            }
            let paused = match wanted {
                Wanted::Deleted => vec![deleted(name.to_owned())],
                Wanted::Created(_) | Wanted::Replaced(_) => Vec::new(),
            };
            let projected = Projected {
                changes: vec![(&KEPT_ENDPOINTS, vec![change.1]), (&ENDPOINTS, paused)],
                bookmarks: vec![(CHANGES.into(), changes, changes + 1)],
                holder: None,
            };
            if self.store.project(LOG, projected).await.map_err(ReadError::from)? {
                break;
            }
        }
        Ok(self.look_for_endpoints().await.map_err(ReadError::from)?)
    }

    /// What is to be written, with the endpoint that it makes.
    fn change(
        &self,
        name: &str,
        (wanted, kept): (&Wanted, Option<&KeptEndpoint>),
        revision: i64,
    ) -> Result<(Act, (Option<Endpoint>, Change)), CommandError> {
        let not_found = || CommandError::NotFound { what: "endpoint", id: name.to_owned() };
        let (act, settings) = match (wanted, kept) {
            (Wanted::Created(_), Some(_)) => {
                return Err(CommandError::EndpointExists(name.to_owned()));
            }
            (Wanted::Created(settings), None) => (Act::EndpointCreated, settings.clone()),
            (Wanted::Replaced(_) | Wanted::Deleted, None) => return Err(not_found()),
            (Wanted::Replaced(settings), Some(kept)) => {
                let mut settings = settings.clone();
                keep(&mut settings, &self.opened_settings(kept)?)?;
                (Act::EndpointReplaced, settings)
            }
            (Wanted::Deleted, Some(_)) => {
                return Ok((Act::EndpointDeleted, (None, deleted(name.to_owned()))));
            }
        };
        let sources: Vec<&str> = self.sources().collect();
        let endpoint = Endpoint::new(config_of(&settings)?, &sources)?;
        let plain = Zeroizing::new(Value::from(settings).to_string());
        let sealed = self.keyring.seal_whole(&context(name), plain.as_bytes())?;
        let cells = vec![Cell::from(revision), Cell::from(hex::encode(sealed).as_str())];
        let key = name.to_owned();
        let change = Change { key, write: Write::Replace, position: revision, cells };
        Ok((act, (Some(endpoint), change)))
    }

    /// The settings of a kept endpoint.
    ///
    /// # Errors
    /// [`KeyError`].
    pub(super) fn opened_settings(
        &self,
        kept: &KeptEndpoint,
    ) -> Result<Map<String, Value>, KeyError> {
        let sealed = hex::decode(&kept.sealed).map_err(|_| KeyError::Altered)?;
        let plain = self.keyring.open_whole(&context(&kept.name), &sealed)?;
        serde_json::from_slice(plain.expose_secret()).map_err(|_| KeyError::NotText)
    }
}

/// In which settings are sealed: under another name they do not open.
fn context(name: &str) -> Vec<u8> {
    format!("endpoint/{name}").into_bytes()
}

/// The settings of an endpoint, read as those of the file are.
///
/// # Errors
/// [`CommandError::Setting`], without what was given: it may be a secret.
pub(super) fn config_of(settings: &Map<String, Value>) -> Result<EndpointConfig, CommandError> {
    let config: EndpointConfig = serde_path_to_error::deserialize(Value::from(settings.clone()))
        .map_err(|error| {
            let (field, cause) = fault(&error);
            let is_quoted = cause.starts_with("invalid ");
            let expected = cause.rsplit_once(", expected ").filter(|_| is_quoted);
            match expected {
                Some((_, expected)) => wrong(&field, &format!("must be {expected}")),
                None if is_quoted => wrong(&field, "is not as it should be"),
                None => wrong(&field, &cause),
            }
        })?;
    let of_secrets = config.secrets.iter().map(|secret| ("secrets", secret.value_env.is_some()));
    let credential = config.authorization.iter();
    let of_credential = credential.map(|given| ("authorization", given.value_env.is_some()));
    match of_secrets.chain(of_credential).find(|(_, has_variable)| *has_variable) {
        Some((field, _)) => {
            Err(wrong(&format!("{field}.value_env"), "is for the settings file; give `value`"))
        }
        None => Ok(config),
    }
}

/// Puts in what is named and not given: of secrets by their id, and of the credential.
fn keep(
    settings: &mut Map<String, Value>,
    before: &Map<String, Value>,
) -> Result<(), CommandError> {
    let secrets = settings.get_mut("secrets").and_then(Value::as_array_mut);
    for secret in secrets.into_iter().flatten().filter_map(Value::as_object_mut) {
        if secret.contains_key("value") {
            continue;
        }
        let known = before.get("secrets").and_then(Value::as_array).into_iter().flatten();
        let mut known = known.filter(|known| known.get("id") == secret.get("id"));
        let Some(Value::Object(known)) = known.next() else {
            return Err(wrong("secrets", "one has no `value`, and none of its `id` is kept"));
        };
        fill(secret, known);
    }
    let credential = settings.get_mut("authorization").and_then(Value::as_object_mut);
    if let Some(credential) = credential.filter(|given| !given.contains_key("value")) {
        match before.get("authorization") {
            Some(Value::Object(known)) => fill(credential, known),
            _ => return Err(wrong("authorization", "has no `value`, and none is kept")),
        }
    }
    Ok(())
}

fn fill(given: &mut Map<String, Value>, known: &Map<String, Value>) {
    for (name, value) in known {
        given.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

impl From<EndpointError> for CommandError {
    fn from(error: EndpointError) -> Self {
        wrong(error.setting, &error.cause)
    }
}

fn wrong(field: &str, cause: &str) -> CommandError {
    CommandError::Setting { field: field.to_owned(), cause: cause.to_owned() }
}
