//! Lists: filters in the address, cursors that do not shift, and what to do where a list is empty.

use std::collections::HashMap;

use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Shown,
    frame::Frame,
    parts::{self, encoded, nothing, outcome, severity, status, text, time, words},
};
use crate::{
    app::{Creditrail, lists::List, read::Items},
    http::{
        access::Right,
        params::{Params, Query, next_cursor},
    },
};

/// A list as it is shown.
pub struct Listing {
    /// What it lists.
    pub list: List,
    title: &'static str,
    about: &'static str,
    empty: &'static str,
    columns: &'static [Column],
}

/// A column: its head, what stands in it, and whether it is of numbers.
pub struct Column(pub &'static str, pub fn(&Frame, &Value) -> Markup, pub bool);

/// All lists of read models.
pub static LISTINGS: &[Listing] = &[
    Listing {
        list: List::Transactions,
        title: "Transactions",
        about: "Card transactions with their totals.",
        empty: "Transactions appear here as soon as a lender reports one.",
        columns: &[
            Column(
                "Transaction",
                |frame, row| of(frame, row, "transaction", "transaction_id"),
                false,
            ),
            Column("Status", |_, row| status(text(row, "status")), false),
            Column("Authorized", |_, row| money(row, "authorized"), true),
            Column("Captured", |_, row| money(row, "captured"), true),
            Column("Refunded", |_, row| money(row, "refunded"), true),
            Column("Hold", |_, row| money(row, "hold"), true),
            Column("Merchant", |_, row| html! { (text(&row["merchant"], "name")) }, false),
            Column("Customer", |frame, row| of(frame, row, "customer", "customer_id"), false),
        ],
    },
    Listing {
        list: List::PaymentMethods,
        title: "Cards",
        about: "Cards and what state they are in.",
        empty: "Cards appear here as soon as a lender reports one.",
        columns: &[
            Column(
                "Card",
                |frame, row| of(frame, row, "payment_method", "payment_method_id"),
                false,
            ),
            Column("Type", |_, row| html! { (words(text(row, "card_type"))) }, false),
            Column("Status", |_, row| status(text(row, "status")), false),
            Column(
                "As the lender said last",
                |_, row| html! { (words(text(row, "provider_reported_status"))) },
                false,
            ),
            Column("Created", |_, row| time(&row["created_at"]), false),
            Column("Customer", |frame, row| of(frame, row, "customer", "customer_id"), false),
        ],
    },
    Listing {
        list: List::Applications,
        title: "Applications",
        about: "Who applied for credit, and what was decided.",
        empty: "Applications appear here once a lender reports on one or the partner registers one.",
        columns: &[
            Column(
                "Application",
                |frame, row| of(frame, row, "application", "application_id"),
                false,
            ),
            Column("Status", |_, row| status(text(row, "status")), false),
            Column("Started", |_, row| time(&row["started_at"]), false),
            Column("Decided", |_, row| time(&row["decided_at"]), false),
            Column("Customer", |frame, row| of(frame, row, "customer", "customer_id"), false),
            Column("Partner's id", |_, row| id_of(row, "partner_customer_id"), false),
        ],
    },
    Listing {
        list: List::Charges,
        title: "Charges",
        about: "Charges with what is settled, refunded and charged back.",
        empty: "Charges appear here once the partner creates one or a lender reports on one.",
        columns: &[
            Column("Charge", |frame, row| of(frame, row, "charge", "charge_id"), false),
            Column("Status", |_, row| status(text(row, "status")), false),
            Column("Authorized", |_, row| money(row, "authorized"), true),
            Column("Settled", |_, row| money(row, "settled"), true),
            Column("Refunded", |_, row| money(row, "refunded"), true),
            Column("Net", |_, row| money(row, "net_to_merchant"), true),
            Column(
                "Application",
                |frame, row| of(frame, row, "application", "application_id"),
                false,
            ),
        ],
    },
    Listing {
        list: List::Exceptions,
        title: "Exceptions",
        about: "What a person should look at.",
        empty: "Nothing here asks for a person. Without the filter the resolved ones are shown too.",
        columns: EXCEPTIONS,
    },
    Listing {
        list: List::Actions,
        title: "Actions",
        about: "What the partner, the customer or the merchant has to do.",
        empty: "Nobody has anything to do. Without the filter what is done is shown too.",
        columns: ACTIONS,
    },
    Listing {
        list: List::Discrepancies,
        title: "Discrepancies",
        about: "Where the browser and the lender contradict each other. The lender's word counts.",
        empty: "Browser and lender agree on everything that is known.",
        columns: FINDINGS,
    },
    Listing {
        list: List::Stale,
        title: "Silent for long",
        about: "What should have gone on by now, by the policies of its source.",
        empty: "Everything goes on in its time.",
        columns: FINDINGS,
    },
    Listing {
        list: List::Deliveries,
        title: "Deliveries",
        about: "Each webhook call once, as it came, with what became of it as of now.",
        empty: "Nothing has come in that fits. A lender sends to /webhooks/ and the name of its source; \
            `creditrail sign` prints the headers of a call to try it.",
        columns: DELIVERIES,
    },
];

/// Who did what: for those who audit.
pub static ACCESSES: Listing = Listing {
    list: List::AccessRecords,
    title: "Who did what",
    about: "What people decided, were shown, told and took away: each with who, when and why.",
    empty: "Nobody has done anything that is recorded.",
    columns: &[
        Column("When", |_, row| time(&row["at"]), false),
        Column("Who", |_, row| html! { (text(row, "actor")) }, false),
        Column("Did", |_, row| html! { (words(text(row, "act"))) ": " (text(row, "what")) }, false),
        Column(
            "About",
            |frame, row| if row["subject"].is_object() { subject(frame, row) } else { nothing() },
            false,
        ),
        Column("Why", |_, row| html! { (text(row, "reason")) }, false),
    ],
};

/// The columns of exceptions, for the home page as well.
pub const EXCEPTIONS: &[Column] = &[
    Column(
        "What",
        |frame, row| {
            let link = frame.to(&format!("exceptions/{}", encoded(text(row, "id"))));
            html! { a href=(link) { (words(text(row, "code"))) } }
        },
        false,
    ),
    Column("Matters", |_, row| severity(text(row, "severity")), false),
    Column("At stake", |_, row| money(row, "amount_at_stake"), true),
    Column("About", subject, false),
    Column("Why", |_, row| html! { (text(row, "message")) }, false),
    Column("Heard", |_, row| time(&row["received_at"]), false),
    Column("State", |_, row| status(text(row, "status")), false),
];

/// The columns of actions, for the home page as well.
pub const ACTIONS: &[Column] = &[
    Column("What", |_, row| html! { (text(row, "message")) }, false),
    Column("Who", |_, row| html! { (text(row, "owner")) }, false),
    Column("About", subject, false),
    Column("Since", |_, row| time(&row["opened_at"]), false),
    Column("Due", |_, row| time(&row["due_at"]), false),
    Column("State", |_, row| status(text(row, "status")), false),
    Column("Done?", super::work::done_form, false),
];

/// The columns of discrepancies and of what is silent.
pub const FINDINGS: &[Column] = &[
    Column("What", |_, row| html! { (text(row, "message")) }, false),
    Column("About", subject, false),
    Column("Since", |_, row| time(&row["since"]), false),
    Column("What to do", |_, row| html! { (text(row, "suggestion")) }, false),
];

fn of(frame: &Frame, row: &Value, kind: &str, field: &str) -> Markup {
    parts::thing_if(frame, kind, text(row, "source"), &row[field])
}

fn id_of(row: &Value, field: &str) -> Markup {
    row[field].as_str().map_or_else(nothing, parts::id)
}

fn money(row: &Value, field: &str) -> Markup {
    parts::amount(&row[field], &row["currency"])
}

/// What a row is about.
pub fn subject(frame: &Frame, row: &Value) -> Markup {
    let (kind, id) = (text(&row["subject"], "type"), text(&row["subject"], "id"));
    html! { (parts::kind_word(kind)) " " (parts::thing(frame, kind, text(row, "source"), id)) }
}

/// The columns of deliveries.
const DELIVERIES: &[Column] = &[
    Column(
        "Received",
        |frame, row| {
            let link = frame.to_thing("deliveries", text(row, "source"), text(row, "delivery_id"));
            html! { a href=(link) { (time(&row["received_at"])) } }
        },
        false,
    ),
    Column("What", |_, row| html! { (words(text(row, "kind"))) }, false),
    Column("Outcome", |_, row| outcome(text(row, "outcome")), false),
    Column("About", subject, false),
    Column("Happened", |_, row| time(&row["occurred_at"]), false),
    Column("Came again", |_, row| html! { (row["repeats"]) }, true),
    Column("Why", |_, row| html! { (text(row, "message")) }, false),
];

/// The page of a list.
pub async fn page(
    listing: &'static Listing,
    State(creditrail): State<Creditrail>,
    frame: Frame,
    Query(given): Query,
) -> Shown {
    let list = listing.list;
    let page = Params::new(given.clone()).list(&creditrail, list).await?;
    let items = creditrail.list(list, page).await?;
    let form = Form { list, given: &given, creditrail: &creditrail };
    Ok(frame.show(
        listing.title,
        &html! {
            h1 { (listing.title) }
            p.muted { (listing.about) }
            (form.show(&frame))
            @let is_first = !given.contains_key("cursor");
        div data-live[is_first] {
            button #fresh.quiet type="button" hidden {}
            (rows(&frame, listing.columns, &items.items, listing.empty))
        }
            (form.turn(&frame, &items))
        },
    ))
}

/// The filters of a list, as a form that leads to an address.
struct Form<'a> {
    list: List,
    given: &'a HashMap<String, String>,
    creditrail: &'a Creditrail,
}

