//! The tables that can be taken away, page by page.

use creditrail_projections::{READERS, ReadModel};
use creditrail_proof::{leaf::DeliveryEntry, sealed::Content};

use super::Range;
use crate::{
    app::content::{Kept, Opener},
    store::{Result, Store, proof::Evidence, sql::Value},
};

/// How many rows are read at once.
const PAGE: i64 = 4000;

/// What is taken away.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The log, event by event, as it is stored and hashed.
    Events,
    /// Deliveries as they came.
    Deliveries,
    /// The rows of a read model.
    ReadModel(&'static ReadModel),
}

/// A column: its name, and whether it is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    /// Bytes: base64 in text.
    Bytes,
}

/// Behind which row a page begins.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A position.
    Position(i64),
    /// A place among the positions of a customer.
    Nth(usize),
    /// A key.
    Key(String),
}

const EVENTS: [(&str, Kind); 12] = [
    ("source", Kind::Text),
    ("position", Kind::Int),
    ("aggregate_type", Kind::Text),
    ("aggregate_id", Kind::Text),
    ("sequence", Kind::Int),
    ("event_type", Kind::Text),
    ("event_version", Kind::Text),
    ("occurred_at", Kind::Int),
    ("recorded_at", Kind::Int),
    ("payload", Kind::Text),
    ("metadata", Kind::Text),
    ("delivery", Kind::Text),
];

/// Headers and body as they are stored, by which the digest in the log is made, and then as they came;
/// nothing, once they were erased.
const DELIVERIES: [(&str, Kind); 15] = [
    ("source", Kind::Text),
    ("delivery_id", Kind::Text),
    ("number", Kind::Int),
    ("dedup_key", Kind::Text),
    ("received_at", Kind::Int),
    ("secret_id", Kind::Text),
    ("headers", Kind::Text),
    ("body", Kind::Bytes),
    ("outcome", Kind::Text),
    ("first_position", Kind::Int),
    ("aggregate_type", Kind::Text),
    ("stream", Kind::Text),
    ("opened_headers", Kind::Text),
    ("opened_body", Kind::Bytes),
    ("erased_at", Kind::Int),
];

/// Columns of read models that are numbers, by their names.
const NUMBERS: [&str; 10] = [
    "first_position",
    "captured",
    "refunded",
    "hold",
    "occurred_at",
    "due_at",
    "stands_from",
    "count",
    "stake",
    "done_at",
];

impl What {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let models = READERS.iter().flat_map(|reader| reader.models);
        let models = models.map(|model| Self::ReadModel(model));
        [Self::Events, Self::Deliveries].into_iter().chain(models).collect()
    }

    /// The name, which is that of the file too.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Deliveries => "deliveries",
            Self::ReadModel(model) => model.table.name,
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|what| what.name() == name)
    }

    pub(super) fn columns(&self) -> Vec<Column> {
        let column = |(name, kind): (&str, Kind)| Column { name: name.to_owned(), kind };
        match self {
            Self::Events => EVENTS.map(column).to_vec(),
            Self::Deliveries => DELIVERIES.map(column).to_vec(),
            Self::ReadModel(model) => {
                let of_table = model.table.columns.iter().map(|name| {
                    (*name, if NUMBERS.contains(name) { Kind::Int } else { Kind::Text })
                });
                [("source", Kind::Text), ("key", Kind::Text)]
                    .into_iter()
                    .chain(of_table)
                    .map(column)
                    .collect()
            }
        }
    }

    /// Where to begin; nowhere if there can be no row.
    pub(super) fn beginning(&self, range: &Range) -> Option<Place> {
        match self {
            Self::Events | Self::Deliveries if range.positions.is_some() => Some(Place::Nth(0)),
            Self::Events | Self::Deliveries => Some(Place::Position(range.from - 1)),
            Self::ReadModel(_) => Some(Place::Key(String::new())),
        }
    }

    /// The rows of a page, and where the next begins.
    pub(super) async fn page(
        &self,
        opener: &Opener,
        range: &Range,
        place: Place,
    ) -> Result<(Vec<Vec<Value>>, Option<Place>)> {
        let store = &*opener.store;
        match (self, place) {
            (Self::ReadModel(model), Place::Key(after)) => {
                of_model(store, model, range, after).await
            }
            (_, place) => {
                let (found, next) = evidence(store, range, place).await?;
                let is_wanted = |evidence: &Evidence| {
                    range.kind.is_none_or(|kind| evidence.entry.aggregate_type == kind)
                };
                let found = found.into_iter().filter(is_wanted);
                let rows = match self {
                    Self::Deliveries => deliveries(opener, range, found).await?,
                    _ => found.map(event).collect(),
                };
                Ok((rows, next))
            }
        }
    }
}

