//! The golden sequences, then the tables, then what only charges have: operations that are named
//! late, reversals that do not name their chargebacks, links, and what takes too long.

mod disputes;
mod golden;
mod links;
mod operations;
mod overdue;
mod pairing;
mod table;
mod void;
