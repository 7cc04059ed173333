//! How an operation is written down: what it takes, and what it answers.

use serde_json::{Map, Value, json};

use super::{
    answers,
    schema::{Schema, count, integer, moment, one_of, text, time},
};
use crate::{
    app::{
        lists::{AS_OF, DUE_BEFORE, HAPPENED_BY, List},
        things::Thing,
    },
    http::routes::Rights,
};

/// One operation of one path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    id: String,
    tag: &'static str,
    says: &'static str,
    /// Parameters in the query, and whether each is required.
    query: Vec<(&'static str, Schema, bool)>,
    /// Values of the parameters that lead to something in `creditrail demo`.
    examples: &'static [(&'static str, &'static str)],
    body: Option<&'static str>,
    answers: Map<String, Value>,
}

/// A read; nothing but what is said about it is in it.
pub(super) fn read(id: impl Into<String>, path: impl Into<String>, tag: &'static str) -> Operation {
    let path = path.into();
    let fails: &[u16] = if path.starts_with("/v1/") { &[401, 403, 405] } else { &[405] };
    Operation {
        method: "get",
        path,
        id: id.into(),
        tag,
        says: "",
        query: Vec::new(),
        examples: &[],
        body: None,
        answers: Map::new(),
    }
    .fails(fails)
}

/// One thing by its id.
pub(super) fn one(
    id: &'static str,
    path: &'static str,
    tag: &'static str,
    answers: &'static str,
) -> Operation {
    read(id, path, tag)
        .takes("at_least", at_least())
        .answers(200, "as it stands now", answers)
        .fails(&[400, 404, 503])
}

/// One thing by its id, as it is or as it was.
pub(super) fn thing(
    id: &'static str,
    path: &'static str,
    tag: &'static str,
    answers: &'static str,
) -> Operation {
    one(id, path, tag, answers).of_the_past(&[AS_OF, HAPPENED_BY])
}

/// When a thing changed, and in what.
pub(super) fn past_of(thing: Thing, tag: &'static str) -> [Operation; 2] {
    let (name, path) =
        (thing.noun().replace(' ', "_"), format!("/v1/{}/{{source}}/{{id}}", thing.name()));
    let moments = read(format!("list_{name}_moments"), format!("{path}/moments"), tag)
        .says("When it changed by a step of its own, oldest first")
        .takes("at_least", at_least())
        .takes("limit", limit(200, 50))
        .takes("cursor", cursor())
        .answers(200, "a page of moments, oldest first", "MomentPage");
    let changes = read(format!("get_{name}_changes"), format!("{path}/changes"), tag)
        .says("What differs between two moments, field by field")
        .needs("from", moment().says("the earlier moment"))
        .takes("to", moment().says("the later one; now, if absent"))
        .takes(HAPPENED_BY, happened_by().says("at both of what had happened by then"))
        .takes("at_least", at_least())
        .answers(200, "what differs", "Changes");
    [moments, changes].map(|operation| operation.fails(&[400, 404, 503]))
}

/// A page of a list with the filters and the orders that it has.
pub(super) fn listed(
    id: &'static str,
    path: &'static str,
    (tag, list): (&'static str, List),
    answers: &'static str,
) -> Operation {
    let orders = one_of(list.orders().iter().map(|(name, _)| *name));
    let page = read(id, path, tag)
        .takes("source", text().says("one source; all, if absent"))
        .takes("order", orders.says(order_of(list)))
        .takes("limit", limit(200, 50))
        .takes("cursor", cursor())
        .takes("at_least", at_least())
        .answers(200, "a page", answers)
        .fails(&[400, 503])
        .of_the_past(list.axes());
    list.filters().iter().fold(page, |operation, filter| {
        let open = || if *filter == DUE_BEFORE { time() } else { text() };
        let values = list.values(filter).map_or_else(open, one_of);
        operation.takes(filter, values)
    })
}

/// A command with a body, by its name among the schemas.
pub(super) fn command(
    id: &'static str,
    path: &'static str,
    tag: &'static str,
    body: &'static str,
) -> Operation {
    let read = read(id, path, tag);
    Operation { method: "post", body: Some(body), ..read }.fails(&[400, 404, 408, 413, 415, 503])
}

/// As [`command`], by another method.
pub(super) fn by(method: &'static str, command: Operation) -> Operation {
    Operation { method, ..command }
}

fn happened_by() -> Schema {
    time().says("of what had happened by then; of all of it, if absent")
}

pub(super) fn at_least() -> Schema {
    count().says("waits until the read models of the source have passed this position")
}

/// What the orders of a list mean.
fn order_of(list: List) -> &'static str {
    match list {
        List::AccessRecords => "what comes first, over all sources; `newest`, if absent",
        List::Exceptions => {
            "what comes first; `newest`, if absent. `newest` and `oldest` within each source, the sources one after the other; `stake` over all sources, by minor units whatever the currency"
        }
        List::Compliance => {
            "what comes first within each source; `due`, what runs out first, alone"
        }
        _ => {
            "what comes first within each source, the sources one after the other; `newest`, if absent"
        }
    }
}

