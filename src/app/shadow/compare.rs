//! Comparing the rows of a reader with those of its shadow: every column, byte by byte.
//!
//! Both sides are read in the order of the keys, page by page. A page of the live side counts only if
//! its reader has stood at one position meanwhile, and the shadow is brought to that position first.
//! So what differs, differs at the same place of the log.

use std::{cmp::Ordering, sync::Arc};

use creditrail_projections::{Reader, Table};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Follows, bookmark};
use crate::{
    app::replay::RebuildError,
    store::{Store, sql::Value, whole::WholeRow},
};

/// How many rows a page has.
const PAGE: i64 = 2000;
/// How many fields of a document are named.
const MOST_FIELDS: usize = 8;
/// How many characters of a value are told.
const MOST_OF_A_VALUE: usize = 80;

/// A row that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// The source.
    pub source: String,
    /// The reader that fills the table.
    pub reader: &'static str,
    /// The table.
    pub table: &'static str,
    /// The key of the row.
    pub key: String,
    /// The position at which both sides were compared.
    pub position: i64,
    /// How it differs.
    pub how: How,
    /// Columns that differ, and fields of the document; none of a whole row.
    pub fields: Vec<String>,
    /// What each of them is, and what it should be. Long values are cut.
    pub is: Vec<Json>,
    /// The same of the row that the log leads to.
    pub should: Vec<Json>,
}

impl RowDifference {
    /// What differs, in words; nothing of a whole row.
    pub fn what(&self) -> String {
        let each = self.fields.iter().zip(self.is.iter().zip(&self.should));
        let each: Vec<String> = each
            .map(|(field, (is, should))| format!("{field} is {is}, should be {should}"))
            .collect();
        if each.is_empty() { String::new() } else { format!(": {}", each.join("; ")) }
    }
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It should be there and is not.
    Missing,
    /// It is there and should not be.
    Extra,
    /// It is another one than it should be.
    Different,
}

impl How {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        }
    }
}

/// What was compared of a table.
pub(in crate::app) struct Compared {
    /// How many rows are there.
    pub(in crate::app) rows: usize,
    /// Those that differ.
    pub(in crate::app) found: Vec<RowDifference>,
    /// Where to go on, if there are more.
    pub(in crate::app) end: Option<String>,
}

/// The live side of a comparison.
#[derive(Clone)]
pub(in crate::app) struct Live<'a> {
    pub(in crate::app) source: &'a str,
    pub(in crate::app) store: &'a Arc<dyn Store>,
    pub(in crate::app) reader: &'static Reader,
}

/// A stretch of rows of both sides, as of one position.
struct Stretch {
    position: i64,
    live: Vec<WholeRow>,
    shadow: Vec<WholeRow>,
    /// The last key of it; `None` at the end of the table.
    end: Option<String>,
}

impl Live<'_> {
    /// The rows of a table behind a key.
    pub(in crate::app) async fn compared(
        &self,
        shadow: &mut dyn Follows,
        table: &'static Table,
        behind: Option<&str>,
    ) -> Result<Compared, RebuildError> {
        let Stretch { position, live, shadow, end } = self.stretch(shadow, table, behind).await?;
        let count = live.len();
        let difference = |key: &str, how, fields: Fields| RowDifference {
            source: self.source.to_owned(),
            reader: self.reader.name,
            table: table.name,
            key: key.to_owned(),
            position,
            how,
            fields: fields.names,
            is: fields.is,
            should: fields.should,
        };
        let (mut live, mut shadow) = (live.iter().peekable(), shadow.iter().peekable());
        let mut found = Vec::new();
        loop {
            let order = match (live.peek(), shadow.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((other, _))) => one.as_bytes().cmp(other.as_bytes()),
            };
            let is = live.next_if(|_| order.is_le());
            let should = shadow.next_if(|_| order.is_ge());
            match (is, should) {
                (Some((key, _)), None) => {
                    found.push(difference(key, How::Extra, Fields::default()))
                }
                (None, Some((key, _))) => {
                    found.push(difference(key, How::Missing, Fields::default()))
                }
                (Some((key, is)), Some((_, should))) if is != should => {
                    found.push(difference(key, How::Different, Fields::of(table, is, should)));
                }
                _ => {}
            }
        }
        Ok(Compared { rows: count, found, end })
    }

    async fn stretch(
        &self,
        shadow: &mut dyn Follows,
        table: &'static Table,
        behind: Option<&str>,
    ) -> Result<Stretch, RebuildError> {
        let of = (self.source, table);
        let (position, mut live, mut shadow) = loop {
            let position = bookmark(&**self.store, self.source, self.reader).await?;
            shadow.bring_to(position).await?;
            let (live, shadow) = tokio::join!(
                self.store.rows_behind(of, behind, PAGE),
                shadow.rows().rows_behind(of, behind, PAGE),
            );
            let live = live?;
            if bookmark(&**self.store, self.source, self.reader).await? == position {
                break (position, live, shadow?);
            }
        };
        let last = |rows: &[WholeRow]| {
            let is_full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= PAGE;
            rows.last().filter(|_| is_full).map(|(key, _)| key.clone())
        };
        let end = [last(&live), last(&shadow)].into_iter().flatten().min();
        if let Some(end) = &end {
            live.retain(|(key, _)| key <= end);
            shadow.retain(|(key, _)| key <= end);
        }
        Ok(Stretch { position, live, shadow, end })
    }
}

/// The columns that differ; of the document its fields.
#[derive(Default)]
struct Fields {
    names: Vec<String>,
    is: Vec<Json>,
    should: Vec<Json>,
}

impl Fields {
    fn of(table: &Table, is: &[Value], should: &[Value]) -> Self {
        let mut fields = Self::default();
        for ((column, is), should) in table.columns.iter().zip(is).zip(should) {
            if is == should {
                continue;
            }
            let parsed = |value: &Value| match value {
                Value::Text(text) if *column == "document" => serde_json::from_str(text).ok(),
                _ => None,
            };
            let before = fields.names.len();
            if let (Some(is), Some(should)) = (parsed(is), parsed(should)) {
                fields.note_paths(column, (&is, &should));
            }
            if fields.names.len() == before {
                fields.note(column, (&json(is), &json(should)));
            }
        }
        fields
    }

    fn note(&mut self, name: &str, (is, should): (&Json, &Json)) {
        self.names.push(name.to_owned());
        self.is.push(cut(is));
        self.should.push(cut(should));
    }

    /// The paths at which two documents differ, a few of them.
    fn note_paths(&mut self, at: &str, (is, should): (&Json, &Json)) {
        if is == should || self.names.len() >= MOST_FIELDS {
            return;
        }
        match (is, should) {
            (Json::Object(is), Json::Object(should)) => {
                let only = should.keys().filter(|name| !is.contains_key(*name));
                for name in is.keys().chain(only) {
                    let null = &Json::Null;
                    let pair = (is.get(name).unwrap_or(null), should.get(name).unwrap_or(null));
                    self.note_paths(&format!("{at}.{name}"), pair);
                }
            }
            (Json::Array(is), Json::Array(should)) if is.len() == should.len() => {
                for (place, pair) in is.iter().zip(should).enumerate() {
                    self.note_paths(&format!("{at}[{place}]"), pair);
                }
            }
            _ => self.note(at, (is, should)),
        }
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => hex::encode(bytes).into(),
        Value::Texts(texts) => texts.as_slice().into(),
    }
}

/// A value, if it is short; else its beginning.
fn cut(value: &Json) -> Json {
    let text = match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(MOST_OF_A_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => value.clone(),
    }
}
