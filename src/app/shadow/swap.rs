//! Swapping: what differs is written over the live rows, under the condition that their reader has
//! not gone on.
//!
//! Whatever the rows say, they are written as they are in the shadow: counters too. All of a reader
//! is one transaction, unless there are more than [`MOST_AT_ONCE`] rows of it. Then it is several,
//! and between them each row is either the old one or the right one, as of the same position.

use std::collections::BTreeMap;

use creditrail_projections::{Cell, Change, Table, Write};

use super::{
    Follows, bookmark,
    compare::{Live, RowDifference},
};
use crate::{
    app::replay::RebuildError,
    store::{Projected, sql::Value, whole::WholeRow},
};

/// How many rows one transaction writes at the most.
const MOST_AT_ONCE: usize = 10_000;

/// Keys whose rows differ, by table.
#[derive(Default)]
struct Differing {
    keys: BTreeMap<&'static str, (Option<&'static Table>, Vec<String>)>,
    count: usize,
}

impl Live<'_> {
    /// Compares all rows of the reader with its shadow, tells of each that differs, and writes it
    /// if it is to be mended. How many rows are there.
    pub(in crate::app) async fn all(
        &self,
        shadow: &mut dyn Follows,
        mend: bool,
        told: &mut (dyn FnMut(RowDifference) + Send),
    ) -> Result<u64, RebuildError> {
        let (mut differing, mut rows) = (Differing::default(), 0);
        for model in self.reader.models {
            let mut behind = None;
            loop {
                let compared = self.compared(shadow, model.table, behind.as_deref()).await?;
                rows += compared.rows as u64;
                for difference in compared.found {
                    if mend {
                        differing.add(model.table, &difference.key);
                    }
                    told(difference);
                }
                if differing.count >= MOST_AT_ONCE {
                    self.swap(shadow, std::mem::take(&mut differing)).await?;
                }
                behind = compared.end;
                if behind.is_none() {
                    break;
                }
            }
        }
        if differing.count > 0 {
            self.swap(shadow, differing).await?;
        }
        Ok(rows)
    }

    /// Writes rows as the shadow has them; again with what has changed, if the reader went on.
    async fn swap(
        &self,
        shadow: &mut dyn Follows,
        differing: Differing,
    ) -> Result<(), RebuildError> {
        loop {
            let position = bookmark(&**self.store, self.source, self.reader).await?;
            shadow.bring_to(position).await?;
            let mut changes = Vec::new();
            for (table, keys) in differing.keys.values() {
                let Some(table) = table else { continue };
                let rows = shadow.rows().rows_of((self.source, table), keys.clone()).await?;
                changes.push((*table, changed(keys, rows)));
            }
            let bookmarks = vec![(self.reader.name.into(), position, position)];
            if self
                .store
                .project(self.source, Projected { changes, bookmarks, holder: None })
                .await?
            {
                return Ok(());
            }
        }
    }
}

impl Differing {
    fn add(&mut self, table: &'static Table, key: &str) {
        let of_table = self.keys.entry(table.name).or_default();
        of_table.0 = Some(table);
        of_table.1.push(key.to_owned());
        self.count += 1;
    }
}

/// The rows as they should be; those that should not be are deleted.
fn changed(keys: &[String], rows: Vec<WholeRow>) -> Vec<Change> {
    let columns = rows.first().map_or(0, |(_, values)| values.len());
    let is_number = |column: usize| {
        rows.iter().any(|(_, values)| matches!(values.get(column), Some(Value::Int(_))))
    };
    let numbers: Vec<bool> = (0..columns).map(is_number).collect();
    let mut rows: BTreeMap<String, Vec<Value>> = rows.into_iter().collect();
    let change = |key: &String| {
        let Some(values) = rows.remove(key) else {
            let (key, cells) = (key.clone(), Vec::new());
            return Change { key, write: Write::Delete, position: 0, cells };
        };
        let cells = values.into_iter().zip(&numbers).map(|(value, is_number)| match value {
            Value::Int(number) => Cell::Int(Some(number)),
            Value::Text(text) => Cell::Text(Some(text)),
            // Rows have texts and numbers, and what is absent.
            _ if *is_number => Cell::Int(None),
            _ => Cell::Text(None),
        });
        Change { key: key.clone(), write: Write::Replace, position: 0, cells: cells.collect() }
    };
    keys.iter().map(change).collect()
}
