//! The examples do what they show.

use std::error::Error;

use crate::support::postgres;

#[path = "../../examples/beside_postgres_es.rs"]
#[expect(dead_code, reason = "its `main` is for `cargo run --example`")]
pub mod beside_postgres_es;
#[path = "../../examples/embed_router.rs"]
#[expect(dead_code, reason = "its `main` is for `cargo run --example`")]
mod embed_router;
#[path = "../../examples/receive_directly.rs"]
#[expect(dead_code, reason = "its `main` is for `cargo run --example`")]
mod receive_directly;

#[tokio::test]
async fn a_host_that_has_commands_of_its_own() -> Result<(), Box<dyn Error>> {
    beside_postgres_es::run(&postgres::database().await).await
}

#[tokio::test]
async fn a_host_that_nests_the_router() -> Result<(), Box<dyn Error>> {
    embed_router::run().await
}

#[tokio::test]
async fn a_host_that_receives_by_itself() -> Result<(), Box<dyn Error>> {
    receive_directly::run().await
}
