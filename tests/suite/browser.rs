//! The dashboard in a real Chromium, used as support uses it: look for an id, read why, decide.
//!
//! Reading order: `reading` (also without scripts), `deciding`, `entering` (tokens and sessions),
//! `ways` (keys, colours, live lists, a path of the host's).

mod deciding;
pub mod entering;
mod reading;
mod ways;

use crate::support::{Browser, Demo};

/// A browser before a demo; `None` where Chromium cannot be had.
async fn at_the_demo() -> Option<(Browser, Demo)> {
    let browser = Browser::start().await?;
    Some((browser, Demo::start().await))
}
