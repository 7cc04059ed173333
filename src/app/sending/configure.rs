//! Endpoints that operators make, change and delete. They are kept in the database, their settings
//! sealed as a whole: a URL may have a token as well.

use creditrail_domain::access::Act;
use creditrail_projections::{Cell, Change, Write};
use secrecy::{ExposeSecret as _, zeroize::Zeroizing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Endpoint, LOG,
    endpoint::host,
    given::{config_of, holds_some_time, keep, wrong},
    record::deleted,
    steer::SteerEndpoint,
};
use crate::{
    app::{
        Creditrail,
        command::{CommandError, person, reason},
        read::ReadError,
        sealing::KeyError,
    },
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
        let mut recorded = None;
        loop {
            // Before what is kept: if that changes in between, nothing is written.
            let changes = self.store.passed(LOG).await.map_err(ReadError::from)?;
            let changes = changes.iter().find(|passed| passed.reader == CHANGES);
            let changes = changes.map_or(0, |passed| passed.position);
            let kept = self.store.kept_endpoints(LOG).await.map_err(ReadError::from)?;
            let kept = kept.into_iter().find(|kept| kept.name == name);
            let (act, about, change) = self.change(name, (&wanted, kept.as_ref()), changes + 1)?;
            // Once more only if what it replaces is another one than was recorded.
            if recorded.as_ref() != Some(&about) {
                self.record_access(act, &actor, (&about, &why)).await?;
                recorded = Some(about);
            }
            let paused = match wanted {
                Wanted::Deleted => vec![deleted(name.to_owned())],
                Wanted::Created(_) | Wanted::Replaced(_) => Vec::new(),
            };
            let projected = Projected {
                changes: vec![(&KEPT_ENDPOINTS, vec![change]), (&ENDPOINTS, paused)],
                bookmarks: vec![(CHANGES.into(), changes, changes + 1)],
                holder: None,
            };
            if self.store.project(LOG, projected).await.map_err(ReadError::from)? {
                break;
            }
        }
        Ok(self.look_for_endpoints().await.map_err(ReadError::from)?)
    }

    /// What is to be written, with what goes on record of it.
    fn change(
        &self,
        name: &str,
        (wanted, kept): (&Wanted, Option<&KeptEndpoint>),
        revision: i64,
    ) -> Result<(Act, String, Change), CommandError> {
        let not_found = || CommandError::NotFound { what: "endpoint", id: name.to_owned() };
        let (act, settings, before) = match (wanted, kept) {
            (Wanted::Created(_), Some(_)) => {
                return Err(CommandError::EndpointExists(name.to_owned()));
            }
            (Wanted::Created(settings), None) => (Act::EndpointCreated, settings.clone(), None),
            (Wanted::Replaced(_) | Wanted::Deleted, None) => return Err(not_found()),
            (Wanted::Replaced(settings), Some(kept)) => {
                let (mut settings, before) = (settings.clone(), self.opened_settings(kept)?);
                keep(&mut settings, &before)?;
                (Act::EndpointReplaced, settings, Some(before))
            }
            (Wanted::Deleted, Some(_)) => {
                return Ok((Act::EndpointDeleted, name.to_owned(), deleted(name.to_owned())));
            }
        };
        let endpoint = self.checked(&settings)?;
        let at = format!("{name} at {}", host(&endpoint.url));
        let about = before.map(|before| format!("{at}: {}", self.replaced(&before, &endpoint)));
        Ok((act, about.unwrap_or(at), self.sealed((name, revision), settings)?))
    }

    /// The endpoint that settings make.
    fn checked(&self, settings: &Map<String, Value>) -> Result<Endpoint, CommandError> {
        let sources: Vec<&str> = self.sources().collect();
        let config = config_of(settings)?;
        holds_some_time(&config, self.now())?;
        Ok(Endpoint::new(config, &sources)?)
    }

    /// The row of a kept endpoint.
    fn sealed(
        &self,
        (name, revision): (&str, i64),
        settings: Map<String, Value>,
    ) -> Result<Change, KeyError> {
        let plain = Zeroizing::new(Value::from(settings).to_string());
        let sealed = self.keyring.seal_whole(&context(name), plain.as_bytes())?;
        let cells = vec![Cell::from(revision), Cell::from(hex::encode(sealed).as_str())];
        Ok(Change { key: name.to_owned(), write: Write::Replace, position: revision, cells })
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