impl Form<'_> {
    fn show(&self, frame: &Frame) -> Markup {
        let value = |name: &str| self.given.get(name).map_or("", String::as_str);
        let sources: Vec<_> = self.creditrail.sources().collect();
        html! {
            form.filters action=(frame.to(self.list.name())) method="get" {
                @if sources.len() > 1 { (choice("source", &sources, value("source"))) }
                @for filter in self.list.filters() {
                    @match self.list.values(filter) {
                        Some(values) => (choice(filter, &values, value(filter))),
                        None => label { span { (words(filter)) } input name=(filter) value=(value(filter)); },
                    }
                }
                (choice_of("order", &orders(self.list), value("order")))
                button { "Show" }
                @if self.given.keys().any(|name| name != "cursor") {
                    a href=(frame.to(self.list.name())) { "All" }
                }
            }
        }
    }

    /// The way to the next page and to the same list in the interface.
    fn turn(&self, frame: &Frame, items: &Items) -> Markup {
        let mut query: Vec<_> = self
            .given
            .iter()
            .filter(|(name, value)| *name != "cursor" && !value.is_empty())
            .collect();
        query.sort();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let with = |more: Option<String>| {
            let all: Vec<_> = query.iter().cloned().chain(more).collect();
            if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
        };
        let next =
            items.next.as_ref().map(|next| with(Some(format!("cursor={}", next_cursor(next)))));
        html! {
            nav.turn aria-label="Pages" {
                @if self.given.contains_key("cursor") {
                    a href=(frame.to(&format!("{}{}", self.list.name(), with(None)))) { "First page" }
                }
                @if let Some(next) = next {
                    a rel="next" href=(frame.to(&format!("{}{next}", self.list.name()))) { "Next page" }
                }
                span.muted { (items.items.len()) " shown" @if items.next.is_none() { ", the end" } }
                a href=(frame.to(&format!("v1/{}{}", self.list.name(), with(None)))) { "As JSON" }
                (self.take_away(frame))
            }
        }
    }

    /// What takes the list away, exactly as it is filtered, for those who may.
    fn take_away(&self, frame: &Frame) -> Markup {
        html! {
            @if frame.may(Right::Audit) {
                details.work {
                    summary { "Export" }
                    form.stacked action=(frame.to("exports")) method="post" {
                        input type="hidden" name="list" value=(self.list.name());
                        @for (name, value) in self.given.iter().filter(|(name, _)| *name != "cursor" && *name != "limit") {
                            input type="hidden" name=(name) value=(value);
                        }
                        label { span { "Why? It is recorded with your name." } input name="reason" required; }
                        div {
                            button name="format" value="csv" { "As CSV" } " "
                            button name="format" value="ndjson" { "As NDJSON" }
                        }
                    }
                }
            }
        }
    }
}

