//! What is done to a webhook's body before it is decoded, hashed or stored: the values of secret
//! fields are sealed, and numbers that look like card numbers are masked.
//!
//! Read [`scrub`] first, then `Pass`, and of the parts: `lexer` (what stands in a body),
//! `needles` (where a secret is repeated), `names` (where a secret may stand unrecognised), `cards`
//! (what looks like a card number). All work is linear in the body.

mod again;
mod cards;
mod lexer;
mod names;
mod needles;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashSet, ops::Range};

use bytes::Bytes;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use self::again::again;
use self::{
    cards::{looks_like, mask},
    lexer::{Lexer, Piece, decode, end_of_text},
    needles::Needles,
};

/// A body without secrets and without card numbers.
#[derive(Debug)]
pub struct Scrubbed {
    /// The body; the one that came if there was nothing to do.
    pub body: Bytes,
    /// The secrets that stood in it, each once, in order.
    pub secrets: Vec<Found>,
    /// How many card numbers were masked.
    pub masked: usize,
}

/// A secret that stood in a body.
#[derive(Debug)]
pub struct Found {
    /// What stands for it. The same token always has the same reference.
    pub reference: Uuid,
    /// The name nearest before it; empty if there is none that may be shown.
    pub field: String,
    /// The token as it stood, quotes and escapes too. In hexadecimal after `hex:` if it is no
    /// UTF-8.
    pub value: SecretString,
}

const PREFIX: &str = "sealed:";
const UUID_LEN: usize = 36;
const HEX: &str = "hex:";

/// Replaces the values of `secret_fields` by references, and masks card numbers.
///
/// A text that repeats a secret, that has such a field inside, or that could be taken for a
/// reference is sealed as a whole. So is a body that is no UTF-8, and one that is no JSON and may
/// hold a secret elsewhere than in the value of a field. A card number is no secret: in a secret
/// field too it is masked.
pub fn scrub(body: &Bytes, secret_fields: &[&str]) -> Scrubbed {
    let lexer = Lexer::new(body, secret_fields);
    let needles = Needles::of(lexer.clone());
    let is_text = lexer.json || !body.contains(&0) && std::str::from_utf8(body).is_ok();
    if is_text && (lexer.json || !names::are_astray(lexer.clone())) {
        let pass = Pass::new(lexer.clone(), &needles, true).run();
        if pass.is_sound() {
            return pass.finish();
        }
    }
    // What has two or four bytes for each letter is masked as if it had one.
    let narrow: Bytes = body.iter().copied().filter(|byte| *byte != 0).collect();
    let wide = (narrow.len() < body.len())
        .then(|| Pass::new(Lexer::new(&narrow, secret_fields), &needles, false).run())
        .filter(|pass| pass.masked > 0);
    let mut whole = wide.unwrap_or_else(|| Pass::new(lexer, &needles, false).run());
    let masked = std::mem::take(&mut whole.out);
    whole.seal(String::new(), &masked);
    whole.finish()
}

/// Whether a text has something in it that looks like a card number.
pub fn has_card_number(text: &str) -> bool {
    cards::mask(text.as_bytes()).is_some()
}

/// A text with what looks like a card number masked.
pub fn masked(text: &str) -> String {
    let masked = cards::mask(text.as_bytes());
    masked.map_or_else(
        || text.to_owned(),
        |(masked, _)| String::from_utf8_lossy(&masked).into_owned(),
    )
}

/// The reference in a text that stands in place of a secret.
pub fn reference(text: &str) -> Option<Uuid> {
    let name = text.strip_prefix(PREFIX).filter(|name| name.len() == UUID_LEN)?;
    let reference = Uuid::try_parse(name).ok()?;
    (reference.to_string() == name).then_some(reference)
}

/// The reference of a token, out of 122 bits of its hash: the same token has the same one.
fn reference_of(token: &[u8]) -> Uuid {
    let digest = Sha256::new().chain_update("creditrail secret").chain_update(token).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The references in a body, and where they stand, quotes and all.
pub fn references(body: &[u8]) -> impl Iterator<Item = (Range<usize>, Uuid)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + body[at..].iter().position(|byte| *byte == b'"')?;
            at = start + 1;
            if !body[at..].starts_with(PREFIX.as_bytes()) {
                continue;
            }
            let end = at + PREFIX.len() + UUID_LEN;
            let text = body.get(at..end).and_then(|text| std::str::from_utf8(text).ok());
            if body.get(end) == Some(&b'"')
                && let Some(reference) = text.and_then(reference)
            {
                at = end + 1;
                return Some((start..at, reference));
            }
        }
    })
}

