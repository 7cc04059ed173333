//! The text of `/metrics`, as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a series.
pub type Labels = BTreeMap<String, String>;

/// All series of one answer of `/metrics`, each with its value.
#[derive(Debug)]
pub struct Scrape(Vec<(String, Labels, String)>);

impl Scrape {
    pub fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self(lines.map(series).collect())
    }

    pub fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(name, ..)| name.as_str()).collect()
    }

    /// The series of a name.
    pub fn named(&self, name: &str) -> Vec<&Labels> {
        let of_name = self.0.iter().filter(|(known, ..)| known == name);
        of_name.map(|(_, labels, _)| labels).collect()
    }

    /// The value of the only series that has these labels, be it with others.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |known: &Labels| {
            labels.iter().all(|(label, value)| known.get(*label).is_some_and(|it| it == value))
        };
        let found: Vec<_> =
            self.0.iter().filter(|(known, of, _)| known == name && has(of)).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?} in {self:#?}");
        found[0].2.parse().expect("a number")
    }
}

fn series(line: &str) -> (String, Labels, String) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), Labels::new(), value.to_owned());
    };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels: {line}"));
    // No value of ours has a comma or a quotation mark in it.
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
        (label.to_owned(), value.trim_matches('"').to_owned())
    };
    (name.to_owned(), labels.split(',').map(pair).collect(), value.to_owned())
}
