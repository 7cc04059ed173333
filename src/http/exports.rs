//! `POST /v1/exports` and its form: a list taken away, once it is recorded who took it and why. `POST
//! /v1/exports/log`: what is recorded, whole and proven, as `creditrail audit export` writes it.

use std::{collections::BTreeMap, io};

use axum::{
    body::Body as Stream,
    extract::State,
    http::{
        HeaderValue,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use creditrail_domain::{AggregateType, access::Act};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{
    access::Caller,
    body::{Body, Form},
    params::Params,
    problem::Problem,
};
use crate::{
    app::{
        Creditrail,
        export::Format,
        lists::List,
        proof::export::{Archive, ExportLog, Target, What},
    },
    failure::chain,
};

/// How many pieces of an archive wait for a slow client.
const PIECES: usize = 4;

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
    let format = one_of("format", &format, (&Format::OF_LISTS, Format::name))?;
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
    let rows = Stream::from_stream(creditrail.export(list, (page, when), format));
    let file = format!("{name}.{}", format.name());
    Ok(attached((&file, format.media_type()), rows))
}

/// What is to be taken away of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogExport {
    source: String,
    /// The tables; all that the filters can narrow, if none is named.
    #[serde(default)]
    what: Vec<String>,
    #[serde(default = "ndjson")]
    format: String,
    from: Option<String>,
    to: Option<String>,
    customer_id: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    reason: String,
    actor: Option<String>,
}

pub(super) async fn of_log(
    State(creditrail): State<Creditrail>,
    caller: Caller,
    Body(asked): Body<LogExport>,
) -> Result<Response, Problem> {
    let name = format!("{}.zip", asked.source);
    let export = creditrail.export_log(asked.read(&caller)?).await?;
    let (to, pieces) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let target = Target::Archive(Archive::new(to.clone()));
        if let Err(error) = export.write(&target, |_, _| {}).await {
            tracing::warn!(error = chain(&error), "an export ended before its end");
            // Whoever takes it sees that it is not whole. Nobody may.
            let _ = to.send(Err(io::Error::other("the export ended before its end"))).await;
        }
    });
    let pieces = stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    Ok(attached((&name, "application/zip"), Stream::from_stream(pieces)))
}

impl LogExport {
    fn read(self, caller: &Caller) -> Result<ExportLog, Problem> {
        let Self { source, what, format, from, to, customer_id, kind, reason, actor } = self;
        if reason.trim().is_empty() {
            return Err(Problem::invalid("reason", "is required"));
        }
        let all = What::all();
        let what: Result<Vec<_>, _> =
            what.iter().map(|name| one_of("what", name, (&all, |what| what.name()))).collect();
        let mut moments = Params::new(
            [("from", from), ("to", to)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
        );
        let kind = kind.map(|kind| {
            let unknown = || Problem::invalid("kind", format!("`{kind}` is no kind of thing"));
            AggregateType::named(&kind).ok_or_else(unknown)
        });
        Ok(ExportLog {
            source,
            what: what?,
            format: one_of("format", &format, (&Format::ALL, Format::name))?,
            from: moments.moment("from")?,
            to: moments.moment("to")?,
            customer_id,
            kind: kind.transpose()?,
            actor: caller.signs(actor).unwrap_or_else(|| caller.role.name().to_owned()),
            reason,
        })
    }
}

/// The one of that name.
fn one_of<T: Copy>(
    field: &str,
    name: &str,
    (all, named): (&[T], fn(T) -> &'static str),
) -> Result<T, Problem> {
    all.iter().copied().find(|one| named(*one) == name).ok_or_else(|| {
        let all: Vec<_> = all.iter().map(|one| named(*one)).collect();
        Problem::invalid(field, format!("`{name}` is not one of: {}", all.join(", ")))
    })
}

/// A file to be kept: its name behind that of the service, and its type.
fn attached((name, kind): (&str, &'static str), rows: Stream) -> Response {
    let mut response = ([(CONTENT_TYPE, kind)], rows).into_response();
    // The names of lists and sources are of a-z, 0-9, `_` and `-`.
    let file = format!("attachment; filename=\"creditrail-{name}\"");
    if let Ok(file) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(CONTENT_DISPOSITION, file);
    }
    response
}
