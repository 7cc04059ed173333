//! Writing the read models, by portions, and whose the readers are.

use creditrail_projections::{Cell, Change, Table, Write};
use sqlx::{PgPool, Row as _, postgres::PgRow};

use super::{
    Result, failed,
    transaction::{Held, Transaction, column},
};
use crate::store::{Bookmark, LEASE, Projected, ReaderName};

/// What is lost of it in a crash is folded again: rows and bookmark are lost together.
const BEGIN_PROJECTION: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL synchronous_commit = off;
    SET LOCAL idle_in_transaction_session_timeout = '5s';";

const BOOKMARKS: &str = "SELECT reader, position, holder = $2 AS is_holder,
    held_until - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS time_left
    FROM creditrail.bookmarks WHERE source = $1";

const TAKE: &str = "WITH now AS (
        SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us
    )
    INSERT INTO creditrail.bookmarks AS b (source, reader, position, holder, held_until)
    SELECT $1, reader, 0, $3, now.us + $4 FROM UNNEST($2::text[]) AS reader, now ORDER BY reader
    ON CONFLICT (source, reader) DO UPDATE
    SET holder = EXCLUDED.holder, held_until = EXCLUDED.held_until
    WHERE b.holder = EXCLUDED.holder OR b.held_until < EXCLUDED.held_until - $4";

const OPEN_BOOKMARKS: &str = "INSERT INTO creditrail.bookmarks
    (source, reader, position, holder, held_until)
    SELECT $1, reader, 0, '', 0 FROM UNNEST($2::text[]) AS reader ORDER BY reader
    ON CONFLICT (source, reader) DO NOTHING";

/// Whoever works on a reader keeps it.
const MOVE_BOOKMARKS: &str = "UPDATE creditrail.bookmarks AS b
    SET position = m.beyond, held_until = GREATEST(b.held_until,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $5)
    FROM UNNEST($2::text[], $3::bigint[], $4::bigint[]) AS m(reader, first, beyond)
    WHERE b.source = $1 AND b.reader = m.reader AND b.position = m.first
        AND ($6::text IS NULL OR b.holder = $6)";

/// Where the readers are, and which of them are the holder's: those of `wanted` that nobody has.
pub(super) async fn claim(
    pool: &PgPool,
    source: &str,
    (wanted, holder): (&[ReaderName], &str),
) -> Result<Vec<Bookmark>> {
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    let found = bookmarks(pool, source, holder).await?;
    let is_to_be_taken = |reader: &&str| match found.iter().find(|(b, _)| b.reader == **reader) {
        None => true,
        Some((bookmark, left)) if bookmark.is_mine => *left < lease / 2,
        Some((_, left)) => *left <= 0,
    };
    let taken: Vec<&str> = wanted.iter().map(|reader| &**reader).filter(is_to_be_taken).collect();
    if taken.is_empty() {
        return Ok(found.into_iter().map(|(bookmark, _)| bookmark).collect());
    }
    let mut held = Held::of(pool).await?;
    let take = sqlx::query(TAKE).bind(source).bind(taken).bind(holder).bind(lease);
    take.execute(held.connection()?).await.map_err(failed)?;
    held.give_back();
    let found = bookmarks(pool, source, holder).await?;
    Ok(found.into_iter().map(|(bookmark, _)| bookmark).collect())
}

/// The bookmarks, and how many microseconds each reader stays with its holder.
async fn bookmarks(pool: &PgPool, source: &str, holder: &str) -> Result<Vec<(Bookmark, i64)>> {
    let select = sqlx::query(BOOKMARKS).bind(source).bind(holder);
    let mut held = Held::of(pool).await?;
    let rows = select.fetch_all(held.connection()?).await.map_err(failed)?;
    held.give_back();
    let bookmark = |row: &PgRow| {
        let left: i64 = row.try_get(3)?;
        let (reader, position) = (row.try_get(0)?, row.try_get(1)?);
        let is_mine = row.try_get::<bool, _>(2)? && left > 0;
        Ok((Bookmark { reader, position, is_mine }, left))
    };
    rows.iter().map(bookmark).collect::<Result<_, sqlx::Error>>().map_err(failed)
}

