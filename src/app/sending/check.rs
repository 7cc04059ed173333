//! What is checked of the settings of an endpoint, once.

use std::{collections::BTreeSet, net::IpAddr, ops::RangeInclusive};

use creditrail_sending::{Vetting, address::Range, body, signature::Key};
use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    EndpointConfig, EndpointError,
    endpoint::{host, is_told, kinds},
    example,
};
use crate::sources::signature::Secret;

/// Within which bounds a setting is that is a number.
fn bounds(setting: &str) -> Option<RangeInclusive<u64>> {
    match setting {
        "attempts" => Some(1..=50),
        "timeout_seconds" => Some(1..=120),
        "in_flight" => Some(1..=1000),
        "retry_after_seconds" => Some(0..=u32::MAX.into()),
        _ => None,
    }
}

/// What a setting must be that is a number.
pub(super) fn whole_number(setting: &str) -> String {
    let within =
        bounds(setting).map(|bounds| format!(" from {} to {}", bounds.start(), bounds.end()));
    format!("must be a whole number{}", within.unwrap_or_default())
}

/// Checks the settings of the endpoint of this name.
pub(super) struct Check(String);

impl Check {
    pub(super) fn of(config: &EndpointConfig) -> Self {
        Self(config.name.clone())
    }

    fn wrong<T>(
        &self,
        setting: &'static str,
        cause: impl Into<String>,
    ) -> Result<T, EndpointError> {
        Err(EndpointError { name: self.0.clone(), setting, cause: cause.into() })
    }

