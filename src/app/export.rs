//! Lists to be taken away: all rows that a page's filters leave, as CSV or as a line of JSON each.

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde_json::Value;

use super::{
    Creditrail,
    lists::List,
    moments::When,
    read::{Items, ReadError},
};
use crate::store::Page;

/// How many rows are read at once.
const PORTION: usize = 500;

/// In which form rows are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Columns, with a head. Of a list: the fields that are no lists themselves. Amounts are in minor
    /// units.
    Csv,
    /// A JSON object a line. Of a list: the documents as the interface answers them.
    Ndjson,
    /// Columns in groups, for programs that count. No list is taken so.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Ndjson, Self::Parquet];

    /// Those of lists.
    pub const OF_LISTS: [Self; 2] = [Self::Csv, Self::Ndjson];

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The name, which is the ending of a file too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// The columns of a list as CSV: paths in its documents.
#[rustfmt::skip] // It is a table.
const fn columns(list: List) -> &'static [&'static str] {
    match list {
        List::Transactions => &["source", "transaction_id", "status", "refund_status", "currency", "authorized", "captured", "refunded", "hold", "customer_id", "partner_customer_id", "payment_method_id", "merchant/name", "merchant/category_code", "authorization_code", "position"],
        List::PaymentMethods => &["source", "payment_method_id", "card_type", "status", "substate", "provider_reported_status", "customer_id", "partner_customer_id", "created_at", "activated_at", "canceled_at", "position"],
        List::Applications => &["source", "application_id", "status", "decision", "started_at", "created_at", "decided_at", "reapply_after", "customer_id", "partner_customer_id", "merchant_order_id", "position"],
        List::Charges => &["source", "charge_id", "status", "currency", "authorized", "settled", "refunded", "charged_back", "chargebacks_reversed", "open_to_settle", "refundable", "net_to_merchant", "application_id", "customer_id", "merchant_order_id", "position"],
        List::Exceptions => &["source", "id", "code", "kind", "severity", "status", "subject/type", "subject/id", "message", "state", "asked", "amount_at_stake", "currency", "delivery_id", "received_at", "resolution/action", "resolution/actor", "resolution/reason", "resolution/at"],
        List::Actions => &["source", "id", "kind", "owner", "status", "message", "subject/type", "subject/id", "customer_id", "partner_customer_id", "opened_at", "due_at", "closed_at"],
        List::Compliance => &["source", "id", "kind", "status", "basis", "subject/type", "subject/id", "lender_id", "customer_id", "partner_customer_id", "starts_at", "due_at", "ended_at", "actor", "reason"],
        List::Stale | List::Discrepancies => &["source", "id", "code", "message", "suggestion", "subject/type", "subject/id", "customer_id", "since", "found_at"],
        List::AccessRecords => &["source", "position", "at", "act", "actor", "what", "reason", "subject/type", "subject/id"],
        List::Deliveries => &["source", "number", "delivery_id", "received_at", "occurred_at", "kind", "outcome", "outcome_on_arrival", "reason", "message", "subject/type", "subject/id", "customer_id", "repeats", "last_received_at", "position"],
    }
}

impl Creditrail {
    /// All rows from where a page begins, portion by portion, in its order, as they are or were.
    ///
    /// # Errors
    /// The stream ends with a [`ReadError`] if a portion cannot be read.
    pub fn export(
        &self,
        list: List,
        (page, when): (Page, When),
        format: Format,
    ) -> impl Stream<Item = Result<Bytes, ReadError>> + use<> {
        let creditrail = self.clone();
        let begin = Some((Page { limit: PORTION, ..page }, format == Format::Csv));
        stream::try_unfold(begin, move |state| {
            let creditrail = creditrail.clone();
            async move {
                let Some((page, needs_head)) = state else { return Ok(None) };
                let Items { items, next } = creditrail.list_at(list, page.clone(), when).await?;
                let text = match format {
                    Format::Csv => csv(columns(list), &items, needs_head),
                    Format::Ndjson | Format::Parquet => ndjson(&items),
                };
                let next = next.map(|after| (Page { after: Some(after), ..page }, false));
                Ok(Some((text, next)))
            }
        })
    }
}

fn ndjson(rows: &[Value]) -> Bytes {
    rows.iter().map(|row| format!("{row}\n")).collect::<String>().into()
}

fn csv(columns: &[&str], rows: &[Value], needs_head: bool) -> Bytes {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let head = needs_head.then(|| columns.iter().map(|column| column.replace('/', "_")).collect());
    let rows = rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect());
    for record in head.into_iter().chain(rows) {
        let record: Vec<String> = record;
        // Writing to a Vec cannot fail, and all records have as many fields.
        let _ = writer.write_record(record);
    }
    writer.into_inner().unwrap_or_default().into()
}

/// A text as a cell. A spreadsheet takes one that begins with one of these signs for a formula, and a
/// lender may say anything: an apostrophe makes it a text.
pub(super) fn for_spreadsheets(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}").into() } else { text.into() }
}

/// A field of a document as a cell.
fn cell(row: &Value, column: &str) -> String {
    match row.pointer(&format!("/{column}")) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => for_spreadsheets(text).into_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_stays_what_it_is_in_a_spreadsheet() {
        let rows = [
            json!({"a": "=1+1", "b": -5, "c": {"d": "Café, \"left\""}}),
            json!({"a": null, "b": 7, "c": {}}),
        ];
        let text = csv(&["a", "b", "c/d"], &rows, true);
        assert_eq!(text, "a,b,c_d\r\n'=1+1,-5,\"Café, \"\"left\"\"\"\r\n,7,\r\n");
        assert_eq!(csv(&["b"], &rows[1..], false), "7\r\n");
    }
}
