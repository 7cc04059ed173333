//! What readers write: rows and bookmarks, together or not at all; and how both begin anew.

use std::collections::BTreeMap;

use creditrail::store::{Bookmark, Projected, Result, Store};
use creditrail_projections::{
    Cell, Change, Table, Write, identifiers, payment_methods, tallies, transactions,
};
use tokio::task::JoinSet;

use super::fresh::{Cells, Fresh, SOURCE, row};

on_every_store! {
    a_replacement_takes_the_place_of_the_row_that_is_there,
    of_rows_that_are_kept_the_first_one_stays,
    numbers_are_added_to_those_that_are_there,
    a_deleted_row_is_gone_and_may_be_written_again_at_once,
    every_cell_comes_back_as_it_was_written,
    thousands_of_rows_are_written_at_once,
    a_row_that_is_refused_takes_rows_and_bookmarks_with_it,
    one_bookmark_that_is_elsewhere_holds_back_everything,
    of_those_that_project_from_one_position_one_wins,
}

async fn a_replacement_takes_the_place_of_the_row_that_is_there(store: Fresh) {
    let table = transactions::READ_MODEL.table;
    let one = row(table, "t", &[("hold", 7.into()), ("currency", "USD".into())]);
    let other = row(table, "t", &[("status", "voided".into()), ("captured", 3.into())]);
    let beside = row(table, "T", &[("hold", 9.into())]);
    for rows in [vec![one.clone()], vec![beside.clone(), other.clone()]] {
        write(&*store, (table, rows)).await.unwrap();
    }
    assert_eq!(rows(&store, table).await, [shown(&beside), shown(&other)]);
}

async fn of_rows_that_are_kept_the_first_one_stays(store: Fresh) {
    let table = identifiers::READ_MODEL.table;
    let found_at = |position: i64| keep(row(table, "id", &[("first_position", position.into())]));
    let beside = keep(row(table, "id-2", &[]));
    for rows in [vec![found_at(4)], vec![found_at(2), beside.clone()], vec![found_at(9)]] {
        write(&*store, (table, rows)).await.unwrap();
    }
    assert_eq!(rows(&store, table).await, [shown(&found_at(4)), shown(&beside)]);
}

async fn numbers_are_added_to_those_that_are_there(store: Fresh) {
    let table = tallies::READ_MODEL.table;
    for counts in [[("applied", 3), ("parked", 2)], [("applied", -1), ("refused", 1)]] {
        let add = counts.map(|(outcome, count)| add(outcome, count));
        write(&*store, (table, add.into())).await.unwrap();
    }
    let counts = [("applied", 2), ("parked", 2), ("refused", 1)];
    let counts = counts.map(|(outcome, count)| (outcome.to_owned(), count));
    assert_eq!(store.tallies(SOURCE).await.unwrap(), counts);
}

async fn a_deleted_row_is_gone_and_may_be_written_again_at_once(store: Fresh) {
    let table = identifiers::READ_MODEL.table;
    let delete = |key: &str| Change { write: Write::Delete, cells: vec![], ..row(table, key, &[]) };
    let anew = row(table, "anew", &[("first_position", 2.into())]);
    let kept_anew = keep(row(table, "kept anew", &[("first_position", 3.into())]));
    let old = ["anew", "gone", "kept anew", "stays"].map(|key| row(table, key, &[]));
    write(&*store, (table, old.to_vec())).await.unwrap();
    let changes = vec![
        anew.clone(),
        kept_anew.clone(),
        delete("anew"),
        delete("kept anew"),
        delete("gone"),
        delete("never there"),
    ];
    write(&*store, (table, changes)).await.unwrap();
    let left = [shown(&anew), shown(&kept_anew), shown(&row(table, "stays", &[]))];
    assert_eq!(rows(&store, table).await, left);
}

async fn every_cell_comes_back_as_it_was_written(store: Fresh) {
    let table = transactions::READ_MODEL.table;
    let texts = ["", " ", "'", "\"\\", "NULL", "{a,b}", "a\nb\t\r", "\u{1}", "ü€𝄞", "$1?%_"];
    let numbers = [0, -1, i64::MIN, i64::MAX];
    let written = texts.iter().zip(numbers.iter().cycle()).map(|(text, number)| {
        #[rustfmt::skip] // It is a table.
        let cells = [
            ("first_position", (*number).into()),
            ("hold",           (*number).into()),
            ("status",         (*text).into()),
            ("customer_id",    Cell::Text((*number != 0).then(|| (*text).to_owned()))),
            ("document",       text.repeat(10_000).into()),
        ];
        row(table, text, &cells)
    });
    let mut written: Vec<Change> = written.collect();
    write(&*store, (table, written.clone())).await.unwrap();
    written.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(rows(&store, table).await, written.iter().map(shown).collect::<Vec<_>>());
    for row in written {
        let document = store.document(table, SOURCE, &row.key).await.unwrap();
        assert_eq!(document.map(Cell::from).as_ref(), row.cells.last());
    }
}

