//! `creditrail.toml`: a wrong setting is named with its path and the allowed values.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use creditrail_domain::Policies;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Place, in_force::InForce};
use crate::{
    app::{Builder, Creditrail, proof::ProofConfig, sending::EndpointConfig},
    http::tokens::Token,
    sources::{SourceConfig, signature::Credential},
    store::postgres,
};

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: cannot be read (`creditrail --help` shows an example)", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// A setting is wrong.
    #[error("{path}: {setting}: {cause}", path = path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The path of the setting.
        setting: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// The settings of the binary.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    pub server: Server,
    #[serde(default)]
    pub database: Database,
    #[serde(default)]
    pub sealing: Sealing,
    #[serde(default)]
    pub audit: ProofConfig,
    #[serde(default)]
    pub source: Vec<SourceConfig>,
    #[serde(default)]
    pub endpoint: Vec<EndpointConfig>,
    #[serde(default)]
    pub token: Vec<Token>,
    /// As it goes on record.
    #[serde(skip)]
    pub in_force: InForce,
}

/// With what secrets of payloads are sealed: the first key seals, all open.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sealing {
    pub keys: Vec<Credential>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub listen: String,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub connections: NonZeroU32,
    pub migrate: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".to_owned() }
    }
}

const CONNECTIONS: NonZeroU32 = NonZeroU32::new(postgres::CONNECTIONS).unwrap();

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://creditrail.db".to_owned(), connections: CONNECTIONS, migrate: true }
    }
}

impl Settings {
    /// A service as the settings describe it, to be built.
    pub(super) fn builder(self) -> Builder {
        let Database { url, connections, migrate } = self.database;
        let builder = Creditrail::builder().database(url).connections(connections.get());
        let keys = self.sealing.keys.into_iter().map(|key| key.value);
        let builder = keys.fold(builder.migrate(migrate), Builder::sealing_key).proof(self.audit);
        let builder = self.source.into_iter().fold(builder, Builder::source);
        self.endpoint.into_iter().fold(builder, Builder::endpoint)
    }
}

/// Reads the settings, and what overrides them.
///
/// # Errors
/// [`SettingsError`].
pub fn read(place: &Place) -> Result<Settings, SettingsError> {
    let path = &place.config;
    let unreadable = |cause| SettingsError::Unreadable { path: path.clone(), cause };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mut settings = parse(&text, path)?;
    settings.in_force = InForce::of(&text);
    if let Some(listen) = &place.listen {
        settings.server.listen.clone_from(listen);
    }
    if let Some(url) = &place.database {
        settings.database.url.clone_from(url);
    }
    Ok(settings)
}

