//! What proves that a notification is ours: Standard Webhooks, or the scheme of the card onboarding
//! page.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks>, specification 1.0.0; "Signature
//! Verification" of the card onboarding page.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a secret of Standard Webhooks begins with; base64 follows.
const PREFIX: &str = "whsec_";
/// A shorter key is guessed too soon.
const LEAST: usize = 16;

/// How calls are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature` over `id.timestamp.body`: one
    /// signature for each secret.
    #[default]
    StandardWebhooks,
    /// `X-Card-Onboarding-Signature`, hexadecimal, over `timestamp:body`, with
    /// `X-Card-Onboarding-Timestamp`. It has room for one signature: that of the first secret.
    TimestampPayload,
}

/// A secret that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSecret {
    /// What stands behind `whsec_` is no base64.
    #[error("what follows `whsec_` is not base64")]
    NotBase64,
    /// It is too short.
    #[error("is shorter than {LEAST} bytes")]
    Short,
}

/// What signs.
#[derive(Clone, Debug)]
pub struct Key(SecretSlice<u8>);

impl Key {
    /// The key of a secret: base64 after `whsec_`, or else the bytes of the text itself.
    ///
    /// # Errors
    /// [`NoSecret`].
    pub fn of(secret: &SecretString) -> Result<Self, NoSecret> {
        let text = secret.expose_secret();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| NoSecret::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < LEAST { Err(NoSecret::Short) } else { Ok(Self(bytes.into())) }
    }

    fn mac(&self, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac.finalize().into_bytes().to_vec())
    }
}

/// The headers that prove a body, with lower-case names. `at` is when it is sent, to the second.
///
/// **shape**: with Standard Webhooks each secret has its signature, in the order given, so that a
/// receiver which knows one of them is content.
pub fn headers(
    scheme: Scheme,
    keys: &[Key],
    (id, at): (&str, Timestamp),
    body: &[u8],
) -> Vec<(&'static str, String)> {
    match scheme {
        Scheme::StandardWebhooks => {
            let time = at.as_second().to_string();
            let signed: &[&[u8]] = &[id.as_bytes(), b".", time.as_bytes(), b".", body];
            let one = |key: &Key| Some(format!("v1,{}", STANDARD.encode(key.mac(signed)?)));
            let all: Vec<String> = keys.iter().filter_map(one).collect();
            let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", time)];
            if !all.is_empty() {
                headers.push(("webhook-signature", all.join(" ")));
            }
            headers
        }
        Scheme::TimestampPayload => {
            let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
            let time = at.to_string();
            let mac = keys.first().and_then(|key| key.mac(&[time.as_bytes(), b":", body]));
            let mut headers =
                vec![("webhook-id", id.to_owned()), ("x-card-onboarding-timestamp", time)];
            if let Some(mac) = mac {
                headers.push(("x-card-onboarding-signature", hex::encode(mac)));
            }
            headers
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> Key {
        Key::of(&secret.into()).unwrap()
    }

    fn header(headers: &[(&str, String)], name: &str) -> String {
        headers.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    /// The vector of the specification and of its reference libraries.
    #[test]
    fn the_published_vector_passes() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let headers = headers(Scheme::StandardWebhooks, &[key], (id, at), body);
        assert_eq!(
            headers,
            [
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", "1614265330".to_owned()),
                ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()),
            ]
        );
    }

    #[test]
    fn while_secrets_change_each_has_its_signature() {
        let (old, new) = (key("an old secret of some length"), key("a new secret of some length"));
        let sign = |keys: &[Key]| {
            let at = Timestamp::from_second(1).unwrap();
            let headers = headers(Scheme::StandardWebhooks, keys, ("id", at), b"{}");
            header(&headers, "webhook-signature")
        };
        let both = sign(&[new.clone(), old.clone()]);
        assert_eq!(both, format!("{} {}", sign(&[new]), sign(&[old])));
    }

    /// By `openssl dgst -sha256 -hmac` over `2024-01-15T10:35:00Z:{}`.
    #[test]
    fn the_scheme_of_the_seed_signs_timestamp_and_payload() {
        let at = "2024-01-15T10:35:00.75Z".parse().unwrap();
        let keys = [key("imprint-signing-token"), key("another one of some length")];
        let headers = headers(Scheme::TimestampPayload, &keys, ("id", at), b"{}");
        assert_eq!(header(&headers, "x-card-onboarding-timestamp"), "2024-01-15T10:35:00Z");
        assert_eq!(
            header(&headers, "x-card-onboarding-signature"),
            "4c210c6088548c611b8c35f11128c16497f84833181dc46e080c9c76f48548df"
        );
    }

    #[test]
    fn what_is_no_secret_is_said_and_none_is_shown() {
        let of = |secret: &str| Key::of(&secret.into()).unwrap_err();
        assert_eq!(of("whsec_!"), NoSecret::NotBase64);
        assert_eq!(of("short"), NoSecret::Short);
        assert!(!format!("{:?}", key("an old secret of some length")).contains("old"));
    }
}
