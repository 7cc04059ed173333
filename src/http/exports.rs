//! `POST /v1/exports` and its form: a list taken away, once it is recorded who took it and why.

use std::collections::BTreeMap;

use axum::{
    body::Body as Stream,
    extract::State,
    http::{
        HeaderValue,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use creditrail_domain::access::Act;
use serde::Deserialize;

use super::{
    access::Caller,
    body::{Body, Form},
    params::Params,
    problem::Problem,
};
use crate::app::{Creditrail, export::Format, lists::List};

/// What is to be taken away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    list: String,
    #[serde(default = "ndjson")]
    format: String,
    /// As the parameters of the list: `source`, `order` and its filters.
    #[serde(default)]
    filters: BTreeMap<String, String>,
    #[serde(default)]
    reason: String,
    actor: Option<String>,
}

fn ndjson() -> String {
    Format::Ndjson.name().to_owned()
}

pub(super) async fn by_api(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(export): Body<Export>,
) -> Result<Response, Problem> {
    take(&creditrail, &caller, export).await
}

/// The fields of the form beside `list`, `format` and `reason` are the filters.
pub(super) async fn by_form(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Form(mut given): Form,
) -> Result<Response, Problem> {
    let mut field = |name: &str| given.remove(name).unwrap_or_default();
    let (list, format, reason) = (field("list"), field("format"), field("reason"));
    let filters = given.into_iter().filter(|(name, _)| name != "cursor").collect();
    take(&creditrail, &caller, Export { list, format, filters, reason, actor: None }).await
}

async fn take(
    creditrail: &Creditrail,
    caller: &Caller,
    Export { list: name, format, filters, reason, actor }: Export,
) -> Result<Response, Problem> {
    let list = List::named(&name).ok_or_else(|| {
        let all: Vec<_> = List::ALL.iter().map(|(_, name)| *name).collect();
        Problem::invalid("list", format!("`{name}` is not one of: {}", all.join(", ")))
    })?;
    let format = Format::named(&format).ok_or_else(|| {
        Problem::invalid("format", format!("`{format}` is not one of: csv, ndjson"))
    })?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "is required"));
    }
    let given = filters.iter().filter(|(_, value)| !value.is_empty());
    let given: Vec<_> = given.map(|(name, value)| format!("{name}={value}")).collect();
    let (page, when) = Params::new(filters.into_iter().collect()).list(creditrail, list).await?;
    let about = format!(
        "{name} as {}: {}",
        format.name(),
        if given.is_empty() { "all".to_owned() } else { given.join(", ") }
    );
    let actor = caller.signs(actor).unwrap_or_else(|| caller.role.name().to_owned());
    creditrail.record_access(Act::Exported, &actor, (&about, &reason)).await?;
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Ndjson => "application/x-ndjson",
    };
    let rows = Stream::from_stream(creditrail.export(list, (page, when), format));
    let mut response = ([(CONTENT_TYPE, kind)], rows).into_response();
    // The names of lists are of a-z and `-`.
    let file = format!("attachment; filename=\"creditrail-{name}.{}\"", format.name());
    if let Ok(file) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(CONTENT_DISPOSITION, file);
    }
    Ok(response)
}