/// Whether a text could be taken for a reference, or holds what could.
fn has_reference(text: &[u8]) -> bool {
    let length = PREFIX.len() + UUID_LEN;
    text.windows(length).any(|part| {
        part.starts_with(PREFIX.as_bytes())
            && std::str::from_utf8(part).ok().and_then(reference).is_some()
    })
}

fn of_token(token: &[u8]) -> String {
    match std::str::from_utf8(token) {
        Ok(text) if !text.starts_with(HEX) => text.to_owned(),
        _ => format!("{HEX}{}", hex::encode(token)),
    }
}

/// One way through a body, which writes the scrubbed one.
struct Pass<'a> {
    lexer: Lexer<'a>,
    needles: &'a Needles,
    /// Whether secrets are sealed. If not, card numbers alone are masked.
    sealing: bool,
    out: Vec<u8>,
    copied: usize,
    secrets: Vec<Found>,
    seen: HashSet<Uuid>,
    sealed: Vec<Uuid>,
    masked: usize,
    /// The name nearest before, and whether the next value is its own.
    key: Range<usize>,
    is_value: bool,
}

impl<'a> Pass<'a> {
    fn new(lexer: Lexer<'a>, needles: &'a Needles, sealing: bool) -> Self {
        Self {
            lexer,
            needles,
            sealing,
            out: Vec::new(),
            copied: 0,
            secrets: Vec::new(),
            seen: HashSet::new(),
            sealed: Vec::new(),
            masked: 0,
            key: 0..0,
            is_value: false,
        }
    }

    fn run(mut self) -> Self {
        for piece in self.lexer.clone() {
            match piece {
                Piece::Secret { field, at } => {
                    self.copy(at.start);
                    self.copied = at.end;
                    let value = self.masked_secret(at);
                    if self.sealing {
                        self.seal(field.to_owned(), &value);
                    } else {
                        self.out.extend_from_slice(&value);
                    }
                }
                Piece::Text { at, closed, key } => self.text(at, closed, key),
                Piece::Loose(at) if self.lexer.json => self.literals(at),
                Piece::Loose(at) => self.free_text(at),
            }
        }
        if !self.is_as_it_came() || !self.sealing {
            self.copy(self.lexer.body.len());
        }
        self
    }

    fn is_as_it_came(&self) -> bool {
        self.sealed.is_empty() && self.masked == 0
    }

    fn written(&self) -> &[u8] {
        if self.is_as_it_came() { self.lexer.body } else { &self.out }
    }

    /// Whether what is written restores, and has no secret left. Only in broken JSON may one be
    /// left, where it is repeated outside of strings.
    fn is_sound(&self) -> bool {
        let body = self.written();
        references(body).map(|(_, reference)| reference).eq(self.sealed.iter().copied())
            && (self.lexer.json || !self.needles.are_in(body))
    }

    fn finish(self) -> Scrubbed {
        let body = if self.is_as_it_came() { self.lexer.body.clone() } else { self.out.into() };
        Scrubbed { body, secrets: self.secrets, masked: self.masked }
    }

    fn copy(&mut self, end: usize) {
        self.out.extend_from_slice(&self.lexer.body[self.copied..end]);
        self.copied = end;
    }

    fn seal(&mut self, field: String, token: &[u8]) {
        let value = of_token(token);
        let reference = reference_of(value.as_bytes());
        self.out.extend_from_slice(format!("\"{PREFIX}{reference}\"").as_bytes());
        self.sealed.push(reference);
        if self.seen.insert(reference) {
            self.secrets.push(Found { reference, field, value: value.into() });
        }
    }

