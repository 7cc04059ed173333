//! The catalogue of event types: `/v1/event-types`, `docs/event-types.md`, and `webhooks` of the
//! description. That every event of the log is as it is described holds the harness: `support::event_types`.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use creditrail::{http::event_types::documents, store::codec};
use creditrail_domain::event::VERSION;
use creditrail_sending::body;
use serde_json::{Value, json};

use crate::{
    docs::{AGAIN, is_current},
    support::{
        Demo, Ledger, column, described,
        event_types::{KINDS, body_of, data_of, hold},
        items, text,
    },
};

/// An event that is frozen, of a kind of which endpoints can be told.
struct Frozen {
    kind: String,
    event: String,
    payload: Value,
    written: String,
}

impl Frozen {
    fn name(&self) -> String {
        format!("{}.{}", self.kind, self.event)
    }
}

fn frozen() -> Vec<Frozen> {
    let lines = include_str!("../fixtures/events.ndjson").lines();
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut name = text(&line, "name").split('.').map(str::to_owned);
        let (kind, event) = (name.next().unwrap(), name.next().unwrap());
        let (payload, written) = (line["payload"].clone(), line["payload"].to_string());
        Frozen { kind, event, payload, written }
    };
    lines.map(read).filter(|frozen| KINDS.contains(&frozen.kind.as_str())).collect()
}

fn names() -> BTreeSet<String> {
    documents().iter().map(|document| text(document, "type").to_owned()).collect()
}

#[test]
fn every_event_type_that_endpoints_can_be_told_of_has_an_entry_and_examples() {
    let frozen: BTreeSet<_> = frozen().iter().map(Frozen::name).collect();
    assert_eq!(names(), frozen);
    assert_eq!(documents().len(), frozen.len(), "each once");
    for document in documents() {
        assert!(!items(document, "examples").is_empty(), "{document}");
        assert!(text(document, "description").ends_with('.'), "{document}");
    }
}

#[test]
fn every_name_that_the_domain_gives_an_event_is_in_the_catalogue() {
    let mut named = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("domain/src");
    for folder in KINDS.map(|kind| root.join(kind)).into_iter().chain([root.join("journal.rs")]) {
        event_names(&folder, &mut named);
    }
    let known: BTreeSet<_> =
        documents().iter().filter_map(|it| text(it, "type").split('.').nth(1)).collect();
    assert!(named.len() > 40, "the names are found: {named:?}");
    assert_eq!(named, known.into_iter().map(str::to_owned).collect());
}

/// What functions of the name `event_type` or `name` give, in the manner of the log.
fn event_names(path: &Path, named: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            event_names(&entry.unwrap().path(), named);
        }
        return;
    }
    if path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs") {
        return;
    }
    let source = fs::read_to_string(path).unwrap();
    for rest in source.split("=> \"").skip(1) {
        let word = rest.split('"').next().unwrap();
        let is_name = word.starts_with(|letter: char| letter.is_ascii_uppercase())
            && word.contains(|letter: char| letter.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_name {
            named.insert(word.to_owned());
        }
    }
}

#[test]
fn every_frozen_event_fits_as_it_is_stored_and_as_it_is_sent() {
    for frozen in frozen() {
        let name = frozen.name();
        let sent = body::without_references(&frozen.written, &mut |_, _| None);
        let sent: Value = serde_json::from_str(&sent).unwrap();
        let published = schema(&name);
        for data in [&frozen.payload, &sent] {
            hold(
                &json!({ "aggregate_type": frozen.kind, "event_type": frozen.event, "payload": data }),
            );
            assert_eq!(faults(&published, data), Vec::<String>::new(), "{name}: {data}");
        }
    }
}

#[test]
fn every_example_is_what_would_be_sent_and_has_no_secret() {
    let references: Vec<_> =
        frozen().iter().flat_map(|frozen| body::references(&frozen.written)).collect();
    assert_eq!(references.len(), 2, "the frozen events have secrets");
    for document in documents() {
        let name = text(document, "type");
        for example in items(document, "examples") {
            assert_eq!((text(example, "type"), text(example, "schema_version")), (name, VERSION));
            let whole = &body_of(name).unwrap()["application/json"]["schema"];
            assert_eq!(described::faults_of(whole, example), Vec::<String>::new(), "{name}");
            let told = example.to_string();
            assert!(references.iter().all(|(_, reference)| !told.contains(reference)), "{told}");
        }
    }
}

