//! The read models of creditrail: pure folds from the log to rows.
//!
//! Reading order: [`history`] (the events of one stream, folded), then one file for each read
//! model. A read model turns the history of a stream into the rows that its newest events change;
//! which rows those are depends on the log alone, never on how it was cut into batches. So
//! dropping a read model and folding again from position 0 gives the same bytes.

pub mod access_records;
pub mod actions;
pub mod applications;
pub mod charges;
pub mod compliance;
pub mod customers;
pub mod deadlines;
pub mod exceptions;
pub mod findings;
pub mod history;
pub mod identifiers;
pub mod moments;
pub mod occurrence;
pub mod payment_methods;
pub mod privacy;
pub mod row;
pub mod statistics;
pub mod steps;
pub mod tallies;
pub mod timeline;
pub mod transactions;

pub use history::{History, Recorded, Stream, StreamId};
pub use row::{Cell, Change, ReadModel, Reader, Table, Write};

/// The readers of the log, each with the read models that it fills under one bookmark.
pub static READERS: &[Reader] = &[
    Reader { name: "transactions", models: &[&transactions::READ_MODEL] },
    Reader { name: "payment_methods", models: &[&payment_methods::READ_MODEL] },
    Reader { name: "applications", models: &[&applications::READ_MODEL] },
    // Together, since conflicts of identities are exceptions.
    Reader { name: "customers", models: &[&customers::READ_MODEL, &exceptions::READ_MODEL] },
    Reader { name: "timeline", models: &[&timeline::READ_MODEL, &tallies::READ_MODEL] },
    Reader { name: "charges", models: &[&charges::READ_MODEL] },
    Reader {
        name: "work",
        models: &[&actions::READ_MODEL, &findings::READ_MODEL, &deadlines::READ_MODEL],
    },
    Reader { name: "identifiers", models: &[&identifiers::READ_MODEL] },
    Reader { name: "access_records", models: &[&access_records::READ_MODEL] },
    Reader { name: "compliance", models: &[&compliance::READ_MODEL] },
    Reader { name: "privacy", models: &[&privacy::READ_MODEL] },
    Reader { name: "statistics", models: &[&statistics::READ_MODEL] },
];
