//! Strict reading of JSON: duplicate keys are refused, numbers stay as they are written, and
//! every fault names its field.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use creditrail_domain::Currency;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::scrub;

/// How deep a body may be nested.
const MAX_DEPTH: usize = 64;
/// How long an id may be, in bytes.
const MAX_ID: usize = 255;
/// How many digits the largest amount of minor units has.
const MAX_DIGITS: usize = 19;

/// What is wrong with which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field, such as `data.amount`; empty for the body as a whole.
    pub field: String,
    /// What is wrong, without quoting what could be a secret.
    pub cause: String,
}

impl Fault {
    /// A fault of a field.
    pub fn new(field: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { field: field.into(), cause: cause.into() }
    }
}

impl Fault {
    /// The fault of a field within the field given.
    fn below(self, field: &str) -> Self {
        let field = match (field, self.field.as_str()) {
            ("", inner) => inner.to_owned(),
            (outer, "") => outer.to_owned(),
            (outer, inner) => format!("{outer}.{inner}"),
        };
        // A body can make its paths as long as itself.
        Self { field: field.chars().take(MAX_ID).collect(), ..self }
    }
}

/// SHA-256 in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The fields of a JSON object, with its path.
#[derive(Debug)]
pub struct Object<'a> {
    path: String,
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

struct Fields<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Distinct;
        impl<'de> Visitor<'de> for Distinct {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(Key(key)) = map.next_key()? {
                    if fields.insert(key, map.next_value()?).is_some() {
                        return Err(A::Error::custom("a key stands twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Distinct)
    }
}

/// A key that borrows from the body where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// The object that a whole body is.
    ///
    /// # Errors
    /// A [`Fault`] if the body is not UTF-8, not JSON, not an object, or has a key twice.
    pub fn of_body(body: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(body).map_err(|_| Fault::new("", "is not UTF-8"))?;
        let raw: &RawValue = serde_json::from_str(text)
            .map_err(|error| Fault::new("", format!("is not JSON ({})", place(&error))))?;
        Self::parse(raw, String::new())
    }

    fn parse(raw: &'a RawValue, path: String) -> Result<Self, Fault> {
        match serde_json::from_str::<Fields<'a>>(raw.get()) {
            Ok(Fields(fields)) => Ok(Self { path, fields }),
            Err(error) if raw.get().starts_with('{') => {
                Err(Fault::new(path, format!("cannot be read: {error}")))
            }
            Err(_) => Err(Fault::new(path, "must be an object")),
        }
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// The value of a field; `None` if it is absent or null.
    fn raw(&self, field: &str) -> Option<&'a RawValue> {
        self.fields.get(field).copied().filter(|raw| raw.get() != "null")
    }

    /// The value of a field as it is written; `None` if it is absent or null.
    pub fn as_written(&self, field: &str) -> Option<&'a str> {
        self.raw(field).map(RawValue::get)
    }

    /// The fault of a field.
    pub fn fault(&self, field: &str, cause: impl Into<String>) -> Fault {
        Fault::new(self.path_of(field), cause)
    }

    /// An object that must be there.
    ///
    /// # Errors
    /// A [`Fault`] if it is absent or no object.
    pub fn object(&self, field: &str) -> Result<Self, Fault> {
        self.optional_object(field)?.ok_or_else(|| self.fault(field, "is missing"))
    }

    /// An object that may be absent.
    ///
    /// # Errors
    /// A [`Fault`] if it is no object.
    pub fn optional_object(&self, field: &str) -> Result<Option<Self>, Fault> {
        self.raw(field).map(|raw| Self::parse(raw, self.path_of(field))).transpose()
    }

    /// A text; absent, null and empty are the same (the lender's SDK sends empty strings).
    ///
    /// # Errors
    /// A [`Fault`] if it is no text, or has a NUL character.
    pub fn text(&self, field: &str) -> Result<Option<String>, Fault> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let text: String =
            serde_json::from_str(raw.get()).map_err(|_| self.fault(field, "must be a string"))?;
        if text.contains('\0') {
            return Err(self.fault(field, "contains a NUL character"));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// A [`Fault`] if it is absent, empty or no text.
    pub fn required_text(&self, field: &str) -> Result<String, Fault> {
        self.text(field)?.ok_or_else(|| self.fault(field, "is missing"))
    }

    /// An id that may be absent, in its canonical spelling.
    ///
    /// # Errors
    /// A [`Fault`] if it is no text, or longer than 255 bytes.
    pub fn id(&self, field: &str) -> Result<Option<String>, Fault> {
        let id = self.text(field)?.map(|id| creditrail_domain::ids::canonical(&id));
        match id {
            Some(id) if id.len() > MAX_ID => {
                Err(self.fault(field, format!("is longer than {MAX_ID} bytes")))
            }
            id => Ok(id),
        }
    }

    /// An id that must be there.
    ///
    /// # Errors
    /// As [`Self::id`], and if it is absent.
    pub fn required_id(&self, field: &str) -> Result<String, Fault> {
        self.id(field)?.ok_or_else(|| self.fault(field, "is missing"))
    }

    /// A whole number of minor units, from 0 to `i64::MAX`. `5000.0`, `5e3` and `"5000"` are
    /// refused, not guessed at.
    ///
    /// # Errors
    /// A [`Fault`] if it is absent or anything else.
    pub fn minor_units(&self, field: &str) -> Result<i64, Fault> {
        let raw = self.raw(field).ok_or_else(|| self.fault(field, "is missing"))?.get();
        let fault = |cause: String| Err(self.fault(field, cause));
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return fault("must be an integer of minor units".to_owned());
        }
        match raw.parse::<i64>() {
            Ok(minor) if minor < 0 => fault("must not be negative".to_owned()),
            Ok(minor) => Ok(minor),
            Err(_) => fault(format!("must be at most {} minor units", i64::MAX)),
        }
    }

    /// An exact decimal of a currency as whole minor units, from 0 to `i64::MAX`. The number is
    /// read as it is written and never becomes a float; `"12.30"` is refused, and so is what has
    /// a fraction of a minor unit. `1e2` is 100.
    ///
    /// # Errors
    /// A [`Fault`] if it is absent or anything else.
    pub fn decimal(&self, field: &str, currency: Currency) -> Result<i64, Fault> {
        let raw = self.raw(field).ok_or_else(|| self.fault(field, "is missing"))?.get();
        if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(self.fault(field, "must be a number"));
        }
        let cause = match minor_units_of(raw, currency) {
            Ok(minor) => return Ok(minor),
            Err(NotMinor::Negative) => "must not be negative".to_owned(),
            Err(NotMinor::Fraction) => {
                format!("has more decimals than {currency}, which has {}", currency.exponent())
            }
            Err(NotMinor::TooLarge) => format!("must be at most {} minor units", i64::MAX),
        };
        Err(self.fault(field, cause))
    }

    /// The reference that stands in place of a secret.
    ///
    /// # Errors
    /// A [`Fault`] if something else stands there.
    pub fn secret(&self, field: &str) -> Result<Option<Uuid>, Fault> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        let reference = scrub::reference(&text);
        reference.map(Some).ok_or_else(|| self.fault(field, "is a secret that was not sealed"))
    }

    /// How many elements a list has; `None` if it is absent.
    ///
    /// # Errors
    /// A [`Fault`] if it is no list.
    pub fn list_length(&self, field: &str) -> Result<Option<usize>, Fault> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        serde_json::from_str::<Vec<&RawValue>>(raw.get())
            .map(|elements| Some(elements.len()))
            .map_err(|_| self.fault(field, "must be a list"))
    }

    /// Hash of the content, alike for any order of keys and any white space.
    ///
    /// # Errors
    /// A [`Fault`] if a key stands twice somewhere, a text cannot be decoded, or the nesting is
    /// deeper than 64.
    pub fn canonical_hash(&self) -> Result<String, Fault> {
        let mut canonical = String::with_capacity(1024);
        write_object(&self.fields, 0, &mut canonical).map_err(|fault| fault.below(&self.path))?;
        Ok(hash(canonical.as_bytes()))
    }
}

