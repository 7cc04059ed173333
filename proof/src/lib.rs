//! The proof of creditrail's log: that an event is in it, that nothing was removed and nothing changed.
//!
//! Pure: no database, no network, no clock, no files. Reading order: [`leaf`] (what is hashed of an
//! event), [`tree`] (over the leaves), [`tile`] (how its hashes are kept), [`note`] and [`checkpoint`]
//! (what is signed), [`bundle`] and [`export`] (what is handed over). `docs/proof.md` has the formats,
//! exactly enough for a second verifier.
//!
//! A verifier trusts the key that it was given from outside, and nothing that it reads.

pub mod bundle; // the evidence of one thing
pub mod checkpoint; // what a log says of itself under its signature
pub mod export; // the events of a source, all of them
mod hash; // SHA-256
pub mod leaf; // what is hashed of an event and of a delivery
pub mod note; // text with signatures
pub mod sealed; // deliveries that are sealed, and how they are opened
pub mod shown; // texts of others, for reading
pub mod tile; // how the tree is kept
mod time; // for reading
pub mod tree; // over the leaves

pub use hash::{Hash, NotAHash};
