//! The generated pages of `docs/` are what the code says. After a change of a lifecycle, a refusal
//! or a flag: `UPDATE_DOCS=1 cargo test --test suite docs`, and read what changed.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

use creditrail::http::{
    metrics::{METRICS, Of},
    openapi,
};
use creditrail_domain::{Flag, Refusal, Severity, machine::Machine};

pub const AGAIN: &str = "UPDATE_DOCS=1 cargo test --test suite docs";

#[test]
fn the_lifecycles_in_docs_are_current() {
    for name in Machine::NAMES {
        is_current(&lifecycle_file(name), &lifecycle_page(name));
    }
}

#[test]
fn the_codes_in_docs_are_current() {
    is_current("codes.md", &codes_page());
}

#[test]
fn the_metrics_in_docs_are_current() {
    let page = fs::read_to_string(path("operations.md")).expect("the page");
    let (before, rest) = page.split_once("<!-- Generated from ").expect("where it begins");
    let (head, rest) = rest.split_once('\n').expect("a line");
    let (_, after) = rest.split_once("<!-- End of ").expect("where it ends");
    let table = metrics_table();
    let generated = format!("{before}<!-- Generated from {head}\n{table}<!-- End of {after}");
    is_current("operations.md", &generated);
    assert!(head.contains(AGAIN), "the page says how");
}

#[test]
fn the_description_in_docs_is_current() {
    let mut description = serde_json::to_string_pretty(&openapi::document()).expect("JSON");
    description.push('\n');
    is_current("openapi.json", &description);
}

#[test]
fn the_command_line_draws_what_docs_show() {
    for name in Machine::NAMES {
        let page = shown(&lifecycle_file(name), || lifecycle_page(name));
        let (_, block) = page.split_once("```mermaid\n").expect("the page has a drawing");
        let (block, _) = block.split_once("```").expect("the drawing ends");
        assert_eq!(printed(&["machine", name, "--format", "mermaid"]), block, "{name}");
        assert!(page.ends_with(&printed(&["machine", name, "--format", "table"])), "{name}");
    }
}

fn lifecycle_file(name: &str) -> String {
    format!("lifecycles/{name}.md")
}

fn lifecycle_page(name: &str) -> String {
    let machine = Machine::named(name).expect("every name is one of a machine");
    let (title, says) = match name {
        "application" => (
            "Application",
            "What the lender decides about an application, and what lies over it: the partner's \
             session (`start`) and the SDK's reports (`report`), which never decide. A decision \
             with another `created_at` is about another application.",
        ),
        "charge" => (
            "Charge",
            "A charge of a purchase that a lender finances, by what is authorized and settled. \
             What stands on the customer's statement counts whenever it comes: settles, refunds and \
             chargebacks are flagged, never held back. An open chargeback adds rows of its own.",
        ),
        "charge-operation" => (
            "Operation of a charge",
            "A settle or a refund, by its state. Its states have one order, whatever the times of \
             the webhooks: what is behind is stale.",
        ),
        "lender-track" => (
            "Lender's track",
            "Where one lender stands within an application that is offered to several. The \
             application's status is that of the lender who is furthest, so one lender's decline \
             is not the application's.",
        ),
        "onboarding" => (
            "Card onboarding",
            "An application that the lender assesses, the customer signs and the lender completes. \
             A step that implies an earlier one waits for it, and is adopted after a while with \
             what is missing named.",
        ),
        "customer-link" => {
            ("Customer link", "One pair of a lender's customer id and a partner's customer id.")
        }
        "payment-method" => (
            "Payment method",
            "A card, by its type and its status; the step is the status that the lender reports. \
             What is not listed waits for a missing step, or is refused. A card of any other type \
             may begin in any status and change to any, but `canceled` is final.",
        ),
        "transaction" => (
            "Transaction",
            "A card transaction. The status is derived from the totals. Several targets: the \
             amounts decide. A flag in the last column is what this step by itself leads to; the \
             totals of the whole history may add others or take it away.",
        ),
        other => panic!("the page of {other} needs a title and a sentence"),
    };
    format!(
        "# {title}\n\n<!-- Generated; after a change: {AGAIN} -->\n\n{says}\n\nSteps are judged in the order in \
         which they happened, whatever the order of arrival. The drawing has what is applied; the \
         table has every row.\n\n```mermaid\n{}```\n\n{}",
        machine.mermaid(),
        machine.table(),
    )
}

fn codes_page() -> String {
    let mut page = format!(
        "# Codes\n\n<!-- Generated; after a change: {AGAIN} -->\n\nThey are stable: a code keeps its name and its \
         meaning. A refused step has one, as `reason`; a step that counts may have several flags. \
         Either makes an exception, whose severity is that of its code; of several flags the \
         gravest one's.\n\n\
         | severity | what it asks for |\n|---|---|\n\
         | `high` | money or identity may be wrong |\n\
         | `review` | somebody should look at it |\n\
         | `info` | worth knowing; nothing to do |\n\n\
         ## Refusals\n\nThe step does not count. In order of precedence: the first one that \
         fits is given.\n\n| code | severity | meaning |\n|---|---|---|\n"
    );
    for refusal in Refusal::ALL {
        row(&mut page, refusal.code(), refusal.severity(), refusal.meaning());
    }
    page.push_str(
        "\n## Flags\n\nThe step counts. Flags are derived: a later step may add or take away \
         one.\n\n| code | severity | meaning |\n|---|---|---|\n",
    );
    for flag in Flag::ALL {
        row(&mut page, flag.code(), flag.severity(), flag.meaning());
    }
    page.push_str(
        "\n## Of no single step\n\n\
         | code | severity | meaning |\n|---|---|---|\n\
         | `malformed` | `review` | an exception: the delivery is no JSON, or a required field is missing or of the wrong kind |\n\
         | `unrecognised` | `info` | an exception: the delivery is of an object or a status that is not known |\n\
         | `endpoint_gone` | `review` | an exception: an endpoint answered 410, so it is paused until somebody resumes it |\n\
         | `identity_conflict` | `review` | an exception: one id of the partner stands for several customers of the lender, or the other way round |\n\
         | `unknown_payment_method` | – | a flag of a transaction, told when it is read: no report of its card has come |\n",
    );
    page
}

fn metrics_table() -> String {
    let mut table =
        "| metric | kind | labels | said by | meaning |\n|---|---|---|---|---|\n".to_owned();
    for metric in METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let said_by = match metric.of {
            Of::Instance => "instance",
            Of::Database => "database",
        };
        let (name, kind, help) = (metric.name, metric.kind.name(), metric.help);
        writeln!(table, "| `{name}` | {kind} | {labels} | {said_by} | {help} |")
            .expect("a String takes all");
    }
    table
}

fn row(page: &mut String, code: &str, severity: Severity, meaning: &str) {
    let severity = match severity {
        Severity::Info => "info",
        Severity::Review => "review",
        Severity::High => "high",
    };
    writeln!(page, "| `{code}` | `{severity}` | {meaning} |").expect("a String takes all");
}

#[track_caller]
pub fn is_current(file: &str, generated: &str) {
    if is_update() {
        fs::write(path(file), generated).expect("the page is written");
    }
    let shown = shown(file, || generated.to_owned());
    assert!(shown == generated, "docs/{file} is not what the code says; {AGAIN}");
}

/// The page as it stands in `docs/`, or as it is being generated.
fn shown(file: &str, generated: impl FnOnce() -> String) -> String {
    if is_update() { generated() } else { fs::read_to_string(path(file)).unwrap_or_default() }
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(file)
}

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_creditrail")).args(arguments).output();
    let output = output.expect("the command runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