async fn evidence(
    store: &dyn Store,
    range: &Range,
    place: Place,
) -> Result<(Vec<Evidence>, Option<Place>)> {
    let Range { source, to, positions, .. } = range;
    match (place, positions) {
        (Place::Nth(nth), Some(positions)) => {
            let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
            let end = nth.saturating_add(page).min(positions.len());
            let found = store.evidence_at(source, positions[nth..end].to_vec()).await?;
            Ok((found, (end < positions.len()).then_some(Place::Nth(end))))
        }
        (Place::Position(after), _) => {
            let most = PAGE.min(to - after);
            if most <= 0 {
                return Ok((Vec::new(), None));
            }
            let found = store.evidence_after(source, after, most).await?;
            let next = found.last().map(|last| Place::Position(last.entry.position));
            Ok((found, next.filter(|_| after + most < *to)))
        }
        _ => Ok((Vec::new(), None)),
    }
}

fn event(evidence: Evidence) -> Vec<Value> {
    let entry = evidence.entry;
    vec![
        entry.source.into_owned().into(),
        entry.position.into(),
        entry.aggregate_type.into_owned().into(),
        entry.aggregate_id.into_owned().into(),
        entry.sequence.into(),
        entry.event_type.into_owned().into(),
        entry.event_version.into_owned().into(),
        entry.occurred_at.into(),
        entry.recorded_at.into(),
        entry.payload.into_owned().into(),
        entry.metadata.into_owned().into(),
        entry.delivery.map_or(Value::Null, |digest| digest.to_string().into()),
    ]
}

async fn deliveries(
    opener: &Opener,
    range: &Range,
    found: impl Iterator<Item = Evidence>,
) -> Result<Vec<Vec<Value>>> {
    let deliveries: Vec<_> = found.filter_map(|evidence| evidence.delivery).collect();
    let kept = opener.of_entries(&range.source, &deliveries.iter().collect::<Vec<_>>()).await?;
    Ok(deliveries.into_iter().zip(kept).map(|(entry, kept)| delivery(entry, kept)).collect())
}

fn delivery(delivery: DeliveryEntry<'_>, kept: Kept) -> Vec<Value> {
    let (headers, body, erased_at) = match kept {
        Kept::There(Content { headers, body }, _) => {
            (headers.into(), Value::Bytes(body), Value::Null)
        }
        Kept::Erased(at) => (Value::Null, Value::Null, at.as_microsecond().into()),
        Kept::Shut => (Value::Null, Value::Null, Value::Null),
    };
    vec![
        delivery.source.into_owned().into(),
        delivery.delivery_id.into_owned().into(),
        delivery.number.into(),
        delivery.dedup_key.into_owned().into(),
        delivery.received_at.into(),
        delivery.secret_id.into_owned().into(),
        delivery.headers.into_owned().into(),
        Value::Bytes(delivery.body.into_owned()),
        delivery.outcome.into_owned().into(),
        delivery.first_position.into(),
        delivery.aggregate_type.into_owned().into(),
        delivery.stream.into_owned().into(),
        headers,
        body,
        erased_at,
    ]
}

/// Rows of a read model are as of now: a range of the log is none of theirs.
async fn of_model(
    store: &dyn Store,
    model: &ReadModel,
    range: &Range,
    after: String,
) -> Result<(Vec<Vec<Value>>, Option<Place>)> {
    let Range { source, customer_id, .. } = range;
    let after = (after.as_str(), PAGE);
    let found = store.rows_after(source, model.table, customer_id.as_deref(), after).await?;
    let is_full = found.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        rows.push([vec![Value::from(source.as_str())], row.rest()].concat());
    }
    let last = rows.last().and_then(|row| match row.get(1) {
        Some(Value::Text(key)) => Some(Place::Key(key.clone())),
        _ => None,
    });
    Ok((rows, last.filter(|_| is_full)))
}
