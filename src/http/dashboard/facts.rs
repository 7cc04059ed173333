//! What a thing is now: its figures, each with the entries that it comes from, and its fields.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::Frame,
    parts::{self, amount, list, nothing, status, text, time, words},
    things::part,
};
use crate::app::{lists::List, read::UNKNOWN_PAYMENT_METHOD, things::Thing};

/// A sum: its name, its field, and the kinds of step that it comes from, with the way they count.
struct Figure(&'static str, &'static str, &'static [(&'static str, char)]);

const OF_TRANSACTIONS: &[Figure] = &[
    Figure("Authorized", "authorized", &[("approve", '='), ("update", '='), ("void", '×')]),
    Figure("Captured", "captured", &[("capture", '+')]),
    Figure("Refunded", "refunded", &[("refund", '+')]),
    Figure(
        "On hold",
        "hold",
        &[("approve", '='), ("update", '='), ("capture", '−'), ("void", '×')],
    ),
];

const OF_CHARGES: &[Figure] = &[
    Figure("Authorized", "authorized", &[("authorize", '=')]),
    Figure("Settled", "settled", &[("settle", '+'), ("settle_update", '+')]),
    Figure("Refunded", "refunded", &[("refund", '+'), ("refund_update", '+')]),
    Figure("Charged back", "charged_back", &[("chargeback", '+')]),
    Figure("Chargebacks reversed", "chargebacks_reversed", &[("chargeback_reversal", '+')]),
    Figure(
        "Open to settle",
        "open_to_settle",
        &[("authorize", '='), ("settle", '−'), ("settle_update", '−'), ("void", '×')],
    ),
    Figure(
        "Refundable",
        "refundable",
        &[("settle", '+'), ("settle_update", '+'), ("refund", '−'), ("refund_update", '−')],
    ),
    Figure(
        "Net to merchant",
        "net_to_merchant",
        &[
            ("settle", '+'),
            ("settle_update", '+'),
            ("refund", '−'),
            ("refund_update", '−'),
            ("chargeback", '−'),
            ("chargeback_reversal", '+'),
        ],
    ),
];

/// What stands above the timeline of a thing.
pub fn of(frame: &Frame, thing: Thing, document: &Value) -> Markup {
    match thing {
        Thing::Transaction => transaction(frame, document),
        Thing::PaymentMethod => card(frame, document),
        Thing::Application => application(frame, document),
        Thing::Charge => charge(frame, document),
        Thing::Customer => customer(frame, document),
    }
}

