//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::catalogue::Metric;
use crate::app::{counters::Distribution, metrics::Measured};

/// What a distribution counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things.
    One,
    /// Told in seconds.
    Microseconds,
}

/// The metrics with their values.
pub(super) fn exposition(metrics: &[Metric], measured: &Measured) -> String {
    let mut text = String::new();
    for metric in metrics {
        let (name, kind, help) = (metric.name, metric.kind.name(), metric.help);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        (metric.samples)(measured, &mut Samples { metric, text: &mut text });
    }
    text
}

/// Writes the values of one metric.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    metric: &'a Metric,
    text: &'a mut String,
}

impl Samples<'_> {
    /// A whole number. The values of labels are in the order of the metric's.
    pub(super) fn one(&mut self, values: &[&str], value: impl Display) {
        let labels = self.labels(values, None);
        self.line("", &labels, value);
    }

    /// Microseconds, told in seconds.
    pub(super) fn micros(&mut self, values: &[&str], micros: u128) {
        self.one(values, seconds(micros));
    }

    pub(super) fn distribution(&mut self, values: &[&str], counted: &Distribution, unit: Unit) {
        let told = |value: u64| match unit {
            Unit::One => value.to_string(),
            Unit::Microseconds => seconds(value.into()),
        };
        for (bound, count) in &counted.up_to {
            let labels = self.labels(values, Some(&told(*bound)));
            self.line("_bucket", &labels, count);
        }
        let labels = self.labels(values, Some("+Inf"));
        self.line("_bucket", &labels, counted.count);
        let labels = self.labels(values, None);
        self.line("_sum", &labels, told(counted.sum));
        self.line("_count", &labels, counted.count);
    }

    fn line(&mut self, suffix: &str, labels: &str, value: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{}{suffix}{labels} {value}", self.metric.name);
    }

    fn labels(&self, values: &[&str], up_to: Option<&str>) -> String {
        let names = self.metric.labels.iter().copied().chain(up_to.map(|_| "le"));
        let values = values.iter().copied().chain(up_to);
        let pairs: Vec<_> = names
            .zip(values)
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Seconds without a float: `0.0025`, `5`.
fn seconds(micros: u128) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::metrics::{METRICS, catalogue::Kind};

    #[test]
    fn a_metric_is_written_as_prometheus_reads_it() {
        let of = |name| METRICS.iter().find(|metric| metric.name == name);
        let mut text = String::new();
        for metric in [of("creditrail_log_position"), of("creditrail_acknowledgement_seconds")] {
            let mut samples = Samples { metric: metric.unwrap_or(&METRICS[0]), text: &mut text };
            samples.one(&["a\"\\\n"], 7);
            samples.micros(&["a"], 1_700_000_000_000_250);
            let counted = Distribution { up_to: vec![(500, 1), (5_000_000, 2)], count: 3, sum: 10 };
            samples.distribution(&["a"], &counted, Unit::Microseconds);
        }
        let expected = "NAME{source=\"a\\\"\\\\\\n\"} 7\n\
            NAME{source=\"a\"} 1700000000.00025\n\
            NAME_bucket{source=\"a\",le=\"0.0005\"} 1\n\
            NAME_bucket{source=\"a\",le=\"5\"} 2\n\
            NAME_bucket{source=\"a\",le=\"+Inf\"} 3\n\
            NAME_sum{source=\"a\"} 0.00001\n\
            NAME_count{source=\"a\"} 3\n";
        let twice = ["creditrail_log_position", "creditrail_acknowledgement_seconds"]
            .map(|name| expected.replace("NAME", name));
        assert_eq!(text, twice.concat());
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for Metric { name, kind, labels, help, .. } in METRICS {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(name.starts_with("creditrail_") && name.bytes().all(fits), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(!labels.contains(&"le") && help.ends_with('.'), "{name}");
        }
    }
}
