//! Cuts a body into strings, what stands between them, and the values of secret fields.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;

use super::cards::is_card;

/// A part of a body. What stands between a name and its value is passed over.
pub(super) enum Piece<'a> {
    /// The value of a secret field.
    Secret { field: &'a str, at: Range<usize> },
    /// A string, its opening quote and, if it is `closed`, its last one too.
    Text { at: Range<usize>, closed: bool, key: bool },
    /// What stands between strings.
    Loose(Range<usize>),
}

/// Cuts a body into pieces. It knows strings and escapes, and needs no valid JSON.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    pub(super) body: &'a Bytes,
    pub(super) names: &'a [&'a str],
    pub(super) json: bool,
    /// Whether a secret may go on where its value seems to end.
    pub(super) astray: bool,
    at: usize,
    secret: Option<(&'a str, Range<usize>)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(body: &'a Bytes, names: &'a [&'a str]) -> Self {
        let json = std::str::from_utf8(body)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        Self { body, names, json, astray: false, at: 0, secret: None }
    }

    fn text(&mut self, start: usize) -> Piece<'a> {
        let (end, closed) = end_of_text(self.body, start);
        self.at = end;
        if let Some(field) = self.secret_name(start) {
            if let Some(at) = self.value(end) {
                self.astray |= !self.json && !self.is_sure(&at);
                if self.is_secret(&at) {
                    self.at = at.end;
                    self.secret = Some((field, at));
                }
            }
            return Piece::Text { at: start..end, closed: true, key: true };
        }
        if closed && !self.json && self.secret_name(end - 1).is_some() {
            // A quote too many came before: what seems to close a text opens a name.
            self.at = end - 1;
            return Piece::Text { at: start..end - 1, closed: false, key: false };
        }
        let key = self.body.get(skip_space(self.body, end)) == Some(&b':');
        Piece::Text { at: start..end, closed, key }
    }

    /// The secret field whose name, in any case, opens at a quote.
    fn secret_name(&self, quote: usize) -> Option<&'a str> {
        let (end, closed) = end_of_text(self.body, quote);
        let name = closed.then(|| decode(&self.body[quote + 1..end - 1]))?;
        let field = self.names.iter().find(|field| field.as_bytes().eq_ignore_ascii_case(&name))?;
        (self.body.get(skip_space(self.body, end)) == Some(&b':')).then_some(*field)
    }

    /// Where the value stands whose name ends at `from`.
    fn value(&self, from: usize) -> Option<Range<usize>> {
        let start = skip_space(self.body, skip_space(self.body, from) + 1);
        let end = match self.body.get(start)? {
            b'"' => end_of_text(self.body, start).0,
            b'{' | b'[' => end_of_nest(self.body, start),
            _ => end_of_literal(self.body, start),
        };
        Some(start..end)
    }

    /// Whether a value is to be sealed: not nothing, and no card number, which is masked.
    fn is_secret(&self, at: &Range<usize>) -> bool {
        match &self.body[at.clone()] {
            b"" | b"null" | b"\"\"" => false,
            [b'{' | b'[', ..] => true,
            value => !is_card(&decode(value)),
        }
    }

    /// Whether a value in broken JSON surely ends where it seems to.
    fn is_sure(&self, at: &Range<usize>) -> bool {
        let next = self.body.get(skip_space(self.body, at.end));
        let value = &self.body[at.clone()];
        next.is_none_or(|next| matches!(next, b',' | b'}' | b']'))
            && (at.is_empty()
                || at.end == self.body.len()
                || serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok())
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((field, at)) = self.secret.take() {
            return Some(Piece::Secret { field, at });
        }
        let start = self.at;
        if *self.body.get(start)? == b'"' {
            return Some(self.text(start));
        }
        let rest = &self.body[start..];
        self.at = rest.iter().position(|byte| *byte == b'"').map_or(self.body.len(), |n| start + n);
        Some(Piece::Loose(start..self.at))
    }
}

/// Whether a closed string is one of the names.
pub(super) fn is_name(text: &[u8], names: &[&str]) -> bool {
    let name = decode(&text[1..text.len() - 1]);
    names.iter().any(|field| field.as_bytes().eq_ignore_ascii_case(&name))
}

pub(super) fn skip_space(body: &[u8], from: usize) -> usize {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    from + body.iter().skip(from).take_while(|byte| is_space(byte)).count()
}

/// Where the text ends that opens at a quote, and whether a quote closes it.
pub(super) fn end_of_text(body: &[u8], quote: usize) -> (usize, bool) {
    let mut escaped = false;
    for (at, byte) in body.iter().enumerate().skip(quote + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (at + 1, true),
            _ => {}
        }
    }
    (body.len(), false)
}

/// Where the object or list ends that opens at a bracket.
fn end_of_nest(body: &[u8], bracket: usize) -> usize {
    let (mut at, mut depth) = (bracket, 0_usize);
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => {
                at = end_of_text(body, at).0;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    body.len()
}

/// Where a number or another word ends. In broken JSON it may hold spaces and quotes.
fn end_of_literal(body: &[u8], start: usize) -> usize {
    let is_in = |byte: &u8| !matches!(byte, b',' | b'}' | b']' | b'\r' | b'\n');
    let word = &body[start..];
    let word = &word[..word.iter().position(|byte| !is_in(byte)).unwrap_or(word.len())];
    start + word.trim_ascii_end().len()
}

/// What a string means, without its quotes. Never fails: an escape that is none means itself.
pub(super) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut meant = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'\\', Some(b'u')) => {
                let (letter, after) = decode_unicode(&after[1..]);
                meant.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            (b'\\', Some(name)) => {
                meant.push(unescaped(*name));
                rest = &after[1..];
            }
            _ => meant.push(*byte),
        }
    }
    Cow::Owned(meant)
}

#[rustfmt::skip] // It is a table.
const fn unescaped(name: u8) -> u8 {
    match name { b'n' => b'\n', b't' => b'\t', b'r' => b'\r', b'b' => 8, b'f' => 12, same => same }
}

/// The letter whose `\u` has been read, and what follows it.
fn decode_unicode(text: &[u8]) -> (char, &[u8]) {
    let unit = |text: &[u8]| {
        let digits = text.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(high) = unit(text) else { return ('u', text) };
    let after = &text[4..];
    if let Some(letter) = char::from_u32(high) {
        return (letter, after);
    }
    let low = after.strip_prefix(b"\\u").and_then(unit);
    match low.filter(|low| high < 0xDC00 && (0xDC00..0xE000).contains(low)) {
        // Two halves always make a letter.
        Some(low) => {
            let letter = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER), &after[6..])
        }
        None => (char::REPLACEMENT_CHARACTER, after),
    }
}
