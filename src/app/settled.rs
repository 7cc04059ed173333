//! Decisions that have a card, and cards that have a decision: what no single stream can tell.
//!
//! Both are findings until they meet. Those that have met are marked, so that the list of those that
//! stand need not look at every customer there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use creditrail_domain::Policies;
use creditrail_projections::{Cell, Change, Write, findings};

use crate::store::{Result, Store, Unmatched};

/// Marks the findings among these changes that others settle, and adds those that are already there
/// and are settled now, or not any more.
pub(super) async fn mark(
    store: &dyn Store,
    (source, policies): (&str, &Policies),
    changes: &mut Vec<Change>,
) -> Result<()> {
    let keys: BTreeSet<_> = changes.iter().map(|change| change.key.clone()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let before = store.unmatched(source, "key", keys.into_iter().collect()).await?;
    let new: Vec<_> = changes.iter().filter_map(unmatched).collect();
    let customers: BTreeSet<_> =
        before.iter().chain(&new).map(|finding| finding.customer_id.clone()).collect();
    if customers.is_empty() {
        return Ok(());
    }
    let there = store.unmatched(source, "customer_id", customers.into_iter().collect()).await?;
    let mut all: BTreeMap<_, _> =
        there.into_iter().map(|finding| (finding.key.clone(), finding)).collect();
    for gone in changes.iter().filter(|change| change.write == Write::Delete) {
        all.remove(&gone.key);
    }
    all.extend(new.into_iter().map(|finding| (finding.key.clone(), finding)));

    let known: BTreeSet<_> =
        all.values().map(|known| (known.customer_id.clone(), known.unless.clone())).collect();
    let is_settled = |finding: &Unmatched| {
        let kinds = ["card", "decision"].into_iter().filter(|kind| *kind != finding.unless);
        let mut others = kinds.map(|kind| (finding.customer_id.clone(), kind.to_owned()));
        others.any(|other| known.contains(&other))
    };
    let replaced = changes.iter().enumerate().filter(|(_, it)| it.write == Write::Replace);
    let places: HashMap<_, _> = replaced.map(|(place, it)| (it.key.clone(), place)).collect();
    for finding in all.values() {
        let stands_from = if is_settled(finding) {
            findings::SETTLED
        } else {
            findings::stands_from(&finding.document, policies)
        };
        match places.get(&finding.key) {
            Some(place) => changes[*place].cells[STANDS_FROM] = stands_from.into(),
            None if stands_from != finding.stands_from => {
                changes.push(change(finding, stands_from));
            }
            None => {}
        }
    }
    Ok(())
}

/// The place of the column among the cells of a row.
const STANDS_FROM: usize = 4;

/// The finding of a change, if another one may settle it.
fn unmatched(change: &Change) -> Option<Unmatched> {
    match change.cells.as_slice() {
        [
            Cell::Int(Some(first_position)),
            Cell::Text(Some(list)),
            Cell::Text(Some(code)),
            Cell::Text(Some(customer_id)),
            Cell::Int(Some(stands_from)),
            Cell::Text(Some(unless)),
            Cell::Text(Some(document)),
        ] => Some(Unmatched {
            key: change.key.clone(),
            first_position: *first_position,
            list: list.clone(),
            code: code.clone(),
            customer_id: customer_id.clone(),
            stands_from: *stands_from,
            unless: unless.clone(),
            document: document.clone(),
        }),
        _ => None,
    }
}

fn change(finding: &Unmatched, stands_from: i64) -> Change {
    let Unmatched { key, first_position, list, code, customer_id, unless, document, .. } =
        finding.clone();
    let cells = vec![
        first_position.into(),
        list.into(),
        code.into(),
        customer_id.into(),
        stands_from.into(),
        unless.into(),
        document.into(),
    ];
    Change { key, write: Write::Replace, position: first_position, cells }
}