async fn thousands_of_rows_are_written_at_once(store: Fresh) {
    let table = payment_methods::READ_MODEL.table;
    let all = (0..5000).map(|nth| row(table, &format!("{nth:05}"), &[("document", "{}".into())]));
    let all: Vec<_> = all.collect();
    write(&*store, (table, all.clone())).await.unwrap();
    assert_eq!(rows(&store, table).await, all.iter().map(shown).collect::<Vec<_>>());
}

async fn a_row_that_is_refused_takes_rows_and_bookmarks_with_it(store: Fresh) {
    let good = || (tallies::READ_MODEL.table, vec![add("applied", 1)]);
    let table = transactions::READ_MODEL.table;
    let without_status = row(table, "t", &[("status", Cell::Text(None))]);
    let with = |rows| Projected {
        changes: vec![good(), rows],
        bookmarks: vec![("a".into(), 0, 5)],
        holder: None,
    };
    let refused = store.project(SOURCE, with((table, vec![without_status]))).await.unwrap_err();
    assert!(refused.is_of_a_row(), "{refused:?}");
    assert_eq!(tallied(&*store).await, 0);
    assert_eq!(bookmarks(&*store).await, []);
    assert!(store.project(SOURCE, with((table, vec![row(table, "t", &[])]))).await.unwrap());
    assert_eq!(tallied(&*store).await, 1);
    assert_eq!(bookmarks(&*store).await, [("a".to_owned(), 5)]);
}

async fn one_bookmark_that_is_elsewhere_holds_back_everything(store: Fresh) {
    assert!(count_one(&*store, vec![("a", 0, 3), ("b", 0, 4)]).await);
    let stand = [("a".to_owned(), 3), ("b".to_owned(), 4)];
    for (moved, is_there) in [
        (vec![("a", 0, 5)], false),
        (vec![("a", 2, 5)], false),
        (vec![("a", 4, 5)], false),
        (vec![("a", 3, 5), ("b", 3, 5)], false),
        (vec![("c", 0, 5), ("b", 5, 6)], false),
        (vec![("c", 1, 5)], false),
        (vec![("a", 3, 3), ("b", 4, 4)], true),
    ] {
        let before = tallied(&*store).await;
        assert_eq!(count_one(&*store, moved.clone()).await, is_there, "{moved:?}");
        assert_eq!(tallied(&*store).await, before + i64::from(is_there), "{moved:?}");
        assert_eq!(bookmarks(&*store).await, stand, "{moved:?}");
    }
}

async fn of_those_that_project_from_one_position_one_wins(store: Fresh) {
    for round in 0..10 {
        let mut racing = JoinSet::new();
        for _ in 0..4 {
            let store = store.shared();
            let moved = vec![("a", round, round + 1), ("b", round, round + 1)];
            racing.spawn(async move { count_one(&*store, moved).await });
        }
        let won = racing.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1, "from {round}");
        assert_eq!(tallied(&*store).await, round + 1);
    }
}

async fn write(store: &dyn Store, rows: (&'static Table, Vec<Change>)) -> Result<bool> {
    let projected = Projected { changes: vec![rows], ..Projected::default() };
    store.project(SOURCE, projected).await
}

fn keep(row: Change) -> Change {
    Change { write: Write::KeepFirst, ..row }
}

fn add(outcome: &str, count: i64) -> Change {
    let row = row(tallies::READ_MODEL.table, outcome, &[("count", count.into())]);
    Change { write: Write::Add, ..row }
}

/// Moves bookmarks, and with them counts one delivery more.
async fn count_one(store: &dyn Store, bookmarks: Vec<(&'static str, i64, i64)>) -> bool {
    let changes = vec![(tallies::READ_MODEL.table, vec![add("applied", 1)])];
    let bookmarks =
        bookmarks.into_iter().map(|(reader, from, to)| (reader.into(), from, to)).collect();
    store.project(SOURCE, Projected { changes, bookmarks, holder: None }).await.unwrap()
}

async fn tallied(store: &dyn Store) -> i64 {
    store.tallies(SOURCE).await.unwrap().iter().map(|(_, count)| count).sum()
}

/// Where the readers of sources are, by source and reader.
async fn stand_of(store: &dyn Store, sources: &[&str]) -> BTreeMap<(String, String), i64> {
    let mut stand = BTreeMap::new();
    for source in sources {
        let bookmarks = store.claim(source, Vec::new(), "nobody").await.unwrap();
        let place = |found: Bookmark| (((*source).to_owned(), found.reader), found.position);
        stand.extend(bookmarks.into_iter().map(place));
    }
    stand
}

/// The readers of [`SOURCE`] and where they are.
async fn bookmarks(store: &dyn Store) -> Vec<(String, i64)> {
    let stand = stand_of(store, &[SOURCE]).await.into_iter();
    stand.map(|((_, reader), position)| (reader, position)).collect()
}

/// The rows of a table, in the order of their keys.
async fn rows(store: &Fresh, table: &Table) -> Vec<Cells> {
    let columns = [&["key"], table.columns].concat();
    let from = format!("@{} WHERE source = '{SOURCE}' ORDER BY key", table.name);
    store.database.rows(&columns, &from).await
}

/// A row as it should be read.
fn shown(change: &Change) -> Cells {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Int(number) => number.map(|number| number.to_string()),
    };
    [Some(change.key.clone())].into_iter().chain(change.cells.iter().map(cell)).collect()
}
