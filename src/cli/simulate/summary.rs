//! What became of a run, as tables and as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    check::Difference,
    journal::{Attempt, Record, Sent, Way},
};
use crate::cli::table::table;

/// Differences that are shown one by one; JSON has all.
const SHOWN: usize = 20;

/// What became of the deliveries of one kind.
#[derive(Default)]
struct Row {
    deliveries: u64,
    calls: u64,
    acknowledged: u64,
    again: u64,
    given_up: u64,
    answers: BTreeMap<String, u64>,
}

/// What became of a run.
pub(super) struct Summary<'a> {
    record: &'a Record,
    events: BTreeMap<&'a str, Row>,
    faults: BTreeMap<&'a str, Row>,
    /// How long each acknowledgement took, in microseconds, the shortest first.
    took: Vec<u64>,
    /// Deliveries that were never acknowledged, by their names.
    pub(super) given_up: Vec<&'a str>,
    /// Those that stayed blocked behind one that was given up.
    pub(super) blocked: u64,
    pub(super) differences: &'a [Difference],
}

impl Row {
    fn take(&mut self, calls: &[&Attempt], is_acknowledged: bool) {
        self.deliveries += 1;
        self.acknowledged += u64::from(is_acknowledged);
        self.given_up += u64::from(!is_acknowledged);
        let mut tried = 0;
        for call in calls {
            self.calls += 1;
            tried += u64::from(matches!(call.way, Way::Sent | Way::Unheard));
            let answer = call.outcome.clone().unwrap_or_else(|| "no answer".to_owned());
            *self.answers.entry(answer).or_default() += 1;
        }
        self.again += u64::saturating_sub(tried, 1);
    }

    fn cells(&self, name: &str) -> [String; 7] {
        let answers: Vec<_> =
            self.answers.iter().map(|(answer, count)| format!("{count} {answer}")).collect();
        [
            name.to_owned(),
            self.deliveries.to_string(),
            self.calls.to_string(),
            answers.join(", "),
            self.acknowledged.to_string(),
            self.again.to_string(),
            self.given_up.to_string(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "deliveries": self.deliveries,
            "calls": self.calls,
            "answers": self.answers,
            "acknowledged": self.acknowledged,
            "retried": self.again,
            "given_up": self.given_up,
        })
    }
}

impl<'a> Summary<'a> {
    pub(super) fn of(record: &'a Record, blocked: u64, differences: &'a [Difference]) -> Self {
        let mut calls = BTreeMap::<&str, Vec<&Attempt>>::new();
        for attempt in &record.attempts {
            calls.entry(&attempt.key).or_default().push(attempt);
        }
        let mut summary = Self {
            record,
            events: BTreeMap::new(),
            faults: BTreeMap::new(),
            took: Vec::new(),
            given_up: Vec::new(),
            blocked,
            differences,
        };
        for Sent { key, event, faults, .. } in &record.sent {
            let calls = calls.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
            let acknowledged = calls.iter().filter(|call| call.is_acknowledged());
            let is_acknowledged = acknowledged.clone().next().is_some();
            summary.took.extend(acknowledged.map(|call| call.took_us));
            if !is_acknowledged {
                summary.given_up.push(key);
            }
            summary.events.entry(event).or_default().take(calls, is_acknowledged);
            for fault in faults.iter().collect::<BTreeSet<_>>() {
                summary.faults.entry(fault).or_default().take(calls, is_acknowledged);
            }
        }
        summary.took.sort_unstable();
        summary
    }

    /// What one in a hundred acknowledgements takes longer than, for 99.
    fn percentile(&self, percent: usize) -> u64 {
        let last = self.took.len().saturating_sub(1);
        self.took.get(last * percent / 100).copied().unwrap_or(0)
    }

    fn percentiles(&self) -> [(&'static str, u64); 4] {
        [("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)]
            .map(|(name, percent)| (name, self.percentile(percent)))
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let rows = |rows: &BTreeMap<&str, Row>| -> Value {
            rows.iter().map(|(name, row)| ((*name).to_owned(), row.json())).collect()
        };
        json!({
            "seed": self.record.run.seed,
            "deliveries": self.record.sent.len(),
            "calls": self.record.attempts.len(),
            "acknowledged": self.record.sent.len() - self.given_up.len(),
            "given_up": self.given_up,
            "blocked": self.blocked,
            "events": rows(&self.events),
            "faults": rows(&self.faults),
            "acknowledged_in_us": self.percentiles().into_iter()
                .map(|(name, took)| (name.to_owned(), json!(took))).collect::<Value>(),
            "differences": self.differences,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let header =
            ["sent", "deliveries", "calls", "answered", "acknowledged", "retried", "given up"];
        let mut text = String::new();
        for (title, rows) in [("by webhook", &self.events), ("by fault", &self.faults)] {
            if rows.is_empty() {
                continue;
            }
            let mut table = table(&header);
            for (name, row) in rows {
                table.add_row(row.cells(name));
            }
            text += &format!("{title}\n{table}\n\n");
        }
        let took: Vec<_> = self
            .percentiles()
            .into_iter()
            .map(|(name, took)| format!("{name} {}.{} ms", took / 1000, took / 100 % 10))
            .collect();
        text += &format!("acknowledged within: {}\n", took.join(", "));
        if self.blocked > 0 {
            text += &format!("{} deliveries stayed blocked and were never sent\n", self.blocked);
        }
        text
    }

    /// What differs, for people.
    pub(super) fn differences(&self) -> String {
        let mut table = table(&["about", "what", "sent", "known"]);
        for Difference { about, what, sent, known } in self.differences.iter().take(SHOWN) {
            table.add_row([about, what, &sent.to_string(), &known.to_string()]);
        }
        let more = self.differences.len().saturating_sub(SHOWN);
        let more =
            if more > 0 { format!("and {more} more: --format json\n") } else { String::new() };
        format!("what is not known as it was sent\n{table}\n{more}")
    }
}
