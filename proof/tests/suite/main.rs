//! The suite: published vectors, a second implementation from the text of the RFC, and every way to
//! tamper that can be enumerated.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed, and says where"
)]

mod naive; // the tree of the RFC, written down as it is defined
mod support; // a log, its key, its bundle and its export

mod binary; // creditrail-verify on real folders
mod bundles; // the evidence of one thing, and each lie in it
mod exports; // all events of a source, and each lie among them
mod leaves; // bytes that have one meaning
mod notes; // signatures and checkpoints
mod tiles; // the stored hashes
mod trees; // proofs against the second implementation, and against tampering
mod vectors; // of certificate-transparency
