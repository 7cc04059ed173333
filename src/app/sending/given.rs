//! The settings of an endpoint as an operator gives them, and what differs from those before.

use std::collections::BTreeMap;

use http::Uri;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Endpoint, EndpointConfig, EndpointError,
    check::{port_of, whole_number},
    told::plain,
};
use crate::{
    app::{Creditrail, command::CommandError, in_force},
    failure::fault,
    sources::signature::Secret,
};

/// The settings of an endpoint, read as those of the file are.
///
/// # Errors
/// [`CommandError::Setting`], without what was given: it may be a secret.
pub(super) fn config_of(settings: &Map<String, Value>) -> Result<EndpointConfig, CommandError> {
    let config: EndpointConfig = serde_path_to_error::deserialize(Value::from(settings.clone()))
        .map_err(|error| {
            let (field, cause) = fault(&error);
            in_words(field, &cause)
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

/// What is wrong with a field, in plain words.
fn in_words(field: String, cause: &str) -> CommandError {
    let named = cause.split('`').nth(1).unwrap_or_default();
    if cause.starts_with("missing field ") {
        let is_whole = field == named;
        let field = if is_whole { field } else { format!("{field}.{named}") };
        return wrong(&field, "is required");
    }
    let (said, expected) = cause.rsplit_once(", expected ").unwrap_or((cause, ""));
    let all = expected.strip_prefix("one of ").unwrap_or(expected);
    let cause = match expected {
        _ if said.starts_with("unknown field ") => format!("is no setting; there are: {all}"),
        "u32" | "u64" | "usize" => whole_number(&field),
        "a boolean" => "must be true or false".to_owned(),
        "a sequence" => "must be a list".to_owned(),
        "" if said.starts_with("invalid ") => "is not as it should be".to_owned(),
        "" => said.to_owned(),
        expected => format!("must be {expected}"),
    };
    wrong(&field, &cause)
}

/// That one secret holds now or will: else nothing is ever sent.
///
/// # Errors
/// [`CommandError::Setting`].
pub(super) fn holds_some_time(config: &EndpointConfig, now: Timestamp) -> Result<(), CommandError> {
    let is_over = |secret: &Secret| secret.not_after.is_some_and(|until| until < now);
    if !config.secrets.is_empty() && config.secrets.iter().all(is_over) {
        return Err(wrong("secrets", "all have ended: nothing would be sent"));
    }
    Ok(())
}

/// Puts in what is named and not given: of secrets by their id, and of the credential. That goes
/// nowhere but where it went before.
///
/// # Errors
/// [`CommandError::Setting`]: nothing is kept of what is named.
pub(super) fn keep(
    settings: &mut Map<String, Value>,
    before: &Map<String, Value>,
) -> Result<(), CommandError> {
    // What is no URL is refused as such.
    let is_elsewhere = origin(settings).is_some_and(|now| origin(before) != Some(now));
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
            Some(Value::Object(_)) if is_elsewhere => {
                let cause = "needs its `value` anew: `url` has another scheme, host or port";
                return Err(wrong("authorization", cause));
            }
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

/// Scheme, host and port of the URL.
fn origin(settings: &Map<String, Value>) -> Option<(String, String, Option<u16>)> {
    let url = settings.get("url")?.as_str()?.parse::<Uri>().ok()?;
    let host = url.host()?.to_ascii_lowercase();
    Some((url.scheme_str()?.to_owned(), host, port_of(&url)))
}

impl Creditrail {
    /// What differs between the settings of an endpoint before and now, in words for the record: of
    /// secrets, the credential and the URL fingerprints alone.
    pub(super) fn replaced(&self, before: &Map<String, Value>, now: &Endpoint) -> String {
        // What cannot be read any more was nothing.
        let before = config_of(before).map(|config| self.on_record(&config)).unwrap_or_default();
        match in_force::differences(&before, &self.on_record(&now.config)) {
            all if all.is_empty() => "nothing changed".to_owned(),
            all => all.join("; "),
        }
    }

    fn on_record(&self, config: &EndpointConfig) -> BTreeMap<String, String> {
        let in_words =
            |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut settings: BTreeMap<String, String> =
            plain(config).into_iter().map(|(name, value)| (name, in_words(value))).collect();
        let url = config.url.parse::<Uri>().ok();
        let host = url.as_ref().and_then(Uri::authority).map(ToString::to_string);
        settings.extend(host.map(|host| ("url.host".to_owned(), host)));
        settings.insert("url".to_owned(), self.fingerprint(&config.url.as_str().into()));
        if let Some(given) = &config.authorization {
            let value = self.fingerprint(&given.value);
            settings.insert("authorization.value".to_owned(), value);
        }
        for secret in &config.secrets {
            let path = format!("secrets[{}]", secret.id);
            settings.insert(format!("{path}.value"), self.fingerprint(&secret.value));
            for (member, at) in [("not_before", secret.not_before), ("not_after", secret.not_after)]
            {
                settings.extend(at.map(|at| (format!("{path}.{member}"), at.to_string())));
            }
        }
        settings
    }
}

impl From<EndpointError> for CommandError {
    fn from(error: EndpointError) -> Self {
        wrong(error.setting, &error.cause)
    }
}

pub(super) fn wrong(field: &str, cause: &str) -> CommandError {
    CommandError::Setting { field: field.to_owned(), cause: cause.to_owned() }
}
