//! What every store promises, written once against `dyn Store` and run on each of them: SQLite,
//! PostgreSQL, and PostgreSQL with a single connection, where a call that takes two at a time waits
//! for itself. A test of the modules below is found under each, such as
//! `contract::log::on_sqlite::positions_have_no_gap`.
//!
//! Reading order: `fresh` (a store on a database of its own), then the module of the question at
//! hand. Here as in `src/store`, `@` stands before the name of a table.

/// Makes a test of each function, on a store that is opened for it.
macro_rules! tests_on {
    ($store:ident, $opened:expr, $($test:ident,)*) => {
        mod $store {
            use super::Fresh;
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test($opened.await).await;
                }
            )*
        }
    };
}

/// What every store has to pass: the names of functions like `async fn name(store: Fresh)`.
macro_rules! on_every_store {
    ($($test:ident,)*) => {
        tests_on! { on_sqlite, Fresh::sqlite(), $($test,)* }
        tests_on! { on_postgres, Fresh::postgres(8), $($test,)* }
        tests_on! { on_one_connection, Fresh::postgres(1), $($test,)* }
    };
}

/// What is promised of PostgreSQL alone.
macro_rules! only_on_postgres {
    ($($test:ident,)*) => {
        tests_on! { only_on_postgres, Fresh::postgres(8), $($test,)* }
        tests_on! { only_on_one_connection, Fresh::postgres(1), $($test,)* }
    };
}

/// What is promised of SQLite alone.
macro_rules! only_on_sqlite {
    ($($test:ident,)*) => {
        tests_on! { only_on_sqlite, Fresh::sqlite(), $($test,)* }
    };
}

mod fresh; // a store on a database of its own, and what is written to it

mod answers; // identities, balances, search, counts
mod batches; // one writer at a time, all of a batch or nothing
mod catalog; // keys and collations, as PostgreSQL has them
mod claims; // who runs a reader
mod deliveries; // kept byte for byte, found by key, counted
mod equal; // ten thousand deliveries: the same rows on both databases
mod lists; // pages and their cursors
mod log; // events by position and by stream, and nothing that changes them
mod past; // which streams there were, and where in the log a time is
mod projections; // rows and bookmarks
mod rejected; // the ring of calls that were turned away