/// Why a number is no amount of minor units.
enum NotMinor {
    Negative,
    Fraction,
    TooLarge,
}

/// The minor units of a JSON number as it is written.
fn minor_units_of(raw: &str, currency: Currency) -> Result<i64, NotMinor> {
    let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let is_negative = digits.starts_with('-');
    let digits = digits.trim_start_matches('-').trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    if is_negative {
        return Err(NotMinor::Negative);
    }
    let significant = digits.trim_end_matches('0');
    let dropped = digits.len() - significant.len();
    // An exponent beyond an i32 is as good as an endless one: no amount has so many digits.
    let endless = if exponent.starts_with('-') { i32::MIN } else { i32::MAX };
    let shift = i64::from(exponent.parse::<i32>().unwrap_or(endless))
        + i64::from(currency.exponent())
        + i64::try_from(dropped).unwrap_or(i64::MAX)
        - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let zeros = usize::try_from(shift).map_err(|_| NotMinor::Fraction)?;
    if significant.len().saturating_add(zeros) > MAX_DIGITS {
        return Err(NotMinor::TooLarge);
    }
    format!("{significant}{}", "0".repeat(zeros)).parse().map_err(|_| NotMinor::TooLarge)
}

/// Where the JSON is broken; the parser's own words could quote the body.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn write_object(
    fields: &BTreeMap<Cow<'_, str>, &RawValue>,
    depth: usize,
    out: &mut String,
) -> Result<(), Fault> {
    out.push('{');
    for (key, raw) in fields {
        write_text(key, out);
        out.push(':');
        write_value(raw, depth + 1, out).map_err(|fault| fault.below(key))?;
        out.push(',');
    }
    out.push('}');
    Ok(())
}

