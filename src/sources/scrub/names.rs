//! Finds the names of secret fields where none is recognised: in free text, forms, broken JSON.

use std::borrow::Cow;

use super::lexer::{self, Lexer, Piece, decode};

/// How often a text in a text is looked into.
const DEPTH: usize = 4;

/// Whether a body that is no JSON may hold a secret besides those that the lexer finds.
pub(super) fn are_astray(mut lexer: Lexer<'_>) -> bool {
    let (body, names) = (lexer.body, lexer.names);
    let mut rest = Vec::new();
    for piece in lexer.by_ref() {
        match piece {
            Piece::Secret { .. } => rest.push(b'#'),
            Piece::Text { at, key: true, .. } if lexer::is_name(&body[at.clone()], names) => {
                rest.push(b'#');
            }
            Piece::Text { at, .. } | Piece::Loose(at) => rest.extend_from_slice(&body[at]),
        }
    }
    lexer.astray || in_any_guise(&rest, |text| stand_in(text, names, |rest| !is_prose(rest)))
}

/// Whether a text holds a name with its value: before `=` or `:`.
pub(super) fn are_in(text: &[u8], names: &[&str]) -> bool {
    in_any_guise(text, |text| stand_in(text, names, is_assigned))
}

/// Whether a text passes, or does so without its escapes.
fn in_any_guise(text: &[u8], passes: impl Fn(&[u8]) -> bool) -> bool {
    let mut text = Cow::Borrowed(text);
    for _ in 0..DEPTH {
        if passes(&text) || text.contains(&b'%') && passes(&unpercent(&text)) {
            return true;
        }
        if !text.contains(&b'\\') {
            return false;
        }
        let plain: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\\').collect();
        if passes(&plain) {
            return true;
        }
        text = Cow::Owned(decode(&text).into_owned());
    }
    false
}

fn unpercent(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        let meant = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        plain.push(meant.unwrap_or(*byte));
        at += if meant.is_some() { 3 } else { 1 };
    }
    plain
}

/// Whether one of the names stands in a text, in any case, before what passes. A part of a longer
/// name is none.
fn stand_in(text: &[u8], names: &[&str], passes: impl Fn(&[u8]) -> bool) -> bool {
    names.iter().filter(|name| !name.is_empty()).any(|name| {
        (0..).zip(text.windows(name.len())).any(|(at, part)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            part.eq_ignore_ascii_case(name.as_bytes())
                && !goes_on(before.iter().rev())
                && !goes_on(after.iter())
                && passes(after)
        })
    })
}

/// Whether a name goes on with the bytes given.
fn goes_on<'a>(mut bytes: impl Iterator<Item = &'a u8>) -> bool {
    match bytes.next() {
        Some(b'-') => bytes.next().is_some_and(u8::is_ascii_alphanumeric),
        next => next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'),
    }
}

/// Whether a value is what follows a name.
fn is_assigned(rest: &[u8]) -> bool {
    let is_passed = |byte: &&u8| byte.is_ascii_whitespace() || b"\"'`])\\".contains(*byte);
    rest.iter().find(|byte| !is_passed(byte)).is_some_and(|byte| b"=:".contains(byte))
}

/// Whether a name is a word of a sentence, which goes on or ends.
fn is_prose(rest: &[u8]) -> bool {
    let rest = match rest.split_first() {
        Some((b'.' | b',' | b';' | b'!' | b'?', rest)) => rest,
        _ => rest,
    };
    let next = rest.trim_ascii_start();
    next.is_empty() || rest.starts_with(b" ") && next[0].is_ascii_alphanumeric()
}
