//! Signatures and credentials: constant-time comparison, several secrets, one window.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// How long ago a call may be signed.
pub const WINDOW_PAST: SignedDuration = SignedDuration::from_secs(300);
/// How far ahead of our clock a call may be signed.
pub const WINDOW_AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// A secret that may sign calls.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "settings of a secret by name")]
pub struct Secret {
    /// Its name, recorded with each delivery that it verified.
    pub id: String,
    /// The secret itself. It is shown nowhere. Empty is none.
    #[serde(default = "no_secret")]
    pub value: SecretString,
    /// The environment variable that holds the secret. Only the command line reads it.
    pub value_env: Option<String>,
    /// From when it holds.
    pub not_before: Option<Timestamp>,
    /// Until when it holds.
    pub not_after: Option<Timestamp>,
}

/// A value that a call must carry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "settings of a credential by name")]
pub struct Credential {
    /// The value. It is shown nowhere.
    #[serde(default = "no_secret")]
    pub value: SecretString,
    /// The environment variable that holds it. Only the command line reads it.
    pub value_env: Option<String>,
}

fn no_secret() -> SecretString {
    SecretString::from(String::new())
}

impl Secret {
    /// A secret that holds without end.
    pub fn new(id: impl Into<String>, value: SecretString) -> Self {
        Self { id: id.into(), value, value_env: None, not_before: None, not_after: None }
    }

    /// Whether it holds at `now` and is not empty.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|from| from <= now)
            && self.not_after.is_none_or(|until| now <= until)
            && !self.value.expose_secret().is_empty()
    }
}

/// A call whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The secret that signed it.
    pub secret_id: String,
    /// When it was signed, where the lender signs a time.
    pub signed_at: Option<Timestamp>,
    /// Whether it was signed outside the window.
    pub outside_window: bool,
}

/// Why a call is not accepted. The sender is told no more than that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The source has no secret that holds now.
    NoSecret,
    /// There is no signature, or it cannot be read.
    Unsigned,
    /// No secret made this signature.
    Mismatch,
    /// Signed too long ago, or ahead of time.
    OutsideWindow,
}

impl Rejection {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::NoSecret, Self::Unsigned, Self::Mismatch, Self::OutsideWindow];

    /// The stable code under which the call is kept.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSecret => "source_without_secret",
            Self::Unsigned => "signature_missing",
            Self::Mismatch => "signature_mismatch",
            Self::OutsideWindow => "outside_window",
        }
    }
}

/// Whether a time of signing is within the window.
pub fn is_within_window(signed_at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(signed_at);
    age <= WINDOW_PAST && -age <= WINDOW_AHEAD
}

/// HMAC-SHA256 of the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // An HMAC key may have any length: `new_from_slice` cannot fail (RFC 2104).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The id of the active secret for which `expected` makes one of the signatures given; `None` of
/// `expected` is a secret that is no key. All secrets are tried, so that the time taken tells
/// nothing.
pub fn matching<'a>(
    secrets: impl Iterator<Item = &'a Secret>,
    given: &[impl AsRef<[u8]>],
    expected: impl Fn(&[u8]) -> Option<[u8; 32]>,
) -> Option<&'a str> {
    let mut found = None;
    for secret in secrets {
        let Some(expected) = expected(secret.value.expose_secret().as_bytes()) else { continue };
        let is_equal = |given: &[u8]| expected.ct_eq(given);
        let is_one = given.iter().fold(Choice::from(0), |any, one| any | is_equal(one.as_ref()));
        if bool::from(is_one) {
            found = Some(secret.id.as_str());
        }
    }
    found
}
