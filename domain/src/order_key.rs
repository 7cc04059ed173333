//! The order in which the steps of one aggregate happened, whatever the order of arrival.

use jiff::Timestamp;

/// Where a step stands among the steps of its aggregate.
///
/// Compared field by field: the time, then the rank of what the step asks, then the amount, the
/// step's own key and its content. Arrival plays no part, so any order of arrival sorts alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderKey<'a> {
    /// When it happened by the lender's clock; the time of receipt where the lender gave none.
    pub at: Timestamp,
    /// Breaks ties of time: an approval before its update, an update before its capture.
    pub rank: u8,
    /// Breaks ties of rank: the smaller amount first, so that of two contents under one key the
    /// smaller counts.
    pub amount: i64,
    /// The step's deduplication key.
    pub key: &'a str,
    /// The hash of the step's content.
    pub content: &'a str,
}
