//! The golden sequences of cards, then the table, then what comes late or from an operator.

mod golden;
mod key_order;
mod table;
