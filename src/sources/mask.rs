//! Masks secrets in what people are shown.

use http::HeaderMap;

/// What stands in place of a secret.
pub const MASK: &str = "•••";

const CREDENTIAL_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

/// The headers as a JSON object, the values of credentials masked.
pub fn headers(headers: &HeaderMap) -> String {
    let mut shown = serde_json::Map::new();
    for (name, value) in headers {
        let value = if CREDENTIAL_HEADERS.contains(&name.as_str()) {
            MASK.to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let joined = match shown.get(name.as_str()).and_then(|known| known.as_str()) {
            Some(known) => format!("{known}, {value}"),
            None => value,
        };
        shown.insert(name.as_str().to_owned(), joined.into());
    }
    serde_json::Value::Object(shown).to_string()
}

/// A body as text, the values of the fields given masked. It need not be JSON: what looks like
/// such a field is masked in broken bodies too.
pub fn body(bytes: &[u8], fields: &[&str]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for field in fields {
        text = mask_field(&text, field);
    }
    text
}

fn mask_field(text: &str, field: &str) -> String {
    let name = format!("\"{field}\"");
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(&name) {
        let (before, after) = rest.split_at(place + name.len());
        masked.push_str(before);
        rest = after;
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        if let Some(inside) = value.and_then(|value| value.strip_prefix('"')) {
            masked.push_str(&after[..after.len() - inside.len()]);
            masked.push_str(MASK);
            rest = &inside[end_of_text(inside)..];
        }
    }
    masked.push_str(rest);
    masked
}

/// Where a JSON text ends whose opening quote has been read.
fn end_of_text(inside: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place,
            _ => {}
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_secret_fields_are_masked_wherever_they_stand() {
        let shown = body(br#"{"token" : "a\"b", "x":[{"token":"c"}], "t":"token"}"#, &["token"]);
        assert_eq!(shown, r#"{"token" : "•••", "x":[{"token":"•••"}], "t":"token"}"#);
        assert_eq!(body(br#"{"token":"abc"#, &["token"]), r#"{"token":"•••"#);
    }

    #[test]
    fn credentials_in_headers_are_masked() {
        let mut given = HeaderMap::new();
        given.insert("authorization", http::HeaderValue::from_static("Bearer abc"));
        given.insert("x-a", http::HeaderValue::from_static("1"));
        assert_eq!(headers(&given), r#"{"authorization":"•••","x-a":"1"}"#);
    }
}