/// The orders of a list, the default without a value.
fn orders(list: List) -> Vec<(&'static str, &'static str)> {
    let shown = |name: &'static str| match name {
        "newest" => ("", "newest first"),
        "oldest" => (name, "oldest first"),
        _ => (name, "most at stake first"),
    };
    list.orders().iter().map(|(name, _)| shown(name)).collect()
}

fn choice(name: &str, values: &[&str], chosen: &str) -> Markup {
    let all: Vec<_> = std::iter::once(("", "any".to_owned()))
        .chain(values.iter().map(|value| (*value, words(value))))
        .collect();
    let all: Vec<_> = all.iter().map(|(value, name)| (*value, name.as_str())).collect();
    choice_of(name, &all, chosen)
}

fn choice_of(name: &str, values: &[(&str, &str)], chosen: &str) -> Markup {
    html! {
        label {
            span { (words(name)) }
            select name=(name) {
                @for (value, shown) in values {
                    option value=(value) selected[*value == chosen] { (shown) }
                }
            }
        }
    }
}

/// A table of rows; what to do where there are none.
pub fn rows(frame: &Frame, columns: &[Column], rows: &[Value], empty: &str) -> Markup {
    if rows.is_empty() {
        return html! { p.empty { (empty) } };
    }
    html! {
        div.table tabindex="0" role="region" aria-label="Rows" {
            table.rows {
                thead { tr {
                    @for Column(head, _, is_number) in columns {
                        th scope="col" class=[is_number.then_some("number")] { (head) }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr data-key=(key(row)) {
                            @for Column(head, cell, is_number) in columns {
                                td data-head=(head) class=[is_number.then_some("number")] { (cell(frame, row)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What tells a row from the others when the list is shown again.
fn key(row: &Value) -> String {
    let ids = [
        "id",
        "delivery_id",
        "transaction_id",
        "payment_method_id",
        "charge_id",
        "application_id",
        "number",
    ];
    let id = ids.iter().map(|field| &row[*field]).find(|id| !id.is_null());
    format!("{}/{}", text(row, "source"), id.map(ToString::to_string).unwrap_or_default())
}

/// What the list at a path is called.
pub fn title(path: &str) -> &'static str {
    let listing = LISTINGS.iter().find(|listing| listing.list.name() == path);
    listing.map_or("", |listing| listing.title)
}

impl Listing {
    /// Its columns.
    pub const fn columns(&self) -> &'static [Column] {
        self.columns
    }
}
