//! Failures in words: what was attempted, and down to the cause.

use std::{error::Error, fmt::Display};

/// The error and its causes in one line, outermost first.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some print their cause as well.
        if !line.ends_with(&said) {
            line.push_str(": ");
            line.push_str(&said);
        }
        cause = error.source();
    }
    line
}

/// Which field of a document is at fault, and what is wrong with it.
pub fn fault<E: Display>(error: &serde_path_to_error::Error<E>) -> (String, String) {
    let (path, cause) = (error.path().to_string(), error.inner().to_string());
    // A field that is missing or unknown is named in the words alone.
    let field = match cause.split('`').nth(1) {
        Some(field) if path == "." => field.to_owned(),
        None if path == "." => "body".to_owned(),
        // It broke off where no field is known.
        _ if path == "?" => "body".to_owned(),
        _ => path,
    };
    (field, cause)
}
