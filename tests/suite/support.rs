//! The harness: a service to talk to ([`Ledger`]), what to tell it ([`Tx`], [`Card`], [`decision`],
//! [`link`], [`Onboarding`], [`Loan`], [`Charge`], [`fixtures`]), and how to look at what came of it ([`given`], [`settled`]).

mod browser;
mod demo;
pub mod described;
mod desk;
mod dice;
pub mod event_types;
pub mod fixtures;
mod history;
pub mod house;
mod ledger;
mod payloads;
pub mod postgres;
mod service;
pub mod webdriver;
mod webhooks;
mod wire;

pub use browser::Browser;
pub use demo::Demo;
pub use desk::{Desk, ROLES};
pub use dice::{Dice, orders};
pub use history::{History, converge, given, play};
pub use ledger::{Answer, Ledger, settled, until};
pub use payloads::{Charge, Loan, Onboarding, Payload, Track};
pub use service::{
    AUTHORIZATION, Kind, SEALING_KEY, SECRET, Service, Source, ago, settings, signature, unix_now,
};
pub use webhooks::{Card, T0, T1, T2, T3, T4, T5, T6, Told, Tx, Webhook, decision, link};
pub use wire::Wire;

use serde_json::Value;

/// A field that has to be a string.
pub fn text<'a>(view: &'a Value, field: &str) -> &'a str {
    let value = &view[field];
    value.as_str().unwrap_or_else(|| panic!("`{field}` is no text in {view:#}"))
}

/// A field that has to be an integer.
pub fn number(view: &Value, field: &str) -> i64 {
    let value = &view[field];
    value.as_i64().unwrap_or_else(|| panic!("`{field}` is no integer in {view:#}"))
}

/// A field that has to be a list.
pub fn items<'a>(view: &'a Value, field: &str) -> &'a [Value] {
    let value = view[field].as_array();
    value.unwrap_or_else(|| panic!("`{field}` is no list in {view:#}"))
}

/// One field of every row, in the order of the rows.
pub fn column<'a>(rows: &'a [Value], field: &str) -> Vec<&'a str> {
    rows.iter().map(|row| text(row, field)).collect()
}

/// The strings of a list, in alphabetical order.
pub fn sorted(list: &Value) -> Vec<String> {
    let strings = list.as_array().into_iter().flatten();
    let mut strings: Vec<String> =
        strings.map(|entry| entry.as_str().expect("a list of strings").to_owned()).collect();
    strings.sort();
    strings
}

/// An RFC 3339 time as milliseconds since 1970, however it is written.
pub fn instant(time: &str) -> i64 {
    let parsed: jiff::Timestamp =
        time.parse().unwrap_or_else(|_| panic!("{time} is no RFC 3339 time"));
    parsed.as_millisecond()
}
