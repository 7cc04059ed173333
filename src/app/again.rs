//! What redriving and verifying again have in common: both do nothing unless told to, and tell of the
//! first one by one.

use super::command::CommandError;

/// How many may be named.
pub const MOST_NAMED: usize = 1000;
/// Of how many the answer tells one by one.
pub const MOST_TOLD: usize = 200;
/// What is said of one that there is not.
pub(super) const NOT_FOUND: &str = "not_found";

/// Whether only to look; so it is unless said otherwise.
pub(super) const fn yes() -> bool {
    true
}

/// Refuses to take more by name than there may be.
pub(super) fn few<T>(field: &'static str, named: &[T]) -> Result<(), CommandError> {
    if named.len() > MOST_NAMED {
        let cause = "are more than 1000; leave them out to take all";
        return Err(CommandError::Invalid { field, cause });
    }
    Ok(())
}