pub(super) fn limit(most: i64, default: i64) -> Schema {
    integer().within(1, most).says(&format!("how many at the most; {default} if absent"))
}

pub(super) fn cursor() -> Schema {
    text().says("`next_cursor` of the page before")
}

impl Operation {
    pub(super) fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    /// A parameter of the query.
    pub(super) fn takes(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, false));
        self
    }

    /// The axes of time on which it can be asked for.
    pub(super) fn of_the_past(self, axes: &[&'static str]) -> Self {
        axes.iter().fold(self, |operation, axis| match *axis {
            AS_OF => {
                let says = "as it was known then; as it is known now, if absent";
                operation.takes(AS_OF, moment().says(says))
            }
            _ => operation.takes(HAPPENED_BY, happened_by()),
        })
    }

    /// A parameter of the query without which nothing is answered.
    pub(super) fn needs(mut self, name: &'static str, schema: Schema) -> Self {
        self.query.push((name, schema, true));
        self
    }

    /// What leads to something in `creditrail demo`.
    pub(super) fn like(self, examples: &'static [(&'static str, &'static str)]) -> Self {
        Self { examples, ..self }
    }

    /// A document.
    pub(super) fn answers(self, status: u16, means: &str, schema: &'static str) -> Self {
        self.answers_with(status, answers::document(means, schema))
    }

    /// An answer that is not a document of the usual type.
    pub(super) fn answers_with(mut self, status: u16, answer: Value) -> Self {
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// Problems.
    pub(super) fn fails(self, statuses: &[u16]) -> Self {
        statuses.iter().fold(self, |operation, status| {
            operation.answers_with(*status, answers::failure(*status))
        })
    }

    /// What no command of this kind answers, unlike the others.
    pub(super) fn never(mut self, statuses: &[u16]) -> Self {
        statuses.iter().for_each(|status| drop(self.answers.remove(&status.to_string())));
        self
    }

    pub(super) fn describe(&self, rights: &Rights) -> Value {
        let in_path = self.path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            Some(self.in_path(name))
        });
        let in_query = self.query.iter().map(|(name, schema, is_required)| {
            self.parameter((name, "query"), schema.clone(), *is_required)
        });
        let parameters: Vec<_> = in_path.chain(in_query).collect();
        let mut described = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.says,
            "parameters": parameters,
            "responses": self.answers,
        });
        if let Some(right) = rights.get(&(self.method, self.path.clone())) {
            described["security"] = super::security();
            described["x-right"] = right.name().into();
        }
        if let Some(body) = self.body {
            let content = json!({ "application/json": { "schema": answers::refer(body) } });
            described["requestBody"] = json!({ "required": true, "content": content });
        }
        described
    }

    fn in_path(&self, name: &str) -> Value {
        let says = if name == "source" { "the name of a source in the settings" } else { "its id" };
        self.parameter((name, "path"), text().not_empty().says(says), true)
    }

    fn parameter(&self, (name, place): (&str, &str), schema: Schema, is_required: bool) -> Value {
        let mut schema = schema.into_json();
        let says = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut described =
            json!({ "name": name, "in": place, "required": is_required, "schema": schema });
        if let Some(says) = says {
            described["description"] = says;
        }
        if let Some((_, example)) = self.examples.iter().find(|(known, _)| *known == name) {
            described["example"] = (*example).into();
        }
        described
    }
}
