//! The tables that can be taken away, page by page.

use creditrail_projections::{READERS, ReadModel};
use creditrail_proof::{
    leaf::{DeliveryEntry, Entry},
    sealed::Content,
};

use super::{ExportLog, Range, encode::Sheet};
use crate::{
    app::{
        access,
        content::{Kept, Opener},
        export::Format,
    },
    store::{
        Result, Store, StoreError,
        proof::Evidence,
        sql::{Lent, LentRow},
    },
};

/// The column that tells whose a row is.
const CUSTOMER: &str = "customer_id";
/// How many rows are read at once.
const PAGE: i64 = 2000;
/// How many of one customer's events, each of which is looked up.
const OF_CUSTOMER: usize = 500;

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
const NUMBERS: [&str; 11] = [
    "first_position",
    "captured",
    "refunded",
    "hold",
    "position",
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

    /// By which of the filters that are asked for its rows cannot be narrowed, if there is one.
    pub(super) fn not_narrowed_by(&self, asked: &ExportLog) -> Option<&'static str> {
        let tells_whose = match self {
            Self::Events | Self::Deliveries => asked.source != access::LOG,
            Self::ReadModel(model) => model.table.columns.contains(&CUSTOMER),
        };
        let is_model = matches!(self, Self::ReadModel(_));
        if asked.customer_id.is_some() && !tells_whose {
            Some(CUSTOMER)
        } else {
            (asked.kind.is_some() && is_model).then_some("kind")
        }
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
            Self::Events | Self::Deliveries => {
                Some(Place::Position(range.from - 1)).filter(|_| range.from <= range.to)
            }
            Self::ReadModel(_) => Some(Place::Key(String::new())),
        }
    }

    /// Where the page behind one begins, if that is known before it is read.
    pub(super) fn following(&self, range: &Range, place: &Place) -> Option<Place> {
        match (place, &range.positions) {
            (Place::Position(after), _) => {
                Some(Place::Position(after + PAGE)).filter(|_| after + PAGE < range.to)
            }
            (Place::Nth(nth), Some(positions)) => {
                let next = nth + OF_CUSTOMER;
                (next < positions.len()).then_some(Place::Nth(next))
            }
            _ => None,
        }
    }

    /// The rows of a page, and where the next begins if only its rows tell.
    pub(super) async fn page(
        &self,
        (opener, range): (&Opener, &Range),
        place: Place,
        format: Format,
    ) -> Result<(Sheet, Option<Place>)> {
        let mut sheet = Sheet::new(self.columns().into(), format);
        match (self, place) {
            (Self::ReadModel(model), Place::Key(after)) => {
                of_model(&*opener.store, (model, range), (after, sheet)).await
            }
            (_, Place::Nth(nth)) => {
                let positions = range.positions.as_deref().unwrap_or_default();
                for position in positions.iter().skip(nth).take(OF_CUSTOMER) {
                    sheet = self.stretch((opener, range), (position - 1, *position), sheet).await?;
                }
                Ok((sheet, None))
            }
            (_, Place::Position(after)) => {
                let stretch = (after, range.to.min(after + PAGE));
                Ok((self.stretch((opener, range), stretch, sheet).await?, None))
            }
            (_, Place::Key(_)) => Ok((sheet, None)),
        }
    }

    /// Events or deliveries of a stretch of the log.
    async fn stretch(
        &self,
        (opener, range): (&Opener, &Range),
        (after, up_to): (i64, i64),
        sheet: Sheet,
    ) -> Result<Sheet> {
        let stretch = (range.source.as_str(), after, up_to);
        match self {
            Self::Deliveries => deliveries((opener, range), stretch, sheet).await,
            Self::Events | Self::ReadModel(_) => events((opener, range), stretch, sheet).await,
        }
    }
}

async fn events(
    (opener, range): (&Opener, &Range),
    stretch: (&str, i64, i64),
    sheet: Sheet,
) -> Result<Sheet> {
    let kind = range.kind;
    let fold = move |sheet: &mut Sheet, Evidence { entry, .. }: &Evidence<'_>| {
        if kind.is_some_and(|kind| entry.aggregate_type != kind) {
            return Ok(());
        }
        event(sheet, entry).map_err(unwritten)
    };
    opener.store.evidence_folded(stretch, sheet, fold).await
}