/// Writes rows and bookmarks in one transaction; `false` if a bookmark was elsewhere.
pub(super) async fn project(pool: &PgPool, source: &str, projected: &Projected) -> Result<bool> {
    let Projected { changes, bookmarks, holder } = projected;
    let (mut transaction, _) = Transaction::begin(pool, BEGIN_PROJECTION).await?;
    let readers = column(bookmarks, |(reader, _, _)| &**reader);
    if bookmarks.iter().any(|(_, from, _)| *from == 0) {
        transaction.run(sqlx::query(OPEN_BOOKMARKS).bind(source).bind(&readers)).await?;
    }
    let lease = i64::try_from(LEASE.as_micros()).unwrap_or(i64::MAX);
    let moved = sqlx::query(MOVE_BOOKMARKS)
        .bind(source)
        .bind(&readers)
        .bind(column(bookmarks, |(_, from, _)| *from))
        .bind(column(bookmarks, |(_, _, to)| *to))
        .bind(lease)
        .bind(holder.as_deref());
    if transaction.run(moved).await? != u64::try_from(bookmarks.len()).unwrap_or(u64::MAX) {
        return Ok(false);
    }
    for (table, changes) in changes {
        write_rows(&mut transaction, source, (table, changes)).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

/// Writes the changes of one table in the order in which the kinds of write are declared, but
/// deletions first; each row at most once a kind.
async fn write_rows(
    transaction: &mut Transaction,
    source: &str,
    (table, changes): (&Table, &[Change]),
) -> Result<()> {
    for write in [Write::Delete, Write::Replace, Write::KeepFirst, Write::Add] {
        let changes: Vec<&Change> = changes.iter().filter(|change| change.write == write).collect();
        let Some(first) = changes.first() else { continue };
        let sql = statement(table, write, &first.cells);
        let mut statement = sqlx::query(&sql).bind(source);
        statement = statement.bind(column(&changes, |change| change.key.as_str()));
        for nth in 0..first.cells.len() {
            statement = match first.cells[nth] {
                Cell::Text(_) => statement.bind(column(&changes, |change| text(change, nth))),
                Cell::Int(_) => statement.bind(column(&changes, |change| int(change, nth))),
            };
        }
        transaction.run(statement).await?;
        if write == Write::Add {
            let sql = drop_sums_of_nothing(table);
            let keys = column(&changes, |change| change.key.as_str());
            transaction.run(sqlx::query(&sql).bind(source).bind(keys)).await?;
        }
    }
    Ok(())
}

/// A sum of 0 is no row, in whatever portions the events came.
fn drop_sums_of_nothing(Table { name, columns }: &Table) -> String {
    let nothing: Vec<_> = columns.iter().map(|column| format!("{column} = 0")).collect();
    let nothing = nothing.join(" AND ");
    format!("DELETE FROM creditrail.{name} WHERE source = $1 AND key = ANY($2) AND {nothing}")
}

fn text<'a>(change: &&'a Change, nth: usize) -> Option<&'a str> {
    match change.cells.get(nth) {
        Some(Cell::Text(text)) => text.as_deref(),
        _ => None,
    }
}

fn int(change: &&Change, nth: usize) -> Option<i64> {
    match change.cells.get(nth) {
        Some(Cell::Int(number)) => *number,
        _ => None,
    }
}

/// `$1` is the source, `$2` the keys, then the columns.
fn statement(table: &Table, write: Write, cells: &[Cell]) -> String {
    let Table { name, columns } = table;
    let assignments = |value: &dyn Fn(&str) -> String| {
        let set: Vec<_> =
            columns.iter().map(|column| format!("{column} = {}", value(column))).collect();
        format!("UPDATE SET {}", set.join(", "))
    };
    let then = match write {
        Write::Delete => {
            return format!("DELETE FROM creditrail.{name} WHERE source = $1 AND key = ANY($2)");
        }
        Write::KeepFirst => "NOTHING".to_owned(),
        Write::Replace => assignments(&|column| format!("EXCLUDED.{column}")),
        Write::Add => assignments(&|column| format!("old.{column} + EXCLUDED.{column}")),
    };
    let array = |(cell, place): (&Cell, usize)| match cell {
        Cell::Text(_) => format!("${place}::text[]"),
        Cell::Int(_) => format!("${place}::bigint[]"),
    };
    let arrays: Vec<_> = cells.iter().zip(3..).map(array).collect();
    let (columns, arrays) = (columns.join(", "), arrays.join(", "));
    format!(
        "INSERT INTO creditrail.{name} AS old (source, key, {columns})
         SELECT $1, * FROM UNNEST($2::text[], {arrays}) ON CONFLICT (source, key) DO {then}"
    )
}
