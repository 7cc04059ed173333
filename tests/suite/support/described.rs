//! What `docs/openapi.json` says about an answer. Every answer that the suite reads over HTTP is
//! held against it.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{event_types, items};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let text = fs::read_to_string(file).expect("docs/openapi.json");
    serde_json::from_str(&text).expect("JSON")
});

/// Validators, by the schema that they are of.
static VALIDATORS: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);

/// The whole description.
pub fn description() -> &'static Value {
    &DESCRIPTION
}

/// Panics if an answer is not as it is described.
#[track_caller]
pub fn hold((method, path): (&str, &str), (status, content_type): (u16, &str), body: &str) {
    let faults = faults((method, path), (status, content_type), body);
    assert!(faults.is_empty(), "{method} {path}: {}\n{body}", faults.join("\n"));
    if (method, path, status) == ("GET", "/v1/events", 200) {
        let listed: Value = serde_json::from_str(body).expect("JSON");
        items(&listed, "items").iter().for_each(event_types::hold);
    }
}

/// What of an answer is not as it is described.
pub fn faults(
    (method, path): (&str, &str),
    (status, content_type): (u16, &str),
    body: &str,
) -> Vec<String> {
    let Some(operations) = path_of(path) else {
        return known_only_if(status == 404, "the path is not described");
    };
    let Some(operation) = operations.get(method.to_lowercase()) else {
        return known_only_if(status == 405, "the method is not described");
    };
    let Some(answer) = operation["responses"].get(status.to_string()) else {
        return vec![format!("{status} is not described")];
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let Some(content) = resolved(answer)["content"].get(kind) else {
        return vec![format!("{status} with `{content_type}` is not described")];
    };
    if !kind.ends_with("json") {
        return Vec::new();
    }
    let Ok(body) = serde_json::from_str(body) else { return vec!["it is no JSON".to_owned()] };
    faults_of(&content["schema"], &body)
}

/// What of a value is not as a schema of the description has it.
pub fn faults_of(schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(schema);
    let told = validator.iter_errors(value);
    told.map(|error| format!("at `{}`: {error}", error.instance_path())).collect()
}

fn known_only_if(is_as_expected: bool, fault: &str) -> Vec<String> {
    let told = "; add it to src/http/openapi/operations.rs, then UPDATE_DOCS=1";
    if is_as_expected { Vec::new() } else { vec![format!("{fault}{told}")] }
}

/// What is described of a path.
fn path_of(path: &str) -> Option<&'static Value> {
    let is_like = |template: &str| {
        let (parts, others) = (path.split('/'), template.split('/'));
        parts.clone().count() == others.clone().count()
            && parts.zip(others).all(|(part, other)| part == other || other.starts_with('{'))
    };
    let paths = DESCRIPTION["paths"].as_object().expect("paths");
    paths.iter().find(|(template, _)| is_like(template)).map(|(_, operations)| operations)
}

fn resolved(value: &'static Value) -> &'static Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    DESCRIPTION.pointer(reference.trim_start_matches('#')).expect("the reference leads somewhere")
}

fn validator(schema: &Value) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = known.get_or_insert_default();
    let made = || {
        let whole = json!({ "allOf": [schema], "components": DESCRIPTION["components"] });
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Arc::new(options.build(&whole).expect("a schema"))
    };
    Arc::clone(known.entry(schema.to_string()).or_insert_with(made))
}