    /// The value of a secret field without card numbers. An address is left as it is, to be of use.
    fn masked_secret(&mut self, at: Range<usize>) -> Cow<'a, [u8]> {
        let value = &self.lexer.body[at.clone()];
        let (text, count) = match value.first() {
            Some(b'{' | b'[') => {
                let part = self.lexer.body.slice(at);
                let pass = Pass::new(Lexer::new(&part, &[]), self.needles, false).run();
                (pass.out, pass.masked)
            }
            Some(b'"') => {
                let closed = end_of_text(value, 0).1;
                let meant = decode(&value[1..value.len() - usize::from(closed)]);
                let is_address = meant.windows(3).any(|part| part == b"://");
                let exempt = is_address || is_time(&meant);
                let masked = if exempt { None } else { mask(&meant) };
                let escape = value.contains(&b'\\');
                masked.map_or_else(Default::default, |(text, count)| {
                    (quoted(&text, escape, closed), count)
                })
            }
            _ => mask(value).unwrap_or_default(),
        };
        self.masked += count;
        if count == 0 { Cow::Borrowed(value) } else { Cow::Owned(text) }
    }

    fn name(&self) -> Cow<'a, [u8]> {
        decode(&self.lexer.body[self.key.clone()])
    }

    /// Whether the name nearest before is that of an id. What a secret field has may be anything.
    fn is_id(&self) -> bool {
        let name = self.name();
        let is_secret =
            self.lexer.names.iter().any(|field| field.as_bytes().eq_ignore_ascii_case(&name));
        !is_secret && (&*name == b"id" || name.ends_with(b"_id") || name.ends_with(b"Id"))
    }

    fn text(&mut self, at: Range<usize>, closed: bool, key: bool) {
        let raw = &self.lexer.body[at.clone()];
        let inner = at.start + 1..at.end - usize::from(closed);
        let meant = decode(&self.lexer.body[inner.clone()]);
        let exempt = self.is_value && !key && self.is_id() || is_time(&meant);
        let masked = if exempt && self.lexer.json { None } else { mask(&meant) };
        let replacement = masked.map(|(text, count)| {
            self.masked += count;
            quoted(&text, raw.contains(&b'\\'), closed)
        });
        let hidden = self.sealing && self.must_be_sealed(&meant);
        self.is_value = false;
        if hidden || replacement.is_some() {
            self.copy(at.start);
            self.copied = at.end;
        }
        let clean = replacement.as_deref();
        match clean {
            _ if hidden => {
                let name = if key { Cow::default() } else { self.name() };
                self.seal(String::from_utf8_lossy(&name).into_owned(), clean.unwrap_or(raw));
            }
            Some(text) => self.out.extend_from_slice(text),
            None => {}
        }
        if key {
            // A name that is hidden is not told with what stands under it.
            self.key = if hidden || clean.is_some() { 0..0 } else { inner };
            self.is_value = true;
        }
    }

    fn must_be_sealed(&self, meant: &[u8]) -> bool {
        self.needles.are_in(meant) || has_reference(meant) || names::are_in(meant, self.lexer.names)
    }

    /// The numbers and other words between the strings of valid JSON.
    fn literals(&mut self, at: Range<usize>) {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let mut next = at.start;
        while next < at.end {
            let start = next;
            let word = self.lexer.body[start..at.end].iter().take_while(|byte| is_word(**byte));
            next += word.count();
            if next > start {
                self.literal(start..next);
            } else {
                let outside = matches!(self.lexer.body[next], b'[' | b']' | b'{' | b'}' | b',');
                self.is_value &= !outside;
                next += 1;
            }
        }
    }

    fn literal(&mut self, at: Range<usize>) {
        let token = &self.lexer.body[at.clone()];
        let name = self.name();
        let exempt = self.is_value && (self.is_id() || &*name == b"amount");
        let masked = if exempt { None } else { mask(token) };
        let hidden = self.sealing && self.needles.are_in(token);
        if hidden {
            self.copy(at.start);
            self.seal(String::from_utf8_lossy(&name).into_owned(), token);
            self.copied = at.end;
        } else if let Some((text, count)) = masked {
            self.masked += count;
            self.copy(at.start);
            self.out.extend_from_slice(&quoted(&text, false, true));
            self.copied = at.end;
        }
    }

    /// What stands between the strings of broken JSON.
    fn free_text(&mut self, at: Range<usize>) {
        if let Some((text, count)) = mask(&self.lexer.body[at.clone()]) {
            self.masked += count;
            self.copy(at.start);
            self.out.extend_from_slice(&text);
            self.copied = at.end;
        }
    }
}

/// A text in quotes, or with the first alone if it is not `closed`.
fn quoted(text: &[u8], escape: bool, closed: bool) -> Vec<u8> {
    let mut token = if escape {
        serde_json::Value::from(String::from_utf8_lossy(text)).to_string().into_bytes()
    } else {
        [b"\"", text, b"\""].concat()
    };
    if !closed {
        token.pop();
    }
    token
}

/// Whether a text is an RFC 3339 time by its looks.
fn is_time(text: &[u8]) -> bool {
    let Some((start, rest)) = text.split_at_checked(19) else { return false };
    let fraction = match rest.strip_prefix(b".") {
        Some(rest) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count() + 1,
        None => 0,
    };
    let is_start = looks_like(start, b"0000-00-00T00:00:00")
        || looks_like(start, b"0000-00-00t00:00:00")
        || looks_like(start, b"0000-00-00 00:00:00");
    let zone = &rest[fraction..];
    is_start
        && (looks_like(zone, b"Z")
            || looks_like(zone, b"z")
            || looks_like(zone, b"+00:00")
            || looks_like(zone, b"-00:00"))
}
