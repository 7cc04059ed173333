//! The body of a command: strict JSON, whose faults name the field, or a form.

use std::collections::HashMap;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header::CONTENT_TYPE},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::failure::fault;

/// A JSON body whose faults are problems that name the field.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // Another type is one that a browser sends across sites without asking.
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            let detail = "Content-Type must be application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "content_type_unsupported", detail));
        }
        let bytes = match Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) => {
                return Err(Problem::new(error.status(), "body_unreadable", error.body_text()));
            }
        };
        // A list would be read field by field.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Problem::invalid("body", "must be a JSON object"));
        }
        if has_nul(&bytes) {
            return Err(Problem::invalid("body", "must not have the character U+0000"));
        }
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        serde_path_to_error::deserialize(&mut json).map(Self).map_err(|error| {
            let (field, cause) = fault(&error);
            Problem::invalid(field, cause)
        })
    }
}

/// The fields of a form in their order; one may stand several times.
pub struct Fields(pub Vec<(String, String)>);

/// The fields of a form, each once.
pub struct Form(pub HashMap<String, String>);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Fields(given) = Fields::from_request(request, state).await?;
        Ok(Self(given.into_iter().collect()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let given = axum::Form::<Vec<(String, String)>>::from_request(request, state).await;
        let axum::Form(given) = given
            .map_err(|error| Problem::new(error.status(), "body_unreadable", error.body_text()))?;
        match given.iter().find(|(_, value)| value.contains('\0')) {
            None => Ok(Self(given)),
            Some((name, _)) => Err(Problem::invalid(name, "must not have the character U+0000")),
        }
    }
}

/// Whether a text in the JSON has a NUL, which PostgreSQL does not keep.
fn has_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        rest = &rest[place + 1..];
        if rest.starts_with(b"u0000") {
            return true;
        }
        // What is escaped may be a backslash.
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_however_it_is_escaped() {
        for (json, expected) in [
            (r#"{"a":"b\u0000"}"#, true),
            (r#"{"a":"\\\u0000"}"#, true),
            (r#"{"a":"\\u0000"}"#, false),
            (r#"{"a":"u0000"}"#, false),
            (r#"{"a":"\"#, false),
        ] {
            assert_eq!(has_nul(json.as_bytes()), expected, "{json}");
        }
    }
}
