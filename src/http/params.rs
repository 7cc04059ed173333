//! The parameters of reads: strict, each named when it is wrong.

use std::collections::HashMap;

use axum::{extract::FromRequestParts, http::request::Parts};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::{
    app::{
        Creditrail,
        lists::{AS_OF, DUE_BEFORE, HAPPENED_BY, List},
        moments::{AsOf, When},
        read::Items,
        sending,
    },
    store::{Cursor, Order, Page},
};

use super::problem::Problem;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// What stands in the path. What is no UTF-8, or has a NUL, leads to nothing.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::nothing_here());
        }
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(path)| Self(path)).map_err(|_| Problem::nothing_here())
    }
}

/// The parameters in the query. PostgreSQL keeps no NUL, so none is asked for.
pub struct Query(pub HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let given =
            axum::extract::Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let axum::extract::Query(given) =
            given.map_err(|error| Problem::invalid("query", error.body_text()))?;
        match given.iter().find(|(_, value)| value.contains('\0')) {
            None => Ok(Self(given)),
            Some((name, _)) => Err(Problem::invalid(name, "must not have the character U+0000")),
        }
    }
}

/// The parameters of a query string, taken one by one; what is left over is refused.
pub struct Params(HashMap<String, String>);

impl Params {
    /// The parameters as they came.
    pub fn new(given: HashMap<String, String>) -> Self {
        Self(given)
    }

    /// Takes a parameter; an empty one is as good as none.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a number within a range.
    pub fn number(
        &mut self,
        name: &'static str,
        range: (i64, i64),
    ) -> Result<Option<i64>, Problem> {
        let Some(given) = self.take(name) else { return Ok(None) };
        let (least, most) = range;
        match given.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Problem::invalid(name, format!("must be a number from {least} to {most}"))),
        }
    }

    /// Takes a moment of the log: a position or a time.
    pub fn moment(&mut self, name: &'static str) -> Result<Option<AsOf>, Problem> {
        let given = self.take(name);
        let read = |given: String| given.parse().map_err(|error| Problem::invalid(name, error));
        given.map(read).transpose()
    }

    /// Takes a time.
    pub fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let given = self.take(name);
        let read = |given: String| {
            given.parse().map_err(|_| Problem::invalid(name, "must be a time in RFC 3339"))
        };
        given.map(read).transpose()
    }

    /// Takes `as_of` and `happened_by`.
    pub fn when(&mut self) -> Result<When, Problem> {
        Ok(When { as_of: self.moment(AS_OF)?, happened_by: self.time(HAPPENED_BY)? })
    }

    /// Waits until the read models of `source` have passed `at_least`, if it is given.
    pub async fn wait(
        &mut self,
        creditrail: &Creditrail,
        source: Option<&str>,
    ) -> Result<(), Problem> {
        let Some(position) = self.number("at_least", (0, i64::MAX))? else { return Ok(()) };
        let source =
            source.ok_or_else(|| Problem::invalid("source", "is required with `at_least`"))?;
        Ok(creditrail.at_least(source, position).await?)
    }

    /// Takes `limit` and `cursor`.
    pub fn page(&mut self, sources: Vec<String>) -> Result<Page, Problem> {
        let most = i64::try_from(MAX_LIMIT).unwrap_or(i64::MAX);
        let limit = self.number("limit", (1, most))?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
        Ok(Page { sources, after: self.after()?, limit, ..Page::default() })
    }

    /// Takes `cursor`.
    pub fn after(&mut self) -> Result<Option<Cursor>, Problem> {
        self.take("cursor").map(|cursor| read_cursor(&cursor)).transpose()
    }

    /// Takes `source`, waits for `at_least`, and takes `order`, `limit`, `cursor`, the filters, and of
    /// which state the list is to be, where it has a past.
    pub async fn list(
        &mut self,
        creditrail: &Creditrail,
        list: List,
    ) -> Result<(Page, When), Problem> {
        let all = list.logs(creditrail);
        let source = self.take("source");
        if let Some(source) = source.as_ref().filter(|source| !all.contains(source)) {
            let known = all.join(", ");
            return Err(Problem::invalid("source", format!("`{source}` is not one of: {known}")));
        }
        self.wait(creditrail, source.as_deref()).await?;
        let mut logs = source.map_or(all, |source| vec![source]);
        // What belongs to no source has no past that is kept.
        if self.0.contains_key(AS_OF) {
            logs.retain(|log| log != sending::LOG);
        }
        let mut page = self.page(logs)?;
        let asked = self.take("order");
        let known = match &asked {
            None => list.orders().first(),
            Some(order) => list.orders().iter().find(|(name, _)| name == order),
        };
        let (_, order) = known.ok_or_else(|| {
            let order = asked.unwrap_or_default();
            let all: Vec<_> = list.orders().iter().map(|(name, _)| *name).collect();
            Problem::invalid("order", format!("`{order}` is not one of: {}", all.join(", ")))
        })?;
        page.order = *order;
        let when = self.past(list, &page)?;
        for name in list.filters() {
            if *name == DUE_BEFORE {
                let time = self.time(DUE_BEFORE)?;
                page.filters.extend(time.map(|time| (DUE_BEFORE, time.to_string())));
                continue;
            }
            if let Some(value) = self.take(name) {
                let values = list.values(name);
                if let Some(values) = values.filter(|all| !all.contains(&value.as_str())) {
                    let cause = format!("`{value}` is not one of: {}", values.join(", "));
                    return Err(Problem::invalid(*name, cause));
                }
                page.filters.push((list.column(name), creditrail_domain::ids::canonical(&value)));
            }
        }
        let mut known = vec!["source", "at_least", "order", "limit", "cursor"];
        known.extend(list.axes());
        known.extend(list.filters());
        self.done(&known)?;
        Ok((page, when))
    }

    /// Takes of a list's two axes of time those that it has.
    fn past(&mut self, list: List, page: &Page) -> Result<When, Problem> {
        let mut when = When::default();
        for axis in list.axes() {
            match *axis {
                AS_OF => when.as_of = self.moment(AS_OF)?,
                _ => when.happened_by = self.time(HAPPENED_BY)?,
            }
        }
        if matches!(when.as_of, Some(AsOf::Position(_))) && page.sources.len() > 1 {
            return Err(Problem::invalid("source", "is required with a position as `as_of`"));
        }
        if !when.is_now() && page.order == Order::Stake {
            return Err(Problem::invalid("order", "`stake` is as of now only"));
        }
        Ok(when)
    }

    /// Refuses what has not been taken.
    pub fn done(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) if known.is_empty() => {
                Err(Problem::invalid(name.as_str(), "is not a parameter here; there is none"))
            }
            Some(name) => Err(Problem::invalid(
                name.as_str(),
                format!("is not a parameter here; there are: {}", known.join(", ")),
            )),
        }
    }
}

/// A page as it is answered.
pub fn answer(items: Items) -> serde_json::Value {
    let next = items.next.as_ref().map(next_cursor);
    serde_json::json!({ "items": items.items, "next_cursor": next })
}

/// Where the next page begins, as a parameter.
pub fn next_cursor(cursor: &Cursor) -> String {
    let Cursor { source, place, key } = cursor;
    hex::encode(serde_json::json!([source, place, key]).to_string())
}

fn read_cursor(given: &str) -> Result<Cursor, Problem> {
    let decoded = hex::decode(given).ok();
    decoded
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .map(|(source, place, key)| Cursor { source, place, key })
        .filter(|Cursor { source, key, .. }| !source.contains('\0') && !key.contains('\0'))
        .ok_or_else(|| Problem::invalid("cursor", "is not one that a list has answered"))
}
