//! The small parts that pages are made of: amounts, times, statuses, links.

use creditrail_domain::{Currency, money::Money};
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};
use serde_json::Value;

use super::frame::Frame;

/// A segment of a path or a value of a query, encoded.
pub fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
        out
    })
}

/// A name of the interface in words: `partially_captured` is `partially captured`.
pub fn words(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

/// The text of a field; empty if it is none.
pub fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document[field].as_str().unwrap_or_default()
}

/// The rows of a field; none if it is no list.
pub fn list<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document[field].as_array().map_or(&[], Vec::as_slice)
}

/// What stands where there is nothing.
pub fn nothing() -> Markup {
    html! { span.muted { "–" } }
}

/// An amount of minor units with the decimals of its currency.
pub fn amount(minor: &Value, currency: &Value) -> Markup {
    let Some(minor) = minor.as_i64() else { return nothing() };
    html! { span.amount { (spelled(minor, currency.as_str())) } }
}

/// An amount in words: the sign, the decimals of the currency, its code.
pub fn spelled(minor: i64, currency: Option<&str>) -> String {
    let Some(currency) = currency.and_then(Currency::from_code) else {
        return format!("{minor} minor units");
    };
    match i64::try_from(minor.unsigned_abs()) {
        Ok(size) => {
            let sign = if minor < 0 { "−" } else { "" };
            format!("{sign}{}", Money { minor: size, currency })
        }
        Err(_) => format!("{minor} minor units {currency}"),
    }
}

/// A time in UTC; the script shows it in the reader's zone and keeps UTC in the title.
pub fn time(value: &Value) -> Markup {
    match value.as_str().map(str::parse::<Timestamp>) {
        Some(Ok(at)) => moment(at),
        _ => nothing(),
    }
}

/// As [`time`].
pub fn moment(at: Timestamp) -> Markup {
    let utc = at.to_zoned(TimeZone::UTC);
    let shown = utc.strftime("%-d %b %Y, %H:%M:%S").to_string();
    html! { time datetime=(at) title=(format!("{} UTC", utc.strftime("%Y-%m-%d %H:%M:%S%.f"))) { (shown) " UTC" } }
}

/// How good or bad something is, with the sign that stands for it: no state by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Odd,
    Waits,
    Plain,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Odd => "odd",
            Self::Waits => "waits",
            Self::Plain => "plain",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✕",
            Self::Odd => "!",
            Self::Waits => "…",
            Self::Plain => "·",
        }
    }
}

/// A short word with a sign and a colour.
pub fn badge(tone: Tone, said: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { span.sign aria-hidden="true" { (tone.sign()) } " " (said) } }
}

/// What became of a step or a delivery.
pub fn outcome(name: &str) -> Markup {
    let tone = match name {
        "applied" => Tone::Good,
        "refused" | "malformed" => Tone::Bad,
        "unrecognised" => Tone::Odd,
        "parked" => Tone::Waits,
        _ => Tone::Plain,
    };
    badge(tone, &words(name))
}

/// The status of a thing, of work or of a lender.
pub fn status(name: &str) -> Markup {
    let tone = match name {
        "active" | "captured" | "settled" | "accepted" | "approved" | "confirmed" | "completed"
        | "signed" | "done" | "resolved" | "auto_resolved" => Tone::Good,
        "rejected"
        | "declined"
        | "canceled"
        | "cancelled"
        | "voided"
        | "failed"
        | "declined_by_all_known"
        | "cancelled_by_all_known"
        | "inactive" => Tone::Bad,
        "unknown" | "late_presented" | "force_captured" | "standalone_refund" => Tone::Odd,
        "open" | "pending" | "verification" | "awaiting_signature" | "action_required"
        | "under_review" | "started" | "submitted" | "prequalified" | "pending_lender"
        | "pending_consumer" | "pending_merchant" | "partially_captured" | "authorized" => {
            Tone::Waits
        }
        _ => Tone::Plain,
    };
    badge(tone, &words(name))
}

/// How much an exception matters.
pub fn severity(name: &str) -> Markup {
    let tone = match name {
        "high" => Tone::Bad,
        "review" => Tone::Odd,
        _ => Tone::Plain,
    };
    badge(tone, name)
}

/// An id in the letters that tell 0 from O. One that a table may cut is whole in its title.
pub fn id(value: &str) -> Markup {
    let title = (value.chars().count() > LONGEST).then_some(value);
    html! { code.id title=[title] { (value) } }
}

/// How many letters of an id a table shows for sure.
const LONGEST: usize = 25;

/// A link to a thing by the name that its kind has in the interface (`payment_method`).
pub fn thing(frame: &Frame, kind: &str, source: &str, subject: &str) -> Markup {
    // A link of two ids has no page of its own: it is told at its customer's.
    if let ("customer_link", Ok((customer, partner))) =
        (kind, serde_json::from_str::<(String, String)>(subject))
    {
        let way = frame.to_thing("customers", source, &customer);
        return html! { a href=(way) { (id(&customer)) } " with " (id(&partner)) };
    }
    let Some(way) = way_to(frame, kind, source, subject) else { return id(subject) };
    html! { a href=(way) { (id(subject)) } }
}

/// The way to the page of a thing, if its kind has pages.
pub fn way_to(frame: &Frame, kind: &str, source: &str, subject: &str) -> Option<String> {
    let list = match kind {
        "exception" => return Some(frame.to(&format!("exceptions/{}", encoded(subject)))),
        "application" => "applications",
        "charge" => "charges",
        "customer" => "customers",
        "delivery" => "deliveries",
        "payment_method" => "payment-methods",
        "transaction" => "transactions",
        _ => return None,
    };
    Some(frame.to_thing(list, source, subject))
}

/// The same, of a field that may be null.
pub fn thing_if(frame: &Frame, kind: &str, source: &str, subject: &Value) -> Markup {
    subject.as_str().map_or_else(nothing, |subject| thing(frame, kind, source, subject))
}

/// What things are called by people.
pub fn kind_word(kind: &str) -> &'static str {
    match kind {
        "application" => "application",
        "charge" => "charge",
        "customer" => "customer",
        "customer_link" => "link of",
        "delivery" => "delivery",
        "endpoint" => "endpoint",
        "exception" => "exception",
        "payment_method" => "card",
        "secret" => "secret",
        "transaction" => "transaction",
        _ => "thing",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(encoded("a/b?c d%é"), "a%2Fb%3Fc%20d%25%C3%A9");
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let shown = |minor: i64, currency: &str| spelled(minor, Some(currency));
        assert_eq!(shown(3451, "USD"), "34.51 USD");
        assert_eq!(shown(-5, "USD"), "−0.05 USD");
        assert_eq!(shown(500, "JPY"), "500 JPY");
        assert_eq!(spelled(5, None), "5 minor units");
    }

    #[test]
    fn what_a_lender_says_is_text() {
        let hostile = "<script>alert(1)</script>\"'&";
        let shown = badge(Tone::Good, hostile).into_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert_eq!(time(&json!(hostile)).into_string(), nothing().into_string());
    }
}