    pub(super) fn bounds(&self, config: &EndpointConfig) -> Result<(), EndpointError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.0.is_empty() || self.0.len() > 63 || !self.0.bytes().all(fits) {
            return self.wrong("name", "must be 1 to 63 of a-z, 0-9 and -");
        }
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        for (setting, given) in [
            ("attempts", config.attempts.into()),
            ("timeout_seconds", config.timeout_seconds),
            ("in_flight", wide(config.in_flight)),
        ] {
            if bounds(setting).is_some_and(|bounds| !bounds.contains(&given)) {
                return self.wrong(setting, whole_number(setting));
            }
        }
        Ok(())
    }

    pub(super) fn url(&self, config: &EndpointConfig) -> Result<Uri, EndpointError> {
        // A URL may have a token: it is not told.
        let Ok(url) = config.url.parse::<Uri>() else { return self.wrong("url", "is no URL") };
        let Some(authority) = url.authority() else { return self.wrong("url", "names no host") };
        if config.url.contains('#') {
            return self.wrong("url", "must not have a fragment: it is never sent");
        }
        if authority.as_str().contains('@') {
            return self.wrong("url", "must not have a user; give `authorization`");
        }
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if !port.is_empty() && port_of(&url).is_none_or(|port| port == 0) {
            return self.wrong("url", "must have a port from 1 to 65535, or none");
        }
        match url.scheme_str() {
            Some("https") if !config.allow_loopback && names_loopback(&url) => {
                self.wrong("url", "is on this machine, which needs `allow_loopback = true`")
            }
            Some("https") => Ok(url),
            Some("http") if config.allow_loopback && is_loopback(&url) => Ok(url),
            _ => self.wrong(
                "url",
                "must be https; http is for this machine alone, with `allow_loopback = true`",
            ),
        }
    }

    pub(super) fn vetting(
        &self,
        config: &EndpointConfig,
        url: &Uri,
    ) -> Result<Vetting, EndpointError> {
        let loopback = ["127.0.0.0/8", "::1/128"].map(str::to_owned);
        let loopback = loopback.iter().filter(|_| config.allow_loopback);
        let mut ranges = Vec::new();
        for range in config.allowed_ranges.iter().chain(loopback) {
            match range.parse::<Range>() {
                Ok(range) => ranges.push(range),
                Err(error) => return self.wrong("allowed_ranges", error.to_string()),
            }
        }
        let vetting = Vetting::allowing(ranges);
        if let Some(address) = literal(url)
            && let Err(refused) = vetting.vet(address)
        {
            return self.wrong("url", refused.to_string());
        }
        Ok(vetting)
    }

    pub(super) fn keys(
        &self,
        config: &EndpointConfig,
    ) -> Result<Vec<(Secret, Key)>, EndpointError> {
        if config.secrets.is_empty() {
            return self.wrong("secrets", "at least one is required: what is sent is signed");
        }
        let mut ids = BTreeSet::new();
        let mut keys = Vec::with_capacity(config.secrets.len());
        for secret in &config.secrets {
            let id = &secret.id;
            if !ids.insert(id) {
                return self.wrong("secrets", format!("two have the id `{id}`"));
            }
            let ends = secret.not_before.zip(secret.not_after);
            if ends.is_some_and(|(from, until)| from >= until) {
                return self.wrong("secrets", format!("`{id}` ends before it begins"));
            }
            if is_empty(&secret.value) {
                return self.wrong("secrets", format!("`{id}` has no value"));
            }
            match Key::of(&secret.value) {
                Ok(key) => keys.push((secret.clone(), key)),
                Err(error) => return self.wrong("secrets", format!("`{id}` {error}")),
            }
        }
        Ok(keys)
    }

    pub(super) fn authorization(
        &self,
        config: &EndpointConfig,
    ) -> Result<Option<HeaderValue>, EndpointError> {
        let Some(given) = &config.authorization else { return Ok(None) };
        if is_empty(&given.value) {
            return self.wrong("authorization", "has no value");
        }
        let Ok(mut value) = HeaderValue::from_str(given.value.expose_secret()) else {
            return self.wrong("authorization", "is no value of a header");
        };
        value.set_sensitive(true);
        Ok(Some(value))
    }

    pub(super) fn names(
        &self,
        config: &EndpointConfig,
        sources: &[&str],
    ) -> Result<(), EndpointError> {
        for source in &config.sources {
            if !sources.contains(&source.as_str()) {
                return self.wrong("sources", format!("there is no source `{source}`"));
            }
        }
        let fields: BTreeSet<_> = body::secret_fields().collect();
        for field in &config.secret_fields {
            if !fields.contains(field.as_str()) {
                let known: Vec<_> = fields.into_iter().collect();
                let cause = format!("`{field}` is not one of: {}", known.join(", "));
                return self.wrong("secret_fields", cause);
            }
        }
        for pattern in &config.events {
            let kind = pattern.split('.').next().unwrap_or_default();
            if pattern == "*" || is_told(kind) && pattern.strip_prefix(kind) == Some(".*") {
                continue;
            }
            if !is_told(kind) {
                let known = kinds().collect::<Vec<_>>().join(", ");
                let cause = format!("`{pattern}` begins with none of: {known}");
                return self.wrong("events", cause);
            }
            if !example::is_type(pattern) {
                let cause = format!("there is no event `{pattern}`; /v1/event-types has all");
                return self.wrong("events", cause);
            }
        }
        Ok(())
    }
}

fn is_empty(value: &SecretString) -> bool {
    value.expose_secret().is_empty()
}

/// The address that a URL names, if it names one.
fn literal(url: &Uri) -> Option<IpAddr> {
    host(url).parse().ok()
}

fn is_loopback(url: &Uri) -> bool {
    host(url) == "localhost" || literal(url).is_some_and(|address| address.is_loopback())
}

/// Whether a name is one of this machine, whoever looks it up.
fn names_loopback(url: &Uri) -> bool {
    let name = host(url).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The port of a URL: that of its scheme, if it names none.
pub(super) fn port_of(url: &Uri) -> Option<u16> {
    let authority = url.authority()?;
    match authority.as_str().strip_prefix(authority.host()) {
        Some("") => match url.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        },
        _ => authority.port_u16(),
    }
}
