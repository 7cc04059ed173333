//! Tokens: kept as hashes, sent in a header, or exchanged for a session.
//!
//! A token is `crk_NAME_` and 64 hexadecimal digits. It has 256 random bits, so a plain SHA-256 of
//! it is safe to keep. A session is a cookie that says whose it is and until when, sealed with a key
//! that the instances share; it ends with its token.

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::access::{Caller, Role};
use crate::app::{Clock, Creditrail};

/// The name of the cookie.
pub(super) const COOKIE: &str = "creditrail_session";
/// How long a session lasts.
pub(super) const SESSION: SignedDuration = SignedDuration::from_hours(12);

/// A token as it is configured: who has it, and its hash.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Who has it; it stands in the token. 1 to 63 of a-z, 0-9 and `-`.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// SHA-256 of the whole token, as 64 hexadecimal digits.
    pub sha256: TokenHash,
    /// When it ends, if it does.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
}

impl Token {
    /// Whether its name is one that a token can have.
    pub fn is_named(&self) -> bool {
        is_name(&self.name)
    }
}

/// Whether somebody who has a token can be named so: 1 to 63 of a-z, 0-9 and `-`.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 63 && name.bytes().all(fits)
}

/// SHA-256 of a token.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct TokenHash([u8; 32]);

impl TryFrom<String> for TokenHash {
    type Error = &'static str;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).map_err(|_| "is not 64 hexadecimal digits")?;
        Ok(Self(hash))
    }
}

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// As it stands in the settings.
    pub fn digits(&self) -> String {
        hex::encode(self.0)
    }

    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The configured tokens, and what sessions are sealed with.
pub struct Tokens {
    tokens: Vec<Token>,
    session_key: [u8; 32],
    clock: Clock,
}

impl Tokens {
    /// The tokens of a service. Instances with the same sealing key know each other's sessions.
    pub fn new(creditrail: &Creditrail, tokens: Vec<Token>) -> Self {
        Self { tokens, session_key: creditrail.session_key(), clock: creditrail.clock() }
    }

    /// Who calls with these headers: a token counts before a session.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        match headers.get(header::AUTHORIZATION) {
            Some(given) => self.holder(given.to_str().ok()?.strip_prefix("Bearer ")?),
            None => self.of_session(cookie(headers)?),
        }
    }

    /// Whose token it is.
    pub(super) fn holder(&self, token: &str) -> Option<Caller> {
        self.of(token).map(caller)
    }

    fn of(&self, token: &str) -> Option<&Token> {
        let hash = TokenHash::of(token.trim());
        // All are compared: how long it takes tells nothing.
        self.usable().filter(|known| known.sha256.is(&hash)).last()
    }

    /// The holder of a token, and the value of a session's cookie. It is sealed with this very token:
    /// another of the same name may have another role.
    pub(super) fn session(&self, token: &str) -> Option<(Caller, String)> {
        let token = self.of(token)?;
        let until = (self.clock)().saturating_add(SESSION).ok()?.as_second();
        let seal = hex::encode(self.seal(token, until));
        Some((caller(token), format!("{}.{until}.{seal}", token.name)))
    }

    fn of_session(&self, value: &str) -> Option<Caller> {
        let (name, rest) = value.split_once('.')?;
        let (until, seal) = rest.split_once('.')?;
        let (until, seal) = (until.parse::<i64>().ok()?, hex::decode(seal).ok()?);
        if until < (self.clock)().as_second() {
            return None;
        }
        let of_name = self.usable().filter(|token| token.name == name);
        of_name
            .filter(|token| bool::from(self.seal(token, until).ct_eq(seal.as_slice())))
            .last()
            .map(caller)
    }

    fn usable(&self) -> impl Iterator<Item = &Token> {
        let now = (self.clock)();
        self.tokens.iter().filter(move |token| token.not_after.is_none_or(|end| now < end))
    }

    fn seal(&self, token: &Token, until: i64) -> [u8; 32] {
        // A key of any length is taken, so the zeros are never used.
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.session_key) else { return [0; 32] };
        let mac = mac
            .chain_update(token.sha256.0)
            .chain_update(until.to_be_bytes())
            .chain_update(token.name.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn caller(token: &Token) -> Caller {
    Caller { name: token.name.clone(), role: token.role }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|all| all.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use super::*;

    fn tokens(now: &Arc<AtomicI64>, not_after: Option<i64>) -> Tokens {
        let time = |second| Timestamp::from_second(second).expect("a time");
        let token = |name: &str, role, secret: &str| Token {
            name: name.to_owned(),
            role,
            sha256: TokenHash::of(secret),
            not_after: not_after.map(time),
        };
        let now = Arc::clone(now);
        Tokens {
            tokens: vec![
                token("ada", Role::Support, "crk_ada_1"),
                token("bob", Role::Auditor, "crk_bob_1"),
                token("bob", Role::Viewer, "crk_bob_2"),
            ],
            session_key: [7; 32],
            clock: Arc::new(move || time(now.load(Ordering::Relaxed))),
        }
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header"))])
    }

    #[test]
    fn a_token_tells_who_calls() {
        let tokens = tokens(&Arc::default(), None);
        let by = |token: &str| tokens.caller(&headers(header::AUTHORIZATION, token));
        let ada = Caller { name: "ada".to_owned(), role: Role::Support };
        assert_eq!(by("Bearer crk_ada_1"), Some(ada));
        assert_eq!(by("Bearer crk_ada_2"), None);
        assert_eq!(by("Basic crk_ada_1"), None);
        assert_eq!(tokens.caller(&HeaderMap::new()), None);
    }

    #[test]
    fn a_session_is_of_the_very_token_that_opened_it() {
        let tokens = tokens(&Arc::default(), None);
        for (token, role) in [("crk_bob_1", Role::Auditor), ("crk_bob_2", Role::Viewer)] {
            let (_, session) = tokens.session(token).expect("a session");
            let known = tokens.caller(&headers(header::COOKIE, &format!("{COOKIE}={session}")));
            assert_eq!(known.map(|caller| caller.role), Some(role), "{token}");
        }
    }

    #[test]
    fn a_session_ends_by_itself_and_with_its_token() {
        let now = Arc::new(AtomicI64::new(0));
        let before = tokens(&now, Some(60));
        let (ada, session) = before.session("crk_ada_1").expect("a session");
        let by = |tokens: &Tokens, session: &str| {
            tokens.caller(&headers(header::COOKIE, &format!("a=b; {COOKIE}={session}")))
        };
        assert_eq!(by(&before, &session), Some(ada));
        assert_eq!(by(&before, &session.replace("ada", "bob")), None);
        assert_eq!(by(&before, &session.replacen(".4", ".5", 1)), None);
        now.store(60, Ordering::Relaxed);
        assert_eq!(by(&before, &session), None, "the token has ended");
        let lasting = tokens(&now, None);
        let (_, session) = lasting.session("crk_ada_1").expect("a session");
        assert!(by(&lasting, &session).is_some());
        now.store(60 + SESSION.as_secs() + 1, Ordering::Relaxed);
        assert_eq!(by(&lasting, &session), None, "the session has ended");
        let other_key = Tokens { session_key: [8; 32], ..tokens(&now, None) };
        assert_eq!(by(&other_key, &session), None);
    }
}
