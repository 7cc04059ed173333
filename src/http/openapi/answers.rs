//! Answers by status. Problems are alike on every path, so each status has one.

use serde_json::{Map, Value, json};

/// What a status means: its name among the components, and its codes.
struct Failure {
    status: u16,
    name: &'static str,
    means: &'static str,
}

/// The statuses of problems.
#[rustfmt::skip] // It is a table.
const FAILURES: [Failure; 12] = [
    Failure { status: 400, name: "Invalid",          means: "`invalid_parameter`: see `field`; `not_of_kind`, `action_not_possible`, `conversion_not_possible`" },
    Failure { status: 401, name: "Unauthenticated",  means: "`unauthenticated`: no token, or none that is known; a webhook that is not authentic" },
    Failure { status: 403, name: "Forbidden",        means: "`forbidden`: the role has no right to this; `loopback_only`: the caller is on another machine, and no token is configured; `caller_unnamed`: the host knows the caller by no name; `cross_site`: a page of another site has made a browser send this" },
    Failure { status: 404, name: "NotFound",         means: "`not_found`, `unknown_source`; `not_known_then`: not at the moment of `as_of`, or nothing of it by `happened_by`" },
    Failure { status: 405, name: "MethodNotAllowed", means: "`method_not_allowed`: the path does not have the method" },
    Failure { status: 408, name: "Incomplete",       means: "`body_incomplete`: the body did not arrive whole" },
    Failure { status: 409, name: "Conflict",         means: "it is not in order: the code of a refusal in docs/codes.md, `already_resolved`, `already_closed`, `reapply_too_early`; `endpoint_exists`, `endpoint_of_settings`" },
    Failure { status: 413, name: "TooLarge",         means: "`body_too_large`, `body_unreadable`: the body is over the limit" },
    Failure { status: 415, name: "UnsupportedType",  means: "`content_type_unsupported`, `content_encoding_unsupported`" },
    Failure { status: 429, name: "TooMany",          means: "`too_many_failures`: too many calls of this address were not authentic" },
    Failure { status: 500, name: "Failed",           means: "`secret_not_opened`: no key opens the secret" },
    Failure { status: 503, name: "Unavailable",      means: "`unavailable`, `read_models_behind`, `source_without_secret`: come again" },
];

/// The statuses after which to come again.
const WAITS: [u16; 2] = [429, 503];

/// The shared answers, by name.
pub(super) fn components() -> Map<String, Value> {
    let named = FAILURES.iter().map(|failure| (failure.name.to_owned(), problem(failure)));
    named.collect()
}

fn problem(failure: &Failure) -> Value {
    let mut answer = of_type("application/problem+json", failure.means, &refer("Problem"));
    if WAITS.contains(&failure.status) {
        answer["headers"] = json!({ "Retry-After": {
            "description": "seconds",
            "schema": { "type": "integer", "minimum": 0 },
        } });
    }
    if failure.status == 405 {
        answer["headers"] = json!({ "Allow": {
            "description": "the methods that there are",
            "schema": { "type": "string" },
        } });
    }
    answer
}

/// The answer of a status that is a problem, by reference.
pub(super) fn failure(status: u16) -> Value {
    let known = FAILURES.iter().find(|failure| failure.status == status);
    let name = known.map_or("Invalid", |failure| failure.name);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

/// An answer with a document.
pub(super) fn document(means: &str, schema: &'static str) -> Value {
    of_type("application/json", means, &refer(schema))
}

/// An answer of a type.
pub(super) fn of_type(kind: &str, means: &str, schema: &Value) -> Value {
    json!({ "description": means, "content": { kind: { "schema": schema } } })
}

pub(super) fn refer(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
