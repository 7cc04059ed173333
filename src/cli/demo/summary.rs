//! What all histories of the demo amount to, as tables.

use serde_json::Value;

use super::Player;
use crate::cli::{CliError, print, table::table};

/// A table: where it is read, what is above it, and its columns by the fields of an item.
struct Summary {
    title: &'static str,
    path: &'static str,
    /// Of a list in the item, so that each element is a row.
    each: Option<&'static str>,
    columns: &'static [(&'static str, &'static str)],
}

const SUMMARIES: [Summary; 5] = [
    Summary {
        title: "Transactions. Amounts are minor units: 3451 is 34.51 USD.",
        path: "/v1/transactions",
        each: None,
        columns: &[
            ("transaction", "transaction_id"),
            ("status", "status"),
            ("authorized", "authorized"),
            ("captured", "captured"),
            ("refunded", "refunded"),
            ("hold", "hold"),
            ("flags", "flags"),
        ],
    },
    Summary {
        title: "Applications",
        path: "/v1/applications",
        each: None,
        columns: &[
            ("source", "source"),
            ("application", "application_id"),
            ("status", "status"),
            ("decision", "decision"),
            ("reapply after", "reapply_after"),
            ("engagement", "engagement_id"),
            ("flags", "flags"),
        ],
    },
    Summary {
        title: "Lenders' board of demo-loan",
        path: "/v1/applications?source=loans",
        each: Some("lenders"),
        columns: &[
            ("lender", "lender_id"),
            ("status", "status"),
            ("amount", "amount"),
            ("reference", "lender_reference_id"),
        ],
    },
    Summary {
        title: "Charges",
        path: "/v1/charges",
        each: None,
        columns: &[
            ("charge", "charge_id"),
            ("application", "application_id"),
            ("status", "status"),
            ("authorized", "authorized"),
            ("settled", "settled"),
            ("refunded", "refunded"),
            ("charged back", "charged_back"),
            ("reversed", "chargebacks_reversed"),
            ("open", "open_to_settle"),
            ("refundable", "refundable"),
            ("net", "net_to_merchant"),
        ],
    },
    Summary {
        title: "What somebody has to do",
        path: "/v1/actions?status=open",
        each: None,
        columns: &[
            ("owner", "owner"),
            ("action", "kind"),
            ("about", "/subject/id"),
            ("why", "reason"),
            ("from", "from"),
            ("due", "due_at"),
        ],
    },
];

impl Player {
    /// Prints what all histories amount to.
    pub(super) async fn summarize(&self) -> Result<(), CliError> {
        for Summary { title, path, each, columns } in SUMMARIES {
            let mut rows = table(&columns.iter().map(|(shown, _)| *shown).collect::<Vec<_>>());
            let limit = if path.contains('?') { "&limit=200" } else { "?limit=200" };
            let listed = self.get(&format!("{path}{limit}")).await?;
            let items = listed["items"].as_array().into_iter().flatten().rev();
            for item in items {
                let elements = match each {
                    Some(list) => item[list].as_array().cloned().unwrap_or_default(),
                    None => vec![item.clone()],
                };
                for element in elements {
                    rows.add_row(columns.iter().map(|(_, field)| cell(&element, field)));
                }
            }
            print(&format!("{title}\n{rows}\n\n"));
        }
        Ok(())
    }
}

/// A field as it is shown, or one by its path.
fn cell(item: &Value, field: &str) -> String {
    let value = if field.starts_with('/') { item.pointer(field) } else { item.get(field) };
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}
