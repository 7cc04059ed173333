//! `/openapi.json`: the interface described, from the table of its operations.

use axum::{Json, Router, routing::get};
use creditrail_projections::statistics::What;
use serde_json::{Map, Value, json};

use crate::app::{lists::List, read::OUTCOMES};

/// One operation: method, path, what it does, its query parameters, and its answers.
struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: Vec<(&'static str, Option<Vec<&'static str>>)>,
    body: Option<&'static [(&'static str, bool)]>,
    answers: &'static [u16],
}

/// The router of the description.
pub fn openapi() -> Router<()> {
    Router::new().route("/openapi.json", get(async || Json(document())))
}

/// The description, OpenAPI 3.1.
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.describe();
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "creditrail",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happened to this customer, and why. External ids address things; \
                amounts are integers of minor units beside a currency; times are RFC 3339 in UTC; \
                `at_least` waits until the read models have passed a position.",
        },
        "paths": paths,
        "components": { "schemas": { "Problem": problem() } },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "stable" },
            "detail": { "type": "string" },
            "field": { "type": "string", "description": "what is wrong with the request" },
        },
    })
}

impl Operation {
    fn get(path: &'static str, summary: &'static str) -> Self {
        let query = vec![("at_least", None)];
        let answers = &[200, 400, 404, 503];
        Self { method: "get", path, summary, query, body: None, answers }
    }

    fn list(path: &'static str, summary: &'static str, list: List) -> Self {
        let filters = list.filters().iter().map(|filter| (*filter, list.values(filter)));
        Self::page(path, summary, filters.collect())
    }

    fn page(
        path: &'static str,
        summary: &'static str,
        filters: Vec<(&'static str, Option<Vec<&'static str>>)>,
    ) -> Self {
        let common = ["source", "at_least", "limit", "cursor"].map(|name| (name, None));
        let query = common.into_iter().chain(filters).collect();
        let answers = &[200, 400, 503];
        Self { method: "get", path, summary, query, body: None, answers }
    }

    fn post(
        path: &'static str,
        summary: &'static str,
        fields: &'static [(&'static str, bool)],
        answers: &'static [u16],
    ) -> Self {
        Self { method: "post", path, summary, query: Vec::new(), body: Some(fields), answers }
    }

    fn describe(&self) -> Value {
        let in_path = self.path.split('/').filter_map(|part| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            Some(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }))
        });
        let in_query = self.query.iter().map(|(name, values)| {
            let schema = match (values, *name) {
                (Some(values), _) => json!({ "type": "string", "enum": values }),
                (None, "limit") => json!({ "type": "integer", "minimum": 1, "maximum": 200 }),
                (None, "at_least" | "after") => json!({ "type": "integer", "minimum": 0 }),
                (None, _) => json!({ "type": "string" }),
            };
            json!({ "name": name, "in": "query", "schema": schema })
        });
        let mut described = json!({
            "summary": self.summary,
            "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
            "responses": self.answers.iter().map(|status| answer(*status)).collect::<Map<_, _>>(),
        });
        if let Some(fields) = self.body {
            described["requestBody"] = request_body(fields);
        }
        described
    }
}

fn answer(status: u16) -> (String, Value) {
    let answer = if status < 300 {
        json!({
            "description": "done",
            "content": { "application/json": { "schema": { "type": "object" } } },
        })
    } else {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        json!({
            "description": "a problem, with a stable code",
            "content": { "application/problem+json": { "schema": schema } },
        })
    };
    (status.to_string(), answer)
}