fn figures(frame: &Frame, document: &Value, figures: &[Figure]) -> Markup {
    html! {
        div.figures {
            @for figure in figures {
                @let steps = behind(document, figure);
                div.figure {
                    div.name { (figure.0) }
                    div.value { (amount(&document[figure.1], &document["currency"])) }
                    @if !steps.is_empty() {
                        details {
                            summary { "from " (steps.len()) @if steps.len() == 1 { " entry" } @else { " entries" } }
                            ul {
                                @for (step, sign) in steps {
                                    li {
                                        span.sign { (sign) } " " (amount(&step["amount"], &step["currency"])) " "
                                        (entry(frame, document, step)) " " (time(&step["occurred_at"]))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The entries that a figure comes from: what counts, of its kinds.
fn behind<'a>(document: &'a Value, Figure(_, _, kinds): &Figure) -> Vec<(&'a Value, char)> {
    let sign = |step: &Value| {
        let counts = step["outcome"] == "applied"
            && !["pending", "failed"].contains(&text(&step["details"], "state"));
        let kind = kinds.iter().find(|(kind, _)| step["kind"] == *kind);
        kind.filter(|_| counts).map(|(_, sign)| *sign)
    };
    list(document, "steps").iter().filter_map(|step| Some((step, sign(step)?))).collect()
}

/// The way from an entry to the raw delivery that told it.
fn entry(frame: &Frame, document: &Value, step: &Value) -> Markup {
    let kind = words(text(step, "kind"));
    if step["actor"] != "provider" {
        return html! { (kind) " by " (text(step, "actor")) };
    }
    let link = frame.to_thing("deliveries", text(document, "source"), text(step, "id"));
    html! { a href=(link) { (kind) } }
}

/// Fields with their names; those that are null are left out.
fn fields(all: Vec<(&str, Markup)>) -> Markup {
    html! {
        dl.fields {
            @for (name, value) in all.into_iter().filter(|(_, value)| value.0 != nothing().0) {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn plain(value: &Value) -> Markup {
    match value {
        Value::Null => nothing(),
        Value::String(said) if said.is_empty() => nothing(),
        Value::String(said) => html! { (words(said)) },
        other => html! { (other) },
    }
}

fn id(value: &Value) -> Markup {
    value.as_str().map_or_else(nothing, parts::id)
}

fn transaction(frame: &Frame, document: &Value) -> Markup {
    let (source, merchant) = (text(document, "source"), &document["merchant"]);
    html! {
        (figures(frame, document, OF_TRANSACTIONS))
        (fields(vec![
            ("Refunds", plain(&document["refund_status"])),
            ("Customer", parts::thing_if(frame, "customer", source, &document["customer_id"])),
            ("Partner's customer", id(&document["partner_customer_id"])),
            ("Card", card_of(frame, document)),
            ("Merchant", html! { (as_text(&merchant["name"])) }.or_nothing()),
            ("Category", html! {
                (as_text(&merchant["category"])) " "
                @if let Some(code) = merchant["category_code"].as_str() { (parts::id(code)) }
            }.or_nothing()),
            ("Authorization code", id(&document["authorization_code"])),
            ("Network's id", id(&document["network_transaction_id"])),
            ("Intent", id(&document["intent_id"])),
        ]))
    }
}

/// The card of a transaction: one that has not been reported has no page.
fn card_of(frame: &Frame, document: &Value) -> Markup {
    let flags = list(document, "flags");
    if flags.iter().any(|flag| flag == UNKNOWN_PAYMENT_METHOD) {
        return html! { (id(&document["payment_method_id"])) ", which has not been reported so far" };
    }
    let card = &document["payment_method_id"];
    parts::thing_if(frame, "payment_method", text(document, "source"), card)
}

/// Empty markup counts as nothing.
trait OrNothing {
    fn or_nothing(self) -> Markup;
}

impl OrNothing for Markup {
    fn or_nothing(self) -> Markup {
        if self.0.trim().is_empty() { nothing() } else { self }
    }
}

fn as_text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn card(frame: &Frame, document: &Value) -> Markup {
    let source = text(document, "source");
    let reissue = &document["reissue"];
    let other = |way: &str| {
        let other = &reissue[way];
        let Some(id) = other["payment_method_id"].as_str() else { return nothing() };
        html! { (parts::thing(frame, "payment_method", source, id)) " (probably; " (text(other, "confidence")) " confidence)" }
    };
    html! {
        @if document["provider_reported_status"] != document["status"] && !document["provider_reported_status"].is_null() {
            p.notice {
                "The lender said last that the card is " b { (plain(&document["provider_reported_status"])) }
                ". It counts as " b { (plain(&document["status"])) } ": below it says why."
            }
        }
        (fields(vec![
            ("Type", plain(&document["card_type"])),
            ("State within", plain(&document["substate"])),
            ("As the lender said last", plain(&document["provider_reported_status"])),
            ("Customer", parts::thing_if(frame, "customer", source, &document["customer_id"])),
            ("Created", time(&document["created_at"])),
            ("Activated", time(&document["activated_at"])),
            ("Canceled", time(&document["canceled_at"])),
            ("Replaces", other("replaces")),
            ("Replaced by", other("replaced_by")),
            ("Design", id(&document["card_design_id"])),
        ]))
    }
}

fn application(frame: &Frame, document: &Value) -> Markup {
    let source = text(document, "source");
    let signing = &document["signing"];
    html! {
        (fields(vec![
            ("Decision", if document["decision"].is_null() { nothing() } else { status(text(document, "decision")) }),
            ("Decided", time(&document["decided_at"])),
            ("Started", time(&document["started_at"])),
            ("Created by the lender", time(&document["created_at"])),
            ("May apply again from", id(&document["reapply_after"])),
            ("Customer", parts::thing_if(frame, "customer", source, &document["customer_id"])),
            ("Partner's customer", id(&document["partner_customer_id"])),
            ("Partner's order", id(&document["merchant_order_id"])),
            ("Engagement", id(&document["engagement_id"])),
            ("Provisional", plain(&document["provisional"])),
            ("Never reported", html! { (list(document, "history_gap").iter().filter_map(Value::as_str).map(words).collect::<Vec<_>>().join(", ")) }.or_nothing()),
        ]))
        (reasons(document))
        @if signing.is_object() {
            h2 { "Signing" }
            (fields(vec![
                ("Status", status(text(signing, "status"))),
                ("Opened", time(&signing["opened_at"])),
                ("Completed", time(&signing["completed_at"])),
                ("Renewed", plain(&signing["renewals"])),
                ("Address", super::work::reveal_form(frame, &signing["secret_ref"])),
            ]))
        }
        (board(frame, document))
        (client_reports(document))
        @if !list(document, "charges").is_empty() {
            h2 { "Charges" }
            ul { @for charge in list(document, "charges").iter().filter_map(Value::as_str) {
                li { (parts::thing(frame, "charge", source, charge)) }
            } }
        }
    }
}

fn reasons(document: &Value) -> Markup {
    html! {
        @if !list(document, "reasons").is_empty() {
            h2 { "Reasons" }
            ul {
                @for reason in list(document, "reasons") {
                    li {
                        b { (words(&text(reason, "code").to_lowercase())) } " " code.muted { (text(reason, "code")) }
                        @if !text(reason, "customer_action").is_empty() { ": " (text(reason, "customer_action")) }
                    }
                }
            }
        }
    }
}

/// The board of lenders of an application.
fn board(frame: &Frame, document: &Value) -> Markup {
    let lenders = list(document, "lenders");
    html! {
        @if !lenders.is_empty() {
            h2 { "Lenders" }
            div.board {
                @for lender in lenders {
                    article.lender {
                        h3 { (parts::id(text(lender, "lender_id"))) }
                        p { (status(text(lender, "status"))) " " (amount(&lender["amount"], &lender["currency"])) }
                        (fields(vec![
                            ("Happened last", time(&lender["last_event_at"])),
                            ("In order next", next_of(lender)),
                            ("Reason", plain(&lender["reason"])),
                            ("Lender's reference", id(&lender["lender_reference_id"])),
                            ("Loan", id(&lender["loan_id"])),
                        ]))
                        @for token in list(lender, "token_refs") { p { "Token of the confirmation: " (super::work::reveal_form(frame, token)) } }
                    }
                }
            }
        }
    }
}

/// What a lender may report next.
fn next_of(lender: &Value) -> Markup {
    let legal = list(lender, "legal_next").iter();
    let legal: Vec<_> = legal.filter_map(Value::as_str).map(words).collect();
    html! { @if legal.is_empty() { "nothing: this is final" } @else { (legal.join(", ")) } }
}

/// What the SDK said, beside what the lender decided: it never makes a decision.
fn client_reports(document: &Value) -> Markup {
    let reports = list(document, "client_reports");
    let decision = &document["decision"];
    html! {
        @if !reports.is_empty() {
            h2 { "What the browser said" }
            p.muted { "The SDK's reports lie beside the lender's decision and never make one." }
            div.table tabindex="0" role="region" aria-label="What the browser said" { table.rows {
                thead { tr { th scope="col" { "In the browser" } th scope="col" { "The lender" } th scope="col" { "Told" } th scope="col" { "Session" } } }
                tbody { @for report in reports {
                    tr {
                        td { (status(text(report, "result"))) @if !report["error_code"].is_null() { " " (id(&report["error_code"])) } }
                        td { @if decision.is_null() { span.muted { "has not decided" } } @else { (status(as_text(decision))) } }
                        td { (time(&report["occurred_at"])) }
                        td { (id(&report["session_id"])) }
                    }
                } }
            } }
        }
    }
}

fn charge(frame: &Frame, document: &Value) -> Markup {
    let source = text(document, "source");
    html! {
        (figures(frame, document, OF_CHARGES))
        (fields(vec![
            ("Application", parts::thing_if(frame, "application", source, &document["application_id"])),
            ("Linked by", plain(&document["linked_by"])),
            ("Customer", parts::thing_if(frame, "customer", source, &document["customer_id"])),
            ("Partner's order", id(&document["merchant_order_id"])),
        ]))
        @if !list(document, "operations").is_empty() {
            h2 { "Operations" }
            (small_table(&["What", "Amount", "State", "Lender's id"], list(document, "operations").iter().map(|operation| vec![
                plain(&operation["kind"]), amount(&operation["amount"], &document["currency"]),
                status(text(operation, "state")), id(&operation["lender_transaction_id"]),
            ]).collect()))
        }
        @if !list(document, "chargebacks").is_empty() {
            h2 { "Chargebacks" }
            (small_table(&["Charged back", "Reversed", "Lender's id"], list(document, "chargebacks").iter().map(|chargeback| vec![
                amount(&chargeback["amount"], &document["currency"]), amount(&chargeback["reversed"], &document["currency"]),
                id(&chargeback["transaction_id"]),
            ]).collect()))
        }
    }
}

fn small_table(head: &[&str], rows: Vec<Vec<Markup>>) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label="Rows" { table.rows {
            thead { tr { @for name in head { th scope="col" { (name) } } } }
            tbody { @for row in rows { tr { @for (cell, name) in row.into_iter().zip(head) { td data-head=(name) { (cell) } } } } }
        } }
    }
}

/// What was done about the customer's personal data, if anything was.
fn privacy(document: &Value) -> Markup {
    let by = |done: &Value| html! { " by " b { (text(done, "actor")) } ", " (time(&done["at"])) ": " (text(done, "reason")) "." };
    html! {
        @if document["legal_hold"].is_object() { p.notice { "A legal hold is on the personal data, placed" (by(&document["legal_hold"])) } }
        @if document["erased"].is_object() { p.notice { "The personal data were erased" (by(&document["erased"])) } }
    }
}

fn customer(frame: &Frame, document: &Value) -> Markup {
    let identities = list(document, "identities").iter().map(|identity| {
        vec![
            plain(&identity["kind"]),
            id(&identity["value"]),
            plain(&identity["strength"]),
            plain(&identity["position"]),
        ]
    });
    let balances = list(document, "balances").iter().map(|balance| {
        let sum = |field: &str| amount(&balance[field], &balance["currency"]);
        vec![
            plain(&balance["currency"]),
            sum("pending"),
            sum("confirmed"),
            sum("refunded"),
            sum("net"),
        ]
    });
    html! {
        (privacy(document))
        h2 { "Known as" }
        (small_table(&["Kind", "Id", "How sure", "Since position"], identities.collect()))
        @if !list(document, "balances").is_empty() {
            h2 { "Card activity" }
            (small_table(&["Currency", "On hold", "Captured", "Refunded", "Net"], balances.collect()))
        }
        @for (name, field, of) in [
            ("Applications", "applications", List::Applications),
            ("Cards", "payment_methods", List::PaymentMethods),
            ("Charges", "charges", List::Charges),
        ] {
            @if !list(document, field).is_empty() {
                h2 { (name) }
                (part(frame, of, list(document, field)))
            }
        }
    }
}