async fn deliveries(
    (opener, range): (&Opener, &Range),
    stretch: (&str, i64, i64),
    mut sheet: Sheet,
) -> Result<Sheet> {
    let kind = range.kind;
    let keep = move |kept: &mut Vec<DeliveryEntry<'static>>, found: &Evidence<'_>| {
        if kind.is_none_or(|kind| found.entry.aggregate_type == kind) {
            kept.extend(found.delivery.clone().map(DeliveryEntry::into_owned));
        }
        Ok(())
    };
    let found = opener.store.evidence_folded(stretch, Vec::new(), keep).await?;
    let kept = opener.of_entries(&range.source, &found.iter().collect::<Vec<_>>()).await?;
    for (entry, kept) in found.iter().zip(kept) {
        delivery(&mut sheet, entry, &kept).map_err(unwritten)?;
    }
    Ok(sheet)
}

/// A row that cannot be added ends the page.
fn unwritten(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(error.into())
}

fn event(sheet: &mut Sheet, entry: &Entry<'_>) -> std::io::Result<()> {
    let delivery = entry.delivery.map(|digest| digest.to_string());
    sheet.add(&[
        Lent::Text(&entry.source),
        Lent::Int(entry.position),
        Lent::Text(&entry.aggregate_type),
        Lent::Text(&entry.aggregate_id),
        Lent::Int(entry.sequence),
        Lent::Text(&entry.event_type),
        Lent::Text(&entry.event_version),
        Lent::Int(entry.occurred_at),
        Lent::Int(entry.recorded_at),
        Lent::Text(&entry.payload),
        Lent::Text(&entry.metadata),
        delivery.as_deref().map_or(Lent::Null, Lent::Text),
    ])
}

fn delivery(sheet: &mut Sheet, delivery: &DeliveryEntry<'_>, kept: &Kept) -> std::io::Result<()> {
    let (headers, body, erased_at) = match kept {
        Kept::There(Content { headers, body }, _) => {
            (Lent::Text(headers), Lent::Bytes(body), Lent::Null)
        }
        Kept::Erased(at) => (Lent::Null, Lent::Null, Lent::Int(at.as_microsecond())),
        Kept::Shut => (Lent::Null, Lent::Null, Lent::Null),
    };
    sheet.add(&[
        Lent::Text(&delivery.source),
        Lent::Text(&delivery.delivery_id),
        Lent::Int(delivery.number),
        Lent::Text(&delivery.dedup_key),
        Lent::Int(delivery.received_at),
        Lent::Text(&delivery.secret_id),
        Lent::Text(&delivery.headers),
        Lent::Bytes(&delivery.body),
        Lent::Text(&delivery.outcome),
        Lent::Int(delivery.first_position),
        Lent::Text(&delivery.aggregate_type),
        Lent::Text(&delivery.stream),
        headers,
        body,
        erased_at,
    ])
}

/// Rows of a read model are as of now: a range of the log is none of theirs.
async fn of_model(
    store: &dyn Store,
    (model, range): (&ReadModel, &Range),
    (after, sheet): (String, Sheet),
) -> Result<(Sheet, Option<Place>)> {
    let Range { source, customer_id, .. } = range;
    let named = source.clone();
    let fold = move |(sheet, last, count): &mut (Sheet, String, i64), row: LentRow<'_>| {
        let values = row.rest();
        let whole: Vec<Lent<'_>> =
            [Lent::Text(&named)].into_iter().chain(values.iter().copied()).collect();
        if let Some(Lent::Text(key)) = values.first() {
            last.clear();
            last.push_str(key);
        }
        *count += 1;
        sheet.add(&whole).map_err(|error| StoreError::Unavailable(error.into()))
    };
    let of = (source.as_str(), model.table, customer_id.as_deref());
    let folded = (sheet, String::new(), 0);
    let (sheet, last, count) = store.rows_folded(of, (&after, PAGE), (folded, fold)).await?;
    Ok((sheet, (count >= PAGE).then_some(Place::Key(last))))
}
