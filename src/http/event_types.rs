//! `/v1/event-types`: what endpoints can be told of, each with the JSON Schema of its data and examples.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use axum::Json;
use creditrail_domain::event::VERSION;
use serde_json::{Map, Value, json};

use super::{
    openapi::{self, event_types, schema::SECRET},
    params::{Params, Path, Query},
    problem::Problem,
};
use crate::app::sending::example;

/// Where the description keeps what is shared, and where a schema that stands alone does.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// All event types, in the order in which they are told: `type`, `aggregate_type`, `description`,
/// `schema_version`, `secret_fields`, `schema` and `examples` of each.
pub fn documents() -> &'static [Value] {
    static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let components = openapi::schemas();
        let all = event_types::all().into_iter();
        all.map(|event_type| document(event_type, &components)).collect()
    });
    &DOCUMENTS
}

fn document(event_type: event_types::EventType, components: &Map<String, Value>) -> Value {
    let (name, kind, says) = (event_type.name(), event_type.kind.name(), event_type.says);
    let examples = example::notifications(kind, event_type.event);
    let schema = alone((&name, says), event_type.into_schema(), components);
    let secrets = secrets(&schema, &schema["$defs"]);
    json!({
        "type": name,
        "aggregate_type": kind,
        "description": says,
        "schema_version": VERSION,
        "secret_fields": secrets,
        "schema": schema,
        "examples": examples,
    })
}

/// A schema with all that it refers to. It takes what it does not know: a later version of the program
/// may tell more.
fn alone((name, says): (&str, &str), own: Value, components: &Map<String, Value>) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": says,
    });
    let own = standing_alone(own);
    let mut definitions = BTreeMap::new();
    let mut wanted = references(&own);
    while let Some(name) = wanted.pop() {
        if !definitions.contains_key(&name)
            && let Some(component) = components.get(&name)
        {
            let definition = standing_alone(component.clone());
            wanted.extend(references(&definition));
            definitions.insert(name, definition);
        }
    }
    if let (Some(schema), Value::Object(own)) = (schema.as_object_mut(), own) {
        schema.extend(own);
        schema.insert("$defs".to_owned(), json!(definitions));
    }
    schema
}

fn standing_alone(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
                fields.remove("additionalProperties");
            }
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace(COMPONENTS, DEFINITIONS);
            }
            fields.values_mut().for_each(|value| *value = standing_alone(value.take()));
        }
        Value::Array(values) => {
            values.iter_mut().for_each(|value| *value = standing_alone(value.take()));
        }
        _ => {}
    }
    schema
}

/// The secrets that a value may have. What looks more exactly so than where it is referred to has those
/// of the former.
fn secrets(schema: &Value, definitions: &Value) -> BTreeSet<String> {
    let own = schema[SECRET].as_str().map(str::to_owned);
    let referred = definition(schema, definitions);
    let mut parts: Vec<Value> = referred.cloned().into_iter().collect();
    if let Some([of, more]) = schema["allOf"].as_array().map(Vec::as_slice) {
        let mut of = definition(of, definitions).unwrap_or(of).clone();
        let narrowed = more["properties"].as_object().into_iter().flatten();
        if let Some(properties) = of.get_mut("properties").and_then(Value::as_object_mut) {
            narrowed.for_each(|(name, _)| drop(properties.remove(name)));
        }
        parts.extend([of, more.clone()]);
    }
    parts.extend(schema["properties"].as_object().into_iter().flatten().map(|(_, it)| it.clone()));
    parts.extend(schema["oneOf"].as_array().into_iter().flatten().cloned());
    own.into_iter().chain(parts.iter().flat_map(|part| secrets(part, definitions))).collect()
}

fn definition<'a>(schema: &Value, definitions: &'a Value) -> Option<&'a Value> {
    definitions.get(schema["$ref"].as_str()?.strip_prefix(DEFINITIONS)?)
}

/// The names of all definitions to which a schema refers.
fn references(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    each(schema, &mut |object| {
        let reference = object.get("$ref").and_then(Value::as_str);
        let name = reference.and_then(|reference| reference.strip_prefix(DEFINITIONS));
        names.extend(name.map(str::to_owned));
    });
    names
}

/// Every object within a value.
fn each(value: &Value, with: &mut dyn FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            with(fields);
            fields.values().for_each(|value| each(value, with));
        }
        Value::Array(values) => values.iter().for_each(|value| each(value, with)),
        _ => {}
    }
}

/// All of them, without schemas and examples.
pub(super) async fn event_types(Query(given): Query) -> Result<Json<Value>, Problem> {
    Params::new(given).done(&[])?;
    let brief = |document: &Value| {
        let mut brief = document.clone();
        if let Some(fields) = brief.as_object_mut() {
            fields.retain(|name, _| name != "schema" && name != "examples");
        }
        brief
    };
    let items: Vec<_> = documents().iter().map(brief).collect();
    Ok(Json(json!({ "items": items })))
}

/// One of them.
pub(super) async fn event_type(
    Path(name): Path<String>,
    Query(given): Query,
) -> Result<Json<&'static Value>, Problem> {
    Params::new(given).done(&[])?;
    let found = documents().iter().find(|document| document["type"] == name.as_str());
    found.map(Json).ok_or_else(|| Problem::not_found("event type", &name))
}
