//! The lists that there are: what each is called, and its columns.

use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::{
    frame::Frame,
    parts::{self, encoded, nothing, outcome, severity, status, text, time, words},
};
use crate::app::lists::List;

/// A list as it is shown.
pub struct Listing {
    pub list: List,
    pub title: &'static str,
    pub about: &'static str,
    /// What to do if it is empty.
    pub empty: &'static str,
    pub columns: &'static [Column],
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
            Column("Happened last", |_, row| last_step(row), false),
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
            Column("Happened last", |_, row| last_step(row), false),
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
        list: List::Compliance,
        title: "Compliance",
        about: "What is counted from decisions: notices that are due, how long records are kept, from \
            when a customer may apply again. The regulated party is normally the lender.",
        empty: "No decision is known from which anything is counted.",
        columns: CLOCKS,
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
        Column("Did", |_, row| html! { (words(text(row, "act"))) ": " (done(row)) }, false),
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
    Column(
        "What",
        |_, row| html! { (text(row, "message")) @if !row["from"].is_null() { ": " b { (text(row, "from")) } } },
        false,
    ),
    Column("Who", |_, row| html! { (text(row, "owner")) }, false),
    Column("About", subject, false),
    Column("Since", |_, row| time(&row["opened_at"]), false),
    Column("Due", |frame, row| due(row, frame.now), false),
    Column("State", |_, row| status(text(row, "status")), false),
    Column("Done?", super::work::done_form, false),
];

/// The columns of what is counted, for the home page as well.
pub const CLOCKS: &[Column] = &[
    Column("What", |_, row| html! { (words(text(row, "kind"))) }, false),
    Column("About", subject, false),
    Column("Customer", |frame, row| of(frame, row, "customer", "customer_id"), false),
    Column("Since", |_, row| time(&row["starts_at"]), false),
    Column("Due", |_, row| html! { (time(&row["due_at"])) " " (super::work::warning(row)) }, false),
    Column("By", |_, row| html! { (text(row, "basis")) }, false),
    Column("State", |_, row| status(text(row, "status")), false),
    Column("Sent?", super::work::sent_form, false),
];

/// The columns of discrepancies and of what is silent.
pub const FINDINGS: &[Column] = &[
    Column("What", |_, row| html! { (text(row, "message")) }, false),
    Column("About", subject, false),
    Column("Since", |_, row| time(&row["since"]), false),
    Column("What to do", |_, row| html! { (text(row, "suggestion")) }, false),
];

/// What somebody did: of what was told the kind of step, in words.
fn done(row: &Value) -> String {
    let what = text(row, "what");
    if text(row, "act") == "told" { words(what) } else { what.to_owned() }
}

/// By when an action should be done; in words if it is too late for that.
fn due(row: &Value, now: Timestamp) -> Markup {
    let due_at = text(row, "due_at").parse::<Timestamp>();
    let is_late = text(row, "status") == "open" && due_at.is_ok_and(|due_at| due_at < now);
    html! { (time(&row["due_at"])) @if is_late { " " (parts::badge(parts::Tone::Odd, "overdue")) } }
}

fn of(frame: &Frame, row: &Value, kind: &str, field: &str) -> Markup {
    parts::thing_if(frame, kind, text(row, "source"), &row[field])
}

fn id_of(row: &Value, field: &str) -> Markup {
    row[field].as_str().map_or_else(nothing, parts::id)
}

/// When what happened last to a thing did.
fn last_step(row: &Value) -> Markup {
    let steps = parts::list(row, "steps").iter();
    // Times are spelled alike, so texts compare as they do.
    let last = steps.max_by_key(|step| text(step, "occurred_at"));
    last.map_or_else(nothing, |step| time(&step["occurred_at"]))
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

/// What the list at a path is called.
pub fn title(path: &str) -> &'static str {
    let listing = LISTINGS.iter().find(|listing| listing.list.name() == path);
    listing.map_or("", |listing| listing.title)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_open_beyond_its_time_says_so() {
        let now = "2026-03-02T10:00:00Z".parse().expect("a time");
        for (status, due_at, is_late) in [
            ("open", json!("2026-03-02T09:59:59Z"), true),
            ("open", json!("2026-03-02T10:00:01Z"), false),
            ("done", json!("2026-03-02T09:59:59Z"), false),
            ("open", Value::Null, false),
        ] {
            let row = json!({ "status": status, "due_at": due_at });
            assert_eq!(due(&row, now).into_string().contains("overdue"), is_late, "{row}");
        }
    }
}
