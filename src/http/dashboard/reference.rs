//! The interface to be read: `/openapi.json` as a page.

mod kinds;

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Value, json};

use self::kinds::{fields, kind, named, said};
use super::{
    Shown,
    frame::Frame,
    parts::{list, text},
};
use crate::http::openapi;

/// An operation with its method and path.
type Operation<'a> = (&'a str, &'a str, &'a Value);

/// The page.
pub async fn page(frame: Frame) -> Shown {
    let document = openapi::document();
    Ok(frame.show("Interface", &html! {
        h1 { "Interface" }
        p.lead.said { (said(text(&document["info"], "description"))) }
        p {
            "The same for machines: " a href=(frame.to("openapi.json")) { "openapi.json" } ", OpenAPI 3.1."
            " On this page: "
            @for tag in list(document, "tags") { a href={ "#tag-" (text(tag, "name")) } { (text(tag, "name")) } ", " }
            a href="#webhooks" { "what endpoints are sent" } ", " a href="#problems" { "problems" } ", " a href="#schemas" { "schemas" } "."
        }
        @for tag in list(document, "tags") { (group(document, tag)) }
        (webhooks(document))
        (problems(document))
        (schemas(document))
    }))
}

/// The operations of a tag.
fn group(document: &Value, tag: &Value) -> Markup {
    let name = text(tag, "name");
    let is_of = |operation: &&Operation<'_>| list(operation.2, "tags").iter().any(|it| it == name);
    html! {
        section.operations {
            h2 id={ "tag-" (name) } { (text(tag, "description")) }
            @for operation in operations(document).iter().filter(is_of) { (one(document, *operation)) }
        }
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, all) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in all.as_object().into_iter().flatten() {
            operations.push((method.as_str(), path.as_str(), operation));
        }
    }
    operations
}

/// An operation: a line, and behind it what it takes and answers.
fn one(document: &Value, (method, path, operation): Operation<'_>) -> Markup {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    html! {
        details.operation {
            summary {
                code class={ "method " (method) } { (method.to_uppercase()) } " "
                code.path { (path) } " "
                span.does { (text(operation, "summary")) }
                @if let Some(right) = operation["x-right"].as_str() { " " span.right { (right) } }
            }
            div.whole id={ "operation-" (text(operation, "operationId")) } {
                p.muted {
                    "Its name is " code { (text(operation, "operationId")) } ". "
                    @match operation["x-right"].as_str() {
                        Some(right) => { "It needs the right " b { (right) } "." }
                        None => { "It needs no right." }
                    }
                }
                @if !list(operation, "parameters").is_empty() { (parameters(list(operation, "parameters"))) }
                @if !body.is_null() { h4 { "Body: " (kind(body)) }
                    (fields(referred(document, body))) }
                (answers(operation))
            }
        }
    }
}

fn parameters(all: &[Value]) -> Markup {
    html! {
        h4 { "Parameters" }
        div.table tabindex="0" role="region" aria-label="Terms" { table.rows.terms {
            thead { tr { th scope="col" { "Name" } th scope="col" { "In" } th scope="col" { "What it is" } th scope="col" { "About it" } } }
            tbody { @for parameter in all { tr {
                td data-head="Name" { (named(text(parameter, "name"), parameter["required"] == true)) }
                td data-head="In" { (text(parameter, "in")) }
                td data-head="What it is" { (kind(&parameter["schema"])) }
                td data-head="About it" {
                    (said(text(parameter, "description")))
                    @if let Some(example) = parameter["example"].as_str() { span.muted { " Such as " code.id { (example) } "." } }
                }
            } } }
        } }
    }
}

/// What a reference leads to.
fn referred<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().unwrap_or_default();
    document.pointer(reference.trim_start_matches('#')).unwrap_or(value)
}

/// The answers by status; problems, which are alike everywhere, in one line.
fn answers(operation: &Value) -> Markup {
    let all = || operation["responses"].as_object().into_iter().flatten();
    let own = || all().filter(|(_, answer)| answer.get("$ref").is_none());
    let problems: Vec<_> = all().filter(|(_, answer)| answer.get("$ref").is_some()).collect();
    html! {
        h4 { "Answers" }
        ul.answers {
            @for (status, answer) in own() { li {
                b.status { (status) } " " (said(text(answer, "description")))
                @for (media, content) in answer["content"].as_object().into_iter().flatten() {
                    br; code { (media) } " " (kind(&content["schema"]))
                }
            } }
            @if !problems.is_empty() { li {
                "Problems: "
                @for (place, (status, _)) in problems.iter().enumerate() {
                    @if place > 0 { ", " }
                    a href={ "#problem-" (status) } { (status) }
                }
            } }
        }
    }
}

/// What endpoints are sent, by event type.
fn webhooks(document: &Value) -> Markup {
    let all = document["webhooks"].as_object().into_iter().flatten();
    let body = |operation: &Value| {
        operation["requestBody"]["content"]["application/json"]["schema"].clone()
    };
    html! {
        section.operations {
            h2 #webhooks { "What endpoints are sent" }
            p.muted { "By event type. What the data of each look like alone: "
                code { "GET /v1/event-types/{type}" } "." }
            @for (name, operation) in all {
                @let operation = &operation["post"];
                details.operation {
                    summary { code.path { (name) } " " span.does { (text(operation, "summary")) } }
                    div.whole id={ "operation-" (text(operation, "operationId")) } {
                        p { (kind(&body(operation))) }
                    }
                }
            }
        }
    }
}

/// What each status means that is a problem, as the answers refer to it.
fn problems(document: &Value) -> Markup {
    let all = operations(document)
        .into_iter()
        .flat_map(|(_, _, operation)| operation["responses"].as_object().into_iter().flatten());
    let problems: BTreeMap<_, _> = all.filter(|(_, answer)| answer["$ref"].is_string()).collect();
    html! {
        section {
            h2 #problems { "Problems" }
            p { "Alike on every path: " (kind(&json!({ "$ref": "#/components/schemas/Problem" }))) " as " code { "application/problem+json" } "." }
            dl.terms { @for (status, answer) in problems {
                @let answer = referred(document, answer);
                div id={ "problem-" (status) } {
                    dt { b.status { (status) } }
                    dd {
                        (said(text(answer, "description")))
                        @for name in answer["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
                            span.muted { " With " code { (name) } "." }
                        }
                    }
                }
            } }
        }
    }
}

fn schemas(document: &Value) -> Markup {
    html! {
        section {
            h2 #schemas { "Schemas" }
            p.muted { "A field with a star is always there, or must be given." }
            @for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
                article.schema id={ "schema-" (name) } {
                    h3 { code { (name) } }
                    @if schema["properties"].is_object() {
                        @if let Some(says) = schema["description"].as_str() { p { (said(says)) } }
                        (fields(schema))
                    } @else {
                        p {
                            @if let Some(says) = schema["description"].as_str() { (said(says)) " " }
                            (kind(schema))
                        }
                    }
                }
            }
        }
    }
}
