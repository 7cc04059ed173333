//! The words in which a schema is written: JSON Schema 2020-12, as OpenAPI 3.1 has it.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a value looks like, and whether a document may lack it.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    json: Value,
    is_optional: bool,
}

/// A named schema, to which others refer.
pub(super) type Named = (&'static str, Schema);

const fn schema(json: Value) -> Schema {
    Schema { json, is_optional: false }
}

impl Schema {
    /// What it is, for people.
    pub(super) fn says(mut self, description: &str) -> Self {
        self.json["description"] = description.into();
        self
    }

    /// It may be null.
    pub(super) fn or_null(mut self) -> Self {
        if self.json.get("$ref").is_some() {
            return schema(json!({ "anyOf": [self.json, { "type": "null" }] }));
        }
        self.json["type"] = json!([self.json["type"], "null"]);
        if let Some(values) = self.json.get_mut("enum").and_then(Value::as_array_mut) {
            values.push(Value::Null);
        }
        self
    }

    /// The document may lack it.
    pub(super) fn or_absent(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Not below `least` and not above `most`.
    pub(super) fn within(mut self, least: i64, most: i64) -> Self {
        self.json["minimum"] = least.into();
        self.json["maximum"] = most.into();
        self
    }

    /// At least one character.
    pub(super) fn not_empty(mut self) -> Self {
        self.json["minLength"] = 1.into();
        self
    }

    /// The same, with these fields, of which each looks more exactly like this.
    pub(super) fn narrowed(self, fields: impl IntoIterator<Item = Named>) -> Self {
        let fields: Vec<_> = fields.into_iter().collect();
        let required: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let properties: Map<_, _> =
            fields.into_iter().map(|(name, field)| (name.to_owned(), field.json)).collect();
        let more = json!({ "properties": properties, "required": required });
        schema(json!({ "allOf": [self.json, more] }))
    }

    /// As it stands in the description.
    pub(super) fn into_json(self) -> Value {
        self.json
    }
}

pub(super) fn text() -> Schema {
    schema(json!({ "type": "string" }))
}

pub(super) fn uuid() -> Schema {
    schema(json!({ "type": "string", "format": "uuid" }))
}

/// RFC 3339 in UTC.
pub(super) fn time() -> Schema {
    schema(json!({ "type": "string", "format": "date-time" }))
}

/// A day in UTC.
pub(super) fn day() -> Schema {
    schema(json!({ "type": "string", "format": "date" }))
}

/// A moment of the log: a position, or a time.
pub(super) fn moment() -> Schema {
    schema(json!({ "anyOf": [position().json, time().json] }))
}

/// Anything, null included.
pub(super) fn any() -> Schema {
    schema(json!({}))
}

pub(super) fn boolean() -> Schema {
    schema(json!({ "type": "boolean" }))
}

pub(super) fn integer() -> Schema {
    schema(json!({ "type": "integer", "format": "int64" }))
}

/// A number that is never negative.
pub(super) fn count() -> Schema {
    schema(json!({ "type": "integer", "format": "int64", "minimum": 0 }))
}

/// An amount in minor units of the currency beside it.
pub(super) fn minor(what: &str) -> Schema {
    count().says(&format!("{what}, in minor units of `currency`"))
}

/// A place in the log of a source, from 1; what knows nothing yet is at 0.
pub(super) fn position() -> Schema {
    count()
}

pub(super) fn currency() -> Schema {
    schema(json!({
        "type": "string",
        "description": "a currency of ISO 4217",
        "minLength": 3,
        "maxLength": 3,
    }))
}

/// One of these names, each once.
pub(super) fn one_of(names: impl IntoIterator<Item = &'static str>) -> Schema {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    schema(json!({ "type": "string", "enum": all }))
}

/// One of these values, as they are stored.
pub(super) fn stored_as<T: Serialize>(values: impl IntoIterator<Item = T>) -> Schema {
    let values = values.into_iter().filter_map(|value| serde_json::to_value(value).ok());
    schema(json!({ "type": "string", "enum": values.collect::<Vec<_>>() }))
}

/// One of several, which differ in their type or in the name of what they have.
pub(super) fn either(others: impl IntoIterator<Item = Schema>) -> Schema {
    let others: Vec<_> = others.into_iter().map(|other| other.json).collect();
    schema(json!({ "oneOf": others }))
}

/// A secret, which nobody is told who is not allowed the field.
pub(super) fn secret(field: &str) -> Schema {
    let says = format!("a secret: null, unless the endpoint has `{field}` in `secret_fields`");
    let mut secret = text().or_null().says(&says);
    secret.json[SECRET] = field.into();
    secret
}

/// What marks a secret: the name by which an endpoint is allowed it.
pub(in crate::http) const SECRET: &str = "x-secret-field";

pub(super) fn is(value: impl Into<Value>) -> Schema {
    let value = value.into();
    let kind = if value.is_boolean() { "boolean" } else { "string" };
    schema(json!({ "type": kind, "const": value }))
}

pub(super) fn refer(name: &str) -> Schema {
    schema(json!({ "$ref": format!("#/components/schemas/{name}") }))
}

/// Not more than this many.
pub(super) fn few(most: usize, of: Schema) -> Schema {
    schema(json!({ "type": "array", "items": of.json, "maxItems": most }))
}

pub(super) fn list(of: Schema) -> Schema {
    schema(json!({ "type": "array", "items": of.json }))
}

/// An object whose names are not known beforehand.
pub(super) fn map(of: Schema) -> Schema {
    schema(json!({ "type": "object", "additionalProperties": of.json }))
}

/// Any object.
pub(super) fn open() -> Schema {
    schema(json!({ "type": "object", "additionalProperties": true }))
}

/// An object with these fields and no other.
pub(super) fn closed(fields: impl IntoIterator<Item = Named>) -> Schema {
    let (mut required, mut properties) = (Vec::new(), Map::new());
    for (name, field) in fields {
        if !field.is_optional {
            required.push(name);
        }
        properties.insert(name.to_owned(), field.json);
    }
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    schema(object)
}

/// One of several objects, told apart by a field whose value is a constant in each.
pub(super) fn told_apart_by(field: &str, others: &[(&str, &str)]) -> Schema {
    let reference = |name: &str| format!("#/components/schemas/{name}");
    let mapping: Map<_, _> =
        others.iter().map(|(value, name)| ((*value).to_owned(), reference(name).into())).collect();
    let all: Vec<_> = others.iter().map(|(_, name)| json!({ "$ref": reference(name) })).collect();
    schema(json!({
        "oneOf": all,
        "discriminator": { "propertyName": field, "mapping": mapping },
    }))
}

/// A page of a list.
pub(super) fn page_of(name: &str) -> Schema {
    closed([
        ("items", list(refer(name))),
        ("next_cursor", text().or_null().says("`cursor` of the next page; null on the last")),
    ])
}

/// All that there is, without pages.
pub(super) fn all_of(name: &str) -> Schema {
    closed([("items", list(refer(name)))])
}