#[test]
fn a_secret_is_marked_by_the_field_by_which_it_is_allowed() {
    let mut marked = BTreeSet::new();
    for frozen in frozen() {
        let name = frozen.name();
        // A schema that takes nothing where a secret is marked.
        let written = schema(&name).to_string();
        let without = written.replace("\"x-secret-field\":", "\"const\":");
        let without: Value = serde_json::from_str(&without).unwrap();
        let has_none = faults(&without, &frozen.payload).is_empty();
        assert_eq!(has_none, body::references(&frozen.written).is_empty(), "{name}");
    }
    for document in documents() {
        let fields = items(document, "secret_fields").iter().map(|field| field.as_str().unwrap());
        marked.extend(fields);
    }
    assert_eq!(marked, body::secret_fields().collect());
}

#[test]
fn a_field_is_asked_for_and_of_a_kind_exactly_as_the_reader_of_the_log_has_it() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for frozen in frozen() {
        let data = data_of(&frozen.name()).unwrap();
        for path in paths(&frozen.payload) {
            for other in others(&frozen.payload, &path) {
                tried += 1;
                let is_read = codec::decode(&frozen.kind, VERSION, &other.to_string())
                    .is_ok_and(|event| alike(event.name()) == alike(&frozen.event));
                let fits = described::faults_of(data, &other).is_empty();
                if fits != is_read {
                    wrong.push(format!("{} at {path}, read {is_read}: {other}", frozen.name()));
                }
            }
            if frozen.payload.pointer(&path).unwrap().is_object() {
                let mut more = frozen.payload.clone();
                more.pointer_mut(&path).unwrap()["unheard_of"] = json!(1);
                assert_ne!(described::faults_of(data, &more), Vec::<String>::new(), "{more}");
                assert_eq!(faults(&schema(&frozen.name()), &more), Vec::<String>::new(), "{more}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 1000, "{tried}");
}

/// What says nothing new goes by another name if it has one of several fields: that is not in a schema.
fn alike(name: &str) -> &str {
    if name == "IdentityEnriched" { "StepDuplicate" } else { name }
}

/// The paths of all fields.
fn paths(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .flat_map(|(name, value)| {
            let below = paths(value).into_iter().map(move |path| format!("/{name}{path}"));
            [format!("/{name}")].into_iter().chain(below)
        })
        .collect()
}

/// The same without a field, and with something else in it.
fn others(value: &Value, path: &str) -> [Value; 2] {
    let (around, name) = path.rsplit_once('/').unwrap();
    let (mut without, mut other) = (value.clone(), value.clone());
    without.pointer_mut(around).unwrap().as_object_mut().unwrap().remove(name);
    let place = other.pointer_mut(path).unwrap();
    *place = if place.is_object() { json!(17) } else { json!({ "unheard_of": [] }) };
    [without, other]
}

#[tokio::test]
async fn every_event_of_the_three_lenders_histories_fits() {
    let demo = Demo::start().await;
    let mut seen = BTreeSet::new();
    for source in ["imprint", "onboarding", "loans"] {
        let path = format!("{}/v1/events?source={source}&limit=1000", demo.base);
        let events: Value = reqwest::get(path).await.unwrap().json().await.unwrap();
        for event in items(&events, "items") {
            hold(event);
            seen.insert(format!("{}.{}", text(event, "aggregate_type"), text(event, "event_type")));
        }
    }
    assert!(seen.len() > 35, "{seen:?}");
}

#[tokio::test]
async fn the_catalogue_is_read_as_a_whole_and_one_by_one() {
    let ledger = Ledger::fresh();
    let listed = ledger.ask("/v1/event-types", &[]).await.is(200);
    let listed = items(&listed, "items");
    let known: Vec<_> = documents().iter().map(|document| text(document, "type")).collect();
    assert_eq!(column(listed, "type"), known);
    assert!(listed.iter().all(|item| item.get("schema").is_none()), "{listed:?}");
    for document in documents() {
        let path = format!("/v1/event-types/{}", text(document, "type"));
        assert_eq!(ledger.ask(&path, &[]).await.is(200), *document);
    }
    let opened = ledger.ask("/v1/event-types/application.SigningOpened", &[]).await.is(200);
    assert_eq!(opened["secret_fields"], json!(["signing_url"]));
    ledger.ask("/v1/event-types/transaction.Gone", &[]).await.is_problem(404, "not_found");
    ledger.ask("/v1/event-types", &[("source", "imprint")]).await.names("source");
    ledger.ask("/v1/event-types/charge.ChargedBack", &[("at_least", "1")]).await.names("at_least");
}

#[test]
fn every_schema_is_one() {
    for document in documents() {
        let schema = &document["schema"];
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema}");
    }
}

#[test]
fn the_event_types_in_docs_are_current() {
    is_current("event-types.md", &page());
}

/// The schema that is published of an event type.
fn schema(name: &str) -> Value {
    let found = documents().iter().find(|document| document["type"] == name);
    found.unwrap_or_else(|| panic!("{name} has no entry"))["schema"].clone()
}

fn faults(schema: &Value, data: &Value) -> Vec<String> {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let validator = options.build(schema).expect("a schema");
    validator.iter_errors(data).map(|error| error.to_string()).collect()
}

fn page() -> String {
    let mut page = format!(
        "# Event types\n\n<!-- Generated; after a change: {AGAIN} -->\n\n\
         What [endpoints](notifications.md) can be told of. `data` of a notification is the event as it is stored; \
         its JSON Schema (2020-12) is here, what several have in common at the [end](#definitions) of the page. \
         `GET /v1/event-types/{{type}}` has each schema whole, with all that it refers to; `webhooks` of \
         [openapi.json](openapi.json) has each as it comes. Take fields that you do not know: a later release \
         may tell more, under the same schema version. What means something else gets a new version.\n\n\
         `x-secret-field` marks a secret: it is null, unless the endpoint has that name among its `secret_fields`. \
         As CloudEvents, types begin with `creditrail.`.\n\n| type | what happened |\n|---|---|\n"
    );
    for document in documents() {
        let (name, says) = (text(document, "type"), text(document, "description"));
        let anchor = name.replace('.', "").to_lowercase();
        writeln!(page, "| [`{name}`](#{anchor}) | {says} |").unwrap();
    }
    let mut definitions = std::collections::BTreeMap::new();
    for document in documents() {
        let mut schema = document["schema"].clone();
        let own = schema.as_object_mut().unwrap();
        for name in ["$schema", "title", "description"] {
            own.remove(name);
        }
        let shared = own.remove("$defs").unwrap();
        definitions.extend(shared.as_object().unwrap().clone());
        let version = text(document, "schema_version");
        let (name, says) = (text(document, "type"), text(document, "description"));
        write!(page, "\n## {name}\n\n{says} Schema version {version}.\n\n").unwrap();
        block(&mut page, &schema);
        let examples = items(document, "examples");
        page.push_str(if examples.len() == 1 { "\nAn example:\n\n" } else { "\nExamples:\n\n" });
        for example in examples {
            block(&mut page, example);
        }
    }
    page.push_str("\n## Definitions\n\n`$defs`, to which the schemas refer.\n\n");
    block(&mut page, &json!(definitions));
    page
}

fn block(page: &mut String, value: &Value) {
    let mut written = String::new();
    write_value(&mut written, value, 0);
    write!(page, "```json\n{written}\n```\n").unwrap();
}

/// In one line, if it is short.
fn write_value(out: &mut String, value: &Value, indent: usize) {
    let short = in_one_line(value);
    if indent + short.len() <= 108 {
        out.push_str(&short);
        return;
    }
    let margin = " ".repeat(indent + 2);
    let mut entries = Vec::new();
    let (begin, end) = if let Value::Object(fields) = value {
        for (name, value) in fields {
            let mut entry = format!("{margin}{}: ", json!(name));
            let at = indent + 2;
            write_value(&mut entry, value, at);
            entries.push(entry);
        }
        ('{', '}')
    } else {
        for value in value.as_array().into_iter().flatten() {
            let mut entry = margin.clone();
            write_value(&mut entry, value, indent + 2);
            entries.push(entry);
        }
        ('[', ']')
    };
    if entries.is_empty() {
        out.push_str(&short);
        return;
    }
    write!(out, "{begin}\n{}\n{}{end}", entries.join(",\n"), " ".repeat(indent)).unwrap();
}

fn in_one_line(value: &Value) -> String {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", json!(name), in_one_line(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(in_one_line).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}
