//! What a settings file says, as it goes on record: everything by its path, of a secret its fingerprint.

use std::collections::BTreeMap;

use http::Uri;
use secrecy::SecretString;
use serde_json::Value;

use crate::app::Creditrail;

/// Settings that are secrets or may have one in them.
const HIDDEN: [&str; 4] = ["authorization", "sha256", "url", "value"];
/// What ends the name of a setting that names the variable of the environment with a secret.
const OF_ENVIRONMENT: &str = "_env";

/// What a settings file says.
#[derive(Debug, Default)]
pub struct InForce {
    plain: BTreeMap<String, String>,
    secrets: Vec<(String, SecretString)>,
}

impl InForce {
    /// Of the text of a file that was read as settings.
    pub fn of(text: &str) -> Self {
        let mut in_force = Self::default();
        in_force.note(String::new(), toml::from_str(text).unwrap_or_default());
        let version = env!("CARGO_PKG_VERSION").to_owned();
        in_force.plain.insert("creditrail".to_owned(), version);
        in_force
    }

    /// As it goes on record.
    pub fn told(self, creditrail: &Creditrail) -> BTreeMap<String, String> {
        let fingerprint = |(path, secret)| (path, creditrail.fingerprint(&secret));
        self.plain.into_iter().chain(self.secrets.into_iter().map(fingerprint)).collect()
    }

    /// Notes a setting, or those of a table. Tables of a list go by their names or ids.
    fn note(&mut self, path: String, value: Value) {
        match value {
            Value::Object(table) => {
                for (key, value) in table {
                    let whole = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    match value {
                        Value::String(text) => self.note_text(whole, &key, text),
                        other => self.note(whole, other),
                    }
                }
            }
            Value::Array(items) if items.iter().all(Value::is_object) => {
                for (place, item) in items.into_iter().enumerate() {
                    let name = ["name", "id"].into_iter().find_map(|key| item[key].as_str());
                    let name = name.map_or_else(|| place.to_string(), str::to_owned);
                    self.note(format!("{path}[{name}]"), item);
                }
            }
            other => drop(self.plain.insert(path, other.to_string())),
        }
    }

    fn note_text(&mut self, path: String, key: &str, text: String) {
        if let Some(secret) = path.strip_suffix(OF_ENVIRONMENT) {
            if let Ok(value) = std::env::var(&text) {
                self.secrets.push((secret.to_owned(), value.into()));
            }
            self.plain.insert(path, text);
        } else if HIDDEN.contains(&key) {
            // Who is called is no secret.
            let host = text.parse::<Uri>().ok().and_then(|url| Some(url.host()?.to_owned()));
            if let Some(host) = host.filter(|_| key == "url") {
                self.plain.insert(format!("{path}.host"), host);
            }
            self.secrets.push((path, text.into()));
        } else {
            self.plain.insert(path, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn everything_is_noted_by_its_path_and_what_may_be_secret_apart() {
        let in_force = InForce::of(
            r#"
            [database]
            url = "postgres://ada:hush-1@db.example/creditrail"
            [[source]]
            name = "imprint"
            kind = "imprint"
            policies = { capture_after_void = "refuse", tolerance = 5 }
            secrets = [{ id = "one", value = "hush-2" }, { id = "two", value_env = "CARGO_PKG_NAME" }]
            [[endpoint]]
            name = "crm"
            url = "https://hooks.example/hush-3?token=hush-4"
            events = ["transaction.*"]
            authorization = { value = "hush-5" }
            [[audit.sink]]
            name = "s"
            authorization = "hush-6"
            [[token]]
            name = "ada"
            sha256 = "hush-7"
            "#,
        );
        let plain: Vec<String> =
            in_force.plain.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let version = format!("creditrail = {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            plain,
            [
                "audit.sink[s].name = s",
                version.as_str(),
                "database.url.host = db.example",
                "endpoint[crm].events = [\"transaction.*\"]",
                "endpoint[crm].name = crm",
                "endpoint[crm].url.host = hooks.example",
                "source[imprint].kind = imprint",
                "source[imprint].name = imprint",
                "source[imprint].policies.capture_after_void = refuse",
                "source[imprint].policies.tolerance = 5",
                "source[imprint].secrets[one].id = one",
                "source[imprint].secrets[two].id = two",
                "source[imprint].secrets[two].value_env = CARGO_PKG_NAME",
                "token[ada].name = ada",
            ]
        );
        let mut secrets: Vec<(&str, &str)> = in_force
            .secrets
            .iter()
            .map(|(path, secret)| (path.as_str(), secret.expose_secret()))
            .collect();
        secrets.sort_unstable();
        assert_eq!(
            secrets,
            [
                ("audit.sink[s].authorization", "hush-6"),
                ("database.url", "postgres://ada:hush-1@db.example/creditrail"),
                ("endpoint[crm].authorization.value", "hush-5"),
                ("endpoint[crm].url", "https://hooks.example/hush-3?token=hush-4"),
                ("source[imprint].secrets[one].value", "hush-2"),
                ("source[imprint].secrets[two].value", "creditrail"),
                ("token[ada].sha256", "hush-7"),
            ]
        );
    }
}
