//! The expressions of the dashboard and of the alerts, and what they ask for.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::scrape::Labels;
use crate::support::text;

/// An expression, where it stands, and the labels of its result that are told to people.
#[derive(Debug)]
pub struct Asked {
    /// The title of the panel, or the name of the alert.
    pub place: String,
    pub expression: String,
    pub told: Vec<String>,
}

/// Of every panel, with the variables of the dashboard as Grafana fills them in.
pub fn panels(dashboard: &Value) -> Vec<Asked> {
    let mut asked = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = text(target, "expr").replace("$__rate_interval", "10s");
            let place = format!("panel {}", text(panel, "title"));
            let told = braced(text(target, "legendFormat"), "{{", "}}");
            asked.push(Asked { place, expression: expression.replace("$source", ".*"), told });
        }
    }
    asked
}

/// Of every variable of the dashboard that asks Prometheus: `label_values(METRIC, LABEL)`.
pub fn variables(dashboard: &Value) -> Vec<Asked> {
    let list = dashboard["templating"]["list"].as_array().expect("variables");
    let queries = list.iter().filter(|variable| variable["type"] == "query");
    let asked = |variable: &Value| {
        let query = text(&variable["query"], "query");
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (metric, label) =
            inner.and_then(|inner| inner.split_once(", ")).expect("label_values(METRIC, LABEL)");
        let place = format!("variable {}", text(variable, "name"));
        let expression = format!("count by ({label}) ({metric})");
        Asked { place, expression, told: Vec::new() }
    };
    queries.map(asked).collect()
}

/// Of every alert: `expr: …` in one line, or `expr: >` and the lines that are indented below it.
pub fn alerts(rules: &str) -> Vec<Asked> {
    let rule = |rule: &str| {
        let place = rule.lines().next().expect("a name").trim().to_owned();
        let (_, after) = rule.split_once("expr: ").expect("an expression");
        let expression = match after.strip_prefix(">\n") {
            Some(folded) => {
                let lines = folded.lines().take_while(|line| line.starts_with("          "));
                lines.map(str::trim).collect::<Vec<_>>().join(" ")
            }
            None => after.lines().next().expect("a line").to_owned(),
        };
        Asked { place, expression, told: braced(after, "{{ $labels.", " }}") }
    };
    rules.split("- alert: ").skip(1).map(rule).collect()
}

fn braced(text: &str, open: &str, close: &str) -> Vec<String> {
    let parts = text.split(open).skip(1);
    parts.filter_map(|part| Some(part.split_once(close)?.0.to_owned())).collect()
}

/// What an expression asks for.
#[derive(Debug)]
pub struct Selector {
    pub name: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
}

impl Selector {
    /// Whether a series is asked for, as far as it can be told without regular expressions: of these
    /// only the label has to be there.
    pub fn fits(&self, series: &Labels) -> bool {
        self.matchers.iter().all(|(label, operator, value)| match series.get(label) {
            Some(known) => operator != "=" || known == value,
            None => false,
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matcher = |(label, operator, value): &(String, String, String)| {
            format!("{label}{operator}\"{value}\"")
        };
        let matchers: Vec<String> = self.matchers.iter().map(matcher).collect();
        write!(f, "{}{{{}}}", self.name, matchers.join(","))
    }
}

/// Before which there is no metric but a list of labels.
const LISTS: [&str; 4] = ["by", "on", "ignoring", "without"];
const WORDS: [&str; 7] = ["and", "or", "unless", "offset", "bool", "group_left", "group_right"];

/// The metrics that an expression asks for, with their labels.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut tokens = tokens(expression).into_iter().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map(String::as_str);
        if LISTS.contains(&token.as_str()) {
            tokens.by_ref().find(|token| token == ")");
        } else if is_word(&token)
            && !next.is_some_and(|next| next == "(" || LISTS.contains(&next))
            && !WORDS.contains(&token.as_str())
        {
            let mut matchers = Vec::new();
            if next == Some("{") {
                let inner: Vec<String> =
                    tokens.by_ref().skip(1).take_while(|it| it != "}").collect();
                for matcher in inner.split(|token| token == ",") {
                    let [label, operator @ .., value] = matcher else { continue };
                    let value = value.trim_matches('"').to_owned();
                    matchers.push((label.clone(), operator.concat(), value));
                }
            }
            found.push(Selector { name: token, matchers });
        }
    }
    found
}

/// The labels that an expression groups by.
pub fn grouped_by(expression: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    let mut tokens = tokens(expression).into_iter();
    while let Some(token) = tokens.next() {
        if LISTS.contains(&token.as_str()) {
            let list = tokens.by_ref().take_while(|token| token != ")");
            labels.extend(list.filter(|token| is_word(token)));
        }
    }
    labels
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Words, numbers with their units, quoted texts, and single signs.
fn tokens(expression: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |sign: char| sign.is_ascii_alphanumeric() || "_:.".contains(sign);
        let length = if first == '"' {
            let mut is_escaped = false;
            let end = rest[1..].find(|sign| {
                let ends = sign == '"' && !is_escaped;
                is_escaped = sign == '\\' && !is_escaped;
                ends
            });
            end.expect("the text ends") + 2
        } else if is_part(first) {
            rest.find(|sign| !is_part(sign)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}
