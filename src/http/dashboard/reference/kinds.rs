//! What a value looks like, in words: JSON Schema as `openapi::schema` writes it.

use maud::{Markup, html};
use serde_json::Value;

use crate::http::dashboard::parts::{list, text};

/// What a value looks like.
pub fn kind(schema: &Value) -> Markup {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return html! { a href={ "#schema-" (name) } { code { (name) } } };
    }
    for several in ["anyOf", "oneOf"] {
        let others = list(schema, several);
        if !others.is_empty() {
            return html! { @for (place, other) in others.iter().enumerate() {
                @if place > 0 { " or " } (kind(other))
            } };
        }
    }
    if let [of, more] = list(schema, "allOf") {
        return html! { (kind(of)) " with " (members(more)) };
    }
    let values = list(schema, "enum");
    if !values.is_empty() {
        return html! { span.values { @for (place, value) in values.iter().enumerate() {
            @if place > 0 { ", " } (constant(value))
        } } };
    }
    if let Some(value) = schema.get("const") {
        return constant(value);
    }
    typed(schema)
}

fn constant(value: &Value) -> Markup {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    html! { code { (shown) } }
}

/// By its type, or its types where it may be null.
fn typed(schema: &Value) -> Markup {
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        several => several.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let range = range(schema).map(|range| format!(", {range}")).unwrap_or_default();
    html! {
        @if types.is_empty() { "anything" }
        @for (place, name) in types.into_iter().enumerate() {
            @if place > 0 { " or " }
            @match name {
                "array" => { "list of " (kind(&schema["items"])) (range) }
                "object" => (object(schema)),
                "string" => { (of_text(schema)) (range) }
                "integer" => { "integer" (range) }
                other => (other),
            }
        }
    }
}

fn object(schema: &Value) -> Markup {
    match &schema["additionalProperties"] {
        values @ Value::Object(_) => html! { "object of names to " (kind(values)) },
        Value::Bool(false) => members(schema),
        _ => html! { "any object" },
    }
}

/// The fields of an object that has no name of its own.
fn members(schema: &Value) -> Markup {
    let all = || schema["properties"].as_object().into_iter().flatten().enumerate();
    html! {
        @if all().next().is_none() { "object" } @else { "{ "
            @for (place, (name, field)) in all() {
                @if place > 0 { ", " } code { (name) } ": " (kind(field))
            }
        " }" }
    }
}

fn of_text(schema: &Value) -> &'static str {
    match text(schema, "format") {
        "date-time" => "time",
        "date" => "day",
        "uuid" => "UUID",
        _ => "text",
    }
}

/// Within what it must be.
fn range(schema: &Value) -> Option<String> {
    let number = |name: &str| schema[name].as_i64();
    match (number("minimum"), number("maximum"), number("minLength"), number("maxLength")) {
        (Some(least), None | Some(i64::MAX), ..) => Some(format!("from {least}")),
        (Some(least), Some(most), ..) => Some(format!("{least} to {most}")),
        (_, _, Some(least), Some(most)) if least == most => Some(format!("{least} characters")),
        (_, _, Some(_), _) => Some("not empty".to_owned()),
        _ => number("maxItems").map(|most| format!("{most} at the most")),
    }
}

/// A name, with a star if it is always there.
pub fn named(name: &str, is_required: bool) -> Markup {
    html! { code { (name) } @if is_required { span.star title="always" { "*" } } }
}

/// The fields of an object.
pub fn fields(schema: &Value) -> Markup {
    let required = list(schema, "required");
    let all = || schema["properties"].as_object().into_iter().flatten();
    html! { @if all().next().is_some() {
        div.table tabindex="0" role="region" aria-label="Terms" { table.rows.terms {
            thead { tr { th scope="col" { "Field" } th scope="col" { "What it is" } th scope="col" { "About it" } } }
            tbody { @for (name, field) in all() { tr {
                td data-head="Field" { (named(name, required.iter().any(|known| known == name))) }
                td data-head="What it is" { (kind(field)) }
                td data-head="About it" { (said(text(field, "description"))) }
            } } }
        } }
    } }
}

/// A sentence in which code stands between backticks.
pub fn said(sentence: &str) -> Markup {
    html! { @for (place, part) in sentence.split('`').enumerate() {
        @if place % 2 == 1 { code { (part) } } @else { (part) }
    } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_value_looks_like_is_told_in_words() {
        for (schema, told) in [
            (json!({}), "anything"),
            (json!({ "type": "string", "minLength": 1 }), "text, not empty"),
            (json!({ "type": ["string", "null"], "format": "uuid" }), "UUID or null"),
            (json!({ "type": "integer", "minimum": 1, "maximum": 200 }), "integer, 1 to 200"),
            (
                json!({ "type": "array", "items": { "type": "string", "format": "date" } }),
                "list of day",
            ),
            (
                json!({ "type": "object", "additionalProperties": { "type": "boolean" } }),
                "object of names to boolean",
            ),
            (
                json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "null" }] }),
                "integer, from 0 or null",
            ),
            (
                json!({ "allOf": [{ "type": "string" }, { "properties": { "a": { "const": 1 } } }] }),
                "text with { <code>a</code>: <code>1</code> }",
            ),
        ] {
            assert_eq!(kind(&schema).into_string(), told, "{schema}");
        }
        let link = kind(&json!({ "$ref": "#/components/schemas/Step" })).into_string();
        assert_eq!(link, "<a href=\"#schema-Step\"><code>Step</code></a>");
    }

    #[test]
    fn what_is_said_is_text_with_code_in_it() {
        assert_eq!(said("as `a<b`.").into_string(), "as <code>a&lt;b</code>.");
    }
}