fn request_body(fields: &[(&str, bool)]) -> Value {
    let required: Vec<_> = fields.iter().filter(|field| field.1).map(|field| field.0).collect();
    let properties: Map<_, _> =
        fields.iter().map(|(name, _)| ((*name).to_owned(), json!({}))).collect();
    let schema = json!({ "type": "object", "required": required, "properties": properties });
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn operations() -> Vec<Operation> {
    vec![
        Operation::post(
            "/webhooks/{source}",
            "Receive a lender's signed webhook; 200 once it is recorded, whatever came of it",
            &[],
            &[200, 401, 404, 408, 413, 415, 429, 503],
        ),
        Operation::list("/v1/transactions", "Transactions, newest first", List::Transactions),
        Operation::get("/v1/transactions/{source}/{id}", "A transaction with all its steps"),
        Operation::list("/v1/payment-methods", "Cards, newest first", List::PaymentMethods),
        Operation::get("/v1/payment-methods/{source}/{id}", "A card with its probable reissue"),
        Operation::list("/v1/applications", "Applications, newest first", List::Applications),
        Operation::get("/v1/applications/{source}/{id}", "An application"),
        Operation::post(
            "/v1/applications/{source}",
            "Register a session in which a customer applies",
            &[
                ("partner_customer_id", false),
                ("customer_id", false),
                ("session_id", false),
                ("started_at", false),
                ("application_id", false),
                ("merchant_order_id", false),
            ],
            &[201, 400, 404, 409, 415, 503],
        ),
        Operation::post(
            "/v1/applications/{source}/{id}/client-report",
            "Record what the SDK reported in the browser; it never decides",
            &[
                ("result", true),
                ("session_id", false),
                ("exit_no", false),
                ("error_code", false),
                ("occurred_at", false),
            ],
            &[200, 400, 404, 415, 503],
        ),
        Operation::list("/v1/charges", "Charges, newest first", List::Charges),
        Operation::get("/v1/charges/{source}/{id}", "A charge with its operations and balances"),
        Operation::post(
            "/v1/charges/{source}",
            "Record that the partner created a charge with a confirmation of an application",
            &[
                ("charge_id", true),
                ("application_id", true),
                ("merchant_order_id", false),
                ("partner_customer_id", false),
                ("occurred_at", false),
            ],
            &[201, 400, 404, 409, 415, 503],
        ),
        Operation::post(
            "/v1/charges/{source}/{id}/void",
            "Record that a charge was voided, of which no webhook tells",
            &[("reason", false), ("actor", false), ("occurred_at", false)],
            &[200, 400, 404, 409, 415, 503],
        ),
        Operation::post(
            "/v1/charges/{source}/{id}/link",
            "Say to which application a charge belongs",
            &[("application_id", true), ("reason", true), ("actor", false)],
            &[200, 400, 404, 409, 415, 503],
        ),
        Operation::list("/v1/actions", "What somebody has to do, newest first", List::Actions),
        Operation::post(
            "/v1/actions/{id}/done",
            "Record that the partner has done an action",
            &[("actor", false), ("note", false)],
            &[200, 400, 404, 409, 415, 503],
        ),
        Operation::list("/v1/stale", "What has been silent for long", List::Stale),
        Operation::list(
            "/v1/discrepancies",
            "Where the browser and the lender contradict each other",
            List::Discrepancies,
        ),
        Operation::post(
            "/v1/secrets/{reference}/reveal",
            "Show a sealed secret, once it is recorded who asked for it, and why",
            &[("reason", true), ("actor", false)],
            &[200, 400, 404, 415, 500, 503],
        ),
        Operation::get(
            "/v1/customers/{source}/{id}",
            "A customer: identities, applications, charges, cards, balances",
        ),
        Operation {
            query: ["at_least", "limit", "cursor"].map(|name| (name, None)).into(),
            ..Operation::get(
                "/v1/customers/{source}/{id}/timeline",
                "Everything that happened to a customer, in the order in which it happened",
            )
        },
        Operation::list("/v1/exceptions", "What a person should look at", List::Exceptions),
        Operation::post(
            "/v1/exceptions/{id}/resolve",
            "Resolve an exception: apply, convert or discard; the refusal stays in the history",
            &[("action", true), ("convert_to", false), ("reason", true), ("actor", false)],
            &[200, 400, 404, 409, 415, 503],
        ),
        Operation::page(
            "/v1/deliveries",
            "Deliveries with their outcome as of now, newest first",
            vec![("outcome", Some(OUTCOMES.to_vec())), ("customer_id", None)],
        ),
        Operation::get("/v1/deliveries/{source}/{id}", "A delivery with its headers and body"),
        Operation {
            query: ["source", "at_least", "limit"].map(|name| (name, None)).into(),
            ..Operation::get("/v1/rejected-calls", "The newest calls that were not accepted")
        },
        Operation {
            query: ["source", "what", "from", "to", "at_least"]
                .map(|name| (name, (name == "what").then(|| What::ALL.map(What::name).into())))
                .into(),
            ..Operation::get("/v1/statistics", "Numbers over time: deliveries, applications")
        },
        Operation {
            query: ["q", "source", "at_least"].map(|name| (name, None)).into(),
            ..Operation::get("/v1/search", "What an id leads to, in any case, of any kind")
        },
        Operation {
            query: ["source", "after", "limit"].map(|name| (name, None)).into(),
            ..Operation::get("/v1/events", "The log of a source, in position order")
        },
        Operation {
            query: Vec::new(),
            ..Operation::get("/v1/sources", "All sources with their status")
        },
        Operation::get(
            "/v1/sources/{source}",
            "What a source received and what became of it: the audit equation",
        ),
    ]
}
