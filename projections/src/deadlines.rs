//! When the clock is to look at a stream next.

use creditrail_domain::{Lifecycle, Policies};
use jiff::Timestamp;

use crate::{
    History, Stream,
    history::Steps,
    row::{Change, ReadModel, Table, Write},
};

/// Deadlines, one row for each stream that has one.
pub static READ_MODEL: ReadModel = ReadModel { table: &TABLE, project };

static TABLE: Table =
    Table { name: "deadlines", columns: &["first_position", "due_at", "aggregate_type", "stream"] };

fn project(stream: &Stream, policies: &Policies) -> Vec<Change> {
    let next = match &stream.history {
        History::Application(steps) => next(steps, policies),
        History::Charge(steps) => next(steps, policies),
        History::CustomerLink(steps) => next(steps, policies),
        History::PaymentMethod(steps) => next(steps, policies),
        History::Transaction(steps) => next(steps, policies),
        History::Exception(_) | History::Access(_) | History::Privacy(_) | History::Secret(_) => {
            None
        }
    };
    let Some((due_at, position)) = next else { return Vec::new() };
    let kind = stream.id.aggregate_type.name();
    let key = serde_json::json!([kind, stream.id.id]).to_string();
    let Some(due_at) = due_at else {
        return vec![Change { key, write: Write::Delete, position, cells: Vec::new() }];
    };
    let cells = vec![
        position.into(),
        due_at.as_microsecond().into(),
        kind.into(),
        stream.id.id.as_str().into(),
    ];
    vec![Change { key, write: Write::Replace, position, cells }]
}

/// The next deadline of a stream, or that it has none any more; `None` if it never had one.
fn next<L: Lifecycle>(steps: &Steps<L>, policies: &Policies) -> Option<(Option<Timestamp>, i64)> {
    let due_at = steps.journal.deadlines(policies).into_iter().map(|(_, at)| at).min();
    (due_at.is_some() || !steps.is_new()).then_some((due_at, steps.position))
}
