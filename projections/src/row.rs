//! Rows and how they are written, for every store alike.

use std::collections::{BTreeMap, btree_map::Entry};

use creditrail_domain::Policies;
use serde::Serialize;

use crate::Stream;

/// A read model: a table, and the pure function that fills it.
#[derive(Debug)]
pub struct ReadModel {
    /// Where it is kept.
    pub table: &'static Table,
    /// The rows that the newest events of a stream change.
    pub project: fn(&Stream, &Policies) -> Vec<Change>,
}

/// A consumer of the log: the read models that are written together with its bookmark.
#[derive(Debug)]
pub struct Reader {
    /// The name of its bookmark.
    pub name: &'static str,
    /// What it fills.
    pub models: &'static [&'static ReadModel],
}

/// A table of rows. Every key starts with the source.
#[derive(Debug)]
pub struct Table {
    /// The name of the table and of the read model.
    pub name: &'static str,
    /// The columns after `source` and `key`, in the order of a row's cells.
    pub columns: &'static [&'static str],
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key of the row within its source.
    pub key: String,
    /// How it is written.
    pub write: Write,
    /// The position of the newest event that it tells of: of two for one row the later one holds.
    pub position: i64,
    /// The values, in the order of [`Table::columns`].
    pub cells: Vec<Cell>,
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// It takes the place of the one that is there.
    Replace,
    /// The one that is there stays.
    KeepFirst,
    /// Its numbers are added to those that are there; what is 0 then goes. Only where all columns are
    /// numbers.
    Add,
    /// The one that is there goes.
    Delete,
}

/// A value in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text, or nothing.
    Text(Option<String>),
    /// A whole number, or nothing. Times are microseconds since 1970.
    Int(Option<i64>),
}

/// Brings the changes of one table to at most one for each row and kind of write: the newest of
/// those that replace, the oldest of those that keep, the sum of those that add.
pub fn merge(changes: Vec<Change>) -> Vec<Change> {
    let mut merged = BTreeMap::<(Write, String), Change>::new();
    for change in changes {
        match merged.entry((change.write, change.key.clone())) {
            Entry::Vacant(place) => {
                place.insert(change);
            }
            Entry::Occupied(mut place) => {
                let known = place.get_mut();
                match change.write {
                    Write::Replace | Write::Delete if change.position >= known.position => {
                        *known = change;
                    }
                    Write::KeepFirst if change.position < known.position => *known = change,
                    Write::Add => known.add(&change),
                    Write::Replace | Write::Delete | Write::KeepFirst => {}
                }
            }
        }
    }
    merged.into_values().collect()
}

impl Change {
    fn add(&mut self, other: &Self) {
        for (sum, cell) in self.cells.iter_mut().zip(&other.cells) {
            if let (Cell::Int(Some(sum)), Cell::Int(Some(number))) = (sum, cell) {
                *sum += number;
            }
        }
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Cell {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl Cell {
    /// A document as JSON. All that read models write can be expressed in it.
    pub fn document(document: &impl Serialize) -> Self {
        Self::Text(serde_json::to_string(document).ok())
    }
}
