//! Masks credentials in the headers that are kept.

use http::HeaderMap;

/// What stands in place of a secret.
pub const MASK: &str = "•••";

const CREDENTIAL_HEADERS: &[&str] =
    &["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

/// The headers as a JSON object, the values of credentials masked: of the usual headers, and of
/// those that are named.
pub fn headers(headers: &HeaderMap, secret: &[&str]) -> String {
    let mut shown = serde_json::Map::new();
    for (name, value) in headers {
        let is_secret =
            [CREDENTIAL_HEADERS, secret].iter().any(|names| names.contains(&name.as_str()));
        let value = if is_secret {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_headers_are_masked() {
        let mut given = HeaderMap::new();
        given.insert("authorization", http::HeaderValue::from_static("Bearer abc"));
        given.insert("x-a", http::HeaderValue::from_static("1"));
        assert_eq!(headers(&given, &[]), r#"{"authorization":"•••","x-a":"1"}"#);
        assert_eq!(headers(&given, &["x-a"]), r#"{"authorization":"•••","x-a":"•••"}"#);
    }
}