/// The policies of the sources of a file; what else is in it, such as secrets, is not looked at.
///
/// # Errors
/// [`SettingsError`].
pub fn policies(path: &Path) -> Result<BTreeMap<String, Policies>, SettingsError> {
    #[derive(Deserialize)]
    struct Before {
        source: Vec<Source>,
    }
    #[derive(Deserialize)]
    struct Source {
        name: String,
        #[serde(default)]
        policies: Policies,
    }
    let unreadable = |cause| SettingsError::Unreadable { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let before: Before = toml::from_str(&text).map_err(|error| SettingsError::Wrong {
        path: path.to_owned(),
        setting: line_of(&text, error.span()),
        cause: error.message().to_owned(),
    })?;
    Ok(before.source.into_iter().map(|source| (source.name, source.policies)).collect())
}

fn parse(text: &str, path: &Path) -> Result<Settings, SettingsError> {
    let wrong = |setting: String, cause: String| SettingsError::Wrong {
        path: path.to_owned(),
        setting,
        cause,
    };
    let document = toml::Deserializer::parse(text)
        .map_err(|error| wrong(line_of(text, error.span()), error.message().to_owned()))?;
    let mut settings: Settings = serde_path_to_error::deserialize(document)
        .map_err(|error| wrong(error.path().to_string(), error.inner().message().to_owned()))?;
    for (place, token) in settings.token.iter().enumerate() {
        if !token.is_named() {
            let cause = format!("`{}` must be 1 to 63 of a-z, 0-9 and -", token.name);
            return Err(wrong(format!("token[{place}].name"), cause));
        }
    }
    if settings.source.is_empty() {
        return Err(wrong("source".to_owned(), "at least one [[source]] is required".to_owned()));
    }
    let from_environment =
        |setting: String, value: &mut SecretString, variable: &Option<String>| {
            let Some(variable) = variable else { return Ok(()) };
            let given = std::env::var(variable);
            let not_set = |_| wrong(setting, format!("the variable {variable} is not set"));
            *value = SecretString::from(given.map_err(not_set)?);
            Ok(())
        };
    for (place, source) in settings.source.iter_mut().enumerate() {
        for secret in &mut source.secrets {
            let setting = format!("source[{place}].secrets.value_env");
            from_environment(setting, &mut secret.value, &secret.value_env)?;
        }
        if let Some(given) = &mut source.authorization {
            let setting = format!("source[{place}].authorization.value_env");
            from_environment(setting, &mut given.value, &given.value_env)?;
        }
    }
    for (place, endpoint) in settings.endpoint.iter_mut().enumerate() {
        for secret in &mut endpoint.secrets {
            let setting = format!("endpoint[{place}].secrets.value_env");
            from_environment(setting, &mut secret.value, &secret.value_env)?;
        }
        if let Some(given) = &mut endpoint.authorization {
            let setting = format!("endpoint[{place}].authorization.value_env");
            from_environment(setting, &mut given.value, &given.value_env)?;
        }
    }
    for (place, key) in settings.sealing.keys.iter_mut().enumerate() {
        let setting = format!("sealing.keys[{place}].value_env");
        from_environment(setting, &mut key.value, &key.value_env)?;
    }
    for (place, sink) in settings.audit.sinks.iter_mut().enumerate() {
        let setting = format!("audit.sink[{place}].authorization_env");
        if sink.authorization_env.is_some() {
            let value = sink.authorization.get_or_insert_default();
            from_environment(setting, value, &sink.authorization_env)?;
        }
    }
    Ok(settings)
}

fn line_of(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        parse(text, Path::new("c.toml")).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_path_and_the_allowed_values() {
        let source = "[[source]]\nname = \"a\"\nkind = \"imprint\"\ncurrency = \"USD\"\n";
        assert_eq!(wrong(source), "");
        for (text, said) in [
            ("", "source: at least one [[source]] is required"),
            ("[server]\nport = 1", "server.port: unknown field `port`, expected `listen`"),
            (
                "[[source]]\nname = \"a\"\nkind = \"imprints\"\ncurrency = \"USD\"",
                "source[0].kind: unknown variant `imprints`, expected one of `imprint`, `card-onboarding`, `charge-after`",
            ),
            (
                "[[source]]\nname = \"a\"\nkind = \"imprint\"\ncurrency = \"usd\"",
                "source[0].currency: `usd` is no ISO 4217 currency code",
            ),
            (
                &format!(
                    "{source}[[token]]\nname = \"Ada\"\nrole = \"support\"\nsha256 = \"{}\"",
                    "0".repeat(64)
                ),
                "token[0].name: `Ada` must be 1 to 63 of a-z, 0-9 and -",
            ),
            (
                &format!("{source}[[token]]\nname = \"ada\"\nrole = \"admin\""),
                "token[0].role: unknown variant `admin`, expected one of `viewer`, `support`, `auditor`, `partner`, `operator`",
            ),
            (
                &format!("{source}[[token]]\nname = \"ada\"\nrole = \"viewer\"\nsha256 = \"abc\""),
                "token[0].sha256: is not 64 hexadecimal digits",
            ),
            (
                &format!("{source}[source.policies]\nvirtual_resume = \"allow\""),
                "source[0].policies.virtual_resume: unknown variant `allow`, expected `flag` or `refuse`",
            ),
        ] {
            assert_eq!(wrong(text), format!("c.toml: {said}"));
        }
    }
}