fn write_value(raw: &RawValue, depth: usize, out: &mut String) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::new("", format!("is nested deeper than {MAX_DEPTH}")));
    }
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let object = Object::parse(raw, String::new())?;
            write_object(&object.fields, depth, out)
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> =
                serde_json::from_str(raw.get()).map_err(|_| Fault::new("", "cannot be read"))?;
            out.push('[');
            for element in elements {
                write_value(element, depth + 1, out)?;
                out.push(',');
            }
            out.push(']');
            Ok(())
        }
        Some(b'"') => {
            let text: Cow<'_, str> = serde_json::from_str::<Key<'_>>(raw.get())
                .map_err(|_| Fault::new("", "is no text that can be decoded"))?
                .0;
            write_text(&text, out);
            Ok(())
        }
        _ => {
            out.push_str(raw.get());
            Ok(())
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    // The length first, so that no two contents spell the same.
    out.push_str(&text.len().to_string());
    out.push(':');
    out.push_str(text);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str, read: impl Fn(&Object<'_>) -> Result<(), Fault>) -> String {
        let result = Object::of_body(body.as_bytes()).and_then(|object| read(&object));
        result.err().map_or_else(String::new, |fault| format!("{}: {}", fault.field, fault.cause))
    }

    #[test]
    fn an_amount_is_a_whole_number_and_nothing_else() {
        for (written, wrong) in [
            ("5000", ""),
            ("0", ""),
            ("-1", "amount: must not be negative"),
            ("5000.0", "amount: must be an integer of minor units"),
            ("5e3", "amount: must be an integer of minor units"),
            ("\"5000\"", "amount: must be an integer of minor units"),
            ("null", "amount: is missing"),
            (
                "123456789012345678901234567890",
                "amount: must be at most 9223372036854775807 minor units",
            ),
        ] {
            let body = format!("{{\"amount\":{written}}}");
            let got = fault(&body, |object| object.minor_units("amount").map(drop));
            assert_eq!(got, wrong, "{written}");
        }
    }

    #[test]
    fn a_decimal_becomes_minor_units_as_it_is_written() {
        for (currency, written, minor) in [
            ("USD", "123.45", Ok(12_345)),
            ("USD", "0.1", Ok(10)),
            ("USD", "0.10", Ok(10)),
            ("USD", "1e2", Ok(10_000)),
            ("USD", "1.2345E2", Ok(12_345)),
            ("USD", "12345e-2", Ok(12_345)),
            ("USD", "10.0000", Ok(1000)),
            ("USD", "-0.00", Ok(0)),
            ("USD", "92233720368547758.07", Ok(i64::MAX)),
            ("JPY", "5000", Ok(5000)),
            ("KWD", "1.234", Ok(1234)),
            ("USD", "123.455", Err("has more decimals than USD, which has 2")),
            ("JPY", "0.5", Err("has more decimals than JPY, which has 0")),
            ("USD", "1e-9999999999", Err("has more decimals than USD, which has 2")),
            ("USD", "-1", Err("must not be negative")),
            ("USD", "\"12.30\"", Err("must be a number")),
            ("USD", "true", Err("must be a number")),
            ("USD", "null", Err("is missing")),
            ("USD", "1e9999999999", Err("must be at most 9223372036854775807 minor units")),
            ("USD", "92233720368547758.08", Err("must be at most 9223372036854775807 minor units")),
        ] {
            let body = format!("{{\"amount\":{written}}}");
            let currency = Currency::from_code(currency).unwrap();
            let read = Object::of_body(body.as_bytes()).unwrap().decimal("amount", currency);
            assert_eq!(
                read.map_err(|fault| fault.cause),
                minor.map_err(str::to_owned),
                "{written}"
            );
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
        assert_ne!(fault(r#"{"a":1,"a":2}"#, |_| Ok(())), "");
        let hashed = |object: &Object<'_>| object.canonical_hash().map(drop);
        assert_ne!(fault(r#"{"a":[{"b":1,"\u0062":2}]}"#, hashed), "");
    }

    #[test]
    fn the_hash_sees_through_order_and_spacing_but_not_through_numbers() {
        let hash = |body: &str| Object::of_body(body.as_bytes()).unwrap().canonical_hash().unwrap();
        assert_eq!(hash(r#"{"a":1,"b":[2,"x"]}"#), hash(r#" {"b": [2, "\u0078"], "a":1}"#));
        assert_ne!(hash(r#"{"a":1}"#), hash(r#"{"a":1.0}"#));
        assert_ne!(hash(r#"{"a":123456789012345678901}"#), hash(r#"{"a":123456789012345678902}"#));
    }

    #[test]
    fn a_bottomless_body_is_refused() {
        let body = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let hashed = |object: &Object<'_>| object.canonical_hash().map(drop);
        assert_eq!(fault(&body, hashed), "a: is nested deeper than 64");
    }
}
