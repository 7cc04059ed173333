//! Errors on the wire: RFC 9457 problems with a stable `code`. The one place that turns errors
//! into HTTP statuses.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use creditrail_domain::CommandRefusal;

use crate::{
    app::{
        command::CommandError, proof::export::ExportError, read::ReadError, receive::ReceiveError,
        writer::WriteError,
    },
    failure::chain,
};

/// An error as it is answered. It goes with its answer, for whoever shows it otherwise.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of that status and code.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, retry_after: None }
    }

    /// A field or parameter that is wrong.
    pub fn invalid(field: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        let field = field.into();
        let detail = format!("{field}: {cause}");
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail);
        Self { field: Some(field), ..problem }
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What went wrong, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Nothing by that id.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} `{id}`"))
    }

    /// Nothing at that path.
    pub fn nothing_here() -> Self {
        let detail = "there is nothing at this path; `GET /` lists what there is";
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Something at that path, but not by that method.
    pub fn method_not_allowed() -> Self {
        let detail = "the path does not have this method; `Allow` lists those that it has";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// The problem with a time after which to come again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    fn unavailable(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(field) = &self.field {
            body["field"] = Value::from(field.as_str());
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        let (status, code, detail) = match &error {
            ReceiveError::UnknownSource => (StatusCode::NOT_FOUND, error.code(), error.to_string()),
            ReceiveError::SourceWithoutSecret => {
                let problem =
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), error.to_string());
                return problem.retry_after(60);
            }
            // One body for all causes: it tells a forger nothing.
            ReceiveError::Unauthenticated => {
                (StatusCode::UNAUTHORIZED, error.code(), "the call is not authentic".to_owned())
            }
            ReceiveError::TooManyFailures => {
                (StatusCode::TOO_MANY_REQUESTS, error.code(), error.to_string())
            }
            ReceiveError::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, error.code(), error.to_string())
            }
            ReceiveError::ContentEncoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, error.code(), error.to_string())
            }
            ReceiveError::NotSealed(_) => {
                tracing::error!(error = chain(&error), "a delivery was not acknowledged");
                return Self::unavailable("the delivery was not recorded; send it again");
            }
            ReceiveError::NotWritten(cause) => {
                tracing::warn!(error = chain(cause), "a delivery was not acknowledged");
                return Self::unavailable("the delivery was not recorded; send it again");
            }
        };
        Self::new(status, code, detail)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::UnknownSource(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_source", error.to_string())
            }
            ReadError::Behind(_) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "read_models_behind", error.to_string()).retry_after(1)
            }
            ReadError::Store(_) | ReadError::Broken(_) | ReadError::Unfolded => {
                tracing::error!(error = chain(&error), "a read failed");
                Self::unavailable("the read models cannot be read now")
            }
        }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Read(error) => error.into(),
            ExportError::Recorded(error) => error.into(),
            ExportError::Empty { .. } => Self::invalid("from", &error),
            ExportError::NotNarrowed { .. } => Self::invalid("what", &error),
            ExportError::UnknownCustomer { customer_id, .. } => {
                Self::not_found("customer", &customer_id)
            }
            ExportError::Store(_)
            | ExportError::Sign(_)
            | ExportError::Tree(_)
            | ExportError::File { .. } => {
                tracing::error!(error = chain(&error), "nothing is taken away");
                Self::unavailable("the log cannot be read or signed now, so nothing is taken away")
            }
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::UnknownSource(_) => {
                Self::new(StatusCode::NOT_FOUND, "unknown_source", error.to_string())
            }
            CommandError::NotFound { what, id } => Self::not_found(what, &id),
            CommandError::NotOfKind { .. } => {
                let detail = error.to_string();
                let problem = Self::new(StatusCode::BAD_REQUEST, "not_of_kind", detail);
                Self { field: Some("source".to_owned()), ..problem }
            }
            CommandError::Invalid { field, cause } => Self::invalid(field, cause),
            CommandError::Setting { field, cause } => Self::invalid(field, cause),
            CommandError::EndpointExists(_) => {
                Self::new(StatusCode::CONFLICT, "endpoint_exists", error.to_string())
            }
            CommandError::EndpointOfSettings(_) => {
                Self::new(StatusCode::CONFLICT, "endpoint_of_settings", error.to_string())
            }
            CommandError::Changed { .. } => {
                Self::new(StatusCode::CONFLICT, "changed_meanwhile", error.to_string())
            }
            CommandError::NotRead(error) => error.into(),
            CommandError::NotOpened(_) => {
                tracing::error!(error = chain(&error), "a secret cannot be opened");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Self::new(status, "secret_not_opened", "the secret cannot be opened")
            }
            CommandError::NotWritten(WriteError::Refused(refusal)) => {
                let field = match &refusal {
                    CommandRefusal::ReasonMissing => Some("reason"),
                    CommandRefusal::ActionNotPossible { .. } => Some("action"),
                    CommandRefusal::ConversionNotPossible { .. } => Some("convert_to"),
                    _ => None,
                };
                if let Some(field) = field {
                    let problem = Self::invalid(field, &refusal);
                    return Self { code: refusal.code(), ..problem };
                }
                Self::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string())
            }
            CommandError::NotWritten(error) => {
                tracing::warn!(error = chain(&error), "a command was not carried out");
                Self::unavailable("the command was not carried out; ask again")
            }
        }
    }
}
